package extract

import (
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// A document is a parsed page and what is asked of it more than once. One walk
// over the tree notes which classes and ids there are, so that most selectors
// of most layouts need no walk of their own.
type document struct {
	root  *html.Node
	doc   *goquery.Selection
	links []*html.Node // the <link> elements
	base  string       // of <base href>
	ogURL string       // of og:url
	lang  string       // of <html lang>

	headline string // of the first <h1>, else the <title>
	marks    marks
	found    map[string][]*html.Node // by the text of the selector
}

func newDocument(root *html.Node) *document {
	d := &document{root: root, doc: goquery.NewDocumentFromNode(root).Selection, found: map[string][]*html.Node{}}
	heading := false
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for i := range n.Attr {
			switch a := &n.Attr[i]; a.Key {
			case "class":
				for token := range strings.FieldsSeq(a.Val) {
					d.marks.add('.', token)
				}
			case "id":
				d.marks.add('#', a.Val)
			}
		}
		switch n.DataAtom {
		case atom.Html:
			d.lang = dom.Attr(n, "lang")
		case atom.Title:
			if d.headline == "" && n.FirstChild != nil {
				d.headline = n.FirstChild.Data
			}
		case atom.H1:
			if !heading {
				d.headline, heading = dom.Text(n), true
			}
		case atom.Link:
			d.links = append(d.links, n)
		case atom.Base:
			if d.base == "" {
				d.base = strings.TrimSpace(dom.Attr(n, "href"))
			}
		case atom.Meta:
			if d.ogURL == "" && dom.Attr(n, "property") == "og:url" {
				d.ogURL = strings.TrimSpace(dom.Attr(n, "content"))
			}
		}
	}
	return d
}

// match returns what one alternative of a selector matches, in the order of
// the page.
func (d *document) match(a alternative) []*html.Node {
	for _, need := range a.needs {
		if !d.marks.has(need[0], need[1:]) {
			return nil
		}
	}
	nodes, known := d.found[a.css]
	if !known {
		nodes = d.doc.FindMatcher(a.sel).Nodes
		d.found[a.css] = nodes
	}
	return nodes
}

// first returns what the first alternative that matches anything matches.
func (d *document) first(s selector) ([]*html.Node, alternative) {
	for _, a := range s {
		if nodes := d.match(a); len(nodes) > 0 {
			return nodes, a
		}
	}
	return nil, alternative{}
}

// headLink returns the target of the first <link> of a relation.
func (d *document) headLink(rel string) string {
	for _, n := range d.links {
		if href := strings.TrimSpace(dom.Attr(n, "href")); href != "" && strings.EqualFold(dom.Attr(n, "rel"), rel) {
			return href
		}
	}
	return ""
}

// marks is a set of class names and ids that may say yes to one that is not in
// it, and never no to one that is: a Bloom filter with one hash.
type marks [1024]uint64

func (m *marks) add(kind byte, token string) {
	h := mark(kind, token)
	m[h>>6&1023] |= 1 << (h & 63)
}

func (m *marks) has(kind byte, token string) bool {
	h := mark(kind, token)
	return m[h>>6&1023]&(1<<(h&63)) != 0
}

// mark is FNV-1a, written out: hash/fnv allocates.
func mark(kind byte, token string) uint32 {
	h := (uint32(2166136261) ^ uint32(kind)) * 16777619
	for i := 0; i < len(token); i++ {
		h = (h ^ uint32(token[i])) * 16777619
	}
	return h ^ h>>16
}

var (
	bracketed = regexp.MustCompile(`\[[^\]]*\]|\([^)]*\)`)
	named     = regexp.MustCompile(`[.#][-_\pL][-_\pL\pN]*`)
)

// needs returns the classes and ids without which a selector matches nothing.
func needs(css string) []string {
	if strings.Contains(css, `\`) || strings.Count(css, "(") > 1 {
		return nil
	}
	return named.FindAllString(bracketed.ReplaceAllString(css, ""), -1)
}
