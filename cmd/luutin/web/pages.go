package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"luutin/crawler/watch"
	"luutin/extract/change"
	"luutin/store"
	"luutin/store/search"
)

// A Finder finds articles; *search.Index is one.
type Finder interface {
	// Find answers a query. A *search.QueryError says what is wrong with it.
	Find(ctx context.Context, q search.Query) (search.Results, error)
}

type homeView struct {
	Stats      store.Stats
	Newest     []search.Hit
	Ministries []search.Count
}

func (homeView) feed() string { return "/feed" }

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		var v homeView
		var err error
		if v.Stats, err = a.Stats(r.Context()); err != nil {
			return err
		}
		found, err := s.finder.Find(r.Context(), search.Query{Limit: 12, Facets: true, ByDate: true})
		if err != nil {
			return err
		}
		v.Newest, v.Ministries = found.Hits, named(found.Ministries)
		return s.show(w, r, http.StatusOK, "home", "", v)
	})
}

// named leaves out those without a name.
func named(counts []search.Count) []search.Count {
	return slices.DeleteFunc(slices.Clone(counts), func(c search.Count) bool { return c.Name == "" })
}

type searchView struct {
	Trouble        string
	Total          int
	Hits           []search.Hit
	Chips          []chip
	Facets         []facet
	Dated          bool
	ByBest, ByDate string
	Feed           string
	Page, Pages    int
	Before, After  string
}

func (v searchView) feed() string { return v.Feed }

type chip struct{ Name, URL string }

type facet struct {
	Name   string
	Values []facetValue
}

type facetValue struct {
	Name, URL string
	Count     int
}

// perPage is how many results stand on a page; so many pages can be turned.
const (
	perPage  = 20
	maxPages = 500
)

// narrowings are the parameters that a search takes beside its words.
var narrowings = []string{"ministry", "section", "site", "year", "since", "until"}

// query reads a search from the parameters of a request. It returns a
// *search.QueryError for a year that is none.
func query(q url.Values) (search.Query, error) {
	out := search.Query{Text: q.Get("q"), Since: q.Get("since"), Until: q.Get("until"), ByDate: q.Get("sort") == "date"}
	blank := func(name string) bool { return strings.TrimSpace(name) == "" }
	out.Ministries = slices.DeleteFunc(slices.Clone(q["ministry"]), blank)
	out.Sections = slices.DeleteFunc(slices.Clone(q["section"]), blank)
	out.Sites = q["site"]
	if year := q.Get("year"); year != "" {
		if _, err := time.Parse("2006", year); err != nil {
			return out, &search.QueryError{What: "year: " + strconv.Quote(year) + " is no year such as 2018"}
		}
		out.Since, out.Until = year, year
	}
	return out, nil
}

// changed returns the address of a search with one parameter changed; "" takes it
// away.
func changed(lang string, q url.Values, key, value string) string {
	c := url.Values{}
	for k, v := range q {
		if (k == "q" || k == "sort" || slices.Contains(narrowings, k)) && k != key {
			c[k] = v
		}
	}
	if value != "" {
		c.Set(key, value)
	}
	return "/" + lang + "/search?" + c.Encode()
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	lang, q := langOf(r), r.URL.Query()
	asked, queryErr := query(q)
	asked.Limit, asked.Facets = perPage, true
	if strings.TrimSpace(q.Get("q")) == "" {
		asked.ByDate = true
	}
	v := searchView{Page: 1, Dated: asked.ByDate}
	if p := q.Get("page"); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > maxPages {
			return badRequest("page is a number from 1 to " + strconv.Itoa(maxPages))
		}
		v.Page = n
	}
	asked.Offset = (v.Page - 1) * perPage
	return s.with(r, func(a store.Archive) error {
		var found search.Results
		err := queryErr
		if err == nil {
			found, err = s.finder.Find(r.Context(), asked)
		}
		var wrong *search.QueryError
		switch {
		case errors.As(err, &wrong):
			v.Trouble = wrong.Error()
			return s.show(w, r, http.StatusBadRequest, "search", v.Trouble, v)
		case err != nil:
			return err
		}
		v.Total, v.Hits = found.Total, found.Hits
		for _, key := range narrowings {
			for _, value := range q[key] {
				v.Chips = append(v.Chips, chip{value, changed(lang, q, key, "")})
			}
		}
		for _, f := range []struct {
			key    string
			counts []search.Count
		}{{"ministry", found.Ministries}, {"year", found.Years}, {"section", found.Sections}, {"site", found.Sites}} {
			if q.Has(f.key) {
				continue
			}
			x := facet{Name: f.key}
			for _, c := range named(f.counts) {
				if len(x.Values) == 12 {
					break
				}
				x.Values = append(x.Values, facetValue{c.Name, changed(lang, q, f.key, c.Name), c.Count})
			}
			v.Facets = append(v.Facets, x)
		}
		v.ByBest, v.ByDate = changed(lang, q, "sort", ""), changed(lang, q, "sort", "date")
		_, parameters, _ := strings.Cut(changed(lang, q, "sort", ""), "?")
		v.Feed = "/feed?" + parameters
		v.Pages = min((v.Total+perPage-1)/perPage, maxPages)
		turn := func(n int) string { return changed(lang, q, "", "") + "&page=" + strconv.Itoa(n) }
		if v.Page > 1 {
			v.Before = turn(v.Page - 1)
		}
		if v.Page < v.Pages {
			v.After = turn(v.Page + 1)
		}
		title := q.Get("q")
		if title == "" {
			if title, err = say(lang, "search"); err != nil {
				return err
			}
		}
		return s.show(w, r, http.StatusOK, "search", title, v)
	})
}

func (s *Server) ministries(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		found, err := s.finder.Find(r.Context(), search.Query{Limit: -1, Facets: true})
		if err != nil {
			return err
		}
		title, err := say(langOf(r), "ministries")
		if err != nil {
			return err
		}
		return s.show(w, r, http.StatusOK, "ministries", title, homeView{Ministries: named(found.Ministries)})
	})
}

type ministryView struct {
	Name   string
	Total  int
	Sites  []string
	Months []month
	Counts []int
	Last   int // of Months
	Newest []search.Hit
}

type month struct {
	Month string // 2018-01
	Count int
}

func (v ministryView) feed() string { return "/feed?ministry=" + url.QueryEscape(v.Name) }

// maxMonths are drawn at most, the last ones.
const maxMonths = 240

// ministry is the timeline of a ministry: what its sites published, month by
// month.
func (s *Server) ministry(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	return s.with(r, func(a store.Archive) error {
		found, err := s.finder.Find(r.Context(), search.Query{Ministries: []string{name}, Limit: 15, ByDate: true, Facets: true})
		if err != nil {
			return wrongQuery(err)
		}
		if found.Total == 0 {
			return store.ErrNotFound
		}
		if len(found.Ministries) == 1 {
			name = found.Ministries[0].Name
		}
		v := ministryView{Name: name, Total: found.Total, Newest: found.Hits}
		counts := map[string]int{}
		for _, c := range found.Sites {
			v.Sites = append(v.Sites, c.Name)
			days, err := a.Days(r.Context(), c.Name, "")
			if err != nil {
				return err
			}
			for _, d := range days {
				if d.Published > 0 && len(d.Date) >= 7 {
					counts[d.Date[:7]] += d.Published
				}
			}
		}
		v.Months = months(counts)
		for _, m := range v.Months {
			v.Counts = append(v.Counts, m.Count)
		}
		v.Last = len(v.Months) - 1
		return s.show(w, r, http.StatusOK, "ministry", name, v)
	})
}

// months lists every month from the first to the last that has a count.
func months(counts map[string]int) (all []month) {
	if len(counts) == 0 {
		return nil
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	last := names[len(names)-1]
	at, err := time.Parse("2006-01", names[0])
	if err != nil {
		return nil
	}
	end, err := time.Parse("2006-01", last)
	if err != nil {
		return nil
	}
	if first := end.AddDate(0, 1-maxMonths, 0); at.Before(first) {
		at = first
	}
	for ; !at.After(end); at = at.AddDate(0, 1, 0) {
		name := at.Format("2006-01")
		all = append(all, month{name, counts[name]})
	}
	return all
}

type changesView struct {
	Changes []changeRow
	Visits  int // how many were looked at when there are more; 0 when it was all of them
}

func (changesView) feed() string { return "/feed?changed=1" }

// A changeRow is a version that is not the first of its article.
type changeRow struct {
	ID, Title, Site, URL string
	Number               int
	Fetched              time.Time
	Kinds                []change.Kind
}

// mostVisits is how many visits are looked at for what changed last: a page of
// an archive that stands still for years is to come soon all the same.
const mostVisits = 20_000

// latestChanges returns the last further versions, the newest first. When it
// finds fewer than limit in the last mostVisits, it looks no further, and says
// how many these were.
func latestChanges(ctx context.Context, a store.Archive, limit int) (rows []changeRow, visits int, err error) {
	seen := map[string]bool{}
	for v, err := range a.Visits(ctx, store.VisitQuery{Backwards: true}) {
		if err != nil {
			return nil, 0, err
		}
		if len(rows) == limit {
			return rows, 0, nil
		}
		if visits == mostVisits {
			return rows, visits, nil
		}
		visits++
		key := v.Article + strconv.Itoa(v.Version)
		if v.Version < 2 || seen[key] || v.Outcome == store.Same || v.Outcome == store.Earlier || v.Outcome == store.Duplicated || v.Outcome == store.NoArticle {
			continue
		}
		seen[key] = true
		history, err := a.History(ctx, v.Article)
		if err != nil {
			return nil, 0, err
		}
		if v.Version > len(history) {
			continue
		}
		before, err := decode(history[v.Version-2])
		if err != nil {
			return nil, 0, err
		}
		article, err := decode(history[v.Version-1])
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, changeRow{ID: article.ID, Title: article.Title, Site: article.Site, URL: article.URL, Number: v.Version, Fetched: v.Asked(), Kinds: change.Between(before, article).Kinds})
	}
	return rows, 0, nil
}

func (s *Server) changes(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		rows, visits, err := latestChanges(r.Context(), a, 50)
		if err != nil {
			return err
		}
		title, err := say(langOf(r), "changes")
		if err != nil {
			return err
		}
		return s.show(w, r, http.StatusOK, "changes", title, changesView{rows, visits})
	})
}

type healthView struct {
	Live    *Live
	Alarms  []store.Alarm
	Reports []watch.Report
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		var v healthView
		var err error
		if v.Reports, err = s.reports(r.Context(), a); err != nil {
			return err
		}
		for _, x := range v.Reports {
			v.Alarms = append(v.Alarms, x.Alarms...)
		}
		if s.Live != nil {
			l := s.Live()
			v.Live = &l
		}
		title, err := say(langOf(r), "health")
		if err != nil {
			return err
		}
		return s.show(w, r, http.StatusOK, "health", title, v)
	})
}
