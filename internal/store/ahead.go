// SPDX-License-Identifier: MPL-2.0

package store

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// aheadEvents bounds the events of a transaction whose head is signed ahead: with
// more of them, hashing them to the root twice costs more than is won.
const aheadEvents = 256

// Bounds of what is published by the commit and not by the stages behind it: an append
// waits for those once they lag, so that what they hold in memory is bounded.
const (
	aheadBytes = 64 << 10 // of one transaction
	aheadLag   = 1024     // events that the stages have not seen
)

// An ahead is what a log of ours has come to once the transaction under way is
// committed. Its head is signed while the disk syncs that, and forgotten if that
// fails: nobody sees a head whose events are not durable.
type ahead struct {
	log   *Log
	tip   mmrindex.Mountains // of all that the transaction holds so far
	kept  mmrindex.Mountains // where the transaction before it ended
	from  digest.Hash        // the log of kept
	off   bool               // the transaction has too many events, or other logs of ours
	count int
	bytes int
	lag   uint64 // of the stages, before it
	head  *proof.Head
	wg    sync.WaitGroup // of jobs
	jobs  chan func()    // of the goroutine that signs, whose stack is grown once
}

// reset begins a transaction, or begins it again.
func (a *ahead) reset() {
	a.wg.Wait()
	a.log, a.head, a.off, a.count, a.bytes = nil, nil, false, 0, 0
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
	r := merkleindex.Range{Begin: b.First, End: b.First}
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
	a.log, a.tip, a.lag = l, l.State().Mountains, size-min(size, l.treed.Load())
	if a.from == id && a.kept.Size() == size {
		a.tip = a.kept
	}
	return a.tip.Size() == size
}

// sign begins to sign the head that the transaction leads to.
func (a *ahead) sign() {
	if a.log == nil || a.off {
		return
	}
	l, tip := a.log, a.tip
	if a.jobs == nil {
		a.jobs = make(chan func(), 1)
		go func(jobs <-chan func()) {
			for job := range jobs {
				job()
			}
		}(a.jobs)
	}
	a.wg.Add(1)
	a.jobs <- func() {
		defer a.wg.Done()
		if h, err := l.sign(tip.Size(), tip.Root()); err == nil {
			a.head = &h
		}
	}
}

// stop ends the goroutine that signs.
func (a *ahead) stop() {
	if a.jobs != nil {
		close(a.jobs)
		a.jobs = nil
	}
}

// ended hands the head to the log, if the transaction is committed, and returns what
// the log has come to. If that is too much to go before the stages, they find the
// head; what was not signed is signed then.
func (a *ahead) ended(committed bool) (to Advance) {
	a.wg.Wait()
	if !committed || a.head == nil {
		return to
	}
	a.log.ahead.Store(a.head)
	a.kept, a.from = a.tip, a.log.ID
	if a.bytes > aheadBytes || a.lag > aheadLag {
		return to
	}
	return Advance{a.log, &Published{Size: a.tip.Size(), Root: a.head.Root, Mountains: a.tip.Clone()}}
}
