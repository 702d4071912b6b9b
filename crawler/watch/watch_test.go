package watch_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"luutin/crawler"
	"luutin/crawler/watch"
	"luutin/extract"
	"luutin/store"
)

// counted is an archive of counts alone.
type counted struct {
	days   []store.Day
	trends []store.Trend
	alarms []store.Alarm
	rests  map[string]time.Time
}

func (c *counted) Days(context.Context, string, string) ([]store.Day, error) { return c.days, nil }
func (c *counted) Trends(context.Context, string) ([]store.Trend, error)     { return c.trends, nil }
func (c *counted) Alarms(context.Context, string) ([]store.Alarm, error)     { return c.alarms, nil }

func (c *counted) Resting(_ context.Context, at time.Time) (map[string]time.Time, error) {
	resting := maps.Clone(c.rests)
	maps.DeleteFunc(resting, func(_ string, until time.Time) bool { return !until.After(at) })
	return resting, nil
}

// raise keeps alarms as an archive does.
func (c *counted) raise(alarms []store.Alarm) {
	for _, a := range alarms {
		same := func(b store.Alarm) bool { return b.Name == a.Name && b.Raised.Equal(a.Raised) }
		if i := slices.IndexFunc(c.alarms, same); i >= 0 {
			c.alarms[i] = a
		} else {
			c.alarms = append(c.alarms, a)
		}
	}
}

type noRules struct{}

func (noRules) Rules(string, string) map[string]string {
	return map[string]string{"title": "h1", "published": ".date", "body": ".body", "authors": ".by", "source": ".source"}
}
func (noRules) Seeds(string) []extract.Link { return nil }
func (noRules) Belongs(site, host string) bool {
	return strings.HasSuffix("."+host, "."+site) || strings.HasSuffix(host, site+".test")
}

// TestResting wants the hosts of a site that are to be left alone, and no other.
func TestResting(t *testing.T) {
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	a := &counted{rests: map[string]time.Time{
		"m": later, "www.m:8080": later, "n": later,
		"past.m": now.Add(-time.Hour),
		"turn.m": now.Add(time.Second), // its delay
	}}
	r, _, err := watch.Look(t.Context(), a, noRules{}, "m", now)
	if want := []watch.Rest{{Host: "m", Until: later}, {Host: "www.m:8080", Until: later}}; err != nil || !slices.Equal(r.Resting, want) {
		t.Errorf("resting: %v, %v, want %v", r.Resting, err, want)
	}
}

// TestRedesign tells new articles from old ones that are looked at again, a host
// of files from that of the site, and a definition from an earlier one.
func TestRedesign(t *testing.T) {
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	trend := func(name string, good, bad, since int, last time.Time) store.Trend {
		return store.Trend{Host: "m.test", Name: name, Good: good, Bad: bad, Since: ago(since), Last: last, Seen: 200, Hits: 200, Page: "http://m.test/1"}
	}
	files := trend("lets in", 0, 30, 5, now)
	files.Host = "files.m.test"
	strange := trend("lets in", 0, 30, 5, now)
	strange.Host = "other.test"
	open := &store.Alarm{Site: "m", Name: watch.RuleDied, Began: ago(5), Raised: ago(3), What: "?", Page: "http://m.test/1"}
	for _, c := range []struct {
		name   string
		open   *store.Alarm
		trends []store.Trend
		want   string // alarms that last
	}{
		{"only new articles have the new layout", nil, []store.Trend{trend("rule title", 0, 5, 5, now), trend("again rule title", 300, 0, 90, now)}, watch.RuleDied},
		{"and the old ones do not end it", open, []store.Trend{trend("rule title", 0, 5, 5, ago(1)), trend("again rule title", 300, 0, 90, now)}, watch.RuleDied},
		{"new ones do", open, []store.Trend{trend("rule title", 3, 0, 1, now), trend("again rule title", 300, 0, 90, now)}, ""},
		{"old ones show it first", nil, []store.Trend{trend("rule title", 90, 0, 90, ago(3)), trend("again rule title", 0, 5, 1, now)}, watch.RuleDied},
		{"and that it is over", open, []store.Trend{trend("rule title", 0, 5, 5, ago(2)), trend("again rule title", 9, 0, 1, now)}, ""},
		{"old ones stay without a rule", nil, []store.Trend{trend("rule title", 90, 0, 90, now), trend("again rule title", 0, 50, 5, now)}, ""},
		{"a rule that there is now", open, []store.Trend{trend("has title", 0, 30, 30, ago(2)), trend("rule title", 9, 0, 1, now)}, ""},
		{"a rule that is no more", open, []store.Trend{trend("rule lead", 0, 40, 30, ago(2))}, ""},
		{"files that nobody may have hide nothing", nil, []store.Trend{files, trend("rule title", 0, 5, 5, now)}, watch.RuleDied + watch.Blocked},
		{"a host that was of the site once", nil, []store.Trend{strange}, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			a := &counted{trends: c.trends}
			if c.open != nil {
				a.alarms = []store.Alarm{*c.open}
			}
			r, _, err := watch.Look(t.Context(), a, noRules{}, "m", now)
			got := ""
			for _, alarm := range r.Alarms {
				got += alarm.Name
			}
			if err != nil || got != c.want {
				t.Errorf("%q lasts, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestRhythms watches sites of every rhythm for three years, holidays included:
// none is called quiet as long as it keeps to it, and each is, in the end, when
// it falls silent.
func TestRhythms(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, rhythm := range []struct {
		name   string
		weekly [7]float64 // chance of something on that day, from Sunday
		within int        // days in which silence has to be noticed
	}{
		{"every day", [7]float64{.9, 1, 1, 1, 1, 1, .9}, 20},
		{"working days", [7]float64{0, .95, .95, .95, .95, .95, .1}, 30},
		{"most working days", [7]float64{0, .5, .5, .5, .5, .5, 0}, 50},
		{"once a week", [7]float64{0, 0, 0, 1, 0, 0, 0}, 50},
		{"once a week or so", [7]float64{.14, .14, .14, .14, .14, .14, .14}, 200},
		{"twice a month or so", [7]float64{.07, .07, .07, .07, .07, .07, .07}, 600},
	} {
		t.Run(strings.ReplaceAll(rhythm.name, " ", "-"), func(t *testing.T) {
			begin := time.Date(2023, 1, 2, 8, 0, 0, 0, time.UTC)
			a := &counted{}
			silent := begin.AddDate(3, 0, 0)
			began := time.Time{}
			for now := begin; now.Before(silent.AddDate(0, 0, rhythm.within+1)); now = now.AddDate(0, 0, 1) {
				d := store.Day{Date: now.Format(time.DateOnly), Visits: 1, Results: map[store.Result]int{store.Fetched: 1}, Last: now}
				holiday := now.YearDay() >= 27 && now.YearDay() < 36
				if now.Before(silent) && !holiday && random.Float64() < rhythm.weekly[now.Weekday()] {
					d.Published, d.Added = 1, 1
				}
				a.days = append(a.days, d)
				if len(a.days)%3 != 0 {
					continue // looked at every third day, a test takes a third of the time
				}
				_, changed, err := watch.Look(t.Context(), a, noRules{}, "m", now)
				if err != nil {
					t.Fatal(err)
				}
				a.raise(changed)
				for _, c := range changed {
					if c.Name != watch.Quiet || now.Before(silent) || !c.Ended.IsZero() {
						t.Fatalf("%s: %s: %s, ended %v", d.Date, c.Name, c.What, c.Ended)
					}
					began = now
				}
			}
			if after := began.Sub(silent); began.IsZero() || after > time.Duration(rhythm.within)*24*time.Hour {
				t.Errorf("its silence was noticed after %v", after)
			}
		})
	}
}

// TestTrends tells accidents from the death of a rule.
func TestTrends(t *testing.T) {
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	hours := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name  string
		trend store.Trend
		want  string // the alarm
	}{
		{"a title that is always there is missed twice", store.Trend{Name: "rule title", Bad: 2, Since: hours(30), Last: now, Seen: 200, Hits: 200}, ""},
		{"and three times", store.Trend{Name: "rule title", Bad: 3, Since: hours(3), Last: now, Seen: 200, Hits: 200}, watch.RuleDied},
		{"a date that half of the pages have", store.Trend{Name: "rule published", Bad: 12, Since: hours(300), Last: now, Seen: 200, Hits: 100}, ""},
		{"and is gone", store.Trend{Name: "rule published", Bad: 25, Since: hours(300), Last: now, Seen: 200, Hits: 100}, watch.RuleDied},
		{"a series of pictures without authors", store.Trend{Name: "rule authors", Bad: 9, Since: hours(30), Last: now, Seen: 200, Hits: 195}, ""},
		{"all on one day", store.Trend{Name: "rule authors", Bad: 15, Since: hours(6), Last: now, Seen: 200, Hits: 195}, ""},
		{"authors are gone", store.Trend{Name: "rule authors", Bad: 15, Since: hours(60), Last: now, Seen: 200, Hits: 195}, watch.RuleDied},
		{"a source is named now and then", store.Trend{Name: "rule source", Bad: 90, Since: hours(900), Last: now, Seen: 200, Hits: 60}, ""},
		{"a rule that never found anything", store.Trend{Name: "rule body", Bad: 12, Since: hours(3), Last: now}, watch.RuleDied},
		{"too little is known", store.Trend{Name: "rule body", Bad: 4, Since: hours(3), Last: now, Seen: 3, Hits: 3}, ""},
		{"a wall, once", store.Trend{Name: "lets in", Bad: 2, Since: hours(3), Last: now, Seen: 9, Hits: 9}, ""},
		{"a wall, all morning", store.Trend{Name: "lets in", Bad: 3, Since: hours(3), Last: now, Seen: 9, Hits: 9}, watch.Blocked},
		{"down over night", store.Trend{Name: "answers", Bad: 20, Since: hours(9), Last: now, Seen: 9, Hits: 9}, ""},
		{"down for two days", store.Trend{Name: "answers", Bad: 20, Since: hours(48), Last: now, Seen: 9, Hits: 9}, watch.Unreachable},
		{"a few articles are withdrawn", store.Trend{Name: "articles stay", Bad: 5, Since: hours(48), Last: now, Seen: 300, Hits: 290}, ""},
		{"all of them are", store.Trend{Name: "articles stay", Bad: 12, Since: hours(48), Last: now, Seen: 300, Hits: 290}, watch.Moved},
		{"a start page that the definition no longer has", store.Trend{Name: "stays http://m.test/", Bad: 12, Since: hours(48), Last: now}, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			c.trend.Host, c.trend.Page = "m.test", "http://m.test/1"
			a := &counted{trends: []store.Trend{c.trend}}
			_, changed, err := watch.Look(t.Context(), a, noRules{}, "m", now)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, alarm := range changed {
				got += alarm.Name
				if alarm.Page != "http://m.test/1" || !alarm.Began.Equal(c.trend.Since) || !alarm.Pending {
					t.Errorf("%+v", alarm)
				}
			}
			if got != c.want {
				t.Errorf("alarm %q, want %q", got, c.want)
			}
			// Looked at again, nothing has changed; what has recovered ends it, once.
			a.raise(changed)
			if _, changed, _ = watch.Look(t.Context(), a, noRules{}, "m", now); len(changed) > 0 {
				t.Errorf("again: %+v", changed)
			}
			for range 3 {
				a.trends[0].Note(true, now.Add(time.Hour), "")
				_, changed, _ = watch.Look(t.Context(), a, noRules{}, "m", now.Add(time.Hour))
				a.raise(changed)
			}
			for _, alarm := range a.alarms {
				if alarm.Ended.IsZero() {
					t.Errorf("%s has not ended", alarm.Name)
				}
			}
			if len(a.alarms) > 1 {
				t.Errorf("%d alarms", len(a.alarms))
			}
		})
	}
}

func TestFill(t *testing.T) {
	day := func(date string, read, lead int64) store.Day {
		return store.Day{Date: date, Visits: 9, Results: map[store.Result]int{store.Fetched: 7, store.Unchanged: 1, store.Failed: 1}, Counts: map[string]int64{crawler.CountRead: read, crawler.CountHas + "lead": lead}}
	}
	a := &counted{days: []store.Day{day("2026-03-01", 10, 9), day("2026-03-13", 5, 1), day("2026-03-14", 5, 1)}}
	r, _, err := watch.Look(t.Context(), a, noRules{}, "m", time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Fields {
		switch {
		case f.Name == "lead" && (f.Recent != .2 || f.Usual != .9 || !f.Fallen()):
			t.Errorf("lead: %+v, want .2 of late and .9 before", f)
		case f.Name != "lead" && (f.Recent != 0 || f.Fallen()):
			t.Errorf("%+v has fallen though it was never there", f)
		}
	}
	if r.Week.Visits != 18 || r.Week.Failed != 2 || r.Total.Visits != 27 {
		t.Errorf("week %+v, total %+v", r.Week, r.Total)
	}
}
