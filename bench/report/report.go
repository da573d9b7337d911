// SPDX-License-Identifier: MPL-2.0

// Package report keeps what was measured, and makes of it what people read:
// text for a terminal, bench.json, and docs/benchmarks.md with its drawings.
package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// Results are what one call of the benchmark measured, or all that is kept.
type Results struct {
	Figures []Figure `json:"figures"`
}

// A Figure is what was measured for one figure.
type Figure struct {
	ID string `json:"id"`
	Run
	Rows    []Row             `json:"rows"`
	Skips   map[string]string `json:"skipped,omitempty"`
	Fails   map[string]string `json:"failed,omitempty"`
	Version map[string]string `json:"versions,omitempty"`

	def *figures.Figure
}

// A Run says how much of a figure was measured, when and where. Each figure
// has its own, as a later run may replace only some figures.
type Run struct {
	Scale   float64         `json:"scale"`
	Rounds  int             `json:"rounds"`
	Commit  string          `json:"commit"`
	Date    time.Time       `json:"date"`
	Machine measure.Machine `json:"machine"`
}

// A Row is one contender at one point of the axis: the values of each metric,
// one a round.
type Row struct {
	Who    string               `json:"who"`
	X      float64              `json:"x"`
	Values map[string][]float64 `json:"values"`
}

// New returns an empty figure of a run that begins now.
func New(def *figures.Figure, run Run) Figure {
	run.Date = time.Now().UTC().Truncate(time.Second)
	f := Figure{ID: def.ID, Run: run, Skips: map[string]string{}, Fails: map[string]string{}, Version: map[string]string{}, def: def}
	for _, who := range def.Who {
		if v := version(who); v != "" {
			f.Version[who] = v
		}
	}
	return f
}

func version(who string) string {
	if who == figures.Hypercore {
		return figures.HypercoreVersion
	}
	p, err := peers.ByName(who)
	if err != nil {
		return ""
	}
	return p.Version()
}

// Skip notes why a contender does not take part.
func (f *Figure) Skip(who, why string) { f.Skips[who] = why }

// Fail notes that a contender failed; it takes no further part.
func (f *Figure) Fail(who string, err error) { f.Fails[who] = err.Error() }

// Skipped reports whether a contender takes no part, or no further one.
func (f *Figure) Skipped(who string) bool { return f.Skips[who] != "" || f.Fails[who] != "" }

// Add adds what one run measured.
func (f *Figure) Add(who string, points []figures.Point) {
	for _, p := range points {
		row := f.row(who, p.X)
		if row == nil {
			f.Rows = append(f.Rows, Row{who, p.X, map[string][]float64{}})
			row = &f.Rows[len(f.Rows)-1]
		}
		for id, v := range p.Sample {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				row.Values[id] = append(row.Values[id], v)
			}
		}
	}
}

func (f *Figure) row(who string, x float64) *Row {
	for i := range f.Rows {
		if f.Rows[i].Who == who && f.Rows[i].X == x {
			return &f.Rows[i]
		}
	}
	return nil
}

// xs returns the points that there are rows for.
func (f *Figure) xs() []float64 {
	all := map[float64]bool{}
	for _, r := range f.Rows {
		all[r.X] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// median returns a contender's median, and whether it has one.
func (f *Figure) median(who string, x float64, metric string) (float64, bool) {
	row := f.row(who, x)
	if row == nil || len(row.Values[metric]) == 0 {
		return 0, false
	}
	return measure.Median(row.Values[metric]), true
}

// better is how many times better Xaeroflux is than another contender; below
// 1 it is behind.
func (f *Figure) better(m figures.Metric, who string, x float64) (float64, bool) {
	ours, ok := f.median(peers.Xaeroflux.Name, x, m.ID)
	theirs, ok2 := f.median(who, x, m.ID)
	if m.Plain || !ok || !ok2 || ours == 0 || theirs == 0 {
		return 0, false
	}
	if m.Lower {
		return theirs / ours, true
	}
	return ours / theirs, true
}

// bestPeer returns the best of the other contenders that are not a floor.
func (f *Figure) bestPeer(m figures.Metric, x float64) string {
	best, least := "", math.Inf(1)
	for _, who := range f.def.Who {
		if who == peers.Xaeroflux.Name || floor(who) {
			continue
		}
		if r, ok := f.better(m, who, x); ok && r < least {
			best, least = who, r
		}
	}
	return best
}

func floor(who string) bool {
	p, err := peers.ByName(who)
	return err == nil && p.Floor
}

// Err says which contenders failed.
func (r *Results) Err() error {
	var failed []string
	for _, f := range r.Figures {
		for who, why := range f.Fails {
			failed = append(failed, fmt.Sprintf("%s: %s: %s", f.ID, who, why))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	slices.Sort(failed)
	return fmt.Errorf("%d failed:\n%s", len(failed), strings.Join(failed, "\n"))
}
