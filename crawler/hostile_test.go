package crawler

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// TestHostileServers has a whole crawl, on real sockets, meet servers that do
// everything to it at the same time: it ends in bounded time and memory, every
// page's outcome has the right name, and the good pages are kept.
func TestHostileServers(t *testing.T) {
	serve := func(h http.Handler, start func(*httptest.Server)) string {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(s)
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	}
	plain := (*httptest.Server).Start
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, body)
		}
	}

	// One that does all that it can with an answer.
	odd := http.NewServeMux()
	mux := oddServer()
	odd.Handle("/odd/", http.StripPrefix("/odd", mux))
	odd.Handle("/steps/", mux)
	odd.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/odd/loop", http.StatusFound) })
	odd.Handle("/news/good", page(news("Tin tốt", "")))
	odd.Handle("/news/missing", page(missingPage))
	odd.Handle("/news/shell", page(shellPage))
	odd.HandleFunc("/news/wall", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("human"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "human", Value: "yes"})
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return
		}
		page(news("Tin sau bức tường", ""))(w, r)
	})
	odd.HandleFunc("/news/charset", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		io.WriteString(w, strings.Replace(news("Tin nói dối về bảng mã", ""), "<head>", `<head><meta charset="utf-8">`, 1))
	})
	odd.HandleFunc("/odd/rst", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n<p>")
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	odd.HandleFunc("/odd/no-http", func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			io.WriteString(conn, "220 mail.moj.test ESMTP\r\n")
			conn.Close()
		}
	})
	oddURL := serve(odd, plain)

	// One that asks who is there, and is left alone for a while.
	login := serve(page(loginPage), plain)

	// One whose robots.txt is out of order, and one that wants to be left alone.
	down := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), plain)
	until := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Second)
	var busyAsked atomic.Int64
	busy := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		busyAsked.Add(1)
		w.Header().Set("Retry-After", until.Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}), plain)

	// One that speaks HTTP/2 behind a certificate for somebody else.
	two := http.NewServeMux()
	two.HandleFunc("/news/two", func(w http.ResponseWriter, r *http.Request) { page(news("Tin qua "+r.Proto, ""))(w, r) })
	two.HandleFunc("/odd/two-reset", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<p>")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	two.HandleFunc("/odd/two-endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	two.HandleFunc("/odd/two-header", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 64 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 8<<10))
		}
	})
	twoURL := serve(two, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.TLS = &tls.Config{}
		s.StartTLS()
	})

	// One with ten thousand links to five hundred pages that are not there, on a
	// list that has no end.
	const trapLinks, trapNews = 10000, 500
	var trapPages atomic.Int64
	var trap strings.Builder
	for i := range trapLinks {
		fmt.Fprintf(&trap, `<li><a href="/news/trap/%d?utm_campaign=%d#top">Tin</a></li>`, i%trapNews, i)
	}
	trapURL := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/list/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		trapPages.Add(1)
		page(fmt.Sprintf(`<!DOCTYPE html><title>Tin</title><ul>%s</ul><a class="next" href="/list/%d">Tiếp</a>`, trap.String(), n+1))(w, r)
	}), plain)

	want := map[string]string{
		oddURL + "/odd/gzip-bomb":      "failed, too long: longer than 2 MiB",
		oddURL + "/odd/gzip-broken":    "failed, bad answer: the content coding is broken after 72 bytes",
		oddURL + "/odd/compress":       `failed, bad answer: content coding "compress" cannot be undone: the bytes are kept as they came`,
		oddURL + "/odd/brotli-bomb":    "failed, too long: longer than 2 MiB",
		oddURL + "/odd/zstd-bomb":      "failed, too long: longer than 2 MiB",
		oddURL + "/odd/empty":          "failed, empty: the answer is empty",
		oddURL + "/odd/slow-header":    "failed, timed out: no answer within 1s",
		oddURL + "/odd/stall":          "failed, timed out: nothing more came for 700ms",
		oddURL + "/odd/endless":        "failed, too long: longer than 2 MiB",
		oddURL + "/odd/200MB":          "failed, too long: longer than 2 MiB",
		oddURL + "/odd/wrong-length":   "failed, broken off: the connection was lost after 72 bytes",
		oddURL + "/odd/reset":          "failed, broken off: the connection was lost after 72 bytes",
		oddURL + "/odd/huge-header":    "failed, too long: headers longer than 256 KiB",
		oddURL + "/odd/to-ftp":         "failed, not of the site: redirected to ftp://moj.gov.vn/x: not a web address (http or https)",
		oddURL + "/odd/to-far":         "failed, moved to another site: redirected to another site: http://elsewhere.vn/x",
		oddURL + "/odd/rst":            "failed, broken off: the connection was lost",
		oddURL + "/odd/no-http":        "failed, bad answer: net/http: HTTP/1.x transport connection broken: malformed HTTP status code",
		oddURL + "/odd/steps/11":       "failed, redirects without end: more than 10 redirects",
		oddURL + "/odd/missing":        "gone, not found: 404 Not Found",
		oddURL + "/odd/pdf":            "fetched, not read: not an article: a PDF, not a page",
		login + "/news/1":              "blocked, login: not an article: ",
		oddURL + "/news/missing":       "gone, says not found: not an article: ",
		oddURL + "/news/shell":         "failed, shell: not an article: ",
		down + "/news/1":               "failed, robots.txt not to be had: robots.txt: 503 Service Unavailable",
		busy + "/news/1":               "failed, throttled: 429 Too Many Requests",
		twoURL + "/odd/two-reset":      "failed, broken off: the connection was lost after 3 bytes",
		twoURL + "/odd/two-header":     "failed, bad answer: connection error: PROTOCOL_ERROR",
		twoURL + "/odd/two-endless":    "failed, too long: longer than 2 MiB",
		"http://127.0.0.1:1/news/none": "failed, robots.txt not to be had: robots.txt: dial tcp 127.0.0.1:1: ",
	}
	good := map[string]string{
		oddURL + "/news/good":    "Tin tốt",
		oddURL + "/news/wall":    "Tin sau bức tường",
		oddURL + "/news/charset": "Tin nói dối về bảng mã",
		twoURL + "/news/two":     "Tin qua HTTP/2.0",
	}
	var links []string
	for u := range want {
		links = append(links, u)
	}
	for u := range good {
		links = append(links, u)
	}
	slices.Sort(links)
	links = append(links, busy+"/news/2") // after the first nobody asks for it
	odd.Handle("/list", page(list("", links...)))

	c := &Crawler{Archive: openArchive(t, t.TempDir()+"/archive"), Delay: -1, Patience: 300 * time.Millisecond, MaxPage: 2 << 20, AllowPrivate: true}
	c.Sites = localSites(t, oddURL+"/list', '"+trapURL+"/list/1", "tls = ['incomplete chain', 'wrong name']\n")
	if _, err := c.begin(nil); err != nil {
		t.Fatal(err)
	}
	c.web.limits = limits{connect: 5 * time.Second, header: time.Second, stall: 700 * time.Millisecond, page: 10 * time.Second}

	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	c.Progress = func(e Event) {
		if e.Visited%64 == 1 || strings.Contains(e.URL, "/odd/") {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	begun := time.Now()
	s, err := c.Run(t.Context(), []string{"local"})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	t.Logf("%s; %v, at most %d MiB more than before", s, took.Round(time.Millisecond), (int64(peak)-int64(before))>>20)
	if took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if peak > before+256<<20 {
		t.Errorf("it took %d MiB", (peak-before)>>20)
	}

	got := map[string]string{}
	for _, p := range s.Problems {
		if strings.Contains(p.URL, "/news/trap/") {
			continue
		}
		got[p.URL] = fmt.Sprintf("%s, %s: %s", p.Result, p.Cause, p.Reason)
		if begins := want[p.URL]; strings.HasPrefix(got[p.URL], begins) {
			got[p.URL] = begins
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems differ (-want +got)\n%s", diff)
	}
	if s.Added != len(good) {
		t.Errorf("%d articles, want %d", s.Added, len(good))
	}
	for u, title := range good {
		v, err := c.Archive.Article(t.Context(), extract.ArticleID(u))
		if err != nil || !strings.Contains(string(v.JSON), strconv.Quote(title)) {
			t.Errorf("%s: %v, want %q in %.300s", u, err, title, v.JSON)
		}
	}
	if s.Gone != trapNews+2 || trapPages.Load() > 5 || s.Circles != 1 {
		t.Errorf("%d gone, %d pages of the trap's list, %d circles; want %d, 5 at most and one", s.Gone, trapPages.Load(), s.Circles, trapNews+2)
	}
	if n := busyAsked.Load(); n != 1 {
		t.Errorf("a host that asked for two hours was asked %d times, want once", n)
	}
	for target := range c.Archive.Targets(t.Context(), store.Selection{Site: "local"}) {
		if strings.HasPrefix(target.URL, busy) && target.State == store.RetryAt && target.Due.Before(until) {
			t.Errorf("%s is due at %v, before %v", target.URL, target.Due, until)
		}
	}
	if tls := fmt.Sprint(s.Sites["local"].TLS); tls != "[incomplete chain wrong name]" {
		t.Errorf("TLS was put up with: %s", tls)
	}
	for p := range c.Archive.Verify(t.Context()) {
		t.Errorf("verify: %s", p)
	}
}
