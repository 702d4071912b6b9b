package ministry

import (
	"fmt"
	"html"
	"strings"
)

// These are what the templates show of a page.

func (p *page) ID() int                { return p.id }
func (p *page) Title() string          { return p.title }
func (p *page) Lead() string           { return p.lead }
func (p *page) Kicker() string         { return p.kicker }
func (p *page) Printed() string        { return p.printed }
func (p *page) Published() string      { return p.published }
func (p *page) Category() string       { return p.category().Name }
func (p *page) Place() string          { return p.place }
func (p *page) Tags() []string         { return p.tags }
func (p *page) Quirk(name string) bool { return p.quirk(name) }
func (p *page) URL() string            { return p.url() } // the canonical one
func (p *page) At() string             { return p.at }
func (p *page) Path() string           { return strings.TrimPrefix(p.at, "http://"+p.host.Name) }
func (p *page) Thumb() string          { return p.photo("thumb-" + fmt.Sprint(len(p.title)) + ".jpg") }
func (p *page) Day() string            { return p.time().Format("02/01/2006") }
func (p *page) Minute() string         { return p.time().Format("15:04") }
func (p *page) ISO() string            { return p.iso() }
func (p *page) Created() string        { return p.created().Format("20060102150405000") }
func (p *page) Counter() int           { return len(p.title)*7 + p.world.edition }
func (p *page) Credit() string         { return p.credit }

// category is the section that the page names as its own. Only VCCorp keeps to
// one wherever the article stands.
func (p *page) category() *section {
	if p.cms == "vccorp" {
		return p.host.section(p.section)
	}
	return p.host.section(p.place)
}

// Listed is how the list of the paper links to it: by its old address, when
// it has one.
func (p *page) Listed() string {
	if p.moved != "" {
		return "http://" + p.host.Name + p.moved
	}
	return p.url()
}

// Stamp is the time as Liferay prints it; midnight when there is none.
func (p *page) Stamp() string { return p.time().Format("02/01/2006 | 3:04 PM") }

// Counted reports whether the page shows a counter beside the time.
func (p *page) Counted() bool { return p.id%2 == 0 }

// Weekday is the day of the week.
func (p *page) Weekday() string {
	return [...]string{"Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"}[p.time().Weekday()]
}

// Author is the byline that stands above the text.
func (p *page) Author() string {
	if p.quirk("signed") {
		return ""
	}
	return p.byline
}

// Written is a text with the quirks of its page.
func (p *page) Written(s string) string { return p.inline(s) }

// Attachments are the files in a box of their own.
func (p *page) Attachments() (list []struct{ Href, Name string }) {
	for _, x := range p.blocks {
		if x.kind == "file" {
			list = append(list, struct{ Href, Name string }{html.EscapeString(p.attachment(x.file)), x.text})
		}
	}
	return list
}

// Offset is the end of the address of a page of a MasterCMS list.
func (v *view) Offset(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("&BRSR=%d", (n-1)*v.Host.perPage)
}
