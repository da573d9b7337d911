// SPDX-License-Identifier: MPL-2.0

package event

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Leaf is decoded leaf data: all of an event but its payload.
type Leaf struct {
	Flags       uint8
	Time        int64 // milliseconds since 1970
	Type        []byte
	Key         []byte
	PayloadLen  int
	PayloadHash digest.Hash

	refs  uint8  // number of refs in extra
	extra []byte // refs, id
}

// DecodeLeaf decodes leaf data; nothing may follow it. Like DecodeRecord it is
// mechanical: it takes the leaf of every record that decodes.
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
		Time:        int64(uint48(b[8:])),
		PayloadHash: digest.Hash(b[16:LeafHeaderBytes]),
		refs:        b[14],
	}
	if len(b) < end {
		return Leaf{}, fmt.Errorf("%w: %d bytes, want at least %d", ErrLeaf, len(b), end)
	}
	extra, err := leafExtraLen(b[end:], l.Flags, l.refs)
	switch {
	case err != nil:
		return Leaf{}, err
	case len(b) != end+extra:
		return Leaf{}, fmt.Errorf("%w: %d bytes, want %d", ErrLeaf, len(b), end+extra)
	case l.Flags&(FlagErased|1<<7) != 0:
		return Leaf{}, fmt.Errorf("%w: flags %#x", ErrLeaf, l.Flags)
	case l.PayloadLen > MaxSealed:
		return Leaf{}, fmt.Errorf("%w: payload of %d bytes, limit %d", ErrLeaf, l.PayloadLen, MaxSealed)
	case b[15] != 0:
		return Leaf{}, fmt.Errorf("%w: byte 15 is %d", ErrLeaf, b[15])
	}
	l.Type, l.Key, l.extra = b[LeafHeaderBytes:key:key], b[key:end:end], b[end:len(b):len(b)]
	return l, nil
}

// leafExtraLen returns how long refs and id at the start of b are.
func leafExtraLen(b []byte, flags, refs uint8) (n int, err error) {
	if flags&FlagRefs == 0 && refs != 0 {
		return 0, fmt.Errorf("%w: %d refs without their flag", ErrLeaf, refs)
	}
	if n, err = refsLen(b, int(refs)); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	if flags&FlagID != 0 {
		n += IDBytes
	}
	return n, nil
}

// Refs returns the refs, which may be none that an author may write.
func (l *Leaf) Refs() []Ref {
	refs, _ := decodeRefs(l.extra, int(l.refs))
	return refs
}

// ID returns the event id, zero if there is none.
func (l *Leaf) ID() ID { return idOf(l.extra, l.Flags) }
