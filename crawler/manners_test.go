package crawler

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/store"
)

// A host that answers slower than it used to is asked less often, and as often
// as before when it has recovered.
func TestSlowHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 60 {
			path := fmt.Sprintf("/news/%d", i)
			links = append(links, path)
			w.ministry.set(path, news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.ministry.set("/list", list("", links...))
		var mu sync.Mutex
		var gaps []time.Duration
		var last time.Time
		w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !last.IsZero() {
				gaps = append(gaps, time.Since(last))
			}
			takes := 100 * time.Millisecond
			if n := len(gaps); n >= 20 && n < 30 {
				takes = 3 * time.Second
			}
			time.Sleep(takes)
			w.ministry.ServeHTTP(rw, r)
			last = time.Now()
		}))
		s := w.wantRun(t, "61 visited: 60 added, 1 list")
		for i, gap := range gaps {
			switch {
			case i < 20 && gap != time.Second:
				t.Errorf("request %d came after %v, before anything was slow; want 1s", i+2, gap)
			case i >= 23 && i < 30 && gap != 9*time.Second:
				t.Errorf("request %d came after %v, though answers take 3s; want 9s", i+2, gap)
			case i >= 33 && gap != time.Second:
				t.Errorf("request %d came after %v, though all is well again; want 1s", i+2, gap)
			}
		}
		if d := s.Sites[moj].Delay; d != 9*time.Second {
			t.Errorf("the longest pause was %v, want three times what an answer took", d)
		}
	})
}

// The pause counts from when the answer began. What comes slowly leaves the
// host some rest behind it all the same.
func TestPause(t *testing.T) {
	for name, tt := range map[string]struct {
		first, body time.Duration // until the answer begins, and from then until it is whole
		gap         time.Duration // from one request to the next
	}{
		"at once":        {0, 0, time.Second},
		"late":           {300 * time.Millisecond, 0, 1300 * time.Millisecond},
		"a short while":  {0, 700 * time.Millisecond, time.Second},
		"late, in parts": {200 * time.Millisecond, 700 * time.Millisecond, 1200 * time.Millisecond},
		"a long while":   {0, 5 * time.Second, 5250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3"))
				var asked []time.Time
				w.net.serve(t, moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					asked = append(asked, time.Now()) // one request at a time
					if r.URL.Path == "/robots.txt" {
						w.ministry.ServeHTTP(rw, r)
						return
					}
					time.Sleep(tt.first)
					rw.(http.Flusher).Flush()
					time.Sleep(tt.body)
					w.ministry.ServeHTTP(rw, r)
				}))
				w.run(t)
				if len(asked) < 4 {
					t.Fatalf("%d requests", len(asked))
				}
				for i := 2; i < len(asked); i++ { // behind the first that was no robots.txt
					if gap := asked[i].Sub(asked[i-1]); gap != tt.gap {
						t.Errorf("request %d came after %v, want %v", i+1, gap, tt.gap)
					}
				}
			})
		})
	}
}

// Small differences are no sign of trouble, and a slow site is slow as usual.
func TestPace(t *testing.T) {
	for name, tt := range map[string]struct {
		took []time.Duration
		want time.Duration
	}{
		"quick":     {[]time.Duration{1, 1, 1, 1, 1, 1, 1, 1, 1, 90, 90, 90, 90}, 0},
		"always":    {[]time.Duration{5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000}, 0},
		"too early": {[]time.Duration{100, 100, 5000, 5000}, 0},
		"a hitch":   {[]time.Duration{400, 400, 400, 400, 400, 400, 400, 45000, 4000}, 0},
		"slower":    {[]time.Duration{400, 400, 400, 400, 400, 400, 400, 400, 2000, 4000, 2000}, 6000},
		"stuck":     {[]time.Duration{400, 400, 400, 400, 400, 400, 400, 45000, 45000, 45000}, 60000},
		"itself":    {[]time.Duration{400, 400, 400, 400, 400, 400, 400, 400, 9000, 9000, 9000, 400, 400, 400}, 0},
	} {
		m := manners{now: time.Now, hosts: map[string]*host{}}
		for _, took := range tt.took {
			m.answered("moj.test", took*time.Millisecond)
		}
		if got := m.pace("moj.test", 0); got != tt.want*time.Millisecond {
			t.Errorf("%s: pace %v, want %v", name, got, tt.want*time.Millisecond)
		}
	}
	m := manners{now: time.Now, hosts: map[string]*host{}}
	for range 10 * slowSample {
		m.answered("moj.test", time.Second)
	}
	if n := len(m.of("moj.test").took); n != slowSample {
		t.Errorf("%d times are kept, want %d", n, slowSample)
	}
}

// A fake clock begins at midnight UTC, which is seven o'clock in Vietnam.
func TestHours(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Sites = sitesWith(t, "hours = '22:00-07:01'", moj)
		var links []string
		for i := range 100 {
			path := fmt.Sprintf("/news/%d", i)
			links = append(links, path)
			w.ministry.set(path, news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.ministry.set("/list", list("", links...))
		begun := time.Now()
		s := w.run(t)
		if got := s.Elapsed(); got > time.Minute || s.Visited < 55 || s.Visited > 60 {
			t.Errorf("%d visits in %v, want a minute's at a second each", s.Visited, got)
		}
		opens := begun.Add(15 * time.Hour)
		if got := s.Sites[moj].Opens; !got.Equal(opens) {
			t.Errorf("opens again %v, want %v", got, opens)
		}
		asked := w.ministry.asked
		if s := w.run(t); s.Visited != 0 || w.ministry.asked != asked {
			t.Errorf("%s with %d requests while it is to be left alone", s, w.ministry.asked-asked)
		}
		if _, err := w.Fetch(t.Context(), moj, "http://moj.test/news/1"); fmt.Sprint(err) != "fetch http://moj.test/news/1: moj.test is asked from 22:00-07:01 only" {
			t.Errorf("Fetch = %v", err)
		}
		if plan, err := w.Plan(t.Context(), []string{moj}, nil, false); len(plan) != 0 || err != nil {
			t.Errorf("Plan = %v, %v, want none", plan, err)
		}
		time.Sleep(time.Until(opens) - 10*time.Second) // within a run's patience
		s = w.run(t)
		if s.Added != 100-59 && s.Added != 100-58 || !s.Sites[moj].Opens.IsZero() {
			t.Errorf("%s at night, opens %v", s, s.Sites[moj].Opens)
		}
	})
}

func TestPlan(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		plan := func(c *Crawler, pages []store.Target, revisit bool) (out []string) {
			t.Helper()
			asked := w.ministry.asked
			planned, err := c.Plan(t.Context(), []string{moj}, pages, revisit)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range planned {
				line := p.Why + " " + string(p.Kind) + " " + p.URL
				if p.Reason != "" {
					line += ": " + p.Reason
				}
				out = append(out, line)
			}
			if w.ministry.asked != asked {
				t.Errorf("%d requests for a plan", w.ministry.asked-asked)
			}
			return out
		}
		want := func(what string, got []string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s differs (-want +got)\n%s", what, diff)
			}
		}
		start := "start list http://moj.test/list"
		want("the plan of no archive", plan(&Crawler{Sites: w.Sites}, nil, false), start)
		want("the plan of an empty archive", plan(&w.Crawler, nil, false), start)

		w.ministry.set("/list", list("/list?page=2", "/news/1", "/news/2", "/news/bad"))
		w.ministry.set("/list?page=2", list("", "/news/3"))
		for i := range 4 {
			w.ministry.set(fmt.Sprintf("/news/%d", i), news(fmt.Sprintf("Tin số %d", i), ""))
		}
		w.ministry.set("/news/bad", "500")
		w.Limit = 2
		w.run(t) // the list, and the first article
		w.Limit = 0
		began := plan(&w.Crawler, nil, false)
		want("the plan of what was begun", began, start,
			"new article http://moj.test/news/2", "new article http://moj.test/news/bad", "new list http://moj.test/list?page=2")
		w.Limit = 1
		want("the plan under a limit", plan(&w.Crawler, nil, false), start)
		w.Limit = 0
		s := w.run(t)
		if s.Failed != 1 {
			t.Errorf("%s", s)
		}
		time.Sleep(50 * time.Minute)
		page := store.Target{URL: "http://moj.test/list?page=2", Canonical: "http://moj.test/list?page=2", Site: moj}
		want("the plan with a page", plan(&w.Crawler, []store.Target{page}, false), start,
			"retry article http://moj.test/news/bad: 500 Internal Server Error", "start list http://moj.test/list?page=2")
		want("the plan of all articles", plan(&w.Crawler, nil, true), start,
			"retry article http://moj.test/news/bad: 500 Internal Server Error",
			"again article http://moj.test/news/1", "again article http://moj.test/news/2", "again article http://moj.test/news/3")
		before := fmt.Sprint(plan(&w.Crawler, nil, true))
		if again := fmt.Sprint(plan(&w.Crawler, nil, true)); again != before {
			t.Errorf("a plan changes the next: %s, then %s", before, again)
		}
	})
}

// A host that wants to be left alone is in the plan with the time until then.
func TestPlanOfResting(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/odd/1"))
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Retry-After", "7200")
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		w.run(t)
		until := time.Now().Add(2 * time.Hour)
		plan, err := w.Plan(t.Context(), []string{moj}, nil, false)
		if err != nil || len(plan) != 1 || plan[0].After.Sub(until).Abs() > time.Minute {
			t.Errorf("Plan = %+v, %v, want the start page, after %v", plan, err, until)
		}
		time.Sleep(2 * time.Hour)
		plan, err = w.Plan(t.Context(), []string{moj}, nil, false)
		if err != nil || len(plan) != 2 || !plan[0].After.IsZero() || !plan[1].After.IsZero() {
			t.Errorf("Plan = %+v, %v, want two pages at once", plan, err)
		}
	})
}

// What a host asks for holds for who waits for it already.
func TestRestOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manners{now: time.Now, hosts: map[string]*host{}}
		enter := func() {
			if err := m.enter(t.Context(), moj, 100*time.Millisecond); err != nil {
				t.Error(err)
			}
		}
		enter()
		m.leave(moj)
		begun, done := time.Now(), make(chan time.Duration)
		go func() {
			enter()
			done <- time.Since(begun)
		}()
		synctest.Wait()
		m.rest(moj, begun.Add(30*time.Second))
		if waited := <-done; waited != 30*time.Second {
			t.Errorf("asked after %v", waited)
		}
	})
}

// TestThrottled wants a host that is overloaded to be asked less often, also
// when it says that it may be asked at once, and left alone when it says until
// when.
func TestThrottled(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		after  string
		least  time.Duration
	}{
		"at once":     {429, "0", firstRest},
		"in the past": {503, "Fri, 01 Jan 1999 00:00:00 GMT", firstRest},
		"an error":    {500, "13", 13 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.ministry.set("/list", list("", "/odd/1"))
				var asked []time.Time
				w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if asked = append(asked, time.Now()); len(asked) == 1 {
						rw.Header().Set("Retry-After", tt.after)
						rw.WriteHeader(tt.status)
						return
					}
					io.WriteString(rw, news("Tin", ""))
				})
				w.run(t)
				if len(asked) != 2 {
					t.Fatalf("%d requests", len(asked))
				}
				if gap := asked[1].Sub(asked[0]); gap < tt.least {
					t.Errorf("asked again after %v", gap)
				}
			})
		})
	}
}

// A 304 for who did not ask whether anything has changed says nothing.
func TestUnaskedUnchanged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/odd/1"))
		first := true
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("ETag", `"1"`)
			if !first {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			first = false
			rw.Header().Set("Content-Type", "text/html")
			io.WriteString(rw, "<title>x</title><p>y")
		})
		w.run(t)
		time.Sleep(2 * day)
		w.run(t)
		for target := range w.Archive.Targets(t.Context(), store.Selection{URLs: []string{"http://" + moj + "/odd/1"}}) {
			if target.State != store.RetryAt || !strings.Contains(target.Reason, "304") {
				t.Errorf("the page is %s (%s)", target.State, target.Reason)
			}
		}
	})
}
