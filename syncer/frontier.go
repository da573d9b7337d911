// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// entriesPerDiff keeps a DIFF well under its frame's limit.
const entriesPerDiff = 2048

func stateOf(l LogInfo) messages.LogState {
	e := messages.LogState{Log: l.Log, Author: l.Author, PageBytes: l.PageBytes, Kind: l.Kind, Number: l.Number}
	if l.Frozen {
		e.End = messages.Forked
		return e
	}
	e.Size, e.Pages, e.Head = l.Size, l.Pages, wireHead(l.Head)
	if l.Ends {
		e.End = messages.EndsAt(l.End)
	}
	return e
}

// named returns what a log is known by that the store does not have.
func named(of *Topic, log digest.Hash, author [32]byte, pageBytes uint32, kind identity.LogKind, number uint64) LogInfo {
	name := identity.LogName{Topic: of.ID, Author: author, PageBytes: pageBytes, Kind: kind, Number: number}
	l := LogOf(log, name, of.Genesis)
	l.Policy = of.Policy // a topic whose genesis is not known has one all the same
	return l
}

// sendFrontier lists every log that holds events, with its state.
func (s *Session) sendFrontier(t *topic) error {
	t.forksTold = 0
	d := &messages.Diff{Topic: t.number, Rung: messages.RungFrontier, More: true}
	err := t.store.Logs(t.id, func(l LogInfo) bool {
		if len(d.Entries) == entriesPerDiff {
			s.send(d)
			d = &messages.Diff{Topic: t.number, Rung: messages.RungFrontier, More: true}
		}
		d.Entries = append(d.Entries, stateOf(l))
		return true
	})
	d.More = false
	s.send(d)
	return err
}

// sendPart tells what we hold of one log.
func (s *Session) sendPart(t *topic, l LogInfo) {
	s.send(&messages.Diff{Topic: t.number, Rung: messages.RungFrontier, Part: true, Entries: []messages.LogState{stateOf(l)}})
}

// diff takes what the peer holds. A full list is answered by ours, unless ours
// is what it answers.
func (s *Session) diff(t *topic, m *messages.Diff) error {
	if len(m.Body) > 0 {
		return s.body(t, m)
	}
	if m.Rung != messages.RungFrontier {
		return violation(messages.CodeUnexpectedMessage, "a DIFF of rung %d that says nothing", m.Rung)
	}
	if !m.Part {
		t.hearsList()
	}
	if m.More && len(m.Entries) == 0 {
		return violation(messages.CodeLimit, "a part of a list with nothing in it")
	}
	for i := range m.Entries {
		if err := s.entry(t, &m.Entries[i], m.Part); err != nil {
			return err
		}
	}
	if m.Part || m.More {
		return nil
	}
	return s.listEnds(t)
}

func (s *Session) listEnds(t *topic) error {
	t.known = true
	for id, r := range t.theirs {
		if !t.listed[id] && r.in == nil && r.phase != pulled && !r.roster {
			r.size, r.pages, r.serving = 0, 0, false
			t.touched = append(t.touched, r)
		}
	}
	listed := t.listed
	t.listed = nil
	before := t.phase == exchanging // our list may lack what came since
	if !before {
		if err := s.sendFrontier(t); err != nil {
			return err
		}
	}
	t.to(sorted)
	// Logs that the peer listed were looked at with their entry; what it did
	// not list, it does not have.
	return t.store.Logs(t.id, func(l LogInfo) bool {
		switch r := t.unheard(l.Log, 0); {
		case l.Frozen && !listed[l.Log]:
			s.known(t, r, l, false, false)
		case r.size < l.Size:
			s.offer(t, r, l, before)
		}
		return true
	})
}

// entry takes one log of the peer's list.
func (s *Session) entry(t *topic, e *messages.LogState, part bool) error {
	name := named(t.offer.Topic, e.Log, e.Author, e.PageBytes, e.Kind, e.Number)
	if err := checkLog(name); err != nil {
		return err
	}
	if e.End != messages.Forked || t.reach != nil { // of forks both speak whatever they follow
		if over, err := t.outside(e.Kind, e.Log, e.Author); over || err != nil {
			return err
		}
	}
	if !part {
		if err := notRoster(e); err != nil {
			return err
		}
		if t.listed == nil {
			t.listed = map[digest.Hash]bool{}
		}
		if t.listed[e.Log] {
			return violation(messages.CodeLimit, "log %s is twice in a list", e.Log.Short())
		}
		t.listed[e.Log] = true
	}
	own, found, err := s.cfg.Store.Log(e.Log)
	if err != nil {
		return err
	}
	if !found {
		if stored, err := s.stores(t, &name, e.Size, !part); err != nil || !stored {
			return err
		}
		own = name
	}
	r, err := s.told(t, e.Log, found)
	if err != nil {
		return err
	}
	r.size, r.pages, r.serving = e.Size, e.Pages, false
	r.named(name, found)
	if passed, err := s.declines(r, own); err != nil || passed {
		return err
	}
	r.end = nil
	if end, ends := e.End.At(); ends {
		r.end = &end
	}
	return s.compare(t, r, own, e, part)
}

// showLeg states a leg of which the peer counts as much under a head of more, as of one
// that a term cuts: it holds what that head is over, and sees whether it continues ours.
func (s *Session) showLeg(t *topic, r *remote, own LogInfo) {
	if !r.shown {
		r.shown = true
		s.sendPart(t, own)
	}
}

// stores reports whether a log that is not here is to be stored, if only as a
// provisional one, which no list has. One that is not is passed over: the peer's
// roster may say of it what ours does not yet. Size is what the peer has of it.
func (s *Session) stores(t *topic, name *LogInfo, size uint64, listed bool) (bool, error) {
	ok, err := s.cfg.Store.Counts(name.Name())
	if err == nil && !ok && !listed {
		ok, err = s.awaitsRecord0(name)
	}
	if ok || err != nil {
		return ok, err
	}
	t.passOver(*name, size)
	if r := t.theirs[name.Log]; r != nil {
		r.got() // only HAVE or a round spoke of it
		t.touched = append(t.touched, r)
	}
	return false, nil
}

// A passed is a log that was passed over, and how much of it the peer has.
type passed struct {
	LogInfo
	size uint64
}

// maxPassed is how many logs that were passed over are remembered; others come with a
// round.
const maxPassed = 1024

// passOver remembers a log that the peer brought, and of which our roster says nothing
// yet: it may be behind the peer's by a message.
func (t *topic) passOver(l LogInfo, size uint64) {
	t.expectsNot(l.Log)
	if len(t.passed) >= maxPassed {
		return
	}
	if t.passed == nil {
		t.passed = map[digest.Hash]passed{}
	}
	t.passed[l.Log] = passed{l, size}
}

// askAgain asks for the logs that were passed over, now that our roster says more.
func (s *Session) askAgain(t *topic) error {
	all := t.passed
	t.passed = nil
	for _, id := range inOrder(all) {
		own, found, err := s.cfg.Store.Log(id)
		if err == nil && !found {
			own = all[id].LogInfo
			found, err = s.stores(t, &own, all[id].size, false)
		}
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		r := s.remote(t, id)
		t.arrived(r)
		r.size = max(r.size, all[id].size)
		if r.name == nil && own.Size == 0 {
			r.named(own, false)
		}
		if r.size > own.Size && r.phase != pulled && r.phase != aside && r.in == nil {
			r.awaits(r.size) // no sync ends before it comes
			r.to(asked)
		}
		s.sendPart(t, own)
	}
	return nil
}

// told returns what is known of a log that the peer speaks of. How many the
// peer may bring up that are not here is limited.
func (s *Session) told(t *topic, id digest.Hash, found bool) (*remote, error) {
	if t.theirs[id] == nil && !found {
		if t.strange++; t.strange > s.cfg.Limits.MaxLogs {
			return nil, violation(messages.CodeLimit, "more than %d logs in a topic", s.cfg.Limits.MaxLogs)
		}
	}
	r := s.remote(t, id)
	t.arrived(r)
	return r, nil
}

// checkLog checks that a log's id follows from what it is said to be.
func checkLog(l LogInfo) error {
	if identity.LogID(l.Topic, l.Author, l.PageBytes, l.Kind, l.Number) != l.Log {
		return violation(messages.CodeBadHead, "log %s is not %s log %d of author %x in this topic", l.Log.Short(), l.Kind, l.Number, l.Author[:4])
	}
	if identity.SmallOrder(l.Author) {
		return violation(messages.CodeBadHead, "log %s has an author key of small order", l.Log.Short())
	}
	if err := segwriter.ValidPageBytes(int(l.PageBytes)); err != nil {
		return violation(messages.CodeBadHead, "log %s: %v", l.Log.Short(), err)
	}
	if l.Kind != identity.KindData && l.PageBytes != identity.RosterPageBytes {
		return violation(messages.CodeBadHead, "log %s: a %s log with pages of %d bytes, want %d", l.Log.Short(), l.Kind, l.PageBytes, identity.RosterPageBytes)
	}
	return nil
}

func headOf(log digest.Hash, h messages.Head) proof.Head {
	return proof.Head{Log: log, Size: h.Size, Root: h.Root, Sig: h.Sig}
}

// named keeps what a log's id follows from, if the store does not have it.
func (r *remote) named(name LogInfo, found bool) {
	if r.roster = isRoster(name); found {
		r.name = nil
	} else {
		r.name = &name
	}
}

// compare decides who brings whom what of a log.
func (s *Session) compare(t *topic, r *remote, own LogInfo, e *messages.LogState, part bool) error {
	if forked := e.End == messages.Forked; forked && own.Settled {
		r.got() // the peer's roster does not say yet what of it counts
		return nil
	} else if forked || own.Frozen {
		s.known(t, r, own, forked, part)
		return nil
	}
	s.resume(t, r, own)
	if forked, err := s.differs(t, r, own, headOf(e.Log, e.Head)); forked || err != nil {
		return err
	}
	switch {
	case r.phase == aside:
		return nil
	case e.Size < own.Size:
		s.offer(t, r, own, part || t.phase == exchanging)
		return nil
	case e.Size == own.Size, own.ended(): // there is nothing behind its end
		if part && isRoster(own) && e.Size == own.Size && e.Head.Size > own.Head.Size {
			s.showLeg(t, r, own)
		}
		r.got()
		return nil
	}
	return s.want(t, r, own, e, part)
}

// want takes note that the peer has more of a log than we do.
func (s *Session) want(t *topic, r *remote, own LogInfo, e *messages.LogState, part bool) error {
	head := headOf(e.Log, e.Head)
	if e.Size > e.Head.Size {
		return violation(messages.CodeBadHead, "log %s: %d events under a head of %d", e.Log.Short(), e.Size, e.Head.Size)
	}
	if head.Size > own.Head.Size || head.Root != own.Head.Root {
		if err := head.Verify(e.Author[:]); err != nil {
			return violation(messages.CodeBadHead, "log %s: %v", e.Log.Short(), err)
		}
	}
	if own.Own { // we lost events; they are fetched back like anybody's
		s.emit(OwnAhead{Log: own.Log, Ours: own.Size, Size: head.Size})
	}
	r.awaits(e.Size)
	switch {
	case r.phase == pulled:
	case e.Pages >= own.Pages+PullPages && !unjudged(own, own.Size):
		r.to(pulled)
		s.emit(Pull{Topic: t.number, Info: own, Pages: e.Pages})
	case part && r.in == nil && r.phase != asked:
		r.to(asked)
		s.sendPart(t, own) // the peer pushes from there
	}
	return nil
}

// ask asks the peer again for what is wanted of a log: pages by a pull, events
// by telling what is held here.
func (s *Session) ask(t *topic, r *remote) error {
	own, found, err := s.cfg.Store.Log(r.id)
	if err != nil {
		return err
	}
	if !found {
		own = LogInfo{}
		if r.name != nil {
			own = *r.name
		}
		own.Log, own.Topic = r.id, t.id
	}
	if own.Frozen {
		s.forkedHere(t, r.id)
		return nil
	}
	if own.ended() {
		r.got()
	}
	if r.wanted != 0 && r.pages >= own.Pages+PullPages && !unjudged(own, own.Size) {
		r.to(pulled)
		s.emit(Pull{Topic: t.number, Info: own, Pages: r.pages})
		return nil
	}
	r.told()
	if own.PageBytes == 0 { // only HAVE spoke of it
		s.askFor(t, &messages.Graft{Topic: t.number, Logs: []messages.LogHeld{{Log: r.id}}})
		return nil
	}
	s.sendPart(t, own)
	return nil
}

// offer brings the peer up to what we hold: by a push, or if that is much,
// by letting it pull. We tell it to, unless a list of ours will say so.
func (s *Session) offer(t *topic, r *remote, own LogInfo, tell bool) {
	to := own.Size
	if r.end != nil {
		to = min(to, *r.end) // what is beyond does not count there
	}
	switch {
	case r.serving || r.phase == aside || to <= r.size:
	case own.Pages >= r.pages+PullPages && !unjudged(own, r.size):
		if r.serving = true; tell {
			s.sendPart(t, own)
		}
	default:
		s.emit(Push{Topic: t.number, Log: own.Log, From: r.size, To: to, Live: t.settled()})
		r.size, r.pages, r.pushed = own.Size, own.Pages, own.Size
	}
}

// holding drops what is wanted of a log once it is here, and what the store knows of
// it now.
func (r *remote) holding(own LogInfo) {
	r.name = nil
	if own.Size >= r.wanted || own.ended() {
		r.got()
	}
}

// advanced takes note of new events here. If the peer is to pull them, we
// tell it.
func (s *Session) advanced(in Advanced) error {
	id := in.Log
	own, found, err := s.cfg.Store.Log(id)
	if err != nil || !found {
		return err
	}
	t := s.of(own.Topic)
	if t == nil {
		return nil
	}
	if t.reach != nil {
		if over, err := s.beyond(t, own); over || err != nil {
			return err
		}
	}
	t.touch(id)
	t.moves++
	t.goal.changes(id, in.Before)
	if t.theirs[id] != nil {
		s.remote(t, id).holding(own)
	}
	if isRoster(own) {
		if t.scope != nil {
			t.scope.touchAll() // it may say something else of them now
		}
		if err := errors.Join(s.askAgain(t), s.resumeAll(t)); err != nil {
			return err
		}
	}
	if r := t.theirs[id]; r != nil {
		s.resume(t, r, own)
	}
	if beside := isRoster(own) || own.Provisional; beside && !t.peaked || !beside && !t.known {
		return nil // they come when PEAKS has said who holds what, or with our list
	}
	if own.Frozen {
		s.forkedHere(t, id)
		return nil
	}
	if !t.follows(own.Kind, id, own.Author) {
		return nil
	}
	r := t.unheard(id, min(in.Before, own.Size))
	if r.roster = isRoster(own); r.pages == 0 {
		r.pages = pagesAt(own, r.size)
	}
	t.arrived(r)
	r.holding(own)
	if own.Size <= r.size || r.serving || r.phase == aside || s.holdBack(t, id) {
		return nil
	}
	s.offer(t, r, own, true)
	return nil
}

// served takes note that the peer's pull ended, and pushes what came since.
func (s *Session) served(in Served) error {
	t := s.of(in.Topic)
	if t == nil {
		return nil
	}
	own, found, err := s.cfg.Store.Log(in.Log)
	if err != nil || !found || own.Topic != t.id || !t.follows(own.Kind, own.Log, own.Author) {
		return err
	}
	r := s.remote(t, in.Log)
	if in.Err == nil && in.Partly {
		return nil // it says when it has what it wants
	}
	r.serving = false
	if in.Err != nil || own.Frozen {
		return nil // the peer tells its size again when it wants more
	}
	r.size, r.pages = max(r.size, in.EndSize), own.Pages
	if own.Size > r.size {
		s.offer(t, r, own, true)
	}
	return nil
}
