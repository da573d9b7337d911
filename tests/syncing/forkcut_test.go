// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// TestAForkedLogIsCut: an author forks its log, and the roster names what of one branch
// counts. Whoever held the other one, the author too, holds that in the end, and goes on.
func TestAForkedLogIsCut(t *testing.T) {
	for _, c := range []struct{ common, one, other, cut int }{{0, 3, 3, 2}, {10, 1, 5, 15}, {200, 900, 700, 800}, {200, 900, 700, 200}, {300, 2000, 9000, 9100}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) { forkedAndCut(t, c.common, c.one, c.other, uint64(c.cut)) })
	}
}

func forkedAndCut(t *testing.T, common, one, other int, cut uint64) {
	o := OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	owner := Open(t, filepath.Join(t.TempDir(), "owner"), o)
	topic := digest.Hash(TopicOf(t, owner).ID())
	forger := *o
	forger.Invite = Invited(owner)
	a, copied := SplitBrain(t, &forger, common, one, other)
	id := TopicOf(t, a).Log().ID()
	p, atP := JoinedAt(t, owner, o, "p")
	q, atQ := JoinedAt(t, owner, o, "q")
	MustAppend(t, p, 3, "event %d of p")
	MustSync(t, a, atP)
	MustSync(t, copied, atQ)
	MustSync(t, owner, atQ) // it holds the other branch
	MustSync(t, q, atP)
	MustSync(t, owner, atP)
	FrozenSize(t, p, id)
	Must(t, owner.Close())
	Edit(t, owner.Dir(), func(s *store.Store) { cutForked(t, s, topic, digest.Hash(id), cut) })
	owner = Open(t, owner.Dir(), o)
	late, _ := JoinedAt(t, owner, o, "late")
	for range 2 {
		for _, x := range []struct {
			db *xaeroflux.DB
			at string
		}{{owner, atQ}, {owner, atP}, {q, atP}, {late, atP}} {
			MustSync(t, x.db, x.at)
		}
	}
	for _, db := range []*xaeroflux.DB{p, q, late, owner} {
		if n := countedOf(t, db, id); n != cut {
			t.Errorf("%s counts %d events, want %d", filepath.Base(db.Dir()), n, cut)
		}
		Same(t, owner, db)
	}
	MustAppend(t, q, 1, "event %d of one who goes on")
	MustSync(t, q, atP)
	Same(t, q, p)
	for _, x := range []*xaeroflux.DB{a, copied} {
		MustSync(t, x, atP)
		if _, err := x.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
			t.Errorf("the author appends: %v", err)
		}
	}
	Must(t, p.Close())
	p = Open(t, p.Dir(), o)
	if n := countedOf(t, p, id); n != cut {
		t.Errorf("%d events count once it was opened again, want %d", n, cut)
	}
	Undisturbed(t, p)
}

// cutForked has a roster name what of the branch of a forked log counts that is held here.
func cutForked(t *testing.T, s *store.Store, topic, id digest.Hash, size uint64) {
	l, err := s.Log(id)
	Must(t, err)
	f, err := proof.ParseFork(s.Fork(id))
	Must(t, err)
	peaks, err := s.PeaksAt(l, size)
	Must(t, err)
	head := func(h proof.Head) roster.Head { return roster.Head{Size: h.Size, Root: h.Root, Sig: h.Sig} }
	shown := &roster.Fork{Author: f.Author, PageBytes: f.PageBytes, Number: f.Number, Old: head(f.Old), New: head(f.New), Root: f.Root, Hashes: f.Hashes}
	at, err := s.Topic(topic)
	Must(t, err)
	WriteRoster(t, s, at.Roster(), &roster.CutLog{Cut: roster.Prefix{Log: id, Size: size, Root: peaks.Root()}, Fork: shown})
}
