// Package generic reads news pages that no site definition knows: it judges
// what the page is, ranks candidates for every field, and finds the text.
//
// It works on a tree that somebody else parsed, walks it once, and computes a
// field when it is first asked for. It knows no host and no page: what it
// goes by are the habits of markup and of newsrooms.
package generic

import (
	"net/url"
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dates"
)

// A Page is a parsed page and what is known about it.
type Page struct {
	Root     *html.Node
	URL      *url.URL       // nil when unknown
	Fetched  time.Time      // later dates are not believed; zero means no bound
	Zone     *time.Location // for times without an offset; nil means to guess from language and host
	Language string         // as declared outside the page; "" means to look
	Elements int            // how many there are, about; 0 when unknown
}

// A Kind is what a page turned out to be.
type Kind string

// The kinds of page. All but Article say that there is nothing to keep.
const (
	Article   Kind = "article"
	List      Kind = "list"      // links to articles
	Home      Kind = "home"      // the front page of a site
	Search    Kind = "search"    // the results of a search, or its form
	Login     Kind = "login"     // a wall that asks who is there
	Challenge Kind = "challenge" // a proof of being human, or a refusal
	Missing   Kind = "missing"   // "not found" that was served as a page
	Shell     Kind = "shell"     // an application that has yet to load its text
	Empty     Kind = "empty"     // no text at all
)

// A Candidate is a value that was considered for a field. Candidates are
// ranked, the best first; a Score below Plausible is not good enough.
type Candidate struct {
	Value  string
	Signal string     // the place it was found in: "og:title", "h1", "<time>"
	Score  float64    // 0 … 1
	Why    string     // what raised or lowered the score, when it needs saying
	Date   dates.Date // of Published and Modified; Value is as printed
	Names  []string   // of Authors; Value is as printed
	Node   *html.Node // where it stands on the page; nil when in no visible place
}

// Plausible is the score from which a candidate may be used.
const Plausible = .5

// Best returns the first candidate when it is plausible.
func Best(c []Candidate) (Candidate, bool) {
	if len(c) == 0 || c[0].Score < Plausible {
		return Candidate{}, false
	}
	return c[0], true
}

// A Body is where the text stands: containers in the order of the page, and
// what inside them is not text.
type Body struct {
	Roots  []*html.Node
	Drop   map[*html.Node]string // why it is dropped: "related", "share", …
	Text   string                // instead of Roots, where the page keeps the text in its data only: paragraphs parted by a blank line
	Signal string                // what pointed to it: "itemprop", "text", "json-ld"
	Score  float64               // 0 … 1: how sure that it is all of the text and nothing else
}

// Dropped reports whether a node inside the body is not text.
func (b Body) Dropped(n *html.Node) bool {
	_, ok := b.Drop[n]
	return ok
}

// A Reading is one page being read. It keeps the tree, works fields out when
// they are asked for and remembers them; it is not safe for concurrent use.
type Reading struct {
	page Page
	tree *tree
	memo memo
}

// Read walks the tree of a page. The tree is not changed, then or later.
func Read(p Page) *Reading {
	r := &Reading{page: p, tree: flatten(p.Root, p.Elements)}
	return r
}
