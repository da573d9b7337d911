// SPDX-License-Identifier: MPL-2.0

package peertls

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A Door is what a listener answers behind: it shows its certificate, and so its peer
// id, only for a knock that shows that the dialer knows it. Each knock opens once, so
// that recording one helps nobody. It is for all listeners of one carrier.
type Door struct {
	peer    identity.PeerID
	key     *ecdh.PrivateKey
	carrier string

	mu    sync.Mutex // guards heard
	heard [2]map[uint64]struct{}
}

// AlertNoName is TLS's unrecognized_name, which a door says to whoever does not knock.
const AlertNoName = 112

// knocksKept is how many knocks a door remembers at least. Only knocks of those who
// know the peer id are remembered, and they need none of somebody else.
const knocksKept = 1 << 15

// NewDoor returns the door of the node with this peer key on a carrier of that name.
func NewDoor(key ed25519.PrivateKey, carrier string) (*Door, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("door: key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	private, err := montgomeryKey(key)
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	return &Door{peer: identity.PeerID(key.Public().(ed25519.PublicKey)), key: private, carrier: carrier, heard: [2]map[uint64]struct{}{{}, {}}}, nil
}

// Listen is the configuration of a listener behind the door. For whoever does not
// knock it has no certificate, and TLS says "unrecognized_name" before anything of
// this node is said, also about which protocols it speaks.
func (d *Door) Listen(cert tls.Certificate) *tls.Config {
	open := Config(cert, Anyone)
	shut := &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if d.admits(hello.ServerName) {
				return open, nil
			}
			return shut, nil
		},
	}
}

// Dial is the configuration of a dialer that knocks at the door of want.
func Dial(cert tls.Certificate, carrier string, want identity.PeerID) (*tls.Config, error) {
	name, err := Knock(carrier, want)
	if err != nil {
		return nil, err
	}
	conf := Config(cert, Only(want))
	conf.ServerName = name
	return conf, nil
}

// admits reports whether a server name is a knock that was not heard before.
func (d *Door) admits(name string) bool {
	k := parseKnock(name)
	return k != nil && opens(k, d.key, d.peer, d.carrier) && d.first(binary.LittleEndian.Uint64(k))
}

// first takes note of a knock, and reports whether it is new.
func (d *Door) first(k uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.heard {
		if _, known := m[k]; known {
			return false
		}
	}
	if len(d.heard[0]) >= knocksKept {
		d.heard = [2]map[uint64]struct{}{{}, d.heard[0]}
	}
	d.heard[0][k] = struct{}{}
	return true
}
