// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A store may be in many topics; each keeps to itself.
func TestManyTopics(t *testing.T) {
	a, b, addr := pair(t, small())
	c := open(t, filepath.Join(t.TempDir(), "c"), small())
	second, err := a.Join(ctx, invited(c))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Append(ctx, xaeroflux.Event{Payload: []byte("only for the second topic")}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, a, 50, "event %d of the first topic")
	mustSync(t, a, addr)
	if n := len(heads(t, b)); n != 1 {
		t.Errorf("b holds %d logs, want that of the first topic only", n)
	}
	if _, err := b.Log(second.Log().ID()); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("b has a log of a topic it did not join: %v", err)
	}
	if _, err := b.Join(ctx, invited(second)); err != nil {
		t.Fatal(err)
	}
	mustSync(t, a, addr)
	if l, err := b.Log(second.Log().ID()); err != nil || l.Size() != 1 {
		t.Errorf("after joining: %v", err)
	}
}

// A topic has no name that its invite could not hold.
func TestTopicNamesFitAnInvite(t *testing.T) {
	db := open(t, t.TempDir(), small())
	for _, name := range []string{"bad\nname", strings.Repeat("x", 65), "\xff"} {
		if _, err := db.CreateTopic(ctx, name, nil); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("topic %q: %v", name, err)
		}
		if _, err := xaeroflux.Open(t.TempDir(), &xaeroflux.Options{TopicName: name}); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("store with topic %q: %v", name, err)
		}
	}
	if n := len(db.Topics()); n != 1 {
		t.Errorf("%d topics, want the first only", n)
	}
	if topic, err := db.CreateTopic(ctx, strings.Repeat("x", 64), nil); err != nil || len(topic.Name()) != 64 {
		t.Errorf("a name that fits: %v", err)
	}
}

// A store in more topics than a list holds still shares all that a peer is in,
// in one session: the earlier ones, and those that either side joins meanwhile.
func TestMoreTopicsThanAListHolds(t *testing.T) {
	a, b, addr := pair(t, small())
	mustAppend(t, a, 5, "event %d of the default topic")
	joined := 0
	join := func() *xaeroflux.Topic {
		t.Helper()
		joined++
		topic, err := a.Join(ctx, identitytest.NewTopicOf(joined, 4096).Invite())
		must(t, err)
		return topic
	}
	for range messages.MaxTopics + 100 {
		join()
	}
	before := join()
	mustSync(t, a, addr)
	same(t, a, b)
	must(t, a.Connect(ctx, addr))
	await(t, func() bool { p := a.Peers(); return len(p) == 1 && p[0].InSync })
	since := a.Peers()[0].Since
	for _, topic := range []*xaeroflux.Topic{before, join()} {
		_, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("of one topic in a thousand")})
		must(t, err)
		_, err = b.Join(ctx, invited(topic))
		must(t, err)
		await(t, func() bool { l, err := b.Log(topic.Log().ID()); return err == nil && l.Size() == 1 })
	}
	if p := a.Peers(); len(p) != 1 || p[0].Since != since {
		t.Errorf("the session did not go on: %+v, since %v", p, since)
	}
}

// A topic that was joined a moment ago is synced by the next Sync, whatever
// state the session that is open already is found in.
func TestSyncRightAfterJoin(t *testing.T) {
	a, b, addr := pair(t, small())
	for i := range 20 {
		made := open(t, filepath.Join(t.TempDir(), "c"), small())
		topic, err := a.Join(ctx, invited(made))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("one event")}); err != nil {
			t.Fatal(err)
		}
		mustSync(t, a, addr)
		if _, err := b.Join(ctx, invited(made)); err != nil {
			t.Fatal(err)
		}
		mustSync(t, a, addr)
		if l, err := b.Log(topic.Log().ID()); err != nil || l.Size() != 1 {
			t.Fatalf("topic %d, after joining: %v", i, err)
		}
	}
}

// A default topic that somebody was invited to stays the default, though it is empty.
func TestInvitedDefaultStays(t *testing.T) {
	net := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := open(t, filepath.Join(t.TempDir(), "a"), net)
	other := open(t, filepath.Join(t.TempDir(), "other"), net)
	own := a.Topics()[0]
	b, atB := joined(t, a, net)
	if _, err := a.Join(ctx, invited(other)); err != nil {
		t.Fatal(err)
	}
	if got := a.Topics()[0].ID(); got != own.ID() {
		t.Errorf("the default is %s, want %s, to which b was invited", got, own.ID())
	}
	mustAppend(t, a, 2, "event %d")
	mustSync(t, a, atB)
	if n := len(heads(t, b)); n != 1 {
		t.Errorf("b holds %d logs, want 1", n)
	}
}

// Who leaves a topic hears no more of it, tells no more, and keeps what is there; joining
// again takes it up, within the session that goes on.
func TestLeave(t *testing.T) {
	net := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, b, atB := pair(t, net)
	second, err := a.CreateTopic(ctx, "second", nil)
	must(t, err)
	invite := invited(second)
	there, err := b.Join(ctx, invite)
	must(t, err)
	appendTo := func(topic *xaeroflux.Topic, text string) error {
		_, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
		return err
	}
	must(t, appendTo(second, "before"))
	mustSync(t, a, atB)
	log := second.Log().ID()
	size := func() uint64 {
		l, err := b.Log(log)
		must(t, err)
		return l.Size()
	}
	if size() != 1 || len(a.SyncStatus().Unshared) != 0 {
		t.Fatalf("b holds %d events, %v are not shared", size(), a.SyncStatus().Unshared)
	}
	if err := b.Topics()[0].Leave(ctx); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("leaving the default topic: %v", err)
	}
	must(t, there.Leave(ctx))
	if err := appendTo(there, "to a topic that was left"); !errors.Is(err, xaeroflux.ErrLeft) {
		t.Errorf("append: %v", err)
	}
	if err := b.SetDefault(ctx, there.ID()); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("made the default: %v", err)
	}
	must(t, appendTo(second, "while b is away"))
	mustAppend(t, a, 1, "event %d of the default topic")
	mustSync(t, a, atB)
	if size() != 1 || len(b.Topics()) != 1 || len(heads(t, b)) != 1 {
		t.Errorf("b holds %d events, and is in %d topics", size(), len(b.Topics()))
	}
	if u := a.SyncStatus().Unshared; len(u) != 1 || u[0] != second.ID() {
		t.Errorf("not shared: %v, want the second topic", u)
	}
	must(t, b.Close())
	b = open(t, b.Dir(), net)
	if len(b.Topics()) != 1 || size() != 1 {
		t.Errorf("opened again, b is in %d topics", len(b.Topics()))
	}
	at, err := b.Listen(ctx, "b:2")
	must(t, err)
	mustSync(t, a, at.String())
	again, err := b.Join(ctx, invite)
	must(t, err)
	must(t, appendTo(again, "after"))
	mustSync(t, a, at.String())
	if l, err := a.Log(again.Log().ID()); size() != 2 || err != nil || l.Size() != 1 {
		t.Errorf("joined again, b holds %d events, a of b %v", size(), err)
	}
}

// A store that is opened with an invite meets the peers named in it, as one that joins
// does; and one that left the topic stays out of it, whatever the options say.
func TestOpenWithAnInviteMeetsItsPeers(t *testing.T) {
	net := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := open(t, filepath.Join(t.TempDir(), "a"), net)
	_, err := a.Listen(ctx, "a:1")
	must(t, err)
	mustAppend(t, a, 3, "event %d")
	with := *net
	with.Invite = invited(a)
	b := open(t, filepath.Join(t.TempDir(), "b"), &with)
	here := b.Topics()[0]
	for rec, err := range here.Subscribe(ctx, xaeroflux.Query{}) {
		if must(t, err); rec.Seq == 2 {
			break
		}
	}
	n := 0
	for _, err := range here.Events(ctx, xaeroflux.Query{}) {
		must(t, err)
		n++
	}
	if n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	other, err := b.CreateTopic(ctx, "other", nil)
	must(t, err)
	must(t, b.SetDefault(ctx, other.ID()))
	must(t, here.Leave(ctx))
	must(t, b.Close())
	b = open(t, b.Dir(), &with)
	if all := b.Topics(); len(all) != 1 || all[0].ID() != other.ID() {
		t.Errorf("opened with the invite again, it is in %d topics", len(all))
	}
}

// A store that was opened without an invite, and joins late, appends to the topic that it
// joined unless it was used before; a person may say otherwise.
func TestJoiningLateMakesTheDefault(t *testing.T) {
	net := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := open(t, filepath.Join(t.TempDir(), "a"), net)
	b := open(t, filepath.Join(t.TempDir(), "b"), net)
	own := b.Topics()[0]
	joined, err := b.Join(ctx, invited(a))
	must(t, err)
	must(t, joined.Rename(ctx, "ours"))
	mustAppend(t, b, 3, "event %d")
	at, err := a.Listen(ctx, "a:1")
	must(t, err)
	mustSync(t, b, at.String())
	if l, err := a.Log(joined.Log().ID()); err != nil || l.Size() != 3 {
		t.Errorf("what was appended without a topic is not with those who made the invite: %v", err)
	}
	must(t, b.SetDefault(ctx, own.ID()))
	mustAppend(t, b, 2, "event %d of its own")
	if own.Log().Size() != 2 || joined.Name() != "ours" || b.Topics()[0].ID() != own.ID() {
		t.Errorf("%d events, %q", own.Log().Size(), joined.Name())
	}
	if err := b.SetDefault(ctx, xaeroflux.TopicID{9}); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("an unknown default: %v", err)
	}
	if err := own.Rename(ctx, strings.Repeat("x", 65)); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a long name: %v", err)
	}
	if _, err := own.Invite(ctx, &xaeroflux.InviteOptions{Places: make([]xaeroflux.Address, 9)}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("too many places: %v", err)
	}
}
