package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"luutin/store"
)

// toFormat3 brings an archive of an earlier format to that one, all of it or
// nothing. To one of format 1 it adds the days, counted anew from the visits and
// versions; to both the index of each target's visits.
func toFormat3(tx *bbolt.Tx, r archiveRecord) error {
	for _, name := range allBuckets {
		if since[string(name)] > 3 {
			continue
		}
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	days := map[string]*store.Day{}
	known := r.Format > 1
	if err := tx.Bucket(bucketVisits).ForEach(func(k, v []byte) error {
		var visit visitRecord
		if _, err := cutPayload(k, v, &visit); err != nil {
			return fmt.Errorf("%s: %w", where(bucketVisits, k), err)
		}
		seq, err := readSeq(k)
		if err == nil {
			err = tx.Bucket(bucketVisited).Put(visitedKey(visit.Host, visit.Target, seq), nil)
		}
		if err != nil || known {
			return err
		}
		return visit.count(&snapshot{Tx: tx}, days)
	}); err != nil {
		return err
	}
	if err := tx.Bucket(bucketVersions).ForEach(func(k, v []byte) error {
		if known {
			return nil
		}
		version, err := readVersion(k, v)
		if err == nil && tx.Bucket(bucketOld).Get(k) == nil {
			err = version.count(k, days)
		}
		return err
	}); err != nil {
		return err
	}
	for k, d := range days {
		v, err := sealJSON([]byte(k), d)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketDays).Put([]byte(k), v); err != nil {
			return err
		}
	}
	r.Format = 3
	k := []byte("archive")
	v, err := sealJSON(k, r)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(k, v)
}

// toFormat brings an archive of format 3 or later to the last, and completes its
// log.
func (a *Archive) toFormat() error {
	for i, step := range []func(*work) error{(*work).toFormat4, (*work).toFormat5, (*work).toFormat6, (*work).toFormat7} {
		if a.format > 3+i {
			continue
		}
		if err := a.do(&request{ctx: context.Background(), run: step}); err != nil {
			return err
		}
		a.format = 4 + i
	}
	return a.completeLog()
}

// toFormat4 brings an archive of format 3 to the next, all of it or nothing:
// articles of which it knows that they are gone get the version that says so.
func (w *work) toFormat4() error {
	if _, err := w.tx.CreateBucketIfNotExists(bucketReread); err != nil {
		return err
	}
	type tomb struct {
		article hash16
		target  targetRecord
	}
	var tombs []tomb
	if err := w.targets.ForEach(func(k, v []byte) error {
		var t tomb
		if err := unsealJSON(k, v, &t.target); err != nil {
			return fmt.Errorf("%s: %w", where(bucketTargets, k), err)
		}
		var ok bool
		if t.article, ok = parseID(t.target.Article); ok && !t.target.Gone.IsZero() {
			tombs = append(tombs, t)
		}
		return nil
	}); err != nil {
		return err
	}
	for i := range tombs {
		t := &tombs[i]
		if _, err := w.stand(t.article, t.target.known(), t.target.Gone, t.target.Gone); err != nil {
			return err
		}
	}
	return w.hasFormat(4)
}

// toFormat5 makes room for the log, which grows in transactions of its own.
func (w *work) toFormat5() error {
	for _, name := range [][]byte{bucketLog, bucketSigned} {
		if _, err := w.tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return w.hasFormat(5)
}

// toFormat6 changes nothing of what is there: programs of before know neither
// bodies that were dropped nor readings that are compressed.
func (w *work) toFormat6() error { return w.hasFormat(6) }

// toFormat7 changes nothing either: programs of before know no bundles.
func (w *work) toFormat7() error { return w.hasFormat(7) }

func (w *work) hasFormat(n int) error {
	k := []byte("archive")
	b := w.tx.Bucket(bucketMeta)
	var r archiveRecord
	if err := unsealJSON(k, b.Get(k), &r); err != nil {
		return fmt.Errorf("meta/archive: %w", err)
	}
	r.Format = n
	v, err := sealJSON(k, r)
	if err != nil {
		return err
	}
	return w.put(b, k, v)
}
