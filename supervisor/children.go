// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
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

// children are the actors of a group that have not ended. The group's actor
// changes them, everybody reads them.
type children struct {
	mu     sync.RWMutex
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
