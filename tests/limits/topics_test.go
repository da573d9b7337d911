// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"context"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// TestTopicsThatAllDiffer: two stores in many topics, each with an event of both that the
// other one lacks, agree in all of them in one session: 300 topics, and
// XAEROFLUX_LIMITS_SCALE=100 makes it 30,000.
func TestTopicsThatAllDiffer(t *testing.T) {
	ctx, topics := context.Background(), scaled(300)
	opened := func(name string) *xaeroflux.DB {
		dir := filepath.Join(t.TempDir(), name)
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		must(t, err)
		t.Cleanup(func() {
			must(t, db.Close())
			report, err := xaeroflux.Check(ctx, dir, nil)
			if err != nil || len(report.Findings) > 0 {
				t.Errorf("%s: %v, %v", name, err, report.Findings)
			}
		})
		return db
	}
	a, b := opened("a"), opened("b")
	appendTo := func(topic *xaeroflux.Topic) error {
		_, err := topic.Append(ctx, xaeroflux.Event{Type: "t", Payload: []byte("an event")})
		return err
	}
	logs := make([][2]xaeroflux.LogID, topics)
	manyAtOnce(t, topics, func(i int) error {
		here, err := a.CreateTopic(ctx, "", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
		if err != nil {
			return err
		}
		invite, err := here.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		if err != nil {
			return err
		}
		there, err := b.Join(ctx, invite)
		if err != nil {
			return err
		}
		logs[i] = [2]xaeroflux.LogID{here.Log().ID(), there.Log().ID()}
		if err := appendTo(here); err != nil {
			return err
		}
		return appendTo(there)
	})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	must(t, err)
	before, peak := heap(), watchHeap(t)
	limit, cancel := context.WithTimeout(ctx, time.Duration(2+topics/50)*time.Minute)
	defer cancel()
	began := time.Now()
	_, err = a.Sync(limit, addr.String())
	took := time.Since(began)
	must(t, err)
	t.Logf("%d topics, two events each: %.0f topics/s, heap of both ends %d MiB before, at most %d", topics, float64(topics)/took.Seconds(), before>>20, peak()>>20)
	for i := range logs {
		for _, db := range []*xaeroflux.DB{a, b} {
			for _, id := range logs[i] {
				if l, err := db.Log(id); err != nil || l.Size() != 1 {
					t.Fatalf("topic %d: a log is not there: %v", i, err)
				}
			}
		}
	}
}

// manyAtOnce calls f for 0 to n-1, 64 at once.
func manyAtOnce(t *testing.T, n int, f func(int) error) {
	t.Helper()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := f(int(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watchHeap returns what the heap came to at most until it is asked.
func watchHeap(t *testing.T) (peak func() uint64) {
	var most atomic.Uint64
	done := make(chan struct{})
	stop := sync.OnceFunc(func() { close(done) })
	t.Cleanup(stop)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				most.Store(max(most.Load(), heap()))
			}
		}
	}()
	return func() uint64 { stop(); return max(most.Load(), heap()) }
}
