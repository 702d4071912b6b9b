// Package storetest says whether an archive keeps the contract of package
// store.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// Open opens the archive in dir and creates it when there is none. What it
// returns asks clock for the time.
type Open func(dir string, clock func() time.Time) (store.Archive, error)

// Run tests an engine. Every archive that it opens ends with a Verify that
// has to find nothing.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*run)
	}{
		{"add refuses known targets", addRefusesKnown},
		{"add refuses what is no target", addRefusesBad},
		{"lease is a turn of the host", leaseIsTurn},
		{"lease takes the best target", leaseOrder},
		{"lease takes the host that waited longest", leaseFair},
		{"a long queue lets others go first", leaseBacklog},
		{"lease keeps to the sites", leaseSites},
		{"nothing due says when", nothingDue},
		{"lease runs out", leaseRunsOut},
		{"lease is lost when the archive is closed", leaseClosed},
		{"commit twice", commitTwice},
		{"abandoned", abandoned},
		{"rhythm", rhythm},
		{"rest is never shortened", restKept},
		{"results decide what becomes of a target", results},
		{"unchanged keeps the validators", unchanged},
		{"commit refuses what makes no sense", commitRefuses},
		{"links and onward pages", links},
		{"recall", recall},
		{"targets are selected", selection},
		{"versions of an article", versions},
		{"withdrawn and returned", withdrawn},
		{"moved to another URL", moved},
		{"read again", reread},
		{"captures become articles", adopt},
		{"same article under another URL", duplicated},
		{"an article that moves and is edited is one", movedAndEdited},
		{"little text is no duplicate", notDuplicated},
		{"aliases", aliases},
		{"articles are filtered and resumed", articles},
		{"articles while committing", articlesWhileCommitting},
		{"captures come back as they were", captures},
		{"identical bytes are kept once", identicalBytes},
		{"long bodies come as spools", spools},
		{"visits come back in order", visits},
		{"visits of the past", record},
		{"bodies are dropped", retain},
		{"captures that others are kept against are dropped", retainReference},
		{"bodies that another archive has dropped", retainElsewhere},
		{"log of visits", visitLog},
		{"stats", stats},
		{"days", days},
		{"trends", trends},
		{"alarms", alarms},
		{"not found", notFound},
		{"context ends it", contextEnds},
		{"closed", closed},
		{"random operations", random},
		{"many workers", workers},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			r := &run{T: t, ctx: context.Background(), dir: filepath.Join(t.TempDir(), "archive"), opener: open}
			r.now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			r.open()
			c.test(r)
			r.check()
			leased := map[string]bool{}
			for t, err := range r.a.Targets(r.ctx, store.Selection{States: []store.State{store.Leased}}) {
				r.ok(err)
				leased[t.Canonical] = true
			}
			before := r.kept(leased)
			r.reopen()
			r.check()
			if diff := cmp.Diff(before, r.kept(leased)); diff != "" {
				r.Errorf("opened again it keeps something else (-before +after):\n%s", diff)
			}
			if err := r.a.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		})
	}
}

// A run is one archive under test and its clock.
type run struct {
	*testing.T
	ctx    context.Context
	dir    string
	opener Open
	a      store.Archive

	mu  sync.Mutex
	now time.Time
}

func (r *run) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *run) wait(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *run) open() {
	r.Helper()
	a, err := r.opener(r.dir, r.clock)
	if err != nil {
		r.Fatalf("open: %v", err)
	}
	r.a = a
}

func (r *run) reopen() {
	r.Helper()
	if err := r.a.Close(); err != nil {
		r.Fatalf("Close() = %v", err)
	}
	r.open()
}

// kept is everything that the archive tells of what it keeps, but for the
// state of targets that are leased: leases end when it is closed.
func (r *run) kept(leased map[string]bool) (all []string) {
	r.Helper()
	add := func(what string, x any) {
		b, err := json.Marshal(x)
		r.ok(err)
		all = append(all, what+" "+string(b))
	}
	for t, err := range r.a.Targets(r.ctx, store.Selection{}) {
		r.ok(err)
		if leased[t.Canonical] {
			t.State = ""
		}
		add("target", t)
	}
	bodies := map[string]bool{}
	for v, err := range r.a.Visits(r.ctx, store.VisitQuery{Headers: true}) {
		r.ok(err)
		if leased[v.Target.Canonical] {
			v.Target.State = ""
		}
		add("visit", v)
		if v.Capture != "" {
			bodies[v.Capture] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(bodies)) {
		p, err := r.a.Capture(r.ctx, id)
		if d := new(store.BodyDropped); errors.As(err, &d) {
			add("dropped "+id, d)
			continue
		}
		r.ok(err)
		digest := sha256.Sum256(p.Body)
		p.Body = digest[:]
		add("capture "+id, p)
	}
	for v, err := range r.a.Articles(r.ctx, store.Query{History: true}) {
		r.ok(err)
		add("version", v)
	}
	alarms, err := r.a.Alarms(r.ctx, "")
	r.ok(err)
	add("alarms", alarms)
	s, err := r.a.Stats(r.ctx)
	r.ok(err)
	if len(leased) > 0 {
		s.Targets = nil
	}
	add("stats", s)
	return all
}

// check verifies the archive.
func (r *run) check() {
	r.Helper()
	for p := range r.a.Verify(r.ctx) {
		r.Errorf("Verify: %v", p)
	}
}

func (r *run) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *run) add(targets ...store.Target) int {
	r.Helper()
	n, err := r.a.Add(r.ctx, targets...)
	r.ok(err)
	return n
}

func (r *run) lease(sites ...string) *store.Lease {
	r.Helper()
	l, err := r.a.Lease(r.ctx, store.Want{Sites: sites})
	r.ok(err)
	return l
}

func (r *run) commit(l *store.Lease, v store.Visit) store.Outcome {
	r.Helper()
	if v.Time.IsZero() {
		v.Time = r.clock()
	}
	o, err := r.a.Commit(r.ctx, l, v)
	r.ok(err)
	return o
}

// visit adds a target, leases it and commits a visit.
func (r *run) visit(url string, v store.Visit) store.Outcome {
	r.Helper()
	if r.add(target(url)) == 0 {
		_, err := r.a.Recall(r.ctx, store.Selection{URLs: []string{extract.CanonicalURL(url)}})
		r.ok(err)
	}
	l := r.lease()
	if l.Target.URL != url {
		r.Fatalf("leased %s, want %s", l.Target.URL, url)
	}
	return r.commit(l, v)
}

func (r *run) nothing(sites ...string) *store.NothingDue {
	r.Helper()
	l, err := r.a.Lease(r.ctx, store.Want{Sites: sites})
	var n *store.NothingDue
	if !errors.As(err, &n) || !errors.Is(err, store.ErrNothingDue) {
		r.Fatalf("Lease() = %v, %v, want nothing due", l, err)
	}
	return n
}

func (r *run) target(canonical string) store.Target {
	r.Helper()
	for t, err := range r.a.Targets(r.ctx, store.Selection{URLs: []string{canonical}}) {
		r.ok(err)
		return t
	}
	r.Fatalf("target %s is not there", canonical)
	return store.Target{}
}

func collect[T any](r *run, seq iter.Seq2[T, error]) (all []T) {
	r.Helper()
	for v, err := range seq {
		r.ok(err)
		all = append(all, v)
	}
	return all
}

func (r *run) versions(q store.Query) (all []store.Version) {
	r.Helper()
	for v, err := range r.a.Articles(r.ctx, q) {
		r.ok(err)
		v.JSON = bytes.Clone(v.JSON)
		all = append(all, v)
	}
	return all
}

func target(url string) store.Target {
	return store.Target{URL: url, Site: "moj", Kind: extract.KindArticle}
}

// article is a page long enough to be told from others.
func article(canonical, title, body string) *extract.Article {
	a := &extract.Article{
		URL: canonical, CanonicalURL: canonical, ID: extract.ArticleID(canonical), Site: "moj",
		Title: title, Body: body + strings.Repeat(" Quang cảnh buổi lễ <b>&amp;", 12), Extractor: extract.Version,
		Fetched: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
	a.ContentHash = a.Hash()
	return a
}

func published(a *extract.Article, t time.Time) *extract.Article {
	a.Published = &t
	a.ContentHash = a.Hash()
	return a
}

func capture(url, body string) *store.Capture {
	return &store.Capture{
		URL: url, FinalURL: url, Status: 200, ContentType: "text/html", Body: []byte(body),
		Header:  http.Header{"Content-Type": {"text/html"}, "Etag": {`"` + fmt.Sprint(len(body)) + `"`}},
		Fetched: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Second,
	}
}

func fetched(url, body string, a *extract.Article) store.Visit {
	return store.Visit{Result: store.Fetched, Capture: capture(url, body), Article: a}
}

func addRefusesKnown(r *run) {
	if n := r.add(target("https://moj.gov.vn/a?utm_source=x"), target("https://moj.gov.vn/a"), target("https://MOJ.gov.vn/b")); n != 2 {
		r.Errorf("added %d, want 2", n)
	}
	again := target("https://moj.gov.vn:443/a")
	again.Priority = 3
	if n := r.add(again); n != 0 {
		r.Errorf("added a known target %d times", n)
	}
	post := target("https://moj.gov.vn/a")
	post.Post = `{"page":1}`
	if n := r.add(post, post); n != 1 {
		r.Errorf("added %d targets with a body, want 1", n)
	}
	named := target("https://moj.gov.vn/c?x=1")
	named.Canonical = "https://moj.gov.vn/c"
	if n := r.add(named, target("https://moj.gov.vn/c")); n != 1 {
		r.Errorf("added %d targets known by one canonical form, want 1", n)
	}
	r.reopen()
	if n := r.add(named, post, again); n != 0 {
		r.Errorf("added %d known targets after opening again", n)
	}
	if got := r.target("https://moj.gov.vn/c").URL; got != "https://moj.gov.vn/c?x=1" {
		r.Errorf("target is asked for as %s", got)
	}
}

func addRefusesBad(r *run) {
	bad := target("https://moj.gov.vn/a")
	bad.Priority = 10
	for _, bad := range []store.Target{bad, {}, {URL: "https://moj.gov.vn/", Site: "a\x00b"}} {
		if n, err := r.a.Add(r.ctx, target("https://moj.gov.vn/x"), bad); n != 0 || err == nil {
			r.Errorf("Add(%+v) = %d, %v, want an error", bad, n, err)
		}
	}
	if got := collect(r, r.a.Targets(r.ctx, store.Selection{})); len(got) != 0 {
		r.Errorf("a call that failed left %v", got)
	}
}

func leaseIsTurn(r *run) {
	r.add(target("https://moj.gov.vn/1"), target("https://moj.gov.vn/2"), target("https://moj.gov.vn:8443/3"))
	a, b := r.lease(), r.lease()
	if a.Host != "moj.gov.vn" || b.Host != "moj.gov.vn:8443" {
		r.Errorf("leased hosts %s and %s", a.Host, b.Host)
	}
	if n := r.nothing(); n.Leased != 2 || !n.Next.IsZero() {
		r.Errorf("nothing due: %+v, want 2 leased and nothing waiting", n)
	}
	if a.Target.State != store.Leased || r.target("https://moj.gov.vn/1").State != store.Leased {
		r.Error("a leased target does not say so")
	}
	r.commit(a, fetched(a.Target.URL, "x", nil))
	if l := r.lease(); l.Target.URL != "https://moj.gov.vn/2" {
		r.Errorf("leased %s", l.Target.URL)
	}
	if a.Expires.Sub(r.clock()) != 5*time.Minute {
		r.Errorf("lease without TTL runs out at %v", a.Expires)
	}
}

func leaseOrder(r *run) {
	at := func(url string, priority int, due time.Duration) store.Target {
		t := target("https://moj.gov.vn/" + url)
		t.Priority, t.Due = priority, r.clock().Add(due)
		return t
	}
	r.add(at("late", 1, time.Hour), at("first", 0, 2*time.Hour), at("c", 2, -time.Minute), at("b2", 1, -time.Minute),
		at("b1", 1, -2*time.Minute), at("b3", 1, -time.Minute), at("d", 9, -3*time.Hour))
	var got []string
	for range 5 {
		l := r.lease()
		got = append(got, strings.TrimPrefix(l.Target.URL, "https://moj.gov.vn/"))
		r.commit(l, fetched(l.Target.URL, "x", nil))
	}
	if want := []string{"b1", "b2", "b3", "c", "d"}; !slices.Equal(got, want) {
		r.Errorf("leased %v, want %v", got, want)
	}
	if n := r.nothing(); !n.Next.Equal(r.clock().Add(time.Hour)) {
		r.Errorf("next is due at %v", n.Next)
	}
	r.wait(2 * time.Hour)
	if l := r.lease(); l.Target.URL != "https://moj.gov.vn/first" {
		r.Errorf("leased %s", l.Target.URL)
	}
}

func leaseFair(r *run) {
	for i := range 3 {
		for _, h := range []string{"a", "b", "c"} {
			r.add(target(fmt.Sprintf("https://%s.vn/%d", h, i)))
		}
	}
	var got string
	for range 9 {
		l := r.lease()
		got += l.Host[:1]
		v := fetched(l.Target.URL, "x", nil)
		if l.Host == "a.vn" {
			v.Rest = r.clock().Add(time.Second) // it waits behind the others for its turn
		}
		r.commit(l, v)
		r.wait(time.Second)
	}
	for _, h := range []string{"a", "b", "c"} {
		if first := got[:3]; strings.Count(first, h) != 1 {
			r.Errorf("the first three turns were of %s", first)
		}
		if strings.Count(got, h) != 3 {
			r.Errorf("turns were of %s", got)
		}
	}
}

func leaseBacklog(r *run) {
	for i := range 20 {
		r.add(target(fmt.Sprintf("https://old.vn/%d", i)))
	}
	r.wait(time.Hour)
	r.add(target("https://new.vn/1"), target("https://new.vn/2"))
	var got string
	for range 6 {
		l := r.lease()
		got += l.Host[:1]
		r.wait(time.Second)
		r.commit(l, fetched(l.Target.URL, "x", nil))
	}
	if got != "ononoo" {
		r.Errorf("turns were of %s, want those of both hosts in turn", got)
	}
}

func leaseSites(r *run) {
	other := target("https://shared.vn/2")
	other.Site = "moet"
	elsewhere := target("https://moet.gov.vn/3")
	elsewhere.Site = "moet"
	elsewhere.Due = r.clock().Add(time.Hour)
	r.add(target("https://shared.vn/1"), other, elsewhere)
	l := r.lease("moet", "mof")
	if l.Target.URL != other.URL {
		r.Errorf("leased %s for another site", l.Target.URL)
	}
	r.commit(l, fetched(l.Target.URL, "x", nil))
	if n := r.nothing("moet"); !n.Next.Equal(elsewhere.Due) {
		r.Errorf("next of the site is due at %v", n.Next)
	}
	if n := r.nothing("mof"); !n.Next.IsZero() {
		r.Errorf("next of a site without targets is due at %v", n.Next)
	}
	if l := r.lease(); l.Target.URL != "https://shared.vn/1" {
		r.Errorf("leased %s", l.Target.URL)
	}
}

// resting wants these hosts to be left alone until later than at.
func (r *run) resting(at time.Time, want map[string]time.Time) {
	r.Helper()
	if got, err := r.a.Resting(r.Context(), at); err != nil || !maps.EqualFunc(got, want, time.Time.Equal) {
		r.Errorf("resting after %v: %v, %v, want %v", at, got, err, want)
	}
}

func nothingDue(r *run) {
	if n := r.nothing(); !n.Next.IsZero() || n.Leased != 0 {
		r.Errorf("an empty archive says %+v", n)
	}
	r.add(target("https://a.vn/1"), target("https://a.vn/2"), target("https://b.vn/1"))
	a, b := r.lease(), r.lease()
	rest := r.clock().Add(90 * time.Second)
	v := fetched(a.Target.URL, "x", nil)
	v.Rest = rest
	r.commit(a, v)
	if n := r.nothing(); !n.Next.Equal(rest) || n.Leased != 1 {
		r.Errorf("nothing due: %+v, want %v and one lease", n, rest)
	}
	r.resting(r.clock(), map[string]time.Time{"a.vn": rest})
	r.resting(rest, map[string]time.Time{})
	v = fetched(b.Target.URL, "x", nil)
	v.Again = r.clock().Add(time.Minute)
	r.commit(b, v)
	if n := r.nothing(); !n.Next.Equal(v.Again) || n.Leased != 0 {
		r.Errorf("nothing due: %+v, want %v", n, v.Again)
	}
	r.wait(time.Minute)
	if l := r.lease(); l.Host != "b.vn" {
		r.Errorf("leased %s", l.Target.URL)
	}
}

func leaseRunsOut(r *run) {
	r.add(target("https://moj.gov.vn/1"))
	old, err := r.a.Lease(r.ctx, store.Want{TTL: time.Minute})
	r.ok(err)
	r.wait(time.Minute)
	if _, err := r.a.Commit(r.ctx, old, fetched(old.Target.URL, "old", nil)); !errors.Is(err, store.ErrLeaseLost) {
		r.Errorf("Commit after the lease ran out: %v, want %v", err, store.ErrLeaseLost)
	}
	l := r.lease()
	if l.Target.URL != old.Target.URL || l.Token == old.Token {
		r.Errorf("leased %+v after %+v", l, old)
	}
	for _, v := range []store.Visit{fetched(old.Target.URL, "old", nil), {Result: store.Abandoned}} {
		if _, err := r.a.Commit(r.ctx, old, v); !errors.Is(err, store.ErrLeaseLost) {
			r.Errorf("Commit of a lease that was taken over: %v, want %v", err, store.ErrLeaseLost)
		}
	}
	if o := r.commit(l, fetched(l.Target.URL, "new", nil)); !o.Captured {
		r.Errorf("outcome %+v", o)
	}
	if s, err := r.a.Stats(r.ctx); err != nil || s.Captures != 1 || s.Visits != 1 {
		r.Errorf("Stats() = %+v, %v: a lost lease left something", s, err)
	}
}

func leaseClosed(r *run) {
	r.add(target("https://moj.gov.vn/1"))
	old := r.lease()
	r.reopen()
	l := r.lease()
	if l.Target.URL != old.Target.URL {
		r.Errorf("leased %s", l.Target.URL)
	}
	if _, err := r.a.Commit(r.ctx, old, fetched(old.Target.URL, "x", nil)); !errors.Is(err, store.ErrLeaseLost) {
		r.Errorf("Commit of a lease from before: %v, want %v", err, store.ErrLeaseLost)
	}
}

func commitTwice(r *run) {
	r.add(target("https://moj.gov.vn/1"))
	l := r.lease()
	v := fetched(l.Target.URL, "x", article(l.Target.URL, "Lễ", "mừng"))
	v.Time = r.clock()
	v.Links = []store.Target{target("https://moj.gov.vn/2")}
	first := r.commit(l, v)
	want := store.Outcome{Article: store.Added, ID: v.Article.ID, Version: 1, Captured: true, Links: 1}
	if first != want {
		r.Errorf("outcome %+v, want %+v", first, want)
	}
	before, err := r.a.Stats(r.ctx)
	r.ok(err)
	if second := r.commit(l, v); second != first {
		r.Errorf("outcome of the second time %+v, want %+v", second, first)
	}
	after, err := r.a.Stats(r.ctx)
	r.ok(err)
	if d := cmp.Diff(before, after); d != "" {
		r.Errorf("the second time changed (-before +after)\n%s", d)
	}
	r.lease()
	if second := r.commit(l, v); second != first {
		r.Errorf("outcome while the host has another turn %+v, want %+v", second, first)
	}
}

func abandoned(r *run) {
	r.add(target("https://moj.gov.vn/1"))
	before := r.target("https://moj.gov.vn/1")
	if o := r.commit(r.lease(), store.Visit{Result: store.Abandoned}); o != (store.Outcome{}) {
		r.Errorf("outcome %+v", o)
	}
	if d := cmp.Diff(before, r.target("https://moj.gov.vn/1")); d != "" {
		r.Errorf("target differs (-before +after)\n%s", d)
	}
	if s, err := r.a.Stats(r.ctx); err != nil || s.Visits != 0 {
		r.Errorf("Stats() = %+v, %v", s, err)
	}
	rest := r.clock().Add(time.Minute)
	r.commit(r.lease(), store.Visit{Result: store.Abandoned, Rest: rest})
	r.reopen()
	if n := r.nothing(); !n.Next.Equal(rest) {
		r.Errorf("the host rests until %v, want %v", n.Next, rest)
	}
	r.wait(time.Minute)
	later := r.clock().Add(time.Hour)
	r.commit(r.lease(), store.Visit{Result: store.Abandoned, Again: later})
	if n := r.nothing(); !n.Next.Equal(later) {
		r.Errorf("what was put off is due at %v, want %v", n.Next, later)
	}
	if got := r.target("https://moj.gov.vn/1"); got.State != store.Due || !got.Visited.IsZero() || !got.Due.Equal(later) {
		r.Errorf("what was put off is %+v", got)
	}
}

// rhythm: when a target is due depends on whether its visit brought anything
// new, and what is gone keeps the day on which that was first found.
func rhythm(r *run) {
	const list = "https://moj.gov.vn/list"
	want := func(wait time.Duration, gone time.Time, etag string) {
		r.Helper()
		got := r.target(list)
		if got.Wait != wait || !got.Gone.Equal(gone) || got.ETag != etag {
			r.Errorf("waits %v, gone since %v, ETag %q; want %v, %v, %q", got.Wait, got.Gone, got.ETag, wait, gone, etag)
		}
	}
	look := func(result store.Result, links ...store.Target) store.Visit {
		v := store.Visit{Result: result, Time: r.clock(), Again: r.clock().Add(3 * time.Hour), Sooner: r.clock().Add(time.Hour), Links: links}
		if result == store.Fetched {
			v.Capture = capture(list, "x")
			v.Capture.Header = http.Header{"Etag": {"1"}}
		}
		return v
	}
	news := target("https://luat.vn/1")
	news.Due = r.clock().Add(1000 * time.Hour)
	r.visit(list, look(store.Fetched, news))
	want(time.Hour, time.Time{}, "1")
	if got := r.target(list); !got.Due.Equal(r.clock().Add(time.Hour)) {
		r.Errorf("due at %v", got.Due)
	}
	r.wait(time.Hour)
	r.visit(list, look(store.Unchanged, news))
	want(3*time.Hour, time.Time{}, "1")
	r.wait(3 * time.Hour)
	v := look(store.Fetched)
	v.Partial = true
	r.visit(list, v)
	want(3*time.Hour, time.Time{}, "")
	r.wait(3 * time.Hour)
	first := r.clock()
	r.visit(list, look(store.Missing))
	r.wait(3 * time.Hour)
	r.visit(list, look(store.Failed))
	r.wait(3 * time.Hour)
	r.visit(list, look(store.Missing))
	want(3*time.Hour, first, "")
	if _, err := r.a.Recall(r.ctx, store.Selection{URLs: []string{list}}); err != nil {
		r.Fatal(err)
	}
	r.reopen()
	want(3*time.Hour, first, "")
	r.visit(list, look(store.Fetched))
	want(3*time.Hour, time.Time{}, "1")
}

func restKept(r *run) {
	r.add(target("https://moj.gov.vn/1"), target("https://moj.gov.vn/2"))
	rest := r.clock().Add(time.Hour)
	l := r.lease()
	v := fetched(l.Target.URL, "x", nil)
	v.Rest = rest
	r.commit(l, v)
	r.reopen()
	if n := r.nothing(); !n.Next.Equal(rest) {
		r.Errorf("the host rests until %v, want %v", n.Next, rest)
	}
	r.wait(time.Hour)
	l = r.lease()
	v.Rest = r.clock().Add(-time.Minute)
	v.Links = []store.Target{target("https://moj.gov.vn/3")}
	long := r.clock().Add(time.Hour)
	v.Rest = long
	r.commit(l, v)
	// Another turn cannot begin before; what is committed late asks for less.
	r.add(target("https://moj.gov.vn/4"))
	if n := r.nothing(); !n.Next.Equal(long) {
		r.Errorf("the host rests until %v, want %v", n.Next, long)
	}
	r.wait(time.Hour)
	l = r.lease()
	r.commit(l, store.Visit{Result: store.Abandoned, Rest: r.clock().Add(time.Hour)})
	r.wait(time.Hour)
	r.commit(r.lease(), store.Visit{Result: store.Abandoned, Rest: r.clock().Add(-3 * time.Hour)})
	// A clock that was years ahead.
	r.commit(r.lease(), store.Visit{Result: store.Abandoned, Rest: r.clock().AddDate(10, 0, 0)})
	r.reopen()
	rest = r.clock().Add(time.Hour)
	r.commit(r.lease(), store.Visit{Result: store.Abandoned, Rest: rest})
	r.reopen()
	if n := r.nothing(); !n.Next.Equal(rest) {
		r.Errorf("the host rests until %v, want %v", n.Next, rest)
	}
}

func results(r *run) {
	again := r.clock().Add(time.Hour)
	for i, c := range []struct {
		result store.Result
		again  time.Time
		want   store.State
	}{
		{store.Fetched, time.Time{}, store.Done},
		{store.Fetched, again, store.Done},
		{store.Unchanged, again, store.Done},
		{store.Missing, time.Time{}, store.Gone},
		{store.Missing, again, store.Gone},
		{store.Refused, again, store.Blocked},
		{store.Barred, time.Time{}, store.Blocked},
		{store.Failed, again, store.RetryAt},
	} {
		url := fmt.Sprintf("https://h%d.vn/", i)
		v := store.Visit{Result: c.result, Reason: "weil", Again: c.again, Time: r.clock()}
		if c.result == store.Fetched {
			v.Capture = capture(url, "x")
		}
		r.visit(url, v)
		got := r.target(url)
		if got.State != c.want || !got.Due.Equal(c.again) || got.Reason != "weil" || !got.Visited.Equal(v.Time) {
			r.Errorf("after %s, again %v: %+v", c.result, c.again, got)
		}
	}
	url := "https://h7.vn/"
	for n := 2; n < 4; n++ {
		r.visit(url, store.Visit{Result: store.Failed, Again: again})
		if got := r.target(url); got.Attempts != n {
			r.Errorf("%d attempts after %d failures", got.Attempts, n)
		}
	}
	v := fetched(url, "x", nil)
	v.Kind = extract.KindAttachment
	r.visit(url, v)
	if got := r.target(url); got.Kind != extract.KindAttachment {
		r.Errorf("a target that has turned out to be an attachment: %+v", got)
	}
	r.visit(url, fetched(url, "x", nil))
	if got := r.target(url); got.Attempts != 0 || got.Kind != extract.KindAttachment || got.State != store.Done || !got.Due.IsZero() {
		r.Errorf("after a success: %+v", got)
	}
	r.nothing()
	r.wait(time.Hour)
	for range 4 {
		l := r.lease()
		r.commit(l, store.Visit{Result: store.Missing})
	}
	r.nothing()
}

func unchanged(r *run) {
	url := "https://moj.gov.vn/1"
	v := fetched(url, "text", article(url, "Lễ", "mừng"))
	v.Capture.Header.Set("Last-Modified", "Fri, 19 Jan 2018 07:39:00 GMT")
	o := r.visit(url, v)
	first := r.target(url)
	if first.ETag != `"4"` || first.LastModified != "Fri, 19 Jan 2018 07:39:00 GMT" || first.Article != o.ID || first.Capture == "" {
		r.Fatalf("target %+v", first)
	}
	r.wait(time.Hour)
	not := capture(url, "")
	not.Status, not.Header = 304, http.Header{}
	if o := r.visit(url, store.Visit{Result: store.Unchanged, Capture: not}); o != (store.Outcome{}) {
		r.Errorf("outcome %+v", o)
	}
	got := r.target(url)
	want := first
	want.Visited = r.clock()
	if d := cmp.Diff(want, got); d != "" {
		r.Errorf("target differs (-want +got)\n%s", d)
	}
	if s, err := r.a.Stats(r.ctx); err != nil || s.Captures != 1 || s.Visits != 2 {
		r.Errorf("Stats() = %+v, %v", s, err)
	}
	r.wait(time.Hour)
	r.visit(url, fetched(url, "text", v.Article))
	if got := r.target(url); !got.Changed.Equal(first.Changed) {
		r.Errorf("the same bytes count as a change at %v", got.Changed)
	}
	r.visit(url, fetched(url, "other text", v.Article))
	if got := r.target(url); !got.Changed.Equal(r.clock()) || got.ETag != `"10"` || got.LastModified != "" {
		r.Errorf("after other bytes: %+v", got)
	}
}

func commitRefuses(r *run) {
	url := "https://moj.gov.vn/1"
	r.add(target(url))
	l := r.lease()
	wrongID, wrongHash := article(url, "a", "b"), article(url, "a", "b")
	wrongID.ID = extract.ArticleID("https://moj.gov.vn/2")
	wrongHash.Title = "c"
	badLink := fetched(url, "x", nil)
	badLink.Links = []store.Target{target("https://moj.gov.vn/2"), {}}
	for what, v := range map[string]store.Visit{
		"no result":                 {},
		"unknown result":            {Result: "lost"},
		"no capture":                {Result: store.Fetched},
		"an article of nothing":     {Result: store.Unchanged, Article: article(url, "a", "b")},
		"id of another article":     fetched(url, "x", wrongID),
		"hash of another content":   fetched(url, "x", wrongHash),
		"a link that leads nowhere": badLink,
	} {
		if o, err := r.a.Commit(r.ctx, l, v); err == nil || errors.Is(err, store.ErrLeaseLost) {
			r.Errorf("Commit with %s = %+v, %v, want an error", what, o, err)
		}
	}
	if s, err := r.a.Stats(r.ctx); err != nil || s.Visits != 0 || s.Captures != 0 || s.Targets[store.Leased] != 1 || len(s.Targets) != 1 {
		r.Errorf("Stats() = %+v, %v after visits that were refused", s, err)
	}
	r.commit(l, fetched(url, "x", nil)) // the lease still holds
}

func links(r *run) {
	list, next, known := "https://moj.gov.vn/list", target("https://moj.gov.vn/list?page=2"), target("https://moj.gov.vn/1")
	known.Priority = 5
	r.add(known)
	r.commit(r.lease(), fetched(known.URL, "x", nil))

	v := fetched(list, "l1", nil)
	v.Links = []store.Target{target("https://moj.gov.vn/1"), target("https://moj.gov.vn/3"), target("https://other.vn/2")}
	v.Onward = []store.Target{next}
	if o := r.visit(list, v); o.Links != 3 || o.Recalled != 0 {
		r.Errorf("outcome %+v, want 3 new links", o)
	}
	if got := r.target(known.URL); got.State != store.Done || got.Priority != 5 {
		r.Errorf("a known link became %+v", got)
	}
	for range 3 {
		l := r.lease()
		r.commit(l, fetched(l.Target.URL, "x", nil))
	}
	r.nothing()
	if o := r.visit(list, v); o.Links != 0 || o.Recalled != 0 {
		r.Errorf("outcome %+v: nothing was new", o)
	}
	r.nothing()
	v.Links = append(v.Links, target("https://moj.gov.vn/4"))
	v.Onward = []store.Target{next, target(list)}
	if o := r.visit(list, v); o.Links != 1 || o.Recalled != 1 {
		r.Errorf("outcome %+v, want a new link and a page called again", o)
	}
	if got := r.target(list); got.State != store.Done {
		r.Errorf("a page that names itself became %+v", got)
	}
	if got := r.target(next.URL); got.State != store.Due || !got.Due.Equal(r.clock()) {
		r.Errorf("the further page became %+v", got)
	}
}

func recall(r *run) {
	r.add(target("https://a.vn/1"), target("https://a.vn/2"), target("https://b.vn/1"), target("https://c.vn/1"))
	r.commit(r.lease(), store.Visit{Result: store.Missing})
	l := r.lease()
	r.commit(l, store.Visit{Result: store.Failed, Reason: "timeout", Again: r.clock().Add(time.Hour)})
	l = r.lease() // stays leased
	n, err := r.a.Recall(r.ctx, store.Selection{})
	r.ok(err)
	if n != 2 {
		r.Errorf("recalled %d, want 2: one is leased, one is due", n)
	}
	for t := range r.a.Targets(r.ctx, store.Selection{}) {
		if want := map[bool]store.State{true: store.Leased, false: store.Due}[t.URL == l.Target.URL]; t.State != want {
			r.Errorf("%s is %s, want %s", t.URL, t.State, want)
		}
	}
	if n, err := r.a.Recall(r.ctx, store.Selection{}); n != 0 || err != nil {
		r.Errorf("Recall() = %d, %v the second time", n, err)
	}
}

func selection(r *run) {
	list := target("https://b.vn/list")
	list.Kind, list.Site = extract.KindList, "moet"
	r.add(target("https://b.vn/1"), list, target("https://a.vn/1"), target("https://a.vn/2"), target("https://b.vn/2"))
	l := r.lease()
	r.commit(l, store.Visit{Result: store.Missing})
	for _, c := range []struct {
		s    store.Selection
		want int
	}{
		{store.Selection{}, 5},
		{store.Selection{Site: "moet"}, 1},
		{store.Selection{Kinds: []extract.Kind{extract.KindList}}, 1},
		{store.Selection{Kinds: []extract.Kind{extract.KindList, extract.KindArticle}, Site: "moj"}, 4},
		{store.Selection{States: []store.State{store.Gone}}, 1},
		{store.Selection{URLs: []string{"https://a.vn/2", "https://b.vn/list", "https://b.vn/list", "https://c.vn/"}}, 2},
		{store.Selection{URLs: []string{"https://a.vn/2", "https://b.vn/list"}, Site: "moj"}, 1},
		{store.Selection{URLs: []string{"https://c.vn/"}}, 0},
	} {
		if got := collect(r, r.a.Targets(r.ctx, c.s)); len(got) != c.want {
			r.Errorf("Targets(%+v) yields %d, want %d", c.s, len(got), c.want)
		}
	}
	var hosts string
	for _, t := range collect(r, r.a.Targets(r.ctx, store.Selection{})) {
		hosts += store.Host(t.URL)[:1]
	}
	if hosts != "aabbb" && hosts != "bbbaa" {
		r.Errorf("targets come from hosts %s", hosts)
	}
}

func versions(r *run) {
	url := "https://moj.gov.vn/1"
	vn := time.FixedZone("", 7*3600)
	first := published(article(url, "Không né tránh", "một"), time.Date(2018, 1, 19, 14, 39, 0, 0, vn))
	if o := r.visit(url, fetched(url, "<1>", first)); o.Article != store.Added || o.Version != 1 {
		r.Errorf("outcome %+v", o)
	}
	same := *first
	same.Tags = []string{"a reader sees no difference"}
	if o := r.visit(url, fetched(url, "<2>", &same)); o.Article != store.Same || o.Version != 1 || !o.Captured {
		r.Errorf("outcome %+v", o)
	}
	second := published(article(url, "Không né tránh khi thực hiện nhiệm vụ", "một"), *first.Published)
	if o := r.visit(url, fetched(url, "<3>", second)); o.Article != store.Changed || o.Version != 2 || o.ID != first.ID {
		r.Errorf("outcome %+v", o)
	}
	if o := r.visit(url, fetched(url, "<1>", first)); o.Article != store.Changed || o.Version != 3 || o.Captured {
		r.Errorf("outcome %+v: the first text came back", o)
	}
	r.reopen()
	all, err := r.a.History(r.ctx, first.ID)
	r.ok(err)
	if len(all) != 3 {
		r.Fatalf("%d versions, want 3", len(all))
	}
	for i, want := range []*extract.Article{first, second, first} {
		v := all[i]
		if v.Number != i+1 || v.Hash != want.ContentHash || v.ID != first.ID || v.Host != "moj.gov.vn" || v.Site != "moj" ||
			!v.Published.Equal(*first.Published) || !v.Fetched.Equal(want.Fetched) {
			r.Errorf("version %d is %+v", i+1, v)
		}
		var got extract.Article
		r.ok(json.Unmarshal(v.JSON, &got))
		if got.Capture == "" {
			r.Errorf("version %d has no capture", i+1)
		}
		page, err := r.a.Capture(r.ctx, string(got.Capture))
		r.ok(err)
		if w := []string{"<1>", "<3>", "<1>"}[i]; string(page.Body) != w {
			r.Errorf("version %d was read from %s, want %s", i+1, page.Body, w)
		}
		a := *want
		a.Version, a.Capture = i+1, got.Capture
		j, err := a.JSON()
		r.ok(err)
		if string(v.JSON) != string(j) {
			r.Errorf("version %d differs (-want +got)\n%s", i+1, cmp.Diff(string(j), string(v.JSON)))
		}
	}
	latest, err := r.a.Article(r.ctx, first.ID)
	r.ok(err)
	if d := cmp.Diff(all[2], latest); d != "" {
		r.Errorf("Article differs from the last of History\n%s", d)
	}
}

// withdrawn tells the history of an article that goes and comes back.
func withdrawn(r *run) {
	a, b := "https://moj.gov.vn/1", "https://moj.gov.vn/2"
	gone := func(url string) store.Outcome {
		r.Helper()
		r.wait(time.Hour)
		answer := capture(url, "404")
		answer.Status = 404
		return r.visit(url, store.Visit{Result: store.Missing, Reason: "404 Not Found", Capture: answer})
	}
	read := func(url, body string) store.Outcome {
		r.Helper()
		r.wait(time.Hour)
		v := fetched(url, body, article(a, "Lễ", body))
		v.Article.URL, v.Article.Fetched, v.Capture.Fetched = url, r.clock(), r.clock()
		return r.visit(url, v)
	}
	step := 0
	want := func(got store.Outcome, outcome store.ArticleOutcome, version int) {
		r.Helper()
		step++
		if got.Article != outcome || got.Version != version || outcome != "" && got.ID != extract.ArticleID(a) {
			r.Errorf("step %d: outcome %+v, want %q, version %d", step, got, outcome, version)
		}
	}
	want(read(a, "một"), store.Added, 1)
	first := r.clock()
	want(gone(a), store.Withdrawn, 2)
	left := r.clock()
	want(gone(a), "", 0) // still
	want(read(a, "một"), store.Returned, 3)
	back := r.clock()
	want(read(a, "một"), store.Same, 3)
	want(gone(a), store.Withdrawn, 4)
	want(read(a, "hai"), store.Returned, 5)
	want(gone(a), store.Withdrawn, 6)
	// The server says that the last capture still holds.
	r.wait(time.Hour)
	want(r.visit(a, store.Visit{Result: store.Unchanged}), store.Returned, 7)
	confirmed := r.clock()

	// It has two URLs from now on, and is gone when both are.
	want(read(b, "hai"), store.Same, 7)
	want(gone(a), "", 0)
	want(gone(b), store.Withdrawn, 8)
	both := r.clock()
	want(read(b, "hai"), store.Returned, 9)
	want(gone(b), store.Withdrawn, 10)
	r.reopen()

	all, err := r.a.History(r.ctx, extract.ArticleID(a))
	r.ok(err)
	if len(all) != 10 {
		r.Fatalf("%d versions, want 10", len(all))
	}
	for i, want := range []struct {
		body               string
		fetched, withdrawn time.Time
	}{
		{"một", first, time.Time{}}, {"một", first, left}, {"một", back, time.Time{}}, 3: {body: "một"}, 4: {body: "hai"}, 5: {body: "hai"},
		6: {"hai", confirmed, time.Time{}}, 7: {"hai", confirmed, both},
	} {
		v := all[i]
		var got extract.Article
		r.ok(json.Unmarshal(v.JSON, &got))
		if got.Version != i+1 || v.Number != i+1 || !strings.HasPrefix(got.Body, want.body) || got.ContentHash != v.Hash || got.ContentHash != got.Hash() {
			r.Errorf("version %d is %s", i+1, v.JSON)
		}
		if page, err := r.a.Capture(r.ctx, string(got.Capture)); err != nil || string(page.Body) != want.body {
			r.Errorf("version %d was read from %q, %v; want %q", i+1, page.Body, err, want.body)
		}
		if want.fetched.IsZero() {
			continue
		}
		if !v.Fetched.Equal(want.fetched) || !got.Fetched.Equal(want.fetched) || !v.Withdrawn.Equal(want.withdrawn) || (got.Withdrawn == nil) != want.withdrawn.IsZero() {
			r.Errorf("version %d was fetched %v and withdrawn %v, want %v and %v; its article says %s", i+1, v.Fetched, v.Withdrawn, want.fetched, want.withdrawn, v.JSON)
		}
		if got.Withdrawn != nil && !got.Withdrawn.Equal(want.withdrawn) {
			r.Errorf("version %d says that it was withdrawn %v", i+1, got.Withdrawn)
		}
	}
	latest, err := r.a.Article(r.ctx, extract.ArticleID(a))
	r.ok(err)
	if latest.Number != 10 || latest.Withdrawn.IsZero() || !strings.Contains(string(latest.JSON), `"withdrawn":"`) {
		r.Errorf("the latest version is %s", latest.JSON)
	}
}

// reread replaces readings by better ones.
func reread(r *run) {
	url, other := "https://moj.gov.vn/1", "https://moj.gov.vn/2"
	day := time.Date(2018, 1, 19, 14, 39, 0, 0, time.FixedZone("", 7*3600))
	r.visit(url, fetched(url, "<1>", published(article(url, "Lễ", "mừng 1.250 lượt xem"), day)))
	r.wait(time.Hour)
	r.visit(url, fetched(url, "<2>", published(article(url, "Lễ", "mừng 1.260 lượt xem"), day)))
	r.wait(time.Hour)
	r.visit(url, store.Visit{Result: store.Missing, Reason: "gone"})
	r.visit(other, fetched(other, "<3>", published(article(other, "Hội", "nghị"), day)))
	before := r.versions(store.Query{History: true})
	if len(before) != 4 {
		r.Fatalf("%d versions, want 4", len(before))
	}

	// Another day, no count of readers, and what a reading cannot know.
	better := published(article(url, "Lễ", "mừng"), day.AddDate(0, 0, 1))
	better.URL, better.Version, better.Aliases, better.Capture, better.Extractor = "https://moj.gov.vn/x", 7, []string{"x"}, "x", "luutin-2"
	same := published(article(other, "Hội", "nghị"), day)
	same.Extractor, same.Provenance = "luutin-2", map[string]string{"title": "h1"}
	at := r.clock().Add(time.Hour)
	kept, err := r.a.Reread(r.ctx, at, store.Rereading{Cursor: before[0].Cursor, Article: better}, store.Rereading{Cursor: before[1].Cursor, Article: better},
		store.Rereading{Cursor: before[2].Cursor, Article: better}, store.Rereading{Cursor: before[3].Cursor, Article: same})
	if kept != 3 || err != nil {
		r.Errorf("Reread() = %d, %v, want 3", kept, err)
	}
	if kept, err := r.a.Reread(r.ctx, at, store.Rereading{Cursor: before[0].Cursor, Article: better}); kept != 0 || err != nil {
		r.Errorf("Reread() of the same = %d, %v", kept, err)
	}
	r.check()
	r.reopen()
	after := r.versions(store.Query{History: true})
	for i := range before {
		var old, got extract.Article
		r.ok(json.Unmarshal(before[i].JSON, &old))
		r.ok(json.Unmarshal(after[i].JSON, &got))
		if i == 3 {
			if !bytes.Equal(before[i].JSON, after[i].JSON) {
				r.Errorf("what reads the same has changed: %s", after[i].JSON)
			}
			continue
		}
		want := old
		want.Body, want.Published, want.ContentHash, want.Extractor = better.Body, better.Published, better.ContentHash, better.Extractor
		if d := cmp.Diff(want, got); d != "" {
			r.Errorf("version %d differs (-want +got)\n%s", i+1, d)
		}
		if v := after[i]; v.Number != before[i].Number || v.Cursor != before[i].Cursor || v.Hash != better.ContentHash || !v.Published.Equal(*better.Published) ||
			!v.Fetched.Equal(before[i].Fetched) || !v.Withdrawn.Equal(before[i].Withdrawn) {
			r.Errorf("version %d is %+v", i+1, v)
		}
	}
	history, err := r.a.History(r.ctx, before[0].ID)
	r.ok(err)
	for i, v := range history {
		if len(v.Earlier) != 1 || !bytes.Equal(v.Earlier[0].JSON, before[i].JSON) || !v.Earlier[0].Replaced.Equal(at) {
			r.Errorf("version %d was read before as %+v", i+1, v.Earlier)
		}
	}
	if days, err := r.a.Days(r.ctx, "moj", "2018"); err != nil || len(days) < 2 || days[0].Published != 1 || days[1].Published != 1 {
		r.Errorf("Days() = %+v, %v", days, err)
	}

	// Read again a second time; then the ministry changes it.
	best := published(article(url, "Lễ", "mừng xuân"), day)
	kept, err = r.a.Reread(r.ctx, at.Add(time.Hour), store.Rereading{Cursor: before[2].Cursor, Article: best})
	if kept != 1 || err != nil {
		r.Errorf("Reread() = %d, %v", kept, err)
	}
	if v, err := r.a.Article(r.ctx, before[0].ID); err != nil || len(v.Earlier) != 2 || v.Number != 3 {
		r.Errorf("Article() = %+v, %v", v, err)
	}
	// What the page says now is told by its new reading.
	back := fetched(url, "<2>", best)
	if o := r.visit(url, back); o.Article != store.Returned || o.Version != 4 {
		r.Errorf("outcome %+v", o)
	}
	if o := r.visit(url, back); o.Article != store.Same {
		r.Errorf("outcome %+v", o)
	}

	// All or nothing.
	last := r.versions(store.Query{History: true})
	for what, bad := range map[string]store.Rereading{
		"a version that is not there": {Cursor: "moj.gov.vn/00000000000000ff", Article: better},
		"no cursor":                   {Cursor: "x", Article: better},
		"a wrong hash":                {Cursor: before[0].Cursor, Article: &extract.Article{ContentHash: better.ContentHash}},
	} {
		_, err := r.a.Reread(r.ctx, at, store.Rereading{Cursor: before[0].Cursor, Article: best}, bad)
		if err == nil || what == "a version that is not there" && !errors.Is(err, store.ErrNotFound) {
			r.Errorf("Reread() of %s = %v", what, err)
		}
	}
	if d := cmp.Diff(last, r.versions(store.Query{History: true})); d != "" {
		r.Errorf("a Reread() that failed has changed something\n%s", d)
	}
}

// moved has a text come back under another URL, which says another name.
func moved(r *run) {
	a, b := "https://moj.gov.vn/1", "https://moj.gov.vn/2"
	at := time.Date(2018, 1, 19, 0, 0, 0, 0, time.UTC)
	r.visit(a, fetched(a, "<1>", published(article(a, "Lễ", "mừng"), at)))
	r.wait(time.Hour)
	if o := r.visit(a, store.Visit{Result: store.Missing, Reason: "gone"}); o.Article != store.Withdrawn {
		r.Fatalf("outcome %+v", o)
	}
	r.wait(time.Hour)
	v := fetched(b, "<2>", published(article(b, "Lễ", "mừng"), at))
	v.Article.Fetched = r.clock()
	id := extract.ArticleID(a)
	want := store.Outcome{Article: store.Returned, ID: id, Version: 3, Captured: true}
	if o := r.visit(b, v); o != want {
		r.Errorf("outcome %+v, want %+v", o, want)
	}
	latest, err := r.a.Article(r.ctx, id)
	r.ok(err)
	var got extract.Article
	r.ok(json.Unmarshal(latest.JSON, &got))
	if got.ID != id || got.CanonicalURL != a || got.URL != b || got.Withdrawn != nil || !slices.Equal(got.Aliases, []string{b}) {
		r.Errorf("it came back as %s", latest.JSON)
	}
	if found, err := r.a.Resolve(r.ctx, b); found != id || err != nil {
		r.Errorf("Resolve(%s) = %s, %v", b, found, err)
	}
	// Now it is there under its new URL, whatever the old one says.
	r.wait(time.Hour)
	if o := r.visit(a, store.Visit{Result: store.Missing, Reason: "gone"}); o.Article != "" {
		r.Errorf("outcome %+v", o)
	}
}

// movedAndEdited has articles whose URL and text change, at once or one after the
// other: each stays one article.
func movedAndEdited(r *run) {
	at := time.Date(2018, 1, 19, 7, 39, 0, 0, time.UTC)
	day := 0
	page := func(canonical, title, body string) *extract.Article {
		return published(article(canonical, title, body), at.AddDate(0, 0, day))
	}
	redirected := func(from, to, body string, a *extract.Article) store.Visit {
		v := fetched(from, body, a)
		v.Capture.FinalURL = to
		v.Capture.Hops = []store.Hop{{URL: from, Status: 301}}
		v.Aliases = []string{from}
		return v
	}
	is := func(what string, got store.Outcome, outcome store.ArticleOutcome, id string, version int) {
		r.Helper()
		if got.Article != outcome || got.ID != id || got.Version != version {
			r.Errorf("%s: %s, version %d of %s, want %s, %d of %s", what, got.Article, got.Version, got.ID, outcome, version, id)
		}
	}
	visit := func(known string, v store.Visit) store.Outcome {
		r.wait(time.Hour)
		return r.visit(known, v)
	}

	// From http to https, with a text that changes then, or later.
	for i, first := range []string{"hai", "một"} {
		day++
		url := fmt.Sprintf("http://moj.gov.vn/s%d", i)
		secure, id := strings.Replace(url, "http:", "https:", 1), extract.ArticleID(url)
		visit(url, fetched(url, "<1>", page(url, "Lễ", "một")))
		want := store.Same
		if first == "hai" {
			want = store.Changed
		}
		o := visit(url, redirected(url, secure, "<2>", page(secure, "Lễ", first)))
		is("https", o, want, id, 1+1-i)
		is("https, edited", visit(url, redirected(url, secure, "<3>", page(secure, "Lễ khác", "ba"))), store.Changed, id, 3-i)
		if o := visit(url, store.Visit{Result: store.Missing, Reason: "gone"}); o.Article != store.Withdrawn || o.ID != id {
			r.Errorf("https, gone: %+v", o)
		}
	}

	// To another path: found by its old URL, then by its new.
	day++
	a, b := "https://moj.gov.vn/m1", "https://moj.gov.vn/m2"
	id := extract.ArticleID(a)
	visit(a, fetched(a, "<1>", page(a, "Lễ", "một")))
	is("redirected and edited", visit(a, redirected(a, b, "<2>", page(b, "Lễ", "hai"))), store.Changed, id, 2)
	is("by its new URL", visit(b, fetched(b, "<2>", page(b, "Lễ", "hai"))), store.Same, id, 2)
	is("by its new URL, edited", visit(b, fetched(b, "<3>", page(b, "Lễ", "ba"))), store.Changed, id, 3)
	if found, err := r.a.Resolve(r.ctx, b); found != id || err != nil {
		r.Errorf("Resolve(%s) = %s, %v", b, found, err)
	}

	// The old URL is gone, and the new one is edited later.
	day++
	c, d := "https://moj.gov.vn/m3", "https://moj.gov.vn/m4"
	id = extract.ArticleID(c)
	visit(c, fetched(c, "<1>", page(c, "Lễ", "một")))
	visit(c, store.Visit{Result: store.Missing, Reason: "gone"})
	is("elsewhere", visit(d, fetched(d, "<2>", page(d, "Lễ", "một"))), store.Returned, id, 3)
	is("elsewhere, edited", visit(d, fetched(d, "<3>", page(d, "Lễ sau", "hai"))), store.Changed, id, 4)

	// A URL that leads to one article after the other is none that moves; nor is
	// a copy whose original is still there.
	day++
	newest, e, f := "https://moj.gov.vn/newest", "https://moj.gov.vn/e", "https://moj.gov.vn/f"
	visit(newest, redirected(newest, e, "<1>", page(e, "Một", "một")))
	visit(e, fetched(e, "<1>", page(e, "Một", "một")))
	is("the next", visit(newest, redirected(newest, f, "<2>", page(f, "Một", "hai"))), store.Added, extract.ArticleID(f), 1)
	g := "https://moj.gov.vn/g"
	is("a copy", visit(g, fetched(g, "<1>", page(g, "Một", "một"))), store.Duplicated, extract.ArticleID(e), 1)
	is("a copy, edited", visit(g, fetched(g, "<3>", page(g, "Một", "ba"))), store.Added, extract.ArticleID(g), 1)
	// Another article in the place of one.
	day++
	h := "https://moj.gov.vn/h"
	visit(h, fetched(h, "<1>", page(h, "Ba", "một")))
	day++
	is("another in its place", visit(h, fetched(h, "<2>", page("https://moj.gov.vn/i", "Bốn", "hai"))), store.Added, extract.ArticleID("https://moj.gov.vn/i"), 1)
}

func duplicated(r *run) {
	a, b := "https://moj.gov.vn/1", "https://moj.gov.vn/2"
	first := article(a, "Lễ", "mừng")
	copied := article("https://moj.gov.vn/two", "Lễ", "mừng")
	r.visit(a, fetched(a, "<1>", first))
	want := store.Outcome{Article: store.Duplicated, ID: first.ID, Version: 1, Captured: true}
	if o := r.visit(b, fetched(b, "<2>", copied)); o != want {
		r.Errorf("outcome %+v, want %+v", o, want)
	}
	for _, ref := range []string{a, b, "https://moj.gov.vn/two", "HTTPS://moj.gov.vn/two#top", first.ID} {
		if id, err := r.a.Resolve(r.ctx, ref); id != first.ID || err != nil {
			r.Errorf("Resolve(%s) = %s, %v, want %s", ref, id, err, first.ID)
		}
	}
	if got := r.target(b).Article; got != first.ID {
		r.Errorf("the target leads to %s", got)
	}
	if _, err := r.a.Article(r.ctx, copied.ID); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("Article(copy) = %v", err)
	}
	v, err := r.a.Article(r.ctx, first.ID)
	r.ok(err)
	var got extract.Article
	r.ok(json.Unmarshal(v.JSON, &got))
	if want := []string{b, "https://moj.gov.vn/two"}; !slices.Equal(got.Aliases, want) || got.Version != 1 {
		r.Errorf("aliases %v of version %d, want %v of 1", got.Aliases, got.Version, want)
	}
	// On another host it is an article of its own.
	c := "https://other.vn/3"
	if o := r.visit(c, fetched(c, "<3>", article(c, "Lễ", "mừng"))); o.Article != store.Added {
		r.Errorf("outcome on another host %+v", o)
	}
	// And so is a copy that goes its own way.
	if o := r.visit(b, fetched(b, "<4>", article("https://moj.gov.vn/two", "Lễ", "khác"))); o.Article != store.Added {
		r.Errorf("outcome of a copy that changed %+v", o)
	}
	if id, err := r.a.Resolve(r.ctx, b); id != copied.ID || err != nil {
		r.Errorf("Resolve(%s) = %s, %v, want %s", b, id, err, copied.ID)
	}
	// A text that the article no longer has makes no copy.
	r.visit(a, fetched(a, "<5>", article(a, "Lễ", "sau")))
	d := "https://moj.gov.vn/4"
	if o := r.visit(d, fetched(d, "<6>", article(d, "Lễ", "mừng"))); o.Article != store.Added {
		r.Errorf("outcome of an earlier text %+v", o)
	}
}

func notDuplicated(r *run) {
	for i, c := range []struct {
		title, body string
		published   bool
		want        store.ArticleOutcome
	}{
		{"Lễ", "ngắn", false, store.Added},
		{"Lễ", "ngắn", true, store.Duplicated},
		{"", strings.Repeat("dài ", 100), true, store.Added},
		{"Lễ", "", true, store.Added},
		{"Lễ", strings.Repeat("dài ", 100), false, store.Duplicated},
	} {
		for j, want := range []store.ArticleOutcome{store.Added, c.want} {
			url := fmt.Sprintf("https://h%d.vn/%d", i, j)
			a := &extract.Article{ID: extract.ArticleID(url), CanonicalURL: url, Title: c.title, Body: c.body}
			if c.published {
				t := time.Date(2018, 1, 19, 0, 0, 0, 0, time.UTC)
				a.Published = &t
			}
			a.ContentHash = a.Hash()
			if o := r.visit(url, fetched(url, fmt.Sprint(i, j), a)); o.Article != want {
				r.Errorf("%+v: outcome %+v, want %s", c, o, want)
			}
		}
	}
}

func aliases(r *run) {
	url, canonical := "https://moj.gov.vn/1?x=2", "https://moj.gov.vn/1"
	a := article(canonical, "Lễ", "mừng")
	a.Aliases = []string{"https://moj.gov.vn/amp/1"}
	v := fetched(url, "<1>", a)
	v.Aliases = []string{"https://moj.gov.vn/z", canonical, "https://moj.gov.vn/b", "https://moj.gov.vn/z"}
	r.visit(url, v)
	check := func(number int, want ...string) {
		r.Helper()
		got, err := r.a.Article(r.ctx, a.ID)
		r.ok(err)
		var art extract.Article
		r.ok(json.Unmarshal(got.JSON, &art))
		if got.Number != number || !slices.Equal(art.Aliases, want) {
			r.Errorf("version %d has aliases %v, want version %d and %v", got.Number, art.Aliases, number, want)
		}
		for _, u := range append(want, canonical) {
			if id, err := r.a.Resolve(r.ctx, u); id != a.ID || err != nil {
				r.Errorf("Resolve(%s) = %s, %v, want %s", u, id, err, a.ID)
			}
		}
	}
	check(1, "https://moj.gov.vn/1?x=2", "https://moj.gov.vn/amp/1", "https://moj.gov.vn/b", "https://moj.gov.vn/z")
	// A further one is no new version, and a new version keeps them.
	v.Aliases = []string{"https://moj.gov.vn/c"}
	if o := r.visit(url, v); o.Article != store.Same {
		r.Errorf("outcome %+v", o)
	}
	all := []string{"https://moj.gov.vn/1?x=2", "https://moj.gov.vn/amp/1", "https://moj.gov.vn/b", "https://moj.gov.vn/c", "https://moj.gov.vn/z"}
	check(1, all...)
	r.visit(url, fetched(url, "<2>", article(canonical, "Lễ", "mới")))
	check(2, all...)
	r.reopen()
	check(2, all...)
	if got := r.versions(store.Query{}); len(got) != 1 || got[0].Number != 2 {
		r.Errorf("Articles() yields %+v", got)
	}
}

func articles(r *run) {
	day := func(d int) time.Time { return time.Date(2018, 1, d, 14, 39, 0, 0, time.UTC) }
	for i := range 12 {
		url := fmt.Sprintf("https://%c.vn/%d", 'a'+i%3, i)
		a := article(url, fmt.Sprint("Tin ", i), "x")
		a.Site = string(rune('a' + i%3))
		if i%4 != 3 {
			published(a, day(i+1))
		} else {
			a.ContentHash = a.Hash()
		}
		r.visit(url, fetched(url, fmt.Sprint(i), a))
	}
	first := article("https://a.vn/0", "Tin 0 sửa", "x")
	first.Site = "a"
	r.visit("https://a.vn/0", fetched("https://a.vn/0", "other", published(first, day(1))))

	titles := func(q store.Query) string {
		r.Helper()
		var got []string
		for _, v := range r.versions(q) {
			var a extract.Article
			r.ok(json.Unmarshal(v.JSON, &a))
			got = append(got, strings.TrimPrefix(a.Title, "Tin "))
		}
		return strings.Join(got, ",")
	}
	for _, c := range []struct {
		q    store.Query
		want string
	}{
		{store.Query{}, "3,6,9,0 sửa,1,4,7,10,2,5,8,11"},
		{store.Query{History: true}, "0,3,6,9,0 sửa,1,4,7,10,2,5,8,11"},
		{store.Query{Sites: []string{"a", "c"}}, "3,6,9,0 sửa,2,5,8,11"},
		{store.Query{Sites: []string{"d"}}, ""},
		{store.Query{Since: day(9)}, "9,10,8"},
		{store.Query{Until: day(3)}, "0 sửa,1"},
		{store.Query{Since: day(1), Until: day(7), Sites: []string{"a"}, History: true}, "0,0 sửa"},
	} {
		if got := titles(c.q); got != c.want {
			r.Errorf("Articles(%+v) yields %s, want %s", c.q, got, c.want)
		}
		all := r.versions(c.q)
		for i, v := range all {
			q := c.q
			q.After = v.Cursor
			want := cursors(all[i+1:])
			if got := cursors(r.versions(q)); got != want {
				r.Errorf("Articles(%+v) yields %s, want %s", q, got, want)
			}
		}
	}
	known := map[string]string{} // of each host the first version
	var later []store.Version
	for _, v := range r.versions(store.Query{History: true}) {
		if known[v.Host] == "" {
			known[v.Host] = v.Cursor
		} else {
			later = append(later, v)
		}
	}
	if got, want := cursors(r.versions(store.Query{History: true, Later: known})), cursors(later); got != want {
		r.Errorf("Articles later than the first of each host yields %s, want %s", got, want)
	}
	for _, v := range later {
		known[v.Host] = v.Cursor
	}
	if got := cursors(r.versions(store.Query{History: true, Later: known})); got != "" {
		r.Errorf("Articles later than the last of each host yields %s", got)
	}
	for v, err := range r.a.Articles(r.ctx, store.Query{Later: map[string]string{"a": "nonsense"}}) {
		if err == nil {
			r.Errorf("Articles later than a wrong cursor yields %+v", v)
		}
	}
	for _, v := range later {
		other := v.Cursor[:len(v.Cursor)-1] + "0"
		if other == v.Cursor {
			other = v.Cursor[:len(v.Cursor)-1] + "1"
		}
		for _, q := range []store.Query{{After: other}, {Later: map[string]string{v.Host: other}}} {
			for v, err := range r.a.Articles(r.ctx, q) {
				if !errors.Is(err, store.ErrCursor) {
					r.Errorf("Articles behind what another archive has in its place yields %+v, %v", v, err)
				}
			}
		}
	}
	for range r.a.Articles(r.ctx, store.Query{}) {
		break
	}
	for v, err := range r.a.Articles(r.ctx, store.Query{After: "nonsense"}) {
		if err == nil {
			r.Errorf("Articles after a wrong cursor yields %+v", v)
		}
	}
}

func cursors(all []store.Version) string {
	var b strings.Builder
	for _, v := range all {
		fmt.Fprintf(&b, "%s %s %d\n", v.Cursor, v.ID, v.Number)
	}
	return b.String()
}

func articlesWhileCommitting(r *run) {
	for i := range 5 {
		url := fmt.Sprintf("https://moj.gov.vn/%d", i)
		r.visit(url, fetched(url, url, article(url, url, "x")))
	}
	n := 0
	for v, err := range r.a.Articles(r.ctx, store.Query{}) {
		r.ok(err)
		var a extract.Article
		r.ok(json.Unmarshal(v.JSON, &a))
		if a.ID != v.ID {
			r.Errorf("JSON of %s says %s", v.ID, a.ID)
		}
		url := fmt.Sprintf("https://zzz.vn/%d", n)
		r.visit(url, fetched(url, strings.Repeat(url, 1000), article(url, url, "x")))
		if n++; n == 50 {
			break
		}
	}
	if n < 5 {
		r.Errorf("%d articles, want at least 5", n)
	}
}

func captures(r *run) {
	big := bytes.Repeat([]byte("%PDF-1.7 \x00\xff"), 100_000)
	for i, body := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("<p>Quang cảnh buổi lễ</p>"), 5000), big, append(slices.Clone(big), '!')} {
		url := fmt.Sprintf("https://moj.gov.vn/%d", i)
		v := fetched(url, "", nil)
		v.Capture.Body = slices.Clone(body)
		v.Capture.FinalURL = url + "/final"
		v.Capture.Hops = []store.Hop{{URL: url, Status: 302, To: url + "/final"}}
		v.Capture.Truncated = "length"
		t := target(url)
		t.Post = map[bool]string{true: "a=b", false: ""}[i == 1]
		v.Capture.Post = t.Post
		r.add(t)
		l := r.lease()
		if o := r.commit(l, v); !o.Captured {
			r.Errorf("capture %d: %+v", i, o)
		}
		id := r.target(l.Target.Canonical).Capture
		for range 2 {
			got, err := r.a.Capture(r.ctx, id)
			r.ok(err)
			if !bytes.Equal(got.Body, body) {
				r.Errorf("capture %d has %d other bytes, want %d", i, len(got.Body), len(body))
			}
			got.Body = nil
			want := extract.Page{URL: url + "/final", Post: t.Post, ContentType: "text/html", Fetched: v.Capture.Fetched}
			if d := cmp.Diff(want, got); d != "" {
				r.Errorf("capture %d differs (-want +got)\n%s", i, d)
			}
			r.reopen()
		}
	}
}

func identicalBytes(r *run) {
	a, b := "https://moj.gov.vn/1", "https://moj.gov.vn/2"
	for _, body := range []string{strings.Repeat("nhỏ ", 30), strings.Repeat("lớn ", 200_000)} {
		before, err := r.a.Stats(r.ctx)
		r.ok(err)
		if o := r.visit(a, fetched(a, body, nil)); !o.Captured {
			r.Errorf("outcome %+v", o)
		}
		first := r.target(a).Capture
		if o := r.visit(a, fetched(a, body, nil)); o.Captured || r.target(a).Capture != first {
			r.Errorf("outcome of the same bytes %+v", o)
		}
		if o := r.visit(b, fetched(b, body, nil)); o.Captured {
			r.Errorf("outcome of the same bytes under another URL %+v", o)
		}
		if r.target(b).Capture == first {
			r.Error("two URLs share a capture")
		}
		for _, id := range []string{first, r.target(b).Capture} {
			page, err := r.a.Capture(r.ctx, id)
			r.ok(err)
			if string(page.Body) != body {
				r.Errorf("capture %s has %d bytes, want %d", id, len(page.Body), len(body))
			}
		}
		after, err := r.a.Stats(r.ctx)
		r.ok(err)
		if after.Bytes-before.Bytes != int64(len(body)) || after.Visits-before.Visits != 3 || after.Captures-before.Captures != 2 {
			r.Errorf("Stats went from %+v to %+v", before, after)
		}
	}
}

func spools(r *run) {
	big := bytes.Repeat([]byte("%PDF-1.7 \x00\xff"), 100_000)
	small := []byte("%PDF-1.4")
	spool := func(body []byte) store.Spool {
		r.Helper()
		s, err := r.a.Spool(r.ctx)
		r.ok(err)
		for part := range slices.Chunk(body, 100_000) {
			n, err := s.Write(part)
			r.ok(err)
			if n != len(part) {
				r.Fatalf("Write() = %d, want %d", n, len(part))
			}
		}
		if s.Length() != int64(len(body)) {
			r.Errorf("Length() = %d, want %d", s.Length(), len(body))
		}
		return s
	}
	spooled := func(url string, s store.Spool) store.Visit {
		v := fetched(url, "", nil)
		v.Capture.Body, v.Capture.Spool = nil, s
		return v
	}
	for i, c := range []struct {
		body     []byte
		captured bool
	}{{big, true}, {small, true}, {nil, true}, {big, false}, {append(slices.Clone(big), '!'), true}} {
		url := fmt.Sprintf("https://moj.gov.vn/%d", i)
		s := spool(c.body)
		r.add(target(url))
		l, v := r.lease(), spooled(url, s)
		v.Time = r.clock()
		first := r.commit(l, v)
		if first.Captured != c.captured {
			r.Errorf("spool %d: outcome %+v", i, first)
		}
		if again := r.commit(l, v); again != first {
			r.Errorf("spool %d: outcome of the second time %+v, want %+v", i, again, first)
		}
		r.ok(s.Close())
		r.ok(s.Close())
		if v.Capture.Spool != s || v.Capture.Length() != int64(len(c.body)) {
			r.Errorf("spool %d: Commit changed the visit that it was handed", i)
		}
		if i%2 == 0 {
			r.reopen()
		}
		id := r.target(url).Capture
		body, err := r.a.Body(r.ctx, id)
		r.ok(err)
		var got bytes.Buffer
		_, err = got.ReadFrom(body)
		r.ok(errors.Join(err, body.Close()))
		page, err := r.a.Capture(r.ctx, id)
		r.ok(err)
		if !bytes.Equal(got.Bytes(), c.body) || !bytes.Equal(page.Body, c.body) {
			r.Errorf("spool %d: bodies of %d and %d bytes, want %d", i, got.Len(), len(page.Body), len(c.body))
		}
	}
	// What was in memory and what was not are the same bytes.
	url := "https://moj.gov.vn/memory"
	if o := r.visit(url, fetched(url, string(big), nil)); o.Captured {
		r.Errorf("outcome of the same bytes from memory %+v", o)
	}

	before, err := r.a.Stats(r.ctx)
	r.ok(err)
	s := spool(big[:len(big)-1])
	r.ok(s.Close())
	if _, err := s.Write(small); err == nil {
		r.Error("Write after Close returned no error")
	}
	r.add(target("https://moj.gov.vn/closed"))
	l := r.lease()
	if o, err := r.a.Commit(r.ctx, l, spooled(l.Target.URL, s)); err == nil {
		r.Errorf("Commit of a spool that was closed = %+v", o)
	}
	twice := spooled(l.Target.URL, spool(small))
	twice.Capture.Body = small
	if o, err := r.a.Commit(r.ctx, l, twice); err == nil {
		r.Errorf("Commit of two bodies = %+v", o)
	}
	r.ok(twice.Capture.Spool.Close())
	r.ok(r.a.Close())
	if s, err := r.a.Spool(r.ctx); err == nil {
		r.Errorf("Spool of a closed archive = %v", s)
	}
	r.open()
	after, err := r.a.Stats(r.ctx)
	r.ok(err)
	if after.Captures != before.Captures || after.Visits != before.Visits || after.Bytes != before.Bytes {
		r.Errorf("what no commit kept changed Stats from %+v to %+v", before, after)
	}
}

func stats(r *run) {
	first := r.clock()
	r.add(target("https://a.vn/1"), target("https://a.vn/2"), target("https://b.vn/1"))
	l := r.lease()
	r.commit(l, fetched(l.Target.URL, "body", article(l.Target.URL, "Lễ", "mừng")))
	r.wait(time.Hour)
	r.commit(r.lease(), store.Visit{Result: store.Missing})
	r.lease()
	for range 2 {
		got, err := r.a.Stats(r.ctx)
		r.ok(err)
		got.Kept = 0
		want := store.Stats{Articles: 1, Versions: 1, Captures: 1, Visits: 2, Bytes: 4, FirstSeen: first, LastSeen: r.clock(),
			Targets: map[store.State]int{store.Done: 1, store.Gone: 1, store.Leased: 1}}
		if d := cmp.Diff(want, got); d != "" {
			r.Errorf("Stats differs (-want +got)\n%s", d)
		}
		r.reopen()
		r.lease()
	}
}

func notFound(r *run) {
	for _, id := range []string{"", "nonsense", extract.ArticleID("https://moj.gov.vn/"), strings.Repeat("a", 26)} {
		for what, f := range map[string]func() error{
			"Resolve": func() error { _, err := r.a.Resolve(r.ctx, id); return err },
			"Article": func() error { _, err := r.a.Article(r.ctx, id); return err },
			"History": func() error { _, err := r.a.History(r.ctx, id); return err },
			"Version": func() error { _, err := r.a.Version(r.ctx, id, 1); return err },
			"Capture": func() error { _, err := r.a.Capture(r.ctx, id); return err },
			"Body":    func() error { _, err := r.a.Body(r.ctx, id); return err },
		} {
			if err := f(); !errors.Is(err, store.ErrNotFound) {
				r.Errorf("%s(%q) = %v, want %v", what, id, err, store.ErrNotFound)
			}
		}
	}
}

func contextEnds(r *run) {
	url := "https://moj.gov.vn/1"
	r.visit(url, fetched(url, "x", article(url, "Lễ", "mừng")))
	r.add(target("https://moj.gov.vn/2"))
	l := r.lease()
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	for what, f := range map[string]func() error{
		"Add":    func() error { _, err := r.a.Add(ctx, target("https://moj.gov.vn/3")); return err },
		"Recall": func() error { _, err := r.a.Recall(ctx, store.Selection{}); return err },
		"Lease":  func() error { _, err := r.a.Lease(ctx, store.Want{}); return err },
		"Commit": func() error { _, err := r.a.Commit(ctx, l, fetched(l.Target.URL, "x", nil)); return err },
		"Spool":  func() error { _, err := r.a.Spool(ctx); return err },
		"Articles": func() (last error) {
			for _, err := range r.a.Articles(ctx, store.Query{}) {
				last = err
			}
			return last
		},
		"Record": func() error { _, err := r.a.Record(ctx, l.Target, fetched(l.Target.URL, "x", nil)); return err },
		"Visits": func() (last error) {
			for _, err := range r.a.Visits(ctx, store.VisitQuery{}) {
				last = err
			}
			return last
		},
		"Targets": func() (last error) {
			for _, err := range r.a.Targets(ctx, store.Selection{}) {
				last = err
			}
			return last
		},
	} {
		if err := f(); !errors.Is(err, context.Canceled) {
			r.Errorf("%s with a context that ended = %v", what, err)
		}
	}
	n := 0
	for range r.a.Verify(ctx) {
		n++
	}
	if n == 0 {
		r.Error("Verify found nothing, but it did not read everything")
	}
	r.commit(l, fetched(l.Target.URL, "y", nil))
}

func closed(r *run) {
	r.add(target("https://moj.gov.vn/1"))
	l := r.lease()
	r.ok(r.a.Close())
	if err := r.a.Close(); err != nil {
		r.Errorf("Close() the second time = %v", err)
	}
	for what, f := range map[string]func() error{
		"Add":     func() error { _, err := r.a.Add(r.ctx, target("https://moj.gov.vn/3")); return err },
		"Lease":   func() error { _, err := r.a.Lease(r.ctx, store.Want{}); return err },
		"Commit":  func() error { _, err := r.a.Commit(r.ctx, l, fetched(l.Target.URL, "x", nil)); return err },
		"Article": func() error { _, err := r.a.Article(r.ctx, extract.ArticleID("x")); return err },
		"Stats":   func() error { _, err := r.a.Stats(r.ctx); return err },
	} {
		if err := f(); err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNothingDue) {
			r.Errorf("%s of a closed archive = %v", what, err)
		}
	}
	r.open()
}
