package ministry

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// An attachment is a file that an article offers.
type attachment struct {
	name  string
	title string
	of    *article
}

// file returns the attachment at a path of a host; nil when there is none.
func (w *world) file(h *host, where string) *attachment {
	for _, a := range w.articles[h] {
		for _, x := range a.blocks {
			if x.kind != "file" {
				continue
			}
			if u, err := url.Parse(a.absolute(a.attachment(x.file))); err == nil && u.Path == where {
				return &attachment{x.file, x.text, a}
			}
		}
	}
	return nil
}

func (w *Web) sendFile(rw http.ResponseWriter, r *http.Request, f *attachment) {
	body, contentType := f.bytes()
	sum := sha256.Sum256(body)
	rw.Header().Set("Content-Type", contentType)
	rw.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	rw.Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(f.name))
	http.ServeContent(rw, r, f.name, f.of.time(), bytes.NewReader(body))
}

// bytes makes the file: the text of its article as a document of its type.
func (f *attachment) bytes() (body []byte, contentType string) {
	switch path.Ext(f.name) {
	case ".pdf":
		return f.pdf(), "application/pdf"
	case ".docx":
		return f.docx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".zip":
		return zipped([][2]string{{"doc-truoc.txt", f.title + "\r\n"}, {"van-ban.docx", string(f.docx())}}), "application/zip"
	}
	return []byte(f.title + "\n"), "application/octet-stream"
}

// pdf is one page in Helvetica, which has no Vietnamese letters.
func (f *attachment) pdf() []byte {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || strings.ContainsRune(`()\`, r) {
				return -1
			}
			return r
		}, bare(s))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "BT /F1 14 Tf 72 770 Td (%s) Tj ET\n", plain(f.title))
	y := 740
	for _, x := range f.of.blocks {
		for len(x.text) > 0 && y > 60 && x.kind == "text" {
			line := x.text
			if len(line) > 90 {
				line = line[:strings.LastIndexByte(line[:90], ' ')+1]
			}
			x.text = x.text[len(line):]
			fmt.Fprintf(&text, "BT /F1 10 Tf 72 %d Td (%s) Tj ET\n", y, plain(line))
			y -= 14
		}
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var at []int
	object := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>")
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", text.Len(), text.String()))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

func (f *attachment) docx() []byte {
	var text strings.Builder
	para := func(s string) { text.WriteString("<w:p><w:r><w:t>" + escaped(s) + "</w:t></w:r></w:p>") }
	para(f.title)
	for _, x := range f.of.blocks {
		if x.text != "" && x.kind != "file" {
			para(x.text)
		}
	}
	head := `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	return zipped([][2]string{
		{"[Content_Types].xml", head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", head + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + text.String() + `</w:body></w:document>`},
	})
}

// zipped packs files without dates, so that the same text gives the same bytes.
func zipped(parts [][2]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p[0])
		if err == nil {
			_, err = w.Write([]byte(p[1]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// picture draws a river, whose colours come from its name.
func picture(name string) []byte {
	sum := sha256.Sum256([]byte(path.Base(name)))
	img := image.NewRGBA(image.Rect(0, 0, 240, 160))
	for y := range 160 {
		for x := range 240 {
			c := color.RGBA{200 - uint8(y/2), 220 - uint8(y/3), 235, 255}
			if bank := 90 + (x*int(sum[0]%5)+x*x/60)/12; y > bank {
				c = color.RGBA{sum[1] / 2, 90 + sum[2]/4, 110 + uint8((y-bank)%40), 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 60}); err != nil {
		panic(err)
	}
	return b.Bytes()
}
