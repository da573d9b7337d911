// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// fill appends n events in batches of batch, by one caller.
func fill(t *testing.T, s Store, n, batch int) {
	t.Helper()
	var b [][]byte
	for i := range n {
		b = append(b, payload(i))
		if len(b) == batch || i == n-1 {
			if err := s.Append(b); err != nil {
				t.Fatal(err)
			}
			b = nil
		}
	}
}

func payload(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%8d", i), 8) }

// TestPeersReadBackWhatTheyTook holds every contender to what the figures take
// for granted: all events, in order, after reopening.
func TestPeersReadBackWhatTheyTook(t *testing.T) {
	const n, batch = 700, 100
	for _, p := range All {
		t.Run(p.Name, func(t *testing.T) {
			dir, h := t.TempDir(), Hint{Callers: 1, Batch: batch, EventBytes: 64}
			s, err := p.Open(dir, h)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s, n, batch)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = p.Open(dir, h); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			readBack(t, s, n)
		})
	}
}

func readBack(t *testing.T, s Store, n int) {
	t.Helper()
	i := 0
	err := s.(Iterator).Iterate(func(p []byte) error {
		if !bytes.Equal(p, payload(i)) {
			return fmt.Errorf("event %d is %q", i, p)
		}
		i++
		return nil
	})
	if err != nil || i != n {
		t.Fatalf("%d of %d events: %v", i, n, err)
	}
	if w, ok := s.(interface{ WaitIndexed() error }); ok {
		if err := w.WaitIndexed(); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range []int{0, 99, 100, n - 1} {
		if g, ok := s.(Getter); ok {
			if p, err := g.Get(seq); !errors.Is(err, ErrNoIndex) && (err != nil || !bytes.Equal(p, payload(seq))) {
				t.Errorf("event %d is %q: %v", seq, p, err)
			}
		}
		if pr, ok := s.(Prover); ok {
			proveOne(t, pr, seq)
		}
	}
}

func proveOne(t *testing.T, s Prover, seq int) {
	t.Helper()
	p, err := s.Prove(seq)
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := p.(Loader); ok {
		if err := p.Verify(); err == nil {
			t.Error("a proof verifies for no event")
		}
		if err := l.Load(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Verify(); err != nil || p.Hashes() < 5 {
		t.Errorf("proof of event %d with %d hashes: %v", seq, p.Hashes(), err)
	}
}

// TestPeersTakeManyCallers appends single events by many callers.
func TestPeersTakeManyCallers(t *testing.T) {
	const callers, each = 64, 5
	for _, p := range All {
		t.Run(p.Name, func(t *testing.T) {
			s, err := p.Open(t.TempDir(), Hint{Callers: callers, Batch: 1, EventBytes: 64})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := range each {
						if err := s.Append([][]byte{payload(c*each + i)}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if p == Tessera { // reads what is published
				return
			}
			seen := map[string]bool{}
			err = s.(Iterator).Iterate(func(p []byte) error { seen[string(p)] = true; return nil })
			if err != nil || len(seen) != callers*each {
				t.Errorf("%d of %d events: %v", len(seen), callers*each, err)
			}
		})
	}
}

func TestPublishersProve(t *testing.T) {
	for _, p := range []*Peer{Xaeroflux, Tessera} {
		t.Run(p.Name, func(t *testing.T) {
			s, err := p.Open(t.TempDir(), Hint{Callers: 1, Batch: 1, EventBytes: 64})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for i := range 3 {
				provable, err := s.(Publisher).AppendProvable(payload(i))
				if err == nil {
					err = provable()
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
