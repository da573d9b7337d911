// SPDX-License-Identifier: MPL-2.0

package session

import "github.com/xaeroflux/xaeroflux/syncer"

// drained says that a Drain of the core is over.
type drained struct{ number uint64 }

// drain has what waits around the session be done: what was pushed is written, logs begin
// anew that are to, and keys are learned from what came.
func (s *Session) drain(o syncer.Drain) {
	written := s.out.behind(o.Numbers)
	s.spawn(func() {
		select {
		case <-written:
		case <-s.ctx.Done():
			return
		}
		s.set.Settle(s.ctx, o.Topics)
		s.tell(&drained{o.Number})
	})
}

// drained tells the core what changed meanwhile, and that the drain is over.
func (s *Session) drained(m *drained) {
	s.stepMoved()
	s.moveTopics()
	s.step(syncer.Drained{Number: m.number})
}
