package dom

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text stays", "Bộ Tư pháp", "Bộ Tư pháp"},
		{"white space is folded", "  Bộ \t\n Tư\u00a0pháp ", "Bộ Tư pháp"},
		{"soft hyphens and zero widths go", "tư\u00ad pháp\u200b và\ufeff nội\u2060 vụ", "tư pháp và nội vụ"},
		{"decomposed letters are composed", norm.NFD.String("Nguyễn Thị Huệ"), "Nguyễn Thị Huệ"},
		{"a mark behind plain letters is composed", "cafe\u0301 plain", "café plain"},
		{"references escaped twice are resolved", "&ldquo;h&agrave;nh ch&iacute;nh&rdquo; &ndash; &#273;", "“hành chính” – đ"},
		{"angle brackets stay as they were shown", "&lt;b&gt; &amp;", "&lt;b&gt; &"},
		{"a broken reference stays as it was shown", "phograve;ng &; & c.", "phograve;ng &; & c."},
		{"controls go", "a\x00b\x1fc\u0085d", "abc d"},
		{"an Arabic joiner stays", "می\u200cخواهم", "می\u200cخواهم"},
		{"a Latin one goes", "a\u200cb", "ab"},
		{"ideographic space is folded", "部\u3000長", "部 長"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestDecode(t *testing.T) {
	const text = "<p>Thứ trưởng Bộ Tư pháp</p>"
	utf16le := func(s string, mark bool) []byte {
		var b []byte
		if mark {
			b = append(b, 0xff, 0xfe)
		}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return b
	}
	latin, err := charmap.Windows1252.NewEncoder().String("<p>Général à Genève</p>")
	if err != nil {
		t.Fatal(err)
	}
	russian, err := charmap.Windows1251.NewEncoder().String(`<meta charset="windows-1251"><p>Министерство юстиции</p>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		body        []byte
		contentType string
		want, enc   string
	}{
		{"a mark decides", append([]byte("\xef\xbb\xbf"), text...), "text/html; charset=iso-8859-1", text, "utf-8"},
		{"UTF-16 with a mark", utf16le(text, true), "", text, "utf-16le"},
		{"UTF-16 without one", utf16le(text, false), "text/xml", text, "utf-16le"},
		{"a header that lies about UTF-8", []byte(text), "text/html; charset=iso-8859-1", text, "utf-8"},
		{"a prolog that lies about UTF-8", []byte(`<?xml version="1.0" encoding="utf-16"?>` + text), "", `<?xml version="1.0" encoding="utf-16"?>` + text, "utf-8"},
		{"the header's charset", []byte(latin), "text/html; charset=windows-1252", "<p>Général à Genève</p>", "windows-1252"},
		{"the page's own charset", []byte(russian), "text/html", `<meta charset="windows-1251"><p>Министерство юстиции</p>`, "windows-1251"},
		{"a label that says UTF-8 of what is not", []byte(strings.Repeat(latin, 20)), "text/html; charset=utf-8", strings.Repeat("<p>Général à Genève</p>", 20), "windows-1252"},
		{"UTF-8 with one broken byte", []byte(strings.Repeat(text, 10) + "\xff"), "", strings.Repeat(text, 10) + "\uFFFD", "utf-8"},
	} {
		before := bytes.Clone(c.body)
		got, enc, err := Decode(c.body, c.contentType)
		if err != nil || string(got) != c.want || enc != c.enc {
			t.Errorf("%s: Decode = %.60q, %s, %v; want %.60q, %s", c.name, got, enc, err, c.want, c.enc)
		}
		if !bytes.Equal(before, c.body) {
			t.Errorf("%s: Decode changed the bytes it was given", c.name)
		}
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		name, html string
		want       []string
	}{
		{"paragraphs, headings and quotes in order",
			`<h2>Một</h2><p>hai <b>ba</b></p><blockquote><p>bốn</p></blockquote>năm`,
			[]string{"heading: Một", "paragraph: hai ba", "quote: bốn", "paragraph: năm"}},
		{"words cut by tags are joined",
			`<p class=MsoNormal>từ ngày 1<span>5</span><span> tháng 6</span></p>`,
			[]string{"paragraph: từ ngày 15 tháng 6"}},
		{"one line break stays, two part paragraphs",
			`<div>một<br>hai<br>&nbsp;<br>ba</div>`,
			[]string{"paragraph: một\nhai", "paragraph: ba"}},
		{"lists keep their items, also of lists in them",
			`<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>`,
			[]string{"list: a / b / c"}},
		{"a list that lays out the page is no list",
			`<ul><li><p>một</p><p>hai</p></li></ul>`,
			[]string{"paragraph: một", "paragraph: hai"}},
		{"a list without items, and a list in a list", `<ul>một<li>hai</li><ul><li>ba</li><li>bốn</li></ul></ul>`, []string{"list: một / hai / ba / bốn"}},
		{"a figure that holds a table", `<figure><table><tr><td>Tổng số vụ việc đã thụ lý trong năm <img src="i.png"></td><td>một nghìn hai trăm ba mươi bốn</td></tr><tr><td>Đã giải quyết xong trong kỳ</td><td>chín trăm tám mươi bảy vụ việc</td></tr></table><figcaption>Bảng 1</figcaption></figure>`,
			[]string{"image: i.png ()", "table: Tổng số vụ việc đã thụ lý trong năm|một nghìn hai trăm ba mươi bốn / Đã giải quyết xong trong kỳ|chín trăm tám mươi bảy vụ việc", "paragraph: Bảng 1"}},
		{"tables of data",
			`<table><tr><th>Năm</th><th>Số vụ</th></tr><tr><td>2017</td><td>12</td></tr></table>`,
			[]string{"table: Năm|Số vụ / 2017|12"}},
		{"tables that lay out the page",
			`<table><tr><td><p>một</p><p>hai</p></td></tr></table>`,
			[]string{"paragraph: một", "paragraph: hai"}},
		{"a table with a picture is a picture with a caption",
			`<table><tr><td><img src="a.jpg" alt="x"></td></tr><tr><td>Quang cảnh</td></tr></table>`,
			[]string{"image: a.jpg (Quang cảnh)"}},
		{"a figure", `<figure><img data-original="b.jpg" src="data:image/gif;base64,x"><figcaption>Chú thích</figcaption></figure>`,
			[]string{"image: b.jpg (Chú thích)"}},
		{"figures in a figure keep their captions",
			`<figure><figure><img src="a.jpg"><figcaption>một</figcaption></figure><figure><img src="b.jpg"><figcaption>hai</figcaption></figure></figure>`,
			[]string{"image: a.jpg (một)", "image: b.jpg (hai)"}},
		{"what is not shown", `<p>a<span style="display: none">b</span><script>c</script></p><p hidden>d</p>`, []string{"paragraph: a"}},
		{"a rule of underscores says nothing", `<p>_______</p><p>một</p>`, []string{"paragraph: một"}},
	} {
		root, err := html.Parse(strings.NewReader(c.html))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range Render([]*html.Node{root}, nil) {
			switch p.Kind {
			case "image":
				got = append(got, "image: "+p.Figure.Src+" ("+p.Figure.Caption+")")
			case "list":
				got = append(got, "list: "+strings.Join(p.Items, " / "))
			case "table":
				var rows []string
				for _, r := range p.Rows {
					rows = append(rows, strings.Join(r, "|"))
				}
				got = append(got, "table: "+strings.Join(rows, " / "))
			default:
				got = append(got, p.Kind+": "+p.Text)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: pieces differ (-want +got)\n%s", c.name, d)
		}
	}
}

func TestRenderKnowsHowAPieceIsSet(t *testing.T) {
	root, err := html.Parse(strings.NewReader(
		`<p style="text-align:right"><b><i>H.Duy</i></b></p><p><strong>đậm</strong> thường</p><p><a href="/a">nối</a></p>`))
	if err != nil {
		t.Fatal(err)
	}
	p := Render([]*html.Node{root}, nil)
	if len(p) != 3 {
		t.Fatalf("%d pieces, want 3", len(p))
	}
	if p[0].Align != "right" || !p[0].Bold || !p[0].Italic {
		t.Errorf("the byline is %+v; want it right, bold and italic", p[0])
	}
	if p[1].Bold {
		t.Errorf("half a paragraph in bold makes it bold")
	}
	if p[2].Linked != p[2].Chars || len(p[2].Anchor) != 1 {
		t.Errorf("the link is %+v; want all of it linked", p[2])
	}
}

func TestNestedTablesTakeNoLongerThanFlatOnes(t *testing.T) {
	cells := strings.Repeat("<b>a b</b> <i>c</i> ", 3000)
	calls := func(page string) (n int) {
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		Render([]*html.Node{root}, func(*html.Node) bool { n++; return false })
		return n
	}
	flat := calls("<table><tr><td>" + cells)
	if nested := calls(strings.Repeat("<table><tr><td>", 100) + cells); nested > 20*flat {
		t.Errorf("a page in 100 tables asks %d times whether a node is wanted, one in a single table %d times", nested, flat)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"), "text/html; charset=utf-16")
	f.Add([]byte("<meta charset=big5>\xa4\xa4"), "")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		text, _, err := Decode(body, contentType)
		if err != nil {
			return
		}
		root, err := html.Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range Render([]*html.Node{root}, nil) {
			if s := Clean(p.Text); p.Kind == "paragraph" && !strings.Contains(p.Text, "\n") && !norm.NFC.IsNormalString(s) {
				t.Errorf("%q is not NFC", s)
			}
		}
	})
}
