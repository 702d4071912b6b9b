package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestReadOnlyMedium looks at an archive where nothing can be written, with an
// index and without.
func TestReadOnlyMedium(t *testing.T) {
	dir := t.TempDir()
	sh := func(script string) (string, error) {
		cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount --bind archive archive && mount -o remount,bind,ro archive && "+script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	_, server, sites := sample(t)
	if out, err := program(t, dir, "--sites", sites, "crawl", "--quiet", "--delay", "1ms", "--proxy", server.URL, "bomau-bao").CombinedOutput(); err != nil {
		t.Fatalf("crawl: %v: %s", err, out)
	}
	if out, err := sh("! touch archive/x"); err != nil {
		t.Skipf("nothing can be mounted here: %v: %s", err, out)
	}
	const serve = `: >said; { ./luutin serve --address 127.0.0.1:0 2>said & } && until grep -q . said; do sleep .02; done; kill $!; cat said`
	for _, script := range []string{"./luutin search nhiem vu", "./luutin export --query nhiem", serve} {
		if out, _ := sh(script); !strings.Contains(out, "let somebody run luutin index who may write there") {
			t.Errorf("%s without an index says %s", script, out)
		}
	}
	if out, err := program(t, dir, "index").CombinedOutput(); err != nil {
		t.Fatalf("index: %v: %s", err, out)
	}
	for script, want := range map[string]string{"./luutin search nhiem vu": "nhiệm vụ", "./luutin export --query nhiem": `"id"`, serve: "the archive is at http"} {
		if out, err := sh(script); !strings.Contains(out, want) {
			t.Errorf("%s with an index: %v: %s", script, err, out)
		}
	}
}
