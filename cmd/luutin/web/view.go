package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"luutin/extract"
	"luutin/extract/change"
	"luutin/store"
)

// A view is what a template is given: the frame's part, and Data of the page.
type view struct {
	Lang, Title    string
	Other, Here    string // the same page in the other language; where the language stands in its path
	Styles, Script string
	Query          string // in the search box
	Feed           string // of what the page shows; "" when there is none
	Data           any
}

// T returns a phrase in the page's language.
func (v *view) T(key string, args ...any) (string, error) { return say(v.Lang, key, args...) }

// N groups digits.
func (v *view) N(n int) string { return number(v.Lang, n) }

// Day and Moment write times.
func (v *view) Day(t time.Time) string    { return day(v.Lang, t) }
func (v *view) Moment(t time.Time) string { return moment(v.Lang, t) }

// Change and Field name kinds of change and fields.
func (v *view) Change(kind any) string    { return changeWord(v.Lang, fmt.Sprint(kind)) }
func (v *view) Field(field string) string { return fieldWord(v.Lang, field) }
func (v *view) Alarm(name string) string {
	if s, err := say(v.Lang, "alarm "+name); err == nil {
		return s
	}
	return name
}

func (s *Server) functions() template.FuncMap {
	return template.FuncMap{
		"stamp":   stamp,
		"rfc3339": func(t time.Time) string { return t.Format(time.RFC3339) },
		"percent": func(x float64) string {
			if x < 0 {
				return "–"
			}
			return strconv.Itoa(int(100*x+.5)) + "\u00a0%"
		},
		"join":  strings.Join,
		"lines": func(s string) []string { return strings.Split(s, "\n") },
		"host":  store.Host,
		"paths": escaped,
		"spark": spark,
		"pairs": func(kv ...any) map[string]any {
			m := map[string]any{}
			for i := 0; i+1 < len(kv); i += 2 {
				m[fmt.Sprint(kv[i])] = kv[i+1]
			}
			return m
		},
	}
}

// show writes a page whole or not at all.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) error {
	lang := langOf(r)
	v := &view{Lang: lang, Title: title, Styles: s.styles, Script: s.script, Query: r.URL.Query().Get("q"), Data: data}
	other := languages[(slices.Index(languages, lang)+1)%len(languages)]
	v.Other = (&url.URL{Path: "/" + other + strings.TrimPrefix(r.URL.Path, "/"+lang), RawQuery: r.URL.RawQuery}).String()
	if f, ok := data.(interface{ feed() string }); ok {
		v.Feed = f.feed()
	}
	var page bytes.Buffer
	if err := s.pages[name].Execute(&page, v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	w.WriteHeader(status)
	w.Write(page.Bytes()) // whoever has gone needs no answer
	return nil
}

// with borrows the archive for a request.
func (s *Server) with(r *http.Request, f func(a store.Archive) error) error {
	a, back, err := s.desk.borrow(r.Context())
	if err != nil {
		return err
	}
	defer back()
	*r = *r.WithContext(context.WithValue(r.Context(), borrowed{}, a))
	return f(a)
}

func decode(v store.Version) (*extract.Article, error) {
	var a extract.Article
	if err := json.Unmarshal(v.JSON, &a); err != nil {
		return nil, fmt.Errorf("article %s, version %d: %w", v.ID, v.Number, err)
	}
	return &a, nil
}

// stamp is a moment as Memento and CDX write it: 14 digits, UTC.
func stamp(t time.Time) string { return t.UTC().Format("20060102150405") }

// A versionRow is a version in the list beside an article.
type versionRow struct {
	Number  int
	Fetched time.Time
	Title   string
	Kinds   []change.Kind // against the one before
	First   bool
}

type articleView struct {
	A         *extract.Article
	Published string // as exact as it is known
	Number    int
	Latest    int
	Versions  []versionRow // the newest first
	Files     []file
	Family    []familyMember
	Fields    []provenance
	Ministry  string
	Language  string
}

type file struct {
	extract.Attachment
	Kept bool
}

type provenance struct{ Field, Rule string }

func (v articleView) feed() string {
	if v.Ministry == "" {
		return ""
	}
	return "/feed?ministry=" + url.QueryEscape(v.Ministry)
}

// published writes the time of publication no more exactly than it is known.
func published(lang string, a *extract.Article) string {
	switch {
	case a.Published == nil:
		s, _ := say(lang, "no date")
		return s
	case a.PublishedPrecision == "day":
		return day(lang, *a.Published)
	case a.PublishedPrecision == "month":
		if lang == "en" {
			return a.Published.Format("January 2006")
		}
		return a.Published.Format("1/2006")
	case a.PublishedPrecision == "year":
		return a.Published.Format("2006")
	}
	return moment(lang, *a.Published)
}

// article shows an article as it was read, the latest version or a named one.
func (s *Server) article(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		history, err := s.history(r.Context(), a, r.PathValue("id"))
		if err != nil {
			return err
		}
		lang := langOf(r)
		v := articleView{Latest: len(history), Number: len(history)}
		if n := r.PathValue("version"); n != "" {
			if v.Number, err = strconv.Atoi(n); err != nil || v.Number < 1 || v.Number > len(history) {
				return store.ErrNotFound
			}
		}
		var before *extract.Article
		for _, x := range history {
			article, err := decode(x)
			if err != nil {
				return err
			}
			row := versionRow{Number: x.Number, Fetched: x.Fetched, Title: article.Title, First: before == nil}
			if before != nil {
				row.Kinds = change.Between(before, article).Kinds
			}
			v.Versions = append(v.Versions, row)
			if x.Number == v.Number {
				v.A = article
			}
			before = article
		}
		if v.A == nil {
			return store.ErrNotFound
		}
		slices.Reverse(v.Versions)
		v.Published, v.Ministry, v.Language = published(lang, v.A), string(v.A.Ministry), string(v.A.Language)
		for _, f := range v.A.Attachments {
			kept, err := s.kept(r.Context(), a, f.URL)
			if err != nil {
				return err
			}
			v.Files = append(v.Files, file{f, kept})
		}
		v.Family = s.familyOf(v.A.ID)
		for _, field := range []string{"title", "published", "lead", "body", "authors", "source", "section", "tags", "language", "images", "attachments", "related", "modified", "canonical_url"} {
			if rule := v.A.Provenance[field]; rule != "" {
				v.Fields = append(v.Fields, provenance{field, rule})
			}
		}
		h := w.Header()
		h.Add("Link", fmt.Sprintf(`<%s>; rel="original"`, v.A.URL))
		h.Add("Link", fmt.Sprintf(`</api/articles/%s>; rel="alternate"; type="application/json"`, v.A.ID))
		return s.show(w, r, http.StatusOK, "article", v.A.Title, v)
	})
}

// history returns all versions of an article by its id or by a URL.
func (s *Server) history(ctx context.Context, a store.Archive, ref string) ([]store.Version, error) {
	id, err := s.resolve(ctx, a, ref)
	if err != nil {
		return nil, err
	}
	return a.History(ctx, id)
}

// resolve finds the id of the article that a URL or an id means.
func (s *Server) resolve(ctx context.Context, a store.Archive, ref string) (string, error) {
	id, err := a.Resolve(ctx, ref)
	if err == nil || !strings.Contains(ref, "://") {
		return id, err
	}
	return a.Resolve(ctx, s.Sites.Canonical(s.Sites.Address(ref)))
}

// kept reports whether there is a capture of a URL.
func (s *Server) kept(ctx context.Context, a store.Archive, raw string) (bool, error) {
	for t, err := range a.Targets(ctx, store.Selection{URLs: []string{s.Sites.Key(s.Sites.Address(raw))}}) {
		if err != nil {
			return false, err
		}
		if t.Capture != "" {
			return true, nil
		}
	}
	return false, nil
}

type diffView struct {
	ID       string
	Title    string
	From, To store.Version
	Numbers  []int
	Change   change.Change
	Fields   []diffField
}

type diffField struct {
	Name       string
	Paragraphs []diffParagraph
}

// A diffParagraph is one that has changed, or the number of those that have
// not.
type diffParagraph struct {
	Edits []change.Edit
	Same  int
}

// compared is what differs between two versions of an article.
func compared(ctx context.Context, a store.Archive, history []store.Version, from, to string) (v diffView, err error) {
	n := len(history)
	number := func(s string, other int) int {
		if s == "" {
			return other
		}
		k, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return k
	}
	newer := number(to, n)
	older := number(from, max(newer-1, 1))
	if older < 1 || newer < 1 || older > n || newer > n {
		return v, store.ErrNotFound
	}
	v.From, v.To = history[older-1], history[newer-1]
	old, err := decode(v.From)
	if err != nil {
		return v, err
	}
	article, err := decode(v.To)
	if err != nil {
		return v, err
	}
	v.ID, v.Title, v.Change = article.ID, article.Title, change.Between(old, article)
	for i := range n {
		v.Numbers = append(v.Numbers, i+1)
	}
	for _, f := range v.Change.Fields {
		field := diffField{Name: f.Name}
		same := 0
		for _, edits := range change.Paragraphs(f.Edits) {
			if len(edits) == 0 {
				continue
			}
			if !slices.ContainsFunc(edits, func(e change.Edit) bool { return e.Op != "=" }) {
				same++
				continue
			}
			if same > 0 {
				field.Paragraphs = append(field.Paragraphs, diffParagraph{Same: same})
				same = 0
			}
			field.Paragraphs = append(field.Paragraphs, diffParagraph{Edits: edits})
		}
		if same > 0 {
			field.Paragraphs = append(field.Paragraphs, diffParagraph{Same: same})
		}
		v.Fields = append(v.Fields, field)
	}
	return v, nil
}

func (s *Server) diff(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		history, err := s.history(r.Context(), a, r.PathValue("id"))
		if err != nil {
			return err
		}
		q := r.URL.Query()
		v, err := compared(r.Context(), a, history, q.Get("from"), q.Get("to"))
		if err != nil {
			return err
		}
		return s.show(w, r, http.StatusOK, "diff", v.Title, v)
	})
}

// spark draws numbers as bars, in a picture of 4 by 24 for each; class is
// spark, or spark line for one as wide as the page.
func spark(ns []int, label, class string) template.HTML {
	top := 1
	for _, n := range ns {
		top = max(top, n)
	}
	const step, height = 4, 24
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %d %d" width="%[2]d" height="%[3]d" role="img" aria-label="%[4]s" preserveAspectRatio="none">`,
		class, step*len(ns), height, template.HTMLEscapeString(label))
	for i, n := range ns {
		if n == 0 {
			continue
		}
		h := max(1, n*height/top)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d"/>`, i*step, height-h, step-1, h)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
