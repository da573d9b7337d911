// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

var smallLogs = &Figure{
	ID:    "small-logs",
	Title: "Many small logs in one store",
	Text: "Each log gets one event of 32 bytes, synced, by 256 callers; each is a topic of its own, as an author has one log in a topic; the topics were founded by somebody else, before the clock starts. A contender stops after its time, and then has fewer. Memory is that of a new process that has opened the store, " +
		"of its own and without file pages; the process of the benchmark itself is in it, so compare the two sizes. Hypercore: a Corestore.",
	XName: "logs", Xs: []float64{1000, 100_000},
	Metrics: []Metric{
		{ID: "made", Name: "made", Unit: "", Plain: true},
		{ID: "create_us", Name: "create, each", Unit: "us", Lower: true, Goals: []Goal{{Value: 20, At: 100_000}}},
		{ID: "bytes", Name: "on disk, each", Unit: "B", Lower: true, Goals: []Goal{{Value: 300, At: 100_000}}},
		{ID: "open_ms", Name: "open", Unit: "ms", Lower: true},
		{ID: "anon_mib", Name: "memory when open", Unit: "MiB", Lower: true},
	},
	Who: []string{peers.Xaeroflux.Name, Hypercore},
	Run: func(r *Run) ([]Point, error) {
		logs := r.Events(int(r.X)) // at least 1000
		s, err := manyLogs(r, logs)
		return []Point{{X: float64(logs), Sample: s}}, err
	},
}

func manyLogs(r *Run, logs int) (Sample, error) {
	if r.Contender == Hypercore {
		return hypercore(r, "logs", map[string]any{"logs": logs, "bytes": 32, "seconds": r.Limit(60)})
	}
	p, err := start("store")
	if err != nil {
		return nil, err
	}
	dir := r.Path("store")
	if _, err = p.do(order{Op: "open", Dir: dir}); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	made, err := p.do(order{Op: "logs", Events: logs, Bytes: 32, Seconds: r.Limit(60)})
	if err = errors.Join(err, p.stop()); err != nil {
		return nil, err
	}
	full, err := measure.DiskUse(dir)
	if err != nil {
		return nil, err
	}
	s, err := openedMemory(dir)
	if err != nil {
		return nil, err
	}
	s["made"] = float64(made.Events)
	s["create_us"] = made.Seconds * 1e6 / float64(made.Events)
	s["bytes"] = float64(full) / float64(made.Events)
	return s, nil
}

// openedMemory opens a store in a new process, and looks at that.
func openedMemory(dir string) (Sample, error) {
	p, err := start("store")
	if err != nil {
		return nil, err
	}
	a, err := p.do(order{Op: "open", Dir: dir})
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	m, err := measure.MemoryOf(p.cmd.Process.Pid)
	return Sample{"open_ms": a.Seconds * 1e3, "anon_mib": float64(m.Anonymous) / (1 << 20)}, errors.Join(err, p.stop())
}
