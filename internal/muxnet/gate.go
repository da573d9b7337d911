// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A gate stands between TLS and yamux while the peer is a stranger. The first
// window of a stream is 256 KiB in yamux, whoever is there, and any number of
// streams may be opened in one packet; so what a stranger sends stays with TCP
// and the stranger until its turn has come: frames of streams past the first
// ones, and bytes while those before them are not read. Nothing is refused, for
// a peer may learn sooner than this side that it is none. A waiting frame holds back
// all behind it, window updates too: a side that talks to a stranger reads on whether
// or not the stranger takes what is written.
//
// A long frame is passed on in pieces, because yamux makes room for a whole one
// before its first byte is there.
//
// One goroutine of yamux reads.
type gate struct {
	net.Conn
	streams int // that the peer may open

	head  [frameHeader]byte // of the frame that is passed on
	ready []byte            // what of head is to be passed on,
	piece int               // and what of its body,
	rest  int               // and of the frame behind it
	last  uint16            // flags for the last piece

	admitted atomic.Bool

	mu     sync.Mutex // guards what follows
	turn   sync.Cond
	unread int // bytes of streams that were passed on and not read,
	pieces int // in so many pieces, since all had been read
	syns   int // streams that the peer opened
	waits  bool
	hungUp bool
}

// Bounds of what yamux keeps of a stranger.
const (
	gateBytes   = 16 << 10
	gatePieces  = 32
	frameHeader = 12

	typeData   = 0
	typeWindow = 1
	flagSYN    = 1
	flagsAtEnd = ^uint16(3) // all but SYN and ACK, which are for a first piece
)

// newGate returns a gate that lets the peer open so many streams.
func newGate(under net.Conn, streams int) *gate {
	g := &gate{Conn: under, streams: streams}
	g.turn.L = &g.mu
	return g
}

// Read implements net.Conn.
func (g *gate) Read(b []byte) (n int, err error) {
	for {
		switch {
		case len(g.ready) > 0:
			n = copy(b, g.ready)
			g.ready = g.ready[n:]
			return n, nil
		case g.piece > 0:
			n, err = g.Conn.Read(b[:min(len(b), g.piece)])
			g.piece -= n
			return n, err
		case g.rest == 0 && g.admitted.Load():
			return g.Conn.Read(b)
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the next piece: of the frame that is under way, or of another one.
func (g *gate) next() error {
	flags := g.last
	if g.rest == 0 {
		if _, err := io.ReadFull(g.Conn, g.head[:]); err != nil {
			return err
		}
		kind := g.head[1]
		flags = binary.BigEndian.Uint16(g.head[2:])
		if flags&flagSYN != 0 && kind <= typeWindow && !g.wait(g.open) {
			return net.ErrClosed
		}
		if kind != typeData {
			g.ready = g.head[:]
			return nil
		}
		g.rest, g.last = int(binary.BigEndian.Uint32(g.head[8:])), flags&flagsAtEnd
	}
	g.piece = min(g.rest, gateBytes)
	if g.rest -= g.piece; g.rest > 0 {
		flags &^= flagsAtEnd
	}
	if !g.wait(g.room) {
		return net.ErrClosed
	}
	binary.BigEndian.PutUint16(g.head[2:], flags)
	binary.BigEndian.PutUint32(g.head[8:], uint32(g.piece))
	g.ready = g.head[:]
	return nil
}

// open counts a stream, if the peer may open one; mu is held.
func (g *gate) open() bool {
	if g.syns == g.streams {
		return false
	}
	g.syns++
	return true
}

// room counts the bytes of a piece, if there is room for them; mu is held.
func (g *gate) room() bool {
	if g.unread > 0 && (g.unread+g.piece > gateBytes || g.pieces == gatePieces) {
		return false
	}
	if g.unread == 0 {
		g.pieces = 0
	}
	g.unread += g.piece
	g.pieces++
	return true
}

// wait waits until something may pass, which anything may once the peer is
// admitted; false says that the connection is closed.
func (g *gate) wait(may func() bool) bool {
	if g.admitted.Load() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.admitted.Load() && !g.hungUp && !may() {
		g.waits = true
		g.turn.Wait()
		g.waits = false
	}
	return !g.hungUp
}

// read takes note of bytes of streams that have left yamux.
func (g *gate) read(n int) {
	if n == 0 || g.admitted.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unread -= n
	g.turn.Broadcast()
}

// admit opens the gate for good.
func (g *gate) admit() {
	g.admitted.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn.Broadcast()
}

// Close implements net.Conn.
func (g *gate) Close() error {
	g.mu.Lock()
	g.hungUp = true
	g.turn.Broadcast()
	g.mu.Unlock()
	return g.Conn.Close()
}
