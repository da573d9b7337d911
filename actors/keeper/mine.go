// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"context"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// An Own is an ask of this store's, and when it was made.
type Own struct {
	steward.Ask
	Time int64 // milliseconds since 1970
}

// A Told is such an ask with what the roster that is here says of it.
type Told struct {
	steward.Told
	Time int64 // of the ask, milliseconds since 1970
}

// mine is what was read of the asks in a topic's logs of this store.
type mine struct {
	read map[digest.Hash]uint64 // up to where each log was read
	all  []Own
}

// Asks returns what this store asked for in a topic, oldest first, and what became of it.
func (k *Keeper) Asks(topic digest.Hash) ([]Told, error) {
	k.tending.Lock()
	own, err := k.mine(topic)
	k.tending.Unlock()
	if err != nil {
		return nil, err
	}
	st, err := k.Store.Roster(topic)
	if err != nil {
		return nil, err
	}
	asks := make([]steward.Ask, len(own))
	for i, a := range own {
		asks[i] = a.Ask
	}
	told, err := steward.Tell(st, k.Store.HeldLeg, asks, uint64(max(k.Now().Unix(), 0)))
	if err != nil {
		return nil, err
	}
	all := make([]Told, len(told))
	for i := range told {
		all[i] = Told{told[i], own[i].Time}
	}
	return all, nil
}

// mine returns the asks of this store's logs in a topic, those of each log in its order.
// It is not to be written to; k.tending is held.
func (k *Keeper) mine(topic digest.Hash) ([]Own, error) {
	m := k.own[topic]
	if m == nil {
		m = &mine{read: map[digest.Hash]uint64{}}
		k.own[topic] = m
	}
	for l, err := range k.Store.TopicLogs(topic) {
		if err != nil {
			return nil, err
		}
		if !l.Own || l.Kind != identity.KindData {
			continue
		}
		if err := k.readOwn(m, l); err != nil {
			return nil, err
		}
	}
	return m.all[:len(m.all):len(m.all)], nil
}

// readOwn reads what is new of a log of this store.
func (k *Keeper) readOwn(m *mine, l *store.Log) error {
	from, to := m.read[l.ID], l.Whole().Size
	if from >= to {
		return nil
	}
	var news []Own
	err := k.Store.ReadWhole(l, from, to, func(run store.Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(seq uint64, rec *event.Record) error {
			if a, ok := askOf(l.ID, seq, rec); ok {
				news = append(news, Own{a, rec.Time})
			}
			return nil
		})
	})
	if err == nil {
		m.all, m.read[l.ID] = append(m.all, news...), to
	}
	return err
}

// askOf returns the ask that a record of a data log is, if it is one.
func askOf(log digest.Hash, seq uint64, rec *event.Record) (a steward.Ask, ok bool) {
	if !event.IsReserved(rec.Type) || rec.Erased() {
		return a, false
	}
	body, err := roster.DecodeAsk(string(rec.Type), append([]byte(nil), rec.Payload...))
	if err != nil {
		return a, false // it is none, and nobody answers it
	}
	return steward.Ask{AskRef: roster.AskRef{Log: log, Seq: seq}, Body: body}, true
}

// AskToLeave asks that this device is removed from a topic, and the person with it if it
// is the person's only one there, unless that was asked for and is not answered.
func (k *Keeper) AskToLeave(ctx context.Context, topic digest.Hash) (ref roster.AskRef, err error) {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return ref, err
	}
	st, err := k.Store.Roster(topic)
	if err != nil {
		return ref, err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	asks, err := k.waiting(t, st)
	if err != nil {
		return ref, err
	}
	self := k.Store.DeviceKey(t)
	if ref, asked := removal(asks, self); asked {
		return ref, nil
	}
	d, _ := st.Device(self)
	if len(st.Devices(d.Account)) == 1 {
		return k.ask(ctx, t, &roster.Leave{})
	}
	q, err := roster.NewRequest(st, &roster.Target{Account: d.Account, Device: self})
	if err != nil {
		return ref, err
	}
	return k.ask(ctx, t, q)
}

// removal returns the first of asks that is to remove a device.
func removal(asks []Own, device roster.Key) (ref roster.AskRef, found bool) {
	for _, a := range asks {
		if leaves(a.Body, device) {
			return a.AskRef, true
		}
	}
	return ref, false
}

// AskToRemove has a device of an account removed from a topic: at once if this device is
// the steward; else that is asked for, unless it was and is not answered. The error is
// ErrRefused or ErrUnmet.
func (k *Keeper) AskToRemove(ctx context.Context, topic digest.Hash, account, device roster.Key) (a Acted, err error) {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return a, err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	st, err := k.Store.Roster(topic)
	if err != nil {
		return a, err
	}
	if d, _ := st.Device(device); !d.Belongs { // somebody else did it a moment ago
		return Acted{Done: true}, nil
	}
	asks, err := k.waiting(t, st)
	if err != nil {
		return a, err
	}
	if ref, asked := removal(asks, device); asked {
		return Acted{Ask: ref}, nil
	}
	q, err := roster.NewRequest(st, &roster.Target{Account: account, Device: device})
	if err != nil {
		return a, err
	}
	return k.act(ctx, t, steward.Act{Body: q})
}

// leaves reports whether an ask is to remove a device, or its person.
func leaves(body roster.Ask, device roster.Key) bool {
	if _, ok := body.(*roster.Leave); ok {
		return true
	}
	q, ok := body.(*roster.Request)
	if !ok {
		return false
	}
	t, ok := q.Content.(*roster.Target)
	return ok && t.Device == device
}

// waiting returns the asks of this store's newest log in a topic that the roster st has
// not settled; k.tending is held.
func (k *Keeper) waiting(t *store.Topic, st *roster.State) (all []Own, err error) {
	own, err := k.mine(t.ID)
	for _, a := range own {
		if a.Log == t.Log && a.Seq >= st.Settled(a.Log) {
			all = append(all, a)
		}
	}
	return all, err
}
