// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// acks knows what is committed, or handed in by a peer, and not yet counted in
// a published root. It outlives every stage: a message that is lost in a
// restart loses no acknowledgement, because acknowledging goes by sequence.
type acks struct {
	mu     sync.Mutex             // guards all below
	logs   map[digest.Hash][]*ack // in the order of their ends
	behind map[digest.Hash]uint64 // what was published before the stages had come to it
}

type ack struct {
	end  uint64 // acknowledged when the log's published size reaches it
	done func(error)
	page bool // pages of a peer, which are not committed
}

func newAcks() *acks { return &acks{logs: map[digest.Hash][]*ack{}, behind: map[digest.Hash]uint64{}} }

// await calls done when the published size of log reaches end.
func (a *acks) await(log digest.Hash, e *ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := append(a.logs[log], e)
	for i := len(list) - 1; i > 0 && list[i-1].end > e.end; i-- {
		list[i-1], list[i] = list[i], list[i-1]
	}
	a.logs[log] = list
}

// acknowledge acknowledges all that ends at or below size.
func (a *acks) acknowledge(log digest.Hash, size uint64) {
	a.mu.Lock()
	list, n := a.logs[log], 0
	for n < len(list) && list[n].end <= size {
		n++
	}
	if n == len(list) {
		delete(a.logs, log)
	} else {
		a.logs[log] = list[n:]
	}
	a.mu.Unlock()
	for _, e := range list[:n] {
		e.done(nil)
	}
}

// ahead takes note that a size of a log is published before the stages come to it.
func (a *acks) ahead(log digest.Hash, size uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.behind[log] = size
}

// caughtUp takes note that the stages have come to a size of a log.
func (a *acks) caughtUp(log digest.Hash, size uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if end, ok := a.behind[log]; ok && size >= end {
		delete(a.behind, log)
	}
}

// failPages fails the pages of a log that are under way.
func (a *acks) failPages(log digest.Hash, err error) {
	a.fail(log, err, func(e *ack) bool { return e.page })
}

// failAll fails everything that is under way.
func (a *acks) failAll(err error) {
	for _, log := range a.pending() {
		a.failLog(log, err)
	}
}

// failLog fails everything of a log: the stages come to nothing more of it.
func (a *acks) failLog(log digest.Hash, err error) {
	a.mu.Lock()
	delete(a.behind, log)
	a.mu.Unlock()
	a.fail(log, err, func(*ack) bool { return true })
}

func (a *acks) fail(log digest.Hash, err error, which func(*ack) bool) {
	a.mu.Lock()
	var keep, failed []*ack
	for _, e := range a.logs[log] {
		if which(e) {
			failed = append(failed, e)
		} else {
			keep = append(keep, e)
		}
	}
	if a.logs[log] = keep; len(keep) == 0 {
		delete(a.logs, log)
	}
	a.mu.Unlock()
	for _, e := range failed {
		e.done(err)
	}
}

// pending returns the logs with something under way.
func (a *acks) pending() []digest.Hash {
	a.mu.Lock()
	defer a.mu.Unlock()
	logs := make([]digest.Hash, 0, len(a.logs)+len(a.behind))
	for log := range a.logs {
		logs = append(logs, log)
	}
	for log := range a.behind {
		if a.logs[log] == nil {
			logs = append(logs, log)
		}
	}
	return logs
}
