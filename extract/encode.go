package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// JSON returns the article as it is exported: one line without the line
// break, keys in the order of the struct, HTML characters as they are, empty
// lists as [].
//
// It is what encoding/json would write, in a quarter of the time: every
// article that is kept goes through here.
func (a *Article) JSON() ([]byte, error) {
	e := encoder{b: make([]byte, 0, 2048+3*len(a.Body))}
	e.next('{', "id")
	e.text(a.ID)
	e.next(',', "version")
	e.b = strconv.AppendInt(e.b, int64(a.Version), 10)
	e.member("url", a.URL)
	e.member("canonical_url", a.CanonicalURL)
	e.texts("aliases", a.Aliases)
	e.member("site", a.Site)
	e.maybe("ministry", a.Ministry)
	e.member("title", a.Title)
	e.maybe("lead", a.Lead)
	e.member("body", a.Body)
	each(&e, "blocks", a.Blocks, func(b *Block) { e.block(b) })
	e.time("published", a.Published)
	e.maybe("published_text", a.PublishedText)
	e.maybe("published_precision", a.PublishedPrecision)
	e.time("modified", a.Modified)
	if a.Withdrawn != nil {
		e.time("withdrawn", a.Withdrawn)
	}
	e.texts("authors", a.Authors)
	e.maybe("source", a.Source)
	e.maybe("section", a.Section)
	e.texts("tags", a.Tags)
	e.maybe("language", a.Language)
	each(&e, "variants", a.Variants, func(v *Variant) {
		e.next('{', "language")
		e.text(v.Language)
		e.member("url", v.URL)
		e.b = append(e.b, '}')
	})
	each(&e, "images", a.Images, func(i *Image) {
		e.next('{', "url")
		e.text(i.URL)
		e.maybe("caption", i.Caption)
		e.maybe("credit", i.Credit)
		e.b = append(e.b, '}')
	})
	each(&e, "attachments", a.Attachments, func(f *Attachment) {
		e.next('{', "url")
		e.text(f.URL)
		e.member("name", f.Name)
		e.member("type", f.Type)
		e.b = append(e.b, '}')
	})
	each(&e, "related", a.Related, func(r *Related) {
		e.next('{', "url")
		e.text(r.URL)
		e.member("title", r.Title)
		e.b = append(e.b, '}')
	})
	e.time("fetched", &a.Fetched)
	e.maybe("capture", a.Capture)
	e.member("content_hash", a.ContentHash)
	e.member("extractor", a.Extractor)
	e.next(',', "provenance")
	if a.Provenance == nil {
		e.b = append(e.b, "null"...)
	} else {
		e.b = append(e.b, '{')
		for i, field := range slices.Sorted(maps.Keys(a.Provenance)) {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			e.text(field)
			e.b = append(e.b, ':')
			e.text(a.Provenance[field])
		}
		e.b = append(e.b, '}')
	}
	e.b = append(e.b, '}')
	if e.err != nil {
		return nil, fmt.Errorf("encode article %s: %w", a.ID, e.err)
	}
	return e.b, nil
}

type encoder struct {
	b   []byte
	err error
}

// next begins a member of an object.
func (e *encoder) next(before byte, key string) {
	e.b = append(e.b, before, '"')
	e.b = append(e.b, key...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) member(key, value string) {
	e.next(',', key)
	e.text(value)
}

func (e *encoder) maybe(key string, value Text) {
	e.next(',', key)
	if value == "" {
		e.b = append(e.b, "null"...)
	} else {
		e.text(string(value))
	}
}

func (e *encoder) time(key string, t *time.Time) {
	e.next(',', key)
	if t == nil {
		e.b = append(e.b, "null"...)
		return
	}
	e.b = append(e.b, '"')
	b, err := t.AppendText(e.b)
	if err != nil {
		e.err = err
		return
	}
	e.b = append(b, '"')
}

func (e *encoder) texts(key string, values []string) {
	e.next(',', key)
	e.list(values)
}

func (e *encoder) list(values []string) {
	e.b = append(e.b, '[')
	for i, v := range values {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.text(v)
	}
	e.b = append(e.b, ']')
}

func each[T any](e *encoder, key string, values []T, encode func(*T)) {
	e.next(',', key)
	e.b = append(e.b, '[')
	for i := range values {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		encode(&values[i])
	}
	e.b = append(e.b, ']')
}

func (e *encoder) block(b *Block) {
	e.next('{', "kind")
	e.text(b.Kind)
	if b.Level != 0 {
		e.next(',', "level")
		e.b = strconv.AppendInt(e.b, int64(b.Level), 10)
	}
	if b.Text != "" {
		e.member("text", b.Text)
	}
	if len(b.Items) > 0 {
		e.texts("items", b.Items)
	}
	if len(b.Rows) > 0 {
		e.next(',', "rows")
		e.b = append(e.b, '[')
		for i, row := range b.Rows {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			if row == nil {
				e.b = append(e.b, "null"...)
			} else {
				e.list(row)
			}
		}
		e.b = append(e.b, ']')
	}
	e.b = append(e.b, '}')
}

// text writes a string. What it does not write as it stands is left to
// encoding/json: what is no UTF-8, control characters, and the two line ends
// of Unicode.
func (e *encoder) text(s string) {
	if !utf8.ValidString(s) || strings.Contains(s, "\u2028") || strings.Contains(s, "\u2029") {
		e.escaped(s)
		return
	}
	begun, from := len(e.b), 0
	e.b = append(e.b, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		e.b = append(e.b, s[from:i]...)
		switch from = i + 1; {
		case c == '\n':
			e.b = append(e.b, '\\', 'n')
		case c < ' ':
			e.b = e.b[:begun]
			e.escaped(s)
			return
		default:
			e.b = append(e.b, '\\', c)
		}
	}
	e.b = append(append(e.b, s[from:]...), '"')
}

func (e *encoder) escaped(s string) {
	quoted, _ := quote(s) // a string cannot fail
	e.b = append(e.b, quoted...)
}

// Text is a string that is null in JSON when it is empty.
type Text string

// MarshalJSON writes null for the empty text.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return quote(string(t))
}

func quote(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
