// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func TestFirstRecords(t *testing.T) {
	g := openGenesis()
	k := Card{Account: g.Owner, Device: g.Steward, PageBytes: 4096}
	first, err := FirstRecords(g.ID(), g.Append(nil), k, keyOf("owner"), keyOf("owner's laptop"))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := New(g.ID(), g.Append(nil))
	begin(t, s, g.Steward, 0, 0)
	for i, r := range first {
		if _, err := s.Apply(uint64(i), r.Type, r.Time, r.Body); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Founded() {
		t.Error("not founded")
	}
	if _, err := FirstRecords(g.ID(), g.Append(nil), Card{KEM: []byte{1}}, keyOf("owner"), keyOf("x")); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// An epoch can always be made: nobody is let in who would be one too many.
func TestFull(t *testing.T) {
	r := newRealm(t, 2)
	x := r.writers[0]
	k := Card{Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 4096, KEM: kemOf("a"), AccountKEM: kemOf("b")}
	admit := &Admit{Role: Reader, Card: SignCard(r.topic, k, keyOf("ann"), keyOf("ann's phone"))}
	invite := &MakeInvite{Invite: Invite{Key: pub(keyOf("invite")), Role: Reader, Uses: 1, KEM: kemOf("c")}}
	d := DeviceCard{Account: r.g.Owner, Device: pub(keyOf("tv")), PageBytes: 4096, KEM: kemOf("d")}
	device := &AddDevice{Device: SignDevice(r.topic, d, keyOf("owner"), keyOf("tv"))}
	for _, c := range []struct {
		r       rule
		readers int
		want    Void
	}{
		{admit, MaxReaders - 2, ""}, {admit, MaxReaders - 1, VoidFull}, {invite, MaxReaders - 1, ""}, {invite, MaxReaders, VoidFull},
		{device, MaxReaders - 1, ""}, {device, MaxReaders, VoidFull},
	} {
		s := x.s.Clone()
		s.readers = c.readers
		if got := c.r.void(s); got != c.want {
			t.Errorf("%T beside %d: %q, want %q", c.r, c.readers, got, c.want)
		}
	}
}

// A record matches the ask that it was made from, and no other.
func TestMatches(t *testing.T) {
	card, device, right, view, ranges := sampleCard(), sampleDevice(), sampleRight(), sampleView(), sampleRanges()
	invite, key := sampleInvite(), pub(keyOf("invite"))
	p := ProveInvite(sampleTopic, card.Card, keyOf("invite"))
	ann := pub(keyOf("ann"))
	request := func(what uint8, content any) Ask { return &Request{samplePoint, what, content} }
	pairs := []struct {
		r Record
		a Ask
	}{
		{&Admit{Role: Writer, By: &p, Card: card}, &Join{p, card}},
		{&Admit{Role: Reader, Card: card}, request(AskAdmit, &AskedAdmit{Reader, card})},
		{&AddDevice{Device: device}, &DeviceAsk{device}},
		{&SetRole{Change: RoleChange{ann, Reader}}, request(AskRole, &RoleChange{ann, Reader})},
		{&Remove{Target: Target{Account: ann}, Cuts: samplePrefixes()}, request(AskRemove, &Target{Account: ann})},
		{&Remove{Target: Target{Account: ann}}, &Leave{}},
		{&MakeInvite{Invite: invite}, request(AskInvite, &invite)},
		{&Uninvite{Invite: key}, request(AskUninvite, &key)},
		{&CutLog{Cut: samplePrefix("log", 7)}, request(AskCut, &AskedCut{Cut: samplePrefix("log", 7)})},
		{&Erase{Ranges: ranges}, request(AskErase, &ranges)},
		{&Snapshot{State: view}, request(AskSnapshot, &view)},
		{&Grant{Right: right}, request(AskGrant, &right)},
		{&Handover{Device: device.Card.Device}, request(AskHandover, nil)},
	}
	for i, x := range pairs {
		for k, y := range pairs {
			want := i == k || x.r.Type() == "xf/remove" && y.r.Type() == "xf/remove"
			if got := Matches(x.r, y.a, ann); got != want {
				t.Errorf("%s and %T %d: %v", x.r.Type(), y.a, k, got)
			}
		}
	}
	if Matches(&Remove{Target: Target{Account: ann}}, &Leave{}, key) || Matches(&Answer{}, &Leave{}, ann) {
		t.Error("somebody else left")
	}
	if Matches(&SetRole{Change: RoleChange{ann, Admin}}, request(AskRole, &RoleChange{ann, Reader}), ann) {
		t.Error("another role matches")
	}
	card = sampleCard()
	if Matches(&Admit{Role: Owner, Card: card}, request(AskAdmit, &AskedAdmit{Admin, card}), ann) {
		t.Error("what nobody can ask for matches")
	}
}

// An ask is stale if its subject changed since, or if it is of another branch.
func TestStale(t *testing.T) {
	s := found(t, openGenesis())
	before := s.Point()
	v := &MakeInvite{Invite: Invite{Key: pub(keyOf("invite")), Role: Admin, Uses: 1}}
	apply(t, s, v)
	after := s.Point()
	if !s.Stale(before, v.Invite.Key) || s.Stale(after, v.Invite.Key) || s.Stale(before, pub(keyOf("nobody"))) {
		t.Error("the invite changed with its record")
	}
	branch := before
	branch.Root = digest.Sum([]byte("another"))
	if !s.Stale(branch, pub(keyOf("nobody"))) {
		t.Error("a position of another branch counts")
	}
	void := Point{Position{0, 0, 90}, branch.Root}
	if s.Stale(void, v.Invite.Key) {
		t.Error("a position that is not read yet is stale")
	}
}

// The owner's words can be beaten by successors, in one step and from any place,
// however high the term is that was made with them.
func TestSuccessorsReachEveryTerm(t *testing.T) {
	high := &Term{Last: samplePrefix("leg", 12), Term: 1<<32 - 1, By: ByOwner}
	for _, by := range []uint8{ByOwner, BySuccessors} {
		u := &Term{Last: samplePrefix("leg", 3), Term: 1<<32 - 1, By: by, Steward: Key{1}}
		if by == BySuccessors && !u.Before(sampleTopic, high) {
			t.Error("successors do not come first")
		}
		if u.Before(sampleTopic, high) == high.Before(sampleTopic, u) {
			t.Error("both or none come first")
		}
	}
}

// TestHome: a roster without genesis' leg begins with a term record that names
// nothing; two devices that begin one at once are decided between by the rule.
func TestHome(t *testing.T) {
	g := Genesis{Policy: identity.PolicySealed | identity.PolicyHistory | identity.PolicyErasable | identity.PolicyHome, Owner: pub(keyOf("owner")), LobbyHash: digest.Sum([]byte("lobby"))}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	var held []HeldLeg
	var terms []*Term
	for _, device := range []string{"phone", "laptop"} {
		s, _ := New(g.ID(), g.Append(nil))
		term := &Term{Last: Prefix{Root: digest.Empty}, Term: 1, Steward: pub(keyOf(device)), By: ByOwner}
		term.Sign(g.ID(), 0, keyOf("owner"))
		begin(t, s, term.Steward, 1, 0)
		if _, err := tryApply(s, &Begin{Before: samplePrefix("x", 1)}); !errors.Is(err, ErrRefused) && !errors.Is(err, ErrPosition) {
			t.Error(err)
		}
		first := &Begin{Term: term}
		apply(t, s, first)
		if _, err := tryApply(s.Clone(), ownerAdmit(g, "tablet")); !errors.Is(err, ErrClosed) {
			t.Errorf("another device than the steward's: %v", err)
		}
		apply(t, s, ownerAdmit(g, device))
		if s.Role(term.Steward) != Owner || !s.EpochDue() || s.Position() != (Position{1, 0, 2}) {
			t.Errorf("%s: role %v, position %v", device, s.Role(term.Steward), s.Position())
		}
		l := HeldLeg{LegID: s.Steward()}
		for _, r := range []Record{first, ownerAdmit(g, device)} {
			l.Records = append(l.Records, Raw{r.Type(), 1000, mustEncode(r)})
		}
		held, terms = append(held, l), append(terms, term)
	}
	s, err := Choose(g.ID(), g.Append(nil), held)
	want := terms[0]
	if terms[1].Before(g.ID(), want) {
		want = terms[1]
	}
	if err != nil || s.Steward().Author != want.Steward {
		t.Errorf("chosen %v, %v", s, err)
	}
	s, _ = New(g.ID(), g.Append(nil))
	if err := s.BeginLeg(LegLog(g.ID(), Key{}, 0, 0), Key{}, 0, 0); !errors.Is(err, ErrRefused) {
		t.Errorf("a leg of nobody: %v", err)
	}
}

// However long the line of copies is, all of it goes with the first, and the one
// that the first is a copy of; its other copies stay.
func TestCopiesOfCopiesGo(t *testing.T) {
	for range 20 { // maps have no order
		s := found(t, openGenesis())
		add := func(name string, parent Key) Key {
			c := DeviceCard{Account: s.genesis.Owner, Device: pub(keyOf(name)), PageBytes: 4096, Parent: parent}
			if e := apply(t, s, &AddDevice{Device: SignDevice(s.Topic(), c, keyOf("owner"), keyOf(name))}); e.Void != "" {
				t.Fatal(e.Void)
			}
			return c.Device
		}
		root := add("root", Key{})
		first, other := add("first", root), add("other", root)
		last := first
		for i := range 6 {
			last = add(fmt.Sprint("copy ", i), last)
		}
		if e := apply(t, s, &Remove{Target: Target{s.genesis.Owner, first}}); e.Void != "" {
			t.Fatal(e.Void)
		}
		left := s.Devices(s.genesis.Owner)
		if len(left) != 2 || s.Role(other) != Owner || s.Role(s.Steward().Author) != Owner || s.Role(root) != None || s.Role(last) != None {
			t.Fatalf("%d devices are left", len(left))
		}
	}
}
