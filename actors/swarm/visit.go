// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	lastWordTime = 500 * time.Millisecond // for a last word to be heard
	visitTries   = 3                      // a connection may have ended since it was used
)

// A visit is a peer that is asked without a session: it is greeted by a member of
// one topic that takes no part in the sync, once something is asked of it.
type visit struct {
	Visits
	ctx     context.Context
	refused func(messages.Code)
	topic   *store.Topic
	at      identity.Address
	over    transport.Conn // to be greeted on, if it is there already

	mu      sync.Mutex // guards peer and all below; held while the peer is greeted
	peer    identity.PeerID
	conn    transport.Conn // nil until something is asked
	control transport.Stream
	done    chan struct{} // closed when nobody reads the control stream any more
}

// Peer returns who was found, or is to be.
func (v *visit) Peer() identity.PeerID {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.peer
}

// Context ends with the node.
func (v *visit) Context() context.Context { return v.ctx }

// Number is always the first: a visit is of one topic.
func (v *visit) Number(identity.TopicID) (uint32, bool) { return 0, true }

// Brought counts nothing: what a visit brings is reported by whoever asked.
func (v *visit) Brought(events, pages uint64) {}

// Owes counts nothing: no session waits.
func (v *visit) Owes(int) {}

// Broke ends the visit of a peer that broke a rule.
func (v *visit) Broke(b *syncer.Violation) {
	v.refused(b.Code)
	v.end(b.Code)
}

// OpenStream begins the visit if need be.
func (v *visit) OpenStream(ctx context.Context) (transport.Stream, error) {
	v.mu.Lock()
	if v.conn == nil {
		if err := v.begin(ctx); err != nil {
			v.mu.Unlock()
			return nil, err
		}
	}
	conn := v.conn
	v.mu.Unlock()
	return conn.OpenStream(ctx)
}

// begin connects and greets, until the peer has taken us for a member; mu is held.
func (v *visit) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.PeerTimeout)
	defer cancel()
	conn := v.over
	if conn == nil {
		c, err := v.Carrier.Dial(ctx, v.at)
		if err != nil {
			return err
		}
		conn = c
	} else if conn.Err() != nil {
		return conn.Err()
	}
	control, err := v.greet(ctx, conn)
	if err != nil {
		if v.over == nil {
			conn.CloseWithError(uint64(messages.CodeClosing), "")
		}
		return err
	}
	v.conn, v.control, v.peer, v.done = conn, control, conn.Peer(), make(chan struct{})
	go discard(control, v.done)
	return nil
}

func (v *visit) greet(ctx context.Context, conn transport.Conn) (transport.Stream, error) {
	control, err := conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	frame, err := messages.AppendFrame(nil, &messages.Hello{
		Version: syncer.Version, Peer: v.Self, Caps: []messages.Capability{{Name: messages.CapSync}},
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
		Offers: []messages.Offer{syncer.OfferOf(v.topic.Keys.Prover(v.topic.ID), conn.Binding(), conn.Dialer())},
	})
	if err != nil {
		return nil, err
	}
	if _, err := control.Write(frame); err != nil {
		return nil, err
	}
	if err := awaitPeaks(syncer.NewAnswer(conn.Peer(), streams.Patient{Stream: control, Still: v.PeerTimeout})); err != nil {
		return nil, err
	}
	return control, control.SetReadDeadline(time.Time{})
}

// awaitPeaks reads until the peer begins to sync the topic with us.
func awaitPeaks(in *syncer.Answer) error {
	for {
		m, err := in.Next()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *messages.Peaks:
			return nil
		case *messages.Bye:
			return in.Said(m.Code, m.Text)
		}
	}
}

// discard reads what the peer tells of its logs, which must not fill the stream.
func discard(control transport.Stream, done chan<- struct{}) {
	defer close(done)
	b := make([]byte, 4<<10)
	for {
		if _, err := control.Read(b); err != nil {
			return
		}
	}
}

// comesAgain reports whether a visit may be begun again after err.
func (v *visit) comesAgain(err error) bool { return v.over == nil && streams.CutOff(err) }

// lost reports whether err means that the peer is not there, for all that can be told.
func (v *visit) lost(err error) bool {
	if err == nil || errors.As(err, new(*syncer.PeerError)) || errors.As(err, new(*syncer.Violation)) {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.conn == nil || streams.CutOff(err)
}

// end ends the visit with a last word, which the peer has a moment to hear.
func (v *visit) end(code messages.Code) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == nil {
		return
	}
	if frame, err := messages.AppendFrame(nil, &messages.Bye{Code: code}); err == nil && v.conn.Err() == nil {
		v.control.SetWriteDeadline(time.Now().Add(lastWordTime))
		if _, err := v.control.Write(frame); err == nil {
			select {
			case <-v.done:
			case <-time.After(lastWordTime):
			}
		}
	}
	v.conn.CloseWithError(uint64(code), "")
	<-v.done
	v.conn = nil
}
