package crawler

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"luutin/store"
)

// serve adds pages that are made when they are asked for; "" is left to the
// ministry.
func (w *world) serve(t *testing.T, page func(r *http.Request) string) {
	w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if body := page(r); body != "" {
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(rw, body)
			return
		}
		w.ministry.ServeHTTP(rw, r)
	}))
}

// wantTrap fails unless the run named a trap, and only that.
func wantTrap(t *testing.T, s Summary, what, example string, most int) {
	t.Helper()
	traps := s.Sites[moj].Traps
	if len(traps) != 1 || traps[0].What != what || !strings.Contains(traps[0].Example, example) || traps[0].Count == 0 {
		t.Errorf("traps %+v, want %s, as at %s", traps, what, example)
	}
	if s.Visited > most || s.Failed > 0 {
		t.Errorf("%s; want %d visits at most and no failure", s, most)
	}
}

// A calendar has a next month for ever.
func TestCalendarTrap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("/list/0", "/news/1"))
		w.ministry.set("/news/1", newsOf(1))
		w.serve(t, func(r *http.Request) string {
			if n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/list/")); err == nil {
				return list(fmt.Sprintf("/list/%d", n+1))
			}
			return ""
		})
		wantTrap(t, w.run(t), trapBarren, "/list/4", 8)
	})
	// One whose months show a few articles of the site, others each time.
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 10 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), newsOf(i))
		}
		w.ministry.set("/list", list("/list/0", "/news/1"))
		w.serve(t, func(r *http.Request) string {
			if n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/list/")); err == nil {
				var links []string
				for i := range 10 {
					if n>>i&1 == 1 || i == 9 {
						links = append(links, fmt.Sprintf("/news/%d", i))
					}
				}
				return list(fmt.Sprintf("/list/%d", n+1), links...)
			}
			return ""
		})
		s := w.run(t)
		if n := len(s.Sites[moj].Traps); n != 1 || s.Sites[moj].Traps[0].What != trapStale || s.Lists > 700 {
			t.Errorf("%s; traps %+v", s, s.Sites[moj].Traps)
		}
	})
}

// A list has a next page for ever, with articles that are not there.
func TestHollowTrap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("/list/0", "/news/1"))
		w.ministry.set("/news/1", newsOf(1))
		w.serve(t, func(r *http.Request) string {
			if n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/list/")); err == nil {
				return list(fmt.Sprintf("/list/%d", n+1), fmt.Sprintf("/news/%d", 10+2*n), fmt.Sprintf("/news/%d", 11+2*n))
			}
			return ""
		})
		wantTrap(t, w.run(t), trapHollow, "/list/", 2*maxHollow)
	})
}

// An index of sitemaps names ever further ones.
func TestSitemapTrap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("/sitemap/0.xml", "/news/1"))
		w.ministry.set("/news/1", newsOf(1))
		w.serve(t, func(r *http.Request) string {
			name, ok := strings.CutPrefix(r.URL.Path, "/sitemap/")
			if n, err := strconv.Atoi(strings.TrimSuffix(name, ".xml")); ok && err == nil {
				return fmt.Sprintf(`<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>http://%s/sitemap/%d.xml</loc></sitemap></sitemapindex>`, moj, n+1)
			}
			return ""
		})
		wantTrap(t, w.run(t), trapNested, "/sitemap/", 10)
	})
}

// What tells the next page is gone from the list: that is no end of it.
func TestListThatDoesNotGoOnIsNamed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesBy(t, strings.Replace(definition, "next = 'a.next'", "page = '/zone/{id}/{n}'\npage_id = '#zone@value'", 1), moj)
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", newsOf(1))
		wantTrap(t, w.run(t), `page_id = "#zone@value" in moj.test finds no {id} for the next page`, "http://moj.test/list", 2)
	})
}

// Relative links make paths that grow with every page.
func TestPathTrap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.serve(t, func(r *http.Request) string {
			if strings.HasPrefix(r.URL.Path, "/list") {
				return list(strings.TrimSuffix(r.URL.Path, "/")+"/tin/moi/", "/news"+r.URL.Path+"/a-1")
			}
			if strings.HasPrefix(r.URL.Path, "/news/list") {
				return news("Tin ở "+r.URL.Path, "")
			}
			return ""
		})
		wantTrap(t, w.run(t), trapPath, "/tin/moi/tin/moi/tin/moi", 8)
	})
	for path, want := range map[string]bool{
		"/a/b/a/b/a/b":               true,
		"/tin/tin/tin/bai-1":         true,
		"/a/x/a/y/a/z/a":             true,
		"/2018/11/11/11-nam":         false,
		"/2011/11/11/11/11/bai":      false,
		"/tin-tuc/tin-tuc/bai-1.htm": false,
		"/":                          false,
	} {
		if got := repeats(path); got != want {
			t.Errorf("repeats(%q) = %t", path, got)
		}
	}
}

// A session in the path, or parameters that change nothing, make new addresses
// of old pages.
func TestCopiesTrap(t *testing.T) {
	for _, c := range []struct{ name, address, example string }{
		{"session", "/news/k%016xab12/bai-1", "/news/k0"},
		{"parameters", "/news/bai-1?sort=%d&view=list", "bai-1?sort="},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			n := 0
			w.serve(t, func(r *http.Request) string {
				switch {
				case r.URL.Path == "/list":
					if n++; n < 30 {
						return list(fmt.Sprintf("/list?page=%d", n), fmt.Sprintf(c.address, n), fmt.Sprintf("/news/moi-%d", n))
					}
					return list("", "/news/moi-30")
				case strings.HasPrefix(r.URL.Path, "/news/moi-"):
					return news("Tin "+r.URL.Path, "")
				case strings.HasSuffix(r.URL.Path, "/bai-1"):
					return newsOf(1)
				}
				return ""
			})
			s := w.run(t)
			wantTrap(t, s, trapCopies, c.example, 30+30+1+maxCopies+10)
			if s.Added != 31 {
				t.Errorf("%s: %s", c.name, s)
			}
		})
	}
	// Articles that are told apart by a parameter are none.
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 50 {
			path := fmt.Sprintf("/news/view?id=%d", i)
			links = append(links, path)
			w.ministry.set(path, newsOf(i/2)) // half of them twice
		}
		w.ministry.set("/list", list("", links...))
		s := w.run(t)
		if len(s.Sites[moj].Traps) > 0 || s.Added != 25 || s.Visited != 51 {
			t.Errorf("%s; traps %+v", s, s.Sites[moj].Traps)
		}
	})
}

// Articles that differ in a parameter only are none, on however many pages of a
// list; nor after a redesign, when the known ones come first at new addresses.
func TestArticlesByParameter(t *testing.T) {
	const each, n = 10, 100
	serve := func(t *testing.T, w *world, address string, page func(i int) string) {
		w.serve(t, func(r *http.Request) string {
			if r.URL.Path == "/list" {
				p, _ := strconv.Atoi(r.URL.Query().Get("page"))
				var links []string
				for i := p * each; i < min(n, (p+1)*each); i++ {
					links = append(links, fmt.Sprintf(address, i))
				}
				next := ""
				if (p+1)*each < n {
					next = fmt.Sprintf("/list?page=%d", p+1)
				}
				return list(next, links...)
			}
			for i := range n {
				if r.URL.RequestURI() == fmt.Sprintf(address, i) {
					return page(i)
				}
			}
			return ""
		})
	}
	inWorld(t, func(t *testing.T, w *world) {
		serve(t, w, "/news/view?ItemID=%d", newsOf)
		if s := w.run(t); s.Added != n || len(s.Sites[moj].Traps) > 0 {
			t.Errorf("%s; traps %+v", s, s.Sites[moj].Traps)
		}
	})
	for params, most := range map[string]int{"": 20, `params = ["ItemID", "page"]`: 0} {
		inWorld(t, func(t *testing.T, w *world) {
			if params != "" {
				w.Sites = sitesWith(t, params, moj)
			}
			serve(t, w, "/news/tin-%d", func(i int) string {
				if i >= 40 {
					return ""
				}
				return newsOf(i)
			})
			w.run(t)
			time.Sleep(24 * time.Hour)
			serve(t, w, "/news/view?ItemID=%d", newsOf)
			added := w.run(t).Added
			if most == 0 && added != n-40 || added < n-40-most {
				t.Errorf("%s: %d of %d new ones were added", params, added, n-40)
			}
			time.Sleep(trapAgain + time.Hour)
			if added += w.run(t).Added; added != n-40 {
				t.Errorf("%s: %d of %d new ones were added in the end", params, added, n-40)
			}
		})
	}
}

// A list can be long behind the articles that a sitemap has named before.
func TestLongListOfKnownArticles(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `sitemaps = ["http://HOST/sitemap.xml"]`, moj)
		const known, all = maxStale + 10, maxStale + 30
		var b strings.Builder
		for i := range known {
			fmt.Fprintf(&b, "<url><loc>http://%s/news/%d</loc></url>", moj, i)
		}
		w.serve(t, func(r *http.Request) string {
			if r.URL.Path == "/sitemap.xml" {
				return `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + b.String() + "</urlset>"
			}
			if name, ok := strings.CutPrefix(r.URL.Path, "/news/"); ok {
				n, _ := strconv.Atoi(name)
				return news(fmt.Sprintf("Tin số %d", n), "")
			}
			if r.URL.Path == "/list" {
				p, _ := strconv.Atoi(r.URL.Query().Get("page"))
				next := ""
				if p+1 < all {
					next = fmt.Sprintf("/list?page=%d", p+1)
				}
				return list(next, fmt.Sprintf("/news/%d", p))
			}
			return ""
		})
		if s := w.run(t); s.Added != all || len(s.Sites[moj].Traps) > 0 {
			t.Errorf("%s; traps %+v", s, s.Sites[moj].Traps)
		}
	})
}

// Parameters of a list in all their combinations name the same articles again
// and again.
func TestParametersTrap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `follow = '^/list\?'`, moj)
		w.ministry.set("/news/1", newsOf(1))
		w.ministry.set("/news/2", newsOf(2))
		w.serve(t, func(r *http.Request) string {
			if r.URL.Path != "/list" {
				return ""
			}
			links := []string{"/news/1", "/news/2"}
			if r.URL.Query().Get("sort") == "old" {
				links = []string{"/news/2", "/news/1"}
			}
			for _, p := range []string{"sort=old", "sort=new", "view=grid", "view=list", "size=10", "size=20", "size=50"} {
				q := r.URL.Query()
				name, value, _ := strings.Cut(p, "=")
				q.Set(name, value)
				links = append(links, "/list?"+q.Encode())
			}
			q := r.URL.Query()
			q.Add("size", fmt.Sprint(len(q["size"])))
			return list("", append(links, "/list?"+q.Encode())...)
		})
		s := w.run(t)
		if traps := s.Sites[moj].Traps; len(traps) != 1 || traps[0].What != trapCircle || s.Visited > 40 {
			t.Errorf("%s; traps %+v", s, traps)
		}
	})
}

// Of a page with very many links a part is followed at a time.
func TestManyLinks(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 5000 {
			links = append(links, fmt.Sprintf("/news/junk-%d", i))
		}
		w.ministry.set("/list", list("", links...))
		w.Limit = 1 // the list
		for i, want := range []int{2001, 4001, 5001, 5001} {
			s := w.run(t)
			if left := 3000 - 2000*i; left > 0 {
				wantTrap(t, s, trapTooMany, "/list", 1)
				if n := s.Sites[moj].Traps[0].Count; n != left {
					t.Errorf("crawl %d left %d out, want %d", i, n, left)
				}
			}
			if stats, err := w.Archive.Stats(t.Context()); err != nil || stats.Targets[store.Due]+stats.Targets[store.Done] != want {
				t.Errorf("crawl %d: %v targets, want %d; %v", i, stats.Targets, want, err)
			}
			time.Sleep(time.Hour)
		}
	})
}

// Lists are looked at in the rhythm in which they bring something new.
func TestRhythm(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `feeds = ["http://HOST/feed"]`, moj)
		feed := func(n int) {
			w.ministry.set("/feed", fmt.Sprintf(`<rss version="2.0"><channel><title>Tin%s</title><item><title>Tin</title><link>http://moj.test/news/%d</link></item></channel></rss>`, strings.Repeat(".", n), n)) // the ETag is the length
			w.ministry.set(fmt.Sprintf("/news/%d", n), newsOf(n%30))
		}
		feed(0)
		w.ministry.set("/list", list("", "/news/0"))
		w.OnlyDue = true
		due := func(path string) time.Duration {
			for target, err := range w.Archive.Targets(t.Context(), store.Selection{URLs: []string{"http://moj.test" + path}}) {
				if err != nil {
					t.Fatal(err)
				}
				return target.Wait
			}
			return 0
		}
		// The feed has something new every half hour, the list never.
		asked := map[string]int{}
		const days = 4
		for i := range days * 48 {
			feed(i)
			before := w.ministry.hit("/list")
			if _, err := w.Run(t.Context(), []string{moj}); err != nil {
				t.Fatal(err)
			}
			if i >= (days-2)*48 {
				asked["/list"] += w.ministry.hit("/list") - before
			}
			time.Sleep(30 * time.Minute)
		}
		if got := due("/feed"); got != soonest {
			t.Errorf("the feed waits %v, want %v", got, soonest)
		}
		if got := due("/list"); got != startList || asked["/list"] != 8 {
			t.Errorf("the list waits %v, and was asked for %d times in the last two days; want six hours and 8", got, asked["/list"])
		}
		if n := w.ministry.hit("/feed"); n < days*48-2 {
			t.Errorf("the feed was asked for %d times, want %d", n, days*48)
		}
	})
}
