// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Peers of a topic tell each other where they are and where they found others, as
// package mesh does.
const (
	tellSoon  = 200 * time.Millisecond // after the book changed
	tellEvery = 10 * time.Second       // at most

	exchangePeers = 12 // that a world has at most in which peers do
)

// tellSoon makes all sessions tell their peers what changed in the book.
func (p *peer) tellSoon() {
	d := &p.dials
	if !p.w.exchange || d.telling || d.told == d.book.Version() {
		return
	}
	d.telling = true
	p.later(max(tellSoon, tellEvery-(p.w.now-d.toldAt)), func() {
		d.telling, d.told, d.toldAt = false, d.book.Version(), p.w.now
		for _, e := range p.ends {
			e.tellPeers()
		}
	})
}

// tellPeers tells the peer of others, if there is news.
func (e *end) tellPeers() {
	if !e.w.exchange || e.gone {
		return
	}
	for _, t := range e.w.places {
		if number, shared := e.numbers[t.ID]; shared {
			e.tellOf(number, t.ID)
		}
	}
}

func (e *end) tellOf(number uint32, topic digest.Hash) {
	texts := []string{identity.Address{Peer: e.p.id, Host: e.p.host}.String()}
	for _, a := range e.p.dials.book.Tell(e.other.p.id, peerbook.World, topic, messages.MaxAddresses-1) {
		texts = append(texts, a.String())
	}
	if !slices.Equal(texts, e.told[topic]) {
		e.told[topic] = texts
		e.do(syncer.Send{Message: &messages.Peers{Topic: number, Addresses: texts}})
	}
}

// hearPeers puts what a peer told into the book, as hints (Mesh.Told).
func (e *end) hearPeers(o syncer.Peers) {
	p, news := e.p, false
	by := peerbook.Telling{Source: e.other.p.id, Host: e.remote, Via: peerbook.World, Topic: o.Topic}
	for _, text := range o.Addresses {
		a, err := identity.ParseAddress(text)
		if err != nil || identity.CheckHost(a.Host) != nil {
			p.w.fail("peer %d is told %q: %v", p.nr, text, err)
			return
		}
		news = p.dials.book.Told(a, by, p.w.date()) || news
	}
	p.tellSoon()
	p.probe(by.Source)
	if news {
		p.look()
	}
}

// probe finds out whether a connected peer is where it wants to be found (Mesh.probe).
func (p *peer) probe(id identity.PeerID) {
	d := &p.dials
	t, ok := d.book.Unproven(id)
	if !ok || d.probed[id] == t.Host || d.under[id] != nil {
		return
	}
	d.probed[id] = t.Host
	a := &attempt{since: p.w.now, probe: true}
	d.under[id] = a
	took, _ := p.answerAt(t.Address)
	if took == 0 {
		took = peerbook.SlotTime
	}
	p.later(took, func() {
		delete(d.under, id)
		if _, q := p.answerAt(t.Address); q != nil && q.id == id && q.up {
			d.book.Proved(t.Address, p.w.date())
			p.provedAgain(q)
			p.tellSoon()
		}
		p.look()
	})
}

// provedAgain takes note that a peer is where it said.
func (p *peer) provedAgain(q *peer) {
	e := p.endOf(p.edgeTo(q))
	if e == nil {
		return
	}
	var topics []digest.Hash
	for _, t := range p.w.places {
		if _, shared := e.numbers[t.ID]; shared {
			topics = append(topics, t.ID)
		}
	}
	p.dials.book.Up(q.id, topics, p.w.date())
}
