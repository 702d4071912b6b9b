package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"luutin/store"
)

// A body is dropped in one transaction: its capture's record is written without
// it, with what is known of the drop; the index payloads forgets it, so that the
// bytes are kept again when they come again; and captures that were compressed
// against it are written so that they stand alone. A file in blobs/ is removed
// after that. When the process is killed in between it stays, as one that no
// capture names, until the next Retain.

// Retain implements store.Archive.
func (a *Archive) Retain(ctx context.Context, r store.Retention, tell func(store.Dropping)) (store.Retained, error) {
	fail := func(done store.Retained, err error) (store.Retained, error) {
		return done, fmt.Errorf("drop bodies of archive %s: %w", a.dir, err)
	}
	if err := errors.Join(r.Check(), ctx.Err()); err != nil {
		return store.Retained{}, err
	}
	switch {
	case r.Dry:
	case a.readOnly:
		return store.Retained{}, store.ErrReadOnly
	case a.share:
		return fail(store.Retained{}, errors.New("others may be reading files that would be removed; open it without sharing it"))
	}
	if tell == nil {
		tell = func(store.Dropping) {}
	}
	t := &retaining{a: a, ctx: ctx, rule: &r, chosen: choices{}, shared: map[uint64]bool{}}
	if err := t.choose(); err != nil {
		return fail(store.Retained{}, err)
	}
	err := t.drop(tell)
	t.done.Shared = len(t.shared)
	if err != nil {
		return fail(t.done, err)
	}
	return t.done, nil
}

// A retaining is a Retain on its way.
type retaining struct {
	a       *Archive
	ctx     context.Context
	rule    *store.Retention
	last    uint64 // the last capture that was looked at
	chosen  choices
	shared  map[uint64]bool   // captures that are chosen but for others that have their bytes
	removed map[[32]byte]bool // digests of bodies whose files are perhaps not needed any more
	done    store.Retained
}

// choices are captures that hold bodies which are to be dropped, by their numbers.
type choices map[uint64]*choiceOf

type choiceOf struct {
	same  []uint64 // captures that have the same bytes
	needs []uint64 // captures that are compressed against it
}

// choose looks at all captures, and changes nothing.
func (t *retaining) choose() error {
	a := t.a
	if err := a.warmUp(t.ctx); err != nil {
		return err
	}
	t.removed = map[[32]byte]bool{}
	for more := true; more; {
		n := 0
		err := a.view(func(tx *snapshot) error {
			c := tx.Bucket(bucketCaptures).Cursor()
			var k, v []byte
			for k, v = c.Seek(seqKey(t.last + 1)); k != nil && n < 256; k, v = c.Next() {
				n++
				if err := t.look(tx, k, v, t.chosen, t.shared, true); err != nil {
					return fmt.Errorf("%s: %w; nothing was dropped; luutin verify says what is damaged", where(bucketCaptures, k), err)
				}
				var err error
				if t.last, err = readSeq(k); err != nil {
					return err
				}
			}
			more = k != nil
			return t.ctx.Err()
		})
		if err != nil {
			return err
		}
		a.touch(n)
	}
	return nil
}

// look chooses a capture, or notes what it has to do with those that are chosen.
func (t *retaining) look(tx *snapshot, k, v []byte, chosen choices, shared map[uint64]bool, leftovers bool) error {
	var r captureRecord
	if _, err := cutPayload(k, v, &r); err != nil {
		return err
	}
	seq, err := readSeq(k)
	if err != nil {
		return err
	}
	if c := chosen[r.Reference]; c != nil {
		c.needs = append(c.needs, seq)
	}
	if r.SameAs == 0 && r.dropped() != nil {
		digest, err := r.digest()
		if leftovers && err == nil {
			if _, e := os.Stat(t.a.blobPath(digest)); e == nil {
				t.removed[digest] = true
			}
		}
		return err
	}
	if tx.lost(bucketCaptures, k) {
		return nil // its body
	}
	fits, err := t.chooses(tx, &r)
	switch holder := chosen[r.SameAs]; {
	case err != nil:
		return err
	case r.SameAs == 0 && fits:
		chosen[seq] = &choiceOf{}
	case r.SameAs == 0:
	case holder != nil && fits:
		holder.same = append(holder.same, seq)
	case holder != nil:
		delete(chosen, r.SameAs)
		shared[r.SameAs] = true
	case fits:
		var h captureRecord
		k := seqKey(r.SameAs)
		if _, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &h); err != nil {
			return fmt.Errorf("its body should be in capture %016x: %w", r.SameAs, err)
		}
		if h.dropped() == nil {
			shared[r.SameAs] = true
		}
	}
	return nil
}

// chooses says whether the rule chooses a capture.
func (t *retaining) chooses(tx *snapshot, r *captureRecord) (bool, error) {
	if !t.rule.ChoosesCapture(r.Status, r.ContentType, r.Length, r.came()) {
		return false, nil
	}
	k := tx.Bucket(bucketURLs).Get(hashKey(r.Canonical))
	if k == nil {
		return false, nil // its target was lost: nobody knows what it was
	}
	var target targetRecord
	if err := readTarget(tx.Bucket(bucketTargets), k, &target); err != nil {
		return false, err
	}
	known := target.target()
	return t.rule.ChoosesTarget(&known), nil
}

// drop drops what is chosen, many in a transaction.
func (t *retaining) drop(tell func(store.Dropping)) error {
	const many = 64 // bodies, and captures that need them
	all := slices.Sorted(maps.Keys(t.chosen))
	for len(all) > 0 {
		n, size := 0, 0
		var told []store.Dropping
		err := t.a.view(func(tx *snapshot) error {
			for ; n < len(all) && size < many && len(told) < many; n++ {
				c := t.chosen[all[n]]
				size += 1 + len(c.needs)
				for _, seq := range append([]uint64{all[n]}, c.same...) {
					d, err := t.dropping(tx, seq)
					if err != nil {
						return err
					}
					told = append(told, d)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, d := range told {
			tell(d)
		}
		var done store.Retained
		var removed map[[32]byte]bool
		if t.rule.Dry {
			done = store.Retained{Captures: len(told), Bodies: n}
			for _, seq := range all[:n] {
				done.Bytes += told[0].Length
				told = told[1+len(t.chosen[seq].same):]
			}
		} else if err := t.a.do(&request{ctx: t.ctx, run: func(w *work) (err error) {
			done, removed, err = w.drop(t, all[:n])
			return err
		}}); err != nil {
			return err
		}
		t.done.Captures += done.Captures
		t.done.Bodies += done.Bodies
		t.done.Bytes += done.Bytes
		maps.Copy(t.removed, removed)
		if err := t.remove(); err != nil {
			return err
		}
		all = all[n:]
	}
	return t.remove()
}

// dropping is what is told of a capture.
func (t *retaining) dropping(tx *snapshot, seq uint64) (d store.Dropping, err error) {
	var r captureRecord
	k := seqKey(seq)
	if _, err = cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &r); err != nil {
		return d, fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	if d.Digest, err = r.digest(); err != nil {
		return d, fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	var target targetRecord
	if err := readTarget(tx.Bucket(bucketTargets), tx.Bucket(bucketURLs).Get(hashKey(r.Canonical)), &target); err != nil {
		return d, err
	}
	d.Capture, d.URL, d.Site = captureID(r.Canonical, d.Digest).String(), r.URL, target.Site
	d.Type, d.Fetched, d.Length = r.ContentType, r.Fetched, r.Length
	return d, nil
}

// drop drops bodies. Captures that came since they were chosen are looked at
// first: they may have the same bytes, or be compressed against them.
func (w *work) drop(t *retaining, seqs []uint64) (done store.Retained, removed map[[32]byte]bool, err error) {
	chosen := choices{}
	for _, seq := range seqs {
		c := *t.chosen[seq]
		chosen[seq] = &choiceOf{same: slices.Clip(c.same), needs: slices.Clip(c.needs)}
	}
	shared := map[uint64]bool{}
	c := w.captures.Cursor()
	for k, v := c.Seek(seqKey(t.last + 1)); k != nil; k, v = c.Next() {
		if err := t.look(w.tx, k, v, chosen, shared, false); err != nil {
			return done, nil, fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
		}
	}
	removed = map[[32]byte]bool{}
	for _, seq := range seqs {
		c := chosen[seq]
		if c == nil {
			continue
		}
		dropped, digest, file, err := w.dropBody(t, seq, c)
		if err != nil {
			return done, nil, fmt.Errorf("%s: %w", where(bucketCaptures, seqKey(seq)), err)
		}
		if dropped == nil {
			continue
		}
		done.Captures += 1 + len(c.same)
		done.Bodies++
		done.Bytes += dropped.Length
		if file {
			removed[digest] = true
		}
	}
	return done, removed, nil
}

// dropBody drops the body of a capture that holds one; dropped is nil when it is not
// chosen any more.
func (w *work) dropBody(t *retaining, seq uint64, c *choiceOf) (dropped *captureRecord, digest [32]byte, file bool, err error) {
	k := seqKey(seq)
	var r captureRecord
	packed, err := cutPayload(k, w.captures.Get(k), &r)
	if err != nil {
		return nil, digest, false, err
	}
	if fits, err := t.chooses(w.tx, &r); err != nil || !fits || r.dropped() != nil {
		return nil, digest, false, err
	}
	if digest, err = r.digest(); err != nil {
		return nil, digest, false, err
	}
	header, err := w.headers(packed, &r)
	if err != nil {
		return nil, digest, false, err
	}
	h, err := w.host(r.Host)
	if err != nil {
		return nil, digest, false, err
	}
	for _, needs := range c.needs {
		if err := w.standAlone(h, needs); err != nil {
			return nil, digest, false, fmt.Errorf("%s is compressed against it: %w", where(bucketCaptures, seqKey(needs)), err)
		}
	}
	if file = r.Blob; file {
		h.Kept -= r.Length
	} else {
		h.Kept -= int64(len(packed))
	}
	h.Bytes -= r.Length
	h.Dropped++
	h.DroppedBytes += r.Length
	h.References = slices.DeleteFunc(slices.Clone(h.References), func(s uint64) bool { return s == seq })
	if w.a.retired == nil {
		w.a.retired = map[uint64]bool{}
	}
	w.a.retired[seq] = true
	r.Blob, r.Reference = false, 0
	r.Drops = append(r.Drops, dropRecord{Drop: store.Drop{When: w.now, Rule: t.rule.Rule}})
	v, err := withPayload(k, &r, w.a.pack(header))
	if err != nil {
		return nil, digest, false, err
	}
	return &r, digest, file, errors.Join(w.put(w.captures, k, v), w.delete(w.payloads, payloadKey(r.Host, digest)))
}

// headers returns the headers of a capture, in memory of their own.
func (w *work) headers(packed []byte, r *captureRecord) ([]byte, error) {
	whole, err := w.a.unpackCapture(w.tx, packed, r)
	if err != nil {
		return nil, err
	}
	header, _, err := r.cut(whole)
	return bytes.Clone(header), err
}

// standAlone writes a capture so that it needs no other to be unpacked.
func (w *work) standAlone(h *hostRecord, seq uint64) error {
	k := seqKey(seq)
	var r captureRecord
	packed, err := cutPayload(k, w.captures.Get(k), &r)
	if err != nil || r.Reference == 0 {
		return err // it was dropped before
	}
	whole, err := w.a.unpackCapture(w.tx, packed, &r)
	if err != nil {
		return err
	}
	r.Reference = 0
	alone := w.a.pack(whole)
	h.Kept += int64(len(alone) - len(packed))
	v, err := withPayload(k, &r, alone)
	if err != nil {
		return err
	}
	return w.put(w.captures, k, v)
}

// keepAgain keeps the body of a visit for the capture that has it, when it was
// dropped.
func (w *work) keepAgain(p *visit, h *hostRecord, seq uint64) error {
	payload := payloadKey(p.lease.Host, p.digest)
	if p.Capture.Dropped != nil || w.payloads.Get(payload) != nil {
		return nil
	}
	k := seqKey(seq)
	var r captureRecord
	packed, err := cutPayload(k, w.captures.Get(k), &r)
	if err != nil {
		return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	switch n := len(r.Drops); {
	case r.SameAs != 0: // what held it for both has dropped it
	case r.dropped() != nil:
		r.Drops[n-1].Again = p.Time
		h.Dropped--
		h.DroppedBytes -= r.Length
	default:
		return nil // the index is damaged, which is for Verify to tell
	}
	header, err := w.headers(packed, &r)
	if err != nil {
		return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
	}
	if err := p.body(w.a); err != nil {
		return err
	}
	r.SameAs, r.Reference = 0, 0
	if r.Blob = p.spool != nil || p.blob; r.Blob {
		packed = w.a.pack(header)
		h.Kept += r.Length
	} else {
		packed = w.a.pack(slices.Concat(header, p.Capture.Body))
		h.Kept += int64(len(packed))
	}
	h.Bytes += r.Length
	v, err := withPayload(k, &r, packed)
	if err != nil {
		return err
	}
	return errors.Join(w.put(w.captures, k, v), w.put(w.payloads, payload, k))
}

// remove removes files of bodies that were dropped, unless another host has one
// with the same bytes, or they came again.
func (t *retaining) remove() error {
	if len(t.removed) == 0 || t.rule.Dry {
		return nil
	}
	a := t.a
	a.files.Lock()
	defer a.files.Unlock()
	err := a.view(func(tx *snapshot) error {
		var hosts []string
		if err := tx.Bucket(bucketHosts).ForEach(func(k, _ []byte) error {
			hosts = append(hosts, string(bytes.TrimSuffix(k, []byte{0})))
			return nil
		}); err != nil {
			return err
		}
		payloads := tx.Bucket(bucketPayloads)
		for digest := range t.removed {
			for _, host := range hosts {
				if payloads.Get(payloadKey(host, digest)) != nil {
					delete(t.removed, digest)
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for digest := range t.removed {
		if err := os.Remove(a.blobPath(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("its record is gone, its file not; run it again: %w", err)
		}
		delete(t.removed, digest)
	}
	return nil
}
