// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

func withCursor(a, b *stock, before digest.Set) cost {
	a.history, b.history = &before, &before
	return run(a, b)
}

func cold(a, b *stock, _ digest.Set) cost {
	a.history, b.history = nil, nil
	return run(a, b)
}

// An end is one side of a session. A message to it carries the number of
// flights that came before.
type end struct {
	*syncer.Session
	in []flight
}

type flight struct {
	m     messages.Message
	depth int
}

// run lets two sessions talk until one of them would push events, and both are
// silent. It counts PEAKS, DIFF and the mark in HELLO, which is all there is
// to finding out.
func run(a, b *stock) cost {
	c := cost{}
	ends := [2]*end{newEnd(a, 1, 2, true), newEnd(b, 2, 1, false)}
	found := map[digest.Hash]bool{}
	take := func(from int, in syncer.Input, depth int) {
		for _, o := range ends[from].Step(in) {
			switch o := o.(type) {
			case syncer.Send:
				ends[1-from].in = append(ends[1-from].in, flight{c.sent(o.Message, depth), depth + 1})
			case syncer.Push:
				found[o.Log] = true
			case syncer.Fail:
				panic(fmt.Sprintf("a session failed: %s: %s", o.Code, o.Text))
			}
		}
	}
	take(0, syncer.Start{}, 0)
	take(1, syncer.Start{}, 0)
	for len(ends[0].in)+len(ends[1].in) > 0 {
		for i, e := range ends {
			for _, f := range e.in {
				e.in = e.in[1:]
				depth := f.depth
				if _, hello := f.m.(*messages.Hello); hello {
					depth = 0
				}
				take(i, syncer.Received{Message: f.m}, depth)
			}
		}
	}
	c.found = len(found)
	return c
}

// markInHello is 16 bytes with their two of framing.
const markInHello = 18

// sent passes a message through its bytes and counts them.
func (c *cost) sent(m messages.Message, depth int) messages.Message {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		panic(err)
	}
	switch m := m.(type) {
	case *messages.Hello:
		for i := range m.Offers {
			if m.Offers[i].Mark != [16]byte{} {
				c.bytes += markInHello
			}
		}
	case *messages.Peaks, *messages.Diff:
		c.bytes += len(frame)
		c.flights = max(c.flights, depth+1)
	}
	got, err := messages.Decode(frame[4:])
	if err != nil {
		panic(err)
	}
	return got
}

func newEnd(s *stock, self, peer byte, dialer bool) *end {
	return &end{Session: syncer.New(syncer.Config{
		Dialer: dialer, Self: peerID(self), Peer: peerID(peer), Binding: []byte("one channel"),
		Topics: []*syncer.Topic{{ID: topic.ID(), Keys: topic.Keys, Policy: topic.Genesis.Policy}}, Store: s, History: s,
	})}
}

func peerID(n byte) identity.PeerID { return identitytest.Device(n).PeerID() }
