package extract

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// This file is about saved pages: a page kept as a file, beside what is
// expected to be read from it. They are what definitions are tested on.

// savedAt stands as the time of fetching in what is expected, so that it is the
// same every day. It bounds no date: a page may be saved later.
var savedAt = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const urlMark = "<!-- url: "

// LoadSaved reads a saved page. Its URL stands in a first line of the form
// <!-- url: https://… -->, which is no part of the page, or in a file beside
// it with .url at the end of its name; a further line there is the body of the
// request.
func LoadSaved(dir fs.FS, name string) (Page, error) {
	body, err := fs.ReadFile(dir, name)
	if err != nil {
		return Page{}, fmt.Errorf("read saved page: %w", err)
	}
	p := Page{Body: body}
	if u, rest, ok := MarkedURL(body); ok {
		p.URL, p.Body = u, rest
		return p, nil
	}
	if side, err := fs.ReadFile(dir, name+".url"); err == nil {
		u, post, _ := strings.Cut(strings.TrimSpace(string(side)), "\n")
		p.URL, p.Post = strings.TrimSpace(u), strings.TrimSpace(post)
		return p, nil
	}
	if p.URL = OwnURL(body); p.URL == "" {
		return p, fmt.Errorf("saved page %s has no URL: begin it with %shttps://… --> or put one into %s.url", name, urlMark, path.Base(name))
	}
	return p, nil
}

// MarkedURL returns the URL that stands in the first line of a saved page, and
// the page without that line; ok is false, and rest the whole, when there is no
// such line. A byte order mark before it stays, before what follows.
func MarkedURL(body []byte) (u string, rest []byte, ok bool) {
	const longest = 16 << 10 // bytes of the line
	if bytes.HasPrefix(body, []byte(urlMark)) {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		return urlIn(string(line)), rest, true
	}
	mark, newline := 0, []byte("\n")
	switch {
	case bytes.HasPrefix(body, []byte(utf8Mark)):
		mark = len(utf8Mark)
	case bytes.HasPrefix(body, []byte(littleMark)):
		mark, newline = len(littleMark), []byte("\n\x00")
	case bytes.HasPrefix(body, []byte(bigMark)):
		mark, newline = len(bigMark), []byte("\x00\n")
	default:
		return "", body, false
	}
	text := string(FirstText(body[:min(len(body), longest)]))
	if !strings.HasPrefix(text, urlMark) {
		return "", body, false
	}
	line, _, _ := strings.Cut(text, "\n")
	at := mark
	for at < len(body) && !bytes.HasPrefix(body[at:], newline) {
		at += len(newline)
	}
	return urlIn(line), slices.Concat(body[:mark], body[min(at+len(newline), len(body)):]), true
}

func urlIn(line string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line[len(urlMark):]), "-->"))
}

const (
	utf8Mark   = "\xef\xbb\xbf"
	littleMark = "\xff\xfe" // UTF-16
	bigMark    = "\xfe\xff" // UTF-16
)

// FirstText returns the beginning of a page without its byte order mark and, if
// that is one of UTF-16, as UTF-8. Without a mark it is returned as it is.
func FirstText(head []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(head, []byte(utf8Mark)):
		return head[len(utf8Mark):]
	case bytes.HasPrefix(head, []byte(littleMark)):
		order = binary.LittleEndian
	case bytes.HasPrefix(head, []byte(bigMark)):
		order = binary.BigEndian
	default:
		return head
	}
	var units []uint16
	for i := 2; i+1 < len(head); i += 2 {
		units = append(units, order.Uint16(head[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// SaveText returns a page as LoadSaved reads it.
func SaveText(p Page) []byte {
	return append([]byte(urlMark+p.URL+" -->\n"), p.Body...)
}

// Expected returns what is read from a page in the form in which it is kept
// beside a saved one: indented JSON of the article, or of the reason why there
// is none and of the links.
func (s *Sites) Expected(p Page) ([]byte, error) {
	r, err := s.Read(p)
	if a := r.Article; a != nil {
		a.Fetched = savedAt
		line, err := a.JSON()
		if err != nil {
			return nil, err
		}
		return indent(line)
	}
	type link struct {
		URL       string     `json:"url"`
		Post      string     `json:"post,omitempty"`
		Kind      Kind       `json:"kind"`
		Onward    bool       `json:"onward,omitempty"`
		Text      string     `json:"text,omitempty"`
		Published *time.Time `json:"published,omitempty"`
		Modified  *time.Time `json:"modified,omitempty"`
	}
	out := struct {
		Kind  Kind   `json:"kind"`
		Site  string `json:"site"`
		Why   string `json:"why"`
		Links []link `json:"links"`
	}{r.Kind, r.Site, fmt.Sprint(err), []link{}}
	for _, l := range r.Links {
		out.Links = append(out.Links, link{l.URL, l.Post, l.Kind, l.Onward, l.Text, l.Published, l.Modified})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, err
	}
	return indent(b.Bytes())
}

func indent(line []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(line), "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// SavedPages returns the names of the saved pages below a directory: what has
// a file with .golden.json instead of its extension beside it, or should have.
func SavedPages(dir fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		if !strings.HasSuffix(name, ".golden.json") && !strings.HasSuffix(name, ".url") && !strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// GoldenName returns where the expected reading of a saved page is kept:
// moj/2014.html has it in moj/2014.golden.json.
func GoldenName(page string) string {
	return strings.TrimSuffix(page, path.Ext(page)) + ".golden.json"
}
