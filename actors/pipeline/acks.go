// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/digest"
)

// acks knows what is committed, or handed in by a peer, and not yet counted in
// a published root. It outlives every stage: a message that is lost in a
// restart loses no acknowledgement, because acknowledging goes by sequence.
type acks struct {
	mu   sync.Mutex
	logs map[digest.Hash][]*ack // in the order of their ends
}

type ack struct {
	end  uint64 // acknowledged when the log's published size reaches it
	done func(error)
	page bool // pages of a peer, which are not committed
}

func newAcks() *acks { return &acks{logs: map[digest.Hash][]*ack{}} }

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

// reached acknowledges all that ends at or below size.
func (a *acks) reached(log digest.Hash, size uint64) {
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

// failPages fails the pages of a log that are under way.
func (a *acks) failPages(log digest.Hash, err error) {
	a.fail(log, err, func(e *ack) bool { return e.page })
}

// failAll fails everything that is under way.
func (a *acks) failAll(err error) {
	for _, log := range a.pending() {
		a.fail(log, err, func(*ack) bool { return true })
	}
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
	logs := make([]digest.Hash, 0, len(a.logs))
	for log := range a.logs {
		logs = append(logs, log)
	}
	return logs
}
