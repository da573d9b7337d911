// SPDX-License-Identifier: MPL-2.0

package session

import (
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// What a peer owes and when, in greetings: what follows HELLO, since a large
// store takes a while to look at itself; and the next byte of what is on its
// way.
const (
	peaksTimeouts = 3
	stallTimeouts = 6
)

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

// Still is how long a peer may keep still in an answer, if it may take so long over
// its greeting.
func Still(patience time.Duration) time.Duration { return stallTimeouts * patience }
