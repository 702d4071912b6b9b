package generic

import (
	"strings"

	"luutin/extract/dom"
)

// memo is what was worked out already.
type memo struct {
	kind      Kind
	reason    string
	body      *Body
	container int32
	begin     int32 // where the text begins
	title     []Candidate
	headline  int32
	lead      *[]Candidate
	metas     map[string][]string
	linked    *linked
	told      *told
	listing   *listing
	paths     []string
	titles    []string
	sites     []string
	canonical *[]Candidate
	site      *[]Candidate
	language  *[]Candidate
	dates     *datesFound
	authors   *[]Candidate
}

// Canonical ranks the URLs that the page gives for itself.
func (r *Reading) Canonical() []Candidate {
	if r.memo.canonical == nil {
		var out []Candidate
		add := func(u, signal string, score float64) {
			u = strings.TrimSpace(u)
			if u == "" || strings.HasPrefix(u, "#") {
				return
			}
			if r.page.URL != nil {
				abs, err := r.page.URL.Parse(dom.Href(u))
				if err != nil {
					return
				}
				// A canonical link to the front page is a mistake of the template.
				if strings.Trim(abs.Path, "/") == "" && strings.Trim(r.page.URL.Path, "/") != "" && abs.RawQuery == "" {
					score = .2
				}
				u = abs.String()
			}
			if strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "https://") {
				out = append(out, Candidate{Value: u, Signal: signal, Score: score})
			}
		}
		for _, n := range r.tree.links {
			if strings.EqualFold(attr(n, "rel"), "canonical") {
				add(attr(n, "href"), "link canonical", .95)
			}
		}
		add(r.meta("og:url"), "og:url", .8)
		rank(out)
		r.memo.canonical = &out
	}
	return *r.memo.canonical
}

// SiteName ranks the name of the site.
func (r *Reading) SiteName() []Candidate {
	if r.memo.site == nil {
		var out []Candidate
		add := func(v, signal string, score float64) {
			if v = clean(v); v != "" && len(v) < 100 {
				out = append(out, Candidate{Value: v, Signal: signal, Score: score})
			}
		}
		add(r.meta("og:site_name"), "og:site_name", .95)
		add(r.linked().publisher, "json-ld publisher", .8)
		add(r.meta("application-name", "apple-mobile-web-app-title"), "application-name", .7)
		rank(out)
		r.memo.site = &out
	}
	return *r.memo.site
}

// Language ranks the language of the page, as BCP 47 tags.
func (r *Reading) Language() []Candidate {
	if r.memo.language == nil {
		var out []Candidate
		add := func(v, signal string, score float64) {
			v = strings.ReplaceAll(strings.TrimSpace(v), "_", "-")
			if i := strings.IndexAny(v, ",; "); i >= 0 {
				v = v[:i]
			}
			if len(v) >= 2 && len(v) <= 12 {
				out = append(out, Candidate{Value: v, Signal: signal, Score: score})
			}
		}
		add(r.page.Language, "given", 1)
		add(r.tree.lang, "html lang", .9)
		if l := r.linked(); l.main != nil {
			add(l.main.get("inLanguage").text(), "json-ld inLanguage", .85)
		}
		add(r.meta("content-language", "language", "dc.language"), "meta language", .8)
		add(r.meta("og:locale"), "og:locale", .7)
		rank(out)
		r.memo.language = &out
	}
	return *r.memo.language
}

// Section ranks the names of the section.
func (r *Reading) Section() []Candidate {
	var out []Candidate
	add := func(v, signal string, score float64) {
		if v = clean(v); v != "" && len(v) < 100 {
			out = append(out, Candidate{Value: v, Signal: signal, Score: score})
		}
	}
	add(r.meta("article:section", "og:article:section", "parsely-section", "cxenseparse:section"), "article:section", .9)
	if l := r.linked(); l.main != nil {
		add(l.main.get("articleSection").text(), "json-ld articleSection", .85)
	}
	t := r.tree
	for _, i := range t.prop {
		if x := &t.e[i]; (attr(x.n, "itemprop") == "genre" || attr(x.n, "itemprop") == "articleSection") && !t.beside(i) {
			v := attr(x.n, "content")
			if v == "" && x.chars < 100 {
				v = t.text(i)
			}
			add(v, "itemprop "+attr(x.n, "itemprop"), .8)
			break
		}
	}
	for i := range t.e {
		x := &t.e[i]
		if x.hint&hCrumb != 0 && x.chars > 0 && x.chars < 300 && x.links > 0 {
			last := ""
			for j := int32(i) + 1; j < x.end; j++ {
				if t.e[j].n.Data == "a" && t.e[j].chars > 1 && t.e[j].chars < 60 {
					s := t.text(j)
					if !r.isTitle(s) {
						last = s
					}
				}
			}
			add(last, "breadcrumb", .7)
			break
		}
	}
	rank(out)
	return out
}

// Tags returns the tags of the page.
func (r *Reading) Tags() []string {
	var out []string
	seen := map[string]bool{}
	add := func(s string) {
		for _, p := range strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ';' || c == '|' }) {
			if p = clean(p); p != "" && len(p) < 80 && !seen[strings.ToLower(p)] {
				seen[strings.ToLower(p)] = true
				out = append(out, p)
			}
		}
	}
	m := r.metas()
	for _, k := range [...]string{"article:tag", "og:article:tag", "parsely-tags"} {
		for _, v := range m[k] {
			add(v)
		}
		if len(out) > 0 {
			return out
		}
	}
	if l := r.linked(); l.main != nil {
		for _, k := range l.main.get("keywords").texts() {
			add(k)
		}
	}
	if len(out) == 0 {
		for _, k := range [...]string{"news_keywords", "keywords"} {
			for _, v := range m[k] {
				add(v)
			}
			if len(out) > 0 {
				break
			}
		}
	}
	return out
}

// Image ranks the URLs of the picture that stands for the article.
func (r *Reading) Image() []Candidate {
	var out []Candidate
	add := func(v, signal string, score float64) {
		v = strings.TrimSpace(v)
		if v == "" || strings.HasPrefix(v, "data:") {
			return
		}
		if r.page.URL != nil {
			if u, err := r.page.URL.Parse(dom.Href(v)); err == nil {
				v = u.String()
			}
		}
		out = append(out, Candidate{Value: v, Signal: signal, Score: score})
	}
	add(r.meta("og:image", "og:image:url", "og:image:secure_url"), "og:image", .9)
	if l := r.linked(); l.main != nil {
		if v := l.main.get("image"); v != nil {
			if v.kind == '[' && len(v.vals) > 0 {
				v = &v.vals[0]
			}
			if v.kind == '{' {
				v = l.follow(v).get("url")
			}
			add(v.text(), "json-ld image", .85)
		}
	}
	add(r.meta("twitter:image", "twitter:image:src"), "twitter:image", .8)
	rank(out)
	return out
}
