package web

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"luutin/crawler/watch"
	"luutin/store"
	"luutin/store/dataset"
	"luutin/store/search"
)

func itoa(n int) string { return strconv.Itoa(n) }

// openapi.json describes the interface (OpenAPI 3.1).
//
//go:embed openapi.json
var openAPI []byte

func (s *Server) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Write(openAPI)
	return nil
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(b, '\n')) // whoever has gone needs no answer
	return nil
}

// parameter reads a parameter.
func parameter(r *http.Request, name string, usual, least, most int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, badRequest(name + " is a number from " + itoa(least) + " to " + itoa(most))
	}
	return n, nil
}

func (s *Server) apiSearch(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r.URL.Query())
	if err != nil {
		return wrongQuery(err)
	}
	if q.Limit, err = parameter(r, "limit", perPage, 1, 100); err != nil {
		return err
	}
	if q.Offset, err = parameter(r, "offset", 0, 0, perPage*maxPages); err != nil {
		return err
	}
	q.Facets = true
	found, err := s.finder.Find(r.Context(), q)
	if err != nil {
		return wrongQuery(err)
	}
	if found.Hits == nil {
		found.Hits = []search.Hit{}
	}
	return answer(w, found)
}

// maxAnswer is how many bytes of articles are enough for an answer: they are
// held until they are read.
const maxAnswer = 2 << 20

// apiArticles lists articles as they are exported, one JSON object a line,
// with the cursor of the last in Luutin-After.
func (s *Server) apiArticles(w http.ResponseWriter, r *http.Request) error {
	limit, err := parameter(r, "limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	q := store.Query{Sites: v["site"], After: v.Get("after"), History: v.Get("history") == "1"}
	days := dataset.Filter{Since: v.Get("since"), Until: v.Get("until")}
	if wrong := days.Reach(&q); wrong != "" {
		return badRequest(wrong + " is a day such as 2018-01-19")
	}
	return s.with(r, func(a store.Archive) error {
		var lines []byte
		last, n, leftOut := "", 0, 0
		damaged := func(_ *store.Version, why *store.Damaged) {
			leftOut++
			s.note(r, why)
		}
		for version, err := range store.Readable(a.Articles(r.Context(), q), damaged) {
			if err != nil {
				if q.After != "" && n == 0 && (errors.Is(err, store.ErrCursor) || strings.Contains(err.Error(), "cursor")) {
					return badRequest("after is no cursor of this archive")
				}
				return err
			}
			if !days.Match(&version) {
				continue
			}
			if n++; n > limit || len(lines) > maxAnswer {
				w.Header().Set("Luutin-After", last)
				break
			}
			lines = append(append(lines, version.JSON...), '\n')
			last = version.Cursor
		}
		if leftOut > 0 {
			w.Header().Set("Luutin-Left-Out", strconv.Itoa(leftOut))
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Write(lines)
		return nil
	})
}

func (s *Server) apiArticle(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		id, err := s.resolve(r.Context(), a, r.PathValue("id"))
		if err != nil {
			return err
		}
		v, err := a.Article(r.Context(), id)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(append(v.JSON, '\n'))
		return nil
	})
}

func (s *Server) apiVersions(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		history, err := s.history(r.Context(), a, r.PathValue("id"))
		if err != nil {
			return err
		}
		all := make([]json.RawMessage, 0, len(history))
		for _, v := range history {
			all = append(all, v.JSON)
		}
		return answer(w, all)
	})
}

func (s *Server) apiDiff(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		history, err := s.history(r.Context(), a, r.PathValue("id"))
		if err != nil {
			return err
		}
		v, err := compared(r.Context(), a, history, r.URL.Query().Get("from"), r.URL.Query().Get("to"))
		if err != nil {
			return err
		}
		return answer(w, struct {
			ID     string `json:"id"`
			From   int    `json:"from"`
			To     int    `json:"to"`
			Change any    `json:"change"`
		}{v.ID, v.From.Number, v.To.Number, v.Change})
	})
}

// apiResolve says which article a URL led to last.
func (s *Server) apiResolve(w http.ResponseWriter, r *http.Request) error {
	raw := r.URL.Query().Get("url")
	if raw == "" {
		return badRequest("url is missing: /api/resolve?url=http://moj.gov.vn/")
	}
	return s.with(r, func(a store.Archive) error {
		id, err := s.resolve(r.Context(), a, raw)
		if err != nil {
			return err
		}
		return answer(w, struct {
			ID string `json:"id"`
		}{id})
	})
}

// apiSites tells how the sites are doing: what luutin status --json tells.
func (s *Server) apiSites(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		reports, err := s.reports(r.Context(), a)
		if err != nil {
			return err
		}
		if reports == nil {
			reports = []watch.Report{}
		}
		return answer(w, reports)
	})
}

func (s *Server) apiLive(w http.ResponseWriter, _ *http.Request) error {
	l := Live{Recent: []string{}}
	if s.Live != nil {
		l = s.Live()
	}
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, l)
}
