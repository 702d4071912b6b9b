// Package watch says how the sites of an archive are doing: what came of late,
// how that compares with what is usual for each of them, and whether something
// is wrong. It goes by what the archive has counted of the visits
// (store.Day, store.Trend), never by the pages.
package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"time"

	"luutin/crawler"
	"luutin/extract"
	"luutin/store"
)

// The names of alarms.
const (
	RuleDied    = "rule died"   // a selector of the definition, or the reader without one, no longer finds its field or its links
	Moved       = "moved"       // start pages or articles are no longer where they were
	Blocked     = "blocked"     // challenges, logins and refusals instead of pages
	Unreachable = "unreachable" // a day and more without an answer
	Quiet       = "quiet"       // nothing new for longer than is usual
	Slow        = "slow"        // answers take much longer than is usual
)

// Names are all of them.
func Names() []string { return []string{RuleDied, Moved, Blocked, Unreachable, Quiet, Slow} }

// An Archive is what is asked of a store.Archive.
type Archive interface {
	Days(ctx context.Context, site, since string) ([]store.Day, error)
	Trends(ctx context.Context, site string) ([]store.Trend, error)
	Alarms(ctx context.Context, site string) ([]store.Alarm, error)
	Resting(ctx context.Context, at time.Time) (map[string]time.Time, error)
}

// Rules are what is asked of the site definitions; *extract.Sites answers.
type Rules interface {
	// Rules returns the rules for the fields of a site's articles.
	Rules(site, extractor string) map[string]string
	// Seeds returns where the crawl of a site begins.
	Seeds(site string) []extract.Link
	// Belongs reports whether a host, without its port, is one of a site's.
	Belongs(site, host string) bool
}

// A Report is how a site is doing.
type Report struct {
	Site        string        `json:"site"`
	LastVisit   time.Time     `json:"last_visit,omitzero"`   // whatever came of it, to the day when nothing came well
	LastSuccess time.Time     `json:"last_success,omitzero"` // the last visit that brought a page, or heard that it is unchanged
	Newest      string        `json:"newest,omitempty"`      // the last day on which something was published
	Silence     int           `json:"silence"`               // days since then
	Usual       int           `json:"usual_silence"`         // the longest silence that is usual, in days; 0 when that is not known
	Week        Sum           `json:"week"`                  // the last seven days
	Total       Sum           `json:"total"`                 // all days
	Perday      []int         `json:"published_per_day"`     // articles of the last 30 days, the oldest first
	Fields      []Field       `json:"fields"`
	Answers     Speed         `json:"answers"`
	Resting     []Rest        `json:"resting,omitempty"` // hosts of the site, by name
	Alarms      []store.Alarm `json:"alarms"`            // that last
}

// A Rest is a host that wants to be left alone, as it said with Retry-After or
// showed by refusing: nobody asks it before.
type Rest struct {
	Host  string    `json:"host"`
	Until time.Time `json:"until"`
}

// A Sum adds up days.
type Sum struct {
	Visits  int            `json:"visits"`
	Added   int            `json:"added"`
	Changed int            `json:"changed"`
	Gone    int            `json:"gone"`   // visits that found a page gone, the first time and whenever it is looked at again
	Failed  int            `json:"failed"` // visits that brought no page for another cause
	Causes  map[string]int `json:"causes"`
	Read    int            `json:"read"` // article pages that were read
}

// A Field says how often an article had a field.
type Field struct {
	Name   string  `json:"name"`
	Recent float64 `json:"recent"` // share of the article pages read in the last seven days; -1 when there were none
	Usual  float64 `json:"usual"`  // share of those before; -1 when there were none
}

// Fallen reports whether the field is missing much more often than is usual.
func (f Field) Fallen() bool { return f.Recent >= 0 && f.Usual >= 0 && f.Recent < f.Usual-.1 }

// Speed is how long answers take.
type Speed struct {
	Recent time.Duration `json:"-"` // the mean of the last day that has enough of them
	Usual  time.Duration `json:"-"` // the median of such means; 0 when it is not known
	Ms     int64         `json:"recent_ms"`
	UsedTo int64         `json:"usual_ms"`
}

const (
	recently = 7           // days
	shown    = 30          // days of Report.Perday
	pause    = time.Minute // a host that may be asked sooner only waits for its turn
	dayForm  = "2006-01-02"
)

// Look judges a site at a moment. changed are the alarms that begin, end, or
// have something new to say, as they are to be kept by store.Archive.Raise;
// those that begin or end are Pending.
func Look(ctx context.Context, a Archive, rules Rules, site string, now time.Time) (r Report, changed []store.Alarm, err error) {
	s := &subject{site: site, now: now, open: map[string]*store.Alarm{}, silent: map[string]bool{}, rules: rules.Rules(site, ""), starts: map[string]bool{}}
	for _, l := range rules.Seeds(site) {
		s.starts[l.Canonical] = true
	}
	if s.days, err = a.Days(ctx, site, ""); err != nil {
		return r, nil, fmt.Errorf("look at %s: %w", site, err)
	}
	if s.trends, err = a.Trends(ctx, site); err != nil {
		return r, nil, fmt.Errorf("look at %s: %w", site, err)
	}
	s.trends = slices.DeleteFunc(s.trends, func(t store.Trend) bool { // of a host that the definition had once
		return !rules.Belongs(site, (&url.URL{Host: t.Host}).Hostname())
	})
	kept, err := a.Alarms(ctx, site)
	if err != nil {
		return r, nil, fmt.Errorf("look at %s: %w", site, err)
	}
	for i := range kept {
		if kept[i].Ended.IsZero() {
			s.open[kept[i].Name] = &kept[i]
		}
	}
	resting, err := a.Resting(ctx, now.Add(pause))
	if err != nil {
		return r, nil, fmt.Errorf("look at %s: %w", site, err)
	}
	r = s.report()
	for _, host := range slices.Sorted(maps.Keys(resting)) {
		if rules.Belongs(site, (&url.URL{Host: host}).Hostname()) {
			r.Resting = append(r.Resting, Rest{host, resting[host]})
		}
	}
	r.Alarms, changed = s.judge(&r)
	return r, changed, nil
}

// Update judges sites and keeps the alarms that begin and end. news are those
// of which somebody is still to be told, earlier ones that could not be told
// included.
func Update(ctx context.Context, a store.Archive, rules Rules, sites []string, now time.Time) (reports []Report, news []store.Alarm, err error) {
	for _, site := range sites {
		r, changed, err := Look(ctx, a, rules, site, now)
		if err != nil {
			return nil, nil, err
		}
		reports = append(reports, r)
		if err := a.Raise(ctx, changed...); err != nil {
			return nil, nil, fmt.Errorf("keep the alarms of %s: %w", site, err)
		}
	}
	kept, err := a.Alarms(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	for _, alarm := range kept {
		if alarm.Pending && slices.Contains(sites, alarm.Site) {
			news = append(news, alarm)
		}
	}
	return reports, news, nil
}

// A subject is a site that is looked at.
type subject struct {
	site   string
	now    time.Time
	rules  map[string]string
	starts map[string]bool // what the start pages of its definition are known by
	days   []store.Day
	trends []store.Trend
	open   map[string]*store.Alarm // alarms that last, by name
	silent map[string]bool         // hosts that do not answer, or show walls
}

// date writes a day as the clock of whoever looks has it.
func (s *subject) date(t time.Time) string { return t.In(s.now.Location()).Format(time.DateOnly) }

// ago returns the date so many days before now.
func (s *subject) ago(days int) string { return s.now.UTC().AddDate(0, 0, -days).Format(dayForm) }

func (s *subject) report() Report {
	r := Report{Site: s.site, Usual: s.usualSilence(), Perday: make([]int, shown)}
	r.Week.Causes, r.Total.Causes = map[string]int{}, map[string]int{}
	today, begin := s.ago(-1), s.ago(recently) // a day ahead of UTC it may be tomorrow
	recent, before := map[string]int64{}, map[string]int64{}
	for _, d := range s.days {
		counts := before
		if d.Date > begin {
			counts = recent
			r.Week.add(d)
		}
		r.Total.add(d)
		for name, n := range d.Counts {
			counts[name] += n
		}
		if d.Last.After(r.LastSuccess) {
			r.LastSuccess = d.Last
		}
		if d.Visits > 0 {
			if at, err := time.Parse(dayForm, d.Date); err == nil && at.After(r.LastVisit) {
				r.LastVisit = at
			}
		}
		if i := shown - 1 - s.since(d.Date); i >= 0 && i < shown {
			r.Perday[i] = d.Published
		}
		if s.active(d) && d.Date <= today {
			r.Newest = d.Date
		}
	}
	if r.LastSuccess.After(r.LastVisit) {
		r.LastVisit = r.LastSuccess
	}
	if r.Newest != "" {
		r.Silence = max(s.since(r.Newest), 0)
	}
	share := func(counts map[string]int64, field string) float64 {
		if counts[crawler.CountRead] == 0 {
			return -1
		}
		return math.Round(1000*float64(counts[crawler.CountHas+field])/float64(counts[crawler.CountRead])) / 1000
	}
	for _, name := range crawler.Fields() {
		r.Fields = append(r.Fields, Field{name, share(recent, name), share(before, name)})
	}
	r.Answers = s.speed()
	return r
}

func (sum *Sum) add(d store.Day) {
	sum.Visits += d.Visits
	sum.Added += d.Added
	sum.Changed += d.Changed
	sum.Gone += d.Results[store.Missing]
	sum.Failed += d.Visits - d.Results[store.Fetched] - d.Results[store.Unchanged] - d.Results[store.Missing]
	for c, n := range d.Causes {
		sum.Causes[c] += n
	}
	sum.Read += int(d.Counts[crawler.CountRead])
}

// since returns how many days ago a date was.
func (s *subject) since(date string) int {
	at, err := time.Parse(dayForm, date)
	if err != nil {
		return 0
	}
	return int(s.now.UTC().Truncate(24*time.Hour).Sub(at) / (24 * time.Hour))
}

// watched returns how many days ago the first visit was.
func (s *subject) watched() int {
	for _, d := range s.days {
		if d.Visits > 0 {
			return s.since(d.Date)
		}
	}
	return 0
}

// active reports whether something was published on a day. A site that dates
// nothing is judged by when its articles came.
func (s *subject) active(d store.Day) bool {
	return d.Published > 0 || d.Added > 0 && s.undated()
}

// undated reports whether most articles of the site have no date.
func (s *subject) undated() bool {
	added, published := 0, 0
	for _, d := range s.days {
		added += d.Added
		published += d.Published
	}
	return published*2 < added
}

// steps returns the days from each day on which something was published to the
// next, in the year before the last of them.
func (s *subject) steps() (steps []int) {
	last := 0 // ago
	known := false
	newest := -1
	for i := len(s.days) - 1; i >= 0; i-- {
		d := s.days[i]
		ago := s.since(d.Date)
		if !s.active(d) || ago < -1 {
			continue
		}
		if newest < 0 {
			newest = ago
		}
		if ago > newest+365 {
			break
		}
		if known {
			steps = append(steps, ago-last)
		}
		last, known = ago, true
	}
	return steps
}

const (
	enoughSteps  = 10 // days with news before a rhythm is known
	leastSilence = 14 // days: shorter ones are holidays
)

// usualSilence is the longest time without news that is no sign of anything, in
// days: two weeks at least; the mean of the site's own silences and twelve times
// their standard deviation, which one in a million exceeds when they are as
// irregular as can be (exponential), and more while few are known; and half as
// long again as the longest of a year. 0 means that too little is known of its
// rhythm.
func (s *subject) usualSilence() int {
	steps := s.steps()
	if len(steps) < enoughSteps {
		return 0
	}
	n, sum, squares := float64(len(steps)), 0., 0.
	for _, step := range steps {
		sum += float64(step)
		squares += float64(step * step)
	}
	mean := sum / n
	deviation := math.Sqrt(max(squares/n-mean*mean, 0)) * (1 + 1/math.Sqrt(n))
	return max(leastSilence, int(mean+12*deviation), slices.Max(steps)*3/2)
}

const (
	enoughAnswers = 5 // of a day, for its mean to mean something
	enoughDays    = 5 // with such a mean, for what is usual
	speedDays     = 60
)

// speed compares the last day that has enough answers with those before.
func (s *subject) speed() (sp Speed) {
	var before []time.Duration
	for _, d := range s.days {
		n := d.Counts[crawler.CountAnswers]
		if n < enoughAnswers || s.since(d.Date) > speedDays {
			continue
		}
		if sp.Recent > 0 {
			before = append(before, sp.Recent)
		}
		sp.Recent = time.Duration(d.Counts[crawler.CountTook]) * time.Millisecond / time.Duration(n)
	}
	if len(before) >= enoughDays {
		slices.Sort(before)
		sp.Usual = before[len(before)/2]
	}
	sp.Ms, sp.UsedTo = sp.Recent.Milliseconds(), sp.Usual.Milliseconds()
	return sp
}

// judge returns the alarms that last, and those that have changed.
func (s *subject) judge(r *Report) (lasting, changed []store.Alarm) {
	lasting = []store.Alarm{}
	found := s.findings(r)
	for _, name := range Names() {
		f, open := found[name], s.open[name]
		switch {
		case f == nil && open != nil:
			a := *open
			a.Ended, a.Pending, a.Told = s.now, true, nil
			changed = append(changed, a)
		case f == nil:
		case open == nil:
			a := store.Alarm{Site: s.site, Name: name, Began: f.began, Raised: s.now, What: f.what, Page: f.page, Details: f.details, Pending: true}
			lasting, changed = append(lasting, a), append(changed, a)
		default:
			a := *open
			if f.what != "" && (a.What != f.what || a.Page != f.page || !slices.Equal(a.Details, f.details)) {
				a.What, a.Page, a.Details = f.what, f.page, f.details
				changed = append(changed, a)
			}
			lasting = append(lasting, a)
		}
	}
	slices.SortStableFunc(lasting, func(a, b store.Alarm) int { return cmp.Or(a.Began.Compare(b.Began)) })
	return lasting, changed
}
