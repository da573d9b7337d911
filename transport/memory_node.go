// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A memNode is one node's carrier. Memory.mu may be held while mu is taken,
// never the other way round.
type memNode struct {
	net  *Memory
	peer identity.PeerID

	mu      sync.Mutex // guards all below
	closed  bool
	open    map[*memConn]struct{}
	listens map[*memListener]struct{}
}

func (c *memNode) Name() string { return "memory" }

func (c *memNode) Dial(ctx context.Context, addr identity.Address) (Conn, error) {
	conn, err := c.net.connect(ctx, c, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr.Host, err)
	}
	return conn, nil
}

func (c *memNode) Listen(ctx context.Context, hostport string) (Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	host := c.net.freePort(hostport)
	if c.net.listeners[host] != nil {
		return nil, fmt.Errorf("listen %s: address in use", host)
	}
	ln := &memListener{node: c, host: host, queue: make(chan *memConn, c.net.o.Backlog), done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("%w: carrier", ErrClosed)
	}
	c.listens[ln] = struct{}{}
	c.net.listeners[host] = ln
	return ln, nil
}

// freePort replaces port 0 with a real port; the caller holds mu.
func (n *Memory) freePort(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || port != "0" {
		return hostport
	}
	for p := 10000; ; p++ {
		if h := net.JoinHostPort(host, strconv.Itoa(p)); n.listeners[h] == nil {
			return h
		}
	}
}

// Close closes what the node has open.
func (c *memNode) Close() error {
	c.mu.Lock()
	c.closed = true
	conns, listens := c.open, c.listens
	c.open, c.listens = map[*memConn]struct{}{}, map[*memListener]struct{}{}
	c.mu.Unlock()
	for ln := range listens {
		ln.Close()
	}
	for conn := range conns {
		conn.CloseWithError(0, "carrier closed")
	}
	return nil
}

// add takes a connection into the node's care, unless the node is closed.
func (c *memNode) add(conn *memConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.open[conn] = struct{}{}
	return true
}

func (c *memNode) remove(conn *memConn) {
	c.mu.Lock()
	delete(c.open, conn)
	c.mu.Unlock()
}

// A memListener keeps dialed connections until Accept takes them.
type memListener struct {
	node  *memNode
	host  string
	queue chan *memConn
	once  sync.Once
	done  chan struct{}
}

// offer queues a connection; the caller holds Memory.mu, as Close does when it
// takes the listener off the network, so nothing is queued after that.
func (l *memListener) offer(conn *memConn) bool {
	if len(l.queue) == cap(l.queue) || !l.node.add(conn) {
		return false
	}
	l.queue <- conn
	return true
}

func (l *memListener) Accept(ctx context.Context) (Conn, error) {
	if closed(l.done) {
		return nil, fmt.Errorf("%w: listener %s", ErrClosed, l.host)
	}
	select {
	case conn := <-l.queue:
		return conn, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, fmt.Errorf("%w: listener %s", ErrClosed, l.host)
	}
}

func (l *memListener) Addr() identity.Address {
	return identity.Address{Peer: l.node.peer, Host: l.host}
}

// Trouble implements Listener: nothing comes between.
func (l *memListener) Trouble() (<-chan struct{}, error) { return nil, nil }

func (l *memListener) Close() error {
	l.once.Do(l.close)
	return nil
}

func (l *memListener) close() {
	n := l.node.net
	n.mu.Lock()
	if n.listeners[l.host] == l {
		delete(n.listeners, l.host)
	}
	n.mu.Unlock()
	l.node.mu.Lock()
	delete(l.node.listens, l)
	l.node.mu.Unlock()
	close(l.done)
	for {
		select {
		case conn := <-l.queue:
			conn.CloseWithError(0, "listener closed")
		default:
			return
		}
	}
}
