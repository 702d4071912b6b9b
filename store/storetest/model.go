package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"luutin/extract"
	"luutin/store"
)

// A model is the contract in memory, as plainly as it can be said.
type model struct {
	hosts    map[string]*modelHost
	targets  map[string]*modelTarget // by what they are known by
	articles map[string]*modelArticle
	aliases  map[string]string // URL to id of an article
	captures map[string]string // id to body
	visits   int
	bytes    map[string]bool // host and body
}

type modelHost struct {
	rest    time.Time
	lease   *modelLease
	targets []*modelTarget // in the order of arrival
	all     []*modelVersion
}

type modelLease struct {
	*store.Lease
	target *modelTarget
}

type modelTarget struct {
	store.Target
	body string // of the last capture
	seq  int
}

type modelArticle struct {
	versions []*modelVersion
	aliases  []string
}

type modelVersion struct {
	host    string
	article *extract.Article
	number  int
}

func (m *model) host(name string) *modelHost {
	h := m.hosts[name]
	if h == nil {
		h = &modelHost{}
		m.hosts[name] = h
	}
	return h
}

func (m *model) add(now time.Time, targets ...store.Target) (added int) {
	for _, t := range targets {
		known := t.Known()
		if m.targets[known] != nil {
			continue
		}
		if t.Due.IsZero() {
			t.Due = now
		}
		t.Canonical, t.State = known, store.Due
		h := m.host(store.Host(t.URL))
		mt := &modelTarget{Target: t, seq: len(h.targets)}
		h.targets = append(h.targets, mt)
		m.targets[known] = mt
		added++
	}
	return added
}

func (m *model) recall(now time.Time, t *modelTarget) int {
	h := m.host(store.Host(t.URL))
	if !t.Due.IsZero() && !t.Due.After(now) || h.live(now) && h.lease.target == t {
		return 0
	}
	t.Due, t.State = now, store.Due
	return 1
}

func (h *modelHost) live(now time.Time) bool { return h.lease != nil && now.Before(h.lease.Expires) }

// best returns what a lease of the host may be of, and when there will be
// something.
func (h *modelHost) best(now time.Time, sites []string) (best *modelTarget, next time.Time) {
	for _, t := range h.targets {
		if t.Due.IsZero() || len(sites) > 0 && !slices.Contains(sites, t.Site) {
			continue
		}
		if next.IsZero() || t.Due.Before(next) {
			next = t.Due
		}
		if t.Due.After(now) {
			continue
		}
		if best == nil || t.Priority < best.Priority || t.Priority == best.Priority && t.Due.Before(best.Due) {
			best = t
		}
	}
	if !next.IsZero() && h.rest.After(next) {
		next = h.rest
	}
	if next.After(now) {
		best = nil
	}
	return best, next
}

// waits reports whether a target is due and only its host is not to be asked.
func (h *modelHost) waits(now time.Time, sites []string) bool {
	for _, t := range h.targets {
		if !t.Due.IsZero() && !t.Due.After(now) && (len(sites) == 0 || slices.Contains(sites, t.Site)) {
			return h.rest.After(now)
		}
	}
	return false
}

func (m *model) commit(now time.Time, l *modelLease, v store.Visit) (o store.Outcome) {
	h, t := m.host(l.Host), l.target
	if v.Rest.After(h.rest) {
		h.rest = v.Rest
	}
	h.lease = nil
	if v.Result == store.Abandoned {
		if !v.Again.IsZero() {
			t.Due = v.Again
		}
		return o
	}
	m.visits++
	var capture string
	if v.Capture != nil && v.Result != store.Unchanged {
		body := string(v.Capture.Body)
		capture = t.Canonical + " " + body // the archive has ids of its own
		if _, ok := m.captures[capture]; !ok {
			m.captures[capture] = body
			if !m.bytes[l.Host+" "+body] {
				m.bytes[l.Host+" "+body] = true
				o.Captured = true
			}
		}
	}
	if v.Article != nil {
		m.article(l, v, &o)
		t.Article = o.ID
	} else {
		m.standing(t, v, &o)
	}
	t.Visited, t.Reason, t.Due = v.Time, v.Reason, v.Again
	attempts := t.Attempts
	t.Attempts = 0
	switch v.Result {
	case store.Fetched:
		t.State = store.Done
		if t.Capture != capture {
			t.Changed = v.Time
		}
		t.Capture, t.body = capture, string(v.Capture.Body)
		if t.ETag = v.Capture.Header.Get("ETag"); v.Partial {
			t.ETag = ""
		}
	case store.Unchanged:
		t.State = store.Done
	case store.Missing:
		if t.State = store.Gone; t.Gone.IsZero() {
			t.Gone = v.Time
		}
	case store.Refused, store.Barred:
		t.State = store.Blocked
	case store.Failed:
		t.State, t.Attempts = store.RetryAt, attempts+1
	}
	var known []*modelTarget
	for _, u := range v.Onward {
		if k := m.targets[u.Known()]; k != nil && k != t {
			known = append(known, k)
		}
	}
	o.Links = m.add(now, v.Links...) + m.add(now, v.Onward...)
	if o.Links > 0 {
		for _, k := range known {
			o.Recalled += m.recall(now, k)
		}
		if !v.Sooner.IsZero() {
			t.Due = v.Sooner
		}
	}
	if v.Result == store.Fetched || v.Result == store.Unchanged {
		if t.Gone, t.Wait = (time.Time{}), 0; !t.Due.IsZero() {
			t.Wait = t.Due.Sub(v.Time)
		}
	}
	return o
}

func (m *model) article(l *modelLease, v store.Visit, o *store.Outcome) {
	a := v.Article
	id := a.ID
	aliases := append(slices.Clone(v.Aliases), l.target.Canonical)
	kept := m.articles[id]
	o.Article = store.Added
	if kept == nil {
		if kept = m.moved(l.target, a); kept != nil {
			id = kept.last().article.ID
			aliases = append(aliases, a.CanonicalURL)
		}
	}
	if kept == nil && a.Title != "" && a.Body != "" && (a.Published != nil || len(a.Body) > 200) {
		for _, v := range m.host(l.Host).all { // in the order in which they were kept
			k := m.articles[v.article.ID]
			if v == k.versions[len(k.versions)-1] && v.article.ContentHash == a.ContentHash {
				o.Article, id, kept = store.Duplicated, v.article.ID, k
				aliases = append(aliases, a.CanonicalURL)
				break
			}
		}
	} else if kept != nil {
		o.Article = store.Changed
		if kept.last().article.ContentHash == a.ContentHash {
			o.Article = store.Same
		}
	}
	if kept != nil && kept.last().article.Withdrawn != nil {
		o.Article = store.Returned
	}
	host := l.Host
	if kept == nil {
		kept = &modelArticle{}
		m.articles[id] = kept
	} else {
		host = kept.versions[0].host
	}
	if o.Article == store.Added || o.Article == store.Changed || o.Article == store.Returned {
		if a.ID != id {
			of := *a
			of.ID, of.CanonicalURL = id, kept.last().article.CanonicalURL
			a = &of
		}
		mv := &modelVersion{host: host, article: a, number: len(kept.versions) + 1}
		kept.versions = append(kept.versions, mv)
		h := m.host(host)
		h.all = append(h.all, mv)
	}
	for _, u := range aliases {
		if extract.ArticleID(u) == id {
			continue
		}
		m.aliases[u] = id
		if !slices.Contains(kept.aliases, u) {
			kept.aliases = append(kept.aliases, u)
		}
	}
	o.ID, o.Version = id, len(kept.versions)
}

// moved is the article that has moved to where a was found.
func (m *model) moved(t *modelTarget, a *extract.Article) *modelArticle {
	for _, id := range []string{m.aliases[a.CanonicalURL], t.Article} {
		kept := m.articles[id]
		if kept == nil {
			continue
		}
		was := kept.last().article
		own := m.targets[was.CanonicalURL]
		switch same := was.Title == a.Title || was.Published != nil && a.Published != nil && was.Published.Equal(*a.Published); {
		case own != nil && same && (own == t || !own.Gone.IsZero()):
			return kept
		}
	}
	return nil
}

func (a *modelArticle) last() *modelVersion { return a.versions[len(a.versions)-1] }

// standing makes a version of the article of a target that is gone, or there
// again, by a visit without a text.
func (m *model) standing(t *modelTarget, v store.Visit, o *store.Outcome) {
	kept := m.articles[t.Article]
	if kept == nil || v.Result != store.Missing && v.Result != store.Unchanged {
		return
	}
	a := *kept.last().article
	if gone := v.Result == store.Missing; gone == (a.Withdrawn != nil) {
		return
	} else if !gone {
		a.Withdrawn, a.Fetched = nil, v.Time
		o.Article = store.Returned
	} else {
		since := t.Gone
		if since.IsZero() {
			since = v.Time
		}
		for _, u := range append([]string{a.CanonicalURL}, kept.aliases...) {
			other := m.targets[u]
			switch {
			case other == nil || other == t || other.Article != t.Article:
			case other.Gone.IsZero():
				return
			case other.Gone.After(since):
				since = other.Gone
			}
		}
		a.Withdrawn = &since
		o.Article = store.Withdrawn
	}
	mv := &modelVersion{host: kept.versions[0].host, article: &a, number: len(kept.versions) + 1}
	kept.versions = append(kept.versions, mv)
	h := m.host(mv.host)
	h.all = append(h.all, mv)
	o.ID, o.Version = t.Article, mv.number
}

func (m *model) resolve(u string) string {
	if id := extract.ArticleID(u); m.articles[id] != nil {
		return id
	}
	return m.aliases[u]
}

// random compares an archive with the model over random operations.
func random(r *run) {
	seed := uint64(time.Now().UnixNano())
	r.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	m := &model{
		hosts: map[string]*modelHost{}, targets: map[string]*modelTarget{}, articles: map[string]*modelArticle{},
		aliases: map[string]string{}, captures: map[string]string{}, bytes: map[string]bool{},
	}
	var stale []*modelLease
	sites := []string{"moj", "moet", "mof"}
	one := func() store.Target {
		t := store.Target{
			URL:  fmt.Sprintf("https://h%d.vn/%d", rnd.IntN(5), rnd.IntN(40)),
			Site: sites[rnd.IntN(3)], Kind: extract.KindArticle, Depth: rnd.IntN(3), Priority: rnd.IntN(3),
		}
		if rnd.IntN(4) == 0 {
			t.Due = r.clock().Add(time.Duration(rnd.IntN(7200)-600) * time.Second)
		}
		return t
	}
	some := func(n int) (all []store.Target) {
		for range rnd.IntN(n) {
			all = append(all, one())
		}
		return all
	}
	visit := func(l *modelLease) store.Visit {
		v := store.Visit{Time: r.clock(), Reason: fmt.Sprint("reason ", rnd.IntN(3))}
		v.Result = []store.Result{
			store.Fetched, store.Fetched, store.Fetched, store.Fetched, store.Fetched, store.Fetched,
			store.Unchanged, store.Missing, store.Refused, store.Barred, store.Failed, store.Abandoned,
		}[rnd.IntN(12)]
		if rnd.IntN(2) == 0 {
			v.Again = r.clock().Add(time.Duration(rnd.IntN(3600)) * time.Second)
		}
		if rnd.IntN(3) == 0 {
			v.Sooner = r.clock().Add(time.Duration(rnd.IntN(1800)) * time.Second)
		}
		v.Partial = rnd.IntN(4) == 0
		if rnd.IntN(3) == 0 {
			v.Rest = r.clock().Add(time.Duration(rnd.IntN(120)-60) * time.Second)
		}
		if v.Result == store.Fetched || rnd.IntN(3) == 0 {
			body := strings.Repeat(fmt.Sprintf("<p>%d</p>", rnd.IntN(30)), 1+rnd.IntN(3)*200)
			if rnd.IntN(40) == 0 {
				body = strings.Repeat("big", 400_000)
			}
			v.Capture = capture(l.Target.URL, body)
			v.Capture.Header = http.Header{"Etag": {fmt.Sprint(rnd.IntN(9))}}
		}
		if v.Result == store.Fetched && rnd.IntN(4) > 0 {
			canonical := l.Target.Canonical
			if rnd.IntN(8) == 0 {
				canonical = fmt.Sprintf("https://h%d.vn/%d", rnd.IntN(5), rnd.IntN(40))
			}
			v.Article = article(canonical, fmt.Sprint("Tin ", rnd.IntN(25)), "x")
			v.Article.Site = l.Target.Site
			if rnd.IntN(2) == 0 {
				published(v.Article, time.Date(2018, 1, 1+rnd.IntN(3), 0, 0, 0, 0, time.UTC))
			}
			for range rnd.IntN(2) {
				v.Aliases = append(v.Aliases, fmt.Sprintf("https://h%d.vn/alias/%d", rnd.IntN(5), rnd.IntN(30)))
			}
		}
		v.Links, v.Onward = some(4), some(3)
		if v.Result == store.Abandoned {
			v = store.Visit{Result: v.Result, Rest: v.Rest, Again: v.Again}
		}
		return v
	}

	for step := range 700 {
		fail := func(format string, args ...any) {
			r.Helper()
			r.Fatalf("step %d: "+format, append([]any{step}, args...)...)
		}
		switch k := rnd.IntN(100); {
		case k < 15:
			targets := some(6)
			want := m.add(r.clock(), targets...)
			if got := r.add(targets...); got != want {
				fail("Add() = %d, want %d", got, want)
			}
		case k < 18:
			var want int
			s := store.Selection{Site: sites[rnd.IntN(3)]}
			for _, t := range m.targets {
				if t.Site == s.Site && rnd.IntN(3) == 0 {
					s.URLs = append(s.URLs, t.Canonical)
					want += m.recall(r.clock(), t)
				}
			}
			if len(s.URLs) == 0 {
				continue
			}
			got, err := r.a.Recall(r.ctx, s)
			r.ok(err)
			if got != want {
				fail("Recall(%v) = %d, want %d", s, got, want)
			}
		case k < 28:
			r.wait(time.Duration(rnd.IntN(100)) * time.Second)
		case k < 29:
			for _, h := range m.hosts {
				if h.lease != nil {
					stale = append(stale, h.lease)
				}
				h.lease = nil
			}
			r.reopen()
		case k < 33 && len(stale) > 0:
			l := stale[rnd.IntN(len(stale))]
			if _, err := r.a.Commit(r.ctx, l.Lease, visit(l)); !errors.Is(err, store.ErrLeaseLost) {
				fail("Commit with a stale lease = %v", err)
			}
		case k < 70:
			var want []string
			if rnd.IntN(3) == 0 {
				want = []string{sites[rnd.IntN(3)], sites[rnd.IntN(3)]}
			}
			now := r.clock()
			l, err := r.a.Lease(r.ctx, store.Want{Sites: want, TTL: time.Duration(1+rnd.IntN(300)) * time.Second})
			if err == nil {
				h := m.host(l.Host)
				best, _ := h.best(now, want)
				if h.live(now) || best == nil || best.Canonical != l.Target.Canonical {
					fail("leased %+v, want %+v", l, best)
				}
				if h.lease != nil {
					stale = append(stale, h.lease)
				}
				h.lease = &modelLease{l, best}
				continue
			}
			var nothing *store.NothingDue
			if !errors.As(err, &nothing) {
				fail("Lease() = %v", err)
			}
			var next, turn time.Time
			leased := 0
			for name, h := range m.hosts {
				if h.live(now) {
					leased++
					continue
				}
				best, at := h.best(now, want)
				if best != nil {
					fail("nothing due, but %s has %+v", name, best)
				}
				if !at.IsZero() && (next.IsZero() || at.Before(next)) {
					next = at
				}
				if h.waits(now, want) && (turn.IsZero() || h.rest.Before(turn)) {
					turn = h.rest
				}
			}
			if nothing.Leased != leased || !nothing.Next.Equal(next) || !nothing.Turn.Equal(turn) {
				fail("nothing due: %+v, want %v, %v and %d leased", nothing, next, turn, leased)
			}
		default:
			now := r.clock()
			for _, name := range sortedKeys(m.hosts) {
				h := m.hosts[name]
				if h.lease == nil || rnd.IntN(2) == 0 {
					continue
				}
				l, v := h.lease, visit(h.lease)
				if !h.live(now) {
					if _, err := r.a.Commit(r.ctx, l.Lease, v); !errors.Is(err, store.ErrLeaseLost) {
						fail("Commit after the lease ran out = %v", err)
					}
					continue
				}
				want := m.commit(now, l, v)
				if got := r.commit(l.Lease, v); got != want {
					fail("Commit(%+v)\n = %+v, want %+v", v, got, want)
				}
				if rnd.IntN(5) == 0 {
					if got := r.commit(l.Lease, v); got != want {
						fail("Commit() the second time = %+v, want %+v", got, want)
					}
				}
				if v.Result != store.Abandoned {
					stale = slices.DeleteFunc(stale, func(s *modelLease) bool { return s == l })
				}
			}
		}
		if step%250 == 100 {
			r.compare(m)
		}
	}
	r.compare(m)
	for _, h := range m.hosts {
		h.lease = nil
	}
	r.reopen()
	r.compare(m)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// compare reads everything that the archive says and holds it against the model.
func (r *run) compare(m *model) {
	r.Helper()
	now := r.clock()
	ids := map[string]string{} // capture of the archive to capture of the model
	states := map[store.State]int{}
	n := 0
	last := ""
	var host *modelHost
	seen := map[string]bool{}
	for got, err := range r.a.Targets(r.ctx, store.Selection{}) {
		r.ok(err)
		if name := store.Host(got.URL); host == nil || name != last {
			if seen[name] {
				r.Fatalf("targets of %s come in two parts", name)
			}
			host, last, n, seen[name] = m.host(name), name, 0, true
		}
		if n >= len(host.targets) {
			r.Fatalf("target %+v is too many", got)
		}
		want := host.targets[n].Target
		n++
		if host.live(now) && host.lease.target == host.targets[n-1] {
			want.State = store.Leased
		}
		states[want.State]++
		if got.Capture != "" {
			page, err := r.a.Capture(r.ctx, got.Capture)
			r.ok(err)
			ids[got.Capture] = got.Canonical + " " + string(page.Body)
			got.Capture = ids[got.Capture]
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			r.Fatalf("target differs (-want +got)\n%.3000s", d)
		}
	}
	byHost := map[string][]string{}
	latest := map[string]int{}
	line := func(v store.Version) string {
		return fmt.Sprintf("%s %d %s %v %v", v.ID, v.Number, v.Hash, v.Published, v.Withdrawn.UTC())
	}
	for _, v := range r.versions(store.Query{History: true}) {
		byHost[v.Host] = append(byHost[v.Host], line(v))
		latest[v.ID] = v.Number
	}
	number := 0
	for name, h := range m.hosts {
		var want []string
		for _, mv := range h.all {
			number++
			v := store.Version{ID: mv.article.ID, Number: mv.number, Hash: mv.article.ContentHash}
			if mv.article.Published != nil {
				v.Published = *mv.article.Published
			}
			if mv.article.Withdrawn != nil {
				v.Withdrawn = *mv.article.Withdrawn
			}
			want = append(want, line(v))
		}
		if d := cmp.Diff(want, byHost[name]); d != "" {
			r.Fatalf("versions of %s differ (-want +got)\n%s", name, d)
		}
	}
	for _, v := range r.versions(store.Query{}) {
		if v.Number != latest[v.ID] {
			r.Fatalf("version %d of %s is not the latest, %d", v.Number, v.ID, latest[v.ID])
		}
		delete(latest, v.ID)
	}
	if len(latest) > 0 {
		r.Fatalf("latest versions are missing: %v", latest)
	}
	for id, a := range m.articles {
		all, err := r.a.History(r.ctx, id)
		r.ok(err)
		if len(all) != len(a.versions) {
			r.Fatalf("article %s has %d versions, want %d", id, len(all), len(a.versions))
		}
		for _, n := range append(rand.Perm(len(all)), len(all)-1, 0) { // also one that lies before the one asked for last
			got, err := r.a.Version(r.ctx, id, all[n].Number)
			r.ok(err)
			if d := cmp.Diff(all[n], got); d != "" {
				r.Fatalf("version %d of article %s is not what the history says (-want +got)\n%s", all[n].Number, id, d)
			}
		}
		for _, none := range []int{0, all[len(all)-1].Number + 1} {
			if _, err := r.a.Version(r.ctx, id, none); !errors.Is(err, store.ErrNotFound) {
				r.Fatalf("Version(%s, %d) = %v, want %v", id, none, err, store.ErrNotFound)
			}
		}
		var got extract.Article
		r.ok(json.Unmarshal(all[len(all)-1].JSON, &got))
		sort.Strings(a.aliases)
		if d := cmp.Diff(a.aliases, got.Aliases, cmpopts.EquateEmpty()); d != "" {
			r.Fatalf("aliases of %s differ (-want +got)\n%s", id, d)
		}
		for _, u := range append([]string{a.versions[0].article.CanonicalURL}, a.aliases...) {
			want := m.resolve(u)
			if id, err := r.a.Resolve(r.ctx, u); id != want || err != nil {
				r.Fatalf("Resolve(%s) = %s, %v, want %s", u, id, err, want)
			}
		}
	}
	bytes := int64(0)
	for k := range m.bytes {
		_, body, _ := strings.Cut(k, " ")
		bytes += int64(len(body))
	}
	got, err := r.a.Stats(r.ctx)
	r.ok(err)
	want := store.Stats{
		Articles: len(m.articles), Versions: number, Captures: len(m.captures), Visits: m.visits, Targets: states,
		Bytes: bytes, Kept: got.Kept, FirstSeen: got.FirstSeen, LastSeen: got.LastSeen,
	}
	if d := cmp.Diff(want, got); d != "" {
		r.Fatalf("Stats differs (-want +got)\n%s", d)
	}
	r.check()
}

// workers crawls with several workers at once, some of which lose or give up
// their leases, until nothing is left to do.
func workers(r *run) {
	seed := uint64(time.Now().UnixNano())
	r.Logf("seed %d", seed)
	const hosts, pages = 6, 40
	for h := range hosts {
		r.add(target(fmt.Sprintf("https://h%d.vn/0", h)))
	}
	var (
		mu     sync.Mutex
		turns  = map[string]uint64{} // host to the token of its turn
		visits = map[string]int{}
		ended  int                 // turns, with or without a visit
		failed bool                // somebody keeps a turn
		end    = sync.NewCond(&mu) // one has ended
		wait   sync.WaitGroup
	)
	for w := range 8 {
		rnd := rand.New(rand.NewPCG(seed, uint64(w)))
		wait.Go(func() {
			for {
				mu.Lock()
				before := ended
				mu.Unlock()
				l, err := r.a.Lease(r.ctx, store.Want{TTL: 1e6 * time.Hour})
				var nothing *store.NothingDue
				if errors.As(err, &nothing) {
					switch {
					case !nothing.Next.IsZero():
						r.wait(time.Second)
					case nothing.Leased > 0: // only the end of a turn makes something due
						mu.Lock()
						for ended == before && !failed {
							end.Wait()
						}
						stop := failed
						mu.Unlock()
						if stop {
							return
						}
					default:
						return
					}
					continue
				}
				if err != nil {
					r.Error(err)
					return
				}
				mu.Lock()
				if turns[l.Host] != 0 {
					r.Errorf("%s has two turns at once", l.Host)
				}
				turns[l.Host] = l.Token
				mu.Unlock()

				var n int
				name, _, _ := strings.Cut(l.Host, ".")
				fmt.Sscanf(l.Target.URL, "https://"+name+".vn/%d", &n)
				v := fetched(l.Target.URL, strings.Repeat(l.Target.URL, 50), article(l.Target.URL, l.Target.URL, "x"))
				v.Time = r.clock()
				for i := 2*n + 1; i <= 2*n+2 && i < pages; i++ {
					v.Links = append(v.Links, target(fmt.Sprintf("https://%s.vn/%d", name, i)))
				}
				if rnd.IntN(2) == 0 {
					v.Rest = r.clock().Add(time.Second)
				}
				if rnd.IntN(6) == 0 {
					v = store.Visit{Result: store.Abandoned}
				}
				mu.Lock()
				turns[l.Host] = 0
				mu.Unlock()
				_, err = r.a.Commit(r.ctx, l, v)
				mu.Lock()
				if err == nil && v.Result == store.Fetched {
					visits[l.Target.URL]++
				}
				ended++
				failed = failed || err != nil
				end.Broadcast()
				mu.Unlock()
				if err != nil {
					r.Error(err)
					return
				}
				if rnd.IntN(4) == 0 {
					for range r.a.Articles(r.ctx, store.Query{}) {
						break
					}
				}
			}
		})
	}
	// Who reads meanwhile sees whole visits.
	for range 5 {
		r.check()
	}
	wait.Wait()
	for h := range hosts {
		for i := range pages {
			if n := visits[fmt.Sprintf("https://h%d.vn/%d", h, i)]; n != 1 {
				r.Errorf("page %d of host %d was visited %d times", i, h, n)
			}
		}
	}
	s, err := r.a.Stats(r.ctx)
	r.ok(err)
	if s.Visits != hosts*pages || s.Captures != hosts*pages || s.Articles != hosts*pages || s.Targets[store.Done] != hosts*pages {
		r.Errorf("Stats() = %+v, want %d of each", s, hosts*pages)
	}
	r.reopen()
}
