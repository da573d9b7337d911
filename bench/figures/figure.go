// SPDX-License-Identifier: MPL-2.0

// Package figures is what the benchmark measures, one file a figure. A figure
// says who takes part and what to do in one run; the program around it makes
// the runs, each in a process of its own, in turn.
package figures

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// A Run is one contender's turn in one round of a figure.
type Run struct {
	Figure    string  `json:"figure"`
	Contender string  `json:"contender"`
	X         float64 `json:"x"` // of a figure that is measured at several points
	Dir       string  `json:"dir"`
	// Shared is what prepare left, for all rounds and for all figures that
	// have the same Shared.
	Shared    string  `json:"shared"`
	Prepare   bool    `json:"prepare"` // fill Shared instead of measuring
	Scale     float64 `json:"scale"`
	Round     int     `json:"round"`
	Node      string  `json:"node"`      // the xaeroflux binary, or nothing
	Hypercore string  `json:"hypercore"` // folder of its script, or nothing
	Idle      float64 `json:"idle"`      // seconds to watch a process at rest
}

// Events scales a number of events.
func (r *Run) Events(n int) int { return max(int(float64(n)*r.Scale), 1000) }

// Limit scales a number of seconds; a run takes no longer than that by itself.
func (r *Run) Limit(seconds float64) float64 { return max(seconds*r.Scale, 0.25) }

// Path returns a path in the run's directory.
func (r *Run) Path(name string) string { return filepath.Join(r.Dir, name) }

// A Sample is what one run measured, by metric.
type Sample map[string]float64

// A Point is a sample at a place on the figure's axis.
type Point struct {
	X      float64 `json:"x"`
	Sample Sample  `json:"sample"`
}

// one is the result of a run that has no axis.
func one(s Sample, err error) ([]Point, error) { return []Point{{Sample: s}}, err }

// A Goal is what Xaeroflux should reach: a value, or a multiple of what
// another contender reaches in the same run.
type Goal struct {
	Value  float64 `json:"value,omitempty"`
	Of     string  `json:"of,omitempty"` // a contender, or BestPeer
	Factor float64 `json:"factor,omitempty"`
	At     float64 `json:"at,omitempty"`   // the point it is for
	Full   bool    `json:"full,omitempty"` // it is for a run at full scale only
}

// BestPeer is the best of the other contenders that are not a floor.
const BestPeer = "the best peer"

// A Metric is one number of a sample.
type Metric struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Lower bool   `json:"lower,omitempty"` // less is better
	Plain bool   `json:"plain,omitempty"` // says how much was done: nothing to compare
	Goals []Goal `json:"goals,omitempty"`
}

// A Figure is one thing that is measured.
type Figure struct {
	ID, Title string
	Text      string // what is done, in a sentence or two
	Metrics   []Metric
	Who       []string  // contenders
	Xs        []float64 // points of the axis, if each is a run of its own
	XName     string
	Plot      string // metric that is drawn over the axis
	Shared    string // name of what Prepare makes; figures may share it
	Prepare   func(*Run) error
	Run       func(*Run) ([]Point, error)
}

// All are the figures in the order in which they are run and shown.
var All = []*Figure{
	single, callers, batch, kilobyte, provable, proofs, reading, opening, bigOpen,
	coldSync, behind, live, smallLogs, memory, idle, byBatch, byCallers, byEventSize, byLogSize,
}

// ByID returns a figure.
func ByID(id string) (*Figure, error) {
	i := slices.IndexFunc(All, func(f *Figure) bool { return f.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("no figure is named %q", id)
	}
	return All[i], nil
}

// Hypercore is the contender that runs in node.
const Hypercore = "hypercore"

// stores are all the contenders that keep a log, Xaeroflux first.
func stores(except ...string) []string {
	var names []string
	for _, p := range peers.All {
		names = append(names, p.Name)
	}
	names = append(names, Hypercore)
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(except, n) })
}

// Make does a run, or what comes before all runs of a contender.
func Make(r *Run) ([]Point, error) {
	f, err := ByID(r.Figure)
	if err != nil {
		return nil, err
	}
	if r.Prepare {
		return nil, f.Prepare(r)
	}
	return f.Run(r)
}
