package bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"luutin/store"
	"luutin/store/bolt"
)

// TestTorn lets the machine stop while a transaction is on its way to the disk:
// bbolt writes its pages, in no certain order, and when they are there its meta
// page. Whatever part of them has come, every sector for itself, the archive is
// the one before the transaction, or when its meta page is whole the one after.
func TestTorn(t *testing.T) {
	t.Parallel()
	rnd := bolt.Randomly(t)
	const sector = 512
	dir := filled(t, 4)
	name := filepath.Join(dir, "archive.db")
	a := must[*bolt.Archive](t)(bolt.OpenHasty(dir, bolt.Options{}))
	defer a.Close()
	type state struct {
		file   []byte
		visits int
	}
	now := func() state {
		return state{must[[]byte](t)(os.ReadFile(name)), must[store.Stats](t)(a.Stats(t.Context())).Visits}
	}
	states := []state{now()}
	for range 12 {
		if err := crawl(a, 1, nil); err != nil {
			t.Fatal(err)
		}
		states = append(states, now())
	}
	torn := copyOf(t, dir) // with all blobs, of which more than are named do no harm
	check := func(what string, file []byte, visits int, meta bool) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(torn, "archive.db"), file, 0o666); err != nil {
			t.Fatal(err)
		}
		if got := problems(t, torn); len(got) > 0 && !meta || len(got) > 1 {
			t.Errorf("%s: Verify: %q", what, got)
		}
		a, err := bolt.Open(torn, bolt.Options{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		defer a.Close()
		if s, err := a.Stats(t.Context()); err != nil || s.Visits != visits {
			t.Errorf("%s: %d visits, %v, want %d", what, s.Visits, err, visits)
		}
		if err := crawl(a, 1, nil); err != nil {
			t.Errorf("%s: going on: %v", what, err)
		}
		for p := range a.Verify(t.Context()) {
			t.Errorf("%s: Verify after going on: %v", what, p)
		}
	}
	for i, after := range states[1:] {
		before := states[i]
		// The visit is one transaction: its meta page takes the place of the older one.
		at := -1
		for _, page := range []int{0, 4096} {
			if !bytes.Equal(before.file[page:page+4096], after.file[page:page+4096]) {
				if at >= 0 {
					t.Fatalf("visit %d took more than one transaction", after.visits)
				}
				at = page
			}
		}
		for _, length := range []int{len(before.file), len(after.file)} {
			file := append(bytes.Clone(before.file), make([]byte, length-len(before.file))...)
			for from := 2 * 4096; from < length; from += sector {
				if rnd.IntN(3) > 0 {
					copy(file[from:from+sector], after.file[from:from+sector])
				}
			}
			check(fmt.Sprintf("visit %d, some of its pages in a file of %d bytes", after.visits, length), file, before.visits, false)
		}
		// 16 bytes of head, 64 of the meta page, of which the last 8 are its checksum.
		for _, n := range []int{16 + 1 + rnd.IntN(47), 16 + 64} {
			file := bytes.Clone(after.file)
			copy(file[at+n:at+4096], before.file[at+n:at+4096])
			visits, meta := before.visits, true
			if bytes.Equal(file[at:at+80], after.file[at:at+80]) {
				visits, meta = after.visits, false
			}
			check(fmt.Sprintf("visit %d, %d bytes of its meta page", after.visits, n), file, visits, meta)
		}
	}
}
