// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// The second ways of what a steward and a peer ask beside the fold: whether an ask
// is stale, whether a record carries it out, whether a log is provisional.

// staleSlow is the rule of staleness as it is written, over a chain of records.
func (r *realm) staleSlow(chain []HeldLeg, w *slow, p Point, subject Key) (stale bool, why string) {
	for i, l := range chain {
		if l.Term != p.Term || l.Leg != p.Leg {
			continue
		}
		all := l.Records
		if at := w.handedAt(p.Term, p.Leg); at > 0 {
			all = all[:at]
		}
		switch n := uint64(len(all)); {
		case p.Size <= n && rootOfRaws(r.t, all[:p.Size]) != p.Root:
			return true, "stale branch"
		case p.Size > n && (i < len(chain)-1 || w.heir() != Key{}):
			return true, "stale behind the chain"
		}
	}
	at, changed := dumpSlow(w).Changed[subject]
	if changed && at.Compare(p.Position) > 0 {
		return true, "stale subject"
	}
	return false, "fresh ask"
}

// checkStale asks both ways of some positions and subjects.
func (r *realm) checkStale(s *State, chain []HeldLeg, w *slow) {
	changed := dumpSlow(w).Changed
	var subjects []Key
	for k := range changed {
		subjects = append(subjects, k)
	}
	slices.SortFunc(subjects, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	for range 6 {
		other, _ := pick(r.m, r.writers)
		l, _ := pick(r.m, [][]HeldLeg{chain, chain, other.legs}[r.rng.IntN(3)])
		n := 1 + r.rng.IntN(len(l.Records))
		good := l.Records[:n]
		if garbage(good[n-1]) {
			continue
		}
		p := Point{Position{l.Term, l.Leg, uint64(n)}, rootOfRaws(r.t, good)}
		if r.m.one(6) {
			p.Size += uint64(r.rng.IntN(40))
		}
		subject, ok := pick(r.m, subjects)
		if !ok || r.m.one(10) {
			subject = Key{1}
		}
		want, why := r.staleSlow(chain, w, p, subject)
		r.saw(why, true)
		if got := s.Stale(p, subject); got != want {
			r.t.Fatalf("ask at %v about %s is stale: %v, the slow way says %s", p, subject.Short(), got, why)
		}
	}
}

// wantedSlow returns the bytes of the ask that a record would carry out, without a
// position, and what kind it is: a type, and a number for xf/ask.
func wantedSlow(r Record, joins bool) (typ string, what uint8, body []byte) {
	b := twinRecord(r)
	switch r := r.(type) {
	case *Admit:
		if joins && r.By != nil {
			return "xf/join", 0, cat(r.By.Invite[:], r.By.Sig[:], twinCard(r.Card))
		}
		return "xf/ask", 9, cat([]byte{byte(r.Role)}, twinCard(r.Card))
	case *AddDevice:
		return "xf/device", 0, twinDevice(r.Device)
	case *SetRole:
		return "xf/ask", 2, b[40:73]
	case *Remove:
		return "xf/ask", 1, b[40:104]
	case *MakeInvite:
		return "xf/ask", 3, twinInvite(r.Invite)
	case *Uninvite:
		return "xf/ask", 4, b[40:]
	case *CutLog:
		return "xf/ask", 5, b[40:]
	case *Erase:
		return "xf/ask", 6, b[40:]
	case *Grant:
		return "xf/ask", 7, b[40:]
	case *Snapshot:
		return "xf/ask", 8, b[40:]
	case *Handover:
		return "xf/ask", 10, []byte{}
	}
	return "", 0, nil
}

func matchesSlow(r Record, a Ask, account Key) bool {
	if rm, ok := r.(*Remove); ok && a.Type() == "xf/leave" {
		return rm.Target.Account == account && rm.Target.Device == Key{}
	}
	typ, what, body := wantedSlow(r, a.Type() == "xf/join")
	got := twinOfAsk(a)
	if typ == "" || typ != a.Type() {
		return false
	}
	if typ == "xf/ask" {
		return got[46] == what && bytes.Equal(got[47:], body)
	}
	return bytes.Equal(got, body)
}

// checkMatches holds a record against asks for it and for the record before.
func (r *realm) checkMatches(rec Record) {
	all := []Ask{&Leave{}}
	for _, x := range []Record{rec, r.last} {
		if x == nil {
			continue
		}
		for _, kind := range []Ask{&Join{}, &Request{At: samplePoint}} {
			a := Wanted(x, kind)
			if a == nil {
				continue
			}
			if b, err := EncodeAsk(nil, a); err == nil && bytes.Equal(b, twinOfAsk(a)) {
				all = append(all, a)
			} else if m, ok := x.(*Admit); !ok || m.Role != Owner { // that nobody can ask for
				r.t.Fatalf("%s: an ask for it: %x, %v", x.Type(), b, err)
			}
		}
	}
	r.last = rec
	account, _ := pick(r.m, r.m.pool)
	if rm, ok := rec.(*Remove); ok && r.m.one(2) {
		account = rm.Target.Account
	}
	for _, a := range all {
		if r.m.one(8) {
			a = r.m.bent(a)
		}
		got, want := Matches(rec, a, account), matchesSlow(rec, a, account)
		if got != want {
			r.t.Fatalf("%s carries out %s: %v, the slow way says %v\n%x\n%x", rec.Type(), a.Type(), got, want, mustEncode(rec), mustEncode(a))
		}
		r.saw("matching ask", want)
		r.saw("another ask", !want)
	}
}

// bent returns an ask with one byte changed, or a itself if that is no ask.
func (m *maker) bent(a Ask) Ask {
	b := twinOfAsk(a)
	if len(b) == 0 {
		return a
	}
	b = slices.Clone(b)
	b[m.rng.IntN(len(b))] ^= 1
	if x, err := DecodeAsk(a.Type(), b); err == nil {
		return x
	}
	return a
}

// checkProvisional asks both folds whether cards of the next records could be
// admitted now.
func (r *realm) checkProvisional(x *writer) {
	x = &writer{s: x.s, w: x.clone().w}
	boxes := func(n int) *Boxes {
		if !x.w.kem() || len(x.w.epochs()) == 0 || n == 0 {
			return nil
		}
		return &Boxes{Log: x.w.boxLog, Count: uint32(n), Root: digest.Sum(nil)}
	}
	if a, ok := r.m.admit(x.s).(*Admit); ok && a.By != nil {
		v, _ := x.w.invite(a.By.Invite)
		a.Role, a.Ask, a.Boxes = v.v.Role, AskRef{Log: a.Card.Card.Log(r.topic)}, boxes(2)
		got := x.s.ProvisionalJoin(&Join{*a.By, a.Card}) == ""
		if want := v.v.Link == nil && x.w.try(a); got != want {
			r.t.Fatalf("a join is provisional: %v, the slow way says %v\n%+v", got, want, a)
		}
		r.saw("provisional join", got)
		r.saw("refused join", !got)
		return
	}
	d, ok := r.m.device(x.s).(*AddDevice)
	if !ok {
		return
	}
	k := &d.Device.Card
	d.Ask, d.Boxes = AskRef{Log: k.Log(r.topic)}, nil
	if x.w.kem() && !(x.w.deviceIn(k.Device) && bytes.Equal(k.KEM, x.w.kemOf(k.Device))) {
		d.Boxes = boxes(1)
	}
	got := x.s.ProvisionalDevice(&DeviceAsk{d.Device}) == ""
	if want := x.w.try(d); got != want {
		r.t.Fatalf("a device is provisional: %v, the slow way says %v\n%+v", got, want, d)
	}
	r.saw("provisional device", got)
	r.saw("refused device", !got)
}
