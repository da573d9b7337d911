// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// memberOf returns a member of a topic by account.
func memberOf(t *testing.T, topic *xaeroflux.Topic, account xaeroflux.AccountKey) xaeroflux.Member {
	t.Helper()
	all, err := topic.Members()
	Must(t, err)
	for _, m := range all {
		if m.Account == account {
			return m
		}
	}
	return xaeroflux.Member{}
}

// self returns the account of a store's person in a topic.
func self(t *testing.T, topic *xaeroflux.Topic) xaeroflux.AccountKey {
	t.Helper()
	all, err := topic.Members()
	Must(t, err)
	for _, m := range all {
		if m.Self {
			return m.Account
		}
	}
	return xaeroflux.AccountKey{}
}

// TestNames: what a member claims to be is seen by all, in quotes; a petname wins, here only;
// two who may be taken for each other are told apart by their keys, and so is who wrote what.
func TestNames(t *testing.T) {
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.PrivateTopic, xaeroflux.PlainTopic} {
		t.Run(kind.String(), func(t *testing.T) { testNames(t, kind) })
	}
}

func testNames(t *testing.T, kind xaeroflux.TopicKind) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: kind})
	Must(t, err)
	Must(t, at.Claim(ctx, "Ada"))
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{Role: xaeroflux.RoleReader, WithoutPlaces: true})
	Must(t, err)
	b, addr := listening(t, "b", &xaeroflux.Options{Invite: invite})
	bt := topicNamed(b, "family")
	Await(t, func() bool { meet(t, a, addr); return self(t, bt) != xaeroflux.AccountKey{} })
	ada, ben := self(t, at), self(t, bt)
	if got := memberOf(t, bt, ada); got.Name != `"Ada"` || got.Claim != "Ada" || got.Petname != "" {
		t.Errorf("the founder is %+v", got)
	}
	Must(t, bt.Claim(ctx, "Ben")) // who may read only says what to be called
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, at, ben).Name == `"Ben"` })
	Must(t, bt.Claim(ctx, "Аda")) // with a letter of another script
	short := " (" + ben.Short() + ")"
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, at, ben).Name == `"Аda"`+short })
	if got := memberOf(t, at, ada).Name; got != `"Ada" (`+ada.Short()+")" {
		t.Errorf("the one who was Ada first is %s", got)
	}

	Must(t, at.SetPetname(ctx, ben, "Benny"))
	if got := memberOf(t, at, ben); got.Name != "Benny" || got.Claim != "Аda" {
		t.Errorf("with a petname: %+v", got)
	}
	meet(t, a, addr)
	if got := memberOf(t, bt, ben); got.Petname != "" {
		t.Errorf("a petname got to another person: %+v", got)
	}
	Must(t, at.SetPetname(ctx, ben, ""))
	if got := memberOf(t, at, ben).Name; got != `"Аda"`+short {
		t.Errorf("without a petname: %s", got)
	}
	Must(t, bt.Claim(ctx, ""))
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, at, ben).Name == "" })

	_, err = at.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("of Ada")})
	Must(t, err)
	Await(t, func() bool { meet(t, a, addr); return texts(t, bt)["note:of Ada"] })
	for rec, err := range bt.Events(ctx, xaeroflux.Query{}) {
		Must(t, err)
		if rec.Account != ada {
			t.Errorf("%s was written by %v", rec.Payload, rec.Account)
		}
	}
	names, err := bt.Names()
	Must(t, err)
	if names[ada] != `"Ada"` || len(names) != 1 {
		t.Errorf("names are %v", names)
	}
}

// TestNamesThatAreNone: nothing is said by them, and an open topic knows nobody.
func TestNamesThatAreNone(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", nil)
	Must(t, err)
	for _, name := range []string{" Ada", "Ada\n", "\u202eadA", "Ad\u200ba", "\xff"} {
		if err := at.Claim(ctx, name); !errors.Is(err, xaeroflux.ErrName) {
			t.Errorf("to be called %q: %v", name, err)
		}
		if err := at.SetPetname(ctx, self(t, at), name); !errors.Is(err, xaeroflux.ErrName) {
			t.Errorf("to call somebody %q: %v", name, err)
		}
	}
	if err := at.SetPetname(ctx, xaeroflux.AccountKey{1}, "Eve"); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a petname of nobody: %v", err)
	}
	open, err := a.CreateTopic(ctx, "square", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	if err := open.Claim(ctx, "Ada"); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a name in an open topic: %v", err)
	}
	_, err = open.Append(ctx, xaeroflux.Event{Type: "note"})
	Must(t, err)
	for rec, err := range open.Events(ctx, xaeroflux.Query{}) {
		Must(t, err)
		if !rec.Account.IsZero() {
			t.Errorf("an open topic knows %v", rec.Account)
		}
	}
}

// TestNamesAreKept: after the store was opened again, of a log that is longer than what is
// read of it anew.
func TestNamesAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	at, err := a.CreateTopic(ctx, "family", nil)
	Must(t, err)
	Must(t, at.Claim(ctx, "Ada"))
	events := make([]xaeroflux.Event, 5000)
	_, err = at.AppendBatch(ctx, events)
	Must(t, err)
	me := self(t, at)
	Must(t, at.SetPetname(ctx, me, "Me"))
	log := at.Log().ID()
	Must(t, a.Close())
	if b, err := os.ReadFile(filepath.Join(dir, "aof", "data.mdb")); err != nil || !bytes.Contains(b, append([]byte("named "), log[:]...)) {
		t.Errorf("nothing is kept of what was read (%v)", err)
	}
	a = Open(t, dir, nil)
	at = topicNamed(a, "family")
	if got := memberOf(t, at, me); got.Claim != "Ada" || got.Name != "Me" {
		t.Errorf("opened again: %+v", got)
	}
	Must(t, at.Claim(ctx, "Ada Lovelace"))
	if got := memberOf(t, at, me); got.Claim != "Ada Lovelace" {
		t.Errorf("said anew: %+v", got)
	}
}

// TestPetnamesReachOwnDevices: a person's other devices call people the same, in topics of
// the past and of the future; the last name wins.
func TestPetnamesReachOwnDevices(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", nil)
	Must(t, err)
	me := self(t, at)
	Must(t, at.SetPetname(ctx, me, "Me"))
	words(t, a)
	b, addr := linked(t, a, "b", "family")
	bt := topicNamed(b, "family")
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, bt, me).Name == "Me" })
	Must(t, bt.SetPetname(ctx, me, "Myself"))
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, at, me).Name == "Myself" })
	Must(t, at.SetPetname(ctx, me, ""))
	Await(t, func() bool { meet(t, a, addr); return memberOf(t, bt, me).Name == "" })
}

// TestClaimBehindACut: what a member claimed counts as far as its log does, also for a store
// that read what lies behind the cut before.
func TestClaimBehindACut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	at, err := a.CreateTopic(ctx, "family", nil)
	Must(t, err)
	others, addrs := make([]*xaeroflux.DB, 2), make([]string, 2)
	for i, name := range []string{"b", "c"} {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		others[i], addrs[i] = listening(t, name, &xaeroflux.Options{Invite: invite})
		Await(t, func() bool {
			meet(t, a, addrs[i])
			return self(t, topicNamed(others[i], "family")) != xaeroflux.AccountKey{}
		})
	}
	bt, ct := topicNamed(others[0], "family"), topicNamed(others[1], "family")
	ben := self(t, bt)
	called := func(topic *xaeroflux.Topic) string {
		names, err := topic.Names()
		Must(t, err)
		return names[ben]
	}
	Must(t, bt.Claim(ctx, "Ben"))
	Await(t, func() bool { meet(t, a, addrs[0]); meet(t, a, addrs[1]); return called(ct) == `"Ben"` })
	Must(t, a.Close())
	Must(t, bt.Claim(ctx, "Benny"))
	Await(t, func() bool { meet(t, others[1], addrs[0]); return called(ct) == `"Benny"` })
	a = Open(t, dir, nil)
	at = topicNamed(a, "family")
	Must(t, at.TrustRoster(ctx))
	Must(t, at.Remove(ctx, ben))
	Await(t, func() bool { meet(t, a, addrs[1]); return called(ct) == `"Ben"` })
	if got := called(at); got != `"Ben"` {
		t.Errorf("for who removed him he is %s", got)
	}
}
