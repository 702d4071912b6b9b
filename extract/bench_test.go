package extract

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// BenchmarkRead reads real pages beside the checkout: by the definitions of
// their sites, and without any. It reports the time as a multiple of html.Parse
// on the same bytes in the same run (x-parse), and what is allocated for each
// byte of the pages (B/byte), html.Parse included.
func BenchmarkRead(b *testing.B) {
	sites, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sites", func(b *testing.B) {
		files, _ := filepath.Glob("../../shared/corpus/pages/*.html")
		var pages []Page
		for _, f := range files {
			body, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			pages = append(pages, Page{URL: OwnURL(body), Body: body})
		}
		measure(b, pages, func(p Page) { sites.Read(p) })
	})
	b.Run("generic", func(b *testing.B) {
		var pages []Page
		for _, set := range []string{"aeb", "fundus", "aed"} {
			pages = append(pages, benchPages(b, set)...)
		}
		measure(b, pages, func(p Page) { sites.ReadAs("", p) })
	})
}

func measure(b *testing.B, pages []Page, read func(Page)) {
	if len(pages) == 0 {
		b.Skip("no pages beside the checkout")
	}
	size := 0
	for _, p := range pages {
		size += len(p.Body)
	}
	b.SetBytes(int64(size))
	var parsing, reading time.Duration
	var allocated uint64
	rounds := 0
	for b.Loop() {
		rounds++
		start := time.Now()
		for _, p := range pages {
			html.Parse(bytes.NewReader(p.Body))
		}
		parsing += time.Since(start)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start = time.Now()
		for _, p := range pages {
			read(p)
		}
		reading += time.Since(start)
		runtime.ReadMemStats(&after)
		allocated += after.TotalAlloc - before.TotalAlloc
	}
	b.ReportMetric(float64(reading)/float64(parsing), "x-parse")
	b.ReportMetric(float64(allocated)/float64(rounds)/float64(size), "B/byte")
}

// benchPages returns the pages of a set with truth.
func benchPages(b *testing.B, set string) (pages []Page) {
	dir := filepath.Join("../../shared/bench", set)
	truth, err := os.ReadFile(filepath.Join(dir, "truth.jsonl"))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(truth) {
		var t struct{ ID, URL string }
		if err := json.Unmarshal(line, &t); err != nil {
			b.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "pages", t.ID+".html.gz"))
		if err != nil {
			b.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(z)
		f.Close()
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, Page{URL: t.URL, Body: body})
	}
	return pages
}
