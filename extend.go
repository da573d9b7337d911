// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A Capability is something of the application's own that peers talk about over
// the connections which the sync uses: calls, which are streams of bytes both ways,
// and words, which are small, unstored and may be lost. Each peer has proven its
// PeerID and that it is in the topics that a Call names. Serve and Heard are
// called from goroutines of their own; what panics there ends that call alone.
type Capability = doors.Door

// CallLimits bound what one peer can make a Capability do; zero means the default.
type CallLimits = doors.Limits

// A Call is one stream of a Capability, with who is at the other end.
type Call = doors.Call

// A Presence is a word of a peer.
type Presence = doors.Presence

// A CallRefusedError is a call that the peer refused, and its code.
type CallRefusedError = doors.RefusedError

// Errors of capabilities.
var (
	// ErrCapability is returned for a name that cannot be registered: empty, over 32
	// bytes, or the protocol's own.
	ErrCapability = doors.ErrName
	// ErrRegistered is returned for a name that is registered already.
	ErrRegistered = doors.ErrRegistered
	// ErrCallLimit is what reading or writing a Call returns beyond its bytes.
	ErrCallLimit = doors.ErrLimit
	// ErrHandler is returned by Close for a Serve or Heard that did not return in half of
	// Options.CloseTimeout, and was left behind.
	ErrHandler = doors.ErrBusy
	// ErrNotConnected is returned for a call to a peer that is not connected.
	ErrNotConnected = node.ErrNotConnected
)

// Handle registers a capability. Connections that begin from then on tell peers of
// it, and all serve it. stop closes it: it ends the calls under way and waits for
// them, so Serve and Heard must not call it. The error is ErrCapability,
// ErrRegistered, ErrReadOnly of a store that meets no peers, or ErrClosed.
func (db *DB) Handle(name string, c Capability) (stop func(), err error) {
	if err = db.meets(); err == nil {
		stop, err = db.node.Handle(name, c)
	}
	if err != nil {
		return nil, fmt.Errorf("handle: %w", db.cut(err))
	}
	return stop, nil
}

// Call begins a call at a connected peer, with a parameter of at most 4096 bytes,
// and waits until the peer takes it. The call ends with ctx, by Close, or when the
// connection does. The error is ErrNotConnected, or a *CallRefusedError of a peer
// that has no such capability, shares no topic, or has too many calls.
func (db *DB) Call(ctx context.Context, peer identity.PeerID, name string, param []byte) (*Call, error) {
	err := db.meets()
	if err == nil && len(param) > messages.MaxOpenParam {
		err = fmt.Errorf("%w: a parameter of %d bytes, at most %d", ErrOptions, len(param), messages.MaxOpenParam)
	}
	var c *Call
	if err == nil {
		c, err = db.node.Call(ctx, peer, name, param)
	}
	if err != nil {
		return nil, fmt.Errorf("call %q: %w", name, db.cut(err))
	}
	return c, nil
}

// Say sends at most 1024 bytes to the connected peers of the topic that registered
// the capability, and returns to how many. Nobody stores them or passes them on,
// and to a peer that does not keep up they are lost.
func (t *Topic) Say(name string, data []byte) (peers int, err error) {
	switch err := t.db.meets(); {
	case err != nil:
		return 0, fmt.Errorf("say: %w", err)
	case name == "" || len(name) > messages.MaxCapBytes:
		return 0, fmt.Errorf("say: %w: %q", ErrCapability, name)
	case len(data) > messages.MaxPresence:
		return 0, fmt.Errorf("say: %w: %d bytes, at most %d", ErrOptions, len(data), messages.MaxPresence)
	}
	return t.db.node.Say(t.t.ID, name, data), nil
}
