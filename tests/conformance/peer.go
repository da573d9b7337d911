// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A peer is the suite's end of one session.
type peer struct {
	as      identity.Device
	conn    transport.Conn
	end     func()
	control transport.Stream
	judge   *judge
	patient time.Duration
	record  *recording

	frames chan frame     // that the program sent
	wrong  chan error     // what the program did wrong on other streams
	wg     sync.WaitGroup // goroutines of the connection

	mu    sync.Mutex                // guards has: streams read it
	has   map[*topic]holding        // what the suite has here
	talks map[*topic]*conversation  // shared topics
	plays map[messages.Rung]bool    // rungs that the suite leads with; nil is rung 3
	since func(digest.Set) []change // what the suite remembers of a digest, for rung 1
}

// A change is a log that changed since some digest.
type change struct {
	log    digest.Hash
	before uint64
}

type frame struct {
	m   messages.Message
	err error
}

// errQuiet is returned if the program says nothing for too long.
var errQuiet = errors.New("the program said nothing more in time")

// connect opens a connection and its control stream, once the earlier ones are
// closed: a command may have one store, and that for one process at a time.
func (s *suite) connect(as identity.Device) (*peer, error) {
	s.hangUp()
	ctx, cancel := context.WithTimeout(context.Background(), s.patient)
	defer cancel()
	conn, end, err := s.dial(ctx, as)
	if err != nil {
		return nil, err
	}
	p := &peer{
		as: as, conn: conn, end: end, patient: s.patient, record: s.record.session(s.scenario, conn, as),
		judge: newJudge(conn.Binding(), conn.Peer(), true, s.topics), frames: make(chan frame, 1024), wrong: make(chan error, 64),
		has: map[*topic]holding{}, talks: map[*topic]*conversation{},
	}
	s.open = append(s.open, p)
	if p.control, err = conn.OpenStream(ctx); err != nil {
		return nil, err
	}
	p.wg.Go(p.read)
	p.wg.Go(p.accept)
	return p, nil
}

// dial tries again until the program is there, which may take a moment to end
// what it did before.
func (s *suite) dial(ctx context.Context, as identity.Device) (transport.Conn, func(), error) {
	for {
		conn, end, err := s.reach.dial(ctx, as)
		if err == nil {
			return conn, end, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// close hangs up and waits for what the connection ran.
func (p *peer) close() {
	p.conn.CloseWithError(0, "the scenario is over")
	p.end()
	p.wg.Wait()
}

// read takes frames off the control stream.
func (p *peer) read() {
	for {
		body, err := messages.ReadFrame(p.control, messages.MaxEventsFrame, nil)
		var m messages.Message
		if err == nil {
			p.record.frame("program", body)
			if m, err = messages.Decode(body); err != nil {
				err = ruleDecode.broken("%v", err)
			}
		}
		p.frames <- frame{m, err}
		if err != nil {
			return
		}
	}
}

// send says messages on the control stream.
func (p *peer) send(msgs ...messages.Message) error {
	for _, m := range msgs {
		b, err := messages.AppendFrame(nil, m)
		if err != nil {
			return err
		}
		p.judge.sent(m)
		if err := p.raw(b); err != nil {
			return err
		}
	}
	return nil
}

// raw writes bytes to the control stream.
func (p *peer) raw(b []byte) error {
	if len(b) > 4 {
		p.record.frame("suite", b[4:])
	}
	p.control.SetWriteDeadline(time.Now().Add(p.patient))
	_, err := p.control.Write(b)
	return err
}

// next returns what the program says next; the judge has looked at it.
func (p *peer) next(wait time.Duration) (messages.Message, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-p.wrong:
		return nil, err
	case f := <-p.frames:
		if f.err != nil {
			return nil, p.ended(f.err)
		}
		return f.m, p.judge.hear(f.m)
	case <-timer.C:
		return nil, errQuiet
	}
}

// ended says how the control stream ended.
func (p *peer) ended(err error) error {
	var b *broken
	if errors.As(err, &b) {
		return err
	}
	select {
	case <-p.conn.Done():
		return fmt.Errorf("the connection ended: %w", p.conn.Err())
	case <-time.After(p.patient):
		return fmt.Errorf("the control stream ended: %w", err)
	}
}

// A refusal is the last word of the program.
type refusal struct {
	code messages.Code
	text string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the program ends the session: %s: %q", r.code, r.text)
}

// refused returns the last word that a message is, or nil.
func refused(m messages.Message) *refusal {
	switch m := m.(type) {
	case *messages.Error:
		return &refusal{m.Code, m.Text}
	case *messages.Bye:
		return &refusal{m.Code, m.Text}
	}
	return nil
}

// await takes part in what the program says until done says that it is enough.
// If that does not come, the rule is the one that was broken.
func (p *peer) await(r rule, what string, done func(messages.Message) (bool, error)) error {
	for until := time.Now().Add(p.patient); ; {
		m, err := p.next(time.Until(until))
		if errors.Is(err, errQuiet) {
			return r.broken("%s does not come", what)
		}
		if err != nil {
			return err
		}
		if last := refused(m); last != nil {
			return r.broken("%v, while %s was awaited", last, what)
		}
		if err := p.take(m); err != nil {
			return err
		}
		if ok, err := done(m); ok || err != nil {
			return err
		}
	}
}

// verdict reads until the program ends the session, by its last word or with the
// connection, and checks that it does so with a code.
func (p *peer) verdict(r rule, want messages.Code) error {
	for until := time.Now().Add(p.patient); ; {
		m, err := p.next(time.Until(until))
		var closed *transport.ClosedError
		switch {
		case errors.As(err, &closed) && closed.Remote:
			return r.code(messages.Code(closed.Code), want)
		case errors.Is(err, errQuiet):
			return r.broken("the session goes on")
		case err != nil:
			return err
		}
		if last := refused(m); last != nil {
			if err := r.code(last.code, want); err != nil {
				return err
			}
			return p.silent()
		}
	}
}

func (r rule) code(got, want messages.Code) error {
	if got != want {
		return r.broken("the session ends with code %d (%s), want %d (%s)", got, got, want, want)
	}
	return nil
}

// silent reads to the end of the control stream: nothing comes behind a last word.
func (p *peer) silent() error {
	timer := time.NewTimer(p.patient)
	defer timer.Stop()
	for {
		select {
		case f := <-p.frames:
			if f.err != nil {
				return nil
			}
			if err := p.judge.hear(f.m); err != nil {
				return err
			}
		case <-timer.C:
			return ruleEnd.broken("the control stream goes on after the last word")
		}
	}
}

// alive asks whether the program still listens; all that was said before has been
// looked at when it answers.
func (p *peer) alive(nonce uint64) error {
	if err := p.send(&messages.Ping{Nonce: nonce, Padding: make([]byte, 32)}); err != nil {
		return err
	}
	return p.await(rulePong, "a PONG", func(m messages.Message) (bool, error) {
		pong, ok := m.(*messages.Pong)
		return ok && pong.Nonce == nonce, nil
	})
}

// offer is how the suite offers a topic: "Proofs and marks" of docs/format.md.
func (p *peer) offer(t *topic) messages.Offer {
	k, b := t.prover(), p.conn.Binding()
	return messages.Offer{Lobby: k.Lobby(b, true), Join: k.Join(b, true)}
}

// greeting is a HELLO with these offers.
func (p *peer) greeting(offers ...messages.Offer) *messages.Hello {
	return &messages.Hello{
		Version: messages.ProtocolVersion, Peer: p.as.PeerID(), Caps: []messages.Capability{{Name: messages.CapSync}},
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages, Offers: offers,
	}
}

// hello greets with topics.
func (p *peer) hello(topics ...*topic) error {
	var offers []messages.Offer
	for _, t := range topics {
		offers = append(offers, p.offer(t))
	}
	return p.send(p.greeting(offers...))
}

// readAll reads the frames of an answer on a stream of its own, to its end.
func readAll(in io.Reader, take func(m messages.Message) error) error {
	for {
		body, err := messages.ReadFrame(in, messages.MaxEventsFrame, nil)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := messages.Decode(body)
		if err != nil {
			return ruleDecode.broken("%v", err)
		}
		if err := take(m); err != nil {
			return err
		}
	}
}
