package family

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A writer makes up news: words by Zipf's law, sentences with figures.
type writer struct {
	random *rand.Rand
	zipf   *rand.Zipf
}

func newWriter(seed uint64) *writer {
	r := rand.New(rand.NewPCG(seed, 1))
	return &writer{r, rand.NewZipf(r, 1.1, 4, 6000)}
}

func (w *writer) word() string {
	n := w.zipf.Uint64()
	heads, tails := []string{"b", "ch", "đ", "g", "h", "kh", "l", "m", "ng", "nh", "ph", "qu", "s", "t", "th", "tr", "v", "x"}, []string{"an", "ành", "ăm", "ấp", "ên", "iều", "ong", "ộ", "uyết", "ư", "ước", "ơn"}
	one := func(n uint64) string {
		return heads[n%uint64(len(heads))] + tails[n/uint64(len(heads))%uint64(len(tails))]
	}
	return one(n*2654435761) + one(n)
}

func (w *writer) sentences(n int) (out [][]string) {
	for range n {
		var s []string
		for range 8 + w.random.IntN(20) {
			s = append(s, w.word())
		}
		if w.random.IntN(3) == 0 {
			s[w.random.IntN(len(s))] = fmt.Sprint(w.random.IntN(10000))
		}
		out = append(out, s)
	}
	return out
}

func text(sentences [][]string) string {
	var b strings.Builder
	for _, s := range sentences {
		b.WriteString(strings.Join(s, " ") + ". ")
	}
	return b.String()
}

// reprint is what a paper makes of an agency's text: a credit before it, a word
// in every twenty-five replaced, a sentence in ten left out, one put in, the end
// cut now and then.
func (w *writer) reprint(article [][]string) [][]string {
	out := w.sentences(1)
	for _, s := range article {
		if w.random.IntN(10) == 0 {
			continue
		}
		t := append([]string(nil), s...)
		for i := range t {
			if w.random.IntN(25) == 0 && !strings.ContainsAny(t[i], "0123456789") {
				t[i] = w.word()
			}
		}
		out = append(out, t)
	}
	if w.random.IntN(3) == 0 {
		out = out[:len(out)*5/6]
	}
	return out
}

// bulletins are notices of one template: the same sentences around other
// figures and names.
func (w *writer) bulletins(n int) (out []string) {
	template := w.sentences(14)
	for range n {
		var all [][]string
		for _, s := range template {
			t := append([]string(nil), s...)
			t[w.random.IntN(len(t))], t[w.random.IntN(len(t))] = w.word(), fmt.Sprint(w.random.IntN(100000))
			all = append(all, t)
		}
		out = append(out, text(all))
	}
	return out
}

// TestFamilies measures precision and recall on two thousand articles, every
// tenth of which others reprint, among them two templates of notices.
func TestFamilies(t *testing.T) {
	seed := rand.Uint64()
	w := newWriter(seed)
	var all []*entry
	var story []int // of each entry
	add := func(s string, of int) {
		sketch, ok := Of(s)
		if !ok {
			t.Fatalf("no sketch of %q", s)
		}
		all, story = append(all, &entry{sketch: sketch}), append(story, of)
	}
	for n := range 2000 {
		article := w.sentences(6 + w.random.IntN(25))
		add(text(article), n)
		if n%10 == 0 {
			for range 1 + w.random.IntN(3) {
				add(text(w.reprint(article)), n)
			}
		}
	}
	for k := range 2 {
		for i, s := range w.bulletins(60) {
			add(s, 1_000_000+1000*k+i)
		}
	}
	var right, found, want float64
	group := make([]int, len(all))
	for i := range group {
		group[i] = -1 - i
	}
	for g, members := range unite(len(all), pairs(all)) {
		for _, i := range members {
			group[i] = g
		}
	}
	for i := range all {
		for j := range i {
			same, together := story[i] == story[j], group[i] == group[j]
			if same {
				want++
			}
			if together {
				found++
				if same {
					right++
				}
			}
		}
	}
	precision, recall := right/found, right/want
	t.Logf("seed %d: precision %.4f, recall %.4f of %v pairs", seed, precision, recall, want)
	if precision < .99 || recall < .88 {
		t.Errorf("precision %.4f, recall %.4f; want .99 and .88 at least", precision, recall)
	}
}

// TestSimilarity holds the estimate against the share that was counted.
func TestSimilarity(t *testing.T) {
	seed := rand.Uint64()
	w := newWriter(seed)
	t.Logf("seed %d", seed)
	triples := func(s string) map[string]bool {
		words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '.' })
		set := map[string]bool{}
		for i := 2; i < len(words); i++ {
			set[strings.Join(words[i-2:i+1], " ")] = true
		}
		return set
	}
	var off float64
	const tries = 300
	for range tries {
		article := w.sentences(20)
		a, b := text(article), text(w.reprint(article))
		one, other := triples(a), triples(b)
		both := 0
		for s := range one {
			if other[s] {
				both++
			}
		}
		exact := float64(both) / float64(len(one)+len(other)-both)
		x, _ := Of(a)
		y, _ := Of(b)
		off += math.Pow(x.Similarity(&y)-exact, 2) / tries
	}
	if d := math.Sqrt(off); d > .08 {
		t.Errorf("the estimate is off by %.3f, want .06 or so", d)
	}
}

func TestSketch(t *testing.T) {
	if _, ok := Of("Bộ họp sáng nay."); ok {
		t.Error("a line has a sketch")
	}
	s := text(newWriter(1).sentences(10))
	a, _ := Of(s)
	b, _ := Of(strings.ToUpper(strings.ReplaceAll(s, ".", " – ")))
	if a != b {
		t.Error("capitals and marks make a difference")
	}
}
