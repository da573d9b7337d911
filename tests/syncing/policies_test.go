// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// erasableInvite is an invite to a new topic that is open and erasable. No store founds
// such a topic yet, and none writes events into one.
func erasableInvite(t *testing.T) *identity.Invite {
	t.Helper()
	keys, err := identity.NewTopicKeys(nil)
	storetest.Must(t, err)
	account, err := identity.NewAccountSecret(nil)
	storetest.Must(t, err)
	g := identity.Genesis{
		Policy: identity.PolicyOpen | identity.PolicyErasable, PageBytes: 4096, Owner: identity.PublicKey(account.Key()),
		Steward:   identity.PublicKey(ed25519.NewKeyFromSeed(make([]byte, 32))),
		LobbyHash: identity.LobbyHash(keys.Lobby), JoinHash: identity.JoinHash(keys.Join),
	}
	storetest.Must(t, g.Check())
	return &identity.Invite{Genesis: g, Keys: keys}
}

// putSalted puts a log of n salted events into a closed store, as if it had come from a peer.
func putSalted(t *testing.T, dir string, topic identity.TopicID, n uint64) xaeroflux.LogID {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte("an author in an erasable topic ."))
	row := aof.NewLogRow(identity.DataLog(topic, identity.PublicKey(key), 4096), false)
	var records []byte
	var leaves []digest.Hash
	for i := range n {
		e := event.Event{Type: "t", Payload: event.Salted([event.SaltBytes]byte{byte(i), 1}, fmt.Appendf(nil, "event %d of an erasable topic", i))}
		var err error
		records, err = event.AppendRecord(records, e, int64(100+i), event.FlagSalted)
		storetest.Must(t, err)
		leaf, err := e.LeafHash(int64(100+i), event.FlagSalted)
		storetest.Must(t, err)
		leaves = append(leaves, leaf)
	}
	m, err := mmrindex.Peaks{}.With(leaves)
	storetest.Must(t, err)
	h := proof.Sign(key, row.ID, n, m.Root())
	row.Size, row.LastTime, row.HeadSize, row.HeadRoot, row.HeadSig = n, int64(99+n), h.Size, h.Root, h.Sig
	s, err := store.Open(dir, store.Options{})
	storetest.Must(t, err)
	storetest.Must(t, s.AOF().Commit(func(txn *aof.Txn) error {
		if err := txn.PutLog(&row); err != nil {
			return err
		}
		return txn.AppendEvents(row.Num, 0, records, int(n))
	}))
	storetest.Must(t, s.Close())
	return xaeroflux.LogID(row.ID)
}

// The records of a topic are judged by its policy, whichever way they come: by a sync, as
// single ranges, or again when a store is repaired. In a plain topic salted ones would close
// their log.
func TestErasableTopics(t *testing.T) {
	const events = 3000
	invite := erasableInvite(t)
	text, err := invite.Encode()
	storetest.Must(t, err)
	o := storetest.Small()
	o.Invite = text
	dir := t.TempDir()
	a, err := xaeroflux.Open(filepath.Join(dir, "a"), o)
	storetest.Must(t, err)
	storetest.Must(t, a.Close())
	log := putSalted(t, a.Dir(), invite.Topic(), events)
	a = storetest.Open(t, a.Dir(), o)
	ranges := storetest.Open(t, filepath.Join(dir, "ranges"), o)
	synced := storetest.Open(t, filepath.Join(dir, "synced"), o)

	at := listening(t, a)
	for _, last := range []uint64{100, 0} {
		if r := mustFetch(t, ranges, xaeroflux.Fetch{Log: log, Last: last, Peers: []string{at}}); r.Events == 0 || len(r.Gaps) != 0 {
			t.Errorf("%+v", r)
		}
	}
	storetest.MustSync(t, synced, at)
	for _, db := range []*xaeroflux.DB{ranges, synced} {
		if l, err := db.Log(log); err != nil || l.Size() != events {
			t.Fatalf("%d events, want %d: %v", l.Size(), events, err)
		}
	}

	want := storetest.Roots(t, synced)
	storetest.Must(t, synced.Close())
	paths, err := filepath.Glob(filepath.Join(synced.Dir(), "logs", log.String(), "*.seg"))
	storetest.Must(t, err)
	if len(paths) < 5 {
		t.Fatalf("%d segments", len(paths))
	}
	for _, path := range paths[1:] {
		storetest.Must(t, os.Remove(path))
	}
	r, err := xaeroflux.Repair(ctx, synced.Dir(), xaeroflux.RepairOptions{From: []string{listening(t, ranges)}})
	if err != nil || !r.Clean() || len(r.Found) == 0 {
		t.Fatalf("%v\nfound %d\nlost %+v\nleft %+v", err, len(r.Found), r.Missing, r.Left)
	}
	storetest.CheckClean(t, synced.Dir())
	storetest.SameRoots(t, synced.Dir(), want)
}

func listening(t *testing.T, db *xaeroflux.DB) string {
	t.Helper()
	at, err := db.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	return at.String()
}
