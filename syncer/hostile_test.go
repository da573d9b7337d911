// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A victim is a session that shares a topic with a peer who may say anything.
type victim struct {
	*Session
	st *pageTwin
}

func newVictim(t testing.TB, st *pageTwin, limits Limits) *victim {
	t.Helper()
	return victimOf(t, st, limits, false)
}

// victimOf is newVictim for a peer that follows a part of the topic.
func victimOf(t testing.TB, st *pageTwin, limits Limits, partial bool) *victim {
	t.Helper()
	peer := PeerOf(identity.Seed{200})
	s := New(Config{
		Dialer: true, Self: st.id, Peer: peer, Binding: []byte("b"), Topics: TopicsOf(twinTopic), Store: st, Limits: limits,
	})
	s.Step(Start{})
	s.Step(Received{&messages.Hello{Version: Version, Peer: peer, Offers: []messages.Offer{partialOffer(twinTopic.Offer("b", false), partial)}}})
	if s.State() != Syncing {
		t.Fatalf("the session is %s", s.State())
	}
	return &victim{Session: s, st: st}
}

// hears steps through messages, storing what is proven, and returns how the
// session ended; nil says that it did not.
func (v *victim) hears(t testing.TB, msgs ...messages.Message) (failed *Fail, all []Output) {
	t.Helper()
	for _, m := range msgs {
		in := []Input{Received{m}}
		for ; len(in) > 0; in = in[1:] {
			outs := v.Step(in[0])
			all = append(all, outs...)
			for _, o := range outs {
				switch o := o.(type) {
				case Ingest:
					if err := v.st.ingest(o.Verified); err != nil {
						t.Fatalf("something unproven got through: %v", err)
					}
					in = append(in, Advanced{o.Verified.Info.Log, o.Verified.First}, Stored{twinTopic.ID(), o.Verified.Info.Log, o.Verified.First + uint64(o.Verified.Count)})
				case Fail:
					failed = &o
				}
			}
		}
	}
	return failed, all
}

func mustFail(t testing.TB, got *Fail, want messages.Code) {
	t.Helper()
	if got == nil || got.Code != want {
		t.Errorf("%v, want %q", got, want)
	}
}

// peerLog is a node with one log of n events.
func peerLog(n int) (*pageTwin, *pageLog) {
	w := newPageTwin(200)
	l := w.own(201)
	for i := range n {
		l.add(twinRecord(50, fmt.Sprint("event ", i)))
	}
	l.SignAll()
	return w, l
}

func TestHostileEvents(t *testing.T) {
	w, l := peerLog(20)
	_, other := peerLog(0)
	other.Key = twinTopic.AuthorOf(identity.Seed{202})
	small := [32]byte{1} // the identity: a point of order 1
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(m *messages.Events)
	}{
		"a byte of a payload":        {messages.CodeBadEvents, func(m *messages.Events) { m.Records[len(m.Records)-1] ^= 1 }},
		"a length":                   {messages.CodeBadEvents, func(m *messages.Events) { m.Records[0] ^= 1 }},
		"a flag that is none":        {messages.CodeBadEvents, func(m *messages.Events) { m.Records[3] |= 0x80 }},
		"a record cut off":           {messages.CodeBadEvents, func(m *messages.Events) { m.Records = m.Records[:len(m.Records)-1] }},
		"bytes behind":               {messages.CodeBadEvents, func(m *messages.Events) { m.Records = append(m.Records, 0) }},
		"a count too small":          {messages.CodeBadEvents, func(m *messages.Events) { m.Count-- }},
		"a count too large":          {messages.CodeBadEvents, func(m *messages.Events) { m.Count++ }},
		"a right hash":               {messages.CodeBadEvents, func(m *messages.Events) { m.Right[0][5] ^= 1 }},
		"a right hash too few":       {messages.CodeBadRange, func(m *messages.Events) { m.Right = m.Right[1:] }},
		"a right hash too many":      {messages.CodeBadRange, func(m *messages.Events) { m.Right = append(m.Right, digest.Hash{}) }},
		"a root":                     {messages.CodeBadEvents, func(m *messages.Events) { m.Head.Root[0] ^= 1 }},
		"a head of another size":     {messages.CodeBadRange, func(m *messages.Events) { m.Head.Size-- }},
		"a head smaller than events": {messages.CodeBadRange, func(m *messages.Events) { m.Head.Size = 5 }},
		"a signature":                {messages.CodeBadHead, func(m *messages.Events) { m.Head.Sig[63] ^= 0x10 }},
		"no signature":               {messages.CodeBadHead, func(m *messages.Events) { m.Head.Sig = [64]byte{} }},
		"the signature of another log": {messages.CodeBadHead, func(m *messages.Events) {
			m.Head.Sig = proof.Sign(l.Key, digest.Hash{9}, m.Head.Size, m.Head.Root).Sig
		}},
		"the signature of another author": {messages.CodeBadHead, func(m *messages.Events) {
			m.Head.Sig = proof.Sign(other.Key, m.Log, m.Head.Size, m.Head.Root).Sig
		}},
		"another author":    {messages.CodeBadHead, func(m *messages.Events) { m.Author[0] ^= 1 }},
		"another log":       {messages.CodeBadHead, func(m *messages.Events) { m.Log[0] ^= 1 }},
		"another page size": {messages.CodeBadHead, func(m *messages.Events) { m.PageBytes *= 2 }},
		"a log of a topic that is not this": {messages.CodeBadHead, func(m *messages.Events) {
			m.Log = DataLog(identity.TopicID{5}, m.Author, m.PageBytes)
		}},
		"a page size that cannot be": {messages.CodeBadHead, func(m *messages.Events) {
			m.PageBytes = 5000
			m.Log = DataLog(twinTopic.ID(), m.Author, m.PageBytes)
		}},
		"an author of small order": {messages.CodeBadHead, func(m *messages.Events) {
			m.Author = small
			m.Log = DataLog(twinTopic.ID(), small, m.PageBytes)
		}},
		"replayed as another author's log": {messages.CodeBadHead, func(m *messages.Events) {
			m.Author = [32]byte(other.Key.Public().(ed25519.PublicKey))
			m.Log = DataLog(twinTopic.ID(), m.Author, m.PageBytes)
		}},
		"a topic that is not shared": {messages.CodeNotShared, func(m *messages.Events) { m.Topic = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t, newPageTwin(1), Limits{})
			m := w.eventsOf(l, 0, 400)
			c.spoil(m)
			got, _ := v.hears(t, m)
			mustFail(t, got, c.want)
			if len(v.st.logs) != 0 {
				t.Error("something of it is stored")
			}
			if after, outs := v.hears(t, w.eventsOf(l, 0, 400)); after != nil || len(outs) != 0 {
				t.Errorf("a session that ended does %v", outs)
			}
		})
	}
}

// Events that overlap are taken from where they are new, a gap asks once, and
// what is known already costs nothing.
func TestEventsOverlapAndGap(t *testing.T) {
	w, l := peerLog(40)
	v := newVictim(t, newPageTwin(1), Limits{})
	id := l.info.Log
	have := func(want int) {
		t.Helper()
		if got := len(v.st.logs[id].Leaves); got != want {
			t.Fatalf("%d events stored, want %d", got, want)
		}
	}
	all := w.eventsOf(l, 0, 1<<20)
	first := w.eventsOf(l, 0, 600)
	if f, _ := v.hears(t, first, first); f != nil {
		t.Fatal(f)
	}
	have(int(first.Count))
	f, outs := v.hears(t, w.eventsOf(l, 30, 300), w.eventsOf(l, 35, 300))
	asked := 0
	for _, o := range outs {
		if s, ok := o.(Send); ok && s.Message.Type() == messages.TypeDiff {
			asked++
		}
	}
	if f != nil || asked != 1 {
		t.Fatalf("after a gap: %v, asked %d times, want once", f, asked)
	}
	have(int(first.Count))
	if f, _ := v.hears(t, all); f != nil {
		t.Fatal(f)
	}
	have(40)
	if !slices.EqualFunc(v.st.logs[id].Records, l.Records, slices.Equal[[]byte]) {
		t.Error("other records than the author's")
	}
}
