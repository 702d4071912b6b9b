package generic

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dom"
)

// Each page in testdata shows what one heuristic is for. It ends with a comment
// that says what must be read from it: one field a line, "-" where there must
// be nothing; has and not are texts that must and must not be in the body.
func TestPages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".html"), func(t *testing.T) {
			page, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, want, ok := strings.Cut(string(page), "<!-- want\n")
			if !ok {
				t.Fatal("the page does not say what is wanted")
			}
			root, err := html.Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			p := Page{Root: root, Fetched: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
			lines := strings.Split(strings.TrimSuffix(strings.TrimSpace(want), "-->"), "\n")
			for _, line := range lines {
				if u, ok := strings.CutPrefix(line, "url: "); ok {
					if p.URL, err = url.Parse(u); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := Read(p)
			for _, line := range lines {
				key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
				if !ok {
					continue
				}
				switch key {
				case "url":
				case "has":
					if body := bodyText(r.Body()); !strings.Contains(body, value) {
						t.Errorf("body lacks %q:\n%s", value, body)
					}
				case "not":
					if body := bodyText(r.Body()); strings.Contains(body, value) {
						t.Errorf("body has %q:\n%s", value, body)
					}
				default:
					if got := field(t, r, key); got != value {
						t.Errorf("%s = %q, want %q", key, got, value)
					}
				}
			}
		})
	}
}

// field writes one field of a reading as the pages want it.
func field(t *testing.T, r *Reading, key string) string {
	best := func(c []Candidate) string {
		if b, ok := Best(c); ok {
			return b.Value
		}
		return "-"
	}
	date := func(c []Candidate) string {
		b, ok := Best(c)
		if !ok {
			return "-"
		}
		if !b.Date.HasClock() {
			return b.Date.Time.Format("2006-01-02")
		}
		return b.Date.Time.Format(time.RFC3339)
	}
	switch key {
	case "title":
		return best(r.Title())
	case "lead":
		return best(r.Lead())
	case "published":
		return date(r.Published())
	case "printed":
		return best(r.Published())
	case "modified":
		return date(r.Modified())
	case "authors":
		if b, ok := Best(r.Authors()); ok {
			return strings.Join(b.Names, "; ")
		}
		return "-"
	case "source":
		return best(r.Source())
	case "section":
		return best(r.Section())
	case "tags":
		return strings.Join(r.Tags(), "; ")
	case "language":
		return best(r.Language())
	case "canonical":
		return best(r.Canonical())
	case "site":
		return best(r.SiteName())
	case "image":
		return best(r.Image())
	case "kind":
		k, _ := r.Kind()
		return string(k)
	}
	t.Fatalf("no field %q", key)
	return ""
}

// bodyText is the text of a body as a reader sees it, without captions.
func bodyText(b Body) string {
	if b.Text != "" {
		return b.Text
	}
	var parts []string
	for _, p := range dom.Render(b.Roots, b.Dropped) {
		switch p.Kind {
		case "image":
		case "list":
			parts = append(parts, strings.Join(p.Items, "\n"))
		case "table":
			for _, row := range p.Rows {
				parts = append(parts, strings.Join(row, " | "))
			}
		default:
			parts = append(parts, p.Text)
		}
	}
	return strings.Join(parts, "\n\n")
}
