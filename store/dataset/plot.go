package dataset

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The measures of a plot, in pixels.
const (
	plotWidth  = 960
	plotLeft   = 60
	plotRight  = 20
	panel      = 110 // of each ministry, with its name
	plotTop    = 50
	plotBottom = 40
)

// Its greys, and the colour of bars.
const (
	black = 0x000000
	dark  = 0x444444
	grey  = 0x888888
	light = 0xdddddd
	white = 0xffffff
	blue  = 0x2b6cb0
)

// A Plot is a picture of the articles of each ministry by month: a row for each,
// the largest first, all over the same time, each with its own scale.
type Plot struct {
	height int
	shapes []shape // in the order in which they are drawn
}

// A shape is one of these: rectangles, a line of text, the begin or the end of
// what belongs together.
type shape struct {
	color  uint32
	rects  []rect
	label  *label
	begins string // what belongs together is called this
	ends   bool
}

type rect struct{ x, y, width, height float64 }

type label struct {
	x, y  float64 // where it begins, or ends; its base line
	text  string
	ends  bool // it ends at x
	bold  bool
	large bool
}

func (l *label) size() float64 {
	if l.large {
		return 16
	}
	return 12
}

// Plot draws the articles. It returns nil when none has a date.
func (s *Statistics) Plot() *Plot {
	var first, last string
	totals := map[string]int{}
	for name, months := range s.months {
		for m, n := range months {
			totals[name] += n
			if first == "" || m < first {
				first = m
			}
			last = max(last, m)
		}
	}
	if first == "" {
		return nil
	}
	names := slices.SortedFunc(maps.Keys(s.months), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b))
	})
	begin := monthNumber(first)
	count := monthNumber(last) - begin + 1
	step := float64(plotWidth-plotLeft-plotRight) / float64(count)
	bottom := float64(plotTop + panel*len(names))
	p := &Plot{height: plotTop + panel*len(names) + plotBottom}
	p.fill(white, rect{0, 0, plotWidth, float64(p.height)})
	p.write(black, label{x: plotLeft, y: 24, text: "Articles a month, by date of publication", bold: true, large: true})
	// Years: as many as there is room for.
	every := 1
	for float64(every)*12*step < 50 {
		every++
	}
	for m := range count {
		year, month := (begin+m)/12, (begin+m)%12
		x := float64(plotLeft) + float64(m)*step
		switch {
		case month == 0 && year%every == 0:
			p.fill(light, rect{x - .5, plotTop, 1, bottom - plotTop})
			p.write(dark, label{x: x, y: bottom + 18, text: fmt.Sprint(year)})
		case count < 24 && step >= 40:
			p.write(dark, label{x: x, y: bottom + 18, text: fmt.Sprintf("%d-%02d", year, month+1)})
		}
	}
	for i, name := range names {
		top := float64(plotTop + i*panel)
		base := top + panel - 12
		most := 0
		for _, n := range s.months[name] {
			most = max(most, n)
		}
		scale := float64(panel-40) / float64(most)
		p.shapes = append(p.shapes, shape{begins: fmt.Sprintf("%s: %d", name, totals[name])})
		p.write(black, label{x: plotLeft + 4, y: top + 16, text: name, bold: true})
		p.write(dark, label{x: plotWidth - plotRight, y: top + 16, text: fmt.Sprintf("%d articles", totals[name]), ends: true})
		p.write(dark, label{x: plotLeft - 6, y: base - scale*float64(most) + 4, text: fmt.Sprint(most), ends: true})
		p.write(dark, label{x: plotLeft - 6, y: base + 4, text: "0", ends: true})
		p.fill(grey, rect{plotLeft, base - .5, plotWidth - plotRight - plotLeft, 1})
		gap := min(1, step/5)
		var bars []rect
		for m := range count {
			if n := s.months[name][fmt.Sprintf("%04d-%02d", (begin+m)/12, (begin+m)%12+1)]; n > 0 {
				h := max(scale*float64(n), .5)
				bars = append(bars, rect{float64(plotLeft) + float64(m)*step, base - h, step - gap, h})
			}
		}
		p.fill(blue, bars...)
		p.shapes = append(p.shapes, shape{ends: true})
	}
	return p
}

func (p *Plot) fill(color uint32, rects ...rect) {
	p.shapes = append(p.shapes, shape{color: color, rects: rects})
}

func (p *Plot) write(color uint32, l label) {
	p.shapes = append(p.shapes, shape{color: color, label: &l})
}

// SVG writes the picture as such.
func (p *Plot) SVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, p.height, plotWidth, p.height)
	for _, s := range p.shapes {
		switch {
		case s.begins != "":
			fmt.Fprintf(&b, "<g><title>%s</title>\n", escaped(s.begins))
		case s.ends:
			b.WriteString("</g>\n")
		case s.label != nil:
			l := s.label
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#%06x"`, l.x, l.y, s.color)
			if l.ends {
				b.WriteString(` text-anchor="end"`)
			}
			if l.bold {
				b.WriteString(` font-weight="bold"`)
			}
			if l.large {
				fmt.Fprintf(&b, ` font-size="%.0f"`, l.size())
			}
			fmt.Fprintf(&b, ">%s</text>\n", escaped(l.text))
		default:
			fmt.Fprintf(&b, `<path fill="#%06x" d="`, s.color)
			for _, r := range s.rects {
				fmt.Fprintf(&b, "M%.1f %.1fv%.1fh%.2fv%.1fz", r.x, r.y+r.height, -r.height, r.width, r.height)
			}
			b.WriteString("\"/>\n")
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// pixels of a PNG are this many to one of the picture in each direction: it is to
// be sharp on paper, too.
const pixels = 2

// PNG writes the picture as such, its text in DejaVu Sans.
func (p *Plot) PNG(w io.Writer) error {
	picture := image.NewRGBA(image.Rect(0, 0, plotWidth*pixels, p.height*pixels))
	faces := map[[2]bool]font.Face{}
	defer func() {
		for _, f := range faces {
			f.Close()
		}
	}()
	for _, s := range p.shapes {
		ink := image.NewUniform(color.RGBA{uint8(s.color >> 16), uint8(s.color >> 8), uint8(s.color), 0xff})
		for _, r := range s.rects {
			r.draw(picture, ink)
		}
		l := s.label
		if l == nil {
			continue
		}
		kind := [2]bool{l.bold, l.large}
		if faces[kind] == nil {
			face, err := l.face()
			if err != nil {
				return fmt.Errorf("draw a picture: %w", err)
			}
			faces[kind] = face
		}
		d := font.Drawer{Dst: picture, Src: ink, Face: faces[kind], Dot: fixed.Point26_6{X: fixed.Int26_6(l.x * pixels * 64), Y: fixed.Int26_6(l.y * pixels * 64)}}
		if l.ends {
			d.Dot.X -= d.MeasureString(l.text)
		}
		d.DrawString(l.text)
	}
	return png.Encode(w, picture)
}

func (l *label) face() (font.Face, error) {
	ttf := dejavusans.TTF
	if l.bold {
		ttf = dejavusansbold.TTF
	}
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: l.size() * pixels, DPI: 72, Hinting: font.HintingNone})
}

// draw draws a rectangle, of which a part of a pixel is as much lighter.
func (r rect) draw(to draw.Image, ink image.Image) {
	x, y, right, bottom := float32(r.x*pixels), float32(r.y*pixels), float32((r.x+r.width)*pixels), float32((r.y+r.height)*pixels)
	bounds := image.Rect(int(x), int(y), int(right)+1, int(bottom)+1).Intersect(to.Bounds())
	if bounds.Empty() {
		return
	}
	z := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	x, right = x-float32(bounds.Min.X), right-float32(bounds.Min.X)
	y, bottom = y-float32(bounds.Min.Y), bottom-float32(bounds.Min.Y)
	z.MoveTo(x, y)
	z.LineTo(right, y)
	z.LineTo(right, bottom)
	z.LineTo(x, bottom)
	z.ClosePath()
	z.Draw(to, bounds, ink, image.Point{})
}

// monthNumber counts the months from the year 0 on.
func monthNumber(s string) int {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0
	}
	return t.Year()*12 + int(t.Month()) - 1
}
