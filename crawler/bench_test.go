package crawler

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"

	"luutin/extract"
	"luutin/store"
)

// bigPage is a page of 70 KB, most of which is the template of its site.
func bigPage(n string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html><head><title>Tin số " + n + "</title></head><body><nav><ul>")
	for i := range 520 {
		fmt.Fprintf(&b, `<li class="menu-item level-%d"><a href="/chuyen-muc/%d.html" title="Chuyên mục">Chuyên mục số %[2]d</a></li>`, i%4, i)
	}
	b.WriteString(`</ul></nav><h1>Tin số ` + n + `</h1><span class="date">19/01/2018 14:39</span><div class="body">`)
	for i := range 40 {
		fmt.Fprintf(&b, "<p>Đoạn %d của tin %s: sáng ngày 19/01, Bộ Tư pháp đã tổ chức Hội nghị triển khai công tác năm, <b>với sự tham dự</b> của lãnh đạo các đơn vị thuộc Bộ.</p>\n", i, n)
	}
	b.WriteString("</div></body></html>")
	return b.String()
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkVisit compares the CPU of whole visits, from the lease to the
// durable commit, with that of fetching and parsing the same pages and
// forgetting them. The server's share is in both.
func BenchmarkVisit(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/list" {
			io.WriteString(w, list("", "/news/0"))
			return
		}
		io.WriteString(w, bigPage(r.Host+r.URL.Path))
	}))
	defer server.Close()
	own := ownTransport(nil, extract.Terms{Private: true})
	own.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	defer own.CloseIdleConnections()
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("m%d.test", i))
	}
	var targets []store.Target
	for i := range b.N {
		host := names[i%len(names)]
		targets = append(targets, store.Target{URL: fmt.Sprintf("http://%s/news/%d", host, i), Site: host, Kind: extract.KindArticle, Priority: 1})
	}

	begun, wall := cpu(), time.Now()
	client := &http.Client{Transport: own}
	for _, t := range targets {
		resp, err := client.Get(t.URL)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := html.Parse(strings.NewReader(string(body))); err != nil {
			b.Fatal(err)
		}
	}
	alone, aloneWall := cpu()-begun, time.Since(wall)

	archive := openArchive(b, filepath.Join(b.TempDir(), "archive"))
	sites := sitesOf(b, names...)
	if _, err := archive.Add(b.Context(), targets...); err != nil {
		b.Fatal(err)
	}
	c := &Crawler{Archive: archive, Sites: sites, Transport: own, Delay: -1, IgnoreRobots: true, Patience: time.Millisecond, Workers: 30}
	b.ResetTimer()
	begun, wall = cpu(), time.Now()
	s, err := c.Run(b.Context(), names)
	whole, wholeWall := cpu()-begun, time.Since(wall)
	if err != nil || s.Added < b.N {
		b.Fatalf("%s, %v", s, err)
	}
	b.ReportMetric(float64(whole)/float64(alone), "cpu-ratio")
	b.ReportMetric(float64(whole.Microseconds())/float64(s.Visited), "cpu-µs/visit")
	b.ReportMetric(float64(s.Visited)/wholeWall.Seconds(), "visits/s")
	b.ReportMetric(float64(b.N)/aloneWall.Seconds(), "parses/s")
}
