// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A badRecord is a record in a log that closes there, or does not.
type badRecord struct {
	name string
	log  *evilpeer.Log
	why  event.Reason
}

// recordsInLogs puts each record of a plain topic into a log of its own, behind
// another one and before a third.
func (a *arena) recordsInLogs() (all []badRecord) {
	a.t.Helper()
	for i, c := range eventtest.Cases() {
		if c.Kind != 0 || c.Sealed || c.Erasable || c.Refused || c.Raw.Flags&event.FlagErased != 0 || c.Raw.Time == event.MaxTime {
			continue // of another topic; or see below, or the erased ones of forgeries
		}
		key := a.newKey()
		name := identity.DataLog(a.topic.Topic(), identity.PublicKey(key), a.topic.Genesis.PageBytes)
		if c.Name == "to itself" {
			own := name.ID()
			c.Raw.Refs = append(slices.Clone(own[:event.ShortBytes]), 1)
		}
		before := eventtest.Raw{Time: c.Previous, Type: "note", Payload: []byte("before it")}
		behind := eventtest.Raw{Time: event.MaxTime, Type: "note", Payload: []byte("behind it")}
		l, err := evilpeer.NewLogOf(name, key, before.Record(), c.Raw.Record(), behind.Record())
		storetest.Must(a.t, err)
		all = append(all, badRecord{fmt.Sprintf("%d: %s with flags %d and type %q", i, c.Name, c.Raw.Flags, c.Raw.Type), l, event.Reason(c.Reason)})
	}
	if len(all) < 100 {
		a.t.Fatalf("%d records only", len(all))
	}
	return all
}

// ended says what a store makes of a log.
func (b *badRecord) ended(db *xaeroflux.DB) string {
	l, err := db.Log(xaeroflux.LogID(b.log.ID))
	if err != nil {
		return err.Error()
	}
	word, closed := l.Closed()
	return fmt.Sprintf("%d events, closed %v %q", l.Size(), closed, word)
}

func (b *badRecord) want() string {
	if b.why == 0 {
		return `3 events, closed false ""`
	}
	return fmt.Sprintf("1 events, closed true %q", b.why)
}

// Each malformed flag, ref, id and time closes the log that it is in, in whatever
// pieces it comes, at one store and at the next; nobody is to blame but the
// author.
func TestEachBadRecordClosesItsLog(t *testing.T) {
	o := storetest.Small()
	a := newArena(t, "memory", o)
	refused := a.victim.Refusals()
	all := a.recordsInLogs()
	f := a.foe()
	storetest.Must(t, f.Greet(ctx, a.topic))
	for i, b := range all {
		switch i % 4 {
		case 0:
			storetest.Must(t, f.Send(b.log.Events(0, 3)))
		case 1:
			storetest.Must(t, f.Send(b.log.Events(0, 1), b.log.Events(1, 3)))
		case 2:
			storetest.Must(t, f.Send(b.log.Events(0, 1), b.log.Events(1, 2), b.log.Events(2, 3), evilpeer.Part(b.log.State())))
		case 3:
			storetest.Must(t, f.Send(b.log.Events(0, 2), b.log.Events(0, 3), b.log.Events(2, 3)))
		}
	}
	storetest.Must(t, f.Alive(0, digest.Hash(a.victim.Head().Log), 0))
	closed := 0
	for _, b := range all {
		if b.why != 0 {
			closed++
		}
		storetest.Await(t, func() bool { return b.ended(a.victim) == b.want() || t.Failed() })
	}
	f.Conn.CloseWithError(0, "")
	t.Logf("%d records, %d of which close a log", len(all), closed)
	if got := a.victim.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v", got, refused)
	}

	// A store that has some of them from elsewhere, in another order.
	o.Invite = storetest.Invited(a.victim)
	other := storetest.Open(t, filepath.Join(t.TempDir(), "other"), o)
	b := &arena{t: t, carrier: a.carrier, topic: a.topic, victim: other}
	storetest.MustAppend(t, other, 1, "event %d of the other store")
	at, err := other.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	b.addr = storetest.Dialed(at)
	f = b.foe()
	storetest.Must(t, f.Greet(ctx, b.topic))
	for _, x := range slices.Backward(all) {
		storetest.Must(t, f.Send(x.log.Events(0, 1), x.log.Events(0, 2)))
	}
	storetest.Must(t, f.Alive(0, digest.Hash(other.Head().Log), 0))
	f.Conn.CloseWithError(0, "")
	storetest.MustSync(t, other, a.addr.String())
	storetest.Same(t, other, a.victim)
	for _, x := range all {
		if got := x.ended(other); got != x.want() {
			t.Errorf("%s: at the other store %s, want %s", x.name, got, x.want())
		}
	}
	a.honest(t)
	storetest.Undisturbed(t, a.victim)
}

// records are bytes that are no records, in true words about them.
func records() []attack {
	var all []attack
	for _, c := range eventtest.Cases() {
		if !c.Refused || c.Raw.Length > event.MaxPayload {
			continue
		}
		all = append(all, told("a record that does not decode: "+c.Name, messages.CodeBadEvents, func(_ *foe, m *messages.Events) {
			m.Records, m.Count = c.Raw.Record(), 1
		}))
	}
	return all
}
