package bolt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"luutin/store"
)

// template is what all pages of one design have in common.
func template(design uint64) string {
	rnd := rand.New(rand.NewPCG(design, 0))
	var b strings.Builder
	for range 1500 {
		fmt.Fprintf(&b, "<div class=\"c%x\">%x</div>\n", rnd.Uint32(), rnd.Uint64())
	}
	return b.String()
}

// Pages of one design are kept against one that stands whole, never against
// each other; a redesign brings its own; what was chosen outlives the process;
// and what a damaged reference takes with it is named.
func TestReferences(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "archive")
	now := time.Unix(1516347540, 0)
	open := func() *Archive {
		a, err := Open(dir, Options{Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	n := 0
	bodies := map[string]string{}
	keep := func(design uint64) {
		t.Helper()
		n++
		url := fmt.Sprintf("https://moj.test/%d", n)
		body := template(design) + fmt.Sprintf("<h1>Tin %d</h1>", n)
		bodies[url] = body
		if _, err := a.Add(ctx, store.Target{URL: url}); err != nil {
			t.Fatal(err)
		}
		l, err := a.Lease(ctx, store.Want{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Commit(ctx, l, store.Visit{Result: store.Fetched, Capture: &store.Capture{URL: url, Status: 200, Body: []byte(body)}}); err != nil {
			t.Fatal(err)
		}
	}
	against := func() (all []uint64) {
		t.Helper()
		err := a.view(func(tx *snapshot) error {
			return tx.Bucket(bucketCaptures).ForEach(func(k, v []byte) error {
				var r captureRecord
				packed, err := cutPayload(k, v, &r)
				if (r.Reference != 0) != (packed[0] == codecReference) {
					t.Errorf("capture %x is against %d, and its codec is %d", k, r.Reference, packed[0])
				}
				if r.Reference != 0 && len(packed) > int(r.Length)/20 {
					t.Errorf("capture %x takes %d bytes of %d", k, len(packed), r.Length)
				}
				all = append(all, r.Reference)
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	readAll := func() {
		t.Helper()
		for target, err := range a.Targets(ctx, store.Selection{}) {
			if err != nil {
				t.Fatal(err)
			}
			page, err := a.Capture(ctx, target.Capture)
			if err != nil || string(page.Body) != bodies[target.URL] {
				t.Fatalf("%s has %d bytes, %v, want %d", target.URL, len(page.Body), err, len(bodies[target.URL]))
			}
		}
		for _, err := range a.Visits(ctx, store.VisitQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for p := range a.Verify(ctx) {
			t.Errorf("Verify: %v", p)
		}
	}
	for range 3 {
		keep(1)
	}
	keep(2) // the redesign
	keep(2)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = open()
	keep(2)
	keep(1) // an old page
	if got, want := fmt.Sprint(against()), "[0 1 1 0 4 4 1]"; got != want {
		t.Errorf("captures are kept against %s, want %s", got, want)
	}
	readAll()
	for design := range uint64(maxReferences) {
		keep(10 + design)
		keep(1) // stays in use
	}
	keep(2) // was forgotten
	if got := against(); got[len(got)-1] != 0 || got[len(got)-2] != 1 {
		t.Errorf("captures are kept against %d", got)
	}
	if h := a.references.of("moj.test"); len(h) != maxReferences {
		t.Errorf("there are %d references, want %d", len(h), maxReferences)
	}
	readAll()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	db, err := bbolt.Open(filepath.Join(dir, dbName), 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, k := tx.Bucket(bucketCaptures), seqKey(4)
		v := append([]byte(nil), b.Get(k)...)
		v[len(v)/2] ^= 1
		return b.Put(k, v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	a = open()
	defer a.Close()
	var got []string
	for p := range a.Verify(ctx) {
		got = append(got, p.String())
	}
	said := strings.Join(got, "\n")
	for _, want := range []string{
		"captures/0000000000000004: checksum does not fit",
		"captures/0000000000000005: it cannot be read without capture 0000000000000004: checksum does not fit",
		"captures/0000000000000006: it cannot be read without capture 0000000000000004: checksum does not fit",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("Verify says\n%s\nwithout %s", said, want)
		}
	}
	if strings.Contains(said, "without capture 0000000000000001") {
		t.Errorf("Verify says\n%s", said)
	}
	keep(2) // goes on without it
	page, err := a.Capture(ctx, a.captureOf(t, n))
	if err != nil || string(page.Body) != bodies[fmt.Sprintf("https://moj.test/%d", n)] {
		t.Errorf("Capture = %d bytes, %v", len(page.Body), err)
	}
}

func (a *Archive) captureOf(t *testing.T, n int) string {
	t.Helper()
	for target := range a.Targets(context.Background(), store.Selection{URLs: []string{fmt.Sprintf("https://moj.test/%d", n)}}) {
		return target.Capture
	}
	t.Fatalf("no target %d", n)
	return ""
}
