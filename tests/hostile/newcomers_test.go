// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"crypto/ed25519"
	"maps"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// arena sets hostile peers that have an invite on a store of the court.
func (c *court) arena(at *seat, invite string) *arena {
	c.t.Helper()
	inv, err := identity.ParseInvite(invite)
	storetest.Must(c.t, err)
	addr, err := identity.ParseAddress(at.addr)
	storetest.Must(c.t, err)
	return &arena{t: c.t, victim: at.db, addr: addr, topic: inv, carrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return c.net.NodeOf(key), nil }}
}

// joining returns the log of a new device that joins by the arena's invite, and what it
// appends then.
func (a *arena) joining(then ...[]byte) *evilpeer.Log {
	a.t.Helper()
	topic := a.topic.Topic()
	account, device := newDevice(a.t).AuthorKey(&a.topic.Genesis), a.newKey()
	card := roster.Card{Account: pub(account), Device: pub(device), PageBytes: 4096, KEM: kemKey(account.Seed()[0]), AccountKEM: kemKey(device.Seed()[0])}
	ask := &roster.Join{By: roster.ProveInvite(topic, card, a.topic.Key()), Card: roster.SignCard(topic, card, account, device)}
	body, err := roster.EncodeAsk(nil, ask)
	storetest.Must(a.t, err)
	first := eventtest.Raw{Time: 1, Type: ask.Type(), Payload: body}
	l, err := evilpeer.NewLogOf(identity.DataLog(topic, card.Device, 4096), device, append([][]byte{first.Record()}, then...)...)
	storetest.Must(a.t, err)
	return l
}

// foreign counts the logs that a store holds of others than the court.
func (s *seat) foreign() (n int) {
	s.court.t.Helper()
	all, err := s.topic.Logs()
	storetest.Must(s.court.t, err)
	c := s.court
	for _, l := range all {
		if a := roster.Key(l.Author()); l.Size() > 0 && a != c.steward.author && a != c.victim.author && a != c.witness.author {
			n++
		}
	}
	return n
}

// Somebody joins by one invite as often as he likes: sixteen logs wait for the steward, the
// others are passed over; nobody is blamed, all else goes on, and the steward admits as
// many as the invite says.
func TestFloodOfJoins(t *testing.T) {
	c := newCourt(t)
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Uses: 3})
	storetest.Must(t, err)
	c.meet()
	c.close(c.steward)
	a := c.arena(c.victim, invite)
	refused := c.victim.db.Refusals()
	f := a.foe()
	storetest.Must(t, f.Greet(ctx, f.topic))
	for range 60 {
		storetest.Must(t, f.Send(a.joining().Events(0, 1)))
	}
	storetest.Must(t, f.Alive(0, c.victim.log(), 0))
	f.Conn.CloseWithError(0, "")
	storetest.Await(t, func() bool { return c.victim.foreign() == 16 })
	if got := c.victim.db.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v", got, refused)
	}
	c.steward.open()
	storetest.Await(t, func() bool {
		c.meet()
		members, err := c.victim.topic.Members()
		return err == nil && len(members) == 3+3
	})
	c.victim.append("by-the-victim")
	storetest.Await(t, func() bool { c.meet(); return c.witness.reads() == "before by-the-victim" })
	if n := c.witness.foreign(); n > 16 {
		t.Errorf("the witness holds %d logs of newcomers", n)
	}
}

// A member that appends in the clear to a private topic ends its log there, for everybody:
// no store has or passes on what was not sealed.
func TestDowngradeToPlain(t *testing.T) {
	c := newCourt(t)
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	c.meet()
	a := c.arena(c.victim, invite)
	refused := c.victim.db.Refusals()
	clear := eventtest.Raw{Time: 2, Type: "note", Payload: []byte("in the clear")}
	l := a.joining(clear.Record(), clear.Record())
	f := a.foe()
	storetest.Must(t, f.Greet(ctx, f.topic))
	storetest.Must(t, f.Send(l.Cut(1).Events(0, 1)))
	storetest.Await(t, func() bool {
		c.meet()
		members, err := c.victim.topic.Members()
		return err == nil && len(members) == 4
	})
	storetest.Must(t, f.Send(l.Events(1, 3), evilpeer.Part(l.State())))
	closedAt(t, c.victim.db, l, 1, event.BadForm)
	storetest.Must(t, f.Alive(0, c.victim.log(), 0))
	f.Conn.CloseWithError(0, "")
	if got := c.victim.db.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v: the peer may be another than the author", got, refused)
	}
	for _, s := range []*seat{c.steward, c.victim, c.witness} {
		if got := s.reads(); got != "before" {
			t.Errorf("the %s reads %q", s.name, got)
		}
	}
	c.goesOn()
}

// A steward cuts a log beyond what its author signed, to fill it up itself: nothing counts
// but what the author signed, and what is brought beyond that costs its bearer the session.
// The author goes on in another log.
func TestCutAboveWhatWasSigned(t *testing.T) {
	c := newCourt(t)
	c.victim.append("by-the-victim")
	c.meet()
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	c.meet()
	c.close(c.steward)
	log, size := c.victim.log(), c.victim.topic.Log().Size()
	var forged *evilpeer.Log
	c.lie(func(l *liar) {
		forged = l.forge(log, 2)
		l.write(&roster.CutLog{Cut: roster.Prefix{Log: log, Size: forged.Head.Size, Root: forged.Head.Root}})
	})
	held := func(s *seat) uint64 { return storetest.LogOf(t, s.db, xaeroflux.LogID(log)).Size() }
	storetest.Await(t, func() bool { c.meet(); return c.victim.log() != log })
	c.victim.append("in-another-log")
	f := c.arena(c.witness, invite).foe()
	storetest.Must(t, f.Greet(ctx, f.topic))
	storetest.Must(t, f.Send(forged.Events(size, size+2)))
	if code, err := f.Verdict(); code != messages.CodeBadHead {
		t.Errorf("who brings what the author did not sign is dropped for %q, %v", code, err)
	}
	f.Conn.CloseWithError(0, "")
	c.witness.append("by-the-witness")
	want := "before by-the-victim by-the-witness in-another-log"
	storetest.Await(t, func() bool {
		c.meet()
		return c.victim.reads() == want && c.witness.reads() == want && c.steward.reads() == want
	})
	if v, w := held(c.victim), held(c.witness); v != size || w != size {
		t.Errorf("of the log that was cut above %d count %d and %d", size, v, w)
	}
}

// A relay passes on what a member appended without its payloads, as if they had been erased:
// nobody had that done, so it counts as missing, is blamed on nobody, and comes from others.
func TestErasedByARelay(t *testing.T) {
	c := newCourt(t)
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	c.meet()
	c.close(c.victim)
	c.witness.append("by-the-witness")
	storetest.Await(t, func() bool { c.steward.sync(c.witness); return c.steward.reads() == "before by-the-witness" })
	c.close(c.steward)
	c.close(c.witness)
	var l *evilpeer.Log
	c.lie(func(x *liar) {
		held, err := x.s.Log(c.witness.log())
		storetest.Must(t, err)
		l = x.forge(c.witness.log(), 0)
		l.Head, err = held.Head(held.State()) // as its author signed it
		storetest.Must(t, err)
	})
	c.close(c.steward)
	c.victim.open()
	last := uint64(len(l.Records) - 1)
	f := c.arena(c.victim, invite).foe()
	storetest.Must(t, f.Greet(ctx, f.topic))
	m := l.Events(last, last+1)
	r, _, err := event.DecodeRecord(m.Records)
	storetest.Must(t, err)
	m.Records = r.AppendErased(nil)
	storetest.Must(t, f.Send(m))
	storetest.Must(t, f.Alive(0, c.victim.log(), 0))
	f.Conn.CloseWithError(0, "")
	if n := storetest.LogOf(t, c.victim.db, xaeroflux.LogID(l.ID)).Size(); n != last || len(c.victim.db.Refusals()) > 0 {
		t.Errorf("the victim holds %d events, want %d, and refused %v", n, last, c.victim.db.Refusals())
	}
	c.witness.open()
	storetest.Await(t, func() bool { c.victim.sync(c.witness); return c.victim.reads() == "before by-the-witness" })
}

// forge returns a member's log as the steward holds it, with some records behind it, all
// under a head that the steward signed.
func (l *liar) forge(log digest.Hash, more int) *evilpeer.Log {
	l.t.Helper()
	held, err := l.s.Log(log)
	storetest.Must(l.t, err)
	var records [][]byte
	storetest.Must(l.t, l.s.Read(held, 0, held.State().Size, func(run store.Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			b, err := event.AppendRecord(nil, event.Event{Type: string(r.Type), Key: r.Key, Payload: r.Payload}, r.Time, r.Flags)
			records = append(records, b)
			return err
		})
	}))
	for range more {
		r := eventtest.Raw{Flags: event.FlagSealedPayload | event.FlagSealedHeader, Time: event.MaxTime, Payload: make([]byte, 100)}
		records = append(records, r.Record())
	}
	forged, err := evilpeer.NewLogOf(held.Name(), l.key(), records...)
	storetest.Must(l.t, err)
	if root := forged.Cut(len(records) - more).Head.Root; root != held.State().Root {
		l.t.Fatalf("the log is read as one of root %s, want %s", root.Short(), held.State().Root.Short())
	}
	return forged
}
