package markup

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// different says where two trees differ, or "".
func different(a, b *html.Node) string {
	where := func(n *html.Node) string {
		var path []string
		for ; n != nil; n = n.Parent {
			path = append([]string{fmt.Sprintf("%.20q", n.Data)}, path...)
		}
		return strings.Join(path, " ")
	}
	for a != nil && b != nil {
		if a.Type != b.Type || a.DataAtom != b.DataAtom || a.Data != b.Data || a.Namespace != b.Namespace {
			return fmt.Sprintf("%s: %.80q is not %.80q", where(a), a.Data, b.Data)
		}
		if len(a.Attr) != len(b.Attr) {
			return fmt.Sprintf("%s: attributes %q are not %q", where(a), a.Attr, b.Attr)
		}
		for i := range a.Attr {
			if a.Attr[i] != b.Attr[i] {
				return fmt.Sprintf("%s: attribute %q is not %q", where(a), a.Attr[i], b.Attr[i])
			}
		}
		var last *html.Node
		for c := a.FirstChild; c != nil; c = c.NextSibling {
			if c.Parent != a || c.PrevSibling != last {
				return fmt.Sprintf("%s: links between nodes are wrong", where(c))
			}
			last = c
		}
		if a.LastChild != last {
			return fmt.Sprintf("%s: links between nodes are wrong", where(a))
		}
		if d := different(a.FirstChild, b.FirstChild); d != "" {
			return d
		}
		a, b = a.NextSibling, b.NextSibling
	}
	switch {
	case a != nil:
		return fmt.Sprintf("%s: too many", where(a))
	case b != nil:
		return fmt.Sprintf("%s: missing", where(b))
	}
	return ""
}

// check holds a page against html.Parse, and returns what is odd in it.
func check(t *testing.T, page []byte) string {
	t.Helper()
	got, odd := quick(page)
	if odd != "" {
		return odd
	}
	want, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("html.Parse: %v; read without a failure:\n%s", err, page)
	}
	if d := different(got, want); d != "" {
		t.Fatalf("%s\n%q", d, page)
	}
	return ""
}

// pages gives the saved pages of the project and those beside it, if they are
// there.
func pages(t testing.TB, each func(name string, page []byte)) {
	for _, dir := range []string{"../../testdata", "../../../shared/corpus", "../../../shared/bench"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			plain := strings.TrimSuffix(path, ".gz")
			if err != nil || !strings.HasSuffix(plain, ".html") {
				return err
			}
			page, err := os.ReadFile(path)
			if err == nil && plain != path {
				var z *gzip.Reader
				if z, err = gzip.NewReader(bytes.NewReader(page)); err == nil {
					page, err = io.ReadAll(z)
				}
			}
			if err == nil {
				each(path, page)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSavedPages reads pages as sites have them: nearly all must need nothing
// that is left to html.Parse.
func TestSavedPages(t *testing.T) {
	all, known := 0, 0
	pages(t, func(name string, page []byte) {
		odd := check(t, page)
		if all++; odd == "" {
			known++
		} else {
			t.Logf("%s is left to html.Parse: %s", name, odd)
		}
	})
	if known*100 < all*95 {
		t.Errorf("%d of %d pages are read here, want 95 in a hundred", known, all)
	}
}

var pieces = func() []string {
	p := []string{" ", "\n", "\r\n", "text", "a &amp; b", "&nbsp;", "&copy", "&copyx;", "&notit;", "&#39;", "<!-- c -->", "<!---->", "<!--a--b-->", "<?xml?>", "<!x>", "</>", "</ x>", "<!doctype html>",
		"<", "< b", "<p>", "<p>", "</p>", "<b>", "</b>", "<a href=x>", "</a>", "<td>", "<tr>", "<table>", "</table>", "</td>", "</tr>", "<div>", "</div>", "<li>", "<svg viewbox='0 0 1 1'><path d='x'/></svg>", "<svg><g><p></g></svg>", "<SVG a='1' VIEWBOX=x><LinearGradient xlink:HREF='#a' gradientunits=u xml:lang=x/><!-- c --> t &amp;<title>x</title><path d=a/ /></svg>",
		"<svg>", "</svg>", "<g>", "</g>", "<path d='x'/>", "<use xlink:href=#a></use>", "<path d=a/>", "<foreignobject>", "</foreignobject>", "<feblend/>", "<font>", "<svg/>", "<a/>",
		"<script>if (a<b) {}</script>", "<script><!-- x //--></script>", "<script><!-- <script>x</script> --></script>", "<script><!--> <b></script>", "<script><!-- < <script></script>", "<template>", "</template>", "<style>a{}</style>", "<textarea>\nx</textarea>", "<title>a&lt;</title>", "<noscript><img></noscript>", "<iframe></iframe>",
		`<img src="?a=1&copy=2&amp;b&lt">`, `<font color=red>`, `<font face=a color='b' face=c>`, `<a href = "x y" CLASS=q/>`, `<p =x a==b / c / d=>`, `<input type=hidden>`, "<o:p>", "</o:p>", "<INPUT TYPE=text>", "<body class=x>", "<html lang=vi>", "<br/>", "</br>"}
	for _, group := range names {
		for _, name := range strings.Fields(group.names) {
			if tags[name].raw || tags[name].kind == kindOdd {
				continue
			}
			p = append(p, "<"+name+">", "</"+name+">")
		}
	}
	return p
}()

// random returns a page of pieces, a few of them again and again, so that they
// meet in many orders.
func random(r *rand.Rand) []byte {
	var b []byte
	few := make([]string, 3+r.IntN(20))
	for i := range few {
		few[i] = pieces[r.IntN(len(pieces))]
	}
	if r.IntN(2) == 0 {
		b = append(b, "<!doctype html><html><head><title>x</title></head><body>"...)
	}
	for range r.IntN(40) {
		if r.IntN(6) == 0 {
			b = append(b, pieces[r.IntN(len(pieces))]...)
		} else {
			b = append(b, few[r.IntN(len(few))]...)
		}
	}
	if r.IntN(5) == 0 {
		b = b[:r.IntN(len(b)+1)]
	}
	return b
}

func TestRandomPages(t *testing.T) {
	const n = 50_000
	known := 0
	for seed := range uint64(n) {
		if check(t, random(rand.New(rand.NewPCG(seed, 1)))) == "" {
			known++
		}
	}
	if known < n/2 {
		t.Errorf("%d of %d pages are read here, want half", known, n)
	}
}

// TestPieces reads what the random ones seldom meet.
func TestPieces(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 600) }
	attributes := ""
	for i := range 70 {
		attributes += fmt.Sprintf(" a%d=%d", i, i)
	}
	for _, page := range []string{
		"<a href='&fjlig;&semi;&amp=&ampx&notit;'>", "<!doctype &#32;html><p><table>", `<!doctype html public "a&#13;b">`,
		"<template><col><svg> </svg></template>", "<template><col><script>x</script></template>",
		many("<div>"), "<p>" + many("<b>"), "<svg>" + many("<g>"), many("<font size=1>x</font></p>"), "<p" + attributes + ">",
		many("text</x>" + strings.Repeat("long ", 20)), "\x00", "", "<", "<p", "<p a='", "</p", "<script>x</script ", "<!-- x", "<!doc",
	} {
		if odd := check(t, []byte(page)); odd != "" {
			want, wantErr := html.Parse(strings.NewReader(page))
			got, err := Parse([]byte(page))
			if (err == nil) != (wantErr == nil) || err == nil && different(got, want) != "" {
				t.Errorf("%.60q (%s): %v, want %v", page, odd, err, wantErr)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, piece := range pieces {
		f.Add([]byte("<!doctype html><p>" + piece))
	}
	for seed := range uint64(200) {
		f.Add(random(rand.New(rand.NewPCG(seed, 2))))
	}
	f.Fuzz(func(t *testing.T, page []byte) { check(t, page) })
}

// BenchmarkParse reads the saved pages, and reports the time as a part of
// html.Parse's.
func BenchmarkParse(b *testing.B) {
	var all [][]byte
	size := 0
	pages(b, func(_ string, page []byte) {
		all = append(all, page)
		size += len(page)
	})
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var here, there time.Duration
	for b.Loop() {
		start := time.Now()
		for _, page := range all {
			Parse(page)
		}
		here += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for _, page := range all {
			html.Parse(bytes.NewReader(page))
		}
		there += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(here.Seconds()/there.Seconds(), "x-parse")
}
