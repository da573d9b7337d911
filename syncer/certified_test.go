// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A club is a sealed topic with a roster in one leg: its owner, ann and bob, who is
// removed by the last record, an invite, and a second device of ann's to come.
type club struct {
	t       testing.TB
	genesis identity.Genesis
	keys    map[string]ed25519.PrivateKey
	roster  memlog.Log
}

// key returns the key of a name, another one for each.
func (c *club) key(name string) ed25519.PrivateKey {
	if c.keys[name] == nil {
		seed := digest.Sum([]byte(name))
		c.keys[name] = ed25519.NewKeyFromSeed(seed[:])
	}
	return c.keys[name]
}

func (c *club) id(name string) roster.Key { return roster.Key(identity.PublicKey(c.key(name))) }

func (c *club) kem(name string) []byte {
	b := make([]byte, roster.KEMBytes)
	copy(b, name)
	return b
}

// The records of a club, by their sequences.
const (
	annJoins = 3
	bobJoins = 4
	bobGoes  = 5
)

func newClub(t testing.TB) *club {
	c := &club{t: t, keys: map[string]ed25519.PrivateKey{}}
	c.genesis = identity.Genesis{
		Policy: identity.PolicySealed, Owner: c.id("owner"), Steward: c.id("owner's device"), LobbyHash: identity.LobbyHash(identity.Secret{1}),
	}
	if err := c.genesis.Check(); err != nil {
		t.Fatal(err)
	}
	c.write(&roster.Founding{Body: c.genesis.Append(nil)})
	c.write(&roster.Admit{Role: roster.Owner, Card: c.card("owner")})
	c.write(&roster.MakeInvite{Invite: roster.Invite{Key: c.id("invite"), Role: roster.Writer, Uses: 3, KEM: c.kem("invite")}})
	c.write(&roster.Admit{Role: roster.Writer, Card: c.card("ann")})
	c.write(&roster.Admit{Role: roster.Writer, Card: c.card("bob")})
	c.write(&roster.Remove{Target: roster.Target{Account: c.id("bob")}, Keep: []roster.Key{c.id("invite")}})
	return c
}

func (c *club) card(name string) roster.SignedCard {
	device := name + "'s device"
	k := roster.Card{Account: c.id(name), Device: c.id(device), PageBytes: 4096, KEM: c.kem(device), AccountKEM: c.kem(name)}
	return roster.SignCard(c.genesis.ID(), k, c.key(name), c.key(device))
}

func (c *club) write(r roster.Record) {
	if err := c.roster.Add(encodedRecord(r)); err != nil {
		c.t.Fatal(err)
	}
}

// prove shows record i under the roster's first size records.
func (c *club) prove(typ uint8, i, size int) roster.RecordProof {
	rec, _, err := event.DecodeRecord(c.roster.Records[i])
	if err != nil {
		c.t.Fatal(err)
	}
	return roster.RecordProof{Type: typ, Seq: uint64(i), Time: uint64(rec.Time), Body: rec.Payload, Hashes: inclusion(c.roster.Leaves[:size], i)}
}

// inclusion is RFC 6962's proof as it is written there.
func inclusion(leaves []digest.Hash, i int) []digest.Hash {
	if len(leaves) == 1 {
		return nil
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	if i < k {
		return append(inclusion(leaves[:k], i), rootOf(leaves[k:]))
	}
	return append(inclusion(leaves[k:], i-k), rootOf(leaves[:k]))
}

func rootOf(leaves []digest.Hash) digest.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return digest.Node(rootOf(leaves[:k]), rootOf(leaves[k:]))
}

// A member has the first size records of a club's roster, and a certificate.
type member struct {
	*club
	name    string
	size    int
	shows   func(m *member) *roster.Certificate
	refused int // certificates of others
}

// belongs is what a member shows who was admitted by record i.
func belongs(i int) func(m *member) *roster.Certificate {
	return func(m *member) *roster.Certificate {
		steward := m.key("owner's device")
		log := roster.LegLog(m.genesis.ID(), m.genesis.Steward, 0, 0)
		h := proof.Sign(steward, log, uint64(m.size), rootOf(m.roster.Leaves[:m.size]))
		leg := roster.LegProof{Author: m.genesis.Steward, Head: roster.Head{Size: h.Size, Root: h.Root, Sig: h.Sig}, Begin: m.prove(roster.ProvesGenesis, 0, m.size)}
		return &roster.Certificate{Member: &roster.Membership{
			Device: m.id(m.name), Legs: []roster.LegProof{leg}, Record: m.prove(roster.ProvesAdmit, i, m.size),
		}}
	}
}

// invited is what a newcomer shows.
func invited(m *member) *roster.Certificate {
	card := m.card("zoe")
	return &roster.Certificate{Invited: &roster.Join{By: roster.ProveInvite(m.genesis.ID(), card.Card, m.key("invite")), Card: card}}
}

// added is what a new device of ann's shows, for which a name signs.
func added(signer string) func(m *member) *roster.Certificate {
	return func(m *member) *roster.Certificate {
		k := roster.DeviceCard{Account: m.id("ann"), Device: m.id(m.name), PageBytes: 4096, KEM: m.kem(m.name)}
		return &roster.Certificate{Added: &roster.DeviceAsk{Device: roster.SignDevice(m.genesis.ID(), k, m.key(signer), m.key(m.name))}}
	}
}

func (m *member) state() *roster.State {
	topic := m.genesis.ID()
	s, err := roster.New(topic, m.genesis.Append(nil))
	if err == nil {
		err = s.BeginLeg(roster.LegLog(topic, m.genesis.Steward, 0, 0), m.genesis.Steward, 0, 0)
	}
	for i, b := range m.roster.Records[:m.size] {
		if err == nil {
			rec, _, _ := event.DecodeRecord(b)
			_, err = s.Apply(uint64(i), string(rec.Type), rec.Time, rec.Payload)
		}
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// Certificate implements Certificates.
func (m *member) Certificate(topic identity.TopicID, binding []byte, dialer bool) ([]byte, bool) {
	x := m.shows(m)
	if err := x.Sign(topic, binding, dialer, m.key(m.name)); err != nil {
		m.t.Fatal(err)
	}
	b, err := roster.AppendCertificate(nil, x)
	if err != nil {
		m.t.Fatal(err)
	}
	return b, true
}

// Verify implements Certificates.
func (m *member) Verify(_ identity.TopicID, _ identity.PeerID, binding []byte, dialer bool, body []byte) error {
	x, err := roster.DecodeCertificate(body)
	if err == nil {
		err = x.Verify(m.state(), binding, dialer)
	}
	if err != nil {
		m.refused++
	}
	return err
}

// visitOfMembers connects two members with two join keys, each with its roster.
func (c *club) visitOfMembers(seed uint64, both [2]*member) *visit {
	topic := c.genesis.ID()
	name := identity.RosterLog(topic, c.genesis.Steward, 0, 0)
	houses := [2]*house{newHouse(1), newHouse(2)}
	for i, m := range both {
		l := houses[i].log(LogOf(name.ID(), name, &c.genesis))
		l.Key = c.key("owner's device")
		for _, b := range c.roster.Records[:m.size] {
			l.add(b)
		}
		l.SignAll()
	}
	v := visitOf(c.t, seed, houses[0], houses[1], func(i int, cfg *Config) {
		keys := identity.TopicKeys{Lobby: identity.Secret{1}, Join: identity.Secret{2, byte(i)}}
		cfg.Topics = []*Topic{{ID: topic, Keys: keys, Policy: c.genesis.Policy, Genesis: &c.genesis}}
		cfg.Named, cfg.Certificates = true, both[i]
	})
	v.real = topic
	return v
}

// Members of a topic with two join keys, one of whom was away while somebody was
// removed, show each other real certificates: they share the topic, and the one
// behind learns of the roster. Who was removed is refused by whoever knows.
func TestCertificatesOfARoster(t *testing.T) {
	whole, behind := bobGoes+1, bobJoins+1
	for seed, c := range []struct {
		what             string
		dialer, listener member
		shared, answered bool
	}{
		{"a member that was away", member{name: "ann's device", size: behind, shows: belongs(annJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, true, true},
		{"a member that knows more", member{name: "owner's device", size: whole, shows: belongs(1)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, true, true},
		{"a member from before the other joined", member{name: "ann's device", size: whole, shows: belongs(annJoins)}, member{name: "owner's device", size: 2, shows: belongs(1)}, true, true},
		{"a removed member", member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, false, false},
		{"a removed member that knows it", member{name: "bob's device", size: whole, shows: belongs(bobJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, false, false},
		{"a removed member that listens", member{name: "owner's device", size: whole, shows: belongs(1)}, member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, false, true},
		{"a removed member and one who does not know", member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, true, true},
		{"another's admission", member{name: "bob's device", size: behind, shows: belongs(annJoins)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, false, false},
		{"a newcomer with an invite", member{name: "zoe's device", size: 2, shows: invited}, member{name: "owner's device", size: whole, shows: belongs(1)}, true, true},
		{"a newcomer before its invite", member{name: "zoe's device", size: 2, shows: invited}, member{name: "owner's device", size: 2, shows: belongs(1)}, false, false},
		{"a device that its account signs for", member{name: "ann's tablet", size: 2, shows: added("ann's device")}, member{name: "owner's device", size: whole, shows: belongs(1)}, true, true},
		{"a device that a stranger signs for", member{name: "ann's tablet", size: 2, shows: added("zoe")}, member{name: "owner's device", size: whole, shows: belongs(1)}, false, false},
	} {
		k := newClub(t)
		c.dialer.club, c.listener.club = k, k
		v := k.visitOfMembers(uint64(seed), [2]*member{&c.dialer, &c.listener})
		answered := false
		for v.step() {
			answered = answered || slices.ContainsFunc(v.in[0], func(in Input) bool {
				m, ok := in.(Received)
				return ok && m.Message.Type() == messages.TypeCertificate
			})
		}
		_, x := v.shared[0][0]
		_, y := v.shared[1][0]
		if answered != c.answered {
			t.Errorf("%s: the listener showed its own: %v", c.what, answered)
		}
		if !c.shared {
			code := messages.Code(0)
			for _, f := range v.failed {
				if f != nil {
					code = f.Code
				}
			}
			if code != messages.CodeCertificate || c.dialer.refused+c.listener.refused != 1 {
				t.Errorf("%s: code %v, refused %d and %d", c.what, code, c.dialer.refused, c.listener.refused)
			}
			continue
		}
		if !x || !y {
			t.Errorf("%s: shared %v and %v, failed %v", c.what, x, y, v.failed)
			continue
		}
		a, _ := v.houses[0].Position(v.real)
		b, _ := v.houses[1].Position(v.real)
		if want := max(c.dialer.size, c.listener.size); a != b || a.Size != uint64(want) || !v.agreed[0][v.real] || !v.agreed[1][v.real] {
			t.Errorf("%s: positions %d and %d, want %d; agreed %v, %v", c.what, a.Size, b.Size, want, v.agreed[0], v.agreed[1])
		}
	}
}
