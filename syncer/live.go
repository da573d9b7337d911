// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Live events spread as in Plumtree (Leitão, Pereira, Rodrigues 2007), for each
// topic: an eager link pushes them at once, in both directions; a lazy one tells
// with the next tick how many there are. A side that gets events which came over
// another link already makes the link lazy (PRUNE): there is a way around it. One
// that hears of events that did not come by the tick after asks for them and makes
// the link eager (GRAFT). Links decides, because that takes a look at all
// sessions. Nothing rests on it: digests find what a link did not bring.

// The inputs and outputs of live links.
type (
	// Prune makes the link lazy: Links said so.
	Prune struct{ Topic identity.TopicID }
	// Graft makes the link eager.
	Graft struct{ Topic identity.TopicID }

	// Repeated says that the peer pushed events that were here already.
	Repeated struct{ Topic identity.TopicID }
	// Pruned says that the peer made the link lazy.
	Pruned struct{ Topic identity.TopicID }
	// Grafted says that one of the two made the link eager.
	Grafted struct{ Topic identity.TopicID }
)

func (Prune) input()     {}
func (Graft) input()     {}
func (Repeated) output() {}
func (Pruned) output()   {}
func (Grafted) output()  {}

// A lazy is what is told and heard of a topic beside pushes.
type lazy struct {
	on      bool                   // nothing new is pushed
	untold  map[digest.Hash]bool   // logs that grew and are not told yet
	behind  map[digest.Hash]bool   // logs that grew since both sides last agreed
	lacking map[digest.Hash]uint64 // sizes the peer told of, beyond ours
}

// holdBack takes note of new events that a lazy link tells of with the next
// tick, and reports whether the link is one.
func (s *Session) holdBack(t *topic, id digest.Hash) bool {
	if !t.lazy.on {
		return false
	}
	if t.lazy.untold == nil {
		t.lazy.untold = map[digest.Hash]bool{}
	}
	if t.lazy.behind == nil {
		t.lazy.behind = map[digest.Hash]bool{}
	}
	t.lazy.untold[id], t.lazy.behind[id] = true, true
	s.wantTick(t)
	return true
}

// repeated notices a push of what came over another link.
func (s *Session) repeated(t *topic) {
	if t.settled() && !t.partial { // another way around may not have all logs of this one
		s.emit(Repeated{t.id})
	}
}

func (s *Session) prune(id identity.TopicID) {
	if t := s.of(id); t != nil {
		t.lazy.on = true
		s.send(&messages.Prune{Topic: t.number})
	}
}

func (s *Session) graft(id identity.TopicID) {
	if t := s.of(id); t != nil {
		t.lazy.on = false
		s.send(&messages.Graft{Topic: t.number})
	}
}

// pruned makes the link lazy because the peer says so.
func (s *Session) pruned(t *topic) {
	t.lazy.on = true
	s.emit(Pruned{t.id})
}

// grafted makes the link eager because the peer says so, and pushes what it
// lacks.
func (s *Session) grafted(t *topic, m *messages.Graft) error {
	t.lazy.on = false
	s.emit(Grafted{t.id})
	for _, h := range m.Logs {
		own, found, err := s.cfg.Store.Log(h.Log)
		if err != nil {
			return err
		}
		if !found || own.Topic != t.id || !t.follows(own.Kind, h.Log, own.Author) {
			continue
		}
		r := s.remote(t, h.Log)
		r.size, r.pages, r.serving = h.Size, h.Pages, false
		if own.Size > r.size {
			s.offer(t, r, own, true)
		}
	}
	return nil
}

// have takes note of what the peer holds. Events not here by the next tick are
// asked for.
func (s *Session) have(t *topic, m *messages.Have) error {
	for _, h := range m.Logs {
		own, found, err := s.cfg.Store.Log(h.Log)
		if err != nil {
			return err
		}
		if found && own.Topic != t.id || !t.follows(own.Kind, h.Log, own.Author) {
			continue // of an author whose log is not here yet, the next digest tells
		}
		r, err := s.told(t, h.Log, found)
		if err != nil {
			return err
		}
		r.size = max(r.size, h.Size)
		if h.Size <= own.Size || r.phase == aside || r.declined != nil || own.Frozen || own.ended() {
			continue
		}
		if t.lazy.lacking == nil {
			t.lazy.lacking = map[digest.Hash]uint64{}
		}
		t.lazy.lacking[h.Log] = h.Size
		s.wantTick(t)
	}
	return nil
}

// tickLive tells what was held back, and asks for what did not come.
func (s *Session) tickLive(t *topic) error {
	if err := s.tellHave(t); err != nil {
		return err
	}
	return s.askLacking(t)
}

func (s *Session) tellHave(t *topic) error {
	m := &messages.Have{Topic: t.number}
	for _, id := range inOrder(t.lazy.untold) {
		own, found, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		if r := t.theirs[id]; !found || r != nil && r.size >= own.Size {
			continue
		}
		m.Logs = append(m.Logs, messages.LogSize{Log: id, Size: own.Size})
		if len(m.Logs) == messages.MaxHave {
			s.send(m)
			m = &messages.Have{Topic: t.number}
		}
	}
	t.lazy.untold = nil
	if len(m.Logs) > 0 {
		s.send(m)
	}
	return nil
}

func (s *Session) askLacking(t *topic) error {
	m := &messages.Graft{Topic: t.number}
	for _, id := range inOrder(t.lazy.lacking) {
		size := t.lazy.lacking[id]
		own, _, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		r := s.remote(t, id)
		if own.Size >= size || own.ended() || r.in != nil || r.phase == pulled || r.phase == aside {
			continue
		}
		r.awaits(max(r.wanted, size))
		m.Logs = append(m.Logs, messages.LogHeld{Log: id, Size: own.Size, Pages: own.Pages})
		if len(m.Logs) == messages.MaxHave {
			s.askFor(t, m)
			m = &messages.Graft{Topic: t.number}
		}
	}
	t.lazy.lacking = nil
	if len(m.Logs) > 0 {
		s.askFor(t, m)
	}
	return nil
}

func (s *Session) askFor(t *topic, m *messages.Graft) {
	t.lazy.on = false
	s.send(m)
	s.emit(Grafted{t.id})
}

// evened takes note, when both sides hold the same, that the peer has what a
// lazy link did not push, and forgets what need not be known.
func (s *Session) evened(t *topic) error {
	for id := range t.lazy.behind {
		own, found, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		if r := t.theirs[id]; found && r != nil && !own.Provisional {
			r.size, r.pages = max(r.size, own.Size), max(r.pages, own.Pages)
		}
	}
	t.lazy.behind = nil
	t.forget()
	return nil
}
