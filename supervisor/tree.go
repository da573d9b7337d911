// SPDX-License-Identifier: MPL-2.0

// Package supervisor keeps actors alive: a root actor with groups of children
// below it, restarted one for one with a growing pause and a budget, and a
// registry of what each is doing. The meaning of a failure is decided by the
// error's value in one place, decide.go. It knows nothing of storage.
//
//	root
//	 ├─ storage   aof, segment, trees, mmr
//	 ├─ network   listener, dialer, one session for each peer
//	 └─ user      the application's actors
//
// A child that fails is restarted alone. When the budget of one of a group's
// own children is spent, all of those are restarted once; when that does not
// help, or the failure cannot be retried, the group is stopped and OnDegraded
// is called. A child that was spawned later is only ever stopped itself.
//
// Start with Start.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// A Spec is a child that its group spawns whenever the group starts.
type Spec struct {
	Name  string
	Props *actor.Props // the mailbox is the unbounded one, whatever they say
}

// A GroupSpec is a group of actors under one policy.
type GroupSpec struct {
	Name     string
	Children []Spec // in the order in which they are stopped
	Policy   Policy
	Foreign  bool // a program wrote the actors: one may end its goroutine, which is a failure then
}

// A Config describes a tree. The functions are called in the actor of the
// group concerned, where the next failure waits for them: they must not stop,
// spawn or close anything of the tree.
type Config struct {
	Groups     []GroupSpec                    // in the order in which they are stopped
	Registry   *Registry                      // default: a new one
	OnFailure  func(Event)                    // default: a line in the actor system's log
	OnDegraded func(group string, reason any) // a group was stopped for good
}

// A Tree is a running tree of actors.
type Tree struct {
	system   *actor.ActorSystem
	config   Config
	registry *Registry
	root     *actor.PID
	gone     chan struct{} // closed when the root actor ended
	order    []*Group
	groups   map[string]*Group
	workers  workers
}

var trees atomic.Uint64 // names must differ if trees share a system

// Start spawns the tree and returns when every child was spawned.
func Start(system *actor.ActorSystem, c Config) (*Tree, error) {
	t := &Tree{system: system, config: c, registry: c.Registry, groups: map[string]*Group{}, gone: make(chan struct{})}
	if t.registry == nil {
		t.registry = NewRegistry()
	}
	for _, spec := range c.Groups {
		g := newGroup(t, spec)
		t.order = append(t.order, g)
		t.groups[spec.Name] = g
	}
	if err := t.spawn(); err != nil {
		return nil, err
	}
	for _, g := range t.order {
		if err := <-g.started; err != nil {
			return nil, errors.Join(fmt.Errorf("actors: group %s: %w", g.spec.Name, err), t.Close(context.Background()))
		}
	}
	return t, nil
}

// spawn spawns the root actor. The guardian above it has no strategy of its
// own, so that a failure of the root actor, which does nothing that can fail,
// could at worst restart it: never Escalate there, it ends the process.
func (t *Tree) spawn() (err error) {
	props := actor.PropsFromProducer(func() actor.Actor { return &rootActor{t} })
	if t.root, err = t.system.Root.SpawnNamed(props, fmt.Sprintf("xaeroflux-%d", trees.Add(1))); err != nil {
		return fmt.Errorf("actors: %w", err)
	}
	return nil
}

// Group returns a group by name, or nil if the tree has no such group.
func (t *Tree) Group(name string) *Group { return t.groups[name] }

// Registry returns the tree's registry.
func (t *Tree) Registry() *Registry { return t.registry }

// StopGroup stops a group's children one after another, in order, each after
// it handled what is in its mailbox; see Group.Stop for how long that may take.
// The error is ErrName if the tree has no such group.
func (t *Tree) StopGroup(ctx context.Context, name string) error {
	g := t.groups[name]
	if g == nil {
		return fmt.Errorf("%w: no group %q", ErrName, name)
	}
	return g.stop(ctx)
}

// Close stops all groups in order and then the root. When it returns nil, no
// actor, timer or goroutine of the tree is left; otherwise the error is
// ErrStuck and names the actor that is still in the handling of a message, or
// says whose mailbox was not empty. Calling it again does no harm.
func (t *Tree) Close(ctx context.Context) error {
	var errs []error
	for _, g := range t.order {
		errs = append(errs, g.stop(ctx))
	}
	t.system.Root.Stop(t.root)
	defer t.workers.close()
	if err := errors.Join(errs...); errors.Is(err, ErrStuck) {
		return err
	}
	<-t.gone // it has no child left and handles no message
	return errors.Join(errs...)
}

// report tells of a failure.
func (t *Tree) report(ev Event) {
	if t.config.OnFailure != nil {
		t.guard("OnFailure", func() { t.config.OnFailure(ev) })
		return
	}
	attrs := []any{
		slog.String("actor", ev.Name), slog.String("error", ev.Reason.Error()), slog.String("class", ev.Class.String()),
		slog.String("then", ev.Directive.String()), slog.Int("failures", ev.Failures), slog.Duration("pause", ev.Pause),
	}
	var f *Failure
	if errors.As(ev.Reason, &f) && ev.Class == Bug && f.Stack != nil {
		attrs = append(attrs, slog.String("stack", string(f.Stack)))
	}
	t.system.Logger().Warn("actor failed", attrs...)
}

func (t *Tree) degrade(group string, reason error) {
	if t.config.OnDegraded != nil {
		t.guard("OnDegraded", func() { t.config.OnDegraded(group, reason) })
	}
}

// guard keeps a panic of a callback from the group's actor, which would be
// restarted with all its children.
func (t *Tree) guard(name string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			err := failureOf(r)
			t.system.Logger().Error("callback panicked", slog.String("callback", name), slog.String("error", err.Error()), slog.String("stack", string(err.Stack)))
		}
	}()
	f()
}

// rootActor only holds the groups.
type rootActor struct{ t *Tree }

// Receive implements actor.Actor.
func (r *rootActor) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		for _, g := range r.t.order {
			if _, err := ctx.SpawnNamed(g.props(), g.spec.Name); err != nil {
				g.startedOnce(err)
			}
		}
	case *actor.Stopped:
		close(r.t.gone)
	}
}
