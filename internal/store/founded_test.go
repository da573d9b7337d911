// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// beginRoster has the roster of an open topic begin, with no more than its founding.
func beginRoster(t testing.TB, s *Store, topic *Topic) {
	t.Helper()
	newWriter(t, s).records(topic.Roster())
}

// A roster that is no more than the founding of an open topic says nothing of any log: it
// is not folded, which takes two signatures, however often it moves or is asked for. So
// many topics that are met for the first time cost little.
func TestFoundedRosterIsNotFolded(t *testing.T) {
	s, _ := newStore(t)
	topic, err := s.Found("", Founding{Policy: identity.PolicyOpen, PageBytes: 4096}, time.UnixMilli(1))
	must(t, err)
	beginRoster(t, s, topic)
	for range 2 {
		must(t, s.rosterMoved(topic.ID))
		if p, err := s.Source().Position(topic.ID); err != nil || p.Size != foundingCount {
			t.Fatalf("position %+v, %v", p, err)
		}
		if _, err := s.Summary(topic.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.rosters.all); n != 0 {
		t.Errorf("%d rosters were folded", n)
	}
}

// Whoever founded a topic writes its roster and a log of its own with one key, which is
// derived once.
func TestOneKeyOfTwoLogs(t *testing.T) {
	s, _ := newStore(t)
	topic, err := s.Found("", Founding{Policy: identity.PolicyOpen, PageBytes: 4096}, time.UnixMilli(1))
	must(t, err)
	beginRoster(t, s, topic)
	roster, err := s.Log(topic.Roster().ID())
	must(t, err)
	own, err := s.Log(topic.Log)
	must(t, err)
	first, err := own.key()
	must(t, err)
	second, err := roster.key()
	if err != nil || first == nil || first != second {
		t.Errorf("%p and %p, %v", first, second, err)
	}
}
