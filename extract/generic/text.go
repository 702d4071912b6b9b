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

// stripTags turns the markup in a string of data into text; paragraphs end
// where blocks do.
func stripTags(s string) string {
	if !strings.ContainsRune(s, '<') {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 || i+1 >= len(s) || !(s[i+1] == '/' || s[i+1] == '!' || 'a' <= s[i+1]|0x20 && s[i+1]|0x20 <= 'z') {
			if i < 0 || i+1 >= len(s) {
				b.WriteString(s)
				return b.String()
			}
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		end := strings.IndexByte(s[i:], '>')
		if end < 0 {
			return b.String()
		}
		closing := s[i+1] == '/'
		tag := strings.ToLower(strings.Trim(s[i:i+end], "</ "))
		if j := strings.IndexAny(tag, " \t\n/"); j > 0 {
			tag = tag[:j]
		}
		switch tag {
		case "p", "div", "br", "li", "h1", "h2", "h3", "h4", "blockquote", "tr", "ul", "ol":
			b.WriteString("\n")
		}
		s = s[i+end+1:]
		if (tag == "style" || tag == "script") && !closing {
			if end := strings.Index(s, "</"+tag); end >= 0 {
				s = s[end:]
			} else {
				return b.String()
			}
		}
	}
}

// paragraphs parts the lines of a text by blank lines.
func paragraphs(s string) string {
	var out []string
	for _, line := range strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\r' }) {
		if line = clean(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n\n")
}
