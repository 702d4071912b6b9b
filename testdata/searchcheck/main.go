// Command searchcheck measures the search over many articles: how fast an
// index is made and how large it is, how long queries take with four at once,
// whether a query finds the same however its marks are typed; and the same
// queries with bleve, and by reading everything. The articles are those of
// testdata/corpus. It is a module of its own: bleve is no part of luutin. It counts
// the CPU time of threads, so it needs Linux.
//
//	go run . -articles 100000
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/search"
	"luutin/testdata/corpus"
)

func main() {
	log.SetFlags(0)
	articles := flag.Int("articles", 100_000, "how many articles")
	queries := flag.Int("queries", 1000, "how many queries")
	dir := flag.String("dir", "", "where to work; what is there already is used again")
	peers := flag.Bool("peers", true, "measure bleve and a plain scan, too")
	profile := flag.String("cpuprofile", "", "`file` for a CPU profile of the queries")
	flag.Parse()
	if *dir == "" {
		d, err := os.MkdirTemp("", "searchcheck-")
		check(err)
		defer os.RemoveAll(d)
		*dir = d
	}
	ctx := context.Background()
	c := corpus.New(1)

	a, err := bolt.Open(filepath.Join(*dir, "archive"), bolt.Options{})
	check(err)
	defer a.Close()
	fill(ctx, a, c, *articles)
	text := 0
	for i := range *articles {
		x := c.Article(i)
		text += len(x.Title) + len(x.Lead) + len(x.Body)
	}
	fmt.Printf("%d articles, %.1f MB of text\n", *articles, float64(text)/1e6)

	x, err := search.Open(filepath.Join(*dir, "archive"), a, search.Options{})
	check(err)
	start := time.Now()
	n, err := x.Update(ctx, nil)
	check(err)
	report := func(name string, n int, took time.Duration, size int64) {
		fmt.Printf("%-10s %6.0f articles/s indexed, index %.2f of the text\n", name, float64(n)/took.Seconds(), float64(size)/float64(text))
	}
	took := time.Since(start)
	check(x.Close())
	report("luutin", n, took, sizeOf(filepath.Join(*dir, "archive", search.DirName)))
	x, err = search.Open(filepath.Join(*dir, "archive"), a, search.Options{})
	check(err)
	defer x.Close()

	all := asked(c, *articles, *queries)
	start = time.Now()
	_, err = x.Find(ctx, search.Query{Text: "*", Facets: true})
	check(err)
	fmt.Printf("%-10s first query after opening %v\n", "luutin", time.Since(start).Round(time.Millisecond))
	if *profile != "" {
		f, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(f))
	}
	measure("luutin", all, func(q asking) int {
		r, err := x.Find(ctx, search.Query{Text: q.text, Since: q.since, Facets: true})
		check(err)
		return r.Total
	})
	pprof.StopCPUProfile()
	typed(ctx, x, c, *articles)
	if !*peers {
		return
	}
	compare(*dir, c, *articles, all, report)
	start = time.Now()
	found := 0
	words := strings.Fields(strings.ToLower(corpus.Plain(strings.Trim(all[0].text, `"`))))
	for v, err := range a.Articles(ctx, store.Query{}) {
		check(err)
		text := strings.ToLower(corpus.Plain(string(v.JSON)))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			found++
		}
	}
	fmt.Printf("%-10s one query %v\n", "scan", time.Since(start).Round(time.Millisecond))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func fill(ctx context.Context, a store.Archive, c *corpus.Corpus, n int) {
	stats, err := a.Stats(ctx)
	check(err)
	if stats.Articles == n {
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 256 {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				t, v := c.Visit(i)
				_, err := a.Record(ctx, t, v)
				check(err)
			}
		})
	}
	wait.Wait()
}

func sizeOf(path string) (n int64) {
	check(filepath.Walk(path, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return err
	}))
	return n
}

// An asking is a query that a user might type.
type asking struct {
	text  string
	since string
	words string // of text, without fields and quotes
	not   string
	quote bool
}

// asked returns queries: words of titles with and without marks, phrases of
// bodies, with a ministry, a year, or a word that must not be there, and single
// words as frequent as they are in the texts.
func asked(c *corpus.Corpus, articles, n int) []asking {
	r := rand.New(rand.NewPCG(7, 7))
	all := make([]asking, n)
	for i := range all {
		a := c.Article(r.IntN(articles))
		title := strings.Fields(strings.ToLower(a.Title))
		body := strings.Fields(strings.ToLower(a.Body))
		cut := func(words []string, n int) string {
			from := r.IntN(len(words) - n + 1)
			return strings.Trim(strings.ReplaceAll(strings.Join(words[from:from+n], " "), ".", ""), " ")
		}
		q := &all[i]
		switch x := r.IntN(100); {
		case x < 40:
			q.words = cut(title, 2+r.IntN(3))
			if r.IntN(2) == 0 {
				q.words = corpus.Plain(q.words)
			}
			q.text = q.words
		case x < 55:
			q.words, q.quote = cut(body, 2+r.IntN(2)), true
			q.text = `"` + q.words + `"`
		case x < 65:
			q.words = c.Words(r, 1)
			q.text = q.words + ` ministry:"` + string(a.Ministry) + `"`
		case x < 75:
			q.words = c.Words(r, 1)
			q.text, q.since = q.words, "2020"
		case x < 85:
			q.words, q.not = cut(title, 2), strings.Fields(c.Words(r, 1))[0]
			q.text = q.words + " -" + q.not
		default:
			q.words = c.Words(r, 1)
			q.text = q.words
		}
	}
	return all
}

// measure asks all queries, four at once, each on a thread of its own.
func measure(name string, all []asking, ask func(asking) int) {
	took, cpu := make([]time.Duration, len(all)), make([]time.Duration, len(all))
	totals := make([]int, len(all))
	var next atomic.Int64
	var wait sync.WaitGroup
	start, before := time.Now(), spent(syscall.RUSAGE_SELF)
	for range 4 {
		wait.Go(func() {
			runtime.LockOSThread()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				begin, before := time.Now(), spent(syscall.RUSAGE_THREAD)
				totals[i] = ask(all[i])
				took[i], cpu[i] = time.Since(begin), spent(syscall.RUSAGE_THREAD)-before
			}
		})
	}
	wait.Wait()
	whole, spent := time.Since(start), spent(syscall.RUSAGE_SELF)-before
	sum := 0
	for _, n := range totals {
		sum += n
	}
	slowest := func(took []time.Duration) (order []int, line string) {
		for i := range took {
			order = append(order, i)
		}
		slices.SortFunc(order, func(a, b int) int { return int(took[a] - took[b]) })
		at := func(p int) time.Duration { return took[order[(len(all)-1)*p/100]].Round(10 * time.Microsecond) }
		return order, fmt.Sprintf("median %v, 95 %% %v, 99 %% %v, longest %v", at(50), at(95), at(99), at(100))
	}
	_, line := slowest(took)
	fmt.Printf("%-10s %d queries, 4 at once: %s; %.0f a second, %.0f articles found on average\n",
		name, len(all), line, float64(len(all))/whole.Seconds(), float64(sum)/float64(len(all)))
	order, line := slowest(cpu)
	fmt.Printf("%-10s CPU of a query: %s; %v on average, the collector included\n", name, line, (spent / time.Duration(len(all))).Round(10*time.Microsecond))
	if os.Getenv("SLOWEST") != "" {
		for _, i := range order[len(order)-15:] {
			fmt.Printf("  %v %d %q\n", cpu[i], totals[i], all[i].text)
		}
	}
}

// spent is the CPU time of this process or thread: what it takes whatever else
// runs here.
func spent(who int) time.Duration {
	var r syscall.Rusage
	check(syscall.Getrusage(who, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// typed asks 200 queries with their marks, without, and with the marks of tone
// in the other place.
func typed(ctx context.Context, x *search.Index, c *corpus.Corpus, articles int) {
	r := rand.New(rand.NewPCG(9, 9))
	same, asked, first := 0, 0, 0
	for asked < 200 {
		a := c.Article(r.IntN(articles))
		title := strings.Fields(a.Title)
		from := r.IntN(len(title) - 4)
		with := strings.Join(title[from:from+5], " ")
		other := corpus.OtherTones(with)
		if asked%2 == 0 && other == with {
			continue // half of them at least are to have a mark that moves
		}
		asked++
		var ids [3]string
		for i, text := range []string{with, corpus.Plain(with), other} {
			found, err := x.Find(ctx, search.Query{Text: text, Limit: 1})
			check(err)
			if len(found.Hits) > 0 {
				ids[i] = found.Hits[0].ID
			}
		}
		if ids[0] != "" && ids[0] == ids[1] && ids[1] == ids[2] {
			same++
		}
		if ids[0] == a.ID {
			first++
		}
	}
	fmt.Printf("%-10s %d of %d queries find the same first in three ways of typing, %d of them the article they were taken from\n", "luutin", same, asked, first)
}
