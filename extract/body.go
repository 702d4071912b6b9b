package extract

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"luutin/extract/dates"
	"luutin/extract/dom"
)

// A story is what the pieces of a body come to, once everything that is not
// its text has found its place.
type story struct {
	lead        string
	boldLead    bool // the lead was the first bold paragraph
	blocks      []Block
	images      []Image
	attachments []Attachment
	related     []Related
	authors     []string
	source      string
	tags        []string

	known map[string]int // the place of each image, attachment and related link, by its sort and URL
}

// place returns where a URL of a sort stands, and false when it is new and to
// stand at next.
func (s *story) place(sort, u string, next int) (int, bool) {
	if s.known == nil {
		s.known = map[string]int{}
	}
	key := sort + " " + u
	i, ok := s.known[key]
	if !ok {
		s.known[key], i = next, next
	}
	return i, ok
}

// attach notes a file once.
func (s *story) attach(f Attachment) {
	if _, known := s.place("file", f.URL, len(s.attachments)); !known {
		s.attachments = append(s.attachments, f)
	}
}

// text joins the blocks as Article.Body does.
func (s *story) text() string {
	parts := make([]string, 0, len(s.blocks))
	for _, b := range s.blocks {
		switch b.Kind {
		case "list":
			parts = append(parts, "- "+strings.Join(b.Items, "\n- "))
		case "table":
			rows := make([]string, len(b.Rows))
			for i, row := range b.Rows {
				rows[i] = strings.Join(row, " | ")
			}
			parts = append(parts, strings.Join(rows, "\n"))
		default:
			parts = append(parts, b.Text)
		}
	}
	return strings.Join(parts, "\n\n")
}

// A telling is what is known about a body before it is read.
type telling struct {
	base      *url.URL
	title     string
	lead      string // from an element of its own; "" when there was none
	boldLead  bool   // the first bold paragraph is the lead when there is no other
	published time.Time
	signed    bool // bylines stand at the end of the text, as is the custom in Vietnam

	isArticle func(href string) bool // whether a link leads to another article; nil means that none does
}

// tell sorts the pieces of a body.
func (t telling) tell(pieces []dom.Piece) story {
	var s story
	s.lead = t.lead
	pieces = counters(pieces)
	pieces = t.captions(&s, pieces)
	pieces = t.offers(&s, pieces)
	pieces = t.head(&s, pieces)
	pieces = t.tail(&s, pieces)
	for _, p := range pieces {
		s.blocks = append(s.blocks, p.Block)
	}
	return s
}

// What pages count of themselves, in the languages of the sites that are known,
// and how they write it: "Lượt xem: 1.234", "Views: 37 | Comments: 2", "37 views".
const (
	counted = `(?:(?:tổng )?(?:số )?(?:lượt|lần) (?:người )?(?:xem|đọc|truy cập|nghe|tải|chia sẻ|thích|bình luận)(?: (?:trang|tin|bài(?: viết)?))?|số (?:người|lần|lượt) (?:đã )?(?:xem|đọc|truy cập)|đã (?:xem|đọc)|(?:số )?bình luận` +
		`|(?:total |page ?|article |number of |unique )?(?:views?|hits?|reads|visits|visitors|downloads|shares|comments)(?: count| counter)?|view(?:ed)? count(?:er)?|viewed|(?:times )?read|read count` +
		`|(?:nombre de )?(?:vues|lectures|visites|consultations)|(?:anzahl der )?(?:aufrufe|zugriffe|besuche)|gelesen|(?:número de )?(?:visitas|vistas|lecturas|visualizações|acessos|leituras)` +
		`|просмотр(?:ов|ы|а)?|прочитано|(?:浏览|瀏覽|阅读|閱讀|点击|點擊|访问)(?:次数|次數|量|数|數)?|閲覧(?:数|回数)?|アクセス数|조회(?:수)?|dilihat|dibaca|จำนวนผู้(?:เข้าชม|อ่าน)|ເຂົ້າຊົມ)`
	amount  = `\d[\d.,  ]{0,14}(?:k|m|nghìn|triệu)?`
	times   = `(?:lượt|lần|người|times|fois|mal|veces|vezes|раз|次|回|회|kali|x)`
	counter = `(?:` + counted + `\s*[:：=–-]?\s*[(\[]?\s*` + amount + `\s*` + times + `?\s*[)\]]?` +
		`|` + amount + `\s*` + counted + `)`
)

var counterLine = regexp.MustCompile(`(?i)^[^\p{L}\p{N}]*` + counter + `(?:\s*[|/•·;,–-]\s*` + counter + `)*[^\p{L}\p{N}]*$`)

// counterDepth is how many paragraphs from either end a counter may stand.
const counterDepth = 3

// counters leaves out the lines that count how often the page was seen: they
// would make a new version of the article at every visit. They stand at the head
// or at the end, and say nothing else.
func counters(pieces []dom.Piece) []dom.Piece {
	out := make([]dom.Piece, 0, len(pieces))
	for i, p := range pieces {
		atEnd := i < counterDepth || i >= len(pieces)-counterDepth
		if atEnd && p.Kind == "paragraph" && p.Images == 0 && p.Chars <= 80 && counterLine.MatchString(p.Text) {
			continue
		}
		out = append(out, p)
	}
	return out
}

var (
	captionClass = regexp.MustCompile(`(?i)caption|chu-?thich|\bcredit\b|desc[_-]?im(?:a)?ge?|img[_-]?desc|photo[_-]?(?:desc|note)|^image$|pic[_-]?(?:desc|note)`)
	photoCredit  = regexp.MustCompile(`(?i)(?:^|[\s(\[.,;–—-])[\s(\[.,–—-]*(?:ảnh(?: minh h[oọ][aạ])?|nguồn ảnh|photo(?: by)?|foto|image|picture|bild)\s*:\s*([^()\[\]]{2,60}?)\s*[)\].]*$`)
)

// captions gives every picture what is written under it.
func (t telling) captions(s *story, pieces []dom.Piece) []dom.Piece {
	out := make([]dom.Piece, 0, len(pieces))
	last := -1 // the picture that still waits for its caption
	since := 0 // pieces since
	for _, p := range pieces {
		if p.Kind == "image" {
			if p.Figure.Link != "" && t.isArticle != nil && t.isArticle(p.Figure.Link) {
				continue // the thumbnail of another article
			}
			last, since = t.image(s, p.Figure), 0
			continue
		}
		if p.Legend {
			if last >= 0 && s.images[last].Caption == "" {
				s.caption(last, p.Text)
			}
			continue
		}
		if last >= 0 && s.images[last].Caption == "" && t.isCaption(p, since) {
			s.caption(last, p.Text)
			last = -1
			continue
		}
		since++
		out = append(out, p)
	}
	return out
}

// isCaption reports a paragraph that stands under a picture to explain it.
func (t telling) isCaption(p dom.Piece, since int) bool {
	if p.Kind != "paragraph" && p.Kind != "heading" || since > 0 || utf8.RuneCountInString(p.Text) > 400 {
		return false
	}
	if p.Chars > 0 && p.Linked == p.Chars {
		return false
	}
	if captionClass.MatchString(p.Class) || p.Node != nil && p.Node.Parent != nil && captionClass.MatchString(dom.Attr(p.Node.Parent, "class")) {
		return true
	}
	if p.Kind == "heading" {
		return false
	}
	credit := photoCredit.MatchString(p.Text)
	switch {
	case p.Align == "center", p.Italic:
		return credit || p.Images > 0 || p.Align == "center" && p.Italic || utf8.RuneCountInString(p.Text) <= 200
	case p.Images > 0 && utf8.RuneCountInString(p.Text) <= t.captionLength():
		return true
	case credit:
		return true
	}
	return false
}

// captionLength is how long a line in one paragraph with a picture may be to
// explain it. Ministries float pictures beside short paragraphs.
func (t telling) captionLength() int {
	if t.signed {
		return 120
	}
	return 200
}

// image notes a picture and returns its place; the place it has when it was
// there before.
func (t telling) image(s *story, f *dom.Figure) int {
	u := t.resolve(f.Src)
	if u == "" {
		return -1
	}
	i, known := s.place("image", u, len(s.images))
	if known {
		return i
	}
	s.images = append(s.images, Image{URL: u})
	if f.Caption != "" {
		s.caption(i, f.Caption)
	}
	return i
}

func (s *story) caption(i int, text string) {
	s.images[i].Caption = Text(text)
	if m := photoCredit.FindStringSubmatch(text); m != nil {
		s.images[i].Credit = Text(strings.TrimSpace(m[1]))
	}
}

func (t telling) resolve(ref string) string {
	u, err := url.Parse(dom.Href(ref))
	if err != nil {
		return ""
	}
	if t.base != nil {
		u = t.base.ResolveReference(u)
	}
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	u.User = nil // whose it is, is nobody's business
	return u.String()
}

// documents are the types of file that are attachments.
var documents = []string{"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "rtf", "zip", "rar", "7z", "tif", "tiff", "csv", "epub"}

// IsDocument reports whether a URL leads to a document by its name: a PDF, a
// Word file and the like.
func IsDocument(rawURL string) bool { return attachmentType(rawURL) != "" }

// attachmentType returns the type of the file a URL leads to, "" when it is none.
func attachmentType(u string) string {
	p, err := url.Parse(dom.Href(u))
	if err != nil {
		return ""
	}
	if ext := strings.ToLower(strings.TrimPrefix(path.Ext(p.Path), ".")); slices.Contains(documents, ext) {
		return ext
	}
	for _, values := range p.Query() { // download.aspx?file=a.pdf
		for _, v := range values {
			if ext := strings.ToLower(strings.TrimPrefix(path.Ext(v), ".")); slices.Contains(documents, ext) {
				return ext
			}
		}
	}
	return ""
}

var (
	offerLabel = regexp.MustCompile(`(?i)^[\s*>»•-]*(?:(?:các )?(?:tin|bài)(?: viết| báo| tức)?(?: có)? (?:liên quan|khác|cùng (?:chuyên mục|chủ đề|sự kiện))|xem thêm|đọc thêm|mời (?:bạn|quý|độc giả)[^.]{0,40}(?:đọc|xem)[^.]{0,20}|có thể bạn quan tâm|tin đọc nhiều|đọc nhiều nhất|>>+|related(?: articles| stories| news)?|read more|see also|more on this)\s*:?\s*$`)
	fileLabel  = regexp.MustCompile(`(?i)^[\s*•-]*(?:(?:các )?(?:file|tệp(?: tin)?|tập tin|tài liệu|văn bản)(?: văn bản)? (?:đính|gửi) kèm(?: theo)?|đính kèm|tải (?:về|file|văn bản|tài liệu|xuống)|download|attachments?|phụ lục kèm theo)\s*:?\s*`)
	tagLabel   = regexp.MustCompile(`(?i)^\s*(?:tags?|từ kh[oó][aá]|chủ đề|keywords?)\s*:`)
)

// offers takes out what a page offers beside the text: files, and pieces that
// are nothing but links.
func (t telling) offers(s *story, pieces []dom.Piece) []dom.Piece {
	linked, all := 0, 0
	for _, p := range pieces {
		all += p.Chars
		if p.Linked*10 >= p.Chars*9 {
			linked += p.Chars
		}
	}
	const label = 40             // letters; what says more than which file it is, is text
	const offer = 100            // letters; no label is longer
	listing := linked*10 > all*6 // the text itself is a list of links
	out := make([]dom.Piece, 0, len(pieces))
	for i, p := range pieces {
		files := 0
		for _, a := range p.Anchor {
			u := t.resolve(dom.Attr(a, "href"))
			if typ := attachmentType(u); typ != "" {
				files++
				name := dom.Text(a)
				if name == "" {
					name = path.Base(u)
				}
				s.attach(Attachment{URL: u, Name: name, Type: typ})
			}
		}
		rest := p.Chars - p.Linked
		switch {
		case files > 0 && files == len(p.Anchor) && (rest <= 3 || rest <= label && fileLabel.MatchString(p.Text) || labelsFile(p)):
			continue
		case files == 0 && len(p.Anchor) > 0 && p.Chars > 0 && p.Linked*10 >= p.Chars*9 && (rest <= label || !t.signed) && !listing && (p.Kind != "heading" || p.Level > 3) && t.offersArticles(p) && !(p.Chars > label && slices.ContainsFunc(p.Anchor, t.leadsNowhere)):
			for _, a := range p.Anchor {
				t.relate(s, dom.Attr(a, "href"), dom.Text(a))
			}
			continue
		case p.Chars <= offer && p.Kind != "list" && p.Kind != "table" && offerLabel.MatchString(p.Text):
			if i+1 == len(pieces) || pieces[i+1].Linked*10 >= pieces[i+1].Chars*9 {
				continue
			}
		case p.Chars <= offer && fileLabel.MatchString(p.Text) && utf8.RuneCountInString(fileLabel.ReplaceAllString(p.Text, "")) == 0:
			continue
		case i*2 >= len(pieces) && rest <= label && len(p.Anchor) > 0 && tagLabel.MatchString(p.Text):
			for _, a := range p.Anchor {
				s.tags = append(s.tags, dom.Text(a))
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// leadsNowhere reports a link that is none to a reader: a text in it would
// be kept nowhere.
func (t telling) leadsNowhere(a *html.Node) bool {
	href := strings.TrimSpace(dom.Attr(a, "href"))
	return strings.HasPrefix(href, "#") || strings.HasPrefix(href, "javascript:") || t.resolve(href) == ""
}

// offersArticles reports a piece whose links lead to other articles. What links
// elsewhere, to a law or to a form, belongs to the text.
func (t telling) offersArticles(p dom.Piece) bool {
	if t.isArticle == nil || !t.signed {
		return true // where ministries do not publish digests of laws, it is an advertisement
	}
	for _, a := range p.Anchor {
		if t.isArticle(dom.Attr(a, "href")) {
			return true
		}
	}
	return false
}

// labelsFile reports a line that is a label and the name of a file.
func labelsFile(p dom.Piece) bool {
	label, name, ok := strings.Cut(p.Text, ":")
	return ok && len(p.Anchor) == 1 && utf8.RuneCountInString(label) <= 40 && sameText(name, dom.Text(p.Anchor[0]))
}

func (t telling) relate(s *story, href, title string) {
	u := t.resolve(href)
	if u == "" || title == "" || strings.HasPrefix(href, "#") || strings.HasPrefix(href, "javascript:") {
		return
	}
	if _, known := s.place("related", u, len(s.related)); !known {
		s.related = append(s.related, Related{URL: u, Title: title})
	}
}

// head takes out of the beginning what stands elsewhere: the title, the date
// line and the lead; and finds the lead there when it has no other place.
func (t telling) head(s *story, pieces []dom.Piece) []dom.Piece {
	if t.lead != "" {
		// The lead may stand in the text too, under a kicker or a date line.
		for i := 0; i < min(len(pieces), 5); i++ {
			p := pieces[i]
			if p.Kind != "list" && p.Kind != "table" && covers(t.lead, p.Text) {
				pieces = slices.Concat(sentences(pieces[:i]), pieces[i+1:])
				break
			}
			if utf8.RuneCountInString(p.Text) > 80 || p.Kind == "list" || p.Kind == "table" {
				break
			}
		}
	}
	for len(pieces) > 0 {
		first := pieces[0]
		switch {
		case t.title != "" && sameText(first.Text, t.title), t.isDateLine(first.Text),
			t.lead != "" && first.Kind != "list" && first.Kind != "table" && covers(t.lead, first.Text):
			pieces = pieces[1:]
			continue
		}
		break
	}
	if s.lead != "" || !t.boldLead {
		return pieces
	}
	for i := 0; i+1 < min(len(pieces), 4); i++ {
		p := pieces[i]
		if utf8.RuneCountInString(p.Text) < 50 {
			continue // a kicker
		}
		if p.Kind == "paragraph" && p.Bold && !pieces[i+1].Bold && p.Align != "center" {
			s.lead, s.boldLead = strings.ReplaceAll(p.Text, "\n", " "), true
			return slices.Concat(sentences(pieces[:i]), pieces[i+1:])
		}
		break
	}
	return pieces
}

// sentences leaves of the pieces above a lead those that end as sentences do;
// the others are kickers and date lines.
func sentences(pieces []dom.Piece) (out []dom.Piece) {
	for _, p := range pieces {
		if strings.HasSuffix(p.Text, ".") || strings.HasSuffix(p.Text, "!") || strings.HasSuffix(p.Text, "?") {
			out = append(out, p)
		}
	}
	return out
}

// isDateLine reports a line that is nothing but the date of publication,
// however it is printed.
func (t telling) isDateLine(line string) bool {
	if t.published.IsZero() || utf8.RuneCountInString(line) > 60 {
		return false
	}
	d, ok := dates.Parse(line, dates.Options{Zone: t.published.Location()})
	return ok && sameDay(d.Time, t.published) && len(d.Text)*10 >= len(line)*6
}

// sameText compares letters and digits only.
func sameText(a, b string) bool { return squeeze(a) == squeeze(b) && squeeze(a) != "" }

// squeeze leaves the letters, digits and signs of a text, in lower case.
func squeeze(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		switch r {
		case ' ', '\t', '\n', '.', ',', ':', ';', '!', '?', '"', '\'', '“', '”', '‘', '’', '(', ')', '[', ']', '-', '–', '—', '…', '|', '/':
		default:
			b = utf8.AppendRune(b, unicode.ToLower(r))
		}
	}
	return string(b)
}

// covers reports whether a lead says all that a paragraph says.
func covers(lead, paragraph string) bool {
	l, p := squeeze(lead), squeeze(paragraph)
	return p != "" && (l == p || len(p) > 24 && strings.HasSuffix(l, p) || len(l) > 40 && strings.HasSuffix(p, l) && len(p)-len(l) < 40)
}

// tailDepth is how many paragraphs from the end a byline may stand.
const tailDepth = 4

// tail takes bylines, sources and marks out of the end of a text. What stands
// behind a byline (a note, a box) stays.
func (t telling) tail(s *story, pieces []dom.Piece) []dom.Piece {
	if !t.signed {
		return pieces
	}
	footnotes := len(pieces)
	for i, p := range pieces {
		if i*2 > len(pieces) && footnote.MatchString(p.Text) {
			footnotes = i
			break
		}
	}
	for looked, i := 0, footnotes-1; i > 0 && looked < tailDepth; i, looked = i-1, looked+1 {
		p := pieces[i]
		lines := strings.Split(p.Text, "\n")
		last := lines[len(lines)-1]
		own := p.Align == "right" || authorClass.MatchString(p.Class)
		if p.Kind != "paragraph" && p.Kind != "quote" && (p.Kind != "heading" || !own) {
			continue
		}
		apart := own || p.Bold || p.Italic
		c, ok := tailCredit(last, apart)
		switch {
		case ok && !own && t.isNameList(pieces, i):
			return pieces
		case ok && !own && isRubric(last):
			// the heading of what follows
		case ok && len(lines) > 1: // behind the last line break of a paragraph
			t.credit(s, c)
			pieces[i].Text = strings.Join(lines[:len(lines)-1], "\n")
		case ok, len(lines) == 1 && reporter.MatchString(strings.Trim(last, " .")):
			t.credit(s, c)
			pieces = slices.Delete(slices.Clone(pieces), i, i+1)
		}
	}
	return pieces
}

// isRubric reports a line in capitals that heads or ends a part of a text.
func isRubric(line string) bool {
	line = strings.Trim(line, " .:*-")
	return line == strings.ToUpper(line) && rubric.MatchString(line)
}

var rubric = regexp.MustCompile(`^(?:KẾT (?:LUẬN|THÚC|QUẢ)|HẾT|THÔNG TIN|LIÊN HỆ|PHỤ LỤC|GHI CHÚ|LƯU Ý|TÀI LIỆU|DANH SÁCH|NỘI DUNG|CHÚ THÍCH|THE END|END)`)

// isNameList reports that the two pieces above look like names too.
func (t telling) isNameList(pieces []dom.Piece, i int) bool {
	if i < 2 {
		return false
	}
	for _, p := range pieces[i-2 : i] {
		if p.Align == "right" || authorClass.MatchString(p.Class) || strings.Contains(p.Text, "\n") {
			return false
		}
		if c, ok := tailCredit(p.Text, p.Bold || p.Italic); !ok || c.source != "" {
			return false
		}
	}
	return true
}

// footnote is how a note to the text begins: ([1]) or [1].
var footnote = regexp.MustCompile(`^\(?\[\d{1,2}\]\)?`)

var authorClass = regexp.MustCompile(`(?i)author|tac-?gia|byline|signature|nguoi-?viet`)

// credit notes a byline; the ones further up come first.
func (t telling) credit(s *story, c credit) {
	var add []string
	for _, a := range c.authors {
		if !slices.Contains(s.authors, a) && !slices.Contains(add, a) {
			add = append(add, a)
		}
	}
	s.authors = append(add, s.authors...)
	if c.source != "" {
		s.source = c.source
	}
}
