package extract

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Terms are on what a site is asked. The zero value is what holds for a site
// whose definition says nothing.
type Terms struct {
	Private bool     // its hosts may have addresses of private networks
	TLS     []string // what may be wrong with its TLS, of TLSAllowances, sorted
	Hours   Hours
}

// Terms returns the terms of a site.
func (s *Sites) Terms(site string) Terms {
	if d := s.byName[site]; d != nil {
		return Terms{Private: d.Private, TLS: d.TLS, Hours: d.hours}
	}
	return Terms{}
}

// What may be wrong with the TLS of a site, each only if its definition says so.
const (
	LegacyCiphers   = "legacy ciphers"   // cipher suites that are known to be weak
	LegacyVersions  = "legacy versions"  // TLS 1.0 and 1.1
	IncompleteChain = "incomplete chain" // nobody known vouches for the certificate
	Expired         = "expired"          // the certificate is out of date, or not yet valid
	WrongName       = "wrong name"       // the certificate is for other hosts
)

// TLSAllowances returns the names that tls in a definition may hold.
func TLSAllowances() []string {
	return []string{LegacyCiphers, LegacyVersions, IncompleteChain, Expired, WrongName}
}

// Hours are those of the day at which a site may be asked. The zero value is
// the whole day.
type Hours struct {
	from, to time.Duration // since midnight; to may be before from
	zone     *time.Location
}

// String is as in a definition; "" for the whole day.
func (h Hours) String() string {
	if h.zone == nil {
		return ""
	}
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return clock(h.from) + "-" + clock(h.to)
}

// Opens returns t itself when the site may be asked at t, and otherwise the
// next moment at which it may.
func (h Hours) Opens(t time.Time) time.Time {
	if h.zone == nil {
		return t
	}
	local := t.In(h.zone)
	year, month, day := local.Date()
	// time.Date, not an addition to midnight: a day may have 23 hours or 25.
	at := func(day int, d time.Duration) time.Time {
		return time.Date(year, month, day, 0, int(d/time.Minute), 0, 0, h.zone)
	}
	for _, d := range []int{day - 1, day, day + 1} { // the night may have begun yesterday
		opens, closes := at(d, h.from), at(d, h.to)
		if h.to <= h.from {
			closes = at(d+1, h.to)
		}
		switch {
		case t.Before(opens):
			return opens.In(t.Location())
		case t.Before(closes):
			return t
		}
	}
	return at(day+2, h.from).In(t.Location()) // not reached: the window of tomorrow is ahead
}

// parseHours reads 22:00-06:00.
func parseHours(s string, zone *time.Location) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	fault := fmt.Errorf("hours %q are no span such as 22:00-06:00", s)
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return Hours{}, fault
	}
	h := Hours{zone: zone}
	for _, x := range []struct {
		text string
		to   *time.Duration
	}{{from, &h.from}, {to, &h.to}} {
		t, err := time.Parse("15:04", strings.TrimSpace(x.text))
		if err != nil {
			return Hours{}, fault
		}
		*x.to = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	if h.from == h.to {
		return Hours{}, fmt.Errorf("hours %q are no time at all; leave them out for the whole day", s)
	}
	if h.zone == nil {
		h.zone = time.UTC
	}
	return h, nil
}

// compileTerms checks what a definition says of its terms.
func (d *definition) compileTerms() (err error) {
	for _, name := range d.TLS {
		if !slices.Contains(TLSAllowances(), name) {
			return d.fault(fmt.Sprintf("tls allows no %q; what it may allow is '%s'", name, strings.Join(TLSAllowances(), "', '")), "tls")
		}
	}
	slices.Sort(d.TLS)
	d.TLS = slices.Compact(d.TLS)
	if d.Hours != "" && d.isPlatform {
		return d.fault("hours are a site's own, not a platform's", "hours")
	}
	if (d.Private || len(d.TLS) > 0) && d.isPlatform {
		return d.fault("what is allowed to a site is not said by its platform", map[bool]string{true: "private", false: "tls"}[d.Private])
	}
	if d.Hours != "" && d.zone == nil && d.Platform == "" {
		return d.fault("hours need the zone whose hours they are, such as zone = 'Asia/Ho_Chi_Minh'", "hours")
	}
	if d.hours, err = parseHours(d.Hours, d.zone); err != nil {
		return d.fault(err.Error(), "hours")
	}
	return nil
}
