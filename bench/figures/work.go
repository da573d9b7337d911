// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// work is appending: so many callers bring so many events at a time, until
// all are done or the time is up.
type work struct {
	Callers int     `json:"callers"`
	Batch   int     `json:"batch"`
	Bytes   int     `json:"bytes"`   // of a payload
	Events  int     `json:"events"`  // at most
	Seconds float64 `json:"seconds"` // at most
}

func (w work) hint() peers.Hint {
	return peers.Hint{Callers: w.Callers, Batch: w.Batch, EventBytes: w.Bytes}
}

// do does the work in an empty directory.
func (w work) do(r *Run) (Sample, error) {
	before, unseen := measure.Written(r.Dir)
	s, payload, err := w.run(r)
	if err != nil {
		return nil, err
	}
	if after, err := measure.Written(r.Dir); err == nil && unseen == nil {
		s["write_amp"] = float64(after-before) / payload
	}
	disk, err := measure.DiskUse(r.Dir)
	s["disk"] = float64(disk) / payload
	return s, err
}

// run appends, and returns with the sample the bytes of all payloads.
func (w work) run(r *Run) (Sample, float64, error) {
	if r.Contender == Hypercore {
		s, err := hypercore(r, "append", w)
		payload := s["payload"]
		delete(s, "payload")
		return s, payload, err
	}
	p, err := peers.ByName(r.Contender)
	if err != nil {
		return nil, 0, err
	}
	store, err := p.Open(r.Dir, w.hint())
	if err != nil {
		return nil, 0, err
	}
	warm := work{Callers: w.Callers, Batch: w.Batch, Bytes: w.Bytes, Events: w.Callers * w.Batch, Seconds: 1}
	first, err := warm.append(store)
	if err != nil {
		return nil, 0, errors.Join(err, store.Close())
	}
	cpu := measure.CPU()
	done, err := w.append(store)
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, 0, err
	}
	s := done.sample()
	s["cpu_us"] = (measure.CPU() - cpu).Seconds() * 1e6 / float64(done.events)
	return s, float64((first.events + done.events) * w.Bytes), nil
}

// outcome is what came of some work.
type outcome struct {
	events    int
	took      time.Duration
	latencies []time.Duration // of each call
}

func (o outcome) sample() Sample {
	return Sample{
		"rate":   float64(o.events) / o.took.Seconds(),
		"p50_ms": measure.Quantile(o.latencies, 0.5).Seconds() * 1e3,
		"p99_ms": measure.Quantile(o.latencies, 0.99).Seconds() * 1e3,
		"events": float64(o.events),
	}
}

// append brings the events.
func (w work) append(s peers.Store) (outcome, error) {
	pool := payloads(max(4*w.Batch, 64), w.Bytes)
	calls := int64(max(w.Events/w.Batch, 1))
	var next, done atomic.Int64
	var mu sync.Mutex // guards out and failed
	var out outcome
	var failed error
	start := time.Now()
	deadline := start.Add(time.Duration(w.Seconds * float64(time.Second)))
	var wg sync.WaitGroup
	for range w.Callers {
		wg.Go(func() {
			var mine []time.Duration
			var err error
			for err == nil && next.Add(1) <= calls {
				begin := time.Now()
				if begin.After(deadline) {
					break
				}
				at := rand.IntN(len(pool) - w.Batch + 1)
				if err = s.Append(pool[at : at+w.Batch]); err == nil {
					done.Add(int64(w.Batch))
					mine = append(mine, time.Since(begin))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			out.latencies = append(out.latencies, mine...)
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	out.took, out.events = time.Since(start), int(done.Load())
	return out, failed
}

// payloads makes different payloads that do not compress.
func payloads(n, size int) [][]byte {
	random := rand.NewChaCha8([32]byte{1})
	all := make([][]byte, n)
	for i := range all {
		all[i] = make([]byte, size)
		_, _ = random.Read(all[i]) // never fails
	}
	return all
}
