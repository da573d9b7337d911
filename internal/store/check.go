// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// A CheckReport is what a check looked at and what it found wrong.
type CheckReport struct {
	Logs     int       `json:"logs"`    // of events; a topic's roster is none of them
	Rosters  int       `json:"rosters"` // that were looked at like logs
	Events   uint64    `json:"events"`
	Pages    uint64    `json:"pages"`
	Bytes    int64     `json:"bytes"`    // of events, as records
	Findings []Finding `json:"findings"` // at most MaxFindings
	More     int       `json:"more"`     // further ones that were counted only
	// Copy is why the store is taken for a copy, if it is: what differs of the
	// place that it is in. The next program that opens it makes it a new device.
	Copy string `json:"copy,omitempty"`
}

// Check verifies every byte of the store's logs as far as they are published.
// progress, where not nil, is told the record bytes done and to do.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	c := &checker{s: s, ctx: ctx, progress: progress}
	var ids []digest.Hash
	err := s.aof.View(func(v *aof.View) error {
		strange, err := strangeRows(v)
		for _, r := range strange {
			c.report.add(Finding{Kind: FlawAOF, Where: "aof, " + r.bucket.String(), File: c.s.path(aofName, dataName)}.of(r.err))
		}
		return errors.Join(err, v.ForEachLog(func(row aof.LogRow) error {
			ids = append(ids, row.ID)
			c.total += int64(row.SealedPages) * int64(row.PageBytes)
			return nil
		}))
	})
	if err != nil {
		c.report.add(Finding{Kind: FlawAOF, Where: "aof", File: c.s.path(aofName, dataName)}.of(err))
	}
	for _, id := range ids {
		if err := c.log(id); err != nil {
			return c.report, err
		}
	}
	if err := c.ranges(); err != nil && ctx.Err() == nil {
		c.report.add(Finding{Kind: FlawAOF, Where: "aof, ranges", File: c.s.path(aofName, dataName)}.of(err))
	}
	return c.report, ctx.Err()
}

type checker struct {
	s        *Store
	ctx      context.Context
	progress func(done, total int64)
	total    int64
	report   CheckReport
}

// found takes note of a flaw of one log.
func (c *checker) found(kind Flaw, l *Log, err error) {
	f := Finding{Kind: kind, Where: string(kind) + " of log " + l.ID.String(), Log: l.ID.String()}
	if kind == FlawHead {
		f.File = c.s.path(logsName, l.ID.String(), headName)
	}
	c.report.add(f.of(err))
}

// log checks one log. Its error is for the end of the check's context only.
func (c *checker) log(id digest.Hash) error {
	l, err := c.s.Log(id)
	if err != nil {
		c.report.Logs++
		c.report.add(Finding{Kind: FlawLog, Where: "log " + id.String(), Log: id.String()}.of(err))
		return nil
	}
	if l.Kind == identity.KindData {
		c.report.Logs++
	} else {
		c.report.Rosters++
	}
	p := l.State()
	c.fork(l)
	m, err := c.pages(l, p)
	if err != nil {
		return err
	}
	if m == nil {
		return nil // what is wrong was found
	}
	if err := c.tail(l, p, m); err != nil {
		if c.ctx.Err() == nil {
			c.found(FlawEvents, l, err)
		}
		return c.ctx.Err()
	}
	if l.Kind == identity.KindData {
		c.report.Events += p.Size
	}
	if root := m.Root(); root != p.Root {
		c.found(FlawLog, l, fmt.Errorf("its events give root %s, published is %s", root, p.Root))
	}
	if p.Size > 0 {
		c.head(l, p)
	}
	return nil
}

// head checks what signs a log.
func (c *checker) head(l *Log, p *Published) {
	if err := p.Head.Verify(l.AuthorKey()); err != nil {
		c.found(FlawLog, l, err)
	}
	if err := checkHead(l.ID, p); err != nil {
		c.found(FlawLog, l, err)
	}
	if _, err := l.signedBefore(); err != nil {
		c.found(FlawHead, l, err)
	}
}

func (c *checker) advance(bytes int64) {
	c.report.Bytes += bytes
	if c.progress != nil {
		c.progress(c.report.Bytes, max(c.total, c.report.Bytes))
	}
}

// tail reads what is in the AOF only.
func (c *checker) tail(l *Log, p *Published, m *mmrindex.Mountains) error {
	return c.s.eachRun(l, p.PagesSize, p.Size, func(run Run) error {
		c.advance(int64(len(run.Records)))
		r := merkleindex.Range{Begin: run.First, End: run.First}
		err := run.Each(func(_ uint64, rec *event.Record) error {
			return r.Append(rec.LeafHash(), nil)
		})
		if err != nil {
			return err
		}
		return errors.Join(m.Merge(r, nil), c.ctx.Err())
	})
}
