// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// ranged lets the victim fetch a part of the foe's log. The answer would be true
// but for what spoil makes of it.
func ranged(name string, want messages.Code, spoil func(f *foe, chunk *messages.RangeResponse) []messages.Message) attack {
	return rangedTo(name, dropped, want, spoil)
}

// rangedTo is ranged with another outcome.
func rangedTo(name string, ends outcome, want messages.Code, spoil func(f *foe, chunk *messages.RangeResponse) []messages.Message) attack {
	return greeted(name, ends, want, func(f *foe) error {
		if err := f.Settled(); err != nil {
			return err
		}
		limit, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			topic, err := f.victim.Topic(xaeroflux.TopicID{})
			if err == nil {
				_, err = topic.Fetch(limit, xaeroflux.Fetch{Log: xaeroflux.LogID(f.log.ID), From: 5000, To: 5100})
			}
			done <- err
		}()
		head := f.log.Range(7000, 7000)
		if err := f.ServeRange(limit, func(*messages.RangeRequest) []messages.Message { return []messages.Message{head} }); err != nil {
			return err
		}
		err := f.ServeRange(limit, func(*messages.RangeRequest) []messages.Message {
			return spoil(f, f.log.Range(5000, 5100))
		})
		if fetched := <-done; fetched == nil {
			f.t.Error("the fetch did not fail")
		}
		var stopped *transport.StreamError
		if ends == shrugged && errors.As(err, &stopped) && stopped.Remote {
			return nil // the victim had heard enough before all was said
		}
		return err
	})
}

// chunked is ranged with one chunk that is not right.
func chunked(name string, want messages.Code, spoil func(f *foe, chunk *messages.RangeResponse)) attack {
	return ranged(name, want, func(f *foe, chunk *messages.RangeResponse) []messages.Message {
		spoil(f, chunk)
		return []messages.Message{f.log.Range(7000, 7000), chunk}
	})
}

// slivers are lies about parts of a log.
func slivers() []attack {
	return []attack{
		chunked("a forged event in a range", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) { m.Records[20] ^= 1 }),
		chunked("a range of another place", messages.CodeBadRange, func(f *foe, m *messages.RangeResponse) { *m = *f.log.Range(4000, 4100) }),
		chunked("a range with the events of another place", messages.CodeBadEvents, func(f *foe, m *messages.RangeResponse) {
			m.Records = slices.Concat(f.log.Records[4000:4100]...)
		}),
		chunked("a range that is longer than asked for", messages.CodeBadRange, func(f *foe, m *messages.RangeResponse) { *m = *f.log.Range(5000, 5101) }),
		chunked("a range with one event fewer than it says", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) { m.Count-- }),
		chunked("a range of another log", messages.CodeBadRange, func(f *foe, m *messages.RangeResponse) { m.Log = f.bystander.ID }),
		chunked("a range of another author", messages.CodeBadHead, func(f *foe, m *messages.RangeResponse) { m.Author = f.bystander.Author }),
		chunked("a range of another page size", messages.CodeBadHead, func(_ *foe, m *messages.RangeResponse) { m.PageBytes = 8192 }),
		chunked("a range under a forged head", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) { m.Head.Root[0] ^= 1 }),
		chunked("a range under a head nobody signed", messages.CodeBadHead, func(_ *foe, m *messages.RangeResponse) { m.Head.Sig[0] ^= 1 }),
		chunked("a range under a head of another size", messages.CodeBadRange, func(_ *foe, m *messages.RangeResponse) { m.Head.Size++ }),
		chunked("a range with a forged left side", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) { m.Left[0][0] ^= 1 }),
		chunked("a range with too little on its left", messages.CodeBadRange, func(_ *foe, m *messages.RangeResponse) { m.Left = m.Left[1:] }),
		chunked("a range with too much on its left", messages.CodeBadRange, func(_ *foe, m *messages.RangeResponse) {
			m.Left = append(slices.Clone(m.Left), digest.Hash{})
		}),
		chunked("a range with a forged right side", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) { m.Right[0][0] ^= 1 }),
		chunked("a range with too little on its right", messages.CodeBadRange, func(_ *foe, m *messages.RangeResponse) { m.Right = m.Right[1:] }),
		rangedTo("a range without a payload", shrugged, 0, func(f *foe, m *messages.RangeResponse) []messages.Message {
			r, n, err := event.DecodeRecord(m.Records)
			storetest.Must(f.t, err)
			m.Records = append(r.AppendErased(nil), m.Records[n:]...)
			return []messages.Message{f.log.Range(7000, 7000), m}
		}),
		chunked("a range with bytes behind it", messages.CodeBadEvents, func(_ *foe, m *messages.RangeResponse) {
			m.Records = append(bytes.Clone(m.Records), 0)
		}),
		ranged("a range without a head before it", messages.CodeBadRange, func(_ *foe, m *messages.RangeResponse) []messages.Message {
			return []messages.Message{m}
		}),
		ranged("two heads before a range", messages.CodeBadRange, func(f *foe, m *messages.RangeResponse) []messages.Message {
			return []messages.Message{f.log.Range(7000, 7000), f.log.Range(7000, 7000), m}
		}),
		ranged("nothing where a head should be", messages.CodeBadRange, func(*foe, *messages.RangeResponse) []messages.Message { return nil }),
		ranged("a range by a message of another kind", messages.CodeUnexpectedMessage, func(f *foe, _ *messages.RangeResponse) []messages.Message {
			return []messages.Message{f.log.Events(0, 10)}
		}),
	}
}

// partAskers ask for parts of logs as nobody may.
func partAskers() []attack {
	request := func(m *messages.RangeRequest, want messages.Type) func(f *foe) error {
		return func(f *foe) error {
			if err := f.Settled(); err != nil {
				return err
			}
			stream, err := f.Transfer(ctx, evilpeer.Encoded(m))
			if err != nil {
				return err
			}
			defer stream.Cancel(0)
			body, err := messages.ReadFrame(stream, messages.MaxEventsFrame, nil)
			if err != nil {
				return err
			}
			m, err := messages.Decode(body)
			if err == nil && m.Type() != want {
				f.t.Errorf("answered with %s", m.Type())
			}
			return err
		}
	}
	return []attack{
		greeted("a range of a log that is not here", shrugged, 0, request(&messages.RangeRequest{Log: digest.Hash{1}}, messages.TypeError)),
		greeted("a range from 2^48 on", shrugged, 0, func(f *foe) error {
			return request(&messages.RangeRequest{Log: digest.Hash(f.victim.Head().Log), From: messages.MaxCount, To: messages.MaxCount}, messages.TypeRangeResponse)(f)
		}),
		greeted("a range of a topic that is not shared", shrugged, 0, request(&messages.RangeRequest{Topic: 1}, messages.TypeError)),
		greeted("a range on the control stream", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.RangeRequest{Log: digest.Hash(f.victim.Head().Log)})
		}),
		greeted("a chunk on the control stream", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(f.log.Range(0, 10))
		}),
	}
}
