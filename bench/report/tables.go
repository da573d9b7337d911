// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
	"github.com/xaeroflux/xaeroflux/bench/plot"
)

func short(v float64) string { return plot.Short(v) }

// exact writes a place on an axis.
func exact(x float64) string { return plot.Exact(x) }

// value writes a number with its unit.
func value(m figures.Metric, v float64) string {
	switch {
	case m.Unit == "" || m.Unit == "/s":
		return short(v) + m.Unit
	case m.Unit == "x":
		return short(v) + "x"
	}
	return short(v) + " " + m.Unit
}

// cell writes a median, the range, and for others than Xaeroflux the ratio.
func (f *Figure) cell(m figures.Metric, row Row) string {
	values := row.Values[m.ID]
	if len(values) == 0 {
		return ""
	}
	lo, hi := measure.Range(values)
	s := value(m, measure.Median(values))
	if len(values) > 1 && short(lo) != short(hi) {
		s += fmt.Sprintf(" (%s to %s)", short(lo), short(hi))
	}
	if row.Who == peers.Xaeroflux.Name {
		return s
	}
	if r, ok := f.better(m, row.Who, row.X); ok {
		s += fmt.Sprintf(" · **%sx**", short(r))
	}
	return s
}

// table writes a figure's table: a line for each contender, or where there is
// an axis with one metric, a line for each contender and a column for each x.
func (f *Figure) table() string {
	var b strings.Builder
	if f.def.XName != "" && len(f.def.Metrics) == 1 {
		f.grid(&b)
		return b.String()
	}
	head := []string{""}
	if f.def.XName != "" {
		head = append(head, f.def.XName)
	}
	for _, m := range f.def.Metrics {
		head = append(head, m.Name)
	}
	line(&b, head)
	rule(&b, len(head))
	for _, who := range f.def.Who {
		for _, x := range f.xs() {
			row := f.row(who, x)
			if row == nil {
				continue
			}
			cells := []string{name(who)}
			if f.def.XName != "" {
				cells = append(cells, exact(x))
			}
			for _, m := range f.def.Metrics {
				cells = append(cells, f.cell(m, *row))
			}
			line(&b, cells)
		}
	}
	return b.String()
}

func (f *Figure) grid(b *strings.Builder) {
	m := f.def.Metrics[0]
	head := []string{m.Name + " at " + f.def.XName}
	for _, x := range f.xs() {
		head = append(head, exact(x))
	}
	line(b, head)
	rule(b, len(head))
	for _, who := range f.def.Who {
		cells, found := []string{name(who)}, false
		for _, x := range f.xs() {
			v, ok := f.median(who, x, m.ID)
			cell := ""
			if ok {
				cell, found = short(v), true
			}
			cells = append(cells, cell)
		}
		if found {
			line(b, cells)
		}
	}
}

// name marks storage that is shown as a floor.
func name(who string) string {
	if floor(who) {
		return who + " (floor)"
	}
	return who
}

func line(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func rule(b *strings.Builder, columns int) {
	b.WriteString("|" + strings.Repeat("---|", columns) + "\n")
}

// notes says who took no part, and why.
func (f *Figure) notes() string {
	var b strings.Builder
	for _, who := range f.def.Who {
		if why := f.Skips[who]; why != "" {
			fmt.Fprintf(&b, "%s is not in it: %s.\n", who, why)
		}
		if why := f.Fails[who]; why != "" {
			fmt.Fprintf(&b, "%s failed: %s\n", who, why)
		}
	}
	return b.String()
}

// Chart draws a figure that has an axis; ok is false for others.
func (f *Figure) chart() (c plot.Chart, ok bool) {
	if f.def.Plot == "" {
		return c, false
	}
	c = plot.Chart{Title: f.def.Title, XName: f.def.XName, YName: f.metric(f.def.Plot).Name}
	for _, who := range f.def.Who {
		l := plot.Line{Name: name(who), Bold: who == peers.Xaeroflux.Name, Dashed: floor(who)}
		for _, x := range f.xs() {
			row := f.row(who, x)
			if row == nil || len(row.Values[f.def.Plot]) == 0 {
				continue
			}
			lo, hi := measure.Range(row.Values[f.def.Plot])
			if lo > 0 && x > 0 {
				l.Points = append(l.Points, plot.Point{X: x, Y: measure.Median(row.Values[f.def.Plot]), Lo: lo, Hi: hi})
			}
		}
		c.Lines = append(c.Lines, l)
	}
	return c, true
}

func (f *Figure) metric(id string) figures.Metric {
	for _, m := range f.def.Metrics {
		if m.ID == id {
			return m
		}
	}
	return figures.Metric{ID: id, Name: id}
}
