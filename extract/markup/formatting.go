package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// endFormatting ends an element such as <b> where its end tag stands, even if
// others were begun after it and have not ended: the standard's adoption agency.
func (p *parser) endFormatting(t *tag) {
	if top := p.top(); top.tag == t && index(p.formatting, top.node) < 0 {
		p.pop()
		return
	}
	for range 8 {
		at := len(p.formatting) - 1
		for at >= 0 && p.formatting[at].node != nil && p.formatting[at].tag != t {
			at--
		}
		if at < 0 || p.formatting[at].node == nil {
			p.endOther(t)
			return
		}
		n := p.formatting[at].node
		opened := index(p.open, n)
		if opened < 0 {
			p.formatting = slices.Delete(p.formatting, at, at+1)
			return
		}
		if p.find(inScope, t) < 0 {
			return
		}
		block := opened
		for block < len(p.open) && !p.open[block].tag.special {
			block++
		}
		if block == len(p.open) {
			p.open = p.open[:opened]
			p.formatting = slices.Delete(p.formatting, at, at+1)
			return
		}
		p.adopt(at, opened, block)
	}
}

// adopt ends the formatting element at a place of p.formatting, and of p.open,
// before the block that is open in it, and begins one like it in the block.
func (p *parser) adopt(at, opened, block int) {
	ended, furthest := p.formatting[at], p.open[block]
	ancestor := p.open[opened-1]
	bookmark := at
	last := furthest.node
	for x, count := block-1, 1; p.open[x].node != ended.node; x, count = x-1, count+1 {
		e := p.open[x]
		in := index(p.formatting, e.node)
		switch {
		case in >= 0 && count > 3:
			p.formatting = slices.Delete(p.formatting, in, in+1)
			if in <= bookmark {
				bookmark--
			}
			continue
		case in < 0:
			p.open = slices.Delete(p.open, x, x+1)
			continue
		}
		clone := p.clone(e)
		p.formatting[in], p.open[x] = clone, clone
		if last == furthest.node {
			bookmark = in + 1
		}
		move(last, clone.node)
		last = clone.node
	}
	if ancestor.tag.structure() {
		p.odd = "formatting across the cells of a table"
		return
	}
	move(last, ancestor.node)
	clone := p.clone(ended)
	for n := furthest.node.FirstChild; n != nil; n = furthest.node.FirstChild {
		move(n, clone.node)
	}
	appendChild(furthest.node, clone.node)
	if i := index(p.formatting, ended.node); i >= 0 {
		if i < bookmark {
			bookmark--
		}
		p.formatting = slices.Delete(p.formatting, i, i+1)
	}
	p.formatting = slices.Insert(p.formatting, bookmark, clone)
	p.open = without(p.open, ended.node)
	p.open = slices.Insert(p.open, index(p.open, furthest.node)+1, clone)
}

// move makes a node the last child of another.
func move(n, parent *html.Node) {
	if n.Parent != nil {
		n.Parent.RemoveChild(n)
	}
	parent.AppendChild(n)
}

// clone returns an element like another, without its children.
func (p *parser) clone(e element) element {
	return element{p.elementNode(e.tag, slices.Clone(e.node.Attr)), e.tag}
}

// reconstruct begins the formatting elements anew that were begun in an element
// that has ended, and have not ended themselves.
func (p *parser) reconstruct() {
	i := len(p.formatting)
	for i > 0 && p.formatting[i-1].node != nil && index(p.open, p.formatting[i-1].node) < 0 {
		i--
	}
	for ; i < len(p.formatting); i++ {
		clone := p.clone(p.formatting[i])
		p.place(clone.node)
		p.push(clone)
		p.formatting[i] = clone
	}
}

// addFormatting adds an element of which there are at most three alike.
func (p *parser) addFormatting(t *token) {
	slices.SortFunc(t.attr, func(a, b html.Attribute) int { return strings.Compare(a.Key, b.Key) }) // as html.Parse does
	p.add(t.tag, t.attr)
	alike := 0
	for i := len(p.formatting) - 1; i >= 0 && p.formatting[i].node != nil; i-- {
		if f := p.formatting[i]; f.tag == t.tag && slices.Equal(f.node.Attr, t.attr) {
			if alike++; alike >= 3 {
				p.formatting = slices.Delete(p.formatting, i, i+1)
			}
		}
	}
	p.formatting = append(p.formatting, p.top())
}

// unformat forgets the formatting elements down to the last marker.
func (p *parser) unformat() {
	for {
		n := len(p.formatting) - 1
		if n < 0 {
			p.odd = "no marker of formatting" // html.Parse fails here
			return
		}
		last := p.formatting[n].node
		if p.formatting = p.formatting[:n]; n == 0 || last == nil {
			return
		}
	}
}

func index(all []element, n *html.Node) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].node == n {
			return i
		}
	}
	return -1
}

func without(all []element, n *html.Node) []element {
	if i := index(all, n); i >= 0 {
		return slices.Delete(all, i, i+1)
	}
	return all
}
