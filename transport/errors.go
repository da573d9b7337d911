// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
)

// MaxReason is the longest reason in bytes that CloseWithError sends.
const MaxReason = 256

// CodeBusy is what a stranger is told that had to go: messages.CodeBusy.
const CodeBusy = 14

// Errors of every carrier.
var (
	// ErrWrongPeer is returned by Dial if another peer answers than the
	// one the address names.
	ErrWrongPeer = errors.New("another peer answered")
	// ErrRefused is returned by Dial if somebody answers and takes no
	// connection: nobody listens there, or it is no node of ours.
	ErrRefused = errors.New("connection refused")
	// ErrUnreachable is returned by Dial if nobody answers.
	ErrUnreachable = errors.New("not reached")
	// ErrClosed is returned after Close of a carrier or listener, and by
	// writes after CloseWrite.
	ErrClosed = errors.New("the connection is closed")
	// ErrLost is wrapped in the ClosedError of a connection that ended
	// without a word from either side.
	ErrLost = errors.New("connection lost")
)

// A ClosedError says why a connection is closed.
type ClosedError struct {
	Code   uint64 // as given to CloseWithError
	Reason string // as given to CloseWithError; from a peer if Remote
	Remote bool   // the peer closed it
	Err    error  // wraps ErrLost if neither side closed it, else nil
}

// LostError is a connection that broke, and why. It never wraps io.EOF: the end
// of the link is not the end of a stream, which the peer would have said.
func LostError(why error) *ClosedError {
	if errors.Is(why, io.EOF) || errors.Is(why, io.ErrUnexpectedEOF) {
		return &ClosedError{Err: fmt.Errorf("%w: %v", ErrLost, why)}
	}
	return &ClosedError{Err: fmt.Errorf("%w: %w", ErrLost, why)}
}

// Error says who closed the connection and why.
func (e *ClosedError) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Remote:
		return fmt.Sprintf("the peer closed the connection: code %d %q", e.Code, e.Reason)
	}
	return fmt.Sprintf("the connection was closed here: code %d %q", e.Code, e.Reason)
}

// Unwrap returns what broke the connection, if nobody closed it.
func (e *ClosedError) Unwrap() error { return e.Err }

// A WrongPeerError is returned by Dial if another node answers than the one
// the address names. It wraps ErrWrongPeer. Have is zero if the one that answers does
// not say who it is, as it does to nobody who does not know it.
type WrongPeerError struct {
	Host string
	Want identity.PeerID
	Have identity.PeerID
}

// Error names both peers and the next step.
func (e *WrongPeerError) Error() string {
	if e.Have == (identity.PeerID{}) {
		return fmt.Sprintf("%v: %s is not %v; ask for its new address or invite", ErrWrongPeer, e.Host, e.Want)
	}
	return fmt.Sprintf("%v: %s is %v, want %v; ask for its new address or invite", ErrWrongPeer, e.Host, e.Have, e.Want)
}

// Unwrap returns ErrWrongPeer.
func (e *WrongPeerError) Unwrap() error { return ErrWrongPeer }

// A StreamError is returned by a stream that either side canceled.
type StreamError struct {
	Code   uint64 // as given to Cancel
	Remote bool   // the peer canceled it
}

// Error says who canceled the stream.
func (e *StreamError) Error() string {
	if e.Remote {
		return fmt.Sprintf("the peer canceled the stream: code %d", e.Code)
	}
	return fmt.Sprintf("the stream was canceled here: code %d", e.Code)
}

// CutReason returns reason cut to MaxReason bytes.
func CutReason(reason string) string {
	if len(reason) > MaxReason {
		return reason[:MaxReason]
	}
	return reason
}
