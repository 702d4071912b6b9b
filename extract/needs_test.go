package extract

import (
	"slices"
	"testing"

	"golang.org/x/net/html/atom"
)

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		css    string
		all    []string // with their . or #
		own    string
		within string
		tag    atom.Atom
	}{
		{"h1", nil, "", "", atom.H1},
		{"div.a #b > H2.c-d_é", []string{".a", "#b", ".c-d_é"}, ".c-d_é", "#b", atom.H2},
		{"p.a[title='.x']:not(.y)", []string{".a"}, ".a", "", atom.P},
		{"a[href*='(.z']", nil, "", "", atom.A},
		{".a > i a", []string{".a"}, "", ".a", atom.A},
		{".a + i a", []string{".a"}, "", "", atom.A},
		{".a..b .1c .", []string{".a", ".b"}, "", ".b", 0},
		{`.a\:b`, nil, "", "", 0},
		{"p:not(:has(.a))", nil, "", "", 0},
		{"p[title", nil, "", "", 0},
	} {
		var want []uint32
		for _, name := range c.all {
			want = append(want, mark(name[0], name[1:]))
		}
		one := func(name string) uint32 {
			if name == "" {
				return 0
			}
			return mark(name[0], name[1:])
		}
		all, own, within, tag := needs(c.css)
		if !slices.Equal(all, want) || own != one(c.own) || within != one(c.within) || tag != c.tag {
			t.Errorf("needs(%s) = %x, %x, %x, %v, want %x, %x, %x, %v", c.css, all, own, within, tag, want, one(c.own), one(c.within), c.tag)
		}
	}
}
