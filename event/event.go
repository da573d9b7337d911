// SPDX-License-Identifier: MPL-2.0

// Package event defines the event, the record that carries it, and the leaf
// data that the tree hashes (docs/format.md, "Records and leaves").
//
// It is pure: bytes in, values out. Start with AppendRecord and DecodeRecord.
package event

import (
	"errors"
	"fmt"
)

// Errors of this package.
var (
	// ErrTooLarge is returned for a type, key or payload over its limit.
	ErrTooLarge = errors.New("event: too large")
	// ErrTime is returned for a time before 1970 or after the year 10889.
	ErrTime = errors.New("event: time out of range")
	// ErrFlags is returned for flags that an event cannot be appended with.
	ErrFlags = errors.New("event: bad flags")
	// ErrRecord is returned for bytes that are no record.
	ErrRecord = errors.New("event: malformed record")
	// ErrLeaf is returned for bytes that are no leaf data.
	ErrLeaf = errors.New("event: malformed leaf data")
)

// An Event is what an application appends.
type Event struct {
	Type    string // at most MaxType bytes; what kind of event this is, to the application
	Key     []byte // at most MaxKey bytes; what it is about
	Payload []byte // at most MaxPayload bytes
}

// RecordLen returns the length in bytes of e's record.
func (e *Event) RecordLen() int {
	return HeaderBytes + len(e.Type) + len(e.Key) + len(e.Payload)
}

func (e *Event) validate() error {
	switch {
	case len(e.Type) > MaxType:
		return fmt.Errorf("%w: type of %d bytes, limit %d", ErrTooLarge, len(e.Type), MaxType)
	case len(e.Key) > MaxKey:
		return fmt.Errorf("%w: key of %d bytes, limit %d", ErrTooLarge, len(e.Key), MaxKey)
	case len(e.Payload) > MaxPayload:
		return fmt.Errorf("%w: payload of %d bytes, limit %d; split it or store it elsewhere and append its hash", ErrTooLarge, len(e.Payload), MaxPayload)
	}
	return nil
}
