// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// BenchmarkRound is what a side computes for a round of rung 2: the snapshot of
// its logs, and the first symbols.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("logs=", n), func(b *testing.B) {
			w, _ := shelves(rand.New(rand.NewPCG(1, 1)), n, 0)
			var list []LogInfo
			for id := range w.sizes {
				list = append(list, w.info(id))
			}
			st := listed(list)
			b.ReportAllocs()
			for b.Loop() {
				snap, err := takeSnapshot(st, twinTopic.ID(), sketch.Salt{1})
				if err != nil {
					b.Fatal(err)
				}
				sketch.NewEncoder(snap.salt, snap.items).Next(firstSymbols)
			}
		})
	}
}

// listed is a store of which only the list is asked for.
type listed []LogInfo

func (l listed) Logs(_ digest.Hash, yield func(LogInfo) bool) error {
	for _, info := range l {
		if !yield(info) {
			break
		}
	}
	return nil
}

func (l listed) Summary(digest.Hash) (digest.Set, error) {
	return digest.Set{Count: uint64(len(l))}, nil
}
func (listed) Log(digest.Hash) (l LogInfo, ok bool, err error) { return l, ok, nil }
func (listed) Time(digest.Hash, uint64) (int64, error)         { return 0, nil }

func (listed) PeaksAt(digest.Hash, uint64) (m mmrindex.Peaks, err error) {
	return m, nil
}

func (listed) Roster(digest.Hash) (Roster, error)                  { return Roster{}, nil }
func (listed) Position(digest.Hash) (p identity.Position, _ error) { return p, nil }

func (listed) Counts(identity.LogName) (bool, error) { return true, nil }
