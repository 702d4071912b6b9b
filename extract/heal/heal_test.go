package heal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"luutin/extract"
	"luutin/extract/heal"
	"luutin/testdata/ministry"
)

const savedSites = "../../testdata/sites"

// TestLayoutsAreFoundAgain takes every layout that has a saved page, gives its
// pages and their goldens to Propose, and wants most of what the goldens say.
func TestLayoutsAreFoundAgain(t *testing.T) {
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	dir := os.DirFS(savedSites)
	names, err := extract.SavedPages(dir)
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		site    string
		samples []heal.Sample
	}
	groups := map[string]*group{}
	var order []string
	for _, name := range names {
		page, err := extract.LoadSaved(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		golden, err := fs.ReadFile(dir, extract.GoldenName(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var known extract.Article
		if err := json.Unmarshal(golden, &known); err != nil || known.Extractor == "" {
			continue // a list
		}
		if strings.HasPrefix(strings.TrimSpace(string(page.Body)), "{") {
			continue // JSON has paths, not selectors
		}
		_, layout, _ := strings.Cut(known.Extractor, " ")
		key := sites.Of(page.URL) + " " + layout
		if groups[key] == nil {
			groups[key] = &group{site: sites.Of(page.URL)}
			order = append(order, key)
		}
		groups[key].samples = append(groups[key].samples, heal.Sample{Page: page, Known: &known})
	}
	measured := []string{"title", "published", "lead", "body", "authors", "source", "section", "tags"}
	right := map[string]int{}
	whole, marked := 0, 0
	for _, key := range order {
		g := groups[key]
		p, err := heal.Propose(heal.Task{Sites: sites, Site: g.site, Samples: g.samples, Name: "healed"})
		if p == nil {
			t.Logf("%s: %v", key, err)
			continue
		}
		if err == nil {
			marked++
		}
		for _, r := range p.Readings {
			if r.Got == nil || !strings.HasSuffix(r.Got.Extractor, "/healed") {
				t.Errorf("%s: %s is not read by the new layout", key, r.Page.URL)
			}
		}
		wrong := ""
		for i, field := range measured {
			if p.Right(field) == len(g.samples) {
				right[field]++
				continue
			}
			if i < 5 {
				wrong += " " + field
			}
			for _, r := range p.Readings {
				if known, got := r.Value(field); !r.Same(field) {
					t.Logf("%s: %s by %q\n\tknown %.300q\n\tgot   %.300q", key, field, p.Layout.Fields[field], known, got)
				}
			}
		}
		if wrong == "" {
			whole++
		}
		if testing.Verbose() {
			fmt.Println(key+wrong, "\n"+p.Layout.TOML(nil))
		}
	}
	for _, field := range measured {
		t.Logf("%-9s %3d of %d layouts", field, right[field], len(order))
	}
	t.Logf("all five  %3d of %d layouts; a mark in %d", whole, len(order), marked)
	if whole*100 < len(order)*80 {
		t.Errorf("title, published, lead, body and authors are found again in %d of %d layouts, want four fifths", whole, len(order))
	}
}

// TestNothingElseChanges puts a layout into every built-in definition and
// wants the rest of the file byte for byte.
func TestNothingElseChanges(t *testing.T) {
	sites, err := extract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	layout := heal.Layout{Name: "new", When: "#new", Fields: map[string]string{"title": "h1", "body": "#new"}, Drop: []string{".a", `[href*="x"]`}}.TOML(nil)
	for _, name := range sites.Names() {
		old := sites.Source(name)
		text := heal.Insert(old, layout)
		if got := strings.Replace(string(text), layout+"\n", "", 1); got != string(old) && got != string(old)+"\n"+layout {
			t.Errorf("%s: more than the layout changed:\n%s", name, text)
		}
		with, err := sites.With(name, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		site, _ := with.Site(name)
		if !strings.HasPrefix(site.Layouts[0], name+"/new ") {
			t.Errorf("%s: the new layout is not the first of %v", name, site.Layouts)
		}
	}
	for _, tt := range []struct{ name, old, want string }{
		{"a comment of the layout stays with it", "hosts = ['a']\n\n# the old\n# one\n[[layout]]\nname = 'x'\n", "hosts = ['a']\n\nNEW\n\n# the old\n# one\n[[layout]]\nname = 'x'\n"},
		{"a word in a text is no layout", "notes = '''\n[[layout]]\n'''\n[[ layout ]]\nname = 'x'\n", "notes = '''\n[[layout]]\n'''\nNEW\n\n[[ layout ]]\nname = 'x'\n"},
		{"Windows line ends", "hosts = ['a']\r\n[[layout]]\r\nname = 'x'\r\n", "hosts = ['a']\r\nNEW\n\n[[layout]]\r\nname = 'x'\r\n"},
		{"no layout, no line end", "hosts = ['a']", "hosts = ['a']\n\nNEW\n"},
		{"nothing", "", "NEW\n"},
		{"the layout first", "[[layout]]\nname = 'x'", "NEW\n\n[[layout]]\nname = 'x'"},
	} {
		if got := string(heal.Insert([]byte(tt.old), "NEW\n")); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestNames shows which names of a page a selector may have.
func TestNames(t *testing.T) {
	const page = `<html><body><div class="hd">Bộ Thử</div><div class="%s"><h2 class="%[1]s">Bến đò mới</h2>
<div id="bai"><p>Sáng nay Bộ Thử mở bến đò mới ở xã Tân Hạ, sau tám tháng thi công trên nền bến cũ.</p></div></div></body></html>`
	known := &extract.Article{Title: "Bến đò mới", Body: "Sáng nay Bộ Thử mở bến đò mới ở xã Tân Hạ, sau tám tháng thi công trên nền bến cũ."}
	for _, tt := range []struct {
		class string
		good  bool
	}{
		{"tieu-de", true}, {"title-2", true}, {"detailTitleMain", true}, {"__MASTERCMS_TITLE", true}, {"kbwscwlr-list", true}, {"txt_tieude", true},
		{"css-1x2y3z", false}, {"sc-bdVaJa", false}, {"jsx-3810439", false}, {"Article_title__3xYz1", false}, {"svelte-1tky8bj", false}, {"a1b2c3d4", false}, {"post-12345", false},
	} {
		cs, err := heal.Candidates([]heal.Sample{{Page: extract.Page{URL: "https://bothu.example/a-1.html", Body: fmt.Appendf(nil, page, tt.class)}, Known: known}})
		if err != nil {
			t.Fatal(err)
		}
		if len(cs["title"]) == 0 {
			t.Errorf("%s: no candidate", tt.class)
		} else if got := strings.Contains(cs["title"][0].Selector, tt.class); got != tt.good {
			t.Errorf("%s: the best of the title is %q", tt.class, cs["title"][0].Selector)
		}
	}
}

// TestSameEveryTime wants the same proposal for the same pages.
func TestSameEveryTime(t *testing.T) {
	samples := ministrySamples(t, "bao.bomau.example")[:4]
	first := ""
	for range 2 {
		p, err := heal.Propose(heal.Task{Sites: &extract.Sites{}, Site: "bao", Definition: []byte("hosts = ['bao.bomau.example']\nzone = 'Asia/Ho_Chi_Minh'\narticles = '-\\d+\\.html'\n"), Samples: samples, Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(p.Definition)
		}
		if got := string(p.Definition); got != first {
			t.Fatalf("got\n%s\nthen\n%s", first, got)
		}
	}
}

// TestOutliers wants a layout all the same when one of the pages is a wall.
func TestOutliers(t *testing.T) {
	samples := ministrySamples(t, "bao.bomau.example")[:4]
	samples[2].Page.Body = []byte("<html><head><title>Just a moment</title></head><body><h1>Just a moment...</h1></body></html>")
	old := ministrySamples(t, "www.bomau.example")
	task := heal.Task{Sites: &extract.Sites{}, Site: "bao", Definition: []byte("hosts = ['bao.bomau.example']\nzone = 'Asia/Ho_Chi_Minh'\narticles = '-\\d+\\.html'\n"), Samples: samples, Name: "x"}
	for _, s := range old {
		task.Old = append(task.Old, s.Page)
	}
	p, err := heal.Propose(task)
	if err != nil {
		t.Fatal(err)
	}
	if p.Right("title") != 3 || p.Right("body") != 3 || p.Layout.When != ".__MASTERCMS_CONTENT" {
		t.Errorf("title right on %d, body on %d of 3, when %q", p.Right("title"), p.Right("body"), p.Layout.When)
	}
	for _, s := range samples {
		task.Old = append(task.Old, s.Page)
	}
	task.Samples = samples[:1]
	if p, err := heal.Propose(task); !errors.Is(err, heal.ErrNoMark) || p == nil {
		t.Errorf("new pages among the old: %v, want ErrNoMark and the layout all the same", err)
	}
}

// ministrySamples returns the articles of a host of the sample ministry with
// what they say.
func ministrySamples(t testing.TB, host string) (samples []heal.Sample) {
	t.Helper()
	web, err := ministry.New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web)
	defer server.Close()
	proxy, _ := url.Parse(server.URL)
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	golden, err := os.ReadFile("../../testdata/ministry/articles.golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		var a extract.Article
		var truth map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &truth); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(truth["editions"]), "[1") {
			continue // of a later edition
		}
		for key := range truth { // of the others some are counted only
			if !slices.Contains([]string{"canonical_url", "title", "lead", "body", "published", "published_text", "authors", "source", "section", "tags"}, key) {
				delete(truth, key)
			}
		}
		known, err := json.Marshal(truth)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(known, &a); err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(a.CanonicalURL); err != nil || u.Host != host {
			continue
		}
		answer, err := client.Get(a.CanonicalURL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode == http.StatusOK {
			samples = append(samples, heal.Sample{Page: extract.Page{URL: a.CanonicalURL, ContentType: answer.Header.Get("Content-Type"), Body: body}, Known: &a})
		}
	}
	return samples
}

// TestMinistry finds a layout in a few articles of each site of the sample
// ministry, and reads the others by it.
func TestMinistry(t *testing.T) {
	right, all := map[string]int{}, 0
	for _, tt := range []struct{ host, articles string }{
		{"www.bomau.example", `-\d{14,}\.htm`}, {"bao.bomau.example", `-\d+\.html`},
		{"luat.bomau.example", `(?i)[?&]ItemID=\d+`}, {"tinhthanh.bomau.example", `/view_content/\d+`},
	} {
		samples := ministrySamples(t, tt.host)
		if len(samples) < 5 {
			t.Fatalf("%s has %d articles", tt.host, len(samples))
		}
		definition := fmt.Appendf(nil, "hosts = ['%s']\nzone = 'Asia/Ho_Chi_Minh'\narticles = '%s'\n", tt.host, tt.articles)
		few := len(samples) / 2
		p, err := heal.Propose(heal.Task{Sites: &extract.Sites{}, Site: "bomau", Definition: definition, Samples: samples[:few], Name: "x"})
		if err != nil {
			t.Errorf("%s: %v", tt.host, err)
			continue
		}
		sites, err := (&extract.Sites{}).With("bomau", p.Definition)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s\n%s", tt.host, p.Layout.TOML(nil))
		for _, s := range samples[few:] {
			all++
			r, err := sites.Read(s.Page)
			reading := heal.Reading{Sample: s, Got: r.Article, Err: err}
			for _, field := range heal.Fields {
				if reading.Same(field) {
					right[field]++
				} else if known, got := reading.Value(field); err == nil {
					t.Logf("%s %s\n\tknown %.200q\n\tgot   %.200q", s.Page.URL, field, known, got)
				}
			}
		}
	}
	for _, field := range heal.Fields {
		t.Logf("%-9s %2d of %d pages that were not looked at", field, right[field], all)
	}
	for _, field := range []string{"title", "published", "lead", "body", "authors"} {
		if right[field]*100 < all*80 {
			t.Errorf("%s is read right on %d of %d pages, want four fifths", field, right[field], all)
		}
	}
}

// TestHostilePages bounds the time that odd pages take.
func TestHostilePages(t *testing.T) {
	known := &extract.Article{Title: "tin tức", Lead: "tin", Body: strings.Repeat("tin tức\n\n", 300), Authors: []string{"tin"}, Source: "tin", Section: "tin > tức", Tags: []string{"tin", "tức"}}
	var classes strings.Builder
	for i := range 500 {
		fmt.Fprintf(&classes, `<div class="tin-%c%c tuc k%d" id="n%d"><p class="a b c d e f">tin <b>tức</b></p></div>`, 'a'+i%26, 'a'+i/26%26, i%7, i)
	}
	for name, body := range map[string]string{
		"deep":    strings.Repeat(`<div class="a b c"><span>tin`, 5000),
		"wide":    classes.String(),
		"one tag": "<p>" + strings.Repeat("tin tức <br>", 2000),
		"classes": `<div class="` + strings.Repeat("tin-tuc ", 5000) + `">tin tức</div>`,
		"links":   strings.Repeat(`<a class="l" href="/tin-tuc-moi-12345.html">tin tức về bến đò và đường sông</a>`, 1000),
	} {
		start := time.Now()
		p := extract.Page{URL: "https://bothu.example/tin-1.html", Body: []byte(body)}
		heal.Propose(heal.Task{Sites: &extract.Sites{}, Site: "bothu", Definition: []byte("hosts = ['bothu.example']\narticles = '-\\d+'\n"), Samples: []heal.Sample{{Page: p, Known: known}, {Page: p, Known: known}}, Old: []extract.Page{p}, Name: "x"})
		heal.ReadList(p, nil)
		took := time.Since(start)
		t.Logf("%-8s %s", name, took.Round(time.Millisecond))
		if took > 30*time.Second {
			t.Errorf("a page that is %s took %s", name, took)
		}
	}
}

// FuzzPropose feeds pages and values that have nothing to do with each other.
func FuzzPropose(f *testing.F) {
	f.Add(`<h1>A title</h1><p class="x">19/01/2018 14:39</p><div id=b><p>Some text of the body.</p></div>`, "A title", "Some text of the body.", "19/01/2018 14:39")
	f.Add(strings.Repeat("<div class='a b'>", 300)+"x", "x", "x\n\nx", "")
	f.Add(`<div class="a:b c/d '" id="'\""><span itemprop="headline'">t</span></div>`, "t", "t", "t")
	f.Add(`<a href="/a-1234.html">One headline of some length</a><a href="/b-1235.html">Two</a><a href="/c-1236.html">Three</a>`, "", "", "")
	f.Fuzz(func(t *testing.T, page, title, body, byline string) {
		if len(page) > 50_000 {
			return
		}
		start := time.Now()
		p := extract.Page{URL: "https://bothu.example/a-12345.html", Body: []byte(page)}
		known := &extract.Article{Title: title, Body: body, Lead: extract.Text(byline), Authors: []string{byline}, Source: extract.Text(title), Section: extract.Text(byline), Tags: []string{title, byline}}
		if when, err := time.Parse(time.DateOnly, byline); err == nil {
			known.Published = &when
		}
		proposal, err := heal.Propose(heal.Task{Sites: &extract.Sites{}, Site: "bothu.example", Definition: []byte("hosts = ['bothu.example']\narticles = '-\\d+'\n"), Samples: []heal.Sample{{Page: p, Known: known}}, Old: []extract.Page{p}, Name: "fuzz"})
		if err == nil {
			t.Fatalf("a mark %q tells a page from itself", proposal.Layout.When)
		}
		if l, err := heal.ReadList(p, nil); err == nil {
			if _, err := heal.Define(&extract.Sites{}, p, l, []extract.Page{p}); err != nil && strings.Contains(err.Error(), "bothu.example.toml") {
				t.Fatal(err) // a definition that does not load
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Fatalf("took %s", took)
		}
	})
}
