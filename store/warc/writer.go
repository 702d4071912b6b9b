package warc

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A writer writes records, each a gzip member of its own.
type writer struct {
	to     io.Writer
	offset int64 // of what comes next
	zip    *gzip.Writer
}

func newWriter(to io.Writer) *writer {
	w := &writer{to: to}
	w.zip = gzip.NewWriter(w)
	return w
}

// Write counts what goes out.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.offset += int64(n)
	return n, err
}

// record writes one record and returns where it lies.
func (w *writer) record(h Header, length int64, block io.Reader) (offset, size int64, err error) {
	offset = w.offset
	w.zip.Reset(w)
	var head bytes.Buffer
	head.WriteString("WARC/1.1\r\n")
	for _, f := range h {
		fmt.Fprintf(&head, "%s: %s\r\n", f.Name, f.Value)
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n", length)
	if _, err = w.zip.Write(head.Bytes()); err != nil {
		return 0, 0, err
	}
	n, err := io.Copy(w.zip, block)
	if err != nil {
		return 0, 0, err
	}
	if n != length {
		return 0, 0, fmt.Errorf("block of %d bytes instead of %d", n, length)
	}
	if _, err = w.zip.Write([]byte("\r\n\r\n")); err != nil {
		return 0, 0, err
	}
	if err := w.zip.Close(); err != nil {
		return 0, 0, err
	}
	return offset, w.offset - offset, nil
}

// date is a WARC-Date: to the second, or as exact as it is known.
func date(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// digest is how tools expect one to be written.
func digest(h hash.Hash) string {
	return "sha1:" + base32.StdEncoding.EncodeToString(h.Sum(nil))
}

func digestOf(b []byte) string {
	h := sha1.New()
	h.Write(b)
	return digest(h)
}

// uuid5 is a record id: a UUID of version 5 (RFC 9562), the same whenever the
// same thing is written.
func uuid5(name string) string {
	h := sha1.New()
	h.Write(namespace[:])
	io.WriteString(h, name)
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// namespace is that of RFC 9562 for URLs.
var namespace = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
