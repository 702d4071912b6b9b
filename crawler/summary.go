package crawler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
)

// maxProblems is how many failures are named, and how many of what is gone or
// blocked; all are counted.
const maxProblems = 1000

// An Event is one visit that is over.
type Event struct {
	Site    string               `json:"site"`
	URL     string               `json:"url"`
	Kind    extract.Kind         `json:"kind"`
	Result  store.Result         `json:"result"`
	Article store.ArticleOutcome `json:"article,omitempty"`
	Reason  string               `json:"reason,omitempty"` // why it went wrong
	Status  int                  `json:"status,omitempty"` // HTTP status of the answer, when one was kept
	Bytes   int                  `json:"bytes"`
	Links   int                  `json:"links"`   // that were new
	Visited int                  `json:"visited"` // visits of this run until now
}

// A Tally counts targets by what became of them. A target that failed and came
// right within the run counts once, as what it became. Visited is the sum of
// the counts from Added to Failed.
type Tally struct {
	Visited    int `json:"visited"`
	Added      int `json:"added"`      // new articles
	Changed    int `json:"changed"`    // articles of which a reader would see a different text
	Unchanged  int `json:"unchanged"`  // articles
	Duplicated int `json:"duplicated"` // pages of articles that are known under another URL
	Lists      int `json:"lists"`      // lists, feeds and sitemaps
	Files      int `json:"files"`      // attachments
	Gone       int `json:"gone"`
	Blocked    int `json:"blocked"` // by robots.txt, or refused by the server
	Failed     int `json:"failed"`  // could not be had or not be read; to be tried again

	Withdrawn int `json:"withdrawn"` // articles that are gone since; of Gone

	Links   int   `json:"links"`   // new targets that were found
	Foreign int   `json:"foreign"` // links to hosts that are not the site's: not followed
	Deeper  int   `json:"deeper"`  // further list pages beyond Crawler.Pages: not followed
	Circles int   `json:"circles"` // lists whose paging went on without bringing anything: cut
	Cut     int   `json:"cut"`     // of the failed: longer than a limit, or broken off. What came is kept
	Bytes   int64 `json:"bytes"`   // of answers, without content coding
}

// A SiteSummary is what became of one site.
type SiteSummary struct {
	Tally
	Delay  time.Duration `json:"-"`               // the longest that was kept between two requests
	Pause  string        `json:"delay"`           // Delay as text: 1.5s
	Newest time.Time     `json:"newest,omitzero"` // the latest date of publication that was read
	Opens  time.Time     `json:"opens,omitzero"`  // when it may be asked again, if its hours were over at the end of the run
	Stale  int           `json:"stale,omitempty"` // pages that had changed though their validators had not: its 304 are not trusted
	Lost   []string      `json:"lost,omitempty"`  // start pages that were not there: what they would lead to is missed
	Span   *SpanSummary  `json:"span,omitempty"`  // of a run with a span
	Traps  []Trap        `json:"traps,omitempty"`
	TLS    []string      `json:"tls,omitempty"` // what was wrong with its connections and put up with, see extract.Terms
}

// A Problem is a target that is gone, blocked or failed.
type Problem struct {
	Site   string       `json:"site"`
	URL    string       `json:"url"`
	Kind   extract.Kind `json:"kind"`
	Result store.Result `json:"result"` // fetched when the page came but could not be read
	Reason string       `json:"reason"`
	Cause  string       `json:"cause"` // the kind of reason
}

// String is one line.
func (p Problem) String() string { return fmt.Sprintf("%s: %s", p.URL, p.Reason) }

// mild is 0 for what may pass, and 1 for what nobody can help.
func (p Problem) mild() int {
	if p.Result == store.Failed || p.Result == store.Fetched {
		return 0
	}
	return 1
}

// A Summary says what a run did.
type Summary struct {
	Tally
	Began    time.Time               `json:"began"`
	Ended    time.Time               `json:"ended"`
	Sites    map[string]*SiteSummary `json:"sites"`
	Problems []Problem               `json:"problems"`         // failures first; a thousand of them at most, and of the others
	Unnamed  int                     `json:"unnamed"`          // problems beyond those
	Waiting  time.Time               `json:"waiting,omitzero"` // when the first host may be asked that has something due and asked for a rest longer than a run waits
}

// Elapsed is how long the run took.
func (s Summary) Elapsed() time.Duration { return s.Ended.Sub(s.Began) }

// String is one line: 120 visited: 37 added, 2 changed, 80 unchanged, 1 failed.
func (t Tally) String() string {
	if t.Visited == 0 {
		return "0 visited"
	}
	parts := []string{fmt.Sprintf("%d added", t.Added)}
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(t.Changed, "changed", "changed")
	add(t.Unchanged, "unchanged", "unchanged")
	add(t.Duplicated, "duplicate", "duplicates")
	add(t.Lists, "list", "lists")
	add(t.Files, "file", "files")
	if t.Withdrawn > 0 {
		articles := "articles"
		if t.Withdrawn == 1 {
			articles = "article"
		}
		parts = append(parts, fmt.Sprintf("%d gone (%d %s withdrawn)", t.Gone, t.Withdrawn, articles))
	} else {
		add(t.Gone, "gone", "gone")
	}
	add(t.Blocked, "blocked", "blocked")
	add(t.Failed, "failed", "failed")
	return fmt.Sprintf("%d visited: %s", t.Visited, strings.Join(parts, ", "))
}

// count adds n to the count that a visit belongs to.
func (t *Tally) count(f *failure, n int) {
	t.Visited += n
	if f.cut {
		t.Cut += n
	}
	switch f.problem.Result {
	case store.Missing:
		t.Gone += n
	case store.Refused, store.Barred:
		t.Blocked += n
	default:
		t.Failed += n
	}
}

// A failure is a target that went wrong in this run.
type failure struct {
	problem Problem // without a Reason when there are too many to name
	order   int
	cut     bool // what came of it is kept
}

// site returns the summary of a site; r.mu must be held.
func (r *run) site(name string) *SiteSummary {
	s := r.sum.Sites[name]
	if s == nil {
		s = &SiteSummary{}
		r.sum.Sites[name] = s
	}
	return s
}

// note counts a visit and tells about it.
func (r *run) note(l *store.Lease, v store.Visit, o store.Outcome) {
	t := l.Target
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.Result == store.Abandoned {
		r.begun--
		return
	}
	site := r.site(t.Site)
	tallies := []*Tally{&r.sum.Tally, &site.Tally}
	if old := r.unwell[t.Canonical]; old != nil {
		delete(r.unwell, t.Canonical)
		if old.problem.Reason != "" {
			r.named[old.problem.mild()]--
		}
		for _, tally := range tallies {
			tally.count(old, -1)
		}
	}
	e := Event{Site: t.Site, URL: t.URL, Kind: t.Kind, Result: v.Result, Article: o.Article, Reason: v.Reason, Links: o.Links}
	if v.Capture != nil {
		e.Bytes, e.Status = int(v.Capture.Length()), v.Capture.Status
	}
	var bad *failure
	if v.Reason != "" {
		bad = &failure{problem: Problem{t.Site, t.URL, t.Kind, v.Result, v.Reason, v.Cause}, order: len(r.unwell),
			cut: v.Capture != nil && v.Capture.Truncated != ""}
		if mild := bad.problem.mild(); r.named[mild] < maxProblems {
			r.named[mild]++
		} else {
			bad.problem = Problem{Result: v.Result}
		}
		r.unwell[t.Canonical] = bad
	}
	for _, tally := range tallies {
		tally.Links += o.Links
		tally.Bytes += int64(e.Bytes)
		if o.Article == store.Withdrawn {
			tally.Withdrawn++
		}
		if bad != nil {
			tally.count(bad, 1)
			continue
		}
		tally.Visited++
		switch {
		case o.Article == store.Added:
			tally.Added++
		case o.Article == store.Changed, o.Article == store.Returned:
			tally.Changed++
		case (o.Article == store.Duplicated || o.Article == store.Same) && t.Article != o.ID:
			tally.Duplicated++ // the first time that this URL led to it
		case o.Article != store.NoArticle, t.Kind == extract.KindArticle:
			tally.Unchanged++
		case t.Kind == extract.KindAttachment:
			tally.Files++
		default:
			tally.Lists++
		}
	}
	site.Delay = max(site.Delay, r.web.manners.pace(l.Host, r.delay(t.Site)))
	if lie(t, v, o) {
		site.Stale++
	}
	if v.Result == store.Missing && r.begins(t) {
		site.Lost = append(site.Lost, t.URL)
	}
	if v.Capture != nil && len(v.Capture.TLS) > 0 {
		site.TLS = slices.Compact(slices.Sorted(slices.Values(append(site.TLS, v.Capture.TLS...))))
	}
	if v.Article != nil && v.Article.Published != nil {
		site.Newest = later(site.Newest, *v.Article.Published)
	}
	if r.Progress != nil {
		e.Visited = r.sum.Visited
		r.Progress(e)
	}
}

// begins reports whether a target is a start page, feed or sitemap of its site.
func (r *run) begins(t store.Target) bool {
	return slices.ContainsFunc(r.Sites.Seeds(t.Site), func(l extract.Link) bool {
		seed := r.target(t.Site, l, 0)
		return seed.Known() == t.Known()
	})
}

// summary closes the books.
func (r *run) summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sum
	s.Ended = r.now()
	for name, site := range s.Sites {
		site.Pause = site.Delay.String()
		if opens := r.Sites.Terms(name).Hours.Opens(s.Ended); opens.After(s.Ended) {
			site.Opens = opens
		}
	}
	var bad []*failure
	for _, f := range r.unwell {
		if f.problem.Reason == "" {
			s.Unnamed++
		} else {
			bad = append(bad, f)
		}
	}
	slices.SortFunc(bad, func(a, b *failure) int {
		return cmp.Or(cmp.Compare(a.problem.mild(), b.problem.mild()), cmp.Compare(a.order, b.order), cmp.Compare(a.problem.URL, b.problem.URL))
	})
	s.Problems = []Problem{}
	for _, f := range bad {
		s.Problems = append(s.Problems, f.problem)
	}
	return s
}
