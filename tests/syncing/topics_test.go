// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A store may be in many topics; each keeps to itself.
func TestManyTopics(t *testing.T) {
	a, b, addr := storetest.Pair(t, storetest.Small())
	c := storetest.Open(t, filepath.Join(t.TempDir(), "c"), storetest.Small())
	second, err := a.Join(ctx, storetest.Invited(c))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Append(ctx, xaeroflux.Event{Payload: []byte("only for the second topic")}); err != nil {
		t.Fatal(err)
	}
	storetest.MustAppend(t, a, 50, "event %d of the first topic")
	storetest.MustSync(t, a, addr)
	if n := len(storetest.Heads(t, b)); n != 1 {
		t.Errorf("b holds %d logs, want that of the first topic only", n)
	}
	if _, err := b.Log(second.Log().ID()); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("b has a log of a topic it did not join: %v", err)
	}
	if _, err := b.Join(ctx, storetest.Invited(second)); err != nil {
		t.Fatal(err)
	}
	storetest.MustSync(t, a, addr)
	if l, err := b.Log(second.Log().ID()); err != nil || l.Size() != 1 {
		t.Errorf("after joining: %v", err)
	}
}

// A topic has no name that its invite could not hold.
func TestTopicNamesFitAnInvite(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), storetest.Small())
	for _, name := range []string{"bad\nname", strings.Repeat("x", 65), "\xff"} {
		if _, err := db.CreateTopic(ctx, name, nil); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("topic %q: %v", name, err)
		}
		if _, err := xaeroflux.Open(t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, TopicName: name}); !errors.Is(err, xaeroflux.ErrOptions) {
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
	a, b, addr := storetest.Pair(t, storetest.Small())
	storetest.MustAppend(t, a, 5, "event %d of the default topic")
	joined := 0
	join := func() *xaeroflux.Topic {
		t.Helper()
		joined++
		topic, err := a.Join(ctx, identitytest.NewTopicOf(joined, 4096).Invite())
		storetest.Must(t, err)
		return topic
	}
	for range messages.MaxTopics + 100 {
		join()
	}
	before := join()
	storetest.MustSync(t, a, addr)
	storetest.Same(t, a, b)
	storetest.Must(t, a.Connect(ctx, addr))
	storetest.Await(t, func() bool { p := a.Peers(); return len(p) == 1 && p[0].InSync })
	since := a.Peers()[0].Since
	for _, topic := range []*xaeroflux.Topic{before, join()} {
		_, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("of one topic in a thousand")})
		storetest.Must(t, err)
		_, err = b.Join(ctx, storetest.Invited(topic))
		storetest.Must(t, err)
		storetest.Await(t, func() bool { l, err := b.Log(topic.Log().ID()); return err == nil && l.Size() == 1 })
	}
	if p := a.Peers(); len(p) != 1 || p[0].Since != since {
		t.Errorf("the session did not go on: %+v, since %v", p, since)
	}
}

// A topic that was joined a moment ago is synced by the next Sync, whatever
// state the session that is open already is found in.
func TestSyncRightAfterJoin(t *testing.T) {
	a, b, addr := storetest.Pair(t, storetest.Small())
	for i := range 20 {
		made := storetest.Open(t, filepath.Join(t.TempDir(), "c"), storetest.Small())
		topic, err := a.Join(ctx, storetest.Invited(made))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("one event")}); err != nil {
			t.Fatal(err)
		}
		storetest.MustSync(t, a, addr)
		if _, err := b.Join(ctx, storetest.Invited(made)); err != nil {
			t.Fatal(err)
		}
		storetest.MustSync(t, a, addr)
		if l, err := b.Log(topic.Log().ID()); err != nil || l.Size() != 1 {
			t.Fatalf("topic %d, after joining: %v", i, err)
		}
	}
}

// A default topic that somebody was invited to stays the default, though it is empty.
func TestInvitedDefaultStays(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), net)
	other := storetest.Open(t, filepath.Join(t.TempDir(), "other"), net)
	own := a.Topics()[0]
	b, atB := storetest.Joined(t, a, net)
	if _, err := a.Join(ctx, storetest.Invited(other)); err != nil {
		t.Fatal(err)
	}
	if got := a.Topics()[0].ID(); got != own.ID() {
		t.Errorf("the default is %s, want %s, to which b was invited", got, own.ID())
	}
	storetest.MustAppend(t, a, 2, "event %d")
	storetest.MustSync(t, a, atB)
	if n := len(storetest.Heads(t, b)); n != 1 {
		t.Errorf("b holds %d logs, want 1", n)
	}
}

// Who leaves a topic hears no more of it, tells no more, and keeps what is there; joining
// again takes it up, within the session that goes on.
func TestLeave(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, b, atB := storetest.Pair(t, net)
	second, err := a.CreateTopic(ctx, "second", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	storetest.Must(t, err)
	invite := storetest.Invited(second)
	there, err := b.Join(ctx, invite)
	storetest.Must(t, err)
	appendTo := func(topic *xaeroflux.Topic, text string) error {
		_, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
		return err
	}
	storetest.Must(t, appendTo(second, "before"))
	storetest.MustSync(t, a, atB)
	log := second.Log().ID()
	size := func() uint64 {
		l, err := b.Log(log)
		storetest.Must(t, err)
		return l.Size()
	}
	if size() != 1 || len(a.SyncStatus().Unshared) != 0 {
		t.Fatalf("b holds %d events, %v are not shared", size(), a.SyncStatus().Unshared)
	}
	if err := b.Topics()[0].Leave(ctx, nil); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("leaving the default topic: %v", err)
	}
	storetest.Must(t, there.Leave(ctx, nil))
	if err := appendTo(there, "to a topic that was left"); !errors.Is(err, xaeroflux.ErrLeft) {
		t.Errorf("append: %v", err)
	}
	if err := b.SetDefault(ctx, there.ID()); !errors.Is(err, xaeroflux.ErrLeft) {
		t.Errorf("made the default: %v", err)
	}
	storetest.Must(t, appendTo(second, "while b is away"))
	storetest.MustAppend(t, a, 1, "event %d of the default topic")
	storetest.MustSync(t, a, atB)
	if size() != 1 || len(b.Topics()) != 1 || len(storetest.Heads(t, b)) != 1 {
		t.Errorf("b holds %d events, and is in %d topics", size(), len(b.Topics()))
	}
	if u := a.SyncStatus().Unshared; len(u) != 1 || u[0] != second.ID() {
		t.Errorf("not shared: %v, want the second topic", u)
	}
	storetest.Must(t, b.Close())
	b = storetest.Open(t, b.Dir(), net)
	if len(b.Topics()) != 1 || size() != 1 {
		t.Errorf("opened again, b is in %d topics", len(b.Topics()))
	}
	at, err := b.Listen(ctx, "b:2")
	storetest.Must(t, err)
	storetest.MustSync(t, a, at.String())
	again, err := b.Join(ctx, invite)
	storetest.Must(t, err)
	storetest.Must(t, appendTo(again, "after"))
	storetest.MustSync(t, a, at.String())
	if l, err := a.Log(again.Log().ID()); size() != 2 || err != nil || l.Size() != 1 {
		t.Errorf("joined again, b holds %d events, a of b %v", size(), err)
	}
}

// A store that is opened with an invite meets the peers named in it, as one that joins
// does; and one that left the topic stays out of it, whatever the options say.
func TestOpenWithAnInviteMeetsItsPeers(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), net)
	_, err := a.Listen(ctx, "a:1")
	storetest.Must(t, err)
	storetest.MustAppend(t, a, 3, "event %d")
	with := *net
	with.Invite, err = a.Invite(ctx, nil)
	storetest.Must(t, err)
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), &with)
	here := b.Topics()[0]
	for rec, err := range here.Subscribe(ctx, xaeroflux.Query{}) {
		if storetest.Must(t, err); rec.Seq == 2 {
			break
		}
	}
	n := 0
	for _, err := range here.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		n++
	}
	if n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	other, err := b.CreateTopic(ctx, "other", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	storetest.Must(t, err)
	storetest.Must(t, b.SetDefault(ctx, other.ID()))
	storetest.Must(t, here.Leave(ctx, nil))
	storetest.Must(t, b.Close())
	b = storetest.Open(t, b.Dir(), &with)
	if all := b.Topics(); len(all) != 1 || all[0].ID() != other.ID() {
		t.Errorf("opened with the invite again, it is in %d topics", len(all))
	}
}

// A store that was opened without an invite, and joins late, appends to the topic that it
// joined unless it was used before; a person may say otherwise.
func TestJoiningLateMakesTheDefault(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), net)
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), net)
	own := b.Topics()[0]
	joined, err := b.Join(ctx, storetest.Invited(a))
	storetest.Must(t, err)
	storetest.Must(t, joined.Rename(ctx, "ours"))
	storetest.MustAppend(t, b, 3, "event %d")
	at, err := a.Listen(ctx, "a:1")
	storetest.Must(t, err)
	storetest.MustSync(t, b, at.String())
	if l, err := a.Log(joined.Log().ID()); err != nil || l.Size() != 3 {
		t.Errorf("what was appended without a topic is not with those who made the invite: %v", err)
	}
	storetest.Must(t, b.SetDefault(ctx, own.ID()))
	storetest.MustAppend(t, b, 2, "event %d of its own")
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
