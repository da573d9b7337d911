// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"net"
	"net/netip"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
)

// dialable returns the addresses at which others find one who listens at a. It
// is a itself, unless that is every address of the machine ("[::]:4040"), which
// nobody can dial: then it is one of each, those that reach furthest first.
func dialable(a identity.Address, interfaces []net.Addr) []identity.Address {
	scheme, hostport := identity.SplitScheme(a.Host)
	at, err := netip.ParseAddrPort(hostport)
	if err != nil || !at.Addr().IsUnspecified() {
		return []identity.Address{a}
	}
	var near, far []identity.Address
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if at.Addr().Is4() && !ip.Is4() {
			continue
		}
		found := identity.Address{Peer: a.Peer, Host: identity.JoinScheme(scheme, netip.AddrPortFrom(ip, at.Port()).String())}
		switch {
		case ip.IsLoopback():
			near = append(near, found)
		case ip.IsGlobalUnicast():
			far = append(far, found)
		}
	}
	if all := append(far, near...); len(all) > 0 {
		return all
	}
	return []identity.Address{a}
}

// sayPlaces says of an invite by whom it cannot be used to connect.
func (a *app) sayPlaces(inv *identity.Invite, over *handover) {
	far := func(p identity.Address) bool { return !nearby(p) }
	switch {
	case len(inv.Peers) == 0:
		a.say("this invite names no address to find us at; one made while `xaeroflux run` is running does")
	case over.code && !slices.ContainsFunc(inv.Peers, far): // it goes to another device
		a.say("this invite names addresses of this machine only: for another one, `xaeroflux run --listen 0.0.0.0:4040`")
	}
}

// nearby reports whether only this machine can dial a.
func nearby(a identity.Address) bool {
	scheme, rest := identity.SplitScheme(a.Host)
	host, _, _ := net.SplitHostPort(rest)
	ip, _ := netip.ParseAddr(host)
	return scheme == identity.SchemeUnix || host == "localhost" || ip.Unmap().IsLoopback()
}

// dialableInvite replaces addresses that cannot be dialed with ones that can.
func dialableInvite(invite string) string {
	inv, err := identity.ParseInvite(invite)
	if err != nil {
		return invite
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return invite
	}
	var peers []identity.Address
	for _, p := range inv.Peers {
		peers = append(peers, dialable(p, interfaces)...)
	}
	inv.Peers = peers[:min(len(peers), identity.MaxInvitePeers)]
	return inv.String()
}
