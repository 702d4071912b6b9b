package search

import (
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
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
	found, err := x.find(ctx, &q, r)
	if broken(err) && !x.readOnly {
		if _, err = x.Rebuild(ctx, nil); err == nil {
			found, err = x.find(ctx, &q, r)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return Results{}, fmt.Errorf("search: %w", err)
	}
	results := found.results
	var read *reader
	select {
	case read = <-x.readers:
	default:
		read = new(reader)
	}
	defer func() {
		select {
		case x.readers <- read:
		default:
		}
	}()
	for _, id := range found.ids {
		v, err := x.archive.Article(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			results.Missing = append(results.Missing, id)
			continue
		}
		if err != nil {
			return Results{}, fmt.Errorf("search: %w", err)
		}
		var a article
		if err := json.Unmarshal(v.JSON, &a); err != nil {
			return Results{}, fmt.Errorf("search: article %s: %w", id, err)
		}
		results.Hits = append(results.Hits, r.hit(read, &a))
	}
	return results, nil
}

// IDs returns the ids of all articles that a query finds, in no order.
func (x *Index) IDs(ctx context.Context, q Query) ([]string, error) {
	q.Limit, q.Offset, q.ByDate, q.Facets = math.MaxInt32, 0, true, false
	r, err := understand(&q)
	if err != nil {
		return nil, err
	}
	found, err := x.find(ctx, &q, r)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return found.ids, nil
}

type findings struct {
	results Results
	ids     []string
}

func (x *Index) find(ctx context.Context, q *Query, r *request) (f findings, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return f, err
	}
	defer tx.Rollback() // it only reads
	d, err := x.docs.at(ctx, tx)
	if err != nil {
		return f, err
	}
	t := &finder{table: d, ctx: ctx, tx: tx, lists: map[string]map[int]list{}}
	found, err := t.matching(r)
	if err != nil {
		return f, err
	}
	found = d.filtered(found, r)
	f.results.Total = found.count()
	if q.Facets {
		d.count(found, &f.results)
	}
	limit := cmp.Or(q.Limit, 10)
	if limit < 0 || q.Offset >= f.results.Total {
		return f, nil
	}
	var better []set // the best first
	if !q.ByDate {
		if better, err = t.ranks(r, found, max(q.Offset, 0)+limit); err != nil {
			return f, err
		}
	}
	for _, n := range d.best(found, better, max(q.Offset, 0)+limit)[max(q.Offset, 0):] {
		var id string
		if err := tx.QueryRowContext(ctx, "SELECT id FROM doc WHERE n = ?", n).Scan(&id); err != nil {
			return f, err
		}
		f.ids = append(f.ids, id)
	}
	return f, nil
}

// A finder answers one request.
type finder struct {
	*table
	ctx   context.Context
	tx    *sql.Tx
	lists map[string]map[int]list // of a word by chunk
}

// matching returns the articles that have all words of a request, and none
// that must not be there.
func (t *finder) matching(r *request) (set, error) {
	found := slices.Clone(t.all)
	for _, w := range r.all {
		s, err := t.apart(w)
		if err != nil {
			return nil, err
		}
		found.and(s)
	}
	// Now there are fewer to look at for words side by side.
	for _, w := range r.all {
		if len(w.words) > 1 {
			s, err := t.beside(w, found)
			if err != nil {
				return nil, err
			}
			found = s
		}
	}
	for _, w := range r.none {
		s, err := t.apart(w)
		if err == nil && len(w.words) > 1 {
			s, err = t.beside(w, s)
		}
		if err != nil {
			return nil, err
		}
		found.without(s)
	}
	return found, nil
}

// ranks returns what makes an article of found better than another, as far as
// the first k of them depend on it.
func (t *finder) ranks(r *request, found set, k int) (better []set, err error) {
	phrase, titles := term{}, term{field: "title"}
	marked := slices.Clone(found)
	isMarked := false
	for _, w := range r.all {
		for _, word := range w.words {
			if word.marked != "" {
				s, err := t.holding(word.marked)
				if err != nil {
					return nil, err
				}
				marked.and(s)
				isMarked = true
			}
		}
		if w.field == "" {
			phrase.words = append(phrase.words, w.words...)
		}
	}
	if isMarked {
		better = append(better, marked)
	}
	if len(phrase.words) == 0 {
		return better, nil
	}
	titles.words = phrase.words
	inTitle, err := t.apart(titles)
	if err != nil {
		return nil, err
	}
	inTitle.and(found)
	if len(phrase.words) > 1 {
		s, err := t.beside(titles, inTitle)
		if err != nil {
			return nil, err
		}
		better = append(better, s)
	}
	better = append(better, inTitle)
	first := slices.Clone(inTitle)
	first.and(marked)
	if first.count() >= k {
		return better, nil
	}
	if len(phrase.words) > 1 && len(r.all) > 1 { // a single phrase is side by side anyway
		others := slices.Clone(found)
		others.without(inTitle)
		s, err := t.beside(phrase, others)
		if err != nil {
			return nil, err
		}
		better = append(better, s)
	}
	return better, nil
}

// key is what a word of a term is entered under.
func (w *term) key(i int) string {
	switch w.field {
	case "title":
		return titleWord + w.words[i].folded
	case "author":
		return authorWord + w.words[i].folded
	}
	return w.words[i].folded
}

// apart returns the articles that have every word of a term, wherever.
func (t *finder) apart(w term) (all set, err error) {
	for i := range w.words {
		s, err := t.holding(w.key(i))
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = s
		} else {
			all.and(s)
		}
	}
	return all, nil
}

// beside returns those of a set that have the words of a term side by side.
func (t *finder) beside(w term, of set) (set, error) {
	s := make(set, len(of))
	if of.count() == 0 {
		return s, nil
	}
	all := make([]map[int]list, len(w.words))
	for i := range w.words {
		var err error
		if all[i], err = t.of(w.key(i), true); err != nil {
			return nil, err
		}
	}
	lists := make([]list, len(w.words))
	var wanted []uint32
chunks:
	for base, first := range all[0] {
		for i := range all {
			var ok bool
			if lists[i], ok = all[i][base]; !ok {
				continue chunks
			}
		}
		var err error
		if wanted, err = readDocs(first.docs, wanted[:0]); err != nil {
			return nil, err
		}
		wanted = slices.DeleteFunc(wanted, func(n uint32) bool { return !of.has(base + int(n)) })
		if err := beside(lists, wanted, func(n uint32) { s.add(base + int(n)) }); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// holding returns the articles that are entered under a word.
func (t *finder) holding(word string) (set, error) {
	s := make(set, len(t.all))
	chunks, err := t.of(word, false)
	if err != nil {
		return nil, err
	}
	var docs []uint32
	for base, l := range chunks {
		if docs, err = readDocs(l.docs, docs[:0]); err != nil {
			return nil, err
		}
		for _, n := range docs {
			if n := base + int(n); n>>6 < len(s) {
				s.add(n)
			} else {
				return nil, errForm
			}
		}
	}
	return s, nil
}

// of returns the lists of a word by chunk. Places are many bytes, and not
// always needed.
func (t *finder) of(word string, places bool) (map[int]list, error) {
	key := word
	columns := "places.docs, NULL"
	if places {
		key, columns = word+" ", "places.docs, places"
	}
	if l, ok := t.lists[key]; ok {
		return l, nil
	}
	rows, err := t.tx.QueryContext(t.ctx, "SELECT base, "+columns+" FROM chunk CROSS JOIN places ON chunk = base AND word = ?", word)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	lists := map[int]list{}
	for rows.Next() {
		var base int
		var l list
		if err := rows.Scan(&base, &l.docs, &l.places); err != nil {
			return nil, err
		}
		if base < 0 {
			return nil, errForm
		}
		lists[base] = l
	}
	t.lists[key] = lists
	return lists, rows.Err()
}

// docs is what is held in memory of the articles: what they are filtered,
// counted and sorted by.
type docs struct {
	mu    sync.Mutex
	table *table
}

type table struct {
	generation string
	all        set
	published  []int64
	day        []int32
	order      []int32 // place of the article by its date, the newest first
	of         [3][]int32
	names      [3]map[int32]string
}

func (d *docs) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table = nil
}

// at returns the articles as tx sees them.
func (d *docs) at(ctx context.Context, tx *sql.Tx) (*table, error) {
	generation, err := state(ctx, tx, "generation")
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.table != nil && d.table.generation == generation {
		return d.table, nil
	}
	t := &table{generation: generation}
	if err := t.load(ctx, tx); err != nil {
		return nil, err
	}
	d.table = t
	return t, nil
}

func (t *table) load(ctx context.Context, tx *sql.Tx) error {
	var last int
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM doc").Scan(&last); err != nil {
		return err
	}
	t.all = make(set, last>>6+1)
	t.published, t.day, t.order = make([]int64, last+1), make([]int32, last+1), make([]int32, last+1)
	for i := range t.of {
		t.of[i] = make([]int32, last+1)
		t.names[i] = map[int32]string{}
	}
	rows, err := tx.QueryContext(ctx, "SELECT n, kind, name FROM name")
	if err != nil {
		return err
	}
	for rows.Next() {
		var n int32
		var kind, name string
		if err := rows.Scan(&n, &kind, &name); err != nil {
			rows.Close()
			return err
		}
		if i := slices.Index(nameKinds[:], kind); i >= 0 {
			t.names[i][n] = name
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	// To hand over one row takes longer than to read many numbers.
	const rowsAtOnce = 50_000
	for from := 0; from <= last; from += rowsAtOnce {
		var numbers []byte
		err := tx.QueryRowContext(ctx, `SELECT coalesce(group_concat(n || ' ' || published || ' ' || day || ' ' || site || ' ' || ministry || ' ' || section, ' '), '')
			FROM doc WHERE n BETWEEN ? AND ?`, from, from+rowsAtOnce-1).Scan(&numbers)
		if err != nil {
			return err
		}
		var row [6]int64
		at := 0
		err = readNumbers(numbers, func(v int64) error {
			if row[at] = v; at < len(row)-1 {
				at++
				return nil
			}
			at = 0
			n := int(row[0])
			if n < 0 || n > last {
				return errForm
			}
			t.all.add(n)
			t.published[n], t.day[n] = row[1], int32(row[2])
			for i := range t.of {
				t.of[i][n] = int32(row[3+i])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	byDate := make([]int32, 0, last)
	t.all.each(func(n int) { byDate = append(byDate, int32(n)) })
	slices.SortFunc(byDate, func(a, b int32) int {
		if (t.day[a] == 0) != (t.day[b] == 0) {
			return cmp.Compare(t.day[b], t.day[a]) // those without a date come last
		}
		return cmp.Or(cmp.Compare(t.published[b], t.published[a]), cmp.Compare(b, a))
	})
	for place, n := range byDate {
		t.order[n] = int32(place)
	}
	return nil
}

// readNumbers reads whole numbers parted by one byte.
func readNumbers(b []byte, yield func(int64) error) error {
	for i := 0; i < len(b); i++ {
		minus := b[i] == '-'
		if minus {
			i++
		}
		var v int64
		for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
			v = v*10 + int64(b[i]-'0')
		}
		if minus {
			v = -v
		}
		if err := yield(v); err != nil {
			return err
		}
	}
	return nil
}

// filtered leaves those of a set that a request wants.
func (t *table) filtered(s set, r *request) set {
	if len(r.filters) == 0 && r.since == 0 && r.until == 0 {
		return s
	}
	type wanted struct {
		of  []int32
		not bool
		ids map[int32]bool
	}
	var all []wanted
	for _, f := range r.filters {
		i := slices.Index(nameKinds[:], f.field)
		w := wanted{of: t.of[i], not: f.not, ids: map[int32]bool{}}
		for n, name := range t.names[i] {
			if f.wants(name) {
				w.ids[n] = true
			}
		}
		all = append(all, w)
	}
	out := make(set, len(s))
	s.each(func(n int) {
		day := int(t.day[n])
		if (r.since != 0 || r.until != 0) && (day == 0 || day < r.since || r.until != 0 && day > r.until) {
			return
		}
		for _, w := range all {
			if w.ids[w.of[n]] == w.not {
				return
			}
		}
		out.add(n)
	})
	return out
}

// Named reports whether a name holds words side by side, with their marks or
// without: as the fields of a query are understood.
func Named(name, words string) bool {
	var read reader
	f := filter{names: [][]word{wordsOf(&read, nil, words)}}
	return f.wants(name)
}

func (f *filter) wants(name string) bool {
	if slices.Contains(f.exact, name) {
		return true
	}
	var read reader
	var words []string
	read.words(name, func(w word) { words = append(words, w.folded) })
	for _, want := range f.names {
		for i := 0; i+len(want) <= len(words); i++ {
			if slices.EqualFunc(want, words[i:i+len(want)], func(w word, s string) bool { return w.folded == s }) {
				return true
			}
		}
	}
	return false
}

// count counts the articles of a set by what they have in common.
func (t *table) count(s set, r *Results) {
	years := map[int32]int{}
	var of [3][]int
	for i := range of {
		last := int32(0)
		for n := range t.names[i] {
			last = max(last, n)
		}
		of[i] = make([]int, last+1)
	}
	year, inYear := int32(0), 0
	s.each(func(n int) {
		if y := t.day[n] / 10000; y != year {
			years[year] += inYear
			year, inYear = y, 0
		}
		inYear++
		for i := range of {
			of[i][t.of[i][n]]++
		}
	})
	if years[year] += inYear; years[0] == 0 {
		delete(years, 0)
	}
	for i, counts := range []*[]Count{&r.Sites, &r.Ministries, &r.Sections} {
		for n, c := range of[i] {
			if c > 0 {
				*counts = append(*counts, Count{t.names[i][int32(n)], c})
			}
		}
		slices.SortFunc(*counts, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
		*counts = (*counts)[:min(len(*counts), maxCounts)]
	}
	for y, c := range years {
		name := ""
		if y != 0 {
			name = strconv.Itoa(int(y))
		}
		r.Years = append(r.Years, Count{name, c})
	}
	slices.SortFunc(r.Years, func(a, b Count) int { return cmp.Compare(b.Name, a.Name) })
}

// best returns the first k of a set in order: those of the first set of better
// before all others, and so on; of the equal the newest.
func (t *table) best(s set, better []set, k int) []int32 {
	top := &worstFirst{}
	s.each(func(n int) {
		key := int64(0)
		for _, b := range better {
			key <<= 1
			if !b.has(n) {
				key |= 1
			}
		}
		e := entry{key<<32 | int64(t.order[n]), int32(n)}
		switch {
		case top.Len() < k:
			heap.Push(top, e)
		case e.key < (*top)[0].key:
			(*top)[0] = e
			heap.Fix(top, 0)
		}
	})
	slices.SortFunc(*top, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	out := make([]int32, top.Len())
	for i, e := range *top {
		out[i] = e.n
	}
	return out
}

type entry struct {
	key int64
	n   int32
}

type worstFirst []entry

func (h worstFirst) Len() int           { return len(h) }
func (h worstFirst) Less(i, j int) bool { return h[i].key > h[j].key }
func (h worstFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worstFirst) Push(e any)        { *h = append(*h, e.(entry)) }
func (h *worstFirst) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
