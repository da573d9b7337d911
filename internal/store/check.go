// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// Check verifies every byte of the store's logs as far as they are published, and
// changes nothing. progress, if not nil, gets the record bytes done and to do.
// The error is ctx's, or a *LookError; what was found before it is in the report.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (findings.Report, error) {
	c := &checker{s: s, ctx: ctx, progress: progress}
	var ids []digest.Hash
	err := s.aof.View(func(v *aof.View) error {
		strange, err := aof.Strange(v)
		for _, r := range strange {
			c.Note(findings.Finding{Kind: findings.FlawAOF, Where: "aof, " + r.Bucket.String(), File: c.s.path(aofName, dataName)}, r.Err)
		}
		return errors.Join(err, v.ForEachLog(func(row aof.LogRow) error {
			ids = append(ids, row.ID)
			c.total += int64(row.SealedPages) * int64(row.PageBytes)
			return nil
		}))
	})
	if err != nil {
		c.aof("aof", err)
	}
	for _, id := range ids {
		if c.stopped() != nil {
			break
		}
		c.log(id)
	}
	if err := c.ranges(); err != nil {
		c.aof("aof, ranges", err)
	}
	c.Report.Own, c.Report.Copy = s.OwnLogs(nil), s.copyOf()
	return c.Report, c.stopped()
}

type checker struct {
	findings.List
	s        *Store
	ctx      context.Context
	progress func(done, total int64)
	total    int64
}

// stopped returns why the check goes no further, if so.
func (c *checker) stopped() error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	return c.Trouble
}

// found takes note of a flaw of one log.
func (c *checker) found(kind findings.Flaw, l *Log, err error) {
	f := findings.Finding{Kind: kind, Where: string(kind) + " of log " + l.ID.String(), Log: l.ID.String()}
	if kind == findings.FlawHead {
		f.File = c.s.path(logsName, l.ID.String(), headName)
	}
	c.Note(f, err)
}

// aof takes note of a flaw of the AOF.
func (c *checker) aof(where string, err error) {
	c.Note(findings.Finding{Kind: findings.FlawAOF, Where: where, File: c.s.path(aofName, dataName)}, err)
}

// log checks one log: against its published state, or against its row if it
// cannot be loaded. Why not is a flaw of its own if nothing else is found.
func (c *checker) log(id digest.Hash) {
	l, opened := c.s.Log(id)
	if opened == nil {
		c.count(l.Kind)
		c.walk(l, l.Whole())
		return
	}
	before := c.Report.Found()
	row, err := c.s.rowOf(id)
	if err == nil {
		c.count(row.Kind)
		if l, err = c.s.bareLog(row); err == nil {
			c.walk(l, stateOf(row))
		}
	}
	if c.Report.Found() == before {
		c.Note(findings.Finding{Kind: findings.FlawLog, Where: "log " + id.String(), Log: id.String()}, opened)
	}
}

func (c *checker) count(kind identity.LogKind) {
	if kind == identity.KindData {
		c.Report.Logs++
	} else {
		c.Report.Rosters++
	}
}

// stateOf is the state of a log that could not be computed, as far as its row
// says: without root and peaks.
func stateOf(row *aof.LogRow) *LogState {
	return &LogState{Size: row.Size, Pages: row.SealedPages, PagesSize: row.SealedSize, head: row.Head(), Right: row.Right}
}

// walk reads all of a log and holds it against what p says.
func (c *checker) walk(l *Log, p *LogState) {
	c.fork(l)
	m := c.pages(l, p)
	if m == nil {
		return // what is wrong was found
	}
	if err := c.tail(l, p, m); err != nil {
		c.found(findings.FlawEvents, l, err)
		return
	}
	if l.Kind == identity.KindData {
		c.Report.Events += p.Size
	}
	if l.Whole() == nil {
		p.Root, p.Peaks = m.Root(), *m
	} else if root := m.Root(); root != p.Root {
		c.found(findings.FlawLog, l, fmt.Errorf("its events give root %s, published is %s", root, p.Root))
	}
	if p.Size > 0 {
		c.head(l, p)
	}
}

// head checks what signs a log. A log of ours that could not be loaded is signed by
// nothing yet but the heads kept of it.
func (c *checker) head(l *Log, p *LogState) {
	if _, err := c.s.signedBefore(l, l.Row()); err != nil {
		c.found(findings.FlawHead, l, err)
		return
	}
	if l.Own && l.Whole() == nil {
		if err := c.s.checkOwn(l, l.Row(), p); err != nil {
			c.found(findings.FlawLog, l, err)
		}
		return
	}
	h, err := l.Head(p)
	if l.Own && err == nil {
		_, err = l.key()
	}
	if err := errors.Join(err, h.Verify(l.AuthorKey()), checkHead(l.ID, p)); err != nil {
		c.found(findings.FlawLog, l, err)
	}
}

func (c *checker) advance(bytes int64) {
	c.Report.Bytes += bytes
	if c.progress != nil {
		c.progress(c.Report.Bytes, max(c.total, c.Report.Bytes))
	}
}

// tail reads what is in the AOF only.
func (c *checker) tail(l *Log, p *LogState, m *mmrindex.Peaks) error {
	return c.s.eachRun(l, p.PagesSize, p.Size, func(run Run) error {
		c.advance(int64(len(run.Records)))
		r := merkleindex.CompactRange{Begin: run.First, End: run.First}
		err := run.Each(func(_ uint64, rec *event.Record) error {
			return r.Append(rec.LeafHash(), nil)
		})
		if err != nil {
			return err
		}
		return errors.Join(m.Merge(r, nil), c.stopped())
	})
}
