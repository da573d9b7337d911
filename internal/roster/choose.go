// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Raw is a record as its leg has it: an event without flags and key.
type Raw struct {
	Type string
	Time int64 // milliseconds since 1970
	Body []byte
}

// A HeldLeg is a leg as a store holds it: one branch of it, if it is forked.
type HeldLeg struct {
	LegID
	Records []Raw
	// Signed says of the first of Records whether they are known to be Signed: signatures of
	// those that are not looked at again. Of others they are.
	Signed []bool
}

// begins returns the term record that begins the leg, or the roster before it
// if it was handed over; both are nil if that cannot be known.
func (l *HeldLeg) begins() (*Term, *Prefix) {
	if len(l.Records) == 0 {
		return nil, nil
	}
	r, err := Decode(l.Records[0].Type, l.Records[0].Body)
	b, ok := r.(*Begin)
	if err != nil || !ok {
		return nil, nil
	}
	if b.Term != nil {
		return b.Term, &b.Term.Last
	}
	return nil, &b.Before
}

// Choose folds, of all legs that a store holds, the roster that counts: that of
// the term record that decides against all others and whose roster is held up to
// where it begins, or genesis' if there is none; and on along its handovers. It
// depends on the set of legs and not on their order. The error is ErrRefused or
// ErrPosition if not even genesis' leg is held.
func Choose(topic digest.Hash, genesisBody []byte, held []HeldLeg) (*State, error) {
	c := chooser{topic, genesisBody, map[digest.Hash]*HeldLeg{}}
	for i := range held {
		c.legs[held[i].Log] = &held[i]
	}
	for _, l := range c.termLegs() {
		if s, err := c.fold(l.Log, uint64(len(l.Records))); err == nil {
			return c.onward(s), nil
		}
	}
	for i := range held {
		if l := &held[i]; l.Term == 0 && l.Leg == 0 {
			s, err := c.fold(l.Log, uint64(len(l.Records)))
			if err != nil {
				return nil, err
			}
			return c.onward(s), nil
		}
	}
	return nil, fmt.Errorf("%w: no leg that begins the roster is held", ErrPosition)
}

type chooser struct {
	topic digest.Hash
	body  []byte
	legs  map[digest.Hash]*HeldLeg
}

// termLegs returns the legs that begin a term, the one that decides first.
func (c *chooser) termLegs() []*HeldLeg {
	var all []*HeldLeg
	for _, l := range c.legs {
		if t, _ := l.begins(); t != nil {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *HeldLeg) int {
		t, _ := a.begins()
		u, _ := b.begins()
		switch {
		case t.Before(c.topic, u):
			return -1
		case u.Before(c.topic, t):
			return 1
		}
		return 0
	})
	return all
}

// fold folds the chain that leads to the first size records of a leg.
func (c *chooser) fold(log digest.Hash, size uint64) (*State, error) {
	chain, err := c.chain(log, size)
	if err != nil {
		return nil, err
	}
	s, err := New(c.topic, c.body)
	if err != nil {
		return nil, err
	}
	for i, p := range chain {
		err := c.read(s, c.legs[p.Log], p.Size)
		if last := i == len(chain)-1; err != nil && !(last && errors.Is(err, ErrClosed)) {
			return nil, err
		}
	}
	return s, nil
}

// chain returns the legs that lead to the first size records of a leg, and how
// much of each.
func (c *chooser) chain(log digest.Hash, size uint64) ([]Prefix, error) {
	var all []Prefix
	for at := (Prefix{Log: log, Size: size}); !at.Log.IsZero(); {
		l := c.legs[at.Log]
		if l == nil || uint64(len(l.Records)) < at.Size || len(all) > len(c.legs) {
			return nil, fmt.Errorf("%w: log %s is not held up to size %d", ErrPosition, at.Log.Short(), at.Size)
		}
		all = append(all, at)
		_, before := l.begins()
		if before == nil {
			break
		}
		at = *before
	}
	slices.Reverse(all)
	return all, nil
}

// read applies the first size records of a leg to s.
func (c *chooser) read(s *State, l *HeldLeg, size uint64) error {
	if err := s.BeginLeg(l.Log, l.Author, l.Term, l.Leg); err != nil {
		return err
	}
	defer func() { s.signed = false }()
	for i, r := range l.Records[:size] {
		s.signed = i < len(l.Signed) && l.Signed[i]
		if _, err := s.Apply(uint64(i), r.Type, r.Time, r.Body); err != nil {
			return err
		}
	}
	return nil
}

// onward follows the handovers from where s is.
func (c *chooser) onward(s *State) *State {
	for s.phase == phaseHandedOver {
		at := s.Position()
		l := c.legs[LegLog(c.topic, s.heir, at.Term, at.Leg+1)]
		if l == nil || len(l.Records) == 0 {
			break
		}
		_ = c.read(s, l, uint64(len(l.Records))) // what does not count ends the leg
		if s.Position() == at {
			s.next = nil // it does not continue this roster
			break
		}
	}
	return s
}
