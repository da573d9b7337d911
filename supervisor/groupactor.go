// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// spawn asks the group's actor for a further child.
type spawn struct {
	name  string
	props *actor.Props
	child *child // the answer, to be read after done
	done  chan error
}

// groupActor spawns a group's children and keeps the list of them. Children
// are stopped when their parent restarts: it spawns them anew in Started.
type groupActor struct {
	g      *Group
	ending bool // it stops or restarts: its children were told to stop
}

func (g *Group) props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &groupActor{g: g} }, actor.WithSupervisor(g.strategy))
}

// Receive implements actor.Actor.
func (a *groupActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.g.pid.Store(ctx.Self())
		a.g.startedOnce(a.g.spawnAll(ctx))
	case *spawn:
		m.done <- a.spawn(ctx, m)
	case *actor.Stopping:
		a.g.closed.Store(true)
		a.ending = true
	case *actor.Restarting:
		a.ending = true
	case *actor.Terminated:
		a.g.ended(m.Who)
	case *actor.Stopped:
		close(a.g.gone)
	}
}

// spawn answers a request, of which there may be more until the last child
// ended. A child spawned while the others end would be told to stop by nobody,
// and the actor would wait for it for ever.
func (a *groupActor) spawn(ctx actor.Context, m *spawn) (err error) {
	if a.ending {
		return fmt.Errorf("%w: group %s", ErrStopped, a.g.spec.Name)
	}
	m.child, err = a.g.spawn(ctx, m.name, m.props, false)
	return err
}

func (g *Group) startedOnce(err error) { g.once.Do(func() { g.started <- err }) }

func (g *Group) spawnAll(ctx actor.Context) error {
	var errs []error
	for _, spec := range g.spec.Children {
		_, err := g.spawn(ctx, spec.Name, spec.Props, true)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// spawn spawns a child. The child may run and fail before this returns, but
// its failure is a message to the group's actor, which is here.
func (g *Group) spawn(ctx actor.Context, name string, props *actor.Props, permanent bool) (_ *child, err error) {
	defer func() {
		if r := recover(); r != nil { // of the props' producer, which runs in here the first time
			err = fmt.Errorf("spawn %s/%s: %w", g.spec.Name, name, failureOf(r))
		}
	}()
	if g.closed.Load() {
		return nil, fmt.Errorf("%w: group %s", ErrStopped, g.spec.Name)
	}
	if g.children.get(name) != nil {
		return nil, fmt.Errorf("%w: %s/%s is running", ErrName, g.spec.Name, name)
	}
	c := &child{name: name, permanent: permanent, gone: make(chan struct{}), entry: newEntry(g.spec.Name + "/" + name)}
	if permanent {
		c.entry = g.tree.registry.entry(c.entry.name) // the same over restarts of the group
	}
	props = watched(props, c)
	if g.spec.Foreign {
		props = props.Clone(actor.WithReceiverMiddleware(foreign))
	} else {
		props = props.Clone(actor.WithDispatcher(&g.tree.workers))
	}
	if c.pid, err = ctx.SpawnNamed(props, name); err != nil {
		return nil, fmt.Errorf("spawn %s/%s: %w", g.spec.Name, name, err)
	}
	c.entry.pid.Store(&c.pid.Id)
	g.tree.registry.put(c.entry)
	g.children.add(c)
	return c, nil
}

// ended takes a child off the list.
func (g *Group) ended(pid *actor.PID) {
	c := g.children.remove(pid)
	if c == nil {
		return
	}
	g.strategy.forget(c)
	if !c.permanent {
		g.tree.registry.retire(c.entry)
	}
	close(c.gone)
}

// degrade stops the group's children for good, because of one of them.
func (g *Group) degrade(sup actor.Supervisor, failed *child, reason error) {
	g.closed.Store(true)
	g.strategy.close()
	failed.entry.phase(Failed)
	for _, c := range g.children.all() {
		g.strategy.end(c)
		sup.StopChildren(c.pid)
	}
	g.tree.degrade(g.spec.Name, reason)
}
