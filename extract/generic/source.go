package generic

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// sourceLabels stand before the name of the paper or agency that a text was
// taken from.
var sourceLabels = []string{"nguồn tin:", "nguồn tin :", "nguồn:", "nguồn :", "theo:", "source:", "source :", "quelle:", "fuente:", "fonte:", "bron:", "källa:", "kilde:", "zdroj:", "źródło:", "источник:", "kaynak:", "来源：", "来源:", "出典："}

// Source ranks the papers and agencies that the text is said to come from. A
// label with nothing behind it names none.
func (r *Reading) Source() []Candidate {
	t := r.tree
	if t.body < 0 {
		return nil
	}
	r.Body()
	first, last := r.headline(), int32(len(t.e))
	c := r.memo.container
	if c > 0 {
		for i := c; i < t.e[c].end; i++ {
			if t.e[i].flags&(fProse|fInBad) == fProse {
				last = i
			}
		}
	}
	if first < 0 {
		first = t.body
	}
	var out []Candidate
	add := func(i int32, v, signal string, score float64) {
		v = strings.Trim(v, " .,;:()[]-–—")
		if v == "" || len(v) > 90 || len(strings.Fields(v)) > 10 || r.isTitle(v) {
			return
		}
		out = append(out, Candidate{Value: v, Signal: signal, Score: score, Node: t.e[i].n})
	}
	for i := first; i < int32(len(t.e)) && i < last+60; i++ {
		x := &t.e[i]
		if x.flags&fHidden != 0 || x.atom.String() == "figcaption" || x.hint&hCaption != 0 {
			i = x.end - 1
			continue
		}
		if x.chars == 0 || x.chars > 120 || t.foreign(i) {
			continue
		}
		named := x.hint&hSource != 0
		if named { // the innermost of several
			for j := i + 1; j < x.end; j++ {
				if t.e[j].hint&hSource != 0 && t.e[j].chars > 0 {
					named = false
				}
			}
		}
		if !named && (x.flags&fBlock == 0 || x.own == 0) {
			continue
		}
		if !named && !labelled(t.firstWords(i)) {
			continue
		}
		s := t.text(i)
		low := strings.ToLower(s)
		label := ""
		for _, l := range sourceLabels {
			if strings.HasPrefix(strings.TrimLeft(low, "( "), l) {
				label = l
				break
			}
		}
		switch {
		case label != "":
			at := strings.Index(low, label) + len(label)
			if at <= len(s) {
				score := .7
				if named {
					score = .85
				}
				add(i, s[at:], "labelled source", score)
			}
			i = x.end - 1
		case named && x.chars < 50 && !strings.HasSuffix(s, ":"):
			if rest, ok := strings.CutPrefix(s, "Theo "); ok {
				s = rest
			}
			add(i, s, "class source", .7)
			i = x.end - 1
		}
	}
	rank(out)
	return out
}

// A labelStart is what a label begins with, before its colon.
type labelStart struct {
	text  string
	whole bool // it is all of the label
	colon bool // which stands right behind it
}

// labelStarts are those of the labels, by their first letters.
var labelStarts = func() map[rune][]labelStart {
	m := map[rune][]labelStart{}
	for _, l := range sourceLabels {
		s := labelStart{text: l, whole: true}
		if at := strings.IndexAny(l, ": "); at > 0 {
			s = labelStart{text: l[:at], colon: l[at] == ':'}
		}
		first, _ := utf8.DecodeRuneInString(l)
		m[first] = append(m[first], s)
	}
	return m
}()

// MayNameSource reports nodes that Source would look at closer: texts that
// begin with a label, elements that are called so. It asks for no tree.
func MayNameSource(n *html.Node) bool {
	switch n.Type {
	case html.TextNode:
		s := strings.TrimLeft(n.Data, ledBy)
		first, _ := utf8.DecodeRuneInString(s)
		candidates := labelStarts[unicode.ToLower(first)]
		if len(candidates) == 0 {
			return false
		}
		if len(s) > 60 {
			s = s[:60]
		}
		for _, c := range candidates {
			n := len(c.text) // which a label has in capitals too
			if len(s) < n || !strings.EqualFold(s[:n], c.text) {
				continue
			}
			// the rest of the label may stand in the next text
			rest := strings.TrimSpace(s[n:])
			if rest == "" || c.colon && rest[0] == ':' || c.whole || len(rest) >= 3 && strings.EqualFold(rest[:3], "tin") {
				return true
			}
		}
	case html.ElementNode:
		for i := range n.Attr {
			switch a := &n.Attr[i]; a.Key {
			case "class", "id", "itemprop", "role", "data-testid", "data-component", "rel", "property":
				if classHint(a.Val)&hSource != 0 {
					return true
				}
			}
		}
		return n.DataAtom == 0 && len(n.Data) < 40 && classHint(n.Data)&hSource != 0
	}
	return false
}

// labelled reports texts that may begin with a label of a source; the label
// may be cut by markup.
func labelled(s string) bool {
	for _, l := range sourceLabels {
		n := strings.IndexAny(l, ": ")
		if n < 0 {
			n = len(l)
		}
		if strings.HasPrefix(s, l[:n]) {
			return true
		}
	}
	return false
}
