// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A host is a store that founded a topic of members, of which it is the steward.
type host struct {
	t     *testing.T
	dir   string
	db    *xaeroflux.DB
	topic *xaeroflux.Topic
	addr  string
}

func newHost(t *testing.T, kind xaeroflux.TopicKind) *host {
	t.Helper()
	h := &host{t: t, dir: filepath.Join(t.TempDir(), "host")}
	h.db = Open(t, h.dir, nil)
	var err error
	h.topic, err = h.db.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: kind})
	Must(t, err)
	addr, err := h.db.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	h.addr = addr.String()
	return h
}

func (h *host) append(payload string) {
	h.t.Helper()
	_, err := h.topic.Append(ctx, xaeroflux.Event{Type: "private-type", Key: []byte("private-key"), Payload: []byte(payload)})
	Must(h.t, err)
}

func (h *host) invite(r xaeroflux.Role) string {
	h.t.Helper()
	text, err := h.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: r})
	Must(h.t, err)
	return text
}

// join has a new store join by an invite and waits until it belongs.
func (h *host) join(invite string) (dir string, db *xaeroflux.DB, topic *xaeroflux.Topic) {
	h.t.Helper()
	before := h.members()
	dir = filepath.Join(h.t.TempDir(), "guest")
	db = Open(h.t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	_, err := db.Sync(ctx, h.addr)
	Must(h.t, err)
	Await(h.t, func() bool { return len(h.members()) == len(before)+1 })
	meet(h.t, db, h.addr)
	return dir, db, TopicOf(h.t, db)
}

func (h *host) members() []xaeroflux.Member {
	h.t.Helper()
	all, err := h.topic.Members()
	Must(h.t, err)
	return all
}

func (h *host) removeOthers() {
	h.t.Helper()
	for _, m := range h.members() {
		if !m.Self {
			Must(h.t, h.topic.Remove(ctx, m.Account))
		}
	}
}

// holds reports whether a file in a directory contains some bytes.
func holds(t *testing.T, dir string, b []byte) (found bool) {
	t.Helper()
	Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		all, err := os.ReadFile(path)
		found = found || bytes.Contains(all, b)
		return err
	}))
	return found
}

// TestReplicaHoldsNoPlaintext: what was appended to a private topic is in no file of a
// replica, nor of its author; in a plain one it is in the files of both.
func TestReplicaHoldsNoPlaintext(t *testing.T) {
	for kind, plain := range map[xaeroflux.TopicKind]bool{xaeroflux.PrivateTopic: false, xaeroflux.PlainTopic: true} {
		h := newHost(t, kind)
		h.append("a present for Ben")
		dir, db, topic := h.join(h.invite(xaeroflux.RoleReplica))
		Await(t, func() bool { return len(texts(t, topic)) == 1 })
		Must(t, errors.Join(db.Close(), h.db.Close()))
		for _, text := range []string{"a present for Ben", "private-type", "private-key"} {
			if holds(t, dir, []byte(text)) != plain {
				t.Errorf("%v: %q is in the replica's files: %v", kind, text, !plain)
			}
			if holds(t, h.dir, []byte(text)) != plain {
				t.Errorf("%v: %q is in its author's files: %v", kind, text, !plain)
			}
		}
	}
}

// TestRemovedMemberOpensNothingLater: a removed member that gets hold of the bytes that
// were written after its removal opens none of them with what its store holds.
func TestRemovedMemberOpensNothingLater(t *testing.T) {
	h := newHost(t, xaeroflux.PrivateTopic)
	h.append("before")
	dir, db, _ := h.join(h.invite(xaeroflux.RoleWriter))
	h.removeOthers()
	h.append("after")
	Await(t, func() bool { // it gets the roster; a session that was there may not know yet
		_, err := db.Sync(ctx, h.addr)
		return errors.Is(err, xaeroflux.ErrNotShared)
	})
	log := digest.Hash(h.topic.Log().ID())
	Must(t, errors.Join(db.Close(), h.db.Close()))
	written := openFiles(t, h.dir)
	removed := openFiles(t, dir)
	for seq, want := range map[uint64]string{0: "before", 1: "after"} {
		rec := recordAt(t, written, log, seq)
		l, err := removed.Log(log)
		Must(t, err)
		plain, err := removed.Open(l, &rec)
		if want == "before" && (err != nil || string(plain.Payload) != want) {
			t.Errorf("the removed one opens event %d as %q, %v", seq, plain.Payload, err)
		}
		if plain, err := written.Open(l, &rec); err != nil || string(plain.Payload) != want {
			t.Errorf("its author opens event %d as %q, %v", seq, plain.Payload, err)
		}
		if want == "after" && !errors.Is(err, store.ErrSealed) {
			t.Errorf("the removed one opens event %d as %q, %v", seq, plain.Payload, err)
		}
	}
}

func openFiles(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{Look: true})
	Must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func recordAt(t *testing.T, s *store.Store, log digest.Hash, seq uint64) (rec event.Record) {
	t.Helper()
	l, err := s.Log(log)
	Must(t, err)
	Must(t, s.Read(l, seq, seq+1, func(run store.Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			rec = *r
			rec.Payload = bytes.Clone(r.Payload)
			return nil
		})
	}))
	return rec
}

// TestLobbyKeyIsNotEnough: a store that has all of an invite but the join key and the key
// of the invite learns that the topic is there, and gets nothing of it.
func TestLobbyKeyIsNotEnough(t *testing.T) {
	h := newHost(t, xaeroflux.PrivateTopic)
	h.append("a present for Ben")
	inv, err := identity.ParseInvite(h.invite(xaeroflux.RoleWriter))
	Must(t, err)
	inv.Keys.Join, inv.Seed, inv.Roster = identity.Secret{1}, identity.Secret{2}, nil
	text, err := inv.Encode()
	Must(t, err)
	db := Open(t, filepath.Join(t.TempDir(), "stranger"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: text})
	if _, err := db.Sync(ctx, h.addr); err == nil {
		t.Error("a sync with a member went well")
	}
	topic := TopicOf(t, db)
	logs, err := topic.Logs()
	Must(t, err)
	for _, l := range logs {
		if _, size := l.Root(); size > 0 && l.ID() != topic.Log().ID() {
			t.Errorf("it holds %d events of log %s", size, l.ID().Short())
		}
	}
	if members, err := topic.Members(); err == nil && len(members) > 0 {
		t.Errorf("it knows the members: %v", members)
	}
	if n := len(h.members()); n != 1 {
		t.Errorf("the topic has %d members", n)
	}
}

// TestUsedInviteReadsUntilTheNextEpoch: an invite that nobody can be admitted by any more
// goes on to open what is sealed, until the steward makes an epoch: with the next removal
// at the latest, else a day later (TestUsedInvite). Its finder appends nothing.
func TestUsedInviteReadsUntilTheNextEpoch(t *testing.T) {
	h := newHost(t, xaeroflux.PrivateTopic)
	h.append("before")
	invite := h.invite(xaeroflux.RoleWriter)
	h.join(invite)
	finder := Open(t, filepath.Join(t.TempDir(), "finder"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	meet(t, finder, h.addr)
	topic := TopicOf(t, finder)
	Await(t, func() bool { return texts(t, topic)["private-type:before"] })
	if _, err := topic.Append(ctx, xaeroflux.Event{Payload: []byte("of the finder")}); !errors.Is(err, xaeroflux.ErrInviteUsed) {
		t.Errorf("the finder appends: %v", err)
	}
	meet(t, finder, h.addr)
	if n := len(h.members()); n != 2 {
		t.Errorf("the topic has %d members", n)
	}
	h.removeOthers()
	h.append("after")
	if _, err := finder.Sync(ctx, h.addr); err == nil {
		t.Error("a sync of the finder after a removal went well")
	}
	if got := texts(t, topic); got["private-type:after"] {
		t.Errorf("after a removal the finder reads %v", got)
	}
	if got := texts(t, h.topic); len(got) != 2 {
		t.Errorf("the host reads %v", got)
	}
}
