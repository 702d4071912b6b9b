package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// finish makes what a page must have and this one has not.
func (p *parser) finish() {
	if len(p.templates) > 0 {
		p.odd = "unfinished template"
		return
	}
	if p.mode <= beforeHTML {
		p.add(tagHTML, nil)
		p.mode = beforeHead
	}
	if p.mode == beforeHead {
		p.beginHead(nil)
	}
	if p.mode == inHead {
		p.pop()
		p.mode = afterHead
	}
	if p.mode == afterHead {
		p.add(tagBody, nil)
	}
}

// blank drops the white space that text begins with, and says whether that was
// all of it.
func (t *token) blank() bool {
	t.data = strings.TrimLeft(t.data, whitespace)
	return t.data == ""
}

// indent is blank, but adds the white space where the page is.
func (p *parser) indent(t *token) (all bool) {
	rest := strings.TrimLeft(t.data, whitespace)
	p.addText(t.data[:len(t.data)-len(rest)])
	t.data = rest
	return rest == ""
}

func (p *parser) initial(t *token) bool {
	switch t.kind {
	case text:
		if t.blank() {
			return true
		}
	case doctype:
		p.doctype(t)
		p.mode = beforeHTML
		return true
	}
	p.quirks = true
	p.mode = beforeHTML
	return false
}

// doctype asks html.Parse what a doctype other than that of HTML 5 says.
func (p *parser) doctype(t *token) {
	if t.data == "html" {
		appendChild(p.doc, p.node(html.DoctypeNode, "html"))
		return
	}
	if strings.Contains(t.data, "&") {
		p.odd = "doctype"
		return
	}
	doc, err := html.Parse(strings.NewReader("<!doctype " + t.data + "><p><table>"))
	if err != nil {
		p.odd = "doctype"
		return
	}
	n := doc.FirstChild
	doc.RemoveChild(n)
	appendChild(p.doc, n)
	body := doc.FirstChild.LastChild
	p.quirks = body.FirstChild.FirstChild != nil // the table is in the paragraph
}

func (p *parser) beforeHTML(t *token) bool {
	switch t.kind {
	case text:
		if t.blank() {
			return true
		}
	case start:
		if t.tag.kind == kindHTML {
			p.add(t.tag, t.attr)
			p.mode = beforeHead
			return true
		}
	case end:
		switch t.tag.kind {
		case kindHead, kindBody, kindHTML, kindBr:
		default:
			return true
		}
	}
	p.add(tagHTML, nil)
	p.mode = beforeHead
	return false
}

func (p *parser) beginHead(attr []html.Attribute) {
	p.add(tagHead, attr)
	p.head = p.top().node
	p.mode = inHead
}

func (p *parser) beforeHead(t *token) bool {
	switch t.kind {
	case text:
		if t.blank() {
			return true
		}
	case start:
		switch t.tag.kind {
		case kindHead:
			p.beginHead(t.attr)
			return true
		case kindHTML:
			return p.inBody(t)
		}
	case end:
		switch t.tag.kind {
		case kindHead, kindBody, kindHTML, kindBr:
		default:
			return true
		}
	}
	p.beginHead(nil)
	return false
}

func (p *parser) inHead(t *token) bool {
	switch t.kind {
	case text:
		if p.indent(t) {
			return true
		}
	case start:
		switch t.tag.kind {
		case kindHTML:
			return p.inBody(t)
		case kindMeta:
			p.addVoid(t.tag, t.attr)
			return true
		case kindTitle, kindScript, kindStyle, kindNoframes, kindNoscript:
			p.add(t.tag, t.attr)
			return true
		case kindHead:
			return true
		case kindTemplate:
			p.add(t.tag, t.attr)
			p.beginTemplate()
			return true
		}
	case end:
		switch t.tag.kind {
		case kindHead:
			p.pop()
			p.mode = afterHead
			return true
		case kindBody, kindHTML, kindBr:
		case kindTemplate:
			p.endTemplate(t.tag)
			return true
		default:
			return true
		}
	}
	p.pop()
	p.mode = afterHead
	return false
}

func (p *parser) afterHead(t *token) bool {
	switch t.kind {
	case text:
		if p.indent(t) {
			return true
		}
	case start:
		switch t.tag.kind {
		case kindHTML:
			return p.inBody(t)
		case kindBody:
			p.add(t.tag, t.attr)
			p.mode = inBody
			return true
		case kindMeta:
			appendChild(p.head, p.elementNode(t.tag, t.attr))
			return true
		case kindTitle, kindScript, kindStyle, kindNoframes, kindTemplate:
			n := p.elementNode(t.tag, t.attr)
			appendChild(p.head, n)
			p.push(element{n, t.tag})
			if t.tag.kind == kindTemplate {
				p.beginTemplate()
			}
			return true
		case kindHead:
			return true
		case kindOdd: // a frameset, if not something in the body
			p.odd = t.tag.name
			return true
		}
	case end:
		switch t.tag.kind {
		case kindBody, kindHTML, kindBr:
		case kindTemplate:
			p.endTemplate(t.tag)
			return true
		default:
			return true
		}
	}
	p.add(tagBody, nil)
	p.mode = inBody
	return false
}

// afterBody is what comes behind the body, and behind the document element.
func (p *parser) afterBody(t *token) bool {
	switch t.kind {
	case text:
		if strings.TrimLeft(t.data, whitespace) == "" {
			return p.inBody(t)
		}
	case start:
		if t.tag.kind == kindHTML {
			return p.inBody(t)
		}
	case end:
		if t.tag.kind == kindHTML && p.mode == afterBody {
			p.mode = afterAfterBody
			return true
		}
	}
	p.mode = inBody
	return false
}

// beginTemplate begins the contents of the template that was added last.
func (p *parser) beginTemplate() {
	p.formatting = append(p.formatting, element{})
	p.mode = inTemplate
	p.templates = append(p.templates, inTemplate)
}

func (p *parser) endTemplate(t *tag) {
	if !p.inATemplate() {
		return
	}
	p.imply(kindOther)
	for p.top().tag != t {
		p.pop()
	}
	p.pop()
	p.unformat()
	if len(p.templates) == 0 {
		p.odd = "the end of no template"
		return
	}
	p.templates = p.templates[:len(p.templates)-1]
	p.reset()
}

func (p *parser) inATemplate() bool {
	return len(p.templates) > 0 && slices.ContainsFunc(p.open, func(e element) bool { return e.tag.kind == kindTemplate })
}

// inTemplate finds out what the contents of a template belong to.
func (p *parser) inTemplate(t *token) bool {
	if t.kind == end {
		if t.tag.kind == kindTemplate {
			p.endTemplate(t.tag)
		}
		return true
	}
	if t.kind != start {
		return p.inBody(t)
	}
	switch t.tag.kind {
	case kindMeta, kindNoframes, kindScript, kindStyle, kindTemplate, kindTitle:
		return p.inHead(t)
	case kindCaption, kindColgroup, kindTbody:
		p.mode = inTable
	case kindCol:
		p.mode = inColumnGroup
	case kindTr:
		p.mode = inTableBody
	case kindTd:
		p.mode = inRow
	default:
		p.mode = inBody
	}
	if len(p.templates) == 0 {
		p.odd = "no template"
		return true
	}
	p.templates[len(p.templates)-1] = p.mode
	return false
}
