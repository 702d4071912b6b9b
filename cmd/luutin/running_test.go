package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRunningDocs uses what docs/running.md shows as it is written: every
// command line of luutin must be one that it understands, and systemd must
// understand the units.
func TestRunningDocs(t *testing.T) {
	raw, err := os.ReadFile("../../docs/running.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	n := 0
	for _, m := range regexp.MustCompile("(?m)(?:^ +|`|ExecStart=/usr/local/bin/|/usr/local/bin/|keep-id )luutin ((?:crawl|serve|export|show|verify|sites|backup|compact|reextract|prove|checkpoint|repair|retain)[^`>\n]*)").FindAllStringSubmatch(text, -1) {
		n++
		args := strings.Fields(m[1])
		cmd, rest, err := newRoot().Find(args)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err != nil {
			t.Errorf("luutin %s: %v", m[1], err)
		}
	}
	if n < 8 {
		t.Errorf("%d commands were found, want 8 at least", n)
	}

	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var units []string
	for _, m := range regexp.MustCompile("(?s)`/etc/systemd/system/([^`]+)`:\n\n```ini\n(.*?)```").FindAllStringSubmatch(text, -1) {
		unit := filepath.Join(dir, m[1])
		units = append(units, unit)
		if err := os.WriteFile(unit, []byte(strings.ReplaceAll(m[2], "/usr/local/bin/luutin", self)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(units) != 3 {
		t.Errorf("%d units were found, want 3", len(units))
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir) || strings.Contains(line, "luutin") {
			t.Errorf("systemd-analyze: %s", line)
		}
	}
	t.Logf("systemd-analyze verify: %v\n%s", err, out)
}

// TestInterrupted wants no command to promise what it does not do.
func TestInterrupted(t *testing.T) {
	for line, want := range map[string]string{
		"crawl":              "; what was committed is kept, and the same command goes on from there",
		"index":              "; what was committed is kept, and the same command goes on from there",
		"serve --crawl":      "; what was committed is kept, and the same command goes on from there",
		"serve":              "",
		"search x":           "; the archive was only read",
		"export":             "; what was written is not whole",
		"export -o -":        "; what was written is not whole",
		"export -o x.jsonl":  "; nothing was written to x.jsonl",
		"export --package x": "; nothing was written to x",
	} {
		cmd, rest, err := newRoot().Find(strings.Fields(line))
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := leaves(cmd); got != want {
			t.Errorf("luutin %s says %q, want %q", line, got, want)
		}
	}
}
