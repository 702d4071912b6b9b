package extract

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// readFeed reads RSS, Atom and RDF. The text is UTF-8 by now, whatever its
// prolog says, so it is read from its root on, which the feed library also
// looks for in the first 4 KB only; dates that the library cannot read are read
// as pages print them.
func (c *context) readFeed(text []byte) error {
	c.reading.Kind = KindFeed
	_, text = xmlRoot(text)
	text = legalXML(text)
	feed, broken := gofeed.NewParser().Parse(bytes.NewReader(text))
	if broken != nil {
		var err error
		if feed, err = gofeed.NewParser().Parse(bytes.NewReader(wholeItems(text))); err != nil {
			return fmt.Errorf("read feed: %w", broken)
		}
	}
	for _, item := range feed.Items {
		href := item.Link
		if href == "" {
			href = item.GUID
		}
		u := c.target(href)
		if u == nil || c.site != nil && c.site.articles != nil && !c.site.articles.MatchString(u.RequestURI()) {
			continue
		}
		c.link(u.String(), "", KindArticle, dom.Clean(item.Title), c.itemDate(item))
	}
	if broken != nil {
		return fmt.Errorf("read feed after %d items: %w", len(feed.Items), broken)
	}
	if n := c.count(KindArticle); n > 0 {
		return fmt.Errorf("%w: a feed of %d articles", ErrNotArticle, n)
	}
	if len(feed.Items) > 0 {
		return fmt.Errorf("%w: none of the feed's %d links is an article of the site", ErrNoLinks, len(feed.Items))
	}
	return fmt.Errorf("%w: the feed has no items", ErrNoLinks)
}

func (c *context) itemDate(item *gofeed.Item) *time.Time {
	for _, printed := range []string{item.Published, item.Updated} {
		o := dates.Options{NotAfter: c.page.Fetched, Zone: c.zone()}
		if c.site != nil && c.site.FeedMonthFirst {
			o.Order = dates.MonthFirst
		}
		if d, ok := dates.Parse(printed, o); ok {
			return &d.Time
		}
	}
	return nil
}

// wholeItems returns a feed that breaks off with the items that are whole, and
// closes what is open.
func wholeItems(text []byte) []byte {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.Strict = false
	var open, around []string // around the last item that is whole
	end := int64(0)
	for {
		tok, err := dec.RawToken()
		if err != nil {
			break
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if tok.Name.Space != "" {
				name = tok.Name.Space + ":" + name
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:max(0, len(open)-1)]
			if tok.Name.Local == "item" || tok.Name.Local == "entry" {
				around, end = append(around[:0], open...), dec.InputOffset()
			}
		}
	}
	out := slices.Clone(text[:end])
	for _, name := range slices.Backward(around) {
		out = append(out, "</"+name+">"...)
	}
	return out
}

var illegalXML = regexp.MustCompile(`[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]|&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));`)

// legalXML leaves out control characters, which XML may not have, and some
// titles do.
func legalXML(text []byte) []byte {
	return illegalXML.ReplaceAll(text, nil)
}

// readSitemap reads a sitemap or an index of sitemaps (sitemaps.org 0.9, with
// the news extension).
func (c *context) readSitemap(text []byte) error {
	c.reading.Kind = KindSitemap
	_, text = xmlRoot(text)
	dec := xml.NewDecoder(bytes.NewReader(legalXML(text)))
	dec.Strict = false
	entries := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read sitemap after %d entries: %w", entries, err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "url" && start.Name.Local != "sitemap" {
			continue
		}
		var e struct {
			Loc     string `xml:"loc"`
			LastMod string `xml:"lastmod"`
			News    struct {
				Published string `xml:"publication_date"`
				Title     string `xml:"title"`
			} `xml:"news"`
		}
		if err := dec.DecodeElement(&e, &start); err != nil {
			return fmt.Errorf("read sitemap after %d entries: %w", entries, err)
		}
		entries++
		u := c.target(strings.TrimSpace(e.Loc))
		if u == nil {
			continue
		}
		date := func(printed string) *time.Time {
			if d, ok := dates.Parse(printed, c.dateOptions()); ok {
				return &d.Time
			}
			return nil
		}
		if start.Name.Local == "sitemap" {
			c.reading.Links[c.link(u.String(), "", KindSitemap, "", nil)].Modified = date(e.LastMod)
			continue
		}
		if c.site != nil && c.site.articles != nil && !c.site.articles.MatchString(u.RequestURI()) {
			continue
		}
		i := c.link(u.String(), "", KindArticle, dom.Clean(e.News.Title), date(e.News.Published))
		c.reading.Links[i].Modified = date(e.LastMod)
	}
	if n := len(c.reading.Links); n > 0 {
		return fmt.Errorf("%w: a sitemap of %d links", ErrNotArticle, n)
	}
	return fmt.Errorf("%w: none of the sitemap's %d entries is an article of the site", ErrNoLinks, entries)
}

// maxUnpacked bounds what a gzip file may hold: 50 MB is the most a sitemap
// may have by its specification, 64 MiB what is read here.
const maxUnpacked = 64 << 20

func gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxUnpacked {
		return nil, fmt.Errorf("more than %d MiB unpacked", maxUnpacked>>20)
	}
	return text, nil
}

// readPacked reads a sitemap or a feed that was served as a gzip file.
func (s *Sites) readPacked(r *Reading, p Page, d *definition) (*Reading, error) {
	text, err := gunzip(p.Body)
	if err != nil {
		r.Kind = KindAttachment
		return r, fmt.Errorf("%w: a gzip file: %w", ErrNotArticle, err)
	}
	if k := sniff(text); k != KindFeed && k != KindSitemap {
		r.Kind = KindAttachment
		return r, fmt.Errorf("%w: a gzip file, not a page", ErrNotArticle)
	}
	p.Body = text
	if bytes.HasPrefix(text, []byte("\x1f\x8b")) {
		return r, fmt.Errorf("%w: gzip in gzip", ErrNotArticle)
	}
	return s.read(p, d)
}
