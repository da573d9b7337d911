// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// nodes reads the tree of one log: what is in full pages from their files, or from
// what was kept of them, and what is above the open page from memory.
type nodes struct {
	l     *Log
	pages *segwriter.Nodes
	size  uint64         // events in full pages that can be read
	peaks mmrindex.Peaks // of the events that are published
	open  *merkleindex.Builder
	fresh []freshNode // read from files and not verified yet
}

type freshNode struct {
	id   mmrindex.NodeID
	hash digest.Hash
}

// nodesOf returns a reader for the log as p publishes it.
func (s *Store) nodesOf(l *Log, p *LogState) (*nodes, error) {
	n := &nodes{l: l, pages: l.files.Nodes(p.Pages, p.PagesSize), size: p.PagesSize, peaks: p.Peaks}
	if p.Size == p.PagesSize {
		return n, nil
	}
	var err error
	n.open, err = s.openTreeOf(l, p)
	return n, err
}

// ReadNodes fills out with the hashes of ids, each a whole subtree.
func (n *nodes) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) (err error) {
	if err := n.pages.ReadNear(ids, out); err != nil {
		return err
	}
	for i, id := range ids {
		if out[i] != (digest.Hash{}) {
			n.read(id, out[i])
		}
	}
	n.l.high.addTo(ids, out)
	for i, id := range ids {
		if out[i] != (digest.Hash{}) {
			continue
		}
		if out[i], err = n.node(uint(id.Level), id.Index); err != nil {
			return err
		}
	}
	return nil
}

func (n *nodes) node(level uint, index uint64) (digest.Hash, error) {
	id := mmrindex.NodeID{Level: uint8(level), Index: index}
	if h, ok := n.peaks.Peak(id); ok {
		return h, nil
	}
	switch {
	case id.End() > n.size && id.Begin() < n.size: // spans into the open page
		left, err := n.node(level-1, 2*index)
		if err != nil {
			return left, err
		}
		right, err := n.node(level-1, 2*index+1)
		return digest.Node(left, right), err
	case id.End() > n.size:
		return n.openNode(level, index)
	case level == 0:
		return n.pages.Node(id)
	}
	return n.stored(id)
}

func (n *nodes) openNode(level uint, index uint64) (digest.Hash, error) {
	if n.open != nil {
		if h, ok := n.open.Node(level, index); ok {
			return h, nil
		}
	}
	return digest.Hash{}, fmt.Errorf("%w: node %d of level %d", ErrRange, index, level)
}

// stored reads a node that was completed in a full page.
func (n *nodes) stored(id mmrindex.NodeID) (digest.Hash, error) {
	if h, ok := n.l.high.get(id); ok {
		return h, nil
	}
	h, err := n.pages.Node(id)
	n.read(id, h)
	return h, err
}

// read notes a node that was read from a file, if it is high enough to be kept
// once it is verified.
func (n *nodes) read(id mmrindex.NodeID, h digest.Hash) {
	if int(id.Level) >= lowestHigh(n.size) {
		n.fresh = append(n.fresh, freshNode{id, h})
	}
}

// sealedMountains reads the peaks at the end of a log's full pages. A store that
// is only read may have damaged trees: then the pages tell.
func (s *Store) sealedMountains(l *Log, pages, size uint64) (mmrindex.Peaks, error) {
	m, err := mmrindex.ReadPeaks(size, l.files.Nodes(pages, size))
	if s.opts.ReadOnly && err != nil && !findings.OfTheMoment(err) {
		return s.mountainsOfPages(l, pages, size)
	}
	return m, err
}

// spansBefore counts the tier-2 nodes below the end of a log's full pages.
func (l *Log) spansBefore(pages, size uint64) (uint64, error) {
	if pages == 0 {
		return 0, nil
	}
	e, err := l.files.TreeEntry(pages - 1)
	if err != nil {
		return 0, err
	}
	tier1 := e.NodesBefore + uint64(merkleindex.NodeCount(e.First, e.First+uint64(e.Count)))
	return mmrindex.SpanBase(size, tier1), nil
}

// An openTree is the tree of a log's open page at some size, kept so that
// proof after proof need not hash it again.
type openTree struct {
	first, size uint64
	b           *merkleindex.Builder
}

func (s *Store) openTreeOf(l *Log, p *LogState) (*merkleindex.Builder, error) {
	l.openMu.Lock()
	defer l.openMu.Unlock()
	if t := l.open; t != nil && t.first == p.PagesSize && t.size == p.Size {
		return t.b, nil
	}
	b := merkleindex.NewBuilder(p.PagesSize)
	err := s.eachRun(l, p.PagesSize, p.Size, func(run Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			b.Append(r.LeafHash())
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	l.open = &openTree{first: p.PagesSize, size: p.Size, b: b}
	return b, nil
}
