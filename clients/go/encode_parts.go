package arcuate

import (
	"math"
	"reflect"
	"strings"

	"arcuate.invalid/go/internal/wire"
)

// composite writes the containers of this package; it says whether it was one.
func (e *encoder) composite(key string, v any) (bool, error) {
	if absent(v) {
		return true, e.fail("a %T that is nil; send nil itself for null", v)
	}
	switch v := v.(type) {
	case AnyArray:
		return true, e.array(key, v)
	case *List:
		return true, e.list(key, v)
	case []any:
		return true, e.list(key, &List{Items: v})
	case *Map:
		return true, e.mapping(key, v)
	case *StructArray:
		return true, e.structs(key, v)
	case *LabelledArray:
		return true, e.nested(key, wire.Labelled, func() error { return e.labelled(v) })
	case *Dataset:
		return true, e.nested(key, wire.Dataset, func() error { return e.dataset(v) })
	case *Table:
		return true, e.nested(key, wire.Table, func() error { return e.table(v) })
	case *Categorical:
		return true, e.nested(key, wire.Categorical, func() error { return e.categorical(v) })
	case *Sparse:
		return true, e.sparse(key, v)
	case *Function:
		return true, e.function(key, v)
	case *Handle:
		return true, e.handle(key, v)
	}
	return false, nil
}

// absent tells whether there is nothing: nil, or a pointer that is nil.
func absent(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

// nested writes a row whose children a function writes.
func (e *encoder) nested(key string, kind uint8, children func() error) error {
	e.row(kind, key)
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return children()
}

// count sets the number of children of the row at a place.
func (e *encoder) count(at, count int) { e.nodes.Rows[at].Count = uint32(count) }

func (e *encoder) list(key string, list *List) error {
	at := len(e.nodes.Rows)
	row := e.row(wire.List, key)
	row.Flags = listFlags(list.Tuple, list.Forced)
	if list.Shape != nil {
		row.Flags |= wire.ListShaped
		if err := e.shape(list.Shape, len(list.Items)); err != nil {
			return err
		}
	}
	e.count(at, len(list.Items))
	return e.items(len(list.Items), func(i int) error { return e.value("", list.Items[i]) })
}

func listFlags(tuple, forced bool) uint8 {
	flags := uint8(0)
	if tuple {
		flags |= wire.ListTuple
	}
	if forced {
		flags |= wire.ListForced
	}
	return flags
}

func (e *encoder) shape(shape []int, items int) error {
	if len(shape) > wire.MaxDims || product(shape) != items {
		return e.fail("%d items in the shape %v", items, shape)
	}
	e.nodes.Pool = append(e.nodes.Pool, uint64(len(shape)))
	for _, extent := range shape {
		if extent < 0 {
			return e.fail("the shape %v is none", shape)
		}
		e.nodes.Pool = append(e.nodes.Pool, uint64(extent))
	}
	return nil
}

func (e *encoder) items(count int, item func(i int) error) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if count > math.MaxInt32 {
		return e.fail("%d elements are too many for a list; send an array", count)
	}
	for i := range count {
		if err := e.inside(itemStep(i), func() error { return item(i) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) structs(key string, s *StructArray) error {
	at := len(e.nodes.Rows)
	row := e.row(wire.List, key)
	row.Flags = listFlags(s.Tuple, s.Forced) | wire.ListShaped | wire.ListStructs
	for _, name := range s.Fields {
		if err := e.checkText(name); err != nil {
			return err
		}
	}
	if len(s.Fields) > 0 {
		row.Text = strings.Join(s.Fields, "\x00") + "\x00"
	}
	if err := e.shape(s.Shape, len(s.Items)); err != nil {
		return err
	}
	e.count(at, len(s.Items))
	return e.items(len(s.Items), func(i int) error {
		if s.Items[i] == nil || !sameKeys(s.Items[i], s.Fields) {
			return e.fail("a struct with the fields %q in an array of structs with %q", s.Items[i].Keys(), s.Fields)
		}
		return e.mapping("", s.Items[i])
	})
}

func (e *encoder) mapping(key string, m *Map) error { return mappingOf(e, key, m, e.value) }

// mappingOf writes a mapping of which each value is written by a function.
func mappingOf[V any](e *encoder, key string, m *Ordered[V], each func(key string, value V) error) error {
	row := e.row(wire.Mapping, key)
	row.Count = uint32(m.Len())
	if m != nil && m.MapObject {
		row.Flags = wire.MappingMap
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	for name, value := range m.All() {
		err := e.inside(wire.Step(name), func() error {
			if err := e.checkText(name); err != nil {
				return err
			}
			return each(name, value)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) texts(key string, texts []string) error {
	e.row(wire.List, key).Count = uint32(len(texts))
	for i, text := range texts {
		if err := e.inside(wire.Step(key)+itemStep(i), func() error { return e.text("", text) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) labelled(a *LabelledArray) error {
	row := &e.nodes.Rows[len(e.nodes.Rows)-1]
	row.Count = 5
	if a.Series {
		row.Flags |= wire.LabelledSeries
		if a.UnnamedIndex {
			row.Flags |= wire.LabelledUnnamed
		}
	}
	var name any
	if a.Name != nil {
		name = *a.Name
	}
	if err := e.value("name", name); err != nil {
		return err
	}
	sizes := map[string]int{}
	if err := e.onDims(a.Dims, a.Data, sizes, false); err != nil {
		return err
	}
	if err := e.variables("coords", a.Coords, sizes, true); err != nil {
		return err
	}
	return e.attrs(a.Attrs)
}

func (e *encoder) attrs(attrs *Map) error {
	return e.inside(".attrs", func() error { return e.mapping("attrs", attrs) })
}

// onDims writes names of dimensions and the data on them.
func (e *encoder) onDims(dims []string, data any, sizes map[string]int, known bool) error {
	if err := e.texts("dims", dims); err != nil {
		return err
	}
	return e.inside(".data", func() error {
		shape, err := e.arrayLike("data", data)
		if err != nil {
			return err
		}
		if len(shape) != len(dims) {
			return e.fail("%d names for %d dimensions", len(dims), len(shape))
		}
		for i, name := range dims {
			before, found := sizes[name]
			if !found && known {
				return e.fail("the array has no dimension %q", name)
			}
			if found && before != shape[i] {
				return e.fail("the dimension %q is %d and %d long", name, before, shape[i])
			}
			sizes[name] = shape[i]
		}
		return nil
	})
}

// arrayLike writes an array, a categorical, or one of Go's slices of numbers; it returns the shape.
func (e *encoder) arrayLike(key string, data any) ([]int, error) {
	if absent(data) {
		return nil, e.fail("the data is missing: a %T that is nil", data)
	}
	switch data := data.(type) {
	case AnyArray:
		return data.Dims(), e.array(key, data)
	case *Categorical:
		if absent(data.Codes) {
			return nil, e.fail("a categorical without codes")
		}
		return data.Codes.Dims(), e.value(key, data)
	}
	if array := sliceArray(data); array != nil {
		return array.Dims(), e.array(key, array)
	}
	return nil, e.fail("the data is a %T; an *Array, a *Categorical or a slice of numbers or texts belongs there", data)
}

func (e *encoder) variables(key string, all *Ordered[*Variable], sizes map[string]int, known bool) error {
	return e.inside(wire.Step(key), func() error {
		return mappingOf(e, key, all, func(name string, v *Variable) error {
			if v == nil {
				return e.fail("a variable that is nil")
			}
			e.row(wire.Mapping, name).Count = 3
			if err := e.enter(); err != nil {
				return err
			}
			defer e.leave()
			if err := e.onDims(v.Dims, v.Data, sizes, known); err != nil {
				return err
			}
			return e.attrs(v.Attrs)
		})
	})
}

func (e *encoder) dataset(d *Dataset) error {
	e.nodes.Rows[len(e.nodes.Rows)-1].Count = 3
	for name := range d.Vars.All() {
		if d.Coords.Has(name) {
			return e.fail("%q is a variable and a coordinate", name)
		}
	}
	sizes := map[string]int{}
	if err := e.variables("vars", d.Vars, sizes, false); err != nil {
		return err
	}
	if err := e.variables("coords", d.Coords, sizes, false); err != nil {
		return err
	}
	return e.attrs(d.Attrs)
}

func (e *encoder) table(t *Table) error {
	if t.Rows < 0 {
		return e.fail("a table of %d rows", t.Rows)
	}
	row := &e.nodes.Rows[len(e.nodes.Rows)-1]
	row.Count, row.Value, row.Text = 3, uint64(t.Rows), t.Container
	switch t.Container {
	case "", "pandas", "arrow":
	default:
		return e.fail("the container %q; \"\", \"pandas\" and \"arrow\" are allowed", t.Container)
	}
	err := e.inside(".columns", func() error {
		return mappingOf(e, "columns", t.Columns, func(name string, column any) error { return e.column(name, column, t.Rows) })
	})
	if err != nil {
		return err
	}
	if t.Index == nil {
		e.row(wire.Null, "index")
	} else if err := e.inside(".index", func() error { return e.index(t.Index, t.Rows) }); err != nil {
		return err
	}
	return e.attrs(t.Attrs)
}

func (e *encoder) column(name string, column any, rows int) error {
	var shape []int
	var err error
	if list, found := column.(*List); found {
		if shape = list.Shape; shape == nil {
			shape = []int{len(list.Items)}
		}
		err = e.list(name, list)
	} else {
		shape, err = e.arrayLike(name, column)
	}
	if err == nil && (len(shape) == 0 || shape[0] != rows) {
		return e.fail("the shape %v in a table of %d rows", shape, rows)
	}
	return err
}

func (e *encoder) index(index *Index, rows int) error {
	if len(index.Names) != len(index.Levels) {
		return e.fail("%d names for %d levels", len(index.Names), len(index.Levels))
	}
	e.row(wire.Mapping, "index").Count = 2
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	e.row(wire.List, "names").Count = uint32(len(index.Names))
	for _, name := range index.Names {
		var text any
		if name != nil {
			text = *name
		}
		if err := e.value("", text); err != nil {
			return err
		}
	}
	e.row(wire.List, "levels").Count = uint32(len(index.Levels))
	return e.inside(".levels", func() error {
		return e.items(len(index.Levels), func(i int) error {
			shape, err := e.arrayLike("", index.Levels[i])
			if err == nil && (len(shape) != 1 || shape[0] != rows) {
				return e.fail("a level of the shape %v in the index of a table of %d rows", shape, rows)
			}
			return err
		})
	})
}

func (e *encoder) categorical(c *Categorical) error {
	row := &e.nodes.Rows[len(e.nodes.Rows)-1]
	row.Count = 2
	if c.Ordered {
		row.Flags = wire.CategoricalOrdered
	}
	if absent(c.Codes) || absent(c.Categories) {
		return e.fail("a categorical without codes or categories")
	}
	if d := c.Codes.Dtype(); d < DtypeInt8 || d > DtypeInt64 {
		return e.fail("the codes of a categorical are %v; they are signed integers", d)
	}
	if len(c.Categories.Dims()) != 1 {
		return e.fail("the categories have the shape %v; they have one dimension", c.Categories.Dims())
	}
	for i := range c.Codes.Len() {
		if code, present := c.code(i); present && (code < 0 || code >= int64(c.Categories.Len())) {
			return e.fail("the code %d with %d categories", code, c.Categories.Len())
		}
	}
	if err := e.inside(".codes", func() error { return e.array("codes", c.Codes) }); err != nil {
		return err
	}
	return e.inside(".categories", func() error { return e.array("categories", c.Categories) })
}

func (e *encoder) sparse(key string, s *Sparse) error {
	if absent(s.Values) {
		return e.fail("a sparse matrix without values")
	}
	if s.Values.layout().Mask != nil {
		return e.fail("the values of a sparse matrix have a mask, for which it has no place; send an array")
	}
	row := e.row(wire.Sparse, key)
	row.Dtype, row.Unit, row.Value = uint8(s.Values.Dtype()), uint8(s.Format), uint64(s.Values.Len())
	wide := s.Wide || !narrowIndices(s.Indices) || !narrowIndices(s.Pointers)
	if wide {
		row.Flags |= wire.SparseWide
	}
	if s.Matrix {
		row.Flags |= wire.SparseMatrix
	}
	alone := &wire.Nodes{
		Rows:    []wire.Node{*row},
		Pool:    []uint64{uint64(s.Rows), uint64(s.Columns)},
		Buffers: [][]byte{s.Values.buffer(), indexBytes(s.Indices, wide), indexBytes(s.Pointers, wide)},
	}
	alone.Rows[0].Key = ""
	if err := wire.Check(alone, wire.DefaultLimits, 0); err != nil {
		return e.fail("%s", strings.TrimSuffix(err.Error(), " - at $"))
	}
	e.nodes.Pool = append(e.nodes.Pool, alone.Pool...)
	e.nodes.Buffers = append(e.nodes.Buffers, alone.Buffers...)
	return nil
}
