package web

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const hostile = `<!DOCTYPE html PUBLIC "x" "http://evil.example/dtd">
<html onload="a()"><head>
<meta http-equiv="refresh" content="0;url=http://evil.example/"><base href="http://moj.gov.vn/tin/" target="_top">
<link rel="stylesheet" href="http://evil.example/a.css"><link rel="dns-prefetch" href="//evil.example"><title>Tin</title>
<style>body{background:url(http://evil.example/x)} </style><script>alert(1)</script></head>
<body background="http://evil.example/b.png" onclick="a()">
<!--[if IE]><script>alert(1)</script><![endif]-->
<a href="javascript:alert(1)">một</a> <a href=" jAvAsCrIpT&#58;alert(1)">hai</a> <a href="java&#10;script:alert(1)">ba</a> <a href="data:text/html,<script>alert(1)</script>">bốn</a>
<a href="2.html" target="_top" ping="http://evil.example/p">năm</a> <a href="#duoi" onmouseover="a()">sáu</a> <a href="//evil.example/x">bảy</a>
<form action="http://evil.example/f"><input name="a" value="b"><button formaction="http://evil.example/g">Gửi</button></form>
<iframe src="http://evil.example/"></iframe><object data="http://evil.example/o"></object><embed src="x.swf">
<svg><script>alert(1)</script><a xlink:href="javascript:alert(1)"><text>s</text></a><foreignObject><body onload=a()></foreignObject></svg>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>
<img src="http://evil.example/i.png" srcset="http://evil.example/2x.png 2x" alt="Ảnh" onerror="a()"> <img src="data:image/svg+xml,<svg onload=alert(1)>">
<noscript><img src="http://evil.example/n.png" alt="Ảnh không kịch bản"><p>Chữ</p></noscript>
<video src="v.mp4" poster="http://evil.example/p.png"><source src="http://evil.example/s.mp4"></video>
<x-evil onclick="a()">thẻ lạ</x-evil><portal src="http://evil.example/">cổng</portal>
<p style="background:url(http://evil.example/y)">Đoạn</p>
<textarea></textarea><plaintext>cuối <script>alert(1)</script>`

func TestClean(t *testing.T) {
	var out bytes.Buffer
	err := clean(&out, []byte(hostile), "text/html; charset=utf-8", "http://moj.gov.vn/a/1.html",
		func(u string) string { return "/replay/20180119073900/" + u }, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "Gửi", "Chữ", "thẻ lạ", "Đoạn", "cuối", `alt="Ảnh"`,
		`href="/replay/20180119073900/http://moj.gov.vn/tin/2.html"`, `href="#duoi"`, `href="/replay/20180119073900/http://evil.example/x"`} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is lost", text)
		}
	}
	check(t, out.String())
}

// check holds what was written against what a page must not have, as a browser
// reads it.
func check(t *testing.T, page string) {
	t.Helper()
	for _, scripting := range []bool{true, false} {
		root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if gone[n.DataAtom] && (n.Data != "meta" || len(n.Attr) != 1 || n.Attr[0].Key != "charset") || n.Namespace != "" {
				t.Errorf("<%s> was left", n.Data)
			}
			if n.Data == "style" && n.FirstChild != nil && fetching.MatchString(n.FirstChild.Data) {
				t.Errorf("<style>%s was left", n.FirstChild.Data)
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "href" && (strings.HasPrefix(a.Val, "/replay/") || strings.HasPrefix(a.Val, "#")):
				case a.Key == "charset" && n.Data == "meta":
				case a.Key == "style" && fetching.MatchString(a.Val):
					t.Errorf("style %q was left", a.Val)
				case plain[a.Key] || strings.HasPrefix(a.Key, "aria-"):
				default:
					t.Errorf("<%s %s=%q> was left", n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add(hostile)
	for _, part := range strings.Split(hostile, "\n") {
		f.Add(part)
	}
	f.Add(`<style>@\69mport "http://evil.example"; p{background:u\72l(http://evil.example)}</style><p style="background:\75 rl(x)">`)
	f.Add(`<style><!--</style><script>alert(1)</script>--></style>`)
	f.Add(`<select><template><style></template></select><img src=x onerror=a()>`)
	f.Fuzz(func(t *testing.T, page string) {
		var out bytes.Buffer
		link := func(u string) string { return "/replay/20180119073900/" + u }
		if err := clean(&out, []byte(page), "text/html; charset=utf-8", "http://moj.gov.vn/a/1.html", link, func(string) string { return "" }); err != nil {
			t.Skip()
		}
		check(t, out.String())
	})
}
