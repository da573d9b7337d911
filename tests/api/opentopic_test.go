// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestOpenTopicBeforeItsRoster: as long as nobody wrote to the roster of an open topic, its
// genesis says who founded it, in every store; a take-over begins it, and goes to all.
func TestOpenTopicBeforeItsRoster(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "square", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	invite := Invited(at)
	b, addr := listening(t, "b", &xaeroflux.Options{Invite: invite})
	bt := TopicOf(t, b)
	wrote(t, at, "of a")
	wrote(t, bt, "of b")
	MustSync(t, a, addr)
	author := at.Log().Author()
	var owner xaeroflux.AccountKey
	for _, topic := range []*xaeroflux.Topic{at, bt} {
		m, err := topic.Members()
		Must(t, err)
		if len(m) != 1 || len(m[0].Devices) != 1 || !m[0].Since.IsZero() || m[0].Role != xaeroflux.RoleOwner || m[0].Self != (topic == at) {
			t.Fatalf("members %+v", m)
		}
		if d := m[0].Devices[0]; d.Key != author || d.Log != at.Log().ID() || d.Self != m[0].Self {
			t.Errorf("the device is %+v", d)
		}
		owner = m[0].Account
		if r, err := topic.Roster(); err != nil || r.Term != 0 || r.Size != 0 || r.Steward != author || r.Self != (topic == at) || len(r.Faults) > 0 {
			t.Errorf("the roster is %+v, %v", r, err)
		}
		if s, err := topic.Standing(); err != nil || s.State != xaeroflux.StandingOpen {
			t.Errorf("standing %+v, %v", s, err)
		}
		for what, err := range map[string]error{
			"remove": topic.Remove(ctx, owner), "role": topic.SetRole(ctx, owner, xaeroflux.RoleReader), "hand over": topic.Handover(ctx, bt.Log().Author()),
		} {
			if !errors.Is(err, xaeroflux.ErrRole) && !errors.Is(err, xaeroflux.ErrNotAsked) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := topic.Remove(ctx, xaeroflux.AccountKey{1}); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("a stranger is removed: %v", err)
		}
	}
	if r, err := at.Roster(); err != nil || r.Size > 0 {
		t.Errorf("what was refused began the roster: %+v, %v", r, err)
	}
	if err := bt.TakeOver(ctx); !errors.Is(err, xaeroflux.ErrNotOwner) {
		t.Errorf("somebody else takes over: %v", err)
	}

	Must(t, at.TakeOver(ctx))
	MustSync(t, a, addr)
	c := Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Invite: invite})
	MustSync(t, c, addr)
	want, err := at.Roster()
	Must(t, err)
	if want.Term != 1 || want.Size != 2 || !want.Self {
		t.Errorf("after a take-over the roster is %+v", want)
	}
	for _, topic := range []*xaeroflux.Topic{bt, TopicOf(t, c)} {
		if r, err := topic.Roster(); err != nil || r.Term != want.Term || r.Root != want.Root || r.Steward != author {
			t.Errorf("elsewhere it is %+v, want %+v, %v", r, want, err)
		}
		m, err := topic.Members()
		if err != nil || len(m) != 1 || m[0].Account != owner || m[0].Since.IsZero() || m[0].Devices[0].Log != at.Log().ID() {
			t.Errorf("members %+v, %v", m, err)
		}
	}
	Must(t, at.TakeOver(ctx))
	if r, err := at.Roster(); err != nil || r.Term != 2 {
		t.Errorf("taken over twice: %+v, %v", r, err)
	}
}

// TestOwnersKeyOfAnOpenTopic: the roster of an open topic begins before the store forgets
// the owner's key for the words, which take over in any of the person's.
func TestOwnersKeyOfAnOpenTopic(t *testing.T) {
	o := &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic}
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	before, err := a.CreateTopic(ctx, "before", o)
	Must(t, err)
	phrase := words(t, a)
	after, err := a.CreateTopic(ctx, "after", o)
	Must(t, err)
	for _, topic := range []*xaeroflux.Topic{before, after} {
		Await(t, func() bool { r, err := topic.Roster(); return err == nil && r.Size == 2 && r.Term == 0 })
		Await(t, func() bool { return errors.Is(topic.TakeOver(ctx), xaeroflux.ErrNotOwner) })
	}
	b, addr := linked(t, a, "b", "before", "after")
	for _, name := range []string{"before", "after"} {
		topic := topicNamed(b, name)
		Await(t, func() bool { meet(t, a, addr); r, err := topic.Roster(); return err == nil && r.Size > 0 })
		Must(t, topic.TakeOverByWords(ctx, phrase))
		if r, err := topic.Roster(); err != nil || !r.Self {
			t.Errorf("%s: the roster is %+v, %v", name, r, err)
		}
	}
	Must(t, after.TakeOverByWords(ctx, phrase))
}

// TestRecoverAnOpenTopic: an open topic whose roster did not begin comes back whole.
func TestRecoverAnOpenTopic(t *testing.T) {
	friend, faddr := listening(t, "friend", nil)
	ft, err := friend.CreateTopic(ctx, "square", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	wrote(t, ft, "of the friend")
	a, addr := listening(t, "a", nil)
	phrase := words(t, a)
	_, err = a.Join(ctx, Invited(ft))
	Must(t, err)
	MustSync(t, a, faddr)
	db, got := recovered(t, phrase, &xaeroflux.RecoverOptions{Peers: []string{addr}})
	x := backOf(got, "square")
	if x.State != xaeroflux.RecoveredWhole {
		t.Errorf("it is %+v", x)
	}
	if topic := topicNamed(db, "square"); topic == nil || !texts(t, topic)["note:of the friend"] {
		t.Error("its event is missing")
	}
}
