// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/digest"

// Durable tells the MMR indexer that a log is committed up to Size.
//
//	[65541, log, size]
type Durable struct {
	Log  digest.Hash
	Size uint64
}

const durableFields = 2

// PipelineType returns PipelineDurable.
func (*Durable) PipelineType() PipelineType { return PipelineDurable }

func (m *Durable) encodePipeline(w *writer) {
	w.beginPipeline(PipelineDurable, durableFields)
	w.fixed(m.Log[:])
	w.uint("size", m.Size, MaxCount)
}

func decodeDurable(r *reader) PipelineMessage {
	return &Durable{Log: r.hash("log"), Size: r.count("size")}
}
