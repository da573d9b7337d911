// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Bounds on how long stopping one actor takes. A context that ends earlier leaves
// a quarter of the time for the message in hand.
const (
	drainTime = 10 * time.Second // to handle what is in its mailbox
	stopTime  = time.Second      // to finish the message in hand, once it was told to stop at once
)

// Errors of groups.
var (
	// ErrStopped is returned for actors of a group that is stopped, degraded, or
	// just ending its children.
	ErrStopped = errors.New("the actors are stopped")
	// ErrName is returned for a name that is taken, cannot be one, or is unknown.
	ErrName = errors.New("not a name for an actor")
	// ErrStuck is returned for an actor that does not stop: it is still in the
	// handling of a message.
	ErrStuck = errors.New("an actor does not stop")
)

// A Group is an actor whose children share a policy.
type Group struct {
	tree     *Tree
	spec     GroupSpec
	strategy *strategy
	children children
	pid      atomic.Pointer[actor.PID]
	closed   atomic.Bool   // stopped or degraded: no more children
	gone     chan struct{} // closed when its actor ended
	started  chan error    // receives once, when the children were first spawned
	once     sync.Once
	stopping sync.Mutex // guards stopped; held while the group is stopped
	stopped  error      // what that came to last
}

func newGroup(t *Tree, spec GroupSpec) *Group {
	g := &Group{tree: t, spec: spec, started: make(chan error, 1), gone: make(chan struct{})}
	g.children.init()
	g.strategy = newStrategy(g, spec.Policy)
	return g
}

// PID returns a child's address, which stays the same over restarts, or nil
// if there is none of that name, or no more.
func (g *Group) PID(name string) *actor.PID {
	if c := g.children.get(name); c != nil {
		return c.pid
	}
	return nil
}

// Spawn adds a child under the group's policy. When that child's budget is
// spent, or it fails beyond retrying, it alone is stopped. Its mailbox is the
// unbounded one, whatever props say.
func (g *Group) Spawn(name string, props *actor.Props) (*Child, error) {
	m := &spawn{name: name, props: props, done: make(chan error, 1)}
	switch {
	case g.closed.Load():
		return nil, fmt.Errorf("%w: group %s", ErrStopped, g.spec.Name)
	case name == "" || strings.Contains(name, "/"):
		return nil, fmt.Errorf("%w: %q is empty or has a /", ErrName, name)
	case props == nil:
		return nil, fmt.Errorf("%s/%s has no props", g.spec.Name, name)
	}
	g.tree.system.Root.Send(g.pid.Load(), m)
	select {
	case err := <-m.done:
		if err != nil {
			return nil, err
		}
		return &Child{g, m.child}, nil
	case <-g.gone:
		return nil, fmt.Errorf("%w: group %s", ErrStopped, g.spec.Name)
	}
}

// Stop stops one child after it handled what is in its mailbox, and waits. A
// child that waits for its restart is stopped at once. When ctx ends, or after
// ten seconds, what is left in the mailbox is dropped, and the error says so.
// An actor must not stop itself this way, for it would wait for itself.
func (g *Group) Stop(ctx context.Context, name string) error {
	c := g.children.get(name)
	if c == nil {
		return nil
	}
	return g.stopChild(ctx, c)
}

func (g *Group) stopChild(ctx context.Context, c *child) error {
	g.end(c)
	return g.await(ctx, c.pid, c.gone)
}

// end asks c to stop.
func (g *Group) end(c *child) {
	if g.strategy.end(c) {
		g.tree.system.Root.Stop(c.pid)
	} else {
		g.tree.system.Root.Poison(c.pid)
	}
}

// await waits for an actor that was asked to stop, and makes it when it takes
// too long.
func (g *Group) await(ctx context.Context, pid *actor.PID, gone <-chan struct{}) error {
	drain, hand := drainTime, stopTime
	if end, ok := ctx.Deadline(); ok {
		left := max(0, time.Until(end))
		hand = min(hand, left/4)
		drain = min(drain, left-hand)
	}
	if wait(ctx, gone, drain) {
		return nil
	}
	g.tree.system.Root.Stop(pid)
	if wait(context.WithoutCancel(ctx), gone, hand) {
		return fmt.Errorf("actor %s stopped before its mailbox was empty: %w", pid.Id, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	}
	return fmt.Errorf("%w: %s: it is still in the handling of a message", ErrStuck, pid.Id)
}

// wait reports whether gone is closed within d, or before ctx ends.
func wait(ctx context.Context, gone <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-gone:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	select {
	case <-gone:
		return true
	default:
		return false
	}
}

// stop stops the group's children in order, then the ones that were spawned
// later, then the group itself. Calling it again does no harm, and waits for no
// actor that was stuck before and still is.
func (g *Group) stop(ctx context.Context) error {
	g.stopping.Lock()
	defer g.stopping.Unlock()
	if errors.Is(g.stopped, ErrStuck) && len(g.children.all()) > 0 {
		return g.stopped
	}
	g.stopped = g.stopAll(ctx)
	return g.stopped
}

func (g *Group) stopAll(ctx context.Context) error {
	if g.pid.Load() == nil {
		return nil // was never started
	}
	g.closed.Store(true)
	for _, c := range g.strategy.close() {
		g.tree.system.Root.Stop(c.pid)
	}
	var errs []error
	for _, spec := range g.spec.Children {
		errs = append(errs, g.Stop(ctx, spec.Name))
	}
	rest := g.children.all()
	for _, c := range rest {
		g.end(c)
	}
	for _, c := range rest {
		errs = append(errs, g.await(ctx, c.pid, c.gone))
	}
	if err := errors.Join(errs...); errors.Is(err, ErrStuck) {
		return err // the group's actor waits for its children: nothing is gained by waiting with it
	}
	g.tree.system.Root.Stop(g.pid.Load())
	return errors.Join(append(errs, g.await(ctx, g.pid.Load(), g.gone))...)
}
