package search_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/search"
	"luutin/testdata/corpus"
)

// A shelf is an archive with its index.
type shelf struct {
	*testing.T
	dir     string
	archive *bolt.Archive
	index   *search.Index
	n       int
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{T: t, dir: t.TempDir()}
	var err error
	if s.archive, err = bolt.Open(s.dir, bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.archive.Close() })
	s.open()
	t.Cleanup(func() { s.index.Close() })
	return s
}

func (s *shelf) open() {
	s.Helper()
	var err error
	if s.index, err = search.Open(s.dir, s.archive, search.Options{}); err != nil {
		s.Fatal(err)
	}
}

// put keeps an article: title, text, and what else is set.
func (s *shelf) put(title, body string, set func(*extract.Article)) {
	s.Helper()
	s.n++
	published := time.Date(2020, 1, s.n, 9, 0, 0, 0, time.FixedZone("", 7*3600))
	a := &extract.Article{Title: title, Body: body, Site: "bo.example", Ministry: "Bộ Tư pháp", Published: &published, PublishedPrecision: "minute"}
	a.CanonicalURL = fmt.Sprintf("https://bo.example/%d.html", s.n)
	if set != nil {
		set(a)
	}
	a.URL, a.ID = a.CanonicalURL, extract.ArticleID(a.CanonicalURL)
	a.ContentHash = a.Hash()
	a.Fetched = time.Date(2024, 1, 1, 0, 0, s.n, 0, time.UTC)
	_, err := s.archive.Record(context.Background(), store.Target{URL: a.URL, Site: a.Site, Kind: extract.KindArticle}, store.Visit{
		Result: store.Fetched, Time: a.Fetched, Article: a, Capture: &store.Capture{URL: a.URL, Status: 200, Fetched: a.Fetched, Body: []byte(fmt.Sprint(s.n))},
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shelf) update(want int) {
	s.Helper()
	n, err := s.index.Update(context.Background(), nil)
	if err != nil || n != want {
		s.Fatalf("Update = %d, %v, want %d", n, err, want)
	}
}

func (s *shelf) find(q search.Query) search.Results {
	s.Helper()
	r, err := s.index.Find(context.Background(), q)
	if err != nil {
		s.Fatalf("Find(%+v): %v", q, err)
	}
	return r
}

// titles are those that a query finds, in order.
func (s *shelf) titles(text string) string {
	s.Helper()
	var all []string
	for _, h := range s.find(search.Query{Text: text}).Hits {
		all = append(all, h.Title)
	}
	return strings.Join(all, "|")
}

func TestWordsAreFoundAsTheyAreTyped(t *testing.T) {
	s := newShelf(t)
	s.put("Hòa giải ở cơ sở", "Bộ Tư pháp hướng dẫn việc hoà giải. Đường sắt, thúy và thuý.", nil)
	s.put("Họa sĩ", "Bỏ tù phạp, duong sat.", nil)
	s.put("法律", "行政法律を改正する", nil)
	s.update(3)
	for _, c := range []struct{ query, want string }{
		{"hòa", "Hòa giải ở cơ sở|Họa sĩ"}, // exactly as typed comes before what is newer
		{"hoà", "Hòa giải ở cơ sở|Họa sĩ"},
		{"họa", "Họa sĩ|Hòa giải ở cơ sở"},
		{norm.NFD.String("họa"), "Họa sĩ|Hòa giải ở cơ sở"},
		{"HOA", "Họa sĩ|Hòa giải ở cơ sở"}, // the newest
		{"bo tu phap", "Họa sĩ|Hòa giải ở cơ sở"},
		{"Bộ Tư pháp", "Hòa giải ở cơ sở|Họa sĩ"},
		{"đường sắt", "Hòa giải ở cơ sở|Họa sĩ"},
		{"duong sat", "Họa sĩ|Hòa giải ở cơ sở"},
		{`"giải cơ"`, ""},
		{`"giai o co"`, "Hòa giải ở cơ sở"},
		{`"sở bộ"`, ""}, // the title ends there
		{"giải -thuý", ""},
		{`"hòa giải" -"ở cơ sở"`, ""},
		{"法律", "法律"},
		{"行政法", "法律"},
		{"政行", ""},
		{`title:giải`, "Hòa giải ở cơ sở"},
		{`title:phap`, ""},
		{"?! …", "法律|Họa sĩ|Hòa giải ở cơ sở"},
	} {
		if got := s.titles(c.query); got != c.want {
			t.Errorf("%s finds %q, want %q", c.query, got, c.want)
		}
	}
}

func TestTheBestComeFirst(t *testing.T) {
	s := newShelf(t)
	s.put("side by side in the title", "", func(a *extract.Article) { a.Title = "Luật đất đai" })
	s.put("apart in the title", "", func(a *extract.Article) { a.Title = "Đai đất" })
	s.put("side by side in the text", "x đất đai y", nil)
	s.put("apart in the text", "đai x đất", nil)
	s.update(4)
	if got, want := s.titles("đất đai"), "Luật đất đai|Đai đất|side by side in the text|apart in the text"; got != want {
		t.Errorf("by relevance %s, want %s", got, want)
	}
	r := s.find(search.Query{Text: "dat dai", ByDate: true, Offset: 1, Limit: 2})
	if len(r.Hits) != 2 || r.Total != 4 || r.Hits[0].Title != "side by side in the text" || r.Hits[1].Title != "Đai đất" {
		t.Errorf("by date, 2 and 3: %+v", r)
	}
}

// TestAWholeNameMeansOne finds nothing of names that only hold the one that is
// asked for.
func TestAWholeNameMeansOne(t *testing.T) {
	s := newShelf(t)
	for _, x := range [][3]string{{"một", "Chính phủ", "Thời sự"}, {"hai", "Thanh tra Chính phủ", "***"}, {"ba", "Văn phòng Chính phủ", "Thời sự trong nước"}} {
		s.put(x[0], "chung", func(a *extract.Article) {
			a.Ministry, a.Section, a.Site = extract.Text(x[1]), extract.Text(x[2]), x[0]+".chinhphu.vn"
		})
	}
	s.put("bốn", "chung", func(a *extract.Article) { a.Ministry, a.Site = "", "chinhphu.vn" })
	s.update(4)
	for _, c := range []struct {
		query search.Query
		want  string
	}{
		{search.Query{Ministries: []string{"Chính phủ"}}, "một"},
		{search.Query{Ministries: []string{"CHINH PHU"}}, "một"},
		{search.Query{Text: `ministry:"chinh phu"`}, "một"},
		{search.Query{Text: `chung -ministry:"chính phủ"`}, "bốn|ba|hai"},
		{search.Query{Text: "ministry:phủ"}, "ba|hai|một"},
		{search.Query{Ministries: []string{"Chính phủ", "thanh tra"}}, "hai|một"},
		{search.Query{Ministries: []string{"Chính phủ"}, Text: "ministry:tra"}, ""},
		{search.Query{Sections: []string{"thời sự"}}, "một"},
		{search.Query{Sections: []string{"trong nước"}}, "ba"},
		{search.Query{Text: "site:chinhphu.vn"}, "bốn"},
		// what has no words means what is written so
		{search.Query{Ministries: []string{"???"}}, ""},
		{search.Query{Text: `ministry:"???"`}, ""},
		{search.Query{Text: "chung -section:!!!"}, "bốn|ba|hai|một"},
		{search.Query{Sections: []string{"***"}}, "hai"},
	} {
		var got []string
		for _, h := range s.find(c.query).Hits {
			got = append(got, h.Title)
		}
		if got := strings.Join(got, "|"); got != c.want {
			t.Errorf("%+v finds %q, want %q", c.query, got, c.want)
		}
	}
}

func TestFieldsDaysAndCounts(t *testing.T) {
	s := newShelf(t)
	s.put("một", "chung", func(a *extract.Article) {
		a.Authors, a.Section = []string{"Nguyễn Văn An", "Lê Bình"}, "Thời sự"
	})
	s.put("hai", "chung", func(a *extract.Article) { a.Ministry, a.Site = "Bộ Y tế", "yte.example" })
	s.put("ba", "chung", func(a *extract.Article) { a.Published = nil })
	s.update(3)
	for _, c := range []struct{ query, want string }{
		{"author:an", "một"},
		{`author:"nguyen van"`, "một"},
		{`author:"an le"`, ""}, // two authors
		{"author:chung", ""},
		{`chung ministry:"y tế"`, "hai"},
		{"ministry:tư ministry:tế chung", "hai|một|ba"},
		{"chung -ministry:te", "một|ba"},
		{"site:yte.example", "hai"},
		{"section:thoi", "một"},
		{"since:2020-01-02", "hai"},
		{"until:02/01/2020", "hai|một"},
		{"since:2020 until:2020-01", "hai|một"},
		{"since:2021", ""},
	} {
		if got := s.titles(c.query); got != c.want {
			t.Errorf("%s finds %q, want %q", c.query, got, c.want)
		}
	}
	r := s.find(search.Query{Text: "chung", Facets: true, Limit: -1})
	got, _ := json.Marshal(r)
	want := `{"total":3,"hits":null,"ministries":[{"name":"Bộ Tư pháp","count":2},{"name":"Bộ Y tế","count":1}],` +
		`"years":[{"name":"2020","count":2},{"name":"","count":1}],"sections":[{"name":"","count":2},{"name":"Thời sự","count":1}],` +
		`"sites":[{"name":"bo.example","count":2},{"name":"yte.example","count":1}]}`
	if string(got) != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
	var wrong *search.QueryError
	if _, err := s.index.Find(context.Background(), search.Query{Text: "since:hôm-qua"}); !errors.As(err, &wrong) {
		t.Errorf("a day that is none: %v", err)
	}
}

func TestSnippetsShowWhereTheWordsStand(t *testing.T) {
	s := newShelf(t)
	s.put("Tin", strings.Repeat("mở đầu ", 60)+"thì <Bộ> bỏ Bộ Tư  pháp ra.\n\nQuy định "+strings.Repeat("kết thúc ", 60), nil)
	s.update(1)
	h := s.find(search.Query{Text: `"bộ tư pháp" quy`}).Hits[0]
	var marked []string
	text := ""
	for _, p := range h.Snippet {
		text += p.Text
		if p.Mark {
			marked = append(marked, p.Text)
		}
	}
	if got, want := strings.Join(marked, "|"), "Bộ Tư  pháp|Quy"; got != want {
		t.Errorf("marked is %q, want %q", got, want)
	}
	if !strings.HasPrefix(text, "… ") || !strings.HasSuffix(text, " …") || !strings.Contains(text, "<Bộ> bỏ Bộ Tư  pháp ra. Quy") {
		t.Errorf("the snippet is %q", text)
	}
	if h.Headline[0].Text != "Tin" {
		t.Errorf("the headline is %+v", h.Headline)
	}
}

func TestIndexFollowsTheArchive(t *testing.T) {
	s := newShelf(t)
	s.put("cũ", "trước", func(a *extract.Article) { a.CanonicalURL = "https://bo.example/a.html" })
	s.put("khác", "trước", nil)
	s.update(2)
	s.put("mới", "sau", func(a *extract.Article) { a.CanonicalURL = "https://bo.example/a.html" })
	if behind, err := s.index.Behind(context.Background()); !behind || err != nil {
		t.Errorf("Behind = %v, %v after a visit", behind, err)
	}
	s.update(1)
	if got, want := s.titles("*"), "mới|khác"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got, want := s.titles("truoc"), "khác"; got != want {
		t.Errorf("the old text finds %s, want %s", got, want)
	}
	// many small segments become one; what was not finished is removed
	left := filepath.Join(s.dir, search.DirName, "0123456789abcdef.seg")
	if err := errors.Join(os.WriteFile(left, []byte("half"), 0o666), os.WriteFile(filepath.Join(s.dir, search.DirName, "index.new"), []byte("half"), 0o666)); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		s.put(fmt.Sprintf("bài %d", i), fmt.Sprintf("chung số%d xong", i), nil)
		s.update(1)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a segment that is none is still there (%v)", err)
	}
	// an article that changes again and again leaves nothing behind
	for i := range 20 {
		s.put(fmt.Sprintf("bản %d", i), "sau", func(a *extract.Article) { a.CanonicalURL = "https://bo.example/a.html" })
		s.update(1)
	}
	if got := s.titles("title:bản"); got != "bản 19" {
		t.Errorf("of what changed is found %q, want the last", got)
	}
	if n := len(filesIn(t, filepath.Dir(left))); n > 20 {
		t.Errorf("60 updates have left %d files", n)
	}
	if got := s.find(search.Query{Text: `"chung so7 xong"`}); got.Total != 1 || got.Hits[0].Title != "bài 7" {
		t.Errorf("after joining: %+v", got)
	}
	if got := s.find(search.Query{Text: `chung xong`}).Total; got != 40 {
		t.Errorf("after joining: %d found, want 40", got)
	}
	s.open()
	if _, err := s.index.Rebuild(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if got := s.find(search.Query{Text: `chung xong`}).Total; got != 40 {
		t.Errorf("after rebuilding: %d found, want 40", got)
	}
}

// TestManyArticles holds what is found against reading everything.
func TestManyArticles(t *testing.T) {
	s := newShelf(t)
	c := corpus.New(3)
	const n = 300
	var texts []string
	type read struct {
		id            string
		published     time.Time
		title, marked string
		text          string
	}
	var all []read
	plain := func(s string) string {
		return " " + strings.Join(strings.Fields(strings.ToLower(strings.ReplaceAll(s, ".", ""))), " ") + " "
	}
	for i := range n {
		target, visit := c.Visit(i)
		if _, err := s.archive.Record(context.Background(), target, visit); err != nil {
			t.Fatal(err)
		}
		a := visit.Article
		text := a.Title + " | " + a.Authors[0] + " | " + string(a.Lead) + " | " + a.Body
		texts = append(texts, plain(corpus.Plain(text)))
		all = append(all, read{a.ID, *a.Published, plain(corpus.Plain(a.Title)), plain(text), texts[i]})
		if i%70 == 0 {
			if _, err := s.index.Update(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.index.Update(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		words := strings.Fields(texts[r.IntN(n)])
		from := r.IntN(len(words) - 3)
		phrase := strings.Join(words[from:from+1+r.IntN(3)], " ")
		if strings.Contains(phrase, "|") {
			continue
		}
		want := 0
		for _, text := range texts {
			if strings.Contains(text, " "+phrase+" ") {
				want++
			}
		}
		if got := s.find(search.Query{Text: `"` + phrase + `"`, Limit: -1}).Total; got != want {
			t.Errorf("%q: %d found, want %d", phrase, got, want)
		}
	}
	// the best first, and of the equal the newest
	holds := func(text string, words []string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, " "+w+" ") })
	}
	for i := range 300 {
		a := c.Article(r.IntN(n))
		words := strings.Fields(plain([]string{a.Title, a.Body}[i%2]))
		from := r.IntN(len(words) - 4)
		words = words[from : from+1+r.IntN(4)]
		if i%3 == 0 {
			r.Shuffle(len(words), func(a, b int) { words[a], words[b] = words[b], words[a] })
		}
		if i%5 == 0 {
			words = strings.Fields(corpus.Plain(strings.Join(words, " ")))
		}
		var marked, folded []string
		for _, w := range words {
			folded = append(folded, corpus.Plain(w))
			if w != corpus.Plain(w) {
				marked = append(marked, w)
			}
		}
		row := []string{strings.Join(folded, " ")}
		class := func(a read) (class int) {
			for i, is := range []bool{
				!holds(a.title, folded) && holds(a.text, row), holds(a.title, folded), holds(a.title, row), holds(a.marked, marked),
			} {
				if is {
					class |= 1 << i
				}
			}
			return class
		}
		var want []read
		for _, a := range all {
			if holds(a.text, folded) {
				want = append(want, a)
			}
		}
		slices.SortFunc(want, func(a, b read) int {
			return cmp.Or(cmp.Compare(class(b), class(a)), b.published.Compare(a.published))
		})
		found := s.find(search.Query{Text: strings.Join(words, " "), Offset: 3, Limit: 12})
		if found.Total != len(want) {
			t.Errorf("%q: %d found, want %d", words, found.Total, len(want))
			continue
		}
		for i, a := range want[min(3, len(want)):min(15, len(want))] {
			if found.Hits[i].ID != a.id {
				t.Errorf("%q: article %d of %d is %+v, want %s", words, i+4, len(want), found.Hits[i], a.title)
				break
			}
		}
	}
}

// FuzzQuery asks whatever comes.
func FuzzQuery(f *testing.F) {
	dir := f.TempDir()
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { a.Close() })
	c := corpus.New(1)
	for i := range 5 {
		target, visit := c.Visit(i)
		if _, err := a.Record(context.Background(), target, visit); err != nil {
			f.Fatal(err)
		}
	}
	x, err := search.Open(dir, a, search.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { x.Close() })
	if _, err := x.Update(context.Background(), nil); err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{`"`, `-`, `title:"`, `a* OR NEAR(b c)`, "\x00\xff", `author:-`, `'; DROP TABLE doc; --`, `“bộ tư`, "+ - : ^", "a\u0300\u0301", "\u0301"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		var wrong *search.QueryError
		if _, err := x.Find(context.Background(), search.Query{Text: q, Facets: true}); err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: %v", q, err)
		}
	})
}

// TestDamagedIndex wants an index with a byte that is wrong to find what it found
// or to be made anew by who searches, and one that is only read to say what is wrong.
func TestDamagedIndex(t *testing.T) {
	s := newShelf(t)
	for i := range 60 {
		s.put(fmt.Sprintf("bài %d", i), strings.Repeat(fmt.Sprintf("chung số%d ", i), 50), nil)
		if i == 40 {
			s.update(41)
		}
	}
	s.update(19)
	if err := s.index.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.dir, search.DirName)
	whole := filesIn(t, dir)
	if len(whole) != 4 { // two segments, the contents, the lock
		t.Fatalf("the index consists of %d files", len(whole))
	}
	look := func(x *search.Index) string {
		out := ""
		for _, q := range []search.Query{{Text: "chung", Facets: true}, {Text: `"so7 chung" bai`}, {Text: "title:bai -so3", ByDate: true}, {Text: "khong"}} {
			r, err := x.Find(context.Background(), q)
			if err != nil {
				return err.Error()
			}
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			out += string(b) + "\n"
		}
		return out
	}
	s.open()
	want := look(s.index)
	s.index.Close()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	noticed := 0
	for name, b := range whole {
		for range 16 {
			bad := slices.Clone(b)
			switch at := r.IntN(len(b) + 1); {
			case len(b) == 0:
				bad = []byte("x")
			case at < len(b) && r.IntN(4) > 0:
				bad[at] ^= 1 << r.IntN(8)
			default:
				bad = bad[:at]
			}
			restore(t, dir, whole)
			if err := os.WriteFile(filepath.Join(dir, name), bad, 0o666); err != nil {
				t.Fatal(err)
			}
			read, err := search.Open(s.dir, s.archive, search.Options{ReadOnly: true})
			if err == nil {
				if got := look(read); got != want && !strings.Contains(got, "luutin index --rebuild") {
					t.Errorf("%s is damaged: what is only read finds %s, want %s", name, got, want)
				}
				read.Close()
			} else if !strings.Contains(err.Error(), "luutin index --rebuild") {
				t.Errorf("%s is damaged: %v", name, err)
			}
			anew := 0
			x, err := search.Open(s.dir, s.archive, search.Options{Anew: func(error) { anew++ }})
			if err == nil {
				_, err = x.Update(context.Background(), nil)
			}
			if err != nil {
				t.Errorf("%s is damaged: %v", name, err)
				continue
			}
			if got := look(x); got != want {
				t.Errorf("%s is damaged: found %s, want %s", name, got, want)
			}
			noticed += anew
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}
		// a file that is gone
		restore(t, dir, whole)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		s.open()
		if _, err := s.index.Update(context.Background(), nil); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
		if got := look(s.index); got != want {
			t.Errorf("%s is gone: found %s, want %s", name, got, want)
		}
		s.index.Close()
	}
	if noticed < 20 {
		t.Errorf("the index was made anew %d times", noticed)
	}
	s.open()
}

func filesIn(t *testing.T, dir string) map[string][]byte {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func restore(t *testing.T, dir string, files map[string][]byte) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEarlierIndex wants an index of an earlier form to be made anew, and that to
// be said.
func TestEarlierIndex(t *testing.T) {
	s := newShelf(t)
	s.put("một", "chung", nil)
	s.update(1)
	s.index.Close()
	contents := filepath.Join(s.dir, search.DirName, "index")
	b, err := os.ReadFile(contents)
	if err != nil {
		t.Fatal(err)
	}
	earlier := filepath.Join(s.dir, "search.db")
	for _, c := range []struct {
		name string
		make func() error
	}{
		{"another form", func() error {
			return os.WriteFile(contents, append([]byte("luutin search index 1 "), b[22:]...), 0o666)
		}},
		{"a file of SQLite", func() error {
			return errors.Join(os.RemoveAll(filepath.Dir(contents)), os.WriteFile(earlier, []byte("SQLite format 3"), 0o666), os.WriteFile(earlier+"-wal", nil, 0o666))
		}},
	} {
		if err := c.make(); err != nil {
			t.Fatal(err)
		}
		if !search.Exists(s.dir) {
			t.Errorf("%s: there is no index", c.name)
		}
		if _, err := search.Open(s.dir, s.archive, search.Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "luutin index --rebuild") {
			t.Errorf("%s: opened for reading: %v", c.name, err)
		}
		var why error
		x, err := search.Open(s.dir, s.archive, search.Options{Anew: func(err error) { why = err }})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := x.Update(context.Background(), nil); n != 1 || err != nil || why == nil {
			t.Errorf("%s: %d articles indexed, want 1 (%v); it is said that %v", c.name, n, err, why)
		}
		x.Close()
		for _, name := range []string{earlier, earlier + "-wal"} {
			if _, err := os.Stat(name); err == nil {
				t.Errorf("%s: %s is still there", c.name, name)
			}
		}
	}
	s.open()
}

// TestReadersAndWriters has several who search, update and make anew one index,
// as several processes do: each has opened it for itself.
func TestReadersAndWriters(t *testing.T) {
	s := newShelf(t)
	for i := range 30 {
		s.put(fmt.Sprintf("bài %d", i), "chung", nil)
	}
	s.update(30)
	var wait sync.WaitGroup
	for worker := range 4 {
		x, err := search.Open(s.dir, s.archive, search.Options{ReadOnly: worker%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		wait.Go(func() {
			for i := range 20 {
				var err error
				switch {
				case worker == 1 && i%5 == 4:
					_, err = x.Rebuild(context.Background(), nil)
				case worker%2 == 1:
					_, err = x.Update(context.Background(), nil)
				}
				if err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
				// none while it is made anew
				if r, err := x.Find(context.Background(), search.Query{Text: "chung", Limit: 3}); err != nil || r.Total != 30 && r.Total != 0 {
					t.Errorf("worker %d finds %d, want 30 (%v)", worker, r.Total, err)
				}
			}
		})
	}
	wait.Wait()
	if got := s.find(search.Query{Text: "chung"}).Total; got != 30 {
		t.Errorf("found %d, want 30", got)
	}
}

// Who is in a hurry does not wait for another process, and searches what is there.
func TestHurry(t *testing.T) {
	s := newShelf(t)
	s.put("một", "chung", nil)
	s.update(1)
	s.put("hai", "chung", nil)
	hurried, err := search.Open(s.dir, s.archive, search.Options{NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	defer hurried.Close()
	held, seen := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var other sync.WaitGroup
	other.Go(func() {
		_, err := s.index.Update(context.Background(), func(int, int) {
			once.Do(func() { close(held) })
			<-seen
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	if n, err := hurried.Update(context.Background(), nil); !errors.Is(err, search.ErrBusy) {
		t.Errorf("Update = %d, %v while another writes, want %v", n, err, search.ErrBusy)
	}
	if r, err := hurried.Find(context.Background(), search.Query{Text: "chung"}); err != nil || r.Total == 0 {
		t.Errorf("found %d, %v, want what is there by now", r.Total, err)
	}
	close(seen)
	other.Wait()
	if n, err := hurried.Update(context.Background(), nil); n != 0 || err != nil {
		t.Errorf("Update = %d, %v afterwards, want 0", n, err)
	}
	if r, err := hurried.Find(context.Background(), search.Query{Text: "chung"}); err != nil || r.Total != 2 {
		t.Errorf("found %d, %v, want both", r.Total, err)
	}
}
