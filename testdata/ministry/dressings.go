package ministry

import "bytes"

// A Dressing is the page of the article that this project began with, as one
// CMS or another would write it.
type Dressing struct {
	Body    []byte
	Article Article // what every reader must get
}

const seed = "khong-ne-tranh-khi-thuc-hien-nhiem-vu"

// Dressings returns the page in every dress, by the name of the CMS: mastercms,
// as its host serves it, and others as pages of hosts that nobody knows.
func (w *Web) Dressings() (map[string]Dressing, error) {
	all := map[string]Dressing{}
	world := w.editions[1]
	home := world.host("bao.bomau.example")
	for _, cms := range []string{"mastercms", "vccorp", "sharepoint", "liferay", "plain"} {
		for _, a := range world.articles[home] {
			if a.slug != seed {
				continue
			}
			h := *home
			h.sections = []section{*home.section(a.section)}
			if cms != "mastercms" {
				h.Name, h.cms, h.Title = "tinphapluat-"+cms+".example", cms, "Trang tin pháp luật"
				h.sections[0].Name = a.kicker
			}
			b := *a
			b.host = &h
			p := &page{article: &b, world: world, cms: cms, place: b.section, at: b.url()}
			v := world.view(p)
			for _, other := range world.articles[home][:3] {
				c := *other
				c.host, c.section = &h, a.section
				v.List = append(v.List, &page{article: &c, world: world, cms: cms, place: c.section, at: c.url()})
			}
			if cms == "mastercms" {
				p = world.pages[a.url()]
				v = world.view(p)
			}
			var text bytes.Buffer
			if err := w.templates.ExecuteTemplate(&text, cms+"-article.html", v); err != nil {
				return nil, err
			}
			t := p.truth()
			t.Section = a.kicker
			all[cms] = Dressing{text.Bytes(), t}
		}
	}
	return all, nil
}
