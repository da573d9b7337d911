// SPDX-License-Identifier: MPL-2.0

// Package evilpeer speaks XSP by hand, over any carrier, for tests of what a
// hostile peer can do. A Peer can be honest up to the one thing that is wrong:
// it shakes hands as either end, and a Log gives it true heads, events and
// pages to spoil.
package evilpeer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// patience bounds how long a peer waits for anything.
const patience = 30 * time.Second

// A Peer is one end of a connection, driven by its test.
type Peer struct {
	Self    identity.PeerID
	Conn    transport.Conn
	Control transport.Stream // nil until it is opened
}

// Dial connects to a victim and opens nothing.
func Dial(ctx context.Context, c transport.Carrier, self identity.PeerID, victim identity.Address) (*Peer, error) {
	conn, err := c.Dial(ctx, victim)
	if err != nil {
		return nil, err
	}
	return &Peer{Self: self, Conn: conn}, nil
}

// Open opens or accepts the control stream, as the end it is.
func (p *Peer) Open(ctx context.Context) (err error) {
	if p.Conn.Dialer() {
		p.Control, err = p.Conn.OpenStream(ctx)
	} else {
		p.Control, err = p.Conn.AcceptStream(ctx)
	}
	return err
}

// Greet opens the control stream and greets as a member does.
func (p *Peer) Greet(ctx context.Context, topic *identity.Invite) error {
	if err := p.Open(ctx); err != nil {
		return err
	}
	return p.Hello(topic)
}

// Hello greets as one who has an invite to a topic, in its true role.
func (p *Peer) Hello(topic *identity.Invite) error {
	return p.Send(p.Greeting(p.Offer(topic)))
}

// Offer is how this end offers a topic that it has the keys of.
func (p *Peer) Offer(topic *identity.Invite) messages.Offer {
	return syncer.OfferOf(topic.Keys.Prover(topic.Topic()), p.Conn.Binding(), p.Conn.Dialer())
}

// Greeting is a HELLO with offers of the caller's choice.
func (p *Peer) Greeting(offers ...messages.Offer) *messages.Hello {
	return &messages.Hello{
		Version: syncer.Version, Peer: p.Self, Caps: []messages.Capability{{Name: messages.CapSync}}, Offers: offers,
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
	}
}

// Send writes messages to the control stream.
func (p *Peer) Send(msgs ...messages.Message) error {
	for _, m := range msgs {
		frame, err := messages.AppendFrame(nil, m)
		if err != nil {
			return err
		}
		if err := p.Raw(frame); err != nil {
			return err
		}
	}
	return nil
}

// Raw writes bytes to the control stream.
func (p *Peer) Raw(b []byte) error {
	if err := p.Control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := p.Control.Write(b)
	return err
}

// Answer waits for a transfer that the victim asks for, writes b to it and, with
// end, ends it.
func (p *Peer) Answer(ctx context.Context, end bool, b ...[]byte) (*messages.PageRequest, error) {
	return p.Serve(ctx, end, func(*messages.PageRequest) [][]byte { return b })
}

// Serve is Answer with words that fit the request.
func (p *Peer) Serve(ctx context.Context, end bool, reply func(*messages.PageRequest) [][]byte) (*messages.PageRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stream, err := p.Conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
	if err != nil {
		return nil, err
	}
	m, err := messages.Decode(body)
	if err != nil {
		return nil, err
	}
	req, ok := m.(*messages.PageRequest)
	if !ok {
		return nil, fmt.Errorf("the victim opens a stream with %s", m.Type())
	}
	for _, part := range reply(req) {
		if _, err := stream.Write(part); err != nil {
			return req, err
		}
	}
	if end {
		err = stream.CloseWrite()
	}
	return req, err
}

// Transfer opens a stream of its own and writes b to it.
func (p *Peer) Transfer(ctx context.Context, b []byte) (transport.Stream, error) {
	stream, err := p.Conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	_, err = stream.Write(b)
	return stream, err
}

// Alive asks for the proof of an event and waits for the answer: all that was
// sent before has been looked at then.
func (p *Peer) Alive(topic uint32, log digest.Hash, seq uint64) error {
	if err := p.Send(&messages.ProofRequest{Topic: topic, Log: log, Seq: seq}); err != nil {
		return err
	}
	for {
		m, err := p.Read()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *messages.Error:
			return m
		case *messages.ProofResponse:
			if m.Log == log && m.Seq == seq {
				return nil
			}
		}
	}
}

// Settled reads until the victim has taken our HELLO and says so by its PEAKS.
func (p *Peer) Settled() error {
	for {
		m, err := p.Read()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *messages.Peaks:
			return nil
		case *messages.Error:
			return m
		}
	}
}

// Read returns the victim's next message.
func (p *Peer) Read() (messages.Message, error) {
	if err := p.Control.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	body, err := messages.ReadFrame(p.Control, messages.MaxEventsFrame, nil)
	if err != nil {
		return nil, err
	}
	return messages.Decode(body)
}

// Verdict reads until the victim says why it is done: in an ERROR or BYE, or as
// it closes the connection.
func (p *Peer) Verdict() (messages.Code, error) {
	for p.Control != nil {
		m, err := p.Read()
		if err != nil {
			break // the stream has ended, and the connection ends next
		}
		switch m := m.(type) {
		case *messages.Error:
			return m.Code, nil
		case *messages.Bye:
			return m.Code, nil
		}
	}
	select {
	case <-p.Conn.Done():
	case <-time.After(patience):
	}
	if code, ok := p.closed(); ok {
		return code, nil
	}
	return 0, fmt.Errorf("no verdict: %w", p.Conn.Err())
}

// closed returns the code with which the victim closed the connection.
func (p *Peer) closed() (messages.Code, bool) {
	var c *transport.ClosedError
	if errors.As(p.Conn.Err(), &c) && c.Remote {
		return messages.Code(c.Code), true
	}
	return 0, false
}

// ServeRange waits for a request for a range, answers it with what reply
// returns, and ends the stream.
func (p *Peer) ServeRange(ctx context.Context, reply func(*messages.RangeRequest) []messages.Message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stream, err := p.Conn.AcceptStream(ctx)
	if err != nil {
		return err
	}
	body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
	if err != nil {
		return err
	}
	m, err := messages.Decode(body)
	if err != nil {
		return err
	}
	req, ok := m.(*messages.RangeRequest)
	if !ok {
		return fmt.Errorf("the victim opens a stream with %s", m.Type())
	}
	for _, m := range reply(req) {
		if _, err := stream.Write(Encoded(m)); err != nil {
			return err
		}
	}
	return stream.CloseWrite()
}
