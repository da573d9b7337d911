// SPDX-License-Identifier: MPL-2.0

package care

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// twoStores makes two stores that hold the same events of two authors, in full
// pages and behind them, and closes the first. It returns its directory, the
// address and invite of the second, and what both hold.
func twoStores(t *testing.T) (dir, peer, invite string, want map[digest.Hash]digest.Hash) {
	dir = filepath.Join(t.TempDir(), "a")
	a := storetest.Open(t, dir, storetest.Small())
	invite = storetest.Invited(a)
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 4, Invite: invite})
	storetest.MustAppend(t, a, 700, "event %d of the store that will be damaged")
	storetest.MustAppend(t, b, 500, "event %d of its peer, which is longer than that")
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Sync(ctx, addr.String()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, addr.String(), invite, storetest.Roots(t, b)
}

// files lists what a flipped byte may be in.
func files(t *testing.T, dir string) (paths []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		if d.IsDir() && name == "damaged" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && name != "identity.key" && name != "LOCK" && name != "lock.mdb" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// Whatever is damaged, and wherever: a repair from a peer brings the same roots
// back, and a check finds nothing.
func TestRepairOfAnyDamageWithAPeer(t *testing.T) {
	dir, peer, invite, want := twoStores(t)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	found := 0
	for round := range 15 {
		var what []string
		for range 1 + rnd.IntN(3) {
			what = append(what, spoil(t, rnd, files(t, dir)))
		}
		r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{From: []string{peer}, Invites: []string{invite}})
		if err != nil || !r.Clean() {
			t.Fatalf("seed %d round %d, %s: %v\nfound %+v\ndone %+v\nmissing %+v\nleft %+v", seed, round, strings.Join(what, "; "), err, r.Found, r.Done, r.Missing, r.Left)
		}
		found += len(r.Found)
		storetest.CheckClean(t, dir)
		storetest.SameRoots(t, dir, want)
	}
	if found < 5 {
		t.Fatalf("seed %d: a check found %d flaws in 15 rounds: nothing was damaged", seed, found)
	}
}

// A person need not name a peer that the store kept to: it remembers where that was,
// also if the AOF is damaged that says so. A peer that is not there is only reported.
func TestRepairAsksRememberedPeers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := storetest.Open(t, dir, storetest.Small())
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 4, Invite: storetest.Invited(a)})
	storetest.MustAppend(t, b, 500, "event %d of the peer, which is longer than that")
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Connect(ctx, addr.String()); err != nil {
		t.Fatal(err)
	}
	storetest.MustAppend(t, a, 700, "event %d of the store that will be damaged")
	storetest.MustSync(t, a, addr.String())
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want := storetest.Roots(t, b)
	repair := func(o xaeroflux.RepairOptions) xaeroflux.RepairReport {
		t.Helper()
		r, err := xaeroflux.Repair(ctx, dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	segment := filepath.Join(dir, "logs", a.Head().Log.String(), "000000.seg")
	flipAt(t, segment, 9000)
	if r := repair(xaeroflux.RepairOptions{Offline: true}); r.Clean() || len(r.Asked) > 0 {
		t.Errorf("offline: missing %v, %v were asked", r.Missing, r.Asked)
	}
	for _, what := range []string{"the page", "the AOF"} {
		if what == "the AOF" {
			flipAt(t, filepath.Join(dir, "aof", "data.mdb"), 20)
		}
		if r := repair(xaeroflux.RepairOptions{}); !r.Clean() || len(r.Asked) != 1 || r.Asked[0] != addr.String() {
			t.Errorf("%s: found %v, missing %v, left %v, %v were asked", what, r.Found, r.Missing, r.Left, r.Asked)
		}
		storetest.CheckClean(t, dir)
		storetest.SameRoots(t, dir, want)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	dir = storetest.Copied(t, dir)
	flipAt(t, filepath.Join(dir, "logs", a.Head().Log.String(), "000000.seg"), 9000)
	if r := repair(xaeroflux.RepairOptions{PeerTimeout: time.Second}); r.Clean() || len(r.Asked) != 1 {
		t.Errorf("with nobody there: missing %v, %v were asked", r.Missing, r.Asked)
	}
}

// A repair that cannot bring back what is lost of an own log, and may not give it up,
// leaves that log as it is: nothing of it can be read less than before, and a check
// finds no more.
func TestRepairLeavesWhatItCannotMend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := storetest.Open(t, dir, storetest.Small())
	storetest.MustAppend(t, a, 900, "event %d of a log that nobody else has")
	log := a.Head().Log.String()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, segment := range []string{"000000.seg", "000002.seg"} {
		copied := storetest.Copied(t, dir)
		flipAt(t, filepath.Join(copied, "logs", log, segment), 9000)
		before := readable(t, copied)
		r, err := xaeroflux.Repair(ctx, copied, xaeroflux.RepairOptions{Offline: true})
		if err != nil || len(r.Missing) == 0 || len(r.Left) != len(r.Found) {
			t.Fatalf("%s: %v\nfound %+v\ndone %+v\nmissing %+v\nleft %+v", segment, err, r.Found, r.Done, r.Missing, r.Left)
		}
		if after := readable(t, copied); after != before {
			t.Errorf("%s: %d events could be read before the repair, and %d after it", segment, before, after)
		}
	}
}

// readable returns how many events of a store's own log can be read.
func readable(t *testing.T, dir string) (n int) {
	t.Helper()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, err := range db.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			break
		}
		n++
	}
	if n == 0 {
		t.Error("nothing can be read: the test shows nothing")
	}
	return n
}

func flipAt(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// spoil flips a byte of some file, cuts it, or removes it.
func spoil(t *testing.T, rnd *rand.Rand, paths []string) string {
	t.Helper()
	path := paths[rnd.IntN(len(paths))]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	what := ""
	switch n := rnd.IntN(8); {
	case n == 0 || len(b) == 0:
		what, err = "remove "+path, os.Remove(path)
	case n == 1:
		size := rnd.IntN(len(b))
		what, err = fmt.Sprintf("cut %s to %d", path, size), os.Truncate(path, int64(size))
	default:
		at := rnd.IntN(len(b))
		b[at] ^= byte(1 + rnd.IntN(255))
		what, err = fmt.Sprintf("flip %s at %d", path, at), os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return what
}

// Without a peer nothing is made up: what is left is a part of what was there,
// or the store stays closed and says what to do.
func TestRepairWithoutAPeerKeepsWhatIsProven(t *testing.T) {
	dir, _, invite, want := twoStores(t)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 2))
	for round := range 10 {
		copied := storetest.Copied(t, dir)
		what := spoil(t, rnd, files(t, copied))
		r, err := xaeroflux.Repair(ctx, copied, xaeroflux.RepairOptions{Invites: []string{invite}, AcceptLoss: true})
		if err != nil || len(r.Left) > 0 {
			t.Fatalf("seed %d round %d, %s: %v\nfound %+v\ndone %+v\nmissing %+v\nleft %+v", seed, round, what, err, r.Found, r.Done, r.Missing, r.Left)
		}
		if len(r.Missing) == 0 {
			storetest.SameRoots(t, copied, want)
		}
		storetest.CheckClean(t, copied)
		db, err := xaeroflux.Open(copied, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if err != nil {
			t.Fatalf("seed %d round %d, %s: %v", seed, round, what, err)
		}
		storetest.MustAppend(t, db, 3, "event %d after the repair")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A member whose AOF is gone is repaired from the steward, with an invite that names the
// topic: its log goes on, and without its keys it holds what it cannot read.
func TestRepairOfAMember(t *testing.T) {
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	storetest.Must(t, err)
	addr, err := a.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	dir := filepath.Join(t.TempDir(), "b")
	b := storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	storetest.MustSync(t, b, addr.String())
	storetest.MustSync(t, b, addr.String())
	bt, err := b.Topic(at.ID())
	storetest.Must(t, err)
	storetest.AwaitWithin(t, time.Minute, func() bool {
		_, err := bt.Append(ctx, xaeroflux.Event{Payload: []byte("of b")})
		return err == nil
	})
	storetest.MustSync(t, b, addr.String())
	size := bt.Log().Size()
	storetest.Must(t, b.Close())
	storetest.Must(t, os.RemoveAll(filepath.Join(dir, "aof")))
	r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{From: []string{addr.String()}, Invites: []string{invite}})
	storetest.Must(t, err)
	if !r.Clean() {
		t.Errorf("missing %v, left %v", r.Missing, r.Left)
	}
	b = storetest.Open(t, dir, nil)
	bt, err = b.Topic(at.ID())
	storetest.Must(t, err)
	if got := bt.Log().Size(); got != size {
		t.Errorf("its log has %d events, want %d", got, size)
	}
}
