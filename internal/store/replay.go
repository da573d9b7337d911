// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// replay is how a stage takes up a log: start is handed the log's row, and fn
// the events from the row's sealed cursor up to (not including) to, as batches
// with the pages that end in them. Row and events come from one LMDB snapshot,
// so that a trim in the meantime does no harm. start and fn must not use the
// AOF, whose map lock is held. Of a log that is taken up at its first event, as each new
// one is, nothing has to be read.
func (s *Store) replay(l *Log, to uint64, start func(*aof.LogRow) error, fn func(*messages.Batch) error) error {
	if row := l.Row(); to == 0 && row.SealedSize == 0 {
		return start(row)
	}
	return s.aof.View(func(v *aof.View) error {
		row, found, err := v.Log(l.ID)
		if err != nil {
			return err
		}
		if !found {
			return ErrUnknownLog
		}
		if err := start(&row); err != nil {
			return err
		}
		return replayEvents(v, &row, to, fn)
	})
}

func replayEvents(v *aof.View, row *aof.LogRow, to uint64, fn func(*messages.Batch) error) error {
	to = min(to, row.Size)
	if to <= row.SealedSize {
		return nil
	}
	p := newPages(int(row.PageBytes), row.SealedPages, row.SealedSize)
	return v.Events(row.Num, row.SealedSize, to, func(first uint64, count int, records []byte) error {
		b := &messages.Batch{Log: row.ID, First: first, Records: append([]byte(nil), records...)}
		b.Leaves = make([]digest.Hash, 0, count)
		for rest := b.Records; len(rest) > 0; {
			r, n, err := event.DecodeRecord(rest)
			if err != nil {
				return &CorruptError{Where: "aof, log " + row.ID.String(), What: "a record", Err: err}
			}
			b.Leaves = append(b.Leaves, r.LeafHash())
			b.Seals = p.add(b.Seals, n)
			rest = rest[n:]
		}
		return fn(b)
	})
}

// pages follows the deterministic packing of a log's records into pages.
type pages struct {
	packer *segwriter.Packer
	page   uint64 // the open page
	first  uint64 // its first sequence
	next   uint64 // sequence of the next record
}

func newPages(pageBytes int, page, first uint64) *pages {
	return &pages{packer: segwriter.NewPacker(pageBytes), page: page, first: first, next: first}
}

// add packs one record and appends the pages that it seals.
func (p *pages) add(seals []messages.Seal, recordLen int) []messages.Seal {
	sealBefore, group := p.packer.Add(recordLen)
	if sealBefore {
		seals = append(seals, messages.Seal{Page: p.page, Pages: 1, First: p.first, Count: int(p.next - p.first)})
		p.page, p.first = p.page+1, p.next
	}
	p.next++
	if group > 0 {
		seals = append(seals, messages.Seal{Page: p.page, Pages: group, First: p.first, Count: 1})
		p.page, p.first = p.page+uint64(group), p.next
	}
	return seals
}
