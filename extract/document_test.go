package extract

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/net/html"
)

// TestMatch asks every selector of every definition of every saved page, with
// the notes of the document and without.
func TestMatch(t *testing.T) {
	sites, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	selectors := map[string]alternative{}
	gather := func(ss ...selector) {
		for _, s := range ss {
			for _, a := range s {
				selectors[a.css] = a
			}
		}
	}
	for _, d := range sites.byName {
		for _, l := range d.Lists {
			gather(l.links, l.next, l.when)
		}
		for _, l := range d.Layouts {
			gather(l.when, l.drop)
			for _, s := range l.fields {
				gather(s)
			}
		}
	}
	for _, css := range []string{"*", "#main", "P.lead.lead", "div > .a ~ h1 + p", ".a:not(.b)", `[class="a.b"] i`, ".a :nth-child(2)", `.a\.b`, ".a.b, .c", "svg.icon path", ".a i", "#main > p i", ".a p > *", ".a + span ~ p", ".b.a svg *", "body .a *"} {
		s, err := compileSelector(css)
		if err != nil {
			t.Fatal(err)
		}
		gather(s)
	}

	pages := [][]byte{[]byte(`<div class="a b a" id=main><p class=lead>1<i>2</i></p><p class="c lead a.b">3</div><span class=a></span><h1 class="b"></h1><p>4</p><svg class=icon><path/></svg><ul class=a><li class="a a"><i>5</i><b class=a><i>6</i></b></ul><i>7</i>`)}
	filepath.WalkDir("../testdata", func(path string, e fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".html" {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, body)
		}
		return err
	})
	matched := 0
	for _, page := range pages {
		root, err := html.Parse(bytes.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		d := newDocument(root, len(page), true)
		for css, a := range selectors {
			var want []*html.Node
			for n := range root.Descendants() {
				if n.Type == html.ElementNode && a.sel.Match(n) {
					want = append(want, n)
				}
			}
			matched += len(want)
			if got := d.match(a); !slices.Equal(got, want) {
				t.Errorf("%s finds %d, want %d", css, len(got), len(want))
			}
		}
	}
	if matched < 1000 {
		t.Errorf("the selectors match %d elements, too few to tell", matched)
	}
}
