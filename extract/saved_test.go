package extract

import (
	"encoding/binary"
	"testing"
	"testing/fstest"
	"unicode/utf16"
)

func TestSavedWithByteOrderMark(t *testing.T) {
	const line, page = "<!-- url: http://www.bomau.example/tin/1.html -->\n", "<html>Bộ Mẫu"
	wide := func(order binary.AppendByteOrder, s string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune(s)) {
			b = order.AppendUint16(b, unit)
		}
		return string(b)
	}
	for name, c := range map[string]struct{ file, page string }{
		"none":          {line + page, page},
		"UTF-8":         {"\ufeff" + line + page, "\ufeff" + page},
		"UTF-16LE":      {wide(binary.LittleEndian, "\ufeff"+line+page), wide(binary.LittleEndian, "\ufeff"+page)},
		"UTF-16BE":      {wide(binary.BigEndian, "\ufeff"+line+page), wide(binary.BigEndian, "\ufeff"+page)},
		"only the line": {"\ufeff" + line[:len(line)-1], "\ufeff"},
	} {
		p, err := LoadSaved(fstest.MapFS{"1.html": {Data: []byte(c.file)}}, "1.html")
		if err != nil || p.URL != "http://www.bomau.example/tin/1.html" || string(p.Body) != c.page {
			t.Errorf("%s: %q of %q, %v; want %q", name, p.Body, p.URL, err, c.page)
		}
	}
	if _, err := LoadSaved(fstest.MapFS{"1.html": {Data: []byte("\xff\xfeo\x00")}}, "1.html"); err == nil {
		t.Error("a page without a URL has one")
	}
}
