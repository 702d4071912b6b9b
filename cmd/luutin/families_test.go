package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

// TestFamilies finds a text that a paper reprints, says which came first, and
// leaves the other out of an export.
func TestFamilies(t *testing.T) {
	dir := t.TempDir()
	a, err := bolt.Open(filepath.Join(dir, "archive"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := "Sáng 19/01, Bộ Mẫu tổ chức hội nghị triển khai công tác năm 2018 tại trụ sở Bộ. Hội nghị nghe báo cáo về 1250 vụ việc đã giải quyết trong năm, tăng 12 phần trăm so với năm trước. Thứ trưởng đề nghị các đơn vị chủ động phối hợp, báo cáo kịp thời và không né tránh khi thực hiện nhiệm vụ được giao."
	keep := func(url, title, body string, day int) {
		t.Helper()
		target := store.Target{URL: url, Site: strings.Split(url, "/")[2], Kind: extract.KindArticle}
		if _, err := a.Add(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		l, err := a.Lease(t.Context(), store.Want{})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2018, 1, day, 8, 0, 0, 0, time.UTC)
		article := &extract.Article{ID: extract.ArticleID(url), URL: url, CanonicalURL: url, Site: target.Site, Title: title, Body: body, Published: &at, Fetched: at}
		article.ContentHash = article.Hash()
		_, err = a.Commit(t.Context(), l, store.Visit{Result: store.Fetched, Article: article, Capture: &store.Capture{URL: url, Status: 200, Body: []byte(title + body), Fetched: at}})
		if err != nil {
			t.Fatal(err)
		}
	}
	keep("http://bao.test/1", "Bộ Mẫu triển khai công tác", "(TTX) – "+text+" Hội nghị kết thúc lúc 11 giờ cùng ngày.", 20)
	keep("http://bo.test/1", "Hội nghị triển khai công tác năm", text, 19)
	keep("http://bo.test/2", "Tin khác", strings.Repeat("Một tin khác hẳn, không có gì giống với tin kia, viết về một việc mà nơi khác không nói tới bao giờ. ", 3), 18)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	luutin := func(args ...string) string {
		t.Helper()
		out, err := program(t, dir, append([]string{"--archive", "archive"}, args...)...).Output()
		if err != nil {
			t.Fatalf("luutin %s: %v", strings.Join(args, " "), err)
		}
		return string(out)
	}
	lines := strings.Split(luutin("families"), "\n")
	if len(lines) != 4 || lines[0] != "Hội nghị triển khai công tác năm" || !strings.HasSuffix(lines[1], "2018-01-19 08:00  http://bo.test/1") || !strings.HasSuffix(lines[2], "http://bao.test/1") {
		t.Errorf("families:\n%s", strings.Join(lines, "\n"))
	}
	if out := luutin("families", "--json"); strings.Count(out, `"similarity":`) != 2 || strings.Contains(out, "bo.test/2") {
		t.Errorf("families --json: %s", out)
	}
	if out := luutin("export", "--unique"); strings.Count(out, "\n") != 2 || strings.Contains(out, `"url":"http://bao.test/1"`) {
		t.Errorf("export --unique:\n%s", out)
	}
	if out := luutin("export", "--unique", "--site", "bao.test"); strings.Count(out, "\n") != 1 {
		t.Errorf("export --unique --site bao.test:\n%s", out)
	}
}
