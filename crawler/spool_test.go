package crawler

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"luutin/store"
)

// A pattern is a long body that nobody holds in memory.
type pattern struct{ at, length int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.length {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.length-p.at)]
	for i := range b {
		b[i] = byte((p.at + int64(i)) % 251)
	}
	p.at += int64(len(b))
	return len(b), nil
}

func digestOf(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return string(h.Sum(nil))
}

// allocated is how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Attachments of 64 MiB reach the archive, plain and gzip-coded, whole or cut
// at the limit, and come out of it again, without ever being in memory.
func TestLongAttachments(t *testing.T) {
	const length, limit = 64 << 20, 65 << 20
	inWorld(t, func(t *testing.T, w *world) {
		mux := http.NewServeMux()
		serve := func(path, coding string, n int64) {
			mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/pdf")
				var to io.Writer = rw
				if coding == "gzip" {
					rw.Header().Set("Content-Encoding", coding)
					z := gzip.NewWriter(rw)
					defer z.Close()
					to = z
				}
				io.Copy(to, &pattern{length: n})
			})
		}
		serve("/plain.pdf", "", length)
		serve("/coded.pdf", "gzip", length-1)
		serve("/long.pdf", "", limit+1)
		serve("/bomb.pdf", "gzip", 4*limit)
		w.ministry.odd = mux
		w.MaxFile, w.Workers = limit, 1
		w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3", "/news/4"))
		for i, name := range []string{"plain", "coded", "long", "bomb"} {
			w.ministry.set("/news/"+string(rune('1'+i)), news("Tin "+name, "/odd/"+name+".pdf"))
		}
		used := allocated(func() {
			if s := w.run(t); s.Failed != 2 {
				t.Errorf("summary %+v, want two failures", s)
			}
		})
		if used > 32<<20 { // half of it are tables of encoders
			t.Errorf("%d bytes were allocated", used)
		}
		for name, want := range map[string]struct {
			state  store.State
			reason string
			length int64
		}{
			"plain": {store.Done, "", length}, "coded": {store.Done, "", length - 1},
			"long": {store.RetryAt, "longer than 65 MiB", limit}, "bomb": {store.RetryAt, "longer than 65 MiB", limit},
		} {
			url := "http://" + moj + "/odd/" + name + ".pdf"
			for target := range w.Archive.Targets(t.Context(), store.Selection{URLs: []string{url}}) {
				if target.State != want.state || target.Reason != want.reason {
					t.Errorf("%s is %s (%s), want %s (%s)", url, target.State, target.Reason, want.state, want.reason)
				}
				if want.state != store.Done {
					continue
				}
				used := allocated(func() {
					body, err := w.Archive.Body(t.Context(), target.Capture)
					if err != nil {
						t.Fatal(err)
					}
					defer body.Close()
					if digestOf(t, body) != digestOf(t, &pattern{length: want.length}) {
						t.Errorf("%s came out as another", url)
					}
				})
				if used > 1<<20 {
					t.Errorf("%d bytes were allocated to read %s", used, url)
				}
			}
		}
		if s, err := w.Archive.Stats(t.Context()); err != nil || s.Bytes < 2*length+limit {
			t.Errorf("Stats() = %+v, %v; the long one cut at its limit should be kept too", s, err)
		}
	})
}

// One long file among few pages does not make a host slow.
func TestFilesDoNotCountForTheSpeedOfAHost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		mux := http.NewServeMux()
		slow := func(path, body string, length int64) {
			mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(body, "<") {
					time.Sleep(time.Second)
				} else {
					time.Sleep(10 * time.Second)
				}
				io.WriteString(rw, body)
				io.Copy(rw, &pattern{length: length})
			})
		}
		slow("/news/1", "<!doctype html>"+news("Tin", "/odd/a.pdf"), 0)
		slow("/news/2", "<!doctype html>"+news("Tin hai", "/odd/b.pdf"), 0)
		slow("/a.pdf", "%PDF-1.4", 10)
		slow("/b.pdf", "%PDF-1.4", 2<<20)
		slow("/c.pdf", "%PDF-1.4", 10)
		w.ministry.odd = mux
		w.ministry.set("/list", list("", "/odd/news/1", "/odd/news/2", "/odd/c.pdf")) // one that is no article
		w.run(t)
		days, err := w.Archive.Days(t.Context(), moj, "")
		if err != nil || len(days) == 0 {
			t.Fatalf("days %v, error %v", days, err)
		}
		answers, took := int64(0), int64(0)
		for _, d := range days {
			answers, took = answers+d.Counts[CountAnswers], took+d.Counts[CountTook]
		}
		if answers != 2 || took != 2000 {
			t.Errorf("%d answers took %d ms, want two that took a second each", answers, took)
		}
	})
}

// A spool that cannot be written ends the run, as every error of the archive
// does: the next visit would lose its body too. Nothing of it is recorded.
func TestSpoolFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", news("Tin", "/news/2.pdf"))
		w.ministry.set("/news/2.pdf", strings.Repeat("%PDF", 1<<20))
		w.Archive = &fullArchive{w.Archive}
		_, err := w.Run(t.Context(), []string{moj})
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "2.pdf") {
			t.Errorf("Run = %v, want %v", err, syscall.ENOSPC)
		}
		if s, err := w.Archive.Stats(t.Context()); err != nil || s.Visits != 2 {
			t.Errorf("Stats() = %+v, %v", s, err)
		}
	})
}

// A fullArchive has no space for long bodies.
type fullArchive struct{ store.Archive }

func (a *fullArchive) Spool(ctx context.Context) (store.Spool, error) {
	s, err := a.Archive.Spool(ctx)
	return &fullSpool{s}, err
}

type fullSpool struct{ store.Spool }

func (s *fullSpool) Write(p []byte) (int, error) { return 0, syscall.ENOSPC }
