// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// The first byte of addresses: of peers, and of attackers, who have a few nets only.
const goodNet, evilNet = 20, 200

// newHost returns an address that nobody ever had.
func (w *world) newHost(first int) string {
	w.addrs++
	net := w.addrs % 251
	if first == evilNet {
		net %= 3
	}
	return fmt.Sprintf("%d.%d.%d.%d:7", first, net, w.addrs/256%256, w.addrs%256)
}

// settleAt makes an address the peer's.
func (p *peer) settleAt(host string) {
	p.host = host
	p.w.hosts[host] = p
}

// moves changes addresses: of peers that run, and of some while they do not.
func (w *world) moves(r *rand.Rand, until time.Duration) {
	w.sometimes(r, len(w.peers), until, func() {
		p := w.peers[r.IntN(len(w.peers))]
		if c := w.opt.Control; c == Patient || c == Gullible {
			p = w.dialedBy(w.peers[1])
		}
		p.move(r)
	})
}

// dialedBy returns a peer to which p alone is to keep a connection.
func (w *world) dialedBy(p *peer) *peer {
	for _, g := range w.edges {
		if g.keeps(p) && !g.keeps(g.other(p)) {
			return g.other(p)
		}
	}
	return p
}

// move gives the peer another address. Nothing gets through any more on connections
// that were made with the one before, and nobody says so, unless the carrier moves
// those that the peer dialed. Behind the old address is nobody, or somebody else.
// Some systems say that the network changed.
func (p *peer) move(r *rand.Rand) {
	w := p.w
	w.stats.Moves++
	delete(w.hosts, p.host)
	if r.IntN(2) == 0 || w.opt.Control == Gullible {
		w.evil[p.host] = true
	}
	p.settleAt(w.newHost(goodNet))
	w.note("peer %d is at %s from now on", p.nr, p.host)
	keeps, hears := r.IntN(3) == 0, r.IntN(2) == 0
	for _, e := range p.ends {
		if !keeps || !e.dialer {
			e.conn.goDark()
		}
	}
	if hears && p.up {
		p.networkChanged()
	}
}

// goDark lets nothing get through any more. Of a session whose pulse does not beat
// yet the carrier notices.
func (c *conn) goDark() {
	c.dark = true
	for _, e := range c.ends {
		e.w.after(idleTimeout, func() {
			if e.pulse.Next().IsZero() {
				e.lost()
			}
		})
	}
}

// networkChanged makes sessions look whether their peers are there, and the book
// dial at once (Mesh.NetworkChanged).
func (p *peer) networkChanged() {
	for _, e := range p.ends {
		e.check()
	}
	p.dials.book.Hurry()
	for _, a := range p.dials.under {
		a.over = true
	}
	clear(p.dials.under)
	p.look()
}

// hints fills the books of peers with peers that are nowhere, or not where it is
// said: told of by others, and some named by persons.
func (w *world) hints(r *rand.Rand, until time.Duration) {
	for _, p := range w.peers {
		dead := r.IntN([]int{5, 20, 100}[r.IntN(3)])
		if w.opt.Control == Serial && p.broken() {
			dead = 100
		}
		if r.IntN(3) == 0 || dead == 100 {
			for range dead {
				p.name(w.stranger(), w.newHost(goodNet))
				w.stats.Lies++
			}
		}
	}
	w.sometimes(r, 2*len(w.peers), until, func() {
		p, q := w.peers[r.IntN(len(w.peers))], w.peers[r.IntN(len(w.peers))]
		by := peerbook.Telling{Source: q.id, Host: q.host, Via: peerbook.World, Topic: w.places[0].ID}
		for range 1 + r.IntN(messages.MaxAddresses) {
			p.hint(w.lie(r, goodNet), by)
		}
	})
}

func (p *peer) hint(a identity.Address, by peerbook.Telling) {
	if p.up && p != p.w.byPeer[by.Source] {
		p.dials.book.Told(a, by, p.w.date())
		p.w.stats.Lies++
		p.look()
	}
}

// stranger is a key that no peer has.
func (w *world) stranger() (id identity.PeerID) {
	w.addrs++
	copy(id[:], fmt.Sprintf("stranger %d", w.addrs))
	return id
}

// lie is an address where the peer is not that it names: a stranger, or one of ours.
func (w *world) lie(r *rand.Rand, net int) identity.Address {
	a := identity.Address{Peer: w.stranger(), Host: w.newHost(net)}
	if r.IntN(4) == 0 {
		a.Peer = w.peers[r.IntN(len(w.peers))].id
	}
	if net == evilNet {
		w.evil[a.Host] = true
	}
	return a
}

// liars makes a member an attacker of address books: in its sessions it tells of
// peers that are not there, or are itself; and it comes with keys that nobody knew,
// from its nets, proves each, and answers instead of whoever is looked for
// there.
func (w *world) liars(r *rand.Rand, until time.Duration) {
	liar := w.peers[[]int{0, 2}[r.IntN(2)]]
	w.sometimes(r, 40, until, func() {
		for _, e := range liar.ends {
			number, shared := e.numbers[w.places[0].ID]
			if !shared || r.IntN(2) == 0 {
				continue
			}
			m := &messages.Peers{Topic: number}
			for range 1 + r.IntN(messages.MaxAddresses) {
				m.Addresses = append(m.Addresses, w.lie(r, []int{goodNet, evilNet}[r.IntN(2)]).String())
				w.stats.Lies++
			}
			e.do(syncer.Send{Message: m})
		}
	})
	w.sometimes(r, 50, until, func() {
		if p := w.peers[r.IntN(len(w.peers))]; p.up && p != liar {
			p.visited(r, 1+r.IntN(10))
		}
	})
}

// visited is what so many keys of an attacker do that connect, are found where they
// say they are, and go.
func (p *peer) visited(r *rand.Rand, keys int) {
	b, topic, now := p.dials.book, p.w.places[0].ID, p.w.date()
	for range keys {
		a := identity.Address{Peer: p.w.stranger(), Host: p.w.newHost(evilNet)}
		p.w.evil[a.Host] = true
		b.Told(a, peerbook.Telling{Source: a.Peer, Host: a.Host, Via: peerbook.World, Topic: topic}, now)
		b.Proved(a, now)
		b.Up(a.Peer, []identity.TopicID{topic}, now)
		b.Down(a.Peer, time.Duration(r.IntN(90))*time.Second, false, nil, now, r.Float64())
		p.w.stats.Lies++
	}
	p.look()
}

// evilAnswer is what becomes of a connection to an address that an attacker has: it
// proves a key of its own, holds a link for a while, and goes.
func (p *peer) evilAnswer(a identity.Address) error {
	if p.w.byPeer[a.Peer] != nil {
		return errOther
	}
	lasts := between(p.w.net, 0, time.Minute)
	p.dials.caught[a.Peer] = a.Host
	p.later(lasts, func() {
		delete(p.dials.caught, a.Peer)
		p.dials.book.Down(a.Peer, lasts, false, nil, p.w.date(), p.w.net.Float64())
		p.look()
	})
	return nil
}

// wrongAnswer is where the control Gullible takes somebody else's answer for proof
// that a peer is gone.
func (p *peer) wrongAnswer(id identity.PeerID, err error) {
	if err == errOther && p.w.opt.Control == Gullible && p.broken() {
		p.dials.book.Forget(id)
		delete(p.dials.keep, id)
	}
}

// nameAgain is what persons do when all is well: if neither of two peers that
// were to keep a connection knows any more where the other is, one is told.
func (w *world) nameAgain() {
	for _, g := range w.edges {
		for _, p := range []*peer{g.a, g.b} {
			q := g.other(p)
			if !g.keeps(p) || p.knows(q) || w.exchange && len(w.peers) <= peerbook.Links && q.knows(p) {
				continue
			}
			w.stats.Named++
			p.name(q.id, q.host)
		}
	}
}

// knows reports whether the book has the address at which a peer is.
func (p *peer) knows(q *peer) bool {
	if p.dials.book == nil {
		return false
	}
	e, _ := p.dials.book.Get(q.id)
	for _, x := range e.Places {
		if x.Host == q.host {
			return true
		}
	}
	return false
}

// judgeBook checks that the book forgot no peer that it had found.
func (p *peer) judgeBook() {
	for _, q := range p.w.peers {
		if _, known := p.dials.book.Get(q.id); !known && p.dials.found[q.id] {
			p.w.fail("peer %d forgot peer %d, which it had found", p.nr, q.nr)
		}
	}
}
