// SPDX-License-Identifier: MPL-2.0

package messages

import "strconv"

// A PipelineType is the number of a pipeline message in its msgpack form.
// Numbers are never reused.
type PipelineType uint32

// firstPipeline is more than any Type can be, so that the wire's decoder
// refuses the body of a pipeline message, even as an unknown one.
const firstPipeline PipelineType = 1 << 16

// The types of pipeline messages.
const (
	PipelineAppendReady PipelineType = firstPipeline + iota
	PipelineAppend
	PipelineBatch
	PipelinePages
	PipelineSealed
	PipelineDurable
	PipelineReset
)

// A pipelineKind is what the codec knows about a pipeline message.
type pipelineKind struct {
	name    string
	maxBody int // bytes
	fields  int // after the type; a sender's further ones are skipped
	decode  func(*reader) PipelineMessage
}

var pipelineKinds = [...]pipelineKind{
	PipelineAppendReady - firstPipeline: {"AppendReady", maxPipelineNote, appendReadyFields, decodeAppendReady},
	PipelineAppend - firstPipeline:      {"Append", MaxPipelineBody, appendFields, decodeAppend},
	PipelineBatch - firstPipeline:       {"Batch", MaxPipelineBody, batchFields, decodeBatch},
	PipelinePages - firstPipeline:       {"Pages", MaxPipelineBody, pagesFields, decodePages},
	PipelineSealed - firstPipeline:      {"Sealed", maxPipelineNote, sealedFields, decodeSealed},
	PipelineDurable - firstPipeline:     {"Durable", maxPipelineNote, durableFields, decodeDurable},
	PipelineReset - firstPipeline:       {"Reset", maxPipelineNote, resetFields, decodeReset},
}

// kind returns nil for a type there is not.
func (t PipelineType) kind() *pipelineKind {
	if t < firstPipeline || t-firstPipeline >= PipelineType(len(pipelineKinds)) {
		return nil
	}
	return &pipelineKinds[t-firstPipeline]
}

// String returns the name of the type's struct.
func (t PipelineType) String() string {
	if k := t.kind(); k != nil {
		return k.name
	}
	return "pipeline type " + strconv.FormatUint(uint64(t), 10)
}
