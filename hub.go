// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "sync"

// A hub wakes those who wait for events. It carries no events: whoever wakes
// reads from where it stopped, so that a slow reader holds up nobody and
// misses nothing.
type hub struct {
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	closed bool
}

type subscriber struct {
	hub  *hub
	wake chan struct{} // holds one; closed never
	done chan struct{} // closed with the hub
}

func newHub() *hub { return &hub{subs: map[*subscriber]struct{}{}} }

// subscribe returns a subscriber that is woken by every change from now on.
func (h *hub) subscribe() *subscriber {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &subscriber{hub: h, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if h.closed {
		close(s.done)
		return s
	}
	h.subs[s] = struct{}{}
	return s
}

func (s *subscriber) stop() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.subs, s)
}

func (h *hub) notify() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		select {
		case s.wake <- struct{}{}:
		default: // it is going to look anyway
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		close(s.done)
		delete(h.subs, s)
	}
}
