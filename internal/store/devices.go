// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// Rule: a further device of a person takes part in a topic by a card of its own, which a
// device of the account signs. Its keys are kept before the card is shown to anybody, and
// the topic is joined, with what the card begins, in one step.

// A Claiming is the change that keeps this device's KEM key in a topic that it is to take
// part in, and the card that says so.
type Claiming struct {
	Claim roster.DeviceClaim

	topic digest.Hash
	kems  []layout.KEMKey
}

// NewClaiming returns how this device asks to be one of an account's in a topic that it is
// not in. Asked again it says the same.
func (s *Store) NewClaiming(genesis *identity.Genesis, account roster.Key) (*Claiming, error) {
	c := &Claiming{topic: genesis.ID()}
	key := s.device.AuthorKey(genesis)
	card := roster.DeviceCard{Account: account, Device: identity.PublicKey(key), PageBytes: uint32(s.format.PageBytes)}
	kept, err := s.kemOf(c.topic, card.Device)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		seed, err := newKEM()
		if err != nil {
			return nil, err
		}
		kept = &layout.KEMKey{Recipient: card.Device, Seed: seed}
	}
	c.kems = []layout.KEMKey{*kept}
	card.KEM = seal.NewPrivateKey(seal.Secret(kept.Seed)).Public()[:]
	c.Claim = roster.ClaimDevice(c.topic, card, key)
	return c, nil
}

// kemOf returns the newest KEM key that is kept of a recipient in a topic, or nil.
func (s *Store) kemOf(topic digest.Hash, recipient roster.Key) (found *layout.KEMKey, err error) {
	err = s.aof.View(func(v *aof.View) error {
		keys, _, err := aof.Row(v, layout.KEMKeys, topic)
		for i := range keys {
			if roster.Key(keys[i].Recipient) == recipient && found == nil {
				found = &keys[i]
			}
		}
		return err
	})
	return found, err
}

func (c *Claiming) write(_ *Committer, txn *aof.Txn) error {
	return aof.PutRow(txn, layout.KEMKeys, c.topic, c.kems)
}

func (c *Claiming) made(*Store) error { return nil }

// SignClaim has this device sign that another one is of its account in a topic.
func (s *Store) SignClaim(t *Topic, c roster.DeviceClaim) (roster.SignedDevice, error) {
	key, err := s.authorKey(t)
	if err != nil {
		return roster.SignedDevice{}, err
	}
	return roster.SignClaim(t.ID, c, key.key), nil
}

// SignHomeKey has this device's key in a topic sign which key it has in the home topic. The
// error is ErrIdentity if this store does not have the key that the topic's log is signed
// with.
func (s *Store) SignHomeKey(t *Topic, homeTopic digest.Hash, device roster.Key) (*home.DeviceKey, error) {
	key, err := s.authorKey(t)
	if err != nil {
		return nil, err
	}
	return home.SignDeviceKey(homeTopic, t.ID, device, key.key), nil
}

// SignLink makes v an invite for one more device of the account that this one is of.
func (s *Store) SignLink(t *Topic, v *roster.Invite) error {
	key, err := s.authorKey(t)
	if err != nil {
		return err
	}
	account, err := s.accountOf(t)
	if err != nil {
		return err
	}
	v.SignLink(t.ID, account, key.key)
	return nil
}

// authorKey returns the key that this device signs with in a topic.
func (s *Store) authorKey(t *Topic) (*signer, error) {
	l, err := s.Log(t.Log)
	if err != nil {
		return nil, err
	}
	key, ok := s.device.AuthorKeyOf(t.Genesis, l.Author)
	if !ok {
		return nil, fmt.Errorf("%w (log %s)", ErrIdentity, l.ID.Short())
	}
	return newSigner(key), nil
}

// Account returns the account that this device is of in a topic, by the roster or by what
// is kept here; zeros if it is of none.
func (s *Store) Account(t *Topic) (roster.Key, error) { return s.accountOf(t) }

// NewestEpoch returns the newest epoch of a topic's roster; false if its keys are not here.
func (s *Store) NewestEpoch(t *Topic) (e home.Epoch, here bool, err error) {
	if err = s.askRoster(t, func(st *roster.State) {
		if newest, ok := st.Epoch(); ok {
			e = home.Epoch{Number: newest.Number, ID: newest.ID, Readers: newest.Readers}
		}
	}); err != nil {
		return e, false, err
	}
	err = s.aof.View(func(v *aof.View) error {
		kept, found, err := aof.Row(v, layout.EpochSecrets, layout.EpochKey{Topic: t.ID, Epoch: e.ID})
		e.Secret, e.Join, here = kept.Secret, kept.Join, found
		return err
	})
	return e, here, err
}

// NewGranted returns the change by which this device takes part in a topic as another one
// of its person let it: it reads at once, and its log begins with what asks the steward to
// admit it.
func (s *Store) NewGranted(genesis *identity.Genesis, lobby identity.Secret, name string, g *home.Grant, now time.Time) (*Join, error) {
	j := s.NewJoin(genesis, identity.TopicKeys{Lobby: lobby, Join: g.Epoch.Join}, name)
	card := &g.Device.Card
	kem, err := s.kemOf(j.Topic.ID, card.Device)
	if err != nil {
		return nil, err
	}
	if kem == nil || card.Log(j.Topic.ID) != j.row.ID || !slices.Equal(card.KEM, seal.NewPrivateKey(seal.Secret(kem.Seed)).Public()[:]) {
		return nil, errors.New("a card that is not of this device")
	}
	j.kems = []layout.KEMKey{*kem}
	e := &g.Epoch
	j.epochs = map[digest.Hash]layout.EpochSecret{e.ID: {Number: e.Number, Secret: e.Secret, Join: e.Join, Readers: e.Readers}}
	return j, j.beginWith(&roster.DeviceAsk{Device: g.Device}, now)
}

// StaysDefault has a topic that is joined leave the default what it is.
func (j *Join) StaysDefault() { j.unused = digest.Hash{} }

// TrustedDevice is Trusted for a device.
func (s *Store) TrustedDevice(t *Topic, device roster.Key) (bool, error) {
	for l, err := range s.TopicLogs(t.ID) {
		if err != nil {
			return false, err
		}
		if roster.Key(l.Author) != device {
			continue
		}
		if is, err := s.Trusted(t, l); err != nil || is {
			return is, err
		}
	}
	return false, nil
}

// Trusted reports whether a log of the home topic is of a device that belongs, or that may
// be admitted now: others of the person tell it what they know.
func (s *Store) Trusted(t *Topic, l *Log) (is bool, err error) {
	d, known, _, err := s.deviceIn(t, l.Author)
	if err != nil || known {
		return known && d.Belongs, err
	}
	if l.State().Size == 0 {
		return false, nil
	}
	first, err := s.rawRecord(l, 0)
	if err != nil {
		return false, err
	}
	ask, err := roster.DecodeAsk(first.Type, first.Body)
	if err != nil {
		return false, nil // it is none
	}
	x, ok := ask.(*roster.DeviceAsk)
	if !ok {
		return false, nil
	}
	err = s.askRoster(t, func(st *roster.State) { is = st.ProvisionalDevice(x) == "" })
	return is, err
}

// IsDefault reports whether a topic is the default one.
func (s *Store) IsDefault(topic digest.Hash) bool { return s.defaultTopic() == topic }
