// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/transport"
)

// firstPause is how long it is waited at first until a place is bound again.
const firstPause = 250 * time.Millisecond

// A post is a place where one of the carriers of a multiListener listens. A listener that
// ends by itself, or whose address or socket is gone, is closed, and the place bound
// again as soon as that can be.
type post struct {
	by    transport.Carrier
	as    carried
	at    string // as by takes it, with a real port
	stays bool   // no machine loses such an address

	mu     sync.Mutex         // guards all below
	l      transport.Listener // nil while the place is to be bound again
	why    error              // nobody reaches the place
	closed bool               // for good
}

// newPost returns the post of a listener that was asked for at hostport.
func newPost(by transport.Carrier, as carried, hostport string, l transport.Listener) *post {
	p := &post{by: by, as: as, at: l.Addr().Host, l: l}
	at, err := netip.ParseAddrPort(p.at)
	p.stays = err == nil && transport.AlwaysHere(at.Addr())
	if hostport != "" {
		p.at = samePort(hostport, p.at)
	}
	return p
}

// serve hands on what comes, whatever becomes of the first listener.
func (p *post) serve(g *multiListener, first transport.Listener) {
	for l := first; l != nil; l = p.bindAgain(g) {
		if err := p.accept(g, l); g.ctx.Err() == nil {
			p.lose(g, l, err)
		}
	}
}

// accept hands on what a listener accepts until it ends.
func (p *post) accept(g *multiListener, l transport.Listener) error {
	for {
		conn, err := l.Accept(g.ctx)
		if err != nil {
			return err
		}
		c := p.as
		c.Conn = conn
		select {
		case g.ready <- &c:
		case <-conn.Done(): // it did not wait
		case <-g.ctx.Done():
			conn.CloseWithError(0, "listener closed")
			return g.ctx.Err()
		}
	}
}

// bindAgain listens anew, or returns nil if that is wanted no more.
func (p *post) bindAgain(g *multiListener) transport.Listener {
	for pause := firstPause; g.ctx.Err() == nil; pause = min(2*pause, g.lookEvery) {
		looked := g.looked()
		l, err := p.by.Listen(g.ctx, p.at)
		switch {
		case err == nil:
			return p.bound(g, l)
		case errors.Is(err, transport.ErrClosed):
			return nil
		}
		p.say(g, nil, err)
		await(g.ctx, pause, looked, nil)
	}
	return nil
}

// bound takes a new listener, unless the post was closed.
func (p *post) bound(g *multiListener, l transport.Listener) transport.Listener {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.l, p.why = l, nil
	}
	p.mu.Unlock()
	if closed {
		l.Close()
		return nil
	}
	g.retell()
	g.look() // for whoever watched the old one
	return l
}

func (p *post) listener() transport.Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.l
}

// say says why nobody reaches the place by the listener that there is.
func (p *post) say(g *multiListener, l transport.Listener, why error) {
	p.mu.Lock()
	if p.l == l {
		p.why = p.reason(why)
	}
	p.mu.Unlock()
	g.retell()
}

// lose closes a listener that nobody reaches any more.
func (p *post) lose(g *multiListener, l transport.Listener, why error) {
	p.mu.Lock()
	if p.l == l {
		p.l, p.why = nil, p.reason(why)
	}
	p.mu.Unlock()
	l.Close()
	g.retell()
}

// reason names the place.
func (p *post) reason(why error) error {
	if why == nil {
		return nil
	}
	if errors.Is(why, syscall.EADDRNOTAVAIL) {
		why = transport.ErrNoAddress
	}
	return fmt.Errorf("%s: %w", identity.JoinScheme(p.by.Name(), p.at), why)
}

func (p *post) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

// watch asks the listener how it is: when it says, when somebody looks, and now and
// then if its place can get lost.
func (p *post) watch(g *multiListener) {
	every := g.lookEvery
	if p.stays {
		every = 0
	}
	for g.ctx.Err() == nil {
		looked := g.looked()
		var changed <-chan struct{}
		if l := p.listener(); l != nil {
			changed = p.ask(g, l)
		}
		await(g.ctx, every, looked, changed)
	}
}

// ask asks a listener how it is, and gives up one that nobody can reach. One that
// waits for descriptors or memory stays.
func (p *post) ask(g *multiListener, l transport.Listener) (changed <-chan struct{}) {
	changed, why := l.Trouble()
	if why == nil || durable.TroubleOf(why) == durable.Exhausted {
		p.say(g, l, why)
	} else {
		p.lose(g, l, why)
	}
	return changed
}

// close ends the post for good.
func (p *post) close() {
	p.mu.Lock()
	l := p.l
	p.closed = true
	p.mu.Unlock()
	if l != nil {
		l.Close()
	}
}

// await waits for a time, without end if it is 0, or until a channel is closed.
func await(ctx context.Context, d time.Duration, one, other <-chan struct{}) {
	var tick <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		tick = t.C
	}
	select {
	case <-tick:
	case <-one:
	case <-other:
	case <-ctx.Done():
	}
}
