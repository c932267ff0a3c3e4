package arcuate

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"
)

// littleEndian tells whether numbers lie in memory as they do on the wire.
var littleEndian = func() bool {
	number := uint16(1)
	return *(*byte)(unsafe.Pointer(&number)) == 1
}()

// buffer is the elements as they lie on the wire: a view of them where that can be.
func (a *Array[T]) buffer() []byte {
	if texts, found := any(a.Data).([]string); found {
		return joined(texts, a.Mask)
	}
	return bytesOf(a.Data)
}

// bytesOf is a slice of numbers as little-endian bytes: a view where numbers lie so in memory. A bool is one byte, 0 or
// 1, which is what the wire wants too.
func bytesOf[T Element](data []T) []byte {
	if len(data) == 0 {
		return nil
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	view := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*size)
	if littleEndian || size == 1 {
		return view
	}
	return swapped(view, part(zero))
}

// numbersOf is the other way round: the bytes themselves where they are aligned, otherwise a copy.
func numbersOf[T Element](data []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(data) < size {
		return []T{}
	}
	if !littleEndian && size > 1 {
		data = swapped(data, part(zero))
	}
	begin := unsafe.Pointer(unsafe.SliceData(data))
	if uintptr(begin)%unsafe.Alignof(zero) == 0 {
		return unsafe.Slice((*T)(begin), len(data)/size)
	}
	numbers := make([]T, len(data)/size)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(data)), data)
	return numbers
}

// part is the size of what has its bytes in an order: half of a complex number.
func part[T Element](zero T) int {
	switch any(zero).(type) {
	case complex64, complex128:
		return int(unsafe.Sizeof(zero)) / 2
	}
	return int(unsafe.Sizeof(zero))
}

func swapped(data []byte, size int) []byte {
	out := make([]byte, len(data))
	for i := range data {
		out[i] = data[i-i%size+size-1-i%size]
	}
	return out
}

// joined is texts as they lie on the wire; nothing under the mask.
func joined(texts []string, mask []bool) []byte {
	size := len(texts)
	for _, text := range texts {
		size += len(text)
	}
	out := make([]byte, 0, size)
	for i, text := range texts {
		if mask == nil || !mask[i] {
			out = append(out, text...)
		}
		out = append(out, 0)
	}
	return out
}

// split is the other way round.
func split(data []byte) []string {
	if len(data) == 0 {
		return []string{}
	}
	return strings.Split(string(data[:len(data)-1]), "\x00")
}

// indicesOf are the indices of a sparse matrix.
func indicesOf(data []byte, wide bool) []int64 {
	if wide {
		return numbersOf[int64](data)
	}
	found := make([]int64, len(data)/4)
	for i := range found {
		found[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return found
}

// indexBytes writes the indices of a sparse matrix.
func indexBytes(indices []int64, wide bool) []byte {
	if wide {
		return bytesOf(indices)
	}
	out := make([]byte, 4*len(indices))
	for i, index := range indices {
		binary.LittleEndian.PutUint32(out[4*i:], uint32(index))
	}
	return out
}

func narrowIndices(indices []int64) bool {
	for _, index := range indices {
		if index > math.MaxInt32 || index < math.MinInt32 {
			return false
		}
	}
	return true
}
