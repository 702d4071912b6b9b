package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// attachments makes an archive with n attachments of a host, every other one
// large, and returns their URLs. The bodies follow from the URLs.
func attachments(t testing.TB, n int) (dir string, urls []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	for i := range n {
		u := fmt.Sprintf("https://ministry.example/%d.pdf", i)
		urls = append(urls, u)
		attach(t, a, u, attachment(u, i%2 == 1))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, urls
}

func attachment(url string, large bool) []byte {
	if large {
		return bytes.Repeat([]byte(url), 1<<20/len(url)+100)
	}
	return bytes.Repeat([]byte(url), 50)
}

func attach(t testing.TB, a *bolt.Archive, url string, body []byte) {
	t.Helper()
	c := &store.Capture{URL: url, Status: 200, ContentType: "application/pdf", Fetched: time.Unix(1516347540, 0), Body: body}
	if len(body) > 1<<20 {
		s := must[store.Spool](t)(a.Spool(context.Background()))
		defer s.Close()
		must[int](t)(s.Write(body))
		c.Body, c.Spool = nil, s
	}
	must[store.Outcome](t)(a.Record(context.Background(), store.Target{URL: url, Site: "moj", Kind: extract.KindAttachment},
		store.Visit{Result: store.Fetched, Time: time.Unix(1516347540, 0), Capture: c}))
}

var everything = store.Retention{Rule: "everything", Types: []string{"application/*"}}

func files(t testing.TB, dir string) int {
	t.Helper()
	return len(must[[]string](t)(filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))))
}

// TestDroppedFiles removes files of dropped bodies, also when a run of before
// came no further than their records.
func TestDroppedFiles(t *testing.T) {
	dir, urls := attachments(t, 6)
	saved := filepath.Join(t.TempDir(), "saved")
	if err := os.CopyFS(saved, os.DirFS(filepath.Join(dir, "blobs"))); err != nil {
		t.Fatal(err)
	}
	if n := files(t, dir); n != 3 {
		t.Fatalf("%d files", n)
	}
	a := open(t, dir, bolt.Options{Share: true})
	if _, err := a.Retain(t.Context(), everything, nil); err == nil {
		t.Error("Retain of an archive that others may read returned no error")
	}
	a.Close()
	a = open(t, dir, bolt.Options{ReadOnly: true})
	if _, err := a.Retain(t.Context(), everything, nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Retain of an archive that is only read = %v", err)
	}
	a.Close()

	a = open(t, dir, bolt.Options{})
	done := must[store.Retained](t)(a.Retain(t.Context(), everything, nil))
	if done.Bodies != 6 || files(t, dir) != 0 {
		t.Errorf("Retain() = %+v, and %d files are left", done, files(t, dir))
	}
	a.Close()
	if err := os.CopyFS(filepath.Join(dir, "blobs"), os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify of an archive with files of dropped bodies: %q", got)
	}
	a = open(t, dir, bolt.Options{})
	attach(t, a, urls[1], attachment(urls[1], true)) // its file is there, and needed
	if done := must[store.Retained](t)(a.Retain(t.Context(), store.Retention{Rule: "nothing", Larger: 1 << 40}, nil)); done != (store.Retained{}) {
		t.Errorf("Retain() again = %+v", done)
	}
	if n := files(t, dir); n != 1 {
		t.Errorf("%d files are left, want that which came again", n)
	}
	a.Close()
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}

// TestDroppedRepaired repairs, backs up and compacts an archive whose bodies were
// dropped.
func TestDroppedRepaired(t *testing.T) {
	dir, urls := attachments(t, 8)
	a := open(t, dir, bolt.Options{})
	attach(t, a, "https://ministry.example/copy.pdf", attachment(urls[0], false))
	must[store.Retained](t)(a.Retain(t.Context(), everything, nil))
	attach(t, a, urls[0], attachment(urls[0], false))
	attach(t, a, urls[1], attachment(urls[1], true))
	want := must[store.Stats](t)(a.Stats(t.Context()))
	if want.Dropped != 6 {
		t.Errorf("Stats() = %+v", want)
	}
	a.Close()
	look := func(name, dir string) {
		t.Helper()
		if got := problems(t, dir); len(got) > 0 {
			t.Errorf("%s: Verify: %q", name, got)
		}
		a := open(t, dir, bolt.Options{ReadOnly: true})
		defer a.Close()
		if got := must[store.Stats](t)(a.Stats(t.Context())); got.Dropped != want.Dropped || got.DroppedBytes != want.DroppedBytes || got.Bytes != want.Bytes || got.Kept != want.Kept {
			t.Errorf("%s: Stats() = %+v, want %+v", name, got, want)
		}
		for target, err := range a.Targets(t.Context(), store.Selection{}) {
			if err != nil {
				t.Fatal(err)
			}
			_, err := a.Capture(t.Context(), target.Capture)
			var dropped *store.BodyDropped
			again := target.URL == urls[0] || target.URL == urls[1] || target.URL == "https://ministry.example/copy.pdf"
			if errors.As(err, &dropped) == again || again && err != nil || !again && dropped.Rule != "everything" {
				t.Errorf("%s: Capture of %s: %v", name, target.URL, err)
			}
		}
	}
	look("dropped", dir)
	repaired := filepath.Join(t.TempDir(), "repaired")
	r, err := bolt.Repair(t.Context(), dir, repaired, func(p store.Problem) { t.Errorf("Repair lost %v", p) })
	if err != nil || r.Lost != 0 {
		t.Errorf("Repair() = %+v, %v", r, err)
	}
	look("repaired", repaired)
	copied := filepath.Join(t.TempDir(), "copy")
	must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, copied, bolt.CopyOptions{}))
	look("backed up", copied)
	if _, _, err := bolt.Compact(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	look("compacted", dir)
}

// TestFormat5 drops bodies of an archive that the last program of format 5 left
// when it was killed: a page, a.pdf twice under two URLs, and another.
func TestFormat5(t *testing.T) {
	dir := unpackFormat(t, "killed5")
	a := open(t, dir, bolt.Options{ReadOnly: true})
	if done, err := a.Retain(t.Context(), store.Retention{Rule: "x", Types: []string{"application/pdf"}, Dry: true}, nil); err != nil || done.Captures != 3 || done.Bodies != 2 {
		t.Errorf("Retain() = %+v, %v", done, err)
	}
	a.Close()
	a = open(t, dir, bolt.Options{})
	if done, err := a.Retain(t.Context(), store.Retention{Rule: "x", Types: []string{"application/pdf"}}, nil); err != nil || done.Captures != 3 || done.Bodies != 2 {
		t.Errorf("Retain() = %+v, %v", done, err)
	}
	a.Close()
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}

// TestRetainWhileCommitting drops bodies while others bring the same bytes
// again: what a commit has kept is there, or was dropped after it.
func TestRetainWhileCommitting(t *testing.T) {
	dir, urls := attachments(t, 4)
	a := open(t, dir, bolt.Options{})
	rule := store.Retention{Rule: "x", Types: []string{"application/pdf"}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 15 {
			for i, u := range urls {
				attach(t, a, u, attachment(u, i%2 == 1))
			}
		}
	}()
	for ended := false; !ended; {
		select {
		case <-over:
			ended = true
		default:
		}
		if _, err := a.Retain(t.Context(), rule, nil); err != nil {
			t.Error(err)
		}
	}
	for i, u := range urls {
		attach(t, a, u, attachment(u, i%2 == 1))
	}
	for target := range a.Targets(t.Context(), store.Selection{}) {
		if _, err := a.Capture(t.Context(), target.Capture); err != nil {
			t.Error(err)
		}
	}
	if n := files(t, dir); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	a.Close()
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}

// TestRetainKilled looks at an archive as a process leaves it that is killed while
// it drops bodies, and goes on.
func TestRetainKilled(t *testing.T) {
	dir, _ := attachments(t, 150)
	a := open(t, dir, bolt.Options{})
	var left []string
	told := 0
	must[store.Retained](t)(a.Retain(t.Context(), everything, func(store.Dropping) {
		if told%64 == 0 {
			left = append(left, copyOf(t, dir))
		}
		told++
	}))
	if told != 150 || len(left) != 3 {
		t.Fatalf("told of %d, looked %d times", told, len(left))
	}
	for i, dir := range left {
		if got := problems(t, dir); len(got) > 0 {
			t.Errorf("Verify of what is left: %q", got)
		}
		a := open(t, dir, bolt.Options{})
		s := must[store.Stats](t)(a.Stats(t.Context()))
		if s.Dropped > 64*i || (s.Dropped == 0) != (i == 0) {
			t.Errorf("%d bodies were dropped, %d were told before", s.Dropped, 64*i)
		}
		if done := must[store.Retained](t)(a.Retain(t.Context(), everything, nil)); done.Bodies != 150-s.Dropped || files(t, dir) != 0 {
			t.Errorf("Retain() of what is left = %+v, and %d files", done, files(t, dir))
		}
		a.Close()
		if got := problems(t, dir); len(got) > 0 {
			t.Errorf("Verify: %q", got)
		}
	}
}

// TestMissingFile has a body come again whose file somebody has removed.
func TestMissingFile(t *testing.T) {
	t.Parallel()
	dir, urls := attachments(t, 2)
	a := open(t, dir, bolt.Options{})
	url := urls[1] // of a large one
	body := attachment(url, true)
	blobs := must[[]string](t)(filepath.Glob(filepath.Join(dir, "blobs", "*", "*")))
	if len(blobs) != 1 {
		t.Fatalf("%d files", len(blobs))
	}
	if err := os.Remove(blobs[0]); err != nil {
		t.Fatal(err)
	}
	found := 0
	for range a.Verify(t.Context()) {
		found++
	}
	if found == 0 {
		t.Error("Verify finds nothing")
	}
	attach(t, a, url, body)
	for p := range a.Verify(t.Context()) {
		t.Errorf("Verify: %v", p)
	}
	if n := files(t, dir); n != 1 {
		t.Errorf("%d files", n)
	}
}
