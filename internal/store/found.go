// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// NewFounding returns the change that makes a new topic, of which this device is the steward and a new account
// the owner, and this store's log in it. The topic is plain and open: whoever
// has its keys takes part; one that a person named gives way to no other as the default. pageBytes is of the logs in it; 0 means the store's
// default.
func (s *Store) NewFounding(name string, pageBytes int, now time.Time) (*Join, error) {
	if pageBytes == 0 {
		pageBytes = s.format.PageBytes
	}
	secret, err := identity.NewAccountSecret(nil)
	if err != nil {
		return nil, err
	}
	account := secret.Key()
	keys, err := identity.NewTopicKeys(nil)
	if err != nil {
		return nil, err
	}
	g := &identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: uint32(pageBytes), Owner: identity.PublicKey(account),
		LobbyHash: identity.LobbyHash(keys.Lobby), JoinHash: identity.JoinHash(keys.Join),
	}
	rand.Read(g.Salt[:]) // never fails (crypto/rand)
	device := s.device.Seed.Found(s.device.Generation, g)
	records, err := foundingRecords(g, account, device, now)
	if err != nil {
		return nil, err
	}
	t := &Topic{ID: g.ID(), Genesis: g, Keys: keys, Account: secret, Name: name, Kept: name != ""}
	return s.newJoin(t, device, records), nil
}

// Found founds a topic in a store whose actors do not run.
func (s *Store) Found(name string, pageBytes int, now time.Time) (*Topic, error) {
	j, err := s.NewFounding(name, pageBytes, now)
	if err != nil {
		return nil, err
	}
	return j.Topic, s.Do(j)
}

// foundingRecords returns the first two records of a roster: genesis, and the
// owner's admission with the steward's device.
func foundingRecords(g *identity.Genesis, account, device ed25519.PrivateKey, now time.Time) (b []byte, err error) {
	card := roster.Card{Account: g.Owner, Device: g.Steward, PageBytes: g.PageBytes}
	first, err := roster.FirstRecords(g.ID(), g.Append(nil), card, account, device)
	if err != nil {
		return nil, err
	}
	for _, r := range first {
		if b, err = event.AppendRecord(b, event.Event{Type: r.Type, Payload: r.Body}, now.UnixMilli(), 0); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// found begins the roster of a topic that is founded here. Its head is signed
// when somebody asks for it.
func (j *Join) found(txn *aof.Txn) error {
	if j.roster == nil {
		return nil
	}
	row := aof.NewLogRow(j.Topic.Roster(), true)
	if err := txn.PutLog(&row); err != nil {
		return err
	}
	if err := txn.AppendEvents(row.Num, 0, j.roster, foundingCount); err != nil {
		return err
	}
	row.Size = foundingCount
	return txn.PutLog(&row)
}

// foundingCount is how many records a topic begins with.
const foundingCount = 2
