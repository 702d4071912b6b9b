// Package markup reads HTML into a tree.
//
// [Parse] gives what [html.Parse] gives, node for node, in a fraction of the
// time. It does so by knowing less: what pages are nearly always made of is
// read here, in one pass over one string that all nodes share; as soon as a
// page needs what is not known here (text that stands in a table beside its
// cells, framesets, formulas), the whole page is left to html.Parse.
//
// The rules are those of "Parsing HTML documents" in the HTML standard
// (https://html.spec.whatwg.org/multipage/parsing.html) where html.Parse keeps
// to them, and its own where it does not: html.Parse is the measure, and the
// tests hold every tree against it.
package markup

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// Parse returns the tree of a page in UTF-8, the same as html.Parse: it fails
// on elements nested more than 512 deep. The tree keeps nothing of text, which
// is free to change afterwards; most of its strings are parts of one copy of the page,
// so that what is to outlive the page is to be cloned.
func Parse(text []byte) (*html.Node, error) {
	if root := known(text); root != nil {
		return root, nil
	}
	return html.Parse(bytes.NewReader(text))
}

// known returns the tree of a page that holds nothing odd, or nil. A page that
// proves a rule here wrong is odd, too: the tests, which would be told, ask quick.
func known(text []byte) (root *html.Node) {
	defer func() {
		if recover() != nil {
			root = nil
		}
	}()
	if root, odd := quick(text); odd == "" {
		return root
	}
	return nil
}

// quick returns the tree, or what the page holds that is not known here.
func quick(text []byte) (root *html.Node, odd string) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, "NUL"
	}
	p := &parser{s: newlines(text)}
	p.doc = p.node(html.DocumentNode, "")
	p.run()
	return p.doc, p.odd
}

// newlines returns a copy in which every line ends by a line feed. The standard
// does that before anything else.
func newlines(text []byte) string {
	if bytes.IndexByte(text, '\r') < 0 {
		return string(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for {
		i := bytes.IndexByte(text, '\r')
		if i < 0 {
			b.Write(text)
			return b.String()
		}
		b.Write(text[:i])
		b.WriteByte('\n')
		if text = text[i+1:]; len(text) > 0 && text[0] == '\n' {
			text = text[1:]
		}
	}
}
