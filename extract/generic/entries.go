package generic

import (
	"slices"
	"sort"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
)

// A listing is what a page offers of other pages, and what it says itself.
type listing struct {
	entries int   // other pages that a line or a heading of its own leads to
	told    int32 // prose in the entries
	own     int32 // prose outside of them
	longest int32 // the longest paragraph outside of them
	reach   map[*html.Node]bool
}

// listing counts the entries of the main part. An entry reaches as far around
// its link as there is no other, and no more than a teaser has to say.
func (r *Reading) listing() *listing {
	if r.memo.listing != nil {
		return r.memo.listing
	}
	t := r.tree
	e := t.e
	l := &listing{reach: map[*html.Node]bool{}}
	r.memo.listing = l
	if t.body < 0 {
		return l
	}
	l.own = int32(len(r.Body().Text)) // the body tells prose from what stands beside it, too
	var leads []int32
	seen := map[string]bool{}
	for i := t.body; i < int32(len(e)); {
		x := &e[i]
		if x.links == 0 || x.flags&fHidden != 0 {
			i = x.end
			continue
		}
		lead := false
		switch {
		case isHeading(x.atom):
			lead = x.chars > 12 && x.link*5 >= x.chars*4
		case x.atom == atom.A:
			lead = x.headings > 0 && x.chars > 12
		case x.flags&fBlock != 0:
			lead = x.own >= 20 && x.ownLink*10 >= x.own*7 // the rest is a date
		}
		if !lead {
			i++
			continue
		}
		if href := t.hrefOf(i); r.elsewhere(href) && !t.beside(i) && len(leads) < maxEntries {
			leads = append(leads, i)
			if !seen[href] {
				seen[href] = true
				l.entries++
			}
		}
		i = x.end
	}
	at := func(i int32) int { return sort.Search(len(leads), func(k int) bool { return leads[k] >= i }) }
	spans := make([]int32, len(leads))
	for k, i := range leads {
		c := i
		for p := e[c].parent; p > t.body && e[p].chars < 900 && e[p].paras <= 3 && !t.in(t.head, p) && at(e[p].end)-at(p) == 1; p = e[p].parent {
			c = p
		}
		spans[k] = c
		l.reach[e[c].n] = true
	}
	k := 0
	for i := t.body; i < int32(len(e)); i++ {
		x := &e[i]
		if x.flags&(fProse|fInBad) != fProse {
			continue
		}
		for k < len(spans) && e[spans[k]].end <= i {
			k++
		}
		m := x.own - x.ownLink
		if k < len(spans) && spans[k] <= i {
			l.told += m
			continue
		}
		l.own += m
		l.longest = max(l.longest, m)
	}
	return l
}

const maxEntries = 500

// hrefOf is where the first link in an element leads to.
func (t *tree) hrefOf(i int32) string {
	for j := i; j < t.e[i].end; j++ {
		if t.e[j].atom == atom.A {
			return strings.TrimSpace(attr(t.e[j].n, "href"))
		}
	}
	return ""
}

func (r *Reading) elsewhere(href string) bool {
	if href == "" || href[0] == '#' || strings.HasPrefix(href, "javascript:") || strings.HasPrefix(href, "mailto:") {
		return false
	}
	p, ok := pathOf(href)
	return !ok || p == "" || !slices.Contains(r.pagePaths(), p)
}

// holds reports whether a node stands in an entry.
func (l *listing) holds(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if l.reach[n] {
			return true
		}
	}
	return false
}

// lists weighs what speaks for a list of articles against what speaks for one.
// From 4 on it is a list, at the address of a front page from 3; why names what
// counted.
func (r *Reading) lists() (points int, why []string) {
	t := r.tree
	l := r.listing()
	if l.entries < 4 {
		return 0, nil
	}
	add := func(n int, s string) {
		points += n
		why = append(why, s)
	}
	switch {
	case l.own > 1500:
		add(-3, "a long text")
	case l.own <= 80 || l.own*4 < l.told:
		add(3, "no prose but teasers")
	case l.own < 300:
		add(2, "hardly a sentence")
	case l.own < 800 && l.longest < 400 || l.own*2 < l.told:
		add(1, "little prose")
	default:
		add(-1, "a text")
	}
	if l.entries >= 8 {
		add(1, "entries")
	}
	if l.entries >= 20 {
		add(1, "many entries")
	}
	body := &t.e[t.body]
	if body.links > 25 && body.link*10 > body.chars*9 {
		add(2, "links")
	}
	switch h := r.memo.headline; {
	case h < 0 || l.holds(t.e[h].n):
		add(1, "no headline")
	case r.isSection(h):
		add(2, "headed by a section")
	case len(strings.Fields(t.text(h))) >= 5:
		if add(-1, "a headline"); r.inTitle(t.text(h)) {
			add(-1, "it is the title")
		}
	}
	if t.pages() {
		add(2, "paging")
	}
	linked := r.linked()
	for _, k := range linked.kinds {
		if k == "CollectionPage" || k == "ItemList" || k == "SearchResultsPage" {
			add(2, k)
			break
		}
	}
	switch og := strings.ToLower(r.meta("og:type")); {
	case og == "article":
		add(-1, "og:type article")
	case strings.HasPrefix(og, "video"):
		add(-4, "a video")
	case og == "website" || og == "object":
		add(1, "og:type "+og)
	}
	if m := linked.main; m != nil {
		switch head := squash(m.get("headline").text()); {
		case entityRank(entityType(m)) == 2:
			add(-4, "a video")
		case linked.articles < 3 && linked.sure, head != "" && (strings.Contains(squash(r.meta("og:title")), head) || t.title >= 0 && strings.Contains(squash(titleText(t.e[t.title].n)), head)):
			add(-10, "it describes itself as an article")
		case linked.articles == 1:
			add(-2, "it describes an article")
		}
	}
	if r.dated() {
		add(-3, "dated")
	}
	if s := r.shape(); s != 0 {
		add(s, "address")
	}
	return points, why
}

// shape says whether the address is that of a list (more than 0) or of an
// article: those are told by a number or by their headline.
func (r *Reading) shape() int {
	u := r.page.URL
	if u == nil || u.Host == "" {
		return 0
	}
	if r.frontAddress() {
		return 3
	}
	path := strings.Trim(u.Path, "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	digits, run := 0, 0
	for i := 0; i < len(last); i++ {
		if last[i] >= '0' && last[i] <= '9' {
			run++
			digits = max(digits, run)
		} else {
			run = 0
		}
	}
	hyphens := strings.Count(last, "-") + strings.Count(last, "_")
	switch {
	case digits >= 5 || hyphens >= 5:
		return -2
	case digits < 3 && hyphens < 3 && u.RawQuery == "":
		return 1
	}
	return 0
}

// frontAddress reports the address of a front page.
func (r *Reading) frontAddress() bool {
	u := r.page.URL
	if u == nil || u.Host == "" || u.RawQuery != "" {
		return false
	}
	path := strings.ToLower(strings.Trim(u.Path, "/"))
	switch path {
	case "", "home", "default.aspx", "trang-chu", "pages/default.aspx", "pages/trangchu.aspx":
		return true
	}
	return strings.HasPrefix(path, "index.") && !strings.Contains(path, "/")
}

// frontCanonical reports pages whose address is not known and that call
// themselves the front page.
func (r *Reading) frontCanonical() bool {
	c, ok := Best(r.Canonical())
	if !ok {
		return false
	}
	p, ok := pathOf(c.Value)
	return ok && p == ""
}

// isSection reports headings that name a part of the site: a link in its
// navigation is called the same.
func (r *Reading) isSection(h int32) bool {
	t := r.tree
	x := &t.e[h]
	if x.chars > 40 {
		return false
	}
	k := squash(t.text(h))
	for i := t.body; i < int32(len(t.e)); i++ {
		y := &t.e[i]
		if y.atom == atom.A && y.chars == x.chars && !t.in(i, h) && squash(t.text(i)) == k {
			return true
		}
	}
	return false
}

// inTitle reports whether the page is called so in its <title> too.
func (r *Reading) inTitle(s string) bool {
	k := squash(s)
	return k != "" && (r.tree.title >= 0 && strings.Contains(squash(titleText(r.tree.e[r.tree.title].n)), k) || strings.Contains(squash(r.meta("og:title")), k))
}

// pages reports links to the next page of a list: lines of links that are
// numbers.
func (t *tree) pages() bool {
	for i := t.body; i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if x.links < 2 || x.chars > 80 || x.flags&fBlock == 0 {
			continue
		}
		n := byte('1')
		for j := i + 1; j < x.end; j++ {
			y := &t.e[j]
			if y.chars != 1 || y.n.FirstChild == nil || y.n.FirstChild.Type != html.TextNode {
				continue
			}
			if s := strings.TrimSpace(y.n.FirstChild.Data); s == string(n) {
				n++
			}
		}
		if n >= '4' {
			return true
		}
		i = x.end - 1
	}
	return false
}

// timeline reports pages of notices one below the other, each under a line
// with its date.
func (t *tree) timeline() bool {
	days := map[string]bool{}
	for i := t.body; i < int32(len(t.e)) && len(days) < 5; i++ {
		if x := &t.e[i]; x.own >= 6 && x.own < 30 && x.ownLink == 0 {
			if d := dates.Find(t.ownText(i), dates.Options{}); len(d) == 1 {
				days[d[0].Time.Format("2006-01-02 15:04")] = true
			}
		}
	}
	return len(days) == 5
}
