package arcuate

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is a case of protos/vectors, which every implementation is judged against.
type vector struct {
	Name     string          `json:"name"`
	Error    string          `json:"error"`
	Value    json.RawMessage `json:"value"`
	Recipe   json.RawMessage `json:"recipe"`
	Frame    *string         `json:"frame"`
	Protobuf *string         `json:"protobuf"`
}

func (v vector) bytes(t testing.TB, text *string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return data
}

// vectors reads the golden vectors. None at all is a failure: nothing would be tested.
func vectors(t testing.TB) []vector {
	t.Helper()
	file, err := os.Open("../../protos/vectors/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	var all []vector
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var one vector
			if err := json.Unmarshal(line, &one); err != nil {
				t.Fatal(err)
			}
			all = append(all, one)
		}
		if err != nil {
			break
		}
	}
	if len(all) < 100 {
		t.Fatalf("%d golden vectors; there are hundreds", len(all))
	}
	return all
}

// TestVectors decodes each vector to Go's values and encodes it again: the bytes are those of the vector, since what
// Python wrote and what Go writes follow the same rules.
func TestVectors(t *testing.T) {
	compared := 0
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			if v.Recipe != nil {
				return // large values are made by the matrix
			}
			for _, form := range []struct {
				name  string
				text  *string
				read  func([]byte) (any, error)
				write func(any) ([]byte, error)
			}{{"protobuf", v.Protobuf, Unmarshal, Marshal}, {"frame", v.Frame, UnmarshalFrame, MarshalFrame}} {
				if form.text == nil {
					continue
				}
				data := v.bytes(t, form.text)
				value, err := form.read(data)
				if v.Error != "" {
					if e, found := err.(*Error); !found || string(e.Code) != v.Error {
						t.Errorf("%s: %v, %v instead of the error %s", form.name, value, err, v.Error)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", form.name, err)
					continue
				}
				again, err := form.write(value)
				if err != nil {
					t.Errorf("%s: %#v cannot be written: %v", form.name, value, err)
					continue
				}
				if form.name == "frame" {
					data = unsealed(data)
				}
				if otherForm(v.Name) {
					checkDecoder(t, data, form.name == "frame")
				} else if !bytes.Equal(again, data) {
					t.Errorf("%s: %#v was written as\n%x instead of\n%x", form.name, value, again, data)
				}
				compared++
			}
		})
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// otherForm tells whether a vector holds what may be written in another way: a value under a mask, an unknown flag or
// field, another order of fields. Reading and writing it must settle all the same.
func otherForm(name string) bool {
	return strings.HasSuffix(name, "/under-the-mask") || strings.Contains(name, "/wire-")
}

// unsealed is a frame without its checksum.
func unsealed(frame []byte) []byte {
	frame = bytes.Clone(frame)
	if len(frame) >= 56 {
		clear(frame[48:56])
	}
	return frame
}

// TestVectorsDamaged cuts every vector short and changes bytes of it: an error of this package, or a value, and never a
// panic.
func TestVectorsDamaged(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Protobuf == nil || v.Recipe != nil {
			continue
		}
		data := v.bytes(t, v.Protobuf)
		if len(data) > 400 {
			continue
		}
		for at := range data {
			checkDecoder(t, data[:at], false)
			damaged := bytes.Clone(data)
			damaged[at] ^= 0xFF
			checkDecoder(t, damaged, false)
		}
	}
}

// checkDecoder reads bytes from anywhere. What is accepted must be written and read again as the same.
func checkDecoder(t *testing.T, data []byte, frame bool) {
	t.Helper()
	read, write := Unmarshal, Marshal
	if frame {
		read, write = UnmarshalFrame, MarshalFrame
	}
	value, err := read(data)
	if err != nil {
		if _, found := err.(*Error); !found {
			t.Fatalf("%x: %T is none of this package's errors: %v", data, err, err)
		}
		return
	}
	once, err := write(value)
	if err != nil {
		t.Fatalf("%x was read as %#v, which cannot be written: %v", data, value, err)
	}
	again, err := read(once)
	if err != nil {
		t.Fatalf("%x was read as %#v and written as %x, which cannot be read: %v", data, value, once, err)
	}
	if twice, err := write(again); err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("%x is not stable: %x, then %x (%v)", data, once, twice, err)
	}
}

// FuzzUnmarshal reads Protocol Buffers from anywhere.
func FuzzUnmarshal(f *testing.F) {
	for i, v := range vectors(f) {
		if v.Protobuf != nil && v.Recipe == nil && i%4 == 0 {
			f.Add(v.bytes(f, v.Protobuf))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkDecoder(t, data, false) })
}

// FuzzUnmarshalFrame reads frames from anywhere.
func FuzzUnmarshalFrame(f *testing.F) {
	for i, v := range vectors(f) {
		if v.Frame != nil && v.Recipe == nil && i%4 == 0 {
			f.Add(unsealed(v.bytes(f, v.Frame)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkDecoder(t, data, true) })
}
