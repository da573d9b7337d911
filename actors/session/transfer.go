// SPDX-License-Identifier: MPL-2.0

package session

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// ingest hands verified events to the pipeline. It blocks the session while
// the pipeline is full, and so the peer.
func (s *Session) ingest(v syncer.Verified) {
	a := pipeline.AppendOf(v)
	count := uint64(v.Count)
	a.Done = func(err error) {
		if err == nil && v.Info.Kind == identity.KindData {
			s.stats.eventsIn.Add(count)
		}
		if err == nil && count > 0 {
			s.gave.Store(true)
		}
		if err == nil && v.Closed != 0 && s.set.Store.HasRanges(v.Info.Log) {
			s.set.Swarm.AbsorbSoon(v.Info.Log) // they are behind its end
		}
		s.settled(v.Info, v.First+count, err)
	}
	err := s.set.Pipeline.Room(v.Info.Log, len(v.Records))
	if err == nil {
		err = s.set.Pipeline.Ingest(s.ctx, a)
	}
	if err != nil {
		a.Done(err)
	}
}

// settled tells the core what became of an ingest.
func (s *Session) settled(i syncer.LogInfo, size uint64, err error) {
	if err != nil {
		s.tell(&inputDone{syncer.IngestFailed{Topic: i.Topic, Log: i.Log, Err: err}})
		return
	}
	s.tell(&inputDone{syncer.Stored{Topic: i.Topic, Log: i.Log, Size: size}})
}

// pullNext begins the next fetch while there are fewer than maxPulling: one
// that nobody works on yet, so that many logs come from many peers, or else
// the first.
func (s *Session) pullNext() {
	if s.pulling >= maxPulling || len(s.queued) == 0 || s.ctx.Err() != nil {
		return
	}
	i := max(0, slices.IndexFunc(s.queued, func(o syncer.Pull) bool { return s.set.Swarm.Sources(o.Info.Log) == 0 }))
	o := s.queued[i]
	s.queued = slices.Delete(s.queued, i, i+1)
	s.pulling++
	s.spawn(func() {
		others, err := s.set.Swarm.Pull(s, o)
		s.stalled(err)
		s.tell(&inputDone{syncer.PullDone{Topic: o.Info.Topic, Log: o.Info.Log, Err: err, Others: others}})
	})
}

// stalled counts a transfer that the peer let stand still. It is given up, and
// the session goes on.
func (s *Session) stalled(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.set.Refused(messages.CodeTimeout)
	}
}

// still is how long the peer may keep still on a stream.
func (s *Session) still() time.Duration { return Still(s.set.PeerTimeout) }

func (s *Session) patient(t transport.Stream) streams.Patient {
	return streams.Patient{Stream: t, Still: s.still()}
}

// accept serves the streams that the peer opens.
func (s *Session) accept() {
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
			called := s.serve(stream)
			<-s.serving
			if called != nil {
				s.set.Doors.Serve(s.ctx, stream, called, s.Caller())
			} else {
				stream.Cancel(uint64(messages.CodeCanceled))
			}
		})
	}
}

// serve answers one request for pages or a range, or returns the capability that it is
// for: such a call takes no place among the transfers.
func (s *Session) serve(stream transport.Stream) *messages.Open {
	stream.SetReadDeadline(time.Now().Add(s.set.PeerTimeout))
	body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
	if err != nil {
		s.stalled(err)
		if err = syncer.Violated(err); errors.As(err, new(*syncer.Violation)) {
			s.tell(&lost{err})
		}
		return nil
	}
	m, err := messages.Decode(body)
	if err != nil {
		s.tell(&lost{syncer.Violated(err)})
		return nil
	}
	switch req := m.(type) {
	case *messages.PageRequest:
		s.servePages(stream, req)
	case *messages.RangeRequest:
		s.serveRange(stream, req)
	case *messages.Open:
		stream.SetReadDeadline(time.Time{})
		return req
	case *messages.Unknown: // it may be ignored, and its stream with it
	default:
		s.tell(&lost{&syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: m.Type().String() + " on a transfer stream"}})
	}
	return nil
}

// transferred returns the topic of a transfer, and what it is served from. One that is not shared is an
// answer to the peer and no more: streams come in another order than what is
// said on the control stream.
func (s *Session) transferred(stream transport.Stream, number uint32) (identity.TopicID, syncer.RangeSource, bool) {
	topic, reach, ok := s.topicWith(number)
	if !ok {
		s.refuseStream(stream, messages.CodeNotShared)
	}
	return topic, reach.Of(s.set.Store.Source()), ok
}

// refuseStream answers the request of a stream with an ERROR.
func (s *Session) refuseStream(stream transport.Stream, code messages.Code) {
	streams.Refuse(stream, s.still(), code)
}

func (s *Session) servePages(stream transport.Stream, req *messages.PageRequest) {
	topic, src, ok := s.transferred(stream, req.Topic)
	if !ok {
		return
	}
	defer s.whileShared(topic, stream)()
	served, err := syncer.ServePages(s.patient(stream), src, topic, req, &s.pace)
	s.stats.pagesOut.Add(served.Pages)
	s.stats.eventsOut.Add(served.Events)
	err = s.endAnswer(stream, err)
	s.tell(&inputDone{syncer.Served{Topic: topic, Log: req.Log, EndSize: served.End, Partly: !req.Tail, Err: err}})
}

func (s *Session) serveRange(stream transport.Stream, req *messages.RangeRequest) {
	topic, src, ok := s.transferred(stream, req.Topic)
	if !ok {
		return
	}
	defer s.whileShared(topic, stream)()
	served, err := syncer.ServeRange(s.patient(stream), src, topic, req)
	s.stats.eventsOut.Add(served.Events)
	_ = s.endAnswer(stream, err)
}

// endAnswer ends a stream whose request was answered, as one that was refused is too.
func (s *Session) endAnswer(stream transport.Stream, err error) error {
	s.stalled(err)
	if err == nil || errors.As(err, new(*syncer.Violation)) {
		err = errors.Join(err, stream.CloseWrite())
	}
	return err
}

// prove answers a request for an inclusion proof, before anything else of the
// peer is read: it is one goroutine's work, however many are asked for.
func (s *Session) prove(m *messages.ProofRequest) {
	topic, ok := s.topic(m.Topic)
	if !ok {
		return
	}
	r, err := s.set.Store.ProofResponse(topic, m)
	if err != nil {
		s.set.Logger.Debug("a proof is not given", slog.String("peer", s.conn.Peer().Short()), slog.Any("error", err))
		return
	}
	s.do(syncer.Send{Message: r})
}
