package watch_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/crawler"
	"luutin/crawler/watch"
	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

const site = "ministry"

// definition is the ministry's, with the layouts and the start page that an
// archivist knows of.
func definition(t *testing.T, start string, redesigned bool) *extract.Sites {
	t.Helper()
	text := `
hosts = ["ministry.test"]
zone = "Asia/Ho_Chi_Minh"
start = ["http://ministry.test` + start + `"]
articles = '^/tin/'

[[list]]
links = 'li a'
`
	if redesigned {
		text += `
[[layout]]
name = "new"
title = 'h2.headline'
published = '.when'
lead = '.sapo'
body = '.content'
`
	}
	text += `
[[layout]]
name = "old"
title = 'h1'
published = '.date'
lead = '.lead'
body = '.body'
`
	sites, err := extract.LoadSites(fstest.MapFS{site + ".toml": &fstest.MapFile{Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

// A ministry publishes every working day, and lives through a year.
type ministry struct {
	articles  []*article // oldest first
	newDesign bool
	list      string // path of its list
	wall      bool   // it asks who is there
	down      bool
	takes     time.Duration // until it answers
}

type article struct {
	at   time.Time
	text string
	gone string // "", 404, home or soft
}

func (a *article) path() string { return "/tin/" + a.at.Format("20060102") + "-tin-cua-ngay.html" }

// of returns the article of a day of the year.
func (m *ministry) of(date string) *article {
	i := slices.IndexFunc(m.articles, func(a *article) bool { return a.at.Format("01-02") == date })
	return m.articles[i]
}

func (m *ministry) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string, header ...string) (*http.Response, error) {
		h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
		if len(header) == 2 {
			h.Set(header[0], header[1])
		}
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
	}
	time.Sleep(m.takes)
	switch {
	case m.down:
		return nil, fmt.Errorf("dial tcp: connection refused")
	case r.URL.Path == "/robots.txt":
		return answer(404, "")
	case m.wall:
		return answer(403, "<title>Just a moment...</title><h1>Checking your browser</h1>")
	case r.URL.Path == "/":
		return answer(200, "<title>Bộ Mẫu</title><h1>Trang chủ</h1>")
	case r.URL.Path == m.list:
		var b strings.Builder
		b.WriteString("<!DOCTYPE html><title>Tin tức</title><ul>")
		for i, n := len(m.articles)-1, 0; i >= 0 && n < 10; i, n = i-1, n+1 {
			fmt.Fprintf(&b, `<li><a href="%s">Tin ngày %s</a></li>`, m.articles[i].path(), m.articles[i].at.Format("02/01"))
		}
		return answer(200, b.String()+"</ul>")
	}
	for _, a := range m.articles {
		if a.path() != r.URL.Path {
			continue
		}
		switch a.gone {
		case "404":
			return answer(404, "")
		case "home":
			return answer(302, "", "Location", "/")
		case "soft":
			return answer(200, "<!DOCTYPE html><title>Không tìm thấy trang</title><h1>404</h1><p>Trang bạn tìm không tồn tại.</p>")
		}
		title, when := "Tin của ngày "+a.at.Format("02-01"), a.at.Format("02/01/2006 15:04")
		text := strings.Repeat("<p>"+a.text+" Các đơn vị thuộc Bộ đã báo cáo kết quả công tác trong ngày và bàn việc của ngày hôm sau.</p>", 3)
		if m.newDesign {
			return answer(200, fmt.Sprintf(`<!DOCTYPE html><title>%s</title><div><h2 class="headline">%[1]s</h2><i class="when">%s</i><p class="sapo">Sáng nay, Bộ đã họp.</p><div class="content">%s</div></div>`, title, when, text))
		}
		return answer(200, fmt.Sprintf(`<!DOCTYPE html><title>%s</title><h1>%[1]s</h1><span class="date">%s</span><p class="lead">Sáng nay, Bộ đã họp.</p><div class="body">%s</div>`, title, when, text))
	}
	return answer(404, "")
}

// TestYear is a year of daily crawls on a fake clock. The alarms and the
// tombstones are exactly those that an archivist would want, and there is none
// in the weeks that are quiet every year.
func TestYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vietnam := time.FixedZone("", 7*60*60)
		begin := time.Date(2001, 1, 1, 6, 0, 0, 0, vietnam)
		time.Sleep(time.Until(begin))
		archive, err := bolt.Open(filepath.Join(t.TempDir(), "archive"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		m := &ministry{list: "/danh-sach", takes: 50 * time.Millisecond}
		start, redesigned := "/danh-sach", false
		var c *crawler.Crawler
		equip := func() {
			c = &crawler.Crawler{Archive: archive, Sites: definition(t, start, redesigned), Transport: m, Patience: time.Minute}
		}
		equip()

		between := func(day, from, to string) bool { return from <= day && day < to }
		var events, tombs []string
		for now := begin; now.Year() == 2001; now = now.AddDate(0, 0, 1) {
			time.Sleep(time.Until(now))
			day := now.Format("01-02")
			switch wd := now.Weekday(); {
			case wd == time.Saturday || wd == time.Sunday: // nobody works
			case between(day, "01-22", "02-01"): // Tết
			case between(day, "08-20", "09-03"): // holidays
			case between(day, "10-05", "11-20"): // nobody knows why
			default:
				m.articles = append(m.articles, &article{at: now.Add(-time.Hour), text: "Bộ họp về việc số " + day + "."})
			}
			switch day {
			case "03-14":
				m.newDesign = true
			case "03-26": // somebody has looked
				redesigned = true
				equip()
			case "04-16":
				m.list = "/tin-tuc"
			case "04-25":
				start = "/tin-tuc"
				equip()
			case "05-14":
				m.wall = true
			case "05-18":
				m.wall = false
			case "06-04":
				m.of("06-01").text, m.of("05-31").text = "Bộ đã đính chính tin này.", "Bộ đã rút lại số liệu."
			case "07-10":
				m.of("07-05").gone, m.of("07-06").gone, m.of("07-09").gone = "404", "home", "soft"
			case "07-20":
				m.of("07-05").gone = ""
			case "09-17":
				m.down = true
			case "09-20":
				m.down = false
			case "12-03":
				m.takes = 8 * time.Second
			case "12-07":
				m.takes = 50 * time.Millisecond
			}
			if _, err := c.Run(t.Context(), []string{site}); err != nil {
				t.Fatal(err)
			}
			_, news, err := watch.Update(t.Context(), archive, c.Sites.(*extract.Sites), []string{site}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range news {
				word := "begins"
				if !a.Ended.IsZero() {
					word = "ends"
				}
				events = append(events, fmt.Sprintf("%s %s %s", day, a.Name, word))
				t.Logf("%s %s %s: %s\n\t%s\n\t%s", day, a.Name, word, a.What, strings.Join(a.Details, "\n\t"), a.Page)
				news[i].Pending = false
			}
			if err := archive.Raise(t.Context(), news...); err != nil {
				t.Fatal(err)
			}
		}

		for target, err := range archive.Targets(t.Context(), store.Selection{Site: site, Kinds: []extract.Kind{extract.KindArticle}}) {
			if err != nil {
				t.Fatal(err)
			}
			if target.State == store.Gone {
				tombs = append(tombs, fmt.Sprintf("%s gone since %s", filepath.Base(target.URL)[4:8], target.Gone.In(vietnam).Format("01-02")))
			}
		}
		want := []string{
			"03-14 rule died begins", // one new page and seven that are looked at again
			"03-27 rule died ends",
			"04-17 moved begins", // two crawls a day apart did not find the start page
			"04-25 moved ends",   // the definition names another
			"05-15 blocked begins",
			"05-18 blocked ends",
			"09-18 unreachable begins",
			"09-20 unreachable ends",
			"10-31 quiet begins", // 27 days; of 25, half as long again as the summer's holidays, nobody speaks
			"11-20 quiet ends",
			"12-03 slow begins",
			"12-07 slow ends",
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"0706 gone since 07-12", "0709 gone since 07-10"}, tombs); diff != "" {
			t.Errorf("tombstones (-want +got):\n%s", diff)
		}
		// What was gone is told by the history of the article, and that it came back.
		for date, want := range map[string][]string{
			"07-05": {"fetched 07-05", "withdrawn 07-11", "fetched 08-17"},
			"07-06": {"fetched 07-06", "withdrawn 07-12"},
			"07-09": {"fetched 07-09", "withdrawn 07-10"},
		} {
			h, err := archive.History(t.Context(), extract.ArticleID("http://ministry.test"+m.of(date).path()))
			if err != nil {
				t.Error(err)
			}
			var got []string
			for _, v := range h {
				if v.Withdrawn.IsZero() {
					got = append(got, "fetched "+v.Fetched.In(vietnam).Format("01-02"))
				} else {
					got = append(got, "withdrawn "+v.Withdrawn.In(vietnam).Format("01-02"))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history of %s (-want +got):\n%s", date, diff)
			}
		}
		versions := 0
		for _, date := range []string{"05-31", "06-01"} {
			h, err := archive.History(context.Background(), extract.ArticleID("http://ministry.test"+m.of(date).path()))
			if err != nil {
				t.Error(err)
			}
			versions += len(h)
		}
		if versions != 4 {
			t.Errorf("the two articles that were edited have %d versions, want 4", versions)
		}
		for p := range archive.Verify(t.Context()) {
			t.Error(p)
		}
	})
}
