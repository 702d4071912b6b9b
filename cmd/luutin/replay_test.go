package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"luutin/extract"
)

// A replay is a proxy that answers for real hosts, with or without TLS, what
// was saved of them, and 404 for all else.
type replay struct {
	t     *testing.T
	pages map[string]string // host and request URI to file
	root  *x509.Certificate
	key   *ecdsa.PrivateKey
}

func newReplay(t *testing.T, pages map[string]string) *replay {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{t: t, pages: pages, key: key, root: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "replay"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	return r
}

// authority returns the certificate that clients must trust, as PEM.
func (r *replay) authority() []byte {
	der, err := x509.CreateCertificate(rand.Reader, r.root, r.root, &r.key.PublicKey, r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (r *replay) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
		NotBefore: r.root.NotBefore, NotAfter: r.root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, r.root, &r.key.PublicKey, r.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: r.key}, nil
}

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodConnect {
		r.answer(w, req.URL.Host, req)
		return
	}
	raw, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		r.t.Error(err)
		return
	}
	defer raw.Close()
	io.WriteString(raw, "HTTP/1.1 200 OK\r\n\r\n")
	conn := tls.Server(raw, &tls.Config{GetCertificate: r.certificate})
	host, _, _ := net.SplitHostPort(req.Host)
	in := bufio.NewReader(conn)
	for {
		inner, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		rec := httptest.NewRecorder()
		r.answer(rec, host, inner)
		resp := rec.Result()
		resp.ContentLength = int64(rec.Body.Len())
		if err := resp.Write(conn); err != nil {
			return
		}
	}
}

func (r *replay) answer(w http.ResponseWriter, host string, req *http.Request) {
	file := r.pages[host+req.URL.RequestURI()]
	if file == "" {
		http.NotFound(w, req)
		return
	}
	http.ServeFile(w, &http.Request{Method: req.Method, URL: req.URL, Header: http.Header{}}, file)
}

// TestReplay crawls real sites as they were saved beside the checkout: every
// article that is there and reachable from a list is archived, once.
func TestReplay(t *testing.T) {
	corpus, err := filepath.Abs("../../../shared/corpus")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(corpus, "index.jsonl"))
	if err != nil {
		t.Skip("no saved pages beside the checkout")
	}
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}    // as the proxy knows them
	articles := map[string]string{} // canonical URL to site
	var lists []extract.Page
	for line := range bytes.Lines(index) {
		var p struct{ URL, File, Kind string }
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		site := sites.Of(p.URL)
		if site == "" {
			continue
		}
		rest := strings.SplitN(p.URL, "://", 2)[1]
		if _, known := pages[rest]; known {
			continue
		}
		file := filepath.Join(corpus, filepath.FromSlash(p.File))
		pages[rest] = file
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == "article" {
			articles[sites.Canonical(p.URL)] = site
		} else {
			lists = append(lists, extract.Page{URL: p.URL, Body: body})
		}
	}
	// What the lists lead to is found by their text, not by the program's rules.
	var want, names []string
	for u, site := range articles {
		path := strings.SplitN(u, "://", 2)[1]
		path = path[strings.Index(path, "/"):]
		for _, l := range lists {
			if sites.Of(l.URL) == site && slices.Contains(seeds(sites, site), l.URL) && bytes.Contains(l.Body, []byte(path+`"`)) {
				want = append(want, u)
				if !slices.Contains(names, site) {
					names = append(names, site)
				}
				break
			}
		}
	}
	slices.Sort(want)
	slices.Sort(names)
	if len(want) < 4 {
		t.Fatalf("only %d saved articles are reachable from saved start pages: %q", len(want), want)
	}

	r := newReplay(t, pages)
	server := httptest.NewServer(r)
	defer server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), r.authority(), 0o600); err != nil {
		t.Fatal(err)
	}
	crawl := func() string {
		cmd := program(t, dir, append([]string{"crawl", "--quiet", "--delay", "1ms", "--proxy", server.URL}, names...)...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+filepath.Join(dir, "ca.pem"))
		out, err := cmd.CombinedOutput()
		// Most start pages were not saved, and a crawl says so.
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != statusNo || !bytes.Contains(out, []byte("not there of where the crawl begins")) {
			t.Fatalf("crawl: %v\n%s", err, out)
		}
		return string(out)
	}
	crawl()
	var got []string
	for _, line := range sortedLines(export(t, dir, "archive")) {
		var a struct {
			CanonicalURL string `json:"canonical_url"`
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		got = append(got, a.CanonicalURL)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("archived %q\nwant     %q", got, want)
	}
	if again := crawl(); !strings.Contains(again, " 0 added") {
		t.Errorf("a second crawl says %s", again)
	}
}

func seeds(sites *extract.Sites, site string) (urls []string) {
	for _, l := range sites.Seeds(site) {
		urls = append(urls, l.URL)
	}
	return urls
}
