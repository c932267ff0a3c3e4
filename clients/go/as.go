package arcuate

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// As is a value as a type of Go's, if that loses nothing: As[float64] of an int64 that is exact in binary64, As[int] of
// a float without fraction, As[[]float64] of an array of one dimension or a list of numbers, As[[][]float64] of a
// matrix, As[map[string]any] of a mapping, As[time.Time] of an instant. Anything else is an error with the code
// Conversion. A value that has the type already is returned as it is.
//
//	mean, err := arcuate.As[float64](session.Call(ctx, "mean", x))
//
// does not compile, since Call returns an error too; [Call] does both.
func As[T any](v any) (T, error) {
	var target T
	if same, found := v.(T); found {
		return same, nil
	}
	err := assign(reflect.ValueOf(&target).Elem(), v)
	return target, err
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

func refuse(target reflect.Type, v any, why string) error {
	text := fmt.Sprintf("a %T is no %v", v, target)
	if why != "" {
		text += ": " + why
	}
	return newError(Conversion, ExecutedYes, "%s", text)
}

// assign gives a target a value.
func assign(target reflect.Value, v any) error {
	if r := reflect.ValueOf(v); r.IsValid() && r.Type().AssignableTo(target.Type()) {
		target.Set(r)
		return nil
	}
	if v == nil && target.Kind() == reflect.Interface {
		return nil
	}
	switch target.Type() {
	case timeType:
		if when, found := v.(Datetime); found {
			t, err := when.Time()
			target.Set(reflect.ValueOf(t))
			return err
		}
		return refuse(timeType, v, "")
	case durationType:
		if span, found := v.(Duration); found {
			std, err := span.Std()
			target.SetInt(int64(std))
			return err
		}
		return refuse(durationType, v, "")
	}
	if array, found := v.(AnyArray); found && target.Kind() != reflect.Slice {
		if array.Len() != 1 {
			return refuse(target.Type(), v, fmt.Sprintf("its shape is %v", array.Dims()))
		}
		return assign(target, array.Element(0))
	}
	switch target.Kind() {
	case reflect.Slice:
		return assignSlice(target, v)
	case reflect.Map:
		return assignMap(target, v)
	}
	return assignScalar(target, v)
}

// plain is a scalar without its class.
func plain(v any) any {
	switch v := v.(type) {
	case Typed[bool]:
		return v.Value
	case Typed[int64]:
		return v.Value
	case Typed[uint64]:
		return v.Value
	case Typed[float64]:
		return v.Value
	case Typed[complex128]:
		return v.Value
	case Float16:
		return v.Float64()
	}
	return v
}

func assignScalar(target reflect.Value, v any) error {
	r := reflect.ValueOf(plain(v))
	switch target.Kind() {
	case reflect.Bool:
		if r.Kind() == reflect.Bool {
			target.SetBool(r.Bool())
			return nil
		}
	case reflect.String:
		if r.Kind() == reflect.String {
			target.SetString(r.String())
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if number, exact := wholeNumber(r); exact && !target.OverflowInt(number) {
			target.SetInt(number)
			return nil
		}
		return refuse(target.Type(), v, fmt.Sprintf("%v does not fit", v))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, exact := wholeNumber(r)
		natural := uint64(number)
		if r.CanUint() {
			natural, exact, number = r.Uint(), true, 0
		}
		if exact && number >= 0 && !target.OverflowUint(natural) {
			target.SetUint(natural)
			return nil
		}
		return refuse(target.Type(), v, fmt.Sprintf("%v does not fit", v))
	case reflect.Float32, reflect.Float64:
		if number, exact := realNumber(r); exact {
			if target.Kind() == reflect.Float64 || float64(float32(number)) == number || number != number {
				target.SetFloat(number)
				return nil
			}
			return refuse(target.Type(), v, fmt.Sprintf("%v is not exact there", v))
		}
	case reflect.Complex64, reflect.Complex128:
		if r.CanComplex() && (target.Kind() == reflect.Complex128 || r.Kind() == reflect.Complex64) {
			target.SetComplex(r.Complex())
			return nil
		}
		if number, exact := realNumber(r); exact && target.Kind() == reflect.Complex128 {
			target.SetComplex(complex(number, 0))
			return nil
		}
	}
	return refuse(target.Type(), v, "")
}

func wholeNumber(r reflect.Value) (int64, bool) {
	switch {
	case r.CanInt():
		return r.Int(), true
	case r.CanUint():
		return int64(r.Uint()), r.Uint() <= math.MaxInt64
	case r.CanFloat():
		number := r.Float()
		return int64(number), number == math.Trunc(number) && math.Abs(number) < 1<<63
	}
	return 0, false
}

func realNumber(r reflect.Value) (float64, bool) {
	switch {
	case r.CanFloat():
		return r.Float(), true
	case r.CanInt():
		number := float64(r.Int())
		return number, number < 1<<63 && int64(number) == r.Int()
	case r.CanUint():
		number := float64(r.Uint())
		return number, number < 1<<64 && uint64(number) == r.Uint()
	}
	return 0, false
}

// elements are the elements of a list, or of an array of one dimension, or the rows of a matrix.
func elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case *List:
		return v.Items, v.Shape == nil
	case AnyArray:
		if len(v.Dims()) == 2 {
			return rows(v), true
		}
		if len(v.Dims()) != 1 {
			return nil, false
		}
		found := make([]any, v.Len())
		for i := range found {
			found[i] = v.Element(i)
		}
		return found, true
	}
	return nil, false
}

// rows are the rows of a matrix, each as a list.
func rows(v AnyArray) []any {
	count, columns, order := v.Dims()[0], v.Dims()[1], v.layout().Order
	found := make([]any, count)
	for i := range found {
		row := &List{Items: make([]any, columns)}
		for j := range columns {
			place := i*columns + j
			if order == ColumnMajor {
				place = j*count + i
			}
			row.Items[j] = v.Element(place)
		}
		found[i] = row
	}
	return found
}

func assignSlice(target reflect.Value, v any) error {
	if array, found := v.(AnyArray); found && len(array.Dims()) == 1 && array.layout().Mask == nil {
		data := reflect.ValueOf(array).Elem().FieldByName("Data")
		if data.Type() == target.Type() {
			target.Set(data)
			return nil
		}
	}
	items, found := elements(v)
	if !found {
		if reflect.TypeOf(v) != nil && target.Type().Elem().Kind() != reflect.Slice && scalarKind(v) {
			items, found = []any{v}, true // a language without scalars of its own has its vectors of one simplified
		}
	}
	if !found {
		return refuse(target.Type(), v, "")
	}
	made := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		if err := assign(made.Index(i), item); err != nil {
			return newError(Conversion, ExecutedYes, "element %d: %s", i, err.(*Error).Message)
		}
	}
	target.Set(made)
	return nil
}

func scalarKind(v any) bool {
	switch reflect.ValueOf(plain(v)).Kind() {
	case reflect.Bool, reflect.String, reflect.Float64, reflect.Float32, reflect.Int64, reflect.Int32, reflect.Int16,
		reflect.Int8, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Complex64, reflect.Complex128:
		return true
	}
	return false
}

func assignMap(target reflect.Value, v any) error {
	m, found := v.(*Map)
	if !found || target.Type().Key().Kind() != reflect.String {
		return refuse(target.Type(), v, "")
	}
	made := reflect.MakeMapWithSize(target.Type(), m.Len())
	for key, value := range m.All() {
		one := reflect.New(target.Type().Elem()).Elem()
		if value != nil || one.Kind() != reflect.Interface {
			if err := assign(one, value); err != nil {
				return newError(Conversion, ExecutedYes, "%q: %s", key, err.(*Error).Message)
			}
		}
		made.SetMapIndex(reflect.ValueOf(key).Convert(target.Type().Key()), one)
	}
	target.Set(made)
	return nil
}
