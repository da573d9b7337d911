// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rule: the roster of a topic is synced beside its other logs, before them.
// Positions say who holds how much of it; it is followed whatever else is, is
// in no list and no digest, and both sides agree only where their positions are
// one too.

// A Roster is what a store holds of a topic's roster.
type Roster struct {
	Position identity.Position // the zero one if nothing is held
	Legs     []LogInfo         // by increasing numbers; the last one is that of Position
}

// A standing is what a side holds of a topic: the roster's position, and the
// digest of the logs that count there.
type standing struct {
	roster identity.Position
	set    digest.Set
}

// standing returns what we hold of a topic.
func (s *Session) standing(t *topic) (standing, error) {
	position, err := s.cfg.Store.Position(t.id)
	if err != nil {
		return standing{}, err
	}
	set, err := t.store.Summary(t.id)
	return standing{position, set}, err
}

// Stated is the position that a side states. If the newest leg is forked,
// each side may hold another branch of it: that it is forked is all that is
// said, by a size of 1 and the root of no events, which no leg can have.
func Stated(p identity.Position, forked bool) identity.Position {
	if forked {
		p.Size, p.Root = 1, digest.Empty
	}
	return p
}

// Stated is the position that a side states that holds r.
func (r Roster) Stated() identity.Position {
	n := len(r.Legs)
	return Stated(r.Position, n > 0 && r.Legs[n-1].Frozen)
}

func numberOf(p identity.Position) uint64 { return identity.RosterNumber(p.Term, p.Leg) }

// rosterHeard brings the peer up to our roster, or awaits what it has more.
func (s *Session) rosterHeard(t *topic, theirs identity.Position) error {
	ours, err := s.cfg.Store.Position(t.id)
	if err != nil || ours == theirs {
		return err
	}
	r, err := s.cfg.Store.Roster(t.id)
	if err != nil {
		return err
	}
	for _, l := range r.Legs {
		if err := s.legHeard(t, l, theirs); err != nil {
			return err
		}
	}
	return s.strays(t, r, theirs)
}

// strays states all our legs to a peer that holds another history of the roster, once for
// each position that it states: some leg before its own may be another one, too.
func (s *Session) strays(t *topic, r Roster, theirs identity.Position) error {
	astray, err := s.astray(r, theirs)
	if err != nil || !astray || t.strayed == theirs {
		return err
	}
	t.strayed = theirs
	for _, l := range r.Legs {
		if l.Size > 0 || l.Frozen {
			s.sendPart(t, l)
		}
	}
	return nil
}

// astray reports whether a position is none of our roster, which goes beyond it. If ours
// does not, the peer finds out whether ours is one of its own.
func (s *Session) astray(r Roster, theirs identity.Position) (bool, error) {
	for i, l := range r.Legs {
		switch n := numberOf(theirs); {
		case theirs.Size == 0 || l.Number < n:
		case l.Number > n:
			return true, nil
		case theirs.Size > l.Size:
			return i+1 < len(r.Legs), nil
		default:
			same, err := s.leads(l, theirs)
			return !same, err
		}
	}
	return false, nil
}

// rosterStated takes the position of a peer that said another one before, or none.
func (s *Session) rosterStated(t *topic, theirs identity.Position) error {
	ours, err := s.cfg.Store.Position(t.id)
	if err != nil || ours == theirs || t.strayed == theirs {
		return err
	}
	r, err := s.cfg.Store.Roster(t.id)
	if err != nil {
		return err
	}
	return s.strays(t, r, theirs)
}

// legHeard compares one leg with the peer's position: it holds all of the legs
// before its own, and nothing of those behind it.
func (s *Session) legHeard(t *topic, l LogInfo, theirs identity.Position) error {
	size := theirs.Size
	switch n := numberOf(theirs); {
	case l.Number < n:
		size = l.Size
	case l.Number > n:
		size = 0
	}
	m := s.remote(t, l.Log)
	m.roster = true
	if l.Frozen {
		s.known(t, m, l, theirs.Root == digest.Empty && theirs.Size == 1, true)
		return nil
	}
	if s.resume(t, m, l); m.phase == aside || m.in != nil || m.phase == pulled {
		return nil
	}
	if l.Number == numberOf(theirs) && size < l.Size {
		if same, err := s.leads(l, theirs); err != nil || !same {
			return err // the peer's leg is another one, or forked: it is to look at ours
		}
	}
	m.size, m.pages = size, pagesAt(l, size)
	switch {
	case size < l.Size:
		s.offer(t, m, l, true)
	case size > l.Size:
		m.hears(size)
	}
	return nil
}

// leads reports whether a leg leads to the peer's position: of one number there may be
// two legs, by two authors, of which each side holds one.
func (s *Session) leads(l LogInfo, theirs identity.Position) (bool, error) {
	if theirs.Size == 0 {
		return true, nil
	}
	peaks, err := s.cfg.Store.PeaksAt(l.Log, theirs.Size)
	return err == nil && peaks.Root() == theirs.Root, err
}

// rosterAgain states the newest legs when both sides rest with two positions.
func (s *Session) rosterAgain(t *topic) error {
	ours, err := s.cfg.Store.Position(t.id)
	if err != nil || t.lastGot == nil || t.lastGot.roster == ours {
		return err
	}
	r, err := s.cfg.Store.Roster(t.id)
	if err != nil {
		return err
	}
	astray, err := s.astray(r, t.lastGot.roster)
	if err != nil {
		return err
	}
	for _, l := range r.Legs {
		if (astray || l.Number >= numberOf(t.lastGot.roster)) && (l.Size > 0 || l.Frozen) {
			s.sendPart(t, l)
		}
	}
	return nil
}

// isRoster reports whether a log is a leg of a roster.
func isRoster(l LogInfo) bool { return l.Kind == identity.KindRoster }

// notRoster refuses a leg of a roster where logs that count are listed.
func notRoster(e *messages.LogState) error {
	if e.Kind == identity.KindRoster {
		return violation(messages.CodeRoster, "log %s of the roster in a list", e.Log.Short())
	}
	return nil
}

// unjudged reports whether a log may be stored only once its first record was judged: it
// is pushed then, and never pulled as pages.
func unjudged(l LogInfo, held uint64) bool {
	return l.Provisional || isRoster(l) && l.Number > 0 && held == 0
}
