package warc

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"

	"luutin/store/coding"
)

// unfolded is the most that a coding within another may unfold to.
const unfolded = 1 << 30

// decoded undoes the transfer coding and the content coding of a body. Archivers
// often undo them and leave the headers: a body that does not begin as its
// header says is taken as it is.
func decoded(b *bufio.Reader, h http.Header) (io.ReadCloser, error) {
	if isChunkedBy(b, h) {
		b = bufio.NewReader(httputil.NewChunkedReader(b))
	}
	var readers coding.Readers
	body, _, err := readers.Undo(b, h["Content-Encoding"], unfolded) // nobody else wants what it would give back
	if err != nil {
		return nil, err
	}
	return io.NopCloser(body), nil
}

// isChunkedBy reports whether a body is in chunks, by its headers and by how it
// begins.
func isChunkedBy(b *bufio.Reader, h http.Header) bool {
	return strings.Contains(strings.ToLower(h.Get("Transfer-Encoding")), "chunked") && isChunked(b)
}

// isChunked reports whether a body begins with the length of a chunk.
func isChunked(b *bufio.Reader) bool {
	head, _ := b.Peek(20)
	line, _, ok := strings.Cut(string(head), "\n")
	digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	digits = strings.TrimSpace(digits)
	return ok && digits != "" && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}
