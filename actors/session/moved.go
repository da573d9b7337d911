// SPDX-License-Identifier: MPL-2.0

package session

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A change is a log that has a new state, and how many events counted before.
type change struct {
	log    digest.Hash
	before uint64
}

// moved is what changed and a session does not know yet: each log once, however
// often it moved, and one message in the mailbox for all.
type moved struct {
	mu    sync.Mutex // guards all and known; held for moments
	all   []change   // before the first of its changes
	known map[digest.Hash]struct{}
}

// add reports whether the session is to be told that there is something.
func (m *moved) add(c change) (first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[c.log]; ok {
		return false
	}
	if m.known == nil {
		m.known = map[digest.Hash]struct{}{}
	}
	m.known[c.log] = struct{}{}
	m.all = append(m.all, c)
	return len(m.all) == 1
}

// take returns all and leaves none.
func (m *moved) take() (all []change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, m.all, m.known = m.all, nil, nil
	return all
}

// Advanced tells the session that a log has a new state here.
func (s *Session) Advanced(log digest.Hash, before uint64) {
	if s.moved.add(change{log, before}) {
		s.tell(&logsMoved{})
	}
}

// stepMoved feeds the core with what moved.
func (s *Session) stepMoved() {
	for _, c := range s.moved.take() {
		s.step(syncer.Advanced{Log: c.log, Before: c.before})
	}
}
