package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"arcuate.invalid/go/internal/arcuatev1"
)

// maxMessage is where Protocol Buffers end.
const maxMessage = math.MaxInt32

// DumpProto writes a value as an arcuate.v1.Value.
func DumpProto(n *Nodes) ([]byte, error) {
	size := 0
	for _, one := range n.Buffers {
		size += len(one)
	}
	if size > maxMessage {
		return nil, tooMuch("message", "a value with %d bytes of data does not fit into a message of Protocol Buffers", size)
	}
	for i := range n.Rows {
		if fault := checkTexts(n.Rows, i); fault != nil {
			return nil, fault
		}
	}
	w := &protoWriter{n: n}
	root := w.next()
	if size = proto.Size(root); size > maxMessage {
		return nil, tooMuch("message", "a value of %d bytes does not fit into a message of Protocol Buffers", size)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(root)
	if err != nil {
		return nil, &Fault{Code: "CONVERSION", Message: "the value has no form in Protocol Buffers: " + err.Error()}
	}
	return data, nil
}

type protoWriter struct {
	n               *Nodes
	at, pool, taken int
}

func (w *protoWriter) number() uint64 {
	w.pool++
	return w.n.Pool[w.pool-1]
}

func (w *protoWriter) buffer() []byte {
	w.taken++
	return w.n.Buffers[w.taken-1]
}

// next writes the next row with all that is inside it: rows made here, whose depth was bounded when they were.
func (w *protoWriter) next() *arcuatev1.Value {
	row := &w.n.Rows[w.at]
	w.at++
	v := &arcuatev1.Value{
		Kind: arcuatev1.Kind(row.Kind) + 1, Dtype: arcuatev1.Dtype(row.Dtype), Flags: uint32(row.Flags), Text: row.Text,
	}
	if row.Kind != Sparse {
		v.Unit = arcuatev1.Unit(row.Unit)
	}
	count := row.Count
	switch row.Kind {
	case Bool:
		v.Boolean = row.Value != 0
	case Int:
		if row.Dtype == U8 || row.Flags&IntUnsigned != 0 {
			v.Unsigned = row.Value
		} else {
			v.Integer = int64(row.Value)
		}
	case Datetime, Date, Duration:
		v.Integer = int64(row.Value)
	case Float:
		v.Real = math.Float64frombits(row.Value)
	case Complex:
		v.Real, v.Imaginary = math.Float64frombits(w.number()), math.Float64frombits(w.number())
	case Bytes:
		v.Data = w.buffer()
	case Table:
		v.Size = row.Value
	case List:
		if row.Flags&ListShaped != 0 {
			for range w.number() {
				v.Shape = append(v.Shape, w.number())
			}
		}
	case Array:
		for range count {
			v.Shape = append(v.Shape, w.number())
		}
		count = 0
		v.Data = w.buffer()
		if row.Flags&ArrayMask != 0 {
			v.Mask = w.buffer()
		}
	case Sparse:
		v.Format, v.Size = arcuatev1.SparseFormat(row.Unit)+1, row.Value
		v.Shape = []uint64{w.number(), w.number()}
		v.Data, v.Indices, v.Indptr = w.buffer(), w.buffer(), w.buffer()
	}
	keyed := named(row.Kind)
	for range count {
		if keyed {
			v.Keys = append(v.Keys, w.n.Rows[w.at].Key)
		}
		v.Items = append(v.Items, w.next())
	}
	return v
}

// LoadProto reads an arcuate.v1.Value. The rows still have to be checked.
func LoadProto(data []byte, limits Limits) (*Nodes, error) {
	if uint64(len(data)) > limits.Message {
		return nil, tooMuch("message", "a message of %d bytes exceeds the limit of %d", len(data), limits.Message)
	}
	var root arcuatev1.Value
	// Deeper than any value may be, and below what would exhaust a stack.
	options := proto.UnmarshalOptions{RecursionLimit: 100}
	if err := options.Unmarshal(data, &root); err != nil {
		return nil, malformed("malformed message: %d bytes are no arcuate.v1.Value, or nest deeper than one can (%v)",
			len(data), err)
	}
	r := &protoReader{limits: limits, text: limits.Text}
	if fault := r.next(&root, "", 0); fault != nil {
		return nil, fault
	}
	return &r.n, nil
}

type protoReader struct {
	n      Nodes
	limits Limits
	text   uint64
}

func (r *protoReader) bad(at int, format string, args ...any) *Fault {
	path := Path(r.n.Rows, at)
	fault := malformed("malformed message: %s - at %s", fmt.Sprintf(format, args...), path)
	fault.Path = path
	return fault
}

// next reads a message with all that is inside it.
func (r *protoReader) next(v *arcuatev1.Value, key string, depth int) *Fault {
	at := len(r.n.Rows)
	if used := uint64(len(key) + len(v.Text)); used > r.text {
		return tooMuch("text", "a message has more than %d bytes of text", r.limits.Text)
	} else {
		r.text -= used
	}
	if uint64(at+len(v.Items)) >= r.limits.Nodes {
		return tooMuch("nodes", "a message has more than %d values", r.limits.Nodes)
	}
	r.n.Rows = append(r.n.Rows, Node{Key: key, Count: uint32(len(v.Items))})
	if v.Kind < 1 {
		return r.bad(at, "a value has no kind")
	}
	if v.Kind > arcuatev1.Kind(kinds) {
		path := Path(r.n.Rows, at)
		return &Fault{Code: "UNSUPPORTED", Path: path, Message: fmt.Sprintf(
			"this side does not know the kind %d of value; it knows 1 to %d; update it, or send another kind - at %s",
			v.Kind, kinds, path)}
	}
	kind := uint8(v.Kind) - 1
	r.n.Rows[at].Kind = kind
	if depth > MaxDepth+MessageDepth {
		return &Fault{Code: "CONVERSION", Path: Path(r.n.Rows, at), Message: fmt.Sprintf(
			"the value nests deeper than %d levels; flatten it, or send the parts one by one", MaxDepth)}
	}
	if name := strayField(v, kind); name != "" {
		return r.bad(at, "a value of kind %s has the field %q", KindNames[kind], name)
	}
	keyed := named(kind)
	if keyed && len(v.Keys) != len(v.Items) || !keyed && len(v.Keys) != 0 {
		return r.bad(at, "a %s has %d items and %d keys", KindNames[kind], len(v.Items), len(v.Keys))
	}
	if v.Dtype < 0 || v.Dtype > 255 || v.Unit < 0 || v.Unit > 255 {
		return r.bad(at, "dtype %d, unit %d", v.Dtype, v.Unit)
	}
	if fault := r.fill(at, v, kind); fault != nil {
		return fault
	}
	for i, item := range v.Items {
		name := ""
		if keyed {
			name = v.Keys[i]
		}
		if fault := r.next(item, name, depth+1); fault != nil {
			return fault
		}
	}
	return nil
}

// fill reads a message without its items.
func (r *protoReader) fill(at int, v *arcuatev1.Value, kind uint8) *Fault {
	row := &r.n.Rows[at]
	row.Dtype, row.Flags, row.Unit, row.Text = uint8(v.Dtype), uint8(v.Flags), uint8(v.Unit), v.Text
	shaped := kind == Array || kind == Sparse || kind == List && row.Flags&ListShaped != 0
	if !shaped && len(v.Shape) > 0 {
		return r.bad(at, "a list with a shape needs LIST_FLAG_SHAPED")
	}
	switch kind {
	case Bool:
		if v.Boolean {
			row.Value = 1
		}
	case Int:
		wide := row.Dtype == U8 || row.Flags&IntUnsigned != 0
		if wide && v.Integer != 0 || !wide && v.Unsigned != 0 {
			return r.bad(at, "an int in the wrong field")
		}
		row.Value = uint64(v.Integer) | v.Unsigned
	case Datetime, Date, Duration:
		row.Value = uint64(v.Integer)
	case Float:
		row.Value = math.Float64bits(v.Real)
	case Complex:
		r.n.Pool = append(r.n.Pool, math.Float64bits(v.Real), math.Float64bits(v.Imaginary))
	case Bytes:
		r.n.Buffers = append(r.n.Buffers, v.Data)
	case Table:
		row.Value = v.Size
	case List:
		if shaped {
			r.n.Pool = append(append(r.n.Pool, uint64(len(v.Shape))), v.Shape...)
		}
	case Array:
		row.Count = uint32(len(v.Shape))
		r.n.Pool = append(r.n.Pool, v.Shape...)
		r.n.Buffers = append(r.n.Buffers, v.Data)
		if row.Flags&ArrayMask != 0 {
			r.n.Buffers = append(r.n.Buffers, v.Mask)
		} else if len(v.Mask) > 0 {
			return r.bad(at, "a mask without ARRAY_FLAG_MASK")
		}
	case Sparse:
		if len(v.Shape) != 2 || v.Unit != 0 || v.Format < 1 || v.Format > 3 {
			return r.bad(at, "a sparse matrix with %d dimensions in format %d", len(v.Shape), v.Format)
		}
		row.Unit, row.Value = uint8(v.Format)-1, v.Size
		r.n.Pool = append(r.n.Pool, v.Shape...)
		r.n.Buffers = append(r.n.Buffers, v.Data, v.Indices, v.Indptr)
	}
	return nil
}

// strayField is the name of a field that a kind does not have.
func strayField(v *arcuatev1.Value, kind uint8) string {
	counted := kind == Datetime || kind == Date || kind == Duration
	array, sparse := kind == Array, kind == Sparse
	switch {
	case v.Boolean && kind != Bool:
		return "boolean"
	case v.Integer != 0 && kind != Int && !counted:
		return "integer"
	case v.Unsigned != 0 && kind != Int:
		return "unsigned"
	case math.Float64bits(v.Real) != 0 && kind != Float && kind != Complex:
		return "real"
	case math.Float64bits(v.Imaginary) != 0 && kind != Complex:
		return "imaginary"
	case len(v.Items) > 0 && kind != List && !named(kind):
		return "items"
	case len(v.Keys) > 0 && !named(kind):
		return "keys"
	case len(v.Shape) > 0 && kind != List && !array && !sparse:
		return "shape"
	case len(v.Data) > 0 && kind != Bytes && !array && !sparse:
		return "data"
	case len(v.Mask) > 0 && !array:
		return "mask"
	case v.Size != 0 && kind != Table && !sparse:
		return "size"
	case v.Format != 0 && !sparse:
		return "format"
	case len(v.Indices) > 0 && !sparse:
		return "indices"
	case len(v.Indptr) > 0 && !sparse:
		return "indptr"
	}
	return ""
}
