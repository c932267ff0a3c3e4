package arcuate

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestFloat16 checks every binary16 number, and that other numbers go to the nearest, ties to even.
func TestFloat16(t *testing.T) {
	for bits := range 1 << 16 {
		half := Float16(bits)
		number := half.Float64()
		if back := NewFloat16(number); back != half && !math.IsNaN(number) {
			t.Fatalf("%04x is %v, which is %04x", bits, number, uint16(back))
		}
	}
	for bits := range 0x7BFF { // between each finite number and the next
		low, high := Float16(bits), Float16(bits+1)
		middle := (low.Float64() + high.Float64()) / 2
		even := low
		if bits&1 == 1 {
			even = high
		}
		for number, want := range map[float64]Float16{
			middle: even, math.Nextafter(middle, 0): low, math.Nextafter(middle, math.Inf(1)): high,
		} {
			if got := NewFloat16(number); got != want || NewFloat16(-number) != want|0x8000 {
				t.Fatalf("%v became %v instead of %v", number, got, want)
			}
		}
	}
	if got := NewFloat16(65520); !math.IsInf(got.Float64(), 1) {
		t.Errorf("65520 became %v", got)
	}
}

// TestOrder checks that an array in another order has the same element at each index.
func TestOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		shape := make([]int, 1+random.IntN(4))
		for i := range shape {
			shape[i] = random.IntN(5)
		}
		a := &Array[int64]{Data: make([]int64, product(shape)), Layout: Layout{Shape: shape, Order: Order(random.IntN(2))}}
		a.Mask = make([]bool, len(a.Data))
		for i := range a.Data {
			a.Data[i], a.Mask[i] = int64(i), random.IntN(3) == 0
		}
		b := a.In(RowMajor + ColumnMajor - a.Order)
		index := make([]int, len(shape))
		for range a.Data {
			x, here, err := a.At(index...)
			y, there, bad := b.At(index...)
			if x != y || here != there || err != nil || bad != nil {
				t.Fatalf("%v: %v %v %v at %v, then %v %v %v", shape, x, here, err, index, y, there, bad)
			}
			for i := range index {
				if index[i]++; index[i] < shape[i] {
					break
				}
				index[i] = 0
			}
		}
	}
	a := Vector(1.5)
	for _, index := range [][]int{{}, {1}, {-1}, {0, 0}} {
		if _, _, err := a.At(index...); !errors.Is(err, InvalidArgument) {
			t.Errorf("%v: %v", index, err)
		}
	}
}

func TestBytesInTheOtherOrder(t *testing.T) {
	if got := swapped([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 4); !reflect.DeepEqual(got, []byte{4, 3, 2, 1, 8, 7, 6, 5}) {
		t.Errorf("%v", got)
	}
	unaligned := append(make([]byte, 1, 17), bytesOf([]float64{1.5, -2})...)[1:]
	if got := numbersOf[float64](unaligned); !reflect.DeepEqual(got, []float64{1.5, -2}) {
		t.Errorf("%v", got)
	}
}

func TestTimes(t *testing.T) {
	prague, err := time.LoadLocation("Europe/Prague")
	if err != nil {
		t.Skipf("zones: not installed: %v", err)
	}
	for zone, when := range map[string]time.Time{
		"Europe/Prague": time.Date(2024, 3, 31, 3, 0, 0, 1, prague), "UTC": time.Date(1677, 9, 22, 0, 0, 0, 0, time.UTC),
		"-03:30": time.Date(2000, 1, 1, 0, 0, 0, 999, time.FixedZone("here", -12600)), "+00:00": time.Unix(-1, 5).In(time.FixedZone("", 0)),
	} {
		d, err := FromTime(when)
		if err != nil || d.Zone != zone {
			t.Errorf("%v: %+v, %v", when, d, err)
			continue
		}
		back, err := d.Time()
		if err != nil || !back.Equal(when) || back.Format(time.RFC3339Nano) != when.Format(time.RFC3339Nano) {
			t.Errorf("%v came back as %v, %v", when, back, err)
		}
	}
	far := time.Date(9999, 12, 31, 23, 59, 59, 1000, time.UTC)
	if d, err := FromTime(far); err != nil || d.Unit != Microsecond {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := FromTime(far.Add(1)); !errors.Is(err, Conversion) {
		t.Errorf("%v", err)
	}
	for _, d := range []Datetime{{Count: 1, Unit: Second}, {Count: 1, Unit: Second, Zone: "Nowhere/There"}, {Count: 1, Unit: Attosecond, Zone: "UTC"}} {
		if when, err := d.Time(); !errors.Is(err, Conversion) {
			t.Errorf("%+v became %v, %v", d, when, err)
		}
	}
	for d, want := range map[Datetime]string{
		{Count: -1, Unit: Millisecond}: "1969-12-31T23:59:59.999Z", {Count: 54, Unit: Year}: "2024-01-01T00:00:00Z",
		{Count: -1, Unit: Month}: "1969-12-01T00:00:00Z", {Count: 19782, Unit: Day}: "2024-02-29T00:00:00Z",
		{Count: 5_000, Unit: Picosecond}: "1970-01-01T00:00:00.000000005Z",
	} {
		if when, err := d.Clock(); err != nil || when.Format(time.RFC3339Nano) != want {
			t.Errorf("%+v became %v, %v instead of %s", d, when, err, want)
		}
	}
	if d := DateOf(time.Date(1969, 12, 31, 23, 0, 0, 0, prague)); d != -1 || d.Time().Day() != 31 {
		t.Errorf("%v", d)
	}
	if span, err := (Duration{Count: -3, Unit: Hour}).Std(); err != nil || span != -3*time.Hour {
		t.Errorf("%v, %v", span, err)
	}
	if _, err := (Duration{Count: 1, Unit: Month}).Std(); !errors.Is(err, Conversion) {
		t.Errorf("a month became a duration: %v", err)
	}
}

// TestAsRefuses checks that As never loses anything.
func TestAsRefuses(t *testing.T) {
	for name, err := range map[string]error{
		"fraction":  second(As[int](1.5)),
		"overflow":  second(As[int8](int64(128))),
		"negative":  second(As[uint64](int64(-1))),
		"inexact":   second(As[float64](int64(1<<53 + 1))),
		"least":     second(As[float64](int64(math.MaxInt64))),
		"narrow":    second(As[float32](0.1)),
		"missing":   second(As[float64](Missing{})),
		"null":      second(As[string](nil)),
		"text":      second(As[float64]("1")),
		"imaginary": second(As[float64](complex(1, 1))),
		"masked":    second(As[[]float64](&Array[float64]{Data: []float64{1}, Layout: Layout{Shape: []int{1}, Mask: []bool{true}}})),
		"shape":     second(As[float64](Vector(1.0, 2.0))),
		"struct":    second(As[struct{ A int }](&Map{})),
		"label":     second(As[[]float64](&LabelledArray{Dims: []string{"x"}, Data: Vector(1.0)})),
	} {
		if !errors.Is(err, Conversion) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found, err := As[uint64](uint64(math.MaxUint64)); err != nil || found != math.MaxUint64 {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := As[map[string]any](must(NewMap("a", nil))); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := As[any](nil); err != nil || found != nil {
		t.Errorf("%v, %v", found, err)
	}
}

func second[T any](_ T, err error) error { return err }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
