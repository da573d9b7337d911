// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// A flawed is a program that breaks one rule.
type flawed struct {
	what string
	rule rule
	play func(s *suite) error                   // the scenario,
	says func(p *evilpeer.Peer, s *suite) error // and what the program says in it, HELLO first
}

func says(msgs ...messages.Message) func(*evilpeer.Peer, *suite) error {
	return func(p *evilpeer.Peer, s *suite) error {
		if err := p.Hello(&s.one().invite); err != nil {
			return err
		}
		return p.Send(msgs...)
	}
}

// unhappy answers PEAKS with events that spoil changed.
func unhappy(spoil func(m *messages.Events)) func(*evilpeer.Peer, *suite) error {
	return func(p *evilpeer.Peer, s *suite) error {
		l := s.one().add(s.one().newLog(5, "event %d"))
		m := l.Events(0, 5)
		spoil(m)
		return says(&messages.Peaks{Logs: 1, Digest: digest.Hash{1}}, m)(p, s)
	}
}

func flaws() []flawed {
	empty := (&topic{}).set(nil, nil)
	peaks := &messages.Peaks{Digest: empty.Sum}
	return []flawed{
		{"speaks before HELLO", ruleFirst, bothEmpty, func(p *evilpeer.Peer, _ *suite) error { return p.Send(peaks) }},
		{"is somebody else", rulePeer, bothEmpty, func(p *evilpeer.Peer, _ *suite) error {
			m := p.Greeting()
			m.Peer[0] ^= 1
			return p.Send(m)
		}},
		{"speaks of a topic before it is shared", ruleStates, noTopic, says(peaks)},
		{"ends with another code", ruleNoTopic, noTopic, says(&messages.Error{Code: 12})},
		{"says what does not decode", ruleDecode, bothEmpty, func(p *evilpeer.Peer, s *suite) error { return p.Raw(evilpeer.Frame([]byte("what"))) }},
		{"offers a topic twice", ruleOfferTwice, bothEmpty, func(p *evilpeer.Peer, s *suite) error {
			return p.Send(p.Greeting(p.Offer(&s.one().invite), p.Offer(&s.one().invite)))
		}},
		{"has another join key", ruleJoinProof, bothEmpty, func(p *evilpeer.Peer, s *suite) error {
			o := p.Offer(&s.one().invite)
			o.Join[0] ^= 1
			return p.Send(p.Greeting(o))
		}},
		{"does not offer what it is in", ruleOfferBack, bothEmpty, func(p *evilpeer.Peer, _ *suite) error { return p.Send(p.Greeting()) }},
		{"answers lists that were not sent", ruleAnswers, bothEmpty, says(&messages.Topics{Answers: 4})},
		{"states PEAKS twice", rulePeaksOnce, bothEmpty, says(peaks, peaks)},
		{"forgets PEAKS", rulePeaksFirst, bothEmpty, says(&messages.SyncDone{})},
		{"names a topic that there is not", ruleNumber, bothEmpty, says(&messages.SyncDone{Topic: 7})},
		{"subscribes unasked", ruleSubscribe, bothEmpty, says(&messages.Subscribe{})},
		{"begins a round of what is equal", ruleEqual, bothEmpty, says(peaks,
			&messages.Diff{Rung: messages.RungSketch, Body: messages.EncodeBody(9, &messages.AskBody{Symbols: 3})}, &messages.SyncDone{Digest: empty.Sum})},
		{"never agrees", ruleDone, bothEmpty, says(peaks)},
		{"agrees on something else", ruleDone, bothEmpty, says(peaks, &messages.SyncDone{Logs: 1})},
		{"answers no PING", rulePong, pings, says(peaks)},
		{"answers another PING", rulePong, pings, says(peaks, &messages.Pong{Nonce: 5})},
		{"has a salt of its own", ruleSalt, bothEmpty, says(&messages.Peaks{Logs: 1},
			&messages.Diff{Rung: messages.RungFrontier, Body: messages.EncodeBody(3, &messages.ItemsBody{Items: []uint64{1}})})},
		{"changes events", ruleTree, bothEmpty, unhappy(func(m *messages.Events) { m.Records[len(m.Records)-1] ^= 1 })},
		{"changes a head", ruleHead, bothEmpty, unhappy(func(m *messages.Events) { m.Head.Sig[0] ^= 1 })},
		{"changes a proof", ruleTree, bothEmpty, unhappy(func(m *messages.Events) { m.Right = []digest.Hash{{}} })},
		{"changes a name", ruleName, bothEmpty, unhappy(func(m *messages.Events) { m.Number++ })},
		{"speaks behind its last word", ruleEnd, noTopic, says(&messages.Bye{Code: 4}, peaks)},
	}
}

// The suite says of each flaw which rule it breaks.
func TestSuiteNamesTheRule(t *testing.T) {
	for _, f := range flaws() {
		t.Run(f.what, func(t *testing.T) {
			s := newSuite()
			s.patient = 500 * time.Millisecond // with what says nothing on purpose
			path := filepath.Join(t.TempDir(), "s")
			c, err := pipenet.New(member(50).PeerKey(), pipenet.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ln, err := c.Listen(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			s.reach.unix = path
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := ln.Accept(context.Background())
				if err != nil {
					return
				}
				p := &evilpeer.Peer{Self: member(50).PeerID(), Conn: conn}
				if err := p.Open(context.Background()); err == nil {
					f.says(p, s)
				}
				<-conn.Done()
			}()
			err = s.run(scenario{f.what, f.play})
			var b *broken
			if !errors.As(err, &b) || b.rule != f.rule {
				t.Errorf("the suite says %v, want the rule %q", err, f.rule)
			}
			ln.Close()
			<-done
		})
	}
}
