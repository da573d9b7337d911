// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// The position that is kept of a roster is what the roster itself says, from before
// its first record until it is forked.
func TestPositionIsOfTheRoster(t *testing.T) {
	s, topic := newStore(t)
	v := s.Source()
	same := func(when string, topic digest.Hash, size uint64) {
		t.Helper()
		r, err := v.Roster(topic)
		must(t, err)
		if p, err := v.Position(topic); err != nil || p != r.Stated() || p.Size != size {
			t.Errorf("%s it is %+v, want %+v of size %d (%v)", when, p, r.Stated(), size, err)
		}
	}
	founded, err := s.Found("founded here", Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1))
	must(t, err)
	same("of a topic that was founded here", founded.ID, 0)
	beginRoster(t, s, founded)
	same("of one whose roster began", founded.ID, foundingCount)

	same("before its first record", topic.ID, 0)
	p := newParted(t, topic.ID, 5)
	name := topic.Roster()
	p.info.Log, p.info.Author, p.info.PageBytes, p.info.Kind, p.info.Number = name.ID(), name.Author, name.PageBytes, name.Kind, name.Number
	p.Head.Log = p.info.Log
	c := s.NewCommitter()
	for _, size := range []uint64{2, 5} {
		done, err := c.Commit(&Work{Appends: []*messages.Append{p.append(size)}})
		if err != nil || done.Appends[0].Refused != nil {
			t.Fatal(done, err)
		}
		to, err := s.stored(p.info.Log)
		must(t, err)
		_, err = s.Publish(to)
		must(t, err)
		same("with new records", topic.ID, size)
	}
	s.catalog.forget()
	same("loaded again", topic.ID, 5)
	l, err := s.Log(p.info.Log)
	must(t, err)
	freeze(s, l)
	same("forked", topic.ID, 1)
	if at, _ := v.Position(topic.ID); at != (identity.Position{Size: 1, Root: digest.Empty}) {
		t.Errorf("a fork is stated as %+v", at)
	}
	if _, err := v.Position(digest.Hash{9}); err == nil {
		t.Error("a topic that nobody joined has one")
	}
}

// freeze has a log be one that its author forked.
func freeze(s *Store, l *Log) {
	row := *l.Row()
	row.Frozen = true
	l.row.Store(&row)
	s.countFrozen(l)
}
