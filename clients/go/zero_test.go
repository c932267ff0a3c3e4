package arcuate_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	arcuate "arcuate.invalid/go"
)

// zeros are the zero values of what can be sent, and pointers that point to nothing.
var zeros = []any{
	(*arcuate.Array[float64])(nil), (*arcuate.Array[string])(nil), (*arcuate.List)(nil), (*arcuate.Map)(nil),
	(*arcuate.StructArray)(nil), (*arcuate.LabelledArray)(nil), (*arcuate.Dataset)(nil), (*arcuate.Table)(nil),
	(*arcuate.Categorical)(nil), (*arcuate.Sparse)(nil), (*arcuate.Handle)(nil), (*arcuate.Function)(nil),
	(*arcuate.Variable)(nil), (*arcuate.Index)(nil), (*float64)(nil), (func())(nil), (chan int)(nil),
	&arcuate.Array[float64]{}, &arcuate.Array[string]{}, &arcuate.List{}, &arcuate.Map{}, &arcuate.StructArray{},
	&arcuate.LabelledArray{}, &arcuate.Dataset{}, &arcuate.Table{}, &arcuate.Categorical{}, &arcuate.Sparse{},
	&arcuate.Handle{}, &arcuate.Function{}, &arcuate.Variable{}, &arcuate.Index{},
	&arcuate.StructArray{Items: []*arcuate.Map{nil}, Shape: []int{1}},
	&arcuate.Table{Index: &arcuate.Index{Levels: []any{nil}}},
	&arcuate.Categorical{Codes: arcuate.Vector[int8](), Categories: (*arcuate.Array[string])(nil)},
	&arcuate.LabelledArray{Data: (*arcuate.Categorical)(nil)},
	arcuate.NewFunction("f", nil),
	&arcuate.Table{Rows: -1},
	&arcuate.Table{Index: &arcuate.Index{Names: []*string{nil}, Levels: []any{&arcuate.List{}}}},
	&arcuate.Table{Index: &arcuate.Index{Names: []*string{nil}, Levels: []any{(*arcuate.Array[string])(nil)}}},
	&arcuate.Sparse{Values: (*arcuate.Array[float64])(nil)},
	arcuate.Missing{}, arcuate.Datetime{}, arcuate.Date(0), arcuate.Duration{}, arcuate.Float16(0),
	arcuate.Typed[int64]{}, time.Time{}, time.Duration(0), []float64(nil), []byte(nil), [][]float64(nil), []any(nil),
	map[string]any(nil), []any{(*arcuate.Array[int8])(nil)}, map[string]any{"a": (*arcuate.Sparse)(nil)},
}

// Nothing of a program brings the encoder down: it travels, or it is an error with the code of one.
func TestZeroValues(t *testing.T) {
	for _, one := range zeros {
		t.Run(fmt.Sprintf("%T", one), func(t *testing.T) {
			data, err := arcuate.Marshal(one)
			if err != nil {
				if !errors.Is(err, arcuate.Conversion) {
					t.Errorf("%v", err)
				}
				return
			}
			if _, err := arcuate.Unmarshal(data); err != nil {
				t.Errorf("what was written cannot be read: %v", err)
			}
		})
	}
}

// What a sparse matrix has no place for is not left out.
func TestMaskedValuesOfASparseMatrix(t *testing.T) {
	values := arcuate.Vector(1.0, 2.0)
	values.Mask = []bool{false, true}
	_, err := arcuate.Marshal(&arcuate.Sparse{
		Rows: 2, Columns: 1, Values: values, Indices: []int64{0, 1}, Pointers: []int64{0, 2},
	})
	is(t, err, arcuate.Conversion)
}
