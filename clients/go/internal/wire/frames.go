package wire

import (
	"encoding/binary"
	"hash/adler32"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	// Major and Minor are the version of the frames and of the protocol.
	Major, Minor = 1, 0

	headerSize = 64
	align      = 64
	rowBytes   = 8 + 3*4 + 4
)

var little = binary.LittleEndian

func padded(size uint64) uint64 { return (size + align - 1) &^ (align - 1) }

// Dump writes a frame. A buffer of at least large bytes is left out of it, and stands in the second result, in
// order: its place is its number there, counted from 1.
func Dump(n *Nodes, large int) ([]byte, [][]byte, error) {
	texts := 0
	for i := range n.Rows {
		row := &n.Rows[i]
		if fault := checkTexts(n.Rows, i); fault != nil {
			return nil, nil, fault
		}
		texts += len(row.Key) + len(row.Text)
	}
	rows, buffers, pool := len(n.Rows), len(n.Buffers), len(n.Pool)
	used := headerSize + rowBytes*rows + 8*pool + 16*buffers + texts
	head := padded(uint64(used))
	total := head
	var placed [][]byte
	for _, one := range n.Buffers {
		if len(one) < large {
			total += padded(uint64(len(one)))
		}
	}
	if rows > math.MaxUint32 || buffers > math.MaxUint32 {
		return nil, nil, tooMuch("nodes", "a value of %d nodes and %d buffers is too large", rows, buffers)
	}
	out := make([]byte, total)
	copy(out, "ARCU")
	little.PutUint16(out[4:], Major)
	little.PutUint16(out[6:], Minor)
	little.PutUint64(out[8:], total)
	little.PutUint32(out[16:], uint32(rows))
	little.PutUint32(out[20:], uint32(buffers))
	little.PutUint64(out[24:], uint64(pool))
	little.PutUint64(out[32:], uint64(texts))
	little.PutUint64(out[40:], head)
	at := headerSize
	for i := range n.Rows {
		little.PutUint64(out[at+8*i:], n.Rows[i].Value)
	}
	at += 8 * rows
	for i, number := range n.Pool {
		little.PutUint64(out[at+8*i:], number)
	}
	at += 8 * pool
	inline := head
	for i, one := range n.Buffers {
		little.PutUint64(out[at+8*i:], uint64(len(one)))
		if len(one) >= large {
			placed = append(placed, one)
			little.PutUint64(out[at+8*(buffers+i):], uint64(len(placed)))
			continue
		}
		copy(out[inline:], one)
		inline += padded(uint64(len(one)))
	}
	at += 16 * buffers
	narrow, wide := at, at+12*rows
	text := wide + 4*rows
	for i := range n.Rows {
		row := &n.Rows[i]
		little.PutUint32(out[narrow+4*i:], row.Count)
		little.PutUint32(out[narrow+4*(rows+i):], uint32(len(row.Key)))
		little.PutUint32(out[narrow+4*(2*rows+i):], uint32(len(row.Text)))
		out[wide+i], out[wide+rows+i] = row.Kind, row.Dtype
		out[wide+2*rows+i], out[wide+3*rows+i] = row.Flags, row.Unit
		text += copy(out[text:], row.Key)
		text += copy(out[text:], row.Text)
	}
	return out, placed, nil
}

// checkTexts refuses texts that have no form on the wire.
func checkTexts(rows []Node, at int) *Fault {
	row := &rows[at]
	problem := ""
	switch {
	case row.Key == "" && row.Text == "":
		return nil
	case !utf8.ValidString(row.Key) || !utf8.ValidString(row.Text):
		problem = "a text is not valid UTF-8; send it as []byte"
	case strings.IndexByte(row.Key, 0) >= 0,
		row.Flags&ListStructs == 0 && strings.IndexByte(row.Text, 0) >= 0:
		problem = "a text holds a NUL character, which R, Octave and C end a text with; remove it, or send it as []byte"
	case len(row.Key) > math.MaxUint32 || len(row.Text) > math.MaxUint32:
		problem = "a text of 4 GiB or more cannot travel; send it in parts"
	default:
		return nil
	}
	return &Fault{Code: "CONVERSION", Message: problem, Path: Path(rows, at)}
}

// sizes is what a header says, checked.
type sizes struct {
	total, rows, buffers, pool, texts, head uint64
	checksum                                bool
}

func header(data []byte, limits Limits) (sizes, *Fault) {
	if len(data) < headerSize {
		return sizes{}, malformed("malformed frame: %d bytes, a header alone has %d", len(data), headerSize)
	}
	if string(data[:4]) != "ARCU" {
		return sizes{}, malformed("this is no Arcuate frame: it begins with %q, not \"ARCU\"", data[:4])
	}
	if major := little.Uint16(data[4:]); major != Major {
		return sizes{}, malformed("the other side speaks frames %d.%d, this side %d.%d; install matching versions",
			major, little.Uint16(data[6:]), Major, Minor)
	}
	s := sizes{
		total: little.Uint64(data[8:]), rows: uint64(little.Uint32(data[16:])),
		buffers: uint64(little.Uint32(data[20:])), pool: little.Uint64(data[24:]),
		texts: little.Uint64(data[32:]), head: little.Uint64(data[40:]), checksum: little.Uint32(data[48:])&1 != 0,
	}
	switch {
	case s.total > limits.Message:
		return s, tooMuch("message", "a frame of %d bytes exceeds the limit of %d", s.total, limits.Message)
	case s.rows > limits.Nodes:
		return s, tooMuch("nodes", "a message of %d values exceeds the limit of %d", s.rows, limits.Nodes)
	case s.texts > limits.Text:
		return s, tooMuch("text", "%d bytes of text exceed the limit of %d", s.texts, limits.Text)
	case s.pool > s.total/8:
		return s, malformed("malformed frame: %d numbers in %d bytes", s.pool, s.total)
	}
	used := headerSize + rowBytes*s.rows + 8*s.pool + 16*s.buffers + s.texts
	if s.rows < 1 || s.head != padded(used) || s.head > s.total || s.total%align != 0 {
		return s, malformed("malformed frame: %d nodes, %d buffers, %d pool numbers and %d bytes of text do not add up "+
			"to a head of %d in a total of %d bytes", s.rows, s.buffers, s.pool, s.texts, s.head, s.total)
	}
	if uint64(len(data)) != s.total {
		return s, malformed("malformed frame: %d bytes announced, %d received", s.total, len(data))
	}
	return s, nil
}

// Load reads a frame, which must not be written to afterwards: small buffers are views of it. External is given the
// place and length of each buffer that is not inside and returns it; nil where there are no places. The rows still
// have to be checked.
func Load(data []byte, limits Limits, external func(place, length uint64) ([]byte, error)) (*Nodes, error) {
	s, fault := header(data, limits)
	if fault != nil {
		return nil, fault
	}
	if s.checksum {
		sum := adler32.New()
		_, _ = sum.Write(data[:52])
		_, _ = sum.Write(data[56:s.head])
		if sum.Sum32() != little.Uint32(data[52:]) {
			return nil, malformed("malformed frame: the checksum of its tables is wrong; it was damaged on the way")
		}
	}
	n := &Nodes{Rows: make([]Node, s.rows), Pool: make([]uint64, s.pool)}
	rows := int(s.rows)
	at := headerSize + 8*rows
	for i := range n.Pool {
		n.Pool[i] = little.Uint64(data[at+8*i:])
	}
	at += 8 * len(n.Pool)
	lengths := at
	at += 16 * int(s.buffers)
	wide := at + 12*rows
	begin := wide + 4*rows
	texts := string(data[begin : begin+int(s.texts)])
	if !utf8.ValidString(texts) {
		return nil, malformed("malformed frame: a text is not UTF-8")
	}
	left := texts
	for i := range n.Rows {
		keys, length := uint64(little.Uint32(data[at+4*(rows+i):])), uint64(little.Uint32(data[at+4*(2*rows+i):]))
		if keys+length > uint64(len(left)) {
			return nil, malformed("malformed frame: the nodes use more than %d bytes of text", len(texts))
		}
		row := &n.Rows[i]
		row.Value = little.Uint64(data[headerSize+8*i:])
		row.Count = little.Uint32(data[at+4*i:])
		row.Kind, row.Dtype = data[wide+i], data[wide+rows+i]
		row.Flags, row.Unit = data[wide+2*rows+i], data[wide+3*rows+i]
		row.Key, row.Text, left = left[:keys], left[keys:keys+length], left[keys+length:]
		if !utf8.ValidString(row.Key) || !utf8.ValidString(row.Text) {
			return nil, malformed("malformed frame: a text is not UTF-8")
		}
	}
	if left != "" {
		return nil, malformed("malformed frame: %d bytes of text, the nodes use %d", len(texts), len(texts)-len(left))
	}
	return n, loadBuffers(n, data, s, lengths, limits, external)
}

func loadBuffers(
	n *Nodes, data []byte, s sizes, lengths int, limits Limits, external func(place, length uint64) ([]byte, error),
) error {
	at := s.head
	n.Buffers = make([][]byte, s.buffers)
	for i := range n.Buffers {
		length, place := little.Uint64(data[lengths+8*i:]), little.Uint64(data[lengths+8*(len(n.Buffers)+i):])
		if length > limits.Array {
			return tooMuch("array", "an array of %d bytes exceeds the limit of %d", length, limits.Array)
		}
		if place != 0 {
			if external == nil {
				return malformed("malformed frame: a buffer lies at place %d, but there are no places here", place)
			}
			found, err := external(place, length)
			if err != nil {
				return err
			}
			n.Buffers[i] = found
			continue
		}
		if length > s.total-at {
			return malformed("malformed frame: a buffer of %d bytes at %d ends beyond %d", length, at, s.total)
		}
		n.Buffers[i] = data[at : at+length : at+length]
		at += padded(length)
	}
	if at != s.total {
		return malformed("malformed frame: %d bytes are left over", s.total-at)
	}
	return nil
}
