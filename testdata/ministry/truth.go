package ministry

import (
	"strings"
	"time"
)

// An Article is what a reader must get from a page. It comes from the content
// files alone.
type Article struct {
	Site      string   `json:"site"`
	URL       string   `json:"url"` // as it is fetched
	Canonical string   `json:"canonical_url"`
	Title     string   `json:"title"`
	Lead      string   `json:"lead,omitempty"`
	Body      string   `json:"body"`
	Blocks    int      `json:"blocks"` // pieces of the body
	Published string   `json:"published,omitempty"`
	Precision string   `json:"published_precision,omitempty"`
	Section   string   `json:"section,omitempty"` // where the CMS shows it
	Source    string   `json:"source,omitempty"`
	Authors   []string `json:"authors,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	Images    []Image  `json:"images,omitempty"`
	Files     []File   `json:"attachments,omitempty"`
	Related   []string `json:"related,omitempty"` // the titles that the text itself offers
}

// An Image is a picture of an article.
type Image struct {
	URL     string `json:"url"`
	Caption string `json:"caption,omitempty"`
	Credit  string `json:"credit,omitempty"`
}

// A File is an attachment of an article.
type File struct {
	URL  string `json:"url"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// Articles returns what a complete crawl of an edition must find, by host and
// newest first. An article with two addresses stands there twice: on VCCorp with
// the same Canonical, on Liferay, whose pages name none, with two.
func (w *Web) Articles(edition int) (list []Article) {
	world := w.editions[edition]
	for _, h := range world.hosts {
		for _, a := range world.articles[h] {
			if a.quirk("forbidden") || a.quirk("cut") || a.quirk("error") {
				continue
			}
			list = append(list, world.pages[a.url()].truth())
			if a.also != "" {
				list = append(list, world.pages[a.urlIn(a.also)].truth())
			}
		}
	}
	return list
}

func (p *page) truth() Article {
	t := Article{
		Site: p.host.site, URL: p.at, Canonical: p.at,
		Title: p.title, Lead: p.lead, Source: p.source, Authors: p.authors, Tags: p.tags, Section: p.kicker,
	}
	if t.Section == "" && p.cms != "sharepoint" {
		t.Section = p.category().Name
	}
	switch p.cms {
	case "spa":
		t.URL = p.fetched()
	case "vccorp", "mastercms", "plain": // whose pages name a canonical one
		t.Canonical = p.url()
	}
	if p.published != "" {
		at := p.time()
		t.Published, t.Precision = at.Format(time.RFC3339), "day"
		if p.cms == "spa" {
			t.Precision = "second"
		} else if strings.Contains(p.published, " ") {
			t.Precision = "minute"
		}
	}
	var parts []string
	for _, x := range p.blocks {
		switch x.kind {
		case "text", "head", "quote", "right":
			parts = append(parts, x.text)
		case "list":
			parts = append(parts, "- "+strings.Join(x.lines, "\n- "))
		case "table":
			rows := make([]string, len(x.rows))
			for i, row := range x.rows {
				rows[i] = strings.Join(row, " | ")
			}
			parts = append(parts, strings.Join(rows, "\n"))
		case "photo":
			t.Images = append(t.Images, Image{p.absolute(p.photo(x.file)), x.caption, x.credit})
		case "file":
			t.Files = append(t.Files, File{p.absolute(p.attachment(x.file)), x.text, x.file[strings.LastIndexByte(x.file, '.')+1:]})
		case "offer":
			for _, o := range p.offers(x) {
				t.Related = append(t.Related, o.title)
			}
		}
	}
	t.Body, t.Blocks = strings.Join(parts, "\n\n"), len(parts)
	return t
}
