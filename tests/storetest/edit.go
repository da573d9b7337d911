// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Edit opens a store whose actors do not run.
func Edit(t testing.TB, dir string, fn func(s *store.Store)) {
	t.Helper()
	s, err := store.Open(dir, store.Options{})
	Must(t, err)
	fn(s)
	Must(t, s.Close())
}

// WriteRoster appends records to a leg of a roster, in the name of a store that Edit
// opened, whatever the rules say of them. That of an open topic begins with them, if it did
// not yet.
func WriteRoster(t testing.TB, s *store.Store, leg identity.LogName, all ...roster.Record) {
	t.Helper()
	var raw []roster.Raw
	if topic, err := s.Topic(leg.Topic); err == nil && topic.Roster() == leg {
		raw, err = s.FirstRecords(topic)
		Must(t, err)
	}
	for _, r := range all {
		body, err := roster.Encode(nil, r)
		Must(t, err)
		raw = append(raw, roster.Raw{Type: r.Type(), Time: time.Now().UnixMilli(), Body: body})
	}
	WriteRaw(t, s, leg, raw...)
}

// WriteRaw appends records without flags and key to a log of a store that Edit opened.
func WriteRaw(t testing.TB, s *store.Store, log identity.LogName, all ...roster.Raw) {
	t.Helper()
	a := &messages.Append{Log: log.ID(), Create: &messages.NewLog{LogName: log, Own: true}, Done: func(error) {}}
	for _, r := range all {
		from := len(a.Records)
		var err error
		a.Records, err = event.AppendRecord(a.Records, event.Event{Type: r.Type, Payload: r.Body}, r.Time, 0)
		Must(t, err)
		rec, _, err := event.DecodeRecord(a.Records[from:])
		Must(t, err)
		a.Leaves = append(a.Leaves, rec.LeafHash())
	}
	done, err := s.NewCommitter().Commit(&store.Work{Appends: []*messages.Append{a}})
	Must(t, err)
	Must(t, done.Appends[0].Refused)
}
