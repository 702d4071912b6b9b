package bolt

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

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

// Together has n goroutines call f, which writes once, and all of that be one
// transaction.
func Together(t *testing.T, a *Archive, n int, f func(i int) error) {
	t.Helper()
	var wait sync.WaitGroup
	held, release := make(chan struct{}), make(chan struct{})
	wait.Go(func() {
		_ = a.do(&request{ctx: t.Context(), run: func(*work) error {
			close(held)
			<-release
			return nil
		}})
	})
	<-held
	for i := range n {
		wait.Go(func() {
			if err := f(i); err != nil {
				t.Errorf("%d of %d: %v", i, n, err)
			}
		})
	}
	for queued := 0; queued < n; runtime.Gosched() {
		a.queue.mu.Lock()
		queued = len(a.queue.reqs)
		a.queue.mu.Unlock()
	}
	close(release)
	wait.Wait()
}

// Bundled is how many captures of an archive that is not open stand in bundles.
func Bundled(t *testing.T, dir string) (n int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, dbName), 0o666, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketCaptures).ForEach(func(k, v []byte) error {
			if _, ok := memberOf(k, v); ok || isBundle(v) {
				n++
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Live says of every byte of the file of an archive that is not open whether
// anything depends on it, as far as its pages tell: what is free, and what lies
// behind the last element of a page, says nothing.
func Live(t *testing.T, file []byte) []bool {
	t.Helper()
	live := make([]bool, len(file))
	mark := func(from, n uint64) {
		for i := from; i < from+n; i++ {
			live[i] = true
		}
	}
	metas, err := readMetas(bytes.NewReader(file))
	if err != nil || len(metas) != 2 {
		t.Fatalf("%d meta pages, %v", len(metas), err)
	}
	size := metas[0].pageSize
	mark(pageHead, 64)
	mark(size+pageHead, 64)
	// A value that the journal replaces is part of nothing any more.
	replaced := map[string]bool{}
	var bucket string
	journal := false
	record := func(e element) {
		if journal {
			if err := eachChange(e.key, e.value, func(letter byte, k, _ []byte, _ bool) { replaced[string(letter)+string(k)] = true }); err != nil {
				t.Fatal(err)
			}
		} else if letter := journaled[bucket]; letter != 0 && replaced[string(letter)+string(e.key)] {
			from := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(e.value))) - uintptr(unsafe.Pointer(&file[0])))
			for i := range e.value {
				live[from+uint64(i)] = false
			}
		}
	}
	var walk func(id uint64)
	walk = func(id uint64) {
		at := id * size
		n := uint64(order.Uint32(file[at+12:])) + 1
		elements, used, err := cutPage(file[at : at+n*size])
		if err != nil {
			t.Fatalf("page %d: %v", id, err)
		}
		mark(at, uint64(used))
		for _, e := range elements {
			switch {
			case e.child != 0:
				walk(e.child)
			case !e.bucket:
				record(e)
			default:
				if bucket = string(e.key); journal != (bucket == string(bucketJournal)) {
					continue
				}
				root, err := cutBucket(e.value)
				if err != nil {
					t.Fatalf("bucket %q: %v", e.key, err)
				}
				if root != 0 {
					walk(root)
					continue
				}
				small, _, err := cutPage(e.value[16:])
				if err != nil {
					t.Fatalf("bucket %q: %v", e.key, err)
				}
				for _, e := range small {
					record(e)
				}
			}
		}
	}
	for _, journal = range []bool{true, false} {
		walk(metas[0].root)
	}
	free := metas[0].freelist * size
	count := uint64(order.Uint16(file[free+10:]))
	mark(free, pageHead+8*count)
	return live
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

// A damagedFile is a file in which bytes read differently.
type damagedFile struct {
	io.ReaderAt
	flipped map[int64]byte
}

func (f *damagedFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(b, at)
	for i, bits := range f.flipped {
		if i >= at && i < at+int64(n) {
			b[i-at] ^= bits
		}
	}
	return n, err
}

// Leaves reads every reading of an archive as a scan does, with bytes of its
// file flipped, and returns of how many the bucket has to be asked. What is
// read must be what the bucket says.
func Leaves(t *testing.T, a *Archive, flipped map[int64]byte) (asked int) {
	t.Helper()
	err := a.view(func(tx *snapshot) error {
		var r leafReader
		b := tx.Bucket(bucketReadings)
		r.reset(&damagedFile{a.file, flipped}, b)
		if v, _ := r.get(seqKey(1 << 40)); v != nil {
			t.Errorf("there is something at %x", 1<<40)
		}
		return b.ForEach(func(k, v []byte) error {
			packed, _ := r.get(k)
			got, err := unseal(k, packed)
			if err != nil {
				asked++
			} else if want, _ := unseal(k, v); !bytes.Equal(got, want) {
				t.Errorf("%x: read %d bytes, the bucket has %d others", k, len(got), len(want))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

var seed = flag.Uint64("seed", 0, "of random tests; 0 means another each time")

// Randomly is where random tests get their numbers from. Their logs say by which
// -seed they are repeated.
func Randomly(t testing.TB) *rand.Rand {
	t.Helper()
	n := *seed
	for n == 0 {
		n = rand.Uint64()
	}
	t.Logf("-seed %d", n)
	return rand.New(rand.NewPCG(n, 0))
}
