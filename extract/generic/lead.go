package generic

import (
	"strings"

	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
)

// Lead ranks what may be the lead: an element of its own between the headline
// and the text, a block there that others print as the description, or the
// description alone, which is not plausible.
func (r *Reading) Lead() []Candidate {
	if r.memo.lead == nil {
		c := r.findLead()
		r.memo.lead = &c
	}
	return *r.memo.lead
}

func (r *Reading) findLead() []Candidate {
	t := r.tree
	var out []Candidate
	description := r.meta("og:description", "description", "twitter:description")
	if l := r.linked(); l.main != nil && description == "" {
		description = l.main.get("description").text()
	}
	descKey := squash(description)
	if t.body < 0 {
		return nil
	}
	body := r.Body()
	h := r.headline()
	start := h
	if start < 0 {
		start = t.body
	} else {
		start = t.e[h].end
	}
	c := r.memo.container
	// The first prose of the text.
	begin := int32(len(t.e))
	if c > 0 {
		for i := c; i < t.e[c].end; i++ {
			if t.e[i].flags&(fProse|fInBad) == fProse && i >= start && !t.droppedIn(i, c, body) {
				begin = i
				break
			}
		}
	}
	add := func(i int32, signal string, score float64) bool {
		s := t.withoutPlace(i)
		if len(s) < 30 || len(s) > 1500 || r.isTitle(s) {
			return false
		}
		if k := squash(s); descKey != "" && (k == descKey || len(descKey) > 60 && strings.HasPrefix(k, descKey[:len(descKey)*3/4])) {
			score = min(1, score+.15)
		}
		out = append(out, Candidate{Value: s, Signal: signal, Score: score, Node: t.e[i].n})
		return true
	}
	// Above the headline stand few leads, and only inside the same part.
	taken := int32(-1)
	for i := start; i < int32(len(t.e)) && i <= begin+1; i++ {
		x := &t.e[i]
		if i < taken {
			continue
		}
		if x.flags&(fHidden|fBadSub) != 0 && x.hint&hLead == 0 || x.atom == atom.Nav || x.atom == atom.Figure || x.atom == atom.Aside && x.hint&hLead == 0 {
			i = x.end - 1
			continue
		}
		if x.chars < 25 || x.chars > 1500 || x.link*2 > x.chars {
			continue
		}
		leadHint := x.hint&hLead != 0 && x.hint&(hCaption|hByline|hDate|hAd|hRelated|hComment|hNav|hSocial) == 0 || attr(x.n, "itemprop") == "description" || attr(x.n, "itemprop") == "alternativeHeadline"
		if c > 0 && (t.in(c, i) || x.paras > 1 && x.mass*2 > t.e[c].mass) { // the text, whatever it is called
			leadHint = false
		}
		switch {
		case leadHint && (x.flags&fBlock != 0 || x.chars > 40) && x.atom != atom.A:
			if add(i, "class lead", .85) {
				taken = x.end
			}
		case i < begin && x.flags&fBlock != 0 && x.own >= 45 && x.own*10 >= x.chars*9 && (c < 0 || !t.in(i, c) || isHeading(x.atom)) && x.hint&(hByline|hDate|hMeta|hCaption|hTags|hCrumb) == 0:
			// A block between the headline and the text.
			s := t.ownText(i)
			if d, ok := dates.Parse(s, dates.Options{}); ok && len(s) < 90 && d.Text != "" {
				continue
			}
			if _, by := afterBy(s); by && x.own < 120 {
				continue
			}
			score := .62
			if isHeading(x.atom) && x.atom == atom.H2 {
				score = .6
			}
			if h < 0 {
				score = .4
			}
			if add(i, "between headline and text", score) {
				taken = x.end
			}
		}
	}
	// The description is the beginning of the text, or of a block of its own.
	if len(out) == 0 && c > 0 && len(descKey) > 40 {
		n := 0
		for i := start; i < t.e[c].end && n < 4; i++ {
			x := &t.e[i]
			if x.flags&(fProse|fInBad) != fProse || x.own < 40 {
				continue
			}
			n++
			k := squash(t.ownText(i))
			if k == descKey {
				add(i, "the description, in the text", .7)
				break
			}
		}
	}
	if c > 0 && begin < t.e[c].end {
		// A first paragraph that is bold as a whole.
		x := &t.e[begin]
		if x.own >= 50 && x.own < 900 && t.allBold(begin) {
			if n := t.nextText(begin); n > 0 && !t.allBold(n) {
				add(begin, "first paragraph, bold", .66)
			}
		}
		if x.own == x.chars && x.own >= 50 && x.own < 700 && t.apartFromText(begin, c) {
			add(begin, "paragraph before the text", .62)
		}
	}
	if description != "" {
		out = append(out, Candidate{Value: description, Signal: "description", Score: .4})
	}
	rank(out)
	return out
}

// allBold reports blocks all of whose letters are bold.
func (t *tree) allBold(i int32) bool {
	x := &t.e[i]
	bold := int32(0)
	for j := i + 1; j < x.end; {
		y := &t.e[j]
		if y.atom == atom.B || y.atom == atom.Strong || y.atom == atom.H2 || y.atom == atom.H3 {
			bold += y.chars
			j = y.end
			continue
		}
		j++
	}
	if x.atom == atom.Strong || x.atom == atom.H2 || x.atom == atom.H3 || strings.Contains(attr(x.n, "style"), "bold") {
		return true
	}
	return bold > 0 && bold*20 >= x.chars*19
}

// apartFromText reports a first paragraph that stands beside one part with all
// the other prose of the container.
func (t *tree) apartFromText(i, c int32) bool {
	rest := t.e[c].mass - t.e[i].mass
	if rest < 2*t.e[i].mass {
		return false
	}
	for j := i; j != c; j = t.e[j].parent {
		if t.e[t.e[j].parent].mass == t.e[i].mass {
			continue
		}
		for n := t.next(j); n >= 0; n = t.next(n) {
			if x := &t.e[n]; x.mass > 0 {
				return x.mass == rest && x.paras > 2 && x.flags&fProse == 0 && !isParagraph(x.atom)
			}
		}
		return false
	}
	return false
}

// droppedIn reports whether an element is dropped from the body.
func (t *tree) droppedIn(i, c int32, b Body) bool {
	for j := i; j > c; j = t.e[j].parent {
		if b.Dropped(t.e[j].n) {
			return true
		}
	}
	return false
}

// withoutPlace returns the text of an element without the stamp of a place
// that stands in a span of its own before it.
func (t *tree) withoutPlace(i int32) string {
	s := t.text(i)
	for j := i + 1; j < t.e[i].end && j < i+4; j++ {
		y := &t.e[j]
		if y.hint&hPlace != 0 && y.chars > 0 && y.chars < 40 {
			if place := t.text(j); strings.HasPrefix(s, place) {
				return strings.TrimLeft(s[len(place):], " -–—:")
			}
		}
	}
	return s
}
