package ministry

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// feed returns the feed or sitemap at a URL, nil when there is none.
func (w *world) feed(h *host, u *url.URL) (body []byte, contentType string) {
	switch h.cms {
	case "vccorp":
		switch u.Path {
		case "/sitemap.xml":
			return w.index(h, "/sitemaps/bai-viet-2026.xml", "/sitemaps/google-news.xml"), "text/xml; charset=utf-8"
		case "/sitemaps/bai-viet-2026.xml":
			return w.sitemap(h, false), "text/xml; charset=utf-8"
		case "/sitemaps/google-news.xml":
			return w.sitemap(h, true), "text/xml; charset=utf-8"
		}
		if slug, ok := strings.CutSuffix(u.Path, ".rss"); ok && h.section(slug[1:]) != nil {
			// month first, and no zone
			return w.rss(h, slug[1:], "1/2/2006 3:04:05 PM"), "text/xml; charset=utf-8"
		}
	case "mastercms":
		if slug, ok := strings.CutPrefix(u.Path, "/rss_feed/"); ok && h.section(slug) != nil {
			text := string(w.rss(h, slug, "Mon, 02 Jan 06 15:04:05 -0700"))
			return utf16LE(strings.Replace(text, `encoding="utf-8"`, `encoding="utf-16"`, 1)), "text/xml"
		}
	case "sharepoint":
		if list := u.Query().Get("List"); u.Path == "/_layouts/GenRss.aspx" && strings.HasPrefix(list, "9BB9ECE7") {
			return w.rss(h, h.sections[0].Slug, ""), "text/xml; charset=utf-8"
		}
	case "liferay":
		if slug, ok := strings.CutPrefix(u.Path, "/vi/"); ok && strings.HasSuffix(slug, "/-/asset_publisher/rss") {
			slug = strings.TrimSuffix(slug, "/-/asset_publisher/rss")
			if h.section(slug) != nil {
				return w.atom(h, slug), "application/atom+xml; charset=utf-8"
			}
		}
	case "spa":
		switch u.Path {
		case "/sitemap.xml":
			return w.index(h, "/sitemap-tin-tuc.xml.gz"), "application/xml"
		case "/sitemap-tin-tuc.xml.gz":
			return gzipped(w.sitemap(h, false)), "application/gzip"
		}
	}
	return nil, ""
}

// newest are the articles that a feed holds.
func (w *world) newest(h *host, slug string) []*page {
	list := w.inSection(h, slug)
	return list[:min(len(list), 5)]
}

func (w *world) rss(h *host, slug, layout string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\">\n<channel>\n<title>%s - %s</title>\n<link>http://%s/</link>\n<description>RSS</description>\n", escaped(h.section(slug).Name), escaped(h.Title), h.Name)
	for _, a := range w.newest(h, slug) {
		link := a.url()
		if h.cms == "vccorp" {
			link += "?utm_source=rss&utm_medium=feed"
		}
		fmt.Fprintf(&b, "<item>\n<title>\n%s\n</title>\n<description><![CDATA[<a href=\"%s\"><img src=\"%s\"></a></br>%s]]></description>\n<link>%s</link>\n<guid isPermaLink=\"false\">%s</guid>\n", escaped(a.title), link, a.photo("thumb.jpg"), a.lead, escaped(link), a.slug)
		if layout != "" && a.published != "" {
			fmt.Fprintf(&b, "<pubDate>%s</pubDate>\n", a.time().Format(layout))
		}
		b.WriteString("</item>\n")
	}
	b.WriteString("</channel>\n</rss>\n")
	return b.Bytes()
}

func (w *world) atom(h *host, slug string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>%s</title>\n<id>http://%s/vi/%s</id>\n<link rel=\"self\" href=\"http://%s/vi/%s/-/asset_publisher/rss\"/>\n", escaped(h.section(slug).Name), h.Name, slug, h.Name, slug)
	for _, a := range w.newest(h, slug) {
		fmt.Fprintf(&b, "<entry>\n<title>%s</title>\n<link rel=\"alternate\" href=\"%s\"/>\n<author><name>admin admin</name></author>\n<id>%s</id>\n<updated>%s</updated>\n<summary type=\"html\">%s</summary>\n</entry>\n", escaped(a.title), a.url(), a.url(), a.time().UTC().Format(time.RFC3339), escaped(escaped(a.lead)))
	}
	b.WriteString("</feed>\n")
	return b.Bytes()
}

func (w *world) index(h *host, maps ...string) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n")
	for _, m := range maps {
		fmt.Fprintf(&b, "<sitemap><loc>http://%s%s</loc></sitemap>\n", h.Name, m)
	}
	b.WriteString("</sitemapindex>\n")
	return b.Bytes()
}

func (w *world) sitemap(h *host, news bool) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:news=\"http://www.google.com/schemas/sitemap-news/0.9\">\n")
	fmt.Fprintf(&b, "<url><loc>http://%s/</loc><changefreq>always</changefreq></url>\n", h.Name)
	for i, a := range w.articles[h] {
		switch {
		case a.quirk("forbidden") || a.quirk("cut") || a.quirk("error"):
		case !news:
			fmt.Fprintf(&b, "<url><loc>%s</loc><lastmod>%s</lastmod></url>\n", a.url(), a.time().Format(time.RFC3339))
		case i < 6:
			fmt.Fprintf(&b, "<url><loc>%s</loc><news:news><news:publication><news:name>%s</news:name><news:language>vi</news:language></news:publication><news:publication_date>%s</news:publication_date><news:title>%s</news:title></news:news></url>\n",
				a.url(), escaped(h.Title), a.time().Format(time.RFC3339), escaped(a.title))
		}
	}
	b.WriteString("</urlset>\n")
	return b.Bytes()
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
