package arcuate

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"arcuate.invalid/go/internal/wire"
)

// encoder turns Go's values into rows.
type encoder struct {
	nodes *wire.Nodes
	path  []string
	// columnMajor: the other side wants arrays so.
	columnMajor bool
	// session gives functions and handles their ids; nil: only what has an id can be written.
	session *Session
	depth   int
}

func (e *encoder) fail(format string, args ...any) error {
	err := newError(Conversion, ExecutedNo, format, args...)
	err.Path = "$" + strings.Join(e.path, "")
	return err
}

// inside runs a step with the path of what it is about.
func (e *encoder) inside(step string, run func() error) error {
	e.path = append(e.path, step)
	err := run()
	e.path = e.path[:len(e.path)-1]
	return err
}

// row appends a row that has no children, and returns it.
func (e *encoder) row(kind uint8, key string) *wire.Node {
	e.nodes.Rows = append(e.nodes.Rows, wire.Node{Kind: kind, Key: key})
	return &e.nodes.Rows[len(e.nodes.Rows)-1]
}

func (e *encoder) text(key, text string) error {
	if err := e.checkText(text); err != nil {
		return err
	}
	e.row(wire.Text, key).Text = text
	return nil
}

func (e *encoder) checkText(text string) error {
	if !utf8.ValidString(text) {
		return e.fail("a string is not valid UTF-8, so it is no text; send it as []byte")
	}
	if strings.IndexByte(text, 0) >= 0 {
		return e.fail("a text holds a NUL, which R, Octave and C end a text with; remove it, or send it as []byte")
	}
	return nil
}

// enter goes down a level.
func (e *encoder) enter() error {
	if e.depth >= wire.MaxDepth {
		return e.fail("the value nests deeper than %d levels, or holds itself; flatten it, or send the parts one by one",
			wire.MaxDepth)
	}
	e.depth++
	return nil
}

func (e *encoder) leave() { e.depth-- }

// value appends any value.
func (e *encoder) value(key string, v any) error {
	if done, err := e.scalar(key, v); done {
		return err
	}
	if done, err := e.composite(key, v); done {
		return err
	}
	return e.reflected(key, v)
}

func (e *encoder) integer(key string, dtype Dtype, number int64) {
	row := e.row(wire.Int, key)
	row.Dtype, row.Value = uint8(dtype), uint64(number)
}

// unsigned writes an integer without a class of its own.
func (e *encoder) unsigned(key string, number uint64) {
	row := e.row(wire.Int, key)
	row.Value = number
	if number > math.MaxInt64 {
		row.Flags = wire.IntUnsigned
	}
}

func (e *encoder) float(key string, dtype Dtype, number float64) {
	row := e.row(wire.Float, key)
	row.Dtype, row.Value = uint8(dtype), math.Float64bits(number)
}

func (e *encoder) complex(key string, dtype Dtype, number complex128) {
	e.row(wire.Complex, key).Dtype = uint8(dtype)
	re, im := complexBits(number)
	e.nodes.Pool = append(e.nodes.Pool, re, im)
}

func (e *encoder) boolean(key string, dtype Dtype, value bool) {
	row := e.row(wire.Bool, key)
	row.Dtype = uint8(dtype)
	if value {
		row.Value = 1
	}
}

// scalar writes what is no container; it says whether it was one.
func (e *encoder) scalar(key string, v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		e.row(wire.Null, key)
	case bool:
		e.boolean(key, DtypeNone, v)
	case int:
		e.integer(key, DtypeNone, int64(v))
	case int64:
		e.integer(key, DtypeNone, v)
	case uint:
		e.unsigned(key, uint64(v))
	case uint64:
		e.unsigned(key, v)
	case float64:
		e.float(key, DtypeNone, v)
	case string:
		return true, e.text(key, v)
	case complex128:
		e.complex(key, DtypeNone, v)
	case []byte:
		e.row(wire.Bytes, key)
		e.nodes.Buffers = append(e.nodes.Buffers, v)
	case int8:
		e.integer(key, DtypeInt8, int64(v))
	case int16:
		e.integer(key, DtypeInt16, int64(v))
	case int32:
		e.integer(key, DtypeInt32, int64(v))
	case uint8:
		e.integer(key, DtypeUint8, int64(v))
	case uint16:
		e.integer(key, DtypeUint16, int64(v))
	case uint32:
		e.integer(key, DtypeUint32, int64(v))
	case Float16:
		e.float(key, DtypeFloat16, v.Float64())
	case float32:
		e.float(key, DtypeFloat32, float64(v))
	case complex64:
		e.complex(key, DtypeComplex64, complex128(v))
	default:
		return e.typed(key, v)
	}
	return true, nil
}

func (e *encoder) typed(key string, v any) (bool, error) {
	switch v := v.(type) {
	case Typed[bool]:
		e.boolean(key, DtypeBool, v.Value)
	case Typed[int64]:
		e.integer(key, DtypeInt64, v.Value)
	case Typed[uint64]:
		e.integer(key, DtypeUint64, int64(v.Value))
	case Typed[float64]:
		e.float(key, DtypeFloat64, v.Value)
	case Typed[complex128]:
		e.complex(key, DtypeComplex128, v.Value)
	case Missing:
		row := e.row(wire.Missing, key)
		row.Dtype, row.Unit, row.Flags = uint8(v.Dtype), uint8(v.Unit), uint8(v.Hint)
		if v.Dtype > DtypeDuration || v.Unit > Attosecond ||
			v.Unit != NoUnit && v.Dtype != DtypeDatetime && v.Dtype != DtypeDuration {
			return true, e.fail("a missing value of %v with the unit %v", v.Dtype, v.Unit)
		}
	case Date:
		e.row(wire.Date, key).Value = uint64(int64(v))
	case Datetime:
		return true, e.time(key, wire.Datetime, v.Count, v.Unit, v.Zone, v.Hint)
	case Duration:
		return true, e.time(key, wire.Duration, v.Count, v.Unit, "", v.Hint)
	case time.Time:
		when, err := FromTime(v)
		if err != nil {
			return true, e.fail("%s", err.(*Error).Message)
		}
		return true, e.time(key, wire.Datetime, when.Count, when.Unit, when.Zone, 0)
	case time.Duration:
		return true, e.time(key, wire.Duration, int64(v), Nanosecond, "", 0)
	default:
		return false, nil
	}
	return true, nil
}

func (e *encoder) time(key string, kind uint8, count int64, unit Unit, zone string, hint TimeHint) error {
	if err := e.checkTime(unit, zone); err != nil {
		return err
	}
	row := e.row(kind, key)
	row.Value, row.Unit, row.Text, row.Flags = uint64(count), uint8(unit), zone, uint8(hint)
	return nil
}

func (e *encoder) checkTime(unit Unit, zone string) error {
	if unit == NoUnit || unit > Attosecond {
		return e.fail("%v: a time needs one of the units", unit)
	}
	if !wire.ValidZone(zone) {
		return e.fail("%q is no name of a time zone; an IANA name or an offset such as +05:30 is", zone)
	}
	return nil
}

// array appends an array.
func (e *encoder) array(key string, a AnyArray) error {
	l := a.layout()
	if err := checkArray(a); err != nil {
		return e.fail("%s", err.(*Error).Message)
	}
	if len(l.Shape) > wire.MaxDims {
		return e.fail("an array of %d dimensions; %d are the most; reshape it", len(l.Shape), wire.MaxDims)
	}
	if e.columnMajor && len(l.Shape) > 1 && l.Order == RowMajor {
		a = a.reordered()
		l = a.layout()
	}
	flags := uint8(l.Hint) &^ (wire.ArrayMask | wire.ArrayFortran)
	if len(l.Shape) != 1 {
		flags &^= wire.ArraySequence | wire.ArrayTuple
	}
	if l.Order == ColumnMajor {
		flags |= wire.ArrayFortran
	}
	if l.Mask != nil {
		flags |= wire.ArrayMask
	}
	row := wire.Node{Kind: wire.Array, Key: key, Dtype: uint8(a.Dtype()), Flags: flags, Count: uint32(len(l.Shape))}
	switch a.Dtype() {
	case DtypeDatetime, DtypeDuration:
		zone := ""
		if a.Dtype() == DtypeDatetime {
			zone = l.Zone
		}
		if err := e.checkTime(l.Unit, zone); err != nil {
			return err
		}
		row.Unit, row.Text = uint8(l.Unit), zone
	case DtypeText:
		for i, text := range a.(*Array[string]).Data {
			if err := e.inside(fmt.Sprintf("[%d]", i), func() error { return e.checkText(text) }); err != nil {
				return err
			}
		}
	}
	e.nodes.Rows = append(e.nodes.Rows, row)
	for _, extent := range l.Shape {
		e.nodes.Pool = append(e.nodes.Pool, uint64(extent))
	}
	e.nodes.Buffers = append(e.nodes.Buffers, cleared(a))
	if l.Mask != nil {
		e.nodes.Buffers = append(e.nodes.Buffers, bytesOf(l.Mask))
	}
	return nil
}

// cleared is the bytes of an array with zeros under its mask.
func cleared(a AnyArray) []byte {
	data, mask := a.buffer(), a.layout().Mask
	if a.Dtype() == DtypeText || a.Len() == 0 {
		return data
	}
	size := len(data) / a.Len()
	copied := false
	for i, missing := range mask {
		if !missing || zero(data[i*size:(i+1)*size]) {
			continue
		}
		if !copied {
			data, copied = slices.Clone(data), true
		}
		clear(data[i*size : (i+1)*size])
	}
	return data
}

func zero(data []byte) bool {
	for _, one := range data {
		if one != 0 {
			return false
		}
	}
	return true
}

func checkArray(a AnyArray) error {
	if checked, found := a.(interface{ check() error }); found {
		return checked.check()
	}
	return nil
}

// reflected writes Go's own slices and maps, and values of named types.
func (e *encoder) reflected(key string, v any) error {
	if array := sliceArray(v); array != nil {
		return e.array(key, array)
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Map:
		return e.sorted(key, r)
	case reflect.Slice, reflect.Array:
		return e.slice(key, r)
	case reflect.Pointer:
		if !r.IsNil() && r.Elem().Kind() != reflect.Struct {
			return e.value(key, r.Elem().Interface())
		}
	case reflect.Bool:
		return e.value(key, r.Bool())
	case reflect.Int, reflect.Int64:
		return e.value(key, r.Int())
	case reflect.Uint, reflect.Uint64:
		return e.value(key, r.Uint())
	case reflect.Float64:
		return e.value(key, r.Float())
	case reflect.String:
		return e.value(key, r.String())
	case reflect.Func:
		return e.fail("a %T cannot travel as it is; wrap it: arcuate.NewFunction(name, func(ctx, call) (any, error))", v)
	}
	return e.fail("a %T has no form in Arcuate; send numbers, texts, []byte, slices, maps, or the types of this package", v)
}

// sorted writes a Go map: its keys have no order of their own, so they are sorted.
func (e *encoder) sorted(key string, r reflect.Value) error {
	if r.Type().Key().Kind() != reflect.String {
		return e.fail("a %v has keys that are no strings; build a Map", r.Type())
	}
	m := &Map{}
	keys := make([]string, 0, r.Len())
	for _, one := range r.MapKeys() {
		keys = append(keys, one.String())
	}
	slices.Sort(keys)
	for _, name := range keys {
		m.Set(name, r.MapIndex(reflect.ValueOf(name).Convert(r.Type().Key())).Interface())
	}
	return e.mapping(key, m)
}

// slice writes [][]float64 and its like as a matrix, and any other slice as a list.
func (e *encoder) slice(key string, r reflect.Value) error {
	if r.Type().Elem().Kind() == reflect.Slice && r.Len() > 0 {
		if array, err := matrixOf(r); err != nil {
			return e.fail("%s", err.(*Error).Message)
		} else if array != nil {
			return e.array(key, array)
		}
	}
	items := make([]any, r.Len())
	for i := range items {
		items[i] = r.Index(i).Interface()
	}
	return e.list(key, &List{Items: items})
}

// number of a step into a list.
func itemStep(i int) string { return "[" + strconv.Itoa(i) + "]" }
