// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// MountainsAt returns the peaks of a log at any size it has reached.
func (s *Store) MountainsAt(l *Log, size uint64) (mmrindex.Mountains, error) {
	p := l.State()
	if size == p.Size {
		return p.Mountains.Clone(), nil
	}
	if size > p.Size {
		return mmrindex.Mountains{}, fmt.Errorf("%w: size %d of %d", ErrRange, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return mmrindex.Mountains{}, err
	}
	return mmrindex.Peaks(size, n)
}

// Inclusion returns the RFC 9162 inclusion proof of an event in the tree of
// the given size. It is verified before it is returned, so that a flipped byte
// in a tree file comes back as a *CorruptError and never as a wrong proof.
func (s *Store) Inclusion(l *Log, sequence, size uint64) ([]digest.Hash, error) {
	p := l.State()
	if sequence >= size || size > p.Size {
		return nil, fmt.Errorf("%w: event %d at size %d of %d", ErrRange, sequence, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	hashes, err := mmrindex.Inclusion(sequence, size, n)
	if err != nil {
		return nil, err
	}
	root, leaf := p.Root, digest.Hash{}
	if size != p.Size {
		m, err := mmrindex.Peaks(size, n)
		if err != nil {
			return nil, err
		}
		root = m.Root()
	}
	if leaf, err = n.node(0, sequence); err != nil {
		return nil, err
	}
	if err := proof.VerifyInclusion(leaf, sequence, size, hashes, root); err != nil {
		l.high.clear()
		return nil, &CorruptError{Where: "trees of log " + l.ID.String(), What: fmt.Sprintf("the proof of event %d", sequence), Err: err}
	}
	return hashes, nil
}

// Consistency returns the RFC 9162 consistency proof between two sizes.
func (s *Store) Consistency(l *Log, old, size uint64) ([]digest.Hash, error) {
	p := l.State()
	if old > size || size > p.Size {
		return nil, fmt.Errorf("%w: sizes %d and %d of %d", ErrRange, old, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	return mmrindex.Consistency(old, size, n)
}

// rightOf returns the compact range from a size to the size of p's head: what
// proves, with the peaks at that size, that they are under the head.
func (s *Store) rightOf(l *Log, p *Published, size uint64) ([]digest.Hash, error) {
	if size == p.Size {
		return p.Right, nil
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	r, err := mmrindex.CompactRange(size, p.Size, n)
	if err != nil {
		return nil, err
	}
	err = r.Merge(merkleindex.Range{Begin: p.Size, End: p.Head.Size, Hashes: p.Right}, nil)
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
	r := &messages.ProofResponse{
		Topic: m.Topic, Log: m.Log, Seq: m.Seq,
		Head: messages.Head{Size: p.Head.Size, Root: p.Head.Root, Sig: p.Head.Sig},
	}
	if r.Hashes, err = s.Inclusion(l, m.Seq, p.Head.Size); err != nil {
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
