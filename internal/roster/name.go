// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/internal/naming"

// NameType is the type of the event by which a person says what to be called in a topic.
const NameType = "xf/name"

// Kinds of names in events.
const (
	nameClear  = 1
	nameSealed = 2

	maxSealedName = 1024
)

// A Name is what a person wants to be called in a topic, as one of the person's devices
// says: the body of an "xf/name" in a data log. It is no ask.
//
//	offset  bytes  field
//	     0      1  1 in clear, 2 sealed
//	     1      …  if 1: the name, or nothing for none any more
//	     1      …  if 2: at most 1024 bytes, a sealed payload with flags 2 and 4, in which
//	                 type is `name`, there is no key, and the payload is as in 1
type Name struct {
	Clear  string
	Sealed []byte // nil if it is in clear
}

// Append appends the body to dst.
func (n *Name) Append(dst []byte) []byte {
	if n.Sealed != nil {
		return append(append(dst, nameSealed), n.Sealed...)
	}
	return append(append(dst, nameClear), n.Clear...)
}

// DecodeName decodes the body of an "xf/name"; what is sealed points into it. The error is
// ErrMalformed.
func DecodeName(body []byte) (n Name, err error) {
	c := coder{b: body}
	var kind uint8
	switch c.u8(&kind); kind {
	case nameClear:
		n.Clear = string(c.b)
		c.check(CheckName(n.Clear) == nil, "a name that nobody can have")
	case nameSealed:
		n.Sealed = c.b[:len(c.b):len(c.b)]
		c.check(len(n.Sealed) > 0 && len(n.Sealed) <= maxSealedName, "sealed name of %d bytes, want 1 to %d", len(n.Sealed), maxSealedName)
	default:
		c.fail("a name of kind %d, want %d or %d", kind, nameClear, nameSealed)
	}
	if c.err != nil {
		return Name{}, c.err
	}
	return n, nil
}

// CheckName returns why a person cannot ask to be called that; "" is for nothing any more.
// The error is naming.ErrName.
func CheckName(name string) error {
	if name == "" {
		return nil
	}
	return naming.Check(name)
}
