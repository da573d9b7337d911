// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A LocalError is why a session ended that no peer is to blame for: something
// here could not be read or stored. The peer is told that it was so, and not what
// it was; the address book does not count it against the peer.
type LocalError struct{ Err error }

// Error is the cause's: it keeps its own name.
func (e *LocalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LocalError) Unwrap() error { return e.Err }

// code is what the peer hears.
func (e *LocalError) code() messages.Code {
	if cannotStore(e.Err) {
		return messages.CodeReadOnly
	}
	return messages.CodeInternal
}

// cannotStore tells an error of this machine's files from whatever else can become
// of something that a peer brought. What carries bytes may be a file too.
func cannotStore(err error) bool {
	switch {
	case errors.Is(err, pipeline.ErrReadOnly):
		return true
	case errors.Is(err, pipeline.ErrLog): // others can be stored
		return false
	}
	for _, other := range []error{store.ErrGap, store.ErrHistory, transport.ErrLost, transport.ErrClosed, transport.ErrUnreachable} {
		if errors.Is(err, other) {
			return false
		}
	}
	class := supervisor.ClassOf(err)
	return class == supervisor.IO || class == supervisor.Exhausted
}

// passes reports whether an error goes away by itself: what it kept out is tried
// again, in the same session.
func passes(err error) bool {
	return cannotStore(err) && !errors.Is(err, pipeline.ErrReadOnly) && supervisor.ClassOf(err) == supervisor.Exhausted
}

// codeFor is what a peer hears at the end of something that it brought us.
func codeFor(err error) messages.Code {
	if cannotStore(err) {
		return messages.CodeReadOnly
	}
	return messages.CodeOK
}

// failHere ends the session because of something on this side.
func (s *session) failHere(err error) {
	e := &LocalError{err}
	if !s.fail(e) {
		return
	}
	text := "this side cannot store anything"
	if e.code() == messages.CodeInternal {
		text = ""
	}
	s.out.send(&messages.Bye{Code: e.code(), Text: text}, false)
	s.close(e.code(), text)
}
