package bolt_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/testdata/ministry"
)

// written is how many bytes this process has handed to write calls.
func written(b *testing.B) int64 {
	raw, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip("it cannot be measured here: ", err)
	}
	var n int64
	for line := range strings.Lines(string(raw)) {
		if _, err := fmt.Sscanf(line, "wchar: %d", &n); err == nil {
			break
		}
	}
	return n
}

// BenchmarkCommit measures durable visits of 14 KB that do not compress, by
// as many workers as a group has members, against appending the same bytes to
// a file with an fsync for each group.
//
//	ratio   commits a second over appends a second
//	amp     bytes written over bytes of the bodies
func BenchmarkCommit(b *testing.B) {
	for _, group := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("group=%d", group), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 2))
			body := make([]byte, 14<<10)
			for i := range body {
				body[i] = byte(rnd.Uint32())
			}
			bodyOf := func(i int64) []byte {
				own := append([]byte(fmt.Sprintf("%16d", i)), body...)
				return own
			}
			dir := b.TempDir()
			a := open(b, filepath.Join(dir, "archive"), bolt.Options{})
			ctx := context.Background()
			var targets []store.Target
			for i := range b.N {
				targets = append(targets, store.Target{URL: fmt.Sprintf("https://h%d.vn/bai-viet-%d.html", i%group, i), Site: "moj"})
			}
			must[int](b)(a.Add(ctx, targets...))

			var n atomic.Int64
			before := written(b)
			b.ResetTimer()
			var wait sync.WaitGroup
			for range group {
				wait.Go(func() {
					for {
						l, err := a.Lease(ctx, store.Want{})
						if err != nil {
							return // nothing left
						}
						_, err = a.Commit(ctx, l, store.Visit{Result: store.Fetched, Time: l.Expires, Capture: &store.Capture{
							URL: l.Target.URL, Status: 200, Body: bodyOf(n.Add(1)),
						}})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wait.Wait()
			took := b.Elapsed()
			b.StopTimer()
			amp := float64(written(b)-before) / float64(int64(b.N)*int64(len(body)+16))
			if n.Load() != int64(b.N) {
				b.Fatalf("%d visits, want %d", n.Load(), b.N)
			}

			f := must[*os.File](b)(os.Create(filepath.Join(dir, "plain")))
			defer f.Close()
			start := time.Now()
			for i := range b.N {
				must[int](b)(f.Write(bodyOf(int64(i))))
				if i%group == group-1 || i == b.N-1 {
					if err := f.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(time.Since(start))/float64(took), "ratio")
			b.ReportMetric(amp, "amp")
		})
	}
}

// sample are the articles of the sample ministry as captures, site by site.
func sample(b *testing.B) (all []*store.Capture) {
	web := must[*ministry.Web](b)(ministry.New())
	golden := must[[]byte](b)(os.ReadFile("../../testdata/ministry/articles.golden.jsonl"))
	for line := range bytes.Lines(golden) {
		var a struct{ URL string }
		if err := json.Unmarshal(line, &a); err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRecorder()
		web.ServeHTTP(r, httptest.NewRequest("GET", a.URL, nil))
		if r.Code == 200 && !slices.ContainsFunc(all, func(c *store.Capture) bool { return c.URL == a.URL }) {
			all = append(all, &store.Capture{URL: a.URL, Status: 200, Header: r.Header(), Body: r.Body.Bytes()})
		}
	}
	return all
}

// corpus are real pages as captures, of hosts that have several; none when
// they do not lie beside the project.
func corpus(b *testing.B) (all []*store.Capture) {
	const dir = "../../../shared/corpus"
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		return nil
	}
	type page struct{ File, URL, Host string }
	byHost := map[string][]page{}
	for line := range bytes.Lines(index) {
		var p page
		if err := json.Unmarshal(line, &p); err != nil {
			b.Fatal(err)
		}
		byHost[p.Host] = append(byHost[p.Host], p)
	}
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		for i, p := range byHost[host] {
			if len(byHost[host]) > 4 {
				c := &store.Capture{URL: fmt.Sprintf("https://%s/%d", host, i), Status: 200, Body: must[[]byte](b)(os.ReadFile(filepath.Join(dir, p.File)))}
				c.Header = http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Date": {"Fri, 19 Jan 2018 07:39:00 GMT"}, "Server": {"nginx"}}
				all = append(all, c)
			}
		}
	}
	return all
}

// BenchmarkSpace keeps pages of a few sites, one after the other.
//
//	gzip      bytes that the bodies take with their headers in the archive, over
//	          those of one gzip -9 member each, as in a .warc.gz
//	fold      bytes of the bodies over what they take
//	file      all of archive.db over the same, with its indexes and what is free in it
//	compact   and once it was compacted
//	time      CPU to read them, over that of plain zstd
func BenchmarkSpace(b *testing.B) {
	for name, load := range map[string]func(*testing.B) []*store.Capture{"sample": sample, "corpus": corpus} {
		b.Run(name, func(b *testing.B) {
			pages := load(b)
			if len(pages) == 0 {
				b.Skip("there are no such pages here")
			}
			var gzipped, length int64
			var plain [][]byte
			enc := must[*zstd.Encoder](b)(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)))
			dec := must[*zstd.Decoder](b)(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)))
			for _, c := range pages {
				whole := append(must[[]byte](b)(json.Marshal(c.Header)), c.Body...)
				var z bytes.Buffer
				w := must[*gzip.Writer](b)(gzip.NewWriterLevel(&z, 9))
				must[int](b)(w.Write(whole))
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				gzipped += int64(z.Len())
				length += int64(len(c.Body))
				plain = append(plain, enc.EncodeAll(whole, nil))
			}
			var took, alone time.Duration
			var s store.Stats
			var size, compacted int64
			for range b.N {
				dir := filepath.Join(b.TempDir(), "archive")
				a := open(b, dir, bolt.Options{})
				ctx := context.Background()
				var ids []string
				for _, c := range pages {
					must[int](b)(a.Add(ctx, store.Target{URL: c.URL}))
					l := must[*store.Lease](b)(a.Lease(ctx, store.Want{}))
					must[store.Outcome](b)(a.Commit(ctx, l, store.Visit{Result: store.Fetched, Capture: c}))
				}
				for t := range a.Targets(ctx, store.Selection{}) {
					ids = append(ids, t.Capture)
				}
				s = must[store.Stats](b)(a.Stats(ctx))
				start := time.Now()
				for _, id := range ids {
					must[extract.Page](b)(a.Capture(ctx, id))
				}
				took += time.Since(start)
				start = time.Now()
				for i, p := range plain {
					body := must[[]byte](b)(dec.DecodeAll(p, nil))
					if sha256.Sum256(body) == [32]byte{} { // which Capture does too
						b.Fatal(i)
					}
				}
				alone += time.Since(start)
				a.Close()
				var err error
				if size, compacted, err = bolt.Compact(context.Background(), dir, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(gzipped), "file")
			b.ReportMetric(float64(compacted)/float64(gzipped), "compact")
			b.ReportMetric(float64(s.Kept)/float64(gzipped), "gzip")
			b.ReportMetric(float64(length)/float64(s.Kept), "fold")
			b.ReportMetric(float64(took)/float64(alone), "time")
		})
	}
}

// BenchmarkOpenKilled opens an archive that was left by a killed process with
// as many changes in its journal as it holds before they are put in their places.
func BenchmarkOpenKilled(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "archive")
	a := open(b, dir, bolt.Options{})
	for i := range 10 {
		var targets []store.Target
		for j := range 1040 { // three changes each
			targets = append(targets, store.Target{URL: fmt.Sprintf("https://h%d.vn/bai-viet-%d.html", i, j*7919%1040), Site: "moj"})
		}
		must[int](b)(a.Add(b.Context(), targets...))
	}
	left := copyOf(b, dir)
	for b.Loop() {
		a := must[*bolt.Archive](b)(bolt.Open(left, bolt.Options{ReadOnly: true}))
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// readerDir names the archive that a test process is to read instead of testing.
const readerDir = "LUUTIN_TEST_READER"

// reader opens an archive, streams its articles and verifies it, and says what
// each took, a name and a number to a line.
func reader(dir string) error {
	db := filepath.Join(dir, "archive.db")
	cold := func(read func() error) (time.Duration, error) {
		// It has the system forget what it keeps of a file.
		if out, err := exec.Command("dd", "if="+db, "iflag=nocache", "count=0").CombinedOutput(); err != nil {
			return 0, fmt.Errorf("dd: %w: %s", err, out)
		}
		start := time.Now()
		err := read()
		return time.Since(start), err
	}
	plain, err := cold(func() error {
		f, err := os.Open(db)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
		return err
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(db)
	if err != nil {
		return err
	}
	fmt.Printf("file-MB %f\n", float64(info.Size())/(1<<20))

	begun, start := cpuTime(), time.Now()
	a, err := bolt.Open(dir, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer a.Close()
	fmt.Printf("open-ms %f\n", 1000*time.Since(start).Seconds())
	fmt.Printf("open-cpu-ms %f\n", 1000*(cpuTime()-begun).Seconds())

	read := func() (err error) {
		n := 0
		for _, err := range a.Articles(context.Background(), store.Query{History: true}) {
			if err != nil {
				return err
			}
			n++
		}
		fmt.Printf("articles %d\n", n)
		return nil
	}
	took, err := cold(read)
	if err != nil {
		return err
	}
	fmt.Printf("cold-scan %f\n", plain.Seconds()/took.Seconds())
	for _, step := range []struct {
		name string
		read func() error
	}{
		{"export", read},
		{"verify", func() error {
			for p := range a.Verify(context.Background()) {
				return errors.New(p.String())
			}
			return nil
		}},
	} {
		start := time.Now()
		if err := step.read(); err != nil {
			return err
		}
		fmt.Printf("%s-s %f\n", step.name, time.Since(start).Seconds())
		raw, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(raw)) {
			if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, err := strconv.Atoi(strings.Fields(kb)[0])
				if err != nil {
					return err
				}
				fmt.Printf("%s-MB %f\n", step.name, float64(n)/1024)
			}
		}
	}
	return nil
}

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMillion makes an archive of b.N captures, each with an article, and
// has another process read it: -bench Million -benchtime 1000000x. It is not run
// with -short.
//
//	open-ms, open-cpu-ms   opening it, its file not in the cache
//	cold-scan              speed of the same scan as export, the file not in the cache, over that of reading the file plainly
//	export-MB, verify-MB   most memory of that process until they had ended
//	export-s, verify-s     seconds
func BenchmarkMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes long")
	}
	written(b) // says whether there is /proc
	dir := filepath.Join(b.TempDir(), "archive")
	a := must[*bolt.Archive](b)(bolt.Open(dir, bolt.Options{}))
	const workers, hosts = 64, 200
	ctx := context.Background()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				url := fmt.Sprintf("https://h%d.vn/bai-viet-%d.html", i%hosts, i)
				text := strings.Repeat(fmt.Sprintf("Bến đò số %d mở lại sau mùa lũ. ", i), 20)
				art := &extract.Article{ID: extract.ArticleID(url), URL: url, CanonicalURL: url, Site: "moj", Title: url, Body: text, Fetched: time.Unix(1516347540, 0)}
				art.ContentHash = art.Hash()
				_, err := a.Record(ctx, store.Target{URL: url, Site: "moj"}, store.Visit{
					Result: store.Fetched, Time: time.Unix(1516347540, 0), Article: art,
					Capture: &store.Capture{URL: url, Status: 200, Body: []byte("<p>" + text), Fetched: time.Unix(1516347540, 0)},
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), readerDir+"="+dir)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var name string
		var n float64
		if _, err := fmt.Sscan(line, &name, &n); err != nil {
			b.Fatalf("%q: %v", line, err)
		}
		if name == "articles" && int(n) != b.N {
			b.Errorf("%v versions were read, want %d", n, b.N)
		}
		if name != "articles" {
			b.ReportMetric(n, name)
		}
	}
	b.ReportMetric(0, "ns/op") // of all of it together
}
