// Package extract turns the bytes of a page into an article and links. What
// is particular to a site stands in its definition (extract/sites); a page
// that no definition knows is read by what its own markup says and by its
// shape (extract/generic).
package extract

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dates"
	"luutin/extract/dom"
	"luutin/extract/generic"
	"luutin/extract/markup"
)

// MaxPage is the most bytes that Read takes for a page. A tree needs ten to
// thirty times the memory of its text.
const MaxPage = 64 << 20

// Read reads a page once: the article on it, its links, and where every value
// came from. The reading is never nil. The error is nil when the page holds an
// article, ErrNotArticle with the reason when it is something else, and any
// other error when it cannot be read or, for a list, links to nothing.
func (s *Sites) Read(p Page) (*Reading, error) {
	return s.read(p, s.site(p.URL))
}

// ReadAs reads a page by the definition of a site, whatever its URL says. An
// empty name reads it as if no definition existed.
func (s *Sites) ReadAs(site string, p Page) (*Reading, error) {
	if site == "" {
		return (&Sites{}).read(p, nil)
	}
	d := s.byName[site]
	if d == nil {
		return &Reading{}, fmt.Errorf("no site %q; luutin sites list shows those there are", site)
	}
	return s.read(p, d)
}

func (s *Sites) read(p Page, d *definition) (*Reading, error) {
	r := &Reading{}
	if d != nil {
		r.Site = d.Name
	}
	if len(bytes.TrimSpace(p.Body)) == 0 {
		return r, fmt.Errorf("%w: the page is empty", ErrNotArticle)
	}
	if len(p.Body) > MaxPage {
		return r, fmt.Errorf("read page: %d MB are more than the %d MB that a page may have", len(p.Body)>>20, MaxPage>>20)
	}
	if what := binaryFormat(p.Body); what != "" {
		if what == "gzip" {
			return s.readPacked(r, p, d)
		}
		r.Kind = KindAttachment
		return r, fmt.Errorf("%w: %s, not a page", ErrNotArticle, what)
	}
	text, _, err := dom.Decode(p.Body, p.ContentType)
	if err != nil {
		return r, err
	}
	c := &context{sites: s, site: d, page: p, reading: r}
	if c.url, err = url.Parse(dom.Href(p.URL)); err != nil {
		return r, fmt.Errorf("read page: %w", err)
	}
	c.base = c.url
	switch sniff(text) {
	case KindFeed:
		return r, c.readFeed(text)
	case KindSitemap:
		return r, c.readSitemap(text)
	case kindJSON:
		return r, c.readJSON(text)
	}
	return r, c.readHTML(text)
}

// A context is one page being read.
type context struct {
	sites   *Sites
	site    *definition // nil when none knows the host
	page    Page
	url     *url.URL
	base    *url.URL // for relative links
	reading *Reading

	*document
	chosen  *layout          // nil when none fits
	linked  map[string]int   // the place of each link in the reading, by its canonical URL
	hrefs   map[string]int   // the same by what is written, -1 for what leads to no article
	places  []linkNode       // where links to articles stand, in the order of the page
	unruled *generic.Reading // made when first asked for
}

// binaryFormat names what is no text, by its first bytes.
func binaryFormat(body []byte) string {
	for _, f := range []struct{ magic, name string }{
		{"%PDF-", "a PDF"}, {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"}, {"PK\x03\x04", "a ZIP or Office document"},
		{"\x1f\x8b", "gzip"}, {"Rar!\x1a", "a RAR archive"}, {"\x89PNG\r\n", "a picture"}, {"\xff\xd8\xff", "a picture"}, {"GIF8", "a picture"},
		{"RIFF", "a media file"}, {"OggS", "a media file"}, {"ID3", "a media file"}, {"{\\rtf", "an RTF document"}, {"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	} {
		if bytes.HasPrefix(body, []byte(f.magic)) {
			return f.name
		}
	}
	if len(body) > 12 && string(body[4:8]) == "ftyp" {
		return "a media file"
	}
	return ""
}

const kindJSON Kind = "json"

// sniff tells markup from feeds, sitemaps and JSON by how a text begins; what
// servers say of it is wrong too often.
func sniff(text []byte) Kind {
	head := bytes.TrimLeft(text, beforeXML)
	if len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return kindJSON
	}
	kind, _ := xmlRoot(head)
	return kind
}

const beforeXML = " \t\r\n\uFEFF"

var (
	xmlName     = regexp.MustCompile(`^<(?:[\w.-]+:)?([\w.-]+)[\s/>]`)
	htmlDoctype = regexp.MustCompile(`(?i)^<!doctype\s+html\b`)
	doctype     = regexp.MustCompile(`(?i)^<!doctype(?:"[^"]*"|'[^']*'|\[[^\]]*\]|[^>"'\[])*>`)
)

// xmlRoot finds the root element, whatever stands before it, and says what it is
// of: a feed, a sitemap, or a page. The text from it on comes back.
func xmlRoot(text []byte) (Kind, []byte) {
	text = bytes.TrimLeft(text, beforeXML)
	if kind, root := xmlRootAt(text); kind != "" {
		return kind, root
	}
	// Some servers print a warning first.
	if i := bytes.Index(text[:min(len(text), 2048)], []byte("<?xml ")); i > 0 {
		if kind, root := xmlRootAt(text[i:]); kind != "" {
			return kind, root
		}
	}
	return KindArticle, text
}

// xmlRootAt is xmlRoot of a text that begins with XML; "" is no kind that it knows.
func xmlRootAt(text []byte) (Kind, []byte) {
	for {
		text = bytes.TrimLeft(text, beforeXML)
		end := ""
		switch {
		case bytes.HasPrefix(text, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(text, []byte("<!--")):
			end = "-->"
		case htmlDoctype.Match(text):
			return KindArticle, text
		case bytes.HasPrefix(text, []byte("<!")):
			n := len(doctype.Find(text))
			if n == 0 {
				return "", text
			}
			text = text[n:]
			continue
		default:
			name := xmlName.FindSubmatch(text[:min(len(text), 256)])
			if name == nil {
				return "", text
			}
			switch strings.ToLower(string(name[1])) {
			case "rss", "rdf", "feed":
				return KindFeed, text
			case "urlset", "sitemapindex":
				return KindSitemap, text
			case "html", "head", "body":
				return KindArticle, text
			}
			return "", text
		}
		i := bytes.Index(text, []byte(end))
		if i < 0 {
			return "", text
		}
		text = text[i+len(end):]
	}
}

func (c *context) readHTML(text []byte) error {
	root, err := markup.Parse(text)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	c.document = newDocument(root, len(text), c.site != nil || len(c.sites.platforms) > 0)
	if c.document.base != "" {
		if u, err := c.url.Parse(dom.Href(c.document.base)); err == nil {
			c.base = u
		}
	}
	err = c.readTree()
	c.reading.detach()
	if err != nil && len(c.reading.Links) == 0 {
		if to := c.sendsOn(); to != nil {
			c.reading.Instead = "refresh"
			kind := KindArticle
			if c.reading.Kind == KindList {
				kind = KindList
			}
			c.link(to.String(), "", kind, "", nil)
			return fmt.Errorf("%w: it sends readers on to %s", ErrNotArticle, to)
		}
	}
	return err
}

// detach copies what is still part of the page's text, so that who keeps a
// reading does not keep the page.
func (r *Reading) detach() {
	for i := range r.Links {
		r.Links[i].Text = strings.Clone(r.Links[i].Text)
	}
	a := r.Article
	if a == nil {
		return
	}
	a.Title, a.Section = strings.Clone(a.Title), Text(strings.Clone(string(a.Section)))
	a.Language, a.PublishedText = Text(strings.Clone(string(a.Language))), Text(strings.Clone(string(a.PublishedText)))
	for i, tag := range a.Tags {
		a.Tags[i] = strings.Clone(tag)
	}
	for i := range a.Attachments {
		a.Attachments[i].Name = strings.Clone(a.Attachments[i].Name)
	}
	for _, t := range []**time.Time{&a.Published, &a.Modified} {
		if *t != nil {
			at := **t // it was part of a date with its text
			*t = &at
		}
	}
}

// sendsOn returns where a page sends its readers at once, as redirects do, by
// <meta http-equiv="refresh">; nil when it does not, or reloads itself.
func (c *context) sendsOn() *url.URL {
	const atOnce = 10 // seconds
	wait, to, found := strings.Cut(strings.ReplaceAll(c.refresh, ",", ";"), ";")
	seconds, err := strconv.ParseFloat(strings.TrimSpace(wait), 64)
	if !found || err != nil || seconds > atOnce {
		return nil
	}
	to = strings.TrimSpace(to)
	if name, value, ok := strings.Cut(to, "="); ok && strings.EqualFold(strings.TrimSpace(name), "url") {
		to = value
	}
	u, err := c.base.Parse(dom.Href(strings.Trim(strings.TrimSpace(to), `'"`)))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || c.sites.Key(u.String()) == c.sites.Key(c.page.URL) {
		return nil
	}
	return u
}

// readTree reads the page as what it is: a list or an article.
func (c *context) readTree() error {
	l := c.layout()
	c.chosen = l
	if c.isList(l) {
		c.reading.Kind = KindList
		return c.readList()
	}
	c.reading.Kind = KindArticle
	if l == nil || c.site == nil {
		// A page that has the mark of a platform, or that its site calls an
		// article, is read all the same; a wall before it is not.
		reason, refusal := c.instead()
		if refusal || reason != "" && l == nil && !c.isArticleURL() {
			return c.notArticle(reason, refusal)
		}
	}
	return c.readArticle(l)
}

// notArticle says what the page is instead, and still finds its links.
func (c *context) notArticle(reason string, refusal bool) error {
	if !refusal {
		c.reading.Kind = KindList
		c.readLinks([]*html.Node{c.root})
	}
	return fmt.Errorf("%w: %s", ErrNotArticle, reason)
}

// layout returns the first layout that fits the page: of its site, or, when no
// site is known, of the platform whose mark it bears.
func (c *context) layout() *layout {
	if c.site != nil {
		return c.choose(c.site.Layouts)
	}
	for _, p := range c.sites.platforms {
		if l := c.choose(p.Layouts); l != nil {
			return l
		}
	}
	return nil
}

func (c *context) choose(ls []layout) *layout {
	where := c.url.RequestURI()
	for i := range ls {
		l := &ls[i]
		if l.Format != formatHTML || l.url != nil && c.page.URL != "" && !l.url.MatchString(where) {
			continue
		}
		mark := l.when
		if mark == nil && l.url == nil {
			mark = l.fields["body"]
		}
		if mark != nil {
			if found, _ := c.first(mark); found == nil {
				continue
			}
		}
		return l
	}
	return nil
}

func (c *context) isArticleURL() bool {
	return c.site != nil && c.site.articles != nil && c.page.URL != "" && c.site.articles.MatchString(c.url.RequestURI())
}

// isList decides by what the definition says of URLs, then by whether a layout
// fits, and where neither tells by the shape of the page.
func (c *context) isList(l *layout) bool {
	if c.site == nil || c.isArticleURL() {
		return false
	}
	if c.page.URL == "" {
		return l == nil && c.isNoArticle()
	}
	if slices.Contains(c.site.Start, c.page.URL) {
		return true
	}
	where := c.url.RequestURI()
	for i := range c.site.Lists {
		if u := c.site.Lists[i].url; u != nil && u.MatchString(where) {
			return true
		}
	}
	return l == nil && (c.site.articles != nil || c.isNoArticle())
}

func (c *context) isNoArticle() bool {
	reason, _ := c.instead()
	return reason != ""
}

// zone is the one that the definition names: the site's, else that of the
// platform which the layout belongs to.
func (c *context) zone() *time.Location {
	switch {
	case c.site != nil && c.site.zone != nil:
		return c.site.zone
	case c.chosen != nil:
		return c.chosen.zone
	}
	return nil
}

func (c *context) dateOptions() dates.Options {
	return dates.Options{Zone: c.zone(), NotAfter: c.page.Fetched}
}

// site finds the definition of a URL by its host: as it is, with or without
// www., or by a pattern such as *.moh.gov.vn.
func (s *Sites) site(raw string) *definition {
	_, d := s.parse(raw)
	return d
}

// parse returns a URL and its definition, or two nils.
func (s *Sites) parse(raw string) (*url.URL, *definition) {
	u, err := url.Parse(dom.Href(raw))
	if err != nil || u.Host == "" {
		return nil, nil
	}
	d := s.ofHost(u.Hostname())
	if d == nil {
		return nil, nil
	}
	return u, d
}

func (s *Sites) ofHost(host string) *definition {
	host = HostName(host)
	if d := s.byHost[host]; d != nil {
		return d
	}
	for _, h := range [...]string{strings.TrimPrefix(host, "www."), "www." + host} {
		if d := s.byHost[h]; d != nil {
			return d
		}
	}
	for rest := host; ; {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			return nil
		}
		if d := s.byHost["*."+parent]; d != nil {
			return d
		}
		rest = parent
	}
}

// OwnURL returns the address that a page gives as its own, by rel=canonical or
// og:url in its first 256 KB; "" when it gives none.
func OwnURL(body []byte) string {
	head := body[:min(len(body), 256<<10)]
	z := html.NewTokenizer(bytes.NewReader(head))
	og := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return og
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			attr := func(key string) string {
				for _, a := range t.Attr {
					if a.Key == key {
						return strings.TrimSpace(a.Val)
					}
				}
				return ""
			}
			if t.Data == "link" && strings.EqualFold(attr("rel"), "canonical") && absolute(attr("href")) == nil {
				return dom.Href(attr("href"))
			}
			if t.Data == "meta" && attr("property") == "og:url" && og == "" && absolute(attr("content")) == nil {
				og = dom.Href(attr("content"))
			}
		}
	}
}
