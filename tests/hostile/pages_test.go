// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// pulled lists a log so that the victim pulls it, and answers with a run that
// would be true but for what spoil does to it.
func pulled(name string, want messages.Code, spoil func(f *foe, m *messages.PageResponse, pages []byte) []byte) attack {
	return greeted(name, dropped, want, func(f *foe) error {
		if err := f.Send(evilpeer.List(f.log.State())); err != nil {
			return err
		}
		m, pages := f.log.Run(0, 8)
		pages = spoil(f, m, pages)
		_, err := f.Answer(ctx, true, evilpeer.Encoded(m), pages)
		return err
	})
}

// answered lists a log and answers the pull with bytes.
func answered(name string, ends outcome, want messages.Code, end bool, answer func(f *foe) []byte) attack {
	return greeted(name, ends, want, func(f *foe) error {
		if err := f.Send(evilpeer.List(f.log.State())); err != nil {
			return err
		}
		_, err := f.Answer(ctx, end, answer(f))
		return err
	})
}

// runs are lies in transfers.
func runs() []attack {
	return []attack{
		pulled("a forged page", messages.CodeBadPage, func(_ *foe, _ *messages.PageResponse, p []byte) []byte {
			p[5000] ^= 1
			return p
		}),
		pulled("a page of another log", messages.CodeBadPage, func(f *foe, _ *messages.PageResponse, p []byte) []byte {
			other := f.newLog(f.log.Key, 4096, 2000, "event %d of a log that is like it and fills as many pages as the first did")
			_, fork := other.Run(0, 8)
			copy(p, fork[:4096])
			return p
		}),
		pulled("pages in another order", messages.CodeBadPage, func(_ *foe, _ *messages.PageResponse, p []byte) []byte {
			return slices.Concat(p[4096:8192], p[:4096], p[8192:])
		}),
		pulled("pages under a forged head", messages.CodeBadPage, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.Head.Root[0] ^= 1
			return p
		}),
		pulled("pages under a head nobody signed", messages.CodeBadHead, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.Head.Sig[0] ^= 1
			return p
		}),
		pulled("a forged range proof", messages.CodeBadPage, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.Right[0][0] ^= 1
			return p
		}),
		pulled("a range proof of another run", messages.CodeBadRange, func(f *foe, m *messages.PageResponse, p []byte) []byte {
			other, _ := f.log.Run(0, 9)
			m.Right = other.Right
			return p
		}),
		pulled("pages of another place", messages.CodeBadRange, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.From = 3
			return p
		}),
		pulled("pages of another log's id", messages.CodeBadRange, func(f *foe, m *messages.PageResponse, p []byte) []byte {
			m.Log = f.bystander.ID
			return p
		}),
		pulled("pages of another size", messages.CodeBadRange, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.PageBytes, m.Count = 8192, 4
			return p
		}),
		pulled("a run that ends elsewhere", messages.CodeBadRange, func(_ *foe, m *messages.PageResponse, p []byte) []byte {
			m.EndSeq--
			return p
		}),
		pulled("a run of no pages", messages.CodeLimit, func(f *foe, m *messages.PageResponse, _ []byte) []byte {
			m.Count, m.EndSeq = 0, m.FirstSeq
			return nil
		}),
		pulled("a run of 256 MiB", messages.CodeLimit, func(f *foe, m *messages.PageResponse, p []byte) []byte {
			m.Count = messages.MaxRunPages
			return p
		}),
		pulled("pages that are not full", messages.CodeBadPage, func(f *foe, m *messages.PageResponse, _ []byte) []byte {
			wasteful := f.log.Wasteful()
			run, pages := wasteful.Run(0, 8)
			*m = *run
			return pages
		}),
		answered("half of a run", dropped, messages.CodeMalformed, true, func(f *foe) []byte {
			m, pages := f.log.Run(0, 8)
			return append(evilpeer.Encoded(m), pages[:9000]...)
		}),
		answered("half of a frame", dropped, messages.CodeMalformed, true, func(f *foe) []byte {
			m, _ := f.log.Run(0, 8)
			return evilpeer.Encoded(m)[:50]
		}),
		answered("events of the future for pages", dropped, messages.CodeBadRange, true, func(f *foe) []byte {
			return evilpeer.Encoded(f.log.Events(100, 200))
		}),
		answered("events for pages, which were not asked for", dropped, messages.CodeBadRange, true, func(f *foe) []byte {
			m := f.log.Events(0, 100)
			m.Records[20] ^= 1
			return evilpeer.Encoded(m)
		}),
		answered("a HELLO for pages", dropped, messages.CodeUnexpectedMessage, true, func(f *foe) []byte {
			return evilpeer.Encoded(f.Greeting(messages.Offer{}))
		}),
		answered("garbage for pages", dropped, messages.CodeMalformed, true, func(*foe) []byte { return []byte{0, 0, 0, 2, 0xc1, 0xc1} }),
		answered("a frame of 4 GiB for pages", dropped, messages.CodeTooLong, true, func(*foe) []byte { return []byte{0xff, 0xff, 0xff, 0xff} }),
		answered("nothing for pages", shrugged, 0, true, func(*foe) []byte { return nil }),
		answered("a refusal for pages, with a path in it", shrugged, 0, true, func(*foe) []byte {
			return evilpeer.Encoded(&messages.Error{Code: 65535, Text: "../../../etc/passwd\x1b[2J"})
		}),
	}
}

// loiterers take their time, on a victim of little patience.
func loiterers() []attack {
	slowly := func(b []byte) func(f *foe) error {
		return func(f *foe) error {
			for i := range b {
				if err := f.Raw(b[i : i+1]); err != nil {
					return err
				}
				time.Sleep(20 * time.Millisecond)
			}
			return nil
		}
	}
	run := func(f *foe) []byte {
		m, _ := f.log.Run(0, 64)
		return evilpeer.Encoded(m)
	}
	return []attack{
		{name: "no control stream", ends: dropped, want: messages.CodeTimeout, do: func(*foe) error { return nil }},
		opened("a control stream and no HELLO", messages.CodeTimeout, func(f *foe) error { return f.Raw([]byte{0}) }),
		opened("HELLO byte by byte", messages.CodeTimeout, func(f *foe) error {
			return slowly(evilpeer.Encoded(f.Greeting(messages.Offer{})))(f)
		}),
		greeted("HELLO and nothing more", dropped, messages.CodeTimeout, func(*foe) error { return nil }),
		greeted("a message that stops half way", dropped, messages.CodeTimeout, func(f *foe) error {
			frame := evilpeer.Encoded(f.log.Events(0, 100))
			return f.Raw(slices.Concat(evilpeer.Encoded(&messages.Peaks{}), frame[:len(frame)/2]))
		}),
		greeted("asking for proofs without end, reading none", dropped, messages.CodeLimit, func(f *foe) error {
			return flood(1e6, &messages.ProofRequest{Log: digest.Hash(f.victim.Head().Log)})(f)
		}),
		greeted("asking, and reading no answer", dropped, messages.CodeTimeout, func(f *foe) error {
			ask := evilpeer.Encoded(&messages.ProofRequest{Log: digest.Hash(f.victim.Head().Log)})
			if err := f.Send(&messages.Peaks{}); err != nil {
				return err
			}
			if err := f.Raw(slices.Repeat(ask, 800)); err != nil { // less than may wait
				return err
			}
			<-f.Conn.Done()
			return nil
		}),
		{name: "a run that is said and never sent", ends: leftOut, want: messages.CodeTimeout, do: func(f *foe) error {
			if err := f.Greet(ctx, f.topic); err != nil {
				return err
			}
			if err := f.Send(evilpeer.List(f.log.State())); err != nil {
				return err
			}
			_, err := f.Answer(ctx, false, run(f))
			return err
		}},
		{name: "forty transfers that ask for nothing", ends: leftOut, want: messages.CodeTimeout, times: 40, do: func(f *foe) error {
			if err := f.Greet(ctx, f.topic); err != nil {
				return err
			}
			return f.transfers(40, evilpeer.Encoded(&messages.PageRequest{Log: digest.Hash(f.victim.Head().Log), Count: 1})[:10])
		}},
		{name: "forty transfers that nobody reads", ends: leftOut, want: messages.CodeTimeout, times: 40, do: func(f *foe) error {
			if err := f.Greet(ctx, f.topic); err != nil {
				return err
			}
			return f.transfers(40, evilpeer.Encoded(&messages.PageRequest{Log: digest.Hash(f.victim.Head().Log), Count: 1 << 16, Tail: true}))
		}},
	}
}

// transfers opens so many streams that each say b, and stays.
func (f *foe) transfers(n int, b []byte) error {
	if err := errors.Join(f.Settled(), f.Send(&messages.Peaks{})); err != nil {
		return err
	}
	for range n {
		if _, err := f.Transfer(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
