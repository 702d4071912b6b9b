// Package crawler visits what is due in an archive. It leases a target,
// fetches it politely, reads it by its site's definition and commits what came
// of it: the article, its links, and when to come again.
package crawler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"luutin/extract"
	"luutin/store"
)

// DefaultAgent is the User-Agent of a Crawler that is given none.
const DefaultAgent = "luutin/" + extract.Version + " (news archive; robots.txt name: luutin)"

const (
	leaseTime   = 15 * time.Minute
	leaseMargin = 30 * time.Second // left of a lease to commit what came
	commitTime  = 30 * time.Second // a commit is finished even when the run is cancelled

	// headStart is how long before a host's turn its next target is leased, so
	// that the request can be made on the dot: the manners let nobody ask sooner.
	headStart = shortWait / 2
)

// A Crawler says what is crawled and how. The zero values of everything but
// Archive and Sites are right for most. It is for one archive, which
// may be closed and opened between two runs, and may be run again and again.
// Once it has been, nothing but Archive, Since, Until and OnlyDue may be changed, and it must not be copied.
type Crawler struct {
	Archive store.Archive
	Sites   Sites

	Agent        string            // the User-Agent; "" means DefaultAgent
	Delay        time.Duration     // between two requests to a host; 0 means the site's own, else one second; negative means none
	Workers      int               // visits at a time; 0 means 16
	MaxPage      int64             // bytes of a page that are read; 0 means 32 MiB
	MaxFile      int64             // bytes of an attachment; 0 means 256 MiB
	Proxy        *url.URL          // nil means HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment
	IgnoreRobots bool              // also of its Crawl-delay
	AllowPrivate bool              // hosts may have addresses of this machine and of private networks, whatever the definitions say
	Patience     time.Duration     // how long a run waits for what is due soon; 0 means 15 seconds. For the pause between two requests it always waits
	Limit        int               // visits of one run; 0 means no limit
	Pages        int               // pages of each list, from its first; 0 means all. Further ones are not noted down
	Since        time.Time         // only what was published on this day or later, by each site's own days; lists are followed until they are older. Zero means all
	Until        time.Time         // only what was published on this day or before, when Since is set; zero means all
	OnlyDue      bool              // start pages are visited when they are due by their own rhythm, and not in any case
	Progress     func(Event)       // called after each visit, never two calls at a time; may be nil
	Transport    http.RoundTripper // below everything, Proxy and AllowPrivate included; nil means the crawler's own
	Clock        func() time.Time  // as fast as the timers of package time; nil means time.Now

	once sync.Once
	web  *web
}

// Sites is what a crawl asks of the site definitions; *extract.Sites answers.
type Sites interface {
	// Names returns the names of all sites.
	Names() []string
	// Seeds returns where the crawl of a site begins: start lists, feeds, sitemaps.
	Seeds(site string) []extract.Link
	// Of returns the site that a URL belongs to; "" when none knows it.
	Of(rawURL string) string
	// Belongs reports whether a host, given without a port, is one of the site's.
	Belongs(site, host string) bool
	// Delay returns the site's own pause between two requests; 0 means that it has none.
	Delay(site string) time.Duration
	// Archives returns the pages of the site's date archives from since until before until.
	Archives(site string, since, until time.Time) []extract.Link
	// Zone returns the zone of the site's days.
	Zone(site string) *time.Location
	// Terms returns on what terms the site is asked.
	Terms(site string) extract.Terms
	// Headers returns what a request for the URL must bear besides the usual.
	Headers(site, rawURL string) map[string]string
	// IsArticle reports whether an article of its site is at a URL by what its definition says.
	IsArticle(rawURL string) bool
	// Key returns what a URL is known by in a frontier.
	Key(rawURL string) string
	// Canonical returns the canonical form of a URL.
	Canonical(rawURL string) string
	// TellsApart reports whether the site's definition says that a query parameter tells its pages apart.
	TellsApart(site, param string) bool
	// Rules returns the rules for an article's fields; see extract.Sites.Rules.
	Rules(site, extractor string) map[string]string
	// Read reads a page; see extract.Sites.Read.
	Read(p extract.Page) (*extract.Reading, error)
}

// Run visits everything of the sites that is due, their start pages in any
// case, until nothing more is due soon. No sites means all. What fails is in
// the summary and comes up again; the error is for what ended the run before
// its time: the context's, or that of the archive.
func (c *Crawler) Run(ctx context.Context, sites []string) (Summary, error) {
	r, err := c.begin(sites)
	if err != nil {
		return Summary{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = r.sow(ctx)

	idle := make(chan *fetcher, r.workers)
	for range r.workers {
		idle <- newFetcher(r.web)
	}
	var visits sync.WaitGroup
	for err == nil {
		f := <-idle
		var l *store.Lease
		if l, err = r.lease(ctx); l == nil {
			break
		}
		visits.Go(func() {
			if err := r.visit(ctx, f, l); err != nil {
				stop(err)
			}
			idle <- f
			r.over()
		})
	}
	visits.Wait()
	if restoreErr := r.restore(context.WithoutCancel(ctx)); err == nil {
		err = restoreErr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return r.summary(), err
}

// visit goes the way of one page. Its error is one of the archive.
func (r *run) visit(ctx context.Context, f *fetcher, l *store.Lease) error {
	if given, err := r.giveUp(ctx, l); given || err != nil {
		return err
	}
	validators := r.validators(l)
	page, err := f.fetchLease(ctx, r, l, validators)
	defer f.release()
	if failed := (*archiveError)(nil); errors.As(err, &failed) {
		return fmt.Errorf("keep %s: %w", l.Target.URL, failed.error)
	}
	v := r.judge(l, page, err, len(validators) > 0)
	if err := r.inOtherForm(ctx, f, l, &v); err != nil {
		return err
	}
	var onward *found
	switch v.Result {
	case store.Fetched:
		onward = r.read(l.Target, &v)
		l.Target.Kind = cmp.Or(v.Kind, l.Target.Kind)
		if err := r.fewer(ctx, l.Target, &v); err != nil && ctx.Err() == nil {
			return err
		}
	case store.Unchanged:
		r.web.manners.passed(l.Host)
	}
	if v.Result == store.Failed && ctx.Err() != nil {
		v = store.Visit{Result: store.Abandoned, Reason: "the run was stopped", Time: v.Time}
	}
	r.show(l.Target, &v)
	v.Rest = r.web.manners.next(l.Host, r.delay(l.Target.Site)).Add(-headStart)

	// What came is not thrown away because the run is being stopped.
	commit, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if err := r.compare(commit, l.Target, &v); err != nil {
		return fmt.Errorf("read again what %s was: %w", l.Target.URL, err)
	}
	outcome, err := r.Archive.Commit(commit, l, v)
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		v.Result, v.Reason, v.Cause = store.Failed, "the lease ran out before the visit was over", string(tooLate)
	case err != nil:
		return fmt.Errorf("commit the visit of %s: %w", l.Target.URL, err)
	}
	if lie(l.Target, v, outcome) {
		r.web.manners.lied(l.Host)
	}
	r.learn(l.Target, &v, outcome)
	r.note(l, v, outcome)
	if v.Result == store.Abandoned {
		return nil
	}
	if !r.spanned() {
		return r.takeUp(ctx, v.Onward)
	}
	if err := r.advance(ctx, onward, l.Target.Canonical); err != nil && ctx.Err() == nil {
		return fmt.Errorf("go on from %s: %w", l.Target.URL, err)
	}
	return nil
}

// giveUp gives a target back that is not to be visited in this run.
func (r *run) giveUp(ctx context.Context, l *store.Lease) (given bool, err error) {
	t := l.Target
	if r.spanned() {
		outside, err := r.outside(ctx, t)
		if err == nil && outside {
			err = r.putOff(ctx, l)
		}
		if outside || err != nil {
			return outside, err
		}
	}
	if t.Kind == extract.KindArticle && t.Visited.IsZero() && r.copied(t.Site, t.URL) {
		return true, r.avoid(ctx, l)
	}
	return false, nil
}

// lease waits for the next target that may be visited. It returns nil when
// there is none within reach: nothing is due soon, or the Limit is used up, and
// no visit is under way that could change that.
func (r *run) lease(ctx context.Context) (l *store.Lease, err error) {
	for {
		full, hope := r.state()
		var turn time.Time
		wait := time.Second // a visit of this run wakes; those of others are looked for
		sites, opens := r.open()
		if !full && len(sites) > 0 {
			l, err := r.Archive.Lease(ctx, store.Want{Sites: sites, TTL: leaseTime})
			var none *store.NothingDue
			if !errors.As(err, &none) {
				if l != nil {
					r.count(1, 1)
				}
				return l, err
			}
			hope, turn = hope || none.Leased > 0, none.Turn
			if left := none.Next.Sub(r.now()); !none.Next.IsZero() && left <= r.patience {
				wait, hope = left, true
			} else if left := none.Turn.Sub(r.now()); !none.Turn.IsZero() && left <= r.pause() {
				wait, hope = left, true
			}
		}
		if left := opens.Sub(r.now()); !full && !opens.IsZero() && left <= r.patience {
			wait, hope = min(wait, left), true
		}
		if !hope && !full && r.spanned() {
			if hope, err = r.goOn(ctx); err != nil {
				return nil, err
			}
			wait = time.Millisecond
		}
		if !hope {
			r.leave(turn)
			return nil, nil
		}
		t := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-t.C:
		case <-r.awake:
			t.Stop()
		case <-ctx.Done():
			t.Stop()
			return nil, nil // Run looks at the context
		}
	}
}

// pause is the longest that a host of this run wants between two requests:
// waiting for it is no sign of trouble.
func (r *run) pause() (longest time.Duration) {
	for _, site := range r.sites {
		longest = max(longest, r.delay(site))
	}
	return max(longest, r.web.manners.longestPace())
}

// open returns the sites that may be asked at this hour, and when the first of
// the others may; zero when there are no others.
func (r *run) open() (sites []string, opens time.Time) {
	now := r.now()
	for _, site := range r.sites {
		at := r.Sites.Terms(site).Hours.Opens(now)
		switch {
		case !at.After(now):
			sites = append(sites, site)
		case opens.IsZero() || at.Before(opens):
			opens = at
		}
	}
	return sites, opens
}

// leave notes until when what is due already waits for its host.
func (r *run) leave(turn time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Waiting = turn
}

// state reports whether the Limit is used up, and whether visits are under way.
func (r *run) state() (full, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Limit > 0 && r.begun >= r.Limit, r.underway > 0
}

func (r *run) count(begun, underway int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun += begun
	r.underway += underway
}

// over lets a waiting lease look again, now that a visit is.
func (r *run) over() {
	r.count(0, -1)
	select {
	case r.awake <- struct{}{}:
	default:
	}
}

// A run is one Run of a Crawler.
type run struct {
	*Crawler
	web      *web
	now      func() time.Time
	sites    []string
	workers  int
	patience time.Duration
	awake    chan struct{} // holds one token: something may be due

	mu       sync.Mutex
	begun    int // visits, without those that were given back
	underway int
	sum      Summary
	named    [2]int              // of unwell, those that have a name: failures, others
	unwell   map[string]*failure // by canonical URL, so that a retry replaces it
	traps    *traps
	spans    *spans
}

func (c *Crawler) begin(sites []string) (*run, error) {
	names := c.Sites.Names()
	if len(sites) == 0 {
		sites = names
	}
	for _, s := range sites {
		if !slices.Contains(names, s) {
			return nil, fmt.Errorf("no site is called %q", s)
		}
	}
	r := &run{Crawler: c, sites: sites, now: c.Clock, workers: c.Workers, patience: c.Patience,
		awake: make(chan struct{}, 1), unwell: map[string]*failure{}, traps: newTraps(), spans: newSpans()}
	if r.now == nil {
		r.now = time.Now
	}
	if r.workers <= 0 {
		r.workers = 16
	}
	if r.patience == 0 {
		r.patience = 15 * time.Second
	}
	// What is known of the hosts outlives a run: cookies, rules, whose turn it is.
	c.once.Do(func() {
		agent := c.Agent
		if agent == "" {
			agent = DefaultAgent
		}
		c.web = newWeb(c.Transport, agent, r.now)
		c.web.ways.proxy = c.Proxy
	})
	r.web = c.web
	r.sum = Summary{Began: r.now(), Sites: map[string]*SiteSummary{}}
	for _, s := range sites {
		r.sum.Sites[s] = &SiteSummary{}
		if r.spanned() {
			r.sum.Sites[s].Span = &SpanSummary{Since: r.Since.Format(time.DateOnly)}
			if !r.Until.IsZero() {
				r.sum.Sites[s].Span.Until = r.Until.Format(time.DateOnly)
			}
		}
	}
	return r, nil
}

// sow makes the seeds of all sites due.
func (r *run) sow(ctx context.Context) error {
	var seeds []store.Target
	var recall store.Selection
	for _, site := range r.sites {
		for _, link := range r.Sites.Seeds(site) {
			t := r.target(site, link, 0)
			seeds = append(seeds, t)
			recall.URLs = append(recall.URLs, t.Canonical)
		}
	}
	if len(seeds) > 0 {
		if _, err := r.Archive.Add(ctx, seeds...); err != nil {
			return fmt.Errorf("add the start pages: %w", err)
		}
		if !r.OnlyDue || r.spanned() {
			if _, err := r.Archive.Recall(ctx, recall); err != nil {
				return fmt.Errorf("recall the start pages: %w", err)
			}
		}
	}
	if r.spanned() {
		for _, site := range r.sites {
			if err := r.sowArchives(ctx, site); err != nil {
				return err
			}
		}
	}
	return nil
}

// The priorities of targets: lists that may hold news, the news, what belongs
// to it, and then the further pages of lists, the deeper the later.
const (
	fresh = iota
	newsItem
	file
	backfill
	last = 9
)

// target makes a frontier entry of a link.
func (r *run) target(site string, link extract.Link, depth int) store.Target {
	t := store.Target{URL: link.URL, Post: link.Post, Canonical: link.Canonical, Site: site, Kind: link.Kind, Depth: depth}
	t.Canonical = t.Known()
	switch {
	case link.Onward:
		t.Priority = min(backfill+depth-1, last)
	case link.Kind == extract.KindArticle:
		t.Priority = newsItem
	case link.Kind == extract.KindAttachment:
		t.Priority = file
	default:
		t.Priority = fresh
	}
	return t
}

// delay is the site's pause between two requests.
func (r *run) delay(site string) time.Duration {
	if r.Delay != 0 {
		return max(r.Delay, 0)
	}
	if d := r.Sites.Delay(site); d > 0 {
		return d
	}
	return usualDelay
}

// terms are those on which the site is asked.
func (r *run) terms(site string) extract.Terms {
	t := r.Sites.Terms(site)
	t.Private = t.Private || r.AllowPrivate
	return t
}
