package warc

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"iter"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"luutin/extract"
	"luutin/store"
)

// WACZ writes the visits that o chooses as a WACZ package (1.1.1): a WARC file,
// an index, the list of the pages. What is not written at once lies in files in
// the directory of temporary files.
func WACZ(ctx context.Context, a store.Archive, to io.Writer, o Options) (c Counts, err error) {
	p := &packer{zip: zip.NewWriter(to), now: o.Now}

	index := &sorter{}
	defer index.close()
	pages, err := temporary()
	if err != nil {
		return c, err
	}
	defer leave(pages)
	list := bufio.NewWriter(pages)
	fmt.Fprintln(list, `{"format":"json-pages-1.0","id":"pages","title":"Articles"}`)

	err = p.file("archive/data.warc.gz", func(w io.Writer) error {
		e := &exporter{archive: a, w: newWriter(w), o: o}
		e.indexed = func(x indexEntry) error { return index.add(x.line("data.warc.gz")) }
		e.page = func(v *store.VisitRecord, article *extract.Article, id string) error {
			if article == nil {
				return nil
			}
			line, err := json.Marshal(struct {
				ID    string `json:"id"`
				URL   string `json:"url"`
				TS    string `json:"ts"`
				Title string `json:"title"`
			}{strings.Trim(id, "<>"), address(v.Answer.FinalURL), date(v.Answer.Fetched), article.Title})
			if err != nil {
				return err
			}
			_, err = list.Write(append(line, '\n'))
			return err
		}
		err := e.all(ctx)
		c = e.counts
		return err
	})
	if err != nil {
		return c, err
	}

	const linesPerBlock = 1000
	var blocks []string // of the index of the index
	err = p.file("indexes/index.cdx.gz", func(w io.Writer) error {
		out := newWriter(w)
		var block []byte
		var first string
		n := 0
		flush := func() error {
			if n == 0 {
				return nil
			}
			sum := sha256.New()
			offset := out.offset
			z := gzip.NewWriter(io.MultiWriter(out, sum))
			if _, err := z.Write(block); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			blocks = append(blocks, fmt.Sprintf(`%s {"offset": %d, "length": %d, "digest": "sha256:%s", "filename": "index.cdx.gz"}`,
				first, offset, out.offset-offset, hex.EncodeToString(sum.Sum(nil))))
			block, n = block[:0], 0
			return nil
		}
		for line, err := range index.sorted() {
			if err != nil {
				return err
			}
			if n == 0 {
				surt, rest, _ := strings.Cut(line, " ")
				at, _, _ := strings.Cut(rest, " ")
				first = surt + " " + at
			}
			block = append(append(block, line...), '\n')
			if n++; n == linesPerBlock {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return flush()
	})
	if err != nil {
		return c, err
	}
	err = p.file("indexes/index.idx", func(w io.Writer) error {
		if _, err := io.WriteString(w, `!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}`+"\n"); err != nil {
			return err
		}
		for _, b := range blocks {
			if _, err := io.WriteString(w, b+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	if err := list.Flush(); err != nil {
		return c, err
	}
	if _, err := pages.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	err = p.file("pages/pages.jsonl", func(w io.Writer) error {
		_, err := io.Copy(w, pages)
		return err
	})
	if err != nil {
		return c, err
	}
	return c, p.finish(o)
}

// temporary makes a file in the directory of temporary files. Where the system
// can do that it has no name any more, so that nothing is left of a process that is
// killed.
func temporary() (*os.File, error) {
	f, err := os.CreateTemp("", "luutin-wacz-*")
	if err == nil && !namesLast {
		err = os.Remove(f.Name())
	}
	return f, err
}

func leave(f *os.File) {
	f.Close() // it was only read since it was whole
	if namesLast {
		os.Remove(f.Name())
	}
}

// namesLast says that a file which is open keeps its name.
const namesLast = runtime.GOOS == "windows"

// A packer writes the files of a package, one after the other, as they are: a
// reader takes what it needs out of the middle.
type packer struct {
	zip   *zip.Writer
	now   time.Time
	files []packed
}

type packed struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Hash  string `json:"hash"`
	Bytes int64  `json:"bytes"`
}

func (p *packer) file(path string, write func(io.Writer) error) error {
	w, err := p.zip.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Store, Modified: p.now})
	if err != nil {
		return err
	}
	m := &measured{w: w, hash: sha256.New()}
	b := bufio.NewWriterSize(m, 64<<10)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	p.files = append(p.files, packed{path[strings.LastIndexByte(path, '/')+1:], path, m.digest(), m.n})
	return nil
}

// A measured writer knows the length and the digest of what went through.
type measured struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (m *measured) Write(b []byte) (int, error) {
	n, err := m.w.Write(b)
	m.hash.Write(b[:n])
	m.n += int64(n)
	return n, err
}

func (m *measured) digest() string { return "sha256:" + hex.EncodeToString(m.hash.Sum(nil)) }

func (p *packer) finish(o Options) error {
	about, err := json.MarshalIndent(struct {
		Profile  string   `json:"profile"`
		Version  string   `json:"wacz_version"`
		Title    string   `json:"title"`
		Created  string   `json:"created"`
		Software string   `json:"software"`
		Files    []packed `json:"resources"`
	}{"data-package", "1.1.1", "News archive", o.Now.UTC().Format(time.RFC3339), o.Software, p.files}, "", "  ")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(about)
	digest, err := json.MarshalIndent(map[string]string{"path": "datapackage.json", "hash": "sha256:" + hex.EncodeToString(sum[:])}, "", "  ")
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{"datapackage.json": about, "datapackage-digest.json": digest} {
		err := p.file(path, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.zip.Close()
}

// An indexEntry is where a record of a WARC file lies.
type indexEntry struct {
	url, post    string
	at           time.Time
	status       int
	mime, digest string
	offset, size int64
}

// line is a line of a CDXJ index.
func (x indexEntry) line(file string) string {
	u := address(x.url)
	method := ""
	if x.post != "" {
		// As browsers' archives name what was posted.
		method = "POST"
		between := "?"
		if strings.Contains(u, "?") {
			between = "&"
		}
		u += between + "__wb_method=POST&" + posted(x.post)
	}
	if x.mime == "" {
		x.mime = "unk"
	}
	j, _ := json.Marshal(struct { // strings only
		URL    string `json:"url"`
		Mime   string `json:"mime"`
		Status string `json:"status"`
		Digest string `json:"digest"`
		Length string `json:"length"`
		Offset string `json:"offset"`
		File   string `json:"filename"`
		Method string `json:"method,omitempty"`
	}{address(x.url), x.mime, fmt.Sprint(x.status), x.digest, fmt.Sprint(x.size), fmt.Sprint(x.offset), file, method})
	return fmt.Sprintf("%s %s %s", surt(u), x.at.UTC().Format("20060102150405"), j)
}

// posted is the body of a request as parameters: those of a form, or the
// members of a JSON object, sorted.
func posted(body string) string {
	var object map[string]any
	if json.Unmarshal([]byte(body), &object) != nil {
		return body
	}
	q := url.Values{}
	for name, value := range object {
		q.Set(name, fmt.Sprint(value))
	}
	return q.Encode()
}

// surt is the key of a URL in an index: its host from the right, its path, its
// parameters by name, in lower case and without www.
func surt(raw string) string {
	u, err := url.Parse(strings.ToLower(raw))
	if err != nil || u.Host == "" {
		return strings.ReplaceAll(raw, " ", "%20")
	}
	host := u.Hostname()
	if label, rest, ok := strings.Cut(host, "."); ok && strings.HasPrefix(label, "www") && strings.Trim(label[3:], "0123456789") == "" {
		host = rest
	}
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	s := strings.Join(labels, ",")
	if p := u.Port(); p != "" && !(p == "80" && u.Scheme == "http") && !(p == "443" && u.Scheme == "https") {
		s += ":" + p
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	s += ")" + path
	if u.RawQuery != "" {
		params := strings.Split(u.RawQuery, "&")
		slices.SortStableFunc(params, func(a, b string) int {
			a, _, _ = strings.Cut(a, "=")
			b, _, _ = strings.Cut(b, "=")
			return strings.Compare(a, b)
		})
		s += "?" + strings.Join(params, "&")
	}
	return s
}

// A sorter sorts more lines than memory is to hold.
type sorter struct {
	lines []string
	size  int
	files []*os.File
}

func (s *sorter) add(line string) error {
	s.lines = append(s.lines, line)
	if s.size += len(line); s.size < 16<<20 {
		return nil
	}
	return s.spill()
}

func (s *sorter) spill() error {
	f, err := temporary()
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	slices.Sort(s.lines)
	w := bufio.NewWriter(f)
	for _, line := range s.lines {
		w.WriteString(line)
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.lines, s.size = s.lines[:0], 0
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// sorted yields all lines in their order.
func (s *sorter) sorted() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.spill(); err != nil {
			yield("", err)
			return
		}
		scans := make([]*bufio.Scanner, 0, len(s.files))
		next := func(scan *bufio.Scanner) bool {
			if scan.Scan() {
				return true
			}
			if err := scan.Err(); err != nil {
				yield("", err)
			}
			return false
		}
		for _, f := range s.files {
			scan := bufio.NewScanner(f)
			scan.Buffer(nil, 64<<20)
			if next(scan) {
				scans = append(scans, scan)
			} else if scan.Err() != nil {
				return
			}
		}
		for len(scans) > 0 {
			first := 0
			for i, scan := range scans {
				if bytes.Compare(scan.Bytes(), scans[first].Bytes()) < 0 {
					first = i
				}
			}
			if !yield(scans[first].Text(), nil) {
				return
			}
			if scan := scans[first]; !next(scan) {
				if scan.Err() != nil {
					return
				}
				scans = slices.Delete(scans, first, first+1)
			}
		}
	}
}

func (s *sorter) close() {
	for _, f := range s.files {
		leave(f)
	}
}
