// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"maps"
	"slices"
)

// One sync is under way at a time. Those that are asked for meanwhile are the next
// one together, so that no number of them keeps the first from its end.

// partNonces are those of pings that part what the peer stated before a sync was asked
// for, and may be on its way, from what it states since.
const partNonces = 1 << 63

// Asked returns how many syncs were asked for: the number of the last one.
func (s *Session) Asked() uint64 { return s.syncs }

// nudge takes it that a sync is asked for.
func (s *Session) nudge(confirm bool) error {
	if s.syncs++; s.syncing > 0 {
		return nil
	}
	return s.openSync(confirm)
}

// openSync begins the sync that was asked for last. With confirm, what the peer stated
// before counts no more, nor what it states before it answers a PING.
func (s *Session) openSync(confirm bool) error {
	s.syncing = s.syncs
	for _, t := range s.topics {
		if err := s.newGoal(t, confirm); err != nil {
			return err
		}
		s.touch(t)
		if confirm {
			t.lastSent, t.lastGot = nil, nil
		}
	}
	s.emitTick()
	if confirm {
		return s.part()
	}
	return s.sayAll()
}

// part sends such a PING and asks for digests behind it; if too many PINGs wait for
// their answers, once one of those came.
func (s *Session) part() error {
	if s.unasked = len(s.pings) == maxPings; s.unasked {
		return nil
	}
	s.ping(partNonces | s.syncing)
	for _, t := range s.topics {
		t.asking = t.asking || t.goal != nil && t.goal.doubted
	}
	return s.sayAll()
}

// parted takes the answer to a PING: behind that of part, statements count.
func (s *Session) parted(nonce uint64) error {
	if s.unasked {
		return s.part()
	}
	if nonce != partNonces|s.syncing {
		return nil
	}
	for _, t := range s.topics {
		if t.goal != nil {
			t.goal.doubted = false
		}
	}
	return nil
}

// sayAll states our digests of topics that rest, and those that are asked for in turn
// also if something is under way.
func (s *Session) sayAll() error {
	for _, n := range slices.Sorted(maps.Keys(s.topics)) {
		t := s.topics[n]
		if t.store == nil || t.phase != sorted || !t.asking && (t.agreed() || !t.resting()) {
			continue
		}
		s.touch(t)
		now, err := s.standing(t)
		if err != nil {
			return err
		}
		s.sayDone(t, now)
	}
	return nil
}

// settleSync notices that the sync is done, and begins the next one that was asked for.
func (s *Session) settleSync() {
	if s.state != Syncing || s.syncing == 0 || s.goals > 0 || len(s.topics) == 0 || s.Listing() {
		return
	}
	done := s.syncing
	s.syncing, s.unasked = 0, false
	s.emit(Synced{done})
	if s.syncs == done {
		return
	}
	if err := s.openSync(true); err != nil {
		s.fail(err)
		return
	}
	s.settleStepped()
}
