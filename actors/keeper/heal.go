// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// healPause is how long at least this device waits for a box before it asks for another.
const healPause = time.Hour

// heal asks for a box of the newest epoch, for another KEM key of this device, if the boxes
// that are here for it open nothing. It does so once an hour at most, and not while an
// earlier ask stands.
func (k *Keeper) heal(topic digest.Hash) error {
	t, err := k.Store.Topic(topic)
	if err != nil {
		return err
	}
	h, err := k.Store.NewHealing(t)
	if err != nil || h == nil {
		k.Store.SetRenewing(topic, nil)
		return err
	}
	st, err := k.Store.Roster(topic)
	if err != nil {
		return err
	}
	asked, err := k.renewing(t, st)
	if err == nil && asked == nil {
		asked, err = k.renew(t, h)
	}
	if asked != nil && k.Store.SetRenewing(topic, asked) {
		k.Turned(topic)
	}
	return err
}

// renewing returns the ask for a box of this device that stands, or nil.
func (k *Keeper) renewing(t *store.Topic, st *roster.State) (ask *roster.DeviceAsk, err error) {
	asks, err := k.waiting(t, st)
	for _, a := range asks {
		if d, ok := a.Body.(*roster.DeviceAsk); ok {
			ask = d
		}
	}
	return ask, err
}

// renew asks for a box, unless it did so a moment ago; then it is nil.
func (k *Keeper) renew(t *store.Topic, h *store.Healing) (*roster.DeviceAsk, error) {
	if at, ok := k.healed[t.ID]; ok {
		if wait := healPause - k.Now().Sub(at); wait > 0 && wait <= healPause {
			k.lookIn(t.ID, wait)
			return nil, nil
		}
	}
	k.healed[t.ID] = k.Now()
	if err := k.Pipeline.Do(k.Context, h); err != nil {
		return nil, err
	}
	_, err := k.ask(k.Context, t, h.Ask)
	return h.Ask, err
}
