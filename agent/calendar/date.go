package calendar

import (
	"fmt"
	"time"
)

// Date is a civil date in China. Dates compare with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Zone is Asia/Shanghai. China has had no daylight saving since 1991, so a fixed offset needs no tzdata on the machine.
func Zone() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }

// DateOf is the civil date in China at that instant.
func DateOf(t time.Time) Date {
	y, m, d := t.In(Zone()).Date()
	return Date{Year: y, Month: m, Day: d}
}

// ParseDate reads 2026-11-26.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q: want a date like 2026-11-26", s)
	}
	y, m, d := t.Date()
	return Date{Year: y, Month: m, Day: d}, nil
}

// String gives 2026-11-26.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Start is 0:00 of the date in China.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, Zone()) }

// End is 24:00 of the date, an exclusive end.
func (d Date) End() time.Time { return d.Next().Start() }

// Next is the day after.
func (d Date) Next() Date { return d.plus(1) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.Start().Weekday() }

func (d Date) plus(days int) Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+days, 12, 0, 0, 0, Zone()))
}
