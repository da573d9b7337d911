// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A MovingOn is a change by which this device goes on in another log of a topic of
// members, as the roster ended the one that it had. The log begins with what asks the
// steward to admit it.
type MovingOn struct {
	edit  *TopicEdit
	begin Join // of the new log: its first record, and the KEM keys that come with it
}

// NewMovingOn returns the change that follows a change of role between one that writes
// and one that does not; nil if there was none.
func (s *Store) NewMovingOn(t *Topic, now time.Time) (*MovingOn, error) {
	l, err := s.Log(t.Log)
	if err != nil {
		return nil, err
	}
	var d roster.DeviceState
	if _, cut := l.Cut(); cut {
		err = s.askRoster(t, func(st *roster.State) { d, _ = st.Device(l.Author) })
	}
	if err != nil || !d.Belongs || d.Log != t.Log {
		return nil, err
	}
	m, key, err := s.newMovingOn(t, l)
	if err != nil {
		return nil, err
	}
	name := m.begin.row.Name()
	card := roster.DeviceCard{Account: d.Account, Device: d.Key, PageBytes: name.PageBytes, Number: name.Number, KEM: slices.Clone(d.KEM)}
	ask := &roster.DeviceAsk{Device: roster.SignDevice(t.ID, card, key, key)}
	return m, m.begin.beginWith(ask, now)
}

// ErrByWords is returned for joining a topic again whose account's secret is not here.
var ErrByWords = errors.New("this store was removed from the topic, and only the words lead to the secret of its account there: join with them and a new invite")

// NewRejoining returns the change by which a store that was removed from a topic, or is not
// admitted by what its log asks with, joins it by another invite, as the person that it
// was; nil if it belongs, or waits to be admitted. Its account's secret is the one that is
// kept here, or the given one, which the words lead to and which is kept nowhere; an invite
// that links a device needs none. The error is ErrByWords if there is neither.
func (s *Store) NewRejoining(inv *identity.Invite, account identity.AccountSecret, now time.Time) (*MovingOn, error) {
	t, err := s.Topic(inv.Topic())
	links := inv.Role == identity.RoleDevice
	if err != nil || t.Genesis.Policy.Has(identity.PolicyOpen) || links && !s.IsHome(t.ID) {
		return nil, nil // it is not in it, or nobody is removed from it
	}
	l, err := s.Log(t.Log)
	if err != nil {
		return nil, err
	}
	if may, err := s.mayRejoin(t, l, inv); err != nil || !may {
		return nil, err
	}
	if lent := account; !t.Account.IsZero() {
		account = t.Account
	} else if lent.IsZero() && !links {
		return nil, fmt.Errorf("%w (topic %s)", ErrByWords, t.ID.Short())
	}
	m, key, err := s.newMovingOn(t, l)
	if err != nil {
		return nil, err
	}
	m.edit.edit = func(t *Topic) { t.Log, t.Keys, t.Left, t.Dropped = m.begin.row.ID, inv.Keys, false, false }
	m.begin.key, m.begin.place = newSigner(key), inv.Roster
	return m, s.askAgain(&m.begin, inv, account, now)
}

// mayRejoin reports whether a store, whose newest log in a topic that is, joins it anew by
// an invite.
func (s *Store) mayRejoin(t *Topic, l *Log, inv *identity.Invite) (bool, error) {
	d, known, _, err := s.deviceIn(t, l.Author)
	if err != nil || d.Belongs {
		return false, err
	}
	if refused, err := s.Refused(t); err != nil || !known && refused == nil {
		return false, err
	}
	ask, err := s.beginsWith(l)
	return askedBy(ask) != roster.Key(identity.PublicKey(inv.Key())), err
}

// askAgain has a log begin with an ask by another invite: as a newcomer, or as one more
// device of the account if others of it belong.
func (s *Store) askAgain(j *Join, inv *identity.Invite, account identity.AccountSecret, now time.Time) (err error) {
	if inv.Role == identity.RoleDevice {
		return j.askAsDevice(inv, inv.Genesis.Owner, inv.Key(), now)
	}
	key := account.Key()
	var there roster.Account
	if err := s.askRoster(j.Topic, func(st *roster.State) { there, _ = st.Account(identity.PublicKey(key)) }); err != nil {
		return err
	}
	if there.Belongs() {
		return j.askAsDevice(inv, there.Key, key, now)
	}
	if j.recovery, err = s.RecoveryBox(j.Topic.ID, account); err != nil {
		return err
	}
	if err := j.ask(inv, account, now); err != nil || !j.Topic.Account.IsZero() {
		return err
	}
	own := func(k layout.KEMKey) bool { return k.Recipient == identity.PublicKey(account.Key()) }
	j.kems = slices.DeleteFunc(j.kems, own) // the words lead to it
	return nil
}

func (s *Store) newMovingOn(t *Topic, old *Log) (*MovingOn, ed25519.PrivateKey, error) {
	key, ok := s.device.AuthorKeyOf(t.Genesis, old.Author)
	if !ok {
		return nil, nil, fmt.Errorf("%w (log %s)", ErrIdentity, old.ID.Short())
	}
	name := old.Name()
	name.Number++
	m := &MovingOn{begin: Join{Topic: t, row: aof.NewLogRow(name, true)}}
	var err error
	m.edit, err = s.newEdit(t.ID, func(t *Topic) { t.Log = m.begin.row.ID })
	return m, key, err
}

func (m *MovingOn) write(c *Committer, txn *aof.Txn) error {
	for i := range m.begin.begins {
		row, err := m.begin.begins[i].write(txn)
		if err != nil {
			return err
		}
		if row != nil {
			c.created = append(c.created, row)
		}
	}
	if len(m.begin.kems) > 0 {
		kept, _, err := aof.Row(txn, layout.KEMKeys, m.edit.topic)
		if err != nil {
			return err
		}
		keys := append(slices.Clone(m.begin.kems), kept...)
		if err := aof.PutRow(txn, layout.KEMKeys, m.edit.topic, keys[:min(len(keys), layout.MaxKEMKeys)]); err != nil {
			return err
		}
	}
	if err := putInvited(txn, m.edit.topic, m.begin.place); err != nil {
		return err
	}
	return m.edit.write(c, txn)
}

// Topic returns the topic as it was before the change.
func (m *MovingOn) Topic() *Topic { return m.begin.Topic }

func (m *MovingOn) made(s *Store) error {
	s.keyrings.mu.Lock()
	delete(s.keyrings.all, m.edit.topic) // it is read from the rows again
	s.keyrings.mu.Unlock()
	s.invitedBy(m.edit.topic, m.begin.place)
	return m.edit.made(s)
}
