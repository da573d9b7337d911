// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// A child is one actor of a group, from its spawning to its end; a restart is
// no end.
type child struct {
	pid       *actor.PID // set before anybody but its group sees the child
	entry     *Entry
	name      string
	permanent bool          // one of the group's specs, not one spawned later
	ending    atomic.Bool   // it is being stopped: a failure no longer restarts it
	gone      chan struct{} // closed when it ended
}

// A Child is one actor of a group as Spawn returned it. It stays that one after its end,
// when another actor may have its name.
type Child struct {
	g *Group
	c *child
}

// PID returns the child's address, which stays the same over restarts.
func (c *Child) PID() *actor.PID { return c.c.pid }

// Entry returns the child's line in the registry.
func (c *Child) Entry() *Entry { return c.c.entry }

// Gone is closed once the child has ended for good and its name is free.
func (c *Child) Gone() <-chan struct{} { return c.c.gone }

// Stop stops the child as Group.Stop does, unless it has ended.
func (c *Child) Stop(ctx context.Context) error {
	select {
	case <-c.c.gone:
		return nil
	default:
		return c.g.stopChild(ctx, c.c)
	}
}

// children are the actors of a group that have not ended. The group's actor
// changes them, everybody reads them.
type children struct {
	mu     sync.RWMutex // guards both maps
	byName map[string]*child
	byID   map[string]*child
}

func (n *children) init() {
	n.byName, n.byID = map[string]*child{}, map[string]*child{}
}

func (n *children) add(c *child) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.byName[c.name], n.byID[c.pid.Id] = c, c
}

// remove returns the child that was removed, or nil.
func (n *children) remove(pid *actor.PID) *child {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.byID[pid.Id]
	if c != nil {
		delete(n.byID, pid.Id)
		delete(n.byName, c.name)
	}
	return c
}

func (n *children) get(name string) *child {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byName[name]
}

func (n *children) of(pid *actor.PID) *child {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byID[pid.Id]
}

func (n *children) all() []*child {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make([]*child, 0, len(n.byName))
	for _, c := range n.byName {
		all = append(all, c)
	}
	return all
}
