// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// MemoryOptions shape a Memory network. The zero value works.
type MemoryOptions struct {
	// StreamBuffer is how many bytes each direction of a stream holds before
	// its writer waits. Default 256 KiB.
	StreamBuffer int
	// MaxStreams is how many streams one side may have open. Default 256.
	MaxStreams int
	// Backlog is how many connections a listener keeps for Accept. Default 64.
	Backlog int
	// Seed makes the bindings of one network differ from those of another.
	Seed uint64
}

func (o MemoryOptions) withDefaults() MemoryOptions {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&o.StreamBuffer, 256<<10)
	def(&o.MaxStreams, 256)
	def(&o.Backlog, 64)
	return o
}

// Memory is a network inside one process, for tests with many nodes. It starts
// no goroutine: what happens on it happens in its callers, so that a test in a
// synctest bubble owns the order. Links between nodes are up and fast until
// a test changes them.
type Memory struct {
	o MemoryOptions

	mu        sync.Mutex // guards all below, and every link
	links     map[pairKey]*link
	listeners map[string]*memListener // by host
	conns     uint64                  // ever made: the source of bindings and of free ports
}

// pairKey names the link between two peers, the smaller one first.
type pairKey [2]identity.PeerID

func keyOf(a, b identity.PeerID) pairKey {
	if string(a[:]) > string(b[:]) {
		a, b = b, a
	}
	return pairKey{a, b}
}

// A link is what lies between two nodes. Memory.mu guards it.
type link struct {
	down  bool
	delay time.Duration
	quota int64 // bytes until it cuts its connections; negative: never
	pairs map[*pair]struct{}
}

// NewMemory returns an empty network.
func NewMemory(o MemoryOptions) *Memory {
	return &Memory{o: o.withDefaults(), links: map[pairKey]*link{}, listeners: map[string]*memListener{}}
}

// NodeOf is Node of the peer with that key.
func (n *Memory) NodeOf(key ed25519.PrivateKey) Carrier {
	return n.Node(identity.PeerID(key.Public().(ed25519.PublicKey)))
}

// Node returns a carrier for the node with this key. Each call returns a
// carrier of its own, as a restarted process would have.
func (n *Memory) Node(peer identity.PeerID) Carrier {
	return &memNode{net: n, peer: peer, open: map[*memConn]struct{}{}, listens: map[*memListener]struct{}{}}
}

// link returns the link between a and b; the caller holds mu.
func (n *Memory) link(a, b identity.PeerID) *link {
	k := keyOf(a, b)
	l := n.links[k]
	if l == nil {
		l = &link{quota: -1, pairs: map[*pair]struct{}{}}
		n.links[k] = l
	}
	return l
}

// Cut breaks every connection between a and b, as a router that restarts
// does. New ones can be dialed.
func (n *Memory) Cut(a, b identity.PeerID) {
	n.mu.Lock()
	pairs := n.link(a, b).take()
	n.mu.Unlock()
	lose(pairs, "cut")
}

// SetUp joins or parts a and b. Parting breaks their connections and makes
// dialing fail with ErrUnreachable.
func (n *Memory) SetUp(a, b identity.PeerID, up bool) {
	n.mu.Lock()
	l := n.link(a, b)
	l.down = !up
	var pairs []*pair
	if !up {
		pairs = l.take()
	}
	n.mu.Unlock()
	lose(pairs, "partitioned")
}

// SetDelay makes bytes between a and b arrive d later. It counts for what is
// written from now on.
func (n *Memory) SetDelay(a, b identity.PeerID, d time.Duration) {
	n.mu.Lock()
	n.link(a, b).delay = d
	n.mu.Unlock()
}

// CutAfter breaks the connections between a and b once bytes more have been
// written between them, in both directions together: the write that reaches
// the number still counts, the bytes past it are lost. Negative takes it back.
func (n *Memory) CutAfter(a, b identity.PeerID, bytes int64) {
	n.mu.Lock()
	n.link(a, b).quota = bytes
	n.mu.Unlock()
}

// Connections returns how many connections between a and b are open.
func (n *Memory) Connections(a, b identity.PeerID) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.link(a, b).pairs)
}

// take removes and returns the link's connections; the caller holds mu.
func (l *link) take() []*pair {
	var ps []*pair
	for p := range l.pairs {
		ps = append(ps, p)
	}
	clear(l.pairs)
	return ps
}

func lose(pairs []*pair, why string) {
	for _, p := range pairs {
		err := fmt.Errorf("%w: %s", ErrLost, why)
		p.close(&ClosedError{Err: err}, &ClosedError{Err: err})
	}
}

// spend counts n bytes about to be written and returns how many of them pass,
// how long they take, and whether the link is to be cut after them.
func (n *Memory) spend(l *link, bytes int) (pass int, delay time.Duration, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.quota < 0 {
		return bytes, l.delay, false
	}
	pass = int(min(int64(bytes), l.quota))
	l.quota -= int64(pass)
	if l.quota > 0 {
		return pass, l.delay, false
	}
	l.quota = -1
	return pass, l.delay, true
}

// connect makes a connection from node to the listener at addr.
func (n *Memory) connect(ctx context.Context, node *memNode, addr identity.Address) (*memConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ln := n.listeners[addr.Host]
	if ln == nil {
		return nil, fmt.Errorf("%w: nobody listens at %s", ErrRefused, addr.Host)
	}
	there := ln.node.peer
	l := n.link(node.peer, there)
	switch {
	case l.down:
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, addr.Host)
	case there != addr.Peer:
		return nil, fmt.Errorf("%w: %v at %s, want %v", ErrWrongPeer, there, addr.Host, addr.Peer)
	}
	p := newPair(n, l, node, ln.node, ln.host, n.binding(node.peer, there))
	if !node.add(p.ends[0]) {
		return nil, fmt.Errorf("%w: carrier", ErrClosed)
	}
	if !ln.offer(p.ends[1]) {
		node.remove(p.ends[0])
		return nil, fmt.Errorf("%w: %s takes no more", ErrRefused, addr.Host)
	}
	l.pairs[p] = struct{}{}
	return p.ends[0], nil
}

// binding returns the next connection's binding; the caller holds mu.
func (n *Memory) binding(a, b identity.PeerID) [BindingBytes]byte {
	n.conns++
	var nonce [16]byte
	binary.LittleEndian.PutUint64(nonce[:], n.o.Seed)
	binary.LittleEndian.PutUint64(nonce[8:], n.conns)
	return digest.Tagged("xaeroflux memory binding", nonce[:], a[:], b[:])
}

// forget drops a closed connection from its link.
func (n *Memory) forget(p *pair) {
	n.mu.Lock()
	delete(p.link.pairs, p)
	n.mu.Unlock()
}
