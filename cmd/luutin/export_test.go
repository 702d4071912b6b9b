package main

import (
	"bytes"
	"testing"
	"time"

	"luutin/store"
)

// TestProgress counts each pass over the archive from its beginning, and tells a
// total only when it is known.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &reading{out: &out, stats: store.Stats{Articles: 4, Versions: 6, Visits: 9}}
	line := func() string { return p.line(p.began.Add(10 * time.Second)) }
	for pass := range 2 {
		p.articles(store.Query{})
		p.step()
		p.step()
		if got, want := line(), "2 of 4 read, 10s left"; got != want {
			t.Errorf("in pass %d: %q, want %q", pass+1, got, want)
		}
	}
	p.articles(store.Query{History: true})
	p.step()
	if got, want := line(), "1 of 6 read, 50s left"; got != want {
		t.Errorf("of versions: %q, want %q", got, want)
	}
	p.articles(store.Query{Sites: []string{"moj.gov.vn"}})
	p.step()
	if got, want := line(), "1 read"; got != want {
		t.Errorf("of a site: %q, want %q", got, want)
	}
	p.visits(store.VisitQuery{})
	p.step()
	if got, want := line(), "1 of 9 read, 1m20s left"; got != want {
		t.Errorf("of visits: %q, want %q", got, want)
	}
	p = nil
	p.articles(store.Query{})
	p.step()
	p.end()
}
