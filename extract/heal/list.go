package heal

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract"
	"luutin/extract/dom"
)

// A List is what a list page of an unknown site says of how the site links.
type List struct {
	Articles string   // pattern of the path and query of articles
	Sharp    bool     // Articles fits no other link of the page and rests on a number
	Links    string   // selector of the links to articles
	Next     string   // selector of the link to the next page; "" when there is none, or rel=next says it
	Page     string   // template of the next page, when there is no Next
	First    int      // the number of the first page
	Step     int      // what is added
	Rel      bool     // rel=next leads on
	Feeds    []string // that the page names
	Title    string   // what the site calls itself; "" when it does not say
	Language string   // that the page declares
	Found    []string // the articles linked, in the order of the page, the main list first
	Listed   int      // how many of them the main list has
	Others   int      // links of the page that are no articles
}

// ErrNoList is what ReadList wraps for a page that links to no articles.
var ErrNoList = errors.New("no list of articles")

// An ElsewhereError is about a page that links to what looks like articles on
// another host. It is an ErrNoList.
type ElsewhereError struct {
	URL   string
	Host  string // to which most of them lead
	Links int    // how many
	Own   int    // links to the page's own host
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%v: %d links on %s lead to what looks like articles on another host, %s; no three of the %d to its own do", ErrNoList, e.Links, e.URL, e.Host, e.Own)
}

func (e *ElsewhereError) Unwrap() error { return ErrNoList }

// A link is an article's, perhaps.
type link struct {
	node   *html.Node
	url    *url.URL
	text   string
	shape  shape
	aside  bool // in a header, a footer or a menu
	listed bool // in the main list
}

// A shape is what the URLs of a site's articles have in common.
type shape struct {
	form  string // query, tail, head, number, slug or ""
	mark  string // what stands before the number; of the form "" the directory
	ext   string
	param string
	depth int
}

var (
	tailNumber = regexp.MustCompile(`^(.*?[^\d])??([-_]+[a-zA-Z]{0,5})(\d{2,})$`)
	headNumber = regexp.MustCompile(`^(\d{2,})[-_]`)
	allNumber  = regexp.MustCompile(`^[a-zA-Z]{0,2}\d{2,}$`)
	idParam    = regexp.MustCompile(`(?i)id$|^id|item|news|article|^p$|^n$`)
	idValue    = regexp.MustCompile(`^\d+$|^[0-9a-fA-F-]{32,38}$`)
	fileName   = regexp.MustCompile(`(?i)^\.(?:pdf|docx?|xlsx?|pptx?|zip|rar|jpe?g|png|gif|mp[34]|css|js|xml|rss)$`)
	extension  = regexp.MustCompile(`^\.[a-zA-Z]{2,5}$`)
)

func shapeOf(u *url.URL) shape {
	p := u.Path
	ext := path.Ext(p)
	if !extension.MatchString(ext) {
		ext = ""
	}
	stem := strings.TrimSuffix(path.Base(p), ext)
	s := shape{ext: ext, depth: strings.Count(strings.Trim(p, "/"), "/")}
	words := strings.Count(stem, "-") + strings.Count(stem, "_")
	switch m := tailNumber.FindStringSubmatch(stem); {
	case m != nil && (words >= 2 || len(m[3]) >= 4):
		s.form, s.mark, s.depth = "tail", m[2], 0
		return s
	case allNumber.MatchString(stem) && len(stem) >= 4:
		s.form = "number"
		return s
	case headNumber.MatchString(stem) && words >= 2:
		s.form = "head"
		return s
	}
	names := []string{}
	for name, values := range u.Query() {
		if idParam.MatchString(name) && len(values) == 1 && idValue.MatchString(values[0]) {
			names = append(names, name)
		}
	}
	if slices.Sort(names); len(names) > 0 {
		best := names[0]
		for _, n := range names {
			if strings.Contains(strings.ToLower(n), "item") || strings.EqualFold(n, "id") {
				best = n
			}
		}
		return shape{form: "query", param: strings.ToLower(best)}
	}
	if words >= 3 {
		s.form = "slug"
	} else {
		s.mark = path.Dir(p)
	}
	return s
}

var withBase = cascadia.MustCompile("base[href]")

// ReadList finds the links of a list page that lead to articles, what their
// URLs have in common, and where the list goes on. Articles that are known
// help it to choose.
func ReadList(p extract.Page, articles []string) (*List, error) {
	parsed, err := parse(p)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(p.URL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("read list: %q is no absolute URL", p.URL)
	}
	parsed.base = base
	if n := cascadia.Query(parsed.root, withBase); n != nil {
		if u, err := base.Parse(dom.Href(dom.Attr(n, "href"))); err == nil {
			parsed.base = u
		}
	}
	out := &List{First: 1, Step: 1}
	out.describe(parsed, base)
	links := parsed.links(base)
	group := chooseGroup(links, articles)
	distinct := map[string]bool{}
	for _, l := range group {
		distinct[l.url.String()] = true
	}
	if len(distinct) < 3 {
		if host, n := parsed.elsewhere(base); n >= 3 {
			return out, &ElsewhereError{URL: p.URL, Host: host, Links: n, Own: len(links)}
		}
		return out, fmt.Errorf("%w: of %d links on %s no three lead to what looks like articles", ErrNoList, len(links), p.URL)
	}
	out.pattern(group, links, base)
	out.selector(parsed, group, links)
	out.paging(parsed, links, base)
	seen := map[string]bool{}
	for _, main := range []bool{true, false} {
		for _, l := range group {
			if u := l.url.String(); l.listed == main && !seen[u] {
				seen[u] = true
				if main {
					out.Listed++
				}
				out.Found = append(out.Found, u)
			}
		}
	}
	return out, nil
}

// describe reads what the page says of its site.
func (out *List) describe(p *page, base *url.URL) {
	for _, e := range p.elements {
		n := e.node
		switch n.DataAtom {
		case atom.Html:
			out.Language = dom.Attr(n, "lang")
		case atom.Meta:
			if dom.Attr(n, "property") == "og:site_name" && out.Title == "" {
				out.Title = dom.Clean(dom.Attr(n, "content"))
			}
		case atom.Link:
			t := dom.Attr(n, "type")
			if strings.EqualFold(dom.Attr(n, "rel"), "alternate") && (strings.Contains(t, "rss") || strings.Contains(t, "atom")) {
				if u := resolve(p.base, dom.Attr(n, "href")); u != nil && sameHost(u, base) {
					out.Feeds = append(out.Feeds, u.String())
				}
			}
		case atom.Title:
			if out.Title == "" && n.FirstChild != nil {
				parts := strings.FieldsFunc(dom.Clean(n.FirstChild.Data), func(r rune) bool { return r == '|' })
				if len(parts) > 1 {
					out.Title = strings.TrimSpace(parts[len(parts)-1])
				}
			}
		}
	}
}

func sameHost(a, b *url.URL) bool {
	return strings.TrimPrefix(strings.ToLower(a.Host), "www.") == strings.TrimPrefix(strings.ToLower(b.Host), "www.")
}

func resolve(base *url.URL, href string) *url.URL {
	href = dom.Href(href)
	if href == "" || href[0] == '#' {
		return nil
	}
	u, err := base.Parse(href)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	return u
}

// maxLinks bounds the links of one page that are looked at.
const maxLinks = 3000

// links returns the page's links to the same host.
func (p *page) links(base *url.URL) []*link {
	return p.linksTo(base, func(u *url.URL) bool { return sameHost(u, base) })
}

// elsewhere returns the other host to which most links lead that look like
// those of articles, and how many do; "" when none does.
func (p *page) elsewhere(base *url.URL) (host string, most int) {
	byHost := map[string][]*link{}
	for _, l := range p.linksTo(base, func(u *url.URL) bool { return !sameHost(u, base) }) {
		byHost[l.url.Host] = append(byHost[l.url.Host], l)
	}
	for h, links := range byHost {
		distinct := map[string]bool{}
		for _, l := range chooseGroup(links, nil) {
			distinct[l.url.String()] = true
		}
		if n := len(distinct); n > most || n == most && n > 0 && h < host {
			host, most = h, n
		}
	}
	return host, most
}

func (p *page) linksTo(base *url.URL, meant func(*url.URL) bool) (out []*link) {
	for _, e := range p.elements {
		n := e.node
		if n.DataAtom != atom.A || len(out) == maxLinks {
			continue
		}
		u := resolve(p.base, dom.Attr(n, "href"))
		if u == nil || !meant(u) {
			continue
		}
		if u, _ = url.Parse(extract.CanonicalURL(u.String())); u == nil || u.String() == extract.CanonicalURL(base.String()) || fileName.MatchString(path.Ext(u.Path)) {
			continue
		}
		l := &link{node: n, url: u, text: dom.Text(n), shape: shapeOf(u)}
		for a := n.Parent; a != nil; a = a.Parent {
			switch a.DataAtom {
			case atom.Header, atom.Footer, atom.Nav, atom.Aside:
				l.aside = true
			}
		}
		out = append(out, l)
	}
	return out
}

// chooseGroup returns the links of the shape that most headlines have.
func chooseGroup(links []*link, articles []string) []*link {
	groups := map[shape][]*link{}
	for _, l := range links {
		groups[l.shape] = append(groups[l.shape], l)
	}
	given := map[shape]bool{}
	for _, raw := range articles {
		if u, err := url.Parse(extract.CanonicalURL(raw)); err == nil {
			given[shapeOf(u)] = true
		}
	}
	var best shape
	most := 0.0
	for s, group := range groups {
		if s.form == "" && !given[s] { // anything may look so
			continue
		}
		worth := map[string]float64{}
		for _, l := range group {
			w := .2
			if utf8.RuneCountInString(l.text) >= 25 {
				w = 1
			}
			if l.aside {
				w *= .2
			}
			worth[l.url.String()] = max(worth[l.url.String()], w)
		}
		score := 0.0
		for _, w := range worth {
			score += w
		}
		if s.form == "slug" {
			score *= .7
		}
		if given[s] {
			score *= 10
		}
		if score > most || score == most && fmt.Sprint(s) < fmt.Sprint(best) {
			best, most = s, score
		}
	}
	return groups[best]
}

// pattern writes what the URLs of the group have in common and no other link has.
func (out *List) pattern(group, links []*link, base *url.URL) {
	s := group[0].shape
	least := 99
	dirs := strings.Split(strings.Trim(path.Dir(group[0].url.Path), "/"), "/")
	prefix, suffix, sameDepth := len(dirs), len(dirs), true
	exts := map[string]bool{}
	for _, l := range group {
		stem := strings.TrimSuffix(path.Base(l.url.Path), l.shape.ext)
		exts[l.shape.ext] = true
		switch s.form {
		case "tail":
			least = min(least, len(tailNumber.FindStringSubmatch(stem)[3]))
		case "head":
			least = min(least, len(headNumber.FindStringSubmatch(stem)[1]))
		case "number":
			least = min(least, len(strings.TrimLeft(stem, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")))
		}
		d := strings.Split(strings.Trim(path.Dir(l.url.Path), "/"), "/")
		sameDepth = sameDepth && len(d) == len(dirs)
		prefix, suffix = min(prefix, len(d)), min(suffix, len(d))
		for i := range prefix {
			if d[i] != dirs[i] {
				prefix = i
				break
			}
		}
		for i := range suffix {
			if d[len(d)-1-i] != dirs[len(dirs)-1-i] {
				suffix = i
				break
			}
		}
	}
	digits := `\d+`
	switch {
	case least >= 12:
		digits = `\d{10,}`
	case least >= 6:
		digits = `\d{5,}`
	case least >= 3:
		digits = `\d{` + strconv.Itoa(least-1) + `,}`
	}
	end := regexp.QuoteMeta(s.ext) + `(?:\?|$)`
	last := "[^/?]+" + end
	switch s.form {
	case "tail":
		last = regexp.QuoteMeta(s.mark) + digits + end
		if strings.Trim(s.mark, "-_") == "" {
			last = `[-_]` + digits + end
			if s.mark == "-" {
				last = `-` + digits + end
			}
		}
	case "head":
		last = digits + "-[^/?]+" + end
	case "number":
		last = `[a-zA-Z]{0,2}` + digits + end
	case "query":
		last = `(?i)[?&]` + regexp.QuoteMeta(s.param) + `=(?:\d+|[0-9a-f-]{32,})(?:&|$)`
	}
	quoted := func(d []string) string {
		if len(d) == 0 || len(d) == 1 && (d[0] == "" || d[0] == ".") {
			return "/"
		}
		return "/" + regexp.QuoteMeta(strings.Join(d, "/")) + "/"
	}
	middle := `(?:[^/?]+/)*`
	if sameDepth {
		middle = strings.Repeat(`[^/?]+/`, max(0, len(dirs)-prefix))
	}
	whole := "^" + quoted(dirs[:prefix]) + middle + `[^/?]*` + last
	if s.form != "tail" {
		whole = "^" + quoted(dirs[:prefix]) + middle + last
	}
	var options []string
	switch s.form {
	case "query":
		options = []string{last, `(?i)^` + regexp.QuoteMeta(strings.ToLower(group[0].url.Path)) + `\?(?:.*&)?` + strings.TrimPrefix(last, `(?i)[?&]`)}
	case "tail":
		options = []string{last, whole}
	default:
		own := strings.Split(strings.Trim(base.Path, "/"), "/")
		if below := len(dirs) - len(own); below > 0 && prefix == len(dirs) && slices.Equal(own, dirs[:len(own)]) {
			options = append(options, quoted(dirs[len(own):])+last) // what stands behind the section
		} else if tail := quoted(dirs[len(dirs)-suffix:]); suffix > 0 && suffix < len(dirs) && tail != "/" {
			options = append(options, tail+last)
		}
		if s.form != "slug" && s.form != "" && sameDepth {
			options = append(options, "^/"+strings.Repeat(`[^/?]+/`, strings.Count(quoted(dirs), "/")-1)+last)
		}
		options = append(options, whole)
	}
	fewest := -1
	for _, o := range options {
		re, err := regexp.Compile(o)
		if err != nil || slices.ContainsFunc(group, func(l *link) bool { return !re.MatchString(l.url.RequestURI()) }) {
			continue
		}
		wrong := 0
		for _, l := range links {
			if l.shape != s && re.MatchString(l.url.RequestURI()) {
				wrong++
			}
		}
		if re.MatchString(base.RequestURI()) {
			wrong += 10
		}
		if fewest < 0 || wrong < fewest {
			out.Articles, fewest = o, wrong
		}
	}
	for _, l := range links {
		if l.shape != s {
			out.Others++
		}
	}
	out.Sharp = fewest == 0 && s.form != "slug" && s.form != ""
}

// selector finds the links of the main list: the longest run of headlines that
// are set alike.
func (out *List) selector(p *page, group, links []*link) {
	isArticle := map[*html.Node]bool{}
	runs := map[string]map[string]bool{}
	alike := func(l *link) string {
		var b strings.Builder
		n := l.node
		for range 5 {
			if n == nil {
				break
			}
			b.WriteString(n.Data + "." + dom.Attr(n, "class") + "<")
			n = n.Parent
		}
		return b.String()
	}
	for _, l := range group {
		isArticle[l.node] = true
		if utf8.RuneCountInString(l.text) < 15 || l.aside {
			continue
		}
		key := alike(l)
		if runs[key] == nil {
			runs[key] = map[string]bool{}
		}
		runs[key][l.url.String()] = true
	}
	best := ""
	for key, urls := range runs {
		if n := len(runs[best]); len(urls) > n || len(urls) == n && key < best {
			best = key
		}
	}
	main := runs[best]
	var nodes []*link
	for _, l := range group {
		if l.listed = main[l.url.String()] && !l.aside; l.listed && alike(l) == best {
			nodes = append(nodes, l)
		}
	}
	out.Links = "a[href]"
	if len(main) < 3 {
		return
	}
	costs := map[string]float64{}
	for _, l := range []*link{nodes[0], nodes[len(nodes)/2], nodes[len(nodes)-1]} {
		for _, st := range selectors(l.node) {
			if st.cost < 4.5 {
				costs[st.css] = st.cost
			}
		}
	}
	var order []step
	for css, cost := range costs {
		order = append(order, step{css, cost})
	}
	slices.SortFunc(order, cheaper)
	for _, st := range order {
		sel, err := cascadia.Compile(st.css)
		if err != nil {
			continue
		}
		got := map[string]bool{}
		clean := true
		for _, n := range cascadia.QueryAll(p.root, sel) {
			clean = clean && isArticle[n]
		}
		for _, l := range group {
			if sel.Match(l.node) {
				got[l.url.String()] = true
				clean = clean && main[l.url.String()]
			}
		}
		if clean && len(got) == len(main) {
			out.Links = st.css
			return
		}
	}
}

var (
	nextWords = []string{"next", "nextpage", "tiếp", "tiếptheo", "trangsau", "trangtiếp", "trangkế", "trangtiếptheo", "kếtiếp", "sau", "older", "olderposts", "weiter", "nächste", "suivant", "siguiente", "próxima", "avanti", "volgende"}
	nextSigns = []string{"›", "»", ">", ">>", "→"}
	nextName  = regexp.MustCompile(`(?i)next|sau|tiep|older`)
	nextClass = regexp.MustCompile(`(?i)(?:^|[-_\s])next(?:$|[-_\s])|nextpage|pagenext`)
)

// paging finds the way to the next page.
func (out *List) paging(p *page, links []*link, base *url.URL) {
	for _, e := range p.elements {
		if n := e.node; (n.DataAtom == atom.Link || n.DataAtom == atom.A) && strings.EqualFold(dom.Attr(n, "rel"), "next") && resolve(p.base, dom.Attr(n, "href")) != nil {
			out.Rel = true
			return
		}
	}
	for _, l := range links {
		text := squeeze(l.text)
		if !slices.Contains(nextWords, text) && !slices.Contains(nextSigns, strings.TrimSpace(l.text)) && !nextClass.MatchString(dom.Attr(l.node, "class")+" "+dom.Attr(l.node.Parent, "class")) {
			continue
		}
		if l.url.String() == extract.CanonicalURL(base.String()) || utf8.RuneCountInString(l.text) > 20 {
			continue
		}
		options := selectors(l.node)
		for i := range options {
			if nextName.MatchString(options[i].css) {
				options[i].cost--
			}
		}
		slices.SortStableFunc(options, cheaper)
		for _, st := range options {
			sel, err := cascadia.Compile(st.css)
			if err != nil || st.cost > 4.5 {
				continue
			}
			if found := cascadia.QueryAll(p.root, sel); len(found) == 1 && found[0] == l.node {
				out.Next = st.css
				return
			}
		}
	}
	for _, l := range links {
		if n, err := strconv.Atoi(strings.TrimSpace(l.text)); err == nil && (n == 2 || n == 3) && out.template(l.url, base, n) {
			return
		}
	}
}

// template compares the URL of a list's n-th page with that of its first.
func (out *List) template(u, base *url.URL, n int) bool {
	number := func(v string) bool { // the page's number as the site counts
		got, err := strconv.Atoi(v)
		switch {
		case err != nil || got < 1:
			return false
		case got == n:
			out.First, out.Step = 1, 1
		case got == n-1:
			out.First, out.Step = 0, 1
		case got%(n-1) == 0 && got/(n-1) >= 3 && got/(n-1) <= 100:
			out.First, out.Step = 0, got/(n-1)
		default:
			return false
		}
		return true
	}
	if u.Path == base.Path {
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range u.Query() {
				if !yield(name) {
					return
				}
			}
		}) {
			if v := u.Query().Get(name); v != base.Query().Get(name) && plainName.MatchString(name) && number(v) {
				out.Page = "?" + name + "={n}"
				return true
			}
		}
		return false
	}
	whole := base.EscapedPath()
	stem := strings.TrimSuffix(whole, path.Ext(whole))
	for _, try := range []struct{ name, value string }{{"{path}", strings.TrimSuffix(whole, "/")}, {"{stem}", stem}} {
		rest, ok := strings.CutPrefix(u.EscapedPath(), try.value)
		if !ok || try.value == "" {
			continue
		}
		at := strings.LastIndex(rest, strconv.Itoa(n))
		if at < 1 || strings.ContainsAny(rest[:at]+rest[at+1:], "0123456789") || len(rest) > 30 {
			continue
		}
		out.Page = try.name + rest[:at] + "{n}" + rest[at+1:]
		return true
	}
	return false
}
