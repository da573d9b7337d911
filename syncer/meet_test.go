// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A house is a store of many topics, which serves no pages.
type house struct {
	*pageTwin
	in map[TestTopic]bool
}

func newHouse(n byte) *house { return &house{newPageTwin(n), map[TestTopic]bool{}} }

// write appends an event to a log of the house's own in a topic.
func (h *house) write(n TestTopic, text string) digest.Hash {
	l := h.ownIn(n.ID(), n.AuthorOf(identity.Seed(h.id)))
	l.write(20, text)
	return l.info.Log
}

// grew is what a session is told of a log that was written to once.
func (h *house) grew(id digest.Hash) Advanced { return Advanced{id, h.logs[id].Size() - 20} }

func (h *house) Pages(digest.Hash, uint64, uint64) (r PageRun, _ error) {
	return r, errors.New("no pages")
}

// A visit is two sessions of houses, step by step.
type visit struct {
	t      testing.TB
	r      *rand.Rand
	houses [2]*house
	ends   [2]*Session
	in     [2][]Input
	shared [2]map[TestTopic]uint32
	agreed [2]map[identity.TopicID]bool
	tick   [2]bool
	failed [2]*Fail
	synced [2]uint64 // the last sync that is over,
	apart  [2][]Apart
	lists  [2]int           // HELLO and TOPICS that were sent
	real   identity.TopicID // a topic with a genesis, which goes by the name 0
	now    time.Time
}

// visitOf connects two houses. Change may change their configurations.
func visitOf(t testing.TB, seed uint64, a, b *house, change func(i int, c *Config)) *visit {
	v := &visit{t: t, r: rand.New(rand.NewPCG(seed, 11)), houses: [2]*house{a, b}, now: time.Unix(0, 0)}
	for i, h := range v.houses {
		c := Config{Dialer: i == 0, Self: h.id, Peer: v.houses[1-i].id, Binding: []byte("visit"), Store: h, Topics: TopicsOf(slices.Sorted(maps.Keys(h.in))...)}
		v.r.Shuffle(len(c.Topics), func(i, j int) { c.Topics[i], c.Topics[j] = c.Topics[j], c.Topics[i] })
		if change != nil {
			change(i, &c)
		}
		v.ends[i], v.in[i] = New(c), []Input{Start{}}
		v.shared[i], v.agreed[i] = map[TestTopic]uint32{}, map[identity.TopicID]bool{}
	}
	return v
}

// step lets one end take one input, and reports whether there was one.
func (v *visit) step() bool {
	i := v.r.IntN(2)
	if len(v.in[i]) == 0 {
		i = 1 - i
	}
	if len(v.in[i]) == 0 {
		return false
	}
	in := v.in[i][0]
	v.in[i] = v.in[i][1:]
	for _, o := range v.ends[i].Step(in) {
		v.do(i, o)
	}
	return true
}

func (v *visit) deliver(i int, m messages.Message) {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		v.t.Fatal(err)
	}
	got, err := messages.Decode(frame[4:])
	if err != nil {
		v.t.Fatal(err)
	}
	v.in[1-i] = append(v.in[1-i], Received{got})
}

func (v *visit) do(i int, o Output) {
	switch o := o.(type) {
	case Send:
		if t := o.Message.Type(); t == messages.TypeHello || t == messages.TypeTopics {
			v.lists[i]++
		}
		v.deliver(i, o.Message)
	case Push:
		send := func(m messages.Message) error { v.deliver(i, m); return nil }
		if _, err := PushEvents(send, v.houses[i], o.Topic, o.Log, o.From, o.To, nil); err != nil {
			v.t.Fatal(err)
		}
	case Ingest:
		if err := v.houses[i].ingest(o.Verified); err != nil {
			v.t.Fatal(err)
		}
		g := o.Verified.Info
		v.in[i] = append(v.in[i], Advanced{g.Log, o.Verified.First}, Stored{g.Topic, g.Log, o.Verified.First + uint64(o.Verified.Count)})
	case Shared:
		for _, t := range o.Topics {
			v.shared[i][v.nameOf(t.ID)] = t.Number
		}
	case Left:
		delete(v.shared[i], v.nameOf(o.Topic))
		delete(v.agreed[i], o.Topic)
	case Agreed:
		v.agreed[i][o.Topic] = o.Now
	case WantTick:
		v.tick[i] = true
	case Drain:
		v.in[i] = append(v.in[i], Drained{o.Number})
	case Synced:
		v.synced[i] = o.Sync
	case Apart:
		v.apart[i] = append(v.apart[i], o)
	case Fail:
		v.failed[i] = &o
	}
}

func (v *visit) nameOf(id identity.TopicID) TestTopic {
	if id == v.real {
		return 0
	}
	for n := range TestTopic(10_000) {
		if n.ID() == id {
			return n
		}
	}
	v.t.Fatal("a topic of no test")
	return 0
}

// rest runs until nothing is to be done, and ticks until what is shared agrees.
func (v *visit) rest() {
	v.t.Helper()
	for range 60 {
		for v.step() {
		}
		all := true
		for i := range v.ends {
			if v.failed[i] != nil {
				v.t.Fatalf("side %d fails: %+v", i, *v.failed[i])
			}
			for n := range v.shared[i] {
				all = all && v.agreed[i][n.ID()]
			}
		}
		if all {
			return
		}
		v.now = v.now.Add(time.Second)
		for i := range v.ends {
			if v.tick[i] {
				v.tick[i], v.in[i] = false, append(v.in[i], Tick{v.now})
			}
		}
	}
	v.t.Fatal("no rest")
}

// sharesWhatBothAreIn compares with the obvious: the topics of both, each with
// one number, and the same events.
func (v *visit) sharesWhatBothAreIn() {
	v.t.Helper()
	for n := range v.houses[0].in {
		x, ok := v.shared[0][n]
		y, ok2 := v.shared[1][n]
		if both := v.houses[1].in[n]; ok != both || ok2 != both || x != y {
			v.t.Fatalf("topic %d, that both are in: %v: shared %v as %d and %v as %d", n, both, ok, x, ok2, y)
		}
		if !ok {
			continue
		}
		a, _ := v.houses[0].Summary(n.ID())
		if b, _ := v.houses[1].Summary(n.ID()); a != b {
			v.t.Fatalf("topic %d: agreed, and holds other events", n)
		}
	}
	if len(v.shared[0]) != len(v.shared[1]) {
		v.t.Fatalf("%d topics are shared here and %d there", len(v.shared[0]), len(v.shared[1]))
	}
	if v.ends[0].Listing() || v.ends[1].Listing() {
		v.t.Fatal("all agree, and more may be offered")
	}
	if v.ends[0].Busy() || v.ends[1].Busy() {
		v.t.Fatal("all agree, and something is under way")
	}
}

// Topics that all differ, on both sides, agree in one session, however many.
func TestTopicsThatAllDiffer(t *testing.T) {
	for _, count := range []TestTopic{1, 5, 7, 200} {
		a, b := newHouse(1), newHouse(2)
		for n := range count {
			a.in[n], b.in[n] = true, true
			a.write(n, fmt.Sprint("a ", n))
			b.write(n, fmt.Sprint("b ", n))
		}
		v := visitOf(t, uint64(count), a, b, nil)
		v.rest()
		v.sharesWhatBothAreIn()
		if len(v.shared[0]) != int(count) {
			t.Errorf("%d of %d topics are shared", len(v.shared[0]), count)
		}
	}
}

// More topics than one list takes are offered in turn, and all that both are in
// are found, whoever is in more of them. A side with few makes nobody list more.
func TestTopicsInTurn(t *testing.T) {
	for _, c := range []struct{ first, last, second, end TestTopic }{
		{0, 3000, 2900, 2950},
		{2999, 3000, 0, 3000},
		{0, 2500, 1400, 4200},
		{0, 2100, 2099, 4100},
		{0, 1025, 0, 1025},
	} {
		a, b := newHouse(1), newHouse(2)
		for n := c.first; n < c.last; n++ {
			a.in[n] = true
		}
		for n := c.second; n < c.end; n++ {
			b.in[n] = true
		}
		v := visitOf(t, uint64(c.last), a, b, nil)
		v.rest()
		v.sharesWhatBothAreIn()
		if few := min(len(a.in), len(b.in)); few < messages.MaxTopics && max(v.lists[0], v.lists[1]) > 3 {
			t.Errorf("%+v: %v lists", c, v.lists)
		}
	}
}

// Topics are joined and left on both sides, at any time; what both are in at the
// end is shared, and no session is refused or ends for it.
func TestTopicsComeAndGo(t *testing.T) {
	for seed := range uint64(300) {
		a, b := newHouse(1), newHouse(2)
		a.in[0], b.in[0] = true, true
		r := rand.New(rand.NewPCG(seed, 5))
		for n := TestTopic(1); n < 6; n++ {
			a.in[n], b.in[n] = r.IntN(2) == 0, r.IntN(2) == 0
		}
		for _, h := range []*house{a, b} {
			maps.DeleteFunc(h.in, func(_ TestTopic, in bool) bool { return !in })
		}
		v := visitOf(t, seed, a, b, nil)
		for range 30 {
			v.change(r, TestTopic(1+r.IntN(5)), r.IntN(2))
			for range r.IntN(12) {
				v.step()
			}
			if r.IntN(6) == 0 {
				v.rest()
				v.sharesWhatBothAreIn()
			}
		}
		v.rest()
		v.sharesWhatBothAreIn()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Both sides change what they follow, at any time, also while an offer that says
// otherwise is on its way; neither side breaks a rule for it.
func TestFollowsChangeOnBothSides(t *testing.T) {
	for seed := range uint64(300) {
		a, b := newHouse(1), newHouse(2)
		for n := range TestTopic(3) {
			a.in[n], b.in[n] = true, true
		}
		v, r := visitOf(t, seed, a, b, nil), rand.New(rand.NewPCG(seed, 6))
		for range 40 {
			n, i := TestTopic(r.IntN(3)), r.IntN(2)
			topic := n.Topic()
			if r.IntN(2) == 0 {
				topic.Follows = Follows{}
				for _, h := range v.houses { // these are all authors
					topic.Follows[digest.Hash(n.AuthorOf(identity.Seed(h.id)).Public().(ed25519.PublicKey))] = true
				}
			}
			v.in[i] = append(v.in[i], TopicRemoved{n.Topic()}, TopicAdded{topic})
			if r.IntN(3) == 0 {
				v.in[i] = append(v.in[i], v.houses[i].grew(v.houses[i].write(n, fmt.Sprint("event ", r.Uint64()))))
			}
			for range r.IntN(12) {
				v.step()
			}
		}
		v.rest()
		v.sharesWhatBothAreIn()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A confirmation that was asked for is not what the peer stated before, which is on its
// way still: the peer holds more since.
func TestConfirmationIsNotOfBefore(t *testing.T) {
	for _, busy := range []bool{false, true} { // whether there is room for another ping
		a, b := newHouse(1), newHouse(2)
		a.in[0], b.in[0] = true, true
		v := visitOf(t, 1, a, b, nil)
		v.rest()
		step := func(i int, in ...Input) {
			for _, in := range in {
				for _, o := range v.ends[i].Step(in) {
					v.do(i, o)
				}
			}
		}
		step(1, Nudge{Confirm: true})
		written := b.write(0, "an event that its session hears of last")
		if busy {
			for n := range maxPings {
				step(0, Ping{uint64(n)})
			}
		}
		onTheWay := v.in[0]
		v.in[0] = nil
		step(0, append([]Input{Nudge{Confirm: true}}, onTheWay...)...)
		if v.agreed[0][TestTopic(0).ID()] {
			t.Error("agreed by a word of before")
		}
		v.in[1] = append(v.in[1], b.grew(written))
		v.rest()
		v.sharesWhatBothAreIn()
	}
}

// change makes one side join or leave a topic, or write in it.
func (v *visit) change(r *rand.Rand, n TestTopic, i int) {
	h := v.houses[i]
	switch {
	case h.in[n] && r.IntN(2) == 0:
		id := h.write(n, fmt.Sprint("event ", r.Uint64()))
		v.in[i] = append(v.in[i], h.grew(id))
	case h.in[n]:
		delete(h.in, n)
		v.in[i] = append(v.in[i], TopicRemoved{n.Topic()})
	default:
		h.in[n] = true
		v.in[i] = append(v.in[i], TopicAdded{n.Topic()})
	}
}

// A step about one topic leaves all others alone: none of them is asked of.
func TestStepTouchesOneTopic(t *testing.T) {
	a, b := newHouse(1), newHouse(2)
	for n := range TestTopic(50) {
		a.in[n], b.in[n] = true, true
	}
	v := visitOf(t, 1, a, b, nil)
	v.rest()
	v.in[0], v.in[1] = []Input{Tick{v.now}}, []Input{Tick{v.now}}
	v.rest()
	id := b.write(7, "live")
	v.in[1] = append(v.in[1], b.grew(id))
	for _, h := range v.houses {
		h.rooms = map[digest.Hash]*twinRoom{TestTopic(7).ID(): h.rooms[TestTopic(7).ID()]}
	}
	v.rest()
	v.tick = [2]bool{}
	for _, h := range v.houses {
		if len(h.rooms) != 1 {
			t.Errorf("%d topics were looked at", len(h.rooms))
		}
	}
}

// A session in which nothing is shared, or not any more, ends after a while; one
// of sides that have nothing in common and nothing more to offer at once.
func TestNothingShared(t *testing.T) {
	a, b := newHouse(1), newHouse(2)
	a.in[1], b.in[2] = true, true
	v := visitOf(t, 1, a, b, nil)
	for v.step() {
	}
	if v.failed[0] == nil && v.failed[1] == nil {
		t.Error("sides with nothing in common stay")
	}
	a.in[2] = true
	v = visitOf(t, 1, a, b, nil)
	v.rest()
	v.in[0] = append(v.in[0], TopicRemoved{TestTopic(2).Topic()})
	for v.step() {
	}
	if len(v.shared[1]) != 0 || v.failed[0] != nil || v.failed[1] != nil {
		t.Fatalf("after it was left: %v, %v", v.shared, v.failed)
	}
	for i, at := range []int{0, 29, 30} {
		v.ends[0].Step(Tick{time.Unix(int64(100+at), 0)})
		if over := v.ends[0].State() == Ended; over != (i == 2) {
			t.Errorf("after %d seconds without a topic: ended %v", at, over)
		}
	}
}

// A stranger that always has more to offer is refused by number and by time, and
// one that offers a topic twice at once.
func TestHostileOffers(t *testing.T) {
	list := func(n int) (all []messages.Offer) {
		for i := range messages.MaxTopics {
			all = append(all, messages.Offer{Lobby: [32]byte{byte(i), byte(i >> 8), byte(n), 1}})
		}
		return all
	}
	begin := func(offers []messages.Offer, more bool) (*Session, []Output) {
		s := New(Config{Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"), Store: newHouse(1), Topics: TopicsOf(1, 2)})
		s.Step(Start{})
		return s, s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), More: more, Offers: offers}})
	}
	s, _ := begin(list(0), true)
	for n := 1; n < messages.MaxOffers/messages.MaxTopics; n++ {
		mustFail(t, failOf(s.Step(Received{&messages.Topics{Answers: 1, More: true, Offers: list(n)}})), 0)
	}
	mustFail(t, failOf(s.Step(Received{&messages.Topics{Answers: 1, Offers: list(99)[:1]}})), messages.CodeLimit)

	s, _ = begin(list(0), true)
	s.Step(Tick{time.Unix(0, 0)})
	mustFail(t, failOf(s.Step(Tick{time.Unix(30, 0)})), messages.CodeNoSharedTopic)

	for name, c := range map[string]struct {
		code  messages.Code
		after []messages.Message
	}{
		"an answer to a list that was not sent": {messages.CodeUnexpectedMessage, []messages.Message{&messages.Topics{Answers: 9}}},
		"an answer taken back":                  {messages.CodeUnexpectedMessage, []messages.Message{&messages.Topics{Answers: 1}, &messages.Topics{Answers: 0}}},
		"our topic twice":                       {messages.CodeUnexpectedMessage, []messages.Message{&messages.Topics{Offers: []messages.Offer{TestTopic(1).Offer("b", true)}}}},
		"a topic that is not ours twice":        {messages.CodeUnexpectedMessage, []messages.Message{&messages.Topics{Offers: []messages.Offer{{}, {}}}}},
		"LEAVE of what is not shared":           {messages.CodeNotShared, []messages.Message{&messages.Leave{Topic: 5}}},
		"LEAVE twice":                           {messages.CodeNotShared, []messages.Message{&messages.Leave{Topic: 0}, &messages.Leave{Topic: 0}}},
		"PEAKS of what was left":                {messages.CodeNotShared, []messages.Message{&messages.Leave{Topic: 0}, &messages.Peaks{Topic: 0}}},
		"our own proof":                         {messages.CodeNoSharedTopic, nil},
	} {
		offers := []messages.Offer{TestTopic(1).Offer("b", true)}
		if c.after == nil {
			offers[0] = TestTopic(1).Offer("b", false)
		}
		s, out := begin(offers, false)
		for _, m := range c.after {
			out = s.Step(Received{m})
		}
		if got := failOf(out); got == nil || got.Code != c.code {
			t.Errorf("%s: %v, want %q", name, got, c.code)
		}
	}
}

// failOf returns the Fail of some outputs, or one of code 0.
func failOf(all []Output) *Fail {
	for _, o := range all {
		if f, ok := o.(Fail); ok {
			return &f
		}
	}
	return &Fail{}
}
