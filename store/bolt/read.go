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
	return a.view(func(tx *snapshot) error {
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
			article, err := a.reading(tx, v.reading)
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

// Articles implements store.Archive.
func (a *Archive) Articles(ctx context.Context, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		s, err := a.newScan(ctx, q)
		if err != nil {
			yield(store.Version{}, err)
			return
		}
		// Whoever asks for a third batch wants them all, as a rule: from then on the
		// next one is read while the caller works with this one.
		var ahead sync.WaitGroup
		defer ahead.Wait()
		now, next := newBatch(), newBatch()
		s.fill(ctx, now)
		for n := 0; ; n++ {
			if n > 0 && now.err == nil && now.more {
				ahead.Go(func() { s.fill(ctx, next) })
			}
			for i := range now.versions {
				if ctx.Err() != nil {
					break
				}
				if !yield(now.versions[i], nil) {
					return
				}
			}
			if err := cmp.Or(ctx.Err(), now.err); err != nil {
				yield(store.Version{}, err)
				return
			}
			if !now.more {
				return
			}
			if n == 0 {
				s.fill(ctx, next)
			}
			ahead.Wait()
			now, next = next, now
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
	after []byte            // key of the last record that was read, nil at first
}

// newScan returns a scan that begins where its query says.
func (a *Archive) newScan(ctx context.Context, q store.Query) (s *scan, err error) {
	s = &scan{a: a, q: q}
	if q.After != "" {
		if s.after, err = parseCursor(q.After); err != nil {
			return nil, err
		}
	}
	if s.later, err = parseLater(q.Later); err != nil {
		return nil, err
	}
	if s.later == nil { // otherwise little is read, as a rule
		err = a.warmUp(ctx)
	}
	return s, err
}

// A batch is what a scan reads at a time.
type batch struct {
	versions []store.Version // their JSON is good until the batch is filled again
	numbers  []uint64        // of the readings of the last of them, whose JSON is not read yet
	readers  readers
	more     bool  // the scan is not at its end
	err      error // met behind the versions
}

func newBatch() *batch { return &batch{readers: make(readers, runtime.GOMAXPROCS(0))} }

// read reads the JSON of those that have none yet. At an error only what stands
// before it is left.
func (b *batch) read(a *Archive, tx *snapshot) error {
	have := len(b.versions) - len(b.numbers)
	n, err := b.readers.read(a, tx, b.numbers, b.versions[have:])
	b.versions, b.numbers = b.versions[:have+n], b.numbers[:0]
	return err
}

// fill replaces a batch by the next one of the scan.
func (s *scan) fill(ctx context.Context, b *batch) {
	const maxRecords, maxBytes = 1024, 1 << 20
	b.versions, b.numbers = b.versions[:0], b.numbers[:0]
	b.readers.reset()
	b.err = s.a.view(func(tx *snapshot) error {
		c, old := tx.Bucket(bucketVersions).Cursor(), tx.Bucket(bucketOld).Cursor()
		b.readers.open(s.a.file, tx.Bucket(bucketReadings))
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
		for n := 0; k != nil && n < maxRecords && b.readers.size() < maxBytes; k, v = c.Next() {
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
			record, err := readVersion(k, v)
			if err != nil {
				return cmp.Or(b.read(s.a, tx), fmt.Errorf("%s: %w", where(bucketVersions, k), err))
			}
			if !matches(&s.q, &record) {
				continue
			}
			host, seq, err := cutRecordKey(k)
			if err != nil {
				return cmp.Or(b.read(s.a, tx), fmt.Errorf("versions: %w", err))
			}
			b.versions = append(b.versions, record.version(host, seq, nil))
			if b.numbers = append(b.numbers, record.reading); len(b.numbers) == readTogether {
				if err := b.read(s.a, tx); err != nil {
					return err
				}
			}
		}
		b.more = k != nil
		return cmp.Or(b.read(s.a, tx), ctx.Err())
	})
	s.a.touch(len(b.versions) / 8) // several to a page; readings are not mapped
}

// readTogether is how many articles are read at a time, some on each processor:
// fewer, and to wake the others took longer than to read them.
const readTogether = 256

// readers read articles, one of them on each processor.
type readers []reader

type reader struct {
	pages leafReader
	buf   []byte // what was read last, one article behind the other
	size  int    // of all that was read since reset
}

// reset has them use their memory again.
func (rs readers) reset() {
	for i := range rs {
		rs[i].buf, rs[i].size = rs[i].buf[:0], 0
	}
}

// open has them read the readings of a state.
func (rs readers) open(f io.ReaderAt, readings *bucket) {
	for i := range rs {
		rs[i].pages.reset(f, readings)
	}
}

// size is that of what was read since reset.
func (rs readers) size() (n int) {
	for i := range rs {
		n += rs[i].size
	}
	return n
}

// read sets the JSON of versions whose readings have these numbers, good until
// reset. It stops at the first that cannot be read, and returns how many could.
func (rs readers) read(a *Archive, tx *snapshot, numbers []uint64, to []store.Version) (n int, err error) {
	each := (len(numbers) + len(rs) - 1) / len(rs)
	var wait sync.WaitGroup
	for i := range rs {
		from, end := min(i*each, len(numbers)), min((i+1)*each, len(numbers))
		work := func() {
			// What makes it stop comes again when the bucket is asked.
			_ = a.guard(func() error { rs[i].read(a, numbers[from:end], to[from:end]); return nil })
		}
		if end == len(numbers) { // the last is this goroutine's
			work()
			break
		}
		wait.Go(work)
	}
	wait.Wait()
	for n = range to {
		if to[n].JSON == nil { // whatever is wrong with it, the bucket says it
			if to[n].JSON, err = a.reading(tx, numbers[n]); err != nil {
				return n, err
			}
		}
	}
	return len(to), nil
}

// read leaves out what it cannot read.
func (r *reader) read(a *Archive, numbers []uint64, to []store.Version) {
	for i, number := range numbers {
		k := seqKey(number)
		// What was read before stays where it is: to move it with each article that
		// finds too little room took longer than to read them.
		const room, roomy = 64 << 10, 1 << 20
		if cap(r.buf)-len(r.buf) < room {
			r.buf = make([]byte, 0, min(2*max(room, cap(r.buf)), roomy)) // little for who reads little
		}
		at := len(r.buf)
		b, err := a.openReading(k, r.pages.get(k), r.buf)
		if err == nil {
			r.buf, r.size = b, r.size+len(b)-at
			to[i].JSON = b[at:len(b):len(b)]
		}
	}
}

// hostOf is what the key of a record begins with.
func hostOf(k []byte) string { return string(k[:max(len(k)-9, 0)]) }

// parseLater returns the keys that the cursors of Query.Later name, by host.
func parseLater(cursors map[string]string) (map[string][]byte, error) {
	var later map[string][]byte
	for host, cursor := range cursors {
		k, err := parseCursor(cursor)
		if err == nil && string(k[:len(k)-9]) != host {
			err = fmt.Errorf("cursor %q is none of host %s", cursor, host)
		}
		if err != nil {
			return nil, err
		}
		if later == nil {
			later = make(map[string][]byte, len(cursors))
		}
		later[host] = k
	}
	return later, nil
}

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
	err = a.view(func(tx *snapshot) error {
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
