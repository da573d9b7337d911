// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/carriers"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// SyncConn is Sync over a connection that the caller made, as the dialer, and
// that is closed when it returns. The peer need not be known: the session begins
// only after both sides proved a topic's key.
func (n *Node) SyncConn(ctx context.Context, conn transport.Conn, carrier string) (SyncReport, error) {
	start := time.Now()
	s, err := n.adoptConn(conn, carrier)
	if old := n.sessionWith(conn.Peer()); errors.Is(err, ErrBusy) && old != nil {
		return old.sync(ctx, start, true) // the connection that both ends keep
	}
	if err != nil {
		return SyncReport{}, err
	}
	r, err := s.sync(ctx, start, false)
	n.leave(s, "synced")
	return r, err
}

// ServeConn runs the session of a connection that the caller accepted, and
// returns when it has ended: with no error where the peer said goodbye.
func (n *Node) ServeConn(ctx context.Context, conn transport.Conn, carrier string) error {
	s, err := n.adoptConn(conn, carrier)
	if err != nil {
		return err
	}
	select {
	case <-s.stopped:
	case <-ctx.Done():
		n.leave(s, "stopped")
		return ctx.Err()
	}
	s.stats.mu.Lock()
	err = s.stats.err
	s.stats.mu.Unlock()
	var said *syncer.PeerError
	if errors.As(err, &said) && said.Remote && (said.Code == messages.CodeOK || said.Code == messages.CodeClosing) {
		return nil
	}
	return err
}

// leave ends a session and waits a moment for its last word to go out.
func (n *Node) leave(s *session, why string) {
	s.end(messages.CodeClosing, why)
	select {
	case <-s.conn.Done():
	case <-time.After(2 * goodbyeGrace):
		s.conn.CloseWithError(uint64(messages.CodeClosing), why)
	}
}

func (n *Node) adoptConn(conn transport.Conn, carrier string) (*session, error) {
	conn = carriers.By(carrier, conn)
	if err := n.notSelf(conn); err != nil {
		return nil, err
	}
	s, err := n.adopt(conn)
	if err != nil {
		conn.CloseWithError(uint64(messages.CodeBusy), err.Error())
		return nil, err
	}
	return s, nil
}

// notSelf closes a connection to this store itself, which an unnamed peer can
// turn out to be.
func (n *Node) notSelf(conn transport.Conn) error {
	if conn.Peer() != n.self {
		return nil
	}
	conn.CloseWithError(uint64(messages.CodeBusy), "a store does not sync with itself")
	return fmt.Errorf("%w: the other end is this store itself, or a copy of it", ErrBusy)
}
