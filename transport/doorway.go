// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Strangers is how many strangers a node lets in at a time unless it is told
// otherwise.
const Strangers = 128

// A Doorway counts strangers: incoming connections from their first byte until
// they are admitted or closed, so that a flood of them costs a fixed amount. A
// newcomer that finds it full is let in: the oldest stranger of the subnet that
// has the most goes, so that one who comes from elsewhere meets no queue, however
// many come from one place. It is safe for concurrent use.
//
// An address has at most a quarter of the places and a subnet half of them. A
// subnet is a /24 of IPv4, which is what one host or office rents at least, and
// a /48 of IPv6, which is the most that one customer gets for the asking; an
// address is a /64 there, because everybody has 2⁶⁴ of them.
type Doorway struct {
	limit int

	mu     sync.Mutex // guards inside, and evict of each Place
	inside []*Place   // the oldest first
}

// A Place is that of one stranger.
type Place struct {
	d            *Doorway
	host, subnet netip.Prefix // invalid if the stranger is on this machine, over a unix socket
	evict        func()       // nil as long as it cannot be; guarded by Doorway.mu
}

// NewDoorway returns a doorway with so many places.
func NewDoorway(limit int) *Doorway { return &Doorway{limit: limit} }

// Enter takes a place for a connection from an address, until Leave. evict ends
// the connection, at once and without waiting; nil says that this is not
// possible yet. The error is ErrRefused if nobody can be made to go.
func (d *Doorway) Enter(addr net.Addr, evict func()) (*Place, error) {
	p := &Place{d: d, evict: evict}
	p.host, p.subnet = source(addr)
	d.mu.Lock()
	rivals := d.rivals(p)
	out, err := d.oldest(rivals)
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	end := d.remove(out)
	d.inside = append(d.inside, p)
	d.mu.Unlock()
	if end != nil {
		end()
	}
	return p, nil
}

// rivals are those of whom one has to go if p is let in; mu is held.
func (d *Doorway) rivals(p *Place) []*Place {
	ofHost := d.those(func(q *Place) bool { return q.host == p.host })
	ofSubnet := d.those(func(q *Place) bool { return q.subnet == p.subnet })
	switch {
	case p.host.IsValid() && len(ofHost) >= max(d.limit/4, 1):
		return ofHost
	case p.subnet.IsValid() && len(ofSubnet) >= max(d.limit/2, 1):
		return ofSubnet
	case len(d.inside) < d.limit:
		return nil
	}
	return d.fullest(p.subnet)
}

// fullest returns those of the subnet with the most strangers, one that comes
// from a subnet counted; of two, that whose oldest came first. mu is held.
func (d *Doorway) fullest(coming netip.Prefix) []*Place {
	count := map[netip.Prefix]int{coming: 1}
	most := coming
	for _, p := range d.inside {
		count[p.subnet]++
	}
	for _, p := range d.inside {
		if count[p.subnet] > count[most] {
			most = p.subnet
		}
	}
	if count[most] == 1 { // each has one
		return d.inside
	}
	return d.those(func(p *Place) bool { return p.subnet == most })
}

func (d *Doorway) those(are func(*Place) bool) (all []*Place) {
	for _, p := range d.inside {
		if are(p) {
			all = append(all, p)
		}
	}
	return all
}

// oldest returns who of some has been inside longest and can be made to go, or
// nil if there is nobody.
func (d *Doorway) oldest(some []*Place) (*Place, error) {
	if len(some) == 0 {
		return nil, nil
	}
	if i := slices.IndexFunc(some, func(p *Place) bool { return p.evict != nil }); i >= 0 {
		return some[i], nil
	}
	return nil, fmt.Errorf("%w: %d handshakes are open, %d from there", ErrRefused, len(d.inside), len(some))
}

// remove takes back a place and returns what ends its connection; mu is held.
func (d *Doorway) remove(p *Place) (end func()) {
	i := slices.Index(d.inside, p)
	if p == nil || i < 0 {
		return nil
	}
	d.inside = slices.Delete(d.inside, i, i+1)
	return p.evict
}

// Leave gives back the place: its connection is admitted or closed.
func (p *Place) Leave() {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.d.remove(p)
}

// Evictable says how the connection is ended, from now on.
func (p *Place) Evictable(evict func()) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.evict = evict
}

// Inside returns how many places are taken.
func (d *Doorway) Inside() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.inside)
}

// Limit returns how many places there are.
func (d *Doorway) Limit() int { return d.limit }

// source is what an address counts as; invalid if it is none of IP.
func source(a net.Addr) (host, subnet netip.Prefix) {
	of, found := a.(interface{ AddrPort() netip.AddrPort })
	if !found {
		return host, subnet
	}
	ip := of.AddrPort().Addr().Unmap().WithZone("")
	hostBits, subnetBits := 64, 48
	if ip.Is4() {
		hostBits, subnetBits = 32, 24
	}
	host, _ = ip.Prefix(hostBits) // of an address that is valid
	subnet, _ = ip.Prefix(subnetBits)
	return host, subnet
}
