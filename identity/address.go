// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// MaxHost is the longest Address.Host in bytes: the longest DNS name, a colon
// and a port.
const MaxHost = 253 + 1 + 5

// ErrAddress is returned for text that is no address.
var ErrAddress = errors.New("identity: not an address")

// An Address is a peer and a place to find it. Dialling one always checks that
// the peer found there is that peer.
type Address struct {
	Peer PeerID
	Host string // host:port; the host is a name, an IPv4 address or an IPv6 address in brackets
}

// String returns "<64 hexadecimal digits>@host:port".
func (a Address) String() string { return a.Peer.String() + "@" + a.Host }

// ParseAddress decodes what String wrote, and nothing else.
func ParseAddress(s string) (Address, error) {
	id, host, ok := strings.Cut(s, "@")
	if !ok {
		return Address{}, fmt.Errorf("%w: no @; want <64 hexadecimal digits>@host:port", ErrAddress)
	}
	peer, err := ParsePeerID(id)
	if err != nil {
		return Address{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	a := Address{Peer: peer, Host: host}
	if err := a.check(); err != nil {
		return Address{}, err
	}
	return a, nil
}

func (a Address) check() error {
	if _, err := PeerIDOf(a.Peer[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return CheckHost(a.Host)
}

// CheckHost checks that s is a host:port that an Address may hold.
func CheckHost(s string) error {
	if len(s) > MaxHost {
		return fmt.Errorf("%w: host of %d bytes, limit %d", ErrAddress, len(s), MaxHost)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%w: %q: want host:port", ErrAddress, s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%w: port %q, want 1 to 65535", ErrAddress, port)
	}
	if net.JoinHostPort(host, port) != s || !validHost(host) {
		return fmt.Errorf("%w: host %q, want a name, an IPv4 address or an IPv6 address in brackets", ErrAddress, host)
	}
	return nil
}

// validHost takes IP addresses, with a zone where they have one, and names of
// letters, digits, '-', '_' and '.' with no empty label.
func validHost(host string) bool {
	if strings.Contains(host, ":") {
		ip, zone, _ := strings.Cut(host, "%")
		_, err := netip.ParseAddr(ip)
		return err == nil && (ip == host || validName(zone))
	}
	return len(host) <= 253 && validName(host)
}

func validName(s string) bool {
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return false
		}
	}
	return true
}

func notInName(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
}
