package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// picture reads an <svg> whose start tag was read, from there to its end. Names
// and rules are others in it; html.Parse knows them. It returns nil for one that
// is odd: in which something ends that did not begin in it, or that holds HTML.
func (p *parser) picture(from int) *html.Node {
	elements := p.skipPicture()
	if p.odd != "" {
		return nil
	}
	p.odd = "svg"
	// What begins behind the picture shows whether it has ended.
	source := p.s[from:p.pos] + "<a></a>"
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil || len(nodes) != 2 || nodes[1].Data != "a" || nodes[1].Namespace != "" {
		return nil
	}
	svg := nodes[0]
	elements--
	for n := range svg.Descendants() {
		if n.Type == html.ElementNode {
			if elements--; n.Namespace != svg.Namespace {
				return nil
			}
		}
	}
	if elements == 0 {
		p.odd = ""
	}
	return svg
}

// skipPicture moves behind the end tag of the picture whose start tag was read,
// and counts the elements.
func (p *parser) skipPicture() (elements int) {
	elements = 1
	if p.s[p.pos-2] == '/' {
		return elements
	}
	open := []string{"svg"}
	for len(open) > 0 && p.odd == "" {
		if p.pos = p.markupFrom(p.pos); p.pos == len(p.s) {
			p.odd = "unfinished svg"
			return 0
		}
		switch rest := p.s[p.pos+1:]; {
		case isLetter(rest[0]):
			t := p.name(p.pos + 1)
			p.attributes(false)
			if elements++; p.s[p.pos-2] != '/' {
				open = append(open, t.name)
			}
		case rest[0] == '/' && len(rest) > 1 && isLetter(rest[1]):
			t := p.name(p.pos + 2)
			p.attributes(false)
			if t.name != open[len(open)-1] {
				p.odd = "svg with misplaced ends"
				return 0
			}
			open = open[:len(open)-1]
		case strings.HasPrefix(rest, "!--"):
			n := strings.Index(rest[len("!--"):], "-->")
			if n < 0 {
				p.odd = "unfinished comment"
				return 0
			}
			p.pos += 1 + len("!--") + n + len("-->")
		default:
			p.odd = "svg with declarations"
		}
	}
	return elements
}

// graft puts a picture where the page is.
func (p *parser) graft(n *html.Node) {
	if len(p.open)+depth(n) > maxOpen {
		p.odd = "too deep"
		return
	}
	p.place(n)
}

// depth counts the elements down to the deepest.
func depth(n *html.Node) (d int) {
	for c := range n.ChildNodes() {
		d = max(d, depth(c))
	}
	if n.Type == html.ElementNode {
		d++
	}
	return d
}
