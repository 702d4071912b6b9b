package generic

import (
	"fmt"
	"strings"

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
		"robot or human", "are you a robot", "you are a robot", "are you human", "pardon our interruption", "verify you are human", "verifying you are human", "human verification", "security check", "request unsuccessful", "request rejected", "please enable cookies", "bot verification", "captcha", "web application firewall", "blocked by", "you have been blocked", "error 1020",
		"thông báo từ chối truy cập", "từ chối truy cập", "truy cập bị từ chối", "bạn không có quyền truy cập", "bị chặn", "xác minh bạn là", "xác thực truy cập", "xác nhận bạn không phải", "acceso denegado", "accès refusé", "zugriff verweigert", "acesso negado", "accesso negato", "доступ запрещен", "доступ ограничен"}
	missingWords = []string{"404", "410 gone", "page not found", "not found", "page doesn't exist", "page does not exist", "page no longer", "no longer available", "oops", "không tìm thấy", "không tồn tại", "trang bạn tìm", "đã bị xóa", "nội dung không có", "seite nicht gefunden", "nicht gefunden", "page introuvable", "page non trouvée", "página no encontrada", "no encontrada", "página não encontrada", "não encontrada", "pagina non trovata", "pagina niet gevonden", "niet gevonden", "sidan hittades inte", "siden ble ikke funnet", "siden blev ikke fundet", "sivua ei löytynyt", "nie znaleziono", "nenalezena", "страница не найдена", "sayfa bulunamadı", "не знайдено", "ページが見つかりません", "页面不存在"}
	loginWords   = []string{"log in", "login", "sign in", "signin", "đăng nhập", "anmelden", "einloggen", "connexion", "se connecter", "iniciar sesión", "acceder", "entrar", "accedi", "inloggen", "logga in", "logg inn", "zaloguj", "přihlášení", "войти", "вход", "giriş", "single sign-on", "authentication"}
	searchWords  = []string{"search results", "search result", "kết quả tìm kiếm", "suchergebnis", "résultats de recherche", "résultats pour", "resultados de la búsqueda", "resultados para", "resultados da busca", "risultati della ricerca", "zoekresultaten", "sökresultat", "søkeresultat", "wyniki wyszukiwania", "výsledky vyhledávání", "результаты поиска"}
)

func (r *Reading) judge() (Kind, string) {
	t := r.tree
	if t.body < 0 || t.e[t.body].chars == 0 {
		if t.scripts > 0 {
			return Shell, "the page holds scripts and no text"
		}
		return Empty, "the page holds no text"
	}
	chars := t.e[t.body].chars
	body := r.Body()
	mass, paras := int32(0), int16(0)
	if c := r.memo.container; c > 0 {
		mass, paras = t.e[c].mass, t.e[c].paras
	}
	if body.Text != "" {
		mass = int32(len(body.Text))
		paras = int16(strings.Count(body.Text, "\n\n") + 1)
	}
	heads := ""
	if mass < 2500 { // longer texts are not judged by their headings
		heads = r.headWords()
	}
	if mass < 900 && chars < 4000 {
		if w := firstOf(heads, challengeWords); w != "" {
			return Challenge, fmt.Sprintf("the page says %q", w)
		}
	}
	l := r.linked()
	described := l.main != nil && l.sure || strings.EqualFold(r.meta("og:type"), "article") || l.main != nil && l.articles == 1
	if mass < 800 && !(described && mass > 200) {
		if w := firstOf(heads, missingWords); w != "" && (w != "404" && w != "oops" || mass < 400) {
			return Missing, fmt.Sprintf("the page says %q", w)
		}
	}
	if t.password && mass < 500 {
		if w := firstOf(heads, loginWords); w != "" {
			return Login, fmt.Sprintf("the page says %q and asks for a password", w)
		}
		if !described {
			return Login, "the page asks for a password and holds no text"
		}
	}
	if chars < 300 && mass < 150 && t.scripts > 0 && r.appRoot() {
		return Shell, "an application has yet to load its text"
	}
	u := r.page.URL
	path, query := "", ""
	if u != nil && u.Host != "" {
		path, query = strings.ToLower(u.Path), strings.ToLower(u.RawQuery)
	}
	searching := strings.Contains(path, "/search") || strings.Contains(path, "tim-kiem") || strings.Contains(path, "timkiem") || strings.Contains(path, "/suche") || strings.Contains(path, "/recherche") || strings.Contains(path, "/buscar") ||
		(strings.HasPrefix(query, "s=") || strings.HasPrefix(query, "q=") || strings.Contains(query, "keyword=") || strings.Contains(query, "search=")) && mass < 1500
	if !described && mass < 2500 {
		w := firstOf(heads, searchWords)
		if searching && (w != "" || mass < 600) || w != "" && mass < 600 {
			return Search, "the results of a search"
		}
	}
	if u != nil && u.Host != "" && query == "" && (path == "" || path == "/" || strings.HasPrefix(path, "/index.") || path == "/home" || path == "/default.aspx" || path == "/trang-chu" || path == "/pages/default.aspx") {
		if _, dated := Best(r.Published()); !dated && t.listed() > 4 && (mass < 3000 || paras < 4) {
			return Home, "the front page of a site"
		}
	}
	if n := r.teased(); n > 4 && r.memo.headline < 0 && !described {
		return List, fmt.Sprintf("%d teasers and no other text", n)
	}
	if described && (mass > 120 || l.main != nil && l.sure && l.main.get("datePublished") != nil) {
		return Article, "it describes itself as one"
	}
	if _, dated := Best(r.Published()); dated && mass > 80 {
		return Article, "it bears a date"
	}
	links, listed := t.e[t.body].links, t.listed()
	kind := ""
	if l.page != nil {
		kind = entityType(l.page)
	}
	switch {
	case kind == "CollectionPage" && mass < 1500 && listed > 5:
		return List, "it describes itself as a collection"
	case mass < 300 && links > 25 && t.e[t.body].link*2 > chars && (listed > 7 || r.memo.headline < 0):
		return List, fmt.Sprintf("%d links and hardly a sentence", links)
	case listed >= 8 && mass < 1200 && paras < 6:
		return List, fmt.Sprintf("%d entries that lead elsewhere, and little text", listed)
	case listed >= 15 && int32(listed)*40 > mass:
		return List, fmt.Sprintf("%d entries that lead elsewhere", listed)
	case mass == 0 && links > 12:
		return List, "links and no sentence"
	}
	return Article, ""
}

// teased counts the teasers of a text that is nothing else, 0 when it is.
func (r *Reading) teased() int {
	t, c := r.tree, r.memo.container
	if c <= 0 {
		return 0
	}
	n := 0
	for i := c; i < t.e[c].end; i++ {
		if t.e[i].flags&(fProse|fInBad) != fProse {
			continue
		}
		if t.e[i].flags&fTeaser == 0 {
			return 0
		}
		n++
	}
	return n
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

// listed counts the entries in the main part that lead elsewhere: teasers, and
// headings that are links.
func (t *tree) listed() int {
	n := 0
	for i := t.body; i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if t.e[i].flags&fHidden != 0 {
			continue
		}
		switch {
		case isHeading(x.atom) && x.chars > 15 && x.link*5 >= x.chars*4:
			if !t.beside(i) {
				n++
			}
		case x.atom == atom.A && x.headings > 0 && x.chars > 15:
			if !t.beside(i) {
				n++
			}
		}
	}
	return n
}
