package storetest

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

func visits(r *run) {
	a, b, list := "https://moj.gov.vn/a", "https://moj.gov.vn/b", "https://mof.gov.vn/list"
	began := r.clock()
	look := func(url, body string, art *extract.Article, v store.Visit) {
		r.wait(time.Hour)
		if v.Result == "" {
			v = fetched(url, body, art)
			v.Capture.Fetched = r.clock()
			v.Capture.Header.Set("X-Visit", body)
			v.Capture.Hops = []store.Hop{{URL: url + "?old", Status: 301, To: url}}
		}
		r.visit(url, v)
	}
	first := article(a, "Lễ", "mừng")
	look(a, "<1>", first, store.Visit{})
	look(a, "", nil, store.Visit{Result: store.Unchanged})
	look(a, "<1>", first, store.Visit{})
	look(a, "<2>", article(a, "Lễ", "sau"), store.Visit{})
	look(a, "", nil, store.Visit{Result: store.Unchanged})
	look(b, "<1>", nil, store.Visit{})
	look(list, "<1>", nil, store.Visit{})
	look(b, "", nil, store.Visit{Result: store.Failed, Reason: "500 Internal Server Error", Cause: "server error"})
	look(a, "<1>", first, store.Visit{})
	r.reopen()

	type seen struct {
		Hour    int
		URL     string
		Result  store.Result
		Reason  string
		Answer  bool
		Body    string
		First   int // hour of the visit that brought the bytes, 0 for its own
		Outcome store.ArticleOutcome
		Version int
	}
	hour := func(t time.Time) int { return int(t.Sub(began).Hours()) }
	walk := func(q store.VisitQuery) (all []seen) {
		for v, err := range r.a.Visits(r.ctx, q) {
			r.ok(err)
			s := seen{Hour: hour(v.Time), URL: v.Target.URL, Result: v.Result, Reason: v.Reason, Outcome: v.Outcome, Version: v.Version, Answer: v.Answer != nil}
			if v.Capture != "" {
				body, err := r.a.Body(r.ctx, v.Capture)
				r.ok(err)
				b, err := io.ReadAll(body)
				r.ok(err)
				r.ok(body.Close())
				if s.Body = string(b); sha256.Sum256(b) != v.Digest || v.Length != int64(len(b)) {
					r.Errorf("visit %d: digest or length is of another body", s.Hour)
				}
			}
			if v.First != nil {
				s.First = hour(v.First.Fetched)
			}
			if v.Answer != nil {
				want := capture(v.Target.URL, s.Body)
				want.Fetched, want.Body = v.Time, nil
				want.Header.Set("X-Visit", s.Body)
				want.Hops = []store.Hop{{URL: want.URL + "?old", Status: 301, To: want.URL}}
				if !q.Headers {
					want.Header = nil
				}
				if d := cmp.Diff(want, v.Answer); d != "" {
					r.Errorf("answer of visit %d differs (-want +got)\n%s", s.Hour, d)
				}
			}
			if v.Host != store.Host(v.Target.URL) || (v.Article != "") != (v.Outcome != "") {
				r.Errorf("visit %d: host %s, article %q", s.Hour, v.Host, v.Article)
			}
			all = append(all, s)
		}
		return all
	}
	want := []seen{
		{1, a, store.Fetched, "", true, "<1>", 0, store.Added, 1},
		{2, a, store.Unchanged, "", false, "<1>", 1, "", 0},
		{3, a, store.Fetched, "", true, "<1>", 1, store.Same, 1},
		{4, a, store.Fetched, "", true, "<2>", 0, store.Changed, 2},
		{5, a, store.Unchanged, "", false, "<2>", 4, "", 0},
		{6, b, store.Fetched, "", true, "<1>", 1, "", 0},
		{7, list, store.Fetched, "", true, "<1>", 0, "", 0},
		{8, b, store.Failed, "500 Internal Server Error", false, "", 0, "", 0},
		{9, a, store.Fetched, "", true, "<1>", 1, store.Changed, 3},
	}
	if d := cmp.Diff(want, walk(store.VisitQuery{})); d != "" {
		r.Errorf("visits differ (-want +got)\n%s", d)
	}
	if d := cmp.Diff(want, walk(store.VisitQuery{Headers: true})); d != "" {
		r.Errorf("visits with headers differ (-want +got)\n%s", d)
	}
	at := func(h int) time.Time { return began.Add(time.Duration(h) * time.Hour) }
	if d := cmp.Diff(want[3:8], walk(store.VisitQuery{Sites: []string{"moj"}, Since: at(4), Until: at(9)})); d != "" {
		r.Errorf("visits of some hours differ (-want +got)\n%s", d)
	}
	if got := walk(store.VisitQuery{Sites: []string{"mof"}}); len(got) != 0 {
		r.Errorf("visits of a site that has none: %v", got)
	}
	of := []seen{want[5], want[7]}
	if d := cmp.Diff(of, walk(store.VisitQuery{URLs: []string{b, "https://moj.gov.vn/never", b}})); d != "" {
		r.Errorf("visits of one target differ (-want +got)\n%s", d)
	}
	of = append(append(append(of[:0:0], want[6]), want[:5]...), want[8]) // mof.gov.vn comes before moj.gov.vn
	if d := cmp.Diff(of, walk(store.VisitQuery{URLs: []string{a, list}})); d != "" {
		r.Errorf("visits of two targets differ (-want +got)\n%s", d)
	}
	if got := walk(store.VisitQuery{URLs: []string{"https://moj.gov.vn/never"}}); len(got) != 0 {
		r.Errorf("visits of a target that is not known: %v", got)
	}
	of = slices.Clone(want)
	slices.Reverse(of)
	for i := range of {
		if of[i].Result == store.Unchanged {
			of[i].Body, of[i].First = "", 0
		}
	}
	if d := cmp.Diff(of, walk(store.VisitQuery{Backwards: true, Headers: true})); d != "" {
		r.Errorf("visits backwards differ (-want +got)\n%s", d)
	}
	for v, err := range r.a.Visits(r.ctx, store.VisitQuery{}) {
		r.ok(err)
		// The archive takes commits while it is read.
		r.add(target(v.Target.URL + "/next"))
		break
	}
}

func record(r *run) {
	url := "https://moj.gov.vn/a"
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	keep := func(day int, body string, a *extract.Article) store.Outcome {
		r.Helper()
		v := fetched(url, body, a)
		v.Time, v.Capture.Fetched, v.Again = at(day), at(day), at(day+1)
		v.Capture.Header.Set("Etag", body)
		if a != nil {
			a.Fetched = at(day)
		}
		o, err := r.a.Record(r.ctx, target(url), v)
		r.ok(err)
		return o
	}
	id := extract.ArticleID(url)
	check := func(what string, got, want store.Outcome) {
		r.Helper()
		if got != want {
			r.Errorf("%s: outcome %+v, want %+v", what, got, want)
		}
	}
	check("the first", keep(10, "<10>", article(url, "Lễ", "mười")), store.Outcome{Article: store.Added, ID: id, Version: 1, Captured: true})
	check("a later one", keep(20, "<20>", article(url, "Lễ", "hai mươi")), store.Outcome{Article: store.Changed, ID: id, Version: 2, Captured: true})
	check("one between", keep(15, "<15>", article(url, "Lễ", "mười lăm")), store.Outcome{Article: store.Earlier, ID: id, Version: 2, Captured: true})
	check("the same text between", keep(16, "<16>", article(url, "Lễ", "hai mươi")), store.Outcome{Article: store.Same, ID: id, Version: 2, Captured: true})
	check("the same bytes between", keep(17, "<15>", nil), store.Outcome{})
	r.reopen()
	got := r.target(url)
	if got.State != store.Done || !got.Visited.Equal(at(20)) || !got.Due.Equal(at(21)) || got.ETag != "<20>" || got.Article != id {
		r.Errorf("target %+v, want what the latest visit made of it", got)
	}
	var versions []time.Time
	history, err := r.a.History(r.ctx, id)
	r.ok(err)
	for _, v := range history {
		versions = append(versions, v.Fetched)
	}
	if d := cmp.Diff([]time.Time{at(10), at(20)}, versions); d != "" {
		r.Errorf("versions differ (-want +got)\n%s", d)
	}
	n := 0
	for v, err := range r.a.Visits(r.ctx, store.VisitQuery{}) {
		r.ok(err)
		if p, err := r.a.Capture(r.ctx, v.Capture); err != nil || len(p.Body) != 4 {
			r.Errorf("Capture(%s) = %v, %v", v.Capture, p, err)
		}
		n++
	}
	if n != 5 {
		r.Errorf("%d visits, want 5", n)
	}

	// So is what it was before it went.
	missing := func(day int) store.Outcome {
		o, err := r.a.Record(r.ctx, target(url), store.Visit{Result: store.Missing, Reason: "gone", Time: at(day)})
		r.ok(err)
		return o
	}
	check("gone before the latest visit", missing(18), store.Outcome{})
	check("gone after it", missing(24), store.Outcome{Article: store.Withdrawn, ID: id, Version: 3})
	check("the text before it went", keep(22, "<22>", article(url, "Lễ", "hai mươi hai")), store.Outcome{Article: store.Earlier, ID: id, Version: 3, Captured: true})
	check("the last text before it went", keep(23, "<20>", article(url, "Lễ", "hai mươi")), store.Outcome{Article: store.Same, ID: id, Version: 3})
	check("the same text later", keep(26, "<20>", article(url, "Lễ", "hai mươi")), store.Outcome{Article: store.Returned, ID: id, Version: 4})

	// A crawl goes on from there, and what was leased meanwhile is not hindered.
	r.wait(365 * 24 * time.Hour)
	l := r.lease()
	check("one before the visit under way", keep(5, "<5>", nil), store.Outcome{Captured: true})
	v := fetched(url, "<now>", article(url, "Lễ", "bây giờ"))
	v.Article.Fetched = r.clock()
	check("the visit under way", r.commit(l, v), store.Outcome{Article: store.Changed, ID: id, Version: 5, Captured: true})

	// Links are followed, other forms of a URL are one target.
	found := fetched("https://moj.gov.vn/list", "<list>", nil)
	found.Time, found.Links = at(3), []store.Target{target("https://moj.gov.vn/new"), target(url)}
	o, err := r.a.Record(r.ctx, store.Target{URL: "https://moj.gov.vn/list", Site: "moj", Kind: extract.KindList}, found)
	r.ok(err)
	check("a list", o, store.Outcome{Captured: true, Links: 1})
	other := store.Target{URL: "https://www.moj.gov.vn/a", Canonical: url, Site: "moj"}
	o, err = r.a.Record(r.ctx, other, store.Visit{Result: store.Missing, Reason: "404", Time: at(2), Capture: &store.Capture{
		URL: other.URL, FinalURL: other.URL, Status: 404, Header: http.Header{}, Fetched: at(2), Body: []byte("gone")}})
	r.ok(err)
	check("by another host", o, store.Outcome{Captured: true})
	if got := r.target(url); got.State != store.Done {
		r.Errorf("target is %s after it was gone long ago", got.State)
	}

	for what, v := range map[string]store.Visit{"abandoned": {Result: store.Abandoned}, "nothing fetched": {Result: store.Fetched}} {
		if o, err := r.a.Record(r.ctx, target(url), v); err == nil || errors.Is(err, store.ErrNotFound) {
			r.Errorf("%s: Record = %+v, %v", what, o, err)
		}
	}
	if o, err := r.a.Record(r.ctx, store.Target{}, found); err == nil {
		r.Errorf("Record of no target = %+v", o)
	}
}
