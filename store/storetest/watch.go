package storetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// ofSite is a target of a site of its own.
func ofSite(site, url string) store.Target {
	return store.Target{URL: url, Site: site, Kind: extract.KindArticle}
}

func days(r *run) {
	vietnam := time.FixedZone("", 7*60*60)
	at := func(day, hour int) time.Time { return time.Date(2018, 1, day, hour, 0, 0, 0, vietnam) }
	site := func(a *extract.Article) *extract.Article {
		a.Site = "m"
		return a
	}
	one, two, list := "https://a.example/1", "https://b.example/2", "https://a.example/"
	r.add(ofSite("m", one), ofSite("m", two), ofSite("other", "https://c.example/3"))

	// 01:00 in Vietnam is still the day before in UTC: what is published is told by the page's own clock.
	v := fetched(one, "1", site(published(article(one, "One", "text of the first"), at(20, 1))))
	v.Counts = map[string]int64{"read": 1}
	v.Time = r.clock()
	r.visit(one, v)
	v = fetched(two, "2", site(published(article(two, "Two", "text of the second"), at(20, 23))))
	v.Counts = map[string]int64{"read": 1, "bytes": 12}
	r.visit(two, v)
	r.visit("https://c.example/3", store.Visit{Result: store.Failed, Reason: "no answer", Cause: "out of reach"})

	r.wait(24 * time.Hour)
	r.add(ofSite("m", list))
	r.visit(list, store.Visit{Result: store.Barred, Reason: "HTTP status 403", Cause: "forbidden"})
	r.ok(second(r.a.Recall(r.ctx, store.Selection{Site: "m", Kinds: []extract.Kind{extract.KindArticle}})))
	r.visit(two, store.Visit{Result: store.Unchanged})
	v = fetched(one, "1b", site(published(article(one, "One", "another text"), at(21, 9))))
	r.visit(one, v)

	first, next := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 1, 3, 3, 4, 5, 0, time.UTC)
	want := []store.Day{
		{Date: "2018-01-20", Published: 1},
		{Date: "2018-01-21", Published: 1},
		{Date: "2026-01-02", Visits: 2, Added: 2, Results: map[store.Result]int{store.Fetched: 2}, Counts: map[string]int64{"read": 2, "bytes": 12}, Last: first},
		{Date: "2026-01-03", Visits: 3, Changed: 1, Results: map[store.Result]int{store.Fetched: 1, store.Barred: 1, store.Unchanged: 1}, Causes: map[string]int{"forbidden": 1}, Last: next},
	}
	for range 2 {
		got, err := r.a.Days(r.ctx, "m", "")
		r.ok(err)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Errorf("Days(m) (-want +got):\n%s", diff)
		}
		got, err = r.a.Days(r.ctx, "m", "2026-01-03")
		r.ok(err)
		if diff := cmp.Diff(want[3:], got); diff != "" {
			r.Errorf("Days(m, 2026-01-03) (-want +got):\n%s", diff)
		}
		got, err = r.a.Days(r.ctx, "other", "")
		r.ok(err)
		if len(got) != 1 || got[0].Causes["out of reach"] != 1 || !got[0].Last.IsZero() {
			r.Errorf("Days(other) = %+v", got)
		}
		sites, err := r.a.Sites(r.ctx)
		r.ok(err)
		if diff := cmp.Diff([]string{"m", "other"}, sites); diff != "" {
			r.Errorf("Sites (-want +got):\n%s", diff)
		}
		r.reopen()
	}
}

func second[T any](_ T, err error) error { return err }

func trends(r *run) {
	url := "https://a.example/1"
	r.add(ofSite("m", url))
	begin := r.clock()
	show := func(ok bool) {
		r.ok(second(r.a.Recall(r.ctx, store.Selection{Site: "m"})))
		r.visit(url, store.Visit{Result: store.Unchanged, Signals: []store.Signal{{Name: "title", OK: ok}, {Name: "body", OK: true}}})
		r.wait(time.Hour)
	}
	for range 3 {
		show(true)
	}
	show(false)
	show(false)
	r.reopen()
	got, err := r.a.Trends(r.ctx, "m")
	r.ok(err)
	want := []store.Trend{
		{Host: "a.example", Name: "body", Good: 5, Since: begin, Last: begin.Add(4 * time.Hour)},
		{Host: "a.example", Name: "title", Bad: 2, Since: begin.Add(3 * time.Hour), Last: begin.Add(4 * time.Hour), Page: url, Seen: 3, Hits: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("Trends(m) (-want +got):\n%s", diff)
	}
	if got, err := r.a.Trends(r.ctx, "other"); err != nil || len(got) != 0 {
		r.Errorf("Trends(other) = %v, %v", got, err)
	}
}

func alarms(r *run) {
	begin := r.clock()
	quiet := store.Alarm{Site: "m", Name: "quiet", Began: begin.Add(-time.Hour), Raised: begin, What: "nothing new", Details: []string{"since then"}, Pending: true}
	died := store.Alarm{Site: "n", Name: "rule died", Began: begin, Raised: begin.Add(time.Second), What: "title", Page: "https://n.example/1", Details: []string{}}
	r.ok(r.a.Raise(r.ctx, died, quiet))
	quiet.Ended, quiet.Pending = begin.Add(time.Hour), false
	r.ok(r.a.Raise(r.ctx, quiet))
	r.reopen()
	for _, c := range []struct {
		site string
		want []store.Alarm
	}{{"", []store.Alarm{quiet, died}}, {"n", []store.Alarm{died}}, {"x", nil}} {
		got, err := r.a.Alarms(r.ctx, c.site)
		r.ok(err)
		if diff := cmp.Diff(c.want, got); diff != "" {
			r.Errorf("Alarms(%q) (-want +got):\n%s", c.site, diff)
		}
	}
	if err := r.a.Raise(r.ctx, store.Alarm{Site: "m"}); err == nil || errors.Is(err, store.ErrReadOnly) {
		r.Errorf("Raise of an alarm without a name = %v", err)
	}
}
