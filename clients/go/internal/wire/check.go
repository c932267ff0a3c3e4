package wire

import (
	"fmt"
	"math/bits"
	"strings"
)

// part is what an enclosing value has to know about a value inside it. Its children are kept only as deep as
// the enclosing value asked for.
type part struct {
	at    int
	shape []uint64
	kids  []part
}

// walk is one pass over rows that come from outside.
type walk struct {
	n        *Nodes
	limits   Limits
	maxDepth int
	at       int
	pool     int
	taken    int
}

// Check verifies rows that come from outside: which children, keys and dtypes a kind has, that every buffer is as
// long as its shape says, that masks, codes, indices and texts are what they should be. levels is how many levels
// a message may add to the depth of a value. After it a decoder may trust the rows.
func Check(n *Nodes, limits Limits, levels int) error {
	if uint64(len(n.Rows)) > limits.Nodes {
		return tooMuch("nodes", "a message of %d values exceeds the limit of %d", len(n.Rows), limits.Nodes)
	}
	if len(n.Rows) == 0 {
		return malformed("malformed value: no nodes")
	}
	if n.Rows[0].Key != "" {
		return malformed("malformed value: its root has a key - at $")
	}
	w := &walk{n: n, limits: limits, maxDepth: int(min(limits.Depth, MaxDepth)) + levels}
	if _, fault := w.value(0, 0); fault != nil {
		return fault
	}
	if w.at != len(n.Rows) || w.pool != len(n.Pool) || w.taken != len(n.Buffers) {
		return malformed("malformed value: %d nodes, %d pool numbers and %d buffers are left",
			len(n.Rows)-w.at, len(n.Pool)-w.pool, len(n.Buffers)-w.taken)
	}
	return nil
}

func (w *walk) bad(at int, format string, args ...any) *Fault {
	name := fmt.Sprintf("kind %d", w.n.Rows[at].Kind)
	if w.n.Rows[at].Kind < kinds {
		name = KindNames[w.n.Rows[at].Kind]
	}
	path := Path(w.n.Rows, at)
	fault := malformed("malformed %s: %s - at %s", name, fmt.Sprintf(format, args...), path)
	fault.Path = path
	return fault
}

// value checks the next value with all that is inside it, and keeps keep levels of its children.
func (w *walk) value(depth, keep int) (part, *Fault) {
	at := w.at
	if at >= len(w.n.Rows) {
		return part{}, malformed("malformed value: %d nodes, but the counts ask for more", len(w.n.Rows))
	}
	w.at++
	row := &w.n.Rows[at]
	if row.Kind >= kinds {
		path := Path(w.n.Rows, at)
		return part{}, &Fault{Code: "UNSUPPORTED", Path: path, Message: fmt.Sprintf(
			"this side does not know the kind %d of value; it knows 0 to %d; update it, or send another kind - at %s",
			row.Kind, kinds-1, path)}
	}
	switch row.Kind {
	case List:
		return w.list(at, row, depth, keep)
	case Mapping:
		return w.mapping(at, row, depth, keep)
	case Labelled:
		return part{at: at}, w.labelled(at, row, depth)
	case Dataset:
		return part{at: at}, w.dataset(at, row, depth)
	case Table:
		return part{at: at}, w.table(at, row, depth)
	case Categorical:
		return w.categorical(at, row, depth)
	case Function, Handle:
		return part{at: at}, w.reference(at, row, depth)
	case Array:
		return w.array(at, row)
	case Sparse:
		return part{at: at}, w.sparse(at, row)
	}
	return part{at: at}, w.leaf(at, row)
}

// enter goes down to the children of a row and returns their depth.
func (w *walk) enter(at int, count uint32, depth int) (int, *Fault) {
	if int(count) > len(w.n.Rows)-w.at {
		return 0, w.bad(at, "%d children announced, but only %d nodes follow", count, len(w.n.Rows)-w.at)
	}
	if depth >= w.maxDepth {
		return 0, &Fault{Code: "CONVERSION", Path: Path(w.n.Rows, at), Message: fmt.Sprintf(
			"the value nests deeper than %d levels; flatten it, or send the parts one by one",
			min(w.limits.Depth, MaxDepth))}
	}
	return depth + 1, nil
}

// children checks children that have to carry exactly these keys; keep says how deep each is kept.
func (w *walk) children(at, depth int, keys []string, keep ...int) ([]part, *Fault) {
	count := w.n.Rows[at].Count
	if int(count) != len(keys) {
		return nil, w.bad(at, "%d children instead of %d: %s", count, len(keys), strings.Join(keys, ", "))
	}
	depth, fault := w.enter(at, count, depth)
	if fault != nil {
		return nil, fault
	}
	parts := make([]part, len(keys))
	for i, key := range keys {
		if parts[i], fault = w.value(depth, keep[i]); fault != nil {
			return nil, fault
		}
		if found := w.n.Rows[parts[i].at].Key; found != key {
			return nil, w.bad(parts[i].at, "the key is %q where %q belongs", found, key)
		}
	}
	return parts, nil
}

// numbers are the next numbers of the pool.
func (w *walk) numbers(at int, count uint64) ([]uint64, *Fault) {
	if count > uint64(len(w.n.Pool)-w.pool) {
		return nil, w.bad(at, "%d numbers of the pool are asked for, %d are left", count, len(w.n.Pool)-w.pool)
	}
	found := w.n.Pool[w.pool : w.pool+int(count)]
	w.pool += int(count)
	return found, nil
}

// shape is the next shape with its number of elements.
func (w *walk) shape(at int, dims, size uint64) ([]uint64, uint64, *Fault) {
	if dims > MaxDims {
		return nil, 0, &Fault{Code: "CONVERSION", Path: Path(w.n.Rows, at), Message: fmt.Sprintf(
			"an array of %d dimensions; %d are the most; reshape it", dims, MaxDims)}
	}
	shape, fault := w.numbers(at, dims)
	if fault != nil {
		return nil, 0, fault
	}
	bound, total := max(size, 1), uint64(1)
	for _, extent := range shape {
		high, low := bits.Mul64(bound, max(extent, 1))
		if high != 0 || low > 1<<63-1 {
			return nil, 0, w.bad(at, "the shape %v is larger than any memory", shape)
		}
		bound = low
		total *= extent
	}
	return shape, total, nil
}

// buffer is the next buffer, of any size where size is negative.
func (w *walk) buffer(at int, size int64, what string) ([]byte, *Fault) {
	if w.taken >= len(w.n.Buffers) {
		return nil, w.bad(at, "there are %d buffers, but the nodes ask for more", len(w.n.Buffers))
	}
	found := w.n.Buffers[w.taken]
	if uint64(len(found)) > w.limits.Array {
		return nil, tooMuch("array", "an array of %d bytes exceeds the limit of %d", len(found), w.limits.Array)
	}
	if size >= 0 && int64(len(found)) != size {
		return nil, w.bad(at, "%d bytes of %s instead of %d", len(found), what, size)
	}
	w.taken++
	return found, nil
}

// uses are the columns that a kind has.
type uses uint8

const (
	useDtype uses = 1 << iota
	useUnit
	useCount
	useValue
	useText
)

func (w *walk) unused(at int, row *Node, used uses) *Fault {
	name, found := "", uint64(0)
	switch {
	case row.Dtype != 0 && used&useDtype == 0:
		name, found = "dtype", uint64(row.Dtype)
	case row.Unit != 0 && used&useUnit == 0:
		name, found = "unit", uint64(row.Unit)
	case row.Count != 0 && used&useCount == 0:
		name, found = "count", uint64(row.Count)
	case row.Value != 0 && used&useValue == 0:
		name, found = "value", row.Value
	case row.Text != "" && used&useText == 0:
		return w.bad(at, "text is %q, which this kind does not use", cut(row.Text))
	default:
		return nil
	}
	return w.bad(at, "%s is %d, which this kind does not use", name, found)
}

// cut shortens a text for a message.
func cut(text string) string {
	if len(text) > 80 {
		return text[:80] + "..."
	}
	return text
}
