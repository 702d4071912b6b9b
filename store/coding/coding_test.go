package coding_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"luutin/store/coding"
)

// page is long enough for a sample of its codings not to be all of it.
var page = []byte("<!DOCTYPE html><title>Tin</title>" + strings.Repeat("<p>Bộ Tư pháp tổ chức hội nghị.", 1000))

func coded(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zlib":
		w = zlib.NewWriter(&out)
	case "flate":
		w, err = flate.NewWriter(&out, 6)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	}
	if err == nil {
		_, err = w.Write(b)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUndo(t *testing.T) {
	var readers coding.Readers // what one body leaves is no trouble for the next
	for name, tt := range map[string]struct {
		body  []byte
		lines []string
		want  []byte
		kept  bool
	}{
		"none":            {page, nil, page, false},
		"identity":        {page, []string{"identity"}, page, false},
		"gzip":            {coded(t, "gzip", page), []string{"X-GZip"}, page, false},
		"two members":     {append(coded(t, "gzip", page), coded(t, "gzip", page)...), []string{"gzip"}, append(bytes.Clone(page), page...), false},
		"padding":         {append(coded(t, "gzip", page), 0, 0, 0), []string{"gzip"}, page, false},
		"deflate":         {coded(t, "zlib", page), []string{"deflate"}, page, false},
		"bare deflate":    {coded(t, "flate", page), []string{"deflate"}, page, false},
		"br":              {coded(t, "br", page), []string{"br"}, page, false},
		"zstd":            {coded(t, "zstd", page), []string{"zstd"}, page, false},
		"in one line":     {coded(t, "br", coded(t, "gzip", page)), []string{"gzip, br"}, page, false},
		"in two lines":    {coded(t, "br", coded(t, "gzip", page)), []string{"gzip", "br"}, page, false},
		"not so":          {page, []string{"br, gzip", "zstd, deflate"}, page, false},
		"no coding":       {page, []string{"UTF-8"}, page, false},
		"empty":           {nil, []string{"gzip"}, nil, false},
		"not to be known": {[]byte("\x1f\x9d\x90\x00\x01\x02\xff\xfe"), []string{"compress"}, []byte("\x1f\x9d\x90\x00\x01\x02\xff\xfe"), true},
		"too many":        {page, []string{"br,br,br,br,br,br"}, page, true},
	} {
		body, free, err := readers.Undo(bytes.NewReader(tt.body), tt.lines, 1<<20)
		if kept := (*coding.Kept)(nil); errors.As(err, &kept) != tt.kept || err != nil && !tt.kept {
			t.Errorf("%s: %v", name, err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(tt.want))
		}
		free()
	}
}

// A coding within another unfolds to no more than the limit.
func TestUndoBombs(t *testing.T) {
	var readers coding.Readers
	noise := make([]byte, 64<<10)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for _, name := range []string{"gzip", "br", "zstd"} {
		bomb := coded(t, name, coded(t, "gzip", noise))
		body, free, err := readers.Undo(bytes.NewReader(bomb), []string{"gzip", name}, 1<<10)
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if !errors.Is(err, coding.ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
		free()
	}
}

// FuzzUndo reads whatever a server sends under whatever name.
func FuzzUndo(f *testing.F) {
	for _, name := range []string{"gzip", "zlib", "flate", "br", "zstd"} {
		f.Add(coded(f, name, page[:100]), strings.NewReplacer("zlib", "deflate", "flate", "deflate").Replace(name))
	}
	f.Add([]byte("<p>"), "gzip, br, compress")
	var readers coding.Readers
	f.Fuzz(func(t *testing.T, b []byte, header string) {
		const limit = 1 << 20
		body, free, err := readers.Undo(bytes.NewReader(b), []string{header}, limit)
		defer free()
		kept := (*coding.Kept)(nil)
		if err != nil && !errors.As(err, &kept) {
			return
		}
		got, err := io.ReadAll(io.LimitReader(body, limit))
		if kept != nil && (err != nil || !bytes.Equal(got, b)) {
			t.Errorf("%d bytes are kept of %d (%v)", len(got), len(b), err)
		}
	})
}
