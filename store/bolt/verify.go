package bolt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"luutin/extract"
	"luutin/store"
)

// Verify implements store.Archive. All of it sees one state of the archive.
// Commits may go on meanwhile; their pages cannot be used again before it ends.
func (a *Archive) Verify(ctx context.Context) iter.Seq[store.Problem] {
	return a.verify(ctx, true)
}

// verify reads the files in blobs only where that is asked for; that they are
// there and how long they are it sees in any case.
func (a *Archive) verify(ctx context.Context, blobs bool) iter.Seq[store.Problem] {
	return func(yield func(store.Problem) bool) {
		c := &check{a: a, ctx: ctx, hosts: map[string]*tally{}, days: map[string]*store.Day{}, references: map[uint64]error{}}
		defer func() {
			if c.tx != nil {
				// It only read; there is nothing to lose.
				_ = a.guard(c.tx.Rollback)
			}
		}()
		steps := []func(*check) iter.Seq[func()]{
			(*check).pages, (*check).meta, (*check).journaledChanges, (*check).targets, (*check).visits, (*check).captures, (*check).log, (*check).versions, (*check).readings, (*check).rereadings,
			(*check).indexes, (*check).hostRecords, (*check).dayRecords, (*check).watchRecords,
		}
		if blobs {
			steps = append(steps, (*check).blobs)
		}
		for _, step := range steps {
			// Problems are handed out between the parts of a step: what the
			// caller does with them is not to run under guard.
			for part := range step(c) {
				if err := a.guard(func() error { part(); return nil }); err != nil {
					c.report(dbName, "%v", err)
				}
				if c.tx != nil {
					c.tx.trim()
				}
				for _, p := range c.found {
					if !yield(p) {
						return
					}
				}
				c.found = c.found[:0]
				if err := ctx.Err(); err != nil {
					yield(store.Problem{Where: a.dir, What: fmt.Sprintf("not all of it was verified: %v", err)})
					return
				}
				if c.over {
					return
				}
			}
		}
	}
}

// A check is a run of Verify.
type check struct {
	a          *Archive
	ctx        context.Context
	tx         *snapshot
	found      []store.Problem
	references map[uint64]error // captures that others depend on, and what is wrong with them
	over       bool             // there is no use in reading on
	hosts      map[string]*tally
	days       map[string]*store.Day // what visits and versions add up to

	// What was counted: targets that are due, captures that hold a body, first versions.
	dues, bodies, firsts       uint64
	visitN, captureN, readingN uint64 // last numbers
	captured                   uint64 // visits that brought a capture
	replaced                   uint64 // readings that others have replaced

	bundle member // the last bundle: its first capture, and how many are in it
}

// A tally is what the records of a host add up to.
type tally struct{ hostRecord }

func (c *check) report(where, format string, args ...any) {
	p := store.Problem{Where: where, What: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok && errors.Is(err, fs.ErrPermission) {
			p.Denied = true
		}
	}
	c.found = append(c.found, p)
}

func (c *check) host(name string) *tally {
	t := c.hosts[name]
	if t == nil {
		t = &tally{hostRecord: hostRecord{States: map[store.State]int{}}}
		c.hosts[name] = t
	}
	return t
}

// once is a step of one part.
func once(f func()) iter.Seq[func()] {
	return func(yield func(func()) bool) { yield(f) }
}

// pages checks the file below the records.
func (c *check) pages() iter.Seq[func()] {
	return once(func() {
		if err := c.a.readThrough(c.ctx); err != nil {
			if c.ctx.Err() != nil {
				return
			}
			c.report(dbName, "%v", err)
		}
		if c.a.salvage != nil {
			c.tx = c.a.salvaged()
			c.report(dbName, "it cannot be opened as usual (%v); what can be read of it was looked at", c.a.why)
			c.checkPages(c.a.salvage.root, c.a.salvage.pageSize, c.a.salvage.pages())
			c.missing()
			return
		}
		tx, err := c.a.begin()
		if err != nil {
			c.report(dbName, "%v", err)
			c.over = true
			return
		}
		c.tx = tx
		size := uint64(c.a.db.Info().PageSize)
		root := uint64(tx.Tx.Cursor().Bucket().Root())
		p := c.checkPages(root, size, uint64(tx.Size())/size)
		if p.stop() {
			return
		}
		metas, err := readMetas(c.a.file)
		for tries := 0; len(metas) < 2 && tries < 100 && !c.a.readOnly; tries++ {
			metas, err = readMetas(c.a.file) // a commit was writing one
		}
		if len(metas) < 2 {
			if err == nil {
				err = errors.New("the second meta page is damaged")
			}
			c.report(dbName, "%v; the other meta page is used", err)
		}
		for _, m := range metas {
			// Of a state that was lent the list of free pages is not kept.
			if m.txid == uint64(tx.ID()) && !p.damaged && c.a.lent == nil {
				p.free(m.freelist)
			}
		}
		if p.damaged {
			// bbolt would be led astray by them.
			if tx.salvage, err = openSalvage(c.a.file, root); err != nil {
				c.report(dbName, "%v", err)
				c.over = true
				return
			}
			c.missing()
			return
		}
		tx.apart = c.a.apart()
	})
}

// checkPages walks over the pages from the root bucket on.
func (c *check) checkPages(root, size, pages uint64) *pageCheck {
	p := &pageCheck{f: c.a.file, pageSize: size, pages: pages, stop: func() bool { return c.ctx.Err() != nil }}
	p.report = func(page uint64, format string, args ...any) {
		p.damaged = true
		c.report(fmt.Sprintf("%s page %d", dbName, page), format, args...)
	}
	p.used = make(bitmap, p.pages/64+1)
	p.bucket(root, nil, nil)
	return p
}

// missing names the buckets that cannot be read at all.
func (c *check) missing() {
	for _, name := range allBuckets {
		if b := c.bucket(name); b != nil && len(b.leaves.at) == 0 {
			c.report(string(name), "nothing of it can be read")
		}
	}
}

// each walks a bucket in parts.
func (c *check) each(bucket []byte, f func(k, v []byte)) iter.Seq[func()] {
	return func(yield func(func()) bool) {
		var after []byte
		for more := true; more; {
			part := func() {
				more = false // unless the part ends well
				cur := c.tx.Bucket(bucket).Cursor()
				k, v := cur.First()
				if after != nil {
					if k, v = cur.Seek(after); bytes.Equal(k, after) {
						k, v = cur.Next()
					}
				}
				for n := 0; k != nil && n < lookAfter; k, v = cur.Next() {
					after = append(after[:0], k...)
					f(k, v)
					n++
				}
				more = k != nil
			}
			if !yield(part) {
				return
			}
		}
	}
}

// records walks a bucket of numbered records; last says where a host's count
// of them is. Records are never removed, so the numbers have no holes.
func (c *check) records(bucket []byte, last func(*tally) *uint64, f func(where, host string, seq uint64, k, v []byte) error) iter.Seq[func()] {
	return c.each(bucket, func(k, v []byte) {
		at := where(bucket, k)
		host, seq, err := cutRecordKey(k)
		if err != nil {
			c.report(at, "%v", err)
			return
		}
		n := last(c.host(host))
		err = f(at, host, seq, k, v)
		if err != nil {
			c.report(at, "%v", err)
		}
		c.follows(n, seq, err, at, "the records of "+host, func(n uint64) bool { return c.tx.lost(bucket, recordKey(host, n)) })
	})
}

// numbered walks a bucket whose records are counted from 1.
func (c *check) numbered(bucket []byte, last *uint64, f func(at string, seq uint64, k, v []byte) error) iter.Seq[func()] {
	return c.each(bucket, func(k, v []byte) {
		at := where(bucket, k)
		seq, err := readSeq(k)
		if err != nil {
			c.report(at, "%v", err)
			return
		}
		err = f(at, seq, k, v)
		if err != nil {
			c.report(at, "%v", err)
		}
		c.follows(last, seq, err, at, "the records", func(n uint64) bool { return c.tx.lost(bucket, seqKey(n)) })
	})
}

// follows counts a record; err says what is wrong with it. The number of one that
// is damaged may be what is wrong.
// Of those that are missing lost says whether that is known.
func (c *check) follows(last *uint64, seq uint64, err error, at, what string, lost func(n uint64) bool) {
	if err != nil && seq != *last+1 {
		return
	}
	for n := *last + 1; n < seq; n++ {
		if !lost(n) {
			c.report(at, "%s before it are missing from number %016x on", what, n)
			break
		}
	}
	*last = seq
}

func (c *check) bucket(name []byte) *bucket { return c.tx.Bucket(name) }

func (c *check) has(bucket, k []byte) bool { return c.bucket(bucket).Get(k) != nil }

func (c *check) leadsTo(bucket, k, v []byte) bool { return bytes.Equal(c.bucket(bucket).Get(k), v) }

func (c *check) hasID(bucket []byte, id string) bool {
	h, ok := parseID(id)
	return ok && c.has(bucket, h[:])
}

func (c *check) meta() iter.Seq[func()] {
	return c.each(bucketMeta, func(k, v []byte) {
		var record any
		switch string(k) {
		case "archive":
			record = new(archiveRecord)
		case "keys":
			record = new(keysRecord)
		default:
			c.report(where(bucketMeta, k), "it is not known")
			return
		}
		if err := unsealJSON(k, v, record); err != nil {
			c.report(fmt.Sprintf("meta/%s", k), "%v", err)
		}
	})
}

func (c *check) targets() iter.Seq[func()] {
	last := func(t *tally) *uint64 { return &t.Targets }
	return c.records(bucketTargets, last, func(at, host string, seq uint64, k, v []byte) error {
		var r targetRecord
		if err := unsealJSON(k, v, &r); err != nil {
			return err
		}
		c.host(host).States[r.State]++
		if !r.Due.IsZero() {
			c.dues++
			if !c.has(bucketDue, r.dueKey(host, seq)) {
				c.report(at, "it is due, but the index due does not say so")
			}
		}
		if !c.leadsTo(bucketURLs, hashKey(r.known()), k) {
			c.report(at, "the index urls does not lead to it")
		}
		if store.Host(r.URL) != host {
			c.report(at, "it stands with %s, but its URL is %s", host, r.URL)
		}
		if r.Capture != "" && !c.hasID(bucketCaptureIDs, r.Capture) {
			c.report(at, "its capture %s is missing", r.Capture)
		}
		if r.Article != "" && !c.hasID(bucketArticles, r.Article) {
			c.report(at, "its article %s is missing", r.Article)
		}
		switch r.State {
		case store.Due, store.Done, store.RetryAt, store.Gone, store.Blocked:
		default:
			c.report(at, "state %q is not known", r.State)
		}
		return nil
	})
}

func (c *check) visits() iter.Seq[func()] {
	return c.numbered(bucketVisits, &c.visitN, func(at string, seq uint64, k, v []byte) error {
		var r visitRecord
		packed, err := cutPayload(k, v, &r)
		if err != nil {
			return err
		}
		header, err := c.a.unpack(packed)
		if err != nil {
			return err
		}
		if err := checkHeader(header); err != nil {
			return err
		}
		t := c.host(r.Host)
		t.Visits++
		t.seen(r.Time)
		if !c.has(bucketTargets, recordKey(r.Host, r.Target)) {
			if !c.tx.lost(bucketTargets, recordKey(r.Host, r.Target)) {
				c.report(at, "its target %016x is missing", r.Target)
			}
		} else if err := r.count(c.tx, c.days); err != nil {
			c.report(at, "%v", err)
		}
		if c.bucket(bucketVisited) != nil && !c.has(bucketVisited, visitedKey(r.Host, r.Target, seq)) {
			c.report(at, "the index visited does not know it")
		}
		if r.Capture != 0 {
			if k := seqKey(r.Capture); !c.has(bucketCaptures, k) && !c.tx.lost(bucketCaptures, k) {
				c.report(at, "its capture %016x is missing", r.Capture)
			}
			if !r.Revisit {
				if c.captured++; r.Capture != c.captured && !c.tx.repaired() {
					c.report(at, "it brought capture %016x, but %016x is the next", r.Capture, c.captured)
				}
			}
		}
		if id, ok := parseID(r.Article); r.Article != "" && !(ok && (c.has(bucketArticles, id[:]) || c.tx.lost(bucketArticles, id[:]))) {
			c.report(at, "its article %s is missing", r.Article)
		}
		return nil
	})
}

func checkHeader(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var h http.Header
	if err := json.Unmarshal(b, &h); err != nil {
		return fmt.Errorf("its headers cannot be read: %w", err)
	}
	return nil
}

func (c *check) captures() iter.Seq[func()] {
	return c.numbered(bucketCaptures, &c.captureN, func(at string, seq uint64, k, v []byte) error {
		if err := c.bundled(seq, k); err != nil {
			return err
		}
		var r captureRecord
		packed, err := cutPayload(k, v, &r)
		if err != nil {
			return err
		}
		digest, err := r.digest()
		if err != nil {
			return err
		}
		t := c.host(r.Host)
		t.Captures++
		if c.tx.lost(bucketCaptures, k) {
			return nil // its body
		}
		id := captureID(r.Canonical, digest)
		if !c.leadsTo(bucketCaptureIDs, id[:], k) {
			c.report(at, "the index captureids does not lead to it from %s", id)
		}
		holder, held := seq, &r
		if r.SameAs != 0 {
			holder, held = r.SameAs, new(captureRecord)
			k := seqKey(holder)
			if _, err := cutPayload(k, c.bucket(bucketCaptures).Get(k), held); err != nil {
				return fmt.Errorf("its body should be in capture %016x: %w", holder, err)
			}
		} else if r.dropped() == nil {
			c.bodies++
		}
		payload := payloadKey(r.Host, digest)
		switch k := c.bucket(bucketPayloads).Get(payload); {
		case held.dropped() == nil && !bytes.Equal(k, seqKey(holder)):
			c.report(at, "the index payloads does not lead to its body")
		case held.dropped() != nil && k != nil:
			// Others brought it again.
			var other captureRecord
			if _, err := cutPayload(k, c.bucket(bucketCaptures).Get(k), &other); err != nil || other.SameAs != 0 || other.dropped() != nil ||
				other.Host != r.Host || other.Digest != r.Digest {
				c.report(at, "its body was dropped, and the index payloads leads to what does not hold it")
			}
		}
		if r.Reference != 0 {
			if err := c.reference(r.Host, r.Reference); err != nil || r.Reference >= seq {
				return fmt.Errorf("it cannot be read without capture %016x: %w", r.Reference, cmp.Or(err, errors.New("that is no earlier one")))
			}
		}
		whole, err := c.a.unpackCapture(c.tx, packed, &r)
		if err != nil {
			return err
		}
		header, body, err := r.cut(whole)
		if err != nil {
			return err
		}
		if err := checkHeader(header); err != nil {
			return err
		}
		switch {
		case r.SameAs != 0:
			other := held
			if other.SameAs != 0 || other.Host != r.Host || other.Digest != r.Digest || other.Length != r.Length || len(body) != 0 {
				return fmt.Errorf("its body should be in capture %016x, which holds another", r.SameAs)
			}
			return nil
		case r.dropped() != nil:
			t.Dropped++
			t.DroppedBytes += r.Length
			if r.Blob || r.Reference != 0 || len(body) != 0 {
				return errors.New("its body was dropped, and is there")
			}
			return nil
		case r.Blob:
			t.Bytes += r.Length
			t.Kept += r.Length
			// The digests of all files are checked with the directory.
			name := c.a.blobPath(digest)
			if info, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("its body %s is missing", filepath.Base(name))
			} else if err != nil {
				return err
			} else if info.Size() != r.Length || len(body) != 0 {
				return fmt.Errorf("its body %s has %d bytes instead of %d", filepath.Base(name), info.Size(), r.Length)
			}
			return nil
		}
		t.Bytes += r.Length
		t.Kept += int64(len(packed))
		if int64(len(body)) != r.Length || sha256.Sum256(body) != digest {
			return errors.New("digest or length of the body does not fit")
		}
		return nil
	})
}

// reference says what is wrong with a capture that others depend on. It stands
// whole, so there is no chain to follow.
func (c *check) reference(host string, seq uint64) error {
	if err, known := c.references[seq]; known {
		return err
	}
	var r captureRecord
	k := seqKey(seq)
	packed, err := cutPayload(k, c.bucket(bucketCaptures).Get(k), &r)
	if err == nil {
		if r.Host != host || r.SameAs != 0 || r.Blob || r.Reference != 0 || r.dropped() != nil {
			err = errors.New("it is of another host, or does not stand whole")
		} else {
			_, err = c.a.unpack(packed)
		}
	}
	c.references[seq] = err
	return err
}

func (c *check) versions() iter.Seq[func()] {
	last := func(t *tally) *uint64 { return &t.Versions }
	return c.records(bucketVersions, last, func(at, host string, seq uint64, k, v []byte) error {
		r, err := readVersion(k, v)
		if err != nil {
			return err
		}
		latest := !c.has(bucketOld, k)
		if latest {
			if err := r.count(k, c.days); err != nil {
				return err
			}
		}
		if latest && !c.leadsTo(bucketArticles, r.id[:], k) {
			c.report(at, "it is the latest version of %s, but the index articles does not lead to it", r.id)
		}
		if !latest && !c.has(bucketArticles, r.id[:]) {
			c.report(at, "the index articles does not know %s", r.id)
		}
		if r.previous == 0 {
			c.firsts++
			c.host(host).Articles++
		}
		if (r.number == 1) != (r.previous == 0) && !(r.previous == 0 && c.tx.repaired()) {
			c.report(at, "it is version %d, but the one before is %016x", r.number, r.previous)
		} else if r.previous != 0 {
			k := recordKey(host, r.previous)
			before, err := readVersion(k, c.bucket(bucketVersions).Get(k))
			switch {
			case err != nil:
				c.report(at, "the version before it, %016x: %v", r.previous, err)
			case before.id != r.id || before.number+1 != r.number && !(before.number < r.number && c.tx.repaired()) || r.previous >= seq:
				c.report(at, "it is version %d of %s, but %016x is not the one before", r.number, r.id, r.previous)
			case !c.leadsTo(bucketOld, k, seqKey(seq)):
				c.report(at, "superseded does not say that it follows %016x", r.previous)
			}
		}
		if r.capture != (hash16{}) && !c.has(bucketCaptureIDs, r.capture[:]) && !c.tx.lost(bucketCaptureIDs, r.capture[:]) {
			c.report(at, "its capture %s is missing", r.capture)
		}

		raw, err := c.a.reading(c.tx, r.reading)
		if err != nil {
			return err
		}
		var art extract.Article
		if err := json.Unmarshal(raw, &art); err != nil {
			return fmt.Errorf("its article cannot be read: %w", err)
		}
		hash := hashPrefix + hex.EncodeToString(r.hash[:])
		switch {
		case art.ID != r.id.String() || art.ID != extract.ArticleID(art.CanonicalURL):
			c.report(at, "id %s is not that of %s", art.ID, art.CanonicalURL)
		case art.Version != int(r.number):
			c.report(at, "its article says version %d, not %d", art.Version, r.number)
		case art.ContentHash != hash || art.Hash() != hash:
			c.report(at, "content hash does not fit what the article says")
		case art.Published != nil && !art.Published.Equal(r.published) || art.Published == nil && !r.published.IsZero():
			c.report(at, "its article was published at another time")
		case art.Withdrawn == nil != r.withdrawn.IsZero() || art.Withdrawn != nil && !art.Withdrawn.Equal(r.withdrawn):
			c.report(at, "its article was withdrawn at another time, or only one of the two says that it was")
		case !art.Fetched.Equal(r.fetched) || art.Site != r.site || string(art.Capture) != r.capture.String():
			c.report(at, "its article has another site, capture or time of fetching")
		case !slices.IsSorted(art.Aliases) || len(slices.Compact(slices.Clone(art.Aliases))) != len(art.Aliases):
			c.report(at, "its aliases are out of order")
		}
		if !latest {
			return nil
		}
		for _, u := range art.Aliases {
			if !c.has(bucketAliases, hashKey(u)) {
				c.report(at, "the index aliases does not know %s", u)
			}
		}
		if canBeCopied(&art) && !c.has(bucketTexts, textKey(host, r.hash, r.id)) {
			c.report(at, "the index texts does not know its content")
		}
		return nil
	})
}

// readings checks those that a version led to again, and the others with them.
func (c *check) readings() iter.Seq[func()] {
	return c.numbered(bucketReadings, &c.readingN, func(at string, seq uint64, k, v []byte) error {
		_, err := c.a.openReading(k, v, nil)
		return err
	})
}

// rereadings checks what versions were read as before.
func (c *check) rereadings() iter.Seq[func()] {
	if c.bucket(bucketReread) == nil {
		return func(func(func()) bool) {} // an earlier format
	}
	return c.each(bucketReread, func(k, v []byte) {
		at := where(bucketReread, k)
		c.replaced++
		var r rereadRecord
		if err := unsealJSON(k, v, &r); err != nil {
			c.report(at, "%v", err)
			return
		}
		of := k[:max(len(k)-8, 0)]
		seq, err := readSeq(k[len(of):])
		var version version
		if err == nil {
			version, err = readVersion(of, c.bucket(bucketVersions).Get(of))
		}
		if err != nil {
			c.report(at, "the version that was read so: %v", err)
			return
		}
		raw, err := c.a.reading(c.tx, seq)
		if err != nil {
			c.report(at, "%v", err)
			return
		}
		var art extract.Article
		if err := json.Unmarshal(raw, &art); err != nil {
			c.report(at, "its article cannot be read: %v", err)
		} else if art.ID != version.id.String() || art.Version != int(version.number) || seq >= version.reading {
			c.report(at, "reading %016x is no earlier one of version %d of %s", seq, version.number, version.id)
		}
	})
}

// indexes checks what leads to records. That every record has its entries is
// known by now: an index of as many entries holds no others.
func (c *check) indexes() iter.Seq[func()] {
	var targets, versions uint64
	for _, t := range c.hosts {
		targets += t.Targets
		versions += t.Versions
	}
	// leads says whether an entry is that of a record. It is asked when there
	// are too many.
	leads := func(bucket []byte, n uint64, right func(k, v []byte) bool) iter.Seq[func()] {
		var count uint64
		count1 := c.each(bucket, func(k, v []byte) { count++ })
		return func(yield func(func()) bool) {
			for part := range count1 {
				if !yield(part) {
					return
				}
			}
			if count == n {
				return
			}
			// Where records were lost their number is not known.
			yield(func() {
				if c.tx.repaired() {
					return
				}
				c.report(string(bucket), "it has %d entries instead of %d", count, n)
			})
			for part := range c.each(bucket, func(k, v []byte) {
				if !right(k, v) {
					c.report(where(bucket, k), "it leads to no record of its own")
				}
			}) {
				if !yield(part) {
					return
				}
			}
		}
	}
	visited := func(func(func()) bool) {} // formats 1 and 2
	if c.bucket(bucketVisited) != nil {
		visited = leads(bucketVisited, c.visitN, func(k, v []byte) bool {
			n := len(k) - 8
			if n < 0 || len(v) != 0 {
				return false
			}
			var r visitRecord
			_, err := cutPayload(k[n:], c.bucket(bucketVisits).Get(k[n:]), &r)
			return err == nil && bytes.Equal(recordKey(r.Host, r.Target), k[:n])
		})
	}
	steps := []iter.Seq[func()]{
		visited,
		leads(bucketURLs, targets, func(k, v []byte) bool {
			var r targetRecord
			return readTarget(c.bucket(bucketTargets), v, &r) == nil && bytes.Equal(hashKey(r.known()), k)
		}),
		leads(bucketDue, c.dues, func(k, v []byte) bool {
			e, err := cutDueKey(k)
			var r targetRecord
			return err == nil && readTarget(c.bucket(bucketTargets), recordKey(e.host, e.seq), &r) == nil &&
				!r.Due.IsZero() && bytes.Equal(r.dueKey(e.host, e.seq), k)
		}),
		leads(bucketCaptureIDs, c.captureN, func(k, v []byte) bool {
			var r captureRecord
			_, err := cutPayload(v, c.bucket(bucketCaptures).Get(v), &r)
			digest, _ := r.digest()
			id := captureID(r.Canonical, digest)
			return err == nil && bytes.Equal(id[:], k)
		}),
		leads(bucketPayloads, c.bodies, func(k, v []byte) bool {
			var r captureRecord
			_, err := cutPayload(v, c.bucket(bucketCaptures).Get(v), &r)
			digest, _ := r.digest()
			return err == nil && bytes.Equal(payloadKey(r.Host, digest), k)
		}),
		leads(bucketOld, versions-c.firsts, func(k, v []byte) bool { return c.has(bucketVersions, k) }),
		leads(bucketArticles, c.firsts, func(k, v []byte) bool {
			r, err := readVersion(v, c.bucket(bucketVersions).Get(v))
			return err == nil && bytes.Equal(r.id[:], k)
		}),
		once(func() {
			if c.tx.repaired() {
				return
			}
			if c.readingN != versions+c.replaced {
				c.report(string(bucketReadings), "there are %d for %d versions, %d of which were read again", c.readingN, versions, c.replaced)
			}
			if c.captured != c.captureN {
				c.report(string(bucketCaptures), "there are %d, but visits brought %d", c.captureN, c.captured)
			}
		}),
		c.each(bucketDue, func(k, v []byte) {
			if len(v) != 0 {
				c.report(where(bucketDue, k), "it has a value")
			}
		}),
		c.each(bucketAliases, func(k, v []byte) {
			if len(k) != 16 || !c.has(bucketArticles, v) {
				c.report(where(bucketAliases, k), "its article %x is missing", v)
			}
		}),
		c.each(bucketTexts, func(k, v []byte) {
			if len(v) != 0 || !c.hadText(k) {
				c.report(where(bucketTexts, k), "no article ever had that content")
			}
		}),
	}
	return func(yield func(func()) bool) {
		for _, s := range steps {
			for part := range s {
				if !yield(part) {
					return
				}
			}
		}
	}
}

// hadText says whether an entry of the index texts is true of some version.
func (c *check) hadText(k []byte) bool {
	if len(k) < 16 {
		return false
	}
	for at := c.bucket(bucketArticles).Get(k[len(k)-16:]); at != nil; {
		r, err := readVersion(at, c.bucket(bucketVersions).Get(at))
		host, seq, e := cutRecordKey(at)
		if err != nil || e != nil || r.previous >= seq {
			return false
		}
		if bytes.Equal(textKey(host, r.hash, r.id), k) {
			return true
		}
		if r.previous == 0 {
			return false
		}
		at = recordKey(host, r.previous)
	}
	return false
}

// hostRecords compares what the records add up to with what each host says.
func (c *check) hostRecords() iter.Seq[func()] {
	walk := c.each(bucketHosts, func(k, v []byte) {
		name := strings.TrimSuffix(string(k), "\x00")
		at := "hosts/" + name
		var h hostRecord
		if err := unsealJSON(k, v, &h); err != nil {
			c.report(at, "%v", err)
			return
		}
		got, _ := json.Marshal(h)
		want := c.host(name).hostRecord
		want.Rest, want.References = h.Rest, h.References
		for c.tx.lost(bucketTargets, recordKey(name, want.Targets+1)) {
			want.Targets++
		}
		for c.tx.lost(bucketVersions, recordKey(name, want.Versions+1)) {
			want.Versions++
		}
		for _, seq := range h.References {
			if err := c.reference(name, seq); err != nil {
				c.report(at, "capture %016x, which it names as a reference: %v", seq, err)
			}
		}
		if b, _ := json.Marshal(want); !bytes.Equal(got, b) {
			c.report(at, "it says %s, but its records add up to %s", got, b)
		}
		delete(c.hosts, name)
	})
	return func(yield func(func()) bool) {
		for part := range walk {
			if !yield(part) {
				return
			}
		}
		yield(func() {
			for name := range c.hosts {
				c.report("hosts/"+name, "it is missing, but it has records")
			}
		})
	}
}

// blobs reads the bodies that are files. One that no capture knows is what a
// killed process left; it is no fault as long as it is whole.
func (c *check) blobs() iter.Seq[func()] {
	return func(yield func(func()) bool) {
		err := c.a.walkBlobs(func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(d.Name(), tempMark) {
				return err
			}
			if !yield(func() {
				at, err := filepath.Rel(c.a.dir, name)
				if err != nil {
					at = name
				}
				digest, err := hex.DecodeString(d.Name())
				if err != nil || len(digest) != 32 || c.a.blobPath([32]byte(digest)) != name {
					c.report(at, "it does not belong to the archive")
				} else if err := checkBlob(name, [32]byte(digest), -1); err != nil {
					c.report(at, "%v", err)
				}
			}) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(func() { c.report(blobsDir, "%v", err) })
		}
	}
}
