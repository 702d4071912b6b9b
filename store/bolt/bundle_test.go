package bolt_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// A noise is a body that does not compress.
func noise(seed uint64, size int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// visitAll visits URLs in one transaction and returns what Capture is to return,
// by the ids of the captures.
func visitAll(t *testing.T, a *bolt.Archive, bodies map[string][]byte) map[string]string {
	t.Helper()
	ctx := t.Context()
	urls := slices.Sorted(maps.Keys(bodies))
	bolt.Together(t, a, len(urls), func(i int) error {
		_, err := a.Record(ctx, store.Target{URL: urls[i], Site: "s", Kind: extract.KindAttachment}, store.Visit{
			Result: store.Fetched, Time: time.Unix(1516347540, 0), Capture: &store.Capture{
				URL: urls[i], Status: 200, ContentType: "application/pdf", Body: bodies[urls[i]], Header: map[string][]string{"X-Url": {urls[i]}},
			}})
		return err
	})
	want := map[string]string{}
	for target, err := range a.Targets(ctx, store.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		if body, ok := bodies[target.URL]; ok {
			want[target.Capture] = string(body)
		}
	}
	if len(want) != len(bodies) {
		t.Fatalf("%d captures of %d visits", len(want), len(bodies))
	}
	return want
}

// sizes are bodies of pages and of attachments, each with a host of its own.
func sizes(n int, from uint64) map[string][]byte {
	all := map[string][]byte{}
	for i := range n {
		size := []int{0, 30, 3000, 14 << 10, 90 << 10, 300 << 10, 60, 14 << 10}[i%8]
		url := fmt.Sprintf("https://h%d.example/%d", i, from)
		all[url] = noise(from+uint64(i), size)
	}
	return all
}

// lookAt compares what the captures of an archive hold, read each by itself and
// one after the other.
func lookAt(t *testing.T, what string, a *bolt.Archive, want map[string]string) {
	t.Helper()
	for id, body := range want {
		p, err := a.Capture(t.Context(), id)
		if err != nil || string(p.Body) != body {
			t.Errorf("%s: Capture(%s) = %d bytes of %s, %v, want %d", what, id, len(p.Body), p.URL, err, len(body))
		}
	}
	n := 0
	for v, err := range a.Visits(t.Context(), store.VisitQuery{Headers: true}) {
		if err != nil || v.Answer == nil || v.Answer.Header.Get("X-Url") != v.Answer.URL {
			t.Errorf("%s: visit %d: %+v, %v", what, v.Number, v.Answer, err)
		}
		n++
	}
	if n < len(want) {
		t.Errorf("%s: %d visits, want %d", what, n, len(want))
	}
	for p := range a.Verify(t.Context()) {
		t.Errorf("%s: Verify: %v", what, p)
	}
}

// TestBundles keeps captures that come together side by side, and says of them
// what it says of others.
func TestBundles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	want := visitAll(t, a, sizes(40, 100))
	lookAt(t, "together", a, want)
	maps.Copy(want, visitAll(t, a, sizes(4, 200))) // few
	maps.Copy(want, visitAll(t, a, sizes(41, 300)))
	lookAt(t, "more", a, want)
	a.Close()
	// Those of 300 KB are no part of a bundle, nor is what stands alone between them.
	bundled := bolt.Bundled(t, dir)
	if bundled < 50 || bundled > 75 {
		t.Errorf("%d of 85 captures are bundled", bundled)
	}
	a = open(t, dir, bolt.Options{ReadOnly: true})
	lookAt(t, "opened again", a, want)
	a.Close()

	for _, way := range []string{"backed up", "repaired", "compacted"} {
		to := filepath.Join(t.TempDir(), "to")
		least := bundled
		switch way {
		case "backed up":
			must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
		case "repaired":
			must[bolt.Repaired](t)(bolt.Repair(t.Context(), dir, to, func(p store.Problem) { t.Error(p) }))
			least = 0
		case "compacted":
			to, least = dir, 60
			if _, _, err := bolt.Compact(t.Context(), dir, nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := bolt.Bundled(t, to); n < least {
			t.Errorf("%s: %d captures are bundled, want %d", way, n, least)
		}
		a := open(t, to, bolt.Options{})
		lookAt(t, way, a, want)
		more := visitAll(t, a, sizes(10, 400))
		maps.Copy(more, want)
		lookAt(t, way+" and written to", a, more)
		a.Close()
	}
}

// TestBundleDropped drops a body out of the middle of a bundle, and has it come
// again together with others: the rest of the bundle stays.
func TestBundleDropped(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	all := map[string][]byte{}
	for i := range 60 {
		all[fmt.Sprintf("https://h%d.example/", i)] = noise(uint64(i), 14<<10)
	}
	large := noise(70, 20<<10)
	all["https://large.example/"] = large
	want := visitAll(t, a, all)
	id := ""
	for capture, body := range want {
		if body == string(large) {
			id = capture
		}
	}
	delete(want, id)
	if done := must[store.Retained](t)(a.Retain(t.Context(), store.Retention{Rule: "x", Types: []string{"application/pdf"}, Larger: 16 << 10}, nil)); done.Captures != 1 {
		t.Fatalf("Retain() = %+v", done)
	}
	lookAt(t, "dropped", a, want)
	if _, err := a.Capture(t.Context(), id); err == nil {
		t.Error("a dropped body is there")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := bolt.Bundled(t, dir); n < 30 || n > 55 {
		t.Errorf("%d captures are bundled, want those of the other bundles", n)
	}
	a = open(t, dir, bolt.Options{})
	again := sizes(8, 500)
	again["https://large.example/"] = large
	maps.Copy(want, visitAll(t, a, again))
	lookAt(t, "came again", a, want)
}

// TestBundleOfFormer bundles what the last program of format 6 left, when it was
// killed: fourteen visits, one of which brought the body of another.
func TestBundleOfFormer(t *testing.T) {
	t.Parallel()
	dir := unpackFormat(t, "killed6")
	a := open(t, dir, bolt.Options{ReadOnly: true})
	want := map[string]string{}
	for target, err := range a.Targets(context.Background(), store.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Capture(t.Context(), target.Capture)
		if err != nil {
			t.Error(err)
		}
		want[target.Capture] = string(p.Body)
	}
	a.Close()
	if len(want) != 14 {
		t.Fatalf("%d captures", len(want))
	}
	articles := texts(t, dir)
	open(t, dir, bolt.Options{}).Close()
	before := bolt.Bundled(t, dir)
	if _, _, err := bolt.Compact(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	if n := bolt.Bundled(t, dir); before != 0 || n != 14 {
		t.Errorf("%d captures are bundled, %d before, want all", n, before)
	}
	if diff := cmp.Diff(want, bodies(t, dir)); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(articles, texts(t, dir)); diff != "" {
		t.Errorf("articles (-want +got):\n%s", diff)
	}
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify: %q", got)
	}
}

// TestBundlesGathered keeps small captures one at a time, with a large one among
// them: they come to stand side by side, too.
func TestBundlesGathered(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	a := open(t, dir, bolt.Options{})
	want := map[string]string{}
	visit := func(n, size int) {
		maps.Copy(want, visitAll(t, a, map[string][]byte{fmt.Sprintf("https://h%d.example/%d", n%3, n): noise(uint64(n), size)}))
	}
	for n := range 40 {
		visit(n, 500+n)
	}
	visit(40, 20<<10)
	for n := range 40 {
		visit(50+n, 600)
	}
	lookAt(t, "one at a time", a, want)
	a.Close()
	if n := bolt.Bundled(t, dir); n != 64 {
		t.Errorf("%d captures are bundled, want twice 32", n)
	}
	a = open(t, dir, bolt.Options{ReadOnly: true})
	lookAt(t, "opened again", a, want)
}
