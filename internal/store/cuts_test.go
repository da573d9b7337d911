// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A writer commits and publishes as the stages do, in a store whose actors do not run.
type writer struct {
	t testing.TB
	s *Store
	c *Committer
}

func newWriter(t testing.TB, s *Store) *writer { return &writer{t, s, s.NewCommitter()} }

func (w *writer) write(a *messages.Append) {
	w.t.Helper()
	w.keep(a)
	w.publish(a.Log)
}

func (w *writer) keep(a *messages.Append) {
	w.t.Helper()
	done, err := w.c.Commit(&Work{Appends: []*messages.Append{a}})
	must(w.t, err)
	must(w.t, done.Appends[0].Refused)
}

func (w *writer) publish(log digest.Hash) {
	w.t.Helper()
	to, err := w.s.stored(log)
	must(w.t, err)
	_, err = w.s.Publish(to)
	must(w.t, err)
}

// records appends records to a leg of a roster that this store writes.
func (w *writer) records(leg identity.LogName, all ...roster.Record) {
	w.t.Helper()
	w.commit(leg, all...)
	w.publish(leg.ID())
}

// commit is records before everybody sees them. The roster of an open topic begins with
// them, if it did not yet.
func (w *writer) commit(leg identity.LogName, all ...roster.Record) {
	w.t.Helper()
	topic, err := w.s.Topic(leg.Topic)
	must(w.t, err)
	var raw []roster.Raw
	if topic.Roster() == leg {
		raw, err = w.s.FirstRecords(topic)
		must(w.t, err)
	}
	for _, r := range all {
		body, err := roster.Encode(nil, r)
		must(w.t, err)
		raw = append(raw, roster.Raw{Type: r.Type(), Time: time.Now().UnixMilli(), Body: body})
	}
	w.raw(leg, raw...)
}

// raw is commit of records as they are.
func (w *writer) raw(leg identity.LogName, all ...roster.Raw) {
	w.t.Helper()
	a := &messages.Append{Log: leg.ID(), Create: &messages.NewLog{LogName: leg, Own: true}}
	for _, r := range all {
		var err error
		if a.Records, err = event.AppendRecord(a.Records, event.Event{Type: r.Type, Payload: r.Body}, r.Time, 0); err != nil {
			w.t.Fatal(err)
		}
	}
	for rest := a.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		must(w.t, err)
		a.Leaves, rest = append(a.Leaves, rec.LeafHash()), rest[n:]
	}
	w.keep(a)
}

func cutAt(p *parted, size uint64, root digest.Hash) *roster.CutLog {
	return &roster.CutLog{Cut: roster.Prefix{Log: p.info.Log, Size: size, Root: root}}
}

// counts checks that everybody sees a log with so many events.
func counts(t *testing.T, s *Store, p *parted, size uint64) {
	t.Helper()
	l, err := s.Log(p.info.Log)
	must(t, err)
	want := p.Root(size)
	if at := l.State(); at.Size != size || at.Root != want || checkHead(l.ID, at) != nil {
		t.Errorf("%d events with root %s, %v, want %d with %s", at.Size, at.Root.Short(), checkHead(l.ID, at), size, want.Short())
	}
	listed := 0
	must(t, s.Source().Logs(p.info.Topic, func(i syncer.LogInfo) bool {
		if listed++; i.Log != p.info.Log || i.Size != size || i.Root != want {
			t.Errorf("listed as %+v", i)
		}
		return true
	}))
	if (listed == 1) != (size > 0) {
		t.Errorf("%d logs are listed", listed)
	}
	var sum digest.Multiset
	if size > 0 {
		sum.Add(p.info.Log, size, want)
	}
	if set, err := s.Summary(p.info.Topic); err != nil || set != sum.Set() {
		t.Errorf("the digest is %+v, want %+v (%v)", set, sum.Set(), err)
	}
	if err := s.Read(l, 0, size+1, func(Run) error { return nil }); !errors.Is(err, ErrRange) {
		t.Errorf("event %d is read: %v", size, err)
	}
	if size == 0 {
		return
	}
	if chunk, err := s.Source().Events(l.ID, size-1, 1); err != nil || chunk.Count != 1 || len(chunk.Right) != len(p.Compact(size, p.Head.Size)) {
		t.Errorf("the last event is served as %d with %d hashes behind it: %v", chunk.Count, len(chunk.Right), err)
	}
}

// TestACutIsWhatCounts: a roster's cut ends a log for readers, digest and peers,
// before and after the store was opened again, and what is behind it stays.
func TestACutIsWhatCounts(t *testing.T) {
	s, topic := founded(t)
	p, w := newParted(t, topic.ID, 20), newWriter(t, s)
	w.write(p.append(15))
	counts(t, s, p, 15)
	w.records(topic.Roster(), cutAt(p, 12, p.Root(12)))
	counts(t, s, p, 12)
	w.write(p.append(20)) // that was under way
	counts(t, s, p, 12)
	info, _, err := s.Source().Log(p.info.Log)
	must(t, err)
	if !info.Ends || info.End != 12 {
		t.Errorf("a peer is told %+v", info)
	}
	s.catalog.forget()
	counts(t, s, p, 12)
	s = again(t, s)
	counts(t, s, p, 12)
	l, err := s.Log(p.info.Log)
	must(t, err)
	if l.Whole().Size != 20 {
		t.Errorf("of what is held %d events are left", l.Whole().Size)
	}
}

// TestACutBeforeItsLog: a log that is cut before anything of it is here counts up to
// there, one that is cut at nothing is not stored, and a cut with another root leaves
// nothing.
func TestACutBeforeItsLog(t *testing.T) {
	for name, c := range map[string]struct {
		size, counts uint64
		root         func(p *parted) digest.Hash
		stored       bool
	}{
		"above": {25, 20, func(p *parted) digest.Hash { return digest.Hash{1} }, true},
		"at":    {20, 20, func(p *parted) digest.Hash { return p.Root(20) }, true},
		"below": {7, 7, func(p *parted) digest.Hash { return p.Root(7) }, true},
		"other": {7, 0, func(p *parted) digest.Hash { return digest.Hash{1} }, true},
		"end":   {20, 0, func(p *parted) digest.Hash { return digest.Hash{1} }, true},
		"none":  {0, 0, func(p *parted) digest.Hash { return digest.Empty }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, topic := founded(t)
			p, w := newParted(t, topic.ID, 20), newWriter(t, s)
			w.records(topic.Roster(), cutAt(p, c.size, c.root(p)))
			if stored, err := s.Source().Counts(p.info.Name()); err != nil || stored != c.stored {
				t.Errorf("stored is %v, %v", stored, err)
			}
			w.write(p.append(20))
			counts(t, s, p, c.counts)
			counts(t, again(t, s), p, c.counts)
		})
	}
}

// TestATermUndoesWhatItLeavesOut: a term record that names the roster before a cut
// makes the whole log count again, and the position is that of the new leg.
func TestATermUndoesWhatItLeavesOut(t *testing.T) {
	s, topic := founded(t)
	p, w := newParted(t, topic.ID, 20), newWriter(t, s)
	w.write(p.append(20))
	beginRoster(t, s, topic)
	before, err := s.Source().Position(topic.ID)
	must(t, err)
	w.records(topic.Roster(), cutAt(p, 12, p.Root(12)))
	counts(t, s, p, 12)

	author := s.device.AuthorID(topic.Genesis)
	term := &roster.Term{Last: roster.Prefix{Log: topic.Roster().ID(), Size: before.Size, Root: before.Root}, Term: 1, Steward: author, By: roster.ByOwner}
	term.Sign(topic.ID, 0, topic.Account.Key())
	next := identity.RosterLog(topic.ID, author, 1, 0)
	if may, err := s.Source().Counts(next); err != nil || !may {
		t.Errorf("a leg that begins a term may be stored: %v, %v", may, err)
	}
	w.records(next, &roster.Begin{Term: term})
	counts(t, s, p, 20)
	w.records(next, cutAt(p, 5, p.Root(5)))
	counts(t, s, p, 5)
	s = again(t, s)
	counts(t, s, p, 5)
	at, err := s.Source().Position(topic.ID)
	if err != nil || at.Term != 1 || at.Leg != 0 || at.Size != 2 {
		t.Errorf("the position is %+v, %v", at, err)
	}
	if r, err := s.Source().Roster(topic.ID); err != nil || len(r.Legs) != 2 || r.Position != at {
		t.Errorf("the roster has %d legs and is at %+v, %v", len(r.Legs), r.Position, err)
	}
}
