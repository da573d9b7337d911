// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/digest"

// Reset makes the stages forget what they hold of a log in memory, each
// passing it on, so that they take it up again at its sealed cursor.
//
//	[65542, log]
type Reset struct{ Log digest.Hash }

const resetFields = 1

// PipelineType returns PipelineReset.
func (*Reset) PipelineType() PipelineType { return PipelineReset }

func (m *Reset) encodePipeline(w *writer) {
	w.beginPipeline(PipelineReset, resetFields)
	w.fixed(m.Log[:])
}

func decodeReset(r *reader) PipelineMessage { return &Reset{Log: r.hash("log")} }
