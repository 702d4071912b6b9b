package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
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
	if bytes.HasPrefix(body, []byte(urlMark)) {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		p.URL = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(line[len(urlMark):])), "-->"))
		p.Body = rest
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
