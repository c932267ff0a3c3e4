package wire

import (
	"slices"
	"strings"
)

func (w *walk) list(at int, row *Node, depth, keep int) (part, *Fault) {
	if fault := w.unused(at, row, useCount|useText); fault != nil {
		return part{}, fault
	}
	found := part{at: at, shape: []uint64{uint64(row.Count)}}
	if row.Flags&ListShaped != 0 {
		dims, fault := w.numbers(at, 1)
		if fault != nil {
			return part{}, fault
		}
		shape, total, fault := w.shape(at, dims[0], 1)
		if fault != nil {
			return part{}, fault
		}
		if total != uint64(row.Count) {
			return part{}, w.bad(at, "%d children in the shape %v", row.Count, shape)
		}
		found.shape = shape
	}
	fields, fault := w.fields(at, row)
	if fault != nil {
		return part{}, fault
	}
	structs := row.Flags&ListStructs != 0
	below := keep - 1
	if structs {
		below = max(below, 1)
	}
	depth, fault = w.enter(at, row.Count, depth)
	if fault != nil {
		return part{}, fault
	}
	for range row.Count {
		one, fault := w.value(depth, below)
		if fault != nil {
			return part{}, fault
		}
		child := &w.n.Rows[one.at]
		if child.Key != "" {
			return part{}, w.bad(one.at, "the element of a list has the key %q", cut(child.Key))
		}
		if structs && (child.Kind != Mapping || !w.hasKeys(one.kids, fields)) {
			return part{}, w.bad(one.at, "an element of a struct array has other fields than the array")
		}
		if keep > 0 {
			found.kids = append(found.kids, one)
		}
	}
	return found, nil
}

// fields are the field names of a struct array.
func (w *walk) fields(at int, row *Node) ([]string, *Fault) {
	if row.Flags&ListStructs == 0 {
		if row.Text != "" {
			return nil, w.bad(at, "a text, which only a struct array has")
		}
		return nil, nil
	}
	if row.Flags&ListShaped == 0 || (row.Text != "" && !strings.HasSuffix(row.Text, "\x00")) {
		return nil, w.bad(at, "a struct array without shape, or its field names do not end with a NUL")
	}
	names := Fields(row.Text)
	if twice, found := duplicate(names); found {
		return nil, w.bad(at, "two fields of the struct array have the name %q", cut(twice))
	}
	return names, nil
}

// Fields splits the field names of a struct array.
func Fields(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00")
}

func duplicate(names []string) (string, bool) {
	seen := make(map[string]struct{}, len(names))
	for _, name := range names {
		if _, found := seen[name]; found {
			return name, true
		}
		seen[name] = struct{}{}
	}
	return "", false
}

func (w *walk) hasKeys(kids []part, keys []string) bool {
	if len(kids) != len(keys) {
		return false
	}
	for i, one := range kids {
		if w.n.Rows[one.at].Key != keys[i] {
			return false
		}
	}
	return true
}

func (w *walk) mapping(at int, row *Node, depth, keep int) (part, *Fault) {
	if fault := w.unused(at, row, useCount); fault != nil {
		return part{}, fault
	}
	depth, fault := w.enter(at, row.Count, depth)
	if fault != nil {
		return part{}, fault
	}
	found := part{at: at}
	few := make([]string, 0, 16)
	var many map[string]struct{}
	if row.Count > 16 {
		many = make(map[string]struct{}, row.Count)
	}
	for range row.Count {
		one, fault := w.value(depth, keep-1)
		if fault != nil {
			return part{}, fault
		}
		key := w.n.Rows[one.at].Key
		twice := false
		if many == nil {
			twice = slices.Contains(few, key)
			few = append(few, key)
		} else {
			_, twice = many[key]
			many[key] = struct{}{}
		}
		if twice {
			return part{}, w.bad(one.at, "the key %q occurs twice", cut(key))
		}
		if strings.IndexByte(key, 0) >= 0 {
			return part{}, w.bad(one.at, "the key holds a NUL")
		}
		if keep > 0 {
			found.kids = append(found.kids, one)
		}
	}
	return found, nil
}

// isMapping checks that a named child is a mapping.
func (w *walk) isMapping(one part, name string) *Fault {
	if w.n.Rows[one.at].Kind != Mapping {
		return w.bad(one.at, "%q is no mapping", name)
	}
	return nil
}

// texts are the elements of a list of texts, "" for null where nulls are allowed.
func (w *walk) texts(one part, nulls bool) ([]string, bool) {
	row := &w.n.Rows[one.at]
	if row.Kind != List {
		return nil, false
	}
	found := make([]string, row.Count)
	for i := range found {
		child := &w.n.Rows[one.at+1+i] // texts have no children, so they stand one after the other
		if child.Kind != Text && (child.Kind != Null || !nulls) {
			return nil, false
		}
		found[i] = child.Text
	}
	return found, true
}

func (w *walk) isArray(one part) bool {
	kind := w.n.Rows[one.at].Kind
	return kind == Array || kind == Categorical
}

func (w *walk) labelled(at int, row *Node, depth int) *Fault {
	if fault := w.unused(at, row, useCount); fault != nil {
		return fault
	}
	parts, fault := w.children(at, depth, []string{"name", "dims", "data", "coords", "attrs"}, 0, 0, 0, 2, 0)
	if fault != nil {
		return fault
	}
	if kind := w.n.Rows[parts[0].at].Kind; kind != Text && kind != Null {
		return w.bad(parts[0].at, "the name is neither text nor null")
	}
	sizes := map[string]uint64{}
	if fault = w.dims(parts[1], parts[2], sizes, false); fault != nil {
		return fault
	}
	if fault = w.variables(parts[3], "coords", sizes, true); fault != nil {
		return fault
	}
	return w.isMapping(parts[4], "attrs")
}

func (w *walk) dataset(at int, row *Node, depth int) *Fault {
	if fault := w.unused(at, row, useCount); fault != nil {
		return fault
	}
	parts, fault := w.children(at, depth, []string{"vars", "coords", "attrs"}, 2, 2, 0)
	if fault != nil {
		return fault
	}
	sizes := map[string]uint64{}
	if fault = w.variables(parts[0], "vars", sizes, false); fault != nil {
		return fault
	}
	if fault = w.variables(parts[1], "coords", sizes, false); fault != nil {
		return fault
	}
	names := make(map[string]struct{}, len(parts[0].kids))
	for _, one := range parts[0].kids {
		names[w.n.Rows[one.at].Key] = struct{}{}
	}
	for _, one := range parts[1].kids {
		if _, both := names[w.n.Rows[one.at].Key]; both {
			return w.bad(at, "%q is a variable and a coordinate", cut(w.n.Rows[one.at].Key))
		}
	}
	return w.isMapping(parts[2], "attrs")
}

// variables checks a mapping of variables; with known, all of their dimensions have to be in sizes already.
func (w *walk) variables(all part, name string, sizes map[string]uint64, known bool) *Fault {
	if fault := w.isMapping(all, name); fault != nil {
		return fault
	}
	for _, one := range all.kids {
		if w.n.Rows[one.at].Kind != Mapping || !w.hasKeys(one.kids, []string{"dims", "data", "attrs"}) {
			return w.bad(one.at, "a variable is no mapping of 'dims', 'data' and 'attrs'")
		}
		if fault := w.dims(one.kids[0], one.kids[1], sizes, known); fault != nil {
			return fault
		}
		if fault := w.isMapping(one.kids[2], "attrs"); fault != nil {
			return fault
		}
	}
	return nil
}

// dims compares dimensions with the data.
func (w *walk) dims(dims, data part, sizes map[string]uint64, known bool) *Fault {
	names, good := w.texts(dims, false)
	if !good {
		return w.bad(dims.at, "'dims' is no list of texts")
	}
	if !w.isArray(data) {
		return w.bad(data.at, "the data is neither array nor categorical")
	}
	if len(names) != len(data.shape) {
		return w.bad(dims.at, "%d names for %d dimensions", len(names), len(data.shape))
	}
	for i, name := range names {
		before, found := sizes[name]
		if !found && known {
			return w.bad(dims.at, "the array has no dimension %q", cut(name))
		}
		if found && before != data.shape[i] {
			return w.bad(dims.at, "the dimension %q is %d and %d long", cut(name), before, data.shape[i])
		}
		sizes[name] = data.shape[i]
	}
	return nil
}

func (w *walk) table(at int, row *Node, depth int) *Fault {
	if fault := w.unused(at, row, useCount|useValue|useText); fault != nil {
		return fault
	}
	if row.Text != "" && row.Text != "pandas" && row.Text != "arrow" {
		return w.bad(at, "the container %q; '', 'pandas' and 'arrow' are allowed", cut(row.Text))
	}
	parts, fault := w.children(at, depth, []string{"columns", "index", "attrs"}, 1, 2, 0)
	if fault != nil {
		return fault
	}
	if fault = w.isMapping(parts[0], "columns"); fault != nil {
		return fault
	}
	for _, one := range parts[0].kids {
		if !w.isArray(one) && w.n.Rows[one.at].Kind != List {
			return w.bad(one.at, "a column is neither array nor categorical nor list")
		}
		if fault = w.length(one, row.Value); fault != nil {
			return fault
		}
	}
	if fault = w.index(parts[1], row.Value); fault != nil {
		return fault
	}
	return w.isMapping(parts[2], "attrs")
}

func (w *walk) length(one part, rows uint64) *Fault {
	if len(one.shape) == 0 || one.shape[0] != rows {
		return w.bad(one.at, "the shape %v in a table of %d rows", one.shape, rows)
	}
	return nil
}

func (w *walk) index(index part, rows uint64) *Fault {
	if w.n.Rows[index.at].Kind == Null {
		return nil
	}
	if w.n.Rows[index.at].Kind != Mapping || !w.hasKeys(index.kids, []string{"names", "levels"}) {
		return w.bad(index.at, "the index is neither null nor a mapping of 'names' and 'levels'")
	}
	names, levels := index.kids[0], index.kids[1]
	found, good := w.texts(names, true)
	if !good {
		return w.bad(names.at, "the names of the index are no list of texts or nulls")
	}
	if w.n.Rows[levels.at].Kind != List || len(levels.kids) != len(found) {
		return w.bad(levels.at, "%d names of the index need a list of as many levels", len(found))
	}
	for _, one := range levels.kids {
		if !w.isArray(one) || len(one.shape) != 1 {
			return w.bad(one.at, "a level of the index is no array of one dimension")
		}
		if fault := w.length(one, rows); fault != nil {
			return fault
		}
	}
	return nil
}

func (w *walk) categorical(at int, row *Node, depth int) (part, *Fault) {
	if fault := w.unused(at, row, useCount); fault != nil {
		return part{}, fault
	}
	before := w.taken
	parts, fault := w.children(at, depth, []string{"codes", "categories"}, 0, 0)
	if fault != nil {
		return part{}, fault
	}
	codes, categories := &w.n.Rows[parts[0].at], &w.n.Rows[parts[1].at]
	if codes.Kind != Array || codes.Dtype < I1 || codes.Dtype > I8 {
		return part{}, w.bad(parts[0].at, "the codes are no array of signed integers")
	}
	if categories.Kind != Array || len(parts[1].shape) != 1 {
		return part{}, w.bad(parts[1].at, "the categories are no array of one dimension")
	}
	var mask []byte
	if codes.Flags&ArrayMask != 0 {
		mask = w.n.Buffers[before+1]
	}
	if strange, found := outside(w.n.Buffers[before], itemSize[codes.Dtype], parts[1].shape[0], mask); found {
		return part{}, w.bad(parts[0].at, "the code %d with %d categories", strange, parts[1].shape[0])
	}
	return part{at: at, shape: parts[0].shape}, nil
}

// reference checks a function or a handle: an id, and what is known about it.
func (w *walk) reference(at int, row *Node, depth int) *Fault {
	if fault := w.unused(at, row, useCount|useText); fault != nil {
		return fault
	}
	if row.Text == "" || strings.IndexByte(row.Text, 0) >= 0 {
		return w.bad(at, "no id")
	}
	if row.Kind == Function && row.Count == 0 {
		return nil
	}
	parts, fault := w.children(at, depth, []string{"info"}, 1)
	if fault != nil {
		return fault
	}
	if fault = w.isMapping(parts[0], "info"); fault != nil {
		return fault
	}
	for _, one := range parts[0].kids {
		good := true
		child := &w.n.Rows[one.at]
		switch {
		case row.Kind == Function:
			good = child.Key != "name" || child.Kind == Text
		case child.Key == "class":
			_, good = w.texts(one, false)
		case child.Key == "summary" || child.Key == "language":
			good = child.Kind == Text
		case child.Key == "callable":
			good = child.Kind == Bool
		}
		if !good {
			return w.bad(one.at, "%q of the info is of another kind", child.Key)
		}
	}
	return nil
}
