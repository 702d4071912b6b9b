package extract

import (
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// unruled is what a page says without any rule.
type unruled struct {
	reason  string // why it is no article; "" when it is one
	refusal bool   // the server gave something else than was asked for: a wall, an error, a shell
	zone    *time.Location

	title, lead, source, section, language, canonical Candidate
	authors, tags                                     []Candidate
	published, modified                               dates.Date
	publishedBy, modifiedBy                           Candidate
	body                                              []*html.Node
	drop                                              map[*html.Node]bool
	bodyBy                                            Candidate
	candidates                                        []Candidate
}

func (c *context) generic() *unruled {
	if c.unruled == nil {
		u := &unruled{}
		c.unruled = u
		if h1 := c.doc.Find("h1").First(); h1.Length() > 0 {
			u.title = Candidate{Field: "title", Value: dom.Text(h1.Nodes[0]), Signal: "h1"}
		}
	}
	return c.unruled
}
