// Package dataset writes articles for others: as lines of JSON, CSV, Parquet,
// Atom or Markdown, and as a package with what is needed to cite it.
package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/tidwall/gjson"

	"luutin/store"
)

// Formats are those that a Writer knows.
var formats = []string{"jsonl", "json", "csv", "parquet", "atom", "markdown"}

// Formats returns the names of the formats that a Writer knows.
func Formats() []string { return slices.Clone(formats) }

// Keys returns the keys of an article's JSON, in their order: what Fields may name.
func Keys() []string { return slices.Clone(keys) }

var keys = []string{
	"id", "version", "url", "canonical_url", "aliases", "site", "ministry", "title", "lead", "body", "blocks",
	"published", "published_text", "published_precision", "modified", "withdrawn", "authors", "source", "section", "tags",
	"language", "variants", "images", "attachments", "related", "fetched", "capture", "content_hash", "extractor", "provenance",
}

// Options say how articles are written.
type Options struct {
	Format   string    // one of Formats; "" is jsonl
	Fields   []string  // keys to write, in this order; nil means all. Only jsonl, json and csv leave keys out
	RawCells bool      // csv: cells as they are, also those that a spreadsheet takes for formulas
	Compress string    // "", gzip or zstd
	Title    string    // of an Atom feed
	Now      time.Time // when an Atom feed was written
}

// A Writer writes articles, one after the other; memory does not grow with
// their number. It is for one goroutine.
type Writer struct {
	options Options
	n       int
	w       io.Writer // what the format is written to
	packed  io.Closer // nil when nothing is compressed
	csv     *csv.Writer
	parquet *parquetWriter
	buf     []byte
}

// NewWriter returns a writer to w, which it does not close.
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	if o.Format == "" {
		o.Format = "jsonl"
	}
	if !slices.Contains(formats, o.Format) {
		return nil, fmt.Errorf("format %q is none of %s", o.Format, strings.Join(formats, ", "))
	}
	if len(o.Fields) > 0 && o.Format != "jsonl" && o.Format != "json" && o.Format != "csv" {
		return nil, fmt.Errorf("format %s has fields of its own; only jsonl, json and csv leave some out", o.Format)
	}
	for i, f := range o.Fields {
		if !slices.Contains(keys, f) || slices.Contains(o.Fields[:i], f) {
			return nil, fmt.Errorf("field %q is not one, once, of %s", f, strings.Join(keys, ", "))
		}
	}
	d := &Writer{options: o, w: w}
	switch o.Compress {
	case "":
	case "gzip":
		z := gzip.NewWriter(w)
		d.w, d.packed = z, z
	case "zstd":
		z, err := zstd.NewWriter(w)
		if err != nil {
			return nil, err
		}
		d.w, d.packed = z, z
	default:
		return nil, fmt.Errorf("compression %q is neither gzip nor zstd", o.Compress)
	}
	switch o.Format {
	case "parquet":
		if o.Compress != "" {
			return nil, errors.New("a Parquet file is compressed within; a compressed one could not be read in parts")
		}
		d.parquet = newParquetWriter(w)
	case "csv":
		d.csv = csv.NewWriter(d.w)
		return d, d.csv.Write(d.columns())
	case "json":
		return d, d.write("[\n")
	case "atom":
		o.Title = strings.TrimSpace(o.Title)
		return d, d.write(xml.Header + `<feed xmlns="http://www.w3.org/2005/Atom">` + "\n<id>urn:luutin:export</id>\n<title>" + escaped(o.Title) + "</title>\n<updated>" + o.Now.UTC().Format(time.RFC3339) + "</updated>\n")
	}
	return d, nil
}

// csvKeys are the keys of a table: the structure of a text and what stands
// beside it are left to JSON.
func (d *Writer) columns() []string {
	if len(d.options.Fields) > 0 {
		return d.options.Fields
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
		return k == "blocks" || k == "related" || k == "variants" || k == "provenance"
	})
}

func (d *Writer) write(s string) error {
	_, err := io.WriteString(d.w, s)
	return err
}

// Write writes an article. v.JSON is not retained.
func (d *Writer) Write(v *store.Version) (err error) {
	d.n++
	switch d.options.Format {
	case "jsonl", "json":
		d.buf = d.buf[:0]
		if d.options.Format == "json" && d.n > 1 {
			d.buf = append(d.buf, ",\n"...)
		}
		if len(d.options.Fields) == 0 {
			d.buf = append(d.buf, v.JSON...)
		} else {
			d.buf = d.chosen(d.buf, v.JSON)
		}
		if d.options.Format == "jsonl" {
			d.buf = append(d.buf, '\n')
		}
		_, err = d.w.Write(d.buf)
	case "csv":
		var row []string
		for _, k := range d.columns() {
			text := cell(gjson.GetBytes(v.JSON, k))
			if !d.options.RawCells {
				text = guard(text)
			}
			row = append(row, text)
		}
		err = d.csv.Write(row)
	case "parquet":
		err = d.parquet.write(v.JSON)
	case "atom":
		err = d.write(entry(v.JSON))
	case "markdown":
		err = d.write(markdown(v.JSON))
	}
	if err != nil {
		return fmt.Errorf("write article %s: %w", v.ID, err)
	}
	return nil
}

// guard puts an apostrophe before what a spreadsheet would run as a formula, as
// OWASP tells of CSV injection, and before an apostrophe: who takes one away
// wherever a cell begins with it has what was there.
func guard(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r\n'", cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}

// Close ends the format and the compression. Without it what was written is
// not whole.
func (d *Writer) Close() (err error) {
	switch d.options.Format {
	case "json":
		end := "\n]\n"
		if d.n == 0 {
			end = "]\n"
		}
		err = d.write(end)
	case "csv":
		d.csv.Flush()
		err = d.csv.Error()
	case "parquet":
		err = d.parquet.close()
	case "atom":
		err = d.write("</feed>\n")
	}
	if d.packed != nil {
		err = errors.Join(err, d.packed.Close())
	}
	return err
}

// chosen appends an object of the chosen fields of another. What they hold is
// copied as it stands.
func (d *Writer) chosen(b, article []byte) []byte {
	b = append(b, '{')
	for i, k := range d.options.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, k), ':')
		if value := gjson.GetBytes(article, k); value.Raw != "" {
			b = append(b, value.Raw...)
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

// cell is a value in a table: a list stands as JSON, null as nothing.
func cell(v gjson.Result) string {
	switch v.Type {
	case gjson.Null:
		return ""
	case gjson.JSON:
		if v.Raw == "[]" {
			return ""
		}
		return v.Raw
	}
	return v.String()
}

func escaped(s string) string {
	var b bytes.Buffer
	// A buffer takes everything; what XML cannot hold becomes U+FFFD.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func entry(article []byte) string {
	get := func(k string) string { return gjson.GetBytes(article, k).String() }
	var b strings.Builder
	element := func(name, value string) {
		if value != "" {
			b.WriteString("  <" + name + ">" + escaped(value) + "</" + name + ">\n")
		}
	}
	b.WriteString("<entry>\n")
	element("id", "urn:luutin:"+get("id"))
	title := get("title")
	b.WriteString("  <title>" + escaped(title) + "</title>\n")
	b.WriteString(`  <link rel="alternate" href="` + escaped(get("canonical_url")) + "\"/>\n")
	element("published", get("published"))
	updated := get("modified")
	if updated == "" {
		updated = get("fetched")
	}
	element("updated", updated)
	authors := gjson.GetBytes(article, "authors").Array()
	for _, a := range authors {
		b.WriteString("  <author><name>" + escaped(a.String()) + "</name></author>\n")
	}
	if len(authors) == 0 { // Atom wants one
		name := get("ministry")
		if name == "" {
			name = get("site")
		}
		b.WriteString("  <author><name>" + escaped(name) + "</name></author>\n")
	}
	for _, c := range append([]gjson.Result{gjson.GetBytes(article, "section")}, gjson.GetBytes(article, "tags").Array()...) {
		if c.String() != "" {
			b.WriteString(`  <category term="` + escaped(c.String()) + "\"/>\n")
		}
	}
	element("summary", get("lead"))
	b.WriteString(`  <content type="text">` + escaped(get("body")) + "</content>\n</entry>\n")
	return b.String()
}

// plain takes what Markdown would obey out of a text.
func plain(s string) string { return marks.Replace(entity.ReplaceAllString(s, "&amp;$1")) }

var entity = regexp.MustCompile(`&(#?\w+;)`)

var marks = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`, "]", `\]`, "|", `\|`)

func line(s string) string {
	s = plain(strings.Join(strings.Fields(s), " "))
	if s != "" && (strings.ContainsRune("#>-+=~", rune(s[0]))) {
		return `\` + s
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if rest := s[digits:]; digits > 0 && rest != "" && (rest[0] == '.' || rest[0] == ')') {
		return s[:digits] + `\` + rest // it would number a list
	}
	return s
}

func markdown(article []byte) string {
	get := func(k string) string { return gjson.GetBytes(article, k).String() }
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", plain(get("title")))
	fmt.Fprintf(&b, "<%s>  \n", strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20").Replace(get("canonical_url")))
	about := []string{"no date"}
	if p := get("published"); p != "" {
		about[0] = p
	}
	for _, k := range []string{"ministry", "section", "source"} {
		if v := get(k); v != "" {
			about = append(about, line(v))
		}
	}
	for _, a := range gjson.GetBytes(article, "authors").Array() {
		about = append(about, line(a.String()))
	}
	b.WriteString(strings.Join(about, " · ") + "\n\n")
	if w := get("withdrawn"); w != "" {
		b.WriteString("Gone from its site since " + w + ".\n\n")
	}
	if lead := get("lead"); lead != "" {
		b.WriteString("**" + line(lead) + "**\n\n")
	}
	blocks := gjson.GetBytes(article, "blocks").Array()
	if len(blocks) == 0 {
		for p := range strings.SplitSeq(get("body"), "\n\n") {
			b.WriteString(line(p) + "\n\n")
		}
	}
	for _, block := range blocks {
		switch block.Get("kind").String() {
		case "heading":
			level := min(max(int(block.Get("level").Int()), 2), 6)
			b.WriteString(strings.Repeat("#", level) + " " + line(block.Get("text").String()) + "\n")
		case "list":
			for _, item := range block.Get("items").Array() {
				b.WriteString("- " + line(item.String()) + "\n")
			}
		case "table":
			rows, width := block.Get("rows").Array(), 0
			for _, row := range rows {
				width = max(width, len(row.Array()))
			}
			for i, row := range rows {
				cells := row.Array()
				for _, c := range cells {
					b.WriteString("| " + line(c.String()) + " ")
				}
				b.WriteString(strings.Repeat("|  ", width-len(cells)) + "|\n") // more cells than in the first row are not shown
				if i == 0 {
					b.WriteString(strings.Repeat("| --- ", width) + "|\n")
				}
			}
		case "quote":
			for l := range strings.SplitSeq(block.Get("text").String(), "\n") {
				b.WriteString("> " + line(l) + "\n")
			}
		default:
			b.WriteString(line(block.Get("text").String()) + "\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}
