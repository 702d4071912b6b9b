package dom

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// known is one sentence with every tone on many vowels, as it is typed in each
// of the encodings. The first is what all of them must be read as.
const known = "Sáng nay, Bộ trưởng đã chủ trì hội nghị trực tuyến về cải cách thủ tục hành chính; đại biểu các tỉnh, thành phố nêu những khó khăn, vướng mắc và kiến nghị sửa đổi quy định, nhằm phục vụ người dân và doanh nghiệp tốt hơn."

// As a person with the font .VnTime typed it: each rune is a byte of TCVN3.
const knownTCVN3 = "S¸ng nay, Bé tr\u00adëng ®· chñ tr× héi nghÞ trùc tuyÕn vÒ c¶i c¸ch thñ tôc hµnh chÝnh; ®¹i biÓu c¸c tØnh, thµnh phè nªu nh÷ng khã kh¨n, v\u00adíng m¾c vµ kiÕn nghÞ söa ®æi quy ®Þnh, nh»m phôc vô ng\u00adêi d©n vµ doanh nghiÖp tèt h¬n."

// And with the font VNI-Times.
const knownVNI = "Saùng nay, Boä tröôûng ñaõ chuû trì hoäi nghò tröïc tuyeán veà caûi caùch thuû tuïc haønh chính; ñaïi bieåu caùc tænh, thaønh phoá neâu nhöõng khoù khaên, vöôùng maéc vaø kieán nghò söûa ñoåi quy ñònh, nhaèm phuïc vuï ngöôøi daân vaø doanh nghieäp toát hôn."

func latin1(t *testing.T, s string) []byte {
	t.Helper()
	b, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVietnameseBeforeUnicode(t *testing.T) {
	// windows-1258 has the vowels with their quality, and the tones behind them.
	var in1258 strings.Builder
	for _, r := range known {
		base, tone := r, rune(0)
		for _, d := range norm.NFD.String(string(r)) {
			switch d {
			case '\u0300', '\u0301', '\u0303', '\u0309', '\u0323':
				tone = d
			}
		}
		if tone != 0 {
			bare := strings.ReplaceAll(norm.NFD.String(string(r)), string(tone), "")
			base = []rune(norm.NFC.String(bare))[0]
		}
		in1258.WriteRune(base)
		if tone != 0 {
			in1258.WriteRune(tone)
		}
	}
	b1258, err := charmap.Windows1258.NewEncoder().Bytes([]byte(in1258.String()))
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(head string, text []byte) []byte {
		return []byte("<html><head>" + head + "</head><body><p>" + string(text) + "</p></body></html>")
	}
	for _, c := range []struct {
		name, contentType string
		body              []byte
		enc               string
	}{
		{"TCVN3 without a label", "text/html", wrap("", latin1(t, knownTCVN3)), "tcvn3"},
		{"TCVN3 that says it is Western", "text/html; charset=iso-8859-1", wrap("", latin1(t, knownTCVN3)), "tcvn3"},
		{"TCVN3 that says it is UTF-8", "text/html; charset=utf-8", wrap("", latin1(t, knownTCVN3)), "tcvn3"},
		{"TCVN3 that was made UTF-8", "", wrap("", []byte(`<font face=".VnTime">`+knownTCVN3)), "tcvn3"},
		{"VNI without a label", "", wrap("", latin1(t, knownVNI)), "vni"},
		{"VNI that says it is windows-1252", "", wrap(`<meta charset="windows-1252">`, latin1(t, knownVNI)), "vni"},
		{"VNI that was made UTF-8", "", wrap(`<style>p{font-family:VNI-Times}</style>`, []byte(knownVNI)), "vni"},
		{"windows-1258 without a label", "", wrap("", b1258), "windows-1258"},
		{"windows-1258 with its label", "text/html; charset=windows-1258", wrap("", b1258), "windows-1258"},
	} {
		text, enc, err := Decode(c.body, c.contentType)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := norm.NFC.String(string(text))
		if enc != c.enc || !strings.Contains(got, known) {
			t.Errorf("%s: read as %s:\n%s", c.name, enc, got)
		}
	}
}

func TestOtherTextsAreLeftAlone(t *testing.T) {
	for _, c := range []struct{ name, text, enc string }{
		{"French", strings.Repeat("Le ministre a été reçu à Genève où il a présenté les mesures décidées l'été dernier; après quoi la séance fut levée à côté. ", 3), "windows-1252"},
		{"Portuguese", strings.Repeat("A população não está à espera de uma decisão até amanhã; é só isso que há de novo nas regiões e nos municípios. ", 3), "windows-1252"},
		{"Icelandic", strings.Repeat("Þetta er ekki það sem ráðherrann sagði í gær á fundi með fréttamönnum við Austurvöll; síðan fór hún út. ", 3), "windows-1252"},
	} {
		text, enc, err := Decode(latin1(t, c.text), "text/html; charset=iso-8859-1")
		if err != nil || enc != c.enc || string(text) != c.text {
			t.Errorf("%s: read as %s: %v\n%s", c.name, enc, err, text)
		}
	}
	text := `<p style="font-family:'VNI-Times'">` + known
	if got, enc, _ := Decode([]byte(text), ""); enc != "utf-8" || string(got) != text {
		t.Errorf("Unicode that names an old font: read as %s: %s", enc, got)
	}
}
