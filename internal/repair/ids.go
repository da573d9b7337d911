// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// putIDs makes the rows of event ids again: of the events of the logs that this
// store writes, or wrote as a device that it was. Without them an append that is
// repeated would be stored twice.
func (s *rows) putIDs() error {
	if s.rebuilt == "" && !s.r.behind && !s.dropped[&layout.IDs.Kind] {
		return nil
	}
	p := &idPutter{aof: s.aof, secret: layout.IDSecret(s.r.device.Seed)}
	for id, row := range s.logs {
		ours, err := s.wrote(&row)
		if err == nil && ours {
			err = p.log(&row, segwriter.OpenRaw(s.r.wire, s.r.dir, segwriter.ParamsOf(row.Name(), s.r.format.SegmentPages)))
		}
		if err != nil {
			return fmt.Errorf("event ids of log %s: %w", id, err)
		}
	}
	if p.made > 0 {
		s.r.done(digest.Hash{}, "the ids of %d events are known again: to append one of them once more changes nothing", p.made)
	}
	return nil
}

// wrote reports whether the events of a log were appended by this store.
func (s *rows) wrote(row *aof.LogRow) (ours bool, err error) {
	if row.Own {
		return true, nil
	}
	err = s.aof.View(func(v *aof.View) error {
		_, ours, err = aof.Row(v, layout.Formers, layout.FormerKey{Topic: row.Topic, Author: row.Author})
		return err
	})
	return ours, err
}

// maxIDRows is about how many rows of event ids are written at a time.
const maxIDRows = 4096

// An idPutter writes rows of event ids.
type idPutter struct {
	aof    *aof.Store
	secret []byte
	rows   []idRow
	made   int
}

type idRow struct {
	key messages.IDKey
	at  layout.Written
}

// log makes the rows of the events of a log whose records are here.
func (p *idPutter) log(row *aof.LogRow, raw *segwriter.Raw) error {
	add := func(first uint64, _ int, records []byte) error { return p.add(row, first, records) }
	for page := uint64(0); page < row.SealedPages; {
		n, err := eachRecords(raw, page, row.SealedPages, add)
		if err == nil && len(p.rows) >= maxIDRows {
			err = p.flush()
		}
		if err != nil {
			return err
		}
		page += uint64(n)
	}
	err := p.aof.View(func(v *aof.View) error { return v.Events(row.Num, row.SealedSize, row.Size, add) })
	if err != nil {
		return err
	}
	return p.flush()
}

func (p *idPutter) add(row *aof.LogRow, seq uint64, records []byte) error {
	for ; len(records) > 0; seq++ {
		rec, n, err := event.DecodeRecord(records)
		if err != nil {
			return err
		}
		if id := rec.ID(); id != (event.ID{}) {
			p.rows = append(p.rows, idRow{layout.IDKey(p.secret, row.Topic, id), layout.Written{Log: row.ID, Seq: seq, Time: rec.Time}})
		}
		records = records[n:]
	}
	return nil
}

func (p *idPutter) flush() error {
	rows := p.rows
	p.rows, p.made = nil, p.made+len(rows)
	return p.aof.Commit(func(t *aof.Txn) error {
		for _, r := range rows {
			if err := aof.PutRow(t, layout.IDs, r.key, r.at); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachRecords calls fn with the records of a page, or group, that were not erased
// with their headers, and returns how many pages it is.
func eachRecords(raw *segwriter.Raw, page, pages uint64, fn func(first uint64, count int, records []byte) error) (int, error) {
	h, b, err := raw.Page(page)
	if err != nil {
		return 0, err
	}
	if h.Kind == segwriter.KindErased {
		return h.Span, h.EachItem(b, func(it segwriter.Item) error { return fn(it.First, it.Count, it.Records) })
	}
	records, h, err := spanOf(raw, page, pages)
	if err != nil {
		return 0, err
	}
	return h.Span, fn(h.First, h.Count, records)
}
