// SPDX-License-Identifier: MPL-2.0

package session

import (
	"bufio"
	"context"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// The control stream of a session: one goroutine reads it, one writes it, and
// the actor between them alone touches the core.

// control opens or accepts the control stream: the dialer opens it.
func (s *Session) control() (transport.Stream, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.set.PeerTimeout)
	defer cancel()
	if s.first != nil {
		return s.first, nil
	}
	if s.conn.Dialer() {
		return s.conn.OpenStream(ctx)
	}
	return s.conn.AcceptStream(ctx)
}

// read feeds frames to the actor, at most inboxFrames ahead of it.
func (s *Session) read(control transport.Stream) {
	limit, state := messages.MaxHelloFrame, syncer.Greeted
	from := &greeter{Stream: control, until: time.Now().Add(s.set.PeerTimeout)}
	in := bufio.NewReader(from)
	for {
		m, bytes, err := s.next(in, from, limit)
		if err != nil {
			s.tell(&lost{err})
			return
		}
		was := state
		if state = s.handle(m, bytes, state != syncer.Syncing); state == syncer.Ended {
			return
		}
		switch {
		case was == syncer.Syncing:
			from.until = time.Time{}
		case state == syncer.Syncing: // PEAKS follows at once
			limit, in = messages.MaxEventsFrame, bufio.NewReaderSize(in, 64<<10)
			from.until = time.Now().Add(peaksTimeouts * s.set.PeerTimeout)
		case was == syncer.Greeted: // a topic is to be found that both are in
			from.until = time.Now().Add(peaksTimeouts * s.set.PeerTimeout)
		}
	}
}

// next reads one message and says how long it was. It may begin at any time
// unless one is owed, and must then keep moving.
func (s *Session) next(in *bufio.Reader, from *greeter, limit int) (messages.Message, int, error) {
	from.stall = 0
	if _, err := in.Peek(1); err != nil {
		return nil, 0, err
	}
	if from.until.IsZero() {
		from.stall = stallTimeouts * s.set.PeerTimeout
	}
	body, err := messages.ReadFrame(in, limit, nil)
	if err != nil {
		return nil, 0, err
	}
	m, err := messages.Decode(body)
	return m, len(body), err
}

// handle passes a frame to the actor. With wait it returns when the actor has
// taken it, and where the session is then: a stranger sends nothing long.
func (s *Session) handle(m messages.Message, bytes int, wait bool) syncer.State {
	f := &frameIn{m: m, at: s.heard.note(), credits: min(1+bytes>>20, inboxFrames)}
	for range f.credits {
		select {
		case s.inbox <- struct{}{}:
		case <-s.ctx.Done():
			return syncer.Ended
		}
	}
	taken := make(chan syncer.State, 1)
	if wait {
		f.taken = taken
	}
	s.tell(f)
	if !wait {
		return syncer.Syncing
	}
	select {
	case state := <-taken:
		return state
	case <-s.ctx.Done():
		return syncer.Ended
	}
}

// write drains the outbox into the control stream.
func (s *Session) write(control transport.Stream) {
	to := streams.Patient{Stream: control, Still: s.still()}
	var buf []byte
	send := func(m messages.Message) (err error) {
		if buf, err = messages.AppendFrame(buf[:0], m); err != nil {
			return err
		}
		_, err = to.Write(buf)
		return err
	}
	for {
		ctl, p, ok := s.out.next()
		if !ok {
			control.CloseWrite()
			return
		}
		var err error
		for _, m := range ctl {
			if err = send(m); err != nil {
				break
			}
		}
		if p.to > p.from && err == nil {
			err = s.push(p, send)
		}
		if err != nil {
			s.tell(&lost{err})
			return
		}
	}
}

func (s *Session) push(p push, send func(messages.Message) error) error {
	end, err := syncer.PushEvents(send, s.set.Store.Source(), p.topic, p.log, p.from, p.to, &s.pace)
	if l, err := s.set.Store.Log(p.log); end > p.from && err == nil && l.Kind == identity.KindData {
		s.stats.eventsOut.Add(end - p.from)
	}
	return err
}
