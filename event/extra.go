// SPDX-License-Identifier: MPL-2.0

package event

import "fmt"

// A record's extra, which few have, is all between its header and type: the
// number of refs and the refs, then the id, each if its flag is set.

// extraLen returns the length of e's extra.
func (e *Event) extraLen() (n int) {
	if len(e.Refs) > 0 {
		var b [1 + 2*maxRefBytes]byte // room for most
		n = len(appendRefs(b[:0], e.Refs))
	}
	if e.ID != (ID{}) {
		n += IDBytes
	}
	return n
}

func (e *Event) appendExtra(dst []byte) []byte {
	if len(e.Refs) > 0 {
		dst = appendRefs(dst, e.Refs)
	}
	if e.ID != (ID{}) {
		dst = append(dst, e.ID[:]...)
	}
	return dst
}

// extraLen returns how long the extra is that b begins with.
func extraLen(b []byte, flags uint8) (n int, err error) {
	if flags&FlagRefs != 0 {
		if len(b) == 0 {
			return 0, fmt.Errorf("%w: no number of refs after the header", ErrRecord)
		}
		if n, err = refsLen(b[1:], int(b[0])); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrRecord, err)
		}
		n++
	}
	if flags&FlagID != 0 {
		n += IDBytes
	}
	return n, nil
}

// leafExtra splits the number of refs from an extra: a leaf has it elsewhere.
func leafExtra(extra []byte, flags uint8) (refs uint8, rest []byte) {
	if flags&FlagRefs == 0 {
		return 0, extra
	}
	return extra[0], extra[1:]
}

func idOf(extra []byte, flags uint8) (id ID) {
	if flags&FlagID != 0 {
		id = ID(extra[len(extra)-IDBytes:])
	}
	return id
}

// Refs returns the refs, which may be none that an author may write.
func (r *Record) Refs() []Ref {
	refs, _ := r.refs()
	return refs
}

func (r *Record) refs() (refs []Ref, minimal bool) {
	if r.Flags&FlagRefs == 0 {
		return nil, true
	}
	return decodeRefs(r.extra[1:], int(r.extra[0]))
}

// ID returns the event id, zero if there is none.
func (r *Record) ID() ID { return idOf(r.extra, r.Flags) }
