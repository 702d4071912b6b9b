package generic

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
)

// Authors ranks bylines; each candidate holds all names of one byline.
func (r *Reading) Authors() []Candidate {
	if r.memo.authors == nil {
		c := r.findAuthors()
		r.memo.authors = &c
	}
	return *r.memo.authors
}

func (r *Reading) findAuthors() []Candidate {
	var out []Candidate
	add := func(raw []string, signal string, score float64) *Candidate {
		var names []string
		for _, s := range raw {
			names = append(names, r.names(s)...)
		}
		names = unique(names)
		if len(names) == 0 || len(names) > 12 {
			return nil
		}
		out = append(out, Candidate{Value: strings.Join(raw, ", "), Names: names, Signal: signal, Score: score})
		return &out[len(out)-1]
	}
	l := r.linked()
	if l.main != nil {
		score := .9
		if !l.sure && l.articles > 1 {
			score = .4
		}
		people, others := l.people(l.main.get("author"))
		if len(people) == 0 && len(others) == 0 {
			people, others = l.people(l.main.get("creator"))
		}
		if len(people) > 0 {
			add(people, "json-ld author", score)
		} else {
			add(others, "json-ld author", score-.25)
		}
	}
	m := r.metas()
	for _, k := range [...]struct {
		name  string
		score float64
	}{
		{"parsely-author", .85}, {"sailthru.author", .8}, {"author", .78}, {"article:author", .72}, {"og:article:author", .72}, {"article:author_name", .8}, {"article.author", .75}, {"authors", .75}, {"byl", .8},
		{"dc.creator", .7}, {"dcterms.creator", .7}, {"dc.contributor", .6}, {"cxenseparse:author", .75}, {"citation_author", .8}, {"creator", .6}, {"rbauthors", .7}, {"bt:author", .7}, {"og:author", .7}, {"book:author", .7},
	} {
		if v := m[k.name]; len(v) > 0 {
			var raw []string
			for _, s := range v {
				if s = clean(s); !strings.Contains(s, "://") && len(s) < 300 {
					raw = append(raw, s)
				}
			}
			add(raw, "meta "+k.name, k.score)
		}
	}
	for n := 1; n <= 2; n++ {
		d := string(rune('0' + n))
		switch strings.ToLower(r.meta("twitter:label" + d)) {
		case "written by", "verfasst von", "geschrieben von", "escrito por", "écrit par", "author", "scritto da", "geschreven door", "autor", "skriven av", "napisane przez", "tác giả", "được viết bởi":
			add([]string{r.meta("twitter:data" + d)}, "twitter:data", .8)
		}
	}
	out = append(out, r.bylines()...)
	if len(r.tree.state) > 0 && !slices.ContainsFunc(out, func(c Candidate) bool { return c.Score >= Plausible }) {
		add(r.stateStory().authors, "state of the page", .75)
	}

	// Places that name the same people raise each other.
	keys := make([]string, len(out))
	for i := range out {
		keys[i] = nameKey(out[i].Names)
	}
	for i := range out {
		n := 0
		for j := range out {
			if i != j && keys[i] == keys[j] && out[i].Signal != out[j].Signal {
				n++
			}
		}
		if n > 0 {
			out[i].Score = min(1, out[i].Score+.05*float64(min(n, 3)))
			out[i].Why = "others name the same"
		}
	}
	rank(out)
	if b, ok := Best(out); ok && len(b.Names) == 1 && !strings.Contains(b.Names[0], " ") {
		// The first name alone, where another place gives the whole.
		for i := range out[1:] {
			c := out[i+1]
			if c.Score >= Plausible && len(c.Names) == 1 && len(strings.Fields(c.Names[0])) < 4 && strings.HasPrefix(strings.ToLower(c.Names[0]), strings.ToLower(b.Names[0])+" ") {
				c.Score, c.Why = b.Score, "the whole name of the best"
				copy(out[1:i+2], out[:i+1])
				out[0] = c
				break
			}
		}
	}
	if _, ok := Best(out); !ok && l.main != nil {
		// Nobody is named: an office that the page itself names as the author.
		_, offices := l.people(l.main.get("author"))
		people, _ := l.people(l.main.get("author"))
		var names []string
		for _, s := range append(people, offices...) {
			if len(s) < 60 && !accounts[squash(s)] && !strings.Contains(s, "@") {
				names = append(names, s)
			}
		}
		if len(names) > 0 && len(names) < 4 {
			out = append([]Candidate{{Value: strings.Join(names, ", "), Names: names, Signal: "json-ld author", Score: .52, Why: "an office, where no person is named"}}, out...)
		}
	}
	return out
}

// people reads JSON-LD authors: persons, and what else is named.
func (l *linked) people(v *value) (people, others []string) {
	if v == nil {
		return nil, nil
	}
	switch v.kind {
	case '[':
		for i := range v.vals {
			p, o := l.people(&v.vals[i])
			people, others = append(people, p...), append(others, o...)
		}
	case '{':
		w := l.follow(v)
		name := w.get("name")
		if name == nil {
			if g, f := w.get("givenName").text(), w.get("familyName").text(); f != "" {
				return []string{strings.TrimSpace(g + " " + f)}, nil
			}
			return nil, nil
		}
		for _, s := range name.texts() {
			if entityType(w) == "Organization" || entityType(w) == "NewsMediaOrganization" || entityType(w) == "Corporation" {
				others = append(others, s)
			} else {
				people = append(people, s)
			}
		}
	default:
		if s := v.text(); s != "" && !strings.Contains(s, "://") {
			people = append(people, s)
		}
	}
	return people, others
}

// bylines reads the names printed round the headline, and under the text.
func (r *Reading) bylines() []Candidate {
	t := r.tree
	if t.body < 0 {
		return nil
	}
	r.Body()
	h := r.headline()
	start, stop := h, int32(len(t.e))
	if start < 0 {
		start = t.body
	}
	n := 0
	for i := start; i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if x.flags&(fProse|fInBad) != fProse || x.own < 80 || t.in(i, h) {
			continue
		}
		if n++; n == 3 {
			stop = i
			break
		}
	}
	last := int32(-1)
	if c := r.memo.container; c > 0 {
		for i := c; i < t.e[c].end; i++ {
			if t.e[i].flags&(fProse|fInBad) == fProse {
				last = i
			}
		}
	}
	type found struct {
		names []string
		raw   string
		at    int32
	}
	groups := map[string]*struct {
		c     Candidate
		items []found
	}{}
	var order []string
	note := func(kind string, score float64, f found) {
		g := groups[kind]
		if g == nil {
			g = &struct {
				c     Candidate
				items []found
			}{c: Candidate{Signal: kind, Score: score}}
			groups[kind] = g
			order = append(order, kind)
		}
		if len(g.items) == 30 {
			return
		}
		// One inside the other is the same byline.
		for _, o := range g.items {
			if t.in(f.at, o.at) {
				return
			}
		}
		g.items = append(g.items, f)
	}
	var tail []Candidate
	var afar []int32 // links to authors somewhere else
	near := func(i int32) (bool, float64) {
		switch {
		case h >= 0 && i > h && i < stop:
			return true, .1
		case i < h && h-i < 60:
			return true, .02
		case last > 0 && i > last && i < last+60:
			return true, -.05
		}
		return false, 0
	}
	for i := int32(0); i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if i < t.body || x.flags&fHidden != 0 || x.chars == 0 || x.chars > 260 {
			continue
		}
		ok, extra := near(i)
		if !ok && h >= 0 && x.hint&hByline == 0 && x.atom != atom.A {
			continue
		}
		prop, isAuthor := "", false
		if x.hint&hByline != 0 {
			rel := attr(x.n, "rel")
			prop = attr(x.n, "itemprop")
			isAuthor = rel == "author" || strings.Contains(rel, "author ") || prop == "author" || strings.HasPrefix(prop, "author ")
		}
		if !isAuthor && x.atom == atom.A && authorPage(attr(x.n, "href")) {
			isAuthor = true
		}
		if !isAuthor && x.hint&hByline == 0 && (x.flags&fBlock == 0 || x.own < 5 || x.own > 140) {
			continue
		}
		if !ok && h >= 0 {
			if (isAuthor || x.flags&fBlock != 0 && x.hint&(hByline|hBio) == hByline) && x.chars < 60 && !t.foreign(i) {
				afar = append(afar, i)
			}
			continue
		}
		if t.skipForDates(i) && !isAuthor || t.foreign(i) {
			continue
		}
		switch {
		case isAuthor:
			kind := "rel author"
			score := .7
			if prop != "" {
				kind, score = "itemprop author", .75
				if p := t.namePart(i); p != "" {
					if names := r.names(p); len(names) > 0 {
						note(kind, score+extra, found{names, p, i})
						continue
					}
					if accounts[squash(p)] {
						continue
					}
				}
			}
			raw := t.text(i)
			if names := r.names(raw); len(names) > 0 {
				note(kind, score+extra, found{names, raw, i})
			}
		case x.hint&hByline != 0:
			if x.hint&hBio != 0 && x.chars > 40 {
				for j := i + 1; j < x.end; j++ {
					if y := &t.e[j]; isHeading(y.atom) && y.chars > 0 {
						if names := r.names(t.text(j)); len(names) == 1 && strings.Contains(names[0], " ") {
							note("heading of the biography", .58+extra, found{names, names[0], j})
						}
						break
					}
				}
				continue
			}
			raw := t.text(i)
			if x.links > 0 { // the link is the name, the rest its office
				p := t.linkNames(i)
				if linked := r.names(p); len(linked) > 0 && (x.chars > 60 || len(linked) >= len(r.names(raw))) {
					raw = p
				}
			}
			names := r.names(raw)
			if len(names) == 0 {
				if raw = t.firstBold(i); raw != "" { // the line below it is the office
					names = r.names(raw)
				}
			}
			if len(names) > 0 {
				note("class byline", .68+extra, found{names, raw, i})
			}
		default:
			raw := t.ownText(i)
			rest, ok := afterBy(raw)
			if !ok {
				// "04.02.2022 | 13:10 | Name"
				if rest = withoutDates(raw); rest == raw || len(rest) > 50 || x.own > 80 || x.links > 0 && t.linkNames(i) != "" && strings.HasPrefix(rest, t.linkNames(i)) {
					continue // a link beside a date leads to the section
				}
				if names := r.names(rest); len(names) > 0 && len(strings.Fields(names[0])) > 1 && hasAny(strings.ToLower(rest), publishedWords) < 0 && hasAny(strings.ToLower(rest), updatedWords) < 0 {
					note("line of the date", .55+extra, found{names, rest, i})
				} else if by, ok := afterBy(rest); ok && len(r.names(by)) > 0 {
					note("text by", .62+extra, found{r.names(by), by, i})
				}
				continue
			}
			if names := r.names(rest); len(names) > 0 {
				note("text by", .62+extra, found{names, rest, i})
			}
		}
	}
	if f, ok := r.tailByline(); ok {
		f.Node = t.e[f.at].n
		tail = append(tail, f.Candidate)
	}
	if len(afar) > 0 && len(order) == 0 {
		var names []string
		for _, i := range afar {
			names = append(names, r.names(t.text(i))...)
		}
		if names = unique(names); len(names) == 1 {
			note("rel author somewhere", .55, found{names, names[0], afar[0]})
		}
	}
	out := tail
	defer func() {
		// The line that names one more is the whole byline.
		for i := range out {
			for j := range out {
				if len(out[i].Names) > len(out[j].Names) && out[i].Score+.15 > out[j].Score && out[i].Score <= out[j].Score && contains(out[i].Names, out[j].Names) {
					out[i].Score = out[j].Score + .01
				}
			}
		}
	}()
	for _, kind := range order {
		g := groups[kind]
		c := g.c
		var raw []string
		for k, f := range g.items {
			// Names far from the first belong to others.
			if k > 0 && f.at-g.items[k-1].at > 25 {
				break
			}
			c.Names = append(c.Names, f.names...)
			raw = append(raw, f.raw)
		}
		c.Names = unique(c.Names)
		if len(c.Names) == 0 || len(c.Names) > 8 {
			continue
		}
		c.Node = t.e[g.items[0].at].n
		c.Value = strings.Join(raw, ", ")
		out = append(out, c)
	}
	return out
}

type tailed struct {
	Candidate
	at int32
}

// tailByline reads a name that stands alone at the end of the text, set apart
// by its letters or its side.
func (r *Reading) tailByline() (tailed, bool) {
	t := r.tree
	c := r.memo.container
	if c <= 0 {
		return tailed{}, false
	}
	looked := 0
	for i := t.e[c].end - 1; i > c && looked < 4; i-- {
		x := &t.e[i]
		if x.flags&fBlock == 0 || x.own < 3 || x.flags&fInBad != 0 {
			continue
		}
		looked++
		if x.own > 60 || x.flags&fProse != 0 && x.own > 40 || isHeading(x.atom) || x.atom == atom.Li || x.ownLink*2 > x.own {
			continue
		}
		raw := t.ownText(i)
		_, labelled := afterBy(raw)
		if !labelled && !t.apart(i) {
			continue
		}
		names := r.names(raw)
		if len(names) == 0 || len(names) > 3 {
			continue
		}
		if !labelled || !strings.Contains(raw[:min(len(raw), 30)], ":") {
			whole := true
			for _, n := range names {
				words := strings.Fields(n)
				if len(words) < 2 || len(words) > 4 {
					whole = false
				}
				for _, w := range words {
					if c, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(c) && !particles[strings.ToLower(w)] {
						whole = false
					}
				}
			}
			if !whole || strings.HasSuffix(raw, ":") {
				continue
			}
		}
		return tailed{Candidate{Value: raw, Names: names, Signal: "end of the text", Score: .6}, i}, true
	}
	return tailed{}, false
}

// apart reports blocks whose text is all bold or italic, or stands on the right.
func (t *tree) apart(i int32) bool {
	x := &t.e[i]
	if strings.EqualFold(attr(x.n, "align"), "right") || strings.Contains(strings.ReplaceAll(attr(x.n, "style"), " ", ""), "text-align:right") {
		return true
	}
	for j := i + 1; j < x.end; j++ {
		switch y := &t.e[j]; y.atom {
		case atom.B, atom.Strong, atom.Em, atom.I:
			if y.chars >= x.own-1 {
				return true
			}
		}
	}
	return false
}

// authorPage reports links to the page of an author.
func authorPage(href string) bool {
	if i := strings.Index(href, "://"); i >= 0 {
		href = href[i+3:]
		i = strings.IndexByte(href, '/')
		if i < 0 {
			return false
		}
		href = href[i:]
	}
	for len(href) > 0 {
		i := strings.IndexByte(href, '/')
		if i < 0 {
			return false
		}
		if i > 1 && i < 20 && authorPaths[href[:i]] && len(href) > i+2 {
			return true
		}
		href = href[i+1:]
	}
	return false
}

// authorPaths are the parts of a path under which the pages of authors lie.
var authorPaths = map[string]bool{
	"author": true, "authors": true, "autor": true, "autoren": true, "autorin": true, "auteur": true, "auteurs": true, "autores": true, "autore": true, "autori": true,
	"by": true, "journalist": true, "journalists": true, "contributor": true, "contributors": true, "writer": true, "writers": true, "reporter": true, "reporters": true,
	"redakteur": true, "tac-gia": true, "skribent": true, "forfatter": true,
}

// foreign reports elements in a part that belongs to others.
func (t *tree) foreign(i int32) bool {
	for j, n := i, 0; j >= 0 && n < 12; j, n = t.e[j].parent, n+1 {
		x := &t.e[j]
		if x.atom == atom.Body || x.atom == atom.Main || t.in(t.head, j) || t.in(t.core, j) {
			return false
		}
		others := hRelated | hComment | hNav | hFooter
		if t.head > 0 && t.in(t.head, t.article(i)) {
			others = hRelated | hComment // the top and the foot of the article
		}
		if x.hint&others != 0 && x.hint&(hBody|hByline|hTitle) == 0 && x.chars < 5000 || x.atom == atom.Nav || x.flags&fHidden != 0 {
			return true
		}
	}
	return false
}

// namePart returns the itemprop=name inside an author.
func (t *tree) namePart(i int32) string {
	var names []string
	for j := i; j < t.e[i].end; j++ {
		if attr(t.e[j].n, "itemprop") == "name" {
			s := attr(t.e[j].n, "content")
			if s == "" {
				s = t.text(j)
			}
			names = append(names, s)
		}
	}
	return strings.Join(names, ", ")
}

// firstBold returns the bold line that an element begins with.
func (t *tree) firstBold(i int32) string {
	for j := i + 1; j < t.e[i].end; j++ {
		switch y := &t.e[j]; {
		case y.chars == 0:
		case y.atom == atom.B || y.atom == atom.Strong:
			return t.text(j)
		case y.end == j+1 || y.own > 0:
			return ""
		}
	}
	return ""
}

// linkNames joins the texts of the links in an element.
func (t *tree) linkNames(i int32) string {
	var names []string
	for j := i + 1; j < t.e[i].end; j++ {
		if t.e[j].atom == atom.A && t.e[j].chars > 3 {
			names = append(names, t.text(j))
		}
	}
	return strings.Join(names, ", ")
}

// by are the words that stand before a name, the longest first.
var by = []string{"بقلم:", "بقلم", "كتب:", "كتبت:", "автор:", "автор", "текст:", "γράφει ο", "γράφει η", "γράφουν οι", "γράφουν:", "γράφει:", "του", "της", "συντάκτης:", "συντάκτρια:", "ρεπορτάζ:", "επιμέλεια:", "κείμενο:", "yazan:", "yazar:", "haber:", "autora:", "auteure :", "auteurs :", "written by", "posted by", "published by", "reported by", "story by", "words by", "review by", "article by", "created by", "by", "von", "par", "por", "di", "da", "af", "av", "door", "autor:innen:", "autorin:", "autor:", "autoren:", "author:", "authors:", "auteur:", "auteur :", "autore:", "text:", "text von", "geschrieben von", "verfasst von", "ein beitrag von", "ein artikel von", "eine analyse von", "ein kommentar von", "ein interview von", "eine kolumne von", "ein gastbeitrag von", "ein essay von", "eine reportage von", "ein bericht von", "gastbeitrag von", "beitrag von", "blogbeitrag von", "blog beitrag von", "kommentar von", "eingestellt von", "gepostet von", "interview by", "opinion by", "analysis by", "contributed by", "une chronique de", "un reportage de", "una entrevista de", "un artículo de", "posted on", "publié le", "veröffentlicht am", "interview:", "redaktion:", "bericht:", "foto:", "verfasser:", "erstellt von", "veröffentlicht von", "publié par", "écrit par", "rédigé par", "propos recueillis par", "escrito por", "publicado por", "texto:", "tekst:", "scritto da", "a cura di", "geschreven door", "skriven av", "viết bởi", "được viết bởi", "đăng bởi", "người đăng:", "tác giả:", "tác giả :", "người viết:", "bài và ảnh:", "bài, ảnh:", "tin, ảnh:", "bài:", "pv:", "phóng viên:", "thực hiện:", "theo"}

// byFirst are the words of by under their first byte.
var byFirst = func() (m [256][]string) {
	for _, b := range by {
		m[b[0]] = append(m[b[0]], b)
	}
	return m
}()

// afterBy returns what stands behind "By" or its like at the beginning of a line.
func afterBy(s string) (string, bool) {
	s = strings.TrimLeft(s, " -–—|•·(")
	if s == "" {
		return "", false
	}
	words := byFirst[s[0]|0x20] // of ASCII, the letter in lower case
	if s[0] >= utf8.RuneSelf {
		words = by
	}
	if len(words) == 0 {
		return "", false
	}
	low := strings.ToLower(s)
	best := 0
	for _, b := range words {
		if b == "theo" || b == "foto:" || len(b) <= best || !strings.HasPrefix(low, b) {
			continue
		}
		if strings.HasSuffix(b, ":") || len(low) > len(b) && (low[len(b)] == ' ' || low[len(b)] == ':') {
			best = len(b)
		}
	}
	if best == 0 || best >= len(s) {
		return "", false
	}
	rest := strings.TrimLeft(s[best:], " :")
	if rest == "" {
		return "", false
	}
	// "di" and its like are words of a sentence too: what follows is a name.
	first, _ := utf8.DecodeRuneInString(rest)
	return rest, unicode.IsUpper(first) || unicode.Is(unicode.Lo, first) // not all scripts have capitals
}

// names reads the names of one byline; none when it is an account, the site
// itself, or not a name.
func (r *Reading) names(s string) []string {
	s = clean(s)
	if s == "" || len(s) > 400 {
		return nil
	}
	s = withoutDates(s)
	if strings.ContainsAny(s, ":：") {
		low := strings.ToLower(s)
		for _, l := range sourceLabels {
			if strings.HasPrefix(low, l) {
				return nil
			}
		}
	}
	if rest, ok := afterBy(s); ok {
		s = rest
	}
	if len(s) > 20 {
		for _, c := range credits {
			if i := strings.Index(s, c); i > 0 {
				s = s[:i]
			}
		}
	}
	var out []string
	for _, p := range splitNames(s) {
		if rest, ok := afterBy(p); ok {
			p = rest
		}
		if p = r.name(p); p != "" {
			out = append(out, p)
		}
	}
	// "Name/AFP"
	if len(out) == 2 && strings.Contains(s, out[0]+"/"+out[1]) && desk(out[1]) && !desk(out[0]) {
		out = out[:1]
	}
	return unique(out)
}

// credits begin what others than the author of the text have done.
var credits = []string{" Illustration von ", " Illustrationen von ", " Fotos von ", " Foto von ", " Fotos: ", " Foto: ", " Bilder: ", " Photos by ", " Photo by ", " Photography by ", " Illustration by ", " Illustrations by ", " Photos : ", " Ảnh: "}

// desk reports names that begin with the capitals of an agency or a station.
func desk(s string) bool {
	n := 0
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			if unicode.IsLetter(c) {
				return false
			}
			break
		}
		n++
	}
	return n > 1 && n < 7
}

// withoutDates cuts the dates out of a byline: "Von A. B. am 7. März 2026".
func withoutDates(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	found := dates.Find(s, dates.Options{})
	for k := len(found) - 1; k >= 0; k-- {
		s = s[:found[k].Start] + " | " + s[found[k].End:]
	}
	s = strings.Join(strings.Fields(s), " ")
	for _, w := range [...]string{" am |", " um |", " on |", " le |", " el |", " vom |", " at |", " vào |", " il |", " em |", " den |", " dne |", "am|", "um|"} {
		s = strings.ReplaceAll(s, w, " |")
	}
	return strings.Trim(s, " |,-–")
}

// splitNames parts a byline at what joins names and at what ends them.
func splitNames(s string) []string {
	parts := []string{}
	last := 0
	cut := func(i, n int) {
		parts = append(parts, s[last:i])
		last = i + n
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',', ';', '|', '\n', '/', '"':
			cut(i, 1)
			continue
		case '(', '[':
			if j := strings.IndexAny(s[i:], ")]"); j > 0 {
				cut(i, j+1)
				i += j
				continue
			}
		}
		matched := false
		for _, j := range [...]string{" and ", " und ", " et ", " y ", " e ", " och ", " og ", " en ", " i ", " và ", " & ", " and\u00a0", " – ", " — ", " - ", " • ", " · ", "•", "·", " with ", " mit "} {
			if len(s)-i >= len(j) && strings.EqualFold(s[i:i+len(j)], j) {
				cut(i, len(j))
				i += len(j) - 1
				matched = true
				break
			}
		}
		if matched {
			continue
		}
	}
	return append(parts, s[last:])
}

// roles are the words that tell an office or a note from a name.
var roles = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`staff reporter reporters correspondent editor editors writer contributor contributors columnist journalist producer senior chief
		updated published posted min read minutes minute ago comments comment share follow email view all posts more about view profile biography
		redakteur redakteurin redaktionsleiter redaktion korrespondent korrespondentin reporterin volontär volontärin chefredakteur autor autorin autoren autorenprofil
		journaliste correspondant redactor redactora periodista redattore giornalista verslaggever
		photo photos foto fotos photographer photography image images photograph getty bild archiv
		alles e.v magazine news newspaper website online digital desk team newsroom press agency media group network inc llc ltd gmbh corporation
		january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday
		januar februar märz juni juli oktober dezember uhr am pm est edt
		special guest executive managing deputy assistant associate director manager president ceo professor university
		tweet facebook twitter instagram linkedin whatsapp login subscribe newsletter print copy link save listen home contact advertisement sponsored
		archive archives read reading time source sources credit courtesy edited reviewed fact checked medically
		lesezeit kommentare artikel drucken merken teilen zum profil alle beiträge beitrag mehr stand kontakt hinterlasse kommentar uncategorized quelle weitere informationen inhalte schlagwörter kategorie kategorien tags tag allgemein news agenturmeldung
		đăng ngày lượt xem chia sẻ bình luận tin ảnh
		by von por par für der die das ein eine ist the this that from for is are was with to of at in on`) {
		m[w] = true
	}
	return m
}()

// accounts post, and do not write.
var accounts = map[string]bool{
	"admin": true, "administrator": true, "editor": true, "webmaster": true, "root": true, "user": true, "guest": true, "adminadmin": true, "superuser": true,
	"wordpress": true, "host": true, "quantri": true, "quantrivien": true, "bientapvien": true, "btv": true, "phobanbientap": true, "anonymous": true, "unknown": true,
	"author": true, "autor": true, "none": true, "null": true, "undefined": true, "na": true, "byline": true, "redactie": true, "www": true,
}

// name cleans one name; "" when it is none.
func (r *Reading) name(s string) string {
	s = strings.Trim(s, " \t.,:;-–—|\"'“”„()[]*@>»<«#•·©")
	if s == "" || len(s) > 160 {
		return ""
	}
	s = once(withoutLabel(s))
	if len(s) > 80 {
		return ""
	}
	if i := strings.Index(s, " @"); i > 0 {
		s = s[:i]
	}
	if strings.Contains(s, "://") || strings.Contains(s, "@") || strings.Contains(s, "www.") {
		return ""
	}
	key := squash(s)
	if accounts[key] || key == "" || strings.HasSuffix(key, "admin") || strings.HasPrefix(key, "admin") {
		return ""
	}
	for _, k := range r.siteKeys() {
		if k == key {
			return ""
		}
	}
	words := strings.Fields(s)
	for len(words) > 1 && degrees[strings.ToLower(words[0])] {
		words = words[1:]
		s = strings.Join(words, " ")
	}
	if len(words) > 6 {
		return ""
	}
	digits, letters, lower := 0, 0, 0
	for _, c := range s {
		switch {
		case unicode.IsDigit(c):
			digits++
		case unicode.IsLetter(c):
			letters++
		}
	}
	if digits > 0 && (digits > 2 || len(words) > 1) || letters < 2 {
		return ""
	}
	for k, w := range words {
		plain := strings.ToLower(strings.Trim(w, ".,:;()'’"))
		if particles[plain] && k > 0 && k < len(words)-1 {
			continue
		}
		if roles[plain] && !(k > 0 && len(words) > 1 && (plain == "may" || plain == "archer")) {
			return ""
		}
		c, _ := utf8.DecodeRuneInString(w)
		if unicode.IsLower(c) && !particles[plain] {
			lower++
		}
	}
	if len(words) > 1 && lower > 0 && lower*2 >= len(words) || lower > 1 {
		return ""
	}
	return s
}

// withoutLabel cuts a label off that markup parts from the name, and text does
// not: "AuthorAnna Berg".
func withoutLabel(s string) string {
	for _, l := range [...]string{"Author", "Autor", "Autorin"} {
		if rest, ok := strings.CutPrefix(s, l); ok {
			if c, _ := utf8.DecodeRuneInString(rest); unicode.IsUpper(c) {
				return rest
			}
		}
	}
	return s
}

// once returns a name that is printed twice in a row, as beside a picture, once.
func once(s string) string {
	half := len(s) / 2
	if half < 6 {
		return s
	}
	if len(s)%2 == 0 && s[:half] == s[half:] {
		return s[:half]
	}
	if len(s)%2 == 1 && s[half] == ' ' && s[:half] == s[half+1:] {
		return s[:half]
	}
	return s
}

// degrees stand before the name of a Vietnamese scholar.
var degrees = map[string]bool{"ts.": true, "ts": true, "ths.": true, "ths": true, "pgs.": true, "gs.": true, "pgs.ts.": true, "gs.ts.": true, "pgs.ts": true, "gs.ts": true, "pgs,ts": true, "tskh.": true, "cn.": true, "ncs.": true, "ls.": true, "bs.": true, "ks.": true}

// particles are written small inside names.
var particles = map[string]bool{
	"von": true, "van": true, "de": true, "der": true, "den": true, "da": true, "di": true, "del": true, "della": true, "la": true, "le": true, "du": true, "dos": true, "das": true, "do": true,
	"al": true, "el": true, "bin": true, "ibn": true, "ter": true, "ten": true, "zu": true, "zur": true, "y": true, "e": true, "af": true, "av": true, "dela": true, "des": true, "und": true, "d": true,
}

func unique(s []string) []string {
	out := s[:0:0]
	for _, x := range s {
		dup := false
		for _, y := range out {
			if strings.EqualFold(x, y) {
				dup = true
			}
		}
		if !dup {
			out = append(out, x)
		}
	}
	return out
}

// contains reports whether all names stand among others.
func contains(all, some []string) bool {
	for _, s := range some {
		found := false
		for _, a := range all {
			if strings.EqualFold(a, s) {
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func nameKey(names []string) string {
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = squash(n)
	}
	for i := range keys {
		for j := i + 1; j < len(keys); j++ {
			if keys[j] < keys[i] {
				keys[i], keys[j] = keys[j], keys[i]
			}
		}
	}
	return strings.Join(keys, "|")
}
