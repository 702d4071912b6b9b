package extract

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"luutin/extract/dom"
)

// Names returns the names of the sites, sorted.
func (s *Sites) Names() []string { return slices.Clone(s.names) }

// A Site tells what its definition says of itself.
type Site struct {
	Name     string   `json:"name"`
	Title    string   `json:"title,omitempty"`
	Ministry string   `json:"ministry,omitempty"`
	Hosts    []string `json:"hosts"`
	Platform string   `json:"platform,omitempty"`
	Sure     string   `json:"sure"` // how sure its facts are: sure, likely, old or weak
	Notes    string   `json:"notes,omitempty"`
	Layouts  []string `json:"layouts"` // newest first, with how sure each is
	Seeds    []Link   `json:"-"`
}

// Site returns the description of a site; false when there is none.
func (s *Sites) Site(name string) (Site, bool) {
	d := s.byName[name]
	if d == nil {
		return Site{}, false
	}
	site := Site{Name: d.Name, Title: d.Title, Ministry: d.Ministry, Hosts: d.Hosts, Platform: d.Platform, Sure: d.Sure, Notes: d.Notes, Seeds: s.Seeds(name)}
	if site.Sure == "" {
		site.Sure = "weak"
	}
	for _, l := range d.Layouts {
		sure := l.Sure
		if sure == "" {
			sure = site.Sure
		}
		site.Layouts = append(site.Layouts, fmt.Sprintf("%s/%s (%s)", l.from, l.Name, sure))
	}
	return site, true
}

// Of returns the name of the site that a URL belongs to; "" when none knows it.
func (s *Sites) Of(rawURL string) string {
	if d := s.site(rawURL); d != nil {
		return d.Name
	}
	return ""
}

// Seeds returns where a crawl of a site begins: its list pages, feeds and
// sitemaps.
func (s *Sites) Seeds(site string) []Link {
	d := s.byName[site]
	if d == nil {
		return nil
	}
	var out []Link
	add := func(raw, post string, k Kind) {
		canonical := s.Key(raw)
		if post != "" {
			canonical += "\n" + post
		}
		out = append(out, Link{URL: raw, Post: post, Canonical: canonical, Kind: k})
	}
	for _, u := range d.Feeds {
		add(u, "", KindFeed)
	}
	for _, u := range d.Start {
		add(u, "", KindList)
	}
	for _, u := range d.Seeds {
		add(u.URL, u.Post, u.Kind)
	}
	for _, u := range d.Sitemaps {
		add(u, "", KindSitemap)
	}
	return out
}

// LikeSeeds returns a URL of which only the host is known with the scheme of its
// site's seeds, and with their www. or without, where they are on that host.
func LikeSeeds(rawURL string, seeds []Link) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	bare := func(host string) string { return strings.TrimPrefix(strings.ToLower(host), "www.") }
	schemes := map[string]bool{}
	rest := strings.TrimPrefix(rawURL, u.Scheme+"://"+u.Host)
	for _, seed := range seeds {
		at, err := url.Parse(seed.URL)
		if err != nil {
			continue
		}
		if schemes[at.Scheme] = true; bare(at.Host) == bare(u.Host) {
			return at.Scheme + "://" + at.Host + rest
		}
	}
	if len(schemes) == 1 && schemes["https"] && u.Port() == "" {
		return "https://" + u.Host + rest
	}
	return rawURL
}

// Rules returns what the definition of a site says of where an article's fields
// stand: selectors, or JSON paths, by the name of the field. Of several layouts
// it is the one that Article.Extractor names, and the newest when it names none
// of the site's.
func (s *Sites) Rules(site, extractor string) map[string]string {
	d := s.byName[site]
	if d == nil || len(d.Layouts) == 0 {
		return nil
	}
	l := &d.Layouts[0]
	for i := range d.Layouts {
		if strings.HasSuffix(extractor, " "+d.Layouts[i].from+"/"+d.Layouts[i].Name) {
			l = &d.Layouts[i]
			break
		}
	}
	return l.rules
}

// Belongs reports whether a host is one of a site's own.
func (s *Sites) Belongs(site, host string) bool {
	d := s.byName[site]
	return d != nil && s.ofHost(host) == d
}

// IsArticle reports whether the definition of a URL's site says that an article is
// there. Where it does not say how URLs of articles look, nobody knows.
func (s *Sites) IsArticle(raw string) bool {
	u, d := s.parse(raw)
	return d != nil && d.articles != nil && d.articles.MatchString(u.RequestURI())
}

// Delay returns how long a site wants to be left alone between requests; 0
// when its definition does not say.
func (s *Sites) Delay(site string) time.Duration {
	if d := s.byName[site]; d != nil {
		return d.delay
	}
	return 0
}

// Headers returns what a site wants to be sent with a request besides the
// usual.
func (s *Sites) Headers(site, rawURL string) map[string]string {
	if d := s.byName[site]; d != nil {
		return d.Headers
	}
	return nil
}

// Address returns what must be asked for to read what readers see at a URL: the
// URL itself, or what the rewrites of its site's definition make of it. A name
// and a password in it are left out.
func (s *Sites) Address(raw string) string { return s.site(raw).address(raw) }

func (d *definition) address(raw string) string {
	raw = withHostName(withoutUser(dom.Href(raw)))
	if d != nil {
		for _, rw := range d.Rewrite {
			if rw.from.MatchString(raw) {
				return rw.from.ReplaceAllString(raw, rw.To)
			}
		}
	}
	return raw
}

// Key returns what a URL of a site is known by in a frontier: its canonical
// form without the scheme's s and the host's www., which lead to one page.
func (s *Sites) Key(raw string) string {
	u, d := s.parse(raw)
	return d.key(raw, u)
}

func (d *definition) key(raw string, u *url.URL) string {
	key := d.canonical(raw, u)
	if d == nil {
		return key
	}
	if rest, ok := strings.CutPrefix(key, "https://"); ok {
		key = "http://" + rest
	}
	if rest, ok := strings.CutPrefix(key, "http://www."); ok {
		key = "http://" + rest
	}
	return key
}

// asked returns the address of a link, without trackers, and its key.
func (s *Sites) asked(raw string) (address, key string) {
	u, d := s.parse(raw)
	if address = withoutTrackers(d.address(raw)); address != raw {
		u, d = s.parse(address)
	}
	return address, d.key(address, u)
}

// Canonical is CanonicalURL with what the site's definition says of its
// query parameters.
func (s *Sites) Canonical(raw string) string {
	u, d := s.parse(raw)
	return d.canonical(raw, u)
}

// TellsApart reports whether the definition of a site names a query parameter
// among those that tell its pages apart.
func (s *Sites) TellsApart(site, param string) bool {
	d := s.byName[site]
	return d != nil && slices.ContainsFunc(d.Params, func(p string) bool { return strings.EqualFold(p, param) })
}

// canonical returns the canonical form of a URL; u is nil when no definition
// knows it.
func (d *definition) canonical(raw string, u *url.URL) string {
	if d == nil {
		return CanonicalURL(raw)
	}
	return canonical(raw, u, func(name, value string) bool {
		match := func(p string) bool { return strings.EqualFold(p, name) }
		switch {
		case slices.ContainsFunc(d.Params, match):
			return true
		case len(d.Params) > 0 || slices.ContainsFunc(d.IgnoreParams, match):
			return false
		}
		return !isTracker(name, value)
	})
}
