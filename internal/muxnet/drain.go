// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"io"
	"time"
)

// The reference implementation of yamux throws away what its caller has not read
// yet of a stream when that is reset, although the stream was ended before. So
// nothing is reset behind an answer until the peer has ended what it asked, which
// it does at once or when it has read the answer; or goes on, or takes too long.
const (
	drainBytes = baseWindow      // as much as may be on its way
	drainTime  = 5 * time.Second // without the peer's end
)

// drain waits for the end of what the peer says on a stream that this side has
// answered.
func (s *stream) drain(code uint32) {
	s.ys.SetReadDeadline(time.Now().Add(drainTime))
	io.CopyN(io.Discard, s.ys, drainBytes)
	s.reset(code) // nothing, if both directions are ended
}

// spawn runs f as a part of the connection, unless that has ended.
func (c *conn) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return false
	}
	c.wg.Go(f)
	return true
}
