package crawler

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"luutin/extract"
	"luutin/store"
)

const (
	maxCircles = 2       // list pages with the same links before their paging is given up
	maxBarren  = 5       // list pages without an article, each behind the other, before the way is given up
	maxStale   = 100     // the same of pages that are new but name known articles only
	maxLinks   = 2000    // new links of one page that are followed in one visit; sitemaps may have 50,000
	maxCopies  = 20      // pages of one shape that were all known under other URLs, before the shape is given up
	maxShapes  = 1 << 16 // shapes that a run counts
	maxNamed   = 1 << 19 // articles on lists that a run counts
	probeEvery = 8       // one address in so many of a shape that was given up is visited all the same
	maxHollow  = 200     // articles of a site, none of them there and none that is between, before its lists are not followed further
	maxNested  = 3       // sitemaps on the way to one; sitemaps.org knows an index of sitemaps, not an index of indexes
	trapAgain  = 7 * day
)

// The traps that a crawler can be caught in.
const (
	trapCircle  = "paging in a circle"
	trapBarren  = "page after page without an article"
	trapStale   = "page after page with nothing new"
	trapPath    = "paths that repeat themselves"
	trapHollow  = "page after page with articles that are not there"
	trapNested  = "sitemaps that lead to ever further sitemaps"
	trapCopies  = "the same pages under ever new addresses"
	trapTooMany = "more links on a page than are followed at a time"
)

// A Trap is what a run did not follow because it would never have come to an
// end, or could not, as further pages that no rule finds (extract.Reading.Stuck).
type Trap struct {
	What    string `json:"what"`
	Count   int    `json:"count"`   // links that were not followed; of a circle, lists that were cut
	Example string `json:"example"` // a URL: of what was not followed, or of the page that led on
}

// trapped counts what was cut. r.mu must be held.
func (r *run) trapped(site, what, example string, n int) {
	s := r.site(site)
	i := slices.IndexFunc(s.Traps, func(t Trap) bool { return t.What == what })
	if i < 0 {
		i = len(s.Traps)
		s.Traps = append(s.Traps, Trap{What: what, Example: example})
	}
	s.Traps[i].Count += n
}

// traps are what a run keeps in mind to see that it is in one.
type traps struct {
	circles map[uint64]int   // list pages, by the articles that they name
	chains  map[string]chain // by the list page that comes next
	shapes  map[uint64]shape // of article URLs
	probes  map[uint64]bool  // addresses that are visited though their shape was given up
	hollow  map[string]int   // articles of a site in a row that were not there

	named map[uint64]struct{} // articles that first visits of lists have named
}

// A chain is what the list pages on the way to a page have brought.
type chain struct {
	barren, stale int
	fresh         bool // the last one has named what no other had
}

// A shape is what the first visits of URLs that are alike but for parameters
// and sessions have brought.
type shape struct{ news, copies, skipped int32 }

func (s shape) trap() bool { return s.copies >= maxCopies && s.copies >= 4*s.news }

func newTraps() *traps {
	return &traps{circles: map[uint64]int{}, chains: map[string]chain{}, shapes: map[uint64]shape{}, probes: map[uint64]bool{}, hollow: map[string]int{}, named: map[uint64]struct{}{}}
}

// cut reports why the lists behind a page are not followed; "" when they are.
// v.Links are what the page leads to, onward its further pages.
func (r *run) cut(t store.Target, v *store.Visit, onward []store.Target) (what string) {
	var articles []string
	lists := slices.Clone(onward)
	for _, l := range v.Links {
		switch l.Kind {
		case extract.KindArticle:
			articles = append(articles, l.Canonical)
		case extract.KindList:
			lists = append(lists, l)
		}
	}
	if len(lists) == 0 {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.traps.chains[t.Canonical]
	delete(r.traps.chains, t.Canonical)
	if c.barren++; len(articles) > 0 {
		c.barren = 0
	}
	switch {
	case len(articles) > 0 && t.Depth > 0 && r.inCircle(t.Site, articles):
		what = trapCircle
	case c.barren >= maxBarren:
		what = trapBarren
	case c.stale >= maxStale:
		what = trapStale
	case t.Depth > 0 && r.traps.hollow[t.Site] >= maxHollow:
		what = trapHollow
	}
	if what != "" {
		r.trapped(t.Site, what, t.URL, 1)
		return what
	}
	c.fresh = t.Visited.IsZero() && r.names(articles)
	if c != (chain{}) {
		for _, l := range lists {
			r.traps.chains[l.Canonical] = c
		}
	}
	return ""
}

// names notes which articles a list names, and reports whether no list of this
// run had named one of them: known or not, then paging has come further.
func (r *run) names(articles []string) (fresh bool) {
	for _, a := range articles {
		h := hashOf(a)
		if _, known := r.traps.named[h]; !known && len(r.traps.named) < maxNamed {
			r.traps.named[h], fresh = struct{}{}, true
		}
	}
	return fresh
}

// inCircle reports whether several list pages have named the very same
// articles, in whatever order. Sites that answer every page number with their
// last page, or every parameter with the same page, would be read for ever. Of
// shapes that were given up the addresses are always others.
func (r *run) inCircle(site string, articles []string) bool {
	same, most := slices.Clone(articles), maxCircles
	for i, a := range same {
		if name, varies := r.shapeOf(site, a); varies && r.traps.shapes[hashOf(name)].trap() {
			same[i], most = name, maxCopies
		}
	}
	slices.Sort(same)
	h := hashOf(site + "\n" + strings.Join(slices.Compact(same), "\n"))
	r.traps.circles[h]++
	return r.traps.circles[h] > most
}

// learn notes what a first visit brought.
func (r *run) learn(t store.Target, v *store.Visit, o store.Outcome) {
	if !t.Visited.IsZero() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.Kind != extract.KindArticle {
		lists := slices.DeleteFunc(slices.Concat(v.Links, v.Onward), func(l store.Target) bool { return l.Kind != extract.KindList })
		for _, l := range lists {
			c := r.traps.chains[l.Canonical] // what cut left there
			if c.stale++; o.Links > len(lists) || c.fresh {
				c.stale = 0
			}
			c.fresh = false
			if c == (chain{}) {
				delete(r.traps.chains, l.Canonical)
			} else {
				r.traps.chains[l.Canonical] = c
			}
		}
		return
	}
	switch {
	case v.Result == store.Missing:
		r.traps.hollow[t.Site]++
	case o.Article != store.NoArticle:
		delete(r.traps.hollow, t.Site)
	}
	name, varies := r.shapeOf(t.Site, t.URL)
	if !varies || o.Article == store.NoArticle {
		return
	}
	h := hashOf(name)
	s, known := r.traps.shapes[h]
	if !known && len(r.traps.shapes) >= maxShapes {
		return
	}
	switch {
	case o.Article == store.Added && s.trap(): // it is none
		s = shape{news: 1}
	case o.Article == store.Added:
		s.news++
	default:
		s.copies++
	}
	r.traps.shapes[h] = s
}

// copied reports whether a URL of a site has a shape of which only known pages
// came. A few are visited all the same: after a redesign the known articles can
// come first under their new addresses, and the new ones behind them.
func (r *run) copied(site, rawURL string) bool {
	name, varies := r.shapeOf(site, rawURL)
	if !varies {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h, u := hashOf(name), hashOf(rawURL)
	s := r.traps.shapes[h]
	if !s.trap() || r.traps.probes[u] {
		return false
	}
	s.skipped++
	r.traps.shapes[h] = s
	if s.skipped%probeEvery == 0 && len(r.traps.probes) < maxShapes {
		r.traps.probes[u] = true
		return false
	}
	return true
}

// avoid gives a target up that is most likely one more copy.
func (r *run) avoid(ctx context.Context, l *store.Lease) error {
	if err := r.abandon(ctx, l, trapAgain); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trapped(l.Target.Site, trapCopies, l.Target.URL, 1)
	return nil
}

// shapeOf is a URL without the values of its parameters, but for those that tell
// pages apart by the site's definition, and without what looks like a session in
// its path; varies is false when nothing is left out.
func (r *run) shapeOf(site, rawURL string) (shape string, varies bool) {
	base, query, _ := strings.Cut(rawURL, "?")
	segments := strings.Split(base, "/")
	for i := range segments {
		if i > 2 && i < len(segments)-1 && isToken(segments[i]) {
			segments[i], varies = "*", true
		}
	}
	shape = strings.Join(segments, "/")
	if query != "" {
		names := strings.Split(query, "&")
		for i, p := range names {
			name, value, _ := strings.Cut(p, "=")
			if value != "" && !r.Sites.TellsApart(site, name) {
				names[i], varies = name, true
			}
		}
		slices.Sort(names)
		shape += "?" + strings.Join(names, "&")
	}
	return shape, varies
}

// isToken reports whether a part of a path was made by a machine: sixteen or
// more letters and digits, mixed, with no word boundary in them.
func isToken(s string) bool {
	if _, value, ok := strings.Cut(s, "="); ok {
		s = value
	}
	digits, letters := 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case c != '(' && c != ')':
			return false
		}
	}
	return digits+letters >= 16 && digits >= 4 && letters >= 2
}

// repeats reports whether a path goes round: one or more of its parts, three
// times in a row, or one part that is no number more than three times.
func repeats(path string) bool {
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	count := map[string]int{}
	for _, p := range parts {
		if count[p]++; count[p] > 3 && strings.Trim(p, "0123456789") != "" {
			return true
		}
	}
	for size := 1; 3*size <= len(parts); size++ {
		for i := 0; i+3*size <= len(parts); i++ {
			a := parts[i : i+size]
			if slices.Equal(a, parts[i+size:i+2*size]) && slices.Equal(a, parts[i+2*size:i+3*size]) &&
				strings.Trim(strings.Join(a, ""), "0123456789") != "" {
				return true
			}
		}
	}
	return false
}

// fewer keeps of very many links the first ones that the frontier does not
// know: the others come with a later visit.
func (r *run) fewer(ctx context.Context, t store.Target, v *store.Visit) error {
	if len(v.Links) <= maxLinks || t.Kind == extract.KindSitemap {
		return nil
	}
	known := map[string]bool{}
	for part := range slices.Chunk(v.Links, 1000) {
		names := make([]string, len(part))
		for i := range part {
			names[i] = part[i].Canonical
		}
		for l, err := range r.Archive.Targets(ctx, store.Selection{URLs: names}) {
			if err != nil {
				return err
			}
			known[l.Canonical] = true
		}
	}
	v.Links = slices.DeleteFunc(v.Links, func(l store.Target) bool { return known[l.Canonical] })
	if len(v.Links) <= maxLinks {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trapped(t.Site, trapTooMany, t.URL, len(v.Links)-maxLinks)
	v.Links, v.Partial = v.Links[:maxLinks], true
	return nil
}

// addLinks sorts the links of a page into those that are followed and those
// that are counted only.
func (r *run) addLinks(t store.Target, reading *extract.Reading, v *store.Visit) *found {
	var (
		onward                                   []store.Target
		links                                    []extract.Link // those of v.Links
		foreign, deeper, circled, copies, nested int
		circling, copying, nesting               string
	)
	for _, link := range reading.Links {
		u, err := url.Parse(link.URL)
		switch {
		case err != nil || webScheme(u) != nil || !r.belongs(t.Site, u):
			foreign++
		case repeats(u.Path):
			circled++
			circling = link.URL
		case link.Kind == extract.KindSitemap && t.Kind == extract.KindSitemap && t.Depth >= maxNested:
			nested++
			nesting = link.URL
		case link.Kind == extract.KindArticle && r.copied(t.Site, link.URL):
			copies++
			copying = link.URL
		case !link.Onward:
			v.Links, links = append(v.Links, r.target(t.Site, link, t.Depth+1)), append(links, link)
		case r.Pages > 0 && t.Depth+1 >= r.Pages:
			deeper++
		default:
			onward = append(onward, r.target(t.Site, link, t.Depth+1))
		}
	}
	if copies > 0 {
		v.Partial = true
		if soon := v.Time.Add(trapAgain); v.Again.After(soon) {
			v.Again = soon
		}
	}
	circle := t.Kind != extract.KindArticle && t.Kind != extract.KindSitemap && r.cut(t, v, onward) != ""
	if circle {
		onward = nil
		kept, keptLinks := v.Links[:0], links[:0]
		for i, l := range v.Links {
			if l.Kind != extract.KindList {
				kept, keptLinks = append(kept, l), append(keptLinks, links[i])
			}
		}
		v.Links, links = kept, keptLinks
	}
	var f *found
	if r.spanned() && t.Kind != extract.KindArticle {
		f = r.sift(t, links, onward, v)
	} else {
		v.Onward = onward
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if circled > 0 {
		r.trapped(t.Site, trapPath, circling, circled)
	}
	if copies > 0 {
		r.trapped(t.Site, trapCopies, copying, copies)
	}
	if nested > 0 {
		r.trapped(t.Site, trapNested, nesting, nested)
	}
	if reading.Stuck != "" && t.Kind != extract.KindArticle && (r.Pages == 0 || t.Depth+1 < r.Pages) {
		r.trapped(t.Site, reading.Stuck, t.URL, 1)
	}
	s := r.site(t.Site)
	for _, tally := range []*Tally{&r.sum.Tally, &s.Tally} {
		tally.Foreign += foreign
		tally.Deeper += deeper
		if circle {
			tally.Circles++
		}
	}
	return f
}
