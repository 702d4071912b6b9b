// Package dates reads dates as pages print them: the forms of ministries and
// papers, of feeds and of metadata, in the languages that news is written in.
//
// A date is never completed by guessing. A day without a year, a clock time
// without a day and "two hours ago" are not dates.
package dates

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A Date is a point in time as a page printed it.
type Date struct {
	Time      time.Time // with the offset as written, else in Options.Zone, as are the seconds of Unix
	Precision string    // Second, Minute, Day, Month or Year
	Text      string    // the part of the input that is the date, white space folded
	Zoned     bool      // the text itself named an offset
}

// The precisions of a Date. What a date does not say is its first moment: a
// day is 00:00, a month its first day.
const (
	Second = "second"
	Minute = "minute"
	Day    = "day"
	Month  = "month"
	Year   = "year"
)

// HasClock reports whether the date names a time of the day.
func (d Date) HasClock() bool { return d.Precision == Second || d.Precision == Minute }

// An Order settles what 1/2/2026 means.
type Order int

// The orders. Where only one reading exists, where a weekday beside the date
// decides, or where one reading lies in the future, the order does not matter.
const (
	DayFirst Order = iota
	MonthFirst
)

// Options say how to read what a text leaves open. The zero value reads UTC,
// day first, without a bound.
type Options struct {
	Zone     *time.Location // for dates that name no offset; nil means UTC
	Order    Order          //
	NotAfter time.Time      // dates later than this and a day are refused; zero means no bound
}

// A Match is a date in running text, with the byte offsets of its text.
type Match struct {
	Date
	Start, End int
	Span       bool // the first or the last of a span of days, or a day with the hours of an event
}

// lastYear is the last year that is believed when Options give no bound.
const lastYear = 2100

// maxLine is the length from which a string is no date line any more.
const maxLine = 1000

// Parse reads the date of a line that stands in an element of its own. The
// line may carry labels, a weekday, counters and the name of a zone. A span of
// two days is refused, and so is prose that merely mentions a day; of several
// dates the first counts, and of the same day the one with a clock.
//
// A clock of exactly 12:00 AM behind a day is what some systems print for
// imported items of which they know the day only: it is read as the day.
func Parse(s string, o Options) (Date, bool) {
	s = strings.TrimSpace(s)
	if len(s) > maxLine || !hasDigit(s) {
		return Date{}, false
	}
	p := newParser(s, o)
	if d, ok := p.whole(); ok {
		return d, true
	}
	if d, ok := p.dotNet(); ok {
		return d, true
	}
	found := p.find()
	if len(found) == 0 {
		return Date{}, false
	}
	if p.words(found) > 14 {
		return Date{}, false
	}
	first := found[0]
	for i, f := range found[1:] {
		if sameDay(first.Date, f.Date) {
			if f.HasClock() && !first.HasClock() {
				first = f
			}
			continue
		}
		if p.span(found[i].tokEnd, f.tokStart) {
			return Date{}, false
		}
	}
	return first.Date, true
}

// maxText is the length from which Find gives up.
const maxText = 1 << 30

// Find returns the dates in running text, in their order.
func Find(text string, o Options) []Match {
	if !hasDigit(text) || len(text) > maxText {
		return nil
	}
	p := newParser(text, o)
	found := p.find()
	if len(found) == 0 {
		return nil
	}
	out := make([]Match, len(found))
	for i, f := range found {
		out[i] = f.Match
		if i > 0 && !sameDay(found[i-1].Date, f.Date) && p.span(found[i-1].tokEnd, f.tokStart) {
			out[i-1].Span, out[i].Span = true, true
		}
	}
	return out
}

func hasDigit(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' <= 9 {
			return true
		}
		// full-width digits
		if s[i] == 0xEF && i+2 < len(s) && s[i+1] == 0xBC && s[i+2]-0x90 <= 9 {
			return true
		}
	}
	return false
}

func sameDay(a, b Date) bool {
	ay, am, ad := a.Time.Date()
	by, bm, bd := b.Time.Date()
	return ay == by && am == bm && ad == bd
}

// fold trims the text and folds its white space.
func fold(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c >= utf8.RuneSelf || c == ' ' && i+1 < len(s) && s[i+1] == ' ' {
			plain = false
			break
		}
	}
	if plain {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

// find reads every date of the text and joins each with its clock time.
func (p *parser) find() []found {
	dates, clocks := p.scan()
	if len(dates) == 0 {
		return nil
	}
	clockFirst := len(clocks) > 0 && clocks[0].start < dates[0].start
	used := make([]bool, len(clocks))
	out := make([]found, 0, len(dates))
	next := 0 // the first clock behind the date
	for i := range dates {
		d := &dates[i]
		for next < len(clocks) && clocks[next].start < d.end {
			next++
		}
		var best = -1
		bestGap := 0
		// A clock may stand on either side; another date must not stand between.
		if next < len(clocks) && (i+1 == len(dates) || clocks[next].start < dates[i+1].start) && !used[next] {
			if g, ok := p.gap(d.end, clocks[next].start); ok && (!clocks[next].weak || g <= 4) {
				best, bestGap = next, g
			}
		}
		if k := next - 1; k >= 0 && !used[k] && !clocks[k].weak && (i == 0 || clocks[k].start >= dates[i-1].end) && clocks[k].end <= d.start {
			if g, ok := p.gap(clocks[k].end, d.start); ok && (best < 0 || g < bestGap || g == bestGap && clockFirst) {
				best = k
			}
		}
		var c *clock
		if d.clock != nil {
			c = d.clock
		} else if best >= 0 {
			used[best] = true
			c = &clocks[best]
		}
		f, ok := p.join(d, c)
		if !ok {
			continue
		}
		if d.clock == nil && best >= 0 && best+1 < len(clocks) && p.hours(clocks[best], clocks[best+1]) {
			f.Span = true
		}
		out = append(out, f)
	}
	return out
}

// hours reports two clocks that are the beginning and the end of something.
func (p *parser) hours(a, b clock) bool {
	return (b.hour > a.hour || b.hour == a.hour && b.min > a.min) && p.span(a.end, b.start)
}

// A found is a match and the tokens it was read from.
type found struct {
	Match
	tokStart, tokEnd int
}

// join makes a date of a day and a clock, which may be nil.
func (p *parser) join(d *day, c *clock) (found, bool) {
	var f found
	f.tokStart, f.tokEnd = d.start, d.end
	y, m, dd := d.year, d.month, d.day
	f.Precision = Day
	if dd == 0 {
		dd = 1
		f.Precision = Month
	}
	zone := p.zone
	var hour, minute, sec, nsec int
	if c != nil && f.Precision == Day {
		f.tokStart, f.tokEnd = min(f.tokStart, c.start), max(f.tokEnd, c.end)
		if !c.none {
			hour, minute, sec, nsec = c.hour, c.min, c.sec, c.nsec
			f.Precision = Minute
			if c.seconds {
				f.Precision = Second
			}
		}
		if c.zoned {
			zone, f.Zoned = c.zone, true
		} else if z, end, ok := p.readZone(f.tokEnd, true); ok && c.end <= d.start {
			zone, f.Zoned, f.tokEnd = z, true, end
		}
		if c.daylight != nil {
			zone = c.daylight(y, m, dd)
		}
	}
	if d.ambiguous {
		y, m, dd = p.settle(y, m, dd, p.weekdayNear(d, c))
	}
	f.Time = time.Date(y, time.Month(m), dd, hour, minute, sec, nsec, zone)
	if !p.within(f.Time) {
		return f, false
	}
	if w, ok := p.weekdayBefore(f.tokStart); ok {
		f.tokStart = w
	}
	f.Start, f.End = int(p.t[f.tokStart].start), int(p.t[f.tokEnd-1].end)
	f.Text = fold(p.s[f.Start:f.End])
	return f, true
}

// within reports whether the date may be believed.
func (p *parser) within(t time.Time) bool {
	if t.Year() < 1900 || t.Year() > lastYear {
		return false
	}
	return p.o.NotAfter.IsZero() || !t.After(p.o.NotAfter.Add(24*time.Hour))
}

// settle decides between day/month and month/day where both exist: by the
// weekday printed beside the date, by what is not in the future, by the order
// asked for. It is given the day-first reading.
func (p *parser) settle(y, m, d, weekday int) (int, int, int) {
	a := time.Date(y, time.Month(m), d, 0, 0, 0, 0, p.zone)
	b := time.Date(y, time.Month(d), m, 0, 0, 0, 0, p.zone)
	if weekday >= 0 {
		wa, wb := int(a.Weekday()) == weekday, int(b.Weekday()) == weekday
		if wa != wb {
			if wa {
				return y, m, d
			}
			return y, d, m
		}
	}
	fa, fb := p.within(a), p.within(b)
	first := p.o.Order == DayFirst
	if fa != fb {
		first = fa
	}
	if first {
		return y, m, d
	}
	return y, d, m
}
