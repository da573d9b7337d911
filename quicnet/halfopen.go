// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"net"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/transport"
)

// A door counts incoming connections from their first packet until they are
// admitted. Over a quarter of the limit a source must echo a token before
// anything is kept for it, which a forged address cannot.
type door struct{ *transport.Doorway }

// busy is quic-go's question whether an address has to prove itself.
func (d door) busy(net.Addr) bool { return d.Inside() >= d.Limit()/4 }

type placeKey struct{}

// enter takes a place for a new connection. quic-go lets nobody end one whose
// handshake is under way, which its own timeout bounds.
func (d door) enter(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	place, err := d.Enter(info.RemoteAddr, nil)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, place.Leave)
	return context.WithValue(ctx, placeKey{}, place), nil
}

// placeOf returns the place of a connection that came in, or nil.
func placeOf(ctx context.Context) *transport.Place {
	place, _ := ctx.Value(placeKey{}).(*transport.Place)
	return place
}
