package arcuate

import (
	"fmt"
	"iter"
	"slices"
)

// Ordered is a mapping that keeps the order of its keys, which is part of its value.
type Ordered[V any] struct {
	keys   []string
	values map[string]V
	// MapObject is a hint: it was a map object, such as MATLAB's containers.Map.
	MapObject bool
}

// Map is an ordered mapping of any values.
type Map = Ordered[any]

// NewMap is an ordered mapping of keys and values in turn: NewMap("a", 1, "b", 2).
func NewMap(pairs ...any) (*Map, error) {
	m := &Map{}
	if len(pairs)%2 != 0 {
		return nil, newError(InvalidArgument, ExecutedNo, "NewMap takes keys and values in turn; there are %d arguments",
			len(pairs))
	}
	for i := 0; i < len(pairs); i += 2 {
		key, good := pairs[i].(string)
		if !good {
			return nil, newError(InvalidArgument, ExecutedNo, "the key %v is no string", pairs[i])
		}
		if m.Has(key) {
			return nil, newError(Conversion, ExecutedNo, "the key %q occurs twice", key)
		}
		m.Set(key, pairs[i+1])
	}
	return m, nil
}

// Set gives a key a value; a new key goes last.
func (m *Ordered[V]) Set(key string, value V) {
	if m.values == nil {
		m.values = map[string]V{}
	}
	if _, found := m.values[key]; !found {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Get is the value of a key, and whether it is there. A nil mapping has no keys.
func (m *Ordered[V]) Get(key string) (V, bool) {
	if m == nil {
		var none V
		return none, false
	}
	found, good := m.values[key]
	return found, good
}

// Has tells whether a key is there.
func (m *Ordered[V]) Has(key string) bool {
	_, found := m.Get(key)
	return found
}

// Delete removes a key.
func (m *Ordered[V]) Delete(key string) {
	if m.Has(key) {
		delete(m.values, key)
		m.keys = slices.DeleteFunc(m.keys, func(one string) bool { return one == key })
	}
}

// Len is how many keys there are.
func (m *Ordered[V]) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Keys are the keys in their order.
func (m *Ordered[V]) Keys() []string {
	if m == nil {
		return nil
	}
	return slices.Clone(m.keys)
}

// All goes through keys and values in their order.
func (m *Ordered[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if m == nil {
			return
		}
		for _, key := range m.keys {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// String is the keys.
func (m *Ordered[V]) String() string { return fmt.Sprintf("mapping of %q", m.Keys()) }

// List is a list of any values: a list in R, a cell array in Octave. A []any can be sent as well; what arrives is
// always a *List.
type List struct {
	// Items are the elements; of a shaped list in column-major order.
	Items []any
	// Shape is the shape of a list with dimensions, such as a cell matrix; nil for a plain list.
	Shape []int
	// Tuple is a hint: it was a tuple.
	Tuple bool
	// Forced is a hint: it stays a list or cell where the receiver would build a plain vector.
	Forced bool
}

// StructArray is an array of structs with the same fields.
type StructArray struct {
	// Fields are the names, which also an empty array has.
	Fields []string
	// Shape is the shape.
	Shape []int
	// Items are the structs in column-major order; the keys of each are Fields.
	Items []*Map
	// Tuple and Forced are the hints of a List.
	Tuple, Forced bool
}

// Variable is data on dimensions: a coordinate, or a variable of a data set.
type Variable struct {
	// Dims are the names of the dimensions of Data.
	Dims []string
	// Data is an *Array or a *Categorical.
	Data any
	// Attrs is what else is known.
	Attrs *Map
}

// LabelledArray is an array with names for its dimensions, and coordinates along them.
type LabelledArray struct {
	// Name is its name; nil where it has none.
	Name *string
	// Dims are the names of its dimensions.
	Dims []string
	// Data is an *Array or a *Categorical.
	Data any
	// Coords are the coordinates by name.
	Coords *Ordered[*Variable]
	// Attrs is what else is known.
	Attrs *Map
	// Series is a hint: it was a series, such as pandas'.
	Series bool
	// UnnamedIndex is a hint, with Series: its index had no name.
	UnnamedIndex bool
}

// Dataset is several labelled arrays on common coordinates.
type Dataset struct {
	Vars, Coords *Ordered[*Variable]
	Attrs        *Map
}

// Table is columns of equal length.
type Table struct {
	// Rows is how many rows there are.
	Rows int
	// Columns are *Array, *Categorical or *List values by name.
	Columns *Ordered[any]
	// Index labels the rows; nil: 0, 1, 2, ...
	Index *Index
	// Attrs is what else is known.
	Attrs *Map
	// Container is a hint at what it was: "", "pandas" or "arrow".
	Container string
}

// Index labels the rows of a table.
type Index struct {
	// Names are the names of the levels; nil where one has none.
	Names []*string
	// Levels are *Array or *Categorical values of one dimension.
	Levels []any
}

// Categorical is codes into categories: a factor.
type Categorical struct {
	// Codes are zero-based places in Categories; missing where masked. They are int8, int16, int32 or int64.
	Codes AnyArray
	// Categories is an array of one dimension.
	Categories AnyArray
	// Ordered tells that the categories have an order.
	Ordered bool
}

// code is the code at a place in memory order, and whether it is there.
func (c *Categorical) code(place int) (int64, bool) {
	if mask := c.Codes.layout().Mask; mask != nil && mask[place] {
		return 0, false
	}
	switch codes := c.Codes.(type) {
	case *Array[int8]:
		return int64(codes.Data[place]), true
	case *Array[int16]:
		return int64(codes.Data[place]), true
	case *Array[int32]:
		return int64(codes.Data[place]), true
	case *Array[int64]:
		return codes.Data[place], true
	}
	return 0, false
}

// Label is the category of the element at a place in memory order, or Missing.
func (c *Categorical) Label(place int) any {
	if code, present := c.code(place); present {
		return c.Categories.Element(int(code))
	}
	return Missing{Dtype: c.Categories.Dtype()}
}

// SparseFormat is how a sparse matrix is stored.
type SparseFormat uint8

// The formats.
const (
	// CSC: compressed columns; Indices are rows, Pointers has columns+1 numbers.
	CSC SparseFormat = iota
	// CSR: compressed rows; Indices are columns, Pointers has rows+1 numbers.
	CSR
	// COO: coordinates; Indices are rows, Pointers are columns.
	COO
)

// Sparse is a sparse matrix. All indices are zero-based.
type Sparse struct {
	Rows, Columns int
	Format        SparseFormat
	// Values are the stored entries, an *Array of one dimension.
	Values AnyArray
	// Indices and Pointers say where they stand.
	Indices, Pointers []int64
	// Wide is a hint: indices and pointers were 8 bytes wide.
	Wide bool
	// Matrix is a hint: it was of scipy's older matrix classes.
	Matrix bool
}
