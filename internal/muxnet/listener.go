// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Listener accepts on a socket and shakes hands with many at a time.
type Listener struct {
	n     *Node
	raw   net.Listener
	addr  identity.Address
	o     ListenOptions
	trial transport.Health // of accepting

	ctx    context.Context // ends with Close, or when nothing comes any more, which is its cause
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // the loop and handshakes
	ready  chan *conn
	once   sync.Once
}

// ListenOptions are what a carrier knows of its sockets. Both are required.
type ListenOptions struct {
	Place func(net.Addr) string // where a peer is, for people
	Lost  func() error          // why nobody reaches the socket, whatever is accepted on it
}

// Accepting rests if it fails, and gives up after so many failures in a row, unless
// it is only that the system has no more sockets.
const (
	busyPause   = 50 * time.Millisecond
	maxFailures = 20
)

// Listen accepts on raw, which others reach at host, and closes it.
func (n *Node) Listen(raw net.Listener, host string, o ListenOptions) (*Listener, error) {
	l := &Listener{
		n: n, raw: raw, addr: identity.Address{Peer: n.peer, Host: host}, o: o,
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
	l.ctx, l.cancel = context.WithCancelCause(n.ctx)
	l.wg.Go(l.loop)
	return l, nil
}

func (l *Listener) loop() {
	for failures := 0; ; {
		raw, err := l.raw.Accept()
		if err != nil {
			if durable.TroubleOf(err) != durable.Exhausted {
				failures++
			}
			if !l.goOn(err, failures) {
				return
			}
			continue
		}
		failures = 0
		l.trial.Set(nil)
		place, err := l.n.o.Doorway.Enter(raw.RemoteAddr(), func() { raw.Close() })
		if err != nil {
			raw.Close()
			continue
		}
		l.wg.Go(func() { l.shake(raw, place) })
	}
}

// goOn rests after a failure, or gives up.
func (l *Listener) goOn(err error, failures int) bool {
	if errors.Is(err, net.ErrClosed) || failures >= maxFailures {
		l.cancel(fmt.Errorf("%s: %w", l.n.carrier, err)) // if it is not closed already
		return false
	}
	l.trial.Set(err)
	select {
	case <-time.After(busyPause):
		return true
	case <-l.ctx.Done():
		return false
	}
}

// shake proves who dialed and puts the connection before Accept.
func (l *Listener) shake(raw net.Conn, place *transport.Place) {
	c, err := l.n.accept(l.ctx, raw, l.o.Place(raw.RemoteAddr()), place)
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
			return nil, l.ended()
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

// ended is why nothing comes any more.
func (l *Listener) ended() error {
	if err := context.Cause(l.ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: listener", transport.ErrClosed)
}

// Trouble implements transport.Listener.
func (l *Listener) Trouble() (changed <-chan struct{}, why error) {
	changed, why = l.trial.Get()
	return changed, cmp.Or(l.o.Lost(), why)
}

// Close ends listening; what nobody accepted yet is closed too.
func (l *Listener) Close() error {
	l.shut()
	return nil
}

func (l *Listener) shut() {
	l.once.Do(func() {
		l.cancel(context.Canceled)
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
