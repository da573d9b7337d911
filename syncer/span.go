// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A span is one page, or one group, with all that is known of it.
type span struct {
	seal   messages.Seal
	image  bool
	bytes  []byte
	leaves []digest.Hash // zero for one that is not known
	tree   []digest.Hash
	r      merkleindex.CompactRange
	gone   erased
	first  int // length of its first record as it was appended; 0 if it is not known
	used   int // bytes of all its records; 0 likewise

	judged judgement // of its records
}

// records returns the record bytes of a span.
func (s *span) records(pageBytes int) ([]byte, error) {
	h, err := segwriter.ParsePage(s.bytes[:pageBytes])
	if err != nil {
		return nil, err
	}
	return s.recordsOf(h, pageBytes)
}

// recordsOf is records of a span whose first page has the header h.
func (s *span) recordsOf(h segwriter.PageHeader, pageBytes int) ([]byte, error) {
	if h.Kind == segwriter.KindRecords {
		return h.Records(s.bytes[:pageBytes]), nil
	}
	group := make([][]byte, 0, s.seal.Pages)
	for i := range s.seal.Pages {
		group = append(group, s.bytes[i*pageBytes:(i+1)*pageBytes])
	}
	return segwriter.DecodeGroup(group)
}

func (s *span) hash(records []byte, b *merkleindex.Builder) error {
	b.Reset(s.seal.First)
	s.used = len(records)
	s.leaves = make([]digest.Hash, 0, min(s.seal.Count, len(records)/event.HeaderBytes))
	for i := range s.seal.Count {
		r, n, err := event.DecodeRecord(records)
		if err != nil {
			return err
		}
		if i == 0 {
			s.first = n
		}
		s.leaves = append(s.leaves, r.LeafHash())
		s.judged.next(&r, n)
		records = records[n:]
	}
	if len(records) > 0 {
		return event.ErrRecord
	}
	b.AppendAll(s.leaves)
	s.tree, s.r = b.Nodes(nil), b.Range()
	return nil
}

// hashImage computes what can be known of the tree of an image.
func (s *span) hashImage(h segwriter.PageHeader) error {
	tree, err := h.TreeOf(s.bytes)
	if err != nil {
		return err
	}
	s.tree, s.r = tree.Nodes(nil), tree.Range()
	s.leaves = make([]digest.Hash, h.Count)
	for i := range s.leaves {
		s.leaves[i], _ = tree.Node(0, h.First+uint64(i))
	}
	known := true
	err = h.EachItem(s.bytes, func(it segwriter.Item) error {
		if it.Gone() {
			known = false
			s.gone.add(it.First, it.End())
			s.judged.skip(it.End() - it.First)
			return nil
		}
		return s.lengths(it)
	})
	if !known {
		s.used = 0
	}
	return err
}

// lengths adds up the lengths that the records of an item had.
func (s *span) lengths(it segwriter.Item) error {
	rest := it.Records
	for seq := it.First; seq < it.End(); seq++ {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return err
		}
		was := n
		s.judged.next(&rec, n)
		if rec.Erased() {
			s.gone.add(seq, seq+1)
			was += rec.PayloadLen() - digest.Size
		}
		if seq == s.seal.First {
			s.first = was
		}
		s.used, rest = s.used+was, rest[n:]
	}
	return nil
}

// runImage describes an image behind so many pages.
func (s *span) runImage(skip uint32) messages.RunImage {
	return messages.RunImage{Skip: skip, Pages: uint32(s.seal.Pages), Bytes: uint32(len(s.bytes))}
}
