package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"luutin/testdata/corpus"
)

// compare does the same with bleve: words without marks, with their places,
// nothing stored, four facets.
func compare(dir string, c *corpus.Corpus, articles int, all []asking, report func(string, int, time.Duration, int64)) {
	text := bleve.NewTextFieldMapping()
	text.Analyzer, text.Store, text.IncludeInAll, text.DocValues = "standard", false, false, false
	name := bleve.NewKeywordFieldMapping()
	name.Store, name.IncludeInAll = false, false
	doc := mapping.NewDocumentStaticMapping()
	for _, f := range []string{"title", "body"} {
		doc.AddFieldMappingsAt(f, text)
	}
	for _, f := range []string{"ministry", "year", "section", "site"} {
		doc.AddFieldMappingsAt(f, name)
	}
	m := bleve.NewIndexMapping()
	m.DefaultMapping = doc
	path := filepath.Join(dir, "bleve")
	x, err := bleve.New(path, m)
	check(err)
	defer x.Close()
	start := time.Now()
	batch := x.NewBatch()
	for i := range articles {
		a := c.Article(i)
		check(batch.Index(a.ID, map[string]any{
			"title": corpus.Plain(a.Title), "body": corpus.Plain(string(a.Lead) + "\n\n" + a.Body),
			"ministry": string(a.Ministry), "year": strconv.Itoa(a.Published.Year()), "section": string(a.Section), "site": a.Site,
		}))
		if batch.Size() == 1000 || i == articles-1 {
			check(x.Batch(batch))
			batch.Reset()
		}
	}
	took := time.Since(start)
	report("bleve", articles, took, sizeOf(path))

	both := func(make func(field string) query.Query) query.Query {
		return bleve.NewDisjunctionQuery(make("title"), make("body"))
	}
	word := func(w string) query.Query {
		return both(func(field string) query.Query {
			q := bleve.NewMatchQuery(corpus.Plain(w))
			q.SetField(field)
			return q
		})
	}
	measure("bleve", all, func(q asking) int {
		b := bleve.NewBooleanQuery()
		if q.quote {
			b.AddMust(both(func(field string) query.Query {
				p := bleve.NewMatchPhraseQuery(corpus.Plain(q.words))
				p.SetField(field)
				return p
			}))
		} else {
			for _, w := range strings.Fields(q.words) {
				b.AddMust(word(w))
			}
		}
		if q.not != "" {
			b.AddMustNot(word(q.not))
		}
		if _, ministry, ok := strings.Cut(q.text, "ministry:"); ok {
			t := bleve.NewTermQuery(strings.Trim(ministry, `"`))
			t.SetField("ministry")
			b.AddMust(t)
		}
		r := bleve.NewSearchRequest(b)
		for _, f := range []string{"ministry", "year", "section", "site"} {
			r.AddFacet(f, bleve.NewFacetRequest(f, 20))
		}
		found, err := x.Search(r)
		check(err)
		return int(found.Total)
	})
}
