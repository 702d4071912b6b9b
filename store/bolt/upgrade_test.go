package bolt_test

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/store"
	"luutin/store/bolt"
)

// testdata/format1.db.gz was written by the last program that wrote format 1.
// It holds four visits, one of them failed, and two articles, the first in two
// versions of which the second has another date.
func unpackFormat1(t *testing.T) (dir string) {
	dir = t.TempDir()
	f := must[*os.File](t)(os.Open("testdata/format1.db.gz"))
	defer f.Close()
	z := must[*gzip.Reader](t)(gzip.NewReader(f))
	if err := os.WriteFile(filepath.Join(dir, "archive.db"), must[[]byte](t)(io.ReadAll(z)), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFormat1(t *testing.T) {
	dir := unpackFormat1(t)
	want := []store.Day{
		{Date: "2026-01-30", Published: 1, Visits: 2, Added: 2, Results: map[store.Result]int{store.Fetched: 2}, Last: time.Date(2026, 1, 30, 23, 50, 0, 0, time.UTC)},
		{Date: "2026-01-31", Published: 1, Visits: 2, Changed: 1, Results: map[store.Result]int{store.Fetched: 1, store.Failed: 1}, Last: time.Date(2026, 1, 31, 0, 10, 0, 0, time.UTC)},
	}
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		options bolt.Options
		days    []store.Day
	}{
		{"only read", bolt.Options{ReadOnly: true}, []store.Day{}},
		{"brought to today's format", bolt.Options{}, want},
		{"opened again", bolt.Options{ReadOnly: true}, want},
	} {
		a, err := bolt.Open(dir, c.options)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		days, err := a.Days(ctx, "ministry.example", "")
		if diff := cmp.Diff(c.days, days); diff != "" || err != nil {
			t.Errorf("%s: days (-want +got), error %v:\n%s", c.name, err, diff)
		}
		versions := 0
		for _, err := range a.Articles(ctx, store.Query{History: true}) {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			versions++
		}
		if versions != 3 {
			t.Errorf("%s: %d versions, want 3", c.name, versions)
		}
		for p := range a.Verify(ctx) {
			t.Errorf("%s: %v", c.name, p)
		}
		if err := a.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
