// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Pauses before a peer is dialed again.
const (
	BackoffBase = 200 * time.Millisecond
	BackoffCap  = 5 * time.Minute
	ReturnCap   = 15 * time.Second // where a peer was here within ReturnTime: with a try beside it, it is back within 30 seconds
	ReturnTime  = time.Hour
	HerePause   = 10 * time.Second // after trouble on this side, which no peer is to blame for
	Steady      = 5 * time.Second  // a session that lasted as long was no failure

	shortFailures = 3 // what a session that did not last and gave nothing counts as
)

// Proved says that a connection to an address proved its peer.
func (b *Book) Proved(a identity.Address, now time.Time) {
	if a.Peer == b.self {
		return
	}
	p := Place{Host: a.Host, Source: a.Peer}.withNet()
	e := b.peers[a.Peer]
	if e == nil {
		e = &Entry{Peer: a.Peer, heard: now}
	}
	e.place(p, true)
	i := slices.IndexFunc(e.Places, func(p Place) bool { return p.Host == a.Host })
	if p = e.Places[i]; p.Public && !p.MayKeep() {
		b.version++
	}
	p.Proven, p.tries = now, 0
	p.rehabilitate()
	e.Places = slices.Insert(slices.Delete(e.Places, i, i+1), 0, p)
	e.schedule()
	if b.admitTried(e, now) || b.peers[a.Peer] != nil || b.admitNew(e, now) {
		b.peers[a.Peer] = e
		b.changed[a.Peer] = true
	}
}

// Up says that a session with a peer began, and which topics it proved to
// share. Peers that connected to us and told no address are not remembered.
func (b *Book) Up(p identity.PeerID, topics []digest.Hash, now time.Time) {
	e := b.peers[p]
	if e == nil {
		return
	}
	for _, t := range topics {
		if !slices.Contains(e.Topics, t) && len(e.Topics) < MaxTopics {
			e.Topics = append(e.Topics, t)
			b.version++
		}
	}
	e.Seen = now
	e.hurry()
	b.changed[p] = true
}

// Down says that a session that lasted so long has ended, and with what error; gave says
// that it brought something that was not here. The peer may be dialed again after a pause,
// which a session that lasted makes short again, and one that gave: the way there may carry
// only so much at a time. rnd is in [0, 1).
func (b *Book) Down(p identity.PeerID, lasted time.Duration, gave bool, why error, now time.Time, rnd float64) {
	e := b.peers[p]
	if e == nil {
		return
	}
	switch {
	case gave, lasted >= time.Minute:
		e.Failures = 0
	case lasted < Steady:
		e.Failures = max(e.Failures+1, shortFailures)
	default:
		e.Failures /= 2
	}
	e.Seen, e.LastError, e.Erred, e.Missed = now, errText(why), now, false
	e.rest = now.Add(Pause(e.Failures, rnd))
	e.schedule()
	b.changed[p] = true
}

// Interrupted says that a session, or an attempt to dial, ended by trouble on this
// side. It counts nothing against the peer, nor any of its places; it is dialed
// again after a pause, in which the trouble may have gone.
func (b *Book) Interrupted(p identity.PeerID, why error, now time.Time) {
	e := b.peers[p]
	if e == nil {
		return
	}
	e.LastError, e.Erred, e.Missed, e.rest = errText(why), now, false, now.Add(HerePause)
	e.schedule()
	b.changed[p] = true
}

// Failed says that dialing an address failed. A pause follows, of that place alone:
// the peer's other places are tried when their turn comes, so that false hints, of which
// there may be any number, do not hold up the place where the peer is. That somebody else answered, or nobody, is no proof that the peer is
// gone: a place where it was found, or that a person named, is only put behind the
// others. One that was never proven is dropped after some tries, and so is a peer
// without any other.
func (b *Book) Failed(a identity.Address, why error, now time.Time, rnd float64) {
	e := b.peers[a.Peer]
	if e == nil {
		return
	}
	e.Failures++
	e.LastError, e.Erred, e.Missed = errText(why), now, true
	b.changed[a.Peer] = true
	i := slices.IndexFunc(e.Places, func(p Place) bool { return p.Host == a.Host })
	if i < 0 {
		return
	}
	p := &e.Places[i]
	p.tries++
	p.failed++
	pause := Pause(p.failed, rnd)
	if p.MayKeep() && now.Sub(e.Seen) < ReturnTime {
		pause = min(pause, ReturnCap)
	}
	p.next = now.Add(pause)
	if !p.MayKeep() && !e.named(*p) && p.tries >= maxTries {
		e.Places = slices.Delete(e.Places, i, i+1)
	}
	if e.schedule(); len(e.Places) == 0 {
		b.Forget(a.Peer)
	}
}

// schedule puts the places in the order in which they are dialed, that one first whose
// turn came first, and says when the first one may be.
func (e *Entry) schedule() {
	slices.SortStableFunc(e.Places, func(x, y Place) int { return x.next.Compare(y.next) })
	if e.Next = e.rest; len(e.Places) > 0 && e.Places[0].next.After(e.rest) {
		e.Next = e.Places[0].next
	}
}

// rehabilitate lets a place be dialed at once, whatever failed before.
func (p *Place) rehabilitate() { p.failed, p.next = 0, time.Time{} }

// hurry lets a peer be dialed at once, at any place.
func (e *Entry) hurry() {
	e.rest = time.Time{}
	for i := range e.Places {
		e.Places[i].rehabilitate()
	}
	e.schedule()
}

// Hurry says that the network may be another one: what failed in the one before
// says nothing, and everybody may be dialed at once.
func (b *Book) Hurry() {
	for _, e := range b.peers {
		e.Failures = 0
		e.hurry()
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	return strings.ToValidUTF8(s[:min(len(s), MaxErrText)], "")
}

// Pause is how long to wait after so many failures: doubled each time up to
// BackoffCap, less up to 30 % by rnd in [0, 1).
func Pause(failures int, rnd float64) time.Duration {
	d := BackoffCap
	if failures < 12 {
		d = min(BackoffBase<<failures, BackoffCap)
	}
	return d - time.Duration(rnd*0.3*float64(d))
}

// Unproven returns a place at which the peer asked to be found and nobody
// found it yet.
func (b *Book) Unproven(p identity.PeerID) (Target, bool) {
	if e := b.peers[p]; e != nil {
		for _, x := range e.Places {
			if x.Public && !x.MayKeep() {
				return x.target(p), true
			}
		}
	}
	return Target{}, false
}

// Version changes whenever Tell may say something else.
func (b *Book) Version() uint64 { return b.version }

// Tell returns what may be told to a peer of a topic that is connected over scope
// via: at most limit places of other peers of the topic, those seen last first.
func (b *Book) Tell(to identity.PeerID, via Scope, topic digest.Hash, limit int) []identity.Address {
	var all []*Entry
	for id, e := range b.peers {
		if id != to && slices.Contains(e.Topics, topic) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y *Entry) int {
		if c := y.Seen.Compare(x.Seen); c != 0 {
			return c
		}
		return bytes.Compare(x.Peer[:], y.Peer[:])
	})
	var told []identity.Address
	for _, e := range all {
		for _, p := range e.Places {
			if p.MayTell(via) && len(told) < limit {
				told = append(told, identity.Address{Peer: e.Peer, Host: p.Host})
			}
		}
	}
	return told
}
