// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// opened attacks on a control stream before HELLO.
func opened(name string, want messages.Code, do func(f *foe) error) attack {
	return attack{name: name, ends: dropped, want: want, do: func(f *foe) error {
		if err := f.Open(ctx); err != nil {
			return err
		}
		return do(f)
	}}
}

// greeted attacks after a true HELLO.
func greeted(name string, ends outcome, want messages.Code, do func(f *foe) error) attack {
	return attack{name: name, ends: ends, want: want, do: func(f *foe) error {
		if err := f.Greet(ctx, f.topic); err != nil {
			return err
		}
		return do(f)
	}}
}

// following attacks after a true HELLO of one who follows a part of the topic.
func following(name string, ends outcome, want messages.Code, do func(f *foe) error) attack {
	return attack{name: name, ends: ends, want: want, do: func(f *foe) error {
		if err := f.Open(ctx); err != nil {
			return err
		}
		m := f.Greeting(f.Offer(f.topic))
		m.Offers[0].Partial = true
		if err := f.Send(m); err != nil {
			return err
		}
		return do(f)
	}}
}

// greetings are lies about who one is and what one knows.
func greetings() []attack {
	return []attack{
		opened("the HELLO of somebody else", messages.CodeWrongPeer, func(f *foe) error {
			m := f.Greeting(f.Offer(f.topic))
			m.Peer = [32]byte{7}
			return f.Send(m)
		}),
		opened("the HELLO of the victim", messages.CodeWrongPeer, func(f *foe) error {
			m := f.Greeting(f.Offer(f.topic))
			m.Peer = f.victim.PeerID()
			return f.Send(m)
		}),
		opened("a downgrade to version 0", messages.CodeVersion, func(f *foe) error {
			m := f.Greeting(f.Offer(f.topic))
			m.Version = 0
			return f.Send(m)
		}),
		opened("a version to come", messages.CodeVersion, func(f *foe) error {
			m := f.Greeting(f.Offer(f.topic))
			m.Version = 65535
			return f.Send(m)
		}),
		opened("a message before HELLO", messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Peaks{}) }),
		opened("events before HELLO", messages.CodeTooLong, func(f *foe) error { return f.Send(f.log.Events(0, 4000)) }),
		greeted("HELLO twice", dropped, messages.CodeUnexpectedMessage, func(f *foe) error { return f.Hello(f.topic) }),
		greeted("PEAKS that never end", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			for range 10_000 {
				if err := f.Send(&messages.Peaks{Logs: 1}); err != nil {
					return err
				}
			}
			return nil
		}),
		{name: "a path in every name of HELLO", ends: shrugged, want: 0, do: func(f *foe) error {
			if err := f.Open(ctx); err != nil {
				return err
			}
			m := f.Greeting(f.Offer(f.topic))
			m.Caps = nil
			for _, name := range []string{"\x00", "../../../../../../etc/passwd", "/etc/passwd", "C:\\..\\x", messages.CapSync} {
				m.Caps = append(m.Caps, messages.Capability{Name: name, Param: []byte("../../x")})
			}
			return f.Send(m)
		}},
		greeted("a path for an address", shrugged, 0, func(f *foe) error {
			return f.Send(&messages.Peers{Addresses: []string{"../../x", "file:///etc/passwd", "\x00"}})
		}),
		greeted("SUBSCRIBE that HELLO did not announce", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Subscribe{})
		}),
		following("SUBSCRIBE twice", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Subscribe{}, &messages.Subscribe{})
		}),
		following("a list before SUBSCRIBE", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(evilpeer.List(f.log.State()))
		}),
		following("a list of logs that one does not follow", dropped, messages.CodeUnknownLog, func(f *foe) error {
			return f.Send(&messages.Subscribe{Names: []digest.Hash{{1}}}, &messages.Peaks{}, evilpeer.List(f.log.State()))
		}),
		following("events of a log that one does not follow", dropped, messages.CodeUnknownLog, func(f *foe) error {
			return f.Send(&messages.Subscribe{Names: []digest.Hash{{1}}}, &messages.Peaks{}, f.log.Events(0, 100))
		}),
		following("names that do not increase", dropped, messages.CodeMalformed, func(f *foe) error {
			return f.Raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(uint64(messages.TypeSubscribe)), evilpeer.Uint(0), evilpeer.Bin(64, make([]byte, 64))))
		}),
		following("more names than there may be", dropped, messages.CodeTooLong, func(f *foe) error {
			return f.Raw(evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(uint64(messages.TypeSubscribe)), evilpeer.Uint(0), evilpeer.Bin(4097*32, make([]byte, 4097*32))))
		}),
		greeted("a topic that is not shared", dropped, messages.CodeNotShared, func(f *foe) error {
			return f.Send(&messages.SyncDone{Topic: 5})
		}),
	}
}
