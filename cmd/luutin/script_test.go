package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"luutin/testdata/ministry"
)

// TestMain lets this test binary be the program: scripts run it as luutin, and
// the tests that kill it run themselves.
func TestMain(m *testing.M) {
	// The race detector would have each of some hundred processes sleep for a
	// second before it ends. What it finds it tells at once.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	testscript.Main(m, map[string]func(){"luutin": main})
}

// TestScript runs testdata/script/*.txtar, each with the sample ministry of its
// own behind $PROXY. "edition N" switches the edition that it serves.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	type key struct{}
	type redesignKey struct{}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join(root, "testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			web, err := ministry.New()
			if err != nil {
				return err
			}
			dress := &redesign{web: web}
			server := httptest.NewServer(dress)
			env.Defer(server.Close)
			env.Values[key{}] = web
			env.Values[redesignKey{}] = dress
			env.Setenv("PROXY", server.URL)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("ROOT", root)
			env.Setenv("SITES", filepath.Join(root, "testdata", "ministry", "sites"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"edition": func(ts *testscript.TestScript, _ bool, args []string) {
				n, err := strconv.Atoi(args[0])
				ts.Check(err)
				ts.Check(ts.Value(key{}).(*ministry.Web).SetEdition(n))
			},
			// redesign OLD=>NEW… renames words in the HTML of all pages from now on.
			"redesign": func(ts *testscript.TestScript, _ bool, args []string) {
				var words []string
				for _, arg := range args {
					old, word, _ := strings.Cut(arg, "=>")
					words = append(words, old, word)
				}
				ts.Value(redesignKey{}).(*redesign).words.Store(strings.NewReplacer(words...))
			},
			// overwrite FILE fills a page of a bbolt file that holds large values with
			// zeros.
			"overwrite": func(ts *testscript.TestScript, _ bool, args []string) {
				name := ts.MkAbs(args[0])
				b, err := os.ReadFile(name)
				ts.Check(err)
				at := bytes.LastIndex(b, []byte(`"digest":"`)) / 4096 * 4096
				clear(b[at : at+4096])
				ts.Check(os.WriteFile(name, b, 0o666))
			},
			// spoil FILE TEXT flips a bit of a text wherever it stands in a file, as it does
			// in what an article was read as.
			"spoil": func(ts *testscript.TestScript, _ bool, args []string) {
				name := ts.MkAbs(args[0])
				b, err := os.ReadFile(name)
				ts.Check(err)
				if !bytes.Contains(b, []byte(args[1])) {
					ts.Fatalf("%q is not in %s", args[1], args[0])
				}
				other := []byte(args[1])
				other[0] ^= 1
				ts.Check(os.WriteFile(name, bytes.ReplaceAll(b, []byte(args[1]), other), 0o666))
			},
			// behead FILE damages the newest meta page of a bbolt file.
			"behead": func(ts *testscript.TestScript, _ bool, args []string) {
				name := ts.MkAbs(args[0])
				b, err := os.ReadFile(name)
				ts.Check(err)
				page := os.Getpagesize()
				at := 0
				if binary.NativeEndian.Uint64(b[page+64:]) > binary.NativeEndian.Uint64(b[64:]) {
					at = page
				}
				b[at+32] ^= 1
				ts.Check(os.WriteFile(name, b, 0o666))
			},
			// envfile NAME FILE sets a variable to what a file holds.
			"envfile": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
			},
			// status N COMMAND… runs a command that must end with status N.
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if strconv.Itoa(got) != args[0] {
					ts.Fatalf("status %d, want %s", got, args[0])
				}
			},
			// await FILE waits for a command in the background to write a file.
			"await": func(ts *testscript.TestScript, _ bool, args []string) {
				for range 1000 {
					if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				ts.Fatalf("%s did not come", args[0])
			},
		},
	})
}

// A redesign is the sample ministry with other class names.
type redesign struct {
	web   http.Handler
	words atomic.Pointer[strings.Replacer]
}

func (d *redesign) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	words := d.words.Load()
	if words == nil {
		d.web.ServeHTTP(rw, r)
		return
	}
	r.Header.Del("If-None-Match")
	r.Header.Del("If-Modified-Since")
	answer := httptest.NewRecorder()
	d.web.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
		body = []byte(words.Replace(answer.Body.String()))
	}
	maps.Copy(rw.Header(), answer.Header())
	rw.Header().Del("Content-Length")
	rw.WriteHeader(answer.Code)
	rw.Write(body)
}
