// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// ingest hands verified events to the pipeline. It blocks the session while
// the pipeline is full, and so the peer.
func (s *session) ingest(v syncer.Verified) {
	a := appendOf(v)
	count := uint64(v.Count)
	a.Done = func(err error) {
		if err == nil && v.Info.Kind == identity.KindData {
			s.stats.eventsIn.Add(count)
		}
		if err == nil && v.Closed != 0 && s.n.cfg.Store.HasRanges(v.Info.Log) {
			s.n.absorbSoon(v.Info.Log) // they are behind its end
		}
		s.settled(v.Info, v.First+count, err)
	}
	err := s.n.pipeline.Room(s.conn.Peer(), v.Info.Log, len(v.Records))
	if err == nil {
		err = s.n.pipeline.Ingest(s.ctx, a)
	}
	if err != nil {
		a.Done(err)
	}
}

func appendOf(v syncer.Verified) *messages.Append {
	return &messages.Append{
		Log: v.Info.Log, Create: newLogOf(v.Info), Records: v.Records, Leaves: v.Leaves, First: v.First,
		Remote: &messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Peaks(), Root: v.Root, Time: v.Time, Closed: v.Closed},
	}
}

func newLogOf(i syncer.LogInfo) *messages.NewLog {
	return &messages.NewLog{LogName: identity.LogName{Topic: i.Topic, Author: i.Author, PageBytes: i.PageBytes, Kind: i.Kind, Number: i.Number}}
}

// settled tells the core what became of an ingest.
func (s *session) settled(i syncer.LogInfo, size uint64, err error) {
	if err != nil {
		s.tell(&inputDone{syncer.IngestFailed{Topic: i.Topic, Log: i.Log, Err: err}})
		return
	}
	s.tell(&inputDone{syncer.Stored{Topic: i.Topic, Log: i.Log, Size: size}})
}

// pullNext begins the next fetch while there are fewer than maxPulling: one
// that nobody works on yet, so that many logs come from many peers, or else
// the first.
func (s *session) pullNext() {
	if s.pulling >= maxPulling || len(s.queued) == 0 || s.ctx.Err() != nil {
		return
	}
	i := max(0, slices.IndexFunc(s.queued, func(o syncer.Pull) bool { return s.n.sources(o.Info.Log) == 0 }))
	o := s.queued[i]
	s.queued = slices.Delete(s.queued, i, i+1)
	s.pulling++
	s.spawn(func() {
		others, err := s.pull(o)
		s.stalled(err)
		s.tell(&inputDone{syncer.PullDone{Topic: o.Info.Topic, Log: o.Info.Log, Err: err, Others: others}})
	})
}

// stalled counts a transfer that the peer let stand still. It is given up, and
// the session goes on.
func (s *session) stalled(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.n.net.refused.add(messages.CodeTimeout)
	}
}

// pull fetches the pages of one log, and the events behind them, together with
// the other sessions that do.
func (s *session) pull(o syncer.Pull) (others bool, err error) {
	f, err := s.n.fetchFrom(s, o)
	if err != nil {
		return false, err
	}
	return f.source(s, o)
}

func (s *session) patient(t transport.Stream) patient {
	return patient{t, stallPatience * s.n.cfg.Patience}
}

// violated tells what a peer may not send from a stream that failed.
func violated(err error) error {
	var d *messages.DecodeError
	switch {
	case errors.Is(err, messages.ErrTooLong):
		return &syncer.Violation{Code: messages.CodeTooLong, Text: err.Error()}
	case errors.Is(err, messages.ErrUnknownType):
		return &syncer.Violation{Code: messages.CodeUnknownType, Text: err.Error()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &syncer.Violation{Code: messages.CodeMalformed, Text: "the stream ends inside of a message"}
	case errors.As(err, &d):
		return &syncer.Violation{Code: messages.CodeMalformed, Text: err.Error()}
	}
	return err
}

// accept serves the streams that the peer opens.
func (s *session) accept() {
	for {
		stream, err := s.conn.AcceptStream(s.ctx)
		if err != nil {
			return
		}
		select {
		case s.serving <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		s.spawn(func() {
			free := sync.OnceFunc(func() { <-s.serving })
			defer free()
			defer stream.Cancel(uint64(messages.CodeCanceled))
			s.serve(stream, free)
		})
	}
}

// serve answers one request for pages, a range or a capability. A place among the
// transfers is given back by free as soon as it is none of those.
func (s *session) serve(stream transport.Stream, free func()) {
	stream.SetReadDeadline(time.Now().Add(s.n.cfg.Patience))
	body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
	if err != nil {
		s.stalled(err)
		if err = violated(err); errors.As(err, new(*syncer.Violation)) {
			s.tell(&lost{err})
		}
		return
	}
	m, err := messages.Decode(body)
	if err != nil {
		s.tell(&lost{violated(err)})
		return
	}
	switch req := m.(type) {
	case *messages.PageRequest:
		s.servePages(stream, req)
	case *messages.RangeRequest:
		s.serveRange(stream, req)
	case *messages.Open:
		free()
		stream.SetReadDeadline(time.Time{})
		s.n.doors.Serve(s.ctx, stream, req, s.caller())
	case *messages.Unknown: // it may be ignored, and its stream with it
	default:
		s.tell(&lost{&syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: m.Type().String() + " on a transfer stream"}})
	}
}

// transferred returns the topic of a transfer. One that is not shared is an
// answer to the peer and no more: streams come in another order than what is
// said on the control stream.
func (s *session) transferred(stream transport.Stream, number uint32) (identity.TopicID, bool) {
	topic, ok := s.topic(number)
	if !ok {
		s.refuseStream(stream, messages.CodeNotShared)
	}
	return topic, ok
}

// refuseStream answers the request of a stream with an ERROR.
func (s *session) refuseStream(stream transport.Stream, code messages.Code) {
	frame, err := messages.AppendFrame(nil, &messages.Error{Code: code, Text: code.String()})
	if err != nil {
		return
	}
	if _, err := s.patient(stream).Write(frame); err == nil {
		stream.CloseWrite()
	}
}

func (s *session) servePages(stream transport.Stream, req *messages.PageRequest) {
	topic, ok := s.transferred(stream, req.Topic)
	if !ok {
		return
	}
	defer s.whileShared(topic, stream)()
	served, err := syncer.ServePages(s.patient(stream), s.n.cfg.Store.Source(), topic, req)
	s.stats.pagesOut.Add(served.Pages)
	s.stats.eventsOut.Add(served.Events)
	s.stalled(err)
	if err == nil || errors.As(err, new(*syncer.Violation)) { // a refusal is an answer too
		err = errors.Join(err, stream.CloseWrite())
	}
	s.tell(&inputDone{syncer.Served{Topic: topic, Log: req.Log, EndSize: served.End, Partly: !req.Tail, Err: err}})
}

// prove answers a request for an inclusion proof, before anything else of the
// peer is read: it is one goroutine's work, however many are asked for.
func (s *session) prove(m *messages.ProofRequest) {
	topic, ok := s.topic(m.Topic)
	if !ok {
		return
	}
	r, err := s.n.cfg.Store.ProofResponse(topic, m)
	if err != nil {
		s.n.cfg.Logger.Sugar().Debugf("proof for %s: %v", s.conn.Peer().Short(), err)
		return
	}
	s.do(syncer.Send{Message: r})
}

// pending waits for ingests that are under way.
type pending struct {
	ctx  context.Context
	n    int
	done chan error
	err  error
}

func newPending(ctx context.Context) *pending {
	return &pending{ctx: ctx, done: make(chan error, pipeline.PagesCredits+1)}
}

// add returns the function to call when one more is settled.
func (p *pending) add() func(error) {
	if p.n >= pipeline.PagesCredits { // keep the channel from filling up
		p.one()
	}
	p.n++
	return func(err error) { p.done <- err }
}

func (p *pending) one() {
	select {
	case err := <-p.done:
		p.n--
		if p.err == nil {
			p.err = err
		}
	case <-p.ctx.Done():
		p.n, p.err = 0, p.ctx.Err()
	}
}

// wait waits for all and returns the first error.
func (p *pending) wait() error {
	for p.n > 0 {
		p.one()
	}
	return p.err
}
