package dom

import (
	"regexp"
	"strings"
)

// Href writes a link, as a page has it or a person types it, so that package url
// takes it for what browsers do (WHATWG URL): without blanks around it and line
// breaks in it, with / for the \ of a web address, and with %25 for a % that
// begins no escape. What is no link of the web, such as mailto:, is only trimmed.
// A query keeps its %, which package url takes, and servers may mean something by
// it: %u1EBF is how old ones write ế.
func Href(raw string) string {
	raw = strings.TrimFunc(strings.TrimSpace(raw), isControl)
	if !isOdd(raw) {
		return raw
	}
	link := noBreaks.Replace(raw)
	scheme := linkScheme.FindString(link)
	switch strings.ToLower(scheme) {
	case "", "http:", "https:":
	default:
		return raw
	}
	head, tail := link[len(scheme):], ""
	if i := strings.IndexAny(head, "?#"); i >= 0 {
		head, tail = head[:i], head[i:]
	}
	head = strings.ReplaceAll(head, `\`, "/")
	authority := ""
	if strings.HasPrefix(head, "//") { // a % in it is no host's
		end := len(head)
		if i := strings.IndexByte(head[2:], '/'); i >= 0 {
			end = i + 2
		}
		authority, head = head[:end], head[end:]
	}
	query, fragment := tail, ""
	if i := strings.IndexByte(tail, '#'); i >= 0 {
		query, fragment = tail[:i], tail[i:]
	}
	return scheme + authority + escape(head, true) + escape(query, false) + escape(fragment, true)
}

var (
	linkScheme = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
	noBreaks   = strings.NewReplacer("\n", "", "\r", "", "\t", "")
)

func isControl(r rune) bool { return r <= ' ' }

// isOdd reports whether there may be anything to do: for most links there is not.
func isOdd(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '\\' || c == '%' && !isEscape(s[i:]) {
			return true
		}
	}
	return false
}

// isEscape reports whether a text begins with % and two hexadecimal digits.
func isEscape(s string) bool { return len(s) > 2 && isHex(s[1]) && isHex(s[2]) }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// escape escapes blanks and control characters, and each % that is none of an
// escape when it is to.
func escape(s string, percent bool) string {
	const digits = "0123456789ABCDEF"
	if !isOdd(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '%' && percent && !isEscape(s[i:]) {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
