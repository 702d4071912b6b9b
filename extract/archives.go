package extract

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// archiveForms are the placeholders of a date archive's URL.
var archiveForms = map[string]func(time.Time) string{
	"{yyyy}": func(t time.Time) string { return t.Format("2006") },
	"{mm}":   func(t time.Time) string { return t.Format("01") },
	"{m}":    func(t time.Time) string { return t.Format("1") },
	"{dd}":   func(t time.Time) string { return t.Format("02") },
	"{d}":    func(t time.Time) string { return t.Format("2") },
	"{unix}": func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
}

// checkArchive finds what is wrong with the URL of a date archive.
func checkArchive(raw string) error {
	for _, p := range placeholder.FindAllString(raw, -1) {
		if archiveForms[p] == nil {
			return fmt.Errorf("archives: %s is none of {yyyy}, {mm}, {m}, {dd}, {d}, {unix}", p)
		}
	}
	has := func(forms ...string) bool {
		for _, f := range forms {
			if strings.Contains(raw, f) {
				return true
			}
		}
		return false
	}
	switch {
	case has("{unix}") || has("{yyyy}") && has("{mm}", "{m}"):
	case has("{yyyy}") && !has("{dd}", "{d}"):
	default:
		return fmt.Errorf("archives: %q names no day, month or year, as in https://host/archive/{yyyy}/{mm}/{dd}", raw)
	}
	return nil
}

// Archives returns the pages of a site's date archives for the days from the
// one that since is of to the one before until, newest first.
func (s *Sites) Archives(site string, since, until time.Time) []Link {
	d := s.byName[site]
	if d == nil || !since.Before(until) {
		return nil
	}
	zone := s.Zone(site)
	since, until = since.In(zone), until.Add(-time.Nanosecond).In(zone)
	var out []Link
	for _, a := range d.Archives {
		years, months := 1, 0
		day := until
		switch {
		case strings.Contains(a, "{dd}") || strings.Contains(a, "{d}") || strings.Contains(a, "{unix}"):
			years = 0
		case strings.Contains(a, "{mm}") || strings.Contains(a, "{m}"):
			years, months = 0, 1
		}
		for {
			y, m, dd := day.Date()
			switch { // the first moment of the day, the month, the year
			case years > 0:
				m, dd = time.January, 1
			case months > 0:
				dd = 1
			}
			day = time.Date(y, m, dd, 0, 0, 0, 0, zone)
			raw := placeholder.ReplaceAllStringFunc(a, func(p string) string { return archiveForms[p](day) })
			out = append(out, Link{URL: raw, Canonical: s.Key(raw), Kind: KindList})
			if !day.After(since) {
				break
			}
			day = time.Date(y, m, dd, 0, 0, 0, 0, zone).Add(-time.Nanosecond)
		}
	}
	return out
}

// Zone returns the zone in which a site prints its times; UTC when its
// definition does not say.
func (s *Sites) Zone(site string) *time.Location {
	if d := s.byName[site]; d != nil && d.zone != nil {
		return d.zone
	}
	return time.UTC
}

// nameDate is a year in the name of a sitemap, with a month and a day of two
// digits when it has them. A month of one digit may as well be the number of a
// part.
var nameDate = regexp.MustCompile(`(?:^|[^0-9])((?:19|20)\d\d)(?:[-_/.]?(0[1-9]|1[0-2])(?:[-_/.]?(0[1-9]|[12]\d|3[01]))?)?(?:[^0-9]|$)`)

// SitemapDate reads the days that a sitemap is of out of its URL:
// sitemap-2018-01.xml, news-2018.xml, sitemap.xml?yyyy=2018&mm=01. The days
// are those of zone; nil means UTC.
func SitemapDate(rawURL string, zone *time.Location) (s Span, ok bool) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return s, false
	}
	if zone == nil {
		zone = time.UTC
	}
	q := u.Query()
	for _, names := range [][3]string{{"yyyy", "mm", "dd"}, {"year", "month", "day"}, {"y", "m", "d"}} {
		year, month, day := q.Get(names[0]), q.Get(names[1]), q.Get(names[2])
		if s, ok := nameSpan(year, month, day, zone); ok {
			return s, true
		}
	}
	for rest := u.RequestURI(); ; {
		m := nameDate.FindStringSubmatchIndex(rest)
		if m == nil {
			return s, ok
		}
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return rest[m[2*i]:m[2*i+1]]
		}
		if found, read := nameSpan(part(1), part(2), part(3), zone); read {
			if !ok || found.From.Before(s.From) {
				s.From = found.From
			}
			if !ok || found.Until.After(s.Until) {
				s.Until = found.Until
			}
			ok = true
		}
		rest = rest[m[1]-min(1, m[1]-m[3]):] // what ended this one may begin the next
	}
}

// nameSpan is a day, a month or a year.
func nameSpan(year, month, day string, zone *time.Location) (Span, bool) {
	if len(year) != 4 {
		return Span{}, false
	}
	if s, ok := dayOf(year, month, day, zone); ok {
		return s, true
	}
	if s, ok := monthOf(year, month, zone); ok {
		return s, true
	}
	s, ok := monthOf(year, "1", zone)
	s.Until = s.From.AddDate(1, 0, 0)
	return s, ok && month == ""
}
