package dom

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Before Unicode, Vietnamese was written in fonts: a letter was whatever its
// font drew in the place of a Western one. Pages of that time name no charset,
// or a Western one, and some went through a converter that made the Western
// letters UTF-8. Two such encodings were in general use, TCVN3 (also called
// ABC, after TCVN 5712:1993) and VNI; windows-1258 was the third, a real
// charset with tone marks of their own.
//
// Which one a text is in is found by trying: the right one makes nearly all
// of its words syllables that Vietnamese has.

// tcvn3 is what the bytes from 0xA1 mean. Letters in capitals with a tone have
// no place of their own: a second font draws them over the small ones.
var tcvn3 = [256]rune{
	0xa1: 'Ă', 0xa2: 'Â', 0xa3: 'Ê', 0xa4: 'Ô', 0xa5: 'Ơ', 0xa6: 'Ư', 0xa7: 'Đ',
	0xa8: 'ă', 0xa9: 'â', 0xaa: 'ê', 0xab: 'ô', 0xac: 'ơ', 0xad: 'ư', 0xae: 'đ',
	0xb5: 'à', 0xb6: 'ả', 0xb7: 'ã', 0xb8: 'á', 0xb9: 'ạ', 0xbb: 'ằ', 0xbc: 'ẳ', 0xbd: 'ẵ', 0xbe: 'ắ', 0xc6: 'ặ',
	0xc7: 'ầ', 0xc8: 'ẩ', 0xc9: 'ẫ', 0xca: 'ấ', 0xcb: 'ậ', 0xcc: 'è', 0xce: 'ẻ', 0xcf: 'ẽ', 0xd0: 'é', 0xd1: 'ẹ',
	0xd2: 'ề', 0xd3: 'ể', 0xd4: 'ễ', 0xd5: 'ế', 0xd6: 'ệ', 0xd7: 'ì', 0xd8: 'ỉ', 0xdc: 'ĩ', 0xdd: 'í', 0xde: 'ị',
	0xdf: 'ò', 0xe1: 'ỏ', 0xe2: 'õ', 0xe3: 'ó', 0xe4: 'ọ', 0xe5: 'ồ', 0xe6: 'ổ', 0xe7: 'ỗ', 0xe8: 'ố', 0xe9: 'ộ',
	0xea: 'ờ', 0xeb: 'ở', 0xec: 'ỡ', 0xed: 'ớ', 0xee: 'ợ', 0xef: 'ù', 0xf1: 'ủ', 0xf2: 'ũ', 0xf3: 'ú', 0xf4: 'ụ',
	0xf5: 'ừ', 0xf6: 'ử', 0xf7: 'ữ', 0xf8: 'ứ', 0xf9: 'ự', 0xfa: 'ỳ', 0xfb: 'ỷ', 0xfc: 'ỹ', 0xfd: 'ý', 0xfe: 'ỵ',
}

// vniMarks are the letters that VNI puts behind a vowel, as the combining
// marks they stand for.
var vniMarks = map[rune]string{
	'ù': "\u0301", 'ø': "\u0300", 'û': "\u0309", 'õ': "\u0303", 'ï': "\u0323",
	'â': "\u0302", 'á': "\u0302\u0301", 'à': "\u0302\u0300", 'å': "\u0302\u0309", 'ã': "\u0302\u0303", 'ä': "\u0302\u0323",
	'ê': "\u0306", 'é': "\u0306\u0301", 'è': "\u0306\u0300", 'ú': "\u0306\u0309", 'ü': "\u0306\u0303", 'ë': "\u0306\u0323",
}

// vniLetters are those that stand for themselves.
var vniLetters = map[rune]rune{
	'ö': 'ư', 'ô': 'ơ', 'ñ': 'đ', 'í': 'í', 'ì': 'ì', 'æ': 'ỉ', 'ó': 'ĩ', 'ò': 'ị', 'î': 'ỵ',
	'Ö': 'Ư', 'Ô': 'Ơ', 'Ñ': 'Đ', 'Í': 'Í', 'Ì': 'Ì', 'Æ': 'Ỉ', 'Ó': 'Ĩ', 'Ò': 'Ị', 'Î': 'Ỵ',
}

// fromTCVN3 reads a text whose bytes were taken for windows-1252 or Latin-1.
func fromTCVN3(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '−' || r == '\u2011' { // what converters make of the soft hyphen
			r = 0xad
		}
		if r < 256 && tcvn3[r] != 0 {
			return tcvn3[r]
		}
		return r
	}, s)
}

// fromVNI does the same for VNI.
func fromVNI(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	before := rune(0)
	for _, r := range s {
		if marks, ok := vniMarks[unicode.ToLower(r)]; ok && carries(before, marks) {
			b.WriteString(marks)
			before = 0
			continue
		}
		if l, ok := vniLetters[r]; ok {
			r = l
		}
		b.WriteRune(r)
		before = unicode.ToLower(r)
	}
	return norm.NFC.String(b.String())
}

// carries reports whether Vietnamese puts the marks on a letter.
func carries(letter rune, marks string) bool {
	switch marks[:2] {
	case "\u0302":
		return letter == 'a' || letter == 'e' || letter == 'o'
	case "\u0306":
		return letter == 'a'
	}
	return strings.ContainsRune("aeouyươ", letter)
}

// fontNames are marks of pages that were written in such fonts.
var fontNames = [][]byte{[]byte("VNI-"), []byte(".VnTime"), []byte(".VnArial")}

// written reports whether a page names a Vietnamese font of that time in its
// first 64 KB. Pages were small then.
func written(body []byte) bool {
	body = body[:min(len(body), 64<<10)]
	for _, name := range fontNames {
		if bytes.Contains(body, name) {
			return true
		}
	}
	return false
}

// legacy returns a text of Western letters as the Vietnamese that it is, and
// the name of the encoding; "" when it is not.
func legacy(body []byte) (text, name string) {
	western := func() string {
		if utf8.Valid(body) {
			return string(body)
		}
		b, _ := charmap.Windows1252.NewDecoder().Bytes(body)
		return string(b)
	}()
	tries := []struct {
		name string
		read func() string
	}{
		{"tcvn3", func() string { return fromTCVN3(western) }},
		{"vni", func() string { return fromVNI(western) }},
	}
	if !utf8.Valid(body) {
		tries = append(tries, struct {
			name string
			read func() string
		}{"windows-1258", func() string {
			b, _ := charmap.Windows1258.NewDecoder().Bytes(body)
			return norm.NFC.String(string(b))
		}})
	}
	best, words := vietnamese(western)
	if words < 12 || best > .8 {
		return "", ""
	}
	for _, try := range tries {
		t := try.read()
		if share, n := vietnamese(t); n >= 12 && share > .85 && share > best {
			best, text, name = share, t, try.name
		}
	}
	return text, name
}

// sample is how much of a text is judged.
const sample = 256 << 10

// vietnamese returns the share of the words with a letter beyond ASCII that
// are Vietnamese syllables, and the number of such words.
func vietnamese(s string) (share float64, words int) {
	if len(s) > sample {
		s = s[:sample]
	}
	good := 0
	inTag := false
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool {
		switch r {
		case '<':
			inTag = true
		case '>':
			inTag = false
			return true
		}
		return inTag || !unicode.IsLetter(r) && !unicode.IsMark(r)
	}) {
		if ascii(word) {
			continue
		}
		words++
		if isSyllable(strings.ToLower(word)) {
			good++
		}
	}
	if words == 0 {
		return 0, 0
	}
	return float64(good) / float64(words), words
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var (
	// initials and finals are the consonants of a syllable, longer ones first.
	initials = []string{"ngh", "ng", "nh", "gh", "gi", "kh", "ph", "qu", "th", "tr", "ch", "b", "c", "d", "đ", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x", ""}
	finals   = []string{"ng", "nh", "ch", "c", "m", "n", "p", "t", ""}
)

// isNucleus reports the vowels of a syllable, without its tone.
func isNucleus(s string) bool {
	switch s {
	case "a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y",
		"ai", "ao", "au", "ay", "âu", "ây", "eo", "êu", "ia", "iê", "iu", "oa", "oă", "oe", "oi", "oo", "ôi", "ơi",
		"ua", "uâ", "uê", "ui", "uô", "uơ", "uy", "ưa", "ươ", "ưi", "ưu", "yê",
		"iêu", "yêu", "oai", "oay", "oao", "oeo", "uây", "uôi", "uya", "uyê", "uyu", "uêu", "ươi", "ươu":
		return true
	}
	return false
}

// isSyllable reports whether a word in small letters is one that Vietnamese
// could have: consonants, vowels with at most one tone, consonants.
func isSyllable(word string) bool {
	tones := 0
	bare := norm.NFC.String(strings.Map(func(r rune) rune {
		switch r {
		case '\u0300', '\u0301', '\u0303', '\u0309', '\u0323':
			tones++
			return -1
		}
		return r
	}, norm.NFD.String(word)))
	if tones > 1 {
		return false
	}
	for _, i := range initials {
		rest, ok := strings.CutPrefix(bare, i)
		if !ok {
			continue
		}
		for _, f := range finals {
			if vowels, ok := strings.CutSuffix(rest, f); ok && isNucleus(vowels) {
				return true
			}
		}
	}
	// "gi" and "qu" lend their vowel: gì, quý
	return bare == "gi" || bare == "gin" || bare == "giêng"
}
