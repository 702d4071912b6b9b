package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// A bucket that is changed through the journal reads like a sorted map,
// whatever of it is in its place already: within the transaction, after it, in
// older snapshots, when a request took its changes back, and opened again.
func TestJournal(t *testing.T) {
	t.Parallel()
	rnd := Randomly(t)
	dir := filepath.Join(t.TempDir(), "archive")
	open := func() *Archive {
		a, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		a.pace = pace{changes: 60, size: 3000, step: 4, flush: 25}
		return a
	}
	a := open()
	defer func() { a.Close() }()

	names := [][]byte{bucketURLs, bucketAliases, bucketTexts, bucketPayloads}
	type state map[string]string // bucket, slash, key to value
	now := state{}
	clone := func(s state) state {
		c := state{}
		for k, v := range s {
			c[k] = v
		}
		return c
	}
	lines := func(s state, bucket []byte, from string) (all []string) {
		prefix := string(bucket) + "/"
		for k, v := range s {
			if key, ok := strings.CutPrefix(k, prefix); ok && key >= from {
				all = append(all, key+"="+v)
			}
		}
		slices.Sort(all)
		return all
	}
	compare := func(when string, tx *snapshot, want state) {
		t.Helper()
		for _, name := range names {
			b := tx.Bucket(name)
			from := ""
			if rnd.IntN(2) == 0 {
				from = fmt.Sprintf("%03d", rnd.IntN(200))
			}
			var got []string
			c := b.Cursor()
			for k, v := c.Seek([]byte(from)); k != nil; k, v = c.Next() {
				got = append(got, string(k)+"="+string(v))
			}
			if w := lines(want, name, from); !slices.Equal(got, w) {
				t.Fatalf("%s: %s from %q\n%q, want\n%q", when, name, from, got, w)
			}
			for range 5 {
				k := fmt.Sprintf("%03d", rnd.IntN(200))
				v, ok := want[string(name)+"/"+k]
				if got := b.Get([]byte(k)); string(got) != v || (got != nil) != ok {
					t.Fatalf("%s: %s of %s = %q, want %q, %v", when, k, name, got, v, ok)
				}
			}
		}
	}
	type old struct {
		tx   *snapshot
		want state
	}
	var olds []old
	merged := 0
	for step := range 400 {
		fail := rnd.IntN(8) == 0
		next := clone(now)
		_ = a.do(&request{ctx: context.Background(), run: func(w *work) error {
			next = clone(now)
			for range rnd.IntN(12) {
				name, k := names[rnd.IntN(len(names))], fmt.Sprintf("%03d", rnd.IntN(200))
				var err error
				if rnd.IntN(3) == 0 {
					delete(next, string(name)+"/"+k)
					err = w.delete(w.tx.Bucket(name), []byte(k))
				} else {
					v := strings.Repeat("v", rnd.IntN(3)) + fmt.Sprint(step)
					if rnd.IntN(9) == 0 {
						v = ""
					}
					next[string(name)+"/"+k] = v
					err = w.put(w.tx.Bucket(name), []byte(k), []byte(v))
				}
				if err != nil {
					return err
				}
			}
			compare("within a transaction", w.tx, next)
			if fail {
				return errors.New("taken back")
			}
			return nil
		}})
		if !fail {
			now = next
		}
		if a.journal.Load().merging != nil {
			merged++
		}
		if err := a.view(func(tx *snapshot) error {
			compare("after a transaction", tx, now)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(10) == 0 {
			tx, err := a.begin()
			if err != nil {
				t.Fatal(err)
			}
			olds = append(olds, old{tx, clone(now)})
		}
		if len(olds) > 3 || step%100 == 99 {
			for _, o := range olds {
				compare("an older snapshot", o.tx, o.want)
				if err := o.tx.Rollback(); err != nil {
					t.Fatal(err)
				}
			}
			olds = nil
		}
		if step%100 == 99 {
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := bbolt.Open(a.path(dbName), 0o644, &bbolt.Options{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.View(func(tx *bbolt.Tx) error {
				if k, _ := tx.Bucket(bucketJournal).Cursor().First(); k != nil {
					t.Errorf("a closed archive has changes in its journal: %x", k)
				}
				compare("a closed archive", &snapshot{Tx: tx}, now)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			db.Close()
			a = open()
		}
	}
	if merged < 40 {
		t.Errorf("changes were put in their places in %d of 400 transactions", merged)
	}
}

// What eachChange cannot read is an error, not a panic.
func FuzzEachChange(f *testing.F) {
	c := newChanges()
	f.Add(appendChange(appendChange(nil, c.set('u', []byte("k"), []byte("v"), false, 1)), c.set('q', []byte("l"), nil, true, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := seqKey(1)
		var again []byte
		err := eachChange(k, seal(k, bytes.Clone(b)), func(letter byte, k, v []byte, deleted bool) {
			again = appendChange(again, &node{key: append([]byte{letter}, k...), last: &change{value: v, deleted: deleted}})
		})
		if err == nil && len(again) > len(b) {
			t.Errorf("%x was read as %x", b, again)
		}
	})
}
