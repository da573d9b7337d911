// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"errors"
	"fmt"
)

// Errors of this package.
var (
	// ErrMalformed is returned for bytes that are not the message they say.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLong is returned for a frame, list, string or bin over its limit.
	ErrTooLong = errors.New("message too long")
	// ErrUnknownType is returned for a message type below FirstOptional that
	// this version does not know.
	ErrUnknownType = errors.New("unknown message type")
)

// A DecodeError says where a message is wrong. It wraps ErrMalformed or
// ErrTooLong. Encoding returns it too, for a message no peer would accept.
type DecodeError struct {
	Message Type   // 0 if the type itself is not known yet
	Field   string // "frame" if the frame around the message is wrong
	What    string // what disagreed
	Err     error  // ErrMalformed or ErrTooLong
}

// Error returns the message, field and flaw in one line.
func (e *DecodeError) Error() string {
	if e.Message == 0 {
		return fmt.Sprintf("%v: %s: %s", e.Err, e.Field, e.What)
	}
	return fmt.Sprintf("%v: %v %s: %s", e.Err, e.Message, e.Field, e.What)
}

// Unwrap returns ErrMalformed or ErrTooLong.
func (e *DecodeError) Unwrap() error { return e.Err }
