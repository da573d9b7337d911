// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// aheadEvents bounds the events of a transaction whose root is computed ahead: with
// more of them, hashing them twice costs more than is won.
const aheadEvents = 256

// Bounds of what is published by the commit and not by the stages behind it: an append
// waits for those once they lag, so that what they hold in memory is bounded.
const (
	aheadBytes = 64 << 10 // of one transaction
	aheadLag   = 1024     // events that the stages have not seen
)

// An ahead is what a log of ours has come to once the transaction under way is
// committed. It is forgotten if that fails.
type ahead struct {
	log   *Log
	tip   mmrindex.Peaks // of all that the transaction holds so far
	kept  mmrindex.Peaks // where the transaction before it ended
	from  digest.Hash    // the log of kept
	off   bool           // the transaction has too many events, or other logs of ours
	count int
	bytes int
	lag   uint64 // of the stages, before it
}

// reset begins a transaction, or begins it again.
func (a *ahead) reset() {
	a.log, a.off, a.count, a.bytes = nil, false, 0, 0
}

// add takes note of events that are appended to a log of ours.
func (a *ahead) add(s *Store, row *aof.LogRow, b *messages.Batch) {
	a.bytes += len(b.Records)
	if a.count += len(b.Leaves); a.off || a.count > aheadEvents || a.log != nil && a.log.ID != row.ID {
		a.off = true
		return
	}
	if a.log == nil && !a.begin(s, row.ID, b.First) {
		a.off = true
		return
	}
	r := merkleindex.CompactRange{Begin: b.First, End: b.First}
	for _, leaf := range b.Leaves {
		a.off = a.off || r.Append(leaf, nil) != nil
	}
	a.off = a.off || a.tip.Merge(r, nil) != nil
}

// begin finds the mountains of a log at a size.
func (a *ahead) begin(s *Store, id digest.Hash, size uint64) bool {
	l, err := s.cached(id)
	if err != nil || !l.Own {
		return false
	}
	a.log, a.tip, a.lag = l, l.Whole().Peaks, size-min(size, l.treed.Load())
	if a.from == id && a.kept.Size() == size {
		a.tip = a.kept
	}
	return a.tip.Size() == size
}

// committed returns what the log has come to, unless that is too much to go before the
// stages: they publish it then.
func (a *ahead) committed() (to Advance) {
	if a.log == nil || a.off {
		return to
	}
	a.kept, a.from = a.tip, a.log.ID
	if a.bytes > aheadBytes || a.lag > aheadLag {
		return to
	}
	return Advance{a.log, &LogState{Size: a.tip.Size(), Root: a.tip.Root(), Peaks: a.tip.Clone()}}
}
