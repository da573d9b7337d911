// SPDX-License-Identifier: MPL-2.0

package doctor

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/repair"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A kindRow is a row of one kind.
type kindRow struct{ key, value []byte }

func rowOfKind[K, V any](t *layout.Table[K, V], k K, v V) (*layout.Kind, kindRow) {
	return &t.Kind, kindRow{t.Key(k), t.Value(v)}
}

// nobody is a repair.Fetcher of a peer that holds no log.
type nobody struct{}

func (nobody) Pages(context.Context, *layout.Topic, *syncer.Refetch, uint64) error {
	return syncer.ErrNoLog
}
func (nobody) Rest(context.Context, *layout.Topic, func() *syncer.Refetch) error {
	return syncer.ErrNoLog
}
func (nobody) Close() error { return nil }

// formerLog stores a log that the store wrote as the device that it was: three
// events with ids, under a head.
func formerLog(t *testing.T, s *store.Store, topic *layout.Topic) (row aof.LogRow, ids map[string][]byte) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	row = aof.NewLogRow(identity.DataLog(topic.ID, identity.PublicKey(key), 4096), false)
	var records []byte
	var leaves []digest.Hash
	ids = map[string][]byte{}
	for i := range uint64(3) {
		e := event.Event{ID: event.ID{byte(i + 1)}, Type: "t", Payload: []byte("x")}
		var err error
		if records, err = event.AppendRecord(records, e, int64(100+i), 0); err != nil {
			t.Fatal(err)
		}
		leaf, err := e.LeafHash(int64(100+i), 0)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
		k := s.IDKey(topic.ID, e.ID)
		ids[string(layout.IDs.Key(k))] = layout.IDs.Value(layout.Written{Log: row.ID, Seq: i, Time: int64(100 + i)})
	}
	m, err := mmrindex.Peaks{}.With(leaves)
	if err != nil {
		t.Fatal(err)
	}
	h := proof.Sign(key, row.ID, 3, m.Root())
	row.Size, row.LastTime, row.HeadSize, row.HeadRoot, row.HeadSig = 3, 102, h.Size, h.Root, h.Sig
	err = s.AOF().Commit(func(txn *aof.Txn) error {
		if err := txn.PutLog(&row); err != nil {
			return err
		}
		return txn.AppendEvents(row.Num, 0, records, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	return row, ids
}

// eachKind returns a row of each kind that a store has only if something happened.
func eachKind(s *store.Store, topic *layout.Topic, former aof.LogRow) map[*layout.Kind]kindRow {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	forked := identity.DataLog(topic.ID, identity.PublicKey(key), 4096)
	a, b := proof.Sign(key, forked.ID(), 3, digest.Hash{1}), proof.Sign(key, forked.ID(), 3, digest.Hash{2})
	rows := map[*layout.Kind]kindRow{}
	put := func(k *layout.Kind, r kindRow) { rows[k] = r }
	put(rowOfKind(layout.Agreements, layout.AgreementKey{Peer: identity.PeerID{1}, Topic: topic.ID}, layout.Agreement{Set: digest.Set{Count: 3}, Use: 7}))
	put(rowOfKind(layout.Peers, identity.PeerID{1}, append([]byte{1}, make([]byte, 23)...)))
	put(rowOfKind(layout.Progress, layout.ProgressKey{Actor: "tags", Log: former.ID}, 2))
	put(rowOfKind(layout.Moves, layout.Only{}, &layout.Move{From: identity.PeerID{1}, To: s.Device().PeerID(), At: time.UnixMilli(4)}))
	put(rowOfKind(layout.Restores, layout.Only{}, time.UnixMilli(5)))
	put(rowOfKind(layout.Unmet, topic.ID, time.UnixMilli(5)))
	put(rowOfKind(layout.Formers, layout.FormerKey{Topic: topic.ID, Author: former.Author}, former.ID))
	put(rowOfKind(layout.Copies, former.ID, layout.Copy{Topic: topic.ID, Log: former.ID, Author: former.Author, Seen: time.UnixMilli(6)}))
	put(rowOfKind(layout.Homes, layout.Only{}, layout.Home{Topic: digest.Hash{8}}))
	put(rowOfKind(layout.SuccessorKeys, former.Author, identity.Secret{3}))
	put(rowOfKind(layout.Petnames, layout.PetnameKey{Topic: topic.ID, Account: former.Author}, naming.Petname{Given: 5, Name: "Ben"}))
	put(rowOfKind(layout.NamedLogs, former.ID, layout.Named{To: 3, Root: digest.Hash{1}}))
	put(rowOfKind(layout.Follows, topic.ID, []digest.Hash{{1}, {2}}))
	put(rowOfKind(layout.Legs, topic.ID, []digest.Hash{{1}, {2}}))
	put(rowOfKind(layout.Invited, topic.ID, identity.Position{Size: 3, Root: digest.Hash{1}}))
	put(rowOfKind(layout.Resumed, topic.ID, identity.Position{Size: 3, Root: digest.Hash{1}}))
	put(rowOfKind(layout.SignedLegs, former.ID, layout.Tip{Size: 3, Root: digest.Hash{1}}))
	put(rowOfKind(layout.Unasked, former.ID, layout.Stretch{To: 7}))
	put(rowOfKind(layout.KEMKeys, topic.ID, []layout.KEMKey{{Recipient: former.Author, Seed: identity.Secret{1}}}))
	put(rowOfKind(layout.EpochSecrets, layout.EpochKey{Topic: topic.ID, Epoch: digest.Hash{9}}, layout.EpochSecret{Number: 1, Join: identity.Secret{2}}))
	put(rowOfKind(layout.Forks, forked.ID(), proof.NewFork(forked, a, b, digest.Hash{}, nil)))
	put(rowOfKind(layout.Cosigned, former.ID, layout.Tip{Size: 3, Root: former.HeadRoot}))
	put(rowOfKind(layout.Forgets, layout.Only{}, time.UnixMilli(8)))
	put(rowOfKind(layout.Cosignatures, former.ID, []layout.CosignedHead{{Head: former.Head()}}))
	put(rowOfKind(layout.Doubts, digest.Hash{4}, proof.Head{Log: digest.Hash{4}, Size: 5}))
	put(rowOfKind(layout.Ranges, layout.RangeKey{Log: former.ID, First: 7, End: 8}, &layout.Range{}))
	return rows
}

// allRows returns the small rows of an AOF by kind.
func allRows(t *testing.T, a *aof.Store) map[*layout.Kind]map[string][]byte {
	t.Helper()
	all := map[*layout.Kind]map[string][]byte{}
	for _, k := range layout.Kinds {
		all[k] = map[string][]byte{}
	}
	err := a.View(func(v *aof.View) error {
		for _, name := range layout.Buckets() {
			err := v.ForEach(aof.BucketNamed(name), nil, func(key, value []byte) error {
				all[layout.KindOf(name, key)][string(key)] = bytes.Clone(value)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each kind of row that there is comes through a repair that makes a new AOF as
// its table says: a kind that repair does not know of fails here.
func TestRepairKnowsEachKindOfRow(t *testing.T) {
	s, topic := newStore(t)
	former, ids := formerLog(t, s, topic)
	rows := eachKind(s, topic, former)
	err := s.AOF().Commit(func(txn *aof.Txn) error {
		for k, r := range rows {
			if err := txn.Put(aof.BucketOf(*k), r.key, r.value); err != nil {
				return fmt.Errorf("%s: %w", k.Name, err)
			}
		}
		for key, value := range ids {
			if err := txn.Put(aof.IDs, []byte(key), value); err != nil {
				return err
			}
		}
		n, err := device.CountClosing(txn)
		if err == nil {
			err = durable.OS.WriteFileAtomic(filepath.Join(s.Dir(), layout.ClosedName), layout.EncodeClosed(n), 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := allRows(t, s.AOF())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(s.Dir(), layout.AOFName, layout.DataName)
	f, err := os.OpenFile(data, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 8192), 0); err != nil { // both meta pages
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Repair(t.Context(), durable.OS, s.Dir(), repair.Options{
		Now:   time.Now(),
		Fetch: func(identity.Device, map[identity.PeerID][]byte) (repair.Fetcher, error) { return nobody{}, nil },
	})
	if err != nil || len(r.Left) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	a, err := aof.Open(filepath.Join(s.Dir(), layout.AOFName), aof.Options{MustExist: true, Key: s.Device().Seed.StoreKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	after := allRows(t, a)
	for _, k := range layout.Kinds {
		if len(before[k]) == 0 {
			t.Errorf("%s: the store had no such row", k.Name)
		}
		switch k.Salvage {
		case layout.Keep, layout.Weigh, layout.Rebuild:
			for key, want := range before[k] {
				if got := after[k][key]; !bytes.Equal(got, want) {
					t.Errorf("%s under %q: %x after the repair, was %x", k.Name, key, got, want)
				}
			}
		case layout.GiveUp:
			if len(after[k]) > 0 || !strings.Contains(fmt.Sprint(r.Done), k.Loss) {
				t.Errorf("%s: %d rows after the repair, which says nothing of %q", k.Name, len(after[k]), k.Loss)
			}
		default:
			t.Errorf("%s: nothing says what a repair does with it", k.Name)
		}
	}
	if len(after[&layout.Forgets.Kind]) == 0 {
		t.Error("a witness whose rows were salvaged cosigns")
	}
}

// Of two rows under one key a repair takes the newer, wherever it lies.
func TestNewerRowIsSalvaged(t *testing.T) {
	old, young := layout.Cosigned.Value(layout.Tip{Size: 5}), layout.Cosigned.Value(layout.Tip{Size: 9})
	k, key := &layout.Cosigned.Kind, layout.Cosigned.Key(digest.Hash{1})
	if !k.Newer(key, young, old) || k.Newer(key, old, young) || !k.Newer(key, old, []byte("torn")) || k.Newer(key, []byte("torn"), old) {
		t.Error("the wrong row is kept")
	}
}
