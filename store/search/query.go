package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Query says what to look for. Its zero value finds everything, the newest first.
type Query struct {
	// Text is what a user types: words, "phrases", -excluded words, and fields:
	// title:, author:, ministry:, site:, section:, since: and until:, each with a
	// word or a phrase. All of it must be there; of several ministries, sites or
	// sections, one. Whatever is typed is a query, but for a day that is none.
	//
	// A ministry, site or section that is the whole name of one in the index, in
	// whatever case and with its marks or without, means that one; otherwise all
	// with these words side by side in their names.
	Text string

	Since      string   // published on this day as printed (2018-01-19, 2018-01 or 2018) or later
	Until      string   // published on this day or earlier
	Ministries []string // one of these, as in Text
	Sections   []string // one of these, as in Text
	Sites      []string // one of these, written so
	ByDate     bool     // the newest first; otherwise the best first, and of the equally good the newest
	Limit      int      // results; 0 means 10, less than 0 none: only Total and Facets
	Offset     int      // results to leave out
	Facets     bool     // count what is found by ministry, year, section and site
}

// Fields are the fields that a query may name, in the order in which they are
// told.
func Fields() []string {
	return []string{"title", "author", "ministry", "site", "section", "since", "until"}
}

// A QueryError says what is wrong with a query.
type QueryError struct{ What string }

// Error says it.
func (e *QueryError) Error() string { return e.What }

// maxWords bounds the words of a query; nobody types as many.
const maxWords = 64

// A term is one thing to look for: a word, or words side by side.
type term struct {
	field string // "" means anywhere
	words []word
}

// A request is a query as it is understood.
type request struct {
	all, none    []term // in the text, the title or the authors
	filters      []filter
	since, until int // 20180119; 0 means any
}

// A filter wants one of some names of a field.
type filter struct {
	field string // ministry, site or section
	not   bool
	names []wantedName
	exact []string // or it is one of these
}

// A wantedName is a name as it is asked for, and its words without marks.
type wantedName struct {
	text  string
	words []string
}

// named cuts what is asked for into words.
func (r *reader) named(text string) wantedName {
	n := wantedName{text: text}
	r.words(text, func(w word) { n.words = append(n.words, w.folded) })
	return n
}

// is reports whether it is the whole of a name. One without words must be
// written so.
func (n wantedName) is(name wantedName) bool {
	return n.text == name.text || len(n.words) > 0 && slices.Equal(n.words, name.words)
}

// isIn reports whether a name holds its words side by side.
func (n wantedName) isIn(name wantedName) bool {
	if len(n.words) == 0 {
		return false
	}
	for i := 0; i+len(n.words) <= len(name.words); i++ {
		if slices.Equal(n.words, name.words[i:i+len(n.words)]) {
			return true
		}
	}
	return false
}

// Whole reports whether a name is the one that is asked for: with its marks or
// without, in whatever case.
func Whole(name, asked string) bool {
	var read reader
	return read.named(asked).is(read.named(name))
}

// Holds reports whether a name holds the words that are asked for side by side,
// with their marks or without.
func Holds(name, asked string) bool {
	var read reader
	return read.named(asked).isIn(read.named(name))
}

func understand(q *Query) (*request, error) {
	r := &request{}
	if len(q.Sites) > 0 {
		r.filters = append(r.filters, filter{field: "site", exact: q.Sites})
	}
	since, until := q.Since, q.Until
	var read reader
	count := 0
	for _, x := range []struct {
		field string
		names []string
	}{{"ministry", q.Ministries}, {"section", q.Sections}} {
		if len(x.names) == 0 {
			continue
		}
		f := filter{field: x.field}
		for _, name := range x.names {
			n := read.named(name)
			f.names = append(f.names, n)
			count += len(n.words)
		}
		r.filters = append(r.filters, f)
	}
	chosen := len(r.filters) // what is typed is wanted besides
	for rest := q.Text; ; {
		rest = strings.TrimLeftFunc(rest, func(c rune) bool { return unicode.IsSpace(c) || c == '+' })
		if rest == "" {
			break
		}
		not := false
		if len(rest) > 1 && rest[0] == '-' {
			not, rest = true, rest[1:]
		}
		field := ""
		for _, f := range Fields() {
			if len(rest) > len(f)+1 && strings.EqualFold(rest[:len(f)], f) && rest[len(f)] == ':' {
				field, rest = f, rest[len(f)+1:]
				break
			}
		}
		var value string
		value, rest = cutValue(rest)
		switch field {
		case "since":
			since = value
			continue
		case "until":
			until = value
			continue
		}
		t := term{field: field}
		read.words(value, func(w word) { t.words = append(t.words, w) })
		if count += len(t.words); count > maxWords {
			break
		}
		switch {
		case value == "":
		case field == "ministry" || field == "site" || field == "section":
			i := slices.IndexFunc(r.filters[chosen:], func(f filter) bool { return f.field == field && f.not == not })
			if i < 0 {
				i = len(r.filters) - chosen
				r.filters = append(r.filters, filter{field: field, not: not})
			}
			r.filters[chosen+i].names = append(r.filters[chosen+i].names, read.named(value))
		case len(t.words) == 0:
		case not:
			r.none = append(r.none, t)
		default:
			r.all = append(r.all, t)
		}
	}
	if count > maxWords {
		return nil, &QueryError{fmt.Sprintf("the query has more than %d words", maxWords)}
	}
	var err error
	if r.since, err = dayNumber("since", since, false); err != nil {
		return nil, err
	}
	if r.until, err = dayNumber("until", until, true); err != nil {
		return nil, err
	}
	return r, nil
}

// cutValue cuts a word or a phrase in quotes off s.
func cutValue(s string) (value, rest string) {
	c, n := utf8.DecodeRuneInString(s)
	if strings.ContainsRune(`"“”„«»`, c) {
		s = s[n:]
		i := strings.IndexAny(s, `"“”«»`)
		if i < 0 {
			return s, ""
		}
		_, n = utf8.DecodeRuneInString(s[i:])
		return s[:i], s[i+n:]
	}
	i := strings.IndexFunc(s, func(c rune) bool { return unicode.IsSpace(c) || c == '"' })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// dayNumber reads a day, a month or a year: its first day, or its last.
func dayNumber(name, s string, last bool) (int, error) {
	if s == "" {
		return 0, nil
	}
	for _, form := range []struct {
		layout              string
		years, months, days int
	}{{time.DateOnly, 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}, {"02/01/2006", 0, 0, 1}} {
		t, err := time.Parse(form.layout, s)
		if err != nil {
			continue
		}
		if last {
			t = t.AddDate(form.years, form.months, form.days).AddDate(0, 0, -1)
		}
		return dayOf(t), nil
	}
	return 0, &QueryError{fmt.Sprintf("%s: %q is no day, month or year such as 2018-01-19, 2018-01 or 2018", name, s)}
}

func dayOf(t time.Time) int { return t.Year()*10000 + int(t.Month())*100 + t.Day() }
