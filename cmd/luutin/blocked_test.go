package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"luutin/crawler/watch"
)

// TestBlockedAndCut crawls a site that forbids some, sends some only in part,
// and has a wall.
func TestBlockedAndCut(t *testing.T) {
	var robots atomic.Value // its robots.txt
	robots.Store("")
	item := func(n int) string {
		return fmt.Sprintf(`<html><head><title>Tin số %d</title></head><body><h1>Tin số %[1]d</h1><span class="date">19/01/2018 14:39</span><div class="body"><p>Sáng ngày 19/01, Bộ đã tổ chức Hội nghị triển khai công tác năm %[1]d.</p></div>`, n)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/robots.txt":
			io.WriteString(w, robots.Load().(string))
		case "/list":
			io.WriteString(w, `<ul><li><a href="/news/1">Một</a><li><a href="/news/2">Hai</a></ul>`)
		case "/news/1":
			io.WriteString(w, item(1)+`<a class="file" href="/a.pdf">Quyết định</a>`)
		case "/news/2":
			w.Header().Set("Content-Length", "9999")
			io.WriteString(w, item(2))
		case "/a.pdf":
			w.Header().Set("Content-Type", "application/pdf")
			io.WriteString(w, "%PDF-1.4")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "sites"), 0o777)
	site := "hosts = ['127.0.0.1']\nprivate = true\ndelay = '1ms'\nstart = ['URL/list']\narticles = '^/news/'\n[[list]]\nurl = '^/list'\nlinks = 'li a'\n[[layout]]\nname = 'only'\ntitle = 'h1'\npublished = '.date'\nbody = '.body'\nattachments = 'a.file'\n"
	if err := os.WriteFile(filepath.Join(dir, "sites", "here.toml"), []byte(strings.ReplaceAll(site, "URL", server.URL)), 0o666); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) (out string) {
		t.Helper()
		cmd := program(t, dir, append([]string{"--archive", "archive", "--sites", "sites"}, args...)...)
		b, err := cmd.CombinedOutput()
		got := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			got = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("luutin %s: status %d, want %d\n%s", strings.Join(args, " "), got, want, b)
		}
		return string(b)
	}
	says := func(out, want string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("it says %q, want %q in it", out, want)
		}
	}

	says(run(1, "crawl", "here"), "the connection was lost after")
	cut := server.URL + "/news/2"
	says(run(1, "show", cut), "luutin show --page prints what came")
	page := run(0, "show", "--page", cut)
	says(page, "/news/2 is kept as far as it came: the connection was lost after")
	says(page, item(2))
	file := run(1, "show", server.URL+"/a.pdf")
	says(file, "no article; it is an attachment, state done, last visited ")
	says(file, "luutin show --page prints what came")
	if strings.Contains(file, "not in the archive") {
		t.Errorf("of a file that is in the archive it says %q", file)
	}
	says(run(0, "show", "--page", "--quiet", server.URL+"/a.pdf"), "%PDF-1.4")

	robots.Store("User-agent: *\nDisallow: /")
	says(run(1, "--archive", "forbidden", "crawl", "here"), "1 visited: 0 added, 1 blocked")
	says(run(1, "--archive", "forbidden", "show", server.URL+"/list"), "nothing of it is kept")
	robots.Store("User-agent: *\nDisallow: /news/")
	says(run(1, "--archive", "partly", "crawl", "here"), "2 blocked")
	robots.Store("User-agent: *\nDisallow: /news/2")
	says(run(1, "--archive", "less", "crawl", "here"), "1 blocked")
	says(run(0, "--archive", "less", "crawl", "here"), "1 visited: 0 added, 1 list")
}

func TestCounts(t *testing.T) {
	s := watch.Sum{Visits: 20, Failed: 15, Causes: map[string]int{"a": 5, "b": 4, "c": 3, "d": 2, "e": 1}}
	if got, want := counts(s, 0), "20 visits, 0 new, 0 changed, 15 failed (a 5, b 4, c 3, d 2, e 1)"; got != want {
		t.Errorf("counts = %q, want %q", got, want)
	}
	if got, want := counts(s, 4), "20 visits, 0 new, 0 changed, 15 failed (a 5, b 4, c 3, d 2, …)"; got != want {
		t.Errorf("counts at a glance = %q, want %q", got, want)
	}
}
