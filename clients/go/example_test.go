package arcuate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	arcuate "arcuate.invalid/go"
)

func ExampleDial() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := arcuate.Dial(ctx, "grpcs://hub.example:50051/r",
		arcuate.WithToken(os.Getenv("ARCUATE_TOKEN")), arcuate.WithCA("ca.pem"), arcuate.WithOutput(os.Stdout, os.Stderr))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	mean, err := arcuate.Call[float64](ctx, r, "mean", []float64{1, 2, 4})
	fmt.Println(mean, err)
}

func ExampleSession_Do() {
	ctx := context.Background()
	octave, err := arcuate.Dial(ctx, "grpc://127.0.0.1:50051/octave")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer octave.Close()
	both, err := octave.Do(ctx, &arcuate.Request{Name: "max", Args: []any{[]float64{3, 9, 4}}, Results: 2})
	fmt.Println(both, err) // the maximum and where it stands
}

func ExampleHub_Subscribe() {
	ctx := context.Background()
	hub, err := arcuate.DialHub(ctx, "grpc://127.0.0.1:50051")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close()
	samples, err := hub.Subscribe(ctx, "lab/eeg", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer samples.Close()
	for {
		sample, err := samples.Next(ctx)
		if err != nil {
			break
		}
		fmt.Println(sample.Sequence, sample.Lost, sample.Value)
	}
}

func ExampleAs() {
	number, err := arcuate.As[int](float64(3))
	fmt.Println(number, err)
	_, err = arcuate.As[int](3.5)
	fmt.Println(errors.Is(err, arcuate.Conversion))
	numbers, err := arcuate.As[[]float64](&arcuate.List{Items: []any{int64(1), 2.5}})
	fmt.Println(numbers, err)
	// Output:
	// 3 <nil>
	// true
	// [1 2.5] <nil>
}

func ExampleArray() {
	a, err := arcuate.NewArray([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	a.Mask = make([]bool, 6)
	a.Mask[5] = true // missing, which is not the same as NaN
	fmt.Println(a.At(0, 2))
	fmt.Println(a.At(1, 2))
	fmt.Println(a.In(arcuate.ColumnMajor).Data)
	// Output:
	// 3 true <nil>
	// 0 false <nil>
	// [1 4 2 5 3 6]
}

func ExampleOrdered() {
	m, err := arcuate.NewMap("z", 1, "a", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for key, value := range m.All() {
		fmt.Println(key, value)
	}
	// Output:
	// z 1
	// a 2
}

func ExampleError() {
	_, err := arcuate.Dial(context.Background(), "http://127.0.0.1:8080/r")
	var e *arcuate.Error
	fmt.Println(errors.Is(err, arcuate.InvalidArgument), errors.As(err, &e) && e.Executed == arcuate.ExecutedNo)
	// Output: true true
}

// TestFirstExample runs the program that README.md and the documentation show.
func TestFirstExample(t *testing.T) {
	source, err := os.ReadFile("examples/first/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	body := source[bytes.Index(source, []byte("func run(")):]
	if !bytes.Contains(readme, body) {
		t.Error("README.md does not show examples/first/main.go as it is")
	}
	ctx := limited(t)
	address := plainHub.address(t) + "/r"
	if s, err := arcuate.Dial(ctx, address); errors.Is(err, arcuate.EnvironmentNotFound) {
		if os.Getenv("ARCUATE_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skipf("r: not installed: %v", err)
	} else if err == nil {
		_ = s.Close()
	}
	out, err := exec.CommandContext(ctx, "go", "run", "./examples/first", address).CombinedOutput()
	want, missing := os.ReadFile("examples/first/output.txt")
	if err != nil || missing != nil || strings.TrimSpace(string(out)) != strings.TrimSpace(string(want)) {
		t.Errorf("%s instead of %s: %v", out, want, err)
	}
}
