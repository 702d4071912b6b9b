package crawler

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestCookiesAreBounded(t *testing.T) {
	var c cookies
	at := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	has := func(u, name string) bool {
		for _, cookie := range c.Cookies(at(u)) {
			if cookie.Name == name {
				return true
			}
		}
		return false
	}
	c.SetCookies(at("http://moj.gov.vn/"), []*http.Cookie{{Name: "long", Value: strings.Repeat("x", maxCookie)}, {Name: "first", Value: "1"}})
	if has("http://moj.gov.vn/", "long") || !has("http://moj.gov.vn/", "first") {
		t.Errorf("cookies %v, want the first without the long one", c.Cookies(at("http://moj.gov.vn/")))
	}
	c.SetCookies(at("http://mof.gov.vn/"), []*http.Cookie{{Name: "other", Value: "1"}})
	for i := range 3 * maxCookies {
		from := fmt.Sprintf("http://www.moj.gov.vn/a/%d/page", i%2)
		c.SetCookies(at(from), []*http.Cookie{{Name: fmt.Sprint("n", i), Value: "1"}, {Name: "same", Value: fmt.Sprint(i), Domain: ".moj.gov.vn", Path: "/"}})
	}
	if has("http://moj.gov.vn/", "first") || has("http://www.moj.gov.vn/a/0/page", "n2") {
		t.Error("the cookies that were set first are there")
	}
	if !has("http://moj.gov.vn/", "same") || !has("http://www.moj.gov.vn/a/1/page", fmt.Sprint("n", 3*maxCookies-1)) || !has("http://mof.gov.vn/", "other") {
		t.Error("the cookies that were set last, or those of another domain, are not there")
	}
	if n := len(c.Cookies(at("http://www.moj.gov.vn/a/0/x"))) + len(c.Cookies(at("http://www.moj.gov.vn/a/1/x"))) - 1; n != maxCookies {
		t.Errorf("%d cookies, want %d", n, maxCookies)
	}
	c.SetCookies(at("http://mof.gov.vn/"), []*http.Cookie{{Name: "other", MaxAge: -1}})
	if has("http://mof.gov.vn/", "other") {
		t.Error("a cookie that was taken back is there")
	}
}

// A server gives a cookie to every page, and refuses requests with a long header.
func TestTooManyCookies(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var links []string
		for i := range 40 {
			links = append(links, fmt.Sprintf("/odd/%d", i))
		}
		w.ministry.set("/list", list("", links...))
		refused, most := 0, 0
		w.ministry.odd = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if most = max(most, len(r.Cookies())); len(r.Header.Get("Cookie")) > 10_000 {
				refused++
				rw.WriteHeader(http.StatusRequestHeaderFieldsTooLarge)
				return
			}
			http.SetCookie(rw, &http.Cookie{Name: "seen" + r.URL.Path[1:], Value: strings.Repeat("x", 1000), Path: "/"})
			rw.Write([]byte(news("Tin số "+r.URL.Path, "")))
		})
		s := w.run(t)
		if refused == 0 || refused > 5 || s.Added != 40 {
			t.Errorf("refused %d times, at most %d cookies; %s: want all 40 after a few refusals", refused, most, s)
		}
	})
}
