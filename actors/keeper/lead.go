// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Errors of who writes the roster.
var (
	// ErrNotOwner is returned for a take-over by a store that does not keep the secret of
	// the account that founded the topic.
	ErrNotOwner = errors.New("this store does not keep the key of the topic's owner: the store that founded the topic does, unless the owner has words, which alone lead to it then")
	// ErrNotAsked is returned for a handover to a device that did not ask for it.
	ErrNotAsked = errors.New("the device has not asked to write the roster: ask for it there first")
)

// inherit begins the next leg if the roster was handed over to this device. It reports
// whether it did.
func (k *Keeper) inherit(ctx context.Context, t *store.Topic, st *roster.State) (bool, error) {
	self := k.Store.DeviceKey(t)
	if st.Heir() != self {
		return false, nil
	}
	return true, k.begin(ctx, t, st, nil)
}

// begin begins a leg, after a handover or with a term record.
func (k *Keeper) begin(ctx context.Context, t *store.Topic, st *roster.State, term *roster.Term) error {
	last, err := k.Store.LastOf(st.Steward().Log)
	if err != nil {
		return err
	}
	leg, raw, err := steward.Begin(st, k.Store.DeviceKey(t), term, k.Now(), last)
	if err != nil {
		return err
	}
	return k.beginLeg(ctx, identity.RosterLog(t.ID, leg.Author, leg.Term, leg.Leg), []roster.Raw{raw})
}

// TakeOver begins a new term with this device as the steward, on the word of the topic's
// owner, whose secret that is. All of the roster that is here counts; what the
// old steward wrote beyond it is void once others hear of the new term. The error is
// ErrNotOwner, or ErrNoRoster.
func (k *Keeper) TakeOver(ctx context.Context, topic identity.TopicID, owner identity.AccountSecret) error {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return err
	}
	if roster.Key(identity.PublicKey(owner.Key())) != roster.Key(t.Genesis.Owner) {
		return ErrNotOwner
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	st, err := k.Store.Roster(t.ID)
	if err != nil {
		return err
	}
	if st.Founded() {
		term := &roster.Term{Last: st.Prefix(), Term: st.Position().Term + 1, Steward: k.Store.DeviceKey(t), By: roster.ByOwner}
		term.Sign(t.ID, 0, owner.Key())
		err = k.begin(ctx, t, st, term)
	} else {
		err = k.beginTerm(ctx, t, st, owner)
	}
	if err != nil {
		return err
	}
	k.Met(topic) // nobody else writes the new leg
	return nil
}

// ErrNoRoster is returned for a take-over of a roster of which nothing is here.
var ErrNoRoster = errors.New("nothing of the topic's roster is here, and all of it would be void: sync with a member first")

// beginTerm begins the roster of an open topic of which nothing is here: as a rule it did
// not begin yet.
func (k *Keeper) beginTerm(ctx context.Context, t *store.Topic, st *roster.State, owner identity.AccountSecret) error {
	if !t.Genesis.Policy.Has(identity.PolicyOpen) {
		return ErrNoRoster
	}
	leg, first, err := k.Store.FirstOfTerm(t, st.Position().Term+1, owner)
	if err != nil {
		return err
	}
	return k.beginLeg(ctx, leg, first)
}

// BeginRoster has the roster of an open topic begin, if that is for this store to do.
func (k *Keeper) BeginRoster(ctx context.Context, topic identity.TopicID) error {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	first, err := k.Store.FirstRecords(t)
	if err != nil || first == nil {
		return err
	}
	return k.beginLeg(ctx, t.Roster(), first)
}

// ErrSuperseded is returned for a succession that names what is not, or no more, held.
var ErrSuperseded = errors.New("the succession goes on from a part of the roster that is not here, or counts no more: sync with a member, or have it proposed again")

// Succeed begins a new term with this device as the steward, on the word of the topic's
// successors. What is here of the roster beyond the part that they named is void. The
// error is ErrSuperseded, roster.ErrSuccession, roster.ErrUnsigned, or ErrNotNamed.
func (k *Keeper) Succeed(ctx context.Context, topic identity.TopicID, by *roster.Succession) error {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return err
	}
	if err := by.Check(t.ID, t.Genesis); err != nil {
		return err
	}
	if by.Term.Steward != k.Store.DeviceKey(t) {
		return fmt.Errorf("%w (%s)", ErrNotNamed, by.Term.Steward.Short())
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	st, err := k.Store.RosterAt(t.ID, by.Term.Last)
	if err == nil {
		err = k.begin(ctx, t, st, &by.Term)
	}
	if errors.Is(err, roster.ErrPosition) {
		return ErrSuperseded
	}
	if err != nil {
		return err
	}
	k.Met(topic) // nobody else writes the new leg
	return nil
}

// ErrNotNamed is returned for a succession that names another device.
var ErrNotNamed = errors.New("the successors named another device: take over there")

// Handover makes another device the steward, which asked for it.
func (k *Keeper) Handover(ctx context.Context, topic identity.TopicID, device roster.Key) error {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	desk, err := k.Store.NewDesk(t)
	if err != nil {
		return err
	}
	if err := k.mayAct(topic, desk.State()); err != nil {
		return err
	}
	asks, err := k.pending(topic, desk.State())
	if err != nil {
		return err
	}
	d, _ := desk.State().Device(device)
	for _, a := range asks {
		if q, ok := a.Body.(*roster.Request); !ok || q.What != roster.AskHandover || a.Log != d.Log {
			continue
		}
		b, err := desk.Decide(a, true, k.Now())
		if err != nil {
			return err
		}
		if len(b.Outcomes) != 1 || b.Outcomes[0].Fate != steward.Carried {
			return fmt.Errorf("%w: %v", ErrRefused, b.Outcomes)
		}
		return k.write(ctx, t, desk.State(), &b)
	}
	return fmt.Errorf("%w (device %s)", ErrNotAsked, device.Short())
}

// moveOn has this device go on in another log if the roster ended the one it had.
func (k *Keeper) moveOn(topic identity.TopicID) error {
	t, err := k.Store.Topic(topic)
	if err != nil || t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return err
	}
	m, err := k.Store.NewMovingOn(t, k.Now())
	if err != nil || m == nil {
		return err
	}
	if err := k.Pipeline.Do(k.Context, m); err != nil {
		return err
	}
	k.Turned(topic)
	return nil
}

// patience is how long at most the keeper looks at no clock.
const patience = time.Hour

// later looks again when the first of the topic's invites expires.
func (k *Keeper) later(st *roster.State) {
	wait := patience
	for _, v := range st.Invites() {
		if v.Expiry > 0 {
			wait = min(wait, max(time.Unix(int64(v.Expiry), 0).Sub(k.Now()), time.Second))
		}
	}
	k.lookIn(st.Topic(), wait)
}

// lookIn looks at a topic again after a while.
func (k *Keeper) lookIn(topic digest.Hash, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Context.Err() != nil {
		return
	}
	if t := k.timers[topic]; t != nil {
		t.Stop()
	}
	k.timers[topic] = time.AfterFunc(wait, func() {
		if k.Context.Err() == nil && k.note(topic) {
			k.Wake()
		}
	})
}

func (k *Keeper) stopTimers() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.timers {
		t.Stop()
	}
	clear(k.timers)
}
