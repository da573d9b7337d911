// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// strangeOffers is a list of offers of topics that nobody is in.
func strangeOffers(from, n int) (all []messages.Offer) {
	for i := from; i < from+n; i++ {
		o := messages.Offer{Lobby: [32]byte{byte(i * 7), byte(i >> 3), byte(i), byte(i >> 8), 1}}
		all = append(all, o)
	}
	return all
}

// A stranger that offers all it may, and shares nothing, is remembered in less than 64
// KiB, over whatever it came.
func TestWhatAStrangerCosts(t *testing.T) {
	const strangers, bound = 32, 64 << 10
	house := newHouse(1)
	stranger := func() *Session {
		s := New(Config{Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"), Store: house, Topics: TopicsOf(1, 2)})
		s.Step(Start{})
		s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), More: true, Offers: strangeOffers(0, messages.MaxTopics)}})
		for from := messages.MaxTopics; from < messages.MaxOffers; from += messages.MaxTopics {
			mustFail(t, failOf(s.Step(Received{&messages.Topics{Answers: 1, More: true, Offers: strangeOffers(from, messages.MaxTopics)}})), 0)
		}
		return s
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	stranger()
	before := heap()
	var all []*Session
	for range strangers {
		all = append(all, stranger())
	}
	each := int64(heap()-before) / strangers
	t.Logf("%d bytes a stranger", each)
	if each > bound {
		t.Errorf("a stranger that offered %d topics is remembered in %d bytes, want at most %d", messages.MaxOffers, each, bound)
	}
	for _, s := range all {
		mustFail(t, failOf(s.Step(Received{&messages.Topics{Answers: 1, Offers: strangeOffers(messages.MaxOffers, 1)}})), messages.CodeLimit)
	}
}

// A topic that is joined after the peer offered it among many is shared all the same,
// whichever side joins and dials, whether they have something in common or not yet.
func TestJoinedAfterItWasOfferedAmongMany(t *testing.T) {
	const many = 2*messages.MaxTopics + 10
	for joins := range 2 {
		for _, common := range []bool{false, true} {
			t.Run(fmt.Sprintf("side %d joins, in common %v", joins, common), func(t *testing.T) {
				houses := [2]*house{newHouse(1), newHouse(2)}
				var all [2][]TestTopic
				for i, h := range houses { // each goes on to list until they have met
					for n := range TestTopic(many) {
						if i == joins {
							n += 5000
						}
						all[i], h.in[n] = append(all[i], n), true
					}
				}
				if common {
					all[joins][0] = many - 1
					houses[joins].in = map[TestTopic]bool{}
					for _, n := range all[joins] {
						houses[joins].in[n] = true
					}
				}
				v := visitOf(t, 1, houses[0], houses[1], func(i int, c *Config) { c.Topics = TopicsOf(all[i]...) })
				m := &v.ends[joins].meet
				for m.faded == 0 {
					if !v.step() {
						t.Fatal("no offer is faint")
					}
				}
				if common {
					v.rest()
				}
				faded := m.faded
				join := []TestTopic{3, keptOffers, 700, messages.MaxTopics - 1} // the first is kept whole
				for _, n := range join {
					houses[joins].in[n] = true
					v.in[joins] = append(v.in[joins], TopicAdded{n.Topic()})
				}
				v.rest()
				id := houses[1-joins].write(700, "to be brought")
				v.in[1-joins] = append(v.in[1-joins], houses[1-joins].grew(id))
				v.rest()
				v.sharesWhatBothAreIn()
				if n := faded - m.faded; common && n != len(join)-1 {
					t.Errorf("%d offers were recalled, want %d", n, len(join)-1)
				}
			})
		}
	}
}

// A peer without the key makes nothing of offers that look like ours.
func TestStrangersRecallNothing(t *testing.T) {
	for _, dialer := range []bool{false, true} {
		s := New(Config{Dialer: dialer, Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"), Store: newHouse(1), Topics: TopicsOf(1)})
		s.Step(Start{})
		offers := strangeOffers(0, 200)
		look := TestTopic(1).Offer("b", !dialer).Lobby
		copy(offers[100].Lobby[:], look[:2])
		mustFail(t, failOf(s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), More: true, Offers: offers}})), 0)
		number := uint32(100)
		if dialer {
			number = 0
		}
		out := s.Step(Received{&messages.Peaks{Topic: number}})
		if mustFail(t, failOf(out), 0); s.State() != Meeting || len(out) == 0 {
			t.Errorf("dialer %v: %v, %v", dialer, s.State(), out)
		}
		mustFail(t, failOf(s.Step(Received{&messages.Leave{Topic: number}})), 0)
		if out := s.Step(Received{&messages.Peaks{Topic: number}}); failOf(out).Code == 0 {
			t.Errorf("dialer %v: the same again: %v", dialer, out)
		}
	}
}
