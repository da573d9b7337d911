// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// keyOf returns the Ed25519 key whose seed is the SHA-256 of name.
func keyOf(name string) ed25519.PrivateKey {
	seed := digest.Sum([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func pub(k ed25519.PrivateKey) Key { return Key(k.Public().(ed25519.PublicKey)) }

// kemOf returns bytes that stand for a KEM key: SHA-256 of name and a counter.
func kemOf(name string) []byte {
	var b []byte
	for i := 0; len(b) < KEMBytes; i++ {
		h := digest.Sum(fmt.Appendf(nil, "%s %d", name, i))
		b = append(b, h[:]...)
	}
	return b[:KEMBytes]
}

func openGenesis() Genesis {
	return Genesis{
		Policy: identity.PolicyOpen | identity.PolicyErasable, PageBytes: 4096,
		Owner: pub(keyOf("owner")), Steward: pub(keyOf("owner's laptop")),
		LobbyHash: digest.Sum([]byte("lobby")), JoinHash: digest.Sum([]byte("join")),
		EraseDays: 7,
	}
}

// ownerAdmit returns record 1 of a topic.
func ownerAdmit(g Genesis, device string) *Admit {
	k := Card{Account: g.Owner, Device: pub(keyOf(device)), PageBytes: 4096}
	if !g.Policy.Has(identity.PolicyOpen) {
		k.KEM, k.AccountKEM = kemOf(device), kemOf("owner")
	}
	return &Admit{Role: Owner, Card: SignCard(g.ID(), k, keyOf("owner"), keyOf(device))}
}

// found returns the roster of a topic with its first two records.
func found(t testing.TB, g Genesis) *State {
	t.Helper()
	s, err := New(g.ID(), g.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, s, pub(keyOf("owner's laptop")), 0, 0)
	apply(t, s, &Founding{g.Append(nil)})
	apply(t, s, ownerAdmit(g, "owner's laptop"))
	return s
}

func begin(t testing.TB, s *State, author Key, term, leg uint32) {
	t.Helper()
	if err := s.BeginLeg(LegLog(s.Topic(), author, term, leg), author, term, leg); err != nil {
		t.Fatal(err)
	}
}

// apply appends a record to the leg.
func apply(t testing.TB, s *State, r Record) Effect {
	t.Helper()
	e, err := tryApply(s, r)
	if err != nil {
		t.Fatalf("%s: %v", r.Type(), err)
	}
	return e
}

func tryApply(s *State, r Record) (Effect, error) {
	seq := s.size()
	if s.next != nil {
		seq = 0
	}
	return s.Apply(seq, r.Type(), 1000, mustEncode(r))
}

func TestFoundOpenTopic(t *testing.T) {
	g := openGenesis()
	s := found(t, g)
	if got := s.Position(); got != (Position{0, 0, 2}) || !s.Founded() {
		t.Errorf("at %v, founded %v", got, s.Founded())
	}
	if a := s.Accounts(); len(a) != 1 || a[0].Role != Owner || a[0].Key != Key(g.Owner) || a[0].Since != s.Position() {
		t.Errorf("accounts %+v", a)
	}
	d, ok := s.Device(g.Steward)
	if l, known := s.Log(d.Log); !ok || !known || !l.Writes || l.Number != 0 || s.Role(d.Key) != Owner {
		t.Errorf("device %+v, log %+v", d, l)
	}
	if _, cut, ok := s.Counts(pub(keyOf("anybody")), 4096, 0, s.Position()); cut || !ok {
		t.Error("in an open topic the first log of anybody counts")
	}
	if _, _, ok := s.Counts(pub(keyOf("anybody")), 4096, 1, s.Position()); ok {
		t.Error("the second log of anybody counts")
	}
	if s.EpochDue() {
		t.Error("an open topic has no epochs")
	}
}

// Whatever else record 1 is, the leg closes before it: nobody ever belongs.
func TestRecord1IsTheOwnersAdmit(t *testing.T) {
	g := openGenesis()
	good := ownerAdmit(g, "owner's laptop")
	sign := func(k Card, account, device string) SignedCard {
		return SignCard(g.ID(), k, keyOf(account), keyOf(device))
	}
	for name, change := range map[string]func(a *Admit){
		"role":          func(a *Admit) { a.Role = Admin },
		"ask":           func(a *Admit) { a.Ask = AskRef{Log: digest.Sum(nil)} },
		"invite":        func(a *Admit) { a.By = &InviteProof{} },
		"boxes":         func(a *Admit) { a.Boxes = &Boxes{Count: 1} },
		"device's key":  func(a *Admit) { a.Card = sign(a.Card.Card, "owner", "another") },
		"account's key": func(a *Admit) { a.Card = sign(a.Card.Card, "another", "owner's laptop") },
		"signature":     func(a *Admit) { a.Card.AccountSig[3] ^= 1 },
		"another account": func(a *Admit) {
			a.Card.Card.Account = pub(keyOf("another"))
			a.Card = sign(a.Card.Card, "another", "owner's laptop")
		},
		"another device": func(a *Admit) {
			a.Card.Card.Device = pub(keyOf("another"))
			a.Card = sign(a.Card.Card, "owner", "another")
		},
		"number":  func(a *Admit) { a.Card.Card.Number = 1; a.Card = sign(a.Card.Card, "owner", "owner's laptop") },
		"KEM key": func(a *Admit) { a.Card.Card.KEM = kemOf("x"); a.Card = sign(a.Card.Card, "owner", "owner's laptop") },
	} {
		s, _ := New(g.ID(), g.Append(nil))
		begin(t, s, g.Steward, 0, 0)
		apply(t, s, &Founding{g.Append(nil)})
		a := *good
		change(&a)
		for _, a := range []*Admit{&a, good} { // what is right comes too late
			var c *ClosedError
			if _, err := tryApply(s, a); !errors.As(err, &c) || c.Seq != 1 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.Founded() || s.size() != 1 || s.Closed() == nil {
			t.Errorf("%s: founded", name)
		}
		term := &Term{Last: s.Prefix(), Term: 1, Steward: g.Steward, By: ByOwner}
		term.Sign(g.ID(), 0, keyOf("owner"))
		begin(t, s, g.Steward, 1, 0)
		if _, err := tryApply(s, &Begin{Term: term}); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: a term behind a roster without its owner: %v", name, err)
		}
	}
	s, _ := New(g.ID(), g.Append(nil))
	begin(t, s, g.Steward, 0, 0)
	apply(t, s, &Founding{g.Append(nil)})
	if _, err := s.Apply(1, "xf/admit", 0, []byte("nonsense")); !errors.Is(err, ErrClosed) || !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	g := openGenesis()
	if _, err := New(digest.Sum(nil), g.Append(nil)); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if _, err := New(g.ID(), nil); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	s, _ := New(g.ID(), g.Append(nil))
	if err := s.BeginLeg(digest.Sum(nil), g.Steward, 0, 0); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	other := pub(keyOf("another"))
	if err := s.BeginLeg(LegLog(g.ID(), other, 0, 0), other, 0, 0); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	begin(t, s, g.Steward, 0, 0)
	another := openGenesis()
	another.Salt[0]++
	for _, r := range []Record{&Founding{another.Append(nil)}, &Begin{Before: Prefix{digest.Sum(nil), 1, digest.Sum([]byte("x"))}}, &Answer{digest.Sum(nil), 1}} {
		if _, err := tryApply(s, r); !errors.Is(err, ErrRefused) {
			t.Errorf("record 0 is %s: %v", r.Type(), err)
		}
	}
	if _, err := s.Apply(0, "xf/genesis", 0, []byte("x")); !errors.Is(err, ErrRefused) || !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if s.Position() != (Position{}) || s.Closed() != nil {
		t.Error("something was applied")
	}
}

// A genesis is decoded wherever it stands: one that is none closes the leg, and
// one that is some topic's is void.
func TestGenesisBehindRecord1(t *testing.T) {
	s, g := found(t, openGenesis()), openGenesis()
	g.Salt[0]++
	if e := apply(t, s, &Founding{g.Append(nil)}); e.Void != VoidPlace {
		t.Errorf("%+v", e)
	}
	if _, err := s.Apply(3, "xf/genesis", 1000, append(g.Append(nil), 0)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// What stands behind a handover is void, or closes the leg there: the roster is
// as if it were not, and goes on with the next leg.
func TestBehindAHandover(t *testing.T) {
	for name, junk := range map[string][]Raw{
		"nothing":    nil,
		"void":       {{"xf/answer", 1000, mustEncode(&Answer{digest.Sum(nil), 1})}, {"xf/begin", 1000, mustEncode(&Begin{Before: Prefix{digest.Sum(nil), 1, digest.Sum([]byte("x"))}})}},
		"closed":     {{"xf/answer", 1000, []byte("x")}},
		"both":       {{"xf/answer", 1000, mustEncode(&Answer{digest.Sum(nil), 1})}, {"note", 1000, nil}},
		"a handover": {{"xf/handover", 1000, mustEncode(&Handover{AskRef{}, pub(keyOf("thief"))})}},
	} {
		g := openGenesis()
		x := newScribe(t, g)
		c := DeviceCard{Account: g.Owner, Device: pub(keyOf("owner's phone")), PageBytes: 4096}
		x.write(&AddDevice{Device: SignDevice(g.ID(), c, keyOf("owner"), keyOf("owner's phone"))})
		x.write(&Handover{AskRef{Log: c.Log(g.ID())}, c.Device})
		at, want := x.s.Point(), dumpFast(x.s.Clone())
		for i, r := range junk {
			e, err := x.s.Apply(uint64(4+i), r.Type, r.Time, r.Body)
			if (garbage(r) && !errors.Is(err, ErrClosed)) || !garbage(r) && (err != nil || e.Void != VoidHandedOver || e.At.Size != uint64(5+i)) {
				t.Errorf("%s: record %d: %+v, %v", name, i, e, err)
			}
		}
		if x.s.Point() != at || x.s.Heir() != c.Device {
			t.Errorf("%s: at %v, want %v", name, x.s.Point(), at)
		}
		same(t, name, want, dumpFast(x.s))
		x.legs[0].Records = append(x.legs[0].Records, junk...)
		x.begin(c.Device, 0, 1, &Begin{Before: x.s.Prefix()})
		if x.s.Closed() != nil {
			t.Errorf("%s: the next leg is closed", name)
		}
		x.write(&Answer{digest.Sum([]byte("x")), 1})
		for _, legs := range [][]HeldLeg{x.legs, {x.legs[1], x.legs[0]}} {
			if s, err := Choose(g.ID(), g.Append(nil), legs); err != nil || s.Point() != x.s.Point() {
				t.Errorf("%s: chosen %v, %v, want %v", name, s.Point(), err, x.s.Point())
			}
		}
	}
}

// A leg or a term continues a roster where it was handed over, and no place
// behind that.
func TestNothingContinuesBehindAHandover(t *testing.T) {
	g := openGenesis()
	x := newScribe(t, g)
	c := DeviceCard{Account: g.Owner, Device: pub(keyOf("owner's phone")), PageBytes: 4096}
	x.write(&AddDevice{Device: SignDevice(g.ID(), c, keyOf("owner"), keyOf("owner's phone"))})
	x.write(&Handover{AskRef{Log: c.Log(g.ID())}, c.Device})
	x.legs[0].Records = append(x.legs[0].Records, Raw{"xf/answer", 1003, mustEncode(&Answer{digest.Sum(nil), 1})})
	whole := Prefix{x.legs[0].Log, 5, rootOfRaws(t, x.legs[0].Records)}
	term := &Term{Last: whole, Term: 1, Steward: c.Device, By: ByOwner}
	term.Sign(g.ID(), 0, keyOf("owner"))
	for _, b := range []*Begin{{Before: whole}, {Term: term}} {
		n, leg := uint32(0), uint32(1)
		if b.Term != nil {
			n, leg = 1, 0
		}
		next := HeldLeg{LegID: LegID{LegLog(g.ID(), c.Device, n, leg), c.Device, n, leg}, Records: []Raw{{"xf/begin", 2000, mustEncode(b)}}}
		if s, err := Choose(g.ID(), g.Append(nil), append(x.legs, next)); err != nil || s.Point() != x.s.Point() {
			t.Errorf("term %d: chosen %v, %v, want %v", n, s.Point(), err, x.s.Point())
		}
	}
}

func rootOfRaws(t testing.TB, all []Raw) digest.Hash {
	var leaves []digest.Hash
	for _, r := range all {
		h, err := leafHash(r.Type, r.Time, r.Body)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, h)
	}
	return treeSlow(leaves)
}

// A record that does not decode closes the leg, and all before it counts.
func TestClosed(t *testing.T) {
	s := found(t, openGenesis())
	_, err := s.Apply(2, "xf/remove", 0, make([]byte, 7))
	var c *ClosedError
	if !errors.As(err, &c) || c.Seq != 2 || !errors.Is(err, ErrClosed) || !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
	if !strings.Contains(err.Error(), "sequence 2") || s.Closed() == nil || len(s.Accounts()) != 1 {
		t.Error(err, s.Closed())
	}
	if _, err := tryApply(s, &Answer{digest.Sum(nil), 1}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	s = found(t, openGenesis())
	if _, err := s.Apply(2, "note", 0, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := found(t, openGenesis()).Apply(3, "xf/answer", 0, nil); !errors.Is(err, ErrPosition) {
		t.Error(err)
	}
}
