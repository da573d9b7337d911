// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// checkDecided checks what is decided of the legs that a peer holds against the roster that
// it follows: it is that one if nothing lacks, and else one that this does not lead to.
func (r *realm) checkDecided(legs []HeldLeg, got *State) {
	d := Decided(r.topic, r.g.Append(nil), legs)
	begun := slices.ContainsFunc(got.Legs(), func(l LegID) bool { return l.Log == d.Begins })
	r.saw("decided", begun)
	r.saw("decided and lacking", d.Lacks)
	if (r.bestTerm(legs) == nil) != (d.Begins == digest.Hash{}) && !d.Lacks {
		r.t.Fatalf("%v is decided, and the best term is %v", d, r.bestTerm(legs))
	}
	if d.Begins.IsZero() {
		return
	}
	if begun == d.Lacks {
		r.t.Fatalf("followed is %v, decided %+v", got.Legs(), d)
	}
	for _, p := range d.Legs {
		held := slices.IndexFunc(legs, func(l HeldLeg) bool { return l.Log == p.Log && l.leadsTo(p) })
		if held < 0 && !d.Lacks {
			r.t.Fatalf("%v is decided and not held, and nothing lacks", p)
		}
	}
}
