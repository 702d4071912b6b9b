package extract

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// define loads one definition for www.bomau.example.
func define(t testing.TB, toml string) *Sites {
	t.Helper()
	s, err := LoadSites(fstest.MapFS{"bomau.toml": {Data: []byte("hosts = ['www.bomau.example']\nzone = 'Asia/Ho_Chi_Minh'\n" + toml)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// linksOf lists links as kind, + for onward, and URL.
func linksOf(r *Reading) (out []string) {
	for _, l := range r.Links {
		mark := ""
		if l.Onward {
			mark = "+"
		}
		out = append(out, strings.TrimSpace(string(l.Kind)+mark+" "+strings.TrimPrefix(l.URL, "http://www.bomau.example")+" "+l.Post))
	}
	return out
}

func TestPaging(t *testing.T) {
	const items = `<a href="/tin/a-1.html">Tin một</a><a href="/tin/b-2.html">Tin hai</a>`
	for _, c := range []struct {
		name, rule, url, post, page string
		want                        string // the further page
	}{
		{"a parameter", `page = '?Page={n}'`, "/ds.aspx?date=&Page=3", "", items, "/ds.aspx?date=&Page=4"},
		{"a parameter, from the first page", `page = '?Page={n}'`, "/ds.aspx?id=5", "", items, "/ds.aspx?id=5&Page=2"},
		{"an offset", "page = '?offset={n}'\nfirst = 0\nstep = 20", "/ds?offset=40", "", items, "/ds?offset=60"},
		{"a number behind the path", `page = '{path}-p{n}'`, "/kinh-te-p9", "", items, "/kinh-te-p10"},
		{"a number behind the stem", `page = '{stem}/trang-{n}.htm'`, "/van-hoa.htm", "", items, "/van-hoa/trang-2.htm"},
		{"and its next", `page = '{stem}/trang-{n}.htm'`, "/van-hoa/trang-2.htm", "", items, "/van-hoa/trang-3.htm"},
		{"an id on the page", "page = '/timeline/{id}/{n}.htm'\npage_id = '#zone@value'", "/xa-hoi.htm", "", `<input id=zone value=77>` + items, "/timeline/77/2.htm"},
		{"and its next, without the id on the page", "page = '/timeline/{id}/{n}.htm'\npage_id = '#zone@value'", "/timeline/77/2.htm", "", items, "/timeline/77/3.htm"},
		{"a link", `next = 'a.next'`, "/ds", "", items + `<a class=next href="?trang=2">Sau</a>`, "/ds?trang=2"},
		{"a link of the head", ``, "/ds", "", `<link rel=next href="/ds/2">` + items, "/ds/2"},
		{"a form", `page_post = 'cmd=redraw&pageNo={n}'`, "/ds", "cmd=redraw&pageNo=4", items, "/ds cmd=redraw&pageNo=5"},
		{"the first page of a form", `page_post = 'cmd=redraw&pageNo={n}'`, "/ds", "", items, "/ds cmd=redraw&pageNo=2"},
		{"a link to the page itself is none", `next = 'a.next'`, "/ds", "", items + `<a class=next href="/ds">Sau</a>`, ""},
		{"an empty page is the last", `page = '?Page={n}'`, "/ds?Page=8", "", `<p>Hết</p>`, ""},
	} {
		s := define(t, "articles = '^/tin/'\n[[list]]\n"+c.rule)
		r, err := s.Read(Page{URL: "http://www.bomau.example" + c.url, Post: c.post, Body: []byte("<html>" + c.page)})
		if !errors.Is(err, ErrNotArticle) {
			t.Errorf("%s: %v; want a list", c.name, err)
		}
		got := ""
		for _, l := range r.Links {
			if l.Onward {
				got += strings.TrimSpace(strings.TrimPrefix(l.URL, "http://www.bomau.example") + " " + l.Post)
			}
		}
		if got != c.want {
			t.Errorf("%s: goes on to %q, want %q", c.name, got, c.want)
		}
	}
}

// Pages, feeds and sitemaps write links that package url does not take, and browsers
// follow; whoever writes one article's, it is one.
func TestLinksAsBrowsersTakeThem(t *testing.T) {
	s := define(t, "articles = '^/tin/'\n[[list]]\nurl = '^/ds'\n[[layout]]\nname = 'l'\nurl = '^/tin/'\ntitle = 'h1'\nbody = '.body'\nattachments = '.files a'")
	for _, c := range []struct{ name, page, want string }{
		{"a list", `<html><base href="\tin\50%\"><a href="a-8%.html#50%">Một</a> <a href="a-8%25.html">Một</a> <a href="http:\\www.bomau.example\tin\b.html">Hai</a>`,
			"article /tin/50%25/a-8%25.html | article /tin/b.html"},
		{"a click", `<html><p onclick="location.href='/tin/50%'">Một</p>`, "article /tin/50%25"},
		{"a further page", `<html><link rel=next href="\ds\50%">`, "list+ /ds/50%25"},
		{"a refresh", `<html><meta http-equiv=refresh content="0; url=\ds\50%">`, "list /ds/50%25"},
		{"a feed", `<rss version="2.0"><channel><item><title>Một</title><link>http://www.bomau.example/tin/giam-50%.html</link></item></channel></rss>`, "article /tin/giam-50%25.html"},
		{"a sitemap", "<urlset><url><loc>\nhttp://www.bomau.example/tin/giam-50%.html</loc></url></urlset>", "article /tin/giam-50%25.html"},
	} {
		r, _ := s.Read(Page{URL: "http://www.bomau.example/ds", Body: []byte(c.page)})
		if got := strings.Join(linksOf(r), " | "); got != c.want {
			t.Errorf("%s: links are %s, want %s", c.name, got, c.want)
		}
	}
	body := strings.Repeat("<p>Bộ trưởng làm việc với các địa phương về giá cả của tháng này.", 5)
	r, err := s.Read(Page{URL: "http://www.bomau.example/tin/giam-50%.html?in=1", Body: []byte(`<html><link rel=canonical href="\tin\giam-50%.html"><h1>Giảm 50%</h1>
		<div class=body>` + body + `<img src="\anh\50%.jpg"></div><div class=files><a href="\van ban\50%.pdf">Văn bản</a></div>`)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Article.CanonicalURL, "http://www.bomau.example/tin/giam-50%25.html"; got != want {
		t.Errorf("canonical URL %s, want %s", got, want)
	}
	if len(r.Article.Images) != 1 || r.Article.Images[0].URL != "http://www.bomau.example/anh/50%25.jpg" {
		t.Errorf("images %v, want /anh/50%%25.jpg", r.Article.Images)
	}
	if len(r.Article.Attachments) != 1 || r.Article.Attachments[0].URL != "http://www.bomau.example/van%20ban/50%25.pdf" {
		t.Errorf("attachments %v, want /van%%20ban/50%%25.pdf", r.Article.Attachments)
	}
	if got, want := s.Address("http://www.bomau.example/tin/giam-50%.html"), "http://www.bomau.example/tin/giam-50%25.html"; got != want {
		t.Errorf("address %s, want %s", got, want)
	}
}

// A list whose rule cannot find the next page is not taken for one that ends.
func TestStuckLists(t *testing.T) {
	const items = `<a href="/tin/a-1.html">Tin một</a><a href="/tin/b-2.html">Tin hai</a>`
	const byID = "articles = '^/tin/'\n[[list]]\npage = '/timeline/{id}/{n}.htm'\npage_id = '#zone@value'"
	for _, c := range []struct{ name, rule, url, page, want string }{
		{"the id is gone", byID, "/xa-hoi.htm", `<input id=other value=77>` + items, `page_id = "#zone@value" in bomau finds no {id} for the next page`},
		{"the id is there", byID, "/xa-hoi.htm", `<input id=zone value=77>` + items, ""},
		{"the id is in the URL", byID, "/timeline/77/2.htm", items, ""},
		{"the list has ended", byID, "/xa-hoi.htm", "<p>Hết</p>", ""},
		{"no page_id", "follow = '^/muc/'\narticles = '^/tin/'\n[[list]]\npage = '/timeline/{id}/{n}.htm'", "/xa-hoi.htm", items,
			`page = "/timeline/{id}/{n}.htm" in bomau has an {id}, and the list neither has it in its URL nor a page_id`},
	} {
		r, _ := define(t, c.rule).Read(Page{URL: "http://www.bomau.example" + c.url, Body: []byte("<html>" + c.page)})
		if r.Stuck != c.want {
			t.Errorf("%s: stuck for %q, want %q", c.name, r.Stuck, c.want)
		}
	}
}

func TestLists(t *testing.T) {
	const def = "articles = '^/tin/.*\\.html'\nskip = 'chu-de'\nfollow = '^/muc/'\nstart = ['http://www.bomau.example/ds']\n[[list]]\nlinks = '.list'\n"
	for _, c := range []struct {
		name, page string
		want       []string
		err        error
	}{
		{"links of the list, each once, others not",
			`<div class=menu><a href="/tin/menu.html">Menu</a></div><div class=list><a href="/tin/1.html"></a><a href="/tin/1.html?utm_source=x#y">Một</a><a href="https://bomau.example/tin/1.html">Một</a>
			 <a href="http://khac.example/tin/2.html">Khác</a><a href="/chu-de/tin/3.html">Chủ đề</a><a href="javascript:x()">X</a><div onclick="location.href='/tin/4.html'">Bốn</div></div>
			 <a href="/muc/xa-hoi">Xã hội</a>`,
			[]string{"article /tin/1.html", "article /tin/4.html", "list /muc/xa-hoi"}, ErrNotArticle},
		{"a list that links to nothing is an error", `<div class=list>Đang cập nhật</div>`, nil, ErrNoLinks},
		{"and so is one whose selector finds nothing", `<a href="/tin/1.html">Một</a>`, nil, ErrNoLinks},
	} {
		r, err := define(t, def).Read(Page{URL: "http://www.bomau.example/ds", Body: []byte("<html>" + c.page)})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if got := linksOf(r); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: links %q, want %q", c.name, got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	s := define(t, `
rewrite = [{ from = '^http://www\.bomau\.example/bai/([a-z0-9-]+)$', to = 'http://www.bomau.example/api/get?slug=${1}' }]
[[list]]
url = '^/api/list'
format = 'json'
items = 'data.items'
links = 'http://www.bomau.example/api/get?slug={slug}'
text = 'title'
published = 'date'
page = '?offset={n}'
first = 0
step = 2
[[layout]]
name = 'api'
url = '^/api/get'
format = 'json'
title = 'data.title'
lead = 'data.description'
published = 'data.date'
body = 'data.content|@fromstr|Content'
authors = 'data.author'
source = 'data.source'
section = 'data.category.name'
tags = 'data.tags.#.name'
attachments = 'data.files'
canonical = 'http://www.bomau.example/bai/{data.slug}'
`)
	r, err := s.Read(Page{URL: "http://www.bomau.example/api/list?offset=2", Body: []byte(
		`{"data":{"items":[{"slug":"mot","title":"Một","date":"2026-03-01T08:00:00"},{"slug":"","title":"không"},{"slug":"hai"}]}}`)})
	if !errors.Is(err, ErrNotArticle) {
		t.Errorf("the list: %v", err)
	}
	if got, want := fmt.Sprint(linksOf(r)), "[article /api/get?slug=mot article /api/get?slug=hai list+ /api/list?offset=4]"; got != want {
		t.Errorf("links %s, want %s", got, want)
	}
	if p := r.Links[0].Published; p == nil || p.Format(time.RFC3339) != "2026-03-01T08:00:00+07:00" {
		t.Errorf("the first was published %v", p)
	}
	_, err = s.Read(Page{URL: "http://www.bomau.example/api/list?offset=4", Body: []byte(`{"data":{"items":[]}}`)})
	if !errors.Is(err, ErrNotArticle) {
		t.Errorf("the page past the last: %v", err)
	}
	if _, err = s.Read(Page{URL: "http://www.bomau.example/api/list", Body: []byte(`{"data":{"items":[]}}`)}); !errors.Is(err, ErrNoLinks) {
		t.Errorf("an empty first page: %v", err)
	}

	r, err = s.Read(Page{URL: "http://www.bomau.example/api/get?slug=mot", Body: []byte(`{"data":{"slug":"mot","title":"Một &amp; hai","description":"<p>Tóm tắt</p>",
		"date":"2026-03-01T08:00:00","author":"Tin, ảnh: P.Y","source":"","category":{"name":"Tin"},"tags":[{"name":"a"},{"name":"b"}],
		"content":"{\"Content\":\"<p>Đoạn một.</p><p>Đoạn hai.</p>\"}","files":[{"link":"/f/1.pdf","name":"Công văn"}]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Article
	got := fmt.Sprintf("%s|%s|%s|%s|%v|%s|%s|%v|%v|%s", a.CanonicalURL, a.Title, a.Lead, a.Body, a.Authors, a.Source, a.Section, a.Tags, a.Attachments, a.Published.Format(time.RFC3339))
	want := "http://www.bomau.example/bai/mot|Một & hai|Tóm tắt|Đoạn một.\n\nĐoạn hai.|[P.Y]||Tin|[a b]|[{http://www.bomau.example/f/1.pdf Công văn pdf}]|2026-03-01T08:00:00+07:00"
	if got != want {
		t.Errorf("read %s\nwant %s", got, want)
	}
}

// APIs give whole URLs, paths, slugs of several parts and words of any kind.
func TestJSONLinks(t *testing.T) {
	const none = "the list links to nothing: of the 2 items in \"data\" none leads to an article of the site; the first "
	for _, c := range []struct{ name, links, items, want, err string }{
		{"a URL", "{u}", `{"u":"http://www.bomau.example/tin/a-1.html?x=1"}`, "/tin/a-1.html?x=1", ""},
		{"a URL with blanks", "{u}", `{"u":" https://www.bomau.example/tin/giam 50%.html\n"}`, "https://www.bomau.example/tin/giam%2050%25.html", ""},
		{"a URL without scheme", "{u}", `{"u":"//www.bomau.example/tin/1"}`, "/tin/1", ""},
		{"a path", "{u}", `{"u":"/tin/a-1.html"}`, "/tin/a-1.html", ""},
		{"a relative link", "{u}", `{"u":"a-1.html?x=1"}`, "/api/a-1.html?x=1", ""},
		{"a path behind the host", "http://www.bomau.example{u}", `{"u":"/tin/a-1.html?x=1"}`, "/tin/a-1.html?x=1", ""},
		{"a path behind a slash", "http://www.bomau.example/{u}", `{"u":"/tin/a-1.html"}`, "/tin/a-1.html", ""},
		{"URLs among paths", "http://www.bomau.example{u}", `{"u":"/tin/1"},{"u":"http://www.bomau.example/tin/2"}`, "/tin/1 /tin/2", ""},
		{"a URL with more behind it", "{u}?in=1", `{"u":"http://www.bomau.example/tin/1"}`, "/tin/1?in=1", ""},
		{"a slug of several parts", "http://www.bomau.example/{u}.html", `{"u":"muc/con/bài 1?"}`, "/muc/con/b%C3%A0i%201%3F.html", ""},
		{"a query", "http://www.bomau.example/get?u={u}&in=1", `{"u":"/tin/a&b=c+d e"}`, "/get?u=%2Ftin%2Fa%26b%3Dc%2Bd%20e&in=1", ""},
		{"a URL in a query", "http://www.bomau.example/get?u={u}", `{"u":"http://www.bomau.example/tin/1"}`, "/get?u=http%3A%2F%2Fwww.bomau.example%2Ftin%2F1", ""},
		{"another site", "{u}", `{"u":"http://khac.example/1"},{"u":"http://khac.example/2"}`, "", none + `gives "http://khac.example/1"`},
		{"no URL", "{u}", `{"u":"javascript:x()"},{"u":"mailto:a@b"}`, "", none + `gives "javascript:x()"`},
		{"another key", "{link}", `{"u":"/tin/1"},{"u":"/tin/2"}`, "", none + "has no {link}"},
		{"no items", "{u}", "", "", `the list links to nothing: "data" holds nothing`},
	} {
		s := define(t, "[[list]]\nformat = 'json'\nitems = 'data'\nlinks = '"+c.links+"'\n")
		r, err := s.Read(Page{URL: "http://www.bomau.example/api/list", Body: []byte(`{"data":[` + c.items + `]}`)})
		if got := strings.ReplaceAll(strings.Join(linksOf(r), " "), "article ", ""); got != c.want {
			t.Errorf("%s: links are %s, want %s", c.name, got, c.want)
		}
		if c.err != "" && (!errors.Is(err, ErrNoLinks) || err.Error() != c.err) {
			t.Errorf("%s: %v, want %s", c.name, err, c.err)
		}
	}
	for _, c := range []struct{ canonical, url, want string }{
		{"{data.u}", "http://www.bomau.example/tin/a-1.html", "http://www.bomau.example/tin/a-1.html"},
		{"{data.u}", "/tin/a-1.html", "http://www.bomau.example/tin/a-1.html"},
		{"{data.u}", "http://khac.example/tin/1", "http://www.bomau.example/api/get?id=1"},
		{"{data.u}", "javascript:x()", "http://www.bomau.example/api/get?id=1"},
		{"http://doc.example/{data.u}", "muc/1", "http://doc.example/muc/1"},
	} {
		s := define(t, "[[layout]]\nname = 'api'\nformat = 'json'\ntitle = 'data.t'\nbody = 'data.b'\ncanonical = '"+c.canonical+"'\n")
		r, err := s.Read(Page{URL: "http://www.bomau.example/api/get?id=1", Body: []byte(`{"data":{"t":"Một","b":"<p>Đoạn một.</p>","u":"` + c.url + `"}}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Article.CanonicalURL; got != c.want {
			t.Errorf("canonical = %s with %s: known by %s, want %s", c.canonical, c.url, got, c.want)
		}
	}
}

// Numbers as dates are moments; they are told by the clock of the site.
func TestJSONDates(t *testing.T) {
	s := define(t, "[[layout]]\nname = 'api'\nformat = 'json'\ntitle = 't'\nbody = 'b'\npublished = 'd'\n")
	for in, want := range map[string]string{
		`1709227800`:                      "2024-03-01T00:30:00+07:00",
		`1709227800000`:                   "2024-03-01T00:30:00+07:00",
		`"1709227800"`:                    "2024-03-01T00:30:00+07:00",
		`"\/Date(1709227800000)\/"`:       "2024-03-01T00:30:00+07:00",
		`"/Date(1709227800000+0900)/"`:    "2024-03-01T02:30:00+09:00",
		`"2024-03-01T00:30:00"`:           "2024-03-01T00:30:00+07:00",
		`"2024-02-29T17:30:00Z"`:          "2024-02-29T17:30:00Z",
		`"2024-02-29T18:30:00.000+01:00"`: "2024-02-29T18:30:00+01:00",
	} {
		r, err := s.Read(Page{URL: "http://www.bomau.example/api/1", Body: []byte(`{"t":"Một","b":"<p>Đoạn một.</p>","d":` + in + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if p := r.Article.Published; p != nil {
			got = p.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: published %s, want %s", in, got, want)
		}
	}
}

// What a text is, its root element says, whatever stands before it and in it.
func TestFeedsAndSitemapsByTheirRoot(t *testing.T) {
	const (
		item  = `<item><title>Một</title><link>http://www.bomau.example/tin/1</link><description><![CDATA[<!DOCTYPE html><html><body>Một</body></html>]]></description></item>`
		entry = `<entry><title>Một</title><link href="http://www.bomau.example/tin/1"/></entry>`
		rss   = `<rss version="2.0"><channel>` + item + `</channel></rss>`
		urls  = `<urlset><url><loc>http://www.bomau.example/tin/1</loc></url></urlset>`
	)
	long := "<!-- " + strings.Repeat("<html> một ghi chú dài > ", 400) + "-->\n"
	for _, c := range []struct {
		name, text string
		want       Kind
	}{
		{"a page in an item", rss, KindFeed},
		{"a long comment", "\uFEFF\n<?xml version=\"1.0\" encoding=\"windows-1258\"?>\n" + long + rss, KindFeed},
		{"a style sheet", `<?xml version="1.0"?><?xml-stylesheet href="rss>.xsl"?>` + rss, KindFeed},
		{"a doctype", `<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS > 0.91//EN" "rss.dtd" [<!ENTITY nbsp "&#160;">]>` + rss, KindFeed},
		{"Atom", long + `<feed xmlns="http://www.w3.org/2005/Atom">` + entry + `</feed>`, KindFeed},
		{"Atom with a prefix", `<?xml version="1.0"?><a:feed xmlns:a="http://www.w3.org/2005/Atom">` + strings.NewReplacer("</", "</a:", "<", "<a:").Replace(entry) + `</a:feed>`, KindFeed},
		{"RDF", long + `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel/>` + item + `</rdf:RDF>`, KindFeed},
		{"a sitemap", long + urls, KindSitemap},
		{"a sitemap with a prefix", `<sm:urlset xmlns:sm="http://www.sitemaps.org/schemas/sitemap/0.9"><sm:url><sm:loc>http://www.bomau.example/tin/1</sm:loc></sm:url></sm:urlset>`, KindSitemap},
		{"an index", long + `<sitemapindex><sitemap><loc>http://www.bomau.example/tin/1</loc></sitemap></sitemapindex>`, KindSitemap},
		{"a warning of PHP", "<br />\n<b>Warning</b>: x in <b>y.php</b> on line <b>1</b><br />\n<?xml version=\"1.0\"?>" + urls, KindSitemap},
		{"a page that mentions a feed", `<div>Bản tin <rss version="2.0"> của Bộ</div>` + long, KindList},
		{"a page behind a comment", "<!-- <rss> -->" + `<html><body><p>Bản tin <rss version="2.0"><?xml version="1.0"?>` + rss, KindList},
		{"a page of XML", `<?xml version="1.0"?><!DOCTYPE HTML PUBLIC "x"><urlset>`, KindList},
		{"a comment without end", "<!-- <rss>", KindList},
	} {
		r, err := define(t, "start = ['http://www.bomau.example/ds']").Read(Page{URL: "http://www.bomau.example/ds", Body: []byte(c.text)})
		if r.Kind != c.want || c.want != KindList && len(r.Links) != 1 {
			t.Errorf("%s: read as %s with %d links (%v), want %s", c.name, r.Kind, len(r.Links), err, c.want)
		}
	}
}

// Of a feed or a sitemap that is broken, what is whole is read.
func TestBrokenFeedsAndSitemaps(t *testing.T) {
	item := func(n, title string) string {
		return "<item><title>" + title + "</title><link>http://www.bomau.example/tin/" + n + "</link></item>"
	}
	entry := func(n, title string) string {
		return `<a:entry><a:title>` + title + `</a:title><a:link href="http://www.bomau.example/tin/` + n + `"/></a:entry>`
	}
	place := func(n, title string) string {
		return "<url><loc>http://www.bomau.example/tin/" + n + "</loc><news:news><news:title>" + title + "</news:title></news:news></url>"
	}
	const (
		rss  = `<?xml version="1.0"?><rss version="2.0"><channel><title>Tin</title>`
		atom = `<a:feed xmlns:a="http://www.w3.org/2005/Atom">`
		rdf  = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel/>`
	)
	for _, c := range []struct{ name, text, want, err string }{
		{"a cut RSS", rss + item("1", "Một") + item("2", "Hai <![CDATA[</item>]]>") + "<item><title>Ba</title><link>http://www.bo", "/tin/1 /tin/2", "read feed after 2 items: "},
		{"a cut Atom", atom + entry("1", "Một") + entry("2", "Hai") + "<a:entry><a:ti", "/tin/1 /tin/2", "read feed after 2 items: "},
		{"a cut RDF", rdf + item("1", "Một") + "<item><title>", "/tin/1", "read feed after 1 items: "},
		{"a feed cut behind an item", rss + item("1", "Một"), "/tin/1", "read feed after 1 items: "},
		{"a feed cut in its first item", rss + "<item><title>Một", "", "read feed: "},
		{"a cut sitemap", "<urlset>" + place("1", "Một") + "<url><loc>http://www", "/tin/1", "read sitemap after 1 entries: "},
		{"control characters in a sitemap", "<urlset>" + place("1", "M\x0bột") + place("2", "Hai&#x1F;&#11;&#0;") + place("3", "Ba\uFFFE\x01") + "</urlset>", "/tin/1 /tin/2 /tin/3", "a sitemap of 3 links"},
		{"control characters in a feed", rss + item("1", "M\x0bột") + item("2", "Hai&#x1F;&#11;&#0;") + item("3", "Ba\uFFFE\x01") + "</channel></rss>", "/tin/1 /tin/2 /tin/3", "a feed of 3 articles"},
	} {
		r, err := define(t, "articles = '^/tin/'").Read(Page{URL: "http://www.bomau.example/ds", Body: []byte(c.text)})
		if got := strings.ReplaceAll(strings.Join(linksOf(r), " "), "article ", ""); got != c.want {
			t.Errorf("%s: links are %s, want %s", c.name, got, c.want)
		}
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %s", c.name, err, c.err)
		}
		for i, want := range []string{"Một", "Hai", "Ba"} {
			if i < len(r.Links) && !strings.HasPrefix(r.Links[i].Text, want) && r.Kind == KindFeed {
				t.Errorf("%s: link %d says %q, want %q", c.name, i+1, r.Links[i].Text, want)
			}
		}
	}
}

func TestNotArticles(t *testing.T) {
	s := define(t, "")
	for _, c := range []struct{ name, body, why string }{
		{"nothing", " \n", "the page is empty"},
		{"a PDF", "%PDF-1.7 …", "a PDF"},
		{"an Office file", "PK\x03\x04…", "Office"},
		{"a picture", "\x89PNG\r\n\x1a\n", "picture"},
		{"JSON nobody asked for", `{"a":1}`, "json"},
	} {
		r, err := s.Read(Page{URL: "http://www.bomau.example/tin/1.html", ContentType: "text/html", Body: []byte(c.body)})
		if !errors.Is(err, ErrNotArticle) || !strings.Contains(err.Error(), c.why) || r.Article != nil {
			t.Errorf("%s: %v, article %v; want not an article, with %q", c.name, err, r.Article, c.why)
		}
	}
	if _, err := s.Read(Page{Body: make([]byte, MaxPage+1)}); err == nil || errors.Is(err, ErrNotArticle) {
		t.Errorf("a page of more than MaxPage: %v", err)
	}
}

func TestCanonicalIsNotBelievedBlindly(t *testing.T) {
	s := define(t, "articles = '^/tin/'\n[[layout]]\nname = '1'\ntitle = 'h1'\nbody = 'div'")
	const at = "http://www.bomau.example/tin/1.html"
	for _, c := range []struct{ name, href, want string }{
		{"another address of the site", "http://bomau.example/tin/1.html", "http://bomau.example/tin/1.html"},
		{"a relative one", "/tin/mot.html", "http://www.bomau.example/tin/mot.html"},
		{"the home page", "http://www.bomau.example/", at},
		{"another site", "http://khac.example/tin/1.html", at},
		{"a list of the site", "http://www.bomau.example/muc/tin", at},
		{"no URL", "javascript:void(0)", at},
		{"nothing", "", at},
	} {
		r, err := s.Read(Page{URL: at + "?utm_source=x", Body: []byte(`<html><link rel=canonical href="` + c.href + `"><h1>Tin</h1><div>Nội dung của bản tin.</div>`)})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := r.Article.CanonicalURL; got != c.want {
			t.Errorf("%s: known by %s, want %s", c.name, got, c.want)
		}
		if r.Article.ID != ArticleID(c.want) {
			t.Errorf("%s: the id is not that of the canonical URL", c.name)
		}
	}
}

// FuzzRead reads anything as a page of every kind of definition.
func TestWhatARuleMatchesBesidesItsFieldStays(t *testing.T) {
	const text = "<p>Sáng nay, Bộ tổ chức buổi làm việc với các đơn vị về kế hoạch của quý tới, có đại diện nhiều địa phương dự.</p>"
	s := define(t, "articles = '^/tin/'\n[[layout]]\nname = 'x'\ntitle = 'h1'\nlead = '.sapo'\nbody = '.body'\n")
	r, err := s.Read(Page{URL: "http://www.bomau.example/tin/1", Body: []byte(`<h1>Bộ họp bàn kế hoạch</h1><div class=body><h1>Bộ họp bàn kế hoạch</h1>` +
		`<p class=sapo>Bộ họp vào sáng nay.</p><p class=sapo>Các sở họp vào buổi chiều.</p>` + text + `<h1>Phần hai của cuộc họp</h1>` + text + `</div>`)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.Article.Lead), "Bộ họp vào sáng nay."; got != want {
		t.Errorf("the lead is %q, want %q", got, want)
	}
	for _, want := range []string{"Các sở họp vào buổi chiều.", "Phần hai của cuộc họp"} {
		if !strings.Contains(r.Article.Body, want) {
			t.Errorf("the body lacks %q:\n%s", want, r.Article.Body)
		}
	}
	for _, not := range []string{"Bộ họp bàn kế hoạch", "Bộ họp vào sáng nay."} {
		if strings.Contains(r.Article.Body, not) {
			t.Errorf("the body repeats %q:\n%s", not, r.Article.Body)
		}
	}
}

func FuzzRead(f *testing.F) {
	sites, err := Builtin()
	if err != nil {
		f.Fatal(err)
	}
	urls := []string{"", "http://nobody.example/tin/1.html"}
	for _, name := range sites.Names() {
		if seeds := sites.Seeds(name); len(seeds) > 0 {
			urls = append(urls, seeds[0].URL)
		}
	}
	f.Add(uint8(0), []byte("<html><h1>Tin</h1><p>Đoạn"))
	f.Add(uint8(1), []byte(`<rss><channel><item><link>http://nobody.example/tin-tuc-so-mot-1</link><pubDate>9/5/2026 1:30:00 PM</pubDate></item></channel></rss>`))
	f.Add(uint8(1), []byte(`<urlset><url><loc>http://nobody.example/a-b-c-d-e</loc></url></urlset>`))
	f.Add(uint8(3), []byte(`{"data":{"title":"a","content":"<p>b</p>"}}`))
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		r, err := sites.Read(Page{URL: urls[int(n)%len(urls)], Body: body, Fetched: savedAt})
		if r == nil {
			t.Fatal("no reading")
		}
		if (err == nil) != (r.Article != nil) {
			t.Fatalf("error %v with article %v", err, r.Article)
		}
		if a := r.Article; a != nil {
			if !norm.NFC.IsNormalString(a.Title) || strings.TrimSpace(a.Title) != a.Title || a.Title == "" {
				t.Errorf("title %q", a.Title)
			}
			if _, err := a.JSON(); err != nil {
				t.Error(err)
			}
		}
		for _, l := range r.Links {
			if absolute(l.URL) != nil || l.Canonical == "" || l.Kind == "" {
				t.Errorf("link %+v", l)
			}
		}
	})
}

// A list says when its articles were published, in many ways, and its page
// has dates that are nobody's.
func TestListDates(t *testing.T) {
	sites, err := LoadSites(fstest.MapFS{"bothu.example.toml": {Data: []byte(`
hosts = ["bothu.example"]
zone = "Asia/Ho_Chi_Minh"
articles = '^/tin/'
`)}})
	if err != nil {
		t.Fatal(err)
	}
	page := `<!DOCTYPE html><title>Tin</title><div class="top">Thứ Bảy, 07/03/2026 <a href="/">Trang chủ</a></div>
<ul>
<li><a href="/tin/1">Khai mạc tuần lễ</a> <span>(19/01/2018)</span></li>
<li><a href="/tin/2"><img src="a.jpg"></a><h3><a href="/tin/2">Kỷ niệm 30/4/1975</a></h3><p>Ngày đăng 18/01/2018 | 04:30 PM | Lượt xem: 8</p></li>
<li><a href="/tin/3"><h3>Một tin</h3><time datetime="2018-01-17T08:00:00+07:00">hôm qua</time></a></li>
<li><a href="/tin/4">Từ ngày</a> <span>01/02/2018</span> đến <span>05/02/2018</span></li>
</ul>`
	r, _ := sites.Read(Page{URL: "http://bothu.example/tin-tuc", ContentType: "text/html", Body: []byte(page), Fetched: time.Date(2026, 3, 7, 9, 0, 0, 0, time.UTC)})
	got := map[string]string{}
	for _, l := range r.Links {
		got[l.URL] = "none"
		if l.Published != nil {
			got[l.URL] = l.Published.Format("2006-01-02 15:04")
		}
	}
	want := map[string]string{
		"http://bothu.example/tin/1": "2018-01-19 00:00", "http://bothu.example/tin/2": "2018-01-18 16:30",
		"http://bothu.example/tin/3": "2018-01-17 08:00", "http://bothu.example/tin/4": "none",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dates of a list differ (-want +got)\n%s", diff)
	}
}

func TestURLDate(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/2018/01/19/khai-mac":                          "2018-01-19",
		"https://a.example/2018/01/khai-mac":                             "2018-01",
		"https://a.example/tin/2018-01-19/khai-mac.html":                 "2018-01-19",
		"https://a.example/tin/20180119/khai-mac.html":                   "2018-01-19",
		"https://a.example/mot-tin-20260129135623546.htm":                "2026-01-29",
		"https://a.example/mot-tin-197260608042009150.htm":               "2026-06-08",
		"https://a.example/mot-tin-41217.html":                           "",
		"https://a.example/ke-hoach-2018-01-19.html":                     "",
		"https://a.example/2018/13/khai-mac":                             "",
		"https://a.example/2018/02/30/khai-mac":                          "2018-02",
		"https://a.example/tin/id-123456789012345678.htm":                "",
		"https://a.example/page/2018":                                    "",
		"https://a.example/vi/-/view_content/4430301-thong-bao-nam-2022": "",
	} {
		s, ok := URLDate(in, nil)
		got := ""
		if ok {
			if got = s.From.Format("2006-01-02"); s.Until.Sub(s.From) > 24*time.Hour {
				got = s.From.Format("2006-01")
			}
		}
		if got != want {
			t.Errorf("URLDate(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestSitemapDate(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/sitemap-2018-01.xml":                       "2018-01-01 2018-02-01",
		"https://a.example/sitemaps/news-2018-1.xml":                  "2018-01-01 2019-01-01",
		"https://a.example/sitemaps/news-2018.xml":                    "2018-01-01 2019-01-01",
		"https://a.example/sitemap/2018/01/19/news.xml.gz":            "2018-01-19 2018-01-20",
		"https://a.example/sitemap_201801.xml":                        "2018-01-01 2018-02-01",
		"https://a.example/sitemap.xml?yyyy=2018&mm=01&dd=19":         "2018-01-19 2018-01-20",
		"https://a.example/sitemap.xml?from=2018-01-01&to=2018-03-31": "2018-01-01 2018-04-01",
		"https://a.example/post-sitemap12.xml":                        "",
		"https://a.example/sitemap-120180.xml":                        "",
	} {
		got := ""
		if s, ok := SitemapDate(in, nil); ok {
			got = s.From.Format(time.DateOnly) + " " + s.Until.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("SitemapDate(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestArchives(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateOnly, s, time.FixedZone("", 7*3600))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for in, want := range map[string]string{
		"/archive/{yyyy}/{mm}/{dd}": "/archive/2018/03/01 /archive/2018/02/28 /archive/2018/02/27",
		"/archive/{yyyy}-{m}":       "/archive/2018-3 /archive/2018-2",
		"/archive?year={yyyy}":      "/archive?year=2018",
		"/day?from={unix}":          "/day?from=1519837200 /day?from=1519750800 /day?from=1519664400",
		"/archive/{dd}":             `bothu.example.toml:3: archives: "http://bothu.example/archive/{dd}" names no day, month or year, as in https://host/archive/{yyyy}/{mm}/{dd}`,
		"/archive/{yyyy}/{week}":    `bothu.example.toml:3: archives: {week} is none of {yyyy}, {mm}, {m}, {dd}, {d}, {unix}`,
	} {
		sites, err := LoadSites(fstest.MapFS{"bothu.example.toml": {Data: []byte("hosts = ['bothu.example']\nzone = 'Asia/Ho_Chi_Minh'\narchives = ['http://bothu.example" + in + "']\n")}})
		got := fmt.Sprint(err)
		if err == nil {
			var all []string
			for _, l := range sites.Archives("bothu.example", day("2018-02-27"), day("2018-03-02")) {
				all = append(all, strings.TrimPrefix(l.URL, "http://bothu.example"))
			}
			got = strings.Join(all, " ")
		}
		if got != want {
			t.Errorf("archives = %q gives %q, want %q", in, got, want)
		}
	}
}
