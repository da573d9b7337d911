// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// BenchmarkManyTopics is a cold sync of 10,000 topics with one event each, which all
// differ, over loopback QUIC with both ends in one process.
func BenchmarkManyTopics(b *testing.B) {
	const topics = 10_000
	one := storetest.Open(b, filepath.Join(b.TempDir(), "a"), nil)
	invites := make([]string, topics)
	storetest.Each(topics, func(i int) {
		t, err := one.CreateTopic(ctx, "", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
		if err == nil {
			invites[i] = storetest.Invited(t)
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
	var cpu time.Duration
	for range b.N {
		b.StopTimer()
		other := storetest.Open(b, filepath.Join(b.TempDir(), "b"), nil)
		storetest.Each(topics, func(i int) {
			if _, err := other.Join(ctx, invites[i]); err != nil {
				b.Error(err)
			}
		})
		before := storetest.CPUTime()
		b.StartTimer()
		r := storetest.MustSync(b, other, addr.String())
		b.StopTimer()
		cpu += storetest.CPUTime() - before
		if r.EventsIn < topics {
			b.Fatalf("%d events of %d topics", r.EventsIn, topics)
		}
		if err := other.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(topics*b.N)/b.Elapsed().Seconds(), "topics/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(topics*b.N), "cpu-us/topic")
}
