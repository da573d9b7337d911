// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// A verdict says how far a goal is reached.
type verdict struct {
	figure   *Figure
	what     string // that is measured
	goal     string
	measured string
	met      bool
}

// verdicts judges every goal of a figure that something was measured for.
func (f *Figure) verdicts() []verdict {
	var all []verdict
	for _, m := range f.def.Metrics {
		for _, g := range m.Goals {
			if v, ok := f.judge(m, g); ok {
				all = append(all, v)
			}
		}
	}
	return all
}

func (f *Figure) judge(m figures.Metric, g figures.Goal) (verdict, bool) {
	x := g.At
	if !slices.Contains(f.xs(), x) && f.Scale < 1 {
		x = g.At * f.Scale // the point was scaled too
	}
	if g.Full && f.Scale < 1 {
		return verdict{}, false
	}
	ours, ok := f.median(peers.Xaeroflux.Name, x, m.ID)
	if !ok {
		return verdict{}, false
	}
	v := verdict{figure: f, what: m.Name}
	if f.def.XName != "" {
		v.what += fmt.Sprintf(", %s %s", exact(x), f.def.XName)
	}
	if g.Of != "" {
		return f.judgeRatio(v, m, g, x)
	}
	v.measured = value(m, ours)
	v.goal, v.met = "at least "+value(m, g.Value), ours >= g.Value
	if m.Lower {
		v.goal, v.met = "at most "+value(m, g.Value), ours <= g.Value
	}
	return v, true
}

func (f *Figure) judgeRatio(v verdict, m figures.Metric, g figures.Goal, x float64) (verdict, bool) {
	who := g.Of
	if who == figures.BestPeer {
		who = f.bestPeer(m, x)
	}
	ratio, ok := f.better(m, who, x)
	if !ok {
		return v, false
	}
	v.goal = fmt.Sprintf("at least %s times %s", short(g.Factor), g.Of)
	v.measured, v.met = fmt.Sprintf("%s times %s", short(ratio), who), ratio >= g.Factor
	return v, true
}

// A defeat is a metric in which another contender is better.
type defeat struct {
	figure *Figure
	metric figures.Metric
	who    string
	x      float64
	times  float64 // that it is better
}

// defeats lists where a contender that is not a floor is better by more than
// a tenth; less is within what runs differ by.
func (f *Figure) defeats() []defeat {
	var all []defeat
	for _, m := range f.def.Metrics {
		for _, x := range f.xs() {
			for _, who := range f.def.Who {
				if who == rawQUIC || floor(who) {
					continue
				}
				if r, ok := f.better(m, who, x); ok && r < 1/1.1 {
					all = append(all, defeat{f, m, who, x, 1 / r})
				}
			}
		}
	}
	return all
}

const rawQUIC = "raw quic-go"
