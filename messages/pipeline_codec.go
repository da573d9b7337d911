// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"
	"math"
)

// AppendPipeline appends the msgpack form of m to dst, which is returned as it
// was if m breaks a limit: an array [type, field, field, ...] as on the wire,
// by the same rules, but with numbers the wire has not. It is not framed.
//
// Done functions are not part of it: whoever decodes an Append or Pages sets
// its own before handing it on.
func AppendPipeline(dst []byte, m PipelineMessage) ([]byte, error) {
	w := writers.Get().(*writer)
	start := len(dst)
	w.out, w.err, w.msg = dst, nil, 0
	m.encodePipeline(w)
	out, err := w.out, w.err
	w.out, w.err = nil, nil
	writers.Put(w)

	t := m.PipelineType()
	if err == nil {
		err = checkPipelineLen(t, len(out)-start)
	}
	if err != nil {
		return dst, fmt.Errorf("pipeline message %v: %w", t, err)
	}
	return out, nil
}

// DecodePipeline decodes the msgpack form of one pipeline message. Records and
// Bytes are borrowed from b and live as long as it does; everything else is
// copied. An empty slice comes back as nil.
//
// A message that is returned is consistent in itself, so that no stage runs
// out of a slice on it: its counts agree, its seals follow each other, its
// trees and ranges are as long as they must be. Hashes, signatures and what
// the records say are not looked at. The error is ErrMalformed, ErrTooLong or
// ErrUnknownType.
func DecodePipeline(b []byte) (PipelineMessage, error) {
	r := reader{b: b}
	fields := r.fields("body", 1)
	t := PipelineType(r.uint("type", math.MaxUint32))
	if r.err != nil {
		return nil, fmt.Errorf("pipeline message: %w", r.err)
	}
	k := t.kind()
	if k == nil {
		return nil, fmt.Errorf("%w: pipeline message %d", ErrUnknownType, uint32(t))
	}
	m, err := k.read(&r, t, fields)
	if err != nil {
		return nil, fmt.Errorf("pipeline message %v: %w", t, err)
	}
	return m, nil
}

// read reads the fields after the type, and nothing may follow them.
func (k *pipelineKind) read(r *reader, t PipelineType, fields int) (PipelineMessage, error) {
	if err := checkPipelineLen(t, len(r.b)); err != nil {
		return nil, err
	}
	rest := fields - k.fields
	if rest < 0 {
		r.fail(ErrMalformed, "body", "%d fields, want at least %d", fields, k.fields)
		return nil, r.err
	}
	m := k.decode(r)
	r.skip("body", rest)
	if r.left() > 0 {
		r.fail(ErrMalformed, "body", "%d bytes after its end", r.left())
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

func checkPipelineLen(t PipelineType, n int) error {
	if limit := t.kind().maxBody; n > limit {
		return &DecodeError{Field: "body", What: fmt.Sprintf("%d bytes, limit %d", n, limit), Err: ErrTooLong}
	}
	return nil
}

// beginPipeline opens the body of a message with so many fields after its type.
func (w *writer) beginPipeline(t PipelineType, fields int) {
	w.array(1 + fields)
	w.uint("type", uint64(t), math.MaxUint32)
}

// consistent takes what flaw, which trusts every field's own limits, finds
// between the fields.
func (w *writer) consistent(flaw func() string) {
	if w.err != nil {
		return
	}
	if what := flaw(); what != "" {
		w.fail(ErrMalformed, "body", "%s", what)
	}
}

func (r *reader) consistent(flaw func() string) {
	if r.err != nil {
		return
	}
	if what := flaw(); what != "" {
		r.fail(ErrMalformed, "body", "%s", what)
	}
}
