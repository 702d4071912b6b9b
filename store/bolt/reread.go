package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"luutin/extract"
	"luutin/store"
)

// A rereadRecord says when a reading was replaced by a better one of the same
// capture.
type rereadRecord struct {
	Replaced time.Time `json:"replaced"`
}

// rereadKey is the key of a version and the number of a reading that it had.
func rereadKey(version []byte, reading uint64) []byte {
	return append(slices.Clone(version), seqKey(reading)...)
}

// Reread implements store.Archive.
func (a *Archive) Reread(ctx context.Context, at time.Time, readings ...store.Rereading) (kept int, err error) {
	if a.readOnly {
		return 0, store.ErrReadOnly
	}
	keys := make([][]byte, len(readings))
	for i, r := range readings {
		if keys[i], _, err = parseCursor(r.Cursor); err == nil && r.Article.ContentHash != r.Article.Hash() {
			err = errors.New("its content hash does not fit what it says")
		}
		if err != nil {
			return 0, fmt.Errorf("keep another reading of %s: %w", r.Cursor, err)
		}
	}
	if len(readings) == 0 {
		return 0, ctx.Err()
	}
	err = a.do(&request{ctx: ctx, run: func(w *work) error {
		kept = 0
		for i, r := range readings {
			new, err := w.reread(keys[i], r.Article, keptTime(at))
			if err != nil {
				return fmt.Errorf("keep another reading of %s: %w", r.Cursor, err)
			}
			if new {
				kept++
			}
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	return kept, nil
}

// reread makes article what a version was read as, unless it says the same.
func (w *work) reread(k []byte, article *extract.Article, at time.Time) (new bool, err error) {
	raw := w.versions.Get(k)
	if raw == nil {
		return false, store.ErrNotFound
	}
	k = slices.Clone(k)
	v, err := readVersion(k, raw)
	if err != nil {
		return false, fmt.Errorf("%s: %w", where(bucketVersions, k), err)
	}
	before, err := w.a.reading(w.tx, v.reading)
	if err != nil {
		return false, err
	}
	var old extract.Article
	if err := json.Unmarshal(before, &old); err != nil {
		return false, fmt.Errorf("%s: %w", where(bucketVersions, k), err)
	}
	a := article.ReadOf(&old)
	same := *a
	same.Extractor, same.Provenance = old.Extractor, old.Provenance
	next, err := same.JSON()
	if err != nil || bytes.Equal(next, before) {
		return false, err
	}
	if next, err = a.JSON(); err != nil {
		return false, err
	}
	name, _, err := cutRecordKey(k)
	if err != nil {
		return false, err
	}

	replaced, was := v.reading, v
	if v.hash, err = parseContentHash(a.ContentHash); err != nil {
		return false, err
	}
	v.site, v.published = a.Site, time.Time{}
	if a.Published != nil {
		v.published = *a.Published
	}
	if v.reading, err = w.next(bucketReadings); err != nil {
		return false, fmt.Errorf("readings: %w", err)
	}
	rk := rereadKey(k, replaced)
	record, err := sealJSON(rk, rereadRecord{Replaced: at})
	if err != nil {
		return false, err
	}
	if err := errors.Join(
		w.reading(v.reading, w.a.packReading(next)),
		w.put(w.tx.Bucket(bucketReread), rk, record),
		w.put(w.versions, k, v.record(k)),
	); err != nil {
		return false, err
	}
	if w.old.Get(k) == nil {
		if err := errors.Join(w.published(name, was.site, was.published, -1), w.published(name, v.site, v.published, 1)); err != nil {
			return false, err
		}
	}
	return true, w.retext(name, v.id, was.hash, v.hash, canBeCopied(a))
}

// retext brings the index texts up to date when a version of an article has
// another content than before.
func (w *work) retext(name string, id hash16, before, now [32]byte, copied bool) error {
	if copied {
		if err := w.put(w.texts, textKey(name, now, id), nil); err != nil {
			return err
		}
	}
	// Another version may have what this one had.
	for k := w.articles.Get(id[:]); k != nil; {
		v, err := readVersion(k, w.versions.Get(k))
		if err != nil {
			return fmt.Errorf("%s: %w", where(bucketVersions, k), err)
		}
		if v.hash == before {
			return nil
		}
		if v.previous == 0 {
			break
		}
		k = recordKey(name, v.previous)
	}
	return w.delete(w.texts, textKey(name, before, id))
}

// earlier returns what a version was read as before, oldest first.
func (a *Archive) earlier(tx *snapshot, k []byte) (all []store.Reading, err error) {
	b := tx.Bucket(bucketReread)
	if b == nil {
		return nil, nil // an archive of an earlier format that is only read
	}
	c := b.Cursor()
	for rk, v := c.Seek(k); bytes.HasPrefix(rk, k) && len(rk) == len(k)+8; rk, v = c.Next() {
		var r rereadRecord
		if err := unsealJSON(rk, v, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", where(bucketReread, rk), err)
		}
		seq, err := readSeq(rk[len(k):])
		if err != nil {
			return nil, err
		}
		article, err := a.reading(tx, seq)
		if err != nil {
			return nil, err
		}
		all = append(all, store.Reading{JSON: article, Replaced: r.Replaced})
	}
	return all, nil
}

// Adopt implements store.Archive.
func (a *Archive) Adopt(ctx context.Context, known string, readings ...store.Adoption) (outcomes []store.Outcome, err error) {
	if a.readOnly {
		return nil, store.ErrReadOnly
	}
	fail := func(err error) ([]store.Outcome, error) {
		return nil, fmt.Errorf("keep what captures of %s are read as: %w", known, err)
	}
	if err := ctx.Err(); err != nil || len(readings) == 0 {
		return nil, err
	}
	visits := make([]*visit, len(readings))
	var key []byte
	err = a.view(func(tx *snapshot) error {
		var t targetRecord
		if key = bytes.Clone(tx.Bucket(bucketURLs).Get(hashKey(known))); key == nil {
			return store.ErrNotFound
		}
		if err := readTarget(tx.Bucket(bucketTargets), key, &t); err != nil {
			return err
		}
		host, _, err := cutRecordKey(key)
		if err != nil {
			return err
		}
		for i, r := range readings {
			p := &visit{Visit: store.Visit{Article: r.Article, Aliases: r.Aliases}, past: true, name: known, lease: &store.Lease{Target: t.target(), Host: host}}
			id, _ := parseID(r.Capture)
			k := tx.Bucket(bucketCaptureIDs).Get(id[:])
			if k == nil {
				return fmt.Errorf("capture %s: %w", r.Capture, store.ErrNotFound)
			}
			var c captureRecord
			if _, err := cutPayload(k, tx.Bucket(bucketCaptures).Get(k), &c); err != nil {
				return fmt.Errorf("%s: %w", where(bucketCaptures, k), err)
			}
			if p.digest, err = c.digest(); err == nil && captureID(known, p.digest) != id {
				err = fmt.Errorf("capture %s is of another target", r.Capture)
			}
			if err == nil {
				p.text, err = newText(p)
			}
			if err != nil {
				return err
			}
			visits[i] = p
		}
		return nil
	})
	if err != nil {
		return fail(err)
	}
	host, frozen := visits[0].lease.Host, false
	err = a.do(&request{
		ctx: ctx,
		begin: func() (done bool, err error) {
			turn, err := a.takeTurn(host)
			frozen = !turn
			return false, err
		},
		run: func(w *work) (err error) {
			outcomes, err = w.adopt(key, visits, readings, frozen)
			return err
		},
		end: func(*work, error) {
			if !frozen {
				a.hosts[host].lease = nil
			}
		},
	})
	if err != nil {
		return fail(err)
	}
	return outcomes, nil
}

// adopt makes versions of what captures are read as. A target that is frozen stays as
// it is: somebody is visiting it.
func (w *work) adopt(key []byte, visits []*visit, readings []store.Adoption, frozen bool) (outcomes []store.Outcome, err error) {
	var t targetRecord
	if err := readTarget(w.targets, key, &t); err != nil {
		return nil, err
	}
	host, seq, err := cutRecordKey(key)
	if err != nil {
		return nil, err
	}
	h, err := w.host(host)
	if err != nil {
		return nil, err
	}
	was, made := t, hash16{}
	for i, p := range visits {
		var o store.Outcome
		if err := w.article(p, h, &visitRecord{}, &o); err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
		id, _ := parseID(o.ID)
		if o.Article == store.Added || o.Article == store.Changed || o.Article == store.Returned {
			made = id
		}
		if t.Article == "" {
			t.Article = o.ID
		}
		if t.Capture == readings[i].Capture && t.State == store.Done {
			t.Article, t.Reason = o.ID, "" // it said why it was not read
		}
	}
	if made != (hash16{}) && !t.Gone.IsZero() {
		if _, err := w.stand(made, t.known(), t.Gone, t.Gone); err != nil {
			return nil, err
		}
	}
	if frozen || t == was {
		return outcomes, nil
	}
	return outcomes, w.saveTarget(host, seq, &t, &was)
}
