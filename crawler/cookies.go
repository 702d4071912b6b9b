package crawler

import (
	"cmp"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"luutin/extract"
)

// RFC 6265 section 6.1: what browsers keep at least. More makes requests that
// servers refuse.
const (
	maxCookie  = 4096 // bytes of a name and a value
	maxCookies = 50   // of a domain, subdomains included
)

// cookies is a jar that is bounded: a longer cookie is not taken, and of more
// than maxCookies those go that were set longest ago.
type cookies struct {
	mu      sync.Mutex
	domains map[string]*domainCookies // by the domain that somebody can register
}

type domainCookies struct {
	jar  *cookiejar.Jar
	held []heldCookie // the one that was set last is the last
}

type heldCookie struct {
	from               *url.URL
	domain, path, name string // domain is "" for one that is the host's alone
}

func registrable(u *url.URL) string {
	host := extract.HostName(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

func (c *cookies) SetCookies(u *url.URL, set []*http.Cookie) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.domains[registrable(u)]
	if d == nil {
		jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // never fails
		d = &domainCookies{jar: jar}
		if c.domains == nil {
			c.domains = map[string]*domainCookies{}
		}
		c.domains[registrable(u)] = d
	}
	for _, cookie := range set {
		if len(cookie.Name)+len(cookie.Value) > maxCookie {
			continue
		}
		h := heldCookie{u, strings.TrimPrefix(strings.ToLower(cookie.Domain), "."), cookie.Path, cookie.Name}
		if !strings.HasPrefix(h.path, "/") { // the directory, RFC 6265 section 5.1.4
			h.path = cmp.Or(u.Path[:max(strings.LastIndexByte(u.Path, '/'), 0)], "/")
		}
		d.held = slices.DeleteFunc(d.held, h.replaces)
		if cookie.MaxAge >= 0 {
			d.held = append(d.held, h)
		}
		d.jar.SetCookies(u, []*http.Cookie{cookie})
		if len(d.held) > maxCookies {
			old := d.held[0]
			d.held = slices.Delete(d.held, 0, 1)
			d.jar.SetCookies(old.from, []*http.Cookie{{Name: old.name, Domain: old.domain, Path: old.path, MaxAge: -1}})
		}
	}
}

// replaces reports whether the jar takes two cookies for one.
func (h heldCookie) replaces(other heldCookie) bool {
	return h.name == other.name && h.path == other.path && h.domain == other.domain &&
		(h.domain != "" || h.from.Host == other.from.Host)
}

func (c *cookies) Cookies(u *url.URL) []*http.Cookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.domains[registrable(u)]; d != nil {
		return d.jar.Cookies(u)
	}
	return nil
}

// forget drops the cookies of a domain whose server does not bear them.
func (c *cookies) forget(u *url.URL) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.domains, registrable(u))
}
