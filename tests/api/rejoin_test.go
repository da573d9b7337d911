// SPDX-License-Identifier: MPL-2.0

package api

import (
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestDeletedAndJoinedAgain: a store that deleted what it held of a topic, and joins by a
// new invite, forks nothing that others hold of it.
func TestDeletedAndJoinedAgain(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	addr, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	invite := func() string {
		t.Helper()
		text, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		return text
	}
	dir := filepath.Join(t.TempDir(), "b")
	b := Open(t, dir, nil)
	bt, err := b.Join(ctx, invite())
	Must(t, err)
	first := bt.Log().ID()
	meet(t, b, addr.String())
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("before")})
	Must(t, err)
	meet(t, b, addr.String())
	Must(t, b.SetDefault(ctx, b.Topics()[len(b.Topics())-1].ID()))
	Must(t, bt.Leave(ctx, &xaeroflux.LeaveOptions{Delete: true, WithoutAsking: true}))
	Must(t, b.Close())

	b = Open(t, dir, nil)
	again, err := b.Join(ctx, invite())
	Must(t, err)
	if again.Log().ID() == first {
		t.Error("it goes on with a log of which it holds nothing")
	}
	meet(t, b, addr.String())
	for _, db := range []*xaeroflux.DB{a, b} {
		if forks, err := db.Forks(); err != nil || len(forks) > 0 {
			t.Errorf("forks: %v, %v", forks, err)
		}
	}
	if !texts(t, at)[":before"] {
		t.Error("what it had appended is gone")
	}
}
