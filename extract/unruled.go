package extract

import (
	"strings"
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dates"
	"luutin/extract/dom"
	"luutin/extract/generic"
)

// This file takes package generic's judgement of a page over into the terms of
// this one.

// generic reads the page without rules, once.
func (c *context) generic() *generic.Reading {
	if c.unruled == nil {
		p := generic.Page{Root: c.root, Fetched: c.page.Fetched, Zone: c.zone(), Elements: len(c.elements)}
		if c.page.URL != "" {
			p.URL = c.url
		}
		switch {
		case c.site != nil:
			p.Language = c.site.Language
		case c.document.lang == "" && strings.ContainsFunc(c.document.headline, vietnamese):
			p.Language = "vi"
		}
		c.unruled = generic.Read(p)
	}
	return c.unruled
}

// instead says what the page is if it is no article, and why; "" when it is
// one. A refusal is something else than what was asked for: a wall, an error,
// a shell.
func (c *context) instead() (reason string, refusal bool) {
	kind, reason := c.generic().Kind()
	switch kind {
	case generic.Article:
		return "", false
	case generic.Login, generic.Challenge, generic.Missing, generic.Shell, generic.Empty:
		refusal = true
	}
	c.reading.Instead = string(kind)
	return reason, refusal
}

// best returns the candidate that may be used for a field, in this package's
// terms, and notes the others for Explain.
func (r *ruled) best(field string, cs []generic.Candidate) (generic.Candidate, bool) {
	b, ok := generic.Best(cs)
	for i, c := range cs {
		if i == 0 && ok {
			continue
		}
		why := c.Why
		if i == 0 {
			why = "not plausible enough"
		}
		r.reading.Explain = append(r.reading.Explain, Candidate{Field: field, Value: c.Value, Signal: c.Signal, Score: c.Score, Why: why})
	}
	return b, ok
}

// fill notes a value that no rule gave and returns it with its place.
func (r *ruled) fill(field string, cs []generic.Candidate) (string, *html.Node) {
	c, ok := r.best(field, cs)
	if !ok {
		return "", nil
	}
	r.note(field, c.Value, c.Signal, c.Score)
	return c.Value, c.Node
}

// fillDate does the same for a date.
func (r *ruled) fillDate(field string, cs []generic.Candidate) (dates.Date, bool) {
	c, ok := r.best(field, cs)
	if !ok || c.Date.Time.IsZero() {
		return dates.Date{}, false
	}
	r.note(field, c.Date.Time.Format(time.RFC3339), c.Signal, c.Score)
	return c.Date, true
}

// sure leaves of the candidates what a page says in its data, when a layout
// says where the field stands: where it found nothing, what merely looks like
// it elsewhere on the page is not it.
func (r *ruled) sure(field string, cs []generic.Candidate) (out []generic.Candidate) {
	if r.site == nil || r.layout.fields[field] == nil {
		return cs // no layout, or a platform's marks on a host that nobody knows
	}
	for _, c := range cs {
		if c.Node == nil {
			out = append(out, c)
		} else {
			r.lost(field, c.Value, c.Signal, "the layout has another place for it")
		}
	}
	return out
}

// fillAuthors returns the names of the best byline. The site itself is no
// author, unless its data (JSON-LD) names it as one and names nobody else;
// Vietnamese sites do so for every page, whoever wrote it.
func (r *ruled) fillAuthors(cs []generic.Candidate) []string {
	var others []generic.Candidate
	for _, c := range cs {
		switch {
		case r.ownName(c.Value) && (r.telling.signed || !strings.HasPrefix(c.Signal, "json-ld")):
			r.lost("authors", c.Value, c.Signal, "the name of the site")
		case len(c.Names) == 1 && sameText(c.Names[0], string(r.article.Section)):
			r.lost("authors", c.Value, c.Signal, "the section")
		case c.Node != nil && signature.MatchString(dom.Text(c.Node)):
			r.lost("authors", c.Value, c.Signal, "the place and date of a signature")
		default:
			others = append(others, c)
		}
	}
	c, ok := r.best("authors", others)
	if !ok || len(c.Names) == 0 {
		return nil
	}
	var names []string
	for _, name := range c.Names {
		if lower := strings.ToLower(name); r.telling.signed && !initials.MatchString(name) && hostLike.MatchString(lower) {
			if r.article.Source == "" {
				r.article.Source = Text(lower)
				r.note("source", lower, c.Signal, c.Score)
			}
			continue
		}
		if fromTheo.MatchString(name) || strings.ContainsFunc(name, vietnamese) {
			names = append(names, parseCredit(name).authors...)
		} else {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		r.note("authors", strings.Join(names, "; "), c.Signal, c.Score)
	}
	return unique(names)
}

// genericBody returns where the text stands, what in it is not text, and what
// pointed to it.
func (c *context) genericBody() (roots []*html.Node, drop map[*html.Node]string, text, signal string) {
	b := c.generic().Body()
	return b.Roots, b.Drop, b.Text, b.Signal
}
