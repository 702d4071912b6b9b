package dom

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"
)

// Attr returns the value of an attribute, "" when the node has none.
func Attr(n *nethtml.Node, key string) string {
	for i := range n.Attr {
		if n.Attr[i].Key == key {
			return n.Attr[i].Val
		}
	}
	return ""
}

// Text returns what a reader sees of a part of the tree on one line; see
// Clean. Nodes that show nothing are passed over, inline nodes are joined
// without a blank, and blocks with one.
func Text(n *nethtml.Node) string { return TextWithout(n, nil) }

// TextWithout is Text without the nodes for which drop returns true.
func TextWithout(n *nethtml.Node, drop func(*nethtml.Node) bool) string {
	var b strings.Builder
	appendText(&b, n, drop, 0)
	return Clean(b.String())
}

// HasText reports whether Text would return anything.
func HasText(n *nethtml.Node) bool {
	switch n.Type {
	case nethtml.TextNode:
		return strings.ContainsFunc(n.Data, func(r rune) bool { return !unicode.IsSpace(r) && !unwanted(r) && r >= ' ' })
	case nethtml.ElementNode:
		if Invisible(n) {
			return false
		}
	case nethtml.CommentNode, nethtml.DoctypeNode:
		return false
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if HasText(c) {
			return true
		}
	}
	return false
}

func appendText(b *strings.Builder, n *nethtml.Node, drop func(*nethtml.Node) bool, depth int) {
	switch n.Type {
	case nethtml.TextNode:
		b.WriteString(n.Data)
		return
	case nethtml.ElementNode:
		if Invisible(n) || drop != nil && drop(n) {
			return
		}
		if n.DataAtom == atom.Br || n.DataAtom == atom.Img {
			b.WriteByte(' ')
			return
		}
	case nethtml.CommentNode, nethtml.DoctypeNode:
		return
	}
	if depth > maxDepth {
		return
	}
	block := n.Type == nethtml.ElementNode && IsBlock(n)
	if block {
		b.WriteByte(' ')
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		appendText(b, c, drop, depth+1)
	}
	if block {
		b.WriteByte(' ')
	}
}

// maxDepth bounds recursion; html.Parse itself refuses deeper trees.
const maxDepth = 1000

// Clean folds white space to single blanks and normalises to NFC, without
// zero-width characters, soft hyphens and marks of direction, with character
// references that were escaped twice resolved.
func Clean(s string) string {
	return fold(s, false)
}

// CleanLines does the same and keeps line breaks; empty lines go.
func CleanLines(s string) string {
	return fold(s, true)
}

func fold(s string, lines bool) string {
	if i := strings.IndexByte(s, '&'); i >= 0 {
		s = unescapeTwice(s)
	}
	if !plain(s, lines) {
		var b strings.Builder
		b.Grow(len(s))
		pending := byte(0) // the white space to write before the next character
		for i, r := range s {
			switch {
			case r == '\n' && lines:
				pending = '\n'
				continue
			case unicode.IsSpace(r) || r == '\u00a0':
				if pending == 0 {
					pending = ' '
				}
				continue
			case r < ' ', r == 0x7f, unwanted(r) && !joins(s, i, r):
				continue
			}
			if pending != 0 && b.Len() > 0 {
				b.WriteByte(pending)
			}
			pending = 0
			b.WriteRune(r)
		}
		s = b.String()
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return s
}

// plain reports whether fold has nothing to do but normalise.
func plain(s string, lines bool) bool {
	space := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ':
			if space {
				return false
			}
			space = true
			continue
		case c < ' ' || c == 0x7f:
			return false
		case c == 0xc2 && i+1 < len(s) && (s[i+1] == 0xa0 || s[i+1] == 0xad || s[i+1] < 0xa0):
			return false
		case c == 0xe2 && i+1 < len(s) && (s[i+1] == 0x80 || s[i+1] == 0x81):
			if r, _ := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) || unwanted(r) {
				return false
			}
		case c == 0xe3 && strings.HasPrefix(s[i:], "\u3000"), c == 0xef:
			return false
		}
		space = false
	}
	return !space || s == ""
}

func unwanted(r rune) bool {
	switch {
	case r == '\u00ad', r == '\ufeff', r == '\u2060', r == '\u180e':
		return true
	case r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	case r >= 0x80 && r <= 0x9f:
		return true
	}
	return false
}

// joins reports a joiner that its script needs: Arabic, Indic and emoji.
func joins(s string, i int, r rune) bool {
	if r != '\u200c' && r != '\u200d' {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
	needs := func(r rune) bool {
		return r >= 0x0600 && r <= 0x0dff || r >= 0x1000 && r <= 0x109f || r >= 0x1780 && r <= 0x18af || r >= 0x2600 && r <= 0x27bf || r == 0xfe0f || r >= 0x1f000
	}
	return needs(before) && needs(after)
}

var reference = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});`)

// unescapeTwice resolves references that a CMS escaped once too often. &lt;
// and &gt; stay: a page that shows them means them.
func unescapeTwice(s string) string {
	if !strings.Contains(s, ";") {
		return s
	}
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		switch ref {
		case "&lt;", "&gt;", "&#60;", "&#62;":
			return ref
		}
		return html.UnescapeString(ref)
	})
}

// Invisible reports elements whose text no reader sees.
func Invisible(n *nethtml.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Head, atom.Iframe, atom.Object, atom.Embed,
		atom.Svg, atom.Math, atom.Canvas, atom.Audio, atom.Video, atom.Select, atom.Textarea, atom.Button, atom.Input, atom.Option, atom.Datalist:
		return n.DataAtom != atom.Math
	}
	for i := range n.Attr {
		switch a := &n.Attr[i]; a.Key {
		case "hidden":
			return true
		case "style":
			if strings.Contains(a.Val, "display") && hides(a.Val) {
				return true
			}
		}
	}
	return false
}

func hides(style string) bool {
	_, value, _ := strings.Cut(style, "display")
	value = strings.TrimLeft(value, " \t")
	value, ok := strings.CutPrefix(value, ":")
	return ok && strings.HasPrefix(strings.TrimLeft(value, " \t"), "none")
}

// IsBlock reports elements that begin a line of their own.
func IsBlock(n *nethtml.Node) bool {
	switch n.DataAtom {
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Header, atom.Footer, atom.Aside, atom.Nav,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Caption, atom.Blockquote,
		atom.Pre, atom.Figure, atom.Figcaption, atom.Hr, atom.Address, atom.Form, atom.Fieldset, atom.Details,
		atom.Summary, atom.Body, atom.Html, atom.Center, atom.Dialog, atom.Menu, atom.Hgroup:
		return true
	}
	return false
}
