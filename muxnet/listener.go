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
	half  *transport.Doorway

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the loop and handshakes
	ready  chan incoming  // as many as half lets in
	once   sync.Once
}

// An incoming connection is proven and waits for Accept.
type incoming struct {
	c     *conn
	leave func()
}

// busyPause is how long accepting rests where the system has no more sockets.
const busyPause = 50 * time.Millisecond

// Listen accepts on raw, which others reach at host, and closes it.
func (n *Node) Listen(raw net.Listener, host string, place func(net.Addr) string) (*Listener, error) {
	l := &Listener{
		n: n, raw: raw, addr: identity.Address{Peer: n.peer, Host: host}, place: place,
		half: transport.NewDoorway(n.o.MaxHalfOpen), ready: make(chan incoming, n.o.MaxHalfOpen),
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
		leave, err := l.half.Enter(raw.RemoteAddr())
		if err != nil {
			raw.Close()
			continue
		}
		l.wg.Go(func() { l.shake(raw, leave) })
	}
}

// shake proves who dialed and puts the connection before Accept.
func (l *Listener) shake(raw net.Conn, leave func()) {
	c, err := l.n.accept(l.ctx, raw, l.place(raw.RemoteAddr()))
	if err != nil {
		leave()
		return
	}
	l.ready <- incoming{c, leave}
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
		case in := <-l.ready:
			in.leave()
			if l.ctx.Err() == nil && in.c.Err() == nil {
				return in.c, nil
			}
			in.c.CloseWithError(0, reasonClosed)
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
			if in := <-l.ready; in.c.Err() == nil {
				in.c.CloseWithError(0, reasonClosed)
			}
		}
		l.n.mu.Lock()
		delete(l.n.listeners, l)
		l.n.mu.Unlock()
		l.n.wg.Done()
	})
}
