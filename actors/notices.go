// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A SyncKind says what a SyncEvent is about.
type SyncKind string

// The kinds of SyncEvent.
const (
	SyncConnected    SyncKind = "connected"    // a peer shares a topic with us
	SyncDisconnected SyncKind = "disconnected" // its session ended
	SyncUnreachable  SyncKind = "unreachable"  // it could not be dialed
	SyncAgreed       SyncKind = "agreed"       // both hold the same events of a topic
	SyncBehind       SyncKind = "behind"       // and no longer do
	SyncStalled      SyncKind = "stalled"      // a session without progress is replaced
	SyncCopied       SyncKind = "copied"       // a log of a copy of this store begins to come
	SyncTwin         SyncKind = "twin"         // a peer says that another live copy of this store is connected to it
	SyncPeerTwin     SyncKind = "peer twin"    // a peer is two live copies of one store
	SyncLost         SyncKind = "lost"         // events that were not read in time
)

// maxNotices bounds the sync events that wait for one reader.
const maxNotices = 256

// A SyncEvent is something that happened between this node and a peer.
type SyncEvent struct {
	Time    time.Time       `json:"time"`
	Kind    SyncKind        `json:"kind"`
	Peer    identity.PeerID `json:"peer"`
	Address string          `json:"address,omitempty"`
	Topic   digest.Hash     `json:"topic"`          // of agreed, behind and copied
	Log     digest.Hash     `json:"log,omitzero"`   // of copied, where Peer is zero
	Err     error           `json:"-"`              // of disconnected, unreachable, stalled, twin and peer twin
	Lost    int             `json:"lost,omitempty"` // how many, of lost
}

// notices hands sync events to those who read them. It never waits: of a
// reader that is too slow the oldest are dropped, and it is told how many.
type notices struct {
	mu      sync.Mutex
	readers map[*noticeReader]struct{}
}

type noticeReader struct {
	waiting []SyncEvent
	lost    int
	some    chan struct{} // holds one
}

func (n *notices) say(e SyncEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.readers) == 0 {
		return
	}
	e.Time = time.Now()
	for r := range n.readers {
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

// Copied tells that there is a copy of this store.
func (n *Node) Copied(c store.Copy) {
	n.notices.say(SyncEvent{Kind: SyncCopied, Topic: c.Topic, Log: c.Log})
}

// take returns what waits.
func (n *notices) take(r *noticeReader) []SyncEvent {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := r.waiting
	if r.lost > 0 {
		all = append([]SyncEvent{{Time: time.Now(), Kind: SyncLost, Lost: r.lost}}, all...)
	}
	r.waiting, r.lost = nil, 0
	return all
}

// Notices yields sync events from now on, until ctx or the node ends.
func (n *Node) Notices(ctx context.Context, yield func(SyncEvent) bool) {
	r := &noticeReader{some: make(chan struct{}, 1)}
	n.notices.mu.Lock()
	if n.notices.readers == nil {
		n.notices.readers = map[*noticeReader]struct{}{}
	}
	n.notices.readers[r] = struct{}{}
	n.notices.mu.Unlock()
	defer func() {
		n.notices.mu.Lock()
		delete(n.notices.readers, r)
		n.notices.mu.Unlock()
	}()
	for {
		select {
		case <-r.some:
		case <-ctx.Done():
			return
		case <-n.ctx.Done():
			return
		}
		for _, e := range n.notices.take(r) {
			if !yield(e) {
				return
			}
		}
	}
}
