package generic

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Kind says what the page is, and why. It says Article unless something speaks
// against it.
func (r *Reading) Kind() (Kind, string) {
	if r.memo.kind == "" {
		r.memo.kind, r.memo.reason = r.judge()
	}
	return r.memo.kind, r.memo.reason
}

// What pages that refuse, are missing or ask for a name say of themselves, in
// lower case, in their title or their first headings.
var (
	challengeWords = []string{"just a moment", "attention required! | cloudflare", "attention required", "access denied", "access to this page has been denied", "403 forbidden", "403 - forbidden", "checking your browser", "ddos-guard", "ddos protection",
		"robot or human", "are you a robot", "you are a robot", "are you human", "you are human", "you are a human", "not a robot", "no robot", "pardon our interruption", "verify you are human", "verifying you are human", "human verification", "security check", "request unsuccessful", "request rejected", "please enable cookies", "bot verification", "captcha", "web application firewall", "blocked by", "you have been blocked", "error 1020",
		"từ chối truy cập", "bị từ chối", "không phải là robot", "không phải robot", "không phải là người máy", "bạn không có quyền truy cập", "bị chặn", "xác minh bạn là", "xác thực truy cập", "xác nhận bạn không phải", "acceso denegado", "accès refusé", "zugriff verweigert", "acesso negado", "accesso negato", "доступ запрещен", "доступ ограничен"}
	missingWords = []string{"404", "410 gone", "page not found", "not found", "page doesn't exist", "page does not exist", "page no longer", "no longer available", "oops", "không tìm thấy", "không tồn tại", "trang bạn tìm", "đã bị xóa", "nội dung không có", "seite nicht gefunden", "nicht gefunden", "page introuvable", "page non trouvée", "página no encontrada", "no encontrada", "página não encontrada", "não encontrada", "pagina non trovata", "pagina niet gevonden", "niet gevonden", "sidan hittades inte", "siden ble ikke funnet", "siden blev ikke fundet", "sivua ei löytynyt", "nie znaleziono", "nenalezena", "страница не найдена", "sayfa bulunamadı", "не знайдено", "ページが見つかりません", "页面不存在"}
	loginWords   = []string{"log in", "login", "sign in", "signin", "đăng nhập", "anmelden", "einloggen", "connexion", "se connecter", "iniciar sesión", "acceder", "entrar", "accedi", "inloggen", "logga in", "logg inn", "zaloguj", "přihlášení", "войти", "вход", "giriş", "single sign-on", "authentication"}
	searchWords  = []string{"search results", "search result", "kết quả tìm kiếm", "suchergebnis", "résultats de recherche", "résultats pour", "resultados de la búsqueda", "resultados para", "resultados da busca", "risultati della ricerca", "zoekresultaten", "sökresultat", "søkeresultat", "wyniki wyszukiwania", "výsledky vyhledávání", "результаты поиска"}
)

func (r *Reading) judge() (Kind, string) {
	t := r.tree
	if t.body < 0 || t.e[t.body].chars == 0 && r.Body().Text == "" {
		if w := guarded(r.page.Root); w != "" {
			return Challenge, fmt.Sprintf("the page holds %q and no text", w)
		}
		if t.scripts > 0 {
			return Shell, "the page holds scripts and no text"
		}
		return Empty, "the page holds no text"
	}
	chars := t.e[t.body].chars
	body := r.Body()
	mass := int32(0)
	if c := r.memo.container; c > 0 {
		mass = t.e[c].mass
	}
	if body.Text != "" {
		mass = int32(len(body.Text))
	} else if l := r.listing(); l.entries >= 4 { // what it says of others is not its text
		mass = min(mass, l.own)
	}
	heads := ""
	if mass < 2500 { // longer texts are not judged by their headings
		heads = r.headWords()
	}
	l := r.linked()
	described := l.main != nil && l.sure || strings.EqualFold(r.meta("og:type"), "article") || l.main != nil && l.articles == 1
	told := mass > 200 && (described || r.dated()) // a short article, whatever words its headline has
	if chars < 600 && body.Text == "" {
		if w := guarded(r.page.Root); w != "" {
			return Challenge, fmt.Sprintf("the page holds %q and hardly a text", w)
		}
	}
	links := t.e[t.body].links
	if mass < 900 && chars < 4000 && !told && (links < 15 || mass < 300) {
		if w := firstOf(heads, challengeWords); w != "" {
			return Challenge, fmt.Sprintf("the page says %q", w)
		}
	}
	if mass < 800 && !told {
		if w := firstOf(heads, missingWords); w != "" && (w != "404" && w != "oops" || mass < 400) {
			return Missing, fmt.Sprintf("the page says %q", w)
		}
	}
	if t.password && mass < 500 && !told {
		if w := firstOf(heads, loginWords); w != "" {
			return Login, fmt.Sprintf("the page says %q and asks for a password", w)
		}
		if !described {
			return Login, "the page asks for a password and holds no text"
		}
	}
	if chars < 300 && mass < 150 && t.scripts > 0 && !(r.memo.headline >= 0 && r.dated()) && r.appRoot() {
		return Shell, "an application has yet to load its text"
	}
	if !described && mass < 2500 {
		w := firstOf(heads, searchWords)
		if searching := r.searchAddress(); searching && (w != "" || mass < 600) || w != "" && mass < 600 {
			return Search, "the results of a search"
		}
	}
	front := r.frontAddress()
	points, why := r.lists()
	if points >= 4 || front && points == 3 {
		if front || r.page.URL == nil && r.frontCanonical() {
			return Home, "the front page of a site: " + strings.Join(why, ", ")
		}
		return List, fmt.Sprintf("%d entries that lead elsewhere: %s", r.listing().entries, strings.Join(why, ", "))
	}
	if front && !(l.main != nil && l.sure) && t.timeline() {
		return Home, "the front page of a site, with a list of dated notices"
	}
	if described && (mass > 120 || l.main != nil && l.sure && l.main.get("datePublished") != nil) {
		return Article, "it describes itself as one"
	}
	if _, dated := Best(r.Published()); dated && mass > 80 {
		return Article, "it bears a date"
	}
	switch {
	case mass < 300 && links > 25 && t.e[t.body].link*2 > chars && r.memo.headline < 0:
		return List, fmt.Sprintf("%d links and hardly a sentence", links)
	case mass == 0 && links > 12 && points > -4 && !(r.memo.headline >= 0 && r.dated()):
		return List, "links and no sentence"
	}
	return Article, ""
}

// guarded returns what a page without a text holds of the guards that stand
// before sites, "" when there is none.
func guarded(root *html.Node) string {
	for n := root; n != nil; n = following(n) {
		s := ""
		switch {
		case n.DataAtom == atom.Script && n.FirstChild != nil:
			s = n.FirstChild.Data
			if len(s) < 5000 && strings.Contains(s, "document.cookie") && strings.Contains(s, "location") && (strings.Contains(s, "reload(") || strings.Contains(s, "location.href=") || strings.Contains(s, "location.replace(")) {
				return "a script that sets a cookie and loads the page again"
			}
		case n.DataAtom == atom.Script || n.DataAtom == atom.Iframe || n.DataAtom == atom.Link:
			s = attr(n, "src") + attr(n, "href")
		case n.DataAtom == atom.Div || n.DataAtom == atom.Form:
			s = attr(n, "id") + " " + attr(n, "class")
		}
		for _, w := range guards {
			if strings.Contains(s, w) {
				return w
			}
		}
	}
	return ""
}

// guards are the marks of what checks visitors for other people's sites.
var guards = []string{"/cdn-cgi/challenge-platform/", "_cf_chl_opt", "cf-browser-verification", "challenge-form", "_Incapsula_Resource", "/.well-known/ddos-guard", "px-captcha", "awsWafCookieDomainList", "datadome", "captcha-delivery.com", "sucuri_cloudproxy_js", "/_Incapsula", "geo.captcha", "aliyun_waf"}

func following(n *html.Node) *html.Node {
	if n.FirstChild != nil {
		return n.FirstChild
	}
	for n != nil && n.NextSibling == nil {
		n = n.Parent
	}
	if n == nil {
		return nil
	}
	return n.NextSibling
}

// searchAddress reports the addresses of searches.
func (r *Reading) searchAddress() bool {
	u := r.page.URL
	if u == nil || u.Host == "" {
		return false
	}
	path := strings.ToLower(u.Path)
	for _, w := range [...]string{"/search", "tim-kiem", "timkiem", "/suche", "/recherche", "/buscar"} {
		if strings.Contains(path, w) {
			return true
		}
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		switch key, value, _ := strings.Cut(pair, "="); strings.ToLower(key) {
		case "s", "q", "query", "keyword", "keywords", "search", "tukhoa":
			return value != ""
		}
	}
	return false
}

// dated reports pages with a date of their own.
func (r *Reading) dated() bool {
	d, ok := Best(r.Published())
	return ok && !r.listing().holds(d.Node)
}

// headWords are the title and the first headings, in lower case.
func (r *Reading) headWords() string {
	t := r.tree
	var b strings.Builder
	if t.title >= 0 {
		b.WriteString(titleText(t.e[t.title].n))
	}
	n := 0
	for _, i := range t.h {
		if t.e[i].chars > 0 && t.e[i].chars < 150 && n < 3 && !t.beside(i) {
			n++
			b.WriteString(" \n ")
			b.WriteString(t.text(i))
		}
	}
	if t.e[t.body].chars < 1500 { // a page of a few lines
		s := t.text(t.body)
		if len(s) > 600 {
			s = s[:600]
		}
		b.WriteString(" \n ")
		b.WriteString(s)
	}
	return strings.ToLower(b.String())
}

func firstOf(s string, words []string) string {
	for _, w := range words {
		if strings.Contains(s, w) {
			return w
		}
	}
	return ""
}

// appRoot reports pages with an element that an application fills.
func (r *Reading) appRoot() bool {
	t := r.tree
	for i := t.body; i < int32(len(t.e)) && i < t.body+60; i++ {
		x := &t.e[i]
		switch attr(x.n, "id") {
		case "app", "root", "__next", "__nuxt", "application", "app-root", "react-root", "main-app", "q-app":
			return true
		}
		if x.n.Data == "app-root" || x.n.Data == "ng-app" || attr(x.n, "ng-app") != "" || attr(x.n, "data-reactroot") != "" {
			return true
		}
	}
	return t.scripts >= 3
}
