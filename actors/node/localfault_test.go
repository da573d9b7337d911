// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A disk answers each call on the files of a store, and each commit.
type disk func(op durable.Op, name string) error

// A member is a store with its actors, in the test's topic.
type member struct {
	t     *testing.T
	st    *store.Store
	topic *store.Topic
	n     *node.Node
}

func newMember(t *testing.T, net *transport.Memory, seed byte, d disk) *member {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 4, Seed: identity.Seed{seed}}); err != nil {
		t.Fatal(err)
	}
	o := store.Options{}
	if d != nil {
		o.FS = durable.NewFaulty(durable.OS, d)
		o.Fault = func(op string) error { return d(durable.Op(op), "data.mdb") }
	}
	st, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = st.Join(testTopic.Genesis, testTopic.Keys, ""); err != nil {
		t.Fatal(err)
	}
	return startMember(t, net, st)
}

// startMember starts the actors of a store that is in the test's topic.
func startMember(t *testing.T, net *transport.Memory, st *store.Store) *member {
	t.Helper()
	return startMemberWith(t, st, func(c *node.Config) { c.Carrier = net.Node(st.Device().PeerID()) })
}

// startMemberWith is startMember with more of the test's own.
func startMemberWith(t *testing.T, st *store.Store, with func(*node.Config)) *member {
	t.Helper()
	m := &member{t: t, st: st}
	var err error
	if m.topic, err = m.st.Topic(digest.Hash{}); err != nil {
		t.Fatal(err)
	}
	c := node.Config{System: system, Store: m.st, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return epoch }}
	with(&c)
	m.n, err = node.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return m
}

func (m *member) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m.n.Close(ctx)
	m.st.Close()
}

// append appends n events of a thousand bytes.
func (m *member) append(n int) error {
	events := make([]event.Event, n)
	for i := range events {
		events[i].Payload = make([]byte, 1000)
	}
	_, err := m.n.Pipeline().AppendBatch(m.t.Context(), m.topic.Log, pipeline.Plain(events...), pipeline.Conditions{}, epoch)
	return err
}

func (m *member) listen(host string) identity.Address {
	m.t.Helper()
	a, err := m.n.Mesh().Listen(m.t.Context(), host)
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

// eventually waits until what says nothing any more.
func eventually(t *testing.T, what func() string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		said := what()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(said)
		}
	}
}

// ends keeps why sessions of a node ended.
type ends struct {
	mu  sync.Mutex // guards why
	why []error
}

func (m *member) ends() *ends {
	e := &ends{}
	go m.n.Notices(m.t.Context(), func(ev notices.Event) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		if ev.Kind == notices.Disconnected {
			e.why = append(e.why, ev.Err)
		}
		return true
	})
	return e
}

func (e *ends) all() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.why)
}

// heard says whether the peer ended a session with a code.
func (e *ends) heard(code messages.Code) bool {
	return slices.ContainsFunc(e.all(), func(err error) bool {
		var p *syncer.PeerError
		return errors.As(err, &p) && p.Remote && p.Code == code
	})
}

// A refusing is what a disk refuses from some call on.
type refusing struct {
	err  error
	from int64 // calls that go through
	to   int64 // and those from here on; 0 is none
	of   func(op durable.Op, name string) bool

	calls atomic.Int64
}

func (r *refusing) disk(op durable.Op, name string) error {
	if !r.of(op, name) {
		return nil
	}
	if n := r.calls.Add(1) - 1; n < r.from || r.to > 0 && n >= r.to {
		return nil
	}
	return r.err
}

func pageWrites(op durable.Op, name string) bool {
	return op == durable.OpWrite && strings.HasSuffix(name, ".seg")
}
func commits(op durable.Op, _ string) bool { return op == "commit" }

// TestReceiverWithoutRoom fills the disk of a store while events of a peer come,
// in pages or in small. The peer is honest: it hears code 18, and the store says
// that its disk is full, wherever it is asked.
func TestReceiverWithoutRoom(t *testing.T) {
	for _, c := range []struct {
		name   string
		events int
		r      *refusing
	}{
		{"first page", 4000, &refusing{of: pageWrites}},
		{"second page", 4000, &refusing{of: pageWrites, from: 1}},
		{"later page", 4000, &refusing{of: pageWrites, from: 20}},
		{"events", 3, &refusing{of: commits, from: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := transport.NewMemory(transport.MemoryOptions{})
			a := newMember(t, net, 1, nil)
			if err := a.append(c.events); err != nil {
				t.Fatal(err)
			}
			heard, at := a.ends(), a.listen("a:0")
			c.r.err = &durable.ShortWrite{N: 7, Err: syscall.ENOSPC}
			b := newMember(t, net, 2, c.r.disk)
			_, err := b.n.Mesh().Sync(t.Context(), at)
			if !errors.Is(err, pipeline.ErrReadOnly) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("sync: %v", err)
			}
			if !errors.Is(b.n.Broken(), syscall.ENOSPC) {
				t.Errorf("the store is read-only because of %v", b.n.Broken())
			}
			eventually(t, func() string {
				if heard.heard(messages.CodeReadOnly) {
					return ""
				}
				return fmt.Sprintf("the peer did not hear code 18 but %v", heard.all())
			})
			if r := b.n.Mesh().Refusals(); len(r) > 0 {
				t.Errorf("the peer was refused %v", r)
			}
			if err := b.n.Mesh().KeepConnected(at); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() string {
				for _, p := range b.n.SyncStatus().Peers {
					if p.State == session.PeerPausing && strings.Contains(p.LastError, "no space left on") {
						if pause := time.Until(p.NextTry); pause > peerbook.HerePause {
							return fmt.Sprintf("a pause of %v", pause)
						}
						return ""
					}
				}
				return fmt.Sprintf("status: %+v", b.n.SyncStatus().Peers)
			})
		})
	}
}

// TestReceiverWithoutDescriptors runs out of descriptors for a while. That is no
// failure of a disk, and none of the peer: it all comes in the end.
func TestReceiverWithoutDescriptors(t *testing.T) {
	for _, op := range []durable.Op{durable.OpCreate, durable.OpMkdir} {
		t.Run(string(op), func(t *testing.T) {
			net := transport.NewMemory(transport.MemoryOptions{})
			a := newMember(t, net, 1, nil)
			if err := a.append(2000); err != nil {
				t.Fatal(err)
			}
			at := a.listen("a:0")
			r := refusing{err: syscall.EMFILE, to: 4, of: func(o durable.Op, name string) bool {
				return o == op && strings.Contains(name, a.topic.Log.String())
			}}
			b := newMember(t, net, 2, r.disk)
			if _, err := b.n.Mesh().Sync(t.Context(), at); err != nil {
				t.Errorf("sync: %v", err)
			}
			if r.calls.Load() <= r.to {
				t.Errorf("only %d calls", r.calls.Load())
			}
			if b.n.Broken() != nil || len(b.n.Mesh().Refusals()) > 0 {
				t.Errorf("read-only because of %v, and refused %v", b.n.Broken(), b.n.Mesh().Refusals())
			}
		})
	}
}

// TestOpenTakesUpLeftOvers opens a store in which a range waits for its place, so
// that a log advances before Open has returned. It is for the race detector.
func TestOpenTakesUpLeftOvers(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a := newMember(t, net, 1, nil)
	if err := a.append(300); err != nil {
		t.Fatal(err)
	}
	at := a.listen("a:0")
	left := atomic.Int64{}
	left.Store(1 << 40)
	b := newMember(t, net, 2, func(op durable.Op, _ string) error {
		if op == "commit" && left.Add(-1) < 0 {
			return syscall.ENOSPC
		}
		return nil
	})
	want := swarm.RangeFetch{Topic: b.topic, Log: digest.Hash(xaeroflux.LogID(a.topic.Log)), From: 1, Peers: []identity.Address{at}}
	if _, err := b.n.FetchRange(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	left.Store(1) // event 0 is committed, what follows it is not put behind it
	want.From, want.To = 0, 1
	if _, err := b.n.FetchRange(t.Context(), want); !errors.Is(err, pipeline.ErrReadOnly) {
		t.Fatal(err)
	}
	b.close()
	db, err := xaeroflux.Open(b.st.Dir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for rec, err := range db.Subscribe(t.Context(), xaeroflux.Query{Log: xaeroflux.LogID(a.topic.Log)}) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Seq == 299 {
			break
		}
	}
}
