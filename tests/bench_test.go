// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// BenchmarkAppendBatch is the durable rate: every batch is synced to disk and
// in the root before the call returns.
func BenchmarkAppendBatch(b *testing.B) {
	for _, c := range []struct{ callers, batch, size int }{{1, 1000, 256}, {8, 1000, 256}, {8, 1000, 1024}} {
		b.Run(fmt.Sprintf("callers=%d/batch=%d/bytes=%d", c.callers, c.batch, c.size), func(b *testing.B) {
			db, err := xaeroflux.Open(b.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			b.ReportAllocs()
			b.ResetTimer()
			before := storetest.CPUTime()
			appendAll(b, db, c.callers, b.N, storetest.Payloads(c.batch, c.size))
			b.StopTimer()
			b.ReportMetric(float64(b.N*c.batch)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((storetest.CPUTime()-before).Nanoseconds())/float64(b.N*c.batch), "cpu-ns/event")
		})
	}
}

// appendAll has callers append n batches together.
func appendAll(b *testing.B, db *xaeroflux.DB, callers, n int, batch []xaeroflux.Event) {
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range work {
				if _, err := db.AppendBatch(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAppend is the durable rate of single events by many callers.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db, err := xaeroflux.Open(b.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			event := storetest.Payloads(1, 256)[0]
			work := make(chan struct{}, b.N)
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for range work {
						if _, err := db.Append(context.Background(), event); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkMemory appends five million events and reports the live heap after
// each million: it must not grow with the log.
func BenchmarkMemory(b *testing.B) {
	for range b.N {
		db, err := xaeroflux.Open(b.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if err != nil {
			b.Fatal(err)
		}
		batch := storetest.Payloads(1000, 256)
		for million := 1; million <= 5; million++ {
			appendAll(b, db, 8, 1000, batch)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), fmt.Sprintf("MiB@%dM", million))
		}
		if size := db.Head().Size; size != 5_000_000 {
			b.Fatalf("%d events", size)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// filled opens a store with n events of 256 bytes, closed and opened again.
func filled(b *testing.B, n int) *xaeroflux.DB {
	dir := b.TempDir()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		b.Fatal(err)
	}
	appendAll(b, db, 8, n/1000, storetest.Payloads(1000, 256))
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	if db, err = xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	b.ReportAllocs()
	b.ResetTimer()
	return db
}

// BenchmarkIterate reads a million events in order, borrowed.
func BenchmarkIterate(b *testing.B) {
	db := filled(b, 1_000_000)
	n := 0
	for range b.N {
		for r, err := range db.Events(context.Background(), xaeroflux.Query{Borrow: true}) {
			if err != nil || len(r.Payload) != 256 {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkGet reads events at random out of a million.
func BenchmarkGet(b *testing.B) {
	db := filled(b, 1_000_000)
	log, err := db.Log(db.Head().Log)
	if err != nil {
		b.Fatal(err)
	}
	for i := uint64(0); i < 1_000_000; i += 20 { // every page was looked at once
		if _, err := log.Get(context.Background(), i); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		if _, err := log.Get(context.Background(), uint64(i)*2_654_435_761%1_000_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkProve makes and verifies inclusion proofs at a million events.
func BenchmarkProve(b *testing.B) {
	db := filled(b, 1_000_000)
	head := db.Head()
	log, err := db.Log(head.Log)
	if err != nil {
		b.Fatal(err)
	}
	for i := uint64(0); i < 1_000_000; i += 20 { // every page was looked at once
		if _, err := log.Prove(context.Background(), i, head.Size); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := log.Prove(context.Background(), uint64(i)*2_654_435_761%1_000_000, head.Size); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens stores that were closed well.
func BenchmarkOpen(b *testing.B) {
	for _, events := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			db := filled(b, events)
			dir := db.Dir()
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkAppendBesideIdle is an append with a subscriber of its topic, beside
// subscribers of another topic and beside logs with nothing in them, of which it
// must not know the number.
func BenchmarkAppendBesideIdle(b *testing.B) {
	for _, c := range []struct{ subscribers, logs int }{{0, 0}, {2000, 0}, {0, 50_000}} {
		b.Run(fmt.Sprintf("subscribers=%d/logs=%d", c.subscribers, c.logs), func(b *testing.B) {
			db := besideEmptyLogs(b, c.logs)
			other, err := db.CreateTopic(context.Background(), "other", nil)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			for range c.subscribers {
				wg.Go(func() {
					for range db.Subscribe(ctx, xaeroflux.Query{Topic: other.ID()}) {
					}
				})
			}
			got := make(chan struct{}, 1)
			wg.Go(func() {
				for range db.Subscribe(ctx, xaeroflux.Query{Topic: db.Topics()[0].ID()}) {
					got <- struct{}{}
				}
			})
			event := storetest.Payloads(1, 256)[0]
			appendOne := func() {
				if _, err := db.Append(ctx, event); err != nil {
					b.Fatal(err)
				}
				<-got
			}
			appendOne() // and all subscribers are there
			b.ResetTimer()
			before := storetest.CPUTime()
			for range b.N {
				appendOne()
			}
			b.StopTimer()
			b.ReportMetric(float64((storetest.CPUTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/append")
		})
	}
}

// besideEmptyLogs returns a store that knows n logs of others in its topic, of
// which it holds no event.
func besideEmptyLogs(b *testing.B, n int) *xaeroflux.DB {
	b.Helper()
	dir := b.TempDir()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	topic, c := st.Topics()[0], st.NewCommitter()
	for n > 0 {
		var w store.Work
		for ; n > 0 && len(w.Appends) < 1000; n-- {
			device := identity.Device{Seed: identity.Seed{byte(n), byte(n >> 8), byte(n >> 16), 1}}
			name := identity.DataLog(topic.ID, device.AuthorID(topic.Genesis), topic.Genesis.PageBytes)
			w.Appends = append(w.Appends, &messages.Append{Log: name.ID(), Create: &messages.NewLog{LogName: name}, Done: func(error) {}})
		}
		if _, err := c.Commit(&w); err != nil {
			b.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	if db, err = xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

// BenchmarkSealed appends and reads the same events in a private topic and, beside it, in
// a plain one. Processor time tells more than wall time where others use the machine.
func BenchmarkSealed(b *testing.B) {
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.PlainTopic, xaeroflux.PrivateTopic} {
		db, topic := topicOfKind(b, kind)
		batch := storetest.Payloads(1000, 256)
		perEvent := func(b *testing.B, n int, run func()) {
			b.ReportAllocs()
			before := storetest.CPUTime()
			b.ResetTimer()
			run()
			b.StopTimer()
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((storetest.CPUTime()-before).Nanoseconds())/float64(n), "cpu-ns/event")
		}
		b.Run("append/"+kind.String(), func(b *testing.B) {
			perEvent(b, b.N*len(batch), func() { appendAll(b, db, 8, b.N, batch) })
		})
		const some = 200_000
		for n := topic.Log().Size(); n < some; n += uint64(len(batch)) {
			_, err := topic.AppendBatch(context.Background(), batch)
			storetest.Must(b, err)
		}
		for name, q := range map[string]xaeroflux.Query{"borrow": {Borrow: true, Limit: some}, "read": {Limit: some}} {
			b.Run(name+"/"+kind.String(), func(b *testing.B) {
				perEvent(b, b.N*some, func() {
					for range b.N {
						readAll(b, topic, q)
					}
				})
			})
		}
		b.Run("get/"+kind.String(), func(b *testing.B) {
			perEvent(b, b.N, func() {
				for i := range b.N {
					r, err := topic.Log().Get(context.Background(), uint64(i*7919)%some)
					storetest.Must(b, errors.Join(err, r.Sealed))
				}
			})
		})
	}
}

// topicOfKind returns a store whose default topic is of a kind.
func topicOfKind(b *testing.B, kind xaeroflux.TopicKind) (*xaeroflux.DB, *xaeroflux.Topic) {
	b.Helper()
	db, err := xaeroflux.Open(b.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	storetest.Must(b, err)
	b.Cleanup(func() { db.Close() })
	topic, err := db.CreateTopic(context.Background(), "t", &xaeroflux.TopicOptions{Kind: kind})
	storetest.Must(b, err)
	storetest.Must(b, db.SetDefault(context.Background(), topic.ID()))
	return db, topic
}

func readAll(b *testing.B, topic *xaeroflux.Topic, q xaeroflux.Query) {
	b.Helper()
	n := 0
	for r, err := range topic.Events(context.Background(), q) {
		if err != nil || r.Sealed != nil || len(r.Payload) != 256 {
			b.Fatal(r, err)
		}
		n++
	}
	if n != q.Limit {
		b.Fatalf("%d events", n)
	}
}

// BenchmarkSealedBytes measures what an event costs on disk in a private topic and, beside
// it, in a plain one, pages and trees together.
func BenchmarkSealedBytes(b *testing.B) {
	for _, c := range []struct {
		typ  string
		size int
	}{{"", 0}, {"", 64}, {"", 244}, {"", 256}, {"note", 256}, {"note", 512}, {"note", 900}, {"note", 1000}} {
		b.Run(fmt.Sprintf("type=%d/bytes=%d", len(c.typ), c.size), func(b *testing.B) {
			batch := storetest.Payloads(1000, max(c.size, 16))
			for i := range batch {
				batch[i].Type, batch[i].Payload = c.typ, batch[i].Payload[:c.size]
			}
			var per [2]float64
			for range b.N {
				for i, kind := range []xaeroflux.TopicKind{xaeroflux.PlainTopic, xaeroflux.PrivateTopic} {
					per[i] = bytesPerEvent(b, kind, batch)
				}
			}
			b.ReportMetric(per[0], "plain-B/event")
			b.ReportMetric(per[1], "sealed-B/event")
			b.ReportMetric(per[1]-per[0], "more-B/event")
		})
	}
}

// bytesPerEvent returns what an event takes of the files of a log and of the trees.
func bytesPerEvent(b *testing.B, kind xaeroflux.TopicKind, batch []xaeroflux.Event) float64 {
	b.Helper()
	dir := b.TempDir()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	storetest.Must(b, err)
	topic, err := db.CreateTopic(context.Background(), "t", &xaeroflux.TopicOptions{Kind: kind})
	storetest.Must(b, err)
	const batches = 40
	for range batches {
		_, err := topic.AppendBatch(context.Background(), batch)
		storetest.Must(b, err)
	}
	storetest.Must(b, db.Close())
	return float64(bytesUnder(b, dir, "logs")+bytesUnder(b, dir, "mmr")) / float64(batches*len(batch))
}

func bytesUnder(b *testing.B, dir, folder string) (n int64) {
	b.Helper()
	storetest.Must(b, filepath.WalkDir(filepath.Join(dir, folder), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	}))
	return n
}
