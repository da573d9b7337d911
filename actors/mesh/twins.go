// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Twins are two open copies of one store with one peer id. Of two sessions with
// one peer the newer stays, because the older one is likely dead; of twins both
// are alive, and would throw each other out for ever.
//
// HELLO carries a value of each opening of a store (a run). Run A that
// answers our HELLO after another run B of its peer was heard, and was heard
// before B, proves that A is alive beside B: a store that was opened again has a
// new run, and never an old one. From then on each of the two is told once, by
// code 20, and while a session with one of them lasts the other is refused, which
// makes its pauses grow. A run that is not known takes the place of a session as
// ever, so that nobody has to wait after a crash.

// Bounds of what is remembered of runs.
const (
	maxRunPeers = 1024 // peers; any of them gives way
	maxRuns     = 4    // runs of a peer; the one heard longest ago gives way
)

// twins is what is known of the runs of peers, and of those of this store.
type twins struct {
	mu    sync.Mutex // guards all below
	peers map[identity.PeerID]*peerRuns
	own   map[identity.PeerID]time.Time // peers that say that this store has a twin, and when they last did
}

// peerRuns are the runs of one peer, the one heard last at the end.
type peerRuns struct {
	runs []heardRun
	twin time.Time // when it last showed to be two; zero: never
}

type heardRun struct {
	run   session.RunID
	heard time.Time // when it last answered
	twin  bool      // it is alive beside another
	told  bool      // so
}

func (t *twins) init() {
	t.peers, t.own = map[identity.PeerID]*peerRuns{}, map[identity.PeerID]time.Time{}
}

// find returns what is known of a run, or nil.
func (p *peerRuns) find(r session.RunID) *heardRun {
	if p == nil {
		return nil
	}
	i := slices.IndexFunc(p.runs, func(h heardRun) bool { return h.run == r })
	if i < 0 {
		return nil
	}
	return &p.runs[i]
}

// refuses reports whether a session with a run of a peer, which greeted, has no
// place for it: it is a twin that was not told, or the other one is here, with one of
// the runs of other sessions.
func (t *twins) refuses(peer identity.PeerID, r session.RunID, others []session.RunID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[peer]
	h := p.find(r)
	if h == nil || !h.twin {
		return false
	}
	if h.told && !slices.ContainsFunc(others, func(o session.RunID) bool { return o != r && o != (session.RunID{}) }) {
		return false
	}
	h.told, p.twin = true, now
	return true
}

// answered takes note that a run of a peer answered our HELLO in a session that began
// at since. It reports whether that just proved that the peer is two.
func (t *twins) answered(peer identity.PeerID, run session.RunID, since, now time.Time) (proved bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if run == (session.RunID{}) {
		return false
	}
	p := t.of(peer)
	h := heardRun{run: run}
	if old := p.find(run); old != nil {
		h = *old
		proved = p.markBeside(&h, since)
		p.runs = slices.DeleteFunc(p.runs, func(o heardRun) bool { return o.run == run })
	} else if len(p.runs) == maxRuns {
		p.runs = p.runs[1:]
	}
	if proved {
		p.twin = now
	}
	h.heard = now
	p.runs = append(p.runs, h)
	return proved
}

// markBeside marks h and the runs that were heard after it, and before a session
// began in which h answered again, as twins. It reports whether h was none before.
func (p *peerRuns) markBeside(h *heardRun, began time.Time) (news bool) {
	for i := range p.runs {
		if o := &p.runs[i]; o.heard.After(h.heard) && o.heard.Before(began) {
			news = news || !h.twin
			o.twin, h.twin = true, true
		}
	}
	h.told = h.told || news
	return news
}

// of returns the runs of a peer; mu is held.
func (t *twins) of(id identity.PeerID) *peerRuns {
	p := t.peers[id]
	if p == nil {
		if len(t.peers) >= maxRunPeers {
			for other := range t.peers {
				delete(t.peers, other)
				break
			}
		}
		p = &peerRuns{}
		t.peers[id] = p
	}
	return p
}

// known reports whether a peer was found to be two.
func (t *twins) known(id identity.PeerID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[id]
	return p != nil && !p.twin.IsZero()
}

// seen returns when a peer last showed to be two, and when it last said that
// this store is.
func (t *twins) seen(id identity.PeerID) (peer, own time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.peers[id]; p != nil {
		peer = p.twin
	}
	return peer, t.own[id]
}

// all returns the peers that seen says something about.
func (t *twins) all() (ids []identity.PeerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.own {
		ids = append(ids, id)
	}
	for id, p := range t.peers {
		if _, twice := t.own[id]; !twice && !p.twin.IsZero() {
			ids = append(ids, id)
		}
	}
	return ids
}

// saidOwn takes note that a peer says that this store is two, and reports
// whether that is news.
func (t *twins) saidOwn(id identity.PeerID, now time.Time) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.own[id]
	if !known && len(t.own) >= maxRunPeers {
		return false
	}
	t.own[id] = now
	return !known
}

// Greeted lets a session be of a run of the peer's store, or refuses it. It takes the
// place of those that it was let in beside.
func (n *Mesh) Greeted(s *session.Session, run session.RunID) error {
	n.placeOf(s, func(p *place) { p.run = run })
	if n.twins.refuses(s.Conn().Peer(), run, n.runsBeside(s), time.Now()) {
		return &session.TwinError{Peer: s.Conn().Peer()}
	}
	n.replaceOthers(s)
	return nil
}

// Answered takes note that the peer of a session is there, which may prove that it
// is two.
func (n *Mesh) Answered(s *session.Session) error {
	var run session.RunID
	n.placeOf(s, func(p *place) { run = p.run })
	if !n.twins.answered(s.Conn().Peer(), run, s.Since(), time.Now()) {
		return nil
	}
	err := &session.TwinError{Peer: s.Conn().Peer()}
	n.Logger.Warn("a peer is two live copies of one store", slog.Any("error", err))
	n.Notify(notices.Event{Kind: notices.PeerTwin, Peer: s.Conn().Peer(), Address: s.Conn().RemoteAddr(), Err: err})
	return err
}

// runsBeside returns the runs of other sessions with the peer of s.
func (n *Mesh) runsBeside(s *session.Session) (all []session.RunID) {
	for _, o := range n.beside(s) {
		n.placeOf(o, func(p *place) { all = append(all, p.run) })
	}
	return all
}

// beside returns the other sessions with the peer of s that have not ended.
func (n *Mesh) beside(s *session.Session) (all []*session.Session) {
	for _, o := range n.Live() {
		if o != s && o.Conn().Peer() == s.Conn().Peer() && o.Conn().Err() == nil && o.Err() == nil {
			all = append(all, o)
		}
	}
	return all
}

// replaceOthers ends the sessions that this one was let in beside, until it said
// which run it is.
func (n *Mesh) replaceOthers(s *session.Session) {
	second := false
	n.placeOf(s, func(p *place) { second, p.second = p.second, false })
	if !second {
		return
	}
	for _, o := range n.beside(s) {
		o.End(messages.CodeClosing, replacedText)
	}
}

// ownTwin takes note that a peer says that this store has a twin.
func (n *Mesh) ownTwin(err *session.TwinError, s *session.Session) {
	if n.twins.saidOwn(err.Peer, time.Now()) {
		n.Logger.Warn("a peer says that another live copy of this store is connected to it", slog.Any("error", err))
		n.Notify(notices.Event{Kind: notices.Twin, Peer: err.Peer, Address: s.Conn().RemoteAddr(), Err: err})
	}
}
