// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"net"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/peerbook"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Peer exchange: who the peers of a topic are is told to its peers (PEERS). A
// node tells its own addresses where it chose to be found (Config.Advertise),
// and those of others that it found there itself. What it is told is a hint;
// the address book bounds how many.

// Bounds of the exchange.
const (
	tellSoon  = 200 * time.Millisecond // after the book changed
	tellEvery = 10 * time.Second       // at most
	hearBurst = 16                     // PEERS of a session beyond one a second
)

// tellPeers makes a session tell its peer of others, if there is news.
type tellPeers struct{}

// tell makes all sessions tell their peers what changed in the book; mu is
// held.
func (m *mesh) tell(n *Node) {
	if m.telling != nil || m.told == m.book.Version() {
		return
	}
	m.telling = time.AfterFunc(max(tellSoon, tellEvery-time.Since(m.toldAt)), func() {
		m.mu.Lock()
		m.telling, m.told, m.toldAt = nil, m.book.Version(), time.Now()
		m.mu.Unlock()
		for _, s := range n.live() {
			s.tell(&tellPeers{})
		}
	})
}

// tellPeers sends PEERS of each topic, where it says something new.
func (s *session) tellPeers() {
	if s.core == nil || s.core.State() != syncer.Syncing {
		return
	}
	own := s.n.advertised(viaOf(s.conn))
	for _, t := range s.topics() {
		number, ok := s.Number(t)
		if !ok {
			continue
		}
		s.n.mesh.mu.Lock()
		all := s.n.mesh.book.Tell(s.conn.Peer(), viaOf(s.conn), t, messages.MaxAddresses-len(own))
		s.n.mesh.mu.Unlock()
		var texts []string
		for _, a := range append(slices.Clone(own), all...) {
			if text := a.String(); len(text) <= messages.MaxAddrBytes {
				texts = append(texts, text)
			}
		}
		if s.saidPeers == nil {
			s.saidPeers = map[identity.TopicID][]string{}
		}
		if !slices.Equal(texts, s.saidPeers[t]) {
			s.saidPeers[t] = texts
			s.do(syncer.Send{Message: &messages.Peers{Topic: number, Addresses: texts}})
		}
	}
}

// advertised returns where this node chose to be found by a peer over scope via.
func (n *Node) advertised(via peerbook.Scope) []identity.Address {
	if !n.cfg.Advertise {
		return nil
	}
	all := slices.DeleteFunc(n.Addresses(), func(a identity.Address) bool {
		return identity.CheckHost(a.Host) != nil || !peerbook.MayTellOwn(a.Host, via) // a socket is of this machine
	})
	return all[:min(len(all), messages.MaxAddresses/2)]
}

// hearPeers takes in what the peer told. More than one message a second is
// passed over, but for a few.
func (s *session) hearPeers(o syncer.Peers) {
	if s.heardPeers++; float64(s.heardPeers) > hearBurst+time.Since(s.since).Seconds() {
		return
	}
	n, news := s.n, false
	by := peerbook.Telling{Source: s.conn.Peer(), Host: s.conn.RemoteAddr(), Via: viaOf(s.conn), Topic: o.Topic}
	n.mesh.mu.Lock()
	for _, text := range o.Addresses {
		a, err := identity.ParseAddress(text)
		if err != nil || identity.CheckHost(a.Host) != nil {
			continue
		}
		news = n.mesh.book.Told(seenFrom(a, by), by, time.Now()) || news
	}
	n.mesh.tell(n)
	n.mesh.mu.Unlock()
	n.probe(by.Source)
	if news {
		n.look()
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
func (n *Node) probe(p identity.PeerID) {
	m := &n.mesh
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.book.Unproven(p)
	if !ok || !m.active || m.probed[p] || m.dialing[p] != nil || m.probing() >= maxProbing || n.closing.Load() {
		return
	}
	m.probed[p], m.dialing[p] = true, &attempt{since: time.Now(), probe: true}
	n.goroutine(func() {
		err := n.reach(t)
		n.probeDone(t.Address, err)
	})
}

func (m *mesh) probing() (count int) {
	for _, a := range m.dialing {
		if a.probe {
			count++
		}
	}
	return count
}

func (n *Node) reach(t peerbook.Target) error {
	ctx, cancel := context.WithTimeout(n.ctx, peerbook.SlotTime)
	defer cancel()
	conn, _, err := n.open(ctx, t)
	if err != nil {
		return err
	}
	return conn.CloseWithError(uint64(messages.CodeOK), "found")
}

func (n *Node) probeDone(a identity.Address, err error) {
	m := &n.mesh
	m.mu.Lock()
	delete(m.dialing, a.Peer)
	if err == nil {
		m.book.Proved(a, time.Now())
		topics := []identity.TopicID{}
		if s := n.sessionWith(a.Peer); s != nil {
			topics = s.topics()
		}
		m.book.Up(a.Peer, topics, time.Now())
		m.save(n)
		m.tell(n)
	} else {
		n.cfg.Logger.Info("a peer is not where it says", zap.String("address", a.String()), zap.Error(err))
	}
	m.mu.Unlock()
	n.look()
	for _, s := range n.live() { // whoever found no room to be looked for
		n.probe(s.conn.Peer())
	}
}
