package extract

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"

	"luutin/extract/dates"
	"luutin/extract/dom"
	"luutin/extract/generic"
)

// readArticle fills every field with the first plausible value: by the
// layout, by what the page says of itself, by its shape.
func (c *context) readArticle(l *layout) error {
	a := &Article{
		URL:        c.page.URL,
		Fetched:    c.page.Fetched,
		Extractor:  "luutin-" + Version + " generic",
		Provenance: map[string]string{},
	}
	if c.site != nil {
		a.Site, a.Ministry, a.Language = c.site.Name, Text(c.site.Ministry), Text(c.site.Language)
	} else {
		a.Site = c.url.Hostname()
	}
	if l != nil {
		a.Extractor = "luutin-" + Version + " " + l.from + "/" + l.Name
		if a.Language == "" {
			a.Language = Text(l.spoken)
		}
	} else {
		l = &layout{}
	}
	r := ruled{context: c, layout: l, article: a, dropped: map[*html.Node]bool{}}
	for _, alt := range l.drop {
		for _, n := range c.match(alt) {
			r.dropped[n] = true
		}
	}
	r.canonical()
	r.headline()
	r.dates()
	r.body()
	r.rest()
	return c.finish(a)
}

// finish checks what was read and completes it.
func (c *context) finish(a *Article) error {
	a.Title = strings.TrimSpace(a.Title)
	switch {
	case a.Title == "" && a.Body == "":
		return fmt.Errorf("%w: neither a title nor a body was found", ErrNotArticle)
	case a.Title == "":
		return fmt.Errorf("%w: no title was found", ErrNotArticle)
	case a.Body == "" && a.Lead == "" && len(a.Attachments) == 0 && len(a.Images) == 0:
		title := []rune(a.Title)
		if len(title) > 80 { // what was taken for it may be a whole text
			title = append(title[:79], '…')
		}
		return fmt.Errorf("%w: no body was found under %q", ErrNotArticle, string(title))
	}
	if a.CanonicalURL != "" {
		a.ID = ArticleID(a.CanonicalURL)
	}
	a.ContentHash = a.Hash()
	c.reading.Article, c.reading.Instead = a, ""
	for _, f := range a.Attachments {
		c.link(f.URL, "", KindAttachment, f.Name, nil)
	}
	return nil
}

// ruled reads an article by a layout.
type ruled struct {
	*context
	layout  *layout
	article *Article
	dropped map[*html.Node]bool // what the layout's drop names: no part of any field
	telling telling
	story   story

	titleNode, leadNode *html.Node   // nil when they stand in no visible place
	roots               []*html.Node // of the text
}

// note records which signal gave a field.
func (r *ruled) note(field, value, signal string, score float64) {
	r.article.Provenance[field] = signal
	r.reading.Explain = append(r.reading.Explain, Candidate{Field: field, Value: value, Signal: signal, Score: score, Won: true})
}

// lost records a candidate that was not taken.
func (r *ruled) lost(field, value, signal, why string) {
	r.reading.Explain = append(r.reading.Explain, Candidate{Field: field, Value: value, Signal: signal, Why: why})
}

func (r *ruled) rule(a alternative) string {
	return "rule " + r.layout.from + "/" + r.layout.Name + ": " + a.raw
}

// first returns the text of the first match with any, in the order of the
// alternatives.
func (r *ruled) first(field string) (string, *html.Node, string) {
	for _, a := range r.layout.fields[field] {
		for _, n := range r.match(a) {
			if v := r.value(n, a.attr); v != "" {
				return v, n, r.rule(a)
			}
		}
	}
	return "", nil, ""
}

// all returns the texts of all matches of the first alternative with any.
func (r *ruled) all(field string) (values []string, nodes []*html.Node, signal string) {
	for _, a := range r.layout.fields[field] {
		for _, n := range r.match(a) {
			if v := r.value(n, a.attr); v != "" && !slices.Contains(values, v) {
				values = append(values, v)
				nodes = append(nodes, n)
			}
		}
		if len(values) > 0 {
			return values, nodes, r.rule(a)
		}
	}
	return nil, nil, ""
}

func valueOf(n *html.Node, attr string) string {
	if attr != "" {
		return dom.Clean(dom.Attr(n, attr))
	}
	return dom.Text(n)
}

// value is valueOf without what the layout drops.
func (r *ruled) value(n *html.Node, attr string) string {
	if attr != "" || len(r.dropped) == 0 {
		return valueOf(n, attr)
	}
	return dom.TextWithout(n, func(c *html.Node) bool { return c != n && r.dropped[c] })
}

// canonical decides by which URL the article is known. What the page says is
// believed when it stays on the site and does not name the home page.
func (r *ruled) canonical() {
	a := r.article
	if r.page.URL != "" {
		a.CanonicalURL = r.sites.Canonical(r.page.URL)
	}
	href, signal := r.headLink("canonical"), "link rel=canonical"
	if href == "" {
		href, signal = r.ogURL, "meta og:url"
	}
	if href == "" {
		return
	}
	u, err := r.base.Parse(dom.Href(href))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		r.lost("canonical_url", href, signal, "no http URL")
		return
	}
	said := r.sites.Canonical(u.String())
	switch {
	case r.page.URL == "":
		a.URL = u.String()
	case strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && strings.Trim(r.url.Path, "/") != "":
		r.lost("canonical_url", said, signal, "the home page is not the article")
		return
	case !sameSite(r.sites, u, r.url):
		r.lost("canonical_url", said, signal, "on another site")
		return
	case r.isArticleURL() && !r.site.articles.MatchString(u.RequestURI()):
		r.lost("canonical_url", said, signal, "not the URL of an article of this site")
		return
	}
	a.CanonicalURL = said
	r.note("canonical_url", said, signal, 1)
}

func sameSite(s *Sites, a, b *url.URL) bool {
	if strings.TrimPrefix(strings.ToLower(a.Hostname()), "www.") == strings.TrimPrefix(strings.ToLower(b.Hostname()), "www.") {
		return true
	}
	d := s.ofHost(a.Hostname())
	return d != nil && d == s.ofHost(b.Hostname())
}

func (r *ruled) headline() {
	if r.article.Language == "" {
		language, _ := r.fill("language", r.generic().Language())
		r.article.Language = Text(language)
	}
	if v, n, signal := r.first("title"); v != "" {
		r.article.Title, r.titleNode = v, n
		r.note("title", v, signal, 1)
	} else {
		r.article.Title, r.titleNode = r.fill("title", r.generic().Title())
	}
	if v, n, signal := r.first("lead"); v != "" {
		r.article.Lead, r.leadNode = Text(v), n
		r.note("lead", v, signal, 1)
	}
}

func (r *ruled) dates() {
	a := r.article
	if d, signal, ok := r.date("published"); ok {
		a.Published, a.PublishedText, a.PublishedPrecision = &d.Time, Text(d.Text), Text(d.Precision)
		r.note("published", d.Time.Format(time.RFC3339), signal, 1)
	} else if d, ok := r.fillDate("published", r.sure("published", r.generic().Published())); ok {
		a.Published, a.PublishedText, a.PublishedPrecision = &d.Time, Text(d.Text), Text(d.Precision)
	}
	if d, signal, ok := r.date("modified"); ok {
		a.Modified = &d.Time
		r.note("modified", d.Time.Format(time.RFC3339), signal, 1)
	} else if r.layout.Name == "" {
		if d, ok := r.fillDate("modified", r.generic().Modified()); ok {
			a.Modified = &d.Time
		}
	}
}

// date reads a field's nodes one by one, then together: the day and the time
// of the day may stand apart.
func (r *ruled) date(field string) (dates.Date, string, bool) {
	for _, alt := range r.layout.fields[field] {
		var together []string
		var best dates.Date
		var from *html.Node // of best
		for _, n := range r.match(alt) {
			v := r.value(n, alt.attr)
			if v == "" {
				continue
			}
			together = append(together, v)
			d, ok := dates.Parse(v, r.dateOptions())
			switch {
			case !ok:
			case best.Time.IsZero():
				best, from = d, n
			case d.HasClock() && !best.HasClock() && sameDay(d.Time, best.Time):
				best = d // a later one is another article's, unless it adds the time of the same day
			}
		}
		if len(together) > 1 && len(together) <= 3 && !best.HasClock() {
			if d, ok := dates.Parse(strings.Join(together, " "), r.dateOptions()); ok && (best.Time.IsZero() || d.HasClock() && sameDay(d.Time, best.Time)) {
				return d, r.rule(alt), true
			}
		}
		if !best.Time.IsZero() {
			if d, ok := r.clockBeside(from); ok && !best.HasClock() && sameDay(d.Time, best.Time) {
				best = d
			}
			return best, r.rule(alt), true
		}
		if len(together) > 0 {
			r.lost(field, strings.Join(together, " "), r.rule(alt), "not read as a date")
		}
	}
	return dates.Date{}, "", false
}

// clockBeside reads the line that a day stands in, where the time of the day
// may stand beside it.
func (r *ruled) clockBeside(n *html.Node) (dates.Date, bool) {
	const line = 80 // characters
	for p := n.Parent; p != nil && p.DataAtom != atom.Body; p = p.Parent {
		text := dom.Text(p)
		if utf8.RuneCountInString(text) > line {
			break
		}
		if d, ok := dates.Parse(text, r.dateOptions()); ok && d.HasClock() {
			return d, true
		}
	}
	return dates.Date{}, false
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

// body reads the text and everything that stands in it.
func (r *ruled) body() {
	a := r.article
	var roots []*html.Node
	signal := ""
	for _, alt := range r.layout.fields["body"] {
		nodes := outermost(r.match(alt))
		if slices.ContainsFunc(nodes, dom.HasText) {
			roots, signal = nodes, r.rule(alt)
			break
		}
	}
	var unwanted map[*html.Node]string
	var data string // the text, when the page keeps it in its data only
	if roots == nil {
		roots, unwanted, data, signal = r.genericBody()
	}
	r.roots = roots
	drop := map[*html.Node]bool{}
	for _, key := range []string{"title", "lead", "published", "authors", "source", "section", "tags", "related"} {
		for _, alt := range r.layout.fields[key] {
			if alt.attr != "" {
				continue
			}
			for _, n := range r.match(alt) {
				if n.DataAtom != atom.Body && n.DataAtom != atom.Html && !slices.Contains(roots, n) && !r.untold(key, n) {
					drop[n] = true
				}
			}
		}
	}
	var offered []*html.Node // what was left out, which may hold links to other articles
	furniture := boilerplate
	if r.layout.Name == "" {
		furniture = calledSo // the generic reader has weighed what stands in them
	}
	pieces := dom.Render(roots, func(n *html.Node) bool {
		why := unwanted[n]
		if drop[n] || why == "" && !r.dropped[n] && !furniture(n) || why == "caption" {
			return drop[n]
		}
		offered = append(offered, n)
		return true
	})
	for i := range pieces {
		for n := pieces[i].Node; n != nil && !pieces[i].Legend; n = n.Parent {
			pieces[i].Legend = unwanted[n] == "caption"
		}
	}
	if len(roots) == 0 {
		for paragraph := range strings.SplitSeq(data, "\n\n") {
			if paragraph = dom.CleanLines(paragraph); paragraph != "" {
				pieces = append(pieces, dom.Piece{Block: Block{Kind: "paragraph", Text: paragraph}, Chars: len(paragraph)})
			}
		}
	}
	t := telling{
		base: r.base, title: a.Title, lead: string(a.Lead), isArticle: r.isThumbnail,
		boldLead: r.layout.BoldLead, signed: r.layout.Name != "" || strings.HasPrefix(string(a.Language), "vi") || strings.ContainsFunc(a.Title, vietnamese),
	}
	if a.Published != nil {
		t.published = *a.Published
	}
	if a.Lead == "" && !r.layout.BoldLead && r.layout.fields["lead"] == nil {
		t.lead, r.leadNode = r.fill("lead", r.generic().Lead())
		a.Lead = Text(t.lead)
	}
	// Without a rule the custom of the country is the rule.
	t.boldLead = t.boldLead || r.layout.Name == "" && t.signed && t.lead == ""
	s := t.tell(pieces)
	if len(roots) > 0 {
		offered = append(r.above(roots[0]), offered...)
	}
	for _, n := range offered {
		for _, link := range elements(n, atom.A) {
			r.offer(t, &s, link)
		}
	}
	if len(s.authors) == 0 && t.signed && len(roots) > 0 {
		r.below(t, &s, roots[len(roots)-1])
	}
	r.telling, r.story = t, s
	a.Blocks, a.Body = s.blocks, s.text()
	if s.boldLead {
		a.Lead = Text(s.lead)
		r.note("lead", s.lead, "first bold paragraph", .8)
	}
	a.Tags = s.tags
	if len(s.authors) > 0 {
		a.Authors = s.authors
		r.note("authors", strings.Join(s.authors, "; "), "end of the body", .8)
	}
	if s.source != "" {
		a.Source = Text(s.source)
		r.note("source", s.source, "end of the body", .8)
	}
	if a.Body != "" {
		r.note("body", fmt.Sprintf("%d blocks, %d characters", len(a.Blocks), utf8.RuneCountInString(a.Body)), signal, 1)
	}
}

// untold reports what a rule for the title or the lead matches besides what was
// taken: a heading between paragraphs, the second paragraph of a lead.
func (r *ruled) untold(field string, n *html.Node) bool {
	switch field {
	case "title":
		return n != r.titleNode && !sameText(r.value(n, ""), r.article.Title)
	case "lead":
		return n != r.leadNode && !sameText(r.value(n, ""), string(r.article.Lead))
	}
	return false
}

// above returns the links between the lead, or the title, and the text: what
// many sites offer there belongs to the article.
func (r *ruled) above(root *html.Node) (links []*html.Node) {
	start := r.leadNode
	if start == nil {
		start = r.titleNode
	}
	if start == nil {
		return nil
	}
	const far = 400 // nodes; a text further away does not belong to the title
	n := after(start)
	for range far {
		if n == nil {
			return nil
		}
		if n == root {
			return links
		}
		switch {
		case n.Type == html.ElementNode && (boilerplate(n) && !offers(n) || dom.Invisible(n)):
			n = after(n)
			continue
		case n.DataAtom == atom.A:
			links = append(links, n)
		}
		if n.FirstChild != nil {
			n = n.FirstChild
		} else {
			n = after(n)
		}
	}
	return nil
}

// below reads a byline that stands in an element of its own under the text.
func (r *ruled) below(t telling, s *story, root *html.Node) {
	for n, looked := after(root), 0; n != nil && looked < 3; n = after(n) {
		if n.Type != html.ElementNode || dom.Invisible(n) {
			continue
		}
		pieces := dom.Render([]*html.Node{n}, boilerplate)
		if len(pieces) == 0 {
			continue
		}
		looked++
		for _, p := range pieces {
			apart := p.Align == "right" || p.Bold || p.Italic || authorClass.MatchString(p.Class)
			c, ok := tailCredit(p.Text, apart)
			if !ok || p.Kind != "paragraph" || p.Linked > 0 || utf8.RuneCountInString(p.Text) > 60 {
				return
			}
			t.credit(s, c)
		}
	}
}

// after returns the node that follows a node and all that is in it.
func after(n *html.Node) *html.Node {
	for ; n != nil; n = n.Parent {
		if n.NextSibling != nil {
			return n.NextSibling
		}
	}
	return nil
}

// offer notes a link to another article of the site.
func (r *ruled) offer(t telling, s *story, link *html.Node) {
	const headline = 15 // characters; shorter ones are buttons
	title := dom.Text(link)
	if utf8.RuneCountInString(title) < headline {
		return
	}
	if href := dom.Attr(link, "href"); r.toArticle(href) {
		t.relate(s, href, title)
	}
}

// isThumbnail reports whether a picture with this link shows another article,
// of this site or of another.
func (r *ruled) isThumbnail(href string) bool {
	if r.toArticle(href) {
		return true
	}
	u, err := r.base.Parse(dom.Href(href))
	return err == nil && looksLikeArticle(u, r.url) && !isPicture(u.Path) && r.sites.Canonical(u.String()) != r.article.CanonicalURL
}

func isPicture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".svg", ".bmp":
		return true
	}
	return false
}

// toArticle reports whether a link leads to another article of the site.
func (r *ruled) toArticle(href string) bool {
	if r.page.URL == "" && r.base.Host == "" { // nothing to resolve it by: the path must do
		u, err := url.Parse(dom.Href(href))
		return err == nil && looksLikeArticle(u, r.url)
	}
	u := r.target(href)
	return u != nil && r.isArticleLink(u) && r.sites.Canonical(u.String()) != r.article.CanonicalURL
}

// vietnamese reports letters that only Vietnamese has.
func vietnamese(r rune) bool {
	return r >= 0x1ea0 && r <= 0x1ef9 || strings.ContainsRune("ơưƠƯ", r)
}

// outermost leaves out nodes that stand in another one of the selection.
func outermost(nodes []*html.Node) []*html.Node {
	var out []*html.Node
	for _, n := range nodes {
		inside := false
		for p := n.Parent; p != nil && !inside; p = p.Parent {
			inside = slices.Contains(out, p)
		}
		if !inside {
			out = append(out, n)
		}
	}
	return out
}

// mayNameSource reports whether anything from the headline to a little behind
// the text looks as if it named a source. To ask that first spares most pages
// the walk of the generic reader.
func (r *ruled) mayNameSource() bool {
	n := r.titleNode
	if n == nil || len(r.roots) == 0 {
		n = r.root
	}
	var last *html.Node // behind the text
	if len(r.roots) > 0 {
		last = r.roots[len(r.roots)-1]
		for last != nil && last.NextSibling == nil {
			last = last.Parent
		}
		if last != nil {
			last = last.NextSibling
		}
	}
	behind := -1
	for ; n != nil && behind < 100; n = next(n, r.root) {
		if n == last || behind >= 0 && n.Type == html.ElementNode {
			behind++
		}
		if generic.MayNameSource(n) {
			return true
		}
	}
	return false
}

// rest reads the small fields, which may also stand outside the body.
func (r *ruled) rest() {
	a := r.article
	if values, nodes, signal := r.all("section"); len(values) > 0 {
		values = row(values, nodes)
		a.Section = Text(strings.TrimRight(strings.Join(values, " > "), " :"))
		r.note("section", string(a.Section), signal, 1)
	} else {
		section := r.kicker(true)
		if section != "" {
			r.note("section", section, "the kicker above the headline", .9)
		} else {
			section, _ = r.fill("section", r.generic().Section())
		}
		if section == "" {
			if section = r.kicker(false); section != "" {
				r.note("section", section, "the line above the headline", .6)
			}
		}
		a.Section = Text(section)
	}
	if values, _, signal := r.all("authors"); len(values) > 0 {
		var c credit
		for _, v := range values {
			one := parseCredit(v)
			c.authors = append(c.authors, one.authors...)
			if c.source == "" {
				c.source = one.source
			}
		}
		if len(c.authors) > 0 {
			a.Authors = unique(c.authors)
			r.note("authors", strings.Join(a.Authors, "; "), signal, 1)
		}
		if c.source != "" {
			a.Source = Text(c.source)
			r.note("source", c.source, signal, 1)
		}
	} else if len(a.Authors) == 0 || r.layout.Name == "" {
		// Without a layout a last line that looks like a name is the weaker sign.
		if names := r.fillAuthors(r.sure("authors", r.generic().Authors())); len(names) > 0 {
			a.Authors = names
		}
	}
	r.variants()
	if v, _, signal := r.first("source"); v != "" {
		if src := parseSource(v); src != "" && !r.ownName(src) {
			a.Source = Text(src)
			r.note("source", src, signal, 1)
		}
	} else if a.Source == "" && (r.unruled != nil || r.mayNameSource()) {
		source, _ := r.fill("source", r.generic().Source())
		a.Source = Text(source)
	}
	if r.ownName(string(a.Source)) {
		a.Source = "" // what a site says of itself is no source
		delete(a.Provenance, "source")
	}
	if values, _, signal := r.all("tags"); len(values) > 0 {
		for i := range values {
			values[i] = strings.TrimLeft(values[i], "# ")
		}
		a.Tags = unique(values)
		r.note("tags", strings.Join(a.Tags, "; "), signal, 1)
	} else if len(a.Tags) == 0 && r.layout.Name == "" {
		a.Tags = r.generic().Tags()
	}
	for _, alt := range r.layout.fields["images"] {
		for _, n := range r.match(alt) {
			if f := closest(n, atom.Figure); f != nil {
				n = f // with its caption
			}
			for _, p := range dom.Render([]*html.Node{n}, nil) {
				if p.Kind == "image" {
					r.telling.image(&r.story, p.Figure)
				}
			}
		}
	}
	for _, alt := range r.layout.fields["attachments"] {
		for _, n := range r.match(alt) {
			for _, link := range elements(n, atom.A) {
				if u := r.telling.resolve(dom.Attr(link, "href")); u != "" {
					r.story.attach(Attachment{URL: u, Name: dom.Text(link), Type: attachmentType(u)})
				}
			}
		}
	}
	for _, alt := range r.layout.fields["related"] {
		for _, n := range r.match(alt) {
			for _, link := range elements(n, atom.A) {
				r.telling.relate(&r.story, dom.Attr(link, "href"), dom.Text(link))
			}
		}
	}
	a.Images, a.Attachments, a.Related = r.story.images, r.story.attachments, r.story.related
}

// kicker returns a short line right above the headline, which names what the
// article is about: a rubric, the step of a breadcrumb that comes last. With
// called it must call itself a kicker.
func (r *ruled) kicker(called bool) string {
	n := r.titleNode
	for up := 0; n != nil && up < 3; up++ {
		for p := n.PrevSibling; p != nil; p = p.PrevSibling {
			if p.Type != html.ElementNode || dom.Invisible(p) || boilerplate(p) && p.DataAtom != atom.Nav && !trail.MatchString(dom.Attr(p, "class")) {
				continue
			}
			text := dom.Text(p)
			if text == "" {
				continue
			}
			class := strings.ToLower(dom.Attr(p, "class"))
			links := elements(p, atom.A)
			_, dated := dates.Parse(text, r.dateOptions())
			switch {
			case dated && len(links) != 1:
				continue
			case len(links) == 1:
				text = dom.Text(links[0])
			case len(links) > 1 && (trail.MatchString(class) || strings.ContainsAny(text, "/›»>")):
				text = dom.Text(links[len(links)-1])
			case len(links) > 1:
				return "" // a menu
			}
			if i := strings.LastIndexAny(text, "/›»>|"); i >= 0 {
				_, size := utf8.DecodeRuneInString(text[i:])
				text = text[i+size:] // the last step of a breadcrumb
			}
			text = strings.Trim(text, " :")
			if isKicker(text) && !r.ownName(text) && (!called || strings.Contains(class, "kicker")) {
				return text
			}
			return ""
		}
		if n = n.Parent; n == nil || n.DataAtom == atom.Body {
			break
		}
	}
	return ""
}

// trail is how the steps from the front page to an article are called.
var trail = regexp.MustCompile(`(?i)bread|crumb|path|\bcate|chuyen-?muc|duong-?dan|section`)

func isKicker(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return utf8.RuneCountInString(s) >= 3 && utf8.RuneCountInString(s) <= 40 && len(strings.Fields(s)) <= 7 &&
		unicode.IsUpper(first) && !strings.ContainsAny(s, "0123456789@©|?!") && !slices.Contains([]string{"trang chủ", "home", "chia sẻ", "share", "in trang", "liên hệ"}, strings.ToLower(s))
}

// variants reads the page's links to itself in other languages (HTML living
// standard, rel=alternate with hreflang).
func (r *ruled) variants() {
	own := strings.ToLower(string(r.article.Language))
	for _, n := range r.links {
		if !strings.EqualFold(dom.Attr(n, "rel"), "alternate") {
			continue
		}
		language := strings.ToLower(dom.Attr(n, "hreflang"))
		u, err := r.base.Parse(dom.Href(dom.Attr(n, "href")))
		if err != nil || u.Host == "" || language == "" || language == "x-default" || language == own {
			continue
		}
		v := Variant{Language: dom.Attr(n, "hreflang"), URL: u.String()}
		if r.sites.Canonical(v.URL) != r.article.CanonicalURL && !slices.Contains(r.article.Variants, v) {
			r.article.Variants = append(r.article.Variants, v)
		}
	}
}

// row leaves the values that stand in one row with the first, as the steps of
// a breadcrumb do; the same class in a box elsewhere is about something else.
func row(values []string, nodes []*html.Node) (out []string) {
	up := func(n *html.Node, levels int) *html.Node {
		for ; n != nil && levels > 0; levels-- {
			n = n.Parent
		}
		return n
	}
	for i, n := range nodes {
		if up(n, 1) == up(nodes[0], 1) || up(n, 2) == up(nodes[0], 2) && n.Parent.DataAtom == atom.Li {
			out = append(out, values[i])
		}
	}
	return out
}

// ownName reports whether a name is that of the site itself: as its definition
// gives it, as the page does, or its host with or without the top-level domain.
func (r *ruled) ownName(name string) bool {
	name = squeeze(unaccented(name))
	if name == "" {
		return false
	}
	own := []string{}
	if r.site != nil {
		own = append(own, r.site.Title, r.site.Name)
	}
	if r.document.siteName != "" {
		own = append(own, r.document.siteName)
	} else if c, ok := generic.Best(r.generic().SiteName()); ok {
		own = append(own, c.Value)
	}
	for _, raw := range []string{r.page.URL, r.article.CanonicalURL} {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
			label, _, _ := strings.Cut(host, ".")
			own = append(own, host, label)
		}
	}
	return slices.ContainsFunc(own, func(o string) bool { return squeeze(unaccented(o)) == name })
}

// unaccented writes a name as hosts do: Dân Trí is dantri.
func unaccented(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'đ' || r == 'Đ':
			return 'd'
		case unicode.Is(unicode.Mn, r):
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// closest returns a node or the nearest one around it of a name.
func closest(n *html.Node, name atom.Atom) *html.Node {
	for ; n != nil && n.DataAtom != name; n = n.Parent {
	}
	return n
}

// elements returns a node, if it is one, and those below it of a name.
func elements(n *html.Node, name atom.Atom) (out []*html.Node) {
	if n.DataAtom == name {
		return []*html.Node{n}
	}
	for c := n.FirstChild; c != nil; c = next(c, n) {
		if c.DataAtom == name {
			out = append(out, c)
		}
	}
	return out
}

func unique(s []string) []string {
	var out []string
	for _, v := range s {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// boilerplate reports nodes inside a body that no site means as text: forms,
// share bars, players, advertisements, boxes of other articles.
func boilerplate(n *html.Node) bool { return calledSo(n) && !holdsText(n) }

// calledSo reports nodes that are called so, whatever stands in them.
func calledSo(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Dialog, atom.Form, atom.Nav, atom.Aside, atom.Footer:
		return n.DataAtom != atom.Form || dom.Attr(n, "id") != "aspnetForm"
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.P:
		return false // an id there is an anchor, a class a style
	}
	for i := range n.Attr {
		if k := n.Attr[i].Key; (k == "class" || k == "id") && furniture(n.Attr[i].Val) {
			return true
		}
	}
	return false
}

// holdsText reports two paragraphs of prose below a node: whatever it is
// called, a text stands in it. Comments are prose, but not the text's.
func holdsText(n *html.Node) bool {
	if strings.Contains(strings.ToLower(dom.Attr(n, "class")+dom.Attr(n, "id")), "comment") {
		return false
	}
	prose := 0
	for c := n.FirstChild; c != nil; c = next(c, n) {
		if c.DataAtom == atom.P && len(elements(c, atom.A)) == 0 && utf8.RuneCountInString(dom.Text(c)) >= 80 {
			if prose++; prose == 2 {
				return true
			}
		}
	}
	return false
}

// offers reports a box whose name says that it leads to other articles.
func offers(n *html.Node) bool {
	for i := range n.Attr {
		if k := n.Attr[i].Key; k == "class" || k == "id" {
			name := strings.ToLower(n.Attr[i].Val)
			if strings.Contains(name, "relat") || strings.Contains(name, "lienquan") || strings.Contains(name, "lien-quan") || strings.Contains(name, "lien_quan") {
				return true
			}
		}
	}
	return false
}

// furnishings are words of class names and ids that mark such nodes.
var furnishings = []string{
	"relatednews", "related-news", "relatedonenews", "relatedbox", "related-box", "box-related", "news-related", "article-related", "related-article", "related_news", "tin-lien-quan", "tinlienquan", "tin_lienquan", "bai-lien-quan", "box_related",
	"social", "sharebar", "share-bar", "share-button", "btn-share", "article-share", "share-box", "sharing", "addthis", "fb-like", "zalo-share",
	"banner", "adsbygoogle", "ads-", "adv-", "ad-slot", "ad-unit", "ad-box", "adslot", "div-gpt-ad", "quangcao", "quang-cao", "advertis", "sponsor",
	"comment-box", "comments", "box-comment", "box_comment", "fb-comments",
	"article-tags", "box-tag", "tag-list", "tags-box", "detail-tag", "news-tags",
	"audio-player", "speech", "tts", "listen", "newsletter", "subscribe", "breadcrumb", "pagination", "rating", "vote-box", "toolbar", "print-button",
}

func furniture(class string) bool {
	for token := range strings.FieldsSeq(class) {
		if hasUpper(token) {
			token = strings.ToLower(token)
		}
		if token == "ad" || token == "ads" {
			return true
		}
		for _, f := range furnishingsBy.first[token[0]] {
			if strings.HasPrefix(token, f) {
				return true
			}
		}
		for _, f := range furnishingsBy.last[token[len(token)-1]] {
			if rest, ok := strings.CutSuffix(token, f); ok && (rest == "" || !letter(rest[len(rest)-1])) {
				return true
			}
		}
	}
	return false
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' }

func hasUpper(s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

// furnishingsBy has the furnishings by their first byte, and those long enough
// to mean the same at the end of a word by their last.
var furnishingsBy = func() (by struct{ first, last [256][]string }) {
	for _, f := range furnishings {
		by.first[f[0]] = append(by.first[f[0]], f)
		if len(f) > 5 {
			by.last[f[len(f)-1]] = append(by.last[f[len(f)-1]], f)
		}
	}
	return by
}()
