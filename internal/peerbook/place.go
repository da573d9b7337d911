// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A Place is where a peer may be: a carrier and an address, who told of it and
// over what, and what came of it. Policy (policy.go) decides by it.
type Place struct {
	Host   string          // carrier and address, as in identity.Address
	Source identity.PeerID // who told; the peer itself, or zero for a person
	Via    Scope           // of the connection over which it was told; not stored
	Proven time.Time       // when a connection last proved that the peer is there; zero: never
	Public bool            // the peer itself asked to be found there

	tries  int       // in vain since it was proven or told; not stored
	failed int       // in a row, by which its pause grows; not stored
	next   time.Time // not to be dialed before; not stored
	net    Net       // of Host
}

func (p Place) withNet() Place {
	p.net = NetOf(p.Host)
	return p
}

// An Origin is who told of a place.
type Origin uint8

// The origins, from the least that is believed.
const (
	OfPeer   Origin = iota // another peer: a hint
	OfItself               // the peer that is to be found there, in a session of its own
	OfPerson               // a person, by an address or an invite
)

// Origin returns who told that peer is at p.
func (p Place) Origin(peer identity.PeerID) Origin {
	switch p.Source {
	case identity.PeerID{}:
		return OfPerson
	case peer:
		return OfItself
	}
	return OfPeer
}

// A Scope is how far an address reaches.
type Scope uint8

// The scopes, from the nearest.
const (
	Nowhere Scope = iota // no host has it, or it is not known
	Machine              // this machine
	Site                 // a network that others have too: a LAN, a VPN, behind a carrier's NAT
	World                // one host in the world
)

var (
	machineNets = prefixes("127.0.0.0/8", "::1/128")
	siteNets    = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
		"198.18.0.0/15", "fc00::/7", "fe80::/10", "fec0::/10", "64:ff9b:1::/48")
	nowhereNets = prefixes("0.0.0.0/8", "224.0.0.0/3", "::/96", "2001::/32", "ff00::/8") // with IPv4-compatible and Teredo
	nat64, six  = netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16")
)

func prefixes(all ...string) (nets []netip.Prefix) {
	for _, s := range all {
		nets = append(nets, netip.MustParsePrefix(s))
	}
	return nets
}

// ScopeOf returns how far an address reaches. One that holds an IPv4 address
// (mapped, NAT64, 6to4) reaches as far as that.
func ScopeOf(ip netip.Addr) Scope {
	ip = inner(ip)
	within := func(nets []netip.Prefix) bool {
		for _, n := range nets {
			if n.Contains(ip) {
				return true
			}
		}
		return false
	}
	switch {
	case !ip.IsValid():
		return Nowhere
	case within(machineNets):
		return Machine
	case within(nowhereNets):
		return Nowhere
	case within(siteNets):
		return Site
	}
	return World
}

// inner returns the IPv4 address that ip holds, or ip.
func inner(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case six.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:]))
	}
	return ip
}

// IPOf returns the address that a host names, unless it is a name or a path.
func IPOf(host string) (netip.Addr, bool) {
	_, hostport := identity.SplitScheme(host)
	name, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(name)
	return ip.Unmap(), err == nil
}

// A Net is the part of the network that a host is in, which one attacker may
// have to himself: the first 16 bits of an IPv4 address, 32 of an IPv6 address,
// the last two labels of a name.
type Net string

// NetOf returns the net of a host.
func NetOf(host string) Net {
	if ip, ok := IPOf(host); ok {
		return netOf(ip, 16, 32)
	}
	_, hostport := identity.SplitScheme(host)
	name, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return Net(hostport)
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	return Net(strings.Join(labels[max(0, len(labels)-2):], "."))
}

func netOf(ip netip.Addr, bits4, bits6 int) Net {
	ip = inner(ip)
	bits := bits6
	if ip.Is4() {
		bits = bits4
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return Net(p.String())
}
