// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A Capability is something of the application's own that peers talk about over
// the connections which the sync uses: calls, which are streams of bytes both ways,
// and words, which are small, unstored and may be lost. Each peer has proven its
// PeerID and that it is in the topics that a Call names. Serve and Heard are
// called from goroutines of their own; what panics there ends that call alone. One
// without Serve takes no calls, one without Heard no words.
type Capability struct {
	// Param goes to every peer in the greeting; at most 64 bytes.
	Param []byte
	// Serve answers one call. When it returns nil the peer reads the end of what
	// was written; an error breaks the stream off. The call ends with ctx: when
	// its time is up, the peer is gone, or the capability is closed.
	Serve func(ctx context.Context, c *Call) error
	// Heard is given the words of peers, one at a time. Words that come faster than it
	// returns are dropped.
	Heard  func(Presence)
	Limits CallLimits
}

// CallLimits bound what one peer can make a Capability do; zero means the default.
type CallLimits struct {
	Calls   int           // at a time; default 8
	Bytes   int64         // of a call, each way; default 64 MiB
	Time    time.Duration // of a call; default 1 minute
	Rate    float64       // of calls and words together, a second; default 10
	Burst   int           // of them at once; default 50
	Waiting int           // words of all peers that wait for Heard; default 64
}

// A Call is one stream of a Capability: bytes both ways, of which the two ends say
// what they mean. One goroutine may read while another writes.
type Call struct {
	Peer   PeerID    // at the other end
	Topics []TopicID // shared with it when the call began
	Param  []byte    // of the end that began it

	c *doors.Call
}

func callOf(c *doors.Call) *Call {
	call := &Call{Peer: PeerID(c.Peer), Param: c.Param, c: c}
	for _, t := range c.Topics {
		call.Topics = append(call.Topics, TopicID(t))
	}
	return call
}

// Shares reports whether a topic was shared with the peer when the call began.
func (c *Call) Shares(topic TopicID) bool { return slices.Contains(c.Topics, topic) }

// Read reads what the other end wrote; io.EOF is its end. The error is ErrCallLimit
// for more bytes than a call may have.
func (c *Call) Read(b []byte) (int, error) { return c.c.Read(b) }

// Write writes to the other end. It waits while that does not read.
func (c *Call) Write(b []byte) (int, error) { return c.c.Write(b) }

// CloseWrite ends what this end writes; the other one reads it to its end.
func (c *Call) CloseWrite() error { return c.c.CloseWrite() }

// Close gives up what is not finished.
func (c *Call) Close() error { return c.c.Close() }

// A Presence is a small word of a peer, which nobody stores.
type Presence struct {
	Peer  PeerID
	Topic TopicID
	Data  []byte // at most 1024 bytes, the receiver's to keep
}

// door is the capability as the engine opens it.
func (c Capability) door() doors.Door {
	d := doors.Door{Param: c.Param, Limits: doors.Limits(c.Limits)}
	if c.Serve != nil {
		d.Serve = func(ctx context.Context, inner *doors.Call) error { return c.Serve(ctx, callOf(inner)) }
	}
	if c.Heard != nil {
		d.Heard = func(p doors.Presence) { c.Heard(Presence{Peer: PeerID(p.Peer), Topic: TopicID(p.Topic), Data: p.Data}) }
	}
	return d
}

// Handle registers a capability. Connections that begin from then on tell peers of
// it, and all serve it. stop closes it: it ends the calls under way and waits for
// them, so Serve and Heard must not call it. The error is ErrCapability,
// ErrRegistered, ErrReadOnly of a store that meets no peers, or ErrClosed.
func (db *DB) Handle(name string, c Capability) (stop func(), err error) {
	defer db.out(&err)
	if err = db.meets(); err == nil {
		stop, err = db.node.Handle(name, c.door())
	}
	if err != nil {
		return nil, fmt.Errorf("handle: %w", err)
	}
	return stop, nil
}

// Call begins a call at a connected peer, with a parameter of at most 4096 bytes,
// and waits until the peer takes it. The call ends with ctx, by Close, or when the
// connection does. The error is ErrNotConnected, or a *CallRefusedError of a peer
// that has no such capability, shares no topic, or has too many calls.
func (db *DB) Call(ctx context.Context, peer PeerID, name string, param []byte) (_ *Call, err error) {
	defer db.out(&err)
	err = db.meets()
	if err == nil && len(param) > messages.MaxOpenParam {
		err = fmt.Errorf("%w: a parameter of %d bytes, at most %d", ErrOptions, len(param), messages.MaxOpenParam)
	}
	var c *doors.Call
	if err == nil {
		c, err = db.node.Call(ctx, identity.PeerID(peer), name, param)
	}
	if err != nil {
		return nil, fmt.Errorf("call %q: %w", name, err)
	}
	return callOf(c), nil
}

// Say sends at most 1024 bytes to the connected peers of the topic that registered
// the capability, and returns to how many. Nobody stores them or passes them on,
// and to a peer that does not keep up they are lost.
func (t *Topic) Say(name string, data []byte) (peers int, err error) {
	defer t.db.out(&err)
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
