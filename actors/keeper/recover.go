// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"context"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Lend has boxes of a topic be opened with a key that is kept nowhere, until Return is
// called for the topic.
func (k *Keeper) Lend(topic identity.TopicID, key layout.KEMKey) {
	k.mu.Lock()
	if !slices.Contains(k.lent[topic], key) {
		k.lent[topic] = append(k.lent[topic], key)
	}
	k.mu.Unlock()
	if k.note(topic) {
		k.Wake()
	}
}

// Return ends what was lent for a topic.
func (k *Keeper) Return(topic identity.TopicID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.lent[topic])
	delete(k.lent, topic)
}

func (k *Keeper) lentFor(topic digest.Hash) []layout.KEMKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.lent[topic])
}

// Begin has the log of this device in a topic begin with an ask; nothing is done if it
// holds something.
func (k *Keeper) Begin(ctx context.Context, t *store.Topic, ask roster.Ask) error {
	k.tending.Lock()
	defer k.tending.Unlock()
	l, err := k.Store.Log(t.Log)
	if err != nil || l.Whole().Size > 0 {
		return err
	}
	_, err = k.ask(ctx, t, ask)
	return err
}

// FoundHome begins the roster of a home topic of which nothing is left, with this device as
// the steward.
func (k *Keeper) FoundHome(ctx context.Context, f *store.HomeFounding) error {
	t, err := k.Store.Topic(f.Leg.Topic)
	if err != nil {
		return err
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	if st, err := k.Store.Roster(t.ID); err != nil || st.Founded() {
		return err
	}
	if err := k.beginLeg(ctx, f.Leg, f.Records[:]); err != nil {
		return err
	}
	k.Met(t.ID) // nobody else writes it
	if _, err := k.answer(t.ID); err != nil {
		return err
	}
	return k.learn(t.ID)
}
