// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Listener accepts on a socket and shakes hands with many at a time.
type Listener struct {
	n     *Node
	raw   net.Listener
	addr  identity.Address
	place func(net.Addr) string // where a peer is, for people

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the loop and handshakes
	ready  chan *conn
	once   sync.Once
}

// busyPause is how long accepting rests where the system has no more sockets.
const busyPause = 50 * time.Millisecond

// Listen accepts on raw, which others reach at host, and closes it.
func (n *Node) Listen(raw net.Listener, host string, place func(net.Addr) string) (*Listener, error) {
	l := &Listener{
		n: n, raw: raw, addr: identity.Address{Peer: n.peer, Host: host}, place: place,
		ready: make(chan *conn, n.o.Doorway.Limit()),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		raw.Close()
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	n.listeners[l] = struct{}{}
	n.wg.Add(1) // until shut
	l.ctx, l.cancel = context.WithCancel(n.ctx)
	l.wg.Go(l.loop)
	return l, nil
}

func (l *Listener) loop() {
	for {
		raw, err := l.raw.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select {
			case <-time.After(busyPause):
			case <-l.ctx.Done():
				return
			}
			continue
		}
		place, err := l.n.o.Doorway.Enter(raw.RemoteAddr(), func() { raw.Close() })
		if err != nil {
			raw.Close()
			continue
		}
		l.wg.Go(func() { l.shake(raw, place) })
	}
}

// shake proves who dialed and puts the connection before Accept.
func (l *Listener) shake(raw net.Conn, place *transport.Place) {
	c, err := l.n.accept(l.ctx, raw, l.place(raw.RemoteAddr()), place)
	if err != nil {
		place.Leave()
		return
	}
	select {
	case l.ready <- c:
	case <-c.done: // it had to go before it was accepted
	case <-l.ctx.Done():
		c.CloseWithError(0, reasonClosed)
	}
}

// Addr implements transport.Listener.
func (l *Listener) Addr() identity.Address { return l.addr }

// Accept waits for the next connection whose handshake is done. One that
// closed in the meantime is passed over.
func (l *Listener) Accept(ctx context.Context) (transport.Conn, error) {
	for {
		if l.ctx.Err() != nil {
			return nil, fmt.Errorf("%w: listener", transport.ErrClosed)
		}
		select {
		case c := <-l.ready:
			if l.ctx.Err() == nil && c.Err() == nil {
				return c, nil
			}
			c.CloseWithError(0, reasonClosed)
		case <-l.ctx.Done():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends listening; what nobody accepted yet is closed too.
func (l *Listener) Close() error {
	l.shut()
	return nil
}

func (l *Listener) shut() {
	l.once.Do(func() {
		l.cancel()
		l.raw.Close()
		l.wg.Wait()
		for len(l.ready) > 0 {
			if c := <-l.ready; c.Err() == nil {
				c.CloseWithError(0, reasonClosed)
			}
		}
		l.n.mu.Lock()
		delete(l.n.listeners, l)
		l.n.mu.Unlock()
		l.n.wg.Done()
	})
}
