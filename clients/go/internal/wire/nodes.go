// Package wire holds the two encodings of Arcuate's values and the rules that everything from outside is
// checked against. It knows bytes and rows, and nothing of Go's values: package arcuate turns one into the
// other.
package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The kinds of protos/frames.md.
const (
	Null uint8 = iota
	Bool
	Int
	Float
	Complex
	Text
	Bytes
	Missing
	List
	Mapping
	Array
	Labelled
	Dataset
	Table
	Categorical
	Datetime
	Date
	Duration
	Sparse
	Function
	Handle
	kinds
)

// KindNames are the names of the kinds, in the order of their numbers.
var KindNames = []string{
	"null", "bool", "int", "float", "complex", "text", "bytes", "missing", "list", "mapping", "array",
	"labelled", "dataset", "table", "categorical", "datetime", "date", "duration", "sparse", "function",
	"handle",
}

// The dtypes of protos/frames.md.
const (
	None uint8 = iota
	DBool
	I1
	I2
	I4
	I8
	U1
	U2
	U4
	U8
	F2
	F4
	F8
	C8
	C16
	DText
	DDatetime
	DDate
	DDuration
	dtypes
)

// DtypeNames are the names of the dtypes, in the order of their numbers.
var DtypeNames = []string{
	"none", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "text",
	"datetime", "date", "duration",
}

var itemSize = [dtypes]uint64{0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 0, 8, 4, 8}

// Units is how many numbers of units there are, 0 (none) included.
const Units = 14

// Flags of the kinds.
const (
	IntUnsigned = 1

	ListTuple, ListForced, ListShaped, ListStructs = 1, 2, 4, 8

	MappingMap = 1

	ArrayMask, ArrayFortran, ArraySequence, ArrayTuple = 1, 2, 4, 8
	ArrayBoxed, ArrayPandas, ArrayNumpy                = 16, 32, 64

	LabelledSeries, LabelledUnnamed = 1, 2

	CategoricalOrdered = 1

	SparseWide, SparseMatrix = 1, 2
)

// Formats of a sparse matrix.
const (
	CSC uint8 = iota
	CSR
	COO
)

const (
	// MaxDepth is how deep a value may nest.
	MaxDepth = 64
	// MaxDims is how many dimensions an array may have.
	MaxDims = 64
	// MessageDepth is how many levels a message adds around a value.
	MessageDepth = 8
)

// Node is one row of the node table.
type Node struct {
	Kind, Dtype, Flags, Unit uint8
	Count                    uint32
	Value                    uint64
	Key, Text                string
}

// Nodes is a value as rows in pre-order, with the numbers and buffers that the rows consume in order.
type Nodes struct {
	Rows    []Node
	Pool    []uint64
	Buffers [][]byte
}

// Limits is what a reader accepts; it checks before it allocates.
type Limits struct {
	Message, Array, Nodes, Text, Depth uint64
}

// DefaultLimits are those of Arcuate's other clients.
var DefaultLimits = Limits{Message: 2 << 30, Array: 64 << 30, Nodes: 20_000_000, Text: 1 << 30, Depth: MaxDepth}

// Fault is what is wrong with a value, with the code of protos/SEMANTICS.md.
type Fault struct {
	Code, Message, Path, Setting string
}

func (f *Fault) Error() string { return f.Message }

func malformed(format string, args ...any) *Fault {
	return &Fault{Code: "PROTOCOL_ERROR", Message: fmt.Sprintf(format, args...)}
}

func tooMuch(setting, format string, args ...any) *Fault {
	text := fmt.Sprintf(format, args...)
	return &Fault{
		Code: "LIMIT_EXCEEDED", Setting: setting,
		Message: fmt.Sprintf("%s; raise the limit %q, or send the data in parts", text, setting),
	}
}

// Step is one step of a path: ".name", or `["any text"]` for a key that is no identifier.
func Step(key string) string {
	plain := key != ""
	for i, c := range key {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 127
		if !letter && (i == 0 || c < '0' || c > '9') {
			plain = false
			break
		}
	}
	if plain {
		return "." + key
	}
	return "[" + strconv.Quote(key) + "]"
}

func named(kind uint8) bool {
	switch kind {
	case Mapping, Labelled, Dataset, Table, Categorical, Function, Handle:
		return true
	}
	return false
}

// Path is the path of a row, found again from the rows before it: only errors need it.
func Path(rows []Node, at int) string {
	type open struct {
		kind  uint8
		left  uint32
		count uint32
	}
	var stack []open
	var steps []string
	for i := 0; i <= at && i < len(rows); i++ {
		for len(stack) > 0 && stack[len(stack)-1].left == 0 {
			stack, steps = stack[:len(stack)-1], steps[:len(stack)-1]
		}
		step := ""
		if len(stack) > 0 {
			top := &stack[len(stack)-1]
			if named(top.kind) {
				step = Step(rows[i].Key)
			} else {
				step = fmt.Sprintf("[%d]", top.count-top.left)
			}
			top.left--
		}
		if i == at {
			steps = append(steps, step)
			break
		}
		count := rows[i].Count
		if rows[i].Kind == Array {
			count = 0
		}
		stack, steps = append(stack, open{rows[i].Kind, count, count}), append(steps, step)
	}
	return "$" + strings.Join(steps, "")
}

// LastOfRoot tells whether the last row is a child of the root, and not of a value inside it. The rows are checked.
func LastOfRoot(rows []Node) bool {
	var left []uint32 // of each row that is open: how many children are still to come
	for i := range rows {
		for len(left) > 0 && left[len(left)-1] == 0 {
			left = left[:len(left)-1]
		}
		if len(left) > 0 {
			left[len(left)-1]--
		}
		if i == len(rows)-1 {
			break
		}
		if rows[i].Kind != Array && rows[i].Count > 0 { // the count of an array is that of its dimensions
			left = append(left, rows[i].Count)
		}
	}
	return len(left) == 1
}

// FloatBits and BitsFloat move between a binary64 and the value column.
func FloatBits(number float64) uint64 { return math.Float64bits(number) }

// BitsFloat is the binary64 in a value column.
func BitsFloat(bits uint64) float64 { return math.Float64frombits(bits) }
