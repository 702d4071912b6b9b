package generic

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// Published ranks the dates of publication. None is plausible when the page
// does not say: a date in the text, of a neighbour or of a signature is none.
func (r *Reading) Published() []Candidate { return r.dates().published }

// Modified ranks the dates of the last change.
func (r *Reading) Modified() []Candidate { return r.dates().modified }

type datesFound struct{ published, modified []Candidate }

// dateOptions says how to read dates of the page.
func (r *Reading) dateOptions() dates.Options {
	o := dates.Options{Zone: r.page.Zone, NotAfter: r.page.Fetched}
	lang := ""
	if c := r.Language(); len(c) > 0 {
		lang = strings.ToLower(c[0].Value)
	}
	tld := ""
	if u := r.pageURL(); u != nil {
		h := u.Hostname()
		tld = h[strings.LastIndexByte(h, '.')+1:]
	}
	if o.Zone == nil {
		switch load := zones[tld]; {
		case tld == "vn" || lang == "vi" || strings.HasPrefix(lang, "vi-"):
			o.Zone = time.FixedZone("", 7*60*60)
		case load != nil:
			o.Zone = load()
		}
	}
	switch {
	case lang == "en-us", (lang == "en" || lang == "") && (tld == "com" || tld == "us" || tld == "gov" || tld == "edu" || tld == "mil" || tld == "org" || tld == "net"):
		o.Order = dates.MonthFirst
	}
	return o
}

// zones are the times that the countries of a domain keep, where one country
// keeps one time. A system without time zones reads UTC.
var zones = func() map[string]func() *time.Location {
	m := map[string]func() *time.Location{}
	for name, domains := range map[string]string{
		"Europe/Berlin": "de at ch li lu it nl be fr es dk se no pl cz sk hu si hr rs", "Europe/Helsinki": "fi ee lv lt ua ro bg gr", "Europe/London": "uk ie", "Europe/Lisbon": "pt",
		"Europe/Istanbul": "tr", "Europe/Moscow": "ru", "Asia/Tokyo": "jp", "Asia/Seoul": "kr", "Asia/Shanghai": "cn tw hk sg my ph", "Asia/Bangkok": "th kh la", "Asia/Kolkata": "in lk",
		"Asia/Jerusalem": "il", "Africa/Johannesburg": "za", "Africa/Lagos": "ng", "Africa/Nairobi": "ke tz ug", "Asia/Karachi": "pk", "Asia/Dhaka": "bd", "Asia/Beirut": "lb", "America/Argentina/Buenos_Aires": "ar", "America/Lima": "pe", "America/Santiago": "cl",
	} {
		load := sync.OnceValue(func() *time.Location {
			l, err := time.LoadLocation(name)
			if err != nil {
				return nil
			}
			return l
		})
		for _, d := range strings.Fields(domains) {
			m[d] = load
		}
	}
	return m
}()

// pageURL is where the page was found, or says it is.
func (r *Reading) pageURL() *url.URL {
	if r.page.URL != nil {
		return r.page.URL
	}
	if c := r.Canonical(); len(c) > 0 {
		if u, err := url.Parse(c[0].Value); err == nil {
			return u
		}
	}
	return nil
}

// The names under which machines are told the dates, the surest first.
var (
	publishedNames = []struct {
		name  string
		score float64
	}{
		{"article:published_time", .9}, {"og:article:published_time", .88}, {"og:published_time", .88}, {"datepublished", .82}, {"article:published", .85}, {"article.published", .85},
		{"parsely-pub-date", .85}, {"sailthru.date", .8}, {"cxenseparse:recs:publishtime", .85}, {"cxenseparse:publishtime", .85}, {"rnews:datepublished", .85},
		{"dc.date.issued", .82}, {"dcterms.issued", .82}, {"dc.date.created", .7}, {"dcterms.created", .7}, {"dcterms.date", .7}, {"dc.date", .7},
		{"publishdate", .8}, {"publish-date", .8}, {"publish_date", .8}, {"publication_date", .8}, {"publicationdate", .8}, {"pubdate", .8}, {"published_date", .8}, {"published-date", .8}, {"published_time", .8}, {"published", .75},
		{"citation_publication_date", .8}, {"citation_date", .75}, {"prism.publicationdate", .8}, {"bt:pubdate", .8}, {"article_date_original", .8}, {"originalpublicationdate", .8}, {"ptime", .7},
		{"date", .62}, {"releasedate", .6}, {"last-published", .6}, {"datecreated", .62}, {"article:created", .6}, {"created", .55}, {"timestamp", .55}, {"buildtime", 0},
		{"shareaholic:article_published_time", .7}, {"og:pubdate", .7}, {"news_publish_date", .7}, {"eomportal-firstpublished", .8}, {"displaydate", .7},
	}
	modifiedNames = []string{"article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "lastmod", "last-modified", "dcterms.modified", "dc.date.modified", "modified", "last_updated", "article:updated", "updated_time", "revised"}
)

func (r *Reading) dates() *datesFound {
	if r.memo.dates != nil {
		return r.memo.dates
	}
	f := &datesFound{}
	r.memo.dates = f
	o := r.dateOptions()
	add := func(list *[]Candidate, raw, signal string, score float64) bool {
		if raw == "" {
			return false
		}
		d, ok := dates.Parse(raw, o)
		if !ok || d.Precision == dates.Month || d.Precision == dates.Year {
			return false
		}
		*list = append(*list, Candidate{Value: d.Text, Signal: signal, Score: placeholder(d, score), Date: midnight(d)})
		return true
	}

	l := r.linked()
	if l.main != nil {
		score := .95
		if !l.sure && l.articles > 1 {
			score = .4
		} else if entityRank(entityType(l.main)) < 9 {
			score = .8
		}
		if !add(&f.published, l.main.get("datePublished").text(), "json-ld datePublished", score) {
			add(&f.published, l.main.get("dateCreated").text(), "json-ld dateCreated", score-.2)
		}
		add(&f.modified, l.main.get("dateModified").text(), "json-ld dateModified", score)
	}
	if l.page != nil {
		score := .45
		if l.main == nil && entityType(l.page) == "CollectionPage" {
			score = .3
		}
		add(&f.published, l.page.get("datePublished").text(), "json-ld page datePublished", score)
		add(&f.modified, l.page.get("dateModified").text(), "json-ld page dateModified", score)
	}
	for _, p := range publishedNames {
		add(&f.published, r.meta(p.name), "meta "+p.name, p.score)
	}
	for _, name := range modifiedNames {
		add(&f.modified, r.meta(name), "meta "+name, .8)
	}
	r.microdata(f, o)
	visible := r.visibleDates(o)
	updated := Candidate{}
	var events []string // days
	for _, e := range l.events {
		if d, ok := dates.Parse(e, o); ok {
			events = append(events, d.Time.Format(time.DateOnly))
		}
	}
	for _, c := range visible {
		if slices.Contains(events, c.Date.Time.Format(time.DateOnly)) && !strings.HasPrefix(c.Signal, "labelled") {
			c.Score -= .4
		}
		if c.Why == labelUpdated {
			f.modified = append(f.modified, c)
			if updated.Score == 0 {
				updated = c
			}
			continue
		}
		f.published = append(f.published, c)
	}
	if c, ok := r.urlDate(o); ok {
		f.published = append(f.published, c)
	}
	if len(r.tree.state) > 0 && !slices.ContainsFunc(f.published, func(c Candidate) bool { return c.Score >= Plausible }) {
		told := r.stateStory()
		for _, when := range told.published {
			add(&f.published, when, "state of the page", .75)
		}
		for _, when := range told.modified {
			add(&f.modified, when, "state of the page", .75)
		}
	}
	// "Cập nhật" and "Updated" alone is how many print the only date there is.
	if updated.Score > 0 {
		alone := true
		for _, c := range f.published {
			if c.Score >= .6 {
				alone = false
			}
		}
		if alone {
			if strings.HasSuffix(updated.Signal, "under the text") && !updated.Date.HasClock() { // of the site, as often as of the article
				updated.Score -= .1
			} else {
				updated.Score = max(Plausible, updated.Score-.1)
			}
			f.published = append(f.published, updated)
		}
	}
	f.published = shown(r.agree(f.published), f.modified)
	r.doubt(f.published)
	rank(f.modified)
	return f
}

// midnight reads a machine's 00:00:00 as the day it stands for.
func midnight(d dates.Date) dates.Date {
	if d.Precision == dates.Second && d.Time.Hour() == 0 && d.Time.Minute() == 0 && d.Time.Second() == 0 {
		d.Precision = dates.Day
	}
	return d
}

// placeholder lowers what databases say of which only the year is known, or
// nothing: midnight of the first of January.
func placeholder(d dates.Date, score float64) float64 {
	if t := d.Time; t.YearDay() == 1 && t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return score - .4
	}
	return score
}

// agree raises dates that several places give, and prefers among those of one
// day the one with a clock.
func (r *Reading) agree(c []Candidate) []Candidate {
	type key struct {
		y int
		d int
	}
	day := func(c Candidate) key { return key{c.Date.Time.Year(), c.Date.Time.YearDay()} }
	places := map[key]int{}
	for i := range c {
		places[day(c[i])]++
	}
	for i := range c {
		if n := places[day(c[i])]; n > 1 {
			c[i].Score = min(1, c[i].Score+.04*float64(min(n-1, 3)))
			if c[i].Why == "" {
				c[i].Why = "others say the same"
			}
		}
	}
	rank(c)
	if len(c) == 0 {
		return c
	}
	if !c[0].Date.HasClock() {
		for i := 1; i < len(c); i++ {
			near := c[i].Date.Time.Sub(c[0].Date.Time)
			if c[i].Date.HasClock() && c[i].Score >= .4 && (day(c[i]) == day(c[0]) || near >= 0 && near < 24*time.Hour && c[0].Date.Zoned) {
				w := c[i]
				w.Score, w.Why = c[0].Score, "has the clock of the best day"
				copy(c[1:i+1], c[:i])
				c[0] = w
				break
			}
		}
	}
	c[0].Date = r.local(c[0], c)
	// Printed for readers is better to show than printed for machines.
	if c[0].Node == nil {
		for i := range c[1:] {
			v := &c[i+1]
			if v.Node != nil && day(*v) == day(c[0]) && v.Value != "" {
				c[0].Value = v.Value
				if v.Date.HasClock() && v.Date.Time.Truncate(time.Minute).Equal(c[0].Date.Time.Truncate(time.Minute)) {
					c[0].Date.Text = v.Date.Text
				}
				break
			}
		}
	}
	return c
}

// local gives a date that machines were told in UTC the offset of its site,
// where the page prints the same moment, or the day that moment had there. The
// moment stays.
func (r *Reading) local(best Candidate, all []Candidate) dates.Date {
	d := best.Date
	if _, off := d.Time.Zone(); !d.HasClock() || !d.Zoned || off != 0 {
		return d
	}
	for _, c := range all {
		if c.Node == nil || c.Why == labelUpdated {
			continue
		}
		v := c.Date
		if v.HasClock() && !v.Zoned {
			shown := time.Date(v.Time.Year(), v.Time.Month(), v.Time.Day(), v.Time.Hour(), v.Time.Minute(), 0, 0, time.UTC)
			ahead := shown.Sub(d.Time.Truncate(time.Minute))
			if ahead == 0 && r.zone() != nil { // the clock of the site, with a Z that is not true
				d.Time, d.Zoned = inZone(d.Time, r.zone()), false
			}
			if ahead != 0 && ahead%(30*time.Minute) == 0 && ahead <= 14*time.Hour && ahead > -12*time.Hour {
				d.Time = d.Time.In(time.FixedZone("", int(ahead/time.Second)))
			}
			return d
		}
		if _, off := v.Time.Zone(); off == 0 && v.Zoned {
			continue // an attribute, not what is printed
		}
		if v.HasClock() && v.Zoned && v.Time.Truncate(time.Minute).Equal(d.Time.Truncate(time.Minute)) {
			d.Time = d.Time.In(v.Time.Location())
			return d
		}
		if !v.HasClock() && c.Score >= .5 {
			if z := r.zone(); z != nil && v.Time.YearDay() == d.Time.In(z).YearDay() {
				d.Time = d.Time.In(z)
				return d
			}
			if v.Time.YearDay() == d.Time.YearDay() {
				return d
			}
			for _, h := range r.usualOffsets() {
				t := d.Time.In(time.FixedZone("", h*3600))
				if t.YearDay() == v.Time.YearDay() && t.Year() == v.Time.Year() {
					d.Time = t
					return d
				}
			}
		}
	}
	if z := r.zone(); z != nil {
		d.Time = d.Time.In(z)
	}
	return d
}

// shown prefers the date that readers see beside the headline, without a word
// of an update, where machines are told that the page was modified then and
// the day of publication that they are told stands nowhere on the page.
func shown(c, modified []Candidate) []Candidate {
	if len(c) == 0 || c[0].Node != nil {
		return c
	}
	const day = 24 * time.Hour
	same := func(v, m dates.Date) bool {
		if v.HasClock() && m.HasClock() { // whatever the zones are
			return v.Time.Minute()%30 == m.Time.Minute()%30 && v.Time.Sub(m.Time).Abs() < day
		}
		return v.Time.Sub(m.Time).Abs() < day*3/2
	}
	at := -1
	for i, v := range c {
		if v.Node == nil {
			continue
		}
		if same(v.Date, c[0].Date) || v.Date.Time.YearDay() == c[0].Date.Time.YearDay() {
			return c
		}
		printed, ok := dates.Parse(v.Value, dates.Options{Zone: v.Date.Time.Location()})
		if at < 0 && ok && printed.HasClock() == v.Date.HasClock() && v.Score >= .65 && slices.ContainsFunc(modified, func(m Candidate) bool { return m.Node == nil && same(v.Date, m.Date) }) {
			at = i
		}
	}
	if at > 0 {
		v := c[at]
		v.Score, v.Why = c[0].Score, "what readers are shown"
		copy(c[1:at+1], c[:at])
		c[0] = v
	}
	return c
}

// inZone reads the clock of a time as one of a zone.
func inZone(t time.Time, z *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), z)
}

// zone is the time that the site keeps, nil where it is not known for sure.
func (r *Reading) zone() *time.Location { return r.dateOptions().Zone }

// usualOffsets are the hours east of UTC that papers of a language keep, most
// readers first.
func (r *Reading) usualOffsets() []int {
	lang := ""
	if c := r.Language(); len(c) > 0 {
		lang = strings.ToLower(c[0].Value)
	}
	base, region, _ := strings.Cut(lang, "-")
	switch {
	case region == "gb" || region == "ie":
		return []int{1}
	case region == "au" || region == "nz":
		return []int{10, 11, 12, 13}
	case region == "in":
		return []int{5}
	case base == "en" || base == "":
		return []int{-5, -4, -8, -7, -6, 1}
	case base == "de", base == "fr", base == "it", base == "nl", base == "pl", base == "cs", base == "sv", base == "da", base == "no", base == "nb", base == "hu", base == "sk", base == "hr", base == "sl":
		return []int{1, 2}
	case base == "es":
		return []int{1, 2, -5, -3, -4, -6}
	case base == "pt":
		return []int{-3, 1}
	case base == "ru", base == "tr", base == "uk", base == "ro", base == "fi", base == "el", base == "bg":
		return []int{3, 2}
	case base == "vi", base == "th", base == "id":
		return []int{7}
	case base == "zh":
		return []int{8}
	case base == "ja", base == "ko":
		return []int{9}
	}
	return nil
}

// doubt lowers a date that only machines are told: pages that are no news
// carry the day on which they were made in their data, and show none. News
// articles and pages with an author are believed.
func (r *Reading) doubt(c []Candidate) {
	if len(c) == 0 || c[0].Node != nil || c[0].Score < Plausible {
		return
	}
	near := func(d dates.Date) bool { return d.Time.Sub(c[0].Date.Time).Abs() < 36*time.Hour }
	for i := range c[1:] {
		if v := &c[i+1]; (v.Node != nil || v.Signal == "url") && near(v.Date) {
			return
		}
	}
	if c[0].Signal == "url" {
		return
	}
	if l := r.linked(); l.main != nil && entityRank(entityType(l.main)) == 10 {
		return
	}
	if a, ok := Best(r.Authors()); ok && a.Score > .55 && !hostName(a.Names[0]) {
		return
	}
	// Printed anywhere at all?
	t, o := r.tree, r.dateOptions()
	for i := max(t.body, 0); i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if x.flags&fBlock == 0 || x.own < 6 || x.own > 160 || x.flags&fHidden != 0 {
			continue
		}
		for _, m := range dates.Find(t.ownText(i), o) {
			if near(m.Date) {
				return
			}
		}
	}
	for i := range c {
		if c[i].Node == nil {
			c[i].Score *= .5
			c[i].Why = "nowhere on the page, and nobody has written it"
		}
	}
	rank(c)
}

// microdata reads itemprop=datePublished and its kin outside neighbours.
func (r *Reading) microdata(f *datesFound, o dates.Options) {
	t := r.tree
	seen := 0
	for _, i := range t.prop {
		x := &t.e[i]
		p := strings.ToLower(attr(x.n, "itemprop"))
		if p == "" {
			p = strings.ToLower(attr(x.n, "property"))
			switch {
			case strings.Contains(p, "dc:date"), strings.Contains(p, "dc:issued"):
				p = "datepublished"
			case strings.Contains(p, ":created"):
				p = "datecreated"
			}
		}
		published := strings.Contains(p, "datepublished") || strings.Contains(p, "datecreated")
		if !published && !strings.Contains(p, "datemodified") || t.beside(i) || t.inCards(i) {
			continue
		}
		if seen++; seen > 12 {
			break
		}
		raw := attr(x.n, "content")
		if raw == "" {
			raw = attr(x.n, "datetime")
		}
		if raw == "" && x.chars < 200 {
			raw = t.text(i)
		}
		d, ok := dates.Parse(raw, o)
		if !ok || d.Precision == dates.Month || d.Precision == dates.Year {
			continue
		}
		c := Candidate{Value: d.Text, Signal: "itemprop " + p, Score: placeholder(d, .82), Date: midnight(d)}
		if t.inArticle(i) {
			c.Score += .04
		}
		if strings.Contains(p, "comment") {
			continue
		}
		if published {
			if n := len(f.published); n > 0 && f.published[n-1].Signal == c.Signal {
				c.Score -= .3 // the second of several belongs to a neighbour
			}
			f.published = append(f.published, c)
		} else {
			f.modified = append(f.modified, c)
		}
	}
}

func (t *tree) inArticle(i int32) bool {
	for j := i; j >= 0; j = t.e[j].parent {
		if t.e[j].atom == atom.Article || t.e[j].hint&hBody != 0 {
			return true
		}
	}
	return false
}

// inCards reports elements in one of many alike.
func (t *tree) inCards(i int32) bool {
	for j, n := t.e[i].parent, 0; j >= 0 && n < 8; j, n = t.e[j].parent, n+1 {
		x := &t.e[j]
		if x.atom == atom.Body {
			return false
		}
		if x.hint&(hRelated|hComment) != 0 && x.chars < 8000 && x.hint&hBody == 0 {
			return true
		}
	}
	return false
}

// firstSites is the year of the first news sites.
const firstSites = 1993

const labelUpdated = "labelled as an update"

var (
	updatedWords   = []string{"updated", "update:", "cập nhật", "aktualisiert", "geändert", "mis à jour", "màj", "maj :", "actualizado", "actualizada", "atualizado", "atualizada", "atualização", "aggiornato", "aggiornamento", "modified", "last edited", "bijgewerkt", "uppdaterad", "oppdatert", "opdateret", "päivitetty", "aktualizováno", "aktualizacja", "zaktualizowano", "обновлено", "güncelleme", "edited", "revised", "änderung", "modification", "última modificación", "sửa lần cuối", "更新"}
	otherWords     = []string{"deadline", "expires", "expiry", "valid until", "valid from", "in force", "registration until", "register by", "born", "anmeldeschluss", "einsendeschluss", "anmeldung bis", "gültig bis", "gültig ab", "geboren", "date limite", "jusqu'au", "né le", "née le", "fecha límite", "válido hasta", "nacimiento", "prazo", "data de nascimento", "scadenza", "data di nascita", "hạn chót", "hạn cuối", "hạn nộp", "thời hạn", "hiệu lực", "ngày sinh", "出生"}
	publishedWords = []string{"published", "posted", "veröffentlicht", "erstellt", "publié", "publicado", "publicada", "pubblicato", "ngày đăng", "đăng lúc", "đăng ngày", "ngày xuất bản", "gepubliceerd", "publicerad", "publisert", "udgivet", "julkaistu", "publikováno", "vydáno", "opublikowano", "dodano", "опубликовано", "yayın", "datum", "date:", "stand", "created", "first published", "发布", "geschrieben", "written", "ngày gửi", "thời gian", "publication", "gepostet", "mise en ligne", "mis en ligne", "xuất bản", "eingestellt"}
)

func hasAny(s string, words []string) int {
	at := -1
	for _, w := range words {
		if i := strings.LastIndex(s, w); i > at {
			at = i
		}
	}
	return at
}

// visibleDates reads the dates printed round the headline and under the text.
func (r *Reading) visibleDates(o dates.Options) []Candidate {
	t := r.tree
	if t.body < 0 {
		return nil
	}
	r.Body() // weighs the tree
	h := r.headline()
	var out []Candidate
	// Where the text begins: the third prose behind the headline.
	start := h
	if start < 0 {
		start = t.body
	}
	first, last, stop := int32(-1), int32(-1), int32(len(t.e))
	n := 0
	root := t.body
	if r.memo.container > 0 {
		root = r.memo.container
	}
	for i := start; i < int32(len(t.e)); i++ {
		x := &t.e[i]
		if x.flags&(fProse|fInBad) != fProse || x.own < 60 || t.in(i, h) {
			continue
		}
		if n++; n == 1 {
			first = i
		}
		if n == 3 {
			stop = i
			break
		}
	}
	if first < 0 {
		first = min(start+60, int32(len(t.e)))
		stop = first
	}
	for i := root; i < t.e[root].end; i++ {
		if t.e[i].flags&(fProse|fInBad) == fProse {
			last = i
		}
	}
	// Above the headline, as far as little text stands between.
	from := start
	if h >= 0 {
		room := int32(500)
		for i := h - 1; i > t.body && h-i < 80; i-- {
			x := &t.e[i]
			if t.in(h, i) {
				from = i
				continue
			}
			if x.flags&fBlock != 0 || x.own > 0 {
				room -= x.own
				if x.ownLink > 0 {
					room -= x.ownLink * 2
				}
			}
			if room < 0 || x.atom == atom.Nav || x.hint&hNav != 0 && x.chars > 40 {
				break
			}
			from = i
		}
	}
	r.memo.begin = max(first, 0)
	seen := map[int32]bool{}
	defer func() { column(out) }()
	for i := from; i < stop; i++ {
		x := &t.e[i]
		if x.flags&fHidden != 0 {
			continue
		}
		if skip := t.skipForDates(i); skip && !t.in(h, i) && !t.in(first, i) {
			i = x.end - 1
			continue
		}
		where := "under the headline"
		score := .7
		if h < 0 {
			where, score = "in the page", .5
		} else if i < h {
			where, score = "above the headline", .6
		} else if i > first {
			where, score = "in the text", .55
		}
		out = r.dateLine(out, i, score, where, o, seen)
	}
	if last > 0 {
		if t.e[last].own < 600 {
			out = r.postedLine(out, last, o)
		}
		end := min(last+60, int32(len(t.e)))
		for i := last + 1; i < end; i++ {
			x := &t.e[i]
			if x.flags&fHidden != 0 {
				continue
			}
			if t.skipForDates(i) || x.atom == atom.Footer && !t.inArticle(x.parent) {
				i = x.end - 1
				continue
			}
			out = r.dateLine(out, i, .42, "under the text", o, seen)
		}
	}
	return out
}

// column lowers dates of three days and more that stand below each other
// behind the beginning of the text: those of a list.
func column(c []Candidate) {
	listed := func(c Candidate) bool {
		return strings.HasSuffix(c.Signal, "text in the text") || strings.HasSuffix(c.Signal, "text under the text")
	}
	days := map[string]bool{}
	for _, d := range c {
		if listed(d) && d.Why == "" {
			days[d.Date.Time.Format(time.DateOnly)] = true
		}
	}
	if len(days) < 3 {
		return
	}
	for i := range c {
		if listed(c[i]) && c[i].Why == "" && !strings.HasPrefix(c[i].Signal, "labelled") {
			c[i].Score -= .25
		}
	}
}

// skipForDates reports subtrees whose dates are those of others.
func (t *tree) skipForDates(i int32) bool {
	x := &t.e[i]
	switch x.atom {
	case atom.Nav, atom.Dialog, atom.Figure, atom.Figcaption:
		return true
	case atom.Aside:
		return x.links > 3
	}
	if x.hint&(hRelated|hComment|hConsent|hPaywall) != 0 && x.hint&(hBody|hTitle|hDate|hMeta|hByline) == 0 && x.atom != atom.Body && x.atom != atom.Html && x.chars < 6000 {
		return true
	}
	if x.flags&fBadSub == 0 {
		return false
	}
	// The side of an article may hold its date.
	return x.hint&(hRelated|hComment) != 0 || x.hint&hNav != 0 && !(x.link*2 < x.chars && x.chars < 500 && t.in(max(t.core, 0), t.article(i)))
}

// article returns the <article> around an element, -1 when there is none.
func (t *tree) article(i int32) int32 {
	for ; i >= 0; i = t.e[i].parent {
		if t.e[i].atom == atom.Article {
			return i
		}
	}
	return -1
}

// dateLine reads the dates of one <time> or of one block's own text.
func (r *Reading) dateLine(out []Candidate, i int32, score float64, where string, o dates.Options, seen map[int32]bool) []Candidate {
	t := r.tree
	x := &t.e[i]
	if x.atom == atom.Time {
		b := t.block(i)
		raw := attr(x.n, "datetime")
		text := t.text(i)
		d, ok := dates.Parse(raw, o)
		v, printed := dates.Parse(text, o)
		if printed && (!ok || !d.HasClock() && v.HasClock()) {
			d, ok = v, true
		}
		if !ok || d.Precision == dates.Month || d.Precision == dates.Year {
			return out
		}
		if printed && v.HasClock() && v.Time.Truncate(time.Minute).Equal(d.Time.Truncate(time.Minute)) {
			d.Text = v.Text
		}
		c := Candidate{Value: text, Signal: "<time> " + where, Score: score + .1, Date: midnight(d), Node: x.n}
		if c.Value == "" {
			c.Value = d.Text
		}
		label := strings.ToLower(attr(x.n, "class") + " " + attr(x.n, "itemprop"))
		if b >= 0 && t.e[b].own < 200 {
			line := strings.ToLower(t.ownText(b))
			low := strings.ToLower(text)
			if at := strings.Index(line, low); at > 0 && text != "" {
				line = line[:at]
			}
			if hasAny(low, updatedWords) >= 0 || hasAny(low, publishedWords) >= 0 {
				line = low // it has its label inside
			}
			u, p := hasAny(line, updatedWords), hasAny(line, publishedWords)
			if u > p {
				c.Why = labelUpdated
			} else if p >= 0 {
				c.Score += .05
			}
		}
		if strings.Contains(label, "updat") || strings.Contains(label, "modif") {
			if !strings.Contains(label, "publish") {
				c.Why = labelUpdated
			}
		} else if x.hint&hDate != 0 {
			c.Score += .03
		}
		if b >= 0 {
			seen[b] = true
		}
		return append(out, c)
	}
	if x.flags&fBlock == 0 {
		return r.dateInline(out, i, score, where, o, seen)
	}
	if x.own < 6 || seen[i] {
		return out
	}
	if x.own > 260 {
		if where == "under the text" && x.own < 600 {
			return r.postedLine(out, i, o)
		}
		if x.flags&fProse != 0 && i >= r.memo.begin && where != "under the text" {
			return r.dateline(out, i, o)
		}
		return out
	}
	if x.flags&fProse != 0 && x.own > 160 {
		if where == "under the text" {
			return r.postedLine(out, i, o)
		}
		if i < r.memo.begin {
			return out
		}
		return r.dateline(out, i, o)
	}
	if x.flags&fProse != 0 && i >= r.memo.begin && where != "under the text" {
		if more := r.dateline(out, i, o); len(more) > len(out) {
			return more
		}
	}
	line := t.ownText(i)
	if c := r.Title(); len(c) > 0 && len(line) > len(c[0].Value) {
		line = strings.TrimSpace(strings.Replace(line, c[0].Value, "", 1))
	}
	found := dates.Find(line, o)
	if len(found) == 0 {
		return out
	}
	if len(found) == 1 && !found[0].HasClock() {
		// The clock may stand in the next block: 01/03/2026, 09:51.
		if j := t.nextText(i); j > 0 && t.e[j].own <= 12 {
			if d, ok := dates.Parse(line+" "+t.ownText(j), o); ok && d.HasClock() {
				found[0].Date, found[0].End = d, len(line)
			}
		} else if j := t.prevText(i); j > 0 && t.e[j].own <= 12 {
			if d, ok := dates.Parse(t.ownText(j)+" "+line, o); ok && d.HasClock() {
				found[0].Date, found[0].End = d, len(line)
			}
		}
	}
	label := ""
	if j := t.prevText(i); j > 0 && t.e[j].own <= 30 && found[0].Start == 0 && t.e[j].parent == x.parent {
		if label = strings.ToLower(t.ownText(j)); hasDigits(label) {
			label = ""
		}
	}
	words := 0
	prev := 0
	title := ""
	if c := r.Title(); len(c) > 0 {
		title = c[0].Value
	}
	for k, m := range found {
		if m.Precision == dates.Month || m.Precision == dates.Year || m.Span || strings.Contains(title, m.Text) {
			continue
		}
		before := strings.ToLower(line[min(prev, m.Start):m.Start])
		words += len(strings.Fields(before))
		before = lastBytes(before, 40)
		if k == 0 && before == "" {
			before = label
		}
		c := Candidate{Value: m.Text, Signal: "text " + where, Score: score, Date: m.Date, Node: x.n}
		u, p := hasAny(before, updatedWords), hasAny(before, publishedWords)
		switch {
		case hasAny(before, otherWords) > max(u, p): // of what the text is about
			prev = m.End
			continue
		case u > p:
			c.Why = labelUpdated
		case p >= 0:
			c.Score += .1
			c.Signal = "labelled text " + where
		case m.Time.Year() < firstSites: // a birthday, a battle
			c.Score -= .4
		}
		hinted := false
		for j, n := i, 0; j >= 0 && n < 3; j, n = t.e[j].parent, n+1 {
			if t.e[j].hint&(hDate|hMeta|hByline) != 0 && t.e[j].chars < 400 {
				hinted = true
			}
		}
		if !hinted {
			for j := i + 1; j < x.end; j++ {
				if t.e[j].hint&(hDate|hMeta) != 0 {
					hinted = true
				}
			}
		}
		if hinted {
			c.Score += .08
			if c.Signal == "text under the text" {
				c.Signal = "dated text under the text"
			}
		}
		if m.HasClock() {
			c.Score += .06
		}
		rest := len(strings.Fields(line[min(len(line), m.End):]))
		if !hinted && p < 0 && u < 0 && words+rest > 6 {
			c.Score -= .15 + .02*float64(words+rest) // a sentence that mentions a day
		}
		if k > 0 && c.Why != labelUpdated && p < 0 {
			c.Score -= .1
		}
		prev = m.End
		if c.Score > 0 {
			out = append(out, c)
		}
	}
	return out
}

// What a sentence under a text begins with that tells when it was posted, as
// the first themes of blogs print it.
var postedWords = []string{"this entry was posted", "this post was", "this article was posted", "this article was published", "dieser eintrag wurde", "dieser beitrag wurde", "dieser artikel wurde", "der artikel", "der beitrag", "ce billet a été", "cet article a été", "cette entrée a été", "esta entrada fue", "este artículo fue", "este artigo foi", "este post foi", "questo articolo è stato", "dit bericht werd", "dit bericht is geplaatst", "bài viết này được", "bài này được"}

// postedLine reads the sentence "This entry was posted on 7 March …".
func (r *Reading) postedLine(out []Candidate, i int32, o dates.Options) []Candidate {
	line := r.tree.ownText(i)
	low := strings.ToLower(line)
	at := -1
	for _, w := range postedWords {
		if k := strings.Index(low, w); k >= 0 && k < 40 {
			at = k
			break
		}
	}
	if at < 0 {
		return out
	}
	for _, m := range dates.Find(line, o) {
		if m.Start > at && m.Start < at+250 && m.Precision != dates.Month && m.Precision != dates.Year {
			return append(out, Candidate{Value: m.Text, Signal: "labelled text under the text", Score: .62, Date: m.Date, Node: r.tree.e[i].n})
		}
	}
	return out
}

// dateline reads the date that a text begins with: "29.11.2022 – …",
// "(21. November 2022) …", "Berlin, 7. März 2026 – …".
func (r *Reading) dateline(out []Candidate, i int32, o dates.Options) []Candidate {
	head := r.tree.ownText(i)
	if len(head) > 120 {
		head = strings.ToValidUTF8(head[:120], "")
	}
	found := dates.Find(head, o)
	if len(found) == 0 || found[0].Precision == dates.Month || found[0].Precision == dates.Year {
		return out
	}
	m := found[0]
	before, after := head[:m.Start], strings.TrimSpace(head[m.End:])
	if len(strings.Fields(before)) > 4 || after == "" {
		return out
	}
	for _, sign := range [...]string{"–", "-", "—", "|", ")", "/", ":", "„", "•"} {
		if strings.HasPrefix(after, sign) {
			return append(out, Candidate{Value: m.Text, Signal: "dateline of the text", Score: .58, Date: m.Date, Node: r.tree.e[i].n})
		}
	}
	return out
}

// dateInline reads an inline element that is nothing but a date, inside a
// block that is more: the <small> of a headline, a span with its date in an
// attribute.
func (r *Reading) dateInline(out []Candidate, i int32, score float64, where string, o dates.Options, seen map[int32]bool) []Candidate {
	t := r.tree
	x := &t.e[i]
	switch x.atom {
	case atom.Span, atom.Small, atom.Em, atom.I, atom.B, atom.Strong, atom.Abbr, atom.Font, atom.Label, atom.Cite, atom.A, 0:
	default:
		return out
	}
	if x.hint&(hDate|hUpdated) != 0 && x.chars < 60 {
		for _, key := range [...]string{"title", "content", "datetime", "data-datetime", "data-date", "data-time", "data-published"} {
			raw := attr(x.n, key)
			if len(raw) < 8 || len(raw) > 60 {
				continue
			}
			if d, ok := dates.Parse(raw, o); ok && d.Precision != dates.Month && d.Precision != dates.Year {
				c := Candidate{Value: d.Text, Signal: "attribute " + key + " " + where, Score: score + .1, Date: midnight(d), Node: x.n}
				if v, ok := dates.Parse(t.text(i), o); ok {
					c.Value = v.Text
				}
				if x.hint&hUpdated != 0 && x.hint&hDate == 0 && where == "under the headline" && x.chars > 0 {
					c.Why = labelUpdated
				}
				return append(out, c)
			}
		}
	}
	if x.atom == atom.Small && x.chars < 90 && isHeading(t.e[max(t.block(i), 0)].atom) {
		if m := dates.Find(t.text(i), o); len(m) > 0 && m[0].Start == 0 && m[0].Precision != dates.Month {
			return append(out, Candidate{Value: m[0].Text, Signal: "small text of the headline", Score: score, Date: m[0].Date, Node: x.n})
		}
	}
	if x.chars < 6 || x.chars > 40 && (x.hint&(hDate|hMeta) == 0 || x.chars > 90) {
		return out
	}
	b := t.block(i)
	if b < 0 || seen[b] {
		return out
	}
	text := t.text(i)
	if !strings.ContainsAny(text, "0123456789") {
		return out
	}
	// The text of a part that holds other blocks is no line: its pieces stand
	// where they stand.
	if y := &t.e[b]; y.own <= x.chars+2 || y.flags&fProse != 0 && !isHeading(y.atom) && y.own > 160 {
		if y.own == y.chars && y.own <= 160 || !t.between(i, b) {
			return out
		}
	}
	d, ok := dates.Parse(text, o)
	if !ok || len(d.Text)*2 < len(text) && x.hint&(hDate|hMeta) == 0 || d.Precision == dates.Month || d.Precision == dates.Year {
		return out
	}
	if x.hint&(hDate|hMeta) != 0 {
		score += .08
	} else if !isHeading(t.e[b].atom) && t.e[b].own > 80 {
		score -= .15
	}
	if d.HasClock() {
		score += .06
	}
	c := Candidate{Value: d.Text, Signal: "inline text " + where, Score: score, Date: d, Node: x.n}
	if low := strings.ToLower(text); hasAny(low, updatedWords) > hasAny(low, publishedWords) {
		c.Why = labelUpdated
	}
	return append(out, c)
}

// between reports whether an inline element stands between the blocks of a
// part, not in a line.
func (t *tree) between(i, b int32) bool {
	for ; t.e[i].parent != b; i = t.e[i].parent {
		if t.e[i].parent < 0 {
			return false
		}
	}
	edge := func(n *html.Node, step func(*html.Node) *html.Node) bool {
		for ; n != nil; n = step(n) {
			switch {
			case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
				return false
			case n.Type == html.ElementNode && (dom.IsBlock(n) || n.DataAtom == atom.Br):
				return true
			case n.Type == html.ElementNode && dom.Text(n) != "":
				return false
			}
		}
		return true
	}
	n := t.e[i].n
	before := edge(n.PrevSibling, func(n *html.Node) *html.Node { return n.PrevSibling })
	return before && edge(n.NextSibling, func(n *html.Node) *html.Node { return n.NextSibling })
}

func hasDigits(s string) bool { return strings.ContainsAny(s, "0123456789") }

// lastBytes returns the end of a text.
func lastBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n
	for i < len(s) && s[i]&0xC0 == 0x80 {
		i++
	}
	return s[i:]
}

// ownText is the text whose nearest block is the element at i.
func (t *tree) ownText(i int32) string {
	x := &t.e[i]
	if x.own == x.chars {
		return t.text(i)
	}
	var b strings.Builder
	appendOwn(&b, x.n, 0)
	return clean(b.String())
}

// nextText and prevText return the neighbouring block with text of its own.
func (t *tree) nextText(i int32) int32 {
	for j := i + 1; j < int32(len(t.e)) && j < i+12; j++ {
		if t.e[j].own > 0 && t.e[j].flags&fBlock != 0 {
			return j
		}
	}
	return -1
}

func (t *tree) prevText(i int32) int32 {
	for j := i - 1; j > 0 && j > i-12; j-- {
		if t.e[j].own > 0 && t.e[j].flags&fBlock != 0 && !t.in(i, j) {
			return j
		}
	}
	return -1
}

// urlDate reads /2026/03/07/ in the path: the day a page was made, as blogs
// and papers of many countries keep it. Digits run together are not read:
// content systems write the time of the first draft there.
func (r *Reading) urlDate(o dates.Options) (Candidate, bool) {
	u := r.pageURL()
	if u == nil {
		return Candidate{}, false
	}
	p := u.Path
	for i := 0; i+9 < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		s := p[i+1:]
		end := 0
		parts := 0
		for j := 0; j <= len(s) && parts < 3; j++ {
			if j < len(s) && '0' <= s[j] && s[j] <= '9' {
				continue
			}
			if j == end || j < len(s) && s[j] != '/' && s[j] != '-' {
				break
			}
			parts++
			end = j + 1
			if parts == 3 {
				if d, ok := dates.Parse(s[:j], o); ok && d.Precision == dates.Day && j >= 8 && s[4] == s[j-3] {
					return Candidate{Value: s[:j], Signal: "url", Score: .52, Date: d, Why: "the day in the path"}, true
				}
			}
		}
	}
	return Candidate{}, false
}

// hostName reports names that are those of a host: "example.com".
func hostName(s string) bool {
	i := strings.LastIndexByte(s, '.')
	return i > 0 && len(s)-i > 2 && !strings.Contains(s, " ") && s == strings.ToLower(s)
}
