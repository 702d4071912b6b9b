package markup

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A parser is one page being read. What it meets and does not know is in odd.
type parser struct {
	s   string
	pos int
	odd string

	unquoted int // where the value ends that was read last without quotes

	doc        *html.Node
	open       []element // the open elements, the document element first
	formatting []element // the active formatting elements; a marker has no node
	head, form *html.Node
	mode       mode
	templates  []mode // what the contents of the open templates are read as
	quirks     bool   // tables stand in paragraphs
	fostering  bool   // what is added to a table itself belongs before it
	joined     int    // bytes copied to join text
	deepest    int    // how many elements were open in the picture read last

	nodes []html.Node // to be used
	attrs []html.Attribute
}

type element struct {
	node *html.Node
	tag  *tag
}

// A mode is what the standard calls an insertion mode.
type mode uint8

const (
	initial mode = iota
	beforeHTML
	beforeHead
	inHead
	afterHead
	inBody
	inTable
	inCaption
	inColumnGroup
	inTableBody
	inRow
	inCell
	inTemplate
	afterBody
	afterAfterBody
)

const maxOpen = 512 // elements, as html.Parse has it

// take adds a token to the tree.
func (p *parser) take(t token) {
	for p.odd == "" && !p.step(&t) {
		p.whole()
	}
	p.whole()
}

// whole sees to it that the document is open still. Templates with pieces of
// tables can end it.
func (p *parser) whole() {
	if len(p.open) == 0 && p.mode > beforeHTML {
		p.odd = "the document ends in the middle"
	}
}

// step does what the mode has for a token, and says whether it is done with.
func (p *parser) step(t *token) bool {
	switch p.mode {
	case inBody:
		return p.inBody(t)
	case initial:
		return p.initial(t)
	case beforeHTML:
		return p.beforeHTML(t)
	case beforeHead:
		return p.beforeHead(t)
	case inHead:
		return p.inHead(t)
	case afterHead:
		return p.afterHead(t)
	case inTable:
		return p.inTable(t)
	case inCaption:
		return p.inCaption(t)
	case inColumnGroup:
		return p.inColumnGroup(t)
	case inTableBody:
		return p.inTableBody(t)
	case inRow:
		return p.inRow(t)
	case inCell:
		return p.inCell(t)
	case inTemplate:
		return p.inTemplate(t)
	case afterBody:
		return p.afterBody(t)
	default:
		return p.afterAfterBody(t)
	}
}

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
	case comment:
		p.comments(p.doc, t)
		return true
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
	if strings.ContainsAny(t.data, "&>") {
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
	case doctype:
		return true
	case text:
		if t.blank() {
			return true
		}
	case comment:
		p.comments(p.doc, t)
		return true
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
	case doctype:
		return true
	case text:
		if t.blank() {
			return true
		}
	case comment:
		p.comments(p.top().node, t)
		return true
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
	case doctype:
		return true
	case text:
		if p.indent(t) {
			return true
		}
	case comment:
		p.comments(p.top().node, t)
		return true
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
	case doctype:
		return true
	case text:
		if p.indent(t) {
			return true
		}
	case comment:
		p.comments(p.top().node, t)
		return true
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

func (p *parser) afterBody(t *token) bool {
	switch t.kind {
	case text:
		if strings.TrimLeft(t.data, whitespace) == "" {
			return p.inBody(t)
		}
	case comment:
		p.comments(p.open[0].node, t)
		return true
	case start:
		if t.tag.kind == kindHTML {
			return p.inBody(t)
		}
	case end:
		if t.tag.kind == kindHTML {
			p.mode = afterAfterBody
			return true
		}
	}
	p.mode = inBody
	return false
}

func (p *parser) afterAfterBody(t *token) bool {
	switch t.kind {
	case text:
		if strings.TrimLeft(t.data, whitespace) == "" {
			return p.inBody(t)
		}
	case comment:
		p.comments(p.doc, t)
		return true
	case doctype:
		return p.inBody(t)
	case start:
		if t.tag.kind == kindHTML {
			return p.inBody(t)
		}
	}
	p.mode = inBody
	return false
}

func (p *parser) inBody(t *token) bool {
	switch t.kind {
	case text:
		d := t.data
		if top := p.top(); top.tag.kind == kindPre && top.node.FirstChild == nil {
			if d = firstNewline(d); d == "" {
				return true
			}
		}
		if strings.IndexByte(d, 0) >= 0 {
			p.odd = "NUL"
			return true
		}
		p.reconstruct()
		p.addText(d)
	case comment:
		p.comments(p.top().node, t)
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
		if i := p.find(inScope, t.tag); i >= 0 {
			p.open = p.open[:i]
		}
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
		if i := p.find(inScope, tagPick); i >= 0 {
			p.open = p.open[:i]
		}
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
		for i := len(p.open) - 1; i >= 0; i-- {
			if p.open[i].tag.kind == kindHeading {
				p.open = p.open[:i]
				break
			}
			if p.open[i].tag.bounds&inScope != 0 {
				break
			}
		}
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

func (p *parser) closeP() { p.close(inButton, tagP) }

// imply ends what need not be ended in writing, down to the first of a kind.
func (p *parser) imply(except kind) {
	for len(p.open) > 0 && p.top().tag.implied && (except == kindOther || p.top().tag.kind != except) {
		p.pop()
	}
}

// add begins an element where the page is.
func (p *parser) add(t *tag, attr []html.Attribute) {
	n := p.elementNode(t, attr)
	p.place(n)
	p.push(element{n, t})
}

// addVoid adds one that has no content.
func (p *parser) addVoid(t *tag, attr []html.Attribute) {
	if len(p.open) == maxOpen {
		p.odd = "too deep"
	}
	p.place(p.elementNode(t, attr))
}

func (p *parser) push(e element) {
	p.open = append(p.open, e)
	if len(p.open) > maxOpen {
		p.odd = "too deep"
	}
}

// place puts a node where the page is.
func (p *parser) place(n *html.Node) {
	parent := p.doc
	if len(p.open) > 0 {
		top := p.top()
		if p.fostering && top.tag.structure() {
			p.odd = "something in a table beside its cells"
			return
		}
		parent = top.node
	}
	appendChild(parent, n)
}

// structure says whether an element holds cells or what holds them.
func (t *tag) structure() bool { return t.kind == kindTable || t.kind == kindTbody || t.kind == kindTr }

func (p *parser) comments(parent *html.Node, t *token) {
	appendChild(parent, p.node(html.CommentNode, t.data))
}

// addText adds to the text where the page is.
func (p *parser) addText(s string) {
	switch {
	case s == "":
	case len(p.open) == 0 || p.fostering && p.top().tag.structure():
		p.place(p.node(html.TextNode, s))
	default:
		p.appendText(p.top().node, s)
	}
}

func (p *parser) appendText(n *html.Node, s string) {
	last := n.LastChild
	if last == nil || last.Type != html.TextNode {
		appendChild(n, p.node(html.TextNode, s))
		return
	}
	last.Data += s
	if p.joined += len(last.Data); p.joined > 1<<20 {
		p.odd = "text in very many pieces" // each joined in the time that it is long
	}
}

func (p *parser) top() element { return p.open[len(p.open)-1] }

func (p *parser) pop() { p.open = p.open[:len(p.open)-1] }

func (p *parser) elementNode(t *tag, attr []html.Attribute) *html.Node {
	n := p.node(html.ElementNode, t.name)
	n.DataAtom = t.atom
	n.Attr = attr
	return n
}

// node returns a new one. They are made many at a time.
func (p *parser) node(kind html.NodeType, data string) *html.Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]html.Node, min(max(16, (len(p.s)-p.pos)/64), 256))
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.Type, n.Data = kind, data
	return n
}

func appendChild(parent, n *html.Node) {
	n.Parent, n.PrevSibling = parent, parent.LastChild
	if parent.LastChild == nil {
		parent.FirstChild = n
	} else {
		parent.LastChild.NextSibling = n
	}
	parent.LastChild = n
}

// complete adds the attributes that an element has not got yet.
func complete(n *html.Node, attr []html.Attribute) {
	for _, a := range attr {
		if !slices.ContainsFunc(n.Attr, func(b html.Attribute) bool { return a.Key == b.Key }) {
			n.Attr = append(n.Attr, a)
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
