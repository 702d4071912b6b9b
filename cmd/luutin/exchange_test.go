package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExchangeDocs runs every command of docs/exchange.md as it is written, on
// an archive of saved pages.
func TestExchangeDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exchange.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../testdata/sites/moj.gov.vn/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no saved pages: %v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "saved"), 0o777); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "saved", filepath.Base(page))
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	commands := []string{"luutin import saved"}
	for line := range strings.Lines(string(doc)) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			command, _, _ = strings.Cut(command, "#")
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	if len(commands) < 8 {
		t.Errorf("only %d commands: %q", len(commands), commands)
	}
	for _, command := range commands {
		args := strings.Fields(command)
		if args[0] != "luutin" {
			t.Errorf("%s: what is it?", command)
			continue
		}
		var out, errOut bytes.Buffer
		if status := run(args[1:], strings.NewReader(""), &out, &errOut); status != statusYes {
			t.Errorf("%s: status %d\n%s%s", command, status, &out, &errOut)
		}
	}
	for _, name := range []string{"all.warc.gz", "all.wacz", "moj-2026.warc.gz", "copy/archive.db", "whole/archive.db"} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
