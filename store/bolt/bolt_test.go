package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tidwall/gjson"
	"go.etcd.io/bbolt"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/storetest"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		return bolt.Open(dir, bolt.Options{Clock: clock})
	})
}

func TestHastyArchive(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		return bolt.OpenHasty(dir, bolt.Options{Clock: clock})
	})
}

// create makes an empty archive where there is none.
func create(dir string, clock func() time.Time) error {
	if _, err := os.Stat(filepath.Join(dir, "archive.db")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a, err := bolt.Open(dir, bolt.Options{Clock: clock})
	if err != nil {
		return err
	}
	return a.Close()
}

func TestCompactedArchive(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		if err := create(dir, clock); err != nil {
			return nil, err
		}
		if _, _, err := bolt.Compact(context.Background(), dir, nil); err != nil {
			return nil, err
		}
		return bolt.Open(dir, bolt.Options{Clock: clock})
	})
}

// TestRestoredArchive opens what was lost and brought back from a backup, which
// is made anew each time in the same place.
func TestRestoredArchive(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		if err := create(dir, clock); err != nil {
			return nil, err
		}
		ctx, copy := context.Background(), dir+"-copy"
		if _, err := bolt.Backup(ctx, dir, copy, bolt.CopyOptions{}); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		if _, err := bolt.Restore(ctx, copy, dir, bolt.CopyOptions{}); err != nil {
			return nil, err
		}
		return bolt.Open(dir, bolt.Options{Clock: clock})
	})
}

// page is what the visit of a target brings: known from its URL alone, so that
// a test can say whether an archive holds the whole of it.
func page(url string) store.Visit {
	n := len(url)
	for _, c := range url {
		n = (n*31 + int(c)) % 1009
	}
	body := bytes.Repeat([]byte(url+"\n"), n)
	if n%53 == 41 { // as of the 4th, 9th, 46th and 129th page that a filled archive visits
		body = bytes.Repeat([]byte(url+"\n"), 1<<20/len(url)+1) // too large for a record
	}
	a := &extract.Article{
		ID: extract.ArticleID(url), URL: url, CanonicalURL: url, Title: url, Body: strings.Repeat(url+" ", n%40+10),
		Fetched: time.Unix(1516347540, 0),
	}
	a.ContentHash = a.Hash()
	return store.Visit{
		Result: store.Fetched, Time: time.Unix(1516347540, 0), Article: a, Aliases: []string{url + "#alias"},
		Capture: &store.Capture{URL: url, Status: 200, Body: body, Fetched: time.Unix(1516347540, 0)},
		Links:   []store.Target{{URL: url + "/1"}, {URL: url + "/2"}},
	}
}

// crawl commits visits until n are done or nothing is left.
func crawl(a store.Archive, n int, done func(url string)) error {
	ctx := context.Background()
	for ; n > 0; n-- {
		l, err := a.Lease(ctx, store.Want{})
		if errors.Is(err, store.ErrNothingDue) {
			return nil
		}
		if err != nil {
			return err
		}
		v := page(l.Target.URL)
		if body := v.Capture.Body; len(body) > 1<<20 {
			s, err := a.Spool(ctx)
			if err != nil {
				return err
			}
			if _, err := s.Write(body); err != nil {
				return errors.Join(err, s.Close())
			}
			v.Capture.Body, v.Capture.Spool = nil, s
		}
		_, err = a.Commit(ctx, l, v)
		if s := v.Capture.Spool; s != nil {
			err = errors.Join(err, s.Close())
		}
		if err != nil {
			return err
		}
		if done != nil {
			done(l.Target.URL)
		}
	}
	return nil
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, dir string, o bolt.Options) *bolt.Archive {
	t.Helper()
	a := must[*bolt.Archive](t)(bolt.Open(dir, o))
	t.Cleanup(func() { a.Close() })
	return a
}

// filled makes an archive with n visits and returns its directory. Archives
// with as many visits are copies of one.
func filled(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "archive")
	made, _ := prepared.LoadOrStore(n, sync.OnceValues(func() (fstest.MapFS, error) { return fill(n) }))
	for name, f := range must[fstest.MapFS](t)(made.(func() (fstest.MapFS, error))()) {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, f.Data, f.Mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// prepared are the archives that were filled, by their number of visits, as
// functions that return their files.
var prepared sync.Map

// fill makes an archive with n visits and returns its files.
func fill(n int) (fstest.MapFS, error) {
	dir, err := os.MkdirTemp("", "filled")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		return nil, err
	}
	for i := range 3 {
		if _, err := a.Add(context.Background(), store.Target{URL: fmt.Sprintf("https://h%d.vn/", i), Site: "moj"}); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	if err := errors.Join(crawl(a, n, nil), a.Close()); err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	return files, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, readErr := os.ReadFile(filepath.Join(dir, name))
		info, err := d.Info()
		if err == nil {
			files[name] = &fstest.MapFile{Data: b, Mode: info.Mode()}
		}
		return errors.Join(readErr, err)
	})
}

// content is all that lies in a directory.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		all[name] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

func TestOpen(t *testing.T) {
	t.Parallel()
	write := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			name := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte(content), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bboltFile := func(f func(tx *bbolt.Tx) error) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, nil))
			if err := errors.Join(db.Update(f), db.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	archive := func(change func(b []byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			name := filepath.Join(dir, "archive.db")
			b := must[[]byte](t)(os.ReadFile(filepath.Join(filled(t, 20), "archive.db")))
			if err := os.WriteFile(name, change(b), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
		only bool // when it is opened for reading
	}{
		{"a directory that is empty", func(*testing.T, string) {}, "there is no archive in", true},
		{"a directory of other things", write("thesis.txt", "x"), "other things (thesis.txt)", false},
		{"blobs alone", write("blobs/ab/x", "x"), "archive.db is missing; bring it back", false},
		{"a directory named archive.db", write("archive.db/x", "x"), "is not a file", false},
		{"an empty file", write("archive.db", ""), "is empty; remove it to begin anew, or bring it back", false},
		{"a short file", write("archive.db", "x"), "is no archive", false},
		{"a text", write("archive.db", strings.Repeat("text ", 10_000)), "is no archive", false},
		{"another bbolt file", bboltFile(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("x"))
			return err
		}), "of something else", false},
		{"cut short", archive(func(b []byte) []byte { return b[:len(b)/2] }), "is cut short", false},
		{"cut to its first pages", archive(func(b []byte) []byte { return b[:8192] }), "is cut short", false},
		{"without a beginning", archive(func(b []byte) []byte {
			clear(b[:8192])
			return b
		}), "is no archive or its beginning is damaged", false},
		{"a newer format", archive(func(b []byte) []byte { return b }), "use a newer one", false},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, dir)
			if c.name == "a newer format" {
				bolt.SetFormat(t, dir, 99)
			}
			before := content(t, dir)
			for _, readOnly := range []bool{true, false} {
				if c.only && !readOnly {
					continue
				}
				a, err := bolt.Open(dir, bolt.Options{ReadOnly: readOnly})
				if err == nil {
					a.Close()
					t.Fatal("Open returned no error")
				}
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("Open = %v, want %q", err, c.want)
				}
				after := content(t, dir)
				if len(after) != len(before) {
					t.Errorf("Open left %d files of %d", len(after), len(before))
				}
				for name, b := range before {
					if after[name] != b {
						t.Errorf("Open changed %s", name)
					}
				}
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(file, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "it is a file") {
		t.Errorf("Open(file) = %v", err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := bolt.Open(missing, bolt.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(missing) = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("opening for reading made the directory")
	}
}

func TestInUse(t *testing.T) {
	dir := filled(t, 5)
	a := open(t, dir, bolt.Options{})
	start := time.Now()
	_, err := bolt.Open(dir, bolt.Options{})
	var used *store.InUse
	if !errors.As(err, &used) || used.PID != os.Getpid() || used.Path != dir || !strings.Contains(used.Command, os.Args[0]) {
		t.Errorf("Open = %v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took %v to say so", d)
	}
	if err := crawl(a, 5, nil); err != nil {
		t.Errorf("the holder: %v", err)
	}
	a.Close()

	open(t, dir, bolt.Options{ReadOnly: true})
	open(t, dir, bolt.Options{ReadOnly: true}) // readers bear each other
	_, err = bolt.Open(dir, bolt.Options{})
	if !errors.As(err, &used) || used.PID != 0 {
		t.Errorf("Open while others read = %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := filled(t, 30)
	before := content(t, dir)
	a := open(t, dir, bolt.Options{ReadOnly: true})
	ctx := context.Background()
	for what, f := range map[string]func() error{
		"Add":    func() error { _, err := a.Add(ctx, store.Target{URL: "https://x.vn/"}); return err },
		"Recall": func() error { _, err := a.Recall(ctx, store.Selection{}); return err },
		"Lease":  func() error { _, err := a.Lease(ctx, store.Want{}); return err },
		"Commit": func() error { _, err := a.Commit(ctx, &store.Lease{}, store.Visit{}); return err },
	} {
		if err := f(); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s = %v, want %v", what, err, store.ErrReadOnly)
		}
	}
	for p := range a.Verify(ctx) {
		t.Errorf("Verify: %v", p)
	}
	n := 0
	for _, err := range a.Articles(ctx, store.Query{}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 30 {
		t.Errorf("%d articles, want 30", n)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	after := content(t, dir)
	for name, b := range before {
		if after[name] != b {
			t.Errorf("%s changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, want %d", len(after), len(before))
	}
}

// A spool leaves one file when it was committed and none otherwise, also when
// its process died.
func TestSpoolLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filled(t, 5)
	files := func() (names []string) {
		for name := range content(t, filepath.Join(dir, "blobs")) {
			names = append(names, filepath.Base(name))
		}
		return names
	}
	before := len(files())
	ctx := t.Context()
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	body := bytes.Repeat([]byte("x"), 2<<20)
	spool := func() store.Spool {
		s := must[store.Spool](t)(a.Spool(ctx))
		must[int](t)(s.Write(body))
		return s
	}
	if err := spool().Close(); err != nil {
		t.Error(err)
	}
	if got := files(); len(got) != before {
		t.Errorf("a spool that was closed left %q", got)
	}
	for range 2 { // the second time the bytes are there
		s := spool()
		l := must[*store.Lease](t)(a.Lease(ctx, store.Want{}))
		must[store.Outcome](t)(a.Commit(ctx, l, store.Visit{Result: store.Fetched, Capture: &store.Capture{URL: l.Target.URL, Spool: s}}))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := files(); len(got) != before+1 {
			t.Errorf("after a commit there are %q", got)
		}
	}
	spool() // nobody closes it
	if got := files(); len(got) != before+2 {
		t.Errorf("while a body is coming there are %q", got)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	a = open(t, dir, bolt.Options{})
	if got := files(); len(got) != before+1 {
		t.Errorf("after opening again there are %q", got)
	}
	for p := range a.Verify(ctx) {
		t.Errorf("Verify: %v", p)
	}
}

// bbolt's own check agrees with Verify on what the tests write.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := filled(t, 150)
	db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, &bbolt.Options{ReadOnly: true}))
	defer db.Close()
	err := db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for p := range open(t, dir, bolt.Options{ReadOnly: true}).Verify(context.Background()) {
		t.Errorf("Verify: %v", p)
	}
}

// What was wrong with a connection is kept with its answer: with a capture,
// and with the visit whose answer is in no capture of its own.
func TestTLSIsKept(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "archive")
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	must[int](t)(a.Add(ctx, store.Target{URL: "https://moj.test/1"}))
	for range 2 {
		must[int](t)(a.Recall(ctx, store.Selection{}))
		l := must[*store.Lease](t)(a.Lease(ctx, store.Want{}))
		v := page(l.Target.URL)
		v.Links, v.Capture.TLS = nil, []string{"expired", "wrong name"}
		must[store.Outcome](t)(a.Commit(ctx, l, v))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, &bbolt.Options{ReadOnly: true}))
	defer db.Close()
	err := db.View(func(tx *bbolt.Tx) error {
		for bucket, want := range map[string]int{"captures": 1, "visits": 1} {
			n := 0
			tx.Bucket([]byte(bucket)).ForEach(func(_, v []byte) error {
				n += bytes.Count(v, []byte(`"tls":["expired","wrong name"]`))
				return nil
			})
			if n != want {
				t.Errorf("%s has it %d times, want %d", bucket, n, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestScan reads more than fits into three batches, to the end and less far.
func TestScan(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir(), bolt.Options{})
	ctx, n := context.Background(), 1500 // of twenty kilobytes each: a batch of them is read in two parts
	var wait sync.WaitGroup
	for worker := range 16 {
		wait.Go(func() {
			for i := worker; i < n; i += 16 {
				url := fmt.Sprintf("https://h%d.vn/%d", i%8, i)
				v := store.Visit{Result: store.Fetched, Time: time.Unix(1516347540, 0), Capture: &store.Capture{URL: url, Status: 200, Body: []byte(url)}}
				v.Article = &extract.Article{
					ID: extract.ArticleID(url), URL: url, CanonicalURL: url, Title: url, Body: strings.Repeat(url+" ", 1000),
					Fetched: v.Time,
				}
				v.Article.ContentHash = v.Article.Hash()
				if _, err := a.Record(ctx, store.Target{URL: url}, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	scan := func(ctx context.Context, after string, each func(n int) bool) (cursors []string, err error) {
		for v, err := range a.Articles(ctx, store.Query{After: after}) {
			if err != nil {
				return cursors, err
			}
			if id := gjson.GetBytes(v.JSON, "id").String(); id != v.ID {
				t.Fatalf("article %d: the JSON of %s says %s", len(cursors), v.ID, id)
			}
			if cursors = append(cursors, v.Cursor); !each(len(cursors)) {
				return cursors, nil
			}
		}
		return cursors, nil
	}
	all := must[[]string](t)(scan(ctx, "", func(int) bool { return true }))
	if len(all) != n || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != n {
		t.Fatalf("%d articles, want %d, each once and in order", len(all), n)
	}
	for _, end := range []int{1, n / 2, n - 1, n} {
		before := must[[]string](t)(scan(ctx, "", func(n int) bool { return n < end }))
		rest := must[[]string](t)(scan(ctx, all[end-1], func(int) bool { return true }))
		if !slices.Equal(append(before, rest...), all) {
			t.Errorf("a scan of %d and one of the rest yield %d", end, len(before)+len(rest))
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	got, err := scan(ctx, "", func(have int) bool {
		if have == n/2 {
			cancel()
		}
		return true
	})
	if len(got) != n/2 || !errors.Is(err, context.Canceled) {
		t.Errorf("a scan that was cancelled after %d yields %d, %v", n/2, len(got), err)
	}
}

// TestScanDamaged damages records of articles in each of three batches: a scan
// names them and goes on, and so does one from any cursor.
func TestScanDamaged(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 700
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	bolt.Together(t, a, n, func(i int) error {
		url := fmt.Sprintf("https://h.vn/%03d", i)
		v := store.Visit{Result: store.Fetched, Time: time.Unix(1516347540, 0), Capture: &store.Capture{URL: url, Status: 200, Body: []byte(url)}}
		v.Article = &extract.Article{ID: extract.ArticleID(url), URL: url, CanonicalURL: url, Title: url, Fetched: v.Time}
		v.Article.ContentHash = v.Article.Hash()
		_, err := a.Record(t.Context(), store.Target{URL: url}, v)
		return err
	})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	db := must[*bbolt.DB](t)(bbolt.Open(filepath.Join(dir, "archive.db"), 0o666, nil))
	err := db.Update(func(tx *bbolt.Tx) (err error) {
		c := tx.Bucket([]byte("versions")).Cursor()
		k, v := c.First()
		for i := range n {
			b, name := tx.Bucket([]byte("versions")), bytes.Clone(k)
			if i == 0 || i == 300 || i == 301 { // of these the reading
				b, name = tx.Bucket([]byte("readings")), bytes.Clone(v[77:85])
			} else if i != 100 && i != n-1 {
				b = nil
			}
			if b != nil {
				bad := bytes.Clone(b.Get(name))
				bad[len(bad)/2] ^= 1
				err = errors.Join(err, b.Put(name, bad))
				c.Seek(k)
			}
			k, v = c.Next()
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, bolt.Options{ReadOnly: true})
	scan := func(after string) (cursors []string, damaged int) {
		for v, err := range a.Articles(t.Context(), store.Query{After: after}) {
			var d *store.Damaged
			switch {
			case errors.As(err, &d):
				damaged++
				if v.JSON != nil || v.Host != "h.vn" || d.ID != v.ID || v.ID != "" && !strings.HasPrefix(d.URL, "https://h.vn/") {
					t.Errorf("%+v comes with %+v", v, d)
				}
				if _, err := a.Version(t.Context(), v.ID, v.Number); v.ID != "" && !errors.As(err, &d) {
					t.Errorf("Version() of what is damaged: %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case gjson.GetBytes(v.JSON, "id").String() != v.ID:
				t.Fatalf("the JSON of %s is %s", v.ID, v.JSON)
			default:
				cursors = append(cursors, v.Cursor)
			}
		}
		return cursors, damaged
	}
	all, damaged := scan("")
	if len(all) != n-5 || damaged != 5 {
		t.Fatalf("%d articles and %d that are damaged, want %d and 5", len(all), damaged, n-5)
	}
	for i, cursor := range all {
		if i%97 == 0 || i == len(all)-1 {
			if rest, _ := scan(cursor); !slices.Equal(rest, all[i+1:]) {
				t.Errorf("behind article %d come %d", i, len(rest))
			}
		}
	}
}
