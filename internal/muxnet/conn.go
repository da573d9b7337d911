// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-yamux/v5"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A conn is a yamux session with its peer proven.
type conn struct {
	node    *Node
	peer    identity.PeerID
	binding []byte
	dialer  bool
	remote  string
	place   *transport.Place // in the doorway, or nil

	gate    *gate
	session *yamux.Session
	words   *yamux.Stream // the first stream: last words
	slots   chan struct{} // one for each stream that this end has open
	opened  chan *stream  // by the peer, for AcceptStream

	wg      sync.WaitGroup       // of run, drains and pings: these begin while err is nil
	mu      sync.Mutex           // guards streams and err
	streams map[*stream]struct{} // unfinished ones
	done    chan struct{}
	err     *transport.ClosedError // set before done is closed

	in, out atomic.Uint64 // of the streams
	under   *counted      // what TLS sends and receives
	probes  atomic.Uint64
	probing atomic.Bool // a ping of yamux is under way
}

func newConn(n *Node, peer identity.PeerID, binding []byte, dialer bool, remote string) *conn {
	return &conn{
		node: n, peer: peer, binding: binding, dialer: dialer, remote: remote,
		slots: make(chan struct{}, n.o.MaxStreams), opened: make(chan *stream, n.o.MaxStreams),
		streams: map[*stream]struct{}{}, done: make(chan struct{}),
	}
}

// run returns when nothing is left of the connection.
func (c *conn) run() {
	c.wg.Go(c.acceptAll)
	c.wg.Go(c.hear)
	<-c.done
	c.leave()
	c.say()
	c.session.Close()
	c.wg.Wait()
}

// acceptAll hands the peer's streams to AcceptStream.
func (c *conn) acceptAll() {
	for {
		ys, err := c.session.AcceptStream()
		if err != nil {
			return // hear knows why
		}
		s := c.track(&stream{c: c, ys: ys})
		select {
		case c.opened <- s:
		case <-c.done:
			return
		}
	}
}

// track makes the end of the connection reach a stream, also when that came
// first.
func (c *conn) track(s *stream) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		s.wake()
		return s
	}
	c.streams[s] = struct{}{}
	return s
}

func (c *conn) forget(s *stream) {
	c.mu.Lock()
	delete(c.streams, s)
	c.mu.Unlock()
	if s.own {
		<-c.slots
	}
}

// end closes the connection for those on this side. Only the first call
// counts.
func (c *conn) end(err *transport.ClosedError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	for s := range c.streams {
		s.wake()
	}
}

func (c *conn) Peer() identity.PeerID { return c.peer }

func (c *conn) Binding() []byte { return append([]byte(nil), c.binding...) }

func (c *conn) Dialer() bool { return c.dialer }

func (c *conn) Path() transport.Path { return transport.Path{Carrier: c.node.carrier} }

func (c *conn) RemoteAddr() string { return c.remote }

// Admit implements transport.Conn.
func (c *conn) Admit() {
	c.gate.admit()
	c.leave()
}

// leave gives back the place in the doorway.
func (c *conn) leave() {
	if c.place != nil {
		c.place.Leave()
	}
}

func (c *conn) Done() <-chan struct{} { return c.done }

func (c *conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *conn) Stats() (bytesIn, bytesOut uint64) { return c.in.Load(), c.out.Load() }

// Signs counts bytes below TLS, and each probe as a question: the peer's yamux
// answers it whatever its streams wait for.
func (c *conn) Signs() (heard, asked uint64) {
	return c.under.in.Load(), c.under.out.Load() + c.probes.Load()
}

// Probe sends a ping of yamux, unless one is under way.
func (c *conn) Probe() {
	c.probes.Add(1)
	if c.probing.Swap(true) {
		return
	}
	c.spawn(func() {
		c.session.Ping()
		c.probing.Store(false)
	})
}

func (c *conn) CloseWithError(code uint64, reason string) error {
	c.end(&transport.ClosedError{Code: code, Reason: transport.CutReason(reason)})
	return nil
}

// OpenStream does not pass ctx to yamux, which forgets what it has counted
// if one ends: with a slot in hand it never waits for the peer.
func (c *conn) OpenStream(ctx context.Context) (transport.Stream, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ys, err := c.session.OpenStream(context.Background())
	if err != nil {
		<-c.slots
		if errors.Is(err, yamux.ErrStreamsExhausted) {
			c.end(lostError(err))
		}
		<-c.done // a session that opens no stream is ending, and hear says why
		return nil, c.err
	}
	return c.track(&stream{c: c, ys: ys, own: true}), nil
}

func (c *conn) AcceptStream(ctx context.Context) (transport.Stream, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	select {
	case s := <-c.opened:
		return s, nil
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *conn) ready(ctx context.Context) error {
	if err := c.Err(); err != nil {
		return err
	}
	return ctx.Err()
}
