// SPDX-License-Identifier: MPL-2.0

package session

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// maxOutbox bounds the control messages that wait for a peer who does not read,
// and that it caused; a session that passes it is ended. Messages of our own
// are bounded for each topic.
const (
	maxOutbox  = 8192
	maxOfTopic = 8192
)

// maxLists bounds the whole lists of logs among them, for each topic: a few bytes
// of a peer that does not read call for each.
const maxLists = 4

// maxProofs bounds the proofs among them, which are longer than other messages
// and asked for one by one.
const maxProofs = 1024

// maxWords bounds the PRESENCE among them: more are dropped, as nobody stores any.
const maxWords = 64

// An outbox is what a session has to write to its control stream: messages,
// and pushes of events, of which only the range is kept until it is their
// turn. Messages go first. It is bounded by the limit on messages and by the
// number of logs.
type outbox struct {
	mu     sync.Mutex // guards all below
	some   *sync.Cond
	ctl    []messages.Message
	caused int // messages in ctl that the peer caused,
	proofs int // proofs among them,
	words  int // PRESENCE in ctl,
	topics map[uint32]*waits
	pushes []push
	taken  int                 // pushes taken so far
	byLog  map[digest.Hash]int // number of a log's waiting push, counted from the first ever
	closed bool
}

// A waits is what waits of one topic.
type waits struct{ own, lists int }

// A push is a range of events of one log for the peer.
type push struct {
	topic    uint32
	log      digest.Hash
	from, to uint64
}

func newOutbox() *outbox {
	o := &outbox{byLog: map[digest.Hash]int{}, topics: map[uint32]*waits{}}
	o.some = sync.NewCond(&o.mu)
	return o
}

// send queues a message, which the peer caused or not; false says that too many
// wait already.
func (o *outbox) send(m messages.Message, caused bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if caused {
		if o.caused++; o.caused > maxOutbox {
			return false
		}
	}
	if topic, ok := messages.TopicOf(m); ok && !o.room(topic, m, caused) {
		return false
	}
	if m.Type() == messages.TypeProofResponse {
		if o.proofs++; o.proofs > maxProofs {
			return false
		}
	}
	if m.Type() == messages.TypePresence {
		if o.words++; o.words > maxWords {
			return true
		}
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
	for i := range o.pushes {
		if p := &o.pushes[i]; p.topic == topic {
			delete(o.byLog, p.log)
			p.from, p.to = 0, 0
		}
	}
}

// room counts a message among those of its topic; mu is held.
func (o *outbox) room(topic uint32, m messages.Message, caused bool) bool {
	w := o.topics[topic]
	if w == nil {
		w = new(waits)
		o.topics[topic] = w
	}
	if !caused {
		w.own++
	}
	if d, ok := m.(*messages.Diff); ok && !d.More && !d.Part {
		w.lists++
	}
	return w.own <= maxOfTopic && w.lists <= maxLists
}

// push queues events; a range that continues one which waits is joined to it.
func (o *outbox) push(p push) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, ok := o.byLog[p.log]; ok {
		if w := &o.pushes[i-o.taken]; w.to >= p.from {
			w.from, w.to = min(w.from, p.from), max(w.to, p.to)
			return
		}
	}
	o.byLog[p.log] = o.taken + len(o.pushes)
	o.pushes = append(o.pushes, p)
	o.some.Signal()
}

// next waits for work: messages, or one push. ok is false when the outbox is
// closed and empty.
func (o *outbox) next() (ctl []messages.Message, p push, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.ctl) == 0 && len(o.pushes) == 0 && !o.closed {
		o.some.Wait()
	}
	if len(o.ctl) > 0 {
		ctl, o.ctl, o.caused, o.proofs = o.ctl, nil, 0, 0
		o.words = 0
		clear(o.topics)
		return ctl, push{}, true
	}
	if len(o.pushes) == 0 || o.closed {
		return nil, push{}, false
	}
	p, o.pushes = o.pushes[0], o.pushes[1:]
	if o.byLog[p.log] == o.taken {
		delete(o.byLog, p.log)
	}
	o.taken++
	return nil, p, true
}

// close lets next end after the messages that wait.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.some.Broadcast()
}
