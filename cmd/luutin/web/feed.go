package web

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"luutin/store"
	"luutin/store/search"
)

// An Atom feed (RFC 4287), as much of it as is needed here.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated time.Time   `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string     `xml:"id"`
	Title     string     `xml:"title"`
	Updated   time.Time  `xml:"updated"`
	Published *time.Time `xml:"published,omitempty"`
	Links     []atomLink `xml:"link"`
	Author    string     `xml:"author>name"`
	Summary   string     `xml:"summary,omitempty"`
}

const feedLength = 50

// feed answers with the newest articles that a search finds (the parameters are
// those of the search page), or with the last changes (changed=1), as Atom.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		q := r.URL.Query()
		base := root(r)
		self := base + r.URL.RequestURI()
		f := atomFeed{Lang: "vi", ID: self, Author: "luutin", Links: []atomLink{{Rel: "self", Type: "application/atom+xml", Href: self}}}
		if q.Get("changed") != "" {
			f.Title = "luutin: " + words["all changes"][0]
			rows, _, err := latestChanges(r.Context(), a, feedLength)
			if err != nil {
				return err
			}
			for _, row := range rows {
				var kinds []string
				for _, k := range row.Kinds {
					kinds = append(kinds, changeWord("vi", string(k)))
				}
				at := base + "/vi/article/" + row.ID
				f.add(atomEntry{ID: at + "/v/" + itoa(row.Number), Title: row.Title, Updated: row.Fetched, Author: row.Site,
					Links: []atomLink{{Rel: "alternate", Type: "text/html", Href: at + "/diff?to=" + itoa(row.Number)}, {Rel: "related", Href: row.URL}}, Summary: strings.Join(kinds, ", ")})
			}
		} else {
			asked, err := query(q)
			if err != nil {
				return wrongQuery(err)
			}
			asked.ByDate, asked.Limit = true, feedLength
			f.Title = strings.TrimSpace("luutin " + strings.TrimSpace(q.Get("q")+" "+strings.Join(q["ministry"], ", ")))
			f.Links = append(f.Links, atomLink{Rel: "alternate", Type: "text/html", Href: base + "/vi/search?" + q.Encode()})
			found, err := s.finder.Find(r.Context(), asked)
			if err != nil {
				return wrongQuery(err)
			}
			for _, h := range found.Hits {
				v, err := a.Article(r.Context(), h.ID)
				if err != nil {
					return err
				}
				article, err := decode(v)
				if err != nil {
					return err
				}
				author := strings.Join(article.Authors, ", ")
				if author == "" {
					author = article.Site
				}
				at := base + "/vi/article/" + article.ID
				f.add(atomEntry{ID: at, Title: article.Title, Updated: article.Fetched, Published: article.Published, Author: author, Summary: string(article.Lead),
					Links: []atomLink{{Rel: "alternate", Type: "text/html", Href: at}, {Rel: "related", Href: article.URL}}})
			}
		}
		if f.Updated.IsZero() { // with nothing in it, it is as old as what the archive knows
			stats, err := a.Stats(r.Context())
			if err != nil {
				return err
			}
			if f.Updated = stats.LastSeen.UTC().Truncate(time.Second); f.Updated.IsZero() {
				f.Updated = time.Now().UTC().Truncate(time.Second)
			}
		}
		w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
		w.Write([]byte(xml.Header))
		enc := xml.NewEncoder(w)
		enc.Indent("", " ")
		return enc.Encode(f)
	})
}

func (f *atomFeed) add(e atomEntry) {
	e.Title, e.Summary = valid(e.Title), valid(e.Summary)
	e.Updated = e.Updated.UTC().Truncate(time.Second)
	if e.Updated.After(f.Updated) {
		f.Updated = e.Updated
	}
	f.Entries = append(f.Entries, e)
}

// valid leaves out what XML 1.0 has no place for.
func valid(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' || c == 0xFFFE || c == 0xFFFF {
			return -1
		}
		return c
	}, s)
}

// wrongQuery makes a mistake of a query one of the request.
func wrongQuery(err error) error {
	if wrong, ok := err.(*search.QueryError); ok {
		return badRequest(wrong.Error())
	}
	return err
}
