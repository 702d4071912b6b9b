package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"luutin/crawler"
	"luutin/crawler/watch"
	"luutin/extract"
	"luutin/extract/dom"
	"luutin/store"
	"luutin/store/bolt"
)

func crawlCommand(common *flags) *cobra.Command {
	var (
		c       crawler.Crawler
		proxy   string
		revisit bool
		dry     bool
		every   time.Duration
		telling telling
		address string

		since, until string
	)
	cmd := &cobra.Command{
		Use:   "crawl [SITE…]",
		Short: "Visit what is due and keep what is new",
		Long: `Crawl visits the list pages, feeds and sitemaps of the sites, follows them to
articles and files that the archive does not hold, and looks again at those
that are due. No SITE means every site there is (luutin sites list); a URL,
with or without http://, means its site, and that page first. It obeys robots.txt, asks each host for
one page at a time with a pause between, and can be stopped at any moment: the
same command goes on from there.

Only http and https are followed, and no address of this machine or of a private
network is asked, whatever a name server or a redirect says, unless the site's
definition has private = true or --allow-private is given. That is checked where
a connection is made: what lies behind a proxy cannot be, so let the proxy refuse
it. The proxy itself may be anywhere.

With --since (and --until) it fills in what was published on these days: lists
are followed until two pages in a row are older, whatever a crawl before has
seen of them, sitemaps and articles that are known to lie outside are left out,
and the pages of the site's date archives (archives in its definition) are read.
How much was left out is said at the end; nothing of it is noted down, so that
later crawls find what they would have found without this one. When it is
stopped, the same command goes on from there. luutin gaps names days to fill.

With --every it crawls again and again until it is told to stop (SIGTERM or
Ctrl-C, within a second, with status 130), with a summary after each crawl. The
others can read the archive at any time; docs/running.md tells more. From the
second crawl on start pages are asked for by their own rhythm: sooner when they
brought something new the last times, later when they did not, every six hours
at least. --due does that for a single crawl.

After each crawl every site is looked at (luutin status tells more): an alarm that
begins or ends is told once, on the standard error, to the --notify command and to
the --webhook; whom it could not be told is told after the next crawl.

It ends with a summary, and with status 1 when a page could not be had or not
be read, by robots.txt or a wall, too, or a start page is gone. Such pages are
named, and come up again in a later crawl.`,
		Example: `  luutin crawl moj.gov.vn
  luutin crawl --pages 3 moj.gov.vn baochinhphu.vn     the newest pages of each list
  luutin crawl --revisit moj.gov.vn                    look again at every article
  luutin crawl --dry-run moj.gov.vn                    what would be visited now, without asking
  luutin crawl --since 2018-01-01 --until 2018-03-31 moj.gov.vn
  luutin crawl --every 1h moj.gov.vn                   until it is stopped
  luutin crawl --every 1h --notify 'mail -s "$LUUTIN_SITE: $LUUTIN_ALARM" me@example.org'
  luutin crawl --json moj.gov.vn > run.json`,
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			if err := setProxy(&c, proxy); err != nil {
				return err
			}
			if c.Delay < 0 || c.Workers < 0 || c.Limit < 0 || c.Pages < 0 {
				return errors.New("--delay, --workers, --limit and --pages are not negative")
			}
			if err := setSpan(&c, since, until); err != nil {
				return err
			}
			if since != "" && cmd.Flags().Changed("every") {
				return errors.New("--since and --every do not go together: a span is filled once")
			}
			names, pages, err := chooseSites(sites, args)
			if err != nil {
				return err
			}
			if dry && cmd.Flags().Changed("every") {
				return errors.New("--dry-run and --every do not go together")
			}
			if err := telling.check(); err != nil {
				return err
			}
			if dry {
				return dryRun(cmd, common, &c, sites, names, pages, revisit)
			}
			if cmd.Flags().Changed("every") && every < time.Minute {
				return fmt.Errorf("--every %v is less than a minute; name a span such as 1h", every)
			}
			job := &crawlJob{cmd: cmd, flags: common, crawler: &c, sites: sites, names: names, pages: pages, revisit: revisit, telling: telling}
			if address != "" {
				if job.monitor, err = listen(cmd.Context(), address, every); err != nil {
					return err
				}
			}
			if every == 0 {
				return job.once(cmd.Context())
			}
			return crawler.Every(cmd.Context(), every, rand.Float64, func(ctx context.Context) error {
				err := awaitArchive(ctx, cmd, common, job.once)
				c.OnlyDue = true
				if errors.Is(err, errNo) {
					return nil // what failed was named, and comes up again
				}
				return err
			}, func(next time.Time) {
				job.monitor.waits(next)
				if !common.quiet {
					fmt.Fprintf(cmd.ErrOrStderr(), "the next crawl begins at %s\n", next.Local().Format(time.DateTime))
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&proxy, "proxy", "", "the `URL` of an HTTP proxy (default: HTTP_PROXY and HTTPS_PROXY); what it asks is not checked")
	f.BoolVar(&c.AllowPrivate, "allow-private", false, "hosts may be this machine or in a private network")
	f.DurationVar(&c.Delay, "delay", 0, "the pause between two requests to a host (default: the site's own, else 1s)")
	f.IntVar(&c.Workers, "workers", 0, "how many hosts are visited at a time (default: 16)")
	f.IntVar(&c.Limit, "limit", 0, "end after this many visits (default: none)")
	f.IntVar(&c.Pages, "pages", 0, "follow each list this many pages deep (default: to its end)")
	f.StringVar(&since, "since", "", "only what was published on this `day` or later: lists are followed until they are older")
	f.StringVar(&until, "until", "", "with --since: only what was published on this `day` or earlier")
	f.BoolVar(&c.OnlyDue, "due", false, "ask for start pages by their own rhythm, not in any case")
	f.DurationVar(&every, "every", 0, "crawl again and again: each begins this long after the last began, give or take a tenth")
	f.StringVar(&telling.command, "notify", "", "a `COMMAND` for the shell when an alarm begins or ends; it gets the alarm as JSON")
	f.StringVar(&telling.webhook, "webhook", "", "a `URL` to post the same JSON to")
	f.StringVar(&address, "listen", "", "an `ADDRESS` such as 127.0.0.1:9310 for /metrics (Prometheus) and /healthz")
	f.BoolVar(&revisit, "revisit", false, "look again at every known article, due or not")
	f.BoolVar(&dry, "dry-run", false, "show what would be visited now, in order, and neither ask nor write")
	f.StringVar(&c.Agent, "user-agent", "", "who to be (default: "+crawler.DefaultAgent+")")
	f.BoolVar(&c.IgnoreRobots, "ignore-robots", false, "do not ask robots.txt: only for sites that allowed it to you")
	return cmd
}

func setProxy(c *crawler.Crawler, proxy string) (err error) {
	if proxy == "" {
		return nil
	}
	if c.Proxy, err = url.Parse(proxy); err != nil || c.Proxy.Host == "" {
		return fmt.Errorf("--proxy %q is no URL such as http://127.0.0.1:8080", proxy)
	}
	return nil
}

// setSpan reads the days of --since and --until.
func setSpan(c *crawler.Crawler, since, until string) error {
	if since == "" && until != "" {
		return errors.New("--until needs --since, the day from which on to fill in")
	}
	for _, x := range []struct {
		flag, day string
		at        *time.Time
	}{{"--since", since, &c.Since}, {"--until", until, &c.Until}} {
		if x.day == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, x.day)
		if err != nil {
			return fmt.Errorf("%s %q is no day such as 2018-01-19", x.flag, x.day)
		}
		if day.IsZero() {
			day = day.AddDate(0, 0, 1) // the zero time means that there is no bound, and nothing was published on that day
		}
		*x.at = day
	}
	if until != "" && c.Until.Before(c.Since) {
		return fmt.Errorf("--until %s is before --since %s", until, since)
	}
	return nil
}

// chooseSites turns arguments into names of sites, and into the pages that
// are named among them.
func chooseSites(sites *extract.Sites, args []string) (names []string, pages []store.Target, err error) {
	for _, arg := range args {
		name := arg
		if arg = withScheme(sites, dom.Href(arg)); strings.Contains(arg, "://") {
			if _, err := url.Parse(arg); err != nil {
				return nil, nil, fmt.Errorf("%q is no URL: %w", arg, errors.Unwrap(err)) // a *url.Error, which repeats the URL
			}
			if name = sites.Of(arg); name != "" {
				address := sites.Address(arg)
				page := store.Target{URL: address, Canonical: sites.Key(address), Site: name, Kind: extract.KindList}
				if extract.IsDocument(address) {
					page.Kind = extract.KindAttachment
				}
				pages = append(pages, page)
			}
		} else if !slices.Contains(sites.Names(), arg) {
			name = sites.Of("http://" + arg + "/")
		}
		if name == "" {
			return nil, nil, fmt.Errorf("no site %q is defined; luutin sites list shows those there are, docs/adding-a-site.md how to define one", arg)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, pages, nil
}

// withScheme writes a page of a site that is named without http:// as the site's
// start pages are written. All else stays as it is.
func withScheme(sites *extract.Sites, arg string) string {
	at := strings.IndexAny(arg, "/?")
	if at < 0 {
		return arg
	}
	site := sites.Of("http://" + arg[:at] + "/")
	if site == "" {
		return arg
	}
	return extract.LikeSeeds("http://"+arg, sites.Seeds(site))
}

// A crawlJob is what luutin crawl was told to do.
type crawlJob struct {
	cmd     *cobra.Command
	flags   *flags
	crawler *crawler.Crawler
	sites   *extract.Sites
	names   []string // empty means all
	pages   []store.Target
	revisit bool
	telling telling
	monitor *monitor // may be nil

	open   func() (store.Archive, error) // the archive; nil opens that of the flags
	events func(crawler.Event)           // is told of every visit; may be nil
}

// once opens the archive for one crawl.
func (j *crawlJob) once(ctx context.Context) (err error) {
	open := j.open
	if open == nil {
		open = func() (store.Archive, error) { return bolt.OpenSoon(ctx, j.flags.archive, bolt.Options{Share: true}) }
	}
	archive, err := open()
	if err != nil {
		return err
	}
	j.monitor.begin()
	defer func() { j.monitor.end(err) }()
	j.crawler.Archive, j.crawler.Sites = archive, j.sites
	indexed := keepIndex(ctx, j.cmd.ErrOrStderr(), j.flags, archive)
	summary, err := j.crawl(ctx)
	indexed()
	if closeErr := archive.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close archive %s: %w", j.flags.archive, closeErr)
	}
	lost := slices.ContainsFunc(slices.Collect(maps.Values(summary.Sites)), func(s *crawler.SiteSummary) bool { return len(s.Lost) > 0 })
	if err == nil && (summary.Failed+summary.Blocked > 0 || lost || len(j.aimless(summary)) > 0) {
		err = errNo
	}
	return err
}

// aimless are the sites that were named and whose crawl had nowhere to begin.
func (j *crawlJob) aimless(s crawler.Summary) []string {
	return slices.DeleteFunc(slices.Clone(j.names), func(name string) bool {
		site := s.Sites[name]
		named := slices.ContainsFunc(j.pages, func(p store.Target) bool { return p.Site == name })
		return named || len(j.sites.Seeds(name)) > 0 || site != nil && site.Visited > 0
	})
}

// look judges how the sites are doing after a crawl, and tells of alarms that
// have begun or ended.
func (j *crawlJob) look(ctx context.Context) ([]watch.Report, error) {
	names := j.names
	if len(names) == 0 {
		names = j.sites.Names()
	}
	archive := j.crawler.Archive
	reports, news, err := watch.Update(ctx, archive, j.sites, names, time.Now())
	if err != nil {
		return nil, err
	}
	failed, err := j.telling.tell(ctx, j.cmd.ErrOrStderr(), news, func(a store.Alarm) error {
		return archive.Raise(context.WithoutCancel(ctx), a) // told it is, though the crawl is stopped
	})
	if failed != nil {
		fmt.Fprintf(j.cmd.ErrOrStderr(), "luutin: %v\n", failed)
	}
	if err != nil {
		return nil, err
	}
	reports = slices.DeleteFunc(reports, func(r watch.Report) bool { return r.Total.Visits == 0 })
	if j.monitor != nil {
		stats, err := archive.Stats(ctx)
		if err != nil {
			return nil, err
		}
		j.monitor.saw(reports, stats.Targets)
	}
	return reports, nil
}

// awaitArchive calls once as soon as nobody else has the archive.
func awaitArchive(ctx context.Context, cmd *cobra.Command, common *flags, once func(context.Context) error) error {
	for said := false; ; said = true {
		err := once(ctx)
		var inUse *store.InUse
		if !errors.As(err, &inUse) {
			return err
		}
		if !said && !common.quiet {
			fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %v; waiting for it to end\n", err)
		}
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dryRun shows what a crawl would visit.
func dryRun(cmd *cobra.Command, common *flags, c *crawler.Crawler, sites *extract.Sites, names []string, pages []store.Target, revisit bool) error {
	archive, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist): // every crawl begins so
	case err != nil:
		return err
	default:
		defer archive.Close()
		c.Archive = archive
	}
	c.Sites = sites
	plan, err := c.Plan(cmd.Context(), names, pages, revisit)
	if err != nil {
		return err
	}
	for _, name := range names {
		planned := slices.ContainsFunc(plan, func(p crawler.Planned) bool { return p.Site == name })
		if !planned && len(sites.Seeds(name)) == 0 {
			sayAimless(cmd.ErrOrStderr(), name)
		}
	}
	if len(names) == 0 {
		names = sites.Names()
	}
	out := cmd.OutOrStdout()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, p := range plan {
		if common.json {
			err = enc.Encode(p)
		} else {
			_, err = fmt.Fprintf(out, "%s  %-5s  %-10s  %s", p.Site, p.Why, p.Kind, p.URL)
			if p.Post != "" && err == nil {
				_, err = fmt.Fprintf(out, "  POST %s", p.Post)
			}
			if p.Reason != "" && err == nil {
				_, err = fmt.Fprintf(out, "  (%s)", p.Reason)
			}
			if !p.After.IsZero() && err == nil {
				_, err = fmt.Fprintf(out, "  (its host is not to be asked before %s)", p.After.Local().Format(time.DateTime))
			}
			if err == nil {
				_, err = fmt.Fprintln(out)
			}
		}
		if err != nil {
			return err
		}
	}
	if !common.quiet {
		now := time.Now()
		for _, name := range names {
			sayHours(cmd.ErrOrStderr(), name, sites.Terms(name).Hours, now)
		}
	}
	return nil
}

// sayAimless says that the crawl of a site has nowhere to begin.
func sayAimless(w io.Writer, name string) {
	fmt.Fprintf(w, "%s: its definition names no start, feeds, sitemaps or seed: there is nowhere to begin\n", name)
}

// sayHours says so when a site is not to be asked at this hour.
func sayHours(w io.Writer, name string, hours extract.Hours, now time.Time) {
	if opens := hours.Opens(now); opens.After(now) {
		fmt.Fprintf(w, "%s: asked from %s only; next at %s\n", name, hours, opens.Local().Format(time.DateTime))
	}
}

func (j *crawlJob) crawl(ctx context.Context) (crawler.Summary, error) {
	c, names, pages := j.crawler, j.names, j.pages
	if len(pages) > 0 {
		if _, err := c.Archive.Add(ctx, pages...); err != nil {
			return crawler.Summary{}, err
		}
		known := make([]string, len(pages))
		for i, p := range pages {
			known[i] = p.Canonical
		}
		if _, err := c.Archive.Recall(ctx, store.Selection{URLs: known}); err != nil {
			return crawler.Summary{}, err
		}
	}
	if j.revisit {
		for _, name := range names {
			if _, err := c.Archive.Recall(ctx, store.Selection{Site: name, Kinds: []extract.Kind{extract.KindArticle}}); err != nil {
				return crawler.Summary{}, err
			}
		}
		if len(names) == 0 {
			if _, err := c.Archive.Recall(ctx, store.Selection{Kinds: []extract.Kind{extract.KindArticle}}); err != nil {
				return crawler.Summary{}, err
			}
		}
	}
	p := newProgress(j.cmd.ErrOrStderr(), j.flags.quiet)
	c.Progress = func(e crawler.Event) {
		p.show(e)
		j.monitor.event(e)
		if j.events != nil {
			j.events(e)
		}
	}
	summary, err := c.Run(ctx, names)
	p.clear()
	var reports []watch.Report
	if err == nil {
		reports, err = j.look(ctx)
	}
	report(j.cmd.OutOrStdout(), j.cmd.ErrOrStderr(), j.flags, c.Sites, summary, reports, j.aimless(summary))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return summary, context.Canceled
	}
	return summary, err
}

// tellProblems names what went wrong, and says how much of it has no name.
func tellProblems(w io.Writer, problems []crawler.Problem, unnamed int) {
	for i, p := range problems {
		if i == shownProblems && terminal(w) > 0 {
			fmt.Fprintf(w, "… and %d more (2> FILE or --json names them)\n", len(problems)-i+unnamed)
			return
		}
		what := string(p.Result)
		if p.Result == store.Fetched {
			what = "not read"
		}
		fmt.Fprintf(w, "%s: %s\n", what, p)
	}
	if unnamed > 0 {
		fmt.Fprintf(w, "… and %d more, which are not named\n", unnamed)
	}
}

// shownProblems is how many problems a terminal is shown; a file gets them all.
const shownProblems = 20

func report(out, errOut io.Writer, common *flags, sites crawler.Sites, s crawler.Summary, reports []watch.Report, aimless []string) {
	if common.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.Encode(struct {
			crawler.Summary
			Reports []watch.Report `json:"reports"`
		}{s, reports})
		return
	}
	tellProblems(errOut, s.Problems, s.Unnamed) // also to whom wants no remarks: a cron job is to tell of them
	names := slices.Sorted(maps.Keys(s.Sites))
	for _, name := range names {
		if lost := s.Sites[name].Lost; len(lost) > 0 {
			fmt.Fprintf(errOut, "%s: not there of where the crawl begins: %s, as %s; say in its definition where that has moved\n", name, count(len(lost), "page"), lost[0])
		}
	}
	for _, name := range aimless {
		sayAimless(errOut, name)
	}
	if !s.Waiting.IsZero() && !common.quiet {
		fmt.Fprintf(errOut, "what is due next waits for its host until %s; crawl again then\n", s.Waiting.Local().Format(time.DateTime))
	}
	if !common.quiet {
		if s.Cut > 0 {
			fmt.Fprintf(errOut, "%d answers were cut short or broke off; what came of them is kept\n", s.Cut)
		}
		for _, name := range names {
			sayHours(errOut, name, sites.Terms(name).Hours, s.Ended)
			sayLeftOut(errOut, name, s.Sites[name])
			if faults := s.Sites[name].TLS; len(faults) > 0 {
				fmt.Fprintf(errOut, "%s: TLS was put up with: %s\n", name, strings.Join(faults, ", "))
			}
		}
	}
	if !common.quiet {
		for _, r := range reports {
			if t := s.Sites[r.Site]; t != nil && t.Visited > 0 {
				fmt.Fprintf(errOut, "%s: %s\n", r.Site, glance(r))
			}
		}
	}
	if len(names) > 1 && !common.quiet {
		width := 0
		for _, name := range names {
			width = max(width, len(name))
		}
		for _, name := range names {
			if s.Sites[name].Visited > 0 {
				fmt.Fprintf(out, "%-*s  %s\n", width, name, s.Sites[name].Tally)
			}
		}
	}
	fmt.Fprintln(out, s.Tally)
}

// sayLeftOut tells what of a site was not followed, and why.
func sayLeftOut(w io.Writer, name string, s *crawler.SiteSummary) {
	if span := s.Span; span != nil {
		until := "today"
		if span.Until != "" {
			until = span.Until
		}
		fmt.Fprintf(w, "%s: %s to %s: %s older and %s newer were left out, %s; %s followed until older\n", name, span.Since, until,
			count(span.Before, "link"), count(span.After, "link"), count(span.Sitemaps, "sitemap"), count(span.Ended, "list"))
		if span.Copies > 0 {
			fmt.Fprintf(w, "%s: %s of the last day were not asked for again\n", name, count(span.Copies, "list page"))
		}
		if span.PutOff > 0 {
			fmt.Fprintf(w, "%s: %s that were due lie outside and stay due\n", name, count(span.PutOff, "page"))
		}
	}
	for _, t := range s.Traps {
		fmt.Fprintf(w, "%s: cut: %s (%d), as at %s\n", name, t.What, t.Count, t.Example)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// A progress is the line that a terminal shows while a crawl runs.
type progress struct {
	w      io.Writer
	width  int
	last   time.Time
	added  int
	failed int
	drawn  bool
}

func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w}
	if !quiet {
		p.width = terminal(w)
	}
	return p
}

// terminal returns how many characters wide a terminal is, 0 when w is none.
func terminal(w io.Writer) (width int) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	return width
}

// interval is how often the line changes.
const interval = 100 * time.Millisecond

func (p *progress) show(e crawler.Event) {
	switch {
	case e.Article == store.Added:
		p.added++
	case e.Reason != "" && (e.Result == store.Failed || e.Result == store.Fetched):
		p.failed++
	}
	if p.width < 20 || time.Since(p.last) < interval {
		return
	}
	p.last, p.width = time.Now(), terminal(p.w) // it may have been made narrower
	line := fmt.Sprintf("%d visited, %d added, %d failed  %s", e.Visited, p.added, p.failed, e.URL)
	if r := []rune(line); len(r) > p.width-1 {
		line = string(r[:p.width-2]) + "…"
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.drawn = true
}

func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
