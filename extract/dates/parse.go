package dates

import (
	"regexp"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// A date is read from tokens: numbers, words, white space and single signs.
// Every reader takes the index of a token and returns the index behind what it
// read; none goes back, so reading is linear in the text.

type kind byte

const (
	space kind = iota
	number
	word
	sign
)

type token struct {
	kind       kind
	digits     uint8 // of a number; 200 stands for more
	r          rune  // of a sign, in its plain form: one dash, one colon
	start, end int32
	value      int // of a number; -1 when it is too long to be one
}

type parser struct {
	s    string
	o    Options
	zone *time.Location
	t    []token
	few  [32]token
}

func newParser(s string, o Options) *parser {
	p := &parser{s: s, o: o, zone: o.Zone}
	if p.zone == nil {
		p.zone = time.UTC
	}
	p.t = p.few[:0]
	p.split()
	return p
}

// plainSign maps the many dashes, colons and bars to one.
func plainSign(r rune) rune {
	switch r {
	case '‐', '‑', '‒', '–', '—', '―', '−', '－', '~', '〜', '～':
		return '-'
	case '：', '∶':
		return ':'
	case '／', '⁄':
		return '/'
	case '．', '。':
		return '.'
	case '｜', '•', '·', '・', '●', '►', '»', '¦':
		return '|'
	case '，', '、':
		return ','
	case '（', '[':
		return '('
	case '）', ']':
		return ')'
	case '’', '‘', '′', 'ʼ', '`':
		return '\''
	}
	return r
}

func (p *parser) split() {
	s := p.s
	for i := 0; i < len(s); {
		start := i
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		i += size
		switch {
		case isSpace(r):
			for i < len(s) {
				r, size := utf8.DecodeRuneInString(s[i:])
				if !isSpace(r) {
					break
				}
				i += size
			}
			p.t = append(p.t, token{kind: space, start: int32(start), end: int32(i)})
		case digit(r) >= 0:
			v, n := digit(r), 1
			for i < len(s) {
				r, size := utf8.DecodeRuneInString(s[i:])
				d := digit(r)
				if d < 0 {
					break
				}
				if n < 15 {
					v = v*10 + d
				} else {
					v = -1
				}
				n++
				i += size
			}
			p.t = append(p.t, token{kind: number, start: int32(start), end: int32(i), value: v, digits: uint8(min(n, 200))})
		case isLetter(r):
			if !isHan(r) {
				for i < len(s) {
					r, size := utf8.DecodeRuneInString(s[i:])
					if !isLetter(r) || isHan(r) {
						break
					}
					i += size
				}
			}
			p.t = append(p.t, token{kind: word, start: int32(start), end: int32(i)})
		default:
			p.t = append(p.t, token{kind: sign, r: plainSign(r), start: int32(start), end: int32(i)})
		}
	}
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return r == 0x85 || r == 0xA0 || r == 0xAD || 0x2000 <= r && r <= 0x200F || r == 0x2028 || r == 0x2029 ||
		0x202A <= r && r <= 0x202F || r == 0x205F || r == 0x2060 || r == 0x3000 || r == 0xFEFF || r == 0x1680
}

func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

func isHan(r rune) bool { return 0x3400 <= r && r <= 0x9FFF }

func digit(r rune) int {
	switch {
	case '0' <= r && r <= '9':
		return int(r - '0')
	case '０' <= r && r <= '９':
		return int(r - '０')
	case '٠' <= r && r <= '٩':
		return int(r - '٠')
	}
	return -1
}

// Small questions about the token at i, which may lie outside the text.

func (p *parser) is(i int, k kind) bool { return i >= 0 && i < len(p.t) && p.t[i].kind == k }

func (p *parser) sign(i int, r rune) bool { return p.is(i, sign) && p.t[i].r == r }

func (p *parser) skip(i int) int {
	if p.is(i, space) {
		return i + 1
	}
	return i
}

// num returns the value of a number of so many digits.
func (p *parser) num(i, least, most int) (int, bool) {
	if !p.is(i, number) || int(p.t[i].digits) < least || int(p.t[i].digits) > most {
		return 0, false
	}
	return p.t[i].value, true
}

func (p *parser) in(m map[string]int8, i int) bool {
	_, ok := p.lookup(m, i)
	return ok
}

func (p *parser) text(i int) string { return p.s[p.t[i].start:p.t[i].end] }

// A day is a date without its clock, in tokens start to end. A day of 0 means
// that only the month is known.
type day struct {
	year, month, day int
	start, end       int
	ambiguous        bool   // month and day may be the other way round
	clock            *clock // when it stands inside the date
}

// A clock is a time of the day.
type clock struct {
	hour, min, sec, nsec int
	seconds              bool
	none                 bool // 12:00 AM: the day only is known
	weak                 bool // 08.06, which is a clock only behind a date
	zone                 *time.Location
	zoned                bool
	daylight             func(y, m, d int) *time.Location
	start, end           int
}

// scan reads all days and clocks, each list in order.
func (p *parser) scan() ([]day, []clock) {
	var days []day
	var clocks []clock
	lastClock := -1 // the token behind the last clock
	for i := 0; i < len(p.t); {
		switch p.t[i].kind {
		case word:
			if d, ok := p.monthFirst(i); ok {
				days = append(days, d)
				i = d.end
				continue
			}
		case number:
			if d, ok := p.dayAt(i, lastClock); ok {
				days = append(days, d)
				i = d.end
				continue
			}
			afterDay := len(days) > 0 && i-days[len(days)-1].end <= 4
			if c, ok := p.clockAt(i, afterDay); ok {
				clocks = append(clocks, c)
				i, lastClock = c.end, c.end
				continue
			}
		}
		i++
	}
	return days, clocks
}

// dayAt reads a day that begins with the number at i.
func (p *parser) dayAt(i, lastClock int) (day, bool) {
	t := p.t[i]
	if t.digits > 4 {
		if t.digits == 8 && p.is(i+1, word) && (p.text(i+1) == "T" || p.text(i+1) == "t") && p.is(i+2, number) {
			return p.compact(i)
		}
		return day{}, false
	}
	// 357/31/12/2025, 1.31.12.2025 and 15-17/07/2026 hold no day; 08:06-07/03/2026 does.
	if i >= 2 && p.is(i-1, sign) && p.is(i-2, number) && i != lastClock {
		if r := p.t[i-1].r; (r == '/' || r == '-' || r == '.' || r == ',' || r == ':' || r == '_') && i-1 != lastClock {
			return day{}, false
		}
	}
	if t.digits == 4 {
		return p.yearFirst(i)
	}
	if t.digits > 2 {
		return day{}, false
	}
	if d, ok := p.numeric(i); ok {
		return d, true
	}
	return p.dayMonth(i)
}

// separator reads one of / - . with the white space round it.
func (p *parser) separator(i int) (rune, int) {
	j := p.skip(i)
	if !p.is(j, sign) {
		return 0, i
	}
	switch r := p.t[j].r; r {
	case '/', '-', '.':
		return r, p.skip(j + 1)
	}
	return 0, i
}

// numeric reads 7/3/2026, 07 / 03 / 2026, 07-03-2026, 7. 3. 2026, 19.01.18.
func (p *parser) numeric(i int) (day, bool) {
	a, _ := p.num(i, 1, 2)
	s1, j := p.separator(i + 1)
	if s1 == 0 {
		return day{}, false
	}
	b, ok := p.num(j, 1, 2)
	if !ok {
		if m, ok := p.lookup(months, j); ok && s1 != '.' { // 07-Mar-2026
			s2, k := p.separator(j + 1)
			if y, ok := p.num(k, 2, 4); ok && s2 == s1 {
				if p.t[k].digits == 2 {
					y = p.century(y)
				}
				return p.valid(day{year: y, month: m, day: a, start: i, end: k + 1})
			}
		}
		return day{}, false
	}
	s2, k := p.separator(j + 1)
	if s2 == 0 || s2 != s1 && (s1 == '.' || s2 == '.') {
		return day{}, false
	}
	y, ok := p.num(k, 4, 4)
	if !ok {
		// Two digits of a year are believed in 19.01.18 and 19/01/18 only.
		y, ok = p.num(k, 2, 2)
		if !ok || s1 != s2 || p.t[i].digits != 2 || p.t[j].digits != 2 || p.t[i].end-p.t[i].start != 2 ||
			p.t[k].start-p.t[i].start != 6 || s1 == '-' {
			return day{}, false
		}
		y = p.century(y)
	}
	if !p.closed(k + 1) {
		return day{}, false
	}
	d := day{year: y, month: b, day: a, start: i, end: k + 1}
	switch {
	case b > 12 && s1 != '.':
		d.month, d.day = a, b
	case a <= 12 && b <= 12 && a != b && s1 != '.':
		d.ambiguous = true
	}
	return p.valid(d)
}

// closed reports whether a numeric date may end before the token at i: it does
// not go on as the number of a document or an address does.
func (p *parser) closed(i int) bool {
	if !p.is(i, sign) {
		return true
	}
	switch r := p.t[i].r; r {
	case '/', '-', '.', '_':
		if p.is(i+1, number) {
			_, ok := p.clockAt(i+1, false)
			return ok && r != '.'
		}
		return r != '/' && r != '_' || !p.is(i+1, word)
	}
	return true
}

// century completes a year of two digits.
func (p *parser) century(y int) int {
	y += 2000
	if bound := p.o.NotAfter; y > 2068 || !bound.IsZero() && y > bound.Year()+1 {
		y -= 100
	}
	return y
}

// valid refuses days that do not exist.
func (p *parser) valid(d day) (day, bool) {
	if d.year > 2443 && d.year < 2643 {
		d.year -= 543 // the Buddhist era
	}
	if d.year < 1900 || d.year > lastYear || d.month < 1 || d.month > 12 || d.day < 0 || d.day > 31 {
		return day{}, false
	}
	if d.day > 28 {
		last := time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if d.day > last {
			return day{}, false
		}
	}
	return d, true
}

// compact reads 20260307T080600.
func (p *parser) compact(i int) (day, bool) {
	v := p.t[i].value
	d := day{year: v / 10000, month: v / 100 % 100, day: v % 100, start: i, end: i + 1}
	if d.day == 0 {
		return day{}, false
	}
	if h, ok := p.num(i+2, 4, 6); ok && p.t[i+2].digits != 5 {
		c := &clock{start: i + 2, end: i + 3}
		if p.t[i+2].digits == 6 {
			c.sec, c.seconds = h%100, true
			h /= 100
		}
		c.hour, c.min = h/100, h%100
		if c.hour > 23 || c.min > 59 || c.sec > 60 {
			return day{}, false
		}
		p.fraction(c)
		p.clockZone(c)
		d.clock = c
	}
	return p.valid(d)
}

// yearFirst reads 2026-03-07, 2026/3/7, 2026. 3. 7., 2026年3月7日, 2026년 3월 7일,
// 2026. március 7. and 2026 m. kovo 7 d.
func (p *parser) yearFirst(i int) (day, bool) {
	y := p.t[i].value
	if y < 1900 || y > lastYear {
		return day{}, false
	}
	if p.is(i+1, word) {
		if w := p.text(i + 1); w == "年" || w == "년" {
			j := p.skip(i + 2)
			m, ok := p.num(j, 1, 2)
			if !ok || !p.is(j+1, word) {
				return day{}, false
			}
			k := p.skip(j + 2)
			d, ok := p.num(k, 1, 2)
			if !ok || !p.is(k+1, word) {
				return p.valid(day{year: y, month: m, start: i, end: j + 2})
			}
			if d == 0 {
				return day{}, false
			}
			return p.valid(day{year: y, month: m, day: d, start: i, end: k + 2})
		}
	}
	if s1, j := p.separator(i + 1); s1 != 0 {
		if m, ok := p.num(j, 1, 2); ok {
			s2, k := p.separator(j + 1)
			if s2 != s1 {
				return day{}, false
			}
			d, ok := p.num(k, 1, 2)
			if !ok || d == 0 {
				return day{}, false
			}
			if p.is(k+1, sign) && !p.closed(k+1) {
				return day{}, false
			}
			if s1 == '-' && p.sign(k+1, '-') && p.is(k+2, word) { // the name of a page
				return day{}, false
			}
			return p.valid(day{year: y, month: m, day: d, start: i, end: k + 1})
		}
	}
	j := p.skip(i + 1)
	if p.sign(j, '.') || p.sign(j, ',') || p.sign(j, '-') {
		j = p.skip(j + 1)
	} else if p.is(j, word) && p.in(ofWords, j) {
		if p.sign(j+1, '.') {
			j++
		}
		j = p.skip(j + 1)
	}
	if m, ok := p.lookup(months, j); ok {
		j++
		if p.sign(j, '.') {
			j++
		}
		j = p.skip(j)
		if p.sign(j, '-') {
			j++
		}
		if d, ok := p.num(j, 1, 2); ok && d > 0 && !p.sign(j+1, ':') {
			return p.valid(day{year: y, month: m, day: d, start: i, end: j + 1})
		}
	}
	return day{}, false
}

// dayMonth reads 7 March 2026, 7. März 2026, 7 de marzo de 2026, 7 tháng 3 năm
// 2026, 7 thg 3, 2026 and 07-Mar-26.
func (p *parser) dayMonth(i int) (day, bool) {
	d := p.t[i].value
	if d == 0 || d > 31 {
		return day{}, false
	}
	j := i + 1
	if p.sign(j, '.') || p.sign(j, 'º') || p.sign(j, '°') || p.sign(j, ',') {
		j++
	} else if p.is(j, word) && p.in(ordinals, j) {
		j++
		if p.sign(j, '.') {
			j++
		}
	}
	j = p.skip(j)
	if p.sign(j, '-') {
		j = p.skip(j + 1)
	}
	for n := 0; n < 2 && p.is(j, word) && p.in(ofWords, j); n++ {
		j++
		if p.sign(j, '\'') {
			j++
		}
		j = p.skip(j)
	}
	m, j, ok := p.month(j)
	if !ok {
		return day{}, false
	}
	if y, end, ok := p.year(j); ok {
		return p.valid(day{year: y, month: m, day: d, start: i, end: end})
	}
	return day{}, false
}

// month reads the name of a month, or tháng and its number or word.
func (p *parser) month(j int) (m, end int, ok bool) {
	if !p.is(j, word) {
		return 0, j, false
	}
	if p.in(thang, j) {
		k := j + 1
		if p.sign(k, '.') {
			k++
		}
		k = p.skip(k)
		if n, ok := p.num(k, 1, 2); ok {
			return n, k + 1, n >= 1 && n <= 12
		}
		if n, ok := p.lookup(vietnamese, k); ok {
			if next, ok := p.lookup(vietnamese, p.skip(k+1)); ok && n == 10 && next <= 2 {
				return n + next, p.skip(k+1) + 1, true
			}
			return n, k + 1, true
		}
		if p.in(nam, k) {
			return 5, k + 1, true
		}
		return 0, j, false
	}
	n, ok := p.lookup(months, j)
	if !ok {
		return 0, j, false
	}
	j++
	if p.sign(j, '.') {
		j++
	}
	return n, j, true
}

// year reads the year behind a month and what may stand between them.
func (p *parser) year(j int) (y, end int, ok bool) {
	apostrophe := false
	joined := true // no white space: 07-Mar-26
	for n := 0; n < 6; n++ {
		switch {
		case p.is(j, space):
			joined = false
			j++
			continue
		case p.sign(j, ','), p.sign(j, '.'), p.sign(j, '-'), p.sign(j, '/'):
			j++
			continue
		case p.sign(j, '\''):
			apostrophe = true
			j++
			continue
		case p.is(j, word) && (p.in(ofWords, j) || p.in(nam, j)):
			j++
			continue
		}
		break
	}
	if y, ok := p.num(j, 4, 4); ok {
		if p.sign(j+1, ':') {
			return 0, j, false
		}
		end := j + 1
		if p.is(end, word) && p.in(ofWords, end) && len(p.text(end)) <= 2 { // 2026г
			end++
		}
		return y, end, true
	}
	// Two digits are a year behind an apostrophe, in 07-Mar-26 and before a clock.
	if y, ok := p.num(j, 2, 2); ok {
		if apostrophe || joined && p.sign(j-1, '-') {
			return p.century(y), j + 1, true
		}
		if p.is(j+1, space) {
			if c, ok := p.clockAt(j+2, false); ok && !c.weak && p.t[c.start].digits == 2 && !p.sign(j+1, ':') {
				return p.century(y), j + 1, true
			}
		}
	}
	return 0, j, false
}

// monthFirst reads March 7, 2026, Mar 7 08:06:00 ICT 2026, Tháng Ba 7, 2026,
// and March 2026.
func (p *parser) monthFirst(i int) (day, bool) {
	// Most words are followed by another word: do not look them up.
	j := i + 1
	if p.sign(j, '.') || p.sign(j, '-') || p.sign(j, '/') {
		j++
	}
	if !p.is(p.skip(j), number) && !p.in(thang, i) && !p.is(j, space) {
		return day{}, false
	}
	if !p.is(p.skip(j), number) && !(p.is(p.skip(j), word) && (p.in(thang, i) || p.in(ofWords, p.skip(j)))) && !p.sign(p.skip(j), '\'') {
		return day{}, false
	}
	m, j, ok := p.month(i)
	if !ok {
		return day{}, false
	}
	if y, end, ok := p.yearOnly(j); ok {
		b := i - 1
		if p.is(b, space) {
			b--
		}
		if _, ok := p.num(b, 1, 2); ok {
			return day{}, false // 29 February 2025, which never was
		}
		return p.valid(day{year: y, month: m, start: i, end: end})
	}
	if p.sign(j, '-') || p.sign(j, '/') {
		j++
	}
	j = p.skip(j)
	d, ok := p.num(j, 1, 2)
	if !ok || d == 0 || d > 31 {
		return day{}, false
	}
	j++
	if p.is(j, word) && p.in(ordinals, j) {
		j++
	}
	if y, end, ok := p.year(j); ok {
		return p.valid(day{year: y, month: m, day: d, start: i, end: end})
	}
	// The form of date(1): the clock stands before the year.
	if k := p.skip(j); p.is(k, number) {
		if c, ok := p.clockAt(k, false); ok && !c.weak && c.seconds {
			if y, ok := p.num(p.skip(c.end), 4, 4); ok {
				return p.valid(day{year: y, month: m, day: d, start: i, end: p.skip(c.end) + 1, clock: &c})
			}
		}
	}
	return day{}, false
}

// yearOnly reads the four digits of a year directly behind a month.
func (p *parser) yearOnly(j int) (y, end int, ok bool) {
	for n := 0; n < 4; n++ {
		if p.is(j, space) || p.sign(j, ',') || p.sign(j, '-') || p.sign(j, '/') || p.is(j, word) && (p.in(ofWords, j) || p.in(nam, j)) {
			j++
			continue
		}
		break
	}
	y, ok = p.num(j, 4, 4)
	return y, j + 1, ok && !p.sign(j+1, ':')
}

// clockAt reads a clock that begins with the number at i.
func (p *parser) clockAt(i int, afterDay bool) (clock, bool) {
	h, ok := p.num(i, 1, 2)
	if !ok || h > 23 {
		return clock{}, false
	}
	c := clock{hour: h, start: i, end: i + 1}
	unit := false
	switch j := p.skip(i + 1); {
	case p.sign(j, ':') && (j == i+1 || p.is(j+1, space)):
		j = p.skip(j + 1)
		m, ok := p.num(j, 2, 2)
		if !ok || m > 59 {
			return clock{}, false
		}
		c.min, c.end = m, j+1
		if p.sign(c.end, ':') {
			s, ok := p.num(c.end+1, 2, 2)
			if !ok || s > 60 {
				return clock{}, false
			}
			if s == 60 {
				s = 59
			}
			c.sec, c.seconds, c.end = s, true, c.end+2
			p.fraction(&c)
			if p.sign(c.end, ':') { // 1:02:03:04
				return clock{}, false
			}
		}
		if p.sign(c.end, '\'') {
			c.end++
		}
	case p.is(j, word) && p.in(hours, j):
		unit = true
		c.end = j + 1
		k := p.skip(c.end)
		if m, ok := p.num(k, 2, 2); ok && m <= 59 && !p.dateGoesOn(k) {
			c.min, c.end = m, k+1
			if q := p.skip(c.end); p.in(minutes, q) {
				c.end = q + 1
			} else if p.sign(c.end, '\'') {
				c.end++
			}
		} else if m, ok := p.num(k, 1, 1); ok && p.in(minutes, p.skip(k+1)) {
			c.min, c.end = m, p.skip(k+1)+1
		}
	case p.sign(i+1, '.') && p.is(i+2, number) && p.t[i+2].digits == 2 && p.t[i+2].value <= 59 &&
		!(p.sign(i+3, '.') && p.is(i+4, number)) && !p.sign(i-1, '.') && !p.sign(i-1, ','):
		c.min, c.end = p.t[i+2].value, i+3
		before := i - 1
		if p.is(before, space) {
			before--
		}
		if p.sign(before, '.') {
			before--
		}
		if !p.in(dotted, before) && !p.in(dotted, p.skip(c.end)) {
			c.weak = true
		}
	}
	half := p.half(&c, i)
	if c.end == i+1 && !half {
		return clock{}, false
	}
	if c.weak && half {
		c.weak = false
	}
	if c.weak && (!afterDay || p.t[i].digits != 2) {
		return clock{}, false
	}
	if q := p.skip(c.end); !half && !unit && p.is(q, word) && p.in(hours, q) {
		c.end = q + 1 // 20:30 Uhr
	}
	p.clockZone(&c)
	return c, true
}

// dateGoesOn reports whether the number at i begins a date of numbers, or is
// followed by the name of a month.
func (p *parser) dateGoesOn(i int) bool {
	if s, j := p.separator(i + 1); s != 0 && p.is(j, number) {
		return true
	}
	return p.in(months, p.skip(i+1)) || p.in(thang, p.skip(i+1))
}

// fraction reads the fraction of a second.
func (p *parser) fraction(c *clock) {
	if !p.sign(c.end, '.') && !p.sign(c.end, ',') || !p.is(c.end+1, number) {
		return
	}
	t := p.t[c.end+1]
	if t.digits > 9 || t.value < 0 {
		if t.digits <= 15 {
			c.end += 2
		}
		return
	}
	if p.t[c.end].r == ',' && t.digits != 3 && t.digits != 6 && t.digits != 9 {
		return
	}
	n := t.value
	for k := int(t.digits); k < 9; k++ {
		n *= 10
	}
	c.nsec, c.end = n, c.end+2
}

// half reads the half of the day, behind the clock or before it (上午8:06).
func (p *parser) half(c *clock, i int) bool {
	v, end := 0, c.end
	j := p.skip(c.end)
	switch {
	case p.is(j, word):
		if n, ok := p.lookup(halves, j); ok {
			v, end = n, j+1
			if p.sign(end, '.') && p.is(j, word) && len(p.text(j)) == 2 && p.s[p.t[j].start]|0x20 != 's' {
				// "8:06 pm." ends a sentence: leave the dot.
				break
			}
			break
		}
		// a.m., p. m., π.μ.
		if !p.sign(j+1, '.') {
			break
		}
		k := p.skip(j + 2)
		if !p.is(k, word) {
			break
		}
		switch a, b := p.text(j), p.text(k); {
		case (b == "m" || b == "M") && (a == "a" || a == "A"), b == "μ" && a == "π":
			v = 1
		case (b == "m" || b == "M") && (a == "p" || a == "P"), b == "μ" && a == "μ":
			v = 2
		}
		if v > 0 {
			end = k + 1
			if p.sign(end, '.') {
				end++
			}
		}
	}
	if v == 0 && i >= 2 && p.is(i-1, word) && p.is(i-2, word) && p.text(i-1) == "午" {
		switch p.text(i - 2) {
		case "上":
			v, c.start = 1, i-2
		case "下":
			v, c.start = 2, i-2
		}
		if p.text(i-2) == "前" || p.text(i-2) == "後" {
			v = 0
		}
	}
	if v == 0 && i >= 1 {
		b := i - 1
		if p.is(b, space) {
			b--
		}
		if p.is(b, word) {
			switch p.text(b) {
			case "오전":
				v, c.start = 1, b
			case "오후":
				v, c.start = 2, b
			case "前", "後":
				if p.is(b-1, word) && p.text(b-1) == "午" {
					v, c.start = 1, b-1
					if p.text(b) == "後" {
						v = 2
					}
				}
			}
		}
	}
	if v == 0 {
		return false
	}
	c.end = end
	// A clock of 24 hours may carry AM and PM as well: 16:40 PM, 00:01 AM.
	switch v {
	case 1:
		if c.hour == 12 {
			c.hour = 0
			c.none = c.min == 0 && c.sec == 0
		}
	case 2:
		if c.hour < 12 {
			c.hour += 12
		}
	case 3: // trưa
		if c.hour < 10 && c.hour > 0 {
			c.hour += 12
		}
	case 4: // đêm
		if c.hour >= 6 && c.hour < 12 {
			c.hour += 12
		}
	}
	return true
}

// clockZone reads the zone behind a clock.
func (p *parser) clockZone(c *clock) {
	if z, end, ok := p.readZone(c.end, false); ok {
		c.zone, c.zoned, c.end = z, true, end
		return
	}
	j := p.skip(c.end)
	open := p.sign(j, '(')
	if open {
		j++
	}
	if p.is(j, word) && p.t[j].end-p.t[j].start == 2 {
		if h, ok := american[p.text(j)]; ok {
			c.daylight, c.zone, c.zoned, c.end = americanZone(h), time.UTC, true, j+1
			if open && p.sign(c.end, ')') {
				c.end++
			}
		}
	}
}

// readZone reads a zone: Z, +07:00, +0700, +07, GMT+7, (UTC+07:00), ICT. Behind
// a day, named is true and a bare offset is not believed.
func (p *parser) readZone(i int, named bool) (*time.Location, int, bool) {
	j := p.skip(i)
	apart := j > i
	open := p.sign(j, '(')
	if open {
		j++
	}
	closeAt := func(k int) int {
		if open && p.sign(k, ')') {
			return k + 1
		}
		return k
	}
	if p.is(j, word) {
		w := p.text(j)
		if len(w) > 5 {
			return nil, i, false
		}
		if w == "z" && !apart {
			w = "Z"
		}
		if w == "Gmt" || w == "gmt" {
			w = "GMT"
		}
		if w == "Utc" || w == "utc" {
			w = "UTC"
		}
		min, ok := zones[w]
		if !ok || w == "Z" && apart && !open && p.is(j+1, space) && p.is(j+2, word) {
			return nil, i, false
		}
		if w == "GMT" || w == "UTC" {
			k := p.skip(j + 1)
			if p.sign(k, '+') || p.sign(k, '-') {
				if off, end, ok := p.offset(k, p.is(k+1, space) || k > j+1, true); ok {
					return fixed(off), closeAt(end), true
				}
			}
		}
		return fixed(min), closeAt(j + 1), true
	}
	if named && !open {
		return nil, i, false
	}
	if p.sign(j, '+') || p.sign(j, '-') {
		if off, end, ok := p.offset(j, apart, open); ok {
			return fixed(off), closeAt(end), true
		}
	}
	return nil, i, false
}

// offset reads a sign and the hours and minutes behind it. A short offset such
// as +7 is believed only behind GMT or in parentheses.
func (p *parser) offset(j int, apart, short bool) (minutes, end int, ok bool) {
	negative := p.t[j].r == '-'
	k := j + 1
	if short {
		k = p.skip(k)
	}
	if !p.is(k, number) {
		return 0, j, false
	}
	t := p.t[k]
	end = k + 1
	switch {
	case t.digits == 4:
		minutes = t.value/100*60 + t.value%100
		if t.value%100 > 59 || p.sign(end, '/') || p.sign(end, '-') {
			return 0, j, false
		}
	case t.digits <= 2 && p.sign(end, ':') && p.is(end+1, number) && p.t[end+1].digits == 2:
		if p.t[end+1].value > 59 {
			return 0, j, false
		}
		minutes = t.value*60 + p.t[end+1].value
		end += 2
		if p.sign(end, ':') && p.is(end+1, number) {
			return 0, j, false
		}
	case t.digits <= 2 && (short || t.digits == 2 && !apart):
		if s, n := p.separator(end); s != 0 && p.is(n, number) {
			return 0, j, false
		}
		if !short && p.is(p.skip(end), word) {
			return 0, j, false // 08:06 -07 March
		}
		minutes = t.value * 60
	default:
		return 0, j, false
	}
	if minutes > 14*60 {
		return 0, j, false
	}
	if negative {
		minutes = -minutes
	}
	return minutes, end, true
}

func fixed(minutes int) *time.Location {
	if minutes == 0 {
		return time.UTC
	}
	return time.FixedZone("", minutes*60)
}

// gap reports whether a day and a clock that stand at two ends of the tokens
// from a to b belong together, and how far they are apart.
func (p *parser) gap(a, b int) (int, bool) {
	if b-a > 14 {
		return 0, false
	}
	for i := a; i < b; i++ {
		t := p.t[i]
		switch t.kind {
		case space:
		case sign:
			switch t.r {
			case ',', '-', '|', '(', ')', '/', '.', '@', ';', ':', '\'', '"', '&':
			default:
				return 0, false
			}
		case number: // thứ 7, T7
			if t.digits != 1 || !p.thu(i) {
				return 0, false
			}
		case word:
			if w := p.text(i); w == "T" || w == "t" {
				continue
			}
			if !p.in(connectors, i) && !p.in(weekdays, i) && !p.in(until, i) && !p.vietnameseWeekday(i) && !p.halfWord(i) {
				return 0, false
			}
		}
	}
	return b - a, true
}

func (p *parser) halfWord(i int) bool {
	switch p.text(i) {
	case "午", "上", "下", "前", "後", "오전", "오후":
		return true
	}
	return false
}

// thu reports whether the number at i is that of a Vietnamese weekday.
func (p *parser) thu(i int) bool {
	if p.is(i-1, word) {
		w := p.text(i - 1)
		return w == "T" || w == "t"
	}
	return p.is(i-1, space) && p.is(i-2, word) && p.isThu(i-2)
}

func (p *parser) isThu(i int) bool {
	n, ok := p.lookup(weekdays, i)
	if !ok || n != 7 {
		return false
	}
	c := p.s[p.t[i].start] | 0x20
	return c == 't' && p.t[i].end-p.t[i].start >= 4
}

// vietnameseWeekday reports whether the word at i is the second of "thứ hai".
func (p *parser) vietnameseWeekday(i int) bool {
	return p.is(i-1, space) && p.is(i-2, word) && p.isThu(i-2) &&
		(p.in(vietnamese, i) || p.in(nam, i))
}

// weekdayBefore returns the token at which a weekday stands before a date.
func (p *parser) weekdayBefore(i int) (int, bool) {
	j := i - 1
	for n := 0; n < 5 && j >= 0; n++ {
		switch {
		case p.is(j, space), p.sign(j, ','), p.sign(j, '.'), p.sign(j, '-'), p.sign(j, '|'), p.sign(j, ';'), p.sign(j, ')'):
			j--
			continue
		case p.is(j, word) && p.in(nam, j), p.is(j, word) && p.text(j) == "ngày", p.is(j, word) && p.text(j) == "Ngày":
			j--
			continue
		}
		break
	}
	if j < 0 {
		return 0, false
	}
	switch {
	case p.is(j, number) && p.t[j].digits == 1 && p.thu(j):
		if p.is(j-1, word) {
			return j - 1, true
		}
		return j - 2, true
	case p.is(j, word):
		if p.vietnameseWeekday(j) || p.in(weekdays, j) && p.is(j-1, space) && p.is(j-2, word) && p.text(j-2) != "" && p.pairedWeekday(j-2, j) {
			return j - 2, true
		}
		if n, ok := p.lookup(weekdays, j); ok && n < 7 && p.t[j].end-p.t[j].start > 2 && !p.in(months, j) {
			return j, true
		}
	}
	return 0, false
}

// pairedWeekday reports whether two words make a weekday: chủ nhật.
func (p *parser) pairedWeekday(i, j int) bool {
	a, ok := p.lookup(weekdays, i)
	b, ok2 := p.lookup(weekdays, j)
	return ok && ok2 && a == 7 && b == 7 && p.t[i].end-p.t[i].start >= 3
}

// weekdayNear returns the weekday printed directly before a date, or -1.
func (p *parser) weekdayNear(d *day, c *clock) int {
	i := d.start
	if c != nil && c.start < i {
		i = c.start
		if w, ok := p.weekdayBefore(d.start); ok {
			if n, ok := p.lookup(weekdays, w); ok && n < 7 {
				return n
			}
		}
	}
	if w, ok := p.weekdayBefore(i); ok {
		if n, ok := p.lookup(weekdays, w); ok && n < 7 {
			return n
		}
	}
	return -1
}

// span reports whether the tokens between two dates make them a span.
func (p *parser) span(a, b int) bool {
	if b-a > 6 {
		return false
	}
	dash := false
	for i := a; i < b; i++ {
		switch t := p.t[i]; {
		case t.kind == space:
		case t.kind == sign && t.r == '-':
			dash = true
		case t.kind == word && p.in(until, i):
			dash = true
		case t.kind == word && (p.in(weekdays, i) || p.in(connectors, i) || p.vietnameseWeekday(i)):
		case t.kind == sign && (t.r == ',' || t.r == '(' || t.r == ')'):
		default:
			return false
		}
	}
	return dash
}

// words counts the words outside the dates.
func (p *parser) words(dates []found) int {
	n := 0
	for i := range p.t {
		if p.t[i].kind != word {
			continue
		}
		for len(dates) > 0 && i >= dates[0].tokEnd {
			dates = dates[1:]
		}
		if len(dates) == 0 || i < dates[0].tokStart {
			n++
		}
	}
	return n
}

var dotNetDate = regexp.MustCompile(`^\\?/Date\((-?\d{1,15})([+-]\d{4})?\)\\?/$`)

// dotNet reads the milliseconds of Unix as .NET writes them in JSON,
// /Date(1709600000000+0700)/: the offset is where the clock stood.
func (p *parser) dotNet() (Date, bool) {
	if len(p.s) < len("/Date(0)/") || p.s[0] != '/' && p.s[0] != '\\' {
		return Date{}, false
	}
	m := dotNetDate.FindStringSubmatch(p.s)
	if m == nil {
		return Date{}, false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Date{}, false
	}
	zone := p.zone
	if m[2] != "" {
		at, err := time.Parse("-0700", m[2])
		if err != nil {
			return Date{}, false
		}
		_, offset := at.Zone()
		zone = time.FixedZone("", offset)
	}
	x := time.UnixMilli(ms).Truncate(time.Second).In(zone)
	return Date{Time: x, Precision: Second, Text: p.s, Zoned: true}, p.within(x)
}

// whole reads what is a date only when nothing else stands in the text: a
// year, a month, digits without separators, the seconds of Unix.
func (p *parser) whole() (Date, bool) {
	t := p.t
	if len(t) == 0 || t[0].kind != number {
		return Date{}, false
	}
	v := t[0].value
	at := func(prec string, y, m, d, h, mi, s int) (Date, bool) {
		if m < 1 || m > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 59 {
			return Date{}, false
		}
		x := time.Date(y, time.Month(m), d, h, mi, s, 0, p.zone)
		return Date{Time: x, Precision: prec, Text: p.s}, x.Day() == d && p.within(x)
	}
	switch {
	case len(t) == 1 && t[0].digits == 4:
		return at(Year, v, 1, 1, 0, 0, 0)
	case len(t) == 1 && t[0].digits == 8:
		return at(Day, v/10000, v/100%100, v%100, 0, 0, 0)
	case len(t) == 1 && t[0].digits == 12:
		return at(Minute, v/100000000, v/1000000%100, v/10000%100, v/100%100, v%100, 0)
	case len(t) == 1 && t[0].digits == 14:
		return at(Second, v/10000000000, v/100000000%100, v/1000000%100, v/10000%100, v/100%100, v%100)
	case len(t) == 1 && (t[0].digits == 10 || t[0].digits == 13):
		sec := int64(v)
		if t[0].digits == 13 {
			sec /= 1000
		}
		x := time.Unix(sec, 0).In(p.zone)
		return Date{Time: x, Precision: Second, Text: p.s, Zoned: true}, p.within(x)
	case len(t) == 3 && t[1].kind == sign && (t[1].r == '-' || t[1].r == '/' || t[1].r == '.') && t[2].kind == number:
		if t[0].digits == 4 && t[2].digits <= 2 {
			return at(Month, v, t[2].value, 1, 0, 0, 0)
		}
		if t[0].digits <= 2 && t[2].digits == 4 {
			return at(Month, t[2].value, v, 1, 0, 0, 0)
		}
	}
	return Date{}, false
}
