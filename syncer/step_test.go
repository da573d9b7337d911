// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A twin is a pageTwin whose authors are its own, in small pieces, so that most have a proof
// to their right. What it holds fills no page, so that all is pushed.
type twin struct {
	*pageTwin
	seed identity.Seed
}

func newTwin(n byte) *twin { return &twin{newPageTwin(n), identity.Seed{n}} }

// append adds an event to a log of one of the twin's authors.
func (w *twin) append(author byte, text string) digest.Hash {
	return w.write(twinTopic.AuthorOf(identity.Seed{w.seed[0], author}), twinRecord(0, text))
}

// write adds a record to the log of an author of the twin's.
func (w *twin) write(key ed25519.PrivateKey, record []byte) digest.Hash {
	l := w.ownIn(twinTopic.ID(), key)
	l.add(record)
	l.SignAll()
	return l.info.Log
}

func (w *twin) Events(id digest.Hash, from uint64, _ int) (Chunk, error) {
	return w.pageTwin.Events(id, from, 100)
}

// A side is one end of a session, driven by hand.
type side struct {
	*twin
	s      *Session
	in     []Input // what will happen to it, in order
	agreed bool
	failed *Fail
	sent   int // bytes
	tick   bool
	heard  func(m messages.Message, frame []byte) // if not nil, it is told what this side says
}

func newSide(w *twin, peer *twin, dialer bool, keys ...TestTopic) *side {
	return newSideOn([]byte("one channel"), w, peer, dialer, keys...)
}

// newSideOn is newSide on a channel with that binding.
func newSideOn(binding []byte, w *twin, peer *twin, dialer bool, keys ...TestTopic) *side {
	s := New(Config{
		Dialer: dialer, Self: PeerOf(w.seed), Peer: PeerOf(peer.seed), Binding: binding,
		Topics: TopicsOf(keys...), Store: w,
	})
	return &side{twin: w, s: s, in: []Input{Start{}}}
}

// step takes one input and carries out what comes of it.
func (e *side) step(to *side) {
	in := e.in[0]
	e.in = e.in[1:]
	for _, o := range e.s.Step(in) {
		switch o := o.(type) {
		case Send:
			e.deliver(to, o.Message)
		case Push:
			_, err := PushEvents(func(m messages.Message) error { e.deliver(to, m); return nil }, e, o.Topic, o.Log, o.From, o.To, nil)
			if err != nil {
				panic(err)
			}
		case Ingest:
			if err := e.ingest(o.Verified); err != nil {
				e.in = append(e.in, IngestFailed{Topic: twinTopic.ID(), Log: o.Verified.Info.Log, Err: err})
				continue
			}
			e.in = append(e.in, Advanced{Log: o.Verified.Info.Log, Before: o.Verified.First},
				Stored{Topic: twinTopic.ID(), Log: o.Verified.Info.Log, Size: o.Verified.First + uint64(o.Verified.Count)})
		case Agreed:
			e.agreed = o.Now
		case Fail:
			e.failed = &o
		case WantTick:
			e.tick = true
		}
	}
}

// deliver passes a message through its bytes.
func (e *side) deliver(to *side, m messages.Message) {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		panic(err)
	}
	e.sent += len(frame)
	if e.heard != nil {
		e.heard(m, frame)
	}
	got, err := messages.Decode(frame[4:])
	if err != nil {
		panic(err)
	}
	to.in = append(to.in, Received{Message: got})
}

// run lets both sides step in random order until nothing is left to do.
func run(t *testing.T, r *rand.Rand, a, b *side) {
	t.Helper()
	now := time.Unix(0, 0)
	for steps := 0; ; steps++ {
		if steps > 200_000 {
			t.Fatal("it does not come to rest")
		}
		switch {
		case len(a.in) > 0 && (len(b.in) == 0 || r.IntN(2) == 0):
			a.step(b)
		case len(b.in) > 0:
			b.step(a)
		case a.agreed && b.agreed || a.failed != nil || b.failed != nil:
			return
		case a.tick || b.tick:
			now = now.Add(time.Second)
			for _, e := range []*side{a, b} {
				if e.tick {
					e.tick, e.in = false, append(e.in, Tick{Now: now})
				}
			}
		default:
			t.Fatal("a stall: nobody has anything to do and they do not agree")
		}
	}
}

func TestTwoSessionsAgree(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, y := newTwin(1), newTwin(2)
		for i := range r.IntN(60) {
			x.append(byte(r.IntN(4)), fmt.Sprint("x", i))
			y.append(byte(r.IntN(4)), fmt.Sprint("y", i))
		}
		for session := range 3 { // the later ones begin where the first left off
			a, b := newSide(x, y, true, twinTopic), newSide(y, x, false, twinTopic)
			run(t, r, a, b)
			if a.failed != nil || b.failed != nil {
				t.Fatalf("seed %d session %d: %v %v", seed, session, a.failed, b.failed)
			}
			sx, _ := x.Summary(twinTopic.ID())
			if sy, _ := y.Summary(twinTopic.ID()); sx != sy {
				t.Fatalf("seed %d session %d: agreed on different logs", seed, session)
			}
			if session == 1 && a.sent > 300 {
				t.Errorf("seed %d: equal stores took %d bytes", seed, a.sent)
			}
			for i := range r.IntN(5) { // live
				id := x.append(byte(r.IntN(4)), fmt.Sprint("live", session, i))
				a.agreed, b.agreed = false, false
				l, _, _ := x.Log(id)
				a.in = append(a.in, Advanced{Log: id, Before: l.Size - 1})
				if r.IntN(2) == 0 {
					run(t, r, a, b)
				}
			}
			run(t, r, a, b)
		}
	}
}

func TestWrongTopicAndReflection(t *testing.T) {
	x, y := newTwin(1), newTwin(2)
	for name, other := range map[string]*side{
		"another topic":             newSide(y, x, false, TestTopic(7)),
		"the proof of our own role": newSide(y, x, true, twinTopic),
	} {
		a := newSide(x, y, true, twinTopic)
		run(t, rand.New(rand.NewPCG(1, 1)), a, other)
		if a.failed == nil && other.failed == nil {
			t.Errorf("%s: nobody refused", name)
		}
		for _, e := range []*side{a, other} {
			if e.failed != nil && e.failed.Code != messages.CodeNoSharedTopic {
				t.Errorf("%s: %v", name, e.failed)
			}
		}
	}
}

func TestMessagesOutOfState(t *testing.T) {
	x, y := newTwin(1), newTwin(2)
	hello := &messages.Hello{Version: Version, Peer: PeerOf(y.seed), Offers: []messages.Offer{twinTopic.Offer("one channel", false)}}
	for _, c := range []struct {
		name string
		msgs []messages.Message
		want messages.Code
	}{
		{"before HELLO", []messages.Message{&messages.Peaks{}}, messages.CodeUnexpectedMessage},
		{"a second HELLO", []messages.Message{hello, hello}, messages.CodeUnexpectedMessage},
		{"another version", []messages.Message{&messages.Hello{Version: 99, Peer: PeerOf(y.seed)}}, messages.CodeVersion},
		{"another peer", []messages.Message{&messages.Hello{Version: Version, Peer: [32]byte{1}}}, messages.CodeWrongPeer},
		{"a page request on the control stream", []messages.Message{hello, &messages.PageRequest{Count: 1}}, messages.CodeUnexpectedMessage},
		{"a topic that is not shared", []messages.Message{hello, &messages.Peaks{Topic: 1}}, messages.CodeNotShared},
		{"a rung without a body", []messages.Message{hello, &messages.Diff{Rung: messages.RungSketch}}, messages.CodeUnexpectedMessage},
		{"a body of no kind", []messages.Message{hello, &messages.Diff{Rung: messages.RungSketch, Body: []byte{99, 1}}}, messages.CodeMalformed},
	} {
		a := newSide(x, y, true, twinTopic)
		a.step(newSide(y, x, false, twinTopic))
		for _, m := range c.msgs {
			a.in = append(a.in, Received{Message: m})
			a.step(newSide(y, x, false, twinTopic))
		}
		if a.failed == nil || a.failed.Code != c.want {
			t.Errorf("%s: %v, want %q", c.name, a.failed, c.want)
		}
		if a.s.State() != Ended {
			t.Errorf("%s: the session is %s", c.name, a.s.State())
		}
	}
}

// FuzzStep feeds a session whatever decodes. It may refuse; it must not panic,
// and nothing it lets through may be unproven.
func FuzzStep(f *testing.F) {
	x := newTwin(3)
	id := x.append(1, "one")
	c, err := x.Events(id, 0, 1000)
	if err != nil {
		f.Fatal(err)
	}
	info := x.logs[id].state()
	for _, m := range []messages.Message{
		&messages.Peaks{Logs: 1}, &messages.SyncDone{}, &messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{{
			Log: id, Author: info.Author, PageBytes: 4096, Size: 1, Head: messages.Head{Size: 1, Root: info.Root, Sig: info.Head.Sig}}}},
		&messages.Events{Log: id, Author: info.Author, PageBytes: 4096, Count: 1, Head: messages.Head{Size: 1, Root: info.Root, Sig: info.Head.Sig}, Records: c.Records},
	} {
		frame, err := messages.AppendFrame(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame[4:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := messages.Decode(body)
		if err != nil {
			return
		}
		w, peer := newTwin(1), newTwin(2)
		w.append(1, "ours")
		a, b := newSide(w, peer, true, twinTopic), newSide(peer, w, false, twinTopic)
		a.step(b)
		b.step(a)
		a.step(b) // HELLO
		a.in = []Input{Received{Message: m}, Tick{Now: time.Unix(9, 0)}, Nudge{}}
		for len(a.in) > 0 {
			a.step(b)
		}
		for _, l := range w.logs {
			if err := l.proven(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
