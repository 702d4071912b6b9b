package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/testdata/ministry"
)

// program runs this test binary as luutin.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe := filepath.Join(dir, "luutin")
	if _, err := os.Lstat(exe); err != nil {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, exe); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir = dir
	return cmd
}

var fetched = regexp.MustCompile(`"fetched":"[^"]*"`)

// export returns an archive's articles without the times of fetching.
func export(t *testing.T, dir, archive string) []byte {
	t.Helper()
	cmd := program(t, dir, "--archive", archive, "export", "--history")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("export of %s: %v\n%s", archive, err, &errOut)
	}
	return fetched.ReplaceAll(out, []byte(`"fetched":"-"`))
}

// TestKilledCrawl kills a crawl twenty times at random moments. What a last
// run to the end leaves must be what an undisturbed crawl leaves.
func TestKilledCrawl(t *testing.T) {
	web, err := ministry.New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web)
	defer server.Close()
	sites, err := filepath.Abs("../../testdata/ministry/sites")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	crawl := func(archive string) *exec.Cmd {
		return program(t, dir, "--archive", archive, "--sites", sites, "crawl", "--quiet", "--delay", "1ms", "--proxy", server.URL, "bomau-www", "bomau-bao", "bomau-luat", "bomau-tinhthanh", "bomau-cong")
	}
	start := time.Now()
	if out, err := crawl("whole").CombinedOutput(); err != nil && cmdStatus(err) != statusNo {
		t.Fatalf("undisturbed crawl: %v\n%s", err, out)
	}
	took := time.Since(start)

	seed := rand.Uint64()
	t.Logf("seed %d; an undisturbed crawl took %v", seed, took)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 20 {
		cmd := crawl("killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(rnd.Int64N(int64(took / 2)))):
			cmd.Process.Kill()
			<-done
		case <-done:
		}
		if i%5 == 4 {
			verify := program(t, dir, "--archive", "killed", "verify")
			if out, err := verify.CombinedOutput(); err != nil {
				t.Fatalf("after kill %d verify says: %v\n%s", i+1, err, out)
			}
		}
	}
	if out, err := crawl("killed").CombinedOutput(); err != nil && cmdStatus(err) != statusNo {
		t.Fatalf("last crawl: %v\n%s", err, out)
	}
	if d := cmp.Diff(lines(export(t, dir, "whole")), lines(export(t, dir, "killed"))); d != "" {
		t.Errorf("the exports differ (-undisturbed +killed)\n%s", d)
	}
}

func lines(b []byte) (out []string) {
	for line := range bytes.Lines(b) {
		out = append(out, string(line))
	}
	return out
}

func cmdStatus(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	panic(fmt.Sprintf("no exit status: %v", err))
}
