// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// maxOpenLogs bounds how many logs a stage core holds in memory. A log that is
// put out is taken up again at its cursor when its next batch comes.
const maxOpenLogs = 512

// maxKeptPages bounds the buffer of full pages that is kept from one batch to
// the next.
const maxKeptPages = 4 << 20

// Forward hands a batch to the next stage. It is called once for each: for the one
// that came, and before it for all that the AOF holds of a log which is taken up.
type Forward func(*messages.Batch)

// A Segmenter is the core of the segment writer: it copies events into the
// open page of their log and writes the pages that become full.
type Segmenter struct {
	s     *Store
	logs  map[digest.Hash]*openPage
	seals []messages.Seal // of the batch in hand
	full  []byte          // its full pages, back to back
}

type openPage struct {
	l *Log
	b *segwriter.Builder

	known end // a root that a peer proved, of events packed here; its size may be any
}

// NewSegmenter returns a core without any state.
func (s *Store) NewSegmenter() *Segmenter {
	return &Segmenter{s: s, logs: map[digest.Hash]*openPage{}}
}

// Batch packs b's events, writes the pages they fill, and forwards b with
// them. Events that were packed before are dropped.
func (g *Segmenter) Batch(b *messages.Batch, forward Forward) error {
	if b.Records == nil { // sent twice, and the first one was packed
		return g.Resume(b.Log, forward)
	}
	st, err := g.at(b.Log, b.First, forward)
	if err != nil {
		return err
	}
	records := b.Records
	if err := g.pack(st, b, forward); err != nil {
		delete(g.logs, b.Log) // it holds what is not written
		return err
	}
	if b.Recycle != nil {
		b.Recycle(records)
	}
	return nil
}

// Resume takes up a log after a restart: whatever is committed and was not
// forwarded is packed from the AOF.
func (g *Segmenter) Resume(id digest.Hash, forward Forward) error {
	l, err := g.s.Log(id)
	if err != nil {
		return err
	}
	_, err = g.at(id, l.Row().Size, forward)
	return err
}

// at returns the open page of a log, which stands at or after sequence.
func (g *Segmenter) at(id digest.Hash, sequence uint64, forward Forward) (*openPage, error) {
	if st := g.logs[id]; st != nil && st.b.Next() >= sequence {
		return st, nil
	}
	l, err := g.s.Log(id)
	if err != nil {
		return nil, err
	}
	evict(g.logs)
	st := &openPage{l: l}
	err = g.s.replay(l, sequence, func(row *aof.LogRow) error {
		st.b = segwriter.NewBuilder(l.PageBytes, row.SealedPages, row.SealedSize)
		return nil
	}, func(b *messages.Batch) error { return g.pack(st, b, forward) })
	if err != nil {
		return nil, err
	}
	if st.b.Next() < sequence {
		return nil, fmt.Errorf("%w: log %s: pages end at %d, next is %d", ErrGap, id.Short(), st.b.Next(), sequence)
	}
	g.logs[id] = st
	return st, nil
}

func (g *Segmenter) pack(st *openPage, b *messages.Batch, forward Forward) error {
	if b.End() <= st.b.Next() {
		return nil
	}
	if err := st.follows(b); err != nil {
		return err
	}
	records, err := event.SkipRecords(b.Records, st.b.Next()-b.First)
	if err != nil {
		return err
	}
	g.seals, g.full = nil, slices.Grow(g.full[:0], len(records)+2*st.l.PageBytes)
	from := st.b.PageIndex()
	if err := st.b.AddRun(records, int(b.End()-st.b.Next()), g.sealed); err != nil {
		return err
	}
	if len(g.full) > 0 {
		if err := st.l.files.WritePages(from, g.full); err != nil {
			return err
		}
	}
	if cap(g.full) > maxKeptPages {
		g.full = nil
	}
	b.Seals, b.Records, b.Epoch = g.seals, nil, st.l.epoch.Load()
	st.l.segmented.Store(st.b.Next())
	if b.Remote != nil {
		st.known = end{st.b.Next(), b.Remote.Root}
	}
	forward(b)
	return nil
}

// sealed is called for each full page, and for each page of a group in turn.
func (g *Segmenter) sealed(index uint64, page []byte, span segwriter.Seal) error {
	g.full = append(g.full, page...)
	if index == span.Page {
		g.seals = append(g.seals, messages.Seal{Page: span.Page, Pages: span.Pages, First: span.First, Count: span.Count})
	}
	return nil
}

// Pages writes a peer's pages in place of the open page and what follows it,
// and forwards what they hold. The events are not committed yet.
func (g *Segmenter) Pages(p *messages.Pages, forward Forward) error {
	l, err := g.s.Log(p.Log)
	if err != nil {
		return err
	}
	st, err := g.at(p.Log, l.Row().Size, forward) // they are to fit what is committed
	if err != nil {
		return err
	}
	if p.First() > st.b.First() {
		return fmt.Errorf("%w: log %s: pages from %d, the open page begins at %d", ErrOtherHistory, p.Log.Short(), p.First(), st.b.First())
	}
	if p.End() <= st.b.Next() {
		return nil // all of it came another way
	}
	if p, err = g.fit(st, p); err != nil {
		return err
	}
	if err := l.files.WritePages(p.Seals[0].Page, p.Bytes); err != nil {
		return err
	}
	last := p.Seals[len(p.Seals)-1]
	st.b = segwriter.NewBuilder(l.PageBytes, last.Page+uint64(last.Pages), p.End())
	st.known = end{p.End(), p.Proven.Root}
	l.segmented.Store(p.End())
	g.s.catalog.keep(l) // they are under way from here
	forward(&messages.Batch{
		Log: p.Log, First: p.First(), Leaves: p.Leaves, Seals: p.Seals, Trees: p.Trees,
		Remote: &p.Proven, Uncommitted: true, Epoch: l.epoch.Load(),
	})
	return nil
}

// Reset forgets a log. All that was forwarded of it is of an earlier epoch from now
// on: other pages than before may be written, so that none of those is
// sealed any more. A seal that is being committed is waited for.
func (g *Segmenter) Reset(id digest.Hash) {
	delete(g.logs, id)
	if l, err := g.s.cached(id); err == nil {
		l.sealMu.Lock()
		l.epoch.Store(g.s.catalog.epochs.Add(1))
		l.sealMu.Unlock()
		l.segmented.Store(0)
	}
}

// evict makes room for one more log, any log.
func evict[T any](logs map[digest.Hash]T) {
	if len(logs) < maxOpenLogs {
		return
	}
	for id := range logs {
		delete(logs, id)
		return
	}
}
