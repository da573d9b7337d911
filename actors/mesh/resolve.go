// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/carriers"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	maxHosts     = 4                      // addresses of a name that are tried
	hostsStagger = 250 * time.Millisecond // between them, as RFC 8305 recommends
)

// A Lookup returns the addresses of a host name.
type Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// LookupIP asks the system's resolver.
func LookupIP(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// open connects to a place, and returns where it found the peer. What may be dialed
// is decided on each address that the place's name has, and these are dialed: the
// name is not resolved a second time, when it could lead elsewhere.
func (n *Mesh) open(ctx context.Context, t peerbook.Target) (transport.Conn, identity.Address, error) {
	hosts, err := n.resolve(ctx, t)
	if err != nil {
		return nil, identity.Address{}, err
	}
	conn, i, err := carriers.Race(ctx, hostsStagger, len(hosts), func(ctx context.Context, i int) (transport.Conn, error) {
		return n.Carrier.Dial(ctx, identity.Address{Peer: t.Peer, Host: hosts[i]})
	})
	if err != nil && hosts[0] != t.Host {
		err = fmt.Errorf("%s: %w", t.Host, err)
	}
	return conn, identity.Address{Peer: t.Peer, Host: hosts[i]}, err
}

// resolve returns the hosts to dial for a place. One that is no IP address, on
// carriers with names of their own, and a path are dialed as they are.
func (n *Mesh) resolve(ctx context.Context, t peerbook.Target) (hosts []string, err error) {
	scheme, hostport := identity.SplitScheme(t.Host)
	name, port, err := net.SplitHostPort(hostport)
	ip, literal := peerbook.IPOf(t.Host)
	if err != nil || !literal && n.Lookup == nil {
		return []string{t.Host}, nil
	}
	if literal {
		_, err := t.Allow([]netip.Addr{ip})
		return []string{t.Host}, err
	}
	ips, err := n.Lookup(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; check the name", transport.ErrUnreachable, err)
	}
	if ips, err = t.Allow(ips); err != nil {
		return nil, err
	}
	for _, ip := range ips[:min(len(ips), maxHosts)] {
		hosts = append(hosts, identity.JoinScheme(scheme, net.JoinHostPort(ip.String(), port)))
	}
	return hosts, nil
}
