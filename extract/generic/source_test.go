package generic

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What Source finds, MayNameSource must have promised.
func TestMayNameSource(t *testing.T) {
	files, err := filepath.Glob("testdata/*.html")
	if err != nil {
		t.Fatal(err)
	}
	named, spared := 0, 0
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := html.Parse(strings.NewReader(string(page)))
		if err != nil {
			t.Fatal(err)
		}
		may := false
		for n := root; n != nil && !may; n = following(n) {
			may = MayNameSource(n)
		}
		if found := Read(Page{Root: root}).Source(); len(found) > 0 {
			named++
			if !may {
				t.Errorf("%s: nothing seems to name a source, but %q is one", file, found[0].Value)
			}
		}
		if !may {
			spared++
		}
	}
	if named < 3 || spared < len(files)/2 {
		t.Errorf("%d of %d pages name a source, %d cannot: too few to tell anything", named, len(files), spared)
	}
	for _, one := range []string{"<p>Nguồn: TTX", "<p>(Nguồn tin: TTX)", "<p><b>Nguồn</b>: TTX", "<p>Theo: TTX", "<p>Source : AP", "<p>来源：新华社", "<p class=news-source>AP"} {
		root, err := html.Parse(strings.NewReader(one))
		if err != nil {
			t.Fatal(err)
		}
		may := false
		for n := root; n != nil && !may; n = following(n) {
			may = MayNameSource(n)
		}
		if !may {
			t.Errorf("%s: seems to name no source", one)
		}
	}
}
