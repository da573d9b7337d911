// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// MMRIndexer is the core of the MMR indexer: it merges full pages into the
// mountains, writes the nodes that span pages, and publishes each log's new
// root, signed if the log is ours.
type MMRIndexer struct {
	s    *Store
	logs map[digest.Hash]*secondTier
	buf  []digest.Hash
	news newTrees // of a log that is replayed; they are not written here
}

// A secondTier is what the core knows of one log.
type secondTier struct {
	l       *Log
	base    mmrindex.Peaks // at the end of the last full page
	end     uint64         // of the events merged so far
	pages   uint64         // full pages
	spans   uint64         // tier-2 nodes below base
	waiting []*LogState    // imports that are not committed yet
}

// A Merged is what the core made of a message: how far the files of a log now
// reach, to be synced and sealed, unless its Size is zero, and what the log has come
// to. It may have come to something although the message came to an error.
type Merged struct {
	Sealed  messages.Sealed
	Advance Advance
}

// NewMMRIndexer returns a core without any state.
func (s *Store) NewMMRIndexer() *MMRIndexer {
	return &MMRIndexer{s: s, logs: map[digest.Hash]*secondTier{}}
}

// Batch merges b's ranges; what is published is the root at its end.
func (m *MMRIndexer) Batch(b *messages.Batch) (made Merged, err error) {
	st, err := m.at(b.Log, b.First, &made)
	if err != nil {
		return made, err
	}
	if err = m.merge(st, b, &made); err != nil {
		delete(m.logs, b.Log) // it holds what is not written
	}
	return made, err
}

// Resume takes up a log after a restart: what the tree stage forwarded.
func (m *MMRIndexer) Resume(id digest.Hash) (made Merged, err error) {
	l, err := m.s.Log(id)
	if err != nil {
		return made, err
	}
	st, err := m.at(id, l.treed.Load(), &made)
	if err != nil {
		return made, err
	}
	made.Sealed = messages.Sealed{Log: id, Pages: st.pages, Size: st.base.Size(), Epoch: l.epoch.Load()}
	return made, nil
}

func (m *MMRIndexer) at(id digest.Hash, sequence uint64, made *Merged) (*secondTier, error) {
	if st := m.logs[id]; st != nil && st.end >= sequence {
		return st, nil
	}
	l, err := m.s.Log(id)
	if err != nil {
		return nil, err
	}
	evict(m.logs)
	st := &secondTier{l: l}
	var tree pageTree
	err = m.s.replay(l, sequence, func(row *aof.LogRow) error {
		tree = pageTree{l: l, b: merkleindex.NewBuilder(row.SealedSize)}
		return st.start(m.s, row)
	}, func(b *messages.Batch) error {
		if err := tree.absorb(b, &m.news); err != nil {
			return err
		}
		replayed := Merged{}
		err := m.merge(st, b, &replayed)
		if replayed.Advance != (Advance{}) {
			made.Advance = replayed.Advance
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if st.end < sequence {
		return nil, fmt.Errorf("%w: log %s: mountains end at %d, next is %d", ErrGap, id.Short(), st.end, sequence)
	}
	m.logs[id] = st
	return st, nil
}

func (st *secondTier) start(s *Store, row *aof.LogRow) (err error) {
	st.pages, st.end = row.SealedPages, row.SealedSize
	if st.base, err = s.sealedMountains(st.l, row.SealedPages, row.SealedSize); err != nil {
		return err
	}
	st.spans, err = st.l.spansBefore(row.SealedPages, row.SealedSize)
	return err
}

// full merges the pages that end in b and writes the nodes which that
// completes, all at once.
func (m *MMRIndexer) full(st *secondTier, b *messages.Batch) (sealed messages.Sealed, err error) {
	m.buf = m.buf[:0]
	for i, seal := range b.Seals {
		r := b.Ranges[i]
		if r.End <= st.base.Size() {
			continue
		}
		if r.Begin != st.base.Size() {
			return sealed, fmt.Errorf("%w: log %s: range from %d, mountains end at %d", ErrGap, b.Log.Short(), r.Begin, st.base.Size())
		}
		if err := st.base.Merge(r, func(_ uint, _ uint64, h digest.Hash) { m.buf = append(m.buf, h) }); err != nil {
			return sealed, err
		}
		st.pages = seal.Page + uint64(seal.Pages)
		sealed = messages.Sealed{Log: b.Log, Pages: st.pages, Size: st.base.Size(), Epoch: b.Epoch}
	}
	if err := st.l.files.WriteSpans(st.spans, m.buf); err != nil {
		return messages.Sealed{}, err
	}
	st.spans += uint64(len(m.buf))
	return sealed, nil
}

func (m *MMRIndexer) merge(st *secondTier, b *messages.Batch, made *Merged) (err error) {
	if err := st.replaces(b); err != nil {
		return err
	}
	last := len(b.Ranges) - 1
	if made.Sealed, err = m.full(st, b); err != nil {
		return err
	}
	if b.Uncommitted {
		made.Sealed.Remote = b.Remote
	}
	st.end = max(st.end, b.End())
	open := b.Ranges[last]
	if open.Begin != st.base.Size() {
		return nil // of a page that is full by now
	}
	now := st.base.Clone()
	if err := now.Merge(open, nil); err != nil {
		return err
	}
	made.Advance, err = m.publish(st, now, b)
	return err
}

// publish returns the state at the end of b, or keeps it until b's events are
// committed.
func (m *MMRIndexer) publish(st *secondTier, now mmrindex.Peaks, b *messages.Batch) (a Advance, err error) {
	p := &LogState{Size: now.Size(), Root: now.Root(), Peaks: now, Pages: st.pages, PagesSize: st.base.Size()}
	switch row := st.l.Row(); {
	case st.l.Own:
	case b.Remote != nil:
		p.head, p.Right = b.Remote.Head, b.Remote.Right
	case row.Size == p.Size: // replayed, up to what is committed
		p.head, p.Right = row.Head(), row.Right
	default: // replayed, and what follows comes with its own head
		return a, nil
	}
	if err := checkHead(st.l.ID, p); err != nil && !st.l.Own && b.Remote != nil {
		return a, fmt.Errorf("%w: %w", ErrGap, err) // of another history than what is before
	}
	if b.Uncommitted {
		st.waiting = append(st.waiting, p)
		return a, nil
	}
	return Advance{st.l, p}, nil
}

// Durable returns what a log has come to by imports that are committed by now.
func (m *MMRIndexer) Durable(d *messages.Durable) (a Advance, err error) {
	st := m.logs[d.Log]
	if st == nil {
		return m.s.stored(d.Log) // forgotten meanwhile: compute it from the row
	}
	size := st.l.Whole().Size
	for len(st.waiting) > 0 && st.waiting[0].Size <= d.Size {
		a, size = Advance{st.l, st.waiting[0]}, st.waiting[0].Size
		st.waiting = st.waiting[1:]
	}
	if size < d.Size { // merged by an instance that is gone
		return m.s.stored(d.Log)
	}
	return a, nil
}

// Reset forgets a log.
func (m *MMRIndexer) Reset(id digest.Hash) { delete(m.logs, id) }
