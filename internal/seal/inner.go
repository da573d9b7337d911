// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
)

// The plaintext of a sealed payload:
//
//	bytes  field
//	    1  inner flags: 8 refs, 16 id, nothing else
//	    …  refs, if flag 8 is set (refs.go)
//	   16  id, if flag 16 is set; not all zero
//	    2  bits 0-5 type length; bits 6-15 key length (little-endian uint16)
//	    t  type
//	    k  key
//	    p  payload, at most event.MaxPayload bytes
//	    1  0x80
//	    …  zeros, up to the Padmé length of all before them, at least 64
//
// Type and key are empty here if they stand outside (flag 4 not set). A type,
// inside or outside, that begins "xf/" is unreadable: such events are in clear.
const (
	innerRefs = 1 << 3
	innerID   = 1 << 4

	// IDBytes is the length of an event's id.
	IDBytes = 16
	// maxInner is the longest plaintext, with its mark and without its zeros.
	maxInner = 1 + maxRefBytes + IDBytes + 2 + event.MaxType + event.MaxKey + event.MaxPayload + 1

	reserved = "xf/" // what types of the engine begin with
)

// A Plain is an event with all that is sealed of it.
type Plain struct {
	Type    []byte         // at most event.MaxType bytes, not beginning "xf/"
	Key     []byte         // at most event.MaxKey bytes
	Payload []byte         // at most event.MaxPayload bytes
	Refs    []byte         // as encoded: r ‖ refs; empty if there are none
	ID      *[IDBytes]byte // not all zero; nil if there is none
}

// Clear returns the clear part of the record that p is sealed for. Its slices
// are p's.
func (p *Plain) Clear(hide bool) Clear {
	if hide {
		return Clear{Flags: clearNothing}
	}
	return Clear{Flags: clearPayload, Type: p.Type, Key: p.Key}
}

// bytes returns the length of p's plaintext with its end mark, and without its zeros.
func (p *Plain) bytes(hide bool) int {
	n := 1 + len(p.Refs) + 2 + len(p.Payload) + 1
	if p.ID != nil {
		n += IDBytes
	}
	if hide {
		n += len(p.Type) + len(p.Key)
	}
	return n
}

// encode returns the padded plaintext of p, which was checked, in the room behind b.
func (p *Plain) encode(b []byte, hide bool) []byte {
	b = append(b, 0)
	if len(p.Refs) > 0 {
		b[0] |= innerRefs
		b = append(b, p.Refs...)
	}
	if p.ID != nil {
		b[0] |= innerID
		b = append(b, p.ID[:]...)
	}
	if hide {
		b = appendLengths(b, len(p.Type), len(p.Key))
		b = append(append(b, p.Type...), p.Key...)
	} else {
		b = appendLengths(b, 0, 0)
	}
	return pad(append(b, p.Payload...))
}

// check returns why p cannot be sealed for a log.
func (p *Plain) check(log [shortID]byte) error {
	switch {
	case len(p.Type) > event.MaxType:
		return fmt.Errorf("%w: type of %d bytes, limit %d", ErrTooLarge, len(p.Type), event.MaxType)
	case len(p.Key) > event.MaxKey:
		return fmt.Errorf("%w: key of %d bytes, limit %d", ErrTooLarge, len(p.Key), event.MaxKey)
	case len(p.Payload) > event.MaxPayload:
		return fmt.Errorf("%w: payload of %d bytes, limit %d", ErrTooLarge, len(p.Payload), event.MaxPayload)
	case bytes.HasPrefix(p.Type, []byte(reserved)):
		return fmt.Errorf("%w: %q is never sealed", ErrReserved, p.Type)
	case p.ID != nil && *p.ID == [IDBytes]byte{}:
		return fmt.Errorf("%w: all zeros", ErrID)
	case len(p.Refs) == 0:
		return nil
	}
	if _, rest, err := cutRefs(p.Refs, log); err != nil {
		return err
	} else if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes behind them", ErrRefs, len(rest))
	}
	return nil
}

// decodePlain decodes the plaintext of a payload of a log; c is the clear part
// of its record. The slices of what it returns point into b and c.
func decodePlain(b []byte, c Clear, log [shortID]byte) (p Plain, err error) {
	b, ok := unpad(b)
	if !ok || len(b) == 0 {
		return Plain{}, fmt.Errorf("%w: padding", ErrUnreadable)
	}
	flags, b := b[0], b[1:]
	if flags&^(innerRefs|innerID) != 0 {
		return Plain{}, fmt.Errorf("%w: inner flags %#x", ErrUnreadable, flags)
	}
	if flags&innerRefs != 0 {
		if p.Refs, b, err = cutRefs(b, log); err != nil {
			return Plain{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if flags&innerID != 0 {
		if len(b) < IDBytes {
			return Plain{}, fmt.Errorf("%w: id of %d bytes, want %d", ErrUnreadable, len(b), IDBytes)
		}
		if p.ID, b = (*[IDBytes]byte)(b), b[IDBytes:]; *p.ID == [IDBytes]byte{} {
			return Plain{}, fmt.Errorf("%w: id of zeros", ErrUnreadable)
		}
	}
	return p, p.decodeEvent(b, c)
}

// decodeEvent sets p's type, key and payload from b, where the lengths begin,
// and from the clear part.
func (p *Plain) decodeEvent(b []byte, c Clear) error {
	if len(b) < 2 {
		return fmt.Errorf("%w: no lengths", ErrUnreadable)
	}
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	key, end := n&63, n&63+n>>6
	switch {
	case c.Flags != clearNothing && n != 0:
		return fmt.Errorf("%w: type and key are outside, but lengths %#x inside", ErrUnreadable, n)
	case len(b) < end:
		return fmt.Errorf("%w: type and key of %d bytes, %d are there", ErrUnreadable, end, len(b))
	case len(b)-end > event.MaxPayload:
		return fmt.Errorf("%w: payload of %d bytes, limit %d", ErrUnreadable, len(b)-end, event.MaxPayload)
	}
	p.Type, p.Key, p.Payload = c.Type, c.Key, b[end:]
	if c.Flags == clearNothing {
		p.Type, p.Key = b[:key:key], b[key:end:end]
	}
	if bytes.HasPrefix(p.Type, []byte(reserved)) {
		return fmt.Errorf("%w: type %q is never sealed", ErrUnreadable, p.Type)
	}
	return nil
}
