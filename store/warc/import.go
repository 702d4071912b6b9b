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
	"crypto/sha512"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"io/fs"
	"iter"
	"math"
	"net/http"
	"net/http/httputil"
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

// A Skip is something that was not taken, or not without a doubt.
type Skip struct {
	Where string // the file, and where in it
	What  string
}

// An Input is what files hold of some sites.
type Input struct {
	Skips  []Skip         // what is damaged or cannot be read
	Doubts []Skip         // what was taken though it does not fit its digest
	Others map[string]int // hosts of other sites, and how many answers of theirs
	Aside  int            // answers that are no pages and no documents: pictures, styles, scripts
	Files  int            // that were read

	NoPages int    // files of directories that are nothing of what is read
	NoPage  string // one of them

	sites   Sites
	now     time.Time
	sources []*source
	entries []entry
	leads   map[string][]*lead // redirects, by where they lead
	posts   []named            // requests with a method other than GET, by their ids
	notes   []named            // by the id of the record that they are about
	temp    string
}

// A source is one file.
type source struct {
	name  string
	src   io.ReaderAt
	size  int64
	close func() error
	root  string // of a saved page: the directory that was named, if it was one
}

// A place is where a record is.
type place struct {
	source        int32
	offset, inner int64
}

// A name is the hash of an id, a URL or a digest: what is found by it is looked
// at to see whether it is the one. There is one for every record of files that
// may hold millions; 0 means that it has none.
type name uint64

func nameOf(parts ...string) name {
	h := fnv.New64a()
	for i, s := range parts {
		if s == "" {
			return 0
		}
		if i > 0 {
			h.Write([]byte{' '})
		}
		io.WriteString(h, s)
	}
	return max(name(h.Sum64()), 1)
}

// named is a record and the name by which it is found.
type named struct {
	name
	place
}

// at finds the place of a name among those that settle has sorted.
func at(all []named, n name) (p place, ok bool) {
	i, ok := slices.BinarySearchFunc(all, n, func(a named, n name) int { return cmp.Compare(a.name, n) })
	if ok && n != 0 {
		return all[i].place, true
	}
	return p, false
}

// A lead is a redirect.
type lead struct {
	place
	uri    string
	at     time.Time
	status int
}

func (in *Input) where(p place) string {
	return fmt.Sprintf("%s, at byte %d", in.sources[p.source].name, p.offset)
}

// An entry is what the index knows of a record: what it takes to find it when its
// time has come. All else is read again then.
type entry struct {
	place
	at      int64 // nanoseconds since 1970
	order   int64 // see settle
	id      name
	uri     name // of its URL and date
	payload name // of the digest of its payload
	kind    kind
}

type kind byte

const (
	response kind = iota
	resource
	revisit
	redirect
	file
)

var kinds = map[string]kind{"response": response, "resource": resource, "revisit": revisit}

// Sites tell what answers are wanted; *extract.Sites are some.
type Sites interface {
	// Of returns the site that a URL belongs to; "" when none knows it.
	Of(rawURL string) string
	// Seeds returns where a crawl of a site begins.
	Seeds(site string) []extract.Link
}

// Open looks through files (WARC, WACZ, saved HTML) and directories of them for
// answers of sites. What is damaged is noted, not an error; a name that is of
// neither a file nor a directory is one. What claims to be captured more than
// ten minutes after now is not taken.
func Open(ctx context.Context, names []string, sites Sites, now time.Time) (*Input, error) {
	in := &Input{Others: map[string]int{}, sites: sites, now: now, leads: map[string][]*lead{}}
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

func (in *Input) wanted(rawURL string) bool { return in.sites.Of(rawURL) != "" }

func (in *Input) skip(where, what string) { in.Skips = append(in.Skips, Skip{where, what}) }

var pageNames = []string{".html", ".htm", ".xhtml"}

func (in *Input) add(ctx context.Context, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		return in.addFile(ctx, name, "")
	case !info.IsDir():
		return fmt.Errorf("%s is %s, which cannot be read from several places: write what comes from it into a file first", name, special(info.Mode()))
	}
	return filepath.WalkDir(name, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return ctx.Err()
		}
		info, err := os.Stat(file) // a link leads to a file, too
		switch {
		case err != nil:
			in.skip(file, err.Error())
		case info.IsDir():
			in.skip(file, "it is a link to a directory, which is not followed: name the directory itself")
		case !info.Mode().IsRegular():
			in.skip(file, "it is "+special(info.Mode()))
		default:
			return in.addFile(ctx, file, name)
		}
		return ctx.Err()
	})
}

// special says what is neither a file nor a directory.
func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "no regular file"
}

// addFile looks through one file; root is the directory that was named, if it
// was one. What lies in a directory and is nothing of what is read is counted;
// a file that was named is taken for a WARC file then, which tells what is
// wrong with it.
func (in *Input) addFile(ctx context.Context, name, root string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		if root != "" {
			in.skip(name, err.Error())
			return nil
		}
		return err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, why := look(name, root == "", f)
	if is != nothing {
		in.Files++
	}
	switch is {
	case pageFile:
		return in.addPage(name, root)
	case unclear:
		in.skip(name, why)
	case waczFile:
		kept = true
		in.sources = append(in.sources, &source{name: name, src: f, size: info.Size(), close: f.Close}) // for closing it
		return in.addPackage(ctx, name, f, info.Size())
	case warcFile:
		kept = true
		return in.index(ctx, &source{name: name, src: f, size: info.Size(), close: f.Close})
	case nothing:
		if of, ok := strings.CutSuffix(name, ".url"); ok {
			if _, err := os.Stat(of); err == nil {
				return nil // the URL of that page
			}
		}
		if in.NoPages++; in.NoPage == "" {
			in.NoPage = name
		}
	}
	return nil
}

// content is what a file holds.
type content byte

const (
	nothing  content = iota // of what is read
	pageFile                // a saved page
	warcFile
	waczFile
	unclear // it may hold pages, but is not read
)

// look says what a file holds: its name does when that is the name of a page or
// of a WARC file, and its first bytes otherwise. named are those that stand on
// the command line; why is for what is unclear.
func look(name string, named bool, f io.ReaderAt) (is content, why string) {
	head := make([]byte, 4<<10)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	name = strings.ToLower(filepath.Base(name))
	within := head
	if bytes.HasPrefix(head, []byte(gzipMark)) {
		within = make([]byte, 4<<10)
		n := 0
		if z, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
			n, _ = io.ReadFull(z, within) // what is there of it
		}
		within = within[:n]
	}
	packed := strings.HasSuffix(name, ".gz")
	ext := filepath.Ext(strings.TrimSuffix(name, ".gz"))
	switch {
	case slices.Contains(pageNames, ext) && !packed:
		return pageFile, ""
	case ext == ".mhtml" || ext == ".mht":
		return unclear, "it is MHTML, which is not read: save the page as HTML"
	case string(head[:min(n, 4)]) == "\x28\xb5\x2f\xfd" || bytes.HasPrefix(head, []byte{0x5d, 0x2a, 0x4d, 0x18}):
		return unclear, "it is packed with zstd: unpack it first, as with zstd -d"
	case bytes.HasPrefix(within, []byte("filedesc://")):
		return unclear, "it is an ARC file, which is not read: make a WARC file of it first"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && (named || ext == ".wacz" || ext == ".warc"):
		return waczFile, ""
	case ext == ".warc" || ext == ".wacz" || bytes.HasPrefix(within, []byte(warcMark)):
		return warcFile, ""
	case packed && (slices.Contains(pageNames, ext) || isHTML(within)):
		return unclear, "it is packed with gzip: unpack it first, as with gzip -d"
	case isHTML(head):
		// The name of what wget saves may end with a query.
		if base, _, _ := strings.Cut(name, "?"); isNews("", base) {
			return pageFile, ""
		}
	}
	if named {
		return warcFile, ""
	}
	return nothing, ""
}

// isHTML says whether a file that begins so is a page. A comment says nothing:
// drawings and old scripts begin with one, too.
func isHTML(head []byte) bool {
	if _, _, ok := extract.MarkedURL(head); ok {
		return true
	}
	head = bytes.TrimLeft(extract.FirstText(head), space)
	for {
		var end string
		switch {
		case bytes.HasPrefix(head, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(head, []byte("<?xml")):
			end = "?>"
		default:
			lower := bytes.ToLower(head[:min(len(head), 6)])
			return strings.HasPrefix(http.DetectContentType(head), "text/html") || string(lower) == "<meta " || string(lower) == "<link "
		}
		_, rest, _ := bytes.Cut(head, []byte(end))
		head = bytes.TrimLeft(rest, space)
	}
}

const space = "\t\n\f\r "

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
			if err := in.index(ctx, &source{name: inside, src: io.NewSectionReader(f, offset, length), size: length}); err != nil {
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
	return &source{name: name, src: f, size: n, close: f.Close}, nil
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
	number, begin, skips, doubts := int32(len(in.sources)-1), len(in.entries), len(in.Skips), len(in.Doubts)
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
			in.forget(begin, place{number, damage.Offset, 0})
			continue
		case err != nil:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		records++
		if rec.Inner > 0 {
			// One member for all: no record could be found again but by unpacking what is before it.
			in.entries, in.Skips, in.Doubts = in.entries[:begin], in.Skips[:skips], in.Doubts[:doubts]
			in.forgetLeads(func(p place) bool { return p.source == number })
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

// forget takes what stands at a place out of the index, which is among the last
// that came.
func (in *Input) forget(begin int, p place) {
	last := slices.DeleteFunc(in.entries[begin:], func(e entry) bool { return e.offset == p.offset })
	in.entries = in.entries[:begin+len(last)]
	in.forgetLeads(func(l place) bool { return l.source == p.source && l.offset == p.offset })
}

func (in *Input) forgetLeads(gone func(place) bool) {
	for to, all := range in.leads {
		if all = slices.DeleteFunc(all, func(l *lead) bool { return gone(l.place) }); len(all) == 0 {
			delete(in.leads, to)
		} else {
			in.leads[to] = all
		}
	}
}

// note takes a record into the index. An error says what is wrong with it; that
// its block cannot be read will be found again by what reads on.
func (in *Input) note(number int32, rec *Record) error {
	h := rec.Header
	here, uri, date := place{number, rec.Offset, rec.Inner}, rec.URI(), rec.Date()
	id, with := nameOf(h.Get("WARC-Record-ID")), nameOf(h.Get("WARC-Concurrent-To"))
	switch rec.Type() {
	case "metadata":
		if h.Get("Content-Type") == visitType && with != 0 {
			in.notes = append(in.notes, named{with, here})
		}
		return nil
	case "request":
		head, _ := bufio.NewReader(rec.Block).Peek(4)
		if method := string(head); method != "GET " && method != "HEAD" && len(head) == 4 && in.wanted(uri) {
			for _, n := range []name{id, with} {
				if n != 0 {
					in.posts = append(in.posts, named{n, here})
				}
			}
		}
		return nil
	}
	k, ok := kinds[rec.Type()]
	if !ok && rec.Type() != "continuation" {
		return nil
	}
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil // dns:, urn: and the like
	}
	if !in.wanted(uri) {
		in.Others[strings.ToLower(u.Host)]++
		return nil
	}
	if !ok {
		return errSegment
	}
	if date.IsZero() {
		return fmt.Errorf("its date %q is none", h.Get("WARC-Date"))
	}
	if err := in.inTime(date); err != nil {
		return err
	}
	e := entry{
		place: here, at: date.UnixNano(), kind: k, id: id, uri: nameOf(uri, date.String()), payload: nameOf(h.Get("WARC-Payload-Digest")),
	}
	var to *lead
	toURL := ""
	sum, want := digestIn(h.Get("WARC-Block-Digest"))
	block := rec.Block
	if sum != nil {
		block = io.TeeReader(rec.Block, sum)
	}
	contentType, payload := h.Get("Content-Type"), block
	if e.kind != resource && rec.Length > 0 {
		b := bufio.NewReader(block)
		payload = b
		status, header, err := readHead(b)
		if err != nil {
			return fmt.Errorf("its HTTP headers: %w", err)
		}
		contentType = header.Get("Content-Type")
		if location := header.Get("Location"); location != "" && status >= 300 && status < 400 {
			if t, err := u.Parse(location); err == nil {
				t.Fragment = ""
				toURL, to = t.String(), &lead{here, strings.Clone(uri), date, status}
			}
			e.kind = redirect
		}
	}
	var stated hash.Hash
	var said []byte
	if k != revisit && e.kind != redirect && h.Get("WARC-Truncated") == "" && isNews(contentType, u.Path) {
		stated, said = digestIn(h.Get("WARC-Payload-Digest"))
	}
	into := io.Discard
	if stated != nil {
		into = stated
	}
	if _, err := io.Copy(into, payload); err != nil {
		return nil // read again by what reads on
	}
	if sum != nil && !bytes.Equal(sum.Sum(nil), want) {
		return errors.New("its block does not fit its digest")
	}
	if e.kind != redirect && !isNews(contentType, u.Path) {
		in.Aside++
		return nil
	}
	if h.Get("WARC-Segment-Number") != "" {
		return errSegment
	}
	if to != nil {
		in.leads[toURL] = append(in.leads[toURL], to)
	}
	in.entries = append(in.entries, e)
	if stated != nil && !bytes.Equal(stated.Sum(nil), said) && (k == resource || !in.fits(here, stated, said)) {
		in.Doubts = append(in.Doubts, Skip{in.where(here), "its payload does not fit its digest"})
	}
	return nil
}

// fits reports whether what is at a place has a digest if that is of something
// else than what follows the headers: writers take it of a body without its
// chunks, without its content coding too, or of the whole block.
func (in *Input) fits(p place, h hash.Hash, want []byte) bool {
	for _, reading := range []func(rec *Record) (io.Reader, error){
		func(rec *Record) (io.Reader, error) { return rec.Block, nil },
		func(rec *Record) (io.Reader, error) {
			b := bufio.NewReader(rec.Block)
			_, header, err := readHead(b)
			if err != nil || !isChunkedBy(b, header) {
				return b, err
			}
			return httputil.NewChunkedReader(b), nil
		},
		func(rec *Record) (io.Reader, error) {
			b := bufio.NewReader(rec.Block)
			_, header, err := readHead(b)
			if err != nil {
				return nil, err
			}
			return decoded(b, header)
		},
	} {
		rec, err := in.read(p)
		if err != nil {
			return true // which is told elsewhere
		}
		h.Reset()
		r, err := reading(rec)
		if err == nil {
			_, err = io.Copy(h, r)
		}
		if err == nil && bytes.Equal(h.Sum(nil), want) {
			return true
		}
	}
	return false
}

const clocksDiffer = 10 * time.Minute

var errSegment = errors.New("it is one of several segments, which are not joined")

// inTime has an error for what was captured in the future, but for clocks that
// differ: a version of it would stand before those of the next crawls, and after them in time.
func (in *Input) inTime(date time.Time) error {
	if date.After(in.now.Add(clocksDiffer)) {
		return fmt.Errorf("its date %s lies in the future", date.UTC().Format(time.RFC3339))
	}
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
	case "sha512":
		h = sha512.New()
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
	const hands = int64(time.Hour)
	last := int64(math.MinInt64)
	source := int32(-1)
	for i := range in.entries {
		e := &in.entries[i]
		if e.source != source {
			source, last = e.source, math.MinInt64
		}
		if e.order = e.at; e.at < last && last-e.at < hands {
			e.order = last
		}
		last = e.order
	}
	slices.SortStableFunc(in.entries, func(a, b entry) int { return cmp.Compare(a.order, b.order) })
	for _, all := range []*[]named{&in.notes, &in.posts} {
		// Of several with one name the last counts.
		slices.Reverse(*all)
		slices.SortStableFunc(*all, func(a, b named) int { return cmp.Compare(a.name, b.name) })
		*all = slices.CompactFunc(*all, func(a, b named) bool { return a.name == b.name })
	}
	for _, all := range in.leads {
		slices.SortStableFunc(all, func(a, b *lead) int { return a.at.Compare(b.at) })
	}
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

// A crossIndex leads from one record to another: the numbers of entries that
// hold a body, in the order of their names.
type crossIndex struct {
	in                   *Input
	byID, byURI, byBytes []int32
}

func (in *Input) crossIndex() *crossIndex {
	x := &crossIndex{in: in}
	if !slices.ContainsFunc(in.entries, func(e entry) bool { return e.kind == revisit }) {
		return x // nothing refers to anything
	}
	for i, e := range in.entries {
		if e.kind == response || e.kind == resource {
			x.byID = append(x.byID, int32(i))
		}
	}
	x.byURI, x.byBytes = slices.Clone(x.byID), slices.Clone(x.byID)
	for _, y := range []struct {
		all    []int32
		nameOf func(*entry) name
	}{{x.byID, (*entry).theID}, {x.byURI, (*entry).theURI}, {x.byBytes, (*entry).thePayload}} {
		slices.SortStableFunc(y.all, func(a, b int32) int { return cmp.Compare(y.nameOf(&in.entries[a]), y.nameOf(&in.entries[b])) })
	}
	return x
}

func (e *entry) theID() name      { return e.id }
func (e *entry) theURI() name     { return e.uri }
func (e *entry) thePayload() name { return e.payload }

// find returns the entry with a name of which the header says what is asked
// for: the last, or the first. It is nil when there is none.
func (x *crossIndex) find(all []int32, nameOf func(*entry) name, n name, first bool, is func(*Record) bool) (*entry, error) {
	if n == 0 {
		return nil, nil
	}
	from, _ := slices.BinarySearchFunc(all, n, func(i int32, n name) int { return cmp.Compare(nameOf(&x.in.entries[i]), n) })
	to := from
	for to < len(all) && nameOf(&x.in.entries[all[to]]) == n {
		to++
	}
	same := all[from:to]
	for i := range same {
		e := &x.in.entries[same[i]]
		if !first {
			e = &x.in.entries[same[len(same)-1-i]]
		}
		rec, err := x.in.read(e.place)
		if err != nil {
			return nil, err
		}
		if is(rec) {
			return e, nil
		}
	}
	return nil, nil
}

// found makes an answer of a record; nil when it is none by itself.
func (x *crossIndex) found(e *entry) (*Found, error) {
	in := x.in
	date := time.Unix(0, e.at).UTC()
	f := &Found{Where: in.where(e.place), Time: date, Capture: store.Capture{Status: http.StatusOK, Fetched: date}}
	if e.kind == file {
		f.open = func() (io.ReadCloser, error) { return os.Open(in.sources[e.source].name) }
		f.Header, f.ContentType = http.Header{"Content-Type": {"text/html"}}, "text/html"
		return x.savedPage(e, f)
	}
	rec, err := in.read(e.place)
	if err != nil {
		return nil, err
	}
	h, uri := rec.Header, rec.URI()
	f.URL, f.FinalURL = uri, uri
	if note, ok := at(in.notes, e.id); ok {
		if err := in.readNote(note, h.Get("WARC-Record-ID"), f); err != nil {
			return nil, err
		}
	}
	if e.kind == redirect && f.Result == "" {
		return nil, nil // see way
	}
	body := e
	if e.kind == revisit {
		if strings.HasSuffix(h.Get("WARC-Profile"), "server-not-modified") {
			f.Unchanged, f.Status = true, http.StatusNotModified
		} else if body, err = x.original(h); err != nil {
			return nil, err
		} else if body == nil {
			return nil, errors.New("what it refers to is not in these files")
		}
	}
	if err := x.head(e, body, f); err != nil {
		return nil, err
	}
	if f.Status == http.StatusNotModified {
		f.Unchanged = true
	}
	f.open = func() (io.ReadCloser, error) { return in.body(body) }
	if f.Target.URL == "" {
		for _, id := range []string{h.Get("WARC-Record-ID"), h.Get("WARC-Concurrent-To")} {
			post, ok := at(in.posts, nameOf(id))
			if !ok {
				continue
			}
			sent, is, err := in.readPost(post, id)
			if err != nil {
				return nil, err
			}
			if is {
				f.Post = sent
				break
			}
		}
		x.way(uri, date, f)
	}
	return f, nil
}

// original finds the record whose bytes a revisit has.
func (x *crossIndex) original(h Header) (*entry, error) {
	refers, uri, date, payload := h.Get("WARC-Refers-To"), strings.Trim(h.Get("WARC-Refers-To-Target-URI"), "<>"), parseDate(h.Get("WARC-Refers-To-Date")), h.Get("WARC-Payload-Digest")
	e, err := x.find(x.byID, (*entry).theID, nameOf(refers), false, func(r *Record) bool { return r.Header.Get("WARC-Record-ID") == refers })
	if e != nil || err != nil {
		return e, err
	}
	e, err = x.find(x.byURI, (*entry).theURI, nameOf(uri, date.String()), false, func(r *Record) bool { return r.URI() == uri && r.Date().Equal(date) })
	if e != nil || err != nil {
		return e, err
	}
	return x.find(x.byBytes, (*entry).thePayload, nameOf(payload), true, func(r *Record) bool { return r.Header.Get("WARC-Payload-Digest") == payload })
}

// head reads the headers of a record, or where a revisit has none those of the
// original.
func (x *crossIndex) head(e, body *entry, f *Found) error {
	for _, e := range []*entry{e, body} {
		rec, err := x.in.read(e.place)
		if err != nil {
			return err
		}
		if e == body && f.Truncated == "" && f.Dropped == nil {
			f.Truncated = strings.ToLower(rec.Header.Get("WARC-Truncated"))
		}
		if e.kind == resource {
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

// readNote reads what a luutin wrote of the visit of a record, if that is what
// stands there.
func (in *Input) readNote(p place, id string, f *Found) error {
	const most = 1 << 20
	rec, err := in.read(p)
	if err != nil || rec.Header.Get("WARC-Concurrent-To") != id {
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
	if n.Dropped != nil && n.Result != store.Unchanged {
		digest, err := hex.DecodeString(n.SHA256)
		if err != nil || len(digest) != 32 || n.Length < 0 || n.Dropped.Rule == "" {
			return fmt.Errorf("the note at byte %d on it: it does not say which bytes were dropped", p.offset)
		}
		f.Dropped = &store.Dropped{Drop: *n.Dropped, Digest: [32]byte(digest), Length: n.Length}
	}
	f.Target = store.Target{URL: n.URL, Post: n.Post, Canonical: n.Known, Site: n.Site, Kind: n.Kind, Depth: n.Depth, Priority: n.Priority}
	return nil
}

// readPost returns the body of the request that has an id, or goes with the
// record that has it. is says whether that is what stands there.
func (in *Input) readPost(p place, id string) (body string, is bool, err error) {
	const most = 64 << 10
	rec, err := in.read(p)
	if err != nil || rec.Header.Get("WARC-Record-ID") != id && rec.Header.Get("WARC-Concurrent-To") != id {
		return "", false, err
	}
	b, err := io.ReadAll(io.LimitReader(rec.Block, most))
	if err != nil {
		return "", false, err
	}
	_, sent, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok || len(b) == most {
		return "", false, errors.New("its request cannot be understood")
	}
	return string(sent), true, nil
}

// way finds the redirects that led to an answer: those nearest in time are the
// way, all others lead to it too.
func (x *crossIndex) way(uri string, date time.Time, f *Found) {
	const many = 10
	u, err := url.Parse(uri)
	if err != nil {
		return
	}
	u.Fragment = ""
	seen := map[string]bool{u.String(): true}
	before := func(uri string) []*lead {
		return slices.DeleteFunc(slices.Clone(x.in.leads[uri]), func(r *lead) bool { return seen[r.uri] })
	}
	for at := u.String(); len(f.Hops) < many; {
		const near = 10 * time.Minute
		all := before(at)
		if len(all) == 0 {
			break
		}
		nearest := slices.MinFunc(all, func(a, b *lead) int {
			return cmp.Compare(a.at.Sub(date).Abs(), b.at.Sub(date).Abs())
		})
		for _, r := range all {
			seen[r.uri] = true
			f.Aliases = append(f.Aliases, r.uri)
		}
		if nearest.at.Sub(date).Abs() > near {
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
	if e.kind == resource {
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
	in.sources = append(in.sources, &source{name: name, root: root})
	p, err := in.savedPage(name, root)
	if err != nil {
		in.skip(name, err.Error())
		return nil
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		in.skip(name, fmt.Sprintf("its URL %q is none: it has to begin with http:// or https:// and a host", p.URL))
	case !in.wanted(p.URL):
		in.Others[strings.ToLower(u.Host)]++
	default:
		if err := in.inTime(info.ModTime()); err != nil {
			in.skip(name, err.Error())
			return nil
		}
		in.entries = append(in.entries, entry{place: place{source: int32(len(in.sources) - 1)}, kind: file, at: info.ModTime().UnixNano()})
	}
	return nil
}

var savedFrom = regexp.MustCompile(`^(?:\s|<!DOCTYPE[^>]*>|\x{FEFF})*<!-- saved from url=\(\d+\)(\S+) -->`)

// savedPage reads a page and the URL that it was saved from: as
// extract.LoadSaved finds it, as browsers write it, or from a path on which a
// directory has the name of a host: below the one that was named, or that one.
func (in *Input) savedPage(name, root string) (extract.Page, error) {
	p, err := extract.LoadSaved(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if m := savedFrom.FindSubmatch(p.Body[:min(len(p.Body), 4096)]); m != nil {
		p.URL, err = string(m[1]), nil
	}
	if p.URL == "" && root != "" {
		if rel, e := filepath.Rel(root, name); e == nil {
			rel = filepath.ToSlash(rel)
			named := filepath.Base(root) + "/" + rel
			for more := true; more && p.URL == ""; _, rel, more = strings.Cut(rel, "/") {
				if u := mirrored(rel); in.wanted(u) {
					p.URL, err = extract.LikeSeeds(u, in.sites.Seeds(in.sites.Of(u))), nil
				}
			}
			if u := mirrored(named); p.URL == "" && in.wanted(u) {
				p.URL, err = extract.LikeSeeds(u, in.sites.Seeds(in.sites.Of(u))), nil
			}
		}
	}
	return p, err
}

// mirrored returns the URL of what wget -x saves under a path: of a URL with a
// query its name has the question mark, too.
func mirrored(path string) string {
	u := "http://" + strings.ReplaceAll(path, "#", "%23")
	return lonePercent.ReplaceAllString(u, "%25$1")
}

// lonePercent is a percent sign that escapes nothing.
var lonePercent = regexp.MustCompile(`%([^0-9A-Fa-f]|[0-9A-Fa-f](?:[^0-9A-Fa-f]|$)|$)`)

func (x *crossIndex) savedPage(e *entry, f *Found) (*Found, error) {
	s := x.in.sources[e.source]
	p, err := x.in.savedPage(s.name, s.root)
	if err != nil {
		return nil, err
	}
	f.URL, f.FinalURL, f.Post = p.URL, p.URL, p.Post
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
