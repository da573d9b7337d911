// SPDX-License-Identifier: MPL-2.0

// Package notices hands what happens between a node and its peers to those who
// read it.
//
// Rule: nobody waits for a reader. Of one that is too slow the oldest events are
// dropped, and it is told how many.
//
// Start with Hub and Event.
package notices

import (
	"context"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Kind says what an Event is about.
type Kind string

// The kinds of Event.
const (
	Connected    Kind = "connected"    // a peer shares a topic with us
	Disconnected Kind = "disconnected" // its session ended
	Unreachable  Kind = "unreachable"  // it could not be dialed
	Unheard      Kind = "unheard"      // nobody reaches us at a place where we listen
	Listening    Kind = "listening"    // and now they do again
	Agreed       Kind = "agreed"       // both hold the same events of a topic
	Behind       Kind = "behind"       // and no longer do
	Stalled      Kind = "stalled"      // a session without progress is replaced
	Copied       Kind = "copied"       // a log of a copy of this store begins to come
	Twin         Kind = "twin"         // a peer says that another live copy of this store is connected to it
	PeerTwin     Kind = "peer twin"    // a peer is two live copies of one store
	Roster       Kind = "roster"       // something is wrong with the roster of a topic
	Lost         Kind = "lost"         // events that were not read in time
)

// maxNotices bounds the events that wait for one reader.
const maxNotices = 256

// An Event is something that happened between this node and a peer.
type Event struct {
	Time    time.Time
	Kind    Kind
	Peer    identity.PeerID
	Address string
	Topic   digest.Hash // of agreed, behind, copied and roster
	Log     digest.Hash // of copied, if Peer is zero, and of roster
	Err     error       // of disconnected, unreachable, unheard, stalled, twin, peer twin and roster
	Lost    int         // how many, of lost
}

// A Hub hands events on. Its zero value is ready.
type Hub struct {
	mu      sync.Mutex // guards readers, and what waits for each
	readers map[*reader]struct{}
}

type reader struct {
	waiting []Event
	lost    int
	some    chan struct{} // holds one
}

// Say hands an event to all readers.
func (h *Hub) Say(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) == 0 {
		return
	}
	e.Time = time.Now()
	for r := range h.readers {
		if len(r.waiting) == maxNotices {
			r.waiting = append(r.waiting[:0], r.waiting[1:]...)
			r.lost++
		}
		r.waiting = append(r.waiting, e)
		select {
		case r.some <- struct{}{}:
		default:
		}
	}
}

// take returns what waits.
func (h *Hub) take(r *reader) []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := r.waiting
	if r.lost > 0 {
		all = append([]Event{{Time: time.Now(), Kind: Lost, Lost: r.lost}}, all...)
	}
	r.waiting, r.lost = nil, 0
	return all
}

// Read yields events from now on, until ctx ends or yield wants no more.
func (h *Hub) Read(ctx context.Context, yield func(Event) bool) {
	r := &reader{some: make(chan struct{}, 1)}
	h.mu.Lock()
	if h.readers == nil {
		h.readers = map[*reader]struct{}{}
	}
	h.readers[r] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.readers, r)
		h.mu.Unlock()
	}()
	for {
		select {
		case <-r.some:
		case <-ctx.Done():
			return
		}
		for _, e := range h.take(r) {
			if !yield(e) {
				return
			}
		}
	}
}
