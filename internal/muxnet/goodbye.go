// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// The dialer opens the first stream at once and neither side shows it to its
// callers. The side that closes the connection writes one message on it:
//
//	bytes  field
//	    8  code (big-endian)
//	    2  n, length of the reason (big-endian), at most 256
//	    n  reason
//
// The side that hears it hangs up, which tells the other that it was heard. Anything else
// on the stream, or its end, ends the connection as lost.

// say tells the peer why this side closed the connection, if it did, and gives
// it a moment to hang up.
func (c *conn) say() {
	if c.err.Remote || c.err.Err != nil {
		return
	}
	m := binary.BigEndian.AppendUint64(nil, c.err.Code)
	m = binary.BigEndian.AppendUint16(m, uint16(len(c.err.Reason)))
	c.words.SetWriteDeadline(time.Now().Add(goodbyeTime))
	if _, err := c.words.Write(append(m, c.err.Reason...)); err != nil {
		return
	}
	grace := time.NewTimer(goodbyeTime)
	defer grace.Stop()
	select {
	case <-c.session.CloseChan():
	case <-grace.C:
	}
}

// hear waits for the peer's last word, or for the connection to break.
func (c *conn) hear() {
	code, reason, err := readWords(c.words)
	if err != nil {
		c.end(lostError(err))
		c.session.Close() // a peer that breaks the rules above
		return
	}
	c.end(&transport.ClosedError{Code: code, Reason: reason, Remote: true})
	c.session.Close()
}

func readWords(r io.Reader) (code uint64, reason string, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, "", err
	}
	n := binary.BigEndian.Uint16(head[8:])
	if n > transport.MaxReason {
		return 0, "", fmt.Errorf("reason of %d bytes, limit %d", n, transport.MaxReason)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, "", err
	}
	return binary.BigEndian.Uint64(head[:]), string(b), nil
}

// lostError says that the connection broke. A TLS alert means that the
// listener looked at our certificate after the dial had returned.
func lostError(err error) *transport.ClosedError {
	if remoteAlert(err) {
		return &transport.ClosedError{Remote: true, Err: fmt.Errorf("%w: peer refused our identity: %w", transport.ErrRefused, err)}
	}
	return transport.LostError(err)
}

// remoteAlert reports whether err is an alert that the peer's TLS sent.
func remoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// unknownName reports whether err is the alert of a door that stays shut. TLS has no
// exported type for an alert that came, but the same text.
func unknownName(err error) bool {
	var op *net.OpError
	return remoteAlert(err) && errors.As(err, &op) && op.Err.Error() == tls.AlertError(peertls.AlertNoName).Error()
}
