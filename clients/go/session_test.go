package arcuate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	arcuate "arcuate.invalid/go"
)

func TestValuesThereAndBack(t *testing.T) {
	ctx, s := python(t)
	ordered, err := arcuate.NewMap("z", int64(1), "a", "x")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"null": nil, "true": true, "least": int64(math.MinInt64), "beyond": uint64(math.MaxUint64), "minus zero": math.Copysign(0, -1),
		"infinite": math.Inf(-1), "complex": complex(1, -2), "text": "žluť 猫 😀", "bytes": []byte{0, 255}, "narrow": int8(-128),
		"half": arcuate.NewFloat16(0.1), "single": float32(0.1), "typed": arcuate.Typed[int64]{7}, "date": arcuate.Date(-1),
		"instant": arcuate.Datetime{Count: 1, Unit: arcuate.Nanosecond, Zone: "Europe/Prague", Hint: arcuate.PandasTime},
		"mapping": ordered,
		"masked":  &arcuate.Array[int32]{Data: []int32{1, 0}, Layout: arcuate.Layout{Shape: []int{2}, Mask: []bool{false, true}, Hint: arcuate.Pandas}},
		"columns": &arcuate.Array[float64]{Data: []float64{1, 2, 3, 4, 5, 6}, Layout: arcuate.Layout{Shape: []int{2, 3}, Order: arcuate.ColumnMajor}},
	} {
		found, err := s.Call(ctx, "identity", value)
		if err != nil || !reflect.DeepEqual(found, value) {
			t.Errorf("%s: %#v came back as %#v, %v", name, value, found, err)
		}
	}
	nan, err := arcuate.Call[float64](ctx, s, "identity", math.NaN())
	if err != nil || !math.IsNaN(nan) {
		t.Errorf("NaN came back as %v, %v", nan, err)
	}
}

func TestConveniences(t *testing.T) {
	ctx, s := python(t)
	matrix, err := arcuate.Call[[][]float64](ctx, s, "identity", [][]float64{{1, 2, 3}, {4, 5, 6}})
	if want := [][]float64{{1, 2, 3}, {4, 5, 6}}; err != nil || !reflect.DeepEqual(matrix, want) {
		t.Errorf("the matrix came back as %v, %v", matrix, err)
	}
	when := time.Date(2024, 2, 29, 12, 30, 0, 123456789, time.UTC)
	back, err := arcuate.Call[time.Time](ctx, s, "identity", when)
	if err != nil || !back.Equal(when) {
		t.Errorf("%v came back as %v, %v", when, back, err)
	}
	sorted, err := arcuate.Call[map[string]int](ctx, s, "identity", map[string]int{"b": 2, "a": 1})
	if err != nil || !reflect.DeepEqual(sorted, map[string]int{"b": 2, "a": 1}) {
		t.Errorf("the map came back as %v, %v", sorted, err)
	}
	keys, err := s.Call(ctx, "list", map[string]int{"b": 2, "a": 1})
	if texts, bad := arcuate.As[[]string](keys); err != nil || bad != nil || !slices.Equal(texts, []string{"a", "b"}) {
		t.Errorf("the keys arrived as %v, %v, %v", keys, err, bad)
	}
}

func TestArguments(t *testing.T) {
	ctx, s := python(t)
	found, err := arcuate.Call[map[string]any](ctx, s, "dict", arcuate.Named("b", 1), arcuate.Named("a", "x"))
	if err != nil || !reflect.DeepEqual(found, map[string]any{"b": int64(1), "a": "x"}) {
		t.Errorf("%v, %v", found, err)
	}
	both, err := s.Do(ctx, &arcuate.Request{Name: "divmod", Args: []any{17, 5}, Results: 2})
	if err != nil || !reflect.DeepEqual(both, []any{int64(3), int64(2)}) {
		t.Errorf("%v, %v", both, err)
	}
	if _, err = s.Call(ctx, "dict", arcuate.Named("a", 1), arcuate.Named("a", 2)); !errors.Is(err, arcuate.InvalidArgument) {
		t.Errorf("an argument was given twice: %v", err)
	}
}

func TestVariables(t *testing.T) {
	ctx, s := python(t)
	if err := s.Set(ctx, "go_x", []float64{1, 2}); err != nil {
		t.Fatal(err)
	}
	found, err := s.Get(ctx, "go_x")
	if numbers, bad := arcuate.As[[]float64](found); err != nil || bad != nil || !slices.Equal(numbers, []float64{1, 2}) {
		t.Errorf("%v, %v, %v", found, err, bad)
	}
	names, err := s.List(ctx)
	if err != nil || !slices.Contains(names, "go_x") {
		t.Errorf("%v, %v", names, err)
	}
	if err := s.Delete(ctx, "go_x"); err != nil {
		t.Error(err)
	}
	if there, err := s.Exists(ctx, "go_x"); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	about, err := s.Describe(ctx, "divmod")
	if err != nil || about.Kind != "function" || !strings.Contains(about.Doc, "tuple") {
		t.Errorf("%+v, %v", about, err)
	}
}

func TestOutputIsLive(t *testing.T) {
	ctx, s := python(t)
	// The code ends only when it is told to from here, after its first output has come.
	going := &trigger{t: t, on: "begun", do: func() {}}
	code := "import sys\nprint('begun', flush=True)\nprint('out'); print('err', file=sys.stderr)"
	var stderr strings.Builder
	if err := s.RunTo(ctx, code, going, &stderr); err != nil {
		t.Fatal(err)
	}
	if going.text.String() != "begun\nout\n" || stderr.String() != "err\n" {
		t.Errorf("%q, %q", going.text.String(), stderr.String())
	}
}

// trigger is a writer that does something when a text has come.
type trigger struct {
	t    *testing.T
	on   string
	do   func()
	text strings.Builder
}

func (w *trigger) Write(data []byte) (int, error) {
	before := w.text.String()
	w.text.Write(data)
	if !strings.Contains(before, w.on) && strings.Contains(w.text.String(), w.on) {
		w.do()
	}
	return len(data), nil
}

func TestHandles(t *testing.T) {
	ctx, s := python(t)
	if err := s.Run(ctx, "import gc, weakref\nclass Thing:\n  def __call__(self, x): return x + 1\n  size = 3\n"+
		"def make():\n  global seen\n  thing = Thing(); seen = weakref.ref(thing); return thing\n"+
		"def alive(): return seen() is not None"); err != nil {
		t.Fatal(err)
	}
	thing, err := s.Keep(ctx, "make")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := thing.Call(ctx, 41); err != nil || found != int64(42) {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := thing.Attr(ctx, "size"); err != nil || found != int64(3) {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := s.Call(ctx, "callable", thing); err != nil || found != true {
		t.Errorf("%v, %v", found, err)
	}
	if !thing.Callable() || len(thing.Class()) == 0 {
		t.Errorf("%v %v", thing.Class(), thing)
	}
	if err := thing.Close(); err != nil {
		t.Error(err)
	}
	if alive, err := s.Call(ctx, "alive"); err != nil || alive != false {
		t.Errorf("after Close it lives: %v, %v", alive, err)
	}
	if _, err := thing.Call(ctx, 1); !errors.Is(err, arcuate.StaleHandle) {
		t.Errorf("a closed handle was called: %v", err)
	}
	if _, err = s.Keep(ctx, "make"); err != nil {
		t.Fatal(err)
	}
	for range 100 { // the collector decides when; each turn is a chance
		runtime.GC()
		if alive, err := s.Call(ctx, "alive"); err != nil {
			t.Fatal(err)
		} else if alive == false {
			return
		}
	}
	t.Error("an object that nobody has a handle of any more was not released")
}

func TestHandleOfAnotherSession(t *testing.T) {
	ctx, s := python(t)
	other, err := arcuate.Dial(ctx, plainHub.address(t)+"/second")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	here, err := s.Keep(ctx, "bytearray", []byte("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	back, err := other.Do(ctx, &arcuate.Request{Code: "lambda x: x", Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	same, err := back[0].(*arcuate.Handle).Call(ctx, here)
	if handle, found := same.(*arcuate.Handle); err != nil || !found || handle.ID() != here.ID() {
		t.Errorf("%v came back as %v, %v", here, same, err)
	}
}

var errMine = errors.New("mine")

func TestCallbacks(t *testing.T) {
	ctx, s := python(t)
	nested := arcuate.NewFunction("nested", func(ctx context.Context, args []any, _ *arcuate.Map) (any, error) {
		return s.Call(ctx, "sum", args[0]) // a call of its own while the first one waits
	})
	if found, err := s.Call(ctx, "apply", nested, []any{1, 2, 3}); err != nil || found != int64(6) {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := s.Call(ctx, "identity", nested); err != nil || found != any(nested) {
		t.Errorf("a function came back as %v, %v", found, err)
	}
	failing := arcuate.NewFunction("failing", func(context.Context, []any, *arcuate.Map) (any, error) {
		return nil, fmt.Errorf("while it ran: %w", errMine)
	})
	_, err := s.Call(ctx, "apply", failing)
	if !errors.Is(err, errMine) || !errors.Is(err, arcuate.RemoteError) {
		t.Errorf("a callback's error arrived as %v", err)
	}
	if found, err := s.Eval(ctx, "1"); err != nil || found != int64(1) {
		t.Errorf("after it: %v, %v", found, err)
	}
	panics := arcuate.NewFunction("panics", func(context.Context, []any, *arcuate.Map) (any, error) { panic("oh") })
	if _, err := s.Call(ctx, "apply", panics); err == nil || !strings.Contains(err.Error(), "panic: oh") {
		t.Errorf("a panic arrived as %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	ctx, s := python(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 5 {
				if found, err := arcuate.Call[int](ctx, s, "identity", 10*i+j); err != nil || found != 10*i+j {
					t.Errorf("%d came back as %d, %v", 10*i+j, found, err)
				}
			}
		})
	}
	all.Wait()
}

func TestLargeArrays(t *testing.T) {
	ctx, s := python(t)
	numbers := make([]float64, 1_000_001)
	for i := range numbers {
		numbers[i] = float64(i) / 3
	}
	texts := make([]string, 40_000)
	for i := range texts {
		texts[i] = strings.Repeat("é", i%50)
	}
	items := make([]any, 30_000) // a frame of more than a mebibyte, followed by the rest of it
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	if found, err := arcuate.Call[[]float64](ctx, s, "identity", numbers); err != nil || !slices.Equal(found, numbers) {
		t.Errorf("%d numbers, %v", len(found), err)
	}
	if found, err := arcuate.Call[[]string](ctx, s, "identity", texts); err != nil || !slices.Equal(found, texts) {
		t.Errorf("%d texts, %v", len(found), err)
	}
	mixed := append(items, 1.5)
	if found, err := arcuate.Call[[]any](ctx, s, "identity", mixed); err != nil || !reflect.DeepEqual(found, mixed) {
		t.Errorf("%d items, %v", len(found), err)
	}
}

func TestEnvironments(t *testing.T) {
	ctx := limited(t)
	found, err := arcuate.ListEnvironments(ctx, plainHub.address(t))
	names := []string{}
	for _, one := range found {
		names = append(names, one.Name)
	}
	if err != nil || !slices.Contains(names, "python") || !slices.Contains(names, "second") {
		t.Errorf("%v, %v", names, err)
	}
}

func TestStreams(t *testing.T) {
	ctx := limited(t)
	hub, err := arcuate.DialHub(ctx, plainHub.address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	now, err := hub.Subscribe(ctx, "go/test", &arcuate.SubscribeOptions{Buffer: 4})
	if err != nil {
		t.Fatal(err)
	}
	publisher := hub.Publisher("go/test")
	for i := range 10 {
		if number, err := publisher.Publish(ctx, i); err != nil || number != int64(i+1) {
			t.Fatalf("%d, %v", number, err)
		}
	}
	// Nothing was read, so four came at once and four wait: two were dropped.
	got, lost := []int{}, int64(0)
	for len(got)+int(lost) < 10 {
		sample, err := now.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		value, err := arcuate.As[int](sample.Value)
		if err != nil || int64(value)+1 != sample.Sequence || sample.Epoch == 0 {
			t.Errorf("%+v, %v", sample, err)
		}
		got, lost = append(got, value), lost+sample.Lost
	}
	if lost != 2 || !slices.IsSorted(got) {
		t.Errorf("%v came, %d were lost", got, lost)
	}
	if err := now.Close(); err != nil {
		t.Error(err)
	}
	if _, err := now.Next(ctx); !errors.Is(err, arcuate.SessionClosed) {
		t.Errorf("a closed subscription was read: %v", err)
	}
	from := int64(8)
	later, err := hub.Subscribe(ctx, "go/test", &arcuate.SubscribeOptions{From: &from})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if sample, err := later.Next(ctx); err != nil || sample.Sequence != 8 {
		t.Errorf("%+v, %v", sample, err)
	}
	topics, err := hub.Topics(ctx)
	if err != nil || !slices.ContainsFunc(topics, func(one arcuate.Topic) bool { return one.Name == "go/test" && one.Next == 11 }) {
		t.Errorf("%+v, %v", topics, err)
	}
}

func TestRestart(t *testing.T) {
	ctx := limited(t)
	s, err := arcuate.Dial(ctx, plainHub.address(t)+"/python")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := s.Keep(ctx, "object")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(ctx); err != nil || s.Info().Generation != 2 {
		t.Fatalf("%+v, %v", s.Info(), err)
	}
	if _, err := s.Call(ctx, "str", before); !errors.Is(err, arcuate.StaleHandle) {
		t.Errorf("a handle from before: %v", err)
	}
	_, err = s.Eval(ctx, "__import__('os')._exit(3)")
	if !errors.Is(err, arcuate.EnvironmentCrashed) {
		t.Errorf("a crash arrived as %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Eval(ctx, "1"); !errors.Is(err, arcuate.SessionClosed) {
		t.Errorf("a closed session: %v", err)
	}
}
