// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// offering greets with offers of all kinds.
func offering(name string, want messages.Code, offers func(f *foe) []messages.Offer) attack {
	return opened(name, want, func(f *foe) error { return f.Send(f.Greeting(offers(f)...)) })
}

// spoiltOffer greets with a true offer but for what spoil does to it.
func spoiltOffer(name string, want messages.Code, spoil func(f *foe, o *messages.Offer)) attack {
	return offering(name, want, func(f *foe) []messages.Offer {
		o := f.Offer(f.topic)
		spoil(f, &o)
		return []messages.Offer{o}
	})
}

// strange returns offers of topics that nobody is in, all different.
func strange(first, n int) []messages.Offer {
	offers := make([]messages.Offer, n)
	for i := range offers {
		offers[i].Lobby = digest.Tagged("a topic of nobody", binary.LittleEndian.AppendUint64(nil, uint64(first+i)))
	}
	return offers
}

// offers are lies about what topics one is in.
func offers() []attack {
	other := identitytest.NewTopic(9)
	return []attack{
		offering("nothing to offer", messages.CodeNoSharedTopic, func(*foe) []messages.Offer { return nil }),
		offering("a topic that only the foe is in", messages.CodeNoSharedTopic, func(f *foe) []messages.Offer {
			return []messages.Offer{syncer.OfferOf(other.Keys.Prover(other.ID()), f.Conn.Binding(), true)}
		}),
		spoiltOffer("an offer of another connection", messages.CodeNoSharedTopic, func(f *foe, o *messages.Offer) {
			peer := f.arena.foe()
			defer peer.Conn.CloseWithError(0, "")
			*o = peer.Offer(f.topic)
		}),
		spoiltOffer("the victim's own offer sent back", messages.CodeNoSharedTopic, func(f *foe, o *messages.Offer) {
			*o = syncer.OfferOf(f.topic.Keys.Prover(f.topic.Topic()), f.Conn.Binding(), false)
		}),
		spoiltOffer("the topic's keys in an offer of another id", messages.CodeNoSharedTopic, func(f *foe, o *messages.Offer) {
			*o = syncer.OfferOf(f.topic.Keys.Prover(other.ID()), f.Conn.Binding(), true)
		}),
		spoiltOffer("a wrong lobby proof beside a right join proof", messages.CodeNoSharedTopic, func(_ *foe, o *messages.Offer) { o.Lobby[31] ^= 1 }),
		spoiltOffer("a right lobby proof beside a wrong join proof", messages.CodeBadTopicProof, func(_ *foe, o *messages.Offer) { o.Join[15] ^= 1 }),
		spoiltOffer("a right lobby proof beside the victim's join proof", messages.CodeBadTopicProof, func(f *foe, o *messages.Offer) {
			o.Join = f.topic.Keys.Prover(f.topic.Topic()).Join(f.Conn.Binding(), false)
		}),
		spoiltOffer("a right lobby proof beside its own beginning", messages.CodeBadTopicProof, func(_ *foe, o *messages.Offer) { o.Join = [16]byte(o.Lobby[:16]) }),
		offering("an offer twice in HELLO", messages.CodeUnexpectedMessage, func(f *foe) []messages.Offer { return slices.Repeat([]messages.Offer{f.Offer(f.topic)}, 2) }),
		offering("an offer of nobody's topic twice", messages.CodeUnexpectedMessage, func(f *foe) []messages.Offer {
			return append(slices.Repeat(strange(1, 1), 2), f.Offer(f.topic))
		}),
		offering("an offer with two join proofs", messages.CodeUnexpectedMessage, func(f *foe) []messages.Offer {
			right, wrong := f.Offer(f.topic), f.Offer(f.topic)
			wrong.Join[0] ^= 1
			return []messages.Offer{right, wrong}
		}),
		opened("more offers than a list holds", messages.CodeTooLong, func(f *foe) error {
			one := slices.Concat(evilpeer.Array(3), evilpeer.Bin(32, make([]byte, 32)), evilpeer.Bin(16, make([]byte, 16)), evilpeer.Bool(false))
			return f.Raw(evilpeer.Frame(evilpeer.Array(8), evilpeer.Uint(uint64(messages.TypeHello)), evilpeer.Uint(2), evilpeer.Bin(32, f.Self[:]),
				evilpeer.Array(0), evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Bool(false), evilpeer.Array(messages.MaxTopics+1), bytes.Repeat(one, messages.MaxTopics+1)))
		}),
		{name: "a mark of what nobody holds", ends: shrugged, do: func(f *foe) error {
			if err := f.Open(ctx); err != nil {
				return err
			}
			o := f.Offer(f.topic)
			o.Mark = [16]byte{7}
			return f.Send(f.Greeting(o))
		}},
	}
}

// comings are lies about topics that come and go.
func comings() []attack {
	return []attack{
		opened("TOPICS before HELLO", messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Topics{}) }),
		opened("LEAVE before HELLO", messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Leave{}) }),
		greeted("an offer of HELLO again in TOPICS", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Topics{Offers: []messages.Offer{f.Offer(f.topic)}})
		}),
		greeted("TOPICS that answer a list that never came", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Topics{Answers: 2})
		}),
		greeted("TOPICS that take an answer back", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Topics{Answers: 1}, &messages.Topics{})
		}),
		greeted("TOPICS that answer 2^32 - 1 lists", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Topics{Answers: 1<<32 - 1})
		}),
		greeted("lists that say that more follow, and never do", shrugged, 0, flood(10_000, &messages.Topics{More: true})),
		greeted("offers of nobody's topics without end", dropped, messages.CodeLimit, func(f *foe) error {
			for from := 0; from <= messages.MaxOffers; from += messages.MaxTopics {
				if err := f.Send(&messages.Topics{More: true, Offers: strange(from, messages.MaxTopics)}); err != nil {
					return err
				}
			}
			return nil
		}),
		greeted("LEAVE of a topic that is not shared", dropped, messages.CodeNotShared, func(f *foe) error { return f.Send(&messages.Leave{Topic: 1}) }),
		greeted("LEAVE of topic 2^32 - 1", dropped, messages.CodeNotShared, func(f *foe) error { return f.Send(&messages.Leave{Topic: 1<<32 - 1}) }),
		greeted("LEAVE twice", dropped, messages.CodeNotShared, func(f *foe) error { return f.Send(&messages.Leave{}, &messages.Leave{}) }),
		greeted("words of a topic that was left", dropped, messages.CodeNotShared, func(f *foe) error {
			return f.Send(&messages.Leave{}, f.log.Events(0, 100))
		}),
		greeted("an offer of nobody's topic in the place of one that was left", dropped, messages.CodeNotShared, func(f *foe) error {
			return f.Send(&messages.Leave{}, &messages.Topics{Offers: strange(1, 1)}, &messages.Peaks{Topic: 1})
		}),
		greeted("a wrong join proof in the place of a right one", dropped, messages.CodeBadTopicProof, func(f *foe) error {
			o := f.Offer(f.topic)
			o.Join[0] ^= 1
			return f.Send(&messages.Leave{}, &messages.Topics{Offers: []messages.Offer{o}})
		}),
		greeted("leaving and coming back two hundred times", shrugged, 0, func(f *foe) error { return f.comeAndGo(200) }),
		greeted("leaving and coming back without end, reading nothing", dropped, messages.CodeLimit, func(f *foe) error { return f.comeAndGo(1e6) }),
	}
}

// comeAndGo leaves the topic and offers it again, many times.
func (f *foe) comeAndGo(times int) error {
	offer := []messages.Offer{f.Offer(f.topic)}
	for range times {
		if err := f.Send(&messages.Leave{Topic: f.number}, &messages.Topics{Offers: offer}); err != nil {
			return err
		}
		f.number++
	}
	return nil
}

// shows are certificates, pings and capabilities that nobody asked for.
func shows() []attack {
	raw := func(name string, want messages.Code, t messages.Type, fields ...[]byte) attack {
		return greeted(name, dropped, want, func(f *foe) error {
			return f.Raw(evilpeer.Frame(append([][]byte{evilpeer.Array(uint32(1 + len(fields))), evilpeer.Uint(uint64(t))}, fields...)...))
		})
	}
	return []attack{
		opened("a certificate before HELLO", messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.Certificate{Sealed: []byte{1}})
		}),
		greeted("a certificate in an open topic", dropped, messages.CodeCertificate, func(f *foe) error {
			sealed, err := syncer.SealCertificate(f.topic.Keys.Lobby, f.Conn.Binding(), true, 0, []byte("I am in it"))
			return errors.Join(err, f.Send(&messages.Certificate{Sealed: sealed}))
		}),
		greeted("a certificate of a topic that is not shared", dropped, messages.CodeCertificate, func(f *foe) error {
			return f.Send(&messages.Certificate{Topic: 7, Sealed: make([]byte, messages.MaxCertificate)})
		}),
		raw("a certificate of no bytes", messages.CodeMalformed, messages.TypeCertificate, evilpeer.Uint(0), evilpeer.Bin(0, nil)),
		raw("a certificate of too many bytes", messages.CodeTooLong, messages.TypeCertificate, evilpeer.Uint(0), evilpeer.Bin(messages.MaxCertificate+1, make([]byte, messages.MaxCertificate+1))),
		raw("a certificate of 4 GiB", messages.CodeTooLong, messages.TypeCertificate, evilpeer.Uint(0), evilpeer.Bin(1<<32-1, nil)),

		opened("PING before HELLO", messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Ping{}) }),
		greeted("a PONG that answers nothing", dropped, messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Pong{Nonce: 1}) }),
		greeted("a thousand PINGs", shrugged, 0, flood(1000, &messages.Ping{Nonce: 1<<64 - 1, Padding: make([]byte, messages.MaxPadding)})),
		greeted("PINGs without end, reading no PONG", dropped, messages.CodeLimit, flood(1e6, &messages.Ping{})),
		raw("a PING with something in its padding", messages.CodeMalformed, messages.TypePing, evilpeer.Uint(1), evilpeer.Bin(3, []byte{0, 0, 1})),
		raw("a PING with too much padding", messages.CodeTooLong, messages.TypePing, evilpeer.Uint(1), evilpeer.Bin(messages.MaxPadding+1, make([]byte, messages.MaxPadding+1))),

		greeted("a stream for a capability that nobody has", shrugged, 0, func(f *foe) error { return f.opens("../../etc/passwd") }),
		greeted("forty streams for capabilities that nobody has", shrugged, 0, func(f *foe) (err error) {
			for range 40 {
				err = errors.Join(err, f.opens("x"))
			}
			return err
		}),
		greeted("a stream for the sync", shrugged, 0, func(f *foe) error { return f.opens(messages.CapSync) }),
		greeted("a stream for a capability without a name", dropped, messages.CodeMalformed, func(f *foe) error {
			_, err := f.Transfer(ctx, evilpeer.Frame(evilpeer.Array(3), evilpeer.Uint(uint64(messages.TypeOpen)), evilpeer.Str(""), evilpeer.Bin(0, nil)))
			return err
		}),
		greeted("OPEN among messages", dropped, messages.CodeUnexpectedMessage, func(f *foe) error { return f.Send(&messages.Open{Capability: "x"}) }),
		greeted("PRESENCE of a capability that nobody has", shrugged, 0, flood(1000, &messages.Presence{Capability: "x", Data: make([]byte, messages.MaxPresence)})),
		greeted("PRESENCE in a topic that is not shared", dropped, messages.CodeNotShared, func(f *foe) error {
			return f.Send(&messages.Presence{Topic: 1, Capability: "x"})
		}),
		opened("capabilities that do not increase", messages.CodeMalformed, func(f *foe) error {
			name := slices.Concat(evilpeer.Array(2), evilpeer.Str("SYNC"), evilpeer.Bin(0, nil))
			return f.Raw(evilpeer.Frame(evilpeer.Array(8), evilpeer.Uint(uint64(messages.TypeHello)), evilpeer.Uint(2), evilpeer.Bin(32, f.Self[:]),
				evilpeer.Array(2), name, name, evilpeer.Uint(0), evilpeer.Uint(0), evilpeer.Bool(false), evilpeer.Array(0)))
		}),
	}
}

// opens opens a stream for a capability, which must be refused.
func (f *foe) opens(capability string) error {
	stream, err := f.Transfer(ctx, evilpeer.Encoded(&messages.Open{Capability: capability, Param: make([]byte, messages.MaxOpenParam)}))
	if err != nil {
		return err
	}
	defer stream.Cancel(0)
	body, err := messages.ReadFrame(stream, messages.MaxFrame, nil)
	if err != nil {
		return err
	}
	m, err := messages.Decode(body)
	if e, ok := m.(*messages.Error); err == nil && (!ok || e.Code != messages.CodeNoCapability) {
		f.t.Errorf("a stream for %q is answered with %v", capability, m)
	}
	return err
}
