// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/peers"
)

var byBatch = &Figure{
	ID:    "by-batch",
	Title: "Rate against batch size",
	Text:  "8 callers, 256-byte events.",
	XName: "events in a batch", Xs: []float64{1, 4, 16, 64, 256, 1000}, Plot: "rate",
	Metrics: []Metric{rate},
	Who:     stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 8, Batch: int(r.X), Bytes: 256, Events: r.Events(1_000_000), Seconds: r.Limit(1)}.do(r))
	},
}

var byCallers = &Figure{
	ID:    "by-callers",
	Title: "Rate against callers",
	Text:  "One 256-byte event at a time by each caller.",
	XName: "callers", Xs: []float64{1, 4, 16, 64, 256, 1024}, Plot: "rate",
	Metrics: []Metric{rate},
	Who:     stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: int(r.X), Batch: 1, Bytes: 256, Events: r.Events(1_000_000), Seconds: r.Limit(1)}.do(r))
	},
}

var byEventSize = &Figure{
	ID:    "by-size",
	Title: "Rate against event size",
	Text:  "8 callers, batches of 100.",
	XName: "bytes of an event", Xs: []float64{64, 256, 1024, 4096, 16384}, Plot: "rate",
	Metrics: []Metric{rate},
	Who:     stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 8, Batch: 100, Bytes: int(r.X), Events: r.Events(500_000), Seconds: r.Limit(1)}.do(r))
	},
}

// logSizes are where the growing log is looked at.
var logSizes = []int{10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 5_000_000}

var byLogSize = &Figure{
	ID:    "by-log",
	Title: "Rate against log size",
	Text:  "8 callers, batches of 1000, 256-byte events, into one log that grows; each point is the rate since the one before. A contender stops after its time.",
	XName: "events in the log", Plot: "rate",
	Metrics: []Metric{rate},
	Who:     stores(),
	Run:     grow,
}

func grow(r *Run) ([]Point, error) {
	if r.Contender == Hypercore {
		return growHypercore(r)
	}
	p, err := peers.ByName(r.Contender)
	if err != nil {
		return nil, err
	}
	w := work{Callers: 8, Batch: 1000, Bytes: 256}
	s, err := p.Open(r.Dir, w.hint())
	if err != nil {
		return nil, err
	}
	var points []Point
	have, begin := 0, time.Now()
	for _, size := range logSizes {
		if size > r.Events(5_000_000) {
			break
		}
		w.Events, w.Seconds = size-have, r.Limit(12)-time.Since(begin).Seconds()
		if w.Seconds <= 0 {
			break
		}
		out, err := w.append(s)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if have += out.events; have < size {
			break // the time is up
		}
		points = append(points, Point{X: float64(size), Sample: Sample{"rate": out.sample()["rate"]}})
	}
	return points, s.Close()
}
