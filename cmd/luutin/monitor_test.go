package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"luutin/crawler"
	"luutin/crawler/watch"
	"luutin/store"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestMonitor(t *testing.T) {
	m := newMonitor(time.Hour)
	server := httptest.NewServer(m.handler())
	defer server.Close()
	health := func(want int, says string) {
		t.Helper()
		status, body := get(t, server.URL+"/healthz")
		if status != want || !strings.Contains(body, says) || !json.Valid([]byte(body)) {
			t.Errorf("healthz: %d %s, want %d and %s", status, body, want, says)
		}
	}
	health(200, `"status":"ok"`)
	if _, body := get(t, server.URL+"/metrics"); strings.Contains(body, "luutin_crawl_began") || !strings.Contains(body, "luutin_crawl_running 0") {
		t.Errorf("metrics before any crawl: %s", body)
	}
	m.begin()
	health(200, `"crawl":"running"`)
	m.event(crawler.Event{Site: "m", Result: store.Fetched, Article: store.Added, Bytes: 70})
	m.event(crawler.Event{Site: "m", Result: store.Fetched, Bytes: 7})
	m.saw([]watch.Report{{
		Site: "m", LastSuccess: time.Unix(1500000000, 0), Newest: "2017-07-14", Silence: 3, Usual: 14,
		Fields: []watch.Field{{Name: "title", Recent: .5, Usual: 1}, {Name: "lead", Recent: -1, Usual: -1}},
		Alarms: []store.Alarm{{Name: watch.RuleDied}},
	}}, map[store.State]int{store.Due: 12})
	m.end(errNo) // pages that failed are no trouble of the service
	m.waits(time.Now().Add(time.Hour))
	health(200, `"alarms":["m: rule died"]`)
	status, body := get(t, server.URL+"/metrics")
	if status != 200 {
		t.Fatalf("metrics: %d %s", status, body)
	}
	lines := strings.Split(body, "\n")
	for _, want := range []string{
		`luutin_visits_total{result="fetched",site="m"} 2`,
		`luutin_articles_total{outcome="added",site="m"} 1`,
		`luutin_bytes_total{site="m"} 77`,
		`luutin_alarm{name="rule died",site="m"} 1`,
		`luutin_alarm{name="quiet",site="m"} 0`,
		`luutin_last_success_timestamp_seconds{site="m"} 1.5e+09`,
		`luutin_field_fill_ratio{field="title",site="m"} 0.5`,
		`luutin_silence_days{site="m"} 3`,
		`luutin_frontier_targets{state="due"} 12`,
		`luutin_crawl_running 0`,
		`# TYPE luutin_alarm gauge`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(body, `field="lead"`) {
		t.Error("metrics have a share of no pages")
	}
	m.end(errors.New("the disk is full"))
	health(503, "the disk is full")
	m.begin()
	m.end(nil)
	m.waits(time.Now().Add(-3 * time.Hour))
	health(503, "no crawl has begun since")
}

// TestMonitorOfAnArchive asks how an archive is that nobody crawls into.
func TestMonitorOfAnArchive(t *testing.T) {
	var trouble error
	m := newMonitor(time.Hour)
	m.archive = &watchedArchive{
		stats: func(context.Context) (store.Stats, error) {
			return store.Stats{Articles: 12, Targets: map[store.State]int{store.Done: 14}}, trouble
		},
		judge: func(context.Context) ([]watch.Report, error) {
			return []watch.Report{{Site: "m", Newest: "2017-07-14", Silence: 3, Alarms: []store.Alarm{{Name: watch.RuleDied}}}}, nil
		},
	}
	ask := func(path string, want int, says ...string) {
		t.Helper()
		w := httptest.NewRecorder()
		m.handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		for _, s := range says {
			if w.Code != want || !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s: %d %s, want %d and %s", path, w.Code, w.Body, want, s)
			}
		}
	}
	ask("/healthz", 200, `"status":"ok"`, `"crawl":"none"`, `"alarms":["m: rule died"]`)
	ask("/metrics", 200, "luutin_archive_readable 1\n", "luutin_archive_articles 12\n", `luutin_frontier_targets{state="done"} 14`, `luutin_alarm{name="rule died",site="m"} 1`, `luutin_silence_days{site="m"} 3`)
	trouble = &store.InUse{}
	ask("/healthz", 200, `"status":"ok"`)
	trouble = fs.ErrNotExist
	ask("/healthz", 503, "the archive cannot be read: file does not exist")
	ask("/metrics", 200, "luutin_archive_readable 0\n")
	m.archive.crawls = true // and will make it
	ask("/healthz", 200, `"crawl":"waiting"`)
	m.begin()
	m.end(nil)
	ask("/healthz", 503, "the archive cannot be read")
}

// TestListen asks a crawl that goes on for its metrics.
func TestListen(t *testing.T) {
	_, server, sites := sample(t)
	free := httptest.NewServer(nil)
	address := free.Listener.Addr().String()
	free.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := program(t, t.TempDir(), "--sites", sites, "crawl", "--every", "1h", "--delay", "1ms", "--proxy", server.URL, "--listen", address, "bomau-bao")
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	said := make([]byte, 0, 4096)
	for buf := make([]byte, 512); !strings.Contains(string(said), "the next crawl begins at"); {
		n, err := errOut.Read(buf)
		said = append(said, buf[:n]...)
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	if status, body := get(t, "http://"+address+"/healthz"); status != 200 || !strings.Contains(body, `"crawl":"waiting"`) || !strings.Contains(body, "next_crawl") {
		t.Errorf("healthz: %d %s", status, body)
	}
	if _, body := get(t, "http://"+address+"/metrics"); !strings.Contains(body, `luutin_articles_total{outcome="added",site="bomau-bao"} 9`) || !strings.Contains(body, `luutin_frontier_targets{state="done"} 13`) {
		t.Errorf("metrics: %s", body)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	io.Copy(io.Discard, errOut)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != statusInterrupted {
		t.Errorf("%v, want status 130", err)
	}
}
