// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/steward"
)

// A Founding is what a new topic is to be. The zero value is a plain topic of members.
type Founding struct {
	Policy    identity.Policy
	PageBytes int // of the logs in it; 0 means the store's default

	Successors [][identity.KeyBytes]byte // rising
	Need       int                       // of them
}

// NewFounding returns the change that makes a new topic, of which this device is the
// steward and a new account the owner, and this store's log in it. A topic that a person
// named gives way to no other as the default.
func (s *Store) NewFounding(name string, f Founding, now time.Time) (*Join, error) {
	if f.PageBytes == 0 {
		f.PageBytes = s.format.PageBytes
	}
	secret, err := identity.NewAccountSecret(nil)
	if err != nil {
		return nil, err
	}
	keys, err := identity.NewTopicKeys(nil)
	if err != nil {
		return nil, err
	}
	g := &identity.Genesis{Policy: f.Policy, Owner: identity.PublicKey(secret.Key()), LobbyHash: identity.LobbyHash(keys.Lobby)}
	g.Successors, g.Need = f.Successors, f.Need
	if f.Policy.Has(identity.PolicyOpen) {
		g.PageBytes, g.JoinHash = uint32(f.PageBytes), identity.JoinHash(keys.Join)
	}
	rand.Read(g.Salt[:]) // never fails (crypto/rand)
	device := s.device.Seed.Found(s.device.Generation, g)
	if err := g.Check(); err != nil {
		return nil, err
	}
	j := newJoin(&Topic{ID: g.ID(), Genesis: g, Keys: keys, Account: secret, Name: name, Kept: name != ""}, device, f.PageBytes)
	if f.Policy.Has(identity.PolicyOpen) && f.Need == 0 { // successors name a part of the roster
		return j, nil // see unbegun.go
	}
	if j.recovery, err = s.RecoveryBox(j.Topic.ID, secret); err != nil {
		return nil, err
	}
	return j, j.found(secret, device, uint32(f.PageBytes), now)
}

// Found founds a topic in a store whose actors do not run.
func (s *Store) Found(name string, f Founding, now time.Time) (*Topic, error) {
	j, err := s.NewFounding(name, f, now)
	if err != nil {
		return nil, err
	}
	return j.Topic, s.Do(j)
}

// found begins the topic's roster: with genesis and the owner's admission of this
// device, and with the first epoch if the topic has any.
func (j *Join) found(account identity.AccountSecret, device ed25519.PrivateKey, pageBytes uint32, now time.Time) error {
	t := j.Topic
	card, err := j.card(account, device, pageBytes)
	if err != nil {
		return err
	}
	first, err := roster.FirstRecords(t.ID, t.Genesis.Append(nil), card, account.Key(), device)
	if err != nil {
		return err
	}
	return j.foundLeg(t.Roster(), first[:], now)
}

// foundLeg begins the topic's roster with its first records, and with the first epoch if
// the topic has any.
func (j *Join) foundLeg(leg identity.LogName, records []roster.Raw, now time.Time) error {
	t := j.Topic
	for i := range records {
		records[i].Time = now.UnixMilli()
	}
	if !t.Genesis.Policy.Has(identity.PolicyOpen) {
		epoch, err := firstEpoch(t, leg, records, now)
		if err != nil {
			return err
		}
		e := epoch.Epoch
		t.Keys.Join = identity.Secret(e.Join)
		body := epoch.Record
		j.epochs = map[digest.Hash]layout.EpochSecret{body.ID: {Number: e.Number, Secret: identity.Secret(e.Secret), Join: t.Keys.Join, Readers: body.Readers}}
		term, number := identity.SplitRosterNumber(leg.Number)
		if err := j.begin(identity.BoxLog(t.ID, leg.Author, term, number), epoch.Boxes); err != nil {
			return err
		}
		records = append(records, epoch.Records...)
	}
	return j.begin(leg, records)
}

// A begun is the first epoch of a topic, as it is written.
type begun struct {
	steward.Batch
	Record *roster.Epoch
}

// firstEpoch makes the first epoch of a topic that was just founded.
func firstEpoch(t *Topic, name identity.LogName, first []roster.Raw, now time.Time) (b begun, err error) {
	st, err := roster.New(t.ID, t.Genesis.Append(nil))
	if err != nil {
		return b, err
	}
	leg := legOf(name)
	if err := st.BeginLeg(leg.Log, leg.Author, leg.Term, leg.Leg); err != nil {
		return b, err
	}
	for i, r := range first {
		if _, err := st.Apply(uint64(i), r.Type, r.Time, r.Body); err != nil {
			return b, err
		}
	}
	desk, err := steward.New(steward.Config{State: st, Device: leg.Author, Last: now.UnixMilli(), Logs: noLogs{}, Rand: rand.Reader})
	if err != nil {
		return b, err
	}
	if b.Batch, err = desk.Due(now); err != nil {
		return b, err
	}
	e, _ := desk.State().Epoch()
	b.Record = &e.Epoch
	return b, nil
}

// noLogs is what is held of data logs before there are any.
type noLogs struct{}

func (noLogs) Held(digest.Hash) (uint64, digest.Hash, error) { return 0, digest.Empty, nil }

// card says who a newcomer is, and keeps the KEM keys that are made for that.
func (j *Join) card(account identity.AccountSecret, device ed25519.PrivateKey, pageBytes uint32) (roster.Card, error) {
	card := roster.Card{Account: roster.Key(identity.PublicKey(account.Key())), Device: roster.Key(identity.PublicKey(device)), PageBytes: pageBytes, Number: j.row.Number, Recovery: j.recovery}
	if j.Topic.Genesis.Policy.Has(identity.PolicyOpen) {
		return card, nil
	}
	seed, err := seal.ReadSecret(rand.Reader)
	if err != nil {
		return card, err
	}
	j.kems = []layout.KEMKey{
		{Recipient: card.Device, Seed: identity.Secret(seed)},
		{Recipient: card.Account, Seed: account.KEMSeed()},
	}
	card.KEM = seal.NewPrivateKey(seed).Public()[:]
	card.AccountKEM = seal.NewPrivateKey(seal.Secret(account.KEMSeed())).Public()[:]
	return card, nil
}

// A beginning is the first events of a log that comes with a topic.
type beginning struct {
	name    identity.LogName
	records []byte
	count   uint64
	last    int64 // time of the last
}

// begin has a log of this store begin with records.
func (j *Join) begin(name identity.LogName, all []roster.Raw) error {
	b := beginning{name: name, count: uint64(len(all))}
	for _, r := range all {
		var err error
		if b.records, err = event.AppendRecord(b.records, event.Event{Type: r.Type, Payload: r.Body}, r.Time, 0); err != nil {
			return err
		}
		b.last = r.Time
	}
	j.begins = append(j.begins, b)
	return nil
}

// beginSealed has a log of this store begin with one sealed event.
func (j *Join) beginSealed(name identity.LogName, payload []byte, now time.Time) (err error) {
	b := beginning{name: name, count: 1, last: now.UnixMilli()}
	b.records, err = event.AppendRecord(nil, event.Event{Payload: payload}, b.last, event.FlagSealedPayload|event.FlagSealedHeader)
	j.begins = append(j.begins, b)
	return err
}

// write puts a log's beginning into the transaction, unless the log is there, and returns
// its row. Its head is signed when somebody asks for it.
func (b *beginning) write(txn *aof.Txn) (*aof.LogRow, error) {
	_, found, err := txn.Log(b.name.ID())
	if err != nil || found {
		return nil, err
	}
	row := aof.NewLogRow(b.name, true)
	if err := txn.PutLog(&row); err != nil {
		return nil, err
	}
	if err := txn.AppendEvents(row.Num, 0, b.records, int(b.count)); err != nil {
		return nil, err
	}
	row.Size, row.LastTime = b.count, b.last
	return &row, txn.PutLog(&row)
}

// foundingCount is how many records a roster begins with.
const foundingCount = 2
