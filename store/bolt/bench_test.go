package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"luutin/store"
	"luutin/store/bolt"
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
	for _, group := range []int{1, 64, 256} {
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
