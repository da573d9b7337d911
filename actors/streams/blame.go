// SPDX-License-Identifier: MPL-2.0

package streams

import (
	"cmp"
	"errors"
	"io"
	"os"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/transport"
)

// CutOff reports whether err is of the connection, and not of what came by it.
func CutOff(err error) bool {
	return errors.As(err, new(*transport.StreamError)) || errors.As(err, new(*transport.ClosedError)) ||
		errors.Is(err, transport.ErrLost) || errors.Is(err, transport.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded)
}

// CannotStore tells an error of this machine's files from whatever else can become
// of something that a peer brought. A carrier of bytes may be a file too.
func CannotStore(err error) bool {
	switch {
	case errors.Is(err, pipeline.ErrReadOnly):
		return true
	case errors.Is(err, pipeline.ErrLog): // others can be stored
		return false
	}
	for _, other := range []error{store.ErrGap, store.ErrOtherHistory, transport.ErrLost, transport.ErrClosed, transport.ErrUnreachable} {
		if errors.Is(err, other) {
			return false
		}
	}
	class := supervisor.ClassOf(err)
	return class == supervisor.IO || class == supervisor.Exhausted
}

// Passes reports whether an error goes away by itself: what it kept out is tried
// again, in the same session.
func Passes(err error) bool {
	return CannotStore(err) && !errors.Is(err, pipeline.ErrReadOnly) && supervisor.ClassOf(err) == supervisor.Exhausted
}

// CodeFor is what a peer hears at the end of something that it brought: CodeOK if
// nothing but the end.
func CodeFor(err error) messages.Code {
	if CannotStore(err) {
		return messages.CodeReadOnly
	}
	return messages.CodeOK
}

// cancelCode is why a stream is broken off.
func cancelCode(err error) messages.Code {
	if errors.Is(err, pipeline.ErrQuota) {
		return messages.CodeQuota
	}
	return cmp.Or(CodeFor(err), messages.CodeCanceled)
}
