package warc

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"luutin/extract"
	"luutin/store"
)

// A Found is an answer that somebody captured.
type Found struct {
	store.Capture              // without its body; the headers as they came
	Where         string       // the file, and where in it
	Target        store.Target // what was to be visited, when a luutin wrote it; otherwise the zero value
	Time          time.Time    // when the visit was over
	Result        store.Result // what a luutin made of it; "" otherwise
	Reason, Cause string       // the same
	Unchanged     bool         // the server said that the last answer still holds
	Aliases       []string     // further URLs that led to it

	open func() (io.ReadCloser, error)
}

// OpenBody returns the body without transfer and content coding. A coding that
// is broken half way is an error of a Read.
func (f *Found) OpenBody() (io.ReadCloser, error) { return f.open() }

// A Skip is something that was not taken.
type Skip struct {
	Where string // the file, and where in it
	What  string
}

// An Input is what files hold of some sites.
type Input struct {
	Skips  []Skip         // what is damaged or cannot be read
	Others map[string]int // hosts of other sites, and how many answers of theirs
	Aside  int            // answers that are no pages and no documents: pictures, styles, scripts
	Files  int            // that were read

	wanted  func(rawURL string) bool
	sources []*source
	entries []entry
	posts   map[string]place // requests with a method other than GET, by their ids
	notes   map[string]place // by the id of the record that they are about
	temp    string
}

// A source is one file.
type source struct {
	name  string
	src   io.ReaderAt
	size  int64
	close func() error
}

// A place is where a record is.
type place struct {
	source        int
	offset, inner int64
}

func (in *Input) where(p place) string {
	return fmt.Sprintf("%s, at byte %d", in.sources[p.source].name, p.offset)
}

// An entry is what the index knows of a record.
type entry struct {
	place
	kind     string // response, resource, revisit, redirect or file
	id, with string // its own id, and that of a request that goes with it
	uri      string
	at       time.Time
	order    time.Time // see settle
	status   int
	to       string // where a redirect leads
	refers   string // of a revisit: the id of what it refers to
	refURI   string
	refAt    string
	payload  string
	profile  string
}

// Open looks through files (WARC, WACZ, saved HTML) and directories of them for
// answers from URLs that are wanted. What is damaged is noted, not an error.
func Open(ctx context.Context, names []string, wanted func(rawURL string) bool) (*Input, error) {
	in := &Input{Others: map[string]int{}, wanted: wanted, posts: map[string]place{}, notes: map[string]place{}}
	for _, name := range names {
		if err := in.add(ctx, name); err != nil {
			return nil, errors.Join(err, in.Close())
		}
	}
	in.settle()
	return in, nil
}

// Close closes the files.
func (in *Input) Close() (err error) {
	for _, s := range in.sources {
		if s.close != nil {
			err = errors.Join(err, s.close())
		}
	}
	if in.temp != "" {
		err = errors.Join(err, os.RemoveAll(in.temp))
	}
	return err
}

func (in *Input) skip(where, what string) { in.Skips = append(in.Skips, Skip{where, what}) }

var pageNames = []string{".html", ".htm", ".xhtml"}

func (in *Input) add(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return in.addFile(ctx, name, "")
	}
	return filepath.WalkDir(name, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		lower := strings.ToLower(file)
		switch ext := filepath.Ext(lower); {
		case !d.Type().IsRegular():
			return ctx.Err()
		case slices.Contains(pageNames, ext), ext == ".warc", ext == ".wacz", strings.HasSuffix(lower, ".warc.gz"):
			return in.addFile(ctx, file, name)
		}
		return nil
	})
}

// addFile looks through one file; root is the directory that was named, if it
// was one.
func (in *Input) addFile(ctx context.Context, name, root string) error {
	in.Files++
	if slices.Contains(pageNames, strings.ToLower(filepath.Ext(name))) {
		return in.addPage(name, root)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	switch head = head[:n]; {
	case string(head) == "PK\x03\x04":
		in.sources = append(in.sources, &source{name, f, info.Size(), f.Close}) // for closing it
		return in.addPackage(ctx, name, f, info.Size())
	case string(head) == "\x28\xb5\x2f\xfd" || bytes.HasPrefix(head, []byte{0x5d, 0x2a, 0x4d, 0x18}):
		in.skip(name, "it is packed with zstd: unpack it first, as with zstd -d")
		return f.Close()
	}
	return in.index(ctx, &source{name, f, info.Size(), f.Close})
}

// addPackage looks through the WARC files of a WACZ package.
func (in *Input) addPackage(ctx context.Context, name string, f *os.File, size int64) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		in.skip(name, err.Error())
		return nil
	}
	found := false
	for _, file := range z.File {
		lower := strings.ToLower(file.Name)
		if !strings.HasSuffix(lower, ".warc") && !strings.HasSuffix(lower, ".warc.gz") {
			continue
		}
		found = true
		inside := name + "/" + file.Name
		if file.Method == zip.Store {
			offset, err := file.DataOffset()
			if err != nil {
				in.skip(inside, err.Error())
				continue
			}
			length := int64(file.CompressedSize64)
			if err := in.index(ctx, &source{inside, io.NewSectionReader(f, offset, length), length, nil}); err != nil {
				return err
			}
			continue
		}
		r, err := file.Open()
		if err != nil {
			in.skip(inside, err.Error())
			continue
		}
		s, err := in.unpack(inside, r)
		r.Close()
		if err != nil {
			return err
		}
		if err := in.index(ctx, s); err != nil {
			return err
		}
	}
	if !found {
		in.skip(name, "there is no WARC file in it")
	}
	return nil
}

// unpack makes a file of what can only be read from its beginning. Where that
// breaks off, the rest is not there.
func (in *Input) unpack(name string, r io.Reader) (*source, error) {
	if in.temp == "" {
		var err error
		if in.temp, err = os.MkdirTemp("", "luutin-import-*"); err != nil {
			return nil, err
		}
	}
	f, err := os.CreateTemp(in.temp, "warc-*")
	if err != nil {
		return nil, err
	}
	from := &failing{r: r}
	n, err := io.Copy(f, from)
	if from.err != nil {
		in.skip(name, fmt.Sprintf("unpacked to %d bytes, then: %v", n, from.err))
	} else if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{name, f, n, f.Close}, nil
}

// A failing reader ends where it fails, and remembers why.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err, err = err, io.EOF
	}
	return n, err
}

// index notes the records of a WARC file.
func (in *Input) index(ctx context.Context, s *source) error {
	in.sources = append(in.sources, s)
	number, begin, skips := len(in.sources)-1, len(in.entries), len(in.Skips)
	r := NewReader(s.src, s.size)
	records := 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := r.Next()
		var damage *Damage
		switch {
		case err == io.EOF:
			if records == 0 && len(in.Skips) == skips {
				in.skip(s.name, "there is no record in it")
			}
			return nil
		case errors.As(err, &damage):
			in.skip(fmt.Sprintf("%s, at byte %d", s.name, damage.Offset), damage.What)
			// What was read of it is not to be believed.
			in.entries = slices.DeleteFunc(in.entries, func(e entry) bool { return e.source == number && e.offset == damage.Offset })
			continue
		case err != nil:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		records++
		if rec.Inner > 0 {
			// One member for all: no record could be found again but by unpacking what is before it.
			in.entries = in.entries[:begin]
			z, err := gzip.NewReader(io.NewSectionReader(s.src, 0, s.size))
			if err != nil {
				return fmt.Errorf("read %s: %w", s.name, err)
			}
			unpacked, err := in.unpack(s.name, z)
			if err != nil {
				return err
			}
			return in.index(ctx, unpacked)
		}
		if err := in.note(number, rec); err != nil {
			in.skip(in.where(place{number, rec.Offset, rec.Inner}), err.Error())
		}
	}
}

// note takes a record into the index. An error says what is wrong with it; that
// its block cannot be read will be found again by what reads on.
func (in *Input) note(number int, rec *Record) error {
	h := rec.Header
	e := entry{
		place: place{number, rec.Offset, rec.Inner}, kind: rec.Type(), id: h.Get("WARC-Record-ID"), with: h.Get("WARC-Concurrent-To"),
		uri: rec.URI(), at: rec.Date(), payload: h.Get("WARC-Payload-Digest"), profile: h.Get("WARC-Profile"),
		refers: h.Get("WARC-Refers-To"), refURI: h.Get("WARC-Refers-To-Target-URI"), refAt: h.Get("WARC-Refers-To-Date"),
	}
	switch e.kind {
	case "metadata":
		if h.Get("Content-Type") == visitType && e.with != "" {
			in.notes[e.with] = e.place
		}
		return nil
	case "request":
		head, _ := bufio.NewReader(rec.Block).Peek(4)
		if method := string(head); method != "GET " && method != "HEAD" && len(head) == 4 && in.wanted(e.uri) {
			in.posts[e.id] = e.place
			if e.with != "" {
				in.posts[e.with] = e.place
			}
		}
		return nil
	case "response", "resource", "revisit":
	default:
		return nil
	}
	u, err := url.Parse(e.uri)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil // dns:, urn: and the like
	}
	if !in.wanted(e.uri) {
		in.Others[strings.ToLower(u.Host)]++
		return nil
	}
	if e.at.IsZero() {
		return fmt.Errorf("its date %q is none", h.Get("WARC-Date"))
	}
	sum, want := digestIn(h.Get("WARC-Block-Digest"))
	block := rec.Block
	if sum != nil {
		block = io.TeeReader(rec.Block, sum)
	}
	contentType := h.Get("Content-Type")
	if e.kind != "resource" && rec.Length > 0 {
		status, header, err := readHead(bufio.NewReader(block))
		if err != nil {
			return fmt.Errorf("its HTTP headers: %w", err)
		}
		e.status, contentType = status, header.Get("Content-Type")
		if to := header.Get("Location"); to != "" && status >= 300 && status < 400 {
			if t, err := u.Parse(to); err == nil {
				t.Fragment = ""
				e.to = t.String()
			}
			e.kind = "redirect"
		}
	}
	if _, err := io.Copy(io.Discard, block); err != nil {
		return nil // read again by what reads on
	}
	if sum != nil && !bytes.Equal(sum.Sum(nil), want) {
		return errors.New("its block does not fit its digest")
	}
	if e.kind != "redirect" && !isNews(contentType, u.Path) {
		in.Aside++
		return nil
	}
	in.entries = append(in.entries, e)
	return nil
}

// digestIn reads a digest field: how to compute it, nil when it is not known,
// and what it says.
func digestIn(s string) (hash.Hash, []byte) {
	name, value, _ := strings.Cut(s, ":")
	var h hash.Hash
	switch strings.ToLower(strings.ReplaceAll(name, "-", "")) {
	case "sha1":
		h = sha1.New()
	case "sha256":
		h = sha256.New()
	case "md5":
		h = md5.New()
	default:
		return nil, nil
	}
	if raw, err := hex.DecodeString(value); err == nil && len(raw) == h.Size() {
		return h, raw
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(value), "="))
	if err != nil || len(raw) != h.Size() {
		return nil, nil
	}
	return h, raw
}

// isNews says whether an answer may be a page or a document, by its type or,
// when that says nothing, by its name.
func isNews(contentType, name string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "font/"), strings.HasPrefix(kind, "video/"), strings.HasPrefix(kind, "audio/"),
		kind == "text/css", strings.Contains(kind, "javascript"), strings.Contains(kind, "font"), kind == "application/wasm":
		return false
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".css", ".js", ".mjs", ".map", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".woff", ".woff2", ".ttf", ".eot", ".mp4", ".mp3", ".webm":
		return strings.Contains(kind, "html") // as a page that says that it is gone
	}
	return true
}

// settle brings the entries into the order of time. What a crawler wrote with
// many hands is a little out of order in its file; that order is kept, since
// it is the one in which things were found.
func (in *Input) settle() {
	const hands = time.Hour
	var last time.Time
	source := -1
	for i := range in.entries {
		e := &in.entries[i]
		if e.source != source {
			source, last = e.source, time.Time{}
		}
		if e.order = e.at; e.at.Before(last) && last.Sub(e.at) < hands {
			e.order = last
		}
		last = e.order
	}
	slices.SortStableFunc(in.entries, func(a, b entry) int { return a.order.Compare(b.order) })
}

// All yields what was found, the oldest first. Whatever cannot be read is added
// to Skips. An error ends it.
func (in *Input) All(ctx context.Context) iter.Seq2[*Found, error] {
	return func(yield func(*Found, error) bool) {
		x := in.crossIndex()
		for i := range in.entries {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			e := &in.entries[i]
			f, err := x.found(e)
			if err != nil {
				in.skip(in.where(e.place), err.Error())
				continue
			}
			if f != nil && !yield(f, nil) {
				return
			}
		}
	}
}

// A crossIndex leads from one record to another.
type crossIndex struct {
	in       *Input
	byID     map[string]*entry
	byURI    map[string]*entry // URL and date
	byDigest map[string]*entry // payload digest
	leads    map[string][]*entry
}

func (in *Input) crossIndex() *crossIndex {
	x := &crossIndex{in, map[string]*entry{}, map[string]*entry{}, map[string]*entry{}, map[string][]*entry{}}
	for i := range in.entries {
		e := &in.entries[i]
		switch e.kind {
		case "redirect":
			x.leads[e.to] = append(x.leads[e.to], e)
		case "response", "resource":
			x.byID[e.id] = e
			x.byURI[e.uri+" "+e.at.String()] = e
			if e.payload != "" && x.byDigest[e.payload] == nil {
				x.byDigest[e.payload] = e
			}
		}
	}
	return x
}

// found makes an answer of a record; nil when it is none by itself.
func (x *crossIndex) found(e *entry) (*Found, error) {
	in := x.in
	f := &Found{Where: in.where(e.place), Time: e.at, Capture: store.Capture{URL: e.uri, FinalURL: e.uri, Status: http.StatusOK, Fetched: e.at}}
	at, noted := in.notes[e.id]
	if noted && e.id != "" {
		if err := in.readNote(at, f); err != nil {
			return nil, err
		}
	}
	if e.kind == "redirect" && f.Result == "" {
		return nil, nil // see way
	}
	body := e
	if e.kind == "revisit" {
		if strings.HasSuffix(e.profile, "server-not-modified") {
			f.Unchanged, f.Status = true, http.StatusNotModified
		} else if body = x.original(e); body == nil {
			return nil, errors.New("what it refers to is not in these files")
		}
	}
	if e.status == http.StatusNotModified {
		f.Unchanged = true
	}
	if e.kind == "file" {
		f.open = func() (io.ReadCloser, error) { return os.Open(in.sources[e.source].name) }
		f.Header, f.ContentType = http.Header{"Content-Type": {"text/html"}}, "text/html"
		return x.savedPage(e, f)
	}
	if err := x.head(e, body, f); err != nil {
		return nil, err
	}
	f.open = func() (io.ReadCloser, error) { return in.body(body) }
	if post, ok := cmp2(in.posts, e.id, e.with); ok && f.Target.URL == "" {
		sent, err := in.readPost(post)
		if err != nil {
			return nil, err
		}
		f.Post = sent
	}
	if f.Target.URL == "" {
		x.way(e, f)
	}
	return f, nil
}

// cmp2 looks for one key and then for another.
func cmp2[V any](m map[string]V, a, b string) (v V, ok bool) {
	if v, ok = m[a]; ok && a != "" {
		return v, true
	}
	v, ok = m[b]
	return v, ok && b != ""
}

// original finds the record whose bytes a revisit has.
func (x *crossIndex) original(e *entry) *entry {
	if o := x.byID[e.refers]; o != nil && e.refers != "" {
		return o
	}
	if o := x.byURI[e.refURI+" "+parseDate(e.refAt).String()]; o != nil && e.refURI != "" {
		return o
	}
	if e.payload != "" {
		return x.byDigest[e.payload]
	}
	return nil
}

// head reads the headers of a record, or where a revisit has none those of the
// original.
func (x *crossIndex) head(e, body *entry, f *Found) error {
	for _, e := range []*entry{e, body} {
		rec, err := x.in.read(e.place)
		if err != nil {
			return err
		}
		if e == body && f.Truncated == "" {
			f.Truncated = strings.ToLower(rec.Header.Get("WARC-Truncated"))
		}
		if e.kind == "resource" {
			f.ContentType = rec.Header.Get("Content-Type")
			f.Header = http.Header{"Content-Type": {f.ContentType}}
			return nil
		}
		if rec.Length == 0 {
			continue
		}
		status, header, err := readHead(bufio.NewReader(rec.Block))
		if err != nil {
			return fmt.Errorf("its HTTP headers: %w", err)
		}
		restore(header)
		f.Status, f.Header, f.ContentType = status, header, header.Get("Content-Type")
		return nil
	}
	if f.Unchanged {
		return nil
	}
	return errors.New("it has no HTTP headers")
}

// restore undoes what blockHeader did.
func restore(h http.Header) {
	for _, name := range []string{"Content-Encoding", "Transfer-Encoding", "Content-Length"} {
		if values := h[moved+name]; values != nil {
			h[name] = values
			delete(h, moved+name)
		}
	}
}

func (in *Input) read(p place) (*Record, error) {
	s := in.sources[p.source]
	return NewReader(s.src, s.size).ReadAt(p.offset, p.inner)
}

// readNote reads what a luutin wrote of the visit.
func (in *Input) readNote(p place, f *Found) error {
	const most = 1 << 20
	rec, err := in.read(p)
	if err != nil {
		return err
	}
	var n note
	if err := json.NewDecoder(io.LimitReader(rec.Block, most)).Decode(&n); err != nil {
		return fmt.Errorf("the note at byte %d on it: %w", p.offset, err)
	}
	if n.URL == "" || n.Time.IsZero() {
		return nil
	}
	f.URL, f.Post, f.Hops, f.Took, f.TLS, f.Truncated = cmp.Or(n.Asked, n.URL), n.Post, n.Hops, n.Took, n.TLS, n.Truncated
	f.Time, f.Result, f.Reason, f.Cause = n.Time, n.Result, n.Reason, n.Cause
	f.Target = store.Target{URL: n.URL, Post: n.Post, Canonical: n.Known, Site: n.Site, Kind: n.Kind, Depth: n.Depth, Priority: n.Priority}
	return nil
}

// readPost returns the body of a request.
func (in *Input) readPost(p place) (string, error) {
	const most = 64 << 10
	rec, err := in.read(p)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(rec.Block, most))
	if err != nil {
		return "", err
	}
	_, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok || len(b) == most {
		return "", errors.New("its request cannot be understood")
	}
	return string(body), nil
}

// way finds the redirects that led to an answer: those nearest in time are the
// way, all others lead to it too.
func (x *crossIndex) way(e *entry, f *Found) {
	const many = 10
	u, err := url.Parse(e.uri)
	if err != nil {
		return
	}
	u.Fragment = ""
	seen := map[string]bool{u.String(): true}
	before := func(uri string) []*entry {
		return slices.DeleteFunc(slices.Clone(x.leads[uri]), func(r *entry) bool { return seen[r.uri] })
	}
	for at := u.String(); len(f.Hops) < many; {
		const near = 10 * time.Minute
		all := before(at)
		if len(all) == 0 {
			break
		}
		nearest := slices.MinFunc(all, func(a, b *entry) int {
			return cmp.Compare(a.at.Sub(e.at).Abs(), b.at.Sub(e.at).Abs())
		})
		for _, r := range all {
			seen[r.uri] = true
			f.Aliases = append(f.Aliases, r.uri)
		}
		if nearest.at.Sub(e.at).Abs() > near {
			break
		}
		f.Hops = slices.Insert(f.Hops, 0, store.Hop{URL: nearest.uri, Status: nearest.status, To: at})
		f.URL, at = nearest.uri, nearest.uri
	}
}

// body returns the bytes of an answer without its codings.
func (in *Input) body(e *entry) (io.ReadCloser, error) {
	rec, err := in.read(e.place)
	if err != nil {
		return nil, err
	}
	if e.kind == "resource" {
		return io.NopCloser(rec.Block), nil
	}
	b := bufio.NewReaderSize(rec.Block, 32<<10)
	_, header, err := readHead(b)
	if err != nil {
		return nil, err
	}
	return decoded(b, header)
}

// addPage takes a saved page into the index.
func (in *Input) addPage(name, root string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	in.sources = append(in.sources, &source{name: name})
	p, err := in.savedPage(name, root)
	switch {
	case err != nil:
		in.skip(name, err.Error())
	case !in.wanted(p.URL):
		if u, err := url.Parse(p.URL); err == nil {
			in.Others[strings.ToLower(u.Host)]++
		}
	default:
		in.entries = append(in.entries, entry{place: place{source: len(in.sources) - 1}, kind: "file", uri: p.URL, at: info.ModTime().UTC(), to: root})
	}
	return nil
}

var savedFrom = regexp.MustCompile(`^(?:\s|<!DOCTYPE[^>]*>|\x{FEFF})*<!-- saved from url=\(\d+\)(\S+) -->`)

// savedPage reads a page and the URL that it was saved from: as
// extract.LoadSaved finds it, as browsers write it, or from a path that begins
// with a host.
func (in *Input) savedPage(name, root string) (extract.Page, error) {
	p, err := extract.LoadSaved(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if m := savedFrom.FindSubmatch(p.Body[:min(len(p.Body), 4096)]); m != nil {
		p.URL, err = string(m[1]), nil
	}
	if p.URL == "" && root != "" {
		if rel, e := filepath.Rel(root, name); e == nil {
			if u := "http://" + filepath.ToSlash(rel); in.wanted(u) {
				p.URL, err = u, nil
			}
		}
	}
	return p, err
}

func (x *crossIndex) savedPage(e *entry, f *Found) (*Found, error) {
	p, err := x.in.savedPage(x.in.sources[e.source].name, e.to)
	if err != nil {
		return nil, err
	}
	f.Post = p.Post
	f.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Body)), nil }
	return f, nil
}

// readHead reads the status line and the headers of an answer, and is lenient
// where servers and archivers are not exact.
func readHead(b *bufio.Reader) (status int, h http.Header, err error) {
	left := maxFields
	line := func() (string, error) {
		var whole []byte
		for {
			part, err := b.ReadSlice('\n')
			if left -= len(part); left < 0 {
				return "", fmt.Errorf("longer than %d bytes", maxFields)
			}
			whole = append(whole, part...)
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return strings.TrimRight(string(whole), "\r\n"), err
		}
	}
	first, err := line()
	if err != nil {
		return 0, nil, err
	}
	fields := strings.Fields(first)
	if len(fields) < 2 || !strings.HasPrefix(strings.ToUpper(fields[0]), "HTTP") {
		return 0, nil, fmt.Errorf("%.40q is no status line", first)
	}
	if status, err = strconv.Atoi(fields[1]); err != nil {
		return 0, nil, fmt.Errorf("%.40q is no status line", first)
	}
	h = http.Header{}
	last := ""
	for {
		s, err := line()
		if s == "" {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil // nothing follows the headers
			}
			return status, h, err
		}
		name, value, ok := strings.Cut(s, ":")
		switch {
		case (s[0] == ' ' || s[0] == '\t') && last != "":
			values := h[last]
			values[len(values)-1] += " " + strings.TrimSpace(s)
		case ok:
			last = http.CanonicalHeaderKey(strings.TrimSpace(name))
			h[last] = append(h[last], strings.TrimSpace(value))
		}
		if err != nil {
			return 0, nil, err
		}
	}
}
