package wire

import (
	"math"
	"strings"
)

// leaf checks the kinds that hold no other values and no elements.
func (w *walk) leaf(at int, row *Node) *Fault {
	switch row.Kind {
	case Null:
		return w.unused(at, row, 0)
	case Bool:
		if row.Value > 1 || row.Dtype > DBool {
			return w.bad(at, "value %d, dtype %d; 0 or 1 and dtype 0 or %d are allowed", row.Value, row.Dtype, DBool)
		}
		return w.unused(at, row, useDtype|useValue)
	case Int:
		return w.integer(at, row)
	case Float:
		if row.Dtype != None && (row.Dtype < F2 || row.Dtype > F8) {
			return w.bad(at, "dtype %d is none of a float", row.Dtype)
		}
		if fault := w.unused(at, row, useDtype|useValue); fault != nil {
			return fault
		}
		return w.narrow(at, row.Dtype, row.Value)
	case Complex:
		return w.complex(at, row)
	case Text:
		if strings.IndexByte(row.Text, 0) >= 0 {
			return w.bad(at, "the text holds a NUL")
		}
		return w.unused(at, row, useText)
	case Bytes:
		if fault := w.unused(at, row, 0); fault != nil {
			return fault
		}
		_, fault := w.buffer(at, -1, "data")
		return fault
	case Missing:
		if row.Dtype >= dtypes || row.Unit >= Units {
			return w.bad(at, "unknown dtype %d or unit %d", row.Dtype, row.Unit)
		}
		if row.Dtype == DDatetime || row.Dtype == DDuration {
			return w.unused(at, row, useDtype|useUnit)
		}
		return w.unused(at, row, useDtype)
	}
	return w.time(at, row)
}

func (w *walk) time(at int, row *Node) *Fault {
	switch row.Kind {
	case Date:
		if days := int64(row.Value); days != int64(int32(days)) {
			return w.bad(at, "%d days are beyond what a date holds", days)
		}
		return w.unused(at, row, useValue)
	case Datetime:
		if fault := w.zone(at, row.Text); fault != nil {
			return fault
		}
		if fault := w.unused(at, row, useUnit|useValue|useText); fault != nil {
			return fault
		}
	default:
		if fault := w.unused(at, row, useUnit|useValue); fault != nil {
			return fault
		}
	}
	return w.unit(at, row.Unit)
}

func (w *walk) integer(at int, row *Node) *Fault {
	if fault := w.unused(at, row, useDtype|useValue); fault != nil || row.Dtype == None {
		return fault
	}
	fits := false
	switch number := int64(row.Value); row.Dtype {
	case I1:
		fits = number == int64(int8(number))
	case I2:
		fits = number == int64(int16(number))
	case I4:
		fits = number == int64(int32(number))
	case I8, U8:
		fits = true
	case U1:
		fits = number == int64(uint8(number))
	case U2:
		fits = number == int64(uint16(number))
	case U4:
		fits = number == int64(uint32(number))
	default:
		return w.bad(at, "dtype %d is none of an integer", row.Dtype)
	}
	if !fits || row.Flags&IntUnsigned != 0 {
		return w.bad(at, "%d does not fit the dtype %s", int64(row.Value), DtypeNames[row.Dtype])
	}
	return nil
}

func (w *walk) complex(at int, row *Node) *Fault {
	if fault := w.unused(at, row, useDtype); fault != nil {
		return fault
	}
	if row.Dtype != None && row.Dtype != C8 && row.Dtype != C16 {
		return w.bad(at, "dtype %d is none of a complex number", row.Dtype)
	}
	parts, fault := w.numbers(at, 2)
	if fault != nil {
		return fault
	}
	for _, one := range parts {
		if fault := w.narrow(at, row.Dtype, one); fault != nil {
			return fault
		}
	}
	return nil
}

// narrow checks that a binary64 is one that its class can hold.
func (w *walk) narrow(at int, dtype uint8, value uint64) *Fault {
	number := math.Float64frombits(value)
	same := true
	switch dtype {
	case F2:
		same = F2Float(FloatF2(number)) == number
	case F4, C8:
		same = float64(float32(number)) == number
	}
	if !same && number == number {
		return w.bad(at, "%v does not fit the dtype %s", number, DtypeNames[dtype])
	}
	return nil
}

func (w *walk) unit(at int, unit uint8) *Fault {
	if unit < 1 || unit >= Units {
		return w.bad(at, "unit %d; 1 to %d are allowed", unit, Units-1)
	}
	return nil
}

// ValidZone tells whether a text can be the name of a time zone.
func ValidZone(zone string) bool {
	if len(zone) > 128 || strings.HasPrefix(zone, "/") || strings.Contains(zone, "..") {
		return false
	}
	for i := range len(zone) {
		c := zone[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("_+-/:.,<>()", c) < 0 {
			return false
		}
	}
	return true
}

func (w *walk) zone(at int, zone string) *Fault {
	if !ValidZone(zone) {
		return w.bad(at, "%q is no name of a time zone", cut(zone))
	}
	return nil
}

func (w *walk) array(at int, row *Node) (part, *Fault) {
	if row.Dtype == None || row.Dtype >= dtypes {
		return part{}, w.bad(at, "unknown dtype %d", row.Dtype)
	}
	size := itemSize[row.Dtype]
	shape, total, fault := w.shape(at, uint64(row.Count), size)
	if fault != nil {
		return part{}, fault
	}
	used := useDtype | useCount
	if row.Dtype == DDatetime || row.Dtype == DDuration {
		used |= useUnit
		if fault = w.unit(at, row.Unit); fault != nil {
			return part{}, fault
		}
	}
	if row.Dtype == DDatetime {
		used |= useText
		if fault = w.zone(at, row.Text); fault != nil {
			return part{}, fault
		}
	}
	if fault = w.unused(at, row, used); fault != nil {
		return part{}, fault
	}
	if row.Flags&ArraySequence != 0 {
		switch row.Dtype {
		case DBool, I8, F8, C16, DText:
		default:
			return part{}, w.bad(at, "a sequence of dtype %s", DtypeNames[row.Dtype])
		}
		if row.Count != 1 {
			return part{}, w.bad(at, "a sequence of %d dimensions", row.Count)
		}
	} else if row.Flags&ArrayTuple != 0 {
		return part{}, w.bad(at, "a tuple that is no sequence")
	}
	if fault = w.content(at, row, total, size); fault != nil {
		return part{}, fault
	}
	if row.Flags&ArrayMask != 0 {
		mask, fault := w.buffer(at, int64(total), "mask")
		if fault != nil {
			return part{}, fault
		}
		if !zerosAndOnes(mask) {
			return part{}, w.bad(at, "a byte of the mask is neither 0 nor 1")
		}
	}
	return part{at: at, shape: shape}, nil
}

func (w *walk) content(at int, row *Node, total, size uint64) *Fault {
	if row.Dtype == DText {
		data, fault := w.buffer(at, -1, "data")
		if fault != nil {
			return fault
		}
		if problem := textProblem(data, total); problem != "" {
			return w.bad(at, "%s", problem)
		}
		return nil
	}
	data, fault := w.buffer(at, int64(total*size), "data")
	if fault == nil && row.Dtype == DBool && !zerosAndOnes(data) {
		return w.bad(at, "a truth value is neither 0 nor 1")
	}
	return fault
}

func (w *walk) sparse(at int, row *Node) *Fault {
	if fault := w.unused(at, row, useDtype|useUnit|useValue); fault != nil {
		return fault
	}
	if row.Dtype < DBool || row.Dtype > C16 || row.Dtype == F2 || row.Unit > COO {
		return w.bad(at, "dtype %d in format %d", row.Dtype, row.Unit)
	}
	shape, _, fault := w.shape(at, 2, 1)
	if fault != nil {
		return fault
	}
	rows, columns, stored := shape[0], shape[1], row.Value
	width := uint64(4)
	if row.Flags&SparseWide != 0 {
		width = 8
	}
	if stored > 1<<58 || rows > 1<<58 || columns > 1<<58 {
		return w.bad(at, "%d entries in %d by %d are larger than any memory", stored, rows, columns)
	}
	data, fault := w.buffer(at, int64(stored*itemSize[row.Dtype]), "data")
	if fault != nil {
		return fault
	}
	if row.Dtype == DBool && !zerosAndOnes(data) {
		return w.bad(at, "a truth value is neither 0 nor 1")
	}
	inner, outer := rows, columns
	if row.Unit == CSR {
		inner, outer = columns, rows
	}
	indices, fault := w.buffer(at, int64(stored*width), "indices")
	if fault != nil {
		return fault
	}
	if strange, found := outside(indices, width, inner, nil); found {
		return w.bad(at, "the index %d is not inside %d by %d", strange, rows, columns)
	}
	if row.Unit == COO {
		second, fault := w.buffer(at, int64(stored*width), "columns")
		if fault != nil {
			return fault
		}
		if strange, found := outside(second, width, columns, nil); found {
			return w.bad(at, "the index %d is not inside %d by %d", strange, rows, columns)
		}
		return nil
	}
	pointers, fault := w.buffer(at, int64((outer+1)*width), "pointers")
	if fault != nil {
		return fault
	}
	if problem := gap(pointers, width, stored); problem != "" {
		return w.bad(at, "pointers: %s", problem)
	}
	return nil
}
