// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

var reading = &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true}

// Readers go together, see all that was acknowledged, and change nothing; a writer
// and a reader keep each other out.
func TestReadOnly(t *testing.T) {
	dir := closedStore(t)
	invite := storetest.Invited(storetest.Open(t, t.TempDir(), storetest.Small()))
	before := picture(t, dir)
	var readers []*xaeroflux.DB
	for range 2 {
		db, err := xaeroflux.Open(dir, reading)
		storetest.Must(t, err)
		readers = append(readers, db)
	}
	if _, err := xaeroflux.Open(dir, storetest.Small()); !errors.Is(err, xaeroflux.ErrInUse) {
		t.Errorf("a writer beside readers: %v", err)
	}
	for _, db := range readers {
		readsAll(t, db, 900)
		refusesAll(t, db, invite)
	}
	for _, db := range readers {
		storetest.Must(t, db.Close())
	}
	if diff := before.Compare(picture(t, dir)); len(diff) > 0 {
		t.Errorf("readers changed %s", strings.Join(diff, "\n"))
	}
	writer := storetest.Open(t, dir, storetest.Small())
	var held *durable.LockedError
	if _, err := xaeroflux.Open(dir, reading); !errors.Is(err, xaeroflux.ErrInUse) || !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a reader beside a writer: %v", err)
	}
	storetest.MustAppend(t, writer, 1, "event %d after all that")
}

// readsAll reads, proves and checks everything in a store.
func readsAll(t *testing.T, db *xaeroflux.DB, want uint64) {
	t.Helper()
	head := db.Head()
	if head.Size != want || head.Verify() != nil {
		t.Fatalf("a head of %d events, %v; want %d", head.Size, head.Verify(), want)
	}
	var n uint64
	for rec, err := range db.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		if n%90 == 0 {
			p, err := db.Prove(ctx, rec.Seq, head.Size)
			storetest.Must(t, err)
			storetest.Must(t, xaeroflux.Verify(rec, p, head))
		}
		n++
	}
	if n != want {
		t.Errorf("read %d events, want %d", n, want)
	}
	if r, err := db.Check(ctx, nil); err != nil || r.Found() > 0 {
		t.Errorf("check: %v, %+v", err, r.Findings)
	}
	if st := db.SyncStatus(); len(st.Peers) > 0 || len(db.Actors()) == 0 || len(storetest.Invited(db)) == 0 {
		t.Errorf("status: %+v, %+v", st, db.Actors())
	}
}

// refusesAll wants that a store takes nothing, and says why.
func refusesAll(t *testing.T, db *xaeroflux.DB, invite string) {
	t.Helper()
	peer := db.PeerID().String() + "@127.0.0.1:1"
	topic := db.Topics()[0]
	one, two := net.Pipe()
	defer two.Close()
	for what, call := range map[string]func() error{
		"append":  func() error { _, err := db.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); return err },
		"batch":   func() error { _, err := db.AppendBatch(ctx, []xaeroflux.Event{{Payload: []byte("x")}}); return err },
		"join":    func() error { _, err := db.Join(ctx, invite); return err },
		"found":   func() error { _, err := db.CreateTopic(ctx, "x", nil); return err },
		"follow":  func() error { return topic.Follow(ctx, xaeroflux.Name(db.Head().Log)) },
		"listen":  func() error { _, err := db.Listen(ctx, "127.0.0.1:0"); return err },
		"connect": func() error { return db.Connect(ctx, peer) },
		"sync":    func() error { _, err := db.Sync(ctx, peer); return err },
		"serve":   func() error { return db.ServeOver(ctx, one, "a pipe") },
		"over":    func() error { _, err := db.SyncOver(ctx, one, "a pipe"); return err },
		"fetch":   func() error { _, err := topic.Fetch(ctx, xaeroflux.Fetch{Log: xaeroflux.LogID{1}}); return err },
		"state":   func() error { return db.ReadOnly() },
	} {
		if err := call(); !errors.Is(err, xaeroflux.ErrReadOnly) || !strings.Contains(err.Error(), "opened read-only") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A reader does not mend derived files that are damaged, and reads the pages all the
// same.
func TestReadOnlyWithDamagedTrees(t *testing.T) {
	dir := closedStore(t)
	overwrite(t, one(t, dir, "logs/*/000000.tree"), 5000)
	overwrite(t, one(t, dir, "mmr/*"), 500)
	before := picture(t, dir)
	db, err := xaeroflux.Open(dir, reading)
	storetest.Must(t, err)
	n := 0
	for _, err := range db.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		n++
	}
	if head := db.Head(); n != 900 || head.Size != 900 || head.Verify() != nil {
		t.Errorf("read %d events under a head of %d", n, head.Size)
	}
	storetest.Must(t, db.Close())
	if diff := before.Compare(picture(t, dir)); len(diff) > 0 {
		t.Errorf("a reader changed %s", strings.Join(diff, "\n"))
	}
}

func TestReadOnlyOptions(t *testing.T) {
	if _, err := xaeroflux.Open(t.TempDir(), reading); !errors.Is(err, xaeroflux.ErrNoStore) {
		t.Errorf("of none: %v", err)
	}
	dir := closedStore(t)
	for _, o := range []xaeroflux.Options{{Listen: "127.0.0.1:0"}, {Peers: []string{"x"}}, {Adopt: true}, {MustCreate: true}} {
		o.ReadOnly = true
		if _, err := xaeroflux.Open(dir, &o); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("%s: %v", fmt.Sprintf("%+v", o), err)
		}
	}
}
