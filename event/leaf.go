// SPDX-License-Identifier: MPL-2.0

package event

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A Leaf is decoded leaf data: all of an event but its payload.
type Leaf struct {
	Flags       uint8
	Time        int64 // milliseconds since 1970
	Type        []byte
	Key         []byte
	PayloadLen  int
	PayloadHash digest.Hash
}

// DecodeLeaf decodes leaf data; nothing may follow it.
func DecodeLeaf(b []byte) (Leaf, error) {
	if len(b) < LeafHeaderBytes {
		return Leaf{}, fmt.Errorf("%w: %d bytes, want at least %d", ErrLeaf, len(b), LeafHeaderBytes)
	}
	if b[0] != leafVersion {
		return Leaf{}, fmt.Errorf("%w: version %d, want %d", ErrLeaf, b[0], leafVersion)
	}
	lens := binary.LittleEndian.Uint16(b[2:])
	key := LeafHeaderBytes + int(lens&63)
	end := key + int(lens>>6)
	l := Leaf{
		Flags:       b[1],
		PayloadLen:  int(binary.LittleEndian.Uint32(b[4:])),
		Time:        int64(binary.LittleEndian.Uint64(b[8:])),
		PayloadHash: digest.Hash(b[16:LeafHeaderBytes]),
	}
	switch {
	case len(b) != end:
		return Leaf{}, fmt.Errorf("%w: %d bytes, want %d", ErrLeaf, len(b), end)
	case l.Flags&^(knownFlags&^FlagErased) != 0:
		return Leaf{}, fmt.Errorf("%w: unknown flags %#x", ErrLeaf, l.Flags)
	case l.PayloadLen > MaxPayload:
		return Leaf{}, fmt.Errorf("%w: payload of %d bytes, limit %d", ErrLeaf, l.PayloadLen, MaxPayload)
	case l.Time < 0 || l.Time > maxTime:
		return Leaf{}, fmt.Errorf("%w: time %d ms", ErrLeaf, l.Time)
	}
	l.Type, l.Key = b[LeafHeaderBytes:key:key], b[key:end:end]
	return l, nil
}
