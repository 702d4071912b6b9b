package markup

import "strings"

// clear ends what is open above the nearest of a table's elements of this kind.
func (p *parser) clear(k kind) {
	for i := len(p.open) - 1; i >= 0; i-- {
		if above := p.open[i].tag.kind; above == k || above == kindHTML || above == kindTemplate {
			p.open = p.open[:i+1]
			return
		}
	}
}

// reset finds the mode that what is open calls for.
func (p *parser) reset() {
	for i := len(p.open) - 1; i >= 0; i-- {
		switch p.open[i].tag.kind {
		case kindTd:
			p.mode = inCell
		case kindTr:
			p.mode = inRow
		case kindTbody:
			p.mode = inTableBody
		case kindCaption:
			p.mode = inCaption
		case kindColgroup:
			p.mode = inColumnGroup
		case kindTable:
			p.mode = inTable
		case kindTemplate:
			if len(p.templates) == 0 {
				p.odd = "no template"
				return
			}
			p.mode = p.templates[len(p.templates)-1]
		case kindHead:
			p.mode = inHead
		case kindBody:
			p.mode = inBody
		case kindHTML:
			p.mode = afterHead
		default:
			continue
		}
		return
	}
}

func (p *parser) endTable() bool {
	if p.closeKind(inTableScope, kindTable) {
		p.reset()
		return true
	}
	return false
}

func (p *parser) inTable(t *token) bool {
	switch t.kind {
	case text:
		if p.top().tag.structure() && strings.Trim(t.data, whitespace) == "" {
			p.addText(t.data)
			return true
		}
	case start:
		switch t.tag.kind {
		case kindCaption:
			p.clear(kindTable)
			p.formatting = append(p.formatting, element{})
			p.add(t.tag, t.attr)
			p.mode = inCaption
			return true
		case kindColgroup:
			p.clear(kindTable)
			p.add(t.tag, t.attr)
			p.mode = inColumnGroup
			return true
		case kindCol:
			p.take(token{kind: start, tag: tagGroup})
			return false
		case kindTbody:
			p.clear(kindTable)
			p.add(t.tag, t.attr)
			p.mode = inTableBody
			return true
		case kindTd, kindTr:
			p.take(token{kind: start, tag: tagTbody})
			return false
		case kindTable:
			return !p.endTable()
		case kindStyle, kindScript, kindTemplate:
			return p.inHead(t)
		case kindInput:
			for _, a := range t.attr {
				if a.Key == "type" && strings.EqualFold(a.Val, "hidden") {
					p.addVoid(t.tag, t.attr)
					return true
				}
			}
		case kindForm:
			if p.form == nil && !p.inATemplate() {
				p.addVoid(t.tag, t.attr)
				p.form = p.top().node.LastChild
			}
			return true
		}
	case end:
		switch t.tag.kind {
		case kindTable:
			p.endTable()
			return true
		case kindBody, kindCaption, kindCol, kindColgroup, kindHTML, kindTbody, kindTd, kindTr:
			return true
		}
	}
	p.fostering = true
	done := p.inBody(t)
	p.fostering = false
	return done
}

func (p *parser) inCaption(t *token) bool {
	switch t.kind {
	case start:
		switch t.tag.kind {
		case kindCaption, kindCol, kindColgroup, kindTbody, kindTd, kindTr:
			if t.tag.name != "th" { // as html.Parse has it
				return !p.endCaption()
			}
		}
	case end:
		switch t.tag.kind {
		case kindCaption:
			p.endCaption()
			return true
		case kindTable:
			return !p.endCaption()
		case kindBody, kindCol, kindColgroup, kindHTML, kindTbody, kindTd, kindTr:
			return true
		}
	}
	return p.inBody(t)
}

func (p *parser) endCaption() bool {
	if p.closeKind(inTableScope, kindCaption) {
		p.unformat()
		p.mode = inTable
		return true
	}
	return false
}

func (p *parser) inColumnGroup(t *token) bool {
	switch t.kind {
	case text:
		if p.indent(t) {
			return true
		}
	case start:
		switch t.tag.kind {
		case kindHTML:
			return p.inBody(t)
		case kindCol:
			p.addVoid(t.tag, t.attr)
			return true
		case kindTemplate:
			return p.inHead(t)
		}
	case end:
		switch t.tag.kind {
		case kindColgroup:
			if p.top().tag.kind == kindColgroup {
				p.pop()
				p.mode = inTable
			}
			return true
		case kindCol:
			return true
		case kindTemplate:
			return p.inHead(t)
		}
	}
	if p.top().tag.kind != kindColgroup { // of a template
		if t.picture != nil {
			p.odd = "svg among columns"
		}
		return true
	}
	p.pop()
	p.mode = inTable
	return false
}

func (p *parser) inTableBody(t *token) bool {
	switch t.kind {
	case start:
		switch t.tag.kind {
		case kindTr:
			p.clear(kindTbody)
			p.add(t.tag, t.attr)
			p.mode = inRow
			return true
		case kindTd:
			p.take(token{kind: start, tag: tagTr})
			return false
		case kindCaption, kindCol, kindColgroup, kindTbody:
			return !p.endTableBody()
		}
	case end:
		switch t.tag.kind {
		case kindTbody:
			if p.find(inTableScope, t.tag) >= 0 {
				p.clear(kindTbody)
				p.pop()
				p.mode = inTable
			}
			return true
		case kindTable:
			return !p.endTableBody()
		case kindBody, kindCaption, kindCol, kindColgroup, kindHTML, kindTd, kindTr:
			return true
		}
	}
	return p.inTable(t)
}

func (p *parser) endTableBody() bool {
	if p.closeKind(inTableScope, kindTbody) {
		p.mode = inTable
		return true
	}
	return false
}

func (p *parser) inRow(t *token) bool {
	switch t.kind {
	case start:
		switch t.tag.kind {
		case kindTd:
			p.clear(kindTr)
			p.add(t.tag, t.attr)
			p.formatting = append(p.formatting, element{})
			p.mode = inCell
			return true
		case kindCaption, kindCol, kindColgroup, kindTbody, kindTr:
			return !p.endRow()
		}
	case end:
		switch t.tag.kind {
		case kindTr:
			p.endRow()
			return true
		case kindTable:
			return !p.endRow()
		case kindTbody:
			return p.find(inTableScope, t.tag) < 0 || !p.endRow()
		case kindBody, kindCaption, kindCol, kindColgroup, kindHTML, kindTd:
			return true
		}
	}
	return p.inTable(t)
}

func (p *parser) endRow() bool {
	if p.findKind(inTableScope, kindTr) < 0 {
		return false
	}
	p.clear(kindTr)
	p.pop()
	p.mode = inTableBody
	return true
}

func (p *parser) inCell(t *token) bool {
	switch t.kind {
	case start:
		switch t.tag.kind {
		case kindCaption, kindCol, kindColgroup, kindTbody, kindTd, kindTr:
			if !p.closeKind(inTableScope, kindTd) {
				return true
			}
			p.unformat()
			p.mode = inRow
			return false
		}
	case end:
		switch t.tag.kind {
		case kindTd:
			if p.close(inTableScope, t.tag) {
				p.unformat()
				p.mode = inRow
			}
			return true
		case kindBody, kindCaption, kindCol, kindColgroup, kindHTML:
			return true
		case kindTable, kindTbody, kindTr:
			if p.find(inTableScope, t.tag) < 0 {
				return true
			}
			if p.closeKind(inTableScope, kindTd) {
				p.unformat()
			}
			p.mode = inRow
			return false
		}
	}
	return p.inBody(t)
}
