// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A person is known by account, which is a key. What to call that person is two things:
// what the person claims to be, which anybody may claim, and what this store's person calls
// that one, which wins.

// ErrName is returned for text that nobody can be called: a name is 1 to 64 bytes of UTF-8,
// all of it is seen, and none of it changes what is around it.
var ErrName = naming.ErrName

// Claim says what this store's person wants to be called in the topic, from now on; "" takes
// that back. It is an event of this store's log, sealed if the topic is private, and shown
// to all members as a claim: they know who makes it, and nothing else. A reader may make
// one. The error is ErrName, ErrOptions if the topic is open, as nobody has an account
// there, ErrSealed for a replica, and else as of Append.
func (t *Topic) Claim(ctx context.Context, name string) (err error) {
	defer t.db.out(&err)
	return wrap("claim a name", t.claim(ctx, name))
}

func (t *Topic) claim(ctx context.Context, name string) error {
	if err := roster.CheckName(name); err != nil {
		return err
	}
	if err := t.mayChange(ctx); err != nil {
		return err
	}
	if t.Kind() == OpenTopic {
		return fmt.Errorf("%w: nobody has an account in a topic that is open", ErrOptions)
	}
	if _, err := t.belonging(); err != nil {
		return err
	}
	now, err := t.db.st.Topic(t.t.ID)
	if err != nil {
		return err
	}
	body, err := t.db.st.NameBody(now, name)
	if err != nil {
		return err
	}
	e := pipeline.Entry{Event: event.Event{Type: roster.NameType, Payload: body}}
	_, err = t.db.node.Pipeline().Append(ctx, now.Log, e, t.db.opts.Now())
	if errors.Is(err, store.ErrCut) {
		err = t.removed() // it heard of that meanwhile
	}
	return err
}

// SetPetname says what this store's person calls an account of the topic, from now on; "" is
// for nothing any more. It wins over what the account claims, is told to no other member,
// and reaches this person's other devices (DB.LinkDevice). The error is ErrName, or
// ErrOptions if the roster that is here names no such account.
func (t *Topic) SetPetname(ctx context.Context, account AccountKey, name string) (err error) {
	defer t.db.out(&err)
	return wrap("set a petname", t.setPetname(ctx, roster.Key(account), name))
}

func (t *Topic) setPetname(ctx context.Context, account roster.Key, name string) error {
	if err := roster.CheckName(name); err != nil {
		return err
	}
	if err := t.mayChange(ctx); err != nil {
		return err
	}
	st, err := t.roster()
	if err != nil {
		return err
	}
	if _, known := st.Account(account); !known {
		return fmt.Errorf("%w: %s is no member of the topic, and was none", ErrOptions, AccountKey(account).Short())
	}
	kept, err := t.db.st.Petnames(t.t.ID)
	if err != nil {
		return err
	}
	p := naming.Petname{Given: uint64(max(t.db.opts.Now().UnixMilli(), 0)), Name: name}
	p.Given = max(p.Given, kept[account].Given+1) // this one is the later, whatever the clocks were
	c, err := t.db.st.NewPetname(t.t.ID, account, p)
	if err != nil || c == nil {
		return err
	}
	return t.db.change(ctx, c)
}

// Names returns what to call those who belong to the topic, and who did, by account: a
// petname as it is, and else what the person claims, in quotes. If one could be taken for
// another, the beginning of the account's key follows, as in "Ben" (1e5a134f). Who has no
// name is not in it. In an open topic nobody is.
func (t *Topic) Names() (_ map[AccountKey]string, err error) {
	defer t.db.out(&err)
	people, err := t.people()
	if err != nil {
		return nil, wrap("names", err)
	}
	return people.shown, nil
}

// people are the names of a topic's people, by account.
type people struct {
	all   map[AccountKey]naming.Person
	shown map[AccountKey]string
}

// name says what a member is called.
func (p people) name(m *Member) {
	m.Name, m.Petname, m.Claim = p.shown[m.Account], p.all[m.Account].Petname, p.all[m.Account].Claim
}

func (t *Topic) people() (p people, err error) {
	done, err := t.db.reading()
	if err != nil {
		return p, err
	}
	defer done()
	claims, keep, err := t.db.st.Claims(t.t)
	if err != nil {
		return p, err
	}
	t.db.keepNames(keep)
	petnames, err := t.db.st.Petnames(t.t.ID)
	if err != nil {
		return p, err
	}
	p = people{map[AccountKey]naming.Person{}, map[AccountKey]string{}}
	for account, c := range claims {
		p.all[AccountKey(account)] = naming.Person{Key: account, Claim: c.Name, Petname: petnames[account].Name}
	}
	for account, n := range petnames {
		p.all[AccountKey(account)] = naming.Person{Key: account, Claim: claims[account].Name, Petname: n.Name}
	}
	var list []naming.Person
	for one := range maps.Values(p.all) {
		list = append(list, one)
	}
	for account, name := range naming.Show(list) {
		p.shown[account] = name
	}
	return p, nil
}

// keepNames keeps how far logs were read for names. It is not needed: what is lost is read
// again.
func (db *DB) keepNames(c store.Change) {
	if c != nil && db.ReadOnly() == nil {
		db.node.Pipeline().Soon(c)
	}
}

// accountOf returns the account of the author of a log, by the roster that is here; zeros
// if that knows none, as in an open topic.
func (db *DB) accountOf(l *store.Log) (account AccountKey) {
	if !l.OfMembers() {
		return account
	}
	st, err := db.st.Roster(l.Topic)
	if err != nil {
		return account
	}
	d, _ := st.Device(l.Author)
	return AccountKey(d.Account)
}
