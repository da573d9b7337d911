// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Bounds of the network side.
const (
	goodbyeGrace = 500 * time.Millisecond // for the last words to peers
	cursorsEvery = time.Minute            // between commits that keep what peers agreed to
)

// replacedText is the last word in a session that gives way to a newer one.
const replacedText = "replaced by another connection"

// ErrBusy is returned where a bound on connections is reached.
var ErrBusy = errors.New("too many connections")

// network is what the network side knows, guarded by mu.
type network struct {
	mu        sync.Mutex
	sessions  map[*session]struct{}
	listeners []transport.Listener
	names     uint64
	second    map[identity.PeerID]bool // connections that wait to be told from a look
	refused   refusals                 // guards itself
	saved     time.Time                // when peers' cursors were last written
}

func (w *network) init() {
	w.sessions = map[*session]struct{}{}
	w.refused.byCode = map[messages.Code]uint64{}
	w.second = map[identity.PeerID]bool{}
}

// Listen takes connections at hostport from now on.
func (n *Node) Listen(ctx context.Context, hostport string) (identity.Address, error) {
	l, err := n.cfg.Carrier.Listen(ctx, hostport)
	if err != nil {
		return identity.Address{}, err
	}
	n.net.mu.Lock()
	n.net.listeners = append(n.net.listeners, l)
	n.net.mu.Unlock()
	n.send(groupNetwork, "listener", l)
	n.join()
	return l.Addr(), nil
}

// Addresses returns where this node listens.
func (n *Node) Addresses() []identity.Address {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	var all []identity.Address
	for _, l := range n.net.listeners {
		all = append(all, l.Addr())
	}
	return all
}

func (n *Node) send(group, name string, msg any) {
	if pid := n.tree.Group(group).PID(name); pid != nil {
		n.cfg.System.Root.Send(pid, msg)
	}
}

// advanced tells whoever waits for it that a log has a new published state.
func (n *Node) advanced(l *store.Log) {
	if n.cfg.Advanced != nil {
		n.cfg.Advanced(l)
	}
	n.swarm.Reached(l)
	for _, s := range n.live() {
		s.advanced(l.ID, l.GrewFrom())
	}
}

// endAll ends all sessions and gives their peers a moment to hear it.
func (n *Node) endAll(why string) {
	all := n.live()
	for _, s := range all {
		s.end(messages.CodeClosing, why)
	}
	waits := make([]<-chan struct{}, 0, len(all))
	for _, s := range all {
		waits = append(waits, s.conn.Done())
	}
	awaitAll(waits)
}

// awaitAll waits for all channels to be closed, but not for long.
func awaitAll(all []<-chan struct{}) {
	deadline := time.After(2 * goodbyeGrace)
	for _, done := range all {
		select {
		case <-done:
		case <-deadline:
			return
		}
	}
}

func (n *Node) live() []*session {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	all := make([]*session, 0, len(n.net.sessions))
	for s := range n.net.sessions {
		all = append(all, s)
	}
	return all
}

// listener accepts connections, each with a goroutine per listening socket.
type listener struct{ n *Node }

// Receive implements actor.Actor.
func (a *listener) Receive(ctx actor.Context) {
	m, ok := ctx.Message().(transport.Listener)
	if !ok {
		return
	}
	n := a.n
	n.goroutine(func() {
		for {
			conn, err := m.Accept(n.ctx)
			if err != nil {
				return // closed
			}
			n.accepted(conn)
		}
	})
}

// accepted takes in a connection that a peer made. One more of a peer that is
// connected counts when it says something: it may only want to know whether
// we are here.
func (n *Node) accepted(conn transport.Conn) {
	if n.sessionWith(conn.Peer()) == nil {
		n.admit(conn, nil)
		return
	}
	if !n.waitSecond(conn.Peer(), true) {
		n.refuse(conn, fmt.Errorf("%w: one waits already", ErrBusy))
		return
	}
	n.goroutine(func() {
		defer n.waitSecond(conn.Peer(), false)
		ctx, cancel := context.WithTimeout(n.ctx, n.cfg.Patience)
		defer cancel()
		first, err := conn.AcceptStream(ctx)
		if err != nil {
			conn.CloseWithError(uint64(messages.CodeTimeout), "no control stream")
			return
		}
		n.admit(conn, first)
	})
}

// waitSecond begins or ends the wait of a further connection of a peer, of
// which there is one at a time.
func (n *Node) waitSecond(p identity.PeerID, begin bool) bool {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if begin && n.net.second[p] {
		return false
	}
	if delete(n.net.second, p); begin {
		n.net.second[p] = true
	}
	return true
}

func (n *Node) admit(conn transport.Conn, first transport.Stream) {
	if _, err := n.adoptWith(conn, first); err != nil {
		n.refuse(conn, err)
	}
}

func (n *Node) refuse(conn transport.Conn, err error) {
	n.net.refused.add(messages.CodeBusy)
	conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
}

// sessionWith returns the session with a peer, if there is one.
func (n *Node) sessionWith(p identity.PeerID) *session {
	for _, s := range n.live() {
		if s.conn.Peer() == p && s.conn.Err() == nil {
			return s
		}
	}
	return nil
}

// adopt spawns the session actor of a new connection. Of two connections
// between the same peers, both ends keep the one that the smaller id dialed;
// of two in the same direction the newer, because the older one is likely dead.
func (n *Node) adopt(conn transport.Conn) (*session, error) { return n.adoptWith(conn, nil) }

// adoptWith is adopt with the control stream, where that was accepted already.
func (n *Node) adoptWith(conn transport.Conn, first transport.Stream) (*session, error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	old := n.sessionWith(conn.Peer())
	if old != nil {
		self, peer := n.self, conn.Peer()
		ours := bytes.Compare(self[:], peer[:]) < 0 // the one we dial stays
		if old.conn.Dialer() != conn.Dialer() && conn.Dialer() != ours {
			old.tell(&check{}) // it may be the one that is dead
			return nil, fmt.Errorf("%w: already connected", ErrBusy)
		}
	}
	s := newSession(n, conn)
	s.first = first
	if !n.seat(s) {
		return nil, ErrBusy
	}
	if old != nil {
		if s.second = n.twins.known(conn.Peer()); !s.second { // of twins it is known only from HELLO which one this is
			old.end(messages.CodeClosing, replacedText)
		}
	}
	pid, err := n.tree.Group(groupNetwork).Spawn(s.name, actor.PropsFromProducer(func() actor.Actor { return s }))
	if err != nil {
		n.forget(s)
		return nil, err
	}
	s.pid.Store(pid)
	s.run()
	return s, nil
}

func (n *Node) forget(s *session) {
	n.net.mu.Lock()
	delete(n.net.sessions, s)
	n.net.mu.Unlock()
	n.down(s)
}
