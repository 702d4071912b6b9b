// Package family finds the articles of an archive that carry the same text
// under different URLs or hosts: ministries reprint the agency, and papers the
// ministry. It only reads; what it finds follows from the articles and can be
// found again at any time.
package family

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"luutin/store"
)

// A Family is two articles or more that carry one text.
type Family struct {
	ID      string   `json:"family"` // the id of its first member
	Members []Member `json:"members"`
}

// A Member is an article of a family. The first is the one that was published
// first, as far as the articles say, and was fetched first otherwise.
type Member struct {
	ID         string    `json:"id"`
	URL        string    `json:"url"`
	Site       string    `json:"site"`
	Title      string    `json:"title"`
	Published  time.Time `json:"published,omitzero"`
	Similarity float64   `json:"similarity"` // to the most similar of the others: the share of word triples in common, estimated; 1 means the very same words
}

// Find returns the families of articles, in their order; each article is to
// come in one version, and article returns it again by its id. It takes about
// 300 bytes of memory for each article, besides what it finds.
func Find(ctx context.Context, articles iter.Seq2[store.Version, error], article func(ctx context.Context, id string) (store.Version, error)) ([]Family, error) {
	var all []*entry
	for v, err := range articles {
		if err != nil {
			return nil, fmt.Errorf("find families: %w", err)
		}
		var text struct{ Lead, Body string }
		if err := json.Unmarshal(v.JSON, &text); err != nil {
			return nil, fmt.Errorf("find families: article %s: %w", v.ID, err)
		}
		s, ok := Of(text.Lead + "\n" + text.Body)
		if !ok {
			continue
		}
		e := &entry{sketch: s, id: v.ID, published: v.Published.Unix(), fetched: v.Fetched.Unix(), dated: !v.Published.IsZero()}
		all = append(all, e)
	}
	links := pairs(all)
	groups := unite(len(all), links)
	var families []Family
	for _, group := range groups {
		slices.SortStableFunc(group, func(i, j int) int {
			a, b := all[i], all[j]
			if a.dated && b.dated {
				if c := cmp.Compare(a.published, b.published); c != 0 {
					return c
				}
			}
			return cmp.Compare(a.fetched, b.fetched)
		})
		f := Family{ID: all[group[0]].id}
		for _, i := range group {
			v, err := article(ctx, all[i].id)
			if err != nil {
				return nil, fmt.Errorf("find families: %w", err)
			}
			m := Member{ID: v.ID, Site: v.Site, Published: v.Published, Similarity: links[i].similarity}
			var names struct{ URL, Title string }
			if err := json.Unmarshal(v.JSON, &names); err != nil {
				return nil, fmt.Errorf("find families: article %s: %w", v.ID, err)
			}
			m.URL, m.Title = names.URL, names.Title
			f.Members = append(f.Members, m)
		}
		families = append(families, f)
	}
	return families, nil
}

// An entry is one article.
type entry struct {
	sketch    Sketch
	id        string
	published int64
	fetched   int64
	dated     bool
}

// A link is the most similar other of an entry, and all that it is joined to.
type link struct {
	similarity float64
	to         []int32
}

// pairs finds the entries that are alike, by the bands of their sketches.
func pairs(all []*entry) []link {
	links := make([]link, len(all))
	type place struct {
		key   uint64
		entry int32
	}
	places := make([]place, len(all))
	for band := range bands {
		for i, e := range all {
			places[i] = place{e.sketch.band(band), int32(i)}
		}
		slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.entry, b.entry)) })
		for from := 0; from < len(places); {
			to := from + 1
			for to < len(places) && places[to].key == places[from].key {
				to++
			}
			// Of many that share a band each is held against a few before it: the
			// same text a thousand times is no reason for a million comparisons.
			for i := from + 1; i < to; i++ {
				for j := max(from, i-most); j < i; j++ {
					join(all, links, places[j].entry, places[i].entry)
				}
				if i-from > most {
					join(all, links, places[from].entry, places[i].entry)
				}
			}
			from = to
		}
	}
	return links
}

// most is how many others of a band an entry is held against.
const most = 20

func join(all []*entry, links []link, i, j int32) {
	if slices.Contains(links[i].to, j) {
		return
	}
	if !all[i].sketch.Alike(&all[j].sketch) {
		return
	}
	s := all[i].sketch.Similarity(&all[j].sketch)
	links[i].to = append(links[i].to, j)
	links[i].similarity = max(links[i].similarity, s)
	links[j].similarity = max(links[j].similarity, s)
}

// unite returns the groups of two and more that links join, each in order.
func unite(n int, links []link) (groups [][]int) {
	root := make([]int32, n)
	for i := range root {
		root[i] = int32(i)
	}
	find := func(i int32) int32 {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for i, l := range links {
		for _, j := range l.to {
			a, b := find(int32(i)), find(j)
			root[max(a, b)] = min(a, b)
		}
	}
	at := map[int32]int{}
	for i := range int32(n) {
		r := find(i)
		if r == i && links[i].similarity == 0 {
			continue
		}
		g, ok := at[r]
		if !ok {
			g = len(groups)
			at[r] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], int(i))
	}
	return slices.DeleteFunc(groups, func(g []int) bool { return len(g) < 2 })
}
