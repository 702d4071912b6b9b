package ministry

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A host is one of the ministry's web sites.
type host struct {
	Name     string // www.bomau.example
	api      string // where its data comes from, if not from there
	short    string // the folder of its articles
	site     string // the name of its definition
	cms      string
	Title    string
	perPage  int
	sections []section
}

type section struct {
	Slug, Name string
	Zone       int
}

func hosts() []*host {
	return []*host{
		{
			Name: "www.bomau.example", short: "www", site: "bomau-www", cms: "vccorp", Title: "Cổng thông tin điện tử Bộ Mẫu", perPage: 4,
			sections: []section{{"tin-tuc", "Tin tức - Sự kiện", 1021}, {"chinh-sach", "Chính sách mới", 1034}},
		}, {
			Name: "bao.bomau.example", short: "bao", site: "bomau-bao", cms: "mastercms", Title: "Tạp chí điện tử Bến Nước - Cơ quan ngôn luận của Bộ Mẫu", perPage: 3,
			sections: []section{{"thoi-su", "Thời sự", 1}, {"phap-luat", "Pháp luật", 2}, {"doi-song", "Đời sống", 3}},
		}, {
			Name: "luat.bomau.example", short: "luat", site: "bomau-luat", cms: "sharepoint", Title: "Trang thông tin phổ biến pháp luật - Bộ Mẫu", perPage: 3,
			sections: []section{{"thoi-su", "Thời sự", 1}, {"gioi-thieu-van-ban", "Giới thiệu văn bản", 2}},
		}, {
			Name: "tinhthanh.bomau.example", short: "tinhthanh", site: "bomau-tinhthanh", cms: "liferay", Title: "Sở Mẫu tỉnh Vân Khê", perPage: 3,
			sections: []section{{"tin-tuc-su-kien", "Tin tức - Sự kiện", 1}, {"chuyen-doi-so", "Chuyển đổi số", 2}, {"thong-bao", "Thông báo", 3}},
		}, {
			Name: "cong.bomau.example", api: "api-cong.bomau.example", short: "cong", site: "bomau-cong", cms: "spa", Title: "Cổng dịch vụ và thông tin Bộ Mẫu", perPage: 3,
			sections: []section{{"tin-hoat-dong-cua-bo", "Tin hoạt động của Bộ", 12}, {"thong-cao-bao-chi", "Thông cáo báo chí", 14}},
		},
	}
}

func (h *host) section(slug string) *section {
	for i := range h.sections {
		if h.sections[i].Slug == slug {
			return &h.sections[i]
		}
	}
	return nil
}

// path is where an article stands.
func (a *article) path() string { return a.pathIn(a.section) }

// pathIn is where it stands in a section; the shape is that of the CMS.
func (a *article) pathIn(section string) string {
	switch a.host.cms {
	case "vccorp":
		dir := ""
		switch {
		case a.quirk("forbidden"):
			dir = "/noi-bo"
		case section != a.section:
			dir = "/" + section
		}
		return dir + "/" + a.slug + "-197" + strings.Replace(a.created().Format("060102150405.000"), ".", "", 1) + ".htm"
	case "mastercms":
		return fmt.Sprintf("/%s-%d.html", a.slug, a.id)
	case "sharepoint":
		return fmt.Sprintf("/qt/tintuc/Pages/%s.aspx?ItemID=%d", section, a.id)
	case "liferay":
		return fmt.Sprintf("/vi/%s/-/view_content/%d-%s.html", section, a.id, a.slug)
	}
	return fmt.Sprintf("/tin-tuc/%s---id%d", a.slug, a.id)
}

// created is when an editor opened the article: well before it was published.
// VCCorp writes it into the URL.
func (a *article) created() time.Time {
	lag := time.Duration(len(a.slug)*1009) * time.Second
	return a.time().Add(-lag - time.Duration(len(a.slug)*37%1000)*time.Millisecond)
}

func (a *article) url() string { return a.urlIn(a.section) }

func (a *article) urlIn(section string) string { return "http://" + a.host.Name + a.pathIn(section) }

// fetched is the URL that a crawl asks for: where an API gives the text.
func (a *article) fetched() string {
	if a.host.api != "" {
		return fmt.Sprintf("http://%s/api/Public/PostDetail?ID=%d", a.host.api, a.id)
	}
	return a.url()
}

// photo is where a picture stands.
func (a *article) photo(file string) string {
	switch a.host.cms {
	case "vccorp":
		return "/images/334894/" + a.time().Format("2006/1/2") + "/" + file
	case "mastercms":
		return "http://" + a.host.Name + "/stores/news_dataimages/bbt/" + a.time().Format("012006/02/15") + "/" + file + "?rt=" + a.time().Format("20060102150405")
	case "sharepoint":
		return "/qt/tintuc/PublishingImages/" + file
	case "liferay":
		return "/documents/723399/0/" + file + "?t=" + fmt.Sprint(a.time().UnixMilli())
	}
	return "/upload/2000/images/" + file
}

// attachment is where a file stands, as the page writes it: some write blanks
// as they are.
func (a *article) attachment(file string) string {
	switch a.host.cms {
	case "vccorp":
		return "/files/334894/" + a.time().Format("2006/1/2") + "/" + file
	case "mastercms":
		return "/stores/customer_file/bbt/" + a.time().Format("012006/02") + "/" + file
	case "sharepoint":
		return fmt.Sprintf("/pbgdpl/Lists/PhoBienKienThucPhapLuat/Attachments/%d/%s", a.id, file)
	case "liferay":
		return "/documents/723399/" + fmt.Sprint(a.id) + "/" + file
	}
	return "/upload/2000/files/" + file
}

// absolute is a link of the article as a reader resolves it.
func (a *article) absolute(ref string) string {
	base := &url.URL{Scheme: "http", Host: a.host.Name, Path: "/"}
	u, err := base.Parse(strings.ReplaceAll(ref, " ", "%20"))
	if err != nil {
		return ref
	}
	return u.String()
}
