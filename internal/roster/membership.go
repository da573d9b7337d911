// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// verify checks a membership against what a peer holds. A device that does not
// belong by that, and shows no later position, was removed, whether it knows it or not:
// in another term it may belong.
func (m *Membership) verify(s *State) error {
	if err := m.verifyShown(s); err != nil {
		return err
	}
	last := &m.Legs[len(m.Legs)-1]
	at := Position{last.Term, last.Leg, last.Head.Size}
	if s.devices.at(m.Device).Belongs || at.Compare(s.Position()) > 0 {
		return nil
	}
	return fmt.Errorf("%w: device %s at %v, which shows %v", ErrRemoved, m.Device.Short(), s.Position(), at)
}

// verifyShown checks that all that is shown is as its authors signed it.
func (m *Membership) verifyShown(s *State) error {
	for i := range m.Legs {
		if err := m.verifyLeg(s, i); err != nil {
			return fmt.Errorf("%w: leg %d of it: %w", ErrCertificate, i, err)
		}
	}
	r, err := m.Record.record(s.topic, &m.Legs[m.In])
	if err != nil {
		return fmt.Errorf("%w: admission: %w", ErrCertificate, err)
	}
	switch r := r.(type) {
	case *Admit:
		if r.Card.Card.Device == m.Device && r.Card.Verify(s.topic) {
			return nil
		}
	case *AddDevice:
		if r.Device.Card.Device == m.Device && r.Device.Verify(s.topic) {
			return nil
		}
	}
	return fmt.Errorf("%w: the record shown does not admit device %s", ErrCertificate, m.Device.Short())
}

// verifyLeg checks a leg: its author's signature, and how it continues the leg
// before it, or the roster of the peer.
func (m *Membership) verifyLeg(s *State, i int) error {
	l := &m.Legs[i]
	log := LegLog(s.topic, l.Author, l.Term, l.Leg)
	if err := (proof.Head{Log: log, Size: l.Head.Size, Root: l.Head.Root, Sig: l.Head.Sig}).Verify(l.Author[:]); err != nil {
		return err
	}
	r, err := l.Begin.record(s.topic, l)
	if err != nil {
		return err
	}
	if l.Begin.Seq != 0 {
		return fmt.Errorf("it begins at sequence %d", l.Begin.Seq)
	}
	if f, ok := r.(*Founding); ok {
		if i > 0 || l.Term != 0 || l.Leg != 0 || !bytes.Equal(f.Body, s.body) || l.Author != Key(s.genesis.Steward) {
			return fmt.Errorf("genesis begins another leg")
		}
		return nil
	}
	b, ok := r.(*Begin)
	if !ok {
		return fmt.Errorf("record 0 is %s", r.Type())
	}
	return m.verifyBegin(s, i, b)
}

// verifyBegin checks that leg i may continue what b says.
func (m *Membership) verifyBegin(s *State, i int, b *Begin) error {
	l := &m.Legs[i]
	if b.Term != nil {
		t := b.Term
		if l.Leg != 0 || t.Term != l.Term || t.Steward != l.Author || !t.Verify(s.topic, s.genesis) {
			return fmt.Errorf("its term record is of another leg or signed by nobody who can raise a term")
		}
	}
	if i == 0 {
		if b.Term != nil || s.readLeg(LegID{LegLog(s.topic, l.Author, l.Term, l.Leg), l.Author, l.Term, l.Leg}) {
			return nil
		}
		return fmt.Errorf("it continues no leg that is held")
	}
	before := &m.Legs[i-1]
	last := Prefix{LegLog(s.topic, before.Author, before.Term, before.Leg), before.Head.Size, before.Head.Root}
	if b.Last() != last {
		return fmt.Errorf("it continues another leg than the one before it")
	}
	if b.Term != nil {
		return nil
	}
	return before.handsOver(s.topic, l)
}

// handsOver checks that the last record of l names the author of next.
func (l *LegProof) handsOver(topic digest.Hash, next *LegProof) error {
	if l.Handover == nil || l.Handover.Seq+1 != l.Head.Size || next.Term != l.Term || next.Leg != l.Leg+1 {
		return fmt.Errorf("no handover leads to it")
	}
	r, err := l.Handover.record(topic, l)
	if err != nil {
		return err
	}
	if h, ok := r.(*Handover); !ok || h.Device != next.Author {
		return fmt.Errorf("the handover is to another device")
	}
	return nil
}

// record returns the record that p shows to be in l.
func (p *RecordProof) record(topic digest.Hash, l *LegProof) (Record, error) {
	typ := provedTypes[p.Type]
	leaf, err := leafHash(typ, int64(p.Time), p.Body)
	if err != nil {
		return nil, err
	}
	if err := proof.VerifyInclusion(leaf, p.Seq, l.Head.Size, p.Hashes, l.Head.Root); err != nil {
		return nil, err
	}
	return Decode(typ, p.Body)
}

// readLeg reports whether s has read a leg.
func (s *State) readLeg(id LegID) bool {
	for _, l := range s.legs {
		if l.LegID == id {
			return true
		}
	}
	return false
}
