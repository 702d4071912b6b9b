package warc

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
)

// Options say what is written.
type Options struct {
	store.VisitQuery
	Software string    // that writes it, with its version
	Now      time.Time // the date of the file

	// LeftOut is told of each visit that is left out because the body of its
	// answer cannot be read, or of which the article is, and why. nil means that
	// the first ends the export.
	LeftOut func(v *store.VisitRecord, why error)
}

// Counts tell what was written.
type Counts struct {
	Visits    int // that were chosen, and could be read
	LeftOut   int // that were chosen, and could not
	Unread    int // articles that could not, of visits that were written
	Responses int // records with a body of their own
	Revisits  int // records that refer to an earlier one
	Headless  int // records of answers whose bodies were dropped
	Bytes     int64
}

// The media types of the metadata records: what is known of a visit, and the
// article that was read.
const (
	visitType   = "application/vnd.luutin.visit+json"
	articleType = "application/vnd.luutin.article+json"
)

// profile begins the names of the ways to refer to an earlier record.
const profile = "http://netpreserve.org/warc/1.1/revisit/"

// moved are the headers of an answer that do not fit a body which is kept
// without content coding. They keep what they said under another name.
const moved = "X-Archive-Orig-"

// A note is what the archive knows of a visit and no other record says.
type note struct {
	URL       string               `json:"url"`             // of the target
	Asked     string               `json:"asked,omitempty"` // what was asked for, when it was another
	Post      string               `json:"post,omitempty"`
	Known     string               `json:"known,omitempty"` // what the target is known by
	Site      string               `json:"site,omitempty"`
	Kind      extract.Kind         `json:"kind,omitempty"`
	Depth     int                  `json:"depth,omitempty"`
	Priority  int                  `json:"priority,omitempty"`
	Time      time.Time            `json:"time"` // when the visit was over
	Result    store.Result         `json:"result"`
	Reason    string               `json:"reason,omitempty"`
	Cause     string               `json:"cause,omitempty"`
	Hops      []store.Hop          `json:"hops,omitempty"`
	Took      time.Duration        `json:"took_ns,omitempty"`
	Truncated string               `json:"truncated,omitempty"` // of the body as it came
	TLS       []string             `json:"tls,omitempty"`
	Capture   string               `json:"capture,omitempty"`
	Length    int64                `json:"length,omitempty"`
	SHA256    string               `json:"sha256,omitempty"` // of the body
	Dropped   *store.Drop          `json:"dropped,omitempty"`
	Outcome   store.ArticleOutcome `json:"outcome,omitempty"`
	Article   string               `json:"article,omitempty"`
	Version   int                  `json:"version,omitempty"`
}

// Export writes the visits that o chooses, in the order in which they were
// kept. Memory does not grow with what is written.
func Export(ctx context.Context, a store.Archive, to io.Writer, o Options) (Counts, error) {
	e := &exporter{archive: a, w: newWriter(to), o: o}
	err := e.all(ctx)
	return e.counts, err
}

// An exporter writes one file.
type exporter struct {
	archive store.Archive
	w       *writer
	o       Options
	info    string // id of the warcinfo record
	counts  Counts

	indexed func(indexEntry) error                                          // may be nil
	page    func(v *store.VisitRecord, a *extract.Article, id string) error // called for each answer; may be nil
}

func (e *exporter) all(ctx context.Context) error {
	if err := e.warcinfo(); err != nil {
		return err
	}
	q := e.o.VisitQuery
	q.Headers = true
	for v, err := range e.archive.Visits(ctx, q) {
		if err == nil {
			err = e.visit(ctx, &v)
		}
		if err != nil {
			return err
		}
	}
	e.counts.Bytes = e.w.offset
	return nil
}

func (e *exporter) warcinfo() error {
	var block bytes.Buffer
	for _, f := range []Field{
		{"software", e.o.Software},
		{"format", "WARC File Format 1.1"},
		{"conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"},
		{"description", "visits of a news archive. Bodies are without content coding; Content-Encoding, Transfer-Encoding and a Content-Length " +
			"that does not fit are kept as " + moved + "*. Headers of requests are not known but for Host. Version and reason of the status line are not known."},
	} {
		fmt.Fprintf(&block, "%s: %s\r\n", f.Name, f.Value)
	}
	e.info = uuid5("luutin warcinfo\n" + date(e.o.Now) + "\n" + fmt.Sprint(e.o.VisitQuery))
	h := Header{{"WARC-Type", "warcinfo"}, {"WARC-Record-ID", e.info}, {"WARC-Date", date(e.o.Now)},
		{"Content-Type", "application/warc-fields"}, {"WARC-Block-Digest", digestOf(block.Bytes())}}
	_, _, err := e.w.record(h, int64(block.Len()), &block)
	return err
}

// recordID is the id of a record of an answer.
func recordID(kind, finalURL, post string, asked time.Time) string {
	return uuid5("luutin " + kind + "\n" + finalURL + "\n" + post + "\n" + date(asked))
}

func responseID(c *store.Capture) string { return recordID("response", c.FinalURL, c.Post, c.Fetched) }

// fields are those that all records of a visit have.
func (e *exporter) fields(kind, id, target string, asked time.Time) Header {
	h := Header{{"WARC-Type", kind}, {"WARC-Record-ID", id}, {"WARC-Date", date(asked)}}
	h.add("WARC-Target-URI", address(target))
	h.add("WARC-Warcinfo-ID", e.info)
	return h
}

// small writes a record whose block is in memory.
func (e *exporter) small(h Header, contentType string, block []byte) (offset, size int64, err error) {
	h.add("Content-Type", contentType)
	h.add("WARC-Block-Digest", digestOf(block))
	return e.w.record(h, int64(len(block)), bytes.NewReader(block))
}

func (e *exporter) visit(ctx context.Context, v *store.VisitRecord) error {
	answer := v.Answer
	if answer == nil && v.Result == store.Unchanged && v.First != nil {
		answer = &store.Capture{URL: v.Target.URL, Post: v.Target.Post, FinalURL: v.First.FinalURL, Status: http.StatusNotModified, Fetched: v.Time}
	}
	id := ""
	var article []byte
	var b *body
	var err error
	if answer != nil {
		b, err = e.body(ctx, v, answer)
	} else if v.Result == store.Fetched { // there was one
		err = errors.New("the answer is lost: a repair could not save it")
	}
	if err != nil {
		if err = e.leaveOut(ctx, v, fmt.Errorf("the visit of %s at %s: %w", v.Target.URL, date(v.Time), err)); err == nil {
			e.counts.LeftOut++
		}
		return err
	}
	e.counts.Visits++
	if answer != nil {
		id = responseID(answer)
		if err := e.redirects(answer, id); err != nil {
			return err
		}
		if err := e.answer(ctx, v, answer, b, id); err != nil {
			return fmt.Errorf("write the visit of %s at %s: %w", v.Target.URL, date(v.Time), err)
		}
		if err := e.request(answer.FinalURL, answer.Post, answer.Fetched, id); err != nil {
			return err
		}
	}
	if err := e.note(v, answer, id); err != nil {
		return err
	}
	switch v.Outcome {
	case store.Added, store.Changed, store.Withdrawn, store.Returned:
		if answer == nil {
			break // nothing that the article could refer to
		}
		if article, err = e.reading(ctx, v); err != nil {
			err = e.leaveOut(ctx, v, fmt.Errorf("the article of the visit of %s at %s: %w", v.Target.URL, date(v.Time), err))
			if err != nil {
				return err
			}
			e.counts.Unread++
			break
		}
		h := e.fields("metadata", recordID("article", v.Article, fmt.Sprint(v.Version), v.Asked()), answer.FinalURL, answer.Fetched)
		h.add("WARC-Refers-To", id)
		if _, _, err := e.small(h, articleType, article); err != nil {
			return err
		}
	}
	if e.page != nil && answer != nil {
		var a *extract.Article
		if article != nil {
			a = new(extract.Article)
			if err := json.Unmarshal(article, a); err != nil {
				return fmt.Errorf("read version %d of %s: %w", v.Version, v.Article, err)
			}
		}
		return e.page(v, a, id)
	}
	return nil
}

// leaveOut tells of what cannot be read of a visit. It returns why when the export
// is not to go on without it.
func (e *exporter) leaveOut(ctx context.Context, v *store.VisitRecord, why error) error {
	if ctx.Err() != nil || e.o.LeftOut == nil || errors.Is(why, fs.ErrPermission) {
		return why
	}
	e.o.LeftOut(v, why)
	return nil
}

// reading returns the version of the article that a visit brought.
func (e *exporter) reading(ctx context.Context, v *store.VisitRecord) ([]byte, error) {
	version, err := e.archive.Version(ctx, v.Article, v.Version)
	return version.JSON, err
}

// redirects writes the answers that led to the last one.
func (e *exporter) redirects(answer *store.Capture, id string) error {
	for i, hop := range answer.Hops {
		if i == len(answer.Hops)-1 && hop.URL == answer.FinalURL && hop.Status == answer.Status {
			return nil // it is the answer
		}
		own := recordID(fmt.Sprintf("redirect %d to %s", i, id), hop.URL, answer.Post, answer.Fetched)
		h := e.fields("response", own, hop.URL, answer.Fetched)
		h.add("WARC-Concurrent-To", id)
		h.add("WARC-Payload-Digest", digestOf(nil))
		block := fmt.Appendf(nil, "%sLocation: %s\r\nContent-Length: 0\r\n\r\n", statusLine(hop.Status), oneLine(hop.To))
		offset, size, err := e.small(h, "application/http; msgtype=response", block)
		if err != nil {
			return err
		}
		e.counts.Responses++
		if err := e.index(indexEntry{url: hop.URL, at: answer.Fetched, status: hop.Status, digest: digestOf(nil), offset: offset, size: size}); err != nil {
			return err
		}
		if err := e.request(hop.URL, "", answer.Fetched, own); err != nil {
			return err
		}
	}
	return nil
}

// request writes what is known of a request.
func (e *exporter) request(target, post string, asked time.Time, response string) error {
	u, err := url.Parse(address(target))
	if err != nil || u.Host == "" {
		return nil // nothing is known of it
	}
	method := http.MethodGet
	if post != "" {
		method = http.MethodPost
	}
	block := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, u.RequestURI(), u.Host)
	if post != "" {
		kind := "application/x-www-form-urlencoded"
		if post[0] == '{' || post[0] == '[' {
			kind = "application/json"
		}
		block = fmt.Appendf(block, "Content-Type: %s\r\nContent-Length: %d\r\n", kind, len(post))
	}
	block = append(append(block, "\r\n"...), post...)
	h := e.fields("request", recordID("request of "+response, target, post, asked), target, asked)
	h.add("WARC-Concurrent-To", response)
	_, _, err = e.small(h, "application/http; msgtype=request", block)
	return err
}

func (e *exporter) note(v *store.VisitRecord, answer *store.Capture, id string) error {
	t := &v.Target
	n := note{
		URL: t.URL, Post: t.Post, Known: t.Known(), Site: t.Site, Kind: t.Kind, Depth: t.Depth, Priority: t.Priority,
		Time: v.Time, Result: v.Result, Reason: v.Reason, Cause: v.Cause, Capture: v.Capture, Length: v.Length,
		Outcome: v.Outcome, Article: v.Article, Version: v.Version, Dropped: v.Dropped,
	}
	target := t.URL
	if answer != nil {
		if n.Hops, n.Took, n.Truncated, n.TLS = answer.Hops, answer.Took, answer.Truncated, answer.TLS; answer.URL != t.URL {
			n.Asked = answer.URL
		}
		target = answer.FinalURL
	}
	if v.Capture != "" {
		n.SHA256 = hex.EncodeToString(v.Digest[:])
	}
	block, err := json.Marshal(n)
	if err != nil {
		return err
	}
	h := e.fields("metadata", recordID("visit", t.Known(), "", v.Asked()), target, v.Asked())
	h.add("WARC-Concurrent-To", id)
	_, _, err = e.small(h, visitType, block)
	return err
}

// A body is what is known of one before a record of it is written.
type body struct {
	head           []byte // of the answer
	payload, block string // digests: of the body, and with the head before it
	text           []byte // the body, when it is held in memory
	stream         bool   // it is read once more instead
}

// body reads the body of an answer. It is nil when no record needs it.
func (e *exporter) body(ctx context.Context, v *store.VisitRecord, answer *store.Capture) (*body, error) {
	if v.Dropped != nil || v.Result == store.Unchanged {
		return nil, nil
	}
	if v.Capture == "" {
		return nil, errors.New("the body is lost: a repair could not save it")
	}
	b := &body{head: blockHeader(answer, v.Length)}
	payload, block := sha1.New(), sha1.New()
	block.Write(b.head)
	to := io.MultiWriter(payload, block)
	const inMemory = 1 << 20
	var text bytes.Buffer
	if v.Length <= inMemory {
		to = io.MultiWriter(payload, block, &text)
	}
	if err := e.copyBody(ctx, to, v.Capture); err != nil {
		return nil, err
	}
	b.stream = v.Length > inMemory
	b.payload, b.block, b.text = digest(payload), digest(block), text.Bytes()
	return b, nil
}

// answer writes a response, or a revisit where an earlier record of this file
// has the same bytes.
func (e *exporter) answer(ctx context.Context, v *store.VisitRecord, answer *store.Capture, b *body, id string) error {
	h := e.fields("response", id, answer.FinalURL, answer.Fetched)
	if v.Dropped != nil && v.Result != store.Unchanged {
		return e.headless(h, v, answer)
	}
	if v.Result != store.Unchanged && !e.writtenBefore(v.First, v) {
		return e.response(ctx, h, v, answer, b)
	}
	kind, payload := "server-not-modified", ""
	if b != nil {
		kind, payload = "identical-payload-digest", b.payload
	}
	h[0].Value = "revisit"
	h.add("WARC-Profile", profile+kind)
	if v.First != nil {
		h.add("WARC-Refers-To", responseID(v.First))
		h.add("WARC-Refers-To-Target-URI", address(v.First.FinalURL))
		h.add("WARC-Refers-To-Date", date(v.First.Fetched))
	}
	h.add("WARC-Payload-Digest", payload)
	offset, size, err := e.small(h, "application/http; msgtype=response", blockHeader(answer, v.Length))
	if err != nil {
		return err
	}
	e.counts.Revisits++
	if kind == "server-not-modified" {
		return nil // it cannot be replayed, and what it refers to stands in the index
	}
	return e.index(indexEntry{url: answer.FinalURL, post: answer.Post, at: answer.Fetched, status: answer.Status, mime: "warc/revisit",
		digest: payload, offset: offset, size: size})
}

// writtenBefore reports whether the answer that brought the bytes of a visit
// is in this file.
func (e *exporter) writtenBefore(first *store.Capture, v *store.VisitRecord) bool {
	if first == nil || first.Fetched.Before(e.o.Since) {
		return false
	}
	return len(e.o.Sites) == 0 || first.URL == v.Answer.URL && first.Post == v.Answer.Post
}

func (e *exporter) response(ctx context.Context, h Header, v *store.VisitRecord, answer *store.Capture, b *body) error {
	h.add("Content-Type", "application/http; msgtype=response")
	h.add("WARC-Payload-Digest", b.payload)
	h.add("WARC-Block-Digest", b.block)
	h.add("WARC-Truncated", answer.Truncated)
	from := io.MultiReader(bytes.NewReader(b.head), bytes.NewReader(b.text))
	if b.stream {
		stream, err := e.archive.Body(ctx, v.Capture)
		if err != nil {
			return err
		}
		defer stream.Close()
		from = io.MultiReader(bytes.NewReader(b.head), stream)
	}
	offset, size, err := e.w.record(h, int64(len(b.head))+v.Length, from)
	if err != nil {
		return err
	}
	e.counts.Responses++
	mime, _, _ := strings.Cut(answer.ContentType, ";")
	return e.index(indexEntry{url: answer.FinalURL, post: answer.Post, at: answer.Fetched, status: answer.Status, mime: strings.TrimSpace(mime),
		digest: b.payload, offset: offset, size: size})
}

// headless writes what is left of an answer whose body was dropped: its headers.
// It stands in no index, since it cannot be replayed, and has no digest of a
// payload, which would have to be that of the bytes that it has; the note says
// what they were.
func (e *exporter) headless(h Header, v *store.VisitRecord, answer *store.Capture) error {
	h.add("WARC-Truncated", "unspecified")
	_, _, err := e.small(h, "application/http; msgtype=response", blockHeader(answer, v.Length))
	e.counts.Headless++
	return err
}

func (e *exporter) copyBody(ctx context.Context, to io.Writer, capture string) error {
	body, err := e.archive.Body(ctx, capture)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, body)
	return errors.Join(err, body.Close())
}

func (e *exporter) index(x indexEntry) error {
	if e.indexed == nil {
		return nil
	}
	return e.indexed(x)
}

func statusLine(status int) string {
	return fmt.Sprintf("HTTP/1.1 %03d %s\r\n", status, http.StatusText(status))
}

// blockHeader is the head of an answer as it fits a body of so many bytes
// without content coding.
func blockHeader(c *store.Capture, length int64) []byte {
	b := []byte(statusLine(c.Status))
	for _, name := range slices.Sorted(maps.Keys(c.Header)) {
		for _, value := range c.Header[name] {
			switch {
			case strings.EqualFold(name, "Content-Encoding"), strings.EqualFold(name, "Transfer-Encoding"):
				b = fmt.Appendf(b, "%s%s: %s\r\n", moved, name, oneLine(value))
			case strings.EqualFold(name, "Content-Length") && strings.TrimSpace(value) != fmt.Sprint(length):
				b = fmt.Appendf(b, "%s%s: %s\r\n", moved, name, oneLine(value))
				if c.Status != http.StatusNotModified {
					b = fmt.Appendf(b, "Content-Length: %d\r\n", length)
				}
			default:
				b = fmt.Appendf(b, "%s: %s\r\n", name, oneLine(value))
			}
		}
	}
	return append(b, "\r\n"...)
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// address is a URL as a WARC-Target-URI may hold it.
func address(raw string) string {
	if u, err := url.Parse(strings.TrimSpace(raw)); err == nil {
		return u.String()
	}
	return strings.NewReplacer(" ", "%20", "\r", "%0D", "\n", "%0A").Replace(raw)
}
