package extract

import (
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// A linkNode is where on a list page a link to an article stands.
type linkNode struct {
	link int // in Reading.Links
	node *html.Node
}

const (
	longestItem = 2000 // bytes of what a list says of one article; more is no item of a list
	longestDate = 80   // of a text that holds a date
)

// dateLinks gives the links of a list the dates that stand beside them: in the
// largest part of the page that leads to one article only. A date is believed
// when at least half of the page's articles have one, so that the clock of a
// header is not taken for an article's.
func (c *context) dateLinks() {
	if len(c.places) < 2 {
		return
	}
	const shared = -1
	owner := map[*html.Node]int{}
	for _, p := range c.places {
		for n := p.node; n != nil; n = n.Parent {
			if o, ok := owner[n]; ok && o != p.link {
				if o == shared {
					break
				}
				owner[n] = shared
				continue
			}
			owner[n] = p.link
		}
	}
	found := map[int]time.Time{}
	for _, p := range c.places {
		if _, ok := found[p.link]; ok || owner[p.node] == shared {
			continue
		}
		item := p.node
		for item.Parent != nil && owner[item.Parent] == p.link {
			item = item.Parent
		}
		if at, ok := c.itemDay(item); ok {
			found[p.link] = at
		}
	}
	if 2*len(found) < c.count(KindArticle) {
		return
	}
	for i, at := range found {
		if c.reading.Links[i].Published == nil {
			c.reading.Links[i].Published = &at
		}
	}
}

// itemDay finds the date of one item of a list; false when there is none, or
// more than one.
func (c *context) itemDay(item *html.Node) (at time.Time, ok bool) {
	o := c.dateOptions()
	length, several := 0, false
	note := func(d dates.Date) {
		if ok && at.Format(time.DateOnly) != d.Time.Format(time.DateOnly) {
			several = true
		}
		if !ok || d.HasClock() {
			at, ok = d.Time, true
		}
	}
	for n := range item.Descendants() {
		if n.Type == html.ElementNode {
			if d, ok := dates.Parse(dom.Attr(n, "datetime"), o); ok { // <time>, and what some put it on
				note(d)
			}
			continue
		}
		if n.Type != html.TextNode || n.Parent == nil || n.Parent.DataAtom == atom.Script || n.Parent.DataAtom == atom.Style {
			continue
		}
		if length += len(n.Data); length > longestItem {
			return at, false
		}
		if len(n.Data) < len("1/1/18") || !strings.ContainsAny(n.Data, "0123456789") {
			continue
		}
		text := dom.Clean(n.Data)
		d, read := dates.Parse(text, o)
		if !read || len(text) > longestDate || d.Precision == dates.Year || d.Precision == dates.Month {
			continue
		}
		// A headline may speak of a day.
		share := 3 // of the text may be labels and counters
		if headline(n, item) {
			share = 1
		}
		if utf8.RuneCountInString(d.Text)*share+4 < utf8.RuneCountInString(text) {
			continue
		}
		note(d)
	}
	return at, ok && !several
}

// headline reports whether a text is that of a link or a heading.
func headline(n, item *html.Node) bool {
	for n = n.Parent; n != nil; n = n.Parent {
		switch n.DataAtom {
		case atom.A, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
			return true
		}
		if n == item {
			break
		}
	}
	return false
}

// A Span is a stretch of time: from From on, until before Until.
type Span struct{ From, Until time.Time }

// URLDate reads when a page was made out of its URL, as exactly as that says
// it: /2018/01/19/, /2018/01/, /2018-01-19/, /20180119/, or the digits of a
// moment at the end of the last segment, as many systems number their articles.
// Systems write the time of the first draft there: it is near the date of
// publication, and no more. The days are those of zone; nil means UTC.
func URLDate(rawURL string, zone *time.Location) (s Span, ok bool) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return s, false
	}
	if zone == nil {
		zone = time.UTC
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i, segment := range segments {
		parts := strings.Split(segment, "-")
		if !isNumber(parts[0]) || len(parts) > 3 {
			continue
		}
		if len(parts) == 1 { // /2018/01/19/
			parts = segments[i:min(i+3, len(segments))]
		}
		switch {
		case len(parts[0]) == 8:
			if s, ok = dayOf(parts[0][:4], parts[0][4:6], parts[0][6:], zone); ok {
				return s, true
			}
		case len(parts[0]) == 4 && len(parts) > 1 && len(parts[1]) == 2:
			if len(parts) > 2 {
				if s, ok = dayOf(parts[0], parts[1], parts[2], zone); ok {
					return s, true
				}
			}
			if s, ok = monthOf(parts[0], parts[1], zone); ok {
				return s, true
			}
		}
	}
	last := segments[len(segments)-1]
	last = strings.TrimSuffix(last, path.Ext(last))
	digits := last[len(strings.TrimRight(last, "0123456789")):]
	switch {
	case len(digits) >= 17 && digits[:2] == "20" || len(digits) == 14: // 20260129135623546
		return momentOf(digits[:4], digits[4:], zone)
	case len(digits) >= 17 && len(digits) <= 19: // 197 260608042009150
		digits = digits[len(digits)-15:]
		return momentOf("20"+digits[:2], digits[2:], zone)
	}
	return s, false
}

// momentOf reads month, day, hour, minute and second, and answers with the day.
func momentOf(year, rest string, zone *time.Location) (Span, bool) {
	for i, limit := range []string{"24", "60", "60"} {
		if rest[4+2*i:6+2*i] >= limit {
			return Span{}, false
		}
	}
	return dayOf(year, rest[:2], rest[2:4], zone)
}

func dayOf(year, month, day string, zone *time.Location) (Span, bool) {
	s, ok := monthOf(year, month, zone)
	d, err := strconv.Atoi(day)
	if !ok || err != nil || len(day) > 2 || d < 1 || s.From.AddDate(0, 0, d-1).Month() != s.From.Month() {
		return Span{}, false
	}
	from := s.From.AddDate(0, 0, d-1)
	return Span{from, from.AddDate(0, 0, 1)}, true
}

func monthOf(year, month string, zone *time.Location) (Span, bool) {
	y, err := strconv.Atoi(year)
	m, err2 := strconv.Atoi(month)
	if err != nil || err2 != nil || len(month) > 2 || y < 1990 || y > 2100 || m < 1 || m > 12 {
		return Span{}, false
	}
	from := time.Date(y, time.Month(m), 1, 0, 0, 0, 0, zone)
	return Span{from, from.AddDate(0, 1, 0)}, true
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
