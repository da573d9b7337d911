// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"slices"
	"testing"
)

// TestWorlds runs stewards, clones, stewards restored from a snapshot, thieves
// and take-overs, and peers that hear of them in any order.
func TestWorlds(t *testing.T) {
	forks, terms, seen := 0, 0, census{}
	for seed := *seed0; seed < *seed0+uint64((*seeds+1)/2); seed++ { // each costs as much as three of one steward
		r := newRealm(t, seed)
		for range 60 {
			terms += r.turn()
			x, _ := pick(r.m, r.writers)
			p, _ := pick(r.m, r.peers)
			p.hear(r, r.withheld(x))
			if r.rng.IntN(5) == 0 {
				r.checkPeer(p)
			}
			if x.s.phase == phaseOpen {
				r.checkProvisional(x)
			}
		}
		r.checkBranches()
		r.converge()
		seen.add(r.seen)
		for _, p := range r.peers {
			forks += p.forks
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d terms, %d times a peer met another branch", terms, forks)
	if forks == 0 || terms == 0 {
		t.Error("nothing happened")
	}
	seen.check(t)
}

// turn lets something happen, and returns 1 if a term began.
func (r *realm) turn() int {
	x, _ := pick(r.m, r.writers)
	switch r.rng.IntN(40) {
	case 2, 3, 4: // a take-over
		return r.someTakeOver(x)
	case 5: // a record that does not decode
		r.spoil(x)
	case 0: // a thief has all that the steward has
		if len(r.writers) < 6 {
			r.writers = append(r.writers, x.clone())
		}
	case 1: // an older copy of the steward's store is put back
		if len(r.writers) < 6 {
			r.writers = append(r.writers, r.restored(x))
		}
	default:
		for range 1 + r.rng.IntN(4) {
			r.step(x)
		}
	}
	return 0
}

// restored returns a writer that is at an earlier place of the leg.
func (r *realm) restored(x *writer) *writer {
	legs := cloneLegs(x.legs)
	last := &legs[len(legs)-1]
	least := 1
	if len(legs) == 1 {
		least = 2
	}
	if n := len(last.Records); n > least {
		last.Records = slices.Clip(last.Records[:least+r.rng.IntN(n-least)])
		r.saw("steward restored", true)
	}
	return r.replay(legs)
}

// spoil lets a writer close its leg.
func (r *realm) spoil(x *writer) {
	if x.s.Closed() != nil {
		return
	}
	l := &x.legs[len(x.legs)-1]
	raw := Raw{"xf/remove", r.clock, []byte("no")}
	before := dumpFast(x.s.Clone())
	if _, err := x.s.Apply(uint64(len(l.Records)), raw.Type, raw.Time, raw.Body); !errors.Is(err, ErrClosed) {
		r.t.Fatal(err)
	}
	same(r.t, "closed", before, dumpFast(x.s))
	l.Records = append(l.Records, raw)
}

// garbage reports whether a record closes its leg.
func garbage(raw Raw) bool {
	_, err := Decode(raw.Type, raw.Body)
	return err != nil
}

// someTakeOver begins a term, and returns 1 if it could.
func (r *realm) someTakeOver(x *writer) int {
	y, void := r.takeOver(x, r.topTerm()+uint32(r.rng.IntN(2)))
	if y == nil {
		return 0
	}
	if r.rng.IntN(3) > 0 {
		r.remake(y, void)
	}
	r.writers = append(r.writers, y)
	if len(r.writers) > 8 {
		r.writers = r.writers[1:]
	}
	return 1
}

// topTerm returns the highest term that anybody writes in, at least 1.
func (r *realm) topTerm() uint32 {
	top := uint32(1)
	for _, x := range r.writers {
		top = max(top, x.s.Position().Term)
	}
	return top
}
