// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// million is how large the log is that is read.
const million = 1_000_000

// millionHint is how that log is made and opened.
var millionHint = peers.Hint{Callers: 1, Batch: 1000, EventBytes: 256}

// fillMillion fills the store that the figures on reading share.
func fillMillion(r *Run) error { return fillShared(r, r.Events(million)) }

func fillShared(r *Run, events int) error {
	if r.Contender == Hypercore {
		_, err := hypercore(r, "fill", map[string]int{"events": events, "batch": 1000, "bytes": 256})
		return err
	}
	if err := os.MkdirAll(r.Shared, 0o700); err != nil {
		return err
	}
	p, err := peers.ByName(r.Contender)
	if err != nil {
		return err
	}
	h := millionHint
	h.Unsynced = true
	s, err := p.Open(r.Shared, h)
	if err != nil {
		return err
	}
	w := work{Callers: 1, Batch: 1000, Bytes: 256, Events: events, Seconds: 1e6}
	if _, err = w.append(s); err == nil {
		err = indexed(s)
	}
	return errors.Join(err, s.Close())
}

// indexed waits for what a store does after it acknowledged.
func indexed(s peers.Store) error {
	if w, ok := s.(interface{ WaitIndexed() error }); ok {
		return w.WaitIndexed()
	}
	return nil
}

// openShared opens the filled store and says how long that took.
func openShared(r *Run) (peers.Store, time.Duration, error) {
	p, err := peers.ByName(r.Contender)
	if err != nil {
		return nil, 0, err
	}
	start := time.Now()
	s, err := p.Open(r.Shared, millionHint)
	return s, time.Since(start), err
}

var reading = &Figure{
	ID:    "reading",
	Title: "Reading a log of 1,000,000 events",
	Text:  "256-byte events, all of them in order, and single ones at random. Each payload is touched. The files are in the page cache. Allocations are counted while iterating.",
	Metrics: []Metric{
		{ID: "iterate", Name: "events/s in order", Unit: "/s", Goals: []Goal{{Value: 5_000_000}}},
		{ID: "allocs", Name: "allocations an event, in order", Unit: "", Lower: true},
		{ID: "get", Name: "events/s at random", Unit: "/s", Goals: []Goal{{Value: 500_000}}},
	},
	Who:    stores(peers.ImmudbNoIndex.Name), // cannot get
	Shared: "million", Prepare: fillMillion,
	Run: func(r *Run) ([]Point, error) {
		if r.Contender == Hypercore {
			return one(hypercore(r, "read", map[string]any{"events": r.Events(million), "seconds": r.Limit(3)}))
		}
		s, _, err := openShared(r)
		if err != nil {
			return nil, err
		}
		sample, err := read(r, s)
		return one(sample, errors.Join(err, s.Close()))
	},
}

func read(r *Run, s peers.Store) (Sample, error) {
	want := r.Events(million)
	iterate, allocs, err := iterate(s, want)
	if err != nil {
		return nil, err
	}
	n, start := 0, time.Now()
	for ; n < want && time.Since(start).Seconds() < r.Limit(3); n++ {
		p, err := s.(peers.Getter).Get(rand.IntN(want))
		if err != nil || len(p) != 256 {
			return nil, fmt.Errorf("an event of %d bytes: %w", len(p), err)
		}
	}
	return Sample{"iterate": iterate, "allocs": allocs, "get": float64(n) / time.Since(start).Seconds()}, nil
}

// iterate goes over all events twice, and measures the second time.
func iterate(s peers.Store, want int) (rate, allocs float64, err error) {
	for range 2 {
		var sum byte
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, start := 0, time.Now()
		err := s.(peers.Iterator).Iterate(func(p []byte) error {
			if n++; len(p) != 256 {
				return fmt.Errorf("an event of %d bytes", len(p))
			}
			for i := 0; i < len(p); i += 64 { // each line of the cache
				sum += p[i]
			}
			return nil
		})
		took := time.Since(start)
		runtime.KeepAlive(sum) // so that the reading of payloads is not left out
		if err == nil && n != want {
			err = fmt.Errorf("%d of %d events", n, want)
		}
		if err != nil {
			return 0, 0, err
		}
		runtime.ReadMemStats(&after)
		rate, allocs = float64(n)/took.Seconds(), float64(after.Mallocs-before.Mallocs)/float64(n)
	}
	return rate, allocs, nil
}

var proofs = &Figure{
	ID:    "proofs",
	Title: "Inclusion proofs in a log of 1,000,000 events",
	Text: "Of events at random, after three seconds of proofs that are not measured. Making a proof does not include reading the event; verifying is hashing only, without the signature of the head, " +
		"which one checks once for any number of proofs. immudb proves an entry in its transaction and that transaction in the newest one. Tessera reads its tiles for each proof. Hypercore's are proofs for a reader that has nothing, and verifying them also stores, so no time is given for that.",
	Metrics: []Metric{
		{ID: "make_us", Name: "make", Unit: "us", Lower: true, Goals: []Goal{{Value: 5}}},
		{ID: "verify_us", Name: "verify", Unit: "us", Lower: true, Goals: []Goal{{Value: 4}}},
		{ID: "hashes", Name: "hashes, at most", Unit: "", Lower: true, Goals: []Goal{{Value: 20}}},
	},
	Who:    []string{peers.Xaeroflux.Name, peers.Immudb.Name, peers.Tessera.Name, Hypercore},
	Shared: "million", Prepare: fillMillion,
	Run: func(r *Run) ([]Point, error) {
		if r.Contender == Hypercore {
			return one(hypercore(r, "prove", map[string]any{"events": r.Events(million), "proofs": r.Events(20_000), "seconds": r.Limit(3)}))
		}
		s, _, err := openShared(r)
		if err != nil {
			return nil, err
		}
		sample, err := prove(r, s)
		return one(sample, errors.Join(err, s.Close()))
	},
}

func prove(r *Run, s peers.Store) (Sample, error) {
	for began := time.Now(); time.Since(began).Seconds() < r.Limit(3); { // to begin with what is kept in memory
		if _, err := s.(peers.Prover).Prove(rand.IntN(r.Events(million))); err != nil {
			return nil, err
		}
	}
	var making, verifying time.Duration
	n, hashes, began := 0, 0, time.Now()
	for ; n < r.Events(50_000) && time.Since(began).Seconds() < r.Limit(3); n++ {
		seq := rand.IntN(r.Events(million))
		start := time.Now()
		p, err := s.(peers.Prover).Prove(seq)
		making += time.Since(start)
		if err != nil {
			return nil, err
		}
		if l, ok := p.(peers.Loader); ok {
			if err := l.Load(); err != nil {
				return nil, err
			}
		}
		start = time.Now()
		err = p.Verify()
		verifying += time.Since(start)
		if err != nil {
			return nil, fmt.Errorf("proof of event %d: %w", seq, err)
		}
		hashes = max(hashes, p.Hashes())
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(n) }
	return Sample{"make_us": each(making), "verify_us": each(verifying), "hashes": float64(hashes)}, nil
}

var opening = &Figure{
	ID:      "open",
	Title:   "Opening a log of 1,000,000 events",
	Text:    "256-byte events, closed in order, files in the page cache, the first open of its process. The time ends when the first event was read.",
	Metrics: []Metric{{ID: "open_ms", Name: "open", Unit: "ms", Lower: true}},
	Who:     stores(),
	Shared:  "million", Prepare: fillMillion,
	Run: func(r *Run) ([]Point, error) {
		if r.Contender == Hypercore {
			return one(hypercore(r, "open", map[string]int{"events": r.Events(million)}))
		}
		start := time.Now()
		s, _, err := openShared(r)
		if err != nil {
			return nil, err
		}
		err = s.(peers.Iterator).Iterate(func([]byte) error { return errFirst })
		took := time.Since(start)
		if errors.Is(err, errFirst) {
			err = nil
		}
		return one(Sample{"open_ms": took.Seconds() * 1e3}, errors.Join(err, s.Close()))
	},
}

var errFirst = errors.New("the first event was read")

var provable = &Figure{
	ID:    "provable",
	Title: "From acknowledged to provable",
	Text: "256-byte events, one at a time, while 64 other callers append too. The time from the return of the append until a proof under a " +
		"signed head was made and verified, with the signature.",
	Metrics: []Metric{
		{ID: "p99_ms", Name: "p99", Unit: "ms", Lower: true, Goals: []Goal{{Value: 50}}},
		{ID: "p50_ms", Name: "p50", Unit: "ms", Lower: true},
	},
	Who: []string{peers.Xaeroflux.Name, peers.Tessera.Name},
	Run: func(r *Run) ([]Point, error) {
		p, err := peers.ByName(r.Contender)
		if err != nil {
			return nil, err
		}
		s, err := p.Open(r.Dir, peers.Hint{Callers: 65, Batch: 1, EventBytes: 256})
		if err != nil {
			return nil, err
		}
		sample, err := publish(r, s)
		return one(sample, errors.Join(err, s.Close()))
	},
}

func publish(r *Run, s peers.Store) (Sample, error) {
	limit := r.Limit(6)
	others := make(chan error, 1)
	go func() {
		_, err := work{Callers: 64, Batch: 1, Bytes: 256, Events: 1 << 40, Seconds: limit}.append(s)
		others <- err
	}()
	var waits []time.Duration
	payload := payloads(1, 256)[0]
	for began := time.Now(); time.Since(began).Seconds() < limit; {
		done, err := s.(peers.Publisher).AppendProvable(payload)
		if err != nil {
			return nil, errors.Join(err, <-others)
		}
		start := time.Now()
		if err := done(); err != nil {
			return nil, errors.Join(err, <-others)
		}
		waits = append(waits, time.Since(start))
	}
	return Sample{
		"p99_ms": measure.Quantile(waits, 0.99).Seconds() * 1e3,
		"p50_ms": measure.Quantile(waits, 0.5).Seconds() * 1e3,
	}, <-others
}
