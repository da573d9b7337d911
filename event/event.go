// SPDX-License-Identifier: MPL-2.0

// Package event defines the event, the record that carries it, and the leaf
// data that the tree hashes (docs/format.md, "Records and leaves").
//
// It is pure: bytes in, values out. Start with AppendRecord and DecodeRecord.
package event

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of this package.
var (
	// ErrTooLarge is returned for a type, key or payload over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrTime is returned for a time before 1970 or after the year 10889.
	ErrTime = errors.New("a time out of range")
	// ErrFlags is returned for flags that an event cannot be appended with.
	ErrFlags = errors.New("bad flags of a record")
	// ErrReserved is returned for a type that begins with Reserved: only the
	// engine writes those.
	ErrReserved = errors.New("reserved type")
	// ErrRefs is returned for refs that an event cannot be appended with.
	ErrRefs = errors.New("refs that no peer takes")
	// ErrRecord is returned for bytes that are no record.
	ErrRecord = errors.New("malformed record")
	// ErrLeaf is returned for bytes that are no leaf data.
	ErrLeaf = errors.New("malformed leaf data")
)

// Reserved is how the types begin that the engine writes: an application's
// own types begin otherwise.
const Reserved = "xf/"

// IsReserved reports whether a type is one of those.
func IsReserved(typ []byte) bool {
	return len(typ) >= len(Reserved) && string(typ[:len(Reserved)]) == Reserved
}

// An ID names an event for the store that appends it, in all logs that the store
// ever wrote in a topic, also before it became a new device: an event that is
// appended again with the same ID is no second one. A repeat is not compared: its
// type, key and payload are ignored. The zero ID is none.
type ID [IDBytes]byte

// An Event is what an application appends.
//
// A ref is made of a receipt, or of a record r of the log that comes first:
// Ref{Log: [8]byte(r.Log[:8]), Size: r.Seq + 1}. Refs rise by Log, in the order of
// the bytes. A log that is not here may be named. An event is not stamped with an
// earlier time than the events that its refs name, if they are here.
type Event struct {
	Type    string // at most MaxType bytes; what kind of event this is, to the application
	Key     []byte // at most MaxKey bytes; what it is about
	Payload []byte // at most MaxPayload bytes
	Refs    []Ref  // at most MaxRefs, one a log, rising by Log: the events of other logs that this one comes after
	ID      ID     // none if zero
}

// CheckType returns ErrReserved if e's type is one that only the engine writes.
func (e *Event) CheckType() error {
	if strings.HasPrefix(e.Type, Reserved) {
		return fmt.Errorf("%w: %q: types that begin with %q are the engine's; take another", ErrReserved, e.Type, Reserved)
	}
	return nil
}

// RecordLen returns the length in bytes of e's record.
func (e *Event) RecordLen() int {
	n := HeaderBytes + len(e.Type) + len(e.Key) + len(e.Payload)
	if e.flags() != 0 {
		n += e.extraLen()
	}
	return n
}

// flags says which optional fields e's record has.
func (e *Event) flags() (f uint8) {
	if len(e.Refs) > 0 {
		f |= FlagRefs
	}
	if e.ID != (ID{}) {
		f |= FlagID
	}
	return f
}

// check returns why e at time ms cannot be a record with these flags.
func (e *Event) check(ms int64, flags uint8) error {
	switch limit := payloadLimit(flags); {
	case flags&^(FlagSealedPayload|FlagSealedHeader|FlagSalted) != 0:
		return fmt.Errorf("%w: %#x", ErrFlags, flags)
	case len(e.Type) > MaxType:
		return fmt.Errorf("%w: type of %d bytes, limit %d", ErrTooLarge, len(e.Type), MaxType)
	case len(e.Key) > MaxKey:
		return fmt.Errorf("%w: key of %d bytes, limit %d", ErrTooLarge, len(e.Key), MaxKey)
	case len(e.Payload) > limit:
		return fmt.Errorf("%w: payload of %d bytes, limit %d; split it or store it elsewhere and append its hash", ErrTooLarge, len(e.Payload), limit)
	case flags&FlagSalted != 0 && len(e.Payload) < SaltBytes:
		return fmt.Errorf("%w: a salted payload of %d bytes, want a salt of %d first", ErrFlags, len(e.Payload), SaltBytes)
	case ms < 0 || ms > MaxTime:
		return fmt.Errorf("%w: %d ms", ErrTime, ms)
	case len(e.Refs) > 0:
		return checkRefs(e.Refs)
	}
	return nil
}

// Salted returns payload with a salt before it, for a record with FlagSalted.
func Salted(salt [SaltBytes]byte, payload []byte) []byte {
	return append(append(make([]byte, 0, SaltBytes+len(payload)), salt[:]...), payload...)
}
