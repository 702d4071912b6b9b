package markup

import (
	"golang.org/x/net/html"
)

// A parser is one page being read. What it meets and does not know is in odd.
type parser struct {
	s   string
	pos int
	odd string

	unquoted int // where the value ends that was read last without quotes
	closing  int // the first "-->" behind the place where one was sought last

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
	switch {
	case t.kind == comment:
		p.comments(t.data)
		return
	case t.kind == doctype && p.mode != initial && p.mode != afterBody:
		return
	}
	for p.odd == "" && !p.step(&t) {
		p.whole()
	}
	p.whole()
}

// whole sees to it that the document is open still, whatever the rules make of
// templates with pieces of tables.
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
	default:
		return p.afterBody(t)
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

// comments adds a comment where the page is, but for those before and behind
// the document element and the body.
func (p *parser) comments(data string) {
	parent := p.doc
	switch p.mode {
	case initial, beforeHTML, afterAfterBody:
	case afterBody:
		parent = p.open[0].node
	default:
		parent = p.top().node
	}
	appendChild(parent, p.node(html.CommentNode, data))
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
	if p.joined += len(last.Data); p.joined > 1<<18 {
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
		p.nodes = make([]html.Node, p.many())
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.Type, n.Data = kind, data
	return n
}

// many is how many nodes, or attributes, are made at a time: by what is left of
// the page.
func (p *parser) many() int { return min(max(8, (len(p.s)-p.pos)/64), 256) }

func appendChild(parent, n *html.Node) {
	n.Parent, n.PrevSibling = parent, parent.LastChild
	if parent.LastChild == nil {
		parent.FirstChild = n
	} else {
		parent.LastChild.NextSibling = n
	}
	parent.LastChild = n
}
