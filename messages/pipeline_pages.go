// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
)

// Pages is a run of whole pages from a peer, already verified.
//
//	[65539, log, bytes, [seal ...], leaves, [tree ...], proven]
type Pages struct {
	Log    digest.Hash
	Bytes  []byte // the pages, back to back
	Seals  []Seal // what they hold, in order and without a gap; at least one
	Leaves []digest.Hash
	Trees  [][]digest.Hash // one per seal: its tier-1 nodes, as merkleindex.Builder.Nodes gives them
	Proven Proven
	// Done is called once, from any goroutine, when the pages are durable
	// and published or will never be.
	Done func(error)
}

const pagesFields = 6

// First is the sequence of the first event in p.
func (p *Pages) First() uint64 { return p.Seals[0].First }

// End is the sequence after the last event in p.
func (p *Pages) End() uint64 { return p.Seals[len(p.Seals)-1].End() }

// PipelineType returns PipelinePages.
func (*Pages) PipelineType() PipelineType { return PipelinePages }

func (p *Pages) encodePipeline(w *writer) {
	w.beginPipeline(PipelinePages, pagesFields)
	w.fixed(p.Log[:])
	w.bin("bytes", p.Bytes, MaxPipelineRecords)
	w.seals(p.Seals)
	w.hashes("leaves", p.Leaves, maxLeaves)
	w.trees(p.Trees)
	p.Proven.encode(w)
	w.consistent(p.flaw)
}

func decodePages(r *reader) PipelineMessage {
	p := &Pages{Log: r.hash("log"), Bytes: r.bin("bytes", MaxPipelineRecords), Seals: r.seals()}
	p.Leaves = r.hashes("leaves", maxLeaves)
	p.Trees = r.trees(len(p.Seals))
	p.Proven.decode(r)
	r.consistent(p.flaw)
	return p
}

// From returns the part of p that begins with the event of that sequence, which
// has to be the first of a page. It shares p's memory.
func (p *Pages) From(first uint64, pageBytes int) (*Pages, error) {
	for i, s := range p.Seals {
		if s.First != first {
			continue
		}
		cut := *p
		cut.Bytes = p.Bytes[int(s.Page-p.Seals[0].Page)*pageBytes:]
		cut.Seals, cut.Trees = p.Seals[i:], p.Trees[i:]
		cut.Leaves = p.Leaves[first-p.First():]
		return &cut, nil
	}
	return nil, fmt.Errorf("messages: no page begins with event %d", first)
}

func (p *Pages) flaw() string {
	switch n := len(p.Seals); {
	case n == 0:
		return "no seals"
	case len(p.Trees) != n:
		return fmt.Sprintf("%d trees, %d seals", len(p.Trees), n)
	}
	if what := sealsFlaw(p.Seals); what != "" {
		return what
	}
	if events := p.End() - p.First(); uint64(len(p.Leaves)) != events {
		return fmt.Sprintf("%d leaves, %d events", len(p.Leaves), events)
	}
	if what := endFlaw(p.First(), p.Leaves, &p.Proven); what != "" {
		return what
	}
	if what := p.bytesFlaw(); what != "" {
		return what
	}
	return treesFlaw(p.Trees, p.Seals)
}

// bytesFlaw says why Bytes cannot be the sealed pages. How long one of them
// is, only the log knows.
func (p *Pages) bytesFlaw() string {
	first, last := p.Seals[0], p.Seals[len(p.Seals)-1]
	pages, n := last.Page-first.Page+uint64(last.Pages), uint64(len(p.Bytes))
	if each := n / pages; each == 0 || each > MaxPageBytes || n%pages != 0 {
		return fmt.Sprintf("%d bytes are not %d pages", n, pages)
	}
	return ""
}
