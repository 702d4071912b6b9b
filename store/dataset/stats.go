package dataset

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
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
