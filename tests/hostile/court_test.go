// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A court is a private topic with a steward that is going to lie, a writer that it lies
// to, and an admin who holds the same.
type court struct {
	t                        *testing.T
	net                      *transport.Memory
	id                       xaeroflux.TopicID
	steward, victim, witness *seat
}

// A seat is a store of a court.
type seat struct {
	court *court
	name  string
	dir   string
	opts  *xaeroflux.Options
	db    *xaeroflux.DB
	topic *xaeroflux.Topic
	addr  string

	account, author roster.Key

	mu   sync.Mutex // guards told
	told []*xaeroflux.RosterFault
}

func newCourt(t *testing.T) *court {
	t.Helper()
	c := &court{t: t, net: transport.NewMemory(transport.MemoryOptions{})}
	c.steward = c.seat("steward", "")
	topic, err := c.steward.db.CreateTopic(ctx, "court", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	storetest.Must(t, err)
	c.id, c.steward.topic = topic.ID(), topic
	c.steward.append("before")
	c.victim, c.witness = c.join("victim", xaeroflux.RoleWriter), c.join("witness", xaeroflux.RoleAdmin)
	c.meet()
	for _, s := range []*seat{c.steward, c.victim, c.witness} {
		all, err := s.topic.Members()
		storetest.Must(t, err)
		i := slices.IndexFunc(all, func(m xaeroflux.Member) bool { return m.Self })
		s.account, s.author = roster.Key(all[i].Account), roster.Key(s.topic.Log().Author())
	}
	return c
}

func (c *court) seat(name, invite string) *seat {
	c.t.Helper()
	s := &seat{court: c, name: name, dir: filepath.Join(c.t.TempDir(), name), opts: storetest.OnMemory(c.net)}
	s.opts.Invite = invite
	s.open()
	return s
}

func (c *court) join(name string, role xaeroflux.Role) *seat {
	c.t.Helper()
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: role})
	storetest.Must(c.t, err)
	s := c.seat(name, invite)
	s.topic = storetest.TopicOf(c.t, s.db)
	storetest.Await(c.t, func() bool {
		s.sync(c.steward)
		members, err := s.topic.Members()
		return err == nil && slices.ContainsFunc(members, func(m xaeroflux.Member) bool { return m.Self })
	})
	return s
}

func (s *seat) open() {
	t := s.court.t
	t.Helper()
	s.db = storetest.Open(t, s.dir, s.opts)
	at, err := s.db.Listen(ctx, s.name+":0")
	storetest.Must(t, err)
	s.addr = at.String()
	if s.court.id != (xaeroflux.TopicID{}) {
		if s.topic, err = s.db.Topic(s.court.id); err != nil {
			s.topic = nil // it joins by its invite
		}
	}
	go func(db *xaeroflux.DB) { // until it is closed
		for e, err := range db.SyncEvents(ctx) {
			if f := new(xaeroflux.RosterFault); err == nil && e.Kind == xaeroflux.SyncRoster && errors.As(e.Err, &f) {
				s.mu.Lock()
				s.told = append(s.told, f)
				s.mu.Unlock()
			}
		}
	}(s.db)
}

func (s *seat) append(text string) {
	s.court.t.Helper()
	_, err := s.topic.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
	storetest.Must(s.court.t, err)
}

// sync has two stores meet, which may end as it likes.
func (s *seat) sync(with *seat) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = s.db.Sync(short, with.addr)
}

// meet brings all of the court to all, as far as they let each other.
func (c *court) meet() {
	for range 2 {
		c.steward.sync(c.victim)
		c.steward.sync(c.witness)
		c.victim.sync(c.witness)
	}
}

// members says who belongs, as a store sees it.
func (s *seat) members() string {
	s.court.t.Helper()
	all, err := s.topic.Members()
	storetest.Must(s.court.t, err)
	var said []string
	for _, m := range all {
		said = append(said, fmt.Sprintf("%s is %s with %d devices", m.Account.Short(), m.Role, len(m.Devices)))
	}
	return strings.Join(said, ", ")
}

func (s *seat) log() digest.Hash { return digest.Hash(s.topic.Log().ID()) }

// reads returns the payloads that a store can read, and what the others are.
func (s *seat) reads() string {
	s.court.t.Helper()
	var all []string
	for r, err := range s.topic.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(s.court.t, err)
		if all = append(all, string(r.Payload)); r.Sealed != nil {
			all[len(all)-1] = "(sealed)"
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// fault waits until a store shows a fault of its roster, and returns it.
func (s *seat) fault(kind xaeroflux.FaultKind, why string) (found xaeroflux.RosterFault) {
	t := s.court.t
	t.Helper()
	var all []xaeroflux.RosterFault
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the %s shows %+v", s.name, all)
		}
	})
	storetest.Await(t, func() bool {
		at, err := s.topic.Roster()
		storetest.Must(t, err)
		all = at.Faults
		i := slices.IndexFunc(all, func(f xaeroflux.RosterFault) bool { return f.Kind == kind && strings.Contains(f.Why, why) })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// hears waits until a store was told of a fault.
func (s *seat) hears(f xaeroflux.RosterFault) {
	s.court.t.Helper()
	storetest.Await(s.court.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.told, func(g *xaeroflux.RosterFault) bool {
			return g.Kind == f.Kind && g.Log == f.Log && g.Seq == f.Seq && g.Why == f.Why
		})
	})
}

// proves checks that a store proves the record that a fault is told of, to anybody.
func (s *seat) proves(f xaeroflux.RosterFault, author roster.Key) {
	t := s.court.t
	t.Helper()
	l := storetest.LogOf(t, s.db, f.Log)
	r, err := l.Get(ctx, f.Seq)
	storetest.Must(t, err)
	head := l.Head()
	shown, err := l.Prove(ctx, f.Seq, head.Size)
	storetest.Must(t, err)
	if err := xaeroflux.Verify(r, shown, head); err != nil || roster.Key(l.Author()) != author {
		t.Errorf("record %d of log %s is not proven to be by %s: %v", f.Seq, f.Log.Short(), author.Short(), err)
	}
}

// sound fails the test if a store shows any fault.
func (s *seat) sound() {
	s.court.t.Helper()
	at, err := s.topic.Roster()
	storetest.Must(s.court.t, err)
	for _, f := range at.Faults {
		s.court.t.Errorf("the %s shows %v", s.name, &f)
	}
}

// A liar writes as the steward what no steward writes.
type liar struct {
	*court
	s   *store.Store
	at  *store.Topic
	st  *roster.State
	leg identity.LogName
}

// lie has the steward's store, which is closed, lie, and opens it again.
func (c *court) lie(do func(l *liar)) {
	c.t.Helper()
	storetest.Edit(c.t, c.steward.dir, func(s *store.Store) {
		l := &liar{court: c, s: s}
		var err error
		l.at, err = s.Topic(digest.Hash(c.id))
		storetest.Must(c.t, err)
		l.st, err = s.Roster(l.at.ID)
		storetest.Must(c.t, err)
		leg := l.st.Steward()
		l.leg = identity.RosterLog(l.at.ID, leg.Author, leg.Term, leg.Leg)
		do(l)
	})
	c.steward.open()
}

func (c *court) close(s *seat) {
	c.t.Helper()
	storetest.Must(c.t, s.db.Close())
}

func (l *liar) write(all ...roster.Record) {
	l.t.Helper()
	storetest.WriteRoster(l.t, l.s, l.leg, all...)
}

// snapshot returns what the steward's files hold, which is closed; back puts it there again,
// in its very place, where nobody can see it.
func (s *seat) snapshot() (back func()) {
	t := s.court.t
	t.Helper()
	read := func() map[string][]byte {
		all := map[string][]byte{}
		storetest.Must(t, filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && e.Name() != "identity.key" && e.Name() != "FORMAT" {
				all[path], err = os.ReadFile(path)
			}
			return err
		}))
		return all
	}
	then := read()
	return func() {
		for path := range read() {
			if _, was := then[path]; !was {
				storetest.Must(t, os.Remove(path))
			}
		}
		for path, b := range then {
			storetest.Must(t, os.WriteFile(path, b, 0o600))
		}
	}
}
