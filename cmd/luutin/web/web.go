// Package web is the archive's face: pages for readers, a read-only JSON
// interface, feeds, and archived pages shown safely, with Memento (RFC 7089)
// and a CDX endpoint for other programs.
//
// It only reads. What is archived is taken for hostile: it is cleaned
// (clean.go), and shown under a policy that allows nothing.
package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"luutin/crawler/watch"
	"luutin/extract"
	"luutin/store"
)

// Options are what a Server is made of.
type Options struct {
	// Open opens the archive for reading. It is called again and again: the
	// server closes the archive when nobody has asked for a while.
	Open func() (store.Archive, error)

	Sites *extract.Sites

	// Search opens the index of the archive, which it is given to read from.
	Search func(store.Archive) (Finder, error)

	// Hosts are the names that the service is asked by, without a port, besides
	// addresses and localhost; "*" means any. A request for another host is
	// refused: it may come from a page that had its own name point here (DNS
	// rebinding).
	Hosts []string

	// User and Password are asked for when Password is set (RFC 7617); a bearer
	// token (RFC 6750) with the same value as Password does as well.
	User, Password string

	// Metrics and Health answer /metrics and /healthz; nil answers 404 and "ok".
	Metrics, Health http.Handler

	// Live says what a crawl in this process is doing; nil when there is none.
	Live func() Live

	// Problem is told what went wrong, for a log; r is nil when it was not with
	// a request. It may be nil.
	Problem func(r *http.Request, err error)
}

// A Live is what a crawl in this process is doing.
type Live struct {
	Running bool      `json:"running"`
	Visited int       `json:"visited"`           // in this crawl
	Recent  []string  `json:"recent"`            // the last URLs that were visited, the newest first
	Next    time.Time `json:"next,omitzero"`     // when the next crawl begins
	Trouble string    `json:"trouble,omitempty"` // why the last crawl ended before its time
}

// A Server answers requests. It is an http.Handler for many goroutines; Close
// ends it.
type Server struct {
	Options
	desk    *desk
	finder  Finder
	pages   map[string]*template.Template
	assets  map[string]asset // by the path they are asked for at
	styles  string           // the path of the style sheet
	script  string
	handler http.Handler
	turns   chan struct{}

	mu       sync.Mutex
	families map[string][]familyMember // by article; see family.go
	asked    time.Time                 // when families were looked for last
	looking  bool
}

//go:embed templates/*.html
var templates embed.FS

//go:embed static/*
var static embed.FS

type asset struct {
	name, kind string
	body       []byte
}

// Limits of a request.
const (
	maxQuery = 4 << 10 // bytes of the part behind the question mark
	maxTime  = 20 * time.Second
	maxTurns = 32 // requests that are answered at a time; others wait

	maxSending = 5 * time.Minute // for the bytes of a capture, to who reads them
)

// New returns a server.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, desk: newDesk(o.Open), assets: map[string]asset{}, turns: make(chan struct{}, maxTurns)}
	for _, name := range []string{"style.css", "page.js"} {
		body, err := static.ReadFile("static/" + name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		at := "/static/" + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		switch ext {
		case ".css":
			s.styles = at
			s.assets[at] = asset{name, "text/css; charset=utf-8", body}
		case ".js":
			s.script = at
			s.assets[at] = asset{name, "text/javascript; charset=utf-8", body}
		}
	}
	if err := s.parse(); err != nil {
		return nil, err
	}
	var err error
	if s.finder, err = o.Search(lent{desk: s.desk}); err != nil {
		return nil, err
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1 << 10))
	if err != nil {
		return nil, err
	}
	s.handler = s.guard(compress(s.routes()))
	return s, nil
}

// Close lets go of the archive.
func (s *Server) Close() { s.desk.close() }

// Give lets f have the archive to itself while nobody reads; see desk.give.
func (s *Server) Give(ctx context.Context, f func() error) error { return s.desk.give(ctx, f) }

// Stats counts what the archive holds.
func (s *Server) Stats(ctx context.Context) (store.Stats, error) {
	return lent{desk: s.desk}.Stats(ctx)
}

// Reports judges how the sites are doing that were ever visited.
func (s *Server) Reports(ctx context.Context) ([]watch.Report, error) {
	a, back, err := s.desk.borrow(ctx)
	if err != nil {
		return nil, err
	}
	defer back()
	return s.reports(ctx, a)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// parse reads the templates: each page with the frame around all of them.
func (s *Server) parse() error {
	s.pages = map[string]*template.Template{}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		base := path.Base(name)
		if base == "frame.html" {
			continue
		}
		t, err := template.New("frame.html").Funcs(s.functions()).ParseFS(templates, "templates/frame.html", name)
		if err != nil {
			return fmt.Errorf("template %s: %w", base, err)
		}
		s.pages[strings.TrimSuffix(base, ".html")] = t
	}
	return nil
}

// A reply is a handler that may fail; how is told by fail.
type reply func(w http.ResponseWriter, r *http.Request) error

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f reply) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	handle("/{$}", s.front)
	for _, lang := range languages {
		handle("/"+lang+"/{$}", s.home)
		handle("/"+lang+"/search", s.search)
		handle("/"+lang+"/ministries", s.ministries)
		handle("/"+lang+"/ministry/{name}", s.ministry)
		handle("/"+lang+"/changes", s.changes)
		handle("/"+lang+"/health", s.health)
		handle("/"+lang+"/article/{id}", s.article)
		handle("/"+lang+"/article/{id}/v/{version}", s.article)
		handle("/"+lang+"/article/{id}/diff", s.diff)
	}
	handle("/raw/{capture}", s.raw)
	handle("/cdx", s.cdx)
	handle("/feed", s.feed)
	handle("/api/openapi.json", s.openapi)
	handle("/api/search", s.apiSearch)
	handle("/api/articles", s.apiArticles)
	handle("/api/articles/{id}", s.apiArticle)
	handle("/api/articles/{id}/versions", s.apiVersions)
	handle("/api/articles/{id}/diff", s.apiDiff)
	handle("/api/resolve", s.apiResolve)
	handle("/api/sites", s.apiSites)
	handle("/api/live", s.apiLive)
	handle("/static/{name}", s.asset)
	handle("/robots.txt", robots)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if s.Health != nil {
			s.Health.ServeHTTP(w, r)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	handle("/{rest...}", func(http.ResponseWriter, *http.Request) error { return store.ErrNotFound })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A URL in a path has two slashes side by side, which the mux would make one.
		for prefix, f := range s.ofURLs() {
			if strings.HasPrefix(r.URL.Path, prefix) {
				if err := f(w, r, prefix); err != nil {
					s.fail(w, r, err)
				}
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// ofURLs are the handlers of paths that end with a URL, by what they begin with.
func (s *Server) ofURLs() map[string]func(http.ResponseWriter, *http.Request, string) error {
	return map[string]func(http.ResponseWriter, *http.Request, string) error{
		"/vi/page/": s.page, "/en/page/": s.page, replayPath: s.replay,
		"/timegate/": s.timegate, "/timemap/link/": s.timemapLink, "/timemap/json/": s.timemapJSON,
	}
}

// langOf is the language that the path of a page begins with.
func langOf(r *http.Request) string {
	for _, lang := range languages {
		if strings.HasPrefix(r.URL.Path, "/"+lang+"/") {
			return lang
		}
	}
	return languages[0]
}

// replayPath is what the paths of captures begin with that are shown by themselves.
const replayPath = "/replay/"

// Policies (Content Security Policy Level 3, W3C).
const (
	pagePolicy   = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
	replayPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; frame-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)

// guard stands before everything: who asks, for what, and how long it may
// take.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()")
		h.Set("X-DNS-Prefetch-Control", "off")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Robots-Tag", "noarchive")
		if strings.HasPrefix(r.URL.Path, replayPath) { // it stands in a frame, also when it only says that nothing is there
			h.Set("Content-Security-Policy", replayPolicy)
			h.Set("X-Frame-Options", "SAMEORIGIN")
			h.Del("Cross-Origin-Opener-Policy")
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "this archive is only read: GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if !s.knows(r.Host) {
			http.Error(w, "this host is not served here; luutin serve --host names it", http.StatusMisdirectedRequest)
			return
		}
		if len(r.URL.RawQuery) > maxQuery {
			http.Error(w, "the query is too long", http.StatusRequestURITooLong)
			return
		}
		if r.URL.Path != "/healthz" && !s.admitted(r) {
			h.Set("WWW-Authenticate", `Basic realm="luutin", charset="UTF-8"`)
			http.Error(w, "a name and a password are needed", http.StatusUnauthorized)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), maxTime)
		defer cancel()
		// What looks after the service has to be answered above all when it is busy.
		if r.URL.Path != "/healthz" && r.URL.Path != "/metrics" {
			select {
			case s.turns <- struct{}{}:
				defer func() { <-s.turns }()
			case <-ctx.Done():
				h.Set("Retry-After", "5")
				http.Error(w, "too many requests at once", http.StatusTooManyRequests)
				return
			}
		}
		// No context ends a Write to somebody who does not read.
		patience(w)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.note(r, fmt.Errorf("panic: %v", p))
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// patience gives whoever asked maxTime from now to read what is written.
func patience(w http.ResponseWriter) {
	// Only a test writes to what has no deadlines.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxTime))
}

// hostName is a name as DNS compares it: without case, and without the dot that
// says that it is whole.
func hostName(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// knows reports whether a request may be for this host.
func (s *Server) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = hostName(host)
	same := func(name string) bool { return name == "*" || hostName(name) == host }
	return host == "localhost" || net.ParseIP(host) != nil || slices.ContainsFunc(s.Hosts, same)
}

func (s *Server) admitted(r *http.Request) bool {
	if s.Password == "" {
		return true
	}
	same := func(a, b string) bool {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:]) == 1
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return same(token, s.Password)
	}
	user, password, _ := r.BasicAuth()
	return same(user, s.User) && same(password, s.Password)
}

func (s *Server) note(r *http.Request, err error) {
	if s.Problem != nil {
		s.Problem(r, err)
	}
}

// A badRequest is what the asker did wrong.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// fail answers a request that could not be answered.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		status = http.StatusInternalServerError
		title  = "trouble"
		text   = "trouble text"
		detail = ""
		bad    badRequest
		inUse  *store.InUse
		gone   *store.BodyDropped
	)
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // nobody waits for it
	case errors.As(err, &bad):
		status, title, text, detail = http.StatusBadRequest, "bad", "", string(bad)
	case errors.Is(err, store.ErrNotFound):
		status, title, text = http.StatusNotFound, "nothing here", "nothing text"
	case errors.As(err, &gone):
		status, title, text, detail = http.StatusGone, "dropped", "", gone.When.Format(time.DateOnly)+": "+gone.Rule
	case errors.Is(err, fs.ErrNotExist):
		status, title, text = http.StatusNotFound, "nothing here", "empty"
	case errors.As(err, &inUse), errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "60")
		status, title, text = http.StatusServiceUnavailable, "busy", "busy text"
		s.note(r, err)
	default:
		s.note(r, err)
	}
	lang := langOf(r)
	if !strings.HasPrefix(r.URL.Path, "/"+lang+"/") {
		said, _ := say("en", title)
		if strings.HasPrefix(r.URL.Path, replayPath) { // a reader sees it, whose language it does not know
			both, _ := say("vi", title)
			said = both + " · " + said
		}
		http.Error(w, strings.TrimSpace(said+" "+detail), status)
		return
	}
	said, _ := say(lang, title)
	more := detail
	if text != "" {
		more, _ = say(lang, text)
	}
	if err := s.show(w, r, status, "trouble", said, troubleView{more}); err != nil {
		s.note(r, err)
	}
}

type troubleView struct{ Text string }

func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := s.assets[r.URL.Path]
	if !ok {
		return store.ErrNotFound
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Write(a.body) // whoever has gone needs no answer, here and below
	return nil
}

func robots(w http.ResponseWriter, _ *http.Request) error {
	fmt.Fprint(w, "User-agent: *\nDisallow: /\n")
	return nil
}

// front leads to the pages in the language that is asked for.
func (s *Server) front(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Vary", "Accept-Language")
	http.Redirect(w, r, "/"+preferred(r.Header.Get("Accept-Language"))+"/", http.StatusFound)
	return nil
}

// reports judges how the sites are doing that were ever visited.
func (s *Server) reports(ctx context.Context, a store.Archive) (all []watch.Report, err error) {
	for _, name := range s.Sites.Names() {
		r, _, err := watch.Look(ctx, a, s.Sites, name, time.Now())
		if err != nil {
			return nil, err
		}
		if r.Total.Visits > 0 {
			all = append(all, r)
		}
	}
	return all, nil
}

// escaped returns a URL as it can stand in a path.
func escaped(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return url.PathEscape(raw)
	}
	return u.String()
}
