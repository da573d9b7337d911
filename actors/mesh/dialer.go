// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// replan makes the dialer look whom to dial.
type replan struct{}

// dialer connects to peers: whom and when is the address book's to say.
type dialer struct{ n *Mesh }

// Receive implements actor.Actor.
func (a *dialer) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started, *replan:
		a.n.plan()
	}
}

// An attempt is a peer that is being dialed; guarded by mesh.mu.
type attempt struct {
	since time.Time
	named bool // a person wants it connected
	probe bool // only to know whether it is there; of those there are maxProbing
	slow  bool // it was silent for so long that it holds no slot any more

	cancel func()
	moved  bool // the network changed meanwhile: how it ended says nothing
}

// fresh reports whether an attempt may still be taken for a link.
func (a *attempt) fresh(now time.Time) bool { return now.Sub(a.since) < peerbook.Fresh }

// plan dials whom the book says, and looks again when it says.
func (n *Mesh) plan() {
	n.Woke(time.Now())
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.active || n.closing.Load() {
		return
	}
	v := n.view(time.Now())
	p := d.book.Plan(v)
	for _, x := range p.Dial {
		ctx, cancel := context.WithTimeout(n.Context, x.Try)
		d.dialing[x.Peer] = &attempt{since: v.Now, named: x.Named, cancel: cancel}
		n.Go(func() {
			defer cancel()
			n.connect(ctx, cancel, x)
		})
	}
	if soon := v.Now.Add(peerbook.Fresh); len(p.Dial) > 0 && (p.Next.IsZero() || soon.Before(p.Next)) {
		p.Next = soon
	}
	if len(n.Live()) == 0 && !p.Next.IsZero() { // no session looks at the clocks
		if soon := v.Now.Add(syncer.PingEvery); soon.Before(p.Next) {
			p.Next = soon
		}
	}
	if !p.Next.IsZero() {
		again(&d.next, p.Next.Sub(v.Now), n.Look)
	}
}

// view is what the book has to know to plan; mesh.mu is held.
func (n *Mesh) view(now time.Time) peerbook.View {
	d := &n.dir
	v := peerbook.View{Now: now, Nets: map[peerbook.Net]int{}, Rnd: jitter, Links: n.linksOf}
	connected := map[identity.PeerID]bool{}
	for _, s := range n.Live() {
		if s.Conn().Err() != nil {
			continue
		}
		connected[s.Conn().Peer()] = true
		if s.Conn().Dialer() {
			v.Outgoing[d.column(d.book.Named(s.Conn().Peer()))]++
			v.Nets[peerbook.NetOf(s.Conn().RemoteAddr())]++
		}
	}
	for _, a := range d.dialing {
		if a.probe {
			continue
		}
		if !a.slow {
			v.Dialing[d.column(a.named)]++
		}
		if a.fresh(now) {
			v.Outgoing[d.column(a.named)]++
		}
	}
	v.Busy = func(p identity.PeerID) bool { return connected[p] || d.dialing[p] != nil }
	v.Fresh = func(p identity.PeerID) bool { a := d.dialing[p]; return a != nil && a.fresh(now) }
	return v
}

// column is where a View counts a peer.
func (d *directory) column(named bool) int {
	if named {
		return 0
	}
	return 1
}

// linksOf returns how many sessions share a topic, or -1 if it is none of ours.
func (n *Mesh) linksOf(t identity.TopicID) int {
	if _, err := n.Store.Topic(t); err != nil || t.IsZero() {
		return -1
	}
	return n.Sessions.Links(t)
}

// connect dials a planned place for as long as the plan says, but holds a slot
// for SlotTime only.
func (n *Mesh) connect(ctx context.Context, cancel func(), d peerbook.Dial) {
	if d.Try > peerbook.SlotTime {
		defer time.AfterFunc(peerbook.SlotTime, func() { n.slow(d.Peer, cancel) }).Stop()
	}
	a := d.Address
	s, err := n.dial(ctx, d.Target)
	if err == nil && a.Unnamed() {
		a.Peer = s.Conn().Peer()
		n.met(a)
	}
	if err != nil && errors.Is(err, ErrBusy) && n.With(a.Peer) != nil {
		err = nil // it is there, and connected to us first
	}
	n.dialed(a, err)
	n.Look()
}

// slow gives the slot of an attempt back, which goes on unless there are too many
// such.
func (n *Mesh) slow(p identity.PeerID, cancel func()) {
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	slow := 0
	for _, a := range d.dialing {
		if a.slow {
			slow++
		}
	}
	if a := d.dialing[p]; a != nil && slow < peerbook.SlowSlots {
		a.slow = true
		n.Look()
		return
	}
	cancel()
}

// met puts the peer that was found at an address that named none in its place.
func (n *Mesh) met(a identity.Address) {
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.dialing, identity.PeerID{})
	d.book.Meet(a.Host, a.Peer)
}

// dialed takes note of how it went.
func (n *Mesh) dialed(a identity.Address, err error) {
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	try := d.dialing[a.Peer]
	delete(d.dialing, a.Peer)
	if n.closing.Load() || err != nil && try != nil && try.moved {
		return
	}
	switch {
	case err == nil:
		d.book.Proved(a, time.Now())
	case durable.TroubleOf(err) == durable.Exhausted:
		d.book.Interrupted(a.Peer, err, time.Now())
	default:
		d.book.Failed(a, err, time.Now(), jitter())
	}
	if err != nil {
		if d.firstFailure(a.Peer) {
			n.Logger.Info("a peer is not reached; it is tried again, and not told until it was connected", slog.String("address", a.String()), slog.Any("error", err))
		}
		n.Notify(notices.Event{Kind: notices.Unreachable, Peer: a.Peer, Address: a.Host, Err: err})
	}
	d.save(n)
	d.tell(n)
}

// dialNow connects to a peer that a person named, once.
func (n *Mesh) dialNow(ctx context.Context, a identity.Address) (*session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, peerbook.LongTry)
	defer cancel()
	return n.dial(ctx, peerbook.Named(a))
}

// dial connects once.
func (n *Mesh) dial(ctx context.Context, t peerbook.Target) (*session.Session, error) {
	conn, at, err := n.open(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.Unnamed() {
		if err := n.notSelf(conn); err != nil {
			return nil, err
		}
	}
	s, err := n.adoptOrClose(conn, t.Origin == peerbook.OfPerson && !t.Unnamed())
	if err == nil {
		n.upgrade(s, at)
	}
	return s, err
}
