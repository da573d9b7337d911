// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Decision is how much of each leg counts by the term record that decides against all
// others that are held. It is empty if no term record is held.
type Decision struct {
	Legs   []Prefix    // that lead to the term record as far as they are known, oldest first
	Begins digest.Hash // the leg that begins with it
	Lacks  bool        // not all of Legs is held so
}

// Decided returns what is decided of the legs that a store holds. If something lacks,
// it may hold another branch of a leg, which is to be replaced then; Choose takes the
// next best roster until that is done.
func Decided(topic digest.Hash, genesisBody []byte, held []HeldLeg) Decision {
	c := chooser{topic, genesisBody, map[digest.Hash]*HeldLeg{}}
	for i := range held {
		c.legs[held[i].Log] = &held[i]
	}
	s, err := New(topic, genesisBody)
	if err != nil {
		return Decision{}
	}
	for _, l := range c.termLegs() {
		if t, _ := l.begins(); !t.Verify(topic, s.genesis) {
			continue // it decides nothing, and would close its leg
		}
		legs, missing := c.leading(l)
		_, err := c.fold(l.Log, uint64(len(l.Records)))
		if err == nil || missing {
			return Decision{legs, l.Log, err != nil}
		}
	}
	return Decision{}
}

// leading returns the legs that lead to the one which begins a term, and whether
// something of them is not held as it is named.
func (c *chooser) leading(l *HeldLeg) (legs []Prefix, missing bool) {
	for {
		_, before := l.begins()
		if before == nil || before.Log.IsZero() || len(legs) > len(c.legs) {
			break
		}
		legs = append(legs, *before)
		if l = c.legs[before.Log]; l == nil || !l.leadsTo(*before) {
			missing = true // what begins another branch is not asked
			break
		}
	}
	slices.Reverse(legs)
	return legs, missing
}

// leadsTo reports whether the leg is held up to p.
func (l *HeldLeg) leadsTo(p Prefix) bool {
	if uint64(len(l.Records)) < p.Size {
		return false
	}
	r := merkleindex.CompactRange{}
	for _, raw := range l.Records[:p.Size] {
		leaf, err := leafHash(raw.Type, raw.Time, raw.Body)
		if err != nil || r.Append(leaf, nil) != nil {
			return false
		}
	}
	return merkleindex.Bag(r.Hashes) == p.Root
}
