// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/carriers"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// syncTries is how many sessions with a peer a Sync may outlast: of connections that
// are made at once, one or the other is given up. Before each try after the first it
// waits a syncPause longer for the one that stays.
const (
	syncTries = 8
	syncPause = 20 * time.Millisecond
)

// Sync connects to a peer, or takes the connection there is, and returns when both
// sides hold what either held of every topic they share when it was called. It is with
// the peer, not with one session: if that gives way to another one, it goes on in that.
func (n *Mesh) Sync(ctx context.Context, a identity.Address) (session.Report, error) {
	start := time.Now()
	for try := 1; ; try++ {
		s, there, err := n.sessionWith(ctx, a)
		if err != nil {
			return session.Report{}, err
		}
		r, err := s.Sync(ctx, start, there)
		if err == nil {
			n.remember(s, a)
		}
		if err == nil || ctx.Err() != nil || try == syncTries || !gaveWay(s, there, err) {
			return r, err
		}
		select {
		case <-s.Conn().Done(): // so that it is not taken again
		case <-ctx.Done():
			return r, err
		}
		select {
		case <-time.After(time.Duration(try-1) * syncPause):
		case <-ctx.Done():
			return r, err
		}
	}
}

// remember takes note of where a peer was found that shares topics with us.
func (n *Mesh) remember(s *session.Session, a identity.Address) {
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	a.Peer = s.Conn().Peer()
	d.book.Proved(a, time.Now())
	d.book.Up(a.Peer, s.Topics(), time.Now())
	d.save(n)
	d.tell(n)
}

// sessionWith returns the session with a peer, and whether it was there already.
func (n *Mesh) sessionWith(ctx context.Context, a identity.Address) (s *session.Session, there bool, err error) {
	if s = n.With(a.Peer); s != nil {
		return s, true, nil
	}
	s, err = n.dialNow(ctx, a)
	if errors.Is(err, ErrBusy) {
		if other := n.With(a.Peer); other != nil { // it connected to us meanwhile
			return other, true, nil
		}
	}
	return s, false, err
}

// gaveWay reports whether a sync that ended with a session may succeed in another one:
// if the session was there already, whatever it ended of; else if one of the two sides
// closed it, as they do with all but one, or had no room beside another one.
func gaveWay(s *session.Session, there bool, err error) bool {
	var said *syncer.PeerError
	var closed *transport.ClosedError
	switch {
	case errors.Is(err, session.ErrEnding), errors.Is(err, session.ErrHungUp), there && s.Conn().Err() != nil:
		return true
	case errors.As(err, &said):
		return givesWay(said.Code)
	case errors.As(err, &closed):
		return closed.Err == nil && givesWay(messages.Code(closed.Code))
	}
	return false
}

// givesWay reports whether a side that ends a connection for this reason may keep another
// one with the same peer.
func givesWay(c messages.Code) bool {
	return c == messages.CodeClosing || c == messages.CodeOK || c == messages.CodeBusy
}

// SyncConn is Sync over a connection that the caller made, as the dialer, and
// that is closed when it returns. The peer need not be known: the session begins
// only after both sides proved a topic's key.
func (n *Mesh) SyncConn(ctx context.Context, conn transport.Conn, carrier string) (session.Report, error) {
	start := time.Now()
	s, err := n.adoptConn(conn, carrier)
	if old := n.With(conn.Peer()); errors.Is(err, ErrBusy) && old != nil {
		return old.Sync(ctx, start, true) // the connection that both ends keep
	}
	if err != nil {
		return session.Report{}, err
	}
	r, err := s.Sync(ctx, start, false)
	if other := n.With(conn.Peer()); err != nil && gaveWay(s, false, err) && other != nil && other != s {
		return other.Sync(ctx, start, true)
	}
	n.leave(s, "synced")
	return r, err
}

// ServeConn runs the session of a connection that the caller accepted, and
// returns when it has ended: with no error if the peer said goodbye.
func (n *Mesh) ServeConn(ctx context.Context, conn transport.Conn, carrier string) error {
	s, err := n.adoptConn(conn, carrier)
	if err != nil {
		return err
	}
	select {
	case <-s.Stopped():
	case <-ctx.Done():
		n.leave(s, "stopped")
		return ctx.Err()
	}
	err = s.Err()
	var said *syncer.PeerError
	if errors.As(err, &said) && said.Remote && (said.Code == messages.CodeOK || said.Code == messages.CodeClosing) {
		return nil
	}
	return err
}

// leave ends a session and waits a moment for its last word to go out.
func (n *Mesh) leave(s *session.Session, why string) {
	s.End(messages.CodeClosing, why)
	select {
	case <-s.Conn().Done():
	case <-time.After(2 * session.GoodbyeGrace):
		s.Conn().CloseWithError(uint64(messages.CodeClosing), why)
	}
}

func (n *Mesh) adoptConn(conn transport.Conn, carrier string) (*session.Session, error) {
	conn = carriers.By(carrier, conn)
	if err := n.notSelf(conn); err != nil {
		return nil, err
	}
	return n.adoptOrClose(conn, false)
}

// notSelf closes a connection to this store itself, which an unnamed peer can
// turn out to be.
func (n *Mesh) notSelf(conn transport.Conn) error {
	if conn.Peer() != n.Self {
		return nil
	}
	conn.CloseWithError(uint64(messages.CodeBusy), "a store does not sync with itself")
	return fmt.Errorf("%w: the other end is this store itself, or a copy of it", ErrBusy)
}
