package arcuate

import (
	"bytes"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"arcuate.invalid/go/internal/arcuatev1"
	"arcuate.invalid/go/internal/clock"
	"arcuate.invalid/go/internal/wire"
)

// The fields of AttachRequest and AttachResponse, which are the same.
const (
	frameField   = 1
	restField    = 2
	chunkField   = 3
	messageField = 4
)

// pieceCodec writes and reads the messages of the stream Attach. It is the codec of the generated code but for one
// thing: a chunk is copied once, to where it belongs, and not first into a message of its own.
type pieceCodec struct{}

// Name is the name of what is on the wire: Protocol Buffers.
func (pieceCodec) Name() string { return "proto" }

// Marshal writes a piece; anything else as the generated code does.
func (pieceCodec) Marshal(v any) (mem.BufferSlice, error) {
	defer clock.Own()()
	piece, found := v.(*wire.Piece)
	if !found {
		message, good := v.(proto.Message)
		if !good {
			return nil, fmt.Errorf("a %T is no message", v)
		}
		data, err := proto.Marshal(message)
		return mem.BufferSlice{mem.SliceBuffer(data)}, err
	}
	field, body := protowire.Number(frameField), piece.Frame
	if piece.Frame == nil {
		field, body = chunkField, piece.Chunk
	}
	pool := mem.DefaultBufferPool()
	data := pool.Get(len(body) + 32)
	out := protowire.AppendTag((*data)[:0], field, protowire.BytesType)
	out = protowire.AppendBytes(out, body)
	if piece.Rest > 0 {
		out = protowire.AppendTag(out, restField, protowire.VarintType)
		out = protowire.AppendVarint(out, piece.Rest)
	}
	*data = out
	return mem.BufferSlice{mem.NewBuffer(data, pool)}, nil
}

// receiver takes pieces, and has a message when it is whole.
type receiver struct {
	assembler wire.Assembler
	message   *wire.Nodes
	err       error
}

// Unmarshal reads a piece and hands it to the receiver at once, since the memory is used again afterwards.
func (pieceCodec) Unmarshal(data mem.BufferSlice, v any) error {
	defer clock.Own()()
	whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	r, found := v.(*receiver)
	if !found {
		message, good := v.(proto.Message)
		if !good {
			return fmt.Errorf("a %T is no message", v)
		}
		return proto.Unmarshal(whole.ReadOnlyData(), message)
	}
	piece, err := readPiece(whole.ReadOnlyData())
	if err != nil {
		r.err = err
		return nil
	}
	r.message, r.err = r.assembler.Feed(piece)
	return nil
}

// readPiece reads an AttachResponse. The frame is copied, since what is read from it refers to it.
func readPiece(data []byte) (wire.Piece, error) {
	var piece wire.Piece
	if field, kind, n := protowire.ConsumeTag(data); n > 0 && kind == protowire.BytesType && field != messageField {
		if body, size := protowire.ConsumeBytes(data[n:]); size == len(data)-n {
			switch field {
			case frameField:
				piece.Frame = bytes.Clone(body)
				return piece, nil
			case chunkField:
				piece.Chunk = body
				return piece, nil
			}
		}
	}
	var whole arcuatev1.AttachResponse
	if err := proto.Unmarshal(data, &whole); err != nil {
		return piece, &wire.Fault{Code: string(ProtocolError), Message: fmt.Sprintf(
			"malformed message: %d bytes are none of the stream (%v)", len(data), err)}
	}
	if whole.Message != nil || (len(whole.Frame) > 0) == (len(whole.Chunk) > 0) || whole.Rest > 0 && len(whole.Chunk) > 0 {
		return piece, &wire.Fault{Code: string(ProtocolError), Message: "malformed message: one of 'frame' and 'chunk' belongs " +
			"into each piece of the stream"}
	}
	if len(whole.Frame) > 0 {
		piece.Frame, piece.Rest = whole.Frame, whole.Rest
	} else {
		piece.Chunk = whole.Chunk
	}
	return piece, nil
}
