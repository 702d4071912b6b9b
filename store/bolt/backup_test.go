package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"luutin/store"
	"luutin/store/bolt"
)

// TestBackupWhileWriting copies an archive again and again while it is written
// to: each copy is what was there when it began.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	dir, to := filled(t, 30), filepath.Join(t.TempDir(), "copy")
	a := open(t, dir, bolt.Options{Share: true})
	files := 0
	for round := range 3 {
		before := ids(t, a)
		n := 0
		c, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{
			Problem: func(p store.Problem) { t.Error(p) },
			Progress: func(int64) {
				if n++; n <= 10 { // also while archive.db is copied
					if err := crawl(a, 5, nil); err != nil {
						t.Error(err)
					}
				}
			},
		})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if c.Stats.Articles != len(before) || len(ids(t, a)) != len(before)+50 {
			t.Errorf("round %d: %d articles copied of %d, %d by now", round, c.Stats.Articles, len(before), len(ids(t, a)))
		}
		if c.Kept != files {
			t.Errorf("round %d: %d files were there, want %d", round, c.Kept, files)
		}
		files += c.Files
		copied := open(t, to, bolt.Options{ReadOnly: true})
		if got := ids(t, copied); !slices.Equal(got, before) {
			t.Errorf("round %d: the copy has %d articles, want %d", round, len(got), len(before))
		}
		whole(t, "the copy", copied)
		copied.Close()
	}
	if files == 0 {
		t.Error("no file was copied")
	}
	// A copy is an archive like any other.
	b := open(t, to, bolt.Options{})
	if err := crawl(b, 100, nil); err != nil {
		t.Error(err)
	}
	whole(t, "the copy that was written to", b)
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := filled(t, 20)
	for _, c := range []struct {
		name string
		make func(t *testing.T, to string) string // it returns another directory to copy to
		want string
	}{
		{"another archive", func(t *testing.T, to string) string { return filled(t, 3) }, "holds another archive"},
		{"more of the same", func(t *testing.T, to string) string {
			must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
			a := open(t, to, bolt.Options{})
			if err := errors.Join(crawl(a, 1, nil), a.Close()); err != nil {
				t.Fatal(err)
			}
			return to
		}, "holds more of it, 21 visits instead of 20"},
		{"other visits", func(t *testing.T, to string) string {
			older := filepath.Join(t.TempDir(), "older")
			must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, older, bolt.CopyOptions{}))
			a := open(t, dir, bolt.Options{})
			if err := errors.Join(crawl(a, 2, nil), a.Close()); err != nil {
				t.Fatal(err)
			}
			a = open(t, older, bolt.Options{})
			_, err := a.Record(t.Context(), store.Target{URL: "https://other.vn/"}, store.Visit{Result: store.Missing, Time: time.Now()})
			if err := errors.Join(err, a.Close()); err != nil {
				t.Fatal(err)
			}
			return older
		}, "its 21 visits are not the first of this archive"},
		{"better readings", func(t *testing.T, to string) string {
			must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
			a := open(t, to, bolt.Options{})
			if err := errors.Join(rereadAll(t, a, "Read again."), a.Close()); err != nil {
				t.Fatal(err)
			}
			return to
		}, "readings of articles instead of"},
		{"other things", func(t *testing.T, to string) string {
			if err := errors.Join(os.MkdirAll(filepath.Join(to, "blobs"), 0o777), os.WriteFile(filepath.Join(to, "thesis.txt"), []byte("x"), 0o666)); err != nil {
				t.Fatal(err)
			}
			return to
		}, "other things (thesis.txt)"},
		{"itself", func(t *testing.T, to string) string { return filepath.Join(dir, "..", filepath.Base(dir)) }, "one lies within the other"},
		{"within itself", func(t *testing.T, to string) string { return filepath.Join(dir, "new", "copy") }, "one lies within the other"},
		{"around itself", func(t *testing.T, to string) string { return filepath.Dir(dir) }, "one lies within the other"},
		{"within itself by a link", func(t *testing.T, to string) string {
			if err := os.Symlink(dir, to); err != nil {
				t.Skip(err)
			}
			return filepath.Join(to, "copy")
		}, "one lies within the other"},
		{"one that is written to", func(t *testing.T, to string) string {
			must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
			open(t, to, bolt.Options{})
			return to
		}, "is in use by process"},
		{"a damaged one", func(t *testing.T, to string) string {
			if err := errors.Join(os.MkdirAll(to, 0o777), os.WriteFile(filepath.Join(to, "archive.db"), []byte("x"), 0o666)); err != nil {
				t.Fatal(err)
			}
			return to
		}, "is no archive or its beginning is damaged"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			to := c.make(t, filepath.Join(t.TempDir(), "copy"))
			before := content(t, to)
			_, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Backup() = %v, want %q", err, c.want)
			}
			if after := content(t, to); !maps.Equal(before, after) {
				t.Error("it has changed something")
			}
		})
	}
	if _, err := bolt.Restore(t.Context(), dir, filled(t, 3), bolt.CopyOptions{}); err == nil || !strings.Contains(err.Error(), "holds an archive; name a new or an empty directory") {
		t.Errorf("Restore() over an archive = %v", err)
	}
	if _, err := bolt.Backup(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "copy"), bolt.CopyOptions{}); err == nil || !strings.Contains(err.Error(), "there is no archive in") {
		t.Errorf("Backup() of nothing = %v", err)
	}
}

// TestBackupGoesOn ends a backup at every point and lets the next go on.
func TestBackupGoesOn(t *testing.T) {
	t.Parallel()
	dir, to := filled(t, 3), filepath.Join(t.TempDir(), "copy")
	must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
	a := open(t, dir, bolt.Options{})
	if err := errors.Join(crawl(a, 120, nil), a.Close()); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(to, "archive.db")
	before := must[[]byte](t)(os.ReadFile(db))
	copied := 0
	for at := 0; ; at += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		c, err := bolt.Backup(ctx, dir, to, bolt.CopyOptions{Progress: func(int64) {
			if n++; n > at {
				cancel()
			}
		}})
		cancel()
		copied += c.Files
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Backup() ended after %d writes = %v", at, err)
		}
		if b := must[[]byte](t)(os.ReadFile(db)); !bytes.Equal(b, before) {
			t.Fatalf("Backup() ended after %d writes: archive.db of the copy has changed", at)
		}
		for name := range content(t, to) {
			if strings.Contains(name, ".new-") {
				t.Errorf("Backup() ended after %d writes has left %s", at, name)
			}
		}
		// What a killed one leaves.
		for _, name := range []string{db + ".new-copy", filepath.Join(to, "blobs", "body.new-1")} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte("half"), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
	}
	blobs := 0
	for name := range content(t, filepath.Join(dir, "blobs")) {
		blobs++
		if _, err := os.Stat(filepath.Join(to, "blobs", filepath.Base(filepath.Dir(name)), filepath.Base(name))); err != nil {
			t.Error(err)
		}
	}
	if copied < 3 || copied > blobs {
		t.Errorf("%d files were copied, of %d in all", copied, blobs)
	}
	whole(t, "the copy", open(t, to, bolt.Options{ReadOnly: true}))
	if bolt.Dump(t, dir) != bolt.Dump(t, to) {
		t.Error("the copy holds something else")
	}
}

// TestBackupOfDamaged says what becomes of a copy when something is wrong with
// what it is of.
func TestBackupOfDamaged(t *testing.T) {
	t.Parallel()
	var problems []string
	tell := func(p store.Problem) { problems = append(problems, p.String()) }
	blob := func(t *testing.T, dir string) string {
		for name := range content(t, filepath.Join(dir, "blobs")) {
			return name
		}
		t.Fatal("there is no blob")
		return ""
	}
	flip := func(t *testing.T, name string, at int) {
		b := must[[]byte](t)(os.ReadFile(name))
		b[at] ^= 1
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a record", func(t *testing.T) {
		problems = nil
		dir, to := filled(t, 60), filepath.Join(t.TempDir(), "copy")
		must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
		before := content(t, to)
		db := filepath.Join(dir, "archive.db")
		flip(t, db, bytes.Index(must[[]byte](t)(os.ReadFile(db)), []byte(`"digest":"`))+12)
		if _, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{Problem: tell}); !errors.Is(err, bolt.ErrDamaged) || len(problems) == 0 {
			t.Errorf("Backup() = %v, problems %q", err, problems)
		}
		if !maps.Equal(before, content(t, to)) {
			t.Error("the copy that was there has changed")
		}
		if _, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{NoVerify: true}); err != nil {
			t.Errorf("Backup() without verifying = %v", err)
		}
		if maps.Equal(before, content(t, to)) {
			t.Error("without verifying the copy stays what it was")
		}
	})
	t.Run("a file", func(t *testing.T) {
		problems = nil
		dir, to := filled(t, 60), filepath.Join(t.TempDir(), "copy")
		must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
		damaged := blob(t, dir)
		flip(t, damaged, 5)
		if _, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{Problem: tell}); err != nil || len(problems) > 0 {
			t.Errorf("Backup() of a damaged file that the copy has = %v, %q", err, problems)
		}
		whole(t, "the copy", open(t, to, bolt.Options{ReadOnly: true}))

		other := filepath.Join(t.TempDir(), "copy")
		if _, err := bolt.Backup(t.Context(), dir, other, bolt.CopyOptions{Problem: tell}); !errors.Is(err, bolt.ErrDamaged) || !strings.Contains(strings.Join(problems, "\n"), damaged+": digest does not fit") {
			t.Errorf("Backup() of a damaged file = %v, problems %q", err, problems)
		}
		if _, err := os.Stat(filepath.Join(other, "archive.db")); err == nil {
			t.Error("there is a copy all the same")
		}
		if _, err := bolt.Backup(t.Context(), dir, other, bolt.CopyOptions{NoVerify: true}); !errors.Is(err, bolt.ErrDamaged) {
			t.Errorf("Backup() of a damaged file without verifying = %v", err)
		}
		open(t, other, bolt.Options{ReadOnly: true})
	})
	t.Run("a file of the copy", func(t *testing.T) {
		dir, to := filled(t, 60), filepath.Join(t.TempDir(), "copy")
		must[bolt.Copied](t)(bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}))
		flip(t, blob(t, to), 5)
		if c, err := bolt.Backup(t.Context(), dir, to, bolt.CopyOptions{}); err != nil || c.Files != 1 {
			t.Errorf("Backup() = %v, %v, want one file copied anew", c, err)
		}
		whole(t, "the copy", open(t, to, bolt.Options{ReadOnly: true}))
	})
}

func TestCompact(t *testing.T) {
	t.Parallel()
	dir := filled(t, 400)
	want := bolt.Dump(t, dir)
	db := filepath.Join(dir, "archive.db")
	before := must[os.FileInfo](t)(os.Stat(db)).Size()

	ctx, cancel := context.WithCancel(t.Context())
	if _, _, err := bolt.Compact(ctx, dir, func(int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Compact() that is ended = %v", err)
	}
	if size := must[os.FileInfo](t)(os.Stat(db)).Size(); size != before || bolt.Dump(t, dir) != want {
		t.Error("Compact() that was ended has changed the archive")
	}
	if entries := must[[]os.DirEntry](t)(os.ReadDir(dir)); len(entries) != 3 { // with archive.key and blobs
		t.Errorf("Compact() that was ended has left %v", entries)
	}

	got, after, err := bolt.Compact(t.Context(), dir, nil)
	size := must[os.FileInfo](t)(os.Stat(db)).Size()
	if err != nil || got != before || after != size || after > before*9/10 {
		t.Errorf("Compact() = %d, %d, %v; the file had %d bytes and has %d", got, after, err, before, size)
	}
	if bolt.Dump(t, dir) != want {
		t.Error("Compact() has changed what the archive holds")
	}
	a := open(t, dir, bolt.Options{})
	whole(t, "compacted", a)
	if _, _, err := bolt.Compact(t.Context(), dir, nil); !errors.As(err, new(*store.InUse)) {
		t.Errorf("Compact() of an archive that is in use = %v", err)
	}
	if err := errors.Join(crawl(a, 50, nil), a.Close()); err != nil {
		t.Error(err)
	}
	if _, _, err := bolt.Compact(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "there is no archive") {
		t.Errorf("Compact() of nothing = %v", err)
	}
}

// TestCompactDamaged leaves a file alone whose pages are damaged.
func TestCompactDamaged(t *testing.T) {
	t.Parallel()
	dir := filled(t, 100)
	db := filepath.Join(dir, "archive.db")
	b := must[[]byte](t)(os.ReadFile(db))
	refused := 0
	for page := 2; page < len(b)/4096; page += 7 {
		damaged := bytes.Clone(b)
		damaged[page*4096+8] ^= 0x13 // what kind of page it is
		if err := os.WriteFile(db, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err := bolt.Compact(t.Context(), dir, nil)
		if err == nil {
			continue // it is free, or a part of another
		}
		refused++
		if after := must[[]byte](t)(os.ReadFile(db)); !bytes.Equal(after, damaged) {
			t.Errorf("page %d damaged: Compact() = %v, and the file has changed", page, err)
		}
	}
	if refused < 5 {
		t.Errorf("%d damaged pages were refused", refused)
	}
}
