// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// Many logs that are appended to in turn share a few files.
func TestTopicsShareFewDescriptors(t *testing.T) {
	under(t, 256, func(t *testing.T) {
		dir := room(t)
		db := open(t, dir, nil)
		before := descriptors(t)
		all := topics(t, db, scaled(200))
		most := 0
		for range 3 {
			for _, topic := range all {
				_, err := topic.AppendBatch(ctx, events(20))
				must(t, err)
				most = max(most, descriptors(t)-before)
			}
		}
		t.Logf("%d logs of 60 KB: at most %d descriptors more than without, %d bytes on disk", len(all), most, diskBytes(t, dir))
		if most > 64+16 {
			t.Errorf("%d descriptors more than without, the budget is 64 of 256", most)
		}
		whole(t, db, dir)
	})
}

// A log of many segments is opened, read and appended to.
func TestLogOfManySegments(t *testing.T) {
	dir := room(t)
	o := &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 2}
	under(t, 256, func(t *testing.T) {
		db := open(t, dir, o)
		for range 100 {
			_, err := db.AppendBatch(ctx, events(24))
			must(t, err)
		}
		must(t, db.Close())
		db = open(t, dir, o)
		n := 0
		for r, err := range db.Events(ctx, xaeroflux.Query{}) {
			must(t, err)
			if r.Seq != uint64(n) {
				t.Fatalf("event %d where %d should be", r.Seq, n)
			}
			n++
		}
		segments, err := filepath.Glob(filepath.Join(dir, "logs", "*", "*.seg"))
		if err != nil || n != 2400 || len(segments) < 300 {
			t.Errorf("%d events in %d segments, want 2400 in 300 and more (%v)", n, len(segments), err)
		}
		_, err = db.AppendBatch(ctx, events(24))
		must(t, err)
		whole(t, db, dir)
	})
}

// The largest event there may be fills more segments than there are descriptors.
func TestEventOverManySegments(t *testing.T) {
	under(t, 256, func(t *testing.T) {
		dir := room(t)
		db := open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 2})
		big := xaeroflux.Event{Type: "big", Payload: make([]byte, 16<<20-64)}
		for range 2 {
			_, err := db.AppendBatch(ctx, events(30))
			must(t, err)
			if db.Head().Size > 30 {
				break
			}
			_, err = db.Append(ctx, big)
			must(t, err)
		}
		r, err := db.Get(ctx, 30)
		if err != nil || len(r.Payload) != len(big.Payload) {
			t.Fatalf("%d bytes, %v", len(r.Payload), err)
		}
		whole(t, db, dir)
	})
}

// The first sync of many logs, each of which gets files.
func TestFirstSyncOfManyLogs(t *testing.T) {
	for limit, n := range map[int]int{256: scaled(150), 512: 551} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			if testing.Short() && limit > 256 {
				t.Skip("the small one does")
			}
			under(t, limit, func(t *testing.T) {
				dirs := [2]string{room(t), room(t)}
				a, b := open(t, dirs[0], nil), open(t, dirs[1], nil)
				from := topics(t, a, n)
				to := topics(t, b, n)
				for _, topic := range from {
					_, err := topic.AppendBatch(ctx, events(40))
					must(t, err)
				}
				addr, err := b.Listen(ctx, "127.0.0.1:0")
				must(t, err)
				_, err = a.Sync(ctx, addr.String())
				must(t, err)
				for i := range from {
					l, err := b.Log(from[i].Log().ID())
					must(t, err)
					if l.Size() != 40 || to[i].ID() != from[i].ID() {
						t.Fatalf("topic %d: %d events of 40 arrived", i, l.Size())
					}
				}
				whole(t, a, dirs[0])
				whole(t, b, dirs[1])
			})
		})
	}
}

// Without a descriptor for a moment, what was acknowledged is safe, what is
// appended is acknowledged, at the latest once there are some again, and the
// store goes on.
func TestOutOfDescriptorsForAMoment(t *testing.T) {
	under(t, 256, func(t *testing.T) {
		dir := room(t)
		db := open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 2, MaxOpenFiles: 16})
		_, err := db.AppendBatch(ctx, events(50))
		must(t, err)
		for round := range 3 {
			var taken []*os.File
			for {
				f, err := os.Open(os.DevNull)
				if err != nil {
					break
				}
				taken = append(taken, f)
			}
			done := make(chan error, 1)
			go func() {
				_, err := db.AppendBatch(ctx, events(200))
				done <- err
			}()
			await(t, "the append is done, or a stage waits for descriptors", func() bool {
				if len(done) > 0 {
					return true
				}
				for _, a := range db.Actors() {
					if a.LastError != "" && a.Restarts >= int64(round) {
						return true
					}
				}
				return false
			})
			for _, f := range taken {
				must(t, f.Close())
			}
			must(t, <-done)
			if err := db.ReadOnly(); err != nil {
				t.Fatalf("read-only: %v", err)
			}
		}
		if n := db.Head().Size; n != 650 {
			t.Errorf("%d events, want 650", n)
		}
		whole(t, db, dir)
	})
}
