package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"luutin/crawler"
	"luutin/crawler/watch"
	"luutin/store"
)

// A monitor answers for a crawl that goes on: /metrics for Prometheus and
// /healthz for what looks after services. A nil monitor does nothing.
type monitor struct {
	every time.Duration

	visits, articles, bytes *prometheus.CounterVec

	archive *watchedArchive // of luutin serve; nil when crawls alone are told of

	mu       sync.Mutex
	running  bool
	began    time.Time // the last crawl; zero before the first
	ended    time.Time // the last crawl that ended
	next     time.Time // when the next begins
	trouble  string    // why the last crawl ended before its time
	reports  []watch.Report
	frontier map[store.State]int
}

// A watchedArchive is looked at when somebody asks how it is.
type watchedArchive struct {
	crawls bool // into it, by this process
	stats  func(context.Context) (store.Stats, error)
	judge  func(context.Context) ([]watch.Report, error)

	mu     sync.Mutex // held while it is looked at
	judged time.Time  // when the sites were judged last
	holds  store.Stats
}

// How long a look may take, and how old what was found of the sites may be.
const (
	lookTime = 2 * time.Second
	lookAge  = time.Minute
)

// look looks at the archive. That a crawl has it for the moment is no trouble.
func (m *monitor) look(ctx context.Context) (holds store.Stats, err error) {
	a := m.archive
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	stats, err := a.stats(ctx)
	if err == nil {
		a.holds = stats
		if now := time.Now(); now.Sub(a.judged) > lookAge {
			var reports []watch.Report
			a.judged = now // what takes too long is not begun again at once
			if reports, err = a.judge(ctx); err == nil {
				m.found(reports, stats.Targets)
			}
		}
	}
	var inUse *store.InUse
	if errors.As(err, &inUse) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return a.holds, err
}

// found takes what a look found; of the sites that this process crawls a crawl
// knows better.
func (m *monitor) found(reports []watch.Report, frontier map[store.State]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended.IsZero() {
		m.reports, m.frontier = reports, frontier
	}
}

// listen serves a monitor until ctx ends. The address is bound when it returns.
func listen(ctx context.Context, address string, every time.Duration) (*monitor, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	m := newMonitor(every)
	s := &http.Server{Handler: m.handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	go s.Serve(l)
	context.AfterFunc(ctx, func() { s.Close() })
	return m, nil
}

func newMonitor(every time.Duration) *monitor {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "luutin", Name: name, Help: help}, labels)
	}
	return &monitor{
		every: every, frontier: map[store.State]int{},
		visits:   counter("visits_total", "Visits since this process began, by their result.", "site", "result"),
		articles: counter("articles_total", "Articles since this process began, by what a visit did to them.", "site", "outcome"),
		bytes:    counter("bytes_total", "Bytes of answers since this process began, without content coding.", "site"),
	}
}

func (m *monitor) handler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(m, m.visits, m.articles, m.bytes)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", m.health)
	return mux
}

// event counts a visit.
func (m *monitor) event(e crawler.Event) {
	if m == nil {
		return
	}
	m.visits.WithLabelValues(e.Site, string(e.Result)).Inc()
	m.bytes.WithLabelValues(e.Site).Add(float64(e.Bytes))
	if e.Article != store.NoArticle {
		m.articles.WithLabelValues(e.Site, string(e.Article)).Inc()
	}
}

// begin notes that a crawl begins, or ends.
func (m *monitor) begin() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.began = true, time.Now()
}

func (m *monitor) end(err error) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.ended, m.trouble = false, time.Now(), ""
	if err != nil && !errors.Is(err, errNo) {
		m.trouble = err.Error()
	}
}

func (m *monitor) waits(next time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = next
}

// saw takes what was found at the end of a crawl.
func (m *monitor) saw(reports []watch.Report, frontier map[store.State]int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports, m.frontier = reports, frontier
}

// health is 200 as long as the archive can be read and crawls come to their end:
// alarms about sites are no reason to restart anything, so they only stand in the
// answer.
func (m *monitor) health(w http.ResponseWriter, r *http.Request) {
	var archiveErr error
	if m.archive != nil {
		_, archiveErr = m.look(r.Context())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := struct {
		Status string    `json:"status"` // ok, or why not
		Crawl  string    `json:"crawl"`  // running, waiting, or none when this process does not crawl
		Ended  time.Time `json:"last_crawl_ended,omitzero"`
		Next   time.Time `json:"next_crawl,omitzero"`
		Alarms []string  `json:"alarms"`
	}{Status: "ok", Crawl: "waiting", Ended: m.ended, Alarms: []string{}}
	switch {
	case m.archive != nil && !m.archive.crawls:
		answer.Crawl = "none"
	case m.running:
		answer.Crawl = "running"
	default:
		answer.Next = m.next
	}
	for _, r := range m.reports {
		for _, a := range r.Alarms {
			answer.Alarms = append(answer.Alarms, r.Site+": "+a.Name)
		}
	}
	if errors.Is(archiveErr, fs.ErrNotExist) && m.archive.crawls && m.ended.IsZero() {
		archiveErr = nil // the first crawl makes it
	}
	switch {
	case archiveErr != nil:
		answer.Status = "the archive cannot be read: " + archiveErr.Error()
	case m.trouble != "":
		answer.Status = "the last crawl ended before its time: " + m.trouble
	case !m.running && !m.next.IsZero() && time.Since(m.next) > max(m.every, time.Minute):
		answer.Status = "no crawl has begun since " + m.next.UTC().Format(time.RFC3339)
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.Status != "ok" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(answer)
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("luutin_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector: it is unchecked, since sites come
// and go.
func (m *monitor) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *monitor) Collect(out chan<- prometheus.Metric) {
	var holds store.Stats
	var archiveErr error
	if m.archive != nil {
		holds, archiveErr = m.look(context.Background())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	when := func(d *prometheus.Desc, t time.Time, labels ...string) {
		if !t.IsZero() {
			set(d, float64(t.UnixMilli())/1000, labels...)
		}
	}
	if m.archive != nil {
		readable := 1.
		if archiveErr != nil {
			readable = 0
		}
		set(gauge("archive_readable", "1 when the archive can be read."), readable)
		set(gauge("archive_articles", "Articles that the archive holds."), float64(holds.Articles))
		set(gauge("archive_versions", "Versions of articles that the archive holds."), float64(holds.Versions))
		set(gauge("archive_captures", "Distinct pages and files that the archive holds."), float64(holds.Captures))
		set(gauge("archive_visits", "Visits that the archive has recorded."), float64(holds.Visits))
		set(gauge("archive_bytes", "Bytes of pages and files as they are kept."), float64(holds.Kept))
		when(gauge("archive_last_visit_timestamp_seconds", "The last visit that the archive has recorded."), holds.LastSeen)
	}
	running := 0.
	if m.running {
		running = 1
	}
	set(gauge("crawl_running", "1 while a crawl is under way."), running)
	when(gauge("crawl_began_timestamp_seconds", "When the last crawl began."), m.began)
	when(gauge("crawl_ended_timestamp_seconds", "When a crawl ended last."), m.ended)
	frontier := gauge("frontier_targets", "URLs known after the last crawl, by state.", "state")
	for state, n := range m.frontier {
		set(frontier, float64(n), string(state))
	}
	var (
		success  = gauge("last_success_timestamp_seconds", "The last visit that brought a page.", "site")
		silence  = gauge("silence_days", "Days since something was published.", "site")
		usual    = gauge("usual_silence_days", "The longest silence that is usual.", "site")
		fill     = gauge("field_fill_ratio", "Share of articles read in the last seven days that have the field.", "site", "field")
		fillUsed = gauge("field_fill_usual_ratio", "The same of all days before.", "site", "field")
		answer   = gauge("answer_seconds", "Mean of the last day's answers.", "site")
		failed   = gauge("week_failed_visits", "Visits of the last seven days that brought no page, without those that found it gone.", "site")
		added    = gauge("week_added_articles", "New articles of the last seven days.", "site")
		alarm    = gauge("alarm", "1 while the alarm lasts.", "site", "name")
	)
	for _, r := range m.reports {
		when(success, r.LastSuccess, r.Site)
		if r.Newest != "" {
			set(silence, float64(r.Silence), r.Site)
		}
		if r.Usual > 0 {
			set(usual, float64(r.Usual), r.Site)
		}
		for _, f := range r.Fields {
			if f.Recent >= 0 {
				set(fill, f.Recent, r.Site, f.Name)
			}
			if f.Usual >= 0 {
				set(fillUsed, f.Usual, r.Site, f.Name)
			}
		}
		if r.Answers.Recent > 0 {
			set(answer, r.Answers.Recent.Seconds(), r.Site)
		}
		set(failed, float64(r.Week.Failed), r.Site)
		set(added, float64(r.Week.Added), r.Site)
		lasts := map[string]float64{}
		for _, a := range r.Alarms {
			lasts[a.Name] = 1
		}
		for _, name := range watch.Names() {
			set(alarm, lasts[name], r.Site, name)
		}
	}
}
