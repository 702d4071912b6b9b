// Package ministry is a sample: the web of a ministry that does not exist,
// Bộ Mẫu, with a paper, a legal portal, a provincial office and a portal of
// the newest kind, each on a CMS that real ministries use, with its quirks.
// People, places and events are invented.
//
// The web exists in three editions. The first is how a crawler first meets it.
// In the second only what machines print has changed: clocks and counters. In
// the third an article was edited, one deleted, and three are new.
package ministry

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/template"
)

//go:embed articles templates
var files embed.FS

// Editions is how many editions there are; they are counted from 1.
const Editions = 3

// A Web serves the hosts of the ministry. It is an http.Handler that goes by
// the Host header, and a forward proxy for plain http. As 127.0.0.1 or
// localhost it shows people an overview, under which every host can be looked
// at, and a POST to /_edition?n=3 switches.
type Web struct {
	templates *template.Template
	editions  [Editions + 1]*world
	current   atomic.Int32

	mu    sync.Mutex
	asked map[string]int
}

// A world is one edition of the web.
type world struct {
	edition   int
	hosts     []*host
	articles  map[*host][]*article // newest first
	pages     map[string]*page     // by URL
	redirects map[string]string
}

// A page is an article in an edition, at one of its addresses.
type page struct {
	*article
	world *world
	cms   string
	place string // the section in which it stands here
	at    string // the URL of this page
}

// New returns the first edition.
func New() (*Web, error) {
	w := &Web{asked: map[string]int{}}
	var err error
	if w.templates, err = template.New("").Funcs(template.FuncMap{"numeric": numeric, "named": named, "bare": bare}).ParseFS(files, "templates/*"); err != nil {
		return nil, err
	}
	hosts := hosts()
	all := map[*host][]*article{}
	for _, h := range hosts {
		if all[h], err = readArticles(files, h); err != nil {
			return nil, err
		}
	}
	for n := 1; n <= Editions; n++ {
		w.editions[n] = newWorld(n, hosts, all)
	}
	w.current.Store(1)
	return w, nil
}

func newWorld(edition int, hosts []*host, all map[*host][]*article) *world {
	w := &world{edition: edition, hosts: hosts, articles: map[*host][]*article{}, pages: map[string]*page{}, redirects: map[string]string{}}
	for _, h := range hosts {
		newest := map[string]*article{}
		for _, a := range all[h] {
			if a.edition <= edition && (a.until == 0 || a.until >= edition) && (newest[a.slug] == nil || newest[a.slug].edition < a.edition) {
				newest[a.slug] = a
			}
		}
		w.articles[h] = slices.SortedFunc(maps.Values(newest), func(a, b *article) int {
			return cmp.Or(b.time().Compare(a.time()), cmp.Compare(a.slug, b.slug))
		})
		for _, a := range w.articles[h] {
			for _, place := range []string{a.section, a.also} {
				if place != "" {
					p := &page{article: a, world: w, cms: h.cms, place: place, at: a.urlIn(place)}
					w.pages[p.at] = p
				}
			}
			if a.moved != "" {
				w.redirects[a.absolute(a.moved)] = a.url()
			}
		}
	}
	return w
}

// SetEdition switches to an edition, 1 to Editions.
func (w *Web) SetEdition(n int) error {
	if n < 1 || n > Editions {
		return fmt.Errorf("no edition %d; there are 1 to %d", n, Editions)
	}
	w.current.Store(int32(n))
	return nil
}

// Edition is the edition that is served now.
func (w *Web) Edition() int { return int(w.current.Load()) }

// Asked returns how often each URL was asked for, whoever's it is.
func (w *Web) Asked() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.asked)
}

// Hosts returns the names of all hosts that the web serves.
func (w *Web) Hosts() (names []string) {
	for _, h := range w.editions[1].hosts {
		names = append(names, h.Name)
		if h.api != "" {
			names = append(names, h.api)
		}
	}
	return names
}

// ServeHTTP answers for the ministry's hosts, and for the overview.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		http.Error(rw, "the sample ministry has no https: ask for http:// addresses", http.StatusNotImplemented)
		return
	}
	world := w.editions[w.current.Load()]
	name := strings.ToLower(r.Host)
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if h := world.host(name); h != nil {
		w.count("http://" + name + r.URL.RequestURI())
		w.serve(rw, r, world, h, name)
		return
	}
	if own := name == "localhost" || net.ParseIP(name) != nil; !own { // as a proxy for another's page
		w.count("http://" + name + r.URL.RequestURI())
		http.Error(rw, "the sample ministry is the whole web here: there is no host "+name, http.StatusBadGateway)
		return
	}
	switch {
	case r.URL.Path == "/_edition" && r.Method == http.MethodPost:
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if err := w.SetEdition(n); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		http.Redirect(rw, r, "/", http.StatusSeeOther)
	case r.URL.Path == "/":
		w.overview(rw, world)
	default:
		w.look(rw, r, world)
	}
}

func (w *Web) count(raw string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[raw]++
}

func (w *world) host(name string) *host {
	for _, h := range w.hosts {
		if name == h.Name || name == h.api {
			return h
		}
	}
	return nil
}

// find returns the page at a URL. What comes behind it from newsletters does
// not matter to a server.
func (w *world) find(u *url.URL, name string) *page {
	q := u.Query()
	for key := range q {
		if strings.HasPrefix(key, "utm_") {
			q.Del(key)
		}
	}
	raw := "http://" + name + u.Path
	if len(q) > 0 {
		raw += "?" + q.Encode()
	}
	return w.pages[raw]
}

// inSection lists the articles of a section, newest first, that a list links to.
func (w *world) inSection(h *host, slug string) (list []*page) {
	for _, a := range w.articles[h] {
		if (a.section == slug || a.also == slug) && !a.quirk("orphan") {
			list = append(list, w.pages[a.urlIn(slug)])
		}
	}
	return list
}

// An offer is a link to another article.
type offer struct{ href, title, thumb, alt string }

func (p *page) offers(x block) (list []offer) {
	for i, line := range x.lines {
		title, id, gone := strings.Cut(line, "|")
		o := offer{title: strings.TrimSpace(title), alt: bare(p.title), thumb: p.photo("thumb-" + strconv.Itoa(i+1) + ".jpg")}
		if gone {
			o.href = "http://" + p.host.Name + "/" + slugOf(o.title) + "-" + strings.TrimSpace(id) + ".html"
		}
		for _, a := range p.world.articles[p.host] {
			if a.slug == o.title {
				o.href, o.title = a.path(), a.title
			}
		}
		list = append(list, o)
	}
	return list
}

func slugOf(title string) string {
	return strings.Join(strings.FieldsFunc(bare(title), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), "-")
}
