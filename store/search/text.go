package search

import (
	"strings"
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
	skip  *[128]bool // words that begin with one of these letters are not folded; nil means none
	buf   []word     // for the words of the next text
}

// words calls yield with each word of s.
func (r *reader) words(s string, yield func(word)) {
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if !inWord(c) {
			i += n
			continue
		}
		end := i + n
		for end < len(s) && !alone(c) {
			next, n := utf8.DecodeRuneInString(s[end:])
			if !inWord(next) && !unicode.Is(unicode.M, next) || alone(next) {
				break
			}
			end += n
		}
		var w word
		skipped := r.skip != nil && c < utf8.RuneSelf && r.skip[c]
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

// alone reports whether a letter is a word for itself: of writing that puts no
// blanks between words.
func alone(c rune) bool {
	return c >= 0x0e00 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

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
