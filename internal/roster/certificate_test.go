// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// proveSlow returns the inclusion proof of a leaf, the way RFC 6962 writes it.
func proveSlow(leaves []digest.Hash, i int) []digest.Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if i < k {
		return append(proveSlow(leaves[:k], i), treeSlow(leaves[k:]))
	}
	return append(proveSlow(leaves[k:], i-k), treeSlow(leaves[:k]))
}

func showRecord(l HeldLeg, i int, typ uint8) RecordProof {
	var leaves []digest.Hash
	for _, r := range l.Records {
		h, _ := leafHash(r.Type, r.Time, r.Body)
		leaves = append(leaves, h)
	}
	r := l.Records[i]
	return RecordProof{typ, uint64(i), uint64(r.Time), r.Body, proveSlow(leaves, i)}
}

// showLeg returns the proof of a leg, its handover too if another follows.
func showLeg(r *realm, l HeldLeg, more bool) LegProof {
	typ := uint8(ProvesBegin)
	if l.Records[0].Type == "xf/genesis" {
		typ = ProvesGenesis
	}
	var leaves []digest.Hash
	for _, raw := range l.Records {
		h, _ := leafHash(raw.Type, raw.Time, raw.Body)
		leaves = append(leaves, h)
	}
	h := proof.Sign(r.m.names[l.Author], l.Log, uint64(len(leaves)), treeSlow(leaves))
	p := LegProof{Author: l.Author, Term: l.Term, Leg: l.Leg, Head: Head{h.Size, h.Root, h.Sig}, Begin: showRecord(l, 0, typ)}
	if last := len(l.Records) - 1; more && l.Records[last].Type == "xf/handover" {
		x := showRecord(l, last, ProvesHandover)
		p.Handover = &x
	}
	return p
}

// member returns a roster of three legs, of which the second was handed over to
// and the third taken over, and a certificate of the device that took over.
func member(t testing.TB) (*realm, *Certificate) {
	r := newRealm(t, 2)
	x := r.writers[0]
	phone := r.m.know("owner's phone")
	c := DeviceCard{Account: r.g.Owner, Device: phone, PageBytes: 4096, KEM: kemOf("owner's phone")}
	r.append(x, &AddDevice{Device: SignDevice(r.topic, c, keyOf("owner"), keyOf("owner's phone"))})
	r.append(x, &Handover{AskRef{c.Log(r.topic), 1}, phone})
	r.step(x)
	r.append(x, &Answer{digest.Sum([]byte("x")), 1})
	tablet := r.m.know("owner's tablet")
	term := &Term{Last: x.s.Prefix(), Term: 1, Steward: tablet, By: ByOwner}
	term.Sign(r.topic, 0, keyOf("owner"))
	r.beginLeg(x, tablet, 1, 0, &Begin{Term: term})
	c = DeviceCard{Account: r.g.Owner, Device: tablet, PageBytes: 4096, KEM: kemOf("tablet")}
	r.append(x, &AddDevice{Device: SignDevice(r.topic, c, keyOf("owner"), keyOf("owner's tablet"))})
	m := &Membership{Device: tablet, In: 2, Record: showRecord(x.legs[2], 1, ProvesDevice)}
	for i, l := range x.legs {
		m.Legs = append(m.Legs, showLeg(r, l, i < 2))
	}
	cert := &Certificate{Member: m}
	if err := cert.Sign(r.topic, []byte("binding"), true, keyOf("owner's tablet")); err != nil {
		t.Fatal(err)
	}
	return r, cert
}

// TestCertificateOfMember: a peer that holds only genesis and the owner's admit
// sees that the device was admitted two legs later.
func TestCertificateOfMember(t *testing.T) {
	r, cert := member(t)
	b, err := AppendCertificate(nil, cert)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeCertificate(b)
	if err != nil || !reflect.DeepEqual(back, cert) {
		t.Fatal(err)
	}
	old := r.replay([]HeldLeg{{LegID: r.writers[0].legs[0].LegID, Records: r.writers[0].legs[0].Records[:2]}}).s
	for _, s := range []*State{old, r.writers[0].s} {
		if err := cert.Verify(s, []byte("binding"), true); err != nil {
			t.Error(err)
		}
	}
	for _, lie := range []struct {
		name    string
		binding string
		dialer  bool
	}{{"another connection", "x", true}, {"the other end", "binding", false}} {
		if err := cert.Verify(old, []byte(lie.binding), lie.dialer); !errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", lie.name, err)
		}
	}
}

// Whatever a liar changes and signs again shows nothing.
func TestCertificateLies(t *testing.T) {
	for name, change := range map[string]func(r *realm, m *Membership){
		"head":          func(_ *realm, m *Membership) { m.Legs[0].Head.Sig[0] ^= 1 },
		"size":          func(_ *realm, m *Membership) { m.Legs[1].Head.Size++ },
		"leg left out":  func(_ *realm, m *Membership) { m.Legs = append(m.Legs[:1:1], m.Legs[2:]...); m.In-- },
		"no handover":   func(_ *realm, m *Membership) { m.Legs[0].Handover = nil },
		"other record":  func(_ *realm, m *Membership) { m.Record = *m.Legs[0].Handover; m.In = 0 },
		"other leg":     func(_ *realm, m *Membership) { m.In = 0 },
		"no genesis":    func(_ *realm, m *Membership) { m.Legs[0].Begin = *m.Legs[0].Handover },
		"proof":         func(_ *realm, m *Membership) { m.Record.Hashes[0][0] ^= 1 },
		"body":          func(_ *realm, m *Membership) { m.Record.Body = bytes.Clone(m.Record.Body); m.Record.Body[50] ^= 1 },
		"own beginning": func(_ *realm, m *Membership) { m.Legs = m.Legs[1:2]; m.In = 0 },
		"handed to me": func(r *realm, m *Membership) {
			x := *m.Legs[0].Handover
			x.Body = mustEncode(&Handover{sampleAsk, m.Device})
			m.Legs[0].Handover = &x
		},
	} {
		r, cert := member(t)
		old := r.replay([]HeldLeg{{LegID: r.writers[0].legs[0].LegID, Records: r.writers[0].legs[0].Records[:2]}}).s
		change(r, cert.Member)
		if err := cert.Sign(r.topic, nil, true, keyOf("owner's tablet")); err != nil {
			t.Fatal(err)
		}
		if name == "own beginning" { // as a peer that holds nothing of term 0
			old, _ = New(r.topic, r.g.Append(nil))
		}
		if err := cert.Verify(old, nil, true); !errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A removed device is told apart from a liar, also if it shows its own removal: it asks
// whether a peer knows of a later term.
func TestCertificateOfRemoved(t *testing.T) {
	r, cert := member(t)
	x := r.writers[0]
	phone := r.m.know("owner's phone")
	m := &Membership{Device: phone, In: 0, Record: showRecord(x.legs[0], 2, ProvesDevice), Legs: cert.Member.Legs}
	c := &Certificate{Member: m}
	if err := c.Sign(r.topic, nil, true, keyOf("owner's phone")); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(x.s, nil, true); err != nil {
		t.Error(err)
	}
	r.append(x, &Remove{Target: Target{r.g.Owner, phone}})
	if err := c.Verify(x.s, nil, true); !errors.Is(err, ErrRemoved) || errors.Is(err, ErrCertificate) {
		t.Error(err)
	}
	m.Record.Hashes[0][0] ^= 1
	_ = c.Sign(r.topic, nil, true, keyOf("owner's phone"))
	if err := c.Verify(x.s, nil, true); !errors.Is(err, ErrCertificate) {
		t.Errorf("what a removed device shows is false: %v", err)
	}
	m.Record.Hashes[0][0] ^= 1
	m.Legs[2] = showLeg(r, x.legs[2], false)
	_ = c.Sign(r.topic, nil, true, keyOf("owner's phone"))
	if err := c.Verify(x.s, nil, true); !errors.Is(err, ErrRemoved) || errors.Is(err, ErrCertificate) {
		t.Errorf("it shows that it was removed: %v", err)
	}
}

// A device that holds the other branch of a forked roster, and was removed on the one that
// counts, cannot know it, whichever of the two is longer.
func TestCertificateOfAnotherBranch(t *testing.T) {
	for name, more := range map[string]int{"a shorter one": 0, "a longer one": 4} {
		r := newRealm(t, 1)
		x := r.writers[0]
		phone := r.m.know("owner's phone")
		k := DeviceCard{Account: r.g.Owner, Device: phone, PageBytes: 4096, KEM: kemOf("owner's phone")}
		r.append(x, &AddDevice{Device: SignDevice(r.topic, k, keyOf("owner"), keyOf("owner's phone"))})
		at, last := len(x.legs[0].Records)-1, x.legs[0]
		last.Records = slices.Clone(last.Records)
		other := r.replay([]HeldLeg{last})
		r.append(x, &Remove{Target: Target{r.g.Owner, phone}})
		for i := range more {
			r.append(other, &Answer{digest.Sum([]byte{byte(i)}), 1})
		}
		tablet := r.m.know("owner's tablet")
		term := &Term{Last: x.s.Prefix(), Term: 1, Steward: tablet, By: ByOwner}
		term.Sign(r.topic, 0, keyOf("owner"))
		r.beginLeg(x, tablet, 1, 0, &Begin{Term: term})
		m := &Membership{Device: phone, Legs: []LegProof{showLeg(r, other.legs[0], false)}, Record: showRecord(other.legs[0], at, ProvesDevice)}
		c := &Certificate{Member: m}
		if err := c.Sign(r.topic, nil, true, keyOf("owner's phone")); err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(x.s, nil, true); !errors.Is(err, ErrRemoved) || errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A device whose link was used, or whom a device asks for that was removed, cannot know it
// either. Whoever signs with a key that never spoke for the account is a stranger.
func TestCertificateOfWhoComesTooLate(t *testing.T) {
	r := newRealm(t, 1)
	x := r.writers[0]
	phone := r.m.know("owner's phone")
	k := DeviceCard{Account: r.g.Owner, Device: phone, PageBytes: 4096, KEM: kemOf("owner's phone")}
	r.append(x, &AddDevice{Device: SignDevice(r.topic, k, keyOf("owner"), keyOf("owner's phone"))})
	v := Invite{Key: r.m.know("link"), Uses: 1, KEM: r.m.newKEM()}
	v.SignLink(r.topic, r.g.Owner, keyOf("owner's phone"))
	r.append(x, &MakeInvite{Invite: v})
	k.Device, k.KEM = r.m.know("tv"), r.m.newKEM()
	shows := func(account Key, signer string) error {
		k := k
		k.Account = account
		c := &Certificate{Added: &DeviceAsk{SignDevice(r.topic, k, keyOf(signer), keyOf("tv"))}}
		if err := c.Sign(r.topic, nil, true, keyOf("tv")); err != nil {
			t.Fatal(err)
		}
		return c.Verify(x.s, nil, true)
	}
	for _, signer := range []string{"link", "owner's phone"} {
		if err := shows(r.g.Owner, signer); err != nil {
			t.Errorf("signed by %s: %v", signer, err)
		}
	}
	r.append(x, &Uninvite{Invite: v.Key})
	r.append(x, &Remove{Target: Target{r.g.Owner, phone}})
	for _, signer := range []string{"link", "owner's phone"} {
		if err := shows(r.g.Owner, signer); !errors.Is(err, ErrRemoved) || errors.Is(err, ErrCertificate) {
			t.Errorf("too late, signed by %s: %v", signer, err)
		}
		if err := shows(pub(keyOf("ann")), signer); !errors.Is(err, ErrCertificate) {
			t.Errorf("for another account, signed by %s: %v", signer, err)
		}
	}
	for _, account := range []Key{r.g.Owner, pub(keyOf("stranger")), {}} {
		if err := shows(account, "stranger"); !errors.Is(err, ErrCertificate) {
			t.Errorf("a stranger, for %s: %v", account.Short(), err)
		}
	}
}

// Newcomers show their invite, new devices who added them.
func TestCertificateOfNewcomers(t *testing.T) {
	r := newRealm(t, 1)
	x := r.writers[0]
	r.append(x, &MakeInvite{Invite: Invite{Key: r.m.know("invite"), Role: Writer, Uses: 1, KEM: r.m.newKEM()}})
	k := Card{Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 4096, KEM: r.m.newKEM(), AccountKEM: r.m.newKEM()}
	join := &Join{ProveInvite(r.topic, k, keyOf("invite")), SignCard(r.topic, k, keyOf("ann"), keyOf("ann's phone"))}
	d := DeviceCard{Account: r.g.Owner, Device: pub(keyOf("tv")), PageBytes: 4096, KEM: r.m.newKEM()}
	added := &DeviceAsk{SignDevice(r.topic, d, keyOf("owner's laptop"), keyOf("tv"))}
	for name, c := range map[string]*Certificate{"ann's phone": {Invited: join}, "tv": {Added: added}} {
		if err := c.Sign(r.topic, nil, false, keyOf(name)); err != nil {
			t.Fatal(err)
		}
		b, err := AppendCertificate(nil, c)
		back, err2 := DecodeCertificate(b)
		if err != nil || err2 != nil || !reflect.DeepEqual(back, c) || c.Verify(x.s, nil, false) != nil {
			t.Errorf("%s: %v, %v, %v", name, err, err2, c.Verify(x.s, nil, false))
		}
		if err := c.Verify(x.s, nil, true); !errors.Is(err, ErrCertificate) {
			t.Errorf("%s at the other end: %v", name, err)
		}
	}
	before := x.s.Clone()
	shows := func(j *Join) error {
		c := &Certificate{Invited: j}
		_ = c.Sign(r.topic, nil, false, keyOf("ann's phone"))
		return c.Verify(x.s, nil, false)
	}
	r.append(x, &Uninvite{Invite: r.m.know("invite")})
	if err := shows(join); !errors.Is(err, ErrRemoved) || errors.Is(err, ErrCertificate) {
		t.Errorf("by an invite that was closed: %v", err)
	}
	forged := *join
	forged.By.Sig[0] ^= 1
	if err := shows(&forged); !errors.Is(err, ErrCertificate) {
		t.Errorf("by somebody who does not have the invite: %v", err)
	}
	if err := shows(&Join{ProveInvite(r.topic, k, keyOf("another")), join.Card}); !errors.Is(err, ErrCertificate) {
		t.Errorf("by an invite that nobody made: %v", err)
	}
	x.s = before
	at := when{x.s.Position(), 0}
	(&Admit{Role: Writer, By: &join.By, Card: join.Card}).carry(x.s, at)
	if err := shows(join); err != nil {
		t.Errorf("of a device that was admitted and does not know: %v", err)
	}
	x.s.dropDevice(k.Device, nil, at)
	if err := shows(join); !errors.Is(err, ErrRemoved) {
		t.Errorf("of a device that was admitted and removed, and knows neither: %v", err)
	}
	if _, err := AppendCertificate(nil, &Certificate{Invited: join, Added: added}); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func FuzzDecodeCertificate(f *testing.F) {
	_, cert := member(f)
	f.Add(mustEncode(cert))
	f.Add(mustEncode(&Certificate{Added: &DeviceAsk{sampleDevice()}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := DecodeCertificate(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := mustEncode(x); !bytes.Equal(again, b) {
			t.Errorf("%x is written %x", b, again)
		}
		if s := found(t, sampleGenesis); x.Verify(s, nil, true) == nil {
			t.Error("a certificate of bytes verifies")
		}
	})
}

// TestNewcomerThatWasAdmitted: a device that was admitted, or removed again, without
// having heard of it shows what it asked with, and is known by that.
func TestNewcomerThatWasAdmitted(t *testing.T) {
	r := newRealm(t, 1)
	x := r.writers[0]
	phone := r.m.know("owner's phone")
	k := DeviceCard{Account: r.g.Owner, Device: phone, PageBytes: 4096, KEM: kemOf("owner's phone")}
	ask := &DeviceAsk{SignDevice(r.topic, k, keyOf("owner"), keyOf("owner's phone"))}
	cert := &Certificate{Added: ask}
	if err := cert.Sign(r.topic, []byte("binding"), true, keyOf("owner's phone")); err != nil {
		t.Fatal(err)
	}
	verify := func() error { return cert.Verify(x.s, []byte("binding"), true) }
	if err := verify(); err != nil {
		t.Errorf("before it was admitted: %v", err)
	}
	r.append(x, &AddDevice{Ask: AskRef{Log: k.Log(r.topic)}, Device: ask.Device})
	if err := verify(); err != nil {
		t.Errorf("admitted: %v", err)
	}
	r.append(x, &Remove{Target: Target{r.g.Owner, phone}})
	if d, _ := x.s.Device(phone); d.Belongs {
		t.Fatal("it was not removed")
	}
	if err := verify(); !errors.Is(err, ErrRemoved) {
		t.Errorf("removed: %v", err)
	}
	stranger := r.m.know("stranger")
	k.Device, k.KEM = stranger, kemOf("stranger")
	other := &Certificate{Added: &DeviceAsk{SignDevice(r.topic, k, keyOf("stranger"), keyOf("stranger"))}}
	if err := other.Sign(r.topic, []byte("binding"), true, keyOf("stranger")); err != nil {
		t.Fatal(err)
	}
	if err := other.Verify(x.s, []byte("binding"), true); !errors.Is(err, ErrCertificate) {
		t.Errorf("a stranger: %v", err)
	}
}
