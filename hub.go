// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A hub tells those who wait for events which logs have more. It carries no
// events: whoever is told reads from where it stopped, so that a slow reader
// holds up nobody and misses nothing. An append costs as much as there are
// readers of its topic, and nothing for all others.
type hub struct {
	mu      sync.Mutex // guards readers and closed; held while turns are added
	readers map[digest.Hash]map[*turns]struct{}
	closed  bool
}

func newHub() *hub { return &hub{readers: map[digest.Hash]map[*turns]struct{}{}} }

// advanced is called when a log may hold more events than before.
func (h *hub) advanced(l *store.Log) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for t := range h.readers[l.ID] {
		t.add(LogID(l.ID))
	}
	if l.Kind != identity.KindData {
		return // nobody's but who names it
	}
	for t := range h.readers[l.Topic] {
		t.add(LogID(l.ID))
	}
}

// follow returns turns that are told of a log, or of all logs of a topic, from
// now on, until leave is called.
func (h *hub) follow(id digest.Hash) *turns {
	t := newTurns()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(t.closed)
		return t
	}
	if h.readers[id] == nil {
		h.readers[id] = map[*turns]struct{}{}
	}
	h.readers[id][t] = struct{}{}
	return t
}

func (h *hub) leave(id digest.Hash, t *turns) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(h.readers[id], t); len(h.readers[id]) == 0 {
		delete(h.readers, id)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, all := range h.readers {
		for t := range all {
			close(t.closed)
		}
	}
	clear(h.readers)
}

// turns is the logs that one reader has to read, each once, in the order in
// which they get their turn. A log that has more behind its turn is added again
// and waits for all others, so that a busy one slows itself.
type turns struct {
	mu     sync.Mutex // guards queue, queued and now
	queue  []LogID
	queued map[LogID]struct{}
	now    LogID         // whose turn it is, until next is called again
	wake   chan struct{} // holds one
	closed chan struct{} // closed with the hub
}

func newTurns() *turns {
	return &turns{queued: map[LogID]struct{}{}, wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

// add gives a log a turn behind those that wait, unless it waits already.
func (t *turns) add(log LogID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, waits := t.queued[log]; waits {
		return
	}
	t.queued[log] = struct{}{}
	t.queue = append(t.queue, log)
	select {
	case t.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// others reports whether a log waits for its turn.
func (t *turns) others() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue) > 0
}

// all returns the logs that wait for their turn, and the one that has it.
func (t *turns) all() []LogID {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.queue)
	if !t.now.IsZero() {
		all = append(all, t.now)
	}
	return all
}

// next returns the log whose turn it is, once there is one. The error is
// ErrClosed, or that of ctx.
func (t *turns) next(ctx context.Context) (LogID, error) {
	for {
		select {
		case <-t.closed:
			return LogID{}, ErrClosed
		case <-ctx.Done():
			return LogID{}, ctx.Err()
		default:
		}
		if log, ok := t.pop(); ok {
			return log, nil
		}
		select {
		case <-t.wake:
		case <-t.closed:
		case <-ctx.Done():
		}
	}
}

func (t *turns) pop() (log LogID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = LogID{}
	if len(t.queue) == 0 {
		return log, false
	}
	log = t.queue[0]
	t.now = log
	if t.queue = t.queue[1:]; len(t.queue) == 0 {
		t.queue = nil // what was read lies in front of it
	}
	delete(t.queued, log)
	return log, true
}
