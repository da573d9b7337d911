// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/transport"
)

// halfOpen counts incoming connections from their first packet until Accept
// hands them out, so that a flood of first packets costs a fixed amount.
//
// Over a quarter of the limit a source must echo a token before anything is
// kept for it, which a forged address cannot; one address that can gets at most
// a quarter of the places.
type halfOpen struct {
	limit int

	mu    sync.Mutex
	total int
	from  map[netip.Addr]int
}

func newHalfOpen(limit int) *halfOpen {
	return &halfOpen{limit: limit, from: map[netip.Addr]int{}}
}

// busy is quic-go's question whether an address has to prove itself.
func (h *halfOpen) busy(net.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total >= h.limit/4
}

type placeKey struct{}

// enter takes a place for a new connection, until ctx ends or leave is called.
func (h *halfOpen) enter(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	from := source(info.RemoteAddr)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.total >= h.limit || h.from[from] >= max(h.limit/4, 1) {
		return nil, fmt.Errorf("%w: %d handshakes are open, %d from %v", transport.ErrRefused, h.total, h.from[from], from)
	}
	h.total++
	h.from[from]++
	leave := sync.OnceFunc(func() { h.leave(from) })
	context.AfterFunc(ctx, leave)
	return context.WithValue(ctx, placeKey{}, leave), nil
}

func (h *halfOpen) leave(from netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if h.from[from]--; h.from[from] == 0 {
		delete(h.from, from)
	}
}

// accepted gives back the place of a connection that Accept hands out.
func accepted(ctx context.Context) {
	if leave, ok := ctx.Value(placeKey{}).(func()); ok {
		leave()
	}
}

// source is who an address counts as: an IPv4 address, or the /64 network that
// one IPv6 customer has to himself.
func source(a net.Addr) netip.Addr {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := udp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	if p, err := ip.Prefix(64); err == nil {
		return p.Addr()
	}
	return ip
}
