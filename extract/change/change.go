// Package change tells what has changed between two versions of an article,
// word by word, and what kind of change it is.
package change

import (
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"

	"luutin/extract"
)

// A Kind is what a change amounts to. A change may be of several.
type Kind string

// The kinds of change.
const (
	Typo        Kind = "typo"        // a few letters, marks or blanks of title, lead or body
	Text        Kind = "text"        // more of the lead or the body
	Headline    Kind = "headline"    // other words in the title
	DateMoved   Kind = "date moved"  // another time of publication
	Source      Kind = "source"      //
	Attachments Kind = "attachments" //
	Retraction  Kind = "retraction"  // most of the text is gone, or it says now that it was withdrawn
	Deletion    Kind = "deletion"    // the page is gone
	Return      Kind = "return"      // it is there again
)

// A Change is the way from one version to another.
type Change struct {
	Kinds  []Kind  `json:"kinds"` // empty when a reader would see the same
	Fields []Field `json:"fields"`
}

// A Field is one that has changed: title, lead, body, published, source,
// attachments or withdrawn.
type Field struct {
	Name  string `json:"name"`
	Edits []Edit `json:"edits"` // all of the text, in order: what stays, what went and what came
}

// An Edit is a piece of text. Op is "=" for what both have, "-" for what only
// the old one has and "+" for what only the new one has.
type Edit struct {
	Op   string `json:"op"`
	Text string `json:"text"`
}

// Between compares two versions of an article, the older first.
func Between(old, new *extract.Article) Change {
	c := Change{Kinds: []Kind{}, Fields: []Field{}}
	add := func(name, before, after string) []Edit {
		if before == after {
			return nil
		}
		edits := Words(before, after)
		c.Fields = append(c.Fields, Field{name, edits})
		return edits
	}
	kind := func(k Kind) {
		if !slices.Contains(c.Kinds, k) {
			c.Kinds = append(c.Kinds, k)
		}
	}
	if edits := add("title", old.Title, new.Title); edits != nil {
		if small(edits) {
			kind(Typo)
		} else {
			kind(Headline)
		}
	}
	lead, body := add("lead", string(old.Lead), string(new.Lead)), add("body", old.Body, new.Body)
	if edits := slices.Concat(lead, body); edits != nil {
		switch {
		case retracts(edits):
			kind(Retraction)
		case small(edits):
			kind(Typo)
		default:
			kind(Text)
		}
	}
	if add("published", moment(old.Published), moment(new.Published)) != nil {
		kind(DateMoved)
	}
	if add("source", string(old.Source), string(new.Source)) != nil {
		kind(Source)
	}
	if add("attachments", files(old), files(new)) != nil {
		kind(Attachments)
	}
	if add("withdrawn", moment(old.Withdrawn), moment(new.Withdrawn)) != nil {
		if new.Withdrawn != nil {
			kind(Deletion)
		} else {
			kind(Return)
		}
	}
	return c
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func files(a *extract.Article) string {
	var lines []string
	for _, f := range a.Attachments {
		lines = append(lines, strings.TrimSpace(f.Name+" "+f.URL))
	}
	return strings.Join(lines, "\n")
}

// most bounds the work of a comparison: words of one text times words of the
// other, or lines. all bounds that of the parts of two long texts together.
const (
	most = 9_000_000
	all  = 10 * most
)

// fits says whether so many words of one text, or lines, are compared with so
// many of another. There are about a million letters.
func fits(n, m int) bool { return n+m <= 1<<20 && n*m <= most }

// Words compares two texts word by word; two long ones paragraph by paragraph,
// and those that differ word by word, as far as that does not take too long: what
// is left is said to be replaced. The edits together are both texts: those
// that are not "+" the old one, those that are not "-" the new one.
func Words(old, new string) []Edit {
	if fits(count(old), count(new)) {
		return compare(split(old), split(new))
	}
	var edits []Edit
	left := all
	rough := lines(strings.SplitAfter(old, "\n"), strings.SplitAfter(new, "\n"), &left)
	for i := 0; i < len(rough); i++ {
		if i+1 < len(rough) && rough[i].Op == "-" && rough[i+1].Op == "+" {
			n, m := count(rough[i].Text), count(rough[i+1].Text)
			if fits(n, m) && n*m <= left {
				left -= n * m
				edits = append(edits, compare(split(rough[i].Text), split(rough[i+1].Text))...)
				i++
				continue
			}
		}
		edits = append(edits, rough[i])
	}
	return edits
}

// lines compares two texts by whole lines. Of very many, those that both have
// once, in the same order, stay, and what lies between two of them is compared.
func lines(old, new []string, left *int) []Edit {
	if fits(len(old), len(new)) && len(old)*len(new) <= *left {
		*left -= len(old) * len(new)
		return compare(old, new)
	}
	var edits []Edit
	add := func(op string, lines []string) {
		text := strings.Join(lines, "")
		if n := len(edits); n > 0 && edits[n-1].Op == op {
			edits[n-1].Text += text
		} else if text != "" {
			edits = append(edits, Edit{op, text})
		}
	}
	i, j := 0, 0
	to := func(k, l int) { // all before the lines k and l
		switch n, m := k-i, l-j; {
		case n == 0 || m == 0 || !fits(n, m) || n*m > *left:
			add("-", old[i:k])
			add("+", new[j:l])
		default:
			*left -= n * m
			for _, e := range compare(old[i:k], new[j:l]) {
				add(e.Op, []string{e.Text})
			}
		}
		i, j = k, l
	}
	stay := func() { // all from here on that is the same
		k := i
		for i < len(old) && j < len(new) && old[i] == new[j] {
			i, j = i+1, j+1
		}
		add("=", old[k:i])
	}
	before := func(k, l int) (int, int) { // where what is the same before the lines k and l begins
		for k > i && l > j && old[k-1] == new[l-1] {
			k, l = k-1, l-1
		}
		return k, l
	}
	stay()
	for _, x := range anchors(old, new) {
		if x.old >= i { // it does not stand in what stayed
			to(before(x.old, x.new))
			stay()
		}
	}
	to(before(len(old), len(new)))
	add("=", old[i:])
	return edits
}

// An anchor is a line that two texts have once.
type anchor struct{ old, new int }

// anchors are as many such lines as are in the same order in both.
func anchors(old, new []string) []anchor {
	const several = -1
	once := func(text []string) map[string]int {
		at := map[string]int{}
		for i, line := range text {
			if _, ok := at[line]; ok {
				i = several
			}
			at[line] = i
		}
		return at
	}
	here, there := once(old), once(new)
	// The longest rising row of what is left, by piles: on each lies the lowest end
	// of a row of its length.
	var candidates []anchor
	var piles, below []int // candidates; the one before a candidate in its row, or -1
	for i, line := range old {
		j, ok := there[line]
		if !ok || j == several || here[line] == several {
			continue
		}
		n, _ := slices.BinarySearchFunc(piles, j, func(c, j int) int { return candidates[c].new - j })
		before := -1
		if n > 0 {
			before = piles[n-1]
		}
		candidates, below = append(candidates, anchor{i, j}), append(below, before)
		if n == len(piles) {
			piles = append(piles, 0)
		}
		piles[n] = len(candidates) - 1
	}
	var row []anchor
	if len(piles) > 0 {
		for c := piles[len(piles)-1]; c >= 0; c = below[c] {
			row = append(row, candidates[c])
		}
	}
	slices.Reverse(row)
	return row
}

func compare(old, new []string) []Edit {
	// Each distinct word is a letter to the library.
	letters := map[string]rune{}
	var words []string
	encode := func(text []string) []rune {
		var out []rune
		for _, w := range text {
			r, ok := letters[w]
			if !ok {
				r = letter(len(words))
				letters[w] = r
				words = append(words, w)
			}
			out = append(out, r)
		}
		return out
	}
	before, after := encode(old), encode(new)
	d := diffmatchpatch.New()
	d.DiffTimeout = 0 // the same texts are always compared in the same way
	diffs := d.DiffCleanupSemantic(d.DiffMainRunes(before, after, false))
	var edits []Edit
	for _, x := range diffs {
		var b strings.Builder
		for _, r := range x.Text {
			b.WriteString(words[number(r)])
		}
		op := map[diffmatchpatch.Operation]string{diffmatchpatch.DiffEqual: "=", diffmatchpatch.DiffDelete: "-", diffmatchpatch.DiffInsert: "+"}[x.Type]
		edits = append(edits, Edit{op, b.String()})
	}
	return edits
}

// The letters are code points that stand in UTF-8 for themselves: neither
// surrogates nor the replacement character.
const firstLetter, surrogates, afterSurrogates, replacement = 0x100, 0xD800, 0xE000, utf8.RuneError

func letter(n int) rune {
	r := rune(n) + firstLetter
	if r >= surrogates {
		r += afterSurrogates - surrogates
	}
	if r >= replacement {
		r++
	}
	return r
}

func number(r rune) int {
	if r > replacement {
		r--
	}
	if r >= afterSurrogates {
		r -= afterSurrogates - surrogates
	}
	return int(r - firstLetter)
}

// split cuts a text into words, blanks and single marks.
func split(text string) []string { return slices.Collect(pieces(text)) }

// count is how many split returns.
func count(text string) (n int) {
	for range pieces(text) {
		n++
	}
	return n
}

func pieces(text string) iter.Seq[string] {
	const (
		other = iota
		blank
		word
	)
	class := func(r rune) int {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			return word
		case unicode.IsSpace(r):
			return blank
		}
		return other
	}
	return func(yield func(string) bool) {
		start, last := 0, -1
		for i, r := range text {
			c := class(r)
			if i > 0 && (c != last || c == other) {
				if !yield(text[start:i]) {
					return
				}
				start = i
			}
			last = c
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// small reports whether edits are what corrects a slip: marks and blanks, or
// up to three words each of which became another by a letter or two.
func small(edits []Edit) bool {
	changed := 0
	for i := 0; i < len(edits); i++ {
		var gone, came string
		for ; i < len(edits) && edits[i].Op != "="; i++ {
			if edits[i].Op == "-" {
				gone += edits[i].Text
			} else {
				came += edits[i].Text
			}
		}
		a, b := wordsOf(gone), wordsOf(came)
		if slices.Equal(a, b) {
			continue
		}
		if changed += max(len(a), len(b)); changed > 3 {
			return false
		}
		from, to := []rune(strings.Join(a, " ")), []rune(strings.Join(b, " "))
		if slices.ContainsFunc(append(slices.Clone(from), to...), unicode.IsDigit) {
			return false // another figure is another statement
		}
		const long = 1000 // letters: nothing that slips
		if len(from) == 0 || len(to) == 0 || len(from) > long || len(to) > long || distance(from, to) > 2 {
			return false
		}
	}
	return true
}

// wordsOf are the words of a text, without regard to capitals.
func wordsOf(text string) (words []string) {
	for w := range pieces(strings.ToLower(text)) {
		if isWord(w) {
			words = append(words, w)
		}
	}
	return words
}

func isWord(piece string) bool {
	r, _ := utf8.DecodeRuneInString(piece)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// distance is Levenshtein's.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// withdrawals are what a text says that takes itself back.
var withdrawals = []string{
	"rút lại", "gỡ bỏ bài", "bài viết đã được gỡ", "thu hồi bài", "ngừng xuất bản", "xin rút bài",
	"has been retracted", "has been withdrawn", "this article was removed", "retraction",
	"article retiré", "zurückgezogen", "artículo retirado",
}

// retracts reports whether most of a text went, or what came says that it was
// withdrawn.
func retracts(edits []Edit) bool {
	var stayed, gone, came int
	for _, e := range edits {
		n := 0
		for w := range pieces(e.Text) {
			if isWord(w) {
				n++
			}
		}
		switch e.Op {
		case "=":
			stayed += n
		case "-":
			gone += n
		case "+":
			came += n
			if n >= 60 {
				break
			}
			lower := strings.ToLower(e.Text)
			if slices.ContainsFunc(withdrawals, func(w string) bool { return strings.Contains(lower, w) }) {
				return true
			}
		}
	}
	return gone >= 40 && stayed+came < (stayed+gone)/4
}
