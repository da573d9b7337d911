// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Peer exchange: a node tells the peers of a topic who the others are (PEERS). It
// tells its own addresses if it chose to be found (Config.Advertise),
// and those of others that it found there itself. An address told by others is a hint;
// the address book bounds how many.

// Bounds of the exchange.
const (
	tellSoon  = 200 * time.Millisecond // after the book changed
	tellEvery = 10 * time.Second       // at most
)

// tell makes all sessions tell their peers what changed in the book; mu is
// held.
func (d *directory) tell(n *Mesh) {
	if d.telling != nil || d.told == d.book.Version() {
		return
	}
	d.telling = time.AfterFunc(max(tellSoon, tellEvery-time.Since(d.toldAt)), func() {
		d.mu.Lock()
		d.telling, d.told, d.toldAt = nil, d.book.Version(), time.Now()
		d.mu.Unlock()
		for _, s := range n.Live() {
			s.TellPeers()
		}
	})
}

// Addresses returns what says what a session is to tell of a topic: where this node
// listens, and where it found others.
func (n *Mesh) Addresses(s *session.Session) func(identity.TopicID) []identity.Address {
	to, via := s.Conn().Peer(), viaOf(s.Conn())
	own := n.advertised(via)
	return func(t identity.TopicID) []identity.Address {
		n.dir.mu.Lock()
		defer n.dir.mu.Unlock()
		return append(slices.Clone(own), n.dir.book.Tell(to, via, t, messages.MaxAddresses-len(own))...)
	}
}

// advertised returns where this node chose to be found by a peer over scope via.
func (n *Mesh) advertised(via peerbook.Scope) []identity.Address {
	if !n.Advertise {
		return nil
	}
	all := slices.DeleteFunc(n.Places(), func(a identity.Address) bool {
		return identity.CheckHost(a.Host) != nil || !peerbook.MayTellOwn(a.Host, via) // a socket is of this machine
	})
	return all[:min(len(all), messages.MaxAddresses/2)]
}

// Told puts what a peer told of a topic into the book, as hints.
func (n *Mesh) Told(s *session.Session, topic identity.TopicID, addresses []string) {
	news := false
	by := peerbook.Telling{Source: s.Conn().Peer(), Host: s.Conn().RemoteAddr(), Via: viaOf(s.Conn()), Topic: topic}
	n.dir.mu.Lock()
	for _, text := range addresses {
		a, err := identity.ParseAddress(text)
		if err != nil || identity.CheckHost(a.Host) != nil {
			continue
		}
		news = n.dir.book.Told(seenFrom(a, by), by, time.Now()) || news
	}
	n.dir.tell(n)
	n.dir.mu.Unlock()
	n.probe(by.Source)
	if news {
		n.Look()
	}
}

// seenFrom is an address as it makes sense here: a peer that says that it listens
// on every address of its machine is where it came from.
func seenFrom(a identity.Address, by peerbook.Telling) identity.Address {
	scheme, hostport := identity.SplitScheme(a.Host)
	_, port, err := net.SplitHostPort(hostport)
	from, known := peerbook.IPOf(by.Host)
	if ip, ok := peerbook.IPOf(a.Host); err == nil && ok && ip.IsUnspecified() && known && a.Peer == by.Source {
		a.Host = identity.JoinScheme(scheme, net.JoinHostPort(from.String(), port))
	}
	return a
}

// viaOf is how far the other end of a connection may be.
func viaOf(conn transport.Conn) peerbook.Scope {
	ip, _ := peerbook.IPOf(conn.RemoteAddr())
	return peerbook.ScopeOf(ip)
}

// probe finds out whether a connected peer is where it wants to be found, so
// that others can be told. The connection says nothing and is closed.
func (n *Mesh) probe(p identity.PeerID) {
	d := &n.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.book.Unproven(p)
	if !ok || !d.active || d.probed[p] == t.Host || d.dialing[p] != nil || d.probing() >= maxProbing || n.closing.Load() {
		return
	}
	d.probed[p], d.dialing[p] = t.Host, &attempt{since: time.Now(), probe: true}
	n.Go(func() {
		err := n.probeDial(t)
		n.probeDone(t.Address, err)
	})
}

func (d *directory) probing() (count int) {
	for _, a := range d.dialing {
		if a.probe {
			count++
		}
	}
	return count
}

func (n *Mesh) probeDial(t peerbook.Target) error {
	ctx, cancel := context.WithTimeout(n.Context, peerbook.SlotTime)
	defer cancel()
	conn, _, err := n.open(ctx, t)
	if err != nil {
		return err
	}
	return conn.CloseWithError(uint64(messages.CodeOK), "found")
}

func (n *Mesh) probeDone(a identity.Address, err error) {
	d := &n.dir
	d.mu.Lock()
	delete(d.dialing, a.Peer)
	if err == nil {
		d.book.Proved(a, time.Now())
		topics := []identity.TopicID{}
		if s := n.With(a.Peer); s != nil {
			topics = s.Topics()
		}
		d.book.Up(a.Peer, topics, time.Now())
		d.save(n)
		d.tell(n)
	} else {
		n.Logger.Info("a peer is not where it says", slog.String("address", a.String()), slog.Any("error", err))
	}
	d.mu.Unlock()
	n.Look()
	for _, s := range n.Live() { // whoever found no room to be looked for
		n.probe(s.Conn().Peer())
	}
}
