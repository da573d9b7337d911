// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// MaxHost is the longest Address.Host in bytes: a carrier's name, the longest
// DNS name, a colon and a port.
const MaxHost = len(SchemeQUIC+schemeEnd) + 253 + 1 + 5

// The carriers that an Address may name. One without a name means QUIC, and
// TCP at the same host and port if QUIC does not get through.
const (
	SchemeQUIC = "quic"
	SchemeTCP  = "tcp"
	SchemeUnix = "unix"

	schemeEnd = "://"
)

// ErrAddress is returned for text that is no address.
var ErrAddress = errors.New("not an address")

// An Address is a peer and a place to find it. Dialling one always checks that
// the peer found there is that peer.
type Address struct {
	Peer PeerID
	Host string // [quic://|tcp://]host:port, or unix:///path of this machine
}

// SplitScheme returns the carrier that host names, or "", and the rest.
func SplitScheme(host string) (scheme, rest string) {
	if scheme, rest, ok := strings.Cut(host, schemeEnd); ok {
		return scheme, rest
	}
	return "", host
}

// JoinScheme is the opposite of SplitScheme.
func JoinScheme(scheme, rest string) string {
	if scheme == "" {
		return rest
	}
	return scheme + schemeEnd + rest
}

// Unnamed reports whether a names a place and no peer, which only a place on
// this machine may.
func (a Address) Unnamed() bool { return a.Peer == PeerID{} }

// String returns "<64 hexadecimal digits>@" and the host, or the host alone
// if no peer is named.
func (a Address) String() string {
	if a.Unnamed() {
		return a.Host
	}
	return a.Peer.String() + "@" + a.Host
}

// ParseAddress decodes what String wrote, and nothing else. The address may
// be of this machine only (unix sockets): what comes from other machines has to
// pass CheckHost too, as every address in an invite does.
func ParseAddress(s string) (Address, error) {
	if strings.HasPrefix(s, SchemeUnix+schemeEnd) {
		return Address{Host: s}, checkPath(s)
	}
	id, host, ok := strings.Cut(s, "@")
	if !ok {
		return Address{}, fmt.Errorf("%w: no @; want <64 hexadecimal digits>@host:port", ErrAddress)
	}
	peer, err := ParsePeerID(id)
	if err != nil {
		return Address{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	a := Address{Peer: peer, Host: host}
	if strings.HasPrefix(host, SchemeUnix+schemeEnd) {
		if err := checkPath(host); err != nil {
			return Address{}, err
		}
		return a, nil
	}
	if err := a.check(); err != nil {
		return Address{}, err
	}
	return a, nil
}

// checkPath checks a unix socket's place.
func checkPath(host string) error {
	_, path := SplitScheme(host)
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, unicode.IsControl) || len(host) > MaxHost {
		return fmt.Errorf("%w: %q: want unix:///path", ErrAddress, host)
	}
	return nil
}

func (a Address) check() error {
	if _, err := PeerIDOf(a.Peer[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return CheckHost(a.Host)
}

// CheckHost checks that s is a place on a network: a host:port, alone or on a
// carrier. A unix socket is none: nobody else may send us to one of ours.
func CheckHost(s string) error {
	if len(s) > MaxHost {
		return fmt.Errorf("%w: host of %d bytes, limit %d", ErrAddress, len(s), MaxHost)
	}
	if scheme, rest, ok := strings.Cut(s, schemeEnd); ok {
		if scheme != SchemeQUIC && scheme != SchemeTCP {
			return fmt.Errorf("%w: carrier %q, want quic or tcp", ErrAddress, scheme)
		}
		s = rest
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

// validHost takes IP addresses, with a zone if they have one, and names of
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
