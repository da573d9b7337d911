// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"os"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// prepareFiles brings the files of a log to what was decided when the store was
// opened, and rebuilds trees and mountains that are missing from the pages, byte
// for byte as they were. Of a log that is first asked for later, the files hold
// what is sealed and nothing else that matters.
func (s *Store) prepareFiles(l *Log, row *aof.LogRow) error {
	found, keep := s.opening.take(l.ID)
	if found == nil && row.SealedPages == 0 {
		return nil
	}
	if found == nil {
		found = &segwriter.Found{Sealed: row.SealedPages}
	}
	if err := l.files.Recover(found, max(keep, row.SealedPages)); err != nil || row.SealedPages == 0 {
		return err
	}
	trees, err := l.files.TreesPresent(row.SealedPages)
	if err != nil {
		return err
	}
	if trees < row.SealedPages {
		return s.rebuild(l, row)
	}
	want, err := l.spansBefore(row.SealedPages, row.SealedSize)
	if err != nil {
		return err
	}
	if have, err := l.files.SpanNodes(); err != nil || have < want {
		return s.rebuild(l, row)
	}
	return nil
}

// rebuild writes all trees and mountains of a log's full pages again.
func (s *Store) rebuild(l *Log, row *aof.LogRow) error {
	var m mmrindex.Peaks
	var spans uint64
	var buf, created []digest.Hash
	var trees []segwriter.Tree
	err := s.eachPage(l, row.SealedPages, func(seal messages.Seal, b fullTree) error {
		news := newTrees{nodes: b.Nodes(buf[:0]), trees: trees[:0]}
		news.add(seal, news.nodes)
		buf, trees = news.nodes, news.trees
		if err := l.files.WriteTrees(seal.Page, trees); err != nil {
			return err
		}
		created = created[:0]
		if err := m.Merge(b.Range(), func(_ uint, _ uint64, h digest.Hash) { created = append(created, h) }); err != nil {
			return err
		}
		err := l.files.WriteSpans(spans, created)
		spans += uint64(len(created))
		return err
	})
	if err != nil {
		return err
	}
	if err := l.holds(m.Size(), row.SealedPages, row.SealedSize); err != nil {
		return err
	}
	return l.sync()
}

// mountainsOfPages computes the peaks at the end of a log's full pages from the
// pages alone.
func (s *Store) mountainsOfPages(l *Log, pages, size uint64) (m mmrindex.Peaks, err error) {
	err = s.eachPage(l, pages, func(_ messages.Seal, tree fullTree) error { return m.Merge(tree.Range(), nil) })
	if err == nil {
		err = l.holds(m.Size(), pages, size)
	}
	return m, err
}

// holds compares how many events the full pages have with what the row says.
func (l *Log) holds(events, pages, want uint64) error {
	if events == want {
		return nil
	}
	return &CorruptError{Where: "pages of log " + l.ID.String(), What: fmt.Sprintf("%d events in %d pages, its row says %d", events, pages, want)}
}

// A fullTree is the tree of a page, as far as it can be known.
type fullTree interface {
	Nodes(dst []digest.Hash) []digest.Hash
	Range() merkleindex.CompactRange
}

// eachPage calls fn for each page, or group, of the first pages of a log, with
// its tree, which is fn's until it returns.
func (s *Store) eachPage(l *Log, pages uint64, fn func(messages.Seal, fullTree) error) error {
	b := merkleindex.NewBuilder(0)
	var next uint64
	for page := uint64(0); page < pages; {
		seal, tree, err := s.readSpan(l, page, next, b)
		if err == nil {
			err = fn(seal, tree)
		}
		if err != nil {
			return err
		}
		page, next = page+uint64(seal.Pages), seal.End()
	}
	return nil
}

// readSpan computes the tree of the page or group that begins with event next,
// with b if all of it is there.
func (s *Store) readSpan(l *Log, page, next uint64, b *merkleindex.Builder) (messages.Seal, fullTree, error) {
	ref, err := l.files.Page(page)
	if err != nil {
		return messages.Seal{}, nil, err
	}
	defer ref.Release()
	h := ref.Header
	seal := messages.Seal{Page: page, Pages: h.Span, First: next, Count: h.Count}
	if h.Kind == segwriter.KindErased && h.First == next {
		tree, err := h.TreeOf(ref.Bytes)
		return seal, tree, err
	}
	b.Reset(next)
	_, end, err := s.pageRun(l, page, next, ^uint64(0), func(run Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			b.Append(r.LeafHash())
			return nil
		})
	})
	if err == nil && b.End() != end {
		err = &CorruptError{Where: fmt.Sprintf("log %s page %d", l.ID, page), What: fmt.Sprintf("it ends at event %d, want %d", end, b.End())}
	}
	return seal, b, err
}

// sync makes all that was written to a log's files durable.
func (l *Log) sync() error {
	if err := l.files.SyncPages(); err != nil {
		return err
	}
	if err := l.files.SyncTrees(); err != nil {
		return err
	}
	return l.files.SyncSpans()
}

// SyncFiles makes the files of a log durable up to what the stages wrote, so
// that its sealed cursor may move, and keeps its newest head beside them: the
// second place, after the AOF, that remembers how far a log was signed. A file
// removed or replaced under the store is an error before the AOF drops anything.
func (s *Store) SyncFiles(id digest.Hash) error {
	if err := s.Unchanged(); err != nil {
		return err
	}
	l, err := s.Log(id)
	if err != nil {
		return err
	}
	head, err := l.Head(l.Whole()) // of events that are committed
	if err != nil {
		return err
	}
	if err := l.sync(); err != nil {
		return err
	}
	if head.Size == 0 {
		return nil
	}
	return l.files.WriteHead(head.Checkpoint(l.AuthorKey()))
}

// signedBefore returns the head kept beside the files of a log, if one is.
func (s *Store) signedBefore(l *Log, row *aof.LogRow) (proof.Head, error) {
	if s.fileless(row) {
		return proof.Head{}, nil
	}
	text, err := l.files.ReadHead()
	if errors.Is(err, os.ErrNotExist) {
		return proof.Head{}, nil
	}
	if err != nil {
		return proof.Head{}, err
	}
	h, err := proof.ParseCheckpoint(text, proof.VKey(l.AuthorKey(), l.ID))
	if err != nil {
		err = &CorruptError{Where: "head of log " + l.ID.String(), What: "the checkpoint kept with its pages", Err: err}
	}
	return h, err
}
