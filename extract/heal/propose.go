package heal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract"
)

// A Task is a layout to find.
type Task struct {
	Sites      *extract.Sites
	Site       string // its name
	Definition []byte // into which the layout goes; nil means that of Site
	Samples    []Sample
	Old        []extract.Page // that the layout must not be chosen for
	Name       string         // of the layout
}

// A Proposal is a layout and what the reader makes of the samples by it.
type Proposal struct {
	Layout     Layout
	Definition []byte                 // with the layout in it
	Candidates map[string][]Candidate // for each field, the best first
	Readings   []Reading              // of the samples, in their order
}

// A Reading is a sample as it would be read.
type Reading struct {
	Sample
	Got *extract.Article // nil when it would not be read
	Err error            // why not
}

// Same reports whether a field would be read as it is known.
func (r Reading) Same(field string) bool { return same(field, r.Known, r.Got) }

// Value returns what is known of a field and what would be read, as text.
func (r Reading) Value(field string) (known, got string) {
	return value(field, r.Known), value(field, r.Got)
}

// Right counts the samples of which a field would be read as it is known.
func (p *Proposal) Right(field string) (n int) {
	for _, r := range p.Readings {
		if r.Same(field) {
			n++
		}
	}
	return n
}

// ErrNoLayout is what Propose wraps when no selectors give a layout that is
// worth having.
var ErrNoLayout = errors.New("no layout found")

// ErrNoMark is what Propose wraps when nothing tells the new pages from the
// old ones. The proposal is returned all the same, without a when.
var ErrNoMark = errors.New("nothing on the new pages tells them from the old ones")

func same(field string, known, got *extract.Article) bool {
	if got == nil {
		return false
	}
	if field == "published" {
		return known.Published == nil && got.Published == nil || known.Published != nil && got.Published != nil && known.Published.Equal(*got.Published)
	}
	return value(field, known) == value(field, got)
}

// Propose finds a layout. It tries the best candidates of each field and lets
// the reader decide, all fields together: what a rule finds for one is left
// out of another.
func Propose(t Task) (*Proposal, error) {
	t.Samples = t.Samples[:min(len(t.Samples), MaxSamples)]
	pages, err := parseAll(t.Samples)
	if err != nil {
		return nil, err
	}
	if t.Definition == nil {
		t.Definition = t.Sites.Source(t.Site)
	}
	s := &search{Task: t, pages: pages, options: map[string][]Candidate{}, tried: map[string]outcome{}}
	size := 1
	for i, sample := range t.Samples {
		size += len(sample.Page.Body)
		a := sample.Known
		places, _ := pages[i].seek(a.Title + "\n" + string(a.Lead) + "\n" + a.Body)
		s.places = append(s.places, places)
	}
	s.trials = min(maxTrials, max(minTrials, trialBytes/size))
	for _, field := range Fields {
		s.options[field] = candidates(field, t.Samples, pages)
	}
	l := Layout{Name: t.Name, Fields: map[string]string{}}
	for _, field := range Fields {
		if cs := s.options[field]; len(cs) > 0 && cs[0].Score > .2 && cs[0].Cost < 6 {
			l.Fields[field] = cs[0].Selector
		}
	}
	best := s.try(l)
	best = s.improve(best)
	best = s.drops(best)
	best = s.improve(best)
	best = s.prune(best)
	p := &Proposal{Candidates: s.options}
	if best.layout.Fields["body"] == "" && best.layout.Fields["title"] == "" || best.right("title")+best.right("body") == 0 {
		return nil, fmt.Errorf("%w: neither the title nor the body of any article stands on its page", ErrNoLayout)
	}
	for i, sample := range t.Samples { // a wall or another kind of page among them has no mark
		if a := best.got[i]; a != nil && (same("title", sample.Known, a) || overlap(sample.Known.Body, a.Body) > .5) {
			s.fit = append(s.fit, pages[i])
		}
	}
	if len(s.fit) == 0 {
		s.fit = pages
	}
	best.layout.When, err = s.mark(best.layout)
	p.Layout = best.layout
	p.Definition = Insert(t.Definition, p.Layout.TOML(nil))
	sites, faulty := t.Sites.With(t.Site, p.Definition)
	if faulty != nil {
		return nil, faulty
	}
	for _, sample := range t.Samples {
		reading, readErr := sites.Read(sample.Page)
		p.Readings = append(p.Readings, Reading{sample, reading.Article, readErr})
	}
	return p, err
}

// A search remembers which layouts the reader has tried.
type search struct {
	Task
	pages   []*page
	options map[string][]Candidate
	tried   map[string]outcome
	trials  int         // that are left
	fit     []*page     // that the layout reads
	places  [][]stretch // where the known text of each sample stands
}

type outcome struct {
	layout Layout
	known  []Sample
	got    []*extract.Article
	score  float64
}

func (o outcome) right(field string) (n int) {
	for i, a := range o.got {
		if same(field, o.known[i].Known, a) {
			n++
		}
	}
	return n
}

// How often the reader is asked: less often when the pages are large.
const (
	maxTrials  = 120
	minTrials  = 20
	trialBytes = 120 << 20
)

// try reads all samples by a layout.
func (s *search) try(l Layout) outcome {
	l.When = "html" // the mark is chosen in the end
	text := l.TOML(nil)
	if o, ok := s.tried[text]; ok {
		return o
	}
	o := outcome{layout: l, known: s.Samples, got: make([]*extract.Article, len(s.Samples)), score: -1}
	if s.trials == 0 {
		return o
	}
	s.trials--
	sites, err := s.Sites.With(s.Site, Insert(s.Definition, text))
	if err == nil {
		o.score = 0
		for i, sample := range s.Samples {
			r, _ := sites.Read(sample.Page)
			o.got[i] = r.Article
			o.score += likeness(sample.Known, r.Article)
		}
		for field, sel := range l.Fields {
			if i := slices.IndexFunc(s.options[field], func(c Candidate) bool { return c.Selector == sel }); i >= 0 {
				o.score -= .002 * s.options[field][i].Cost
			}
		}
		o.score -= .01 * float64(len(l.Drop))
		for _, field := range []string{"title", "published", "body"} {
			if l.Fields[field] != "" {
				o.score += .1 // a rule says when it dies; what is guessed does not
			}
		}
	}
	s.tried[text] = o
	return o
}

// weights say how much a field counts.
var weights = map[string]float64{"title": 1.5, "published": 1, "lead": 1, "body": 2, "authors": 1, "source": .5, "section": .4, "tags": .4}

func likeness(known, got *extract.Article) (score float64) {
	if got == nil {
		return 0
	}
	for field, w := range weights {
		switch {
		case same(field, known, got):
			score += w
		case field == "body":
			score += w * .9 * overlap(known.Body, got.Body)
		case value(field, got) == "":
			score += w * .1 // better nothing than something else
		}
	}
	if known.Published != nil && known.PublishedText == got.PublishedText {
		score += .05
	}
	return score
}

// overlap is the share of lines that two texts have in common.
func overlap(a, b string) float64 {
	lines := map[string]int{}
	n, common := 0, 0
	for line := range strings.SplitSeq(a, "\n") {
		if line != "" {
			lines[line]++
			n++
		}
	}
	for line := range strings.SplitSeq(b, "\n") {
		if line == "" {
			continue
		}
		if lines[line] > 0 {
			lines[line]--
			common++
		} else {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(common) / float64(n)
}

// with is a layout with another selector for one field.
func (l Layout) with(field, selector string) Layout {
	fields := map[string]string{}
	for k, v := range l.Fields {
		fields[k] = v
	}
	if delete(fields, field); selector != "" {
		fields[field] = selector
	}
	l.Fields = fields
	return l
}

// improve tries other candidates for the fields that are not read right.
func (s *search) improve(best outcome) outcome {
	const alternatives = 7
	take := func(l Layout) {
		if o := s.try(l); o.score > best.score {
			best = o
		}
	}
	for _, field := range []string{"body", "title", "lead", "published", "authors", "source", "section", "tags"} {
		if best.right(field) == len(s.Samples) && (best.layout.Fields[field] != "" || field != "body" && field != "title" && field != "published") {
			continue
		}
		for _, c := range s.options[field][:min(len(s.options[field]), alternatives)] {
			take(best.layout.with(field, c.Selector))
		}
		take(best.layout.with(field, ""))
		if field == "lead" && best.right("lead") < len(s.Samples) {
			bold := best.layout.with("lead", "")
			bold.BoldLead = true
			take(bold)
		}
	}
	return best
}

// prune takes out fragile rules that change nothing, and those of lesser
// fields that are wrong on more than a quarter of the pages.
func (s *search) prune(best outcome) outcome {
	for _, field := range []string{"tags", "section", "source", "authors", "lead", "published"} {
		i := slices.IndexFunc(s.options[field], func(c Candidate) bool { return c.Selector == best.layout.Fields[field] })
		if i < 0 {
			continue
		}
		bad := field != "published" && field != "lead" && best.right(field)*4 < 3*len(s.Samples)
		if s.options[field][i].Cost < 3 && !bad {
			continue
		}
		if o := s.try(best.layout.with(field, "")); o.score >= best.score || bad && o.score >= best.score-weights[field]*float64(len(s.Samples)) {
			best = o
		}
	}
	return best
}

// drops finds what stands in a field and is not known of it, and a selector
// that leaves it out everywhere.
func (s *search) drops(best outcome) outcome {
	const most = 8
	for range most {
		found := false
		for i, sample := range s.Samples {
			for _, extra := range extras(sample.Known, best.got[i]) {
				for _, css := range s.droppers(i, extra) {
					l := best.layout
					if slices.Contains(l.Drop, css) {
						continue
					}
					l.Drop = append(slices.Clone(l.Drop), css)
					if o := s.try(l); o.score > best.score {
						best, found = o, true
						break
					}
				}
				if found {
					break
				}
			}
			if found {
				break
			}
		}
		if !found {
			break
		}
	}
	return best
}

// extras are pieces of text that were read and are not known, squeezed.
func extras(known, got *extract.Article) (out []string) {
	if got == nil {
		return nil
	}
	for _, pair := range [][2]string{{known.Title, got.Title}, {string(known.Lead), string(got.Lead)}, {known.Body, got.Body}} {
		var lines []string
		for line := range strings.SplitSeq(pair[0], "\n") {
			if line = squeeze(line); line != "" {
				lines = append(lines, line)
			}
		}
		for line := range strings.SplitSeq(pair[1], "\n") {
			line = squeeze(line)
			if line == "" || slices.Contains(lines, line) {
				continue
			}
			for _, l := range lines { // a known line with something before or behind it
				if rest, ok := strings.CutSuffix(line, l); ok {
					line = rest
				} else if rest, ok := strings.CutPrefix(line, l); ok {
					line = rest
				}
			}
			if out = append(out, line); len(out) == 8 {
				return out
			}
		}
	}
	return out
}

// droppers returns selectors for the widest element around an extra piece of
// text in which nothing stands that is known.
func (s *search) droppers(i int, extra string) (out []string) {
	p := s.pages[i]
	known := s.places[i]
	clear := func(k int, n *html.Node) bool {
		at, ok := s.pages[k].index[n]
		e := s.pages[k].elements
		return ok && covers(s.places[k], e[at].start, e[at].end) == 0
	}
	var all []step
	for n, e := range p.elements {
		if string(p.text[e.start:e.end]) != extra || covers(known, e.start, e.end) > 0 {
			continue
		}
		for node, level := p.elements[n].node, 0; node != nil && node.Type == html.ElementNode && level < 5 && clear(i, node) && !outer(node); node, level = node.Parent, level+1 {
			for _, st := range selectors(node) {
				if st.cost < 4.5 {
					all = append(all, step{st.css, st.cost + .3*float64(level)})
				}
			}
		}
		break
	}
	slices.SortStableFunc(all, cheaper)
	for _, st := range all {
		if len(out) == 4 {
			break
		}
		sel, err := cascadia.Compile(st.css)
		if err != nil || slices.Contains(out, st.css) {
			continue
		}
		good := true
		for k := range s.pages {
			for _, n := range cascadia.QueryAll(s.pages[k].root, sel) {
				good = good && clear(k, n)
			}
		}
		if good {
			out = append(out, st.css)
		}
	}
	return out
}

// covers counts the stretches that touch a part of the text.
func covers(found []stretch, start, end int) (n int) {
	for _, s := range found {
		if s.start < end && s.end > start {
			n++
		}
	}
	return n
}

// maxOld bounds the old pages that a mark is held against.
const maxOld = 40

// mark finds a selector that all samples it fits have and no old page has: the body's
// own when it does, else one that stands near it.
func (s *search) mark(l Layout) (string, error) {
	var old []*page
	for _, o := range s.Old[:min(len(s.Old), maxOld)] {
		p, err := parse(o)
		if err != nil {
			continue // a PDF, or a page too large: no layout is chosen for it
		}
		old = append(old, p)
	}
	var order []step
	for i, field := range []string{"body", "title", "lead", "published"} {
		for _, css := range splitTop(l.Fields[field]) {
			if css != "" && !strings.Contains(css, "@") && !strings.Contains(css, ":nth") {
				cost := float64(i) * .2
				if plainName.MatchString(css) {
					cost += 5 // any page may have an article or an h1
				}
				order = append(order, step{css, cost})
			}
		}
	}
	if n := s.firstBody(l); n != nil {
		for a, level := n, 0; a != nil && a.Type == html.ElementNode; a, level = a.Parent, level+1 {
			for _, st := range steps(a) {
				if plainName.MatchString(st.css) {
					st.cost += 4
				}
				order = append(order, step{st.css, 1 + st.cost + .05*float64(level)})
			}
		}
	}
	slices.SortStableFunc(order, cheaper)
	var rest []step
	for _, e := range s.fit[0].elements[:min(len(s.fit[0].elements), 3000)] {
		if e.node.DataAtom == atom.Meta || e.node.DataAtom == atom.Link || e.node.DataAtom == atom.Script {
			continue
		}
		for _, st := range steps(e.node) {
			if st.cost < 2.5 && !strings.HasPrefix(st.css, e.node.Data) {
				rest = append(rest, st)
			}
		}
	}
	slices.SortStableFunc(rest, cheaper)
	order = append(order, slices.CompactFunc(rest, func(a, b step) bool { return a.css == b.css })...)

	everywhere := "" // what all new pages have
	for _, st := range order[:min(len(order), 600)] {
		sel, err := cascadia.Compile(st.css)
		if err != nil || st.css == "body" || st.css == "html" {
			continue
		}
		has := func(p *page) bool { return cascadia.Query(p.root, sel) != nil }
		if slices.ContainsFunc(s.fit, func(p *page) bool { return !has(p) }) {
			continue
		}
		if !slices.ContainsFunc(old, has) {
			return st.css, nil
		}
		if everywhere == "" {
			everywhere = st.css
		}
	}
	// The new pages have nothing of their own: what have the old ones?
	if everywhere != "" && len(old) > 0 {
		var gone []step
		for _, e := range old[0].elements[:min(len(old[0].elements), 3000)] {
			for _, st := range steps(e.node) {
				if st.cost < 2 {
					gone = append(gone, st)
				}
			}
		}
		slices.SortStableFunc(gone, cheaper)
		for _, st := range slices.CompactFunc(gone, func(a, b step) bool { return a.css == b.css }) {
			sel, err := cascadia.Compile(st.css)
			if err != nil {
				continue
			}
			has := func(p *page) bool { return cascadia.Query(p.root, sel) != nil }
			if !slices.ContainsFunc(s.fit, has) && !slices.ContainsFunc(old, func(p *page) bool { return !has(p) }) {
				return fmt.Sprintf("body:not(:has(%s)):has(%s)", st.css, everywhere), nil
			}
		}
	}
	return "", ErrNoMark
}

func (s *search) firstBody(l Layout) *html.Node {
	for _, css := range splitTop(l.Fields["body"]) {
		if sel, err := cascadia.Compile(css); err == nil {
			if n := cascadia.Query(s.fit[0].root, sel); n != nil {
				return n
			}
		}
	}
	return nil
}

// splitTop splits what together has joined: no selector of ours has a comma.
func splitTop(s string) []string { return strings.Split(s, ", ") }
