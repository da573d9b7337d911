// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A gathering is the listeners of several carriers as one.
type gathering struct {
	addr  identity.Address
	all   []transport.Listener
	ready chan transport.Conn

	ctx    context.Context // ends with Close, or when no listener is left
	cancel context.CancelFunc
	wg     sync.WaitGroup // a goroutine for each listener
	once   sync.Once
}

// gather makes one listener of many, whose address is the first one's on the
// named carrier.
func (c *Set) gather(scheme string, by []transport.Carrier, all []transport.Listener) (transport.Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		for _, l := range all {
			l.Close()
		}
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	g := &gathering{addr: all[0].Addr(), all: all, ready: make(chan transport.Conn)}
	g.addr.Host = identity.JoinScheme(scheme, g.addr.Host)
	g.ctx, g.cancel = context.WithCancel(c.ctx)
	for i, l := range all {
		as := carried{path: transport.Path{Carrier: by[i].Name()}, plain: by[i] == c.shared[0]}
		g.wg.Go(func() { g.accept(l, as) })
	}
	c.wg.Go(func() {
		g.wg.Wait()
		g.cancel() // the carriers were closed
	})
	return g, nil
}

// accept hands on what one listener accepts.
func (g *gathering) accept(l transport.Listener, as carried) {
	for {
		conn, err := l.Accept(g.ctx)
		if err != nil {
			return
		}
		c := as
		c.Conn = conn
		select {
		case g.ready <- &c:
		case <-conn.Done(): // it did not wait
		case <-g.ctx.Done():
			conn.CloseWithError(0, "listener closed")
			return
		}
	}
}

// Accept implements transport.Listener.
func (g *gathering) Accept(ctx context.Context) (transport.Conn, error) {
	for {
		select {
		case conn := <-g.ready:
			if conn.Err() == nil {
				return conn, nil
			}
		case <-g.ctx.Done():
			return nil, fmt.Errorf("%w: listener", transport.ErrClosed)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Addr implements transport.Listener.
func (g *gathering) Addr() identity.Address { return g.addr }

// Trouble implements transport.Listener.
func (g *gathering) Trouble() (changed <-chan struct{}, why error) {
	var all []error
	for _, l := range g.all {
		_, err := l.Trouble()
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

// Close implements transport.Listener.
func (g *gathering) Close() error {
	g.once.Do(func() {
		g.cancel()
		for _, l := range g.all {
			l.Close()
		}
		g.wg.Wait()
	})
	return nil
}
