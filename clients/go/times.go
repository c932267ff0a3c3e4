package arcuate

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Unit is the unit of a datetime or a duration.
type Unit uint8

// The units, with the numbers that they have on the wire.
const (
	NoUnit Unit = iota
	Second
	Millisecond
	Microsecond
	Nanosecond
	Minute
	Hour
	Day
	Week
	Month
	Year
	Picosecond
	Femtosecond
	Attosecond
)

var unitNames = []string{"", "s", "ms", "us", "ns", "min", "h", "day", "week", "month", "year", "ps", "fs", "as"}

// String is the unit's name, such as ms.
func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return fmt.Sprintf("unit %d", uint8(u))
}

// TimeHint says which class of Python a datetime or duration was; it never decides equality.
type TimeHint uint8

// The hints of a datetime or duration.
const (
	NumpyTime  TimeHint = 1
	PandasTime TimeHint = 2
)

// Datetime is a count of units since 1970-01-01T00:00. With a zone it is an instant: the count is in UTC, and the zone
// says how to show it. Without one it is naive: a reading of a calendar and a clock. Neither turns into the other.
type Datetime struct {
	Count int64
	Unit  Unit
	// Zone is an IANA name or an offset such as +05:30; empty: naive.
	Zone string
	Hint TimeHint
}

// Date is a count of days since 1970-01-01.
type Date int32

// Duration is a count of units.
type Duration struct {
	Count int64
	Unit  Unit
	Hint  TimeHint
}

// Ticks is an element of an array of datetimes: a count of the array's unit, in UTC where it has a zone.
type Ticks int64

// Span is an element of an array of durations: a count of the array's unit.
type Span int64

// FromTime is the instant of a time.Time, in nanoseconds where they fit and otherwise in microseconds. Its zone is the
// name of the location, or its offset where the location has none that others know (time.Local, time.FixedZone).
// A wall-clock reading without zone is [Naive].
func FromTime(t time.Time) (Datetime, error) {
	zone, err := zoneOf(t)
	if err != nil {
		return Datetime{}, err
	}
	return fromUnix(t.Unix(), t.Nanosecond(), zone)
}

// Naive is what calendar and clock of a time.Time show, without its zone.
func Naive(t time.Time) (Datetime, error) {
	_, offset := t.Zone()
	return fromUnix(t.Unix()+int64(offset), t.Nanosecond(), "")
}

func fromUnix(seconds int64, nanos int, zone string) (Datetime, error) {
	if count, fits := scaled(seconds, 1e9, int64(nanos)); fits {
		return Datetime{Count: count, Unit: Nanosecond, Zone: zone}, nil
	}
	if count, fits := scaled(seconds, 1e6, int64(nanos/1000)); fits && nanos%1000 == 0 {
		return Datetime{Count: count, Unit: Microsecond, Zone: zone}, nil
	}
	return Datetime{}, newError(Conversion, ExecutedNo,
		"a time so far from 1970 cannot be written in nanoseconds; truncate it to microseconds, or build a Datetime")
}

// scaled is count*factor + rest, and whether it fits.
func scaled(count, factor, rest int64) (int64, bool) {
	high, low := bits.Mul64(uint64(max(count, -count)), uint64(factor))
	if count == math.MinInt64 || high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	product := int64(low)
	if count < 0 {
		product = -product
	}
	if rest > 0 && product > math.MaxInt64-rest {
		return 0, false
	}
	return product + rest, true
}

// zoneOf is the zone of a time under a name that every language knows.
func zoneOf(t time.Time) (string, error) {
	if t.Location() == time.UTC {
		return "UTC", nil
	}
	name := t.Location().String()
	_, offset := t.Zone()
	if name != "" && name != "Local" {
		if known, err := time.LoadLocation(name); err == nil {
			if _, there := t.In(known).Zone(); there == offset {
				return name, nil
			}
		}
	}
	if offset%60 != 0 {
		return "", newError(Conversion, ExecutedNo, "the zone of %v has an offset of %d seconds, which no zone can be "+
			"named by; use t.In(location) with a named location", t, offset)
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%c%02d:%02d", sign, offset/3600, offset/60%60), nil
}

// Time is the instant as a time.Time in its zone. A naive datetime, a zone that this machine does not know and a unit
// that a time.Time cannot hold are errors with the code Conversion.
func (d Datetime) Time() (time.Time, error) {
	if d.Zone == "" {
		return time.Time{}, newError(Conversion, ExecutedYes,
			"a datetime without zone is no instant; use Clock for its reading of calendar and clock")
	}
	location, err := locationOf(d.Zone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := d.Clock()
	return t.In(location), err
}

// Clock is the count read as a calendar and a clock: of a naive datetime what it shows, of an instant what it shows in
// UTC. The location of the result is UTC in both cases.
func (d Datetime) Clock() (time.Time, error) {
	switch d.Unit {
	case Month:
		return time.Date(1970, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, int(d.Count), 0), nil
	case Year:
		return time.Date(1970, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(int(d.Count), 0, 0), nil
	}
	if seconds, found := unitSeconds[d.Unit]; found {
		if count, fits := scaled(d.Count, seconds, 0); fits {
			return time.Unix(count, 0).UTC(), nil
		}
	} else if part, found := secondParts[d.Unit]; found {
		seconds, rest := d.Count/part, d.Count%part
		if rest < 0 {
			seconds, rest = seconds-1, rest+part
		}
		if part <= 1e9 {
			return time.Unix(seconds, rest*(1e9/part)).UTC(), nil
		}
		if rest%(part/1e9) == 0 {
			return time.Unix(seconds, rest/(part/1e9)).UTC(), nil
		}
	}
	return time.Time{}, newError(Conversion, ExecutedYes, "%d %s cannot be a time.Time; use Count and Unit", d.Count, d.Unit)
}

var unitSeconds = map[Unit]int64{Second: 1, Minute: 60, Hour: 3600, Day: 86400, Week: 604800}

var secondParts = map[Unit]int64{
	Millisecond: 1e3, Microsecond: 1e6, Nanosecond: 1e9, Picosecond: 1e12, Femtosecond: 1e15, Attosecond: 1e18,
}

func locationOf(zone string) (*time.Location, error) {
	if zone[0] == '+' || zone[0] == '-' {
		if t, err := time.Parse("-07:00", zone); err == nil {
			_, offset := t.Zone()
			return time.FixedZone(zone, offset), nil
		}
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return nil, newError(Conversion, ExecutedYes, "the time zone %q is not known here", zone)
	}
	return location, nil
}

// Time is midnight of the day in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// DateOf is the day that a time.Time shows.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Std is the duration as a time.Duration, if it can be one exactly.
func (d Duration) Std() (time.Duration, error) {
	if seconds, found := unitSeconds[d.Unit]; found {
		if count, fits := scaled(d.Count, seconds*1e9, 0); fits {
			return time.Duration(count), nil
		}
	} else if part, found := secondParts[d.Unit]; found {
		if part <= 1e9 {
			if count, fits := scaled(d.Count, 1e9/part, 0); fits {
				return time.Duration(count), nil
			}
		} else if d.Count%(part/1e9) == 0 {
			return time.Duration(d.Count / (part / 1e9)), nil
		}
	}
	return 0, newError(Conversion, ExecutedYes, "%d %s cannot be a time.Duration; use Count and Unit", d.Count, d.Unit)
}
