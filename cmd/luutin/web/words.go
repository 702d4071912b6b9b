package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// The languages of the pages, the first for who asks for neither.
var languages = []string{"vi", "en"}

var matcher = language.NewMatcher([]language.Tag{language.Vietnamese, language.English})

// preferred returns the language that an Accept-Language header asks for.
func preferred(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return languages[0]
	}
	_, i, _ := matcher.Match(tags...)
	return languages[i]
}

// say returns a phrase of words in a language, with its arguments as in
// fmt.Sprintf. A key that is not there is the page's mistake.
func say(lang, key string, args ...any) (string, error) {
	w, ok := words[key]
	if !ok {
		return "", fmt.Errorf("no words for %q", key)
	}
	text := w[0]
	if lang == "en" {
		text = w[1]
	}
	if len(args) == 0 {
		return text, nil
	}
	return fmt.Sprintf(text, args...), nil
}

// number groups digits as a language does.
func number(lang string, n int) string {
	s := strconv.Itoa(n)
	sep := "."
	if lang == "en" {
		sep = ","
	}
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + sep + s[i:]
	}
	return s
}

// day and moment write times as a language does, with the offset that they
// have.
func day(lang string, t time.Time) string {
	if lang == "en" {
		return t.Format("2 January 2006")
	}
	return t.Format("2/1/2006")
}

func moment(lang string, t time.Time) string {
	zone := ""
	if _, offset := t.Zone(); offset != 7*3600 || lang == "en" {
		zone = " " + t.Format("-07:00")
		if offset == 0 {
			zone = " UTC"
		}
	}
	return t.Format("15:04") + zone + ", " + day(lang, t)
}

// changeWords are the names of kinds of change (extract/change).
func changeWord(lang, kind string) string {
	if s, err := say(lang, "change "+kind); err == nil {
		return s
	}
	return kind
}

func fieldWord(lang, field string) string {
	if s, err := say(lang, "field "+field); err == nil {
		return s
	}
	return strings.ReplaceAll(field, "_", " ")
}

var words = map[string][2]string{
	"archive":       {"Kho lưu tin", "News archive"},
	"tagline":       {"Tin của các bộ, giữ nguyên từng phiên bản", "What ministries published, every version of it"},
	"skip":          {"Đến nội dung", "Skip to content"},
	"search":        {"Tìm kiếm", "Search"},
	"search hint":   {"Tìm trong kho: tên bộ, người, việc…", "Search the archive: a ministry, a name, a matter…"},
	"go":            {"Tìm", "Search"},
	"ministries":    {"Bộ, ngành", "Ministries"},
	"changes":       {"Thay đổi", "Changes"},
	"health":        {"Tình trạng", "Health"},
	"other":         {"English", "Tiếng Việt"},
	"theme":         {"Sáng / tối", "Light / dark"},
	"newest":        {"Mới nhất", "Newest"},
	"all newest":    {"Tất cả, mới nhất trước", "All, newest first"},
	"feed":          {"Theo dõi (Atom)", "Follow (Atom)"},
	"articles":      {"bài", "articles"},
	"versions":      {"phiên bản", "versions"},
	"captures":      {"bản chụp", "captures"},
	"visits":        {"lượt ghé", "visits"},
	"since":         {"từ", "since"},
	"until":         {"đến", "until"},
	"no ministry":   {"Trang khác", "Other sites"},
	"empty":         {"Kho còn trống. luutin crawl đi lấy tin về.", "The archive is empty. luutin crawl fills it."},
	"no date":       {"không ghi ngày", "no date"},
	"results":       {"%s kết quả", "%s results"},
	"one result":    {"1 kết quả", "1 result"},
	"no results":    {"Không tìm thấy bài nào.", "Nothing was found."},
	"hints":         {"Gõ không dấu cũng được: bo tu phap. Đặt cụm từ trong ngoặc kép, loại trừ bằng dấu trừ, hoặc tìm trong một mục: title: ministry: author:", "Diacritics may be left out: bo tu phap. Put a phrase in quotes, leave a word out with a minus, or search one field: title: ministry: author:"},
	"relevance":     {"Sát nghĩa trước", "Best first"},
	"by date":       {"Mới trước", "Newest first"},
	"by oldest":     {"Cũ trước", "Oldest first"},
	"sort":          {"Thứ tự", "Order"},
	"year":          {"Năm", "Year"},
	"section":       {"Chuyên mục", "Section"},
	"site":          {"Trang", "Site"},
	"ministry":      {"Bộ, ngành", "Ministry"},
	"narrow":        {"Thu hẹp", "Narrow down"},
	"remove":        {"Bỏ %s", "Remove %s"},
	"previous":      {"Trang trước", "Previous page"},
	"next":          {"Trang sau", "Next page"},
	"page of":       {"Trang %s / %s", "Page %s of %s"},
	"published":     {"Đăng", "Published"},
	"modified":      {"Sửa", "Modified"},
	"fetched":       {"Lưu lúc", "Archived"},
	"by":            {"Tác giả", "By"},
	"source":        {"Nguồn", "Source"},
	"original":      {"Địa chỉ gốc", "Original address"},
	"also at":       {"Cũng ở", "Also at"},
	"archived":      {"Xem trang đã lưu", "See the archived page"},
	"withdrawn":     {"Trang này không còn trên trang gốc từ %s. Dưới đây là bản cuối cùng đã lưu.", "This page has been gone from its site since %s. Below is the last text that was archived."},
	"not latest":    {"Đây là phiên bản %s trong %s.", "This is version %s of %s."},
	"to latest":     {"Xem phiên bản mới nhất", "See the latest version"},
	"version":       {"Phiên bản", "Version"},
	"version n":     {"Phiên bản %d", "Version %d"},
	"first":         {"lần đầu", "first"},
	"compare":       {"So sánh", "Compare"},
	"compare with":  {"So với bản trước", "Compare with the one before"},
	"from":          {"Từ", "From"},
	"to":            {"Đến", "To"},
	"same":          {"Người đọc thấy hai phiên bản như nhau.", "A reader would see the same in both."},
	"unchanged n":   {"… %d đoạn không đổi", "… %d unchanged"},
	"legend":        {"Chữ bị bỏ, chữ thêm vào", "What went, what came"},
	"went":          {"bỏ", "removed"},
	"came":          {"thêm", "added"},
	"images":        {"Ảnh", "Pictures"},
	"images note":   {"Ảnh không được lưu; đây là chú thích.", "Pictures are not kept; these are their captions."},
	"picture":       {"Ảnh không có chú thích", "A picture without a caption"},
	"attachments":   {"Tệp đính kèm", "Attachments"},
	"not kept":      {"chưa lưu", "not kept"},
	"related":       {"Tin liên quan", "Related"},
	"tags":          {"Từ khóa", "Tags"},
	"family":        {"Cùng một bài ở nơi khác", "The same text elsewhere"},
	"provenance":    {"Lấy từ đâu", "Where each value comes from"},
	"field":         {"Mục", "Field"},
	"rule":          {"Quy tắc hoặc tín hiệu", "Rule or signal"},
	"cite":          {"Trích dẫn", "Cite"},
	"cite text":     {"“%s”, %s. Lưu ngày %s, phiên bản %d, %s.", "“%s”, %s. Archived %s, version %d, %s."},
	"as json":       {"Dạng JSON", "As JSON"},
	"timemap":       {"Các bản chụp (Memento)", "Captures (Memento)"},
	"timeline":      {"Theo tháng", "By month"},
	"per month":     {"%s: %d bài", "%s: %d articles"},
	"latest of":     {"Bài của %s", "From %s"},
	"all health":    {"Các trang đang thế nào", "How the sites are doing"},
	"success":       {"Lần cuối được", "Last success"},
	"seven days":    {"Bảy ngày qua", "Seven days"},
	"new":           {"mới", "new"},
	"changed":       {"đổi", "changed"},
	"failed":        {"hỏng", "failed"},
	"silence":       {"Im lặng", "Silence"},
	"silence of":    {"%d ngày, thường đến %d", "%d days, up to %d usual"},
	"silence days":  {"%d ngày", "%d days"},
	"thirty days":   {"Ba mươi ngày", "Thirty days"},
	"fields":        {"Có đủ mục", "Fields filled"},
	"alarms":        {"Báo động", "Alarms"},
	"no alarms":     {"Không có báo động.", "No alarms."},
	"since when":    {"từ %s", "since %s"},
	"look at":       {"Xem", "Look at"},
	"never":         {"chưa bao giờ", "never"},
	"crawling":      {"Đang đi lấy tin: %d lượt ghé", "Crawling: %d visits"},
	"crawling live": {"Đang đi lấy tin: {} lượt ghé", "Crawling: {} visits"}, // {} is filled in by the page's script
	"waiting":       {"Lượt sau bắt đầu lúc {}", "The next crawl begins at {}"},
	"waiting next":  {"Lượt sau bắt đầu lúc %s", "The next crawl begins at %s"},
	"not crawling":  {"Không có lượt lấy tin nào trong tiến trình này.", "No crawl runs in this process."},
	"frame":         {"Trang đã lưu lúc %s, không kịch bản, không ảnh ngoài", "The page as archived at %s, without scripts and without anything from outside"},
	"frame title":   {"Trang đã lưu", "Archived page"},
	"other times":   {"Các lần lưu khác", "Other captures"},
	"download":      {"Tải về nguyên bản", "Download as it came"},
	"to article":    {"Đọc dạng bài", "Read as an article"},
	"nothing here":  {"Không có trong kho", "Not in the archive"},
	"dropped":       {"Kho không còn giữ nội dung tệp này", "The bytes of this file are not kept any more"},
	"dropped when":  {"Nội dung tệp đã được bỏ ngày %s theo quy tắc: %s. Mọi thông tin khác vẫn còn.", "The bytes were dropped on %s by the rule: %s. All else that is known of it is kept."},
	"nothing text":  {"Địa chỉ này không có trong kho.", "The archive does not hold this address."},
	"busy":          {"Kho đang bận", "The archive is busy"},
	"busy text":     {"Một tiến trình khác đang giữ kho. Hãy thử lại sau ít phút.", "Another process has the archive. Try again in a few minutes."},
	"bad":           {"Yêu cầu không hiểu được", "The request was not understood"},
	"trouble":       {"Có trục trặc", "Something went wrong"},
	"trouble text":  {"Việc này đã được ghi lại. Hãy thử lại.", "It has been noted. Try again."},
	"back home":     {"Về trang đầu", "To the first page"},
	"footer":        {"Kho này giữ tin như đã đăng. Bản quyền thuộc các cơ quan đã đăng tin.", "This archive keeps news as it was published. Rights are with those who published it."},
	"api":           {"Giao diện JSON", "JSON interface"},
	"all changes":   {"Bài đã sửa, đã gỡ", "Articles that were edited or withdrawn"},
	"last visits":   {"Chỉ xét %s lượt ghé gần nhất; những lần đổi trước đó có trong lịch sử của từng bài.", "Only the last %s visits were looked at; earlier changes stand in the history of each article."},
	"no changes":    {"Chưa thấy bài nào đổi.", "No article has changed so far."},

	"change typo":        {"lỗi nhỏ", "typo"},
	"change text":        {"nội dung", "text"},
	"change headline":    {"tiêu đề", "headline"},
	"change date moved":  {"đổi ngày đăng", "date moved"},
	"change source":      {"nguồn", "source"},
	"change attachments": {"tệp đính kèm", "attachments"},
	"change retraction":  {"rút bài", "retraction"},
	"change deletion":    {"gỡ bài", "deletion"},
	"change return":      {"đăng lại", "return"},

	"field title": {"Tiêu đề", "Title"}, "field lead": {"Sa-pô", "Lead"}, "field body": {"Nội dung", "Body"},
	"field published": {"Ngày đăng", "Published"}, "field modified": {"Ngày sửa", "Modified"}, "field source": {"Nguồn", "Source"},
	"field authors": {"Tác giả", "Authors"}, "field attachments": {"Tệp đính kèm", "Attachments"}, "field images": {"Ảnh", "Images"},
	"field section": {"Chuyên mục", "Section"}, "field tags": {"Từ khóa", "Tags"}, "field language": {"Ngôn ngữ", "Language"},
	"field related": {"Tin liên quan", "Related"}, "field withdrawn": {"Gỡ ngày", "Withdrawn"}, "field canonical_url": {"Địa chỉ chính", "Canonical URL"},
	"field ministry": {"Bộ, ngành", "Ministry"}, "field variants": {"Bản tiếng khác", "Variants"},

	"alarm rule died": {"quy tắc hỏng", "rule died"}, "alarm moved": {"trang đã chuyển", "moved"}, "alarm blocked": {"bị chặn", "blocked"},
	"alarm unreachable": {"không tới được", "unreachable"}, "alarm quiet": {"im lặng", "quiet"}, "alarm slow": {"chậm", "slow"},
}
