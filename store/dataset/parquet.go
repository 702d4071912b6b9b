package dataset

import (
	"encoding/json"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"luutin/extract"
)

// A row is an article in a Parquet file: all that its JSON says. A moment stands as
// UTC and to the microsecond, as all programs understand it; the offset that the page
// printed is beside it.
type row struct {
	ID                 string       `parquet:"id"`
	Version            int32        `parquet:"version"`
	URL                string       `parquet:"url"`
	CanonicalURL       string       `parquet:"canonical_url"`
	Aliases            []string     `parquet:"aliases,list"`
	Site               string       `parquet:"site,dict"`
	Ministry           *string      `parquet:"ministry,optional,dict"`
	Title              string       `parquet:"title"`
	Lead               *string      `parquet:"lead,optional"`
	Body               string       `parquet:"body"`
	Blocks             string       `parquet:"blocks"` // JSON as text: of the type JSON many programs make bytes
	Published          *time.Time   `parquet:"published,optional,timestamp(microsecond)"`
	PublishedOffset    *int32       `parquet:"published_offset_minutes,optional"`
	PublishedText      *string      `parquet:"published_text,optional"`
	PublishedPrecision *string      `parquet:"published_precision,optional,dict"`
	Modified           *time.Time   `parquet:"modified,optional,timestamp(microsecond)"`
	ModifiedOffset     *int32       `parquet:"modified_offset_minutes,optional"`
	Withdrawn          *time.Time   `parquet:"withdrawn,optional,timestamp(microsecond)"`
	Authors            []string     `parquet:"authors,list"`
	Source             *string      `parquet:"source,optional"`
	Section            *string      `parquet:"section,optional,dict"`
	Tags               []string     `parquet:"tags,list"`
	Language           *string      `parquet:"language,optional,dict"`
	Variants           []variant    `parquet:"variants,list"`
	Images             []picture    `parquet:"images,list"`
	Attachments        []attachment `parquet:"attachments,list"`
	Related            []related    `parquet:"related,list"`
	Fetched            time.Time    `parquet:"fetched,timestamp(microsecond)"`
	Capture            *string      `parquet:"capture,optional"`
	ContentHash        string       `parquet:"content_hash"`
	Extractor          string       `parquet:"extractor,dict"`
	Provenance         string       `parquet:"provenance"`
}

type picture struct {
	URL     string  `parquet:"url"`
	Caption *string `parquet:"caption,optional"`
	Credit  *string `parquet:"credit,optional"`
}

type attachment struct {
	URL  string `parquet:"url"`
	Name string `parquet:"name"`
	Type string `parquet:"type"`
}

type variant struct {
	Language string `parquet:"language"`
	URL      string `parquet:"url"`
}

type related struct {
	URL   string `parquet:"url"`
	Title string `parquet:"title"`
}

// A parquetWriter writes rows in groups, so that memory has a bound.
type parquetWriter struct {
	w     *parquet.GenericWriter[row]
	bytes int // of JSON in the open group
}

// groupBytes of JSON make a row group.
const groupBytes = 32 << 20

func newParquetWriter(w io.Writer) *parquetWriter {
	return &parquetWriter{w: parquet.NewGenericWriter[row](w,
		parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("luutin", extract.Version, ""))}
}

func (p *parquetWriter) write(article []byte) error {
	var a extract.Article
	if err := json.Unmarshal(article, &a); err != nil {
		return err
	}
	blocks, err := json.Marshal(a.Blocks)
	if err != nil {
		return err
	}
	provenance, err := json.Marshal(a.Provenance)
	if err != nil {
		return err
	}
	r := row{
		ID: a.ID, Version: int32(a.Version), URL: a.URL, CanonicalURL: a.CanonicalURL, Aliases: a.Aliases, Site: a.Site,
		Ministry: maybe(a.Ministry), Title: a.Title, Lead: maybe(a.Lead), Body: a.Body, Blocks: string(blocks),
		Published: utc(a.Published), PublishedText: maybe(a.PublishedText), PublishedPrecision: maybe(a.PublishedPrecision),
		Modified: utc(a.Modified), Withdrawn: utc(a.Withdrawn), Authors: a.Authors, Source: maybe(a.Source), Section: maybe(a.Section),
		Tags: a.Tags, Language: maybe(a.Language), Fetched: a.Fetched.UTC(), Capture: maybe(a.Capture),
		ContentHash: a.ContentHash, Extractor: a.Extractor, Provenance: string(provenance),
	}
	r.PublishedOffset, r.ModifiedOffset = offset(a.Published), offset(a.Modified)
	for _, v := range a.Variants {
		r.Variants = append(r.Variants, variant{v.Language, v.URL})
	}
	for _, l := range a.Related {
		r.Related = append(r.Related, related{l.URL, l.Title})
	}
	for _, i := range a.Images {
		r.Images = append(r.Images, picture{i.URL, maybe(i.Caption), maybe(i.Credit)})
	}
	for _, f := range a.Attachments {
		r.Attachments = append(r.Attachments, attachment{f.URL, f.Name, f.Type})
	}
	if _, err := p.w.Write([]row{r}); err != nil {
		return err
	}
	if p.bytes += len(article); p.bytes >= groupBytes {
		p.bytes = 0
		return p.w.Flush()
	}
	return nil
}

func (p *parquetWriter) close() error { return p.w.Close() }

func maybe(t extract.Text) *string {
	if t == "" {
		return nil
	}
	s := string(t)
	return &s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// offset is that of a moment, in minutes.
func offset(t *time.Time) *int32 {
	if t == nil {
		return nil
	}
	_, seconds := t.Zone()
	minutes := int32(seconds / 60)
	return &minutes
}
