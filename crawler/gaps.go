package crawler

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
)

// A Gap is something that seems to be missing from the archive, and how to get it.
type Gap struct {
	Site   string    `json:"site"`
	Kind   GapKind   `json:"gap"`
	Since  string    `json:"since,omitempty"`  // days: the first; numbers: the day of the article before
	Until  string    `json:"until,omitempty"`  // days: the last; numbers: the day of the article after
	Days   int       `json:"days,omitempty"`   // of those, the ones on which the site usually publishes
	Usual  float64   `json:"usual,omitempty"`  // articles on such a day
	URL    string    `json:"url,omitempty"`    // entry: what a list named; numbers: the form of the addresses, with {n}
	State  string    `json:"state,omitempty"`  // entry: due, retry, gone, blocked, not read
	Reason string    `json:"reason,omitempty"` // entry: why it is not there
	Gone   time.Time `json:"gone,omitzero"`    // entry: since when it is gone
	First  int       `json:"first,omitempty"`  // numbers: the first that is missing
	Last   int       `json:"last,omitempty"`   // numbers: the last
	Dates  []string  `json:"-"`                // days: each of Days
	Fill   []string  `json:"-"`                // arguments of the command that gets it
}

// A GapKind says what a Gap is.
type GapKind string

// The kinds of gaps.
const (
	GapDays    GapKind = "days"    // days on which a site usually publishes and nothing is there
	GapEntry   GapKind = "entry"   // an article that a list named and that is not there
	GapNumbers GapKind = "numbers" // numbers that no known article has, among those that nearly all have one
)

const (
	rhythmWeeks  = 8   // weeks with news on each side of a day that tell whether its weekday has news
	rhythmLeast  = 4   // of them, before anything is said
	rhythmApart  = 4   // weeks from one with news to the next: what lies beyond tells of other times
	rhythmShare  = .75 // of them, with news on that weekday
	numbersLeast = 10  // articles with numbers, before anything is said
	numbersNear  = 25  // numbers on each side of a hole
	numbersShare = .8  // of them that must be known
	sparse       = .05 // of the numbers of a site known: fewer are no count of articles
	longestURLs  = 5   // numbers that are asked for one by one
	maxFamilies  = 200 // forms of addresses of a site that are looked at
	maxNumbers   = 1 << 27
)

// Gaps tells what seems to be missing of the sites, of what was published from
// since until until (days, both may be ""): site by site the days, then the
// entries of lists, then the numbers. It only reads the archive.
func (c *Crawler) Gaps(ctx context.Context, sites []string, since, until string, tell func(Gap) error) error {
	r, err := c.begin(sites)
	if err != nil {
		return err
	}
	g := &gaps{run: r, since: since, until: until, tell: tell, numbers: map[string]*numbered{}}
	for _, site := range r.sites {
		days, err := r.Archive.Days(ctx, site, "")
		if err != nil {
			return fmt.Errorf("days of %s: %w", site, err)
		}
		if err := g.days(site, days); err != nil {
			return err
		}
		g.numbers[site] = &numbered{families: map[string]*family{}}
	}
	if err := g.entries(ctx); err != nil {
		return err
	}
	return g.holes(ctx)
}

type gaps struct {
	*run
	since, until string
	tell         func(Gap) error
	numbers      map[string]*numbered
}

// within reports whether a day is one that was asked for.
func (g *gaps) within(day string) bool {
	return (g.since == "" || day >= g.since) && (g.until == "" || day <= g.until)
}

// dayNumber counts days; a Monday is 0 modulo 7.
func dayNumber(day string) (int, bool) {
	t, err := time.Parse(time.DateOnly, day)
	return int(t.Unix()/86400) + 3, err == nil
}

func dayName(n int) string { return time.Unix(int64(n-3)*86400, 0).UTC().Format(time.DateOnly) }

// days finds the days on which a site usually publishes, by the same weekdays
// of the weeks before and after that have any news, and did not.
func (g *gaps) days(site string, days []store.Day) error {
	counts, weeks := map[int]int{}, []int{}
	for _, d := range days {
		if n, ok := dayNumber(d.Date); ok && d.Published > 0 {
			counts[n] += d.Published
			weeks = append(weeks, n/7)
		}
	}
	slices.Sort(weeks)
	if weeks = slices.Compact(weeks); len(weeks) == 0 {
		return nil
	}
	end, _ := dayNumber(g.now().In(g.Sites.Zone(site)).Format(time.DateOnly)) // today is not over
	first, last := weeks[0]*7, weeks[len(weeks)-1]*7+6
	for ; counts[first] == 0; first++ {
	}
	for ; counts[last] == 0; last-- {
	}
	begin := first
	if n, ok := dayNumber(g.since); ok {
		begin = max(n, first-366) // who asks for days before the first wants to know
	}
	var open *Gap
	var until int
	flush := func() error {
		if open == nil {
			return nil
		}
		gap := *open
		open = nil
		gap.Until = dayName(until)
		gap.Usual = float64(int(gap.Usual/float64(gap.Days)*10+.5)) / 10
		gap.Fill = []string{"crawl", "--since", gap.Since, "--until", gap.Until, site}
		return g.tell(gap)
	}
	for day := begin; day < end; day++ {
		if counts[day] > 0 {
			if err := flush(); err != nil {
				return err
			}
			continue
		}
		usual, ok := usually(day, first, last, weeks, counts)
		if !ok || !g.within(dayName(day)) {
			continue
		}
		if open == nil {
			open = &Gap{Site: site, Kind: GapDays, Since: dayName(day)}
		}
		open.Days++
		open.Dates = append(open.Dates, dayName(day))
		open.Usual += usual
		until = day
	}
	return flush()
}

// usually says how many articles a site has on such a day, if it has any on
// three of four of them.
func usually(day, first, end int, weeks []int, counts map[int]int) (articles float64, ok bool) {
	at, _ := slices.BinarySearch(weeks, day/7)
	look := func(week func(i int) (int, bool)) (n, with, nearest int) {
		last, furthest := 0, 0
		for i := 0; n < rhythmWeeks; i++ {
			w, ok := week(i)
			if !ok || n > 0 && max(w-last, last-w) > rhythmApart {
				break
			}
			d := w*7 + day%7
			if d == day || d < first-6 || d > end+6 {
				continue
			}
			last, furthest = w, max(d-day, day-d)/7
			if n++; n == 1 {
				nearest = furthest
			}
			if counts[d] > 0 {
				with++
				articles += float64(counts[d])
			}
		}
		if furthest-nearest >= 2*n { // most weeks have nothing at all
			return 0, 0, 0
		}
		return n, with, nearest
	}
	before, withBefore, farBefore := look(func(i int) (int, bool) {
		if at-1-i < 0 {
			return 0, false
		}
		return weeks[at-1-i], true
	})
	after, withAfter, farAfter := look(func(i int) (int, bool) {
		if at+i >= len(weeks) {
			return 0, false
		}
		return weeks[at+i], true
	})
	enough := func(n, with int) bool { return n < rhythmLeast || float64(with) >= .6*float64(n) }
	switch n, with := before+after, withBefore+withAfter; {
	case n < rhythmLeast+2 && !(n >= rhythmLeast && (day > end || day < first)):
		return 0, false
	case float64(with) < rhythmShare*float64(n) || !enough(before, withBefore) || !enough(after, withAfter):
		return 0, false
	// Near the beginning or the end of what there is one side has to do. A few
	// articles long before the others, or after, are no beginning and no end.
	case (before < rhythmLeast && day >= first || after < rhythmLeast && day <= end) && max(farBefore, farAfter) > rhythmWeeks:
		return 0, false
	default:
		return articles / float64(with), true
	}
}

// states are what keeps an entry of a list from being in the archive.
var states = map[store.State]string{
	store.Due: "due", store.Leased: "due", store.RetryAt: "retry", store.Gone: "gone", store.Blocked: "blocked", store.Done: "not read",
}

// entries finds what lists named and nobody has read, and on the way the
// numbers in the addresses.
func (g *gaps) entries(ctx context.Context) error {
	for t, err := range g.targets(ctx) {
		if err != nil {
			return err
		}
		if t.Article != "" {
			g.numbers[t.Site].count(t)
		}
		if t.Kind != extract.KindArticle || t.Article != "" || !g.near(t) {
			continue
		}
		gap := Gap{Site: t.Site, Kind: GapEntry, URL: t.URL, State: states[t.State], Reason: t.Reason, Gone: t.Gone, Fill: []string{"crawl", t.URL}}
		if gap.State == "due" {
			gap.Fill = []string{"crawl", t.Site}
		}
		if err := g.tell(gap); err != nil {
			return err
		}
	}
	return nil
}

// near reports whether nothing is known that puts a target outside the days
// that were asked for.
func (g *gaps) near(t store.Target) bool {
	s, ok := extract.URLDate(t.URL, g.Sites.Zone(t.Site))
	if !ok {
		return true
	}
	from, to := s.From.Add(-urlSlack).Format(time.DateOnly), s.Until.Add(urlSlack).Format(time.DateOnly)
	return (g.since == "" || to >= g.since) && (g.until == "" || from <= g.until)
}

// targets streams those of the sites that may be articles.
func (g *gaps) targets(ctx context.Context) func(func(store.Target, error) bool) {
	return func(yield func(store.Target, error) bool) {
		s := store.Selection{Kinds: []extract.Kind{extract.KindArticle, extract.KindList}}
		if len(g.sites) == 1 {
			s.Site = g.sites[0]
		}
		for t, err := range g.Archive.Targets(ctx, s) {
			if err == nil && g.numbers[t.Site] == nil {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// A numbered site has numbers in the addresses of its articles.
type numbered struct{ families map[string]*family }

// A family is addresses of one form with a number in it.
type family struct {
	form        string // of an address, with {n}; of all when same
	same        bool
	n, min, max int
	stride      int
	sample      []sample

	known, read []uint64 // bits: some target has the number, it led to an article
}

type sample struct {
	number  int
	article string
}

// A number is one that an address has.
type number struct {
	family string
	form   string
	value  int
}

// numbersOf finds the running numbers that an address may have, each for the
// whole host and for its place on it.
func numbersOf(rawURL string) (out []number) {
	if address, rest, ok := strings.Cut(rawURL, ";"); ok && !strings.Contains(address, "?") { // a session
		_, query, asks := strings.Cut(rest, "?")
		if rawURL = address; asks {
			rawURL += "?" + query
		}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil
	}
	add := func(kind, digits, form string) {
		v, err := strconv.Atoi(digits)
		if err != nil || len(digits) > 9 || len(digits) > 1 && digits[0] == '0' {
			return
		}
		out = append(out, number{u.Host + " " + kind, form, v}, number{u.Host + path.Dir(u.Path) + " " + kind, form, v})
	}
	for param := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(param, "=")
		if isDigits(value) {
			add("?"+strings.ToLower(name), value, strings.Replace(rawURL, param, name+"={n}", 1))
		}
	}
	dir, last := path.Split(u.EscapedPath())
	ext := path.Ext(last)
	if isDigits(strings.TrimPrefix(ext, ".")) {
		ext = ""
	}
	stem := strings.TrimSuffix(last, ext)
	form := func(s string) string {
		return strings.Replace(rawURL, u.EscapedPath(), dir+s+ext, 1)
	}
	words := strings.TrimRight(stem, "0123456789")
	if digits := stem[len(words):]; digits != "" {
		add("tail"+ext, digits, form(words+"{n}"))
	} else if i := strings.IndexByte(stem, '-'); i > 0 && isDigits(stem[:i]) {
		add("head"+ext, stem[:i], form("{n}"+stem[i:]))
	}
	return out
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// count notes the numbers of an article.
func (s *numbered) count(t store.Target) {
	for _, x := range numbersOf(t.URL) {
		f := s.families[x.family]
		if f == nil {
			if len(s.families) >= maxFamilies {
				continue
			}
			f = &family{form: x.form, same: true, min: x.value, max: x.value, stride: 1}
			s.families[x.family] = f
		}
		f.same = f.same && f.form == x.form
		f.min, f.max = min(f.min, x.value), max(f.max, x.value)
		if f.n%f.stride == 0 {
			if f.sample = append(f.sample, sample{x.value, t.Article}); len(f.sample) == 256 {
				for i := range 128 {
					f.sample[i] = f.sample[2*i]
				}
				f.sample = f.sample[:128]
				f.stride *= 2
			}
		}
		f.n++
	}
}

// counted chooses the forms of addresses whose numbers count the articles: they
// grow with the date.
func (g *gaps) counted(ctx context.Context, s *numbered) error {
	names := make([]string, 0, len(s.families))
	for name := range s.families {
		names = append(names, name)
	}
	// The forms of a whole host come before those of its places.
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	kept := map[string]*family{}
	for _, name := range names {
		f := s.families[name]
		host, kind, _ := strings.Cut(name, " ")
		host, _, place := strings.Cut(host, "/")
		if place && kept[host+" "+kind] != nil || f.n < numbersLeast ||
			float64(f.n) < sparse*float64(f.max-f.min+1) || f.max-f.min >= maxNumbers {
			continue
		}
		grows, err := g.grows(ctx, f)
		if err != nil {
			return err
		}
		if grows {
			size := (f.max-f.min)/64 + 1
			f.known, f.read = make([]uint64, size), make([]uint64, size)
			kept[name] = f
		}
	}
	s.families = kept
	return nil
}

// grows reports whether the numbers of a family grow with the dates of the
// articles.
func (g *gaps) grows(ctx context.Context, f *family) (bool, error) {
	type dated struct {
		number int
		day    string
	}
	var all []dated
	for _, x := range f.sample {
		v, err := g.Archive.Article(ctx, x.article)
		if err != nil {
			return false, err
		}
		if !v.Published.IsZero() {
			all = append(all, dated{x.number, v.Published.Format(time.DateOnly)})
		}
	}
	up, down := 0, 0
	for i, a := range all {
		for _, b := range all[:i] {
			switch c := cmp.Compare(a.number, b.number) * cmp.Compare(a.day, b.day); {
			case c > 0:
				up++
			case c < 0:
				down++
			}
		}
	}
	return len(all) >= numbersLeast*4/5 && up >= 9*down && up > len(all), nil
}

func (f *family) has(bits []uint64, n int) bool {
	return n >= f.min && n <= f.max && bits[(n-f.min)/64]&(1<<((n-f.min)%64)) != 0
}

func (f *family) set(bits []uint64, n int) {
	if n >= f.min && n <= f.max {
		bits[(n-f.min)/64] |= 1 << ((n - f.min) % 64)
	}
}

// holes finds the numbers that are missing among those of a site.
func (g *gaps) holes(ctx context.Context) error {
	any := false
	for _, s := range g.numbers {
		if err := g.counted(ctx, s); err != nil {
			return err
		}
		any = any || len(s.families) > 0
	}
	if !any {
		return nil
	}
	each := func(do func(f *family, t store.Target, n int)) error {
		for t, err := range g.targets(ctx) {
			if err != nil {
				return err
			}
			if len(g.numbers[t.Site].families) == 0 {
				continue
			}
			for _, x := range numbersOf(t.URL) {
				if f := g.numbers[t.Site].families[x.family]; f != nil {
					do(f, t, x.value)
				}
			}
		}
		return nil
	}
	if err := each(func(f *family, t store.Target, n int) {
		f.set(f.known, n)
		if t.Article != "" {
			f.set(f.read, n)
		}
	}); err != nil {
		return err
	}
	// What is beside the holes says when they were published.
	type key struct {
		*family
		number int
	}
	beside := map[key]string{}
	for _, s := range g.numbers {
		for _, f := range s.families {
			f.each(func(first, last int) error {
				below, above := f.neighbours(first, last)
				beside[key{f, below}], beside[key{f, above}] = "", ""
				return nil
			})
		}
	}
	if err := each(func(f *family, t store.Target, n int) {
		if _, ok := beside[key{f, n}]; ok && t.Article != "" {
			beside[key{f, n}] = t.Article
		}
	}); err != nil {
		return err
	}
	day := func(f *family, n int) (string, error) {
		id := beside[key{f, n}]
		if id == "" {
			return "", nil
		}
		v, err := g.Archive.Article(ctx, id)
		if err != nil || v.Published.IsZero() {
			return "", err
		}
		return v.Published.Format(time.DateOnly), nil
	}
	for _, site := range g.sites {
		s := g.numbers[site]
		names := make([]string, 0, len(s.families))
		for name := range s.families {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			f := s.families[name]
			if err := f.each(func(first, last int) error {
				below, above := f.neighbours(first, last)
				gap := Gap{Site: site, Kind: GapNumbers, URL: f.form, First: first, Last: last}
				var err error
				if gap.Since, err = day(f, below); err != nil {
					return err
				}
				if gap.Until, err = day(f, above); err != nil {
					return err
				}
				if gap.Since > gap.Until && gap.Until != "" {
					gap.Since, gap.Until = gap.Until, gap.Since
				}
				if g.since != "" && gap.Until != "" && gap.Until < g.since || g.until != "" && gap.Since > g.until {
					return nil
				}
				gap.Fill = []string{"crawl"}
				switch {
				case f.same && last-first < longestURLs:
					for n := first; n <= last; n++ {
						gap.Fill = append(gap.Fill, strings.Replace(f.form, "{n}", strconv.Itoa(n), 1))
					}
				case gap.Since != "" && gap.Until != "":
					gap.Fill = append(gap.Fill, "--since", gap.Since, "--until", gap.Until, site)
				default:
					gap.Fill = append(gap.Fill, site)
				}
				if !f.same {
					gap.URL = generalForm(f.form)
				}
				return g.tell(gap)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// generalForm leaves out of a form what differs from article to article.
func generalForm(form string) string {
	u, err := url.Parse(form)
	if err != nil {
		return form
	}
	if i := strings.Index(u.RawQuery, "{n}"); i >= 0 {
		name := u.RawQuery[strings.LastIndexByte(u.RawQuery[:i], '&')+1 : i]
		return u.Scheme + "://" + u.Host + "/…?…" + name + "{n}"
	}
	last := path.Base(u.Path)
	if strings.HasPrefix(last, "{n}") {
		return u.Scheme + "://" + u.Host + "/…/{n}-…"
	}
	return u.Scheme + "://" + u.Host + "/…{n}" + path.Ext(last)
}

// each yields the holes among the numbers, where at least four of five of
// those on either side are known.
func (f *family) each(yield func(first, last int) error) error {
	for n := f.min; n <= f.max; n++ {
		if f.has(f.known, n) {
			continue
		}
		first := n
		for n < f.max && !f.has(f.known, n+1) {
			n++
		}
		if f.dense(first-1, -1, n-first+1) && f.dense(n+1, 1, n-first+1) {
			if err := yield(first, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// dense reports whether enough of the numbers on one side of a hole are known:
// of twenty-five, or near the first and the last number of as many as the hole has.
func (f *family) dense(from, step, length int) bool {
	around, known := 0, 0
	for n := from; n >= f.min && n <= f.max && around < numbersNear; n += step {
		if around++; f.has(f.known, n) {
			known++
		}
	}
	return around >= min(length, numbersNear) && float64(known) >= numbersShare*float64(around)
}

// neighbours are the nearest numbers of articles below and above a hole.
func (f *family) neighbours(first, last int) (below, above int) {
	for below = first - 1; below > f.min && !f.has(f.read, below); below-- {
	}
	for above = last + 1; above < f.max && !f.has(f.read, above); above++ {
	}
	return below, above
}
