// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Whom a peer dials, where and when, is the real address book's to say; what
// package mesh does around it is modelled here.

// dials is a peer's address book and what is under way by it.
type dials struct {
	book   *peerbook.Book
	rows   map[identity.PeerID][]byte // as they are on the disk,
	keep   map[identity.PeerID]string // and what a person named
	found  map[identity.PeerID]bool   // peers that were on the disk since the start
	under  map[identity.PeerID]*attempt
	probed map[identity.PeerID]string
	caught map[identity.PeerID]string // attackers that were dialed, and hold a link
	lookAt time.Duration              // when the book is asked next; 0: not before something happens

	told    uint64 // version of the book that sessions told,
	toldAt  time.Duration
	telling bool // or soon will
}

// An attempt is a peer that is being dialed.
type attempt struct {
	since time.Duration
	named bool
	slow  bool // it holds no slot any more
	probe bool // only to know whether it is there
	over  bool
}

var (
	errSilent = errors.New("nobody answers")
	errOther  = errors.New("somebody else answers")
	errClosed = errors.New("nobody listens")
)

// lookPause is how long a peer takes until it asks its book again.
const lookPause = 20 * time.Millisecond

// date is the clock of address books.
func (w *world) date() time.Time { return time.Unix(1_700_000_000, 0).Add(w.now) }

// openBook begins with what is on the disk and what persons named.
func (p *peer) openBook() {
	p.dials = dials{
		book: peerbook.New(p.id), rows: p.dials.rows, keep: p.dials.keep,
		found: map[identity.PeerID]bool{}, toldAt: -tellEvery,
		under: map[identity.PeerID]*attempt{}, probed: map[identity.PeerID]string{}, caught: map[identity.PeerID]string{},
	}
	for _, id := range inOrder(p.dials.rows) {
		p.dials.found[id] = true
		if err := p.dials.book.Load(id, p.dials.rows[id]); err != nil {
			p.w.fail("peer %d cannot read its address book: %v", p.nr, err)
		}
	}
	for _, id := range inOrder(p.dials.keep) {
		p.dials.book.Keep(identity.Address{Peer: id, Host: p.dials.keep[id]})
	}
	p.later(between(p.w.net, 0, time.Second), p.look)
}

func inOrder[V any](m map[identity.PeerID]V) []identity.PeerID {
	return slices.SortedFunc(maps.Keys(m), func(x, y identity.PeerID) int { return bytes.Compare(x[:], y[:]) })
}

// saveBook writes what changed in the book.
func (p *peer) saveBook() {
	if p.dials.rows == nil {
		p.dials.rows = map[identity.PeerID][]byte{}
	}
	if p.dials.book == nil {
		return
	}
	for id, row := range p.dials.book.Changes() {
		if row == nil {
			delete(p.dials.rows, id)
			continue
		}
		p.dials.rows[id], p.dials.found[id] = row, true
	}
}

// name is what a person does who tells p where a peer is.
func (p *peer) name(id identity.PeerID, host string) {
	p.dials.keep[id] = host
	if p.up && p.dials.book != nil {
		p.dials.book.Keep(identity.Address{Peer: id, Host: host})
		p.look()
	}
}

// look asks the book soon.
func (p *peer) look() { p.lookIn(0) }

func (p *peer) lookIn(d time.Duration) {
	at := p.w.now + max(d, lookPause)
	if p.dials.lookAt > p.w.now && p.dials.lookAt <= at {
		return
	}
	p.dials.lookAt = at
	p.later(at-p.w.now, func() {
		if p.dials.lookAt == at {
			p.dials.lookAt = 0
			p.plan()
		}
	})
}

// plan dials whom the book says, and looks again when it says (Mesh.plan).
func (p *peer) plan() {
	plan := p.dials.book.Plan(p.view())
	for _, d := range plan.Dial {
		if p.serial() && len(p.dials.under) > 0 {
			break
		}
		p.dial(d)
	}
	next := plan.Next
	if soon := p.w.date().Add(peerbook.Fresh); len(plan.Dial) > 0 && (next.IsZero() || soon.Before(next)) {
		next = soon
	}
	if !next.IsZero() {
		p.lookIn(next.Sub(p.w.date()))
	}
}

// serial reports whether the control Serial dials for this peer.
func (p *peer) serial() bool { return p.w.opt.Control == Serial && p.broken() }

// view is what the book has to know to plan (Mesh.view).
func (p *peer) view() peerbook.View {
	v := peerbook.View{Now: p.w.date(), Nets: map[peerbook.Net]int{}, Rnd: p.w.net.Float64, Links: p.linksOf}
	connected := map[identity.PeerID]bool{}
	for _, e := range p.ends {
		connected[e.other.p.id] = true
		if e.dialer {
			v.Outgoing[column(p.dials.book.Named(e.other.p.id))]++
			v.Nets[peerbook.NetOf(e.remote)]++
		}
	}
	for id, host := range p.dials.caught {
		connected[id] = true
		v.Outgoing[column(p.dials.book.Named(id))]++
		v.Nets[peerbook.NetOf(host)]++
	}
	fresh := func(a *attempt) bool { return p.w.now-a.since < peerbook.Fresh }
	for _, a := range p.dials.under {
		if a.probe {
			continue
		}
		if !a.slow {
			v.Dialing[column(a.named)]++
		}
		if fresh(a) {
			v.Outgoing[column(a.named)]++
		}
	}
	v.Busy = func(id identity.PeerID) bool { return connected[id] || p.dials.under[id] != nil }
	v.Fresh = func(id identity.PeerID) bool { a := p.dials.under[id]; return a != nil && fresh(a) }
	return v
}

func column(named bool) int {
	if named {
		return 0
	}
	return 1
}

// linksOf returns how many sessions share a topic, or -1 if the peer is not in it.
func (p *peer) linksOf(topic digest.Hash) (n int) {
	if t := p.w.place(topic); t == nil || !p.in[t] {
		return -1
	}
	for _, e := range p.ends {
		if _, shared := e.numbers[topic]; shared {
			n++
		}
	}
	return n
}

// dial tries a place for as long as the plan says, but holds a slot for SlotTime
// only.
func (p *peer) dial(d peerbook.Dial) {
	a := &attempt{since: p.w.now, named: d.Named}
	p.dials.under[d.Peer] = a
	took, q := p.answerAt(d.Address)
	if d.Try = max(d.Try, 0); p.serial() {
		d.Try = peerbook.LongTry
	}
	if q == nil && took == 0 || took > d.Try {
		took = d.Try
	}
	if took > peerbook.SlotTime && !p.serial() {
		p.later(peerbook.SlotTime, func() { p.slowDown(d, a) })
	}
	p.later(took, func() { p.dialed(d, a) })
}

// slowDown takes the slot from an attempt, and ends it if too many are slow.
func (p *peer) slowDown(d peerbook.Dial, a *attempt) {
	slow := 0
	for _, x := range p.dials.under {
		if x.slow {
			slow++
		}
	}
	if a.slow = true; slow >= peerbook.SlowSlots {
		p.dialed(d, a)
	}
	p.look()
}

// answerAt returns who is at an address, and how long a connection to it takes; 0
// and nobody if there is no answer.
func (p *peer) answerAt(a identity.Address) (took time.Duration, q *peer) {
	if p.w.evil[a.Host] {
		return 100 * time.Millisecond, nil
	}
	q = p.w.hosts[a.Host]
	if q == nil {
		return 0, nil
	}
	g := p.edgeTo(q)
	if g.blockedFrom(p) || g.blockedFrom(q) {
		return 0, nil
	}
	return 2 * g.latency, q
}

// edgeTo returns the way to another peer, which is made if there is none.
func (p *peer) edgeTo(q *peer) *edge {
	for _, g := range p.w.edges {
		if g.a == p && g.b == q || g.a == q && g.b == p {
			return g
		}
	}
	return p.w.link(p.w.moving, p, q, false)
}

// dialed is the end of an attempt (Mesh.dialed).
func (p *peer) dialed(d peerbook.Dial, a *attempt) {
	if a.over {
		return
	}
	a.over = true
	delete(p.dials.under, d.Peer)
	err := p.connected(d.Address)
	if err != nil {
		p.w.note("peer %d does not reach %s: %v", p.nr, d.Address, err)
		p.dials.book.Failed(d.Address, err, p.w.date(), p.w.net.Float64())
		p.wrongAnswer(d.Peer, err)
	} else {
		p.dials.book.Proved(d.Address, p.w.date())
	}
	p.judgeBook()
	p.tellSoon()
	p.look()
}

// connected connects to the peer that is at an address by now.
func (p *peer) connected(a identity.Address) error {
	if p.w.evil[a.Host] {
		return p.evilAnswer(a)
	}
	_, q := p.answerAt(a)
	switch {
	case q == nil:
		return errSilent
	case q.id != a.Peer:
		return errOther
	case !q.up:
		return errClosed
	}
	g := p.edgeTo(q)
	if !p.admits(g, p) || !q.admits(g, p) {
		if p.endOf(g) != nil {
			return nil // it is there, and connected to us first
		}
		return errClosed
	}
	p.w.connect(g, p, q)
	return nil
}

// shares takes note of topics that a session shares from now on (Mesh.Shares).
func (p *peer) shares(e *end, o syncer.Shared) {
	var topics []digest.Hash
	for _, t := range o.Topics {
		topics = append(topics, t.ID)
	}
	p.dials.book.Up(e.other.p.id, topics, p.w.date())
	p.saveBook()
	p.tellSoon()
	e.tellPeers()
}

// ended takes note of a session that ended (Mesh.Gone).
func (p *peer) ended(e *end) {
	if p.endOf(e.edge) == nil {
		p.dials.book.Down(e.other.p.id, p.w.now-e.since, false, nil, p.w.date(), p.w.net.Float64())
		delete(p.dials.probed, e.other.p.id)
	}
	p.look()
}
