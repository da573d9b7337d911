// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "github.com/xaeroflux/xaeroflux/identity"

// An Address is a peer and a place where it can be reached. As text it is
// "<peer id>@host:port"; "quic://", "tcp://" or "unix://" before the host names a
// carrier, and a place on this machine may go without the peer id.
type Address struct {
	Peer PeerID
	Host string
}

// ParseAddress reads what Address.String wrote. The error is ErrAddress.
func ParseAddress(s string) (Address, error) {
	a, err := identity.ParseAddress(s)
	return addressOf(a), err
}

// String returns the address as peers and people take it.
func (a Address) String() string {
	return identity.Address{Peer: identity.PeerID(a.Peer), Host: a.Host}.String()
}

// MarshalText returns what String does.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Address) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddress(string(b))
	return err
}

func addressOf(a identity.Address) Address { return Address{Peer: PeerID(a.Peer), Host: a.Host} }
