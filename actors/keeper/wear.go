// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// sealLimit is how many events a log has under one epoch before the steward makes another:
// nonces are random, and AES-GCM is not to be given 2³² of them under one key.
const sealLimit = 1 << 31

// unasked returns what the steward writes without an ask.
func (k *Keeper) unasked(t *store.Topic, desk *steward.Desk) (steward.Batch, error) {
	b, err := desk.Due(k.Now())
	if err != nil || len(b.Records) > 0 {
		return b, err
	}
	if linked(desk.State()) {
		return desk.Renew(k.Now())
	}
	e, ok := desk.State().Epoch()
	if !ok {
		return b, nil
	}
	spent, err := k.Store.SealedUnder(t, &e, k.SealLimit)
	if err != nil || !spent {
		return b, err
	}
	return desk.Renew(k.Now())
}
