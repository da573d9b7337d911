// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A CheckReport is what a check looked at and what it found wrong.
type CheckReport struct {
	Logs     int       `json:"logs"`
	Events   uint64    `json:"events"`
	Pages    uint64    `json:"pages"`
	Bytes    int64     `json:"bytes"` // of events, as records
	Findings []Finding `json:"findings"`
}

// A Finding is one flaw.
type Finding struct {
	Where string `json:"where"` // file, page, log
	What  string `json:"what"`  // what disagrees
	Do    string `json:"do"`    // the next step
}

const (
	doDerived = "delete the file; it is rebuilt when the store is opened"
	doPages   = "put back a copy of the file, or fetch the log again from a peer into a new store"
	doAOF     = "put back a copy of the store; what peers hold can be fetched from them"
)

// Check verifies every byte of the store's logs as far as they are published.
// progress, where not nil, is told the record bytes done and to do.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	c := &checker{s: s, ctx: ctx, progress: progress}
	var ids []digest.Hash
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			ids = append(ids, row.ID)
			c.total += int64(row.SealedPages) * int64(row.PageBytes)
			return nil
		})
	})
	if err != nil {
		c.found("aof", err, doAOF)
	}
	for _, id := range ids {
		if err := c.log(id); err != nil {
			return c.report, err
		}
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

func (c *checker) found(where string, err error, do string) {
	c.report.Findings = append(c.report.Findings, Finding{Where: where, What: err.Error(), Do: do})
}

// log checks one log. Its error is for the end of the check's context only.
func (c *checker) log(id digest.Hash) error {
	c.report.Logs++
	where := "log " + id.String()
	l, err := c.s.Log(id)
	if err != nil {
		c.found(where, err, doPages)
		return nil
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
		c.found(where, err, doAOF)
		return c.ctx.Err()
	}
	c.report.Events += p.Size
	if root := m.Root(); root != p.Root {
		c.found(where, fmt.Errorf("its events give root %s, published is %s", root, p.Root), doPages)
	}
	if p.Size > 0 {
		if err := p.Head.Verify(l.AuthorKey()); err != nil {
			c.found(where, err, doAOF)
		}
		if err := checkHead(l.ID, p); err != nil {
			c.found(where, err, doPages)
		}
	}
	return nil
}

// pages computes trees and mountains of the full pages again and compares.
// nil mountains say that the pages could not be read to their end.
func (c *checker) pages(l *Log, p *Published) (*mmrindex.Mountains, error) {
	var m mmrindex.Mountains
	var spans uint64
	b := merkleindex.NewBuilder(0)
	err := c.s.eachPage(l, p.Pages, func(seal messages.Seal, leaves []digest.Hash) error {
		b.Reset(seal.First)
		b.AppendAll(leaves)
		if err := l.compareTree(seal, b); err != nil {
			c.found("tree of log "+l.ID.String(), err, doDerived)
		}
		err := m.Merge(b.Range(), func(level uint, index uint64, h digest.Hash) {
			if have, err := l.files.SpanNode(spans); err != nil {
				c.found("mountains of log "+l.ID.String(), err, doDerived)
			} else if have != h {
				c.found("mountains of log "+l.ID.String(), fmt.Errorf("node %d of level %d: %s, want %s", index, level, have.Short(), h.Short()), doDerived)
			}
			spans++
		})
		c.report.Pages += uint64(seal.Pages)
		c.advance(int64(seal.Pages) * int64(l.PageBytes))
		return errors.Join(err, c.ctx.Err())
	})
	if c.ctx.Err() != nil {
		return nil, c.ctx.Err()
	}
	if err != nil {
		c.found("pages of log "+l.ID.String(), err, doPages)
		return nil, nil
	}
	return &m, nil
}

func (c *checker) advance(bytes int64) {
	c.report.Bytes += bytes
	if c.progress != nil {
		c.progress(c.report.Bytes, max(c.total, c.report.Bytes))
	}
}

func (l *Log) compareTree(seal messages.Seal, b *merkleindex.Builder) error {
	entry, err := l.files.TreeEntry(seal.Page)
	if err != nil {
		return err
	}
	if entry.First != seal.First || entry.Count != seal.Count {
		return fmt.Errorf("page %d: entry of events %d+%d, want %d+%d", seal.Page, entry.First, entry.Count, seal.First, seal.Count)
	}
	stored, err := l.files.TreeNodes(seal.Page)
	if err != nil {
		return err
	}
	want := b.Nodes(nil)
	if len(stored) != len(want) {
		return fmt.Errorf("page %d: %d nodes, want %d", seal.Page, len(stored), len(want))
	}
	for i := range want {
		if stored[i] != want[i] {
			return fmt.Errorf("page %d node %d: %s, want %s", seal.Page, i, stored[i].Short(), want[i].Short())
		}
	}
	return nil
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

// CheckDir checks a store that is not open. Where opening it fails, that is
// the first finding, and each segment file is verified on its own.
func CheckDir(ctx context.Context, dir string, progress func(done, total int64)) (CheckReport, error) {
	s, err := Open(dir, Options{})
	if err == nil {
		report, err := s.Check(ctx, progress)
		return report, errors.Join(err, s.Close())
	}
	if errors.Is(err, ErrNoStore) || errors.Is(err, durable.ErrLocked) || errors.Is(err, os.ErrPermission) {
		return CheckReport{}, err
	}
	report := CheckReport{Findings: []Finding{{Where: dir, What: err.Error(), Do: doAOF}}}
	err = checkSegments(ctx, dir, &report)
	return report, err
}

func checkSegments(ctx context.Context, dir string, report *CheckReport) error {
	files, err := filepath.Glob(filepath.Join(dir, logsName, "*", "*.seg"))
	if err != nil {
		return err
	}
	for _, seg := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		tree := strings.TrimSuffix(seg, ".seg") + ".tree"
		if _, err := os.Stat(tree); errors.Is(err, os.ErrNotExist) {
			tree = "" // derived: it is rebuilt when the store opens again
		}
		r, err := segwriter.CheckSegment(seg, tree)
		if err != nil {
			report.Findings = append(report.Findings, Finding{Where: seg, What: err.Error(), Do: doPages})
		}
		report.Pages += uint64(r.Pages)
		report.Events += r.Events
	}
	return nil
}
