package heal

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"luutin/extract"
)

// A Site is a definition for a site that had none.
type Site struct {
	Name       string
	Definition []byte
	List       *List     // what its list page says
	Platform   string    // whose layouts read the articles; "" when Layout does
	Layout     *Proposal // nil when a platform's layouts do
	Readings   []Reading // of the articles by the definition; Known is what was read without it
	Skipped    []error   // articles that could not be read
	Linked     int       // articles that the definition finds on the list page
	Onward     string    // the next page that it finds; "" when there is none
}

// ErrShell is what Define wraps for pages that hold no text of their own.
var ErrShell = errors.New("the pages load their text from an API")

// Name returns what the site of a URL is called: its host without www.
func Name(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// Bare returns the least definition of a site: what a crawler must know to
// fetch a page of it.
func Bare(rawURL string) []byte {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil
	}
	return fmt.Appendf(nil, "hosts = [%s]\n", literal(strings.ToLower(u.Hostname())))
}

// Define writes a definition from a list page and articles it links to. What
// stands on them is read without rules first; the rules must then read the
// same.
func Define(sites *extract.Sites, list extract.Page, l *List, articles []extract.Page) (*Site, error) {
	s := &Site{Name: Name(list.URL), List: l}
	var samples []Sample
	platforms := map[string]int{}
	shells := 0
	for _, page := range articles {
		r, err := sites.Read(page)
		if r.Article == nil {
			if r.Instead == "shell" {
				shells++
			}
			s.Skipped = append(s.Skipped, fmt.Errorf("%s: %w", page.URL, err))
			continue
		}
		_, by, _ := strings.Cut(r.Article.Extractor, " ")
		if platform, _, ok := strings.Cut(by, "/"); ok {
			platforms[platform]++
		}
		samples = append(samples, Sample{page, r.Article})
	}
	switch {
	case len(samples) == 0 && shells > 0:
		return s, ErrShell
	case len(samples) == 0:
		return s, errors.Join(append([]error{ErrNoSamples}, s.Skipped...)...)
	}
	for platform, n := range platforms {
		if n == len(samples) {
			s.Platform = platform
		}
	}
	d := draft{list: list, l: l, platform: s.Platform, language: language(l, samples), zone: zone(l, list, samples), fields: map[string]string{}}
	d.hosts = hosts(list, articles)
	if s.Platform == "" {
		p, err := Propose(Task{Sites: sites, Site: s.Name, Definition: d.text(), Samples: samples, Old: []extract.Page{list}, Name: layoutName(samples)})
		if err != nil && !errors.Is(err, ErrNoMark) {
			return s, err
		}
		s.Layout = p
		for _, field := range Fields {
			d.fields[field] = sureness(p.Right(field), len(samples), "read as without the rule")
		}
		d.fields["drop"] = "what stands in the text and is no part of it"
		d.layout = p.Layout.TOML(d.fields)
	}
	d.sure = "weak"
	if l.Sharp && len(samples) >= 3 && (s.Layout == nil || s.Layout.Right("title")+s.Layout.Right("body") == 2*len(samples)) {
		d.sure = "likely"
	}
	// A platform may know better how its sites link and page on.
	var with *extract.Sites
	for _, d.leave = range d.leavings() {
		text := d.text()
		tried, err := sites.With(s.Name, text)
		if err != nil {
			return s, err
		}
		linked, onward := follow(tried, list, samples)
		if with == nil || linked >= l.Listed && (onward != "") == (s.Onward != "") || onward != "" && s.Onward == "" && linked >= l.Listed {
			with, s.Definition, s.Linked, s.Onward = tried, text, linked, onward
		}
	}
	for _, sample := range samples {
		r, err := with.Read(sample.Page)
		s.Readings = append(s.Readings, Reading{sample, r.Article, err})
	}
	return s, nil
}

// follow counts the articles that a definition finds on a list, and names the
// next page. It is nothing when an article would be taken for a list.
func follow(sites *extract.Sites, list extract.Page, samples []Sample) (linked int, onward string) {
	for _, s := range samples {
		if r, _ := sites.Read(s.Page); r.Article == nil {
			return 0, ""
		}
	}
	reading, _ := sites.Read(list)
	for _, link := range reading.Links {
		switch {
		case link.Onward:
			onward = link.URL
		case link.Kind == extract.KindArticle:
			linked++
		}
	}
	return linked, onward
}

func sureness(right, of int, what string) string {
	switch {
	case right < of:
		return fmt.Sprintf("CHECK: %s on %d of %d pages", what, right, of)
	case of < 3:
		return fmt.Sprintf("%s on %d of %d pages: too few to be sure", what, right, of)
	}
	return fmt.Sprintf("%s on %d of %d pages", what, right, of)
}

func hosts(list extract.Page, articles []extract.Page) (out []string) {
	for _, p := range append([]extract.Page{list}, articles...) {
		if u, err := url.Parse(p.URL); err == nil {
			out = append(out, strings.ToLower(u.Hostname()))
		}
	}
	return unique(out)
}

func layoutName(samples []Sample) string {
	for _, s := range samples {
		if y := s.Page.Fetched.Year(); y > 1990 {
			return fmt.Sprint(y)
		}
	}
	return "today"
}

// most returns the value that most samples have.
func most(samples []Sample, of func(Sample) string) (best string) {
	counts := map[string]int{}
	for _, s := range samples {
		if v := of(s); v != "" {
			counts[v]++
			if counts[v] > counts[best] {
				best = v
			}
		}
	}
	return best
}

func language(l *List, samples []Sample) string {
	tag := most(samples, func(s Sample) string { return string(s.Known.Language) })
	if tag == "" {
		tag = l.Language
	}
	tag, _, _ = strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	if !plainName.MatchString(tag) {
		return ""
	}
	return strings.ToLower(tag)
}

// zones are those of languages, and of countries by their top-level domain,
// that have but one.
var zones = map[string]string{
	"vi": "Asia/Ho_Chi_Minh", ".vn": "Asia/Ho_Chi_Minh", ".th": "Asia/Bangkok", ".la": "Asia/Vientiane", ".kh": "Asia/Phnom_Penh", ".sg": "Asia/Singapore",
	".jp": "Asia/Tokyo", ".kr": "Asia/Seoul", ".in": "Asia/Kolkata", ".de": "Europe/Berlin", ".at": "Europe/Vienna", ".ch": "Europe/Zurich", ".it": "Europe/Rome",
	".pl": "Europe/Warsaw", ".cz": "Europe/Prague", ".nl": "Europe/Amsterdam", ".be": "Europe/Brussels", ".dk": "Europe/Copenhagen", ".se": "Europe/Stockholm",
	".no": "Europe/Oslo", ".fi": "Europe/Helsinki", ".ie": "Europe/Dublin", ".uk": "Europe/London", ".gr": "Europe/Athens", ".fr": "Europe/Paris",
}

func zone(l *List, list extract.Page, samples []Sample) string {
	if u, err := url.Parse(list.URL); err == nil {
		if z := zones[path.Ext(u.Hostname())]; z != "" {
			return z
		}
	}
	return zones[language(l, samples)]
}

// A draft is a definition in the making.
type draft struct {
	list     extract.Page
	l        *List
	hosts    []string
	platform string
	language string
	zone     string
	sure     string
	layout   string
	fields   map[string]string
	leave    int // what is left to the platform: nothing, the list, or the list and the shape of URLs
}

// leavings are what may be left to the platform, the most last.
func (d *draft) leavings() []int {
	if d.platform == "" {
		return []int{0}
	}
	return []int{0, 1, 2}
}

// text writes the definition, with what each line rests on.
func (d *draft) text() []byte {
	var b strings.Builder
	line := func(key, value, remark string) {
		fmt.Fprintf(&b, "%s = %s", key, value)
		if remark != "" {
			fmt.Fprintf(&b, " # %s", remark)
		}
		b.WriteByte('\n')
	}
	array := func(values []string) string {
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = literal(v)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	if d.l.Title != "" {
		line("title", literal(d.l.Title), "as the list page says")
	}
	line("hosts", array(d.hosts), "")
	b.WriteString("# ministry = '…' # whose site is it? It goes into every article\n")
	if d.platform != "" {
		line("platform", literal(d.platform), "the articles bear its marks, and its layouts read them")
	}
	if d.zone != "" {
		line("zone", literal(d.zone), "GUESS: by the language or the domain")
	} else {
		b.WriteString("# zone = 'Area/City' # for times printed without an offset: not known\n")
	}
	if d.language != "" {
		line("language", literal(d.language), "as the pages say")
	}
	if d.sure != "" {
		line("sure", literal(d.sure), "")
	}
	line("start", array([]string{d.list.URL}), "add the other sections")
	if len(d.l.Feeds) > 0 {
		line("feeds", array(d.l.Feeds), "named by the list page, not asked")
	}
	remark := fmt.Sprintf("fits %d links of the list and none of the %d others", len(d.l.Found), d.l.Others)
	if !d.l.Sharp {
		remark = fmt.Sprintf("CHECK: fits %d links of the list; too little to tell articles from sections", len(d.l.Found))
	}
	if d.leave < 2 {
		line("articles", literal(d.l.Articles), remark)
	}
	if d.leave > 0 {
		return []byte(b.String())
	}

	b.WriteString("\n[[list]]\n")
	remark = "the main list"
	if d.l.Links == "a[href]" {
		remark = "every link: articles tells which are meant"
	}
	line("links", literal(d.l.Links), remark)
	switch {
	case d.l.Rel:
		b.WriteString("# the pages say rel=next, which is followed without a rule\n")
	case d.l.Next != "":
		line("next", literal(d.l.Next), "")
	case d.l.Page != "":
		line("page", literal(d.l.Page), "from the link to the second or third page")
		if d.l.First != 1 {
			line("first", fmt.Sprint(d.l.First), "")
		}
		if d.l.Step != 1 {
			line("step", fmt.Sprint(d.l.Step), "")
		}
	default:
		b.WriteString("# page = '?page={n}' # CHECK: no way to the next page was found\n")
	}
	if d.layout != "" {
		b.WriteString("\n" + d.layout)
	}
	return []byte(b.String())
}
