// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A peer holds legs, one branch of each: the one that it saw first, until a
// term record decides for another.
type peer struct {
	held  map[digest.Hash]HeldLeg
	forks int // branches that it refused
}

// hear takes in what a writer has of its chain. A relay may withhold the end of
// it: only so many legs, and so much of the last.
func (p *peer) hear(r *realm, legs []HeldLeg) {
	for i, l := range legs {
		have, ok := p.held[l.Log]
		switch {
		case !ok, extends(l, have):
			p.held[l.Log] = l
		case extends(have, l):
		default:
			p.forks++
			if !p.decided(r, legs[i:]) {
				return
			}
			p.held[l.Log] = l
		}
	}
}

// decided reports whether the chain in which legs[0] is another branch than the
// one held comes by a term record that decides against all that are held. The
// sender of a chain is not believed: what is not signed as it must be is none.
func (p *peer) decided(r *realm, legs []HeldLeg) bool {
	best := r.bestTerm(slices.Collect(maps.Values(p.held)))
	offered := r.bestTerm(legs)
	return offered != nil && (best == nil || offered.Before(r.topic, best))
}

// bestTerm returns the term record among those that begin the legs which decides
// against the others.
func (r *realm) bestTerm(legs []HeldLeg) (best *Term) {
	for _, l := range legs {
		if t, _ := l.begins(); t != nil && t.Verify(r.topic, &r.g) && (best == nil || t.Before(r.topic, best)) {
			best = t
		}
	}
	return best
}

func extends(a, b HeldLeg) bool {
	if len(a.Records) < len(b.Records) {
		return false
	}
	for i, r := range b.Records {
		if r.Time != a.Records[i].Time || r.Type != a.Records[i].Type || string(r.Body) != string(a.Records[i].Body) {
			return false
		}
	}
	return true
}

func (p *peer) legs() (all []HeldLeg) {
	for _, l := range p.held {
		all = append(all, l)
	}
	return all
}

// withheld returns the chain as a relay may pass it on.
func (r *realm) withheld(x *writer) []HeldLeg {
	legs := cloneLegs(x.legs)
	for i := range legs[:len(legs)-1] {
		if next := legs[i+1]; next.Leg > 0 {
			legs[i].Records = r.behind(legs[i].Records)
		}
	}
	if x.s.phase == phaseHandedOver && x.s.Closed() == nil {
		legs[len(legs)-1].Records = r.behind(legs[len(legs)-1].Records)
	}
	if r.rng.IntN(2) == 0 {
		legs = legs[:1+r.rng.IntN(len(legs))]
		last := &legs[len(legs)-1]
		last.Records = last.Records[:1+r.rng.IntN(len(last.Records))]
	}
	return legs
}

// behind adds what an old steward may write behind its handover.
func (r *realm) behind(records []Raw) []Raw {
	ms := records[len(records)-1].Time
	junk := []Raw{
		{"xf/answer", ms, mustEncode(&Answer{digest.Sum([]byte("behind")), 1})},
		{"xf/handover", ms, mustEncode(&Handover{AskRef{}, pub(keyOf("thief"))})},
		{"xf/remove", ms, []byte("no")},
	}
	n := r.rng.IntN(len(junk) + 1)
	r.saw("record behind a handover", n > 0)
	r.saw("closed behind a handover", n == len(junk))
	return append(slices.Clip(records), junk[:n]...)
}

// takeOver begins a term from some position of a writer's chain: the owner by
// words, or successors. It returns the new writer, and what it voids.
func (r *realm) takeOver(x *writer, term uint32) (*writer, []Record) {
	chain := cloneLegs(x.legs)
	chain = chain[:1+r.rng.IntN(len(chain))]
	last := &chain[len(chain)-1]
	least := 1
	if len(chain) == 1 && last.Term == 0 {
		least = 2
	}
	if r.rng.IntN(3) > 0 {
		chain = cloneLegs(x.legs) // nothing is void, or only the end
		last = &chain[len(chain)-1]
	}
	closed := garbage(last.Records[len(last.Records)-1])
	if n := len(last.Records); n > least && closed {
		last.Records = last.Records[:n-1]
	}
	if n := len(last.Records); n > least {
		last.Records = last.Records[:least+r.rng.IntN(n-least+1)]
	}
	if len(last.Records) < least || last.Term >= term {
		return nil, nil
	}
	y := r.replay(chain)
	t := &Term{Last: y.s.Prefix(), Term: term, Steward: r.newSteward(y.s), By: ByOwner}
	if r.g.Need > 0 && r.rng.IntN(2) == 0 {
		t.By = BySuccessors
	}
	r.signTerm(t)
	r.forge(y.s, *t)
	r.beginLeg(y, t.Steward, t.Term, 0, &Begin{Term: t})
	void := r.tail(x, y)
	r.lookTakeOver(x, y, closed, void)
	return y, void
}

func (r *realm) newSteward(s *State) Key {
	if d, ok := pick(r.m, s.Devices(r.g.Owner)); ok && r.rng.IntN(2) == 0 {
		return d.Key
	}
	return r.m.fresh("steward")
}

func (r *realm) signTerm(t *Term) {
	if t.By == ByOwner {
		t.Sign(r.topic, 0, keyOf("owner"))
		return
	}
	for _, i := range r.rng.Perm(len(r.g.Successors))[:r.g.Need] {
		t.Sign(r.topic, uint8(i), r.heir(i))
	}
}

// forge checks that no wrong signature raises a term, and no right one begins a term
// that is there already.
func (r *realm) forge(s *State, t Term) {
	if now := s.Position().Term; now > 0 {
		again := Term{Last: t.Last, Term: max(1, now-uint32(r.rng.IntN(2))), Steward: r.m.fresh("steward"), By: ByOwner}
		again.Sign(r.topic, 0, keyOf("owner"))
		r.refuses(s, &again)
	}
	bad := t
	bad.Signed = slices.Clone(t.Signed)
	switch r.rng.IntN(4) {
	case 0:
		bad.Signed[len(bad.Signed)-1].Sig[5] ^= 1
	case 1:
		bad.Term++
	case 2:
		bad.By = BySuccessors + ByOwner - bad.By
		bad.Signed = bad.Signed[:1]
		bad.Signed[0].Index = 0
	case 3:
		if t.By == ByOwner {
			bad.Signed = nil
			bad.Sign(r.topic, 0, keyOf("owner's laptop"))
		} else {
			bad.Signed = bad.Signed[1:]
		}
	}
	r.refuses(s, &bad)
}

// refuses checks that a term record continues nothing.
func (r *realm) refuses(s *State, bad *Term) {
	c := s.Clone()
	if err := c.BeginLeg(LegLog(r.topic, bad.Steward, bad.Term, 0), bad.Steward, bad.Term, 0); err != nil {
		r.t.Fatal(err)
	}
	if _, err := tryApply(c, &Begin{Term: bad}); !errors.Is(err, ErrRefused) {
		r.t.Fatalf("a term record that raises no term: %v", err)
	}
}

// replay returns the writer that wrote a chain, both folds from the start.
func (r *realm) replay(chain []HeldLeg) *writer {
	s, err := New(r.topic, r.g.Append(nil))
	if err != nil {
		r.t.Fatal(err)
	}
	y := &writer{s: s, w: &slow{topic: r.topic, g: &r.g}, legs: chain}
	for _, l := range chain {
		r.replayLeg(y, l)
	}
	same(r.t, "replayed", dumpFast(y.s), dumpSlow(y.w))
	return y
}

func (r *realm) replayLeg(y *writer, l HeldLeg) {
	if err := y.s.BeginLeg(l.Log, l.Author, l.Term, l.Leg); err != nil {
		r.t.Fatal(err)
	}
	y.w.steward, y.w.boxLog = l.Author, BoxLog(r.topic, l.Author, l.Term, l.Leg)
	for i, raw := range l.Records {
		e, err := y.s.Apply(uint64(i), raw.Type, raw.Time, raw.Body)
		if garbage(raw) && errors.Is(err, ErrClosed) && i == len(l.Records)-1 {
			return
		}
		if err != nil {
			r.t.Fatal(err)
		}
		y.w.pos, y.w.ms = e.At, raw.Time
		a, admit := e.Record.(*Admit)
		switch b, begins := e.Record.(*Begin); {
		case begins && i == 0:
			y.w.add(heirIs{})
			if b.Term != nil {
				y.w.add(due{})
			}
		case admit && i == 1 && a.Role == Owner && len(y.s.allAccounts()) == 1 && a.Card.Card.Account == Key(r.g.Owner):
			y.w.letIn(a)
		case i > 0:
			y.w.judge(e.Record)
		}
	}
}

// tail returns the records of x that are not in y's chain.
func (r *realm) tail(x, y *writer) (void []Record) {
	for i, l := range x.legs {
		from := 0
		if i < len(y.legs) && y.legs[i].Log == l.Log {
			from = len(y.legs[i].Records)
		}
		for _, raw := range l.Records[min(from, len(l.Records)):] {
			if rec, err := Decode(raw.Type, raw.Body); err == nil {
				void = append(void, rec)
			}
		}
	}
	return void
}

// remake is what a new steward does first: it adds itself if it has to, repeats
// removals, cuts and uninvites, offers the admissions, and makes an epoch.
func (r *realm) remake(y *writer, void []Record) {
	steward := y.s.Steward().Author
	if !y.s.devices.at(steward).Belongs {
		c := DeviceCard{Account: r.g.Owner, Device: steward, PageBytes: 4096, KEM: r.m.newKEM(), Number: y.s.devices.at(steward).next}
		d := &AddDevice{Device: SignDevice(r.topic, c, keyOf("owner"), r.m.names[steward]), Boxes: r.m.boxes(y.s, y.s.deviceBoxes(&c))}
		if e := r.append(y, d); e.Void != "" {
			r.t.Fatalf("the new steward cannot add itself: %v", e.Void)
		}
	}
	for _, rec := range void {
		switch rec := rec.(type) {
		case *Remove:
			again := *rec
			again.Ask = AskRef{}
			r.append(y, &again)
			if a := y.s.accounts.at(rec.Target.Account); rec.Target.Device.IsZero() && a.Belongs() && a.Role != Owner && a.Key != y.s.devices.at(steward).Account {
				r.t.Fatalf("a removal that was made again leaves %s in", a.Key.Short())
			}
		case *CutLog:
			again := *rec
			again.Ask = AskRef{}
			r.append(y, &again)
		case *Uninvite:
			r.append(y, &Uninvite{Invite: rec.Invite})
		case *Admit:
			if y.s.accounts.at(rec.Card.Card.Account).Belongs() || rec.Role == Owner {
				continue
			}
			again := *rec
			again.Ask, again.By, again.Boxes = AskRef{}, nil, r.m.boxes(y.s, y.s.boxCount(2))
			r.append(y, &again)
		}
	}
	if y.s.EpochDue() {
		for range 20 {
			if r.append(y, r.m.epoch(y.s)).Void == "" {
				return
			}
		}
		r.t.Fatal("no epoch can be made")
	}
}
