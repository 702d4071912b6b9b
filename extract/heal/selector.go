package heal

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// This file writes selectors for a node: short ones, of names that the people
// who made the page chose.

// A step is a simple selector with its fragility: 1 is a name that is likely
// to stay.
type step struct {
	css  string
	cost float64
}

var (
	plainName = regexp.MustCompile(`^[A-Za-z_][-A-Za-z0-9_]*$`)
	plainText = regexp.MustCompile(`^[-A-Za-z0-9_:. ]{1,40}$`)
	buildMark = regexp.MustCompile(`^(?:css|sc|jsx|jss|svelte|emotion|styled|ng|tns|data-v|chakra|mantine|makeStyles|tw)-|(?:^|[-_])_?ng(?:content|host)|__[A-Za-z0-9]{5,}$|--[a-f0-9]{5,}$`)
	longDigit = regexp.MustCompile(`\d{3,}`)
	utility   = regexp.MustCompile(`^(?:[mp][trblxyse]?-?\d+|(?:col|row|flex|grid|text|font|bg|border|rounded|justify|items|align|float|pull|gap|order|offset|display|position)(?:-[a-z]{1,8}){0,2}(?:-\d{1,3})?|(?:d|w|h|fs|lh|fw|f|fl|fr|g|mb|mt|z)-?\d{1,3}|(?:d|w|h)-[a-z]+|clearfix|cleafix|clear|fix|left|right|lt|rt|center|container(?:-fluid)?|wrapper|wrap|inner|outer|first|last|odd|even|active|open|show|hide|hidden|visible|fade|in|block|inline|bold|italic|normal|small|large|full|img-responsive|lazy(?:load(?:ed)?)?|mb|mt|fl|fr|fw|mobile|desktop|pc|sp|box)$`)
	telling   = regexp.MustCompile(`(?i)title|headline|tieu-?de|date|time|ngay|publish|sapo|lead|desc|summary|intro|content|body|noi-?dung|detail|article|author|tac-?gia|byline|source|nguon|breadcrumb|category|section|chuyen-?muc|tag|keyword`)
)

// hashed reports names that a build makes anew.
func hashed(name string) bool {
	if buildMark.MatchString(name) && strings.ContainsFunc(name, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsUpper(r) }) {
		return true
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' }) {
		if len(part) < 5 {
			continue
		}
		digits, cases, vowels := 0, 0, 0
		for i, r := range part {
			if strings.ContainsRune("aeiouyAEIOUY", r) {
				vowels++
			}
			if i == 0 {
				continue
			}
			before := rune(part[i-1])
			if unicode.IsDigit(r) != unicode.IsDigit(before) {
				digits++
			}
			if unicode.IsUpper(r) && unicode.IsLower(before) || unicode.IsLower(r) && unicode.IsUpper(before) && i > 1 {
				cases++
			}
		}
		if digits >= 2 || digits == 1 && cases >= 2 || cases >= 3 && len(part) <= 8 || vowels == 0 && len(part) >= 6 && cases > 0 {
			return true
		}
	}
	return false
}

// usable reports whether a name may stand in a selector, and how fragile it is.
func usable(name string) (cost float64, ok bool) {
	if !plainName.MatchString(name) || len(name) > 60 || hashed(name) {
		return 0, false
	}
	cost = 1.2 + float64(len(name))/60
	if longDigit.MatchString(name) {
		cost += 2
	}
	if utility.MatchString(strings.ToLower(name)) {
		cost += 2.5
	} else if telling.MatchString(name) {
		cost -= .2
	}
	return cost, true
}

// markers are attributes by whose value an element is known.
var markers = []string{"itemprop", "data-role", "property", "name", "rel", "role", "data-field", "data-testid", "data-type", "type"}

// semantic are elements whose names say what they hold.
var semantic = map[atom.Atom]float64{
	atom.H1: .8, atom.Time: 1, atom.Article: 1.3, atom.Main: 1.6, atom.H2: 2.4, atom.Address: 2, atom.Header: 2.6, atom.H3: 3,
}

// steps returns simple selectors for one element, the least fragile first.
func steps(n *html.Node) (out []step) {
	add := func(css string, cost float64) { out = append(out, step{css, cost}) }
	tag := n.Data
	if !plainName.MatchString(tag) {
		return nil
	}
	id := strings.TrimSpace(dom.Attr(n, "id"))
	if cost, ok := usable(id); ok {
		add("#"+id, cost-.1)
	}
	for _, key := range markers {
		v := dom.Attr(n, key)
		if v == "" || !plainText.MatchString(v) || hashed(v) || longDigit.MatchString(v) {
			continue
		}
		cost := 1.3
		switch {
		case key == "itemprop":
			cost = 1
		case n.DataAtom == atom.Meta:
			add(tag+"["+key+`="`+v+`"]`, 1.8)
			continue
		case key == "rel" || key == "type" || key == "name":
			cost = 2
		}
		add("["+key+`="`+v+`"]`, cost)
	}
	var classes []step
	seen := 0
	for class := range strings.FieldsSeq(dom.Attr(n, "class")) {
		if seen++; seen > 30 {
			break
		}
		cost, ok := usable(class)
		if !ok || slices.ContainsFunc(classes, func(s step) bool { return s.css == "."+class }) {
			continue
		}
		classes = append(classes, step{"." + class, cost})
		add("."+class, cost)
		add(tag+"."+class, cost+.15)
	}
	slices.SortStableFunc(classes, cheaper)
	if len(classes) > 1 {
		add(classes[0].css+classes[1].css, classes[0].cost+classes[1].cost*.5)
	}
	if cost, ok := semantic[n.DataAtom]; ok {
		add(tag, cost)
	} else if n.DataAtom != atom.Meta {
		add(tag, 3.5)
	}
	slices.SortStableFunc(out, cheaper)
	return out
}

func cheaper(a, b step) int {
	switch {
	case a.cost < b.cost:
		return -1
	case a.cost > b.cost:
		return 1
	}
	return strings.Compare(a.css, b.css)
}

// selectors returns selectors for an element, alone and by what is around it.
func selectors(n *html.Node) (out []step) {
	own := steps(n)
	out = append(out, own[:min(len(own), 10)]...)
	level := 0
	for a := n.Parent; a != nil && a.Type == html.ElementNode && level < 8; a = a.Parent {
		level++
		around := slices.DeleteFunc(steps(a), func(s step) bool { return s.css == a.Data && s.cost > 2 })
		for _, up := range around[:min(len(around), 3)] {
			for _, s := range own[:min(len(own), 5)] {
				cost := .5 + up.cost*.6 + s.cost*.6 + .08*float64(level)
				if s.css == n.Data && semantic[n.DataAtom] == 0 {
					cost += .6
				}
				out = append(out, step{up.css + " " + s.css, cost})
				if level == 1 {
					out = append(out, step{up.css + " > " + s.css, cost + .1})
				}
			}
			if level <= 2 {
				if k := nthOfType(n); level == 1 && k > 0 {
					out = append(out, step{up.css + " > " + n.Data + ":nth-of-type(" + strconv.Itoa(k) + ")", 5 + up.cost})
				}
			}
		}
	}
	if before := previous(n); before != nil {
		for _, b := range steps(before) {
			if len(own) > 0 && b.cost < 2 {
				out = append(out, step{b.css + " + " + own[len(own)-1].css, 2 + b.cost*.6 + own[len(own)-1].cost*.3})
			}
		}
	}
	return out
}

func previous(n *html.Node) *html.Node {
	for n = n.PrevSibling; n != nil && n.Type != html.ElementNode; n = n.PrevSibling {
	}
	return n
}

// nthOfType is the place of an element among its siblings of one name; 0 for a
// name that cannot stand in a selector.
func nthOfType(n *html.Node) int {
	if !plainName.MatchString(n.Data) {
		return 0
	}
	k := 1
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		if s.Type == html.ElementNode && s.Data == n.Data {
			k++
		}
		if k > 30 {
			return 0
		}
	}
	return k
}
