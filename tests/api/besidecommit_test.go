// SPDX-License-Identifier: MPL-2.0

package api

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A log that is being loaded when something of it is committed is what was committed
// afterwards: its older row is not put back.
func TestLoadBesideACommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	topic, log := otherTopic(t, dir)
	stop := &stopper{reached: make(chan struct{}), release: make(chan struct{})}
	s, err := store.Open(dir, store.Options{FS: durable.NewFaulty(durable.OS, func(op durable.Op, name string) error {
		if strings.HasSuffix(name, filepath.Join(log.String(), "head")) { // read last, when the row was
			stop.wait()
		}
		return nil
	})})
	storetest.Must(t, err)
	defer s.Close()
	stop.arm()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Log(log); err != nil {
			t.Error(err)
		}
	})
	<-stop.reached
	c, committed := s.NewCommitter(), make(chan struct{})
	size := uint64(0)
	wg.Go(func() {
		defer close(committed)
		made, err := c.Commit(&store.Work{Appends: []*messages.Append{oneMore(t, log)}})
		if err != nil || made.Appends[0].Refused != nil {
			t.Error(err, made)
			return
		}
		size = made.Appends[0].Batch.End()
	})
	select {
	case <-committed: // it did not wait
	case <-time.After(300 * time.Millisecond):
	}
	close(stop.release)
	wg.Wait()
	l, err := s.Log(log)
	storetest.Must(t, err)
	if row := l.Row(); row.Size != size || size == 0 {
		t.Errorf("the row has %d events, %d are committed", row.Size, size)
	}
	if _, err := s.Summary(topic); err != nil {
		t.Error(err)
	}
}

// otherTopic makes a store with a topic beside its default one, and its log there.
func otherTopic(t *testing.T, dir string) (topic, log digest.Hash) {
	t.Helper()
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
	b := storetest.Open(t, dir, storetest.Small())
	storetest.MustAppend(t, b, 1, "event %d, so that its topic stays the default")
	other, err := b.Join(ctx, storetest.Invited(a))
	storetest.Must(t, err)
	for range 300 {
		_, err := other.Append(ctx, xaeroflux.Event{Payload: []byte("an event that fills pages of 4 KiB, which are sealed")})
		storetest.Must(t, err)
	}
	storetest.Must(t, b.Close())
	return digest.Hash(other.ID()), digest.Hash(other.Log().ID())
}

func oneMore(t *testing.T, log digest.Hash) *messages.Append {
	record, err := event.AppendRecord(nil, event.Event{Payload: []byte("one more")}, time.Now().Add(time.Hour).UnixMilli(), 0)
	storetest.Must(t, err)
	rec, _, err := event.DecodeRecord(record)
	storetest.Must(t, err)
	return &messages.Append{Log: log, Records: record, Leaves: []digest.Hash{rec.LeafHash()}}
}

// A stopper holds up the first who comes once it is armed.
type stopper struct {
	mu      sync.Mutex // guards armed
	armed   bool
	reached chan struct{}
	release chan struct{}
}

func (s *stopper) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = true
}

func (s *stopper) wait() {
	s.mu.Lock()
	first := s.armed
	s.armed = false
	s.mu.Unlock()
	if first {
		close(s.reached)
		<-s.release
	}
}
