// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// asked is what was read of the asks in a topic's data logs.
type asked struct {
	read  map[digest.Hash]uint64         // up to where each log was read
	since map[digest.Hash]uint64         // below where its asks were settled then
	kept  map[digest.Hash]layout.Stretch // in which it is kept that nothing is asked for
	waits map[digest.Hash][]steward.Ask  // by log, in order; some may be settled
	order []digest.Hash                  // logs, as asks in them came
}

// answer carries out what members ask for, and what is due, if this device is the
// topic's steward and may act. It reports whether anything was written.
func (k *Keeper) answer(topic digest.Hash) (wrote bool, err error) {
	t, err := k.Store.Topic(topic)
	if err != nil || t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return false, err
	}
	for {
		desk, err := k.Store.NewDesk(t)
		if errors.Is(err, steward.ErrNotSteward) {
			st, err := k.Store.Roster(topic)
			if err != nil {
				return wrote, err
			}
			if begun, err := k.inherit(k.Context, t, st); err != nil || !begun {
				return wrote, err
			}
			wrote = true
			continue
		}
		if err == nil {
			err = k.mayAct(topic, desk.State())
		}
		if errors.Is(err, ErrUnmet) {
			return wrote, nil
		}
		if err != nil {
			return wrote, err
		}
		b, err := k.unasked(t, desk)
		if err != nil {
			return wrote, err
		}
		if len(b.Records) == 0 {
			k.later(desk.State())
			asks, err := k.pending(topic, desk.State())
			if err != nil || len(asks) == 0 {
				return wrote, err
			}
			if b, err = desk.Answer(asks, k.Now()); err != nil {
				return wrote, err
			}
		}
		if len(b.Records) == 0 {
			return wrote, nil
		}
		if err := k.write(k.Context, t, desk.State(), &b); err != nil {
			return wrote, err
		}
		wrote = true
		k.tell(topic, &b)
	}
}

// linked reports whether a device was added to a home topic since its newest epoch: the
// invite that brought it, which may lie about, opens nothing that follows the next one.
func linked(st *roster.State) bool {
	g := st.Genesis()
	e, ok := st.Epoch()
	if !ok || !g.Policy.Has(identity.PolicyHome) {
		return false
	}
	return slices.ContainsFunc(st.Devices(roster.Key(g.Owner)), func(d roster.DeviceState) bool { return d.Since.Compare(e.At) > 0 })
}

// mayAct returns ErrUnmet unless this device may sign a roster: once another device has
// stated that it holds the same since this store was opened, or at once if there is no
// other. A store that was put back from an earlier time would fork the roster otherwise;
// one that knows that it was is to be shown more than it held then.
func (k *Keeper) mayAct(topic digest.Hash, st *roster.State) error {
	behind, err := k.Store.MayBeBehind(topic, st)
	if err == nil && behind {
		k.tellBehind(topic)
		err = fmt.Errorf("%w (it was restored from a backup: a member has to hold more of the roster than that)", ErrUnmet)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.met[topic] {
		return nil
	}
	devices := 0
	for _, a := range st.Accounts() {
		devices += len(st.Devices(a.Key))
	}
	if devices <= 1 {
		k.met[topic] = true // what it writes from here on is the newest there is
		return nil
	}
	return ErrUnmet
}

// tellBehind says once that a roster waits for a person; k.tending is held.
func (k *Keeper) tellBehind(topic digest.Hash) {
	if k.behind[topic] {
		return
	}
	k.behind[topic] = true
	k.Logger.Warn("this store writes the roster of a topic and was restored from a backup: nothing is written before a member has shown more of the roster, or a person says that there is no more",
		slog.String("topic", topic.Short()))
}

// pending returns the asks that are not settled, each log's in its order.
func (k *Keeper) pending(topic digest.Hash, st *roster.State) (all []steward.Ask, err error) {
	a := k.asks[topic]
	if a == nil {
		a = &asked{
			read: map[digest.Hash]uint64{}, since: map[digest.Hash]uint64{}, kept: map[digest.Hash]layout.Stretch{},
			waits: map[digest.Hash][]steward.Ask{},
		}
		k.asks[topic] = a
	}
	for l, err := range k.Store.TopicLogs(topic) {
		if err != nil {
			return nil, err
		}
		if err := k.readAsks(a, l, st.Settled(l.ID)); err != nil {
			return nil, err
		}
	}
	kept := a.order[:0]
	for _, log := range a.order {
		waits, settled := a.waits[log], st.Settled(log)
		for len(waits) > 0 && waits[0].Seq < settled {
			waits = waits[1:]
		}
		if a.waits[log] = waits; len(waits) == 0 {
			delete(a.waits, log)
			continue
		}
		kept = append(kept, log)
		all = append(all, waits...)
	}
	a.order = kept
	return all, k.keepUnasked(a, st)
}

// maxWaiting bounds the asks of a log that are held at a time; those behind are read once
// some are answered.
const maxWaiting = 1024

var errEnough = errors.New("enough asks of one log")

// readAsks reads what is new of a log.
func (k *Keeper) readAsks(a *asked, l *store.Log, settled uint64) error {
	from, err := k.next(a, l, settled)
	to := l.State().Size
	if err != nil || from >= to {
		return err
	}
	err = k.Store.Read(l, from, to, func(run store.Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(seq uint64, rec *event.Record) error {
			ask, ok := askOf(l.ID, seq, rec)
			if !ok {
				return nil
			}
			if len(a.waits[l.ID]) >= maxWaiting {
				to = seq
				return errEnough
			}
			if len(a.waits[l.ID]) == 0 {
				a.order = append(a.order, l.ID)
			}
			a.waits[l.ID] = append(a.waits[l.ID], ask)
			return nil
		})
	})
	if err == nil || errors.Is(err, errEnough) {
		a.read[l.ID], err = to, nil
	}
	return err
}

// write appends a batch: first the secret of its epoch is kept, then the boxes are
// appended, then the records at once. What a crash leaves of it in the log of boxes is
// named by nothing.
func (k *Keeper) write(ctx context.Context, t *store.Topic, after *roster.State, b *steward.Batch) error {
	leg := after.Steward()
	if b.Epoch != nil {
		e, _ := after.Epoch()
		if err := k.Pipeline.Do(ctx, k.Store.NewEpochKept(t, &e.Epoch, *b.Epoch)); err != nil {
			return err
		}
	}
	if len(b.Boxes) > 0 {
		boxes := identity.BoxLog(t.ID, leg.Author, leg.Term, leg.Leg)
		if err := k.Pipeline.Create(ctx, boxes.ID(), messages.NewLog{LogName: boxes, Own: true}); err != nil {
			return err
		}
		if err := k.append(ctx, boxes.ID(), b.FirstBox, b.Boxes); err != nil {
			return err
		}
	}
	if b.First == 0 { // of an open topic
		return k.beginLeg(ctx, identity.RosterLog(t.ID, leg.Author, leg.Term, leg.Leg), b.Records)
	}
	return k.append(ctx, leg.Log, b.First, b.Records)
}

// beginLeg has a leg of this device begin with records.
func (k *Keeper) beginLeg(ctx context.Context, leg identity.LogName, all []roster.Raw) error {
	if err := k.Pipeline.Create(ctx, leg.ID(), messages.NewLog{LogName: leg, Own: true}); err != nil {
		return err
	}
	return k.append(ctx, leg.ID(), 0, all)
}

// append appends raw records at a place, with the time that they were made for: the hash
// of each is in what follows from it.
func (k *Keeper) append(ctx context.Context, log digest.Hash, first uint64, all []roster.Raw) error {
	events := make([]pipeline.Entry, len(all))
	for i, r := range all {
		events[i].Event = event.Event{Type: r.Type, Payload: r.Body}
	}
	at, err := k.Pipeline.AppendBatch(ctx, log, events, pipeline.Conditions{Expect: &first}, time.UnixMilli(all[0].Time))
	if err == nil && at.Time != all[0].Time {
		err = fmt.Errorf("records of log %s for %d ms were stamped %d ms", log.Short(), all[0].Time, at.Time)
	}
	return err
}

// tell says in the log what became of asks.
func (k *Keeper) tell(topic digest.Hash, b *steward.Batch) {
	for _, o := range b.Outcomes {
		log := k.Logger.With(slog.String("topic", topic.Short()), slog.String("account", o.By.Short()), slog.String("asked", o.Asked))
		if o.Fate == steward.Carried {
			log.Info("an ask was carried out")
		} else {
			log.Info("an ask was not carried out",
				slog.String("fate", o.Fate.String()), slog.String("why", string(o.Why)))
		}
	}
}

// ErrRefused is returned by Act for what the roster does not allow.
var ErrRefused = errors.New("the roster does not allow it")

// ErrUnmet is returned by Act on the steward's device until another device has said,
// since the store was opened, that it holds the same.
var ErrUnmet = errors.New("this store writes the topic's roster, and an older copy of it would fork that: sync with a member first, or say that no member holds more")

// An Acted is what became of an act: it is done, or the steward is asked.
type Acted struct {
	Done bool
	Ask  roster.AskRef // if it is not
}

// Act has the person of this device do something to the roster: at once if the device is
// the steward, else it is asked for, in the device's own log. The error is
// ErrRefused with the reason, or ErrUnmet.
func (k *Keeper) Act(ctx context.Context, topic digest.Hash, act steward.Act) (a Acted, err error) {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return a, err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	return k.act(ctx, t, act)
}

// act is Act; k.tending is held.
func (k *Keeper) act(ctx context.Context, t *store.Topic, act steward.Act) (a Acted, err error) {
	desk, err := k.Store.NewDesk(t)
	if errors.Is(err, steward.ErrNotSteward) {
		a.Ask, err = k.ask(ctx, t, act.Body)
		return a, err
	}
	if err != nil {
		return a, err
	}
	if err := k.mayAct(t.ID, desk.State()); err != nil {
		return a, err
	}
	b, err := desk.Own([]steward.Act{act}, k.Now())
	if err != nil {
		return a, err
	}
	if len(b.Outcomes) == 1 && b.Outcomes[0].Fate != steward.Carried {
		return a, fmt.Errorf("%w: %s", ErrRefused, b.Outcomes[0].Why)
	}
	if err := k.write(ctx, t, desk.State(), &b); err != nil {
		return a, err
	}
	a.Done = true
	return a, k.learn(t.ID)
}

// ask appends an ask to this device's own log.
func (k *Keeper) ask(ctx context.Context, t *store.Topic, body roster.Ask) (ref roster.AskRef, err error) {
	b, err := roster.EncodeAsk(nil, body)
	if err != nil {
		return ref, err
	}
	at, err := k.Pipeline.Append(ctx, t.Log, pipeline.Entry{Event: event.Event{Type: body.Type(), Payload: b}}, k.Now())
	return roster.AskRef{Log: at.Log, Seq: at.Seq}, err
}
