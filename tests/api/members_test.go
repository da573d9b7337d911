// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// texts returns the payloads of a topic's events.
func texts(t *testing.T, topic *xaeroflux.Topic) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for r, err := range topic.Events(ctx, xaeroflux.Query{}) {
		Must(t, err)
		if r.Sealed != nil {
			all["sealed: "+r.Sealed.Error()] = true
			continue
		}
		all[r.Type+":"+string(r.Payload)] = true
	}
	return all
}

// TestPrivateTopic: two people in a private topic read each other.
func TestPrivateTopic(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	_, err = at.Append(ctx, xaeroflux.Event{Type: "note", Key: []byte("k"), Payload: []byte("hello")})
	Must(t, err)
	if got := texts(t, at); !got["note:hello"] || len(got) != 1 {
		t.Fatalf("its author reads %v", got)
	}
	members, err := at.Members()
	Must(t, err)
	if len(members) != 1 || members[0].Role != xaeroflux.RoleOwner || !members[0].Self {
		t.Errorf("members are %+v", members)
	}
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)

	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	bt := TopicOf(t, b)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	_, err = a.Sync(ctx, addr.String())
	Must(t, err)
	Await(t, func() bool { return texts(t, bt)["note:hello"] })
	_, err = bt.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello back")})
	Must(t, err)
	_, err = a.Sync(ctx, addr.String())
	Must(t, err)
	Await(t, func() bool { return texts(t, at)["note:hello back"] })
	Await(t, func() bool {
		members, err := at.Members()
		return err == nil && len(members) == 2
	})
}

// meet syncs two stores until both have what the other one knows.
func meet(t *testing.T, a *xaeroflux.DB, addr string) {
	t.Helper()
	for range 3 { // what an answer of the steward brings comes with the next
		_, err := a.Sync(ctx, addr)
		Must(t, err)
	}
}

// TestRemovedMember: after a removal nobody who knows gives the removed one anything,
// sealed or not, and what it appends counts for nobody who knows.
func TestRemovedMember(t *testing.T) {
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.PrivateTopic, xaeroflux.PlainTopic} {
		t.Run(kind.String(), func(t *testing.T) { testRemovedMember(t, kind) })
	}
}

func testRemovedMember(t *testing.T, kind xaeroflux.TopicKind) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: kind})
	Must(t, err)
	join := func(name string) (*xaeroflux.DB, *xaeroflux.Topic, string) {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		db := Open(t, filepath.Join(t.TempDir(), name), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
		addr, err := db.Listen(ctx, "127.0.0.1:0")
		Must(t, err)
		meet(t, a, addr.String())
		return db, TopicOf(t, db), addr.String()
	}
	bdb, bt, baddr := join("b")
	_, ct, caddr := join("c")
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("of b, before")})
	Must(t, err)
	meet(t, a, baddr)
	meet(t, a, caddr)
	members, err := at.Members()
	Must(t, err)
	if len(members) != 3 {
		t.Fatalf("members are %+v", members)
	}
	var b xaeroflux.AccountKey
	for _, m := range members {
		if m.Devices[0].Log == bt.Log().ID() {
			b = m.Account
		}
	}
	Must(t, at.Remove(ctx, b))
	_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("of a, after")})
	Must(t, err)
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("of b, after")})
	if err != nil && !errors.Is(err, xaeroflux.ErrRemoved) && !errors.Is(err, xaeroflux.ErrCut) { // unless it knows already, or hears of it meanwhile
		t.Error(err)
	}
	meet(t, a, caddr)
	for name, topic := range map[string]*xaeroflux.Topic{"a": at, "c": ct} {
		got := texts(t, topic)
		if !got[":of b, before"] || !got[":of a, after"] || got[":of b, after"] || len(got) != 2 {
			t.Errorf("%s reads %v", name, got)
		}
	}
	if _, err := a.Sync(ctx, baddr); !errors.Is(err, xaeroflux.ErrNotShared) {
		t.Errorf("a sync with the removed one: %v", err)
	}
	aat, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	for range 3 { // and all later ones end at once
		begin := time.Now()
		if _, err := a.Sync(ctx, baddr); !errors.Is(err, xaeroflux.ErrNotShared) || errors.Is(err, xaeroflux.ErrRemoved) {
			t.Errorf("a later sync with the removed one: %v", err)
		}
		if _, err := bdb.Sync(ctx, aat.String()); !errors.Is(err, xaeroflux.ErrNotShared) || !errors.Is(err, xaeroflux.ErrRemoved) {
			t.Errorf("a later sync of the removed one: %v", err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("two later syncs took %v", took)
		}
	}
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("of b, after")})
	if !errors.Is(err, xaeroflux.ErrRemoved) {
		t.Errorf("the removed one appends: %v", err)
	}
	if got := texts(t, bt); got[":of a, after"] {
		t.Errorf("the removed one reads %v", got)
	}
	for name, topic := range map[string]*xaeroflux.Topic{"a": at, "c": ct} {
		if got := texts(t, topic); got[":of b, after"] {
			t.Errorf("%s reads %v of the removed one", name, got)
		}
	}
}

// TestRolesThatDoNotWrite: a reader reads and appends nothing, and a replica holds what it
// cannot read, and passes it on.
func TestRolesThatDoNotWrite(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	_, err = at.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello")})
	Must(t, err)
	join := func(r xaeroflux.Role) (*xaeroflux.DB, *xaeroflux.Topic, string) {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: r})
		Must(t, err)
		db := Open(t, filepath.Join(t.TempDir(), r.String()), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
		addr, err := db.Listen(ctx, "127.0.0.1:0")
		Must(t, err)
		meet(t, a, addr.String())
		Await(t, func() bool {
			members, err := TopicOf(t, db).Members()
			return err == nil && len(members) > 1
		})
		return db, TopicOf(t, db), addr.String()
	}
	_, reader, _ := join(xaeroflux.RoleReader)
	Await(t, func() bool { return texts(t, reader)["note:hello"] })
	if _, err := reader.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); !errors.Is(err, xaeroflux.ErrRole) {
		t.Errorf("a reader appends: %v", err)
	}
	db, replica, addr := join(xaeroflux.RoleReplica)
	for r, err := range replica.Events(ctx, xaeroflux.Query{}) {
		Must(t, err)
		if !errors.Is(r.Sealed, xaeroflux.ErrSealed) || r.Type != "" || len(r.Payload) > 0 {
			t.Errorf("a replica reads %+v", r)
		}
	}
	if _, err := replica.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); !errors.Is(err, xaeroflux.ErrRole) && !errors.Is(err, xaeroflux.ErrSealed) {
		t.Errorf("a replica appends: %v", err)
	}
	// From the replica alone a further member has all, and reads it.
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	meet(t, a, addr)
	Must(t, a.Close())
	c := Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	_, err = c.Sync(ctx, addr)
	Must(t, err)
	Await(t, func() bool { return texts(t, TopicOf(t, c))["note:hello"] })
	_ = db
}

// TestStewardWaitsForAnother: a store that writes a roster and was opened again changes
// nothing in it before it met a member, or a person says so.
func TestStewardWaitsForAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	spare, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	Must(t, a.Close())
	for i, how := range []func(*xaeroflux.DB, *xaeroflux.Topic){
		func(a *xaeroflux.DB, _ *xaeroflux.Topic) { meet(t, a, addr.String()) },
		func(_ *xaeroflux.DB, at *xaeroflux.Topic) { Must(t, at.TrustRoster(ctx)) },
	} {
		a = Open(t, dir, nil)
		again, err := a.Topic(at.ID())
		Must(t, err)
		if _, err := again.Invite(ctx, nil); !errors.Is(err, xaeroflux.ErrUnmet) {
			t.Errorf("an invite before anybody was met: %v", err)
		}
		if i == 0 { // a newcomer knows only what it is told
			c := Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: spare})
			at, err := c.Listen(ctx, "127.0.0.1:0")
			Must(t, err)
			meet(t, a, at.String())
			if _, err := again.Invite(ctx, nil); !errors.Is(err, xaeroflux.ErrUnmet) {
				t.Errorf("an invite when a newcomer was met: %v", err)
			}
		}
		how(a, again)
		_, err = again.Invite(ctx, nil)
		Must(t, err)
		Must(t, a.Close())
	}
}

// TestAskHandoverWaits: a store that asked for the roster hears that it has it, once it
// began its leg.
func TestAskHandoverWaits(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	node := Open(t, filepath.Join(t.TempDir(), "node"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	addr, err := node.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	nt := TopicOf(t, node)
	Await(t, func() bool {
		members, err := nt.Members()
		return err == nil && len(members) == 2
	})
	asks := make(chan error, 1)
	go func() { asks <- nt.AskHandover(ctx) }()
	Await(t, func() bool {
		meet(t, a, addr.String())
		err := at.Handover(ctx, nt.Log().Author())
		if !errors.Is(err, xaeroflux.ErrNotAsked) {
			Must(t, err)
		}
		return err == nil
	})
	meet(t, a, addr.String())
	if err := <-asks; err != nil {
		t.Errorf("a store that asked for the roster, and has it, is told: %v", err)
	}
}

// TestStewardshipMoves: the roster is handed over to a node that asked for it, which then
// admits; and the owner takes over again when that node is gone.
func TestStewardshipMoves(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	join := func(name, invite string, host *xaeroflux.DB) (*xaeroflux.DB, *xaeroflux.Topic, string) {
		db := Open(t, filepath.Join(t.TempDir(), name), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
		addr, err := db.Listen(ctx, "127.0.0.1:0")
		Must(t, err)
		meet(t, host, addr.String())
		return db, TopicOf(t, db), addr.String()
	}
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.RoleAdmin})
	Must(t, err)
	node, nt, naddr := join("node", invite, a)
	asked, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := nt.AskHandover(asked); !errors.Is(err, xaeroflux.ErrAsked) {
		t.Fatalf("a node asks to write the roster: %v", err)
	}
	meet(t, a, naddr)
	self := nt.Log().Author()
	Must(t, at.Handover(ctx, self))
	meet(t, a, naddr)
	Await(t, func() bool {
		s, err := nt.Roster()
		return err == nil && s.Self && s.Leg == 1
	})
	meet(t, a, naddr)

	invite, err = nt.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	_, ct, caddr := join("c", invite, node)
	Await(t, func() bool {
		members, err := ct.Members()
		return err == nil && len(members) == 3
	})
	_, err = ct.Append(ctx, xaeroflux.Event{Payload: []byte("of c")})
	Must(t, err)
	meet(t, node, caddr)
	meet(t, a, naddr)
	Await(t, func() bool { return texts(t, at)[":of c"] })
	Must(t, node.Close())

	if err := ct.TakeOver(ctx); !errors.Is(err, xaeroflux.ErrNotOwner) {
		t.Errorf("somebody else takes over: %v", err)
	}
	Must(t, at.TakeOver(ctx))
	meet(t, a, caddr)
	s, err := ct.Roster()
	if err != nil || s.Term != 1 || s.Steward != at.Log().Author() {
		t.Errorf("after the take-over the roster is %+v, %v", s, err)
	}
	_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("of a, in the new term")})
	Must(t, err)
	meet(t, a, caddr)
	Await(t, func() bool { return texts(t, ct)[":of a, in the new term"] })
}

// slowKeeper is a clock that keeps whoever learns the keys of topics waiting, each time
// that it looks at it.
func slowKeeper(kept *atomic.Int32) func() time.Time {
	return func() time.Time {
		var callers [16]uintptr
		frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers[:])])
		for f, more := frames.Next(); more; f, more = frames.Next() {
			if strings.Contains(f.Function, "/actors/keeper.") {
				kept.Add(1)
				time.Sleep(50 * time.Millisecond)
				break
			}
		}
		return time.Now()
	}
}

// TestNewcomersReadAtOnce: a newcomer that has synced reads what is there, though it heard
// of logs before the roster that admits them, and though it takes it a while to learn the
// keys: Sync waits for that.
func TestNewcomersReadAtOnce(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	addr, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("hello")})
	Must(t, err)
	for i := range 8 {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		var kept atomic.Int32
		b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite, Now: slowKeeper(&kept)})
		r, err := b.Sync(ctx, addr.String())
		Must(t, err)
		if got := texts(t, TopicOf(t, b)); !got[":hello"] {
			t.Errorf("newcomer %d reads %v after %d round trips", i, got, r.RoundTrips)
		}
		if kept.Load() == 0 {
			t.Error("the keys were learned without a pause: nothing is shown")
		}
		Must(t, b.Close())
	}
}

// TestACopyOfAMember: a copy of a member's store goes on as another device of the same
// person, which the steward admits: it reads, and what both append is read by all.
func TestACopyOfAMember(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	dir := filepath.Join(t.TempDir(), "b")
	b := Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	Must(t, b.Close())

	c := Open(t, Copied(t, dir), nil)
	b = Open(t, dir, nil)
	stores := []*xaeroflux.DB{b, c}
	for i, db := range stores {
		addr, err := db.Listen(ctx, "127.0.0.1:0")
		Must(t, err)
		meet(t, a, addr.String())
		topic, err := db.Topic(at.ID())
		Must(t, err)
		Await(t, func() bool {
			_, err = topic.Append(ctx, xaeroflux.Event{Payload: []byte{byte('b' + i)}})
			return err == nil
		})
		meet(t, a, addr.String())
	}
	Await(t, func() bool { got := texts(t, at); return got[":b"] && got[":c"] })
	members, err := at.Members()
	Must(t, err)
	devices := 0
	for _, m := range members {
		devices += len(m.Devices)
	}
	if forks, err := a.Forks(); len(members) != 2 || devices != 3 || len(forks) > 0 || err != nil {
		t.Errorf("members %+v, forks %v, %v", members, forks, err)
	}
	topic, err := c.Topic(at.ID())
	Must(t, err)
	Await(t, func() bool { got := texts(t, topic); return got[":b"] && got[":c"] })
}

// TestNewcomersProcessEverything: who follows a private topic from before the keys are
// here is given every event once they are, in clear.
func TestNewcomersProcessEverything(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	addr, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	for i := range 40 {
		_, err := at.Append(ctx, xaeroflux.Event{Payload: []byte{byte(i)}})
		Must(t, err)
	}
	for range 6 {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
		bt := TopicOf(t, b)
		var mu sync.Mutex
		processed, subscribed := 0, 0
		take := func(n *int, records ...xaeroflux.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range records {
				if r.Sealed != nil || len(r.Payload) != 1 {
					t.Errorf("given is %+v", r)
				}
				*n++
			}
			return nil
		}
		following, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = bt.Process(following, "p", nil, func(_ context.Context, all []xaeroflux.Record) error { return take(&processed, all...) })
		})
		wg.Go(func() {
			for r, err := range bt.Subscribe(following, xaeroflux.Query{}) {
				Must(t, err)
				_ = take(&subscribed, r)
			}
		})
		_, err = b.Sync(ctx, addr.String())
		Must(t, err)
		Await(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return processed == 40 && subscribed == 40
		})
		stop()
		wg.Wait()
		Must(t, b.Close())
	}
}

// TestAskEndsWithTheStore: whoever waits for a steward's answer hears that the store was
// closed.
func TestAskEndsWithTheStore(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	bt := TopicOf(t, b)
	if err := bt.Remove(ctx, xaeroflux.AccountKey{1}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("nobody is removed: %v", err)
	}
	asked := make(chan error, 1)
	go func() { asked <- bt.AskHandover(context.Background()) }()
	Await(t, func() bool { return bt.Log().Size() == 1 || bt.Log().Size() == 2 })
	Must(t, b.Close())
	if err := <-asked; !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("after Close it ends with %v", err)
	}
}

// TestRolesThatChange: a reader that becomes a writer appends, after it was made a reader
// again it does not, and what it wrote between stays.
func TestRolesThatChange(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.RoleReader})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	bt := TopicOf(t, b)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	member := func() (m xaeroflux.Member) {
		all, err := at.Members()
		Must(t, err)
		for _, x := range all {
			if !x.Self {
				m = x
			}
		}
		return m
	}
	for i, role := range []xaeroflux.Role{xaeroflux.RoleWriter, xaeroflux.RoleReader, xaeroflux.RoleAdmin} {
		Must(t, at.SetRole(ctx, member().Account, role))
		meet(t, a, addr.String())
		text := []byte{byte('0' + i)}
		if role == xaeroflux.RoleReader {
			Await(t, func() bool {
				_, err := bt.Append(ctx, xaeroflux.Event{Payload: text})
				return errors.Is(err, xaeroflux.ErrRole)
			})
			continue
		}
		Await(t, func() bool {
			_, err := bt.Append(ctx, xaeroflux.Event{Payload: text})
			return err == nil
		})
		meet(t, a, addr.String())
		Await(t, func() bool { return texts(t, at)[":"+string(text)] })
	}
	if got := texts(t, at); len(got) != 2 || !got[":0"] || !got[":2"] {
		t.Errorf("of the member is read %v", got)
	}
}

// TestRemovedMemberComesBack: a store that was removed joins again by a new invite, as the
// same person, and reads what was written meanwhile.
func TestRemovedMemberComesBack(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	bt := TopicOf(t, b)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("before")})
	Must(t, err)
	meet(t, a, addr.String())
	members, err := at.Members()
	Must(t, err)
	for _, m := range members {
		if !m.Self {
			Must(t, at.Remove(ctx, m.Account))
		}
	}
	_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("meanwhile")})
	Must(t, err)
	_, _ = a.Sync(ctx, addr.String())
	Await(t, func() bool {
		_, err := bt.Append(ctx, xaeroflux.Event{Payload: []byte("x")})
		return errors.Is(err, xaeroflux.ErrRemoved)
	})
	invite, err = at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = b.Join(ctx, invite)
	Must(t, err)
	meet(t, a, addr.String())
	Await(t, func() bool {
		_, err := bt.Append(ctx, xaeroflux.Event{Payload: []byte("after")})
		return err == nil
	})
	meet(t, a, addr.String())
	for name, topic := range map[string]*xaeroflux.Topic{"a": at, "b": bt} {
		Await(t, func() bool { got := texts(t, topic); return got[":before"] && got[":meanwhile"] && got[":after"] })
		if members, err := topic.Members(); err != nil || len(members) != 2 {
			t.Errorf("%s knows members %v, %v", name, members, err)
		}
	}
}

// TestWithoutHistory: whoever is invited reads what follows the invite, and is not held up
// by what came before. Those who were there before read all.
func TestWithoutHistory(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "now", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic, WithoutHistory: true})
	Must(t, err)
	say := func(text string) {
		t.Helper()
		_, err := at.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
		Must(t, err)
	}
	say("before")
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	say("invited")
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	say("admitted")
	second, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	say("later")
	meet(t, a, addr.String())

	withheld := "sealed: " + xaeroflux.ErrWithheld.Error()
	bt := TopicOf(t, b)
	Await(t, func() bool { return texts(t, bt)[":later"] })
	got := []string{}
	err = bt.Process(ctx, "reader", nil, func(_ context.Context, records []xaeroflux.Record) error {
		for _, r := range records {
			if r.Sealed != nil {
				got = append(got, "sealed")
			} else {
				got = append(got, string(r.Payload))
			}
		}
		if len(got) == 4 {
			return xaeroflux.ErrStop
		}
		return nil
	})
	if !errors.Is(err, xaeroflux.ErrStop) {
		t.Fatal(err)
	}
	if want := []string{"sealed", "invited", "admitted", "later"}; !slices.Equal(got, want) {
		t.Errorf("the newcomer is given %q, want %q", got, want)
	}
	for text := range texts(t, bt) {
		if strings.HasPrefix(text, "sealed: ") && !strings.HasPrefix(text, withheld) {
			t.Errorf("it cannot read by %q", text)
		}
	}
	c := Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: second})
	caddr, err := c.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, caddr.String())
	ct := TopicOf(t, c)
	Await(t, func() bool { return texts(t, ct)[":later"] })
	if all := texts(t, ct); all[":before"] || all[":invited"] || all[":admitted"] {
		t.Errorf("who was invited last reads %v", all)
	}
	if all := texts(t, at); len(all) != 4 {
		t.Errorf("the founder reads %v", all)
	}
	_, err = a.CreateTopic(ctx, "plain", &xaeroflux.TopicOptions{Kind: xaeroflux.PlainTopic, WithoutHistory: true})
	if !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a plain topic: %v", err)
	}
}

// TestStolenDevice: a device of a person is removed, from a topic and from the person's
// list: it reads nothing that is appended later, and the person's other device goes on.
func TestStolenDevice(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	words(t, a)
	phone, addr := linked(t, a, "phone", "family")
	pt := topicNamed(phone, "family")
	Await(t, func() bool { // once the key has come
		_, err := pt.Append(ctx, xaeroflux.Event{ID: xaeroflux.EventID{1}, Payload: []byte("of the phone, before")})
		return err == nil
	})
	Await(t, func() bool {
		meet(t, a, addr)
		return texts(t, at)[":of the phone, before"] && len(devices(t, at)) == 2
	})
	refusedRemovals(t, a, at, phone, pt)

	Must(t, at.RemoveDevice(ctx, pt.Log().Author()))
	Must(t, a.RemoveDevice(ctx, own(t, phone)))
	_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("of a, after")})
	Must(t, err)
	later, err := a.CreateTopic(ctx, "later", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	if _, err := a.Sync(ctx, addr); err != nil && !errors.Is(err, xaeroflux.ErrNotShared) {
		t.Error(err)
	}
	if _, err := pt.Append(ctx, xaeroflux.Event{Payload: []byte("of the phone, after")}); !errors.Is(err, xaeroflux.ErrRemoved) {
		t.Errorf("the stolen device appends: %v", err)
	}
	if got := texts(t, pt); got[":of a, after"] || topicNamed(phone, "later") != nil {
		t.Errorf("the stolen device reads %v", got)
	}
	if got := texts(t, at); !got[":of the phone, before"] || !got[":of a, after"] || len(devices(t, at)) != 1 {
		t.Errorf("the other device reads %v", got)
	}
	if all, err := a.Devices(); err != nil || len(all) != 1 || !all[0].Self {
		t.Errorf("devices are %+v, %v", all, err)
	}
	again, addr := linked(t, a, "again", "family", "later") // the person goes on
	_, err = later.Append(ctx, xaeroflux.Event{Payload: []byte("x")})
	Must(t, err)
	Await(t, func() bool { meet(t, a, addr); return texts(t, topicNamed(again, "later"))[":x"] })
}

// refusedRemovals tries what nobody may remove, on both stores.
func refusedRemovals(t *testing.T, a *xaeroflux.DB, at *xaeroflux.Topic, phone *xaeroflux.DB, pt *xaeroflux.Topic) {
	t.Helper()
	for what, c := range map[string]struct{ err, want error }{
		"a stranger":             {at.RemoveDevice(ctx, xaeroflux.AuthorKey{1}), xaeroflux.ErrOptions},
		"a stranger of the list": {a.RemoveDevice(ctx, xaeroflux.AuthorKey{1}), xaeroflux.ErrOptions},
		"this store":             {at.RemoveDevice(ctx, at.Log().Author()), xaeroflux.ErrOptions},
		"this store of the list": {phone.RemoveDevice(ctx, own(t, phone)), xaeroflux.ErrOptions},
		"the steward":            {pt.RemoveDevice(ctx, at.Log().Author()), xaeroflux.ErrRole},
		"who keeps the list":     {phone.RemoveDevice(ctx, own(t, a)), xaeroflux.ErrRole},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
}

// devices returns the devices of a topic's members.
func devices(t *testing.T, topic *xaeroflux.Topic) (all []xaeroflux.Device) {
	t.Helper()
	members, err := topic.Members()
	Must(t, err)
	for _, m := range members {
		all = append(all, m.Devices...)
	}
	return all
}

// own returns the key of a store in its person's list.
func own(t *testing.T, db *xaeroflux.DB) xaeroflux.AuthorKey {
	t.Helper()
	all, err := db.Devices()
	Must(t, err)
	return all[slices.IndexFunc(all, func(d xaeroflux.Device) bool { return d.Self })].Key
}

// TestRemovedDeviceIsAskedFor: a member that is not the steward asks for the removal of a
// device of its own; nobody removes another's who may not.
func TestRemovedDeviceIsAskedFor(t *testing.T) {
	steward := Open(t, filepath.Join(t.TempDir(), "steward"), nil)
	st, err := steward.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := st.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	a, addr := listening(t, "a", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	Await(t, func() bool { meet(t, steward, addr); return len(devices(t, st)) == 2 })
	words(t, a)
	phone, paddr := linked(t, a, "phone")
	Await(t, func() bool { meet(t, a, paddr); _, err := phone.Topic(st.ID()); return err == nil })
	pt, err := phone.Topic(st.ID())
	Must(t, err)
	Await(t, func() bool { meet(t, a, paddr); meet(t, steward, addr); return len(devices(t, st)) == 3 })
	at, err := a.Topic(st.ID())
	Must(t, err)
	Await(t, func() bool { meet(t, a, paddr); meet(t, steward, addr); return len(devices(t, at)) == 3 })

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := at.RemoveDevice(short, pt.Log().Author()); err != nil && !errors.Is(err, xaeroflux.ErrAsked) { // nil if the steward is connected still
		t.Errorf("a removal by a member: %v", err)
	}
	Await(t, func() bool { meet(t, steward, addr); return len(devices(t, st)) == 2 && len(devices(t, at)) == 2 })
	for _, d := range devices(t, st) {
		if d.Key == pt.Log().Author() {
			t.Error("the device is still there")
		}
	}
}
