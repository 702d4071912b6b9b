package crawler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"luutin/extract"
	"luutin/store"
)

// A Planned is one visit that a run would make.
type Planned struct {
	Site   string       `json:"site"`
	URL    string       `json:"url"`
	Post   string       `json:"post,omitempty"`
	Kind   extract.Kind `json:"kind"`
	Why    string       `json:"why"`              // start, new, again or retry
	Reason string       `json:"reason,omitempty"` // of the failure that is retried
	After  time.Time    `json:"after,omitzero"`   // when the host may be asked, which wants to be left alone for longer than a run waits
}

// Plan returns what a run would visit now: site by site, in order, without
// asking anybody and without writing. What those visits lead to is not in it,
// nor is what robots.txt will say. Sites outside their hours have nothing; what
// is due on a host that wants to be left alone comes last.
// pages are looked at as if they were start pages; revisit makes every known
// article due. Archive may be nil, or open for reading; a Limit, which a run
// shares out among its sites, holds for each.
func (c *Crawler) Plan(ctx context.Context, sites []string, pages []store.Target, revisit bool) ([]Planned, error) {
	r, err := c.begin(sites)
	if err != nil {
		return nil, err
	}
	open, _ := r.open()
	var resting map[string]time.Time
	if r.Archive != nil {
		if resting, err = r.Archive.Resting(ctx, r.now().Add(max(r.patience, r.pause()))); err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
	}
	var plan []Planned
	for _, site := range open {
		due, err := r.due(ctx, site, pages, revisit, resting)
		if err != nil {
			return nil, fmt.Errorf("plan the visits of %s: %w", site, err)
		}
		if r.Limit > 0 && len(due) > r.Limit {
			due = due[:r.Limit]
		}
		plan = append(plan, due...)
	}
	return plan, nil
}

func (r *run) due(ctx context.Context, site string, pages []store.Target, revisit bool, resting map[string]time.Time) ([]Planned, error) {
	type entry struct {
		Planned
		priority int
		due      time.Time
	}
	var entries []entry
	now := r.now()
	starts := map[string]store.Target{} // by what they are known by
	var order []string
	start := func(t store.Target) {
		if starts[t.Known()].URL == "" {
			order = append(order, t.Known())
		}
		starts[t.Known()] = t
	}
	for _, p := range pages {
		if p.Site == site {
			start(p)
		}
	}
	for _, link := range r.Sites.Seeds(site) {
		start(r.target(site, link, 0))
	}
	if r.spanned() {
		for _, t := range r.archivePages(site) {
			start(t)
		}
	}
	add := func(t store.Target, why string) {
		e := entry{Planned{t.Site, t.URL, t.Post, t.Kind, why, "", resting[store.Host(t.URL)]}, t.Priority, t.Due}
		if why == "retry" {
			e.Reason = t.Reason
		}
		entries = append(entries, e)
	}
	if r.Archive != nil {
		for t, err := range r.Archive.Targets(ctx, store.Selection{Site: site}) {
			if err != nil {
				return nil, err
			}
			waits := t.Due.After(now) || t.Due.IsZero() && t.State != store.Due
			why := "again"
			switch {
			case t.State == store.RetryAt:
				why = "retry"
			case t.Visited.IsZero():
				why = "new"
			}
			if known := t.Known(); starts[known].URL != "" {
				delete(starts, known)
				why = "start"
				if waits && r.OnlyDue && !r.spanned() {
					continue
				}
				if waits {
					t.Due = now
				}
			} else if revisit && t.Kind == extract.KindArticle && waits {
				t.Due = now
			} else if waits {
				continue
			}
			if r.spanned() {
				if outside, err := r.outside(ctx, t); err != nil {
					return nil, err
				} else if outside {
					continue
				}
			}
			add(t, why)
		}
	}
	for _, known := range order {
		if t := starts[known]; t.URL != "" {
			t.Due = now
			add(t, "start")
		}
	}
	// As Archive.Lease chooses; what is equal stays in the order of arrival.
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(a.After.Compare(b.After), cmp.Compare(a.priority, b.priority), a.due.Compare(b.due))
	})
	plan := make([]Planned, len(entries))
	for i, e := range entries {
		plan[i] = e.Planned
	}
	return plan, nil
}
