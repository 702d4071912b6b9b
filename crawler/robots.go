package crawler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	robotsToken     = "luutin"       // what a robots.txt calls this crawler, whatever the User-Agent says
	robotsSize      = 500 << 10      // RFC 9309 section 2.5: at least 500 KiB are to be parsed
	robotsRedirects = 5              // RFC 9309 section 2.3.1.2
	robotsLife      = 24 * time.Hour // RFC 9309 section 2.4
	robotsRefused   = time.Minute    // until a host with a private address is looked up again
	maxCrawlDelay   = time.Minute    // a longer Crawl-delay would mean that the site is never read through
)

// rules is what one robots.txt says to this crawler. The zero value allows all.
type rules struct {
	list  []rule
	delay time.Duration // Crawl-delay, at most maxCrawlDelay
}

// A rule is the pattern of an Allow or Disallow line: literal pieces that
// stood between the asterisks, percent-decoded.
type rule struct {
	allow  bool
	pieces [][]byte
	end    bool // the pattern ends in $
	length int  // octets of the pattern; the longest that matches decides
}

// parseRobots reads a robots.txt as RFC 9309 says. Groups that name the
// product token are merged; when there is none, those for * are. A
// Crawl-delay counts as a member of its group, so that a group which holds
// nothing else does not run into the next one.
func parseRobots(body []byte, token string) rules {
	var own, all rules
	var forOwn, forAll bool // what the current group is for
	named := false          // some group names the token
	open := false           // the last record was a User-agent line
	body = robotsText(body)
	for len(body) > 0 {
		line := body
		if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		line, _, _ = bytes.Cut(line, []byte("#"))
		name, raw, ok := strings.Cut(string(line), ":")
		if !ok { // two words are taken for a line whose colon was forgotten, as Google does
			words := strings.Fields(name)
			if len(words) != 2 {
				continue
			}
			name, raw = words[0], words[1]
		}
		value := strings.TrimSpace(raw)
		add := func(to *rules, allow bool) {
			if value != "" { // an empty pattern says nothing, but it is a member
				to.list = append(to.list, parseRule(value, allow))
			}
		}
		switch key := strings.ToLower(strings.TrimSpace(name)); key {
		case "user-agent":
			if !open {
				forOwn, forAll, open = false, false, true
			}
			switch {
			case value == "*":
				forAll = true
			case strings.EqualFold(productToken(value), token):
				forOwn, named = true, true
			}
		case "allow", "disallow":
			open = false
			if forOwn {
				add(&own, key == "allow")
			}
			if forAll {
				add(&all, key == "allow")
			}
		case "crawl-delay":
			open = false
			seconds, err := strconv.ParseFloat(strings.Replace(value, ",", ".", 1), 64) // 1,5 is how much of the world writes it
			if err != nil || math.IsNaN(seconds) || seconds < 0 {
				continue
			}
			delay := time.Duration(min(seconds, maxCrawlDelay.Seconds()) * float64(time.Second))
			if forOwn {
				own.delay = max(own.delay, delay)
			}
			if forAll {
				all.delay = max(all.delay, delay)
			}
		}
	}
	if named {
		return own
	}
	return all
}

// robotsText returns the lines of a robots.txt in UTF-8, without a byte order
// mark. What is longer than robotsSize ends with the last line that is whole:
// half a pattern would cover too much.
func robotsText(body []byte) []byte {
	cut := len(body) > robotsSize
	body = body[:min(len(body), robotsSize+1)]
	decoder := unicode.BOMOverride(transform.Nop)
	if len(body) >= 2 { // UTF-16 without a mark, which begins with a letter or #
		switch {
		case body[0] == 0:
			decoder = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
		case body[1] == 0:
			decoder = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
		}
	}
	if text, _, err := transform.Bytes(decoder, body); err == nil { // it replaces what it does not understand
		body = text
	}
	if cut {
		body = body[:bytes.LastIndexAny(body, "\r\n")+1]
	}
	return body
}

// productToken is the beginning of a User-agent value that RFC 9309 compares:
// of "luutin/1.0" it is "luutin".
func productToken(s string) string {
	end := strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_'
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

func parseRule(pattern string, allow bool) rule {
	if pattern[0] != '/' && pattern[0] != '*' {
		pattern = "/" + pattern // what its author must have meant
	}
	r := rule{allow: allow}
	pattern, r.end = strings.CutSuffix(pattern, "$")
	for piece := range strings.SplitSeq(pattern, "*") {
		p := decodeOctets(piece)
		r.pieces = append(r.pieces, p)
		r.length += len(p) + 1
	}
	if !r.end {
		r.length--
	}
	return r
}

// matches reports whether the pattern covers a percent-decoded path. Each
// piece is taken where it first occurs, which leaves most for the next.
func (r rule) matches(path []byte) bool {
	first, rest := r.pieces[0], r.pieces[1:]
	if !bytes.HasPrefix(path, first) {
		return false
	}
	path = path[len(first):]
	for i, p := range rest {
		if r.end && i == len(rest)-1 {
			return bytes.HasSuffix(path, p)
		}
		at := bytes.Index(path, p)
		if at < 0 {
			return false
		}
		path = path[at+len(p):]
	}
	return !r.end || len(path) == 0
}

// allowed reports whether the URL may be asked for. The longest matching
// pattern decides; of two of one length, the one that allows.
func (r rules) allowed(u *url.URL) bool {
	raw := u.EscapedPath()
	if raw == "" {
		raw = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		raw += "?" + u.RawQuery
	}
	path := decodeOctets(raw)
	if string(path) == "/robots.txt" {
		return true
	}
	allow, length := true, -1
	for _, rule := range r.list {
		if (rule.length > length || rule.length == length && rule.allow) && rule.matches(path) {
			allow, length = rule.allow, rule.length
		}
	}
	return allow
}

// decodeOctets brings the two ways of writing an octet to one. RFC 9309
// section 2.2.2 encodes what is reserved or not ASCII and decodes the rest;
// decoding both sides compares the same.
func decodeOctets(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

// robots keeps what the hosts' robots.txt say. Each is fetched once, however
// many workers ask for it.
type robots struct {
	web *web

	mu    sync.Mutex
	known map[string]*robotsEntry // by scheme and host
}

// A robotsEntry is one robots.txt, fetched or being fetched.
type robotsEntry struct {
	done  chan struct{} // closed when the rest is set
	rules rules
	err   error
	until time.Time // to be asked for again after this
}

// of returns the rules for the URL's host. An error means that nobody knows
// what the host allows: stay away.
func (r *robots) of(ctx context.Context, u *url.URL, delay time.Duration) (rules, error) {
	key := u.Scheme + "://" + hostOf(u)
	for {
		r.mu.Lock()
		e := r.known[key]
		if e != nil {
			r.mu.Unlock()
			select {
			case <-e.done:
			case <-ctx.Done():
				return rules{}, context.Cause(ctx)
			}
			if r.web.now().Before(e.until) {
				return e.rules, e.err
			}
			r.mu.Lock()
		}
		if r.known[key] != e {
			r.mu.Unlock()
			continue // somebody else has begun to fetch it anew
		}
		e = &robotsEntry{done: make(chan struct{})}
		r.known[key] = e
		r.mu.Unlock()

		e.rules, e.err = r.fetch(ctx, u, delay)
		switch {
		case e.err == nil:
			e.until = r.web.now().Add(robotsLife)
			r.web.manners.slow(hostOf(u), u.Scheme, e.rules.delay)
		case ctx.Err() != nil, errors.As(e.err, new(*resting)): // that says nothing new about the host
		case errors.Is(e.err, privateAddress): // it was not even asked
			e.until = r.web.now().Add(robotsRefused)
		default:
			e.until = r.web.manners.strike(hostOf(u))
			e.err = &marked{e.err.Error(), robotsUnknown} // the strike for it has been made
		}
		close(e.done)
		return e.rules, e.err
	}
}

// fetch asks for one robots.txt and says what the answer means: 4xx and too
// many redirects allow everything, 5xx and silence allow nothing. 429 is no
// word about the rules, so it counts as the latter.
func (r *robots) fetch(ctx context.Context, page *url.URL, delay time.Duration) (rules, error) {
	at := &url.URL{Scheme: page.Scheme, Host: page.Host, Path: "/robots.txt"}
	for range robotsRedirects + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return rules{}, fmt.Errorf("robots.txt: %w", err)
		}
		req.Header.Set("User-Agent", r.web.agent)
		a, err := r.web.exchange(req, bounds{delay: delay, whole: r.web.limits.page, size: robotsSize + 1}, nil) // one byte more shows that it is cut
		if errors.Is(err, privateAddress) {
			return rules{}, err
		}
		if err != nil && (a == nil || a.truncated != "length") {
			return rules{}, fmt.Errorf("robots.txt: %w", err)
		}
		switch status := a.resp.StatusCode; {
		case isRedirect(a.resp):
			to, err := a.resp.Location()
			if err != nil {
				return rules{}, nil
			}
			if err := webScheme(to); err != nil {
				return rules{}, nil
			}
			at = to
		case status == http.StatusTooManyRequests || status >= 500:
			r.web.manners.rest(hostOf(at), retryAfter(a.resp.Header, r.web.now()))
			return rules{}, fmt.Errorf("robots.txt: %s", statusLine(status))
		case status >= 200 && status < 300:
			return parseRobots(a.body, robotsToken), nil
		default:
			return rules{}, nil
		}
	}
	return rules{}, nil
}
