package arcuate

import "arcuate.invalid/go/internal/wire"

// Marshal writes a value as an arcuate.v1.Value of Protocol Buffers: for files, and for tests against the golden
// vectors. Calls do it by themselves.
//
// The values that can be written are those of Go (nil, bool, numbers, strings, []byte, slices, maps with string keys,
// time.Time, time.Duration) and the types of this package. A map has no order, so its keys are written sorted; use a
// [Map] to say another one.
func Marshal(v any) ([]byte, error) {
	nodes, err := encoded(v)
	if err != nil {
		return nil, err
	}
	data, err := wire.DumpProto(nodes)
	return data, faulty(err, ExecutedNo)
}

// MarshalFrame writes a value as a frame of protos/frames.md, with its checksum left out.
func MarshalFrame(v any) ([]byte, error) {
	nodes, err := encoded(v)
	if err != nil {
		return nil, err
	}
	const all = int(^uint(0) >> 1)
	data, _, err := wire.Dump(nodes, all)
	return data, faulty(err, ExecutedNo)
}

func encoded(v any) (*wire.Nodes, error) {
	e := &encoder{nodes: &wire.Nodes{}}
	if err := e.value("", v); err != nil {
		return nil, err
	}
	return e.nodes, nil
}

// Unmarshal reads an arcuate.v1.Value. Everything in it is checked first: what is malformed is an error with the code
// ProtocolError, a kind that is not known here one with Unsupported. The value may share memory with data.
func Unmarshal(data []byte) (any, error) {
	return decoded(wire.LoadProto(data, wire.DefaultLimits))
}

// UnmarshalFrame reads a frame of protos/frames.md, as strictly as [Unmarshal] does.
func UnmarshalFrame(data []byte) (any, error) {
	return decoded(wire.Load(data, wire.DefaultLimits, nil))
}

func decoded(nodes *wire.Nodes, err error) (any, error) {
	if err == nil {
		err = wire.Check(nodes, wire.DefaultLimits, 0)
	}
	if err != nil {
		return nil, faulty(err, ExecutedNo)
	}
	d := &decoder{nodes: nodes}
	return d.value(), nil
}
