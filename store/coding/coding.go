// Package coding undoes the content codings of HTTP: for answers as they come
// and for those that others have captured.
package coding

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	most   = 5       // codings of one body; nobody means more
	window = 8 << 20 // RFC 9659: of zstd
	sample = 4 << 10 // what is looked at to find out whether a body is coded at all
)

// ErrTooLong is the error of a body of which a coding within others unfolds to
// more than the limit.
var ErrTooLong = errors.New("a content coding within another unfolds to more than the limit")

// A Kept is the error for a body of which a coding cannot be undone: it is as
// it came.
type Kept struct{ Coding string }

func (e *Kept) Error() string {
	return fmt.Sprintf("content coding %q cannot be undone: the bytes are kept as they came", e.Coding)
}

// Readers undoes codings and keeps what it needs for it from one body to the
// next. The zero value is ready.
type Readers struct{ gzips, flates, buffers sync.Pool }

// Undo undoes the codings that the lines of a Content-Encoding header name. A
// name that is no coding (UTF-8, none, identity) and a coding that the body does
// not have are passed over: servers lie, and archivers undo codings and leave
// the headers. Where a coding cannot be undone, the error is a *Kept and body
// is good all the same: all of it, as it came. limit is for what the codings
// within others unfold to, and the caller's for the rest; free gives back what
// body needs.
func (rs *Readers) Undo(wire io.Reader, lines []string, limit int64) (body io.Reader, free func(), err error) {
	var names []string
	for name := range strings.SplitSeq(strings.ToLower(strings.Join(lines, ",")), ",") {
		if name = strings.TrimSpace(name); name != "" && name != "identity" {
			names = append(names, name)
		}
	}
	var after []func()
	free = func() {
		for _, f := range after {
			f()
		}
	}
	body = wire
	var in *bufio.Reader
	if len(names) > most {
		return body, free, &Kept{strings.Join(names[:most], ", ") + ", …"}
	}
	for i := len(names) - 1; i >= 0; i-- {
		if in == nil {
			if in, _ = rs.buffers.Get().(*bufio.Reader); in == nil {
				in = bufio.NewReaderSize(nil, 16<<10)
			}
			if body != wire {
				body = &within{body, limit}
			}
			in.Reset(body)
			body = in
			used := in
			after = append(after, func() { used.Reset(nil); rs.buffers.Put(used) })
		}
		isCoded, err := rs.coded(in, names[i])
		if err != nil {
			return body, free, err
		}
		if !isCoded {
			continue
		}
		r, back, err := rs.reader(in, names[i])
		if err != nil {
			return body, free, fmt.Errorf("content coding %s: %w", names[i], err)
		}
		if back != nil {
			after = append(after, back)
		}
		body, in = r, nil
	}
	return body, free, nil
}

// coded reports whether a body has a coding, by how it begins. The error is for
// one that has a coding which cannot be undone.
func (rs *Readers) coded(in *bufio.Reader, name string) (bool, error) {
	head, _ := in.Peek(4) // an error will come again when it is read
	wanted, marked := int64(1), true
	switch name {
	case "gzip", "x-gzip":
		if len(head) < 2 || string(head[:2]) != gzipMark {
			return false, nil
		}
	case "zstd":
		if string(head) != "\x28\xb5\x2f\xfd" {
			return false, nil
		}
	case "deflate":
		if marked = isZlib(head); !marked {
			wanted = sample
		}
	case "br":
		wanted, marked = sample, false
	case "compress", "x-compress", "dcb", "dcz", "aes128gcm", "exi", "pack200-gzip":
		head, _ = in.Peek(512)
		if len(head) > 0 && looksCoded(head) {
			return false, &Kept{name}
		}
		return false, nil
	default:
		return false, nil
	}
	if len(head) == 0 {
		return false, nil
	}
	head, _ = in.Peek(sample)
	r, back, err := rs.reader(bufio.NewReader(bytes.NewReader(head)), name)
	if err == nil {
		_, err = io.CopyN(io.Discard, r, wanted)
	}
	if back != nil {
		back()
	}
	broken := err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) // the sample may end anywhere
	switch {
	case !marked && !looksCoded(head): // as text a coded body looks when it is short, if at all
		return len(head) < sample && (err == nil || err == io.EOF), nil
	case broken:
		return false, &Kept{name}
	}
	return true, nil
}

// looksCoded reports whether bytes are of no format that is known by itself.
func looksCoded(head []byte) bool {
	kind := http.DetectContentType(head)
	return kind == "application/octet-stream" || kind == "application/x-gzip"
}

// reader returns one that undoes a single coding, and a function that gives it
// back, which may be nil.
func (rs *Readers) reader(in *bufio.Reader, name string) (io.Reader, func(), error) {
	switch name {
	case "zstd":
		// With a concurrency of 1 there is nothing to close.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
		return z, nil, err
	case "br":
		return brotli.NewReader(in), nil, nil
	case "deflate":
		// RFC 9110 means zlib, some servers send bare deflate.
		if head, _ := in.Peek(2); isZlib(head) {
			z, err := zlib.NewReader(in)
			return z, nil, err
		}
		z, _ := rs.flates.Get().(io.ReadCloser)
		if z == nil {
			z = flate.NewReader(in)
		} else if err := z.(flate.Resetter).Reset(in, nil); err != nil {
			return nil, nil, err
		}
		return z, func() { rs.flates.Put(z) }, nil
	}
	z, _ := rs.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	if err := z.Reset(in); err != nil {
		return nil, nil, err
	}
	z.Multistream(false)
	return &members{z, in}, func() { rs.gzips.Put(z) }, nil
}

const gzipMark = "\x1f\x8b"

func isZlib(head []byte) bool {
	return len(head) >= 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// members reads the members of a gzip stream one after the other, and ignores
// padding behind the last, as browsers do.
type members struct {
	z  *gzip.Reader
	in *bufio.Reader
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if head, _ := m.in.Peek(2); string(head) != gzipMark {
		return n, io.EOF
	}
	if err := m.z.Reset(m.in); err != nil {
		return n, err
	}
	m.z.Multistream(false)
	return n, nil
}

// within is what a coding within another unfolds to.
type within struct {
	r    io.Reader
	left int64
}

func (w *within) Read(p []byte) (int, error) {
	if w.left < 0 {
		return 0, ErrTooLong
	}
	n, err := w.r.Read(p)
	w.left -= int64(n)
	return n, err
}
