// Package warc writes the visits of an archive as WARC files (ISO 28500:2017)
// and WACZ packages, and reads the captures out of those of others.
package warc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A Header is the named fields of a record, in their order.
type Header []Field

// A Field is one of them.
type Field struct{ Name, Value string }

// Get returns the value of the first field with a name, whatever its case.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

func (h *Header) add(name, value string) {
	if value != "" {
		*h = append(*h, Field{name, value})
	}
}

// A Record is one record of a WARC file.
type Record struct {
	Header Header
	Length int64     // of the block
	Block  io.Reader // good until the next record is asked for
	Offset int64     // of the record, or of the gzip member that it is in
	Inner  int64     // what is in that member before it: 0 when files are made as they should be
}

// Type is response, request, revisit, …
func (r *Record) Type() string { return strings.ToLower(r.Header.Get("WARC-Type")) }

// URI is what was asked for. Some programs write it in angle brackets.
func (r *Record) URI() string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("WARC-Target-URI"), "<"), ">")
}

// Date is when it was captured; zero when it does not say.
func (r *Record) Date() time.Time { return parseDate(r.Header.Get("WARC-Date")) }

func parseDate(s string) time.Time {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006", "20060102150405"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Damage is a part of a file that cannot be read. The Reader goes on behind it.
type Damage struct {
	Offset int64
	What   string
}

// Error tells where and what.
func (d *Damage) Error() string { return fmt.Sprintf("at byte %d: %s", d.Offset, d.What) }

const (
	maxFields = 1 << 20 // bytes of the fields of a record
	warcMark  = "WARC/"
	gzipMark  = "\x1f\x8b\x08"
)

// A Reader reads the records of a WARC file one after the other, compressed or
// not.
type Reader struct {
	src  io.ReaderAt
	size int64

	in     *counter      // the file from where it is read now
	member *gzip.Reader  // nil in what is not compressed
	zip    *gzip.Reader  // to be used again
	begin  int64         // of the member, or of the record
	text   *counter      // what the record is read from: in, or what the member unfolds to
	block  *blockReader  // of the last record
	head   *bufio.Reader // in.r, to be used again
	body   *bufio.Reader // of the member, to be used again
}

// NewReader reads the first size bytes of a file.
func NewReader(src io.ReaderAt, size int64) *Reader {
	r := &Reader{src: src, size: size, head: bufio.NewReaderSize(nil, 64<<10), body: bufio.NewReaderSize(nil, 64<<10)}
	r.seek(0)
	return r
}

// A counter knows how much of it was read.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte keeps the decompressor from reading beyond its member.
func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (c *counter) discard(n int) {
	d, _ := c.r.Discard(n)
	c.n += int64(d)
}

func (r *Reader) seek(offset int64) {
	r.head.Reset(io.NewSectionReader(r.src, offset, max(r.size-offset, 0)))
	r.in = &counter{r.head, offset}
	r.member, r.block, r.text = nil, nil, nil
}

// ReadAt returns the record at a place that an earlier one had. Next goes on
// from there.
func (r *Reader) ReadAt(offset, inner int64) (*Record, error) {
	r.seek(offset)
	for {
		rec, err := r.next()
		if err != nil || rec.Inner >= inner {
			return rec, err
		}
	}
}

// Next returns the next record. Its error is io.EOF at the end, a *Damage for
// what is skipped, and any other when the file cannot be read.
func (r *Reader) Next() (*Record, error) {
	rec, err := r.next()
	var damage *Damage
	if errors.As(err, &damage) {
		if err := r.resync(damage.Offset + 1); err != nil {
			return nil, err
		}
	}
	return rec, err
}

func (r *Reader) damage(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Damage{r.begin, err.Error()}
}

func (r *Reader) next() (*Record, error) {
	if r.block != nil {
		b := r.block
		r.block = nil
		if _, err := io.Copy(io.Discard, b); err != nil {
			return nil, r.damage(err)
		}
	}
	for {
		if r.text == nil {
			if err := r.open(); err != nil {
				return nil, err
			}
		}
		if err := skipLines(r.text); err == nil {
			break
		} else if err != io.EOF {
			return nil, r.damage(err)
		}
		if r.member == nil {
			return nil, io.EOF
		}
		r.member, r.text = nil, nil // the next one
	}
	inner := int64(0)
	if r.member != nil {
		inner = r.text.n
	} else {
		r.begin = r.in.n
	}
	rec := &Record{Offset: r.begin, Inner: inner}
	if err := rec.readFields(r.text.r, &r.text.n); err != nil {
		return nil, r.damage(err)
	}
	r.block = &blockReader{r.text, rec.Length}
	rec.Block = r.block
	return rec, nil
}

// open begins a member, or a stretch that is not compressed.
func (r *Reader) open() error {
	if r.member == nil {
		if err := skipLines(r.in); err != nil {
			return err
		}
	}
	r.begin = r.in.n
	head, err := r.in.r.Peek(len(gzipMark))
	if err != nil && err != io.EOF {
		return err
	}
	if string(head) != gzipMark {
		r.text = r.in
		return nil
	}
	if r.zip == nil {
		r.zip = new(gzip.Reader)
	}
	if err := r.zip.Reset(r.in); err != nil {
		return r.damage(err)
	}
	r.zip.Multistream(false)
	r.member = r.zip
	r.body.Reset(r.zip)
	r.text = &counter{r.body, 0}
	return nil
}

// skipLines reads the empty lines behind a record.
func skipLines(c *counter) error {
	for {
		head, err := c.r.Peek(1)
		if err != nil {
			return err
		}
		if head[0] != '\r' && head[0] != '\n' {
			return nil
		}
		c.discard(1)
	}
}

// resync goes to the next place from offset on where a record can begin.
func (r *Reader) resync(offset int64) error {
	r.seek(offset)
	for {
		head, err := r.in.r.Peek(4 << 10)
		if len(head) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
		at := -1
		for _, mark := range []string{gzipMark, warcMark} {
			if i := bytes.Index(head, []byte(mark)); i >= 0 && (at < 0 || i < at) {
				at = i
			}
		}
		if at < 0 {
			r.in.discard(max(len(head)-len(warcMark)+1, 1))
			continue
		}
		r.in.discard(at)
		if r.plausible() {
			return nil
		}
		r.in.discard(1)
	}
}

// plausible reports whether a record begins here, and not only bytes that look
// like one.
func (r *Reader) plausible() bool {
	head, _ := r.in.r.Peek(16 << 10)
	if bytes.HasPrefix(head, []byte(warcMark)) {
		return isVersion(head)
	}
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return false
	}
	begin := make([]byte, len(warcMark)+4)
	n, _ := io.ReadFull(z, begin)
	return isVersion(begin[:n])
}

func isVersion(b []byte) bool {
	return len(b) >= 8 && string(b[:5]) == warcMark && isDigit(b[5]) && b[6] == '.' && isDigit(b[7])
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// readFields reads up to the block.
func (rec *Record) readFields(in *bufio.Reader, n *int64) error {
	left := maxFields
	line := func() (string, error) {
		var whole []byte
		for {
			part, err := in.ReadSlice('\n')
			*n += int64(len(part))
			if left -= len(part); left < 0 {
				return "", fmt.Errorf("its fields are longer than %d bytes", maxFields)
			}
			whole = append(whole, part...)
			if err == bufio.ErrBufferFull {
				continue
			}
			return strings.TrimRight(string(whole), "\r\n"), err
		}
	}
	first, err := line()
	if !isVersion([]byte(first)) {
		if err != nil && err != io.EOF {
			return err
		}
		return fmt.Errorf("no record begins here, but %.40q", first)
	}
	for err == nil {
		var s string
		if s, err = line(); err != nil {
			break
		}
		if s == "" {
			return rec.check()
		}
		if s[0] == ' ' || s[0] == '\t' {
			if len(rec.Header) > 0 {
				rec.Header[len(rec.Header)-1].Value += " " + strings.TrimSpace(s)
			}
			continue
		}
		name, value, ok := strings.Cut(s, ":")
		if !ok {
			return fmt.Errorf("%.40q is no field", s)
		}
		rec.Header = append(rec.Header, Field{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return err
}

// check finds what is missing in the fields, and what two records have become
// one by.
func (rec *Record) check() error {
	for i, f := range rec.Header {
		switch name := strings.ToLower(f.Name); name {
		case "content-length", "warc-type", "warc-date", "warc-record-id":
			if slices.ContainsFunc(rec.Header[:i], func(o Field) bool { return strings.EqualFold(o.Name, name) }) {
				return fmt.Errorf("%s stands in it twice", f.Name)
			}
		}
	}
	n, err := strconv.ParseInt(rec.Header.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("Content-Length %.20q is no length", rec.Header.Get("Content-Length"))
	}
	rec.Length = n
	return nil
}

// A blockReader is the block of a record: less of it is an error.
type blockReader struct {
	from *counter
	left int64
}

func (b *blockReader) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	} else if err == io.EOF {
		err = nil
	}
	return n, err
}
