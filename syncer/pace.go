// SPDX-License-Identifier: MPL-2.0

package syncer

import "sync/atomic"

// Rule: what is of no use to a peer before all of it is there (a run of pages, the
// events of one message) is no longer than all that its connection carried of such before.
// So a connection that is cut brings something wherever it is cut, and the next one goes on
// behind it; and after a few messages nothing is shorter than it would be without.

// paceBytes is what a connection begins with.
const paceBytes = 4 << 10

// A Pace is what one connection has carried of pages and events. Several goroutines may
// use it; nil sets no bound.
type Pace struct{ carried atomic.Uint64 }

// pages returns how many pages the next run may have, of so many bytes each.
func (p *Pace) pages(bytes uint32) uint64 {
	if p == nil {
		return RunPages
	}
	return min(max(p.carried.Load()/uint64(bytes), 1), RunPages)
}

// events returns how many bytes of records the next message may have.
func (p *Pace) events() int {
	if p == nil {
		return PushBytes
	}
	return int(min(max(p.carried.Load(), paceBytes), PushBytes))
}

// add takes note of what was written.
func (p *Pace) add(bytes int) {
	if p != nil {
		p.carried.Add(uint64(bytes))
	}
}
