package wire

const (
	// Chunk is how many bytes a piece of a message may have.
	Chunk = 1 << 20
	// Large is from how many bytes on a buffer travels in chunks.
	Large = 1 << 16
)

// Piece is one message of the stream Attach: the beginning of a frame with what is still to come of it, or the next
// chunk.
type Piece struct {
	Frame []byte
	Rest  uint64
	Chunk []byte
}

// Pack cuts a message into the pieces in which it travels. They are views of its buffers.
func Pack(n *Nodes) ([]Piece, error) {
	frame, placed, err := Dump(n, Large)
	if err != nil {
		return nil, err
	}
	pieces := []Piece{{Frame: frame}}
	if len(frame) > Chunk {
		pieces[0] = Piece{Frame: frame[:Chunk], Rest: uint64(len(frame) - Chunk)}
		pieces = cutInto(pieces, frame[Chunk:])
	}
	for _, one := range placed {
		pieces = cutInto(pieces, one)
	}
	return pieces, nil
}

func cutInto(pieces []Piece, data []byte) []Piece {
	for len(data) > 0 {
		size := min(len(data), Chunk)
		pieces = append(pieces, Piece{Chunk: data[:size:size]})
		data = data[size:]
	}
	return pieces
}

// Assembler puts messages together from the pieces of one direction of a stream.
type Assembler struct {
	Limits Limits
	// Refused is the id of the message that the last error was about, if it could be read.
	Refused uint64
	skip    bool // the chunks of a refused message are passed over

	frame   []byte // what is there of a frame in several pieces
	rest    uint64
	message *Nodes
	at      int
	plan    []int    // the numbers of the buffers whose chunks are still to come
	sizes   []uint64 // and their lengths
}

// Feed takes a piece and returns a message when it is whole and checked. The bytes of the piece are the reader's.
//
// After an error with another code than PROTOCOL_ERROR the stream can go on: what is left of the message is passed
// over.
func (a *Assembler) Feed(p Piece) (*Nodes, error) {
	if p.Frame != nil {
		a.skip = false
		return a.front(p)
	}
	return a.more(p.Chunk)
}

// refuse remembers which message was refused.
func (a *Assembler) refuse(frame []byte, err error) error {
	a.skip, a.Refused = true, 0
	if len(frame) >= 88 {
		a.Refused = little.Uint64(frame[80:]) // the value of the third node, which is the id
	}
	a.frame, a.message = nil, nil
	return err
}

func (a *Assembler) front(p Piece) (*Nodes, error) {
	if a.frame != nil || a.message != nil {
		return nil, malformed("malformed message: another one begins before it is whole")
	}
	if len(p.Frame) > Chunk {
		return nil, malformed("malformed message: %d bytes of a frame at once; %d may come", len(p.Frame), Chunk)
	}
	if total := uint64(len(p.Frame)) + p.Rest; total > a.Limits.Message || total < p.Rest {
		return nil, a.refuse(p.Frame, tooMuch("message", "a frame of %d bytes exceeds the limit of %d", total,
			a.Limits.Message))
	}
	if p.Rest > 0 {
		a.frame, a.rest = append([]byte(nil), p.Frame...), p.Rest
		return nil, nil
	}
	return a.load(p.Frame)
}

func (a *Assembler) load(frame []byte) (*Nodes, error) {
	a.sizes = a.sizes[:0]
	n, err := Load(frame, a.Limits, func(place, length uint64) ([]byte, error) {
		if place != uint64(len(a.sizes))+1 || length == 0 {
			return nil, malformed("malformed message: a buffer of %d bytes has the place %d, the next one is %d",
				length, place, len(a.sizes)+1)
		}
		a.sizes = append(a.sizes, length)
		return nil, nil
	})
	if err != nil {
		return nil, a.refuse(frame, err)
	}
	if len(a.sizes) == 0 {
		return a.checked(n)
	}
	a.plan = a.plan[:0]
	lengths := headerSize + 8*len(n.Rows) + 8*len(n.Pool)
	for i := range n.Buffers {
		if little.Uint64(frame[lengths+8*(len(n.Buffers)+i):]) != 0 {
			a.plan = append(a.plan, i)
		}
	}
	a.message, a.at = n, 0
	return nil, nil
}

// more takes a chunk. Memory grows with what has arrived, and never by what is only announced beyond one doubling.
func (a *Assembler) more(chunk []byte) (*Nodes, error) {
	if len(chunk) > Chunk {
		return nil, malformed("malformed message: a chunk of %d bytes; %d may come", len(chunk), Chunk)
	}
	if len(chunk) == 0 {
		return nil, malformed("malformed message: an empty chunk")
	}
	if a.skip {
		return nil, nil
	}
	if a.frame != nil {
		if uint64(len(chunk)) > a.rest {
			return nil, malformed("malformed message: its frame is %d bytes too long", uint64(len(chunk))-a.rest)
		}
		a.frame = append(a.frame, chunk...)
		if a.rest -= uint64(len(chunk)); a.rest > 0 {
			return nil, nil
		}
		frame := a.frame
		a.frame = nil
		return a.load(frame)
	}
	if a.message == nil {
		return nil, malformed("malformed message: a chunk that belongs to no message")
	}
	size, place := a.sizes[a.at], a.plan[a.at]
	buffer := a.message.Buffers[place]
	if uint64(len(buffer)+len(chunk)) > size {
		return nil, malformed("malformed message: a buffer of %d bytes is announced, its chunks have %d", size,
			len(buffer)+len(chunk))
	}
	a.message.Buffers[place] = grow(buffer, chunk, size)
	if uint64(len(a.message.Buffers[place])) < size {
		return nil, nil
	}
	if a.at++; a.at < len(a.sizes) {
		return nil, nil
	}
	n := a.message
	a.message = nil
	return a.checked(n)
}

func (a *Assembler) checked(n *Nodes) (*Nodes, error) {
	if err := Check(n, a.Limits, MessageDepth); err != nil {
		if a.Refused = 0; len(n.Rows) > 2 {
			a.Refused = n.Rows[2].Value
		}
		return nil, err
	}
	return n, nil
}

// trusted is how much memory is made for a buffer before its bytes arrive: a hub that announces more has to send it.
const trusted = 256 << 20

func grow(buffer, chunk []byte, size uint64) []byte {
	if need := len(buffer) + len(chunk); need > cap(buffer) {
		larger := make([]byte, len(buffer), min(size, max(trusted, 2*uint64(need))))
		copy(larger, buffer)
		buffer = larger
	}
	return append(buffer, chunk...)
}
