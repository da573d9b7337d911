// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"net"
	"net/netip"
	"sync"
)

// halfOpen counts incoming connections from the first byte until Accept hands
// them out, so that a flood of them costs a fixed amount. One address gets at
// most a quarter of the places.
type halfOpen struct {
	limit int

	mu    sync.Mutex
	total int
	from  map[netip.Addr]int
}

func newHalfOpen(limit int) *halfOpen {
	return &halfOpen{limit: limit, from: map[netip.Addr]int{}}
}

// enter takes a place for a connection from addr, until leave is called.
func (h *halfOpen) enter(addr net.Addr) (leave func(), ok bool) {
	from := source(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.total >= h.limit || from.IsValid() && h.from[from] >= max(h.limit/4, 1) {
		return nil, false
	}
	h.total++
	h.from[from]++
	return sync.OnceFunc(func() { h.leave(from) }), true
}

func (h *halfOpen) leave(from netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if h.from[from]--; h.from[from] == 0 {
		delete(h.from, from)
	}
}

// source is who an address counts as: an IPv4 address, or the /64 network that
// one IPv6 customer has to himself. Who comes over a unix socket is nobody in
// particular.
func source(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	if p, err := ip.Prefix(64); err == nil {
		return p.Addr()
	}
	return ip
}
