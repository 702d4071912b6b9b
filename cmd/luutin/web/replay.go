package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"luutin/extract"
	"luutin/extract/dom"
	"luutin/store"
)

// A memento is one capture of a URL (RFC 7089, section 1).
type memento struct {
	URL       string
	Time      time.Time
	Capture   string
	Status    int
	Type      string // the media type, without parameters
	As        string // the same with them, as the server said
	Digest    [32]byte
	Length    int64
	Unchanged bool // the bytes are those of an earlier one
	Dropped   *store.Drop
}

// mementos returns the captures of a URL, oldest first. ErrNotFound.
func (s *Server) mementos(ctx context.Context, a store.Archive, raw string) ([]memento, error) {
	raw = absolute(raw)
	names := []string{s.Sites.Key(s.Sites.Address(raw)), extract.CanonicalURL(raw)}
	all, err := collect(ctx, a, store.VisitQuery{URLs: names})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		// It may be another URL of an article.
		id, err := s.resolve(ctx, a, raw)
		if err != nil {
			return nil, err
		}
		v, err := a.Article(ctx, id)
		if err != nil {
			return nil, err
		}
		article, err := decode(v)
		if err != nil {
			return nil, err
		}
		names = names[:0]
		for _, u := range append([]string{article.URL, article.CanonicalURL}, article.Aliases...) {
			names = append(names, s.Sites.Key(s.Sites.Address(u)), u)
		}
		if all, err = collect(ctx, a, store.VisitQuery{URLs: names}); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", raw, store.ErrNotFound)
	}
	return all, nil
}

func collect(ctx context.Context, a store.Archive, q store.VisitQuery) (all []memento, err error) {
	for m, err := range captured(ctx, a, q) {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(x, y memento) int { return x.Time.Compare(y.Time) })
	return all, nil
}

// captured streams the visits that brought a body, or found the same again.
func captured(ctx context.Context, a store.Archive, q store.VisitQuery) iter.Seq2[memento, error] {
	return func(yield func(memento, error) bool) {
		for v, err := range a.Visits(ctx, q) {
			if err != nil {
				yield(memento{}, err)
				return
			}
			if v.Capture == "" || v.Result != store.Fetched && v.Result != store.Unchanged {
				continue
			}
			m := memento{URL: v.Target.URL, Time: v.Asked(), Capture: v.Capture, Digest: v.Digest, Length: v.Length, Unchanged: v.First != nil || v.Result == store.Unchanged, Dropped: v.Dropped}
			answer := v.Answer
			if v.First != nil && (answer == nil || v.Result == store.Unchanged) {
				answer = v.First
			}
			if answer != nil {
				m.Status, m.Type, m.As = answer.Status, mediaType(answer.ContentType), answer.ContentType
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

func mediaType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return t
}

// nearest returns the capture that is closest in time; of two that are equally
// close the earlier one.
func nearest(all []memento, at time.Time) *memento {
	best := &all[0]
	for i := range all {
		if all[i].Time.Sub(at).Abs() < best.Time.Sub(at).Abs() {
			best = &all[i]
		}
	}
	return best
}

// absolute repairs an address that came as part of a path, where some clients
// make one slash of two.
func absolute(raw string) string {
	for _, scheme := range []string{"http:/", "https:/"} {
		if rest, ok := strings.CutPrefix(raw, scheme); ok && !strings.HasPrefix(rest, "/") {
			return scheme + "/" + rest
		}
	}
	if !strings.Contains(raw, "://") {
		return "http://" + raw
	}
	return raw
}

// asked returns the URL that stands behind a prefix in the path of a request,
// as it was written, with its query.
func asked(r *http.Request, prefix string) string {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
	if r.URL.RawQuery != "" {
		raw += "?" + r.URL.RawQuery
	}
	if strings.HasPrefix(raw, "http%3A") || strings.HasPrefix(raw, "https%3A") {
		if plain, err := url.PathUnescape(raw); err == nil {
			raw = plain
		}
	}
	return absolute(raw)
}

// parseStamp reads the 4 to 14 digits of a moment.
func parseStamp(s string) (time.Time, error) {
	const form = "20060102150405"
	const least = "00000101000000"
	if len(s) < 4 || len(s) > len(form) || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, badRequest(fmt.Sprintf("%q is no moment of 14 digits such as 20180119073900", s))
	}
	t, err := time.Parse(form, s+least[len(s):])
	if err != nil {
		return time.Time{}, badRequest(fmt.Sprintf("%q is no moment of 14 digits such as 20180119073900", s))
	}
	return t, nil
}

// redirect leads to a path as it is written: http.Redirect would make one slash
// of the two in a URL.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// exact finds the capture that a path with a moment means. When none is of that
// moment it leads to the nearest and returns nil.
func (s *Server) exact(w http.ResponseWriter, r *http.Request, a store.Archive, prefix string) (*memento, []memento, error) {
	moment, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	digits, as := cutFlag(moment)
	at, err := parseStamp(digits)
	if err != nil {
		return nil, nil, err
	}
	raw := asked(r, prefix+moment+"/")
	all, err := s.mementos(r.Context(), a, raw)
	if err != nil {
		return nil, nil, err
	}
	m := nearest(all, at)
	if stamp(m.Time) != digits {
		w.Header().Set("Cache-Control", "no-store")
		redirect(w, prefix+stamp(m.Time)+as+"/"+raw)
		return nil, nil, nil
	}
	return m, all, nil
}

// asItCame stands behind the moment of a capture that is wanted unchanged, as
// other archives have it.
const asItCame = "id_"

func cutFlag(moment string) (digits, flag string) {
	if digits, ok := strings.CutSuffix(moment, asItCame); ok {
		return digits, asItCame
	}
	return moment, ""
}

type pageView struct {
	Memento memento
	All     []memento // the newest first
	Article string    // its id, when the page is one
	Frame   string
	Shown   bool // it can be shown here
}

// page shows an archived page in a frame that can do nothing, with what it is
// around it.
func (s *Server) page(w http.ResponseWriter, r *http.Request, prefix string) error {
	return s.with(r, func(a store.Archive) error {
		m, all, err := s.exact(w, r, a, prefix)
		if err != nil || m == nil {
			return err
		}
		v := pageView{Memento: *m, All: slices.Clone(all), Frame: "/replay/" + stamp(m.Time) + "/" + m.URL, Shown: m.Dropped == nil && m.Length <= maxShown && showable(m.Type)}
		slices.Reverse(v.All)
		if len(v.All) > 100 {
			v.All = v.All[:100]
		}
		if id, err := s.resolve(r.Context(), a, m.URL); err == nil {
			v.Article = id
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		title, err := say(langOf(r), "frame title")
		if err != nil {
			return err
		}
		return s.show(w, r, http.StatusOK, "page", title+": "+m.URL, v)
	})
}

// maxShown is the largest body that is cleaned and shown.
const maxShown = 16 << 20

func showable(kind string) bool {
	return kind == "" || kind == "text/html" || kind == "application/xhtml+xml" || strings.HasPrefix(kind, "text/") ||
		strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") || picture(kind)
}

// picture reports kinds of pictures that are nothing but pictures.
func picture(kind string) bool {
	return slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}, kind)
}

// replay shows a capture by itself: what stands in the frame, and a memento to
// programs.
func (s *Server) replay(w http.ResponseWriter, r *http.Request, prefix string) error {
	return s.with(r, func(a store.Archive) error {
		m, all, err := s.exact(w, r, a, prefix)
		if err != nil || m == nil {
			return err
		}
		h := w.Header()
		h.Set("Memento-Datetime", m.Time.UTC().Format(http.TimeFormat))
		for _, l := range s.links(r, m.URL, all, m) {
			h.Add("Link", l)
		}
		moment, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
		if _, flag := cutFlag(moment); flag != "" {
			// The policy keeps it from doing anything wherever it is opened.
			h.Set("Content-Type", "application/octet-stream")
			if m.Type != "" {
				h.Set("Content-Type", m.As)
			}
			return s.copy(w, r, a, m.Capture)
		}
		if m.Length > maxShown || !showable(m.Type) {
			return s.send(w, r, a, m.Capture, fileName(m.URL))
		}
		page, err := a.Capture(r.Context(), m.Capture)
		if err != nil {
			return err
		}
		switch {
		case picture(m.Type):
			h.Set("Content-Type", m.Type)
			w.Write(page.Body)
		case m.Type == "" || strings.HasSuffix(m.Type, "html") || m.Type == "application/xhtml+xml":
			h.Set("Content-Type", "text/html; charset=utf-8")
			through := func(u string) string { return "/replay/" + stamp(m.Time) + "/" + u }
			pictures := func(u string) string {
				if kept, err := s.kept(r.Context(), a, u); err != nil || !kept {
					return ""
				}
				return through(u)
			}
			if err := clean(w, page.Body, page.ContentType, page.URL, through, pictures); err != nil {
				s.note(r, err)
			}
		default: // feeds, JSON, plain text: as text
			text, _, err := dom.Decode(page.Body, page.ContentType)
			if err != nil {
				return err
			}
			h.Set("Content-Type", "text/plain; charset=utf-8")
			w.Write(text)
		}
		return nil
	})
}

// raw sends the body of a capture as it came, to be kept in a file.
func (s *Server) raw(w http.ResponseWriter, r *http.Request) error {
	return s.with(r, func(a store.Archive) error {
		return s.send(w, r, a, r.PathValue("capture"), r.PathValue("capture"))
	})
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, a store.Archive, capture, name string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", replayPolicy)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	return s.copy(w, r, a, capture)
}

// copy sends the body of a capture as it came.
func (s *Server) copy(w http.ResponseWriter, r *http.Request, a store.Archive, capture string) error {
	body, err := a.Body(r.Context(), capture)
	if err != nil {
		w.Header().Del("Content-Disposition")
		return err
	}
	defer body.Close()
	const stretch = 1 << 20 // bytes that are read in maxTime on any line
	for end := time.Now().Add(maxSending); err == nil && time.Now().Before(end); {
		patience(w)
		_, err = io.CopyN(w, body, stretch)
	}
	if err == nil {
		err = context.DeadlineExceeded
	}
	if err != io.EOF {
		s.note(r, fmt.Errorf("capture %s: %w", capture, err))
		panic(http.ErrAbortHandler) // what was sent is not whole, and must not look so
	}
	return nil
}

func fileName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "capture"
	}
	name := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	if name == "" {
		return "capture"
	}
	return name
}

// root is how the service is reached, as far as the request says.
func root(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// links are the relations of a memento (RFC 7089, section 2.2).
func (s *Server) links(r *http.Request, original string, all []memento, at *memento) []string {
	base := root(r)
	out := []string{
		fmt.Sprintf(`<%s>; rel="original"`, original),
		fmt.Sprintf(`<%s/timegate/%s>; rel="timegate"`, base, original),
		fmt.Sprintf(`<%s/timemap/link/%s>; rel="timemap"; type="application/link-format"; from="%s"; until="%s"`, base, original,
			all[0].Time.UTC().Format(http.TimeFormat), all[len(all)-1].Time.UTC().Format(http.TimeFormat)),
	}
	if at == nil {
		return out
	}
	add := func(rel string, m *memento) {
		out = append(out, fmt.Sprintf(`<%s/replay/%s/%s>; rel="%s"; datetime="%s"`, base, stamp(m.Time), m.URL, rel, m.Time.UTC().Format(http.TimeFormat)))
	}
	for i := range all {
		if all[i] != *at {
			continue
		}
		if i > 0 {
			add("prev memento", &all[i-1])
		}
		if i+1 < len(all) {
			add("next memento", &all[i+1])
		}
		break
	}
	rel := "memento"
	switch {
	case *at == all[0] && len(all) == 1:
		rel = "first last memento"
	case *at == all[0]:
		rel = "first memento"
	case *at == all[len(all)-1]:
		rel = "last memento"
	}
	add(rel, at)
	return out
}

// timegate leads to the capture that is nearest to Accept-Datetime, to the
// last when there is no such header (RFC 7089, section 4.1.1).
func (s *Server) timegate(w http.ResponseWriter, r *http.Request, prefix string) error {
	w.Header().Set("Vary", "Accept-Datetime")
	at := time.Now()
	if accept := r.Header.Get("Accept-Datetime"); accept != "" {
		var err error
		if at, err = http.ParseTime(accept); err != nil {
			return badRequest(fmt.Sprintf("Accept-Datetime: %q is no date such as %s", accept, http.TimeFormat))
		}
	}
	return s.with(r, func(a store.Archive) error {
		all, err := s.mementos(r.Context(), a, asked(r, prefix))
		if err != nil {
			return err
		}
		m := nearest(all, at)
		for _, l := range s.links(r, m.URL, all, nil) {
			w.Header().Add("Link", l)
		}
		redirect(w, "/replay/"+stamp(m.Time)+"/"+m.URL)
		return nil
	})
}

// timemapJSON lists the captures of a URL as other archives do in JSON.
func (s *Server) timemapJSON(w http.ResponseWriter, r *http.Request, prefix string) error {
	return s.with(r, func(a store.Archive) error {
		all, err := s.mementos(r.Context(), a, asked(r, prefix))
		if err != nil {
			return err
		}
		base := root(r)
		type item struct {
			Datetime time.Time `json:"datetime"`
			URI      string    `json:"uri"`
		}
		list := struct {
			Original string `json:"original_uri"`
			Gate     string `json:"timegate_uri"`
			Mementos struct {
				List []item `json:"list"`
			} `json:"mementos"`
		}{Original: all[0].URL, Gate: base + "/timegate/" + all[0].URL}
		for _, m := range all {
			list.Mementos.List = append(list.Mementos.List, item{m.Time.UTC(), base + "/replay/" + stamp(m.Time) + "/" + m.URL})
		}
		return answer(w, list)
	})
}

// timemapLink lists the captures of a URL (RFC 7089, section 5).
func (s *Server) timemapLink(w http.ResponseWriter, r *http.Request, prefix string) error {
	return s.with(r, func(a store.Archive) error {
		all, err := s.mementos(r.Context(), a, asked(r, prefix))
		if err != nil {
			return err
		}
		base := root(r)
		w.Header().Set("Content-Type", "application/link-format")
		for _, l := range s.links(r, all[0].URL, all, nil) {
			l = strings.Replace(l, `rel="timemap"`, `rel="self"`, 1)
			fmt.Fprintf(w, "%s,\n", l)
		}
		for i, m := range all {
			rel := "memento"
			switch {
			case len(all) == 1:
				rel = "first last memento"
			case i == 0:
				rel = "first memento"
			case i == len(all)-1:
				rel = "last memento"
			}
			end := ",\n"
			if i == len(all)-1 {
				end = "\n"
			}
			fmt.Fprintf(w, `<%s/replay/%s/%s>; rel="%s"; datetime="%s"%s`, base, stamp(m.Time), m.URL, rel, m.Time.UTC().Format(http.TimeFormat), end)
		}
		return nil
	})
}

// maxLines is how many lines of a CDX answer there are at most.
const maxLines = 10_000

// cdx answers as a CDX server does (the one of pywb and of the Wayback
// Machine): url, matchType=exact|host|prefix|domain, from, to, limit,
// output=json|text, closest and sort.
func (s *Server) cdx(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	raw := q.Get("url")
	if raw == "" {
		return badRequest("url is missing: /cdx?url=http://moj.gov.vn/")
	}
	match := q.Get("matchType")
	if rest, ok := strings.CutSuffix(raw, "*"); ok && match == "" {
		raw, match = rest, "prefix"
	}
	limit := maxLines
	if l := q.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 {
			return badRequest("limit is a number above 0")
		}
		limit = min(n, maxLines)
	}
	var visits store.VisitQuery
	for _, x := range []struct {
		key string
		at  *time.Time
	}{{"from", &visits.Since}, {"to", &visits.Until}} {
		if v := q.Get(x.key); v != "" {
			t, err := parseStamp(v)
			if err != nil {
				return err
			}
			if *x.at = t; x.key == "to" {
				*x.at = upTo(v, t)
			}
		}
	}
	var closest time.Time
	if c := q.Get("closest"); c != "" {
		var err error
		if closest, err = parseStamp(c); err != nil {
			return err
		}
	}
	return s.with(r, func(a store.Archive) error {
		var lines []memento
		switch match {
		case "", "exact":
			all, err := s.mementos(r.Context(), a, raw)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			for _, m := range all {
				if !m.Time.Before(visits.Since) && (visits.Until.IsZero() || m.Time.Before(visits.Until)) {
					lines = append(lines, m)
				}
			}
		case "host", "prefix", "domain":
			prefix := surt(absolute(raw))
			if match != "prefix" {
				prefix, _, _ = strings.Cut(prefix, ")")
			}
			if match == "host" {
				prefix += ")"
			}
			for t, err := range a.Targets(r.Context(), store.Selection{}) {
				if err != nil {
					return err
				}
				if key := surt(t.URL); t.Capture == "" || !strings.HasPrefix(key, prefix) ||
					match == "domain" && !strings.HasPrefix(key, prefix+")") && !strings.HasPrefix(key, prefix+",") {
					continue
				}
				one := visits
				one.URLs = []string{t.Known()}
				all, err := collect(r.Context(), a, one)
				if err != nil {
					return err
				}
				if lines = append(lines, all...); len(lines) > maxLines {
					break
				}
			}
			slices.SortStableFunc(lines, func(x, y memento) int { return strings.Compare(surt(x.URL), surt(y.URL)) })
		default:
			return badRequest("matchType is exact, prefix, host or domain")
		}
		switch {
		case !closest.IsZero():
			slices.SortStableFunc(lines, func(x, y memento) int {
				return int(min(max(x.Time.Sub(closest).Abs()-y.Time.Sub(closest).Abs(), -1), 1))
			})
		case q.Get("sort") == "reverse":
			slices.Reverse(lines)
		}
		lines = lines[:min(len(lines), limit)]
		if q.Get("output") == "json" {
			w.Header().Set("Content-Type", "application/x-ndjson")
			enc := json.NewEncoder(w)
			enc.SetEscapeHTML(false)
			for _, m := range lines {
				enc.Encode(struct {
					Key       string `json:"urlkey"`
					Timestamp string `json:"timestamp"`
					URL       string `json:"url"`
					Mime      string `json:"mime"`
					Status    string `json:"status"`
					Digest    string `json:"digest"`
					Length    string `json:"length"`
					Capture   string `json:"capture"`
				}{surt(m.URL), stamp(m.Time), m.URL, cdxMime(m), strconv.Itoa(m.Status), digest(m), strconv.FormatInt(m.Length, 10), m.Capture})
			}
			return nil
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, m := range lines {
			// urlkey timestamp original mimetype statuscode digest length
			fmt.Fprintf(w, "%s %s %s %s %d %s %d\n", surt(m.URL), stamp(m.Time), m.URL, cdxMime(m), m.Status, digest(m), m.Length)
		}
		return nil
	})
}

// upTo is the end of the year, day or second that a stamp names.
func upTo(s string, t time.Time) time.Time {
	switch {
	case len(s) <= 5:
		return t.AddDate(1, 0, 0)
	case len(s) <= 7:
		return t.AddDate(0, 1, 0)
	case len(s) <= 9:
		return t.AddDate(0, 0, 1)
	case len(s) <= 11:
		return t.Add(time.Hour)
	case len(s) <= 13:
		return t.Add(time.Minute)
	}
	return t.Add(time.Second)
}

func cdxMime(m memento) string {
	if m.Unchanged {
		return "warc/revisit"
	}
	if m.Type == "" {
		return "unk"
	}
	return m.Type
}

func digest(m memento) string { return fmt.Sprintf("sha256:%x", m.Digest) }

// surt is a URL in the order in which CDX files are sorted: vn,gov,moj)/path
// (Sort-friendly URI Reordering Transform, as the Wayback Machine writes it).
func surt(raw string) string {
	u, err := url.Parse(extract.CanonicalURL(raw))
	if err != nil {
		return raw
	}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	parts := strings.Split(host, ".")
	slices.Reverse(parts)
	key := strings.Join(parts, ",")
	if p := u.Port(); p != "" {
		key += ":" + p
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	key += ")" + strings.ToLower(path)
	if u.RawQuery != "" {
		key += "?" + strings.ToLower(u.RawQuery)
	}
	return key
}
