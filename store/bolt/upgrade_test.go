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

// testdata/format1.db.gz and format2.db.gz were written by the last programs
// that wrote these formats. They hold four visits, one of them failed, and two
// articles, the first in two versions of which the second has another date.
func unpackFormat(t *testing.T, format string) (dir string) {
	dir = t.TempDir()
	f := must[*os.File](t)(os.Open("testdata/" + format + ".db.gz"))
	defer f.Close()
	z := must[*gzip.Reader](t)(gzip.NewReader(f))
	if err := os.WriteFile(filepath.Join(dir, "archive.db"), must[[]byte](t)(io.ReadAll(z)), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFormat1(t *testing.T) {
	testUpgrade(t, "format1", "https://ministry.example/1", nil, []store.Day{})
}
func TestFormat2(t *testing.T) {
	testUpgrade(t, "format2", "https://www.ministry.example/1", map[string]int{"server error": 1}, nil)
}

// testUpgrade opens an archive of an earlier format; url is that of its first article, causes are what it tells of
// the failed visit, before its days when it is only read, nil when they are the
// same as afterwards.
func testUpgrade(t *testing.T, format, url string, causes map[string]int, before []store.Day) {
	dir := unpackFormat(t, format)
	want := []store.Day{
		{Date: "2026-01-30", Published: 1, Visits: 2, Added: 2, Results: map[store.Result]int{store.Fetched: 2}, Last: time.Date(2026, 1, 30, 23, 50, 0, 0, time.UTC)},
		{Date: "2026-01-31", Published: 1, Visits: 2, Changed: 1, Results: map[store.Result]int{store.Fetched: 1, store.Failed: 1}, Causes: causes, Last: time.Date(2026, 1, 31, 0, 10, 0, 0, time.UTC)},
	}
	if before == nil {
		before = want
	}
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		options bolt.Options
		days    []store.Day
	}{
		{"only read", bolt.Options{ReadOnly: true}, before},
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
		visits := 0
		for v, err := range a.Visits(ctx, store.VisitQuery{URLs: []string{url}}) {
			if err != nil || v.Result != store.Fetched {
				t.Errorf("%s: visit %v, %v", c.name, v, err)
			}
			visits++
		}
		if visits != 2 {
			t.Errorf("%s: %d visits of the first article, want 2", c.name, visits)
		}
		for p := range a.Verify(ctx) {
			t.Errorf("%s: %v", c.name, p)
		}
		if err := a.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
