// SPDX-License-Identifier: MPL-2.0

package messages

// AppendReady tells the AOF writer that the ingress holds something to commit.
//
//	[65536]
type AppendReady struct{}

const appendReadyFields = 0

// PipelineType returns PipelineAppendReady.
func (*AppendReady) PipelineType() PipelineType { return PipelineAppendReady }

func (*AppendReady) encodePipeline(w *writer) {
	w.beginPipeline(PipelineAppendReady, appendReadyFields)
}

func decodeAppendReady(*reader) PipelineMessage { return &AppendReady{} }
