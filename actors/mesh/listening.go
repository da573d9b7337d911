// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Listening is where this node listens.
type Listening struct {
	Address identity.Address
	Trouble string // why nobody reaches it there at the moment
}

// Listen takes connections at hostport from now on.
func (n *Mesh) Listen(ctx context.Context, hostport string) (identity.Address, error) {
	l, err := n.Carrier.Listen(ctx, hostport)
	if err != nil {
		return identity.Address{}, err
	}
	at := &ear{Listener: l}
	n.net.mu.Lock()
	n.net.ears = append(n.net.ears, at)
	n.net.mu.Unlock()
	n.Send(ListenerName, at)
	n.join()
	return l.Addr(), nil
}

// Listening returns where this node listens, and is reached or not.
func (n *Mesh) Listening() (all []Listening) {
	for _, e := range n.ears() {
		at := Listening{Address: e.Addr()}
		if err := e.trouble(); err != nil {
			at.Trouble = err.Error()
		}
		all = append(all, at)
	}
	return all
}

// Places returns the addresses at which this node listens.
func (n *Mesh) Places() (all []identity.Address) {
	for _, e := range n.ears() {
		all = append(all, e.Addr())
	}
	return all
}

func (n *Mesh) ears() []*ear {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return append([]*ear(nil), n.net.ears...)
}

// An ear is a listener of the node.
type ear struct {
	transport.Listener
	ended transport.Health // of a listener that its carrier did not bind again
}

// trouble returns why nobody reaches the listener, or nil.
func (e *ear) trouble() error {
	if _, err := e.ended.Get(); err != nil {
		return err
	}
	_, err := e.Trouble()
	return err
}

// listener accepts connections, each with a goroutine per listening socket.
type listener struct{ n *Mesh }

// Receive implements actor.Actor.
func (a *listener) Receive(ctx actor.Context) {
	e, ok := ctx.Message().(*ear)
	if !ok {
		return
	}
	n := a.n
	n.Go(func() { n.listen(e) })
	n.Go(func() { n.tellTrouble(e) })
}

// listen takes in what a listener accepts.
func (n *Mesh) listen(e *ear) {
	for {
		conn, err := e.Accept(n.Context)
		if err != nil {
			if n.Context.Err() == nil && !errors.Is(err, transport.ErrClosed) {
				e.ended.Set(err)
			}
			return
		}
		n.accepted(conn)
	}
}

// tellTrouble tells, until the node ends, that a listener is reached no more, and
// when it is again.
func (n *Mesh) tellTrouble(e *ear) {
	told := ""
	for n.Context.Err() == nil {
		changed, why := e.Trouble()
		ended, err := e.ended.Get()
		if err != nil {
			why = err
		}
		told = n.toldTrouble(e.Addr().Host, told, why)
		select {
		case <-changed:
		case <-ended:
		case <-n.Context.Done():
		}
	}
}

// toldTrouble tells what is new, and returns what was told.
func (n *Mesh) toldTrouble(host, told string, why error) string {
	text := ""
	if why != nil {
		text = why.Error()
	}
	switch {
	case text == told:
		return told
	case why == nil:
		n.Logger.Info("listening again", slog.String("address", host))
		n.Notify(notices.Event{Kind: notices.Listening, Address: host})
	default:
		n.Logger.Warn("nobody reaches this store where it listens", slog.String("address", host), slog.Any("error", why))
		n.Notify(notices.Event{Kind: notices.Unheard, Address: host, Err: why})
	}
	return text
}
