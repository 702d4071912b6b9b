package markup

import (
	"slices"

	"golang.org/x/net/html"
)

func (p *parser) inBody(t *token) bool {
	switch t.kind {
	case text:
		d := t.data
		if top := p.top(); top.tag.kind == kindPre && top.node.FirstChild == nil {
			if d = firstNewline(d); d == "" {
				return true
			}
		}
		p.reconstruct()
		p.addText(d)
	case start:
		return p.bodyStart(t)
	case end:
		return p.bodyEnd(t)
	}
	return true
}

func (p *parser) bodyStart(t *token) bool {
	switch t.tag.kind {
	case kindHTML:
		if !p.inATemplate() {
			complete(p.open[0].node, t.attr)
		}
	case kindBody:
		if !p.inATemplate() && len(p.open) > 1 && p.open[1].tag == tagBody {
			complete(p.open[1].node, t.attr)
		}
	case kindMeta, kindParam:
		p.addVoid(t.tag, t.attr)
	case kindTitle, kindScript, kindStyle, kindNoframes, kindNoscript, kindTextarea, kindIframe, kindNoembed:
		p.add(t.tag, t.attr)
	case kindXmp:
		p.closeP()
		p.reconstruct()
		p.add(t.tag, t.attr)
	case kindBlock, kindP, kindPre:
		p.closeP()
		p.add(t.tag, t.attr)
	case kindHeading:
		p.closeP()
		if p.top().tag.kind == kindHeading {
			p.pop()
		}
		p.add(t.tag, t.attr)
	case kindForm:
		if p.form != nil && !p.inATemplate() {
			return true
		}
		p.closeP()
		p.add(t.tag, t.attr)
		if !p.inATemplate() {
			p.form = p.top().node
		}
	case kindTemplate:
		return p.inHead(t)
	case kindLi, kindDd:
		for i := len(p.open) - 1; i >= 0; i-- {
			above := p.open[i].tag
			if above.kind == t.tag.kind {
				p.open = p.open[:i]
				break
			}
			if above.special && above.name != "address" && above.name != "div" && above != tagP {
				break
			}
		}
		p.closeP()
		p.add(t.tag, t.attr)
	case kindButton:
		p.close(inScope, t.tag)
		p.reconstruct()
		p.add(t.tag, t.attr)
	case kindA:
		for i := len(p.formatting) - 1; i >= 0 && p.formatting[i].node != nil; i-- {
			if n := p.formatting[i].node; p.formatting[i].tag == tagA {
				p.endFormatting(tagA)
				p.open = without(p.open, n)
				p.formatting = without(p.formatting, n)
				break
			}
		}
		p.reconstruct()
		p.addFormatting(t)
	case kindFormat:
		p.reconstruct()
		p.addFormatting(t)
	case kindObject:
		p.reconstruct()
		p.add(t.tag, t.attr)
		p.formatting = append(p.formatting, element{})
	case kindTable:
		if !p.quirks {
			p.closeP()
		}
		p.add(t.tag, t.attr)
		p.mode = inTable
	case kindVoid, kindBr:
		p.reconstruct()
		p.addVoid(t.tag, t.attr)
	case kindInput:
		p.close(inScope, tagPick)
		p.reconstruct()
		p.addVoid(t.tag, t.attr)
	case kindHr:
		if p.find(inButton, tagP) >= 0 {
			p.imply(kindP)
			p.close(inScope, tagP)
		}
		if p.find(inScope, tagPick) >= 0 {
			p.imply(kindOther)
		}
		p.addVoid(t.tag, t.attr)
	case kindImage:
		t.tag = tagImg
		return false
	case kindSelect:
		if p.close(inScope, t.tag) {
			return true
		}
		p.reconstruct()
		p.add(t.tag, t.attr)
	case kindOption, kindOptgroup:
		if p.find(inScope, tagPick) >= 0 {
			except := kindOther
			if t.tag.kind == kindOption {
				except = kindOptgroup
			}
			p.imply(except)
		} else if p.top().tag.kind == kindOption {
			p.pop()
		}
		p.reconstruct()
		p.add(t.tag, t.attr)
	case kindCaption, kindCol, kindColgroup, kindHead, kindTbody, kindTd, kindTr:
	case kindSvg:
		p.reconstruct()
		p.graft(t.picture)
	case kindOdd:
		p.odd = t.tag.name
	default:
		p.reconstruct()
		p.add(t.tag, t.attr)
	}
	return true
}

func (p *parser) bodyEnd(t *token) bool {
	switch t.tag.kind {
	case kindBody:
		if p.find(inScope, tagBody) >= 0 {
			p.mode = afterBody
		}
	case kindHTML:
		if p.find(inScope, tagBody) < 0 {
			return true
		}
		p.mode = afterBody
		return false
	case kindBlock, kindButton, kindPre, kindSelect:
		if p.find(inScope, t.tag) >= 0 {
			p.imply(kindOther)
			p.close(inScope, t.tag)
		}
	case kindTemplate:
		return p.inHead(t)
	case kindForm:
		if p.inATemplate() {
			if p.find(inScope, t.tag) >= 0 {
				p.imply(kindOther)
				p.close(inScope, t.tag)
			}
			return true
		}
		n := p.form
		p.form = nil
		if i := p.find(inScope, t.tag); n == nil || i < 0 || p.open[i].node != n {
			return true
		}
		p.imply(kindOther)
		p.open = without(p.open, n)
	case kindP:
		if p.find(inButton, tagP) < 0 {
			p.add(tagP, nil)
		}
		p.closeP()
	case kindLi:
		p.close(inList, t.tag)
	case kindDd:
		p.close(inScope, t.tag)
	case kindHeading:
		p.closeKind(inScope, kindHeading)
	case kindA, kindFormat:
		p.endFormatting(t.tag)
	case kindObject:
		if p.close(inScope, t.tag) {
			p.unformat()
		}
	case kindBr:
		t.kind = start
		return false
	case kindOdd:
		p.odd = t.tag.name
	default:
		p.endOther(t.tag)
	}
	return true
}

func (p *parser) endOther(t *tag) {
	for i := len(p.open) - 1; i >= 0; i-- {
		if above := p.open[i].tag; above == t || t.kind == kindOther && above.name == t.name {
			p.open = p.open[:i]
			return
		} else if above.special {
			return
		}
	}
}

// complete adds the attributes that an element has not got yet.
func complete(n *html.Node, attr []html.Attribute) {
	for _, a := range attr {
		if !slices.ContainsFunc(n.Attr, func(b html.Attribute) bool { return a.Key == b.Key }) {
			n.Attr = append(n.Attr, a)
		}
	}
}

// find returns the place of the nearest open element with this tag, or -1 if
// there is none or an element stands between that bounds the scope.
func (p *parser) find(s scope, t *tag) int {
	for i := len(p.open) - 1; i >= 0; i-- {
		above := p.open[i].tag
		if above == t {
			return i
		}
		if above.bounds&s != 0 {
			return -1
		}
	}
	return -1
}

// close ends the nearest element with this tag in the scope, if there is one.
func (p *parser) close(s scope, t *tag) bool {
	i := p.find(s, t)
	if i >= 0 {
		p.open = p.open[:i]
	}
	return i >= 0
}

// findKind is find for elements that are alike.
func (p *parser) findKind(s scope, k kind) int {
	for i := len(p.open) - 1; i >= 0; i-- {
		above := p.open[i].tag
		if above.kind == k {
			return i
		}
		if above.bounds&s != 0 {
			return -1
		}
	}
	return -1
}

func (p *parser) closeKind(s scope, k kind) bool {
	i := p.findKind(s, k)
	if i >= 0 {
		p.open = p.open[:i]
	}
	return i >= 0
}

func (p *parser) closeP() { p.close(inButton, tagP) }

// imply ends what need not be ended in writing, down to the first of a kind.
func (p *parser) imply(except kind) {
	for len(p.open) > 0 && p.top().tag.implied && (except == kindOther || p.top().tag.kind != except) {
		p.pop()
	}
}
