// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Batch is consecutive events of one log on their way down the pipeline.
type Batch struct {
	Log     digest.Hash
	First   uint64        // sequence of the first event
	Leaves  []digest.Hash // one per event: the RFC 6962 leaf hashes
	Records []byte        // the events; nil for pages of a peer, which are on disk already
	Seals   []Seal        // pages that end in this batch; set by the segment stage
	// Trees holds each sealed page's nodes if a peer's pages came with
	// them computed; otherwise the tree stage computes them.
	Trees [][]digest.Hash
	// Ranges holds one compact range for each seal and one for the open
	// page after the last; set by the tree stage.
	Ranges []merkleindex.CompactRange
	// Remote is set for events of another author.
	Remote *Proven
	// Uncommitted events may be published only when Durable says so.
	Uncommitted bool
	// Epoch counts how often the segment stage took the log up anew: pages of an
	// earlier one may have been written again by now. Set by the segment stage.
	Epoch uint64
	// Recycle, if it is set, takes Records back when the pages have them.
	Recycle func([]byte)
}

// End is the sequence after the last event of b.
func (b *Batch) End() uint64 { return b.First + uint64(len(b.Leaves)) }
