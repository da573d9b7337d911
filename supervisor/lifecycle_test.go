// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A panic in the messages that begin or end a life undoes neither a stop nor
// a restart.
func TestPanicsAtTheEnds(t *testing.T) {
	panicOn := func(sample any) func(any) {
		return func(m any) {
			if reflect.TypeOf(m) == reflect.TypeOf(sample) {
				panic(fmt.Sprintf("in %T", m))
			}
		}
	}
	for _, m := range []any{&actor.Stopping{}, &actor.Stopped{}} {
		t.Run(fmt.Sprintf("%T", m), func(t *testing.T) {
			x := start(t, Policy{}, "a")
			x.spawn("s").on(panicOn(m))
			began := time.Now()
			if err := x.group.Stop(t.Context(), "s"); err != nil || time.Since(began) > patience {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			x.probes["a"].on(panicOn(m)) // for the fixture's Close
		})
	}
	t.Run("Restarting", func(t *testing.T) {
		x := start(t, Policy{}, "a")
		x.probes["a"].on(panicOn(&actor.Restarting{}))
		x.fail("a", "boom")
		x.phase("a", BackingOff)
		x.clock.pass(time.Minute)
		x.phase("a", Running)
		if s := x.state("a"); s.Restarts != 1 || s.LastError != "panic: in *actor.Restarting" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("Started", func(t *testing.T) {
		x := start(t, Policy{MaxRestarts: 3}, "a")
		x.probes["a"].on(panicOn(&actor.Started{}))
		x.fail("a", "boom")
		for n := 2; n <= 3; n++ {
			x.phase("a", BackingOff)
			x.clock.pass(time.Minute / 4)
			eventually(t, "failure of Started", func() bool { return len(x.failures()) == n })
		}
		x.probes["a"].on(func(any) {})
		x.phase("a", BackingOff)
		x.clock.pass(time.Minute / 4)
		x.phase("a", Running)
	})
}

func TestProducerPanics(t *testing.T) {
	fixed := &probe{}
	var broken atomic.Bool
	props := actor.PropsFromProducer(func() actor.Actor {
		if broken.Load() {
			panic("no actor today")
		}
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				fixed.lives.Add(1)
			}
			if f, ok := ctx.Message().(func()); ok {
				f()
			}
		})
	})
	broken.Store(true)
	_, err := Start(system, Config{Groups: []GroupSpec{{Name: "g", Children: []Spec{{"a", props}}}}})
	if err == nil || !strings.Contains(err.Error(), "g/a: panic: no actor today") {
		t.Errorf("start: %v", err)
	}
	x := start(t, Policy{}, "other")
	if pid, err := x.group.Spawn("a", props); err == nil || pid != nil {
		t.Errorf("spawn: %v, %v", pid, err)
	}
	broken.Store(false)
	if _, err := x.group.Spawn("a", props); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	x.clock.pass(time.Minute)
	eventually(t, "the producer fails", func() bool { return len(x.failures()) == 2 })
	broken.Store(false)
	x.phase("a", BackingOff)
	x.clock.pass(time.Minute)
	eventually(t, "it runs again", func() bool { return fixed.lives.Load() == 2 })
}

func TestCloseInTheMiddleOfBackOff(t *testing.T) {
	x := start(t, Policy{}, "a", "b", "c")
	x.spawn("s")
	for _, name := range []string{"a", "c", "s"} {
		x.send(name, func() { panic("boom") })
		x.send(name, func() { t.Error(name + " was restarted") })
		x.phase(name, BackingOff)
	}
	began := time.Now()
	if err := x.tree.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > drainTime/2 {
		t.Errorf("close took %v: it waited for actors whose mailbox is held", d)
	}
	if n := x.clock.waiting(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
	x.clock.pass(time.Hour)
	if s := x.state("a"); s.Phase != Stopped || s.Restarts != 0 {
		t.Errorf("a: %+v", s)
	}
}

// The same with the real clock, again and again, as goleak watches.
func TestCloseRacesWithRestarts(t *testing.T) {
	for range 30 {
		p := &probe{}
		spec := GroupSpec{Name: "g", Children: []Spec{{"a", p.props()}}, Policy: Policy{Base: time.Microsecond, Cap: 2 * time.Microsecond, MaxRestarts: maxCounted}}
		tree, err := Start(system, Config{Groups: []GroupSpec{spec}, OnFailure: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			system.Root.Send(tree.Group("g").PID("a"), func() { panic("boom") })
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := tree.Close(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

func TestStopDrains(t *testing.T) {
	x := start(t, Policy{}, "a", "b")
	const n = 1000
	for range n {
		x.send("a", func() {})
	}
	if err := x.group.Stop(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := x.probes["a"].does.Load(); got != n {
		t.Errorf("%d messages handled before the stop, want %d", got, n)
	}
	x.phase("a", Stopped)
	x.phase("b", Running)
	if x.group.PID("a") != nil {
		t.Error("a still has an address")
	}
	if err := x.group.Stop(t.Context(), "a"); err != nil {
		t.Errorf("again: %v", err)
	}
}

// Each failure while it drains ends the actor: it is not brought back to go on.
func TestStopOfAnActorThatFails(t *testing.T) {
	x := start(t, Policy{}, "a")
	s := x.spawn("s")
	hold := make(chan struct{})
	x.send("s", func() { <-hold; panic("boom") })
	x.send("s", func() { t.Error("it went on") })
	stopped := make(chan error, 1)
	go func() { stopped <- x.group.Stop(context.Background(), "s") }()
	eventually(t, "stop was asked for", func() bool {
		c := x.group.children.get("s")
		return c != nil && c.ending.Load()
	})
	close(hold)
	if err := <-stopped; err != nil || s.lives.Load() != 1 || x.clock.waiting() != 0 {
		t.Errorf("%v, %d lives, %d timers", err, s.lives.Load(), x.clock.waiting())
	}
}

func TestStopGivesUpOnTheMailbox(t *testing.T) {
	x := start(t, Policy{}, "a")
	hold := make(chan struct{})
	x.send("a", func() { <-hold })
	x.send("a", func() { t.Error("handled after the deadline") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	time.AfterFunc(stopTime/10, func() { close(hold) })
	err := x.group.Stop(ctx, "a")
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "/g/a") {
		t.Error(err)
	}
}

func TestStuckActor(t *testing.T) {
	x := start(t, Policy{}, "a", "b")
	hold := make(chan struct{})
	x.send("a", func() { <-hold })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := x.tree.Close(ctx)
	if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "/g/a") {
		t.Errorf("%v, want the stuck actor's name", err)
	}
	x.phase("b", Stopped)
	close(hold)
	x.phase("a", Stopped)
	eventually(t, "they are gone", func() bool { return len(x.group.children.all()) == 0 }) // a moment later; the fixture closes again and finds nothing wrong
}

// Groups, and children within a group, stop in the order they are given in.
func TestStopOrder(t *testing.T) {
	var mu sync.Mutex // guards order
	var order []string
	child := func(name string) Spec {
		return Spec{Name: name, Props: actor.PropsFromFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Stopped); ok {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
			}
		})}
	}
	tree, err := Start(system, Config{Groups: []GroupSpec{
		{Name: "network", Children: []Spec{child("listener"), child("dialer")}},
		{Name: "user"},
		{Name: "storage", Children: []Spec{child("aof"), child("segment"), child("trees"), child("mmr")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []string{"user", "network"} {
		if _, err := tree.Group(g).Spawn(g+" extra", child(g+" extra").Props); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.StopGroup(t.Context(), "network"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := tree.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	want := []string{"listener", "dialer", "network extra", "user extra", "aof", "segment", "trees", "mmr"}
	if !reflect.DeepEqual(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestSpawn(t *testing.T) {
	x := start(t, Policy{}, "a")
	props := (&probe{}).props()
	for _, name := range []string{"", "x/y", "a"} {
		if _, err := x.group.Spawn(name, props); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := x.group.Spawn("x", nil); err == nil {
		t.Error("spawned without props")
	}
	x1, err := x.group.Spawn("x", props)
	if err != nil || x1.PID() != x.group.PID("x") {
		t.Fatal(x1, err)
	}
	if _, err := x.group.Spawn("x", props); !errors.Is(err, ErrName) {
		t.Errorf("twice: %v", err)
	}
	if err := x.group.Stop(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if x.state("x").Phase >= 0 {
		t.Error("an actor that came and went is still registered")
	}
	x.spawn("x")
	if err := x1.Stop(t.Context()); err != nil || x.group.PID("x") == nil {
		t.Errorf("the first x stops the second one: %v", err)
	}
	if err := x.tree.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := x.group.Spawn("y", props); !errors.Is(err, ErrStopped) {
		t.Errorf("after close: %v", err)
	}
}

// Spawning while the tree closes ends, one way or the other, and leaves nobody.
func TestSpawnRacesWithClose(t *testing.T) {
	for range 20 {
		var alive atomic.Int64
		props := actor.PropsFromFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				alive.Add(1)
			case *actor.Stopped:
				alive.Add(-1)
			}
		})
		tree, err := Start(system, Config{Groups: []GroupSpec{{Name: "g"}}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 10 {
					_, err := tree.Group("g").Spawn(fmt.Sprint(i, "-", j), props)
					if err != nil && !errors.Is(err, ErrStopped) {
						t.Error(err)
					}
				}
			})
		}
		if err := tree.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if n := alive.Load(); n != 0 {
			t.Errorf("%d actors are left", n)
		}
	}
}

// Two trees share a system.
func TestTwoTrees(t *testing.T) {
	x, y := start(t, Policy{}, "a"), start(t, Policy{}, "a")
	if x.group.PID("a").Id == y.group.PID("a").Id {
		t.Error("two trees share an actor")
	}
}
