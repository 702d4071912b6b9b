package extract

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones of the definitions on machines without them

	"github.com/andybalholm/cascadia"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/http/httpguts"

	"luutin/extract/dom"
)

//go:embed sites
var builtin embed.FS

// Sites are site definitions, ready for use. They are safe for concurrent use.
type Sites struct {
	byName    map[string]*definition
	byHost    map[string]*definition
	names     []string
	platforms []*definition // sorted by name
}

// Builtin returns the definitions that come with the program.
func Builtin() (*Sites, error) { return LoadSites() }

// LoadSites adds definitions to the built-in ones: the *.toml files at the
// root of each file system, and those in its folder platforms. A file replaces
// an earlier one of its name. Errors are of type *DefinitionError, joined, one
// for every fault found.
func LoadSites(dirs ...fs.FS) (*Sites, error) {
	own, err := fs.Sub(builtin, "sites")
	if err != nil {
		return nil, err
	}
	s := &Sites{byName: map[string]*definition{}, byHost: map[string]*definition{}}
	platforms := map[string]*definition{}
	var faults []error
	for _, dir := range append([]fs.FS{own}, dirs...) {
		for _, pattern := range []string{"platforms/*.toml", "*.toml"} {
			files, err := fs.Glob(dir, pattern)
			if err != nil {
				return nil, err
			}
			for _, file := range files {
				text, err := fs.ReadFile(dir, file)
				if err != nil {
					return nil, fmt.Errorf("read site definition: %w", err)
				}
				text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // some editors put it there
				d, err := parseDefinition(file, text, pattern == "platforms/*.toml")
				switch {
				case err != nil:
					faults = append(faults, err)
				case d.isPlatform:
					platforms[d.Name] = d
				default:
					s.byName[d.Name] = d
				}
			}
		}
	}
	for _, p := range platforms {
		s.platforms = append(s.platforms, p)
	}
	slices.SortFunc(s.platforms, func(a, b *definition) int { return strings.Compare(a.Name, b.Name) })
	s.names = slices.Sorted(maps.Keys(s.byName))
	for _, name := range s.names {
		d := s.byName[name]
		faults = append(faults, d.strangers()...)
		faults = append(faults, s.admit(d)...)
	}
	if len(faults) > 0 {
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(faults...)
	}
	return s, nil
}

// admit gives a definition what its platform knows, and its hosts to it.
func (s *Sites) admit(d *definition) (faults []error) {
	if d.Platform != "" {
		i := slices.IndexFunc(s.platforms, func(p *definition) bool { return p.Name == d.Platform })
		if i >= 0 {
			d.inherit(s.platforms[i])
		} else {
			faults = append(faults, d.fault(fmt.Sprintf("no platform %q; there are %s", d.Platform, strings.Join(names(s.platforms), ", ")), "platform"))
		}
	}
	for _, host := range d.Hosts {
		// Without www. and with it a page is one in the frontier.
		bare := strings.TrimPrefix(host, "www.")
		for _, h := range [...]string{host, bare, "www." + bare} {
			other := s.byHost[h]
			if other == nil || other == d {
				continue
			}
			what := fmt.Sprintf("host %s belongs to %s", host, other.Name)
			if h != host {
				what += fmt.Sprintf(", which has %s: with www. and without it a host is of one site", h)
			}
			faults = append(faults, d.fault(what, "hosts"))
			break
		}
		s.byHost[host] = d
	}
	return faults
}

// strangers finds start pages, feeds and sitemaps on hosts that are not the
// site's own: they would never be asked for.
func (d *definition) strangers() (faults []error) {
	own := &Sites{byHost: map[string]*definition{}}
	for _, h := range d.Hosts {
		own.byHost[h] = d
	}
	for _, x := range []struct {
		key  string
		urls []string
	}{{"start", d.Start}, {"feeds", d.Feeds}, {"sitemaps", d.Sitemaps}, {"archives", d.Archives}} {
		for _, raw := range x.urls {
			if own.site(raw) == nil {
				faults = append(faults, d.fault(fmt.Sprintf("%s is on none of the site's hosts", raw), x.key))
			}
		}
	}
	for i, s := range d.Seeds {
		if own.site(s.URL) == nil {
			faults = append(faults, d.faultIn("seed", i, "url", fmt.Sprintf("%s is on none of the site's hosts", s.URL)))
		}
	}
	return faults
}

func names(ds []*definition) (out []string) {
	for _, d := range ds {
		out = append(out, d.Name)
	}
	return out
}

// A DefinitionError is a fault in a site definition.
type DefinitionError struct {
	File string
	Line int // 0 when the file as a whole is meant
	What string
}

// Error begins with file:line as compilers do.
func (e *DefinitionError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.What)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
}

// A definition is a site file, or a platform file, as it is written. What the
// keys mean is told in docs/adding-a-site.md.
type definition struct {
	Name     string   `toml:"-"`
	Hosts    []string `toml:"hosts"`
	Ministry string   `toml:"ministry"`
	Title    string   `toml:"title"`
	Platform string   `toml:"platform"`
	Zone     string   `toml:"zone"`
	Language string   `toml:"language"`
	Sure     string   `toml:"sure"`
	Notes    string   `toml:"notes"`

	FeedMonthFirst bool     `toml:"feed_month_first"`
	Params         []string `toml:"params"`
	IgnoreParams   []string `toml:"ignore_params"`

	Start    []string          `toml:"start"`
	Feeds    []string          `toml:"feeds"`
	Sitemaps []string          `toml:"sitemaps"`
	Archives []string          `toml:"archives"`
	Seeds    []seed            `toml:"seed"`
	Delay    string            `toml:"delay"`
	Articles string            `toml:"articles"`
	Follow   string            `toml:"follow"`
	Skip     string            `toml:"skip"`
	Rewrite  []rewrite         `toml:"rewrite"`
	Headers  map[string]string `toml:"headers"`
	Private  bool              `toml:"private"`
	TLS      []string          `toml:"tls"`
	Hours    string            `toml:"hours"`

	Lists   []listRule `toml:"list"`
	Layouts []layout   `toml:"layout"`

	file       string
	source     []byte
	isPlatform bool
	zone       *time.Location
	delay      time.Duration
	hours      Hours
	articles   *regexp.Regexp
	follow     *regexp.Regexp
	skip       *regexp.Regexp
}

type seed struct {
	URL  string `toml:"url"`
	Post string `toml:"post"`
	Kind Kind   `toml:"kind"`
}

type rewrite struct {
	From string `toml:"from"`
	To   string `toml:"to"`

	from *regexp.Regexp
}

// A listRule says how a list page links and pages on.
type listRule struct {
	URL       string `toml:"url"`
	When      string `toml:"when"`
	Format    string `toml:"format"`
	Items     string `toml:"items"`
	Links     string `toml:"links"`
	Text      string `toml:"text"`
	Published string `toml:"published"`
	Next      string `toml:"next"`
	Page      string `toml:"page"`
	PagePost  string `toml:"page_post"`
	PageID    string `toml:"page_id"`
	First     *int   `toml:"first"`
	Step      int    `toml:"step"`
	Sure      string `toml:"sure"`

	url         *regexp.Regexp
	when, links selector
	next        selector
	pageID      selector
	from        string // the definition or platform that it stands in
}

// A layout says where a page of one era of a site keeps its fields.
type layout struct {
	Name   string `toml:"name"`
	URL    string `toml:"url"`
	When   string `toml:"when"`
	Format string `toml:"format"`
	Sure   string `toml:"sure"`

	Title       string `toml:"title"`
	Lead        string `toml:"lead"`
	BoldLead    bool   `toml:"bold_lead"`
	Body        string `toml:"body"`
	Drop        string `toml:"drop"`
	Published   string `toml:"published"`
	Modified    string `toml:"modified"`
	Authors     string `toml:"authors"`
	Source      string `toml:"source"`
	Section     string `toml:"section"`
	Tags        string `toml:"tags"`
	Images      string `toml:"images"`
	Attachments string `toml:"attachments"`
	Related     string `toml:"related"`
	Canonical   string `toml:"canonical"`

	url    *regexp.Regexp
	when   selector
	drop   selector
	fields map[string]selector
	rules  map[string]string // fieldKeys without what is empty
	from   string            // the definition or platform that it stands in
	zone   *time.Location
	spoken string // the language of the definition
}

// fieldKeys are the layout's keys that hold a selector, or a JSON path.
func (l *layout) fieldKeys() map[string]string {
	return map[string]string{
		"title": l.Title, "lead": l.Lead, "body": l.Body, "published": l.Published, "modified": l.Modified,
		"authors": l.Authors, "source": l.Source, "section": l.Section, "tags": l.Tags, "images": l.Images,
		"attachments": l.Attachments, "related": l.Related,
	}
}

const (
	formatHTML = "html"
	formatJSON = "json"
)

// maxDelay is more than any site wants: a slip of the pen, m for ms or h for s,
// would keep a crawl waiting for ever.
const maxDelay = 24 * time.Hour

var levels = []string{"sure", "likely", "old", "weak"}

func parseDefinition(file string, text []byte, platform bool) (*definition, error) {
	d := &definition{
		Name: strings.TrimSuffix(path.Base(file), ".toml"),
		file: file, source: text, isPlatform: platform,
	}
	dec := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := dec.Decode(d); err != nil {
		var unknown *toml.StrictMissingError
		var syntax *toml.DecodeError
		switch {
		case errors.As(err, &unknown):
			line, _ := unknown.Errors[0].Position()
			return nil, &DefinitionError{file, line, fmt.Sprintf("unknown key %q; see docs/adding-a-site.md for the keys there are", strings.Join(unknown.Errors[0].Key(), "."))}
		case errors.As(err, &syntax):
			line, _ := syntax.Position()
			what := strings.TrimPrefix(syntax.Error(), "toml: ")
			if key := syntax.Key(); strings.Contains(what, "struct field") && len(key) > 0 {
				what = fmt.Sprintf("%s has a value of the wrong type; see docs/adding-a-site.md for what it takes", strings.Join(key, "."))
			}
			return nil, &DefinitionError{file, line, what}
		}
		return nil, &DefinitionError{file, 0, err.Error()}
	}
	if err := d.compile(); err != nil {
		return nil, err
	}
	return d, nil
}

// fault names the line of a top-level key.
func (d *definition) fault(what string, key string) error {
	return d.faultIn("", 0, key, what)
}

// faultIn names the line of a key of the i-th [[table]].
func (d *definition) faultIn(table string, i int, key, what string) error {
	return &DefinitionError{d.file, locate(d.source, table, i, key), what}
}

func (d *definition) compile() error {
	for i, host := range d.Hosts {
		host = HostName(strings.TrimSpace(host))
		if host == "" || strings.ContainsAny(host, "/ ") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return d.fault(fmt.Sprintf("%q is no host name; a port does not belong here", d.Hosts[i]), "hosts")
		}
		if strings.Contains(host, "*") {
			if parent, ok := strings.CutPrefix(host, "*."); !ok || parent == "" || strings.Contains(parent, "*") {
				return d.fault(fmt.Sprintf("%q is no host name, nor a pattern of some: that begins with *. and a name follows, as in *.moh.gov.vn", d.Hosts[i]), "hosts")
			}
		}
		if slices.Contains(d.Hosts[:i], host) {
			return d.fault(fmt.Sprintf("host %s is named twice; once is enough", host), "hosts")
		}
		d.Hosts[i] = host
	}
	if len(d.Hosts) == 0 && !d.isPlatform {
		return d.fault("no hosts: name the hosts of the site, as in hosts = [\"moj.gov.vn\"]", "hosts")
	}
	if d.isPlatform && (len(d.Hosts) > 0 || len(d.Start) > 0 || d.Platform != "") {
		return d.fault("a platform has layouts and lists only: no hosts, start or platform of its own", "hosts")
	}
	if d.Sure != "" && !slices.Contains(levels, d.Sure) {
		return d.fault(fmt.Sprintf("sure = %q is none of %s", d.Sure, strings.Join(levels, ", ")), "sure")
	}
	var err error
	if d.Zone == "Local" {
		return d.fault("zone \"Local\" is another one on each machine; name that of the site, such as zone = 'Asia/Ho_Chi_Minh'", "zone")
	}
	if d.Zone != "" {
		if d.zone, err = time.LoadLocation(d.Zone); err != nil {
			return d.fault(fmt.Sprintf("zone %q: %v", d.Zone, err), "zone")
		}
	}
	if d.Delay != "" {
		if d.delay, err = time.ParseDuration(d.Delay); err != nil || d.delay < 0 {
			return d.fault(fmt.Sprintf("delay %q is no duration such as 1.5s", d.Delay), "delay")
		}
		if d.delay > maxDelay {
			return d.fault(fmt.Sprintf("delay %q is longer than a day; it is the pause between two pages, such as 1.5s", d.Delay), "delay")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		fault := func(what string) error {
			if locate(d.source, "headers", 0, name) == 0 { // headers = { … }
				return d.fault(what, "headers")
			}
			return d.faultIn("headers", 0, name, what)
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return fault(fmt.Sprintf("%q is no name of an HTTP header, such as Accept-Language: letters, digits and - are", name))
		}
		if value := d.Headers[name]; !httpguts.ValidHeaderFieldValue(value) {
			return fault(fmt.Sprintf("%q is no value of an HTTP header: it is one line, without control characters", value))
		}
	}
	if err := d.compileTerms(); err != nil {
		return err
	}
	for _, x := range []struct {
		key string
		raw string
		re  **regexp.Regexp
	}{{"articles", d.Articles, &d.articles}, {"follow", d.Follow, &d.follow}, {"skip", d.Skip, &d.skip}} {
		if *x.re, err = compileURL(x.raw); err != nil {
			return d.fault(fmt.Sprintf("%s: %v", x.key, err), x.key)
		}
	}
	for _, x := range []struct {
		key  string
		urls []string
	}{{"start", d.Start}, {"feeds", d.Feeds}, {"sitemaps", d.Sitemaps}, {"archives", d.Archives}} {
		for i, u := range x.urls {
			if err := absolute(u); err != nil {
				return d.fault(err.Error(), x.key)
			}
			x.urls[i] = withHostName(dom.Href(u))
		}
	}
	for _, a := range d.Archives {
		if err := checkArchive(a); err != nil {
			return d.fault(err.Error(), "archives")
		}
	}
	for i := range d.Seeds {
		s := &d.Seeds[i]
		if err := absolute(s.URL); err != nil {
			return d.faultIn("seed", i, "url", err.Error())
		}
		s.URL = withHostName(dom.Href(s.URL))
		if s.Kind == "" {
			s.Kind = KindList
		}
		if !slices.Contains([]Kind{KindList, KindFeed, KindSitemap, KindArticle}, s.Kind) {
			return d.faultIn("seed", i, "kind", fmt.Sprintf("kind %q is none of list, feed, sitemap, article", s.Kind))
		}
	}
	for i := range d.Rewrite {
		if d.Rewrite[i].from, err = regexp.Compile(d.Rewrite[i].From); err != nil {
			return d.faultIn("rewrite", i, "from", err.Error())
		}
		for _, m := range group.FindAllStringSubmatch(d.Rewrite[i].To, -1) {
			if n, _ := strconv.Atoi(m[1]); n > d.Rewrite[i].from.NumSubexp() {
				return d.faultIn("rewrite", i, "to", fmt.Sprintf("there is no group %d in from", n))
			}
		}
	}
	for i := range d.Lists {
		if err := d.compileList(i); err != nil {
			return err
		}
	}
	for i := range d.Layouts {
		if err := d.compileLayout(i); err != nil {
			return err
		}
		d.Layouts[i].zone, d.Layouts[i].spoken = d.zone, d.Language
	}
	return nil
}

func (d *definition) compileList(i int) error {
	l := &d.Lists[i]
	l.from = d.Name
	switch {
	case l.Step == 0:
		l.Step = 1
	case l.Step < 0:
		return d.faultIn("list", i, "step", fmt.Sprintf("step = %d leads before the first page; it is what is added for the next page, such as 1 or 20", l.Step))
	}
	if l.First != nil && *l.First < 0 {
		return d.faultIn("list", i, "first", fmt.Sprintf("first = %d is no number of a page; it is 0 or more", *l.First))
	}
	var err error
	if l.url, err = compileURL(l.URL); err != nil {
		return d.faultIn("list", i, "url", err.Error())
	}
	switch l.Format {
	case "", formatHTML:
		l.Format = formatHTML
		if l.Items != "" {
			return d.faultIn("list", i, "items", "items belongs to format = \"json\"")
		}
		for _, x := range []struct {
			key string
			raw string
			sel *selector
		}{{"when", l.When, &l.when}, {"links", l.Links, &l.links}, {"next", l.Next, &l.next}, {"page_id", l.PageID, &l.pageID}} {
			if *x.sel, err = compileSelector(x.raw); err != nil {
				return d.faultIn("list", i, x.key, err.Error())
			}
		}
	case formatJSON:
		if l.Items == "" || l.Links == "" {
			return d.faultIn("list", i, "format", "a JSON list needs items, the path of its array, and links, a URL with {fields} of an item")
		}
	default:
		return d.faultIn("list", i, "format", fmt.Sprintf("format %q is neither html nor json", l.Format))
	}
	for _, x := range []struct{ key, template string }{{"page", l.Page}, {"page_post", l.PagePost}} {
		if x.template != "" && strings.Count(x.template, "{n}") != 1 {
			return d.faultIn("list", i, x.key, "a page template has one {n}")
		}
	}
	if id := strings.Contains(l.Page, "{id}"); id && l.PageID == "" && !d.begins(l) {
		return d.faultIn("list", i, "page", "page has an {id}, but no page_id says where on a page it stands, and no start page's URL has it")
	} else if !id && l.PageID != "" {
		return d.faultIn("list", i, "page_id", "page_id finds the {id} in page, which has none")
	}
	if l.Sure != "" && !slices.Contains(levels, l.Sure) {
		return d.faultIn("list", i, "sure", fmt.Sprintf("sure = %q is none of %s", l.Sure, strings.Join(levels, ", ")))
	}
	return nil
}

// begins reports whether a list page that the definition names has a URL made by
// the page template of a list; one that follow finds may.
func (d *definition) begins(l *listRule) bool {
	made := template(l.Page)
	starts := slices.Clone(d.Start)
	for _, s := range d.Seeds {
		starts = append(starts, s.URL)
	}
	return d.follow != nil || slices.ContainsFunc(starts, func(raw string) bool {
		u, err := url.Parse(raw)
		return err == nil && made.MatchString(u.RequestURI())
	})
}

func (d *definition) compileLayout(i int) error {
	l := &d.Layouts[i]
	l.from = d.Name
	if l.Name == "" {
		return d.faultIn("layout", i, "", "a layout needs a name: the era, such as name = \"2021\"")
	}
	for j := range d.Layouts[:i] {
		if d.Layouts[j].Name == l.Name {
			return d.faultIn("layout", i, "name", fmt.Sprintf("a second layout is named %q", l.Name))
		}
	}
	if l.Sure != "" && !slices.Contains(levels, l.Sure) {
		return d.faultIn("layout", i, "sure", fmt.Sprintf("sure = %q is none of %s", l.Sure, strings.Join(levels, ", ")))
	}
	var err error
	if l.url, err = compileURL(l.URL); err != nil {
		return d.faultIn("layout", i, "url", err.Error())
	}
	l.fields, l.rules = map[string]selector{}, l.fieldKeys()
	maps.DeleteFunc(l.rules, func(_, raw string) bool { return raw == "" })
	switch l.Format {
	case "", formatHTML:
		l.Format = formatHTML
		if l.when, err = compileSelector(l.When); err != nil {
			return d.faultIn("layout", i, "when", err.Error())
		}
		if l.drop, err = compileSelector(l.Drop); err != nil {
			return d.faultIn("layout", i, "drop", err.Error())
		}
		for key, raw := range l.fieldKeys() {
			sel, err := compileSelector(raw)
			if err != nil {
				return d.faultIn("layout", i, key, err.Error())
			}
			if sel != nil {
				l.fields[key] = sel
			}
		}
		if l.Canonical != "" {
			return d.faultIn("layout", i, "canonical", "canonical belongs to format = \"json\"; pages say it themselves")
		}
	case formatJSON:
		if l.Title == "" || l.Body == "" {
			return d.faultIn("layout", i, "format", "a JSON layout needs at least title and body")
		}
		if l.drop, err = compileSelector(l.Drop); err != nil {
			return d.faultIn("layout", i, "drop", err.Error())
		}
	default:
		return d.faultIn("layout", i, "format", fmt.Sprintf("format %q is neither html nor json", l.Format))
	}
	if d.isPlatform && l.When == "" && l.URL == "" {
		return d.faultIn("layout", i, "", "a platform's layout needs when: the mark by which its pages are known")
	}
	return nil
}

// inherit takes what a definition does not say from its platform. Layouts and
// lists of the platform come after the site's own.
func (d *definition) inherit(p *definition) {
	d.Lists = append(d.Lists, p.Lists...)
	d.Layouts = append(d.Layouts, p.Layouts...)
	if d.articles == nil {
		d.articles = p.articles
	}
	if d.follow == nil {
		d.follow = p.follow
	}
	if d.skip == nil {
		d.skip = p.skip
	}
	if d.delay == 0 {
		d.delay = p.delay
	}
	if d.zone == nil {
		d.zone = p.zone
		if d.Hours != "" {
			d.hours.zone = p.zone
		}
	}
	if d.Language == "" {
		d.Language = p.Language
	}
	if d.Params == nil {
		d.Params = p.Params
	}
}

// group is a reference to what a group of a pattern matched.
var group = regexp.MustCompile(`\$\{?(\d+)\}?`)

// compileURL compiles a pattern for the path of a URL with its query.
func compileURL(raw string) (*regexp.Regexp, error) {
	if raw == "" {
		return nil, nil
	}
	re, err := regexp.Compile(raw)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", raw, err)
	}
	return re, nil
}

func absolute(raw string) error {
	u, err := url.Parse(dom.Href(raw))
	if err != nil {
		return fmt.Errorf("%q is no URL: %w", raw, err)
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is no absolute http or https URL", raw)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("%q has the port %s; there are 1 to 65535, and none is named as a rule", raw, port)
		}
	}
	return nil
}

// A selector is what a rule says of one field: alternatives in the order in
// which they are tried.
type selector []alternative

type alternative struct {
	raw  string // as it is written
	css  string // without @attribute
	sel  cascadia.Selector
	attr string // whose value is meant; "" means the text

	// see needs
	needs  []uint32
	mark   uint32
	within uint32
	tag    atom.Atom
}

var attrSuffix = regexp.MustCompile(`^(.*\S)\s*@([a-zA-Z][-a-zA-Z0-9_:]*)$`)

// compileSelector compiles CSS selectors parted by commas, each of which may
// end in @attribute. Unlike in CSS the order is one of preference.
func compileSelector(raw string) (selector, error) {
	if strings.TrimSpace(raw) == "" {
		return nil, nil
	}
	var out selector
	for _, part := range splitTop(raw) {
		a := alternative{raw: strings.TrimSpace(part)}
		css := a.raw
		if m := attrSuffix.FindStringSubmatch(css); m != nil {
			css, a.attr = m[1], strings.ToLower(m[2])
		}
		sel, err := cascadia.Compile(css)
		if err != nil {
			return nil, fmt.Errorf("selector %q: %w", a.raw, err)
		}
		a.css, a.sel = css, sel
		a.needs, a.mark, a.within, a.tag = needs(css)
		out = append(out, a)
	}
	return out, nil
}

// splitTop splits at commas outside brackets and quotes.
func splitTop(s string) []string {
	var parts []string
	depth, start := 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// locate returns the line of a key of the index-th [[table]], or of the table
// itself when the key is "" or not there. A top-level key has the table "".
func locate(source []byte, table string, index int, key string) int {
	p := unstable.Parser{}
	p.Reset(source)
	current, seen, line := "", -1, 0
	for p.NextExpression() {
		e := p.Expression()
		it := e.Key()
		if !it.Next() {
			continue
		}
		name := string(it.Node().Data)
		at := p.Shape(p.Range(it.Node().Data)).Start.Line
		switch e.Kind {
		case unstable.ArrayTable, unstable.Table:
			if current = name; name == table {
				if seen++; seen == index {
					line = at
				}
			}
		case unstable.KeyValue:
			if current == table && name == key && (table == "" || seen == index) {
				return at
			}
		}
	}
	return line
}
