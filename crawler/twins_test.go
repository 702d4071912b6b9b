package crawler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"luutin/store"
)

// A page that calls itself another one changes nothing of that one; and one that
// only copies what others call themselves is an article of its own.
func TestTwins(t *testing.T) {
	calls := func(page, canonical string) string {
		return strings.Replace(page, "</title>", fmt.Sprintf(`</title><link rel="canonical" href="http://%s%s">`, moj, canonical), 1)
	}
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 4 {
			main, twin := fmt.Sprintf("/news/%d", i), fmt.Sprintf("/news/amp-%d", i)
			links = append(links, twin, main)
			w.ministry.set(main, calls(newsOf(i), main))
			w.ministry.set(twin, calls(strings.Replace(newsOf(i), "</div>", "<p>Bản dành cho điện thoại có thêm một câu ở cuối bài, không có ở bản chính.</p></div>", 1), main))
		}
		for i := 4; i < 8; i++ {
			path := fmt.Sprintf("/news/%d", i)
			links = append(links, path)
			w.ministry.set(path, calls(strings.ReplaceAll(newsOf(i), "sáng ngày 19/01, Bộ Tư pháp", fmt.Sprintf("chiều ngày %d/01, Bộ Tư pháp", i)), "/news/0"))
		}
		w.ministry.set("/list", list("", links...))
		for range 3 {
			w.run(t)
			time.Sleep(400 * day)
		}
		w.ministry.set("/news/1", calls(news("Tin số 1 đã sửa", ""), "/news/1"))
		w.run(t)
		time.Sleep(400 * day)
		articles, versions := map[string]int{}, 0
		for v, err := range w.Archive.Articles(t.Context(), store.Query{History: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if articles[v.ID] = v.Number; !strings.Contains(string(v.JSON), "đã sửa") {
				versions++
			}
		}
		// What a twin says counts until the article itself was visited.
		if len(articles) != 8 || versions > 8+5 {
			t.Errorf("%d articles in %d versions, want 8 in 13 at most", len(articles), versions)
		}
		id, err := w.Archive.Resolve(t.Context(), "http://"+moj+"/news/amp-1")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := w.Archive.Article(t.Context(), id); err != nil || !strings.Contains(string(v.JSON), "đã sửa") {
			t.Errorf("the twin leads to %s, %v", v.JSON, err)
		}
		// The article goes; its twin stays, and speaks for it.
		w.ministry.set("/news/1", "404")
		w.run(t)
		w.ministry.set("/news/amp-1", calls(news("Tin số 1 bản điện thoại", ""), "/news/1"))
		time.Sleep(400 * day)
		w.run(t)
		if v, err := w.Archive.Article(t.Context(), id); err != nil || !v.Withdrawn.IsZero() || !strings.Contains(string(v.JSON), "bản điện thoại") {
			t.Errorf("then to %s, %v", v.JSON, err)
		}
	})
}

// TestSharedCanonical has pages that all call themselves the same page, which is none:
// each is an article of its own, and none a version of another.
func TestSharedCanonical(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 6 {
			path := fmt.Sprintf("/news/xem.aspx?id=%d", 101+i)
			links = append(links, path)
			w.ministry.set(path, strings.Replace(strings.ReplaceAll(newsOf(i), "sáng ngày 19/01, Bộ Tư pháp", fmt.Sprintf("chiều ngày %d/01, Bộ Tư pháp", i)),
				"</title>", `</title><link rel="canonical" href="/news/xem.aspx">`, 1))
		}
		w.ministry.set("/list", list("", links...))
		for range 3 {
			w.run(t)
			time.Sleep(400 * day)
		}
		articles, versions := map[string]bool{}, 0
		for v, err := range w.Archive.Articles(t.Context(), store.Query{History: true}) {
			if err != nil {
				t.Fatal(err)
			}
			articles[v.ID] = true
			versions++
		}
		if len(articles) != 6 || versions != 6 {
			t.Errorf("%d articles in %d versions, want 6 in 6", len(articles), versions)
		}
		for i := range 6 {
			id, err := w.Archive.Resolve(t.Context(), fmt.Sprintf("http://%s/news/xem.aspx?id=%d", moj, 101+i))
			if err != nil {
				t.Fatal(err)
			}
			if v, err := w.Archive.Article(t.Context(), id); err != nil || !strings.Contains(string(v.JSON), fmt.Sprintf("chiều ngày %d/01", i)) {
				t.Errorf("id=%d leads to %.300s, %v", 101+i, v.JSON, err)
			}
		}
	})
}

// TestOtherForm has a site that gives up the www. of its addresses, and one whose
// feed has addresses with it that never were.
func TestOtherForm(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var www ministry
		w.net.serve(t, "www."+moj, &www)
		www.set("/robots.txt", "")
		w.ministry.set("/list", list("", "http://www."+moj+"/news/1", "http://www."+moj+"/news/2", "http://www."+moj+"/news/3"))
		www.set("/news/1", news("Tin số 1", ""))
		www.set("/news/2", news("Tin số 2", ""))
		w.ministry.set("/news/3", news("Tin số 3", ""))
		w.wantRun(t, "4 visited: 3 added, 1 list")
		time.Sleep(400 * day)

		www.set("/news/1", "404")
		www.set("/news/2", "404")
		w.ministry.set("/news/1", news("Tin số 1", ""))
		w.ministry.set("/list", list("", "/news/1", "/news/2", "/news/3"))
		w.wantRun(t, "4 visited: 0 added, 2 unchanged, 1 list, 1 gone (1 article withdrawn)")
		if w.ministry.clash+www.clash > 0 || w.ministry.gap < time.Second {
			t.Errorf("%d clashes, %v apart", w.ministry.clash+www.clash, w.ministry.gap)
		}
		for i, gone := range []bool{1: false, 2: true, 3: false} {
			if i == 0 {
				continue
			}
			if got := w.at(t, fmt.Sprintf("http://%s/news/%d", moj, i)); got.Gone.IsZero() == gone {
				t.Errorf("article %d: %+v", i, got)
			}
		}
	})
}
