package dom

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// TestQuickWays asks the tables what fold and letters take for granted.
func TestQuickWays(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		p := norm.NFC.PropertiesString(string(r))
		if isWhole(r) && (!norm.NFC.IsNormalString(string(r)) || p.CCC() != 0 || !p.BoundaryBefore() || unicode.IsSpace(r) || unwanted(r)) {
			t.Errorf("isWhole(%U), which is not to be taken as it is", r)
		}
		if got := Latin(string(r)); got != 0 && (got != len(string(r)) || !unicode.IsLetter(r) || !isWhole(r)) {
			t.Errorf("Latin(%U) = %d", r, got)
		}
	}
}

// TestFold compares fold with what it says of itself, character by character.
func TestFold(t *testing.T) {
	plainly := func(s string, lines bool) string {
		var b strings.Builder
		pending := ""
		for i, r := range s {
			switch {
			case r == '\n' && lines:
				pending = "\n"
			case unicode.IsSpace(r):
				if pending == "" {
					pending = " "
				}
			case r < ' ' || r == 0x7f || unwanted(r) && !joins(s, i, r):
			default:
				if b.Len() > 0 {
					b.WriteString(pending)
				}
				pending = ""
				b.WriteRune(r)
			}
		}
		return norm.NFC.String(b.String())
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	alphabet := []string{"a", "Z", "0", " ", " ", "\n", "\t", "\r\n", "ế", "e\u0302\u0301", "đ", "\u00a0", "\u200b", "\u00ad", "\u0007", "\u0085", "\u3000", "“", "–", "\u2028", "चि\u200dत", "\u200d", "字", "\u0340", "\u2126", "\U0001f600"}
	for range 100_000 {
		var b strings.Builder
		for range rnd.IntN(9) {
			b.WriteString(alphabet[rnd.IntN(len(alphabet))])
		}
		s := b.String()
		for _, lines := range []bool{false, true} {
			if got, want := fold(s, lines), plainly(s, lines); got != want {
				t.Fatalf("fold(%+q, %v) = %+q, want %+q", s, lines, got, want)
			}
		}
	}
}
