// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// ErrAddress is returned for text that is no address or peer id.
var ErrAddress = errors.New("not a peer address (want <64 hex digits>@host:port)")

// An Address is where a peer can be reached and who is expected there.
type Address struct {
	Peer PeerID
	Host string // host:port
}

// String returns "<peer id>@host:port".
func (a Address) String() string { return a.Peer.String() + "@" + a.Host }

// ParseAddress decodes what String returns.
func ParseAddress(s string) (Address, error) {
	id, host, ok := strings.Cut(strings.TrimSpace(s), "@")
	if !ok {
		return Address{}, fmt.Errorf("%w: %q has no peer id; take the whole line that `xaeroflux run` prints", ErrAddress, clip(s))
	}
	peer, err := ParsePeerID(id)
	if err != nil {
		return Address{}, err
	}
	h, port, err := net.SplitHostPort(host)
	if err != nil || h == "" {
		return Address{}, fmt.Errorf("%w: %q is not host:port", ErrAddress, clip(host))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("%w: port %q", ErrAddress, clip(port))
	}
	return Address{Peer: peer, Host: host}, nil
}
