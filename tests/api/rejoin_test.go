// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestDeletedAndJoinedAgain: a store that deleted what it held of a topic is refused by a new
// invite, as it would fork the log that others hold of it.
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
	meet(t, b, addr.String())
	_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("before")})
	Must(t, err)
	meet(t, b, addr.String())
	Must(t, b.SetDefault(ctx, b.Topics()[len(b.Topics())-1].ID()))
	Must(t, bt.Leave(ctx, &xaeroflux.LeaveOptions{Delete: true, WithoutAsking: true}))
	Must(t, b.Close())

	b = Open(t, dir, nil)
	_, err = b.Join(ctx, invite())
	if !errors.Is(err, xaeroflux.ErrDeleted) {
		t.Errorf("it joins again: %v", err)
	}
	if !texts(t, at)[":before"] {
		t.Error("what it had appended is gone")
	}
}
