package warc

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// decoded undoes the transfer coding and the content coding of a body. Archivers
// often undo them and leave the headers: a body that does not begin as its
// header says is taken as it is.
func decoded(b *bufio.Reader, h http.Header) (io.ReadCloser, error) {
	if strings.Contains(strings.ToLower(h.Get("Transfer-Encoding")), "chunked") && isChunked(b) {
		b = bufio.NewReader(httputil.NewChunkedReader(b))
	}
	codings := strings.Split(strings.Join(h["Content-Encoding"], ","), ",")
	for i := len(codings) - 1; i >= 0; i-- {
		head, _ := b.Peek(4) // an error will come again when it is read
		var r io.Reader
		var err error
		switch strings.ToLower(strings.TrimSpace(codings[i])) {
		case "gzip", "x-gzip":
			if len(head) < 2 || string(head[:2]) != gzipMark[:2] {
				continue
			}
			r, err = gzip.NewReader(b)
		case "deflate":
			if len(head) >= 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
				r, err = zlib.NewReader(b)
			} else if len(head) > 0 && head[0] != '<' {
				r = flate.NewReader(b)
			}
		case "zstd":
			if len(head) < 4 || string(head) != "\x28\xb5\x2f\xfd" {
				continue
			}
			var z *zstd.Decoder
			if z, err = zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20)); err == nil {
				r = z // with a concurrency of 1 there is nothing to close
			}
		case "br":
			if len(head) > 0 && head[0] != '<' {
				r = brotli.NewReader(b)
			}
		}
		if err != nil {
			return nil, err
		}
		if r != nil {
			b = bufio.NewReaderSize(r, 32<<10)
		}
	}
	return io.NopCloser(b), nil
}

// isChunked reports whether a body begins with the length of a chunk.
func isChunked(b *bufio.Reader) bool {
	head, _ := b.Peek(20)
	line, _, ok := strings.Cut(string(head), "\n")
	digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	digits = strings.TrimSpace(digits)
	return ok && digits != "" && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}
