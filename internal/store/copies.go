// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A store that became a new device says so in the log that it goes on with: if
// its log before held events, record 0 of the new one is of type "xf/device",
// with a card whose parent is the device that it was, signed by that one's key
// and by its own (internal/roster, DeviceAsk). So everybody sees that both are
// one person's, and the other copy finds out that there is a copy of it.

// A Copy is a log of a device that was made as a copy of this one.
type Copy = layout.Copy

// copies are those that are known of, by log.
type copies struct {
	mu  sync.RWMutex // guards all
	all map[digest.Hash]Copy
}

// Copies returns the copies of this device that are known of, ordered by when
// they were first seen.
func (s *Store) Copies() []Copy {
	s.copies.mu.RLock()
	defer s.copies.mu.RUnlock()
	all := make([]Copy, 0, len(s.copies.all))
	for _, c := range s.copies.all {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Copy) int {
		if c := a.Seen.Compare(b.Seen); c != 0 {
			return c
		}
		return compareHashes(a.Log, b.Log)
	})
	return all
}

func (s *Store) loadCopies() error {
	s.copies.all = map[digest.Hash]Copy{}
	return s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Copies, func(log digest.Hash, c Copy) error {
			s.copies.all[log] = c
			return nil
		})
	})
}

// A turn is what changes from one generation of a device to the next.
type turn struct {
	old, next identity.Device
	at        time.Time
}

// putOld stores the rows of logs that are this store's no more, and which keys
// it signed them with.
func (u *turn) putOld(t *aof.Txn, old []aof.LogRow) error {
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

// putDevice stores what the next device is.
func (u *turn) putDevice(t *aof.Txn, m *Move, now identity.Place) error {
	return errors.Join(dropUnmet(t), putDevice(t, u.next.Generation, now), aof.PutRow(t, layout.Moves, layout.Only{}, m), aof.DeleteRow(t, layout.Restores, layout.Only{}),
		aof.DeleteRow(t, layout.Forgets, layout.Only{})) // the next witness key cosigned nothing
}

// putLog gives a topic the first log of the next device. If the log before held
// events, last is its row.
func (u *turn) putLog(t *aof.Txn, topic *Topic, account roster.Key, last *aof.LogRow) (row aof.LogRow, err error) {
	row = aof.NewLogRow(identity.DataLog(topic.ID, u.next.AuthorID(topic.Genesis), topic.Genesis.PageBytes), true)
	if err = t.PutLog(&row); err != nil {
		return row, err
	}
	if last != nil && last.Size > 0 {
		ms := max(u.at.UnixMilli(), last.LastTime)
		record, err := u.record(topic, account, ms)
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
	return row, aof.PutRow(t, layout.Topics, topic.ID, &now)
}

// record returns record 0 of the next device's log in a topic.
func (u *turn) record(t *Topic, account roster.Key, ms int64) ([]byte, error) {
	card := roster.DeviceCard{
		Account: account, Device: u.next.AuthorID(t.Genesis), PageBytes: t.Genesis.PageBytes, Parent: u.old.AuthorID(t.Genesis),
	}
	ask := &roster.DeviceAsk{Device: roster.SignDevice(t.ID, card, u.old.AuthorKey(t.Genesis), u.next.AuthorKey(t.Genesis))}
	body, err := roster.EncodeAsk(nil, ask)
	if err != nil {
		return nil, err
	}
	return event.AppendRecord(nil, event.Event{Type: ask.Type(), Payload: body}, ms, 0)
}

// accountOf returns the account of this store's device in a topic: the one whose
// secret is kept here, or the one that the roster says. It is zero if neither
// names one, as for somebody who came to an open topic by its keys.
func (s *Store) accountOf(t *Topic) (roster.Key, error) {
	if k := accountKept(t); !k.IsZero() {
		return k, nil
	}
	f, err := s.rosterOf(t)
	if err != nil || f == nil {
		return roster.Key{}, err
	}
	d, _ := f.Device(s.device.AuthorID(t.Genesis))
	return d.Account, nil
}

// accountKept returns the account of which the secret is kept here, or zero.
func accountKept(t *Topic) (k roster.Key) {
	if !t.Account.Secret.IsZero() {
		k = roster.Key(identity.PublicKey(t.Account.Key()))
	}
	return k
}

// first looks at record 0 of a peer's log, which the transaction brings. If it
// says that the log is of a copy of this device, that is kept with it.
func (c *Committer) first(t *aof.Txn, row *aof.LogRow, record []byte) error {
	if row.Own || row.Kind != identity.KindData {
		return nil
	}
	rec, _, err := event.DecodeRecord(record)
	if err != nil || !isDevice(&rec) {
		return nil // whatever it is, it is not this
	}
	ours, err := c.s.isCopy(t, row, rec.Content())
	if err != nil || !ours {
		return err
	}
	one := Copy{Topic: row.Topic, Log: row.ID, Author: row.Author, Seen: time.UnixMilli(c.s.opts.Now().UnixMilli())}
	c.copied = append(c.copied, one)
	return aof.PutRow(t, layout.Copies, one.Log, one)
}

const deviceType = "xf/device"

func isDevice(rec *event.Record) bool { return string(rec.Type) == deviceType }

// isCopy reports whether the body of an "xf/device" at the begin of a log makes
// that log's author a copy of this device, or of what it was before. Only a
// store that has the keys can say so.
func (s *Store) isCopy(t *aof.Txn, row *aof.LogRow, body []byte) (bool, error) {
	ask, err := roster.DecodeAsk(deviceType, body)
	if err != nil {
		return false, nil
	}
	x := &ask.(*roster.DeviceAsk).Device
	topic, err := s.Topic(row.Topic)
	if err != nil {
		return false, nil
	}
	ours := x.Card.Parent == roster.Key(s.device.AuthorID(topic.Genesis))
	if !ours {
		if _, ours, err = aof.Row(t, layout.Formers, layout.FormerKey{Topic: row.Topic, Author: x.Card.Parent}); err != nil || !ours {
			return false, err
		}
	}
	return x.Signer == x.Card.Parent && x.Card.Device == roster.Key(row.Author) && x.Card.Log(row.Topic) == row.ID && x.Verify(row.Topic), nil
}

// firstOfPages is first for a log that begins with pages, which are in its files.
func (c *Committer) firstOfPages(t *aof.Txn, row *aof.LogRow) error {
	if row.Own || row.Kind != identity.KindData {
		return nil
	}
	l, err := c.s.cached(row.ID)
	if err != nil {
		return err
	}
	_, _, err = c.s.pageRun(l, 0, 0, 1, func(run Run) error {
		if len(run.Records) == 0 {
			return nil // it is not here: it was erased
		}
		return c.first(t, row, run.Records)
	})
	return err
}

// tellCopies makes committed copies known.
func (s *Store) tellCopies(found []Copy) {
	for _, c := range found {
		s.copies.mu.Lock()
		s.copies.all[c.Log] = c
		s.copies.mu.Unlock()
		if s.opts.Copied != nil {
			s.opts.Copied(c)
		}
	}
}
