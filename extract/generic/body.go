package generic

import (
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
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
		case x.atom >= 0 && isHeading(x.atom):
		case x.own >= 80 && x.punct > 0, x.own >= 30 && x.punct > 0 && x.ownLink*3 <= x.own, x.own >= 140:
			x.flags |= fProse
		}
	}
	t.sum(0)
	if t.body < 0 {
		return
	}
	total := e[t.body].mass
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
	found := false
	for i := t.body; i < int32(len(e)); i++ {
		x := &e[i]
		if x.flags&(fProse|fInBad) != fProse || x.own >= 400 || x.parent < 0 || e[x.parent].hint&hBody != 0 {
			continue
		}
		w, lone := x.parent, true
		for n := 0; n < 4 && w > t.body && e[w].paras == 1; n++ {
			if e[w].link*8 > e[w].chars || e[w].headings > 0 && e[w].links > 0 {
				lone = false
				break
			}
			w = e[w].parent
		}
		if !lone && !t.in(t.head, w) {
			x.flags |= fTeaser
			found = true
		}
	}
	if found {
		t.sum(fInBad)
	}
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
		if y.atom == atom.Li && y.headings == 0 && y.link*2 < y.chars { // a list in a text
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
		return Body{}
	}
	r.memo.container = c
	b := Body{Roots: []*html.Node{t.e[c].n}, Drop: map[*html.Node]string{}, Signal: "text", Score: .8}
	t.prune(c, &b)
	return b
}

// container returns the lowest element that holds most of the prose.
func (t *tree) container() int32 {
	e := t.e
	cur := t.body
	if e[cur].mass == 0 {
		return -1
	}
	// A part that is called the body of the article, and may be.
	best := int32(-1)
	for i := cur; i < int32(len(e)); i++ {
		x := &e[i]
		if x.flags&fInBad != 0 || x.hint&hBody == 0 || x.mass*2 < e[t.body].mass {
			continue
		}
		if best < 0 || t.in(i, best) && x.mass*20 >= e[best].mass*19 || !t.in(i, best) && x.mass > e[best].mass {
			best = i
		}
	}
	if best >= 0 {
		cur = best
	}
	for {
		next, most := int32(-1), int32(0)
		named := int32(-1) // a part that says that it is the article
		for c := cur + 1; c < e[cur].end; c = e[c].end {
			if e[c].mass > most {
				next, most = c, e[c].mass
			}
			if e[c].mass*2 > e[cur].mass && (e[c].atom == atom.Article || e[c].atom == atom.Main || e[c].hint&hBody != 0) {
				named = c
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
		if named >= 0 && best < 0 {
			cur = named
			continue
		}
		if most*20 < e[cur].mass*17 || best >= 0 && most*20 < e[cur].mass*19 {
			return cur
		}
		cur = next
	}
}

// oneOfMany returns, of several articles that stand below each other, the one
// with the headline; the first when none has it; -1 when there are not several.
func (t *tree) oneOfMany(i int32) int32 {
	e := t.e
	n, chosen := 0, int32(-1)
	for c := i + 1; c < e[i].end; c = e[c].end {
		if e[c].mass == 0 || e[c].atom != atom.Article && !t.hasH1(c) || isHeading(e[c].atom) {
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
	if n < 2 {
		return -1
	}
	return chosen
}

func (t *tree) hasH1(i int32) bool {
	for _, h := range t.h {
		if t.in(h, i) && t.e[h].atom == atom.H1 {
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
	first := int32(-1) // the first prose
	last := c
	for i := c; i < e[c].end; i++ {
		if e[i].flags&(fProse|fInBad) == fProse {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	for i := c + 1; i < e[c].end; {
		x := &e[i]
		if x.flags&fBadSub != 0 {
			drop(i, "bad")
			i = x.end
			continue
		}
		if x.chars == 0 && x.images == 0 {
			i = x.end
			continue
		}
		if x.atom == atom.H1 {
			drop(i, "title")
			i = x.end
			continue
		}
		if why := t.noText(i, first, last); why != "" {
			drop(i, why)
			i = x.end
			continue
		}
		i++
	}
}

// noText says why a subtree inside the container is not text, "" when it is.
func (t *tree) noText(i, first, last int32) string {
	e := t.e
	x := &e[i]
	if x.flags&fBlock == 0 && x.atom != atom.Span && x.atom != atom.Time {
		return ""
	}
	before := first >= 0 && x.end <= first
	switch {
	case x.mass == 0 && x.hint&(hByline|hDate|hMeta|hUpdated|hSection) != 0 && x.chars < 300 && (before || i > last || x.atom != atom.P):
		return "byline"
	case x.atom == atom.Header && x.mass == 0:
		return "header"
	case before && x.mass == 0 && isHeading(x.atom):
		return ""
	case x.mass == 0 && x.flags&fBlock != 0 && x.chars > 0 && x.link*2 > x.chars && x.atom != atom.P && x.atom != atom.Li && !isHeading(x.atom) && x.images == 0 && x.atom != atom.Td:
		return "links"
	case x.atom == atom.P && x.chars > 0 && x.link*10 >= x.chars*9 && x.chars > 15:
		return "link"
	}
	return ""
}
