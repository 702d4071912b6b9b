package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"luutin/store"
)

// Record implements store.Archive.
func (a *Archive) Record(ctx context.Context, t store.Target, v store.Visit) (o store.Outcome, err error) {
	if a.readOnly {
		return o, store.ErrReadOnly
	}
	fail := func(err error) (store.Outcome, error) {
		return store.Outcome{}, fmt.Errorf("record visit of %s: %w", t.URL, err)
	}
	if err := checkTarget(&t); err != nil {
		return fail(err)
	}
	a.queue.coming.Add(1)
	defer a.queue.coming.Add(-1)
	p := &visit{Visit: v, past: true, name: t.Known(), lease: &store.Lease{Target: t, Host: store.Host(t.URL)}}
	// A target stands with the host of the URL by which it came first.
	err = a.view(func(tx *snapshot) error {
		if k := tx.Bucket(bucketURLs).Get(hashKey(p.name)); k != nil {
			host, _, err := cutRecordKey(k)
			p.lease.Host = host
			return err
		}
		return nil
	})
	if err != nil {
		return fail(err)
	}
	a.files.RLock()
	defer a.files.RUnlock()
	if err := a.prepare(p); err != nil {
		return fail(err)
	}
	err = a.do(&request{
		ctx: ctx,
		begin: func() (done bool, err error) {
			turn, err := a.takeTurn(p.lease.Host)
			p.frozen = !turn
			return false, err
		},
		run: func(w *work) (err error) {
			if p.held, err = w.pastTarget(p, &t); err == nil {
				o, err = w.commit(p)
			}
			return err
		},
		end: func(*work, error) {
			if !p.frozen {
				a.hosts[p.lease.Host].lease = nil
			}
		},
	})
	if err != nil {
		return fail(err)
	}
	return o, nil
}

// takeTurn keeps others from leasing a target of a host while a visit of the
// past is written: what is leased must not change. It reports false when
// somebody has the turn.
func (a *Archive) takeTurn(name string) (bool, error) {
	now := keptTime(a.clock())
	a.mu.Lock()
	defer a.mu.Unlock()
	switch h := a.host(name); {
	case h.lease == nil, !h.lease.committing && !now.Before(h.lease.expires):
		if h.lease != nil {
			a.free(h, h.freed)
		}
		h.lease = &lease{committing: true}
		return true, nil
	case h.lease.committing:
		return false, errWait
	}
	return false, nil
}

// pastTarget returns the target of a visit of the past, which is added when it
// is not known.
func (w *work) pastTarget(p *visit, t *store.Target) (*lease, error) {
	if _, err := w.add([]store.Target{*t}); err != nil {
		return nil, err
	}
	k := w.urls.Get(hashKey(p.name))
	host, seq, err := cutRecordKey(k)
	if err != nil || host != p.lease.Host {
		return nil, fmt.Errorf("urls: entry of %s is damaged", p.name)
	}
	held := &lease{seq: seq}
	return held, readTarget(w.targets, recordKey(host, seq), &held.record)
}

// Visits implements store.Archive.
func (a *Archive) Visits(ctx context.Context, q store.VisitQuery) iter.Seq2[store.VisitRecord, error] {
	return func(yield func(store.VisitRecord, error) bool) {
		var targets [][]byte // whose visits are asked for
		if len(q.URLs) > 0 {
			err := a.view(func(tx *snapshot) error {
				for _, u := range q.URLs {
					if k := tx.Bucket(bucketURLs).Get(hashKey(u)); k != nil {
						targets = append(targets, bytes.Clone(k))
					}
				}
				return nil
			})
			if err != nil {
				yield(store.VisitRecord{}, err)
				return
			}
			slices.SortFunc(targets, bytes.Compare)
			if targets = slices.CompactFunc(targets, bytes.Equal); len(targets) == 0 {
				return
			}
		} else if !q.Backwards {
			if err := a.warmUp(ctx); err != nil {
				yield(store.VisitRecord{}, err)
				return
			}
		}
		walk := visitWalk{a: a, held: map[string]uint64{}}
		const maxRecords, maxBytes = 256, 4 << 20 // as in Articles; the bytes are of what is unpacked
		var after []byte
		for more := true; more; {
			var batch []store.VisitRecord
			walk.unpacked = 0
			err := a.viewApart(func(tx *snapshot) error {
				walk.tx = tx
				next := everyVisit(tx, after)
				switch {
				case targets != nil:
					next = visitsOf(tx, targets, after)
				case q.Backwards:
					next = lastVisits(tx, after)
				}
				k, v := next()
				for read := 0; k != nil && read < maxRecords && walk.unpacked < maxBytes; k, v = next() {
					read++
					after = append(after[:0], k...)
					k = k[len(k)-8:]
					record, chosen, err := walk.record(k, v, &q)
					if err != nil {
						return err
					}
					if chosen {
						batch = append(batch, record)
					}
				}
				more = k != nil
				return ctx.Err()
			})
			a.touch(2 * len(batch))
			for _, record := range batch {
				if ctx.Err() != nil {
					break
				}
				if !yield(record, nil) {
					return
				}
			}
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(store.VisitRecord{}, err)
				return
			}
		}
	}
}

// everyVisit returns the visits behind a key of theirs, one at a call.
func everyVisit(tx *snapshot, after []byte) (next func() (k, v []byte)) {
	return behind(tx.Bucket(bucketVisits).Cursor(), nil, after)
}

// lastVisits returns the visits before a key of theirs, the last first.
func lastVisits(tx *snapshot, before []byte) (next func() (k, v []byte)) {
	c := tx.Bucket(bucketVisits).unchanged()
	begun := false
	return func() (k, v []byte) {
		switch {
		case begun:
			return c.Prev()
		case before == nil:
			k, v = c.Last()
		default:
			c.Seek(before)
			k, v = c.Prev()
		}
		begun = true
		return k, v
	}
}

// behind walks over the keys with a prefix that come after one.
func behind(c *cursor, prefix, after []byte) (next func() (k, v []byte)) {
	begun := false
	return func() (k, v []byte) {
		switch {
		case begun:
			k, v = c.Next()
		case after != nil:
			if k, v = c.Seek(after); bytes.Equal(k, after) {
				k, v = c.Next()
			}
		default:
			k, v = c.Seek(prefix)
		}
		begun = true
		if !bytes.HasPrefix(k, prefix) {
			return nil, nil
		}
		return k, v
	}
}

// visitsOf returns the visits of targets, which are in order, behind a key
// of the index visited, with such keys. An archive of an earlier format has no
// such index: all visits are read.
func visitsOf(tx *snapshot, targets [][]byte, after []byte) (next func() (k, v []byte)) {
	visits, visited := tx.Bucket(bucketVisits), tx.Bucket(bucketVisited)
	if visited == nil {
		every := everyVisit(tx, after)
		return func() (k, v []byte) {
			for k, v = every(); k != nil; k, v = every() {
				var r visitRecord
				if _, err := cutPayload(k, v, &r); err != nil {
					return k, v // the error is met again, and told
				}
				if _, found := slices.BinarySearchFunc(targets, recordKey(r.Host, r.Target), bytes.Compare); found {
					return k, v
				}
			}
			return nil, nil
		}
	}
	for after != nil && !bytes.HasPrefix(after, targets[0]) {
		targets = targets[1:]
	}
	of := behind(visited.Cursor(), targets[0], after)
	return func() (k, v []byte) {
		for {
			if k, _ = of(); k != nil {
				return k, visits.Get(k[len(k)-8:])
			}
			if targets = targets[1:]; len(targets) == 0 {
				return nil, nil
			}
			of = behind(visited.Cursor(), targets[0], nil)
		}
	}
}

// A visitWalk reads visits in their order.
type visitWalk struct {
	a        *Archive
	tx       *snapshot
	held     map[string]uint64 // key of a target that has changed since -> the capture that it had
	unpacked int
}

// record reads a visit and what it refers to, if q chooses it.
func (w *visitWalk) record(k, v []byte, q *store.VisitQuery) (o store.VisitRecord, chosen bool, err error) {
	fail := func(err error) (store.VisitRecord, bool, error) {
		return o, false, fmt.Errorf("%s: %w", where(bucketVisits, k), err)
	}
	var r visitRecord
	packed, err := cutPayload(k, v, &r)
	if err != nil {
		return fail(err)
	}
	key := recordKey(r.Host, r.Target)
	var t targetRecord
	if err := readTarget(w.tx.Bucket(bucketTargets), key, &t); err != nil {
		if !w.tx.lost(bucketTargets, key) {
			return fail(err)
		}
		if t.State = store.Gone; r.Response != nil {
			t.URL, t.Post = r.Response.URL, r.Response.Post
		}
	}
	capture := r.Capture
	changed := t.Changed.After(r.Time)
	switch {
	case q.Backwards:
	case r.Result == store.Fetched && changed:
		w.held[string(key)] = capture
	case r.Result == store.Unchanged && changed:
		capture = w.held[string(key)]
	case r.Result == store.Unchanged && t.Capture != "":
		id, _ := parseID(t.Capture)
		if capture, err = readSeq(w.tx.Bucket(bucketCaptureIDs).Get(id[:])); err != nil {
			return fail(fmt.Errorf("capture %s: %w", t.Capture, err))
		}
	}
	if site := r.Site; len(q.Sites) > 0 {
		if site == "" {
			site = t.Site
		}
		if !slices.Contains(q.Sites, site) {
			return o, false, nil
		}
	}

	seq, err := readSeq(k)
	if err != nil {
		return fail(err)
	}
	o = store.VisitRecord{
		Number: seq,
		Target: t.target(), Host: r.Host, Time: r.Time, Result: r.Result, Reason: r.Reason, Cause: r.Cause,
		Outcome: r.Outcome, Article: r.Article, Version: r.Version,
	}
	var kept captureRecord
	// Of a capture that a repair could not save the record may be there.
	lost := capture != 0 && w.tx.lost(bucketCaptures, seqKey(capture))
	if lost && w.tx.Bucket(bucketCaptures).Get(seqKey(capture)) == nil {
		capture, r.Capture = 0, 0
	}
	if capture != 0 {
		if err := w.capture(capture, &kept, nil); err != nil {
			return fail(err)
		}
		if o.Digest, err = kept.digest(); err != nil {
			return fail(err)
		}
		if o.Length = kept.Length; !lost {
			o.Capture = captureID(kept.Canonical, o.Digest).String()
		}
		if r.Revisit || r.Result == store.Unchanged {
			o.First = kept.capture()
		}
	}
	switch {
	case r.Response != nil:
		o.Answer = r.Response.capture()
	case r.Capture != 0 && !r.Revisit:
		o.Answer = kept.capture()
	}
	if asked := o.Asked(); asked.Before(q.Since) || !q.Until.IsZero() && !asked.Before(q.Until) {
		return o, false, nil
	}
	switch {
	case o.Answer == nil || !q.Headers:
	case r.Response != nil:
		header, err := w.a.unpack(packed)
		if err == nil && len(header) > 0 {
			err = json.Unmarshal(header, &o.Answer.Header)
		}
		if err != nil {
			return fail(err)
		}
	case !lost:
		if err := w.capture(capture, &kept, o.Answer); err != nil {
			return fail(err)
		}
	}
	if capture != 0 && !lost {
		d := kept.dropped()
		if kept.SameAs != 0 {
			var holder captureRecord
			if err := w.capture(kept.SameAs, &holder, nil); err != nil {
				return fail(err)
			}
			d = holder.dropped()
			if r.Result != store.Unchanged {
				o.First = holder.capture()
			}
		}
		// Others may have brought the bytes again.
		if d != nil && w.tx.Bucket(bucketPayloads).Get(payloadKey(kept.Host, o.Digest)) == nil {
			o.Dropped = d
		}
	}
	return o, true, nil
}

// capture reads the record of a capture, and its headers into an answer when
// there is one.
func (w *visitWalk) capture(seq uint64, r *captureRecord, answer *store.Capture) error {
	k := seqKey(seq)
	packed, err := cutPayload(k, w.tx.Bucket(bucketCaptures).Get(k), r)
	if err == nil && answer != nil {
		var whole []byte
		if whole, err = w.a.unpackCapture(w.tx, packed, r); err == nil {
			w.unpacked += len(whole)
			var header []byte
			if header, _, err = r.cut(whole); len(header) > 0 {
				err = json.Unmarshal(header, &answer.Header)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	return nil
}

// capture is the answer without its headers and its body.
func (r *response) capture() *store.Capture {
	c := &store.Capture{
		URL: r.URL, Post: r.Post, FinalURL: r.FinalURL, Hops: r.Hops, Status: r.Status,
		ContentType: r.ContentType, Fetched: r.Fetched, Took: r.Took, Truncated: r.Truncated, TLS: r.TLS,
	}
	if c.FinalURL == "" {
		c.FinalURL = c.URL
	}
	return c
}
