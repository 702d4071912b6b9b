package heal

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract"
	"luutin/extract/dom"
	"luutin/extract/markup"
)

// MaxPage is the most bytes of a page that selectors are looked for in.
const MaxPage = 8 << 20

// A page is parsed once, with its visible text squeezed to letters and digits
// in one piece: every element is a stretch of it, so that a value is found
// however the markup divides it.
type page struct {
	root     *html.Node
	base     *url.URL // for relative links; of lists
	text     []byte
	elements []element // in the order of the page
	index    map[*html.Node]int

	sought string // what find was asked for last, and what it said
	found  []stretch
	share  float64
}

type element struct {
	node       *html.Node
	start, end int // its stretch of the text
}

func parse(p extract.Page) (*page, error) {
	if len(p.Body) > MaxPage {
		return nil, fmt.Errorf("page %s: %d MB are more than the %d MB in which selectors are looked for", p.URL, len(p.Body)>>20, MaxPage>>20)
	}
	text, _, err := dom.Decode(p.Body, p.ContentType)
	if err != nil {
		return nil, err
	}
	root, err := markup.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	out := &page{root: root, index: map[*html.Node]int{}}
	out.walk(root, true)
	return out, nil
}

func (p *page) walk(n *html.Node, visible bool) {
	at := -1
	switch n.Type {
	case html.TextNode:
		if visible {
			p.text = append(p.text, squeeze(n.Data)...)
		}
		return
	case html.ElementNode:
		at = len(p.elements)
		p.index[n] = at
		p.elements = append(p.elements, element{n, len(p.text), len(p.text)})
		switch n.DataAtom {
		case atom.Script, atom.Style, atom.Template, atom.Svg, atom.Iframe, atom.Noscript:
			return
		}
		visible = visible && !dom.Invisible(n)
	case html.CommentNode, html.DoctypeNode:
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.walk(c, visible)
	}
	if at >= 0 {
		p.elements[at].end = len(p.text)
	}
}

// squeeze leaves letters and digits, in lower case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, dom.Clean(s))
}

func (p *page) textOf(n *html.Node) []byte {
	i, ok := p.index[n]
	if !ok {
		return nil
	}
	return p.text[p.elements[i].start:p.elements[i].end]
}

// A target is an element, or one of its attributes, that holds a value.
type target struct {
	node *html.Node
	attr string
}

// maxTargets bounds the places of one value on one page that are looked at.
const maxTargets = 12

// equal returns where exactly a value stands.
func (p *page) equal(value string) (out []target) {
	want := squeeze(value)
	if want == "" {
		return nil
	}
	for _, e := range p.elements {
		if e.end-e.start == len(want) && string(p.text[e.start:e.end]) == want && !outer(e.node) {
			out = append(out, target{node: e.node})
		}
		if len(out) == maxTargets {
			break
		}
	}
	return append(out, p.inAttributes(func(v string) bool { return squeeze(v) == want })...)
}

// around returns the smallest elements that hold a value among a little else.
func (p *page) around(value string, slack int) (out []target) {
	want := []byte(squeeze(value))
	if len(want) == 0 {
		return nil
	}
	for _, e := range p.elements {
		if n := e.end - e.start; n >= len(want) && n <= len(want)+slack && !outer(e.node) && bytes.Contains(p.text[e.start:e.end], want) {
			out = append(out, target{node: e.node})
		}
		if len(out) == 4*maxTargets {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b target) int { return len(p.textOf(a.node)) - len(p.textOf(b.node)) })
	return out[:min(len(out), maxTargets)]
}

// inAttributes returns attributes that are made to hold values.
func (p *page) inAttributes(holds func(string) bool) (out []target) {
	for _, e := range p.elements {
		if len(out) == maxTargets {
			break
		}
		for _, a := range e.node.Attr {
			switch {
			case e.node.DataAtom == atom.Meta && a.Key == "content", e.node.DataAtom == atom.Time && a.Key == "datetime",
				a.Key == "content", strings.HasPrefix(a.Key, "data-") && plainName.MatchString(a.Key):
				if v := dom.Clean(a.Val); v != "" && len(v) < 2000 && holds(v) {
					out = append(out, target{e.node, a.Key})
				}
			}
		}
	}
	return out
}

// outer reports elements that no rule should name.
func outer(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Html, atom.Body, atom.Head, atom.Title, atom.Form:
		return n.DataAtom != atom.Form
	}
	return false
}

// A stretch is where a paragraph of a known body stands in a page's text.
type stretch struct{ start, end int }

// find returns where the paragraphs of a body stand, and what share of it that is.
func (p *page) find(body string) ([]stretch, float64) {
	if p.sought != body {
		p.found, p.share = p.seek(body)
		p.sought = body
	}
	return p.found, p.share
}

func (p *page) seek(body string) (found []stretch, share float64) {
	total, at, have := 0, 0, 0
	for paragraph := range strings.SplitSeq(body, "\n") {
		want := []byte(squeeze(paragraph))
		if len(want) == 0 {
			continue
		}
		total += len(want)
		i := bytes.Index(p.text[at:], want)
		if i >= 0 {
			i += at
		} else if i = bytes.Index(p.text, want); i < 0 {
			continue
		}
		if len(found) == 0 && bytes.Count(p.text, want) > 1 && len(want) < 200 {
			// The first one may stand above the body too; the last place before
			// the next paragraph is not known yet, so it counts and does not lead.
			have += len(want)
			found = append(found, stretch{i, i + len(want)})
			continue
		}
		have += len(want)
		found = append(found, stretch{i, i + len(want)})
		at = i + len(want)
	}
	if total == 0 {
		return nil, 0
	}
	slices.SortFunc(found, func(a, b stretch) int { return a.start - b.start })
	return found, float64(have) / float64(total)
}

// covered counts the bytes of stretches that lie in a part of the text.
func covered(found []stretch, start, end int) (n int) {
	for _, s := range found {
		if s.start >= start && s.end <= end {
			n += s.end - s.start
		}
	}
	return n
}
