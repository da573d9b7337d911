// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// ofOneAuthor is a log of one full page and an open one.
func ofOneAuthor(t testing.TB, topic identitytest.Topic, n int) *messages.Append {
	t.Helper()
	seed := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("author"), uint64(n)))
	all := make([]event.Event, 5)
	for i := range all {
		all[i] = event.Event{Payload: make([]byte, 1000)}
	}
	key := ed25519.NewKeyFromSeed(seed[:])
	l, err := evilpeer.NewLog(topic.ID(), key, int(topic.Genesis.PageBytes), all...)
	must(t, err)
	return &messages.Append{
		Log:     l.ID,
		Create:  &messages.NewLog{LogName: identity.DataLog(topic.ID(), identity.PublicKey(key), topic.Genesis.PageBytes)},
		Records: bytes.Join(l.Records, nil), Leaves: l.Leaves,
		Remote: &messages.Proven{Head: l.Head, Root: l.Head.Root, Time: 1},
	}
}

// receive puts logs of n authors into a store that nothing else uses.
func receive(t testing.TB, dir string, topic identitytest.Topic, n int) {
	t.Helper()
	db := open(t, dir, nil)
	_, err := db.Join(ctx, topic.Invite())
	must(t, err)
	must(t, db.Close())
	s, err := store.Open(dir, store.Options{MapBytes: 64 << 20})
	must(t, err)
	c := s.NewCommitter()
	for i := 0; i < n; {
		w := &store.Work{}
		for ; i < n && len(w.Appends) < 500; i++ {
			w.Appends = append(w.Appends, ofOneAuthor(t, topic, i))
		}
		done, err := c.Commit(w)
		must(t, err)
		for _, a := range done.Appends {
			must(t, a.Refused)
		}
	}
	must(t, s.Close())
}

// The memory that a store keeps for logs does not grow with how many it holds.
func TestManyLogs(t *testing.T) {
	under(t, 256, func(t *testing.T) {
		n, topic := scaled(2000), identitytest.NewTopicOf(1, 4096)
		dirs := [2]string{room(t), room(t)}
		receive(t, dirs[0], topic, n)
		began := time.Now()
		lap := func(what string) {
			t.Logf("%d logs: %s: %v, heap of %d KiB", n, what, time.Since(began).Round(time.Millisecond), heapBytes()>>10)
			began = time.Now()
		}
		a, b := open(t, dirs[0], nil), open(t, dirs[1], nil)
		lap("opened, all in the AOF")
		to, err := b.Join(ctx, topic.Invite())
		must(t, err)
		_, err = b.Sync(ctx, listen(t, a))
		must(t, err)
		lap("synced, with the other store's heap")
		must(t, a.Close())
		a = nil // it is not this store's heap
		lap("synced, alone")
		must(t, b.Close())

		b = open(t, dirs[1], nil)
		lap("opened")
		opened := heapBytes()
		to, err = b.Topic(to.ID())
		must(t, err)
		for range 20 {
			_, err = to.AppendBatch(ctx, events(10))
			must(t, err)
		}
		lap("appended to")
		a = open(t, dirs[0], nil)
		_, err = b.Sync(ctx, listen(t, a))
		must(t, err)
		must(t, a.Close())
		a = nil
		lap("synced again")
		for what, heap := range map[string]uint64{"opened": opened, "synced": heapBytes()} {
			if heap > 64<<20 {
				t.Errorf("%s: a heap of %d bytes for %d logs", what, heap, n)
			}
		}
		whole(t, b, dirs[1])
		whole(t, open(t, dirs[0], nil), dirs[0])
	})
}

func listen(t testing.TB, db *xaeroflux.DB) string {
	t.Helper()
	addr, err := db.Listen(ctx, "127.0.0.1:0")
	must(t, err)
	return addr.String()
}

// heapBytes returns what the last of two collections found alive: the first runs
// the cleanups that let go of more.
func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}
