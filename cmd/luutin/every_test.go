package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"luutin/testdata/ministry"
)

// TestStop stops a crawl that goes on for ever at the moments when it waits
// longest: between two crawls, for a host's turn, for an answer, and for
// another process to be done with the archive.
func TestStop(t *testing.T) {
	web, err := ministry.New()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		if r.URL.Path != "/robots.txt" && r.Header.Get("User-Agent") == "patient" {
			<-r.Context().Done()
			return
		}
		web.ServeHTTP(w, r)
	}))
	defer server.Close()
	sites, err := filepath.Abs("../../testdata/ministry/sites")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		flags []string
		until string // a line that says that the moment has come; "" means the second request
	}{
		{"between two crawls", []string{"--delay", "1ms"}, "the next crawl begins at "},
		{"waiting for a turn", []string{"--delay", "1h"}, ""},
		{"waiting for an answer", []string{"--delay", "1ms", "--user-agent", "patient"}, ""},
		{"waiting for the archive", nil, "is in use by process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"--archive", "archive", "--sites", sites, "crawl", "--every", "1h", "--proxy", server.URL}
			if strings.Contains(tt.until, "in use") {
				holder := program(t, dir, append(args, "--delay", "1h", "bomau-bao")...)
				if err := holder.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { holder.Process.Kill(); holder.Wait() }()
				<-asked // it has the archive
			}
			cmd := program(t, dir, append(append(args, tt.flags...), "bomau-bao")...)
			errOut, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(errOut)
			if tt.until == "" {
				<-asked
				if tt.flags[1] != "1h" {
					<-asked // robots.txt came before
				}
			} else {
				for said.Scan() && !strings.Contains(said.Text(), tt.until) {
				}
			}
			begun := time.Now()
			cmd.Process.Signal(syscall.SIGTERM)
			var last string
			for said.Scan() {
				last = said.Text()
			}
			err = cmd.Wait()
			if took := time.Since(begun); took > time.Second {
				t.Errorf("it took %v to stop, want a second at most", took)
			}
			if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != statusInterrupted || !strings.Contains(last, "interrupted") {
				t.Errorf("%v, and last it said %q; want status 130", err, last)
			}
			for len(asked) > 0 {
				<-asked
			}
			if tt.name != "waiting for the archive" {
				if out, err := program(t, dir, "--archive", "archive", "verify").CombinedOutput(); err != nil {
					t.Errorf("verify: %v\n%s", err, out)
				}
			}
		})
	}
}
