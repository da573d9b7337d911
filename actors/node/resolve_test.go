// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A watched carrier takes note of the hosts that it is to dial.
type watched struct {
	transport.Carrier
	mu     sync.Mutex // guards dialed and asked
	dialed []string
	asked  []string // names that were resolved
}

func (w *watched) Dial(ctx context.Context, a identity.Address) (transport.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, a.Host)
	w.mu.Unlock()
	return w.Carrier.Dial(ctx, a)
}

// lookup resolves names as in a network where an attacker owns some.
func (w *watched) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, name)
	var ips []netip.Addr
	for _, ip := range map[string][]string{
		"localhost": {"127.0.0.1", "::1"}, "lan.example": {"10.0.0.1", "::ffff:192.168.1.1"},
		"both.example": {"127.0.0.1", "192.88.99.7"}, "far.example": {"192.88.99.8"},
	}[name] {
		ips = append(ips, netip.MustParseAddr(ip))
	}
	return ips, nil
}

func (w *watched) has(list *[]string, s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(*list, s)
}

// What may be dialed of a hint is decided where its name leads, and what the name
// led to is dialed: nobody across the world has us connect to ourselves.
func TestHintsByNameAreDecidedWhereTheyLead(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	hosts := []string{"localhost:1", "lan.example:2", "both.example:3", "far.example:4", "[::ffff:0.0.0.0]:5", "127.0.0.1:6", "[::1]:7", "10.0.0.1:8"}
	var w *watched
	a := memberWith(t, 1, func(c *node.Config) {
		w = &watched{Carrier: net.Node(c.Store.Device().PeerID())}
		c.Carrier, c.Lookup = w, w.lookup
	})
	at := a.listen("a:1")
	for i, host := range hosts {
		b := memberWith(t, byte(2+i), func(c *node.Config) { c.Carrier, c.Advertise = net.Node(c.Store.Device().PeerID()), true })
		b.listen(host)
		for _, ip := range []string{"192.88.99.7", "192.88.99.8"} { // where it may be found by rights
			net.Node(b.st.Device().PeerID()).Listen(t.Context(), ip+host[len(host)-2:])
		}
		if err := b.n.Mesh().KeepConnected(at); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() string {
		for _, name := range []string{"localhost", "lan.example"} {
			if !w.has(&w.asked, name) {
				return name + " is not resolved"
			}
		}
		for _, host := range []string{"192.88.99.7:3", "192.88.99.8:4"} {
			if !w.has(&w.dialed, host) {
				return fmt.Sprintf("%s is not dialed, but %v", host, w.dialed)
			}
		}
		return ""
	})
	a.close()
	if slices.ContainsFunc(w.dialed, func(h string) bool { return h != "192.88.99.7:3" && h != "192.88.99.8:4" }) {
		t.Errorf("dialed %v", w.dialed)
	}
}

// A person may name any place, and each address of a name is tried.
func TestAPersonNamesAnyPlace(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	var w *watched
	a := memberWith(t, 1, func(c *node.Config) {
		w = &watched{Carrier: net.Node(c.Store.Device().PeerID())}
		c.Carrier, c.Lookup = w, w.lookup
	})
	b := memberWith(t, 2, func(c *node.Config) { c.Carrier = net.Node(c.Store.Device().PeerID()) })
	b.listen("[::1]:1") // the second address of localhost
	if err := a.n.Mesh().KeepConnected(identity.Address{Peer: b.st.Device().PeerID(), Host: "localhost:1"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if p := a.n.Mesh().Peers(); len(p) != 1 || !p[0].InSync {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
}

// memberWith is a member whose node is set up by the test.
func memberWith(t *testing.T, seed byte, with func(*node.Config)) *member {
	t.Helper()
	return startMemberWith(t, newStoreOf(t, seed), with)
}

// newStoreOf is a new store that is in the topic of tests.
func newStoreOf(t *testing.T, seed byte) *store.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 4, Seed: identity.Seed{seed}}); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = st.Join(testTopic.Genesis, testTopic.Keys, ""); err != nil {
		t.Fatal(err)
	}
	return st
}
