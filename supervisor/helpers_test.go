// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"
)

// system is shared by the tests of this package: one process, one system.
var system *actor.ActorSystem

func TestMain(m *testing.M) {
	system = NewSystem(nil)
	code := m.Run()
	system.Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const patience = 10 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// A clock is the time of a Policy: pauses pass when the test says so.
type clock struct {
	mu     sync.Mutex // guards all below
	now    time.Time
	timers []*fakeTimer
	pauses []time.Duration // all that were asked for
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newClock() *clock { return &clock{now: time.Unix(1e9, 0)} }

func (c *clock) policy(p Policy) Policy {
	p.Now, p.AfterFunc = c.Now, c.AfterFunc
	if p.Rand == nil {
		p.Rand = func() float64 { return 0 }
	}
	return p
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{at: c.now.Add(d), f: f}
	c.timers, c.pauses = append(c.timers, t), append(c.pauses, d)
	return func() bool { return c.drop(t) }
}

func (c *clock) drop(t *fakeTimer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.timers, t)
	if i >= 0 {
		c.timers = slices.Delete(c.timers, i, i+1)
	}
	return i >= 0
}

func (c *clock) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// pass lets time pass and runs what is due.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*fakeTimer
	for _, t := range c.timers {
		if !t.at.After(c.now) {
			due = append(due, t)
		}
	}
	c.mu.Unlock()
	for _, t := range due {
		if c.drop(t) {
			t.f()
		}
	}
}

// A probe is an actor that does what it is sent, and counts its lives.
type probe struct {
	lives atomic.Int64                      // times Started was handled
	does  atomic.Int64                      // messages handled to the end
	hook  atomic.Pointer[func(message any)] // called first, for every message
}

func (p *probe) on(f func(message any)) { p.hook.Store(&f) }

func (p *probe) props() *actor.Props {
	return actor.PropsFromFunc(func(ctx actor.Context) {
		if f := p.hook.Load(); f != nil {
			(*f)(ctx.Message())
		}
		switch m := ctx.Message().(type) {
		case *actor.Started:
			p.lives.Add(1)
		case func():
			m()
			p.does.Add(1)
		case func(actor.Context):
			m(ctx)
			p.does.Add(1)
		}
	})
}

// A fixture is a tree with one group, "g", of probes.
type fixture struct {
	t        *testing.T
	tree     *Tree
	group    *Group
	clock    *clock
	probes   map[string]*probe
	mu       sync.Mutex // guards events and degraded
	events   []Event
	degraded []string
}

func start(t *testing.T, p Policy, names ...string) *fixture {
	t.Helper()
	x := &fixture{t: t, clock: newClock(), probes: map[string]*probe{}}
	spec := GroupSpec{Name: "g", Policy: x.clock.policy(p)}
	for _, n := range names {
		x.probes[n] = &probe{}
		spec.Children = append(spec.Children, Spec{Name: n, Props: x.probes[n].props()})
	}
	var err error
	x.tree, err = Start(system, Config{Groups: []GroupSpec{spec}, OnFailure: x.failed, OnDegraded: x.onDegraded})
	if err != nil {
		t.Fatal(err)
	}
	x.group = x.tree.Group("g")
	t.Cleanup(func() {
		if err := x.tree.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := x.clock.waiting(); n != 0 {
			t.Errorf("%d timers are left", n)
		}
	})
	for _, n := range names {
		x.phase(n, Running)
	}
	return x
}

func (x *fixture) failed(ev Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.events = append(x.events, ev)
}

func (x *fixture) onDegraded(group string, reason any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.degraded = append(x.degraded, fmt.Sprintf("%s: %v", group, reason))
}

func (x *fixture) failures() []Event {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.events)
}

func (x *fixture) degradations() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.degraded)
}

func (x *fixture) send(name string, m any) {
	x.t.Helper()
	pid := x.group.PID(name)
	if pid == nil {
		x.t.Fatalf("no actor %s", name)
	}
	system.Root.Send(pid, m)
}

// fail makes an actor panic with v and waits until that was seen.
func (x *fixture) fail(name string, v any) Event {
	x.t.Helper()
	n := len(x.failures())
	x.send(name, func() { panic(v) })
	eventually(x.t, name+" fails", func() bool { return len(x.failures()) > n })
	return x.failures()[n]
}

func (x *fixture) state(name string) State {
	x.t.Helper()
	for _, s := range x.tree.Registry().Snapshot() {
		if s.Name == "g/"+name {
			return s
		}
	}
	return State{Phase: -1}
}

func (x *fixture) phase(name string, want Phase) {
	x.t.Helper()
	eventually(x.t, fmt.Sprintf("%s is %v", name, want), func() bool { return x.state(name).Phase == want })
}

func (x *fixture) spawn(name string) *probe {
	x.t.Helper()
	p := &probe{}
	if _, err := x.group.Spawn(name, p.props()); err != nil {
		x.t.Fatal(err)
	}
	x.probes[name] = p
	return p
}
