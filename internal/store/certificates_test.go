// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A society is stores of one topic, each by the name of whose it is.
type society struct {
	t      *testing.T
	topic  *Topic
	stores map[string]*Store
}

// newSociety founds a topic in the store of the owner, and joins the others.
func newSociety(t *testing.T, others ...string) *society {
	s, topic := founded(t)
	c := &society{t, topic, map[string]*Store{"owner": s}}
	for i, name := range others {
		dir := t.TempDir() + "/s"
		must(t, Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{byte(20 + i)}}))
		o, err := Open(dir, Options{})
		must(t, err)
		t.Cleanup(func() { o.Close() })
		_, err = o.Join(topic.Genesis, topic.Keys, "")
		must(t, err)
		c.stores[name] = o
	}
	return c
}

func named(name string) ed25519.PrivateKey {
	seed := digest.Sum([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func keyNamed(name string) roster.Key { return identity.PublicKey(named(name)) }

// device returns the key with which a store writes.
func (c *society) device(name string) ed25519.PrivateKey {
	return c.stores[name].device.AuthorKey(c.topic.Genesis)
}

func (c *society) id(name string) roster.Key { return identity.PublicKey(c.device(name)) }

// log returns the log of a store.
func (c *society) log(name string) digest.Hash {
	return identity.DataLog(c.topic.ID, c.id(name), c.topic.Genesis.PageBytes).ID()
}

func (c *society) leg(name string, term, leg uint32) identity.LogName {
	return identity.RosterLog(c.topic.ID, c.id(name), term, leg)
}

// card is that of an account of the name of a store.
func (c *society) card(name string) roster.Card {
	return roster.Card{Account: keyNamed(name), Device: c.id(name), PageBytes: c.topic.Genesis.PageBytes}
}

func (c *society) admit(name string) *roster.Admit {
	return &roster.Admit{Role: roster.Admin, Card: roster.SignCard(c.topic.ID, c.card(name), named(name), c.device(name))}
}

// join is what a store with an invite asks with.
func (c *society) join(name string) *roster.Join {
	k := c.card(name)
	return &roster.Join{By: roster.ProveInvite(c.topic.ID, k, named("invite")), Card: roster.SignCard(c.topic.ID, k, named(name), c.device(name))}
}

// add is what the device of a store asks with that is to be the owner's, for which a name
// signs.
func (c *society) add(name string, signer ed25519.PrivateKey) *roster.DeviceAsk {
	k := roster.DeviceCard{Account: c.topic.Genesis.Owner, Device: c.id(name), PageBytes: c.topic.Genesis.PageBytes}
	return &roster.DeviceAsk{Device: roster.SignDevice(c.topic.ID, k, signer, c.device(name))}
}

// write appends records to a leg that a store writes.
func (c *society) write(name string, leg identity.LogName, all ...roster.Record) {
	c.t.Helper()
	newWriter(c.t, c.stores[name]).records(leg, all...)
}

// ask writes the first record of a store's own log.
func (c *society) ask(name string, a roster.Ask) {
	c.t.Helper()
	body, err := roster.EncodeAsk(nil, a)
	must(c.t, err)
	rec, err := event.AppendRecord(nil, event.Event{Type: a.Type(), Payload: body}, time.Now().UnixMilli(), 0)
	must(c.t, err)
	r, _, err := event.DecodeRecord(rec)
	must(c.t, err)
	newWriter(c.t, c.stores[name]).write(&messages.Append{Log: c.log(name), Records: rec, Leaves: []digest.Hash{r.LeafHash()}})
}

// bring brings a leg from one store to another one, all of it or up to a size.
func (c *society) bring(from, to string, leg identity.LogName, size uint64) {
	c.t.Helper()
	src, dst := c.stores[from], c.stores[to]
	l, err := src.Log(leg.ID())
	must(c.t, err)
	info, _, err := dst.Source().Log(leg.ID())
	must(c.t, err)
	a := &messages.Append{Log: leg.ID(), Create: &messages.NewLog{LogName: leg}, First: info.Size}
	a.Remote = &messages.Proven{}
	size = min(size, l.State().Size)
	must(c.t, src.Read(l, info.Size, size, func(run Run) error {
		return run.Each(func(_ uint64, rec *event.Record) error {
			b, err := event.AppendRecord(nil, event.Event{Type: string(rec.Type), Payload: rec.Payload}, rec.Time, 0)
			a.Records, a.Leaves, a.Remote.Time = append(a.Records, b...), append(a.Leaves, rec.LeafHash()), rec.Time
			return err
		})
	}))
	at, err := src.PeaksAt(l, size)
	must(c.t, err)
	before, err := src.PeaksAt(l, info.Size)
	must(c.t, err)
	a.Remote.Root, a.Remote.Left = at.Root(), before.Hashes()
	a.Remote.Head, err = l.Head(l.State())
	must(c.t, err)
	a.Remote.Right, err = src.rightOf(l, l.State(), size)
	must(c.t, err)
	newWriter(c.t, dst).write(a)
}

// all is more than any leg holds.
const all = 1 << 40

var binding = bytes.Repeat([]byte{7}, 32)

// shows returns the certificate that a store makes as the dialer, or nil.
func (c *society) shows(name string) *roster.Certificate {
	c.t.Helper()
	b, err := c.stores[name].Certificates().Certificate(c.topic.ID, binding, true)
	must(c.t, err)
	if b == nil {
		return nil
	}
	x, err := roster.DecodeCertificate(b)
	must(c.t, err)
	return x
}

// judges returns what a store says of a certificate.
func (c *society) judges(name string, x *roster.Certificate) error {
	b, err := roster.AppendCertificate(nil, x)
	must(c.t, err)
	return c.stores[name].Certificates().Verify(c.topic.ID, binding, true, b)
}

func (c *society) mustJudge(name string, x *roster.Certificate, want error) {
	c.t.Helper()
	if err := c.judges(name, x); !errors.Is(err, want) || (err == nil) != (want == nil) {
		c.t.Errorf("%s says %v, want %v", name, err, want)
	}
}

// TestCertificateOfANewcomer: a store with an invite, or whose device an account signed
// for, shows what its log begins with, until it is admitted; one without shows nothing.
func TestCertificateOfANewcomer(t *testing.T) {
	c := newSociety(t, "ann", "tablet", "eve")
	first := c.topic.Roster()
	if c.shows("ann") != nil || c.shows("eve") != nil {
		t.Error("a store that asked for nothing shows something")
	}
	c.write("owner", first, &roster.MakeInvite{Invite: roster.Invite{Key: keyNamed("invite"), Role: roster.Writer, Uses: 2}})
	c.ask("ann", c.join("ann"))
	c.ask("tablet", c.add("tablet", c.topic.Account.Key()))
	c.ask("eve", c.add("eve", named("eve")))
	x, y := c.shows("ann"), c.shows("tablet")
	if x == nil || x.Invited == nil || y == nil || y.Added == nil {
		t.Fatalf("%+v, %+v", x, y)
	}
	c.mustJudge("owner", x, nil)
	c.mustJudge("owner", y, nil)
	c.mustJudge("owner", c.shows("eve"), roster.ErrCertificate)
	c.mustJudge("ann", x, roster.ErrCertificate) // has no roster, and knows of no invite
	x.Sig[0] ^= 1
	c.mustJudge("owner", x, roster.ErrCertificate)
	if err := c.stores["owner"].Certificates().Verify(c.topic.ID, binding, true, []byte{9}); !errors.Is(err, roster.ErrCertificate) {
		t.Error(err)
	}

	ask := c.join("ann")
	c.write("owner", first, &roster.Admit{Ask: roster.AskRef{Log: c.log("ann")}, Role: roster.Writer, By: &ask.By, Card: ask.Card},
		&roster.AddDevice{Ask: roster.AskRef{Log: c.log("tablet")}, Device: c.add("tablet", c.topic.Account.Key()).Device})
	for _, name := range []string{"ann", "tablet"} {
		c.bring("owner", name, first, all)
		if x := c.shows(name); x == nil || x.Member == nil {
			t.Errorf("%s was admitted and shows %+v", name, x)
		} else {
			c.mustJudge("owner", x, nil)
		}
	}
}

// legs has a society's roster go from the owner to ann, and by a term record back: ann is
// admitted in the first leg, bob in the second.
func (c *society) legs() (all []identity.LogName) {
	c.write("owner", c.topic.Roster(), c.admit("ann"), &roster.Handover{Ask: roster.AskRef{Log: c.log("ann"), Seq: 1}, Device: c.id("ann")})
	c.bring("owner", "ann", c.topic.Roster(), 1<<40)
	second := c.leg("ann", 0, 1)
	c.write("ann", second, &roster.Begin{Before: c.prefix("ann", c.topic.Roster())}, c.admit("bob"))
	return append(all, c.topic.Roster(), second)
}

// prefix names all that a store holds of a leg.
func (c *society) prefix(name string, leg identity.LogName) roster.Prefix {
	l, err := c.stores[name].Log(leg.ID())
	must(c.t, err)
	return roster.Prefix{Log: l.ID, Size: l.State().Size, Root: l.State().Root}
}

// takeOver has the owner begin a term behind a place.
func (c *society) takeOver(last roster.Prefix, term uint32, more ...roster.Record) identity.LogName {
	b := &roster.Term{Last: last, Term: term, Steward: c.id("owner"), By: roster.ByOwner}
	b.Sign(c.topic.ID, 0, c.topic.Account.Key())
	leg := c.leg("owner", term, 0)
	c.write("owner", leg, append([]roster.Record{&roster.Begin{Term: b}}, more...)...)
	return leg
}

// bringAll brings all legs from one store to others.
func (c *society) bringAll(from string, legs []identity.LogName, to ...string) {
	for _, name := range to {
		for _, leg := range legs {
			if name != from && leg.Author != c.id(name) {
				c.bring(from, name, leg, all)
			}
		}
	}
}

// TestCertificateOfAMember: each member shows the leg in which it was admitted and those
// around it, to those who hold all, and to those who hold the beginning.
func TestCertificateOfAMember(t *testing.T) {
	c := newSociety(t, "ann", "bob", "late")
	legs := c.legs()
	c.bring("owner", "late", c.topic.Roster(), 2)
	c.bring("ann", "owner", legs[1], all)
	legs = append(legs, c.takeOver(c.prefix("owner", legs[1]), 1, &roster.Answer{Log: digest.Sum([]byte("x")), Size: 1}))
	c.bringAll("owner", legs, "ann", "bob")
	for in, name := range []string{"ann", "bob"} {
		x := c.shows(name)
		if x == nil || x.Member == nil || len(x.Member.Legs) != 3 || int(x.Member.In) != in || x.Member.Record.Type != roster.ProvesAdmit {
			t.Fatalf("%s shows %+v", name, x)
		}
		for judge := range c.stores {
			c.mustJudge(judge, x, nil)
		}
	}
	c.mustForgeNothing("bob", "late", "owner")

	third := legs[2] // nothing was cut in it, and what is behind the old legs counts
	c.write("owner", third, &roster.Remove{Target: roster.Target{Account: keyNamed("bob")}})
	c.mustJudge("owner", c.shows("bob"), roster.ErrRemoved)
	c.mustJudge("ann", c.shows("bob"), nil)
	if gone, err := c.stores["bob"].Certificates().Removed(c.topic.ID); gone || err != nil {
		t.Error(gone, err)
	}
	old := c.shows("bob")
	c.bring("owner", "bob", third, all)
	if gone, err := c.stores["bob"].Certificates().Removed(c.topic.ID); !gone || err != nil {
		t.Errorf("bob knows that he was removed: %v, %v", gone, err)
	}
	c.mustJudge("owner", c.shows("bob"), roster.ErrRemoved) // who might know better
	c.mustJudge("bob", old, roster.ErrRemoved)
	if gone, err := c.stores["late"].Certificates().Removed(c.topic.ID); gone || err != nil {
		t.Errorf("a store that never belonged was removed: %v, %v", gone, err)
	}
}

// mustForgeNothing changes each part of a member's certificate, which is signed again and
// shows nothing to anybody.
func (c *society) mustForgeNothing(name string, judges ...string) {
	for what, forge := range map[string]func(m *roster.Membership){
		"the device":         func(m *roster.Membership) { m.Device = c.id("ann") },
		"a head's size":      func(m *roster.Membership) { m.Legs[1].Head.Size++ },
		"a head's root":      func(m *roster.Membership) { m.Legs[1].Head.Root[3] ^= 1 },
		"a head's signature": func(m *roster.Membership) { m.Legs[2].Head.Sig[3] ^= 1 },
		"a leg's author":     func(m *roster.Membership) { m.Legs[2].Author = c.id(name) },
		"a leg's number":     func(m *roster.Membership) { m.Legs[1].Leg++ },
		"a leg's term":       func(m *roster.Membership) { m.Legs[2].Term++ },
		"a leg left out": func(m *roster.Membership) {
			m.Legs = append(m.Legs[:0:0], m.Legs[1:]...)
			m.In = 0
			m.Legs[0].Begin = m.Legs[1].Begin
		},
		"a beginning": func(m *roster.Membership) {
			m.Legs[2].Begin.Body = bytes.Clone(m.Legs[2].Begin.Body)
			m.Legs[2].Begin.Body[90] ^= 1
		},
		"another beginning": func(m *roster.Membership) { m.Legs[1].Begin = m.Legs[2].Begin },
		"genesis": func(m *roster.Membership) {
			m.Legs[0].Begin.Body = bytes.Clone(m.Legs[0].Begin.Body)
			m.Legs[0].Begin.Body[40] ^= 1
		},
		"no handover":          func(m *roster.Membership) { m.Legs[0].Handover = nil },
		"another handover":     func(m *roster.Membership) { m.Legs[0].Handover = &m.Record },
		"the admission":        func(m *roster.Membership) { m.Record.Body = bytes.Clone(m.Record.Body); m.Record.Body[60] ^= 1 },
		"its proof":            func(m *roster.Membership) { m.Record.Hashes[0][0] ^= 1 },
		"its sequence":         func(m *roster.Membership) { m.Record.Seq-- },
		"its time":             func(m *roster.Membership) { m.Record.Time++ },
		"its leg":              func(m *roster.Membership) { m.In = 2 },
		"another's admission":  func(m *roster.Membership) { m.In, m.Record = 0, c.shows("ann").Member.Record },
		"a record of its kind": func(m *roster.Membership) { m.Record.Type = roster.ProvesDevice },
	} {
		x := c.shows(name)
		forge(x.Member)
		must(c.t, x.Sign(c.topic.ID, binding, true, c.device(name)))
		for _, judge := range judges {
			if err := c.judges(judge, x); !errors.Is(err, roster.ErrCertificate) {
				c.t.Errorf("%s says of a certificate with %s forged: %v", judge, what, err)
			}
		}
	}
	x := c.shows(name)
	must(c.t, x.Sign(c.topic.ID, binding, true, c.device("ann")))
	c.mustJudge(judges[0], x, roster.ErrCertificate)
	b, err := roster.AppendCertificate(nil, c.shows(name))
	must(c.t, err)
	certs := c.stores[judges[0]].Certificates()
	for what, err := range map[string]error{
		"another connection": certs.Verify(c.topic.ID, binding[1:], true, b),
		"the other end":      certs.Verify(c.topic.ID, binding, false, b),
	} {
		if !errors.Is(err, roster.ErrCertificate) {
			c.t.Errorf("%s: %v", what, err)
		}
	}
}

// TestCertificateWithManyLegs: the newest 32 legs are shown, or those from the admission on
// if that is older.
func TestCertificateWithManyLegs(t *testing.T) {
	c := newSociety(t, "ann", "bob", "late")
	beginRoster(t, c.stores["owner"], c.topic)
	c.bring("owner", "late", c.topic.Roster(), 2)
	c.write("owner", c.topic.Roster(), c.admit("ann"))
	writers := [2]string{"owner", "ann"}
	legs := []identity.LogName{c.topic.Roster()}
	for i := range uint32(40) {
		from, to := writers[i%2], writers[(i+1)%2]
		if i == 20 {
			c.write(from, legs[i], c.admit("bob"))
		}
		c.write(from, legs[i], &roster.Handover{Ask: roster.AskRef{Log: c.log(to), Seq: uint64(i + 1)}, Device: c.id(to)})
		c.bring(from, to, legs[i], all)
		legs = append(legs, c.leg(to, 0, i+1))
		c.write(to, legs[i+1], &roster.Begin{Before: c.prefix(to, legs[i])})
	}
	c.bringAll("owner", legs, "bob", "ann")
	x, y := c.shows("ann"), c.shows("bob")
	if len(x.Member.Legs) != roster.MaxLegs || x.Member.In != 0 || x.Member.Legs[0].Leg != 0 {
		t.Errorf("ann shows %d legs from %d", len(x.Member.Legs), x.Member.Legs[0].Leg)
	}
	if len(y.Member.Legs) != roster.MaxLegs || y.Member.Legs[31].Leg != 40 || y.Member.In != 11 {
		t.Errorf("bob shows %d legs up to %d, admitted in %d", len(y.Member.Legs), y.Member.Legs[31].Leg, y.Member.In)
	}
	c.mustJudge("late", x, nil)
	c.mustJudge("owner", x, nil)
	c.mustJudge("owner", y, nil)
	c.mustJudge("late", y, roster.ErrCertificate) // holds no leg that these continue
}

// TestCertificateBeforeATermThatCutsALeg: of a leg of which a term record names less than is
// held no head is known there, so it is not shown with that term; members of before it show
// the legs up to it.
func TestCertificateBeforeATermThatCutsALeg(t *testing.T) {
	c := newSociety(t, "ann", "bob", "late")
	legs := c.legs()
	c.bring("owner", "late", c.topic.Roster(), 2)
	c.bring("ann", "owner", legs[1], all)
	named := c.prefix("owner", legs[1])
	c.write("ann", legs[1], &roster.Answer{Log: digest.Sum([]byte("x")), Size: 1})
	c.bring("ann", "owner", legs[1], all)
	legs = append(legs, c.takeOver(named, 1))
	c.bringAll("owner", legs, "ann", "bob")
	x := c.shows("bob")
	if x == nil || len(x.Member.Legs) != 2 || x.Member.In != 1 {
		t.Fatalf("bob shows %+v", x)
	}
	for judge := range c.stores {
		c.mustJudge(judge, x, nil)
	}
	late := newSociety(t, "ann")
	late.write("owner", late.topic.Roster(), late.admit("ann"), &roster.Answer{Log: digest.Sum([]byte("x")), Size: 1})
	late.bring("owner", "ann", late.topic.Roster(), 3)
	if x := late.shows("ann"); x != nil {
		t.Errorf("a leg of which a part is held is shown: %+v", x)
	}
}
