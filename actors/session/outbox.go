// SPDX-License-Identifier: MPL-2.0

package session

import (
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// An outbox is what a session has to write to its control stream: messages,
// and pushes of events, of which only the range is kept until it is their
// turn. Messages go first. It is bounded by the backlog and by the number of logs.
type outbox struct {
	mu     sync.Mutex // guards all below
	some   *sync.Cond
	ctl    []messages.Message
	waits  syncer.Backlog // of ctl
	pushes [2][]*push     // of topics that agreed before, and of others: they take turns
	turn   int            // whose turn it is
	byLog  map[digest.Hash]*push
	taken  *push // that is being written, or nil
	marks  []mark
	closed bool
}

// A mark is a place behind some pushes that waited when it was made.
type mark struct {
	waits   map[*push]bool
	written chan struct{}
}

// A push is a range of events of one log for the peer.
type push struct {
	topic    uint32
	log      digest.Hash
	from, to uint64
	live     bool // what is new in a topic that agreed does not wait for all that others catch up with
}

func newOutbox() *outbox {
	o := &outbox{byLog: map[digest.Hash]*push{}}
	o.some = sync.NewCond(&o.mu)
	return o
}

// send queues a message, which the peer caused or not; false says that too many
// wait already.
func (o *outbox) send(m messages.Message, caused bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch o.waits.Add(m, caused) {
	case syncer.TooMany:
		return false
	case syncer.Drops:
		return true
	}
	if l, ok := m.(*messages.Leave); ok {
		o.dropPushes(l.Topic)
	}
	o.ctl = append(o.ctl, m)
	o.some.Signal()
	return true
}

// dropPushes drops the events that wait of a topic, because LEAVE goes out before
// them; mu is held.
func (o *outbox) dropPushes(topic uint32) {
	for _, queue := range o.pushes {
		for _, p := range queue {
			if p.topic == topic {
				delete(o.byLog, p.log)
				p.from, p.to = 0, 0
			}
		}
	}
}

// push queues events; a range that continues one which waits is joined to it.
func (o *outbox) push(p push) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := o.byLog[p.log]; w != nil && w.to >= p.from {
		w.from, w.to = min(w.from, p.from), max(w.to, p.to)
		return
	}
	o.byLog[p.log] = &p
	queue := 1
	if p.live {
		queue = 0
	}
	o.pushes[queue] = append(o.pushes[queue], &p)
	o.some.Signal()
}

// behind returns a channel that is closed once all pushes of some topics are written that
// wait now, or are being written.
func (o *outbox) behind(topics []uint32) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := mark{map[*push]bool{}, make(chan struct{})}
	for _, p := range slices.Concat(o.pushes[0], o.pushes[1], []*push{o.taken}) {
		if p != nil && slices.Contains(topics, p.topic) {
			m.waits[p] = true
		}
	}
	o.marks = append(o.marks, m)
	o.pass(nil)
	return m.written
}

// pass takes note that a push is written, and tells whoever waits for it; mu is held.
func (o *outbox) pass(p *push) {
	o.marks = slices.DeleteFunc(o.marks, func(m mark) bool {
		delete(m.waits, p)
		if len(m.waits) == 0 {
			close(m.written)
		}
		return len(m.waits) == 0
	})
}

// next waits for work: messages, or one push. ok is false when the outbox is
// closed and empty. What it returned before is written.
func (o *outbox) next() (ctl []messages.Message, p push, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pass(o.taken)
	o.taken = nil
	idle := func() bool { return len(o.pushes[0])+len(o.pushes[1]) == 0 }
	for len(o.ctl) == 0 && idle() && !o.closed {
		o.some.Wait()
	}
	if len(o.ctl) > 0 {
		ctl, o.ctl = o.ctl, nil
		o.waits.Sent()
		return ctl, push{}, true
	}
	if idle() || o.closed {
		return nil, push{}, false
	}
	if o.turn = 1 - o.turn; len(o.pushes[o.turn]) == 0 {
		o.turn = 1 - o.turn
	}
	queue := &o.pushes[o.turn]
	first := (*queue)[0]
	if *queue = (*queue)[1:]; o.byLog[first.log] == first {
		delete(o.byLog, first.log)
	}
	o.taken = first
	return nil, *first, true
}

// close lets next end after the messages that wait.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.some.Broadcast()
}
