package warc

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"luutin/extract"
	"luutin/store"
)

const page = "<html><body><h1>Lễ mừng lúa mới</h1></body></html>"

// rec is a record as others write it; fields are lines, the block is as it is.
func rec(kind, fields, block string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s\r\n\r\n", kind, strings.ReplaceAll(fields, "\n", "\r\n"), len(block), block)
}

// answer is a response record of one day of 2020.
func answer(id int, url, head, body string) string {
	return rec("response", fmt.Sprintf("WARC-Record-ID: <urn:uuid:%d>\nWARC-Target-URI: %s\nWARC-Date: 2020-01-%02dT00:00:00Z\nContent-Type: application/http; msgtype=response\n", id, url, id),
		head+"\r\n\r\n"+body)
}

const html = "HTTP/1.1 200 OK\r\nContent-Type: text/html"

func pack(w func(io.Writer) io.WriteCloser, s string) string {
	var b bytes.Buffer
	z := w(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func gz(s string) string {
	return pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, s)
}

func chunked(s string) string {
	return fmt.Sprintf("%x\r\n%s\r\n%x;a=b\r\n%s\r\n0\r\n\r\n", 5, s[:5], len(s)-5, s[5:])
}

// A taken is what came out of a file.
type taken struct {
	URL, Final, Post, Body string
	Status, Day            int
	Hops                   []store.Hop
	Aliases                []string
	Unchanged              bool
	Truncated              string
	Header                 http.Header
}

// ministries are two sites; the seed of the second is asked for by TLS.
type ministries struct{}

func (ministries) Of(rawURL string) string {
	for _, site := range []string{"bomau.example", "bothu.example"} {
		if strings.Contains(rawURL, site) {
			return site
		}
	}
	return ""
}

func (ministries) Seeds(site string) []extract.Link {
	if site == "bothu.example" {
		return []extract.Link{{URL: "https://www.bothu.example/tin"}}
	}
	return []extract.Link{{URL: "http://www.bomau.example/tin"}}
}

// read imports a file and returns what came out of it.
func read(t *testing.T, name string) (all []taken, in *Input) {
	t.Helper()
	ctx := context.Background()
	in, err := Open(ctx, []string{name}, ministries{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	for f, err := range in.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		x := taken{URL: f.URL, Final: f.FinalURL, Post: f.Post, Status: f.Status, Day: f.Fetched.Day(), Hops: f.Hops, Aliases: f.Aliases,
			Unchanged: f.Unchanged, Truncated: f.Truncated, Header: f.Header}
		if !f.Time.Equal(f.Fetched) {
			t.Errorf("%s: time %v, want %v", f.URL, f.Time, f.Fetched)
		}
		if !f.Unchanged {
			body, err := f.OpenBody()
			if err == nil {
				var b []byte
				b, err = io.ReadAll(body)
				x.Body = string(b)
				body.Close()
			}
			if err != nil {
				x.Body = "error: " + err.Error()
			}
		}
		all = append(all, x)
	}
	return all, in
}

func write(t *testing.T, name string, parts ...string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(strings.Join(parts, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// bodies are those of what came out, by the last element of the URL.
func bodies(all []taken) map[string]string {
	m := map[string]string{}
	for _, x := range all {
		m[x.Final[strings.LastIndexByte(x.Final, '/')+1:]] = x.Body
	}
	return m
}

func TestCodings(t *testing.T) {
	deflated := func(s string) string {
		return pack(func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 5); return z }, s)
	}
	zlibbed := func(s string) string {
		return pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, s)
	}
	zstded := func(s string) string {
		return pack(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }, s)
	}
	brotlied := func(s string) string {
		return pack(func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }, s)
	}
	long := strings.Repeat("a", 100) + page
	var file []string
	want := map[string]string{}
	for i, c := range []struct{ name, header, body, want string }{
		{"plain", "", page, page},
		{"nothing", "", "", ""},
		{"gzip", "Content-Encoding: gzip", gz(page), page},
		{"twice", "Content-Encoding: gzip, br", brotlied(gz(page)), page},
		{"deflate", "content-encoding: deflate", deflated(long), long},
		{"zlib", "Content-Encoding: Deflate", zlibbed(page), page},
		{"zstd", "Content-Encoding: zstd", zstded(page), page},
		{"br", "Content-Encoding: br", brotlied(page), page},
		{"chunked", "Transfer-Encoding: chunked", chunked(page), page},
		{"both", "Transfer-Encoding: chunked\r\nContent-Encoding: gzip", chunked(gz(page)), page},
		{"already undone", "Transfer-Encoding: chunked\r\nContent-Encoding: gzip", page, page},
		{"br undone", "Content-Encoding: br", page, page},
		{"unknown", "Content-Encoding: aes128gcm", page, page},
		{"folded", "X-Long: one\r\n two", page, page},
		{"broken", "Content-Encoding: gzip", gz(page)[:30], "error: unexpected EOF"},
	} {
		head := html
		if c.header != "" {
			head += "\r\n" + c.header
		}
		file = append(file, answer(i+1, "http://bomau.example/"+c.name, head, c.body))
		want[c.name] = c.want
	}
	for _, name := range []string{"plain.warc", "members.warc.gz", "one.warc.gz"} {
		t.Run(name, func(t *testing.T) {
			parts := append([]string(nil), file...)
			switch name {
			case "members.warc.gz":
				for i := range parts {
					parts[i] = gz(parts[i])
				}
			case "one.warc.gz":
				parts = []string{gz(strings.Join(parts, ""))}
			}
			got, in := read(t, write(t, name, parts...))
			if d := cmp.Diff(want, bodies(got)); d != "" {
				t.Errorf("bodies differ (-want +got)\n%s", d)
			}
			if len(in.Skips) > 0 {
				t.Errorf("skipped %v", in.Skips)
			}
		})
	}
}

func TestRecordsOfOthers(t *testing.T) {
	at := func(day int) string { return fmt.Sprintf("WARC-Date: 2020-01-%02dT00:00:00Z\n", day) }
	file := []string{
		rec("warcinfo", at(1), "software: another\r\n"),
		rec("response", "WARC-Target-URI: dns:bomau.example\n"+at(1), "20200101 bomau.example A 1.2.3.4"),
		// the newest first: what is found is in the order of time
		answer(20, "http://bomau.example/late", html, page),
		// as wget writes addresses
		answer(2, "<http://bomau.example/wget>", html, page),
		// a way of two redirects, and another redirect long after
		answer(3, "http://bomau.example/a", "HTTP/1.1 301 Moved\r\nLocation: /b", ""),
		answer(3, "http://bomau.example/b", "HTTP/1.1 302 Found\r\nLocation: http://bomau.example/c#top", ""),
		answer(3, "http://bomau.example/c", html, page),
		answer(9, "http://bomau.example/old", "HTTP/1.1 301 Moved\r\nLocation: http://bomau.example/c", ""),
		// a redirect in a circle
		answer(4, "http://bomau.example/x", "HTTP/1.1 301 Moved\r\nLocation: http://bomau.example/x", ""),
		// a request behind its answer, and one before
		answer(5, "http://bomau.example/api", "HTTP/1.1 200 OK\r\nContent-Type: application/json", `{"n":1}`),
		rec("request", "WARC-Record-ID: <urn:uuid:r5>\nWARC-Concurrent-To: <urn:uuid:5>\nWARC-Target-URI: http://bomau.example/api\n"+at(5), "POST /api HTTP/1.1\r\nHost: bomau.example\r\n\r\n{\"page\":1}"),
		rec("request", "WARC-Record-ID: <urn:uuid:r6>\nWARC-Target-URI: http://bomau.example/form\n"+at(6), "POST /form HTTP/1.1\r\nHost: bomau.example\r\n\r\na=b"),
		rec("response", "WARC-Record-ID: <urn:uuid:6>\nWARC-Concurrent-To: <urn:uuid:r6>\nWARC-Target-URI: http://bomau.example/form\n"+at(6), html+"\r\n\r\n"+page),
		// revisits: by id, by address and date, by digest, of nothing that is here; without headers; and one that says 304
		rec("revisit", "WARC-Target-URI: http://bomau.example/wget\nWARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest\nWARC-Refers-To: <urn:uuid:2>\n"+at(7), html+"; charset=utf-8\r\n\r\n"),
		rec("revisit", "WARC-Target-URI: http://bomau.example/same\nWARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\nWARC-Refers-To-Target-URI: http://bomau.example/c\nWARC-Refers-To-Date: 2020-01-03T00:00:00Z\n"+at(8), ""),
		rec("revisit", "WARC-Target-URI: http://bomau.example/res\nWARC-Payload-Digest: sha1:AAAA\nWARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\n"+at(11), html+"\r\n\r\n"),
		rec("revisit", "WARC-Target-URI: http://bomau.example/lost\nWARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\nWARC-Refers-To: <urn:uuid:none>\n"+at(11), html+"\r\n\r\n"),
		rec("revisit", "WARC-Target-URI: http://bomau.example/wget\nWARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified\n"+at(12), "HTTP/1.1 304 Not Modified\r\n\r\n"),
		rec("resource", "WARC-Record-ID: <urn:uuid:10>\nWARC-Target-URI: http://bomau.example/res\nWARC-Payload-Digest: sha1:AAAA\nContent-Type: application/pdf\n"+at(10), "%PDF-1.7"),
		rec("response", "WARC-Target-URI: http://bomau.example/cut\nWARC-Truncated: length\n"+at(13), html+"\r\n\r\n"+page[:9]),
		answer(14, "http://bomau.example/gone", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html", "gone"),
		answer(15, "http://bomau.example/style.css", "HTTP/1.1 200 OK\r\nContent-Type: text/css", "a{}"),
		answer(15, "http://bomau.example/picture", "HTTP/1.1 200 OK\r\nContent-Type: image/png", "PNG"),
		answer(16, "http://www.khac.example/", html, page),
		rec("conversion", "WARC-Target-URI: http://bomau.example/wget\n"+at(17), "text"),
	}
	got, in := read(t, write(t, "others.warc", file...))
	h := func(kind string) http.Header { return http.Header{"Content-Type": {kind}} }
	one := func(day int, name, body string) taken {
		u := "http://bomau.example/" + name
		return taken{URL: u, Final: u, Body: body, Status: 200, Day: day, Header: h("text/html")}
	}
	with := func(x taken, f func(*taken)) taken { f(&x); return x }
	want := []taken{
		one(2, "wget", page),
		with(one(3, "c", page), func(x *taken) {
			x.URL = "http://bomau.example/a"
			x.Hops = []store.Hop{{URL: "http://bomau.example/a", Status: 301, To: "http://bomau.example/b"}, {URL: "http://bomau.example/b", Status: 302, To: "http://bomau.example/c"}}
			x.Aliases = []string{"http://bomau.example/b", "http://bomau.example/old", "http://bomau.example/a"}
		}),
		with(one(5, "api", `{"n":1}`), func(x *taken) { x.Post, x.Header = `{"page":1}`, h("application/json") }),
		with(one(6, "form", page), func(x *taken) { x.Post = "a=b" }),
		with(one(7, "wget", page), func(x *taken) { x.Header = h("text/html; charset=utf-8") }),
		one(8, "same", page),
		with(one(10, "res", "%PDF-1.7"), func(x *taken) { x.Header = h("application/pdf") }),
		one(11, "res", "%PDF-1.7"),
		with(one(12, "wget", ""), func(x *taken) { x.Status, x.Unchanged, x.Header = 304, true, http.Header{} }),
		with(one(13, "cut", page[:9]), func(x *taken) { x.Truncated = "length" }),
		with(one(14, "gone", "gone"), func(x *taken) { x.Status = 404 }),
		one(20, "late", page),
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("differs (-want +got)\n%s", d)
	}
	if in.Aside != 2 || !cmp.Equal(in.Others, map[string]int{"www.khac.example": 1}) {
		t.Errorf("left out %d and %v", in.Aside, in.Others)
	}
	if len(in.Skips) != 1 || !strings.Contains(in.Skips[0].What, "what it refers to is not in these files") {
		t.Errorf("skipped %v", in.Skips)
	}
}

// TestDamage breaks a file of three records at every byte in turn: what is not
// hit is found, what is hit is named or, when the harm is not to what was
// captured, found too.
// TestIndexIsSmall has an index of many answers, with requests and notes beside
// them, take little for each.
func TestIndexIsSmall(t *testing.T) {
	const n, most = 4000, 160
	var b strings.Builder
	for i := range n {
		u := fmt.Sprintf("http://bomau.example/%d/%s", i, strings.Repeat("tin-tuc-", 20))
		b.WriteString(rec("response", fmt.Sprintf("WARC-Record-ID: <urn:uuid:%d>\nWARC-Target-URI: %s\nWARC-Date: 2020-01-01T00:00:00Z\nContent-Type: application/http; msgtype=response\n", i, u), html+"\r\n\r\n<p>"))
		b.WriteString(rec("request", "WARC-Target-URI: "+u+"\n", "GET / HTTP/1.1\r\n\r\n"))
	}
	b.WriteString(rec("revisit", "WARC-Target-URI: http://bomau.example/x\nWARC-Date: 2020-01-01T00:00:00Z\nWARC-Refers-To: <urn:uuid:7>\n", ""))
	name := write(t, "many.warc", b.String())
	b.Reset()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	in, err := Open(t.Context(), []string{name}, ministries{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	x := in.crossIndex()
	after := heap()
	if len(in.entries) != n+1 || after > before+n*most {
		t.Errorf("%d answers take %d bytes, want %d and less than %d each", len(in.entries), after-before, n, most)
	}
	runtime.KeepAlive(x)
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	one, two, three := answer(1, "http://bomau.example/1", html, page), answer(2, "http://bomau.example/2", html, page), answer(3, "http://bomau.example/3", html, page)
	two = strings.Replace(two, "WARC-Date", "WARC-Block-Digest: "+digestOf([]byte(html+"\r\n\r\n"+page))+"\r\nWARC-Date", 1)
	for _, form := range []string{"plain", "gzip"} {
		parts := []string{one, two, three}
		if form == "gzip" {
			parts = []string{gz(one), gz(two), gz(three)}
		}
		whole := strings.Join(parts, "")
		from, to := len(parts[0]), len(parts[0])+len(parts[1])
		check := func(what, file string, lost bool) {
			t.Helper()
			got, in := read(t, write(t, "a.warc", file))
			b := bodies(got)
			if b["1"] != page || b["3"] != page && !(lost && len(in.Skips) > 0) {
				t.Errorf("%s, %s: found %v, skipped %v", form, what, b, in.Skips)
			}
			if body, ok := b["2"]; ok && body != page && len(in.Skips) == 0 {
				t.Errorf("%s, %s: %q was taken for the page", form, what, body)
			}
		}
		for i := from; i < to; i++ {
			b := []byte(whole)
			b[i] ^= 0x04
			// A length that has become longer takes the next record with it.
			length := form == "plain" && i > strings.Index(whole[from:], "Content-Length:")+from && i < strings.Index(whole[from:], "\r\n\r\n")+from
			check(fmt.Sprintf("byte %d", i), string(b), length)
		}
		for i := from + 1; i < to; i += 7 {
			check(fmt.Sprintf("cut off at %d", i), whole[:i], true)
			check(fmt.Sprintf("without what is from %d on", i), whole[:i]+parts[2], form == "plain" && i > from+len(two)/2)
		}
	}
}

// TestDigests has a payload digest fit by any reading that writers have of it.
func TestDigests(t *testing.T) {
	whole := html + "\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunked(gz(page))
	long := html + "\r\n\r\n" + strings.Repeat(page, 10_000)
	b32 := func(sum []byte) string { return base32.StdEncoding.EncodeToString(sum) }
	sha1Of := func(s string) string { sum := sha1.Sum([]byte(s)); return "sha1:" + b32(sum[:]) }
	sha256Of, sha512Of, md5Of := sha256.Sum256([]byte(gz(page))), sha512.Sum512([]byte(page)), md5.Sum([]byte(page))
	for name, c := range map[string]struct {
		kind, digest, block string
		doubt               bool
	}{
		"as it is":         {"response", sha1Of(chunked(gz(page))), whole, false},
		"without chunks":   {"response", fmt.Sprintf("SHA-256:%x", sha256Of), whole, false},
		"without codings":  {"response", "sha512:" + b32(sha512Of[:]), whole, false},
		"MD5":              {"response", "md5:" + strings.ToUpper(hex.EncodeToString(md5Of[:])), whole, false},
		"the block":        {"response", sha1Of(whole), whole, false},
		"a long one":       {"response", sha1Of(strings.Repeat(page, 10_000)), long, false},
		"unknown":          {"response", "blake3:" + strings.Repeat("0", 64), whole, false},
		"no digest at all": {"response", "sha1:AAAA", whole, false},
		"resource":         {"resource", sha1Of(page), page, false},
		"wrong":            {"response", sha1Of("another"), whole, true},
		"wrong, and long":  {"response", sha1Of(page), long, true},
		"wrong resource":   {"resource", sha1Of("another"), page, true},
		"cut short":        {"response", sha1Of("another") + "\nWARC-Truncated: length", whole, false},
	} {
		got, in := read(t, write(t, "a.warc", rec(c.kind, "WARC-Target-URI: http://bomau.example/1\nWARC-Date: 2020-01-01T00:00:00Z\nWARC-Payload-Digest: "+c.digest+"\n", c.block)))
		if len(got) != 1 || !strings.HasPrefix(got[0].Body, page) || len(in.Skips) > 0 || len(in.Doubts) > 0 != c.doubt {
			t.Errorf("%s: found %d, skipped %v, doubts %v", name, len(got), in.Skips, in.Doubts)
		}
	}
}

func TestReaderNamesDamage(t *testing.T) {
	one := answer(1, "http://bomau.example/1", html, page)
	file := gz(one) + "\x1f\x8b\x08 this is no record" + gz(one) + "more noise"
	r := NewReader(strings.NewReader(file), int64(len(file)))
	var got []string
	for {
		rec, err := r.Next()
		var damage *Damage
		if errors.As(err, &damage) {
			got = append(got, fmt.Sprintf("damage at %d", damage.Offset))
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("record at %d", rec.Offset))
	}
	n := len(gz(one))
	want := []string{"record at 0", fmt.Sprintf("damage at %d", n), fmt.Sprintf("record at %d", n+21), fmt.Sprintf("damage at %d", 2*n+21)}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs (-want +got)\n%s", d)
	}
}

func TestNoCaptures(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"empty.warc":  {"", "there is no record in it"},
		"words.warc":  {"These are words.", "no record begins here"},
		"zip.wacz":    {"PK\x03\x04 no package", "not a valid zip file"},
		"a.warc.zst":  {"\x28\xb5\x2f\xfd and so on", "unpack it first"},
		"page.html":   {"<p>Of nowhere", "has no URL"},
		"mark.html":   {"<!-- url: not a url -->\n<p>Tin", `its URL "not a url" is none`},
		"ftp.html":    {"<!-- url: ftp://bomau.example/ -->\n<p>Tin", `its URL "ftp://bomau.example/" is none`},
		"bare.html":   {"<!-- url:  -->\n<p>Tin", `its URL "" is none`},
		"nolen.warc":  {"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "is no length"},
		"nodate.warc": {rec("response", "WARC-Target-URI: http://bomau.example/\n", html+"\r\n\r\n"+page), "its date"},
		"first.warc":  {strings.Replace(answer(1, "http://bomau.example/", html, page), "WARC-Date", "WARC-Segment-Number: 1\r\nWARC-Date", 1), "one of several segments"},
		"rest.warc":   {rec("continuation", "WARC-Target-URI: http://bomau.example/\nWARC-Segment-Number: 2\nWARC-Segment-Origin-ID: <urn:uuid:1>\nWARC-Date: 2020-01-01T00:00:00Z\n", page), "one of several segments"},
		"future.warc": {rec("response", "WARC-Target-URI: http://bomau.example/\nWARC-Date: "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n", html+"\r\n\r\n"+page), "lies in the future"},
		"nohttp.warc": {answer(1, "http://bomau.example/", "ICY", page), "its HTTP headers"},
	} {
		got, in := read(t, write(t, name, c.content))
		if len(got) != 0 || len(in.Skips) != 1 || !strings.Contains(in.Skips[0].What, c.want) {
			t.Errorf("%s: found %v, skipped %v, want %s", name, got, in.Skips, c.want)
		}
	}
}

func TestSavedPages(t *testing.T) {
	dir := t.TempDir()
	saved := time.Date(2019, 5, 6, 7, 8, 9, 0, time.UTC)
	for name, content := range map[string]string{
		"own.html":                       `<html><link rel="canonical" href="http://bomau.example/own">`,
		"browser.htm":                    "<!DOCTYPE html>\n<!-- saved from url=(0027)http://bomau.example/browser -->\n<html>",
		"marked.html":                    "<!-- url: http://bomau.example/marked -->\n<html>",
		"mirror.bomau.example/a/b.html":  "<html>",
		"beside.xhtml":                   "<html>",
		"beside.xhtml.url":               "http://bomau.example/beside\nq=1",
		"left/out.txt":                   "text",
		"left/style.css?v=1":             "<!DOCTYPE html>",
		"left/drawing":                   "<?xml version='1.0'?><!-- <html> --><svg></svg>",
		"left/feed":                      "<?xml version='1.0'?><rss></rss>",
		"mirror.bomau.example/x.php":     "<?xml version='1.0'?>\n<html xmlns='http://www.w3.org/1999/xhtml'>",
		"mirror.bomau.example/p":         "<!-- a --> <p>Tin",
		"mirror.bomau.example/h?a=b%2Fc": "\ufeff<!DOCTYPE html><title>",
		"mirror.bomau.example/100% #1":   "\xff\xfe<\x00p\x00>\x00",
		"records":                        answer(6, "http://bomau.example/warc", html, page),
		"records2":                       gz(answer(6, "http://bomau.example/warc2", html, page)),
		"bothu.example/tin/a.html":       "<html>",
		"WWW.bothu.example/tin/b.html":   "<html>",
		"bao.bothu.example/c.html":       "<html>",
		"bothu.example:8080/d.html":      "<html>",
		"mirror.bomau.example/zip":       "PK\x03\x04",
		"khac.example/of-nobody-we.html": `<html><link rel="canonical" href="http://khac.example/">`,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, saved, saved); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "later.html")
	if err := os.WriteFile(name, []byte("<!-- url: http://bomau.example/later -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, saved, time.Now().AddDate(0, 0, 2)); err != nil {
		t.Fatal(err)
	}
	got, in := read(t, dir)
	found := map[string]string{}
	for _, x := range got {
		found[x.Final+" "+x.Post] = x.Body
		if x.Status != 200 || x.Day != 6 {
			t.Errorf("%s: status %d, day %d", x.Final, x.Status, x.Day)
		}
	}
	want := map[string]string{
		"http://bomau.example/own ":                `<html><link rel="canonical" href="http://bomau.example/own">`,
		"http://bomau.example/browser ":            "<!DOCTYPE html>\n<!-- saved from url=(0027)http://bomau.example/browser -->\n<html>",
		"http://bomau.example/marked ":             "<html>",
		"http://mirror.bomau.example/a/b.html ":    "<html>",
		"http://bomau.example/beside q=1":          "<html>",
		"http://mirror.bomau.example/x.php ":       "<?xml version='1.0'?>\n<html xmlns='http://www.w3.org/1999/xhtml'>",
		"http://mirror.bomau.example/p ":           "<!-- a --> <p>Tin",
		"http://mirror.bomau.example/h?a=b%2Fc ":   "\ufeff<!DOCTYPE html><title>",
		"http://mirror.bomau.example/100%25 %231 ": "\xff\xfe<\x00p\x00>\x00",
		"http://bomau.example/warc ":               page,
		"https://www.bothu.example/tin/a.html ":    "<html>",
		"https://www.bothu.example/tin/b.html ":    "<html>",
		"https://bao.bothu.example/c.html ":        "<html>",
		"http://bothu.example:8080/d.html ":        "<html>",
		"http://bomau.example/warc2 ":              page,
	}
	if d := cmp.Diff(want, found); d != "" {
		t.Errorf("differs (-want +got)\n%s", d)
	}
	if len(in.Skips) != 1 || !strings.Contains(fmt.Sprint(in.Skips), "later.html its date") || in.Others["khac.example"] != 1 || in.Files != 17 || in.NoPages != 5 {
		t.Errorf("skipped %v, others %v, %d files, %d that are no pages", in.Skips, in.Others, in.Files, in.NoPages)
	}
}

// FuzzReader wants every record to end, every place to lead to the same record
// again, and nothing to panic.
func FuzzReader(f *testing.F) {
	one := answer(1, "http://bomau.example/1", html+"\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip", chunked(gz(page)))
	f.Add([]byte(one + one))
	f.Add([]byte(gz(one) + gz(one)))
	f.Add([]byte(gz(one + one)))
	f.Add([]byte(gz(one) + "\x1f\x8b\x08noise" + gz(one)))
	f.Add([]byte("WARC/1.0\nContent-Length: 0\n\nWARC/1.1\r\nContent-Length: 3\r\n more\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, file []byte) {
		src := bytes.NewReader(file)
		r, again := NewReader(src, int64(len(file))), NewReader(src, int64(len(file)))
		const most = 1 << 20
		last := int64(-1)
		for n := 0; ; n++ {
			if n > 2*len(file)+2000 {
				t.Fatal("it does not end")
			}
			rec, err := r.Next()
			var damage *Damage
			switch {
			case errors.As(err, &damage):
				if damage.Offset < last {
					t.Fatalf("damage at %d behind %d", damage.Offset, last)
				}
				last = damage.Offset
				continue
			case err == io.EOF:
				return
			case err != nil:
				t.Fatal(err)
			}
			same, err := again.ReadAt(rec.Offset, rec.Inner)
			if err != nil || !cmp.Equal(same.Header, rec.Header) {
				t.Fatalf("at %d, %d: %v, %v", rec.Offset, rec.Inner, same, err)
			}
			block, err := io.ReadAll(io.LimitReader(rec.Block, most))
			if err != nil {
				continue
			}
			_, header, err := readHead(bufio.NewReader(bytes.NewReader(block)))
			if err != nil {
				continue
			}
			b := bufio.NewReader(bytes.NewReader(block))
			readHead(b)
			body, err := decoded(b, header)
			if err == nil {
				io.Copy(io.Discard, io.LimitReader(body, most))
				body.Close()
			}
		}
	})
}

// TestDates reads dates as WARC 1.1 has them, down to a year, and as some write them.
func TestDates(t *testing.T) {
	for date, want := range map[string]string{
		"2020":                     "2020-01-01T00:00:00Z",
		"2020-03":                  "2020-03-01T00:00:00Z",
		"2020-03-04":               "2020-03-04T00:00:00Z",
		"2020-03-04T05:06Z":        "2020-03-04T05:06:00Z",
		"2020-03-04T05:06:07.008Z": "2020-03-04T05:06:07.008Z",
		"20200304050607":           "2020-03-04T05:06:07Z",
		"":                         "0001-01-01T00:00:00Z",
		"20-03":                    "0001-01-01T00:00:00Z",
	} {
		if got := parseDate(date).Format(time.RFC3339Nano); got != want {
			t.Errorf("parseDate(%s) = %s, want %s", date, got, want)
		}
	}
}
