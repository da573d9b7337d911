// SPDX-License-Identifier: MPL-2.0

package session

import (
	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/messages"
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
	if streams.CannotStore(e.Err) {
		return messages.CodeReadOnly
	}
	return messages.CodeInternal
}

// failHere ends the session because of something on this side.
func (s *Session) failHere(err error) {
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
