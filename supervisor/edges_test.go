// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"
)

// pathError panics if its pointer is nil, as nearly all errors do.
type pathError struct{ path string }

func (e *pathError) Error() string { return e.path }

// classPanics cannot say its class.
type classPanics struct{}

func (classPanics) Error() string { return "fine so far" }
func (classPanics) Class() Class  { panic("no class") }

// Whatever an actor panics with, it alone is restarted: reading the reason
// must not make the group's actor panic.
func TestPanicsWithAnything(t *testing.T) {
	reasons := map[string]any{
		"nil pointer as error": (*pathError)(nil),
		"nil failure":          (*Failure)(nil),
		"empty failure":        &Failure{},
		"wrapped nil pointer":  &Failure{Err: (*pathError)(nil)},
		"class panics":         classPanics{},
		"wrapped class panics": fmt.Errorf("x: %w", classPanics{}),
		"nil":                  nil,
		"func":                 func() {},
		"slice":                []int{1},
		"struct":               struct{ a any }{map[string]int{}},
		"runtime error":        runtimeError(),
		"joined":               errors.Join(io.EOF, runtimeError()),
		"nil stringer":         (*strings.Builder)(nil),
	}
	x := start(t, Policy{MaxRestarts: maxCounted}, "a", "b")
	n := int64(0)
	for name, v := range reasons {
		ev := x.fail("a", v)
		if ev.Directive != Restart || ev.Class != Bug || ev.Reason.Error() == "" {
			t.Errorf("%s: %+v", name, ev)
		}
		x.phase("a", BackingOff)
		x.clock.pass(time.Hour)
		x.phase("a", Running)
		if n++; x.state("a").Restarts != n {
			t.Errorf("%s: %d restarts, want %d", name, x.state("a").Restarts, n)
		}
	}
	if s := x.state("b"); s.Restarts != 0 || x.probes["b"].lives.Load() != 1 {
		t.Errorf("b: %+v, %d lives", s, x.probes["b"].lives.Load())
	}
}

// The same of a producer, whose panic protoactor hands on as it is.
func TestProducerPanicsWithAnything(t *testing.T) {
	x := start(t, Policy{}, "b")
	lives := 0
	props := actor.PropsFromProducer(func() actor.Actor {
		if lives++; lives == 2 {
			panic((*pathError)(nil))
		}
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if f, ok := ctx.Message().(func()); ok {
				f()
			}
		})
	})
	if _, err := x.group.Spawn("a", props); err != nil {
		t.Fatal(err)
	}
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	x.clock.pass(time.Minute / 4)
	eventually(t, "the producer fails", func() bool { return len(x.failures()) == 2 })
	x.phase("a", BackingOff)
	x.clock.pass(time.Minute / 4)
	x.phase("a", Running)
	if s := x.state("b"); s.Restarts != 0 || x.probes["b"].lives.Load() != 1 {
		t.Errorf("b: %+v", s)
	}
}

// A child that waits for its restart is stopped at once, and its name is free.
func TestStopDuringBackOff(t *testing.T) {
	x := start(t, Policy{}, "a")
	x.spawn("s")
	x.send("s", func() { panic("boom") })
	x.send("s", func() { t.Error("it went on") })
	x.phase("s", BackingOff)
	began := time.Now()
	if err := x.group.Stop(t.Context(), "s"); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > drainTime/2 {
		t.Errorf("stopping took %v: it waited for a mailbox that is held", d)
	}
	if n := x.clock.waiting(); n != 0 || x.group.PID("s") != nil {
		t.Errorf("%d timers are left, address %v", n, x.group.PID("s"))
	}
	x.spawn("s")
	x.clock.pass(time.Hour)
	x.phase("s", Running)
	if lives := x.probes["s"].lives.Load(); lives != 1 {
		t.Errorf("the new actor lived %d times: the old one's restart reached it", lives)
	}
}

// When the group is restarted, the ones spawned later go on undisturbed.
func TestGroupRestartLeavesSpawnedChildren(t *testing.T) {
	const max = 2
	x := start(t, Policy{MaxRestarts: max, Cap: time.Second}, "a", "b")
	s := x.spawn("s")
	if ev := x.exhaust("a", max); ev.Directive != RestartGroup {
		t.Fatalf("%+v", ev)
	}
	eventually(t, "both are restarted", func() bool {
		return x.probes["a"].lives.Load() == max+2 && x.probes["b"].lives.Load() == 2
	})
	done := make(chan struct{})
	x.send("s", func() { close(done) })
	<-done
	if s.lives.Load() != 1 || x.state("s").Restarts != 0 {
		t.Errorf("s: %d lives, %+v", s.lives.Load(), x.state("s"))
	}
}

// All children find the same damage at the same time: the group degrades once.
func TestDegradedOnce(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	x := start(t, Policy{}, names...)
	var ready sync.WaitGroup
	ready.Add(len(names))
	for _, name := range names {
		x.send(name, func() {
			ready.Done()
			ready.Wait()
			Fail(corruptError{true})
		})
	}
	for _, name := range names {
		eventually(t, name+" ends", func() bool { return x.group.PID(name) == nil })
	}
	if d := x.degradations(); len(d) != 1 || d[0] != "g: bad bytes" {
		t.Errorf("degraded %q, want once", d)
	}
	if _, err := x.group.Spawn("late", (&probe{}).props()); !errors.Is(err, ErrStopped) {
		t.Errorf("spawn in a degraded group: %v", err)
	}
	failed := 0
	for _, name := range names {
		if s := x.state(name); s.Phase == Failed {
			failed++
		} else if s.Phase != Stopped {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if failed != 1 {
		t.Errorf("%d children are shown as the cause, want 1", failed)
	}
}

// Spawn does not wait for the answer of a group that is gone, and a group
// that ends or restarts is not kept by children spawned meanwhile: here one
// that does so behind the tree's back, as it waits for a child to end.
func TestSpawnInAGroupThatEnds(t *testing.T) {
	x := start(t, Policy{}, "a")
	hold := make(chan struct{})
	x.probes["a"].on(func(m any) {
		if _, ok := m.(*actor.Stopping); ok {
			<-hold
		}
	})
	spawn := func() error {
		_, err := x.group.Spawn("s", (&probe{}).props())
		return err
	}
	stop(t, x.group)
	if err := spawn(); !errors.Is(err, ErrStopped) {
		t.Errorf("while it ends: %v", err)
	}
	close(hold)
	gone(t, x.group)
	if err := spawn(); !errors.Is(err, ErrStopped) {
		t.Errorf("when it is gone: %v", err)
	}
	// A caller that saw the group open just before it ended.
	x.group.closed.Store(false)
	if err := spawn(); !errors.Is(err, ErrStopped) {
		t.Errorf("with the request sent too late: %v", err)
	}
}

// stop tells the group's actor to stop and waits until it began to.
func stop(t *testing.T, g *Group) {
	t.Helper()
	system.Root.Stop(g.pid.Load())
	eventually(t, "the group ends", g.closed.Load)
}

func gone(t *testing.T, g *Group) {
	t.Helper()
	select {
	case <-g.gone:
	case <-time.After(patience):
		t.Fatal("the group waits for ever")
	}
}

// A group that restarts takes no child until its old ones ended, and then
// starts its own anew.
func TestSpawnInAGroupThatRestarts(t *testing.T) {
	x := start(t, Policy{}, "a")
	hold, ending := make(chan struct{}), make(chan struct{})
	var once sync.Once
	x.probes["a"].on(func(m any) {
		if _, ok := m.(*actor.Stopping); ok {
			once.Do(func() { close(ending) })
			<-hold
		}
	})
	self := x.group.pid.Load()
	process, _ := system.ProcessRegistry.Get(self)
	process.SendSystemMessage(self, &actor.Restart{})
	<-ending
	if _, err := x.group.Spawn("s", (&probe{}).props()); !errors.Is(err, ErrStopped) {
		t.Errorf("while it restarts: %v", err)
	}
	close(hold)
	eventually(t, "a is started anew", func() bool { return x.probes["a"].lives.Load() == 2 })
	x.spawn("s")
	x.phase("s", Running)
}

// The requests that a group finds in its mailbox as it is told to stop.
func TestSpawnRacesWithTheGroupsEnd(t *testing.T) {
	for range 20 {
		x := start(t, Policy{}, "a")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := x.group.Spawn(fmt.Sprint(i), (&probe{}).props()); err != nil && !errors.Is(err, ErrStopped) {
					t.Error(err)
				}
			})
		}
		system.Root.Stop(x.group.pid.Load())
		gone(t, x.group)
		wg.Wait()
	}
}

func TestManyClose(t *testing.T) {
	x := start(t, Policy{}, "a", "b")
	x.spawn("s")
	x.fail("b", "boom")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := x.tree.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUnknownGroup(t *testing.T) {
	x := start(t, Policy{}, "a")
	if err := x.tree.StopGroup(t.Context(), "none"); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	if g := x.tree.Group("none"); g != nil {
		t.Error(g)
	}
}

func actorCount() (n int) {
	for _, m := range system.ProcessRegistry.LocalPIDs.LocalPIDs {
		n += m.Count()
	}
	return n
}

// A tree that cannot be started is an error, and leaves nothing: TestMain
// looks for goroutines, this test for actors.
func TestStartRefusesNamesTwice(t *testing.T) {
	p := &probe{}
	child := Spec{Name: "a", Props: p.props()}
	for name, groups := range map[string][]GroupSpec{
		"child twice": {{Name: "g", Children: []Spec{child, child}}},
		"group twice": {{Name: "g", Children: []Spec{child}}, {Name: "g"}},
	} {
		before := actorCount()
		tree, err := Start(system, Config{Groups: groups})
		if err == nil || tree != nil {
			t.Errorf("%s: started", name)
			continue
		}
		if !strings.Contains(err.Error(), "group g") {
			t.Errorf("%s: %v does not say where", name, err)
		}
		if after := actorCount(); after != before {
			t.Errorf("%s: %d actors before, %d after", name, before, after)
		}
	}
}

// Spawning and stopping under one name, many times, by many: each spawned
// actor is stopped, and nobody waits for ever.
func TestSpawnStopChurn(t *testing.T) {
	x := start(t, Policy{}, "a")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				_, err := x.group.Spawn("s", (&probe{}).props())
				if err != nil && !errors.Is(err, ErrName) {
					t.Error(err)
				}
				if err := x.group.Stop(context.Background(), "s"); err != nil {
					t.Error(err)
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	names := []string{}
	for _, s := range x.tree.Registry().Snapshot() {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"g/a"}) {
		t.Errorf("registered: %v", names)
	}
}

func TestLongErrorsAreCutBetweenCharacters(t *testing.T) {
	for pad := range 4 {
		e := newEntry("g/a")
		e.failed(errors.New(strings.Repeat("x", pad)+strings.Repeat("€", maxErrorText)), time.Unix(1, 0))
		if s := e.state().LastError; !utf8.ValidString(s) || len(s) > maxErrorText+len("…") || len(s) < maxErrorText-3 {
			t.Errorf("%d bytes, valid %v", len(s), utf8.ValidString(s))
		}
	}
}
