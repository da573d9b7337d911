// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
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

// Rule: the home topic is a topic of members like any other to those who sync and keep
// it. It is no default, is not left, and is not shown to an application. Nothing that
// derives from the words is kept but its lobby key and the public half of the root key.

// ErrHome is returned if a store belongs to a person's devices already.
var ErrHome = errors.New("this store is one of a person's devices already")

// Home returns the home topic, or nil if this store has none.
func (s *Store) Home() *layout.Home { return s.home.Load() }

// IsHome reports whether a topic is this store's home topic.
func (s *Store) IsHome(topic digest.Hash) bool {
	h := s.home.Load()
	return h != nil && h.Topic == topic
}

// Unlinked returns why this store is no device of the person whose home topic it has, and
// will be none by what it asked with; nil if it is one or was, or waits.
func (s *Store) Unlinked() (refused error, err error) {
	h := s.home.Load()
	if h == nil {
		return nil, nil
	}
	t, err := s.Topic(h.Topic)
	if err != nil {
		return nil, err
	}
	return s.Refused(t)
}

// otherHome returns the home topic that a new one stands in the place of, as this store was
// never linked by it; zero if there is none. The error is ErrHome if it may not be replaced.
func (s *Store) otherHome() (instead digest.Hash, err error) {
	h := s.Home()
	if h == nil {
		return instead, nil
	}
	if refused, err := s.Unlinked(); err != nil || refused == nil {
		return instead, errors.Join(err, ErrHome)
	}
	return h.Topic, nil
}

func (s *Store) loadHome() error {
	return s.aof.View(func(v *aof.View) error {
		h, found, err := aof.Row(v, layout.Homes, layout.Only{})
		if err == nil && found {
			s.home.Store(&h)
		}
		return err
	})
}

// NewHome returns the change that founds a person's home topic here, with this device as
// the steward of it, by what derives from the words. The error of the change is ErrHome
// if there is one already.
func (s *Store) NewHome(w identity.Words, now time.Time) (*Join, error) {
	instead, err := s.otherHome()
	if err != nil {
		return nil, err
	}
	h, root := w.Home(), seal.NewPrivateKey(seal.Secret(w.RootKEMSeed())).Public()
	t := &Topic{ID: h.Genesis.ID(), Genesis: &h.Genesis, Keys: identity.TopicKeys{Lobby: h.Lobby}, Kept: true}
	device := s.device.AuthorKey(t.Genesis)
	j := newJoin(t, device, s.format.PageBytes)
	j.home, j.instead = &layout.Home{Topic: t.ID, Root: root}, instead
	card, err := j.card(h.Account, device, j.row.PageBytes)
	if err != nil {
		return nil, err
	}
	j.kems = j.kems[:1] // the account's follows from the words
	first, err := roster.HomeRecords(t.ID, roster.HomeTerm, card, h.Account.Key(), device)
	if err != nil {
		return nil, err
	}
	leg := identity.RosterLog(t.ID, identity.PublicKey(device), roster.HomeTerm, 0)
	if err := j.foundLeg(leg, first[:], now); err != nil {
		return nil, err
	}
	r := home.SignRoot(t.ID, root, h.Account.Key())
	return j, j.sayRoot(r, now)
}

// sayRoot has this store's log in the home topic begin with the root key.
func (j *Join) sayRoot(r *home.Root, now time.Time) error {
	for id, e := range j.epochs { // there is the first one
		plain := seal.Plain{Type: []byte(home.TypeRoot), Payload: r.Append(nil)}
		b, err := seal.NewKey(seal.Secret(e.Secret), id, j.row.ID).Seal(nil, &plain, true)
		if err != nil {
			return err
		}
		return j.beginSealed(j.row.Name(), b, now)
	}
	return errors.New("a home topic without an epoch")
}

// newLinked returns the change by which this store becomes a device of the person that
// made an invite of role device in a home topic. The error of the change is ErrHome if it
// is one of somebody's already.
func (s *Store) newLinked(inv *identity.Invite, now time.Time) (*Join, error) {
	instead, err := s.otherHome()
	if err != nil {
		return nil, err
	}
	j := s.NewJoin(&inv.Genesis, inv.Keys, "")
	j.instead = instead
	j.home, j.unused, j.Topic.Kept, j.place = &layout.Home{Topic: j.Topic.ID}, digest.Hash{}, true, inv.Roster
	return j, j.askAsDevice(inv, inv.Genesis.Owner, inv.Key(), now)
}

// askAsDevice begins this store's log with an xf/device for an account, for which a key
// signs. The boxes for the invite are read meanwhile.
func (j *Join) askAsDevice(inv *identity.Invite, account roster.Key, signer ed25519.PrivateKey, now time.Time) error {
	card := roster.DeviceCard{Account: account, PageBytes: j.row.PageBytes, Number: j.row.Number}
	if err := j.deviceCard(&card); err != nil {
		return err
	}
	j.kems = append(j.kems, layout.KEMKey{Recipient: identity.PublicKey(inv.Key()), Seed: inv.KEMSeed()})
	return j.beginWith(&roster.DeviceAsk{Device: roster.SignDevice(j.Topic.ID, card, signer, j.key.key)}, now)
}

// deviceCard puts this device into a card, with a KEM key that is kept with the topic.
func (j *Join) deviceCard(card *roster.DeviceCard) error {
	seed, err := newKEM()
	if err != nil {
		return err
	}
	card.Device = identity.PublicKey(j.key.key)
	card.KEM = seal.NewPrivateKey(seal.Secret(seed)).Public()[:]
	j.kems = []layout.KEMKey{{Recipient: card.Device, Seed: seed}}
	return nil
}

// newKEM draws the seed of a KEM key.
func newKEM() (identity.Secret, error) {
	seed, err := seal.ReadSecret(rand.Reader)
	return identity.Secret(seed), err
}

// putHome puts the row of a home topic into the transaction.
func (j *Join) putHome(txn *aof.Txn) error {
	if j.home == nil {
		return nil
	}
	if old, found, err := aof.Row(txn, layout.Homes, layout.Only{}); err != nil {
		return err
	} else if found && old.Topic != j.instead {
		return ErrHome
	}
	return aof.PutRow(txn, layout.Homes, layout.Only{}, *j.home)
}

// NewRoot returns the change that keeps the person's root KEM key, which another device
// said.
func (s *Store) NewRoot(root *seal.PublicKey) *RootKept {
	return &RootKept{home: *s.Home(), root: root}
}

// A RootKept is the change that keeps a root KEM key.
type RootKept struct {
	home layout.Home
	root *seal.PublicKey
}

func (r *RootKept) write(_ *Committer, txn *aof.Txn) error {
	r.home.Root = r.root
	return aof.PutRow(txn, layout.Homes, layout.Only{}, r.home)
}

func (r *RootKept) made(s *Store) error {
	s.home.Store(&r.home)
	return nil
}

// RecoveryBox boxes an account's secret to the person's root KEM key; nil if none is
// known.
func (s *Store) RecoveryBox(topic digest.Hash, account identity.AccountSecret) ([]byte, error) {
	h := s.Home()
	if h == nil || h.Root == nil {
		return nil, nil
	}
	name := seal.Recipient(identity.PublicKey(account.Key()))
	b, err := seal.SealRecovery(h.Root, topic, name, seal.Secret(account.Secret))
	return b.Sealed, err
}

// A Wiping is the change by which a store forgets the secret of its person's account in a
// topic, once that is boxed for the words.
type Wiping struct {
	edit    *TopicEdit
	account roster.Key
}

// NewWiping returns the change that forgets an account's secret.
func (s *Store) NewWiping(t *Topic) (*Wiping, error) {
	account := t.Account
	e, err := s.newEdit(t.ID, func(t *Topic) {
		if t.Account == account {
			t.Account = identity.AccountSecret{}
		}
	})
	return &Wiping{e, identity.PublicKey(account.Key())}, err
}

// write wipes the KEM key too, which derives from the secret: it would open the boxes that
// are made for the account after this device was removed.
func (w *Wiping) write(c *Committer, txn *aof.Txn) error {
	keys, found, err := aof.Row(txn, layout.KEMKeys, w.edit.topic)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(keys, func(k layout.KEMKey) bool { return roster.Key(k.Recipient) == w.account })
	if found && len(kept) > 0 {
		err = aof.PutRow(txn, layout.KEMKeys, w.edit.topic, kept)
	} else if found {
		err = aof.DeleteRow(txn, layout.KEMKeys, w.edit.topic)
	}
	return errors.Join(err, w.edit.write(c, txn))
}

func (w *Wiping) made(s *Store) error {
	s.keyrings.mu.Lock()
	delete(s.keyrings.all, w.edit.topic) // it is read from the rows again
	s.keyrings.mu.Unlock()
	return w.edit.made(s)
}
