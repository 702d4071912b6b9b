package dom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// Decode returns a text as UTF-8 with the name of the encoding it was in, as
// the WHATWG Encoding Standard spells it. What decides is, in this order: a
// byte order mark, the Content-Type header, what the text says of itself (an
// HTML meta or an XML declaration in the first 4,096 bytes), whether it is
// valid UTF-8, and a statistical guess. A label is not believed when it names
// a single-byte encoding and the bytes are UTF-8 beyond ASCII, or names UTF-8
// and they are not; under a Western label the text may be Vietnamese of the
// time before Unicode: tcvn3, vni. Valid UTF-8 comes back as the same slice.
func Decode(body []byte, contentType string) (text []byte, name string, err error) {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return body[3:], "utf-8", nil
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		return decodeAs(body, "utf-16le")
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		return decodeAs(body, "utf-16be")
	}
	if name := utf16WithoutMark(body); name != "" {
		return decodeAs(body, name)
	}
	if utf8.Valid(body) && !escapes(body) {
		if written(body) {
			if text, name := legacy(body); name != "" {
				return []byte(text), name, nil
			}
		}
		// A label can only be wrong here: no other encoding in use gives
		// valid UTF-8 with letters beyond ASCII by chance.
		return body, "utf-8", nil
	}
	label := ""
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		label = params["charset"]
	}
	if label == "" {
		label = declared(body)
	}
	_, name = charset.Lookup(label)
	unlabelled := name == "" || name == "utf-8" || strings.HasPrefix(name, "utf-16")
	if unlabelled && mostlyUTF8(body) {
		return bytes.ToValidUTF8(body, []byte("\uFFFD")), "utf-8", nil
	}
	if western(name) {
		if text, legacy := legacy(body); legacy != "" {
			return []byte(text), legacy, nil
		}
	}
	if unlabelled {
		name = guess(body)
	}
	return decodeAs(body, name)
}

// western reports labels under which the fonts of old Vietnamese pages hide:
// none, the usual Western ones, and what was never true.
func western(name string) bool {
	switch name {
	case "", "windows-1252", "iso-8859-1", "windows-1258", "utf-8", "x-user-defined":
		return true
	}
	return false
}

func decodeAs(body []byte, name string) ([]byte, string, error) {
	enc, canonical := charset.Lookup(name)
	if enc == nil || enc == encoding.Replacement {
		return nil, name, fmt.Errorf("decode text: no decoder for charset %q", name)
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return nil, canonical, fmt.Errorf("decode text as %s: %w", canonical, err)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), canonical, nil
}

// utf16WithoutMark recognises markup in UTF-16 by the zero bytes around its
// first characters.
func utf16WithoutMark(body []byte) string {
	if len(body) < 4 {
		return ""
	}
	switch head := binary.BigEndian.Uint32(body); {
	case head&0xff00ff00 == 0 && head&0x00ff00ff != 0 && body[1] != 0 && body[3] != 0:
		return "utf-16be"
	case head&0x00ff00ff == 0 && body[0] != 0 && body[2] != 0:
		return "utf-16le"
	}
	return ""
}

// escapes reports the escape sequences of ISO-2022, which are valid UTF-8.
func escapes(body []byte) bool {
	i := bytes.IndexByte(body, 0x1b)
	return i >= 0 && i+1 < len(body) && (body[i+1] == '$' || body[i+1] == '(')
}

// declared finds what a text says of its own encoding.
func declared(body []byte) string {
	head := bytes.ToLower(body[:min(len(body), 4096)])
	for _, key := range []string{"charset", "encoding"} {
		rest := head
		for {
			i := bytes.Index(rest, []byte(key))
			if i < 0 {
				break
			}
			rest = rest[i+len(key):]
			value := bytes.TrimLeft(rest, " \t\r\n")
			if len(value) == 0 || value[0] != '=' {
				continue
			}
			value = bytes.TrimLeft(value[1:], " \t\r\n\"'")
			if end := bytes.IndexAny(value, " \t\r\n\"'/>;?"); end > 0 {
				return string(value[:end])
			}
		}
	}
	return ""
}

// mostlyUTF8 reports whether a text is UTF-8 that was cut or damaged in a few
// places: at most one broken sequence in twenty beyond ASCII.
func mostlyUTF8(body []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(body); {
		if body[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 {
			bad++
		} else {
			good++
		}
		i += size
	}
	return bad*20 <= good
}

// guess is the last resort: statistics over at most 32 KB around the first
// byte beyond ASCII.
func guess(body []byte) string {
	first := bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf })
	first = max(0, first-256)
	best := chardet.Detect(body[first:min(len(body), first+32<<10)])
	if _, name := charset.Lookup(best.Encoding); name != "" && best.Confidence >= .5 {
		return name
	}
	return "windows-1252"
}
