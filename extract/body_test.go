package extract

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"luutin/extract/dom"
)

func TestParseCredit(t *testing.T) {
	for _, c := range []struct {
		line    string
		authors []string
		source  string
	}{
		{"H.Duy", []string{"H.Duy"}, ""},
		{"Tin, ảnh: P.Y", []string{"P.Y"}, ""},
		{"Ghi chép của Hồng Thúy", []string{"Hồng Thúy"}, ""},
		{"Hà Thu (tổng hợp)", []string{"Hà Thu"}, ""},
		{"Thu Hằng (nội chính)", []string{"Thu Hằng"}, ""},
		{"NHẬT XUÂN - NGHI VŨ", []string{"NHẬT XUÂN", "NGHI VŨ"}, ""},
		{"H.Giang – V.Tùng", []string{"H.Giang", "V.Tùng"}, ""},
		{"Minh Anh, Quốc Bảo", []string{"Minh Anh", "Quốc Bảo"}, ""},
		{"Vân Anh/dulich.petrotimes.vn", []string{"Vân Anh"}, "dulich.petrotimes.vn"},
		{"Văn Giáp/Bnews/vnanet.vn", []string{"Văn Giáp"}, "Bnews"},
		{"Theo Hồ Hương", []string{"Hồ Hương"}, ""},
		{"Theo TTXVN", nil, "TTXVN"},
		{"(Theo Tuổi Trẻ)", nil, "Tuổi Trẻ"},
		{"Vụ Tổ chức cán bộ, Bộ Tư pháp", []string{"Vụ Tổ chức cán bộ, Bộ Tư pháp"}, ""},
		{"BBT", []string{"BBT"}, ""},
		{"admin admin", nil, ""},
		{"Pho Ban bien tap", nil, ""},
		{"Nguồn :", nil, ""},
		{"Nguồn: moj.gov.vn", nil, "moj.gov.vn"},
		{"By Jane Doe and John Roe", []string{"Jane Doe", "John Roe"}, ""},
		{"PV", nil, ""},
		{"P.V", nil, ""},
		{"", nil, ""},
	} {
		got := parseCredit(c.line)
		if d := cmp.Diff(c.authors, got.authors); d != "" || got.source != c.source {
			t.Errorf("parseCredit(%q) = %q, %q; want %q, %q", c.line, got.authors, got.source, c.authors, c.source)
		}
	}
}

func TestTailCredit(t *testing.T) {
	for _, c := range []struct {
		text  string
		apart bool // set to the right, in bold or in italics
		want  bool
	}{
		{"H.Duy", false, true},
		{"Nguyễn Lan Phương", false, true},
		{"Thu Hằng (nội chính)", true, true},
		{"Vụ Pháp luật quốc tế", true, true},
		{"Vụ Pháp luật quốc tế", false, false}, // may be the last item of a list
		{"Nguồn :", false, true},
		{"Theo TTXVN", false, true},
		{"(Theo Báo Nhân Dân)", false, true},
		{"Theo chủ đầu tư, sau bảy năm thì hòa vốn.", false, false},
		{"Theo Bộ Tư pháp, thông tư có hiệu lực từ năm sau.", false, false},
		{"Theo Hồ Hương", false, true},
		{"Ban tổ chức sẽ trao giải vào cuối tháng.", true, false},
		{"Hà Nội", true, false},
		{"Trân trọng cảm ơn", true, false},
		{"Hội nghị kết thúc vào chiều cùng ngày.", false, false},
		{"Hội nghị kết thúc vào chiều cùng ngày", true, false},
		{"Thông tư có hiệu lực từ ngày 15/3/2018./.", true, false},
		{"Số: 12/2018/TT-BTP", true, false},
	} {
		if got, ok := tailCredit(c.text, c.apart); ok != c.want {
			t.Errorf("tailCredit(%q, %v) = %+v, %v; want %v", c.text, c.apart, got, ok, c.want)
		}
	}
}

// told reads a body as a layout without selectors would.
func told(t *testing.T, body string, with telling) story {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if with.base, err = url.Parse("https://www.bomau.example/tin/1.html"); err != nil {
		t.Fatal(err)
	}
	with.signed = true
	return with.tell(dom.Render([]*html.Node{root}, boilerplate))
}

func TestCounters(t *testing.T) {
	for line, want := range map[string]bool{
		"Lượt xem: 1.234":               true,
		"Số lượt xem : 37":              true,
		"Lượt đọc 5":                    true,
		"Số lượt truy cập: 1 204 377":   true,
		"Số lần đọc: 12 lần":            true,
		"(Đã xem: 37)":                  true,
		"1.234 lượt xem":                true,
		"- Lượt xem: 37 | Bình luận: 2": true,
		"Views: 37":                     true,
		"37 views":                      true,
		"Page views: 12,345":            true,
		"Viewed 37 times":               true,
		"Hits: 1.2k":                    true,
		"Vues : 41":                     true,
		"Gelesen: 37 mal":               true,
		"Просмотров: 37":                true,
		"浏览次数：37次":                      true,
		"조회수 1,234":                     true,

		"Lượt xem: đang cập nhật": false,
		"Lượt xem":                false,
		"37":                      false,
		"Lượt xem năm 2017: 1,2 triệu, tăng 12%":     false,
		"Cổng dịch vụ công đạt 1.234 lượt truy cập.": false,
		"Trang có 37 views trong ngày":               false,
		"Số lượt xem: 37 người dự hội nghị đã hỏi":   false,
		"Views: 37 of the 50 members were heard":     false,
		"Read 12 pages":                              false,
		"Visits: 12 June":                            false,
		"Nghị định 37":                               false,
		"Tổng số: 37":                                false,
	} {
		if got := counterLine.MatchString(line); got != want {
			t.Errorf("%q is a counter: %v, want %v", line, got, want)
		}
	}
}

func TestTell(t *testing.T) {
	const long = "<p>Sáng nay, Bộ tổ chức buổi làm việc với các đơn vị về kế hoạch của quý tới, có đại diện nhiều địa phương dự.</p>"
	for _, c := range []struct {
		name, html string
		with       telling
		body       int // paragraphs
		check      func(story) any
		want       any
	}{
		{"a counter at the end is no text, and a byline before it is one", long + long + `<p align=right><b>Lan Phương</b></p><p>Lượt xem: 37</p>`, telling{}, 2,
			func(s story) any { return s.authors }, []string{"Lan Phương"}},
		{"a counter at the head is no text", `<p>Số lượt truy cập: 1.204</p>` + long + long, telling{}, 2,
			func(s story) any { return len(s.authors) }, 0},
		{"a figure in the midst is text", long + long + long + `<p>Lượt xem: 37</p>` + long + long + long, telling{}, 7,
			func(s story) any { return len(s.authors) }, 0},
		{"a sentence that counts stays", long + `<p>Cổng dịch vụ công đạt 1.234 lượt truy cập.</p>`, telling{}, 2,
			func(s story) any { return len(s.authors) }, 0},
		{"a byline at the end becomes the author", long + long + `<p align=right><b>Lan Phương</b></p>`, telling{}, 2,
			func(s story) any { return s.authors }, []string{"Lan Phương"}},
		{"a text in a form, an aside, a footer or under an odd name stays", `<form id="frmMain"><aside class="listen-section"><footer>` + long + long + `</footer></aside></form>`, telling{}, 2,
			func(s story) any { return len(s.authors) }, 0},
		{"a heading with an odd id stays", long + `<h2 id="social-security">Bảo hiểm xã hội</h2>` + long, telling{}, 3,
			func(s story) any { return s.blocks[1].Kind }, "heading"},
		{"a link to a law is text", long + `<p><a href="https://vanban.khac.example/nd-15">Nghị định số 15/2018/NĐ-CP của Chính phủ</a></p>`, telling{isArticle: func(h string) bool { return strings.Contains(h, "bomau") }}, 2,
			func(s story) any { return len(s.related) }, 0},
		{"a heading in capitals is no byline", long + `<p><b>KẾT LUẬN</b></p>` + long, telling{}, 3,
			func(s story) any { return len(s.authors) }, 0},
		{"the last names of a list are no bylines", long + `<p>Nguyễn Văn An</p><p>Trần Thị Bình</p><p>Lê Văn Cường</p><p>Phạm Thị Dung</p>`, telling{}, 5,
			func(s story) any { return len(s.authors) }, 0},
		{"a reporter without a name is nobody", long + long + `<p><b>PV</b></p>`, telling{}, 2,
			func(s story) any { return len(s.authors) }, 0},
		{"an empty Nguồn is no source", long + `<p>H.Duy</p><p>Nguồn :</p>`, telling{}, 1,
			func(s story) any { return s.source + "|" + strings.Join(s.authors, ";") }, "|H.Duy"},
		{"a byline before a box", long + long + `<p align=right><i>H.Giang – V.Tùng</i></p><blockquote>Điều 1. Phạm vi điều chỉnh của dự thảo được mở rộng</blockquote>`, telling{}, 3,
			func(s story) any { return s.authors }, []string{"H.Giang", "V.Tùng"}},
		{"a byline before footnotes", long + long + long + `<p align=right>Minh Châu</p><p>______</p><p>([1]) Nghị định số 1</p><p>([2]) Nghị định số 2</p><p>([3]) Thông tư</p><p>([4]) Luật</p><p>([5]) Luật</p>`, telling{}, 8,
			func(s story) any { return s.authors }, []string{"Minh Châu"}},
		{"the first bold paragraph is the lead where that is the style", `<p><strong>` + strings.Repeat("Bộ vừa ban hành kế hoạch. ", 4) + `</strong></p>` + long, telling{boldLead: true}, 1,
			func(s story) any { return s.boldLead }, true},
		{"a sentence above a lead in bold stays, a kicker does not", `<p>BỘ TƯ PHÁP</p><p>Khai mạc sáng nay.</p><p><strong>` + strings.Repeat("Bộ vừa ban hành kế hoạch. ", 4) + `</strong></p>` + long, telling{boldLead: true}, 2,
			func(s story) any { return s.blocks[0].Text }, "Khai mạc sáng nay."},
		{"a sentence above a lead told twice stays", `<p>Kính thưa các đồng chí!</p><p>Bộ vừa ban hành kế hoạch cải cách.</p>` + long, telling{lead: "Bộ vừa ban hành kế hoạch cải cách."}, 2,
			func(s story) any { return s.blocks[0].Text }, "Kính thưa các đồng chí!"},
		{"and is not where it is not", `<p><strong>` + strings.Repeat("Bộ vừa ban hành kế hoạch. ", 4) + `</strong></p>` + long, telling{}, 2,
			func(s story) any { return s.boldLead }, false},
		{"the lead is not told twice", `<p>Bộ vừa ban hành kế hoạch cải cách.</p>` + long, telling{lead: "(Chinhphu.vn) - Bộ vừa ban hành kế hoạch cải cách."}, 1,
			func(s story) any { return s.lead }, "(Chinhphu.vn) - Bộ vừa ban hành kế hoạch cải cách."},
		{"a caption under a picture", long + `<p align=center><img src="/a.jpg"></p><p align=center><em>Quang cảnh buổi làm việc (Ảnh: Phạm Linh)</em></p>` + long, telling{}, 2,
			func(s story) any { return s.images },
			[]Image{{URL: "https://www.bomau.example/a.jpg", Caption: "Quang cảnh buổi làm việc (Ảnh: Phạm Linh)", Credit: "Phạm Linh"}}},
		{"a centred line under a picture", `<p align=center><img src="/a.jpg"></p><p style="text-align:center">Đèn mới lắp ở khúc cua số 7</p>` + long, telling{}, 1,
			func(s story) any { return s.images[0].Caption }, Text("Đèn mới lắp ở khúc cua số 7")},
		{"a line that is only the date", `<p>17/06/2026 07:40</p>` + long, telling{published: time.Date(2026, 6, 17, 7, 40, 0, 0, time.UTC)}, 1,
			func(s story) any { return len(s.blocks) }, 1},
		{"a paragraph after a picture is no caption", `<p><img src="/a.jpg"></p>` + long, telling{}, 1,
			func(s story) any { return s.images[0].Caption }, Text("")},
		{"paragraphs that are one link are offers", long + `<p><a href="/tin/2.html">Bài khác</a></p>` + long, telling{}, 2,
			func(s story) any { return s.related }, []Related{{URL: "https://www.bomau.example/tin/2.html", Title: "Bài khác"}}},
		{"paragraphs in links that lead nowhere stay", long + `<p><a href="#">Bộ họp bàn kế hoạch của quý tới với các địa phương trong vùng</a></p><p><a href="javascript:void(0)">Sở cũng họp bàn kế hoạch của quý tới với các huyện, các xã</a></p><p><a href="javascript:print()">In bài viết</a></p>` + long + long, telling{}, 5,
			func(s story) any { return len(s.related) }, 0},
		{"a sentence that begins as the label of a file does stays", long + `<p>Văn bản gửi kèm theo công văn yêu cầu các tỉnh báo cáo kết quả trong tháng sau (<a href="/f/b.doc">tải về</a>).</p>` + long, telling{}, 3,
			func(s story) any { return len(s.attachments) }, 1},
		{"a sentence that begins as tags do stays", long + long + `<p>Chủ đề: Hội thảo năm nay tập trung vào cải cách thủ tục ở các địa phương.</p>`, telling{}, 3,
			func(s story) any { return s.tags }, []string(nil)},
		{"tags are no text", long + long + `<p>Từ khóa: <a href="/t/1">tư pháp</a>, <a href="/t/2">hộ tịch</a></p>`, telling{}, 2,
			func(s story) any { return s.tags }, []string{"tư pháp", "hộ tịch"}},
		{"a text with a link in it stays", `<p>Theo <a href="/vb">Quyết định số 5</a>, các đơn vị báo cáo trước ngày 30.</p>`, telling{}, 1,
			func(s story) any { return len(s.related) }, 0},
		{"files are attachments", long + `<p>File đính kèm: <a href="/f/Quyet-dinh.PDF">Quyết định</a></p>`, telling{}, 1,
			func(s story) any { return s.attachments }, []Attachment{{URL: "https://www.bomau.example/f/Quyet-dinh.PDF", Name: "Quyết định", Type: "pdf"}}},
		{"boxes and bars are furniture", long + `<div class="box-related"><p>Đừng đọc</p></div><div class="social-share">Chia sẻ</div><form>Gửi</form>`, telling{}, 1,
			func(s story) any { return len(s.blocks) }, 1},
		{"advertisements are furniture", long + `<div class="ad">Mua ngay</div><div class="box ADS">Mua ngay</div><div id="div-gpt-ad-12"><p>Mua ngay</p></div>`, telling{}, 1,
			func(s story) any { return len(s.blocks) }, 1},
		{"what only begins like one is none", long + `<div class="address">Số 60 Trần Phú</div><p class="adopted">Được thông qua.</p>`, telling{}, 3,
			func(s story) any { return len(s.blocks) }, 3},
		{"the title above the text is not part of it", `<h1>Bộ làm việc với các đơn vị</h1>` + long, telling{title: "Bộ làm việc với các đơn vị"}, 1,
			func(s story) any { return s.blocks[0].Kind }, "paragraph"},
	} {
		s := told(t, c.html, c.with)
		if d := cmp.Diff(c.want, c.check(s)); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, d)
		}
		if got := len(s.blocks); got != c.body {
			t.Errorf("%s: %d blocks, want %d:\n%s", c.name, got, c.body, s.text())
		}
	}
}

func TestCanonicalURL(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"HTTPS://Moj.Gov.VN:443/Tin/../qt/./a.aspx?ItemID=5&utm_source=x#top", "https://moj.gov.vn/qt/a.aspx?ItemID=5"},
		{"http://moj.gov.vn", "http://moj.gov.vn/"},
		{"https://BỘ-THỬ.vn:443/x", "https://xn--b-th-5y5a9e.vn/x"},
		{"http://bộ-thử.vn:8080/x", "http://xn--b-th-5y5a9e.vn:8080/x"},
		{"http://a.example:8080/x", "http://a.example:8080/x"},
		{"http://a.example/x?b=2&a=1&b=1&fbclid=q", "http://a.example/x?a=1&b=2&b=1"},
		{"http://a.example/x;jsessionid=1F?y=1", "http://a.example/x?y=1"},
		{"http://a.example/x;PHPSESSID=1F?y=1", "http://a.example/x?y=1"},
		{"http://a.example/(S(abc123))/x.aspx", "http://a.example/x.aspx"},
		{"http://a.example/%7euser/%e1%ba%bf", "http://a.example/~user/%E1%BA%BF"},
		{"https://thanhtra.gov.vn/x/-/asset_publisher//Content/tin?5123", "https://thanhtra.gov.vn/x/-/asset_publisher//Content/tin?5123"},
		{"http://a.example/x?", "http://a.example/x"},
		{"http://a.example/modules.php?name=News&file=article&sid=1234", "http://a.example/modules.php?file=article&name=News&sid=1234"},
		{"http://a.example/x?a=1&sid=0123456789abcdef0123456789abcdef", "http://a.example/x?a=1"},
		{"http://a.example/giam-50%.html?b=%u1EBF", "http://a.example/giam-50%25.html?b=%u1EBF"},
		{"http://a.example/giam-50%25.html?b=%u1EBF#50%", "http://a.example/giam-50%25.html?b=%u1EBF"},
		{" http:\\\\a.example\\tin\\x.html\n", "http://a.example/tin/x.html"},
		{"mailto:x@y", "mailto:x@y"},
		{"::", "::"},
	} {
		got := CanonicalURL(c.in)
		if got != c.want {
			t.Errorf("CanonicalURL(%q) = %q, want %q", c.in, got, c.want)
		}
		if again := CanonicalURL(got); again != got {
			t.Errorf("CanonicalURL(%q) = %q: not stable", got, again)
		}
	}
}

func FuzzCanonicalURL(f *testing.F) {
	f.Add("HTTP://a.example/%7e?b&a#c")
	f.Add("https://x/(S(1))/;jsessionid=2")
	f.Add("http:\\\\x\\50%/ %?%%41#%")
	f.Fuzz(func(t *testing.T, raw string) {
		once := CanonicalURL(raw)
		if twice := CanonicalURL(once); twice != once {
			t.Errorf("CanonicalURL(%q) = %q, and of that %q", raw, once, twice)
		}
	})
}
