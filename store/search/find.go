package search

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"luutin/store"
)

// Results are what a query finds.
type Results struct {
	Total      int      `json:"total"`
	Hits       []Hit    `json:"hits"`
	Ministries []Count  `json:"ministries,omitempty"` // the largest first, as the others
	Years      []Count  `json:"years,omitempty"`      // the latest first; "" are those without a date
	Sections   []Count  `json:"sections,omitempty"`
	Sites      []Count  `json:"sites,omitempty"`
	Missing    []string `json:"missing,omitempty"` // ids of hits that the archive could not show, as it was opened before they came
}

// A Count is how many articles have something in common.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// A Hit is an article that was found.
type Hit struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	Site      string     `json:"site"`
	Ministry  string     `json:"ministry"`
	Section   string     `json:"section"`
	Published *time.Time `json:"published"`
	Precision string     `json:"published_precision"`
	Authors   []string   `json:"authors"`
	Title     string     `json:"title"`
	Headline  []Piece    `json:"headline"` // the title in pieces
	Snippet   []Piece    `json:"snippet"`  // of lead and body, where the words stand
}

// A Piece is a stretch of text.
type Piece struct {
	Text string `json:"text"`
	Mark bool   `json:"mark,omitempty"` // it is what was looked for
}

// maxCounts is how many names of each kind are counted in Results; of years all.
const maxCounts = 20

// Find finds articles. The best are, in this order: those that have every word
// with the marks that were typed; those with the words side by side in the
// title; with all of them in the title; side by side in the text; and of the
// equally good the newest. It returns a *QueryError for a day that is none.
func (x *Index) Find(ctx context.Context, q Query) (Results, error) {
	r, err := understand(&q)
	if err != nil {
		return Results{}, err
	}
	// A query keeps a processor busy. Several that share one are all done late;
	// one behind the other, the last is done no later and the others sooner.
	select {
	case x.turns <- struct{}{}:
		defer func() { <-x.turns }()
	case <-ctx.Done():
		return Results{}, fmt.Errorf("search: %w", ctx.Err())
	}
	f := x.finder(ctx, &q, r)
	defer x.release(f)
	results, ids, err := x.find(f)
	if broken(err) && !x.options.ReadOnly {
		if err = x.heal(ctx, f.generation, err); err == nil {
			results, ids, err = x.find(f)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return Results{}, fmt.Errorf("search: %w", x.hint(err))
	}
	for _, id := range ids {
		v, err := x.archive.Article(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			results.Missing = append(results.Missing, id)
			continue
		}
		if err != nil {
			return Results{}, fmt.Errorf("search: %w", err)
		}
		h, err := r.hit(&f.read, v.JSON)
		if err != nil {
			return Results{}, fmt.Errorf("search: article %s: %w", id, err)
		}
		results.Hits = append(results.Hits, h)
	}
	return results, nil
}

// IDs returns the ids of all articles that a query finds, in no order.
func (x *Index) IDs(ctx context.Context, q Query) (all []string, err error) {
	q.Facets = false
	r, err := understand(&q)
	if err != nil {
		return nil, err
	}
	f := x.finder(ctx, &q, r)
	defer x.release(f)
	err = x.view(func(o *opened) error {
		if err := f.match(o, &x.names); err != nil {
			return err
		}
		for _, m := range f.matches {
			ids, err := m.ids(&f.buf)
			if err != nil {
				return err
			}
			m.found.each(func(n int) {
				all = append(all, strings.ToLower(idText.EncodeToString(ids[n*idSize:(n+1)*idSize])))
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search: %w", x.hint(err))
	}
	return all, nil
}

// A finder answers one request. What it has room in it keeps for the next.
type finder struct {
	ctx        context.Context
	q          *Query
	request    *request
	generation string // of the index that was looked into last
	matches    []match

	read  reader
	buf   []byte
	lists [][]byte // of the words of a phrase
	walks []walk
	at    []int
}

// A match is what a request finds in a segment.
type match struct {
	*segment
	found   set
	marked  set // of found: every word with the marks that were typed
	inTitle set // of found: all words in the title
	beside  set // of inTitle: side by side
}

func (x *Index) finder(ctx context.Context, q *Query, r *request) *finder {
	var f *finder
	select {
	case f = <-x.finders:
	default:
		f = new(finder)
	}
	f.ctx, f.q, f.request = ctx, q, r
	return f
}

func (x *Index) release(f *finder) {
	const most = 1 << 20 // bytes of a list, that are worth keeping
	for i := range f.lists {
		if cap(f.lists[i]) > most {
			f.lists[i] = nil
		}
	}
	clear(f.matches)
	f.ctx, f.q, f.request, f.matches = nil, nil, nil, f.matches[:0]
	select {
	case x.finders <- f:
	default:
	}
}

// find returns the results without the hits, and the ids of these.
func (x *Index) find(f *finder) (results Results, ids []string, err error) {
	err = x.view(func(o *opened) error {
		f.generation = o.generation
		if err := f.match(o, &x.names); err != nil {
			return err
		}
		for _, m := range f.matches {
			results.Total += m.found.count()
		}
		if f.q.Facets {
			f.count(&x.names, &results)
		}
		limit, offset := cmp.Or(f.q.Limit, 10), max(f.q.Offset, 0)
		if limit < 0 || offset >= results.Total {
			return nil
		}
		best, err := f.best(offset + min(limit, results.Total-offset))
		if err != nil {
			return err
		}
		for _, e := range best[offset:] {
			id, err := f.matches[e.match].id(&f.buf, int(e.n))
			if err != nil {
				return err
			}
			ids = append(ids, strings.ToLower(idText.EncodeToString(id[:])))
		}
		return nil
	})
	return results, ids, err
}

// match finds in each segment the articles that have all a request asks for,
// and nothing that must not be there.
func (f *finder) match(o *opened, n *[len(nameKinds)]names) error {
	wanted := f.wanted(n)
	f.matches = f.matches[:0]
	for _, s := range o.segments {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		m := match{segment: s, found: slices.Clone(s.alive)}
		if err := f.matching(&m); err != nil {
			return err
		}
		f.filter(&m, wanted)
		f.matches = append(f.matches, m)
	}
	return nil
}

func (f *finder) matching(m *match) error {
	for _, t := range f.request.all {
		if err := f.apart(m, t, m.found); err != nil {
			return err
		}
	}
	// Now there are fewer to look at for words side by side.
	for _, t := range f.request.all {
		if len(t.words) > 1 {
			if err := f.keepBeside(m, t, m.found); err != nil {
				return err
			}
		}
	}
	for _, t := range f.request.none {
		s := slices.Clone(m.found)
		err := f.apart(m, t, s)
		if err == nil && len(t.words) > 1 {
			err = f.keepBeside(m, t, s)
		}
		if err != nil {
			return err
		}
		m.found.without(s)
	}
	return nil
}

// key is what a word of a term is entered under.
func (t *term) key(i int) string {
	switch t.field {
	case "title":
		return titleWord + t.words[i].folded
	case "author":
		return authorWord + t.words[i].folded
	}
	return t.words[i].folded
}

// keep leaves in a set the articles that have a word.
func (f *finder) keep(m *match, key string, of set) error {
	if of.empty() {
		return nil
	}
	s := newSet(m.segment.count())
	if err := m.holding(&f.buf, key, s); err != nil {
		return err
	}
	of.and(s)
	return nil
}

// apart leaves in a set the articles that have every word of a term, wherever.
func (f *finder) apart(m *match, t term, of set) error {
	for i := range t.words {
		if err := f.keep(m, t.key(i), of); err != nil {
			return err
		}
	}
	return nil
}

// keepBeside leaves in a set the articles that have the words of a term side by
// side.
func (f *finder) keepBeside(m *match, t term, of set) error {
	p, err := f.phrase(m, t, of)
	if err != nil {
		return err
	}
	of.each(func(n int) {
		ok := false
		if err == nil {
			ok, err = p.has(uint32(n))
		}
		if !ok {
			of.remove(n)
		}
	})
	f.at = p.at
	return err
}

// phrase opens the lists of the words of a term, of which all articles of a set
// have each.
func (f *finder) phrase(m *match, t term, of set) (p phrase, err error) {
	if of.empty() {
		return p, nil
	}
	places := make([]place, len(t.words))
	order := make([]int, len(t.words))
	for i := range t.words {
		var ok bool
		if places[i], ok, err = m.find(&f.buf, t.key(i)); err != nil {
			return p, err
		}
		if !ok {
			return p, damaged(m.file.f.Name(), "a word has no list")
		}
		order[i] = i
	}
	// The rarest first: most articles that have not all are left with it.
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(places[a].places, places[b].places) })
	for len(f.walks) < len(order) {
		f.walks, f.lists = append(f.walks, walk{}), append(f.lists, nil)
	}
	for i, word := range order {
		l, err := m.read(&f.lists[i], places[word], true)
		if err != nil {
			return p, err
		}
		w := &f.walks[i]
		if w.shift = word; w.start(l, m.segment.count()) != nil {
			return p, damaged(m.file.f.Name(), "a list is none")
		}
	}
	return phrase{walks: f.walks[:len(order)], at: f.at}, nil
}

// A want is what a filter wants of a name.
type want struct {
	kind int
	of   []bool // by the number of the name
}

// wanted returns what the filters want.
func (f *finder) wanted(n *[len(nameKinds)]names) []want {
	var all []want
	for _, filter := range f.request.filters {
		kind := slices.Index(nameKinds[:], filter.field)
		w := want{kind, filter.wants(&f.read, n[kind].all)}
		all = append(all, w)
	}
	return all
}

// filter leaves the articles that the filters want.
func (f *finder) filter(m *match, wanted []want) {
	for _, w := range wanted {
		names := m.names[w.kind]
		m.found.each(func(n int) {
			if !w.of[names[n]] {
				m.found.remove(n)
			}
		})
	}
	if since, until := int32(f.request.since), int32(f.request.until); since != 0 || until != 0 {
		m.found.each(func(n int) {
			if day := m.day[n]; day == 0 || day < since || until != 0 && day > until {
				m.found.remove(n)
			}
		})
	}
}

// wants reports of each name whether a filter wants it.
func (f *filter) wants(read *reader, names []string) []bool {
	of, cut := make([]bool, len(names)), make([]wantedName, len(names))
	for i, name := range names {
		of[i], cut[i] = slices.Contains(f.exact, name), read.named(name)
	}
	for _, asked := range f.names {
		fits := wantedName.isIn
		if slices.ContainsFunc(cut, asked.is) {
			fits = wantedName.is
		}
		for i := range cut {
			of[i] = of[i] || fits(asked, cut[i])
		}
	}
	for i := range of {
		of[i] = of[i] != f.not
	}
	return of
}

// count counts the articles that are found by what they have in common.
func (f *finder) count(n *[len(nameKinds)]names, r *Results) {
	var of [len(nameKinds)][]int
	for kind := range of {
		of[kind] = make([]int, len(n[kind].all))
	}
	var years [10_000]int // 0 are those without a date
	for i := range f.matches {
		m := &f.matches[i]
		m.found.each(func(n int) {
			years[min(uint32(m.day[n])/10_000, 9999)]++
			for kind := range of {
				of[kind][m.names[kind][n]]++
			}
		})
	}
	for kind, counts := range []*[]Count{&r.Sites, &r.Ministries, &r.Sections} {
		for i, c := range of[kind] {
			if c > 0 {
				*counts = append(*counts, Count{n[kind].all[i], c})
			}
		}
		slices.SortFunc(*counts, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
		*counts = (*counts)[:min(len(*counts), maxCounts)]
	}
	for y, c := range slices.Backward(years[:]) {
		if c == 0 {
			continue
		}
		name := ""
		if y != 0 {
			name = strconv.Itoa(y)
		}
		r.Years = append(r.Years, Count{name, c})
	}
}

// What makes an article better than others: each more than all before it.
const (
	besideInText = 1 << iota
	allInTitle
	besideInTitle
	allMarked
)

// best returns the first k that are found, in order.
func (f *finder) best(k int) ([]entry, error) {
	top := &top{k: k}
	if f.q.ByDate {
		for i := range f.matches {
			f.matches[i].found.each(func(n int) { top.add(f.entry(i, n, 0)) })
		}
		return top.sorted(), nil
	}
	var phrase term // all words that were typed, in a row
	for _, t := range f.request.all {
		if t.field == "" {
			phrase.words = append(phrase.words, t.words...)
		}
	}
	for i := range f.matches {
		m := &f.matches[i]
		if err := f.rank(m, phrase.words); err != nil {
			return nil, err
		}
		m.inTitle.each(func(n int) {
			class := allInTitle
			if m.beside.has(n) {
				class |= besideInTitle
			}
			if m.marked.has(n) {
				class |= allMarked
			}
			top.add(f.entry(i, n, class))
		})
	}
	// Words side by side in the text are looked for only where that may matter; a
	// single phrase is side by side anyway.
	others := 0
	if len(phrase.words) > 1 && len(f.request.all) > 1 {
		others = besideInText
	}
	for _, class := range []int{allMarked, 0} {
		for i := len(f.matches) - 1; i >= 0; i-- { // the newest are the last, mostly
			m := &f.matches[i]
			rest := slices.Clone(m.found)
			rest.without(m.inTitle)
			if class == allMarked {
				rest.and(m.marked)
			} else {
				rest.without(m.marked)
			}
			if others != 0 { // lists are opened only for those that may be among the best
				rest.each(func(n int) {
					if !top.takes(f.entry(i, n, class|others)) {
						rest.remove(n)
					}
				})
			}
			if err := f.addOthers(top, i, phrase, rest, class, others); err != nil {
				return nil, err
			}
		}
	}
	return top.sorted(), nil
}

// addOthers adds articles of which all words are in the text, but not in the title.
func (f *finder) addOthers(top *top, i int, t term, rest set, class, others int) (err error) {
	var p phrase
	if others != 0 {
		if p, err = f.phrase(&f.matches[i], t, rest); err != nil {
			return err
		}
		defer func() { f.at = p.at }()
	}
	rest.each(func(n int) {
		if err != nil || !top.takes(f.entry(i, n, class|others)) {
			return
		}
		e := f.entry(i, n, class)
		if others != 0 {
			var beside bool
			if beside, err = p.has(uint32(n)); beside {
				e.class |= others
			}
		}
		top.add(e)
	})
	if err != nil {
		err = damaged(f.matches[i].file.f.Name(), "a list is none")
	}
	return err
}

// rank finds what is better than the rest of what is found.
func (f *finder) rank(m *match, words []word) error {
	m.marked = slices.Clone(m.found)
	for _, t := range f.request.all {
		for _, w := range t.words {
			if w.marked != "" {
				if err := f.keep(m, w.marked, m.marked); err != nil {
					return err
				}
			}
		}
	}
	m.inTitle, m.beside = newSet(m.segment.count()), newSet(m.segment.count())
	if len(words) == 0 {
		return nil
	}
	titles := term{field: "title", words: words}
	copy(m.inTitle, m.found)
	if err := f.apart(m, titles, m.inTitle); err != nil || len(words) == 1 {
		return err
	}
	copy(m.beside, m.inTitle)
	return f.keepBeside(m, titles, m.beside)
}

func (f *finder) entry(i, n, class int) entry {
	return entry{class, f.matches[i].published[n], int32(i), int32(n)}
}

// An entry is an article among the best.
type entry struct {
	class     int
	published int64
	match, n  int32
}

// before reports whether an article is shown before another.
func (e *entry) before(other *entry) bool {
	switch {
	case e.class != other.class:
		return e.class > other.class
	case e.published != other.published:
		return e.published > other.published
	case e.match != other.match:
		return e.match > other.match
	}
	return e.n > other.n
}

// top are the first k of all that are added.
type top struct {
	k   int
	all worstFirst
}

// takes reports whether an article would be one of them.
func (t *top) takes(e entry) bool { return len(t.all) < t.k || e.before(&t.all[0]) }

func (t *top) add(e entry) {
	switch {
	case len(t.all) < t.k:
		heap.Push(&t.all, e)
	case e.before(&t.all[0]):
		t.all[0] = e
		heap.Fix(&t.all, 0)
	}
}

func (t *top) sorted() []entry {
	slices.SortFunc(t.all, func(a, b entry) int {
		if a.before(&b) {
			return -1
		}
		return 1
	})
	return t.all
}

type worstFirst []entry

func (h worstFirst) Len() int           { return len(h) }
func (h worstFirst) Less(i, j int) bool { return h[j].before(&h[i]) }
func (h worstFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worstFirst) Push(e any)        { *h = append(*h, e.(entry)) }
func (h *worstFirst) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
