// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestOpenRosterBeginsLate: the roster of an open topic, which did not begin yet or holds
// its founding alone, as each did in stores of earlier versions, is agreed on by all; and
// so is what is written to it later, by those who hold that founding and those who do not.
func TestOpenRosterBeginsLate(t *testing.T) {
	for name, founding := range map[string]uint64{"not begun": 0, "founding alone": 2} {
		t.Run(name, func(t *testing.T) { testOpenRosterBeginsLate(t, founding) })
	}
}

func testOpenRosterBeginsLate(t *testing.T, founding uint64) {
	dir := func(name string) string { return filepath.Join(t.TempDir(), name) }
	adir := dir("a")
	a := Open(t, adir, Small())
	o := Small()
	o.Invite = Invited(a)
	topic := digest.Hash(TopicOf(t, a).ID())
	write := func(all ...roster.Record) {
		t.Helper()
		Must(t, a.Close())
		Edit(t, adir, func(s *store.Store) {
			at, err := s.Topic(topic)
			Must(t, err)
			WriteRoster(t, s, at.Roster(), all...)
		})
		a = Open(t, adir, Small())
	}
	if founding > 0 {
		write()
	}
	sized := func(db *xaeroflux.DB, want uint64) {
		t.Helper()
		r, err := TopicOf(t, db).Roster()
		Must(t, err)
		if r.Term != 0 || r.Leg != 0 || r.Size != want || r.Steward.IsZero() || len(r.Faults) > 0 {
			t.Errorf("the roster is %+v, want %d records", r, want)
		}
	}
	b := Open(t, dir("b"), o)
	MustAppend(t, a, 3, "event %d of a")
	MustAppend(t, b, 3, "event %d of b")
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	MustSync(t, a, addr.String())
	Same(t, a, b)
	sized(a, founding)
	sized(b, founding)
	if r := MustSync(t, a, addr.String()); r.EventsIn+r.EventsOut > 0 {
		t.Errorf("a second sync brought %d events and sent %d", r.EventsIn, r.EventsOut)
	}

	write(&roster.Answer{Log: digest.Hash{1}, Size: 1})
	sized(a, 3)
	MustSync(t, a, addr.String())
	sized(b, 3)
	MustAppend(t, b, 3, "more of b, event %d")
	write(&roster.Answer{Log: digest.Hash{1}, Size: 2})
	MustSync(t, a, addr.String())
	c := Open(t, dir("c"), o)
	MustSync(t, c, addr.String())
	for _, db := range []*xaeroflux.DB{a, b, c} {
		sized(db, 4)
		if m, err := TopicOf(t, db).Members(); err != nil || len(m) != 1 || m[0].Since.IsZero() {
			t.Errorf("members %+v, %v", m, err)
		}
	}
	Same(t, a, b)
	Same(t, b, c)
}
