package store

import "time"

// A Day is what one day brought of a site. Days are told by UTC for what was
// visited, and by the page's own clock for what was published.
type Day struct {
	Date      string           `json:"date"`                // 2026-01-31
	Published int              `json:"published,omitempty"` // articles that say in their latest version that they are of this day
	Visits    int              `json:"visits,omitempty"`
	Added     int              `json:"added,omitempty"`   // articles
	Changed   int              `json:"changed,omitempty"` // articles
	Results   map[Result]int   `json:"results,omitempty"` // of the visits
	Causes    map[string]int   `json:"causes,omitempty"`  // of the visits that went wrong, by Visit.Cause
	Counts    map[string]int64 `json:"counts,omitempty"`  // sums of Visit.Counts
	Last      time.Time        `json:"last,omitzero"`     // the last visit that was Fetched or Unchanged
}

// Merge adds what another day, or another host on the same day, brought.
func (d *Day) Merge(o Day) {
	d.Published += o.Published
	d.Visits += o.Visits
	d.Added += o.Added
	d.Changed += o.Changed
	d.Results = sum(d.Results, o.Results)
	d.Causes = sum(d.Causes, o.Causes)
	d.Counts = sum(d.Counts, o.Counts)
	if o.Last.After(d.Last) {
		d.Last = o.Last
	}
}

// Count adds a visit to a day.
func (d *Day) Count(v *Visit, a ArticleOutcome) {
	d.Merge(Day{Visits: 1, Results: map[Result]int{v.Result: 1}, Counts: v.Counts})
	switch a {
	case Added:
		d.Added++
	case Changed, Returned:
		d.Changed++
	}
	if v.Cause != "" {
		d.Causes = sum(d.Causes, map[string]int{v.Cause: 1})
	}
	if (v.Result == Fetched || v.Result == Unchanged) && v.Time.After(d.Last) {
		d.Last = v.Time.UTC()
	}
}

func sum[K comparable, N int | int64](to, from map[K]N) map[K]N {
	if to == nil && len(from) > 0 {
		to = make(map[K]N, len(from))
	}
	for k, n := range from {
		to[k] += n
	}
	return to
}

// A Signal is something that a visit showed to be as it should be, or not: that
// a rule found the title, that a start page is still where it was.
type Signal struct {
	Name string
	OK   bool
}

// A Trend is what the visits of a site to one host have shown of a signal. The
// last of them in a row were either all good or all bad; Hits of Seen tell of
// those before.
type Trend struct {
	Host  string    `json:"-"`
	Name  string    `json:"-"`
	Good  int       `json:"good,omitempty"` // in a row, the last ones
	Bad   int       `json:"bad,omitempty"`  // in a row, the last ones; one of the two is 0
	Since time.Time `json:"since"`          // the first of them
	Last  time.Time `json:"last"`           // the last of them
	Page  string    `json:"page,omitempty"` // the last URL that was bad
	Seen  float64   `json:"seen,omitempty"` // visits before them; half as many when they become more than trendMemory
	Hits  float64   `json:"hits,omitempty"` // of those, the good ones
}

const (
	trendMemory = 400 // visits before a trend forgets half of them
	badMemory   = 10  // of a row of bad ones so many are remembered: trouble does not become what is usual
)

// Note adds a visit to a trend.
func (t *Trend) Note(ok bool, at time.Time, page string) {
	if ok && t.Bad > 0 || !ok && t.Good > 0 || t.Since.IsZero() {
		t.Seen += float64(t.Good + min(t.Bad, badMemory))
		t.Hits += float64(t.Good)
		for t.Seen > trendMemory {
			t.Seen, t.Hits = t.Seen/2, t.Hits/2
		}
		t.Good, t.Bad, t.Since = 0, 0, at
	}
	t.Last = at
	if ok {
		t.Good++
		return
	}
	t.Bad++
	t.Page = page
}

// Rate is the share of good visits before those in a row, -1 when there were
// none.
func (t *Trend) Rate() float64 {
	if t.Seen == 0 {
		return -1
	}
	return t.Hits / t.Seen
}

// An Alarm is trouble with a site that has a beginning and, when it is over,
// an end.
type Alarm struct {
	Site    string    `json:"site"`
	Name    string    `json:"name"` // rule died, moved, …
	Began   time.Time `json:"began"`
	Raised  time.Time `json:"raised"`           // when it was noticed
	Ended   time.Time `json:"ended,omitzero"`   // zero while it lasts
	What    string    `json:"what"`             // one line for people
	Page    string    `json:"page,omitempty"`   // one to look at
	Details []string  `json:"details"`          // what it is made of, one line each
	Pending bool      `json:"pending,omitzero"` // somebody has still to be told of its beginning or its end
	Told    []string  `json:"told,omitempty"`   // in which ways they were told, while others are pending
}
