// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
)

// TestOpenRosterBeginsWithWhatIsWritten: an open topic has no roster log until somebody
// writes to it, and the first batch that writes something begins with its founding.
func TestOpenRosterBeginsWithWhatIsWritten(t *testing.T) {
	s, topic := founded(t)
	if l, err := s.knownLog(topic.Roster().ID()); l != nil || err != nil {
		t.Fatal("there is a log:", l, err)
	}
	desk, err := s.NewDesk(topic)
	must(t, err)
	owner := roster.Key(topic.Genesis.Owner)
	write := func(content any) steward.Batch {
		t.Helper()
		body, err := roster.NewRequest(desk.State(), content)
		must(t, err)
		b, err := desk.Own([]steward.Act{{Body: body}}, time.Now().Add(time.Minute))
		must(t, err)
		return b
	}
	right := func(calls uint32) *roster.Right {
		return &roster.Right{Account: owner, On: owner, What: "x", Calls: calls}
	}
	if b := write(&roster.RoleChange{Account: owner, Role: roster.Reader}); len(b.Records) > 0 {
		t.Errorf("nothing is done, and the roster begins: %d records", len(b.Records))
	}
	b := write(right(1))
	if len(b.Records) != 3 || b.First != 0 {
		t.Fatalf("%d records from %d on", len(b.Records), b.First)
	}
	for i, want := range []string{"xf/genesis", "xf/admit", "xf/grant"} {
		if r := b.Records[i]; r.Type != want || r.Time != b.Records[0].Time {
			t.Errorf("record %d is %s of %d ms, want %s of %d", i, r.Type, r.Time, want, b.Records[0].Time)
		}
	}
	if b := write(right(2)); len(b.Records) != 1 || b.First != 3 {
		t.Errorf("%d more records from %d on", len(b.Records), b.First)
	}
}

// TestARosterBeginsOnce: nobody but the store that founded an open topic begins its roster,
// and that only if nothing of it is held and the owner's secret is.
func TestARosterBeginsOnce(t *testing.T) {
	begins := func(s *Store, topic *Topic, want bool) {
		t.Helper()
		first, err := s.FirstRecords(topic)
		if begins, err2 := s.BeginsRoster(topic); err != nil || err2 != nil || begins != want || len(first) > 0 != want {
			t.Errorf("it begins with %d records, %v (%v, %v), want %v", len(first), begins, err, err2, want)
		}
	}
	s, topic := founded(t)
	begins(s, topic, true)
	wiped := *topic
	wiped.Account = identity.AccountSecret{}
	begins(s, &wiped, false)
	other, _ := emptyStore(t)
	t.Cleanup(func() { other.Close() })
	joined, err := other.Join(topic.Genesis, topic.Keys, "")
	must(t, err)
	begins(other, joined, false)
	lent := *joined
	lent.Account = topic.Account
	begins(other, &lent, roster.Key(topic.Genesis.Steward) == other.DeviceKey(joined))

	here := s.device
	s.device.Generation = identity.Generation{9} // as a copy is
	begins(s, topic, false)
	s.device = here
	beginRoster(t, s, topic)
	begins(s, topic, false)

	s, topic = founded(t)
	leg, first, err := s.FirstOfTerm(topic, 1, topic.Account)
	must(t, err)
	w := newWriter(t, s)
	w.raw(leg, first...)
	w.publish(leg.ID())
	begins(s, topic, false)
	st, err := s.Roster(topic.ID)
	must(t, err)
	if at := st.Position(); !st.Founded() || at.Term != 1 || at.Size != 2 || st.Steward().Author != s.DeviceKey(topic) {
		t.Errorf("founded %v at %v, by %s", st.Founded(), at, st.Steward().Author.Short())
	}
	if p, err := s.Source().Position(topic.ID); err != nil || p.Term != 1 || p.Size != 2 {
		t.Errorf("stated as %+v, %v", p, err)
	}
}

// TestAnUnbegunRosterIsAsked: whoever asks of an open topic whose roster did not begin finds
// an empty one, and no fault.
func TestAnUnbegunRosterIsAsked(t *testing.T) {
	s, topic := founded(t)
	st, err := s.Roster(topic.ID)
	must(t, err)
	if st.Founded() || len(st.Accounts()) > 0 {
		t.Errorf("founded %v, %d accounts", st.Founded(), len(st.Accounts()))
	}
	faults, err := s.RosterFaults(topic.ID, true)
	if err != nil || len(faults) > 0 {
		t.Errorf("%v, %v", faults, err)
	}
	v := s.Source()
	r, err := v.Roster(topic.ID)
	must(t, err)
	if len(r.Legs) != 1 || r.Legs[0].Log != topic.Roster().ID() || r.Legs[0].Size > 0 || r.Position != (identity.Position{}) {
		t.Errorf("a peer is told %+v", r)
	}
	key, err := s.Account(topic)
	if err != nil || key != roster.Key(topic.Genesis.Owner) {
		t.Errorf("this store is of account %s, %v", key.Short(), err)
	}
	if c, err := v.Counts(identity.DataLog(topic.ID, digest.Hash{5}, topic.Genesis.PageBytes)); err != nil || !c {
		t.Errorf("a log counts: %v, %v", c, err)
	}
	changed, err := s.RosterToChange(topic)
	if err != nil || !changed.Founded() {
		t.Errorf("as it begins it is founded: %v", err)
	}
	if st, err = s.Roster(topic.ID); err != nil || st.Founded() {
		t.Errorf("and is so for all: %v", err)
	}
}
