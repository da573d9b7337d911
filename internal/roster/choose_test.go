// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// checkPeer checks that what a peer sees depends on what it holds: not on the
// order of the legs, not on how records were batched, and as the slow way of
// choosing says.
func (r *realm) checkPeer(p *peer) {
	legs := append(p.legs(), r.forgedLeg())
	got, err := Choose(r.topic, r.g.Append(nil), legs)
	if err == nil {
		r.checkDecided(legs, got)
	}
	chain := r.chooseSlow(legs)
	if err != nil || len(chain) == 0 {
		if (err != nil) != (len(chain) == 0) {
			r.t.Fatalf("chosen: %v; the slow way has %d legs", err, len(chain))
		}
		return
	}
	r.rng.Shuffle(len(legs), func(i, j int) { legs[i], legs[j] = legs[j], legs[i] })
	again, err := Choose(r.topic, r.g.Append(nil), legs)
	if err != nil || again.Point() != got.Point() {
		r.t.Fatalf("chosen %v, and in another order %v, %v", got.Point(), again.Point(), err)
	}
	known, err := Choose(r.topic, r.g.Append(nil), signedLegs(r.rng, r.topic, legs))
	if err != nil {
		r.t.Fatal(err)
	}
	same(r.t, "chosen with signatures that are known", dumpFast(known), dumpFast(got))
	if len(chain) != len(got.Legs()) {
		r.t.Fatalf("%d legs, the slow way has %d", len(got.Legs()), len(chain))
	}
	for i, l := range got.Legs() {
		if chain[i].LegID != l {
			r.t.Fatalf("leg %d is %v, the slow way has %v", i, l, chain[i].LegID)
		}
	}
	y := r.replay(chain)
	same(r.t, "chosen", dumpFast(got), dumpSlow(y.w))
	same(r.t, "resumed", dumpFast(got), dumpFast(r.resumed(chain)))
	r.checkEarlier(got, chain)
	r.checkStale(got, chain, y.w)
}

// signedLegs returns legs of which some are known to be signed.
func signedLegs(rng *rand.Rand, topic digest.Hash, legs []HeldLeg) (all []HeldLeg) {
	for _, l := range legs {
		l.Signed = nil
		for _, r := range l.Records[:rng.IntN(len(l.Records)+1)] {
			l.Signed = append(l.Signed, Signed(topic, r))
		}
		all = append(all, l)
	}
	return all
}

// resumed reads a chain and goes on with a copy after some of the records.
func (r *realm) resumed(chain []HeldLeg) *State {
	s, _ := New(r.topic, r.g.Append(nil))
	for _, l := range chain {
		if err := s.BeginLeg(l.Log, l.Author, l.Term, l.Leg); err != nil {
			r.t.Fatal(err)
		}
		for i, raw := range l.Records {
			if r.rng.IntN(5) == 0 {
				old := s
				s = s.Clone()
				if i > 0 && old.phase == phaseOpen { // what happens to the other copy is its own business
					_, _ = old.Apply(uint64(i), "xf/answer", raw.Time, mustEncode(&Answer{digest.Sum([]byte("other")), 9}))
				}
			}
			if _, err := s.Apply(uint64(i), raw.Type, raw.Time, raw.Body); err != nil && !garbage(raw) {
				r.t.Fatal(err)
			}
		}
	}
	return s
}

// checkEarlier checks that a roster knows of each log what a shorter one says,
// so that peers that are not equally far can compare what they hold.
func (r *realm) checkEarlier(s *State, chain []HeldLeg) {
	short := cloneLegs(chain)
	short = short[:1+r.rng.IntN(len(short))]
	last := &short[len(short)-1]
	last.Records = last.Records[:1+r.rng.IntN(len(last.Records))]
	early := r.replay(short).s
	at := early.Position()
	if !s.Holds(early.Point()) {
		r.t.Fatalf("%v does not hold %v, which it extends", s.Point(), early.Point())
	}
	if p, ok := s.PointAt(at); !ok || p != early.Point() {
		r.t.Fatalf("point at %v is %v, want %v", at, p, early.Point())
	}
	for _, l := range s.Logs() {
		was, ok := s.LogAt(l.ID, at)
		want, known := early.Log(l.ID)
		if ok != known {
			r.t.Fatalf("log %s at %v: %v, want %v", l.ID.Short(), at, ok, known)
		}
		if !slices.Equal(was.Cuts, want.Cuts) || ok && was.Admitted != want.Admitted {
			r.t.Fatalf("log %s at %v: %+v, want %+v", l.ID.Short(), at, was, want)
		}
	}
}

// chooseSlow makes every chain of legs that the held legs give, and takes the
// best.
func (r *realm) chooseSlow(legs []HeldLeg) []HeldLeg {
	var best []HeldLeg
	var bestTerm *Term
	for _, l := range legs {
		if l.Leg != 0 || len(l.Records) == 0 {
			continue
		}
		chain := r.back(legs, l, len(l.Records))
		if chain == nil {
			continue
		}
		term, _ := l.begins()
		if term != nil && !term.Verify(r.topic, &r.g) {
			continue
		}
		if best == nil || r.beats(term, bestTerm) {
			best, bestTerm = chain, term
		}
	}
	if best == nil {
		return nil
	}
	return r.forth(legs, best)
}

// beats is the rule between two terms as it is written; nil is term 0.
func (r *realm) beats(a, b *Term) bool {
	if a == nil || b == nil {
		return b == nil && a != nil
	}
	if a.Term != b.Term {
		return a.Term > b.Term
	}
	if a.By != b.By {
		return a.By == BySuccessors
	}
	x, y := a.Hash(r.topic), b.Hash(r.topic)
	return bytes.Compare(x[:], y[:]) < 0
}

// back returns the chain to the first size records of a leg, or nil.
func (r *realm) back(legs []HeldLeg, l HeldLeg, size int) []HeldLeg {
	l.Records = l.Records[:size]
	if l.Term == 0 && l.Leg == 0 {
		return []HeldLeg{l}
	}
	t, before := l.begins()
	if t != nil {
		before = &t.Last
	}
	for _, b := range legs {
		if b.Log != before.Log || uint64(len(b.Records)) < before.Size {
			continue
		}
		chain := r.back(legs, b, int(before.Size))
		if chain == nil || r.rootOf(chain) != before.Root {
			return nil
		}
		return append(chain, l)
	}
	return nil
}

// rootOf returns the root of the last leg, leaf by leaf.
func (r *realm) rootOf(chain []HeldLeg) digest.Hash {
	return rootOfRaws(r.t, chain[len(chain)-1].Records)
}

// treeSlow is RFC 6962's tree head as it is written there.
func treeSlow(leaves []digest.Hash) digest.Hash {
	switch len(leaves) {
	case 0:
		return digest.Empty
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return digest.Node(treeSlow(leaves[:k]), treeSlow(leaves[k:]))
}

// forth adds the legs that were handed over to.
func (r *realm) forth(legs []HeldLeg, chain []HeldLeg) []HeldLeg {
	for {
		last, found := chain[len(chain)-1], false
		for _, l := range legs {
			_, before := l.begins()
			if before == nil || l.Term != last.Term || l.Leg != last.Leg+1 || before.Log != last.Log || before.Size > uint64(len(last.Records)) {
				continue
			}
			cut := cloneLegs(chain)
			cut[len(cut)-1].Records = last.Records[:before.Size]
			y := r.replay(cut)
			if r.rootOf(cut) == before.Root && y.w.heir() == l.Author && y.w.handedAt(last.Term, last.Leg) == before.Size {
				chain, found = append(cut, l), true
				break
			}
		}
		if !found {
			return chain
		}
	}
}

// checkBranches checks that of two rosters with one leg, one extends the other
// in it or both have roots at one size that differ, which is a fork proof once
// their author signed them.
func (r *realm) checkBranches() {
	for _, x := range r.writers {
		for _, y := range r.writers {
			for _, l := range x.legs {
				for _, k := range y.legs {
					if l.Log != k.Log {
						continue
					}
					n := uint64(min(len(l.Records), len(k.Records)))
					p, okP := x.s.PointAt(Position{l.Term, l.Leg, n})
					q, okQ := y.s.PointAt(Position{k.Term, k.Leg, n})
					if n > 0 && (garbage(l.Records[n-1]) || garbage(k.Records[n-1])) {
						continue
					}
					one := extends(l, k) || extends(k, l)
					if !okP || !okQ || one != (p == q) {
						r.t.Fatalf("one extends the other: %v; points %v, %v", one, p, q)
					}
					if !one {
						r.lookBranches(x, y)
					}
				}
			}
		}
	}
}

// forgedLeg returns a leg that somebody without the right keys began.
func (r *realm) forgedLeg() HeldLeg {
	thief := keyOf("thief")
	t := &Term{Last: r.writers[0].s.Prefix(), Term: 99, Steward: pub(thief), By: ByOwner}
	t.Sign(r.topic, 0, thief)
	l := HeldLeg{LegID: LegID{LegLog(r.topic, t.Steward, 99, 0), t.Steward, 99, 0}}
	l.Records = []Raw{{"xf/begin", 0, mustEncode(&Begin{Term: t})}}
	return l
}

// converge lets two people take over at once, with one term. All peers hear of
// both, in any order, and agree.
func (r *realm) converge() {
	top := r.topTerm() + 1
	var both []*writer
	for len(both) < 2 {
		x, _ := pick(r.m, r.writers)
		y, void := r.takeOver(x, top)
		if y == nil || len(both) == 1 && y.s.Term().Hash(r.topic) == both[0].s.Term().Hash(r.topic) {
			continue // one steward that forks its own leg: each peer stays with what it saw first
		}
		r.remake(y, void)
		both = append(both, y)
	}
	a, b := both[0].legs[len(both[0].legs)-1], both[1].legs[len(both[1].legs)-1]
	t, _ := a.begins()
	u, _ := b.begins()
	winner := both[1]
	if t.Before(r.topic, u) {
		winner = both[0]
	}
	for _, p := range r.peers {
		for _, i := range r.rng.Perm(2) {
			p.hear(r, cloneLegs(both[i].legs))
		}
		r.checkPeer(p)
		s, err := Choose(r.topic, r.g.Append(nil), p.legs())
		if err != nil || s.Point() != winner.s.Point() {
			r.t.Fatalf("after the last term records a peer is at %v, %v, want %v", s.Point(), err, winner.s.Point())
		}
		same(r.t, "converged", dumpFast(s), dumpSlow(winner.w))
	}
}
