package bolt

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
)

// OpenHasty opens an archive that puts changes in their places a few at a
// time, so that a test sees it do so.
func OpenHasty(dir string, o Options) (*Archive, error) {
	a, err := Open(dir, o)
	if err == nil {
		a.pace = pace{changes: 100, size: 20_000, step: 8, flush: 50}
	}
	return a, err
}

// Dump is every key and value of an archive that is not open. What is to be
// put in its place counts as if it were there: the value that it replaces is
// part of nothing any more.
func Dump(t *testing.T, dir string) string {
	t.Helper()
	a, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var b strings.Builder
	err = a.view(func(tx *snapshot) error {
		for _, name := range allBuckets {
			if err := tx.Bucket(name).ForEach(func(k, v []byte) error {
				fmt.Fprintf(&b, "%s %x %x\n", name, k, v)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// SetFormat writes another format into an archive.
func SetFormat(t *testing.T, dir string, format int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, dbName), 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		k := []byte("archive")
		v, err := sealJSON(k, archiveRecord{Format: format, Program: "test", Created: time.Unix(0, 0)})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(k, v)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// Rewrite changes the cause of a visit's result to "fetched" and its time, with
// checksums that fit, in an archive that was closed, as somebody would who knows the
// format. With log the log is made anew too, as if it had always been so.
func Rewrite(t *testing.T, dir string, seq uint64, log bool) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, dbName), 0o666, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		k := seqKey(seq)
		var r visitRecord
		packed, err := cutPayload(k, tx.Bucket(bucketVisits).Get(k), &r)
		if err != nil {
			return err
		}
		r.Time = r.Time.Add(-time.Minute)
		v, err := withPayload(k, r, packed)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketVisits).Put(k, v); err != nil || !log {
			return err
		}
		s := &snapshot{Tx: tx, journal: []*changes{newChanges()}}
		var p peaks
		for n, _ := s.visits(); p.size < n; {
			leaf, err := s.leaf(p.size + 1)
			if err != nil {
				return err
			}
			if err := tx.Bucket(bucketLog).Put(seqKey(p.size+1), p.add(tlog.RecordHash(leaf))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
