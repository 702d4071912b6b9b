package reread

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"luutin/extract"
	"luutin/store"
)

// unread reads captures again that were read as no article when they were
// visited, or as a version that a repair could not save, whatever their targets were taken for, but for attachments. Of a list,
// a feed or a sitemap, which may have thousands, those before the last are read
// only when that one is an article now.
func unread(ctx context.Context, a store.Archive, r Reader, o Options, sum *Summary, tell func(*Page) error) error {
	for t, err := range a.Targets(ctx, store.Selection{}) {
		if err != nil {
			return err
		}
		if t.Kind == extract.KindAttachment || t.Visited.IsZero() || len(o.Sites) > 0 && !slices.Contains(o.Sites, t.Site) {
			continue
		}
		f := &finder{ctx: ctx, a: a, r: r, o: &o, sum: sum, target: &t, tell: tell}
		if t.Kind != extract.KindArticle && t.Kind != "" {
			if t.Capture == "" {
				continue
			}
			page, err := a.Capture(ctx, t.Capture)
			if err != nil && ctx.Err() == nil {
				continue // it is met again, if it is one of those that are asked for
			}
			if err != nil {
				return err
			}
			if now, err := readPage(r, page); err != nil || !f.ours(now) {
				continue
			}
		}
		if err := f.captures(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// A finder reads the captures of a target.
type finder struct {
	ctx    context.Context
	a      store.Archive
	r      Reader
	o      *Options
	sum    *Summary
	target *store.Target
	tell   func(*Page) error

	latest map[string]int // of articles that visits name the number of the latest version; see lost
}

// ours says whether an article is read by the rules of the target's site.
func (f *finder) ours(a *extract.Article) bool { return f.target.Site == "" || a.Site == f.target.Site }

func (f *finder) captures() error {
	seen := map[string]bool{}
	var found []store.Adoption
	for v, err := range f.a.Visits(f.ctx, store.VisitQuery{URLs: []string{f.target.Known()}}) {
		if err != nil && (f.ctx.Err() != nil || f.target.Article != "") {
			return f.ctx.Err() // what is damaged of an article was told with its versions
		}
		if err != nil {
			return f.damaged(err)
		}
		if v.Capture == "" || v.Result == store.Unchanged || seen[v.Capture] {
			continue
		}
		seen[v.Capture] = true
		c := v.Answer
		lost, err := f.lost(&v)
		if err != nil {
			return err
		}
		if v.Article != "" && !lost || v.Dropped != nil || c == nil || c.Truncated != "" || c.Status != http.StatusOK && c.Status != http.StatusNonAuthoritativeInfo {
			continue
		}
		page, err := f.a.Capture(f.ctx, v.Capture)
		if err != nil {
			if f.ctx.Err() != nil {
				return err
			}
			if err := f.damaged(err); err != nil {
				return err
			}
			continue
		}
		f.sum.Unread++
		f.sum.Bytes += int64(len(page.Body))
		if now, err := readPage(f.r, page); err == nil && f.ours(now) {
			found = append(found, store.Adoption{Capture: v.Capture, Article: now, Aliases: f.aliases(c, now)})
		}
	}
	if len(found) == 0 {
		return nil
	}
	// Visits of the past may have been kept later.
	slices.SortStableFunc(found, func(a, b store.Adoption) int { return a.Article.Fetched.Compare(b.Article.Fetched) })
	var outcomes []store.Outcome
	var err error
	if f.o.Dry {
		outcomes, err = f.foretell(found)
	} else {
		outcomes, err = f.a.Adopt(f.ctx, f.target.Known(), found...)
	}
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		switch o.Article {
		case store.Added:
			f.sum.Added++
		case store.Changed, store.Returned:
			f.sum.Further++
		default:
			continue
		}
		if err := f.tell(&Page{Outcome: o.Article, URL: f.target.URL, New: found[i].Article}); err != nil {
			return err
		}
	}
	return nil
}

// lost says whether a repair could not save the version of an article that a visit
// brought, nor a later one: its capture can be read as that version once more.
func (f *finder) lost(v *store.VisitRecord) (bool, error) {
	if v.Article == "" {
		return false, nil
	}
	latest, known := f.latest[v.Article]
	if !known {
		version, err := f.a.Article(f.ctx, v.Article)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case f.ctx.Err() != nil:
			return false, err
		case err != nil:
			latest = math.MaxInt // it is there, and was told with the versions
		default:
			latest = version.Number
		}
		if f.latest == nil {
			f.latest = map[string]int{}
		}
		f.latest[v.Article] = latest
	}
	return v.Version > latest, nil
}

// damaged tells of a capture that cannot be had.
func (f *finder) damaged(err error) error {
	f.sum.Damaged++
	return f.tell(&Page{URL: f.target.URL, Err: fmt.Errorf("%w: %w", errDamaged, err)})
}

// aliases are by what else an article is known: the URLs by which its page came.
// A URL that was posted to is no name of a page.
func (f *finder) aliases(c *store.Capture, a *extract.Article) []string {
	if f.target.Post != "" {
		return nil
	}
	canonical := f.o.Canonical
	if canonical == nil {
		canonical = extract.CanonicalURL
	}
	names := []string{canonical(f.target.URL), canonical(c.FinalURL)}
	for _, hop := range c.Hops {
		names = append(names, canonical(hop.URL))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(s string) bool { return s == "" || s == a.CanonicalURL })
}

// foretell says what Adopt would do, but for an article that says what another of
// its host says: Adopt finds that it is none of its own.
func (f *finder) foretell(found []store.Adoption) ([]store.Outcome, error) {
	type state struct {
		hash string
		last time.Time
		gone bool
	}
	latest := map[string]*state{}
	outcomes := make([]store.Outcome, len(found))
	for i, x := range found {
		id, err := f.a.Resolve(f.ctx, x.Article.ID)
		if errors.Is(err, store.ErrNotFound) {
			id, err = x.Article.ID, nil
		}
		if err != nil {
			return nil, err
		}
		at := latest[id]
		if at == nil {
			v, err := f.a.Article(f.ctx, id)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return nil, err
			default:
				at = &state{v.Hash, v.Fetched, !v.Withdrawn.IsZero()}
				if v.Withdrawn.After(at.last) {
					at.last = v.Withdrawn
				}
			}
		}
		now := &state{hash: x.Article.ContentHash, last: x.Article.Fetched}
		switch earlier := at != nil && !x.Article.Fetched.After(at.last); {
		case at == nil:
			outcomes[i].Article = store.Added
		case at.gone && !earlier:
			outcomes[i].Article = store.Returned
		case at.hash == now.hash:
			outcomes[i].Article, now = store.Same, at
		case earlier:
			outcomes[i].Article, now = store.Earlier, at
		default:
			outcomes[i].Article = store.Changed
		}
		latest[id] = now
	}
	return outcomes, nil
}
