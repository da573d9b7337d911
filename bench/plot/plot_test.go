// SPDX-License-Identifier: MPL-2.0

package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 9.999: "10", 0.5: "0.5", 12.34: "12.3", 276: "276", 999.7: "1 k", 1000: "1 k", 1523: "1.52 k",
		1_000_000: "1 M", 1_234_567: "1.23 M", 0.00123: "0.001",
	} {
		if got := Short(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestChartIsXMLInItsFrame(t *testing.T) {
	c := Chart{Title: "Rate & size", XName: "events", YName: "events/s", Lines: []Line{
		{Name: "a<b", Bold: true, Points: []Point{{1, 10, 9, 11}, {1000, 1e6, 9e5, 2e6}}},
		{Name: "c", Dashed: true, Points: []Point{{10, 500, 400, 600}}},
		{Name: "none"},
	}}
	svg := c.SVG()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"a&lt;b", "Rate &amp; size", "stroke-dasharray"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
	x, y := c.axes()
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if px, py := x.at(p.X), y.at(p.Y); px < left || px > width-right || py < top || py > height-bottom || math.IsNaN(px+py) {
				t.Errorf("%s: %+v lies at %v %v", l.Name, p, px, py)
			}
		}
	}
}

func TestEmptyChart(t *testing.T) {
	if svg := (Chart{}).SVG(); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error(svg)
	}
}
