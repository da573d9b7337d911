// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A store may be in many topics; each keeps to itself.
func TestManyTopics(t *testing.T) {
	a, b, addr := pair(t, small())
	c := open(t, filepath.Join(t.TempDir(), "c"), small())
	second, err := a.Join(ctx, c.Invite())
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
	if _, err := b.Join(ctx, second.Invite()); err != nil {
		t.Fatal(err)
	}
	mustSync(t, a, addr)
	if l, err := b.Log(second.Log().ID()); err != nil || l.Size() != 1 {
		t.Errorf("after joining: %v", err)
	}
}

// A store in more topics than a session can share still syncs: the default one
// and those that were shared before always, any other one in some session.
func TestMoreTopicsThanASessionShares(t *testing.T) {
	a, b, addr := pair(t, small())
	mustAppend(t, a, 5, "event %d of the default topic")
	joined := 0
	join := func() *xaeroflux.Topic {
		t.Helper()
		joined++
		topic, err := a.Join(ctx, identitytest.NewTopic(joined).Invite())
		if err != nil {
			t.Fatal(err)
		}
		return topic
	}
	for range messages.MaxTopics + 100 {
		join()
	}
	one := join()
	mustSync(t, a, addr)
	same(t, a, b)
	if _, err := one.Append(ctx, xaeroflux.Event{Payload: []byte("of the last topic")}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(ctx, one.Invite()); err != nil {
		t.Fatal(err)
	}
	found := func() bool {
		mustSync(t, a, addr)
		_, err := b.Log(one.Log().ID())
		return err == nil
	}
	for tries := 0; !found(); tries++ {
		if tries == 20 {
			t.Fatal("not shared in 20 sessions")
		}
		join() // which ends the session
	}
}

// A topic that was joined a moment ago is synced by the next Sync, whatever
// state the session of before, which joining ends, is found in.
func TestSyncRightAfterJoin(t *testing.T) {
	a, b, addr := pair(t, small())
	for i := range 20 {
		made := open(t, filepath.Join(t.TempDir(), "c"), small())
		topic, err := a.Join(ctx, made.Invite())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("one event")}); err != nil {
			t.Fatal(err)
		}
		mustSync(t, a, addr)
		if _, err := b.Join(ctx, made.Invite()); err != nil {
			t.Fatal(err)
		}
		mustSync(t, a, addr)
		if l, err := b.Log(topic.Log().ID()); err != nil || l.Size() != 1 {
			t.Fatalf("topic %d, after joining: %v", i, err)
		}
	}
}
