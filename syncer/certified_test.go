// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

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

func newClub(t testing.TB) *club { return newClubOf(t, 0) }

// newClubOf returns a club of the same people in another topic for each number.
func newClubOf(t testing.TB, n byte) *club {
	c := &club{t: t, keys: map[string]ed25519.PrivateKey{}}
	c.genesis = identity.Genesis{
		Policy: identity.PolicySealed, Owner: c.id("owner"), Steward: c.id("owner's device"), Salt: [identity.SaltBytes]byte{n}, LobbyHash: identity.LobbyHash(identity.Secret{1}),
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
	size    int // of the roster, at first
	shows   func(m *member) *roster.Certificate
	stays   bool   // does not leave though it was
	replays []byte // shows this instead
	house   *house
	shown   []byte // what it showed last
	refused int    // certificates of others
}

// holds returns how much of the roster the member has by now.
func (m *member) holds() int {
	p, err := m.house.Position(m.genesis.ID())
	if err != nil {
		m.t.Fatal(err)
	}
	return int(p.Size)
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
	for i, b := range m.roster.Records[:m.holds()] {
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
func (m *member) Certificate(topic identity.TopicID, binding []byte, dialer bool) ([]byte, error) {
	if m.replays != nil {
		return m.replays, nil
	}
	x := m.shows(m)
	if err := x.Sign(topic, binding, dialer, m.key(m.name)); err != nil {
		m.t.Fatal(err)
	}
	b, err := roster.AppendCertificate(nil, x)
	if err != nil {
		m.t.Fatal(err)
	}
	m.shown = b
	return b, nil
}

// Removed implements Certificates.
func (m *member) Removed(identity.TopicID) (bool, error) {
	d, known := m.state().Device(m.id(m.name))
	return known && !d.Belongs && !m.stays, nil
}

// Verify implements Certificates.
func (m *member) Verify(_ identity.TopicID, binding []byte, dialer bool, body []byte) error {
	x, err := roster.DecodeCertificate(body)
	if err == nil {
		err = x.Verify(m.state(), binding, dialer)
	}
	if err != nil {
		m.refused++
	}
	return err
}

// sealedRecord is a record as data of a sealed topic has them.
func sealedRecord(text string) []byte {
	r, err := event.AppendRecord(nil, event.Event{Type: "t", Payload: []byte(text + strings.Repeat(".", 100))}, 1, event.FlagSealedPayload)
	if err != nil {
		panic(err)
	}
	return r
}

// log puts a log of the club into a house, with records of a topic that others hold.
func (c *club) log(h *house, name identity.LogName, author string, records [][]byte) {
	l := h.log(LogOf(name.ID(), name, &c.genesis))
	l.Key = c.key(author)
	for _, b := range records {
		l.add(b)
	}
	l.SignAll()
}

func (c *club) boxes() identity.LogName {
	return identity.LogName{Topic: c.genesis.ID(), Author: c.genesis.Steward, PageBytes: identity.RosterPageBytes, Kind: identity.KindBoxes}
}

func (c *club) data(device string) identity.LogName {
	return identity.DataLog(c.genesis.ID(), c.id(device), 4096)
}

// visitOfMembers connects two members with two join keys, each with its roster and a log
// of its own. Who holds the whole roster has boxes too.
func (c *club) visitOfMembers(seed uint64, both [2]*member) *visit {
	topic := c.genesis.ID()
	houses := [2]*house{newHouse(1), newHouse(2)}
	for i, m := range both {
		if m.house != nil { // it has another session
			houses[i] = m.house
		}
	}
	box, err := event.AppendRecord(nil, event.Event{Type: "xf/box", Payload: make([]byte, 1241)}, 1, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, m := range both {
		if m.house != nil {
			continue
		}
		m.house = houses[i]
		c.log(houses[i], identity.RosterLog(topic, c.genesis.Steward, 0, 0), "owner's device", c.roster.Records[:m.size])
		c.log(houses[i], c.data(m.name), m.name, [][]byte{sealedRecord(m.name)})
		if m.size == len(c.roster.Records) {
			c.log(houses[i], c.boxes(), "owner's device", [][]byte{box, box})
		}
	}
	v := visitOf(c.t, seed, houses[0], houses[1], func(i int, cfg *Config) {
		keys := identity.TopicKeys{Lobby: identity.Secret{1}, Join: identity.Secret{2, byte(i)}}
		cfg.Topics = []*Topic{{ID: topic, Keys: keys, Policy: c.genesis.Policy, Genesis: &c.genesis}}
		cfg.Named, cfg.Certificates = yes, both[i]
	})
	v.real = topic
	return v
}

// A heardOf is what a side was told, by kinds of logs and their authors.
type heardOf struct {
	boxes, certificate bool
	data               map[roster.Key]bool
}

func (h *heardOf) hear(in Input) {
	m, ok := in.(Received)
	if !ok {
		return
	}
	log := func(kind identity.LogKind, author roster.Key) {
		switch kind {
		case identity.KindBoxes:
			h.boxes = true
		case identity.KindData:
			h.data[author] = true
		}
	}
	switch m := m.Message.(type) {
	case *messages.Certificate:
		h.certificate = true
	case *messages.Events:
		log(m.Kind, m.Author)
	case *messages.Diff:
		for _, e := range m.Entries {
			log(e.Kind, e.Author)
		}
	}
}

// run runs a visit for so many seconds, and returns what each side heard.
func (v *visit) run(seconds int) (heard [2]heardOf) {
	for i := range heard {
		heard[i].data = map[roster.Key]bool{}
	}
	for range seconds {
		for more := true; more; {
			had := [2]int{len(v.in[0]), len(v.in[1])}
			more = v.step()
			for i := range v.in {
				for k := max(0, had[i]-1); k < len(v.in[i]); k++ { // one may have been taken
					heard[i].hear(v.in[i][k])
				}
			}
		}
		v.now = v.now.Add(time.Second)
		for i := range v.ends {
			if v.tick[i] {
				v.tick[i], v.in[i] = false, append(v.in[i], Tick{v.now})
			}
		}
	}
	return heard
}

// How a visit of members ends.
type outcome string

const (
	shares  outcome = "shared as far as certificates go"
	told    outcome = "the one that was removed knows it, and both left the topic"
	refuses outcome = "refused"
	silent  outcome = "nobody says anything"
)

// Members of a topic with two join keys, one of whom was away while somebody was
// removed, show each other real certificates: they share the roster, and its boxes. Who was
// removed gets the roster alone, and then neither side shares the topic. Data is
// nobody's, but the log with which a newcomer asks.
func TestCertificatesOfARoster(t *testing.T) {
	whole, behind := bobGoes+1, bobJoins+1
	for seed, c := range []struct {
		what             string
		dialer, listener member
		ends             outcome
		answered         bool
	}{
		{"a member that was away", member{name: "ann's device", size: behind, shows: belongs(annJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, shares, true},
		{"a member that knows more", member{name: "owner's device", size: whole, shows: belongs(1)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, shares, true},
		{"a member from before the other joined", member{name: "ann's device", size: whole, shows: belongs(annJoins)}, member{name: "owner's device", size: 2, shows: belongs(1)}, shares, true},
		{"a removed member", member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, told, true},
		{"a removed member that does not leave", member{name: "bob's device", size: behind, shows: belongs(bobJoins), stays: true}, member{name: "owner's device", size: whole, shows: belongs(1)}, told, true},
		{"a removed member that knows it", member{name: "bob's device", size: whole, shows: belongs(bobJoins)}, member{name: "owner's device", size: whole, shows: belongs(1)}, told, true},
		{"a removed member that knows it, and one who does not", member{name: "bob's device", size: whole, shows: belongs(bobJoins)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, told, true},
		{"a removed member that listens", member{name: "owner's device", size: whole, shows: belongs(1)}, member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, told, true},
		{"a removed member that listens and knows it", member{name: "owner's device", size: whole, shows: belongs(1)}, member{name: "bob's device", size: whole, shows: belongs(bobJoins)}, told, true},
		{"a removed member and one who does not know", member{name: "bob's device", size: behind, shows: belongs(bobJoins)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, shares, true},
		{"another's admission", member{name: "bob's device", size: behind, shows: belongs(annJoins)}, member{name: "ann's device", size: behind, shows: belongs(annJoins)}, refuses, false},
		{"a newcomer with an invite", member{name: "zoe's device", size: 2, shows: invited}, member{name: "owner's device", size: whole, shows: belongs(1)}, shares, true},
		{"a newcomer before its invite", member{name: "zoe's device", size: 2, shows: invited}, member{name: "owner's device", size: 2, shows: belongs(1)}, refuses, false},
		{"a device that its account signs for", member{name: "ann's tablet", size: 2, shows: added("ann's device")}, member{name: "owner's device", size: whole, shows: belongs(1)}, shares, true},
		{"a device that a stranger signs for", member{name: "ann's tablet", size: 2, shows: added("zoe")}, member{name: "owner's device", size: whole, shows: belongs(1)}, refuses, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			k := newClub(t)
			both := [2]*member{&c.dialer, &c.listener}
			c.dialer.club, c.listener.club = k, k
			v := k.visitOfMembers(uint64(seed), both)
			heard := v.run(10)
			if heard[0].certificate != c.answered {
				t.Errorf("the listener showed its own: %v", heard[0].certificate)
			}
			k.mustEnd(v, c.ends, both, max(c.dialer.size, c.listener.size))
			k.mustHear(both, heard, c.ends)
			if quiet := v.run(15); quiet[0].certificate || quiet[1].certificate {
				t.Error("certificates are shown again and again")
			}
			for i, f := range v.failed {
				if f != nil && c.ends != refuses {
					t.Errorf("side %d: %+v", i, *f)
				}
			}
		})
	}
}

// mustHear checks what of other logs came: of data the log with which a newcomer asks, and
// nothing but the roster if a removed member is there.
func (c *club) mustHear(both [2]*member, heard [2]heardOf, ends outcome) {
	newcomers := map[roster.Key]bool{c.id("zoe's device"): true, c.id("ann's tablet"): true}
	for i, m := range both {
		other := both[1-i]
		for author := range heard[i].data {
			if !newcomers[author] {
				c.t.Errorf("%s heard of data of %s", m.name, author.Short())
			}
		}
		_, has, _ := m.house.Log(c.data(other.name).ID())
		if want := ends == shares && newcomers[c.id(other.name)]; has != want {
			c.t.Errorf("%s has the log of %s: %v", m.name, other.name, has)
		}
		_, has, _ = m.house.Log(c.boxes().ID())
		if want := ends == shares && other.size == len(c.roster.Records) || m.size == len(c.roster.Records); has != want || heard[i].boxes && ends != shares {
			c.t.Errorf("%s has boxes: %v, heard of them: %v", m.name, has, heard[i].boxes)
		}
	}
}

// mustEnd checks how a visit ended.
func (c *club) mustEnd(v *visit, want outcome, both [2]*member, size int) {
	_, x := v.shared[0][0]
	_, y := v.shared[1][0]
	if want == refuses {
		var code messages.Code
		for _, f := range v.failed {
			if f != nil {
				code = f.Code
			}
		}
		if code != messages.CodeCertificate || both[0].refused+both[1].refused != 1 {
			c.t.Errorf("code %v, refused %d and %d", code, both[0].refused, both[1].refused)
		}
		return
	}
	if x != y || x != (want == shares) {
		c.t.Errorf("shared %v and %v, failed %v", x, y, v.failed)
	}
	if want != silent && (both[0].holds() != size || both[1].holds() != size) {
		c.t.Errorf("%d and %d records of the roster are held, want %d", both[0].holds(), both[1].holds(), size)
	}
	if agreed := v.agreed[0][v.real] && v.agreed[1][v.real]; agreed != (want == shares) {
		c.t.Errorf("agreed %v", v.agreed)
	}
}
