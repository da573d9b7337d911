// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A commit that fails in the middle of a fetch makes the store read-only and the
// fetch fail, and what was committed before is held when it is opened again.
func TestFetchOnFullDisk(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	var left atomic.Int64
	left.Store(1 << 40)
	open := func(dir string, seed byte, fault func(string) error) (*store.Store, *store.Topic, *node.Node) {
		t.Helper()
		if !store.Exists(dir) {
			if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{seed}}); err != nil {
				t.Fatal(err)
			}
		}
		st, err := store.Open(dir, store.Options{Fault: fault})
		if err != nil {
			t.Fatal(err)
		}
		topic, err := st.Join(testTopic.Genesis, testTopic.Keys, "")
		if err != nil {
			t.Fatal(err)
		}
		n, err := node.Start(node.Config{
			System: system, Store: st, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return epoch }, Carrier: net.Node(st.Device().PeerID()),
		})
		if err != nil {
			t.Fatal(err)
		}
		return st, topic, n
	}
	a, topic, na := open(filepath.Join(t.TempDir(), "a"), 1, nil)
	defer a.Close()
	defer na.Close(t.Context())
	events := make([]event.Event, 3000)
	for i := range events {
		events[i].Payload = make([]byte, 1000)
	}
	if _, err := na.Pipeline().AppendBatch(t.Context(), topic.Log, pipeline.Plain(events...), pipeline.Conditions{}, epoch); err != nil {
		t.Fatal(err)
	}
	at, err := na.Mesh().Listen(t.Context(), "a:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "b")
	b, topicB, nb := open(dir, 2, func(op string) error {
		if op == "commit" && left.Add(-1) < 0 {
			return syscall.ENOSPC
		}
		return nil
	})
	want := swarm.RangeFetch{Topic: topicB, Log: topic.Log, From: 100, Newest: true, Peers: []identity.Address{at}}
	left.Store(5)
	for range 2 {
		if _, err := nb.FetchRange(t.Context(), want); !errors.Is(err, pipeline.ErrReadOnly) {
			t.Fatalf("with a full disk: %v", err)
		}
	}
	nb.Close(t.Context())
	b.Close()
	left.Store(1 << 40)
	b, topicB, nb = open(dir, 2, nil)
	defer b.Close()
	defer nb.Close(t.Context())
	l, err := b.Log(topic.Log)
	if err != nil {
		t.Fatal(err)
	}
	held := b.Held(l)
	if len(held) != 1 || held[0].End != 3000 || held[0].First <= 100 {
		t.Fatalf("held %v", held)
	}
	if report, err := b.Check(t.Context(), nil); err != nil || report.Found() > 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	want.Topic = topicB
	r, err := nb.FetchRange(t.Context(), want)
	if err != nil || r.Events != held[0].First-100 || len(r.Gaps) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
