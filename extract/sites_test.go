package extract_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
)

var update = flag.Bool("update", false, "write what is read from saved pages as what is expected")

const savedSites = "../testdata/sites"

// TestSites reads every saved page and compares it with the reading that is
// kept beside it, and wants a page for every layout that is defined.
func TestSites(t *testing.T) {
	sites := builtin(t)
	dir := os.DirFS(savedSites)
	pages, err := extract.SavedPages(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) == 0 {
		t.Fatalf("no saved pages below %s", savedSites)
	}
	covered := map[string]bool{}
	expected := map[string]bool{}
	for _, name := range pages {
		golden := extract.GoldenName(name)
		if expected[golden] {
			t.Errorf("%s: another page has the golden file %s too", name, golden)
		}
		expected[golden] = true
		t.Run(name, func(t *testing.T) {
			page, err := extract.LoadSaved(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sites.Expected(page)
			if err != nil {
				t.Fatal(err)
			}
			if reading, _ := sites.Read(page); reading.Article != nil {
				_, layout, _ := strings.Cut(reading.Article.Extractor, " ")
				covered[layout] = true
			}
			if *update {
				if err := os.WriteFile(filepath.Join(savedSites, golden), got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := fs.ReadFile(dir, golden)
			if errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%s is missing: make it with -update, then read it beside the page", golden)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", golden, diff)
			}
		})
	}
	if filtered() {
		return
	}
	for _, layout := range layouts(t, sites) {
		if !covered[layout] {
			t.Errorf("layout %s has no saved page below %s", layout, savedSites)
		}
	}
	err = fs.WalkDir(dir, ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".golden.json") && !expected[name] {
			t.Errorf("%s has no saved page", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// filtered reports whether only some of the pages were read.
func filtered() bool {
	run := flag.Lookup("test.run")
	return run != nil && strings.Contains(run.Value.String(), "/")
}

func builtin(t testing.TB) *extract.Sites {
	t.Helper()
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

// layouts returns the names of all layouts as Article.Extractor has them, each
// once though a platform's layouts belong to several sites.
func layouts(t testing.TB, sites *extract.Sites) (names []string) {
	t.Helper()
	for _, name := range sites.Names() {
		site, _ := sites.Site(name)
		for _, l := range site.Layouts {
			l, _, _ = strings.Cut(l, " ")
			if !slices.Contains(names, l) {
				names = append(names, l)
			}
		}
	}
	return names
}

// TestDefinitions holds every built-in definition to what users rely on.
func TestDefinitions(t *testing.T) {
	sites := builtin(t)
	for _, name := range sites.Names() {
		site, _ := sites.Site(name)
		if site.Title == "" {
			t.Errorf("%s has no title", name)
		}
		if len(site.Seeds) == 0 {
			t.Errorf("%s has no start, feed or sitemap: a crawl of it would visit nothing", name)
		}
		for _, seed := range site.Seeds {
			if got := sites.Of(seed.URL); got != name {
				t.Errorf("%s starts at %s, which belongs to %q", name, seed.URL, got)
			}
		}
		for _, host := range site.Hosts {
			if got := sites.Of("https://" + strings.Replace(host, "*.", "x.", 1) + "/"); got != name {
				t.Errorf("host %s of %s belongs to %q", host, name, got)
			}
		}
		if !strings.Contains(strings.Join(site.Hosts, " "), name) {
			t.Errorf("%s is not among its hosts %v", name, site.Hosts)
		}
		if strings.HasSuffix(name, ".gov.vn") && site.Ministry == "" && !strings.HasPrefix(name, "sotttt.") {
			t.Errorf("%s names no ministry", name)
		}
	}
}

func TestDefinitionFaults(t *testing.T) {
	valid := "hosts = ['a.example']\nstart = ['https://a.example/']\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an unknown key": {
			map[string]string{"a.toml": valid + "\n[[layout]]\nname = 'x'\ntitel = 'h1'\n"},
			`a.toml:6: unknown key "layout.titel"`,
		},
		"a bad selector": {
			map[string]string{"a.toml": valid + "[[layout]]\nname = 'x'\ntitle = 'h1'\nbody = 'div['\n"},
			"a.toml:6: selector",
		},
		"a bad selector in a list": {
			map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\n[[list]]\nlinks = 'a:nope'\n"},
			"a.toml:6: selector",
		},
		"a host of another site": {
			map[string]string{"a.toml": valid, "b.toml": valid},
			"b.toml:1: host a.example belongs to a",
		},
		"a host of another site with www.": {
			map[string]string{"a.toml": valid, "b.toml": "hosts = ['www.a.example']\n"},
			"b.toml:1: host www.a.example belongs to a, which has a.example: with www. and without it a host is of one site",
		},
		"a host of another site without www.": {
			map[string]string{"a.toml": "hosts = ['www.b.example']\n", "b.toml": "title = 'B'\nhosts = ['x.example', 'b.example']\n"},
			"b.toml:2: host b.example belongs to a, which has www.b.example",
		},
		"a missing platform": {
			map[string]string{"a.toml": valid + "platform = 'none'\n"},
			`a.toml:3: no platform "none"; there are `,
		},
		"a zone that is none": {
			map[string]string{"a.toml": valid + "zone = 'Asia/Nowhere'\n"},
			`a.toml:3: zone "Asia/Nowhere"`,
		},
		"a level that is none": {
			map[string]string{"a.toml": valid + "sure = 'certain'\n"},
			`a.toml:3: sure = "certain" is none of sure, likely, old, weak`,
		},
		"a pattern that is none": {
			map[string]string{"a.toml": valid + "articles = '-(\\d+'\n"},
			"a.toml:3: articles: pattern",
		},
		"no hosts":              {map[string]string{"a.toml": "title = 'A'\n"}, "no hosts"},
		"a start without host":  {map[string]string{"a.toml": "hosts = ['a.example']\nstart = ['/news']\n"}, `a.toml:2: "/news" is no absolute http or https URL`},
		"a layout without name": {map[string]string{"a.toml": valid + "[[layout]]\ntitle = 'h1'\n"}, "a.toml:3: a layout needs a name"},
		"two layouts of a name": {map[string]string{"a.toml": valid + "[[layout]]\nname = 'x'\nbody = 'p'\n[[layout]]\nname = 'x'\n"}, `a.toml:7: a second layout is named "x"`},
		"a page without number": {map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\npage = '?page=2'\n"}, "a.toml:5: a page template has one {n}"},
		"an id that nothing finds": {
			map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\npage = '/zone/{id}/{n}.htm'\n"},
			"a.toml:5: page has an {id}, but no page_id says where on a page it stands, and no start page's URL has it",
		},
		"an id that nothing needs": {
			map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\npage_id = '#zone@value'\npage = '/zone/{n}.htm'\n"},
			"a.toml:5: page_id finds the {id} in page, which has none",
		},
		"a platform with a host": {map[string]string{"platforms/p.toml": valid}, "platforms/p.toml:1: a platform has layouts and lists only"},
		"a platform without mark": {
			map[string]string{"platforms/p.toml": "[[layout]]\nname = 'x'\nbody = 'article'\n"},
			"a platform's layout needs when",
		},
		"any host":                {map[string]string{"a.toml": "hosts = ['*']\n"}, `a.toml:1: "*" is no host name, nor a pattern of some: that begins with *. and a name follows, as in *.moh.gov.vn`},
		"a pattern of nothing":    {map[string]string{"a.toml": "hosts = ['*.']\n"}, `a.toml:1: "*." is no host name, nor a pattern`},
		"a pattern behind a host": {map[string]string{"a.toml": "hosts = ['x.*']\n"}, `a.toml:1: "x.*" is no host name, nor a pattern`},
		"a pattern in a pattern":  {map[string]string{"a.toml": "hosts = ['*.*.x.test']\n"}, `a.toml:1: "*.*.x.test" is no host name, nor a pattern`},
		"a host twice":            {map[string]string{"a.toml": "hosts = ['a.example', 'A.example.']\n"}, "a.toml:1: host a.example is named twice; once is enough"},
		"a zone of the machine":   {map[string]string{"a.toml": valid + "zone = 'Local'\n"}, `a.toml:3: zone "Local" is another one on each machine; name that of the site`},
		"a delay of days":         {map[string]string{"a.toml": valid + "delay = '1500h'\n"}, `a.toml:3: delay "1500h" is longer than a day`},
		"a port that is none":     {map[string]string{"a.toml": "hosts = ['a.example']\nstart = ['http://a.example:80800/']\n"}, `a.toml:2: "http://a.example:80800/" has the port 80800; there are 1 to 65535`},
		"a header that is none":   {map[string]string{"a.toml": valid + "[headers]\nAccept = 'x'\n'Accept Language' = 'vi'\n"}, `a.toml:5: "Accept Language" is no name of an HTTP header`},
		"a header in one line":    {map[string]string{"a.toml": valid + "headers = { 'Accept Language' = 'vi' }\n"}, `a.toml:3: "Accept Language" is no name of an HTTP header`},
		"a header of two lines":   {map[string]string{"a.toml": valid + "[headers]\nAccept-Language = \"vi\\nX: y\"\n"}, `a.toml:4: "vi\nX: y" is no value of an HTTP header`},
		"a step back":             {map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\npage = '?p={n}'\nstep = -1\n"}, "a.toml:6: step = -1 leads before the first page"},
		"a first page before all": {map[string]string{"a.toml": valid + "[[list]]\nlinks = 'a'\nfirst = -1\n"}, "a.toml:5: first = -1 is no number of a page"},
		"no TOML":                 {map[string]string{"a.toml": "hosts = [\n"}, "a.toml:"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fstest.MapFS{}
			for file, text := range tt.files {
				dir[file] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := extract.LoadSites(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("LoadSites = %v, want an error with %q", err, tt.want)
			}
			var fault *extract.DefinitionError
			if !errors.As(err, &fault) {
				t.Errorf("LoadSites = %T, want a *DefinitionError", err)
			}
		})
	}
}

// TestOwnDefinition is the promise of docs/adding-a-site.md: a file of one's
// own takes the place of the built-in one of its name.
func TestOwnDefinition(t *testing.T) {
	sites, err := extract.LoadSites(fstest.MapFS{"moj.gov.vn.toml": {Data: []byte(`
title = 'Mine'
hosts = ['moj.gov.vn']
zone = 'Asia/Ho_Chi_Minh'
[[layout]]
name = 'mine'
title = '.t'
body = '.b'
`)}})
	if err != nil {
		t.Fatal(err)
	}
	site, _ := sites.Site("moj.gov.vn")
	if site.Title != "Mine" {
		t.Errorf("title of moj.gov.vn = %q, want Mine", site.Title)
	}
	r, err := sites.Read(extract.Page{URL: "https://moj.gov.vn/x", Body: []byte(`<html><p class=t>Tin thử</p><div class=b><p>Một đoạn văn.</p></div>`)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Article.Title+"|"+r.Article.Body, "Tin thử|Một đoạn văn."; got != want {
		t.Errorf("title and body = %q, want %q", got, want)
	}
}

// FuzzDefinition loads the built-in definitions anew each time, in random
// order; run it with -fuzzminimizetime 1x.
func FuzzDefinition(f *testing.F) {
	for _, dir := range []string{"sites", "sites/platforms"} {
		files, err := filepath.Glob(dir + "/*.toml")
		if err != nil {
			f.Fatal(err)
		}
		for i, file := range files {
			if i%8 != 0 {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, dir == "sites/platforms")
		}
	}
	f.Add([]byte("hosts = ['a.example']\n[[list]]\npage = '{stem}/{stem}/{n}'\n"), false)
	page := []byte(`<html><body><a href="/a-long-enough-slug-1234567.html">x</a><h1>T</h1><div>text</div></body></html>`)
	f.Fuzz(func(t *testing.T, text []byte, platform bool) {
		name := "fuzz.example.toml"
		if platform {
			name = "platforms/" + name
		}
		sites, err := extract.LoadSites(fstest.MapFS{name: {Data: text}})
		if err != nil {
			return
		}
		site, ok := sites.Site("fuzz.example")
		if !ok {
			return
		}
		for _, host := range site.Hosts {
			_, _ = sites.Read(extract.Page{URL: "https://" + host + "/tin-tuc/p2", Body: page})
		}
	})
}

const corpus = "../../shared/corpus"

// corpusLists are the least numbers of articles that the list pages and feeds
// of the corpus lead to: counted by hand.
var corpusLists = map[int]int{
	2: 34, 7: 34, 9: 44, 17: 50, 33: 100, 35: 100, 36: 100, 41: 50, 42: 50, 43: 1, 44: 9, 45: 10, 46: 12,
	62: 20, 63: 20, 64: 20, 65: 15, 66: 10, 67: 40, 72: 28,
}

// TestCorpus holds the reader to the real pages that are kept beside the
// project, where there are any.
func TestCorpus(t *testing.T) {
	index := jsonLines[struct {
		N    int
		File string
		URL  string
		Kind string
	}](t, "index.jsonl")
	truth := map[int]corpusTruth{}
	for _, line := range jsonLines[corpusTruth](t, "truth.jsonl") {
		truth[line.N] = line
	}
	sites := builtin(t)
	var all score
	for _, entry := range index {
		body, err := os.ReadFile(filepath.Join(corpus, entry.File))
		if err != nil {
			t.Fatal(err)
		}
		r, err := sites.Read(extract.Page{URL: entry.URL, Body: body, Fetched: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
		if want := corpusLists[entry.N]; want > 0 {
			got := 0
			for _, l := range r.Links {
				if l.Kind == extract.KindArticle {
					got++
				}
			}
			if !errors.Is(err, extract.ErrNotArticle) || got < want {
				t.Errorf("page %d: %d articles (%v), want %d", entry.N, got, err, want)
			}
		}
		want, ok := truth[entry.N]
		if !ok {
			continue
		}
		a := r.Article
		if a == nil {
			t.Errorf("page %d: %v", entry.N, err)
			a = &extract.Article{}
		}
		all.add(t, want, a)
	}
	all.check(t)
}

type corpusTruth struct {
	N            int
	Title        string
	Date         *time.Time
	Lead, Author *string
	Source       *string
	Body         string
}

// A score counts what was read rightly. Titles and dates must all be right.
type score struct {
	pages, leads, authors, sources int
	precision, recall              float64
}

func (s *score) add(t *testing.T, want corpusTruth, got *extract.Article) {
	s.pages++
	if got.Title != want.Title {
		t.Errorf("page %d: title %q, want %q", want.N, got.Title, want.Title)
	}
	switch {
	case want.Date == nil && got.Published != nil:
		t.Errorf("page %d: published %v, want none", want.N, got.Published)
	case want.Date != nil && (got.Published == nil || !got.Published.Truncate(time.Minute).Equal(want.Date.Truncate(time.Minute))):
		t.Errorf("page %d: published %v, want %v", want.N, got.Published, want.Date)
	}
	if fold(string(got.Lead)) == fold(value(want.Lead)) {
		s.leads++
	}
	if fold(strings.Join(got.Authors, " - ")) == fold(value(want.Author)) {
		s.authors++
	}
	if (got.Source == "") == (want.Source == nil) {
		s.sources++
	}
	precision, recall := shingles(want.Body, got.Body)
	s.precision, s.recall = s.precision+precision, s.recall+recall
}

func (s *score) check(t *testing.T) {
	n := float64(s.pages)
	for _, part := range []struct {
		name string
		got  int
	}{{"leads", s.leads}, {"authors", s.authors}, {"sources", s.sources}} {
		if float64(part.got) < .9*n {
			t.Errorf("%d of %d %s are right, want nine in ten", part.got, s.pages, part.name)
		}
	}
	precision, recall := s.precision/n, s.recall/n
	if f1 := 2 * precision * recall / (precision + recall); f1 < .97 {
		t.Errorf("body F1 = %.4f, want .97", f1)
	}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// fold leaves letters and digits.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// shingles compares texts by runs of four words, as the article extraction
// benchmark of scrapinghub does: true and false positives and what is missing,
// relative to all three.
func shingles(want, got string) (precision, recall float64) {
	a, b := grams(want), grams(got)
	both, read, there := 0, 0, 0
	for g, n := range b {
		read += n
		both += min(n, a[g])
	}
	for _, n := range a {
		there += n
	}
	if read > 0 {
		precision = float64(both) / float64(read)
	}
	if there > 0 {
		recall = float64(both) / float64(there)
	}
	return precision, recall
}

func grams(text string) map[string]int {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && !unicode.IsMark(r)
	})
	out := map[string]int{}
	if len(words) > 0 && len(words) < 4 {
		out[strings.Join(words, " ")]++
	}
	for i := 0; i+4 <= len(words); i++ {
		out[strings.Join(words[i:i+4], " ")]++
	}
	return out
}

// jsonLines reads a file of the corpus, and skips the test where there is none.
func jsonLines[T any](t *testing.T, name string) (out []T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no corpus at %s", corpus)
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		out = append(out, one)
	}
	return out
}

// A host that is written in its own letters is the one that DNS knows.
func TestInternationalHosts(t *testing.T) {
	sites, err := extract.LoadSites(fstest.MapFS{"thu.toml": &fstest.MapFile{Data: []byte("hosts = [\"bộ-thử.vn\", \"*.phòng.vn\"]\nstart = [\"http://bộ-thử.vn/\"]\n[[list]]\nlinks = 'li a'\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"http://bộ-thử.vn/tin-1.html", "http://www.BỘ-THỬ.VN/tin-1.html", "http://xn--b-th-5y5a9e.vn/tin-1.html", "https://a.phòng.vn/"} {
		if got := sites.Of(raw); got != "thu" {
			t.Errorf("Of(%s) = %q", raw, got)
		}
	}
	page := extract.Page{URL: "http://xn--b-th-5y5a9e.vn/", Body: []byte(`<ul><li><a href="http://bộ-thử.vn/tin-1-2018.html">Bộ họp giao ban tháng một</a><li><a href="/tin-2-2018.html">Bộ họp giao ban tháng hai</a></ul>`)}
	r, err := sites.Read(page)
	if r.Kind != extract.KindList || len(r.Links) != 2 || r.Links[0].URL != "http://xn--b-th-5y5a9e.vn/tin-1-2018.html" || r.Links[0].Canonical != r.Links[0].URL {
		t.Errorf("%+v, %v", r.Links, err)
	}
}
