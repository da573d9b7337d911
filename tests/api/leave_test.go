// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// elsewhere gives a store another default topic, so that it can leave this one.
func (p person) elsewhere(t *testing.T) {
	t.Helper()
	other, err := p.CreateTopic(ctx, "other", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	Must(t, p.SetDefault(ctx, other.ID()))
}

// TestLeaveAsks: who leaves is removed by the steward first, and everybody sees it.
func TestLeaveAsks(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{})
	b.elsewhere(t)
	b.says(t, "before")
	meet(t, a.DB, b.addr)

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	a.DB.ForgetPeer(b.PeerID())
	if err := b.Leave(short, nil); err != nil && !errors.Is(err, xaeroflux.ErrAsked) {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- b.Leave(ctx, nil) }()
	Await(t, func() bool {
		b.tries(t, a.addr)
		select {
		case err := <-left:
			Must(t, err)
			return true
		default:
			return false
		}
	})
	if n := b.asks(t, "leave"); n[xaeroflux.AskDone] != 1 || len(n) != 1 {
		t.Errorf("it asked %v", n)
	}
	if members, err := a.Members(); err != nil || len(members) != 1 {
		t.Errorf("members are %+v, %v", members, err)
	}
	if !a.reads(t, "before") || !b.reads(t, "before") {
		t.Error("what it had appended is gone")
	}
	if _, err := b.Topic.Append(ctx, xaeroflux.Event{}); err == nil {
		t.Error("who left appends")
	}
	for _, topic := range b.Topics() {
		if topic.ID() == a.Topic.ID() {
			t.Error("the topic that was left is named")
		}
	}
	_, err := b.Join(ctx, a.invite(t, xaeroflux.InviteOptions{}))
	Must(t, err)
	meet(t, b.DB, a.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
}

// TestWhoDoesNotLeave: the steward hands over first, and the owner keeps the key, unless
// each is alone.
func TestWhoDoesNotLeave(t *testing.T) {
	a := founder(t, nil)
	if err := a.Leave(ctx, nil); err != nil {
		t.Errorf("an owner who is alone: %v", err)
	}
	a = founder(t, nil)
	node := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	for _, o := range []*xaeroflux.LeaveOptions{nil, {WithoutAsking: true}, {Delete: true}} {
		if err := a.Leave(ctx, o); !errors.Is(err, xaeroflux.ErrSteward) {
			t.Errorf("the steward with %+v: %v", o, err)
		}
	}
	if err := node.Leave(ctx, nil); !errors.Is(err, xaeroflux.ErrOptions) || len(node.asks(t, "leave")) > 0 {
		t.Errorf("the default topic: %v, and asked %v", err, node.asks(t, "leave"))
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_ = node.AskHandover(short)
	Await(t, func() bool {
		meet(t, a.DB, node.addr)
		return a.Handover(ctx, node.Topic.Log().Author()) == nil
	})
	meet(t, a.DB, node.addr)
	if err := a.Leave(ctx, &xaeroflux.LeaveOptions{Delete: true}); !errors.Is(err, xaeroflux.ErrOwnerKey) {
		t.Errorf("the owner deletes: %v", err)
	}
	Must(t, a.Leave(ctx, nil))
	node.elsewhere(t)
	Must(t, node.DB.Close())
	node = node.again(t, nil)
	if err := node.Leave(ctx, nil); !errors.Is(err, xaeroflux.ErrSteward) {
		t.Errorf("the new steward: %v", err)
	}
}

// bytesOf returns what a directory holds.
func bytesOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	Must(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i, err := d.Info()
		if err == nil {
			sum += i.Size()
		}
		return err
	}))
	return sum
}

// TestLeaveDeletes: what is held of a topic that is left for good is gone once the store
// was opened again, and all else is there.
func TestLeaveDeletes(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{})
	b.elsewhere(t)
	_, err := b.DB.Append(ctx, xaeroflux.Event{Payload: []byte("kept")})
	Must(t, err)
	for range 40 {
		_, err := b.Topic.AppendBatch(ctx, Payloads(100, 1000))
		Must(t, err)
	}
	_, err = b.Topic.Append(ctx, xaeroflux.Event{ID: xaeroflux.EventID{1}, Payload: []byte("named")})
	Must(t, err)
	meet(t, b.DB, a.addr)
	id, own := b.Topic.ID(), b.Topic.Log().ID()
	Must(t, b.Leave(ctx, &xaeroflux.LeaveOptions{Delete: true, WithoutAsking: true}))
	if _, err := b.DB.Topic(id); err != nil {
		t.Errorf("until it is opened again: %v", err)
	}
	Must(t, b.DB.Close())
	before := bytesOf(t, b.dir)

	b.DB = Open(t, b.dir, nil)
	if _, err := b.DB.Topic(id); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("the topic: %v", err)
	}
	if _, err := b.DB.Log(own); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("the own log in it: %v", err)
	}
	if got := texts(t, TopicOf(t, b.DB)); !got[":kept"] {
		t.Errorf("of the other topic is read %v", got)
	}
	entries, err := os.ReadDir(filepath.Join(b.dir, "logs"))
	Must(t, err)
	for _, e := range entries {
		if l, err := xaeroflux.ParseLogID(e.Name()); err == nil {
			if _, err := b.DB.Log(l); err != nil {
				t.Errorf("logs/%s is left: %v", e.Name(), err)
			}
		}
	}
	Must(t, b.DB.Close())
	CheckClean(t, b.dir)
	if after := bytesOf(t, b.dir); before-after < 2<<20 {
		t.Errorf("of %d bytes %d are left", before, after)
	}

	b.DB = Open(t, b.dir, nil)
	if _, err := b.DB.Join(ctx, a.invite(t, xaeroflux.InviteOptions{})); !errors.Is(err, xaeroflux.ErrDeleted) {
		t.Errorf("it joins again: %v", err)
	}
}

// TestLeaveDeletesThroughCrashes: wherever the deletion is cut off, the next opening goes
// on, and nothing else of the store is touched.
func TestLeaveDeletesThroughCrashes(t *testing.T) {
	b := founder(t, Small())
	b.elsewhere(t)
	_, err := b.DB.Append(ctx, xaeroflux.Event{Payload: []byte("kept")})
	Must(t, err)
	for range 4 {
		_, err := b.Topic.AppendBatch(ctx, Payloads(20, 1000))
		Must(t, err)
	}
	_, err = b.Topic.Append(ctx, xaeroflux.Event{ID: xaeroflux.EventID{1}, Payload: []byte("named")})
	Must(t, err)
	Must(t, b.Leave(ctx, &xaeroflux.LeaveOptions{Delete: true}))
	id, own := b.Topic.ID(), b.Topic.Log().ID()
	Must(t, b.DB.Close())
	crashes := 0
	for cutOff := true; cutOff; crashes++ {
		dir, calls := Copied(t, b.dir), 0
		crash := func() error {
			if calls++; calls > crashes {
				return durable.ErrCrashed
			}
			return nil
		}
		faulty := durable.NewFaulty(durable.OS, func(op durable.Op, _ string) error {
			if op.Mutates() {
				return crash()
			}
			return nil
		})
		s, err := store.Open(dir, store.Options{MapBytes: 64 << 20, FS: faulty, Adopt: true, Fault: func(string) error { return crash() }})
		if cutOff = err != nil || calls > crashes; s != nil {
			_ = s.Close()
		}
		db := Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
		if _, err := db.Topic(id); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
			t.Errorf("after a crash at call %d: the topic: %v", crashes, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "logs", own.String())); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after a crash at call %d: its files: %v", crashes, err)
		}
		if got := texts(t, TopicOf(t, db)); !got[":kept"] || len(got) != 1 {
			t.Errorf("after a crash at call %d: read is %v", crashes, got)
		}
		Must(t, db.Close())
		CheckClean(t, dir)
	}
	if crashes < 10 {
		t.Errorf("only %d crashes", crashes)
	}
}
