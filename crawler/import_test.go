package crawler

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
	"luutin/store/warc"
)

// captured is a WARC record of an answer on a day of January 1999.
func captured(day int, path, head, body string) string {
	block := "HTTP/1.1 " + head + "\r\n\r\n" + body
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nWARC-Date: 1999-01-%02dT12:00:00Z\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n",
		"http://www."+moj+path, day, len(block), block)
}

func (w *world) take(t *testing.T, records ...string) (Imported, *warc.Input) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.warc")
	if err := os.WriteFile(name, []byte(strings.Join(records, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := warc.Open(t.Context(), []string{name}, w.Sites, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	sum, err := w.Import(t.Context(), in.All(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	for p := range w.Archive.Verify(t.Context()) {
		t.Errorf("verify: %s", p)
	}
	return sum, in
}

func (w *world) at(t *testing.T, known string) store.Target {
	t.Helper()
	for x, err := range w.Archive.Targets(t.Context(), store.Selection{URLs: []string{known}}) {
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	t.Fatalf("no target is known by %s", known)
	return store.Target{}
}

func TestImport(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const html = "200 OK\r\nContent-Type: text/html; charset=utf-8"
		file := strings.Repeat("%PDF-1.4 ", 300_000)
		one := news("Tin số 1", "/files/1.pdf")
		records := []string{
			captured(5, "/news/1", html+"\r\nETag: \""+fmt.Sprint(len(one))+"\"", one),
			captured(1, "/list", html, list("", "/news/1", "/news/2")),
			captured(3, "/news/1", html, news("Tin số một", "")),
			captured(6, "/old", "301 Moved Permanently\r\nLocation: /news/3", ""),
			captured(6, "/news/3", html, news("Tin số 3", "")),
			captured(7, "/files/1.pdf", "200 OK\r\nContent-Type: application/pdf", file),
			captured(7, "/about", html, "<!DOCTYPE html><title>Giới thiệu</title><p>Không có tin."),
			captured(8, "/news/gone", "404 Not Found\r\nContent-Type: text/html", "không có"),
			captured(8, "/news/walled", "403 Forbidden\r\nContent-Type: text/html", "không được"),
			captured(8, "/news/busy", "500 Internal Server Error\r\nContent-Type: text/html", "lỗi"),
			captured(8, "/news/empty", html, ""),
			captured(8, "/news/broken", html+"\r\nContent-Encoding: gzip", "\x1f\x8b\x08\x00 no more"),
			captured(9, "/style.css", "200 OK\r\nContent-Type: text/css", "p{}"),
		}
		sum, in := w.take(t, records...)
		if len(sum.Skips) != 1 || !strings.Contains(sum.Skips[0].Where, "a.warc, at byte ") {
			t.Errorf("skipped %v", sum.Skips)
		}
		var named []string
		for _, p := range sum.Problems {
			named = append(named, p.String())
		}
		slices.Sort(named)
		if d := cmp.Diff([]string{
			"http://www.moj.test/about: the list links to nothing: no link on it has the shape of an article's URL",
			"http://www.moj.test/news/walled: 403 Forbidden",
		}, named); d != "" {
			t.Errorf("problems differ (-want +got)\n%s", d)
		}
		sum.Skips, sum.Problems = nil, nil
		want := Imported{Found: 11, Added: 2, Changed: 1, Lists: 1, Files: 1, Gone: 1, Blocked: 1, Useless: 2, Damaged: 1, Unread: 1}
		if d := cmp.Diff(want, sum); d != "" || in.Aside != 1 {
			t.Errorf("%d aside; sum differs (-want +got)\n%s", in.Aside, d)
		}

		var versions []string
		for v, err := range w.Archive.Articles(t.Context(), store.Query{History: true}) {
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, fmt.Sprintf("%d of %s, %s", v.Number, v.Site, v.Fetched.Format("2006-01-02")))
		}
		if d := cmp.Diff([]string{"1 of moj.test, 1999-01-03", "2 of moj.test, 1999-01-05", "1 of moj.test, 1999-01-06"}, versions); d != "" {
			t.Errorf("versions differ (-want +got)\n%s", d)
		}
		if id, err := w.Archive.Resolve(t.Context(), "http://www.moj.test/old"); err != nil || id == "" {
			t.Errorf("the address that redirected leads to %q, %v", id, err)
		}
		for known, want := range map[string]store.Target{
			"http://moj.test/list":        {Kind: extract.KindList, State: store.Done, Depth: 0},
			"http://moj.test/news/1":      {Kind: extract.KindArticle, State: store.Done, Depth: 1},
			"http://moj.test/news/2":      {Kind: extract.KindArticle, State: store.Due, Depth: 1},
			"http://moj.test/files/1.pdf": {Kind: extract.KindAttachment, State: store.Done, Depth: 2},
			"http://moj.test/about":       {Kind: extract.KindList, State: store.Done, Depth: 1},
			"http://moj.test/news/gone":   {Kind: extract.KindArticle, State: store.Gone, Depth: 1},
			"http://moj.test/news/walled": {Kind: extract.KindArticle, State: store.Blocked, Depth: 1},
		} {
			got := w.at(t, known)
			if got.Kind != want.Kind || got.State != want.State || got.Depth != want.Depth {
				t.Errorf("%s: %s, %s, depth %d; want %+v", known, got.Kind, got.State, got.Depth, want)
			}
		}
		if p, err := w.Archive.Capture(t.Context(), w.at(t, "http://moj.test/files/1.pdf").Capture); err != nil || string(p.Body) != file {
			t.Errorf("the file: %d bytes, %v", len(p.Body), err)
		}

		// Again it adds nothing. What is older than what is there makes no version.
		if sum, _ := w.take(t, records...); sum.Added+sum.Changed+sum.Unchanged+sum.Lists+sum.Files != 0 || sum.Known != 8 {
			t.Errorf("again: %+v", sum)
		}
		// What was captured in the same second and is different is kept, once.
		for again, want := range []Imported{{Found: 2, Known: 1, Earlier: 1}, {Found: 2, Known: 2}} {
			sum, _ := w.take(t, captured(3, "/news/1", html, news("Tin số một, lần hai", "")), captured(3, "/news/1", html, news("Tin số một", "")))
			if d := cmp.Diff(want, sum); d != "" {
				t.Errorf("two of a second, %d: sum differs (-want +got)\n%s", again, d)
			}
		}
		before := w.at(t, "http://moj.test/news/1")
		if sum, _ := w.take(t, captured(2, "/news/1", html, news("Tin đầu tiên", ""))); sum.Earlier != 1 || sum.Found != 1 {
			t.Errorf("an older one: %+v", sum)
		}
		if after := w.at(t, "http://moj.test/news/1"); !cmp.Equal(before, after) {
			t.Errorf("an older visit made of the target (-before +after)\n%s", cmp.Diff(before, after))
		}

		// A crawl goes on from there.
		asked := ""
		w.net.serve(t, "www."+moj, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/news/1" {
				asked = r.Header.Get("If-None-Match")
			}
			w.ministry.ServeHTTP(rw, r)
		}))
		w.ministry.set("/list", list("", "/news/1", "/news/2"))
		w.ministry.set("/news/1", one)
		w.ministry.set("/news/2", news("Tin số 2", ""))
		w.ministry.set("/news/3", news("Tin số 3", ""))
		s := w.run(t)
		if s.Added != 1 || s.Changed != 0 || asked != fmt.Sprintf("%q", fmt.Sprint(len(one))) {
			t.Errorf("the crawl: %s; it asked for %q", s.String(), asked)
		}
	})
}
