// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/peerbook"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of a node's links.
const (
	maxProbing = 8                // places that are looked at, so that others can be told of them
	saveEvery  = 10 * time.Second // that the address book is written after a change
)

// mesh is who the peers are and who is being dialed, guarded by mu. It may be
// held while network.mu is taken, not the other way round.
//
// A node dials once it takes part in the network: it listens, or a person named
// a peer. Whom it dials is the address book's to say.
type mesh struct {
	mu      sync.Mutex
	book    *peerbook.Book
	active  bool
	dialing map[identity.PeerID]*attempt
	probed  map[identity.PeerID]bool // looked for since they connected
	next    *time.Timer              // until somebody may be dialed again
	saving  *time.Timer
	telling *time.Timer // of what changed in the book
	told    uint64      // version of the book that was told last
	toldAt  time.Time
}

func (n *Node) initMesh() error {
	m := &n.mesh
	m.book = peerbook.New(n.self)
	m.dialing, m.probed = map[identity.PeerID]*attempt{}, map[identity.PeerID]bool{}
	return n.cfg.Store.Peers(func(p identity.PeerID, row []byte) error {
		if err := m.book.Load(p, row); err != nil { // it costs an address, not the store
			n.cfg.Logger.Warn("a remembered peer cannot be read", zap.Error(err))
		}
		return nil
	})
}

// join makes the node take part in the network.
func (n *Node) join() {
	n.mesh.mu.Lock()
	n.mesh.active = true
	n.mesh.mu.Unlock()
	n.look()
}

// look makes the dialer look soon.
func (n *Node) look() { n.send(groupNetwork, "dialer", &replan{}) }

// Keep connects to a peer now and again whenever the connection is lost.
func (n *Node) Keep(a identity.Address) error {
	if a.Peer == n.self {
		return nil // an invite of our own
	}
	n.mesh.mu.Lock()
	ok := n.mesh.book.Keep(a)
	n.mesh.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: more than %d peers to keep; forget some", ErrBusy, peerbook.MaxKept)
	}
	n.join()
	return nil
}

// Forget drops a peer from the address book and ends the session with it. It
// may come back by itself.
func (n *Node) Forget(p identity.PeerID) {
	n.mesh.mu.Lock()
	n.mesh.book.Forget(p)
	n.mesh.save(n)
	n.mesh.mu.Unlock()
	if s := n.sessionWith(p); s != nil {
		s.end(messages.CodeClosing, "forgotten")
	}
}

// again arms a timer that is made when it is first needed.
func again(t **time.Timer, d time.Duration, f func()) {
	if *t == nil {
		*t = time.AfterFunc(d, f)
		return
	}
	(*t).Reset(d)
}

// up takes note of topics that a session shares from now on, the first ones or
// more.
func (n *Node) up(s *session, o syncer.Shared, first bool) {
	if first {
		n.promote(s)
	}
	n.linked(s, o)
	ids := make([]identity.TopicID, 0, len(o.Topics))
	for _, t := range o.Topics {
		ids = append(ids, t.ID)
	}
	m := &n.mesh
	m.mu.Lock()
	m.book.Up(s.conn.Peer(), ids, time.Now())
	m.save(n)
	m.tell(n)
	m.mu.Unlock()
	s.tell(&tellPeers{})
	if !first {
		return
	}
	n.notices.say(SyncEvent{Kind: SyncConnected, Peer: s.conn.Peer(), Address: s.conn.RemoteAddr()})
}

// down takes note of a session that ended.
func (n *Node) down(s *session) {
	n.unlinked(s)
	err := s.why()
	n.notices.say(SyncEvent{Kind: SyncDisconnected, Peer: s.conn.Peer(), Address: s.conn.RemoteAddr(), Err: err})
	if n.closing.Load() {
		return
	}
	if n.sessionWith(s.conn.Peer()) == nil { // else another one took its place
		m := &n.mesh
		m.mu.Lock()
		now := time.Now()
		if errors.As(err, new(*LocalError)) {
			m.book.Interrupted(s.conn.Peer(), err, now)
		} else {
			m.book.Down(s.conn.Peer(), now.Sub(s.since), err, now, jitter())
		}
		delete(m.probed, s.conn.Peer())
		m.save(n)
		m.mu.Unlock()
	}
	n.look()
}

// save writes what changed in the book after a while; mu is held.
func (m *mesh) save(n *Node) {
	if m.saving == nil {
		m.saving = time.AfterFunc(saveEvery, func() {
			m.mu.Lock()
			m.saving = nil
			m.mu.Unlock()
			n.saveBook()
		})
	}
}

// saveBook writes what changed in the book.
func (n *Node) saveBook() {
	n.mesh.mu.Lock()
	rows := n.mesh.book.Changes()
	n.mesh.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	if err := n.pipeline.Do(context.Background(), store.PeerRows(rows)); err != nil {
		n.cfg.Logger.Warn("the address book is not written", zap.Error(err))
	}
}

// closeMesh stops the timers and writes the book.
func (n *Node) closeMesh() {
	m := &n.mesh
	m.mu.Lock()
	for _, t := range []*time.Timer{m.next, m.saving, m.telling} {
		if t != nil {
			t.Stop()
		}
	}
	m.mu.Unlock()
	n.saveBook()
}
