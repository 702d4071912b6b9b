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
