// SPDX-License-Identifier: MPL-2.0

// Package plot draws lines over logarithmic axes as SVG. It has no background,
// and its text is of a grey that reads on white and on black.
package plot

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Point is a median and what its runs reached.
type Point struct{ X, Y, Lo, Hi float64 }

// A Line is one contender.
type Line struct {
	Name   string
	Points []Point // by X
	Bold   bool
	Dashed bool
}

// A Chart is some lines.
type Chart struct {
	Title, XName, YName string
	Lines               []Line
}

const (
	width, height            = 860, 420
	left, right, top, bottom = 74, 190, 40, 52

	grey = "#768390"
)

// colours are all about as far from white as from black.
var colours = []string{"#e5534b", "#4184e4", "#6f9ee8", "#46954a", "#b7791f", "#9065d8", "#768390", "#a0785a", "#1f9ea8"}

// SVG returns the drawing.
func (c Chart) SVG() string {
	x, y := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="%s" role="img">`+"\n", width, height, grey)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(c.Title))
	text(&b, left, 22, "start", 15, c.Title)
	text(&b, left+(width-left-right)/2, height-10, "middle", 12, c.XName)
	fmt.Fprintf(&b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+(height-top-bottom)/2, html.EscapeString(c.YName))
	c.grid(&b, x, y)
	for i, l := range c.Lines {
		l.draw(&b, colours[i%len(colours)], x, y)
	}
	c.legend(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

// An axis maps values to places.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (math.Log10(v)-a.lo)/(a.hi-a.lo)*(a.to-a.from)
}

func (c Chart) axes() (x, y axis) {
	x = axis{math.Inf(1), math.Inf(-1), left, width - right}
	y = axis{math.Inf(1), math.Inf(-1), height - bottom, top}
	for _, l := range c.Lines {
		for _, p := range l.Points {
			x.lo, x.hi = min(x.lo, math.Log10(p.X)), max(x.hi, math.Log10(p.X))
			y.lo, y.hi = min(y.lo, math.Log10(p.Lo)), max(y.hi, math.Log10(p.Hi))
		}
	}
	if math.IsInf(x.lo, 0) {
		x.lo, x.hi, y.lo, y.hi = 0, 1, 0, 1
	}
	if x.hi == x.lo {
		x.hi++
	}
	y.lo, y.hi = math.Floor(y.lo), math.Ceil(y.hi)
	if y.hi == y.lo {
		y.hi++
	}
	return x, y
}

// grid draws a line at every power of ten, and names the values of x that
// were measured.
func (c Chart) grid(b *strings.Builder, x, y axis) {
	for e := y.lo; e <= y.hi; e++ {
		at := y.at(math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="0.5" stroke-opacity="0.5"/>`+"\n", left, width-right, at, at, grey)
		text(b, left-8, at+4, "end", 12, Short(math.Pow(10, e)))
	}
	last := math.Inf(-1)
	for _, v := range c.xs() {
		at := x.at(v)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`+"\n", at, at, height-bottom, height-bottom+4, grey)
		if at-last > 30 {
			text(b, at, height-bottom+18, "middle", 12, Exact(v))
			last = at
		}
	}
}

func (c Chart) xs() []float64 {
	var all []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			all = append(all, p.X)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (l Line) draw(b *strings.Builder, colour string, x, y axis) {
	var path strings.Builder
	for i, p := range l.Points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(p.X), y.at(p.Y))
		fmt.Fprintf(b, `<line x1="%.1f" x2="%[1]f" y1="%.1f" y2="%.1f" stroke="%s" stroke-opacity="0.45"/>`+"\n", x.at(p.X), y.at(p.Lo), y.at(p.Hi), colour)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`+"\n", x.at(p.X), y.at(p.Y), l.weight()+1, colour)
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="%.1f"%s/>`+"\n", path.String(), colour, l.weight(), l.dash())
}

func (l Line) weight() float64 {
	if l.Bold {
		return 2.6
	}
	return 1.3
}

func (l Line) dash() string {
	if l.Dashed {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

// legend lists the lines from the highest end to the lowest.
func (c Chart) legend(b *strings.Builder) {
	order := make([]int, 0, len(c.Lines))
	for i, l := range c.Lines {
		if len(l.Points) > 0 {
			order = append(order, i)
		}
	}
	end := func(i int) float64 { return c.Lines[i].Points[len(c.Lines[i].Points)-1].Y }
	slices.SortStableFunc(order, func(i, j int) int { return int(math.Copysign(1, end(j)-end(i))) })
	for row, i := range order {
		l, at := c.Lines[i], float64(top+14+row*22)
		fmt.Fprintf(b, `<path d="M%d %.1fh26" stroke="%s" stroke-width="%.1f"%s/>`+"\n", width-right+14, at-4, colours[i%len(colours)], l.weight(), l.dash())
		text(b, width-right+46, at, "start", 12, l.Name)
	}
}

func text(b *strings.Builder, x, y float64, anchor string, size int, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, size, html.EscapeString(s))
}

// Exact writes a whole number without loss: 1024 and 100 k.
func Exact(v float64) string {
	if v != math.Trunc(v) || v >= 10_000 {
		return Short(v)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// Short writes a number with three digits and a letter: 1.52 M.
func Short(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if math.Abs(v) >= u.size*0.9995 {
			return digits(v/u.size) + u.name
		}
	}
	return digits(v)
}

func digits(v float64) string {
	decimals := 0
	switch a := math.Abs(v); {
	case a == 0:
	case a < 0.01:
		return fmt.Sprintf("%.1g", v)
	case a < 9.995:
		decimals = 2
	case a < 99.95:
		decimals = 1
	}
	s := fmt.Sprintf("%.*f", decimals, v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
