package bolt_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/storetest"
)

// unpack makes an archive of a file in testdata and returns its directory.
func unpack(t testing.TB, name, dir string) {
	t.Helper()
	f := must[*os.File](t)(os.Open(filepath.Join("testdata", name)))
	defer f.Close()
	z := must[*gzip.Reader](t)(gzip.NewReader(f))
	b := must[[]byte](t)(io.ReadAll(z))
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, "archive.db"), b, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// TestMigratedArchive opens archives that began with the first format.
func TestMigratedArchive(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			unpack(t, "empty1.db.gz", dir)
		}
		return bolt.Open(dir, bolt.Options{Clock: clock})
	})
}

// TestMigratedIsNew says that an archive that began with an earlier format has,
// once it is brought to today's, the buckets and records of one that is made
// today. So what the suite says of one of them holds for all.
func TestMigratedIsNew(t *testing.T) {
	t.Parallel()
	for name, created := range map[string]time.Time{
		"empty1.db.gz": time.Date(2018, 1, 19, 7, 39, 0, 0, time.UTC),
		"empty2.db.gz": time.Date(2018, 1, 19, 7, 39, 0, 0, time.UTC),
		"empty3.db.gz": time.Date(2018, 1, 19, 7, 39, 0, 0, time.UTC),
		"empty4.db.gz": time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC),
		"empty5.db.gz": time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
		"empty6.db.gz": time.Date(2026, 2, 2, 8, 0, 0, 0, time.UTC),
	} {
		state := func(dir string) string {
			if err := open(t, dir, bolt.Options{Clock: func() time.Time { return created }}).Close(); err != nil {
				t.Fatal(err)
			}
			return strings.Join(buckets(t, dir), "\n") + "\n" + bolt.Dump(t, dir)
		}
		dir := t.TempDir()
		unpack(t, name, dir)
		got, want := state(dir), state(filepath.Join(t.TempDir(), "new"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is not like a new archive (-new +migrated):\n%s", name, diff)
		}
	}
}

// buckets are the names of the buckets of an archive that is not open.
func buckets(t *testing.T, dir string) (names []string) {
	t.Helper()
	db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, &bbolt.Options{ReadOnly: true}))
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names = append(names, string(name))
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// testdata/killed2.db.gz and killed3.db.gz were left by the last programs that
// wrote formats 2 and 3, when they were killed: all of their twelve visits are
// in the journal. They hold four articles. The first, in two versions, is gone under one of its two URLs, the
// second since 2026-01-31 07:00, the fourth under both of its URLs, since 10:00
// and 11:00.
func TestKilled2(t *testing.T) { testKilled(t, "killed2.db.gz") }
func TestKilled3(t *testing.T) { testKilled(t, "killed3.db.gz") }

func testKilled(t *testing.T, name string) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, name, dir)
	gone := []string{"b 2026-01-31T07:00:00Z", "d 2026-01-31T11:00:00Z"}
	for _, c := range []struct {
		name    string
		options bolt.Options
		number  int
		gone    []string
	}{
		{"only read", bolt.Options{ReadOnly: true}, 5, nil},
		{"brought to today's format", bolt.Options{}, 7, gone},
		{"opened again", bolt.Options{ReadOnly: true}, 7, gone},
		{"written to again", bolt.Options{}, 7, gone},
	} {
		a, err := bolt.Open(dir, c.options)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		number := 0
		var got []string
		for v, err := range a.Articles(t.Context(), store.Query{History: true}) {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			number++
			var article extract.Article
			if err := json.Unmarshal(v.JSON, &article); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if article.Withdrawn != nil {
				got = append(got, article.Title[len("Tin "):]+" "+article.Withdrawn.Format(time.RFC3339))
				if !v.Withdrawn.Equal(*article.Withdrawn) || v.Number != 2 {
					t.Errorf("%s: version %d of %s, withdrawn %v", c.name, v.Number, article.Title, v.Withdrawn)
				}
			}
		}
		if diff := cmp.Diff(c.gone, got); diff != "" || number != c.number {
			t.Errorf("%s: %d versions, want %d; withdrawn (-want +got):\n%s", c.name, number, c.number, diff)
		}
		for p := range a.Verify(t.Context()) {
			t.Errorf("%s: %v", c.name, p)
		}
		if err := a.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What an earlier format kept as it stands is compressed when the archive is
// compacted, and reads the same.
func TestCompactPacksReadings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, "killed5.db.gz", dir)
	open(t, dir, bolt.Options{}).Close()
	read := func() (all []string, plain int) {
		a := open(t, dir, bolt.Options{ReadOnly: true})
		defer a.Close()
		for v, err := range a.Articles(t.Context(), store.Query{History: true}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(v.JSON))
		}
		for p := range a.Verify(t.Context()) {
			t.Error(p)
		}
		a.Close()
		db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, &bbolt.Options{ReadOnly: true}))
		defer db.Close()
		if err := db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("readings")).ForEach(func(_, v []byte) error {
				if v[0] == '{' {
					plain++
				}
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		return all, plain
	}
	want, plain := read()
	if plain == 0 || len(want) == 0 {
		t.Fatalf("%d plain readings, %d articles: it is no archive of an earlier format", plain, len(want))
	}
	if _, _, err := bolt.Compact(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	got, plain := read()
	if diff := cmp.Diff(want, got); diff != "" || plain != 0 {
		t.Errorf("%d readings are plain, articles (-before +after):\n%s", plain, diff)
	}
}

// testdata/format1.db.gz and format2.db.gz were written by the last programs
// that wrote these formats. They hold four visits, one of them failed, and two
// articles, the first in two versions of which the second has another date.
func unpackFormat(t *testing.T, format string) (dir string) {
	dir = t.TempDir()
	unpack(t, format+".db.gz", dir)
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
	t.Parallel()
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
