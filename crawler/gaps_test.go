package crawler

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// keep puts an article into the archive as a visit would.
func (w *world) keep(t *testing.T, rawURL string, published time.Time) {
	t.Helper()
	if _, err := w.Archive.Add(t.Context(), store.Target{URL: rawURL, Site: moj, Kind: extract.KindArticle}); err != nil {
		t.Fatal(err)
	}
	l, err := w.Archive.Lease(t.Context(), store.Want{})
	if err != nil {
		t.Fatal(err)
	}
	canonical := extract.CanonicalURL(rawURL)
	a := &extract.Article{ID: extract.ArticleID(canonical), URL: rawURL, CanonicalURL: canonical, Site: moj, Title: "Tin " + rawURL, Body: "Nội dung", Published: &published, Fetched: time.Now()}
	a.ContentHash = a.Hash()
	v := store.Visit{Result: store.Fetched, Time: time.Now(), Article: a, Capture: &store.Capture{URL: rawURL, FinalURL: rawURL, Status: 200, Body: []byte(rawURL)}}
	if _, err := w.Archive.Commit(t.Context(), l, v); err != nil {
		t.Fatal(err)
	}
}

func (w *world) gaps(t *testing.T, since, until string) (out []string) {
	t.Helper()
	err := w.Gaps(t.Context(), []string{moj}, since, until, func(g Gap) error {
		switch g.Kind {
		case GapDays:
			if n := len(g.Dates); n != g.Days || g.Dates[0] != g.Since || g.Dates[n-1] != g.Until {
				t.Errorf("%s to %s are %d days: %v", g.Since, g.Until, g.Days, g.Dates)
			}
			out = append(out, fmt.Sprintf("%s to %s: %d days, usually %v: %v", g.Since, g.Until, g.Days, g.Usual, g.Fill))
		case GapEntry:
			out = append(out, fmt.Sprintf("%s %s %q: %v", g.State, g.URL, g.Reason, g.Fill))
		default:
			out = append(out, fmt.Sprintf("%s %d to %d, %s to %s: %v", g.URL, g.First, g.Last, g.Since, g.Until, g.Fill))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A site publishes twice each working day, but for some days that are lost and
// one that was a holiday of everybody; its numbers have holes.
func TestGaps(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keep(t, "http://moj.test/news/from-1990-1", time.Date(1990, 1, 5, 8, 0, 0, 0, time.UTC))
		zone := time.FixedZone("", 7*3600)
		n := 100
		for day := time.Date(1999, 6, 1, 9, 0, 0, 0, zone); day.Before(time.Now()); day = day.AddDate(0, 0, 1) {
			if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
				continue
			}
			for range 2 {
				n++
				switch date := day.Format(time.DateOnly); {
				case date == "1999-09-16", date == "1999-09-17", date == "1999-09-20": // Thursday, Friday, Monday
				case date > "1999-12-28":
				case n == 131, n == 133: // one that was never there
				default:
					w.keep(t, fmt.Sprintf("http://moj.test/news/bai-%d-%d", n%7, n), day)
				}
			}
		}
		fill := func(since, until string) string {
			return fmt.Sprintf("[crawl --since %s --until %s moj.test]", since, until)
		}
		want := []string{
			"1999-09-16 to 1999-09-20: 3 days, usually 2: " + fill("1999-09-16", "1999-09-20"),
			"1999-12-29 to 1999-12-31: 3 days, usually 2: " + fill("1999-12-29", "1999-12-31"),
			"http://moj.test/…{n} 131 to 131, 1999-06-21 to 1999-06-22: " + fill("1999-06-21", "1999-06-22"),
			"http://moj.test/…{n} 133 to 133, 1999-06-22 to 1999-06-23: " + fill("1999-06-22", "1999-06-23"),
			"http://moj.test/…{n} 255 to 260, 1999-09-15 to 1999-09-21: " + fill("1999-09-15", "1999-09-21"),
		}
		if diff := cmp.Diff(want, w.gaps(t, "", "")); diff != "" {
			t.Errorf("gaps differ (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(want[:1], w.gaps(t, "1999-09-17", "1999-09-19")); diff == "" {
			t.Error("days that were not asked for are told")
		}
		if got := w.gaps(t, "1999-10-01", "1999-11-30"); len(got) > 0 {
			t.Errorf("gaps of two whole months: %q", got)
		}
	})
}

// A site that seldom has news, even if always on a Tuesday, has no days on which
// it usually publishes.
func TestGapsOfSeldom(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 30 {
			day := time.Date(1999, 12, 28, 9, 0, 0, 0, time.UTC).AddDate(0, 0, -7*(i*3+i%3))
			w.keep(t, fmt.Sprintf("http://moj.test/news/tin-%d-abc", i), day)
		}
		for _, g := range w.gaps(t, "", "") {
			t.Error(g)
		}
	})
}

// Numbers that do not grow with the date, or are few among many, say nothing.
func TestGapsWithoutCount(t *testing.T) {
	for name, number := range map[string]func(i int) int{
		"random": func(i int) int { return 1000 + i*7919%100 },
		"sparse": func(i int) int { return 1000 + 3*i },
		"hashed": func(i int) int { return i * 104729 % 1000003 },
	} {
		inWorld(t, func(t *testing.T, w *world) {
			day := time.Date(1999, 6, 1, 9, 0, 0, 0, time.UTC)
			for i := range 60 {
				if number(i)%10 != 3 {
					w.keep(t, fmt.Sprintf("http://moj.test/news?id=%d", number(i)), day.AddDate(0, 0, i*2))
				}
			}
			for _, g := range w.gaps(t, "", "1999-09-01") {
				t.Errorf("%s: %s", name, g)
			}
		})
	}
}

// Entries of lists that are not in the archive are told with their reason; when
// nothing is missing there is nothing to tell.
func TestGapsOfLists(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/view?id=1", "/news/view?id=2", "/news/secret", "/news/gone", "/news/late"))
		w.ministry.set("/news/view?id=1", newsOf(1))
		w.ministry.set("/news/view?id=2", newsOf(2))
		w.ministry.set("/news/late", "500")
		w.run(t)
		if _, err := w.Archive.Add(t.Context(), store.Target{URL: "http://moj.test/news/new", Site: moj, Kind: extract.KindArticle}); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`blocked http://moj.test/news/secret "robots.txt forbids it": [crawl http://moj.test/news/secret]`,
			`gone http://moj.test/news/gone "404 Not Found": [crawl http://moj.test/news/gone]`,
			`retry http://moj.test/news/late "500 Internal Server Error": [crawl http://moj.test/news/late]`,
			`due http://moj.test/news/new "": [crawl moj.test]`,
		}
		if diff := cmp.Diff(want, w.gaps(t, "", "")); diff != "" {
			t.Errorf("gaps differ (-want +got)\n%s", diff)
		}
	})
}

func TestNumbersOfSessions(t *testing.T) {
	for raw, want := range map[string]string{
		"http://moj.test/tin-4.html;jsessionid=A1B2C3D4E5F6": "http://moj.test/tin-{n}.html",
		"http://moj.test/tin;jsessionid=A1B2C3D4E5F6?id=4":   "http://moj.test/tin?id={n}",
	} {
		ok := false
		for _, n := range numbersOf(raw) {
			ok = ok || n.form == want && n.value == 4
		}
		if !ok {
			t.Errorf("numbersOf(%s) = %v, want 4 in %s", raw, numbersOf(raw), want)
		}
	}
}
