package heal_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"luutin/extract"
	"luutin/extract/heal"
)

// TestReadList reads the ways in which sites link and page on.
func TestReadList(t *testing.T) {
	titles := []string{"Bến đò mới mở cửa sau tám tháng thi công", "Sông Vệ Nhu cạn nhất trong mười năm qua", "Hai xã chung một cây cầu dân sinh", "Tập huấn lái đò cho bốn trăm phụ nữ", "Phao tiêu được thay trước mùa lũ năm nay"}
	for _, tt := range []struct {
		name, url string
		article   string // %d is its number
		entry     string // %s the URL, %s the title
		rest      string
		articles  string // pattern that must come
		not       []string
		links     string
		next      string
		page      string
		first     int
		step      int
	}{
		{
			name: "a number at the end", url: "https://bothu.example/tin-tuc", article: "/ben-do-moi-mo-cua-%d.html",
			entry:    `<div class="item"><h3 class="ten"><a href="%s">%s</a></h3></div>`,
			rest:     `<a href="/gioi-thieu.html">Giới thiệu</a><div class="trang"><a href="/tin-tuc?page=2">2</a><a href="/tin-tuc?page=3">3</a></div>`,
			articles: `-\d{5,}\.html(?:\?|$)`, not: []string{"/gioi-thieu.html", "/tin-tuc?page=2", "/tin-tuc"}, links: ".ten a", page: "?page={n}", first: 1, step: 1,
		},
		{
			name: "a next link", url: "https://bothu.example/thoi-su/", article: "/thoi-su/%d-ben-do-moi-mo-cua",
			entry:    `<li class="tin"><a class="tieu-de" href="%s">%s</a></li>`,
			rest:     `<a class="nut sau" href="/thoi-su/trang-2/">Trang sau</a>`,
			articles: `^/[^/?]+/\d{5,}-[^/?]+(?:\?|$)`, not: []string{"/thoi-su/trang-2/"}, links: ".tieu-de", next: ".sau", first: 1, step: 1,
		},
		{
			name: "an id in the query", url: "https://bothu.example/Pages/tin.aspx", article: "/Pages/chi-tiet.aspx?ItemID=%d",
			entry:    `<tr><td><a class="title" href="%s">%s</a></td></tr>`,
			rest:     `<a href="/Pages/tin.aspx?start=20">2</a><a href="/Pages/tin.aspx?start=40">3</a>`,
			articles: `(?i)[?&]itemid=(?:\d+|[0-9a-f-]{32,})(?:&|$)`, not: []string{"/Pages/tin.aspx?start=20"}, links: ".title", page: "?start={n}", first: 0, step: 20,
		},
		{
			name: "slugs without a number", url: "https://bothu.example/news", article: "/news/the-new-ferry-is-open-%c",
			entry:    `<article><h2><a href="%s">%s</a></h2></article>`,
			rest:     `<a href="/about">About</a><a rel="next" href="/news/page/2">Older</a>`,
			articles: `^/news/[^/?]+(?:\?|$)`, not: []string{"/about", "/news"}, links: "article a", first: 1, step: 1,
		},
		{
			name: "the page in the path", url: "https://bothu.example/kinh-te.htm", article: "/kinh-te/ben-do-%d.htm",
			entry:    `<div class="box"><a class="link" href="%s">%s</a></div>`,
			rest:     `<a href="/kinh-te/trang-2.htm">2</a>`,
			articles: `-\d{5,}\.htm(?:\?|$)`, not: []string{"/kinh-te/trang-2.htm"}, links: ".link", page: "{stem}/trang-{n}.htm", first: 1, step: 1,
		},
	} {
		var b strings.Builder
		b.WriteString(`<html lang="vi"><head><title>Tin | Bộ Thử</title><link rel="alternate" type="application/rss+xml" href="/rss"></head><body><nav><a href="/">Trang chủ</a></nav>`)
		for i, title := range titles {
			n := any(1234560 + i*7)
			if strings.Contains(tt.article, "%c") {
				n = 'a' + i
			}
			fmt.Fprintf(&b, tt.entry, fmt.Sprintf(tt.article, n), title)
		}
		b.WriteString(tt.rest + `</body></html>`)
		l, err := heal.ReadList(extract.Page{URL: tt.url, Body: []byte(b.String())}, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if l.Articles != tt.articles {
			t.Errorf("%s: articles %q, want %q", tt.name, l.Articles, tt.articles)
		}
		re := regexp.MustCompile(l.Articles)
		for _, u := range tt.not {
			if re.MatchString(u) {
				t.Errorf("%s: articles %q takes %s for one", tt.name, l.Articles, u)
			}
		}
		if l.Links != tt.links || l.Next != tt.next || l.Page != tt.page || l.First != tt.first || l.Step != tt.step {
			t.Errorf("%s: links %q next %q page %q first %d step %d, want %q %q %q %d %d", tt.name, l.Links, l.Next, l.Page, l.First, l.Step, tt.links, tt.next, tt.page, tt.first, tt.step)
		}
		if len(l.Found) != len(titles) || l.Title != "Bộ Thử" || l.Language != "vi" || len(l.Feeds) != 1 {
			t.Errorf("%s: found %d articles of %q in %q, feeds %v", tt.name, len(l.Found), l.Title, l.Language, l.Feeds)
		}
	}
	if _, err := heal.ReadList(extract.Page{URL: "https://bothu.example/", Body: []byte(`<a href="/a">A</a><a href="/b">B</a>`)}, nil); !errors.Is(err, heal.ErrNoList) {
		t.Errorf("a page of two links: %v, want ErrNoList", err)
	}
}

// TestReadListElsewhere reads a page of headlines that lead to another host.
func TestReadListElsewhere(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<html><body><a href="/gioi-thieu">Giới thiệu</a><a href="https://mang.example/bothu">Trên mạng</a>`)
	for i := range 4 {
		fmt.Fprintf(&b, `<li><a href="//bao.bothu.example/tin/ben-do-moi-mo-cua-%d.html">Bến đò mới mở cửa sau tám tháng thi công</a></li>`, 12340+i)
	}
	_, err := heal.ReadList(extract.Page{URL: "https://bothu.example/tin-tuc", Body: []byte(b.String())}, nil)
	var elsewhere *heal.ElsewhereError
	if !errors.As(err, &elsewhere) || !errors.Is(err, heal.ErrNoList) || elsewhere.Host != "bao.bothu.example" || elsewhere.Links != 4 || elsewhere.Own != 1 {
		t.Errorf("%v, want an ElsewhereError of 4 links to bao.bothu.example, which is an ErrNoList", err)
	}
}

// TestReadListGiven reads a list whose articles look like any other page, and
// some of which are named.
func TestReadListGiven(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<html><head><title>Tin</title></head><body><a href="/about">About</a><a href="/contact">Contact</a><a href="/help">Help</a>`)
	for _, name := range []string{"bridge", "ferry", "market", "harvest"} {
		fmt.Fprintf(&b, `<li class="item"><a href="/tin/%s">Tin về %[1]s trong tháng này</a></li>`, name)
	}
	page := extract.Page{URL: "https://bothu.example/tin", Body: []byte(b.String())}
	if _, err := heal.ReadList(page, nil); !errors.Is(err, heal.ErrNoList) {
		t.Errorf("without an article: %v, want ErrNoList", err)
	}
	l, err := heal.ReadList(page, []string{"https://bothu.example/tin/ferry"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Articles != `^/tin/[^/?]+(?:\?|$)` || len(l.Found) != 4 || l.Links != ".item a" || l.Sharp {
		t.Errorf("articles %q, links %q, found %v, sharp %v", l.Articles, l.Links, l.Found, l.Sharp)
	}
}

// Relative links are relative to <base>, when a list has one.
func TestReadListWithBase(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<html lang="vi"><head><base href="/portal/"><title>Tin | Bộ Thử</title></head><body><div class="list">`)
	for i := range 6 {
		fmt.Fprintf(&b, `<div class="item"><a href="tin-tuc/bai-so-%d-cua-hom-nay-12345%[1]d.html">Bài số %[1]d của hôm nay nói về một việc</a></div>`, i)
	}
	b.WriteString(`</div></body></html>`)
	l, err := heal.ReadList(extract.Page{URL: "https://bothu.example/tin/danh-sach", Body: []byte(b.String())}, nil)
	if err != nil || len(l.Found) != 6 || !regexp.MustCompile(l.Articles).MatchString("/portal/tin-tuc/bai-so-7-cua-hom-nay-123457.html") {
		t.Errorf("%+v, %v", l, err)
	}
}
