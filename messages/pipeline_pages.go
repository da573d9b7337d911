// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Pages is a run of whole pages from a peer, already verified.
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

// First is the sequence of the first event in p.
func (p *Pages) First() uint64 { return p.Seals[0].First }

// End is the sequence after the last event in p.
func (p *Pages) End() uint64 { return p.Seals[len(p.Seals)-1].End() }

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
	return nil, fmt.Errorf("no page begins with event %d", first)
}
