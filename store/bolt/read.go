package bolt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"luutin/extract"
	"luutin/store"
)

// Resolve implements store.Archive.
func (a *Archive) Resolve(ctx context.Context, ref string) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	err = a.view(func(tx *snapshot) error {
		articles, aliases := tx.Bucket(bucketArticles), tx.Bucket(bucketAliases)
		if h, ok := parseID(ref); ok && articles.Get(h[:]) != nil {
			id = ref
			return nil
		}
		for _, u := range []string{ref, extract.CanonicalURL(ref)} {
			h := hashOf(u)
			if articles.Get(h[:]) != nil {
				id = h.String()
				return nil
			}
			if v := aliases.Get(h[:]); len(v) == 16 {
				id = hash16(v).String()
				return nil
			}
		}
		return fmt.Errorf("article %s: %w", ref, store.ErrNotFound)
	})
	return id, err
}

// Article implements store.Archive.
func (a *Archive) Article(ctx context.Context, id string) (store.Version, error) {
	var found store.Version
	err := a.versions(ctx, id, func(v store.Version) bool {
		found = v
		return false
	})
	return found, err
}

// History implements store.Archive.
func (a *Archive) History(ctx context.Context, id string) ([]store.Version, error) {
	var all []store.Version
	err := a.versions(ctx, id, func(v store.Version) bool {
		all = append(all, v)
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	return all, nil
}

// versions yields the versions of an article, the latest first.
func (a *Archive) versions(ctx context.Context, id string, yield func(store.Version) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, ok := parseID(id)
	return a.viewApart(func(tx *snapshot) error {
		var k []byte
		if ok {
			k = tx.Bucket(bucketArticles).Get(h[:])
		}
		if k == nil {
			return fmt.Errorf("article %s: %w", id, store.ErrNotFound)
		}
		host, seq, err := cutRecordKey(k)
		if err != nil {
			return fmt.Errorf("articles/%s: %w", id, err)
		}
		for {
			v, err := readVersion(k, tx.Bucket(bucketVersions).Get(k))
			if err != nil {
				return fmt.Errorf("%s: %w", where(bucketVersions, k), err)
			}
			if v.id != h || v.previous >= seq {
				return fmt.Errorf("%s: it is no version of article %s", where(bucketVersions, k), id)
			}
			article, err := a.articleOf(tx, &v)
			if err != nil {
				return err
			}
			version := v.version(host, seq, article)
			if version.Earlier, err = a.earlier(tx, k); err != nil {
				return err
			}
			if !yield(version) || v.previous == 0 {
				return nil
			}
			seq = v.previous
			k = recordKey(host, seq)
		}
	})
}

// A versionPlace is where a version of an article is: the number of its record.
type versionPlace struct {
	number uint32
	seq    uint64
}

// Version implements store.Archive.
func (a *Archive) Version(ctx context.Context, id string, number int) (found store.Version, err error) {
	if err := ctx.Err(); err != nil {
		return found, err
	}
	h, ok := parseID(id)
	missing := fmt.Errorf("version %d of article %s: %w", number, id, store.ErrNotFound)
	if !ok {
		return found, missing
	}
	a.mu.Lock()
	last, known := a.found[h]
	a.mu.Unlock()
	var now versionPlace
	err = a.viewApart(func(tx *snapshot) error {
		latest := tx.Bucket(bucketArticles).Get(h[:])
		if latest == nil {
			return missing
		}
		host, seq, err := cutRecordKey(latest)
		if err != nil {
			return fmt.Errorf("articles/%s: %w", id, err)
		}
		forwards := known && int(last.number) <= number
		if forwards {
			seq = last.seq
		}
		for {
			k := recordKey(host, seq)
			v, err := readVersion(k, tx.Bucket(bucketVersions).Get(k))
			if err == nil && v.id != h {
				err = fmt.Errorf("it is no version of article %s", id)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", where(bucketVersions, k), err)
			}
			switch {
			case int(v.number) == number:
				now = versionPlace{v.number, seq}
				article, err := a.articleOf(tx, &v)
				if err != nil {
					return err
				}
				found = v.version(host, seq, article)
				found.Earlier, err = a.earlier(tx, k)
				return err
			case forwards:
				later := tx.Bucket(bucketOld).Get(k)
				next, err := readSeq(later)
				if later == nil || err != nil || next <= seq || int(v.number) > number {
					return missing
				}
				seq = next
			case int(v.number) < number || v.previous == 0:
				return missing
			case v.previous >= seq:
				return fmt.Errorf("%s: it is no version of article %s", where(bucketVersions, k), id)
			default:
				seq = v.previous
			}
		}
	})
	if err != nil {
		return store.Version{}, err
	}
	const many = 4096
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.found) >= many || a.found == nil {
		a.found = map[hash16]versionPlace{}
	}
	a.found[h] = now
	return found, nil
}

// Articles implements store.Archive.
func (a *Archive) Articles(ctx context.Context, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		s, err := a.newScan(ctx, q)
		if err != nil {
			yield(store.Version{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		var reading sync.WaitGroup
		defer reading.Wait()
		defer cancel()
		last := newBatch()
		s.fill(ctx, last)
		batches := []*batch{last} // in their order
		for {
			now := batches[0]
			<-now.read
			for i := 0; i < len(now.versions) && ctx.Err() == nil; i++ {
				if i == now.ready && now.err == nil {
					s.readOn(ctx, now)
				}
				if i == now.ready {
					break // it could not be read
				}
				if !yield(now.versions[i], now.damaged[i]) {
					return
				}
			}
			if err := cmp.Or(ctx.Err(), now.err, now.behind); err != nil {
				yield(store.Version{}, err)
				return
			}
			if !now.more {
				return
			}
			// Whoever asks for a second batch wants them all, as a rule: as many are
			// read beside each other as there are processors.
			batches = append(batches[:0], batches[1:]...)
			for next := now; len(batches) < runtime.GOMAXPROCS(0); next = newBatch() {
				before := last.passed
				last = next.reset()
				reading.Go(func() {
					<-before
					s.fill(ctx, next)
				})
				batches = append(batches, next)
			}
		}
	}
}

// A scan goes through the articles that a query asks for, in batches: no
// transaction stays open while the caller works, since it would keep bbolt from
// using free pages again, and its own commits waiting.
type scan struct {
	a     *Archive
	q     store.Query
	later map[string][]byte // q.Later as keys
	after []byte            // key of the last record that was passed, nil at first
	over  bool              // no record is behind it, or one cannot be read
}

// newScan returns a scan that begins where its query says.
func (a *Archive) newScan(ctx context.Context, q store.Query) (s *scan, err error) {
	s = &scan{a: a, q: q}
	if q.After != "" || len(q.Later) > 0 {
		if err := a.view(s.begin); err != nil {
			return nil, err
		}
	}
	if s.later == nil { // otherwise little is read, as a rule
		err = a.warmUp(ctx)
	}
	return s, err
}

// begin finds the versions that the cursors of the query name.
func (s *scan) begin(tx *snapshot) (err error) {
	if s.q.After != "" {
		if s.after, err = tx.at(s.q.After); err != nil {
			return err
		}
	}
	for host, cursor := range s.q.Later {
		k, err := tx.at(cursor)
		if err == nil && hostOf(k) != host {
			err = fmt.Errorf("cursor %q is none of host %s", cursor, host)
		}
		if err != nil {
			return err
		}
		if s.later == nil {
			s.later = make(map[string][]byte, len(s.q.Later))
		}
		s.later[host] = k
	}
	return nil
}

// A batch is what a scan reads at a time.
type batch struct {
	versions []store.Version
	records  []version // of them
	damaged  []error   // of each a *store.Damaged, or nil
	ready    int       // how many were read
	more     bool      // the scan is not at its end
	err      error     // why no more of them can be read
	behind   error     // why the scan does not go on behind them
	pages    leafReader
	parts    [][]byte      // what holds the JSON of those read last
	passed   chan struct{} // closed when the next batch may be filled
	read     chan struct{} // closed when this one is
}

func newBatch() *batch { return new(batch).reset() }

// reset makes a batch, of which nothing is used any more, one to be filled.
func (b *batch) reset() *batch {
	b.versions, b.records, b.damaged, b.ready = b.versions[:0], b.records[:0], b.damaged[:0], 0
	b.more, b.err, b.behind = false, nil, nil
	b.passed, b.read = make(chan struct{}), make(chan struct{})
	return b
}

// fill fills a batch with what is next in the scan. The one before it has passed
// what it takes.
func (s *scan) fill(ctx context.Context, b *batch) {
	defer close(b.read)
	pass := sync.OnceFunc(func() { close(b.passed) })
	defer pass()
	if s.over {
		return
	}
	b.err = s.a.view(func(tx *snapshot) error {
		b.behind = s.pass(tx, b)
		s.over = b.behind != nil || !b.more
		pass()
		return b.readOn(ctx, s.a, tx)
	})
	s.a.touch(len(b.versions)) // hosts that grew side by side have few to a page; readings are not mapped
}

// readOn reads those of a batch that are not read yet because they are large.
func (s *scan) readOn(ctx context.Context, b *batch) {
	b.err = s.a.view(func(tx *snapshot) error { return b.readOn(ctx, s.a, tx) })
}

// pass takes the next records of a scan into a batch.
func (s *scan) pass(tx *snapshot, b *batch) error {
	const maxRecords, maxArticles = 1024, 256
	c, old := tx.Bucket(bucketVersions).Cursor(), tx.Bucket(bucketOld).Cursor()
	k, v := c.First()
	if s.after != nil {
		if k, v = c.Seek(s.after); bytes.Equal(k, s.after) {
			k, v = c.Next()
		}
	}
	var oldKey []byte
	if k != nil {
		oldKey, _ = old.Seek(k)
	}
	for n := 0; k != nil && n < maxRecords && len(b.versions) < maxArticles; k, v = c.Next() {
		n++
		for known := s.later[hostOf(k)]; bytes.Compare(k, known) < 0; known = s.later[hostOf(k)] {
			if k, v = c.Seek(known); k == nil {
				break
			}
			oldKey, _ = old.Seek(k)
		}
		if k == nil {
			break
		}
		s.after = append(s.after[:0], k...)
		if bytes.Equal(k, s.later[hostOf(k)]) {
			continue
		}
		for oldKey != nil && bytes.Compare(oldKey, k) < 0 {
			oldKey, _ = old.Next()
		}
		if !s.q.History && bytes.Equal(oldKey, k) {
			continue
		}
		host, seq, err := cutRecordKey(k)
		if err != nil {
			return fmt.Errorf("versions: %w", err)
		}
		record, err := readVersion(k, v)
		if err != nil { // nobody knows whether it matches
			err = &store.Damaged{Err: fmt.Errorf("%s: %w", where(bucketVersions, k), err)}
			b.add(store.Version{Host: host}, version{}, err)
		} else if matches(&s.q, &record) {
			b.add(record.version(host, seq, nil), record, nil)
		}
	}
	b.more = k != nil
	return nil
}

func (b *batch) add(v store.Version, record version, damaged error) {
	b.versions, b.records, b.damaged = append(b.versions, v), append(b.records, record), append(b.damaged, damaged)
}

// readOn reads the JSON of the next versions, in place of that of those before
// them, until it is much.
func (b *batch) readOn(ctx context.Context, a *Archive, tx *snapshot) error {
	const much = 4 << 20
	b.pages.reset(a.file, tx.Bucket(bucketReadings))
	b.parts = b.parts[:min(len(b.parts), 4)] // of one that had to be larger than the rest it lets go
	for i := range b.parts {
		b.parts[i] = b.parts[i][:0]
	}
	for part, size := 0, 0; b.ready < len(b.versions) && size < much; b.ready++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.damaged[b.ready] != nil {
			continue
		}
		// What was read before stays where it is: to move it with each article that
		// finds too little room took longer than to read them.
		const room = 64 << 10
		if part < len(b.parts) && cap(b.parts[part])-len(b.parts[part]) < room {
			part++
		}
		if part == len(b.parts) {
			b.parts = append(b.parts, make([]byte, 0, room<<min(part+1, 4))) // little for who reads little
		}
		record, v, buf := &b.records[b.ready], &b.versions[b.ready], b.parts[part]
		k := seqKey(record.reading)
		packed, _ := b.pages.get(k)
		got, err := a.openReading(k, packed, buf)
		if err == nil {
			b.parts[part], v.JSON = got, got[len(buf):len(got):len(got)]
		} else { // whatever is wrong, the bucket says it
			v.JSON, b.damaged[b.ready] = a.articleOf(tx, record)
		}
		size += len(v.JSON)
	}
	return nil
}

// articleOf returns the JSON of a version, in memory of its own; a *store.Damaged.
func (a *Archive) articleOf(tx *snapshot, v *version) ([]byte, error) {
	article, err := a.reading(tx, v.reading)
	if err == nil {
		return article, nil
	}
	d := &store.Damaged{ID: v.id.String(), Number: int(v.number), Err: err}
	if k := tx.Bucket(bucketCaptureIDs).Get(v.capture[:]); k != nil {
		var c captureRecord
		if _, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &c); err == nil {
			d.URL = c.URL
		}
	}
	return nil, d
}

// hostOf is what the key of a record begins with.
func hostOf(k []byte) string { return string(k[:max(len(k)-9, 0)]) }

func matches(q *store.Query, v *version) bool {
	if len(q.Sites) > 0 && !slices.Contains(q.Sites, v.site) {
		return false
	}
	if q.Since.IsZero() && q.Until.IsZero() {
		return true
	}
	return !v.published.IsZero() && !v.published.Before(q.Since) && (q.Until.IsZero() || v.published.Before(q.Until))
}

// Capture implements store.Archive.
func (a *Archive) Capture(ctx context.Context, id string) (extract.Page, error) {
	r, inline, body, err := a.body(ctx, id)
	if err != nil {
		return extract.Page{}, err
	}
	p := extract.Page{Body: inline, URL: r.FinalURL, Post: r.Post, ContentType: r.ContentType, Fetched: r.Fetched}
	if p.URL == "" {
		p.URL = r.URL
	}
	if body == nil {
		return p, nil
	}
	defer body.Close()
	b := bytes.NewBuffer(make([]byte, 0, min(max(r.Length, 0), 256<<20)+bytes.MinRead))
	if _, err := b.ReadFrom(body); err != nil {
		return extract.Page{}, fmt.Errorf("capture %s: %w", id, err)
	}
	p.Body = b.Bytes()
	return p, nil
}

// Body implements store.Archive.
func (a *Archive) Body(ctx context.Context, id string) (io.ReadCloser, error) {
	_, inline, body, err := a.body(ctx, id)
	if err != nil {
		return nil, err
	}
	if body == nil {
		return io.NopCloser(bytes.NewReader(inline)), nil
	}
	return body, nil
}

// body returns the record of a capture and its body: in memory of its own what
// archive.db holds, which is checked at once, or a file, which is checked while
// it is read.
func (a *Archive) body(ctx context.Context, id string) (r captureRecord, inline []byte, body io.ReadCloser, err error) {
	if err := ctx.Err(); err != nil {
		return r, nil, nil, err
	}
	h, ok := parseID(id)
	a.files.RLock() // what is there now is there until it is open
	defer a.files.RUnlock()
	err = a.viewApart(func(tx *snapshot) error {
		var k []byte
		if ok {
			k = tx.Bucket(bucketCaptureIDs).Get(h[:])
		}
		if k == nil {
			return fmt.Errorf("capture %s: %w", id, store.ErrNotFound)
		}
		captures := tx.Bucket(bucketCaptures)
		packed, err := cutPayload(k, captures.Get(k), &r)
		if err == nil && r.SameAs != 0 {
			k = seqKey(r.SameAs)
			var holder captureRecord
			if packed, err = cutPayload(k, captures.Get(k), &holder); err == nil && holder.SameAs != 0 {
				err = errors.New("it holds no body")
			}
			r.Blob, r.Headers, r.Reference, r.Drops = holder.Blob, holder.Headers, holder.Reference, holder.Drops
		}
		if d := r.dropped(); err == nil && d != nil {
			var digest [32]byte
			if digest, err = r.digest(); err == nil {
				// Others may have brought the bytes again.
				if k = tx.Bucket(bucketPayloads).Get(payloadKey(r.Host, digest)); k == nil {
					return fmt.Errorf("capture %s: %w", id, &store.BodyDropped{Drop: *d})
				}
				var holder captureRecord
				if packed, err = cutPayload(k, captures.Get(k), &holder); err == nil && (holder.SameAs != 0 || holder.dropped() != nil) {
					err = errors.New("it holds no body")
				}
				r.Blob, r.Headers, r.Reference = holder.Blob, holder.Headers, holder.Reference
			}
		}
		if err == nil && !r.Blob {
			inline, err = a.unpackBody(tx, packed, &r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
		}
		return nil
	})
	if err != nil {
		return r, nil, nil, err
	}
	digest, err := r.digest()
	switch {
	case err != nil:
	case r.Blob:
		body, err = a.openBlob(digest)
	case sha256.Sum256(inline) != digest:
		err = errBadDigest
	}
	if err != nil {
		return r, nil, nil, fmt.Errorf("capture %s: %w", id, err)
	}
	return r, inline, body, nil
}

// unpackBody returns what stands behind a capture's headers, in memory of its
// own.
func (a *Archive) unpackBody(tx *snapshot, packed []byte, r *captureRecord) ([]byte, error) {
	whole, err := a.unpackCapture(tx, packed, r)
	if err != nil {
		return nil, err
	}
	_, body, err := r.cut(whole)
	if packed[0] != codecPlain {
		return body, err // was unpacked
	}
	return bytes.Clone(body), err
}

// lostVersions is how many numbers of versions were given that a repair could not
// save: hosts count them.
func (s *snapshot) lostVersions() (n int) {
	if !s.repaired() {
		return 0
	}
	prefix := string(bucketVersions) + "/"
	c := s.Bucket(bucketLost).Cursor()
	for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		at := string(k[len(prefix):])
		i := max(strings.LastIndexByte(at, '/'), 0)
		seq, err := strconv.ParseUint(strings.TrimPrefix(at[i:], "/"), 16, 64)
		// What is not sure of its number, or was made again, is not lost.
		if err == nil && s.Bucket(bucketVersions).Get(recordKey(at[:i], seq)) == nil {
			n++
		}
	}
	return n
}

// Stats implements store.Archive.
func (a *Archive) Stats(ctx context.Context) (store.Stats, error) {
	s := store.Stats{Targets: map[store.State]int{}}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	leased := a.leased()
	err := a.view(func(tx *snapshot) error {
		err := tx.Bucket(bucketHosts).ForEach(func(k, v []byte) error {
			var h hostRecord
			if err := unsealJSON(k, v, &h); err != nil {
				return fmt.Errorf("hosts/%s: %w", k, err)
			}
			s.Articles += int(h.Articles)
			s.Versions += int(h.Versions)
			s.Captures += int(h.Captures)
			s.Visits += int(h.Visits)
			s.Bytes += h.Bytes
			s.Kept += h.Kept
			s.Dropped += int(h.Dropped)
			s.DroppedBytes += h.DroppedBytes
			for state, n := range h.States {
				s.Targets[state] += n
			}
			if !h.FirstSeen.IsZero() && (s.FirstSeen.IsZero() || h.FirstSeen.Before(s.FirstSeen)) {
				s.FirstSeen = h.FirstSeen
			}
			if h.LastSeen.After(s.LastSeen) {
				s.LastSeen = h.LastSeen
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.Versions -= tx.lostVersions()
		for k := range leased {
			var r targetRecord
			if err := readTarget(tx.Bucket(bucketTargets), []byte(k), &r); err != nil {
				return err
			}
			if s.Targets[r.State]--; s.Targets[r.State] == 0 {
				delete(s.Targets, r.State)
			}
			s.Targets[store.Leased]++
		}
		return nil
	})
	return s, err
}
