// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
)

// Sealed reports that the pages of a log below a point are synced, with
// their trees and mountains, so that the AOF need not hold them.
//
//	[65540, log, pages, size, [proven], epoch]
type Sealed struct {
	Log    digest.Hash
	Pages  uint64
	Size   uint64
	Remote *Proven // set where Size may be new to the AOF: the pages came from a peer
	Epoch  uint64  // of the batch that ended the last page
}

const sealedFields = 5

// PipelineType returns PipelineSealed.
func (*Sealed) PipelineType() PipelineType { return PipelineSealed }

func (m *Sealed) encodePipeline(w *writer) {
	w.beginPipeline(PipelineSealed, sealedFields)
	w.fixed(m.Log[:])
	w.uint("pages", m.Pages, MaxCount)
	w.uint("size", m.Size, MaxCount)
	w.remote(m.Remote)
	w.uint("epoch", m.Epoch, MaxCount)
	w.consistent(m.flaw)
}

func decodeSealed(r *reader) PipelineMessage {
	m := &Sealed{Log: r.hash("log"), Pages: r.count("pages"), Size: r.count("size"), Remote: r.remote(), Epoch: r.count("epoch")}
	r.consistent(m.flaw)
	return m
}

func (m *Sealed) flaw() string {
	if !m.Remote.covers(m.Size) {
		return fmt.Sprintf("size %d, past the head's size %d", m.Size, m.Remote.Head.Size)
	}
	return ""
}
