// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A child that panics at every message is restarted alone, keeps its address
// and the messages behind the one that was lost.
func TestRestartsAlone(t *testing.T) {
	x := start(t, Policy{MaxRestarts: maxCounted}, "a", "b", "c")
	pid := x.group.PID("b")
	const n = 50
	for range n {
		x.send("b", func() { panic("boom") })
	}
	done := make(chan struct{})
	x.send("b", func() { close(done) })
	for i := 1; i <= n; i++ {
		eventually(t, "failure", func() bool { return len(x.failures()) == i && x.clock.waiting() == 1 })
		x.clock.pass(time.Minute)
	}
	<-done
	if x.group.PID("b") != pid {
		t.Error("its PID changed")
	}
	if s := x.state("b"); s.Restarts != n || s.Phase != Running || s.Handled != n+1 || s.LastError != "panic: boom" {
		t.Errorf("b: %+v", s)
	}
	if lives := x.probes["b"].lives.Load(); lives != n+1 {
		t.Errorf("b lived %d times, want %d", lives, n+1)
	}
	for _, name := range []string{"a", "c"} {
		if s := x.state(name); s.Restarts != 0 || x.probes[name].lives.Load() != 1 {
			t.Errorf("%s was restarted: %+v", name, s)
		}
	}
}

func TestBackOffGrowsIsCappedAndDecays(t *testing.T) {
	x := start(t, Policy{Base: 10 * time.Millisecond, Cap: 100 * time.Millisecond, Window: time.Minute, MaxRestarts: 20}, "a")
	fail := func() {
		x.fail("a", "boom")
		x.phase("a", BackingOff)
		x.clock.pass(time.Second)
		x.phase("a", Running)
	}
	for range 6 {
		fail()
	}
	x.clock.pass(57 * time.Second) // the first of the six are a minute old
	fail()
	x.clock.pass(time.Hour)
	fail()
	ms := time.Millisecond
	want := []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 100 * ms, 100 * ms, 40 * ms, 10 * ms}
	if !reflect.DeepEqual(x.clock.pauses, want) {
		t.Errorf("pauses %v, want %v", x.clock.pauses, want)
	}
}

// Anything the machine ran out of comes back: an actor waits for it as long as it
// takes, and what it failed of meanwhile costs nothing of its budget.
func TestExhaustionCostsNoBudget(t *testing.T) {
	x := start(t, Policy{Base: 10 * time.Millisecond, Cap: 20 * time.Millisecond, Window: time.Hour, MaxRestarts: 1}, "a", "b")
	for range 30 {
		x.send("a", func() { Fail(fmt.Errorf("open: %w", syscall.EMFILE)) })
		x.phase("a", BackingOff)
		x.clock.pass(time.Second)
		x.phase("a", Running)
	}
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	x.clock.pass(time.Second)
	x.phase("a", Running)
	for _, ev := range x.failures() {
		if ev.Directive != Restart {
			t.Errorf("%v: %s", ev.Reason, ev.Directive)
		}
	}
	if n := x.probes["b"].lives.Load(); n != 1 {
		t.Errorf("b lived %d times", n)
	}
}

func TestHalted(t *testing.T) {
	x := start(t, Policy{}, "a")
	x.phase("a", Running)
	e := x.tree.Registry().Entry("g", "a")
	e.Halt(errors.New("the store is read-only"))
	if s := x.state("a"); s.Phase != Halted || s.LastError != "the store is read-only" {
		t.Errorf("%+v", s)
	}
	e.phase(Stopped)
	e.Halt(errors.New("too late"))
	if s := x.state("a"); s.Phase != Stopped || s.LastError != "the store is read-only" {
		t.Errorf("%+v", s)
	}
}

func TestBackOffIsJittered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var seq []float64
	x := start(t, Policy{Base: time.Second, Jitter: 0.5, Rand: func() float64 {
		seq = append(seq, r.Float64())
		return seq[len(seq)-1]
	}}, "a")
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	want := time.Second - time.Duration(0.5*seq[0]*float64(time.Second))
	if got := x.clock.pauses[0]; got != want || got == time.Second {
		t.Errorf("pause %v, want %v", got, want)
	}
}

// exhaust makes an actor fail once more than its budget allows.
func (x *fixture) exhaust(name string, max int) Event {
	x.t.Helper()
	for range max {
		if ev := x.fail(name, "boom"); ev.Directive != Restart {
			x.t.Fatalf("%v before the budget was spent", ev.Directive)
		}
		x.phase(name, BackingOff)
		x.clock.pass(time.Second)
		x.phase(name, Running)
	}
	return x.fail(name, "last straw")
}

func TestBudgetThenGroupThenDegraded(t *testing.T) {
	const max = 3
	x := start(t, Policy{MaxRestarts: max, Cap: time.Second}, "a", "b")
	if ev := x.exhaust("a", max); ev.Directive != RestartGroup || ev.Failures != max+1 {
		t.Fatalf("budget spent: %+v", ev)
	}
	eventually(t, "both are restarted", func() bool {
		return x.probes["a"].lives.Load() == max+2 && x.probes["b"].lives.Load() == 2
	})
	x.phase("a", Running)
	if d := x.degradations(); d != nil {
		t.Fatalf("degraded too early: %v", d)
	}
	if ev := x.exhaust("a", max); ev.Directive != Degrade {
		t.Fatalf("budget spent again: %+v", ev)
	}
	x.phase("a", Failed)
	x.phase("b", Stopped)
	eventually(t, "degraded", func() bool { return reflect.DeepEqual(x.degradations(), []string{"g: panic: last straw"}) })
	if s := x.state("a"); s.LastError != "panic: last straw" {
		t.Errorf("a: %+v", s)
	}
	eventually(t, "the addresses are gone", func() bool { return x.group.PID("a") == nil && x.group.PID("b") == nil })
	if _, err := x.group.Spawn("late", (&probe{}).props()); !errors.Is(err, ErrStopped) {
		t.Errorf("spawn in a degraded group: %v", err)
	}
}

// A group that was quiet for the window after its restart has another one.
func TestGroupRestartIsForgiven(t *testing.T) {
	x := start(t, Policy{MaxRestarts: 1, Cap: time.Second, Window: time.Minute}, "a")
	for range 3 {
		lives := x.probes["a"].lives.Load()
		if ev := x.exhaust("a", 1); ev.Directive != RestartGroup {
			t.Fatalf("%+v", ev)
		}
		eventually(t, "restart", func() bool { return x.probes["a"].lives.Load() == lives+2 })
		x.phase("a", Running)
		x.clock.pass(time.Hour)
	}
	if d := x.degradations(); d != nil {
		t.Errorf("degraded: %v", d)
	}
}

// The restart of the group takes in a child that waits for its own.
func TestGroupRestartReplacesPendingOnes(t *testing.T) {
	x := start(t, Policy{MaxRestarts: 1, Cap: time.Second}, "a", "b")
	x.fail("b", "boom")
	x.phase("b", BackingOff)
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	x.clock.mu.Lock() // b's time does not come
	x.clock.timers[0].at = x.clock.now.Add(time.Hour)
	x.clock.mu.Unlock()
	x.clock.pass(time.Second)
	x.phase("a", Running)
	if ev := x.fail("a", "last straw"); ev.Directive != RestartGroup {
		t.Fatalf("%+v", ev)
	}
	x.phase("b", Running)
	x.phase("a", Running)
	if n := x.clock.waiting(); n != 0 {
		t.Errorf("%d restarts still wait", n)
	}
	x.clock.pass(2 * time.Hour)
	if s := x.state("b"); s.Restarts != 1 {
		t.Errorf("b: %+v", s)
	}
}

func TestErrorValueDecides(t *testing.T) {
	t.Run("corruption degrades at once", func(t *testing.T) {
		x := start(t, Policy{}, "a", "b")
		x.send("a", func() { Fail(corruptError{true}) })
		x.phase("a", Failed)
		x.phase("b", Stopped)
		if x.clock.waiting() != 0 || x.state("a").Restarts != 0 {
			t.Error("corruption was retried")
		}
	})
	t.Run("cancellation stops", func(t *testing.T) {
		x := start(t, Policy{}, "a", "b")
		if ev := x.fail("a", Classify(io.EOF, Canceled)); ev.Directive != Stop {
			t.Errorf("%+v", ev)
		}
		x.phase("a", Stopped)
		x.phase("b", Running)
	})
	t.Run("the reason is the failure", func(t *testing.T) {
		x := start(t, Policy{}, "a")
		ev := x.fail("a", &Failure{Err: io.EOF})
		var f *Failure
		if !errors.As(ev.Reason, &f) || !errors.Is(ev.Reason, io.EOF) || f.Stack != nil {
			t.Errorf("%+v", ev)
		}
	})
	t.Run("a bug shows where", func(t *testing.T) {
		x := start(t, Policy{}, "a")
		var p *int
		x.send("a", func() { *p = 1 })
		eventually(t, "failure", func() bool { return len(x.failures()) == 1 })
		var f *Failure
		if ev := x.failures()[0]; !errors.As(ev.Reason, &f) || ev.Class != Bug || !strings.Contains(string(f.Stack), "TestErrorValueDecides") {
			t.Errorf("%v: %s", ev.Reason, f.Stack)
		}
	})
}

// A child that was spawned later fails alone, whatever happens.
func TestSpawnedChildrenFailAlone(t *testing.T) {
	const max = 2
	x := start(t, Policy{MaxRestarts: max, Cap: time.Second}, "a")
	x.spawn("s1")
	x.spawn("s2")
	if ev := x.exhaust("s1", max); ev.Directive != Stop {
		t.Errorf("budget spent: %+v", ev)
	}
	x.phase("s1", Failed)
	if ev := x.fail("s2", corruptError{true}); ev.Directive != Stop {
		t.Errorf("corruption: %+v", ev)
	}
	x.phase("s2", Failed)
	if s := x.state("a"); s.Phase != Running || s.Restarts != 0 || x.degradations() != nil {
		t.Errorf("a: %+v, degraded %v", s, x.degradations())
	}
	eventually(t, "the name is free", func() bool { return x.group.PID("s1") == nil })
	x.spawn("s1")
	x.phase("s1", Running)
	if s := x.state("s1"); s.LastError != "" || s.Restarts != 0 {
		t.Errorf("a new actor has the old one's state: %+v", s)
	}
}

// An actor that fails again while it waits, in a message of its own children,
// is restarted once.
func TestFailureWhileWaiting(t *testing.T) {
	x := start(t, Policy{}, "a")
	var grandchild atomic.Pointer[actor.PID]
	x.send("a", func(ctx actor.Context) {
		grandchild.Store(ctx.Spawn(actor.PropsFromFunc(func(actor.Context) {})))
	})
	eventually(t, "grandchild", func() bool { return grandchild.Load() != nil })
	x.probes["a"].on(func(m any) {
		if _, ok := m.(*actor.Terminated); ok && x.state("a").Restarts == 0 {
			panic("my child is gone")
		}
	})
	x.fail("a", "boom")
	x.phase("a", BackingOff)
	system.Root.Stop(grandchild.Load())
	eventually(t, "second failure", func() bool { return len(x.failures()) == 2 })
	if n := x.clock.waiting(); n != 1 {
		t.Errorf("%d restarts wait, want 1", n)
	}
	x.clock.pass(time.Minute)
	x.phase("a", Running)
	if s := x.state("a"); s.Restarts != 1 || x.probes["a"].lives.Load() != 2 {
		t.Errorf("%+v", s)
	}
}

func TestCallbacksThatPanic(t *testing.T) {
	a, b := &probe{}, &probe{}
	c := newClock()
	tree, err := Start(system, Config{
		Groups:     []GroupSpec{{Name: "g", Children: []Spec{{"a", a.props()}, {"b", b.props()}}, Policy: c.policy(Policy{})}},
		OnFailure:  func(Event) { panic("callback") },
		OnDegraded: func(string, any) { panic("callback") },
	})
	if err != nil {
		t.Fatal(err)
	}
	x := &fixture{t: t, tree: tree, group: tree.Group("g"), clock: c}
	x.send("a", func() { panic("boom") })
	x.phase("a", BackingOff)
	c.pass(time.Minute)
	x.phase("a", Running)
	if b.lives.Load() != 1 {
		t.Error("a panic of a callback restarted the group")
	}
	x.send("a", func() { Fail(corruptError{true}) })
	x.phase("b", Stopped)
	if err := tree.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
