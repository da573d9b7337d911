// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// both reports whether both nodes of a link follow a log.
func (w *simNode) both(peer *simNode, l *pageLog) bool {
	return w.follows.has(l.info.Log, l.info.Author) && peer.follows.has(l.info.Log, l.info.Author)
}

// whatIsFollowed checks that over each link came all that both ends follow, and
// to each node nothing else.
func (n *simNet) whatIsFollowed() {
	n.t.Helper()
	for _, e := range n.ends {
		for id, l := range e.node.logs {
			if !e.node.follows.has(id, l.info.Author) {
				n.t.Fatalf("a log of %d events came that is not followed", len(l.Leaves))
			}
			if !e.node.both(e.peer.node, l) || len(l.Leaves) == 0 {
				continue
			}
			if o := e.peer.node.logs[id]; o == nil || o.Root(o.Size()) != l.Root(l.Size()) {
				n.t.Fatalf("a log of %d events is another one at a peer that follows it too", len(l.Leaves))
			}
		}
	}
}

// followSome makes about half of the nodes follow their own log and some others,
// by id or by author.
func (n *simNet) followSome() {
	for i, w := range n.nodes {
		if n.r.IntN(2) == 0 {
			continue
		}
		w.follows = Follows{}
		for k, o := range n.nodes {
			l := o.own(byte(k + 1))
			switch {
			case k == i || n.r.IntN(4) == 0:
				w.follows[l.info.Log] = true
			case n.r.IntN(4) == 0:
				w.follows[l.info.Author] = true
			}
		}
	}
}

// No matter who follows what, and what breaks: a log comes to everybody who
// follows it and whom it can reach over others that do, and to nobody else.
func TestFollowersConverge(t *testing.T) {
	for seed := range uint64(20) {
		n := newSimNet(t, seed, 7)
		if seed%4 > 0 {
			n.followSome()
		}
		for _, l := range shapes[[]string{"line", "ring", "random"}[seed%3]](n, 7) {
			n.link(n.nodes[l[0]], n.nodes[l[1]])
		}
		for i := range n.nodes {
			n.write(i, "written while offline")
		}
		big := n.nodes[seed%7].own(byte(seed%7 + 1))
		for range 70 {
			big.write(3000, "pages to pull")
		}
		n.nodes[seed%7].wrote(big)
		for range 3 {
			n.fail = 0.2
			for range 4 {
				n.write(n.r.IntN(7), "live")
				for range n.r.IntN(100) {
					n.step()
				}
				n.cutSome(4)
			}
			n.fail = 0
			n.settle()
			n.whatIsFollowed()
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Sides that follow nothing in common agree at once.
func TestFollowersOfNothingInCommon(t *testing.T) {
	n := newSimNet(t, 1, 2)
	for i, w := range n.nodes {
		w.follows = Follows{w.own(byte(i + 1)).info.Log: true}
		n.write(i, "mine")
	}
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	n.whatIsFollowed()
	if n.pushed != 0 || len(n.nodes[0].logs) != 1 {
		t.Fatalf("%d pushes, %d logs", n.pushed, len(n.nodes[0].logs))
	}
}

// Agreement on a part is not remembered as agreement on the whole.
func TestPartIsNotRemembered(t *testing.T) {
	n := newSimNet(t, 2, 2)
	n.write(0, "followed")
	n.nodes[1].follows = Follows{n.nodes[0].own(1).info.Log: true}
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	if len(n.nodes[0].agreed)+len(n.nodes[1].agreed) > 0 {
		t.Fatal("remembered")
	}
}

// A fork is told to those who do not follow the log, whichever side knows it,
// and whether or not some of the log is held.
func TestForkOutsideIsTold(t *testing.T) {
	for seed := range uint64(8) {
		n := newSimNet(t, seed, 4)
		n.forks = true
		id := n.splitBrain() // of the first and the last
		n.link(n.nodes[0], n.nodes[3])
		n.settle()
		for i, w := range n.nodes {
			n.write(i, "an event of its own")
			if i == 1 || i == 2 && seed%2 > 0 || i == 0 && seed%4 > 1 {
				w.follows = Follows{w.own(byte(i + 1)).info.Log: true, n.nodes[0].own(1).info.Log: true}
			}
		}
		if seed > 3 {
			l := n.nodes[2].own(99)
			l.write(30, "held before")
			l.info.Own = false
		}
		n.link(n.nodes[0], n.nodes[1])
		n.link(n.nodes[1], n.nodes[2])
		n.settle()
		n.allFrozen(id)
	}
}

// scoped is a session of which one side or both follow a part.
func scoped(t *testing.T, ours, theirs bool) *Session {
	w := newPageTwin(1)
	l := w.own(1)
	l.write(20, "one")
	peer := PeerOf(identity.Seed{2})
	c := Config{Dialer: true, Self: w.id, Peer: peer, Binding: []byte("b"), Store: w, Topics: TopicsOf(twinTopic)}
	if ours {
		c.Topics[0].Follows = Follows{l.info.Log: true}
	}
	s := New(c)
	s.Step(Start{})
	s.Step(Received{&messages.Hello{Version: Version, Peer: peer, Offers: []messages.Offer{partialOffer(twinTopic.Offer("b", false), theirs)}}})
	return s
}

func TestWhatComesBeforeAndAfterSubscribe(t *testing.T) {
	third := newPageTwin(3)
	stranger := third.own(3)
	stranger.write(20, "outside")
	stranger.SignAll()
	entry := stateOf(stranger.state())
	forked := messages.LogState{Log: entry.Log, Author: entry.Author, PageBytes: entry.PageBytes, End: messages.Forked}
	subscribe := &messages.Subscribe{Names: []digest.Hash{{1}}}
	for name, c := range map[string]struct {
		ours, theirs bool
		say          []messages.Message
		code         messages.Code
	}{
		"not announced":        {false, false, []messages.Message{subscribe}, messages.CodeUnexpectedMessage},
		"ours only":            {true, false, []messages.Message{subscribe}, messages.CodeUnexpectedMessage},
		"twice":                {false, true, []messages.Message{subscribe, subscribe}, messages.CodeUnexpectedMessage},
		"PEAKS before it":      {false, true, []messages.Message{&messages.Peaks{}}, messages.CodeUnexpectedMessage},
		"HAVE before it":       {true, true, []messages.Message{&messages.Have{}}, messages.CodeUnexpectedMessage},
		"SYNC_DONE before it":  {true, true, []messages.Message{&messages.SyncDone{}}, messages.CodeUnexpectedMessage},
		"a log outside":        {true, false, []messages.Message{&messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{entry}}}, messages.CodeUnknownLog},
		"a fork outside":       {true, false, []messages.Message{&messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{forked}}}, 0},
		"events outside":       {false, true, []messages.Message{subscribe, third.eventsOf(stranger, 0, 1<<20)}, messages.CodeUnknownLog},
		"HAVE outside is told": {true, false, []messages.Message{&messages.Have{Logs: []messages.LogSize{{Log: digest.Hash{9}, Size: 4}}}}, 0},
		"all is well":          {true, true, []messages.Message{subscribe, &messages.Peaks{}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := scoped(t, c.ours, c.theirs)
			var got messages.Code
			for i, m := range c.say {
				for _, o := range s.Step(Received{m}) {
					if f, ok := o.(Fail); ok {
						if got = f.Code; i < len(c.say)-1 {
							t.Fatalf("refused at message %d: %v", i, f)
						}
					}
				}
			}
			if got != c.code {
				t.Fatalf("code %s, want %s", got, c.code)
			}
		})
	}
}
