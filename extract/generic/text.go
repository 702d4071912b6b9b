package generic

import (
	"strings"
	"unicode"
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
