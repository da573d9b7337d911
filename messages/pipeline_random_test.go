// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// pipelineTypes is every type there is, with the numbers written out.
var pipelineTypes = map[PipelineType]uint32{
	PipelineAppendReady: 65536, PipelineAppend: 65537, PipelineBatch: 65538, PipelinePages: 65539,
	PipelineSealed: 65540, PipelineDurable: 65541, PipelineReset: 65542,
}

// pipeline makes a random message that keeps every limit.
func (g gen) pipeline(t PipelineType) PipelineMessage {
	switch t {
	case PipelineAppend:
		return g.append()
	case PipelineBatch:
		return g.batch()
	case PipelinePages:
		return g.pages()
	case PipelineSealed:
		m := &Sealed{Log: g.hash(), Pages: g.count(), Size: g.count(), Epoch: g.count()}
		m.Remote = g.remote(m.Size)
		return m
	case PipelineDurable:
		return &Durable{Log: g.hash(), Size: g.count()}
	case PipelineReset:
		return &Reset{Log: g.hash()}
	}
	return &AppendReady{}
}

// proven is a head over at least so many events.
func (g gen) proven(atLeast uint64) Proven {
	h := g.head(atLeast)
	return Proven{Head: proof.Head{Log: g.hash(), Size: h.Size, Root: h.Root, Sig: h.Sig}, Right: g.hashes(MaxRight), Left: g.hashes(MaxRight), Root: g.hash(), Time: int64(g.upTo(event.MaxTime)), Closed: event.Reason(g.IntN(256))}
}

func (g gen) remote(atLeast uint64) *Proven {
	if g.bool() {
		return nil
	}
	p := g.proven(atLeast)
	return &p
}

func (g gen) append() *Append {
	m := &Append{Log: g.hash(), First: g.upTo(MaxCount / 2)}
	if g.bool() {
		m.Create = &NewLog{LogName: identity.LogName{Topic: g.hash(), Author: g.hash(), PageBytes: uint32(g.upTo(MaxPageBytes)), Kind: identity.LogKind(g.upTo(255)), Number: g.upTo(1 << 62)}, Own: g.bool()}
	}
	m.Records, m.Leaves = g.records()
	m.Remote = g.remote(m.First + uint64(len(m.Leaves)))
	return m
}

// records returns bytes as long as records of that many leaves can be.
func (g gen) records() ([]byte, []digest.Hash) {
	leaves := g.hashes(300)
	if len(leaves) == 0 {
		return nil, nil
	}
	b := make([]byte, len(leaves)*event.HeaderBytes+g.IntN(1000))
	g.fill(b[:event.HeaderBytes])
	return b, leaves
}

// seals are pages and groups one after another, the first from first.
func (g gen) seals(n int, first uint64) (seals []Seal) {
	page := g.upTo(MaxCount / 2)
	for range n {
		s := Seal{Page: page, Pages: 1, First: first, Count: 1 + g.IntN(40)}
		if g.IntN(4) == 0 {
			s.Pages, s.Count = 2+g.IntN(3), 1
		}
		seals = append(seals, s)
		page, first = page+uint64(s.Pages), s.End()
	}
	return seals
}

func (g gen) trees(seals []Seal) (trees [][]digest.Hash) {
	for _, s := range seals {
		trees = append(trees, g.exactly(merkleindex.NodeCount(s.First, s.End())))
	}
	return trees
}

func (g gen) exactly(n int) (hs []digest.Hash) {
	for range n {
		hs = append(hs, g.hash())
	}
	return hs
}

func (g gen) rangeOf(begin, end uint64) merkleindex.Range {
	return merkleindex.Range{Begin: begin, End: end, Hashes: g.exactly(merkleindex.RangeLen(begin, end))}
}

// batch stands at any stage: with records or without, sealed or not, with
// trees, with ranges.
func (g gen) batch() *Batch {
	b := &Batch{Log: g.hash(), First: 100 + g.upTo(MaxCount/2), Uncommitted: g.bool(), Epoch: g.count()}
	opened := b.First - uint64(g.IntN(100)) // the first page, where one ends here
	if n := g.IntN(5); n > 0 {
		b.Seals = g.seals(n, opened)
		for b.Seals[0].End() < b.First {
			b.Seals[0].First++
			b.Seals = b.Seals[:1]
		}
		opened = b.Seals[len(b.Seals)-1].End()
	}
	end := max(opened, b.First) + uint64(g.IntN(50))
	b.Leaves = g.exactly(int(end - b.First))
	if len(b.Leaves) > 0 && g.bool() {
		b.Records = make([]byte, len(b.Leaves)*(event.HeaderBytes+g.IntN(9)))
		g.fill(b.Records[:event.HeaderBytes])
	}
	if g.bool() {
		b.Trees = g.trees(b.Seals)
	}
	if g.bool() {
		for _, s := range b.Seals {
			b.Ranges = append(b.Ranges, g.rangeOf(s.First, s.End()))
		}
		b.Ranges = append(b.Ranges, g.rangeOf(min(opened, end), end))
	}
	b.Remote = g.remote(b.End())
	return b
}

func (g gen) pages() *Pages {
	p := &Pages{Log: g.hash(), Seals: g.seals(1+g.IntN(5), g.upTo(MaxCount/2))}
	p.Leaves = g.exactly(int(p.End() - p.First()))
	p.Trees = g.trees(p.Seals)
	last := p.Seals[len(p.Seals)-1]
	p.Bytes = make([]byte, (last.Page+uint64(last.Pages)-p.Seals[0].Page)<<(3+g.IntN(10)))
	g.fill(p.Bytes[:8])
	p.Proven = g.proven(p.End())
	return p
}
