// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"runtime"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// liveHeap is what is in use.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Of a topic of ours that a peer is not in a session keeps less than 64 bytes, whether
// it was offered or not, and however many sessions there are.
func TestWhatASessionKeepsOfOurTopics(t *testing.T) {
	const topics, bound = 3000, 64
	all, house := TopicsOf(), newHouse(1)
	for n := range TestTopic(topics) {
		all = append(all, n.Topic())
	}
	for what, offered := range map[string]int{"offered in part": messages.MaxTopics, "offered whole": topics} {
		stranger := func() *Session {
			s := New(Config{Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"), Store: house, Topics: all})
			s.Step(Start{})
			s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), More: true, Offers: strangeOffers(0, 1)}})
			for n := 1; s.meet.open < offered; n++ {
				mustFail(t, failOf(s.Step(Received{&messages.Topics{Answers: s.meet.sent, More: true, Offers: strangeOffers(n, 1)}})), 0)
			}
			return s
		}
		stranger()
		for _, n := range []int64{1, 8} {
			var sessions []*Session
			before := liveHeap()
			for range n {
				sessions = append(sessions, stranger())
			}
			each := (liveHeap() - before) / n / topics
			t.Logf("%s, %d sessions: %d bytes a topic and session", what, n, each)
			if each >= bound {
				t.Errorf("%s: each of %d sessions keeps %d bytes of each of our %d topics, want less than %d", what, n, each, topics, bound)
			}
			runtime.KeepAlive(sessions)
		}
	}
}
