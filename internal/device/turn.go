// SPDX-License-Identifier: MPL-2.0

package device

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Turn is what changes from one generation of a device to the next.
type Turn struct {
	Old, Next identity.Device
	At        time.Time
}

// PutOld stores the rows of logs that are this store's no more, and which keys
// it signed them with.
func (u *Turn) PutOld(t *aof.Txn, old []aof.LogRow) error {
	for i := range old {
		if err := t.PutLog(&old[i]); err != nil {
			return err
		}
		if old[i].Kind != identity.KindData {
			continue
		}
		key := layout.FormerKey{Topic: old[i].Topic, Author: old[i].Author}
		if err := aof.PutRow(t, layout.Formers, key, old[i].ID); err != nil {
			return err
		}
		if err := followOn(t, &old[i]); err != nil {
			return err
		}
	}
	return nil
}

// PutDevice stores what the next device is.
func (u *Turn) PutDevice(t *aof.Txn, m *layout.Move, now identity.Place) error {
	return errors.Join(DropUnmet(t), Put(t, u.Next.Generation, now), aof.PutRow(t, layout.Moves, layout.Only{}, m), aof.DeleteRow(t, layout.Restores, layout.Only{}),
		aof.DeleteRow(t, layout.Forgets, layout.Only{})) // the next witness key cosigned nothing
}

// PutLog gives a topic the first log of the next device. It says so in its first
// record, if the earlier log, which old has the row of, held events; in a topic of
// members always, as the roster has to admit it.
func (u *Turn) PutLog(t *aof.Txn, topic *layout.Topic, account roster.Key, old []aof.LogRow) (row aof.LogRow, err error) {
	pages, members := topic.Genesis.PageBytes, !topic.Genesis.Policy.Has(identity.PolicyOpen)
	if before, found, err := t.Log(topic.Log); err != nil {
		return row, err
	} else if members && found {
		pages = before.PageBytes
	} else if members {
		pages = segwriter.DefaultPageBytes
	}
	row = aof.NewLogRow(identity.DataLog(topic.ID, u.Next.AuthorID(topic.Genesis), pages), true)
	if err = t.PutLog(&row); err != nil {
		return row, err
	}
	if last := u.last(old, topic); last != nil && (members || last.Size > 0) {
		ms := max(u.At.UnixMilli(), last.LastTime)
		card := roster.DeviceCard{
			Account: account, Device: u.Next.AuthorID(topic.Genesis), PageBytes: pages, Parent: u.Old.AuthorID(topic.Genesis),
		}
		if members {
			if card.KEM, err = u.putKEM(t, topic, card.Device); err != nil {
				return row, err
			}
		}
		record, err := u.record(topic, card, ms)
		if err != nil {
			return row, err
		}
		if err := t.AppendEvents(row.Num, 0, record, 1); err != nil {
			return row, err
		}
		row.Size, row.LastTime = 1, ms
		if err := t.PutLog(&row); err != nil {
			return row, err
		}
	}
	now := *topic
	now.Log = row.ID
	return row, aof.PutRow(t, layout.Topics, topic.Num, &now)
}

// record returns record 0 of the next device's log in a topic.
func (u *Turn) record(t *layout.Topic, card roster.DeviceCard, ms int64) ([]byte, error) {
	ask := &roster.DeviceAsk{Device: roster.SignDevice(t.ID, card, u.Old.AuthorKey(t.Genesis), u.Next.AuthorKey(t.Genesis))}
	body, err := roster.EncodeAsk(nil, ask)
	if err != nil {
		return nil, err
	}
	return event.AppendRecord(nil, event.Event{Type: ask.Type(), Payload: body}, ms, 0)
}

// putKEM makes a KEM key for the next device, beside those that are kept: what boxes for
// the old one hold can still be read.
func (u *Turn) putKEM(t *aof.Txn, topic *layout.Topic, next roster.Key) ([]byte, error) {
	seed, err := seal.ReadSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	keys, _, err := aof.Row(t, layout.KEMKeys, topic.ID)
	if err != nil {
		return nil, err
	}
	keys = append([]layout.KEMKey{{Recipient: next, Seed: identity.Secret(seed)}}, keys...)
	keys = keys[:min(len(keys), layout.MaxKEMKeys)]
	return seal.NewPrivateKey(seed).Public()[:], aof.PutRow(t, layout.KEMKeys, topic.ID, keys)
}

// AccountKept returns the account of which the secret is kept here, or zero.
func AccountKept(t *layout.Topic) (k roster.Key) {
	if !t.Account.Secret.IsZero() {
		k = roster.Key(identity.PublicKey(t.Account.Key()))
	}
	return k
}

// last returns the row of the log that the previous device had in a topic, if it has
// the key of it.
func (u *Turn) last(old []aof.LogRow, t *layout.Topic) *aof.LogRow {
	for i := range old {
		if old[i].ID == t.Log && old[i].Author == u.Old.AuthorID(t.Genesis) {
			return &old[i]
		}
	}
	return nil
}

// followOn goes on following a log that was this store's own, of a topic that is
// not followed whole, if there is room.
func followOn(t *aof.Txn, row *aof.LogRow) error {
	names, found, err := aof.Row(t, layout.Follows, row.Topic)
	if err != nil || !found || len(names) == layout.MaxFollowed {
		return err
	}
	at, there := slices.BinarySearchFunc(names, row.ID, digest.Hash.Compare)
	if there {
		return nil
	}
	return aof.PutRow(t, layout.Follows, row.Topic, slices.Insert(names, at, row.ID))
}

// DropUnmet deletes the rows of topics without a peer since the backup, and of rosters that
// did not grow since, as of a store that forks nothing.
func DropUnmet(t *aof.Txn) error {
	return errors.Join(dropAll(t, layout.Unmet), dropAll(t, layout.Resumed))
}

// dropAll deletes all rows of a table.
func dropAll[V any](t *aof.Txn, table *layout.Table[digest.Hash, V]) error {
	var topics []digest.Hash
	err := aof.EachRow(&t.View, table, func(topic digest.Hash, _ V) error {
		topics = append(topics, topic)
		return nil
	})
	for _, topic := range topics {
		if err == nil {
			err = aof.DeleteRow(t, table, topic)
		}
	}
	return err
}
