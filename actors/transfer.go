// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"time"

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
		if err == nil {
			s.stats.eventsIn.Add(count)
		}
		s.settled(v.Info, v.First+count, err)
	}
	err := s.n.pipeline.gauge.remote(s.conn.Peer(), v.Info.Log, len(v.Records))
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
		Remote: &messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Peaks(), Root: v.Root},
	}
}

func newLogOf(i syncer.LogInfo) *messages.NewLog {
	return &messages.NewLog{Topic: i.Topic, Author: i.Author, PageBytes: i.PageBytes}
}

// settled tells the core what became of an ingest.
func (s *session) settled(i syncer.LogInfo, size uint64, err error) {
	if err != nil {
		s.tell(&inputDone{syncer.IngestFailed{Log: i.Log, Err: err}})
		return
	}
	s.tell(&inputDone{syncer.Stored{Log: i.Log, Size: size}})
}

// pullNext begins the next transfer, each on a stream of its own, while there
// are fewer than maxPulling.
func (s *session) pullNext() {
	if s.pulling >= maxPulling || len(s.queued) == 0 || s.ctx.Err() != nil {
		return
	}
	o := s.queued[0]
	s.queued = s.queued[1:]
	s.pulling++
	s.spawn(func() {
		err := s.pull(o)
		s.stalled(err)
		s.tell(&inputDone{syncer.PullDone{Log: o.Info.Log, Err: err}})
	})
}

// stalled counts a transfer that the peer let stand still. It is given up, and
// the session goes on.
func (s *session) stalled(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.n.net.refused.add(messages.CodeTimeout)
	}
}

// pull fetches the pages of one log, and the events behind them.
func (s *session) pull(o syncer.Pull) error {
	s.awaited.Add(1)
	defer s.awaited.Add(-1)
	t, err := syncer.NewTransfer(s.n.cfg.Store.Source(), o)
	if err != nil {
		return err
	}
	frame, err := messages.AppendFrame(nil, t.Request())
	if err != nil {
		return err
	}
	stream, err := s.conn.OpenStream(s.ctx)
	if err != nil {
		return err
	}
	why := messages.CodeCanceled
	defer func() { stream.Cancel(uint64(why)) }()
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	if err := stream.CloseWrite(); err != nil {
		return err
	}
	r := &receiver{s: s, t: t, stream: bufio.NewReaderSize(s.patient(stream), 64<<10), stored: newPending(s.ctx)}
	if err = r.run(); errors.Is(err, ErrQuota) {
		why = messages.CodeQuota
	}
	return errors.Join(err, r.stored.wait())
}

// A receiver reads one transfer, verifying each run before it goes to the
// pipeline.
type receiver struct {
	s      *session
	t      *syncer.Transfer
	stream *bufio.Reader
	stored *pending

	created bool // the log has a row in the store
}

// A part is what was read of a transfer at once: a message, with its pages.
type part struct {
	m     messages.Message
	pages []byte
	err   error // nothing more is read; io.EOF at the end
}

// run verifies and stores what ahead reads meanwhile.
func (r *receiver) run() error {
	parts, stop := make(chan part), make(chan struct{})
	defer close(stop)
	r.s.spawn(func() { r.ahead(parts, stop) })
	for {
		p := <-parts
		if errors.Is(p.err, io.EOF) {
			return r.rest()
		}
		if p.err != nil {
			return violated(p.err)
		}
		if err := r.part(p); err != nil {
			return err
		}
	}
}

// ahead reads the stream, one part ahead of what is verified. It ends with the
// stream.
func (r *receiver) ahead(parts chan<- part, stop <-chan struct{}) {
	for {
		p := r.read()
		select {
		case parts <- p:
		case <-stop:
			return
		}
		if p.err != nil {
			return
		}
	}
}

func (r *receiver) read() (p part) {
	body, err := messages.ReadFrame(r.stream, messages.MaxEventsFrame, nil)
	if err != nil {
		return part{err: err}
	}
	if p.m, p.err = messages.Decode(body); p.err != nil {
		return p
	}
	m, ok := p.m.(*messages.PageResponse)
	if !ok {
		return p
	}
	n, err := r.t.Announced(m)
	if err == nil {
		p.pages, err = messages.ReadRaw(r.stream, n)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	p.err = err
	return p
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

func (r *receiver) part(p part) error {
	switch m := p.m.(type) {
	case *messages.PageResponse:
		return r.pages(m, p.pages)
	case *messages.Events:
		return r.events(m)
	case *messages.Error:
		return &PeerError{Peer: r.s.conn.Peer(), Code: m.Code, Text: m.Text, Remote: true}
	}
	return &syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: p.m.Type().String() + " in a transfer"}
}

func (r *receiver) pages(m *messages.PageResponse, pages []byte) error {
	v, err := r.t.Pages(m, pages)
	if err != nil || v == nil {
		return err
	}
	if err := r.s.n.pipeline.gauge.remote(r.s.conn.Peer(), v.Info.Log, len(v.Bytes)); err != nil {
		return err
	}
	if !r.created { // only now is it known that there is such a log
		if err := r.s.n.pipeline.Create(r.s.ctx, v.Info.Log, *newLogOf(v.Info)); err != nil {
			return err
		}
		r.created = true
	}
	done := r.stored.add()
	stats, events := &r.s.stats, uint64(len(v.Leaves))
	count := uint64(len(v.Bytes)) / uint64(v.Info.PageBytes)
	p := &messages.Pages{
		Log: v.Info.Log, Bytes: v.Bytes, Seals: v.Seals, Leaves: v.Leaves, Trees: v.Trees,
		Proven: messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Peaks(), Root: v.Root},
		Done: func(err error) {
			if err == nil {
				stats.eventsIn.Add(events)
				stats.pagesIn.Add(count)
			}
			done(err)
		},
	}
	if err := r.s.n.pipeline.IngestPages(r.s.ctx, p); err != nil {
		done(err)
		return err
	}
	return nil
}

// events stores events behind the pages. They go through the AOF, where the
// pages must be committed first.
func (r *receiver) events(m *messages.Events) error {
	if err := r.rest(); err != nil { // with the proof of its own end, before t moves on
		return err
	}
	v, err := r.t.Events(m)
	if err != nil {
		return err
	}
	return r.ingest(v)
}

// rest stores the events of the page that was held back.
func (r *receiver) rest() error {
	v, err := r.t.Rest()
	if err != nil || v == nil {
		return err
	}
	if err := r.stored.wait(); err != nil {
		return err
	}
	return r.ingest(v)
}

func (r *receiver) ingest(v *syncer.Verified) error {
	a, events, done, stats := appendOf(*v), uint64(v.Count), r.stored.add(), &r.s.stats
	a.Done = func(err error) {
		if err == nil {
			stats.eventsIn.Add(events)
		}
		done(err)
	}
	err := r.s.n.pipeline.gauge.remote(r.s.conn.Peer(), v.Info.Log, len(v.Records))
	if err == nil {
		err = r.s.n.pipeline.Ingest(r.s.ctx, a)
	}
	if err != nil {
		done(err)
		return err
	}
	return nil
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
			defer func() { <-s.serving }()
			defer stream.Cancel(uint64(messages.CodeCanceled))
			s.serve(stream)
		})
	}
}

// serve answers one request for pages.
func (s *session) serve(stream transport.Stream) {
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
	req, ok := m.(*messages.PageRequest)
	if !ok {
		s.tell(&lost{&syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: m.Type().String() + " on a transfer stream"}})
		return
	}
	topic, ok := s.topic(req.Topic)
	if !ok {
		s.tell(&lost{&syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: "a transfer of a topic that is not shared"}})
		return
	}
	served, err := syncer.ServePages(s.patient(stream), s.n.cfg.Store.Source(), topic, req)
	s.stats.pagesOut.Add(served.Pages)
	s.stats.eventsOut.Add(served.Events)
	s.stalled(err)
	if err == nil || errors.As(err, new(*syncer.Violation)) { // a refusal is an answer too
		err = errors.Join(err, stream.CloseWrite())
	}
	s.tell(&inputDone{syncer.Served{Log: req.Log, EndSize: served.End, Err: err}})
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
	return &pending{ctx: ctx, done: make(chan error, pagesCredits+1)}
}

// add returns the function to call when one more is settled.
func (p *pending) add() func(error) {
	if p.n >= pagesCredits { // keep the channel from filling up
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
