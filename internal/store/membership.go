// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A shownLeg is a leg under the newest head of its author that is held.
type shownLeg struct {
	roster.LegID
	l     *Log
	head  proof.Head
	begin roster.RecordProof
	last  roster.Prefix // of the roster before it, as its record 0 names that; zero for genesis
	term  bool          // it begins with a term record
}

// membership shows that a device was admitted before a position: by the newest of so many
// legs, or if it was admitted before those, by its own and those behind. It is nil if what
// is held shows nothing.
//
// Known gap: a leg of which only a part is held cannot be shown, since its head is over
// more.
func (s *Store) membership(t *Topic, device roster.Key, at roster.Position, most int) (*roster.Membership, error) {
	chain, err := s.chain(t)
	if err != nil {
		return nil, err
	}
	in := slices.IndexFunc(chain, func(l roster.LegID) bool { return l.Term == at.Term && l.Leg == at.Leg })
	if in < 0 || at.Size == 0 {
		return nil, nil
	}
	from := min(in, max(0, len(chain)-most))
	legs, in, err := s.linked(chain[from:min(from+most, len(chain))], in-from)
	if legs == nil {
		return nil, err
	}
	m := &roster.Membership{Device: device, In: uint8(in)}
	if m.Record, err = legs[in].show(s, at.Size-1); err != nil {
		return nil, err
	}
	for i := range legs {
		p, err := legs[i].prove(s, i+1 < len(legs) && !legs[i+1].term)
		if err != nil {
			return nil, err
		}
		m.Legs = append(m.Legs, p)
	}
	return m, nil
}

// linked returns those legs around one of them of which each continues the one before it
// under the very head that is held: a term record may name less of a leg, to which no head
// leads. It returns the index of that one among them, and none if it cannot be shown.
func (s *Store) linked(chain []roster.LegID, in int) (legs []shownLeg, at int, err error) {
	all := make([]shownLeg, len(chain))
	for i, id := range chain {
		ok := false
		if all[i], ok, err = s.shownLeg(id); err != nil {
			return nil, 0, err
		} else if !ok && i == in {
			return nil, 0, nil
		}
	}
	first, end := in, in+1
	for first > 0 && all[first].continues(&all[first-1]) {
		first--
	}
	for end < len(all) && all[end].continues(&all[end-1]) {
		end++
	}
	return all[first:end], in - first, nil
}

// shownLeg reads how a leg begins; false says that what is held of it cannot be shown.
func (s *Store) shownLeg(id roster.LegID) (g shownLeg, ok bool, err error) {
	g = shownLeg{LegID: id}
	if g.l, err = s.knownLog(id.Log); err != nil || g.l == nil {
		return g, false, err
	}
	now := g.l.Whole() // what a term record leaves of it has no head, as a rule
	if g.head, err = g.l.Head(now); err != nil {
		return g, false, err
	}
	if now.Size == 0 || g.head.Size != now.Size {
		return g, false, nil
	}
	if g.begin, err = g.show(s, 0); err != nil {
		return g, false, err
	}
	r, err := roster.Decode("xf/begin", g.begin.Body)
	if b, begins := r.(*roster.Begin); err == nil && begins && g.begin.Type == roster.ProvesBegin {
		g.last, g.term = b.Last(), b.Term != nil
	}
	return g, true, nil
}

// continues reports whether g is shown to continue a leg.
func (g *shownLeg) continues(before *shownLeg) bool {
	if g.l == nil || before.l == nil {
		return false
	}
	return g.last == roster.Prefix{Log: before.Log, Size: before.head.Size, Root: before.head.Root} && g.last.Size > 0
}

// prove returns the proof of a leg, with its last record if it was handed over.
func (g *shownLeg) prove(s *Store, handedOver bool) (roster.LegProof, error) {
	p := roster.LegProof{
		Author: g.Author, Term: g.Term, Leg: g.Leg, Begin: g.begin,
		Head: roster.Head{Size: g.head.Size, Root: g.head.Root, Sig: g.head.Sig},
	}
	if !handedOver {
		return p, nil
	}
	h, err := g.show(s, g.head.Size-1)
	p.Handover = &h
	return p, err
}

// proves are the types of records that a certificate shows.
var proves = map[string]uint8{
	"xf/genesis": roster.ProvesGenesis, "xf/begin": roster.ProvesBegin, "xf/admit": roster.ProvesAdmit,
	"xf/device": roster.ProvesDevice, "xf/handover": roster.ProvesHandover,
}

// errShown is returned for a record that no certificate shows.
var errShown = errors.New("a record that no certificate shows")

// show returns a record of a leg with its inclusion proof.
func (g *shownLeg) show(s *Store, seq uint64) (p roster.RecordProof, err error) {
	raw, err := s.rawRecord(g.l, seq)
	if err != nil {
		return p, err
	}
	p = roster.RecordProof{Type: proves[raw.Type], Seq: seq, Time: uint64(raw.Time), Body: raw.Body}
	if p.Type == 0 {
		return p, fmt.Errorf("%w: %s, record %d of log %s", errShown, raw.Type, seq, g.Log.Short())
	}
	p.Hashes, err = s.inclusionIn(g.l, g.l.Whole(), seq, g.head.Size)
	return p, err
}
