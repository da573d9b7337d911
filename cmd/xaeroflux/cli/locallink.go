// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Link implements nodeapi.Backend.
func (b *local) Link(ctx context.Context, o nodeapi.Linking) (string, error) {
	ctx, cancel := waiting(ctx, o.Wait)
	defer cancel()
	invite, err := b.db.LinkDevice(ctx, &xaeroflux.LinkOptions{Expires: o.Expires})
	return dialableInvite(invite), err
}

// Devices implements nodeapi.Backend.
func (b *local) Devices(ctx context.Context, c nodeapi.DeviceChange) ([]xaeroflux.Device, error) {
	all, err := b.db.Devices()
	if err != nil || c == (nodeapi.DeviceChange{}) {
		return all, err
	}
	d, err := device(all, "this store's person", c.Remove)
	if err != nil {
		return nil, err
	}
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	if err := b.db.RemoveDevice(ctx, d.Key); err != nil {
		return nil, err
	}
	return b.db.Devices()
}
