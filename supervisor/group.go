// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// A Group is an actor whose children share a policy.
type Group struct {
	tree     *Tree
	spec     GroupSpec
	strategy *strategy
	pid      atomic.Pointer[actor.PID]
	children names
	started  chan error // receives once, when the children were first spawned
	once     sync.Once

	restarted bool        // the whole group was restarted once; in the group's actor only
	stopped   atomic.Bool // stop was called, or the group is degraded
}

func newGroup(t *Tree, spec GroupSpec) *Group {
	g := &Group{tree: t, spec: spec, started: make(chan error, 1)}
	g.children.pids = map[string]*actor.PID{}
	g.strategy = newStrategy(g, spec.Policy)
	return g
}

func (g *Group) startedOnce(err error) { g.once.Do(func() { g.started <- err }) }

func (g *Group) props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &groupActor{g} }, actor.WithSupervisor(g.strategy))
}

// PID returns a child's address, which stays the same over restarts, or nil.
func (g *Group) PID(name string) *actor.PID { return g.children.get(name) }

// nameOf returns "group/child" for a child's PID.
func (g *Group) nameOf(pid *actor.PID) string {
	id := pid.Id
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		id = id[i+1:]
	}
	return g.spec.Name + "/" + id
}

// spawn asks the group's actor for a further child.
type spawn struct {
	name  string
	props *actor.Props
	done  chan error
}

// Spawn adds a child under the group's policy. Its name must be free.
func (g *Group) Spawn(name string, props *actor.Props) (*actor.PID, error) {
	if g.stopped.Load() {
		return nil, ErrStopped
	}
	m := &spawn{name: name, props: props, done: make(chan error, 1)}
	g.tree.system.Root.Send(g.pid.Load(), m)
	if err := <-m.done; err != nil {
		return nil, err
	}
	return g.PID(name), nil
}

// Stop stops one child after it handled what is in its mailbox, and waits.
func (g *Group) Stop(ctx context.Context, name string) error {
	pid := g.PID(name)
	if pid == nil {
		return nil
	}
	return await(ctx, g.tree.system.Root.PoisonFuture(pid))
}

// stop stops the children in order, then the ones that were added, then the
// group itself.
func (g *Group) stop(ctx context.Context) error {
	if g.stopped.Swap(true) || g.pid.Load() == nil {
		return nil
	}
	g.strategy.close()
	var errs []error
	for _, c := range g.spec.Children {
		errs = append(errs, g.Stop(ctx, c.Name))
	}
	errs = append(errs, await(ctx, g.tree.system.Root.PoisonFuture(g.pid.Load())))
	return errors.Join(errs...)
}

// exhausted is called when a child's restarts are used up.
func (g *Group) exhausted(sup actor.Supervisor, _ *actor.PID, reason any) {
	if g.restarted {
		g.degrade(sup, reason)
		return
	}
	g.restarted = true
	g.strategy.forget()
	sup.RestartChildren(sup.Children()...)
}

// degrade stops the group's children for good.
func (g *Group) degrade(sup actor.Supervisor, reason any) {
	g.strategy.close()
	sup.StopChildren(sup.Children()...)
	if g.tree.degraded != nil {
		g.tree.degraded(g.spec.Name, reason)
	}
}

// groupActor spawns the children and keeps their names.
type groupActor struct{ g *Group }

// Receive implements actor.Actor.
func (a *groupActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		var errs []error
		for _, c := range a.g.spec.Children {
			errs = append(errs, a.spawn(ctx, c.Name, c.Props))
		}
		a.g.startedOnce(errors.Join(errs...))
	case *spawn:
		m.done <- a.spawn(ctx, m.name, m.props)
	case *actor.Terminated:
		if name := a.g.children.remove(m.Who); name != "" && !a.permanent(name) {
			a.g.tree.registry.remove(a.g.spec.Name + "/" + name)
		}
	}
}

func (a *groupActor) permanent(name string) bool {
	for _, c := range a.g.spec.Children {
		if c.Name == name {
			return true
		}
	}
	return false
}

func (a *groupActor) spawn(ctx actor.Context, name string, props *actor.Props) error {
	entry := a.g.tree.registry.Entry(a.g.spec.Name, name)
	watched := props.Clone(actor.WithReceiverMiddleware(watch(entry)))
	pid, err := ctx.SpawnNamed(watched, name)
	if err != nil {
		return err
	}
	a.g.children.set(name, pid)
	return nil
}

// watch keeps an actor's entry true.
func watch(e *Entry) actor.ReceiverMiddleware {
	return func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
			switch env.Message.(type) {
			case *actor.Started:
				next(ctx, env)
				e.phase(Running)
				return
			case *actor.Restarting:
				e.restarts.Add(1)
			case *actor.Stopped:
				e.phase(Stopped)
			case actor.SystemMessage, actor.AutoReceiveMessage:
			default:
				e.queued.Add(-1)
				e.handled.Add(1)
			}
			next(ctx, env)
		}
	}
}
