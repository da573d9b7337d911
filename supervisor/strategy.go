// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// An Event is a failure of an actor and what is done about it.
type Event struct {
	Name      string        // group/actor
	Reason    error         // a *Failure, unless it is protoactor's own
	Class     Class         // of Reason
	Directive Directive     // what is done
	Failures  int           // of this actor within the policy's window, this one counted
	Pause     time.Duration // before a Restart
}

// strategy is a group's actor.SupervisorStrategy: one for one. protoactor
// calls it in the group's actor, one failure after another. It holds the
// child's mailbox until the child is restarted or stopped, so every failure
// must come to one of the two in the end.
type strategy struct {
	group  *Group
	policy Policy

	// In the group's actor only.
	restarted   bool      // the group was restarted, and was not quiet since
	lastFailure time.Time // of a permanent child

	mu     sync.Mutex // guards the fields below, and that no restart is sent to a child that is ending
	counts map[*child]*tally
	timers map[*child]*timer
	closed bool
}

// A timer is a restart to come. It is known by its address: one that was
// cancelled too late finds another or none in its place.
type timer struct{ cancel func() bool }

func newStrategy(g *Group, p Policy) *strategy {
	return &strategy{group: g, policy: p.withDefaults(), counts: map[*child]*tally{}, timers: map[*child]*timer{}}
}

// HandleFailure implements actor.SupervisorStrategy.
func (s *strategy) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, pid *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	c := s.group.children.of(pid)
	if c == nil {
		sup.StopChildren(pid) // of no child of ours: protoactor's bookkeeping went ahead of ours
		return
	}
	ev := s.judge(c, reason)
	c.entry.failed(ev.Reason, s.policy.Now())
	s.group.tree.report(ev)
	switch ev.Directive {
	case Restart:
		s.restartLater(sup, c, ev.Pause)
	case Stop:
		s.stop(sup, c, ev)
	case RestartGroup:
		s.restartGroup(sup)
	case Degrade:
		s.group.degrade(sup, c, ev.Reason)
	}
}

// judge counts the failure and says what is to be done.
func (s *strategy) judge(c *child, reason any) Event {
	err := sound(reason)
	ev := Event{Name: c.entry.name, Reason: err, Class: ClassOf(err), Directive: Decide(err)}
	now := s.policy.Now()
	ev.Failures = s.count(c, ev.Class, now)
	if c.permanent && ev.Class.Costs() {
		if now.Sub(s.lastFailure) >= s.policy.Window {
			s.restarted = false
		}
		s.lastFailure = now
	}
	spent := ev.Class.Costs() && ev.Failures > s.policy.MaxRestarts && s.policy.MaxRestarts < maxCounted
	switch {
	case c.ending.Load():
		ev.Directive = Stop
	case ev.Directive == Restart && !spent:
		ev.Pause = s.policy.Pause(ev.Failures)
	case ev.Directive == Stop:
	case !c.permanent: // one that came and goes takes nobody with it
		ev.Directive = Stop
	case ev.Directive == Restart && !s.restarted:
		ev.Directive = RestartGroup
	default:
		ev.Directive = Degrade
	}
	return ev
}

// A tally is the failures of a child, those that cost nothing apart.
type tally struct{ costly, free failures }

func (s *strategy) count(c *child, class Class, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.counts[c]
	if t == nil {
		t = &tally{}
		s.counts[c] = t
	}
	if !class.Costs() {
		return t.free.add(now, s.policy.Window)
	}
	return t.costly.add(now, s.policy.Window)
}

// restartLater restarts c after a pause, or stops it at once if it is to
// be stopped anyway. The message is sent with s.mu held, so that none follows
// the stop of a child: a restart would take it back.
func (s *strategy) restartLater(sup actor.Supervisor, c *child, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || c.ending.Load():
		sup.StopChildren(c.pid)
	case s.timers[c] == nil: // else it failed again while it waits: a message of its own children
		t := &timer{}
		s.timers[c] = t
		t.cancel = s.policy.AfterFunc(pause, func() { s.due(sup, c, t) })
		c.entry.phase(BackingOff)
	}
}

func (s *strategy) due(sup actor.Supervisor, c *child, t *timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timers[c] != t {
		return
	}
	delete(s.timers, c)
	if !c.ending.Load() { // else it stopped itself meanwhile
		sup.RestartChildren(c.pid)
	}
}

func (s *strategy) stop(sup actor.Supervisor, c *child, ev Event) {
	if !c.ending.Load() && ev.Class != Canceled {
		c.entry.phase(Failed)
	}
	sup.StopChildren(c.pid)
}

// restartGroup restarts all permanent children at once, also those that wait.
func (s *strategy) restartGroup(sup actor.Supervisor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restarted = true
	clear(s.counts)
	for _, c := range s.group.children.all() {
		if !c.permanent || c.ending.Load() {
			continue
		}
		s.cancel(c)
		sup.RestartChildren(c.pid)
	}
}

// cancel drops the restart that c waits for and reports whether there was one.
func (s *strategy) cancel(c *child) bool {
	t := s.timers[c]
	if t == nil {
		return false
	}
	t.cancel()
	delete(s.timers, c)
	return true
}

// end marks that c is being stopped and reports whether its mailbox is held,
// so that a message in it will not be read.
func (s *strategy) end(c *child) (held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ending.Store(true)
	return s.cancel(c)
}

// forget drops what is known of a child that ended.
func (s *strategy) forget(c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel(c)
	delete(s.counts, c)
}

// close lets nothing be restarted any more and returns the children that
// waited for it: they are to be stopped.
func (s *strategy) close() (held []*child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.timers {
		s.cancel(c)
		held = append(held, c)
	}
	return held
}
