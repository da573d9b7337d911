// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/xaeroflux/xaeroflux/identity"
)

// Policy: what may be done with a place. It is decided on IP addresses, after
// names were resolved, and where names lead to is dialed without resolving them
// again.
//
//	done with it    of a person    of the peer itself, or of another
//	dialed          always         if it leads no nearer than who told it is
//	told to others  never          if the peer asked for it, it was proven, and it
//	                               leads no nearer than whom it is told to; so is where
//	                               the node itself listens
//	kept on disk    once proven    once proven
//	asked to mend   once proven    once proven, if it is an address: a repair resolves names by itself
//
// "No nearer": a peer across the world sends nobody into a private network or to
// services of the own machine; one on the same machine may name all three.

// ErrPolicy is wrapped by what Resolve returns for a place that may not be dialed.
var ErrPolicy = errors.New("such places are not dialed")

// MayDial reports whether a place that was told over a connection of scope via may
// be dialed if it leads to an address of scope to.
func MayDial(o Origin, via, to Scope) bool {
	if o == OfPerson {
		return true
	}
	if via == Nowhere {
		via = World
	}
	return to >= via
}

// MayTell reports whether a place of a peer may be told to another peer that is
// connected over scope via.
func (p Place) MayTell(via Scope) bool {
	if !p.Public || !p.MayKeep() {
		return false
	}
	ip, ok := IPOf(p.Host)
	return !ok || MayDial(OfPeer, via, ScopeOf(ip)) // where a name leads is decided by who resolves it
}

// MayTellOwn reports whether a node that chose to be found tells where it listens to
// a peer that is connected over scope via. Of every address of its machine the peer
// knows the one that it sees.
func MayTellOwn(host string, via Scope) bool {
	ip, ok := IPOf(host)
	return !ok || ip.IsUnspecified() || MayDial(OfItself, via, ScopeOf(ip))
}

// MayKeep reports whether a place outlives the process: the peer proved to be there.
func (p Place) MayKeep() bool { return !p.Proven.IsZero() }

// MayAsk reports whether a repair may ask the peer at a place.
func (p Place) MayAsk(peer identity.PeerID) bool {
	_, address := IPOf(p.Host)
	return p.MayKeep() && (address || p.Origin(peer) == OfPerson)
}

// Target is a place as a dialer needs it.
type Target struct {
	identity.Address
	Origin Origin
	Via    Scope
}

// target is p of a peer. An address at which the peer was proven may be dialed
// again, also after a restart, when it is not known any more how it was told.
func (p Place) target(peer identity.PeerID) Target {
	t := Target{Address: identity.Address{Peer: peer, Host: p.Host}, Origin: p.Origin(peer), Via: p.Via}
	if _, ok := IPOf(p.Host); ok && p.MayKeep() {
		t.Via = Machine
	}
	return t
}

// Named is a target that a person named.
func Named(a identity.Address) Target { return Target{Address: a, Origin: OfPerson} }

// Allow returns those of the addresses that a target's name led to which may be
// dialed, in their order, or ErrPolicy if none may.
func (t Target) Allow(ips []netip.Addr) (allowed []netip.Addr, err error) {
	for _, ip := range ips {
		if MayDial(t.Origin, t.Via, ScopeOf(ip)) {
			allowed = append(allowed, ip.Unmap())
		}
	}
	if len(allowed) == 0 {
		return nil, fmt.Errorf("%w: %s leads to %v, and who told of it is further away than that; name it yourself to connect to it", ErrPolicy, t.Host, ips)
	}
	return allowed, nil
}
