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
	if c.Keep {
		return b.keepDevices(ctx, c)
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

// keepDevices has this store keep the list of the person's devices.
func (b *local) keepDevices(ctx context.Context, c nodeapi.DeviceChange) ([]xaeroflux.Device, error) {
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	keep := b.db.KeepDevices
	if c.Words != "" {
		keep = func(ctx context.Context) error { return b.db.KeepDevicesByWords(ctx, c.Words) }
	}
	if err := keep(ctx); err != nil {
		return nil, err
	}
	return b.db.Devices()
}

// RemoveEverywhere implements nodeapi.Backend.
func (b *local) RemoveEverywhere(ctx context.Context, c nodeapi.DeviceChange) ([]xaeroflux.DeviceRemoval, error) {
	all, err := b.db.Devices()
	if err != nil {
		return nil, err
	}
	d, err := device(all, "this store's person", c.Remove)
	if err != nil {
		return nil, err
	}
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	return b.db.RemoveDeviceEverywhere(ctx, d.Key)
}
