// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// serveRange answers a request for a range.
func (s *session) serveRange(stream transport.Stream, req *messages.RangeRequest) {
	topic, ok := s.transferred(stream, req.Topic)
	if !ok {
		return
	}
	defer s.whileShared(topic, stream)()
	served, err := syncer.ServeRange(s.patient(stream), s.n.cfg.Store.Source(), topic, req)
	s.stats.eventsOut.Add(served.Events)
	s.stalled(err)
	if err == nil || errors.As(err, new(*syncer.Violation)) { // a refusal is an answer too
		stream.CloseWrite()
	}
}

// A rangeSource is a peer that ranges are asked of: over the session with it,
// or as a visitor, who greets as a member of the topic and takes no part in the
// sync.
type rangeSource struct {
	n       *Node
	peer    identity.PeerID
	session *session // nil for a visitor
	visit   *Fetcher
	at      identity.Address
	topic   *store.Topic
	conn    *fetchConn     // of a visitor; nil until it is needed
	over    transport.Conn // to be greeted on, where it is there already
	head    *syncer.Range  // that it told
	err     error          // why it is not asked any more
}

// rangeSources returns the peers to ask: those that were named, or else all that
// are connected and share the topic.
func (n *Node) rangeSources(t *store.Topic, named []identity.Address, over transport.Conn) (all []*rangeSource) {
	if over != nil {
		f := NewFetcher(n.cfg.Carrier, n.self, nil, n.cfg.Patience)
		return []*rangeSource{{n: n, peer: over.Peer(), visit: f, over: over, topic: t}}
	}
	if len(named) == 0 {
		for _, s := range n.live() {
			if slices.Contains(s.topics(), t.ID) {
				all = append(all, &rangeSource{n: n, peer: s.conn.Peer(), session: s})
			}
		}
		return all
	}
	for _, a := range named {
		if s := n.sessionWith(a.Peer); s != nil && slices.Contains(s.topics(), t.ID) {
			all = append(all, &rangeSource{n: n, peer: a.Peer, session: s})
			continue
		}
		f := NewFetcher(n.cfg.Carrier, n.self, nil, n.cfg.Patience)
		all = append(all, &rangeSource{n: n, peer: a.Peer, visit: f, at: a, topic: t})
	}
	return all
}

// open opens a stream to the peer.
func (s *rangeSource) open(ctx context.Context) (transport.Stream, error) {
	if s.session != nil {
		return s.session.conn.OpenStream(ctx)
	}
	if s.conn == nil {
		c, err := s.connect(ctx)
		if err != nil {
			return nil, err
		}
		s.conn, s.peer = c, c.conn.Peer()
	}
	return s.conn.conn.OpenStream(ctx)
}

func (s *rangeSource) connect(ctx context.Context) (*fetchConn, error) {
	switch {
	case s.over == nil:
		return s.visit.connect(ctx, s.at, s.topic)
	case s.over.Err() != nil:
		return nil, s.over.Err()
	}
	c := &fetchConn{conn: s.over, done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, s.n.cfg.Patience)
	defer cancel()
	return c, s.visit.greet(ctx, c, s.topic)
}

// hangUp ends the visit, if it is one.
func (s *rangeSource) hangUp(code messages.Code) {
	if s.conn == nil {
		return
	}
	s.conn.bye(code)
	s.conn.conn.CloseWithError(uint64(code), "")
	<-s.conn.done
	s.conn = nil
}

// number is what the topic goes by on the wire: a visitor dials and greets with
// one only. One that is not shared any more is refused by the peer.
func (s *rangeSource) number(id identity.TopicID) uint32 {
	if s.session == nil {
		return 0
	}
	n, ok := s.session.number(id)
	if !ok {
		return math.MaxUint32
	}
	return n
}

// refuse tells a peer what it may not do, and counts it.
func (s *rangeSource) refuse(v *syncer.Violation) {
	if s.session != nil {
		s.session.tell(&lost{v})
		return
	}
	s.n.net.refused.add(v.Code)
	s.hangUp(v.Code)
}

// ask sends a request and hands take what comes, verified: first the head, then
// chunks. A visitor whose connection ended before it brought anything comes
// again: a peer gives up a session in which nothing is said.
func (s *rangeSource) ask(ctx context.Context, req *messages.RangeRequest, info syncer.LogInfo, take func(*syncer.Range) error) error {
	for tries := 1; ; tries++ {
		pull := syncer.NewRangePull(info, req)
		err := s.once(ctx, req, pull, take)
		if err == nil && pull.Head() == nil {
			err = &syncer.Violation{Code: messages.CodeBadRange, Text: "an answer without a head"}
		}
		var v *syncer.Violation
		if errors.As(err, &v) {
			s.refuse(v)
		}
		if err == nil || s.session != nil || s.over != nil || !cutOff(err) || ctx.Err() != nil || pull.Head() != nil || tries == fetchTries {
			return err
		}
		s.hangUp(messages.CodeClosing)
	}
}

func (s *rangeSource) once(ctx context.Context, req *messages.RangeRequest, pull *syncer.RangePull, take func(*syncer.Range) error) (err error) {
	frame, err := messages.AppendFrame(nil, req)
	if err != nil {
		return err
	}
	stream, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { stream.Cancel(uint64(cmp.Or(codeFor(err), messages.CodeCanceled))) }()
	defer context.AfterFunc(ctx, func() { stream.Cancel(uint64(messages.CodeCanceled)) })()
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	stream.CloseWrite() // who has answered already reads no more, and says so
	if s.session != nil {
		s.session.awaited.Add(1)
		defer s.session.awaited.Add(-1)
	}
	in := bufio.NewReaderSize(patient{stream, stallPatience * s.n.cfg.Patience}, 64<<10)
	for {
		r, err := s.next(in, pull)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil: // the stream was cut off here
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		if err := take(r); err != nil {
			return err
		}
	}
}

// next reads and verifies one response.
func (s *rangeSource) next(in *bufio.Reader, pull *syncer.RangePull) (*syncer.Range, error) {
	body, err := messages.ReadFrame(in, messages.MaxEventsFrame, nil)
	if errors.Is(err, io.EOF) {
		return nil, err
	}
	if err != nil {
		return nil, violated(err)
	}
	m, err := messages.Decode(body)
	if err != nil {
		return nil, violated(err)
	}
	switch m := m.(type) {
	case *messages.RangeResponse:
		return pull.Take(m)
	case *messages.Error:
		return nil, &PeerError{Peer: s.peer, Code: m.Code, Text: m.Text, Remote: true}
	}
	return nil, &syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: m.Type().String() + " in a transfer"}
}
