// Package heal finds selectors for pages whose content is known: those of a
// site whose layout has changed, from what was kept of its articles, or those
// of a site that nobody has defined yet.
//
// It looks for the values on the pages, writes selectors for the places where
// they stand, and lets the reader itself judge what comes of them. The same
// pages give the same selectors, always.
package heal

import (
	"errors"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"luutin/extract"
	"luutin/extract/dates"
	"luutin/extract/dom"
)

// Fields are those that selectors are looked for, in the order of a layout.
var Fields = []string{"title", "published", "lead", "body", "authors", "source", "section", "tags"}

// A Sample is a page and the article that stands on it.
type Sample struct {
	Page  extract.Page
	Known *extract.Article
}

// A Candidate is a selector that may read a field.
type Candidate struct {
	Selector string  `json:"selector"`
	Pages    int     `json:"pages"` // on which it finds the known value
	Wrong    int     `json:"wrong"` // on which it finds another
	Extra    int     `json:"extra"` // matches besides, on all pages together
	Cost     float64 `json:"cost"`  // fragility: 1 for a name that is likely to stay, 5 and more for a count of children
	Score    float64 `json:"score"` // 0 … 1, by which candidates are ranked

	right []bool // for each sample
	empty []bool
}

// ErrNoSamples is returned when there is nothing to find selectors in.
var ErrNoSamples = errors.New("no pages with known articles")

// MaxSamples is how many samples are looked at; further ones are left out.
const MaxSamples = 12

const (
	maxSelectors = 500        // that are tried for a field
	minSelectors = 40         // also when the pages are very large
	maxVisited   = 15_000_000 // elements that are looked at for a field, all selectors and pages together
	enough       = 8          // that read every page and nothing else
	maxKept      = 12         // candidates of a field
)

// Candidates returns for each field the selectors that may read it, the best
// first. Fields that no sample knows have none.
func Candidates(samples []Sample) (map[string][]Candidate, error) {
	samples = samples[:min(len(samples), MaxSamples)]
	pages, err := parseAll(samples)
	if err != nil {
		return nil, err
	}
	out := map[string][]Candidate{}
	for _, field := range Fields {
		if cs := candidates(field, samples, pages); len(cs) > 0 {
			out[field] = cs
		}
	}
	return out, nil
}

func parseAll(samples []Sample) (pages []*page, err error) {
	if len(samples) == 0 {
		return nil, ErrNoSamples
	}
	for _, s := range samples {
		p, err := parse(s.Page)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// candidates finds, writes, tries and ranks the selectors of one field.
func candidates(field string, samples []Sample, pages []*page) []Candidate {
	costs := map[string]float64{}
	known := 0
	for i, s := range samples {
		ts := targets(field, pages[i], s.Known)
		if !isKnown(field, s.Known) {
			continue
		}
		known++
		for rank, t := range ts {
			suffix, extra := "", .04*float64(rank)
			if t.attr != "" {
				suffix, extra = "@"+t.attr, extra+.3
			}
			for _, s := range selectors(t.node) {
				css := s.css + suffix
				if c, ok := costs[css]; !ok || s.cost+extra < c {
					costs[css] = s.cost + extra
				}
			}
		}
	}
	var order []step
	for css, cost := range costs {
		order = append(order, step{css, cost})
	}
	slices.SortFunc(order, cheaper)
	var out []Candidate
	perfect := 0
	elements := 1
	for _, p := range pages {
		elements += len(p.elements)
	}
	tries := min(maxSelectors, max(minSelectors, maxVisited/elements))
	for _, s := range order[:min(len(order), tries)] {
		c, ok := try(field, s, samples, pages)
		if !ok || c.Pages == 0 {
			continue
		}
		if out = append(out, c); c.Pages == known && c.Wrong == 0 && c.Extra == 0 {
			if perfect++; perfect == enough {
				break
			}
		}
	}
	for i := range out {
		c := &out[i]
		c.Score = max(0, (float64(c.Pages)-float64(c.Wrong)/2)/float64(max(known, 1))-.02*c.Cost-.02*min(float64(c.Extra)/float64(known), 10))
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return strings.Compare(a.Selector, b.Selector)
	})
	out = append(together(out, known), out...)
	return out[:min(len(out), maxKept)]
}

// together joins the best selector with others for the pages where it finds
// nothing, or something else: alternatives in the order of preference.
func together(cs []Candidate, known int) []Candidate {
	if len(cs) == 0 || cs[0].Pages == known {
		return nil
	}
	c := cs[0]
	c.right, c.empty = slices.Clone(c.right), slices.Clone(c.empty)
	for n := 1; n < 4 && c.Pages < known; n++ {
		var best *Candidate
		most, before := 0, false
		for i := range cs {
			behind, first, spoils := 0, 0, false // pages gained as the second or as the first of the two
			for j := range c.right {
				switch {
				case c.right[j]:
					spoils = spoils || !cs[i].right[j] && !cs[i].empty[j]
				case cs[i].right[j]:
					first++
					if c.empty[j] {
						behind++
					}
				}
			}
			if behind > most {
				best, most, before = &cs[i], behind, false
			}
			if first > most && !spoils {
				best, most, before = &cs[i], first, true
			}
		}
		if best == nil {
			break
		}
		if before {
			c.Selector = best.Selector + ", " + c.Selector
		} else {
			c.Selector += ", " + best.Selector
		}
		c.Cost += best.Cost / 2
		c.Extra += best.Extra
		c.Pages += most
		for j := range c.right {
			if before && !best.empty[j] || !before && c.empty[j] {
				c.right[j], c.empty[j] = best.right[j], best.empty[j]
			}
		}
	}
	if c.Selector == cs[0].Selector {
		return nil
	}
	c.Score = max(0, float64(c.Pages)/float64(known)-.02*c.Cost)
	return []Candidate{c}
}

func isKnown(field string, a *extract.Article) bool { return value(field, a) != "" }

// value is what an article says in a field, as text for people.
func value(field string, a *extract.Article) string {
	if a == nil {
		return ""
	}
	switch field {
	case "title":
		return a.Title
	case "published":
		if a.Published == nil {
			return ""
		}
		return a.Published.Format("2006-01-02 15:04 -07:00")
	case "lead":
		return string(a.Lead)
	case "body":
		return a.Body
	case "authors":
		return strings.Join(a.Authors, "; ")
	case "source":
		return string(a.Source)
	case "section":
		return string(a.Section)
	case "tags":
		return strings.Join(a.Tags, "; ")
	}
	return ""
}

// slack is how much else may stand in the element of a byline, a source or a
// date, in bytes of squeezed text.
const slack = 60

// targets finds where a field's value stands on a page.
func targets(field string, p *page, a *extract.Article) (out []target) {
	switch field {
	case "title", "lead":
		return p.equal(value(field, a))
	case "published":
		return p.dated(a)
	case "body":
		return p.containers(a.Body)
	case "authors":
		for _, name := range a.Authors {
			out = append(out, p.around(name, slack)...)
		}
		if len(a.Authors) > 1 {
			out = append(out, p.around(strings.Join(a.Authors, ""), slack)...)
		}
	case "source":
		return p.around(string(a.Source), slack)
	case "section":
		for step := range strings.SplitSeq(string(a.Section), " > ") {
			out = append(out, p.equal(step)...)
		}
	case "tags":
		for _, tag := range a.Tags[:min(len(a.Tags), 4)] {
			out = append(out, p.equal(tag)...)
		}
	}
	return out
}

// dated returns the elements that read as the date of an article, the
// smallest first.
func (p *page) dated(a *extract.Article) (out []target) {
	if a.Published == nil {
		return nil
	}
	o := dates.Options{Zone: a.Published.Location()}
	const maxParsed = 4000
	parsed := 0
	same := func(text string) bool {
		if parsed++; parsed > maxParsed {
			return false
		}
		d, ok := dates.Parse(text, o)
		return ok && d.Time.Equal(*a.Published)
	}
	for _, e := range p.elements {
		n := e.end - e.start
		if n < 4 || n > 110 || outer(e.node) || !slices.ContainsFunc(p.text[e.start:e.end], func(b byte) bool { return b >= '0' && b <= '9' }) {
			continue
		}
		if same(dom.Text(e.node)) {
			out = append(out, target{node: e.node})
		}
	}
	slices.SortStableFunc(out, func(a, b target) int { return len(p.textOf(a.node)) - len(p.textOf(b.node)) })
	out = out[:min(len(out), maxTargets)]
	return append(out, p.inAttributes(func(v string) bool { return len(v) >= 8 && len(v) < 60 && same(v) })...)
}

// containers returns the elements that hold nine tenths of a body, the
// smallest first, and those that hold a paragraph each.
func (p *page) containers(body string) (out []target) {
	found, share := p.find(body)
	if share < .5 {
		return nil
	}
	total := 0
	for _, s := range found {
		total += s.end - s.start
	}
	var smallest *html.Node
	for i := len(p.elements) - 1; i >= 0; i-- {
		e := p.elements[i]
		c := covered(found, e.start, e.end)
		if c*10 < total*9 || outer(e.node) {
			continue
		}
		if e.end-e.start-c > total+2000 {
			continue
		}
		if smallest == nil {
			smallest = e.node
		}
		if out = append(out, target{node: e.node}); len(out) == maxTargets {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b target) int { return len(p.textOf(a.node)) - len(p.textOf(b.node)) })
	if smallest != nil {
		n := 0
		for c := smallest.FirstChild; c != nil && n < 4; c = c.NextSibling {
			if i, ok := p.index[c]; ok && covered(found, p.elements[i].start, p.elements[i].end) > 0 {
				out = append(out, target{node: c})
				n++
			}
		}
	}
	return out
}

// try reads a field on all samples by one selector, much as the reader does.
func try(field string, s step, samples []Sample, pages []*page) (Candidate, bool) {
	css, attr := s.css, ""
	if i := strings.LastIndexByte(css, '@'); i > 0 && !strings.HasSuffix(css, "]") {
		css, attr = css[:i], css[i+1:]
	}
	sel, err := cascadia.Compile(css)
	if err != nil {
		return Candidate{}, false
	}
	c := Candidate{Selector: s.css, Cost: s.cost, right: make([]bool, len(samples)), empty: make([]bool, len(samples))}
	for i, sample := range samples {
		nodes := cascadia.QueryAll(pages[i].root, sel)
		v := judge(field, sample.Known, pages[i], nodes, attr)
		c.right[i], c.empty[i] = v.right, v.empty
		c.Cost += v.cost / float64(len(samples))
		c.Extra += v.extra
		switch {
		case v.right && isKnown(field, sample.Known):
			c.Pages++
		case !v.empty && !v.right:
			c.Wrong++
		}
	}
	return c, true
}

// A verdict says what a selector found on one page.
type verdict struct {
	right, empty bool
	extra        int
	cost         float64
}

func judge(field string, a *extract.Article, p *page, nodes []*html.Node, attr string) verdict {
	var texts []string
	var holders []*html.Node
	most := 2*len(value(field, a)) + 500 // bytes of squeezed text; what is longer is something else
	for _, n := range nodes {
		length := len(p.textOf(n))
		t := ""
		switch {
		case attr != "":
			t = dom.Clean(dom.Attr(n, attr))
		case field == "body" && length > 0:
			t = "body" // its place is what counts
		case length > most:
			t = "…"
		case length > 0:
			t = dom.Text(n)
		}
		if t != "" {
			texts, holders = append(texts, t), append(holders, n)
		}
		if len(texts) > 200 {
			break
		}
	}
	if len(texts) == 0 {
		return verdict{empty: true}
	}
	first := verdict{extra: len(texts) - 1}
	switch field {
	case "title", "lead":
		first.right = texts[0] == dom.Clean(value(field, a))
		return first
	case "published":
		return judgeDate(a, texts)
	case "source":
		want := squeeze(string(a.Source))
		got := squeeze(texts[0])
		first.right = want != "" && strings.Contains(got, want) && len(got) <= len(want)+slack
		first.cost = float64(len(got)-len(want)) / 100
		return first
	case "authors":
		return judgeAuthors(a, texts)
	case "section":
		steps := unique(texts)
		return verdict{right: strings.TrimRight(strings.Join(steps, " > "), " :") == string(a.Section)}
	case "tags":
		for i := range texts {
			texts[i] = strings.TrimLeft(texts[i], "# ")
		}
		return verdict{right: slices.Equal(unique(texts), a.Tags)}
	case "body":
		return judgeBody(a, p, holders)
	}
	return verdict{}
}

func judgeDate(a *extract.Article, texts []string) verdict {
	v := verdict{extra: len(texts) - 1}
	if a.Published == nil {
		_, ok := dates.Parse(texts[0], dates.Options{})
		v.empty = !ok
		return v
	}
	o := dates.Options{Zone: a.Published.Location()}
	if len(texts) > 1 && len(texts) <= 3 {
		if d, ok := dates.Parse(strings.Join(texts, " "), o); ok && d.Time.Equal(*a.Published) {
			return verdict{right: true}
		}
	}
	for _, t := range texts {
		if len(t) > 400 {
			continue
		}
		if d, ok := dates.Parse(t, o); ok {
			v.right = d.Time.Equal(*a.Published)
			if want := squeeze(string(a.PublishedText)); v.right && want != "" {
				v.cost = float64(max(0, len(squeeze(t))-len(want))) / 60
			}
			return v
		}
	}
	return v
}

func judgeAuthors(a *extract.Article, texts []string) verdict {
	all := squeeze(strings.Join(unique(texts), ""))
	want := 0
	for _, name := range a.Authors {
		if !strings.Contains(all, squeeze(name)) {
			return verdict{}
		}
		want += len(squeeze(name))
	}
	if want == 0 || len(all) > want+slack*len(a.Authors) {
		return verdict{}
	}
	return verdict{right: true, extra: max(0, len(texts)-len(a.Authors)), cost: float64(len(all)-want) / 60}
}

func judgeBody(a *extract.Article, p *page, nodes []*html.Node) verdict {
	found, share := p.find(a.Body)
	total, have, length, end := 0, 0, 0, -1
	for _, s := range found {
		total += s.end - s.start
	}
	if total == 0 {
		return verdict{}
	}
	for _, n := range nodes {
		i, ok := p.index[n]
		if !ok || p.elements[i].end <= end {
			continue
		}
		e := p.elements[i]
		have += covered(found, e.start, e.end)
		length += e.end - e.start
		end = e.end
	}
	v := verdict{right: float64(have) >= .9*float64(total) && share > .5, cost: 2 * float64(max(0, length-have)) / float64(total)}
	v.cost += 3 * (1 - float64(have)/float64(total))
	return v
}

func unique(s []string) (out []string) {
	for _, v := range s {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
