package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// zerosAndOnes tells whether every byte is 0 or 1.
func zerosAndOnes(data []byte) bool {
	for len(data) >= 8 {
		if binary.LittleEndian.Uint64(data)&^0x0101010101010101 != 0 {
			return false
		}
		data = data[8:]
	}
	for _, one := range data {
		if one > 1 {
			return false
		}
	}
	return true
}

// textProblem says what is wrong with a buffer of so many NUL-terminated UTF-8 texts; "" if nothing is.
func textProblem(data []byte, count uint64) string {
	if count == 0 {
		if len(data) > 0 {
			return "bytes in an array of no elements"
		}
		return ""
	}
	if len(data) == 0 || data[len(data)-1] != 0 {
		return "the last byte is no NUL"
	}
	if found := bytes.Count(data, []byte{0}); uint64(found) != count {
		return fmt.Sprintf("%d texts instead of %d", found, count)
	}
	if !utf8.Valid(data) {
		return "it is not UTF-8"
	}
	return ""
}

// signedAt is the signed integer of so many bytes at a place.
func signedAt(data []byte, width uint64, at int) int64 {
	switch width {
	case 1:
		return int64(int8(data[at]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(data[2*at:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(data[4*at:])))
	}
	return int64(binary.LittleEndian.Uint64(data[8*at:]))
}

// outside finds a number that is not in 0 <= number < high where the mask is 0.
func outside(data []byte, width, high uint64, mask []byte) (int64, bool) {
	for i := range len(data) / int(width) {
		number := signedAt(data, width, i)
		if (number < 0 || uint64(number) >= high) && (mask == nil || mask[i] == 0) {
			return number, true
		}
	}
	return 0, false
}

// gap says what is wrong with the pointers of a sparse matrix that has so many entries; "" if nothing is.
func gap(data []byte, width, last uint64) string {
	count := len(data) / int(width)
	before := int64(0)
	for i := range count {
		number := signedAt(data, width, i)
		if i == 0 && number != 0 {
			return fmt.Sprintf("they begin with %d instead of 0", number)
		}
		if number < before {
			return fmt.Sprintf("%d follows %d", number, before)
		}
		before = number
	}
	if uint64(before) != last {
		return fmt.Sprintf("they end with %d instead of %d", before, last)
	}
	return ""
}

// FloatF2 rounds a binary64 to binary16, to nearest, ties to even.
func FloatF2(number float64) uint16 {
	bits := math.Float64bits(number)
	sign := uint16(bits >> 48 & 0x8000)
	exponent := int(bits>>52&0x7FF) - 1023
	fraction := bits & (1<<52 - 1)
	switch {
	case exponent == 1024 && fraction != 0:
		return sign | 0x7E00
	case exponent > 15:
		return sign | 0x7C00
	case exponent < -25:
		return sign
	}
	fraction |= 1 << 52
	shift := uint(42)
	base := uint16(exponent+15) << 10
	if exponent < -14 {
		shift, base = uint(42-14-exponent), 0
	}
	kept := uint16(fraction >> shift)
	if base != 0 {
		kept &= 0x3FF
	}
	rest, half := fraction&(1<<shift-1), uint64(1)<<(shift-1)
	if rest > half || rest == half && kept&1 == 1 {
		kept++
	}
	return sign | base + kept // a carry out of the fraction is the next exponent, up to infinity
}

// F2Float is the number of a binary16.
func F2Float(half uint16) float64 {
	exponent, fraction := int(half>>10&0x1F), float64(half&0x3FF)
	var number float64
	switch exponent {
	case 31:
		if number = math.Inf(1); fraction != 0 {
			return math.NaN()
		}
	case 0:
		number = math.Ldexp(fraction, -24)
	default:
		number = math.Ldexp(1024+fraction, exponent-25)
	}
	if half&0x8000 != 0 {
		return math.Copysign(number, -1)
	}
	return number
}
