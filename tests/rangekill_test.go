// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// TestKillDuringFetch kills a fetch in its middle with kill -9, newest first,
// finds the store clean, and fetches the rest: what was stored does not come
// again.
func TestKillDuringFetch(t *testing.T) {
	const events = 12_000
	a := open(t, filepath.Join(t.TempDir(), "a"), nil)
	for range events / 2000 {
		batch := make([]xaeroflux.Event, 2000)
		for i := range batch {
			batch[i].Payload = fmt.Appendf(make([]byte, 2000), "event %d", i)
		}
		_, err := a.AppendBatch(ctx, batch)
		must(t, err)
	}
	invite := a.Invite() // names no peer to connect to
	at, err := a.Listen(ctx, "127.0.0.1:0")
	must(t, err)
	dir, log := filepath.Join(t.TempDir(), "b"), a.Head().Log
	command(t, nil, "join", "--dir", dir, invite)
	cmd := exec.Command("xaeroflux", "fetch", "--dir", dir, log.String(), "--newest-first", "--from", "100", "--peer", at.String())
	must(t, cmd.Start())
	await(t, func() bool { // a third is under way
		for _, p := range a.Peers() {
			if p.BytesOut > events/3*2000 {
				return true
			}
		}
		return cmd.ProcessState != nil
	})
	must(t, cmd.Process.Kill())
	cmd.Wait()
	command(t, nil, "check", "--dir", dir)
	b := open(t, dir, nil)
	l := logOf(t, b, log)
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
	same(t, a, b)
}
