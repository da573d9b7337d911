// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"io"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// RangeBytes is about how many bytes of records one RANGE_RESPONSE has, unless
// one record is longer.
const RangeBytes = PushBytes

// A Span is events that are held: [First, End).
type Span struct{ First, End uint64 }

// A RangeSource is a Source that knows which parts of a log it holds.
type RangeSource interface {
	Source
	// Held returns what is held of a log in order, the prefix first; spans
	// that touch are one.
	Held(id digest.Hash) ([]Span, error)
	// Newest proves the newest head that is known, at the end of the last
	// span: a Range without events.
	Newest(id digest.Hash) (*Range, error)
	// Chunk returns a part of a span: about RangeBytes from its beginning, or
	// with backwards to its end.
	Chunk(id digest.Hash, s Span, backwards bool) (*Range, error)
}

// ErrNothingHeld is returned by a RangeSource for a log without a head.
var ErrNothingHeld = errors.New("nothing of the log is held")

// ServeRange answers a RANGE_REQUEST: the newest head, and the chunks that are
// held of what is asked for. As with pages, a log that is not in the topic is
// not there.
func ServeRange(w io.Writer, src RangeSource, topic digest.Hash, req *messages.RangeRequest) (Counts, error) {
	info, found, err := src.Log(req.Log)
	if err != nil {
		return Counts{}, err
	}
	if !found || info.Topic != topic {
		return Counts{}, refuse(w, messages.CodeUnknownLog)
	}
	if info.Frozen {
		return Counts{}, refuse(w, messages.CodeFrozen)
	}
	held, err := src.Held(req.Log)
	if err != nil {
		return Counts{}, err
	}
	head, err := src.Newest(req.Log)
	if errors.Is(err, ErrNothingHeld) {
		return Counts{}, refuse(w, messages.CodeUnknownLog)
	}
	if err != nil {
		return Counts{}, err
	}
	s := rangeServer{w: w, src: src, req: req}
	if err := s.send(head); err != nil {
		return s.counts, err
	}
	return s.counts, s.serve(wanted(held, req))
}

// wanted returns what is held of what a request asks for, in the order in which
// it is to be sent.
func wanted(held []Span, req *messages.RangeRequest) []Span {
	to, left := req.To, req.Limit
	if to == 0 {
		to = messages.MaxCount
	}
	if left == 0 {
		left = messages.MaxCount
	}
	held = slices.Clone(held)
	if req.Newest {
		slices.Reverse(held)
	}
	var all []Span
	for _, s := range held {
		s.First, s.End = max(s.First, req.From), min(s.End, to)
		if s.First >= s.End || left == 0 {
			continue
		}
		if n := s.End - s.First; n > left && req.Newest {
			s.First = s.End - left
		} else if n > left {
			s.End = s.First + left
		}
		left -= s.End - s.First
		all = append(all, s)
	}
	return all
}

type rangeServer struct {
	w      io.Writer
	src    RangeSource
	req    *messages.RangeRequest
	frame  []byte
	counts Counts
}

func (s *rangeServer) serve(spans []Span) error {
	for _, span := range spans {
		for span.First < span.End {
			c, err := s.src.Chunk(s.req.Log, span, s.req.Newest)
			if err != nil {
				return err
			}
			if err := s.send(c); err != nil {
				return err
			}
			if s.req.Newest {
				span.End = c.First
			} else {
				span.First = c.End()
			}
		}
	}
	return nil
}

func (s *rangeServer) send(r *Range) (err error) {
	if s.frame, err = messages.AppendFrame(s.frame[:0], r.Message()); err != nil {
		return err
	}
	if _, err = s.w.Write(s.frame); err == nil {
		s.counts.Events += uint64(r.Count)
		s.counts.End = max(s.counts.End, r.End())
	}
	return err
}
