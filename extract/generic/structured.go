package generic

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"luutin/extract/dom"
)

// metas gives the contents of the page's <meta> elements by name or property
// in lower case, in order.
func (r *Reading) metas() map[string][]string {
	if r.memo.metas == nil {
		m := make(map[string][]string, len(r.tree.meta))
		for _, n := range r.tree.meta {
			content := strings.TrimSpace(dom.Attr(n, "content"))
			if content == "" {
				continue
			}
			for i := range n.Attr {
				switch n.Attr[i].Key {
				case "name", "property", "itemprop", "http-equiv":
					k := strings.ToLower(strings.TrimSpace(n.Attr[i].Val))
					m[k] = append(m[k], content)
				}
			}
		}
		r.memo.metas = m
	}
	return r.memo.metas
}

// meta returns the first content of the first name that has one.
func (r *Reading) meta(names ...string) string {
	m := r.metas()
	for _, n := range names {
		if v := m[n]; len(v) > 0 {
			return dom.Clean(v[0])
		}
	}
	return ""
}

// A linked is the structured data of a page: what it says of its main entity,
// and of the site.
type linked struct {
	main      *value // the article; nil when none is described
	sure      bool   // its URL or its headline is that of the page
	page      *value // a WebPage
	publisher string
	articles  int // articles described in all
	ids       map[string]*value
	kinds     []string // types of the top entities
	events    []string // when the events on the page begin and end
}

func script(n *html.Node) string {
	if n.FirstChild == nil {
		return ""
	}
	return n.FirstChild.Data
}

// linked reads JSON-LD once and picks the main entity.
func (r *Reading) linked() *linked {
	if r.memo.linked != nil {
		return r.memo.linked
	}
	l := &linked{ids: map[string]*value{}}
	r.memo.linked = l
	var articles []*value
	var visit func(v *value, depth int)
	visit = func(v *value, depth int) {
		if depth > 8 {
			return
		}
		switch v.kind {
		case '[':
			for i := range v.vals {
				visit(&v.vals[i], depth+1)
			}
		case '{':
			typ := entityType(v)
			if id := v.get("@id"); id != nil && id.kind == '"' && len(v.keys) > 1 {
				if _, ok := l.ids[id.s]; !ok {
					l.ids[id.s] = v
				}
			}
			if typ != "" {
				l.kinds = append(l.kinds, typ)
			}
			if strings.HasSuffix(typ, "Event") && len(l.events) < 20 {
				l.events = append(l.events, v.get("startDate").text(), v.get("endDate").text())
			}
			switch rank := entityRank(typ); {
			case rank > 0:
				articles = append(articles, v)
			case typ == "WebPage" || typ == "ItemPage" || typ == "CollectionPage" || typ == "ProfilePage" || typ == "QAPage":
				if l.page == nil {
					l.page = v
				}
			}
			for _, k := range [...]string{"@graph", "mainEntity", "mainEntityOfPage", "author", "publisher", "creator", "liveBlogUpdate"} {
				if w := v.get(k); w != nil && (w.kind == '{' || w.kind == '[') {
					if k == "author" || k == "publisher" || k == "creator" || k == "liveBlogUpdate" {
						l.note(w)
						continue
					}
					visit(w, depth+1)
				}
			}
		}
	}
	for _, n := range r.tree.data {
		v := parseData(script(n))
		visit(&v, 0)
	}
	l.articles = len(articles)
	best := -1
	for _, a := range articles {
		score := entityRank(entityType(a))
		switch r.concerns(l, a) {
		case 1:
			score += 20
		case -1:
			score -= 20
		}
		if a.get("datePublished") != nil {
			score += 2
		}
		if a.get("author") != nil {
			score++
		}
		if a.get("headline") != nil {
			score++
		}
		if score > best {
			best, l.main = score, a
			l.sure = score >= 20
		}
	}
	if l.main != nil {
		l.publisher = l.name(l.main.get("publisher"))
	}
	return l
}

// note remembers the objects that others refer to.
func (l *linked) note(v *value) {
	switch v.kind {
	case '[':
		for i := range v.vals {
			l.note(&v.vals[i])
		}
	case '{':
		if id := v.get("@id"); id != nil && v.get("name") != nil {
			if _, ok := l.ids[id.s]; !ok {
				l.ids[id.s] = v
			}
		}
	}
}

// follow resolves a reference to another object of the page.
func (l *linked) follow(v *value) *value {
	if v != nil && v.kind == '{' && v.get("name") == nil {
		if id := v.get("@id"); id != nil {
			if w, ok := l.ids[id.s]; ok {
				return w
			}
		}
	}
	return v
}

func (l *linked) name(v *value) string {
	v = l.follow(v)
	if v == nil {
		return ""
	}
	if v.kind == '{' {
		return v.get("name").text()
	}
	return v.text()
}

func entityType(v *value) string {
	t := v.get("@type")
	if t == nil {
		return ""
	}
	if t.kind == '[' {
		best := ""
		for i := range t.vals {
			if s := t.vals[i].s; best == "" || entityRank(s) > entityRank(best) {
				best = s
			}
		}
		return bareType(best)
	}
	return bareType(t.s)
}

func bareType(s string) string {
	if i := strings.LastIndexAny(s, "/:"); i >= 0 {
		s = s[i+1:]
	}
	return s
}

// entityRank says how likely the main entity of a news page is of a type.
func entityRank(typ string) int {
	switch bareType(typ) {
	case "NewsArticle", "ReportageNewsArticle", "OpinionNewsArticle", "AnalysisNewsArticle", "BackgroundNewsArticle", "AskPublicNewsArticle", "ReviewNewsArticle", "Newsarticle":
		return 10
	case "Article", "BlogPosting", "Report", "TechArticle", "ScholarlyArticle", "LiveBlogPosting", "AdvertiserContentArticle", "SatiricalArticle", "Blogposting":
		return 9
	case "Recipe", "SocialMediaPosting", "DiscussionForumPosting", "MedicalWebPage", "Review", "CreativeWork", "PressRelease", "HowTo":
		return 6
	case "VideoObject", "AudioObject", "PodcastEpisode", "ImageGallery", "MediaObject":
		return 2
	}
	return 0
}

// concerns reports whether an entity is about this page (1), about another
// (-1), or does not say (0).
func (r *Reading) concerns(l *linked, v *value) int {
	head := squash(v.get("headline").text())
	if head == "" && entityRank(entityType(v)) == 6 { // recipes have names
		head = squash(v.get("name").text())
	}
	if head != "" {
		for _, t := range r.pageTitles() {
			if t == head || len(head) > 20 && (strings.HasPrefix(t, head) || strings.HasPrefix(head, t) && len(t) > 20) {
				return 1
			}
		}
	}
	own := r.pagePaths()
	if len(own) == 0 {
		return 0
	}
	said := false
	for _, k := range [...]string{"url", "mainEntityOfPage", "@id"} {
		w := v.get(k)
		if w == nil {
			continue
		}
		u := w.s
		if w.kind == '{' {
			u = w.get("@id").text()
			if u == "" {
				u = w.get("url").text()
			}
		}
		p, ok := pathOf(u)
		if !ok {
			continue
		}
		for _, o := range own {
			if o == p {
				return 1
			}
		}
		if p != "" && k != "@id" {
			said = true
		}
	}
	if said {
		return -1
	}
	return 0
}

// pathOf returns what tells one page of a host from another.
func pathOf(s string) (string, bool) {
	u, err := url.Parse(dom.Href(s))
	if err != nil || s == "" {
		return "", false
	}
	return strings.TrimSuffix(u.Path, "/"), true
}

// pagePaths are the paths by which the page knows itself.
func (r *Reading) pagePaths() []string {
	if r.memo.paths != nil {
		return r.memo.paths
	}
	paths := []string{}
	add := func(s string) {
		if p, ok := pathOf(s); ok && p != "" {
			paths = append(paths, p)
		}
	}
	for _, c := range r.Canonical() {
		add(c.Value)
	}
	if r.page.URL != nil {
		add(r.page.URL.String())
	}
	r.memo.paths = paths
	return paths
}

// pageTitles are the squashed texts of <title>, og:title and the headings.
func (r *Reading) pageTitles() []string {
	if r.memo.titles != nil {
		return r.memo.titles
	}
	out := []string{}
	add := func(s string) {
		if k := squash(s); k != "" {
			out = append(out, k)
		}
	}
	t := r.tree
	if t.title >= 0 {
		add(titleText(t.e[t.title].n))
	}
	add(r.meta("og:title"))
	for _, h := range t.h {
		if t.e[h].chars < 400 && len(out) < 12 {
			add(t.text(h))
		}
	}
	r.memo.titles = out
	return out
}

// titleText is the text of a <title>, which no reader sees on the page.
func titleText(n *html.Node) string {
	if n.FirstChild == nil {
		return ""
	}
	return dom.Clean(n.FirstChild.Data)
}
