package generic

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// squash keeps the letters and digits of a text in lower case, so that two
// printings of a headline are equal.
func squash(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range s {
		if c < 0x80 {
			switch {
			case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
				b.WriteByte(byte(c))
			case 'A' <= c && c <= 'Z':
				b.WriteByte(byte(c) + 'a' - 'A')
			}
			continue
		}
		if unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) {
			b.WriteRune(unicode.ToLower(c))
		}
	}
	return b.String()
}

// appendOwn writes the text under a node up to the blocks inside it.
func appendOwn(b *strings.Builder, n *html.Node, depth int) {
	if depth > 500 {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			b.WriteString(c.Data)
		case html.ElementNode:
			if dom.Invisible(c) {
				continue
			}
			if dom.IsBlock(c) || c.DataAtom == atom.Br {
				b.WriteByte(' ')
				continue
			}
			appendOwn(b, c, depth+1)
		}
	}
}
