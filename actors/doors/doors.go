// SPDX-License-Identifier: MPL-2.0

// Package doors is what a node serves to peers beside the sync.
//
// Rule: a capability has one door. Its streams and words are bounded apart from
// those of all others and of the sync, for each peer; nobody who did not prove a
// topic comes in. The package knows no session and no store: whoever owns a
// connection hands it the streams that the peer opened (docs/xsp.md,
// Capabilities).
//
// Start with Set and Door.
package doors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Errors of this package.
var (
	// ErrName is returned for a capability that cannot be registered: a name that
	// is empty, too long, not printable, or of the protocol itself; or it does nothing.
	ErrName = errors.New("not the name of a capability")
	// ErrRegistered is returned for a name that is registered already.
	ErrRegistered = errors.New("registered already")
	// ErrBusy is returned for a capability whose handlers go on though they are to end.
	ErrBusy = errors.New("a handler of the capability does not return; it is left behind")
	// ErrLimit is what a call fails with that passed its door's bytes.
	ErrLimit = errors.New("the call passed its limit of bytes")
)

// engine is names that HELLO uses itself.
var engine = []string{messages.CapSync, messages.CapRun, messages.CapDoze}

// A Door says what is served under the name of a capability. One without Serve
// has no streams, one without Heard no words.
type Door struct {
	// Param goes to every peer in the greeting; at most messages.MaxCapParam bytes.
	Param []byte
	// Serve answers one call. When it returns nil the peer reads the end of what
	// was written; an error breaks the stream off. The call ends with ctx: when
	// its time is up, the peer is gone, or the door is closed.
	Serve func(ctx context.Context, c *Call) error
	// Heard is given the words of peers, one at a time. Words that come faster than it
	// returns are dropped.
	Heard  func(Presence)
	Limits Limits
}

// Limits bound what one peer can make a door do. Zero means the default.
type Limits struct {
	Calls   int           // at a time; default 8
	Bytes   int64         // of a call, each way; default 64 MiB
	Time    time.Duration // of a call; default 1 minute
	Rate    float64       // of calls and words together, a second; default 10
	Burst   int           // of them at once; default 50
	Waiting int           // words of all peers that wait for Heard; default 64
}

func (l Limits) orDefault() Limits {
	set := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	set(&l.Calls, 8)
	set(&l.Burst, 50)
	set(&l.Waiting, 64)
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Time <= 0 {
		l.Time = time.Minute
	}
	if l.Rate <= 0 {
		l.Rate = 10
	}
	return l
}

// A Presence is a small word of a peer, which nobody stores.
type Presence struct {
	Peer  identity.PeerID
	Topic identity.TopicID
	Data  []byte // at most messages.MaxPresence bytes, the receiver's to keep
}

// A Set is the doors of a node.
type Set struct {
	log *slog.Logger

	mu     sync.Mutex // guards all and closed
	all    map[string]*door
	closed bool
}

// New returns a set without a door.
func New(log *slog.Logger) *Set { return &Set{log: log, all: map[string]*door{}} }

// Register opens a door. Sessions that begin from then on tell of it, and all
// serve it. stop closes it, ends its calls, and waits for them.
func (s *Set) Register(name string, d Door) (stop func(), err error) {
	switch {
	case name == "" || len(name) > messages.MaxCapBytes || slices.Contains(engine, name):
		return nil, fmt.Errorf("%w: %q, want 1 to %d bytes and none of %s", ErrName, name, messages.MaxCapBytes, strings.Join(engine, ", "))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return nil, fmt.Errorf("%w: %q has characters that cannot be printed; peers show it in lists and logs", ErrName, name)
	case d.Serve == nil && d.Heard == nil:
		return nil, fmt.Errorf("%w: %q has neither Serve nor Heard; set one of them", ErrName, name)
	case len(d.Param) > messages.MaxCapParam:
		return nil, fmt.Errorf("%w: %q with a parameter of %d bytes, at most %d are told", ErrName, name, len(d.Param), messages.MaxCapParam)
	}
	one := newDoor(name, d, s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] != nil {
		return nil, fmt.Errorf("%w: %q", ErrRegistered, name)
	}
	if s.closed || len(s.all) >= messages.MaxCaps-2 {
		return nil, fmt.Errorf("%w: %q is one too many, or the node is closing", ErrName, name)
	}
	s.all[name] = one
	one.run()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.all, name)
		s.mu.Unlock()
		one.close()
		<-one.over()
	}), nil
}

// Params returns what the greeting tells of the doors: parameters by names.
func (s *Set) Params() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]byte{}
	for name, d := range s.all {
		all[name] = slices.Clone(d.Param)
	}
	return all
}

func (s *Set) door(name string) *door {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[name]
}

// Hear hands a word of a peer to its door, or drops it.
func (s *Set) Hear(name string, p Presence) {
	if d := s.door(name); d != nil {
		d.hear(p)
	}
}

// Close closes all doors, and tells what they serve to end.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, d := range s.all {
		d.close()
	}
}

// Wait waits, after Close, for what the doors serve. The error wraps ErrBusy for each
// that goes on when ctx ends.
func (s *Set) Wait(ctx context.Context) error {
	s.mu.Lock()
	all := s.all
	s.all = map[string]*door{}
	s.mu.Unlock()
	over := map[*door]<-chan struct{}{} // all at once: ctx may end beside the first
	for _, d := range all {
		over[d] = d.over()
	}
	var errs []error
	for d, over := range over {
		errs = append(errs, d.wait(ctx, over))
	}
	return errors.Join(errs...)
}
