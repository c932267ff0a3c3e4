package arcuate

import (
	"reflect"
	"slices"
	"time"
)

// sliceArray is the array of one of Go's own slices of numbers or texts; nil for anything else.
func sliceArray(v any) AnyArray {
	switch v := v.(type) {
	case []float64:
		return Vector(v...)
	case []string:
		return Vector(v...)
	case []int:
		wide := make([]int64, len(v))
		for i, number := range v {
			wide[i] = int64(number)
		}
		return Vector(wide...)
	case []int64:
		return Vector(v...)
	case []bool:
		return Vector(v...)
	case []float32:
		return Vector(v...)
	case []int32:
		return Vector(v...)
	case []complex128:
		return Vector(v...)
	case []complex64:
		return Vector(v...)
	case []int8:
		return Vector(v...)
	case []int16:
		return Vector(v...)
	case []uint16:
		return Vector(v...)
	case []uint32:
		return Vector(v...)
	case []uint64:
		return Vector(v...)
	case []uint:
		wide := make([]uint64, len(v))
		for i, number := range v {
			wide[i] = uint64(number)
		}
		return Vector(wide...)
	case []Float16:
		return Vector(v...)
	case []Date:
		return Vector(v...)
	case []time.Duration:
		spans := make([]Span, len(v))
		for i, one := range v {
			spans[i] = Span(one)
		}
		array := Vector(spans...)
		array.Unit = Nanosecond
		return array
	}
	return nil
}

// matrixOf is the matrix of a slice of slices of numbers or texts, in row-major order; nil where it is none.
func matrixOf(r reflect.Value) (AnyArray, error) {
	first := sliceArray(r.Index(0).Interface())
	if first == nil {
		return nil, nil
	}
	columns := first.Len()
	flat := reflect.MakeSlice(r.Type().Elem(), 0, r.Len()*columns)
	for i := range r.Len() {
		if r.Index(i).Len() != columns {
			return nil, newError(Conversion, ExecutedNo, "row %d has %d elements, row 0 has %d; a matrix needs rows of equal "+
				"length: send a []any of slices for a list", i, r.Index(i).Len(), columns)
		}
		flat = reflect.AppendSlice(flat, r.Index(i))
	}
	whole := sliceArray(flat.Interface())
	whole.layout().Shape = []int{r.Len(), columns}
	return whole, nil
}

func product(shape []int) int {
	size := 1
	for _, extent := range shape {
		size *= extent
	}
	return size
}

func sameKeys(m *Map, keys []string) bool { return slices.Equal(m.Keys(), keys) }
