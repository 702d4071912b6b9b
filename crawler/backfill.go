package crawler

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"luutin/extract"
	"luutin/store"
)

const (
	olderPages = 2             // pages of a list in a row that lie before the span end it: lists pin old items, and not all are sorted
	copyLife   = day           // a list page that was visited since is not asked for again, but read from the archive
	urlSlack   = 2 * day       // a page is made some time before it is published
	putOffTime = 6 * time.Hour // of what the frontier holds and lies outside the span, if the run is killed
	maxPutOff  = 100_000       // targets that are made due again at the end of the run
)

// A SpanSummary says what a run with a span made of one site.
type SpanSummary struct {
	Since    string   `json:"since"`              // a day
	Until    string   `json:"until,omitempty"`    // a day
	Before   int      `json:"before"`             // links to what is older than the span: left out
	After    int      `json:"after"`              // links to what is newer than the span: left out
	Sitemaps int      `json:"sitemaps"`           // sitemaps that lie outside the span: left out
	Ended    int      `json:"ended"`              // lists that were followed until they were older than the span
	Copies   int      `json:"copies,omitempty"`   // list pages that an earlier run had visited within a day: read from the archive
	PutOff   int      `json:"put_off,omitempty"`  // targets that were due and lie outside the span: not visited in this run
	Examples []string `json:"examples,omitempty"` // URLs that were left out
}

// maxExamples is how many URLs of a kind a summary names.
const maxExamples = 3

// A relation is that of something to the span of a run.
type relation int

const (
	undated relation = iota
	before
	inside
	after
)

// spanned reports whether the run is bounded by dates of publication.
func (r *run) spanned() bool { return !r.Since.IsZero() }

// span is what the run wants of a site, by the site's own days; Until is zero
// when it has no end.
func (r *run) span(site string) (s extract.Span) {
	zone := r.Sites.Zone(site)
	y, m, d := r.Since.Date()
	s.From = time.Date(y, m, d, 0, 0, 0, 0, zone)
	if !r.Until.IsZero() {
		y, m, d = r.Until.Date()
		s.Until = time.Date(y, m, d+1, 0, 0, 0, 0, zone)
	}
	return s
}

// relate compares a stretch of time with the span.
func (r *run) relate(site string, s extract.Span) relation {
	want := r.span(site)
	switch {
	case !s.Until.After(want.From):
		return before
	case !want.Until.IsZero() && !s.From.Before(want.Until):
		return after
	}
	return inside
}

func (r *run) relateTime(site string, at time.Time) relation {
	return r.relate(site, extract.Span{From: at, Until: at.Add(1)})
}

// relateURL goes by what a URL says of its date.
func (r *run) relateURL(site, rawURL string) relation {
	s, ok := extract.URLDate(rawURL, r.Sites.Zone(site))
	if !ok {
		return undated
	}
	if whole := r.relate(site, s); whole == inside {
		return inside
	}
	if rel := r.relate(site, extract.Span{From: s.From.Add(-urlSlack), Until: s.Until.Add(urlSlack)}); rel != inside {
		return rel
	}
	return undated
}

// relateLink goes by what a list says of a link, and by its URL.
func (r *run) relateLink(site string, l extract.Link) relation {
	switch {
	case l.Published != nil && isDate(*l.Published):
		return r.relateTime(site, *l.Published)
	case l.Modified != nil && isDate(*l.Modified) && r.relateTime(site, *l.Modified) == before:
		return before
	case l.Kind == extract.KindSitemap:
		if s, ok := extract.SitemapDate(l.URL, r.Sites.Zone(site)); ok {
			return r.relate(site, s)
		}
		return undated
	case l.Kind == extract.KindArticle:
		return r.relateURL(site, l.URL)
	}
	return undated
}

// isDate reports whether a list can mean what it says: there was no web before
// 1990, but there are 1900 and 1970 where a date was not filled in.
func isDate(t time.Time) bool { return t.Year() >= 1990 }

// outside reports whether a target that is due is an article of which it is
// known that it lies outside the span.
func (r *run) outside(ctx context.Context, t store.Target) (bool, error) {
	if t.Kind != extract.KindArticle {
		return false, nil
	}
	rel, err := r.relateKnown(ctx, t)
	if rel == undated {
		rel = r.relateURL(t.Site, t.URL)
	}
	if rel == undated {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.spans.left[hashOf(t.Canonical)], err
	}
	return rel == before || rel == after, err
}

// relateKnown goes by the article that a target led to.
func (r *run) relateKnown(ctx context.Context, t store.Target) (relation, error) {
	if t.Article == "" {
		return undated, nil
	}
	v, err := r.Archive.Article(ctx, t.Article)
	if err != nil || v.Published.IsZero() {
		return undated, err
	}
	return r.relateTime(t.Site, v.Published), nil
}

// A found is what a list page leads to in a run with a span. Whether the list
// is followed further may not be known before its articles have been read.
type found struct {
	page    store.Target
	entries []entry
	lists   []store.Target // other lists, and sitemaps
	onward  []store.Target
	trail   trail
	waits   int // entries that are still to be visited
}

// An entry is an article that a list names.
type entry struct {
	canonical string
	relation
	pinned bool // it stood on the page before, too
}

// A trail is what the pages of a list have shown until a page.
type trail struct {
	older int             // the last ones in a row that lie before the span
	seen  map[uint64]bool // what the last one named
}

var seed = maphash.MakeSeed()

func hashOf(s string) uint64 { return maphash.String(seed, s) }

// older reports whether a whole page lies before the span.
func (f *found) older() bool {
	all, old := 0, 0
	for _, e := range f.entries {
		if e.pinned {
			continue
		}
		all++
		switch e.relation {
		case before:
			old++
		case inside, after:
			return false
		}
	}
	return old > 0 && 2*old >= all
}

// spans are what a run with a span keeps in mind.
type spans struct {
	trails  map[string]trail    // by the list page that comes next
	walked  map[uint64]bool     // list pages that were followed in this run
	left    map[uint64]bool     // what lists date outside the span
	waiting map[string][]*found // by the entry that they wait for
	putOff  []string
}

func newSpans() *spans {
	return &spans{trails: map[string]trail{}, walked: map[uint64]bool{}, left: map[uint64]bool{}, waiting: map[string][]*found{}}
}

// sift sorts the links of a list page by the span. What lies outside is
// counted and left out; onward pages wait for advance.
func (r *run) sift(t store.Target, links []extract.Link, onward []store.Target, v *store.Visit) *found {
	f := &found{page: t, onward: onward}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.trail = r.spans.trails[t.Canonical]
	delete(r.spans.trails, t.Canonical)
	s := r.site(t.Site).Span
	kept := v.Links[:0]
	for i, target := range v.Links {
		rel := r.relateLink(t.Site, links[i])
		if target.Kind == extract.KindArticle {
			f.entries = append(f.entries, entry{target.Canonical, rel, f.trail.seen[hashOf(target.Canonical)]})
		}
		if rel != before && rel != after {
			if rel == inside {
				delete(r.spans.left, hashOf(target.Canonical))
			}
			kept = append(kept, target)
			if target.Kind != extract.KindArticle && target.Kind != extract.KindAttachment {
				f.lists = append(f.lists, target)
			}
			continue
		}
		switch {
		case target.Kind == extract.KindSitemap:
			s.Sitemaps++
		case rel == before:
			s.Before++
		default:
			s.After++
		}
		if len(s.Examples) < maxExamples {
			s.Examples = append(s.Examples, target.URL)
		}
		if len(r.spans.left) < maxNamed {
			r.spans.left[hashOf(target.Canonical)] = true
		}
		v.Partial = true
	}
	v.Links = kept
	v.Partial = v.Partial || len(onward) > 0
	return f
}

// advance goes on from a list page that was read, and from those that waited
// for the visit of a target.
func (r *run) advance(ctx context.Context, f *found, visited string) error {
	for _, f := range r.arrived(visited) {
		if err := r.learnDates(ctx, f); err != nil {
			return err
		}
		if err := r.settle(ctx, f); err != nil {
			return err
		}
	}
	if f == nil {
		return nil
	}
	return r.goThrough(ctx, []*found{f})
}

// goThrough goes on from list pages.
func (r *run) goThrough(ctx context.Context, queue []*found) error {
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		copies, err := r.follow(ctx, f.lists, trail{})
		if err != nil {
			return err
		}
		queue = append(queue, copies...)
		waits, err := r.await(ctx, f)
		if err != nil {
			return err
		}
		if waits {
			continue
		}
		if copies, err = r.onwardOf(ctx, f); err != nil {
			return err
		}
		queue = append(queue, copies...)
	}
	return nil
}

// goOn settles the pages that wait for articles that will not be visited now,
// and reports whether there were any.
func (r *run) goOn(ctx context.Context) (bool, error) {
	stalled := r.stalled()
	for _, f := range stalled {
		if err := r.learnDates(ctx, f); err != nil {
			return false, err
		}
		if err := r.settle(ctx, f); err != nil {
			return false, err
		}
	}
	return len(stalled) > 0, nil
}

// learnDates finds what the archive knows of the entries that have no date.
func (r *run) learnDates(ctx context.Context, f *found) error {
	_, _, err := r.look(ctx, f, func(e *entry) bool { return e.relation == undated })
	return err
}

// look finds the targets of some entries: those that an earlier run put off,
// and those that are still to be visited. Entries without a date get that of
// their article.
func (r *run) look(ctx context.Context, f *found, which func(*entry) bool) (late, open []string, err error) {
	entries := map[string]*entry{}
	var names []string
	for i := range f.entries {
		if e := &f.entries[i]; which(e) {
			names = append(names, e.canonical)
			entries[e.canonical] = e
		}
	}
	if len(names) == 0 {
		return nil, nil, nil
	}
	for t, err := range r.Archive.Targets(ctx, store.Selection{URLs: names}) {
		if err != nil {
			return nil, nil, err
		}
		e := entries[t.Canonical]
		if t.State == store.Due && t.Visited.IsZero() && t.Due.After(r.now()) {
			late = append(late, t.Canonical)
		}
		if e.relation != undated {
			continue
		}
		if t.Article != "" {
			if e.relation, err = r.relateKnown(ctx, t); err != nil {
				return nil, nil, err
			}
		} else if t.State == store.Due || t.State == store.Leased {
			open = append(open, t.Canonical)
		}
	}
	return late, open, nil
}

// await makes due what an earlier run put off, and reports whether a page must
// wait for articles before it is known whether its list goes on.
func (r *run) await(ctx context.Context, f *found) (bool, error) {
	late, open, err := r.look(ctx, f, func(e *entry) bool { return e.relation == undated || e.relation == inside })
	if err != nil {
		return false, err
	}
	if len(late) > 0 {
		if _, err := r.Archive.Recall(ctx, store.Selection{URLs: late, States: []store.State{store.Due}}); err != nil {
			return false, err
		}
	}
	newer := func(e entry) bool { return !e.pinned && (e.relation == inside || e.relation == after) }
	if len(f.onward) == 0 || len(open) == 0 || slices.ContainsFunc(f.entries, newer) {
		return false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.waits = len(open)
	for _, canonical := range open {
		r.spans.waiting[canonical] = append(r.spans.waiting[canonical], f)
	}
	return true, nil
}

// arrived returns the pages that wait for nothing more, now that a target was
// visited.
func (r *run) arrived(canonical string) (ready []*found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.spans.waiting[canonical] {
		if f.waits--; f.waits == 0 {
			ready = append(ready, f)
		}
	}
	delete(r.spans.waiting, canonical)
	return ready
}

// stalled returns the pages that wait.
func (r *run) stalled() (ready []*found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fs := range r.spans.waiting {
		for _, f := range fs {
			if f.waits > 0 {
				f.waits = 0
				ready = append(ready, f)
			}
		}
	}
	clear(r.spans.waiting)
	return ready
}

// settle follows a list onward and goes on from what that leads to.
func (r *run) settle(ctx context.Context, f *found) error {
	copies, err := r.onwardOf(ctx, f)
	if err != nil {
		return err
	}
	return r.goThrough(ctx, copies)
}

// onwardOf follows a list to its next page, or ends it. Pages that need not be
// asked for are returned.
func (r *run) onwardOf(ctx context.Context, f *found) ([]*found, error) {
	if len(f.onward) == 0 {
		return nil, nil
	}
	next := trail{seen: map[uint64]bool{}}
	if f.older() {
		next.older = f.trail.older + 1
	}
	if next.older >= olderPages {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.site(f.page.Site).Span.Ended++
		return nil, nil
	}
	for _, e := range f.entries {
		next.seen[hashOf(e.canonical)] = true
	}
	return r.follow(ctx, f.onward, next)
}

// follow has list pages visited, each once in a run. Those that were visited
// within a day, as by a run that was stopped, are read from the archive
// instead and returned.
func (r *run) follow(ctx context.Context, pages []store.Target, tr trail) (copies []*found, err error) {
	var names []string
	var todo []store.Target
	r.mu.Lock()
	for _, p := range pages {
		if h := hashOf(p.Canonical); !r.spans.walked[h] {
			r.spans.walked[h] = true
			names, todo = append(names, p.Canonical), append(todo, p)
			if tr.seen != nil {
				r.spans.trails[p.Canonical] = tr
			}
		}
	}
	r.mu.Unlock()
	if len(todo) == 0 {
		return nil, nil
	}
	var recent []store.Target
	var again []string
	for t, err := range r.Archive.Targets(ctx, store.Selection{URLs: names}) {
		if err != nil {
			return nil, err
		}
		switch {
		case t.State == store.Leased || t.Visited.IsZero() && !t.Due.After(r.now()):
		case t.State == store.Done && t.Capture != "" && r.now().Sub(t.Visited) < copyLife:
			recent = append(recent, t)
		default:
			again = append(again, t.Canonical)
		}
	}
	if _, err := r.Archive.Add(ctx, todo...); err != nil {
		return nil, err
	}
	for _, t := range recent {
		f, err := r.reread(ctx, t)
		if err != nil {
			return nil, err
		}
		if f == nil {
			again = append(again, t.Canonical)
			continue
		}
		copies = append(copies, f)
	}
	if len(again) > 0 {
		if _, err := r.Archive.Recall(ctx, store.Selection{URLs: again}); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// takeUp makes further pages due that only runs with a span have asked for: an
// ordinary run follows its lists through them to their end.
func (r *run) takeUp(ctx context.Context, onward []store.Target) error {
	if len(onward) == 0 || ctx.Err() != nil {
		return nil
	}
	var names []string
	for _, o := range onward {
		names = append(names, o.Canonical)
	}
	var never []string
	for t, err := range r.Archive.Targets(ctx, store.Selection{URLs: names}) {
		if err != nil {
			return err
		}
		if t.State == store.Done && t.Due.IsZero() {
			never = append(never, t.Canonical)
		}
	}
	if len(never) == 0 {
		return nil
	}
	_, err := r.Archive.Recall(ctx, store.Selection{URLs: never})
	return err
}

// reread reads a list page from the archive; nil when it says nothing.
func (r *run) reread(ctx context.Context, t store.Target) (*found, error) {
	page, err := r.Archive.Capture(ctx, t.Capture)
	if err != nil {
		return nil, fmt.Errorf("read the copy of %s: %w", t.URL, err)
	}
	reading, _ := r.readPage(&store.Capture{FinalURL: page.URL, Post: page.Post, ContentType: page.ContentType, Body: page.Body, Fetched: page.Fetched})
	if reading == nil || len(reading.Links) == 0 {
		return nil, nil
	}
	var v store.Visit
	f := r.addLinks(t, reading, &v)
	if _, err := r.Archive.Add(ctx, v.Links...); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.site(t.Site).Span.Copies++
	return f, nil
}

// archivePages returns the pages of a site's date archives for the span.
func (r *run) archivePages(site string) (pages []store.Target) {
	s := r.span(site)
	if s.Until.IsZero() || s.Until.After(r.now()) {
		s.Until = r.now()
	}
	for _, link := range r.Sites.Archives(site, s.From, s.Until) {
		t := r.target(site, link, 1)
		t.Priority = backfill
		pages = append(pages, t)
	}
	return pages
}

// sowArchives has them visited.
func (r *run) sowArchives(ctx context.Context, site string) error {
	copies, err := r.follow(ctx, r.archivePages(site), trail{})
	if err == nil {
		err = r.goThrough(ctx, copies)
	}
	if err != nil {
		return fmt.Errorf("add the date archives of %s: %w", site, err)
	}
	return nil
}

// putOff gives a target up that lies outside the span.
func (r *run) putOff(ctx context.Context, l *store.Lease) error {
	if err := r.abandon(ctx, l, putOffTime); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.site(l.Target.Site).Span.PutOff++
	if len(r.spans.putOff) < maxPutOff {
		r.spans.putOff = append(r.spans.putOff, l.Target.Canonical)
	}
	return nil
}

// abandon gives a target back, not to be due for a while.
func (r *run) abandon(ctx context.Context, l *store.Lease, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	r.mu.Lock()
	r.begun--
	r.mu.Unlock()
	_, err := r.Archive.Commit(ctx, l, store.Visit{Result: store.Abandoned, Time: r.now(), Again: r.now().Add(wait)})
	if errors.Is(err, store.ErrLeaseLost) {
		return nil
	}
	return err
}

// restore makes due again what was put off.
func (r *run) restore(ctx context.Context) error {
	if len(r.spans.putOff) == 0 {
		return nil
	}
	_, err := r.Archive.Recall(ctx, store.Selection{URLs: r.spans.putOff})
	return err
}
