package arcuate

import (
	"math"

	"arcuate.invalid/go/internal/wire"
)

// decoder turns rows that were checked into Go's values.
type decoder struct {
	nodes           *wire.Nodes
	at, pool, taken int
	// simplify makes a scalar of an array of one element without labels: R and Octave have no other scalars.
	simplify bool
	// session makes functions and handles that can be used; nil: they only have their ids.
	session *Session
}

func (d *decoder) next() *wire.Node {
	d.at++
	return &d.nodes.Rows[d.at-1]
}

func (d *decoder) number() uint64 {
	d.pool++
	return d.nodes.Pool[d.pool-1]
}

func (d *decoder) buffer() []byte {
	d.taken++
	return d.nodes.Buffers[d.taken-1]
}

func (d *decoder) shape(dims int) []int {
	shape := make([]int, dims)
	for i := range shape {
		shape[i] = int(d.number())
	}
	return shape
}

// value reads the next value.
func (d *decoder) value() any {
	row := d.next()
	switch row.Kind {
	case wire.Null:
		return nil
	case wire.Bool:
		if row.Dtype != wire.None {
			return Typed[bool]{row.Value != 0}
		}
		return row.Value != 0
	case wire.Int:
		return integerOf(row)
	case wire.Float:
		return floatOf(row)
	case wire.Complex:
		number := complex(math.Float64frombits(d.number()), math.Float64frombits(d.number()))
		switch row.Dtype {
		case wire.C8:
			return complex64(number)
		case wire.C16:
			return Typed[complex128]{number}
		}
		return number
	case wire.Text:
		return row.Text
	case wire.Bytes:
		if data := d.buffer(); data != nil {
			return data
		}
		return []byte{}
	case wire.Missing:
		return Missing{Dtype: Dtype(row.Dtype), Unit: Unit(row.Unit), Hint: TimeHint(row.Flags) & (NumpyTime | PandasTime)}
	case wire.Datetime:
		return Datetime{int64(row.Value), Unit(row.Unit), row.Text, TimeHint(row.Flags) & (NumpyTime | PandasTime)}
	case wire.Date:
		return Date(int64(row.Value))
	case wire.Duration:
		return Duration{int64(row.Value), Unit(row.Unit), TimeHint(row.Flags) & (NumpyTime | PandasTime)}
	case wire.Array:
		return d.simplified(d.array(row))
	}
	return d.composite(row)
}

func integerOf(row *wire.Node) any {
	switch number := int64(row.Value); row.Dtype {
	case wire.I1:
		return int8(number)
	case wire.I2:
		return int16(number)
	case wire.I4:
		return int32(number)
	case wire.I8:
		return Typed[int64]{number}
	case wire.U1:
		return uint8(number)
	case wire.U2:
		return uint16(number)
	case wire.U4:
		return uint32(number)
	case wire.U8:
		return Typed[uint64]{row.Value}
	}
	if row.Flags&wire.IntUnsigned != 0 {
		return row.Value
	}
	return int64(row.Value)
}

func floatOf(row *wire.Node) any {
	switch number := math.Float64frombits(row.Value); row.Dtype {
	case wire.F2:
		return NewFloat16(number)
	case wire.F4:
		return float32(number)
	case wire.F8:
		return Typed[float64]{number}
	default:
		return number
	}
}

func (d *decoder) composite(row *wire.Node) any {
	switch row.Kind {
	case wire.List:
		return d.list(row)
	case wire.Mapping:
		return mappingFrom(d, row, d.value)
	case wire.Labelled:
		return d.labelled(row)
	case wire.Dataset:
		return &Dataset{Vars: d.variables(), Coords: d.variables(), Attrs: d.mapping()}
	case wire.Table:
		return d.table(row)
	case wire.Categorical:
		codes, categories := d.array(d.next()), d.array(d.next())
		return &Categorical{Codes: codes, Categories: categories, Ordered: row.Flags&wire.CategoricalOrdered != 0}
	case wire.Sparse:
		return d.sparse(row)
	case wire.Function:
		return d.function(row)
	}
	return d.handle(row)
}

// arrayHints are the hints that there are: a flag of a later version is ignored, and not written again.
const arrayHints = wire.ArraySequence | wire.ArrayTuple | wire.ArrayBoxed | wire.ArrayPandas | wire.ArrayNumpy

// array reads an array, which is never simplified here.
func (d *decoder) array(row *wire.Node) AnyArray {
	l := Layout{
		Shape: d.shape(int(row.Count)), Unit: Unit(row.Unit), Zone: row.Text,
		Hint: ArrayHint(row.Flags & arrayHints),
	}
	if row.Flags&wire.ArrayFortran != 0 {
		l.Order = ColumnMajor
	}
	data := d.buffer()
	if row.Flags&wire.ArrayMask != 0 {
		l.Mask = numbersOf[bool](d.buffer())
	}
	return arrayOf(Dtype(row.Dtype), data, l)
}

func arrayOf(dtype Dtype, data []byte, l Layout) AnyArray {
	switch dtype {
	case DtypeBool:
		return &Array[bool]{numbersOf[bool](data), l}
	case DtypeInt8:
		return &Array[int8]{numbersOf[int8](data), l}
	case DtypeInt16:
		return &Array[int16]{numbersOf[int16](data), l}
	case DtypeInt32:
		return &Array[int32]{numbersOf[int32](data), l}
	case DtypeInt64:
		return &Array[int64]{numbersOf[int64](data), l}
	case DtypeUint8:
		return &Array[uint8]{numbersOf[uint8](data), l}
	case DtypeUint16:
		return &Array[uint16]{numbersOf[uint16](data), l}
	case DtypeUint32:
		return &Array[uint32]{numbersOf[uint32](data), l}
	case DtypeUint64:
		return &Array[uint64]{numbersOf[uint64](data), l}
	case DtypeFloat16:
		return &Array[Float16]{numbersOf[Float16](data), l}
	case DtypeFloat32:
		return &Array[float32]{numbersOf[float32](data), l}
	case DtypeFloat64:
		return &Array[float64]{numbersOf[float64](data), l}
	case DtypeComplex64:
		return &Array[complex64]{numbersOf[complex64](data), l}
	case DtypeComplex128:
		return &Array[complex128]{numbersOf[complex128](data), l}
	case DtypeText:
		return &Array[string]{split(data), l}
	case DtypeDatetime:
		return &Array[Ticks]{numbersOf[Ticks](data), l}
	case DtypeDate:
		return &Array[Date]{numbersOf[Date](data), l}
	}
	return &Array[Span]{numbersOf[Span](data), l}
}

// simplified is the scalar of an array of one element, where that is wanted.
func (d *decoder) simplified(a AnyArray) any {
	l := a.layout()
	if !d.simplify || a.Len() != 1 || l.Hint&Sequence != 0 && l.Mask == nil {
		return a
	}
	if l.Mask != nil && l.Mask[0] {
		return Missing{}
	}
	return widened(a.Element(0))
}

// widened is a number without the class that it had in an array.
func widened(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case Float16:
		return v.Float64()
	case float32:
		return float64(v)
	case complex64:
		return complex128(v)
	}
	return v
}

func (d *decoder) list(row *wire.Node) any {
	tuple, forced := row.Flags&wire.ListTuple != 0, row.Flags&wire.ListForced != 0
	var shape []int
	if row.Flags&wire.ListShaped != 0 {
		shape = d.shape(int(d.number()))
	}
	if row.Flags&wire.ListStructs != 0 {
		s := &StructArray{Fields: wire.Fields(row.Text), Shape: shape, Tuple: tuple, Forced: forced}
		s.Items = make([]*Map, row.Count)
		for i := range s.Items {
			s.Items[i] = d.mapping()
		}
		return s
	}
	list := &List{Items: make([]any, row.Count), Shape: shape, Tuple: tuple, Forced: forced}
	for i := range list.Items {
		list.Items[i] = d.value()
	}
	return list
}

func (d *decoder) mapping() *Map { return mappingFrom(d, d.next(), d.value) }

func mappingFrom[V any](d *decoder, row *wire.Node, each func() V) *Ordered[V] {
	m := &Ordered[V]{MapObject: row.Flags&wire.MappingMap != 0}
	for range row.Count {
		key := d.nodes.Rows[d.at].Key
		m.Set(key, each())
	}
	return m
}

// texts reads a list of texts; nil where one is null.
func (d *decoder) texts() []*string {
	texts := make([]*string, d.next().Count)
	for i := range texts {
		if row := d.next(); row.Kind == wire.Text {
			texts[i] = &row.Text
		}
	}
	return texts
}

func (d *decoder) dims() []string {
	dims := make([]string, d.next().Count)
	for i := range dims {
		dims[i] = d.next().Text
	}
	return dims
}

// exact reads the next value; an array stays one.
func (d *decoder) exact() any {
	if row := &d.nodes.Rows[d.at]; row.Kind == wire.Array {
		d.at++
		return d.array(row)
	}
	return d.value()
}

func (d *decoder) labelled(row *wire.Node) any {
	a := &LabelledArray{
		Series: row.Flags&wire.LabelledSeries != 0, UnnamedIndex: row.Flags&wire.LabelledUnnamed != 0,
	}
	if name := d.next(); name.Kind == wire.Text {
		a.Name = &name.Text
	}
	a.Dims = d.dims()
	a.Data = d.exact()
	a.Coords = d.variables()
	a.Attrs = d.mapping()
	return a
}

func (d *decoder) variables() *Ordered[*Variable] {
	return mappingFrom(d, d.next(), func() *Variable {
		d.next()
		return &Variable{Dims: d.dims(), Data: d.exact(), Attrs: d.mapping()}
	})
}

func (d *decoder) table(row *wire.Node) any {
	t := &Table{Rows: int(row.Value), Container: row.Text}
	t.Columns = mappingFrom(d, d.next(), d.exact)
	if index := d.next(); index.Kind != wire.Null {
		t.Index = &Index{Names: d.texts()}
		t.Index.Levels = make([]any, d.next().Count)
		for i := range t.Index.Levels {
			t.Index.Levels[i] = d.exact()
		}
	}
	t.Attrs = d.mapping()
	return t
}

func (d *decoder) sparse(row *wire.Node) any {
	wide := row.Flags&wire.SparseWide != 0
	s := &Sparse{Format: SparseFormat(row.Unit), Wide: wide, Matrix: row.Flags&wire.SparseMatrix != 0}
	s.Rows, s.Columns = int(d.number()), int(d.number())
	s.Values = arrayOf(Dtype(row.Dtype), d.buffer(), Layout{Shape: []int{int(row.Value)}})
	s.Indices, s.Pointers = indicesOf(d.buffer(), wide), indicesOf(d.buffer(), wide)
	return s
}
