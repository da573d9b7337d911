// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// defaultPatience is how long a peer may take over its greeting.
const defaultPatience = 10 * time.Second

// What a peer owes and when, in greetings: what follows HELLO, since a large
// store takes a while to look at itself; and the next byte of what is on its
// way.
const (
	peaksPatience = 3
	stallPatience = 6
)

// moveBytes is what must move in either direction before patience ends.
const moveBytes = 64 << 10

// A patient stream waits for the peer, but not for ever: a transfer takes one
// of few places, and while it is served its pages stay mapped.
type patient struct {
	transport.Stream
	stall time.Duration // without a byte moving
}

func (p patient) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(p.stall))
	return p.Stream.Read(b)
}

// Write writes in pieces, so that a long message may take long while it moves.
func (p patient) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		p.SetWriteDeadline(time.Now().Add(p.stall))
		n, err := p.Stream.Write(b[written:min(written+moveBytes, len(b))])
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}

// A greeter is the reading side of a control stream: it bounds the greeting as
// a whole, then each message once it has begun, and not the time between them.
type greeter struct {
	transport.Stream
	until time.Time     // the end of all patience, or zero
	stall time.Duration // without a byte moving, or zero
}

func (g *greeter) Read(b []byte) (int, error) {
	until := g.until
	if g.stall > 0 {
		until = time.Now().Add(g.stall)
	}
	g.SetReadDeadline(until)
	return g.Stream.Read(b)
}
