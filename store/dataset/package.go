package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"luutin/extract"
	"luutin/store"
)

// About says what a package is of.
type About struct {
	Now       time.Time
	Sites     []string // whose records of the crawl tell how complete it is
	OnlySites bool     // of no others are there articles, or they do not matter
	Selection string   // what was asked for; "" means everything

	Missing map[string]Missing // by site; what of a site is not known is not there
	LeftOut func() int         // how many of the articles could not be read, asked when all others were; nil means none
}

// Missing is what seems to be missing of a site in the archive, chosen or not.
type Missing struct {
	Days    map[string]int // by month (2018-01): those on which the site usually publishes and nothing is there
	Entries int            // articles that a list named and that are not there
	Numbers int            // numbers of articles that none has
}

// Package writes a data set into dir, which must not exist: it is there whole
// or not at all. It holds the articles as JSON lines and as a table, a
// datapackage.json (https://datapackage.org/standard/data-package/), a JSON Schema, how complete they are by
// site and month as the crawl recorded it, a README and SHA256SUMS. It returns how
// many articles it holds; when there are none, nothing is made.
func Package(ctx context.Context, dir string, archive store.Archive, articles iter.Seq2[store.Version, error], about About) (n int, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return 0, fmt.Errorf("write %s: %w; name a directory that does not exist", dir, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	temp, release, err := Beside(dir, func(temp string) error {
		if err := os.Mkdir(temp, 0o777); err != nil { // os.MkdirTemp knows no umask
			return fmt.Errorf("write %s: %w", dir, err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	defer release()
	defer os.RemoveAll(temp)
	p := &pack{dir: temp, about: about, months: map[[2]string]*month{}}
	if err := p.articles(articles); err != nil || p.n == 0 {
		return 0, err
	}
	if err := p.coverage(ctx, archive); err != nil {
		return 0, err
	}
	if err := p.describe(); err != nil {
		return 0, err
	}
	return p.n, os.Rename(temp, dir)
}

const (
	linesName    = "articles.jsonl.gz"
	tableName    = "articles.csv.gz"
	coverageName = "coverage.csv"
	schemaName   = "article.schema.json"
)

type pack struct {
	dir    string
	about  About
	n      int
	files  []file
	months map[[2]string]*month // by site and month; "" are articles without a date

	first, last string // days of publication
	sites       map[string]int
	undated     int
}

// A month is what is known of one of a site.
type month struct {
	articles  int // in the package
	published int // in the archive
	visits, added, changed, failed,
	blocked int
	empty int // days that are Missing
}

type file struct {
	name string
	size int64
	sum  string
}

// create writes a file of the package and remembers its digest.
func (p *pack) create(name string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(filepath.Join(p.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	sum := sha256.New()
	size := &counter{}
	err = write(io.MultiWriter(f, sum, size))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		p.files = append(p.files, file{name, size.n, hex.EncodeToString(sum.Sum(nil))})
	}
	return err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func (p *pack) articles(articles iter.Seq2[store.Version, error]) error {
	p.sites = map[string]int{}
	return p.create(linesName, func(w io.Writer) error {
		lines, err := NewWriter(w, Options{Compress: "gzip"})
		if err != nil {
			return err
		}
		return p.create(tableName, func(w io.Writer) error {
			table, err := NewWriter(w, Options{Format: "csv", Compress: "gzip"})
			if err != nil {
				return err
			}
			for v, err := range articles {
				if err != nil {
					return err
				}
				if err := errors.Join(lines.Write(&v), table.Write(&v)); err != nil {
					return err
				}
				p.count(&v)
			}
			return errors.Join(lines.Close(), table.Close())
		})
	})
}

func (p *pack) month(site, name string) *month {
	m := p.months[[2]string{site, name}]
	if m == nil {
		m = &month{}
		p.months[[2]string{site, name}] = m
	}
	return m
}

func (p *pack) count(v *store.Version) {
	p.n++
	p.sites[v.Site]++
	day := ""
	if v.Published.IsZero() {
		p.undated++
	} else {
		day = v.Published.Format(time.DateOnly)
		if p.first == "" || day < p.first {
			p.first = day
		}
		p.last = max(p.last, day)
	}
	p.month(v.Site, day[:min(len(day), 7)]).articles++
}

// coverage writes what the crawl recorded of each month.
func (p *pack) coverage(ctx context.Context, archive store.Archive) error {
	sites := map[string]bool{}
	for _, s := range p.about.Sites {
		sites[s] = true
	}
	for s := range p.sites {
		sites[s] = true
	}
	// Days know nothing of articles without a date, nor of which sites there are.
	q := store.Query{}
	if p.about.OnlySites {
		q.Sites = slices.Sorted(maps.Keys(sites))
	}
	for v, err := range archive.Articles(ctx, q) {
		var damaged *store.Damaged
		if errors.As(err, &damaged) {
			if v.ID == "" {
				continue
			} // otherwise what is needed of it is known
		} else if err != nil {
			return err
		}
		sites[v.Site] = true
		if v.Published.IsZero() {
			p.month(v.Site, "").published++
		}
	}
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		days, err := archive.Days(ctx, site, "")
		if err != nil {
			return err
		}
		for _, d := range days {
			if len(d.Date) < 7 {
				continue
			}
			m := p.month(site, d.Date[:7])
			m.published += d.Published
			m.visits += d.Visits
			m.added += d.Added
			m.changed += d.Changed
			m.failed += d.Results[store.Failed]
			m.blocked += d.Results[store.Barred] + d.Results[store.Refused]
		}
	}
	for site, missing := range p.about.Missing {
		for name, n := range missing.Days {
			p.month(site, name).empty += n
		}
	}
	return p.create(coverageName, func(w io.Writer) error {
		t := csv.NewWriter(w)
		var header []string
		for _, f := range coverageFields {
			header = append(header, f.Name)
		}
		if err := t.Write(header); err != nil {
			return err
		}
		for _, k := range slices.SortedFunc(maps.Keys(p.months), func(a, b [2]string) int {
			return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
		}) {
			m := p.months[k]
			row := []string{k[0], k[1]}
			for _, n := range []int{m.articles, m.published, m.visits, m.added, m.changed, m.failed, m.blocked, m.empty} {
				row = append(row, strconv.Itoa(n))
			}
			if err := t.Write(row); err != nil {
				return err
			}
		}
		t.Flush()
		return t.Error()
	})
}

// A field is one of a table, as Table Schema describes it.
type field struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Format      string `json:"format,omitempty"`
	Description string `json:"description"`
}

var coverageFields = []field{
	{"site", "string", "", "the site"},
	{"month", "yearmonth", "", "the month; empty for articles without a date of publication"},
	{"articles", "integer", "", "articles of this package that say they were published in this month"},
	{"published", "integer", "", "the same of all articles of the archive that the package was made from"},
	{"visits", "integer", "", "pages that were asked for in this month"},
	{"added", "integer", "", "articles that were first seen in this month"},
	{"changed", "integer", "", "articles that were seen changed in this month"},
	{"failed", "integer", "", "visits of this month that failed"},
	{"blocked", "integer", "", "visits of this month that the site or its robots.txt refused"},
	{"empty_days", "integer", "", "days of this month on which the site usually publishes and the archive has nothing, as far as that can be told"},
}

var about = map[string]string{
	"id": "stable: from the canonical URL alone", "version": "counted from 1; a new one when a reader would see another text",
	"url": "where it was fetched", "canonical_url": "what it is known by", "aliases": "other URLs that led to it",
	"site": "the definition it belongs to", "ministry": "whose site that is", "title": "on one line", "lead": "not repeated in the body",
	"body": "paragraphs parted by a blank line", "blocks": "the body with its structure",
	"published":           "with the offset as printed; null when the page does not say",
	"published_text":      "as printed",
	"published_precision": "second, minute, day, month or year", "modified": "as the page says", "withdrawn": "since when it is gone from its site; only of such articles",
	"authors": "names of the byline", "source": "the paper or agency that it names", "section": "as the page gives it", "tags": "as the page gives them",
	"language": "BCP 47", "variants": "the same article in other languages", "images": "with caption and credit", "attachments": "files that it offers",
	"related": "links that the page offers beside it", "fetched": "when the page was asked for", "capture": "the id of the stored page",
	"content_hash": "SHA-256 of what a reader sees", "extractor": "the reader that read it", "provenance": "field to the rule or signal that gave it",
}

// kinds are the types of the keys of an article, as JSON Schema names them.
var kinds = map[string]string{
	"version": "integer", "aliases": "array", "blocks": "array", "authors": "array", "tags": "array", "variants": "array",
	"images": "array", "attachments": "array", "related": "array", "provenance": "object",
}

func schema() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, k := range keys {
		property := map[string]any{"description": about[k]}
		switch kind := kinds[k]; kind {
		case "":
			property["type"] = []string{"string", "null"}
			if slices.Contains([]string{"id", "url", "canonical_url", "site", "title", "body", "fetched", "content_hash", "extractor"}, k) {
				property["type"] = "string"
			}
			if slices.Contains([]string{"published", "modified", "withdrawn", "fetched"}, k) {
				property["format"] = "date-time"
			}
		default:
			property["type"] = kind
			if k == "aliases" || k == "authors" || k == "tags" {
				property["items"] = map[string]any{"type": "string"}
			}
		}
		properties[k] = property
		if k != "withdrawn" {
			required = append(required, k)
		}
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "An article, a line of " + linesName,
		"type": "object", "properties": properties, "required": required,
	}
}

func writeJSON(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
}

// licence is what is known of the rights to the texts.
const licence = `The articles are the work of those who published them and carry no licence that is known. Official
texts of Vietnamese state agencies are outside of copyright (Law on Intellectual Property, article 15); reports of
newspapers and agencies are not. Whoever passes them on answers for that himself.`

func (p *pack) describe() error {
	if err := p.create(schemaName, writeJSON(schema())); err != nil {
		return err
	}
	var columns []field
	for _, k := range (&Writer{}).columns() {
		f := field{Name: k, Type: "string", Description: about[k]}
		switch {
		case kinds[k] == "integer":
			f.Type = "integer"
		case kinds[k] == "array":
			f.Type, f.Description = "array", f.Description+"; JSON, empty when there are none"
		case k == "published" || k == "modified" || k == "withdrawn" || k == "fetched":
			f.Type, f.Format = "datetime", "any"
		}
		columns = append(columns, f)
	}
	resource := func(name, path, title string, more map[string]any) map[string]any {
		i := slices.IndexFunc(p.files, func(f file) bool { return f.name == path })
		r := map[string]any{"name": name, "path": path, "title": title, "bytes": p.files[i].size, "hash": "sha256:" + p.files[i].sum, "encoding": "utf-8"}
		maps.Copy(r, more)
		return r
	}
	title := "News of " + strconv.Itoa(len(p.sites)) + " sites"
	for site := range p.sites {
		if len(p.sites) == 1 {
			title = "News of " + site
		}
	}
	if p.first != "" {
		title += ", " + p.first + " to " + p.last
	}
	description := map[string]any{
		"$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
		"name":    "luutin-" + p.about.Now.UTC().Format(time.DateOnly), "title": title, "created": p.about.Now.UTC().Format(time.RFC3339),
		"description": "Articles as luutin (reader " + extract.Version + ") read them from the pages of their sites. README.md says how complete they are.",
		"resources": []any{
			resource("articles", linesName, "The articles whole, a JSON object a line", map[string]any{"format": "jsonl", "mediatype": "application/jsonl", "compression": "gz"}),
			resource("table", tableName, "The same as a table; take away the apostrophe with which a cell begins", map[string]any{"format": "csv", "mediatype": "text/csv", "compression": "gz", "profile": "tabular-data-resource",
				"schema": map[string]any{"fields": columns, "primaryKey": []string{"id"}, "missingValues": []string{""}}}),
			resource("coverage", coverageName, "How complete they are, by site and month", map[string]any{"format": "csv", "mediatype": "text/csv", "profile": "tabular-data-resource",
				"schema": map[string]any{"fields": coverageFields, "missingValues": []string{""}}}),
			resource("schema", schemaName, "What an article's JSON holds (JSON Schema)", map[string]any{"format": "json", "mediatype": "application/schema+json"}),
		},
		"licenses": []any{map[string]any{"name": "other-closed", "title": "As README.md says: of the articles none is known"}},
	}
	if err := p.create("datapackage.json", writeJSON(description)); err != nil {
		return err
	}
	if err := p.create("README.md", func(w io.Writer) error { return p.readme(w, title) }); err != nil {
		return err
	}
	var sums bytes.Buffer
	slices.SortFunc(p.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	for _, f := range p.files {
		fmt.Fprintf(&sums, "%s  %s\n", f.sum, f.name)
	}
	return p.create("SHA256SUMS", func(w io.Writer) error {
		_, err := w.Write(sums.Bytes())
		return err
	})
}

var readmeText = template.Must(template.New("").Parse(`# {{.Title}}

{{.N}} articles{{with .Selection}}, chosen by ` + "`{{.}}`" + `{{end}}, written on {{.Date}} by luutin (reader {{.Reader}}).
{{with .Undated}}{{.}} of them print no date of publication.
{{end}}{{with .LeftOut}}{{.}} more are damaged in the archive and left out.
{{end}}
| file | what it holds |
| --- | --- |
| ` + linesName + ` | the articles whole, a JSON object a line, as ` + schemaName + ` describes it |
| ` + tableName + ` | the same as a table, without the structure of the texts; lists stand in a cell as JSON. Cells that begin with = + - @ tab or an apostrophe have an apostrophe before them, so that no spreadsheet runs them: take one away |
| ` + coverageName + ` | how complete they are, by site and month |
| datapackage.json | all of this for programs (Frictionless Data Package) |
| SHA256SUMS | checksums: ` + "`sha256sum -c SHA256SUMS`" + `. To cite this data set, cite the SHA-256 of this file |

Times carry the offset that the page printed and are empty where it printed none: no date was guessed.

## How complete it is

As the crawl recorded it; ` + coverageName + ` has every month. A month without visits to pages of its time tells nothing
of what was published in it. ` + "`visits`, `failed` and `blocked`" + ` are of the time of asking, ` + "`articles` and `empty_days`" + ` of that of publication.
Empty days are those on which a site usually publishes and the archive has nothing; articles are missed that a list named, or
whose numbers no article has. This is of the archive, whatever was chosen from it; of a site with – nothing of it is known.

| site | articles here | first month | last month | months between without an article | empty days | named and missed | numbers missed | visits | failed | refused |
| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{{range .Sites}}| {{.Name}} | {{.Articles}} | {{.First}} | {{.Last}} | {{.Empty}} | {{with .Missing}}{{.Days}} | {{.Entries}} | {{.Numbers}}{{else}}– | – | –{{end}} | {{.Visits}} | {{.Failed}} | {{.Blocked}} |
{{end}}
## Rights

{{.Licence}}
`))

func (p *pack) readme(w io.Writer, title string) error {
	type missing struct{ Days, Entries, Numbers int }
	type site struct {
		Missing                                  *missing // nil when it is not known
		Name                                     string
		First, Last                              string
		Articles, Empty, Visits, Failed, Blocked int
	}
	of := map[string]*site{}
	with := map[string]int{}
	for k, m := range p.months {
		s := of[k[0]]
		if s == nil {
			s = &site{Name: k[0]}
			of[k[0]] = s
			if m, ok := p.about.Missing[k[0]]; ok {
				s.Missing = &missing{Entries: m.Entries, Numbers: m.Numbers}
				for _, n := range m.Days {
					s.Missing.Days += n
				}
			}
		}
		s.Articles += m.articles
		s.Visits += m.visits
		s.Failed += m.failed
		s.Blocked += m.blocked
		if m.articles > 0 && k[1] != "" {
			with[k[0]]++
			if s.First == "" || k[1] < s.First {
				s.First = k[1]
			}
			s.Last = max(s.Last, k[1])
		}
	}
	var sites []site
	for _, name := range slices.Sorted(maps.Keys(of)) {
		s := of[name]
		if s.First != "" {
			first, err := time.Parse("2006-01", s.First)
			last, err2 := time.Parse("2006-01", s.Last)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			s.Empty = (last.Year()-first.Year())*12 + int(last.Month()-first.Month()) + 1 - with[name]
		}
		sites = append(sites, *s)
	}
	leftOut := 0
	if p.about.LeftOut != nil {
		leftOut = p.about.LeftOut()
	}
	return readmeText.Execute(w, map[string]any{
		"Title": title, "N": p.n, "Selection": strings.ReplaceAll(p.about.Selection, "`", "'"), "Date": p.about.Now.UTC().Format(time.DateOnly),
		"Reader": extract.Version, "Undated": p.undated, "LeftOut": leftOut, "Sites": sites, "Licence": licence,
	})
}
