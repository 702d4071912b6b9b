package ministry

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// This file writes the body of an article as the CMS of its host does. The
// quirks are:
//
//	nfd         letters and marks apart, as some keyboards on a Mac write them
//	twice       punctuation escaped twice: &amp;ndash;
//	boldlead    the lead is the first paragraph, in bold, and its element is empty
//	nolead      no lead at all
//	word        pasted from Word: spans that cut words and numbers
//	am          a clock of 24 hours with AM or PM behind it
//	digest      the template of legal digests, which has no date
//	forbidden   robots.txt keeps it from crawlers, though a list links to it
//	orphan      no list links to it, only a sitemap
//	cut         the page breaks off in its head
//	error       the server answers 500

// body is the body of an article in the dress of a CMS.
func (p *page) body() string {
	var b strings.Builder
	signed := false
	for i, x := range p.blocks {
		if x.kind == "byline" {
			signed = true
		}
		b.WriteString(p.block(i, x))
	}
	if !signed {
		b.WriteString(p.block(len(p.blocks), block{kind: "byline"}))
	}
	return b.String()
}

// block dresses one block; i is its place.
func (p *page) block(i int, x block) string {
	switch p.cms {
	case "vccorp":
		return p.vccorp(x)
	case "mastercms":
		return p.mastercms(x)
	case "sharepoint":
		return p.sharepoint(i, x)
	case "liferay":
		return p.liferay(i, x)
	case "spa":
		return p.spa(x)
	}
	return p.plain(x)
}

func (p *page) vccorp(x block) string {
	switch x.kind {
	case "text":
		return "<p>" + p.inline(x.text) + "</p>"
	case "head":
		return "<h2><b>" + p.inline(x.text) + "</b><b> </b></h2>"
	case "quote":
		return `<blockquote class="VCSortableInPreviewMode" type="quote"><p>` + p.inline(x.text) + "</p></blockquote>"
	case "list":
		return "<ul><li>" + strings.Join(p.inlines(x.lines), "</li><li>") + "</li></ul>"
	case "table":
		return `<div class="VCSortableInPreviewMode" type="table"><table border="1" cellspacing="0">` + p.rows(x.rows, "<p>", "</p>") + "</table></div>"
	case "photo":
		caption := `<p data-placeholder="Nhập chú thích ảnh" class="NLPlaceholderShow"></p>`
		if x.caption != "" {
			caption = `<p data-placeholder="Nhập chú thích ảnh">` + p.inline(x.caption) + "</p>"
		}
		return fmt.Sprintf(`<figure class="VCSortableInPreviewMode" type="Photo" style=""><div><img data-author="" src="/thumb_w/777%[1]s" data-original="%[1]s" w="900" h="597" alt="%[2]s - Ảnh 1." title="%[2]s - Ảnh 1." rel="lightbox" type="photo" style="max-width:100%%;" loading="lazy"></div><figcaption class="PhotoCMS_Caption">%[3]s</figcaption></figure>`,
			p.photo(x.file), html.EscapeString(p.title), caption)
	case "offer":
		if len(x.lines) == 1 {
			o := p.offers(x)[0]
			return fmt.Sprintf(`<div class="VCSortableInPreviewMode" type="RelatedOneNews" relatedonenewstype="type-6"><a href="%[1]s" class="VCObjectBoxRelatedNewsItemThumb"><img src="/thumb_w/250/%[3]s" alt="%[2]s"></a><a class="title link-callout" href="%[1]s">%[2]s</a><p class="VCObjectBoxRelatedNewsItemSapo">Đọc bài để biết thêm chi tiết.</p></div>`, o.href, html.EscapeString(o.title), o.thumb)
		}
		var b strings.Builder
		b.WriteString(`<div class="VCSortableInPreviewMode" type="RelatedNewsBox"><div class="kbwscwl-relatedbox type-6"><ul class="kbwscwlr">`)
		for _, o := range p.offers(x) {
			fmt.Fprintf(&b, `<li class="kbwscwlrl"><a href="%[1]s" class="kbwscwlrl-thumb"><img src="/thumb_w/250/%[3]s" alt="%[4]s"></a><h4 class="kbwscwlrl-title"><a href="%[1]s">%[2]s</a></h4></li>`, o.href, html.EscapeString(o.title), o.thumb, o.alt)
		}
		b.WriteString("</ul></div></div>")
		return b.String()
	case "file":
		return fmt.Sprintf(`<p><a class="link-inline-content" href="%s" target="_blank">%s</a></p>`, p.attachment(x.file), p.inline(x.text))
	case "right":
		return `<p style="text-align: right;"><i>` + p.inline(x.text) + "</i></p>"
	case "rule":
		return "<p>" + strings.Repeat("_", 12) + "</p>"
	case "byline":
		if p.quirk("signed") && p.byline != "" {
			return `<p style="text-align: right;"><b>` + p.inline(p.byline) + "</b></p>"
		}
	}
	return ""
}

func (p *page) mastercms(x block) string {
	para := func(s string) string {
		return "\n" + `<p class="normalPara" style="text-align: justify;">` + s + "</p>\n"
	}
	switch x.kind {
	case "text":
		return para(p.inline(x.text))
	case "head":
		return para("<strong>" + p.inline(x.text) + "</strong>")
	case "quote":
		return "\n<blockquote>" + para("<em>"+p.inline(x.text)+"</em>") + "</blockquote>\n"
	case "list":
		return "\n<ul>\n\t<li>" + strings.Join(p.inlines(x.lines), "</li>\n\t<li>") + "</li>\n</ul>\n"
	case "table":
		return "\n" + `<table border="1" cellpadding="1" class="tablecontent" style="width:100%">` + p.rows(x.rows, "", "") + "</table>\n"
	case "photo":
		return fmt.Sprintf(`
<table class="MASTERCMS_TPL_TABLE" style="width: 100%%;">
	<tbody>
		<tr>
			<td><img  src="%s" class="__img_mastercms" alt="%[2]s" style="max-width:100%%; padding:0px; margin:0px;" title="%[2]s"></td>
		</tr>
		<tr>
			<td>%s</td>
		</tr>
	</tbody>
</table>
`, p.photo(x.file), bare(p.title), p.inline(x.caption))
	case "offer":
		var b strings.Builder
		b.WriteString("\n<table class=\"__MB_ARTICLE_A\">\n\t<tbody>\n")
		for _, o := range p.offers(x) {
			fmt.Fprintf(&b, "\t\t<tr>\n\t\t\t<td align=\"left\"><a href=\"%[1]s\"><img src=\"%[3]s\" alt=\"%[4]s\" title=\"%[4]s\" width=\"80\" height=\"53\"></a></td>\n\t\t\t<td align=\"left\"><a href=\"%[1]s\" title=\"%[2]s\">%[2]s</a></td>\n\t\t</tr>\n", o.href, html.EscapeString(o.title), o.thumb, o.alt)
		}
		b.WriteString("\t</tbody>\n</table>\n")
		return b.String()
	case "file":
		return para(fmt.Sprintf(`<a href="%s" target="_blank">%s</a>`, p.attachment(x.file), p.inline(x.text)))
	case "right":
		return "\n" + `<p class="normalPara" style="text-align: right;"><em>` + p.inline(x.text) + "</em></p>\n"
	case "rule":
		return para("____________________")
	case "byline":
		var b strings.Builder
		if p.byline != "" {
			fmt.Fprintf(&b, "<div class=\"article-detail-author f0 clearfix\">%s</div>\n", p.inline(p.byline))
		}
		fmt.Fprintf(&b, "<div class=\"article-detail-source clearfix\">Nguồn : %s</div>\n", p.inline(p.credit))
		return b.String()
	}
	return ""
}

// sharepoint writes what Word put on the clipboard.
func (p *page) sharepoint(i int, x block) string {
	para := func(attr, s string) string {
		return `  <p style="text-align:justify;margin:6pt 0cm` + attr + `" class=MsoNormal>` + s + "</p>\n"
	}
	span := func(s string) string {
		return `<span style="font-family:arial;font-size:10pt">` + s + "</span>"
	}
	words := func(s string) string {
		if !p.quirk("word") {
			return span(p.inline(s))
		}
		return p.pasted(s, i)
	}
	switch x.kind {
	case "text":
		if i%3 == 1 {
			return para(";background:white", words(x.text)+span(""))
		}
		return para("", words(x.text))
	case "head":
		return para(";background:white", "<b>"+words(x.text)+"</b>")
	case "quote":
		return "<blockquote dir=ltr style=\"margin-right:0px\">" + para("", "<i>"+words(x.text)+"</i>") + "</blockquote>\n"
	case "list":
		return "<ul type=disc>\n<li class=MsoNormal>" + strings.Join(p.inlines(x.lines), "\n<li class=MsoNormal>") + "</ul>\n"
	case "table":
		return `<table class=MsoNormalTable border=1 cellspacing=0 cellpadding=0 style="border-collapse:collapse">` + p.rows(x.rows, `<p style="margin:6pt 0cm" class=MsoNormal>`, "<o:p></o:p></p>") + "</table>\n"
	case "photo":
		return fmt.Sprintf(`<table border=0 cellspacing=0 cellpadding=0 align=center><tbody><tr><td><img border=0 alt="" src="%s" width=480 height=320></td></tr>
<tr><td><p style="text-align:center;margin:6pt 0cm" class=MsoNormal align=center><i><span style="font-family:arial;font-size:9pt">%s</span></i></p></td></tr></tbody></table>
`, p.photo(x.file), p.inline(x.caption))
	case "offer":
		var b strings.Builder
		b.WriteString("<ul class=dotted>\n")
		for _, o := range p.offers(x) {
			fmt.Fprintf(&b, "<li><a href=\"%s\"><img src=\"%s\" alt=\"%s\" border=0 width=60 height=40> %s</a></li>\n", o.href, o.thumb, o.alt, html.EscapeString(o.title))
		}
		b.WriteString("</ul>\n")
		return b.String()
	case "right":
		return `  <p style="text-align:right;margin:6pt 0cm" class=MsoNormal align=right><i>` + span(p.inline(x.text)) + "</i></p>\n"
	case "rule":
		return `<p style="margin:6pt 0cm" class=MsoNormal>` + span(strings.Repeat("_", 30)) + "</p>\n"
	case "byline":
		if p.byline != "" {
			return `  <p style="text-align:right;margin:6pt 0cm;background:white" class=MsoNormal align=right><i>` + span(p.inline(p.byline)) + "</i></p>\n"
		}
	}
	return ""
}

// pasted cuts a text as Word does when its languages change: before every
// number, and once in a word.
func (p *page) pasted(s string, seed int) string {
	open := func(n int) string {
		if n%2 == 0 {
			return `<span style="font-family:arial;font-size:10pt">`
		}
		return `<span style="font-family:arial;font-size:10pt" lang=VI>`
	}
	var b strings.Builder
	b.WriteString(open(0))
	n, blank := 0, 0
	for i, r := range s {
		if i > 0 && (unicode.IsDigit(r) || n == 1 && i > 24+seed*7 && unicode.IsLetter(r)) {
			n++
			b.WriteString("</span>" + open(n))
		}
		if r == ' ' {
			if blank++; blank == 9 {
				b.WriteString("<span>  </span>")
				continue
			}
		}
		b.WriteString(html.EscapeString(string(r)))
	}
	b.WriteString("</span>")
	return b.String()
}

func (p *page) liferay(i int, x block) string {
	indent := "&nbsp; &nbsp; &nbsp; &nbsp; "
	switch x.kind {
	case "text":
		return "<p style=\"text-align: justify;\">\n  " + indent + p.wrapped(x.text) + "</p>\n"
	case "head":
		return "<p style=\"text-align: justify;\">\n  <strong>" + indent + p.wrapped(x.text) + "</strong></p>\n"
	case "quote":
		return "<blockquote><p style=\"text-align: justify;\"><em>" + p.wrapped(x.text) + "</em></p></blockquote>\n"
	case "list":
		return "<ul>\n  <li>" + strings.Join(p.inlines(x.lines), "</li>\n  <li>") + "</li>\n</ul>\n"
	case "table":
		return `<table border="1" cellpadding="0" cellspacing="0">` + p.rows(x.rows, "<p align=\"center\">", "</p>") + "</table>\n"
	case "photo":
		return fmt.Sprintf("<p align=\"center\">\n  <strong>\n    <em>\n      <img\n        src=\"%s\" style=\"width: 500.0px;height: 350.0px;\" /></em></strong></p> <p align=\"center\"> <span style=\"color: rgb(0,0,255);\"> <em>%s</em></span></p>\n", p.photo(x.file), p.inline(x.caption))
	case "offer":
		var b strings.Builder
		b.WriteString("<table border=\"0\" cellpadding=\"1\" cellspacing=\"1\" style=\"width: 100%;\"><tbody>\n")
		for _, o := range p.offers(x) {
			fmt.Fprintf(&b, "<tr><td><a href=\"%[1]s\"><img alt=\"%[4]s\" src=\"%[3]s\" style=\"width: 60px;\" /></a></td><td><a href=\"%[1]s\">%[2]s</a></td></tr>\n", o.href, named(html.EscapeString(o.title)), o.thumb, o.alt)
		}
		b.WriteString("</tbody></table>\n")
		return b.String()
	case "file":
		return fmt.Sprintf("<p>\n  <a href=\"%s\">%s</a></p>\n", p.attachment(x.file), p.inline(x.text))
	case "right":
		return "<p align=\"right\">\n  <em>" + p.inline(x.text) + "</em></p>\n"
	case "rule":
		return "<p>\n  ________________________</p>\n"
	case "byline":
		s := ""
		if p.byline != "" {
			s = "<p align=\"right\">\n  <strong>" + p.inline(p.byline) + "</strong></p>\n"
		}
		if p.account != "" {
			s += "<p align=\"right\" class=\"view-content-author\">\n  <strong><em>" + p.account + "</em></strong>\n</p>\n"
		}
		return s
	}
	return ""
}

func (p *page) spa(x block) string {
	switch x.kind {
	case "text":
		return `<p style="text-align:justify">` + p.inline(x.text) + "</p>"
	case "head":
		return `<h3>` + p.inline(x.text) + "</h3>"
	case "quote":
		return "<blockquote><p>" + p.inline(x.text) + "</p></blockquote>"
	case "list":
		return "<ul><li>" + strings.Join(p.inlines(x.lines), "</li><li>") + "</li></ul>"
	case "table":
		return `<figure class="table"><table>` + p.rows(x.rows, "", "") + "</table></figure>"
	case "photo":
		return `<figure class="image"><img src="` + p.photo(x.file) + `"><figcaption>` + p.inline(x.caption) + "</figcaption></figure>"
	case "file":
		return "" // the API holds them apart
	case "right":
		return `<p style="text-align:right"><i>` + p.inline(x.text) + "</i></p>"
	case "rule":
		return "<p>____________</p>"
	case "byline":
		if p.quirk("signed") && p.byline != "" {
			return `<p style="text-align:right"><strong>` + p.inline(p.byline) + "</strong></p>"
		}
	}
	return ""
}

// plain is the dress of a CMS that nobody knows.
func (p *page) plain(x block) string {
	switch x.kind {
	case "text":
		return "<p>" + p.inline(x.text) + "</p>\n"
	case "photo":
		return `<div class="image-wrap"><img src="` + p.photo(x.file) + `" alt="` + bare(p.title) + `"><p class="image-caption">` + p.inline(x.caption) + "</p></div>\n"
	case "offer":
		var b strings.Builder
		b.WriteString("<ul class=\"more-links\">\n")
		for _, o := range p.offers(x) {
			fmt.Fprintf(&b, "<li><a href=\"%[1]s\"><img src=\"%[3]s\" alt=\"%[4]s\"></a> <a href=\"%[1]s\">%[2]s</a></li>\n", o.href, html.EscapeString(o.title), o.thumb, o.alt)
		}
		b.WriteString("</ul>\n")
		return b.String()
	case "byline":
		return "<p style=\"text-align:right\"><strong>" + p.inline(p.byline) + "</strong></p>\n<p>Nguồn : " + p.inline(p.credit) + "</p>\n"
	}
	return ""
}

func (p *page) rows(rows [][]string, before, after string) string {
	var b strings.Builder
	b.WriteString("<tbody>\n")
	for _, row := range rows {
		b.WriteString("<tr>")
		for _, cell := range row {
			b.WriteString("<td>" + before + p.inline(cell) + after + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>")
	return b.String()
}

// inline writes a text with its quirks of writing.
func (p *page) inline(s string) string {
	if p.quirk("nfd") {
		s = norm.NFD.String(s)
	}
	s = html.EscapeString(s)
	if p.cms == "liferay" {
		s = named(s)
		if p.quirk("twice") {
			s = twice.Replace(s)
		}
	}
	return s
}

func (p *page) inlines(ss []string) []string {
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = p.inline(s)
	}
	return out
}

// wrapped breaks the lines of the source, as some editors do.
func (p *page) wrapped(s string) string {
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(p.inline(s)) {
		switch {
		case n > 60:
			b.WriteString("\n  ")
			n = 0
		case n > 0:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		n += utf8.RuneCountInString(word) + 1
	}
	return b.String()
}

var entities = map[rune]string{
	'à': "agrave", 'á': "aacute", 'â': "acirc", 'ã': "atilde", 'è': "egrave", 'é': "eacute", 'ê': "ecirc", 'ì': "igrave", 'í': "iacute",
	'ò': "ograve", 'ó': "oacute", 'ô': "ocirc", 'õ': "otilde", 'ù': "ugrave", 'ú': "uacute", 'ý': "yacute",
	'À': "Agrave", 'Á': "Aacute", 'Â': "Acirc", 'Ô': "Ocirc", 'Ê': "Ecirc", 'Ý': "Yacute",
	'“': "ldquo", '”': "rdquo", '–': "ndash", '…': "hellip",
}

// named writes Latin-1 letters as entities and leaves the other Vietnamese
// ones, as editors of the time did.
func named(s string) string {
	var b strings.Builder
	for _, r := range s {
		if name := entities[r]; name != "" {
			b.WriteString("&" + name + ";")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var twice = strings.NewReplacer("&ldquo;", "&amp;ldquo;", "&rdquo;", "&amp;rdquo;", "&ndash;", "&amp;ndash;", "&hellip;", "&amp;hellip;")

// numeric writes everything beyond ASCII as VCCorp's templates do.
func numeric(s string) string {
	var b strings.Builder
	for _, r := range html.EscapeString(s) {
		if r > unicode.MaxASCII {
			fmt.Fprintf(&b, "&#x%X;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bare is a text as URLs and old alts have it: no marks, no capitals.
func bare(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '"', r == '“', r == '”':
		case r == 'đ':
			b.WriteByte('d')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
