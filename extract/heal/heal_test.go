package heal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"luutin/extract"
	"luutin/extract/heal"
)

const savedSites = "../../testdata/sites"

// TestLayoutsAreFoundAgain takes every layout that has a saved page, gives its
// pages and their goldens to Propose, and wants most of what the goldens say.
func TestLayoutsAreFoundAgain(t *testing.T) {
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	dir := os.DirFS(savedSites)
	names, err := extract.SavedPages(dir)
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		site    string
		samples []heal.Sample
	}
	groups := map[string]*group{}
	var order []string
	for _, name := range names {
		page, err := extract.LoadSaved(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		golden, err := fs.ReadFile(dir, extract.GoldenName(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var known extract.Article
		if err := json.Unmarshal(golden, &known); err != nil || known.Extractor == "" {
			continue // a list
		}
		if strings.HasPrefix(strings.TrimSpace(string(page.Body)), "{") {
			continue // JSON has paths, not selectors
		}
		_, layout, _ := strings.Cut(known.Extractor, " ")
		key := sites.Of(page.URL) + " " + layout
		if groups[key] == nil {
			groups[key] = &group{site: sites.Of(page.URL)}
			order = append(order, key)
		}
		groups[key].samples = append(groups[key].samples, heal.Sample{Page: page, Known: &known})
	}
	measured := []string{"title", "published", "lead", "body", "authors", "source", "section", "tags"}
	right := map[string]int{}
	whole, marked := 0, 0
	for _, key := range order {
		g := groups[key]
		p, err := heal.Propose(heal.Task{Sites: sites, Site: g.site, Samples: g.samples, Name: "healed"})
		if p == nil {
			t.Logf("%s: %v", key, err)
			continue
		}
		if err == nil {
			marked++
		}
		for _, r := range p.Readings {
			if r.Got == nil || !strings.HasSuffix(r.Got.Extractor, "/healed") {
				t.Errorf("%s: %s is not read by the new layout", key, r.Page.URL)
			}
		}
		wrong := ""
		for i, field := range measured {
			if p.Right(field) == len(g.samples) {
				right[field]++
				continue
			}
			if i < 5 {
				wrong += " " + field
			}
			for _, r := range p.Readings {
				if known, got := r.Value(field); !r.Same(field) {
					t.Logf("%s: %s by %q\n\tknown %.300q\n\tgot   %.300q", key, field, p.Layout.Fields[field], known, got)
				}
			}
		}
		if wrong == "" {
			whole++
		}
		if testing.Verbose() {
			fmt.Println(key+wrong, "\n"+p.Layout.TOML(nil))
		}
	}
	for _, field := range measured {
		t.Logf("%-9s %3d of %d layouts", field, right[field], len(order))
	}
	t.Logf("all five  %3d of %d layouts; a mark in %d", whole, len(order), marked)
	if whole*100 < len(order)*80 {
		t.Errorf("title, published, lead, body and authors are found again in %d of %d layouts, want four fifths", whole, len(order))
	}
}
