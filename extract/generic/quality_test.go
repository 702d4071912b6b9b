package generic_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"

	"luutin/extract"
)

// The pages with truth that releases are developed on lie beside the checkout;
// without them the benchmarks here are skipped.
const benchDir = "../../../shared/bench"

// A sample is a page and what is true of it. What the set does not know is nil.
type sample struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	Title   *string   `json:"title"`
	Date    *string   `json:"date"` // "" where the page has none
	Authors *[]string `json:"authors"`
	Lead    *string   `json:"lead"`
	Body    *string   `json:"body"`
	With    []string  `json:"with"`
	Without []string  `json:"without"`

	page []byte
}

func samples(b *testing.B, set string) []sample {
	f, err := os.Open(filepath.Join(benchDir, set, "truth.jsonl"))
	if err != nil {
		b.Skip("no pages with truth beside the checkout")
	}
	defer f.Close()
	var out []sample
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			b.Fatal(err)
		}
		h, err := os.Open(filepath.Join(benchDir, set, "pages", s.ID+".html.gz"))
		if err != nil {
			b.Fatal(err)
		}
		z, err := gzip.NewReader(h)
		if err != nil {
			b.Fatal(err)
		}
		s.page, err = io.ReadAll(z)
		if err != nil {
			b.Fatal(err)
		}
		h.Close()
		out = append(out, s)
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return out
}

// A reading is what was made of a page, in the terms of the truth.
type reading struct {
	title, date, lead, body string
	authors                 []string
}

func read(sites *extract.Sites, s sample) reading {
	// Two sets cut the scheme off some addresses.
	u := s.URL
	if !strings.HasPrefix(u, "http") {
		u = ""
	}
	r, err := sites.ReadAs("", extract.Page{URL: u, Body: s.page})
	if err != nil || r.Article == nil {
		return reading{}
	}
	a := r.Article
	out := reading{title: a.Title, lead: string(a.Lead), body: a.Body, authors: a.Authors}
	if a.Lead != "" { // the truth has it as part of the text
		out.body = string(a.Lead) + "\n\n" + a.Body
	}
	if a.Published != nil {
		out.date = a.Published.Format(time.RFC3339)
		if a.PublishedPrecision == "day" {
			out.date = a.Published.Format("2006-01-02")
		}
	}
	return out
}

// BenchmarkQuality reports how well pages are read with no rule. Run it with
// -benchtime 1x. Figures are shares from 0 to 1:
//
//	bodyF1   4-gram F1, as article-extraction-benchmark defines it
//	title    equal after NFKC, white space and case are folded
//	day      same calendar day, of the pages that have a date
//	minute   within a minute, of those whose truth has a clock
//	falseday a date was given where the page has none
//	authors  equal sets of names
//	lead     mean F1 of the words
//	snippets F1 of texts that must and must not be in the body
func BenchmarkQuality(b *testing.B) {
	sites, err := extract.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	for _, set := range []string{"aeb", "fundus", "aed", "traf"} {
		b.Run(set, func(b *testing.B) {
			all := samples(b, set)
			var figures map[string]float64
			for b.Loop() {
				var s score
				for _, x := range all {
					s.add(x, read(sites, x))
				}
				figures = s.figures()
			}
			for name, v := range figures {
				b.ReportMetric(v, name)
			}
		})
	}
}

// BenchmarkSpeed reports what a whole reading costs: CPU as a multiple of
// html.Parse on the same bytes, and bytes allocated per byte of input.
func BenchmarkSpeed(b *testing.B) {
	sites, err := extract.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	var all []sample
	for _, set := range []string{"aeb", "fundus", "aed"} {
		all = append(all, samples(b, set)...)
	}
	size := 0
	for _, s := range all {
		size += len(s.page)
	}
	b.SetBytes(int64(size))
	var parse, whole time.Duration
	var before, after runtime.MemStats
	allocated := uint64(0)
	runs := 0
	for b.Loop() {
		runs++
		for _, s := range all {
			begin := time.Now()
			if _, err := html.Parse(bytes.NewReader(s.page)); err != nil {
				b.Fatal(err)
			}
			parse += time.Since(begin)
		}
		runtime.ReadMemStats(&before)
		for _, s := range all {
			begin := time.Now()
			read(sites, s)
			whole += time.Since(begin)
		}
		runtime.ReadMemStats(&after)
		allocated += after.TotalAlloc - before.TotalAlloc
	}
	b.ReportMetric(float64(whole)/float64(parse), "x-parse")
	b.ReportMetric(float64(allocated)/float64(size*runs), "B/byte")
}

// BenchmarkHostile reports what pages of five megabytes cost that were made to
// be slow, as a multiple of html.Parse. Deep pages are refused by it.
func BenchmarkHostile(b *testing.B) {
	sites, err := extract.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	const size = 5 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	prose := "The room is open, on Mondays, to anybody who asks for it by name. "
	for _, page := range []struct{ name, text string }{
		{"nested tags", strings.Repeat("<div>", 500) + fill("<b><i><u>a</u></i></b>")},
		{"nested prose", fill(strings.Repeat("<div>", 400) + prose + strings.Repeat("</div>", 400))},
		{"unclosed tags", fill("<div><b>a ")},
		{"one long line", "<p>" + fill(prose)},
		{"one long word", "<h1>" + fill("a")},
		{"a million links", strings.Repeat(`<a href=/>a</a>`, 1_000_000)},
		{"links to pages", fill(`<a href="/a/b/c.html">a link to a story</a>`)},
		{"unclosed tables", strings.Repeat("<table><tr><td>", 100) + fill("<td>1, 2. ")},
		{"unclosed paragraphs", fill("<p>1, 2. ")},
		{"tables", fill("<table><tr><td>1, 2.</td></tr></table>")},
		{"headings", fill("<h2>New reading room opens</h2>")},
		{"dates", fill("<p>7 March 2026 08:06</p>")},
		{"bylines", fill("<p class=byline>By Anna Berg</p>")},
	} {
		b.Run(strings.ReplaceAll(page.name, " ", "-"), func(b *testing.B) {
			body := []byte("<html><title>New reading room opens</title><body>" + page.text)
			b.SetBytes(int64(len(body)))
			var parse, whole time.Duration
			for b.Loop() {
				begin := time.Now()
				html.Parse(bytes.NewReader(body))
				parse += time.Since(begin)
				begin = time.Now()
				sites.ReadAs("", extract.Page{Body: body})
				whole += time.Since(begin)
			}
			b.ReportMetric(float64(whole)/float64(parse), "x-parse")
		})
	}
}

// A score adds pages up.
type score struct {
	precision, recall        []float64
	title, day, minute       share
	falseDay, authors        share
	lead                     []float64
	found, missed, wrong     int
	hasBody, hasLead, hasTxt bool
}

type share struct{ of, all int }

func (s *share) add(ok bool) {
	s.all++
	if ok {
		s.of++
	}
}

func (s *score) add(want sample, got reading) {
	if want.Body != nil && *want.Body != "" {
		s.hasBody = true
		p, r, output := overlap(*want.Body, got.body)
		if output {
			s.precision = append(s.precision, p)
		}
		s.recall = append(s.recall, r)
	}
	if want.Title != nil && *want.Title != "" {
		s.title.add(fold(*want.Title) == fold(got.title))
	}
	if want.Date != nil {
		if *want.Date == "" {
			s.falseDay.add(got.date != "")
		} else if t, clock, ok := moment(*want.Date); ok {
			g, gotClock, gotAny := moment(got.date)
			s.day.add(gotAny && sameDay(t, clock, g, gotClock))
			if clock && (t.Hour() != 0 || t.Minute() != 0) {
				s.minute.add(gotAny && gotClock && within(t, *want.Date, g))
			}
		}
	}
	if want.Authors != nil {
		if set := nameSet(*want.Authors); len(set) > 0 {
			s.authors.add(slices.Equal(set, nameSet(got.authors)))
		}
	}
	if want.Lead != nil && *want.Lead != "" {
		s.hasLead = true
		s.lead = append(s.lead, bag(words(fold(*want.Lead)), words(fold(got.lead))))
	}
	body := strings.Join(strings.Fields(got.body), " ")
	for _, t := range want.With {
		s.hasTxt = true
		if body != "" && strings.Contains(body, strings.Join(strings.Fields(t), " ")) {
			s.found++
		} else {
			s.missed++
		}
	}
	for _, t := range want.Without {
		s.hasTxt = true
		if body != "" && strings.Contains(body, strings.Join(strings.Fields(t), " ")) {
			s.wrong++
		}
	}
}

func (s *score) figures() map[string]float64 {
	out := map[string]float64{}
	if s.hasBody {
		p, r := mean(s.precision), mean(s.recall)
		out["bodyF1"] = 2 * p * r / (p + r)
	}
	for name, v := range map[string]share{"title": s.title, "day": s.day, "minute": s.minute, "falseday": s.falseDay, "authors": s.authors} {
		if v.all > 0 {
			out[name] = float64(v.of) / float64(v.all)
		}
	}
	if s.hasLead {
		out["lead"] = mean(s.lead)
	}
	if s.hasTxt {
		out["snippets"] = 2 * float64(s.found) / float64(2*s.found+s.wrong+s.missed)
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	if len(v) == 0 {
		return 0
	}
	return sum / float64(len(v))
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) && c != '_' })
}

// overlap compares 4-grams of words, as evaluate.py does.
func overlap(want, got string) (precision, recall float64, output bool) {
	a, b := shingles(want), shingles(got)
	common, inA, inB := 0, 0, 0
	for k, n := range a {
		inA += n
		common += min(n, b[k])
	}
	for _, n := range b {
		inB += n
	}
	if inB > 0 {
		precision = float64(common) / float64(inB)
	}
	if inA > 0 {
		recall = float64(common) / float64(inA)
	}
	return precision, recall, inB > 0
}

func shingles(s string) map[string]int {
	w := words(s)
	m := map[string]int{}
	if len(w) == 0 {
		return m
	}
	if len(w) < 4 {
		m[strings.Join(w, " ")] = 1
		return m
	}
	for i := 0; i+4 <= len(w); i++ {
		m[strings.Join(w[i:i+4], " ")]++
	}
	return m
}

func bag(want, got []string) float64 {
	if len(want) == 0 && len(got) == 0 {
		return 1
	}
	n := map[string]int{}
	for _, w := range want {
		n[w]++
	}
	common := 0
	for _, w := range got {
		if n[w] > 0 {
			n[w]--
			common++
		}
	}
	return 2 * float64(common) / float64(len(want)+len(got))
}

func fold(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(s)), " "))
}

// moment reads the ISO dates of the truth; a clock without an offset counts as
// of any.
func moment(s string) (t time.Time, clock, ok bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true, true
		}
	}
	if len(s) >= 10 {
		if t, err := time.Parse("2006-01-02", s[:10]); err == nil {
			return t, false, true
		}
	}
	return time.Time{}, false, false
}

func sameDay(a time.Time, aClock bool, b time.Time, bClock bool) bool {
	const day = "2006-01-02"
	return a.Format(day) == b.Format(day) || aClock && bClock && b.In(a.Location()).Format(day) == a.Format(day)
}

func within(want time.Time, text string, got time.Time) bool {
	if len(text) == len("2006-01-02T15:04:05") { // no offset
		got = time.Date(got.Year(), got.Month(), got.Day(), got.Hour(), got.Minute(), got.Second(), 0, want.Location())
	}
	return want.Sub(got).Abs() <= time.Minute
}

var (
	between  = regexp.MustCompile(`(?i)\s*(?:;|\||,|\n|•|·|\s/\s|\s&\s|\band\b|\bund\b|\bet\b|\sund\s|\svà\s)\s*`)
	by       = regexp.MustCompile(`(?i)^(?:by|von|par|par\.|per|por|written by|posted by|autor(?:en)?:?|author:?|text:|story by)\s+`)
	honorary = regexp.MustCompile(`(?i)^(?:dr|ph\.?d|m\.?d|jr|sr|mba|ma|m\.?a|msc|bsc|esq|rn|rd|md|cfa|jd|j\.?d)\.?$`)
)

// nameSet is the sorted set of normalised names.
func nameSet(names []string) []string {
	var out []string
	for _, n := range names {
		for _, p := range between.Split(fold(n), -1) {
			p = by.ReplaceAllString(strings.Trim(p, " .:-–—\"'()"), "")
			p = strings.Join(words(p), " ")
			if p != "" && !honorary.MatchString(p) {
				out = append(out, p)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
