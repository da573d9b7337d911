// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rule: of what a stranger offers and we are not in, little is kept. Two bytes of
// each offer are enough to know it again: if we join that topic later and offer
// it, the peer begins with it, under a number of which only those bytes are known
// here. The topic is left then, and offered anew by both.

// keptOffers is how many offers of a stranger are kept whole, of topics that we are
// not in: at about 200 bytes each. All others are faint.
const keptOffers = 64

// A faint is what is kept of offers, by the peer's numbers: a part of the lobby proof,
// or 0.
type faint []uint16

// trace is what is kept of an offer: never 0.
func (g glimpse) trace() uint16 { return uint16(g) | 1 }

// fade keeps of a stranger's offers what a stranger may cost.
func (m *meeting) fade() {
	if len(m.theirs) <= keptOffers {
		return
	}
	all := make(faint, m.theirNext)
	copy(all, m.faint)
	kept := make(map[[identity.LobbyProofBytes]byte]heardOffer, keptOffers)
	for lobby, h := range m.theirs {
		if h.number < keptOffers {
			kept[lobby] = h
		} else {
			all[h.number] = glimpseOf(lobby).trace()
			m.faded++
		}
	}
	m.theirs, m.faint = kept, all
}

// unmatched counts the offers of the peer that stand and are of no topic of ours.
func (m *meeting) unmatched() int { return len(m.theirs) + m.faded }

// theirTrace returns the number of the peer's faint offer that a message of a topic may
// follow from, and its trace; 0 if there is none. If numbers are ours, it is any
// that looks like the offer of that number.
func (s *Session) theirTrace(number uint32) (theirs int, t uint16) {
	m := &s.meet
	if !s.cfg.Dialer {
		if int(number) < len(m.faint) {
			t = m.faint[number]
		}
		return int(number), t
	}
	for at, o := range m.ours {
		if o.made != nil && !o.isHeard() && o.number == number {
			if n := slices.Index(m.faint, at.trace()); n >= 0 {
				return n, m.faint[n]
			}
		}
	}
	return 0, 0
}

// traced returns the offers of ours that the peer may have shared as a number and that
// look like a trace.
func (s *Session) traced(number uint32, t uint16) (all []*offer) {
	for at, o := range s.meet.ours {
		if o.made != nil && !o.isHeard() && at.trace() == t && (!s.cfg.Dialer || o.number == number) {
			all = append(all, o)
		}
	}
	return all
}

// recall leaves a topic that the peer shares and we cannot, as its offer is faint, and
// offers it anew; so does the peer. It reports whether m was of one. A stranger stays
// one: two bytes prove nothing.
func (s *Session) recall(m messages.Message) (bool, error) {
	number, ok := messages.TopicOf(m)
	if !ok || s.state != Meeting && s.state != Syncing {
		return false, nil
	}
	leave, leaves := m.(*messages.Leave)
	if s.leaving[number] && s.state == Meeting {
		if leaves {
			delete(s.leaving, number)
		}
		return true, nil
	}
	if s.meet.faded == 0 || s.leaving[number] || s.topics[number] != nil {
		return false, nil
	}
	theirs, t := s.theirTrace(number)
	if t == 0 {
		return false, nil
	}
	all := s.traced(number, t)
	if len(all) == 0 {
		return false, nil
	}
	_, certificate := m.(*messages.Certificate)
	if s.meet.recalls++; certificate || len(all) > 1 || s.state == Meeting && s.meet.recalls > keptOffers {
		return true, violation(messages.CodeBusy, "topic %d was joined while it was offered: connect again", number)
	}
	s.meet.faint[theirs] = 0
	s.meet.faded--
	if leaves {
		s.send(leave)
	} else {
		s.sayLeave(number)
	}
	o := all[0]
	if s.forget(o); o.left {
		return true, nil
	}
	s.meet.ready = append(s.meet.ready, s.enter(&offer{Topic: o.Topic}))
	return true, s.meetAgain()
}
