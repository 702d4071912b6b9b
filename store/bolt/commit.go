package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
)

// A visit is a store.Visit on its way into the archive. What costs time is
// done before the transaction, in the caller's goroutine.
type visit struct {
	store.Visit
	lease     *store.Lease
	held      *lease // the same as the archive knows it, once the commit has begun
	past      bool   // it was made elsewhere or long ago: there is no lease
	frozen    bool   // the target is to stay as it is
	name      string // what the target is known by
	digest    [32]byte
	header    []byte // the answer's headers, as JSON
	record    []byte // of the capture, with headers and body, but for its seal; nil when the archive had the bytes
	reference bool   // it stands whole, and others may be like it
	blob      bool   // the body is a file of its own
	kept      int64  // what headers and body take in it
	spool     *spool // the body, when it is to be a file of its own and came as one
	ready     bool   // the body is in record, or on disk
	against   uint64 // the capture that it is compressed against; 0 when it is not
	text      *text  // the article; nil when there is none
}

// A text is the article of a visit and what is to become of it.
type text struct {
	article *extract.Article
	id      hash16
	hash    [32]byte
	aliases []string // URLs that led here
	plan    plan     // made before the transaction, and made anew in it
	kept    []byte   // the reading for that plan, as it is kept; nil when none is to be written
}

// A plan says what an article is to the archive.
type plan struct {
	outcome store.ArticleOutcome
	id      hash16 // of the article that is kept
	key     []byte // of its latest version; nil when it is new
	latest  version
	article []byte   // JSON of the latest version; only when it is needed
	leading []string // URLs that lead to it now
	aliases []string // of the version to write; nil when none is to be written
}

func (p *plan) same(q *plan) bool {
	return p.outcome == q.outcome && p.id == q.id && p.latest.number == q.latest.number &&
		slices.Equal(p.aliases, q.aliases) && string(p.key) == string(q.key)
}

// Commit implements store.Archive.
func (a *Archive) Commit(ctx context.Context, l *store.Lease, v store.Visit) (store.Outcome, error) {
	if a.readOnly {
		return store.Outcome{}, store.ErrReadOnly
	}
	p := &visit{Visit: v, lease: l, name: l.Target.Known()}
	var outcome, first store.Outcome
	r := &request{
		ctx: ctx,
		begin: func() (done bool, err error) {
			first, p.held, done, err = a.beginCommit(l)
			return done, err
		},
		run: func(w *work) (err error) {
			outcome, err = w.commit(p)
			return err
		},
		end: func(_ *work, err error) { a.endCommit(l, outcome, err) },
	}
	if v.Result == store.Abandoned {
		outcome = store.Outcome{}
		r.run = func(w *work) error { return errors.Join(w.rest(p), w.putOff(p)) }
	} else {
		a.files.RLock()
		defer a.files.RUnlock()
		if err := a.prepare(p); err != nil {
			return store.Outcome{}, fmt.Errorf("commit visit of %s: %w", l.Target.URL, err)
		}
	}
	if err := a.do(r); err != nil {
		return store.Outcome{}, fmt.Errorf("commit visit of %s: %w", l.Target.URL, err)
	}
	if first != (store.Outcome{}) {
		return first, nil
	}
	return outcome, nil
}

// beginCommit checks the lease and holds it until endCommit. A visit that was
// committed before is done, with the outcome it had.
func (a *Archive) beginCommit(l *store.Lease) (first store.Outcome, held *lease, done bool, err error) {
	now := keptTime(a.clock())
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.hosts[l.Host]
	switch {
	case h == nil:
		return first, nil, false, store.ErrLeaseLost
	case h.last == l.Token && l.Token != 0:
		return h.outcome, nil, true, nil
	case h.lease == nil || h.lease.token != l.Token:
		return first, nil, false, store.ErrLeaseLost
	case h.lease.committing:
		return first, nil, false, errWait
	case !now.Before(h.lease.expires):
		a.free(h, h.lease.expires)
		return first, nil, false, store.ErrLeaseLost
	}
	h.lease.committing = true
	return first, h.lease, false, nil
}

// endCommit ends the lease of a visit that is kept. a.mu is held.
func (a *Archive) endCommit(l *store.Lease, o store.Outcome, err error) {
	h := a.hosts[l.Host]
	if err != nil {
		h.lease.committing = false
		return
	}
	a.free(h, keptTime(a.clock()))
	h.last, h.outcome = l.Token, o
}

// prepare checks a visit and does what needs no transaction.
func (a *Archive) prepare(p *visit) error {
	switch p.Result {
	case store.Fetched, store.Unchanged, store.Missing, store.Refused, store.Barred, store.Failed:
	default:
		return fmt.Errorf("unknown result %q", p.Result)
	}
	if p.Result == store.Fetched && p.Capture == nil {
		return errors.New("fetched, but there is no capture")
	}
	if p.Article != nil && p.Result != store.Fetched {
		return fmt.Errorf("an article, but the result is %s", p.Result)
	}
	if err := errors.Join(checkTargets(p.Links), checkTargets(p.Onward)); err != nil {
		return err
	}
	if p.Time.IsZero() {
		p.Time = a.clock()
	}
	p.Time = keptTime(p.Time)
	if p.Article != nil {
		t, err := newText(p)
		if err != nil {
			return err
		}
		p.text = t
	}
	var known bool
	if p.Capture != nil {
		var err error
		if p.header, err = headerBytes(p.Capture.Header); err != nil {
			return err
		}
		if err := a.takeSpool(p); err != nil {
			return err
		}
		switch {
		case p.Capture.Dropped != nil:
			p.digest = p.Capture.Dropped.Digest
		case p.spool != nil:
			p.digest = p.spool.digest()
		default:
			p.digest = sha256.Sum256(p.Capture.Body)
		}
		known = !p.keepsBody() || p.Capture.Dropped != nil
	}
	gone := false // the archive had the body, and its file is missing
	err := a.view(func(tx *snapshot) error {
		if p.Capture != nil && !known {
			k := tx.Bucket(bucketPayloads).Get(payloadKey(p.lease.Host, p.digest))
			known = k != nil
			var err error
			if gone, err = p.fileIsGone(a, tx, k); err != nil {
				return err
			}
		}
		if p.text == nil {
			return nil
		}
		return p.makePlan(a, tx)
	})
	if err != nil {
		return err
	}
	if p.text != nil {
		if err := p.encode(a); err != nil {
			return err
		}
	}
	if gone {
		if p.spool != nil {
			return p.spool.keep()
		}
		return a.writeBlob(p.Capture.Body)
	}
	if p.Capture == nil || known {
		return nil
	}
	p.ready = true
	if p.spool != nil {
		return p.spool.keep()
	}
	if err := p.pack(a, a.packAgainst); err != nil || p.kept <= maxInline {
		return err
	}
	p.record, p.blob, p.against = nil, true, 0
	return a.writeBlob(p.Capture.Body)
}

// fileIsGone says whether the capture with the key k has the body as a file that
// is missing. What the file held has come again.
func (p *visit) fileIsGone(a *Archive, tx *snapshot, k []byte) (bool, error) {
	if k == nil || p.Capture.Length() <= maxInline {
		return false, nil
	}
	var r captureRecord
	if _, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &r); err != nil || !r.Blob {
		return false, nil // what is damaged is for Verify to tell
	}
	switch _, err := os.Stat(a.blobPath(p.digest)); {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	default:
		return false, err
	}
}

// body sees to it that the body is where it is to be: what was known when the visit
// was prepared may have been dropped since, and what it is compressed against too.
func (p *visit) body(a *Archive) error {
	if p.ready && !a.retired[p.against] {
		return nil
	}
	p.ready = true
	if p.spool != nil {
		return p.spool.keep()
	}
	// Not packAgainst: it would read the archive within the transaction.
	err := p.pack(a, func(_ string, whole []byte) ([]byte, uint64, error) { return a.pack(whole), 0, nil })
	if err != nil || p.kept <= maxInline {
		return err
	}
	p.record, p.blob = nil, true
	return a.writeBlob(p.Capture.Body)
}

// takeSpool looks at a body that came as a spool. One that is not too large for
// archive.db is read into memory.
func (a *Archive) takeSpool(p *visit) error {
	if p.Capture.Dropped != nil && (p.Capture.Spool != nil || len(p.Capture.Body) > 0) {
		return errors.New("the body is there, and dropped")
	}
	if p.Capture.Spool == nil {
		return nil
	}
	s, ok := p.Capture.Spool.(*spool)
	if !ok || s.a != a || len(p.Capture.Body) > 0 {
		return errors.New("the body is in a spool of another archive, or in two places")
	}
	if s.err != nil {
		return s.err
	}
	if s.length > maxInline {
		p.spool = s
		return nil
	}
	body, err := s.read()
	if err != nil {
		return fmt.Errorf("read a body again: %w", err)
	}
	c := *p.Capture // the caller's stays as it is
	c.Body, c.Spool = body, nil
	p.Capture = &c
	return nil
}

// keepsBody says whether the answer is kept as a capture: a 304 has nothing
// to keep, and the last capture still holds.
func (p *visit) keepsBody() bool {
	return p.Capture != nil && p.Result != store.Unchanged
}

// pack makes the record of a capture that holds its body.
func (p *visit) pack(a *Archive, pack func(host string, whole []byte) (packed []byte, reference uint64, err error)) (err error) {
	buf, _ := a.wholes.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	whole := append(append((*buf)[:0], p.header...), p.Capture.Body...)
	defer func() {
		*buf = whole
		a.wholes.Put(buf)
	}()
	packed, reference, err := pack(p.lease.Host, whole)
	if err != nil {
		return err
	}
	p.kept = int64(len(packed))
	p.reference = reference == 0 && packed[0] == codecZstd && len(whole) >= minReference && len(whole) <= maxReference
	r := p.captureRecord()
	r.Reference, p.against = reference, reference
	p.record, err = unsealed(r, packed)
	return err
}

func (p *visit) captureRecord() *captureRecord {
	return &captureRecord{
		Host: p.lease.Host, Canonical: p.name, Digest: hex.EncodeToString(p.digest[:]), Length: p.Capture.Length(),
		Headers: len(p.header), response: *newResponse(p.Capture),
	}
}

func newText(p *visit) (*text, error) {
	a := p.Article
	id, ok := parseID(a.ID)
	if !ok || a.CanonicalURL == "" || a.ID != extract.ArticleID(a.CanonicalURL) {
		return nil, fmt.Errorf("article id %q is not that of %q", a.ID, a.CanonicalURL)
	}
	if a.ContentHash != a.Hash() {
		return nil, fmt.Errorf("content hash of article %s does not fit what it says", a.ID)
	}
	hash, err := parseContentHash(a.ContentHash)
	if err != nil {
		return nil, err
	}
	if len(a.Site) > 1<<16-1 {
		return nil, fmt.Errorf("article %s: name of the site is too long", a.ID)
	}
	t := &text{article: a, id: id, hash: hash}
	t.aliases = slices.Concat(p.Aliases, a.Aliases)
	if p.lease.Target.Post == "" {
		t.aliases = append(t.aliases, p.name)
	}
	return t, nil
}

// canBeCopied says whether two articles with this content are one: a page with
// nothing on it is not the copy of another.
func canBeCopied(a *extract.Article) bool {
	return a.Title != "" && a.Body != "" && (a.Published != nil || len(a.Body) > 200)
}

// makePlan reads what the archive has of the article.
func (p *visit) makePlan(a *Archive, tx *snapshot) error {
	t := p.text
	t.plan = plan{outcome: store.Added, id: t.id}
	q := &t.plan
	if err := q.read(tx); err != nil {
		return err
	}
	aliases := slices.Clone(t.aliases)
	if q.key == nil {
		moved, err := p.moved(a, tx)
		if err != nil {
			return err
		}
		if moved != nil {
			*q = *moved
			aliases = append(aliases, t.article.CanonicalURL)
		}
	}
	if q.key == nil && canBeCopied(t.article) {
		other, err := copied(tx, p.lease.Host, t.hash)
		if err != nil {
			return err
		}
		if other != nil {
			*q = *other
			aliases = append(aliases, t.article.CanonicalURL)
		}
	}
	switch earlier := p.past && !t.article.Fetched.After(q.latest.last()); {
	case q.key == nil:
	case !q.latest.withdrawn.IsZero() && !earlier:
		q.outcome = store.Returned
	case q.outcome == store.Duplicated:
	case q.latest.hash == t.hash:
		q.outcome = store.Same
	case earlier:
		q.outcome = store.Earlier
	default:
		q.outcome = store.Changed
	}
	slices.Sort(aliases)
	aliases = slices.Compact(aliases)
	aliases = slices.DeleteFunc(aliases, func(u string) bool { return u == "" || hashOf(u) == q.id })

	q.leading = aliases
	if q.outcome == store.Added {
		q.aliases = append([]string{}, aliases...)
		return nil
	}
	if q.outcome != store.Changed && q.outcome != store.Returned && !slices.ContainsFunc(aliases, func(u string) bool {
		h := hashOf(u)
		return string(tx.Bucket(bucketAliases).Get(h[:])) != string(q.id[:])
	}) {
		return nil // all of them are known
	}
	article, err := a.reading(tx, q.latest.reading)
	if err != nil {
		return err
	}
	q.article = article
	old, _, _, err := aliasesOf(q.article)
	if err != nil {
		return fmt.Errorf("%s: %w", where(bucketVersions, q.key), err)
	}
	q.aliases = slices.Concat(old, aliases)
	slices.Sort(q.aliases)
	q.aliases = append([]string{}, slices.Compact(q.aliases)...)
	return nil
}

// moved finds the article that is at another URL now, by which it is not known: the
// one to which that URL or the target led last, if the two differ in the scheme
// or www. only; or if nothing else is where it was and the title or the date of
// publication is the same. What is left of it is this page when its own target is
// the one that was visited, is gone, or was redirected there.
func (p *visit) moved(a *Archive, tx *snapshot) (*plan, error) {
	there := p.text.article
	seen := map[hash16]bool{}
	led, _ := parseID(p.lease.Target.Article)
	if p.held != nil && p.held.record.known() == p.name {
		led, _ = parseID(p.held.record.Article)
	}
	h := hashOf(there.CanonicalURL)
	for _, id := range [][]byte{tx.Bucket(bucketAliases).Get(h[:]), led[:]} {
		q := &plan{outcome: store.Added}
		if copy(q.id[:], id); q.id == (hash16{}) || seen[q.id] {
			continue
		}
		seen[q.id] = true
		if err := q.read(tx); err != nil {
			return nil, err
		}
		if q.key == nil {
			continue
		}
		raw, err := a.reading(tx, q.latest.reading)
		if err != nil {
			return nil, err
		}
		var before extract.Article
		if err := json.Unmarshal(raw, &before); err != nil {
			return nil, fmt.Errorf("%s: %w", where(bucketVersions, q.key), err)
		}
		was, is := bareURL(before.CanonicalURL), bareURL(there.CanonicalURL)
		if was == is {
			return q, nil
		}
		same := before.Title == there.Title || before.Published != nil && there.Published != nil && before.Published.Equal(*there.Published)
		if !same {
			continue
		}
		left, err := p.left(tx, before.CanonicalURL, is)
		if err != nil {
			return nil, err
		}
		if left {
			return q, nil
		}
	}
	return nil, nil
}

// left says whether the target that is known by a canonical URL is the one that
// is visited, is gone, or was redirected to the bare URL to.
func (p *visit) left(tx *snapshot, canonical, to string) (bool, error) {
	key := tx.Bucket(bucketURLs).Get(hashKey(canonical))
	if key == nil { // as package extract has targets of its sites
		key = tx.Bucket(bucketURLs).Get(hashKey("http://" + bareURL(canonical)))
	}
	if key == nil {
		return false, nil
	}
	var r targetRecord
	if err := readTarget(tx.Bucket(bucketTargets), key, &r); err != nil {
		return false, err
	}
	if r.known() == p.name || !r.Gone.IsZero() {
		return true, nil
	}
	id, ok := parseID(r.Capture)
	if !ok {
		return false, nil
	}
	k := tx.Bucket(bucketCaptureIDs).Get(id[:])
	if k == nil {
		return false, nil
	}
	var c captureRecord
	if _, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &c); err != nil {
		return false, fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	return c.FinalURL != "" && bareURL(extract.CanonicalURL(c.FinalURL)) == to, nil
}

// bareURL is a URL without its scheme and the host's www.
func bareURL(u string) string {
	if _, rest, ok := strings.Cut(u, "://"); ok {
		u = rest
	}
	return strings.TrimPrefix(u, "www.")
}

// read finds the latest version of the article.
func (q *plan) read(tx *snapshot) error {
	k := tx.Bucket(bucketArticles).Get(q.id[:])
	if k == nil {
		return nil
	}
	v, err := readVersion(k, tx.Bucket(bucketVersions).Get(k))
	if err != nil {
		return fmt.Errorf("%s: %w", where(bucketVersions, k), err)
	}
	q.key, q.latest = slices.Clone(k), v
	return nil
}

// encode makes the reading that the plan asks for.
func (p *visit) encode(archive *Archive) (err error) {
	t, q := p.text, &p.text.plan
	var article []byte
	switch q.outcome {
	case store.Added, store.Changed, store.Returned:
		a := *t.article
		if q.id != t.id { // under another URL
			var before extract.Article
			if err := json.Unmarshal(q.article, &before); err != nil {
				return fmt.Errorf("article %s: %w", q.id, err)
			}
			a.ID, a.CanonicalURL = before.ID, before.CanonicalURL
		}
		a.Version = int(q.latest.number) + 1
		a.Aliases = q.aliases
		a.Capture = extract.Text(captureID(p.name, p.digest).String())
		article, err = a.JSON()
	default:
		if q.aliases != nil {
			article, err = withAliases(q.article, q.aliases)
		}
	}
	if t.kept = nil; err == nil && article != nil {
		t.kept = archive.packReading(article)
	}
	return err
}

// rest keeps no more of a visit than until when the host rests.
func (w *work) rest(p *visit) error {
	if p.Rest.IsZero() {
		return nil
	}
	h, err := w.host(p.lease.Host)
	if err != nil {
		return err
	}
	if until := keptTime(p.Rest); until.After(h.Rest) || h.Rest.After(w.now.Add(longestRest)) {
		w.changes++
		h.Rest = until
	}
	return nil
}

// putOff changes when the target of a visit that was given up is due.
func (w *work) putOff(p *visit) error {
	if p.Again.IsZero() {
		return nil
	}
	old, seq, err := p.target()
	if err != nil {
		return err
	}
	r := old
	r.Due = keptTime(p.Again)
	return w.saveTarget(p.lease.Host, seq, &r, &old)
}

// target returns the target of a visit that has begun, and its number.
func (p *visit) target() (targetRecord, uint64, error) {
	if p.held.record.known() != p.name {
		return targetRecord{}, 0, fmt.Errorf("target %s: %w", p.name, store.ErrNotFound)
	}
	return p.held.record, p.held.seq, nil
}

// commit records a visit whose lease is held.
func (w *work) commit(p *visit) (o store.Outcome, err error) {
	name := p.lease.Host
	r, seq, err := p.target()
	if err != nil {
		return o, err
	}
	h, err := w.host(name)
	if err != nil {
		return o, err
	}

	visited := visitRecord{Host: name, Site: r.Site, Target: seq, Time: p.Time, Result: p.Result, Reason: p.Reason, Cause: p.Cause}
	var capture hash16
	if p.keepsBody() {
		if capture, err = w.capture(p, h, &visited, &o); err != nil {
			return o, err
		}
	}
	latest := !p.past || !p.frozen && p.Time.After(r.Visited)
	if p.text != nil {
		if err := w.article(p, h, &visited, &o); err != nil {
			return o, err
		}
	} else if latest {
		if err := w.standing(p, &r, &visited, &o); err != nil {
			return o, err
		}
	}
	if err := w.visit(p, h, &visited); err != nil {
		return o, err
	}
	if err := w.links(p, &o); err != nil {
		return o, err
	}
	if latest {
		next := r
		next.after(p, capture, &o)
		if err := w.saveTarget(name, seq, &next, &r); err != nil {
			return o, err
		}
	}
	h.seen(p.Time)
	return o, errors.Join(w.rest(p), w.watch(p, r.Site, o.Article))
}

func hashKey(s string) []byte {
	h := hashOf(s)
	return h[:]
}

// after is what a visit makes of its target.
func (r *targetRecord) after(p *visit, capture hash16, o *store.Outcome) {
	r.Visited, r.Reason, r.Due = p.Time, p.Reason, keptTime(p.Again)
	if o.Links > 0 && !p.Sooner.IsZero() {
		r.Due = keptTime(p.Sooner)
	}
	if p.Result != store.Failed {
		r.Attempts = 0
	}
	switch p.Result {
	case store.Fetched, store.Unchanged:
		r.Gone, r.Wait = time.Time{}, 0
		if !r.Due.IsZero() {
			r.Wait = r.Due.Sub(r.Visited)
		}
	case store.Missing:
		if r.Gone.IsZero() {
			r.Gone = p.Time
		}
	}
	switch p.Result {
	case store.Missing:
		r.State = store.Gone
	case store.Refused, store.Barred:
		r.State = store.Blocked
	case store.Failed:
		r.State = store.RetryAt
		r.Attempts++
	default:
		r.State = store.Done
	}
	if p.Kind != "" {
		r.Kind = p.Kind
	}
	if p.Result != store.Fetched {
		return
	}
	if id := capture.String(); r.Capture != id {
		r.Capture, r.Changed = id, p.Time
	}
	r.ETag = p.Capture.Header.Get("ETag")
	r.LastModified = p.Capture.Header.Get("Last-Modified")
	if p.Partial {
		r.ETag, r.LastModified = "", ""
	}
	if o.ID != "" {
		r.Article = o.ID
	}
}

// capture keeps an answer, or finds that the archive has it.
func (w *work) capture(p *visit, h *hostRecord, visited *visitRecord, o *store.Outcome) (id hash16, err error) {
	host := p.lease.Host
	id = captureID(p.name, p.digest)
	if v := w.captureIDs.Get(id[:]); v != nil {
		if visited.Capture, err = readSeq(v); err != nil {
			return id, fmt.Errorf("captureids/%s: %w", id, err)
		}
		visited.Revisit = true
		return id, w.keepAgain(p, h, visited.Capture)
	}
	seq, err := w.next(bucketCaptures)
	if err != nil {
		return id, fmt.Errorf("captures: %w", err)
	}
	h.Captures++
	visited.Capture = seq
	k, payload := seqKey(seq), payloadKey(host, p.digest)
	v := w.payloads.Get(payload)
	same := v != nil
	if !same && p.Capture.Dropped == nil {
		if err := p.body(w.a); err != nil {
			return id, err
		}
	}
	switch {
	case same:
		r := p.captureRecord()
		if r.SameAs, err = readSeq(v); err != nil {
			return id, fmt.Errorf("payloads of %s: %w", host, err)
		}
		v, err = withPayload(k, r, w.a.pack(p.header))
	case p.Capture.Dropped != nil:
		r := p.captureRecord()
		r.Drops = []dropRecord{{Drop: p.Capture.Dropped.Drop}}
		same = true // there is nothing to count
		h.Dropped++
		h.DroppedBytes += r.Length
		v, err = withPayload(k, r, w.a.pack(p.header))
	case p.spool != nil || p.blob:
		r := p.captureRecord()
		r.Blob = true
		p.kept = r.Length
		v, err = withPayload(k, r, w.a.pack(p.header))
	default:
		v = seal(k, p.record)
	}
	if err != nil {
		return id, err
	}
	if !same {
		o.Captured = true
		h.Bytes += p.Capture.Length()
		h.Kept += p.kept
		if p.reference {
			h.References = append(w.a.references.withRoom(host, h.References), seq)
		}
		if err := w.put(w.payloads, payload, k); err != nil {
			return id, err
		}
	}
	return id, errors.Join(w.put(w.captures, k, v), w.put(w.captureIDs, id[:], k))
}

// visit writes that it was made.
func (w *work) visit(p *visit, h *hostRecord, visited *visitRecord) error {
	packed := []byte{codecPlain}
	if p.Capture != nil && (visited.Capture == 0 || visited.Revisit) {
		visited.Response = newResponse(p.Capture)
		packed = w.a.pack(p.header)
	}
	seq, err := w.next(bucketVisits)
	if err != nil {
		return fmt.Errorf("visits: %w", err)
	}
	h.Visits++
	k := seqKey(seq)
	v, err := withPayload(k, visited, packed)
	if err != nil {
		return err
	}
	if err := w.put(w.visits, k, v); err != nil {
		return err
	}
	return errors.Join(w.put(w.visited, visitedKey(visited.Host, visited.Target, seq), nil), w.log(p, seq, visited))
}

// article keeps what was read, if it is new.
func (w *work) article(p *visit, h *hostRecord, visited *visitRecord, o *store.Outcome) error {
	t := p.text
	before, kept := t.plan, t.kept
	if err := p.makePlan(w.a, w.tx); err != nil {
		return err
	}
	if t.kept = kept; !t.plan.same(&before) {
		if err := p.encode(w.a); err != nil {
			return err
		}
	}
	q := &t.plan
	o.Article, o.ID, o.Version = q.outcome, q.id.String(), int(q.latest.number)

	switch q.outcome {
	case store.Added, store.Changed, store.Returned:
		next := version{
			id: q.id, hash: t.hash, capture: captureID(p.name, p.digest), fetched: t.article.Fetched, site: t.article.Site,
		}
		if t.article.Published != nil {
			next.published = *t.article.Published
		}
		// An article's versions stay with the host that gave the first.
		name := p.lease.Host
		if q.key == nil {
			h.Articles++
		} else {
			var err error
			if name, _, err = cutRecordKey(q.key); err != nil {
				return err
			}
		}
		if err := w.version(name, q, &next, t.kept); err != nil {
			return err
		}
		if canBeCopied(t.article) {
			if err := w.put(w.texts, textKey(name, t.hash, q.id), nil); err != nil {
				return err
			}
		}
		o.Version = int(next.number)
	default:
		if t.kept != nil {
			if err := w.reading(q.latest.reading, t.kept); err != nil {
				return err
			}
		}
	}
	for _, u := range q.leading {
		if k := hashKey(u); string(w.aliases.Get(k)) != string(q.id[:]) {
			if err := w.put(w.aliases, k, q.id[:]); err != nil {
				return err
			}
		}
	}
	visited.Outcome, visited.Article, visited.Version = o.Article, o.ID, o.Version
	return nil
}

// version writes the next version of an article behind the latest, which stands
// with the host name.
func (w *work) version(name string, q *plan, next *version, kept []byte) (err error) {
	h, err := w.host(name)
	if err != nil {
		return err
	}
	next.number = q.latest.number + 1
	h.Versions++
	if err := w.published(name, next.site, next.published, 1); err != nil {
		return err
	}
	if q.key != nil {
		if _, next.previous, err = cutRecordKey(q.key); err != nil {
			return err
		}
		if err := w.published(name, q.latest.site, q.latest.published, -1); err != nil {
			return err
		}
		if err := w.put(w.old, q.key, seqKey(h.Versions)); err != nil {
			return err
		}
	}
	if next.reading, err = w.next(bucketReadings); err != nil {
		return fmt.Errorf("readings: %w", err)
	}
	k := recordKey(name, h.Versions)
	return errors.Join(
		w.reading(next.reading, kept),
		w.put(w.versions, k, next.record(k)),
		w.put(w.articles, next.id[:], k),
	)
}

// standing keeps what a visit that brought no text says of the article to which
// its target led: that it is gone, or that it is there again.
func (w *work) standing(p *visit, r *targetRecord, visited *visitRecord, o *store.Outcome) error {
	id, ok := parseID(r.Article)
	if !ok || p.Result != store.Missing && p.Result != store.Unchanged {
		return nil
	}
	var since time.Time
	if p.Result == store.Missing {
		if since = r.Gone; since.IsZero() {
			since = p.Time
		}
	}
	number, err := w.stand(id, p.name, since, p.Time)
	if err != nil || number == 0 {
		return err
	}
	o.Article, o.ID, o.Version = store.Returned, r.Article, number
	if p.Result == store.Missing {
		o.Article = store.Withdrawn
	}
	visited.Outcome, visited.Article, visited.Version = o.Article, o.ID, o.Version
	return nil
}

// stand makes a version of an article, unless the latest says the same already:
// that it is gone, since is not zero then, or that it was there at a moment.
// The target by which that was found is known by name; what is gone under it,
// but not under another URL, is not gone. It returns 0 when there is no new version.
func (w *work) stand(id hash16, name string, since, seen time.Time) (number int, err error) {
	q := plan{id: id}
	if err := q.read(w.tx); err != nil || q.key == nil || q.latest.withdrawn.IsZero() == since.IsZero() {
		return 0, err
	}
	raw, err := w.a.reading(w.tx, q.latest.reading)
	if err != nil {
		return 0, err
	}
	var a extract.Article
	if err := json.Unmarshal(raw, &a); err != nil {
		return 0, fmt.Errorf("%s: %w", where(bucketVersions, q.key), err)
	}
	next := q.latest
	if a.Withdrawn = nil; since.IsZero() {
		a.Fetched = seen
	} else {
		for _, u := range append([]string{a.CanonicalURL}, a.Aliases...) {
			var r targetRecord
			k := w.urls.Get(hashKey(u))
			if k == nil || u == name {
				continue
			}
			if err := readTarget(w.targets, k, &r); err != nil {
				return 0, err
			}
			switch {
			case r.Article != id.String():
			case r.Gone.IsZero():
				return 0, nil
			case r.Gone.After(since):
				since = r.Gone
			}
		}
		a.Withdrawn = &since
	}
	a.Version++
	next.fetched, next.withdrawn = a.Fetched, since
	article, err := a.JSON()
	if err != nil {
		return 0, err
	}
	host, _, err := cutRecordKey(q.key)
	if err != nil {
		return 0, err
	}
	return a.Version, w.version(host, &q, &next, w.a.packReading(article))
}

// reading writes one as it is kept, see packReading.
func (w *work) reading(seq uint64, kept []byte) error {
	k := seqKey(seq)
	return w.put(w.readings, k, seal(k, kept))
}

// copied finds the article of a host whose latest version has a content: of
// several the one that has had it longest.
func copied(tx *snapshot, host string, hash [32]byte) (first *plan, err error) {
	c := tx.Bucket(bucketTexts).Cursor()
	prefix := hostHashKey(host, hash16(hash[:16]))
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if len(k) != len(prefix)+16 {
			return nil, fmt.Errorf("%s: the key is damaged", where(bucketTexts, k))
		}
		q := &plan{outcome: store.Duplicated, id: hash16(k[len(prefix):])}
		if err := q.read(tx); err != nil {
			return nil, err
		}
		if q.key != nil && q.latest.hash == hash && (first == nil || bytes.Compare(q.key, first.key) < 0) {
			first = q
		}
	}
	return first, nil
}

// links adds what the page asks to visit.
func (w *work) links(p *visit, o *store.Outcome) (err error) {
	// What is known is to be known before anything is added.
	var known []store.Target
	for _, t := range p.Onward {
		if w.urls.Get(hashKey(t.Known())) != nil {
			known = append(known, t)
		}
	}
	for _, targets := range [][]store.Target{p.Links, p.Onward} {
		n, err := w.add(targets)
		if err != nil {
			return err
		}
		o.Links += n
	}
	if o.Links == 0 {
		return nil
	}
	for i := range known {
		k := slices.Clone(w.urls.Get(hashKey(known[i].Known())))
		var r targetRecord
		if err := readTarget(w.targets, k, &r); err != nil {
			return err
		}
		ok, err := w.recall(k, &r)
		if err != nil {
			return err
		}
		if ok {
			o.Recalled++
		}
	}
	return nil
}
