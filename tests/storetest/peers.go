// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
)

// Invited returns the invite to a topic, or to the default one of a store. It names no
// place: stores meet when the test says so.
func Invited(to interface {
	Invite(context.Context, *xaeroflux.InviteOptions) (string, error)
}) string {
	invite, err := to.Invite(context.Background(), &xaeroflux.InviteOptions{WithoutPlaces: true})
	if err != nil {
		panic(err)
	}
	return invite
}

// Pair opens two stores of different authors in one topic; the second listens.
func Pair(t testing.TB, o *xaeroflux.Options) (a, b *xaeroflux.DB, addr string) {
	t.Helper()
	a = Open(t, filepath.Join(t.TempDir(), "a"), o)
	b, addr = Joined(t, a, o)
	return a, b, addr
}

// Joined opens a further store in a's topic, which listens on loopback.
func Joined(t testing.TB, a *xaeroflux.DB, o *xaeroflux.Options) (*xaeroflux.DB, string) {
	t.Helper()
	var with xaeroflux.Options
	if o != nil {
		with = *o
	}
	with.Invite = Invited(a)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &with)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return b, addr.String()
}

// JoinedAt opens a further store in a's topic that listens.
func JoinedAt(t *testing.T, a *xaeroflux.DB, o *xaeroflux.Options, name string) (*xaeroflux.DB, string) {
	t.Helper()
	with := *o
	with.Invite = Invited(a)
	db := Open(t, filepath.Join(t.TempDir(), name), &with)
	addr, err := db.Listen(ctx, name+":0")
	if err != nil {
		t.Fatal(err)
	}
	return db, addr.String()
}

// SplitBrain makes two copies of a store with common events in them, and
// appends to both.
func SplitBrain(t *testing.T, o *xaeroflux.Options, common, one, other int) (a, copied *xaeroflux.DB) {
	t.Helper()
	a = Open(t, filepath.Join(t.TempDir(), "a"), o)
	for done := 0; done < common; done += 1000 {
		MustAppend(t, a, min(1000, common-done), "event %d, before the copy was made")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(a.Dir())); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "identity.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	adopted := *o
	adopted.Adopt = true // against what it says, as both are used
	a, copied = Open(t, a.Dir(), o), Open(t, dir, &adopted)
	for done := 0; done < one; done += 1000 {
		MustAppend(t, a, min(1000, one-done), "event %d of the first copy")
	}
	for done := 0; done < other; done += 1000 {
		MustAppend(t, copied, min(1000, other-done), "event %d of the second copy, which is another one")
	}
	return a, copied
}

// MustSync has a sync with the store at an address, which it has to end within a minute.
func MustSync(t testing.TB, a *xaeroflux.DB, addr string) xaeroflux.SyncReport {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	r, err := a.Sync(limit, addr)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Dialed is an address as the carriers of tests take it.
func Dialed(a xaeroflux.Address) identity.Address {
	return identity.Address{Peer: identity.PeerID(a.Peer), Host: a.Host}
}

// ConnectedTo reports whether a store has a session with a peer that shares a topic.
func ConnectedTo(db *xaeroflux.DB, p xaeroflux.PeerID) bool {
	for _, s := range db.Peers() {
		if s.Peer == p && s.Topics > 0 {
			return true
		}
	}
	return false
}
