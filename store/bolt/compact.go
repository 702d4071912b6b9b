package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Compact writes the archive.db of the archive in dir anew, without the pages
// that hold nothing any more, and returns its size before and after in bytes.
// The old file stays until the new one is whole and takes its place. It returns
// a *store.InUse when another process has the archive open, and ErrDamaged when
// its pages are: it is left as it is then. progress, when it is not nil, is told
// how many bytes of keys and values were written.
func Compact(ctx context.Context, dir string, progress func(written int64)) (before, after int64, err error) {
	a, err := OpenSoon(ctx, dir, Options{NoCreate: true})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	info, err := a.file.Stat()
	if err != nil {
		return 0, 0, err
	}
	if after, err = a.compact(ctx, progress); err != nil {
		return info.Size(), 0, fmt.Errorf("compact archive %s: %w", dir, err)
	}
	return info.Size(), after, nil
}

func (a *Archive) compact(ctx context.Context, progress func(int64)) (size int64, err error) {
	if err := a.signLast(); err != nil { // Close would sign in the old file
		return 0, err
	}
	a.flush()
	if j := a.journal.Load(); j.merging != nil || !j.taking.empty() {
		return 0, errors.New("its journal could not be put in place")
	}
	// bbolt trusts its pages, and what it does not find would be lost.
	c := &check{a: a, ctx: ctx}
	for part := range c.pages() {
		err = a.guard(func() error { part(); return nil })
	}
	if c.tx != nil {
		err = errors.Join(err, a.guard(c.tx.Rollback))
	}
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, err
	case len(c.found) > 0:
		return 0, fmt.Errorf("%w: %v", ErrDamaged, c.found[0])
	}

	place, err := filepath.EvalSymlinks(a.path(dbName)) // a link stays one
	if err != nil {
		return 0, err
	}
	name := filepath.Join(filepath.Dir(place), dbName+tempMark+"compact")
	defer os.Remove(name)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	db, err := bbolt.Open(name, 0o644, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoSync: true, NoStatistics: true})
	if err != nil {
		return 0, err
	}
	// Its lock is held until it has its place: who waits for the old file finds
	// that there is a new one.
	defer func() { err = errors.Join(err, db.Close()) }()
	w := &compaction{a: a, ctx: ctx, db: db, progress: progress}
	if err := a.guard(func() error { return a.db.View(w.copyAll) }); err != nil {
		return 0, err
	}
	// The state before the last is what is left when a meta page is damaged: that, too,
	// is to be all of it.
	if err := db.Update(func(*bbolt.Tx) error { return nil }); err != nil {
		return 0, err
	}
	if err := db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }); err != nil {
		return 0, err
	}
	if err := errors.Join(os.Truncate(name, size), db.Sync()); err != nil { // bbolt has asked for more
		return 0, err
	}
	if err := os.Rename(name, place); err != nil {
		return 0, err
	}
	return size, syncDir(filepath.Dir(place))
}

// A compaction copies keys in their order, so that pages are full. Readings that
// an earlier format kept as they stand are compressed, captures that stand each for
// itself are bundled.
type compaction struct {
	a        *Archive
	ctx      context.Context
	db       *bbolt.DB
	progress func(int64)
	written  int64
}

func (c *compaction) copyAll(from *bbolt.Tx) error {
	return from.ForEach(func(name []byte, b *bbolt.Bucket) error {
		var last []byte
		cur := b.Cursor()
		first, next := cur.First, cur.Next
		if hasBundles(name) {
			records := (&snapshot{Tx: from}).Bucket(name).Cursor()
			first, next = records.First, records.Next
		}
		k, v := first()
		for begun := false; !begun || k != nil; begun = true {
			err := c.db.Update(func(tx *bbolt.Tx) error {
				to, err := tx.CreateBucketIfNotExists(name)
				if err != nil {
					return err
				}
				to.FillPercent = .95
				put, captures := to.Put, &coming{}
				if hasBundles(name) {
					put = func(k, v []byte) error { return captures.bundle(k, v, to.Put) }
				}
				const many = 16 << 20 // that a transaction holds in memory
				for size := 0; k != nil && size < many; k, v = next() {
					if v == nil || last != nil && bytes.Compare(k, last) <= 0 {
						return fmt.Errorf("%w: %s is no record in its place", ErrDamaged, where(name, k))
					}
					last = append(last[:0], k...)
					if bytes.Equal(name, bucketReadings) {
						v = c.a.repacked(k, v)
					}
					if err := put(k, v); err != nil {
						return err
					}
					size += len(k) + len(v)
					c.written += int64(len(k) + len(v))
				}
				captures.write(to.Put)
				return errors.Join(captures.err, c.ctx.Err())
			})
			if err != nil {
				return err
			}
			if c.progress != nil {
				c.progress(c.written)
			}
		}
		return nil
	})
}

// bundle keeps a capture until it is written.
func (c *coming) bundle(k, v []byte, put func(k, v []byte) error) error {
	if !sealed(k, v) {
		return fmt.Errorf("%w: %s cannot be read; luutin repair saves the rest", ErrDamaged, where(bucketCaptures, k))
	}
	seq, err := readSeq(k)
	if err != nil {
		return err
	}
	c.add(seq, v, put)
	return c.err
}
