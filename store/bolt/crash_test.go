package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// childDir names the archive that a test process is to fill instead of testing.
const childDir = "LUUTIN_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(readerDir); dir != "" {
		if err := reader(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(faultDir); dir != "" {
		if err := faulty(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child crawls with four workers and says of every visit that it is kept.
func child(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // the limit is to be an error
	a, err := bolt.OpenHasty(dir, bolt.Options{Share: true})
	if err != nil {
		return err
	}
	for i := range 4 {
		if _, err := a.Add(context.Background(), store.Target{URL: fmt.Sprintf("https://h%d.vn/", i)}); err != nil {
			return err
		}
	}
	var wait sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wait.Go(func() {
			for errs[i] == nil {
				errs[i] = crawl(a, 1, func(url string) { fmt.Println(url) })
			}
		})
	}
	wait.Wait()
	if err := crawl(a, 1, nil); err == nil {
		return errors.New("a write after the one that failed did not fail")
	}
	return errors.Join(append(errs, a.Close())...)
}

// checkVisits says whether an archive holds the visits that were reported, and
// nothing but whole ones. It returns how many there are.
func checkVisits(t *testing.T, dir string, reported map[string]bool) int {
	t.Helper()
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	defer a.Close()
	ctx := context.Background()
	for p := range a.Verify(ctx) {
		t.Errorf("Verify: %v", p)
	}
	done := 0
	for target, err := range a.Targets(ctx, store.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		if target.State != store.Done {
			if reported[target.URL] {
				t.Errorf("%s was committed and is %s", target.URL, target.State)
			}
			continue
		}
		done++
		want := page(target.URL)
		got := must[extract.Page](t)(a.Capture(ctx, target.Capture))
		if !bytes.Equal(got.Body, want.Capture.Body) {
			t.Errorf("%s has %d bytes, want %d", target.URL, len(got.Body), len(want.Capture.Body))
		}
		if id, err := a.Resolve(ctx, target.URL+"#alias"); id != want.Article.ID || err != nil {
			t.Errorf("Resolve(alias of %s) = %s, %v", target.URL, id, err)
		}
		links := 0
		for range a.Targets(ctx, store.Selection{URLs: []string{want.Links[0].URL, want.Links[1].URL}}) {
			links++
		}
		if links != 2 {
			t.Errorf("%s led to %d targets, want 2", target.URL, links)
		}
	}
	s, err := a.Stats(ctx)
	if err != nil || s.Visits != done || s.Captures != done || s.Versions != done || done < len(reported) {
		t.Errorf("Stats() = %+v, %v; %d targets are done, %d were reported", s, err, done, len(reported))
	}
	return done
}

func TestKill(t *testing.T) {
	rnd := bolt.Randomly(t)
	dir := filepath.Join(t.TempDir(), "archive")
	reported := map[string]bool{}
	for range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out := must[io.ReadCloser](t)(cmd.StdoutPipe())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := rnd.IntN(40); n >= 0 && lines.Scan(); n-- {
			if strings.HasPrefix(lines.Text(), "error:") {
				t.Fatal(lines.Text())
			}
			reported[lines.Text()] = true
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			reported[lines.Text()] = true
		}
		_ = cmd.Wait() // it was killed
		checkVisits(t, dir, reported)
	}
}

// TestFullDisk has a child write until no file may grow any more, wherever that
// is: in a body, in a page, or when the file is made longer.
func TestFullDisk(t *testing.T) {
	for _, limit := range []int{600, 1100, 3000, 3700} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) { fullDisk(t, limit) })
	}
}

func fullDisk(t *testing.T, limit int) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to set a limit")
	}
	dir := filepath.Join(t.TempDir(), "archive")
	cmd := exec.Command(sh, "-c", fmt.Sprintf(`ulimit -f %d && exec "$0"`, limit), os.Args[0])
	// The race detector sleeps for a second before a process ends.
	cmd.Env = append(os.Environ(), childDir+"="+dir, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	if err == nil {
		t.Fatal("the child did not fail")
	}
	reported := map[string]bool{}
	last := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if last == "" && strings.HasPrefix(line, "https://") {
			reported[line] = true
		} else {
			last += line + "\n"
		}
	}
	if !strings.Contains(last, "too large") && !strings.Contains(last, "space") {
		t.Errorf("the child said %s", last)
	}
	if n := checkVisits(t, dir, reported); n == 0 && limit >= 3000 {
		t.Error("nothing was kept")
	}
	a := open(t, dir, bolt.Options{})
	if err := crawl(a, 20, nil); err != nil {
		t.Errorf("with space again: %v", err)
	}
	for p := range a.Verify(context.Background()) {
		t.Errorf("Verify: %v", p)
	}
}

// TestDamage changes single bytes. Either somebody notices, or nothing that is
// kept has changed.
func TestDamage(t *testing.T) {
	closedAndKilled(t, 40, 20, damage)
}

// killed is an archive whose process ended after n visits more, before it could
// close it.
func killed(t *testing.T, dir string, n int) string {
	a := must[*bolt.Archive](t)(bolt.Open(dir, bolt.Options{}))
	defer a.Close()
	if err := crawl(a, n, nil); err != nil {
		t.Fatal(err)
	}
	return copyOf(t, dir)
}

// copyOf returns the directory of a copy of an archive.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "archive")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// closedAndKilled tests with an archive of so many visits that was closed, with
// one of half as many, whose process ended after more that it had not closed, and
// with the first when its captures stand in bundles.
func closedAndKilled(t *testing.T, visits, more int, test func(t *testing.T, dir string)) {
	t.Parallel()
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		test(t, filled(t, visits))
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		test(t, killed(t, filled(t, visits/2), more))
	})
	t.Run("bundled", func(t *testing.T) {
		t.Parallel()
		dir := filled(t, visits)
		if _, _, err := bolt.Compact(t.Context(), dir, nil); err != nil {
			t.Fatal(err)
		}
		if n := bolt.Bundled(t, dir); n < visits/2 {
			t.Fatalf("%d captures of %d visits stand in bundles", n, visits)
		}
		test(t, dir)
	})
}

func damage(t *testing.T, source string) {
	rnd := bolt.Randomly(t)
	good := must[[]byte](t)(os.ReadFile(filepath.Join(source, "archive.db")))
	live := bolt.Live(t, good)
	want := bolt.Dump(t, source)
	ctx := context.Background()

	whole := open(t, source, bolt.Options{ReadOnly: true})
	for p := range whole.Verify(ctx) {
		t.Fatalf("Verify of the whole archive: %v", p)
	}
	whole.Close()

	const changes = 80
	noticed := 0
	for i := range changes {
		at, bit := rnd.IntN(len(good)), byte(1)<<rnd.IntN(8)
		for i%2 == 0 && !live[at] { // most of a file that was closed holds nothing
			at = rnd.IntN(len(good))
		}
		bad := bytes.Clone(good)
		bad[at] ^= bit
		name := filepath.Join(source, "archive.db")
		if err := os.WriteFile(name, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		a, err := bolt.Open(source, bolt.Options{ReadOnly: true})
		if err != nil {
			noticed++
			continue
		}
		problems := 0
		for range a.Verify(ctx) {
			problems++
		}
		// Whatever is read of it, the process lives.
		for _, err := range a.Articles(ctx, store.Query{History: true}) {
			_ = err
		}
		for target := range a.Targets(ctx, store.Selection{}) {
			_, _ = a.Capture(ctx, target.Capture)
			_, _ = a.History(ctx, target.Article)
		}
		_, _ = a.Stats(ctx)
		a.Close()
		if problems > 0 {
			noticed++
			continue
		}
		if got := bolt.Dump(t, source); got != want {
			t.Errorf("byte %d, bit %#x: Verify found nothing, but a record changed", at, bit)
		}
		if i%4 > 0 {
			continue
		}
		// Nor does it hurt what is written next.
		w := must[*bolt.Archive](t)(bolt.Open(source, bolt.Options{}))
		if err := crawl(w, 3, nil); err != nil {
			t.Errorf("byte %d, bit %#x: Verify found nothing, but: %v", at, bit, err)
		}
		for p := range w.Verify(ctx) {
			t.Errorf("byte %d, bit %#x: Verify found nothing before some commits, but then: %v", at, bit, p)
		}
		w.Close()
	}
	t.Logf("%d of %d changes were noticed", noticed, changes)
	if noticed < changes/10 {
		t.Errorf("only %d of %d changes were noticed", noticed, changes)
	}
}

// TestFlippedBytes changes single bytes that something depends on: Verify finds
// every one of them.
func TestFlippedBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long")
	}
	closedAndKilled(t, 8, 6, flip)
}

func flip(t *testing.T, dir string) {
	rnd := bolt.Randomly(t)
	name := filepath.Join(dir, "archive.db")
	good := must[[]byte](t)(os.ReadFile(name))
	live := bolt.Live(t, good)
	n := 0
	for _, l := range live {
		if l {
			n++
		}
	}
	f := must[*os.File](t)(os.OpenFile(name, os.O_WRONLY, 0))
	defer f.Close()
	merged := func() string {
		to := copyOf(t, dir)
		open(t, to, bolt.Options{}).Close()
		a := open(t, to, bolt.Options{ReadOnly: true})
		defer a.Close()
		for p := range a.Verify(t.Context()) {
			return p.String()
		}
		return bolt.Dump(t, to)
	}
	want := merged()
	const changes = 500
	refused := 0
	for range changes {
		at := rnd.IntN(len(good))
		for !live[at] {
			at = rnd.IntN(len(good))
		}
		bit := byte(1) << rnd.IntN(8)
		must[int](t)(f.WriteAt([]byte{good[at] ^ bit}, int64(at)))
		if a, err := bolt.Open(dir, bolt.Options{ReadOnly: true}); err != nil {
			refused++
		} else {
			a.Close()
		}
		a, err := bolt.Open(dir, bolt.Options{ReadOnly: true, Damaged: true})
		if err != nil {
			t.Fatalf("byte %d, bit %#x: %v", at, bit, err)
		}
		found := 0
		for p := range a.Verify(t.Context()) {
			if strings.Contains(p.What, "runtime error") && !strings.Contains(p.What, "opened as usual") {
				t.Errorf("byte %d, bit %#x: %v", at, bit, p)
			}
			found++
		}
		a.Close()
		// A key under the journal may become another key that the journal
		// replaces too: once both are in their places, nothing has happened.
		if found == 0 && merged() != want {
			t.Errorf("byte %d, bit %#x: Verify finds nothing", at, bit)
		}
		must[int](t)(f.WriteAt(good[at:at+1], int64(at)))
	}
	t.Logf("%d of %d bytes live; %d of %d changes kept the archive from being opened", n, len(good), refused, changes)
}

// TestDamagedBlob changes and removes a body that is a file.
func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	dir := filled(t, 60)
	names := must[[]string](t)(filepath.Glob(filepath.Join(dir, "blobs", "*", "*")))
	if len(names) == 0 {
		t.Fatal("no blobs")
	}
	// read streams every body, and returns the errors.
	read := func() (all []string) {
		a := open(t, dir, bolt.Options{ReadOnly: true})
		defer a.Close()
		for target := range a.Targets(context.Background(), store.Selection{States: []store.State{store.Done}}) {
			body, err := a.Body(context.Background(), target.Capture)
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				body.Close()
			}
			if err != nil {
				all = append(all, err.Error())
			}
		}
		return all
	}
	if got := read(); len(got) > 0 {
		t.Errorf("Body of whole captures: %q", got)
	}
	problems := func() (all []string) {
		a := open(t, dir, bolt.Options{ReadOnly: true})
		defer a.Close()
		for p := range a.Verify(context.Background()) {
			all = append(all, p.String())
		}
		return all
	}
	b := must[[]byte](t)(os.ReadFile(names[0]))
	b[len(b)/2] ^= 1
	if err := os.WriteFile(names[0], b, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := problems(); len(got) != 1 || !strings.Contains(got[0], "digest does not fit") {
		t.Errorf("Verify of a changed blob: %q", got)
	}
	if got := read(); len(got) != 1 || !strings.Contains(got[0], "digest of the body does not fit") {
		t.Errorf("Body of a changed blob: %q", got)
	}
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	if got := problems(); len(got) != 1 || !strings.Contains(got[0], "is missing") {
		t.Errorf("Verify without a blob: %q", got)
	}
}
