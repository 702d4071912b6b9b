package generic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"luutin/extract/dom"
)

const bench = "../../../shared/bench"

type truth struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

func readSet(t testing.TB, set string) []truth {
	f, err := os.Open(filepath.Join(bench, set, "truth.jsonl"))
	if err != nil {
		t.Skip("no pages with truth beside the checkout")
	}
	defer f.Close()
	var out []truth
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var x truth
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

func readPage(t testing.TB, set, id string) []byte {
	f, err := os.Open(filepath.Join(bench, set, "pages", id+".html.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// rendered is the text of a body, without captions.
func rendered(b Body) string {
	if b.Text != "" {
		return b.Text
	}
	var parts []string
	for _, p := range dom.Render(b.Roots, b.Dropped) {
		switch p.Kind {
		case "image":
			continue
		case "list":
			parts = append(parts, strings.Join(p.Items, "\n"))
		case "table":
			for _, row := range p.Rows {
				parts = append(parts, strings.Join(row, " "))
			}
		default:
			if classHint(p.Class)&hCaption != 0 {
				continue
			}
			parts = append(parts, p.Text)
		}
	}
	return strings.Join(parts, "\n\n")
}

func TestMeasure(t *testing.T) {
	dir := os.Getenv("LUUTIN_MEASURE")
	if dir == "" {
		t.Skip("LUUTIN_MEASURE is not set")
	}
	for _, set := range []string{"aeb", "fundus", "aed", "traf"} {
		out, err := os.Create(filepath.Join(dir, set+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		enc := json.NewEncoder(out)
		for _, x := range readSet(t, set) {
			raw := readPage(t, set, x.ID)
			text, _, err := dom.Decode(raw, "")
			if err != nil {
				t.Errorf("%s/%s: %v", set, x.ID, err)
				continue
			}
			root, err := html.Parse(bytes.NewReader(text))
			if err != nil {
				t.Errorf("%s/%s: %v", set, x.ID, err)
				continue
			}
			u, err := url.Parse(x.URL)
			if err != nil || u.Host == "" {
				u = nil
			}
			r := Read(Page{Root: root, URL: u, Fetched: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
			o := map[string]any{"id": x.ID}
			if c, ok := Best(r.Title()); ok {
				o["title"] = c.Value
			}
			if c, ok := Best(r.Published()); ok {
				if c.Date.HasClock() {
					o["date"] = c.Date.Time.Format(time.RFC3339)
				} else {
					o["date"] = c.Date.Time.Format("2006-01-02")
				}
				o["why"] = c.Signal
				o["score"] = c.Score
				for _, v := range r.Published() {
					if v.Node != nil && v.Date.Time.Sub(c.Date.Time).Abs() < 36*time.Hour {
						o["seen"] = v.Signal
					}
				}
				for _, v := range r.Modified() {
					if v.Node != nil {
						o["seenmod"] = v.Signal
					}
				}
				if m := r.linked().main; m != nil {
					o["ld"] = entityType(m)
				}
				o["ogtype"] = r.meta("og:type")
			}
			o["authors"] = []string{}
			if c, ok := Best(r.Authors()); ok {
				o["authors"] = c.Names
				o["awhy"] = c.Signal
			}
			body := rendered(r.Body())
			if c, ok := Best(r.Lead()); ok {
				o["lead"] = c.Value
				o["lwhy"] = c.Signal
				if !strings.Contains(squash(body), squash(c.Value)) {
					body = c.Value + "\n\n" + body
				}
			}
			o["body"] = body
			enc.Encode(o)
		}
		out.Close()
	}
}
