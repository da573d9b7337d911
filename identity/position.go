// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Position is a place in a topic's roster: so many records of a leg of a
// term, and the root over them.
//
//	bytes  field
//	    4  term (little-endian uint32)
//	    4  leg (little-endian uint32)
//	    6  size in records, 1 or more (little-endian)
//	   32  root of the leg's log at that size
type Position struct {
	Term, Leg uint32
	Size      uint64
	Root      digest.Hash
}

// PositionBytes is the length of an encoded Position.
const PositionBytes = 4 + 4 + 6 + digest.Size

// MaxLogSize is the largest size of any log: what fits 48 bits.
const MaxLogSize = 1<<48 - 1

// ErrPosition is returned for bytes that are no roster position.
var ErrPosition = errors.New("not a roster position")

// Check checks that p is within its limits.
func (p Position) Check() error {
	if p.Size == 0 || p.Size > MaxLogSize {
		return fmt.Errorf("%w: size %d, want 1 to %d", ErrPosition, p.Size, uint64(MaxLogSize))
	}
	return nil
}

// Append appends p's bytes to b. The size must be within Check's limits.
func (p Position) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, p.Term)
	b = binary.LittleEndian.AppendUint32(b, p.Leg)
	b = append(b, binary.LittleEndian.AppendUint64(nil, p.Size)[:6]...)
	return append(b, p.Root[:]...)
}

// ParsePosition decodes what Append wrote.
func ParsePosition(b []byte) (Position, error) {
	if len(b) != PositionBytes {
		return Position{}, fmt.Errorf("%w: %d bytes, want %d", ErrPosition, len(b), PositionBytes)
	}
	var size [8]byte
	copy(size[:], b[8:14])
	p := Position{
		Term: binary.LittleEndian.Uint32(b),
		Leg:  binary.LittleEndian.Uint32(b[4:]),
		Size: binary.LittleEndian.Uint64(size[:]),
		Root: digest.Hash(b[14:]),
	}
	if err := p.Check(); err != nil {
		return Position{}, err
	}
	return p, nil
}
