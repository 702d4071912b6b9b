package crawler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
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
	"testing/fstest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gocolly/colly/v2"
	"go.etcd.io/bbolt"
	"golang.org/x/net/html"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// In a benchmark the web and the frontier of a million are processes of their
// own: their processor time and memory are no part of what is measured.
func TestMain(m *testing.M) {
	switch os.Getenv("LUUTIN_BENCH") {
	case "web":
		serveBench()
		os.Exit(0)
	case "frontier":
		fillFrontier(os.Getenv("LUUTIN_BENCH_DIR"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// benchHosts is over how many hosts the pages are spread.
const benchHosts = 30

func benchHost(i int) string { return fmt.Sprintf("m%d.test", i) }

// benchDefinition says of a site what definitions usually say.
const benchDefinition = `
title = 'Báo thử HOST'
hosts = ['HOST']
ministry = 'Bộ Tư pháp'
zone = 'Asia/Ho_Chi_Minh'
language = 'vi'
articles = '^/news/\d+'

[[list]]
links = 'li a'

[[layout]]
name = 'only'
when = '.detail-content'
title = 'h1.detail-title, h1'
published = '.detail-meta .detail-time, time'
lead = '.detail-sapo'
body = '.detail-content'
authors = '.detail-author'
section = '.breadcrumb a'
tags = '.detail-tags a'
related = '.detail-content .box-related'
drop = '.box-related, .detail-ads'
`

// benchPage is an article page of 70 KB as news sites have them: a head full
// of metadata, styles and scripts, menus, the article, and boxes of others.
// HOST and NUMBER stand for what differs.
var benchPage = sync.OnceValue(func() []string {
	rnd := rand.New(rand.NewPCG(70, 70))
	words := strings.Fields("hội nghị triển khai công tác tư pháp năm nay của các đơn vị thuộc Bộ với sự tham dự đại biểu địa phương nhiều nội dung quan trọng được thảo luận nhằm hoàn thiện pháp luật nâng cao chất lượng thi hành án dân sự và trợ giúp pháp lý cho người dân")
	text := func(n int) string {
		var s []string
		for range n {
			s = append(s, words[rnd.IntN(len(words))])
		}
		return "Tin " + strings.Join(s, " ")
	}
	var b strings.Builder
	script := func(lines int) {
		b.WriteString("<script>\n")
		for i := range lines {
			fmt.Fprintf(&b, "  window.app = window.app || {}; app.queue%d = app.queue%[1]d || []; app.queue%[1]d.push({slot: 'box-%[1]d', size: [%d, 250], lazy: true});\n", i, rnd.IntN(970))
		}
		b.WriteString("</script>\n")
	}
	card := func() {
		id := rnd.IntN(1e7)
		fmt.Fprintf(&b, `<div class="box-item clearfix" data-id="%d"><a class="box-thumb img-resize" href="/news/%[1]d" title="%s"><img loading="lazy" src="/thumb/300x188/%[1]d.jpg" alt="" width="300" height="188"></a>
<h3 class="box-title"><a href="/news/%[1]d" data-type="title">%[2]s</a></h3><p class="box-sapo">%s</p></div>
`, id, text(12), text(22))
	}
	b.WriteString(`<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>Tin số NUMBER về công tác tư pháp | Báo thử</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="canonical" href="http://HOST/news/NUMBER">
<meta property="og:title" content="Tin số NUMBER về công tác tư pháp"><meta property="og:type" content="article"><meta property="og:url" content="http://HOST/news/NUMBER"><meta property="og:site_name" content="Báo thử">
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Tin số NUMBER về công tác tư pháp", "datePublished": "2018-01-19T14:39:00+07:00", "publisher": {"@type": "Organization", "name": "Báo thử"}}</script>
<style>
`)
	for i := range 70 {
		fmt.Fprintf(&b, ".box-%d .title { margin: 0 0 %dpx; font: 700 16px/1.4 Roboto, sans-serif; }\n", i, rnd.IntN(40))
	}
	b.WriteString("</style>\n")
	script(50)
	b.WriteString(`</head><body class="page-detail"><header class="header"><nav class="menu"><ul class="menu-list">`)
	for i := range 60 {
		fmt.Fprintf(&b, `<li class="menu-item level-%d"><a href="/chuyen-muc/%d.html" title="%s">%[3]s</a></li>
`, i%3, i, text(3))
	}
	b.WriteString(`</ul></nav></header><div class="main"><div class="container detail-page"><ul class="breadcrumb"><li><a href="/phap-luat">Pháp luật</a></li></ul>
<h1 class="detail-title">Tin số NUMBER về công tác tư pháp</h1><div class="detail-meta"><span class="detail-author">Nguyễn Văn An</span> <span class="detail-time">19/01/2018 14:39</span></div>
<h2 class="detail-sapo">Sáng ngày 19/01, tại trụ sở Bộ, hội nghị số NUMBER đã diễn ra với sự tham dự của lãnh đạo các đơn vị.</h2><div class="detail-content afcbc-body">
`)
	for i := range 24 {
		fmt.Fprintf(&b, "<p>Đoạn %d của tin NUMBER: %s, <b>%s</b> %s.</p>\n", i, text(40), text(4), text(40))
		switch {
		case i%8 == 3:
			fmt.Fprintf(&b, `<figure class="image"><img src="/photo/NUMBER-%d.jpg" alt="" width="640" height="427"><figcaption><p>%s. Ảnh: Trần Bình</p></figcaption></figure>
`, i, text(14))
		case i == 12:
			fmt.Fprintf(&b, `<div class="box-related"><ul><li><a href="/news/%d">%s</a></li><li><a href="/news/%d">%s</a></li></ul></div>
`, i, text(10), i+1, text(10))
		}
	}
	b.WriteString(`</div><div class="detail-tags"><a href="/tag/tu-phap">Tư pháp</a> <a href="/tag/hoi-nghi">Hội nghị</a></div><div class="box-news">
`)
	for range 22 {
		card()
	}
	b.WriteString(`</div></div><aside class="sidebar">`)
	for range 16 {
		card()
	}
	b.WriteString(`</aside></div><footer class="footer"><p>Cơ quan chủ quản: Báo thử. Giấy phép số 1.</p></footer>`)
	script(60)
	b.WriteString("</body></html>")
	return strings.SplitAfter(strings.ReplaceAll(b.String(), "HOST", "\x00HOST\x00"), "\x00")
})

// pageOf writes the page of a host and a number.
func pageOf(host, number string) []byte {
	var b strings.Builder
	for _, part := range benchPage() {
		part = strings.TrimSuffix(part, "\x00")
		if part == "HOST" {
			part = host
		}
		b.WriteString(part)
	}
	return []byte(strings.ReplaceAll(b.String(), "NUMBER", number))
}

// serveBench is the web of the benchmarks, for any host, until its standard
// input is closed. It says its address on its first line.
func serveBench() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { panic(http.Serve(l, http.HandlerFunc(benchAnswer))) }()
	io.Copy(io.Discard, os.Stdin)
}

func benchAnswer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	number, ok := strings.CutPrefix(r.URL.Path, "/news/")
	switch {
	case !ok:
		io.WriteString(w, list("", "/news/0"))
	default:
		body := pageOf(r.Host, number)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	}
}

// benchWeb starts the web and returns a transport into it, which is the
// crawler's own but for the address.
func benchWeb(b *testing.B) *http.Transport {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LUUTIN_BENCH=web")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stdin.Close(); cmd.Wait() })
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		b.Fatal(err)
	}
	t := ownTransport(nil, extract.Terms{Private: true})
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	b.Cleanup(t.CloseIdleConnections)
	return t
}

func benchSites(b *testing.B) (*extract.Sites, []string) {
	files := fstest.MapFS{}
	var names []string
	for i := range benchHosts {
		names = append(names, benchHost(i))
		files[names[i]+".toml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(benchDefinition, "HOST", names[i]))}
	}
	sites, err := extract.LoadSites(files)
	if err != nil {
		b.Fatal(err)
	}
	return sites, names
}

// spent is what a piece of work took.
type spent struct{ cpu, wall time.Duration }

func (s *spent) add(work func()) {
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begun, wall := cpu(), time.Now()
	work()
	s.cpu += cpu() - begun
	s.wall += time.Since(wall)
}

// BenchmarkVisit compares whole visits of pages of 70 KB, from the lease to the
// durable commit, with less and with other programs over the same pages. All
// go through one transport, 30 requests at a time.
//
//	cpu-ratio  processor time over that of fetching and html.Parse alone
//	of-fetch   pages a second over those of a client that only fetches
//	of-naive   pages a second over those of colly, goquery and one bbolt Update a page
func BenchmarkVisit(b *testing.B) {
	transport := benchWeb(b)
	sites, names := benchSites(b)
	var targets []store.Target
	for i := range b.N {
		host := names[i%len(names)]
		targets = append(targets, store.Target{URL: fmt.Sprintf("http://%s/news/%d", host, i), Site: host, Kind: extract.KindArticle, Priority: 1})
	}

	client := &http.Client{Transport: transport}
	fetch := func(targets []store.Target, then func([]byte)) {
		var next atomic.Int64
		var wait sync.WaitGroup
		for range benchHosts {
			wait.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(targets); i = int(next.Add(1)) - 1 {
					resp, err := client.Get(targets[i].URL)
					if err != nil {
						b.Error(err)
						return
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil {
						b.Error(err)
						return
					}
					then(body)
				}
			})
		}
		wait.Wait()
	}
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "naive.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	archive := openArchive(b, filepath.Join(b.TempDir(), "archive"))
	c := &Crawler{Archive: archive, Sites: sites, Transport: transport, Delay: -1, IgnoreRobots: true, Patience: time.Millisecond, Workers: benchHosts}

	// In turns, so that all meet the same moods of the machine.
	const turn = 600
	var fetching, parsing, naive, whole spent
	fetch(targets[:min(len(targets), turn)], func([]byte) {}) // for the connections
	for targets := range slices.Chunk(targets, turn) {
		fetching.add(func() { fetch(targets, func([]byte) {}) })
		parsing.add(func() {
			fetch(targets, func(body []byte) {
				if _, err := html.Parse(bytes.NewReader(body)); err != nil {
					b.Error(err)
				}
			})
		})
		naive.add(func() { naively(b, transport, db, targets) })
		if _, err := archive.Add(b.Context(), targets...); err != nil {
			b.Fatal(err)
		}
		whole.add(func() {
			if s, err := c.Run(b.Context(), names); err != nil || s.Added != len(targets) {
				b.Fatalf("%s, %v", s, err)
			}
		})
	}
	rate := func(s spent) float64 { return float64(b.N) / s.wall.Seconds() }
	b.ReportMetric(float64(whole.cpu)/float64(parsing.cpu), "cpu-ratio")
	b.ReportMetric(rate(whole)/rate(fetching), "of-fetch")
	b.ReportMetric(rate(whole)/rate(naive), "of-naive")
	b.ReportMetric(float64(whole.cpu.Microseconds())/float64(b.N), "cpu-µs/visit")
	b.ReportMetric(float64(whole.wall.Microseconds())/float64(b.N), "wall-µs/visit")
	b.ReportMetric(float64(naive.cpu)/float64(parsing.cpu), "naive-cpu-ratio")
	b.ReportMetric(0, "ns/op") // of all of it together
}

// naively is the program that one writes first: colly finds the page, goquery
// reads it, and every article is an Update of bbolt.
func naively(b *testing.B, transport http.RoundTripper, db *bbolt.DB, targets []store.Target) {
	c := colly.NewCollector(colly.Async(true))
	c.WithTransport(transport)
	if err := c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: benchHosts}); err != nil {
		b.Fatal(err)
	}
	c.OnHTML("html", func(e *colly.HTMLElement) {
		article := map[string]any{"url": e.Request.URL.String(), "html": string(e.Response.Body)}
		for field, selector := range map[string]string{
			"title": "h1.detail-title", "published": ".detail-time", "lead": ".detail-sapo", "authors": ".detail-author", "section": ".breadcrumb a", "tags": ".detail-tags a",
		} {
			article[field] = strings.TrimSpace(e.DOM.Find(selector).Text())
		}
		var paragraphs []string
		e.DOM.Find(".detail-content p").Each(func(_ int, p *goquery.Selection) { paragraphs = append(paragraphs, strings.TrimSpace(p.Text())) })
		article["body"] = strings.Join(paragraphs, "\n\n")
		var links []string
		e.DOM.Find("a[href]").Each(func(_ int, a *goquery.Selection) { links = append(links, e.Request.AbsoluteURL(a.AttrOr("href", ""))) })
		article["links"] = links
		raw, err := json.Marshal(article)
		if err != nil {
			b.Error(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("articles"))
			return errors.Join(err, bucket.Put([]byte(e.Request.URL.String()), raw))
		})
		if err != nil {
			b.Error(err)
		}
	})
	c.OnError(func(r *colly.Response, err error) { b.Error(err) })
	for _, t := range targets {
		if err := c.Visit(t.URL); err != nil {
			b.Fatal(err)
		}
	}
	c.Wait()
}

// BenchmarkPolite crawls 30 hosts that want 200 ms between two requests, whose
// URLs came host by host, and reports the share of the pages a second that
// these pauses allow (of-ideal).
func BenchmarkPolite(b *testing.B) {
	const each = 60
	delay := 200 * time.Millisecond
	transport := benchWeb(b)
	sites, names := benchSites(b)
	for b.Loop() {
		archive := openArchive(b, filepath.Join(b.TempDir(), "archive"))
		for _, host := range names {
			var targets []store.Target
			for i := range each {
				targets = append(targets, store.Target{URL: fmt.Sprintf("http://%s/news/%d", host, i), Site: host, Kind: extract.KindArticle, Priority: 1})
			}
			if _, err := archive.Add(b.Context(), targets...); err != nil {
				b.Fatal(err)
			}
		}
		c := &Crawler{Archive: archive, Sites: sites, Transport: transport, Delay: delay, IgnoreRobots: true, Workers: benchHosts}
		begun := time.Now()
		s, err := c.Run(b.Context(), names)
		took := time.Since(begun)
		if err != nil || s.Visited != each*benchHosts {
			b.Fatalf("%s, %v", s, err)
		}
		b.ReportMetric(((each-1)*delay).Seconds()/took.Seconds(), "of-ideal")
		archive.Close()
	}
}

const million = 1_000_000

// BenchmarkFrontier reports the most memory of a process that adds a million
// URLs to an archive and visits some of them (MB-RSS), and how many it adds a
// second.
func BenchmarkFrontier(b *testing.B) {
	if testing.Short() {
		b.Skip("takes a minute")
	}
	for b.Loop() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LUUTIN_BENCH=frontier", "LUUTIN_BENCH_DIR="+filepath.Join(b.TempDir(), "archive"))
		cmd.Stderr = os.Stderr
		begun := time.Now()
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		kb, err := strconv.Atoi(string(out))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(kb)/1024, "MB-RSS")
		b.ReportMetric(million/time.Since(begun).Seconds(), "URLs/s")
	}
}

func fillFrontier(dir string) {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	a, err := bolt.Open(dir, bolt.Options{})
	check(err)
	ctx := context.Background()
	const batch = 1000
	for i := 0; i < million; i += batch {
		var targets []store.Target
		for j := i; j < i+batch; j++ {
			host := benchHost(j / batch % benchHosts)
			targets = append(targets, store.Target{URL: fmt.Sprintf("http://%s/thoi-su/tin-tuc-trong-ngay-%d.html", host, j), Site: host, Kind: extract.KindArticle, Priority: 1})
		}
		_, err := a.Add(ctx, targets...)
		check(err)
	}
	for range 1000 {
		l, err := a.Lease(ctx, store.Want{})
		check(err)
		_, err = a.Commit(ctx, l, store.Visit{Result: store.Missing, Time: time.Now()})
		check(err)
	}
	check(a.Close())
	// What getrusage says counts the process that began this one, too.
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Print(strings.Fields(peak)[0]) // in KB
}
