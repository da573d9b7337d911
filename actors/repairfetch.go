// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Fetcher asks peers for pages while no store is open: it greets as a member
// of one topic and takes no part in the sync. It belongs to one goroutine.
type Fetcher struct {
	carrier  transport.Carrier
	self     identity.PeerID
	peers    []identity.Address
	patience time.Duration

	conns  map[fetchKey]*fetchConn
	failed map[identity.Address]error // peers that could not be reached
	asked  []identity.Address
}

type fetchKey struct {
	peer  identity.Address
	topic identity.TopicID
}

type fetchConn struct {
	conn    transport.Conn
	control transport.Stream
	done    chan struct{} // closed when nobody reads the control stream any more
}

// bye says a last word, and waits a moment for the peer to hear it.
func (c *fetchConn) bye(code messages.Code) {
	frame, err := messages.AppendFrame(nil, &messages.Bye{Code: code})
	if err != nil || c.conn.Err() != nil {
		return
	}
	c.control.SetWriteDeadline(time.Now().Add(goodbyeGrace))
	if _, err := c.control.Write(frame); err != nil {
		return
	}
	select {
	case <-c.done:
	case <-time.After(goodbyeGrace):
	}
}

// NewFetcher returns a Fetcher that asks these peers, in this order.
func NewFetcher(c transport.Carrier, self identity.PeerID, peers []identity.Address, patience time.Duration) *Fetcher {
	return &Fetcher{
		carrier: c, self: self, peers: peers, patience: patience,
		conns: map[fetchKey]*fetchConn{}, failed: map[identity.Address]error{},
	}
}

// Asked returns the peers that were dialed so far.
func (f *Fetcher) Asked() []identity.Address { return f.asked }

// ErrNoPeer is returned where there is no peer to ask.
var ErrNoPeer = errors.New("no peer to fetch from")

// Fetch sends the request of ask to one peer after another until what ask
// returned with it is content with an answer. The error joins what was wrong
// with each.
func (f *Fetcher) Fetch(ctx context.Context, topic *store.Topic, ask func() (*messages.PageRequest, func(*bufio.Reader) error)) error {
	if len(f.peers) == 0 {
		return ErrNoPeer
	}
	var errs []error
	for _, p := range f.peers {
		err := f.ask(ctx, p, topic, ask)
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, fmt.Errorf("from %s: %w", p, err))
	}
	return errors.Join(errs...)
}

// fetchTries is how often a peer is asked: a connection may have ended since it
// was used, as a peer gives up a session in which nothing is said.
const fetchTries = 3

// ask asks one peer, over the connection that is kept or a new one.
func (f *Fetcher) ask(ctx context.Context, p identity.Address, topic *store.Topic, ask func() (*messages.PageRequest, func(*bufio.Reader) error)) (err error) {
	if err := f.failed[p]; err != nil {
		return err
	}
	id := fetchKey{p, topic.ID}
	for range fetchTries {
		c := f.conns[id]
		if c == nil {
			if c, err = f.connect(ctx, p, topic); err != nil {
				break
			}
			f.conns[id] = c
		}
		if err = f.request(ctx, c.conn, ask); err == nil || !cutOff(err) || ctx.Err() != nil {
			return err
		}
		f.drop(id)
	}
	if !errors.As(err, new(*PeerError)) {
		f.failed[p] = err
	}
	return err
}

// cutOff reports whether err is of the connection, and not of what came by it.
func cutOff(err error) bool {
	return errors.As(err, new(*transport.StreamError)) || errors.As(err, new(*transport.ClosedError)) ||
		errors.Is(err, transport.ErrLost) || errors.Is(err, transport.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded)
}

func (f *Fetcher) request(ctx context.Context, conn transport.Conn, ask func() (*messages.PageRequest, func(*bufio.Reader) error)) error {
	req, take := ask()
	frame, err := messages.AppendFrame(nil, req)
	if err != nil {
		return err
	}
	stream, err := conn.OpenStream(ctx)
	if err != nil {
		return err
	}
	defer stream.Cancel(uint64(messages.CodeCanceled))
	stop := context.AfterFunc(ctx, func() { stream.Cancel(uint64(messages.CodeCanceled)) })
	defer stop()
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	stream.CloseWrite() // who has answered already reads no more, and says so
	return take(bufio.NewReaderSize(patient{stream, f.patience}, 64<<10))
}

// connect dials a peer and greets it, until it has taken us for a member.
func (f *Fetcher) connect(ctx context.Context, p identity.Address, topic *store.Topic) (*fetchConn, error) {
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	if !slices.Contains(f.asked, p) {
		f.asked = append(f.asked, p)
	}
	conn, err := f.carrier.Dial(ctx, p)
	if err != nil {
		return nil, err
	}
	c := &fetchConn{conn: conn, done: make(chan struct{})}
	if err := f.greet(ctx, c, topic); err != nil {
		conn.CloseWithError(uint64(messages.CodeClosing), "")
		return nil, err
	}
	return c, nil
}

func (f *Fetcher) greet(ctx context.Context, c *fetchConn, topic *store.Topic) error {
	control, err := c.conn.OpenStream(ctx)
	if err != nil {
		return err
	}
	c.control = control
	frame, err := messages.AppendFrame(nil, &messages.Hello{
		Version: syncer.Version, Peer: f.self, Caps: []messages.Capability{{Name: messages.CapSync}},
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
		Offers: []messages.Offer{syncer.OfferOf(topic.ID, topic.Keys, c.conn.Binding(), c.conn.Dialer())},
	})
	if err != nil {
		return err
	}
	if _, err := control.Write(frame); err != nil {
		return err
	}
	in := bufio.NewReader(patient{control, f.patience})
	if err := awaitPeaks(in, c.conn.Peer()); err != nil {
		return err
	}
	go func() { // what the peer tells of its logs must not fill the stream
		defer close(c.done)
		in := bufio.NewReader(control)
		for {
			if _, err := messages.ReadFrame(in, messages.MaxEventsFrame, nil); err != nil {
				return
			}
		}
	}()
	return control.SetReadDeadline(time.Time{})
}

// awaitPeaks reads until the peer begins to sync a topic with us.
func awaitPeaks(in *bufio.Reader, peer identity.PeerID) error {
	for {
		body, err := messages.ReadFrame(in, messages.MaxEventsFrame, nil)
		if err != nil {
			return err
		}
		m, err := messages.Decode(body)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *messages.Peaks:
			return nil
		case *messages.Error:
			return &PeerError{Peer: peer, Code: m.Code, Text: m.Text, Remote: true}
		case *messages.Bye:
			return &PeerError{Peer: peer, Code: m.Code, Text: m.Text, Remote: true}
		}
	}
}

func (f *Fetcher) drop(id fetchKey) {
	c := f.conns[id]
	delete(f.conns, id)
	c.conn.CloseWithError(uint64(messages.CodeClosing), "")
	<-c.done
}

// Close ends all connections, and closes the carrier.
func (f *Fetcher) Close() error {
	for id := range f.conns {
		f.drop(id)
	}
	return f.carrier.Close()
}
