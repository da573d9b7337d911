// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/store"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Bounds of the network side.
const (
	maxSessions  = 256              // connected peers,
	maxStrangers = 64               // those among them that connected and have not greeted yet
	dialTimeout  = 15 * time.Second // of one attempt
	redialBase   = 200 * time.Millisecond
	redialCap    = 30 * time.Second
	goodbyeGrace = 500 * time.Millisecond // for the last words to peers
	cursorsEvery = time.Minute            // between commits that keep what peers agreed to
)

// ErrBusy is returned where a bound on connections is reached.
var ErrBusy = errors.New("too many connections")

// network is what the network side knows, guarded by mu.
type network struct {
	mu        sync.Mutex
	sessions  map[*session]struct{}
	listeners []transport.Listener
	kept      map[identity.PeerID]identity.Address
	names     uint64
	refused   refusals  // guards itself
	saved     time.Time // when peers' cursors were last written
}

func (w *network) init() {
	w.sessions = map[*session]struct{}{}
	w.kept = map[identity.PeerID]identity.Address{}
	w.refused.byCode = map[messages.Code]uint64{}
}

// A PeerStatus is what is known of one connected peer.
type PeerStatus struct {
	Peer      identity.PeerID `json:"peer"`
	Address   string          `json:"address"` // where it is now
	Carrier   string          `json:"carrier"` // that it came by: "quic", "tcp", "unix"
	Dialed    bool            `json:"dialed"`  // we connected to it
	Topics    int             `json:"topics"`  // that we share
	InSync    bool            `json:"in_sync"` // both sides stated the same digest of each
	Since     time.Time       `json:"since"`
	BytesIn   uint64          `json:"bytes_in"`
	BytesOut  uint64          `json:"bytes_out"`
	EventsIn  uint64          `json:"events_in"`
	EventsOut uint64          `json:"events_out"`
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

// Keep connects to a peer now and again whenever the connection is lost.
func (n *Node) Keep(a identity.Address) error {
	if a.Peer == n.self {
		return nil // an invite of our own
	}
	n.net.mu.Lock()
	n.net.kept[a.Peer] = a
	n.net.mu.Unlock()
	n.send(groupNetwork, "dialer", &dial{addr: a})
	return nil
}

func (n *Node) send(group, name string, msg any) {
	if pid := n.tree.Group(group).PID(name); pid != nil {
		n.cfg.System.Root.Send(pid, msg)
	}
}

// Advanced tells all sessions that a log has a new published state.
func (n *Node) Advanced(l *store.Log) {
	for _, s := range n.live() {
		s.advanced(l.ID)
	}
}

// TopicsChanged makes every session shake hands again, because the topics two
// peers share are settled once for a connection. It returns when the sessions
// of before have ended.
func (n *Node) TopicsChanged() { n.endAll("topics changed; connect again") }

// endAll ends all sessions and gives their peers a moment to hear it.
func (n *Node) endAll(why string) {
	all := n.live()
	for _, s := range all {
		s.end(messages.CodeClosing, why)
	}
	deadline := time.After(2 * goodbyeGrace)
	for _, s := range all {
		select {
		case <-s.conn.Done():
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

// Peers returns the connected peers, ordered by id.
func (n *Node) Peers() []PeerStatus {
	var all []PeerStatus
	for _, s := range n.live() {
		all = append(all, s.status())
	}
	sort.Slice(all, func(i, j int) bool { return bytes.Compare(all[i].Peer[:], all[j].Peer[:]) < 0 })
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
			if _, err := n.adopt(conn); err != nil {
				n.net.refused.add(messages.CodeBusy)
				conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
			}
		}
	})
}

// dial asks the dialer for a connection that is kept.
type dial struct {
	addr    identity.Address
	attempt int
}

// dialer connects to the peers that are kept, pausing longer after each
// failure.
type dialer struct{ n *Node }

// Receive implements actor.Actor.
func (a *dialer) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*dial); ok && !a.n.closing.Load() {
		n := a.n
		n.goroutine(func() { n.connect(m) })
	}
}

func (n *Node) connect(m *dial) {
	if s := n.sessionWith(m.addr.Peer); s != nil {
		n.redialAfter(s, m.addr)
		return
	}
	s, err := n.dial(n.ctx, m.addr)
	if err == nil {
		n.redialAfter(s, m.addr)
		return
	}
	n.cfg.Logger.Sugar().Infof("connect to %s: %v", m.addr, err)
	n.pause(m.attempt)
	n.again(&dial{addr: m.addr, attempt: m.attempt + 1})
}

// redialAfter dials again when the session has ended.
func (n *Node) redialAfter(s *session, a identity.Address) {
	select {
	case <-s.conn.Done():
	case <-n.ctx.Done():
		return
	}
	attempt := 0
	if time.Since(s.since) < 5*time.Second {
		attempt = 3 // it did not last: something is wrong there
	}
	n.pause(attempt)
	n.again(&dial{addr: a, attempt: attempt})
}

func (n *Node) pause(attempt int) {
	d := redialCap
	if attempt < 10 {
		d = min(redialBase<<attempt, redialCap)
	}
	d -= time.Duration(jitter() * 0.3 * float64(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-n.ctx.Done():
	}
}

func (n *Node) again(m *dial) {
	n.net.mu.Lock()
	_, kept := n.net.kept[m.addr.Peer]
	n.net.mu.Unlock()
	if kept && !n.closing.Load() {
		n.send(groupNetwork, "dialer", m)
	}
}

// dial connects once.
func (n *Node) dial(ctx context.Context, a identity.Address) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := n.cfg.Carrier.Dial(ctx, a)
	if err != nil {
		return nil, err
	}
	if a.Unnamed() {
		if err := n.notSelf(conn); err != nil {
			return nil, err
		}
	}
	s, err := n.adopt(conn)
	if err != nil {
		conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
		return nil, err
	}
	n.upgrade(s, a)
	return s, nil
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
func (n *Node) adopt(conn transport.Conn) (*session, error) {
	if n.closing.Load() {
		return nil, ErrClosed
	}
	if old := n.sessionWith(conn.Peer()); old != nil {
		self, peer := n.self, conn.Peer()
		ours := bytes.Compare(self[:], peer[:]) < 0 // the one we dial stays
		if old.conn.Dialer() != conn.Dialer() && conn.Dialer() != ours {
			return nil, fmt.Errorf("%w: already connected", ErrBusy)
		}
		old.end(messages.CodeClosing, "replaced by another connection")
	}
	s := newSession(n, conn)
	n.net.mu.Lock()
	stranger, ok := n.net.room()
	if stranger != nil {
		stranger.evicted = true
	}
	if !ok {
		n.net.mu.Unlock()
		return nil, ErrBusy
	}
	n.net.names++
	s.name = fmt.Sprintf("session-%s-%d", conn.Peer().Short(), n.net.names)
	n.net.sessions[s] = struct{}{}
	n.net.mu.Unlock()
	if stranger != nil {
		n.net.refused.add(messages.CodeBusy)
		stranger.conn.CloseWithError(uint64(messages.CodeBusy), "others wait too, and greet")
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

// room says whether there is a place for one more connection, and whose it is:
// of too many strangers the one that has been here longest without a greeting
// gives way, so that no number of them keeps a peer out. mu is held.
func (w *network) room() (stranger *session, ok bool) {
	all, strangers := 0, 0
	for s := range w.sessions {
		if s.evicted {
			continue
		}
		all++
		if s.conn.Dialer() || s.known.Load() {
			continue
		}
		if strangers++; stranger == nil || s.since.Before(stranger.since) {
			stranger = s
		}
	}
	if all < maxSessions && strangers < maxStrangers {
		return nil, true
	}
	return stranger, stranger != nil
}

func (n *Node) forget(s *session) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	delete(n.net.sessions, s)
}
