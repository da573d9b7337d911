// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

func TestTwoStoresAgree(t *testing.T) {
	for _, n := range []int{0, 1, 100, 5000, 60_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b, addr := storetest.Pair(t, storetest.Small())
			for done := 0; done < n; done += 1000 {
				storetest.MustAppend(t, a, min(1000, n-done), "event %d of a, written while offline")
				storetest.MustAppend(t, b, min(700, n-done), "event %d of b, written while offline")
			}
			r := storetest.MustSync(t, a, addr)
			storetest.Same(t, a, b)
			t.Logf("%+v", r)
			if in, out := b.Head().Size, a.Head().Size; r.EventsIn != in || r.EventsOut != out {
				t.Errorf("moved %d in and %d out, want %d and %d", r.EventsIn, r.EventsOut, in, out)
			}
			storetest.Undisturbed(t, a)
			storetest.Undisturbed(t, b)
			if again := storetest.MustSync(t, a, addr); again.EventsIn != 0 || again.EventsOut != 0 {
				t.Errorf("a second sync moved %+v", again)
			}
		})
	}
}

// A third store that only knows the second gets everything of the first, and
// what is appended anywhere shows up everywhere.
func TestEventsFlowThroughOthers(t *testing.T) {
	a, b, addrB := storetest.Pair(t, storetest.Small())
	c, _ := storetest.Joined(t, a, storetest.Small())
	storetest.MustAppend(t, a, 3000, "event %d of a")
	storetest.MustAppend(t, c, 10, "event %d of c")
	if err := a.Connect(ctx, addrB); err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(ctx, addrB); err != nil {
		t.Fatal(err)
	}
	storetest.Await(t, func() bool {
		return len(storetest.Heads(t, c)) == 2 && storetest.Heads(t, c)[a.Head().Log] == storetest.Heads(t, a)[a.Head().Log]
	})
	for _, db := range []*xaeroflux.DB{a, b, c} {
		r := storetest.MustAppend(t, db, 1, "live event %d")
		for _, other := range []*xaeroflux.DB{a, b, c} {
			storetest.Await(t, func() bool {
				l, err := other.Log(r.Log)
				return err == nil && l.Size() == r.Size
			})
		}
	}
	storetest.Same(t, a, b)
	storetest.Same(t, b, c)
}

// A store put back from an old backup, as the device that it was, learns from its peers that it signed more
// than it holds, fetches its own events back, and only then appends.
func TestOlderCopyFetchesItsOwnEventsBack(t *testing.T) {
	for _, lost := range []int{10, 20_000} { // pushed as events, pulled as pages
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			a, b, addr := storetest.Pair(t, storetest.Small())
			storetest.MustAppend(t, a, 10, "event %d, in the backup")
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			if err := os.CopyFS(backup, os.DirFS(a.Dir())); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(backup, "identity.key"), 0o600); err != nil {
				t.Fatal(err)
			}
			a = storetest.Open(t, a.Dir(), nil)
			storetest.MustAppend(t, a, lost, "event %d, after the backup")
			storetest.MustSync(t, a, addr)
			head := a.Head()
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			old := storetest.Open(t, backup, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
			storetest.MustSync(t, old, addr)
			storetest.Same(t, old, b)
			if h := old.Head(); h != head {
				t.Errorf("head %+v, want %+v", h, head)
			}
			r := storetest.MustAppend(t, old, 1, "event %d, of the copy")
			if r.Seq != head.Size {
				t.Errorf("appended at %d, want %d", r.Seq, head.Size)
			}
			storetest.MustSync(t, old, addr)
			storetest.Same(t, old, b)
		})
	}
}

// BenchmarkSync is a cold sync over loopback QUIC, both ends in one process,
// every page verified and everything on disk at its end.
func BenchmarkSync(b *testing.B) {
	const events = 200_000
	a := storetest.Open(b, filepath.Join(b.TempDir(), "a"), nil)
	for range events / 1000 {
		if _, err := a.AppendBatch(ctx, storetest.Payloads(1000, 256)); err != nil {
			b.Fatal(err)
		}
	}
	addr, err := a.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var bytes uint64
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		to := storetest.Open(b, filepath.Join(b.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(a)})
		b.StartTimer()
		r := storetest.MustSync(b, to, addr.String())
		b.StopTimer()
		if r.EventsIn != events {
			b.Fatalf("%d events of %d", r.EventsIn, events)
		}
		bytes += r.BytesIn
		if err := to.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(bytes)/float64(events*b.N), "wire-B/event")
}
