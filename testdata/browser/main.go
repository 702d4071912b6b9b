// Command browser does in a headless Chromium what a reader does with luutin
// serve, and ends with status 1 at the first thing that is not as it should be.
//
//	browser URL AXE [DIR]
//
// URL is that of the service; its archive holds the sample ministry after its
// third edition, and the page hostile.html. AXE is axe.min.js of the npm package
// axe-core. With DIR it leaves a picture of every page there.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	hostile = "http://bao.bomau.example/doc-hai-99999.html"
	article = "http://bao.bomau.example/khong-ne-tranh-khi-thuc-hien-nhiem-vu-41217.html"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: browser URL AXE [DIR]")
	}
	axe, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	dir := ""
	if len(os.Args) > 3 {
		dir = os.Args[3]
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1280, 900))
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	b := &browser{ctx: ctx, base: strings.TrimSuffix(os.Args[1], "/"), axe: string(axe), dir: dir}
	b.watch()
	b.read()
	b.attack()
	b.look()
	b.withoutScripts()
	if len(b.outside) > 0 {
		log.Fatalf("asked outside the service: %q", b.outside)
	}
	fmt.Println("search, versions, replay, feed, languages, light and dark, phone, without scripts: as a reader expects; nothing is asked outside")
}

type browser struct {
	ctx            context.Context
	base, axe, dir string

	mu      sync.Mutex
	outside []string // requests that went elsewhere
	dialogs []string
}

// watch notes what is asked outside the service, and what pops up.
func (b *browser) watch() {
	chromedp.ListenTarget(b.ctx, func(e any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := e.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, b.base+"/") && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "about:blank" {
				b.outside = append(b.outside, e.Request.URL)
			}
		case *page.EventJavascriptDialogOpening:
			b.dialogs = append(b.dialogs, e.Message)
			go chromedp.Run(b.ctx, page.HandleJavaScriptDialog(false))
		case *runtime.EventExceptionThrown:
			b.dialogs = append(b.dialogs, e.ExceptionDetails.Error())
		}
	})
	// The browser lives as long as the context of its first task.
	if err := chromedp.Run(b.ctx, network.Enable(), page.Enable(), runtime.Enable()); err != nil {
		log.Fatalf("start the browser: %v", err)
	}
}

func (b *browser) do(what string, actions ...chromedp.Action) {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var at string
		chromedp.Run(b.ctx, chromedp.Location(&at))
		b.picture("failed")
		log.Fatalf("%s: %v (at %s)", what, err, at)
	}
}

func (b *browser) must(what string, ok bool, more ...any) {
	if !ok {
		b.picture("failed")
		log.Fatalf("%s: %v", what, more)
	}
}

func (b *browser) text(selector string) (s string) {
	b.do("text of "+selector, chromedp.Text(selector, &s, chromedp.ByQuery))
	return s
}

func (b *browser) at() (s string) {
	b.do("location", chromedp.Location(&s))
	return s
}

func (b *browser) eval(script string, to any) {
	b.do(script, chromedp.Evaluate(script, to))
}

func (b *browser) picture(name string) {
	if b.dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot(&png)); err == nil {
		os.WriteFile(filepath.Join(b.dir, name+".png"), png, 0o666)
	}
}

// read is what a reader does first.
func (b *browser) read() {
	b.do("open the first page", chromedp.Navigate(b.base+"/"), chromedp.WaitVisible("#q"), chromedp.Navigate(b.base+"/vi/"), chromedp.WaitVisible("#q"))
	b.do("search without diacritics", chromedp.SendKeys("#q", "khong ne tranh khi thuc hien"+kb.Enter), chromedp.WaitVisible(".facets"))
	first := b.text(".hits li:first-child a")
	b.must("the article is found first", first == "Không né tránh khi thực hiện nhiệm vụ", first)
	b.do("open it", chromedp.Click(".hits li:first-child a"), chromedp.WaitVisible("article.text"))
	b.must("its headline", b.text("h1") == first, b.text("h1"))
	opened := b.at()

	b.do("look at what changed", chromedp.Click(`nav a[href$="/changes"]`), chromedp.WaitVisible(".hits"))
	b.do("open a change", chromedp.Click(`//a[contains(., "Phùng Văn Lãm")]`, chromedp.BySearch), chromedp.WaitVisible("form.pick"))
	b.must("words went and came", b.text("del") != "" && b.text("ins") != "")
	b.do("compare a version with itself", chromedp.SetValue("select[name=to]", "1", chromedp.ByQuery), chromedp.Click("form.pick button"), chromedp.WaitNotPresent("article.text del"))

	b.do("a ministry", chromedp.Click(`nav a[href$="/ministries"]`), chromedp.WaitVisible(".cards"), chromedp.Click(".cards a"), chromedp.WaitVisible(".spark.line"))
	var feed string
	b.do("its feed", chromedp.Evaluate(`fetch(document.querySelector('link[rel=alternate]').href).then(r => r.text()).then(t => new DOMParser().parseFromString(t, 'application/xml').querySelectorAll('entry').length + ' entries')`, &feed,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	b.must("the feed has entries", feed != "" && feed != "0 entries", feed)

	var lang string
	b.do("the other language", chromedp.Click("nav a[hreflang]", chromedp.ByQuery), chromedp.WaitVisible(`html[lang=en] h1`, chromedp.ByQuery), chromedp.Evaluate(`document.documentElement.lang`, &lang))
	b.must("it is the same page in English", lang == "en" && strings.Contains(b.at(), "/en/ministry/"), b.at())

	var before, after, again string
	paper := `getComputedStyle(document.documentElement).backgroundColor`
	b.eval(paper, &before)
	b.do("dark", chromedp.Click("#theme"))
	b.eval(paper, &after)
	b.do("and so it stays", chromedp.Reload(), chromedp.WaitVisible("#theme"))
	b.eval(paper, &again)
	b.must("light and dark", before != after && after == again, before, after, again)
	b.eval(`localStorage.clear()`, nil)

	b.do("back to the article", chromedp.Navigate(opened), chromedp.WaitVisible("article.text"))
	b.do("see the archived page", chromedp.Click("a.button"), chromedp.WaitVisible("iframe.replay"))
	b.must("the replay shows the page", strings.Contains(b.frame(), "Không né tránh khi thực hiện nhiệm vụ"), b.frame())

}

// frame returns what the frame shows. It is of another origin, as it should be,
// so it is asked for by itself.
func (b *browser) frame() string {
	var src, body string
	b.do("address of the frame", chromedp.AttributeValue("iframe.replay", "src", &src, nil))
	var sandbox string
	b.do("sandbox of the frame", chromedp.AttributeValue("iframe.replay", "sandbox", &sandbox, nil))
	b.must("the frame may do nothing", sandbox == "", sandbox)
	b.do("the frame's page", chromedp.Evaluate(fmt.Sprintf(`fetch(%q).then(r => r.text())`, src), &body,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return body
}

// attack opens a page that tries everything, in its frame and by itself, and
// clicks on what it offers.
func (b *browser) attack() {
	at := b.base + "/vi/page/2026/" + hostile
	b.do("open the hostile page", chromedp.Navigate(at), chromedp.WaitVisible("iframe.replay"))
	settled := b.at()
	time.Sleep(2 * time.Second) // as long as its refresh and its timers would take
	b.must("the page around the frame stays where it is", b.at() == settled, b.at())
	var title string
	b.do("title", chromedp.Title(&title))
	b.must("its title too", !strings.Contains(title, "owned"), title)
	b.picture("hostile")

	by := strings.Replace(settled, "/vi/page/", "/replay/", 1)
	b.do("open it by itself", chromedp.Navigate(by), chromedp.WaitReady("body"))
	time.Sleep(2 * time.Second)
	b.must("it stays where it is", b.at() == by, b.at())
	b.do("click on everything", chromedp.Evaluate(`document.querySelectorAll('a,button,span').length`, nil))
	var links []map[string]string
	b.do("its links", chromedp.AttributesAll("a", &links, chromedp.ByQueryAll))
	for _, l := range links {
		href := l["href"]
		b.must("links stay within", href == "" || strings.HasPrefix(href, "/replay/") || strings.HasPrefix(href, "#"), href)
	}
	b.must("nothing popped up", len(b.dialogs) == 0, b.dialogs)
	b.must("nothing was asked outside", len(b.outside) == 0, b.outside)
}

// look opens every kind of page, wide and as on a phone, light and dark, and
// has axe look at it.
func (b *browser) look() {
	var id string
	b.do("resolve", chromedp.Navigate(b.base+"/vi/health"), chromedp.Evaluate(fmt.Sprintf(`fetch('/api/resolve?url=' + encodeURIComponent(%q)).then(r => r.json()).then(a => a.id)`, article), &id,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	pages := map[string]string{
		"home": "/vi/", "search": "/vi/search?q=bo+tu+phap", "nothing": "/en/search?q=zzzz", "article": "/vi/article/" + id, "changes": "/en/changes", "health": "/vi/health",
		"ministries": "/vi/ministries", "ministry": "/en/ministry/" + url.PathEscape("Bộ Mẫu"), "page": "/vi/page/2026/" + article, "missing": "/vi/article/none",
	}
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"wide", 1280, 900, "light"}, {"phone", 360, 740, "dark"}} {
		for name, path := range pages {
			name = name + "-" + view.name
			b.do(name, chromedp.EmulateViewport(view.width, view.height), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}}),
				chromedp.Navigate(b.base+path), chromedp.WaitVisible("main"))
			b.picture(name)
			var wide int
			b.eval(`document.scrollingElement.scrollWidth - innerWidth`, &wide)
			b.must(name+": nothing sticks out", wide <= 0, wide)
			b.judge(name)
		}
	}
	b.do("back to a desk", chromedp.EmulateViewport(1280, 900))
}

// judge has axe look for what would keep somebody from reading.
func (b *browser) judge(name string) {
	var found string
	b.do("axe", page.SetBypassCSP(true), chromedp.Evaluate(b.axe+";0", nil), chromedp.Evaluate(
		`axe.run(document, {iframes: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.html.slice(0, 120))}))))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }), page.SetBypassCSP(false))
	var violations []struct {
		ID, Impact string
		Nodes      []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		log.Fatalf("axe on %s: %v: %s", name, err, found)
	}
	for _, v := range violations {
		if slices.Contains([]string{"serious", "critical"}, v.Impact) {
			log.Fatalf("%s: axe finds %s (%s): %q", name, v.ID, v.Impact, v.Nodes)
		}
		fmt.Printf("%s: axe mentions %s (%s): %q\n", name, v.ID, v.Impact, v.Nodes)
	}
}

// withoutScripts searches and reads where none may run.
func (b *browser) withoutScripts() {
	b.do("without scripts", emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(b.base+"/vi/"), chromedp.WaitVisible("#q"),
		chromedp.SendKeys("#q", "khong ne tranh"+kb.Enter), chromedp.WaitVisible(".hits"), chromedp.Click(".hits li:first-child a"), chromedp.WaitVisible("article.text"),
		chromedp.Click("a.button"), chromedp.WaitVisible("iframe.replay"))
}
