package crawler

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// padded puts comments between the head and the line, which ends at the size
// that is read.
func padded(head, line, rest string) string {
	return head + strings.Repeat("#", robotsSize-len(head)-len(line)-1) + "\n" + line + rest
}

// wide writes ASCII in UTF-16, each letter at this place of its pair.
func wide(s string, at int) string {
	b := make([]byte, 2*len(s))
	for i := range len(s) {
		b[2*i+at] = s[i]
	}
	return string(b)
}

func TestRobotsRules(t *testing.T) {
	tests := []struct {
		name, robots    string
		allowed, denied string // paths, parted by blanks
		delay           time.Duration
	}{
		{name: "empty", allowed: "/ /a"},
		{name: "all denied", robots: "User-agent: *\nDisallow: /", allowed: "/robots.txt", denied: "/ /a?b"},
		{name: "empty pattern allows", robots: "User-agent: *\nDisallow:", allowed: "/ /a"},
		{name: "own group instead of the one for all", robots: "User-agent: *\nDisallow: /\nUser-agent: luutin\nDisallow: /x", allowed: "/ /a", denied: "/x"},
		{name: "own groups are merged", robots: "User-agent: luutin\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n\nUser-Agent: LuuTin/2.0\nDisallow: /b", allowed: "/c", denied: "/a /b"},
		{name: "groups for all are merged", robots: "User-agent: *\nDisallow: /a\n\nUser-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /b", allowed: "/c", denied: "/a /b"},
		{name: "a longer token is somebody else", robots: "User-agent: luutin-news\nDisallow: /", allowed: "/a"},
		{name: "a shorter token is somebody else", robots: "User-agent: luu\nDisallow: /", allowed: "/a"},
		{name: "several agents of one group", robots: "User-agent: other\nUser-agent: luutin\nDisallow: /a", denied: "/a"},
		{name: "an unknown line does not part the agents", robots: "User-agent: luutin\nSitemap: http://x/s.xml\nNoindex: /\nUser-agent: other\nDisallow: /a", denied: "/a"},
		{name: "a delay alone is a group", robots: "User-agent: *\nCrawl-delay: 10\n\nUser-agent: BadBot\nDisallow: /", allowed: "/a", delay: 10 * time.Second},
		{name: "an empty group does not hide behind the next", robots: "User-agent: *\nDisallow:\n\nUser-agent: BadBot\nDisallow: /", allowed: "/a"},
		{name: "rules without an agent", robots: "Disallow: /\nUser-agent: *\nDisallow: /b", allowed: "/a", denied: "/b"},
		{name: "longest match", robots: "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c", allowed: "/a/b /a/b/d", denied: "/a /a/x /a/b/c"},
		{name: "allow wins a tie", robots: "User-agent: *\nDisallow: /a\nAllow: /a", allowed: "/a"},
		{name: "asterisk", robots: "User-agent: *\nDisallow: /*/print", allowed: "/print /a/b", denied: "/a/print /a/b/print/c"},
		{name: "asterisks meet", robots: "User-agent: *\nDisallow: /a**b", allowed: "/a", denied: "/ab /axb"},
		{name: "dollar", robots: "User-agent: *\nDisallow: /*.pdf$\nDisallow: /only$", allowed: "/a.pdf?x /a.pdfx /only/a", denied: "/a.pdf /b/.pdf /only"},
		{name: "dollar after an asterisk", robots: "User-agent: *\nDisallow: /a*$", denied: "/a /abc", allowed: "/b"},
		{name: "dollar elsewhere is a dollar", robots: "User-agent: *\nDisallow: /a$b", denied: "/a$b", allowed: "/a"},
		{name: "the piece before the end is not used twice", robots: "User-agent: *\nDisallow: /ab*b$", denied: "/abb /abxb", allowed: "/ab"},
		{name: "query", robots: "User-agent: *\nDisallow: /*?", allowed: "/a", denied: "/a?b=c /?"},
		{name: "encoded and not", robots: "User-agent: *\nDisallow: /t%C3%ACm\nDisallow: /b%7eb", denied: "/tìm /t%c3%acm /b~b /b%7Eb", allowed: "/tim"},
		{name: "encoded in the URL", robots: "User-agent: *\nDisallow: /tìm", denied: "/tìm /t%C3%ACm/x"},
		{name: "paths are case-sensitive", robots: "User-agent: *\nDisallow: /A", denied: "/A", allowed: "/a"},
		{name: "keys are not, and blanks do not matter", robots: " USER-AGENT :*\r\n\tdisallow:\t/a # why\r\n", denied: "/a"},
		{name: "no slash", robots: "User-agent: *\nDisallow: admin", denied: "/admin", allowed: "/a"},
		{name: "byte order mark and old Mac lines", robots: "\xef\xbb\xbfUser-agent: *\rDisallow: /a", denied: "/a", allowed: "/b"},
		{name: "a page instead", robots: "<!DOCTYPE html><title>404: not found</title><a href='/x'>Disallow: /</a>", allowed: "/a"},
		{name: "delay", robots: "User-agent: *\nCrawl-delay: 2.5", delay: 2500 * time.Millisecond},
		{name: "a delay of an hour is cut", robots: "User-agent: *\nCrawl-delay: 3600", delay: time.Minute},
		{name: "delay with a comma", robots: "User-agent: *\nCrawl-delay: 1,5", delay: 1500 * time.Millisecond},
		{name: "delay that is none", robots: "User-agent: *\nCrawl-delay: NaN\nCrawl-delay: -1\nCrawl-delay: soon\nCrawl-delay: 1,5,2"},
		{name: "no colons", robots: "User-agent *\nDisallow /a # why\n disallow\t /b\nCrawl-delay 2", denied: "/a /b", allowed: "/c", delay: 2 * time.Second},
		{name: "no colon and more words", robots: "User-agent: *\nDisallow /a or /b\nDisallow", allowed: "/a /b"},
		{name: "what is behind 500 KiB", robots: strings.Repeat("#\n", 256<<10) + "User-agent: *\nDisallow: /", allowed: "/a"},
		{name: "a line that the cut at 500 KiB goes through", robots: padded("User-agent: *\nDisallow: /old/\n", "Disallow: /a", "dmin/\n"), denied: "/old/", allowed: "/a /about /admin/"},
		{name: "a line that ends at 500 KiB", robots: padded("User-agent: *\n", "Disallow: /a", "\nDisallow: /b"), denied: "/a", allowed: "/b"},
		{name: "500 KiB and not a byte more", robots: padded("User-agent: *\n", "Disallow: /a", ""), denied: "/a", allowed: "/b"},
		{name: "UTF-16", robots: "\xff\xfe" + wide("User-agent: *\nDisallow: /a\n", 0), denied: "/a", allowed: "/b"},
		{name: "UTF-16, the other way round", robots: "\xfe\xff" + wide("User-agent: *\nDisallow: /a\n", 1), denied: "/a", allowed: "/b"},
		{name: "UTF-16 without a mark", robots: wide("User-agent: *\nDisallow: /a\n", 0), denied: "/a", allowed: "/b"},
		{name: "UTF-16 without a mark, the other way round", robots: wide("User-agent: *\nDisallow: /a\n", 1), denied: "/a", allowed: "/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := parseRobots([]byte(tt.robots), "luutin")
			if r.delay != tt.delay {
				t.Errorf("delay = %v, want %v", r.delay, tt.delay)
			}
			check := func(paths string, want bool) {
				for p := range strings.FieldsSeq(paths) {
					u, err := url.Parse("http://moj.gov.vn" + p)
					if err != nil {
						t.Fatal(err)
					}
					if got := r.allowed(u); got != want {
						t.Errorf("allowed(%s) = %v, want %v", p, got, want)
					}
				}
			}
			check(tt.allowed, true)
			check(tt.denied, false)
		})
	}
}

func FuzzRobots(f *testing.F) {
	f.Add("User-agent: luutin\nDisallow: /a*b$\nAllow: /a%62\nCrawl-delay: 3", "/a?b")
	f.Fuzz(func(t *testing.T, text, path string) {
		r := parseRobots([]byte(text), "luutin")
		if r.delay < 0 || r.delay > maxCrawlDelay {
			t.Errorf("delay %v", r.delay)
		}
		r.allowed(&url.URL{Scheme: "http", Host: "h", Path: path})
	})
}

func TestRobotsFetch(t *testing.T) {
	deny := "User-agent: *\nDisallow: /no"
	tests := []struct {
		name   string
		serve  func(w http.ResponseWriter, r *http.Request)
		denied bool   // of /no
		err    string // nobody knows
		asked  int    // requests for it
	}{
		{name: "served", serve: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, deny) }, denied: true, asked: 1},
		{name: "none", serve: http.NotFound, asked: 1},
		{name: "forbidden", serve: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, asked: 1},
		{name: "out of order", serve: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }, err: "robots.txt: 503 Service Unavailable", asked: 1},
		{name: "too many requests", serve: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) }, err: "robots.txt: 429 Too Many Requests", asked: 1},
		{name: "moved", serve: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				http.Redirect(w, r, "/real.txt", http.StatusMovedPermanently)
			} else {
				fmt.Fprint(w, deny)
			}
		}, denied: true, asked: 2},
		{name: "moved for ever", serve: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, asked: 6},
		{name: "longer than 500 KiB", serve: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, deny+"\n"+strings.Repeat("# more\n", 100<<10))
		}, denied: true, asked: 1},
		{name: "cut within a line", serve: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, padded("User-agent: *\n", "Disallow: /n", "ever/\n"))
		}, asked: 1},
		{name: "coded though nobody asked for it", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Encoding"] = []string{"gzip", "br"}
			w.Write(packed(brotliTo, string(gzipped(deny))))
		}, denied: true, asked: 1},
		{name: "a coding that is none", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "UTF-8")
			fmt.Fprint(w, deny)
		}, denied: true, asked: 1},
		{name: "connection cut", serve: func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, err: "robots.txt: EOF", asked: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n memoryNet
				var mu sync.Mutex
				asked := 0
				n.serve(t, "moj.gov.vn", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					asked++
					mu.Unlock()
					tt.serve(w, r)
				}))
				web := newWeb(n.transport(t), "test", time.Now)
				u, _ := url.Parse("http://moj.gov.vn/no")
				var all sync.WaitGroup
				for range 10 { // all at once: it is fetched once
					all.Go(func() {
						rules, err := web.robots.of(t.Context(), u, time.Second)
						switch {
						case fmt.Sprint(err) != tt.err && (err != nil || tt.err != ""):
							t.Errorf("error %v, want %v", err, tt.err)
						case err == nil && rules.allowed(u) == tt.denied:
							t.Errorf("allowed = %v, want %v", !tt.denied, !tt.denied)
						}
					})
				}
				all.Wait()
				if asked != tt.asked {
					t.Errorf("asked %d times, want %d", asked, tt.asked)
				}
				if tt.err != "" {
					if next := web.manners.next("moj.gov.vn", time.Second); time.Until(next) < firstRest/2 {
						t.Errorf("the host may be asked again at %v, want it to rest", next)
					}
				}
				time.Sleep(robotsLife)
				web.robots.of(t.Context(), u, time.Second)
				if asked == tt.asked {
					t.Errorf("not asked again after a day")
				}
			})
		})
	}
}

// answering is a transport that needs no network, and no TLS for https.
type answering func(*http.Request) *http.Response

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// A host is one, though each scheme has a robots.txt.
func TestCrawlDelayIsTheLongestOfBothSchemes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delay := map[string]string{"https": "20"} // http has no robots.txt
		web := newWeb(answering(func(r *http.Request) *http.Response {
			w := httptest.NewRecorder()
			if d := delay[r.URL.Scheme]; d != "" {
				fmt.Fprint(w, "User-agent: *\nCrawl-delay: "+d)
			} else {
				http.NotFound(w, r)
			}
			return w.Result()
		}), "test", time.Now)
		read := func(scheme string, want time.Duration) {
			t.Helper()
			if _, err := web.robots.of(t.Context(), &url.URL{Scheme: scheme, Host: "moj.gov.vn", Path: "/a"}, time.Second); err != nil {
				t.Fatal(err)
			}
			if got := web.manners.pace("moj.gov.vn", time.Second); got != want {
				t.Errorf("pace after the robots.txt over %s = %v, want %v", scheme, got, want)
			}
		}
		read("https", 20*time.Second)
		read("http", 20*time.Second)
		delay["https"], delay["http"] = "3", "5"
		time.Sleep(robotsLife)
		read("https", 3*time.Second)
		read("http", 5*time.Second)
	})
}

func TestRobotsFetchIsGivenUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memoryNet
		n.serve(t, "moj.gov.vn", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		web := newWeb(n.transport(t), "test", time.Now)
		u, _ := url.Parse("http://moj.gov.vn/a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := web.robots.of(ctx, u, time.Second); err == nil {
					t.Error("no error")
				}
			})
		}
		all.Wait()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
	})
}
