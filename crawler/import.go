package crawler

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"luutin/extract"
	"luutin/store"
	"luutin/store/warc"
)

// Imported counts what became of answers from elsewhere.
type Imported struct {
	Found      int         `json:"found"`      // answers of the sites
	Known      int         `json:"known"`      // the archive has that visit already
	Added      int         `json:"added"`      // articles
	Changed    int         `json:"changed"`    // articles
	Unchanged  int         `json:"unchanged"`  // articles, and what the server said to be unchanged
	Duplicates int         `json:"duplicates"` // further URLs of articles
	Earlier    int         `json:"earlier"`    // older than the latest version of their article, and different
	Lists      int         `json:"lists"`      // feeds and sitemaps, too
	Files      int         `json:"files"`
	Unread     int         `json:"unread"`  // pages on which nothing was found
	Gone       int         `json:"gone"`    //
	Blocked    int         `json:"blocked"` //
	Failed     int         `json:"failed"`  // such as a body that is cut short
	Useless    int         `json:"useless"` // no answer that a visit would keep: a 500, an empty page
	Damaged    int         `json:"damaged"`
	Doubtful   int         `json:"doubtful"` // taken though they do not fit their digest; Import does not know of them
	Skips      []warc.Skip `json:"-"`
	Problems   []Problem   `json:"problems,omitempty"` // the first of what failed, was blocked or not read
	Unnamed    int         `json:"unnamed,omitempty"`  // how many more there were
}

// namedImports is how many problems of an import are named.
const namedImports = 1000

// Import takes answers that were found elsewhere into the archive, in their
// order, as if they had been visited when they were captured: it reads them and
// keeps what came of it. A visit that the archive has already is left out.
// progress, which may be nil, is called after each with the number so far.
// The error is for what ended it before its time.
func (c *Crawler) Import(ctx context.Context, found iter.Seq2[*warc.Found, error], progress func(n int)) (Imported, error) {
	r, err := c.begin(nil)
	if err != nil {
		return Imported{}, err
	}
	im := &importer{run: r, seeds: map[string]store.Target{}, known: visits{}}
	for _, site := range r.sites {
		for _, link := range r.Sites.Seeds(site) {
			t := r.target(site, link, 0)
			im.seeds[t.Canonical] = t
		}
	}
	for v, err := range r.Archive.Visits(ctx, store.VisitQuery{}) {
		if err != nil {
			return im.sum, err
		}
		if v.Result == store.Fetched && v.Capture == "" {
			continue // a repair could not save what it brought, which may be here
		}
		brought := broughtBody(v.Digest)
		if v.Result == store.Unchanged {
			brought = broughtNoChange
		}
		im.known.add(v.Target.Canonical, v.Asked(), brought)
	}

	// A site's visits go one after the other, those of several at once.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queues := make([]chan *warc.Found, 4*runtime.GOMAXPROCS(0)) // most of them wait for a commit
	var workers sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan *warc.Found, 4)
		workers.Go(func() {
			for f := range queues[i] {
				if ctx.Err() != nil {
					continue
				}
				if err := im.take(ctx, f); err != nil {
					stop(err)
				}
			}
		})
	}
	n := 0
	for f, err := range found {
		if err != nil {
			stop(err)
			break
		}
		h := fnv.New32a()
		io.WriteString(h, r.Sites.Of(f.FinalURL))
		queues[h.Sum32()%uint32(len(queues))] <- f
		if n++; progress != nil {
			progress(n)
		}
	}
	for _, q := range queues {
		close(q)
	}
	workers.Wait()
	return im.sum, context.Cause(ctx)
}

// An importer is one Import of a Crawler.
type importer struct {
	*run
	seeds map[string]store.Target // by what they are known by
	known visits                  // what the archive has
	mu    sync.Mutex
	sum   Imported
}

// visits are those that an archive has, each by a name made of what was asked
// for and when, and with what it brought.
type visits map[[16]byte][8]byte

// What a visit brought is the beginning of the SHA-256 of a body, or:
var (
	broughtUnknown  = [8]byte{}
	broughtNoChange = [8]byte{0: 1}
)

func broughtBody(sha256 [32]byte) [8]byte { return [8]byte(sha256[:8]) }

// has reports whether there is a visit of that moment.
func (v visits) has(known string, asked time.Time) bool {
	_, ok := v[visitOf(known, asked, 0)]
	return ok
}

// add adds a visit, and reports whether it was there already. Several of one
// moment differ in what they brought; of one of which that is not known it is
// taken to be the same.
func (v visits) add(known string, asked time.Time, brought [8]byte) (was bool) {
	for n := 0; ; n++ {
		name := visitOf(known, asked, n)
		switch b, ok := v[name]; {
		case !ok:
			v[name] = brought
			return false
		case b == brought || b == broughtUnknown:
			return true
		}
	}
}

// visitOf is a name for the nth visit of a moment.
func visitOf(known string, asked time.Time, n int) [16]byte {
	text := fmt.Appendf(nil, "%s\n%d", known, asked.UnixNano())
	if n > 0 {
		text = fmt.Appendf(text, "\n%d", n)
	}
	sum := sha256.Sum256(text)
	return [16]byte(sum[:])
}

func (im *importer) count(f func(*Imported)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	f(&im.sum)
}

// take takes one answer. Its error is one of the archive.
func (im *importer) take(ctx context.Context, f *warc.Found) error {
	im.count(func(s *Imported) { s.Found++ })
	t := im.targetOf(f)
	if t.Site == "" {
		im.count(func(s *Imported) { s.Useless++ })
		return nil
	}
	if im.isKnown(t, f) {
		return nil
	}
	old := false
	for was, err := range im.Archive.Targets(ctx, store.Selection{URLs: []string{t.Known()}}) {
		if err != nil {
			return err
		}
		t, old = was, true
	}
	c := f.Capture
	v := store.Visit{Result: store.Fetched, Time: f.Time, Capture: &c}
	passed := time.Duration(-1)
	if !t.Visited.IsZero() {
		passed = max(f.Time.Sub(t.Visited), 0)
	}
	if f.Unchanged {
		if v.Result = store.Unchanged; len(c.Header) == 0 {
			v.Capture = nil // nothing of the answer was kept
		}
		v.Again = im.again(t, nil, passed, v.Time)
		if t.Capture == "" {
			im.count(func(s *Imported) { s.Useless++ })
			return nil
		}
		return im.record(ctx, t, &v)
	}
	if !im.judgePast(t, &v, f, passed) {
		im.count(func(s *Imported) { s.Useless++ })
		return nil
	}
	if !old && f.Target.URL == "" && isFile(&c) && !im.Sites.IsArticle(t.URL) {
		t.Kind, t.Priority = extract.KindAttachment, file
	}
	if old && t.Kind == extract.KindAttachment && !isFile(&c) && im.Sites.IsArticle(t.URL) {
		t.Kind, v.Kind = extract.KindArticle, extract.KindArticle // as read has it
	}
	release, sum, err := im.body(ctx, t, &v, f)
	defer release()
	var broken *marked
	switch {
	case errors.As(err, &broken):
		im.count(func(s *Imported) {
			s.Damaged++
			s.Skips = append(s.Skips, warc.Skip{Where: f.Where, What: broken.text})
		})
		return nil
	case err != nil:
		return err
	}
	if c.Length() == 0 && v.Result == store.Fetched {
		im.count(func(s *Imported) { s.Useless++ })
		return nil
	}
	im.mu.Lock()
	im.known.add(t.Known(), f.Fetched, broughtBody(sum))
	im.mu.Unlock()
	sorted := !old && f.Target.URL == "" && t.Kind == "" && f.Dropped == nil
	isPage := v.Result == store.Fetched && t.Kind != extract.KindAttachment && f.Dropped == nil
	var reading *extract.Reading
	var unread error
	if isPage {
		reading, unread = im.readPage(v.Capture)
	}
	if sorted {
		im.sort(&t, reading)
	}
	if isPage && t.Kind != extract.KindAttachment {
		im.accept(t, &v, reading, unread)
	}
	if sorted && t.Kind != extract.KindArticle && t.Kind != extract.KindAttachment {
		// No crawl would have looked there: it is kept, and not looked at again.
		v.Again, v.Sooner = time.Time{}, time.Time{}
		if v.Cause == string(notRead) || v.Cause == string(noLinks) {
			v.Result = store.Fetched
		}
	}
	for _, u := range f.Aliases {
		if u = im.Sites.Canonical(u); v.Article != nil && u != v.Article.CanonicalURL {
			v.Aliases = append(v.Aliases, u)
		}
	}
	return im.record(ctx, t, &v)
}

// isKnown says whether the archive has that visit already, and counts it then.
// What it brought is read only when there was one of the same moment; a body
// that is broken is not known.
func (im *importer) isKnown(t store.Target, f *warc.Found) bool {
	im.mu.Lock()
	had := im.known.has(t.Known(), f.Fetched)
	im.mu.Unlock()
	var brought [8]byte
	switch {
	case f.Unchanged:
		brought = broughtNoChange
	case !had:
		return false // take adds it, with what it brings
	case f.Dropped != nil:
		brought = broughtBody(f.Dropped.Digest)
	default:
		body, err := f.OpenBody()
		if err != nil {
			return false
		}
		defer body.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, body); err != nil {
			return false
		}
		brought = broughtBody([32]byte(sum.Sum(nil)))
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	known := im.known.add(t.Known(), f.Fetched, brought)
	if known {
		im.sum.Known++
	}
	return known
}

// targetOf is what was visited: as it was known to the archive that the answer
// comes from, or by its URL. Its site is "" when that is none of ours.
func (im *importer) targetOf(f *warc.Found) store.Target {
	u, err := url.Parse(f.FinalURL)
	if err != nil || webScheme(u) != nil {
		return store.Target{}
	}
	t := f.Target
	if t.URL == "" {
		t = store.Target{URL: f.FinalURL, Post: f.Post, Canonical: im.Sites.Key(f.FinalURL), Depth: 1}
		if f.Post != "" {
			t.Canonical += "\n" + f.Post
		}
		if seed, ok := im.seeds[t.Canonical]; ok {
			t = seed
		}
	}
	t.Site = im.Sites.Of(f.FinalURL)
	t.Canonical = t.Known()
	return t
}

// judgePast is judge for an answer that came long ago: it says what the status
// means, and whether the answer is one to keep.
func (im *importer) judgePast(t store.Target, v *store.Visit, f *warc.Found, passed time.Duration) bool {
	v.Reason, v.Again = statusLine(f.Status), v.Time.Add(rarerIn(passed))
	switch s := f.Status; {
	case s == http.StatusNotFound || s == http.StatusGone:
		v.Result, v.Cause = store.Missing, string(notFound)
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusUnavailableForLegalReasons:
		v.Result, v.Cause = store.Barred, string(forbidden)
	case f.Result == store.Missing && s >= 300 && s < 400: // a page of news that leads to the home page or a list
		v.Result = store.Missing
	case s != http.StatusOK && s != http.StatusNonAuthoritativeInfo:
		return false
	case f.Truncated != "":
		v.Result, v.Reason, v.Cause = store.Failed, "it is cut short ("+f.Truncated+")", string(brokenOff)
		v.Again = v.Time.Add(retryIn(t.Attempts))
	default:
		v.Reason, v.Again = "", im.again(t, nil, passed, v.Time)
	}
	if f.Result == v.Result {
		v.Reason, v.Cause = f.Reason, f.Cause
	}
	return true
}

// body reads the body: into memory, or where it is that of a file and long into
// a spool, which release gives up. sum is its SHA-256. The error is *marked when
// the body is broken.
func (im *importer) body(ctx context.Context, t store.Target, v *store.Visit, f *warc.Found) (release func(), sum [32]byte, err error) {
	release = func() {}
	if f.Dropped != nil {
		return release, f.Dropped.Digest, nil
	}
	from, err := f.OpenBody()
	if err != nil {
		return release, sum, &marked{err.Error(), badAnswer}
	}
	defer from.Close()
	limit := pageLimit
	if t.Kind == extract.KindAttachment {
		limit = fileLimit
	}
	c := v.Capture
	digest := sha256.New()
	source := &watchedErr{Reader: io.TeeReader(io.LimitReader(from, limit+1), digest)}
	var b bytes.Buffer
	if _, err = io.CopyN(&b, source, spoolAfter); err == nil && t.Kind == extract.KindAttachment {
		spool, err := im.Archive.Spool(ctx)
		if err != nil {
			return release, sum, err
		}
		release = func() { _ = spool.Close() } // at worst a file remains that is swept away with the next opening
		if _, err := io.Copy(spool, io.MultiReader(&b, source)); err != nil && source.err == nil {
			return release, sum, err
		}
		c.Spool = spool
	} else if err == nil {
		io.Copy(&b, source) // source keeps its error
	}
	c.Body = b.Bytes()
	if c.Spool != nil {
		c.Body = nil
	}
	switch {
	case source.err != nil:
		return release, sum, &marked{source.err.Error(), badAnswer}
	case c.Length() > limit:
		return release, sum, &marked{"longer than " + size(limit), tooLong}
	}
	return release, [32]byte(digest.Sum(nil)), nil
}

// watchedErr remembers an error of reading.
type watchedErr struct {
	io.Reader
	err error
}

func (w *watchedErr) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// isFile says whether an answer is a document and no page, by its type or its
// name.
func isFile(c *store.Capture) bool {
	kind, _, _ := strings.Cut(strings.ToLower(c.ContentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case strings.Contains(kind, "html"), strings.Contains(kind, "xml") && !strings.Contains(kind, "officedocument"), strings.Contains(kind, "json"), kind == "text/plain":
		return false
	case kind == "" || kind == "application/octet-stream" || kind == "binary/octet-stream":
		return extract.IsDocument(c.FinalURL)
	}
	return true
}

// sort says what a page is of which nothing was known, as it was read.
func (im *importer) sort(t *store.Target, reading *extract.Reading) {
	t.Kind, t.Priority = extract.KindArticle, newsItem
	if reading == nil || reading.Kind == "" || reading.Kind == extract.KindArticle || im.Sites.IsArticle(t.URL) {
		return
	}
	if t.Kind = reading.Kind; t.Kind == extract.KindAttachment {
		t.Priority = file
	} else {
		t.Priority = last // no page of news waits for it
	}
}

// record keeps a visit and counts it.
func (im *importer) record(ctx context.Context, t store.Target, v *store.Visit) error {
	if v.Time.After(t.Visited) {
		if err := im.compare(ctx, t, v); err != nil {
			return err
		}
	}
	o, err := im.Archive.Record(ctx, t, *v)
	if err != nil {
		return err
	}
	im.count(func(s *Imported) {
		if v.Reason != "" && v.Result != store.Missing {
			if len(s.Problems) < namedImports {
				s.Problems = append(s.Problems, Problem{t.Site, t.URL, t.Kind, v.Result, v.Reason, v.Cause})
			} else {
				s.Unnamed++
			}
		}
		switch {
		case v.Result == store.Missing:
			s.Gone++
		case v.Result == store.Barred:
			s.Blocked++
		case v.Result == store.Failed:
			s.Failed++
		case v.Result == store.Unchanged:
			s.Unchanged++
		case o.Article == store.Added:
			s.Added++
		case o.Article == store.Changed, o.Article == store.Returned:
			s.Changed++
		case o.Article == store.Same:
			s.Unchanged++
		case o.Article == store.Duplicated:
			s.Duplicates++
		case o.Article == store.Earlier:
			s.Earlier++
		case t.Kind == extract.KindAttachment:
			s.Files++
		case t.Kind == extract.KindArticle || v.Reason != "":
			s.Unread++
		default:
			s.Lists++
		}
	})
	return nil
}
