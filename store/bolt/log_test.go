package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/proof"
)

// problems are what Verify finds in an archive that is not open.
func problems(t *testing.T, dir string) (all []string) {
	t.Helper()
	a := open(t, dir, bolt.Options{ReadOnly: true})
	defer a.Close()
	for p := range a.Verify(t.Context()) {
		all = append(all, p.String())
	}
	return all
}

// TestRewritten changes a visit so that every checksum fits.
func TestRewritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		log  bool
		want string
	}{
		{"the visit alone", false, "log/0000000000000003: it does not fit the visit"},
		{"the visit and the log", true, "the first 20 visits are not those that it was signed for"},
	} {
		dir := filled(t, 20)
		a := open(t, dir, bolt.Options{ReadOnly: true})
		signed := must[[]byte](t)(a.Checkpoint(t.Context()))
		a.Close()
		bolt.Rewrite(t, dir, 3, c.log)
		got := strings.Join(problems(t, dir), "\n")
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: Verify says\n%s\nwant %s", c.name, got, c.want)
		}
		a = open(t, dir, bolt.Options{ReadOnly: true})
		if _, err := a.Follows(t.Context(), signed); (err == nil) == c.log {
			t.Errorf("%s: Follows() = %v", c.name, err)
		}
		if p, err := a.Prove(t.Context(), 3); err == nil {
			t.Errorf("%s: it is proven all the same: %s", c.name, p.Leaf)
		}
		if _, err := a.Prove(t.Context(), 4); (err == nil) == c.log {
			t.Errorf("%s: Prove of another visit: %v", c.name, err)
		}
	}
}

// Beside a crawl nobody can sign: that its end has to be awaited is said.
func TestProveBesideCrawl(t *testing.T) {
	t.Parallel()
	dir := filled(t, 5)
	a := open(t, dir, bolt.Options{Share: true})
	if err := crawl(a, 1, nil); err != nil {
		t.Fatal(err)
	}
	reader := open(t, dir, bolt.Options{ReadOnly: true})
	if _, err := reader.Prove(t.Context(), 6); err == nil || !strings.Contains(err.Error(), "signed when the crawl that is under way ends") {
		t.Errorf("Prove() of what no checkpoint covers yet = %v", err)
	}
	if _, err := reader.Prove(t.Context(), 5); err != nil {
		t.Errorf("Prove() of what was signed before = %v", err)
	}
	if err := errors.Join(reader.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir, bolt.Options{ReadOnly: true}).Prove(t.Context(), 6); err != nil {
		t.Errorf("Prove() when the crawl has ended = %v", err)
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	dir := filled(t, 5)
	name := filepath.Join(dir, "archive.key")
	if info := must[os.FileInfo](t)(os.Stat(name)); info.Mode() != 0o600 {
		t.Errorf("archive.key has mode %v", info.Mode())
	}
	secret := must[[]byte](t)(os.ReadFile(name))
	a := open(t, dir, bolt.Options{})
	first := must[[]byte](t)(a.Checkpoint(t.Context()))
	if err := errors.Join(crawl(a, 5, nil), a.Close()); err != nil {
		t.Fatal(err)
	}

	// Without it another is made; what the first has signed holds.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, bolt.Options{})
	if err := errors.Join(crawl(a, 5, nil), a.Close()); err != nil {
		t.Fatal(err)
	}
	if got := problems(t, dir); len(got) > 0 {
		t.Errorf("Verify with two keys: %q", got)
	}
	a = open(t, dir, bolt.Options{ReadOnly: true})
	keys := must[[]string](t)(a.Keys(t.Context()))
	if len(keys) != 2 {
		t.Fatalf("Keys() = %q, want two", keys)
	}
	last := must[[]byte](t)(a.Checkpoint(t.Context()))
	for i, signed := range [][]byte{first, last} {
		if _, err := proof.OpenCheckpoint(signed, keys[1-i]); err == nil {
			t.Errorf("checkpoint %d is signed by the other key too", i)
		}
		if c, err := a.Follows(t.Context(), signed); err != nil || c.Size != int64(5+10*i) {
			t.Errorf("Follows(checkpoint %d) = %d visits, %v", i, c.Size, err)
		}
	}
	if strings.Contains(string(first)+keys[0], strings.TrimSpace(string(secret))) {
		t.Error("the key is told")
	}
	a.Close()

	// What is no key, or that of another archive, is never overwritten. Nothing is
	// begun with it; an archive that is only read needs none.
	good := must[[]byte](t)(os.ReadFile(name))
	foreign := must[[]byte](t)(os.ReadFile(filepath.Join(filled(t, 1), "archive.key")))
	for _, c := range []struct{ key, want string }{{"nonsense", "it is no key"}, {string(foreign), "it is the key of log"}} {
		if err := os.WriteFile(name, []byte(c.key), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bolt.Open(dir, bolt.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open with key %q = %v, want %s", c.key, err, c.want)
		}
		open(t, dir, bolt.Options{ReadOnly: true}).Close()
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
		a = open(t, dir, bolt.Options{})
		if err := os.WriteFile(name, []byte(c.key), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := crawl(a, 1, nil); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Close() with key %q = %v, want %s", c.key, err, c.want)
		}
		if b := must[[]byte](t)(os.ReadFile(name)); string(b) != c.key {
			t.Errorf("archive.key was changed to %q", b)
		}
		if got := problems(t, dir); len(got) > 0 {
			t.Errorf("Verify of what could not be signed: %q", got)
		}
	}
}

// TestLogOfFormer looks at the log of archives of earlier formats. That in
// killed4.db.gz was left when its program was killed; it holds every kind of visit.
func TestLogOfFormer(t *testing.T) {
	t.Parallel()
	for format, visits := range map[string]uint64{"format1": 4, "format2": 4, "killed3": 12, "killed4": 6, "killed5": 5} {
		dir := unpackFormat(t, format)
		a := open(t, dir, bolt.Options{ReadOnly: true})
		if _, err := a.Prove(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "luutin checkpoint") {
			t.Errorf("%s: Prove() before the upgrade = %v", format, err)
		}
		a.Close()
		a = open(t, dir, bolt.Options{})
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a = open(t, dir, bolt.Options{ReadOnly: true})
		for n := range visits {
			if _, err := a.Prove(t.Context(), n+1); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if _, err := a.Prove(t.Context(), visits+1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: Prove of one more = %v, want ErrNotFound", format, err)
		}
		a.Close()
		if got := problems(t, dir); len(got) > 0 {
			t.Errorf("%s: Verify: %q", format, got)
		}
	}
}
