package ministry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/crawler"
	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/testdata/ministry"
)

var update = flag.Bool("update", false, "write articles.golden.jsonl and seed/ from the content files")

func open(t *testing.T) *ministry.Web {
	t.Helper()
	w, err := ministry.New()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sites(t *testing.T) *extract.Sites {
	t.Helper()
	s, err := extract.LoadSites(os.DirFS("sites"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get asks the web as a crawler does, and reads what comes.
func get(t *testing.T, w http.Handler, s *extract.Sites, l extract.Link) (*httptest.ResponseRecorder, *extract.Reading, error) {
	t.Helper()
	method := http.MethodGet
	if l.Post != "" {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, l.URL, strings.NewReader(l.Post))
	for key, value := range s.Headers(s.Of(l.URL), l.URL) {
		r.Header.Set(key, value)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	reading, err := s.Read(extract.Page{URL: l.URL, Post: l.Post, ContentType: rec.Header().Get("Content-Type"), Body: rec.Body.Bytes(), Fetched: now})
	return rec, reading, err
}

// now is when the tests read: after all editions.
var now = time.Date(2026, 6, 18, 0, 0, 0, 0, time.UTC)

// TestArticles reads every article of every edition: each must come out as its
// content file says.
func TestArticles(t *testing.T) {
	w, s := open(t), sites(t)
	for n := 1; n <= ministry.Editions; n++ {
		if err := w.SetEdition(n); err != nil {
			t.Fatal(err)
		}
		for _, want := range w.Articles(n) {
			rec, reading, err := get(t, w, s, extract.Link{URL: want.URL})
			if err != nil {
				t.Errorf("edition %d, %s: status %d: %v", n, want.URL, rec.Code, err)
				continue
			}
			got := truth(reading.Article)
			if want.Related == nil {
				got.Related = nil // which link lists beside a text are its own is not said
			}
			if want.Section == "" {
				got.Section = ""
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("edition %d, %s: article differs (-want +got)\n%s", n, want.URL, d)
			}
		}
	}
}

func truth(a *extract.Article) ministry.Article {
	t := ministry.Article{
		Site: a.Site, URL: a.URL, Canonical: a.CanonicalURL, Title: a.Title, Lead: string(a.Lead), Body: a.Body, Blocks: len(a.Blocks),
		Section: string(a.Section), Source: string(a.Source), Authors: a.Authors, Tags: a.Tags,
	}
	if a.Published != nil {
		t.Published, t.Precision = a.Published.Format(time.RFC3339), string(a.PublishedPrecision)
	}
	for _, i := range a.Images {
		t.Images = append(t.Images, ministry.Image{URL: i.URL, Caption: string(i.Caption), Credit: string(i.Credit)})
	}
	for _, f := range a.Attachments {
		t.Files = append(t.Files, ministry.File(f))
	}
	for _, r := range a.Related {
		t.Related = append(t.Related, r.Title)
	}
	return t
}

// TestWalk follows the links from the seeds as a crawl does: every article
// must be found, and nothing that is forbidden, foreign or broken read.
func TestWalk(t *testing.T) {
	w, s := open(t), sites(t)
	for n := 1; n <= ministry.Editions; n++ {
		if err := w.SetEdition(n); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		files := map[string]bool{}
		var broken []string
		for _, name := range s.Names() {
			if !strings.HasPrefix(name, "bomau-") {
				continue
			}
			todo := s.Seeds(name)
			seen := map[string]bool{}
			for len(todo) > 0 {
				l := todo[0]
				todo = todo[1:]
				if seen[l.Canonical] {
					continue
				}
				seen[l.Canonical] = true
				u, err := url.Parse(l.URL)
				if err != nil || !strings.HasSuffix(u.Host, ".bomau.example") {
					t.Errorf("edition %d: %s of another site is followed", n, l.URL)
					continue
				}
				if strings.HasPrefix(u.Path, "/noi-bo/") {
					continue // robots.txt forbids it
				}
				rec, reading, err := get(t, w, s, l)
				if rec.Code == http.StatusMovedPermanently {
					l.URL = rec.Header().Get("Location")
					rec, reading, err = get(t, w, s, l)
				}
				switch {
				case l.Kind == extract.KindAttachment:
					if rec.Code != http.StatusOK {
						t.Errorf("edition %d: attachment %s answers %d", n, l.URL, rec.Code)
					}
					files[l.URL] = true
				case reading.Article != nil && err == nil:
					found[reading.Article.CanonicalURL] = true
				case l.Kind == extract.KindArticle:
					broken = append(broken, l.URL)
				case !errors.Is(err, extract.ErrNotArticle):
					t.Errorf("edition %d: %s %s: status %d: %v", n, l.Kind, l.URL, rec.Code, err)
				}
				todo = append(todo, reading.Links...)
			}
		}
		wanted := map[string]bool{}
		for _, a := range w.Articles(n) {
			wanted[a.Canonical] = true
			if !found[a.Canonical] {
				t.Errorf("edition %d: %s is not found", n, a.Canonical)
			}
			for _, f := range a.Files {
				if !files[f.URL] {
					t.Errorf("edition %d: attachment %s is not found", n, f.URL)
				}
			}
		}
		for u := range found {
			if !wanted[u] {
				t.Errorf("edition %d: %s is found, but is no article", n, u)
			}
		}
		if len(broken) != 2 {
			t.Errorf("edition %d: broken pages %q, want two", n, broken)
		}
	}
	for u := range w.Asked() {
		if strings.Contains(u, "kenhban") {
			t.Errorf("%s was asked for", u)
		}
	}
}

// TestEditions compares the bytes: of the second edition nothing but clocks
// and counters differs.
func TestEditions(t *testing.T) {
	w := open(t)
	if got, want := len(w.Articles(2)), len(w.Articles(1)); got != want {
		t.Errorf("edition 2 has %d articles, edition 1 %d", got, want)
	}
	if d := cmp.Diff(w.Articles(1), w.Articles(2)); d != "" {
		t.Errorf("edition 2 differs (-1 +2)\n%s", d)
	}
	known := map[string]ministry.Article{}
	for _, a := range w.Articles(1) {
		known[a.URL] = a
	}
	added, edited := 0, 0
	for _, a := range w.Articles(3) {
		old, ok := known[a.URL]
		delete(known, a.URL)
		if !ok {
			added++
		} else if !cmp.Equal(old, a) {
			edited++
		}
	}
	if added != 3 || edited != 1 || len(known) != 1 {
		t.Errorf("edition 3 has %d new, %d edited and %d deleted articles, want 3, 1 and 1", added, edited, len(known))
	}
}

// TestGolden compares articles.golden.jsonl, for tools that are not written in
// Go, with the content files.
func TestGolden(t *testing.T) {
	w := open(t)
	type line struct {
		Editions []int `json:"editions"`
		ministry.Article
	}
	var all []*line
	for n := 1; n <= ministry.Editions; n++ {
		for _, a := range w.Articles(n) {
			i := slices.IndexFunc(all, func(l *line) bool { return cmp.Equal(l.Article, a) })
			if i < 0 {
				i = len(all)
				all = append(all, &line{Article: a})
			}
			all[i].Editions = append(all[i].Editions, n)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, l := range all {
		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "articles.golden.jsonl", b.Bytes())
}

// roundTrip hands the requests of a crawler to the web.
type roundTrip struct{ http.Handler }

func (h roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Host = r.URL.Host
	h.ServeHTTP(rec, in)
	return rec.Result(), nil
}

// TestCrawl crawls the editions one after the other and compares what is kept.
func TestCrawl(t *testing.T) {
	w, s := open(t), sites(t)
	archive, err := bolt.Open(t.TempDir(), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var own []string
	for _, name := range s.Names() {
		if strings.HasPrefix(name, "bomau-") {
			own = append(own, name)
		}
	}
	c := crawler.Crawler{Archive: archive, Sites: s, Transport: roundTrip{w}, Delay: -1, Patience: 500 * time.Millisecond}
	for n := 1; n <= ministry.Editions; n++ {
		if err := w.SetEdition(n); err != nil {
			t.Fatal(err)
		}
		if n > 1 {
			if _, err := archive.Recall(t.Context(), store.Selection{Kinds: []extract.Kind{extract.KindArticle}}); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := c.Run(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{0, 43, 0, 3}[n]; sum.Added != want {
			t.Errorf("edition %d: %d articles added, want %d", n, sum.Added, want)
		}
		if want := []int{0, 0, 0, 1}[n]; sum.Changed != want || sum.Gone != want {
			t.Errorf("edition %d: %d articles changed and %d gone, want %d and %d", n, sum.Changed, sum.Gone, want, want)
		}
		if sum.Failed != 2 || sum.Blocked != 1 {
			t.Errorf("edition %d: %d failed and %d blocked, want 2 and 1: %v", n, sum.Failed, sum.Blocked, sum.Problems)
		}
		kept := map[string]*extract.Article{} // by every address
		for v, err := range archive.Articles(t.Context(), store.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			a := &extract.Article{}
			if err := json.Unmarshal(v.JSON, a); err != nil {
				t.Fatal(err)
			}
			for _, u := range append(a.Aliases, a.CanonicalURL) {
				kept[u] = a
			}
		}
		for _, want := range w.Articles(n) {
			a := kept[want.Canonical]
			if a == nil {
				t.Errorf("edition %d: %s is not kept", n, want.Canonical)
				continue
			}
			if got := truth(a); got.Title != want.Title || got.Body != want.Body || got.Published != want.Published {
				t.Errorf("edition %d: %s is kept as\n%s %s\n%s\nwant\n%s %s\n%s", n, want.Canonical, got.Published, got.Title, got.Body, want.Published, want.Title, want.Body)
			}
		}
	}
	for p := range archive.Verify(t.Context()) {
		t.Errorf("verify: %s", p)
	}
	for u := range w.Asked() {
		if strings.Contains(u, "/noi-bo/") || strings.Contains(u, "kenhban.example") {
			t.Errorf("%s was asked for", u)
		}
	}
}

// TestSeed compares seed/ with the templates, and reads each of its pages as a
// stranger would: with the built-in definitions, which know none of the hosts.
func TestSeed(t *testing.T) {
	w := open(t)
	pages, err := w.Dressings()
	if err != nil {
		t.Fatal(err)
	}
	s, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		golden(t, filepath.Join("seed", name+".html"), page.Body)
		t.Run(name, func(t *testing.T) {
			reading, err := s.Read(extract.Page{URL: page.Article.URL, Body: page.Body, Fetched: now})
			if err != nil {
				t.Fatal(err)
			}
			got := truth(reading.Article)
			got.Site, got.Tags = page.Article.Site, nil
			if d := cmp.Diff(page.Article, got); d != "" {
				t.Errorf("article differs (-want +got)\n%s", d)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s is not what the content files give; run go test ./testdata/ministry -update, and read it", name)
	}
}

// TestWeb checks what a crawler meets besides articles.
func TestWeb(t *testing.T) {
	w := open(t)
	const tab = "http://www.bomau.example/tin-tuc.htm"
	tests := []struct {
		name, method, url string
		header            string
		status            int
		holds             string
	}{
		{"overview", "GET", "http://127.0.0.1/", "", 200, "The sample ministry"},
		{"look through the overview", "GET", "http://127.0.0.1/www.bomau.example/tin-tuc.htm", "", 200, `href="/www.bomau.example/chinh-sach.htm"`},
		{"robots", "GET", "http://www.bomau.example/robots.txt", "", 200, "Crawl-delay"},
		{"no robots", "GET", "http://luat.bomau.example/robots.txt", "", 404, ""},
		{"https", "CONNECT", "www.bomau.example:443", "", 501, "no https"},
		{"another host", "GET", "http://kenhban.example/", "", 502, "no host kenhban.example"},
		{"API without its header", "GET", "http://api-cong.bomau.example/api/Public/PostDetail?ID=60117", "", 403, "portal-id"},
		{"shell", "GET", "http://cong.bomau.example/tin-tuc/x---id60117", "", 200, `<div id="root"></div>`},
		{"old address", "GET", "http://bao.bomau.example/phap-luat/toa-luu-dong-xu-vu-tranh-chap-ben-bai-1187.html?utm_source=phap-luat", "", 301, ""},
		{"packed", "GET", tab, "Accept-Encoding: gzip", 200, "\x1f\x8b"},
		{"past the end", "GET", "http://www.bomau.example/timelinelist/1021/99.htm", "", 200, "het tin"},
		{"UTF-16 feed", "GET", "http://bao.bomau.example/rss_feed/thoi-su", "", 200, "\xff\xfe<\x00?\x00"},
		{"packed sitemap", "GET", "http://cong.bomau.example/sitemap-tin-tuc.xml.gz", "", 200, "\x1f\x8b"},
		{"photo", "GET", "http://bao.bomau.example/stores/news_dataimages/bbt/012018/19/x.jpg", "", 200, "\xff\xd8"},
		{"no such edition", "POST", "http://127.0.0.1/_edition?n=4", "", 400, "no edition 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url, nil)
			if name, value, ok := strings.Cut(tt.header, ": "); ok {
				r.Header.Set(name, value)
			}
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.holds) {
				t.Errorf("%s %s = %d %.300q, want %d with %q", tt.method, tt.url, rec.Code, rec.Body, tt.status, tt.holds)
			}
		})
	}
	r := httptest.NewRequest("GET", tab, nil)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	r.Header.Set("If-None-Match", rec.Header().Get("ETag"))
	rec = httptest.NewRecorder()
	if w.ServeHTTP(rec, r); rec.Code != http.StatusNotModified {
		t.Errorf("GET %s with its ETag = %d, want 304", tab, rec.Code)
	}
}
