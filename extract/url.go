package extract

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"luutin/extract/dom"
)

// trackers are query parameters that say where a reader came from, not what
// the page is. A name ending in * stands for all names with that beginning.
var trackers = []string{
	"utm_*", "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid", "igshid",
	"mc_cid", "mc_eid", "_ga", "_gl", "zarsrc", "zalo_*", "_openstat", "ns_*", "vero_*", "oly_enc_id", "oly_anon_id",
	// sessions
	"jsessionid", "phpsessid", "aspsessionid*", "sid", "sessionid", "cfid", "cftoken",
}

var (
	sessionPath = regexp.MustCompile(`(?i);(?:jsessionid|phpsessid|sessionid|sid)=[^/?]*|/\([sfa]\([a-z0-9-]+\)\)`) // Java, ASP.NET cookieless
	hexEscape   = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
)

// HostName returns the form by which a host is known, with or without a port: in
// lower case, without a dot behind it, an international name as DNS has it (RFC
// 5891: xn--…).
func HostName(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !international(host) {
		return host
	}
	name, port, found := strings.Cut(host, ":")
	bare := strings.TrimPrefix(name, "*.") // of a definition
	if ascii, err := idna.Lookup.ToASCII(bare); err == nil {
		if host = strings.TrimSuffix(name, bare) + ascii; found {
			host += ":" + port
		}
	}
	return host
}

// withHostName writes the host of a URL as HostName has it when it is
// international, and leaves all else as it is written.
func withHostName(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	name := host
	if strings.Contains(host, "%") && !strings.HasPrefix(host, "[") { // as package url writes it
		name, _ = url.PathUnescape(host)
	}
	if !international(name) {
		return raw
	}
	return scheme + "://" + HostName(name) + rest[len(host):]
}

func international(host string) bool {
	return strings.IndexFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
}

// CanonicalURL returns the form by which a URL is known: scheme and host in
// lower case, no default port, no fragment, no dot segments, percent-encoding
// as RFC 3986 section 6.2.2 prefers it, no parameters that track readers or
// sessions, the others sorted by name. What browsers put up with in a link, as
// a % that begins no escape, is understood. What is no absolute http(s) URL comes
// back as it was.
func CanonicalURL(raw string) string {
	u, err := url.Parse(dom.Href(raw))
	if err != nil {
		return raw
	}
	return canonical(raw, u, func(name, value string) bool { return !isTracker(name, value) })
}

// isTracker judges a parameter by its name; one that is called sid also by its
// value, since some systems number their articles so.
func isTracker(name, value string) bool {
	name = strings.ToLower(name)
	if name == "sid" && len(value) < 16 {
		return false
	}
	for _, t := range trackers {
		if stem, ok := strings.CutSuffix(t, "*"); ok && strings.HasPrefix(name, stem) || t == name {
			return true
		}
	}
	return false
}

// withoutTrackers takes the parameters that track readers out of a URL and
// leaves all else as it is written.
func withoutTrackers(raw string) string {
	base, query, ok := strings.Cut(raw, "?")
	if !ok {
		return raw
	}
	params := slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool {
		name, value, _ := strings.Cut(p, "=")
		return isTracker(name, value)
	})
	if len(params) == 0 {
		return base
	}
	return base + "?" + strings.Join(params, "&")
}

// withoutUser takes a name and a password out of a URL and leaves all else as it
// is written.
func withoutUser(raw string) string {
	start := strings.Index(raw, "://") + len("://")
	if start < len("://") {
		return raw
	}
	end := len(raw)
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		end = start + i
	}
	at := strings.LastIndexByte(raw[start:end], '@')
	return raw[:start] + raw[start+at+1:]
}

// canonical changes u, which raw was parsed to.
func canonical(raw string, u *url.URL, keep func(name, value string) bool) string {
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return raw
	}
	u.Host = HostName(u.Host)
	if p := u.Port(); p == "80" && u.Scheme == "http" || p == "443" && u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":"+p)
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""

	p := u.EscapedPath()
	if strings.ContainsAny(p, ";(") {
		p = sessionPath.ReplaceAllString(p, "")
	}
	p = normalEscapes(p)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	if strings.Contains(p, "/.") { // path.Clean also folds "//", which some sites need
		slash := strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..")
		p = path.Clean(p)
		if slash && p != "/" {
			p += "/"
		}
	}
	if u.RawQuery == "" {
		return u.Scheme + "://" + u.Host + p
	}
	var params []string
	for param := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(param, "=")
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
		if param != "" && keep(name, value) {
			params = append(params, normalEscapes(param))
		}
	}
	slices.SortStableFunc(params, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	out := u.Scheme + "://" + u.Host + p
	if len(params) > 0 {
		out += "?" + strings.Join(params, "&")
	}
	return out
}

// normalEscapes writes escapes in upper case and unreserved characters plainly.
func normalEscapes(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return hexEscape.ReplaceAllStringFunc(s, func(e string) string {
		c := unhex(e[1])<<4 | unhex(e[2])
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			return string(rune(c))
		}
		return strings.ToUpper(e)
	})
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
