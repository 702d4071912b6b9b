package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"luutin/cmd/luutin/web"
	"luutin/crawler"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/search"
)

func serveCommand(common *flags) *cobra.Command {
	var (
		address  string
		hosts    []string
		password string
		crawls   bool
		every    time.Duration
		telling  telling
		c        crawler.Crawler
		proxy    string
	)
	cmd := &cobra.Command{
		Use:   "serve [SITE…]",
		Short: "Show the archive in a browser, and to other programs",
		Long: `Serve shows the archive: search without diacritics, articles with their versions
and what changed between them, the pages as they were archived, ministries and
their timelines, the health of the sites. Everything on it is read; nothing can
be changed.

Archived pages are shown without scripts, forms and frames, and fetch nothing
from anywhere. Programs find a JSON interface (/api/openapi.json), Atom feeds,
Memento (RFC 7089: /timegate/, /timemap/), a CDX server (/cdx), /metrics and
/healthz.

It can be reached from this machine only, unless --address says otherwise; then
name what it is called with --host, and set a password. A proxy before it has to
do the TLS.

With --crawl it crawls as well, as luutin crawl --every does: the SITEs, or all.`,
		Example: `  luutin serve
  luutin serve --address :8080 --host tin.example.org --password-file /etc/luutin/password
  luutin serve --crawl --every 1h moj.gov.vn mof.gov.vn`,
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			names, pages, err := chooseSites(sites, args)
			switch {
			case err != nil:
				return err
			case len(pages) > 0:
				return fmt.Errorf("serve --crawl takes sites, not pages; luutin crawl %s visits the page", pages[0].URL)
			case !crawls && len(args) > 0:
				return errors.New("sites are for --crawl; without it the whole archive is shown")
			case !crawls && given(cmd, crawlFlags) != "":
				return fmt.Errorf("--%s is for --crawl; without it nothing is asked for", given(cmd, crawlFlags))
			case every < time.Minute:
				return fmt.Errorf("--every %v is less than a minute; name a span such as 1h", every)
			}
			if err := setProxy(&c, proxy); err != nil {
				return err
			}
			if err := telling.check(); err != nil {
				return err
			}
			secret, err := readPassword(password)
			if err != nil {
				return err
			}
			user, secret, named := strings.Cut(secret, ":")
			if !named {
				user, secret = "luutin", user
			}
			l, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("--address: %w", err)
			}
			defer l.Close()
			if !crawls {
				// With --crawl it may come yet.
				a, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true})
				var inUse *store.InUse
				if err != nil && !errors.As(err, &inUse) {
					return err
				}
				if err == nil {
					a.Close()
				}
			}
			if secret == "" && !fromHereOnly(l.Addr()) && !common.quiet {
				fmt.Fprintf(cmd.ErrOrStderr(), "luutin: whoever reaches %s can read the archive; --password-file sets a password\n", l.Addr())
			}
			s := &service{cmd: cmd, flags: common}
			options := web.Options{
				Open:  func() (store.Archive, error) { return bolt.Open(common.archive, bolt.Options{ReadOnly: true}) },
				Sites: sites, Hosts: hosts, User: user, Password: secret, Search: s.openIndex, Problem: s.problem,
			}
			m := newMonitor(every)
			m.archive = &watchedArchive{crawls: crawls}
			options.Metrics, options.Health = m.handler(), m.handler()
			if crawls {
				options.Live = s.live
			}
			if s.server, err = web.New(options); err != nil {
				return err
			}
			m.archive.stats, m.archive.judge = s.server.Stats, s.server.Reports
			defer s.server.Close()
			defer s.closeIndex()
			return s.run(cmd.Context(), l, func(ctx context.Context) error {
				if !crawls {
					<-ctx.Done()
					return ctx.Err()
				}
				job := &crawlJob{cmd: cmd, flags: common, crawler: &c, sites: sites, names: names, telling: telling, monitor: m, events: s.event}
				job.open = func() (a store.Archive, err error) {
					err = s.server.Give(ctx, func() error {
						a, err = bolt.OpenSoon(ctx, common.archive, bolt.Options{Share: true})
						return err
					})
					return a, err
				}
				return s.crawl(ctx, job, every)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "address", "127.0.0.1:8899", "the `ADDRESS` to be reached at; :8899 is every address of this machine")
	f.StringSliceVar(&hosts, "host", nil, "a `NAME` that it is asked by, besides localhost and addresses; * is any")
	f.StringVar(&password, "password-file", "", "a `FILE` with NAME:PASSWORD that readers have to know; as a bearer token the password alone does")
	f.BoolVar(&crawls, "crawl", false, "crawl as well")
	f.DurationVar(&every, "every", time.Hour, "with --crawl: how long after the beginning of a crawl the next begins, give or take a tenth")
	f.StringVar(&telling.command, "notify", "", "with --crawl: a `COMMAND` for the shell when an alarm begins or ends; it gets the alarm as JSON")
	f.StringVar(&telling.webhook, "webhook", "", "with --crawl: a `URL` to post the same JSON to")
	f.StringVar(&proxy, "proxy", "", "with --crawl: the `URL` of an HTTP proxy; what it asks is not checked")
	f.DurationVar(&c.Delay, "delay", 0, "with --crawl: the pause between two requests to a host (default: the site's own, else 1s)")
	f.BoolVar(&c.AllowPrivate, "allow-private", false, "with --crawl: hosts may be this machine or in a private network")
	f.StringVar(&c.Agent, "user-agent", "", "with --crawl: who to be (default: "+crawler.DefaultAgent+")")
	return cmd
}

// crawlFlags are the flags of serve that mean nothing without --crawl.
var crawlFlags = []string{"every", "notify", "webhook", "proxy", "delay", "allow-private", "user-agent"}

// given returns the first of some flags that was given, or "".
func given(cmd *cobra.Command, names []string) string {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// fromHereOnly reports whether an address can be reached from this machine only.
func fromHereOnly(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// readPassword reads the first line of a file; "" when there is none to read.
func readPassword(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" || strings.HasSuffix(line, ":") {
		return "", fmt.Errorf("--password-file %s: the first line is to be NAME:PASSWORD", name)
	}
	return line, nil
}

// A service is a running luutin serve.
type service struct {
	cmd    *cobra.Command
	flags  *flags
	server *web.Server

	mu    sync.Mutex
	index *search.Index // nil until the archive is there
	lent  store.Archive // what the index reads from
	now   web.Live
}

// openIndex is called before there may be an archive at all.
func (s *service) openIndex(a store.Archive) (web.Finder, error) {
	s.lent = a
	_, err := s.find()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, err
}

// find returns the index, which is opened when the archive has come.
func (s *service) find() (*search.Index, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		return s.index, nil
	}
	if _, err := os.Stat(s.flags.archive); err != nil {
		return nil, err
	}
	x, err := search.Open(s.flags.archive, s.lent, search.Options{Anew: sayAnew(s.cmd.ErrOrStderr(), s.flags)})
	if mayNotWrite(err) {
		var readErr error
		if x, readErr = search.Open(s.flags.archive, s.lent, search.Options{ReadOnly: true}); errors.Is(readErr, search.ErrNoIndex) {
			err = mayNotMake(err)
		} else {
			err = readErr
		}
	}
	if err == nil {
		s.index = x
	}
	return x, err
}

// Find implements web.Finder.
func (s *service) Find(ctx context.Context, q search.Query) (search.Results, error) {
	x, err := s.find()
	if errors.Is(err, fs.ErrNotExist) {
		return search.Results{}, nil
	}
	if err != nil {
		return search.Results{}, err
	}
	return x.Find(ctx, q)
}

func (s *service) closeIndex() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		s.index.Close()
		s.index = nil
	}
}

// keepUp brings the index up to date now and then.
func (s *service) keepUp(ctx context.Context) {
	for {
		err := func() error {
			x, err := s.find()
			if err != nil {
				return err
			}
			behind, err := x.Behind(ctx)
			if err == nil && behind {
				_, err = x.Update(ctx, nil)
			}
			return err
		}()
		var inUse *store.InUse
		if err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, store.ErrReadOnly) && !errors.As(err, &inUse) {
			s.problem(nil, err)
		}
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// run answers requests until ctx ends or work does.
func (s *service) run(ctx context.Context, l net.Listener, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{Handler: s.server, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
		WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	var running sync.WaitGroup
	running.Go(func() { s.keepUp(ctx) })
	ended := make(chan error, 1)
	running.Go(func() { ended <- server.Serve(l) })
	if !s.flags.quiet {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "the archive is at http://%s/\n", l.Addr())
	}
	err := work(ctx)
	// Answers under way are finished, within a moment.
	shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(shut) != nil {
		server.Close()
	}
	stop()
	running.Wait()
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

func (s *service) crawl(ctx context.Context, job *crawlJob, every time.Duration) error {
	return crawler.Every(ctx, every, rand.Float64, func(ctx context.Context) error {
		s.set(func(l *web.Live) { *l = web.Live{Running: true, Recent: []string{}} })
		err := awaitArchive(ctx, s.cmd, s.flags, job.once)
		job.crawler.OnlyDue = true
		s.set(func(l *web.Live) {
			if l.Running = false; err != nil && !errors.Is(err, errNo) {
				l.Trouble = err.Error()
			}
		})
		if err != nil && !errors.Is(err, errNo) && ctx.Err() == nil {
			s.problem(nil, fmt.Errorf("crawl: %w", err)) // the archive can be read all the same
		}
		return ctx.Err()
	}, func(next time.Time) {
		job.monitor.waits(next)
		s.set(func(l *web.Live) { l.Next = next })
	})
}

func (s *service) set(f func(*web.Live)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
}

// live is what is shown of a crawl.
func (s *service) live() web.Live {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.now
	l.Recent = slices.Clone(l.Recent)
	if l.Recent == nil {
		l.Recent = []string{}
	}
	return l
}

// event takes a visit.
func (s *service) event(e crawler.Event) {
	const shown = 12
	s.set(func(l *web.Live) {
		l.Visited = e.Visited
		l.Recent = append([]string{e.URL}, l.Recent[:min(len(l.Recent), shown-1)]...)
	})
}

// problem tells what went wrong with a request.
func (s *service) problem(r *http.Request, err error) {
	if r == nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "luutin: %v\n", err)
		return
	}
	fmt.Fprintf(s.cmd.ErrOrStderr(), "luutin: %s %s: %v\n", r.Method, r.URL.Path, err)
}
