package dom

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A Piece is a block of a text with what its markup says about it. A piece of
// kind "image" has a Figure and no text.
type Piece struct {
	Block
	Node   *html.Node // the element that the text stands in
	Figure *Figure
	Align  string // "right", "center" or ""
	Bold   bool   // all of its letters are
	Italic bool
	Linked int // letters inside links
	Chars  int // letters in all
	Class  string
	Anchor []*html.Node // the links in it
	Images int          // pictures in the same paragraph, before its text
	Legend bool         // known to be a caption: of a figure that holds more than a picture, or to the caller
}

// A Figure is a picture with what is written under it.
type Figure struct {
	Src     string // as written
	Link    string // where a click on it leads; "" when it is in no link
	Caption string
}

// Render turns parts of a tree into pieces, in the order of the page. A node
// for which drop returns true is left out with all that is in it; drop may be
// nil.
func Render(roots []*html.Node, drop func(*html.Node) bool) []Piece {
	if drop == nil {
		drop = func(*html.Node) bool { return false }
	}
	r := &renderer{drop: drop}
	for _, n := range roots {
		r.cur.Node = n
		if n.Type == html.ElementNode && r.special(n, 0) {
			continue
		}
		r.align = alignment(n, "")
		r.children(n, 0)
		r.flush()
	}
	return r.pieces
}

type renderer struct {
	drop   func(*html.Node) bool
	pieces []Piece

	text                 strings.Builder
	cur                  Piece
	boldChars, italChars int
	broken               bool // the last thing written was a <br>

	// of the nodes around
	bold, italic, link int
	legend             int
	quote              int
	heading            int
	align              string
	pre                bool
}

func (r *renderer) children(n *html.Node, depth int) {
	if depth > maxDepth {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.node(c, depth+1)
	}
}

func (r *renderer) node(n *html.Node, depth int) {
	switch n.Type {
	case html.TextNode:
		r.write(n.Data)
		return
	case html.ElementNode:
	default:
		return
	}
	if r.drop(n) || Invisible(n) {
		return
	}
	if r.special(n, depth) {
		return
	}
	bold, italic := emphasis(n)
	if bold {
		r.bold++
	}
	if italic {
		r.italic++
	}
	if n.DataAtom == atom.A {
		r.link++
		if Attr(n, "href") != "" {
			r.cur.Anchor = append(r.cur.Anchor, n)
		}
	}
	if IsBlock(n) {
		r.flush()
		align, heading, quote, pre := r.align, r.heading, r.quote, r.pre
		r.align = alignment(n, align)
		switch n.DataAtom {
		case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
			r.heading = int(n.Data[1] - '0')
		case atom.Blockquote:
			r.quote++
		case atom.Pre:
			r.pre = true
		case atom.Figcaption:
			r.legend++
		}
		r.cur.Node, r.cur.Class = n, Attr(n, "class")
		r.children(n, depth)
		r.flush()
		if n.DataAtom == atom.Figcaption {
			r.legend--
		}
		r.align, r.heading, r.quote, r.pre = align, heading, quote, pre
		if p := n.Parent; p != nil {
			r.cur.Node, r.cur.Class = p, Attr(p, "class")
		}
	} else {
		r.children(n, depth)
	}
	if n.DataAtom == atom.A {
		r.link--
	}
	if italic {
		r.italic--
	}
	if bold {
		r.bold--
	}
}

// special renders what is more than text in a block.
func (r *renderer) special(n *html.Node, depth int) bool {
	switch n.DataAtom {
	case atom.Br:
		if r.broken {
			r.flush()
			return true
		}
		if r.text.Len() > 0 {
			r.text.WriteByte('\n')
			r.broken = true
		}
		return true
	case atom.Img:
		r.image(n)
		return true
	case atom.Figure:
		return r.figure(n)
	case atom.Ul, atom.Ol:
		return r.list(n)
	case atom.Table:
		return r.table(n, depth)
	}
	return false
}

func (r *renderer) write(s string) {
	n := letters(s)
	r.cur.Chars += n
	if r.bold > 0 {
		r.boldChars += n
	}
	if r.italic > 0 {
		r.italChars += n
	}
	if r.link > 0 {
		r.cur.Linked += n
	}
	if n > 0 || strings.TrimSpace(s) != "" {
		r.broken = false
	}
	if !r.pre {
		s = blanks.Replace(s)
	}
	r.text.WriteString(s)
}

var blanks = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")

// letters counts the letters and digits of a text.
func letters(s string) (n int) {
	for i, size := 0, 1; i < len(s); i += size {
		c := s[i]
		size = 1
		switch {
		case c >= utf8.RuneSelf:
			if size = Latin(s[i:]); size > 0 {
				n++
				break
			}
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
			}
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
			n++
		}
	}
	return n
}

// flush ends the paragraph.
func (r *renderer) flush() {
	p := r.cur
	p.Text = CleanLines(r.text.String())
	p.Align = r.align
	switch {
	case r.heading > 0:
		p.Kind, p.Level = "heading", r.heading
		p.Text = strings.ReplaceAll(p.Text, "\n", " ")
	case r.quote > 0:
		p.Kind = "quote"
	default:
		p.Kind = "paragraph"
	}
	p.Legend = r.legend > 0
	p.Bold = p.Chars > 0 && r.boldChars == p.Chars
	p.Italic = p.Chars > 0 && r.italChars == p.Chars
	if p.Text != "" && strings.ContainsFunc(p.Text, printable) {
		r.pieces = append(r.pieces, p)
	}
	r.text.Reset()
	r.broken = false
	r.boldChars, r.italChars = 0, 0
	r.cur = Piece{Node: r.cur.Node, Class: r.cur.Class}
}

func printable(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsSymbol(c) }

func (r *renderer) image(n *html.Node) {
	src := ImageSource(n)
	if src == "" {
		return
	}
	if r.text.Len() == 0 || strings.TrimSpace(r.text.String()) == "" {
		r.cur.Images++
	}
	r.pieces = append(r.pieces, Piece{
		Block: Block{Kind: "image"}, Node: n, Align: r.align,
		Figure: &Figure{Src: src, Link: linkOf(n)},
	})
}

// linkOf returns the target of the link that a picture stands in.
func linkOf(n *html.Node) string {
	for p := n.Parent; p != nil && !IsBlock(p); p = p.Parent {
		if p.DataAtom == atom.A {
			return Attr(p, "href")
		}
	}
	return ""
}

// ImageSource returns where a picture is, wherever its lazy loader keeps it;
// "" for a spacer or a counter.
func ImageSource(n *html.Node) string {
	if w, h := Attr(n, "width"), Attr(n, "height"); w == "1" || h == "1" || w == "0" || h == "0" {
		return ""
	}
	for _, key := range []string{"data-original", "data-src", "data-lazy-src", "src"} {
		if v := strings.TrimSpace(Attr(n, key)); v != "" && !strings.HasPrefix(v, "data:") {
			return v
		}
	}
	for _, key := range []string{"data-srcset", "srcset"} {
		if fields := strings.Fields(Attr(n, key)); len(fields) > 0 && !strings.HasPrefix(fields[0], "data:") {
			return strings.TrimSuffix(fields[0], ",")
		}
	}
	return ""
}

// figure renders a picture with its caption; a figure without a picture,
// with a text too long for a caption, or with figures in it, is a part like
// any other.
func (r *renderer) figure(n *html.Node) bool {
	if r.holds(n, atom.Figure) {
		return false // a gallery
	}
	var images []*html.Node
	var caption *html.Node
	r.walk(n, func(c *html.Node) {
		switch c.DataAtom {
		case atom.Img:
			if ImageSource(c) != "" {
				images = append(images, c)
			}
		case atom.Figcaption:
			if caption == nil {
				caption = c
			}
		}
	})
	if len(images) == 0 {
		return false
	}
	text := ""
	if caption != nil {
		text = r.textOf(caption)
		if all := r.textOf(n); utf8.RuneCountInString(all)-utf8.RuneCountInString(text) > maxBeside {
			return false // a text, or a table of figures, that has a caption
		}
	} else if text = r.textOf(n); utf8.RuneCountInString(text) > maxCaption {
		return false
	}
	r.flush()
	for _, img := range images {
		r.image(img)
	}
	r.cur.Images = 0
	if len(images) > 0 {
		r.pieces[len(r.pieces)-1].Figure.Caption = text
	}
	return true
}

const (
	maxCaption = 500 // characters
	maxBeside  = 100 // characters in a figure besides its caption: a credit, a button
)

// list renders a list of texts; one whose items hold several paragraphs, or a
// table, is a part like any other.
func (r *renderer) list(n *html.Node) bool {
	var items []string
	p := Piece{Node: n, Class: Attr(n, "class")}
	for li := n.FirstChild; li != nil; li = li.NextSibling {
		if text := Clean(li.Data); li.Type == html.TextNode && strings.ContainsFunc(text, printable) {
			items = append(items, text) // a list that does without <li>
			p.Chars += utf8.RuneCountInString(text)
			continue
		}
		if li.Type != html.ElementNode || r.drop(li) || Invisible(li) {
			continue
		}
		blocks, tables := 0, 0
		for c := li.FirstChild; c != nil; c = c.NextSibling {
			switch c.DataAtom {
			case atom.P, atom.Div, atom.H2, atom.H3, atom.H4:
				blocks++
			case atom.Table, atom.Figure:
				tables++
			}
		}
		if blocks > 1 || tables > 0 {
			return false
		}
		items = r.items(items, li)
		linked, chars := r.count(li, &p)
		p.Linked += linked
		p.Chars += chars
	}
	r.flush()
	if len(items) == 0 {
		r.walk(n, func(c *html.Node) {
			if c.DataAtom == atom.Img {
				r.image(c)
			}
		})
		r.cur.Images = 0
		return true
	}
	p.Block = Block{Kind: "list", Items: items}
	r.walk(n, func(c *html.Node) {
		if c.DataAtom == atom.Img {
			p.Images++
		}
	})
	r.pieces = append(r.pieces, p)
	return true
}

// items appends the text of a list's item, and those of the lists in it.
func (r *renderer) items(items []string, li *html.Node) []string {
	if li.DataAtom != atom.Ul && li.DataAtom != atom.Ol {
		if own := r.textOutside(li, atom.Ul, atom.Ol); own != "" {
			items = append(items, own)
		}
	}
	r.walk(li, func(c *html.Node) {
		if c.DataAtom == atom.Li && c != li {
			if text := r.textOutside(c, atom.Ul, atom.Ol); text != "" {
				items = append(items, text)
			}
		}
	})
	return items
}

// table renders a table of data. Tables that hold pictures with captions
// become images; tables that only lay out the page are parts like any other.
func (r *renderer) table(n *html.Node, depth int) bool {
	if r.holds(n, atom.Table) {
		return false // asked first: reading its cells at every level would take the square of the time
	}
	var rows [][]string
	p := Piece{Node: n, Class: Attr(n, "class")}
	var images []*html.Node
	width, filled, long, linked := 0, 0, 0, 0
	r.walk(n, func(c *html.Node) {
		switch c.DataAtom {
		case atom.Img:
			if ImageSource(c) != "" {
				images = append(images, c)
			}
		case atom.Tr:
			var cells []string
			for td := c.FirstChild; td != nil; td = td.NextSibling {
				if td.DataAtom != atom.Td && td.DataAtom != atom.Th || r.drop(td) {
					continue
				}
				text := r.textOf(td)
				cells = append(cells, text)
				if text != "" {
					filled++
					if in, all := r.count(td, &Piece{}); in*10 >= all*9 {
						linked++
					}
				}
				if utf8.RuneCountInString(text) > maxCaption/2 {
					long++
				}
			}
			width = max(width, len(cells))
			if len(cells) > 0 {
				rows = append(rows, cells)
			}
		}
	})
	if len(images) > 0 && long == 0 && linked == 0 && filled <= len(images)+1 && (width == 1 || filled <= len(images)) {
		r.flush()
		var captions []string
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" {
					captions = append(captions, cell)
				}
			}
		}
		first := len(r.pieces)
		for _, img := range images {
			r.image(img)
		}
		r.cur.Images = 0
		if len(captions) == len(images) {
			for i, caption := range captions {
				r.pieces[first+i].Figure.Caption = caption
			}
		} else {
			r.pieces[len(r.pieces)-1].Figure.Caption = strings.Join(captions, " ")
		}
		return true
	}
	if width < 2 || len(rows) < 2 || long > 0 && long*2 >= filled {
		return false
	}
	if filled == 0 {
		return true
	}
	r.flush()
	p.Linked, p.Chars = r.count(n, &p)
	p.Block = Block{Kind: "table", Rows: rows}
	if linked < filled { // the pictures of a table of links are thumbnails
		for _, img := range images {
			r.image(img)
		}
	}
	r.cur.Images = 0
	r.pieces = append(r.pieces, p)
	return true
}

// walk calls f for every element below n that is not dropped.
func (r *renderer) walk(n *html.Node, f func(*html.Node)) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && !r.drop(c) && !Invisible(c) {
			f(c)
			r.walk(c, f)
		}
	}
}

// holds reports an element of a name below n that is not dropped.
func (r *renderer) holds(n *html.Node, name atom.Atom) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && !r.drop(c) && !Invisible(c) && (c.DataAtom == name || r.holds(c, name)) {
			return true
		}
	}
	return false
}

func (r *renderer) textOf(n *html.Node) string { return r.textOutside(n) }

// textOutside is Text without what is dropped and without elements of the
// given names.
func (r *renderer) textOutside(n *html.Node, names ...atom.Atom) string {
	var b strings.Builder
	var visit func(*html.Node, int)
	visit = func(n *html.Node, depth int) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			switch c.Type {
			case html.TextNode:
				b.WriteString(c.Data)
			case html.ElementNode:
				skip := depth > maxDepth || r.drop(c) || Invisible(c)
				for _, name := range names {
					skip = skip || c.DataAtom == name
				}
				if skip {
					continue
				}
				block := IsBlock(c) || c.DataAtom == atom.Br
				if block {
					b.WriteByte(' ')
				}
				visit(c, depth+1)
				if block {
					b.WriteByte(' ')
				}
			}
		}
	}
	visit(n, 0)
	return Clean(b.String())
}

// count returns the letters in links and in all, and notes the links in p.
func (r *renderer) count(n *html.Node, p *Piece) (linked, chars int) {
	var visit func(*html.Node, bool, int)
	visit = func(n *html.Node, link bool, depth int) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			switch c.Type {
			case html.TextNode:
				k := letters(c.Data)
				chars += k
				if link {
					linked += k
				}
			case html.ElementNode:
				if depth > maxDepth || r.drop(c) || Invisible(c) {
					continue
				}
				if c.DataAtom == atom.A && Attr(c, "href") != "" {
					p.Anchor = append(p.Anchor, c)
				}
				visit(c, link || c.DataAtom == atom.A, depth+1)
			}
		}
	}
	visit(n, false, 0)
	return linked, chars
}

func emphasis(n *html.Node) (bold, italic bool) {
	switch n.DataAtom {
	case atom.B, atom.Strong, atom.Th:
		bold = true
	case atom.I, atom.Em, atom.Cite:
		italic = true
	}
	if style := Attr(n, "style"); style != "" {
		style = strings.ReplaceAll(strings.ToLower(style), " ", "")
		bold = bold || strings.Contains(style, "font-weight:bold") || strings.Contains(style, "font-weight:700") || strings.Contains(style, "font-weight:600")
		italic = italic || strings.Contains(style, "font-style:italic")
	}
	return bold, italic
}

func alignment(n *html.Node, inherited string) string {
	if n.DataAtom == atom.Center {
		return "center"
	}
	for i := range n.Attr {
		switch a := &n.Attr[i]; a.Key {
		case "align":
			return aligned(strings.ToLower(a.Val))
		case "style":
			if _, value, ok := strings.Cut(strings.ToLower(a.Val), "text-align"); ok {
				value = strings.TrimLeft(value, ": ")
				if end := strings.IndexAny(value, "; !"); end >= 0 {
					value = value[:end]
				}
				return aligned(value)
			}
		case "class":
			for class := range strings.FieldsSeq(strings.ToLower(a.Val)) {
				switch class {
				case "text-right", "align-right", "rtecenter", "rteright", "text-center", "align-center", "has-text-align-right", "has-text-align-center":
					if strings.HasSuffix(class, "right") {
						return "right"
					}
					return "center"
				}
			}
		}
	}
	return inherited
}

func aligned(value string) string {
	switch value {
	case "right", "end":
		return "right"
	case "center":
		return "center"
	}
	return ""
}
