package extract

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// BenchmarkRead reads the real pages beside the checkout, and reports the time
// as a multiple of html.Parse on the same bytes in the same run.
func BenchmarkRead(b *testing.B) {
	sites, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	files, _ := filepath.Glob("../../shared/corpus/pages/*.html")
	if len(files) == 0 {
		b.Skip("no pages beside the checkout")
	}
	var pages []Page
	size := 0
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, Page{URL: OwnURL(body), Body: body})
		size += len(body)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var parse, read time.Duration
	for b.Loop() {
		for _, p := range pages {
			start := time.Now()
			html.Parse(bytes.NewReader(p.Body))
			middle := time.Now()
			sites.Read(p)
			parse += middle.Sub(start)
			read += time.Since(middle)
		}
	}
	b.ReportMetric(float64(read)/float64(parse), "x-parse")
}
