// SPDX-License-Identifier: MPL-2.0

package streams

import (
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// moveBytes is what must move in either direction before patience ends.
const moveBytes = 64 << 10

// A Patient stream waits for the peer, but not for ever: a transfer takes one
// of few places, and while it is served its pages stay mapped.
type Patient struct {
	transport.Stream
	Still time.Duration // without a byte moving
}

func (p Patient) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(p.Still))
	return p.Stream.Read(b)
}

// Write writes in pieces, so that a long message may take long while it moves.
func (p Patient) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		p.SetWriteDeadline(time.Now().Add(p.Still))
		n, err := p.Stream.Write(b[written:min(written+moveBytes, len(b))])
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}
