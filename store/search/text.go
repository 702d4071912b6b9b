package search

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A word is one word of a text, a syllable of a Vietnamese one.
type word struct {
	from, to int    // its bytes in the text
	folded   string // in lower case without any mark: what is looked for
	marked   string // the same with its marks, those of tone behind the letters; "" when it has none
}

// A reader cuts texts into words. It remembers how words are folded: a language
// has few of them, and text many. It is for one goroutine.
type reader struct {
	known map[string]word
	skip  *skip  // words that are not folded, as nobody looks for them; nil means none
	buf   []word // for the words of the next text
}

// words calls yield with each word of s.
func (r *reader) words(s string, yield func(word)) {
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if !inWord(c) {
			i += n
			continue
		}
		end, last := i+n, c
		for end < len(s) && !alone(c) {
			next, n := utf8.DecodeRuneInString(s[end:])
			if !inWord(next) && !isMark(next) || alone(next) {
				break
			}
			last = next
			end += n
		}
		var w word
		skipped := r.skip != nil && r.skip.word(c, last)
		if !skipped {
			w = r.fold(s[i:end])
		}
		if skipped || w.folded != "" {
			w.from, w.to = i, end
			yield(w)
		}
		i = end
	}
}

func inWord(c rune) bool {
	if c < utf8.RuneSelf {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	return 0x1ea0 <= c && c <= 0x1eff || unicode.IsLetter(c) || unicode.IsDigit(c)
}

// isMark reports whether a letter is a mark on the one before it.
func isMark(c rune) bool { return c >= 0x0300 && unicode.Is(unicode.M, c) }

// alone reports whether a letter is a word for itself: of writing that puts no
// blanks between words.
func alone(c rune) bool {
	return c >= 0x0e00 && !(0x1e00 <= c && c <= 0x1fff) && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// A skip tells which words need not be folded, by their first and last letters.
type skip struct {
	first, last [128]bool // without marks: those of a word that is looked for
}

// skipOther returns the skip of all words but some.
func skipOther(words []word) *skip {
	s := &skip{}
	for _, w := range words {
		for _, end := range []struct {
			of *[128]bool
			c  byte
		}{{&s.first, w.folded[0]}, {&s.last, w.folded[len(w.folded)-1]}} {
			if end.c >= utf8.RuneSelf { // no Latin letter: whatever it was before it was folded
				for i := range end.of {
					end.of[i] = true
				}
				continue
			}
			end.of[end.c] = true
		}
	}
	return s
}

func (s *skip) word(first, last rune) bool {
	f, l := latin(first), latin(last)
	return f != 0 && !s.first[f] || l != 0 && !s.last[l]
}

// latin returns a Latin letter or a digit as it is folded; 0 is another, or a mark.
func latin(c rune) byte {
	switch {
	case c < utf8.RuneSelf:
		return byte(unicode.ToLower(c))
	case c < 0x0250:
		return latins()[c]
	case 0x1e00 <= c && c < 0x1f00:
		return latins()[c-0x1e00+0x0250]
	}
	return 0
}

// latins are what Latin letters with marks are folded to: those of U+0000 to
// U+024F and of U+1E00 to U+1EFF.
var latins = sync.OnceValue(func() *[0x0350]byte {
	var all [0x0350]byte
	for i := range all {
		c := rune(i)
		if i >= 0x0250 {
			c = rune(i - 0x0250 + 0x1e00)
		}
		if folded := fold(string(c)).folded; len(folded) == 1 {
			all[i] = folded[0]
		}
	}
	return &all
})

const (
	maxKnown = 1 << 16 // words that a reader remembers
	maxWord  = 64      // bytes of a word that are looked at
)

func (r *reader) fold(s string) word {
	if w, ok := r.known[s]; ok {
		return w
	}
	if len(s) > maxWord {
		n := maxWord
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	w := fold(s)
	if r.known == nil || len(r.known) >= maxKnown {
		r.known = map[string]word{}
	}
	r.known[strings.Clone(s)] = w
	return w
}

// fold returns a word without its marks and with them. A mark of tone goes
// behind the letters: hòa and hoà are one word, and so are NFC and NFD.
func fold(s string) word {
	var folded, marked, tones strings.Builder
	for _, c := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case c == '\u0300' || c == '\u0301' || c == '\u0303' || c == '\u0309' || c == '\u0323':
			tones.WriteRune(c)
			continue
		case c == 'đ':
			folded.WriteByte('d')
		case !unicode.Is(unicode.M, c):
			folded.WriteRune(c)
		}
		marked.WriteRune(c)
	}
	w := word{folded: folded.String(), marked: marked.String() + tones.String()}
	if w.marked == w.folded {
		w.marked = ""
	}
	return w
}
