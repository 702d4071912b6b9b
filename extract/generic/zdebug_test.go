package generic

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"luutin/extract/dom"
)

func TestDebug(t *testing.T) {
	spec := os.Getenv("DEBUG_PAGE")
	if spec == "" {
		t.Skip()
	}
	set, id, _ := strings.Cut(spec, "/")
	for _, x := range readSet(t, set) {
		if !strings.HasPrefix(x.ID, id) {
			continue
		}
		text, _, _ := dom.Decode(readPage(t, set, x.ID), "")
		root, _ := html.Parse(bytes.NewReader(text))
		r := Read(Page{Root: root})
		r.Body()
		tr := r.tree
		total := tr.e[tr.body].mass
		tr.sum(0)
		var show func(i int32, depth int)
		show = func(i int32, depth int) {
			y := &tr.e[i]
			if y.mass*12 < total && !(y.mass > 0 && os.Getenv("ALL") != "") {
				return
			}
			mark := ""
			if i == r.memo.container {
				mark = " <=== container"
			}
			fmt.Printf("%s%s.%s#%s mass=%d chars=%d link=%d own=%d flags=%06b hint=%x%s\n", strings.Repeat(" ", depth), y.n.Data, strings.ReplaceAll(attr(y.n, "class"), " ", "."), attr(y.n, "id"), y.mass, y.chars, y.link, y.own, y.flags, y.hint&hBad, mark)
			for c := i + 1; c < y.end; c = tr.e[c].end {
				show(c, depth+1)
			}
		}
		show(tr.body, 0)
		fmt.Println("headline", r.headline(), "mass of the rest", total)
		break
	}
}
