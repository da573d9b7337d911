// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// A breach is something that the suite must not do, with the code that ends the
// session for it and the sentence that says so.
type breach struct {
	what string
	code messages.Code
	rule rule
	do   func(s *suite, p *peer) error
}

func breaches() []breach { return slices.Concat(greetings(), talks(), bodies()) }

func refusals() (all []scenario) {
	for _, b := range breaches() {
		all = append(all, scenario{"refused: " + b.what, b.play})
	}
	return all
}

func (b breach) play(s *suite) error {
	p, err := s.connect(member(8))
	if err != nil {
		return err
	}
	if err := b.do(s, p); err != nil {
		return err
	}
	return p.verdict(b.rule, b.code)
}

// greet is a breach in HELLO.
func greet(what string, code messages.Code, r rule, spoil func(s *suite, p *peer, m *messages.Hello)) breach {
	return breach{what, code, r, func(s *suite, p *peer) error {
		m := p.greeting(p.offer(s.one()))
		spoil(s, p, m)
		return p.send(m)
	}}
}

func greetings() []breach {
	return []breach{
		greet("another version", 3, ruleVersion, func(_ *suite, _ *peer, m *messages.Hello) { m.Version = 9 }),
		greet("the name of another peer", 6, "| 6 | HELLO names another peer than the channel |", func(_ *suite, _ *peer, m *messages.Hello) { m.Peer[3] ^= 1 }),
		greet("an open topic with another join key", 5, "In an *open* topic the join key never changes: the session ends with code 5.", func(_ *suite, _ *peer, m *messages.Hello) { m.Offers[0].Join[0] ^= 1 }),
		greet("a topic twice in one list", 12, ruleOfferTwice, func(_ *suite, _ *peer, m *messages.Hello) { m.Offers = append(m.Offers, m.Offers[0]) }),
		{"a message before HELLO", 12, ruleStates, func(_ *suite, p *peer) error { return p.send(&messages.Peaks{}) }},
		{"a body that is no message", 1, ruleDecode, func(_ *suite, p *peer) error { return p.raw(evilpeer.Frame([]byte("hello"))) }},
		{"a body of one byte", 1, "A body of less than 2 bytes, and a stream that ends inside of a frame, are code 1.", func(_ *suite, p *peer) error { return p.raw(evilpeer.Frame([]byte{0x90})) }},
		{"a HELLO that is too long", 2, "| body of HELLO, of anything before it, and of a PAGE_REQUEST | 80 KiB |", func(_ *suite, p *peer) error {
			return p.raw(binary.BigEndian.AppendUint32(nil, 81<<10))
		}},
		{"a text that is no UTF-8", 1, "A str is UTF-8, of any characters and in any normal form; one that is not ends the session with code 1", func(_ *suite, p *peer) error {
			return p.raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(12), evilpeer.Uint(0), evilpeer.Str("\xff")))
		}},
		{"a negative number", 1, "also of msgpack's signed ones, if it is not negative", func(_ *suite, p *peer) error {
			return p.raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(12), []byte{0xff}, evilpeer.Str("")))
		}},
		{"bytes after a message", 1, "Shorter is an error, and so are bytes after the array.", func(_ *suite, p *peer) error {
			return p.raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(12), evilpeer.Uint(0), evilpeer.Str(""), []byte{0}))
		}},
		{"a type that must be known", 21, "Below 128 it ends the session with code 21.", func(_ *suite, p *peer) error { return p.raw(unknownFrame(100, 1)) }},
	}
}

// said is a breach once a topic is shared and PEAKS came.
func said(what string, code messages.Code, r rule, do func(p *peer, c *conversation, l *evilpeer.Log) error) breach {
	return breach{what, code, r, func(s *suite, p *peer) error {
		c, err := p.met(s.one(), s.one().all())
		if err != nil {
			return err
		}
		err = p.await(ruleShared, "PEAKS", func(messages.Message) (bool, error) { return c.peaks != nil, nil })
		if err != nil {
			return err
		}
		return do(p, c, s.one().logOf(keyOf("nobody's"), 20, "event %d of a log that breaks a rule"))
	}}
}

// spoken is said with one message.
func spoken(what string, code messages.Code, r rule, of func(c *conversation, l *evilpeer.Log) messages.Message) breach {
	return said(what, code, r, func(p *peer, c *conversation, l *evilpeer.Log) error { return p.send(of(c, l)) })
}

func talks() []breach {
	events := func(c *conversation, l *evilpeer.Log, spoil func(m *messages.Events)) *messages.Events {
		m := l.Events(0, 10)
		m.Topic = c.number
		spoil(m)
		return m
	}
	return []breach{
		spoken("HELLO twice", 12, ruleStates, func(*conversation, *evilpeer.Log) messages.Message { return &messages.Hello{Version: 2} }),
		spoken("PEAKS twice", 12, rulePeaksOnce, func(c *conversation, _ *evilpeer.Log) messages.Message { return &messages.Peaks{Topic: c.number} }),
		spoken("a topic that is not shared", 26, ruleNumber, func(*conversation, *evilpeer.Log) messages.Message { return &messages.SyncDone{Topic: 55} }),
		spoken("SUBSCRIBE of a side that follows all", 12, "SUBSCRIBE of a side that follows all, or a second one, ends the session with code 12", func(c *conversation, _ *evilpeer.Log) messages.Message {
			return &messages.Subscribe{Topic: c.number}
		}),
		spoken("PONG without a PING", 12, rulePong, func(*conversation, *evilpeer.Log) messages.Message { return &messages.Pong{Nonce: 1} }),
		spoken("a proof that nobody asked for", 12, "This version does not send requests and takes a response for an unexpected message.", func(c *conversation, l *evilpeer.Log) messages.Message {
			return &messages.ProofResponse{Topic: c.number, Log: l.ID}
		}),
		spoken("a cosignature that nobody asked for", 12, "an answer to none ends the session with code 12", func(c *conversation, l *evilpeer.Log) messages.Message {
			return &messages.CosignResponse{Topic: c.number, Log: l.ID}
		}),
		spoken("a certificate that nobody asked for", 27, "for a topic that asks for none, a second one, and one of the listener without one of the dialer before, end the session with code 27.", func(c *conversation, _ *evilpeer.Log) messages.Message {
			return &messages.Certificate{Topic: c.number, Sealed: []byte{1}}
		}),
		spoken("answers to lists that were not sent", 12, ruleAnswers, func(*conversation, *evilpeer.Log) messages.Message { return &messages.Topics{Answers: 99} }),
		said("a topic that is offered already", 12, ruleOfferTwice, func(p *peer, c *conversation, _ *evilpeer.Log) error { return p.join(c.t) }),
		spoken("a head that its author did not sign", 7, ruleHead, func(c *conversation, l *evilpeer.Log) messages.Message {
			return events(c, l, func(m *messages.Events) { m.Head.Sig[0] ^= 1 })
		}),
		spoken("events that are not under their head", 9, ruleTree, func(c *conversation, l *evilpeer.Log) messages.Message {
			return events(c, l, func(m *messages.Events) { m.Records[len(m.Records)-1] ^= 1 })
		}),
		spoken("a log id that does not follow from its name", 7, ruleName, func(c *conversation, l *evilpeer.Log) messages.Message {
			return events(c, l, func(m *messages.Events) { m.Number = 5 })
		}),
		said("more events than their bytes can be", 1, "0 only if there are no bytes of them, at most one for each 12 bytes, and *first* + *count* at most the head's size: else code 1", func(p *peer, c *conversation, l *evilpeer.Log) error {
			return p.raw(spoiledCount(c.number, l))
		}),
		spoken("a list with a leg of the roster", 28, "a leg in a DIFF without *part* ends the session with code 28.", func(c *conversation, _ *evilpeer.Log) messages.Message {
			name := identity.RosterLog(c.t.id, c.t.invite.Genesis.Steward, 0, 0)
			return listOf(c, messages.LogState{Log: name.ID(), Author: name.Author, PageBytes: name.PageBytes, Kind: name.Kind, Number: name.Number})
		}),
		spoken("a log twice in a list", 13, "In any order, a log once (code 13)", func(c *conversation, l *evilpeer.Log) messages.Message { return listOf(c, l.State(), l.State()) }),
		spoken("a list under a head that nobody signed", 7, "Peer has more: its head must be of at least that size and be signed by the author: code 7.", func(c *conversation, l *evilpeer.Log) messages.Message {
			e := l.State()
			e.Head.Sig[5] ^= 1
			return listOf(c, e)
		}),
		spoken("a list of nothing that has more behind it", 13, "A list of no logs is one DIFF without entries, and without *more* (code 13).", func(c *conversation, _ *evilpeer.Log) messages.Message {
			m := listOf(c)
			m.More = true
			return m
		}),
		spoken("a DIFF of rung 2 that lists logs", 12, "A DIFF without a body lists log states, and its rung is 3 (code 12).", func(c *conversation, l *evilpeer.Log) messages.Message {
			m := listOf(c, l.State())
			m.Rung = messages.RungSketch
			return m
		}),
		spoken("a fork proof that proves none", 23, "A FORK is stored when log id, topic and log name fit each other (code 7) and the proof verifies (code 23).", func(c *conversation, l *evilpeer.Log) messages.Message {
			f := forkOf(c.t, l)
			f.New.Sig[0] ^= 1
			return &messages.Fork{Topic: c.number, Proof: f.Encode()}
		}),
		said("a transfer stream that begins with something else", 12, ruleStates, func(p *peer, c *conversation, _ *evilpeer.Log) error {
			_, err := p.request(&messages.Peaks{Topic: c.number})
			return err
		}),
		said("a message of a topic that was left", 26, ruleNumber, func(p *peer, c *conversation, _ *evilpeer.Log) error {
			if err := p.leave(c); err != nil {
				return err
			}
			return p.send(&messages.SyncDone{Topic: c.number})
		}),
	}
}

// listOf is a full list.
func listOf(c *conversation, states ...messages.LogState) *messages.Diff {
	m := evilpeer.List(states...)
	m.Topic = c.number
	return m
}

// spoiledCount is EVENTS that says there are more records than its bytes can be.
func spoiledCount(number uint32, l *evilpeer.Log) []byte {
	h := evilpeer.Wire(l.Head)
	return evilpeer.Frame(evilpeer.Array(12), evilpeer.Uint(uint64(messages.TypeEvents)), evilpeer.Uint(uint64(number)),
		evilpeer.Bin(32, l.ID[:]), evilpeer.Bin(32, l.Author[:]), evilpeer.Uint(12), evilpeer.Uint(0), evilpeer.Uint(0),
		evilpeer.Uint(0), evilpeer.Uint(3), evilpeer.Array(3), evilpeer.Uint(h.Size), evilpeer.Bin(32, h.Root[:]), evilpeer.Bin(64, h.Sig[:]),
		evilpeer.Bin(0, nil), evilpeer.Bin(24, make([]byte, 24)))
}

// bodied is a breach by bodies of rounds.
func bodied(what string, code messages.Code, r rule, rung messages.Rung, bodies ...[]byte) breach {
	return said(what, code, r, func(p *peer, c *conversation, _ *evilpeer.Log) error {
		for _, b := range bodies {
			if err := p.send(&messages.Diff{Topic: c.number, Rung: rung, More: true, Body: b}); err != nil {
				return err
			}
		}
		return nil
	})
}

func bodies() []breach {
	symbols := func(salt byte, first uint64) []byte {
		return messages.EncodeBody(900, &messages.SymbolsBody{Salt: sketch.Salt{salt}, Items: 1, First: first, Symbols: []sketch.Symbol{{Count: 1}}})
	}
	all := []breach{
		bodied("a body of a kind that there is not", 1, "A body of another kind, and one that goes on behind its fields, end the session with code 1.", messages.RungSketch, []byte{6, 1}),
		bodied("a body that goes on", 1, "A body of another kind, and one that goes on behind its fields, end the session with code 1.", messages.RungSketch, []byte{0, 1, 0}),
		bodied("symbols that do not begin at 0", 10, ruleSymbols, messages.RungSketch, symbols(1, 4)),
		bodied("two salts in one round", 1, ruleSymbols, messages.RungSketch, symbols(1, 0), symbols(2, 1)),
	}
	var rounds [][]byte
	for i := range uint64(9) {
		rounds = append(rounds, messages.EncodeBody(1000+i, &messages.ItemsBody{Salt: sketch.Salt{byte(i)}}))
	}
	return append(all, bodied("nine rounds at once", 13, "A peer that begins more than 8 rounds between two ticks is refused with code 13", messages.RungFrontier, rounds...))
}
