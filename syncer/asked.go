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

// calmNonce is that of pings whose answers say that nothing was on its way which both
// sides say of topics that they do not share yet.
const calmNonce = 1 << 62

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
	s.syncing, s.calm.found = s.syncs, false
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
	s.ping(s.partNonce())
	for _, t := range s.topics {
		t.asking = t.asking || t.goal != nil && t.goal.doubted
	}
	return s.sayAll()
}

// partNonce is that of the newest such PING.
func (s *Session) partNonce() uint64 { return partNonces | s.reparted<<32 | s.syncing&(1<<32-1) }

// doubt has what the peer states of a topic count again only once it took what we told it
// just now: it asks for what it lacks of that, and answers when that is there.
func (s *Session) doubt(t *topic) error {
	g := t.goal
	if g == nil || g.doubted {
		return nil
	}
	g.doubted, g.asked, t.asking, t.lastGot = true, true, true, nil
	s.reparted = (s.reparted + 1) & (1<<28 - 1)
	return s.part()
}

// parted takes the answer to a PING: behind that of part, statements count.
func (s *Session) parted(nonce uint64) error {
	if nonce == calmNonce {
		s.calm.asked, s.calm.found = false, true
	}
	if s.unasked {
		return s.part()
	}
	if nonce != s.partNonce() {
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

// A calmness is whether anything is on its way that is said of topics which are not
// shared yet. Each side says what it has to say at once: it offers, shows and judges
// certificates, leaves and offers anew. So once a PING is answered that was sent when all
// stood as it does now, it stays so until somebody gets another key.
type calmness struct {
	asked bool     // a PING is on its way
	at    meetings // how all stood when the last one was sent,
	found bool     // and it was answered since the sync was asked for
}

// meetings is how topics stand that are to be shared: it is another one after anything
// that is said of them.
type meetings struct {
	next, theirNext                   uint32
	topics, stranded, leaving, judged int
}

// isCalm reports whether no topic will be shared by what both sides are saying, and finds
// it out.
func (s *Session) isCalm() bool {
	m, c := &s.meet, &s.calm
	now := meetings{m.next, m.theirNext, len(s.topics), len(m.stranded), len(s.leaving), s.judged}
	if c.found && c.at == now {
		return true
	}
	if !c.asked && len(s.pings) < maxPings {
		c.asked, c.at, c.found = true, now, false
		s.ping(calmNonce)
	}
	return false
}

// settleSync notices that the sync is done, and begins the next one that was asked for.
func (s *Session) settleSync() {
	if s.state != Syncing && s.state != Meeting || s.syncing == 0 || s.goals > 0 || s.Listing() {
		return
	}
	if alone := len(s.topics) == 0; alone || len(s.meet.stranded) > 0 {
		if !s.isCalm() {
			return
		}
		if alone {
			s.emit(Apart{Why: Unshared})
		}
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
