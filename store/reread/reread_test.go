package reread_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/reread"
)

// rules read a page of lines: title, body.
type rules func(p extract.Page, a *extract.Article) error

func (r rules) Read(p extract.Page) (*extract.Reading, error) {
	title, body, _ := strings.Cut(string(p.Body), "\n")
	a := &extract.Article{URL: p.URL, CanonicalURL: p.URL, Site: "moj", Title: title, Body: body, Fetched: p.Fetched, Extractor: "1"}
	if err := r(p, a); err != nil {
		return nil, err
	}
	a.ID, a.ContentHash = extract.ArticleID(a.CanonicalURL), a.Hash()
	return &extract.Reading{Article: a}, nil
}

func plain(extract.Page, *extract.Article) error { return nil }

// upper is a better rule for every third page.
func upper(p extract.Page, a *extract.Article) error {
	a.Extractor = "2"
	if strings.HasSuffix(p.URL, "0") || strings.HasSuffix(p.URL, "5") {
		a.Title, a.Tags = strings.ToUpper(a.Title), []string{"x"}
	}
	return nil
}

// fill keeps n articles, as rules read them.
func fill(t testing.TB, dir string, n int, r reread.Reader) {
	t.Helper()
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		u := fmt.Sprintf("https://moj.gov.vn/%d", i)
		keep(t, a, extract.Page{URL: u, Body: fmt.Appendf(nil, "tin %d\nnội dung %d", i, i), Fetched: time.Unix(int64(i)*60, 0)}, r)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func keep(t testing.TB, a store.Archive, p extract.Page, r reread.Reader) {
	t.Helper()
	reading, err := r.Read(p)
	if err != nil || reading.Article == nil {
		return
	}
	_, err = a.Record(t.Context(), store.Target{URL: p.URL, Site: "moj", Kind: extract.KindArticle}, store.Visit{
		Result: store.Fetched, Time: p.Fetched, Article: reading.Article,
		Capture: &store.Capture{URL: p.URL, Status: 200, Body: p.Body, Fetched: p.Fetched},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *bolt.Archive {
	t.Helper()
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

var at = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	const n = 1500
	fill(t, dir, n, rules(plain))
	a := open(t, dir)
	var dry, told []string
	sum, err := reread.Run(t.Context(), a, rules(upper), at, reread.Options{Dry: true, Workers: 3}, func(p *reread.Page) error {
		dry = append(dry, p.Version.Cursor)
		return nil
	})
	if err != nil || sum.Pages != n || sum.Changed != n/5 || sum.Same != n-n/5 {
		t.Errorf("Run() keeping nothing = %+v, %v", sum, err)
	}
	sum, err = reread.Run(t.Context(), a, rules(upper), at, reread.Options{Workers: 3}, func(p *reread.Page) error {
		told = append(told, p.Version.Cursor)
		if !slices.Equal(p.Fields, []string{"title", "tags"}) || p.Err != nil || p.Old.Title != strings.ToLower(p.New.Title) {
			t.Errorf("told of %+v", p)
		}
		return nil
	})
	if err != nil || sum.Changed != n/5 || sum.Fields["title"] != n/5 || sum.Fields["tags"] != n/5 || sum.Fields["extractor"] != 0 {
		t.Errorf("Run() = %+v, %v", sum, err)
	}
	if !slices.IsSorted(told) || !slices.Equal(told, dry) {
		t.Errorf("told of %d pages, and of %d without keeping anything; in order %v", len(told), len(dry), slices.IsSorted(told))
	}
	for v, err := range a.Articles(t.Context(), store.Query{}) {
		var got extract.Article
		if err := errors.Join(err, json.Unmarshal(v.JSON, &got)); err != nil {
			t.Fatal(err)
		}
		want, by := "tin ", "1"
		if upper := strings.HasSuffix(got.URL, "0") || strings.HasSuffix(got.URL, "5"); upper {
			want, by = "TIN ", "2"
		}
		if !strings.HasPrefix(got.Title, want) || got.Extractor != by || v.Number != 1 {
			t.Fatalf("%s", v.JSON)
		}
	}
	for p := range a.Verify(t.Context()) {
		t.Error(p)
	}
	if sum, err := reread.Run(t.Context(), a, rules(upper), at, reread.Options{}, func(p *reread.Page) error { return errors.New("told") }); err != nil || sum.Same != n {
		t.Errorf("Run() a second time = %+v, %v", sum, err)
	}
}

// TestGoesOn ends a run again and again and goes on from where it says: nothing
// is left out.
func TestGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	const n = 2000
	fill(t, dir, n, rules(plain))
	a := open(t, dir)
	all := func(_ extract.Page, a *extract.Article) error {
		a.Title += "!"
		return nil
	}
	o, runs := reread.Options{}, 0
	for ; ; runs++ {
		ctx, cancel := context.WithCancel(t.Context())
		pages := 0
		sum, err := reread.Run(ctx, a, rules(all), at, o, func(*reread.Page) error {
			if pages++; pages == 700 {
				cancel()
			}
			return nil
		})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || sum.Last == o.After {
			t.Fatalf("run %d from %q = %+v, %v", runs, o.After, sum, err)
		}
		o.After = sum.Last
	}
	if runs < 2 {
		t.Errorf("%d runs were ended", runs)
	}
	got := 0
	for v, err := range a.Articles(t.Context(), store.Query{}) {
		if err != nil || !bytes.Contains(v.JSON, []byte(`!","lead"`)) {
			t.Fatalf("%s, %v", v.JSON, err)
		}
		got++
	}
	if got != n {
		t.Errorf("%d articles, want %d", got, n)
	}
	for p := range a.Verify(t.Context()) {
		t.Error(p)
	}
}

// TestStays names what is not read, and leaves what it was.
func TestStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	fill(t, dir, 6, rules(plain))
	db := filepath.Join(dir, "archive.db")
	b, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.LastIndex(b, []byte("tin 5\n")) // what stands in the capture
	b[i] = 'T'
	if err := os.WriteFile(db, b, 0o666); err != nil {
		t.Fatal(err)
	}
	a := open(t, dir)
	sum, err := reread.Run(t.Context(), a, rules(func(p extract.Page, a *extract.Article) error {
		a.Title = "new"
		switch p.URL[len(p.URL)-1] {
		case '1':
			return fmt.Errorf("%w: a list", extract.ErrNotArticle)
		case '2':
			panic("out of range")
		case '3':
			a.CanonicalURL = "https://moj.gov.vn/another"
		}
		return nil
	}), at, reread.Options{}, func(p *reread.Page) error {
		want := map[byte]string{'0': "", '1': "not an article: a list", '2': "the reader panicked: out of range", '3': "it would be another article: https://moj.gov.vn/another", '4': "", '5': "checksum does not fit"}
		seq := strings.Index(p.Version.Cursor, "/") + 16
		last := p.Version.Cursor[seq] - 1
		got := ""
		if p.Err != nil {
			got = p.Err.Error()
		}
		if w := want[last]; (w == "") != (got == "") || !strings.Contains(got, w) {
			t.Errorf("version %s: %q, want %q", p.Version.Cursor, got, w)
		}
		return nil
	})
	if err != nil || sum.Changed != 2 || sum.Refused != 3 || sum.Damaged != 1 || sum.Pages != 6 {
		t.Errorf("Run() = %+v, %v", sum, err)
	}
	changed := 0
	for v, err := range a.Articles(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(v.JSON, []byte(`"title":"new"`)) {
			changed++
		}
	}
	if changed != 2 {
		t.Errorf("%d articles have changed, want 2", changed)
	}
}

// BenchmarkReextract reads an archive of real pages beside the checkout again.
// It reports the processor time of all of it as a multiple of that of html.Parse
// on the same bytes in the same run, as many at a time (x-parse), and pages a
// second.
func BenchmarkReextract(b *testing.B) {
	sites, err := extract.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(b.TempDir(), "archive")
	a := open(b, dir)
	for _, p := range benchPages(b) {
		keep(b, a, p, sites)
	}
	var bodies [][]byte
	for v, err := range a.Articles(b.Context(), store.Query{History: true}) {
		var article extract.Article
		if err := errors.Join(err, json.Unmarshal(v.JSON, &article)); err != nil {
			b.Fatal(err)
		}
		p, err := a.Capture(b.Context(), string(article.Capture))
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, p.Body)
	}
	if len(bodies) == 0 {
		b.Skip("no pages beside the checkout")
	}
	var parsing, reading, wall time.Duration
	pages := 0
	for b.Loop() {
		start := cpu(b)
		var workers sync.WaitGroup
		var next atomic.Int64
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(bodies)); i = next.Add(1) - 1 {
					html.Parse(bytes.NewReader(bodies[i]))
				}
			})
		}
		workers.Wait()
		parsing += cpu(b) - start
		start = cpu(b)
		began := time.Now()
		sum, err := reread.Run(b.Context(), a, sites, at, reread.Options{Dry: true}, func(*reread.Page) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		reading += cpu(b) - start
		wall += time.Since(began)
		pages += sum.Pages
		b.SetBytes(sum.Bytes)
	}
	b.ReportMetric(float64(reading)/float64(parsing), "x-parse")
	b.ReportMetric(float64(pages)/wall.Seconds(), "pages/s")
}

// cpu is the processor time of this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchPages(b *testing.B) (pages []extract.Page) {
	files, _ := filepath.Glob("../../../shared/corpus/pages/*.html")
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		if u := extract.OwnURL(body); u != "" {
			pages = append(pages, extract.Page{URL: u, ContentType: "text/html", Body: body, Fetched: at})
		}
	}
	files, _ = filepath.Glob("../../../shared/bench/*/truth.jsonl")
	for _, name := range files {
		truth, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		for line := range bytes.Lines(truth) {
			var t struct{ ID, URL string }
			if err := json.Unmarshal(line, &t); err != nil {
				b.Fatal(err)
			}
			f, err := os.Open(filepath.Join(filepath.Dir(name), "pages", t.ID+".html.gz"))
			if err != nil {
				continue
			}
			z, err := gzip.NewReader(f)
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(z)
			f.Close()
			if err != nil {
				b.Fatal(err)
			}
			if u, err := url.Parse(t.URL); err == nil && u.Host != "" {
				pages = append(pages, extract.Page{URL: t.URL, ContentType: "text/html", Body: body, Fetched: at})
			}
		}
	}
	return pages
}

// TestUnread reads pages that were no articles when they were visited.
func TestUnread(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir)
	visit := func(url, body string, kind extract.Kind, hour int, change func(*store.Visit)) {
		t.Helper()
		v := store.Visit{Result: store.Fetched, Reason: "not read", Time: time.Unix(int64(hour)*3600, 0), Capture: &store.Capture{
			URL: url, FinalURL: url, Status: 200, Body: []byte(body), Fetched: time.Unix(int64(hour)*3600, 0)}}
		if change != nil {
			change(&v)
		}
		if _, err := a.Record(t.Context(), store.Target{URL: url, Site: "moj", Kind: kind}, v); err != nil {
			t.Fatal(err)
		}
	}
	const host = "https://moj.gov.vn/"
	visit(host+"a", "tin a\nnội dung", extract.KindArticle, 1, nil)
	visit(host+"a", "tin a\nnội dung khác", extract.KindArticle, 3, func(v *store.Visit) { v.Capture.FinalURL = host + "a2" })
	visit(host+"b", "tin b\nnội dung", "", 1, nil)
	visit(host+"list", "list\nb", extract.KindList, 1, nil)
	visit(host+"was-list", "list\nx", extract.KindList, 1, nil)
	visit(host+"was-list", "tin c\nx", extract.KindList, 2, nil)
	visit(host+"file", "tin\nfile", extract.KindAttachment, 1, nil)
	visit(host+"error", "tin\nerror", extract.KindArticle, 1, func(v *store.Visit) { v.Result, v.Capture.Status = store.Missing, 404 })
	visit(host+"cut", "tin\ncut", extract.KindArticle, 1, func(v *store.Visit) { v.Result, v.Capture.Truncated = store.Failed, "length" })
	visit(host+"other", "other\nsite", extract.KindArticle, 1, nil)
	rule := rules(func(p extract.Page, x *extract.Article) error {
		if x.Title == "list" {
			return extract.ErrNotArticle
		}
		if x.Title == "other" {
			x.Site = ""
		}
		x.CanonicalURL = strings.TrimSuffix(x.CanonicalURL, "2")
		return nil
	})
	want := []string{
		"added " + host + "a 1970-01-01T01", "changed " + host + "a 1970-01-01T03", "added " + host + "b 1970-01-01T01", "added " + host + "was-list 1970-01-01T02",
	}
	for _, c := range []struct {
		name string
		dry  bool
		want []string
	}{{"dry", true, want}, {"for the first time", false, want}, {"again", false, nil}, {"dry again", true, nil}} {
		var told []string
		sum, err := reread.Run(t.Context(), a, rule, at, reread.Options{Dry: c.dry}, func(p *reread.Page) error {
			if p.Outcome != "" {
				told = append(told, fmt.Sprintf("%s %s %s", p.Outcome, p.URL, p.New.Fetched.UTC().Format("2006-01-02T15")))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, told); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if n := len(c.want); sum.Added+sum.Further != n || sum.Damaged != 0 || sum.Unread != 6 {
			t.Errorf("%s: %+v", c.name, sum)
		}
		for p := range a.Verify(t.Context()) {
			t.Errorf("%s: Verify: %v", c.name, p)
		}
	}
	if id, err := a.Resolve(t.Context(), host+"a2"); err != nil || id != extract.ArticleID(host+"a") {
		t.Errorf("Resolve(where it led) = %s, %v", id, err)
	}
	if sum, err := reread.Run(t.Context(), a, rule, at, reread.Options{Sites: []string{"mof"}}, func(*reread.Page) error { return nil }); err != nil || sum.Unread != 0 {
		t.Errorf("Run() of another site = %+v, %v", sum, err)
	}
}

// TestLost reads the page of a version once more that a repair could not save.
func TestLost(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "archive"), filepath.Join(t.TempDir(), "repaired")
	rule := rules(func(_ extract.Page, x *extract.Article) error {
		x.Title = "Bài " + x.Title // which no page says
		return nil
	})
	a := open(t, dir)
	const url = "https://moj.gov.vn/1"
	for i, title := range []string{"một", "hai", "ba"} {
		keep(t, a, extract.Page{URL: url, Body: []byte(title + "\nnội dung"), Fetched: time.Unix(int64(i)*3600, 0)}, rule)
	}
	want, err := a.History(t.Context(), extract.ArticleID(url))
	if err := errors.Join(err, a.Close()); err != nil || len(want) != 3 {
		t.Fatalf("%d versions, %v", len(want), err)
	}
	name := filepath.Join(dir, "archive.db")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"Bài hai", "Bài ba"} {
		if !bytes.Contains(b, []byte(title)) {
			t.Fatalf("%s is not in %s", title, name)
		}
		b = bytes.ReplaceAll(b, []byte(title), []byte("b"+title[1:]))
	}
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Repair(t.Context(), dir, to, func(store.Problem) {}); err != nil {
		t.Fatal(err)
	}
	a = open(t, to)
	for _, c := range []struct {
		dry  bool
		want int
	}{{true, 2}, {false, 2}, {false, 0}} {
		sum, err := reread.Run(t.Context(), a, rule, at, reread.Options{Dry: c.dry}, func(*reread.Page) error { return nil })
		if err != nil || sum.Further != c.want || sum.Added != 0 || sum.Damaged != 0 {
			t.Errorf("Run() = %+v, %v, want %d further versions", sum, err, c.want)
		}
	}
	got, err := a.History(t.Context(), extract.ArticleID(url))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d versions, %v, want %d", len(got), err, len(want))
	}
	for i := range want {
		if diff := cmp.Diff(string(want[i].JSON), string(got[i].JSON)); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", i+1, diff)
		}
	}
	for p := range a.Verify(t.Context()) {
		t.Errorf("Verify: %v", p)
	}
}
