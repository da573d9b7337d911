// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A relay passes UDP packets on between clients and one server, counts their
// bytes, and holds each back for a while. Packets stay in order.
type relay struct {
	front  *net.UDPConn
	server *net.UDPAddr
	delay  time.Duration // one way
	bytes  atomic.Int64  // of UDP payload, both ways
	wg     sync.WaitGroup

	mu    sync.Mutex              // guards backs
	backs map[string]*net.UDPConn // by client address
}

// A held packet waits for its time.
type held struct {
	due  time.Time
	data []byte
}

// holds is how many packets wait in one direction; more are lost, as they
// would be on a full link.
const holds = 65536

func newRelay(server string, delay time.Duration) (*relay, error) {
	addr, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return nil, err
	}
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	roomy(front)
	r := &relay{front: front, server: addr, delay: delay, backs: map[string]*net.UDPConn{}}
	r.wg.Go(r.fromClients)
	return r, nil
}

func (r *relay) addr() string { return r.front.LocalAddr().String() }

func (r *relay) fromClients() {
	to := map[string]chan held{}
	defer func() {
		for _, c := range to {
			close(c)
		}
	}()
	r.pump(r.front, func(from *net.UDPAddr, p held) {
		name := from.String()
		if to[name] == nil {
			back, err := net.DialUDP("udp", nil, r.server)
			if err != nil {
				return
			}
			roomy(back)
			r.mu.Lock()
			r.backs[name] = back
			r.mu.Unlock()
			to[name] = r.hold(func(b []byte) { _, _ = back.Write(b) }) // lost, as on any link
			r.wg.Go(func() { r.fromServer(back, from) })
		}
		pass(to[name], p)
	})
}

func (r *relay) fromServer(back *net.UDPConn, client *net.UDPAddr) {
	to := r.hold(func(b []byte) { _, _ = r.front.WriteToUDP(b, client) })
	defer close(to)
	r.pump(back, func(_ *net.UDPAddr, p held) { pass(to, p) })
}

// pump reads packets until the socket is closed.
func (r *relay) pump(c *net.UDPConn, fn func(*net.UDPAddr, held)) {
	buf := make([]byte, 65536)
	for {
		n, from, err := c.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			continue // such as a port that is closed meanwhile
		}
		r.bytes.Add(int64(n))
		fn(from, held{time.Now().Add(r.delay), append([]byte(nil), buf[:n]...)})
	}
}

// hold sends what is passed when it is due.
func (r *relay) hold(send func([]byte)) chan held {
	c := make(chan held, holds)
	r.wg.Go(func() {
		for p := range c {
			if d := time.Until(p.due); d > 0 {
				time.Sleep(d)
			}
			send(p.data)
		}
	})
	return c
}

func pass(to chan held, p held) {
	select {
	case to <- p:
	default:
	}
}

func (r *relay) close() {
	r.front.Close()
	r.mu.Lock()
	for _, b := range r.backs {
		b.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// roomy asks for large buffers, so that little is lost that a link would not
// lose: with root as much as is asked for, otherwise what the kernel allows.
func roomy(c *net.UDPConn) {
	const bytes, rcvbufForce, sndbufForce = 7 << 20, 33, 32 // of Linux
	_ = c.SetReadBuffer(bytes)
	_ = c.SetWriteBuffer(bytes)
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, rcvbufForce, bytes)
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, sndbufForce, bytes)
	})
}
