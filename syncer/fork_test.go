// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// ReadNodes computes every node from the leaves.
func (l *pageLog) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		out[i] = merkleindex.Bag(l.Range(id.Begin(), id.End()).Hashes)
	}
	return nil
}

// prove makes the proof of a fork from what a node holds.
func (l *pageLog) prove(theirs proof.Head) (proof.Fork, error) {
	i := l.state()
	if theirs.Size == i.Head.Size {
		return proof.NewFork(i.Name(), i.Head, theirs, digest.Hash{}, nil), nil
	}
	hashes, err := mmrindex.Consistency(theirs.Size, i.Head.Size, l)
	return proof.NewFork(i.Name(), i.Head, theirs, l.Peaks(theirs.Size).Root(), hashes), err
}

// forks does what a node does with a fork. Only whole logs are in these tests.
func (e *simEnd) forks(o Output) {
	if !e.net.forks {
		e.net.t.Errorf("unexpected: %#v", o)
	}
	switch o := o.(type) {
	case Fork:
		f, err := e.node.logs[o.Log].prove(o.Theirs)
		if err == nil {
			err = f.Verify()
		}
		if err != nil {
			e.net.t.Errorf("a fork that cannot be proven: %v", err)
			return
		}
		e.tasks = append(e.tasks, func() { e.node.freeze(f) })
	case Forked:
		e.tasks = append(e.tasks, func() { e.node.freeze(o.Fork) })
	case TellFork:
		e.deliver(&messages.Fork{Topic: o.Topic, Proof: e.node.logs[o.Log].fork})
	}
}

// freeze keeps the first proof of a fork for good.
func (n *simNode) freeze(f proof.Fork) {
	if n.forgets {
		return
	}
	l := n.log(LogInfo{Log: f.Log(), Topic: f.Topic, Author: f.Author, PageBytes: f.PageBytes})
	if l.fork == nil {
		l.fork = f.Encode()
		n.wrote(l)
	}
}

// splitBrain gives the first and the last node each a copy of one author, who
// writes some events in common and then goes on in both.
func (n *simNet) splitBrain() digest.Hash {
	var id digest.Hash
	common, at, longest := n.r.IntN(30), [2]*simNode{n.nodes[0], n.nodes[len(n.nodes)-1]}, 40
	if n.r.IntN(8) == 0 {
		longest = 300 // enough for pages to be pulled
	}
	for i, node := range at {
		l := node.own(99)
		id = l.info.Log
		for j := range common {
			l.write(50+j, fmt.Sprint("common ", j))
		}
		for j := range 1 + n.r.IntN(longest) {
			l.add(twinRecord(1000, fmt.Sprint("branch ", i, " ", j)))
		}
		l.SignAll()
		l.info.Own = i == 0 && n.r.IntN(2) == 0 // the author, or one who got it from there
	}
	return id
}

// Whichever branch of a log each one held, all end with the proof that its author
// forked it, nobody takes more of it, nobody loses what he held, and all other
// logs arrive everywhere.
func TestForksConverge(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := newSimNet(t, seed, 2+int(seed%3))
			n.forks = true
			id := n.splitBrain()
			held := [2][]digest.Hash{n.nodes[0].logs[id].Leaves, n.nodes[len(n.nodes)-1].logs[id].Leaves}
			for i, node := range n.nodes {
				n.writeSome(node, i, n.r.IntN(20))
			}
			for i := range len(n.nodes) - 1 {
				n.link(n.nodes[i], n.nodes[i+1])
			}
			n.settle()
			n.sameEverywhere()
			n.disturb()
			n.fail = 0
			n.settle()
			n.sameEverywhere()
			n.allFrozen(id)
			for i, node := range []*simNode{n.nodes[0], n.nodes[len(n.nodes)-1]} {
				if l := node.logs[id]; !equal(l.Leaves, held[i]) {
					t.Errorf("an end held %d events of the forked log and holds %d", len(held[i]), len(l.Leaves))
				}
			}
		})
	}
}

func equal(a, b []digest.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (n *simNet) allFrozen(id digest.Hash) {
	n.t.Helper()
	want := n.nodes[0].logs[id].fork
	for i, node := range n.nodes {
		l := node.logs[id]
		if l == nil || l.fork == nil {
			n.t.Errorf("node %d does not know that the log was forked", i)
			continue
		}
		f, err := proof.ParseFork(l.fork)
		if err == nil {
			err = f.Verify()
		}
		if err != nil || !bytes.Equal(l.fork, want) && len(n.nodes) == 2 {
			n.t.Errorf("node %d has another proof, or none that verifies: %v", i, err)
		}
	}
}

// A fork proof that proves nothing ends the session, and nothing is stored.
func TestForkRefused(t *testing.T) {
	_, l := peerLog(9)
	other := newPageTwin(200).own(201)
	for range 4 {
		other.add(twinRecord(60, "another history"))
	}
	other.SignAll()
	f, err := l.prove(other.Head)
	if err != nil {
		t.Fatal(err)
	}
	say := func(f proof.Fork) *messages.Fork { return &messages.Fork{Proof: f.Encode()} }
	forged, same, stranger, elsewhere := f, f, f, f
	forged.Old.Sig[0] ^= 1
	same.Old, same.Root, same.Hashes = same.New, same.New.Root, nil
	stranger.Author = [32]byte(PeerOf(identity.Seed{9}))
	elsewhere.Topic[0] ^= 1
	for what, c := range map[string]struct {
		m    *messages.Fork
		want messages.Code
	}{
		"a forged signature": {say(forged), messages.CodeFork},
		"one head twice":     {say(same), messages.CodeFork},
		"no proof":           {&messages.Fork{Proof: []byte("xaeroflux fork v1\n")}, messages.CodeFork},
		"another's log":      {say(stranger), messages.CodeBadHead},
		"another topic's":    {say(elsewhere), messages.CodeFork},
	} {
		t.Run(what, func(t *testing.T) {
			got, outs := newVictim(t, newPageTwin(1), Limits{}).hears(t, c.m)
			mustFail(t, got, c.want)
			for _, o := range outs {
				if _, ok := o.(Forked); ok {
					t.Error("it was taken")
				}
			}
		})
	}
	if got, outs := newVictim(t, newPageTwin(1), Limits{}).hears(t, say(f)); got != nil || len(outs) == 0 {
		t.Errorf("the true proof: %v, %v", got, outs)
	}
}

// How many forks a list can make us tell is limited.
func TestForksToldAreBounded(t *testing.T) {
	st := newPageTwin(1)
	for i := range maxForksTold + 20 {
		l := st.log(LogInfo{Log: digest.Sum([]byte{byte(i), byte(i >> 8)}), Topic: twinTopic.ID(), PageBytes: twinPage})
		l.fork = []byte("held")
	}
	got, outs := newVictim(t, st, Limits{}).hears(t, listOf(false))
	told := 0
	for _, o := range outs {
		if _, ok := o.(TellFork); ok {
			told++
		}
	}
	if got != nil || told != maxForksTold {
		t.Errorf("%v, %d told, want %d", got, told, maxForksTold)
	}
}
