package dataset_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/image/font/opentype"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/dataset"
	"luutin/testdata/corpus"
)

// hostile is an article with what formats stumble over.
func hostile(t *testing.T) *store.Version {
	published := time.Date(2018, 1, 19, 0, 30, 0, 0, time.FixedZone("", 7*3600))
	a := &extract.Article{
		ID: "x", Version: 2, CanonicalURL: "https://a.example/?a=1&b=<2>", Site: "a", Title: "# \"Một\", *hai* <b> & \x01",
		Lead: "dòng\nhai", Body: "1. không phải danh sách\n\n]]> --- |\n\n- gạch", Published: &published, Authors: []string{"A, B", "C \"D\""},
		Attachments: []extract.Attachment{{URL: "https://a.example/1.pdf", Name: "một;hai.pdf", Type: "pdf"}}, Fetched: published.Add(time.Hour).UTC(),
		Blocks: []extract.Block{{Kind: "table", Rows: [][]string{{"a|b", "c"}, {"1", "2", "3"}}}, {Kind: "paragraph", Text: "2) cũng không &lt;b&gt;"}, {Kind: "heading", Level: 3, Text: "Đầu đề"}, {Kind: "list", Items: []string{"một"}}},
	}
	b, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return &store.Version{ID: a.ID, Number: 2, Site: "a", Published: published, Fetched: a.Fetched, JSON: b}
}

func written(t *testing.T, o dataset.Options, all ...*store.Version) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := dataset.NewWriter(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if err := w.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFormatsAreReadBack reads every format with a reader of others.
func TestFormatsAreReadBack(t *testing.T) {
	v := hostile(t)
	var want extract.Article
	if err := json.Unmarshal(v.JSON, &want); err != nil {
		t.Fatal(err)
	}
	var all []extract.Article
	if err := json.Unmarshal(written(t, dataset.Options{Format: "json"}, v, v), &all); err != nil || len(all) != 2 || all[1].Title != want.Title {
		t.Errorf("json: %v, %+v", err, all)
	}
	if got := string(written(t, dataset.Options{Format: "json"})); got != "[\n]\n" {
		t.Errorf("json of nothing is %q", got)
	}
	rows, err := csv.NewReader(bytes.NewReader(written(t, dataset.Options{Format: "csv", Fields: []string{"title", "authors", "published", "section", "withdrawn"}}, v))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != want.Title || rows[1][1] != `["A, B","C \"D\""]` || rows[1][2] != "2018-01-19T00:30:00+07:00" || rows[1][3] != "" {
		t.Errorf("csv: %v, %q", err, rows)
	}
	// What a spreadsheet would run does not run, and comes back as it was.
	cells := []string{"=1+1", "+84 24", "-5", "@a", "\tb", "'quoted", "''twice", "a=b", "Tin", ""}
	for _, cell := range cells {
		article, err := json.Marshal(map[string]string{"title": cell})
		if err != nil {
			t.Fatal(err)
		}
		v := &store.Version{JSON: article}
		o := dataset.Options{Format: "csv", Fields: []string{"title", "id"}}
		guarded, err := csv.NewReader(bytes.NewReader(written(t, o, v))).ReadAll()
		if err != nil || strings.ContainsAny(guarded[1][0][:min(len(guarded[1][0]), 1)], "=+-@\t\r\n") {
			t.Errorf("csv: %q is written as %q, %v", cell, guarded, err)
		} else if got := strings.TrimPrefix(guarded[1][0], "'"); got != cell {
			t.Errorf("csv: %q is read back as %q", cell, got)
		}
		o.RawCells = true
		if raw, err := csv.NewReader(bytes.NewReader(written(t, o, v))).ReadAll(); err != nil || raw[1][0] != cell {
			t.Errorf("csv: %q is raw %q, %v", cell, raw, err)
		}
	}
	var feed struct {
		Entry []struct {
			Title   string   `xml:"title"`
			Authors []string `xml:"author>name"`
			Content string   `xml:"content"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal(written(t, dataset.Options{Format: "atom"}, v), &feed); err != nil || len(feed.Entry) != 1 || feed.Entry[0].Content != want.Body || feed.Entry[0].Authors[1] != want.Authors[1] {
		t.Errorf("atom: %v, %+v", err, feed)
	}
	z, err := zstd.NewReader(bytes.NewReader(written(t, dataset.Options{Compress: "zstd"}, v)))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if line, err := io.ReadAll(z); err != nil || string(line) != string(v.JSON)+"\n" {
		t.Errorf("zstd: %v, %s", err, line)
	}
	text := string(written(t, dataset.Options{Format: "markdown"}, v))
	for _, want := range []string{"# # \"Một\", \\*hai\\* &lt;b> & \x01\n", "| a\\|b | c |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n", "2\\) cũng không &amp;lt;b&amp;gt;\n", "### Đầu đề\n", "- một\n", "**dòng hai**"} {
		if !strings.Contains(text, want) {
			t.Errorf("markdown has no %q:\n%s", want, text)
		}
	}
	type few struct {
		Title     string     `parquet:"title"`
		Lead      *string    `parquet:"lead,optional"`
		Section   *string    `parquet:"section,optional"`
		Published *time.Time `parquet:"published,optional,timestamp(millisecond)"`
		Offset    *int32     `parquet:"published_offset_minutes,optional"`
		Authors   []string   `parquet:"authors,list"`
	}
	raw := written(t, dataset.Options{Format: "parquet"}, v, v, v)
	got, err := parquet.Read[few](bytes.NewReader(raw), int64(len(raw)))
	if err != nil || len(got) != 3 || got[2].Title != want.Title || got[2].Section != nil || *got[2].Lead != string(want.Lead) ||
		!got[2].Published.Equal(*want.Published) || *got[2].Offset != 420 || len(got[2].Authors) != 2 {
		t.Errorf("parquet: %v, %+v", err, got)
	}
}

func TestWriterErrorsAreTold(t *testing.T) {
	for _, o := range []dataset.Options{{Format: "xls"}, {Format: "parquet", Fields: []string{"id"}}, {Fields: []string{"id", "id"}}, {Compress: "rar"}, {Format: "parquet", Compress: "gzip"}} {
		if _, err := dataset.NewWriter(io.Discard, o); err == nil {
			t.Errorf("NewWriter(%+v) has no error", o)
		}
	}
	v := hostile(t)
	for _, format := range dataset.Formats() {
		w, err := dataset.NewWriter(full{}, dataset.Options{Format: format})
		for err == nil {
			if err = w.Write(v); err == nil {
				err = w.Close()
			}
			if err == nil {
				t.Errorf("%s: a full disk is not told", format)
				break
			}
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestEditsAreCounted(t *testing.T) {
	one, two := *hostile(t), *hostile(t)
	two.ID, two.Number, two.Published = "y", 1, time.Time{}
	s, err := dataset.Count(func(yield func(store.Version, error) bool) {
		_ = yield(one, nil) && yield(two, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	all := s.All()
	if all.Articles != 2 || all.Edited != 1 || all.Versions != 3 || all.First != "2018-01-19" || all.Last != "2018-01-19" {
		t.Errorf("all is %+v", all)
	}
	if months := s.By("month"); len(months) != 2 || months[0].Name != "" || months[1].Name != "2018-01" {
		t.Errorf("months are %+v", months)
	}
	if authors := s.By("author"); len(authors) != 2 || authors[0].Articles != 2 {
		t.Errorf("authors are %+v", authors)
	}
	broken := errors.New("broken")
	if _, err := dataset.Count(func(yield func(store.Version, error) bool) { yield(store.Version{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("Count = %v, want %v", err, broken)
	}
	var b bytes.Buffer
	if err := s.Plot().SVG(&b); err != nil || xml.Unmarshal(b.Bytes(), new(struct{})) != nil {
		t.Errorf("SVG = %v: %s", err, b.Bytes())
	}
	b.Reset()
	if err := s.Plot().PNG(&b); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	// the only month is one bar over all the width
	if got, want := picture.At(1000, 280), (color.NRGBA{0x2b, 0x6c, 0xb0, 0xff}); color.NRGBAModel.Convert(got) != want {
		t.Errorf("in the bar is %v, want %v", got, want)
	}
}

// TestPlotSpeaksVietnamese wants the letters of ministries' names in the fonts.
func TestPlotSpeaksVietnamese(t *testing.T) {
	for _, ttf := range [][]byte{dejavusans.TTF, dejavusansbold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range "aàảãáạăằẳẵắặâầẩẫấậđeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵ" {
			for _, c := range []rune{c, unicode.ToUpper(c)} {
				if n, err := f.GlyphIndex(nil, c); n == 0 || err != nil {
					t.Errorf("there is no %c (%v)", c, err)
				}
			}
		}
	}
}

func TestPackageThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	a, err := bolt.Open(filepath.Join(dir, "archive"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	broken := errors.New("broken")
	_, err = dataset.Package(context.Background(), filepath.Join(dir, "set"), a, func(yield func(store.Version, error) bool) {
		_ = yield(*hostile(t), nil) && yield(store.Version{}, broken)
	}, dataset.About{Now: time.Now()})
	if !errors.Is(err, broken) {
		t.Errorf("Package = %v, want %v", err, broken)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPackageTellsWhatIsMissing by site and month.
func TestPackageTellsWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	a, err := bolt.Open(filepath.Join(dir, "archive"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	_, err = dataset.Package(context.Background(), filepath.Join(dir, "set"), a, func(yield func(store.Version, error) bool) {
		yield(*hostile(t), nil)
	}, dataset.About{Now: time.Now(), Missing: map[string]dataset.Missing{"a": {Days: map[string]int{"2018-01": 2, "2018-02": 3}, Entries: 4, Numbers: 7}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"coverage.csv": "\na,2018-01,1,0,0,0,0,0,0,2\na,2018-02,0,0,0,0,0,0,0,3\n", "README.md": "\n| a | 1 | 2018-01 | 2018-01 | 0 | 5 | 4 | 7 | 0 | 0 | 0 |\n"} {
		b, err := os.ReadFile(filepath.Join(dir, "set", name))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s has no %q: %v\n%s", name, want, err, b)
		}
	}
}

// BenchmarkExport writes a warm archive as JSON lines, against decompressing
// the same lines and copying them, and against copying them from a file.
//
//	ratio  the time of decompressing and copying over that of exporting
//	cat    the time of copying from a file, 128 KB at a time, over that of exporting
func BenchmarkExport(b *testing.B) {
	dir := b.TempDir()
	a, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	ctx, c := context.Background(), corpus.New(1)
	const n = 100_000
	var wait sync.WaitGroup
	for worker := range 64 {
		wait.Go(func() {
			for i := worker; i < n; i += 64 {
				target, visit := c.Visit(i)
				if _, err := a.Record(ctx, target, visit); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wait.Wait()
	export := func(w io.Writer) {
		buffered := bufio.NewWriterSize(w, 256<<10)
		d, err := dataset.NewWriter(buffered, dataset.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for v, err := range a.Articles(ctx, store.Query{}) {
			if err != nil {
				b.Fatal(err)
			}
			if err := d.Write(&v); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(d.Close(), buffered.Flush()); err != nil {
			b.Fatal(err)
		}
	}
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		b.Fatal(err)
	}
	export(z)
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	again := func() { // a file that is written anew, as by a shell
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		if err := out.Truncate(0); err != nil {
			b.Fatal(err)
		}
	}
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	export(plain)
	part := make([]byte, 128<<10)
	var exporting, unpacking, copying time.Duration
	size := int64(0)
	for b.Loop() {
		again()
		start := time.Now()
		export(out)
		exporting += time.Since(start)
		again()
		start = time.Now()
		r, err := zstd.NewReader(bytes.NewReader(packed.Bytes()), zstd.WithDecoderConcurrency(1))
		if err != nil {
			b.Fatal(err)
		}
		if size, err = io.Copy(out, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
		unpacking += time.Since(start)
		again()
		start = time.Now()
		// Bare: the system would copy from file to file by itself.
		if _, err := io.CopyBuffer(struct{ io.Writer }{out}, io.NewSectionReader(plain, 0, size), part); err != nil {
			b.Fatal(err)
		}
		copying += time.Since(start)
	}
	b.ReportMetric(unpacking.Seconds()/exporting.Seconds(), "ratio")
	b.ReportMetric(copying.Seconds()/exporting.Seconds(), "cat")
	b.ReportMetric(float64(size)/1e6*float64(b.N)/exporting.Seconds(), "MB/s")
}
