package crawler

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	stdflate "compress/flate"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"luutin/extract"
	"luutin/store"
)

const page = "<!DOCTYPE html><title>Không né tránh</title><p>Sáng ngày 19/01/2018"

func gzipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.Bytes()
}

// longPage is longer than what tells whether a body is coded, and packs badly.
var longPage = func() string {
	var b strings.Builder
	b.WriteString(page)
	for i := range 2000 {
		fmt.Fprintf(&b, "<p>%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	return b.String()
}()

func packed(to func(io.Writer) io.WriteCloser, s string) []byte {
	var b bytes.Buffer
	z := to(&b)
	io.WriteString(z, s)
	z.Close()
	return b.Bytes()
}

func brotliTo(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }

func zstdTo(w io.Writer) io.WriteCloser {
	z, _ := zstd.NewWriter(w) // never fails without options
	return z
}

// oddServer is everything a server has ever done to a crawler.
func oddServer() *http.ServeMux {
	mux := http.NewServeMux()
	on := func(path string, h http.HandlerFunc) { mux.HandleFunc(path, h) }
	bytesOf := func(path, contentType, coding string, body []byte) {
		on(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			w.Write(body)
		})
	}
	const html = "text/html; charset=utf-8"
	bytesOf("/page", html, "", []byte(page))
	bytesOf("/gzip", html, "gzip", gzipped(page))
	bytesOf("/gzip-padded", html, "gzip", append(gzipped(page), "\x00\x00\x00\x00"...))
	bytesOf("/gzip-members", html, "gzip", append(gzipped(page[:20]), gzipped(page[20:])...))
	bytesOf("/gzip-not", html, "gzip", []byte(page))
	bytesOf("/gzip-empty", html, "gzip", nil)
	broken := gzipped(page)
	broken[len(broken)-6] ^= 1
	bytesOf("/gzip-broken", html, "gzip", broken)
	bytesOf("/gzip-cut", html, "gzip", gzipped(page)[:40])
	bytesOf("/gzip-bomb", html, "gzip", gzipped(strings.Repeat("\x00", 20<<20)))
	bytesOf("/gzip-void", html, "gzip", bytes.Repeat(gzipped(""), 1<<17))
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	io.WriteString(zw, page)
	zw.Close()
	bytesOf("/deflate", html, "deflate", z.Bytes())
	var d bytes.Buffer
	dw, _ := stdflate.NewWriter(&d, 9)
	io.WriteString(dw, page)
	dw.Close()
	bytesOf("/deflate-bare", html, "deflate", d.Bytes())
	bytesOf("/brotli", html, "br", []byte("\x0b\x01\x80abc\x03"))
	bytesOf("/brotli-long", html, "br", packed(brotliTo, longPage))
	bytesOf("/brotli-not", html, "br", []byte(longPage))
	bytesOf("/brotli-bomb", html, "br", packed(brotliTo, strings.Repeat("\x00", 20<<20)))
	bytesOf("/brotli-cut", html, "br", packed(brotliTo, longPage)[:9000])
	bytesOf("/brotli-broken", html, "br", []byte("\xff\x00\xff\x00\xff\x00"))
	bytesOf("/zstd", html, "zstd", packed(zstdTo, page))
	bytesOf("/zstd-not", html, "zstd", []byte(page))
	bytesOf("/zstd-bomb", html, "zstd", packed(zstdTo, strings.Repeat("\x00", 20<<20)))
	bytesOf("/zstd-window", html, "zstd", []byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"))
	bytesOf("/compress", html, "compress", []byte("\x1f\x9d\x90\x00\x01"))
	bytesOf("/compress-not", html, "compress", []byte(page))
	bytesOf("/gzip-twice", html, "gzip, gzip", gzipped(string(gzipped(page))))
	bytesOf("/gzip-once", html, "gzip, gzip", gzipped(page))
	bytesOf("/gzip-gzip-bomb", html, "gzip,gzip", gzipped(string(bytes.Repeat(gzipped(""), 1<<20))))
	bytesOf("/codings", html, "gzip, gzip, gzip, gzip, gzip, gzip", []byte(page))
	on("/two-lines", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Encoding"] = []string{"gzip", "br"}
		w.Write(packed(brotliTo, string(gzipped(page))))
	})
	for _, lie := range []string{"UTF-8", "none", "identity", "binary"} {
		bytesOf("/lie-"+lie, html, lie, []byte(page))
	}
	bytesOf("/sitemap.xml.gz", "application/gzip", "", gzipped("<urlset/>"))
	bytesOf("/windows", "text/html; charset=windows-1258", "", []byte("\xd0\xfd"))
	bytesOf("/pdf", html, "", []byte("%PDF-1.4 \xff\xfe"))
	bytesOf("/empty", html, "", nil)
	on("/slow-header", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	on("/stall", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, page)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	on("/drip", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-time.After(25 * time.Second):
			case <-r.Context().Done():
				return
			}
		}
	})
	on("/endless", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	on("/200MB", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(200<<20))
		for range 200 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	on("/wrong-length", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5000")
		io.WriteString(w, page)
	})
	on("/reset", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, page)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	on("/hang-up", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	on("/huge-header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
	})
	on("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	on("/steps/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		if n == 0 {
			io.WriteString(w, page)
			return
		}
		http.Redirect(w, r, "/steps/"+strconv.Itoa(n-1), http.StatusMovedPermanently)
	})
	on("/cookie-wall", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("human"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "human", Value: "yes"})
			http.Redirect(w, r, "/cookie-wall", http.StatusFound)
			return
		}
		io.WriteString(w, page)
	})
	on("/to-ftp", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "ftp://moj.gov.vn/x")
		w.WriteHeader(302)
	})
	on("/to-nowhere", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(302) })
	on("/to-far", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.vn/x", http.StatusFound)
	})
	on("/validated", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		io.WriteString(w, page)
	})
	on("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s|%s|%s|%s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("X-Portal"), body)
	})
	on("/post-moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	return mux
}

func anywhere(context.Context, *url.URL, []store.Hop) error { return nil }

func TestFetch(t *testing.T) {
	const limit = 2 << 20
	tests := []struct {
		path      string
		body      string // what is kept; "" is not compared
		truncated string
		err       string
		hops      int
		status    int // 0 means 200, -1 no answer
		took      time.Duration
		post      string
		header    map[string]string
	}{
		{path: "/page", body: page},
		{path: "/gzip", body: page},
		{path: "/gzip-padded", body: page},
		{path: "/gzip-members", body: page},
		{path: "/gzip-not", body: page},
		{path: "/gzip-empty"},
		{path: "/gzip-broken", truncated: "unspecified", err: "the content coding is broken after 72 bytes"},
		{path: "/gzip-cut", truncated: "disconnect", err: "the connection was lost after 29 bytes"},
		{path: "/gzip-bomb", truncated: "length", err: "longer than 2 MiB"},
		{path: "/gzip-void", truncated: "length", err: "longer than 2 MiB"},
		{path: "/deflate", body: page},
		{path: "/deflate-bare", body: page},
		{path: "/brotli", body: "abc"},
		{path: "/brotli-long", body: longPage},
		{path: "/brotli-not", body: longPage},
		{path: "/brotli-bomb", truncated: "length", err: "longer than 2 MiB"},
		{path: "/brotli-cut", truncated: "disconnect", err: "the connection was lost after 15 KiB"},
		{path: "/brotli-broken", body: "\xff\x00\xff\x00\xff\x00", truncated: "unspecified", err: `content coding "br" cannot be undone: the bytes are kept as they came`},
		{path: "/zstd", body: page},
		{path: "/zstd-not", body: page},
		{path: "/zstd-bomb", truncated: "length", err: "longer than 2 MiB"},
		{path: "/zstd-window", body: "\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00", truncated: "unspecified", err: `content coding "zstd" cannot be undone: the bytes are kept as they came`},
		{path: "/compress", body: "\x1f\x9d\x90\x00\x01", truncated: "unspecified", err: `content coding "compress" cannot be undone: the bytes are kept as they came`},
		{path: "/compress-not", body: page},
		{path: "/gzip-twice", body: page},
		{path: "/gzip-once", body: page},
		{path: "/gzip-gzip-bomb", truncated: "length", err: "longer than 2 MiB"},
		{path: "/codings", body: page, truncated: "unspecified", err: `content coding "gzip, gzip, gzip, gzip, gzip, …" cannot be undone: the bytes are kept as they came`},
		{path: "/two-lines", body: page},
		{path: "/lie-UTF-8", body: page},
		{path: "/lie-none", body: page},
		{path: "/lie-identity", body: page},
		{path: "/lie-binary", body: page},
		{path: "/sitemap.xml.gz", body: string(gzipped("<urlset/>"))},
		{path: "/windows", body: "\xd0\xfd"},
		{path: "/pdf", body: "%PDF-1.4 \xff\xfe"},
		{path: "/empty"},
		{path: "/slow-header", status: -1, err: "no answer within 45s", took: 45 * time.Second},
		{path: "/stall", body: page, truncated: "time", err: "nothing more came for 30s", took: 30 * time.Second},
		{path: "/drip", body: "xxxxxxxxxx", truncated: "time", err: "took longer than 4m0s", took: 4 * time.Minute},
		{path: "/endless", truncated: "length", err: "longer than 2 MiB"},
		{path: "/200MB", truncated: "length", err: "longer than 2 MiB"},
		{path: "/wrong-length", body: page, truncated: "disconnect", err: "the connection was lost after 72 bytes"},
		{path: "/reset", body: page, truncated: "disconnect", err: "the connection was lost after 72 bytes"},
		{path: "/hang-up", status: -1, err: "EOF"},
		{path: "/huge-header", status: -1, err: "headers longer than 256 KiB"},
		{path: "/loop", status: 302, hops: 11, err: "redirects in a circle"},
		{path: "/steps/10", body: page, hops: 10},
		{path: "/steps/11", status: 301, hops: 11, err: "more than 10 redirects"},
		{path: "/cookie-wall", body: page, hops: 1},
		{path: "/to-ftp", status: 302, hops: 1, err: "redirected to ftp://moj.gov.vn/x: not a web address (http or https)"},
		{path: "/to-nowhere", status: 302},
		{path: "/to-far", status: -1, hops: 1, err: "dial tcp: no such host"},
		{path: "/validated", body: page},
		{path: "/validated", header: map[string]string{"If-None-Match": `"1"`}, status: 304},
		{path: "/missing", status: 404},
		{path: "/echo?b=1&a=%20", body: "GET /echo?b=1&a=%20 |agent||"},
		{path: "/echo", post: `{"a":1}`, header: map[string]string{"X-Portal": "5"}, body: `POST /echo application/json|agent|5|{"a":1}`},
		{path: "/echo", post: "a=1&b=2", body: "POST /echo application/x-www-form-urlencoded|agent||a=1&b=2"},
		{path: "/post-moved", post: "a=1", hops: 1, body: "POST /echo application/x-www-form-urlencoded|agent||a=1"},
		{path: "/echo/tìm", status: 404},
	}
	odd := oddServer()
	for _, tt := range tests {
		t.Run(strings.TrimPrefix(tt.path, "/"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n memoryNet
				n.serve(t, "moj.gov.vn", odd)
				f := newFetcher(newWeb(n.transport(t), "agent", time.Now))
				begun := time.Now()
				c, err := f.fetch(t.Context(), &request{url: "http://moj.gov.vn" + tt.path, post: tt.post, header: tt.header,
					bounds: bounds{whole: f.web.limits.page, size: limit}, follow: anywhere})
				if fmt.Sprint(err) != tt.err && (err != nil || tt.err != "") {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if (c == nil) != (tt.status < 0) {
					t.Fatalf("answer %v", c)
				}
				if c == nil {
					return
				}
				want := tt.status
				if want == 0 {
					want = 200
				}
				if c.Status != want {
					t.Errorf("status %d, want %d", c.Status, want)
				}
				if c.Truncated != tt.truncated {
					t.Errorf("truncated %q, want %q", c.Truncated, tt.truncated)
				}
				if len(c.Hops) != tt.hops {
					t.Errorf("hops %v, want %d", c.Hops, tt.hops)
				}
				if tt.body != "" && string(c.Body) != tt.body {
					t.Errorf("body %q, want %q", c.Body[:min(200, len(c.Body))], tt.body)
				}
				if c.Truncated == "length" && len(c.Body) > limit {
					t.Errorf("%d bytes kept, want at most %d", len(c.Body), limit)
				}
				if c.Truncated == "" && want == 200 && tt.body == "" && len(c.Body) != 0 {
					t.Errorf("body %q, want none", c.Body)
				}
			})
		})
	}
}

func TestFetchIsGivenUpAtOnce(t *testing.T) {
	odd := oddServer()
	for _, path := range []string{"/slow-header", "/stall", "/loop"} {
		t.Run(strings.TrimPrefix(path, "/"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n memoryNet
				n.serve(t, "moj.gov.vn", odd)
				f := newFetcher(newWeb(n.transport(t), "agent", time.Now))
				ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errors.New("enough"))
				defer cancel()
				begun := time.Now()
				// The delay of a minute is what a redirect waits for.
				_, err := f.fetch(ctx, &request{url: "http://moj.gov.vn" + path, bounds: bounds{delay: time.Minute, size: 1 << 20}, follow: anywhere})
				if took := time.Since(begun); took != 5*time.Second || fmt.Sprint(err) != "enough" {
					t.Errorf("%v after %v, want enough after 5s", err, took)
				}
			})
		})
	}
}

func TestFetchIgnoresTheEnvironmentOfColly(t *testing.T) {
	t.Setenv("COLLY_USER_AGENT", "somebody else")
	t.Setenv("COLLY_MAX_BODY_SIZE", "5")
	t.Setenv("COLLY_FOLLOW_ROBOTS_TXT", "yes")
	t.Setenv("COLLY_DISABLE_COOKIES", "yes")
	odd := oddServer()
	synctest.Test(t, func(t *testing.T) {
		var n memoryNet
		n.serve(t, "moj.gov.vn", odd)
		f := newFetcher(newWeb(n.transport(t), "agent", time.Now))
		for path, want := range map[string]string{"/echo": "GET /echo |agent||", "/cookie-wall": page} {
			c, err := f.fetch(t.Context(), &request{url: "http://moj.gov.vn" + path, bounds: bounds{size: 1 << 20}, follow: anywhere})
			if err != nil || string(c.Body) != want {
				t.Errorf("%s: %q, %v, want %q", path, c.Body, err, want)
			}
		}
	})
}

// TestFetchTLS uses a real connection, with HTTP/2 and without a certificate
// that anybody trusts.
func TestFetchTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(gzipped(r.Proto))
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	get := func(trusted bool) (*store.Capture, error) {
		own := ownTransport(nil, extract.Terms{Private: true})
		own.Proxy = nil
		defer own.CloseIdleConnections()
		if trusted {
			own.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		}
		f := newFetcher(newWeb(own, "agent", time.Now))
		return f.fetch(t.Context(), &request{url: server.URL, bounds: bounds{size: 1 << 20}, follow: anywhere})
	}
	if c, err := get(true); err != nil || string(c.Body) != "HTTP/2.0" {
		t.Errorf("fetch = %v, %v, want HTTP/2.0", c, err)
	}
	if _, err := get(false); !errors.Is(err, unreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("fetch = %v, want an untrusted certificate", err)
	}
}

// TestAskedAgain has servers that take a request and close the connection, which
// net/http would answer with another request at once: over HTTP/1.1 with one, over
// HTTP/2 with hundreds a second. Here it is one more, and not before the host's turn.
func TestAskedAgain(t *testing.T) {
	const pause = 60 * time.Millisecond
	for _, c := range []struct {
		name, proto string
		serve       func(t *testing.T, c net.Conn, asked func(path string) int) // until it is closed
	}{
		{"HTTP/1.1", "http/1.1", func(_ *testing.T, c net.Conn, asked func(string) int) {
			r := bufio.NewReader(c)
			for n := 1; ; n++ {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if times := asked(req.URL.Path); req.URL.Path == "/never" && n > 1 || req.URL.Path == "/once" && times == 1 {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews")
			}
		}},
		{"refused stream", "h2", serveHTTP2(func(f *http2.Framer, stream uint32) { f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) })},
		{"going away", "h2", serveHTTP2(func(f *http2.Framer, _ uint32) { f.WriteGoAway(0, http2.ErrCodeNo, nil) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			seen := map[string][]time.Time{}
			asked := func(path string) int {
				mu.Lock()
				defer mu.Unlock()
				seen[path] = append(seen[path], time.Now())
				return len(seen[path])
			}
			transport := rawServer(t, c.proto, func(conn net.Conn) { c.serve(t, conn, asked) })
			f := newFetcher(newWeb(transport, "agent", time.Now))
			get := func(path string) error {
				_, err := f.fetch(t.Context(), &request{url: "https://ministry.example" + path, bounds: bounds{size: 1 << 20, delay: pause}, follow: anywhere})
				return err
			}
			for _, path := range []string{"/first", "/once", "/then"} {
				if err := get(path); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
			if c.proto == "h2" {
				if err := get("/never"); !errors.Is(err, brokenOff) {
					t.Errorf("/never: %v, want broken off", err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for path, times := range seen {
				want := map[string]int{"/once": 2, "/never": 2}[path]
				if len(times) != max(want, 1) {
					t.Errorf("%s was asked for %d times", path, len(times))
				}
				for i := 1; i < len(times); i++ {
					if d := times[i].Sub(times[i-1]); d < pause {
						t.Errorf("%s was asked for again after %v", path, d)
					}
				}
			}
		})
	}
}

// TestDeadConnection has an HTTP/2 server that says nothing any more over the
// connection on which it was asked for a page: the next page comes over another.
func TestDeadConnection(t *testing.T) {
	dead := sync.Map{} // connections
	transport := rawServer(t, "h2", func(c net.Conn) {
		serveHTTP2(func(*http2.Framer, uint32) { dead.Store(c, true) })(t, c, func(path string) int {
			if _, ok := dead.Load(c); ok {
				return 3 // nothing is said
			}
			if path == "/never" {
				return 1
			}
			return 2
		})
	})
	w := newWeb(transport, "agent", time.Now)
	w.limits.header = 100 * time.Millisecond
	f := newFetcher(w)
	for _, path := range []string{"/first", "/never", "/then"} {
		_, err := f.fetch(t.Context(), &request{url: "https://ministry.example" + path, bounds: bounds{size: 1 << 20}, follow: anywhere})
		if (path == "/never") != errors.Is(err, timedOut) || path != "/never" && err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// serveHTTP2 answers what is asked for the second time, and has refuse answer what
// is asked for the first time, or is /never.
func serveHTTP2(refuse func(f *http2.Framer, stream uint32)) func(t *testing.T, c net.Conn, asked func(path string) int) {
	return func(t *testing.T, c net.Conn, asked func(path string) int) {
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					f.WriteSettingsAck()
				}
			case *http2.MetaHeadersFrame:
				path := frame.PseudoValue("path")
				switch n := asked(path); {
				case n > 2:
				case path == "/never" || path == "/once" && n == 1:
					refuse(f, frame.StreamID)
				default:
					var b bytes.Buffer
					hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
					f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: b.Bytes(), EndHeaders: true})
					f.WriteData(frame.StreamID, true, []byte("news"))
				}
			}
		}
	}
}

// rawServer has serve speak a protocol over TLS, and returns a transport that
// comes to it, whatever it is asked for.
func rawServer(t *testing.T, proto string, serve func(net.Conn)) *http.Transport {
	t.Helper()
	server := httptest.NewUnstartedServer(nil) // for its certificate
	server.EnableHTTP2 = true
	server.StartTLS()
	config := server.TLS.Clone()
	config.NextProtos = []string{proto}
	own := ownTransport(nil, extract.Terms{Private: true})
	own.Proxy = nil
	own.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	own.TLSClientConfig.ServerName = "example.com"
	server.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	own.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
	}
	t.Cleanup(func() {
		l.Close()
		own.CloseIdleConnections()
		wait.Wait()
	})
	return own
}

// TestTurns sends ten thousand requests from several workers, with redirects
// between hosts and robots.txt on the way, and looks at them from the server.
func TestTurns(t *testing.T) {
	const delay = 200 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var n memoryNet
		var mu sync.Mutex
		requests, overlaps, hasty := 0, 0, 0
		hosts := []string{"moj.gov.vn", "mof.gov.vn", "moh.gov.vn", "moet.gov.vn"}
		for i, host := range hosts {
			busy, last := false, time.Time{}
			n.serve(t, host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests++
				takes := time.Duration(requests%7) * 10 * time.Millisecond
				if busy {
					overlaps++
				}
				if !last.IsZero() && time.Since(last) < delay {
					hasty++
				}
				busy = true
				mu.Unlock()
				time.Sleep(takes)
				switch {
				case strings.HasPrefix(r.URL.Path, "/here"):
					http.Redirect(w, r, "/page", http.StatusFound)
				case strings.HasPrefix(r.URL.Path, "/there"):
					http.Redirect(w, r, "http://"+hosts[(i+1)%len(hosts)]+"/page", http.StatusFound)
				default:
					io.WriteString(w, page)
				}
				mu.Lock()
				busy, last = false, time.Now()
				mu.Unlock()
			}))
		}
		web := newWeb(n.transport(t), "agent", time.Now)
		web.limits.page = 0
		var workers sync.WaitGroup
		for i := range 6 {
			workers.Go(func() {
				f := newFetcher(web)
				follow := func(ctx context.Context, u *url.URL, _ []store.Hop) error {
					_, err := web.robots.of(ctx, u, delay)
					return err
				}
				for j := range 1000 {
					path := []string{"/page", "/here", "/there"}[j%3]
					_, err := f.fetch(t.Context(), &request{url: "http://" + hosts[(i+j/7)%len(hosts)] + path,
						bounds: bounds{delay: delay, size: 1 << 20}, follow: follow})
					if err != nil {
						t.Errorf("fetch: %v", err)
						return
					}
				}
			})
		}
		workers.Wait()
		if requests < 10000 {
			t.Errorf("%d requests, want at least 10000", requests)
		}
		if overlaps > 0 || hasty > 0 {
			t.Errorf("of %d requests %d came beside another and %d sooner than %v after the last, want none", requests, overlaps, hasty, delay)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"":                              {},
		"120":                           now.Add(2 * time.Minute),
		" 0 ":                           now,
		"-5":                            {},
		"soon":                          {},
		"Fri, 02 Jan 2026 04:00:00 GMT": time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC),
		"99999999999999":                now.Add(7 * day),
		"Fri, 31 Dec 9999 23:59:59 GMT": now.Add(7 * day),
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); !got.Equal(want) {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestRevisitIn(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		-time.Hour: day, 0: day, 2 * day: day, 4 * day: 3 * day, 8 * day: 7 * day, 40 * day: 30 * day, 100 * day: 90 * day, 4000 * day: 365 * day,
	} {
		if got := revisitIn(age); got != want {
			t.Errorf("revisitIn(%v) = %v, want %v", age, got, want)
		}
	}
	waits, passed := []time.Duration{}, time.Duration(-1)
	for range 7 {
		passed = rarerIn(passed)
		waits = append(waits, passed)
	}
	if got, want := fmt.Sprint(waits), "[24h0m0s 72h0m0s 168h0m0s 720h0m0s 2160h0m0s 8760h0m0s 8760h0m0s]"; got != want {
		t.Errorf("rarerIn goes %s, want %s", got, want)
	}
}
