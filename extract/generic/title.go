package generic

import (
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

func attr(n *html.Node, key string) string { return dom.Attr(n, key) }

func clean(s string) string { return dom.Clean(s) }

// rank sorts candidates by score, keeping the order of equals.
func rank(c []Candidate) {
	sort.SliceStable(c, func(i, j int) bool { return c[i].Score > c[j].Score })
}

// h1Weight is the vote of a first heading that says what <title> says.
const h1Weight = 1.2

// A ballot is one headline with the places that print it.
type ballot struct {
	Candidate
	key    string
	weight float64
	rank   int // of the place whose printing is kept
	places []string
}

// Title ranks what may be the headline: the places that carry one vote, and
// the printing of the most visible place is kept.
func (r *Reading) Title() []Candidate {
	if r.memo.title != nil {
		return r.memo.title
	}
	t := r.tree
	r.memo.headline = -1
	var ballots []*ballot
	add := func(v, signal string, weight float64, rank int, n *html.Node) {
		if v == "" || len(v) > 600 {
			return
		}
		k := squash(v)
		if k == "" {
			return
		}
		for _, b := range ballots {
			if b.key != k {
				continue
			}
			for _, p := range b.places {
				if p == signal {
					return
				}
			}
			b.weight += weight
			b.places = append(b.places, signal)
			// Spans that were run together on the page are better parted elsewhere.
			if rank > b.rank && !(len(v) < len(b.Value) && b.rank == 5) {
				b.rank, b.Value, b.Signal = rank, v, signal
			} else if signal == "og:title" && len(withoutQuotes(v)) > len(withoutQuotes(b.Value))+1 {
				b.Value = v
			}
			if n != nil && b.Node == nil {
				b.Node = n
			}
			return
		}
		ballots = append(ballots, &ballot{Candidate: Candidate{Value: v, Signal: signal, Node: n}, key: k, weight: weight, rank: rank, places: []string{signal}})
	}
	og := trimSigns(r.withoutSite(r.meta("og:title")))
	full := ""
	if t.title >= 0 {
		full = r.withoutSite(titleText(t.e[t.title].n))
	}
	fullKey, ogKey := squash(full), squash(og)
	l := r.linked()
	known := full + " " + og // what others print
	if l.main != nil && (l.sure || l.articles == 1) {
		known += " " + l.main.get("headline").text()
	}
	many, aside := 0, 0
	for _, i := range t.h {
		if t.e[i].atom == atom.H2 && len(ogKey) > 11 && t.e[i].chars < 300 && !t.beside(i) && strings.Contains(squash(t.text(i)), ogKey) {
			aside = 2 // the headline is set as another heading
		}
		if t.e[i].atom == atom.H1 && t.e[i].chars > 0 {
			if t.beside(i) {
				aside++
			} else {
				many++
			}
		}
	}
	// The only heading is the headline wherever it stands, when others print it.
	headed := func(i int32) bool {
		if !t.beside(i) {
			return true
		}
		k := squash(t.text(i))
		return many == 0 && aside == 1 && len(k) > 11 && (k == ogKey || k == squash(l.main.get("headline").text()) || strings.HasPrefix(fullKey, k))
	}
	above := t.firstParagraph()
	own := ""             // the key of the only heading, when it stands above the text
	agreeing := many == 1 // a heading says what <title> says
	h1s := 0
	for _, i := range t.h {
		x := &t.e[i]
		if x.atom != atom.H1 || x.chars == 0 || x.chars > 400 || len(ballots) > 40 {
			continue
		}
		s := trimSigns(t.text(i))
		if bare, ok := t.withoutKicker(i); ok {
			// The kicker belongs to the title when others print it so.
			if k := squash(s); k != squash(r.meta("og:title")) {
				add(bare, "h1 without kicker", 1.9, 9, x.n)
				h1s++
				continue
			}
			add(s, "h1", 1.9, 4, x.n)
			h1s++
			continue
		}
		shown := headed(i)
		if shown && sharesWords(s, full+" "+og) {
			agreeing = true
		}
		switch {
		case !shown:
			add(s, "h1 aside", .3, 1, x.n)
		case t.brand(i):
			add(s, "h1 of the site", .2, 1, x.n)
		case full != "" && many > 1 && !sharesWords(s, known):
			add(s, "h1 that <title> does not know", .55, 8, x.n)
		case h1s == 0:
			h1s++
			if part := t.childReading(i, ogKey); part != "" {
				add(part, "h1 without kicker", 1.6, 9, x.n)
				continue
			}
			w := 1.0
			if len(squash(s)) < 12 {
				w = .9
			} else if full != "" && sharesWords(s, known) || full == "" {
				w = h1Weight
			} else if many == 1 && x.chars > 25 {
				w = 1.2
			}
			add(s, "h1", w, 9, x.n)
			if many < 2 && i < above {
				own = squash(s)
			}
		default:
			h1s++
			add(s, "h1 again", .6, 8, x.n)
		}
	}
	for _, i := range t.prop {
		x := &t.e[i]
		if p := attr(x.n, "itemprop"); (p == "headline" || strings.HasPrefix(p, "headline ") || strings.HasSuffix(p, " headline")) && x.chars > 0 && x.chars < 400 && !t.beside(i) {
			add(t.text(i), "itemprop headline", .7, 7, x.n)
			break
		}
	}
	add(og, "og:title", .8, 5, nil)
	if l.main != nil {
		w := .7
		if !l.sure && l.articles > 1 {
			w = .2
		}
		add(l.main.get("headline").text(), "json-ld headline", w, 6, nil)
		if l.main.get("headline") == nil {
			add(l.main.get("name").text(), "json-ld name", w, 6, nil)
		}
	}
	add(r.withoutSite(r.meta("twitter:title")), "twitter:title", .4, 4, nil)
	add(r.meta("parsely-title", "sailthru.title", "dc.title", "dcterms.title", "cxenseparse:title", "citation_title", "fb_title"), "meta title", .4, 4, nil)
	add(full, "title", .5, 2, nil)
	for n, p := range titleParts(full) {
		add(p, "part of title", .45-.1*float64(n), 2, nil)
	}
	for n, p := range titleParts(og) {
		add(p, "part of og:title", .3-.1*float64(n), 3, nil)
	}
	var kickered []string // h2 that are the headline and a kicker
	{
		n := 0
		for _, i := range t.h {
			x := &t.e[i]
			if x.atom == atom.H2 && h1s == 0 && x.chars < 300 && !t.beside(i) {
				if part := t.childReading(i, ogKey); part != "" {
					add(part, "h2 without kicker", .6, 7, x.n)
					kickered = append(kickered, squash(t.text(i)))
					continue
				}
			}
			if bare, ok := t.withoutKicker(i); ok && x.atom == atom.H2 && x.chars < 300 && len(bare) > 11 && strings.Contains(ogKey, squash(bare)) {
				add(bare, "h2 without kicker", .6, 7, x.n)
				continue
			}
			if x.atom == atom.H2 && x.chars > 0 && x.chars < 300 && (h1s == 0 || x.chars > 11 && strings.Contains(fullKey, squash(t.text(i)))) && !t.beside(i) {
				w := .25
				if x.hint&hTitle != 0 {
					w = .5
				}
				if n == 0 {
					w += .15
				}
				add(t.text(i), "h2", w, 7, x.n)
				if n++; n == 6 {
					break
				}
			}
		}
	}
	// What stands on the page as a headline by its class only.
	var sections []string // what leads elsewhere, and is no headline then
	if h1s == 0 || !agreeing {
		n := 0
		var partChars []int32
		for _, p := range titleParts(full) {
			chars, _ := measure(p)
			partChars = append(partChars, chars)
		}
		for i := t.body + 1; i > 0 && i < int32(len(t.e)) && n < 40; i++ {
			x := &t.e[i]
			if x.flags&fBlock != 0 && x.own == x.chars && x.own > 20 && slices.Contains(partChars, x.own) {
				if s := t.text(i); strings.HasPrefix(fullKey, squash(s)) && !t.beside(i) {
					add(s, "line that begins <title>", .6, 7, x.n)
					n++
					continue
				}
			}
			if x.hint&hTitle == 0 && !isHeading(x.atom) || x.chars < 8 || x.chars > 300 || x.atom == atom.H1 || x.atom == atom.H2 {
				continue
			}
			n++
			s := t.text(i)
			k := squash(s)
			if k != "" && h1s == 0 && r.leadsElsewhere(i) {
				sections = append(sections, k)
				continue
			}
			if k != "" && strings.Contains(fullKey, k) && !t.beside(i) {
				add(s, "class title", .7, 7, x.n)
			}
		}
	}
	if h1s == 0 && !slices.ContainsFunc(ballots, func(b *ballot) bool { return b.Node != nil }) {
		if i := t.typeset(); i > 0 {
			add(t.text(i), "set as a headline", .6, 7, t.e[i].n)
		}
	}
	r.ownOrOthers(ballots, own, ogKey)
	sites := r.siteKeys()
	for _, b := range ballots {
		if len(b.key) >= 8 {
			if b.key != fullKey && strings.Contains(fullKey, b.key) {
				b.weight += .35
			}
			if b.key != ogKey && strings.Contains(ogKey, b.key) {
				b.weight += .2
			}
		}
		for _, s := range sites {
			if s == b.key {
				b.weight -= 2
				b.Why = "the name of the site"
				break
			}
		}
		if slices.Contains(kickered, b.key) {
			b.weight -= 2
			b.Why = "with a kicker"
		}
		// On the page and in the data for others, while <title> says more.
		if h1s == 0 && b.Node != nil && b.key == ogKey && b.key != fullKey && strings.HasPrefix(b.Signal, "h2") {
			b.weight += .6
		}
		if slices.Contains(sections, b.key) {
			b.weight--
			b.Why = "the name of a section"
		}
		if b.Signal == "h1 again" && len(b.key) > 12 && strings.HasPrefix(fullKey, b.key) {
			b.weight += .5
		}
		// "Kicker: Title" on the page, "Title" for others to print.
		if len(ogKey) > 12 && b.key != ogKey && b.rank == 9 && strings.HasSuffix(b.key, ogKey) && (strings.Contains(b.Value, ": ") || strings.HasPrefix(fullKey, ogKey)) {
			b.weight -= 2
			b.Why = "with a kicker"
		}
		if len(b.key) < 8 {
			b.weight -= .3
		}
	}
	sort.SliceStable(ballots, func(i, j int) bool { return ballots[i].weight > ballots[j].weight })
	out := make([]Candidate, 0, len(ballots))
	for _, b := range ballots {
		b.Score = min(1, max(0, b.weight/1.2))
		if len(out) == 0 && b.weight > -.5 {
			b.Score = max(b.Score, Plausible)
		}
		if b.Why == "" && len(b.places) > 1 {
			b.Why = "also " + strings.Join(b.places, ", ")
		}
		out = append(out, b.Candidate)
	}
	r.memo.title = out
	if len(ballots) > 0 {
		r.findHeadline(ballots[0].key)
	}
	return out
}

// ownOrOthers settles what the vote cannot: the page has one heading, and
// others are given another headline. One in other words was written for search
// engines and networks, and the page's own stands. One in nearly the same
// words, that several networks are given, is the same headline edited.
func (r *Reading) ownOrOthers(ballots []*ballot, own, others string) {
	if len(own) < 12 || len(others) < 12 || strings.Contains(own, others) || strings.Contains(others, own) {
		return
	}
	var h, o *ballot
	for _, b := range ballots {
		switch b.key {
		case own:
			h = b
		case others:
			o = b
		}
	}
	if h == nil || o == nil || h.Signal != "h1" || len(titleWords(h.Value)) < 3 {
		return
	}
	switch alike := likeness(h.Value, o.Value); {
	case alike < .5:
		h.weight += 1.2
	case alike >= .7 && slices.Contains(o.places, "twitter:title") && !slices.Contains(o.places, "title"):
		o.weight += 1.2
	}
}

// likeness is the share of words that two lines have in common, in order.
func likeness(a, b string) float64 {
	x, y := titleWords(a), titleWords(b)
	if len(x) > 100 || len(y) > 100 {
		return 0
	}
	common := make([]int, len(y)+1) // of the words of x so far with each beginning of y
	for _, w := range x {
		before := 0
		for j := range y {
			above := common[j+1]
			if w == y[j] {
				common[j+1] = before + 1
			} else {
				common[j+1] = max(common[j+1], common[j])
			}
			before = above
		}
	}
	return 2 * float64(common[len(y)]) / float64(len(x)+len(y))
}

func titleWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) })
}

// firstParagraph is the first paragraph of some length, or what is behind the
// page when it has none.
func (t *tree) firstParagraph() int32 {
	for i := t.body + 1; i > 0 && i < int32(len(t.e)); i++ {
		if x := &t.e[i]; x.atom == atom.P && x.own > 200 && x.ownLink*2 < x.own {
			return i
		}
	}
	return int32(len(t.e))
}

// trimSigns cuts off a sign that parted a title from what is not there.
func trimSigns(s string) string {
	for _, sign := range [...]string{"|", "-", "–", "—", "::", "·", "•"} {
		s = strings.TrimSuffix(s, " "+sign)
	}
	return s
}

func withoutQuotes(s string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("\"'„“”«»‘’‚‹›", c) {
			return -1
		}
		return c
	}, s)
}

// findHeadline finds where the winning title stands on the page.
func (r *Reading) findHeadline(key string) {
	t := r.tree
	if t.body < 0 {
		return
	}
	best := int32(-1)
	for _, i := range t.h {
		x := &t.e[i]
		if x.chars == 0 || x.chars > 500 || i < t.body {
			continue
		}
		k := squash(t.text(i))
		if k == key || len(k) > 16 && (strings.Contains(key, k) || strings.Contains(k, key)) {
			if x.atom == atom.H1 {
				best = i
				break
			}
			if best < 0 && !t.beside(i) {
				best = i
			}
		}
	}
	if best < 0 && len(r.memo.title) > 0 && r.memo.title[0].Node != nil {
		for i := range t.e {
			if t.e[i].n == r.memo.title[0].Node {
				best = int32(i)
				break
			}
		}
	}
	if best < 0 {
		for i := t.body + 1; i < int32(len(t.e)); i++ {
			x := &t.e[i]
			if x.chars < int32(len(key)/4) || x.chars > int32(len(key)+40) || x.flags&fBlock == 0 && x.hint&hTitle == 0 {
				continue
			}
			if squash(t.text(i)) == key && !t.beside(i) {
				best = i
				break
			}
		}
	}
	r.memo.headline = best
}

// headline is the element that shows the title, -1 when none does.
func (r *Reading) headline() int32 {
	r.Title()
	return r.memo.headline
}

// isTitle reports whether a text is the headline.
func (r *Reading) isTitle(s string) bool {
	c := r.Title()
	return len(c) > 0 && squash(s) == squash(c[0].Value)
}

// beside reports whether an element stands in a part of the page that is
// never the article, whatever its mass.
func (t *tree) beside(i int32) bool {
	for j := i; j >= 0; j = t.e[j].parent {
		x := &t.e[j]
		switch x.atom {
		case atom.Nav, atom.Footer, atom.Aside, atom.Dialog:
			return true
		case atom.Body, atom.Html, atom.Main, atom.Article:
			return false
		}
		if x.flags&fHidden != 0 {
			return true
		}
		if x.hint&(hNav|hFooter|hRelated|hComment|hConsent|hForm|hPaywall) != 0 && x.hint&(hBody|hTitle) == 0 && j != i && x.chars < 3000 {
			return true
		}
	}
	return false
}

// titleParts splits a <title> at its separators, the longest part first.
func titleParts(s string) []string {
	parts := []string{}
	last := 0
	for i := 0; i < len(s); i++ {
		for _, sep := range [...]string{" | ", " - ", " – ", " — ", " :: ", " « ", " » ", " · ", " • ", " / ", " : ", "|", " ‹ ", " › ", " ~ ", " -- "} {
			if strings.HasPrefix(s[i:], sep) {
				parts = append(parts, strings.TrimSpace(s[last:i]))
				i += len(sep) - 1
				last = i + 1
				break
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	parts = append(parts, strings.TrimSpace(s[last:]))
	// All but the last part may be the headline too, when it holds a separator.
	if len(parts) > 2 {
		if i := strings.LastIndex(s, parts[len(parts)-1]); i > 0 {
			parts = append(parts, strings.TrimRight(s[:i], " |-–—:«»·•/‹›~"))
		}
	}
	sort.SliceStable(parts, func(i, j int) bool { return len(parts[i]) > len(parts[j]) })
	if len(parts) > 3 {
		parts = parts[:3]
	}
	return parts
}

// siteKeys are the squashed names of the site: as it calls itself, and as its
// host is called.
func (r *Reading) siteKeys() []string {
	if r.memo.sites != nil {
		return r.memo.sites
	}
	keys := []string{}
	add := func(k string) {
		if len(k) > 2 {
			keys = append(keys, k)
		}
	}
	for _, c := range r.SiteName() {
		add(squash(c.Value))
	}
	host := ""
	if u := r.page.URL; u != nil {
		host = u.Hostname()
	} else if c := r.Canonical(); len(c) > 0 {
		if u, err := url.Parse(c[0].Value); err == nil {
			host = u.Hostname()
		}
	}
	host = strings.TrimPrefix(host, "www.")
	if host != "" {
		add(squash(host))
		// name, name.country, the parts below it
		if i := strings.LastIndexByte(host, '.'); i > 0 {
			host = host[:i]
			for _, s := range [...]string{".com", ".co", ".gov", ".org", ".net", ".gv", ".ac", ".edu"} {
				host = strings.TrimSuffix(host, s)
			}
			add(squash(host))
			if i := strings.LastIndexByte(host, '.'); i >= 0 {
				add(squash(host[i+1:]))
			}
		}
	}
	r.memo.sites = keys
	return keys
}

// withoutSite cuts the name of the site off the end or the beginning of a title.
func (r *Reading) withoutSite(s string) string {
	keys := r.siteKeys()
	isSite := func(part string) bool {
		k := squash(part)
		for _, key := range keys {
			if k == key {
				return true
			}
		}
		return k == ""
	}
	for range 3 {
		cut := false
		for _, sep := range [...]string{" | ", " - ", " – ", " — ", " :: ", " « ", " » ", " · ", " • ", "|", ": ", " / ", " on "} {
			if !strings.Contains(s, sep) {
				continue
			}
			if i := strings.LastIndex(s, sep); i > 0 && isSite(s[i+len(sep):]) {
				s, cut = strings.TrimSpace(s[:i]), true
			}
			if i := strings.Index(s, sep); i > 0 && sep != " on " && isSite(s[:i]) {
				s, cut = strings.TrimSpace(s[i+len(sep):]), true
			}
		}
		if !cut {
			break
		}
	}
	return s
}

// withoutKicker returns the text of a heading without the parts whose class
// calls them a kicker, when there are any beside others.
func (t *tree) withoutKicker(i int32) (string, bool) {
	x := &t.e[i]
	var rest []string
	found := false
	for c := i + 1; c < x.end; {
		y := &t.e[c]
		if y.hint&hSection != 0 && y.chars > 0 {
			found = true
		} else if y.end > c+1 && y.own == 0 && y.flags&fBlock != 0 {
			c++
			continue
		} else if y.chars > 2 {
			rest = append(rest, t.text(c))
		}
		c = y.end
	}
	bare := strings.Join(rest, " ")
	if !found || int32(len(bare))*5 < x.chars*2 {
		return "", false
	}
	return bare, true
}

// leadsElsewhere reports headings that are one link to another page.
func (r *Reading) leadsElsewhere(i int32) bool {
	t := r.tree
	x := &t.e[i]
	if r.page.URL == nil || x.links != 1 || x.link*5 < x.chars*4 {
		return false
	}
	for c := i; c < x.end; c++ {
		if t.e[c].atom != atom.A {
			continue
		}
		href := attr(t.e[c].n, "href")
		p, ok := pathOf(href)
		if !ok || strings.HasPrefix(href, "#") || strings.HasPrefix(href, "javascript:") {
			return false
		}
		return !slices.Contains(r.pagePaths(), p)
	}
	return false
}

// typeset returns the line before the first prose that is set as a headline:
// by its class, or in large letters, where nobody used a heading; -1 when
// there is none.
func (t *tree) typeset() int32 {
	large := int32(-1)
	for i := t.body + 1; i > 0 && i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if x.flags&fHidden != 0 || x.atom == atom.Nav || x.hint&(hNav|hFooter|hRelated) != 0 && x.chars < 3000 {
			i = x.end - 1
			continue
		}
		if x.atom == atom.P && x.own > 200 {
			break
		}
		if x.chars < 20 || x.chars > 250 || x.link*2 > x.chars {
			continue
		}
		if x.hint&hTitle != 0 && x.hint&(hBrand|hLead) == 0 {
			return i
		}
		if size := attr(x.n, "size"); large < 0 && x.atom == atom.Font && (size >= "4" && size <= "7" || size == "+1" || size == "+2" || size == "+3") {
			large = i
		}
	}
	return large
}

// brand reports headings that are the name of the site: they lead to its front
// page, or are called so.
func (t *tree) brand(i int32) bool {
	x := &t.e[i]
	for c := i; c < x.end; c++ {
		y := &t.e[c]
		if y.hint&hBrand != 0 {
			return true
		}
		if y.atom == atom.A && y.link*5 >= x.chars*4 && frontPage(attr(y.n, "href")) {
			return true
		}
	}
	if p := x.parent; p >= 0 {
		y := &t.e[p]
		return y.hint&hBrand != 0 && y.chars < 200 || y.atom == atom.A && frontPage(attr(y.n, "href"))
	}
	return false
}

// frontPage reports links to the root of a host.
func frontPage(href string) bool {
	href = strings.TrimSpace(href)
	if i := strings.LastIndex(href, "://"); i > 0 {
		href = href[i+3:]
		j := strings.IndexByte(href, '/')
		return j < 0 || j == len(href)-1
	}
	return href == "/" || href == "./" || href == "index.html" || href == "/index.html" || href == "index.php" || href == "/index.php"
}

// sharesWords reports whether half of the words of a heading stand in the
// titles that others print; a heading of few words must stand there whole.
func sharesWords(heading, titles string) bool {
	words := titleWords(heading)
	known := map[string]bool{}
	for _, w := range titleWords(titles) {
		known[w] = true
	}
	if len(words) < 5 {
		return strings.Contains(squash(titles), squash(heading))
	}
	n := 0
	for _, w := range words {
		if known[w] {
			n++
		}
	}
	return n*2 >= len(words)
}

// childReading returns the text of the element inside a heading that reads
// like the key and leaves out a part of the heading, "" when there is none.
func (t *tree) childReading(i int32, key string) string {
	if len(key) < 12 {
		return ""
	}
	for c := i + 1; c < t.e[i].end; c++ {
		y := &t.e[c]
		if y.chars+3 < t.e[i].chars && int(y.chars) <= len(key) && int(y.chars)*2 > len(key) {
			if s := t.text(c); squash(s) == key {
				return s
			}
		}
	}
	return ""
}
