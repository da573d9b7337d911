// SPDX-License-Identifier: MPL-2.0

package simulation

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
	"github.com/xaeroflux/xaeroflux/syncer"
)

// pageBytes is the smallest page size, so that 64 pages are few events.
const pageBytes = segwriter.MinPageBytes

// A log is one log of a model store. The part behind a size never changes, so
// copies of a log share it.
type log struct {
	info    syncer.LogInfo // what never changes
	key     ed25519.PrivateKey
	records [][]byte
	leaves  []digest.Hash
	peaks   []mmrindex.Peaks // at each size, from 1 on
	roots   []digest.Hash    // as peaks
	summed  uint64           // as which size it is in its store's digest
	head    proof.Head
	right   []digest.Hash // compact range [size, head.Size)
	why     event.Reason  // that the log is closed for; 0 if it is not

	builder *segwriter.Builder // nil if pages are to be made anew
	packed  int                // records that it was given
	pages   [][]byte
	spans   []segwriter.Seal
}

func (l *log) size() uint64 { return uint64(len(l.leaves)) }

// add puts a record behind the others.
func (l *log) add(record []byte) error {
	r, n, err := event.DecodeRecord(record)
	if err != nil || n != len(record) {
		return fmt.Errorf("not one record: %d of %d bytes, %w", n, len(record), err)
	}
	leaf := r.LeafHash()
	m := l.at(l.size()).Clone()
	one := merkleindex.CompactRange{Begin: l.size(), End: l.size()}
	if err := one.Append(leaf, nil); err != nil {
		return err
	}
	if err := m.Merge(one, nil); err != nil {
		return err
	}
	l.records, l.leaves = append(l.records, record), append(l.leaves, leaf)
	l.peaks, l.roots = append(l.peaks, m), append(l.roots, m.Root())
	return nil
}

// at returns the mountains at a size.
func (l *log) at(size uint64) mmrindex.Peaks {
	if size == 0 {
		return mmrindex.Peaks{}
	}
	return l.peaks[size-1]
}

// time is that of the last record, or 0.
func (l *log) time() int64 {
	if l.size() == 0 {
		return 0
	}
	return event.TimeOf(l.records[l.size()-1])
}

// cut drops what is from a size on; right is what was right of it.
func (l *log) cut(size uint64, right []digest.Hash) {
	l.records, l.leaves, l.peaks, l.roots, l.right, l.builder = l.records[:size], l.leaves[:size], l.peaks[:size], l.roots[:size], right, nil
}

func (l *log) root() digest.Hash {
	if l.size() == 0 {
		return digest.Empty
	}
	return l.roots[l.size()-1]
}

func (l *log) sign() {
	l.head, l.right = proof.Sign(l.key, l.info.Log, l.size(), l.root()), nil
}

// rightOf is the compact range from a sequence to the head's size.
func (l *log) rightOf(from uint64) ([]digest.Hash, error) {
	r := merkleindex.CompactRange{Begin: from, End: from}
	for _, leaf := range l.leaves[from:] {
		if err := r.Append(leaf, nil); err != nil {
			return nil, err
		}
	}
	err := r.Merge(merkleindex.CompactRange{Begin: r.End, End: l.head.Size, Hashes: l.right}, nil)
	return r.Hashes, err
}

// pack cuts the records into pages.
func (l *log) pack() error {
	if l.builder == nil {
		l.builder, l.packed, l.pages, l.spans = segwriter.NewBuilder(pageBytes, 0, 0), 0, nil, nil
	}
	for _, r := range l.records[l.packed:] {
		err := l.builder.Add(r, func(index uint64, page []byte, s segwriter.Seal) error {
			if l.pages = append(l.pages, slices.Clone(page)); index == s.Page {
				l.spans = append(l.spans, s)
			}
			return nil
		})
		if err != nil {
			return err
		}
		l.packed++
	}
	return nil
}

// state is what a store publishes of the log.
func (l *log) state() (syncer.LogInfo, error) {
	err := l.pack()
	i := l.info
	i.Size, i.Root, i.Pages, i.Head, i.Right = l.size(), l.root(), uint64(len(l.pages)), l.head, l.right
	if n := len(l.spans); n > 0 {
		i.SealedSize = l.spans[n-1].First + uint64(l.spans[n-1].Count)
	}
	return i, err
}

// proven checks that what is stored is under the head; who brought it checked
// the signature.
func (l *log) proven() error {
	m := l.at(l.size()).Clone()
	if err := m.Merge(merkleindex.CompactRange{Begin: m.Size(), End: l.head.Size, Hashes: l.right}, nil); err != nil {
		return err
	}
	if m.Root() != l.head.Root {
		return fmt.Errorf("log %s: %d events are stored, and not under their head of %d", l.info.Log.Short(), l.size(), l.head.Size)
	}
	return nil
}

// copied returns the log as it is now; it shares what does not change.
func (l *log) copied() *log {
	c := *l
	c.builder, c.summed = nil, 0
	c.records, c.leaves = slices.Clip(c.records), slices.Clip(c.leaves)
	c.peaks, c.roots = slices.Clip(c.peaks), slices.Clip(c.roots)
	return &c
}
