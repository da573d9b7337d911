// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/transport"
)

// ways are all the ways in which something is made durable.
func (m *member) ways(t *testing.T) map[string]func(context.Context) error {
	p := m.n.Pipeline()
	do := func(x store.Change, err error) func(context.Context) error {
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) error { return p.Do(ctx, x) }
	}
	joined := identitytest.NewTopicOf(9, 4096)
	founding, err := m.st.NewFounding("n", store.Founding{Policy: identity.PolicyOpen, PageBytes: 4096}, epoch)
	following, err2 := m.st.NewFollowing(m.topic.ID, []digest.Hash{{1}}, false)
	return map[string]func(context.Context) error{
		"append": func(ctx context.Context) error {
			_, err := p.Append(ctx, m.topic.Log, pipeline.Entry{Event: event.Event{Payload: []byte("x")}}, epoch)
			return err
		},
		"join":   do(m.st.NewJoin(joined.Genesis, joined.Keys, ""), nil),
		"found":  do(founding, err),
		"follow": do(following, err2),
		"peers":  do(store.PeerRows{identity.PeerID{1}: {1}}, nil),
		"doubt":  do(&store.SetDoubt{Log: digest.Hash{1}}, nil),
		"cursor": func(ctx context.Context) error { return p.Put(ctx, aof.Cursors, []byte("name"), make([]byte, 8)) },
		"fetch": func(ctx context.Context) error {
			_, err := m.n.FetchRange(ctx, swarm.RangeFetch{Topic: m.topic, Author: [32]byte{1}})
			return err
		},
	}
}

// TestOneGate breaks a store in one way and then tries each: all are refused for
// that first reason, which is also what the store itself says, and nothing is
// committed any more.
func TestOneGate(t *testing.T) {
	names := []string{"append", "join", "found", "follow", "peers", "cursor"}
	for _, broken := range append(names, "page") {
		t.Run(broken, func(t *testing.T) {
			full := &refusing{err: syscall.ENOSPC, of: commits, from: 1 << 40}
			if broken == "page" {
				full.of = pageWrites
			}
			m := newMember(t, transport.NewMemory(transport.MemoryOptions{}), 1, full.disk)
			ways := m.ways(t)
			full.from = full.calls.Load()
			var err error
			if broken == "page" { // the append is stored, and the next one is refused
				for err == nil {
					err = m.append(10)
				}
			} else {
				err = ways[broken](t.Context())
			}
			if !errors.Is(err, pipeline.ErrReadOnly) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("on a full disk: %v", err)
			}
			if broken != "page" { // where a stage may be at it still
				full.err = syscall.EIO // which nobody hears of
			}
			why, after := m.n.Broken(), full.calls.Load()
			for name, way := range ways {
				if err := way(t.Context()); err == nil || err.Error() != why.Error() || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s: %v, want %v", name, err, why)
				}
			}
			if now := full.calls.Load(); now != after && broken != "page" {
				t.Errorf("%d more writes", now-after)
			}
			if err := m.st.Do(store.PeerRows{identity.PeerID{1}: {1}}); err == nil || err.Error() != why.Error() {
				t.Errorf("without the pipeline: %v", err)
			}
			for _, s := range m.n.Actors() {
				if stage := len(s.Name) > 8 && s.Name[:8] == "storage/"; stage && (s.Phase != supervisor.Halted || s.LastError != why.Error()) {
					t.Errorf("%s is %s: %s", s.Name, s.Phase, s.LastError)
				}
			}
		})
	}
}

// A store that became read-only before its actors ran takes nothing either.
func TestGateIsShutBeforeTheStart(t *testing.T) {
	full := &refusing{err: syscall.ENOSPC, of: commits, from: 1 << 40}
	dir := newMember(t, transport.NewMemory(transport.MemoryOptions{}), 1, full.disk)
	dir.close()
	full.from = full.calls.Load()
	st, err := store.Open(dir.st.Dir(), store.Options{Fault: func(op string) error { return full.disk(durable.Op(op), "") }})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Do(store.PeerRows{identity.PeerID{1}: {1}}); !errors.Is(err, store.ErrReadOnly) {
		t.Fatal(err)
	}
	m := startMember(t, transport.NewMemory(transport.MemoryOptions{}), st)
	if err := m.append(1); err == nil || err.Error() != st.ReadOnly().Error() {
		t.Errorf("%v, want %v", err, st.ReadOnly())
	}
}
