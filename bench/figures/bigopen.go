// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/peers"
)

const tenMillion = 10_000_000

var bigOpen = &Figure{
	ID:    "open-10m",
	Title: "Opening a store of 10,000,000 events",
	Text: "256-byte events. Clean is after it was closed; killed is after the process was killed while it appended batches of 1000. " +
		"The time ends when the last event was read. The files are in the page cache.",
	Metrics: []Metric{
		{ID: "clean_ms", Name: "clean", Unit: "ms", Lower: true, Goals: []Goal{{Value: 50}}},
		{ID: "killed_ms", Name: "killed", Unit: "ms", Lower: true, Goals: []Goal{{Value: 1000}}},
	},
	Who:    []string{peers.Xaeroflux.Name},
	Shared: "ten-million",
	Prepare: func(r *Run) error {
		return fillShared(r, r.Events(tenMillion))
	},
	Run: func(r *Run) ([]Point, error) {
		clean, err := timedOpen(r)
		if err != nil {
			return nil, err
		}
		if err := appendAndKill(r); err != nil {
			return nil, err
		}
		killed, err := timedOpen(r)
		if err == nil && killed.Events < clean.Events {
			err = fmt.Errorf("%d events after the kill, %d before", killed.Events, clean.Events)
		}
		return one(Sample{"clean_ms": clean.Seconds * 1e3, "killed_ms": killed.Seconds * 1e3}, err)
	},
}

// timedOpen opens the store in a new process, and closes it.
func timedOpen(r *Run) (answer, error) {
	p, err := start("store")
	if err != nil {
		return answer{}, err
	}
	a, err := p.do(order{Op: "open", Dir: r.Shared})
	return a, errors.Join(err, p.stop())
}

func appendAndKill(r *Run) error {
	p, err := start("store")
	if err != nil {
		return err
	}
	_, err = p.do(order{Op: "open", Dir: r.Shared})
	if err == nil {
		_, err = p.do(order{Op: "append until killed", Batch: 1000})
	}
	time.Sleep(seconds(r.Limit(0.5)))
	return errors.Join(err, p.kill())
}
