package storetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// adopt makes articles of captures that were none when they were visited.
func adopt(r *run) {
	const url, gone, other = "https://moj.gov.vn/a", "https://moj.gov.vn/gone", "https://moj.gov.vn/other"
	var ids []string
	for i, body := range []string{"<1>", "<2>", "<2!>", "<3>"} {
		r.wait(time.Hour)
		v := fetched(url, body, nil)
		v.Capture.Fetched, v.Reason = r.clock(), "no rule"
		r.visit(url, v)
		if id := r.target(url).Capture; i == 0 || id != ids[i-1] {
			ids = append(ids, id)
		}
	}
	r.wait(time.Hour)
	v := fetched(gone, "<gone>", nil)
	v.Capture.Fetched = r.clock()
	r.visit(gone, v)
	lost := r.target(gone).Capture
	r.wait(time.Hour)
	r.visit(gone, store.Visit{Result: store.Missing, Reason: "404"})
	signed, err := r.a.Checkpoint(r.ctx)
	r.ok(err)
	visits := collect(r, r.a.Visits(r.ctx, store.VisitQuery{}))

	began := visits[0].Answer.Fetched
	reading := func(url, id, text string, hour int) store.Adoption {
		x := article(url, "Lễ mừng", text)
		x.Fetched = began.Add(time.Duration(hour) * time.Hour)
		x.ContentHash = x.Hash()
		return store.Adoption{Capture: id, Article: x, Aliases: []string{url + "?alias"}}
	}
	for name, bad := range map[string]store.Adoption{
		"a capture that is not there":    reading(url, extract.ArticleID("x"), "1", 0),
		"a capture of another target":    reading(url, lost, "1", 0),
		"an article with a wrong hash":   {Capture: ids[0], Article: &extract.Article{ID: extract.ArticleID(url), CanonicalURL: url, ContentHash: "x"}},
		"an article with an id of other": {Capture: ids[0], Article: article(other, "x", "y")},
	} {
		if name == "an article with an id of other" {
			bad.Article.ID = extract.ArticleID(url)
		}
		if o, err := r.a.Adopt(r.ctx, url, reading(url, ids[0], "1", 0), bad); err == nil {
			r.Errorf("Adopt() of %s = %+v", name, o)
		}
	}
	if _, err := r.a.Adopt(r.ctx, other, reading(other, ids[0], "1", 0)); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("Adopt() of a target that is not there = %v, want ErrNotFound", err)
	}
	if n := len(r.versions(store.Query{})); n != 0 {
		r.Errorf("%d articles are there, want none", n)
	}

	all := []store.Adoption{reading(url, ids[0], "1", 0), reading(url, ids[1], "2", 1), reading(url, ids[2], "2", 2), reading(url, ids[3], "3", 3)}
	for i, want := range [][]store.ArticleOutcome{
		{store.Added, store.Changed, store.Same, store.Changed},
		{store.Earlier, store.Earlier, store.Earlier, store.Same}, // again
	} {
		got, err := r.a.Adopt(r.ctx, url, all...)
		r.ok(err)
		var outcomes []store.ArticleOutcome
		for _, o := range got {
			outcomes = append(outcomes, o.Article)
		}
		if d := cmp.Diff(want, outcomes); d != "" {
			r.Errorf("Adopt() for the %d. time (-want +got):\n%s", i+1, d)
		}
		r.check()
	}
	history, err := r.a.History(r.ctx, extract.ArticleID(url))
	r.ok(err)
	if len(history) != 3 || !history[0].Fetched.Equal(began) || !history[2].Fetched.Equal(began.Add(3*time.Hour)) || history[2].Number != 3 {
		r.Errorf("History() = %d versions: %+v", len(history), history)
	}
	if t := r.target(url); t.Article != extract.ArticleID(url) || t.Reason != "" || t.State != store.Done {
		r.Errorf("target %+v", t)
	}
	if id, err := r.a.Resolve(r.ctx, url+"?alias"); id != extract.ArticleID(url) || err != nil {
		r.Errorf("Resolve(alias) = %s, %v", id, err)
	}
	// The next visit finds the same.
	if o := r.visit(url, fetched(url, "<3>", all[3].Article)); o.Article != store.Same {
		r.Errorf("the next visit: %+v", o)
	}

	o, err := r.a.Adopt(r.ctx, gone, reading(gone, lost, "gone", 5))
	r.ok(err)
	history, err = r.a.History(r.ctx, extract.ArticleID(gone))
	r.ok(err)
	if len(o) != 1 || o[0].Article != store.Added || len(history) != 2 || !history[1].Withdrawn.Equal(r.target(gone).Gone) {
		r.Errorf("Adopt() of what is gone = %+v: %+v", o, history)
	}

	// Visits and their log stay what they were, but for what became of targets.
	after := collect(r, r.a.Visits(r.ctx, store.VisitQuery{}))[:len(visits)]
	for i := range visits {
		visits[i].Target, after[i].Target = store.Target{}, store.Target{}
	}
	if d := cmp.Diff(visits, after); d != "" {
		r.Errorf("visits are others (-before +after):\n%s", d)
	}
	if _, err := r.a.Follows(r.ctx, signed); err != nil {
		r.Errorf("Follows() = %v", err)
	}

	// While somebody visits the target it stays as it is.
	r.visit(other, fetched(other, "<o>", nil))
	id := r.target(other).Capture
	_, err = r.a.Recall(r.ctx, store.Selection{URLs: []string{other}})
	r.ok(err)
	l := r.lease()
	if l.Target.URL != other {
		r.Fatalf("leased %s", l.Target.URL)
	}
	o, err = r.a.Adopt(r.ctx, other, reading(other, id, "another", 9))
	r.ok(err)
	if o[0].Article != store.Added || r.target(other).State != store.Leased {
		r.Errorf("Adopt() of what is leased = %+v, %+v", o, r.target(other))
	}
	r.commit(l, store.Visit{Result: store.Failed, Reason: "x"})
}
