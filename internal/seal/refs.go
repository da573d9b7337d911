// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Refs are the same bytes inside a sealed payload as they are in a clear
// record:
//
//	offset  bytes  field
//	     0      1  r, 1 to 16
//	     1      …  r times: first 8 bytes of a log id ‖ size seen (varint)
//
// Ids rise strictly, compared as bytes, and the event's own log is absent. A
// size is an unsigned LEB128 varint of the fewest bytes, 1 to 2^48-1.
const (
	shortID     = 8 // bytes of a log id or epoch id that stand for all of it
	maxRefs     = 16
	maxSeen     = 1<<48 - 1
	maxSeenLen  = 7 // bytes of maxSeen as a varint
	maxRefBytes = 1 + maxRefs*(shortID+maxSeenLen)
)

// cutRefs splits b after the refs that it begins with, which may not name own.
func cutRefs(b []byte, own [shortID]byte) (refs, rest []byte, err error) {
	if len(b) == 0 || b[0] == 0 || b[0] > maxRefs {
		return nil, nil, fmt.Errorf("%w: no count from 1 to %d", ErrRefs, maxRefs)
	}
	rest = b[1:]
	var before []byte
	for i := range int(b[0]) {
		n := seenLen(rest)
		if n == 0 {
			return nil, nil, fmt.Errorf("%w: ref %d has no log and size", ErrRefs, i)
		}
		id := rest[:shortID]
		if bytes.Compare(before, id) >= 0 {
			return nil, nil, fmt.Errorf("%w: ref %d does not rise", ErrRefs, i)
		}
		if bytes.Equal(id, own[:]) {
			return nil, nil, fmt.Errorf("%w: ref %d is to its own log", ErrRefs, i)
		}
		before, rest = id, rest[shortID+n:]
	}
	n := len(b) - len(rest)
	return b[:n:n], rest, nil
}

// seenLen returns the length of the varint after the id that b begins with,
// or 0 if none of 1 to 2^48-1 in its fewest bytes is there.
func seenLen(b []byte) int {
	if len(b) <= shortID {
		return 0
	}
	size, n := binary.Uvarint(b[shortID:])
	if n <= 0 || n > maxSeenLen || size == 0 || size > maxSeen || n > 1 && b[shortID+n-1] == 0 {
		return 0
	}
	return n
}
