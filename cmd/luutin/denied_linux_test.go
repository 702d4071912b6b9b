package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDenied has a user meet an archive that another may write to, or of which
// not everything may be read.
func TestDenied(t *testing.T) {
	dir := t.TempDir()
	_, server, sites := sample(t)
	// as runs the program as somebody who has no right but what the files say.
	as := func(args ...string) (out string, status int) {
		cmd := program(t, dir, args...)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		b, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return string(b), exit.ExitCode()
		}
		if err != nil {
			t.Skipf("nothing can be run as another user here: %v", err)
		}
		return string(b), 0
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	own := func(args ...string) {
		t.Helper()
		if out, err := program(t, dir, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	self, err := os.Executable()
	must(err)
	b, err := os.ReadFile(self) // where it lies others cannot go
	must(err)
	must(os.WriteFile(filepath.Join(dir, "luutin"), b, 0o755))
	must(errors.Join(os.Chmod(dir, 0o777), os.Chmod(filepath.Dir(dir), 0o755)))

	page := `<html lang="vi"><body><main id="main"><div class="article-detail"><h1 class="article-detail-title">Ghe mới</h1>
<div class="article-info"><span class="article-date"><span class="format_date">04/03/2020</span></span></div>
<div class="article-detail-content"><p>Sau bốn tháng đóng ở xưởng, chiếc ghe gỗ dài mười hai mét đã cập bến.</p></div></div></main></body></html>`
	random, err := os.ReadFile(self)
	must(err)
	saved := filepath.Join(dir, "saved", "bao.bomau.example")
	must(os.MkdirAll(saved, 0o755))
	must(os.WriteFile(filepath.Join(saved, "ghe-moi-41218.html"), []byte(page+"<!--"+strings.ReplaceAll(string(random[:min(len(random), 12<<20)]), "-->", "")+"-->"), 0o644))
	own("--sites", sites, "import", "--quiet", "saved")
	own("--sites", sites, "crawl", "--quiet", "--delay", "1ms", "--proxy", server.URL, "bomau-luat")
	blobs, err := filepath.Glob(filepath.Join(dir, "archive", "blobs", "*", "*"))
	must(err)
	if len(blobs) == 0 {
		t.Fatal("there is no large file")
	}

	check := func(status int, want, not string, args ...string) {
		t.Helper()
		out, got := as(args...)
		if got != status || !strings.Contains(out, want) || not != "" && strings.Contains(out, not) {
			t.Errorf("luutin %s: status %d, want %d with %q and without %q\n%s", strings.Join(args, " "), got, status, want, not, out)
		}
	}
	t.Cleanup(func() { // t.TempDir is removed
		filepath.WalkDir(filepath.Join(dir, "archive"), func(name string, d fs.DirEntry, err error) error {
			return errors.Join(err, os.Chmod(name, 0o777))
		})
	})
	// What may not be written.
	must(filepath.WalkDir(filepath.Join(dir, "archive"), func(name string, d fs.DirEntry, err error) error {
		mode := fs.FileMode(0o444)
		if d.IsDir() {
			mode = 0o555
		}
		return errors.Join(err, os.Chmod(name, mode))
	}))
	for _, args := range [][]string{{"crawl", "bomau-luat"}, {"compact"}, {"retain", "--older-than", "5y"}, {"reextract"}} {
		check(2, "this user may read the archive but not write to it; run the same as user ", "for reading only", append([]string{"--sites", sites}, args...)...)
	}
	check(0, "luutin/", "", "checkpoint")

	// What may not be read.
	must(os.Chmod(blobs[0], 0))
	check(2, "nothing is known, because this user may not read", "repair", "verify")
	check(2, "run the same as a user who may read it", "lost: ", "repair", "-o", "saved-blob")
	if _, err := os.Stat(filepath.Join(dir, "saved-blob", "archive.db")); err == nil {
		t.Error("repair has made an archive")
	}
	must(os.Chmod(blobs[0], 0o444))
	must(os.Chmod(filepath.Join(dir, "archive", "archive.key"), 0))
	check(2, "run the same as a user who may read it", "lost: ", "repair", "-o", "saved-key")
}
