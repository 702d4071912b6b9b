package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A token is what the tree is told of at a time.
type token struct {
	kind tokenKind
	tag  *tag             // of a start or an end
	attr []html.Attribute // of a start
	data string           // of text, a comment and a doctype

	picture *html.Node // in place of an <svg>
}

type tokenKind uint8

const (
	text tokenKind = iota
	start
	end
	comment
	doctype
)

// run reads the page from its first byte to its last, or to what is odd.
func (p *parser) run() {
	for p.pos < len(p.s) && p.odd == "" {
		at := p.markupFrom(p.pos)
		if at > p.pos {
			data := p.s[p.pos:at]
			p.pos = at
			p.take(token{kind: text, data: unescape(data, false)})
			continue
		}
		p.markup()
	}
	if p.odd == "" {
		p.finish()
	}
}

// markupFrom returns where the next tag, comment or declaration begins; "<"
// before anything else is text.
func (p *parser) markupFrom(i int) int {
	for {
		n := strings.IndexByte(p.s[i:], '<')
		if n < 0 || i+n+1 == len(p.s) {
			return len(p.s)
		}
		i += n
		if c := p.s[i+1]; isLetter(c) || c == '/' || c == '!' || c == '?' {
			return i
		}
		i++
	}
}

// markup reads what begins with "<" at the position.
func (p *parser) markup() {
	rest := p.s[p.pos+1:]
	switch {
	case isLetter(rest[0]):
		p.startTag()
	case rest[0] == '/' && len(rest) > 1 && isLetter(rest[1]):
		p.endTag()
	case rest[0] == '/' && len(rest) > 1 && rest[1] == '>':
		p.pos += len("</>")
		p.take(token{kind: comment}) // as html.Parse has it
	case strings.HasPrefix(rest, "!--"):
		if data, ok := p.comment(); ok {
			p.take(token{kind: comment, data: data})
		}
	case rest[0] == '!' && len(rest) > len("!doctype") && lower(rest[1:len("!doctype")]) == "doctype":
		if n := strings.IndexByte(rest, '>'); n >= 0 {
			p.pos += 1 + n + 1
			p.take(token{kind: doctype, data: strings.TrimLeft(rest[len("!doctype"):n], whitespace)})
			return
		}
		p.odd = "unfinished doctype"
	case rest[0] == '?':
		p.bogus(p.pos + len("<"))
	default:
		p.bogus(p.pos + len("<!")) // or "</"
	}
}

// bogus reads what browsers take for a comment, to the next ">".
func (p *parser) bogus(from int) {
	n := strings.IndexByte(p.s[from:], '>')
	if n < 0 {
		p.odd = "unfinished declaration"
		return
	}
	p.pos = from + n + 1
	p.take(token{kind: comment, data: unescape(p.s[from:from+n], false)})
}

// comment reads what stands between "<!--" and "-->".
func (p *parser) comment() (data string, ok bool) {
	from := p.pos + len("<!--")
	if rest := p.s[from:]; strings.HasPrefix(rest, ">") || strings.HasPrefix(rest, "->") {
		p.odd = "comment that ends at once"
		return "", false
	}
	for i := from; ; {
		n := strings.Index(p.s[i:], "--")
		if n < 0 {
			p.odd = "unfinished comment"
			return "", false
		}
		for i += n + 2; i < len(p.s) && p.s[i] == '-'; i++ {
		}
		switch {
		case i < len(p.s) && p.s[i] == '>':
			p.pos = i + 1
			return unescape(p.s[from:i-len("--")], false), true
		case i < len(p.s) && p.s[i] == '!':
			p.odd = "comment that ends with !"
			return "", false
		}
	}
}

// startTag reads one, and the text of an element that holds nothing but text.
func (p *parser) startTag() {
	t := p.name(p.pos + 1)
	attr := p.attributes(true)
	if p.ends() {
		return
	}
	if t.kind == kindSvg {
		p.take(token{kind: start, tag: t, picture: p.picture(attr)})
		return
	}
	p.take(token{kind: start, tag: t, attr: attr})
	if t.raw && p.odd == "" {
		p.raw(t)
	}
}

func (p *parser) endTag() {
	t := p.name(p.pos + 2)
	if p.pos < len(p.s) && p.s[p.pos] == '>' {
		p.pos++
	} else {
		p.attributes(false)
	}
	if !p.ends() {
		p.take(token{kind: end, tag: t})
	}
}

const unfinished = "unfinished tag"

// ends reports whether the tag being read is odd or has no end: the page was cut
// there, and what was read of the tag is dropped.
func (p *parser) ends() bool {
	if p.odd == unfinished {
		p.odd, p.pos = "", len(p.s)
		return true
	}
	return p.odd != ""
}

// name reads the name of a tag and what is known of it.
func (p *parser) name(from int) *tag {
	i := from
	for i < len(p.s) && !ends[p.s[i]] {
		i++
	}
	p.pos = i
	if i == len(p.s) {
		p.odd = unfinished
		return unknown
	}
	name := p.s[from:i]
	if t := tags[name]; t != nil {
		return t
	}
	name = lower(name)
	if t := tags[name]; t != nil {
		return t
	}
	t := &tag{name: name, atom: atom.Lookup([]byte(name))}
	if t.atom != 0 {
		t.name = t.atom.String()
	}
	return t
}

// attributes reads to the end of a tag. Of an attribute that stands there twice
// the first counts.
func (p *parser) attributes(keep bool) []html.Attribute {
	s, i := p.s, p.pos
	first := len(p.attrs)
	for {
		for i < len(s) && space[s[i]] {
			i++
		}
		if i == len(s) {
			break
		}
		if s[i] == '>' {
			p.pos = i + 1
			if len(p.attrs) == first {
				return nil
			}
			return p.attrs[first:len(p.attrs):len(p.attrs)]
		}
		from := i
		if s[i] == '=' {
			i++
		}
		for i < len(s) && !ends[s[i]] && s[i] != '=' {
			i++
		}
		key, val := s[from:i], ""
		for i < len(s) && space[s[i]] {
			i++
		}
		if i == len(s) {
			break
		}
		switch s[i] {
		case '/':
			i++
		case '=':
			for i++; i < len(s) && space[s[i]]; i++ {
			}
			if i == len(s) {
				p.odd = unfinished
				return nil
			}
			switch c := s[i]; c {
			case '>':
			case '"', '\'':
				n := strings.IndexByte(s[i+1:], c)
				if n < 0 {
					p.odd = unfinished
					return nil
				}
				val = s[i+1 : i+1+n]
				i += n + 2
			default:
				from := i
				for i < len(s) && s[i] != '>' && !space[s[i]] {
					i++
				}
				val = s[from:i]
				p.unquoted = i
			}
		}
		if keep && key != "" {
			if first = p.attribute(first, lower(key), val); p.odd != "" {
				return nil
			}
		}
	}
	p.odd = unfinished
	return nil
}

// attribute keeps one of the tag whose attributes begin at first, and returns
// where they begin now.
func (p *parser) attribute(first int, key, val string) int {
	const most = 64 // of one tag; comparing each with all is slow for more
	n := len(p.attrs) - first
	if n == most {
		p.odd = "very many attributes"
		return first
	}
	for i := first; i < len(p.attrs); i++ {
		if p.attrs[i].Key == key {
			return first
		}
	}
	if len(p.attrs) == cap(p.attrs) {
		block := make([]html.Attribute, n, max(2*n, p.many()))
		copy(block, p.attrs[first:])
		p.attrs, first = block, 0
	}
	p.attrs = append(p.attrs, html.Attribute{Key: key, Val: unescape(val, true)})
	return first
}

// raw reads the text of the element that was begun last, to its end tag.
func (p *parser) raw(t *tag) {
	if p.top().tag != t {
		p.odd = t.name + " where none may be"
		return
	}
	from := p.pos
	at := p.rawEnd(t)
	if at < 0 {
		p.odd = "unfinished " + t.name
		return
	}
	data := p.s[from:at]
	if t.kind == kindTextarea || t.kind == kindTitle {
		data = unescape(data, false)
	}
	if t.kind == kindTextarea {
		data = firstNewline(data)
	}
	if data != "" {
		p.addText(data)
	}
	p.pos = at + len("</") + len(t.name)
	p.attributes(false)
	p.pop()
}

// rawEnd returns where the end tag of the element begins whose start tag was
// read, or -1.
func (p *parser) rawEnd(t *tag) int {
	if t.kind == kindScript {
		return p.scriptEnd(t)
	}
	for i := p.pos; ; i++ {
		n := strings.Index(p.s[i:], "</")
		if n < 0 {
			return -1
		}
		if i += n; begins(p.s[i+2:], t.name) {
			return i
		}
	}
}

// scriptEnd is rawEnd for a script, of which a part can be in a comment: there
// it may hold a script, with its end tag.
func (p *parser) scriptEnd(t *tag) int {
	const plain, hidden, within = 0, 1, 2
	state := plain
	for i := p.pos; ; {
		n := strings.IndexByte(p.s[i:], '<')
		if state != plain {
			if p.closing < i { // the page is searched once for all of them
				p.closing = len(p.s)
				if m := strings.Index(p.s[i:], "-->"); m >= 0 {
					p.closing = i + m
				}
			}
			if p.closing < len(p.s) && (n < 0 || p.closing < i+n) {
				i, state = p.closing+len("-->"), plain
				continue
			}
		}
		if n < 0 {
			return -1
		}
		i += n + 1
		rest := p.s[i:]
		ends := strings.HasPrefix(rest, "/") && begins(rest[1:], t.name)
		switch {
		case ends && state != within:
			return i - 1
		case ends:
			i, state = i+len("/script>"), hidden
		case state == plain && strings.HasPrefix(rest, "!--"):
			i, state = i+len("!"), hidden // "<!-->" is the whole comment
		case state == hidden && begins(rest, t.name):
			i, state = i+len("script>"), within
		case state == hidden && rest != "" && rest[0] != '/' && !isLetter(rest[0]):
			state = plain // as html.Parse has it
		}
	}
}

// begins says whether s begins with the name of a tag, and not with a longer one.
func begins(s, name string) bool {
	return len(s) > len(name) && ends[s[len(name)]] && lower(s[:len(name)]) == name
}

// firstNewline drops the newline that a <pre> or a <textarea> may begin with.
func firstNewline(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "\r"), "\n")
}

const whitespace = " \t\r\n\f"

// space is white space; ends is that and what else ends a name.
var space, ends = func() (space, ends [256]bool) {
	for _, c := range []byte(whitespace) {
		space[c], ends[c] = true, true
	}
	ends['/'], ends['>'] = true, true
	return space, ends
}()

func isLetter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }

func isAlphanumeric(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }

// lower changes the case of ASCII letters only.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// unescape resolves character references. In attributes those without a
// semicolon are none before "=" and inside of words: ?a=1&copy=2.
func unescape(s string, attribute bool) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		n := 1
		if n < len(s) && s[n] == '#' {
			n++
		}
		for n < len(s) && isAlphanumeric(s[n]) {
			n++
		}
		if n < len(s) && s[n] == ';' {
			n++
		}
		reference := s[:n]
		s = s[n:]
		switch reference {
		case "&amp;":
			b.WriteByte('&')
		case "&nbsp;":
			b.WriteRune('\u00a0')
		case "&quot;":
			b.WriteByte('"')
		default:
			b.WriteString(resolve(reference, attribute, strings.HasPrefix(s, "=")))
		}
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String()
}

// resolve returns what a reference and the word behind it stand for.
func resolve(reference string, attribute, equals bool) string {
	if reference == "&" {
		return reference
	}
	last := reference[len(reference)-1]
	if !attribute || reference[1] == '#' {
		return html.UnescapeString(reference)
	}
	if equals && last != ';' {
		return reference
	}
	// html.UnescapeString resolves the beginning of a word, too, and leaves the
	// rest of it: one reference stands for letters, and one for a semicolon.
	out := html.UnescapeString(reference)
	if rest := out[len(out)-1]; reference != "&semi;" && reference != "&fjlig;" && (rest == ';' || isAlphanumeric(rest)) {
		return reference
	}
	return out
}
