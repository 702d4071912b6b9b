package crawler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// sitesOf makes definitions of a simple site for every name, on the host of
// that name.
func sitesOf(t testing.TB, names ...string) *extract.Sites {
	t.Helper()
	return sitesWith(t, "", names...)
}

// sitesWith is sitesOf with further lines in each definition.
func sitesWith(t testing.TB, lines string, names ...string) *extract.Sites {
	t.Helper()
	return sitesBy(t, lines+definition, names...)
}

// definition is that of the site HOST.
const definition = `
hosts = ["HOST", "www.HOST"]
ministry = "Bộ Tư pháp"
zone = "Asia/Ho_Chi_Minh"
start = ["http://HOST/list"]
articles = '^/(news|odd)/'

[[list]]
url = '^/list'
links = 'li a'
next = 'a.next'

[[layout]]
name = "only"
title = 'h1'
published = '.date'
body = '.body'
attachments = 'a.file'
`

// sitesBy are sites with one definition, in which HOST stands for the name.
func sitesBy(t testing.TB, definition string, names ...string) *extract.Sites {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range names {
		files[name+".toml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(definition, "HOST", name))}
	}
	sites, err := extract.LoadSites(files)
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func openArchive(t testing.TB, dir string) *bolt.Archive {
	t.Helper()
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// A ministry is a small site: pages by path, written while it is served.
type ministry struct {
	mu    sync.Mutex
	pages map[string]string // path to body, or to "301 location", "404", "pdf"
	hits  map[string]int
	odd   http.Handler

	asked int           // requests, robots.txt and redirects included
	last  time.Time     // when the last was answered
	gap   time.Duration // the shortest between one's end and the next one's start
	busy  bool
	clash int // requests that came beside another
}

func (m *ministry) set(path, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pages == nil {
		m.pages, m.hits = map[string]string{}, map[string]int{}
	}
	m.pages[path] = body
}

func (m *ministry) hit(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hits[path]
}

func (m *ministry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	body, known := m.pages[r.RequestURI]
	m.hits[r.URL.Path]++
	if m.asked++; m.asked == 2 || m.asked > 2 && time.Since(m.last) < m.gap {
		m.gap = time.Since(m.last)
	}
	if m.busy {
		m.clash++
	}
	m.busy = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.busy, m.last = false, time.Now()
	}()
	to, moved := strings.CutPrefix(body, "301 ")
	status, err := strconv.Atoi(body)
	switch {
	case strings.HasPrefix(r.URL.Path, "/odd/") && !known:
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/odd")
		m.odd.ServeHTTP(w, r)
	case !known:
		http.NotFound(w, r)
	case moved:
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	case err == nil:
		w.WriteHeader(status)
	default:
		etag := fmt.Sprintf("%q", strconv.Itoa(len(body)))
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, body)
	}
}

func list(next string, links ...string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><title>Tin</title><ul>")
	for _, l := range links {
		fmt.Fprintf(&b, `<li><a href="%s">Tin số %s</a></li>`, l, l)
	}
	b.WriteString("</ul>")
	if next != "" {
		fmt.Fprintf(&b, `<a class="next" href="%s">Tiếp</a>`, next)
	}
	return b.String()
}

// news is an article of 1998: a fake clock begins in 2000.
func news(title, file string) string {
	if file != "" {
		file = fmt.Sprintf(`<a class="file" href="%s">Quyết định</a>`, file)
	}
	return fmt.Sprintf(`<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%[1]s</h1><span class="date">19/01/1998 14:39</span>
<div class="body"><p>%[1]s: sáng ngày 19/01, Bộ Tư pháp đã tổ chức Hội nghị triển khai công tác năm, với sự tham dự của lãnh đạo các đơn vị thuộc Bộ và các địa phương.</p>
<p>Phát biểu tại Hội nghị, Bộ trưởng đề nghị các đơn vị không né tránh khi thực hiện nhiệm vụ được giao, chủ động phối hợp và báo cáo kịp thời.</p></div>%[2]s</body></html>`, title, file)
}

// A world is one crawler with its servers and its archive.
type world struct {
	net      memoryNet
	ministry ministry
	dir      string
	Crawler
}

const moj = "moj.test"

// inWorld runs a test on a fake clock.
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	dir := filepath.Join(t.TempDir(), "archive")
	synctest.Test(t, func(t *testing.T) {
		w := &world{dir: dir}
		w.ministry.set("/robots.txt", "User-agent: *\nDisallow: /news/secret")
		w.net.serve(t, moj, &w.ministry)
		w.Archive = openArchive(t, dir)
		w.Sites = sitesOf(t, moj)
		w.Transport = w.net.transport(t)
		f(t, w)
	})
}

func (w *world) run(t *testing.T) Summary {
	t.Helper()
	s, err := w.Run(t.Context(), []string{moj})
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	for p := range w.Archive.Verify(t.Context()) {
		t.Errorf("verify: %s", p)
	}
	return s
}

func (w *world) wantRun(t *testing.T, want string) Summary {
	t.Helper()
	s := w.run(t)
	if got := s.String(); got != want {
		t.Errorf("summary %q, want %q", got, want)
		for _, p := range s.Problems {
			t.Logf("%s %s", p.Result, p)
		}
	}
	return s
}

func TestRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("/list?page=2", "/news/1", "/news/2", "/news/3?utm_source=list"))
		w.ministry.set("/list?page=2", list("/list?page=3", "/news/4", "/news/moved", "/news/1"))
		w.ministry.set("/list?page=3", list("", "/news/6", "/news/secret", "/news/gone", "/news/deleted", "http://elsewhere.vn/a"))
		for i := range 7 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.ministry.set("/news/3", news("Tin số 3", "/files/3.pdf")) // asked for without what tracks readers
		w.ministry.set("/files/3.pdf", "%PDF-1.4")
		w.ministry.set("/news/moved", "301 /news/5")
		w.ministry.set("/news/deleted", "301 /")
		var events []Event
		w.Progress = func(e Event) { events = append(events, e) }

		s := w.wantRun(t, "13 visited: 6 added, 3 lists, 1 file, 2 gone, 1 blocked")
		var problems []string
		for _, p := range s.Problems {
			problems = append(problems, fmt.Sprintf("%s %s", p.Result, p))
		}
		slices.Sort(problems)
		want := []string{
			"gone http://moj.test/news/deleted: redirected to the home page: http://moj.test/",
			"gone http://moj.test/news/gone: 404 Not Found",
			"refused http://moj.test/news/secret: robots.txt forbids it",
		}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Errorf("problems differ (-want +got)\n%s", diff)
		}
		if len(events) != 13 || events[12].Visited != 13 {
			t.Errorf("%d events, the last %+v", len(events), events[len(events)-1])
		}
		if w.ministry.hit("/") != 0 || w.ministry.hit("/news/secret") != 0 {
			t.Error("asked for what must not be asked for")
		}
		// 14 requests to the host, a second between any two.
		if got := s.Elapsed(); got != 13*time.Second {
			t.Errorf("took %v, want 13s", got)
		}
		if m := &w.ministry; m.asked != 14 || m.clash != 0 || m.gap < time.Second {
			t.Errorf("%d requests, %d beside another, at least %v apart; want 14, none and 1s", m.asked, m.clash, m.gap)
		}
		if site := s.Sites[moj]; site.Visited != 13 || site.Delay != time.Second || site.Foreign != 0 {
			t.Errorf("site summary %+v", site)
		}
		id, err := w.Archive.Resolve(t.Context(), "http://moj.test/news/moved")
		if err != nil || id != extract.ArticleID("http://moj.test/news/5") {
			t.Errorf("Resolve(moved) = %s, %v", id, err)
		}

		// Nothing happened since: lists are asked for, and nothing else.
		w.wantRun(t, "1 visited: 0 added, 1 list")
		// A new article calls the second page back, which has nothing new.
		w.ministry.set("/list", list("/list?page=2", "/news/0", "/news/1", "/news/2"))
		w.wantRun(t, "3 visited: 1 added, 2 lists")
		// The news is years old: nobody looks at it again tomorrow.
		time.Sleep(2 * day)
		w.wantRun(t, "4 visited: 0 added, 1 list, 2 gone, 1 blocked")
		w.ministry.set("/news/1", news("Tin số 1 đã sửa", ""))
		w.ministry.set("/news/2", "404")
		time.Sleep(370 * day)
		w.wantRun(t, "14 visited: 0 added, 1 changed, 5 unchanged, 3 lists, 1 file, 3 gone (1 article withdrawn), 1 blocked")
	})
}

// A start page that is gone is no page like others.
func TestLostStartPages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesBy(t, strings.Replace(definition, `"http://HOST/list"`, `"http://HOST/list", "http://HOST/list?2"`, 1), moj)
		w.ministry.set("/list", list("", "/news/1", "/news/gone"))
		w.ministry.set("/news/1", news("Tin", ""))
		s := w.wantRun(t, "4 visited: 1 added, 1 list, 2 gone")
		if got, want := s.Sites[moj].Lost, []string{"http://moj.test/list?2"}; !slices.Equal(got, want) {
			t.Errorf("lost start pages %q, want %q", got, want)
		}
	})
}

// TestOddPages has one whole crawl meet everything that the odd server does.
func TestOddPages(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		want := map[string]string{
			"/odd/gzip-bomb":    "failed: longer than 2 MiB",
			"/odd/gzip-broken":  "failed: the content coding is broken after 72 bytes",
			"/odd/compress":     `failed: content coding "compress" cannot be undone: the bytes are kept as they came`,
			"/odd/empty":        "failed: the answer is empty",
			"/odd/slow-header":  "failed: no answer within 45s",
			"/odd/stall":        "failed: nothing more came for 30s",
			"/odd/drip":         "failed: took longer than 4m0s",
			"/odd/endless":      "failed: longer than 2 MiB",
			"/odd/200MB":        "failed: longer than 2 MiB",
			"/odd/wrong-length": "failed: the connection was lost after 72 bytes",
			"/odd/reset":        "failed: the connection was lost after 72 bytes",
			"/odd/hang-up":      "failed: EOF",
			"/odd/to-ftp":       "failed: redirected to ftp://moj.gov.vn/x: not a web address (http or https)",
			"/odd/to-nowhere":   "failed: 302 Found",
			"/odd/to-far":       "failed: redirected to another site: http://elsewhere.vn/x",
			"/odd/pdf":          "fetched: not an article: a PDF, not a page",
			"/odd/missing":      "gone: 404 Not Found",
			"/news/loop":        "failed: redirects in a circle",
			"/news/500":         "failed: 500 Internal Server Error",
			"/news/403":         "blocked: 403 Forbidden",
			"/news/410":         "gone: 410 Gone",
			"/news/429":         "failed: 429 Too Many Requests",
		}
		w.ministry.odd = oddServer()
		links := []string{"/news/good"}
		for path := range want {
			links = append(links, strings.TrimPrefix(path, "http://moj.test"))
		}
		slices.Sort(links)
		w.ministry.set("/list", list("/list/empty", links...))
		w.ministry.set("/list/empty", "<!DOCTYPE html><title>Không có tin</title>")
		w.ministry.set("/news/good", news("Tin tốt", ""))
		w.ministry.set("/news/loop", "301 /news/loop")
		for _, status := range []string{"500", "403", "410", "429"} {
			w.ministry.set("/news/"+status, status)
		}
		w.MaxPage = 2 << 20
		w.Delay = -1
		s := w.run(t)
		got := map[string]string{}
		for _, p := range s.Problems {
			got[strings.TrimPrefix(p.URL, "http://moj.test")] = fmt.Sprintf("%s: %s", p.Result, p.Reason)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems differ (-want +got)\n%s", diff)
		}
		if s.Added != 1 || s.Lists != 2 || s.Visited != s.Added+s.Lists+s.Gone+s.Blocked+s.Failed {
			t.Errorf("summary %s", s)
		}
		if s.Cut != 9 {
			t.Errorf("%d answers were cut, want 9", s.Cut)
		}
		if s.Elapsed() > 20*time.Minute {
			t.Errorf("took %v", s.Elapsed())
		}
	})
}

func TestRobotsOutOfOrder(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", news("Tin", ""))
		w.ministry.set("/robots.txt", "503")
		s := w.wantRun(t, "1 visited: 0 added, 1 failed")
		if len(s.Problems) != 1 || s.Problems[0].Reason != "robots.txt: 503 Service Unavailable" {
			t.Errorf("problems %v", s.Problems)
		}
		if w.ministry.hit("/list") != 0 {
			t.Error("asked for a page though robots.txt was out of order")
		}
		w.ministry.set("/robots.txt", "User-agent: luutin\nCrawl-delay: 5")
		time.Sleep(time.Hour)
		s = w.wantRun(t, "2 visited: 1 added, 1 list")
		if got := s.Elapsed(); got != 10*time.Second { // robots.txt, list, news
			t.Errorf("took %v, want 10s", got)
		}
		if s.Sites[moj].Delay != 5*time.Second {
			t.Errorf("delay %v, want 5s", s.Sites[moj].Delay)
		}
	})
}

// TestRest has a server ask for a pause, which a new process keeps too.
func TestRest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		until := time.Now().Add(2 * time.Hour).Truncate(time.Second)
		calm := false
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !calm {
				rw.Header().Set("Retry-After", until.UTC().Format(http.TimeFormat))
				rw.WriteHeader(http.StatusTooManyRequests)
				return
			}
			if time.Now().Before(until) {
				t.Error("asked before the time")
			}
			io.WriteString(rw, news("Tin", ""))
		})
		w.ministry.set("/list", list("", "/odd/1", "/odd/2"))
		w.wantRun(t, "2 visited: 0 added, 1 list, 1 failed")
		calm = true
		if err := w.Archive.Close(); err != nil {
			t.Fatal(err)
		}
		again := &world{net: memoryNet{hosts: w.net.hosts}, dir: w.dir}
		again.Archive, again.Sites, again.Transport = openArchive(t, w.dir), w.Sites, w.Transport
		again.wantRun(t, "0 visited")
		time.Sleep(time.Until(until))
		again.wantRun(t, "3 visited: 1 added, 1 duplicate, 1 list")
	})
}

// TestDownHost does not try every page of a host that cannot be reached.
func TestDownHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3"))
		for i := range 4 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.Progress = func(e Event) {
			if e.URL == "http://moj.test/list" {
				w.Transport.(*http.Transport).CloseIdleConnections()
				w.net.mu.Lock()
				w.net.hosts["moj.test"].Close()
				w.net.mu.Unlock()
			}
		}
		s := w.run(t)
		if s.Failed > 2 || s.Added != 0 || s.Elapsed() > time.Minute {
			t.Errorf("%s in %v, want at most two failures", s, s.Elapsed())
		}
		for _, p := range s.Problems {
			if !strings.Contains(p.Reason, "refused") {
				t.Errorf("problem %v", p)
			}
		}
	})
}

func TestRetryComesRight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		tries := 0
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if tries++; tries == 1 {
				rw.WriteHeader(http.StatusBadGateway)
				return
			}
			io.WriteString(rw, news("Tin", ""))
		})
		w.ministry.set("/list", list("", "/odd/1"))
		s := w.wantRun(t, "2 visited: 1 added, 1 list")
		if len(s.Problems) != 0 || tries != 2 {
			t.Errorf("%d tries, problems %v", tries, s.Problems)
		}
	})
}

// TestCancel stops a run in the middle of a delay and of a request.
func TestCancel(t *testing.T) {
	for name, path := range map[string]string{"in a delay": "/news/1", "in a request": "/odd/slow-header"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.ministry.odd = oddServer()
				w.Delay = time.Minute
				w.Patience = time.Hour
				w.ministry.set("/list", list("", path))
				w.ministry.set("/news/1", news("Tin", ""))
				ctx, cancel := context.WithTimeout(t.Context(), 130*time.Second)
				defer cancel()
				if path == "/news/1" {
					ctx, cancel = context.WithTimeout(t.Context(), 90*time.Second)
					defer cancel()
				}
				begun := time.Now()
				s, err := w.Run(ctx, []string{moj})
				deadline, _ := ctx.Deadline()
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != deadline.Sub(begun) {
					t.Errorf("Run = %v after %v, want %v after %v", err, time.Since(begun), context.DeadlineExceeded, deadline.Sub(begun))
				}
				if got, want := s.String(), "1 visited: 0 added, 1 list"; got != want {
					t.Errorf("summary %q, want %q", got, want)
				}
				for target, err := range w.Archive.Targets(t.Context(), store.Selection{Kinds: []extract.Kind{extract.KindArticle}}) {
					if err != nil || target.State != store.Due || target.Attempts != 0 {
						t.Errorf("target %+v, %v, want it due", target, err)
					}
				}
			})
		})
	}
}

// panicky reads pages as its sites do, except one.
type panicky struct{ *extract.Sites }

func (p panicky) Read(page extract.Page) (*extract.Reading, error) {
	if strings.HasSuffix(page.URL, "/news/1") {
		panic("out of range")
	}
	return p.Sites.Read(page)
}

func TestReaderPanics(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = panicky{sitesOf(t, moj)}
		w.ministry.set("/list", list("", "/news/1", "/news/2"))
		w.ministry.set("/news/1", news("Tin một", ""))
		w.ministry.set("/news/2", news("Tin hai", ""))
		s := w.wantRun(t, "3 visited: 1 added, 1 list, 1 failed")
		if len(s.Problems) != 1 || s.Problems[0].Reason != "the reader panicked: out of range" {
			t.Errorf("problems %v", s.Problems)
		}
	})
}

func TestPagingLimits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 100 { // the last pages are all the same
			links := []string{"/news/9"}
			if i < 5 {
				links = []string{fmt.Sprintf("/news/%d", i)}
				w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
			}
			path := fmt.Sprintf("/list?page=%d", i)
			if i == 0 {
				path = "/list"
			}
			w.ministry.set(path, list(fmt.Sprintf("/list?page=%d", i+1), links...))
		}
		w.ministry.set("/news/9", news("Tin số 9", ""))
		w.Pages = 3
		s := w.wantRun(t, "6 visited: 3 added, 3 lists")
		if s.Deeper != 1 {
			t.Errorf("%d links too deep, want 1", s.Deeper)
		}
		w.Pages, w.Limit = 0, 2
		w.wantRun(t, "1 visited: 0 added, 1 list") // page 3 is not due: what was cut is not noted down
	})
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 100 {
			path := fmt.Sprintf("/list?page=%d", i)
			if i == 0 {
				path = "/list"
			}
			w.ministry.set(path, list(fmt.Sprintf("/list?page=%d", i+1), "/news/9"))
		}
		w.ministry.set("/news/9", news("Tin số 9", ""))
		w.Limit = 2
		w.wantRun(t, "2 visited: 1 added, 1 list")
		w.Limit = 0
		s := w.wantRun(t, "4 visited: 0 added, 4 lists")
		if s.Circles != 1 {
			t.Errorf("%d circles, want 1", s.Circles)
		}
	})
}

// TestManySites reads thirty hosts side by side as fast as their delays allow.
func TestManySites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	synctest.Test(t, func(t *testing.T) {
		const pages, delay = 20, 200 * time.Millisecond
		var n memoryNet
		var names []string
		var ministries []*ministry
		for i := range 30 {
			name := fmt.Sprintf("m%d.test", i)
			names = append(names, name)
			m := new(ministry)
			ministries = append(ministries, m)
			var links []string
			for j := range pages {
				path := fmt.Sprintf("/news/%d", j)
				links = append(links, path)
				m.set(path, news(fmt.Sprintf("Tin số %d của %s", j, name), ""))
			}
			m.set("/list", list("", links...))
			n.serve(t, name, m)
		}
		c := &Crawler{Archive: openArchive(t, dir), Sites: sitesOf(t, names...), Transport: n.transport(t), Delay: delay}
		s, err := c.Run(t.Context(), names)
		if err != nil || s.Added != 30*pages {
			t.Fatalf("%s, %v", s, err)
		}
		for i, m := range ministries {
			if m.asked != pages+2 || m.clash != 0 || m.gap < delay {
				t.Errorf("%s: %d requests, %d beside another, at least %v apart; want %d, none and %v", names[i], m.asked, m.clash, m.gap, pages+2, delay)
			}
		}
		// robots.txt, the list and the pages of each: a delay between any two.
		ideal := (pages + 1) * delay
		if share := float64(ideal) / float64(s.Elapsed()); share < .98 {
			t.Errorf("took %v, which is %.2f of what the delays allow, want .98", s.Elapsed(), share)
		}
	})
}

func TestRunNames(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if _, err := w.Run(t.Context(), []string{"nowhere"}); err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
			t.Errorf("Run(nowhere) = %v", err)
		}
	})
}

// TestProxy sends everything through a proxy, which knows hosts that nobody
// else does.
func TestProxy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.serve(t, "proxy.test:3128", &w.ministry)
		own := ownTransport(&url.URL{Scheme: "http", Host: "proxy.test:3128"}, extract.Terms{})
		own.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "proxy.test:3128" {
				t.Errorf("dialed %s", addr)
			}
			return w.net.dial(ctx, network, addr)
		}
		t.Cleanup(own.CloseIdleConnections)
		w.Transport = own
		w.ministry.set("http://moj.test/list", list("", "/news/1"))
		w.ministry.set("http://moj.test/news/1", news("Tin", ""))
		w.wantRun(t, "2 visited: 1 added, 1 list")
	})
}

// TestKindsMend visits targets of which something else was thought once: an
// article that an import has brought as a file, and a file that was named as a page.
func TestKindsMend(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		sum, _ := w.take(t, captured(1, "/news/1", "200 OK\r\nContent-Type: application/pdf", "%PDF-1.4"),
			captured(1, "/news/2", "200 OK\r\nContent-Type: application/force-download", news("Tin số 2", "")))
		if sum.Files != 0 || sum.Unread != 1 || sum.Added != 1 {
			t.Errorf("the import: %+v", sum)
		}
		for _, x := range []store.Target{
			{URL: "http://moj.test/news/3", Site: moj, Kind: extract.KindAttachment},
			{URL: "http://moj.test/files/1", Site: moj, Kind: extract.KindList},
			{URL: "http://moj.test/files/2", Site: moj, Kind: extract.KindAttachment},
		} {
			if _, err := w.Archive.Add(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
		w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3"))
		for i := range 4 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.ministry.set("/files/1", "%PDF-1.4")
		w.ministry.set("/files/2", news("Không phải tin", ""))
		w.net.serve(t, "www."+moj, &w.ministry)
		if _, err := w.Archive.Recall(t.Context(), store.Selection{Site: moj}); err != nil {
			t.Fatal(err)
		}
		w.wantRun(t, "6 visited: 2 added, 1 unchanged, 1 list, 2 files")
		for known, kind := range map[string]extract.Kind{
			"http://moj.test/news/1": extract.KindArticle, "http://moj.test/news/2": extract.KindArticle, "http://moj.test/news/3": extract.KindArticle,
			"http://moj.test/files/1": extract.KindAttachment, "http://moj.test/files/2": extract.KindAttachment,
		} {
			if got := w.at(t, known); got.Kind != kind || got.State != store.Done || kind == extract.KindArticle && got.Article == "" {
				t.Errorf("%s: %+v", known, got)
			}
		}
	})
}

func TestFetchOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/news/1", "301 /news/2")
		w.ministry.set("/news/2", news("Tin", ""))
		begun := time.Now()
		p, err := w.Fetch(t.Context(), moj, "http://moj.test/news/1")
		if err != nil || p.URL != "http://moj.test/news/2" || string(p.Body) != news("Tin", "") {
			t.Errorf("Fetch = %s, %v", p.URL, err)
		}
		if took := time.Since(begun); took != 2*time.Second || w.ministry.gap < time.Second {
			t.Errorf("took %v, %v apart; want robots.txt and two requests a second apart", took, w.ministry.gap)
		}
		w.ministry.set("/tin", "301 /tin/")
		w.ministry.set("/tin/", list("", "/news/2"))
		w.ministry.set("/trang-chu", "301 /")
		w.ministry.set("/", list("", "/news/2"))
		alone := Crawler{Sites: w.Sites, Transport: w.Transport}
		for from, to := range map[string]string{"/tin": "/tin/", "/trang-chu": "/", "/news/1": "/news/2"} {
			if p, err := alone.Fetch(t.Context(), moj, "http://moj.test"+from); err != nil || p.URL != "http://moj.test"+to {
				t.Errorf("Fetch without an archive = %s, %v, want %s", p.URL, err, to)
			}
		}
		for url, want := range map[string]string{
			"http://moj.test/news/secret": "fetch http://moj.test/news/secret: robots.txt forbids it",
			"http://moj.test/news/none":   "fetch http://moj.test/news/none: 404 Not Found",
			"http://elsewhere.vn/":        "fetch http://elsewhere.vn/: elsewhere.vn is no host of moj.test",
		} {
			if _, err := w.Fetch(t.Context(), moj, url); fmt.Sprint(err) != want {
				t.Errorf("Fetch = %v, want %s", err, want)
			}
		}
	})
}

// A pause that is longer than a run's patience is a site's wish, not trouble:
// the run goes on to its end.
func TestLongPauses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/robots.txt", "User-agent: *\nCrawl-delay: 40")
		w.ministry.set("/list", list("", "/news/1", "/news/2"))
		for i := range 3 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		s := w.wantRun(t, "3 visited: 2 added, 1 list")
		if got := s.Elapsed(); got != 2*time.Minute {
			t.Errorf("took %v, want 2m0s: four requests 40s apart", got)
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.Delay = time.Hour
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", news("Tin số 1", ""))
		w.wantRun(t, "2 visited: 1 added, 1 list")
	})
}

// TestOddLinks meets links and redirects that are no URLs, and that browsers follow.
func TestOddLinks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/tang-8%-nam-nay.html", `\news\2.html`, "/news/3.html"))
		w.ministry.set("/news/tang-8%25-nam-nay.html", news("Tin số 1", ""))
		w.ministry.set("/news/2.html", news("Tin số 2", ""))
		w.ministry.set("/news/3.html", `301 \news\giam-50%.html`)
		w.ministry.set("/news/giam-50%25.html", news("Tin số 3", ""))
		w.wantRun(t, "4 visited: 3 added, 1 list")
	})
}

// TestNamesInLinks meets links and redirects with a name and a password.
func TestNamesInLinks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "http://admin:secret@moj.test/news/1", "/news/moved"))
		w.ministry.set("/news/1", news("Tin", "http://admin:secret@moj.test/files/1.pdf"))
		w.ministry.set("/news/moved", "301 http://admin:secret@moj.test/news/2")
		w.ministry.set("/news/2", news("Tin hai", ""))
		w.ministry.set("/files/1.pdf", "%PDF-1.4")
		w.wantRun(t, "4 visited: 2 added, 1 list, 1 file")
		for target := range w.Archive.Targets(t.Context(), store.Selection{}) {
			if strings.Contains(target.URL+target.Canonical, "secret") {
				t.Errorf("target %s, known by %s", target.URL, target.Canonical)
			}
		}
		for v, err := range w.Archive.Visits(t.Context(), store.VisitQuery{}) {
			if err != nil || strings.Contains(fmt.Sprint(v.Answer.FinalURL, v.Answer.Hops), "secret") {
				t.Errorf("visit of %s: %v, %+v", v.Target.URL, err, v.Answer)
			}
		}
		for _, n := range []string{"1", "2"} {
			a, err := w.Archive.Article(t.Context(), extract.ArticleID("http://moj.test/news/"+n))
			if err != nil || strings.Contains(string(a.JSON), "secret") {
				t.Errorf("article %s: %v, %s", n, err, a.JSON)
			}
		}
	})
}

// A page that sends its readers on by itself is a redirect in all but name.
func TestMetaRefresh(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		on := func(to string) string {
			return fmt.Sprintf(`<!DOCTYPE html><head><META HTTP-EQUIV="Refresh" CONTENT="0; URL='%s'"></head><body></body>`, to)
		}
		w.ministry.set("/list", on("/list/real"))
		w.ministry.set("/list/real", list("", "/news/1", "/news/2"))
		w.ministry.set("/news/1", on("/news/3"))
		w.ministry.set("/news/3", newsOf(3))
		w.ministry.set("/news/2", strings.Replace(newsOf(2), "</head>", `<meta http-equiv="refresh" content="300"></head>`, 1))
		s := w.run(t)
		if s.Added != 2 || s.Failed != 0 || w.ministry.hit("/news/3") != 1 {
			t.Errorf("%s; %+v", s, s.Problems)
		}
	})
}
