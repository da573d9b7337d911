// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// replacedText is the last word in a session that gives way to a newer one.
const replacedText = "replaced by another connection"

// ErrBusy is returned if a bound on connections is reached.
var ErrBusy = errors.New("too many connections")

// network is which sessions there are.
type network struct {
	mu       sync.Mutex // guards all below
	sessions map[*session.Session]*place
	ears     []*ear // where it listens
	names    uint64
	second   map[identity.PeerID]bool // connections that wait to be told apart from a look
}

// A place is what the mesh knows of a session; guarded by network.mu.
type place struct {
	evicted bool          // its seat was given to another
	named   bool          // a person named the peer when it was dialed
	second  bool          // it was let in beside another one, until it says which run it is
	run     session.RunID // that the peer is
}

// Shut ends all sessions, gives their peers a moment to hear it, and takes no more.
func (n *Mesh) Shut(why string) {
	n.closing.Store(true)
	all := n.Live()
	for _, s := range all {
		s.End(messages.CodeClosing, why)
	}
	waits := make([]<-chan struct{}, 0, len(all))
	for _, s := range all {
		waits = append(waits, s.Conn().Done())
	}
	awaitAll(waits)
}

// awaitAll waits for all channels to be closed, but not for long.
func awaitAll(all []<-chan struct{}) {
	deadline := time.After(2 * session.GoodbyeGrace)
	for _, done := range all {
		select {
		case <-done:
		case <-deadline:
			return
		}
	}
}

// Live returns the sessions there are.
func (n *Mesh) Live() []*session.Session {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	all := make([]*session.Session, 0, len(n.net.sessions))
	for s := range n.net.sessions {
		all = append(all, s)
	}
	return all
}

// TopicsChanged makes every session offer the topics that this node has joined
// and leave those that it has left. One that is followed in another way than
// before is left and offered again. It returns once all sessions have said so,
// or a moment has passed.
func (n *Mesh) TopicsChanged() {
	n.Look() // another topic may want other peers
	said := map[*session.Session]<-chan struct{}{}
	for _, s := range n.Live() {
		said[s] = s.MoveTopics()
	}
	deadline := time.After(2 * session.GoodbyeGrace)
	for s, done := range said {
		select {
		case <-done:
		case <-s.Stopped():
		case <-deadline:
			return
		}
	}
}

// Sharing returns the sessions that share a topic.
func (n *Mesh) Sharing(topic identity.TopicID) (all []*session.Session) {
	for _, s := range n.Live() {
		if _, shared := s.Number(topic); shared && s.Conn().Err() == nil {
			all = append(all, s)
		}
	}
	return all
}

// accepted takes in a connection that a peer made. One more of a peer that is
// connected counts when it says something: it may only want to know whether
// we are here.
func (n *Mesh) accepted(conn transport.Conn) {
	if n.With(conn.Peer()) == nil {
		n.admit(conn, nil)
		return
	}
	if !n.waitSecond(conn.Peer(), true) {
		n.refuse(conn, fmt.Errorf("%w: one waits already", ErrBusy))
		return
	}
	n.Go(func() {
		defer n.waitSecond(conn.Peer(), false)
		ctx, cancel := context.WithTimeout(n.Context, n.PeerTimeout)
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
func (n *Mesh) waitSecond(p identity.PeerID, begin bool) bool {
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

func (n *Mesh) admit(conn transport.Conn, first transport.Stream) {
	if _, err := n.adoptWith(conn, first, false); err != nil {
		n.refuse(conn, err)
	}
}

func (n *Mesh) refuse(conn transport.Conn, err error) {
	n.refused.add(messages.CodeBusy)
	conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
}

// With returns the session with a peer, if there is one.
func (n *Mesh) With(p identity.PeerID) *session.Session {
	for _, s := range n.Live() {
		if s.Conn().Peer() == p && s.Conn().Err() == nil {
			return s
		}
	}
	return nil
}

// settledFor is how long after a session began no dial can come in that was under way
// when it did: a few round trips of a slow network.
const settledFor = 3 * time.Second

// adopt spawns the session actor of a new connection. Of two connections
// between the same peers that were dialed at once, both ends keep the one that the
// smaller id dialed. Else it is the newer one: a peer that dials, and says something,
// has lost the older one.
// With named, a person named the peer that was dialed.
func (n *Mesh) adopt(conn transport.Conn, named bool) (*session.Session, error) {
	return n.adoptWith(conn, nil, named)
}

// adoptOrClose is adopt, and closes a connection for which there is no room.
func (n *Mesh) adoptOrClose(conn transport.Conn, named bool) (*session.Session, error) {
	s, err := n.adopt(conn, named)
	if err != nil {
		conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
	}
	return s, err
}

// adoptWith is adopt with the control stream, if that was accepted already.
func (n *Mesh) adoptWith(conn transport.Conn, first transport.Stream, named bool) (*session.Session, error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	old := n.With(conn.Peer())
	if old != nil && !n.replaces(conn, old) {
		old.Check() // it may be the one that is dead
		return nil, fmt.Errorf("%w: already connected", ErrBusy)
	}
	s := n.Sessions.New(conn, first)
	name, ok := n.seat(s, named)
	if !ok {
		return nil, ErrBusy
	}
	if old != nil {
		if n.twins.known(conn.Peer()) { // of twins it is known only from HELLO which one this is
			n.placeOf(s, func(p *place) { p.second = true })
		} else {
			old.End(messages.CodeClosing, replacedText)
		}
	}
	pid, err := n.Spawn(name, actor.PropsFromProducer(func() actor.Actor { return s }))
	if err != nil {
		n.forget(s)
		return nil, err
	}
	s.Run(pid)
	return s, nil
}

// replaces reports whether a connection takes the place of a session with its peer.
func (n *Mesh) replaces(conn transport.Conn, old *session.Session) bool {
	self, peer := n.Self, conn.Peer()
	ours := bytes.Compare(self[:], peer[:]) < 0 // the one we dial stays
	if old.Conn().Dialer() == conn.Dialer() || conn.Dialer() == ours {
		return true
	}
	return !conn.Dialer() && time.Since(old.Since()) > settledFor
}

// placeOf calls f with the place of a session, if it has one.
func (n *Mesh) placeOf(s *session.Session, f func(*place)) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if p := n.net.sessions[s]; p != nil {
		f(p)
	}
}

// Named reports whether an invite, a person or an earlier proof in a topic named the peer
// of a session.
func (n *Mesh) Named(s *session.Session, topic identity.TopicID) (named bool) {
	n.placeOf(s, func(p *place) { named = p.named })
	peer := s.Conn().Peer()
	if named || n.Store.Met(peer, topic) {
		return true
	}
	n.dir.mu.Lock()
	defer n.dir.mu.Unlock()
	e, _ := n.dir.book.Get(peer)
	return e.Kept || slices.Contains(e.Topics, topic)
}

func (n *Mesh) forget(s *session.Session) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	delete(n.net.sessions, s)
}
