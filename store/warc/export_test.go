package warc

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// odd is an archive with one of everything that can be odd about a visit, and
// what was put in.
func odd(t *testing.T) (*bolt.Archive, []store.VisitRecord) {
	t.Helper()
	a, err := bolt.Open(filepath.Join(t.TempDir(), "archive"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	ctx := context.Background()
	began := time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	long := bytes.Repeat([]byte("%PDF-1.7 \x00\xff"), 150_000)
	var put []store.VisitRecord
	keep := func(url, body string, v store.Visit, f func(*store.Target, *store.Capture)) {
		t.Helper()
		at := began.Add(time.Duration(len(put)) * time.Hour)
		target := store.Target{URL: url, Site: "bomau", Kind: extract.KindArticle, Depth: 2, Priority: 1}
		c := &store.Capture{
			URL: url, FinalURL: url, Status: 200, ContentType: "text/html", Header: http.Header{"Content-Type": {"text/html"}},
			Fetched: at, Took: 1234567, Body: []byte(body),
		}
		if f != nil {
			f(&target, c)
		}
		if v.Result == "" {
			v.Result = store.Fetched
		}
		v.Time = at.Add(time.Second)
		if v.Capture = c; f == nil && v.Result != store.Fetched {
			v.Capture = nil
		}
		if v.Article != nil {
			v.Article.Fetched = at
		}
		if _, err := a.Record(ctx, target, v); err != nil {
			t.Fatal(err)
		}
		c2 := *c
		c2.Body = nil
		record := store.VisitRecord{Target: target, Time: v.Time, Result: v.Result, Reason: v.Reason, Answer: &c2, Length: int64(len(body))}
		if v.Capture == nil {
			record.Answer = nil
		}
		put = append(put, record)
	}
	article := func(url, title string) *extract.Article {
		x := &extract.Article{URL: url, CanonicalURL: url, ID: extract.ArticleID(url), Site: "bomau", Title: title, Body: strings.Repeat("Lúa mới. ", 40), Extractor: extract.Version}
		x.ContentHash = x.Hash()
		return x
	}
	a1 := "http://bomau.example/a"
	keep(a1, "<1>", store.Visit{Article: article(a1, "Lễ mừng")}, func(_ *store.Target, c *store.Capture) {
		c.Header = http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}, "Content-Length": {"99"}, "Etag": {`"1"`}, "Set-Cookie": {"a=1", "b=2"}}
	})
	keep(a1, "", store.Visit{Result: store.Unchanged}, nil)
	keep(a1, "<1>", store.Visit{Article: article(a1, "Lễ mừng")}, nil)
	keep(a1, "<2>", store.Visit{Article: article(a1, "Lễ mừng lúa")}, func(_ *store.Target, c *store.Capture) {
		c.URL, c.TLS = a1+"?old", []string{extract.Expired}
		c.Hops = []store.Hop{{URL: a1 + "?old", Status: 301, To: a1 + "?older"}, {URL: a1 + "?older", Status: 302, To: a1}}
		c.Header.Set("Transfer-Encoding", "chunked")
	})
	keep("http://bomau.example/b", "<1>", store.Visit{}, nil)
	keep("http://bomau.example/api", `{"n":1}`, store.Visit{}, func(t *store.Target, c *store.Capture) {
		t.Post, t.Kind, c.Post, c.ContentType = `{"page":1}`, extract.KindList, `{"page":1}`, "application/json"
		c.Header.Set("Content-Type", "application/json")
	})
	keep("http://bomau.example/a b.pdf", string(long), store.Visit{}, func(t *store.Target, c *store.Capture) {
		t.Kind, c.ContentType, c.FinalURL = extract.KindAttachment, "application/pdf", "http://bomau.example/a%20b.pdf"
		c.Header = http.Header{"Content-Type": {"application/pdf"}, "Content-Length": {fmt.Sprint(len(long))}}
	})
	keep("http://bomau.example/cut", "<html>", store.Visit{Result: store.Failed, Reason: "longer than 6 bytes"}, func(_ *store.Target, c *store.Capture) { c.Truncated = "length" })
	keep("http://bomau.example/gone", "gone", store.Visit{Result: store.Missing, Reason: "404 Not Found"}, func(_ *store.Target, c *store.Capture) { c.Status = 404 })
	keep("http://bomau.example/home", "", store.Visit{Result: store.Missing, Reason: "redirected to the home page"}, func(_ *store.Target, c *store.Capture) {
		c.Status, c.Hops = 302, []store.Hop{{URL: c.URL, Status: 302, To: "http://bomau.example/"}}
		c.Header.Set("Location", "/")
	})
	keep("http://bomau.example/robots", "", store.Visit{Result: store.Refused, Reason: "robots.txt forbids it"}, nil)
	return a, put
}

var options = Options{Software: "luutin/test", Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}

// TestRoundTrip: what is read from an export is what was kept.
func TestRoundTrip(t *testing.T) {
	a, put := odd(t)
	for _, form := range []string{"warc.gz", "wacz"} {
		name := filepath.Join(t.TempDir(), "all."+form)
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		export := map[string]func(context.Context, store.Archive, io.Writer, Options) (Counts, error){"warc.gz": Export, "wacz": WACZ}[form]
		counts, err := export(context.Background(), a, f, options)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if want := (Counts{Visits: len(put), Responses: 9, Revisits: 3, Bytes: counts.Bytes}); counts != want {
			t.Errorf("%s: wrote %+v, want %+v", form, counts, want)
		}
		in, err := Open(context.Background(), []string{name}, everySite{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var got []store.VisitRecord
		for x, err := range in.All(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			c := x.Capture
			if c.Header == nil {
				c.Header = http.Header{}
			}
			v := store.VisitRecord{Target: x.Target, Time: x.Time, Result: x.Result, Reason: x.Reason, Answer: &c}
			if x.Unchanged {
				v.Answer = nil
			} else {
				body, err := x.OpenBody()
				if err != nil {
					t.Fatal(err)
				}
				if v.Length, err = io.Copy(io.Discard, body); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, v)
		}
		want := slices.Clone(put[:len(put)-1]) // nobody answered to the last
		for i := range want {
			want[i].Target.Canonical = want[i].Target.Known()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: visits differ (-want +got)\n%s", form, d)
		}
		if len(in.Skips) > 0 {
			t.Errorf("%s: skipped %v", form, in.Skips)
		}
	}
}

// TestRecords looks at the records themselves.
func TestRecords(t *testing.T) {
	a, put := odd(t)
	export := func(q store.VisitQuery) (all []*Record, blocks []string) {
		t.Helper()
		var b, again bytes.Buffer
		o := options
		o.VisitQuery = q
		if _, err := Export(context.Background(), a, &b, o); err != nil {
			t.Fatal(err)
		}
		if _, err := Export(context.Background(), a, &again, o); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("a second export differs: %v", err)
		}
		ids := map[string]bool{}
		r := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return all, blocks
			}
			if err != nil {
				t.Fatal(err)
			}
			block, err := io.ReadAll(rec.Block)
			if err != nil {
				t.Fatal(err)
			}
			h := rec.Header
			if id := h.Get("WARC-Record-ID"); ids[id] || id == "" {
				t.Errorf("id %q is there twice", id)
			} else {
				ids[id] = true
			}
			if got := h.Get("WARC-Block-Digest"); got != digestOf(block) {
				t.Errorf("%s %s: block digest %s, want %s", rec.Type(), rec.URI(), got, digestOf(block))
			}
			if _, payload, ok := bytes.Cut(block, []byte("\r\n\r\n")); ok && rec.Type() == "response" && h.Get("WARC-Payload-Digest") != digestOf(payload) {
				t.Errorf("%s: payload digest does not fit", rec.URI())
			}
			for _, ref := range []string{"WARC-Concurrent-To", "WARC-Warcinfo-ID"} {
				if to := h.Get(ref); to != "" && !strings.HasPrefix(to, "<urn:uuid:") {
					t.Errorf("%s is %s", ref, to)
				}
			}
			if to := h.Get("WARC-Refers-To"); to != "" && !ids[to] && q.Since.IsZero() {
				t.Errorf("%s %s refers to %s, which is not before it", rec.Type(), rec.URI(), to)
			}
			if rec.Inner != 0 {
				t.Errorf("%s %s shares a member", rec.Type(), rec.URI())
			}
			all, blocks = append(all, rec), append(blocks, string(block))
		}
	}
	all, blocks := export(store.VisitQuery{})
	find := func(kind, uri string, n int) int {
		t.Helper()
		for i, rec := range all {
			if rec.Type() == kind && rec.URI() == uri {
				if n--; n < 0 {
					return i
				}
			}
		}
		t.Fatalf("there is no %s record of %s", kind, uri)
		return 0
	}
	first := find("response", "http://bomau.example/a", 0)
	want := "HTTP/1.1 200 OK\r\nX-Archive-Orig-Content-Encoding: gzip\r\nX-Archive-Orig-Content-Length: 99\r\nContent-Length: 3\r\n" +
		"Content-Type: text/html\r\nEtag: \"1\"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n<1>"
	if blocks[first] != want {
		t.Errorf("response %q, want %q", blocks[first], want)
	}
	for n, profile := range []string{"server-not-modified", "identical-payload-digest"} {
		h := all[find("revisit", "http://bomau.example/a", n)].Header
		if !strings.HasSuffix(h.Get("WARC-Profile"), "/1.1/revisit/"+profile) || h.Get("WARC-Refers-To") != all[first].Header.Get("WARC-Record-ID") ||
			h.Get("WARC-Refers-To-Target-URI") != "http://bomau.example/a" || h.Get("WARC-Refers-To-Date") != date(put[0].Answer.Fetched) {
			t.Errorf("revisit %v, want profile %s", h, profile)
		}
	}
	other := all[find("revisit", "http://bomau.example/b", 0)].Header
	if other.Get("WARC-Payload-Digest") != all[first].Header.Get("WARC-Payload-Digest") || other.Get("WARC-Refers-To") != all[first].Header.Get("WARC-Record-ID") {
		t.Errorf("revisit of another address: %v", other)
	}
	if got := blocks[find("response", "http://bomau.example/a?old", 0)]; got != "HTTP/1.1 301 Moved Permanently\r\nLocation: http://bomau.example/a?older\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("redirect %q", got)
	}
	if got := blocks[find("request", "http://bomau.example/api", 0)]; got != "POST /api HTTP/1.1\r\nHost: bomau.example\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"page\":1}" {
		t.Errorf("request %q", got)
	}
	if got := all[find("response", "http://bomau.example/cut", 0)].Header.Get("WARC-Truncated"); got != "length" {
		t.Errorf("WARC-Truncated %q", got)
	}
	if got := blocks[find("metadata", "http://bomau.example/robots", 0)]; !strings.Contains(got, `"result":"refused","reason":"robots.txt forbids it"`) {
		t.Errorf("a visit without an answer: %s", got)
	}
	article, err := a.Article(context.Background(), extract.ArticleID("http://bomau.example/a"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(blocks, string(article.JSON)) {
		t.Error("the article is in no record")
	}

	// Where the first of the same bytes is left out, the bytes are there again.
	all, blocks = export(store.VisitQuery{Since: put[1].Time.Add(-2 * time.Second), Until: put[4].Time})
	if got := blocks[find("response", "http://bomau.example/a", 0)]; !strings.HasSuffix(got, "\r\n\r\n<1>") {
		t.Errorf("the first answer of a part: %q", got)
	}
}

// TestPackage checks that every line of the index leads to its record, that
// files and digests fit, and that the page list names the articles.
func TestPackage(t *testing.T) {
	a, _ := odd(t)
	var b bytes.Buffer
	if _, err := WACZ(context.Background(), a, &b, options); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if f.Method != zip.Store {
			t.Errorf("%s is compressed by the package", f.Name)
		}
	}
	sum := func(b []byte) string {
		s := sha256.Sum256(b)
		return "sha256:" + hex.EncodeToString(s[:])
	}
	var about struct {
		Version   string `json:"wacz_version"`
		Profile   string `json:"profile"`
		Resources []packed
	}
	var digest struct{ Path, Hash string }
	if err := json.Unmarshal(files["datapackage.json"], &about); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(files["datapackage-digest.json"], &digest); err != nil {
		t.Fatal(err)
	}
	if digest.Path != "datapackage.json" || digest.Hash != sum(files["datapackage.json"]) || about.Version != "1.1.1" || about.Profile != "data-package" {
		t.Errorf("datapackage %+v, digest %+v", about, digest)
	}
	if len(about.Resources) != len(files)-2 {
		t.Errorf("datapackage.json names %d of %d files", len(about.Resources), len(files)-2)
	}
	for _, r := range about.Resources {
		if r.Hash != sum(files[r.Path]) || r.Bytes != int64(len(files[r.Path])) {
			t.Errorf("%+v does not fit", r)
		}
	}

	raw := files["archive/data.warc.gz"]
	var lines []string
	for _, part := range strings.Split(strings.TrimSpace(string(files["indexes/index.idx"])), "\n")[1:] {
		var at struct{ Offset, Length int64 }
		if err := json.Unmarshal([]byte(part[strings.Index(part, "{"):]), &at); err != nil {
			t.Fatal(err)
		}
		u, err := gzip.NewReader(bytes.NewReader(files["indexes/index.cdx.gz"][at.Offset : at.Offset+at.Length]))
		if err != nil {
			t.Fatal(err)
		}
		scan := bufio.NewScanner(u)
		for scan.Scan() {
			lines = append(lines, scan.Text())
		}
		if !strings.HasPrefix(lines[len(lines)-1], "example,bomau)/") {
			t.Errorf("index line %s", lines[len(lines)-1])
		}
	}
	if !slices.IsSorted(lines) || len(lines) != 11 {
		t.Errorf("%d lines, want 11 that are sorted", len(lines))
	}
	for _, line := range lines {
		var x struct {
			URL, Digest    string
			Offset, Length int64 `json:",string"`
		}
		if err := json.Unmarshal([]byte(line[strings.Index(line, "{"):]), &x); err != nil {
			t.Fatal(err)
		}
		rec, err := NewReader(bytes.NewReader(raw), x.Offset+x.Length).ReadAt(x.Offset, 0)
		if err != nil || rec.URI() != x.URL || rec.Header.Get("WARC-Payload-Digest") != x.Digest {
			t.Errorf("%s leads to %v, %v", line, rec, err)
		}
	}
	if pages := string(files["pages/pages.jsonl"]); strings.Count(pages, "\n") != 3 || !strings.Contains(pages, `"title":"Lễ mừng lúa"`) {
		t.Errorf("pages %s", pages)
	}
}

func TestSurt(t *testing.T) {
	for url, want := range map[string]string{
		"https://www.moj.gov.vn/qt/Tin-Tuc.aspx?b=2&A=1": "vn,gov,moj)/qt/tin-tuc.aspx?a=1&b=2",
		"http://WWW2.moj.gov.vn:8080":                    "vn,gov,moj:8080)/",
		"http://moj.gov.vn:80/":                          "vn,gov,moj)/",
		"http://wwwbao.vn/":                              "vn,wwwbao)/",
		"http://moj.gov.vn/t%C3%B4i?":                    "vn,gov,moj)/t%c3%b4i",
	} {
		if got := surt(url); got != want {
			t.Errorf("surt(%s) = %s, want %s", url, got, want)
		}
	}
}

func TestSorter(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := &sorter{}
	defer s.close()
	var want, got []string
	for range 2000 {
		line := fmt.Sprint(r.IntN(1000), strings.Repeat("x", r.IntN(50)))
		want = append(want, line)
		if err := s.add(line); err != nil {
			t.Fatal(err)
		}
		if r.IntN(300) == 0 {
			if err := s.spill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(want)
	for line, err := range s.sorted() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if !slices.Equal(want, got) {
		t.Errorf("%d lines come back as %d, or out of order", len(want), len(got))
	}
}

// TestDropped writes answers whose bodies the archive has dropped, and takes them
// in again.
func TestDropped(t *testing.T) {
	ctx := t.Context()
	open := func() *bolt.Archive {
		a, err := bolt.Open(filepath.Join(t.TempDir(), "archive"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		return a
	}
	a := open()
	const file = "http://bomau.example/a.pdf"
	began := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for i := range 2 {
		at := began.Add(time.Duration(i) * time.Hour)
		if _, err := a.Record(ctx, store.Target{URL: file, Site: "bomau", Kind: extract.KindAttachment}, store.Visit{Result: store.Fetched, Time: at, Capture: &store.Capture{
			URL: file, FinalURL: file, Status: 200, ContentType: "application/pdf", Header: http.Header{"Content-Type": {"application/pdf"}}, Fetched: at, Body: []byte("%PDF-1.4"),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Retain(ctx, store.Retention{Rule: "no PDF", Types: []string{"application/pdf"}}, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "all.warc.gz")
	var b bytes.Buffer
	counts, err := Export(ctx, a, &b, options)
	if want := (Counts{Visits: 2, Headless: 2, Bytes: counts.Bytes}); err != nil || counts != want {
		t.Errorf("Export() = %+v, %v, want %+v", counts, err, want)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	answers, notes := 0, 0
	r := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		block, err := io.ReadAll(rec.Block)
		if err != nil {
			t.Fatal(err)
		}
		h := rec.Header
		switch rec.Type() {
		case "response":
			answers++
			if string(block) != "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" || h.Get("WARC-Truncated") != "unspecified" || h.Get("WARC-Payload-Digest") != "" {
				t.Errorf("response %v %q", h, block)
			}
		case "metadata":
			notes++
			if !bytes.Contains(block, []byte(`"length":8,"sha256":"`)) || !bytes.Contains(block, []byte(`"dropped":{"when":"`)) || !bytes.Contains(block, []byte(`"rule":"no PDF"`)) {
				t.Errorf("note %s", block)
			}
		case "revisit":
			t.Errorf("a revisit refers to what is not there: %v", h)
		}
	}
	if answers != 2 || notes != 2 {
		t.Errorf("%d answers and %d notes, want 2 of each", answers, notes)
	}

	in, err := Open(ctx, []string{name}, everySite{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	n := 0
	for f, err := range in.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if f.Dropped == nil || f.Dropped.Rule != "no PDF" || f.Dropped.Length != 8 || f.Dropped.Digest != sha256.Sum256([]byte("%PDF-1.4")) || f.Truncated != "" || f.Result != store.Fetched {
			t.Errorf("answer %+v, dropped %+v", f, f.Dropped)
		}
	}
	if n != 2 || len(in.Skips) > 0 {
		t.Errorf("%d answers, skipped %v", n, in.Skips)
	}
}

// everySite is the one site that every URL belongs to.
type everySite struct{}

func (everySite) Of(string) string            { return "every" }
func (everySite) Seeds(string) []extract.Link { return nil }
