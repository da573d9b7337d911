// SPDX-License-Identifier: MPL-2.0

package families

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A network joins stores in memory, two at a time: of all links those are up that the
// world says. Stores are told apart by their names, since a clone has the key of another.
type network struct {
	mem *transport.Memory

	mu    sync.Mutex // guards what follows
	up    map[[2]string]bool
	conns map[[2]string][]transport.Conn // that were dialed
	relay *relay                         // nil if there is none
}

func newNetwork() *network {
	return &network{mem: transport.NewMemory(transport.MemoryOptions{}), up: map[[2]string]bool{}, conns: map[[2]string][]transport.Conn{}}
}

func linkOf(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// set joins or parts two stores.
func (n *network) set(a, b string, up bool) {
	n.mu.Lock()
	n.up[linkOf(a, b)] = up
	var ended []transport.Conn
	if !up {
		ended = n.conns[linkOf(a, b)]
		delete(n.conns, linkOf(a, b))
	}
	n.mu.Unlock()
	for _, c := range ended {
		_ = c.CloseWithError(0, "parted")
	}
}

// carrier is what the store of a name dials by.
func (n *network) carrier(name string) func(ed25519.PrivateKey) (transport.Carrier, error) {
	return func(key ed25519.PrivateKey) (transport.Carrier, error) {
		return &carrier{n.mem.NodeOf(key), n, name}, nil
	}
}

// relays makes a store a relay from now on.
func (n *network) relays(r *relay) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.relay = r
}

type carrier struct {
	transport.Carrier
	net  *network
	name string
}

// Dial connects to a store that is joined to this one.
func (c *carrier) Dial(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	to, _, _ := strings.Cut(addr.Host, ":")
	k := linkOf(c.name, to)
	c.net.mu.Lock()
	up := c.net.up[k]
	c.net.mu.Unlock()
	if !up {
		return nil, fmt.Errorf("%w: %s and %s are parted", transport.ErrUnreachable, c.name, to)
	}
	conn, err := c.Carrier.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if r := c.net.relay; r != nil && (r.name == c.name || r.name == to) {
		conn = &relayed{Conn: conn, relay: r, out: r.name == c.name}
	}
	if !c.net.up[k] {
		go conn.CloseWithError(0, "parted")
	}
	c.net.conns[k] = append(c.net.conns[k], conn)
	return conn, nil
}
