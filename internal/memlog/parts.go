// SPDX-License-Identifier: MPL-2.0

package memlog

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Range returns the compact range [from, to).
func (l *Log) Range(from, to uint64) merkleindex.CompactRange {
	r, err := merkleindex.RangeOf(from, l.Leaves[from:to])
	if err != nil {
		panic(err) // no memory holds as many leaves
	}
	return r
}

// Compact returns the hashes of the compact range [from, to).
func (l *Log) Compact(from, to uint64) []digest.Hash { return l.Range(from, to).Hashes }

// RightOf returns the compact range from a sequence to the head's size. It is an error if the
// head is of fewer records than there are.
func (l *Log) RightOf(from uint64) ([]digest.Hash, error) {
	r := l.Range(from, l.Size())
	err := r.Merge(merkleindex.CompactRange{Begin: r.End, End: l.Head.Size, Hashes: l.Right}, nil)
	return r.Hashes, err
}

// Chunk returns the records from a sequence on: at most maxBytes, but one at least.
func (l *Log) Chunk(from uint64, maxBytes int) (records []byte, count int) {
	if from < l.Size() {
		records = make([]byte, 0, min(maxBytes, len(l.Records[from])*int(l.Size()-from)))
	}
	for _, r := range l.Records[from:] {
		if count > 0 && len(records)+len(r) > maxBytes {
			break
		}
		records, count = append(records, r...), count+1
	}
	return records, count
}

// pack cuts the records into pages, as far as they fill them.
func (l *Log) pack() {
	if l.builder == nil {
		l.builder, l.packed, l.pages, l.seals = segwriter.NewBuilder(l.PageBytes, 0, 0), 0, nil, nil
	}
	for _, r := range l.Records[l.packed:] {
		err := l.builder.Add(r, func(index uint64, page []byte, s segwriter.Seal) error {
			if l.pages = append(l.pages, slices.Clone(page)); index == s.Page {
				l.seals = append(l.seals, s)
			}
			return nil
		})
		if err != nil {
			panic(err) // whatever decodes can be packed
		}
		l.packed++
	}
}

// Pages returns the full pages.
func (l *Log) Pages() [][]byte {
	l.pack()
	return l.pages
}

// Seals returns which events are in which of them.
func (l *Log) Seals() []segwriter.Seal {
	l.pack()
	return l.seals
}

// Sealed returns how many events are in full pages.
func (l *Log) Sealed() uint64 {
	if n := len(l.Seals()); n > 0 {
		return l.seals[n-1].First + uint64(l.seals[n-1].Count)
	}
	return 0
}

// A Run is consecutive full pages, of the events [First, End).
type Run struct {
	Pages      [][]byte
	First, End uint64
}

// Run returns the pages from one on: at most count, but a whole group at least.
func (l *Log) Run(from, count uint64) (r Run, err error) {
	first := slices.IndexFunc(l.Seals(), func(s segwriter.Seal) bool { return s.Page >= from })
	if first < 0 {
		return r, fmt.Errorf("log %s has no page %d", l.ID.Short(), from)
	}
	r.First = l.seals[first].First
	for _, s := range l.seals[first:] {
		if n := uint64(len(r.Pages)); n > 0 && n+uint64(s.Pages) > count {
			break
		}
		r.Pages, r.End = append(r.Pages, l.pages[s.Page:s.Page+uint64(s.Pages)]...), s.First+uint64(s.Count)
	}
	return r, nil
}
