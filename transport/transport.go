// SPDX-License-Identifier: MPL-2.0

// Package transport is what a session asks of a network: carriers that dial
// and listen, connections between two proven peers, and streams of bytes on
// them. quicnet is one carrier; Memory, in this package, is another, for
// tests with many nodes in one process.
//
// A test suite says what a carrier must keep to: transport/conformance. Start
// with Carrier, Conn and Stream.
package transport

import (
	"context"
	"io"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// BindingBytes is the length of a connection's binding.
const BindingBytes = 32

// A Carrier is one node's way onto one kind of network. Its methods may be
// called from any goroutine.
type Carrier interface {
	// Name names the kind of network: "quic", "memory".
	Name() string
	// Dial connects to addr.Host and proves that addr.Peer is there. The
	// error wraps ErrWrongPeer, ErrRefused, ErrUnreachable, ErrClosed or the
	// context's error. That the peer took *us* is known only when its first
	// byte arrives.
	Dial(ctx context.Context, addr identity.Address) (Conn, error)
	// Listen takes connections at hostport.
	Listen(ctx context.Context, hostport string) (Listener, error)
	// Close closes every connection and listener of the carrier. When it
	// returns, no goroutine and no socket is left.
	Close() error
}

// A Listener hands out the connections that others dial.
type Listener interface {
	// Accept waits for the next connection, whose peer is proven. After Close
	// the error wraps ErrClosed; if the listener ended by itself, it says why and
	// does not wrap ErrClosed, and the place is free once Close was called.
	Accept(ctx context.Context) (Conn, error)
	// Trouble returns why nobody reaches the listener at the moment, or nil, and
	// before it a channel that is closed when that changes; nil if only asking tells.
	Trouble() (changed <-chan struct{}, why error)
	// Addr is where others reach the listener, with a real port in the place
	// of port 0.
	Addr() identity.Address
	// Close stops listening. Connections that were accepted live on; those
	// that were not are closed.
	Close() error
}

// A Conn is an encrypted connection to one proven peer. Its methods may be
// called from any goroutine.
type Conn interface {
	// Peer is the key that the other end proved to hold.
	Peer() identity.PeerID
	// Binding is 32 bytes that both ends, and nobody else, derive from this
	// connection. The slice is the caller's.
	Binding() []byte
	// Dialer reports whether this end dialed.
	Dialer() bool
	// Admit says that the peer is no stranger. Until then it has one stream,
	// the first that the dialer opens, and a small window; what it opens or
	// sends besides waits, and a connection that a listener accepted may be
	// closed to make room for another. Calling it again does nothing.
	Admit()
	// OpenStream opens a stream, waiting while the peer allows no more. The
	// peer sees it with its first byte, its end or its cancellation.
	OpenStream(ctx context.Context) (Stream, error)
	// AcceptStream waits for the next stream that the peer opens.
	AcceptStream(ctx context.Context) (Stream, error)
	// CloseWithError closes the connection and all its streams at once; bytes
	// on their way may be lost. The peer is told code and reason, which is
	// cut to MaxReason bytes. Only the first call counts.
	CloseWithError(code uint64, reason string) error
	// Done is closed when the connection is.
	Done() <-chan struct{}
	// Err is a *ClosedError once Done is closed, and nil before.
	Err() error
	// Path is how the connection reaches the peer.
	Path() Path
	// RemoteAddr is where the peer is now, for people.
	RemoteAddr() string
	// Stats counts the bytes of all streams so far.
	Stats() (bytesIn, bytesOut uint64)
	// Signs counts what passes below the streams, in any unit. heard grows with
	// all that comes of the peer's end, be it no more than an acknowledgement;
	// asked grows when something goes out that this end answers.
	Signs() (heard, asked uint64)
	// Probe asks the peer's end for a sign that waits behind no stream, if the
	// carrier has such a question. It does not wait for the answer.
	Probe()
}

// A Path is how a connection reaches its peer.
type Path struct {
	Carrier string // that it came by, as Carrier.Name
	Better  string // the carrier by which the same place may be reached better, or ""
}

// A Stream is an ordered pair of byte flows. One goroutine may read while
// another writes; Cancel and the deadlines may be called from any.
//
// Read returns io.EOF after the peer's CloseWrite, a *StreamError after a
// Cancel on either side, a *ClosedError after the connection closed, and
// os.ErrDeadlineExceeded after a deadline. Write blocks while the peer does
// not read.
type Stream interface {
	io.Reader
	io.Writer
	// CloseWrite ends what this side writes; what was written still arrives.
	CloseWrite() error
	// Cancel gives up what is not finished and tells the peer code: reading,
	// unless the end was read, and writing, unless CloseWrite was called. What
	// was written before CloseWrite still arrives, so Cancel may be deferred.
	Cancel(code uint64)
	// SetReadDeadline bounds reads, also one that waits now; zero means none.
	SetReadDeadline(t time.Time) error
	// SetWriteDeadline bounds writes, also one that waits now; zero means none.
	SetWriteDeadline(t time.Time) error
}
