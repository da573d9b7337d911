// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

var keys = map[string]ed25519.PrivateKey{}

func keyOf(name string) ed25519.PrivateKey {
	k, ok := keys[name]
	if !ok {
		seed := digest.Sum([]byte(name))
		k = ed25519.NewKeyFromSeed(seed[:])
		keys[name] = k
	}
	return k
}

func pub(name string) roster.Key { return roster.Key(keyOf(name).Public().(ed25519.PublicKey)) }

// A device is a store with a data log, as its peers see it.
type device struct {
	name    string
	account string // name of the account's key
	number  uint64 // of its log
	kem     int    // how often its KEM key was renewed
	log     digest.Hash
	asks    []roster.Ask // of its log
}

// A town is a topic with its people, the records that were written, and a Desk.
type town struct {
	t     testing.TB
	g     identity.Genesis
	topic digest.Hash
	s     *roster.State // the fold of what was written, apart from the Desk's
	legs  []roster.HeldLeg
	boxes map[digest.Hash][]roster.Raw
	kept  []EpochSecret
	desk  *Desk
	now   time.Time

	devices map[string]*device
	byLog   map[digest.Hash]*device
	kems    map[roster.Key][]*seal.PrivateKey // all that a recipient ever had
	names   map[roster.Key]string
	foreign bool // there may be KEM keys that nobody here has
	rng     *rand.ChaCha8
}

func sealedGenesis() identity.Genesis {
	return identity.Genesis{
		Policy: identity.PolicySealed | identity.PolicyHistory | identity.PolicyErasable,
		Owner:  pub("owner"), Steward: pub("desk"), LobbyHash: digest.Sum([]byte("lobby")), EraseDays: 7,
	}
}

func openGenesis() identity.Genesis {
	return identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: 4096,
		Owner: pub("owner"), Steward: pub("desk"), LobbyHash: digest.Sum([]byte("lobby")), JoinHash: digest.Sum([]byte("join")),
	}
}

// found returns a town with its first two records.
func found(t testing.TB, g identity.Genesis) *town {
	t.Helper()
	x := &town{
		t: t, g: g, topic: g.ID(), boxes: map[digest.Hash][]roster.Raw{}, now: time.UnixMilli(1_000_000),
		devices: map[string]*device{}, byLog: map[digest.Hash]*device{}, kems: map[roster.Key][]*seal.PrivateKey{},
		names: map[roster.Key]string{}, rng: rand.NewChaCha8([32]byte{1}),
	}
	x.s, _ = roster.New(x.topic, g.Append(nil))
	c := x.card("owner", "desk")
	first, err := roster.FirstRecords(x.topic, g.Append(nil), c, keyOf("owner"), keyOf("desk"))
	if err != nil {
		t.Fatal(err)
	}
	x.beginLeg(roster.LegID{Log: roster.LegLog(x.topic, c.Device, 0, 0), Author: c.Device}, first[0])
	x.append(first[1])
	x.restart()
	return x
}

func (x *town) open() bool { return x.g.Policy.Has(identity.PolicyOpen) }

// kemOf makes a KEM key of a name that a recipient has; nothing in an open topic.
func (x *town) kemOf(k roster.Key, name string) []byte {
	if x.open() {
		return nil
	}
	private := seal.NewPrivateKey(seal.Secret(digest.Sum([]byte("kem " + name))))
	x.kems[k] = append(x.kems[k], private)
	return private.Public()[:]
}

// device returns a device by its name, and makes its next log if it has none.
func (x *town) device(account, name string) *device {
	d := x.devices[name]
	if d == nil {
		d = &device{name: name, account: account}
		x.devices[name] = d
		x.names[pub(name)], x.names[pub(account)] = name, account
		x.turn(d, 0)
	}
	return d
}

// turn gives a device another log.
func (x *town) turn(d *device, number uint64) {
	if number > 0 {
		past := *d
		x.byLog[d.log] = &past
	}
	d.number, d.asks = number, nil
	d.log = roster.DataLog(x.topic, pub(d.name), 4096, number)
	x.byLog[d.log] = d
}

// card returns the card of a newcomer with its first device.
func (x *town) card(account, name string) roster.Card {
	d := x.device(account, name)
	return roster.Card{
		Account: pub(account), Device: pub(name), PageBytes: 4096, Number: d.number,
		KEM: x.kemOf(pub(name), fmt.Sprint(name, d.number, d.kem)), AccountKEM: x.kemOf(pub(account), account),
	}
}

// deviceCard returns the card of one more device.
func (x *town) deviceCard(account, name string) roster.DeviceCard {
	d := x.device(account, name)
	return roster.DeviceCard{
		Account: pub(account), Device: pub(name), PageBytes: 4096, Number: d.number,
		KEM: x.kemOf(pub(name), fmt.Sprint(name, d.number, d.kem)),
	}
}

// ask appends an ask to a device's log.
func (x *town) ask(d *device, a roster.Ask) Ask {
	x.t.Helper()
	b, err := roster.EncodeAsk(nil, a)
	if err != nil {
		x.t.Fatal(err)
	}
	if a, err = roster.DecodeAsk(a.Type(), b); err != nil {
		x.t.Fatal(err)
	}
	d.asks = append(d.asks, a)
	return Ask{roster.AskRef{Log: d.log, Seq: uint64(len(d.asks) - 1)}, a}
}

// request appends a request, at the position that is held now, to a device's log.
func (x *town) request(name string, content any) Ask {
	x.t.Helper()
	q, err := roster.NewRequest(x.s, content)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.ask(x.devices[name], q)
}

// join returns the ask of a newcomer with an invite.
func (x *town) join(account, name, invite string) Ask {
	x.t.Helper()
	c := x.card(account, name)
	return x.ask(x.devices[name], roster.NewJoin(x.topic, c, keyOf(account), keyOf(name), keyOf(invite)))
}

// link returns the ask of a new device of an account, in its own log.
func (x *town) link(account, name, signer string) Ask {
	x.t.Helper()
	c := x.deviceCard(account, name)
	return x.ask(x.devices[name], &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf(signer), keyOf(name))})
}

func (x *town) invite(name string, role roster.Role, uses uint16) *roster.Invite {
	return &roster.Invite{Key: pub(name), Role: role, Uses: uses, KEM: x.kemOf(pub(name), name)}
}

func (x *town) linkInvite(name, account, signer string) *roster.Invite {
	v := x.invite(name, roster.Device, 1)
	v.SignLink(x.topic, pub(account), keyOf(signer))
	return v
}

func (x *town) admission(role roster.Role, account, name string) *roster.AskedAdmit {
	return &roster.AskedAdmit{Role: role, Card: roster.SignCard(x.topic, x.card(account, name), keyOf(account), keyOf(name))}
}

// Held is how the Desk learns up to where logs count.
func (x *town) Held(log digest.Hash) (uint64, digest.Hash, error) {
	d := x.byLog[log]
	if d == nil || len(d.asks) == 0 {
		return 0, digest.Empty, nil
	}
	return uint64(len(d.asks)), digest.Sum(fmt.Appendf(log[:], " %d", len(d.asks))), nil
}

// restart makes the Desk anew, of what was written.
func (x *town) restart() {
	x.t.Helper()
	s, err := roster.Choose(x.topic, x.g.Append(nil), x.legs)
	if err != nil {
		x.t.Fatal(err)
	}
	leg := s.Steward()
	log := roster.BoxLog(x.topic, leg.Author, leg.Term, leg.Leg)
	x.desk, err = New(Config{
		State: s, Device: leg.Author, Secrets: x.kept, Boxes: uint64(len(x.boxes[log])), Last: x.last(), Logs: x, Rand: x.rng,
	})
	if err != nil {
		x.t.Fatal(err)
	}
}

// last returns the time of the newest record.
func (x *town) last() int64 {
	l := x.legs[len(x.legs)-1].Records
	return l[len(l)-1].Time
}

func (x *town) beginLeg(id roster.LegID, r roster.Raw) {
	x.t.Helper()
	if err := x.s.BeginLeg(id.Log, id.Author, id.Term, id.Leg); err != nil {
		x.t.Fatal(err)
	}
	x.legs = append(x.legs, roster.HeldLeg{LegID: id})
	x.append(r)
}

// append writes one record, which has to count.
func (x *town) append(r roster.Raw) roster.Record {
	x.t.Helper()
	l := &x.legs[len(x.legs)-1]
	if n := len(l.Records); n > 0 && r.Time < l.Records[n-1].Time {
		x.t.Fatalf("%s: time goes back from %d to %d", r.Type, l.Records[n-1].Time, r.Time)
	}
	e, err := x.s.Apply(uint64(len(l.Records)), r.Type, r.Time, r.Body)
	if err != nil || e.Void != "" {
		x.t.Fatalf("%s at %v: %q, %v", r.Type, e.At, e.Void, err)
	}
	l.Records = append(l.Records, r)
	return e.Record
}

// write writes a batch as a store does, and checks it.
func (x *town) write(b Batch, err error) Batch {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
	x.keep(b)
	epochs := 0
	for i, r := range b.Records {
		if n := uint64(len(x.legs[len(x.legs)-1].Records)); n != b.First+uint64(i) {
			x.t.Fatalf("record %d of a batch from %d at sequence %d", i, b.First, n)
		}
		if r.Type == "xf/epoch" {
			epochs++
		}
		x.check(x.append(r))
	}
	if e, _ := x.s.Epoch(); epochs > 1 || (epochs == 1) != (b.Epoch != nil) || b.Epoch != nil && b.Epoch.Number != e.Number {
		x.t.Fatalf("%d epochs in a batch, with the secret %v", epochs, b.Epoch)
	}
	if x.s.Point() != x.desk.State().Point() {
		x.t.Fatalf("the roster is at %v, the Desk at %v", x.s.Point(), x.desk.State().Point())
	}
	if x.s.EpochDue() {
		x.t.Fatal("an epoch is due behind a batch")
	}
	return b
}

// keep writes what comes before the records of a batch.
func (x *town) keep(b Batch) {
	x.t.Helper()
	if b.Epoch != nil {
		x.kept = append(x.kept, *b.Epoch)
	}
	leg := x.s.Steward()
	log := roster.BoxLog(x.topic, leg.Author, leg.Term, leg.Leg)
	if len(b.Boxes) > 0 && b.FirstBox != uint64(len(x.boxes[log])) {
		x.t.Fatalf("boxes from %d on, the log has %d", b.FirstBox, len(x.boxes[log]))
	}
	x.boxes[log] = append(x.boxes[log], b.Boxes...)
}

// answer asks the Desk, and writes what it says.
func (x *town) answer(asks ...Ask) Batch {
	x.t.Helper()
	b := x.write(x.desk.Answer(asks, x.now))
	x.checkTold(&b)
	return b
}

// own lets the steward's person act.
func (x *town) own(content any) Batch {
	x.t.Helper()
	return x.write(x.desk.Own([]Act{{Body: &roster.Request{Content: content}}}, x.now))
}

// fate checks what became of the last ask of a batch.
func (x *town) fate(b Batch, f Fate, why Reason) {
	x.t.Helper()
	if len(b.Outcomes) == 0 {
		x.t.Fatal("no outcome")
	}
	if o := b.Outcomes[len(b.Outcomes)-1]; o.Fate != f || o.Why != why {
		x.t.Errorf("%v: %q, want %v: %q", o.Fate, o.Why, f, why)
	}
}

// admit lets an account in by the owner's word.
func (x *town) admit(role roster.Role, account, name string) {
	x.t.Helper()
	x.fate(x.own(x.admission(role, account, name)), Carried, "")
	d := x.devices[name]
	d.asks = append(d.asks, &roster.EraseOwn{}) // some event
}
