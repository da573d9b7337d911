// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A pair is one connection: the dialing end and the accepting end.
type pair struct {
	net     *Memory
	link    *link
	binding [BindingBytes]byte
	ends    [2]*memConn // 0 dialed

	mu      sync.Mutex // guards all below
	closed  bool
	streams map[*memStream]struct{} // one end of each live stream
}

// A memConn is one end of a pair.
type memConn struct {
	pair   *pair
	side   int
	node   *memNode
	peer   identity.PeerID
	remote string

	accept chan *memStream // streams the peer opened and showed
	slots  chan struct{}   // one for each stream that this end has open
	done   chan struct{}
	err    *ClosedError // set before done is closed

	in, out atomic.Uint64
	probes  atomic.Uint64
}

func newPair(n *Memory, l *link, dialer, listener *memNode, host string, binding [BindingBytes]byte) *pair {
	p := &pair{net: n, link: l, binding: binding, streams: map[*memStream]struct{}{}}
	p.ends[0] = p.end(0, dialer, listener.peer, host)
	p.ends[1] = p.end(1, listener, dialer.peer, "memory")
	return p
}

func (p *pair) end(side int, node *memNode, peer identity.PeerID, remote string) *memConn {
	limit := p.net.o.MaxStreams
	return &memConn{
		pair: p, side: side, node: node, peer: peer, remote: remote,
		accept: make(chan *memStream, limit), // the peer's slots bound it
		slots:  make(chan struct{}, limit),
		done:   make(chan struct{}),
	}
}

// close ends the pair once, with what each end is told.
func (p *pair) close(dialed, accepted *ClosedError) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	streams := p.streams
	p.streams = nil
	p.mu.Unlock()
	for i, err := range []*ClosedError{dialed, accepted} {
		p.ends[i].err = err
		close(p.ends[i].done)
		p.ends[i].node.remove(p.ends[i])
	}
	for s := range streams {
		s.abort(p.ends[s.conn.side].err, p.ends[1-s.conn.side].err)
	}
	p.net.forget(p)
}

func (c *memConn) Peer() identity.PeerID { return c.peer }

func (c *memConn) Binding() []byte {
	b := c.pair.binding
	return b[:]
}

func (c *memConn) Dialer() bool { return c.side == 0 }

// Admit does nothing: who shares this memory is no stranger.
func (c *memConn) Admit() {}

func (c *memConn) Path() Path { return Path{Carrier: c.node.Name()} }

func (c *memConn) RemoteAddr() string { return c.remote }

func (c *memConn) Done() <-chan struct{} { return c.done }

func (c *memConn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *memConn) Stats() (bytesIn, bytesOut uint64) { return c.in.Load(), c.out.Load() }

// Signs counts a probe as answered: a pair that is not closed is there.
func (c *memConn) Signs() (heard, asked uint64) {
	n := c.probes.Load()
	return c.in.Load() + n, c.out.Load() + n
}

func (c *memConn) Probe() {
	if c.Err() == nil {
		c.probes.Add(1)
	}
}

func (c *memConn) CloseWithError(code uint64, reason string) error {
	reason = CutReason(reason)
	var told [2]*ClosedError
	told[c.side] = &ClosedError{Code: code, Reason: reason}
	told[1-c.side] = &ClosedError{Code: code, Reason: reason, Remote: true}
	c.pair.close(told[0], told[1])
	return nil
}

func (c *memConn) OpenStream(ctx context.Context) (Stream, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := newStream(c)
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if c.pair.closed {
		<-c.done
		return nil, c.err
	}
	c.pair.streams[s] = struct{}{}
	return s, nil
}

func (c *memConn) AcceptStream(ctx context.Context) (Stream, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	select {
	case s := <-c.accept:
		s.release()
		return s, nil
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
