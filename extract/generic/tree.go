package generic

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// A tree is the elements of a page in document order, with the text under
// each counted. Nodes are named by their index.
type tree struct {
	e        []elem
	title    int32   // the <title>
	h        []int32 // h1 and h2
	meta     []*html.Node
	data     []*html.Node // application/ld+json
	state    []*html.Node // other scripts that hold data
	template []*html.Node // scripts that hold the text as markup
	prop     []int32      // elements with itemprop
	links    []*html.Node // <link> with rel
	lang     string       // of <html>
	body     int32
	head     int32   // the headline
	articles []int32 // <article>
	scripts  int     // scripts in all
	core     int32   // where prose is densest
	main     int32   // <main>
	password bool    // a field asks for a password
}

// An elem is one element and what its subtree comes to.
type elem struct {
	n        *html.Node
	parent   int32
	end      int32 // the index behind the last element of the subtree
	chars    int32 // letters of visible text in the subtree
	link     int32 // those in links
	own      int32 // letters of text whose nearest block this is
	ownLink  int32
	punct    int32 // signs that end or part sentences in the text counted by own
	mass     int32 // letters of the subtree that look like prose
	links    int16 // anchors in the subtree, at most 30000
	paras    int16 // blocks in the subtree that look like prose
	hint     hint  // its own
	atom     atom.Atom
	flags    uint8
	headings uint8
	consent  uint8 // blocks that speak of cookies
	images   uint8
}

const (
	fBlock uint8 = 1 << iota
	fHidden
	fProse  // its own text looks like prose
	fBadSub // the subtree is not part of a text
	fInBad  // inside such a subtree
	fCard   // one of many that lead elsewhere
	fTeaser // prose of a teaser
)

const (
	maxElems = 3_000_000
	maxMarks = 400 // headings and articles that are remembered
)

// flatten walks the tree once, without recursion. About so many elements are
// expected.
func flatten(root *html.Node, elements int) *tree {
	t := &tree{title: -1, body: -1}
	t.e = make([]elem, 0, max(min(elements, maxElems), 500))
	hints := make(map[string]hint, 64)
	var blocks []int32 // the open blocks
	parent := int32(-1)
	inLink := 0
	n := root
	for n != nil {
		descend := true
		switch n.Type {
		case html.TextNode:
			if len(blocks) > 0 {
				b := &t.e[blocks[len(blocks)-1]]
				chars, punct := measure(n.Data)
				b.own += chars
				b.punct += punct
				if b.consent == 0 && chars > 30 && strings.Contains(n.Data, "ookie") {
					b.consent = 1
				}
				if inLink > 0 {
					b.ownLink += chars
				}
				p := &t.e[parent]
				p.chars += chars
				if inLink > 0 {
					p.link += chars
				}
			}
		case html.ElementNode:
			switch n.DataAtom {
			case atom.Script:
				t.scripts++
				t.script(n)
				if len(t.template) < 20 && parent >= 0 && t.e[parent].hint&hBody != 0 && (dom.Attr(n, "type") == "text/template" || dom.Attr(n, "type") == "text/html") {
					t.template = append(t.template, n)
				}
				descend = false
			case atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe, atom.Object, atom.Canvas, atom.Select, atom.Textarea, atom.Math, atom.Embed:
				descend = false
			case atom.Input:
				if strings.EqualFold(dom.Attr(n, "type"), "password") {
					t.password = true
				}
			case atom.Meta:
				t.meta = append(t.meta, n)
			case atom.Link:
				t.links = append(t.links, n)
			}
			if !descend || len(t.e) >= maxElems {
				descend = false
				break
			}
			i := int32(len(t.e))
			if len(t.e) == cap(t.e) {
				t.e = slices.Grow(t.e, len(t.e)) // append grows large slices by a quarter
			}
			x := elem{n: n, parent: parent, atom: n.DataAtom}
			block := dom.IsBlock(n)
			if block {
				x.flags |= fBlock
			}
			for k := range n.Attr {
				a := &n.Attr[k]
				switch a.Key {
				case "class", "id", "itemprop", "role", "data-testid", "data-component", "rel", "property":
					if a.Val == "" {
						continue
					}
					if a.Key == "id" && strings.Count(a.Val, "-") > 3 { // a title, not a name
						continue
					}
					h, ok := hints[a.Val]
					if !ok {
						h = classHint(a.Val)
						hints[a.Val] = h
					}
					x.hint |= h
					if a.Key == "itemprop" || a.Key == "property" {
						t.prop = append(t.prop, i)
					}
					if a.Key == "role" && a.Val == "banner" && len(t.articles) > 0 && t.e[t.articles[len(t.articles)-1]].end == 0 {
						x.hint &^= h // the header of an article
					} else if a.Key == "role" && (a.Val == "navigation" || a.Val == "banner" || a.Val == "contentinfo" || a.Val == "complementary") {
						x.hint |= hNav
					}
				case "hidden":
					if a.Val != "until-found" {
						x.flags |= fHidden
					}
				case "aria-hidden":
				case "style":
					if strings.Contains(a.Val, "display") && strings.Contains(strings.ReplaceAll(a.Val, " ", ""), "display:none") {
						x.flags |= fHidden
					}
				}
			}
			if n.DataAtom == 0 && len(n.Data) < 40 { // elements that a page made up
				x.hint |= classHint(n.Data)
			}
			switch n.DataAtom {
			case atom.Html:
				t.lang = dom.Attr(n, "lang")
				if t.lang == "" {
					t.lang = dom.Attr(n, "xml:lang")
				}
			case atom.Body:
				if t.body < 0 {
					t.body = i
				}
			case atom.Title:
				if t.title < 0 {
					t.title = i
				}
			case atom.H1, atom.H2:
				if len(t.h) < maxMarks {
					t.h = append(t.h, i)
				}
				x.headings = 1
			case atom.H3, atom.H4, atom.H5, atom.H6:
				x.headings = 1
			case atom.Main:
				if t.main == 0 {
					t.main = i
				}
			case atom.Article:
				if len(t.articles) < maxMarks {
					t.articles = append(t.articles, i)
				}
			case atom.Img, atom.Picture:
				if n.DataAtom == atom.Img {
					x.images = 1
				}
			case atom.A:
				x.links = 1
			}
			if x.flags&fHidden != 0 {
				// Hidden parts are read for their attributes only.
				if n.DataAtom != atom.Body && n.DataAtom != atom.Html {
					t.e = append(t.e, x)
					t.e[i].end = i + 1
					descend = false
					break
				}
			}
			t.e = append(t.e, x)
			if n.FirstChild != nil {
				parent = i
				if block || len(blocks) == 0 {
					blocks = append(blocks, i)
				}
				if n.DataAtom == atom.A {
					inLink++
				}
			} else {
				t.close(i)
			}
		}
		// the next node in document order
		if descend && n.FirstChild != nil && (n.Type == html.ElementNode || n.Type == html.DocumentNode) {
			n = n.FirstChild
			continue
		}
		for n != nil && n != root && n.NextSibling == nil {
			n = n.Parent
			if parent >= 0 && t.e[parent].n == n {
				t.close(parent)
				if len(blocks) > 0 && blocks[len(blocks)-1] == parent {
					blocks = blocks[:len(blocks)-1]
				}
				if n.DataAtom == atom.A {
					inLink--
				}
				parent = t.e[parent].parent
			}
		}
		if n == nil || n == root {
			break
		}
		n = n.NextSibling
	}
	for parent >= 0 {
		t.close(parent)
		parent = t.e[parent].parent
	}
	return t
}

// close sums a subtree up into its parent.
func (t *tree) close(i int32) {
	x := &t.e[i]
	x.end = int32(len(t.e))
	if x.parent < 0 {
		return
	}
	p := &t.e[x.parent]
	p.chars += x.chars
	p.link += x.link
	p.links = addCap(p.links, x.links)
	if int(p.headings)+int(x.headings) < 250 {
		p.headings += x.headings
	}
	if int(p.consent)+int(x.consent) < 250 {
		p.consent += x.consent
	}
	if int(p.images)+int(x.images) < 250 {
		p.images += x.images
	}
}

func addCap(a, b int16) int16 {
	if int(a)+int(b) > 30000 {
		return 30000
	}
	return a + b
}

// script sorts scripts into data and state.
func (t *tree) script(n *html.Node) {
	if n.FirstChild == nil {
		return
	}
	typ := dom.Attr(n, "type")
	if strings.Contains(typ, "ld+json") {
		t.data = append(t.data, n)
		return
	}
	if typ == "application/json" || dom.Attr(n, "id") == "__NEXT_DATA__" {
		t.state = append(t.state, n)
	}
}

// measure counts the letters and digits of a text, ideographs double, and the
// signs that part or end sentences.
func measure(s string) (chars, punct int32) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c <= ' ':
		case c < utf8.RuneSelf:
			switch c {
			case '.', ',', ';', '!', '?', ':':
				punct++
			}
			chars++
		case c >= 0xE0 && c < 0xF0:
			chars++
			if c >= 0xE3 && c <= 0xED && i+2 < len(s) {
				chars++
				if c == 0xE3 && s[i+1] == 0x80 && (s[i+2] == 0x81 || s[i+2] == 0x82) || c == 0xEF && s[i+1] == 0xBC {
					punct++
				}
			} else if c == 0xE2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] == 0xA6 {
				punct++
			}
			i += 2
		case c >= 0xC0:
			if c == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0 {
				i++
				continue
			}
			chars++
			i++
		}
	}
	return chars, punct
}

// is reports whether the element at i lies in the subtree of j.
func (t *tree) in(i, j int32) bool { return j >= 0 && i >= j && i < t.e[j].end }

// text returns the visible text of an element on one line.
func (t *tree) text(i int32) string { return dom.Text(t.e[i].n) }

// next returns the next sibling of the element at i within its parent, or -1.
func (t *tree) next(i int32) int32 {
	p := t.e[i].parent
	if p < 0 {
		return -1
	}
	if e := t.e[i].end; e < t.e[p].end {
		return e
	}
	return -1
}

// block returns the nearest block that holds the element at i, or i itself.
func (t *tree) block(i int32) int32 {
	for i >= 0 && t.e[i].flags&fBlock == 0 {
		i = t.e[i].parent
	}
	return i
}
