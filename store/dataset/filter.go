package dataset

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"luutin/store"
)

// someZone is the widest that a day as printed can be off from the same day in UTC.
const someZone = 14 * time.Hour

// A Filter chooses articles beyond what a store.Query does. Its zero value
// chooses all.
type Filter struct {
	Since, Until  string // days as printed (2018-01-19); an article without a date is in neither
	Ministries    []string
	Sections      []string
	Authors       []string
	Languages     []string  // BCP 47; vi chooses vi-VN, too
	ChangedSince  time.Time // the version was fetched then or later
	HasAttachment bool
	IDs           map[string]bool // nil means any

	// Names says whether a name that stands under a key (ministry, section or
	// authors) is meant by one that is asked for; nil means that they must be equal.
	Names func(key, name, asked string) bool
}

// Reach has a query reach for all articles of the days of the filter, which are
// days as printed: the archive knows moments. It returns which of "since" and
// "until" is no day such as 2018-01-19; "" when both are.
func (f *Filter) Reach(q *store.Query) (wrong string) {
	for _, x := range []struct {
		key, day string
		bound    *time.Time
		slack    time.Duration
	}{{"since", f.Since, &q.Since, -someZone}, {"until", f.Until, &q.Until, 24*time.Hour + someZone}} {
		if x.day == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, x.day)
		if err != nil {
			return x.key
		}
		*x.bound = day.Add(x.slack)
	}
	return ""
}

// Match reports whether an article is chosen. What need not be decoded is not.
func (f *Filter) Match(v *store.Version) bool {
	return f.May(v) && f.named(f.Ministries, v, "ministry") && f.named(f.Sections, v, "section") && f.named(f.Authors, v, "authors") &&
		f.inLanguage(v) && (!f.HasAttachment || len(gjson.GetBytes(v.JSON, "attachments").Array()) > 0)
}

// May reports whether an article may be chosen, by what is known of it without its
// JSON.
func (f *Filter) May(v *store.Version) bool {
	if f.IDs != nil && !f.IDs[v.ID] {
		return false
	}
	if f.Since != "" || f.Until != "" {
		day := v.Published.Format(time.DateOnly)
		if v.Published.IsZero() || f.Since != "" && day < f.Since || f.Until != "" && day > f.Until {
			return false
		}
	}
	return !v.Fetched.Before(f.ChangedSince)
}

func (f *Filter) named(wanted []string, v *store.Version, key string) bool {
	if len(wanted) == 0 {
		return true
	}
	for _, name := range gjson.GetBytes(v.JSON, key).Array() { // one value is an array of one
		for _, w := range wanted {
			if name.String() == w || f.Names != nil && f.Names(key, name.String(), w) {
				return true
			}
		}
	}
	return false
}

func (f *Filter) inLanguage(v *store.Version) bool {
	if len(f.Languages) == 0 {
		return true
	}
	is := strings.ToLower(gjson.GetBytes(v.JSON, "language").String())
	return slices.ContainsFunc(f.Languages, func(l string) bool {
		l = strings.ToLower(l)
		return is == l || strings.HasPrefix(is, l+"-")
	})
}
