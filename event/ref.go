// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Refs say which events of other logs of the topic an event comes after. Each
// names a log by the first 8 bytes of its id, and how many of its events:
//
//	offset  bytes  field
//	     0      8  first 8 bytes of the log's id
//	     8    1-7  size seen: base 128, low bits first, bit 7 set in all bytes but
//	               the last (as in encoding/binary)
//
// An author writes 1 to 16 of them, the log's bytes rising, its own log absent,
// sizes from 1 to 2^48-1 in as few bytes as they take. Anything else that can be
// read this way has a leaf and closes the log; a size of more than 7 bytes
// cannot be read.
const (
	MaxRefs = 16

	maxVarint   = 7
	maxRefBytes = ShortBytes + maxVarint
	maxSeen     = 1<<48 - 1
)

// ShortBytes is how many bytes of a log's id a ref has.
const ShortBytes = 8

// A Ref names the first Size events of a log.
type Ref struct {
	Log  [ShortBytes]byte // first bytes of the log's id
	Size uint64           // from 1 to 2^48-1
}

// checkRefs returns why an author may not write refs. Of its own log it knows
// nothing.
func checkRefs(refs []Ref) error {
	if len(refs) > MaxRefs {
		return fmt.Errorf("%w: %d, limit %d", ErrRefs, len(refs), MaxRefs)
	}
	for i := range refs {
		switch {
		case refs[i].Size == 0 || refs[i].Size > maxSeen:
			return fmt.Errorf("%w: log %x at size %d", ErrRefs, refs[i].Log, refs[i].Size)
		case i > 0 && bytes.Compare(refs[i-1].Log[:], refs[i].Log[:]) >= 0:
			return fmt.Errorf("%w: log %x after log %x, want them rising", ErrRefs, refs[i].Log, refs[i-1].Log)
		}
	}
	return nil
}

// AppendRefs appends the number of refs and the refs to dst. The error is
// ErrRefs for ones that an author may not write, and for none.
func AppendRefs(dst []byte, refs []Ref) ([]byte, error) {
	if len(refs) == 0 {
		return dst, fmt.Errorf("%w: 0, want at least 1", ErrRefs)
	}
	if err := checkRefs(refs); err != nil {
		return dst, err
	}
	return appendRefs(dst, refs), nil
}

func appendRefs(dst []byte, refs []Ref) []byte {
	dst = append(dst, uint8(len(refs)))
	for i := range refs {
		dst = append(dst, refs[i].Log[:]...)
		dst = binary.AppendUvarint(dst, refs[i].Size)
	}
	return dst
}

// DecodeRefs decodes what AppendRefs wrote at the start of b, and nothing else,
// and returns its length. The error is ErrRefs.
func DecodeRefs(b []byte) ([]Ref, int, error) {
	if len(b) == 0 || b[0] == 0 || b[0] > MaxRefs {
		return nil, 0, fmt.Errorf("%w: want from 1 to %d", ErrRefs, MaxRefs)
	}
	n, err := refsLen(b[1:], int(b[0]))
	if err != nil {
		return nil, 0, err
	}
	refs, minimal := decodeRefs(b[1:1+n], int(b[0]))
	if !minimal {
		return nil, 0, fmt.Errorf("%w: a size in more bytes than it takes", ErrRefs)
	}
	return refs, 1 + n, checkRefs(refs)
}

// refsLen returns how long so many refs at the start of b are.
func refsLen(b []byte, count int) (int, error) {
	at := 0
	for i := range count {
		at += ShortBytes
		for first := at; ; at++ {
			if at >= len(b) {
				return 0, fmt.Errorf("%w: cut in ref %d of %d", ErrRefs, i+1, count)
			}
			if b[at] < 0x80 {
				break
			}
			if at-first == maxVarint-1 {
				return 0, fmt.Errorf("%w: ref %d of %d has a size of more than %d bytes", ErrRefs, i+1, count, maxVarint)
			}
		}
		at++
	}
	return at, nil
}

// decodeRefs decodes refs of which refsLen knew the length, and reports whether
// each size has as few bytes as it takes.
func decodeRefs(b []byte, count int) (refs []Ref, minimal bool) {
	minimal = true
	for range count {
		size, n := binary.Uvarint(b[ShortBytes:])
		refs = append(refs, Ref{Log: [ShortBytes]byte(b), Size: size})
		minimal = minimal && (n == 1 || b[ShortBytes+n-1] != 0)
		b = b[ShortBytes+n:]
	}
	return refs, minimal
}
