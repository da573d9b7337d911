// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/identity"
)

// Rule: what all sessions know of a topic is theirs together (Topic); a session keeps
// of each how far it got with this peer, and of those that the peer is not in less
// than 64 bytes.

// An offer is a topic of ours and how far it got in this session. There is one for
// each, whether the peer is in it or not, so it is small.
type offer struct {
	*Topic
	*met             // nil before anything is known between us and the peer
	made      *Topic // as which we offered it; nil if we have not,
	number    uint32 // and the number that we gave it
	left      bool   // we are not in it any more
	forgotten bool   // it is not of the session any more
}

// stands reports whether we are in the topic as our offer says.
func (o *offer) stands() bool {
	was := o.made
	return !o.left && was.Keys == o.Keys && (was.Follows == nil) == (o.Follows == nil)
}

// isStranded reports whether both offered it with two join keys.
func (s *Session) isStranded(o *offer) bool { return o.isHeard() && s.meet.stranded[s.number(o)] == o }

// A met is what an offer has come to with the peer.
type met struct {
	heard   bool       // the peer offers it,
	theirs  heardOffer // in this way
	greeted *standing  // what our mark states
	shown   bool       // our certificate is sent,
	judged  bool       // and that of the peer came
	reach   *Reach     // which shares it, if the join keys did not; else nil
}

// meets returns what it has come to with the peer, to be added to.
func (o *offer) meets() *met {
	if o.met == nil {
		o.met = &met{}
	}
	return o.met
}

// hear takes note that the peer offers it.
func (o *offer) hear(h heardOffer) {
	m := o.meets()
	m.heard, m.theirs = true, h
}

// isHeard reports whether the peer offers it.
func (o *offer) isHeard() bool { return o.met != nil && o.heard }

// waits reports whether an offer is still to be made.
func (o *offer) waits() bool { return o.made == nil && !o.forgotten }

// A glimpse is as much of what the peer shows of a topic as is kept of ours, to find
// it by: the rest is made anew to be compared. Two of ours that look alike would be
// one in 2^64 pairs; the newer one then counts in this session.
type glimpse uint64

func glimpseOf(lobby [identity.LobbyProofBytes]byte) glimpse {
	return glimpse(binary.LittleEndian.Uint64(lobby[:]))
}

// shows returns what the peer shows of a topic that it is in.
func (s *Session) shows(t *Topic) [identity.LobbyProofBytes]byte {
	return t.Prover().Lobby(s.cfg.Binding, !s.cfg.Dialer)
}

// find returns our offer of a topic, or nil.
func (s *Session) find(t *Topic) *offer {
	if o := s.meet.ours[glimpseOf(s.shows(t))]; o != nil && o.ID == t.ID {
		return o
	}
	return nil
}

// meant returns our offer of the topic that the peer shows, or nil.
func (s *Session) meant(lobby [identity.LobbyProofBytes]byte) *offer {
	if o := s.meet.ours[glimpseOf(lobby)]; o != nil && o.Prover().CheckLobby(lobby, s.cfg.Binding, !s.cfg.Dialer) {
		return o
	}
	return nil
}

// enterAll takes in the topics that this node is in at the start.
func (s *Session) enterAll() {
	topics := s.cfg.Topics
	s.cfg.Topics = nil
	s.meet.queue = make([]offer, len(topics))
	for i, t := range topics {
		s.meet.queue[i].Topic = t
		s.enter(&s.meet.queue[i])
	}
}

// enter takes in a topic of ours, to be offered.
func (s *Session) enter(o *offer) *offer {
	m, lobby := &s.meet, s.shows(o.Topic)
	if twin := m.ours[glimpseOf(lobby)]; twin != nil {
		s.forget(twin)
	}
	m.ours[glimpseOf(lobby)] = o
	if h, ok := m.theirs[lobby]; ok {
		delete(m.theirs, lobby)
		o.hear(h)
	}
	return o
}

// forget drops an offer; the topic may be entered again.
func (s *Session) forget(o *offer) {
	m := &s.meet
	o.forgotten = true
	if at := glimpseOf(s.shows(o.Topic)); m.ours[at] == o {
		delete(m.ours, at)
	}
	if o.made != nil && s.byID[o.ID] == nil {
		m.open--
	}
	if s.isStranded(o) {
		delete(m.stranded, s.number(o))
	}
}
