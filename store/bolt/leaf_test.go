package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"luutin/store"
	"luutin/store/bolt"
	news "luutin/testdata/corpus"
)

// TestLeaves reads readings past bbolt: those of a whole file are all found,
// and no damage gives another text than the bucket has.
func TestLeaves(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	if asked := bolt.Leaves(t, a, nil); asked != 0 {
		t.Errorf("%d readings of an empty archive were not found", asked)
	}
	ctx, c := context.Background(), news.New(1)
	const n = 600 // branches of two levels
	var wait sync.WaitGroup
	for worker := range 32 {
		wait.Go(func() {
			for i := worker; i < n; i += 32 {
				target, visit := c.Visit(i)
				if i%100 == 0 { // far longer than the one before
					visit.Article.Body += strings.Repeat("\n\n"+string(visit.Article.Lead), i)
					visit.Article.ContentHash = visit.Article.Hash()
				}
				if _, err := a.Record(ctx, target, visit); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if asked := bolt.Leaves(t, a, nil); asked != 0 {
		t.Errorf("%d of %d readings were not found", asked, n)
	}
	read := 0
	for _, err := range a.Articles(ctx, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		read++
	}
	if read != n {
		t.Errorf("%d articles, want %d", read, n)
	}
	info := must[os.FileInfo](t)(os.Stat(filepath.Join(dir, "archive.db")))
	rnd := bolt.Randomly(t)
	met := 0
	for range 4 {
		flipped := map[int64]byte{}
		for range 500 {
			at := rnd.Int64N(info.Size())
			if rnd.IntN(2) == 0 { // what the pages say of themselves
				at = at/4096*4096 + rnd.Int64N(64)
			}
			flipped[at] = byte(1 + rnd.IntN(255))
		}
		met += bolt.Leaves(t, a, flipped)
	}
	if met == 0 {
		t.Error("2,000 flipped bytes met no reading")
	}
}
