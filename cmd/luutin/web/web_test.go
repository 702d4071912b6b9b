package web

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/search"
)

// A house is an archive with a few articles, and a server before it.
type house struct {
	*testing.T
	dir    string
	now    time.Time
	server *Server
	ids    map[string]string      // by the name of the article
	dress  func(*extract.Article) // what further articles are, if not nil

	mu       sync.Mutex
	problems []error
}

const (
	edited    = "https://moj.gov.vn/tin/sua"
	withdrawn = "https://moj.gov.vn/tin/go"
	attacker  = "https://moj.gov.vn/tin/xau"
	list      = "https://moj.gov.vn/tin?a=1&b=%C3%A2"
	document  = "https://moj.gov.vn/van-ban/12.pdf"
	reprint   = "https://bao.example/lai"
)

func newHouse(t *testing.T, change func(*Options)) *house {
	t.Helper()
	h := &house{T: t, dir: filepath.Join(t.TempDir(), "archive"), now: time.Date(2026, 1, 30, 8, 0, 0, 0, time.UTC), ids: map[string]string{}}
	a := h.open(bolt.Options{Clock: h.clock})
	long := strings.Repeat("Bộ Tư pháp họp bàn về công tác văn phòng và thi đua khen thưởng trong năm tới tại Hà Nội. ", 12)
	h.visit(a, edited, "Hội nghị triển khai công tác", long, "")
	h.visit(a, edited, "Hội nghị triển khai nhiệm vụ", long+"\n\nĐoạn thêm.", "")
	h.visit(a, edited, "Hội nghị triển khai nhiệm vụ", long+"\n\nĐoạn thêm nữa.", "")
	h.visit(a, withdrawn, "Tin đã gỡ", "Tin này không còn trên trang của Bộ nữa.", "")
	h.visit(a, attacker, `<script>alert("tiêu đề")</script>`, `<img src=x onerror=alert(1)> & "nháy"`, hostile)
	h.visit(a, reprint, "Hội nghị in lại", long+"\n\nĐoạn thêm nữa.", "")
	h.visit(a, list, "", "", `<a href="/tin/sua">Hội nghị</a>`)
	h.visit(a, document, "", "", "%PDF-1.4 <script>alert(1)</script>")
	h.gone(a, withdrawn)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Open:  func() (store.Archive, error) { return bolt.Open(h.dir, bolt.Options{ReadOnly: true}) },
		Sites: sites,
		Search: func(a store.Archive) (Finder, error) {
			x, err := search.Open(h.dir, a, search.Options{})
			if err == nil {
				t.Cleanup(func() { x.Close() })
				_, err = x.Update(context.Background(), nil)
			}
			return x, err
		},
		Problem: func(r *http.Request, err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.problems = append(h.problems, err)
		},
	}
	if change != nil {
		change(&o)
	}
	if h.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.server.Close()
		for _, err := range h.problems {
			t.Errorf("problem: %v", err)
		}
	})
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) open(o bolt.Options) *bolt.Archive {
	h.Helper()
	a, err := bolt.Open(h.dir, o)
	if err != nil {
		h.Fatal(err)
	}
	return a
}

func (h *house) lease(a store.Archive, u string) *store.Lease {
	h.Helper()
	ctx := context.Background()
	h.mu.Lock()
	h.now = h.now.Add(time.Hour)
	h.mu.Unlock()
	known := extract.CanonicalURL(u)
	_, err := a.Add(ctx, store.Target{URL: u, Site: "moj.gov.vn", Kind: extract.KindArticle})
	if err == nil {
		_, err = a.Recall(ctx, store.Selection{URLs: []string{known}})
	}
	var l *store.Lease
	if err == nil {
		l, err = a.Lease(ctx, store.Want{})
	}
	if err != nil || l.Target.URL != u {
		h.Fatalf("lease %s: %v, %v", u, l, err)
	}
	return l
}

// visit keeps a page, and an article when it has a title.
func (h *house) visit(a store.Archive, u, title, body, page string) {
	h.Helper()
	l := h.lease(a, u)
	if page == "" {
		page = fmt.Sprintf("<title>%s</title><p>%s</p>", title, body)
	}
	kind := "text/html; charset=utf-8"
	if strings.HasPrefix(page, "%PDF") {
		kind = "application/pdf"
	}
	v := store.Visit{Result: store.Fetched, Time: h.now, Capture: &store.Capture{
		URL: u, FinalURL: u, Status: 200, Header: http.Header{"Content-Type": {kind}}, ContentType: kind, Fetched: h.now, Body: []byte(page)}}
	if title != "" {
		published := time.Date(2026, 1, 30, 14, 39, 0, 0, time.FixedZone("", 7*3600))
		x := &extract.Article{ID: extract.ArticleID(u), URL: u, CanonicalURL: u, Site: "moj.gov.vn", Ministry: "Bộ Tư pháp", Section: "Tin tức", Title: title,
			Lead: "Sa-pô của bài.", Body: body, Published: &published, PublishedPrecision: "minute", Authors: []string{"H.Duy"}, Language: "vi", Fetched: h.now,
			Blocks:      []extract.Block{{Kind: "paragraph", Text: body}, {Kind: "table", Rows: [][]string{{"Một", "<b>Hai</b>"}}}, {Kind: "list", Items: []string{"a"}}},
			Attachments: []extract.Attachment{{URL: document, Name: "Văn bản", Type: "pdf"}, {URL: "https://moj.gov.vn/khac.doc", Type: "doc"}},
			Provenance:  map[string]string{"title": "h1"}, Extractor: "moj.gov.vn/1"}
		if h.dress != nil {
			h.dress(x)
		}
		x.ContentHash = x.Hash()
		v.Article = x
		h.ids[u] = x.ID
	}
	if _, err := a.Commit(context.Background(), l, v); err != nil {
		h.Fatal(err)
	}
}

func (h *house) gone(a store.Archive, u string) {
	h.Helper()
	l := h.lease(a, u)
	if _, err := a.Commit(context.Background(), l, store.Visit{Result: store.Missing, Reason: "404 Not Found", Time: h.now}); err != nil {
		h.Fatal(err)
	}
}

func (h *house) ask(method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://localhost/", nil)
	path, query, found := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: query, ForceQuery: found && query == ""}
	if plain, err := url.PathUnescape(path); err == nil {
		r.URL.Path, r.URL.RawPath = plain, path
	}
	r.RequestURI = target
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	return w.Result()
}

// get asks for a path and wants a status.
func (h *house) get(status int, target string, header ...string) (body string, r *http.Response) {
	h.Helper()
	r = h.ask("GET", target, header...)
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		h.Errorf("GET %s: %s, %v; want %d\n%.300s", target, r.Status, err, status, b)
	}
	return string(b), r
}

// TestEveryLink follows every link of every page, in both languages: each leads
// somewhere, each page is small, is HTML, and holds nothing that could act.
func TestEveryLink(t *testing.T) {
	h := newHouse(t, nil)
	h.server.findFamilies()
	seen := map[string]bool{}
	kinds := map[string]int{}
	todo := []string{"/vi/", "/en/"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		r := h.ask("GET", at)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		first := strings.SplitN(at, "/", 3)[1]
		kinds[first]++
		switch {
		case r.StatusCode == http.StatusFound:
			todo = append(todo, r.Header.Get("Location"))
			continue
		case r.StatusCode == http.StatusNotFound && first == "replay": // a link of an archived page to what is not archived
			continue
		case r.StatusCode != http.StatusOK:
			t.Errorf("%s: %s", at, r.Status)
		}
		if len(body) > 100<<10 {
			t.Errorf("%s: %d bytes", at, len(body))
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			continue
		}
		root, err := html.Parse(strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" && first != "replay" || strings.Contains(a.Val, "ZgotmplZ") {
					t.Errorf("%s: <%s %s=%q>", at, n.Data, a.Key, a.Val)
				}
				if (a.Key == "href" || a.Key == "src") && strings.HasPrefix(a.Val, "/") {
					todo = append(todo, strings.SplitN(a.Val, "#", 2)[0])
				}
			}
			if n.Data == "script" && (len(n.Attr) != 1 || n.Attr[0].Val != h.server.script) {
				t.Errorf("%s: a script that is not ours", at)
			}
		}
	}
	for _, first := range []string{"vi", "en", "replay", "raw", "api", "timemap", "feed", "static"} {
		if kinds[first] == 0 {
			t.Errorf("no link leads to /%s", first)
		}
	}
	t.Logf("%d pages: %v", len(seen), kinds)
}

func TestArticle(t *testing.T) {
	h := newHouse(t, nil)
	h.server.findFamilies()
	page, _ := h.get(200, "/vi/article/"+h.ids[edited])
	for _, want := range []string{"Hội nghị triển khai nhiệm vụ", "Sa-pô của bài.", "14:39, 30/1/2026", "H.Duy", "Đoạn thêm nữa.", "tiêu đề, nội dung", "Hội nghị in lại", "&lt;b&gt;Hai&lt;/b&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the article lacks %q", want)
		}
	}
	if page, _ := h.get(200, "/en/article/"+h.ids[edited]+"/v/1"); !strings.Contains(page, "This is version 1 of 3.") || !strings.Contains(page, "công tác") {
		t.Error("the first version is not shown as such")
	}
	if page, _ := h.get(200, "/en/article/"+h.ids[withdrawn]); !strings.Contains(page, "has been gone from its site since") {
		t.Error("nothing says that the article was withdrawn")
	}
	if page, _ := h.get(200, "/vi/article/"+h.ids[edited]+"/diff?from=1&to=3"); !strings.Contains(page, "<del>công tác</del><ins>nhiệm vụ</ins>") {
		t.Errorf("the difference is not shown:\n%s", page)
	}
	if page, _ := h.get(200, "/vi/changes"); !strings.Contains(page, "gỡ bài") || strings.Count(page, "/diff?to=") != 3 {
		t.Errorf("changes:\n%s", page)
	}
	h.get(404, "/vi/article/"+h.ids[edited]+"/v/4")
	h.get(404, "/vi/article/"+h.ids[edited]+"/diff?from=0")
	h.get(404, "/vi/article/none")
}

func TestSearch(t *testing.T) {
	h := newHouse(t, nil)
	for _, q := range []string{"bo tu phap", "B\u1ED9 Tư pháp", `"van phong" ministry:"tu phap"`, "ho\u0323p", ""} {
		page, _ := h.get(200, "/en/search?q="+url.QueryEscape(q))
		if !strings.Contains(page, h.ids[edited]) {
			t.Errorf("%q does not find the article", q)
		}
	}
	page, _ := h.get(200, "/vi/search?q="+url.QueryEscape(`<script>alert(1)</script>"'`))
	if strings.Contains(page, "<script>alert") {
		t.Error("a query is written unescaped")
	}
	if page, _ := h.get(200, "/en/search?q=h%E1%BB%99i&ministry="+url.QueryEscape("Bộ Tư pháp")+"&year=2026"); !strings.Contains(page, "2 results") || !strings.Contains(page, "Remove 2026") {
		t.Errorf("narrowed down:\n%s", page)
	}
	h.get(400, "/vi/search?q=since:abc")
	h.get(400, "/vi/search?page=0")
	for _, at := range []string{"/api/search?year=abc", "/feed?year=2018-01", "/en/search?year=abc"} {
		if page, _ := h.get(400, at); !strings.Contains(page, "is no year such as 2018") || strings.Contains(page, "since:") {
			t.Errorf("%s:\n%s", at, page)
		}
	}
	var found search.Results
	body, _ := h.get(200, "/api/search?q=go&limit=1")
	if err := json.Unmarshal([]byte(body), &found); err != nil || found.Total == 0 {
		t.Errorf("%v: %s", err, body)
	}
}

// more adds an article to the archive and to the index.
func (h *house) more(u, title string, dress func(*extract.Article)) {
	h.Helper()
	ctx := context.Background()
	var a *bolt.Archive
	err := h.server.Give(ctx, func() (err error) {
		a, err = bolt.Open(h.dir, bolt.Options{Share: true, Clock: h.clock})
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	h.dress = dress
	h.visit(a, u, title, "Bài này đến sau.", "")
	h.dress = nil
	x, err := search.Open(h.dir, a, search.Options{})
	if err == nil {
		_, err = x.Update(ctx, nil)
		err = errors.Join(err, x.Close())
	}
	if err := errors.Join(err, a.Close()); err != nil {
		h.Fatal(err)
	}
}

// TestOneMinistry shows a ministry without others that have its name in theirs.
func TestOneMinistry(t *testing.T) {
	h := newHouse(t, nil)
	h.more("https://moj.gov.vn/tin/khac", "Của thanh tra", func(a *extract.Article) { a.Ministry, a.Section = "Thanh tra Bộ Tư pháp", "Tin tức khác" })
	name, section := url.QueryEscape("Bộ Tư pháp"), url.QueryEscape("Tin tức")
	for _, at := range []string{"/vi/ministry/" + url.PathEscape("Bộ Tư pháp"), "/vi/search?ministry=" + name, "/feed?ministry=" + name, "/api/search?ministry=" + name, "/api/search?section=" + section} {
		if page, _ := h.get(200, at); strings.Contains(page, "Của thanh tra") || !strings.Contains(page, "Hội nghị") {
			t.Errorf("%s is not of the one that was asked for:\n%.2000s", at, page)
		}
	}
	if page, _ := h.get(200, "/vi/ministry/thanh%20tra"); !strings.Contains(page, "<h1>Thanh tra Bộ Tư pháp</h1>") {
		t.Errorf("a ministry by words of its name:\n%.2000s", page)
	}
	h.get(404, "/en/ministry/!!!")
	h.get(404, "/en/ministry/%20")
	if page, _ := h.get(200, "/api/search?ministry=%3F"); !strings.Contains(page, `"total":0`) {
		t.Errorf("a ministry of no words finds %.200s", page)
	}
}

// TestPrintedDays lists articles by the day that they print, as an export does.
func TestPrintedDays(t *testing.T) {
	h := newHouse(t, nil)
	early := time.Date(2026, 2, 3, 5, 30, 0, 0, time.FixedZone("", 7*3600)) // in UTC it is the day before
	h.more("https://moj.gov.vn/tin/som", "Tin sớm", func(a *extract.Article) { a.Published = &early })
	for days, want := range map[string]int{
		"since=2026-02-03": 1, "until=2026-02-02": 4, "since=2026-02-03&until=2026-02-03": 1,
		"since=2026-02-02&until=2026-02-02": 0, "since=2026-02-04": 0,
	} {
		if page, _ := h.get(200, "/api/articles?"+days); strings.Count(page, "\n") != want {
			t.Errorf("%s lists %d articles, want %d", days, strings.Count(page, "\n"), want)
		}
	}
	h.get(400, "/api/articles?since=2026")
}

func TestFeed(t *testing.T) {
	h := newHouse(t, nil)
	body, _ := h.get(200, "/feed?q=xyzxyz")
	var none atomFeed
	if err := xml.Unmarshal([]byte(body), &none); err != nil || len(none.Entries) != 0 || none.Updated.Year() < 2026 {
		t.Errorf("a feed of nothing: %v, %d entries, updated %v", err, len(none.Entries), none.Updated)
	}
	for _, at := range []string{"/feed", "/feed?q=bo+tu+phap", "/feed?ministry=B%E1%BB%99+T%C6%B0+ph%C3%A1p", "/feed?changed=1"} {
		body, r := h.get(200, at)
		var f atomFeed
		if err := xml.Unmarshal([]byte(body), &f); err != nil || len(f.Entries) == 0 || f.Updated.IsZero() || f.ID == "" {
			t.Errorf("%s: %v, %d entries, %v, %s", at, err, len(f.Entries), f.Updated, r.Header.Get("Content-Type"))
		}
	}
}

func TestMemento(t *testing.T) {
	h := newHouse(t, nil)
	_, gate := h.get(302, "/timegate/"+edited, "Accept-Datetime", "Fri, 30 Jan 2026 10:10:00 GMT")
	if got, want := gate.Header.Get("Location"), "/replay/20260130100000/"+edited; got != want || gate.Header.Get("Vary") != "Accept-Datetime" {
		t.Errorf("the gate leads to %s, want %s", got, want)
	}
	_, r := h.get(200, gate.Header.Get("Location"))
	links := strings.Join(r.Header.Values("Link"), "\n")
	for _, want := range []string{`rel="original"`, `rel="timegate"`, `rel="timemap"`, `/replay/20260130090000/` + edited + `>; rel="prev memento"`, `rel="next memento"`, `rel="memento"`} {
		if !strings.Contains(links, want) {
			t.Errorf("no %s in the links:\n%s", want, links)
		}
	}
	if got := r.Header.Get("Memento-Datetime"); got != "Fri, 30 Jan 2026 10:00:00 GMT" {
		t.Errorf("Memento-Datetime %q", got)
	}
	for _, csp := range []string{"sandbox;", "default-src 'none'"} {
		if !strings.Contains(r.Header.Get("Content-Security-Policy"), csp) {
			t.Errorf("the policy of a replay lacks %s", csp)
		}
	}
	body, _ := h.get(200, "/timemap/link/"+edited)
	if strings.Count(body, "datetime=") != 3 || !strings.Contains(body, `rel="first memento"`) || !strings.Contains(body, `rel="last memento"`) {
		t.Errorf("time map:\n%s", body)
	}
	body, _ = h.get(200, "/timemap/json/"+edited)
	if !json.Valid([]byte(body)) || strings.Count(body, `"datetime"`) != 3 {
		t.Errorf("time map:\n%s", body)
	}
	missing, r := h.get(404, "/replay/20260130090000/https://moj.gov.vn/never")
	if got := r.Header; got.Get("X-Frame-Options") != "SAMEORIGIN" || got.Get("Content-Security-Policy") != replayPolicy || !strings.Contains(missing, "Không có trong kho") {
		t.Errorf("a link of a page to what is not archived cannot be shown in its frame: %v\n%s", got, missing)
	}
	h.get(404, "/timegate/https://moj.gov.vn/never")
	h.get(400, "/timegate/"+edited, "Accept-Datetime", "yesterday")
	h.get(400, "/replay/abc/"+edited)
	h.get(302, "/replay/2025/"+edited)
	// A query, and slashes that somebody has merged.
	h.get(302, "/timegate/https:/moj.gov.vn/tin?b=%C3%A2&a=1")

	file, _ := h.get(200, "/raw/"+strings.Split(h.capture(document), " ")[0])
	if !strings.HasPrefix(file, "%PDF") {
		t.Errorf("raw: %.40q", file)
	}
	_, r = h.get(302, "/replay/2026/"+document)
	_, r = h.get(200, r.Header.Get("Location"))
	if !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a PDF is shown: %v", r.Header)
	}
	came, r := h.get(200, "/replay/20260130090000id_/"+edited)
	if !strings.HasPrefix(came, "<title>Hội nghị") || !strings.HasPrefix(r.Header.Get("Content-Security-Policy"), "sandbox;") || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("as it came: %.40q, %v", came, r.Header)
	}
	replayed, _ := h.get(200, "/replay/"+strings.Split(h.capture(attacker), " ")[1]+"/"+attacker)
	check(t, replayed)
}

// capture returns the id and the stamp of the last capture of a URL.
func (h *house) capture(u string) string {
	h.Helper()
	body, _ := h.get(200, "/cdx?output=json&sort=reverse&limit=1&url="+url.QueryEscape(u))
	var line struct{ Capture, Timestamp string }
	if err := json.Unmarshal([]byte(body), &line); err != nil {
		h.Fatalf("cdx of %s: %v: %s", u, err, body)
	}
	return line.Capture + " " + line.Timestamp
}

// TestDropped shows a file whose bytes the archive has dropped.
func TestDropped(t *testing.T) {
	const video = "https://moj.gov.vn/hop.mp4"
	h := newHouse(t, func(o *Options) {
		dir := filepath.Join(t.TempDir(), "archive")
		a, err := bolt.Open(dir, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 29, 8, 0, 0, 0, time.UTC)
		_, err = a.Record(t.Context(), store.Target{URL: video, Site: "moj.gov.vn", Kind: extract.KindAttachment}, store.Visit{Result: store.Fetched, Time: at,
			Capture: &store.Capture{URL: video, FinalURL: video, Status: 200, ContentType: "text/plain", Fetched: at, Body: []byte("x")}})
		if err == nil {
			_, err = a.Retain(t.Context(), store.Retention{Rule: "<no text>", Types: []string{"text/*"}}, nil)
		}
		if err := errors.Join(err, a.Close()); err != nil {
			t.Fatal(err)
		}
		o.Open = func() (store.Archive, error) { return bolt.Open(dir, bolt.Options{ReadOnly: true}) }
	})
	page, _ := h.get(200, "/en/page/20260129080000/"+video)
	if !strings.Contains(page, "by the rule: &lt;no text&gt;") || strings.Contains(page, "<iframe") || strings.Contains(page, "/raw/") {
		t.Errorf("the page says\n%s", page)
	}
	for _, path := range []string{"/replay/20260129080000/", "/replay/20260129080000id_/"} {
		if text, _ := h.get(410, path+video); !strings.Contains(text, "<no text>") || strings.Contains(text, "html") {
			t.Errorf("%s says %q", path, text)
		}
	}
	if lines, _ := h.get(200, "/cdx?url="+video); !strings.Contains(lines, " sha256:") {
		t.Errorf("/cdx says %q", lines)
	}
}

func TestCDX(t *testing.T) {
	h := newHouse(t, nil)
	count := func(want int, query string) string {
		t.Helper()
		body, _ := h.get(200, "/cdx?"+query)
		if got := strings.Count(body, "\n"); got != want {
			t.Errorf("%s: %d lines, want %d\n%s", query, got, want, body)
		}
		return body
	}
	lines := count(3, "url="+edited)
	if want := "vn,gov,moj)/tin/sua 20260130090000 " + edited + " text/html 200 sha256:"; !strings.HasPrefix(lines, want) {
		t.Errorf("got %s\nwant %s…", lines, want)
	}
	count(2, "url="+edited+"&from=2026013010")
	count(1, "url="+edited+"&to=2026013009")
	count(0, "url=https://moj.gov.vn/never")
	count(7, "url=moj.gov.vn&matchType=host")
	count(7, "url=gov.vn&matchType=domain")
	count(0, "url=gov.vn&matchType=host")
	count(5, "url=https://moj.gov.vn/tin/*")
	count(2, "url=https://moj.gov.vn/tin/*&limit=2")
	if first := count(3, "url="+edited+"&closest=20260130110000"); !strings.Contains(strings.SplitN(first, "\n", 2)[0], "20260130110000") {
		t.Errorf("the nearest is not the first:\n%s", first)
	}
	h.get(400, "/cdx")
	h.get(400, "/cdx?url=a&matchType=b")
	h.get(400, "/cdx?url=a&limit=-1")
}

func TestAPI(t *testing.T) {
	h := newHouse(t, nil)
	var all int
	after := ""
	for range 10 {
		body, r := h.get(200, "/api/articles?limit=2&after="+url.QueryEscape(after))
		for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
			all++
		}
		if after = r.Header.Get("Luutin-After"); after == "" {
			break
		}
	}
	if all != 4 {
		t.Errorf("%d articles, want 4", all)
	}
	body, _ := h.get(200, "/api/resolve?url="+url.QueryEscape(edited))
	if !strings.Contains(body, h.ids[edited]) {
		t.Errorf("resolve: %s", body)
	}
	body, _ = h.get(200, "/api/articles/"+h.ids[edited]+"/versions")
	var versions []extract.Article
	if err := json.Unmarshal([]byte(body), &versions); err != nil || len(versions) != 3 {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	// What is described is there, and what is there is described.
	var doc struct{ Paths map[string]any }
	body, _ = h.get(200, "/api/openapi.json")
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{id}", h.ids[edited], "{url}", edited, "{time}", "20260130090000", "{capture}", strings.Split(h.capture(edited), " ")[0])
	for path := range doc.Paths {
		at := fill.Replace(path)
		if path == "/cdx" || path == "/api/resolve" {
			at += "?url=" + edited
		}
		if r := h.ask("GET", at); r.StatusCode != 200 && r.StatusCode != 302 {
			t.Errorf("%s: %s", at, r.Status)
		}
	}
}

func TestGuard(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Hosts = []string{"tin.example"}; o.User, o.Password = "đọc", "bí mật" })
	auth := func(user, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	h.get(401, "/vi/")
	h.get(401, "/vi/", "Authorization", auth("đọc", "bí mật "))
	h.get(401, "/api/sites", "Authorization", "Bearer bi mat")
	h.get(200, "/vi/", "Authorization", auth("đọc", "bí mật"))
	h.get(200, "/vi/", "Authorization", "Bearer bí mật", "Host", "tin.example:8080")
	for _, host := range []string{"TIN.Example", "tin.example.", "tin.example.:8080", "LOCALHOST", "localhost."} {
		h.get(200, "/vi/", "Authorization", "Bearer bí mật", "Host", host)
	}
	for _, host := range []string{"evil.example", "tin.example..", "tin.example.evil", ".tin.example"} {
		h.get(421, "/vi/", "Authorization", "Bearer bí mật", "Host", host)
	}
	h.get(200, "/healthz")
	if r := h.ask("POST", "/vi/", "Authorization", "Bearer bí mật"); r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("POST: %s", r.Status)
	}
	_, r := h.get(302, "/", "Authorization", "Bearer bí mật", "Accept-Language", "fr, en;q=0.8, vi;q=0.5")
	if got := r.Header.Get("Location"); got != "/en/" {
		t.Errorf("/ leads to %s, want /en/", got)
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy"} {
		if r.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if r.Header.Get("Set-Cookie") != "" {
		t.Error("a cookie is set")
	}
}

// TestHostile asks ten thousand things that make no sense, or bad sense.
func TestHostile(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	h := newHouse(t, nil)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	paths := []string{"/", "/vi/", "/en/", "search", "article/", h.ids[edited], "/diff", "/v/", "page/", "/replay/", "/raw/", "/timegate/", "/timemap/link/", "/cdx", "/feed", "/api/", "articles", "/versions", "resolve", "sites", "live",
		"ministry/", "Bộ Tư pháp", "changes", "health", "ministries", "20260130090000/", edited, list, "../", "..%2f", "%00", "%ff", "/static/", "style.css", "//", "{lang}", "metrics", "healthz", "https:/", "\x01", "😀"}
	queries := []string{"q", "page", "from", "to", "limit", "after", "url", "sort", "since", "until", "ministry", "site", "year", "matchType", "closest", "output", "offset", "history", "changed"}
	values := []string{"", "1", "-1", "0", "99999999999999999999", "2018", "2018-01-19", `"`, `""`, `title:`, `-`, `-"`, `NEAR(a b)`, `a AND OR NOT`, `*`, `a*`, `^a`, `{a b}:c`, "%", "<script>", "'; DROP TABLE doc; --", "bo tu phap", "\x00", "\xff", "host", "json", "date",
		strings.Repeat("a ", 300), strings.Repeat("(", 200), edited, "https://moj.gov.vn/*", "ministry:", `since:"`, "20260130", "𝒳", "\u0301"}
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	statuses := map[int]int{}
	for range n {
		path := "/"
		for range 1 + random.IntN(4) {
			path += pick(paths)
		}
		var q []string
		for range random.IntN(4) {
			v := pick(values)
			if random.IntN(2) == 0 {
				v = url.QueryEscape(v)
			}
			q = append(q, pick(queries)+"="+v)
		}
		method := "GET"
		if random.IntN(20) == 0 {
			method = pick([]string{"HEAD", "POST", "PUT", "OPTIONS", "TRACE", "X"})
		}
		at := strings.ReplaceAll(path, " ", "%20")
		if len(q) > 0 {
			at += "?" + strings.Join(q, "&")
		}
		r := h.ask(method, at, pick([]string{"Accept-Datetime", "Accept-Language", "Authorization", "Range", "If-None-Match", "Accept-Encoding"}), pick(values))
		io.Copy(io.Discard, r.Body)
		if statuses[r.StatusCode]++; r.StatusCode >= 500 {
			t.Errorf("%s %q: %s", method, at, r.Status)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d MB more are in use", grown>>20)
	}
	t.Logf("statuses %v", statuses)
}

// TestWhileCrawling reads while another writes: who opens the archive for
// writing gets it, readers see what was written within a moment, and nobody is
// refused.
func TestWhileCrawling(t *testing.T) {
	h := newHouse(t, nil)
	h.server.desk.fresh = 10 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				at := []string{"/vi/", "/api/articles", "/en/search?q=hoi", "/vi/article/" + extract.ArticleID(edited)}[(i+n)%4]
				if r := h.ask("GET", at); r.StatusCode != 200 {
					t.Errorf("%s while a crawl writes: %s", at, r.Status)
					return
				}
			}
		})
	}
	for round := range 3 {
		var a *bolt.Archive
		err := h.server.Give(ctx, func() (err error) {
			a, err = bolt.Open(h.dir, bolt.Options{Share: true, Clock: h.clock})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		u := fmt.Sprintf("https://moj.gov.vn/tin/moi-%d", round)
		h.visit(a, u, fmt.Sprintf("Tin mới %d", round), "Tin này được lưu trong khi có người đọc kho.", "")
		seen := false
		for range 10_000 {
			r := h.ask("GET", "/api/articles/"+extract.ArticleID(u))
			if seen = r.StatusCode == 200; seen {
				break
			}
		}
		if !seen {
			t.Errorf("what was written in round %d is not seen", round)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	stop()
	readers.Wait()
	h.problems = nil
}

// A slow is a client who reads nothing until a deadline that it does not wait for.
type slow struct {
	httptest.ResponseRecorder
	deadline time.Time
}

func (s *slow) SetWriteDeadline(t time.Time) error { s.deadline = t; return nil }

// TestWhoDoesNotRead takes a turn no longer than any other request, and holds
// little; what looks after the service needs none.
func TestWhoDoesNotRead(t *testing.T) {
	h := newHouse(t, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "luutin_up 1") })
	})
	capture := strings.Split(h.capture(document), " ")[0]
	for _, at := range []string{"/api/articles?limit=1000", "/vi/", "/raw/" + capture} {
		w := &slow{ResponseRecorder: *httptest.NewRecorder()}
		h.server.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+at, nil))
		if left := time.Until(w.deadline); w.Code != 200 || left <= 0 || left > maxTime {
			t.Errorf("%s: status %d, the answer has to be read within %v", at, w.Code, left)
		}
	}

	for i := range 3 {
		h.more(fmt.Sprintf("https://moj.gov.vn/tin/dai-%d", i), "Tin dài", func(a *extract.Article) { a.Body = fmt.Sprint(i, strings.Repeat(" dài", 500_000)) })
	}
	lines, most, after := 0, 0, ""
	for n := 0; n < 10; n++ {
		body, r := h.get(200, "/api/articles?limit=1000&after="+url.QueryEscape(after))
		lines, most = lines+strings.Count(body, "\n"), max(most, len(body))
		if after = r.Header.Get("Luutin-After"); after == "" {
			break
		}
	}
	if lines != 7 || after != "" || most > 8<<20 {
		t.Errorf("in parts %d articles are listed, want 7; the longest answer has %d bytes", lines, most)
	}

	for range maxTurns {
		h.server.turns <- struct{}{}
	}
	h.get(200, "/healthz")
	h.get(200, "/metrics")
}

func TestDesk(t *testing.T) {
	opened := 0
	d := newDesk(func() (store.Archive, error) { opened++; return closer{}, nil })
	ctx := context.Background()
	_, back, err := d.borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, back2, _ := d.borrow(ctx)
	if opened != 1 {
		t.Errorf("opened %d times for two readers", opened)
	}
	given := make(chan error, 1)
	go func() { given <- d.give(ctx, func() error { return errors.New("mine") }) }()
	back()
	select {
	case err := <-given:
		t.Errorf("given while somebody reads: %v", err)
	default:
	}
	back2()
	back2() // twice is once
	if err := <-given; err == nil || err.Error() != "mine" {
		t.Errorf("give: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := d.borrow(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("borrow: %v", err)
	}
	d.close()
	if _, _, err := d.borrow(ctx); err == nil {
		t.Error("a desk that is closed lends")
	}
}

type closer struct{ store.Archive }

func (closer) Close() error { return nil }

// TestWords wants both languages to say everything, with the same arguments.
func TestWords(t *testing.T) {
	for key, w := range words {
		if w[0] == "" || w[1] == "" {
			t.Errorf("%s: a language is missing", key)
		}
		if strings.Count(w[0], "%") != strings.Count(w[1], "%") || strings.Count(w[0], "{}") != strings.Count(w[1], "{}") {
			t.Errorf("%s: %q and %q have other arguments", key, w[0], w[1])
		}
	}
}
