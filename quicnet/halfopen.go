// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"net"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/transport"
)

// halfOpen counts incoming connections from their first packet until Accept
// hands them out. Over a quarter of the limit a source must echo a token before
// anything is kept for it, which a forged address cannot.
type halfOpen struct {
	*transport.Doorway
	limit int
}

func newHalfOpen(limit int) *halfOpen {
	return &halfOpen{transport.NewDoorway(limit), limit}
}

// busy is quic-go's question whether an address has to prove itself.
func (h *halfOpen) busy(net.Addr) bool { return h.Inside() >= h.limit/4 }

type placeKey struct{}

// enter takes a place for a new connection, until ctx ends or it is accepted.
func (h *halfOpen) enter(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	leave, err := h.Enter(info.RemoteAddr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, leave)
	return context.WithValue(ctx, placeKey{}, leave), nil
}

// accepted gives back the place of a connection that Accept hands out.
func accepted(ctx context.Context) {
	if leave, ok := ctx.Value(placeKey{}).(func()); ok {
		leave()
	}
}
