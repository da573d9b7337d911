// SPDX-License-Identifier: MPL-2.0

// Package memlog is a log in memory: what stands in for a stored one where a test needs
// events, their tree, their pages and proofs, and no disk.
//
// Rule: it knows records, trees and pages, but no protocol, and only tests import it. A stand-in
// for a store keeps Logs; one that lies changes what a Log says.
package memlog

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Log is records and a head over them, which may be of more than there are. Records and
// Leaves are read by tests, and changed by Add and Cut only.
type Log struct {
	ID        digest.Hash
	PageBytes int
	Key       ed25519.PrivateKey // of the author; nil if somebody else has it
	Records   [][]byte
	Leaves    []digest.Hash
	Head      proof.Head
	Right     []digest.Hash // compact range [Size, Head.Size)

	peaks []mmrindex.Peaks // at each size, from 1 on
	roots []digest.Hash    // as peaks

	builder *segwriter.Builder // nil if pages are to be made anew
	packed  int                // records that it was given
	pages   [][]byte
	seals   []segwriter.Seal
}

// Size returns how many records there are.
func (l *Log) Size() uint64 { return uint64(len(l.Leaves)) }

// Add puts a record behind the others, which may be any that decodes. The head stays.
func (l *Log) Add(record []byte) error {
	r, n, err := event.DecodeRecord(record)
	if err != nil || n != len(record) {
		return fmt.Errorf("not one record: %d of %d bytes, %w", n, len(record), err)
	}
	leaf := r.LeafHash()
	m, err := l.Peaks(l.Size()).With([]digest.Hash{leaf})
	if err != nil {
		return err
	}
	l.Records, l.Leaves = append(l.Records, record), append(l.Leaves, leaf)
	l.peaks, l.roots = append(l.peaks, m), append(l.roots, m.Root())
	return nil
}

// Take adds those of count records from a sequence on that are not here yet, up to a size, and
// returns how many these were. The records are copied.
func (l *Log) Take(first uint64, count int, records []byte, most uint64) (added int, err error) {
	if first > l.Size() {
		return 0, fmt.Errorf("events from %d behind %d", first, l.Size())
	}
	for seq := first; seq < min(first+uint64(count), most); seq++ {
		n, err := event.RecordLen(records)
		if err != nil {
			return added, err
		}
		if seq == l.Size() {
			if err := l.Add(slices.Clone(records[:n])); err != nil {
				return added, err
			}
			added++
		}
		records = records[n:]
	}
	return added, nil
}

// Cut drops the records from a size on. The head stays.
func (l *Log) Cut(size uint64) error {
	right, err := l.RightOf(size)
	l.Records, l.Leaves, l.peaks, l.roots = l.Records[:size], l.Leaves[:size], l.peaks[:size], l.roots[:size]
	l.Right, l.builder = right, nil
	return err
}

// Clone returns the log as it is now. What is in a log never changes, so both share it.
func (l *Log) Clone() Log {
	c := *l
	c.builder = nil
	c.Records, c.Leaves = slices.Clip(c.Records), slices.Clip(c.Leaves)
	c.peaks, c.roots = slices.Clip(c.peaks), slices.Clip(c.roots)
	return c
}

// Peaks returns the peaks at a size.
func (l *Log) Peaks(size uint64) mmrindex.Peaks {
	if size == 0 {
		return mmrindex.Peaks{}
	}
	return l.peaks[size-1].Clone()
}

// Root returns the root at a size.
func (l *Log) Root(size uint64) digest.Hash {
	if size == 0 {
		return digest.Empty
	}
	return l.roots[size-1]
}

// Time returns the time of the last record, or 0.
func (l *Log) Time() int64 {
	if l.Size() == 0 {
		return 0
	}
	return event.TimeOf(l.Records[l.Size()-1])
}

// SignAll puts all there is under a new head.
func (l *Log) SignAll() { l.Head, l.Right = l.Sign(l.Size(), l.Root(l.Size())), nil }

// Sign signs any size with any root, as the author.
func (l *Log) Sign(size uint64, root digest.Hash) proof.Head {
	return proof.Sign(l.Key, l.ID, size, root)
}

// Proven checks that what is here is under the head. The signature is not looked at.
func (l *Log) Proven() error {
	m := l.Peaks(l.Size())
	if err := m.Merge(merkleindex.CompactRange{Begin: l.Size(), End: l.Head.Size, Hashes: l.Right}, nil); err != nil {
		return err
	}
	if m.Root() != l.Head.Root {
		return fmt.Errorf("log %s: %d events are stored, and not under their head of %d", l.ID.Short(), l.Size(), l.Head.Size)
	}
	return nil
}
