// Package corpus writes as many Vietnamese news articles as are asked for, in
// order to measure what becomes of an archive when it grows. Nobody wrote the
// texts: the syllables are spelled as Vietnamese is, words are one to three of
// them and as unevenly frequent as words are (Zipf), lengths vary as those of
// news do. An article depends on the seed and its number alone.
package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"luutin/extract"
	"luutin/store"
)

// A Corpus makes articles. It is safe for concurrent use once it is made.
type Corpus struct {
	seed  uint64
	words []string
}

var (
	onsets = strings.Fields("b c ch d đ g gh gi h k kh l m n ng ngh nh ph qu r s t th tr v x")
	rimes  = strings.Fields(`a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eo ep et
		ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oac oai oan oang oat oc oe oi om on ong op ot
		ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uât uc ui um un ung uôc uôi uôm uôn uông uôt up ut uy uyên uyêt
		ư ưa ưc ưng ươc ươi ươm ươn ương ươp ươt ưt ưu`)
	tones      = []string{"", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
	ministries = []string{"Bộ Tư pháp", "Bộ Tài chính", "Bộ Y tế", "Bộ Công an", "Bộ Nội vụ", "Bộ Xây dựng", "Bộ Công Thương", "Bộ Quốc phòng", "Bộ Ngoại giao", "Bộ Khoa học và Công nghệ"}
	sections   = []string{"Thời sự", "Chính sách mới", "Hoạt động của Bộ", "Chỉ đạo, điều hành", "Đối ngoại", "Văn bản", "Hỏi đáp", "Cải cách hành chính", "Kinh tế", "Xã hội"}
)

// New returns the corpus of a seed.
func New(seed uint64) *Corpus {
	r := rand.New(rand.NewPCG(seed, 0))
	var syllables []string
	for _, o := range onsets {
		for _, rime := range rimes {
			front := strings.HasPrefix(rime, "e") || strings.HasPrefix(rime, "ê") || strings.HasPrefix(rime, "i")
			if strings.Contains(" c g ng ", " "+o+" ") && front || strings.Contains(" k gh ngh ", " "+o+" ") && !front ||
				o == "qu" && strings.HasPrefix(rime, "u") || o == "gi" && strings.HasPrefix(rime, "i") {
				continue
			}
			for _, t := range tones {
				stopped := strings.HasSuffix(rime, "c") || strings.HasSuffix(rime, "ch") || strings.HasSuffix(rime, "p") || strings.HasSuffix(rime, "t")
				if stopped && t != "\u0301" && t != "\u0323" || r.IntN(10) < 4 {
					continue
				}
				syllables = append(syllables, o+withTone(rime, t, false))
			}
		}
	}
	r.Shuffle(len(syllables), func(i, j int) { syllables[i], syllables[j] = syllables[j], syllables[i] })
	c := &Corpus{seed: seed}
	zipf := rand.NewZipf(r, 1.2, 40, uint64(len(syllables)-1))
	seen := map[string]bool{}
	for len(c.words) < 30_000 {
		n := 1
		if x := r.IntN(100); x >= 20 {
			n = 2
		} else if x >= 15 {
			n = 3
		}
		if len(c.words) < 60 {
			n = 1
		}
		var parts []string
		for range n {
			parts = append(parts, syllables[zipf.Uint64()])
		}
		if w := strings.Join(parts, " "); !seen[w] {
			seen[w] = true
			c.words = append(c.words, w)
		}
	}
	return c
}

// withTone puts a mark of tone on a rime, in the old or the new place.
func withTone(rime, tone string, other bool) string {
	vowels := []rune(rime)
	var at []int
	for i, v := range vowels {
		if strings.ContainsRune("aăâeêioôơuưy", v) {
			at = append(at, i)
		}
	}
	place := at[0]
	shaped := -1
	for _, i := range at {
		if strings.ContainsRune("ăâêôơư", vowels[i]) {
			shaped = i
		}
	}
	closed := at[len(at)-1] < len(vowels)-1
	switch {
	case shaped >= 0:
		place = shaped
	case len(at) == 3 || len(at) == 2 && closed:
		place = at[1]
	case other && (rime == "oa" || rime == "oe" || rime == "uy"):
		place = at[1]
	}
	return norm.NFC.String(string(vowels[:place+1]) + tone + string(vowels[place+1:]))
}

// OtherTones returns a text with the marks of tone of hòa, hòe and thúy where
// others put them: hoà, hoè, thuý.
func OtherTones(s string) string {
	fields := strings.Split(s, " ")
	for i, f := range fields {
		if strings.HasPrefix(f, "q") {
			continue
		}
		d := norm.NFD.String(f)
		for _, pair := range []string{"oa", "oe", "uy"} {
			for _, t := range tones[1:] {
				if head, ok := strings.CutSuffix(d, pair[:1]+t+pair[1:]); ok {
					fields[i] = norm.NFC.String(head + pair + t)
				}
			}
		}
	}
	return strings.Join(fields, " ")
}

// Plain returns a text without marks.
func Plain(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == 'đ':
			return 'd'
		case c == 'Đ':
			return 'D'
		case unicode.Is(unicode.Mn, c):
			return -1
		}
		return c
	}, norm.NFD.String(s))
}

func (c *Corpus) source(i int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(i)+1)) }

// Words returns n words as they follow each other in the texts.
func (c *Corpus) Words(r *rand.Rand, n int) string {
	zipf := rand.NewZipf(r, 1.05, 12, uint64(len(c.words)-1))
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.words[zipf.Uint64()])
	}
	return b.String()
}

func sentence(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// Article returns article i.
func (c *Corpus) Article(i int) *extract.Article {
	r := c.source(i)
	ministry := min(int(r.ExpFloat64()*3), len(ministries)-1)
	site := fmt.Sprintf("bo%d.example", ministry)
	u := fmt.Sprintf("https://%s/tin/%d.html", site, i)
	published := time.Date(2008, 1, 1, 0, 0, 0, 0, time.FixedZone("", 7*3600)).Add(time.Duration(r.IntN(17*365*24*60)) * time.Minute)
	a := &extract.Article{
		ID: extract.ArticleID(u), URL: u, CanonicalURL: u, Site: site, Ministry: extract.Text(ministries[ministry]),
		Section: extract.Text(sections[min(int(r.ExpFloat64()*3), len(sections)-1)]), Language: "vi", Extractor: extract.Version,
		Title: sentence(c.Words(r, 6+r.IntN(6))), Lead: extract.Text(sentence(c.Words(r, 18+r.IntN(15))) + "."),
		Published: &published, PublishedPrecision: "minute", PublishedText: extract.Text(published.Format("02/01/2006 15:04")),
		Fetched: published.Add(time.Hour).UTC(), Authors: []string{sentence(c.Words(r, 2))},
		Provenance: map[string]string{"title": "layout 1", "published": "layout 1", "body": "layout 1"},
	}
	var b strings.Builder
	for p := range 3 + int(r.ExpFloat64()*5) {
		if p > 0 {
			b.WriteString("\n\n")
		}
		for s := range 2 + r.IntN(4) {
			if s > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(sentence(c.Words(r, 8+r.IntN(14))))
			b.WriteByte('.')
		}
	}
	a.Body = b.String()
	a.ContentHash = a.Hash()
	return a
}

// Visit returns the visit that found article i.
func (c *Corpus) Visit(i int) (store.Target, store.Visit) {
	a := c.Article(i)
	return store.Target{URL: a.URL, Site: a.Site, Kind: extract.KindArticle}, store.Visit{
		Result: store.Fetched, Time: a.Fetched, Article: a,
		Capture: &store.Capture{URL: a.URL, Status: 200, ContentType: "text/html", Fetched: a.Fetched, Body: []byte(a.ID)},
	}
}
