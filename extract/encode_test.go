package extract

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestArticleJSON compares the JSON of articles with what encoding/json writes, and
// so fails for a field that Article.JSON does not know.
func TestArticleJSON(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"a", "ế", "\"", "\\", "\n", "\t", "\x00", "\x7f", "<&>", "\u2028", "\u2027", "\u2029", "\xe2\x80", "\xff", "😀", " "}
	text := func() (s string) {
		for range rnd.IntN(6) {
			s += pieces[rnd.IntN(len(pieces))]
		}
		return s
	}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Unix(rnd.Int64N(4e9), rnd.Int64N(2)*int64(rnd.IntN(1e9))).In(time.FixedZone("", 60*rnd.IntN(900)))
			return
		}
		switch v.Kind() {
		case reflect.String:
			v.SetString(text())
		case reflect.Int:
			v.SetInt(rnd.Int64N(3))
		case reflect.Pointer:
			if rnd.IntN(2) == 0 {
				v.Set(reflect.New(v.Type().Elem()))
				fill(v.Elem())
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(3), 3)) // never nil, which is written as null
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Map:
			if rnd.IntN(4) > 0 {
				v.Set(reflect.ValueOf(map[string]string{text(): text(), text(): text()}))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("an article has a %s", v.Type())
		}
	}
	for range 2000 {
		var a Article
		fill(reflect.ValueOf(&a).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&a); err != nil {
			t.Fatal(err)
		}
		got, err := a.JSON()
		if err != nil || string(got)+"\n" != want.String() {
			t.Fatalf("JSON() = %s, %v, want %s", got, err, want.String())
		}
	}
	var none Article
	if got, _ := none.JSON(); !bytes.Contains(got, []byte(`"aliases":[]`)) {
		t.Errorf("lists of an empty article: %s", got)
	}
	year := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := (&Article{Published: &year}).JSON(); err == nil {
		t.Error("the year 10000 is no error")
	}
}
