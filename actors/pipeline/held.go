// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"time"

	"github.com/xaeroflux/xaeroflux/messages"
)

// Bounds of what the AOF writer holds back of events that are published.
const (
	heldEvents = 128
	heldBytes  = 32 << 10
	heldTime   = 20 * time.Millisecond
)

// sendOn hands the events of an append, if any are new, to the stages. Those that are
// published do not wait for them: they are gathered, so that somebody who appends
// one event at a time wakes three stages once for many of them. They stand in the AOF.
func (w *aofWriter) sendOn(b *messages.Batch, published bool) {
	if b == nil {
		return
	}
	p := w.p
	p.stages[atAOF].events.Add(uint64(len(b.Leaves)))
	if h := p.held; !published || h != nil && (h.Log != b.Log || h.End() != b.First) {
		w.sendHeld()
	}
	if !published {
		p.tell(atSegment, b)
	} else if w.hold(b); len(p.held.Leaves) >= heldEvents || len(p.held.Records) >= heldBytes {
		w.sendHeld()
	}
}

// hold adds a batch to what is held back.
func (w *aofWriter) hold(b *messages.Batch) {
	p := w.p
	if p.held == nil {
		p.held = &messages.Batch{Log: b.Log, First: b.First}
		time.AfterFunc(heldTime, p.release)
	}
	p.held.Leaves = append(p.held.Leaves, b.Leaves...)
	p.held.Records = append(p.held.Records, b.Records...)
	if b.Recycle != nil {
		b.Recycle(b.Records)
	}
}

// release has the AOF writer hand on what it holds back.
func (p *Pipeline) release() { p.tell(atAOF, &messages.Release{}) }

func (w *aofWriter) sendHeld() {
	if b := w.p.held; b != nil {
		w.p.held = nil
		w.p.tell(atSegment, b)
	}
}
