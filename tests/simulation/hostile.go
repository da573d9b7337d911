// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Hostile authors write records that break a rule, at any place of their logs,
// and go on behind them as if nothing were. Their own stores hold all of it and
// serve it; everybody else is to end the log before the first of them.

// badCases returns the records that close a log of a kind under a policy, those
// of one reason together.
func badCases(kind identity.LogKind, policy identity.Policy) (byReason [][]eventtest.Case) {
	var all []eventtest.Case
	sealed := policy.Has(identity.PolicySealed)
	erasable := policy.Has(identity.PolicyErasable) && !sealed
	for _, c := range eventtest.Cases() {
		ours := c.Kind == uint8(kind) && (kind != identity.KindData || c.Sealed == sealed && c.Erasable == erasable)
		if ours && c.Reason != 0 && !c.Refused && c.Raw.Flags&1 == 0 && c.Name != "to itself" {
			all = append(all, c)
		}
	}
	if kind == identity.KindRoster {
		all = append(all,
			eventtest.Case{Raw: eventtest.Raw{Type: "xf/answer", Payload: make([]byte, 39)}, Reason: uint8(event.BadBody)},
			eventtest.Case{Raw: eventtest.Raw{Type: "xf/nothing"}, Reason: uint8(event.BadBody)},
		)
	} else if policy == identity.PolicyOpen {
		all = append(all, eventtest.Case{Name: "to itself", Raw: eventtest.Raw{Type: "t", Flags: event.FlagRefs, Count: 1}, Reason: uint8(event.BadRefs)})
	}
	slices.SortStableFunc(all, func(x, y eventtest.Case) int { return cmp.Compare(x.Reason, y.Reason) })
	for i, c := range all {
		if i == 0 || c.Reason != all[i-1].Reason {
			byReason = append(byReason, nil)
		}
		last := &byReason[len(byReason)-1]
		*last = append(*last, c)
	}
	return byReason
}

// bad returns a record that breaks a rule behind one of a time, and which.
func (a *author) bad(r *rand.Rand, before int64, size int) ([]byte, event.Reason) {
	byReason := badCases(a.info.Kind, a.at.Policy)
	all := byReason[r.IntN(len(byReason))]
	c := all[r.IntN(len(all))]
	reason, raw := event.Reason(c.Reason), c.Raw
	switch raw.Time = uint64(before); {
	case reason == event.BadTime && before == 0:
		raw.Flags, reason = 64, event.BadFlag
	case reason == event.BadTime:
		raw.Time = uint64(r.Int64N(before))
	case c.Name == "to itself":
		raw.Refs = append(append([]byte(nil), a.info.Log[:event.ShortBytes]...), 1)
	}
	if reason != event.BadPayload && reason != event.BadBody {
		raw.Payload = append(append([]byte(nil), raw.Payload...), make([]byte, size)...)
	}
	return raw.Record(), reason
}

// misfounding returns a record that is well formed and not what a roster has to
// have at its sequence 0 or 1.
func (a *author) misfounding(r *rand.Rand, seq int) roster.Record {
	first := a.founding()
	other := *a.at.genesis
	other.Salt[0]++
	wrong := []roster.Record{first[1-seq], &roster.Founding{Body: other.Append(nil)}, &roster.Answer{Log: a.info.Log, Size: 1}}
	if seq == 1 {
		admit := first[1].(*roster.Admit)
		forged, demoted := *admit, *admit
		forged.Card.AccountSig[0] ^= 1
		demoted.Role = roster.Admin
		wrong = append(wrong, &forged, &demoted)
	}
	return wrong[r.IntN(len(wrong))]
}

// good returns a record as an honest author writes it.
func (a *author) good(r *rand.Rand, ms int64, seq uint64, size int) ([]byte, error) {
	text := fmt.Sprintf("%d of peer %d ", seq, a.p.nr)
	if a.info.Kind == identity.KindRoster {
		return rosterRecord(&roster.Answer{Log: a.info.Log, Size: seq + 1}, ms)
	}
	e, flags := event.Event{Type: "t", Payload: append([]byte(text), make([]byte, size)...)}, uint8(0)
	switch {
	case a.at.Policy.Has(identity.PolicySealed):
		if flags = event.FlagSealedPayload; r.IntN(2) == 0 {
			e.Type, flags = "", flags|event.FlagSealedHeader
		}
		return event.AppendRecord(nil, e, ms, flags)
	case a.at.Policy.Has(identity.PolicyErasable):
		e.Payload, flags = event.Salted([event.SaltBytes]byte{1}, e.Payload), event.FlagSalted
	}
	if r.IntN(4) == 0 {
		e.ID = event.ID{1, byte(seq), byte(seq >> 8), byte(a.p.nr)}
	}
	if r.IntN(4) == 0 {
		e.Refs = []event.Ref{{Log: [event.ShortBytes]byte{7, byte(r.IntN(256))}, Size: 1 + r.Uint64N(1<<40)}}
	}
	return event.AppendRecord(nil, e, ms, flags)
}

// hostiles makes some peers hostile authors, each from some time on: one of a
// few, or those beside the peer that the control Lenient breaks. Peer 1 is not
// one, for it is the one that controls break.
func (w *world) hostiles(r *rand.Rand, until time.Duration) {
	sure := w.peers[[]int{0, 2}[r.IntN(2)]]
	for _, p := range w.peers {
		beside := w.opt.Control == Lenient && p.linked(w.peers[1])
		if p.nr != 1 && (p == sure || beside || r.IntN(5) == 0) {
			w.after(between(r, 0, until), func() { p.spoil = 1 + r.IntN([]int{3, 12, 100}[r.IntN(3)]) })
			p.misfounds = r.IntN(2) == 0
		}
	}
	w.sometimes(r, 6*len(w.peers), until, func() {
		switch p := w.peers[r.IntN(len(w.peers))]; {
		case p.spoil == 0:
		case r.IntN(20) == 0:
			p.bulk(r)
		default:
			p.write(r, 1+r.IntN(3))
		}
	})
}

// linked reports whether there is a link between two peers.
func (p *peer) linked(q *peer) bool {
	return slices.ContainsFunc(p.w.edges, func(g *edge) bool { return g.a == p && g.b == q || g.a == q && g.b == p })
}

// spoils reports whether the next record is to break a rule.
func (a *author) spoils() bool {
	return a.p.spoil > 0 && a.p.w.hostile.IntN(a.p.spoil) == 0
}

// strays reports whether the peer holds more of a log of its own in a topic than
// counts: it never agrees with others there.
func (p *peer) strays(t *place) bool {
	for _, a := range p.w.bad {
		if a.p == p && a.at == t && a.beyond() {
			return true
		}
	}
	return false
}

// beyond reports whether the author holds more of its log than counts.
func (a *author) beyond() bool {
	l, h := a.p.st.logs[a.info.Log], a.p.w.truth[a.info.Log]
	return l != nil && h.bad != 0 && l.Size() > h.end
}

// strange reports whether two peers cannot agree on a topic.
func (t *place) strange(p, q *peer) bool { return p.strays(t) || q.strays(t) }

// strange reports whether the two ends cannot agree on some topic.
func (e *end) strange() bool {
	return slices.ContainsFunc(e.w.bad, func(a *author) bool { return (a.p == e.p || a.p == e.other.p) && a.beyond() })
}

// repent makes the peer a store that ends its own logs where everybody does. It
// is stopped, and forgets whom it agreed with.
func (p *peer) repent() {
	p.w.note("peer %d repents", p.nr)
	for _, a := range p.authors {
		l, h := p.st.logs[a.info.Log], p.w.truth[a.info.Log]
		if h.bad == 0 || l == nil || l.Size() <= h.end {
			continue
		}
		if err := l.Cut(h.end); err != nil {
			p.w.fail("%v", err)
		}
		l.info.Ends, l.info.End, l.why = true, h.end, h.bad
		p.held[a.info.Log] = h.end
	}
	p.spoil = 0
	for _, t := range p.w.places {
		p.st.room(t.ID).memory = newMemory()
	}
	p.save()
}
