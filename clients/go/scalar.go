package arcuate

import (
	"math"
	"strconv"

	"arcuate.invalid/go/internal/wire"
)

// Dtype is the type of the elements of an array, or of a missing value.
type Dtype uint8

// The dtypes.
const (
	DtypeNone       = Dtype(wire.None)
	DtypeBool       = Dtype(wire.DBool)
	DtypeInt8       = Dtype(wire.I1)
	DtypeInt16      = Dtype(wire.I2)
	DtypeInt32      = Dtype(wire.I4)
	DtypeInt64      = Dtype(wire.I8)
	DtypeUint8      = Dtype(wire.U1)
	DtypeUint16     = Dtype(wire.U2)
	DtypeUint32     = Dtype(wire.U4)
	DtypeUint64     = Dtype(wire.U8)
	DtypeFloat16    = Dtype(wire.F2)
	DtypeFloat32    = Dtype(wire.F4)
	DtypeFloat64    = Dtype(wire.F8)
	DtypeComplex64  = Dtype(wire.C8)
	DtypeComplex128 = Dtype(wire.C16)
	DtypeText       = Dtype(wire.DText)
	DtypeDatetime   = Dtype(wire.DDatetime)
	DtypeDate       = Dtype(wire.DDate)
	DtypeDuration   = Dtype(wire.DDuration)
)

// String is the dtype's name on the wire, such as f8.
func (d Dtype) String() string {
	if int(d) < len(wire.DtypeNames) {
		return wire.DtypeNames[d]
	}
	return "dtype " + strconv.Itoa(int(d))
}

// Float16 is an IEEE binary16 number, as its bits.
type Float16 uint16

// NewFloat16 rounds a number to the nearest Float16.
func NewFloat16(number float64) Float16 { return Float16(wire.FloatF2(number)) }

// Float64 is the number, exactly.
func (f Float16) Float64() float64 { return wire.F2Float(uint16(f)) }

// String is the number as text.
func (f Float16) String() string { return strconv.FormatFloat(f.Float64(), 'g', -1, 32) }

// Typed is a number of a class that Go's own type of the same width does not tell: numpy.int64(1) is
// Typed[int64]{1}, while a plain 1 is an int64. Narrower numbers need no wrapper: an int32 is a number of the class
// i4, and so it is with int8, int16, uint8, uint16, uint32, Float16, float32 and complex64.
type Typed[T bool | int64 | uint64 | float64 | complex128] struct {
	Value T
}

// Missing is a value that is not there: NA. NaN is a number and never missing.
type Missing struct {
	// Dtype is the type of what is missing; DtypeNone where the language does not say.
	Dtype Dtype
	// Unit is the unit of a missing datetime or duration, where it is known.
	Unit Unit
	// Hint is the class that a missing time had in Python.
	Hint TimeHint
}

// String is NA with its type.
func (m Missing) String() string {
	if m.Dtype == DtypeNone {
		return "NA"
	}
	return "NA (" + m.Dtype.String() + ")"
}

func complexBits(number complex128) (uint64, uint64) {
	return math.Float64bits(real(number)), math.Float64bits(imag(number))
}
