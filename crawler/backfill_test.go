package crawler

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// newsOf is an article with a number, one a day: number 0 is of 31 December 1999.
func newsOf(n int) string {
	return strings.ReplaceAll(news(fmt.Sprintf("Tin số %d", n), ""), "19/01/1998", dayOfNews(n).Format("02/01/2006"))
}

func dayOfNews(n int) time.Time {
	return time.Date(1999, 12, 31, 0, 0, 0, 0, time.FixedZone("", 7*3600)).AddDate(0, 0, -n)
}

// longList serves pages of a list with three articles each, newest first, and
// the articles. Every page has the newest article and one of 1990 besides.
func (w *world) longList(pages int, dated bool) {
	for p := range pages {
		var b strings.Builder
		item := func(n int) {
			fmt.Fprintf(&b, `<li><a href="/news/%d">Tin số %d</a>`, n, n)
			if dated {
				fmt.Fprintf(&b, ` <span>%s</span>`, dayOfNews(n).Format("02/01/2006"))
			}
			b.WriteString("</li>")
			w.ministry.set(fmt.Sprintf("/news/%d", n), newsOf(n))
		}
		item(0)
		item(3500)
		for i := range 3 {
			item(3*p + i)
		}
		if p+1 < pages {
			fmt.Fprintf(&b, `<a class="next" href="/list/%d">Tiếp</a>`, p+1)
		}
		path := fmt.Sprintf("/list/%d", p)
		if p == 0 {
			path = "/list"
		}
		w.ministry.set(path, "<!DOCTYPE html><title>Tin</title><ul>"+b.String()+"</ul>")
	}
}

// asked returns how often list pages and articles were asked for.
func (w *world) asked() (lists, articles int, twice []string) {
	w.ministry.mu.Lock()
	defer w.ministry.mu.Unlock()
	for path, n := range w.ministry.hits {
		switch {
		case strings.HasPrefix(path, "/list/"):
			lists++
		case strings.HasPrefix(path, "/news/"):
			articles++
		}
		if n > 1 && path != "/list" && path != "/robots.txt" {
			twice = append(twice, path)
		}
	}
	return lists, articles, twice
}

func since(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// A backfill reads what was published in its span, follows the list no further
// than two pages beyond, and says what it left out.
func TestBackfill(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.longList(40, true)
		w.Since, w.Until = since("1999-12-10"), since("1999-12-20") // numbers 11 to 21
		s := w.run(t)
		lists, articles, _ := w.asked()
		// Page 7 has 21, 22, 23; pages 8 and 9 are older.
		if s.Added != 11 || articles != 11 || lists != 9 {
			t.Errorf("%s; %d further pages and %d articles asked for, want 9 and 11", s, lists, articles)
		}
		want := &SpanSummary{Since: "1999-12-10", Until: "1999-12-20", Before: 10 + 2 + 3 + 3, After: 11 + 9, Ended: 1}
		got := *s.Sites[moj].Span
		got.Examples = nil
		if diff := cmp.Diff(want, &got); diff != "" {
			t.Errorf("span differs (-want +got)\n%s", diff)
		}
		// Again: nothing is asked for but the start page.
		s = w.wantRun(t, "1 visited: 0 added, 1 list")
		if s.Sites[moj].Span.Copies != 9 {
			t.Errorf("%d copies", s.Sites[moj].Span.Copies)
		}
		// A wider span reads the list pages again that are too old to be believed.
		time.Sleep(3 * day)
		w.Since = since("1999-12-01") // to number 30
		s = w.run(t)
		if lists, articles, _ := w.asked(); s.Added != 9 || lists != 12 || articles != 20 {
			t.Errorf("%s; %d further pages and %d articles asked for, want 12 and 20", s, lists, articles)
		}
		// An ordinary crawl of three pages finds what it would have found, and no more.
		w.Since, w.Until, w.Pages = time.Time{}, time.Time{}, 3
		s = w.run(t)
		if s.Added != 10 { // 0 to 8 and the one of 1990
			t.Errorf("%s", s)
		}
		time.Sleep(100 * day)
		if s = w.run(t); s.Added != 0 {
			t.Errorf("a hundred days later: %s", s)
		}
	})
	// One without a limit finds all, though no page has changed since.
	inWorld(t, func(t *testing.T, w *world) {
		w.longList(40, true)
		w.Since, w.Until = since("1999-12-10"), since("1999-12-20")
		w.run(t)
		w.Since = time.Time{}
		s := w.run(t)
		if stats, err := w.Archive.Stats(t.Context()); err != nil || stats.Articles != 121 {
			t.Errorf("%s; %d articles, want 121; %v", s, stats.Articles, err)
		}
	})
}

// Where lists give no dates those of the articles end it.
func TestBackfillByArticles(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.longList(40, false)
		w.Since = since("1999-12-20") // numbers 0 to 11
		s := w.run(t)
		lists, articles, _ := w.asked()
		// Page 3 has 9, 10, 11; pages 4 and 5 are older.
		if s.Added != 19 || articles != 19 || lists != 5 || s.Sites[moj].Span.Ended != 1 {
			t.Errorf("%s; %d further pages, %d articles, %+v; want 5 and 19", s, lists, articles, s.Sites[moj].Span)
		}
	})
}

// A backfill that is stopped again and again asks for nothing twice but the
// start page.
func TestBackfillResumes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, dated := range []bool{true, false} {
		inWorld(t, func(t *testing.T, w *world) {
			w.longList(40, dated)
			w.Since = since("1999-12-10")
			for i := 0; ; i++ {
				w.Limit = 2 + rnd.IntN(6)
				if s := w.run(t); s.Visited < w.Limit {
					break
				}
				if i == 60 {
					t.Fatal("it does not end")
				}
			}
			lists, _, twice := w.asked()
			stats, err := w.Archive.Stats(t.Context())
			if err != nil || len(twice) > 0 || lists != 9 || stats.Articles < 22 {
				t.Errorf("dated %t: %d further pages, %d articles, asked for twice: %v; %v", dated, lists, stats.Articles, twice, err)
			}
		})
	}
}

// Sitemaps that their name or their date puts outside the span are skipped, and
// so are their entries.
func TestBackfillSitemaps(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `sitemaps = ["http://HOST/sitemap.xml"]`, moj)
		var index strings.Builder
		for m := range 12 {
			fmt.Fprintf(&index, "<sitemap><loc>http://moj.test/sitemap-1999-%02d.xml</loc></sitemap>", m+1)
		}
		index.WriteString("<sitemap><loc>http://moj.test/pages1.xml</loc><lastmod>1998-05-01</lastmod></sitemap>")
		index.WriteString("<sitemap><loc>http://moj.test/pages2.xml</loc><lastmod>1999-12-30</lastmod></sitemap>")
		w.ministry.set("/sitemap.xml", `<?xml version="1.0"?><sitemapindex>`+index.String()+"</sitemapindex>")
		entry := func(n int, lastmod string) string {
			w.ministry.set(fmt.Sprintf("/news/%d", n), newsOf(n))
			return fmt.Sprintf("<url><loc>http://moj.test/news/%d</loc><lastmod>%s</lastmod></url>", n, lastmod)
		}
		w.ministry.set("/sitemap-1999-11.xml", `<?xml version="1.0"?><urlset>`+entry(40, "1999-11-21")+entry(41, "1999-11-20")+entry(60, "1999-11-01")+"</urlset>")
		w.ministry.set("/pages2.xml", `<?xml version="1.0"?><urlset>`+entry(42, "1999-11-19")+entry(9, "1999-12-22")+entry(3000, "1999-11-18")+"</urlset>")
		w.ministry.set("/list", list("", "/news/0"))
		w.ministry.set("/news/0", newsOf(0))
		w.Since, w.Until = since("1999-11-10"), since("1999-11-30")
		s := w.run(t)
		if n := s.Sites[moj].Span.Sitemaps; n != 12 || w.ministry.hit("/sitemap-1999-10.xml") != 0 || w.ministry.hit("/pages1.xml") != 0 {
			t.Errorf("%d sitemaps left out, want 12", n)
		}
		if w.ministry.hit("/news/60") != 0 || w.ministry.hit("/news/42") != 1 || s.Sites[moj].Span.Before != 1 {
			t.Errorf("%s; %+v", s, s.Sites[moj].Span)
		}
	})
}

// The pages of a date archive are those of the span; a day without news is no
// fault.
func TestBackfillArchives(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `archives = ["http://HOST/list/{yyyy}/{mm}/{dd}"]`, moj)
		w.ministry.set("/list", list("", "/news/0"))
		for n := range 40 {
			w.ministry.set(fmt.Sprintf("/news/%d", n), newsOf(n))
			links := []string{fmt.Sprintf("/news/%d", n)}
			if n%7 == 3 {
				links = nil
			}
			w.ministry.set("/list/"+dayOfNews(n).Format("2006/01/02"), list("", links...))
		}
		w.Since, w.Until = since("1999-12-01"), since("1999-12-10") // numbers 21 to 30
		s := w.run(t)
		if lists, _, _ := w.asked(); lists != 10 || s.Added != 10 || s.Failed != 0 { // one day has none; number 0 had no date
			t.Errorf("%d archive pages, %s", lists, s)
		}
		for target, err := range w.Archive.Targets(t.Context(), store.Selection{Kinds: []extract.Kind{extract.KindList}}) {
			if err != nil || strings.Count(target.URL, "/") > 4 && !target.Due.IsZero() {
				t.Errorf("%s is due again at %v, %v", target.URL, target.Due, err)
			}
		}
	})
}

// What was due before and lies outside the span is not visited, and is due
// again afterwards.
func TestBackfillLeavesOthersAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/list" {
				rw.Header().Set("Content-Type", "text/html")
				io.WriteString(rw, list("", "/news/1999/12/25/a", "/news/1999/02/25/b"))
				return
			}
			w.ministry.ServeHTTP(rw, r)
		}))
		w.ministry.set("/news/1999/12/25/a", newsOf(6))
		w.ministry.set("/news/1999/02/25/b", newsOf(309))
		w.ministry.set("/news/1999/03/25/c", newsOf(281))
		old := store.Target{URL: "http://moj.test/news/1999/03/25/c", Site: moj, Kind: extract.KindArticle, Priority: newsItem}
		if _, err := w.Archive.Add(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		w.Since = since("1999-12-01")
		s := w.wantRun(t, "2 visited: 1 added, 1 list")
		if span := s.Sites[moj].Span; span.PutOff != 1 || span.Before != 1 {
			t.Errorf("%+v", span)
		}
		w.Since = time.Time{}
		w.wantRun(t, "3 visited: 2 added, 1 list")
	})
}

// What a sitemap dates outside the span is not visited either when it was in the
// frontier before; a date that nobody has filled in is none.
func TestSpanOfKnownTargets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, `sitemaps = ["http://HOST/sitemap.xml"]`, moj)
		const n = 12
		var b strings.Builder
		for i := range n {
			lastmod := "1999-10-01"
			switch {
			case i < 3:
				lastmod = "1999-12-30"
			case i == 3:
				lastmod = "1970-01-01"
			case i == 4:
				lastmod = "1900-01-01T00:00:00Z"
			}
			fmt.Fprintf(&b, "<url><loc>http://moj.test/news/%d</loc><lastmod>%s</lastmod></url>", i, lastmod)
			w.ministry.set(fmt.Sprintf("/news/%d", i), newsOf(i))
		}
		w.ministry.set("/sitemap.xml", `<?xml version="1.0"?><urlset>`+b.String()+"</urlset>")
		w.ministry.set("/list", list("", "/news/0"))
		w.Limit = 3
		w.run(t)
		before := 0
		for i := range n {
			before += w.ministry.hit(fmt.Sprintf("/news/%d", i))
		}
		w.Limit, w.Since, w.Until = 0, time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
		w.run(t)
		for i := range n {
			if hit := w.ministry.hit(fmt.Sprintf("/news/%d", i)); i < 5 && hit == 0 || i >= 5 && hit > before {
				t.Errorf("article %d was asked for %d times", i, hit)
			}
		}
	})
}

// A list may have an empty page behind its last.
func TestEmptyPageBehindTheLast(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("/list?page=2", "/news/1"))
		w.ministry.set("/list?page=2", list("/list?page=3", "/news/2"))
		w.ministry.set("/list?page=3", list(""))
		w.ministry.set("/news/1", newsOf(1))
		w.ministry.set("/news/2", newsOf(2))
		w.wantRun(t, "5 visited: 2 added, 3 lists")
	})
}
