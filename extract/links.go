package extract

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/tidwall/gjson"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// ErrNoLinks is what Read wraps for a list page that links to nothing: the
// site has changed, or something else than the page was answered.
var ErrNoLinks = errors.New("the list links to nothing")

// ErrListEnd is what Read wraps, besides ErrNotArticle, for a page behind the
// last one of a list: where paging by number ends.
var ErrListEnd = errors.New("past the last page of the list")

// readList finds the links of a list page and its next page.
func (c *context) readList() error {
	l := c.listRule(formatHTML)
	found := c.doc
	if l.links != nil {
		found = nil
		for _, a := range l.links {
			if s := c.doc.FindMatcher(a.sel); s.Length() > 0 {
				found = s
				break
			}
		}
	}
	if found != nil {
		c.readLinks(l, found)
	}
	if c.site != nil && c.site.follow != nil {
		for _, n := range c.doc.Find("a[href]").Nodes {
			if u := c.target(dom.Attr(n, "href")); u != nil && c.site.follow.MatchString(u.RequestURI()) {
				c.link(u.String(), "", KindList, dom.Text(n), nil)
			}
		}
	}
	articles := c.count(KindArticle)
	c.nextPage(l, articles)
	if articles > 0 {
		return fmt.Errorf("%w: a list of %d articles", ErrNotArticle, articles)
	}
	return c.noLinks(l)
}

// noLinks tells the end of a list from a list that has broken.
func (c *context) noLinks(l listRule) error {
	if n, ok := c.pageNumber(l); ok && n > l.first() {
		return fmt.Errorf("%w: %w", ErrNotArticle, ErrListEnd)
	}
	if c.count(KindList) > 0 {
		return fmt.Errorf("%w: a list of %d lists", ErrNotArticle, c.count(KindList))
	}
	with := "no link on it has the shape of an article's URL"
	if l.Links != "" {
		with = fmt.Sprintf("nothing on it that links = %q in %s finds leads to an article", l.Links, l.from)
	}
	return fmt.Errorf("%w: %s", ErrNoLinks, with)
}

func (c *context) count(k Kind) (n int) {
	for _, l := range c.reading.Links {
		if l.Kind == k && !l.Onward {
			n++
		}
	}
	return n
}

// listRule chooses the rule of a list page: the first that fits its URL and
// its marks.
func (c *context) listRule(format string) listRule {
	if c.site == nil {
		return listRule{Step: 1}
	}
	for _, l := range c.site.Lists {
		if l.Format != format || l.url != nil && !l.url.MatchString(c.url.RequestURI()) {
			continue
		}
		if l.when != nil {
			if found, _ := l.when.find(c.doc); found == nil {
				continue
			}
		}
		return l
	}
	return listRule{Step: 1}
}

var inScript = regexp.MustCompile(`(?:location(?:\.href)?\s*=\s*|window\.open\(\s*)['"]([^'"]+)['"]`)

// readLinks notes the articles that a part of a page links to.
func (c *context) readLinks(l listRule, part *goquery.Selection) {
	for _, n := range part.Nodes {
		c.linkOf(n)
		for d := range n.Descendants() {
			c.linkOf(d)
		}
	}
}

// linkOf notes the article that one element leads to, by its link or by what
// a click on it does.
func (c *context) linkOf(n *html.Node) {
	if n.DataAtom == atom.A {
		c.article(dom.Attr(n, "href"), n)
	}
	if m := inScript.FindStringSubmatch(dom.Attr(n, "onclick")); m != nil {
		c.article(m[1], n)
	}
}

func (c *context) article(href string, n *html.Node) {
	u := c.target(href)
	if u == nil {
		return
	}
	if c.isArticleLink(u) {
		c.link(u.String(), "", KindArticle, dom.Text(n), nil)
	}
}

// isArticleLink judges a link by the definition, or by the shape of its URL.
func (c *context) isArticleLink(u *url.URL) bool {
	if c.site != nil && c.site.articles != nil {
		return c.site.articles.MatchString(u.RequestURI())
	}
	return looksLikeArticle(u, c.url)
}

// target resolves a link and leaves out what leads nowhere or off the site.
func (c *context) target(href string) *url.URL {
	href = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, strings.TrimSpace(href))
	if href == "" || href[0] == '#' || strings.HasPrefix(href, "javascript:") || strings.HasPrefix(href, "mailto:") || strings.HasPrefix(href, "tel:") {
		return nil
	}
	u, err := c.base.Parse(strings.ReplaceAll(href, " ", "%20"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	if c.page.URL != "" && !sameSite(c.sites, u, c.url) {
		return nil
	}
	if c.site != nil && c.site.skip != nil && c.site.skip.MatchString(u.RequestURI()) {
		return nil
	}
	return u
}

// looksLikeArticle judges a URL of a site that says nothing of its URLs: a
// slug of several words or a number at the end, deeper than the page itself.
func looksLikeArticle(u, page *url.URL) bool {
	last := strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path))
	if u.Path == page.Path && u.RawQuery == page.RawQuery || attachmentType(u.String()) != "" {
		return false
	}
	words := strings.Count(last, "-") + strings.Count(last, "_")
	digits := 0
	for _, r := range last + u.RawQuery {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return words >= 4 || digits >= 5 || words >= 2 && digits >= 3
}

// link notes a link once. Links to what the definition reads elsewhere, as
// from an API, are rewritten.
func (c *context) link(raw, post string, kind Kind, text string, published *time.Time) {
	if c.site != nil {
		for _, rw := range c.site.Rewrite {
			if rw.from.MatchString(raw) {
				raw = rw.from.ReplaceAllString(raw, rw.To)
				break
			}
		}
	}
	raw = withoutTrackers(raw)
	canonical := c.sites.Canonical(raw)
	if post != "" {
		canonical += "\n" + post
	}
	if i, ok := c.linked[canonical]; ok {
		if known := &c.reading.Links[i]; known.Text == "" {
			known.Text = text
		}
		return
	}
	if c.linked == nil {
		c.linked = map[string]int{}
	}
	c.linked[canonical] = len(c.reading.Links)
	c.reading.Links = append(c.reading.Links, Link{URL: raw, Post: post, Canonical: canonical, Kind: kind, Text: text, Published: published})
}

// onward notes a further page of the list.
func (c *context) onward(raw, post string) {
	before := len(c.reading.Links)
	c.link(raw, post, KindList, "", nil)
	if len(c.reading.Links) > before {
		c.reading.Links[before].Onward = true
	}
}

func (l listRule) first() int {
	if l.First != nil {
		return *l.First
	}
	return 1
}

// nextPage notes the next page of a list: by its link, or by its number.
func (c *context) nextPage(l listRule, articles int) {
	for _, a := range l.next {
		for _, n := range c.doc.FindMatcher(a.sel).Nodes {
			href := dom.Attr(n, "href")
			if a.attr != "" {
				href = dom.Attr(n, a.attr)
			}
			if u := c.target(href); u != nil && c.sites.Canonical(u.String()) != c.sites.Canonical(c.page.URL) {
				c.onward(u.String(), "")
				return
			}
		}
	}
	if l.next == nil && l.Page == "" && l.PagePost == "" && c.doc != nil {
		if href, ok := c.doc.Find(`link[rel="next"][href], a[rel="next"][href]`).First().Attr("href"); ok {
			if u := c.target(href); u != nil {
				c.onward(u.String(), "")
			}
		}
		return
	}
	if articles == 0 {
		return // the end
	}
	switch {
	case l.PagePost != "":
		n, _ := c.pageNumber(l)
		c.onward(c.page.URL, strings.Replace(l.PagePost, "{n}", strconv.Itoa(n+l.Step), 1))
	case l.Page != "":
		c.pageByTemplate(l)
	}
}

// pageNumber reads the number of the page out of its URL or its request.
func (c *context) pageNumber(l listRule) (n int, ok bool) {
	n = l.first()
	switch {
	case l.PagePost != "":
		if m := template(l.PagePost).FindStringSubmatch(c.page.Post); m != nil {
			n, _ = strconv.Atoi(m[1])
			return n, true
		}
	case strings.HasPrefix(l.Page, "?"):
		name, _, _ := strings.Cut(l.Page[1:], "=")
		if v, err := strconv.Atoi(c.url.Query().Get(name)); err == nil {
			return v, true
		}
	case l.Page != "":
		re := template(l.Page)
		if m := re.FindStringSubmatch(c.url.RequestURI()); m != nil {
			n, _ = strconv.Atoi(m[re.SubexpIndex("n")])
			return n, true
		}
	}
	return n, false
}

// template turns a page template into a pattern: {n} is a number, {stem} the
// path without its extension, {path} the path, {id} what page_id finds.
func template(t string) *regexp.Regexp {
	p := regexp.QuoteMeta(t)
	p = strings.NewReplacer(`\{n\}`, `(?P<n>\d+)`, `\{stem\}`, `(?P<stem>.+?)`, `\{path\}`, `(?P<path>.+?)`, `\{id\}`, `(?P<id>[^/?&]+)`).Replace(p)
	re, err := regexp.Compile("^" + p + "$")
	if err != nil { // two {stem}: a template that matches nothing
		return regexp.MustCompile(`$^`)
	}
	return re
}

func (c *context) pageByTemplate(l listRule) {
	n, _ := c.pageNumber(l)
	next := strconv.Itoa(n + l.Step)
	if strings.HasPrefix(l.Page, "?") {
		name, _, _ := strings.Cut(l.Page[1:], "=")
		u := *c.url
		u.RawQuery = setParam(u.RawQuery, name, next)
		c.onward(u.String(), c.page.Post)
		return
	}
	stem, whole, id := strings.TrimSuffix(c.url.EscapedPath(), path.Ext(c.url.Path)), c.url.EscapedPath(), ""
	re := template(l.Page)
	if m := re.FindStringSubmatch(c.url.RequestURI()); m != nil {
		if i := re.SubexpIndex("stem"); i > 0 {
			stem = m[i]
		}
		if i := re.SubexpIndex("path"); i > 0 {
			whole = m[i]
		}
		if i := re.SubexpIndex("id"); i > 0 {
			id = m[i]
		}
	}
	if id == "" && strings.Contains(l.Page, "{id}") {
		for _, a := range l.pageID {
			if found := c.doc.FindMatcher(a.sel); found.Length() > 0 {
				id = url.PathEscape(valueOf(found.Nodes[0], a.attr))
				break
			}
		}
		if id == "" {
			return
		}
	}
	ref := strings.NewReplacer("{n}", next, "{stem}", stem, "{path}", whole, "{id}", id).Replace(l.Page)
	if u := c.target(ref); u != nil {
		c.onward(u.String(), "")
	}
}

// setParam sets one parameter and leaves the others as they are written.
func setParam(query, name, value string) string {
	var params []string
	set := false
	for p := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(p, "="); key == name {
			p, set = name+"="+value, true
		}
		if p != "" {
			params = append(params, p)
		}
	}
	if !set {
		params = append(params, name+"="+value)
	}
	return strings.Join(params, "&")
}

// readJSON reads what an API answers: a list or an article, as the definition
// says.
func (c *context) readJSON(text []byte) error {
	if !gjson.ValidBytes(text) {
		return fmt.Errorf("%w: broken JSON", ErrNotArticle)
	}
	if c.site == nil {
		return fmt.Errorf("%w: JSON that no definition knows", ErrNotArticle)
	}
	doc := gjson.ParseBytes(text)
	where := c.url.RequestURI()
	for i := range c.site.Layouts {
		l := &c.site.Layouts[i]
		if l.Format != formatJSON || l.url != nil && c.page.URL != "" && !l.url.MatchString(where) || l.When != "" && !doc.Get(l.When).Exists() {
			continue
		}
		c.reading.Kind = KindArticle
		return c.readJSONArticle(l, doc)
	}
	l := c.listRule(formatJSON)
	if l.Format == "" {
		return fmt.Errorf("%w: no list or layout of %s has format = \"json\" and fits this URL", ErrNotArticle, c.site.Name)
	}
	c.reading.Kind = KindList
	items := doc.Get(l.Items)
	for _, item := range items.Array() {
		raw, ok := expand(l.Links, item)
		if !ok {
			continue
		}
		u := c.target(raw)
		if u == nil {
			continue
		}
		var published *time.Time
		if l.Published != "" {
			if d, ok := dates.Parse(item.Get(l.Published).String(), c.dateOptions()); ok {
				published = &d.Time
			}
		}
		c.link(u.String(), "", KindArticle, dom.Clean(item.Get(l.Text).String()), published)
	}
	articles := c.count(KindArticle)
	c.nextPage(l, articles)
	if articles > 0 {
		return fmt.Errorf("%w: a list of %d articles", ErrNotArticle, articles)
	}
	if n, ok := c.pageNumber(l); ok && n > l.first() {
		return fmt.Errorf("%w: %w", ErrNotArticle, ErrListEnd)
	}
	return fmt.Errorf("%w: %q holds nothing", ErrNoLinks, l.Items)
}

var placeholder = regexp.MustCompile(`\{([^{}]+)\}`)

// expand fills the {paths} of a template; false when one of them is empty.
func expand(t string, item gjson.Result) (string, bool) {
	ok := true
	out := placeholder.ReplaceAllStringFunc(t, func(p string) string {
		v := item.Get(p[1 : len(p)-1]).String()
		ok = ok && v != ""
		return url.PathEscape(v)
	})
	return out, ok
}

// readJSONArticle reads an article that comes as JSON; what is HTML in it is
// read as in a page.
func (c *context) readJSONArticle(l *layout, doc gjson.Result) error {
	a := &Article{
		URL: c.page.URL, Fetched: c.page.Fetched, Site: c.site.Name, Ministry: Text(c.site.Ministry), Language: Text(c.site.Language),
		Extractor: "luutin-" + Version + " " + l.from + "/" + l.Name, Provenance: map[string]string{},
		CanonicalURL: c.sites.Canonical(c.page.URL),
	}
	if l.Canonical != "" {
		if u, ok := expand(l.Canonical, doc); ok {
			a.CanonicalURL = c.sites.Canonical(u)
		}
	}
	c.root, _ = html.Parse(strings.NewReader(""))
	c.doc = goquery.NewDocumentFromNode(c.root).Selection
	if u, err := url.Parse(a.CanonicalURL); err == nil {
		c.base = u
	}
	r := ruled{context: c, layout: l, article: a}
	get := func(field, where string) string {
		if where == "" {
			return ""
		}
		v := doc.Get(where)
		var parts []string
		for _, one := range v.Array() {
			if s := plainText(one.String()); s != "" {
				parts = append(parts, s)
			}
		}
		text := strings.Join(parts, "; ")
		if text != "" {
			r.note(field, text, r.rule(alternative{raw: where}), 1)
		}
		return text
	}
	a.Title = get("title", l.Title)
	a.Lead = Text(get("lead", l.Lead))
	a.Section = Text(get("section", l.Section))
	if src := get("source", l.Source); src != "" {
		a.Source = Text(parseSource(src))
	}
	for _, v := range doc.Get(l.Tags).Array() {
		if s := dom.Clean(v.String()); s != "" && l.Tags != "" {
			a.Tags = append(a.Tags, s)
		}
	}
	for field, where := range map[string]string{"published": l.Published, "modified": l.Modified} {
		if where == "" {
			continue
		}
		d, ok := dates.Parse(doc.Get(where).String(), c.dateOptions())
		if !ok {
			continue
		}
		r.note(field, d.Time.Format(time.RFC3339), r.rule(alternative{raw: where}), 1)
		if field == "modified" {
			a.Modified = &d.Time
			continue
		}
		a.Published, a.PublishedText, a.PublishedPrecision = &d.Time, Text(d.Text), Text(d.Precision)
	}
	body, err := html.Parse(strings.NewReader(doc.Get(l.Body).String()))
	if err != nil {
		return fmt.Errorf("parse %s: %w", l.Body, err)
	}
	drop := map[*html.Node]bool{}
	for _, alt := range l.drop {
		for _, n := range goquery.NewDocumentFromNode(body).FindMatcher(alt.sel).Nodes {
			drop[n] = true
		}
	}
	t := telling{base: c.base, title: a.Title, lead: string(a.Lead), boldLead: l.BoldLead && a.Lead == "", signed: true}
	s := t.tell(dom.Render([]*html.Node{body}, func(n *html.Node) bool { return drop[n] || boilerplate(n) }))
	a.Blocks, a.Body, a.Images, a.Related = s.blocks, s.text(), s.images, s.related
	a.Authors, a.Attachments = s.authors, s.attachments
	if s.boldLead {
		a.Lead = Text(s.lead)
	}
	if a.Body != "" {
		r.note("body", fmt.Sprintf("%d blocks, %d characters", len(a.Blocks), len([]rune(a.Body))), r.rule(alternative{raw: l.Body}), 1)
	}
	if v := get("authors", l.Authors); v != "" {
		one := parseCredit(v)
		if len(one.authors) > 0 {
			a.Authors = one.authors
		}
		if a.Source == "" {
			a.Source = Text(one.source)
		}
	}
	if a.Source == "" {
		a.Source = Text(s.source)
	}
	if l.Images != "" {
		for _, v := range doc.Get(l.Images).Array() {
			t.image(&s, &dom.Figure{Src: v.String()})
		}
		a.Images = s.images
	}
	if l.Attachments != "" {
		for _, f := range doc.Get(l.Attachments).Array() {
			name, link := f.Get("name").String(), f.Get("link").String()
			if f.Type == gjson.String {
				link = f.String()
			}
			if u := t.resolve(link); u != "" && link != "" {
				if name == "" {
					name = path.Base(u)
				}
				s.attach(Attachment{URL: u, Name: dom.Clean(name), Type: attachmentType(u)})
			}
		}
		a.Attachments = s.attachments
	}
	return c.finish(a)
}

// plainText returns the text of a string that may be HTML.
func plainText(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return dom.Clean(s)
	}
	root, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return dom.Clean(s)
	}
	return dom.Text(root)
}

// readPacked reads a sitemap or a feed that was served as a gzip file.
func (s *Sites) readPacked(r *Reading, p Page, d *definition) (*Reading, error) {
	text, err := gunzip(p.Body)
	if err != nil {
		r.Kind = KindAttachment
		return r, fmt.Errorf("%w: a gzip file: %w", ErrNotArticle, err)
	}
	if k := sniff(text); k != KindFeed && k != KindSitemap {
		r.Kind = KindAttachment
		return r, fmt.Errorf("%w: a gzip file, not a page", ErrNotArticle)
	}
	p.Body = text
	if bytes.HasPrefix(text, []byte("\x1f\x8b")) {
		return r, fmt.Errorf("%w: gzip in gzip", ErrNotArticle)
	}
	return s.read(p, d)
}
