// SPDX-License-Identifier: MPL-2.0

// Package eventtest makes records that no store writes, for tests.
//
// Rule: only tests import it, and it imports nothing of ours, so that what it
// writes is a second opinion of the tables in event/record.go.
package eventtest

import (
	"crypto/sha256"
	"encoding/binary"
)

// A Raw is a record with anything in it.
type Raw struct {
	Flags   uint8
	Time    uint64 // 48 bits
	Count   uint8  // number of refs, if flagged
	Refs    []byte // the refs, if flagged
	ID      [16]byte
	Type    string
	Key     string
	Payload []byte
	Length  int // of the payload as the header says, if it is another than there is
}

func (r *Raw) length() int {
	if r.Length != 0 {
		return r.Length
	}
	return len(r.Payload)
}

// Record returns the record's bytes.
func (r *Raw) Record() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(r.length())|uint32(r.Flags)<<25)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Type)|len(r.Key)<<6))
	b = append(b, binary.LittleEndian.AppendUint64(nil, r.Time)[:6]...)
	if r.Flags&8 != 0 {
		b = append(append(b, r.Count), r.Refs...)
	}
	if r.Flags&16 != 0 {
		b = append(b, r.ID[:]...)
	}
	b = append(append(b, r.Type...), r.Key...)
	if r.Flags&1 != 0 {
		hash := sha256.Sum256(r.Payload)
		return append(b, hash[:]...)
	}
	return append(b, r.Payload...)
}

// Leaf returns the record's leaf data.
func (r *Raw) Leaf() []byte {
	hash := sha256.Sum256(r.Payload)
	b := []byte{1, r.Flags &^ 1}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Type)|len(r.Key)<<6))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.length()))
	b = append(b, binary.LittleEndian.AppendUint64(nil, r.Time)[:6]...)
	if r.Flags&8 != 0 {
		b = append(b, r.Count, 0)
	} else {
		b = append(b, 0, 0)
	}
	b = append(append(append(b, hash[:]...), r.Type...), r.Key...)
	if r.Flags&8 != 0 {
		b = append(b, r.Refs...)
	}
	if r.Flags&16 != 0 {
		b = append(b, r.ID[:]...)
	}
	return b
}

// Ref returns a ref to a log whose id begins with that byte, with its size as
// these bytes.
func Ref(log byte, size ...byte) []byte {
	return append([]byte{log, 0, 0, 0, 0, 0, 0, 7}, size...)
}
