// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// PeaksAt returns the peaks of a log at any size it has reached.
func (s *Store) PeaksAt(l *Log, size uint64) (mmrindex.Peaks, error) {
	return s.peaksIn(l, l.State(), size)
}

func (s *Store) peaksIn(l *Log, p *LogState, size uint64) (mmrindex.Peaks, error) {
	if size == p.Size {
		return p.Peaks.Clone(), nil
	}
	if size > p.Size {
		return mmrindex.Peaks{}, fmt.Errorf("%w: size %d of %d", ErrRange, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return mmrindex.Peaks{}, err
	}
	m, _, err := n.split(size, p)
	return m, err
}

// split returns the peaks at a size and the compact range from there to p's
// size. Together they make p's root: so both are verified.
func (n *nodes) split(size uint64, p *LogState) (mmrindex.Peaks, merkleindex.CompactRange, error) {
	if size == p.Size {
		return p.Peaks, merkleindex.CompactRange{Begin: size, End: size}, nil
	}
	m, err := mmrindex.ReadPeaks(size, n)
	if err != nil {
		return m, merkleindex.CompactRange{}, err
	}
	right, err := mmrindex.CompactRange(size, p.Size, n)
	if err != nil {
		return m, right, err
	}
	all := m
	if err := all.Merge(right, nil); err != nil {
		return m, right, err
	}
	if root := all.Root(); root != p.Root {
		return m, right, n.damaged(fmt.Sprintf("the tree at size %d", size), fmt.Errorf("root %s, want %s", root, p.Root))
	}
	return m, right, nil
}

// damaged says that nodes that were read do not lead to the root.
func (n *nodes) damaged(what string, err error) error {
	n.l.high.clear()
	return &CorruptError{Where: "trees of log " + n.l.ID.String(), What: what, Err: err}
}

// Consistency returns the RFC 9162 consistency proof between two sizes. It is
// verified before it is returned, as an inclusion proof is.
func (s *Store) Consistency(l *Log, old, size uint64) ([]digest.Hash, error) {
	p := l.State()
	if old > size || size > p.Size {
		return nil, fmt.Errorf("%w: sizes %d and %d of %d", ErrRange, old, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	before, _, err := n.split(old, p)
	if err != nil {
		return nil, err
	}
	after, _, err := n.split(size, p)
	if err != nil {
		return nil, err
	}
	hashes, err := mmrindex.Consistency(old, size, n)
	if err != nil {
		return nil, err
	}
	if err := proof.VerifyConsistency(old, before.Root(), size, after.Root(), hashes); err != nil {
		return nil, n.damaged(fmt.Sprintf("the proof between sizes %d and %d", old, size), err)
	}
	return hashes, nil
}

// rightOf returns the compact range from a size to the size of p's head: what
// proves, with the peaks at that size, that they are under the head.
func (s *Store) rightOf(l *Log, p *LogState, size uint64) ([]digest.Hash, error) {
	if size == p.Size {
		return p.Right, nil
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	_, r, err := n.split(size, p)
	if err != nil {
		return nil, err
	}
	err = r.Merge(merkleindex.CompactRange{Begin: p.Size, End: p.head.Size, Hashes: p.Right}, nil)
	return r.Hashes, err
}

// ProofResponse answers a peer's request for an inclusion proof under the
// newest head, as far as the log is in the topic.
func (s *Store) ProofResponse(topic digest.Hash, m *messages.ProofRequest) (*messages.ProofResponse, error) {
	l, err := s.Log(m.Log)
	if err != nil {
		return nil, err
	}
	if l.Topic != topic {
		return nil, fmt.Errorf("%w: %s in this topic", ErrUnknownLog, m.Log)
	}
	p := l.State()
	h, err := l.Head(p)
	if err != nil {
		return nil, err
	}
	r := &messages.ProofResponse{
		Topic: m.Topic, Log: m.Log, Seq: m.Seq,
		Head: messages.Head{Size: h.Size, Root: h.Root, Sig: h.Sig},
	}
	if r.Hashes, err = s.Inclusion(l, m.Seq, h.Size); err != nil {
		return nil, err
	}
	err = s.Read(l, m.Seq, m.Seq+1, func(run Run) error {
		return run.Each(func(_ uint64, rec *event.Record) error {
			r.Leaf = rec.AppendLeaf(nil)
			return nil
		})
	})
	return r, err
}
