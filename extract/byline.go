package extract

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file reads who wrote a text and where it was taken from, as printed:
// docs/adding-a-site.md tells the forms.

// A credit is what a byline says.
type credit struct {
	authors []string
	source  string
}

var (
	// labels stand before the name of a writer.
	labels = regexp.MustCompile(`(?i)^(?:(?:tin,? ảnh|tin và ảnh|bài,? ảnh|bài và ảnh|ảnh,? bài|tin,? bài|bài viết|tin|bài|ảnh|tác giả|người viết|phóng viên|pv|biên tập|thực hiện|ghi chép của|ghi chép|tổng hợp|bài của|theo ghi nhận của|by|von|por|par|author|written by|reported by|reporting by|text)\s*:\s*|(?:ghi chép của|bài của|bài và ảnh của|tin của|by|written by)\s+)`)
	// manners stand behind it: how the text was made.
	manners = regexp.MustCompile(`(?i)\s*[(\[](?:tổng hợp|t/h|th|lược dịch|dịch|biên dịch|ghi|thực hiện|lược ghi|sưu tầm|tổng thuật|nội chính|tin|ảnh|từ [^)]{2,30}|theo [^)]{2,60}|[^)]{2,30})[)\]]\s*$`)
	// from names a source.
	fromLabel = regexp.MustCompile(`(?i)^\s*(?:\(\s*)?(?:nguồn(?: tin)?|nguồn bài|source|quelle|fuente|fonte)\s*:\s*`)
	fromTheo  = regexp.MustCompile(`(?i)^\s*\(?\s*theo\s*:?\s+`)
	initials  = regexp.MustCompile(`^(?:\p{Lu}\p{Ll}{0,2}\.\s?){1,3}\p{Lu}[\p{L}]*$`)
	hostLike  = regexp.MustCompile(`^(?:https?://)?(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/\S*)?$`)
	between   = regexp.MustCompile(`\s*(?:[;|&]|\s[-–—]\s|,|\s+và\s+|\s+and\s+|/)\s*`)
	signature = regexp.MustCompile(`(?i),\s*ngày\s+\d`)                                                                                    // Hà Nội, ngày 13 tháng 5 năm 2014
	agency    = regexp.MustCompile(`^(?:[Bb]áo |[Tt]ạp chí |[Hh]ãng (?:tin )?)?[\p{Lu}\d][\p{L}\d+.]*(?:\s[\p{Lu}\d&][\p{L}\d+.]*){0,3}$`) // behind Theo
	reporter  = regexp.MustCompile(`(?i)^(?:nhóm )?p\.?v\.?$`)                                                                             // a reporter without a name
	accounts  = regexp.MustCompile(`(?i)^(?:admin|administrator|editor|phó ban biên tập|pho ban bien tap|biên tập viên|btv|quản trị(?: viên)?|quan tri|user|guest|root|webmaster|super ?user|host)(?:\s|$)`)
)

// units begin the name of an office that signs instead of a person.
var units = []string{
	"vụ ", "cục ", "tổng cục ", "sở ", "phòng ", "ban ", "văn phòng", "tổ ", "trung tâm ", "thanh tra", "viện ", "ubnd", "ủy ban ",
	"uỷ ban ", "bộ ", "bbt", "tạp chí ", "nhóm phóng viên", "nhóm pv", "hội luật gia", "hội đồng ", "công đoàn", "đảng ủy", "trường ", "chi cục",
	"báo ", "cổng ", "học viện", "nhà xuất bản", "tổng công ty", "liên đoàn", "thư viện",
}

// papers are names of papers and agencies that look like names of people, or
// could be taken for something else.
var papers = []string{
	"ttxvn", "thông tấn xã việt nam", "tuổi trẻ", "thanh niên", "lao động", "người lao động", "tiền phong", "dân trí", "vnexpress",
	"vietnamnet", "vietnam+", "vietnamplus", "nhân dân", "quân đội nhân dân", "hà nội mới", "hànộimới", "đại đoàn kết", "pháp luật việt nam", "công lý",
	"sài gòn giải phóng", "công an nhân dân", "an ninh thủ đô", "vov", "vtv", "vtc", "infonet", "bnews", "cafef", "cafebiz", "zing", "znews",
	"chinhphu.vn", "báo chính phủ", "nông nghiệp", "kinh tế đô thị", "phụ nữ", "công thương", "đầu tư", "diễn đàn doanh nghiệp", "tổ quốc",
	"giáo dục thời đại", "sức khỏe đời sống", "sức khoẻ & đời sống", "giao thông", "xây dựng", "hải quan", "nhịp sống thị trường", "trí thức trẻ", "thể thao & văn hóa",
	"reuters", "afp", "ap", "bbc", "cnn", "xinhua", "tân hoa xã", "bloomberg", "dpa", "efe", "ansa", "tass", "kyodo", "yonhap", "nikkei", "the guardian", "new york times",
	"vgp", "vna",
}

// isUnit reports the name of an office.
func isUnit(s string) bool {
	s = strings.ToLower(s)
	for _, u := range units {
		if strings.HasPrefix(s, u) {
			return utf8.RuneCountInString(s) <= 90
		}
	}
	return false
}

func isPaper(s string) bool {
	s = strings.ToLower(strings.Trim(s, " .()"))
	s = strings.TrimPrefix(s, "báo ")
	return slices.Contains(papers, s)
}

// isName reports what looks like the name of a person: two to six words that
// all begin with a capital, or initials before a name, or a pen name of one.
func isName(s string) bool {
	if s == "" || utf8.RuneCountInString(s) > 45 || strings.ContainsAny(s, "0123456789:?!\"“”;") {
		return false
	}
	if initials.MatchString(s) {
		return true
	}
	words := strings.Fields(s)
	if len(words) < 2 || len(words) > 6 {
		return false
	}
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsUpper(r) && !slices.Contains([]string{"de", "van", "von", "der", "da", "dos", "di", "la", "le", "bin", "al"}, w) {
			return false
		}
		if strings.HasSuffix(w, ".") && utf8.RuneCountInString(w) > 3 {
			return false
		}
	}
	return !isPlace(s)
}

// places sign texts too, but wrote none.
var places = []string{"hà nội", "việt nam", "thành phố hồ chí minh", "hồ chí minh", "đà nẵng", "hải phòng", "cần thơ", "trân trọng", "xin cảm ơn", "trân trọng cảm ơn"}

func isPlace(s string) bool { return slices.Contains(places, strings.ToLower(strings.Trim(s, " .,"))) }

// parseCredit reads a line that is known to be a byline: it comes from an
// element of its own. What it says of the source is kept apart.
func parseCredit(line string) credit {
	var c credit
	line = strings.Trim(line, " \t./-–—|")
	if line == "" || accounts.MatchString(line) || reporter.MatchString(line) {
		return c
	}
	if m := fromLabel.FindString(line); m != "" {
		c.source = parseSource(line)
		return c
	}
	if m := fromTheo.FindString(line); m != "" {
		rest := strings.Trim(line[len(m):], " .)")
		if isName(rest) && !isPaper(rest) && !isUnit(rest) {
			c.authors = []string{rest}
		} else {
			c.source = rest
		}
		return c
	}
	line = labels.ReplaceAllString(line, "")
	for {
		m := manners.FindStringIndex(line)
		if m == nil || m[0] == 0 {
			break
		}
		if inner := strings.Trim(line[m[0]:], " ()[]"); fromTheo.MatchString(inner) {
			c.source = strings.TrimSpace(fromTheo.ReplaceAllString(inner, ""))
		}
		line = line[:m[0]]
	}
	if strings.EqualFold(line, "bbt") || isUnit(line) {
		c.authors = []string{strings.TrimSpace(line)}
		return c
	}
	for _, part := range between.Split(line, -1) {
		part = strings.Trim(part, " .,-–—()")
		part = labels.ReplaceAllString(part, "")
		switch {
		case part == "" || accounts.MatchString(part):
		case !initials.MatchString(part) && hostLike.MatchString(strings.ToLower(part)) || isPaper(part):
			if c.source == "" {
				c.source = strings.TrimPrefix(strings.TrimPrefix(part, "https://"), "http://")
			}
		case !slices.Contains(c.authors, part):
			c.authors = append(c.authors, part)
		}
	}
	return c
}

// parseSource reads what follows "Nguồn:" or stands in a field of its own.
func parseSource(line string) string {
	line = fromLabel.ReplaceAllString(line, "")
	line = fromTheo.ReplaceAllString(line, "")
	line = strings.Trim(line, " \t.,:;()[]-–—|")
	if line == "" || utf8.RuneCountInString(line) > 120 {
		return ""
	}
	if hostLike.MatchString(strings.ToLower(line)) {
		if u, err := url.Parse(line); err == nil && u.Host != "" {
			return strings.TrimPrefix(u.Host, "www.")
		}
	}
	return line
}

// tailCredit reads a paragraph at the end of a text, where a byline must be
// told from a last sentence: by how it is set, or by its form alone.
func tailCredit(text string, setApart bool) (c credit, ok bool) {
	if utf8.RuneCountInString(text) > 120 || strings.Count(text, "\n") > 0 {
		return c, false
	}
	trimmed := strings.TrimRight(strings.TrimSpace(text), " ./")
	if fromLabel.MatchString(trimmed) {
		return credit{source: parseSource(trimmed)}, true
	}
	bare := trimmed
	if inner, ok := strings.CutPrefix(trimmed, "("); ok && strings.Index(inner, ")") == len(inner)-1 {
		bare = inner[:len(inner)-1]
	}
	labelled := labels.MatchString(bare)
	theo := fromTheo.MatchString(bare)
	stripped := strings.TrimSpace(manners.ReplaceAllString(labels.ReplaceAllString(fromTheo.ReplaceAllString(bare, ""), ""), ""))
	if stripped == "" || isPlace(stripped) {
		return c, false
	}
	if strings.HasSuffix(strings.TrimSpace(text), ".") && !strings.HasSuffix(strings.TrimSpace(text), "./.") && !labelled && len(strings.Fields(text)) > 5 {
		return c, false
	}
	unit := isUnit(stripped) || strings.EqualFold(stripped, "bbt")
	if unit {
		if !setApart && !labelled && !theo {
			return c, false
		}
		for part := range strings.SplitSeq(stripped, ", ") {
			if r, _ := utf8.DecodeRuneInString(part); theo && !unicode.IsUpper(r) {
				return c, false // a clause
			}
		}
		c = parseCredit(bare)
		return c, len(c.authors) > 0 || c.source != ""
	}
	for _, part := range between.Split(stripped, -1) {
		part = strings.Trim(part, " .,-–—()")
		if part == "" {
			continue
		}
		lower := strings.ToLower(part)
		switch {
		case isName(part), isPaper(part), hostLike.MatchString(lower), theo && agency.MatchString(part):
		case labelled && utf8.RuneCountInString(part) <= 45 && !strings.ContainsAny(part, "0123456789"):
		case setApart && !theo && len(strings.Fields(part)) <= 5 && startsUpper(part) && !strings.ContainsAny(part, "0123456789:"):
		default:
			return c, false
		}
	}
	c = parseCredit(bare)
	return c, len(c.authors) > 0 || c.source != ""
}

func startsUpper(s string) bool {
	for _, w := range strings.Fields(s) {
		r, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsUpper(r) {
			return false
		}
	}
	return true
}
