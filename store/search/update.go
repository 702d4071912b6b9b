package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/bits"
	"os"
	"slices"

	"luutin/store"
)

// Update adds to the index what the archive has and it does not, and returns
// how many articles that were. What it has added is kept when it fails or is
// killed, and the next Update goes on from there. An index that is broken, or
// ahead of the archive, is made anew. Others that update it meanwhile are
// waited for. progress is called now and then; it may be nil.
func (x *Index) Update(ctx context.Context, progress func(done, total int)) (n int, err error) {
	if x.options.ReadOnly {
		return 0, store.ErrReadOnly
	}
	unlock, err := x.lock(ctx)
	if err == nil {
		defer unlock()
		n, err = x.update(ctx, progress)
		if broken(err) {
			if err = x.again(err); err == nil {
				n, err = x.update(ctx, progress)
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("update search index: %w", err)
	}
	return n, err
}

// batch is how many articles, and how many bytes of them, go into one segment.
const (
	batchArticles = 16_000
	batchBytes    = 256 << 20
)

// update does it; the lock is held.
func (x *Index) update(ctx context.Context, progress func(done, total int)) (n int, err error) {
	stats, err := x.archive.Stats(ctx)
	if err != nil {
		return 0, err
	}
	c, err := x.contents()
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", err, errDamaged)
	}
	switch {
	case err != nil:
		return 0, err
	case c.Versions > stats.Versions:
		return 0, errAhead
	case c.Versions == stats.Versions:
		return 0, nil
	}
	w := newWriter()
	flush := func(last bool) error {
		if last {
			c.Versions = stats.Versions
		}
		err := x.add(c, w)
		n += len(w.rows)
		w.reset()
		if err == nil && progress != nil {
			progress(n, max(n, stats.Articles))
		}
		return err
	}
	// What is damaged now may be brought back: when more has come, its host is looked
	// through from there on.
	var leftOut int
	var first *store.Damaged
	stay := map[string]bool{}
	damaged := func(v *store.Version, why *store.Damaged) {
		if leftOut++; first == nil {
			first = why
		}
		stay[v.Host] = true
	}
	for v, err := range store.Readable(x.archive.Articles(ctx, store.Query{Later: maps.Clone(c.Cursors)}), damaged) {
		if err != nil {
			return n, err
		}
		if err := w.add(&v, !stay[v.Host]); err != nil {
			return n, err
		}
		if len(w.rows) >= batchArticles || w.bytes >= batchBytes {
			if err := flush(false); err != nil {
				return n, err
			}
		}
	}
	if leftOut > 0 {
		return n, errors.Join(flush(true), fmt.Errorf("%d damaged articles are not in it, the first is %w", leftOut, first))
	}
	return n, flush(true)
}

// add makes what a writer has collected a segment of the index, whose contents
// are c, and joins segments when there are many.
func (x *Index) add(c *contents, w *writer) error {
	for host, cursor := range w.cursors {
		c.Cursors[host] = max(c.Cursors[host], cursor)
	}
	if len(w.rows) == 0 {
		return x.save(c)
	}
	if err := x.bury(c, w); err != nil {
		return err
	}
	p := part{Name: randomName()}
	if len(w.dead) > 0 {
		slices.Sort(w.dead)
		p.Dead = writeDocs(w.dead)
	}
	if err := writeSegment(x.segmentPath(p.Name), w.write); err != nil {
		return err
	}
	c.Segments = append(c.Segments, p)
	if err := x.save(c); err != nil {
		return err
	}
	for {
		if joined, err := x.join(c); !joined || err != nil {
			return err
		}
	}
}

// bury notes in c which articles of its segments a writer has anew.
func (x *Index) bury(c *contents, w *writer) error {
	return x.view(func(o *opened) error {
		var buf []byte
		for i, s := range o.segments {
			ids, err := s.ids(&buf)
			if err != nil {
				return err
			}
			var dead []uint32
			for n := range s.count() {
				if _, again := w.ids[[idSize]byte(ids[n*idSize:])]; again || !s.alive.has(n) {
					dead = append(dead, uint32(n))
				}
			}
			if len(dead) > s.dead {
				c.Segments[i].Dead = writeDocs(dead)
			}
		}
		return nil
	})
}

// manySegments of a size are joined.
const manySegments = 8

// join makes one of many segments of about the same size, so that there are few
// and none is written often; and one anew when most of it has been replaced. It
// reports whether it did.
func (x *Index) join(c *contents) (bool, error) {
	var chosen []int
	name := randomName()
	err := x.view(func(o *opened) error {
		sizes := map[int][]int{}
		for i, s := range o.segments {
			alive := s.count() - s.dead
			if s.dead > alive {
				chosen = []int{i}
				break
			}
			if alive <= maxSegment/manySegments {
				size := bits.Len(uint(alive)) / 3
				if sizes[size] = append(sizes[size], i); len(sizes[size]) == manySegments {
					chosen = sizes[size]
					break
				}
			}
		}
		var old []*segment
		alive := 0
		for _, i := range chosen {
			old = append(old, o.segments[i])
			alive += o.segments[i].count() - o.segments[i].dead
		}
		if alive == 0 {
			return nil
		}
		return joinSegments(x.segmentPath(name), old, &x.names)
	})
	if err != nil || len(chosen) == 0 {
		return false, err
	}
	var parts []part
	for i, p := range c.Segments {
		if !slices.Contains(chosen, i) {
			parts = append(parts, p)
		}
	}
	if _, err := os.Stat(x.segmentPath(name)); err == nil { // all of them may have been replaced
		parts = append(parts, part{Name: name})
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	c.Segments = parts
	return true, x.save(c)
}

// A text is what is indexed of an article.
type text struct {
	Ministry string
	Section  string
	Title    string
	Lead     string
	Body     string
	Authors  []string
}

// A writer collects articles for a segment.
type writer struct {
	reader  reader
	rows    []row
	ids     map[[idSize]byte]int // where in rows
	dead    []uint32             // of rows; those that came once more
	bytes   int
	cursors map[string]string
	lists   map[string]*builder
}

func newWriter() *writer {
	return &writer{ids: map[[idSize]byte]int{}, cursors: map[string]string{}, lists: map[string]*builder{}}
}

func (w *writer) reset() {
	w.rows, w.dead, w.bytes = w.rows[:0], nil, 0
	clear(w.ids)
	clear(w.lists)
	clear(w.cursors)
}

// add takes an article. passed says that all of its host before it were taken.
func (w *writer) add(v *store.Version, passed bool) error {
	var t text
	if err := json.Unmarshal(v.JSON, &t); err != nil {
		return fmt.Errorf("article %s: %w", v.ID, err)
	}
	r := row{names: [3]string{v.Site, t.Ministry, t.Section}}
	var err error
	if r.id, err = idOf(v.ID); err != nil {
		return err
	}
	if !v.Published.IsZero() {
		r.published, r.day = v.Published.Unix(), int32(dayOf(v.Published))
	}
	n := uint32(len(w.rows))
	place := w.enter(n, 1, titleWord, t.Title)
	place = w.enter(n, place, authorWord, t.Authors...)
	w.enter(n, place, "", t.Lead, t.Body)
	w.bytes += len(v.JSON)
	if passed {
		w.cursors[v.Host] = v.Cursor
	}
	if earlier, ok := w.ids[r.id]; ok {
		w.dead = append(w.dead, uint32(earlier))
	}
	w.ids[r.id] = len(w.rows)
	w.rows = append(w.rows, r)
	return nil
}

// What stands in places before a word of a title, and one of an author.
const (
	titleWord  = "title:"
	authorWord = "author:"
)

// enter enters the words of texts of the nth article: folded, with their marks,
// and as those of their field. The words are counted on from place; between two
// texts nothing is side by side. It returns the place of what comes next.
func (w *writer) enter(n, place uint32, field string, texts ...string) uint32 {
	add := func(word string, place uint32) {
		b := w.lists[word]
		if b == nil {
			b = &builder{}
			w.lists[word] = b
		}
		b.add(n, place)
	}
	for _, t := range texts {
		w.reader.words(t, func(word word) {
			add(word.folded, place)
			if word.marked != "" {
				add(word.marked, 0)
			}
			if field != "" {
				add(field+word.folded, place)
			}
			place++
		})
		place++
	}
	return place
}

// write writes the segment.
func (w *writer) write(s *segmentWriter) error {
	for _, word := range slices.Sorted(maps.Keys(w.lists)) {
		if err := s.add(word, w.lists[word].list()); err != nil {
			return err
		}
	}
	return s.end(w.rows)
}
