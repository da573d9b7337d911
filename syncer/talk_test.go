// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

// menu is honest messages of a peer, as bodies of frames, for a fuzzer to mix
// and spoil.
func menu(t testing.TB) (bodies [][]byte) {
	w, l := peerLog(20)
	paged, big := pagedLog()
	big.info.Own = false
	part := listOf(false, stateOf(l.state()))
	part.Part = true
	state := l.state()
	id := shortID(sketch.Salt{}, state.Log)
	short, items := []messages.ShortState{{ID: id, Size: 7}}, []uint64{itemOf(sketch.Salt{}, id, state.Size, state.Root)}
	far := stateOf(big.state())
	far.Pages += PullPages
	for _, m := range []messages.Message{
		&messages.Peaks{Logs: 1}, &messages.SyncDone{Logs: 1}, part,
		listOf(true, stateOf(l.state())), listOf(false, far), listOf(false),
		w.eventsOf(l, 0, 400), w.eventsOf(l, 5, 400), w.eventsOf(l, 0, 1<<20), paged.eventsOf(big, 3, 2000),
		&messages.ProofRequest{Log: l.info.Log, Seq: 1}, &messages.Peers{Addresses: []string{"a:1"}},
		&messages.PageRequest{Log: l.info.Log, Count: 1}, &messages.Bye{}, &messages.Error{Code: messages.CodeBusy},
		bodyOf(1, 1, false, &messages.CursorBody{Since: digest.Set{Count: 1}, Logs: short}),
		bodyOf(2, 2, true, &messages.SymbolsBody{Items: 1, Symbols: sketch.NewEncoder(sketch.Salt{}, items).Next(5)}),
		bodyOf(2, 2, false, &messages.SymbolsBody{Items: 1, Symbols: sketch.NewEncoder(sketch.Salt{}, items).Next(20)}),
		bodyOf(3, 3, false, &messages.ItemsBody{Items: items}), bodyOf(3, 1, false, &messages.AnswerBody{Logs: short}),
		bodyOf(2, 1, false, &messages.AskBody{Symbols: 9}), bodyOf(2, 1, false, &messages.AskBody{}), bodyOf(2, 1, false, &messages.NextBody{}),
		&messages.Subscribe{Names: []digest.Hash{l.info.Log}},
		&messages.Topics{Answers: 1, Offers: []messages.Offer{{}, TestTopic(43).Offer("b", false)}}, &messages.Leave{}, &messages.Ping{Nonce: 1}, &messages.Pong{Nonce: 5},
		&messages.Certificate{Topic: 1, Sealed: []byte("sealed")}, &messages.Presence{Capability: "x"},
		&messages.Peaks{Roster: identity.Position{Size: 1}, Logs: 1}, &messages.SyncDone{Roster: identity.Position{Size: 1}},
		rosterOf(w),
	} {
		frame, err := messages.AppendFrame(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, frame[4:])
	}
	return bodies
}

// rosterOf is an EVENTS of a leg of a roster.
func rosterOf(w *pageTwin) messages.Message {
	l := w.leg(77, 0, 0)
	l.write(20, "genesis")
	return w.eventsOf(l, 0, 1000)
}

// FuzzTalk leads a session through anything that decodes: each three bytes pick
// a message, and a byte of it to change, with an input of our own side between
// them. Whatever it stores must be proven, and nothing may panic.
func FuzzTalk(f *testing.F) {
	bodies := menu(f)
	f.Add([]byte{0, 0, 0, 3, 0, 0, 6, 0, 0})
	f.Add([]byte{4, 0, 0, 5, 0, 0, 1, 0, 0, 8, 9, 1})
	f.Add([]byte{0, 0, 0, 22, 0, 0, 20, 0, 0, 15, 0, 0, 16, 0, 0, 17, 0, 0, 18, 0, 0, 19, 0, 0})
	f.Add([]byte{7, 0, 0, 6, 0, 0, 8, 0, 0, 1, 2, 9})
	f.Add([]byte{9, 0, 0, 4, 0, 0, 5, 0, 0, 10, 0, 0, 13, 0, 0})
	f.Add([]byte{23, 0, 0, 5, 0, 0, 6, 0, 0, 1, 0, 0, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		st := newPageTwin(1)
		st.own(1).write(10, "ours")
		v := victimOf(t, st, Limits{MaxLogs: 4}, len(script)%3 == 1)
		for n := 0; len(script) >= 3 && n < 64; n, script = n+1, script[3:] {
			body := bytes.Clone(bodies[int(script[0])%len(bodies)])
			if script[2] != 0 {
				body[(int(script[1])*7+int(script[2]))%len(body)] ^= script[2]
			}
			if m, err := messages.Decode(body); err == nil {
				v.hears(t, m)
			}
			v.nuisance(t, script[1])
		}
		for _, l := range st.logs {
			if err := l.proven(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// nuisance is something that happens on our side meanwhile.
func (v *victim) nuisance(t testing.TB, b byte) {
	id := v.st.keys[int(b)%len(v.st.keys)]
	v.Step([]Input{
		TopicAdded{TestTopic(43).Topic()}, TopicRemoved{TestTopic(43).Topic()}, TopicRemoved{twinTopic.Topic()}, TopicAdded{twinTopic.Topic()}, Ping{5},
		Advanced{Log: id}, Stored{twinTopic.ID(), id, 1}, IngestFailed{twinTopic.ID(), id, errNotStored}, PullDone{Topic: twinTopic.ID(), Log: id}, PullDone{Topic: twinTopic.ID(), Log: id, Err: errNotStored},
		PullDone{Topic: twinTopic.ID(), Log: id, Err: &Conflict{Log: id}}, Served{Topic: twinTopic.ID(), Log: id, EndSize: 3}, Tick{time.Unix(int64(b)*100, 0)}, Nudge{}, Start{},
	}[int(b)%15])
}

// FuzzTransfer changes bytes of an honest transfer. Whatever passes must
// be the author's events in the one right packing.
func FuzzTransfer(f *testing.F) {
	w, l := pagedLog()
	m, pages := responseOf(w, l, 0, 100)
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), byte(0), false)
	f.Add(uint32(20), byte(1), false)
	f.Add(uint32(600), byte(1), true)
	f.Add(uint32(len(frame)+6), byte(2), true)
	f.Fuzz(func(t *testing.T, at uint32, with byte, fix bool) {
		body, spoiled := bytes.Clone(frame[4:]), bytes.Clone(pages)
		if i := int(at) % (len(body) + len(spoiled)); i < len(body) {
			body[i] ^= with
		} else {
			i -= len(body)
			spoiled[i] ^= with
			if page := i / twinPage * twinPage; fix {
				checksummed(spoiled[page : page+twinPage])
			}
		}
		got, err := messages.Decode(body)
		r, ok := got.(*messages.PageResponse)
		if err != nil || !ok {
			return
		}
		tr := transferOf(t, newPageTwin(1), l)
		n, err := tr.Announced(r)
		if err != nil || n > len(spoiled) {
			return
		}
		v, err := tr.Pages(r, spoiled[:n])
		if err == nil && v != nil && !bytes.HasPrefix(pages, v.Bytes) {
			t.Fatal("other pages than the author's are let through")
		}
	})
}
