// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// newcomer is what a device brings that nobody admitted yet: a log that begins with
// an ask by an invite. Its number is not the one that counts in an open topic anyway.
func newcomer(t *testing.T, topic digest.Hash, invite ed25519.PrivateKey) (*messages.Append, *roster.Admit) {
	account, device := identity.Seed{31}.JoinedKey(identity.Generation{}, topic), identity.Seed{32}.JoinedKey(identity.Generation{}, topic)
	card := roster.Card{Account: identity.PublicKey(account), Device: identity.PublicKey(device), PageBytes: 4096, Number: 1}
	ask := &roster.Join{By: roster.ProveInvite(topic, card, invite), Card: roster.SignCard(topic, card, account, device)}
	body, err := roster.EncodeAsk(nil, ask)
	Must(t, err)
	a := &messages.Append{Done: func(error) {}}
	var tree merkleindex.CompactRange
	for _, e := range []event.Event{{Type: ask.Type(), Payload: body}, {Payload: []byte("hello")}} {
		from := len(a.Records)
		a.Records, err = event.AppendRecord(a.Records, e, 1, 0)
		Must(t, err)
		r, _, err := event.DecodeRecord(a.Records[from:])
		Must(t, err)
		a.Leaves = append(a.Leaves, r.LeafHash())
		Must(t, tree.Append(r.LeafHash(), nil))
	}
	name := identity.LogName{Topic: topic, Author: identity.PublicKey(device), PageBytes: 4096, Number: 1}
	a.Log, a.Create = name.ID(), &messages.NewLog{LogName: name}
	root := merkleindex.Bag(tree.Hashes)
	a.Remote = &messages.Proven{Head: proof.Sign(device, a.Log, 2, root), Root: root, Time: 1}
	return a, &roster.Admit{Ask: roster.AskRef{Log: a.Log}, Role: roster.Writer, By: &ask.By, Card: ask.Card}
}

// provisional checks that a store holds a log, and whether it is in no digest.
func provisional(t *testing.T, dir string, topic, log digest.Hash, want bool) (set digest.Set) {
	t.Helper()
	Edit(t, dir, func(s *store.Store) {
		l, err := s.Log(log)
		Must(t, err)
		if l.State().Size != 2 || l.Provisional() != want {
			t.Errorf("%d events, provisional %v, want 2, %v", l.State().Size, l.Provisional(), want)
		}
		set, err = s.Summary(topic)
		Must(t, err)
	})
	return set
}

// TestANewcomersLogGoesOn: a log that the roster does not admit goes from store to store,
// to one that its newcomer never met, and counts everywhere once it is admitted.
func TestANewcomersLogGoesOn(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")}
	a := Open(t, dirs[0], Small())
	o := Small()
	o.Invite = Invited(a)
	b := Open(t, dirs[1], o)
	MustAppend(t, b, 3, "event %d")
	topic := digest.Hash(TopicOf(t, b).ID())
	Must(t, a.Close())
	invite := identity.Seed{33}.JoinedKey(identity.Generation{}, topic)
	came, admit := newcomer(t, topic, invite)
	Edit(t, dirs[0], func(s *store.Store) {
		at, err := s.Topic(topic)
		Must(t, err)
		done, err := s.NewCommitter().Commit(&store.Work{Appends: []*messages.Append{came}})
		Must(t, err)
		if err := done.Appends[0].Refused; !errors.Is(err, syncer.ErrUnadmitted) {
			t.Fatalf("before there is an invite: %v", err)
		}
		WriteRoster(t, s, at.Roster(), &roster.MakeInvite{Invite: roster.Invite{Key: identity.PublicKey(invite), Role: roster.Writer, Uses: 1}})
	})
	Edit(t, dirs[0], func(s *store.Store) {
		done, err := s.NewCommitter().Commit(&store.Work{Appends: []*messages.Append{came}})
		Must(t, err)
		Must(t, done.Appends[0].Refused)
	})
	log := xaeroflux.LogID(came.Log)
	meet := func(from, to string, options *xaeroflux.Options) {
		a, b := Open(t, from, Small()), Open(t, to, options)
		addr, err := a.Listen(ctx, "127.0.0.1:0")
		Must(t, err)
		MustSync(t, b, addr.String())
		Await(t, func() bool { l, err := b.Log(log); return err == nil && l.Size() == 2 })
		Must(t, a.Close())
		Must(t, b.Close())
	}
	Must(t, b.Close())
	meet(dirs[0], dirs[1], o)
	meet(dirs[1], dirs[2], o)
	want := provisional(t, dirs[0], topic, came.Log, true)
	for _, dir := range dirs {
		if got := provisional(t, dir, topic, came.Log, true); got != want || got.Count != 1 {
			t.Errorf("%s: the digest is %+v, want %+v", filepath.Base(dir), got, want)
		}
	}
	Edit(t, dirs[0], func(s *store.Store) {
		at, err := s.Topic(topic)
		Must(t, err)
		WriteRoster(t, s, at.Roster(), admit)
	})
	meet(dirs[0], dirs[1], o)
	meet(dirs[1], dirs[2], o)
	want = provisional(t, dirs[0], topic, came.Log, false)
	for _, dir := range dirs {
		if got := provisional(t, dir, topic, came.Log, false); got != want || got.Count != 2 {
			t.Errorf("%s: the digest is %+v, want %+v", filepath.Base(dir), got, want)
		}
	}
}
