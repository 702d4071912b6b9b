package change

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"luutin/extract"
)

const long = "Sáng 19/01, Bộ đã tổ chức hội nghị triển khai công tác năm tại Hà Nội. Bộ trưởng đề nghị các đơn vị chủ động phối hợp, báo cáo kịp thời và không né tránh khi thực hiện nhiệm vụ. Trong năm qua toàn ngành đã giải quyết 1.250 vụ việc, tăng 12 phần trăm so với năm trước, và đào tạo thêm nhiều cán bộ ở địa phương."

func TestKinds(t *testing.T) {
	at := time.Date(2018, 1, 19, 14, 39, 0, 0, time.FixedZone("", 7*3600))
	later := at.Add(time.Hour)
	base := extract.Article{Title: "Không né tránh khi thực hiện nhiệm vụ", Body: long, Published: &at}
	for _, c := range []struct {
		name string
		edit func(*extract.Article)
		want []Kind
	}{
		{"nothing", func(*extract.Article) {}, nil},
		{"a letter", func(a *extract.Article) { a.Body = strings.Replace(long, "triển khai", "triễn khai", 1) }, []Kind{Typo}},
		{"a comma and a blank", func(a *extract.Article) { a.Body = strings.Replace(long, "phối hợp,", "phối hợp ,", 1) }, []Kind{Typo}},
		{"capitals in the title", func(a *extract.Article) { a.Title = strings.ToUpper(a.Title) }, []Kind{Typo}},
		{"a figure", func(a *extract.Article) { a.Body = strings.Replace(long, "1.250", "1.260", 1) }, []Kind{Text}},
		{"a sentence", func(a *extract.Article) { a.Body += " Hội nghị kết thúc vào buổi chiều cùng ngày." }, []Kind{Text}},
		{"the headline", func(a *extract.Article) { a.Title = "Bộ triển khai công tác năm" }, []Kind{Headline}},
		{"the time", func(a *extract.Article) { a.Published = &later }, []Kind{DateMoved}},
		{"no time", func(a *extract.Article) { a.Published = nil }, []Kind{DateMoved}},
		{"a file", func(a *extract.Article) {
			a.Attachments = []extract.Attachment{{URL: "http://m.test/a.pdf", Name: "QĐ"}}
		}, []Kind{Attachments}},
		{"nearly all of it", func(a *extract.Article) { a.Body = "Nội dung đang được cập nhật." }, []Kind{Retraction}},
		{"it says so", func(a *extract.Article) { a.Body += "\n\nToà soạn xin rút lại các số liệu nêu trong bài." }, []Kind{Retraction}},
		{"it is gone", func(a *extract.Article) { a.Withdrawn = &later }, []Kind{Deletion}},
		{"headline and text", func(a *extract.Article) {
			a.Title, a.Body = "Bộ triển khai công tác năm", strings.Replace(long, "không né tránh", "phải nhanh chóng hơn", 1)
		}, []Kind{Headline, Text}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			next := base
			c.edit(&next)
			got := Between(&base, &next)
			if !slices.Equal(got.Kinds, c.want) {
				t.Errorf("%v, want %v: %+v", got.Kinds, c.want, got.Fields)
			}
		})
	}
}

func TestReturn(t *testing.T) {
	at := time.Date(2018, 1, 19, 14, 39, 0, 0, time.UTC)
	gone := extract.Article{Title: "Lễ", Body: long, Withdrawn: &at}
	back := gone
	back.Withdrawn = nil
	if got := Between(&gone, &back); !slices.Equal(got.Kinds, []Kind{Return}) || len(got.Fields) != 1 || got.Fields[0].Name != "withdrawn" {
		t.Errorf("%+v, want a return", got)
	}
	back.Body = strings.Replace(long, "1.250", "1.260", 1)
	if got := Between(&gone, &back); !slices.Equal(got.Kinds, []Kind{Text, Return}) {
		t.Errorf("%v, want text and return", got.Kinds)
	}
}

func TestWords(t *testing.T) {
	got := Words("Bộ trưởng đề nghị các đơn vị phối hợp.", "Thứ trưởng đề nghị mọi đơn vị phối hợp.")
	want := []Edit{{"-", "Bộ"}, {"+", "Thứ"}, {"=", " trưởng đề nghị "}, {"-", "các"}, {"+", "mọi"}, {"=", " đơn vị phối hợp."}}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzWords puts the edits together again.
func FuzzWords(f *testing.F) {
	f.Add("a b c", "a c d")
	f.Add("", "\xff \u0301")
	f.Add(long, strings.ToUpper(long))
	f.Fuzz(func(t *testing.T, old, new string) {
		if len(old)+len(new) > 1<<14 {
			return
		}
		var before, after string
		for _, e := range Words(old, new) {
			if e.Op != "+" {
				before += e.Text
			}
			if e.Op != "-" {
				after += e.Text
			}
		}
		if before != old || after != new {
			t.Errorf("edits are %q and %q, not %q and %q", before, after, old, new)
		}
	})
}

func TestLetters(t *testing.T) {
	for n := range 0x110000 - 0x2000 {
		r := letter(n)
		if s := string(r); []rune(s)[0] != r || number(r) != n {
			t.Fatalf("letter %d is %U, which is %d", n, r, number(r))
		}
	}
}

// TestLong compares what has too many words for all of them to be compared
// with all.
func TestLong(t *testing.T) {
	var old, new strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&old, "Đoạn %d: %s\n\n", i, long)
		if i == 700 {
			fmt.Fprintf(&new, "Đoạn %d: %s\n\n", i, strings.Replace(long, "Bộ trưởng", "Thứ trưởng", 1))
			continue
		}
		fmt.Fprintf(&new, "Đoạn %d: %s\n\n", i, long)
	}
	var changed []Edit
	for _, e := range Words(old.String(), new.String()) {
		if e.Op != "=" {
			changed = append(changed, e)
		}
	}
	if want := []Edit{{"-", "Bộ"}, {"+", "Thứ"}}; !slices.Equal(changed, want) {
		t.Errorf("%q, want %q", changed, want)
	}
	if n := len(Words(strings.Repeat(".", 20000), strings.Repeat(", ", 20000))); n != 2 {
		t.Errorf("two texts without anything in common have %d edits", n)
	}
}

// TestMany compares texts of more lines than can all be compared with all: those
// with something in common go on word by word, and nothing takes long.
func TestMany(t *testing.T) {
	var old, new, other []string
	for i := range 60_000 {
		line := fmt.Sprintf("Đoạn %d có chữ.\n", i)
		old, new, other = append(old, line), append(new, line), append(other, fmt.Sprintf("Khác %d hẳn.\n", i))
		if i%50 == 0 {
			new[i] = fmt.Sprintf("Đoạn %d có từ.\n", i)
		}
	}
	edits := Words(strings.Join(old, ""), strings.Join(new, ""))
	var changed []Edit
	for _, e := range edits {
		if e.Op != "=" {
			changed = append(changed, e)
		}
	}
	if want := []Edit{{"-", "chữ"}, {"+", "từ"}}; len(changed) != 2*1200 || !slices.Equal(changed[:2], want) || !slices.Equal(changed[2*700:2*700+2], want) {
		t.Errorf("%d edits, the first %q; want %d of %q", len(changed), changed[:min(len(changed), 8)], 2*1200, want)
	}
	if edits := Words(strings.Join(old, ""), strings.Join(other, "")); len(edits) != 2 {
		t.Errorf("two texts with nothing but numbers in common have %d edits", len(edits))
	}
	a := strings.Repeat("a", 4_000_000)
	if small(Words(a, a+"b")) {
		t.Error("a word of four million letters is a typo")
	}
}

// TestLines puts the edits of lines together again, however few of them may be
// compared.
func TestLines(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var texts [2][]string
		for i := range texts {
			for range rnd.IntN(30) {
				texts[i] = append(texts[i], fmt.Sprintf("%d\n", rnd.IntN(1+rnd.IntN(40))))
			}
		}
		if rnd.IntN(2) == 0 {
			texts[1] = slices.Concat(texts[0][:len(texts[0])/2], texts[1], texts[0][len(texts[0])/2:])
		}
		var before, after string
		left := rnd.IntN(200)
		edits := lines(texts[0], texts[1], &left)
		for i, e := range edits {
			if e.Op != "+" {
				before += e.Text
			}
			if e.Op != "-" {
				after += e.Text
			}
			if i > 0 && edits[i-1].Op == e.Op {
				t.Errorf("%q and %q are one edit", edits[i-1], e)
			}
		}
		if before != strings.Join(texts[0], "") || after != strings.Join(texts[1], "") {
			t.Fatalf("edits of %q and %q are %q", texts[0], texts[1], edits)
		}
	}
}
