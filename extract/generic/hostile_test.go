package generic

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// everything asks a reading for all it has.
func everything(r *Reading) {
	r.Title()
	r.Lead()
	r.Published()
	r.Modified()
	r.Authors()
	r.Source()
	r.Section()
	r.Tags()
	r.Language()
	r.Canonical()
	r.SiteName()
	r.Image()
	r.Body()
	r.Kind()
}

// A page made to be slow takes twice the work when it is twice as long. The
// work is told by the bytes allocated, which no other program changes;
// BenchmarkHostile tells the time.
func TestHostilePages(t *testing.T) {
	const size = 1 << 18
	short, long := hostilePages(size), hostilePages(2*size)
	for i := range short {
		t.Run(short[i].name, func(t *testing.T) {
			a, b := work(t, short[i].page), work(t, long[i].page)
			if b > 3*a+1<<20 {
				t.Errorf("a page of %d bytes took %d bytes, one of twice the length %d", len(short[i].page), a, b)
			}
		})
	}
}

// work is what is allocated while a page is read that was parsed before.
func work(t *testing.T, page string) uint64 {
	root, err := html.Parse(strings.NewReader("<title>New reading room opens</title>" + page))
	if err != nil {
		t.Skip(err) // refused by the parser
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	everything(Read(Page{Root: root}))
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

type hostilePage struct{ name, page string }

func hostilePages(size int) []hostilePage {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	prose := "The room is open, on Mondays, to anybody who asks for it by name. "
	return []hostilePage{
		{"nested tags", strings.Repeat("<div>", 500) + fill("<b><i><u></u></i></b>")},
		{"nested prose", fill(strings.Repeat("<div>", 400) + prose + strings.Repeat("</div>", 400))},
		{"one long line", "<p>" + fill(prose) + "</p>"},
		{"links", fill(`<a href="/a/b/c">a link</a>`)},
		{"links in headings", fill(`<h2><a href="/a/b/c">a link to another story</a></h2>`)},
		{"unclosed tables", strings.Repeat("<table><tr><td>", 100) + fill("<td>1, 2. ")},
		{"headings", fill("<h1>New reading room opens</h1>")},
		{"articles", fill("<article><h1>Room</h1><p>" + prose + "</p></article>")},
		{"bodies", fill(`<div class="article-body"><p>` + prose + `</p></div>`)},
		{"dates", fill("<p>7 March 2026 08:06</p>")},
		{"times", fill(`<time datetime="2026-03-07T08:06:00Z">7 March</time>`)},
		{"bylines", fill(`<span class="byline">By Anna Berg</span>`)},
		{"microdata", fill(`<i itemprop="datePublished" content="2026-03-07"></i>`)},
		{"metas", fill(`<meta property="article:tag" content="room">`)},
		{"classes", `<div class="` + fill("ad-article-body ") + `">x</div>`},
		{"JSON-LD brackets", `<script type="application/ld+json">` + fill(`[{"a":`) + `</script><p>` + prose},
		{"JSON-LD quotes", `<script type="application/ld+json">{"a":"` + fill(`" `) + `</script><p>` + prose},
		{"JSON-LD articles", `<script type="application/ld+json">[` + fill(`{"@type":"NewsArticle","headline":"A"},`) + `]</script><p>` + prose},
		{"copy and blocks", `<script type="application/ld+json">{"@type":"NewsArticle","articleBody":"` + strings.Repeat("x y, z. ", size/52) + `"}</script>` + fill("<p>"+prose+"</p>")},
		{"state", `<script type="application/json">{"a":[` + fill(`{"type":"p","text":"room"},`) + `]}</script><p>` + prose},
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`<title>A | B</title><h1>A</h1><p class=date>7 March 2026</p><p>By Anna Berg</p><p>` + strings.Repeat("a, b. ", 40),
		`<script type="application/ld+json">{"@type":"NewsArticle","headline":"A","articleBody":"x","author":[{"name":"B"}]}</script>`,
		`<article><table><tr><td>1<td>2</table><time datetime=2026-03-07>x</time><div hidden>y</div></article>`,
		`<ul><li><a href=/a>` + strings.Repeat("<li><a href=/b>c</a>", 8),
		`<meta property="og:title" content="A"><link rel=canonical href="::"><body onload=x><h1><span class=kicker>k</span>A</h1>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		root, err := html.Parse(strings.NewReader(s))
		if err != nil {
			t.Skip()
		}
		r := Read(Page{Root: root, Fetched: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
		everything(r)
		for _, cs := range [][]Candidate{r.Title(), r.Lead(), r.Published(), r.Modified(), r.Authors(), r.Section(), r.Canonical()} {
			for i, c := range cs {
				if c.Score < 0 || c.Score > 1 || c.Signal == "" {
					t.Errorf("%q: candidate %+v", s, c)
				}
				if i > 0 && c.Score > cs[i-1].Score+1e-9 {
					t.Errorf("%q: candidates out of order: %v", s, fmt.Sprint(cs))
				}
			}
		}
		bodyText(r.Body())
	})
}
