package extract

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
	"luutin/extract/generic"
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
	found := []*html.Node{c.root}
	if l.links != nil {
		found, _ = c.first(l.links)
	}
	c.readLinks(found)
	c.dateLinks()
	if c.site != nil && c.site.follow != nil {
		for _, n := range c.elements {
			if n.DataAtom != atom.A {
				continue
			}
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
	if reason, refusal := c.instead(); refusal && c.refusesList(l) {
		return fmt.Errorf("%w: %s", ErrNotArticle, reason)
	}
	c.reading.Instead = ""
	return c.noLinks(l)
}

// refusesList reports whether a page without articles is a wall, or an error,
// and not the end of a list: that may be an empty page, or one that says that
// nothing was found.
func (c *context) refusesList(l listRule) bool {
	switch c.reading.Instead {
	case string(generic.Login), string(generic.Challenge), string(generic.Shell):
		return true
	case string(generic.Missing):
		n, ok := c.pageNumber(l)
		return !ok || n <= l.first()
	}
	return false
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
			if found, _ := c.first(l.when); found == nil {
				continue
			}
		}
		return l
	}
	return listRule{Step: 1}
}

var inScript = regexp.MustCompile(`(?:location(?:\.href)?\s*=\s*|window\.open\(\s*)['"]([^'"]+)['"]`)

// readLinks notes the articles that a part of a page links to.
func (c *context) readLinks(parts []*html.Node) {
	for _, n := range parts {
		c.linkOf(n)
		for d := n.FirstChild; d != nil; d = next(d, n) {
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
	place, known := c.hrefs[href]
	if !known {
		place = -1
		if u := c.target(href); u != nil && c.isArticleLink(u) {
			place = c.link(u.String(), "", KindArticle, "", nil)
		}
		if c.hrefs == nil {
			c.hrefs = map[string]int{}
		}
		c.hrefs[href] = place
	}
	if place < 0 {
		return
	}
	c.places = append(c.places, linkNode{place, n})
	if l := &c.reading.Links[place]; l.Text == "" {
		l.Text = dom.Text(n)
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
	href = dom.Href(href)
	if href == "" || href[0] == '#' || strings.HasPrefix(href, "javascript:") || strings.HasPrefix(href, "mailto:") || strings.HasPrefix(href, "tel:") {
		return nil
	}
	u, err := c.base.Parse(href)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	if c.page.URL != "" && u.Host != c.url.Host && !sameSite(c.sites, u, c.url) {
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

// link notes a link once and returns its place. Links to what the definition
// reads elsewhere, as from an API, are rewritten.
func (c *context) link(raw, post string, kind Kind, text string, published *time.Time) int {
	raw, canonical := c.sites.asked(raw)
	if post != "" {
		canonical += "\n" + post
	}
	if i, ok := c.linked[canonical]; ok {
		if known := &c.reading.Links[i]; known.Text == "" {
			known.Text = text
		}
		return i
	}
	if c.linked == nil {
		c.linked = map[string]int{}
	}
	i := len(c.reading.Links)
	c.linked[canonical] = i
	c.reading.Links = append(c.reading.Links, Link{URL: raw, Post: post, Canonical: canonical, Kind: kind, Text: text, Published: published})
	return i
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
		for _, n := range c.match(a) {
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
	if l.next == nil && l.Page == "" && l.PagePost == "" && c.document != nil {
		href := c.headLink("next")
		if href == "" {
			i := slices.IndexFunc(c.elements, func(n *html.Node) bool {
				return n.DataAtom == atom.A && dom.Attr(n, "rel") == "next" && dom.Attr(n, "href") != ""
			})
			if i >= 0 {
				href = dom.Attr(c.elements[i], "href")
			}
		}
		if u := c.target(href); u != nil {
			c.onward(u.String(), "")
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
			if found := c.match(a); len(found) > 0 {
				id = url.PathEscape(valueOf(found[0], a.attr))
				break
			}
		}
		if id == "" {
			c.reading.Stuck = fmt.Sprintf("page_id = %q in %s finds no {id} for the next page", l.PageID, l.from)
			if l.PageID == "" {
				c.reading.Stuck = fmt.Sprintf("page = %q in %s has an {id}, and the list neither has it in its URL nor a page_id", l.Page, l.from)
			}
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
