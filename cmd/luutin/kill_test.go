package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
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

// sample serves the sample ministry, and returns where its definitions are.
func sample(t *testing.T) (web *ministry.Web, server *httptest.Server, sites string) {
	t.Helper()
	web, err := ministry.New()
	if err != nil {
		t.Fatal(err)
	}
	if sites, err = filepath.Abs("../../testdata/ministry/sites"); err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(web)
	t.Cleanup(server.Close)
	return web, server, sites
}

// TestKilledCrawl kills a crawl at random moments: twenty times, or as often as
// LUUTIN_KILLS says. What a last run to the end leaves must be what an
// undisturbed crawl leaves, and no article that was in the archive after a kill
// is asked for again.
func TestKilledCrawl(t *testing.T) {
	web, server, sites := sample(t)
	var err error
	dir := t.TempDir()
	crawl := func(archive string) *exec.Cmd {
		return program(t, dir, "--archive", archive, "--sites", sites, "crawl", "--quiet", "--delay", "1ms", "--proxy", server.URL, "bomau-www", "bomau-bao", "bomau-luat", "bomau-tinhthanh", "bomau-cong")
	}
	kills := 20
	if s := os.Getenv("LUUTIN_KILLS"); s != "" {
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if out, err := crawl("whole").CombinedOutput(); err != nil && cmdStatus(err) != statusNo {
		t.Fatalf("undisturbed crawl: %v\n%s", err, out)
	}
	took := time.Since(start)

	seed := rand.Uint64()
	t.Logf("seed %d; an undisturbed crawl took %v", seed, took)
	rnd := rand.New(rand.NewPCG(seed, 1))
	// The more kills, the sooner they come: each is to hit a crawl that has something to do.
	window := max(took*10/time.Duration(kills), 200*time.Millisecond)
	done := map[string]int{} // how often what is committed was asked for when it was
	for i := range kills {
		cmd := crawl("killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(rnd.Int64N(int64(window)))):
			cmd.Process.Kill()
			<-ended
		case <-ended:
		}
		asked := web.Asked()
		for _, url := range committed(t, filepath.Join(dir, "killed")) {
			if _, ok := done[url]; !ok {
				done[url] = asked[url]
			}
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
	asked := web.Asked()
	for url, n := range done {
		if asked[url] != n {
			t.Errorf("%s was asked for %d times more after it was in the archive", url, asked[url]-n)
		}
	}
	if len(done) < 20 {
		t.Errorf("only %d articles were in the archive after the kills", len(done))
	}
	// Two hosts of a site name the same articles, one in a sitemap and one in lists:
	// which is known first is a matter of time.
	if d := cmp.Diff(sortedLines(export(t, dir, "whole")), sortedLines(export(t, dir, "killed"))); d != "" {
		t.Errorf("the exports differ (-undisturbed +killed)\n%s", d)
	}
}

// committed returns the articles of which an archive holds a visit.
func committed(t *testing.T, dir string) (urls []string) {
	a, err := bolt.Open(dir, bolt.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // killed before it made one
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for target, err := range a.Targets(t.Context(), store.Selection{Kinds: []extract.Kind{extract.KindArticle}, States: []store.State{store.Done}}) {
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, target.URL)
	}
	return urls
}

func sortedLines(b []byte) (out []string) {
	for line := range bytes.Lines(b) {
		out = append(out, string(line))
	}
	slices.Sort(out)
	return out
}

func cmdStatus(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	panic(fmt.Sprintf("no exit status: %v", err))
}
