// SPDX-License-Identifier: MPL-2.0

package store

import (
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
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

// accountOf returns the account of this store's device in a topic: the one whose
// secret is kept here, or the one that the roster says, or that the device asked to be
// one of. It is zero if none names one, as for somebody who came to an open topic by its
// keys.
func (s *Store) accountOf(t *Topic) (roster.Key, error) {
	if k := device.AccountKept(t); !k.IsZero() {
		return k, nil
	}
	var d roster.DeviceState
	known := false
	err := s.askRoster(t, func(st *roster.State) { d, known = st.Device(s.device.AuthorID(t.Genesis)) })
	if err != nil || known {
		return d.Account, err
	}
	l, err := s.Log(t.Log)
	if err != nil {
		return roster.Key{}, err
	}
	ask, err := s.beginsWith(l)
	return accountIn(ask), err
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
