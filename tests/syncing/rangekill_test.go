// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestKillDuringFetch kills a fetch in its middle with kill -9, newest first,
// finds the store clean, and fetches the rest: what was stored does not come
// again.
func TestKillDuringFetch(t *testing.T) {
	const events = 8_000
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), nil)
	for range events / 2000 {
		batch := make([]xaeroflux.Event, 2000)
		for i := range batch {
			batch[i].Payload = fmt.Appendf(make([]byte, 2000), "event %d", i)
		}
		_, err := a.AppendBatch(ctx, batch)
		storetest.Must(t, err)
	}
	invite := storetest.Invited(a) // names no peer to connect to
	at, err := a.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	dir, log := filepath.Join(t.TempDir(), "b"), a.Head().Log
	storetest.Command(t, nil, "join", "--dir", dir, invite)
	cmd := exec.Command("xaeroflux", "fetch", "--dir", dir, log.String(), "--newest-first", "--from", "100", "--peer", at.String())
	storetest.Must(t, cmd.Start())
	storetest.Await(t, func() bool { // a third is under way
		for _, p := range a.Peers() {
			if p.BytesOut > events/3*2000 {
				return true
			}
		}
		return cmd.ProcessState != nil
	})
	storetest.Must(t, cmd.Process.Kill())
	cmd.Wait()
	storetest.Command(t, nil, "check", "--dir", dir)
	b := storetest.Open(t, dir, nil)
	l := storetest.LogOf(t, b, log)
	held := l.Held()
	if len(held) != 1 || held[0].First <= 100 || held[0].End != events {
		t.Fatalf("held after the kill: %v", held)
	}
	heldEvents(t, a, b, log)
	r := mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 100, Newest: true, Peers: []string{at.String()}})
	if want := held[0].First - 100; r.Events != want {
		t.Errorf("%d events came after the kill, want %d", r.Events, want)
	}
	mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: []string{at.String()}})
	storetest.Same(t, a, b)
}

// damageRange flips a byte in the text of an event that is held in a range.
func damageRange(t testing.TB, dir, text string) {
	t.Helper()
	path := filepath.Join(dir, "aof", "data.mdb")
	b, err := os.ReadFile(path)
	storetest.Must(t, err)
	found := 0
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(text))
		if i < 0 {
			break
		}
		b[at+i] ^= 4
		at, found = at+i+1, found+1
	}
	if found == 0 {
		t.Fatalf("%q is not in %s", text, path)
	}
	storetest.Must(t, os.WriteFile(path, b, 0o600))
}

// A damaged range is found, is never data, and is dropped by a repair, or when
// the prefix reaches it; it comes again when it is fetched.
func TestDamagedRange(t *testing.T) {
	a, b, addr := fetchers(t, 3000)
	log, dir := a.Head().Log, b.Dir()
	mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 1000, To: 1010, Peers: []string{addr}})
	mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 2000, Peers: []string{addr}})
	storetest.Must(t, b.Close())
	damageRange(t, dir, "event 2500 of a log")
	report, err := xaeroflux.Check(ctx, dir, nil)
	if err != nil || report.Found() != 1 || report.Findings[0].Kind != "range" {
		t.Fatalf("%v, %+v", err, report.Findings)
	}
	b = storetest.Open(t, dir, storetest.Small())
	l := storetest.LogOf(t, b, log)
	if _, err := l.Get(ctx, 1005); err != nil {
		t.Error(err)
	}
	if _, err := l.Get(ctx, 2500); !errors.Is(err, xaeroflux.ErrCorrupt) {
		t.Errorf("a damaged event: %v", err)
	}
	storetest.Must(t, b.Close())
	mended, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{})
	if err != nil || !mended.Clean() || len(mended.Done) != 1 {
		t.Fatalf("%v, %+v", err, mended)
	}
	b = storetest.Open(t, dir, storetest.Small())
	l = storetest.LogOf(t, b, log)
	if _, err := l.Get(ctx, 2500); !errors.Is(err, xaeroflux.ErrNotHeld) {
		t.Errorf("a dropped event: %v", err)
	}
	mustFetch(t, b, xaeroflux.Fetch{Log: log, From: 2000, Peers: []string{addr}})
	heldEvents(t, a, b, log)
	storetest.Must(t, b.Close())
	damageRange(t, dir, "event 1003 of a log")
	b = storetest.Open(t, dir, storetest.Small())
	if r := mustFetch(t, b, xaeroflux.Fetch{Log: log, Peers: []string{addr}}); len(r.Gaps) != 0 {
		t.Errorf("%+v", r)
	}
	storetest.Same(t, a, b)
	clean(t, b)
}

// With the AOF the ranges are lost; a repair makes the store again without
// them, and they can be fetched.
func TestLostAOFWithRanges(t *testing.T) {
	a, b, addr := fetchers(t, 3000)
	log := a.Head().Log
	storetest.MustAppend(t, b, 10, "event %d of the other store")
	storetest.MustSync(t, b, addr) // so that a holds it
	b2 := storetest.Open(t, filepath.Join(t.TempDir(), "b2"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(a), PageBytes: 4096})
	mustFetch(t, b2, xaeroflux.Fetch{Log: b.Head().Log, From: 3, Peers: []string{addr}})
	mustFetch(t, b2, xaeroflux.Fetch{Log: log, Last: 100, Peers: []string{addr}})
	dir := b2.Dir()
	storetest.Must(t, b2.Close())
	storetest.Must(t, os.WriteFile(filepath.Join(dir, "aof", "data.mdb"), make([]byte, 4096), 0o600))
	r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{From: []string{addr}, Invites: []string{storetest.Invited(a)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Left) != 0 {
		t.Fatalf("%+v", r)
	}
	b2 = storetest.Open(t, dir, storetest.Small())
	mustFetch(t, b2, xaeroflux.Fetch{Log: log, Last: 100, Peers: []string{addr}})
	if n := len(heldEvents(t, a, b2, log)); n != 100 {
		t.Errorf("%d events", n)
	}
}
