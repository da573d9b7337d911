// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Batch is consecutive events of one log on their way down the pipeline.
//
//	[65538, log, first, leaves, records, [seal ...], [tree ...], [range ...], [proven], uncommitted, epoch]
type Batch struct {
	Log     digest.Hash
	First   uint64        // sequence of the first event
	Leaves  []digest.Hash // one per event: the RFC 6962 leaf hashes
	Records []byte        // the events; nil for pages of a peer, which are on disk already
	Seals   []Seal        // pages that end in this batch; set by the segment stage
	// Trees holds each sealed page's nodes where a peer's pages came with
	// them computed; otherwise the tree stage computes them.
	Trees [][]digest.Hash
	// Ranges holds one compact range for each seal and one for the open
	// page after the last; set by the tree stage.
	Ranges []merkleindex.Range
	// Remote is set for events of another author.
	Remote *Proven
	// Uncommitted events may be published only when Durable says so.
	Uncommitted bool
	// Epoch counts how often the segment stage took the log up anew: pages of an
	// earlier one may have been written again by now. Set by the segment stage.
	Epoch uint64
	// Recycle, where it is set, takes Records back when the pages have them.
	Recycle func([]byte)
}

const batchFields = 10

// End is the sequence after the last event of b.
func (b *Batch) End() uint64 { return b.First + uint64(len(b.Leaves)) }

// PipelineType returns PipelineBatch.
func (*Batch) PipelineType() PipelineType { return PipelineBatch }

func (b *Batch) encodePipeline(w *writer) {
	w.beginPipeline(PipelineBatch, batchFields)
	w.fixed(b.Log[:])
	w.uint("first", b.First, MaxCount)
	w.hashes("leaves", b.Leaves, maxLeaves)
	w.bin("records", b.Records, MaxPipelineRecords)
	w.seals(b.Seals)
	w.trees(b.Trees)
	w.ranges(b.Ranges)
	w.remote(b.Remote)
	w.bool(b.Uncommitted)
	w.uint("epoch", b.Epoch, MaxCount)
	w.consistent(b.flaw)
}

func decodeBatch(r *reader) PipelineMessage {
	b := &Batch{Log: r.hash("log"), First: r.count("first")}
	b.Leaves = r.hashes("leaves", maxLeaves)
	b.Records = r.bin("records", MaxPipelineRecords)
	b.Seals = r.seals()
	b.Trees = r.trees(len(b.Seals))
	b.Ranges = r.ranges(len(b.Seals))
	b.Remote = r.remote()
	b.Uncommitted = r.bool("uncommitted")
	b.Epoch = r.count("epoch")
	r.consistent(b.flaw)
	return b
}

func (b *Batch) flaw() string {
	if len(b.Records) > 0 { // a batch without them is one of leaves
		if what := recordsFlaw(b.Records, b.Leaves); what != "" {
			return what
		}
	}
	if what := endFlaw(b.First, b.Leaves, b.Remote); what != "" {
		return what
	}
	if what := b.sealsFlaw(); what != "" {
		return what
	}
	if what := treesFlaw(b.Trees, b.Seals); what != "" {
		return what
	}
	return rangesFlaw(b.Ranges, b.Seals)
}

// sealsFlaw says why the seals cannot be those of pages that end in b. The
// first of them may begin before b, and end where b begins.
func (b *Batch) sealsFlaw() string {
	if len(b.Seals) == 0 {
		return ""
	}
	if what := sealsFlaw(b.Seals); what != "" {
		return what
	}
	first, last := b.Seals[0].End(), b.Seals[len(b.Seals)-1].End()
	if first < b.First || last > b.End() {
		return fmt.Sprintf("pages end from %d to %d, the events are [%d, %d)", first, last, b.First, b.End())
	}
	return ""
}
