package crawler

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gocolly/colly/v2"

	"luutin/extract/dom"
	"luutin/store"
	"luutin/store/coding"
)

const (
	maxRedirects = 10
	maxHeader    = 256 << 10
	maxHopBody   = 64 << 10 // what is read of a redirect's own body
	keepBuffer   = 4 << 20  // a larger body buffer is not kept for the next page
	spoolAfter   = 1 << 20  // of a body that may be spooled so much is held in memory
)

// limits are the times that a request may take.
type limits struct {
	connect time.Duration // and as long again for TLS
	header  time.Duration // until the headers are there, connecting included
	stall   time.Duration // between two reads of the body
	page    time.Duration // a whole page; an attachment has until the lease runs out
}

var usualLimits = limits{connect: 15 * time.Second, header: 45 * time.Second, stall: 30 * time.Second, page: 4 * time.Minute}

// web is the way out that all workers share.
type web struct {
	transport http.RoundTripper // nil means the crawler's own, see way
	ways      ways
	agent     string
	now       func() time.Time
	limits    limits
	manners   manners
	robots    robots
	cookies   cookies // a wall that sets a cookie and redirects is passed like a browser does
	codings   coding.Readers
}

func newWeb(transport http.RoundTripper, agent string, now func() time.Time) *web {
	w := &web{transport: transport, agent: agent, now: now, limits: usualLimits}
	w.manners = manners{now: now, hosts: map[string]*host{}}
	w.robots = robots{web: w, known: map[string]*robotsEntry{}}
	return w
}

// An answer is one response, read to its end or to a limit.
type answer struct {
	resp      *http.Response // its Body is spent
	body      []byte         // without content coding
	spool     store.Spool    // the body instead, when it was longer than memory is to hold
	truncated string         // as store.Capture has it
	tls       []string       // what was wrong with the connection, see extract.Terms
	asked     time.Time      // when the request was sent
	took      time.Duration
}

// marked is an error with a plain text and a cause.
type marked struct {
	text string
	mark cause
}

func (e *marked) Error() string { return e.text }
func (e *marked) Unwrap() error { return e.mark }

// bounds are those of one exchange.
type bounds struct {
	delay time.Duration               // since the last request to the host
	whole time.Duration               // for everything; 0 means as long as the context lasts
	size  int64                       // of the body
	spool func() (store.Spool, error) // where a long body goes; nil means memory
}

// exchange waits for the host's turn, sends a request and reads the answer,
// appending the body to buf. When the body is cut short it returns both what
// came and the error that says why.
func (w *web) exchange(req *http.Request, b bounds, buf []byte) (*answer, error) {
	name := hostOf(req.URL)
	transport, req, err := w.way(req)
	if err != nil {
		return nil, err
	}
	if err := w.manners.enter(req.Context(), name, b.delay); err != nil {
		return nil, err
	}
	defer w.manners.leave(name)
	for again := false; ; again = true {
		a, err := w.ask(transport, req, name, b, buf)
		if !errors.Is(err, errUnasked) {
			return a, err
		}
		if again {
			return nil, &marked{"the connection was closed before there was an answer", brokenOff}
		}
		// What was sent may have come, and the host was asked then.
		if err := sleep(req.Context(), w.manners.pace(name, b.delay)); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// errUnasked is the error of a request for which net/http took a second connection,
// since the first broke when it was sent: it would ask again at once, over HTTP/2
// as often as it is refused.
var errUnasked = errors.New("the connection was closed when it was used")

// ask sends a request, whose host's turn it is, and reads the answer.
func (w *web) ask(transport http.RoundTripper, req *http.Request, name string, b bounds, buf []byte) (_ *answer, err error) {
	var connected atomic.Bool
	var conn net.Conn
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			conn = got.Conn
			if connected.Swap(true) {
				cancel(errUnasked)
				conn.Close() // whatever net/http sends nevertheless does not come
			}
		},
		GotFirstResponseByte: func() { w.manners.begins(name) },
	})
	defer func() {
		if err != nil && conn != nil {
			conn.Close() // HTTP/2 would use it for the next page, though nothing may come over it any more
		}
	}()
	cutAfter := func(d time.Duration, what string) *time.Timer {
		return time.AfterFunc(d, func() { cancel(&marked{fmt.Sprintf("%s %s", what, d), timedOut}) })
	}
	if b.whole > 0 {
		defer cutAfter(b.whole, "took longer than").Stop()
	}
	header := cutAfter(w.limits.header, "no answer within")
	defer header.Stop()

	a := &answer{asked: w.now()}
	begun := time.Now()
	defer func() { a.took = time.Since(begun) }()
	// WithContext makes the copy that a RoundTripper may change.
	req = req.WithContext(ctx)
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header = req.Header.Clone()
		req.Header.Set("Accept-Encoding", "gzip, deflate")
	}
	resp, err := transport.RoundTrip(req)
	if err != nil && context.Cause(ctx) == errUnasked {
		return nil, errUnasked
	}
	if err == nil {
		w.manners.begins(name) // a transport that is no http.Transport does not say it
	}
	if took := time.Since(begun); err == nil || took >= w.limits.header {
		w.manners.answered(name, took)
	}
	if err != nil {
		if refused := (*marked)(nil); errors.As(err, &refused) && refused.mark == privateAddress {
			return nil, &marked{fmt.Sprintf("the address of %s: %s", name, refused.text), privateAddress}
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		// net/http has no type for it; over HTTP/2 it may only say PROTOCOL_ERROR.
		if s := err.Error(); strings.Contains(s, "response headers exceeded") || strings.Contains(s, "response header list larger") {
			return nil, &marked{"headers longer than " + size(maxHeader), tooLong}
		}
		if op := (*net.OpError)(nil); errors.As(err, &op) && connected.Load() {
			err = &marked{op.Err.Error(), brokenOff} // without the addresses, which differ each time
		} else if connected.Load() && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			err = &marked{err.Error(), brokenOff}
		}
		if faulty := (*faultyTLS)(nil); errors.As(err, &faulty) {
			err = fmt.Errorf("certificate of %s: %w", name, faulty)
		}
		if !connected.Load() && req.Context().Err() == nil && isOwn(transport) {
			err = &marked{err.Error(), unreachable}
		}
		return nil, err
	}
	header.Stop()
	defer resp.Body.Close()
	if terms := termsOf(ctx); resp.TLS != nil && len(terms.TLS) > 0 {
		a.tls = tlsFaults(resp.TLS, req.URL.Hostname(), nil, time.Now())
	}
	a.resp, resp.Request = resp, req // a transport that is no http.Transport may forget it
	if isRedirect(resp) {
		if to := resp.Header.Get("Location"); to != "" { // as a page has it, net/http might not take it
			resp.Header.Set("Location", dom.Href(to))
		}
		// Read for the connection's sake; what goes wrong with it is no matter.
		a.body, a.truncated, _ = w.read(resp, min(b.size, maxHopBody), resp.Body, &sink{buf: buf})
		return a, nil
	}
	stall := cutAfter(w.limits.stall, "nothing more came for")
	defer stall.Stop()
	to := &sink{buf: buf, open: b.spool}
	a.body, a.truncated, err = w.read(resp, b.size, &watched{resp.Body, stall, w.limits.stall}, to)
	a.spool = to.spool
	if to.err != nil {
		return a, &archiveError{to.err}
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		a.truncated, err = "time", cause
	}
	return a, err
}

// isOwn reports whether the transport tells a client trace about connections.
func isOwn(t http.RoundTripper) bool {
	_, ok := t.(*http.Transport)
	return ok
}

// watched has a timer run while it waits for something to read, and not while what
// came is unpacked or kept.
type watched struct {
	r     io.Reader
	timer *time.Timer
	limit time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.r.Read(p)
}

// A sink takes a body: in memory, and when it is long in a spool.
type sink struct {
	buf    []byte
	open   func() (store.Spool, error)
	spool  store.Spool
	before int64 // bytes that are in the spool
	err    error // that the spool had
}

// spill moves what the buffer holds to the spool.
func (s *sink) spill() {
	if s.spool == nil {
		if s.spool, s.err = s.open(); s.err != nil {
			s.spool = nil
			return
		}
	}
	_, s.err = s.spool.Write(s.buf)
	s.before += int64(len(s.buf))
	s.buf = s.buf[:0]
}

// An archiveError is one of the archive, which ends the run.
type archiveError struct{ error }

func (e *archiveError) Unwrap() error { return e.error }

// read puts the body into a sink, whose buffer is empty, without its content
// coding, and returns what is in memory of it: all or, when it is spooled,
// nothing. Neither what came over the wire nor what it unfolds to may be longer
// than limit.
func (w *web) read(resp *http.Response, limit int64, from io.Reader, to *sink) (body []byte, truncated string, err error) {
	lost := &watchedErr{Reader: from}
	wire := &io.LimitedReader{R: lost, N: limit + 1}
	src, free, err := w.codings.Undo(wire, resp.Header["Content-Encoding"], limit)
	defer free()
	var kept *coding.Kept
	if err != nil && !errors.As(err, &kept) {
		return to.buf, "unspecified", &marked{err.Error(), badAnswer}
	}
	defer func() {
		if to.spool != nil && to.err == nil {
			to.spill()
		}
		body = to.buf
	}()
	most := int64(keepBuffer - 1)
	if to.open != nil {
		most = spoolAfter
	}
	// Believed up to a size, since a server may say anything.
	to.buf = slices.Grow(to.buf, int(min(max(resp.ContentLength, 0), limit, most))+1)
	for {
		if to.open != nil && len(to.buf) >= spoolAfter {
			if to.spill(); to.err != nil {
				return nil, "unspecified", to.err
			}
		}
		if len(to.buf) == cap(to.buf) {
			to.buf = slices.Grow(to.buf, max(32<<10, len(to.buf)/2))
		}
		n, err := src.Read(to.buf[len(to.buf):cap(to.buf)])
		to.buf = to.buf[:len(to.buf)+n]
		got := to.before + int64(len(to.buf))
		switch {
		case got > limit || err != nil && wire.N <= 0 || errors.Is(err, coding.ErrTooLong):
			to.buf = to.buf[:min(int64(len(to.buf)), limit-to.before)]
			return nil, "length", &marked{"longer than " + size(limit), tooLong}
		case err == io.EOF && kept != nil:
			return nil, "unspecified", &marked{kept.Error(), badAnswer}
		case err == io.EOF:
			return nil, "", nil
		case lost.err != nil || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, "disconnect", &marked{"the connection was lost after " + size(got), brokenOff}
		case err != nil:
			return nil, "unspecified", &marked{"the content coding is broken after " + size(got), badAnswer}
		}
	}
}

// A request is one target as it is to be fetched.
type request struct {
	url    string
	post   string // the body to send; "" means GET
	header map[string]string
	bounds bounds
	follow func(context.Context, *url.URL, []store.Hop) error // asked before every request, redirects included
}

// A fetcher is one worker's way of asking. colly makes the requests; what it
// gets wrong for an archive is done here instead, see newFetcher. It fetches
// one thing at a time.
type fetcher struct {
	web       *web
	collector *colly.Collector
	buf       []byte      // the last body; free again when the next request begins
	spool     store.Spool // the last body when it was long

	request *request // the one being made
	hops    []store.Hop
	tls     []string // what was wrong with the connections on the way
	last    *answer
	lastErr error
}

// newFetcher sets a collector up to be a plain HTTP client with a browser's
// notion of URLs.
func newFetcher(w *web) *fetcher {
	f := &fetcher{web: w}
	c := &colly.Collector{}
	c.Init()                         // NewCollector would obey COLLY_* variables of the environment
	c.MaxBodySize = 0                // cuts silently; exchange has a limit that tells
	c.IgnoreRobotsTxt = true         // takes 5xx for a yes and forgets redirects; see robots
	c.AllowURLRevisit = true         // counts a failure as a visit; the archive knows what was visited
	c.ParseHTTPErrorResponse = true  // 304 and 404 are answers, not errors
	c.DetectCharset = false          // corrupts PDFs; the reader decodes
	c.CacheDir = ""                  // would keep 404s for ever
	c.Async = false                  // a goroutine per URL; the crawler has its workers
	c.UserAgent = w.agent            //
	c.SetRequestTimeout(0)           // ten seconds, the body included; exchange has its own limits
	c.SetCookieJar(&w.cookies)       // one for all workers
	c.SetRedirectHandler(f.redirect) // colly's follows to any host
	c.WithTransport(f)
	// There are no limit rules, which sleep after the answer whatever the
	// context says (see manners), and no callbacks that would parse the page
	// a second time.
	f.collector = c
	return f
}

// release gives up the last body. What of it was committed stays.
func (f *fetcher) release() {
	if f.spool != nil {
		// At worst a file remains that is swept away with the next opening.
		_ = f.spool.Close()
		f.spool = nil
	}
}

// fetch asks for one target and follows its redirects. It returns what came,
// and an error when that is not the whole answer; either may be nil. The body
// is good until the next fetch or release.
func (f *fetcher) fetch(ctx context.Context, r *request) (*store.Capture, error) {
	f.release()
	f.request, f.hops, f.tls, f.last, f.lastErr = r, nil, nil, nil, nil
	if cap(f.buf) > keepBuffer {
		f.buf = nil
	}
	u, err := url.Parse(strings.TrimSpace(r.url))
	if err != nil {
		return nil, errors.Unwrap(err) // a *url.Error, which repeats the URL
	}
	if err := webScheme(u); err != nil {
		return nil, err
	}
	if err := r.follow(ctx, u, nil); err != nil {
		return nil, err
	}
	method, body := http.MethodGet, io.Reader(nil)
	header := http.Header{
		"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	}
	if r.post != "" {
		method, body = http.MethodPost, bytes.NewReader([]byte(r.post))
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(r.post, "{") || strings.HasPrefix(r.post, "[") {
			header.Set("Content-Type", "application/json")
		}
	}
	for name, value := range r.header {
		header.Set(name, value)
	}
	f.collector.Context = ctx // a collector has one context, so each worker has a collector
	err = f.collector.Request(method, u.String(), body, nil, header)
	if f.lastErr != nil {
		err = f.lastErr
	}
	for wrapped := (*url.Error)(nil); errors.As(err, &wrapped); {
		err = wrapped.Err // it repeats the URL
	}
	if f.last == nil {
		return nil, cmp.Or(err, errors.New("colly made no request"))
	}
	resp := f.last.resp
	return &store.Capture{
		URL:         r.url,
		Post:        r.post,
		FinalURL:    resp.Request.URL.String(),
		Hops:        f.hops,
		Status:      resp.StatusCode,
		Header:      resp.Header,
		ContentType: resp.Header.Get("Content-Type"),
		Fetched:     f.last.asked,
		Took:        f.last.took,
		Body:        f.last.body,
		Spool:       f.last.spool,
		Truncated:   f.last.truncated,
		TLS:         f.tls,
	}, err
}

// RoundTrip makes one request for colly. The body is read and kept here, as it
// came; colly is handed an empty one, so that it neither copies nor unpacks
// nor transcodes it.
func (f *fetcher) RoundTrip(req *http.Request) (*http.Response, error) {
	a, err := f.web.exchange(req, f.request.bounds, f.buf[:0])
	f.last, f.lastErr = a, err
	if a == nil || a.resp == nil {
		f.last = nil
		return nil, err
	}
	if s := a.resp.StatusCode; s == http.StatusRequestHeaderFieldsTooLarge || s == http.StatusBadRequest {
		f.web.cookies.forget(req.URL) // which may be what is too long
	}
	f.buf, f.spool = a.body[:0], a.spool
	f.tls = slices.Compact(slices.Sorted(slices.Values(append(f.tls, a.tls...))))
	if isRedirect(a.resp) {
		hop := store.Hop{URL: req.URL.String(), Status: a.resp.StatusCode, To: a.resp.Header.Get("Location")}
		if to, err := a.resp.Location(); err == nil {
			to.User = nil
			hop.To = to.String()
		}
		f.hops = append(f.hops, hop)
	}
	resp := *a.resp
	resp.Body, resp.ContentLength = http.NoBody, 0
	resp.Uncompressed = true // or colly gunzips by header, by type and by the end of the path
	resp.Request = req
	return &resp, nil
}

// redirect decides whether the last answer's redirect is followed.
func (f *fetcher) redirect(req *http.Request, via []*http.Request) error {
	req.URL.User = nil // as in links
	if err := webScheme(req.URL); err != nil {
		return fmt.Errorf("redirected to %s: %w", req.URL, err)
	}
	if len(via) > maxRedirects {
		again := func(earlier *http.Request) bool { return earlier.URL.String() == req.URL.String() }
		if slices.ContainsFunc(via, again) {
			return &marked{"redirects in a circle", endless}
		}
		return &marked{fmt.Sprintf("more than %d redirects", maxRedirects), endless}
	}
	return f.request.follow(req.Context(), req.URL, f.hops)
}

// isRedirect reports whether a client follows the answer elsewhere.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

func webScheme(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &marked{"not a web address (http or https)", strange}
	}
	return nil
}

// statusLine is "404 Not Found".
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
