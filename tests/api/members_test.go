// SPDX-License-Identifier: MPL-2.0

package api

import (
	"path/filepath"
	"testing"

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

	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Invite: invite})
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
