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
func (b *local) Devices(context.Context) ([]xaeroflux.Device, error) { return b.db.Devices() }
