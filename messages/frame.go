// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	frameHeaderBytes = 4
	minBody          = 2 // an array of one small integer
	peekBytes        = 8 // enough of a body to see its type
	growBytes        = 64 << 10
)

// AppendFrame appends m as a frame to dst, which is returned as it was if m
// breaks a limit.
func AppendFrame(dst []byte, m Message) ([]byte, error) {
	w := writers.Get().(*writer)
	start := len(dst)
	w.out, w.err = append(dst, 0, 0, 0, 0), nil
	m.encode(w)
	out, err := w.out, w.err
	w.out, w.err = nil, nil
	writers.Put(w)

	n := len(out) - start - frameHeaderBytes
	if limit := m.Type().MaxBody(); err == nil && n > limit {
		err = tooLong(m.Type(), uint64(n), limit)
	}
	if err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(out[start:], uint32(n))
	return out, nil
}

// ReadFrame reads one frame off r and returns its body, in buf if it fits.
// A body longer than max or than its type's limit is ErrTooLong before it is
// read. Memory follows the bytes that arrive: a peer that announces a long body
// and sends nothing costs one small buffer.
//
// The error is io.EOF only where r ends between frames, else
// io.ErrUnexpectedEOF.
func ReadFrame(r io.Reader, max int, buf []byte) ([]byte, error) {
	var h [frameHeaderBytes + peekBytes]byte
	if _, err := io.ReadFull(r, h[:frameHeaderBytes]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(h[:])
	if n < minBody {
		return nil, &DecodeError{Field: "frame", What: fmt.Sprintf("body of %d bytes, want at least %d", n, minBody), Err: ErrMalformed}
	}
	if uint64(n) > uint64(max) {
		return nil, tooLong(0, uint64(n), max)
	}
	head := h[frameHeaderBytes : frameHeaderBytes+min(int(n), peekBytes)]
	if err := readMore(r, head); err != nil {
		return nil, err
	}
	t := peekType(head)
	if limit := t.MaxBody(); int(n) > limit {
		return nil, tooLong(t, uint64(n), limit)
	}
	return readBody(r, append(buf[:0], head...), int(n))
}

// ReadRaw reads n bytes that follow a frame, as pages do, into buf if they have room
// there; else memory follows what arrives. An end before them is io.ErrUnexpectedEOF.
func ReadRaw(r io.Reader, n int, buf []byte) ([]byte, error) { return readBody(r, buf[:0], n) }

// readBody reads until body is n bytes long.
func readBody(r io.Reader, body []byte, n int) ([]byte, error) {
	for len(body) < n {
		step := n - len(body)
		if n > cap(body) { // at most double what has arrived
			step = min(step, max(growBytes, len(body)))
		}
		have := len(body)
		body = grown(body, step)
		if err := readMore(r, body[have:]); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// grown returns b with n more bytes, whose content is not defined.
func grown(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	g := make([]byte, len(b)+n)
	copy(g, b)
	return g
}

// readMore fills b; an end inside a frame is never a clean one.
func readMore(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Decode decodes the body of one frame. Bulk bytes of the message are borrowed
// from body. A type that may be ignored comes back as *Unknown; any other
// unknown type is ErrUnknownType.
func Decode(body []byte) (Message, error) {
	r := reader{b: body}
	fields := r.header()
	if r.err != nil {
		return nil, r.err
	}
	if limit := r.msg.MaxBody(); len(body) > limit {
		return nil, tooLong(r.msg, uint64(len(body)), limit)
	}
	m, err := decodeFields(&r, fields)
	if err != nil {
		return nil, err
	}
	if r.left() > 0 {
		r.fail(ErrMalformed, "body", "%d bytes after its end", r.left())
		return nil, r.err
	}
	return m, nil
}

func decodeFields(r *reader, fields int) (Message, error) {
	t := r.msg
	k := kindOf(t)
	if k == nil {
		if t < FirstOptional {
			return nil, fmt.Errorf("%w: %d", ErrUnknownType, uint16(t))
		}
		r.skip("body", fields)
		return &Unknown{Number: t}, r.err
	}
	rest := fields - k.fields
	if rest < 0 {
		r.fail(ErrMalformed, "body", "%d fields, want at least %d", fields, k.fields)
		return nil, r.err
	}
	m := k.decode(r)
	r.skip("body", rest)
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

func tooLong(t Type, n uint64, limit int) error {
	return &DecodeError{Message: t, Field: "frame", What: fmt.Sprintf("body of %d bytes, limit %d", n, limit), Err: ErrTooLong}
}
