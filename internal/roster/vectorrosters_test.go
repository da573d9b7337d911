// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// rosterVectors returns whole rosters: all legs held, and what the fold of the
// one that counts answers.
func rosterVectors(t testing.TB) []any {
	return []any{openVector(t), sealedVector(t), termsVector(t)}
}

// A scribe writes a roster for vectors.
type scribe struct {
	t    testing.TB
	g    Genesis
	s    *State
	legs []HeldLeg
	void map[digest.Hash][]string // by leg: why each record is void
}

func newScribe(t testing.TB, g Genesis) *scribe {
	s, err := New(g.ID(), g.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	x := &scribe{t: t, g: g, s: s, void: map[digest.Hash][]string{}}
	x.begin(g.Steward, 0, 0, &Founding{g.Append(nil)})
	x.write(ownerAdmit(g, "owner's laptop"))
	return x
}

func (x *scribe) begin(author Key, term, leg uint32, r Record) {
	begin(x.t, x.s, author, term, leg)
	x.legs = append(x.legs, HeldLeg{LegID: LegID{LegLog(x.g.ID(), author, term, leg), author, term, leg}})
	x.write(r)
}

func (x *scribe) write(r Record) Effect {
	l := &x.legs[len(x.legs)-1]
	raw := Raw{r.Type(), 1000 + int64(len(l.Records)), mustEncode(r)}
	e, err := x.s.Apply(uint64(len(l.Records)), raw.Type, raw.Time, raw.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	l.Records = append(l.Records, raw)
	x.void[l.Log] = append(x.void[l.Log], string(e.Void))
	return e
}

// kem returns a KEM key if the topic has them.
func (x *scribe) kem(name string) []byte {
	if x.g.Policy.Has(identity.PolicyOpen) {
		return nil
	}
	return kemOf(name)
}

func (x *scribe) boxes(n int) *Boxes {
	if len(x.s.epochs) == 0 {
		return nil
	}
	return &Boxes{x.s.boxLog(), 0, uint32(n), digest.Sum([]byte("boxes"))}
}

func (x *scribe) epoch() {
	all := x.s.Recipients()
	e := &Epoch{Number: uint64(len(x.s.epochs)), ID: digest.Sum([]byte("epoch")), Join: digest.Sum([]byte("join")), Readers: RecipientsDigest(all)}
	e.Boxes = Boxes{x.s.boxLog(), 0, uint32(len(all)), digest.Sum([]byte("boxes"))}
	if e.Number > 0 {
		e.Step = kemOf("step")[:StepBytes]
	}
	x.write(e)
}

func (x *scribe) invite(name string, role Role, uses uint16) {
	x.write(&MakeInvite{Invite: Invite{Key: pub(keyOf(name)), Role: role, Uses: uses, KEM: x.kem(name)}, Boxes: x.boxes(1)})
}

// join admits a person by an invite.
func (x *scribe) join(person, invite string, role Role) {
	k := Card{Account: pub(keyOf(person)), Device: pub(keyOf(person + "'s phone")), PageBytes: 4096, KEM: x.kem(person + "'s phone"), AccountKEM: x.kem(person)}
	p := ProveInvite(x.g.ID(), k, keyOf(invite))
	x.write(&Admit{
		Ask: AskRef{Log: k.Log(x.g.ID())}, Role: role, By: &p,
		Card: SignCard(x.g.ID(), k, keyOf(person), keyOf(person+"'s phone")), Boxes: x.boxes(2),
	})
}

// vector returns the legs held and what the fold answers.
func (x *scribe) vector(name string) object {
	s, err := Choose(x.g.ID(), x.g.Append(nil), x.legs)
	if err != nil {
		x.t.Fatal(err)
	}
	var legs, logs []any
	for _, l := range x.legs {
		var records []any
		for i, r := range l.Records {
			records = append(records, obj("type", r.Type, "time", r.Time, "body", r.Body, "void", x.void[l.Log][i] != ""))
		}
		leg := obj("author", l.Author, "term", l.Term, "leg", l.Leg, "log", l.Log, "root", rootOfRaws(x.t, l.Records))
		legs = append(legs, append(leg, raw("records", records)...))
	}
	for _, l := range s.Logs() {
		logs = append(logs, obj("id", l.ID, "account", l.Account, "device", l.Device, "writes", l.Writes, "admitted", l.Admitted,
			"forked", l.Forked, "cuts", l.Cuts, "settled", s.Settled(l.ID)))
	}
	v := obj("name", name, "genesis", x.g.Append(nil), "topic", x.g.ID())
	v = append(v, raw("legs", legs)...)
	v = append(v, obj("chain", s.Legs(), "point", s.Point(), "heir", s.Heir(), "due", s.EpochDue(), "epochs", len(s.Epochs()),
		"recipients", len(s.Recipients()), "recipients_digest", RecipientsDigest(s.Recipients()))...)
	return append(append(append(v, raw("accounts", vectorAccounts(s))...), raw("logs", logs)...), raw("invites", vectorInvites(s))...)
}

func vectorAccounts(s *State) []any {
	var all []any
	for _, a := range s.Accounts() {
		var devices []any
		for _, d := range s.Devices(a.Key) {
			devices = append(devices, obj("key", d.Key, "parent", d.Parent, "since", d.Since, "log", d.Log))
		}
		all = append(all, append(obj("key", a.Key, "role", a.Role, "since", a.Since, "invite", a.Invite), raw("devices", devices)...))
	}
	return all
}

func vectorInvites(s *State) []any {
	var all []any
	for _, v := range s.Invites() {
		all = append(all, obj("key", v.Key, "role", v.Role, "used", v.Used, "by", v.By))
	}
	return all
}

// openVector: an open topic; ann joins by an invite of one use, which bob cannot
// use; ann is removed; her log counts up to 3; what she asks then is void.
func openVector(t testing.TB) object {
	x := newScribe(t, openGenesis())
	x.invite("invite", Writer, 1)
	x.invite("link", Writer, 5)
	x.join("ann", "invite", Writer)
	x.join("bob", "invite", Writer)
	log := DataLog(x.g.ID(), pub(keyOf("ann's phone")), 4096, 0)
	x.write(&Answer{log, 2})
	x.write(&SetRole{Ask: AskRef{log, 1}, Change: RoleChange{pub(keyOf("ann")), Reader}})
	x.write(&Remove{Target: Target{Account: pub(keyOf("ann"))}, Cuts: []Prefix{{log, 3, digest.Sum([]byte("three"))}}, Keep: []Key{pub(keyOf("link"))}})
	x.write(&CutLog{Cut: Prefix{log, 2, digest.Sum([]byte("two"))}})
	x.write(&Uninvite{Ask: AskRef{log, 2}, Invite: pub(keyOf("link"))})
	return x.vector("open")
}

// sealedVector: a sealed topic with epochs; ann's phone is copied, and the copy
// removed with it; ann's laptop takes the roster over by a handover, behind which
// the old steward goes on.
func sealedVector(t testing.TB) object {
	x := newScribe(t, sampleGenesis)
	x.epoch()
	x.invite("invite", Admin, 2)
	x.join("ann", "invite", Admin)
	for _, d := range []DeviceCard{
		{Device: pub(keyOf("ann's laptop")), KEM: kemOf("ann's laptop")},
		{Device: pub(keyOf("bob's phone")), KEM: kemOf("bob's phone"), Parent: pub(keyOf("ann's phone"))},
	} {
		d.Account, d.PageBytes = pub(keyOf("ann")), 4096
		name := "ann's laptop"
		if !d.Parent.IsZero() {
			name = "bob's phone"
		}
		x.write(&AddDevice{Device: SignDevice(x.g.ID(), d, keyOf("ann's phone"), keyOf(name)), Boxes: x.boxes(1)})
	}
	log := DataLog(x.g.ID(), pub(keyOf("ann's laptop")), 4096, 0)
	x.write(&Remove{Ask: AskRef{log, 4}, Target: Target{pub(keyOf("ann")), pub(keyOf("bob's phone"))}})
	x.epoch()
	x.write(&Remove{Target: Target{Account: x.g.Owner}})
	x.write(&Handover{AskRef{log, 5}, pub(keyOf("ann's laptop"))})
	x.write(&Answer{log, 9})
	x.begin(pub(keyOf("ann's laptop")), 0, 1, &Begin{Before: x.s.Prefix()})
	x.invite("link", Replica, 1)
	return x.vector("sealed")
}

// termsVector: the owner and two successors take over at once, from different
// places; the successors' term counts.
func termsVector(t testing.TB) object {
	x := newScribe(t, sampleGenesis)
	x.epoch()
	x.invite("invite", Writer, 3)
	founded := x.s.Clone()
	x.join("ann", "invite", Writer)
	term := func(s *State, by uint8, steward string) *Begin {
		b := &Term{Last: s.Prefix(), Term: 1, Steward: pub(keyOf(steward)), By: by}
		if by == ByOwner {
			b.Sign(x.g.ID(), 0, keyOf("owner"))
			return &Begin{Term: b}
		}
		b.Sign(x.g.ID(), 0, heirKey(&x.g, 0))
		b.Sign(x.g.ID(), 2, heirKey(&x.g, 2))
		return &Begin{Term: b}
	}
	all := x.s.Clone()
	x.begin(pub(keyOf("owner's phone")), 1, 0, term(all, ByOwner, "owner's phone"))
	x.s = founded
	x.begin(pub(keyOf("heir's tablet")), 1, 0, term(founded, BySuccessors, "heir's tablet"))
	x.write(&Answer{digest.Sum([]byte("x")), 1})
	return x.vector("terms")
}
