// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/transport"
)

var (
	system *actor.ActorSystem // shared: making one costs more than a test
	epoch  = time.UnixMilli(1_700_000_000_000)
)

func TestMain(m *testing.M) {
	system = supervisor.NewSystem(nil)
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// run is the undisturbed work: 10,000 events in batches, of sizes that fill
// pages unevenly, some of them over several pages.
const (
	runEvents = 10_000
	runBatch  = 100
)

func runInput(batch int) []event.Event {
	r := rand.New(rand.NewPCG(1, uint64(batch)))
	events := make([]event.Event, runBatch)
	for i := range events {
		n := r.IntN(200)
		if r.IntN(500) == 0 {
			n = 5000 + r.IntN(20000) // runs over several 4 KiB pages
		}
		p := make([]byte, n)
		for j := range p {
			p[j] = byte(r.Uint32())
		}
		events[i] = event.Event{Type: "t", Key: fmt.Appendf(nil, "k%d", i), Payload: p}
	}
	return events
}

type running struct {
	t   *testing.T
	dir string
	st  *store.Store
	n   *node.Node
	log digest.Hash
}

var testTopic = identitytest.NewTopicOf(2, 4096)

// startNode opens a store with small pages and segments; its seed and topic
// are fixed, so that every run makes the same log.
func startNode(t *testing.T, dir string, fault pipeline.Fault, policy supervisor.Policy) *running {
	t.Helper()
	return startOn(t, dir, store.Options{}, fault, policy)
}

// startOn is startNode with what else the store is opened with.
func startOn(t *testing.T, dir string, o store.Options, fault pipeline.Fault, policy supervisor.Policy) *running {
	t.Helper()
	if !store.Exists(dir) {
		if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}, Generation: identity.Generation{1}}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := st.Join(testTopic.Genesis, testTopic.Keys, "")
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(node.Config{
		System: system, Store: st, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return epoch },
		Carrier: transport.NewMemory(transport.MemoryOptions{}).Node(st.Device().PeerID()),
		Fault:   fault, Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &running{t: t, dir: dir, st: st, n: n, log: topic.Log}
}

func (x *running) append(batch int) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	at, err := x.n.Pipeline().AppendBatch(ctx, x.log, pipeline.Plain(runInput(batch)...), pipeline.Conditions{}, epoch)
	if err != nil {
		x.t.Fatalf("batch %d: %v", batch, err)
	}
	if at.Seq != uint64(batch*runBatch) {
		x.t.Fatalf("batch %d is at %d", batch, at.Seq)
	}
}

func (x *running) root() (uint64, digest.Hash) {
	l, err := x.st.Log(x.log)
	if err != nil {
		x.t.Fatal(err)
	}
	return l.State().Size, l.State().Root
}

// close stops the node, checks the whole store, and closes it.
func (x *running) close() {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := x.n.Close(ctx); err != nil {
		x.t.Errorf("close: %v", err)
	}
	report, err := x.st.Check(ctx, nil)
	if err != nil {
		x.t.Errorf("check: %v", err)
	}
	for _, f := range report.Findings {
		x.t.Errorf("check: %s: %s", f.Where, f.What)
	}
	if err := x.st.Close(); err != nil {
		x.t.Errorf("close store: %v", err)
	}
}

// files hashes every page, tree and mountain file.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, sub := range []string{"logs", "mmr"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			sums[rel] = fmt.Sprintf("%x", sha256.Sum256(b))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sums
}

type outcome struct {
	size  uint64
	root  digest.Hash
	files map[string]string
}

func runOnce(t *testing.T, fault pipeline.Fault, policy supervisor.Policy, before func()) (outcome, []supervisor.State) {
	t.Helper()
	x := startNode(t, filepath.Join(t.TempDir(), "s"), fault, policy)
	for b := range runEvents / runBatch {
		before()
		x.append(b)
		for end := time.Now().Add(20 * time.Second); !x.n.Pipeline().Idle() && time.Now().Before(end); { // the stages come to it later
			time.Sleep(100 * time.Microsecond)
		}
	}
	var o outcome
	o.size, o.root = x.root()
	states := x.n.Registry().Snapshot()
	x.close()
	o.files = files(t, x.dir)
	return o, states
}

func compare(t *testing.T, got, want outcome) {
	t.Helper()
	if got.size != want.size || got.root != want.root {
		t.Errorf("root %s at %d, want %s at %d", got.root, got.size, want.root, want.size)
	}
	if len(got.files) != len(want.files) {
		t.Errorf("%d files, want %d", len(got.files), len(want.files))
	}
	for name, sum := range want.files {
		if got.files[name] != sum {
			t.Errorf("%s differs", name)
		}
	}
}

// TestKillStageAtEveryMessage panics in one stage at each message it handles,
// at every point of the handling in turn, and wants the same bytes on disk as
// an undisturbed run leaves, with no other actor restarted.
func TestKillStageAtEveryMessage(t *testing.T) {
	want, _ := runOnce(t, nil, supervisor.Policy{}, func() {})
	if len(want.files) < 20 || want.size != runEvents {
		t.Fatalf("the undisturbed run left %d files and %d events", len(want.files), want.size)
	}
	quick := supervisor.Policy{Base: time.Microsecond, Cap: time.Microsecond, MaxRestarts: 1 << 30}
	for _, stage := range pipeline.Stages {
		for point, name := range []string{"start", "work", "end"} {
			t.Run(stage+"/"+name, func(t *testing.T) {
				var armed atomic.Bool
				var kills int
				fault := func(s string, p int) {
					if s == stage && p == point && armed.CompareAndSwap(true, false) {
						kills++
						panic(fmt.Sprintf("killed %s at %s", stage, name))
					}
				}
				got, states := runOnce(t, fault, quick, func() { armed.Store(true) })
				compare(t, got, want)
				// A message may be acknowledged before its end is reached, so that a
				// kill comes one message later now and then, on a busy machine often.
				if kills < runEvents/runBatch/2 {
					t.Errorf("only %d kills", kills)
				}
				for _, s := range states {
					if mine := s.Name == "storage/"+stage; mine != (s.Restarts > 0) {
						t.Errorf("%s was restarted %d times", s.Name, s.Restarts)
					}
				}
			})
		}
	}
}
