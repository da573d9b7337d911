// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// pair opens two stores of different authors in one topic; the second listens.
func pair(t testing.TB, o *xaeroflux.Options) (a, b *xaeroflux.DB, addr string) {
	t.Helper()
	a = open(t, filepath.Join(t.TempDir(), "a"), o)
	b, addr = joined(t, a, o)
	return a, b, addr
}

// joined opens a further store in a's topic, which listens on loopback.
func joined(t testing.TB, a *xaeroflux.DB, o *xaeroflux.Options) (*xaeroflux.DB, string) {
	t.Helper()
	var with xaeroflux.Options
	if o != nil {
		with = *o
	}
	with.Invite = invited(a)
	b := open(t, filepath.Join(t.TempDir(), "b"), &with)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return b, addr.String()
}

func mustSync(t testing.TB, a *xaeroflux.DB, addr string) xaeroflux.SyncReport {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	r, err := a.Sync(limit, addr)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// heads returns size and root of every log that holds events.
func heads(t testing.TB, db *xaeroflux.DB) map[xaeroflux.LogID]string {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	if err != nil {
		t.Fatal(err)
	}
	logs, err := topic.Logs()
	if err != nil {
		t.Fatal(err)
	}
	all := map[xaeroflux.LogID]string{}
	for _, l := range logs {
		if root, size := l.Root(); size > 0 {
			all[l.ID()] = fmt.Sprintf("%d %s", size, root)
		}
	}
	return all
}

func same(t testing.TB, a, b *xaeroflux.DB) {
	t.Helper()
	x, y := heads(t, a), heads(t, b)
	if len(x) != len(y) {
		t.Errorf("%d logs and %d", len(x), len(y))
	}
	for id, h := range x {
		if y[id] != h {
			t.Errorf("log %s: %s and %s", id.Short(), h, y[id])
		}
	}
}

func TestTwoStoresAgree(t *testing.T) {
	for _, n := range []int{0, 1, 100, 5000, 60_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b, addr := pair(t, small())
			for done := 0; done < n; done += 1000 {
				mustAppend(t, a, min(1000, n-done), "event %d of a, written while offline")
				mustAppend(t, b, min(700, n-done), "event %d of b, written while offline")
			}
			r := mustSync(t, a, addr)
			same(t, a, b)
			t.Logf("%+v", r)
			if in, out := b.Head().Size, a.Head().Size; r.EventsIn != in || r.EventsOut != out {
				t.Errorf("moved %d in and %d out, want %d and %d", r.EventsIn, r.EventsOut, in, out)
			}
			undisturbed(t, a)
			undisturbed(t, b)
			if again := mustSync(t, a, addr); again.EventsIn != 0 || again.EventsOut != 0 {
				t.Errorf("a second sync moved %+v", again)
			}
		})
	}
}

// undisturbed fails if an actor had to be restarted.
func undisturbed(t testing.TB, db *xaeroflux.DB) {
	t.Helper()
	for _, a := range db.Actors() {
		if a.Restarts != 0 || a.LastError != "" {
			t.Errorf("%s: %d restarts, last error %q", a.Name, a.Restarts, a.LastError)
		}
	}
}

// A third store that only knows the second gets everything of the first, and
// what is appended anywhere shows up everywhere.
func TestEventsFlowThroughOthers(t *testing.T) {
	a, b, addrB := pair(t, small())
	c, _ := joined(t, a, small())
	mustAppend(t, a, 3000, "event %d of a")
	mustAppend(t, c, 10, "event %d of c")
	if err := a.Connect(ctx, addrB); err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(ctx, addrB); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return len(heads(t, c)) == 2 && heads(t, c)[a.Head().Log] == heads(t, a)[a.Head().Log] })
	for _, db := range []*xaeroflux.DB{a, b, c} {
		r := mustAppend(t, db, 1, "live event %d")
		for _, other := range []*xaeroflux.DB{a, b, c} {
			await(t, func() bool {
				l, err := other.Log(r.Log)
				return err == nil && l.Size() == r.Size
			})
		}
	}
	same(t, a, b)
	same(t, b, c)
}

// A store put back from an old backup, as the device that it was, learns from its peers that it signed more
// than it holds, fetches its own events back, and only then appends.
func TestOlderCopyFetchesItsOwnEventsBack(t *testing.T) {
	for _, lost := range []int{10, 20_000} { // pushed as events, pulled as pages
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			a, b, addr := pair(t, small())
			mustAppend(t, a, 10, "event %d, in the backup")
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
			a = open(t, a.Dir(), nil)
			mustAppend(t, a, lost, "event %d, after the backup")
			mustSync(t, a, addr)
			head := a.Head()
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			old := open(t, backup, &xaeroflux.Options{Adopt: true})
			mustSync(t, old, addr)
			same(t, old, b)
			if h := old.Head(); h != head {
				t.Errorf("head %+v, want %+v", h, head)
			}
			r := mustAppend(t, old, 1, "event %d, of the copy")
			if r.Seq != head.Size {
				t.Errorf("appended at %d, want %d", r.Seq, head.Size)
			}
			mustSync(t, old, addr)
			same(t, old, b)
		})
	}
}

func await(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in 20 seconds")
		}
	}
}

// BenchmarkSync is a cold sync over loopback QUIC, both ends in one process,
// every page verified and everything on disk at its end.
func BenchmarkSync(b *testing.B) {
	const events = 200_000
	a := open(b, filepath.Join(b.TempDir(), "a"), nil)
	for range events / 1000 {
		if _, err := a.AppendBatch(ctx, payloads(1000, 256)); err != nil {
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
		to := open(b, filepath.Join(b.TempDir(), "b"), &xaeroflux.Options{Invite: invited(a)})
		b.StartTimer()
		r := mustSync(b, to, addr.String())
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
