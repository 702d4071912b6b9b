package dataset

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"luutin/store"
)

// A Tally is what is counted of the articles that have something in common.
type Tally struct {
	By         string `json:"by"`   // all, site, ministry, month, section, author or language
	Name       string `json:"name"` // "" for those that have none
	Articles   int    `json:"articles"`
	Edited     int    `json:"edited"`     // articles that changed, or came back
	Versions   int    `json:"versions"`   // of all articles
	Withdrawn  int    `json:"withdrawn"`  // articles that are gone from their site
	Characters int    `json:"characters"` // of lead and body, on average
	First      string `json:"first"`      // the first day of publication; "" when none has a date
	Last       string `json:"last"`

	sum int
}

// Statistics are counts of articles. Memory grows with the number of names,
// months and so on, not with that of articles.
type Statistics struct {
	all    Tally
	groups [6]map[string]*Tally
	months map[string]map[string]int // of a ministry, else of a site: articles by month of publication
}

// groupings are what articles are counted by, in the order in which they are told.
var groupings = [6]string{"site", "ministry", "month", "section", "author", "language"}

// Groupings returns what articles are counted by.
func Groupings() []string { return slices.Clone(groupings[:]) }

// Count counts articles, each of which is to come in its latest version.
func Count(articles iter.Seq2[store.Version, error]) (*Statistics, error) {
	s := &Statistics{all: Tally{By: "all"}, months: map[string]map[string]int{}}
	for i := range s.groups {
		s.groups[i] = map[string]*Tally{}
	}
	for v, err := range articles {
		if err != nil {
			return nil, fmt.Errorf("count articles: %w", err)
		}
		if !gjson.ValidBytes(v.JSON) {
			return nil, fmt.Errorf("count articles: article %s is no JSON", v.ID)
		}
		s.add(&v)
	}
	return s, nil
}

func (s *Statistics) add(v *store.Version) {
	values := gjson.GetManyBytes(v.JSON, "ministry", "section", "language", "lead", "body", "withdrawn", "authors")
	day, month := "", ""
	if !v.Published.IsZero() {
		day = v.Published.Format(time.DateOnly)
		month = day[:7]
	}
	length := utf8.RuneCountInString(values[3].String()) + utf8.RuneCountInString(values[4].String())
	add := func(t *Tally) {
		t.Articles++
		t.Versions += v.Number
		edits := v.Number - 1
		if values[5].String() != "" {
			t.Withdrawn++
			edits-- // that it is gone is a version, and no edit
		}
		if edits > 0 {
			t.Edited++
		}
		t.sum += length
		if day != "" && (t.First == "" || day < t.First) {
			t.First = day
		}
		t.Last = max(t.Last, day)
	}
	add(&s.all)
	authors := []string{""}
	if all := values[6].Array(); len(all) > 0 {
		authors = authors[:0]
		for _, a := range all {
			authors = append(authors, a.String())
		}
	}
	ministry := values[0].String()
	for i, names := range [6][]string{{v.Site}, {ministry}, {month}, {values[1].String()}, authors, {values[2].String()}} {
		for _, name := range names {
			t := s.groups[i][name]
			if t == nil {
				t = &Tally{By: groupings[i], Name: name}
				s.groups[i][name] = t
			}
			add(t)
		}
	}
	if month != "" {
		name := cmp.Or(ministry, v.Site)
		if s.months[name] == nil {
			s.months[name] = map[string]int{}
		}
		s.months[name][month]++
	}
}

// All returns the count of all articles.
func (s *Statistics) All() Tally { return s.all.means() }

// By returns the counts of a grouping: months in their order, the others the
// largest first.
func (s *Statistics) By(grouping string) []Tally {
	i := slices.Index(groupings[:], grouping)
	if i < 0 {
		return nil
	}
	var out []Tally
	for _, t := range s.groups[i] {
		out = append(out, t.means())
	}
	slices.SortFunc(out, func(a, b Tally) int {
		if grouping == "month" {
			return cmp.Compare(a.Name, b.Name)
		}
		return cmp.Or(cmp.Compare(b.Articles, a.Articles), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (t Tally) means() Tally {
	if t.Articles > 0 {
		t.Characters = t.sum / t.Articles
	}
	return t
}

// The measures of a plot, in pixels.
const (
	plotWidth  = 960
	plotLeft   = 60
	plotRight  = 20
	panel      = 110 // of each ministry, with its name
	plotTop    = 50
	plotBottom = 40
)

// Plot writes the articles of each ministry by month as an SVG picture: a row
// for each, the largest first, all over the same time, each with its own scale. It
// writes nothing and returns false when no article has a date.
func (s *Statistics) Plot(w io.Writer) (bool, error) {
	var first, last string
	totals := map[string]int{}
	for name, months := range s.months {
		for m, n := range months {
			totals[name] += n
			if first == "" || m < first {
				first = m
			}
			last = max(last, m)
		}
	}
	if first == "" {
		return false, nil
	}
	names := slices.SortedFunc(maps.Keys(s.months), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b))
	})
	begin := monthNumber(first)
	count := monthNumber(last) - begin + 1
	step := float64(plotWidth-plotLeft-plotRight) / float64(count)
	height := plotTop + panel*len(names) + plotBottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="16" font-weight="bold">Articles a month, by date of publication</text>`+"\n", plotLeft)
	// Years: as many as there is room for.
	every := 1
	for float64(every)*12*step < 50 {
		every++
	}
	bottom := plotTop + panel*len(names)
	for m := 0; m < count; m++ {
		year, month := (begin+m)/12, (begin+m)%12
		x := float64(plotLeft) + float64(m)*step
		switch {
		case month == 0 && year%every == 0:
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" fill="#444">%d</text>`+"\n", x, plotTop, x, bottom, x, bottom+18, year)
		case count < 24 && step >= 40:
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#444">%d-%02d</text>`+"\n", x, bottom+18, year, month+1)
		}
	}
	for i, name := range names {
		top := plotTop + i*panel
		base := top + panel - 12
		most := 0
		for _, n := range s.months[name] {
			most = max(most, n)
		}
		scale := float64(panel-40) / float64(most)
		fmt.Fprintf(&b, `<g><title>%s: %d</title><text x="%d" y="%d" font-weight="bold">%s</text><text x="%d" y="%d" text-anchor="end" fill="#444">%d articles</text>`+"\n",
			escaped(name), totals[name], plotLeft+4, top+16, escaped(name), plotWidth-plotRight, top+16, totals[name])
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end" fill="#444">%d</text><text x="%d" y="%d" text-anchor="end" fill="#444">0</text>`+"\n",
			plotLeft-6, float64(base)-scale*float64(most)+4, most, plotLeft-6, base+4)
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#888"/><path fill="#2b6cb0" d="`, plotLeft, base, plotWidth-plotRight, base)
		gap := min(1, step/5)
		for m := range count {
			if n := s.months[name][fmt.Sprintf("%04d-%02d", (begin+m)/12, (begin+m)%12+1)]; n > 0 {
				h := max(scale*float64(n), .5)
				fmt.Fprintf(&b, "M%.1f %dv%.1fh%.2fv%.1fz", float64(plotLeft)+float64(m)*step, base, -h, step-gap, h)
			}
		}
		b.WriteString("\"/></g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return true, err
}

// monthNumber counts the months from the year 0 on.
func monthNumber(s string) int {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0
	}
	return t.Year()*12 + int(t.Month()) - 1
}
