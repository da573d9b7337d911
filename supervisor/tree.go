// SPDX-License-Identifier: MPL-2.0

// Package supervisor keeps actors alive: a root actor with groups of children
// below it, restarted one for one with a growing pause and a budget, and a
// registry of what each is doing. What a failure means is decided by the
// error's value in one place, decide.go. It knows nothing of storage.
//
//	root
//	 ├─ storage   aof, segment, trees, mmr
//	 ├─ network   listener, dialer, one session for each peer
//	 └─ user      the application's actors
//
// A child that fails is restarted alone. When its budget is spent, its whole
// group is restarted once; when that does not help, or the failure cannot be
// retried, the group is stopped and OnDegraded is called.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// ErrStopped is returned for actors of a tree that is stopped.
var ErrStopped = errors.New("supervisor: stopped")

// A Spec is a child that its group spawns whenever the group starts.
type Spec struct {
	Name  string
	Props *actor.Props
}

// A GroupSpec is a group of actors under one policy.
type GroupSpec struct {
	Name     string
	Children []Spec // in the order in which they are stopped
	Policy   Policy
}

// A Config describes a tree.
type Config struct {
	Groups     []GroupSpec // in the order in which they are stopped
	Registry   *Registry   // default: a new one
	OnDegraded func(group string, reason any)
}

// A Tree is a running tree of actors.
type Tree struct {
	system   *actor.ActorSystem
	registry *Registry
	degraded func(group string, reason any)
	root     *actor.PID
	order    []*Group
	groups   map[string]*Group
}

var trees atomic.Uint64 // names must differ where trees share a system

// Start spawns the tree and returns when every child was spawned.
func Start(system *actor.ActorSystem, c Config) (*Tree, error) {
	t := &Tree{system: system, registry: c.Registry, degraded: c.OnDegraded, groups: map[string]*Group{}}
	if t.registry == nil {
		t.registry = NewRegistry()
	}
	for _, spec := range c.Groups {
		g := newGroup(t, spec)
		t.order = append(t.order, g)
		t.groups[spec.Name] = g
	}
	// The guardian's own strategy only ever sees a failure of the root actor,
	// which does nothing that can fail.
	root := actor.PropsFromProducer(func() actor.Actor { return &rootActor{t} })
	var err error
	if t.root, err = system.Root.SpawnNamed(root, fmt.Sprintf("xaeroflux-%d", trees.Add(1))); err != nil {
		return nil, fmt.Errorf("supervisor: %w", err)
	}
	for _, g := range t.order {
		if err := <-g.started; err != nil {
			return nil, errors.Join(fmt.Errorf("supervisor: group %s: %w", g.spec.Name, err), t.Close(context.Background()))
		}
	}
	return t, nil
}

// Group returns a group by name; it must be one of the tree's.
func (t *Tree) Group(name string) *Group { return t.groups[name] }

// Registry returns the tree's registry.
func (t *Tree) Registry() *Registry { return t.registry }

// StopGroup stops a group's children one after another, in order, each after
// it handled what is in its mailbox.
func (t *Tree) StopGroup(ctx context.Context, name string) error { return t.groups[name].stop(ctx) }

// Close stops all groups in order and then the root. Calling it again does no
// harm.
func (t *Tree) Close(ctx context.Context) error {
	var errs []error
	for _, g := range t.order {
		errs = append(errs, g.stop(ctx))
	}
	errs = append(errs, await(ctx, t.system.Root.StopFuture(t.root)))
	return errors.Join(errs...)
}

// await waits for a future, or until ctx ends.
func await(ctx context.Context, f *actor.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Wait() }() // ends by itself: these futures time out after 10 s
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rootActor only holds the groups.
type rootActor struct{ t *Tree }

// Receive implements actor.Actor.
func (r *rootActor) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); !ok {
		return
	}
	for _, g := range r.t.order {
		pid, err := ctx.SpawnNamed(g.props(), g.spec.Name)
		if err != nil {
			g.startedOnce(err)
			continue
		}
		g.pid.Store(pid)
	}
}

// names maps PIDs of children to their names.
type names struct {
	mu   sync.RWMutex
	pids map[string]*actor.PID
}

func (n *names) set(name string, pid *actor.PID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pids[name] = pid
}

func (n *names) get(name string) *actor.PID {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.pids[name]
}

func (n *names) remove(pid *actor.PID) (name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, p := range n.pids {
		if p.Equal(pid) {
			delete(n.pids, name)
			return name
		}
	}
	return ""
}
