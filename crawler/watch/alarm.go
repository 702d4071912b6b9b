package watch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"luutin/crawler"
	"luutin/store"
)

// A finding is that something is wrong.
type finding struct {
	began   time.Time
	what    string // "" of an alarm that can be neither confirmed nor ended now
	page    string
	details []string
}

// add takes a trend into a finding.
func (f *finding) add(t store.Trend, detail string) {
	if f.began.IsZero() || t.Since.Before(f.began) {
		f.began = t.Since
	}
	if f.page == "" {
		f.page = t.Page
	}
	f.details = append(f.details, detail)
}

// findings judges everything. While a host does not answer, or shows walls,
// its pages say nothing of its rules and its rhythm: those alarms stay as they
// are.
func (s *subject) findings(r *Report) map[string]*finding {
	found := map[string]*finding{Unreachable: s.unreachable(), Blocked: s.blocked()}
	if s.mute() {
		for name := range s.open {
			if found[name] == nil && name != Unreachable && name != Blocked {
				found[name] = &finding{}
			}
		}
	} else {
		s.trends = slices.DeleteFunc(s.trends, func(t store.Trend) bool { return s.silent[t.Host] })
		found[RuleDied], found[Moved], found[Slow] = s.ruleDied(), s.moved(), s.slow(r)
		for _, name := range []string{RuleDied, Moved} {
			if open := s.open[name]; open != nil && found[name] == nil && s.silent[store.Host(open.Page)] {
				found[name] = &finding{}
			}
		}
		if found[RuleDied] == nil && found[Moved] == nil {
			found[Quiet] = s.quiet(r)
		} else if s.open[Quiet] != nil {
			found[Quiet] = &finding{}
		}
	}
	maps.DeleteFunc(found, func(_ string, f *finding) bool { return f == nil })
	return found
}

// mute reports whether the hosts that do not answer, or show walls, are those of
// the site's start pages, or all there are: not a host of files beside it.
func (s *subject) mute() bool {
	if len(s.silent) == 0 {
		return false
	}
	for start := range s.starts {
		if s.silent[store.Host(start)] {
			return true
		}
	}
	return !slices.ContainsFunc(s.trends, func(t store.Trend) bool { return !s.silent[t.Host] })
}

const (
	chance    = 1e-6 // of a row of bad ones that is no sign of anything
	recovery  = 3    // good ones in a row that end an alarm
	vital     = .5   // of visits that were good before, where one that is not matters
	neverGood = 10   // bad ones, and none before that was good, are no accident either
)

// needed is how many bad visits in a row are no accident, given how often they
// were good before (with Laplace's rule of succession, as if one good and one
// bad had been seen besides).
func needed(t store.Trend) int {
	p := (t.Hits + 1) / (t.Seen + 2)
	return int(math.Ceil(math.Log(chance) / math.Log(1-p)))
}

// fails reports whether a trend has turned: a row of bad ones, least at the
// least and as long as span, where at least usual of them were good before. One
// that must be good (usual is vital) and never was fails too.
func (s *subject) fails(name string, t store.Trend, least int, span time.Duration, usual float64) bool {
	if t.Seen == 0 {
		return usual <= vital && t.Bad >= neverGood
	}
	if t.Rate() < usual {
		return false
	}
	if open := s.open[name]; open != nil && !t.Since.Before(open.Began) {
		if t.Bad >= 2 || t.Good > 0 && t.Good < recovery && t.Since.After(open.Began) && t.Page != "" {
			return true // the alarm lasts until it has recovered
		}
	}
	return t.Bad >= max(least, needed(t)) && t.Last.Sub(t.Since) >= span
}

// startFails is the same for a start page, which is visited often: three bad
// visits in a row, or two a day apart.
func startFails(t store.Trend) bool {
	span := t.Last.Sub(t.Since)
	return t.Bad >= 3 && span >= 2*time.Hour || t.Bad >= 2 && span >= 20*time.Hour
}

// essential fields are missed when one article lacks them; others often are
// by chance, several times in a row.
func essential(field string) bool { return field == "title" || field == "published" || field == "body" }

func (s *subject) ruleDied() *finding {
	var f finding
	var dead []string
	for _, t := range s.trends {
		signal, again := strings.CutPrefix(t.Name, crawler.SignalAgain)
		name, ok := strings.CutPrefix(signal, crawler.SignalRule)
		ruled := ok
		if !ok {
			name, ok = strings.CutPrefix(signal, crawler.SignalHas)
		}
		other := s.trend(t.Host, crawler.SignalAgain+signal)
		if again {
			if other = s.trend(t.Host, signal); other != nil && t.Seen == 0 { // what is usual the first visits tell
				t.Seen, t.Hits = other.Seen+float64(other.Good+other.Bad), other.Hits+float64(other.Good)
			}
		}
		switch {
		case ok && ruled != (s.rules[name] != ""), other != nil && s.outdated(t, *other, again):
			// The definition has been changed since, or other visits tell better.
		case ok && essential(name) && s.fails(RuleDied, t, recovery, 0, vital), ok && s.fails(RuleDied, t, 10, 24*time.Hour, .8):
			dead = append(dead, name)
			switch {
			case t.Bad == 0:
				f.add(t, fmt.Sprintf("%s was found again on the last %s, since %s", name, pages(t.Good), s.date(t.Since)))
			case ruled:
				f.add(t, fmt.Sprintf("%s = '%s' found nothing on the last %s, since %s; before it did on %s", name, s.rules[name], pages(t.Bad), s.date(t.Since), percent(t.Rate())))
			default:
				f.add(t, fmt.Sprintf("%s was found on none of the last %s, since %s; before it was on %s", name, pages(t.Bad), s.date(t.Since), percent(t.Rate())))
			}
		case signal == crawler.SignalRead && s.fails(RuleDied, t, recovery, 0, vital):
			dead = append(dead, "articles")
			if t.Bad == 0 {
				f.add(t, fmt.Sprintf("the last %s could be read again, since %s", pages(t.Good), s.date(t.Since)))
				continue
			}
			f.add(t, fmt.Sprintf("the last %s that should hold an article could not be read, since %s; before %s could", pages(t.Bad), s.date(t.Since), percent(t.Rate())))
		case strings.HasPrefix(t.Name, crawler.SignalList) && s.starts[strings.TrimPrefix(t.Name, crawler.SignalList)] && startFails(t):
			dead = append(dead, "links")
			f.add(t, fmt.Sprintf("%s has led to nothing since %s", strings.TrimPrefix(t.Name, crawler.SignalList), s.date(t.Since)))
		}
	}
	if len(f.details) == 0 {
		return nil
	}
	slices.Sort(dead)
	f.what = fmt.Sprintf("nothing finds %s, since %s", list(slices.Compact(dead)), s.date(f.began))
	return &f
}

// trend returns the one of a host with a name, or nil.
func (s *subject) trend(host, name string) *store.Trend {
	i := slices.IndexFunc(s.trends, func(t store.Trend) bool { return t.Host == host && t.Name == name })
	if i < 0 {
		return nil
	}
	return &s.trends[i]
}

// outdated reports whether what a bad trend says is no longer so. Of pages that
// are looked at again: when new ones have been good since. Of new ones: when
// those that are looked at again were bad in the alarm too, and are good again.
func (s *subject) outdated(t, other store.Trend, again bool) bool {
	open := s.open[RuleDied]
	switch {
	case other.Good < recovery:
		return false
	case again:
		return other.Last.After(t.Since)
	}
	return open != nil && other.Since.After(open.Began) && (t.Bad == 0 || other.Since.After(t.Last))
}

func (s *subject) moved() *finding {
	var f finding
	starts, articles := 0, false
	for _, t := range s.trends {
		switch {
		case strings.HasPrefix(t.Name, crawler.SignalStays) && s.starts[strings.TrimPrefix(t.Name, crawler.SignalStays)] && startFails(t):
			starts++
			f.add(t, fmt.Sprintf("%s is not there since %s", strings.TrimPrefix(t.Name, crawler.SignalStays), s.date(t.Since)))
		case t.Name == crawler.SignalKept && s.fails(Moved, t, 8, 0, vital):
			articles = true
			f.add(t, fmt.Sprintf("of the articles that the archive holds the last %d that were looked at are gone, since %s", t.Bad, s.date(t.Since)))
		}
	}
	var what []string
	if starts > 0 {
		what = append(what, fmt.Sprintf("%d of its start pages", starts))
	}
	if articles {
		what = append(what, "its articles")
	}
	if len(what) == 0 {
		return nil
	}
	f.what = list(what) + " are no longer where they were since " + s.date(f.began)
	return &f
}

func (s *subject) blocked() *finding {
	return s.none(crawler.SignalLetsIn, "pages are shown to nobody like us since %s", func(t store.Trend) bool {
		return t.Bad >= 3 && t.Last.Sub(t.Since) >= time.Hour || t.Bad >= 6
	}, "challenge", "login", "forbidden", "throttled", "robots.txt forbids it")
}

func (s *subject) unreachable() *finding {
	return s.none(crawler.SignalAnswers, "no answer since %s", func(t store.Trend) bool {
		return t.Bad >= 4 && t.Last.Sub(t.Since) >= 24*time.Hour
	}, "out of reach", "timed out", "broken off", "bad answer", "server error", "robots.txt not to be had")
}

// none finds that no visit to a host brings anything any more, and names the
// causes that were counted since.
func (s *subject) none(signal, what string, fails func(store.Trend) bool, causes ...string) *finding {
	var f finding
	for _, t := range s.trends {
		if t.Name != signal || !fails(t) {
			continue
		}
		s.silent[t.Host] = true
		counts := map[string]int{}
		for _, d := range s.days {
			if d.Date >= t.Since.UTC().Format(dayForm) {
				for c, n := range d.Causes {
					counts[c] += n
				}
			}
		}
		var why []string
		for _, c := range causes {
			if counts[c] > 0 {
				why = append(why, fmt.Sprintf("%s %d", c, counts[c]))
			}
		}
		f.add(t, fmt.Sprintf("%s: the last %d visits, since %s (%s)", t.Host, t.Bad, s.date(t.Since), strings.Join(why, ", ")))
	}
	if len(f.details) == 0 {
		return nil
	}
	f.what = fmt.Sprintf(what, s.date(f.began))
	return &f
}

// quiet finds that nothing new has come for longer than is usual, while it was
// looked for all that time and the lists could be read.
func (s *subject) quiet(r *Report) *finding {
	if r.Usual == 0 || min(r.Silence, s.watched()) <= r.Usual || s.now.Sub(r.LastSuccess) > 3*24*time.Hour {
		return nil
	}
	began, err := time.Parse(dayForm, r.Newest)
	if err != nil {
		return nil
	}
	return &finding{
		began:   began.AddDate(0, 0, 1),
		what:    fmt.Sprintf("nothing new since %s; up to %d days without news are usual", r.Newest, r.Usual),
		details: []string{"the lists can be read: either nothing was published, or it is published elsewhere"},
	}
}

const (
	slowTimes  = 5
	slowAtAll  = 2 * time.Second
	swiftAgain = 2.5
)

func (s *subject) slow(r *Report) *finding {
	sp := r.Answers
	times, least := float64(slowTimes), slowAtAll
	if s.open[Slow] != nil {
		times, least = swiftAgain, slowAtAll/2
	}
	if sp.Usual == 0 || sp.Recent < least || float64(sp.Recent) < times*float64(max(sp.Usual, time.Millisecond)) {
		return nil
	}
	f := &finding{began: s.now, what: fmt.Sprintf("answers take %s; %s is usual", round(sp.Recent), round(sp.Usual)), details: []string{"means of a day, of its answers to everything that was asked"}}
	if open := s.open[Slow]; open != nil {
		f.what, f.details = open.What, open.Details // the figures change every day
	}
	return f
}

func round(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

func pages(n int) string {
	if n == 1 {
		return "page"
	}
	return fmt.Sprintf("%d pages", n)
}

func percent(share float64) string {
	if share < 0 {
		return "no page either"
	}
	return fmt.Sprintf("%.0f %% of pages", 100*share)
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
