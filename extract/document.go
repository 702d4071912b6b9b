package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// A document is a parsed page and what is asked of it more than once. One walk
// over the tree notes the elements with their classes and ids, so that
// selectors need no walk of their own.
type document struct {
	root     *html.Node
	elements []*html.Node // in the order of the page
	names    []nameAt     // their classes and ids

	links    []*html.Node // the <link> elements
	base     string       // of <base href>
	ogURL    string       // of og:url
	refresh  string       // of <meta http-equiv="refresh">
	siteName string       // of og:site_name
	lang     string       // of <html lang>

	headline string // of the first <h1>, else the <title>
	marks    marks
	found    map[string][]*html.Node // by the text of the selector
}

// A nameAt says that an element has a class or an id with this mark.
type nameAt struct{ mark, element uint32 }

// newDocument walks the tree of a page of so many bytes. Classes and ids are
// noted when there are definitions that may select by them.
func newDocument(root *html.Node, size int, defined bool) *document {
	const perElement = 80 // bytes, about
	d := &document{root: root, found: map[string][]*html.Node{}}
	d.elements = make([]*html.Node, 0, size/perElement)
	if defined {
		d.names = make([]nameAt, 0, size/perElement)
	}
	heading := false
	for n := root.FirstChild; n != nil; n = next(n, root) {
		if n.Type != html.ElementNode {
			continue
		}
		for i := 0; defined && i < len(n.Attr); i++ {
			switch a := &n.Attr[i]; a.Key {
			case "class":
				for token := range strings.FieldsSeq(a.Val) {
					d.name('.', token)
				}
			case "id":
				d.name('#', a.Val)
			}
		}
		d.elements = append(d.elements, n)
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
			if strings.EqualFold(dom.Attr(n, "http-equiv"), "refresh") {
				d.refresh = dom.Attr(n, "content")
			}
			switch dom.Attr(n, "property") {
			case "og:url":
				if d.ogURL == "" {
					d.ogURL = strings.TrimSpace(dom.Attr(n, "content"))
				}
			case "og:site_name":
				if d.siteName == "" {
					d.siteName = dom.Clean(dom.Attr(n, "content"))
				}
			}
		}
	}
	return d
}

// name notes a class or id of the element that comes next.
func (d *document) name(kind byte, token string) {
	m := mark(kind, token)
	d.marks.add(m)
	d.names = append(d.names, nameAt{m, uint32(len(d.elements))})
}

// next returns the node that follows n in the order of the page, nil behind
// the last one below root.
func next(n, root *html.Node) *html.Node {
	if n.FirstChild != nil {
		return n.FirstChild
	}
	for ; n != root; n = n.Parent {
		if n.NextSibling != nil {
			return n.NextSibling
		}
	}
	return nil
}

// match returns what one alternative of a selector matches, in the order of
// the page.
func (d *document) match(a alternative) []*html.Node {
	for _, need := range a.needs {
		if !d.marks.has(need) {
			return nil
		}
	}
	nodes, known := d.found[a.css]
	if known {
		return nodes
	}
	among := func(elements []*html.Node, end *html.Node) (looked int) {
		for ; looked < len(elements) && elements[looked] != end; looked++ {
			if n := elements[looked]; (a.tag == 0 || a.tag == n.DataAtom) && a.sel.Match(n) {
				nodes = append(nodes, n)
			}
		}
		return looked
	}
	switch {
	case a.mark != 0:
		for _, name := range d.names {
			if name.mark != a.mark {
				continue
			}
			if n := d.elements[name.element]; a.sel.Match(n) && (len(nodes) == 0 || nodes[len(nodes)-1] != n) {
				nodes = append(nodes, n)
			}
		}
	case a.within != 0:
		done := 0
		for _, name := range d.names {
			if i := int(name.element); name.mark == a.within && i >= done {
				done = i + 1 + among(d.elements[i+1:], behind(d.elements[i]))
			}
		}
	default:
		among(d.elements, nil)
	}
	d.found[a.css] = nodes
	return nodes
}

// behind returns the element that follows all that is in n, nil when none does.
func behind(n *html.Node) *html.Node {
	for ; n != nil; n = n.Parent {
		for s := n.NextSibling; s != nil; s = s.NextSibling {
			if s.Type == html.ElementNode {
				return s
			}
		}
	}
	return nil
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

func (m *marks) add(h uint32)      { m[h>>6&1023] |= 1 << (h & 63) }
func (m *marks) has(h uint32) bool { return m[h>>6&1023]&(1<<(h&63)) != 0 }

// mark is FNV-1a, written out (hash/fnv allocates), and never 0.
func mark(kind byte, token string) uint32 {
	h := (uint32(2166136261) ^ uint32(kind)) * 16777619
	for i := 0; i < len(token); i++ {
		h = (h ^ uint32(token[i])) * 16777619
	}
	return max(h^h>>16, 1)
}

// needs returns the marks of the classes and ids without which a selector
// matches nothing; and of what it matches a mark that each has, one of an element
// that each is in, and the tag.
func needs(css string) (all []uint32, own, within uint32, tag atom.Atom) {
	if strings.Contains(css, `\`) || strings.Count(css, "(") > 1 {
		return nil, 0, 0, 0
	}
	css = strings.TrimSpace(withoutBrackets(css))
	if strings.ContainsAny(css, "\"'[]()") {
		return nil, 0, 0, 0
	}
	at := strings.LastIndexAny(css, " \t\n>+~") + 1
	last := css[at:]
	if m := marksOf(last); len(m) > 0 {
		own = m[0]
	}
	if m := marksOf(css[:at]); len(m) > 0 && !strings.ContainsAny(css, "+~") {
		within = m[len(m)-1]
	}
	end := strings.IndexFunc(last, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
	})
	if end < 0 {
		end = len(last)
	}
	return marksOf(css), own, within, atom.Lookup([]byte(strings.ToLower(last[:end]))) // no tag begins with a digit
}

// withoutBrackets leaves out what stands in brackets that are closed.
func withoutBrackets(css string) string {
	var b strings.Builder
	for {
		open := strings.IndexAny(css, "[(")
		if open < 0 {
			b.WriteString(css)
			return b.String()
		}
		closing := byte(']')
		if css[open] == '(' {
			closing = ')'
		}
		end := strings.IndexByte(css[open:], closing)
		if end < 0 {
			b.WriteString(css[:open+1])
			css = css[open+1:]
			continue
		}
		b.WriteString(css[:open])
		css = css[open+end+1:]
	}
}

// marksOf returns the marks of the classes and ids that a selector without
// brackets names. Every definition is read by every command, and expressions
// took most of that time.
func marksOf(css string) (all []uint32) {
	for i := 0; i < len(css); {
		kind := css[i]
		i++
		if kind != '.' && kind != '#' {
			continue
		}
		n := strings.IndexFunc(css[i:], func(c rune) bool { return c != '-' && c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) })
		if n < 0 {
			n = len(css) - i
		}
		if first, _ := utf8.DecodeRuneInString(css[i:]); n == 0 || unicode.IsNumber(first) {
			continue
		}
		all = append(all, mark(kind, css[i:i+n]))
		i += n
	}
	return all
}
