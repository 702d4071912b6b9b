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
	if c := n.FirstChild; c != nil && c.NextSibling == nil && c.Type == nethtml.TextNode && n.Type == nethtml.ElementNode {
		if Invisible(n) || drop != nil && (drop(n) || drop(c)) {
			return ""
		}
		return Clean(c.Data)
	}
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
	var out []byte             // what was written, once that is not a part of s
	from, to := 0, 0           // until then, that part
	pending := byte(0)         // the white space to write before the next character
	whole, valid := true, true // NFC, UTF-8: as far as is known
	for i, size := 0, 1; i < len(s); i += size {
		c := s[i]
		size = 1
		switch {
		case c > ' ' && c < 0x7f:
		case c == '\n' && lines:
			pending = '\n'
			continue
		case c == ' ' || c >= '\t' && c <= '\r':
			if pending == 0 {
				pending = ' '
			}
			continue
		case c < utf8.RuneSelf:
			continue
		default:
			if size = Latin(s[i:]); size > 0 {
				break
			}
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case isWhole(r):
			case unicode.IsSpace(r):
				if pending == 0 {
					pending = ' '
				}
				continue
			case unwanted(r) && !joins(s, i, r):
				continue
			default:
				whole, valid = false, valid && (r != utf8.RuneError || size > 1)
			}
		}
		if out == nil {
			if to == from {
				from, to, pending = i, i, 0
			}
			if to == i || pending != 0 && to == i-1 && s[to] == pending {
				to, pending = i+size, 0
				continue
			}
			out = append(make([]byte, 0, len(s)-from), s[from:to]...)
		}
		if pending != 0 {
			out = append(out, pending)
			pending = 0
		}
		out = append(out, s[i:i+size]...)
	}
	if out == nil {
		s = s[from:to]
	} else {
		s = string(out)
	}
	if !valid {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if !whole && !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return s
}

// Latin returns the length of the Latin letter beyond ASCII that a text begins
// with, 0 when it does not. It decodes nothing: U+00C0 to U+024F begin with the
// bytes 0xC3 to 0xC9, U+1E00 to U+1EFF with 0xE1 and 0xB8 to 0xBB.
func Latin(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch c, d := s[0], s[1]; {
	case c >= 0xc3 && c <= 0xc9 && d&0xc0 == 0x80 && (c != 0xc3 || d != 0x97 && d != 0xb7): // × and ÷
		return 2
	case c == 0xe1 && d >= 0xb8 && d <= 0xbb && len(s) > 2 && s[2]&0xc0 == 0x80:
		return 3
	}
	return 0
}

// isWhole reports letters and signs beyond ASCII that are in NFC wherever they
// stand: those of Latin, and the quotes and dashes that go with them.
func isWhole(r rune) bool {
	return r > '\u00a0' && r < '\u0300' && r != '\u00ad' || r >= '\u1e00' && r <= '\u1eff' || r >= '\u2010' && r <= '\u2027'
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
