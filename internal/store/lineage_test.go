// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// append returns the first events of a log as a session hands them in that asked
// for them when nothing of it was held.
func (p *parted) append(to uint64) *messages.Append {
	return &messages.Append{
		Log: p.info.Log, Records: bytes.Join(p.Records[:to], nil), Leaves: p.Leaves[:to],
		Remote: &messages.Proven{Head: p.Head, Right: p.Compact(to, p.Head.Size), Root: merkleindex.Bag(p.Compact(0, to)), Time: 1},
		Create: &messages.NewLog{LogName: p.info.Name()}, Done: func(error) {},
	}
}

// Two sessions bring the same events: of the second only what is new goes on, with
// the peaks before it, and the stage that packs it finds that it follows.
func TestEventsThatOverlapGoOn(t *testing.T) {
	s, topic := newStore(t)
	p := newParted(t, topic.ID, 12)
	c, g := s.NewCommitter(), s.NewSegmenter()
	held := uint64(0)
	for _, to := range []uint64{1, 3, 10, 12} {
		done, err := c.Commit(&Work{Appends: []*messages.Append{p.append(to)}})
		if err != nil || done.Appends[0].Refused != nil {
			t.Fatal(done, err)
		}
		b := done.Appends[0].Batch
		left, err := mmrindex.New(b.First, b.Remote.Left)
		if err != nil || b.First != held || left.Root() != merkleindex.Bag(p.Compact(0, held)) {
			t.Errorf("events from %d, want %d, with %d peaks before them (%v)", b.First, held, len(b.Remote.Left), err)
		}
		var packed uint64
		if err := g.Batch(b, func(b *messages.Batch) { packed = b.End() }); err != nil || packed != to {
			t.Errorf("%d events are packed, want %d: %v", packed, to, err)
		}
		held = to
	}
}
