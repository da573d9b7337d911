// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// Proved says that a connection to an address proved its peer.
func (b *Book) Proved(a identity.Address, now time.Time) {
	if a.Peer == b.self || b.peers[a.Peer] == nil && !b.room() {
		return
	}
	e := b.entry(a.Peer)
	e.place(Place{Host: a.Host}, true)
	for i, p := range e.Places {
		if p.Host != a.Host {
			continue
		}
		if p.Public && p.Proven.IsZero() {
			b.version++
		}
		p.Proven = now
		e.Places = slices.Insert(slices.Delete(e.Places, i, i+1), 0, p)
		break
	}
	b.changed[a.Peer] = true
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
	e.Seen, e.Next = now, time.Time{}
	b.changed[p] = true
}

// Down says that a session that lasted so long has ended, and with what error.
// The peer may be dialed again after a pause, which a session that lasted makes
// short again; rnd is in [0, 1).
func (b *Book) Down(p identity.PeerID, lasted time.Duration, why error, now time.Time, rnd float64) {
	e := b.peers[p]
	if e == nil {
		return
	}
	switch {
	case lasted < Steady:
		e.Failures = max(e.Failures+1, shortFailures)
	case lasted >= time.Minute:
		e.Failures = 0
	default:
		e.Failures /= 2
	}
	e.Seen, e.LastError = now, errText(why)
	e.Next = now.Add(Pause(e.Failures, rnd))
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
	e.LastError, e.Next = errText(why), now.Add(HerePause)
	b.changed[p] = true
}

// Failed says that dialing an address failed. Another of the peer's places is
// tried next. A place that was never proven, and a peer without any other, are
// dropped after some tries, or at once where another peer was found there.
func (b *Book) Failed(a identity.Address, why error, elsewhere bool, now time.Time, rnd float64) {
	e := b.peers[a.Peer]
	if e == nil {
		return
	}
	e.Failures++
	e.LastError = errText(why)
	e.Next = now.Add(Pause(e.Failures, rnd))
	b.changed[a.Peer] = true
	i := slices.IndexFunc(e.Places, func(p Place) bool { return p.Host == a.Host })
	if i < 0 {
		return
	}
	p := e.Places[i]
	e.Places = slices.Delete(e.Places, i, i+1)
	byPerson := p.Source == identity.PeerID{}
	if byPerson && e.Kept && !(elsewhere && a.Unnamed()) || !elsewhere && (!p.Proven.IsZero() || e.Failures < maxTries) {
		e.Places = append(e.Places, p)
	}
	if len(e.Places) == 0 {
		b.Forget(a.Peer)
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

// A Plan says whom to dial now, and when to look again; zero: not before
// something changes.
type Plan struct {
	Dial []identity.Address
	Next time.Time
}

// Plan chooses whom to dial: every peer that is kept, and of the others so many
// that with outgoing there are links. Those that busy says are connected or
// being dialed are passed over. Proven places come before hints, fewer failures
// before more, and then rnd decides, so that not all choose the same.
func (b *Book) Plan(now time.Time, busy func(identity.PeerID) bool, outgoing, links int, rnd func() float64) Plan {
	var p Plan
	var others []candidate
	for id, e := range b.peers {
		if busy(id) || len(e.Places) == 0 {
			continue
		}
		if !e.Kept {
			others = append(others, candidate{e, rnd()})
			continue
		}
		p.add(e, now)
	}
	slices.SortFunc(others, candidate.compare)
	for _, c := range others {
		if outgoing >= links {
			break
		}
		if p.add(c.e, now) {
			outgoing++
		}
	}
	return p
}

// add plans a peer, now or when its pause ends.
func (p *Plan) add(e *Entry, now time.Time) bool {
	if wait := e.Next.Sub(now); wait <= 0 || wait > BackoffCap { // the clock was put back
		p.Dial = append(p.Dial, identity.Address{Peer: e.Peer, Host: e.Places[0].Host})
		return true
	}
	if p.Next.IsZero() || e.Next.Before(p.Next) {
		p.Next = e.Next
	}
	return false
}

type candidate struct {
	e   *Entry
	rnd float64
}

func (c candidate) compare(d candidate) int {
	if x, y := c.e.proven(), d.e.proven(); x != y {
		if x {
			return -1
		}
		return 1
	}
	if c.e.Failures != d.e.Failures {
		return c.e.Failures - d.e.Failures
	}
	if c.rnd < d.rnd {
		return -1
	}
	return 1
}

// Unproven returns a place at which the peer asked to be found and nobody
// looked yet, nor lately in vain.
func (b *Book) Unproven(p identity.PeerID, now time.Time) (identity.Address, bool) {
	e := b.peers[p]
	if e == nil {
		return identity.Address{}, false
	}
	for _, x := range e.Places {
		if x.Public && x.Proven.IsZero() {
			return identity.Address{Peer: p, Host: x.Host}, true
		}
	}
	return identity.Address{}, false
}

// Version changes whenever Tell may say something else.
func (b *Book) Version() uint64 { return b.version }

// Tell returns what may be told to a peer of a topic: at most limit proven
// places of other peers of the topic that chose to be found, those seen last
// first.
func (b *Book) Tell(to identity.PeerID, topic digest.Hash, limit int) []identity.Address {
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
			if p.Public && !p.Proven.IsZero() && len(told) < limit {
				told = append(told, identity.Address{Peer: e.Peer, Host: p.Host})
			}
		}
	}
	return told
}
