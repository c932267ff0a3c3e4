package arcuate

import (
	"fmt"
	"slices"
)

// Element is what an array can be made of.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | Float16 | float32 | float64 |
		complex64 | complex128 | string | Ticks | Date | Span
}

// Order is the order of the elements of an array in memory.
type Order uint8

// The orders.
const (
	// RowMajor: the last index runs fastest, as in C and in Go's own [][]float64.
	RowMajor Order = iota
	// ColumnMajor: the first index runs fastest, as in R, Octave, MATLAB and Fortran.
	ColumnMajor
)

// ArrayHint says which form an array had where it came from; hints never decide equality.
type ArrayHint uint8

// The hints of an array.
const (
	// Sequence: it was a plain list of the language's own scalars. An Array with it equals the list of its elements.
	Sequence ArrayHint = 4
	// Tuple, with Sequence: it was a tuple.
	Tuple ArrayHint = 8
	// Boxed: its elements were boxed objects.
	Boxed ArrayHint = 16
	// Pandas: it was of one of pandas' own classes.
	Pandas ArrayHint = 32
	// Numpy: missing was marked as numpy does.
	Numpy ArrayHint = 64
)

// Layout is what all arrays have beside their elements.
type Layout struct {
	// Shape is the length of each dimension; empty for an array of no dimensions, which has one element.
	Shape []int
	// Order is the order of Data and Mask.
	Order Order
	// Mask tells which elements are missing; nil: none.
	Mask []bool
	// Unit is the unit of Ticks and Spans.
	Unit Unit
	// Zone is the zone of Ticks; empty: naive.
	Zone string
	// Hint is the form where it came from.
	Hint ArrayHint
}

// Array is an n-dimensional array. The zero-based place of an element in Data follows from Shape and Order; At does the
// arithmetic. An Array shares its memory with whoever made it: nothing copies it on the way out, so it must not
// change while a call that has it as an argument is under way.
type Array[T Element] struct {
	// Data are the elements. What lies under a true of Mask means nothing.
	Data []T
	Layout
}

// AnyArray is an *Array of any element type; a type switch says which.
type AnyArray interface {
	// Dtype is the type of the elements.
	Dtype() Dtype
	// Len is how many elements there are.
	Len() int
	// Element is the element at a place in memory order, as Go's scalar; Missing where it is missing.
	Element(place int) any
	// Dims is the length of each dimension.
	Dims() []int

	layout() *Layout
	buffer() []byte
	reordered() AnyArray
}

// NewArray is an array on existing memory in row-major order; without a shape it has one dimension.
func NewArray[T Element](data []T, shape ...int) (*Array[T], error) {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	a := &Array[T]{Data: data, Layout: Layout{Shape: slices.Clone(shape)}}
	return a, a.check()
}

// Vector is an array of one dimension.
func Vector[T Element](data ...T) *Array[T] {
	return &Array[T]{Data: data, Layout: Layout{Shape: []int{len(data)}}}
}

// Matrix is a row-major array of two dimensions. The rows must be of equal length.
func Matrix[T Element](rows [][]T) (*Array[T], error) {
	columns := 0
	if len(rows) > 0 {
		columns = len(rows[0])
	}
	data := make([]T, 0, len(rows)*columns)
	for i, row := range rows {
		if len(row) != columns {
			return nil, newError(Conversion, ExecutedNo,
				"row %d has %d elements, row 0 has %d; a matrix needs rows of equal length", i, len(row), columns)
		}
		data = append(data, row...)
	}
	return NewArray(data, len(rows), columns)
}

// check compares the parts of an array.
func (a *Array[T]) check() error {
	size, empty := 1, slices.Contains(a.Shape, 0)
	for _, extent := range a.Shape {
		if extent < 0 || !empty && extent > 0 && size > (1<<62)/extent {
			return newError(Conversion, ExecutedNo, "the shape %v is none", a.Shape)
		}
		size *= extent
	}
	switch {
	case size != len(a.Data):
		return newError(Conversion, ExecutedNo, "%d elements do not fill the shape %v", len(a.Data), a.Shape)
	case a.Mask != nil && len(a.Mask) != len(a.Data):
		return newError(Conversion, ExecutedNo, "a mask of %d for %d elements", len(a.Mask), len(a.Data))
	}
	return nil
}

// Dtype is the type of the elements.
func (a *Array[T]) Dtype() Dtype {
	var zero T
	switch any(zero).(type) {
	case bool:
		return DtypeBool
	case int8:
		return DtypeInt8
	case int16:
		return DtypeInt16
	case int32:
		return DtypeInt32
	case int64:
		return DtypeInt64
	case uint8:
		return DtypeUint8
	case uint16:
		return DtypeUint16
	case uint32:
		return DtypeUint32
	case uint64:
		return DtypeUint64
	case Float16:
		return DtypeFloat16
	case float32:
		return DtypeFloat32
	case float64:
		return DtypeFloat64
	case complex64:
		return DtypeComplex64
	case complex128:
		return DtypeComplex128
	case string:
		return DtypeText
	case Ticks:
		return DtypeDatetime
	case Date:
		return DtypeDate
	}
	return DtypeDuration
}

// Len is how many elements there are.
func (a *Array[T]) Len() int { return len(a.Data) }

// Dims is the length of each dimension.
func (a *Array[T]) Dims() []int { return a.Shape }

func (a *Array[T]) layout() *Layout { return &a.Layout }

// place is where an element lies.
func (l *Layout) place(index []int) (int, error) {
	if len(index) != len(l.Shape) {
		return 0, newError(InvalidArgument, ExecutedNo, "%d indices for an array of %d dimensions", len(index), len(l.Shape))
	}
	at := 0
	for i := range index {
		one := i
		if l.Order == ColumnMajor {
			one = len(index) - 1 - i
		}
		if index[one] < 0 || index[one] >= l.Shape[one] {
			return 0, newError(InvalidArgument, ExecutedNo, "the index %v lies outside the shape %v", index, l.Shape)
		}
		at = at*l.Shape[one] + index[one]
	}
	return at, nil
}

// At is the element at zero-based indices, and whether it is there: false where it is missing.
func (a *Array[T]) At(index ...int) (element T, present bool, err error) {
	at, err := a.place(index)
	if err != nil {
		return element, false, err
	}
	if a.Mask != nil && a.Mask[at] {
		return element, false, nil
	}
	return a.Data[at], true, nil
}

// Set gives the element at zero-based indices a value.
func (a *Array[T]) Set(value T, index ...int) error {
	at, err := a.place(index)
	if err != nil {
		return err
	}
	a.Data[at] = value
	if a.Mask != nil {
		a.Mask[at] = false
	}
	return nil
}

// Element is the element at a place in memory order; Missing where it is missing.
func (a *Array[T]) Element(place int) any {
	if a.Mask != nil && a.Mask[place] {
		return Missing{Dtype: a.Dtype(), Unit: a.Unit}
	}
	switch element := any(a.Data[place]).(type) {
	case Ticks:
		return Datetime{Count: int64(element), Unit: a.Unit, Zone: a.Zone}
	case Span:
		return Duration{Count: int64(element), Unit: a.Unit}
	default:
		return element
	}
}

// In is the array in an order: itself if it lies so already, otherwise a copy.
func (a *Array[T]) In(order Order) *Array[T] {
	if a.Order == order || len(a.Shape) < 2 || len(a.Data) == 0 {
		same := *a
		same.Order = order
		return &same
	}
	to := &Array[T]{Data: make([]T, len(a.Data)), Layout: a.Layout}
	to.Order = order
	if a.Mask != nil {
		to.Mask = make([]bool, len(a.Mask))
	}
	// The index that runs fastest in the source is the slowest in the target: walk the target in its own order.
	shape := slices.Clone(a.Shape)
	if order == RowMajor {
		slices.Reverse(shape)
	}
	steps := make([]int, len(shape)) // in the source, for the indices of the target, fastest first
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		steps[i] = step
		step *= shape[i]
	}
	index := make([]int, len(shape))
	from := 0
	for at := range to.Data {
		to.Data[at] = a.Data[from]
		if a.Mask != nil {
			to.Mask[at] = a.Mask[from]
		}
		for i := range index {
			from += steps[i]
			if index[i]++; index[i] < shape[i] {
				break
			}
			from -= steps[i] * shape[i]
			index[i] = 0
		}
	}
	return to
}

func (a *Array[T]) reordered() AnyArray {
	if a.Order == ColumnMajor {
		return a
	}
	return a.In(ColumnMajor)
}

// String says what kind of array it is.
func (a *Array[T]) String() string { return fmt.Sprintf("%s array of shape %v", a.Dtype(), a.Shape) }
