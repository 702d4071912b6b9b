// Command replay opens a WACZ package in ReplayWeb.page, in a headless
// Chromium, and ends with status 1 when a page does not show a text.
//
//	replay PACKAGE-DIR FILE.wacz URL TIMESTAMP TEXT
//
// PACKAGE-DIR is the unpacked npm package replaywebpage; TIMESTAMP says which
// capture, as 20260131000000.
package main

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// opener shows the package and tells the server what it sees, through frames
// and shadow trees, until that is the text.
var opener = template.Must(template.New("").Parse(`<!DOCTYPE html><meta charset="utf-8"><script src="/ui.js"></script>
<replay-web-page source="/file.wacz" url="{{.URL}}" ts="{{.TS}}" replayBase="/replay/" embed="replayonly"></replay-web-page>
<script>
function texts(node) {
  let all = node.body ? node.body.innerText : '';
  for (const e of node.querySelectorAll('*')) {
    if (e.shadowRoot) all += texts(e.shadowRoot);
    try { if (e.contentDocument) all += texts(e.contentDocument); } catch {}
  }
  return all;
}
setInterval(() => fetch('/seen', {method: 'POST', body: texts(document)}), 300);
</script>`))

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: replay PACKAGE-DIR FILE.wacz URL TIMESTAMP TEXT")
	}
	dir, file, want := os.Args[1], os.Args[2], os.Args[5]
	seen := make(chan string)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) {
		opener.Execute(rw, struct{ URL, TS string }{os.Args[3], os.Args[4]})
	})
	mux.HandleFunc("GET /file.wacz", func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, file) })
	mux.HandleFunc("GET /ui.js", func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, filepath.Join(dir, "ui.js")) })
	mux.HandleFunc("GET /replay/sw.js", func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, filepath.Join(dir, "sw.js")) })
	mux.HandleFunc("POST /seen", func(rw http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		select {
		case seen <- string(text):
		case <-r.Context().Done():
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, mux)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	profile, err := os.MkdirTemp("", "replay-*")
	if err != nil {
		log.Fatal(err)
	}
	browser := exec.CommandContext(ctx, browserName(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--remote-debugging-port=0", "--user-data-dir="+profile, "http://"+l.Addr().String()+"/")
	if err := browser.Start(); err != nil {
		log.Fatal(err)
	}
	last, shown := "", false
	for !shown && ctx.Err() == nil {
		select {
		case last = <-seen:
			shown = strings.Contains(last, want)
		case <-ctx.Done():
		}
	}
	cancel()
	browser.Wait() // it was killed
	os.RemoveAll(profile)
	if !shown {
		log.Fatalf("%s at %s does not show %q, but %.300q", os.Args[3], os.Args[4], want, last)
	}
	fmt.Printf("%s at %s: ReplayWeb.page shows %q\n", os.Args[3], os.Args[4], want)
}

func browserName() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	log.Fatal("there is no chromium")
	return ""
}
