package generic

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
)

// The text is found in three passes over the flat tree: which blocks look
// like prose, which subtrees are no part of a text whatever stands in them,
// and where most of what is left has its lowest common container. Ads and
// boxes that split a text need no joining then: they are dropped inside it.

// weigh marks prose and bad subtrees and sums the mass of prose up.
func (t *tree) weigh(headline int32) {
	t.head = headline
	e := t.e
	for i := range e {
		x := &e[i]
		if x.flags&fBlock == 0 && x.own == 0 || x.own < 25 {
			continue
		}
		switch {
		case x.ownLink*2 > x.own:
		case isHeading(x.atom):
		case x.own >= 80 && x.punct > 0, x.own >= 30 && x.punct > 0 && x.ownLink*3 <= x.own, x.own >= 140:
			x.flags |= fProse
		}
	}
	t.sum(0)
	if t.body < 0 {
		return
	}
	total := e[t.body].mass
	t.core = t.densest()
	for i := int32(0); i < int32(len(e)); {
		x := &e[i]
		if i > t.body && t.isBad(i, total) {
			x.flags |= fBadSub
			for j := i; j < x.end; j++ {
				e[j].flags |= fInBad
			}
			i = x.end
			continue
		}
		i++
	}
	t.sum(fInBad)
	t.teasers()
}

// teasers marks prose that stands alone beside a link or a heading: what lists
// of articles show of each. It weighs a quarter.
func (t *tree) teasers() {
	e := t.e
	found, cards := []int32{}, []int32{}
	for i := t.body; i < int32(len(e)); i++ {
		x := &e[i]
		if x.flags&(fProse|fInBad) != fProse || x.parent < 0 || e[x.parent].hint&hBody != 0 || x.own >= 300 {
			continue
		}
		w, lone := x.parent, true
		for n := 0; n < 4 && w > t.body && e[w].paras == 1 && e[w].chars < 700; n++ {
			if e[w].link*8 > e[w].chars || e[w].headings > 0 && e[w].links > 0 {
				lone = false
				break
			}
			w = e[w].parent
		}
		if !lone && !t.in(t.head, w) {
			found = append(found, i)
			if e[w].headings > 0 && e[w].links > 0 {
				cards = append(cards, w)
			}
		}
	}
	if len(found) < 2 { // lists of articles show more
		return
	}
	for _, i := range found {
		e[i].flags |= fTeaser
	}
	for _, w := range cards {
		e[w].flags |= fCard
	}
	t.sum(fInBad)
}

// densest returns the element with the most prose directly in it, which is
// rarely anything but the article, whatever the names around it. Comments,
// footers and notices do not count.
func (t *tree) densest() int32 {
	e := t.e
	total := e[t.body].mass
	direct := make(map[int32]int32)
	best, most := int32(-1), int32(0)
	for i := t.body + 1; i < int32(len(e)); {
		x := &e[i]
		if x.mass*10 < total*7 {
			switch x.atom {
			case atom.Footer, atom.Aside, atom.Nav, atom.Dialog, atom.Form:
				i = x.end
				continue
			}
			if x.hint&(hComment|hFooter|hConsent|hHidden) != 0 || x.flags&fHidden != 0 || int32(x.consent)*2 > int32(x.paras) && x.consent > 2 {
				i = x.end
				continue
			}
		}
		if x.flags&fProse != 0 && x.own >= 60 && x.consent == 0 {
			p := x.parent
			if direct[p] += x.own - x.ownLink; direct[p] > most {
				best, most = p, direct[p]
			}
		}
		i++
	}
	if best <= t.body {
		return -1
	}
	return best
}

func isHeading(a atom.Atom) bool {
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// sum adds the prose of each subtree up, but for elements with any of the flags.
func (t *tree) sum(without uint8) {
	e := t.e
	for i := range e {
		e[i].mass, e[i].paras = 0, 0
	}
	for i := len(e) - 1; i >= 0; i-- {
		x := &e[i]
		if x.flags&without != 0 {
			x.mass, x.paras = 0, 0
			continue
		}
		if x.flags&fProse != 0 {
			if x.flags&fTeaser != 0 {
				x.mass += (x.own - x.ownLink) / 4
			} else {
				x.mass += x.own - x.ownLink
			}
			x.paras = addCap(x.paras, 1)
		}
		if x.parent >= 0 {
			p := &e[x.parent]
			p.mass += x.mass
			p.paras = addCap(p.paras, x.paras)
		}
	}
}

// isBad reports subtrees that are no part of a text.
func (t *tree) isBad(i, total int32) bool {
	x := &t.e[i]
	if x.flags&fHidden != 0 {
		return true
	}
	if x.mass*10 > total*7 || t.in(t.head, i) && x.atom != atom.Aside && x.atom != atom.Nav { // names lie more often than masses
		return false
	}
	h := x.hint
	if h&hBody != 0 {
		h &^= hBad
	}
	if x.consent > 2 && int32(x.consent)*2 > int32(x.paras) && x.chars > 0 {
		return true
	}
	if t.in(t.core, i) && h&(hComment|hFooter|hConsent) == 0 && x.atom != atom.Aside && x.atom != atom.Nav && x.atom != atom.Footer {
		return false
	}
	if x.mass*5 > total*2 && h&(hNav|hRelated|hComment|hFooter) == 0 && x.atom != atom.Aside && x.atom != atom.Footer {
		return false
	}
	switch x.atom {
	case atom.Nav, atom.Footer, atom.Aside, atom.Dialog, atom.Menu:
		return true
	case atom.Form, atom.Fieldset:
		return x.mass*10 < total || x.hint&hForm != 0
	case atom.Html, atom.Body, atom.Main, atom.Article, atom.H1, atom.H2, atom.Em, atom.Strong, atom.B, atom.I, atom.Span, atom.A, atom.Time, atom.Meta, atom.Img:
		return false
	}
	if x.atom == atom.Blockquote { // what somebody posted elsewhere is quoted
		h &^= hSocial
	}
	if h&hHidden != 0 && x.atom != atom.P {
		return true
	}
	if h&hPaywall != 0 && (x.atom == atom.P || x.chars > 500 || x.links == 0) {
		h &^= hPaywall
	}
	if x.links == 0 {
		h &^= hRelated // what is related is linked
		if x.paras > 1 || x.mass > 300 {
			h &^= hAd | hSocial | hNav | hTags | hCrumb
		}
	}
	if h&hNav != 0 && t.main > 0 && t.in(t.main, i) {
		h &^= hNav
	}
	if h&hCaption != 0 && x.chars < 700 || x.atom == atom.Figcaption {
		return true
	}
	if h&hBad != 0 {
		return true
	}
	return t.isCards(i)
}

// isCards reports lists of things that lead elsewhere: three or more siblings
// of one kind that each hold little text and a link for a fair part of it.
func (t *tree) isCards(i int32) bool {
	x := &t.e[i]
	if x.links < 3 || x.chars < 60 || x.link*5 < x.chars {
		return false
	}
	n, other := 0, int32(0)
	var kind atom.Atom
	for c := i + 1; c < x.end; c = t.e[c].end {
		y := &t.e[c]
		if y.links == 0 || y.chars > 600 || y.atom == atom.P || y.atom == atom.A && x.own > 0 {
			other += y.chars
			continue
		}
		if kind == 0 {
			kind = y.atom
		}
		if y.atom != kind || y.link*5 < y.chars {
			other += y.chars
			continue
		}
		if y.atom == atom.Li && y.headings == 0 && y.images == 0 && y.link*10 < y.chars*8 { // a list in a text
			other += y.chars
			continue
		}
		n++
	}
	return n >= 3 && other*4 < x.chars
}

// Body finds the text of the page. The zero Body means that there is none.
func (r *Reading) Body() Body {
	if r.memo.body == nil {
		b := r.findBody()
		r.memo.body = &b
	}
	return *r.memo.body
}

func (r *Reading) findBody() Body {
	t := r.tree
	if t.body < 0 {
		return Body{}
	}
	t.weigh(r.headline())
	c := t.container()
	if c < 0 {
		b, _ := r.dataText(-1)
		return b
	}
	r.memo.container = c
	if text, ok := r.dataText(c); ok {
		return text
	}
	b := Body{Roots: []*html.Node{t.e[c].n}, Drop: map[*html.Node]string{}, Signal: "text", Score: .8}
	t.prune(c, &b)
	r.check(c, &b)
	return b
}

// dataText reads the text from the data of a page whose tree holds little or
// none of it: JSON-LD, or the state that a script would show.
func (r *Reading) dataText(c int32) (Body, bool) {
	t := r.tree
	shown := int32(0)
	if c >= 0 {
		shown = t.e[c].mass
	}
	least := int32(600) // less may be a summary
	if t.e[t.body].chars < 50 {
		least = 200
	}
	if body := r.articleBody(); int32(len(body)) > least && int32(len(body))*2 > shown*5 {
		return Body{Text: body, Signal: "json-ld articleBody", Score: .75}, true
	}
	for _, n := range t.template {
		if body := paragraphs(html.UnescapeString(stripTags(strings.Join(strings.Fields(script(n)), " ")))); int32(len(body)) > 600 && int32(len(body)) > shown*2 {
			return Body{Text: body, Signal: "template of the text", Score: .7}, true
		}
	}
	if shown < 1500 && len(t.state) > 0 {
		if body := r.stateText(t.openings(c)); int32(len(body)) > 800 && int32(len(body)) > shown*2 {
			return Body{Text: body, Signal: "state of the page", Score: .7}, true
		}
	}
	return Body{}, false
}

// openings are the squashed beginnings of the prose in a container.
func (t *tree) openings(c int32) []string {
	var out []string
	if c < 0 {
		return nil
	}
	for i := c; i < t.e[c].end && len(out) < 12; i++ {
		if t.e[i].flags&(fProse|fInBad) == fProse {
			if k := squash(t.ownText(i)); len(k) > 30 {
				out = append(out, k[:30])
			}
		}
	}
	return out
}

// articleBody is the text in JSON-LD, without markup.
func (r *Reading) articleBody() string {
	l := r.linked()
	if l.main == nil || !l.sure && l.articles > 1 {
		return ""
	}
	v := l.main.get("articleBody")
	if v == nil || v.kind != '"' {
		return ""
	}
	s := v.s
	if strings.Contains(s, "&lt;") || strings.Contains(s, "&#") || strings.Contains(s, "&quot;") || strings.Contains(s, "&nbsp;") {
		s = html.UnescapeString(s)
	}
	return paragraphs(stripTags(s))
}

// maxCopy bounds what is compared with a text, block by block.
const maxCopy = 200_000

// check compares the text with its second copy in JSON-LD. Where the copy is
// complete, paragraphs that it does not have are not text.
func (r *Reading) check(c int32, b *Body) {
	t := r.tree
	copied := squash(r.articleBody())
	if len(copied) < 300 || len(copied) > maxCopy {
		return
	}
	var unknown []int32
	found, other, compared := 0, 0, 0
	for i := c; i < t.e[c].end; i++ {
		x := &t.e[i]
		if b.Dropped(x.n) {
			i = x.end - 1
			continue
		}
		if x.own < 20 || x.flags&fBlock == 0 {
			continue
		}
		if compared++; compared > 4000 {
			return
		}
		k := squash(t.ownText(i))
		if len(k) > 60 {
			// Links and notes at the end may differ: the beginning decides.
			k = k[:60]
			for len(k) > 0 && k[len(k)-1]&0xC0 == 0x80 {
				k = k[:len(k)-1]
			}
			if len(k) > 0 && k[len(k)-1] >= 0xC0 {
				k = k[:len(k)-1]
			}
		}
		if strings.Contains(copied, k) {
			found += int(x.own)
		} else {
			other += int(x.own)
			unknown = append(unknown, i)
		}
	}
	if found*10 < len(copied)*8 || found < other*2 {
		return
	}
	b.Score = .95
	for _, i := range unknown {
		x := &t.e[i]
		if isHeading(x.atom) || x.atom == atom.Li || x.atom == atom.Td || x.atom == atom.Th || x.atom == atom.Blockquote || t.quoted(i, c) {
			continue
		}
		if x.own == x.chars {
			b.Drop[x.n] = "not in the copy"
		}
	}
}

// quoted reports elements in a quote, a list or a table of the text.
func (t *tree) quoted(i, c int32) bool {
	for j := t.e[i].parent; j > c; j = t.e[j].parent {
		switch t.e[j].atom {
		case atom.Blockquote, atom.Li, atom.Td:
			return true
		}
	}
	return false
}

// container returns the lowest element that holds most of the prose.
func (t *tree) container() int32 {
	e := t.e
	cur := t.body
	if e[cur].mass == 0 {
		return -1
	}
	// A part that is called the body of the article, and may be: the first
	// behind the headline when several are.
	best := int32(-1)
	for i := cur; i < int32(len(e)); i++ {
		x := &e[i]
		if x.flags&fInBad != 0 || x.hint&hBody == 0 || x.atom == atom.Body || x.atom == atom.Html || isParagraph(x.atom) || x.mass*10 < e[t.body].mass || best < 0 && x.mass*4 < e[t.body].mass {
			continue
		}
		switch {
		case best < 0:
			best = i
		case t.in(i, best):
			if x.mass*20 >= e[best].mass*19 {
				best = i
			}
		case t.oneStory(best, i) >= 0:
			best = t.oneStory(best, i)
		case t.head >= 0 && t.head < best && !t.in(t.head, i) && e[best].mass*3 > x.mass:
			// the first stays
		case x.mass > e[best].mass:
			best = i
		}
	}
	if best >= 0 && e[best].mass*2 < e[t.body].mass && t.head < 0 {
		best = -1
	}
	if best >= 0 {
		cur = best
	}
	for {
		next, most := int32(-1), int32(0)
		for c := cur + 1; c < e[cur].end; c = e[c].end {
			if e[c].mass > most {
				next, most = c, e[c].mass
			}
		}
		if next < 0 {
			return cur
		}
		// One of several articles below each other: the one of the headline.
		if one := t.oneOfMany(cur); one >= 0 {
			cur = one
			continue
		}
		if e[next].flags&fBlock == 0 || isParagraph(e[next].atom) {
			return cur
		}
		if best < 0 {
			if named := t.named(cur); named >= 0 {
				cur = named
				continue
			}
		}
		if most*20 < e[cur].mass*17 || best >= 0 && most*20 < e[cur].mass*19 {
			return cur
		}
		cur = next
	}
}

// oneStory returns what holds two parts of one text: their common part, when
// it holds no more than one article and one headline; -1 when it does.
func (t *tree) oneStory(a, b int32) int32 {
	c := t.e[a].parent
	for c >= 0 && !t.in(b, c) {
		c = t.e[c].parent
	}
	if c <= t.body {
		return -1
	}
	n := 0
	for _, i := range t.articles {
		if t.in(i, c) && i != c && t.e[i].mass*10 > t.e[c].mass {
			n++
		}
	}
	for _, i := range t.h {
		if t.e[i].atom == atom.H1 && t.in(i, c) {
			n++
		}
	}
	if n > 1 {
		return -1
	}
	return c
}

// named returns the first part inside that says that it is the article and
// holds more than half of the prose, -1 when there is none.
func (t *tree) named(i int32) int32 {
	e := t.e
	for c := i + 1; c < e[i].end; {
		x := &e[c]
		if x.mass*2 <= e[i].mass {
			c = x.end
			continue
		}
		if (x.atom == atom.Article || x.atom == atom.Main || x.hint&hBody != 0) && !isParagraph(x.atom) {
			return c
		}
		c++
	}
	return -1
}

// oneOfMany returns, of several articles that stand below each other, the one
// with the headline; the first when none has it; -1 when there are not several.
func (t *tree) oneOfMany(i int32) int32 {
	e := t.e
	n, chosen := 0, int32(-1)
	for c := i + 1; c < e[i].end; c = e[c].end {
		if e[c].mass == 0 || e[c].atom != atom.Article && !t.holdsArticle(c) || isHeading(e[c].atom) {
			continue
		}
		if e[c].mass*10 < e[i].mass {
			continue
		}
		n++
		if chosen < 0 || t.in(t.head, c) {
			chosen = c
		}
	}
	if n < 2 || !t.in(t.head, chosen) && e[chosen].mass*10 < e[i].mass*3 { // the sections of one story
		return -1
	}
	return chosen
}

// holdsArticle reports subtrees with an <article> or an <h1> of their own.
func (t *tree) holdsArticle(i int32) bool {
	for _, h := range t.h {
		if t.in(h, i) && t.e[h].atom == atom.H1 {
			return true
		}
	}
	for _, a := range t.articles {
		if t.in(a, i) && t.e[a].mass*2 > t.e[i].mass {
			return true
		}
	}
	return false
}

func isParagraph(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Blockquote, atom.Ul, atom.Ol, atom.Table, atom.Tbody, atom.Li, atom.Pre:
		return true
	}
	return isHeading(a)
}

// prune notes what to drop inside the container.
func (t *tree) prune(c int32, b *Body) {
	e := t.e
	drop := func(i int32, why string) { b.Drop[e[i].n] = why }
	first, last := int32(-1), c // the first and the last prose
	total := int32(0)
	for i := c; i < e[c].end; i++ {
		if e[i].flags&(fProse|fInBad|fTeaser) == fProse {
			if first < 0 {
				first = i
			}
			last = i
			total += e[i].own
		}
	}
	t.pruneLines(c, drop)
	seen := int32(0)
	for i := c + 1; i < e[c].end; {
		x := &e[i]
		why := ""
		switch {
		case x.flags&fBadSub != 0:
			why = t.badName(i)
		case x.flags&fCard != 0 && x.chars < 700 && x.mass*4 < total:
			why = "related"
		case x.chars == 0 && x.images == 0:
			i = x.end
			continue
		case x.atom == atom.H1 && (seen == 0 || x.end <= first):
			why = "title"
		case t.in(t.head, i) && i != t.head && x.mass > 0:
		case i == t.head && x.mass*4 < total:
			why = "title"
		default:
			why = t.noText(i, first, last)
		}
		if why == "" && x.own > 0 && x.own < 160 && x.flags&fBlock != 0 && !isHeading(x.atom) && (i <= first || seen*10 < total) && t.headLine(i) {
			why = "byline"
		}
		if why == "" && i > first && first >= 0 && x.own > 0 && x.own < 400 && x.flags&fBlock != 0 && seen*10 > total*7 && t.boilerplate(i) {
			why = "boilerplate"
		}
		if why == "" && x.own > 0 && x.own < 300 && x.flags&fBlock != 0 {
			why = t.marker(i)
			if why == "end" {
				if seen*10 > total*6 || i > last {
					// Nothing of the text comes behind it.
					for j := i; j < e[c].end; j = e[j].end {
						drop(j, "related")
					}
					t.dropFollowing(c, i, drop)
					return
				}
				why = "related"
				if n := t.next(i); n >= 0 && e[n].link*2 > e[n].chars && e[n].flags&fBadSub == 0 {
					drop(n, "related")
				}
			}
		}
		if why != "" {
			drop(i, why)
			i = x.end
			continue
		}
		if x.flags&(fProse|fInBad) == fProse {
			seen += x.own
		}
		i++
	}
}

// pruneLines drops a headline that is a line among the lines of the text, and
// the lines of its date and its author below it.
func (t *tree) pruneLines(c int32, drop func(int32, string)) {
	h := t.head
	if h <= c || h >= t.e[c].end || t.e[h].flags&fBlock != 0 {
		return
	}
	drop(h, "title")
	for i := h; i >= 0; {
		n := t.e[i].n.NextSibling
		for n != nil && n.Type != html.ElementNode && strings.TrimSpace(n.Data) == "" {
			n = n.NextSibling
		}
		i = t.next(i)
		if n == nil || i < 0 || t.e[i].n != n {
			return
		}
		switch x := &t.e[i]; {
		case x.atom == atom.Br:
		case x.chars < 80 && (x.hint&(hDate|hUpdated|hByline|hMeta) != 0 || t.headLine(i)):
			drop(i, "byline")
		default:
			return
		}
	}
}

// dropFollowing drops everything behind an element, up to the container.
func (t *tree) dropFollowing(c, i int32, drop func(int32, string)) {
	for j := i; j != c && j >= 0; j = t.e[j].parent {
		for n := t.next(j); n >= 0; n = t.next(n) {
			drop(n, "related")
		}
	}
}

// badName says what a bad subtree is.
func (t *tree) badName(i int32) string {
	x := &t.e[i]
	h := x.hint
	switch {
	case x.flags&fHidden != 0:
		return "hidden"
	case h&hCaption != 0 || x.atom == atom.Figcaption:
		return "caption"
	case x.atom == atom.Nav || h&(hNav|hCrumb) != 0:
		return "navigation"
	case h&hRelated != 0:
		return "related"
	case h&hSocial != 0:
		return "share"
	case h&hComment != 0:
		return "comments"
	case h&hAd != 0:
		return "advertisement"
	case h&hTags != 0:
		return "tags"
	case h&(hForm|hPaywall|hConsent) != 0 || x.atom == atom.Form:
		return "form"
	case h&hBio != 0:
		return "author"
	case x.atom == atom.Footer || h&hFooter != 0:
		return "footer"
	case x.atom == atom.Aside:
		return "aside"
	}
	return "related"
}

// noText says why a subtree inside the container is not text, "" when it is.
func (t *tree) noText(i, first, last int32) string {
	e := t.e
	x := &e[i]
	if x.flags&fBlock == 0 && x.atom != atom.Span && x.atom != atom.Time && x.atom != 0 {
		return ""
	}
	before := first >= 0 && x.end <= first
	switch {
	case x.mass == 0 && x.hint&(hByline|hDate|hMeta|hUpdated|hSection) != 0 && x.chars < 300 && (before || i > last || x.flags&fBlock != 0 && x.atom != atom.P):
		return "byline"
	case x.atom == atom.Time && (before || i > last):
		return "byline"
	case x.atom == atom.Header && x.mass == 0:
		return "header"
	case before && x.mass == 0 && isHeading(x.atom):
		return ""
	case x.mass == 0 && x.flags&fBlock != 0 && x.chars > 0 && x.link*2 > x.chars && x.atom != atom.P && x.atom != atom.Li && !isHeading(x.atom) && x.images == 0 && !((x.atom == atom.Ul || x.atom == atom.Ol) && x.link*10 < x.chars*8) && x.atom != atom.Td && x.atom != atom.Tr && x.atom != atom.Tbody:
		return "related"
	case x.atom == atom.P && x.chars > 15 && x.link*10 >= x.chars*9 && x.images == 0:
		return "related"
	}
	return ""
}

// ledBy are the signs that may stand before the first words of a line.
const ledBy = " \t\r\n\u00a0-–—*•>»▶►[(\u200b"

// firstWords returns the beginning of the text of an element, in lower case.
func (t *tree) firstWords(i int32) string {
	n := firstText(t.e[i].n, 0)
	if n == nil {
		return ""
	}
	s := strings.TrimLeft(n.Data, ledBy)
	if len(s) > 60 {
		s = s[:60]
	}
	return strings.ToLower(s)
}

func firstText(n *html.Node, depth int) *html.Node {
	if depth > 40 {
		return nil
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			if strings.TrimSpace(c.Data) != "" {
				return c
			}
		case html.ElementNode:
			if c.DataAtom == atom.Script || c.DataAtom == atom.Style || c.DataAtom == atom.Svg {
				continue
			}
			if f := firstText(c, depth+1); f != nil {
				return f
			}
		}
	}
	return nil
}

// headLine reports lines of the header: a date, a byline, the address of the page.
func (t *tree) headLine(i int32) bool {
	w := t.firstWords(i)
	if strings.HasPrefix(w, "http://") || strings.HasPrefix(w, "https://") {
		return t.e[i].own > 0 && !strings.Contains(strings.TrimSpace(t.ownText(i)), " ") || t.e[i].flags&fProse == 0
	}
	s := t.ownText(i)
	found := dates.Find(s, dates.Options{})
	if len(found) == 0 {
		return false
	}
	rest := len(strings.Fields(s[:found[0].Start])) + len(strings.Fields(s[found[len(found)-1].End:]))
	return rest <= 7 && t.e[i].own < 120
}

// tails begin lines that close a page, not a text.
var tails = []string{"copyright", "©", "(c) 20", "all rights reserved", "alle rechte vorbehalten", "tous droits réservés", "todos los derechos", "todos os direitos", "disclaimer", "this story was originally published", "this article was originally published", "sign up ", "subscribe", "follow us", "follow the ", "get the latest", "read more at", "click here to", "download the ", "to comment on this story", "this material may not be", "have a story", "got a tip", "do you have a", "want more", "like this story", "share it with", "support our", "if you enjoyed", "join our", "learn more about", "melden sie sich", "abonnieren", "folgen sie", "newsletter", "suscríbete", "síguenos", "siga ", "inscreva-se", "abonnez-vous", "inscrivez-vous", "theo dõi ", "mời độc giả", "bản quyền"}

// boilerplate reports lines at the end of a text that belong to the page.
func (t *tree) boilerplate(i int32) bool {
	w := t.firstWords(i)
	for _, p := range tails {
		if strings.HasPrefix(w, p) {
			return true
		}
	}
	return false
}

// pointers begin lines that point to another article.
var pointers = []string{"read more", "read also", "also read", "read:", "read |", "read next", "read the", "see also", "related", "more:", "more from", "watch:", "watch |", "don't miss", "don’t miss", "also on", "listen:", "recommended", "up next",
	"lesen sie", "lies auch", "lest auch", "mehr zum", "mehr dazu", "hier lesen", "schon gelesen", "entdecke weitere", "auch interessant", "siehe auch", "weiterlesen", "zum thema", "lesetipp", "mehr lesen", "passend dazu",
	"lire aussi", "à lire", "a lire", "voir aussi", "lisez aussi", ">> lire", "mire:", "mira:", "vea también", "vea:", "mira también", "lea también", "lea además", "lea tambien", "lee también", "le puede interesar", "te puede interesar", "puede leer", "ver también", "también lea", "más información", "leia também", "leia mais", "veja também", "saiba mais",
	"leggi anche", "guarda anche", "lees ook", "lees meer", "bekijk ook", "läs också", "läs även", "läs mer", "les også", "læs også", "se også", "lue myös", "czytaj też", "czytaj także", "zobacz też", "zobacz także", "przeczytaj", "čtěte také", "čtěte i", "přečtěte si", "čítajte",
	"читайте также", "читайте:", "читать также", "читайте по теме", "citește și", "olvasta már", "baca juga", "ilgili haber", "διαβάστε",
	"xem thêm", "đọc thêm", "mời xem", "tin liên quan", ">> xem", "mời quý", "bài liên quan", "関連記事", "延伸閱讀", "funda olunye"}

// ends are headings behind which nothing of the text comes.
var ends = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range []string{"related", "related articles", "related stories", "related news", "related posts", "related content", "related topics", "related links", "related reading", "more stories", "more news", "more from", "more on this", "more on this story", "read more", "read next", "you may also like", "you might also like", "you may like", "recommended", "recommended for you", "recommended stories", "recommended reading", "comments", "leave a comment", "leave a reply", "share this", "share", "share this article", "share this story", "most read", "most popular", "trending", "trending now", "latest news", "top stories", "popular posts", "tags", "about the author", "next article", "previous article", "more like this", "around the web", "from the web", "sponsored content", "join the conversation", "read these next", "what to read next", "keep reading", "up next", "don't miss", "next story", "post a comment", "recommended by our editors", "more to read", "editor’s picks", "editors’ picks", "we recommend", "editors' picks", "editor's picks",
		"mehr zum thema", "lesen sie auch", "das könnte sie auch interessieren", "das könnte dich auch interessieren", "auch interessant", "weitere artikel", "weitere themen", "weitere nachrichten", "ähnliche artikel", "ähnliche beiträge", "verwandte artikel", "kommentare", "kommentar schreiben", "schreibe einen kommentar", "diesen artikel teilen", "teilen", "artikel teilen", "mehr zu diesem thema", "mehr aus", "meistgelesen", "meist gelesen", "zum thema", "schon gelesen?", "verwandte themenbereiche", "zum weiterlesen", "mehr themen", "lesen sie auch die folgenden beiträge", "empfehlungen der redaktion", "empfohlene artikel", "schlagworte", "schlagwörter", "themen in diesem artikel", "über den autor", "über die autorin", "weitere beiträge", "beitrag teilen", "quellen", "mehr dazu",
		"à lire aussi", "lire aussi", "articles similaires", "sur le même sujet", "commentaires", "partager", "à découvrir", "voir aussi", "les plus lus",
		"noticias relacionadas", "te puede interesar", "le puede interesar", "artículos relacionados", "comentarios", "compartir", "más noticias", "lo más leído", "también te puede interesar", "te recomendamos", "etiquetas", "relacionados", "temas relacionados",
		"leia também", "veja também", "notícias relacionadas", "comentários", "compartilhe", "mais lidas", "leggi anche", "articoli correlati", "commenti", "condividi", "potrebbe interessarti", "lees ook", "reacties", "gerelateerde artikelen", "meer over",
		"läs också", "läs även", "relaterade artiklar", "les også", "læs også", "relaterte artikler", "lue myös", "czytaj też", "czytaj także", "zobacz także", "komentarze", "powiązane artykuły", "podobne artykuły", "související články", "mohlo by vás zajímat", "komentáře", "diskuse", "читайте также", "комментарии", "похожие материалы", "по теме", "ilgili haberler", "yorumlar", "etiketler", "kapcsolódó cikkek", "citește și",
		"tin liên quan", "bài liên quan", "bài viết liên quan", "tin cùng chuyên mục", "tin khác", "các tin khác", "xem thêm", "đọc thêm", "có thể bạn quan tâm", "bình luận", "ý kiến bạn đọc", "chia sẻ", "tin mới", "tin mới nhất", "tin đọc nhiều", "đọc nhiều", "đọc nhiều nhất", "tin nổi bật", "từ khóa", "tags:", "tin cũ hơn", "các tin đã đưa", "tin bài liên quan", "tin tức khác", "関連記事", "あわせて読みたい", "相关阅读", "相关新闻", "관련기사"} {
		m[squash(s)] = true
	}
	return m
}()

// marker reports lines that lead away from the text: "end" when they are
// headings of what follows, "related" when they point to one article, "form"
// when they are about consent.
func (t *tree) marker(i int32) string {
	x := &t.e[i]
	w := t.firstWords(i)
	if w == "" {
		return ""
	}
	if x.own < 45 {
		k := squash(t.ownText(i))
		if ends[k] && (isHeading(x.atom) || x.ownLink == 0 || x.own < 30) {
			return "end"
		}
	}
	if x.ownLink*5 >= x.own*2 || x.ownLink > 25 {
		for _, p := range pointers {
			if strings.HasPrefix(w, p) {
				return "related"
			}
		}
	}
	return ""
}
