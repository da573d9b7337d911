// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// frames are bytes that are no message, or no end of them.
func frames() []attack {
	kind := func(t messages.Type) []byte { return evilpeer.Uint(uint64(t)) }
	raw := func(b []byte) func(f *foe) error { return func(f *foe) error { return f.Raw(b) } }
	hello := func(fields ...[]byte) []byte {
		body := append([][]byte{evilpeer.Array(8), kind(messages.TypeHello), evilpeer.Uint(messages.ProtocolVersion), evilpeer.Bin(32, make([]byte, 32))}, fields...)
		return evilpeer.Frame(body...)
	}
	events := func(count uint64, right uint32, records uint32) []byte {
		return evilpeer.Frame(evilpeer.Array(12), kind(messages.TypeEvents), evilpeer.Uint(0), evilpeer.Bin(32, make([]byte, 32)),
			evilpeer.Bin(32, make([]byte, 32)), evilpeer.Uint(12), evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Uint(count),
			evilpeer.Array(3), evilpeer.Uint(1<<40), evilpeer.Bin(32, make([]byte, 32)), evilpeer.Bin(64, make([]byte, 64)),
			evilpeer.Bin(right, nil), evilpeer.Bin(records, make([]byte, 100)))
	}
	return []attack{
		opened("a frame of 4 GiB", messages.CodeTooLong, raw([]byte{0xff, 0xff, 0xff, 0xff, 0x92, 1})),
		opened("an empty frame", messages.CodeMalformed, raw([]byte{0, 0, 0, 0})),
		opened("garbage", messages.CodeMalformed, raw([]byte{0, 0, 0, 3, 0xc1, 0xc1, 0xc1})),
		opened("a length bomb in HELLO", messages.CodeTooLong, raw(hello(evilpeer.Array(1), evilpeer.Array(2), []byte{0xdb, 0xff, 0xff, 0xff, 0xff}, make([]byte, 10)))),
		opened("a count bomb in HELLO", messages.CodeMalformed, raw(hello(evilpeer.Array(1<<32-1)))),
		opened("4 GiB of offers", messages.CodeMalformed, raw(hello(evilpeer.Array(0), evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Bool(false), evilpeer.Array(1<<32-1)))),
		opened("a name that is not text", messages.CodeMalformed, raw(hello(evilpeer.Array(1), evilpeer.Array(2), evilpeer.Str("\xff\xfe"), evilpeer.Bin(0, nil)))),
		opened("a required message that is not known", messages.CodeUnknownType, raw(evilpeer.Frame(evilpeer.Array(1), evilpeer.Uint(77)))),
		opened("a message type of 2^63", messages.CodeMalformed, raw(evilpeer.Frame(evilpeer.Array(1), evilpeer.Uint(1<<63)))),
		greeted("a frame of 4 GiB after HELLO", dropped, messages.CodeTooLong, raw([]byte{0xff, 0xff, 0xff, 0xff, 0x9c, byte(messages.TypeEvents)})),
		greeted("a DIFF as long as EVENTS may be", dropped, messages.CodeTooLong, raw([]byte{0, 0x20, 0, 0, 0x97, byte(messages.TypeDiff), 0, 3, 0xc2, 0xc2, 0xc4, 0})),
		greeted("nesting in a message that may be ignored", dropped, messages.CodeTooLong, raw(evilpeer.Frame(evilpeer.Array(2), evilpeer.Uint(200), evilpeer.Nested(100_000)))),
		greeted("nesting behind a message's fields", dropped, messages.CodeTooLong, raw(evilpeer.Frame(
			evilpeer.Array(8), kind(messages.TypeSyncDone), evilpeer.Uint(0), evilpeer.Array(0), evilpeer.Uint(0), evilpeer.Bin(32, make([]byte, 32)), evilpeer.Bool(false), evilpeer.Bool(false), evilpeer.Nested(50_000)))),
		greeted("bytes after a message", dropped, messages.CodeMalformed, func(f *foe) error {
			frame := evilpeer.Encoded(&messages.SyncDone{})
			return f.Raw(evilpeer.Frame(frame[4:], []byte{0}))
		}),
		greeted("a message with a field too few", dropped, messages.CodeMalformed, raw(evilpeer.Frame(evilpeer.Array(2), kind(messages.TypeSyncDone), evilpeer.Uint(0)))),
		greeted("a count that is text", dropped, messages.CodeMalformed, raw(evilpeer.Frame(
			evilpeer.Array(7), kind(messages.TypeSyncDone), evilpeer.Uint(0), evilpeer.Array(0), evilpeer.Str("many"), evilpeer.Bin(32, make([]byte, 32)), evilpeer.Bool(false), evilpeer.Bool(false)))),
		greeted("a count bomb in EVENTS", dropped, messages.CodeMalformed, raw(events(1<<31, 0, 100))),
		greeted("a proof of 4 GiB", dropped, messages.CodeTooLong, raw(events(1, 0xffffffe0, 100))),
		greeted("records of 4 GiB", dropped, messages.CodeTooLong, raw(events(1, 0, 0xffffffff))),
		greeted("events past 2^63", dropped, messages.CodeMalformed, raw(evilpeer.Frame(
			evilpeer.Array(12), kind(messages.TypeEvents), evilpeer.Uint(0), evilpeer.Bin(32, make([]byte, 32)), evilpeer.Bin(32, make([]byte, 32)),
			evilpeer.Uint(12), evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Uint(1<<63), make([]byte, 200)))),
		greeted("a log of 2^63 events", dropped, messages.CodeMalformed, func(f *foe) error {
			frame := evilpeer.Encoded(evilpeer.List(f.log.State())) // of 7000
			return f.Raw(evilpeer.Frame(bytes.Replace(frame[4:], []byte{0xcd, 0x1b, 0x58}, evilpeer.Uint(1<<63), 1)))
		}),
		greeted("a log of 2^48 events", dropped, messages.CodeMalformed, func(f *foe) error {
			frame := evilpeer.Encoded(evilpeer.List(f.log.State()))
			return f.Raw(evilpeer.Frame(bytes.Replace(frame[4:], []byte{0xcd, 0x1b, 0x58}, evilpeer.Uint(1<<48), 1)))
		}),
		greeted("a count bomb in DIFF", dropped, messages.CodeMalformed, raw(evilpeer.Frame(
			evilpeer.Array(7), kind(messages.TypeDiff), evilpeer.Uint(0), evilpeer.Uint(3), evilpeer.Bool(false), evilpeer.Bool(false), evilpeer.Bin(0, nil), evilpeer.Array(1<<30)))),
		greeted("a frame that is cut short", dropped, messages.CodeMalformed, func(f *foe) error {
			frame := evilpeer.Encoded(f.log.Events(0, 100))
			if err := f.Raw(frame[:len(frame)/2]); err != nil {
				return err
			}
			return f.Control.CloseWrite()
		}),
		greeted("a length that is cut short", dropped, messages.CodeMalformed, func(f *foe) error {
			if err := f.Raw([]byte{0, 0}); err != nil {
				return err
			}
			return f.Control.CloseWrite()
		}),
		greeted("an unknown message that may be ignored", shrugged, 0, raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(200), evilpeer.Nested(3), evilpeer.Uint(1)))),
	}
}

// askers want more than they are due, and what they are not due.
func askers() []attack {
	request := func(m *messages.PageRequest) func(f *foe) error {
		return func(f *foe) error {
			if err := f.Settled(); err != nil {
				return err
			}
			stream, err := f.Transfer(ctx, evilpeer.Encoded(m))
			if err != nil {
				return err
			}
			defer stream.Cancel(0)
			body, err := messages.ReadFrame(stream, messages.MaxFrame, nil)
			if err != nil {
				return err
			}
			m, err := messages.Decode(body)
			if err == nil && m.Type() != messages.TypeError {
				f.t.Errorf("answered with %s", m.Type())
			}
			return err
		}
	}
	return []attack{
		greeted("pages of a log that is not here", shrugged, 0, request(&messages.PageRequest{Log: digest.Hash{1}, Count: 1})),
		greeted("pages from 2^48 on", shrugged, 0, func(f *foe) error {
			return request(&messages.PageRequest{Log: digest.Hash(f.victim.Head().Log), From: messages.MaxCount, Count: messages.MaxCount})(f)
		}),
		greeted("no pages at all", shrugged, 0, func(f *foe) error {
			return request(&messages.PageRequest{Log: digest.Hash(f.victim.Head().Log)})(f)
		}),
		greeted("pages of a topic that is not shared", shrugged, 0, request(&messages.PageRequest{Topic: 1})),
		greeted("a transfer that is no request", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			_, err := f.Transfer(ctx, evilpeer.Encoded(&messages.SyncDone{}))
			return err
		}),
		greeted("a transfer of garbage", dropped, messages.CodeMalformed, func(f *foe) error {
			_, err := f.Transfer(ctx, []byte{0, 0, 0, 2, 0xc1, 0xc1})
			return err
		}),
		greeted("a transfer with a frame of 4 GiB", dropped, messages.CodeTooLong, func(f *foe) error {
			_, err := f.Transfer(ctx, []byte{0xff, 0xff, 0xff, 0xff})
			return err
		}),
		greeted("proofs of what is not here", shrugged, 0, func(f *foe) error {
			return f.Send(&messages.ProofRequest{Log: digest.Hash{1}}, &messages.ProofRequest{Log: digest.Hash(f.victim.Head().Log), Seq: messages.MaxCount, Size: messages.MaxCount})
		}),
		greeted("a page request among messages", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.PageRequest{Log: digest.Hash(f.victim.Head().Log), Count: 1})
		}),
		greeted("a proof that nobody asked for", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.ProofResponse{Log: f.log.ID, Head: evilpeer.Wire(f.log.Head), Leaf: []byte("forged")})
		}),
		greeted("asking for whole lists without end, reading none", dropped, messages.CodeLimit, flood(1e6, evilpeer.List())),
		greeted("asking for digests without end, reading none", shrugged, 0, flood(20_000, &messages.SyncDone{Ask: true})),
	}
}

// flood says one message so many times and reads nothing.
func flood(n int, m messages.Message) func(f *foe) error {
	return func(f *foe) error {
		batch := slices.Repeat(evilpeer.Encoded(m), 500)
		for range n / 500 {
			if err := f.Raw(batch); err != nil {
				return err
			}
		}
		return nil
	}
}
