// SPDX-License-Identifier: MPL-2.0

package figures

import "github.com/xaeroflux/xaeroflux/bench/peers"

var (
	rate     = Metric{ID: "rate", Name: "events/s", Unit: "/s"}
	p50      = Metric{ID: "p50_ms", Name: "p50 of a call", Unit: "ms", Lower: true}
	p99      = Metric{ID: "p99_ms", Name: "p99 of a call", Unit: "ms", Lower: true}
	cpu      = Metric{ID: "cpu_us", Name: "CPU an event", Unit: "us", Lower: true}
	writeAmp = Metric{ID: "write_amp", Name: "bytes written / payload", Unit: "x", Lower: true}
	disk     = Metric{ID: "disk", Name: "bytes on disk / payload", Unit: "x", Lower: true}
)

func (m Metric) with(goals ...Goal) Metric {
	m.Goals = goals
	return m
}

var single = &Figure{
	ID:    "single",
	Title: "One caller, one event at a time",
	Text:  "256-byte events, each synced before the next is appended.",
	Metrics: []Metric{
		p50.with(Goal{Value: 1}), p99, rate.with(Goal{Value: 1500}),
	},
	Who: stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 1, Batch: 1, Bytes: 256, Events: r.Events(50_000), Seconds: r.Limit(5)}.do(r))
	},
}

var callers = &Figure{
	ID:    "callers",
	Title: "1024 callers, one event each",
	Text:  "Every caller appends a 256-byte event, waits until it is synced, and appends the next. The contender, or for a floor the benchmark, commits what waits together.",
	Metrics: []Metric{
		rate.with(Goal{Value: 300_000}, Goal{Of: BestPeer, Factor: 7}), p50, p99, cpu,
	},
	Who: stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 1024, Batch: 1, Bytes: 256, Events: r.Events(2_000_000), Seconds: r.Limit(5)}.do(r))
	},
}

var batch = &Figure{
	ID:    "batch",
	Title: "8 callers, batches of 1000",
	Text: "256-byte events. CPU is user and system time of the whole process until the store is closed, so what a contender does later, such as immudb its index, counts too. " +
		"Bytes written is what the disk took until then and in a sync after it, and bytes on disk is what its files take.",
	Metrics: []Metric{
		rate.with(Goal{Value: 1_000_000}, Goal{Of: peers.ImmudbNoIndex.Name, Factor: 1}),
		cpu.with(Goal{Value: 1.4}), writeAmp.with(Goal{Value: 3}), disk.with(Goal{Value: 1.35, Full: true}),
	},
	Who: stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 8, Batch: 1000, Bytes: 256, Events: r.Events(2_000_000), Seconds: r.Limit(10)}.do(r))
	},
}

var kilobyte = &Figure{
	ID:      "kilobyte",
	Title:   "8 callers, batches of 1000 events of 1 KiB",
	Text:    "As before, with larger events.",
	Metrics: []Metric{rate.with(Goal{Value: 350_000}), cpu, writeAmp, disk},
	Who:     stores(),
	Run: func(r *Run) ([]Point, error) {
		return one(work{Callers: 8, Batch: 1000, Bytes: 1024, Events: r.Events(1_000_000), Seconds: r.Limit(10)}.do(r))
	},
}
