// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Twins are two open copies of one store with one peer id. Of two sessions with
// one peer the newer stays, because the older one is likely dead; of twins both
// are alive, and would throw each other out for ever.
//
// HELLO carries a random value of each opening of a store (a run). Run A that
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

const twinText = "another live copy of your store is connected here: close one of the two"

// A TwinError says that two copies of one store are open with one peer id.
type TwinError struct {
	Peer identity.PeerID // the peer with a twin or, of a store's own twin, the one that says so
	Own  bool            // it is this store that has a twin
}

func (e *TwinError) Error() string {
	if !e.Own {
		return fmt.Sprintf("peer %s is two live copies of one store: its owner is to close one of them", e.Peer.Short())
	}
	return fmt.Sprintf("peer %s says that another live copy of this store is connected to it: close one of the two; a copy that is "+
		"to stay is made by backup and restore, as a device of its own", e.Peer.Short())
}

// Unwrap returns what was said between the peers.
func (e *TwinError) Unwrap() error {
	return &syncer.PeerError{Peer: e.Peer, Code: messages.CodeDuplicate, Remote: e.Own}
}

// A runID is the random value of one opening of a store; zero if a peer sent none.
type runID [16]byte

func newRun() (r runID) {
	rand.Read(r[:]) // never fails
	return r
}

// runOf returns what HELLO says of it.
func runOf(h *messages.Hello) (r runID) {
	for _, c := range h.Caps {
		if c.Name == messages.CapRun && len(c.Param) == len(r) {
			copy(r[:], c.Param)
		}
	}
	return r
}

// twins is what is known of the runs of peers, and of those of this store.
type twins struct {
	mu    sync.Mutex // guards all below, and session.runID
	peers map[identity.PeerID]*peerRuns
	own   map[identity.PeerID]time.Time // peers that say that this store has a twin, and when they last did
}

// peerRuns are the runs of one peer, the one heard last at the end.
type peerRuns struct {
	runs []heardRun
	twin time.Time // when it last showed to be two; zero: never
}

type heardRun struct {
	run   runID
	heard time.Time // when it last answered
	twin  bool      // it is alive beside another
	told  bool      // so
}

func (t *twins) init() {
	t.peers, t.own = map[identity.PeerID]*peerRuns{}, map[identity.PeerID]time.Time{}
}

// find returns what is known of a run, or nil.
func (p *peerRuns) find(r runID) *heardRun {
	if p == nil {
		return nil
	}
	i := slices.IndexFunc(p.runs, func(h heardRun) bool { return h.run == r })
	if i < 0 {
		return nil
	}
	return &p.runs[i]
}

// refuses takes note of the run of a session, which greeted, and reports whether
// there is no place for it: it is a twin that was not told, or the other one is
// here, in a session with the run of others.
func (t *twins) refuses(s *session, r runID, others []runID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.runID = r
	p := t.peers[s.conn.Peer()]
	h := p.find(r)
	if h == nil || !h.twin {
		return false
	}
	if h.told && !slices.ContainsFunc(others, func(o runID) bool { return o != r && o != runID{} }) {
		return false
	}
	h.told, p.twin = true, now
	return true
}

// answered takes note that the peer of a session answered our HELLO. It reports
// whether that just proved that the peer is two.
func (t *twins) answered(s *session, now time.Time) (proved bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.runID == (runID{}) {
		return false
	}
	p := t.of(s.conn.Peer())
	h := heardRun{run: s.runID}
	if old := p.find(s.runID); old != nil {
		h = *old
		proved = p.markBeside(&h, s.since)
		p.runs = slices.DeleteFunc(p.runs, func(o heardRun) bool { return o.run == s.runID })
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

// meet looks at a message before the core of the session does. It reports
// whether the session is to go on.
func (s *session) meet(m messages.Message) bool {
	switch m := m.(type) {
	case *messages.Hello:
		s.dozes.Store(dozes(m))
		if s.n.twins.refuses(s, runOf(m), s.n.runsBeside(s), time.Now()) {
			return s.refuseTwin()
		}
		s.replaceOthers()
	case *messages.Ping: // may come unasked
	default:
		if s.answered {
			break
		}
		s.answered = true
		if s.n.twins.answered(s, time.Now()) {
			err := &TwinError{Peer: s.conn.Peer()}
			s.n.cfg.Logger.Warn(err.Error())
			s.n.notices.say(SyncEvent{Kind: SyncPeerTwin, Peer: s.conn.Peer(), Address: s.conn.RemoteAddr(), Err: err})
			return s.refuseTwin()
		}
	}
	return true
}

func (s *session) refuseTwin() bool {
	s.step(syncer.Broke{Code: messages.CodeDuplicate, Text: twinText})
	return false
}

// runsBeside returns the runs of other sessions with the peer of s.
func (n *Node) runsBeside(s *session) (all []runID) {
	for _, o := range n.beside(s) {
		n.twins.mu.Lock()
		all = append(all, o.runID)
		n.twins.mu.Unlock()
	}
	return all
}

// beside returns the other sessions with the peer of s that have not ended.
func (n *Node) beside(s *session) (all []*session) {
	for _, o := range n.live() {
		if o != s && o.conn.Peer() == s.conn.Peer() && o.conn.Err() == nil && o.why() == nil {
			all = append(all, o)
		}
	}
	return all
}

// replaceOthers ends the sessions that this one was let in beside, until it said
// which run it is.
func (s *session) replaceOthers() {
	if !s.second {
		return
	}
	s.second = false
	for _, o := range s.n.beside(s) {
		o.end(messages.CodeClosing, replacedText)
	}
}

// ownTwin takes note that a peer says that this store has a twin.
func (n *Node) ownTwin(s *session) error {
	err := &TwinError{Peer: s.conn.Peer(), Own: true}
	if n.twins.saidOwn(err.Peer, time.Now()) {
		n.cfg.Logger.Warn(err.Error())
		n.notices.say(SyncEvent{Kind: SyncTwin, Peer: err.Peer, Address: s.conn.RemoteAddr(), Err: err})
	}
	return err
}
