// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A Policy says how the children of a group are restarted. The zero Policy
// means the defaults.
type Policy struct {
	Base        time.Duration // pause before the first restart; default 10 ms
	Cap         time.Duration // longest pause; default 5 s
	Jitter      float64       // part of a pause that is random, 0 to 1; default 0.2
	Window      time.Duration // after so long without a failure, failures are forgotten; default 1 min
	MaxRestarts int           // failures in a row that are answered by a restart; default 10

	Rand      func() float64                                // 0 to 1; default: math/rand
	Now       func() time.Time                              // default: time.Now
	AfterFunc func(time.Duration, func()) (stop func() bool) // default: time.AfterFunc
}

func (p Policy) withDefaults() Policy {
	if p.Base == 0 {
		p.Base = 10 * time.Millisecond
	}
	if p.Cap == 0 {
		p.Cap = 5 * time.Second
	}
	if p.Jitter == 0 {
		p.Jitter = 0.2
	}
	if p.Window == 0 {
		p.Window = time.Minute
	}
	if p.MaxRestarts == 0 {
		p.MaxRestarts = 10
	}
	if p.Rand == nil {
		p.Rand = rand.Float64
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.AfterFunc == nil {
		p.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	return p
}

// Pause returns how long to wait before restart n, counted from 1: Base
// doubled n-1 times, at most Cap, less a random part of it.
func (p Policy) Pause(n int) time.Duration {
	d := p.Cap
	if n >= 1 && n <= 30 && p.Base<<(n-1) < p.Cap {
		d = p.Base << (n - 1)
	}
	return d - time.Duration(p.Jitter*p.Rand()*float64(d))
}

// strategy is a group's actor.SupervisorStrategy: one for one. protoactor
// calls it in the group's actor, one failure after another; the child's
// mailbox is held until it is restarted or stopped.
type strategy struct {
	group  *Group
	policy Policy

	mu      sync.Mutex
	failed  map[string]*failures // by PID
	pending map[*func() bool]struct{}
	closed  bool
}

type failures struct {
	count int
	last  time.Time
}

func newStrategy(g *Group, p Policy) *strategy {
	return &strategy{group: g, policy: p.withDefaults(), failed: map[string]*failures{}, pending: map[*func() bool]struct{}{}}
}

// HandleFailure implements actor.SupervisorStrategy.
func (s *strategy) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	entry := s.group.tree.registry.entry(s.group.nameOf(child))
	entry.failure(reason)
	switch Decide(reason) {
	case Stop:
		sup.StopChildren(child)
	case Degrade:
		s.group.degrade(sup, reason)
	case Restart:
		n := s.count(child)
		if n > s.policy.MaxRestarts {
			s.group.exhausted(sup, child, reason)
			return
		}
		entry.phase(BackingOff)
		s.later(s.policy.Pause(n), func() { sup.RestartChildren(child) })
	}
}

// count counts a failure and returns how many there were in a row.
func (s *strategy) count(child *actor.PID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[child.Id]
	now := s.policy.Now()
	if f == nil || now.Sub(f.last) > s.policy.Window {
		f = &failures{}
		s.failed[child.Id] = f
	}
	f.count, f.last = f.count+1, now
	return f.count
}

// forget begins to count anew.
func (s *strategy) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.failed)
}

// later calls f after a pause, unless the strategy is closed meanwhile.
func (s *strategy) later(d time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	var stop func() bool
	key := &stop
	s.pending[key] = struct{}{}
	stop = s.policy.AfterFunc(d, func() {
		s.mu.Lock()
		_, due := s.pending[key]
		delete(s.pending, key)
		s.mu.Unlock()
		if due {
			f()
		}
	})
}

// close stops all that was going to be restarted.
func (s *strategy) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for stop := range s.pending {
		(*stop)()
		delete(s.pending, stop)
	}
}
