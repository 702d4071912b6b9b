package web

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"luutin/extract/dom"
)

// An archived page is hostile: whoever published it wanted scripts to run,
// pictures to be fetched and forms to be sent. What is shown of it is what is
// allowed here by name; the policy that goes with it (replayPolicy) would stop
// the rest once more.

// gone are elements of which nothing is shown.
var gone = map[atom.Atom]bool{
	atom.Script: true, atom.Template: true, atom.Iframe: true, atom.Frame: true, atom.Frameset: true, atom.Noframes: true,
	atom.Object: true, atom.Embed: true, atom.Applet: true, atom.Param: true, atom.Link: true, atom.Meta: true, atom.Base: true,
	atom.Svg: true, atom.Math: true, atom.Audio: true, atom.Video: true, atom.Source: true, atom.Track: true, atom.Canvas: true,
	atom.Input: true, atom.Select: true, atom.Textarea: true, atom.Datalist: true, atom.Keygen: true, atom.Dialog: true,
}

// hollow are elements that stay as a <div> or a <span>, whatever they would do.
var hollow = map[atom.Atom]string{
	atom.Form: "div", atom.Button: "span", atom.Marquee: "div", atom.Noscript: "div", atom.Slot: "span",
}

// plain are attributes that neither fetch nor do anything.
var plain = map[string]bool{
	"class": true, "id": true, "title": true, "alt": true, "lang": true, "dir": true, "style": true, "width": true, "height": true,
	"colspan": true, "rowspan": true, "align": true, "valign": true, "border": true, "cellpadding": true, "cellspacing": true,
	"bgcolor": true, "color": true, "face": true, "size": true, "start": true, "type": true, "value": true, "datetime": true,
	"abbr": true, "scope": true, "headers": true, "span": true, "open": true, "role": true, "clear": true, "nowrap": true, "hspace": true, "vspace": true,
}

// clean writes an archived page as one that can be shown: UTF-8, without
// scripts, forms, frames and whatever else acts, links led through link and
// pictures through picture, both of which take an absolute URL and may return
// "". base is the page's own address.
func clean(w io.Writer, body []byte, contentType, base string, link, picture func(string) string) error {
	text, _, err := dom.Decode(body, contentType)
	if err != nil {
		return err
	}
	root, err := html.ParseWithOptions(bytes.NewReader(text), html.ParseOptionEnableScripting(false))
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	at, err := url.Parse(base)
	if err != nil {
		at = new(url.URL)
	}
	c := &cleaner{base: at, link: link, picture: picture}
	c.findBase(root)
	c.children(root)
	mark := &html.Node{Type: html.ElementNode, Data: "meta", DataAtom: atom.Meta, Attr: []html.Attribute{{Key: "charset", Val: "utf-8"}}}
	if head := find(root, atom.Head); head != nil {
		head.InsertBefore(mark, head.FirstChild)
	}
	return html.Render(w, root)
}

type cleaner struct {
	base          *url.URL
	link, picture func(string) string
}

// findBase takes over the first <base href>.
func (c *cleaner) findBase(root *html.Node) {
	if n := find(root, atom.Base); n != nil {
		if u, err := c.base.Parse(dom.Href(dom.Attr(n, "href"))); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			c.base = u
		}
	}
}

// fetching is what has a style sheet ask for something (CSS Values and Units 4,
// section 4.5; CSS Images 4): a function that takes an address, or an import.
var fetching = regexp.MustCompile(`(?i)(url|src|image|image-set|cross-fade|paint|element)\(|@import|@namespace`)

// harmless returns CSS that asks for nothing: a rule with an unknown function is
// none to a browser. Escapes could spell anything, and go.
func harmless(css string) string {
	return fetching.ReplaceAllStringFunc(strings.ReplaceAll(css, `\`, ""), func(s string) string {
		if s[0] == '@' {
			return "@left-out"
		}
		return "left-out("
	})
}

func find(n *html.Node, a atom.Atom) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.DataAtom == a && d.Namespace == "" {
			return d
		}
	}
	return nil
}

// children cleans what stands below a node. Pages are not deeper than
// html.Parse allows, 512 elements.
func (c *cleaner) children(n *html.Node) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		switch child.Type {
		case html.ElementNode:
			if child.Namespace != "" || gone[child.DataAtom] || child.DataAtom == 0 && !custom(child.Data) {
				n.RemoveChild(child)
			} else {
				c.element(child)
				c.children(child)
			}
		case html.TextNode, html.DocumentNode:
		case html.DoctypeNode:
			child.Attr = nil
		default: // comments: conditional ones have been scripts before
			n.RemoveChild(child)
		}
		child = next
	}
}

// custom reports whether an element that the standard does not name is a
// harmless one: such elements are nothing but text to a browser without scripts.
func custom(name string) bool {
	return !strings.ContainsAny(name, ":<>\"'`/= \t\n")
}

func (c *cleaner) element(n *html.Node) {
	if name, ok := hollow[n.DataAtom]; ok {
		n.Data, n.DataAtom = name, atom.Lookup([]byte(name))
	}
	if n.DataAtom == 0 {
		n.Data, n.DataAtom = "span", atom.Span
	}
	if n.DataAtom == atom.Style {
		// A style sheet is text to the parser; </style would end it.
		for t := n.FirstChild; t != nil; t = t.NextSibling {
			t.Data = strings.ReplaceAll(harmless(t.Data), "</", "")
		}
	}
	attrs := n.Attr
	n.Attr = nil
	for _, a := range attrs {
		key := strings.ToLower(a.Key)
		switch {
		case a.Namespace != "":
		case key == "style":
			n.Attr = append(n.Attr, html.Attribute{Key: key, Val: harmless(a.Val)})
		case plain[key] || strings.HasPrefix(key, "aria-"):
			n.Attr = append(n.Attr, html.Attribute{Key: key, Val: a.Val})
		case key == "href" && (n.DataAtom == atom.A || n.DataAtom == atom.Area):
			if to := c.target(a.Val, c.link); to != "" {
				n.Attr = append(n.Attr, html.Attribute{Key: "href", Val: to})
			}
		case key == "src" && n.DataAtom == atom.Img:
			if to := c.target(a.Val, c.picture); to != "" {
				n.Attr = append(n.Attr, html.Attribute{Key: "src", Val: to})
			}
		}
	}
}

// target returns where an address leads within the archive; a place on the
// same page is left as it is.
func (c *cleaner) target(raw string, through func(string) string) string {
	raw = dom.Href(raw)
	if strings.HasPrefix(raw, "#") {
		return raw
	}
	u, err := c.base.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return through(u.String())
}
