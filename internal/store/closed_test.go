// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// batchAt is an append of events to a log, one at each time.
func batchAt(t *testing.T, log digest.Hash, times ...int64) *messages.Append {
	t.Helper()
	a := &messages.Append{Log: log, Done: func(error) {}}
	for _, ms := range times {
		e := event.Event{Type: "t", Payload: []byte("x")}
		leaf, err := e.LeafHash(ms, 0)
		if err != nil {
			t.Fatal(err)
		}
		if a.Records, err = event.AppendRecord(a.Records, e, ms, 0); err != nil {
			t.Fatal(err)
		}
		a.Leaves = append(a.Leaves, leaf)
	}
	return a
}

// mustCommit commits one append, which is to be refused with want.
func mustCommit(t *testing.T, c *Committer, a *messages.Append, want error) {
	t.Helper()
	done, err := c.Commit(&Work{Appends: []*messages.Append{a}})
	if err != nil {
		t.Fatal(err)
	}
	if refused := done.Appends[0].Refused; !errors.Is(refused, want) || (want == nil) != (refused == nil) {
		t.Fatalf("refused for %v, want %v", refused, want)
	}
}

func storedRow(t *testing.T, s *Store, id digest.Hash) (row aof.LogRow) {
	t.Helper()
	err := s.aof.View(func(v *aof.View) (err error) {
		row, _, err = v.Log(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// Own events keep the order of time, which the row remembers.
func TestCommitKeepsTheLastTime(t *testing.T) {
	s, topic := newStore(t)
	c := s.NewCommitter()
	mustCommit(t, c, batchAt(t, topic.Log, 3, 3, 7), nil)
	mustCommit(t, c, batchAt(t, topic.Log, 6), ErrTimeBack)
	mustCommit(t, c, batchAt(t, topic.Log, 7, 9), nil)
	if row := storedRow(t, s, topic.Log); row.LastTime != 9 || row.Size != 5 {
		t.Errorf("%d events, the last at %d ms; want 5 and 9", row.Size, row.LastTime)
	}
}

// A closed log takes nothing more, from nobody; what it holds may come again.
func TestCommitCloses(t *testing.T) {
	s, topic := newStore(t)
	c := s.NewCommitter()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	author := [32]byte(key.Public().(ed25519.PublicKey))
	name := identity.DataLog(topic.ID, author, 4096)
	theirs := name.ID()
	for name, x := range map[string]struct {
		log    digest.Hash
		create *messages.NewLog
		times  []int64
	}{
		"our own, before its first record": {topic.Log, nil, nil},
		"a peer's, behind two":             {theirs, &messages.NewLog{LogName: name}, []int64{4, 8}},
	} {
		from := func(closed event.Reason, times ...int64) *messages.Append {
			a := batchAt(t, x.log, times...)
			r := merkleindex.CompactRange{}
			last := int64(0)
			for i, leaf := range a.Leaves {
				if err := r.Append(leaf, nil); err != nil {
					t.Fatal(err)
				}
				last = times[i]
			}
			size, bad := uint64(len(times)), digest.Hash{1}
			whole := merkleindex.CompactRange{Hashes: r.Hashes, End: size}
			if err := whole.Append(bad, nil); err != nil {
				t.Fatal(err)
			}
			root, err := whole.Root()
			if err != nil {
				t.Fatal(err)
			}
			a.Create = x.create
			a.Remote = &messages.Proven{
				Head: proof.Sign(key, x.log, size+1, root), Right: []digest.Hash{bad}, Root: merkleindex.Bag(r.Hashes), Time: last, Closed: closed,
			}
			return a
		}
		mustCommit(t, c, from(event.BadFlag, x.times...), nil)
		for range 2 { // nothing of this changes it
			row := storedRow(t, s, x.log)
			if row.Size != uint64(len(x.times)) || row.Closed != event.BadFlag || len(x.times) > 0 && row.LastTime != 8 {
				t.Errorf("%s: %d events, closed for %s, last at %d ms", name, row.Size, row.Closed, row.LastTime)
			}
			l, err := s.Log(x.log)
			if err != nil {
				t.Fatal(err)
			}
			if size, why := l.Closed(); size != row.Size || why != event.BadFlag {
				t.Errorf("%s: closed at %d for %s", name, size, why)
			}
			mustCommit(t, c, from(event.BadFlag, x.times...), nil)
			mustCommit(t, c, from(0, append(x.times, 9)...), ErrClosed)
			mustCommit(t, c, batchAt(t, x.log, 9), ErrClosed)
		}
	}
}
