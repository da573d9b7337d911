// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// device returns the key that a store appends with in a topic.
func device(t *testing.T, s *store.Store, topic digest.Hash) (key roster.Key) {
	t.Helper()
	at, err := s.Topic(topic)
	Must(t, err)
	l, err := s.Log(at.Log)
	Must(t, err)
	return l.Author
}

func countedOf(t *testing.T, db *xaeroflux.DB, log xaeroflux.LogID) uint64 {
	t.Helper()
	return LogOf(t, db, log).Size()
}

// TestACutIsSynced: what the roster cuts ends there for everybody who hears of it, for
// those who held more, for those who come later, and after all were opened again.
func TestACutIsSynced(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")}
	a := Open(t, dirs[0], Small())
	o := Small()
	o.Invite = Invited(a)
	b := Open(t, dirs[1], o)
	topic, log := TopicOf(t, b).ID(), TopicOf(t, b).Log().ID()
	MustAppend(t, b, 200, "event %d of the log that is cut")
	MustAppend(t, a, 3, "event %d")
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	MustSync(t, a, addr.String())
	Must(t, a.Close())

	Edit(t, dirs[0], func(s *store.Store) {
		at, err := s.Topic(digest.Hash(topic))
		Must(t, err)
		l, err := s.Log(digest.Hash(log))
		Must(t, err)
		peaks, err := s.PeaksAt(l, 150)
		Must(t, err)
		WriteRoster(t, s, at.Roster(), &roster.CutLog{Cut: roster.Prefix{Log: l.ID, Size: 150, Root: peaks.Root()}})
	})
	a = Open(t, dirs[0], Small())
	if n := countedOf(t, a, log); n != 150 {
		t.Errorf("%d events where the log is cut at 150", n)
	}
	MustSync(t, a, addr.String())
	if n := countedOf(t, b, log); n != 150 {
		t.Errorf("%d events at its author once it knows", n)
	}
	Same(t, a, b)
	if _, err := b.Append(ctx, xaeroflux.Event{Payload: []byte("that nobody would count")}); !errors.Is(err, xaeroflux.ErrCut) {
		t.Errorf("its author appends to it: %v", err)
	}

	c := Open(t, dirs[2], o)
	MustSync(t, c, addr.String())
	if n := countedOf(t, c, log); n != 150 {
		t.Errorf("a newcomer has %d", n)
	}
	Same(t, b, c)
}

// TestTwoTermsMeet: the owner took over twice, with two devices that did not know of
// each other. Whoever holds both legs follows the same one.
func TestTwoTermsMeet(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	a := Open(t, dirs[0], Small())
	o := Small()
	o.Invite = Invited(a)
	topic := digest.Hash(TopicOf(t, a).ID())
	Must(t, a.Close())
	var owner identity.AccountSecret
	Edit(t, dirs[0], func(s *store.Store) {
		at, err := s.Topic(topic)
		Must(t, err)
		owner = at.Account
		WriteRoster(t, s, at.Roster())
	})
	a = Open(t, dirs[0], Small())
	b := Open(t, dirs[1], o)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	MustSync(t, a, addr.String())
	Must(t, a.Close())
	Must(t, b.Close())

	var terms [2]*roster.Term
	for i, dir := range dirs {
		Edit(t, dir, func(s *store.Store) {
			at, err := s.Source().Position(topic)
			Must(t, err)
			tt, err := s.Topic(topic)
			Must(t, err)
			steward := device(t, s, topic)
			terms[i] = &roster.Term{Last: roster.Prefix{Log: tt.Roster().ID(), Size: at.Size, Root: at.Root}, Term: 1, Steward: steward, By: roster.ByOwner}
			terms[i].Sign(topic, 0, owner.Key())
			leg := identity.RosterLog(topic, steward, 1, 0)
			WriteRoster(t, s, leg, &roster.Begin{Term: terms[i]})
			for n := range 2 * (1 - i) { // legs of different length
				WriteRoster(t, s, leg, &roster.Answer{Log: digest.Hash{1}, Size: uint64(n + 1)})
			}
		})
	}
	a, b = Open(t, dirs[0], Small()), Open(t, dirs[1], o)
	addr, err = b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	MustSync(t, a, addr.String())
	Must(t, a.Close())
	Must(t, b.Close())
	want := terms[0]
	if terms[1].Before(topic, terms[0]) {
		want = terms[1]
	}
	for _, dir := range dirs {
		Edit(t, dir, func(s *store.Store) {
			st, err := s.Roster(topic)
			Must(t, err)
			if st.Steward().Author != want.Steward || st.Term() == nil {
				t.Errorf("%s follows %s, want %s", filepath.Base(dir), st.Steward().Author.Short(), want.Steward.Short())
			}
		})
	}
}
