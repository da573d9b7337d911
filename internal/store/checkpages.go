// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A pageWalk goes through the full pages of a log, past those that cannot be
// read, and computes trees and mountains again.
type pageWalk struct {
	c     *checker
	l     *Log
	page  uint64
	next  uint64 // sequence that page begins with, unless lost
	lost  bool   // the page before cannot be read
	gap   bool   // some page before cannot be read: the mountains are unknown
	m     mmrindex.Peaks
	spans uint64
	b     *merkleindex.Builder
}

// pages checks the full pages. nil mountains say that some cannot be read, or that
// the check was stopped.
func (c *checker) pages(l *Log, p *LogState) *mmrindex.Peaks {
	w := &pageWalk{c: c, l: l, b: merkleindex.NewBuilder(0)}
	for w.page < p.Pages && c.stopped() == nil {
		if err := w.step(); err != nil {
			w.damaged(err)
		}
	}
	if w.gap || c.stopped() != nil {
		return nil
	}
	return &w.m
}

// damaged takes note of a page that cannot be read, or of a file, and passes
// over it.
func (w *pageWalk) damaged(err error) {
	w.c.found(findings.FlawPages, w.l, &findings.PageDamage{Page: w.page, Err: err})
	n := uint64(1)
	if file := corrupt.InFile(err); file != nil && file.Page < 0 {
		size := uint64(w.l.files.SegmentPages())
		n = size - w.page%size
	}
	w.page, w.lost, w.gap = w.page+n, true, true
	w.c.advance(int64(n) * int64(w.l.PageBytes))
}

func (w *pageWalk) step() error {
	ref, err := w.l.files.Page(w.page)
	if err != nil {
		return err
	}
	h := ref.Header
	ref.Release()
	if w.lost && h.Kind == segwriter.KindContinuation {
		w.page++ // of an event that began in a page that cannot be read
		return nil
	}
	if !w.lost && h.First != w.next {
		return fmt.Errorf("page %d begins with event %d, want %d", w.page, h.First, w.next)
	}
	seal, tree, err := w.c.s.readSpan(w.l, w.page, h.First, w.b)
	if err != nil {
		return err
	}
	if err := w.l.compareTree(seal, tree); err != nil {
		w.c.found(findings.FlawTree, w.l, &findings.PageDamage{Page: w.page, Err: err})
	}
	if !w.gap {
		if err := w.merge(tree.Range()); err != nil {
			return err
		}
	}
	w.page, w.next, w.lost = w.page+uint64(seal.Pages), seal.End(), false
	w.c.Report.Pages += uint64(seal.Pages)
	w.c.advance(int64(seal.Pages) * int64(w.l.PageBytes))
	return nil
}

// merge adds the page to the mountains and compares the nodes it completes.
func (w *pageWalk) merge(r merkleindex.CompactRange) error {
	return w.m.Merge(r, func(level uint, index uint64, h digest.Hash) {
		have, err := w.l.files.SpanNode(w.spans)
		if err == nil && have != h {
			err = fmt.Errorf("node %d of level %d: %s, want %s", index, level, have.Short(), h.Short())
		}
		if err != nil {
			w.c.found(findings.FlawMountains, w.l, &findings.PageDamage{Page: w.page, Err: err})
		}
		w.spans++
	})
}

func (l *Log) compareTree(seal messages.Seal, b fullTree) error {
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
