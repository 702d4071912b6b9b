package ministry

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An article is a content file: what the page says, and which quirks of its
// CMS it is to be dressed in. README.md tells the form of the files.
type article struct {
	slug    string // the name of the file
	edition int    // the first edition that has this text
	until   int    // the last one; 0 means all that follow
	host    *host

	id        int
	section   string // slug of one of the host's sections
	kicker    string
	title     string
	lead      string
	published string // "2006-01-02 15:04" or "2006-01-02"; "" when the page does not say
	printed   string // instead of the usual form of the CMS
	listed    string // its place in lists, when it is not published
	byline    string // as printed
	authors   []string
	credit    string // the line of the source, as printed
	source    string
	tags      []string
	account   string   // who posted it; no author
	also      string   // a second section, where it has an address of its own
	moved     string   // an old address that redirects
	quirks    []string // see dress.go
	blocks    []block
}

// A block is a piece of a text.
type block struct {
	kind    string // text, head, list, table, quote, photo, offer, file, byline, right, rule
	text    string
	lines   []string
	rows    [][]string
	file    string // of a photo or a file
	caption string
	credit  string
}

func (a *article) quirk(name string) bool { return slices.Contains(a.quirks, name) }

// time is the place of the article among the others.
func (a *article) time() time.Time {
	for _, s := range []string{a.listed, a.published} {
		for _, layout := range []string{"2006-01-02 15:04", "2006-01-02"} {
			if t, err := time.ParseInLocation(layout, s, hanoi); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

var hanoi = time.FixedZone("+07", 7*3600)

// readArticles reads the content files of a host.
func readArticles(dir fs.FS, h *host) ([]*article, error) {
	names, err := fs.Glob(dir, path.Join("articles", h.short, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []*article
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		a, err := parseArticle(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", name, err)
		}
		a.host = h
		stem, edition, edited := strings.Cut(strings.TrimSuffix(path.Base(name), ".txt"), "@")
		a.slug = stem
		if edited {
			if a.edition, err = strconv.Atoi(edition); err != nil {
				return nil, fmt.Errorf("%s: no edition %q", name, edition)
			}
		}
		for _, s := range []string{a.section, a.also} {
			if s != "" && h.section(s) == nil || a.section == "" {
				return nil, fmt.Errorf("%s: %s has no section %q", name, h.Name, s)
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// parseArticle reads a content file: keys, an empty line, blocks parted by
// empty lines.
func parseArticle(text string) (*article, error) {
	a := &article{edition: 1}
	head, body, _ := strings.Cut(text, "\n\n")
	for i, line := range strings.Split(head, "\n") {
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || !a.set(key, value) {
			return nil, fmt.Errorf("%d: no key in %q", i+1, line)
		}
	}
	for _, piece := range strings.Split(strings.TrimSpace(body), "\n\n") {
		if piece = strings.TrimSpace(piece); piece != "" {
			a.blocks = append(a.blocks, parseBlock(piece))
		}
	}
	return a, nil
}

func (a *article) set(key, value string) bool {
	list := func() []string {
		parts := strings.Split(value, ";")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return parts
	}
	number := func() int {
		n, _ := strconv.Atoi(value)
		return n
	}
	switch key {
	case "id":
		a.id = number()
	case "from":
		a.edition = number()
	case "until":
		a.until = number()
	case "section":
		a.section = value
	case "kicker":
		a.kicker = value
	case "title":
		a.title = value
	case "lead":
		a.lead = value
	case "published":
		a.published = value
	case "printed":
		a.printed = value
	case "listed":
		a.listed = value
	case "byline":
		a.byline = value
	case "authors":
		a.authors = list()
	case "credit":
		a.credit = value
	case "source":
		a.source = value
	case "tags":
		a.tags = list()
	case "account":
		a.account = value
	case "also":
		a.also = value
	case "moved":
		a.moved = value
	case "quirks":
		a.quirks = list()
	default:
		return false
	}
	return true
}

func parseBlock(piece string) block {
	lines := strings.Split(piece, "\n")
	rest := strings.TrimSpace(piece[1:])
	field := func(i int) string {
		if parts := strings.Split(rest, "|"); i < len(parts) {
			return strings.TrimSpace(parts[i])
		}
		return ""
	}
	switch piece[0] {
	case '#':
		return block{kind: "head", text: rest}
	case '>':
		return block{kind: "quote", text: rest}
	case '!':
		return block{kind: "photo", file: field(0), caption: field(1), credit: field(2)}
	case '@':
		return block{kind: "file", file: field(0), text: field(1)}
	case '~':
		b := block{kind: "offer"}
		for _, l := range lines {
			b.lines = append(b.lines, strings.TrimSpace(strings.TrimPrefix(l, "~")))
		}
		return b
	case '<':
		return block{kind: "right", text: rest}
	case '_':
		return block{kind: "rule"}
	case '^':
		return block{kind: "byline"}
	case '-':
		b := block{kind: "list"}
		for _, l := range lines {
			b.lines = append(b.lines, strings.TrimSpace(strings.TrimPrefix(l, "-")))
		}
		return b
	case '|':
		b := block{kind: "table"}
		for _, l := range lines {
			var row []string
			for cell := range strings.SplitSeq(strings.Trim(l, "| "), "|") {
				row = append(row, strings.TrimSpace(cell))
			}
			b.rows = append(b.rows, row)
		}
		return b
	}
	return block{kind: "text", text: strings.Join(lines, " ")}
}
