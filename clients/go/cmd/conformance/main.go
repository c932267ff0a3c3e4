// Command conformance does with this client's public functions what `arcuate matrix` asks, and says what happened: see
// clients/CONFORMANCE.md. It judges nothing.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// maxRequest is how long a request may be: large values come in files.
const maxRequest = 1 << 30

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// serve answers requests until there are no more.
func serve(in io.Reader, out io.Writer) error {
	p := &program{handles: map[int]*kept{}}
	defer p.close()
	requests, answers := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		var size uint32
		if err := binary.Read(requests, binary.LittleEndian, &size); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if size > maxRequest {
			return fmt.Errorf("a request of %d bytes", size)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(requests, data); err != nil {
			return err
		}
		answer, err := json.Marshal(p.answer(data))
		if err != nil {
			return err
		}
		if err := binary.Write(answers, binary.LittleEndian, uint32(len(answer))); err != nil {
			return err
		}
		if _, err := answers.Write(answer); err != nil {
			return err
		}
		if err := answers.Flush(); err != nil {
			return err
		}
	}
}

// answer is what is said to a request. A panic is a failure of the client, and told as one.
func (p *program) answer(data []byte) (answer fields) {
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		return fields{"id": r.ID, "crashed": "the request cannot be read: " + err.Error()}
	}
	defer func() {
		if caught := recover(); caught != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s\n", caught, debug.Stack())
			answer = fields{"id": r.ID, "crashed": fmt.Sprint(caught)}
		}
	}()
	run, found := operations[r.Op]
	if !found {
		return fields{"id": r.ID, "unsupported": fmt.Sprintf("this program has no op %q", r.Op)}
	}
	if r.Feature != "" && !features[r.Feature] {
		return fields{"id": r.ID, "unsupported": fmt.Sprintf("this client has no feature %q", r.Feature)}
	}
	answer, err := run(p, &r)
	if err != nil {
		answer = refused(err)
	}
	if answer == nil {
		answer = fields{}
	}
	answer["id"] = r.ID
	return answer
}
