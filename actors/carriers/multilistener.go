// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A multiListener is the listeners of several carriers as one. It goes on if one of them
// ends: see post.
type multiListener struct {
	addr      identity.Address
	posts     []*post
	ready     chan transport.Conn
	health    transport.Health
	lookEvery time.Duration

	mu   sync.Mutex    // guards next
	next chan struct{} // closed when somebody looks

	ctx    context.Context // ends with Close, or when no carrier is left
	cancel context.CancelFunc
	wg     sync.WaitGroup // of posts
	once   sync.Once
}

// gather makes one listener of many, whose address is the first one's on the
// named carrier.
func (c *Set) gather(scheme, hostport string, by []transport.Carrier, all []transport.Listener) (transport.Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		for _, l := range all {
			l.Close()
		}
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	g := &multiListener{addr: all[0].Addr(), ready: make(chan transport.Conn), lookEvery: c.o.LookEvery, next: make(chan struct{})}
	g.addr.Host = identity.JoinScheme(scheme, g.addr.Host)
	g.ctx, g.cancel = context.WithCancel(c.ctx)
	for i, l := range all {
		as := carried{path: transport.Path{Carrier: by[i].Name()}, plain: by[i] == c.shared[0]}
		g.posts = append(g.posts, newPost(by[i], as, hostport, l))
	}
	g.open()
	c.gatherings[g] = struct{}{}
	c.wg.Go(func() {
		g.wg.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.gatherings, g)
	})
	return g, nil
}

// open begins to serve.
func (g *multiListener) open() {
	var serving sync.WaitGroup
	for _, p := range g.posts {
		first := p.listener()
		serving.Go(func() { p.serve(g, first) })
		g.wg.Go(func() { p.watch(g) })
	}
	g.wg.Go(func() {
		serving.Wait()
		g.cancel() // the carriers were closed
	})
}

// look has all posts ask how their listeners are, and bound again what is lost.
func (g *multiListener) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.next)
	g.next = make(chan struct{})
}

// looked returns a channel that is closed with the next look.
func (g *multiListener) looked() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next
}

// retell puts together how the posts are.
func (g *multiListener) retell() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []error
	for _, p := range g.posts {
		all = append(all, p.trouble())
	}
	g.health.Set(errors.Join(all...))
}

// Trouble implements transport.Listener.
func (g *multiListener) Trouble() (changed <-chan struct{}, why error) { return g.health.Get() }

// Accept implements transport.Listener.
func (g *multiListener) Accept(ctx context.Context) (transport.Conn, error) {
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
func (g *multiListener) Addr() identity.Address { return g.addr }

// Close implements transport.Listener.
func (g *multiListener) Close() error {
	g.once.Do(func() {
		g.cancel()
		for _, p := range g.posts {
			p.close()
		}
		g.wg.Wait()
	})
	return nil
}
