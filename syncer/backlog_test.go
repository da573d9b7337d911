// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/messages"
)

// What waits is bounded by what the peer caused, and for each topic: lists and answers of
// many topics that all differ are honest, and many of one topic are not.
func TestBacklogBounds(t *testing.T) {
	list := func(topic uint32) messages.Message {
		return &messages.Diff{Topic: topic, Rung: messages.RungFrontier, Body: make([]byte, smallBytes+1)}
	}
	round := func(topic uint32) messages.Message { return &messages.Diff{Topic: topic, Body: make([]byte, 90)} }
	var b Backlog
	for topic := range uint32(100_000) {
		for range fewOfTopic {
			if b.Add(&messages.Peaks{Topic: topic}, true) != Waits {
				t.Fatalf("refused at topic %d, %d answers each", topic, fewOfTopic)
			}
		}
		if b.Add(list(topic), false) != Waits {
			t.Fatalf("refused at topic %d, one list each", topic)
		}
	}
	for name, c := range map[string]struct {
		m      messages.Message
		caused bool
		most   int
	}{
		"answers of no topic":     {&messages.Pong{}, true, maxBacklog},
		"answers of one topic":    {&messages.SyncDone{Topic: 7}, true, maxBacklog + fewOfTopic},
		"large answers":           {&messages.Diff{Topic: 7, Part: true, Body: make([]byte, smallBytes+1)}, true, maxBacklog},
		"small rounds of a topic": {round(7), true, maxBacklog + fewOfTopic},
		"lists of a topic":        {list(7), true, maxLists},
		"messages of our own":     {&messages.Have{Topic: 1}, false, maxOfTopic},
		"proofs":                  {&messages.ProofResponse{}, true, maxProofs},
	} {
		b = Backlog{}
		for n := range c.most + 1 {
			if got := b.Add(c.m, c.caused); (got == Waits) != (n < c.most) {
				t.Errorf("%s: %d of them: %d", name, n+1, got)
			}
		}
		if b.Sent(); b.Add(c.m, c.caused) != Waits {
			t.Errorf("%s: what was written still counts", name)
		}
	}
	b = Backlog{}
	for n := range maxWords + 1 {
		if got := b.Add(&messages.Presence{}, true); (got == Drops) != (n == maxWords) {
			t.Errorf("word %d: %d", n, got)
		}
	}
}
