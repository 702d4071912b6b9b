package crawler

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

const (
	challengePage = `<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><div id="challenge-form"><h2>Checking your browser before you go on.</h2></div></body></html>`
	loginPage     = `<!DOCTYPE html><html><head><title>Đăng nhập - Cổng thông tin</title></head><body><form><h1>Đăng nhập</h1><input type="text" name="u"><input type="password" name="p"></form></body></html>`
	missingPage   = `<!DOCTYPE html><html><head><title>Bộ Tư pháp</title></head><body><h1>Không tìm thấy trang</h1><p>Nội dung bạn tìm không tồn tại hoặc đã bị xóa.</p></body></html>`
	shellPage     = `<!DOCTYPE html><html><head><title>Cổng thông tin</title></head><body><div id="root"></div><script src="/a.js"></script><script src="/b.js"></script></body></html>`
)

// What came with status 200 and is something else has its right name.
func TestPagesInsteadOfArticles(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1", "/news/missing", "/news/login", "/news/shell"))
		w.ministry.set("/news/1", news("Tin", ""))
		w.ministry.set("/news/missing", missingPage)
		w.ministry.set("/news/login", loginPage)
		w.ministry.set("/news/shell", shellPage)
		s := w.wantRun(t, "5 visited: 1 added, 1 list, 1 gone, 1 blocked, 1 failed")
		got := map[string]string{}
		for _, p := range s.Problems {
			got[p.URL] = string(p.Result)
			if p.Reason == "" {
				t.Errorf("%s has no reason", p.URL)
			}
		}
		want := map[string]string{"http://moj.test/news/missing": "gone", "http://moj.test/news/login": "blocked", "http://moj.test/news/shell": "failed"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems differ (-want +got)\n%s", diff)
		}
		// A page that is deleted so has its tombstone, and the article stays.
		w.ministry.set("/news/1", missingPage)
		time.Sleep(400 * day)
		w.run(t)
		for target := range w.Archive.Targets(t.Context(), store.Selection{URLs: []string{"http://moj.test/news/1"}}) {
			if target.State != store.Gone || time.Since(target.Visited) > time.Hour {
				t.Errorf("%s is %s since %v", target.URL, target.State, target.Visited)
			}
		}
		if _, err := w.Archive.Article(t.Context(), extract.ArticleID("http://moj.test/news/1")); err != nil {
			t.Errorf("the article that was deleted: %v", err)
		}
	})
}

// A host that puts up a wall is left alone, longer each time, and a wall in
// the middle of a list is not its end.
func TestWall(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var times []time.Duration
		begun := time.Now()
		w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/robots.txt" {
				times = append(times, time.Since(begun).Round(time.Second))
				io.WriteString(rw, challengePage)
				return
			}
			http.NotFound(rw, r)
		}))
		var pages []store.Target
		for i := range 5 {
			u := fmt.Sprintf("http://moj.test/news/%d", i)
			pages = append(pages, store.Target{URL: u, Site: moj, Kind: extract.KindArticle})
		}
		if _, err := w.Archive.Add(t.Context(), pages...); err != nil {
			t.Fatal(err)
		}
		w.Patience = time.Hour
		s := w.run(t)
		if s.Blocked != 6 || s.Failed != 0 {
			t.Errorf("%s", s)
		}
		if want := fmt.Sprint([]string{"1s", "11s", "31s", "1m11s", "2m31s", "5m11s"}); fmt.Sprint(times) != want {
			t.Errorf("asked after %v, want %s", times, want)
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, "", moj)
		w.ministry.set("/list", list("/list?page=2", "/news/1"))
		w.ministry.set("/news/1", news("Tin", ""))
		w.ministry.set("/list?page=2", challengePage)
		w.wantRun(t, "3 visited: 1 added, 1 list, 1 blocked")
	})
}

// A server that says 304 whatever has happened is found out, and not asked so
// again.
func TestLyingServer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		body := list("", "/news/1")
		var conditional []bool // of the requests for the list
		lying := true
		w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/list" {
				w.ministry.ServeHTTP(rw, r)
				return
			}
			asked := r.Header.Get("If-None-Match") != ""
			conditional = append(conditional, asked)
			rw.Header().Set("ETag", `"1"`)
			if asked && lying {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(rw, body)
		}))
		for i := range 10 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.wantRun(t, "2 visited: 1 added, 1 list")
		body = list("", "/news/1", "/news/2")
		var s Summary
		for i := 0; s.Added == 0; i++ {
			if i == 60 {
				t.Fatal("sixty crawls did not find out")
			}
			time.Sleep(2 * time.Hour)
			s = w.run(t)
		}
		if s.Sites[moj].Stale != 1 {
			t.Errorf("%d pages were stale, want 1", s.Sites[moj].Stale)
		}
		before := len(conditional)
		body = list("", "/news/1", "/news/2", "/news/3")
		time.Sleep(2 * time.Hour)
		if s := w.run(t); s.Added != 1 || slices.Contains(conditional[before:], true) {
			t.Errorf("%s, though the server is known to lie; conditional %v", s, conditional[before:])
		}
		// Another process looks for itself once more.
		body = list("", "/news/1", "/news/2", "/news/3", "/news/4")
		w.Crawler = Crawler{Archive: w.Archive, Sites: w.Sites, Transport: w.Transport}
		before = len(conditional)
		time.Sleep(2 * time.Hour)
		if s := w.run(t); s.Added != 1 || slices.Contains(conditional[before:], true) {
			t.Errorf("%s, though another process has found the server to lie; conditional %v", s, conditional[before:])
		}
	})
	n := 0
	target := store.Target{URL: "http://moj.test/list", Visited: time.Unix(1516347540, 0)}
	for range 10000 {
		target.Visited = target.Visited.Add(3601 * time.Second)
		if spotCheck(target) {
			n++
		}
	}
	if n < 900 || n > 1100 {
		t.Errorf("of 10000 visits %d were spot checks, want about 1000", n)
	}
}

// What a server says with a 304 is kept.
func TestHeadersOfUnchanged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("X-Cache", "HIT "+r.Header.Get("If-None-Match"))
			w.ministry.ServeHTTP(rw, r)
		}))
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", news("Tin", ""))
		w.wantRun(t, "2 visited: 1 added, 1 list")
		for range 5 { // about every tenth visit asks for it all
			time.Sleep(24 * time.Hour)
			w.run(t)
		}
		n := 0
		for v, err := range w.Archive.Visits(t.Context(), store.VisitQuery{Headers: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if v.Result != store.Unchanged {
				continue
			}
			n++
			if v.Answer == nil || v.Answer.Status != 304 || !strings.HasPrefix(v.Answer.Header.Get("X-Cache"), `HIT "`) || !v.Answer.Fetched.Equal(v.Asked()) {
				t.Errorf("visit %+v of %s, answer %+v", v.Result, v.Target.URL, v.Answer)
			}
		}
		if n < 3 {
			t.Errorf("%d answers say that nothing has changed", n)
		}
	})
}

// Many pages that are gone do not keep those that failed from being named.
func TestFailuresAreNamed(t *testing.T) {
	c := &Crawler{Sites: sitesOf(t, moj)}
	r, err := c.begin([]string{moj})
	if err != nil {
		t.Fatal(err)
	}
	note := func(path string, result store.Result, reason string) {
		l := leaseOf("http://moj.test"+path, r)
		l.Target.Canonical = l.Target.URL
		r.note(l, store.Visit{Result: result, Reason: reason}, store.Outcome{})
	}
	note("/news/late", store.Failed, "EOF")
	for i := range maxProblems + 10 {
		note(fmt.Sprintf("/news/%d", i), store.Missing, "404 Not Found")
	}
	note("/news/bad", store.Failed, "500 Internal Server Error")
	note("/news/late", store.Fetched, "") // came right in the end
	s := r.summary()
	if len(s.Problems) != maxProblems+1 || s.Problems[0].URL != "http://moj.test/news/bad" || s.Unnamed != 10 {
		t.Errorf("%d problems are named, first %v, and %d are not; want %d, /news/bad and 10", len(s.Problems), s.Problems[0], s.Unnamed, maxProblems+1)
	}
	if got, want := s.String(), fmt.Sprintf("%d visited: 0 added, 1 unchanged, %d gone, 1 failed", maxProblems+12, maxProblems+10); got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

// TestPagesInPlaceOfFiles has pages come with status 200 where files are linked.
func TestPagesInPlaceOfFiles(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		files := map[string]string{
			"/files/challenge.pdf": challengePage,
			"/files/login.docx":    loginPage,
			"/files/gone.pdf":      missingPage,
			"/files/other.xlsx":    "\ufeff" + news("Trang khác", ""),
			"/files/moved.pdf":     "301 /",
			"/files/good.pdf":      "%PDF-1.4", // though the type says HTML
			"/files/page.html":     news("Phụ lục", ""),
			"/van-ban/17":          news("Văn bản số 17", ""), // no document by its name
			"/van-ban/18":          missingPage,
		}
		var links []string
		for path, body := range files {
			n := fmt.Sprintf("/news/%d", len(links))
			links = append(links, n)
			w.ministry.set(n, news("Tin "+path, path))
			w.ministry.set(path, body)
		}
		w.ministry.set("/list", list("", links...))
		w.Patience = time.Hour // the host is left alone after a wall
		s := w.run(t)
		got := map[string]string{}
		for _, p := range s.Problems {
			got[strings.TrimPrefix(p.URL, "http://moj.test")] = fmt.Sprintf("%s, %s", p.Result, p.Cause)
		}
		want := map[string]string{
			"/files/challenge.pdf": "blocked, challenge",
			"/files/login.docx":    "blocked, login",
			"/files/gone.pdf":      "gone, says not found",
			"/files/other.xlsx":    "failed, page instead of a file",
			"/files/moved.pdf":     "gone, moved to the home page",
			"/van-ban/18":          "gone, says not found",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems differ (-want +got)\n%s", diff)
		}
		if s.Files != 3 {
			t.Errorf("%d files, want 3", s.Files)
		}
	})
}

// TestMovedToList has articles lead to pages that are lists and to one that
// only its site's links call one.
func TestMovedToList(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		articles := []string{"/news/1", "/news/2", "/news/3", "/news/4"}
		w.ministry.set("/list", list("/list?page=2", articles...))
		w.ministry.set("/list?page=2", list("", "/news/5"))
		for _, path := range append(articles, "/news/5") {
			w.ministry.set(path, news("Tin số "+path, ""))
		}
		w.wantRun(t, "7 visited: 5 added, 2 lists")
		w.ministry.set("/news/1", "301 /list")
		w.ministry.set("/news/2", "301 /list?page=2&utm_source=old")
		w.ministry.set("/news/3", "301 /news/4")
		time.Sleep(400 * day)
		s := w.wantRun(t, "7 visited: 0 added, 3 unchanged, 2 lists, 2 gone (2 articles withdrawn)")
		for _, p := range s.Problems {
			if p.Cause != string(movedToList) {
				t.Errorf("%s: cause %q", p, p.Cause)
			}
		}
		for path, gone := range map[string]bool{"/news/1": true, "/news/2": true, "/news/3": false, "/news/4": false} {
			v, err := w.Archive.Article(t.Context(), extract.ArticleID("http://moj.test"+path))
			if err != nil || strings.Contains(string(v.JSON), `"withdrawn"`) != gone {
				t.Errorf("%s: %s, %v, want gone: %v", path, v.JSON, err, gone)
			}
		}
	})
}

// TestFileReplaced has a file replaced under its URL: it is asked for again where
// the server can say that it is the same.
func TestFileReplaced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1", "/news/2"))
		w.ministry.set("/news/1", news("Tin số 1", "/files/1.pdf"))
		w.ministry.set("/news/2", news("Tin số 2", "/odd/2.pdf"))
		w.ministry.set("/files/1.pdf", "%PDF-1.4 one")
		asked := 0
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			asked++
			io.WriteString(rw, "%PDF-1.4 two")
		})
		w.wantRun(t, "5 visited: 2 added, 1 list, 2 files")
		time.Sleep(31 * day)
		w.run(t)
		if w.ministry.hit("/files/1.pdf") != 2 {
			t.Errorf("the file was asked for %d times, want 2", w.ministry.hit("/files/1.pdf"))
		}
		w.ministry.set("/files/1.pdf", "%PDF-1.4 another one")
		time.Sleep(91 * day)
		w.run(t)
		time.Sleep(400 * day)
		w.run(t)
		if w.ministry.hit("/files/1.pdf") != 4 || asked != 1 {
			t.Errorf("the file was asked for %d times, want 4; that without a mark %d times", w.ministry.hit("/files/1.pdf"), asked)
		}
		bodies := map[string]bool{}
		for v, err := range w.Archive.Visits(t.Context(), store.VisitQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			if p, err := w.Archive.Capture(t.Context(), v.Capture); err == nil && strings.HasPrefix(string(p.Body), "%PDF-1.4") {
				bodies[string(p.Body)] = true
			}
		}
		if len(bodies) != 3 {
			t.Errorf("kept %v", bodies)
		}
	})
}

// TestRulesAreNoChange changes the definition of a site between two crawls: what
// is read otherwise is no further version, also where the page differs in what
// nobody reads; what its ministry changed is one, and only that.
func TestRulesAreNoChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		page := func(n int, text, token string) {
			w.ministry.set(fmt.Sprintf("/news/%d", n), strings.Replace(news(text, ""), "<body>", `<body data-token="`+token+`">`, 1))
		}
		w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3"))
		for n := 1; n <= 3; n++ {
			page(n, fmt.Sprintf("Tin số %d", n), "a")
		}
		w.wantRun(t, "4 visited: 3 added, 1 list")
		w.Sites = sitesBy(t, definition+"lead = '.body p'\n", moj)
		page(2, "Tin số 2", "another")
		page(3, "Tin số ba", "a")
		time.Sleep(400 * day)
		w.wantRun(t, "4 visited: 0 added, 1 changed, 2 unchanged, 1 list")
		for n := 1; n <= 3; n++ {
			all, err := w.Archive.History(t.Context(), extract.ArticleID(fmt.Sprintf("http://moj.test/news/%d", n)))
			want := 1
			if n == 3 {
				want = 2
			}
			if err != nil || len(all) != want {
				t.Fatalf("article %d has %d versions, %v, want %d", n, len(all), err, want)
			}
			first := all[0]
			if n == 1 && len(first.Earlier) == 0 {
				continue // 304: nothing was read
			}
			if len(first.Earlier) != 1 || !strings.Contains(string(first.JSON), `"lead":"Tin`) || !strings.Contains(string(first.Earlier[0].JSON), `"lead":null`) {
				t.Errorf("article %d: %s, before %s", n, first.JSON, first.Earlier)
			}
		}
	})
}

// TestCounterIsNoChange revisits an article that ends in how often it was seen.
func TestCounterIsNoChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		seen := func(n int) {
			w.ministry.set("/news/1", strings.Replace(news("Tin", ""), "</div>", fmt.Sprintf("<p>Số lượt truy cập: %d</p></div>", n), 1))
		}
		w.ministry.set("/list", list("", "/news/1"))
		seen(9)
		w.wantRun(t, "2 visited: 1 added, 1 list")
		seen(1_204)
		time.Sleep(400 * day)
		w.wantRun(t, "2 visited: 0 added, 1 unchanged, 1 list")
	})
}
