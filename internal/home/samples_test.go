// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

func word(s string) [32]byte { return digest.Sum([]byte(s)) }

// person is the words of the tests.
var person = identity.Words{Secret: word("words")}

// members is a topic of members.
func members() (*identity.Genesis, identity.TopicKeys) {
	keys := identity.TopicKeys{Lobby: word("lobby"), Join: word("join")}
	owner := identity.AccountSecret{Secret: word("owner")}
	g := &identity.Genesis{Policy: identity.PolicySealed | identity.PolicyHistory, Owner: identity.PublicKey(owner.Key()), LobbyHash: identity.LobbyHash(keys.Lobby)}
	identity.Seed(word("steward")).Found(identity.Generation{1}, g)
	return g, keys
}

func position(size uint64) *identity.Position {
	return &identity.Position{Term: 1, Leg: 2, Size: size, Root: word("root")}
}

func place(n byte, host string) identity.Address {
	return identity.Address{Peer: identitytest.Device(n).PeerID(), Host: host}
}

func statements() []*Statement {
	open := identitytest.NewTopic(1)
	g, keys := members()
	return []*Statement{
		{Genesis: open.Genesis, Keys: open.Keys, Roster: position(2), Default: true, Name: "die Gärtner", Named: 1700000000123, Places: []identity.Address{place(1, "10.0.0.1:4040"), place(2, "tcp://example.org:443")}},
		{Genesis: g, Keys: keys, Account: word("account")},
		{Genesis: g, Keys: keys, Roster: position(7), Left: true, Name: "family", Named: 1, Account: word("account"), Box: bytes.Repeat([]byte{7}, roster.RecoveryBytes)},
	}
}

// claim is a device's, in the topic of members.
func claim() (topic digest.Hash, c roster.DeviceClaim) {
	g, _ := members()
	key := identitytest.Device(3).AuthorKey(g)
	card := roster.DeviceCard{Account: word("account"), Device: identity.PublicKey(key), PageBytes: 16384, KEM: bytes.Repeat([]byte{4}, seal.PublicKeyBytes)}
	return g.ID(), roster.ClaimDevice(g.ID(), card, key)
}

// claimOf is another one of the same device.
func claimOf(n int) roster.DeviceClaim {
	g, _ := members()
	topic, c := claim()
	c.Card.KEM = bytes.Repeat([]byte{byte(16 + n)}, seal.PublicKeyBytes)
	return roster.ClaimDevice(topic, c.Card, identitytest.Device(3).AuthorKey(g))
}

func grants() (all []*Grant) {
	topic, c := claim()
	signer := identity.AccountSecret{Secret: word("signer")}.Key()
	secret := Epoch{Number: 3, Secret: word("secret"), Join: word("join"), Readers: word("readers")}
	secret.ID = seal.EpochID(seal.Secret(secret.Secret), 3, seal.JoinKeyHash(seal.Secret(secret.Join)), secret.Readers)
	for _, e := range []Epoch{secret, {Number: 1 << 40, ID: word("epoch"), Join: word("join")}} {
		all = append(all, &Grant{Epoch: e, Device: roster.SignClaim(topic, c, signer)})
	}
	return all
}

// deviceKey is the key of the author of samples in a topic.
func deviceKey(topic digest.Hash) *DeviceKey {
	g, _ := members()
	home := person.Home().Genesis
	return SignDeviceKey(home.ID(), topic, word("author"), identitytest.Device(3).AuthorKey(g))
}

// petnames are some that the person gave.
func petnames() []*Petname {
	return []*Petname{
		{word("ben"), naming.Petname{Given: 1700000000123, Name: "der Gärtner"}},
		{word("cy"), naming.Petname{Given: 1700000000124}},
	}
}

func root() *Root {
	h := person.Home()
	return SignRoot(h.Genesis.ID(), seal.NewPrivateKey(seal.Secret(person.RootKEMSeed())).Public(), h.Account.Key())
}

// A sample is an event of a type, and what decodes and encodes its payload.
type sample struct {
	Entry
	again func([]byte) ([]byte, error)
}

func samples(t testing.TB) (all []sample) {
	t.Helper()
	add := func(typ string, key digest.Hash, payload []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		e := Entry{Author: word("author"), Type: typ, Payload: payload}
		if typ != TypeRoot {
			e.Key = key[:]
		}
		all = append(all, sample{e, codecs[typ]})
	}
	for _, s := range statements() {
		add(TypeTopic, s.Topic(), s.Append(nil), nil)
	}
	topic, c := claim()
	b, err := AppendCard(nil, &c)
	add(TypeCard, topic, b, err)
	for _, g := range grants() {
		b, err := g.Append(nil)
		add(TypeDevice, topic, b, err)
	}
	for _, p := range petnames() {
		add(TypeName, topic, p.Append(nil), nil)
	}
	add(TypeKey, topic, deviceKey(topic).Append(nil), nil)
	add(TypeGone, word("gone"), AppendGone(nil), nil)
	add(TypeRoot, digest.Hash{}, root().Append(nil), nil)
	return all
}

// codecs decode a payload and encode it again.
var codecs = map[string]func([]byte) ([]byte, error){
	TypeRoot: func(b []byte) ([]byte, error) {
		r, err := ParseRoot(b)
		if err != nil {
			return nil, err
		}
		return r.Append(nil), nil
	},
	TypeTopic: func(b []byte) ([]byte, error) {
		s, err := ParseStatement(b)
		if err != nil {
			return nil, err
		}
		return s.Append(nil), nil
	},
	TypeCard: func(b []byte) ([]byte, error) {
		c, err := ParseCard(b)
		if err != nil {
			return nil, err
		}
		return AppendCard(nil, c)
	},
	TypeKey: func(b []byte) ([]byte, error) {
		k, err := ParseDeviceKey(b)
		if err != nil {
			return nil, err
		}
		return k.Append(nil), nil
	},
	TypeGone: func(b []byte) ([]byte, error) { return AppendGone(nil), ParseGone(b) },
	TypeName: func(b []byte) ([]byte, error) {
		p, err := ParsePetname(b)
		if err != nil {
			return nil, err
		}
		return p.Append(nil), nil
	},
	TypeDevice: func(b []byte) ([]byte, error) {
		g, err := ParseGrant(b)
		if err != nil {
			return nil, err
		}
		return g.Append(nil)
	},
}

func newState() *State {
	h := person.Home()
	return New(&h.Genesis)
}
