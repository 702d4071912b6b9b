package extract

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/tidwall/gjson"
	"golang.org/x/net/html"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

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
	items, first := doc.Get(l.Items).Array(), ""
	for _, item := range items {
		raw, err := expand(l.Links, item)
		var u *url.URL
		if err == nil {
			u = c.target(raw)
		}
		if u == nil {
			if first == "" {
				first = fmt.Sprintf("gives %q", raw)
				if err != nil {
					first = err.Error()
				}
			}
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
	if len(items) > 0 {
		return fmt.Errorf("%w: of the %d items in %q none leads to an article of the site; the first %s", ErrNoLinks, len(items), l.Items, first)
	}
	if n, ok := c.pageNumber(l); ok && n > l.first() {
		return fmt.Errorf("%w: %w", ErrNotArticle, ErrListEnd)
	}
	return fmt.Errorf("%w: %q holds nothing", ErrNoLinks, l.Items)
}

var (
	placeholder = regexp.MustCompile(`\{([^{}]+)\}`)
	wholeURL    = regexp.MustCompile(`(?i)^(?:https?:)?//`)
)

// expand fills the {paths} of a template; an error names one that is empty. What
// is a link already, or the path of one, stays as it is; other values are escaped
// as the part of the URL wants it that they stand in.
func expand(t string, item gjson.Result) (string, error) {
	out, end := "", 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(t, -1) {
		v := strings.TrimSpace(item.Get(t[at[2]:at[3]]).String())
		if v == "" {
			return "", fmt.Errorf("has no {%s}", t[at[2]:at[3]])
		}
		out += t[end:at[0]]
		end = at[1]
		switch {
		case t == t[at[0]:at[1]]:
			out = v
		case strings.Contains(t[:at[0]], "?"):
			out += strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
		case wholeURL.MatchString(v): // some lists give the paths of most and the URLs of others
			out = v
		case v[0] == '/':
			out = strings.TrimSuffix(out, "/") + v
		default:
			out += strings.ReplaceAll(url.PathEscape(v), "%2F", "/")
		}
	}
	return out + t[end:], nil
}

// ownURL returns the URL that readers know an article by; "" when the document
// gives none, or one of another site that the definition does not name.
func (c *context) ownURL(l *layout, doc gjson.Result) string {
	raw, err := expand(l.Canonical, doc)
	if err != nil {
		return ""
	}
	u, err := c.url.Parse(dom.Href(raw))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	if c.page.URL != "" && u.Host != c.url.Host && !strings.Contains(l.Canonical, u.Host) && !sameSite(c.sites, u, c.url) {
		return ""
	}
	return u.String()
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
		if u := c.ownURL(l, doc); u != "" {
			a.CanonicalURL = c.sites.Canonical(u)
		}
	}
	c.document = newDocument(&html.Node{Type: html.DocumentNode}, 0, true)
	if l.Canonical == "" && len(c.site.Hosts) > 0 {
		c.base = &url.URL{Scheme: c.url.Scheme, Host: c.site.Hosts[0], Path: "/"} // what is in the text was written for readers
	} else if u, err := url.Parse(a.CanonicalURL); err == nil {
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
