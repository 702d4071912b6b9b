//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"luutin/store"
	"luutin/store/bolt"
)

// ids are what an archive exports.
func ids(t *testing.T, a *bolt.Archive) (all []string) {
	t.Helper()
	for v, err := range a.Articles(context.Background(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v.ID+string(v.JSON))
	}
	return all
}

func whole(t *testing.T, name string, a *bolt.Archive) {
	t.Helper()
	for p := range a.Verify(context.Background()) {
		t.Errorf("%s: %v", name, p)
	}
}

// TestReadWhileWriting has readers see what was there when they opened the
// archive, however much is written meanwhile.
func TestReadWhileWriting(t *testing.T) {
	t.Parallel()
	dir := filled(t, 20)
	a := open(t, dir, bolt.Options{Share: true})
	first := open(t, dir, bolt.Options{ReadOnly: true})
	before := ids(t, first)
	for range 4 {
		if err := crawl(a, 60, nil); err != nil {
			t.Fatal(err)
		}
		later := open(t, dir, bolt.Options{ReadOnly: true})
		if got, want := len(ids(t, later)), len(ids(t, a)); got != want {
			t.Errorf("a reader sees %d articles, want %d", got, want)
		}
		whole(t, "a later reader", later)
		if err := later.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := ids(t, first); strings.Join(got, "\n") != strings.Join(before, "\n") || len(got) != 20 {
		t.Errorf("the first reader sees %d articles, %d at first", len(got), len(before))
	}
	whole(t, "the first reader", first)
	whole(t, "the writer", a)
	if _, err := bolt.Open(dir, bolt.Options{}); !errors.As(err, new(*store.InUse)) {
		t.Errorf("a second writer: %v", err)
	}

	// The writer closes: what was lent stays, and nobody else writes before it
	// is given back.
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, first); len(got) != len(before) {
		t.Errorf("after the writer has closed the reader sees %d articles, want %d", len(got), len(before))
	}
	if _, err := bolt.Open(dir, bolt.Options{}); !errors.As(err, new(*store.InUse)) {
		t.Errorf("a writer beside the reader: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	a = open(t, dir, bolt.Options{Share: true})
	if _, err := os.Stat(filepath.Join(dir, "archive.lock")); err != nil {
		t.Error(err)
	}
	if err := crawl(a, 5, nil); err != nil {
		t.Error(err)
	}
}

// TestReadBesideKilled reads an archive whose writer, another process, is
// killed meanwhile, and one whose lock file names a process that knows nothing
// of it.
func TestReadBesideKilled(t *testing.T) {
	dir := filled(t, 20)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 50 {
		lines.Scan()
	}
	reader := open(t, dir, bolt.Options{ReadOnly: true})
	before := ids(t, reader)
	for range 50 {
		lines.Scan()
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got := ids(t, reader); len(got) != len(before) || len(got) < 50 {
		t.Errorf("the reader sees %d articles, %d before the writer was killed", len(got), len(before))
	}
	whole(t, "the reader", reader)
	next := open(t, dir, bolt.Options{ReadOnly: true}) // the lock file names a dead process
	whole(t, "a reader afterwards", next)
	reader.Close()
	next.Close()

	stale := fmt.Sprintf(`{"pid":%d,"command":"another","socket":"archive.sock"}`, os.Getpid())
	if err := os.WriteFile(filepath.Join(dir, "archive.lock"), []byte(stale), 0o666); err != nil {
		t.Fatal(err)
	}
	last := open(t, dir, bolt.Options{ReadOnly: true})
	whole(t, "a reader beside a stale lock file", last)
}

// TestLongName is an archive whose path is too long for a socket.
func TestLongName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 90), "archive")
	a := open(t, dir, bolt.Options{Share: true})
	must[int](t)(a.Add(t.Context(), store.Target{URL: "https://h.vn/"}))
	if err := crawl(a, 3, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(ids(t, open(t, dir, bolt.Options{ReadOnly: true}))); n != 3 {
		t.Errorf("%d articles, want 3", n)
	}
}

// TestOpenSoon opens an archive to write that is being read.
func TestOpenSoon(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	if err := open(t, dir, bolt.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	reader := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{ReadOnly: true}))
	inUse := func(err error) *store.InUse {
		t.Helper()
		var e *store.InUse
		if !errors.As(err, &e) {
			t.Fatalf("the error is %v", err)
		}
		return e
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bolt.OpenSoon(ended, dir, bolt.Options{}); inUse(err).PID != 0 {
		t.Errorf("who reads is said to write: %v", err)
	}

	opened := make(chan *bolt.Archive)
	go func() {
		a, err := bolt.OpenSoon(t.Context(), dir, bolt.Options{Share: true})
		if err != nil {
			t.Error(err)
		}
		opened <- a
	}()
	// Nobody else begins to read before it has the archive.
	lock := must[*os.File](t)(os.Open(filepath.Join(dir, "archive.lock")))
	defer lock.Close()
	for syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
		time.Sleep(time.Millisecond)
	}
	second := make(chan *bolt.Archive)
	go func() {
		a, err := bolt.Open(dir, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Error(err)
		}
		second <- a
	}()
	select {
	case <-second:
		t.Fatal("another reader came first")
	case <-opened:
		t.Fatal("it is open while somebody reads")
	case <-time.After(50 * time.Millisecond): // it cannot be seen that they wait
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	writer := <-opened
	defer writer.Close()
	(<-second).Close()
	if _, err := bolt.OpenSoon(t.Context(), dir, bolt.Options{}); inUse(err).PID != os.Getpid() {
		t.Errorf("who writes is waited for: %v", err)
	}
}

// TestRepairInUse asks to repair an archive that is written to: what a reader is
// lent and what the file says of itself are not of the same moment.
func TestRepairInUse(t *testing.T) {
	t.Parallel()
	dir := filled(t, 8)
	a := open(t, dir, bolt.Options{Share: true})
	to := filepath.Join(t.TempDir(), "new")
	_, err := bolt.Repair(t.Context(), dir, to, func(p store.Problem) { t.Error(p) })
	var used *store.InUse
	if !errors.As(err, &used) || used.PID != os.Getpid() {
		t.Errorf("Repair() = %v, want that this process writes to it", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("there is a new archive")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Repair(t.Context(), dir, to, func(p store.Problem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}
