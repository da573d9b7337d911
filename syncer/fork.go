// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// maxForksTold bounds the fork proofs that one list of logs calls for; the
// next round tells more.
const maxForksTold = 256

// A log whose author forked it is frozen: it stands in digests and lists as
// forked and as nothing else, so that peers which hold different events of it
// agree. A peer that lists it as a log like any other gets the proof.

// contradicts reports whether a head that its author signed is none of the log
// that is held here, and the two heads prove that to anybody.
func (s *Session) contradicts(own LogInfo, theirs proof.Head) (bool, error) {
	root := own.Head.Root
	switch {
	case theirs.Size == 0 || own.Head.Size == 0:
		return false, nil
	case theirs.Size == own.Head.Size:
	case theirs.Size == own.Size:
		root = own.Root
	case theirs.Size > own.Size:
		return false, nil
	default:
		m, err := s.cfg.Store.PeaksAt(own.Log, theirs.Size)
		if err != nil {
			return false, err
		}
		root = m.Root()
	}
	if root == theirs.Root {
		return false, nil
	}
	if err := theirs.Verify(own.Author[:]); err != nil {
		return false, violation(messages.CodeBadHead, "log %s: %v", own.Log.Short(), err)
	}
	return true, nil
}

// differs looks whether a head of the peer forks a log, and leaves the log
// alone if it does. Of one that the roster settled the peer is told what it may not know,
// and both go on.
func (s *Session) differs(t *topic, r *remote, own LogInfo, theirs proof.Head) (bool, error) {
	forked, err := s.contradicts(own, theirs)
	if own.Settled {
		if forked || theirs.Size > own.Size {
			s.tellFork(t, r)
		}
		return false, err
	}
	if forked {
		r.leave()
		s.emit(Fork{Log: own.Log, Ours: own.Head, Theirs: theirs})
	}
	return forked, err
}

// leave forgets what is wanted of a log; an ingest or transfer under way ends
// by itself.
func (r *remote) leave() {
	r.wanted, r.serving = 0, false
	r.to(aside)
}

// known takes note that a log is forked, as far as we know or the peer says.
// In a list of all logs the peer says again what it knows.
func (s *Session) known(t *topic, r *remote, own LogInfo, theirs, part bool) {
	r.leave()
	r.knowsFork = theirs
	if !part {
		r.toldFork = false
	}
	if own.Frozen {
		s.tellFork(t, r)
	}
}

// tellFork sends the proof of a fork to a peer that does not know of it.
func (s *Session) tellFork(t *topic, r *remote) {
	if r.knowsFork || r.toldFork || t.forksTold == maxForksTold {
		return
	}
	t.forksTold++
	r.toldFork = true
	s.emit(TellFork{Topic: t.number, Log: r.id})
}

// fork takes the proof that a log was forked.
func (s *Session) fork(t *topic, m *messages.Fork) error {
	f, err := proof.ParseFork(m.Proof)
	if err != nil {
		return violation(messages.CodeFork, "%v", err)
	}
	if err := checkLog(named(t.offer.Topic, f.Log(), f.Author, f.PageBytes, f.Kind, f.Number)); err != nil {
		return err
	}
	if t.reach != nil {
		if over, err := t.outside(f.Kind, f.Log(), f.Author); over || err != nil {
			return err
		}
	}
	own, found, err := s.cfg.Store.Log(f.Log())
	if err != nil {
		return err
	}
	r, err := s.told(t, f.Log(), found)
	if err != nil {
		return err
	}
	if !own.Frozen && !own.Settled {
		if err := f.Verify(); err != nil {
			return violation(messages.CodeFork, "log %s: %v", f.Log().Short(), err)
		}
		s.emit(Forked{f})
	}
	if r.knowsFork = true; !own.Settled {
		r.leave()
	}
	return nil
}

// suspectHead leaves a log alone that a peer may have another history of, and says
// what we hold: if the peer holds what its head speaks of, it can prove
// that the author forked the log. A conflict with what was held before, which a log that
// began anew since is none of, says nothing: what is wanted is asked for again.
func (s *Session) suspectHead(t *topic, r *remote, c *Conflict) error {
	own, found, err := s.cfg.Store.Log(c.Log)
	if err != nil || !found || own.Frozen {
		return err
	}
	if still, err := s.stillHolds(own, c.Ours); err != nil || !still {
		r.fails(own.Size, c)
		s.wantTick(t)
		return err
	}
	if forked, err := s.differs(t, r, own, c.Theirs); forked || err != nil {
		return err
	}
	r.leave()
	s.emit(Diverged{Log: c.Log, Ours: c.Ours, Theirs: c.Theirs})
	s.sendPart(t, own)
	return nil
}

// stillHolds reports whether a log is on the branch that a head is of which it had.
func (s *Session) stillHolds(own LogInfo, head proof.Head) (bool, error) {
	if own.Head.Size == head.Size && own.Head.Root == head.Root {
		return true, nil
	}
	if head.Size == 0 || own.Size < head.Size {
		return false, nil
	}
	m, err := s.cfg.Store.PeaksAt(own.Log, head.Size)
	return err == nil && m.Root() == head.Root, err
}

// conflictOf returns the Conflict that err is, or nil.
func conflictOf(err error) *Conflict {
	var c *Conflict
	if errors.As(err, &c) {
		return c
	}
	return nil
}

// maxResumes is how often a forked log is taken up again: once when the roster says what
// of it counts, once when what was held of another branch is gone, and once more.
const maxResumes = 3

// resume takes up a log again that was left alone because it is forked, now that the
// roster says what of it counts: a few times in a session, as a peer may go on with
// another branch.
func (s *Session) resume(t *topic, r *remote, own LogInfo) {
	if r.phase != aside || !own.Settled || r.resumed == maxResumes {
		return
	}
	r.to(even)
	r.resumed++
	r.size, r.pages, r.knowsFork = 0, 0, false
	t.touched = append(t.touched, r)
	s.sendPart(t, own)
}

// resumeAll is resume for all logs of a topic whose roster moved.
func (s *Session) resumeAll(t *topic) error {
	for _, id := range inOrder(t.theirs) {
		r := t.theirs[id]
		if r.phase != aside {
			continue
		}
		own, found, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		if found {
			s.resume(t, r, own)
		}
	}
	return nil
}

// forkedHere takes note that a log of the topic was frozen here.
func (s *Session) forkedHere(t *topic, id digest.Hash) {
	r := t.unheard(id, 0)
	r.leave()
	s.tellFork(t, r)
}
