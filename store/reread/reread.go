// Package reread reads the captures of an archive again, by the rules of
// today, and keeps what they say better than before.
package reread

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"luutin/extract"
	"luutin/store"
)

// A Reader reads pages. *extract.Sites is one.
type Reader interface {
	Read(extract.Page) (*extract.Reading, error)
}

// Options say what to read again. The zero value is everything.
type Options struct {
	Sites   []string
	After   string // go on behind this cursor, as Summary.Last has it
	Dry     bool   // keep nothing
	Workers int    // pages at a time; 0 means as many as there are processors

	Canonical func(rawURL string) string // how other URLs of a page are known; nil means extract.CanonicalURL

	Progress func(pages int) // called after each page; may be nil
}

// A Page is a version of an article whose capture was read again.
//
// Or a capture that was read as no article when it was visited, and is one to the
// rules of today: it has a New and an Outcome then, and neither Version nor Old.
type Page struct {
	Outcome store.ArticleOutcome // what became of a capture that was no article; "" of a version
	URL     string               // of the target of such a capture

	Version store.Version    // as it is kept
	Old     *extract.Article // the same; nil when Fields is empty and Err is nil, and without what the page says when Err is not nil
	New     *extract.Article // as it is read now; nil when it is not
	Fields  []string         // the keys of the article's JSON that differ, in their order, but for what follows from others or tells of the reader
	Err     error            // why it is not read, or not as that article: the old reading stays, unless it is a *store.Damaged
}

// A Summary counts what became of pages.
type Summary struct {
	Pages   int            `json:"pages"`
	Bytes   int64          `json:"bytes"` // of them
	Same    int            `json:"same"`
	Changed int            `json:"changed"`
	Refused int            `json:"refused"` // no article to the rules of today, or another one
	Damaged int            `json:"damaged"` // not to be had from the archive
	Unread  int            `json:"unread"`  // captures that were no articles before and were read again
	Added   int            `json:"added"`   // articles that those brought
	Further int            `json:"further"` // further versions that they brought
	Fields  map[string]int `json:"fields"`  // how many changed, by key
	Last    string         `json:"last"`    // the cursor up to which all is kept; "" when nothing is
}

// errDamaged marks what the archive could not give.
var errDamaged = errors.New("the page cannot be had")

const (
	maxBatch = 256 // readings that are kept in one transaction
	maxBytes = 8 << 20
)

// Run reads the captures of all versions again, and then those that were read as
// no article when they were visited, or as one that is lost: pages that were fetched before there was a
// rule for them, or taken for something else. It reads versions several at a time, and calls
// tell, which must not be nil, for those that are read otherwise or not at all,
// in the order of store.Archive.Articles, and for what is an article now. What changed is kept in between, many
// in one transaction; when Run ends early, what follows Summary.Last is to be
// read again. now is the time of the readings. Memory does not grow with the
// number of pages.
func Run(ctx context.Context, a store.Archive, r Reader, now time.Time, o Options, tell func(*Page) error) (Summary, error) {
	ctx, stop := context.WithCancel(ctx)
	sum := Summary{Fields: map[string]int{}, Last: o.After}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()

	var batch []store.Rereading
	size, last := 0, o.After
	keep := func() error {
		if _, err := a.Reread(ctx, now, batch...); err != nil {
			return err
		}
		batch, size, sum.Last = batch[:0], 0, last
		return nil
	}
	for j := range inOrder(ctx, &workers, a, r, o) {
		if j.err != nil {
			return sum, j.err
		}
		p := &j.page
		sum.Pages++
		sum.Bytes += int64(j.length)
		if p.Version.Cursor != "" { // otherwise not even its record can be read
			last = p.Version.Cursor
		}
		switch {
		case errors.Is(p.Err, errDamaged):
			sum.Damaged++
		case p.Err != nil:
			sum.Refused++
		case len(p.Fields) == 0:
			sum.Same++
		default:
			sum.Changed++
			for _, f := range p.Fields {
				sum.Fields[f]++
			}
			if !o.Dry {
				batch = append(batch, store.Rereading{Cursor: p.Version.Cursor, Article: p.New})
				size += len(p.Version.JSON)
			}
		}
		if p.Err != nil || len(p.Fields) > 0 {
			if err := tell(p); err != nil {
				return sum, err
			}
		}
		switch {
		case len(batch) == 0:
			sum.Last = last
		case len(batch) == maxBatch || size >= maxBytes:
			if err := keep(); err != nil {
				return sum, err
			}
		}
		if o.Progress != nil {
			o.Progress(sum.Pages)
		}
	}
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	if len(batch) > 0 {
		if err := keep(); err != nil {
			return sum, err
		}
	}
	return sum, unread(ctx, a, r, o, &sum, tell)
}

// Latest reads the capture of the latest version of an article again and keeps
// what it is read as now, when that differs: so that the article compares with
// what a new capture is read as, by the same rules. It does nothing when the
// article is not there, when its latest version says hash already, or when the
// capture cannot be read as that article today. Its error is one of the archive.
func Latest(ctx context.Context, a store.Archive, r Reader, id, hash string, now time.Time) error {
	v, err := a.Article(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && v.Hash == hash {
		return nil
	}
	if err != nil {
		return err
	}
	j := job{page: Page{Version: v}}
	j.read(ctx, a, r)
	if j.err != nil || j.page.Err != nil || len(j.page.Fields) == 0 {
		return j.err
	}
	_, err = a.Reread(ctx, now, store.Rereading{Cursor: v.Cursor, Article: j.page.New})
	return err
}

// A job is a version on its way through the workers.
type job struct {
	page   Page
	length int // of the page's body
	err    error
	done   chan struct{}
}

// inOrder reads the captures of versions again and yields them in their order.
// It returns when ctx ends.
func inOrder(ctx context.Context, workers *sync.WaitGroup, a store.Archive, r Reader, o Options) iter.Seq[*job] {
	n := o.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return func(yield func(*job) bool) {
		todo, order := make(chan *job), make(chan *job, 4*n)
		workers.Go(func() {
			defer close(order)
			defer close(todo)
			for v, err := range a.Articles(ctx, store.Query{Sites: o.Sites, History: true, After: o.After}) {
				v.JSON = bytes.Clone(v.JSON)
				j := &job{page: Page{Version: v}, err: err, done: make(chan struct{})}
				var damaged *store.Damaged
				if errors.As(err, &damaged) {
					j.err, j.page.Err = nil, fmt.Errorf("%w: its article: %w", errDamaged, err)
				}
				select {
				case order <- j:
				case <-ctx.Done():
					return
				}
				if err != nil {
					close(j.done)
					if j.err != nil {
						return
					}
					continue
				}
				select {
				case todo <- j:
				case <-ctx.Done():
					return
				}
			}
		})
		for range n {
			workers.Go(func() {
				for j := range todo {
					j.read(ctx, a, r)
					close(j.done)
				}
			})
		}
		for j := range order {
			select {
			case <-j.done:
			case <-ctx.Done():
				return
			}
			if !yield(j) {
				return
			}
		}
	}
}

// read reads the page of a version again and compares.
func (j *job) read(ctx context.Context, a store.Archive, r Reader) {
	p := &j.page
	var head struct { // most pages are read as before, and need no more of it
		ID           string       `json:"id"`
		Version      int          `json:"version"`
		URL          string       `json:"url"`
		CanonicalURL string       `json:"canonical_url"`
		Aliases      []string     `json:"aliases"`
		Withdrawn    *time.Time   `json:"withdrawn"`
		Fetched      time.Time    `json:"fetched"`
		Capture      extract.Text `json:"capture"`
		Provenance   struct {
			CanonicalURL string `json:"canonical_url"`
		} `json:"provenance"`
	}
	if err := json.Unmarshal(p.Version.JSON, &head); err != nil {
		p.Err = fmt.Errorf("%w: its article: %w", errDamaged, err)
		return
	}
	old := extract.Article{
		ID: head.ID, Version: head.Version, URL: head.URL, CanonicalURL: head.CanonicalURL, Aliases: head.Aliases,
		Withdrawn: head.Withdrawn, Fetched: head.Fetched, Capture: head.Capture,
	}
	if old.Capture == "" {
		p.Err = fmt.Errorf("%w: it was read from no capture", errDamaged)
		return
	}
	page, err := a.Capture(ctx, string(old.Capture))
	if err != nil {
		if ctx.Err() != nil {
			j.err = ctx.Err()
			return
		}
		p.Err = fmt.Errorf("%w: %w", errDamaged, err)
		return
	}
	j.length = len(page.Body)
	now, err := readPage(r, page)
	if err == nil && now.ID != p.Version.ID {
		// Another URL of the article is no other article.
		id, e := a.Resolve(ctx, now.CanonicalURL)
		if e != nil && !errors.Is(e, store.ErrNotFound) {
			j.err = e
			return
		}
		switch {
		case id == p.Version.ID:
		case head.Provenance.CanonicalURL == extract.NotBelieved && now.URL == old.URL:
			now.Provenance["canonical_url"] = extract.NotBelieved
		default:
			err = fmt.Errorf("it would be another article: %s", now.CanonicalURL)
		}
	}
	if err == nil && p.Version.Site != "" && now.Site != p.Version.Site {
		err = fmt.Errorf("it is of site %s, whose definition is not here: it would be read without it", p.Version.Site)
	}
	var b []byte
	if err == nil {
		now = now.ReadOf(&old)
		b, err = now.JSON()
	}
	if err != nil {
		p.Old, p.Err = &old, err
		return
	}
	if bytes.Equal(b, p.Version.JSON) {
		return
	}
	if p.Fields, err = differing(p.Version.JSON, b); err == nil && len(p.Fields) > 0 {
		p.Old, p.New = new(extract.Article), now
		err = json.Unmarshal(p.Version.JSON, p.Old)
	}
	if err != nil {
		p.Err = fmt.Errorf("%w: its article: %w", errDamaged, err)
	}
}

// readPage reads a page. A fault of the reader is one of that page.
func readPage(r Reader, page extract.Page) (a *extract.Article, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, fmt.Errorf("the reader panicked: %v", p)
		}
	}()
	reading, err := r.Read(page)
	switch {
	case err != nil:
		return nil, err
	case reading == nil || reading.Article == nil:
		return nil, extract.ErrNotArticle
	}
	return reading.Article, nil
}

// derived are the keys that no page says.
var derived = []string{"content_hash", "extractor", "provenance"}

// differing returns the keys whose values differ in two articles. A key that
// an earlier program did not write says nothing.
func differing(old, now []byte) (keys []string, err error) {
	var before map[string]json.RawMessage
	if err := json.Unmarshal(old, &before); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(now))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		name, _ := key.(string)
		had, ok := before[name]
		if !slices.Contains(derived, name) && !bytes.Equal(had, value) && (ok || !empty(value)) {
			keys = append(keys, name)
		}
	}
	return keys, nil
}

// Differing returns the keys by which a reading differs from an earlier one of
// the same page, as Page.Fields has them.
func Differing(old, now *extract.Article) ([]string, error) {
	before, err := old.JSON()
	if err != nil {
		return nil, err
	}
	after, err := now.JSON()
	if err != nil {
		return nil, err
	}
	return differing(before, after)
}

func empty(value []byte) bool {
	switch string(value) {
	case "null", "[]", `""`, "{}":
		return true
	}
	return false
}
