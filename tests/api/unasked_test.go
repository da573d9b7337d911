// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestUnaskedIsKept: a steward keeps how far it found nothing asked for among a member's
// events, and answers what is asked behind that once it is opened again.
func TestUnaskedIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	bt := TopicOf(t, b)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	meet(t, a, addr.String())
	for range 5 {
		_, err = bt.AppendBatch(ctx, Payloads(1000, 8))
		Must(t, err)
	}
	meet(t, a, addr.String())
	Must(t, a.Close())

	st, log := openFiles(t, dir), digest.Hash(bt.Log().ID())
	l, err := st.Log(log)
	Must(t, err)
	kept, err := st.Unasked(l)
	if err != nil || kept.From != 1 || kept.To != 5001 { // its first record asked to join
		t.Errorf("nothing is asked for in %+v: %v", kept, err)
	}
	Must(t, st.Close())

	a = Open(t, dir, nil)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := bt.Remove(short, owner(t, bt)); !errors.Is(err, xaeroflux.ErrAsked) {
		t.Fatalf("a writer removes the owner: %v", err)
	}
	meet(t, a, addr.String())
	Must(t, a.Close())
	r, err := openFiles(t, dir).Roster(digest.Hash(bt.ID()))
	if err != nil || r.Settled(log) != bt.Log().Size() {
		t.Errorf("asks are settled below %d of %d: %v", r.Settled(log), bt.Log().Size(), err)
	}
}

// owner returns the account that owns a topic.
func owner(t *testing.T, topic *xaeroflux.Topic) xaeroflux.AccountKey {
	t.Helper()
	members, err := topic.Members()
	Must(t, err)
	for _, m := range members {
		if m.Role == xaeroflux.RoleOwner {
			return m.Account
		}
	}
	t.Fatal("nobody owns the topic")
	return xaeroflux.AccountKey{}
}
