// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

func TestQuotaOfAStore(t *testing.T) {
	const limit = 8 << 20
	o := storetest.Small()
	o.Quota.StoreBytes = limit
	db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), o)
	var err error
	taken := uint64(0)
	for err == nil {
		if _, err = db.Append(ctx, xaeroflux.Event{Payload: make([]byte, 100_000)}); err == nil {
			taken++
		}
		if taken > limit/100_000 {
			t.Fatalf("%d events of 100,000 bytes were taken", taken)
		}
	}
	storetest.WantQuota(t, err, "store bytes")
	if taken < limit/100_000/4 {
		t.Errorf("only %d events were taken", taken)
	}
	if size := db.Head().Size; size != taken || db.ReadOnly() != nil {
		t.Errorf("%d events of %d, read-only: %v", size, taken, db.ReadOnly())
	}
	if _, err := db.AppendBatch(ctx, []xaeroflux.Event{{Payload: make([]byte, 1<<20)}, {Payload: make([]byte, 1<<20)}}); err == nil {
		t.Error("a batch was taken")
	}
	if _, err := db.Get(ctx, taken-1); err != nil {
		t.Error(err)
	}
}

func TestFreeSpaceFloor(t *testing.T) {
	o := storetest.Small()
	o.Quota.FreeBytes = 1 << 61
	db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), o)
	_, err := db.Append(ctx, xaeroflux.Event{})
	storetest.WantQuota(t, err, "free bytes")
	if err := db.ReadOnly(); err != nil {
		t.Errorf("read-only: %v", err)
	}
}

// A peer that writes without end is not taken more from than its quota, and
// its session and all others go on.
func TestQuotaOfAPeer(t *testing.T) {
	events := func(n uint64) func(f *foe) error {
		return func(f *foe) error {
			for from := uint64(0); from < n; from += 100 {
				if err := f.Send(f.log.Events(from, from+100)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	logs := func(f *foe) error {
		for i := range 6 {
			l := f.newLog(f.newKey(), 4096, 3, fmt.Sprintf("event %%d of log %d", i))
			if err := f.Send(l.Events(0, 3)); err != nil {
				return err
			}
		}
		return nil
	}
	pages := func(f *foe) error {
		if err := f.Send(evilpeer.List(f.log.State())); err != nil {
			return err
		}
		m, pages := f.log.Run(0, 64)
		_, err := f.Answer(ctx, true, evilpeer.Encoded(m), pages)
		return err
	}
	for _, c := range []struct {
		name   string
		quota  xaeroflux.Quota
		times  uint64
		events uint64 // at most, of all logs of the foe
		do     func(f *foe) error
	}{
		{"one log", xaeroflux.Quota{LogBytes: 50_000}, 1, 500, events(2000)},
		{"one log by pages", xaeroflux.Quota{LogBytes: 50_000}, 1, 0, pages},
		{"a key for each log", xaeroflux.Quota{FreeBytes: 1 << 61}, 6, 0, logs},
		{"the store", xaeroflux.Quota{StoreBytes: 2 << 20}, 1, 5000, events(7000)},
		{"free space", xaeroflux.Quota{FreeBytes: 1 << 61}, 1, 0, events(1000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArena(t, "memory", storetest.Small())
			storetest.Must(t, a.victim.Close())
			a.reopen(t, c.quota)
			before := total(t, a.victim)
			a.run(t, attack{name: c.name, ends: leftOut, want: messages.CodeQuota, times: c.times, do: func(f *foe) error {
				storetest.Must(t, f.Greet(ctx, f.topic))
				return c.do(f)
			}})
			if more := total(t, a.victim) - before; more > c.events {
				t.Errorf("%d events were taken, want at most %d", more, c.events)
			}
		})
	}
}

// reopen opens the victim again under a quota.
func (a *arena) reopen(t *testing.T, q xaeroflux.Quota) {
	t.Helper()
	a.victim = storetest.Open(t, a.victim.Dir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewCarrier: a.carrier, Quota: q})
	addr, err := a.victim.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	a.addr = storetest.Dialed(addr)
}

// total is the number of events in a store.
func total(t *testing.T, db *xaeroflux.DB) (n uint64) {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	storetest.Must(t, err)
	logs, err := topic.Logs()
	storetest.Must(t, err)
	for _, l := range logs {
		n += l.Size()
	}
	return n
}

// Two honest stores, one of which has no room for all: the rest is synced, and
// Sync says what was left.
func TestSyncUnderAQuota(t *testing.T) {
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
	o := storetest.Small()
	o.Quota.LogBytes = 20_000
	b, addr := storetest.Joined(t, a, o)
	storetest.MustAppend(t, a, 5000, "event %d of a, which is long")
	storetest.MustAppend(t, b, 30, "event %d of b")
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	c, _ := storetest.Joined(t, a, storetest.Small())
	storetest.MustAppend(t, c, 10, "event %d of c")
	storetest.MustSync(t, c, addr) // a's log is not here yet
	fromA, err := a.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	_, err = b.Sync(limit, fromA.String())
	storetest.WantQuota(t, err, "log bytes")
	if l, err := a.Log(c.Head().Log); err != nil || l.Size() != 10 {
		t.Errorf("a does not hold c's log: %v", err)
	}
	storetest.Await(t, func() bool { l, err := a.Log(b.Head().Log); return err == nil && l.Size() == 30 })
	if n := b.Refusals()[xaeroflux.CodeQuota]; n != 1 {
		t.Errorf("%d logs were left alone", n)
	}
	storetest.Undisturbed(t, b)
	storetest.MustAppend(t, b, 1, "event %d, appended after that")
	storetest.Await(t, func() bool { l, err := a.Log(b.Head().Log); return err == nil && l.Size() == 31 })
}

// The room that a store takes is counted as its files are written, sealed and removed, and
// from its files when it is opened again: a refusal names what a walk finds.
func TestStoreBytesAreThoseOfTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	e, inner := xaeroflux.Event{Payload: make([]byte, 30_000)}, event.Event{Payload: make([]byte, 30_000)}
	for limit := int64(4 << 20); limit <= 16<<20; limit += 4 << 20 {
		o := storetest.Small()
		o.Quota.StoreBytes = limit
		db, err := xaeroflux.Open(dir, o)
		storetest.Must(t, err)
		before := db.Head().Size
		storetest.Await(t, func() bool {
			_, err := db.Append(ctx, e)
			var q *xaeroflux.QuotaError
			if !errors.As(err, &q) {
				storetest.Must(t, err)
				return false
			}
			return q.Would-2*int64(inner.RecordLen()) == fileBytes(t, dir)
		})
		if db.Head().Size == before {
			t.Errorf("nothing was taken up to %d bytes", limit)
		}
		storetest.Must(t, db.Close())
	}
}

// fileBytes is the length of all files below dir.
func fileBytes(t *testing.T, dir string) (total int64) {
	t.Helper()
	storetest.Must(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running store gives files their names meanwhile
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	}))
	return total
}
