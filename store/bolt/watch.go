package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"luutin/store"
)

// This file keeps what is counted of every day, and the alarms.

// trends are the trends of one site on one host, by name.
type trends map[string]*store.Trend

const dayForm = "2006-01-02"

// siteKey is host, zero, site, zero: the key of trends, and how those of days
// begin.
func siteKey(host, site string) []byte {
	k := make([]byte, 0, len(host)+len(site)+2+len(dayForm))
	k = append(append(k, host...), 0)
	return append(append(k, site...), 0)
}

func dayKey(host, site, date string) []byte { return append(siteKey(host, site), date...) }

// place names a record with such a key in a Problem.
func place(bucket, k []byte) string {
	return string(bucket) + "/" + strings.TrimSuffix(strings.ReplaceAll(string(k), "\x00", "/"), "/")
}

// publishedOn is the day of a moment by its own offset, as the archive keeps
// it: in whole minutes.
func publishedOn(t time.Time) string {
	_, offset := t.Zone()
	return t.In(time.FixedZone("", offset/60*60)).Format(dayForm)
}

// day returns the record of a day, to be changed: it is saved when all
// requests have run.
func (w *work) day(host, site, date string) (*store.Day, error) {
	k := dayKey(host, site, date)
	if d := w.days[string(k)]; d != nil {
		return d, nil
	}
	if d := w.a.recent.days[string(k)]; d != nil {
		w.days[string(k)] = d
		return d, nil
	}
	d := &store.Day{Date: date}
	if v := w.tx.Bucket(bucketDays).Get(k); v != nil {
		if err := unsealJSON(k, v, d); err != nil {
			return nil, fmt.Errorf("%s: %w", place(bucketDays, k), err)
		}
	}
	w.days[string(k)] = d
	return d, nil
}

// published counts an article with the day that it says it is of.
func (w *work) published(host, site string, at time.Time, n int) error {
	if at.IsZero() {
		return nil
	}
	d, err := w.day(host, site, publishedOn(at))
	if err == nil {
		d.Published += n
	}
	return err
}

// watch counts a visit and notes what it showed.
func (w *work) watch(p *visit, site string, a store.ArticleOutcome) error {
	d, err := w.day(p.lease.Host, site, p.Time.UTC().Format(dayForm))
	if err != nil {
		return err
	}
	d.Count(&p.Visit, a)
	if len(p.Signals) == 0 {
		return nil
	}
	k := siteKey(p.lease.Host, site)
	ts := w.trends[string(k)]
	if ts == nil {
		ts = w.a.recent.trends[string(k)]
	}
	if ts == nil {
		ts = trends{}
		if v := w.tx.Bucket(bucketTrends).Get(k); v != nil {
			if err := unsealJSON(k, v, &ts); err != nil {
				return fmt.Errorf("%s: %w", place(bucketTrends, k), err)
			}
		}
	}
	w.trends[string(k)] = ts
	for _, s := range p.Signals {
		if ts[s.Name] == nil {
			ts[s.Name] = new(store.Trend)
		}
		ts[s.Name].Note(s.OK, p.Time, p.lease.Target.URL)
	}
	return nil
}

func (w *work) saveWatch() error {
	save := func(bucket []byte, key string, v any) error {
		k := []byte(key)
		sealed, err := sealJSON(k, v)
		if err != nil {
			return err
		}
		return w.tx.Bucket(bucket).Put(k, sealed)
	}
	for k, d := range w.days {
		if err := save(bucketDays, k, d); err != nil {
			return err
		}
	}
	for k, t := range w.trends {
		if err := save(bucketTrends, k, t); err != nil {
			return err
		}
	}
	return nil
}

// hostNames are all hosts that the archive knows, sorted.
func (a *Archive) hostNames() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.hosts))
}

// Sites implements store.Archive.
func (a *Archive) Sites(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	err := a.view(func(tx *snapshot) error {
		b := tx.Bucket(bucketDays)
		if b == nil {
			return nil // an archive of format 1 that is only read
		}
		c := b.Cursor()
		for k, _ := c.First(); k != nil; {
			host, rest, _ := bytes.Cut(k, []byte{0})
			site, _, ok := bytes.Cut(rest, []byte{0})
			if !ok {
				return fmt.Errorf("%s: key %x is not host, site, day", bucketDays, k)
			}
			names[string(site)] = true
			behind := siteKey(string(host), string(site)) // and before what begins so
			behind[len(behind)-1] = 1
			k, _ = c.Seek(behind)
		}
		return nil
	})
	return slices.Sorted(maps.Keys(names)), err
}

// Days implements store.Archive.
func (a *Archive) Days(ctx context.Context, site, since string) ([]store.Day, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	days := map[string]*store.Day{}
	err := a.view(func(tx *snapshot) error {
		b := tx.Bucket(bucketDays)
		if b == nil {
			return nil // an archive of format 1 that is only read
		}
		c := b.Cursor()
		for _, host := range a.hostNames() {
			prefix := siteKey(host, site)
			for k, v := c.Seek(dayKey(host, site, since)); bytes.HasPrefix(k, prefix); k, v = c.Next() {
				var d store.Day
				if err := unsealJSON(k, v, &d); err != nil {
					return fmt.Errorf("%s: %w", place(bucketDays, k), err)
				}
				if days[d.Date] == nil {
					days[d.Date] = &store.Day{Date: d.Date}
				}
				days[d.Date].Merge(d)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]store.Day, 0, len(days))
	for _, d := range days {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b store.Day) int { return strings.Compare(a.Date, b.Date) })
	return all, nil
}

// Trends implements store.Archive.
func (a *Archive) Trends(ctx context.Context, site string) ([]store.Trend, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []store.Trend
	err := a.view(func(tx *snapshot) error {
		b := tx.Bucket(bucketTrends)
		if b == nil {
			return nil
		}
		for _, host := range a.hostNames() {
			k := siteKey(host, site)
			v := b.Get(k)
			if v == nil {
				continue
			}
			var ts trends
			if err := unsealJSON(k, v, &ts); err != nil {
				return fmt.Errorf("%s: %w", place(bucketTrends, k), err)
			}
			for _, name := range slices.Sorted(maps.Keys(ts)) {
				t := *ts[name]
				t.Host, t.Name = host, name
				all = append(all, t)
			}
		}
		return nil
	})
	return all, err
}

// alarmKey is site, zero, time of raising in nanoseconds, name.
func alarmKey(a *store.Alarm) []byte {
	k := append([]byte(a.Site), 0)
	k = binary.BigEndian.AppendUint64(k, uint64(keptTime(a.Raised).UnixNano()))
	return append(k, a.Name...)
}

// Alarms implements store.Archive.
func (a *Archive) Alarms(ctx context.Context, site string) ([]store.Alarm, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []store.Alarm
	err := a.view(func(tx *snapshot) error {
		b := tx.Bucket(bucketAlarms)
		if b == nil {
			return nil
		}
		var prefix []byte
		if site != "" {
			prefix = append([]byte(site), 0)
		}
		c := b.Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && k != nil; k, v = c.Next() {
			var alarm store.Alarm
			if err := unsealJSON(k, v, &alarm); err != nil {
				return fmt.Errorf("%s: %w", place(bucketAlarms, k), err)
			}
			all = append(all, alarm)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b store.Alarm) int {
		return cmp.Or(a.Raised.Compare(b.Raised), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}

// Raise implements store.Archive.
func (a *Archive) Raise(ctx context.Context, alarms ...store.Alarm) error {
	if a.readOnly {
		return store.ErrReadOnly
	}
	if len(alarms) == 0 {
		return ctx.Err()
	}
	for _, alarm := range alarms {
		if alarm.Site == "" || alarm.Name == "" || alarm.Raised.IsZero() || strings.Contains(alarm.Site, "\x00") {
			return errors.New("an alarm needs a site, a name and the time when it was raised")
		}
	}
	return a.do(&request{ctx: ctx, run: func(w *work) error {
		for _, alarm := range alarms {
			alarm.Began, alarm.Raised, alarm.Ended = keptTime(alarm.Began), keptTime(alarm.Raised), keptTime(alarm.Ended)
			k := alarmKey(&alarm)
			v, err := sealJSON(k, alarm)
			if err != nil {
				return err
			}
			if err := w.put(w.tx.Bucket(bucketAlarms), k, v); err != nil {
				return err
			}
		}
		return nil
	}})
}

func dayOf(days map[string]*store.Day, host, site, date string) *store.Day {
	k := string(dayKey(host, site, date))
	if days[k] == nil {
		days[k] = &store.Day{Date: date}
	}
	return days[k]
}

// count adds a visit to its day, without what the visit's record does not hold.
func (r *visitRecord) count(tx *snapshot, days map[string]*store.Day) error {
	site := r.Site
	if site == "" {
		var t targetRecord
		if err := readTarget(tx.Bucket(bucketTargets), recordKey(r.Host, r.Target), &t); err != nil {
			return err
		}
		site = t.Site
	}
	v := store.Visit{Result: r.Result, Cause: r.Cause, Time: r.Time}
	dayOf(days, r.Host, site, r.Time.UTC().Format(dayForm)).Count(&v, r.Outcome)
	return nil
}

// count adds the latest version of an article to the day that it is of.
func (v *version) count(k []byte, days map[string]*store.Day) error {
	host, _, err := cutRecordKey(k)
	if err == nil && !v.published.IsZero() {
		dayOf(days, host, v.site, publishedOn(v.published)).Published++
	}
	return err
}

// dayRecords compares the days with what visits and versions add up to.
func (c *check) dayRecords() iter.Seq[func()] {
	walk := c.each(bucketDays, func(k, v []byte) {
		at := place(bucketDays, k)
		var d store.Day
		if err := unsealJSON(k, v, &d); err != nil {
			c.report(at, "%v", err)
			return
		}
		want := c.days[string(k)]
		if want == nil {
			want = &store.Day{Date: d.Date}
		}
		delete(c.days, string(k))
		d.Counts = nil // nothing else tells of them
		got, _ := json.Marshal(d)
		if b, _ := json.Marshal(want); !bytes.Equal(got, b) {
			c.report(at, "it says %s, but visits and versions add up to %s", got, b)
		}
	})
	return func(yield func(func()) bool) {
		if c.bucket(bucketDays) == nil {
			return // format 1
		}
		for part := range walk {
			if !yield(part) {
				return
			}
		}
		yield(func() {
			for k := range c.days {
				c.report(place(bucketDays, []byte(k)), "it is missing, but there are visits or versions of it")
			}
		})
	}
}

// watchRecords checks the records of what nothing else tells of.
func (c *check) watchRecords() iter.Seq[func()] {
	return func(yield func(func()) bool) {
		for _, bucket := range [][]byte{bucketTrends, bucketAlarms} {
			if c.bucket(bucket) == nil {
				return // format 1
			}
			for part := range c.each(bucket, func(k, v []byte) {
				var record map[string]any
				if err := unsealJSON(k, v, &record); err != nil {
					c.report(place(bucket, k), "%v", err)
				}
			}) {
				if !yield(part) {
					return
				}
			}
		}
	}
}
