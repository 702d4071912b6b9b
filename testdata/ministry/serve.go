package ministry

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// A view is what a template shows.
type view struct {
	*page
	Host     *host
	Section  *section
	Sections []section
	Edition  int
	Clock    string // of the page's header: when it was made
	Body     string
	List     []*page // of a list, or beside an article
	Page     int
	Next     string
	Pages    []int
	Views    int // what a counter shows
}

// clocks are when the editions are looked at.
var clocks = [Editions + 1]string{"", "Thứ hai 15/06/2026 08:15", "Thứ hai 15/06/2026 08:40", "Thứ tư 17/06/2026 07:30"}

func (w *world) view(p *page) *view {
	v := &view{page: p, Host: p.host, Section: p.category(), Sections: p.host.sections, Edition: w.edition, Clock: clocks[w.edition]}
	v.Body = p.body()
	v.Views = p.Counter()
	for _, a := range w.articles[p.host] {
		if a.slug != p.slug && len(v.List) < 4 && !a.quirk("orphan") && !a.quirk("forbidden") {
			v.List = append(v.List, w.pages[a.url()])
		}
	}
	return v
}

// serve answers for one of the ministry's hosts.
func (w *Web) serve(rw http.ResponseWriter, r *http.Request, world *world, h *host, name string) {
	switch {
	case r.URL.Path == "/robots.txt":
		if text := robots[h.short]; text != "" {
			w.send(rw, r, "text/plain; charset=utf-8", []byte(text))
		} else {
			http.NotFound(rw, r)
		}
		return
	case name == h.api:
		w.api(rw, r, world, h)
		return
	case path.Ext(r.URL.Path) == ".jpg":
		rw.Header().Set("Content-Type", "image/jpeg")
		rw.Write(picture(r.URL.Path))
		return
	case r.URL.Path == "/trang-tinh.css":
		w.send(rw, r, "text/css", []byte(style))
		return
	}
	if to := world.redirects["http://"+name+r.URL.Path]; to != "" {
		http.Redirect(rw, r, to, http.StatusMovedPermanently)
		return
	}
	if f := world.file(h, r.URL.Path); f != nil {
		w.sendFile(rw, r, f)
		return
	}
	if p := world.find(r.URL, name); p != nil {
		w.article(rw, r, p)
		return
	}
	if feed, contentType := world.feed(h, r.URL); feed != nil {
		w.send(rw, r, contentType, feed)
		return
	}
	if v, template := world.list(h, r); v != nil {
		w.show(rw, r, template, v)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(rw, "<!DOCTYPE html><html lang=\"vi\"><head><title>Không tìm thấy trang</title></head><body><h1>404</h1><p>Trang bạn tìm không có hoặc đã được gỡ. <a href=\"/\">Về trang chủ</a></p><!-- %s --></body></html>\n", html.EscapeString(r.URL.Path))
}

func (w *Web) article(rw http.ResponseWriter, r *http.Request, p *page) {
	switch {
	case p.quirk("error"):
		http.Error(rw, "java.lang.NullPointerException", http.StatusInternalServerError)
		return
	case p.quirk("cut"):
		w.send(rw, r, "text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n<title>"+p.title+"</title>\n<meta name=\"descr"))
		return
	case p.cms == "vccorp":
		rw.Header().Set("Last-Modified", p.time().Add(time.Duration(p.edition)*time.Minute).UTC().Format(http.TimeFormat))
	}
	w.show(rw, r, p.cms+"-article.html", p.world.view(p))
}

func (w *Web) show(rw http.ResponseWriter, r *http.Request, template string, v any) {
	var b bytes.Buffer
	if err := w.templates.ExecuteTemplate(&b, template, v); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	w.send(rw, r, "text/html; charset=utf-8", b.Bytes())
}

// send answers with a body; with its validator, and packed, where the host
// does that.
func (w *Web) send(rw http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	rw.Header().Set("Content-Type", contentType)
	if strings.HasPrefix(r.Host, "www.") {
		sum := sha256.Sum256(body)
		tag := `W/"` + hex.EncodeToString(sum[:8]) + `"`
		rw.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			rw.Header().Set("Content-Encoding", "gzip")
			body = gzipped(body)
		}
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		rw.Write(body)
	}
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body)
	z.Close()
	return b.Bytes()
}

// list returns what a list page shows, and by which template.
func (w *world) list(h *host, r *http.Request) (*view, string) {
	where, n := r.URL.Path, 1
	template := h.cms + "-list.html"
	var s *section
	switch h.cms {
	case "vccorp":
		if m := regexp.MustCompile(`^/timelinelist/(\d+)/(\d+)\.htm$`).FindStringSubmatch(where); m != nil {
			for i := range h.sections {
				if strconv.Itoa(h.sections[i].Zone) == m[1] {
					s = &h.sections[i]
				}
			}
			n, _ = strconv.Atoi(m[2])
			template = "vccorp-stream.html"
		} else {
			s = h.section(strings.TrimSuffix(strings.TrimPrefix(where, "/"), ".htm"))
		}
	case "mastercms": // pages by an offset in the path, as this CMS has it
		base, offset, further := strings.Cut(strings.TrimPrefix(where, "/"), "&BRSR=")
		if further {
			from, _ := strconv.Atoi(offset)
			n = from/h.perPage + 1
		}
		s = h.section(base)
	case "sharepoint":
		s = h.section(strings.TrimSuffix(strings.TrimPrefix(where, "/qt/tintuc/Pages/"), ".aspx"))
		n = max(1, number(r, "Page"))
	case "liferay":
		s = h.section(strings.TrimPrefix(where, "/vi/"))
		n = max(1, number(r, "_101_cur"))
	case "spa": // the same empty page everywhere
		return &view{Host: h, Edition: w.edition, Sections: h.sections}, "spa-shell.html"
	}
	if where == "/" {
		s = &h.sections[0]
	}
	if s == nil {
		return nil, ""
	}
	all := w.inSection(h, s.Slug)
	v := &view{Host: h, Section: s, Sections: h.sections, Edition: w.edition, Clock: clocks[w.edition], Page: n}
	for i, p := range all {
		if i/h.perPage == n-1 {
			v.List = append(v.List, p)
		}
		if i%h.perPage == 0 {
			v.Pages = append(v.Pages, i/h.perPage+1)
		}
	}
	if n < len(v.Pages) {
		switch h.cms {
		case "mastercms":
			v.Next = fmt.Sprintf("http://%s/%s&BRSR=%d", h.Name, s.Slug, n*h.perPage)
		case "liferay":
			v.Next = fmt.Sprintf("http://%s/vi/%s?p_p_id=101&p_p_lifecycle=0&p_p_state=normal&p_p_mode=view&p_p_col_id=column-1&p_p_col_pos=1&p_p_col_count=2&_101_delta=%d&_101_keywords=&_101_advancedSearch=false&_101_andOperator=true&p_r_p_564233524_resetCur=false&_101_cur=%d", h.Name, s.Slug, h.perPage, n+1)
		}
	}
	return v, template
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// api answers as the back end of a portal that is empty without it.
func (w *Web) api(rw http.ResponseWriter, r *http.Request, world *world, h *host) {
	if r.Header.Get("portal-id") == "" {
		http.Error(rw, `{"success":false,"message":"Thiếu portal-id"}`, http.StatusForbidden)
		return
	}
	category, skip, take := number(r, "ID"), number(r, "skip"), number(r, "take")
	switch r.URL.Path {
	case "/api/Public/PostDetail":
		for _, a := range world.articles[h] {
			if a.id == category {
				w.sendJSON(rw, r, map[string]any{"success": true, "data": world.pages[a.url()].json()})
				return
			}
		}
		http.Error(rw, `{"success":false,"data":null,"message":"Không tìm thấy bài viết"}`, http.StatusNotFound)
	case "/api/article/reads":
		var asked struct{ CategoryID, Offset, Limit int }
		if text, err := io.ReadAll(r.Body); r.Method != http.MethodPost || err != nil || json.Unmarshal(text, &asked) != nil {
			http.Error(rw, `{"success":false,"message":"Yêu cầu không hợp lệ"}`, http.StatusBadRequest)
			return
		}
		category, skip, take = asked.CategoryID, asked.Offset, asked.Limit
		fallthrough
	case "/api/Public/PostsByCategory":
		items := []any{}
		total := 0
		for _, s := range h.sections {
			if s.Zone != category {
				continue
			}
			for i, a := range world.inSection(h, s.Slug) {
				if total++; i >= skip && i < skip+take {
					items = append(items, map[string]any{"ID": a.id, "TieuDe": a.title, "Slug": a.slug, "NgayXuatBan": a.iso()})
				}
			}
		}
		w.sendJSON(rw, r, map[string]any{"success": true, "data": items, "totalCount": total})
	default:
		http.Error(rw, `{"success":false,"message":"Không có dịch vụ này"}`, http.StatusNotFound)
	}
}

func (w *Web) sendJSON(rw http.ResponseWriter, r *http.Request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	w.send(rw, r, "application/json; charset=utf-8", body)
}

func (a *article) iso() string { return a.time().Format("2006-01-02T15:04:05.000") }

func (p *page) json() map[string]any {
	files := []any{}
	for _, x := range p.blocks {
		if x.kind == "file" {
			files = append(files, map[string]any{"name": x.text, "link": p.attachment(x.file)})
		}
	}
	s := p.category()
	byline := p.byline
	if p.quirk("signed") {
		byline = ""
	}
	data := map[string]any{
		"ID": p.id, "Slug": p.slug, "TieuDe": p.title, "MoTa": "<p>" + p.inline(p.lead) + "</p>", "NoiDung": p.body(),
		"NgayXuatBan": p.iso(), "LuotXem": len(p.title)*3 + p.world.edition, "TacGia": byline, "Nguon": p.credit,
		"ChuyenMuc": map[string]any{"ID": s.Zone, "TenChuyenMuc": s.Name}, "Tags": p.tags, "attachments": files, "NguoiDang": p.account,
	}
	return data
}

// What the hosts' robots.txt say; luat has none.
var robots = map[string]string{
	"www":       "User-agent: *\nDisallow: /noi-bo/\nDisallow: /*.htm?print=\nCrawl-delay: 0.02\n\nSitemap: http://www.bomau.example/sitemap.xml\n",
	"bao":       "User-agent: MJ12bot\nUser-agent: AhrefsBot\nDisallow: /\n\nUser-agent: *\nDisallow: /apicenter@/\nDisallow: /print_article\n",
	"tinhthanh": "\ufeffUser-agent: *\r\nDisallow: /*/pop_up/\r\nDisallow: /c/portal/\r\n",
	"cong":      "User-agent: *\nAllow: /api/Public/\nAllow: /api/article/\nDisallow: /api/\nDisallow: /quan-tri\n\nSitemap: http://cong.bomau.example/sitemap.xml\n",
}

// utf16LE is how the paper's feeds come.
func utf16LE(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}
