package ministry

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// overview shows people what there is.
func (w *Web) overview(rw http.ResponseWriter, world *world) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The sample ministry</title><style>%s</style></head><body>
<h1>The sample ministry, edition %d of %d</h1>
<p>Bộ Mẫu does not exist. Its web does, here: this server answers for the hosts below by their name, and is an HTTP proxy for them.
People, places and events are invented; one article, the example that this project began with, is not.</p>
`, style, world.edition, Editions)
	for n := 1; n <= Editions; n++ {
		fmt.Fprintf(&b, "<form method=\"post\" action=\"/_edition?n=%d\" style=\"display:inline\"><button>edition %d</button></form> ", n, n)
	}
	for _, h := range world.hosts {
		fmt.Fprintf(&b, "\n<h2><a href=\"/%s/\">%s</a></h2>\n<p>%s; %s</p>\n<ol>\n", h.Name, h.Name, html.EscapeString(h.Title), h.cms)
		for _, a := range world.articles[h] {
			fmt.Fprintf(&b, "<li><a href=\"/%s%s\">%s</a> %s <small>%s</small></li>\n", h.Name, html.EscapeString(a.path()), html.EscapeString(a.title), a.published, strings.Join(a.quirks, ", "))
		}
		b.WriteString("</ol>\n")
	}
	b.WriteString("</body></html>\n")
	rw.Write([]byte(b.String()))
}

// look shows a page of /host/path to a browser that has no proxy, with its
// links bent to stay here.
func (w *Web) look(rw http.ResponseWriter, r *http.Request, world *world) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	h := world.host(name)
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	inner := r.Clone(r.Context())
	inner.Host = name
	inner.URL = &url.URL{Path: "/" + rest, RawQuery: r.URL.RawQuery}
	inner.Header.Del("Accept-Encoding")
	if name == h.api {
		inner.Header.Set("portal-id", "0")
	}
	rec := httptest.NewRecorder()
	w.serve(rec, inner, world, h, name)
	body := rec.Body.Bytes()
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
		for _, other := range w.Hosts() {
			body = bytes.ReplaceAll(body, []byte("http://"+other+"/"), []byte("/"+other+"/"))
		}
		for _, attr := range []string{`href="/`, `src="/`} {
			body = bytes.ReplaceAll(body, []byte(attr), []byte(attr+name+"/"))
			for _, other := range w.Hosts() { // those that were bent before
				body = bytes.ReplaceAll(body, []byte(attr+name+"/"+other+"/"), []byte(attr+other+"/"))
			}
		}
	}
	for key, values := range rec.Header() {
		rw.Header()[key] = values
	}
	if to, ok := strings.CutPrefix(rec.Header().Get("Location"), "http:/"); ok {
		rw.Header().Set("Location", to)
	}
	rw.Header().Del("Content-Length")
	rw.WriteHeader(rec.Code)
	rw.Write(body)
}

const style = `body{font:16px/1.5 sans-serif;max-width:60em;margin:1em auto;padding:0 1em;color:#222}
img{max-width:100%;height:auto}a{color:#064579}table{border-collapse:collapse}td{padding:.2em .5em}
.sidebar,.other_assets,.box-side,.news-other{background:#f2f5f7;padding:.5em 1em;font-size:.9em}
nav ul,header ul{list-style:none;padding:0}nav li,header li{display:inline-block;margin-right:1em}footer{border-top:1px solid #ccc;margin-top:2em;font-size:.8em}
`
