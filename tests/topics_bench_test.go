// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// BenchmarkManyTopics is a cold sync of 10,000 topics with one event each, which all
// differ, over loopback QUIC with both ends in one process.
func BenchmarkManyTopics(b *testing.B) {
	const topics = 10_000
	one := open(b, filepath.Join(b.TempDir(), "a"), nil)
	invites := make([]string, topics)
	each(topics, func(i int) {
		t, err := one.CreateTopic(ctx, "", nil)
		if err == nil {
			invites[i] = invited(t)
			_, err = t.Append(ctx, xaeroflux.Event{Type: "t", Payload: []byte("an event")})
		}
		if err != nil {
			b.Error(err)
		}
	})
	addr, err := one.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer() // the topics were founded meanwhile
	for range b.N {
		b.StopTimer()
		other := open(b, filepath.Join(b.TempDir(), "b"), nil)
		each(topics, func(i int) {
			if _, err := other.Join(ctx, invites[i]); err != nil {
				b.Error(err)
			}
		})
		b.StartTimer()
		r := mustSync(b, other, addr.String())
		b.StopTimer()
		if r.EventsIn < topics { // and of rosters
			b.Fatalf("%d events of %d topics", r.EventsIn, topics)
		}
		if err := other.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(topics*b.N)/b.Elapsed().Seconds(), "topics/s")
}

// each calls f for 0 to n-1, many at once.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 64 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
