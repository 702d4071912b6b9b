package generic

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"luutin/extract/dom"
)

// A value is JSON as pages carry it, which is often not quite JSON.
type value struct {
	s    string // of a string, a number, a word
	keys []string
	vals []value
	kind byte // '"', '{', '[', 'n' for anything else, 0 for nothing
}

func (v *value) get(key string) *value {
	if v == nil || v.kind != '{' {
		return nil
	}
	for i := range v.keys {
		if v.keys[i] == key {
			return &v.vals[i]
		}
	}
	return nil
}

// text returns a string, or the first string of a list, or the @value or name
// of an object.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	switch v.kind {
	case '"':
		return dom.Clean(v.s)
	case 'n':
		if v.s != "null" && v.s != "true" && v.s != "false" {
			return v.s
		}
	case '[':
		for i := range v.vals {
			if s := v.vals[i].text(); s != "" {
				return s
			}
		}
	case '{':
		for _, k := range [...]string{"@value", "name", "url", "@id"} {
			if s := v.get(k).text(); s != "" {
				return s
			}
		}
	}
	return ""
}

// texts returns all strings of a list, or the one of a value.
func (v *value) texts() []string {
	if v == nil {
		return nil
	}
	if v.kind != '[' {
		if s := v.text(); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for i := range v.vals {
		if s := v.vals[i].text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// parseData reads JSON with line breaks in strings, quotes nobody escaped,
// commas too many, comments and marks of CDATA. What cannot be read ends the
// reading; what was read before it is kept.
func parseData(s string) value {
	p := dataParser{s: s}
	v := p.value(0)
	// Several documents in one script.
	for p.i < len(p.s) && !p.broken {
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != '{' && p.s[p.i] != '[' {
			break
		}
		w := p.value(0)
		v = value{kind: '[', vals: []value{v, w}}
	}
	return v
}

type dataParser struct {
	s      string
	i      int
	broken bool
}

const maxDataDepth = 64

func (p *dataParser) space() {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c <= ' ' || c == 0xEF && strings.HasPrefix(p.s[p.i:], "\uFEFF") || c == 0xC2 && strings.HasPrefix(p.s[p.i:], "\u00A0"):
			p.i++
			for p.i < len(p.s) && p.s[p.i]&0xC0 == 0x80 {
				p.i++
			}
		case c == '/' && strings.HasPrefix(p.s[p.i:], "/*"):
			end := strings.Index(p.s[p.i+2:], "*/")
			if end < 0 {
				p.i = len(p.s)
				return
			}
			p.i += end + 4
		case c == '/' && strings.HasPrefix(p.s[p.i:], "//"):
			end := strings.IndexByte(p.s[p.i:], '\n')
			if end < 0 || strings.HasPrefix(p.s[p.i:], "//<![CDATA[") {
				if end = strings.IndexAny(p.s[p.i:], "\n{["); end >= 0 && strings.HasPrefix(p.s[p.i:], "//<![CDATA[") {
					p.i += len("//<![CDATA[")
					continue
				}
				p.i = len(p.s)
				return
			}
			p.i += end
		case c == '<' && strings.HasPrefix(p.s[p.i:], "<!--"):
			p.i += 4
		case c == '<' && strings.HasPrefix(p.s[p.i:], "<![CDATA["):
			p.i += 9
		case c == '-' && strings.HasPrefix(p.s[p.i:], "-->"), c == ']' && strings.HasPrefix(p.s[p.i:], "]]>"):
			p.i += 3
		case c == ';':
			p.i++
		default:
			return
		}
	}
}

func (p *dataParser) value(depth int) value {
	p.space()
	if p.i >= len(p.s) || depth > maxDataDepth {
		p.broken = true
		return value{}
	}
	switch c := p.s[p.i]; c {
	case '{', '[':
		closing := c + 2
		v := value{kind: c}
		p.i++
		for !p.broken {
			p.space()
			for p.i < len(p.s) && p.s[p.i] == ',' {
				p.i++
				p.space()
			}
			if p.i >= len(p.s) {
				p.broken = true
				break
			}
			if p.s[p.i] == closing {
				p.i++
				break
			}
			if p.s[p.i] == '}' || p.s[p.i] == ']' { // the wrong bracket
				p.i++
				break
			}
			key := ""
			if c == '{' {
				if p.s[p.i] == '"' {
					key = p.str(':')
				} else {
					key = p.word()
				}
				p.space()
				if p.i >= len(p.s) || p.s[p.i] != ':' {
					p.broken = true
					break
				}
				p.i++
			}
			w := p.value(depth + 1)
			if w.kind == 0 {
				break
			}
			if c == '{' {
				v.keys = append(v.keys, key)
			}
			v.vals = append(v.vals, w)
		}
		return v
	case '"':
		return value{kind: '"', s: p.str(0)}
	case '}', ']', ',', ':':
		p.broken = c == ':'
		if c == ',' || c == '}' || c == ']' { // a value that is missing
			return value{kind: 'n', s: "null"}
		}
		return value{}
	}
	w := p.word()
	if w == "" {
		p.broken = true
		return value{}
	}
	return value{kind: 'n', s: w}
}

func (p *dataParser) word() string {
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune(",:{}[]\"\n\r\t ", rune(p.s[p.i])) {
		p.i++
	}
	return strings.Trim(p.s[start:p.i], "'")
}

// str reads a string. A quote ends it when what follows fits: a colon behind
// a key; a comma, a bracket or the end behind a value.
func (p *dataParser) str(after byte) string {
	p.i++
	start := p.i
	escaped := false
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '\\':
			escaped = true
			p.i += 2
			continue
		case '"':
			if p.ends(after) {
				s := p.s[start:p.i]
				p.i++
				if escaped {
					return unescape(s)
				}
				return s
			}
		}
		p.i++
	}
	p.i = len(p.s)
	p.broken = true
	return p.s[start:]
}

func (p *dataParser) ends(after byte) bool {
	for j := p.i + 1; j < len(p.s); j++ {
		switch c := p.s[j]; {
		case c <= ' ':
			continue
		case after != 0:
			return c == after
		default:
			return c == ',' || c == '}' || c == ']' || c == '/' || c == ';'
		}
	}
	return true
}

func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'r':
			b.WriteByte('\n')
		case 't', 'b', 'f':
			b.WriteByte(' ')
		case 'u':
			r, ok := hex4(s[i+1:])
			if !ok {
				continue
			}
			i += 4
			if 0xD800 <= r && r < 0xDC00 && i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if low, ok := hex4(s[i+3:]); ok && 0xDC00 <= low && low < 0xE000 {
					r = (r-0xD800)<<10 + low - 0xDC00 + 0x10000
					i += 6
				}
			}
			if !utf8.ValidRune(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := 0; i < 4; i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// stateText finds the longest run of paragraphs in the data that the scripts
// of a page keep: objects that call themselves paragraphs, or one string of
// markup. It must hold one of the beginnings that the page shows, if any.
func (r *Reading) stateText(openings []string) string {
	best := ""
	take := func(s string) {
		if len(s) <= len(best) {
			return
		}
		k := squash(s)
		for _, o := range openings {
			if strings.Contains(k, o) {
				best = s
				return
			}
		}
		if len(openings) == 0 {
			best = s
		}
	}
	var visit func(v *value, depth int)
	visit = func(v *value, depth int) {
		if depth > maxDataDepth {
			return
		}
		switch v.kind {
		case '"':
			if len(v.s) > 800 && strings.Count(v.s, "<p") > 2 {
				take(paragraphs(stripTags(v.s)))
			}
		case '[':
			var lines []string
			for i := range v.vals {
				w := &v.vals[i]
				switch typ := kindOfNode(w); typ {
				case "paragraph", "p", "text", "heading", "heading2", "heading3", "subheading", "h2", "h3", "list", "quote", "blockquote", "ul", "ol":
					var b strings.Builder
					nodeText(w, &b, 0)
					if s := clean(stripTags(b.String())); s != "" {
						lines = append(lines, s)
					}
				}
			}
			if len(lines) > 2 {
				take(strings.Join(lines, "\n\n"))
			}
			for i := range v.vals {
				visit(&v.vals[i], depth+1)
			}
		case '{':
			for i := range v.vals {
				visit(&v.vals[i], depth+1)
			}
		}
	}
	for _, n := range r.tree.state {
		s := script(n)
		if len(s) > 4<<20 {
			continue
		}
		v := parseData(s)
		visit(&v, 0)
	}
	return best
}

// kindOfNode is what an object of a text calls itself.
func kindOfNode(v *value) string {
	if v.kind != '{' {
		return ""
	}
	for _, k := range [...]string{"type", "__typename", "kind", "nodeType", "component", "tag", "name"} {
		if w := v.get(k); w != nil && w.kind == '"' {
			return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(w.s, "core/"), "Block"))
		}
	}
	return ""
}

// nodeText writes the text of an object and of what it holds.
func nodeText(v *value, b *strings.Builder, depth int) {
	if depth > 12 {
		return
	}
	switch v.kind {
	case '[':
		for i := range v.vals {
			nodeText(&v.vals[i], b, depth+1)
		}
	case '{':
		for i, k := range v.keys {
			w := &v.vals[i]
			switch k {
			case "text", "value", "content", "children", "html", "body", "items", "nodes":
				if w.kind == '"' {
					b.WriteString(w.s)
				} else if w.kind == '{' || w.kind == '[' {
					nodeText(w, b, depth+1)
				}
			}
		}
	case '"':
		b.WriteString(v.s)
	}
}

// A told is what the state of a page tells of the article that it would show.
type told struct{ published, modified, authors []string }

var (
	toldTitle     = []string{"title", "headline", "name", "heading", "articleTitle", "postTitle"}
	toldPublished = []string{"publishedAt", "published_at", "datePublished", "publishedDate", "published_date", "publishDate", "publish_date", "publishTime", "publish_time", "publicationDate", "publication_date", "firstPublishedAt", "firstPublished", "first_publish_date", "pubDate", "published", "publishedOn", "published_on"}
	toldModified  = []string{"dateModified", "modifiedAt", "modified_at", "updatedAt", "updated_at", "lastModified", "last_modified", "modifiedDate", "updatedDate"}
	toldAuthors   = []string{"authors", "author", "byline", "writers", "writer"}
)

// stateStory finds in the state of a page the object whose title is that of the
// page and that knows when it was published.
func (r *Reading) stateStory() told {
	if r.memo.told != nil {
		return *r.memo.told
	}
	out := told{}
	r.memo.told = &out
	var table []value // what numbers stand for, in the state of Nuxt
	at := func(v *value, keys []string) *value {
		for _, k := range keys {
			w := v.get(k)
			if w != nil && w.kind == 'n' && table != nil {
				if i, err := strconv.Atoi(w.s); err == nil && i >= 0 && i < len(table) {
					w = &table[i]
				}
			}
			if w != nil && (w.kind != 'n' || w.text() != "" && strings.Trim(w.s, "0123456789") == "") && !(w.kind == '"' && w.s == "") {
				return w
			}
		}
		return nil
	}
	titles := r.pageTitles()
	var visit func(v *value, depth int) bool
	visit = func(v *value, depth int) bool {
		if depth > maxDataDepth {
			return false
		}
		if v.kind == '{' {
			if title := at(v, toldTitle); title != nil && title.kind == '"' && len(title.s) < 500 {
				if k := squash(dom.Clean(title.s)); len(k) > 12 && slices.Contains(titles, k) {
					if when := at(v, toldPublished); when != nil {
						out.published = append(out.published, moment(when))
						if m := at(v, toldModified); m != nil {
							out.modified = append(out.modified, moment(m))
						}
						if by := at(v, toldAuthors); by != nil {
							out.authors = writers(by, at)
						}
						return true
					}
				}
			}
		}
		for i := range v.vals {
			if visit(&v.vals[i], depth+1) {
				return true
			}
		}
		return false
	}
	for _, n := range r.tree.state {
		s := script(n)
		if len(s) > 4<<20 {
			continue
		}
		v := parseData(s)
		table = nil
		if v.kind == '[' && dom.Attr(n, "id") == "__NUXT_DATA__" {
			table = v.vals
		}
		if visit(&v, 0) {
			break
		}
	}
	return out
}

// moment writes a time as text; states count seconds too, or their thousandths.
func moment(v *value) string {
	if s := v.text(); v.kind != 'n' {
		return s
	}
	n, err := strconv.ParseInt(v.s, 10, 64)
	switch {
	case err != nil || len(v.s) != 10 && len(v.s) != 13:
		return ""
	case len(v.s) == 13:
		return time.UnixMilli(n).UTC().Format(time.RFC3339)
	}
	return time.Unix(n, 0).UTC().Format(time.RFC3339)
}

// writers are the names in a state: one, several, or objects that have one.
func writers(v *value, at func(*value, []string) *value) (out []string) {
	switch v.kind {
	case '"':
		return []string{dom.Clean(v.s)}
	case '{':
		if name := at(v, []string{"name", "fullName", "full_name", "displayName", "display_name"}); name != nil && name.kind == '"' {
			return []string{dom.Clean(name.s)}
		}
	case '[':
		for i := range v.vals {
			one := value{kind: '{', keys: []string{"is"}, vals: v.vals[i : i+1]}
			if w := at(&one, []string{"is"}); w != nil && w.kind != '[' && len(out) < 12 {
				out = append(out, writers(w, at)...)
			}
		}
	}
	return out
}
