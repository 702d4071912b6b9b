package extract

import (
	"slices"
	"testing"

	"golang.org/x/net/html/atom"
)

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		css string
		all []string // with their . or #
		own string
		tag atom.Atom
	}{
		{"h1", nil, "", atom.H1},
		{"div.a #b > H2.c-d_é", []string{".a", "#b", ".c-d_é"}, ".c-d_é", atom.H2},
		{"p.a[title='.x']:not(.y)", []string{".a"}, ".a", atom.P},
		{"a[href*='(.z']", nil, "", atom.A},
		{".a..b .1c .", []string{".a", ".b"}, "", 0},
		{`.a\:b`, nil, "", 0},
		{"p:not(:has(.a))", nil, "", 0},
		{"p[title", nil, "", 0},
	} {
		var want []uint32
		for _, name := range c.all {
			want = append(want, mark(name[0], name[1:]))
		}
		own := uint32(0)
		if c.own != "" {
			own = mark(c.own[0], c.own[1:])
		}
		if gotAll, gotOwn, gotTag := needs(c.css); !slices.Equal(gotAll, want) || gotOwn != own || gotTag != c.tag {
			t.Errorf("needs(%s) = %x, %x, %v, want %x, %x, %v", c.css, gotAll, gotOwn, gotTag, want, own, c.tag)
		}
	}
}
