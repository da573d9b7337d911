// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// A Doorway counts incoming connections from their first byte until Accept hands
// them out, so that a flood of them costs a fixed amount. One source gets at
// most a quarter of the places: an IPv4 address, or the /64 network that one
// IPv6 customer has to himself. It is safe for concurrent use.
type Doorway struct {
	limit int

	mu    sync.Mutex
	total int
	from  map[netip.Addr]int
}

// NewDoorway returns a doorway with so many places.
func NewDoorway(limit int) *Doorway {
	return &Doorway{limit: limit, from: map[netip.Addr]int{}}
}

// Enter takes a place for a connection from an address, until leave is called
// for the first time. The error is ErrRefused where there is no place. Who comes
// over a unix socket is of no source.
func (d *Doorway) Enter(addr net.Addr) (leave func(), err error) {
	from := source(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.total >= d.limit || from.IsValid() && d.from[from] >= max(d.limit/4, 1) {
		return nil, fmt.Errorf("%w: %d handshakes are open, %d from %v", ErrRefused, d.total, d.from[from], from)
	}
	d.total++
	d.from[from]++
	return sync.OnceFunc(func() { d.leave(from) }), nil
}

func (d *Doorway) leave(from netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	if d.from[from]--; d.from[from] == 0 {
		delete(d.from, from)
	}
}

// Inside returns how many places are taken.
func (d *Doorway) Inside() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

// source is who an address counts as; invalid where it is none of IP.
func source(a net.Addr) netip.Addr {
	of, found := a.(interface{ AddrPort() netip.AddrPort })
	if !found {
		return netip.Addr{}
	}
	ip := of.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	if p, err := ip.Prefix(64); err == nil {
		return p.Addr()
	}
	return ip
}
